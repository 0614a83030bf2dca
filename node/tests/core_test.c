/* SPDX-License-Identifier: Apache-2.0 */
/* The core alone, a cluster of one: what happens to held output at the deadline (R4, R12, R17). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/iana.h"
#include "base/must.h"
#include "node/core_private.h"

#define MS_NS       1000000ull
#define DEADLINE_MS 2000u
#define QUEUE_MAX   64

static const char text[] =
	"hostname vpn\n"
	"interface eth0\n"
	" nameif outside\n"
	" ip address 192.0.2.1 255.255.255.0\n"
	"access-list A extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.0\n"
	"crypto ikev2 policy 10\n"
	" encryption aes-gcm-256\n"
	" integrity null\n"
	" group 19\n"
	" prf sha256\n"
	"crypto ikev2 enable outside\n"
	"crypto ipsec ikev2 ipsec-proposal P\n"
	" protocol esp encryption aes-gcm-256\n"
	" protocol esp integrity null\n"
	"crypto map M 10 match address A\n"
	"crypto map M 10 set peer 192.0.2.2\n"
	"crypto map M 10 set ikev2 ipsec-proposal P\n"
	"crypto map M interface outside\n"
	"tunnel-group 192.0.2.2 type ipsec-l2l\n"
	"tunnel-group 192.0.2.2 ipsec-attributes\n"
	" ikev2 local-authentication pre-shared-key ours\n"
	" ikev2 remote-authentication pre-shared-key theirs\n";

static struct node {
	struct config *config;
	struct esp_datapath *dp;
	struct hf_core *core;
	uint64_t now_ns;
	struct buf mcast[QUEUE_MAX]; /* sent, not delivered */
	size_t n_mcast;
	uint64_t term; /* to be written; 0: none */
	struct ike_job *job;
	struct buf first; /* datagram sent */
	enum cl_role role;
	bool stragglers; /* the last role leaves the address here for them */
	unsigned int sent;
	unsigned int relay_ends;
	bool silent;
	unsigned int silences;
	unsigned int roles; /* how often a role was said, also the same again */
} n;

static void op_send_ike(void *ctx, const struct inet_endpoint *local,
			const struct inet_endpoint *remote, bool udp_encap, struct bytes datagram)
{
	(void)ctx, (void)local, (void)remote, (void)udp_encap;
	if (!n.sent++)
		must(buf_set(&n.first, datagram));
}

static void op_mcast(void *ctx, struct bytes message)
{
	(void)ctx;
	must(n.n_mcast < QUEUE_MAX && buf_set(&n.mcast[n.n_mcast++], message));
}

static void op_snapshot_send(void *ctx, uint8_t slot, struct bytes message)
{
	(void)ctx, (void)slot, (void)message;
}

static void op_write_term(void *ctx, uint32_t group, uint64_t term, bool earlier_unknown)
{
	(void)ctx, (void)group, (void)earlier_unknown;
	n.term = term;
}

static void op_run_job(void *ctx, struct ike_job *job)
{
	(void)ctx;
	must(!n.job);
	ike_job_run(job);
	n.job = job;
}

static void op_role(void *ctx, const struct hf_role_change *change)
{
	(void)ctx;
	n.roles++;
	n.role = change->role;
	n.stragglers = change->handover;
}

static void op_relay_begin(void *ctx, uint32_t group, const struct inet_endpoint *mate)
{
	(void)ctx, (void)group, (void)mate;
}

static void op_relay_end(void *ctx, uint32_t group)
{
	(void)ctx, (void)group;
	n.relay_ends++;
}

static void op_silence(void *ctx, uint32_t group, bool silent)
{
	(void)ctx, (void)group;
	n.silent = silent;
	n.silences++;
}

static void op_protection(void *ctx, uint32_t group, bool is_protected)
{
	(void)ctx, (void)group, (void)is_protected;
}

static void op_log(void *ctx, const struct log_event *ev)
{
	(void)ctx, (void)ev;
}

static void op_done(void *ctx, bool ok)
{
	(void)ctx, (void)ok;
}

static void op_command_done(void *ctx, bool ok, const char *why)
{
	(void)ctx, (void)ok, (void)why;
}

static const struct hf_core_ops ops = {
	.send_ike = op_send_ike,
	.mcast = op_mcast,
	.snapshot_send = op_snapshot_send,
	.write_term = op_write_term,
	.run_job = op_run_job,
	.role = op_role,
	.relay_begin = op_relay_begin,
	.relay_end = op_relay_end,
	.silence = op_silence,
	.protection = op_protection,
	.log = op_log,
	.stopped = op_done,
	.command_done = op_command_done,
};

static void test_random(void *ctx, uint8_t *out, size_t len)
{
	static uint8_t next;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = next += 7;
}

static void do_jobs(void)
{
	while (n.job) {
		struct ike_job *job = n.job;
		n.job = NULL;
		hf_core_job_done(n.core, n.now_ns, job);
	}
	hf_core_flush(n.core, n.now_ns);
}

