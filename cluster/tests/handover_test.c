/* SPDX-License-Identifier: Apache-2.0 */
/* Planned change of owner, its failures, commands, stop (R19, R21). */
#include "cluster/tests/fixtures.h"

static void assert_handed_over(size_t from, size_t to, uint64_t term)
{
	assert_int_equal(world_owner(&w), to);
	assert_int_equal(w.nodes[to].term, term);
	assert_true(w.nodes[to].handover);
	assert_false(w.nodes[to].suspect);
	assert_string_equal(w.nodes[to].why, "handover");
	assert_int_equal(w.nodes[from].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[from].deadline_ns, 0);
	assert_int_equal(w.nodes[from].resets, 0); /* it relays: its SAs stay installed */
	assert_true(w.nodes[to].is_protected);
}

static void the_owner_hands_over_when_told(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 30);
	assert_handed_over(0, 1, 2);
	assert_true(node_has(&w.nodes[1], key));
	assert_int_equal(w.nodes[0].commands_ok, 1);
	assert_int_equal(node_status(&w.nodes[1]).handovers, 1);
}

static void a_standby_asks_the_owner(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_command(&w, 2, CL_IN_GO_ACTIVE);
	world_run(&w, 30);
	assert_handed_over(0, 2, 2);
	assert_int_equal(w.nodes[2].commands_ok, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

/* Node 0 is gone, and node 1's claim is delivered to itself only. */
static void node_1_claims(void)
{
	world_settled(&w, 3);
	node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 0);
	world_view(&w, true);
	for (unsigned int i = 0; i < 100 && !w.nodes[1].cl->groups[0].claim.settling; i++)
		world_run(&w, 1);
	assert_true(w.nodes[1].cl->groups[0].claim.settling);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

static void who_claims_hands_over_when_the_claim_has_settled(void **state)
{
	(void)state;
	node_1_claims();
	node_command(&w, 1, CL_IN_GO_STANDBY);
	assert_int_equal(w.nodes[1].commands_ok + w.nodes[1].commands_failed, 0);
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].commands_ok, 1);
	assert_int_equal(w.nodes[1].commands_failed, 0);
	assert_handed_over(1, 2, 3);
}

static void who_stops_while_it_claims_hands_over_first(void **state)
{
	struct cl_input idle = { .kind = CL_IN_RELAY_DONE, .group = GROUP };
	(void)state;
	node_1_claims();
	node_command(&w, 1, CL_IN_STOP);
	assert_int_equal(w.nodes[1].stopped_ok + w.nodes[1].stopped_failed, 0);
	world_run(&w, 100);
	assert_handed_over(1, 2, 3);
	node_input(&w.nodes[1], &idle);
	assert_int_equal(w.nodes[1].stopped_ok, 1);
}

/* The claim settles, and there is nobody to hand over to. */
static void who_claims_alone_says_that_it_stays(void **state)
{
	(void)state;
	node_1_claims();
	node_command(&w, 1, CL_IN_GO_STANDBY);
	world_kill(&w, 2, 1500);
	assert_int_equal(w.nodes[1].commands_failed, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

static void whose_claim_is_refused_is_a_standby(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t term = w.nodes[0].term;
	node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 0);
	world_view(&w, true);
	w.nodes[1].hold_acks = true;
	for (unsigned int i = 0; i < 50 && !w.nodes[1].cl->groups[0].claim.sent; i++)
		world_run(&w, 1);
	assert_true(w.nodes[1].cl->groups[0].claim.sent);
	node_forge_claim(&w, 2, term + 1, CLAIM_LEFT, NULL);
	node_command(&w, 1, CL_IN_GO_STANDBY);
	assert_int_equal(w.nodes[1].commands_ok, 0);
	world_run(&w, 1);
	w.nodes[1].hold_acks = false;
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[1].commands_ok, 1);
}

/* Corosync does not move, and neither does the time by which the command is answered. */
static void whose_claim_is_not_heard_is_answered_in_time(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_kill(&w, 0);
	world_view(&w, true);
	w.nodes[1].hold_acks = w.nodes[2].hold_acks = true;
	for (unsigned int i = 0; i < 50 && !w.nodes[1].cl->groups[0].claim.sent; i++)
		world_run(&w, 1);
	assert_true(w.nodes[1].cl->groups[0].claim.sent);
	node_command(&w, 1, CL_IN_GO_STANDBY);
	world_run(&w, 3 * HANDOVER_MS);
	world_view(&w, true);
	world_run(&w, 2 * HANDOVER_MS + 100);
	assert_int_equal(w.nodes[1].commands_failed, 1);
}

