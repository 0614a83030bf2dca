/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that share two failover groups: each group has an owner, a log and SAs
 * of its own (R14), and what befalls one does not touch the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "node/core_private.h"

#define NODES     3u
#define GROUPS    2u
#define QUEUE_MAX 256u
#define TERMS_MAX 512u
#define FAULTS    40u
#define SEEDS     100u
#define MS_NS     1000000ull
#define START_NS  (1000 * MS_NS)

#define NETWORK(ifc, name, group, address) \
	"interface " ifc "\n nameif " name "\n join-failover-group " group \
	"\n ip address " address " 255.255.255.0\ncrypto ikev2 enable " name "\n"
#define TUNNEL(map, name, local, remote, peer) \
	"access-list " map " extended permit ip " local " 255.255.255.0 " remote \
	" 255.255.255.0\n" \
	"crypto map " map " 10 match address " map "\ncrypto map " map " 10 set peer " peer "\n" \
	"crypto map " map " 10 set ikev2 ipsec-proposal P\ncrypto map " map " interface " name \
	"\n" \
	"tunnel-group " peer " type ipsec-l2l\ntunnel-group " peer " ipsec-attributes\n" \
	" ikev2 local-authentication pre-shared-key ours\n" \
	" ikev2 remote-authentication pre-shared-key theirs\n"

static const char text[] =
	"failover\nfailover lan unit primary\nfailover key k\nfailover group 1\nfailover group 2\n"
	"crypto ikev2 policy 10\n encryption aes-gcm-256\n integrity null\n group 19\n prf sha256\n"
	"crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes-gcm-256\n" NETWORK(
		"e0", "out1", "1", "192.0.2.1") NETWORK("e1", "out2", "2", "198.18.10.1")
		TUNNEL("M1", "out1", "198.51.100.0", "203.0.113.0", "192.0.2.2")
			TUNNEL("M2", "out2", "198.18.20.0", "198.18.30.0", "198.18.10.2");

/* A group on a node: what its core is told to do comes here. */
struct half {
	unsigned int node;
	struct esp_datapath *dp;
	struct hf_core *core;
	uint64_t term; /* to be written; 0: none */
	struct ike_job *job;
	struct buf first; /* datagram sent */
	unsigned int sent, roles, relays;
	uint32_t said; /* groups that its effects named, as bits */
	enum cl_role role;
};

static struct lab {
	struct config *config;
	struct half half[NODES][GROUPS];
	bool alive[NODES];
	uint64_t now_ns, ring;
	uint32_t pid[NODES], votes;
	uint64_t disk[NODES][GROUPS];          /* terms */
	unsigned int owner[GROUPS][TERMS_MAX]; /* law 4: node + 1 */
	struct snapshot {
		struct half *from;
		uint8_t slot;
		bool chunk;
		struct buf data;
	} snapshots[QUEUE_MAX];
	size_t n_snapshots;
	struct message {
		unsigned int from;
		struct buf data;
	} mcast[QUEUE_MAX];
	size_t n_mcast;
} l;

static void op_send_ike(void *ctx, const struct inet_endpoint *local,
			const struct inet_endpoint *remote, bool udp_encap, struct bytes datagram)
{
	struct half *h = ctx;
	(void)local, (void)remote, (void)udp_encap;
	if (!h->sent++)
		must(buf_set(&h->first, datagram));
}

static void op_mcast(void *ctx, struct bytes message)
{
	struct message *m = &l.mcast[l.n_mcast++];
	must(l.n_mcast < QUEUE_MAX);
	*m = (struct message){ .from = ((struct half *)ctx)->node };
	must(buf_set(&m->data, message));
}

static void snapshot_add(void *ctx, uint8_t slot, struct bytes message, bool chunk)
{
	struct snapshot *m = &l.snapshots[l.n_snapshots++];
	must(l.n_snapshots < QUEUE_MAX);
	*m = (struct snapshot){ .from = ctx, .slot = slot, .chunk = chunk };
	must(buf_set(&m->data, message));
}

static void op_snapshot_send(void *ctx, uint8_t slot, struct bytes message)
{
	snapshot_add(ctx, slot, message, true);
}

static void op_snapshot_ask(void *ctx, uint8_t slot, const struct inet_addr *owner,
			    struct bytes message)
{
	(void)owner;
	snapshot_add(ctx, slot, message, false);
}