/* What the world owes the core, until it owes nothing. */
static void settle(void)
{
	hf_core_flush(n.core, n.now_ns);
	while (n.n_mcast || n.term || n.job) {
		if (n.job) {
			do_jobs();
		} else if (n.term) {
			uint64_t term = n.term;
			n.term = 0;
			hf_core_term_written(n.core, n.now_ns, 1, term, true);
		} else {
			struct buf first = n.mcast[0];
			struct cl_input in = { .kind = CL_IN_MESSAGE,
					       .from_node_id = 1,
					       .from_pid = 1,
					       .data = buf_bytes(&first) };
			memmove(n.mcast, n.mcast + 1, --n.n_mcast * sizeof(first));
			n.mcast[n.n_mcast] = (struct buf){ 0 };
			hf_core_cluster(n.core, n.now_ns, &in);
			buf_free(&first);
		}
		hf_core_flush(n.core, n.now_ns);
	}
}

static void run(uint64_t ms)
{
	for (uint64_t end = n.now_ns + ms * MS_NS; n.now_ns < end;) {
		n.now_ns += 10 * MS_NS;
		hf_core_timer(n.core, n.now_ns);
		settle();
	}
}

static void view(bool quorate, uint64_t ring)
{
	struct cl_input in = { .kind = CL_IN_VIEW,
			       .ring = { .node_id = 1, .seq = ring },
			       .n_members = 1,
			       .members = { { .node_id = 1, .pid = 1 } },
			       .quorate = quorate };

	hf_core_cluster(n.core, n.now_ns, &in);
	in.kind = CL_IN_QUORUM;
	hf_core_cluster(n.core, n.now_ns, &in);
	settle();
}

static int setup(void **state)
{
	static struct diagnostics diag;
	static const uint8_t key[32] = { 1 };
	struct cl_node_config cluster = {
		.node_id = 1,
		.slot = 1,
		.version_min = 1,
		.version_max = 1,
		.deadline_ms = DEADLINE_MS,
		.expected_votes = 1,
		.n_groups = 1,
		.groups = { { .group = 1, .preferred_slot = 1 } },
	};
	struct hf_core_config cfg = { .cluster = &cluster, .random = test_random, .ops = &ops };

	(void)state;
	n = (struct node){ .now_ns = 1000 * MS_NS };
	cluster.start_ns = cfg.now_ns = n.now_ns;
	must(secret_set(&cluster.failover_key, bytes(key, sizeof(key))) == R_OK);
	assert_int_equal(config_parse(bytes(text, strlen(text)), "test", &n.config, &diag), R_OK);
	n.dp = esp_datapath_new(&(struct esp_datapath_config){ .slot = 1, .workers = 1 });
	assert_non_null(n.dp);
	cfg.config = n.config;
	cfg.datapath = n.dp;
	assert_int_equal(hf_core_new(&cfg, &n.core), R_OK);
	view(true, 4);
	run(100);
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	hf_core_free(n.core);
	esp_datapath_free(n.dp);
	config_free(n.config);
	buf_free(&n.first);
	for (size_t i = 0; i < n.n_mcast; i++)
		buf_free(&n.mcast[i]);
	return 0;
}

static void a_request_leaves_and_is_repeated(void **state)
{
	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	assert_int_equal(n.sent, 1);
	run(10000);
	assert_in_range(n.sent, 2, 10);
}

/* R4, R12: stopped just longer than the deadline, and nobody took over. */
static void a_request_dropped_at_the_deadline_is_sent_when_it_is_extended(void **state)
{
	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	n.now_ns += (DEADLINE_MS + 50) * MS_NS;
	settle();
	assert_int_equal(n.sent, 0);
	assert_int_equal(hf_core_stats(n.core)->dropped_deadline, 1);
	run(10000);
	assert_true(hf_core_may_send(n.core, n.now_ns));
	assert_in_range(n.sent, 1, 10);
}

/* R12: without quorum nothing extends the deadline, and nothing leaves. */
static void without_quorum_nothing_leaves_after_the_deadline(void **state)
{
	(void)state;
	view(false, 8);
	run(DEADLINE_MS / 2);
	assert_false(n.silent);
	run(DEADLINE_MS);
	assert_true(n.silent); /* another one may answer for the addresses */
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	run(5000);
	assert_int_equal(n.sent, 0);
	view(true, 12);
	run(15000);
	assert_in_range(n.sent, 1, 10);
	assert_false(n.silent);
	assert_int_equal(n.silences, 2);
}

/* A request of the peer's: our own, come back. */
static void request(void)
{
	struct inet_endpoint local = { .port = 500 }, remote = { .port = 500 };

	must(inet_parse("192.0.2.1", &local.addr) == R_OK);
	must(inet_parse("192.0.2.2", &remote.addr) == R_OK);
	hf_core_datagram(n.core, n.now_ns, &local, &remote, buf_bytes(&n.first));
	do_jobs();
}

