/* SPDX-License-Identifier: Apache-2.0 */
/* R24 in a cut: what each side has, and what is free when they have met. */
#include "cluster/tests/admission_fixtures.h"

static void each_side_of_a_cut_keeps_what_it_has(void **state)
{
	(void)state;
	start(2);
	use(0, 15);
	node_cut(&w, 1);
	world_run(&w, 650);
	view();
	run(3000);
	/* 15 may go on at both: 5 more there, 20 here. */
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_true(admission(0).carried && admission(1).carried);
	assert_int_equal(share(0), 5);
	assert_int_equal(share(1), 20);
	/* What ends of them frees nothing. */
	use(0, 0);
	use(1, 20);
	run(3000);
	assert_int_equal(share(0), 5);
	assert_int_equal(share(1), 20);
	world_heal(&w);
	view();
	run(3000);
	assert_false(admission(0).carried || admission(1).carried);
	assert_int_equal(sum(), LIMIT);
}

static void with_quorum_the_share_moves_with_what_is_taken_over(void **state)
{
	(void)state;
	start(4);
	w.two_node = false;
	use(0, 9);
	node_cut(&w, 0);
	world_run(&w, 650);
	view();
	run(3000);
	size_t owner = 1;
	assert_int_equal(w.nodes[owner].role, CL_ROLE_ACTIVE);
	assert_false(admission(owner).carried);
	/* It has 10 of its own; 9 came with the group, 6 are new. */
	use(owner, 15);
	run(3000);
	assert_true(share(owner) >= 15);
	/* The rest of node 0's stays there: 5 of its 10 have moved at the most. */
	uint64_t others = 0;
	for (size_t i = 1; i < 4; i++)
		others += share(i);
	assert_true(others <= LIMIT - 1);
	world_heal(&w);
	view();
	run(3000);
	assert_true(sum() <= LIMIT);
}

/* In the first moment of the new view it has heard nobody's word. */
static void what_has_moved_is_not_had_again(void **state)
{
	(void)state;
	start(4);
	w.two_node = false;
	use(0, 25);
	run(3000);
	node_cut(&w, 0);
	world_run(&w, 650);
	view();
	use(1, 25);
	run(3000);
	uint64_t others = share(1) + share(2) + share(3);
	assert_true(others > LIMIT - w.nodes[0].cl->admission.own);
	world_heal(&w);
	world_view(&w, false);
	assert_int_equal(sum(), others);
	for (unsigned int ms = 0; ms < 50; ms++) {
		world_run(&w, 1);
		tell_all();
		assert_true(sum() <= LIMIT);
	}
	run(3000);
	assert_int_equal(sum(), LIMIT);
}