static void op_write_term(void *ctx, uint32_t group, uint64_t term, bool earlier_unknown)
{
	struct half *h = ctx;
	(void)earlier_unknown;
	h->said |= 1u << group;
	h->term = term;
}

static void op_run_job(void *ctx, struct ike_job *job)
{
	struct half *h = ctx;
	must(!h->job);
	ike_job_run(job);
	h->job = job;
}

static void op_role(void *ctx, const struct hf_role_change *change)
{
	struct half *h = ctx;
	h->said |= 1u << change->group;
	h->roles++;
	h->role = change->role;
	if (change->role != CL_ROLE_ACTIVE)
		return;
	must(change->term < TERMS_MAX);
	unsigned int *owner = &l.owner[change->group - 1][change->term];
	assert_true(!*owner || *owner == h->node + 1);
	*owner = h->node + 1;
}

static void op_relay_begin(void *ctx, uint32_t group, const struct inet_endpoint *mate)
{
	struct half *h = ctx;
	(void)mate;
	h->said |= 1u << group;
	h->relays++;
}

static void op_relay_end(void *ctx, uint32_t group)
{
	((struct half *)ctx)->said |= 1u << group;
}

static void op_protection(void *ctx, uint32_t group, bool is_protected)
{
	(void)is_protected;
	((struct half *)ctx)->said |= 1u << group;
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
	.snapshot_ask = op_snapshot_ask,
	.write_term = op_write_term,
	.run_job = op_run_job,
	.role = op_role,
	.relay_begin = op_relay_begin,
	.relay_end = op_relay_end,
	.protection = op_protection,
	.log = op_log,
	.stopped = op_done,
	.command_done = op_command_done,
};

static void test_random(void *ctx, uint8_t *out, size_t len)
{
	static uint32_t next;
	(void)ctx;
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)((next = next * 1664525u + 1013904223u) >> 24);
}

static struct hf_core *node_core(unsigned int i)
{
	return l.half[i][0].core;
}

/* In one order for all. */
static void deliver(void)
{
	struct message m = l.mcast[0];
	struct cl_input in = { .kind = CL_IN_MESSAGE,
			       .from_node_id = m.from + 1,
			       .from_pid = l.pid[m.from],
			       .data = buf_bytes(&m.data) };
	memmove(l.mcast, l.mcast + 1, --l.n_mcast * sizeof(m));
	for (unsigned int i = 0; i < NODES; i++)
		if (l.alive[i] && l.alive[m.from])
			hf_core_cluster(node_core(i), l.now_ns, &in);
	buf_free(&m.data);
}

static void deliver_snapshot(void)
{
	struct snapshot m = l.snapshots[0];
	const struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = buf_bytes(&m.data) };
	const struct cl_input ready = { .kind = CL_IN_SNAPSHOT_READY,
					.group = m.from == &l.half[m.from->node][0] ? 1 : 2,
					.slot = m.slot };
	memmove(l.snapshots, l.snapshots + 1, --l.n_snapshots * sizeof(m));
	if (l.alive[m.slot - 1])
		hf_core_cluster(node_core(m.slot - 1), l.now_ns, &in);
	if (m.chunk && l.alive[m.from->node])
		hf_core_cluster(m.from->core, l.now_ns, &ready);
	buf_free(&m.data);
}

/* What the world owes one half; true when it owed something. */
static bool pay(struct half *h, uint32_t group)
{
	struct ike_job *job = h->job;
	const uint64_t term = h->term;
	h->job = NULL;
	h->term = 0;
	if (job)
		hf_core_job_done(h->core, l.now_ns, job);
	if (term) {
		l.disk[h->node][group - 1] = term;
		hf_core_term_written(h->core, l.now_ns, group, term, true);
	}
	return job || term;
}

static void settle(void)
{
	bool more = true;
	while (more) {
		more = l.n_mcast > 0;
		if (more)
			deliver();
		if (l.n_snapshots)
			deliver_snapshot();
		for (unsigned int i = 0; i < NODES; i++) {
			for (unsigned int g = 0; l.alive[i] && g < GROUPS; g++)
				more = pay(&l.half[i][g], g + 1) || more;
			if (l.alive[i])
				hf_core_flush(node_core(i), l.now_ns);
		}
		more = more || l.n_mcast > 0 || l.n_snapshots > 0;
	}
}

static void run(uint64_t ms)
{
	for (uint64_t end = l.now_ns + ms * MS_NS; l.now_ns < end;) {
		l.now_ns += 10 * MS_NS;
		for (unsigned int i = 0; i < NODES; i++)
			if (l.alive[i])
				hf_core_timer(node_core(i), l.now_ns);
		settle();
	}
}