/* R4, R12: where the log stands still, what is held waits for ever, and the peer asks on. */
static void responses_do_not_pile_up_past_the_deadline(void **state)
{
	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	request();
	uint64_t held = hf_core_stats(n.core)->held_total;
	assert_int_not_equal(held, 0);
	n.now_ns += (DEADLINE_MS + 50) * MS_NS;
	for (unsigned int i = 0; i < 100; i++)
		request();
	/* Our own request may be repeated meanwhile. */
	assert_in_range(hf_core_stats(n.core)->held_total, held, held + 2);
	assert_in_range(hf_core_stats(n.core)->dropped_deadline, 100, 102);
}

/* ---- CHILD SAs ---- */

#define SPI 0x10000100u

static struct child_sa_state child_state(uint32_t spi_in, bool esn, uint64_t lease_end)
{
	static const uint8_t key[36] = { 1 };
	struct child_sa_state s = {
		.spi_in = spi_in,
		.spi_out = 0x20000100u,
		.stage = CHILD_SA_ESTABLISHED,
		.tunnel = 1,
		.transforms = { .encr = ENCR_AES_GCM_16, .key_bits = 256, .esn = esn },
		.local_ts = { .n = 1 },
		.remote_ts = { .n = 1 },
		.lease_end = lease_end,
	};

	s.local_ts.ts[0] = s.remote_ts.ts[0] = (struct traffic_selector){
		.start = inet_v4(0), .end = inet_v4(UINT32_MAX), .port_end = 65535
	};
	must(secret_set(&s.keys_in.encr, bytes(key, sizeof(key))) == R_OK);
	must(secret_set(&s.keys_out.encr, bytes(key, sizeof(key))) == R_OK);
	return s;
}

static void child_of(uint32_t spi_in, bool esn, uint64_t lease_end)
{
	struct child_sa_state s = child_state(spi_in, esn, lease_end);

	core_child_install(n.core, &s);
	child_sa_state_clear(&s);
}

static void child(bool esn, uint64_t lease_end)
{
	child_of(SPI, esn, lease_end);
}

static struct esp_child_stats stats(void)
{
	struct esp_child_stats st;

	assert_int_equal(esp_child_stats(n.dp, SPI, &st), R_OK);
	return st;
}

/* R17 */
static void a_quorate_owner_grants_its_own_lease(void **state)
{
	(void)state;
	child(true, 100);
	core_child_lease(n.core, core_child_find(n.core, SPI));
	settle();
	assert_int_equal(stats().lease_end, 1 + HF_LEASE_MIN);
	assert_int_equal(hf_core_stats(n.core)->leases_granted, 1);
}

/* R17: nobody but this node knows of it, and it may be the one that is cut off. */
static void without_quorum_no_lease_is_asked_for(void **state)
{
	(void)state;
	child(true, 100);
	view(false, 8);
	core_child_lease(n.core, core_child_find(n.core, SPI));
	settle();
	assert_int_equal(stats().lease_end, 100);
	assert_int_equal(hf_core_stats(n.core)->records_out[SS_LEASE], 0);
}

static void a_lease_that_quorum_left_is_refused_and_asked_for_again(void **state)
{
	struct core_child *k;

	(void)state;
	child(true, 100);
	k = core_child_find(n.core, SPI);
	core_child_lease(n.core, k);
	view(false, 8);
	settle();
	assert_int_equal(stats().lease_end, 100);
	assert_int_equal(hf_core_stats(n.core)->leases_refused, 1);
	view(true, 12);
	core_child_lease(n.core, k);
	settle();
	assert_int_equal(stats().lease_end, 1 + HF_LEASE_MIN);
}

/* The lease before it was refused: what counts now is the granted one. */
static void a_granted_lease_is_never_fallen_below(void **state)
{
	const struct held h = { .kind = HELD_GRANT, .spi_in = SPI, .lease_end = 300000 };
	struct core_child *k;

	(void)state;
	child(true, 100);
	k = core_child_find(n.core, SPI);
	core_child_grant(n.core, &h);
	assert_int_equal(stats().lease_end, 300000);
	core_child_lease(n.core, k);
	assert_int_equal(k->lease_end, 300000);
}

/* ---- takeovers ---- */

static void log_counters(const struct ss_counters *counters)
{
	struct ss_record r = { 0 };

	must(ss_encode_counters(counters, &r) == R_OK);
	core_record(n.core, &r);
	settle();
}

/* The log ends with them behind a RELEASE (R19). */
static void exact_counters(uint64_t seq_next)
{
	const struct ss_counters exact = { .spi_in = SPI, .seq_next = seq_next, .exact = true };

	log_counters(&exact);
}

