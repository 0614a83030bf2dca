/* SPDX-License-Identifier: Apache-2.0 */
/* What a joiner held before, and when it is used again (R9, R10, R11, R15, R22). */
#include "cluster/tests/fixtures.h"

/* Node i has missed an entry in a cut, and knows it; no snapshot reaches it. Returns the entry. */
static uint64_t joins_again(size_t i)
{
	world_cut(&w, i, 50);
	uint64_t missed = node_append(&w, 0);
	world_run(&w, 50);
	w.nodes[0].lose_snapshots = true;
	world_meet(&w, 150);
	assert_int_equal(w.nodes[i].role, CL_ROLE_JOINING);
	assert_int_equal(world_owner(&w), 0);
	return missed;
}

static void start_again(size_t i)
{
	node_start(&w, i);
	w.nodes[i].lose_snapshots = false;
}

/* All that held more die; who is back from them holds nothing, and would begin at once. */
static void a_joiner_has_no_less_than_before_it_joined(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	uint64_t term = w.nodes[0].term, missed = joins_again(2);
	node_kill(&w, 0);
	node_kill(&w, 1);
	w.preferred_slot = 1;
	start_again(0);
	start_again(1);
	world_view(&w, true);
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect);
	assert_true(w.nodes[2].term > term);
	for (size_t i = 0; i < 3; i++) {
		assert_true(node_has(&w.nodes[i], key));
		assert_false(node_has(&w.nodes[i], missed));
	}
	assert_int_equal(w.nodes[2].logs[LOG_REPL_KEPT], 1);
	assert_true(w.nodes[2].is_protected);
}

/* R11: the members that are missing may have owned terms since. */
static void what_was_kept_is_claimed_in_a_term_of_the_slot(void **state)
{
	(void)state;
	world_settled(&w, 3);
	joins_again(2);
	node_kill(&w, 0);
	node_kill(&w, 1);
	start_again(1);
	world_view(&w, true);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect);
	assert_true(w.nodes[2].term > EMPTY_TERM_ROOM);
	assert_int_equal(w.nodes[2].term % SS_SLOTS, w.nodes[2].slot);
}

static void of_two_that_kept_state_the_one_with_more_is_succeeded(void **state)
{
	(void)state;
	world_settled(&w, 4);
	joins_again(1);
	uint64_t more = node_append(&w, 0);
	world_run(&w, 20);
	joins_again(2);
	node_kill(&w, 0);
	node_kill(&w, 3);
	start_again(3);
	world_view(&w, true);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(node_has(&w.nodes[1], more));
	assert_int_equal(w.nodes[1].logs[LOG_REPL_KEPT], 0);
}

/* It may wake, and has more. */
static void what_was_kept_is_not_claimed_from_a_silent_owner(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t missed = joins_again(2);
	node_kill(&w, 1);
	world_view(&w, true);
	node_stop(&w, 0);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[2].role, CL_ROLE_JOINING);
	w.nodes[0].lose_snapshots = false;
	node_wake(&w, 0);
	world_run(&w, 6000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[2], missed));
	assert_null(w.nodes[2].cl->groups[0].kept.store); /* no copy stays behind */
}

/* Silence at once (R12), but the state is not worth nothing. */
static void who_loses_corosync_keeps_its_state_too(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	const struct cl_input lost = { .kind = CL_IN_DISCONNECTED };
	node_kill(&w, 0);
	node_input(&w.nodes[1], &lost);
	assert_int_equal(w.nodes[1].role, CL_ROLE_OFFLINE);
	assert_false(node_has(&w.nodes[1], key));
	start_again(0);
	world_view(&w, false);
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
	assert_true(node_has(&w.nodes[0], key) && node_has(&w.nodes[1], key));
}