/* Nobody else's claim ends the stop that waited for ours. */
static void who_stops_and_whose_claim_is_refused_may_go(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.two_node = true;
	node_kill(&w, 0);
	world_view(&w, true);
	w.nodes[1].hold_acks = true;
	for (unsigned int i = 0; i < 50 && !w.nodes[1].cl->groups[0].claim.sent; i++)
		world_run(&w, 1);
	assert_true(w.nodes[1].cl->groups[0].claim.sent);
	node_command(&w, 1, CL_IN_STOP);
	assert_int_equal(w.nodes[1].stopped_ok, 0);
	world_view(&w, false); /* not the one that it names */
	w.nodes[1].hold_acks = false;
	world_run(&w, 20);
	assert_int_equal(node_status(&w.nodes[1]).claims_refused, 1);
	assert_int_equal(w.nodes[1].stopped_ok, 1);
}

static void there_and_back_ten_times(void **state)
{
	(void)state;
	world_settled(&w, 2);
	for (uint64_t i = 0; i < 10; i++) {
		uint64_t key = node_append(&w, i % 2);
		node_command(&w, i % 2, CL_IN_GO_STANDBY);
		world_run(&w, 30);
		assert_handed_over(i % 2, 1 - i % 2, i + 2);
		assert_true(node_has(&w.nodes[1 - i % 2], key));
	}
}

static void of_two_standbys_the_one_that_holds_more_is_next(void **state)
{
	(void)state;
	world_settled(&w, 3);
	w.nodes[1].hold_acks = true;
	uint64_t key = node_append(&w, 0);
	world_run(&w, 100);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	w.nodes[1].hold_acks = false;
	world_run(&w, 30);
	assert_handed_over(0, 2, 2);
	assert_true(node_has(&w.nodes[2], key));
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

static void of_equal_standbys_the_lowest_slot_is_next(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 30);
	assert_handed_over(0, 1, 2);
}

static void final_records_are_held_by_the_next_owner_before_release(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].mute_quiesce = true;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].role, CL_ROLE_RELEASING);
	w.nodes[1].hold_acks = true;
	uint64_t final = node_append(&w, 0);
	node_command(&w, 0, CL_IN_QUIESCED);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_RELEASING);
	assert_true(w.nodes[0].deadline_ns != 0); /* RELEASE is not out */
	assert_int_equal(w.nodes[1].role, CL_ROLE_PREPARING);
	w.nodes[1].hold_acks = false;
	world_run(&w, 20);
	assert_handed_over(0, 1, 2);
	assert_true(node_has(&w.nodes[1], final));
}

static void the_term_is_on_disk_before_the_owner_stops(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].mute_quiesce = true;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].role, CL_ROLE_RELEASING);
	assert_int_equal(w.nodes[1].term_on_disk, 2);
}

static void a_target_that_does_not_get_ready_changes_nothing(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].mute_prepare = true;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_PREPARING);
	assert_true(node_may_send(&w.nodes[0]));
	world_run(&w, 700);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[0].commands_failed, 1);
	assert_true(w.nodes[0].is_protected);
}

static void a_release_to_no_slot_is_a_release_to_nobody(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Release r = HOLDFAST__RELEASE__INIT;
	(void)state;
	world_settled(&w, 2);
	r.to_slot = 256 + 2;
	r.position = w.nodes[0].cl->groups[0].applied;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_RELEASE;
	m.release = &r;
	node_forge(&w, 0, 1, &m);
	world_run(&w, 50);
	assert_int_equal(w.nodes[1].cl->groups[0].released_to, 0);
	assert_int_equal(world_owner(&w), 0);
}

/* It may still be there for the stragglers of its own handover (R19, R21). */
static void who_is_stopping_takes_nothing_over(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 1, CL_IN_STOP);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 1200);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_int_equal(w.nodes[0].commands_failed, 1);
}

static void a_datapath_that_does_not_stop_goes_on(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].mute_quiesce = true;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 1200);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_true(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[0].commands_failed, 1);
}