static void role(enum cl_role role, uint64_t term, bool suspect, uint64_t silence_ms)
{
	const struct cl_effect fx = { .kind = CL_FX_ROLE,
				      .group = 1,
				      .role = role,
				      .term = term,
				      .suspect = suspect,
				      .suspect_term = suspect ? term : 0,
				      .silence_ms = silence_ms };
	core_role(n.core, &fx);
}

/* ---- RFC 6311 5.2 ---- */

static void what_the_peer_asks_for_is_left_out_under_a_lease(void **state)
{
	(void)state;
	child(true, 100);
	core_replay_skip(n.core, SPI, 500000);
	assert_int_equal(stats().seq_next, 1); /* not before the log has the lease */
	settle();
	assert_int_equal(stats().seq_next, 500001);
	assert_int_equal(stats().lease_end, 500001 + HF_LEASE_MIN);
	assert_false(core_child_find(n.core, SPI)->rekey_after_takeover);
}

static void numbers_that_cannot_be_left_out_are_rekeyed_instead(void **state)
{
	static const struct {
		bool esn;
		uint64_t delta;
	} cases[] = { { false, UINT32_MAX - 1000 }, { false, 1u << 31 }, { true, 1ull << 40 } };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		child_of(SPI + i, cases[i].esn, 100);
		core_replay_skip(n.core, SPI + i, cases[i].delta);
		assert_true(core_child_find(n.core, SPI + i)->rekey_after_takeover);
	}
	child_of(SPI + 3, true, 100);
	view(false, 8);
	core_replay_skip(n.core, SPI + 3, 1000);
	settle();
	assert_true(core_child_find(n.core, SPI + 3)->rekey_after_takeover);
	core_replay_skip(n.core, 0x7777, 1000);
}

static void take_over_from_checkpoint(bool suspect)
{
	const struct ss_counters at = { .spi_in = SPI, .in_right_edge = 700, .rate_pps = 1000 };

	log_counters(&at);
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 100);
	role(CL_ROLE_ACTIVE, 2, suspect, 0);
}

/* R18: the rekey is not needed then; R10: unless outbound numbers were guessed. */
static void exposure_ends(bool suspect)
{
	struct core_child *k;

	take_over_from_checkpoint(suspect);
	k = core_child_find(n.core, SPI);
	assert_true(k->exposure > 0 && k->rekey_after_takeover);
	assert_int_equal(k->refuse_up_to, 700 + 4 * k->exposure + 1024);
	core_replay_synced(n.core, SPI);
	assert_int_equal(k->rekey_after_takeover, suspect);
	/* What the peer sent before it answered is under way: it is not refused yet. */
	n.core->now_ns += 400000000;
	core_replay_refuse(n.core, k, false);
	assert_int_equal(hf_core_stats(n.core)->replay_synced, 0);
	assert_true(k->exposure > 0);
	n.core->now_ns += 100000000;
	core_replay_synced(n.core, SPI); /* an answer that comes again puts nothing off */
	core_replay_refuse(n.core, k, false);
	assert_int_equal(k->exposure, 0);
	assert_int_equal(k->rekey_after_takeover, suspect);
	assert_int_equal(hf_core_stats(n.core)->replay_synced, 1);
	core_replay_synced(n.core, SPI);
	core_replay_refuse(n.core, k, true);
	assert_int_equal(hf_core_stats(n.core)->replay_synced, 1);
}

static void exposure_ends_when_the_peer_has_left_numbers_out(void **state)
{
	(void)state;
	exposure_ends(false);
}

static void a_suspect_takeover_rekeys_all_the_same(void **state)
{
	(void)state;
	exposure_ends(true);
}

/* R17: without ESN, what nears 2^32 is rekeyed, also when it nears it by the takeover itself. */
static void a_rekey_that_a_takeover_needs_is_asked_for(void **state)
{
	const struct cl_effect handed_over = {
		.kind = CL_FX_ROLE, .group = 1, .role = CL_ROLE_ACTIVE, .term = 2, .handover = true
	};

	(void)state;
	exact_counters(UINT32_MAX - HF_LEASE_MIN - 100);
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(false, UINT32_MAX - HF_LEASE_MIN);
	core_role(n.core, &handed_over);
	assert_int_equal(stats().seq_next, UINT32_MAX - HF_LEASE_MIN - 100);
	assert_true(core_child_find(n.core, SPI)->rekey_after_takeover);
	run(HF_REKEY_DELAY_NS / MS_NS + 100);
	assert_int_equal(hf_core_stats(n.core)->rekeys_after_takeover, 1);
	assert_int_not_equal(core_child_find(n.core, SPI)->rekey_asked_ns, 0);
}

