/* SPDX-License-Identifier: Apache-2.0 */
/* Link monitoring: when an owner hands over because of its interfaces, and when it must not. */
#include "cluster/tests/health_fixtures.h"

static uint64_t handed_over(size_t i)
{
	return stats(i)->link_handovers;
}

static void an_owner_that_loses_a_link_hands_over(void **state)
{
	(void)state;
	monitored(2);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 10);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_DOWN], 1);
	world_run(&w, SETTLE_MS - 20);
	assert_int_equal(world_owner(&w), 0);
	world_run(&w, 60);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].handover);
	assert_false(w.nodes[1].suspect);
	assert_true(node_has(&w.nodes[1], key));
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_HANDOVER], 1);
	world_run(&w, 60000);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].is_protected);
	assert_int_equal(handed_over(0) + handed_over(1), 1);
}

static void every_kind_of_failure_counts(void **state)
{
	static const enum cl_link_state kinds[] = { CL_LINK_NO_LINK, CL_LINK_DOWN, CL_LINK_FAILED };
	(void)state;
	for (size_t k = 0; k < 3; k++) {
		monitored(2);
		link_is(0, INSIDE, kinds[k]);
		world_run(&w, 400);
		assert_int_equal(world_owner(&w), 1);
		world_free(&w);
	}
	monitored(2);
}

static void an_interface_that_is_not_monitored_does_not_count(void **state)
{
	(void)state;
	monitored(2);
	link_is(0, DMZ, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_DOWN], 0);
	/* It counts from when it is monitored. */
	health[0].links[DMZ].monitored = true;
	tell(0);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 1);
}

/* It serves another group: that one moves for it, and not this one. */
static void a_link_of_another_group_does_not_count(void **state)
{
	(void)state;
	monitored(2);
	health[0].links[INSIDE].group = GROUP + 1;
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	/* From when it serves this one it counts, on both sides. */
	link_is(1, INSIDE, CL_LINK_NO_LINK);
	health[0].links[INSIDE].group = GROUP;
	tell(0);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	health[1].links[INSIDE].group = GROUP + 1;
	tell(1);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 1);
}

/* A switch dies: both lose the same link, and neither is better off. */
static void with_both_links_down_the_group_stays(void **state)
{
	(void)state;
	monitored(2);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 200);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 60000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(handed_over(0) + handed_over(1), 0);
	/* The standby's comes back first: there the tunnels can go on. */
	link_is(1, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 2 * SETTLE_MS + 100);
	assert_int_equal(world_owner(&w), 1);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 60000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(handed_over(0) + handed_over(1), 1);
}

static void a_failed_link_of_a_standby_moves_nothing(void **state)
{
	(void)state;
	monitored(2);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_LINK_DOWN], 1);
	assert_string_equal(cl_last_failure(w.nodes[0].cl, 2).why, "Ifc Failure");
}

static void the_member_with_fewer_failures_owns(void **state)
{
	(void)state;
	monitored(2);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 0);
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 1);
}

static void of_three_the_healthiest_standby_takes_over(void **state)
{
	(void)state;
	monitored(3);
	link_is(1, INSIDE, CL_LINK_NO_LINK);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 2);
}

/* Slot 2 would be the first of the two to claim. */
static void the_owner_dies_and_slot_2_has_failed_interfaces(unsigned int policy, bool slot_3_too)
{
	monitored(3);
	for (size_t i = 0; i < 3; i++) {
		health[i].failures = policy;
		tell(i);
	}
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	if (slot_3_too)
		link_is(2, INSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 0);
	world_kill(&w, 0, 50);
}

static void a_claimant_with_failed_interfaces_goes_behind(void **state)
{
	(void)state;
	the_owner_dies_and_slot_2_has_failed_interfaces(1, false);
	assert_int_equal(world_owner(&w), 2);
	assert_false(w.nodes[2].suspect);
	assert_int_equal(stats(1)->claims_sent, 0);
}