/* Of those that live. */
static void view(void)
{
	struct cl_input in = { .kind = CL_IN_VIEW,
			       .ring = { .node_id = 1, .seq = l.ring += 4 },
			       .quorate = true };
	for (unsigned int i = 0; i < NODES; i++)
		if (l.alive[i])
			in.members[in.n_members++] = (struct cl_member){ .node_id = i + 1,
									 .pid = l.pid[i] };
	for (unsigned int i = 0; i < NODES; i++) {
		if (!l.alive[i])
			continue;
		in.kind = CL_IN_VIEW;
		hf_core_cluster(node_core(i), l.now_ns, &in);
		in.kind = CL_IN_QUORUM;
		hf_core_cluster(node_core(i), l.now_ns, &in);
	}
	settle();
}

static void node_make(unsigned int i)
{
	static const uint8_t key[32] = { 1 };
	struct cl_node_config cluster = {
		.node_id = i + 1,
		.slot = (uint8_t)(i + 1),
		.salt = { (uint8_t)(i + 1), (uint8_t)++l.pid[i] },
		.version_min = SS_VERSION_MIN,
		.version_max = SS_VERSION_MAX,
		.token_ms = 500,
		.consensus_ms = 150,
		.expected_votes = l.votes,
		.start_ns = l.now_ns,
		.term_on_disk = { l.disk[i][0], l.disk[i][1] },
		.n_groups = GROUPS,
		.groups = { { .group = 1, .preferred_slot = 1 },
			    { .group = 2, .preferred_slot = 2 } },
	};
	must(secret_set(&cluster.failover_key, bytes(key, sizeof(key))) == R_OK);
	for (unsigned int g = 0; g < GROUPS; g++) {
		struct half *h = &l.half[i][g];
		*h = (struct half){ .node = i };
		h->dp = esp_datapath_new(
			&(struct esp_datapath_config){ .slot = (uint8_t)(i + 1), .workers = 1 });
		assert_non_null(h->dp);
		struct hf_core_config cfg = { .config = l.config,
					      .cluster = g ? NULL : &cluster,
					      .first = g ? l.half[i][0].core : NULL,
					      .group = g + 1,
					      .datapath = h->dp,
					      .now_ns = l.now_ns,
					      .random = test_random,
					      .ops = &ops,
					      .ops_ctx = h };
		assert_int_equal(hf_core_new(&cfg, &h->core), R_OK);
	}
	l.alive[i] = true;
}

static void node_free(unsigned int i)
{
	for (unsigned int g = GROUPS; g-- > 0;) {
		struct half *h = &l.half[i][g];
		hf_core_free(h->core);
		esp_datapath_free(h->dp);
		buf_free(&h->first);
		if (h->job)
			ike_job_free(h->job);
		*h = (struct half){ .node = i };
	}
	l.alive[i] = false;
}

/* Of this many nodes. */
static void begin(unsigned int nodes)
{
	static struct diagnostics diag;
	char line[DIAGNOSTIC_LINE_MAX];

	l = (struct lab){ .now_ns = START_NS, .votes = nodes };
	if (config_parse(bytes(text, strlen(text)), "test", &l.config, &diag) != R_OK)
		fail_msg("%s", diagnostics_line(&diag, 0, line));
	for (unsigned int i = 0; i < nodes; i++)
		node_make(i);
	view();
	run(1000);
}

static int setup(void **state)
{
	(void)state;
	begin(2);
	return 0;
}

static void end(void)
{
	for (unsigned int i = 0; i < NODES; i++)
		node_free(i);
	for (size_t i = 0; i < l.n_mcast; i++)
		buf_free(&l.mcast[i].data);
	for (size_t i = 0; i < l.n_snapshots; i++)
		buf_free(&l.snapshots[i].data);
	config_free(l.config);
}

static int teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

static bool owns(unsigned int node, unsigned int group)
{
	struct half *h = &l.half[node][group - 1];
	return l.alive[node] && h->role == CL_ROLE_ACTIVE && hf_core_may_send(h->core, l.now_ns);
}

static void assert_owners(unsigned int of_one, unsigned int of_two)
{
	for (unsigned int i = 0; i < NODES; i++) {
		assert_int_equal(owns(i, 1), i == of_one);
		assert_int_equal(owns(i, 2), i == of_two);
	}
}