/* A rekey can fail; what made it necessary stays. */
static void a_rekey_that_did_not_happen_is_asked_for_again(void **state)
{
	const struct esp_child_counters used = { .seq_next = UINT32_MAX - HF_LEASE_MIN,
						 .lease_end = UINT32_MAX - HF_LEASE_MIN };

	(void)state;
	child(false, UINT32_MAX - HF_LEASE_MIN);
	struct core_child *k = core_child_find(n.core, SPI);
	must(esp_child_resume(n.dp, SPI, &used) == R_OK);
	core_child_lease(n.core, k);
	uint64_t first = k->rekey_asked_ns;
	assert_int_not_equal(first, 0);
	n.now_ns += HF_REKEY_AGAIN_NS - MS_NS;
	hf_core_timer(n.core, n.now_ns);
	k->lease_end = UINT32_MAX - HF_LEASE_MIN;
	core_child_lease(n.core, k);
	assert_int_equal(k->rekey_asked_ns, first);
	n.now_ns += 2 * MS_NS;
	hf_core_timer(n.core, n.now_ns);
	core_child_lease(n.core, k);
	assert_int_not_equal(k->rekey_asked_ns, first);
}

/* R19: what still comes here is for this node again; it must neither be sent on nor refused. */
static void a_handover_back_ends_the_relay_and_keeps_the_address(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };
	const struct cl_effect prepare = { .kind = CL_FX_PREPARE, .group = 1 };

	(void)state;
	core_quiesce(n.core, &quiesce);
	role(CL_ROLE_STANDBY, 2, false, 0);
	assert_true(hf_core_relaying(n.core));
	core_prepare(n.core, &prepare);
	assert_int_equal(n.role, CL_ROLE_PREPARING);
	assert_true(n.stragglers);
	assert_false(hf_core_relaying(n.core));
	hf_core_relay_done(n.core, n.now_ns, 1); /* of a timer that was running */
	assert_int_equal(n.relay_ends, 0);
	role(CL_ROLE_ACTIVE, 3, false, 0);
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
	assert_false(n.stragglers);
}

static void a_takeover_starts_at_the_end_of_the_lease(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	role(CL_ROLE_ACTIVE, 2, false, 2000);
	assert_int_equal(stats().seq_next, 5000);
}

/* R10: an owner that nobody heard may have granted itself one block more, and another as it ran. */
static void a_suspect_takeover_starts_behind_what_nobody_heard_of(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	core_child_find(n.core, SPI)->rate_pps = 20000;
	role(CL_ROLE_ACTIVE, 2, true, 2000);
	assert_int_equal(stats().seq_next, 5000 + 2 * (1u << 26)); /* of slot 1 */
	role(CL_ROLE_STANDBY, 2, false, 0);
	child(true, 5000);
	core_child_find(n.core, SPI)->lease_end = 100000000;
	core_child_find(n.core, SPI)->rate_pps = 20000000;
	role(CL_ROLE_ACTIVE, 3, true, 2000);
	assert_int_equal(stats().seq_next, 100000000ull + 6 * 20000000 + 4 * 20000000 * 2);
}

static void role_behind(uint64_t term, uint64_t suspect_term)
{
	const struct cl_effect fx = { .kind = CL_FX_ROLE,
				      .group = 1,
				      .role = CL_ROLE_ACTIVE,
				      .term = term,
				      .suspect_term = suspect_term };
	core_role(n.core, &fx);
}

static void lease_of(uint64_t term, uint64_t lease_end)
{
	const struct ss_lease l = { .spi_in = SPI, .lease_end = lease_end, .term = term };
	struct ss_record r = { 0 };

	must(ss_encode_lease(&l, &r) == R_OK);
	core_apply(n.core, &r);
	ss_record_clear(&r);
}

/* R10: it is gone before anybody has its leases, and whoever is next lacks nothing of its log. */
static void numbers_of_a_suspect_owner_are_in_doubt_until_it_has_a_lease(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	lease_of(1, 6000);
	role_behind(3, 2);
	assert_int_equal(stats().seq_next, 6000 + 2 * (1u << 26));
	role(CL_ROLE_STANDBY, 3, false, 0);
	child(true, 5000);
	lease_of(4, 1ull << 30);
	role_behind(5, 4);
	assert_int_equal(stats().seq_next, 1ull << 30);
	/* A guess all the same. */
	assert_true(core_child_find(n.core, SPI)->rekey_after_takeover);
}

/* R10: the answer to a request of a former owner makes the same keys for us as for that one. */
static void an_sa_that_a_former_owner_asked_for_begins_behind_its_numbers(void **state)
{
	struct ss_lease l = { 0 };

	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	role_behind(2, 2);
	child(true, 5000);
	core_child_recorded(n.core, SPI);
	settle();
	const uint64_t first = 5000 + 2 * (1u << 26);
	assert_int_equal(stats().seq_next, first);
	assert_true(stats().lease_end > first);
	assert_true(core_child_find(n.core, SPI)->rekey_after_takeover);
	const struct ss_record *lease = ss_store_get(cl_store(n.core->cluster, 1), SS_LEASE, SPI);
	must(lease && ss_decode_lease(lease, &l) == R_OK);
	assert_int_equal(l.lease_end, stats().lease_end);
	assert_int_equal(l.term, 2);
}

