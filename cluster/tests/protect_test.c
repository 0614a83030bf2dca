/* SPDX-License-Identifier: Apache-2.0 */
/* R6: when an owner stops waiting for a standby, and for which. */
#include "cluster/tests/fixtures.h"

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
	world_kill(&w, 2, 300);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 2);
	assert_int_equal(w.nodes[0].committed, before); /* 1570 ms */
	world_run(&w, 230);
	assert_true(w.nodes[0].committed > before); /* 1800 ms: twice the commit timeout */
}

/* R6: the wait of one does not begin when that of another one has ended. */
static void two_that_become_late_in_turn_are_waited_for_no_longer_than_one(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t before = w.nodes[0].committed;
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 100); /* slot 3 has acknowledged it, and then no more */
	w.nodes[2].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 760); /* 860: slot 2 is late */
	assert_int_equal(node_status(&w.nodes[0]).degraded, 1);
	assert_true(w.nodes[0].is_protected);
	world_run(&w, 100); /* 960: so is slot 3 */
	assert_int_equal(node_status(&w.nodes[0]).degraded, 2);
	assert_false(w.nodes[0].is_protected);
	world_run(&w, 730);
	assert_int_equal(w.nodes[0].committed, before); /* 1690 */
	world_run(&w, 30);
	assert_int_equal(w.nodes[0].committed, before + 1); /* 1720: only slot 2 owed that */
	world_run(&w, 110);
	assert_int_equal(w.nodes[0].committed, cl_position(w.nodes[0].cl, GROUP)); /* 1830 */
}

/* Of what node i has sent, the first so many are ordered and the rest waits. */
static void order_some(size_t i, unsigned int count)
{
	struct queue *q = &w.nodes[i].sendq, rest = { .tail = q->tail };
	struct event *last = q->head;

	while (--count)
		last = last->next;
	rest.head = last->next;
	last->next = NULL;
	q->tail = last;
	w.nodes[i].hold_acks = false;
	world_order(&w);
	w.nodes[i].hold_acks = true;
	*q = rest;
	if (!q->head)
		q->tail = NULL;
}

/* Who acknowledges, however slowly, is not late. */
static void each_acknowledgement_begins_the_first_wait_anew(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_run(&w, 30);
	w.nodes[1].hold_acks = true;
	for (unsigned int i = 0; i < 4; i++)
		node_append(&w, 0);
	for (unsigned int i = 0; i < 3; i++) {
		world_run(&w, 600);
		assert_int_equal(node_status(&w.nodes[0]).degraded, 0);
		order_some(1, 1);
	}
	world_run(&w, 840);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 0);
	world_run(&w, 20);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 1);
}

/* It left in time: its wait has no end of its own any more. */
static void who_left_is_not_late_as_well(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 800);
	w.nodes[0].hold_acks = true;
	node_kill(&w, 1);
	world_view(&w, true); /* what it says of that is still on its way */
	world_run(&w, 100);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 1);
	assert_int_equal(stats(0)->commit_timeouts, 0);
}

static void forge_synced(size_t i)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Synced s = HOLDFAST__SYNCED__INIT;

	s.position = w.nodes[i].cl->groups[0].applied;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SYNCED;
	m.synced = &s;
	node_forge(&w, i, w.nodes[0].term, &m);
	order_some(i, 1);
}

/*
 * Degraded, protected and degraded again, and nothing of it has come back yet. While it knows of the
 * second one only it could claim, and not as suspect: the wait begins behind the third.
 */
static void the_second_wait_begins_with_what_was_said_last(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const struct group *g = &w.nodes[0].cl->groups[0];
	world_run(&w, 30);
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 800);
	w.nodes[0].hold_acks = true;
	world_run(&w, 60);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 1);
	node_drop_sent(&w, 1);
	forge_synced(1);
	world_run(&w, 1);
	assert_int_equal(g->logged_set, slot_bit(2));
	uint64_t before = w.nodes[0].committed;
	world_run(&w, 900);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 2);
	/* Between heartbeats: UNPROTECTED, PROTECTED, UNPROTECTED. */
	for (unsigned int said = 0; said < 3; said++)
		do {
			assert_int_equal(g->drop_ns[2], 0);
			assert_non_null(w.nodes[0].sendq.head);
			order_some(0, 1);
			world_run(&w, 1);
		} while (w.nodes[1].cl->groups[0].protected_set != (said == 1 ? slot_bit(2) : 0));
	assert_true(g->drop_ns[2] > w.now_ns + 840 * MS_NS);
	world_run(&w, 830);
	assert_int_equal(w.nodes[0].committed, before);
	world_run(&w, 200);
	assert_true(w.nodes[0].committed > before);
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
	world_cut(&w, 1, 200);
	world_meet(&w, 200);
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
		T(an_owner_that_was_away_reads_before_it_gives_up_a_standby),
		T(an_owner_that_was_away_gives_up_a_deaf_standby),
		T(each_standby_has_a_wait_of_its_own),
		T(who_joins_again_before_the_claim_settles_is_not_protected),
		T(two_that_become_late_in_turn_are_waited_for_no_longer_than_one),
		T(each_acknowledgement_begins_the_first_wait_anew),
		T(who_left_is_not_late_as_well),
		T(the_second_wait_begins_with_what_was_said_last),
		T(synced_that_comes_before_hello_protects_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