static void when_all_claimants_have_failed_the_slot_decides(void **state)
{
	(void)state;
	the_owner_dies_and_slot_2_has_failed_interfaces(1, true);
	assert_int_equal(world_owner(&w), 1);
}

static void a_claimant_is_failed_when_the_policy_says_so(void **state)
{
	(void)state;
	the_owner_dies_and_slot_2_has_failed_interfaces(2, false);
	assert_int_equal(world_owner(&w), 1);
}

/* A share of so many interfaces as that one monitors, whatever its judge does. */
static void the_share_is_one_of_the_claimants_interfaces(void **state)
{
	(void)state;
	for (unsigned int alone = 0; alone < 2; alone++) {
		monitored(3);
		for (size_t i = 0; i < 3; i++) {
			health[i].percent = true;
			health[i].failures = 60;
			tell(i);
		}
		health[1].links[INSIDE].monitored = !alone;
		link_is(1, OUTSIDE, CL_LINK_NO_LINK);
		world_run(&w, 400);
		world_kill(&w, 0, 50);
		assert_int_equal(world_owner(&w), alone ? 2 : 1);
		assert_int_equal(stats(1)->claims_sent, !alone);
		assert_int_equal(stats(2)->claims_sent, alone);
		world_free(&w);
	}
	monitored(2);
}

static void behind_a_silent_owner_too(void **state)
{
	(void)state;
	monitored(3);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	node_stop(&w, 0);
	world_run(&w, 2300);
	assert_int_equal(w.nodes[2].role, CL_ROLE_ACTIVE);
	assert_int_equal(stats(1)->claims_sent, 0);
}

/* It is better than nobody. */
static void the_only_claimant_takes_over_with_failed_interfaces(void **state)
{
	(void)state;
	monitored(3);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	node_kill(&w, 2);
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
}

static void an_operator_hands_over_to_good_interfaces(void **state)
{
	(void)state;
	monitored(3);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 2);
}

static void a_short_loss_moves_nothing(void **state)
{
	(void)state;
	monitored(2);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, SETTLE_MS - 50);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(handed_over(0), 0);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_UP], 1);
}

/* Up and down faster than its time: that is a failed link, and not two events a second. */
static void a_flapping_link_is_a_failed_one(void **state)
{
	(void)state;
	monitored(2);
	for (int i = 0; i < 20; i++) {
		link_is(0, OUTSIDE, i % 2 ? CL_LINK_NORMAL : CL_LINK_NO_LINK);
		world_run(&w, 100);
	}
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(handed_over(0), 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_DOWN], 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_UP], 0);
	world_run(&w, SETTLE_MS);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_UP], 1);
}

/* The links of both go in turn, always that of the owner, for a minute. */
static void the_group_does_not_follow_flapping_links_for_ever(void **state)
{
	(void)state;
	monitored(2);
	for (int i = 0; i < 60; i++) {
		size_t owner = world_owner(&w);
		link_is(owner, OUTSIDE, CL_LINK_NO_LINK);
		link_is(1 - owner, OUTSIDE, CL_LINK_NORMAL);
		world_run(&w, 1000);
	}
	/* 2, 4, 8, then 10 s from one to the next at each of the two; 60 without the guard. */
	assert_in_range(handed_over(0) + handed_over(1), 8, 18);
	/* After a calm minute the next one is quick again. */
	size_t owner = world_owner(&w);
	link_is(owner, OUTSIDE, CL_LINK_NORMAL);
	link_is(1 - owner, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 70000);
	assert_int_equal(world_owner(&w), owner);
	link_is(owner, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 1 - owner);
}

static void the_policy_says_how_many_failures_count(void **state)
{
	(void)state;
	monitored(2);
	for (size_t i = 0; i < 2; i++) {
		health[i].failures = 2;
		tell(i);
	}
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 1);
}