/* R10, R17: without ESN not into the reserve, where nothing could be sent any more. */
static void a_suspect_takeover_keeps_out_of_the_reserve(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(false, UINT32_MAX - (1u << 26));
	role(CL_ROLE_ACTIVE, 2, true, 2000);
	assert_int_equal(stats().seq_next, UINT32_MAX - (1u << 26) + HF_LEASE_MIN);
}

/* R10: the peer would take a jump of 2^31 and more for another high half (RFC 4303 A2). */
static void a_suspect_takeover_jumps_less_than_half_the_number_space(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	core_child_find(n.core, SPI)->rate_pps = 10000000;
	role(CL_ROLE_ACTIVE, 2, true, 3600000);
	assert_int_equal(stats().seq_next, 5000 + (1ull << 31) - 1);
}

#define IKE_SPI 0x1000000000000001ull

static uint32_t configured_tunnel(void)
{
	struct ike_config *ike;

	assert_int_equal(core_translate_ike(n.config, 1, &ike), R_OK);
	uint32_t tunnel = ike->connections[0].children[0].tunnel;
	ike_config_free(ike);
	return tunnel;
}

static void inherit_ike_sa_at(uint32_t next_request_id)
{
	static const uint8_t key[36] = { 2 };
	struct ike_sa_state s = {
		.spi_i = IKE_SPI,
		.spi_r = 2,
		.initiator = true,
		.stage = IKE_SA_ESTABLISHED,
		.next_request_id = next_request_id,
		.connection = "192.0.2.2",
		.transforms = { .encr = ENCR_AES_GCM_16,
				.key_bits = 256,
				.prf = PRF_HMAC_SHA2_256,
				.dh = DH_ECP_256 },
	};
	struct ss_record r = { 0 };

	must(secret_set(&s.sk_d, bytes(key, 32)) == R_OK);
	must(secret_set(&s.sk_ei, bytes(key, 36)) == R_OK);
	must(secret_set(&s.sk_er, bytes(key, 36)) == R_OK);
	must(ss_encode_ike_sa(&s, &r) == R_OK);
	core_apply(n.core, &r);
	assert_int_equal(hf_core_stats(n.core)->import_errors, 0);
	ss_record_clear(&r);
	ike_sa_state_clear(&s);
}

static void inherit_ike_sa(void)
{
	inherit_ike_sa_at(0);
}

static void inherit(uint32_t spi_in, enum child_sa_stage stage, uint64_t created_ms)
{
	struct child_sa_state s = child_state(spi_in, true, 5000);
	struct ss_record r = { 0 };

	s.stage = stage;
	s.created_ms = created_ms;
	s.ike_spi = IKE_SPI;
	s.tunnel = configured_tunnel();
	must(ss_encode_child_sa(&s, &r) == R_OK);
	core_apply(n.core, &r);
	ss_record_clear(&r);
	child_sa_state_clear(&s);
}

static bool carries(uint32_t spi_in)
{
	struct esp_child_stats st;

	assert_int_equal(esp_child_stats(n.dp, spi_in, &st), R_OK);
	return st.outbound_in_use;
}

/* R5: whatever the order in which they were learnt. */
static void the_youngest_established_child_carries_on(void **state)
{
	(void)state;
	for (uint32_t order = 0; order < 8; order++) {
		const uint32_t spi = SPI + 16 * order;
		role(CL_ROLE_STANDBY, 1 + 2 * order, false, 0);
		core_reset(n.core);
		inherit_ike_sa();
		for (uint32_t i = 0; i < 4; i++) {
			const uint32_t k = (i * 3 + order) % 4;
			static const enum child_sa_stage stages[] = { CHILD_SA_REKEYED,
								      CHILD_SA_ESTABLISHED,
								      CHILD_SA_ESTABLISHED,
								      CHILD_SA_INSTALLED };
			static const uint64_t created[] = { 40, 30, 20, 50 };
			inherit(spi + k, stages[k], created[k]);
		}
		role(CL_ROLE_ACTIVE, 2 + 2 * order, false, 0);
		for (uint32_t k = 0; k < 4; k++)
			assert_int_equal(carries(spi + k), k == 1);
		settle(); /* the engine's own choice, once committed */
		for (uint32_t k = 0; k < 4; k++)
			assert_int_equal(carries(spi + k), k == 1);
	}
}

/* R18: what nobody has heard of is as old as the silence, not as the SA's last packet. */
static void an_idle_sa_is_exposed_by_the_silence_only(void **state)
{
	const struct ss_counters checkpoint = {
		.spi_in = SPI, .in_right_edge = 700, .at_ms = core_time_ms(n.core), .rate_pps = 1000
	};

	(void)state;
	log_counters(&checkpoint);
	n.now_ns += 3600 * 1000 * MS_NS;
	n.core->now_ns = n.now_ns;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	role(CL_ROLE_ACTIVE, 2, false, 300);
	uint64_t exposed = core_child_find(n.core, SPI)->exposure;
	assert_in_range(exposed, 300, 1000);
	assert_int_equal(stats().in_right_edge, 700);
}

