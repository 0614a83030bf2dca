/* SPDX-License-Identifier: Apache-2.0 */
/* "node drain": what a drained member gives away, what it does not take, and what it still must. */
#include "cluster/tests/fixtures.h"

/* By an operator; what is on disk survives the process. */
static void drain(size_t i, bool drained)
{
	struct cl_input in = { .kind = CL_IN_DRAIN, .ok = drained };

	w.nodes[i].drained = drained;
	node_input(&w.nodes[i], &in);
}

static void lose(size_t i, uint64_t ms)
{
	world_kill(&w, i, ms);
}

static const struct cl_member_status *seen_by(size_t i, uint8_t slot)
{
	static struct cl_group_status st;

	st = node_status(&w.nodes[i]);
	for (size_t k = 0; k < st.n_members; k++)
		if (st.members[k].slot == slot)
			return &st.members[k];
	fail_msg("slot %u is not a member", slot);
	return NULL;
}

static void an_owner_that_is_drained_hands_over(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	drain(0, true);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].handover);
	assert_true(node_has(&w.nodes[1], key));
	world_run(&w, 20000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 2);
}

static void a_drained_standby_still_protects(void **state)
{
	(void)state;
	world_settled(&w, 2);
	drain(0, true);
	world_run(&w, 1000);
	assert_true(w.nodes[1].is_protected);
	assert_true(seen_by(1, 1)->in_protected_set);
}

static void every_member_sees_who_is_drained(void **state)
{
	(void)state;
	world_settled(&w, 3);
	drain(2, true);
	world_run(&w, 10);
	for (size_t i = 0; i < 3; i++) {
		assert_true(seen_by(i, 3)->drained);
		assert_false(seen_by(i, 1)->drained);
	}
	lose(0, 300); /* also in the next view */
	assert_true(seen_by(1, 3)->drained);
	drain(2, false);
	world_run(&w, 10);
	assert_false(seen_by(1, 3)->drained);
}

/* Promise 1: no failover ever costs a tunnel. */
static void the_last_holder_of_state_takes_over_although_drained(void **state)
{
	(void)state;
	world_settled(&w, 2);
	drain(0, true);
	world_run(&w, 100);
	uint64_t key = node_append(&w, 1);
	world_run(&w, 10);
	lose(1, 50);
	assert_int_equal(world_owner(&w), 0);
	assert_false(w.nodes[0].suspect);
	assert_true(node_has(&w.nodes[0], key));
}

static void and_gives_it_back_as_soon_as_another_is_protected(void **state)
{
	(void)state;
	world_settled(&w, 2);
	drain(0, true);
	world_run(&w, 100);
	lose(1, 50);
	uint64_t key = node_append(&w, 0);
	world_start(&w, 1, 500);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].handover);
	assert_true(node_has(&w.nodes[1], key));
}

static void a_drained_owner_waits_for_a_protected_standby(void **state)
{
	(void)state;
	world_settled(&w, 2);
	lose(1, 100);
	drain(0, true);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 0);
	assert_true(node_may_send(&w.nodes[0]));
	world_start(&w, 1, 500);
	assert_int_equal(world_owner(&w), 1);
}

static void of_two_drained_ones_the_owner_stays(void **state)
{
	(void)state;
	world_settled(&w, 2);
	drain(1, true);
	world_run(&w, 10);
	drain(0, true);
	world_run(&w, 10000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	drain(1, false);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
}

static void an_undrained_member_takes_over_first(void **state)
{
	(void)state;
	world_settled(&w, 3);
	drain(1, true);
	world_run(&w, 10);
	lose(0, 30);
	assert_int_equal(world_owner(&w), 2); /* slot 2 alone would have been before slot 3 */
	assert_false(w.nodes[2].handover);
	assert_int_equal(w.nodes[2].term, 2);
}

/* The undrained one is a host that hangs: its rank is waited for, and not longer. */
static void a_drained_one_does_not_wait_for_a_dead_one(void **state)
{
	(void)state;
	world_settled(&w, 3);
	drain(1, true);
	world_run(&w, 10);
	node_stop(&w, 2);
	lose(0, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

static void a_handover_prefers_the_undrained_standby(void **state)
{
	(void)state;
	world_settled(&w, 3);
	drain(1, true);
	world_run(&w, 10);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[2].term, 2);
}

/* Of two that are not drained it is the one that has acknowledged most; one that is, never. */
static void a_stop_prefers_the_undrained_standby(void **state)
{
	(void)state;
	world_settled(&w, 3);
	drain(1, true);
	world_run(&w, 10);
	node_command(&w, 0, CL_IN_STOP);
	world_run(&w, 100);
	assert_int_equal(w.nodes[2].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[2].term, 2);
}

static void an_operator_cannot_move_a_group_to_a_drained_one(void **state)
{
	(void)state;
	world_settled(&w, 2);
	drain(1, true);
	world_run(&w, 10);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].commands_failed, 1);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].commands_failed, 1);
}

