/* SPDX-License-Identifier: Apache-2.0 */
/* R6: when an owner stops waiting for a standby, and for which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"

static struct world w;

static int done(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

/* Its timer is due when it wakes, and so is the acknowledgement in its inbox. */
static void an_owner_that_was_away_reads_before_it_gives_up_a_standby(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t before = w.nodes[0].committed;
	node_append(&w, 0);
	node_stop(&w, 0);
	world_run(&w, 1200);
	node_wake(&w, 0);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].committed, before + 1);
	assert_int_equal(w.nodes[0].logs[LOG_REPL_UNPROTECTED], 0);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 0);
}

/* A standby that is really deaf is given up a little later then, not never. */
static void an_owner_that_was_away_gives_up_a_deaf_standby(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	node_stop(&w, 0);
	world_run(&w, 1200);
	node_wake(&w, 0);
	world_run(&w, 250);
	assert_int_equal(w.nodes[0].logs[LOG_REPL_UNPROTECTED], 1);
}

/* Slot 2 is deaf, then slot 3 leaves: what is said of the one does not prolong the wait for the other. */
static void each_standby_has_a_wait_of_its_own(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t before = w.nodes[0].committed;
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 870);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 1);
	world_run(&w, 400);
	node_kill(&w, 2);
	world_view(&w, true);
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 2);
	assert_int_equal(w.nodes[0].committed, before); /* 1570 ms */
	world_run(&w, 230);
	assert_true(w.nodes[0].committed > before); /* 1800 ms: twice the commit timeout */
}

/*
 * Slot 2 sleeps while it is cut off. What it says when it wakes comes into a view that has not
 * heard its HELLO: from nowhere, and of a log that ended.
 */
static void synced_that_comes_before_hello_protects_nobody(void **state)
{
	(void)state;
	world_settled(&w, 3);
	const struct group *g = &w.nodes[0].cl->groups[0];
	node_stop(&w, 1);
	node_append(&w, 0);
	world_run(&w, 1900);
	assert_int_equal(g->commit.protected_set, slot_bit(3));
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 200);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 200);
	node_wake(&w, 1);
	world_run(&w, 3000);
	assert_int_equal(g->commit.protected_set, slot_bit(2) | slot_bit(3));
	uint64_t before = w.nodes[0].committed;
	node_append(&w, 0);
	world_run(&w, 50);
	assert_int_equal(w.nodes[0].committed, before + 1);
}

/* It said SYNCED to a claim that had not settled yet, and that it lost its state behind that. */
static void who_joins_again_before_the_claim_settles_is_not_protected(void **state)
{
	(void)state;
	world_settled(&w, 4);
	const struct group *g = &w.nodes[1].cl->groups[0];
	node_kill(&w, 0);
	w.nodes[3].hold_acks = true;
	world_view(&w, true);
	for (unsigned int i = 0; i < 20 && !(g->claim.synced & slot_bit(3)); i++)
		world_run(&w, 1);
	assert_true(g->claim.settling && (g->claim.synced & slot_bit(3)));
	w.nodes[1].hold_acks = w.nodes[1].lose_snapshots = true;
	node_command(&w, 2, CL_IN_RESYNC);
	world_run(&w, 3);
	w.nodes[3].hold_acks = false;
	world_run(&w, 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(g->logged_set & slot_bit(3), 0);
	assert_int_equal(g->commit.protected_set & slot_bit(3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(an_owner_that_was_away_reads_before_it_gives_up_a_standby,
					  done),
		cmocka_unit_test_teardown(an_owner_that_was_away_gives_up_a_deaf_standby, done),
		cmocka_unit_test_teardown(each_standby_has_a_wait_of_its_own, done),
		cmocka_unit_test_teardown(who_joins_again_before_the_claim_settles_is_not_protected,
					  done),
		cmocka_unit_test_teardown(synced_that_comes_before_hello_protects_nobody, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