/* R18: the first packet after the takeover tells how many there can have been. */
static void the_measured_exposure_replaces_the_estimate(void **state)
{
	const struct esp_event ev = { .kind = ESP_EVENT_REPLAY_EXPOSED,
				      .spi_in = SPI,
				      .exposed = 17 };
	struct hf_child_totals totals;

	(void)state;
	child(true, 5000);
	core_child_find(n.core, SPI)->exposure = 900;
	hf_core_esp_event(n.core, n.now_ns, &ev);
	assert_int_equal(hf_core_child_totals(n.core, SPI, &totals), R_OK);
	assert_int_equal(totals.exposure, 17);
}

#define MANY 12000u

/* What the timers do from now on, one by one; the most that visited() counted of one of them. */
static unsigned int timers_pass(uint64_t ns, unsigned int (*visited)(void))
{
	const uint64_t end = n.now_ns + ns;
	unsigned int most = 0;

	for (uint64_t at; (at = hf_core_next_deadline(n.core, n.now_ns)) <= end;) {
		n.now_ns = at > n.now_ns ? at : n.now_ns;
		hf_core_timer(n.core, n.now_ns);
		settle();
		most = visited && visited() > most ? visited() : most;
	}
	n.now_ns = end;
	return most;
}

static unsigned int visited_now(void)
{
	unsigned int visited = 0;

	for (uint32_t i = 0; i < MANY; i++)
		visited += core_child_find(n.core, SPI + i)->measured_ns == n.now_ns;
	return visited;
}

static void every_sa_receives(uint64_t right_edge)
{
	for (uint32_t i = 0; i < MANY; i++) {
		const struct esp_child_counters moved = { .in_right_edge = right_edge,
							  .seq_next = 1 };
		must(esp_child_resume(n.dp, SPI + i, &moved) == R_OK);
	}
}

/* R18: more than the budget serves within a checkpoint's interval. */
static void changed_sas_take_turns(void **state)
{
	unsigned int served = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		child_of(SPI + i, true, 5000);
	for (unsigned int tick = 1; tick <= 8; tick++) {
		every_sa_receives(tick);
		timers_pass(HF_TICK_NS, NULL);
	}
	for (uint32_t i = 0; i < MANY; i++)
		served += core_child_find(n.core, SPI + i)->checkpoint_ns != 0;
	assert_int_equal(served, MANY);
	assert_in_range(hf_core_stats(n.core)->checkpoints, MANY, 2 * MANY);
}

/* A tick must not hold up the loop, and each SA has its turn within a checkpoint's interval. */
static void many_sas_are_visited_by_turns(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		child_of(SPI + i, true, 5000);
	hf_core_timer(n.core, n.now_ns);
	timers_pass(HF_TICK_NS, NULL);
	const uint64_t from = n.now_ns;
	assert_in_range(timers_pass(HF_CHECKPOINT_NS + HF_TICK_NS, visited_now), 1, HF_TICK_SLICE);
	for (uint32_t i = 0; i < MANY; i++)
		seen += core_child_find(n.core, SPI + i)->measured_ns > from;
	assert_int_equal(seen, MANY);
}

/* Whatever the time between two visits was. */
static void rates_are_by_the_time_that_has_passed(void **state)
{
	(void)state;
	child(true, 50000);
	timers_pass(HF_TICK_NS, NULL);
	const struct esp_child_counters moved = { .seq_next = 1 + 7000 };
	assert_int_equal(esp_child_resume(n.dp, SPI, &moved), R_OK);
	n.now_ns = core_child_find(n.core, SPI)->measured_ns + 70000000;
	hf_core_timer(n.core, n.now_ns);
	settle();
	assert_int_equal(core_child_find(n.core, SPI)->rate_pps, 100000);
}

/* The IKE SA has no message id left for the rekey that a tick asks for: it ends, with the child. */
static void a_child_may_go_while_it_is_visited(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	core_reset(n.core);
	inherit_ike_sa_at(UINT32_MAX);
	inherit(SPI, CHILD_SA_ESTABLISHED, 0);
	role(CL_ROLE_ACTIVE, 2, false, 0);
	assert_non_null(core_child_find(n.core, SPI));
	core_child_find(n.core, SPI)->rekey_after_takeover = true;
	run(HF_REKEY_DELAY_NS / MS_NS + 100);
	assert_null(core_child_find(n.core, SPI));
	assert_int_equal(hf_core_stats(n.core)->rekeys_after_takeover, 1);
}

/*
 * R19: RELEASE was not answered and we claim again. The other may have owned the group in
 * between: what this node has beyond the log is nobody's, and its engine begins anew.
 */
