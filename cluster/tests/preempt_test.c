/* SPDX-License-Identifier: Apache-2.0 */
/* preempt: when the preferred unit takes the group back, and when it must not. */
#include "cluster/tests/fixtures.h"

/* n nodes, slot 1 preferred with preempt; owned by node 0, all protected. */
static void preempting(size_t n, uint32_t after_ms)
{
	world_init(&w, n);
	w.preferred_slot = 1;
	w.preempt = true;
	w.preempt_after_ms = after_ms;
	for (size_t i = 0; i < n; i++)
		node_start(&w, i);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
}

static void crash(size_t i)
{
	world_kill(&w, i, 30);
}

static uint64_t asked(size_t i)
{
	return stats(i)->preempts_asked;
}

static void the_preferred_unit_takes_the_group_back_when_it_is_protected(void **state)
{
	(void)state;
	preempting(2, 0);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 10);
	crash(0);
	assert_int_equal(world_owner(&w), 1);
	world_start(&w, 0, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].handover); /* planned: nothing is lost */
	assert_false(w.nodes[0].suspect);
	assert_true(node_has(&w.nodes[0], key));
	assert_true(w.nodes[0].is_protected);
	assert_int_equal(asked(0), 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_PREEMPT], 1);
	world_run(&w, 30000);
	assert_int_equal(asked(0), 1);
	assert_int_equal(w.nodes[0].term, 3);
}

static void without_the_line_the_group_stays(void **state)
{
	(void)state;
	preempting(2, 0);
	w.preempt = false;
	crash(0);
	world_start(&w, 0, 10000);
	assert_int_equal(world_owner(&w), 1);
}

static void the_unit_that_is_not_preferred_never_asks(void **state)
{
	(void)state;
	preempting(2, 0);
	crash(1);
	world_start(&w, 1, 10000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(asked(1), 0);
}

static void the_delay_counts_from_when_the_unit_is_available(void **state)
{
	(void)state;
	preempting(2, 20000);
	crash(0);
	world_start(&w, 0, 19000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(asked(0), 0);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
}

static void what_an_operator_handed_over_stays(void **state)
{
	(void)state;
	preempting(2, 0);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 20000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(asked(0), 0);
}

/* A daemon that was stopped and overtaken has its state and did not join. */
static void a_unit_that_slept_comes_back_too(void **state)
{
	(void)state;
	preempting(2, 1000);
	node_stop(&w, 0);
	world_run(&w, 2600);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_wake(&w, 0);
	world_run(&w, 800);
	assert_int_equal(world_owner(&w), 1);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].handover);
}

static void nothing_is_asked_while_unprotected(void **state)
{
	(void)state;
	preempting(2, 0);
	crash(0);
	w.nodes[1].lose_snapshots = true; /* it never gets complete */
	world_start(&w, 0, 6000);
	assert_int_equal(asked(0), 0);
	assert_int_equal(world_owner(&w), 1);
	w.nodes[1].lose_snapshots = false;
	world_run(&w, 6000);
	assert_int_equal(world_owner(&w), 0);
}

static void a_protected_set_without_this_node_is_waited_for(void **state)
{
	(void)state;
	preempting(2, 2000);
	crash(0);
	world_start(&w, 0, 300);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	w.nodes[0].hold_acks = true;
	node_append(&w, 1); /* unanswered: the owner goes unprotected (R6) */
	world_run(&w, 5000);
	assert_int_equal(asked(0), 0);
	assert_int_equal(world_owner(&w), 1);
	w.nodes[0].hold_acks = false;
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 0);
}

/* It has owned behind the cut, and lost: its last numbers are in no log before they are merged. */
static void what_it_held_itself_is_merged_first(void **state)
{
	(void)state;
	preempting(2, 0);
	w.two_node = true;
	node_append(&w, 0);
	world_run(&w, 10);
	world_lose(&w, 0, 100);
	node_append(&w, 0);
	node_append(&w, 1);
	world_run(&w, 1000);
	w.nodes[1].mute_quiesce = true;
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].cl->groups[0].part.running);
	assert_int_equal(asked(0), 0);
	/* Not merged, and given up. */
	world_run(&w, PART_KEEP_MS + 1000);
	assert_false(w.nodes[0].cl->groups[0].part.running);
	assert_int_equal(asked(0), 1);
}

