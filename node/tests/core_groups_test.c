/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes that share two failover groups: each group has an owner, a log and SAs
 * of its own (R14), and what befalls one does not touch the other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/must.h"
#include "node/tests/core_groups_harness.h"

#define FAULTS 40u
#define SEEDS  100u

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