static void a_reclaimed_handover_begins_from_the_log(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };

	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	child(true, 5000); /* its record never went out */
	core_quiesce(n.core, &quiesce);
	role(CL_ROLE_ACTIVE, 3, false, 0);
	settle();
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
	assert_null(core_child_find(n.core, SPI));
	assert_int_equal(n.sent, 0);
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	assert_int_equal(n.sent, 1);
}

/* The same term again: RELEASE never went out, so nothing has changed. */
static void a_handover_taken_back_goes_on_as_it_was(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };

	(void)state;
	child(true, 5000);
	core_quiesce(n.core, &quiesce);
	role(CL_ROLE_ACTIVE, n.core->term, false, 0);
	assert_non_null(core_child_find(n.core, SPI));
	assert_int_equal(stats().seq_next, 1);
	assert_int_equal(n.relay_ends, 1);
}

/* R23: who came or went may have announced the address as its own. Only an owner says it again. */
static void an_owner_says_its_role_again_with_every_view(void **state)
{
	(void)state;
	for (uint64_t ring = 8; ring < 20; ring += 4) {
		unsigned int before = n.roles;
		view(true, ring);
		assert_int_equal(n.roles, before + 1);
		assert_int_equal(n.role, CL_ROLE_ACTIVE);
	}
	role(CL_ROLE_STANDBY, 1, false, 0);
	unsigned int before = n.roles;
	const struct cl_input again = { .kind = CL_IN_VIEW,
					.ring = { .node_id = 1, .seq = 24 },
					.n_members = 1,
					.members = { { .node_id = 1, .pid = 1 } } };
	hf_core_cluster(n.core, n.now_ns, &again);
	assert_int_equal(n.roles, before);
}

/* R12: its addresses may be another one's by now. */
static void a_silent_owner_takes_no_addresses_back_with_a_view(void **state)
{
	(void)state;
	view(false, 8);
	run(DEADLINE_MS * 2);
	assert_true(n.silent);
	unsigned int before = n.roles;
	view(false, 12);
	assert_int_equal(n.roles, before);
	assert_true(n.silent);
}

static void an_owner_says_its_role_again_behind_a_link_that_is_back(void **state)
{
	struct cl_health health = { .n_links = 1,
				    .links = { { .nameif = "outside", .group = 1 } } };
	const struct cl_input links = { .kind = CL_IN_LINKS, .health = &health };
	(void)state;
	health.links[0].state = CL_LINK_NO_LINK;
	hf_core_cluster(n.core, n.now_ns, &links);
	unsigned int before = n.roles;
	health.links[0].state = CL_LINK_NORMAL;
	hf_core_cluster(n.core, n.now_ns, &links);
	assert_int_equal(n.roles, before + 1);
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_leaves_and_is_repeated),
		T(a_request_dropped_at_the_deadline_is_sent_when_it_is_extended),
		T(without_quorum_nothing_leaves_after_the_deadline),
		T(responses_do_not_pile_up_past_the_deadline),
		T(a_quorate_owner_grants_its_own_lease),
		T(without_quorum_no_lease_is_asked_for),
		T(a_lease_that_quorum_left_is_refused_and_asked_for_again),
		T(a_granted_lease_is_never_fallen_below),
		T(what_the_peer_asks_for_is_left_out_under_a_lease),
		T(numbers_that_cannot_be_left_out_are_rekeyed_instead),
		T(exposure_ends_when_the_peer_has_left_numbers_out),
		T(a_suspect_takeover_rekeys_all_the_same),
		T(a_rekey_that_a_takeover_needs_is_asked_for),
		T(a_rekey_that_did_not_happen_is_asked_for_again),
		T(a_handover_back_ends_the_relay_and_keeps_the_address),
		T(a_reclaimed_handover_begins_from_the_log),
		T(a_handover_taken_back_goes_on_as_it_was),
		T(an_owner_says_its_role_again_with_every_view),
		T(a_silent_owner_takes_no_addresses_back_with_a_view),
		T(an_owner_says_its_role_again_behind_a_link_that_is_back),
		T(a_takeover_starts_at_the_end_of_the_lease),
		T(a_suspect_takeover_starts_behind_what_nobody_heard_of),
		T(numbers_of_a_suspect_owner_are_in_doubt_until_it_has_a_lease),
		T(an_sa_that_a_former_owner_asked_for_begins_behind_its_numbers),
		T(a_suspect_takeover_keeps_out_of_the_reserve),
		T(a_suspect_takeover_jumps_less_than_half_the_number_space),
		T(the_youngest_established_child_carries_on),
		T(an_idle_sa_is_exposed_by_the_silence_only),
		T(the_measured_exposure_replaces_the_estimate),
		T(changed_sas_take_turns),
		T(many_sas_are_visited_by_turns),
		T(rates_are_by_the_time_that_has_passed),
		T(a_child_may_go_while_it_is_visited),
	};
	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