static void each_group_begins_where_it_is_preferred(void **state)
{
	(void)state;
	assert_owners(0, 1);
	assert_true(cl_is_protected(l.half[0][0].core->cluster, 1));
	assert_true(cl_is_protected(l.half[1][1].core->cluster, 2));
	/* One log position, one term, one deadline each. */
	assert_int_not_equal(l.half[0][0].core->deadline_ns, 0);
	assert_int_equal(l.half[0][1].core->deadline_ns, 0);
	assert_int_equal(l.half[1][0].core->deadline_ns, 0);
	assert_int_not_equal(l.half[1][1].core->deadline_ns, 0);
}

static void every_effect_reaches_the_core_of_its_group(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < l.votes; i++)
		for (unsigned int g = 0; g < GROUPS; g++)
			assert_int_equal(l.half[i][g].said, 1u << (g + 1));
}

static size_t sas(unsigned int node, unsigned int group)
{
	return ss_store_count(cl_store(l.half[node][group - 1].core->cluster, group), 0);
}

/* Its peer's request: our own, come back. */
static void a_peer_comes(unsigned int node, unsigned int group)
{
	static const char *const local[] = { "192.0.2.1", "198.18.10.1" };
	static const char *const peer[] = { "192.0.2.2", "198.18.10.2" };
	struct inet_endpoint to = { .port = 500 }, from = { .port = 500 };
	struct half *h = &l.half[node][group - 1];

	must(inet_parse(local[group - 1], &to.addr) == R_OK);
	must(inet_parse(peer[group - 1], &from.addr) == R_OK);
	hf_core_initiate(h->core, l.now_ns, peer[group - 1]);
	settle();
	if (h->sent)
		hf_core_datagram(h->core, l.now_ns, &to, &from, buf_bytes(&h->first));
	settle();
}

/* R14 */
static void an_sa_is_in_the_log_of_its_group_alone(void **state)
{
	const struct cl_node *n = l.half[1][0].core->cluster;
	uint64_t one = cl_position(n, 1), two = cl_position(n, 2);

	(void)state;
	a_peer_comes(1, 2);
	assert_int_equal(cl_position(n, 1), one);
	assert_true(cl_position(n, 2) > two);
	for (unsigned int i = 0; i < l.votes; i++) {
		assert_int_equal(sas(i, 1), 0);
		assert_int_not_equal(sas(i, 2), 0);
	}
	assert_int_equal(l.half[1][0].sent, 0);
	assert_int_equal(l.half[0][0].sent, 0);
	assert_int_equal(l.half[0][1].sent, 0); /* R13: its standby */
}

/* The other group's peer is nobody here. */
static void a_group_knows_the_peers_of_its_interfaces_only(void **state)
{
	struct half *h = &l.half[0][0];
	(void)state;
	hf_core_initiate(h->core, l.now_ns, "198.18.10.2");
	settle();
	assert_int_equal(h->sent, 0);
	hf_core_initiate(h->core, l.now_ns, "192.0.2.2");
	settle();
	assert_int_equal(h->sent, 1);
}

static void command(unsigned int node, unsigned int group, enum cl_input_kind kind)
{
	struct cl_input in = { .kind = kind, .group = group };
	hf_core_cluster(l.half[node][group - 1].core, l.now_ns, &in);
	settle();
}

static void each_group_has_its_timers(void **state)
{
	(void)state;
	hf_core_initiate(l.half[0][0].core, l.now_ns, "192.0.2.2");
	hf_core_initiate(l.half[1][1].core, l.now_ns, "198.18.10.2");
	settle();
	run(10000);
	assert_in_range(l.half[0][0].sent, 2, 10);
	assert_in_range(l.half[1][1].sent, 2, 10);
}

/* R19 */
static void a_group_is_handed_over_alone(void **state)
{
	unsigned int before = l.half[1][1].roles;

	(void)state;
	a_peer_comes(1, 2);
	uint64_t held = hf_core_stats(l.half[1][1].core)->released;
	command(0, 1, CL_IN_GO_STANDBY);
	run(200);
	assert_owners(1, 1);
	assert_true(hf_core_relaying(l.half[0][0].core));
	assert_false(hf_core_relaying(l.half[0][1].core));
	assert_int_equal(l.half[0][0].relays, 1);
	assert_int_equal(l.half[0][1].relays + l.half[1][0].relays + l.half[1][1].relays, 0);
	assert_int_equal(l.half[1][1].roles, before);
	assert_true(hf_core_stats(l.half[1][1].core)->released >= held);
	assert_int_not_equal(sas(0, 2), 0);
	command(0, 1, CL_IN_GO_ACTIVE);
	run(200);
	assert_owners(0, 1);
	/* So is the one whose core did not make the cluster logic. */
	command(1, 2, CL_IN_GO_STANDBY);
	run(200);
	assert_owners(0, 0);
	assert_true(hf_core_relaying(l.half[1][1].core));
	assert_int_not_equal(sas(0, 2), 0);
}

