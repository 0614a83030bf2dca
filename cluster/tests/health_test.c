/* SPDX-License-Identifier: Apache-2.0 */
/* Link monitoring: when an owner hands over because of its interfaces, and when it must not. */
#include <stdio.h>

#include "cluster/tests/fixtures.h"

#define SETTLE_MS 300u
#define HOLD_MS   25000u

enum { OUTSIDE, INSIDE, DMZ, LINKS };

static struct cl_health health[NODES_MAX];

static void tell(size_t i)
{
	struct cl_input in = { .kind = CL_IN_LINKS, .health = &health[i] };

	node_input(&w.nodes[i], &in);
}

static void link_is(size_t i, unsigned int link, enum cl_link_state s)
{
	health[i].links[link].state = s;
	tell(i);
}

static void all_links_up(size_t i)
{
	static const char *const names[LINKS] = { "outside", "inside", "dmz" };

	health[i] = (struct cl_health){ .n_links = LINKS,
					.link_state_ms = SETTLE_MS,
					.hold_ms = HOLD_MS };
	for (unsigned int k = 0; k < LINKS; k++) {
		snprintf(health[i].links[k].nameif, CL_NAME_MAX, "%s", names[k]);
		health[i].links[k].group = GROUP;
		health[i].links[k].state = CL_LINK_NORMAL;
		health[i].links[k].monitored = k != DMZ;
	}
	tell(i);
}

/* n nodes, all links up, owned by node 0, all protected. */
static void monitored(size_t n)
{
	world_settled(&w, n);
	for (size_t i = 0; i < n; i++)
		all_links_up(i);
	world_run(&w, 10);
}

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

/* Who is behind the link may have missed that this member took over. */
static void an_owner_announces_behind_a_link_that_is_back(void **state)
{
	(void)state;
	monitored(2);
	assert_int_equal(w.nodes[0].announced, 0);
	link_is(0, DMZ, CL_LINK_NO_LINK);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].announced, 0);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	assert_int_equal(w.nodes[0].announced, 1);
	tell(0);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[0].announced, 1);
	link_is(0, DMZ, CL_LINK_NORMAL); /* monitored or not */
	assert_int_equal(w.nodes[0].announced, 2);
	assert_int_equal(world_owner(&w), 0);
}

static void a_standby_announces_nothing(void **state)
{
	(void)state;
	monitored(2);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	link_is(1, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[1].announced, 0);
	/* Nor an owner for a link of another group. */
	health[0].links[OUTSIDE].group = 7;
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	assert_int_equal(w.nodes[0].announced, 0);
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

static void preempting(void)
{
	world_init(&w, 2);
	w.preferred_slot = 1;
	w.preempt = true;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	all_links_up(0);
	all_links_up(1);
	world_run(&w, 10);
	assert_int_equal(world_owner(&w), 0);
}

/* What its links made it give it takes back when they have been up for the hold time. */
static void preempt_waits_for_links_that_hold(void **state)
{
	(void)state;
	preempting();
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10000);
	assert_int_equal(world_owner(&w), 1);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS - 100);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_NORMAL], 0);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_NORMAL], 1);
}

/* A restarted preferred unit with a dead link does not take the group to lose it again. */
static void preempt_does_not_take_what_it_cannot_serve(void **state)
{
	(void)state;
	preempting();
	world_kill(&w, 0, 30);
	node_start(&w, 0);
	all_links_up(0);
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	world_view(&w, true);
	world_run(&w, 20000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(stats(0)->preempts_asked, 0);
	link_is(0, INSIDE, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS + 300);
	assert_int_equal(world_owner(&w), 0);
}

static void every_member_sees_the_interfaces_of_all(void **state)
{
	struct cl_link links[CL_LINKS_MAX];
	(void)state;
	monitored(2);
	link_is(1, INSIDE, CL_LINK_DOWN);
	world_run(&w, 10);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(cl_links(w.nodes[i].cl, 2, links), LINKS);
		assert_string_equal(links[INSIDE].nameif, "inside");
		assert_int_equal(links[INSIDE].state, CL_LINK_DOWN);
		assert_true(links[INSIDE].monitored);
		assert_int_equal(links[OUTSIDE].state, CL_LINK_NORMAL);
		assert_false(links[DMZ].monitored);
	}
	link_is(1, INSIDE, CL_LINK_NORMAL);
	world_run(&w, SETTLE_MS + 10);
	cl_links(w.nodes[0].cl, 2, links);
	assert_int_equal(links[INSIDE].state, CL_LINK_WAITING);
	world_run(&w, HOLD_MS);
	cl_links(w.nodes[0].cl, 2, links);
	assert_int_equal(links[INSIDE].state, CL_LINK_NORMAL);
	/* One that is configured away is gone for the others as well. */
	health[1].n_links = 1;
	tell(1);
	world_run(&w, 10);
	assert_int_equal(cl_links(w.nodes[0].cl, 2, links), 1);
	assert_int_equal(cl_links(w.nodes[0].cl, 3, links), 0);
}

/* Of a newer version: more interfaces than this one has room for, in a state that it cannot name. */
static void what_a_newer_member_says_is_taken_as_far_as_it_goes(void **state)
{
	Holdfast__InterfaceStatus status[CL_LINKS_MAX + 2], *list[CL_LINKS_MAX + 2];
	Holdfast__Hello h = HOLDFAST__HELLO__INIT;
	struct cl_link links[CL_LINKS_MAX];

	(void)state;
	monitored(2);
	for (size_t i = 0; i < CL_LINKS_MAX + 2; i++) {
		holdfast__interface_status__init(&status[i]);
		status[i].state = 77;
		status[i].monitored = true;
		status[i].group = GROUP;
		list[i] = &status[i];
	}
	h.n_interface = CL_LINKS_MAX + 2;
	h.interface = list;
	struct cl_outbox out = { 0 };
	w.nodes[0].cl->out = &out;
	health_heard(w.nodes[0].cl, member_by_slot(w.nodes[0].cl, 2), &h);
	cl_outbox_clear(&out);
	assert_int_equal(cl_links(w.nodes[0].cl, 2, links), CL_LINKS_MAX);
	assert_int_equal(links[0].state, CL_LINK_UNKNOWN);
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
		T(behind_a_silent_owner_too),
		T(the_only_claimant_takes_over_with_failed_interfaces),
		T(an_operator_hands_over_to_good_interfaces),
		T(an_owner_announces_behind_a_link_that_is_back),
		T(a_standby_announces_nothing),
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
		T(preempt_waits_for_links_that_hold),
		T(preempt_does_not_take_what_it_cannot_serve),
		T(every_member_sees_the_interfaces_of_all),
		T(what_a_newer_member_says_is_taken_as_far_as_it_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