static void a_target_that_dies_while_preparing_is_forgotten(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].mute_quiesce = true;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].role, CL_ROLE_RELEASING);
	world_kill(&w, 1, 10);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_true(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[0].commands_failed, 1);
}

/* RELEASE is out and the next owner is gone: only a new term brings the group back. */
static void a_release_that_nobody_takes_is_reclaimed(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	for (int i = 0; i < 20 && w.nodes[0].deadline_ns; i++)
		world_run(&w, 1);
	assert_int_equal(w.nodes[0].deadline_ns, 0);
	world_kill(&w, 1, 20);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 3);
	assert_string_equal(w.nodes[0].why, "handover failed");
	/* The other may have claimed, sealed and died: our exact counters are worth nothing. */
	assert_false(w.nodes[0].handover);
	assert_true(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[0].commands_failed, 1);
}

static void a_release_that_is_not_answered_is_reclaimed_after_a_second(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	for (int i = 0; i < 20 && w.nodes[0].deadline_ns; i++)
		world_run(&w, 1);
	node_stop(&w, 1);
	world_run(&w, 1100);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 3);
	node_wake(&w, 1);
	world_run(&w, 600);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].is_protected);
}

static void an_owner_that_dies_while_handing_over_is_taken_over(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	w.nodes[0].mute_quiesce = true;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 10);
	world_kill(&w, 0, 20);
	assert_int_equal(world_owner(&w), 1);
	assert_string_equal(w.nodes[1].why, "owner left");
	assert_false(w.nodes[1].handover);
	assert_true(node_has(&w.nodes[1], key));
}

static void without_a_protected_standby_nothing_is_handed_over(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 1, 10);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	assert_int_equal(w.nodes[0].commands_failed, 1);
	node_command(&w, 0, CL_IN_STOP);
	assert_int_equal(w.nodes[0].stopped_failed, 1);
	assert_int_equal(world_owner(&w), 0);
}

static void stopping_an_owner_hands_over_and_waits_for_stragglers(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_STOP);
	world_run(&w, 30);
	assert_handed_over(0, 1, 2);
	assert_int_equal(w.nodes[0].stopped_ok, 0);
	node_command(&w, 0, CL_IN_RELAY_DONE);
	assert_int_equal(w.nodes[0].stopped_ok, 1);
}

static void a_stop_does_not_wait_for_stragglers_for_ever(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_STOP);
	world_run(&w, 5100);
	assert_int_equal(w.nodes[0].stopped_ok, 1);
}

/* The next owner dies while this one relays: it owns once more, and has not handed over. */
static void who_has_to_take_it_back_has_not_stopped(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_STOP);
	world_run(&w, 30);
	assert_handed_over(0, 1, 2);
	world_kill(&w, 1, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].stopped_failed, 1);
	assert_true(w.nodes[0].cl->groups[0].at[T_STOP] == NEVER);
	world_run(&w, 6000);
	assert_int_equal(w.nodes[0].stopped_ok, 0);
}

/* It is of the last handover, and answers no other command. */
static void the_end_of_a_relay_ends_only_the_stop_that_waits_for_it(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 30);
	assert_int_equal(w.nodes[0].commands_ok, 1);
	w.nodes[1].mute_quiesce = true;
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 5);
	node_command(&w, 0, CL_IN_RELAY_DONE);
	assert_int_equal(w.nodes[0].commands_ok, 1);
	w.nodes[0].mute_prepare = true;
	node_command(&w, 1, CL_IN_STOP);
	world_run(&w, 5);
	node_command(&w, 1, CL_IN_RELAY_DONE);
	assert_int_equal(w.nodes[1].role, CL_ROLE_RELEASING);
	assert_int_equal(w.nodes[1].stopped_ok, 0);
}