static void a_dead_node_leaves_its_group_to_the_other(void **state)
{
	unsigned int before = l.half[0][0].roles;
	const uint64_t term = l.half[0][0].core->term;

	(void)state;
	a_peer_comes(1, 2);
	l.alive[1] = false;
	view();
	run(500);
	assert_owners(0, 0);
	assert_int_not_equal(sas(0, 2), 0);
	/* A view may make an owner announce its addresses again, no more. */
	assert_int_equal(l.half[0][0].core->term, term);
	assert_in_range(l.half[0][0].roles, before, before + 1);
}

/* R12: of all groups. */
static void a_lost_connection_silences_every_group(void **state)
{
	const struct cl_input in = { .kind = CL_IN_DISCONNECTED };
	(void)state;
	l.alive[1] = false;
	view();
	run(500);
	assert_owners(0, 0);
	hf_core_cluster(node_core(0), l.now_ns, &in);
	assert_false(hf_core_may_send(l.half[0][0].core, l.now_ns));
	assert_false(hf_core_may_send(l.half[0][1].core, l.now_ns));
}

static uint32_t dice(uint32_t *seed, uint32_t sides)
{
	*seed = *seed * 1664525u + 1013904223u;
	return (*seed >> 8) % sides;
}

static unsigned int living(void)
{
	unsigned int count = 0;
	for (unsigned int i = 0; i < NODES; i++)
		count += l.alive[i];
	return count;
}

static void kill_or_start(unsigned int i)
{
	if (!l.alive[i])
		node_make(i);
	else if (living() > 2)
		node_free(i);
	view();
}

static void fault(uint32_t *seed)
{
	unsigned int i = dice(seed, NODES), group = 1 + dice(seed, GROUPS);
	switch (dice(seed, 4)) {
	case 0:
		kill_or_start(i);
		break;
	case 1:
		if (l.alive[i])
			command(i, group, CL_IN_GO_ACTIVE);
		break;
	case 2:
		if (l.alive[i])
			command(i, group, CL_IN_GO_STANDBY);
		break;
	default:
		if (owns(i, group))
			a_peer_comes(i, group);
		break;
	}
	run(10 + dice(seed, 300));
}

/* Everybody holds what the owner of the group holds. */
static void assert_whole(unsigned int group)
{
	unsigned int owners = 0;
	for (unsigned int i = 0; i < NODES; i++) {
		const struct cl_node *n = l.half[i][0].core->cluster;
		owners += owns(i, group);
		assert_int_equal(sas(i, group), sas(0, group));
		assert_int_equal(cl_position(n, group),
				 cl_position(l.half[0][0].core->cluster, group));
		assert_true(cl_is_protected(n, group));
	}
	assert_int_equal(owners, 1);
}

/* Laws 4 (in op_role) and 8, for each group by itself. */
static void both_groups_survive_what_befalls_their_nodes(void **state)
{
	size_t most = 0;
	(void)state;
	for (uint32_t seed = 1; seed <= SEEDS; seed++) {
		uint32_t roll = seed * 7919;
		begin(NODES);
		for (unsigned int i = 0; i < FAULTS; i++)
			fault(&roll);
		for (unsigned int i = 0; i < NODES; i++)
			if (!l.alive[i])
				kill_or_start(i);
		run(5000);
		assert_whole(1);
		assert_whole(2);
		most = sas(0, 1) > most ? sas(0, 1) : most;
		end();
	}
	assert_int_not_equal(most, 0); /* there was something to hold */
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_group_begins_where_it_is_preferred),
		T(every_effect_reaches_the_core_of_its_group),
		T(an_sa_is_in_the_log_of_its_group_alone),
		T(a_group_knows_the_peers_of_its_interfaces_only),
		T(each_group_has_its_timers),
		T(a_group_is_handed_over_alone),
		T(a_dead_node_leaves_its_group_to_the_other),
		T(a_lost_connection_silences_every_group),
		cmocka_unit_test(both_groups_survive_what_befalls_their_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
