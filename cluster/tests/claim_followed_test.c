/* SPDX-License-Identifier: Apache-2.0 */
/* When a claimant acts on its claim: who has to follow, and when it gives up (R9). */
#include "cluster/tests/fixtures.h"

/* R9, law 4: the next owner could not know of it, and would begin in the same term. */
static void a_claim_that_nobody_else_has_is_not_acted_on(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_kill(&w, 0);
	w.nodes[1].hold_acks = true; /* what it sends is not ordered */
	world_view(&w, true);
	world_run(&w, 40);
	node_deliver_to_itself(&w, 1);
	assert_int_equal(node_status(&w.nodes[1]).term, 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_false(node_may_send(&w.nodes[1]));
	node_kill(&w, 1);
	world_view(&w, true);
	w.expected_votes = 1;
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[2].term, 2);
}

/* It takes no longer than their answer. */
static void a_claim_that_others_follow_is_acted_on_at_once(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_kill(&w, 0, 10);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].is_protected);
}

/* Whoever has quorum elsewhere must have somebody who knows the term: of four, three do. */
static void a_claim_that_too_few_follow_is_not_acted_on(void **state)
{
	(void)state;
	world_settled(&w, 4);
	node_kill(&w, 0);
	w.nodes[3].hold_acks = true;
	world_view(&w, true);
	for (unsigned int i = 0; i < 20 && node_status(&w.nodes[1]).term == 1; i++)
		world_run(&w, 1);
	assert_int_equal(node_status(&w.nodes[1]).term, 2);
	w.nodes[1].hold_acks = true; /* it hears of no rotation of the token */
	world_run(&w, 50);
	/* Nor do the many words of one count for more. */
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Ack a = HOLDFAST__ACK__INIT;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ACK;
	m.ack = &a;
	for (unsigned int i = 0; i < 3; i++)
		node_forge(&w, 2, 2, &m);
	world_run(&w, 10);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	w.nodes[3].hold_acks = false;
	world_run(&w, 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* A quorum device may give node 0, which sleeps, quorum by itself: its word, or the token's. */
static void with_a_quorum_device_all_have_to_follow(void **state)
{
	(void)state;
	world_settled(&w, 3);
	w.nodes[1].cl->cfg.votes = 5;
	node_stop(&w, 0);
	for (unsigned int i = 0; i < 4000 && node_status(&w.nodes[1]).term == 1; i++)
		world_run(&w, 1);
	assert_int_equal(node_status(&w.nodes[1]).term, 2);
	w.nodes[1].hold_acks = true; /* it hears of no rotation of the token */
	world_run(&w, 50);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	w.nodes[1].hold_acks = false;
	world_run(&w, 5);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/*
 * The claim of node 3 has reached node 2 when both are cut off: without quorum it is given up,
 * and nobody keeps a term that nobody owns.
 */
static void a_claim_that_is_given_up_is_given_up_by_all(void **state)
{
	(void)state;
	world_settled(&w, 4);
	node_kill(&w, 0);
	node_stop(&w, 1);
	w.nodes[2].hold_acks = true; /* it follows, and nobody has heard it */
	world_view(&w, false);
	world_run(&w, 10);
	node_forge_claim(&w, 3, 2, CLAIM_LEFT, NULL);
	node_cut(&w, 1);
	world_order(&w);
	w.nodes[3].hold_acks = true;
	world_run(&w, 2);
	assert_int_equal(node_status(&w.nodes[2]).term, 2);
	assert_int_equal(node_status(&w.nodes[3]).term, 2);
	world_view(&w, false);
	w.nodes[2].hold_acks = w.nodes[3].hold_acks = false;
	world_run(&w, 100);
	assert_int_equal(node_status(&w.nodes[2]).term, 1);
	assert_int_equal(node_status(&w.nodes[3]).term, 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[3].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[2].logs[LOG_REPL_RESYNC], 0);
	assert_int_equal(w.nodes[3].logs[LOG_REPL_RESYNC], 0);
	world_heal(&w);
	node_wake(&w, 1);
	world_view(&w, false);
	world_run(&w, 1000);
	assert_true(w.nodes[world_owner(&w)].term > 2);
}

/* It was round once when the others could ask for what they missed; then they have it. */
static void one_rotation_of_the_token_is_not_enough(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_kill(&w, 0);
	node_stop(&w, 2);
	w.nodes[1].hold_acks = true;
	world_view(&w, true);
	world_run(&w, 40);
	node_deliver_to_itself(&w, 1);
	assert_true(w.nodes[1].cl->groups[0].claim.settling);
	node_deliver_to_itself(&w, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	node_deliver_to_itself(&w, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* R12: a stopped owner cannot answer; Corosync on its host has the claim. */
static void a_claim_that_nobody_answers_is_acted_on_soon(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_stop(&w, 0);
	world_run(&w, 2300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_true(node_may_send(&w.nodes[1]));
}

/*
 * Law 4: a claimant that is cut off behind its own delivery. Nobody has its claim, and those
 * with quorum claim the same term.
 */
static void a_claim_that_is_cut_off_is_not_acted_on(void **state)
{
	(void)state;
	world_settled(&w, 4);
	node_stop(&w, 1);
	node_stop(&w, 3);
	node_kill(&w, 0);
	w.nodes[2].hold_acks = true; /* what it sends is not ordered */
	world_view(&w, true);
	world_run(&w, 150);
	node_deliver_to_itself(&w, 2);
	assert_int_equal(node_status(&w.nodes[2]).term, 2);
	node_cut(&w, 2);
	world_run(&w, 500); /* the token is lost */
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	w.nodes[2].hold_acks = false;
	w.expected_votes = 3;
	world_view(&w, false);
	node_wake(&w, 1);
	node_wake(&w, 3);
	world_run(&w, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	uint64_t key = node_append(&w, 1);
	world_run(&w, 20);
	world_meet(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_true(node_has(&w.nodes[2], key));
}

/* With two halves that are quorate each, both own: in different terms. */
static void a_claimant_that_is_cut_off_with_quorum_claims_another_term(void **state)
{
	(void)state;
	world_settled(&w, 3);
	w.two_node = true;
	node_stop(&w, 2);
	node_kill(&w, 0);
	w.nodes[1].hold_acks = true;
	world_view(&w, true);
	world_run(&w, 40);
	node_deliver_to_itself(&w, 1);
	node_cut(&w, 1);
	node_drop_sent(&w, 1);
	w.nodes[1].hold_acks = false;
	w.nodes[2].stopped = false;
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[2].role, CL_ROLE_ACTIVE);
	assert_int_not_equal(w.nodes[1].term, w.nodes[2].term);
	assert_int_equal(node_status(&w.nodes[1]).takeovers, 1);
}

/*
 * R10, R11: a claim that is given up leaves everything as it was: the takeover is as suspect as
 * before, and its term still one that the slot names.
 */
static void a_suspect_claim_that_is_given_up_is_suspect_again(void **state)
{
	(void)state;
	world_settled(&w, 4);
	for (size_t i = 0; i < 4; i++)
		w.nodes[i].part = (unsigned int)i + 1; /* nobody has quorum */
	world_view(&w, false);
	world_run(&w, 100);
	node_kill(&w, 0);
	world_heal(&w);
	world_view(&w, false);
	w.nodes[2].cl->cfg.manager = w.nodes[3].cl->cfg.manager = CL_MANAGER_PACEMAKER;
	world_run(&w, 2);
	assert_true(w.nodes[1].cl->groups[0].unsure);
	w.nodes[1].hold_acks = true;
	world_run(&w, 5);
	node_deliver_to_itself(&w, 1);
	assert_true(w.nodes[1].cl->groups[0].claim.settling);
	const uint64_t term = node_status(&w.nodes[1]).term;
	assert_int_equal(term % SS_SLOTS, w.nodes[1].slot);
	node_drop_sent(&w, 1);
	w.nodes[1].hold_acks = false;
	node_kill(&w, 3);
	w.expected_votes = 3;
	world_view(&w, false);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
	assert_true(w.nodes[1].term > term);
	assert_int_equal(w.nodes[1].term % SS_SLOTS, w.nodes[1].slot);
}

/* Stopped behind its own claim, it hears first who has taken over meanwhile. */
static void a_claimant_that_was_stopped_does_not_act_on_its_claim(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_stop(&w, 0);
	world_run(&w, 2050);
	for (unsigned int i = 0; i < 200 && node_status(&w.nodes[1]).term == 1; i++)
		world_run(&w, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	node_stop(&w, 1);
	node_wake(&w, 0);
	world_run(&w, 3000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	uint64_t term = w.nodes[0].term;
	node_wake(&w, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, term);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_claim_that_nobody_else_has_is_not_acted_on),
		T(a_claim_that_others_follow_is_acted_on_at_once),
		T(a_claim_that_too_few_follow_is_not_acted_on),
		T(with_a_quorum_device_all_have_to_follow),
		T(a_claim_that_is_given_up_is_given_up_by_all),
		T(one_rotation_of_the_token_is_not_enough),
		T(a_claim_that_nobody_answers_is_acted_on_soon),
		T(a_claim_that_is_cut_off_is_not_acted_on),
		T(a_claimant_that_is_cut_off_with_quorum_claims_another_term),
		T(a_suspect_claim_that_is_given_up_is_suspect_again),
		T(a_claimant_that_was_stopped_does_not_act_on_its_claim),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
