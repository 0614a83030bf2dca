/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/iana.h"
#include "base/must.h"
#include "node/tests/core_harness.h"
#include "node/tests/core_ops.h"

struct test_node n;

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
	/* R20: who owns says whose the addresses are, each time, and nobody else does. */
	assert_true(change->announce == (change->role == CL_ROLE_ACTIVE));
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
	IGNORED_OPS,
};

void do_jobs(void)
{
	while (n.job) {
		struct ike_job *job = n.job;
		n.job = NULL;
		hf_core_job_done(n.core, n.now_ns, job);
	}
	hf_core_flush(n.core, n.now_ns);
}

void settle(void)
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

void run(uint64_t ms)
{
	for (uint64_t end = n.now_ns + ms * MS_NS; n.now_ns < end;) {
		n.now_ns += 10 * MS_NS;
		hf_core_timer(n.core, n.now_ns);
		settle();
	}
}

void view(bool quorate, uint64_t ring)
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

int setup(void **state)
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
	n = (struct test_node){ .now_ns = 1000 * MS_NS };
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

int teardown(void **state)
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

struct child_sa_state child_state(uint32_t spi_in, bool esn, uint64_t lease_end)
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

void child_of(uint32_t spi_in, bool esn, uint64_t lease_end)
{
	struct child_sa_state s = child_state(spi_in, esn, lease_end);

	core_child_install(n.core, &s);
	child_sa_state_clear(&s);
}

void child(bool esn, uint64_t lease_end)
{
	child_of(SPI, esn, lease_end);
}

struct esp_child_stats stats(void)
{
	struct esp_child_stats st;

	assert_int_equal(esp_child_stats(n.dp, SPI, &st), R_OK);
	return st;
}

void log_counters(const struct ss_counters *counters)
{
	struct ss_record r = { 0 };

	must(ss_encode_counters(counters, &r) == R_OK);
	core_record(n.core, &r);
	settle();
}

void role(enum cl_role role, uint64_t term, bool suspect, uint64_t silence_ms)
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

void inherit_ike_sa_at(uint32_t next_request_id)
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

void inherit_ike_sa(void)
{
	inherit_ike_sa_at(0);
}

static uint32_t configured_tunnel(void)
{
	struct ike_config *ike;

	assert_int_equal(core_translate_ike(n.config, 1, &ike), R_OK);
	uint32_t tunnel = ike->connections[0].children[0].tunnel;
	ike_config_free(ike);
	return tunnel;
}

void inherit(uint32_t spi_in, enum child_sa_stage stage, uint64_t created_ms)
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

unsigned int timers_pass(uint64_t ns, unsigned int (*visited)(void))
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