/* R23: the lower of two owners, too; its own log names what it kept. */
static void an_owner_that_lost_to_another_keeps_its_state(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_cut(&w, 0, 200);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 100);
	w.nodes[1].lose_snapshots = true;
	world_meet(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	uint64_t term = w.nodes[1].term;
	world_kill(&w, 1, 100);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].suspect && w.nodes[0].term > term);
	assert_true(node_has(&w.nodes[0], key));
}

/* A batch that is applied by half is none. */
static void what_a_refused_record_has_left_is_not_kept(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].lose_snapshots = true;
	const uint8_t nonsense[] = { 0xff, 0xff };
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Batch b = HOLDFAST__BATCH__INIT;
	b.position = w.nodes[1].cl->groups[0].applied + 1;
	b.records = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)nonsense,
					   .len = sizeof(nonsense) };
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_BATCH;
	m.batch = &b;
	node_forge(&w, 0, w.nodes[0].term, &m);
	w.nodes[0].cl->groups[0].commit.appended++;
	world_order(&w);
	node_kill(&w, 0);
	world_run(&w, 5);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	world_view(&w, true);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
}

/* What node 0 sends of its state reaches slot 3 only. */
static void to_slot_3(struct node *nd, const struct cl_effect *fx)
{
	struct cl_input in = { .kind = CL_IN_SNAPSHOT,
			       .from_node_id = nd->id,
			       .data = buf_bytes(&fx->data) };

	if (fx->kind == CL_FX_SNAPSHOT_ASK || fx->slot == 3)
		node_input(&w.nodes[fx->kind == CL_FX_SNAPSHOT_ASK ? 0 : 2], &in);
}

/*
 * Node 2 has just completed its state, and nobody has heard it say so, when the owner's process
 * dies. Returns a record that only these two have.
 */
static uint64_t completes_unheard(void)
{
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	world_kill(&w, 2, 20);
	start_again(2);
	world_view(&w, true);
	for (unsigned int i = 0; i < 50 && w.nodes[2].role != CL_ROLE_STANDBY; i++) {
		world_run(&w, 1);
		w.nodes[2].hold_acks = w.nodes[2].role == CL_ROLE_STANDBY;
	}
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_false(node_status(&w.nodes[1]).members[2].synced);
	w.nodes[0].lose_snapshots = true;
	node_kill(&w, 0);
	world_view(&w, true);
	return key;
}

static void assert_node_2_takes_over(uint64_t key)
{
	world_run(&w, 20);
	w.nodes[2].hold_acks = false;
	w.snapshot = NULL;
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(node_has(&w.nodes[2], key));
	assert_true(node_has(&w.nodes[1], key));
}

/* R22: what a member said in the view before is not its word in this one. */
static void who_has_more_is_heard_in_this_view_first(void **state)
{
	(void)state;
	world_settled(&w, 3);
	joins_again(1);
	w.snapshot = to_slot_3;
	uint64_t key = completes_unheard();
	assert_node_2_takes_over(key);
	assert_int_equal(w.nodes[1].logs[LOG_REPL_KEPT], 0);
}

/* R15: nor does an operator's word end a state that is about to be announced. */
static void nobody_begins_empty_before_all_are_heard_in_this_view(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_kill(&w, 1, 20);
	node_start(&w, 1);
	w.snapshot = to_slot_3;
	uint64_t key = completes_unheard();
	world_order(&w);
	world_run(&w, 1);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	assert_node_2_takes_over(key);
	assert_int_equal(stats(1)->claims_sent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_joiner_has_no_less_than_before_it_joined),
		T(what_was_kept_is_claimed_in_a_term_of_the_slot),
		T(of_two_that_kept_state_the_one_with_more_is_succeeded),
		T(what_was_kept_is_not_claimed_from_a_silent_owner),
		T(who_loses_corosync_keeps_its_state_too),
		T(an_owner_that_lost_to_another_keeps_its_state),
		T(what_a_refused_record_has_left_is_not_kept),
		T(who_has_more_is_heard_in_this_view_first),
		T(nobody_begins_empty_before_all_are_heard_in_this_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