static void with_pacemaker_the_roles_are_its_business(void **state)
{
	(void)state;
	preempting(2, 0);
	w.manager = CL_MANAGER_PACEMAKER;
	crash(0);
	world_start(&w, 0, 10000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(asked(0), 0);
}

static void a_request_that_leads_to_nothing_is_repeated_ever_more_slowly(void **state)
{
	(void)state;
	preempting(2, 0);
	crash(0);
	w.nodes[0].mute_prepare = true;
	world_start(&w, 0, 4000);
	assert_int_equal(asked(0), 1);
	world_run(&w, 2000); /* 5 s, then 10, then 20 */
	assert_int_equal(asked(0), 2);
	world_run(&w, 8000);
	assert_int_equal(asked(0), 2);
	world_run(&w, 2000);
	assert_int_equal(asked(0), 3);
	world_run(&w, 19000);
	assert_int_equal(asked(0), 3);
	assert_int_equal(world_owner(&w), 1);
	assert_true(node_may_send(&w.nodes[1]));
	w.nodes[0].mute_prepare = false;
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 0);
}

/* The preferred unit takes the group, dies of it, and is started again, for ever. */
static void a_unit_that_keeps_dying_does_not_make_the_group_flap(void **state)
{
	unsigned int changes = 0;
	(void)state;
	preempting(2, 0);
	for (int i = 0; i < 20; i++) {
		if (w.nodes[0].role == CL_ROLE_ACTIVE) {
			crash(0);
			world_start(&w, 0, 300);
			changes++;
		}
		world_run(&w, 10000);
	}
	assert_in_range(changes, 1, 3);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].logs[LOG_CLUSTER_FLAPPING] > 0);
	assert_true(stats(1)->preempts_refused > 0);
	/* Calm for ten minutes: now it may. */
	world_run(&w, 900000);
	assert_int_equal(world_owner(&w), 0);
}

/* An operator's own request is no preemption and is never kept waiting. */
static void an_operator_may_move_the_group_as_often_as_he_likes(void **state)
{
	(void)state;
	preempting(2, 0);
	for (size_t i = 0; i < 10; i++) {
		node_command(&w, 1 - i % 2, CL_IN_GO_ACTIVE);
		world_run(&w, 100);
		assert_int_equal(world_owner(&w), 1 - i % 2);
	}
	assert_int_equal(asked(0), 0);
}

/* The delay is how long the group stays where it is: a move begins it anew. */
static void of_three_the_preferred_one_waits_again_when_the_group_moves(void **state)
{
	(void)state;
	preempting(3, 500);
	crash(0);
	assert_int_equal(world_owner(&w), 1);
	world_start(&w, 0, 300);
	node_command(&w, 2, CL_IN_GO_ACTIVE);
	world_run(&w, 30);
	assert_int_equal(world_owner(&w), 2);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 2);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_preferred_unit_takes_the_group_back_when_it_is_protected),
		T(without_the_line_the_group_stays),
		T(the_unit_that_is_not_preferred_never_asks),
		T(the_delay_counts_from_when_the_unit_is_available),
		T(what_an_operator_handed_over_stays),
		T(a_unit_that_slept_comes_back_too),
		T(nothing_is_asked_while_unprotected),
		T(a_protected_set_without_this_node_is_waited_for),
		T(what_it_held_itself_is_merged_first),
		T(with_pacemaker_the_roles_are_its_business),
		T(a_request_that_leads_to_nothing_is_repeated_ever_more_slowly),
		T(a_unit_that_keeps_dying_does_not_make_the_group_flap),
		T(an_operator_may_move_the_group_as_often_as_he_likes),
		T(of_three_the_preferred_one_waits_again_when_the_group_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
