/* SPDX-License-Identifier: Apache-2.0 */
/* Owners and standbys that were cut off, and meet the others again (R9, R11, R22, R23). */
#include "cluster/tests/fixtures.h"

static void halves_of_a_pair_meet_again_with_one_owner(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t common = node_append(&w, 0);
	world_run(&w, 20);
	world_lose(&w, 1, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE); /* two_node: both halves are quorate */
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].term, 2);
	uint64_t lower = node_append(&w, 0), kept = node_append(&w, 1);
	world_run(&w, 1000);
	w.n_seen = 0;
	world_meet(&w, 3);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING); /* the lower (term, slot) */
	assert_int_equal(w.nodes[0].deadline_ns, 0);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[0], common) && node_has(&w.nodes[0], kept));
	assert_true(node_has(&w.nodes[0], lower) && node_has(&w.nodes[1], lower)); /* R23 */
	assert_true(w.nodes[1].is_protected);
}

static void a_minority_owner_joins_the_majority(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_lose(&w, 0, 3000);
	assert_false(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	world_meet(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).members[0].in_protected_set, true);
}

/* The next owner sleeps when the cut heals: quorum alone says nothing of it. */
static void a_minority_owner_is_silent_until_the_majority_is_heard(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_lose(&w, 0, 3000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_stop(&w, 1);
	node_stop(&w, 2);
	world_heal(&w);
	world_view(&w, false);
	for (unsigned int i = 0; i < 900; i++) {
		world_run(&w, 1);
		assert_false(node_may_send(&w.nodes[0]));
	}
	node_wake(&w, 1);
	node_wake(&w, 2);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
}

/* Nobody waits for ever for a member that sleeps. */
static void a_minority_owner_goes_on_when_nobody_speaks(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_stop(&w, 1);
	node_stop(&w, 2);
	world_lose(&w, 0, 3000);
	world_meet(&w, 500);
	assert_false(node_may_send(&w.nodes[0]));
	world_run(&w, 700);
	assert_true(node_may_send(&w.nodes[0]));
}

static void a_standby_cut_off_for_a_while_takes_what_it_missed(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 2, 100);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 100);
	world_meet(&w, 400);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[2], key));
	assert_true(node_status(&w.nodes[0]).members[2].in_protected_set);
}

/* The owner dies while one standby is away: that one comes back with less, and must
 * not take over with it. */
static void a_standby_that_holds_less_does_not_take_over(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 1, 20);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 0);
	world_meet(&w, 500);
	assert_int_equal(world_owner(&w), 2);
	assert_false(w.nodes[2].suspect);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[1], key));
}

/* The same, and nothing was logged meanwhile but that the absent one is protected no more. */
static void a_standby_that_was_away_knows_who_is_protected_from_the_others(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 1, 200);
	node_kill(&w, 0);
	world_meet(&w, 500);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(node_status(&w.nodes[2]).claims_refused, 0);
}

/* A heal in the middle of nothing: no record was missed, so no snapshot is needed. */
static void a_standby_that_missed_nothing_needs_no_snapshot(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_run(&w, 100);
	node_cut(&w, 2);
	node_kill(&w, 1);
	w.expected_votes = 1; /* quorate halves, to leave the owner as it is */
	w.two_node = true;
	w.nodes[2].stopped = true; /* and a standby that had no time to claim */
	world_view(&w, false);
	world_run(&w, 50);
	world_meet(&w, 10);
	unsigned int resets = w.nodes[2].resets;
	w.nodes[2].stopped = false;
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
	assert_true(w.nodes[2].resets <= resets + 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(halves_of_a_pair_meet_again_with_one_owner),
		T(a_minority_owner_joins_the_majority),
		T(a_minority_owner_is_silent_until_the_majority_is_heard),
		T(a_minority_owner_goes_on_when_nobody_speaks),
		T(a_standby_cut_off_for_a_while_takes_what_it_missed),
		T(a_standby_that_holds_less_does_not_take_over),
		T(a_standby_that_was_away_knows_who_is_protected_from_the_others),
		T(a_standby_that_missed_nothing_needs_no_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