/* R21: it is on its way out, whatever it is asked behind that. */
static void a_stop_is_not_taken_back_by_a_command(void **state)
{
	static const enum cl_input_kind commands[] = { CL_IN_GO_ACTIVE, CL_IN_GO_STANDBY };
	(void)state;
	for (unsigned int i = 0; i < 4; i++) {
		world_settled(&w, 2);
		node_command(&w, 0, CL_IN_STOP);
		world_run(&w, i < 2 ? 1 : 30); /* on its way; handed over, and relaying */
		node_command(&w, 0, commands[i % 2]);
		assert_int_equal(w.nodes[0].commands_failed, 1);
		world_run(&w, 30);
		assert_handed_over(0, 1, 2);
		assert_int_equal(w.nodes[0].stopped_ok + w.nodes[0].stopped_failed, 0);
		node_command(&w, 0, CL_IN_RELAY_DONE);
		assert_int_equal(w.nodes[0].stopped_ok, 1);
		world_run(&w, 2000);
		assert_int_equal(world_owner(&w), 1);
		assert_int_equal(w.nodes[0].commands_ok, 0);
		world_free(&w);
	}
	world_init(&w, 2);
}

static void stopping_a_standby_is_immediate_and_silent(void **state)
{
	(void)state;
	world_settled(&w, 2);
	unsigned int sent = w.nodes[1].sent;
	node_command(&w, 1, CL_IN_STOP);
	assert_int_equal(w.nodes[1].stopped_ok, 1);
	assert_int_equal(w.nodes[1].sent, sent);
}

static void commands_that_ask_for_what_is_succeed(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	node_command(&w, 1, CL_IN_GO_STANDBY);
	assert_int_equal(w.nodes[0].commands_ok, 1);
	assert_int_equal(w.nodes[1].commands_ok, 1);
}

static void a_member_without_complete_state_is_not_promoted(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 1, 5);
	w.nodes[0].lose_snapshots = true;
	world_start(&w, 1, 50);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	assert_int_equal(w.nodes[1].commands_failed, 1);
}

static void a_request_that_the_owner_cannot_meet_is_answered(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__HandoverRequest r = HOLDFAST__HANDOVER_REQUEST__INIT;
	(void)state;
	world_settled(&w, 3);
	w.nodes[2].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 900);
	assert_false(node_status(&w.nodes[0]).members[2].in_protected_set);
	node_drop_sent(&w, 2); /* as if it had never answered */
	w.nodes[2].hold_acks = false;
	r.to_slot = 3;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HANDOVER_REQUEST;
	m.handover_request = &r;
	w.nodes[2].cl->groups[0].command = COMMAND_ACTIVE;
	node_forge(&w, 2, 1, &m);
	world_run(&w, 3);
	assert_int_equal(w.nodes[2].commands_failed, 1);
	assert_int_equal(world_owner(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_owner_hands_over_when_told),
		T(a_standby_asks_the_owner),
		T(who_claims_hands_over_when_the_claim_has_settled),
		T(who_stops_while_it_claims_hands_over_first),
		T(who_claims_alone_says_that_it_stays),
		T(whose_claim_is_refused_is_a_standby),
		T(whose_claim_is_not_heard_is_answered_in_time),
		T(who_stops_and_whose_claim_is_refused_may_go),
		T(there_and_back_ten_times),
		T(of_two_standbys_the_one_that_holds_more_is_next),
		T(of_equal_standbys_the_lowest_slot_is_next),
		T(final_records_are_held_by_the_next_owner_before_release),
		T(the_term_is_on_disk_before_the_owner_stops),
		T(a_target_that_does_not_get_ready_changes_nothing),
		T(a_release_to_no_slot_is_a_release_to_nobody),
		T(who_is_stopping_takes_nothing_over),
		T(a_datapath_that_does_not_stop_goes_on),
		T(a_target_that_dies_while_preparing_is_forgotten),
		T(a_release_that_nobody_takes_is_reclaimed),
		T(a_release_that_is_not_answered_is_reclaimed_after_a_second),
		T(an_owner_that_dies_while_handing_over_is_taken_over),
		T(without_a_protected_standby_nothing_is_handed_over),
		T(stopping_an_owner_hands_over_and_waits_for_stragglers),
		T(a_stop_does_not_wait_for_stragglers_for_ever),
		T(who_has_to_take_it_back_has_not_stopped),
		T(the_end_of_a_relay_ends_only_the_stop_that_waits_for_it),
		T(a_stop_is_not_taken_back_by_a_command),
		T(stopping_a_standby_is_immediate_and_silent),
		T(commands_that_ask_for_what_is_succeed),
		T(a_member_without_complete_state_is_not_promoted),
		T(a_request_that_the_owner_cannot_meet_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