/* One half has quorum by a third vote, and is the only one: the share moves with what is taken over. */
static void with_a_third_vote_one_of_a_pair_is_the_majority(void **state)
{
	(void)state;
	start(2);
	for (size_t i = 0; i < 2; i++)
		w.nodes[i].cl->cfg.votes = 3;
	use(0, 15);
	node_cut(&w, 0);
	w.nodes[0].stopped = true;
	world_run(&w, 650);
	world_view(&w, false);
	/* Only the one that is stopped might have more, and it is past its deadline (R12). */
	run_apart(2500);
	use(1, 22);
	run_apart(2000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_false(admission(1).carried);
	assert_int_equal(share(1), 22);
}

/* Corosync's agreed order: what one has sent comes back to it before the others have it. */
static void what_was_taken_in_a_cut_counts_at_neither(void **state)
{
	(void)state;
	start(2);
	for (uint32_t used = 0; used <= LIMIT; used += 5) {
		use(0, used);
		run(1500);
	}
	assert_int_equal(share(0), LIMIT);
	limit(0, 2 * LIMIT);
	limit(1, 2 * LIMIT);
	world_order(&w);
	w.nodes[0].hold_acks = w.nodes[1].hold_acks = true;
	world_run(&w, 10);
	assert_true(w.nodes[0].cl->admission.taking && w.nodes[1].cl->admission.taking);
	node_deliver_to_itself(&w, 0);
	node_deliver_to_itself(&w, 1);
	node_drop_sent(&w, 0);
	node_drop_sent(&w, 1);
	w.nodes[0].hold_acks = w.nodes[1].hold_acks = false;
	node_cut(&w, 1);
	world_view(&w, false);
	assert_true(w.nodes[0].cl->admission.own + w.nodes[1].cl->admission.own <= 2 * LIMIT);
	run_apart(3000);
	world_heal(&w);
	world_view(&w, false);
	run_apart(4000);
	assert_int_equal(sum(), 2 * LIMIT);
}

/*
 * R23: node 1 has won, and goes on with what node 0 had. What node 0 began in the cut is on its
 * way: before it is there, or lost, nobody knows what is free.
 */
static void nothing_is_free_before_all_is_merged(void **state)
{
	(void)state;
	start(2);
	use(0, 15);
	node_append(&w, 0);
	run(100);
	node_cut(&w, 1);
	world_run(&w, 650);
	view();
	assert_true(admission(0).carried && admission(1).carried);
	node_append(&w, 0);
	node_append(&w, 1);
	use(0, 5);
	use(1, 3);
	run(500);
	assert_int_equal(share(0), 5);
	w.nodes[0].lose_snapshots = true;
	world_heal(&w);
	world_view(&w, false);
	in_share[0] = 0;
	for (unsigned int t = 0; t < 100; t++) {
		run(10);
		if (w.nodes[0].cl->groups[0].part.running)
			assert_true(admission(1).carried && share(1) <= 20);
	}
	assert_true(w.nodes[0].cl->groups[0].part.running);
	w.nodes[0].lose_snapshots = false;
	/* 15 that both had, 5 of node 0 and 3 of node 1. */
	in_share[1] = 23;
	run(3000);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_false(admission(0).carried || admission(1).carried);
	assert_true(share(1) >= 23);
	assert_int_equal(sum(), LIMIT);
}

/* For so short that nobody has declared anything. */
static void meet_in_vain(void)
{
	world_heal(&w);
	world_view(&w, false);
	in_share[0] = 0;
	world_run(&w, 2);
	assert_true(admission(1).carried);
}

/* What is admitted before all have declared may go on at both sides of the next cut too. */
static void what_is_new_at_another_cut_counts_for_nobody(void **state)
{
	(void)state;
	start(2);
	use(0, 15);
	node_append(&w, 0);
	run(100);
	node_cut(&w, 1);
	world_run(&w, 650);
	view();
	node_append(&w, 0);
	node_append(&w, 1);
	const uint32_t before = share(1);
	for (uint32_t cut = 2; cut < 4; cut++) {
		meet_in_vain();
		use(1, 3);
		node_cut(&w, 1);
		world_view(&w, false);
		world_run(&w, 10);
		/* node/ is told that what it has counts no more. */
		assert_int_equal(w.nodes[1].cl->admission.told_doubt, cut);
		assert_int_equal(share(1), before - 3 * (cut - 1));
		use(1, 0);
		run(1000);
		assert_int_equal(share(1), before - 3 * (cut - 1));
	}
	world_heal(&w);
	view();
	in_share[1] = 21;
	run(3000);
	assert_false(admission(0).carried || admission(1).carried);
	assert_true(share(1) >= 21);
	assert_int_equal(sum(), LIMIT);
}

/* Both sides were begun by an operator: at the heal there are two limits given out. */
static void two_ledgers_become_one(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.two_node = true;
	for (size_t i = 0; i < 2; i++) {
		node_start(&w, i);
		limit(i, LIMIT);
	}
	node_cut(&w, 1);
	world_view(&w, false);
	run_apart(1000);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	run_apart(3000);
	assert_int_equal(share(0), LIMIT);
	assert_int_equal(share(1), LIMIT);
	world_heal(&w);
	world_view(&w, false);
	run_apart(3000);
	assert_true(sum() <= LIMIT && sum() >= LIMIT - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(each_side_of_a_cut_keeps_what_it_has),
		T(with_quorum_the_share_moves_with_what_is_taken_over),
		T(what_has_moved_is_not_had_again),
		T(with_a_third_vote_one_of_a_pair_is_the_majority),
		T(what_was_taken_in_a_cut_counts_at_neither),
		T(nothing_is_free_before_all_is_merged),
		T(what_is_new_at_another_cut_counts_for_nobody),
		T(two_ledgers_become_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