/* 60 % of two interfaces are two of them; 50 % one. */
static void the_policy_may_be_a_share_of_the_interfaces(void **state)
{
	(void)state;
	monitored(2);
	health[0].percent = true;
	health[0].failures = 60;
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	health[0].failures = 50;
	tell(0);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 1);
}

static void without_a_protected_standby_nobody_is_there_to_take_over(void **state)
{
	(void)state;
	monitored(2);
	node_kill(&w, 1);
	world_view(&w, true);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	assert_true(node_may_send(&w.nodes[0]));
	node_start(&w, 1);
	all_links_up(1);
	world_view(&w, true);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].handover);
}

/* Nothing is stopped before the next owner is ready: a handover that fails costs nothing. */
static void a_handover_that_fails_is_tried_again_ever_more_slowly(void **state)
{
	(void)state;
	monitored(2);
	w.nodes[1].mute_prepare = true;
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 1900);
	assert_int_equal(handed_over(0), 1);
	assert_true(node_may_send(&w.nodes[0]));
	world_run(&w, 1000);
	assert_int_equal(handed_over(0), 2);
	world_run(&w, 3000);
	assert_int_equal(handed_over(0), 2);
	w.nodes[1].mute_prepare = false;
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 1);
}

static void the_standby_dies_in_the_middle(void **state)
{
	(void)state;
	monitored(2);
	w.nodes[0].mute_quiesce = true;
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 350);
	assert_int_equal(w.nodes[0].role, CL_ROLE_RELEASING);
	world_kill(&w, 1, 50);
	assert_int_equal(world_owner(&w), 0);
	assert_true(node_may_send(&w.nodes[0]));
}

/* The claim that a handover ends with needs it. */
static void without_quorum_nothing_is_handed_over(void **state)
{
	(void)state;
	monitored(4);
	w.nodes[0].part = w.nodes[1].part = 9;
	world_view(&w, false);
	world_run(&w, 50);
	assert_true(w.nodes[0].is_protected);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 1000);
	assert_int_equal(handed_over(0), 0);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
}

static void with_pacemaker_the_roles_are_its_business(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.manager = CL_MANAGER_PACEMAKER;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 100);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 200);
	all_links_up(0);
	all_links_up(1);
	assert_int_equal(world_owner(&w), 0);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	/* It may also promote the one whose links are worse. */
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 1);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 0);
}

/* It would come back at once. */
static void an_operator_cannot_move_the_group_to_failed_interfaces(void **state)
{
	(void)state;
	monitored(2);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].commands_failed, 1);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_owner_that_loses_a_link_hands_over),
		T(every_kind_of_failure_counts),
		T(an_interface_that_is_not_monitored_does_not_count),
		T(a_link_of_another_group_does_not_count),
		T(with_both_links_down_the_group_stays),
		T(a_failed_link_of_a_standby_moves_nothing),
		T(the_member_with_fewer_failures_owns),
		T(of_three_the_healthiest_standby_takes_over),
		T(a_claimant_with_failed_interfaces_goes_behind),
		T(when_all_claimants_have_failed_the_slot_decides),
		T(a_claimant_is_failed_when_the_policy_says_so),
		T(the_share_is_one_of_the_claimants_interfaces),
		T(behind_a_silent_owner_too),
		T(the_only_claimant_takes_over_with_failed_interfaces),
		T(an_operator_hands_over_to_good_interfaces),
		T(a_short_loss_moves_nothing),
		T(a_flapping_link_is_a_failed_one),
		T(the_group_does_not_follow_flapping_links_for_ever),
		T(the_policy_says_how_many_failures_count),
		T(the_policy_may_be_a_share_of_the_interfaces),
		T(without_a_protected_standby_nobody_is_there_to_take_over),
		T(a_handover_that_fails_is_tried_again_ever_more_slowly),
		T(the_standby_dies_in_the_middle),
		T(without_quorum_nothing_is_handed_over),
		T(with_pacemaker_the_roles_are_its_business),
		T(an_operator_cannot_move_the_group_to_failed_interfaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
