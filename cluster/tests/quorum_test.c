/* SPDX-License-Identifier: Apache-2.0 */
/* When an owner that loses quorum stops sending, and when it goes on (R12). */
#include "cluster/tests/fixtures.h"

/* Node 0 is alone since less than a deadline: by itself it would send on. */
static void owner_is_cut_off(size_t n, bool two_node)
{
	world_settled(&w, n);
	w.two_node = two_node;
	world_run(&w, 100);
	node_cut(&w, 0);
	world_run(&w, 650); /* token and consensus */
	assert_true(node_may_send(&w.nodes[0]));
	world_view(&w, false);
}

/* The others own the group in the same moment: never do two send. */
static void an_owner_of_three_votes_is_silent_with_the_view(void **state)
{
	(void)state;
	owner_is_cut_off(3, false);
	for (unsigned int i = 0; i < 2500; i++) {
		world_run(&w, 1);
		assert_false(node_may_send(&w.nodes[0]));
		if (i == 100)
			assert_true(node_may_send(&w.nodes[1]));
	}
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_DEADLINE], 1);
	assert_int_equal(stats(0)->deadlines_passed, 1);
}

/* Without another member that could own, its deadline is what it has. */
static void an_owner_of_two_votes_sends_until_its_deadline(void **state)
{
	(void)state;
	owner_is_cut_off(2, false);
	world_run(&w, 100);
	assert_true(node_may_send(&w.nodes[0]));
	world_run(&w, 2000);
	assert_false(node_may_send(&w.nodes[0]));
}

/* The other member has quorum together with the device. */
static void an_owner_of_a_pair_with_a_quorum_device_is_silent_with_the_view(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].cl->cfg.votes = 3;
	w.two_node = false;
	world_cut(&w, 0, 2);
	assert_false(node_may_send(&w.nodes[0]));
}

static void a_half_of_a_pair_has_quorum_and_goes_on(void **state)
{
	(void)state;
	owner_is_cut_off(2, true);
	world_run(&w, 3000);
	assert_true(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_DEADLINE], 0);
}

/* Nobody had quorum meanwhile: what it costs is how long that was, and one round of HELLO. */
static void an_owner_goes_on_with_its_first_heartbeat(void **state)
{
	(void)state;
	world_settled(&w, 3);
	for (size_t i = 0; i < 3; i++)
		node_cut(&w, i);
	world_view(&w, false);
	world_run(&w, 200);
	assert_false(node_may_send(&w.nodes[0]));
	world_meet(&w, 10);
	assert_true(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[0].term, 1);
	assert_int_equal(world_owner(&w), 0);
}

/* A heartbeat of the ring before comes back behind the word that there is no quorum. */
static void a_late_heartbeat_ends_no_silence(void **state)
{
	struct cl_input quorum = { .kind = CL_IN_QUORUM, .ring = { 1, 999 } };
	(void)state;
	world_settled(&w, 3);
	node_input(&w.nodes[0], &quorum);
	assert_false(node_may_send(&w.nodes[0]));
	world_run(&w, 500);
	assert_false(node_may_send(&w.nodes[0]));
}

/*
 * Node 0 owns and is cut off; node 1 takes over and begins again, without state; node 2, which
 * knows of that, sleeps when all meet.
 */
static void an_owner_in_doubt_meets_a_joiner(void)
{
	world_settled(&w, 3);
	world_lose(&w, 0, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_kill(&w, 1);
	w.nodes[1].term_on_disk = 0;
	node_start(&w, 1);
	node_stop(&w, 2);
	world_heal(&w);
	world_view(&w, false);
}

/* R10: a copy of what is in doubt is as doubtful, and would not be claimed as that. */
static void an_owner_in_doubt_serves_no_joiner(void **state)
{
	(void)state;
	an_owner_in_doubt_meets_a_joiner();
	world_run(&w, 900);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_int_equal(w.nodes[0].chunks_sent, 0);
}

/* Nobody owned meanwhile: the marker that has waited is served. */
static void a_joiner_is_served_when_the_doubt_ends(void **state)
{
	(void)state;
	world_settled(&w, 3);
	for (size_t i = 0; i < 3; i++)
		node_cut(&w, i);
	world_view(&w, false);
	world_run(&w, 100);
	node_kill(&w, 1);
	node_start(&w, 1);
	node_stop(&w, 2);
	world_meet(&w, 500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	node_wake(&w, 2);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].is_protected);
}

/* The chunks were on their way when quorum went. */
static void a_join_that_ends_without_quorum_is_in_doubt(void **state)
{
	struct cl_input quorum = { .kind = CL_IN_QUORUM };
	(void)state;
	world_settled(&w, 3);
	world_kill(&w, 1, 10);
	world_start(&w, 1, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	quorum.ring = w.nodes[1].cl->view.ring;
	node_input(&w.nodes[1], &quorum);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[1].cl->groups[0].unsure);
}

/* Nothing that it sends comes back, and nobody could claim yet: then a member is gone. */
static void loses_a_member_behind_its_deadline(bool same_ring)
{
	world_settled(&w, 3);
	w.nodes[0].hold_acks = true;
	world_run(&w, 2100);
	assert_false(node_may_send(&w.nodes[0]));
	node_kill(&w, 2);
	world_view(&w, same_ring);
	world_run(&w, 2);
}

/* R10: others may have been a ring without it, and their owner may be the one that is gone. */
static void an_owner_behind_its_deadline_is_in_doubt_when_a_node_is_lost(void **state)
{
	(void)state;
	loses_a_member_behind_its_deadline(false);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	w.nodes[0].hold_acks = false;
	world_run(&w, 4000);
	assert_true(w.nodes[world_owner(&w)].term > 1);
}

static void it_is_not_when_a_process_ends(void **state)
{
	(void)state;
	loses_a_member_behind_its_deadline(true);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_false(w.nodes[0].cl->groups[0].unsure);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_owner_behind_its_deadline_is_in_doubt_when_a_node_is_lost),
		T(it_is_not_when_a_process_ends),
		T(an_owner_of_three_votes_is_silent_with_the_view),
		T(an_owner_of_two_votes_sends_until_its_deadline),
		T(an_owner_of_a_pair_with_a_quorum_device_is_silent_with_the_view),
		T(a_half_of_a_pair_has_quorum_and_goes_on),
		T(an_owner_goes_on_with_its_first_heartbeat),
		T(a_late_heartbeat_ends_no_silence),
		T(an_owner_in_doubt_serves_no_joiner),
		T(a_joiner_is_served_when_the_doubt_ends),
		T(a_join_that_ends_without_quorum_is_in_doubt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
