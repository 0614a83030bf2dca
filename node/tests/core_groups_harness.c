/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "node/tests/core_groups_harness.h"
#include "node/tests/core_ops.h"

#define START_NS (1000 * MS_NS)

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

struct lab l;

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
	/* R20: who owns says whose the addresses are, each time, and nobody else does. */
	assert_true(change->announce == (change->role == CL_ROLE_ACTIVE));
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
	IGNORED_OPS,
};

struct hf_core *node_core(unsigned int i)
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

void settle(void)
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

void run(uint64_t ms)
{
	for (uint64_t end = l.now_ns + ms * MS_NS; l.now_ns < end;) {
		l.now_ns += 10 * MS_NS;
		for (unsigned int i = 0; i < NODES; i++)
			if (l.alive[i])
				hf_core_timer(node_core(i), l.now_ns);
		settle();
	}
}

void view(void)
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

void node_make(unsigned int i)
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

void node_free(unsigned int i)
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

void begin(unsigned int nodes)
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

int setup(void **state)
{
	(void)state;
	begin(2);
	return 0;
}

void end(void)
{
	for (unsigned int i = 0; i < NODES; i++)
		node_free(i);
	for (size_t i = 0; i < l.n_mcast; i++)
		buf_free(&l.mcast[i].data);
	for (size_t i = 0; i < l.n_snapshots; i++)
		buf_free(&l.snapshots[i].data);
	config_free(l.config);
}

int teardown(void **state)
{
	(void)state;
	end();
	return 0;
}

bool owns(unsigned int node, unsigned int group)
{
	struct half *h = &l.half[node][group - 1];
	return l.alive[node] && h->role == CL_ROLE_ACTIVE && hf_core_may_send(h->core, l.now_ns);
}

void assert_owners(unsigned int of_one, unsigned int of_two)
{
	for (unsigned int i = 0; i < NODES; i++) {
		assert_int_equal(owns(i, 1), i == of_one);
		assert_int_equal(owns(i, 2), i == of_two);
	}
}