/* R21: better with a drained one than with nobody. */
static void an_owner_that_stops_hands_over_to_a_drained_one(void **state)
{
	(void)state;
	world_settled(&w, 2);
	drain(1, true);
	world_run(&w, 10);
	node_command(&w, 0, CL_IN_STOP);
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[1].handover);
	world_run(&w, 6000); /* it relays, and is not asked in vain for ever */
	assert_int_equal(w.nodes[0].stopped_ok, 1);
	assert_int_equal(world_owner(&w), 1);
}

static void preferred_and_drained(void)
{
	world_init(&w, 2);
	w.preferred_slot = 1;
	w.preempt = true;
	for (size_t i = 0; i < 2; i++)
		node_start(&w, i);
	world_view(&w, false);
	world_run(&w, 300);
	drain(0, true);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
}

static void a_preferred_unit_asks_again_when_it_is_resumed(void **state)
{
	(void)state;
	preferred_and_drained();
	world_run(&w, 10000);
	assert_int_equal(world_owner(&w), 1);
	drain(0, false);
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 0);
}

static void a_drained_preferred_unit_does_not_preempt_after_a_restart(void **state)
{
	(void)state;
	preferred_and_drained();
	lose(0, 100); /* upgraded, and back: what is on disk says that it is drained */
	world_start(&w, 0, 10000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(stats(0)->preempts_asked, 0);
	drain(0, false);
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 0);
}

static void a_handover_that_comes_to_nothing_is_tried_again(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].mute_prepare = true;
	drain(0, true);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
	assert_true(node_may_send(&w.nodes[0]));
	w.nodes[1].mute_prepare = false;
	world_run(&w, 2500);
	assert_int_equal(world_owner(&w), 1);
}

/* Without state anywhere there is no tunnel to keep: the undrained one begins. */
static void an_empty_start_is_the_undrained_ones(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.preferred_slot = 1;
	w.nodes[0].drained = true;
	for (size_t i = 0; i < 2; i++)
		node_start(&w, i);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 1);
}

static void with_pacemaker_a_drain_moves_nothing(void **state)
{
	(void)state;
	world_settled(&w, 2);
	lose(0, 100);
	w.manager = CL_MANAGER_PACEMAKER;
	w.nodes[0].drained = true;
	world_start(&w, 0, 500);
	lose(1, 100);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	drain(0, true);
	assert_false(seen_by(0, 1)->drained);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_owner_that_is_drained_hands_over),
		T(a_drained_standby_still_protects),
		T(every_member_sees_who_is_drained),
		T(the_last_holder_of_state_takes_over_although_drained),
		T(and_gives_it_back_as_soon_as_another_is_protected),
		T(a_drained_owner_waits_for_a_protected_standby),
		T(of_two_drained_ones_the_owner_stays),
		T(an_undrained_member_takes_over_first),
		T(a_drained_one_does_not_wait_for_a_dead_one),
		T(a_handover_prefers_the_undrained_standby),
		T(a_stop_prefers_the_undrained_standby),
		T(an_operator_cannot_move_a_group_to_a_drained_one),
		T(an_owner_that_stops_hands_over_to_a_drained_one),
		T(a_preferred_unit_asks_again_when_it_is_resumed),
		T(a_drained_preferred_unit_does_not_preempt_after_a_restart),
		T(a_handover_that_comes_to_nothing_is_tried_again),
		T(an_empty_start_is_the_undrained_ones),
		T(with_pacemaker_a_drain_moves_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
