/* SPDX-License-Identifier: Apache-2.0 */
/* The last owners of a log: who learns them, who holds more of it, and where two logs part (R23). */
#include "cluster/tests/fixtures.h"

static const struct lineage *lineage_of(size_t i)
{
	return &w.nodes[i].cl->groups[0].lineage;
}

/* R23: what is merged is found by it. */
static void assert_lineage_is(const struct lineage *a, const struct lineage *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->step[i].term, b->step[i].term);
		assert_int_equal(a->step[i].slot, b->step[i].slot);
		assert_int_equal(a->step[i].begin, b->step[i].begin);
	}
}

/* It heard of the owners before the claimant from nobody but the claimant. */
static void who_joins_a_claimant_has_its_lineage(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_append(&w, 0);
	world_run(&w, 20);
	world_kill(&w, 2, 20);
	node_kill(&w, 0);
	world_start(&w, 2, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(lineage_of(1)->n, 2);
	assert_lineage_is(lineage_of(2), lineage_of(1));
}

/* Since its HELLO in this view the claimant has followed another owner. */
static void who_joins_hears_the_lineage_from_the_owner(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_kill(&w, 2, 20);
	w.nodes[0].lose_snapshots = w.nodes[1].lose_snapshots = true;
	world_start(&w, 2, 20);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	node_append(&w, 1);
	world_run(&w, 20);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 0);
	w.nodes[0].lose_snapshots = false;
	world_run(&w, 1000);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(lineage_of(0)->n, 3);
	assert_lineage_is(lineage_of(2), lineage_of(0));
}

/*
 * Law 8: it was cut off with the former owner, and could not say that it has more. Its claim is
 * valid for the others, so it counts here too: what nobody else has gives way.
 */
static void who_holds_more_than_a_claimant_takes_its_state(void **state)
{
	(void)state;
	world_settled(&w, 4);
	w.nodes[0].part = w.nodes[1].part = 9;
	uint64_t more = node_append(&w, 0);
	world_run(&w, 20);
	assert_true(node_has(&w.nodes[1], more));
	node_stop(&w, 0);
	node_stop(&w, 1);
	world_view(&w, false);
	world_run(&w, 20);
	world_meet(&w, 50);
	node_kill(&w, 0);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(w.nodes[2].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[2].suspect);
	uint64_t other = node_append(&w, 2);
	world_run(&w, 20);
	const struct lineage before = *lineage_of(1);
	w.nodes[2].lose_snapshots = true;
	node_wake(&w, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_lineage_is(&w.nodes[1].cl->groups[0].kept.lineage, &before);
	w.nodes[2].lose_snapshots = false;
	world_run(&w, 1000);
	assert_lineage_is(lineage_of(1), lineage_of(2));
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	for (size_t i = 1; i < 4; i++) {
		assert_true(node_has(&w.nodes[i], other));
		assert_false(node_has(&w.nodes[i], more));
	}
	assert_true(w.nodes[2].is_protected);
}

static void of_another_term(Holdfast__Claim *c)
{
	c->last_term++;
}

/* The same position in two logs. */
static void who_holds_another_log_than_a_claimant_takes_its_state(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t term = w.nodes[0].term;
	w.nodes[1].cl->cfg.manager = w.nodes[2].cl->cfg.manager = CL_MANAGER_PACEMAKER;
	world_kill(&w, 0, 10);
	unsigned int resets = w.nodes[2].resets;
	node_forge_claim(&w, 1, term + 1, CLAIM_LEFT, of_another_term);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[2].resets > resets);
}

static void lineages_part_where_the_first_left(void **state)
{
	struct lineage a = { 0 }, b = { 0 };
	struct ownership last;
	uint64_t fork;

	(void)state;
	lineage_begin(&a, 1, 1, 0);
	lineage_begin(&a, 2, 2, 10);
	b = a;
	assert_true(lineage_fork(&a, 25, &b, &last, &fork));
	assert_int_equal(fork, 25);
	lineage_begin(&b, 3, 1, 20);
	assert_true(lineage_fork(&a, 25, &b, &last, &fork));
	assert_int_equal(last.term, 2);
	assert_int_equal(fork, 20);
	lineage_begin(&a, 3, 2, 15); /* one term, two owners: two lines */
	assert_true(lineage_fork(&a, 30, &b, &last, &fork));
	assert_int_equal(last.term, 2);
	assert_int_equal(fork, 15);
	assert_true(lineage_has(&b, 2, 2, 15));
	assert_false(lineage_has(&b, 2, 2, 21));
	assert_false(lineage_has(&b, 3, 2, 15));
	lineage_undo(&a, 2); /* not the last one's */
	assert_int_equal(a.n, 3);
	lineage_undo(&a, 3);
	assert_int_equal(a.n, 2);
	for (uint64_t t = 4; t < 20; t++)
		lineage_begin(&a, t, 1, 30 + t);
	assert_int_equal(a.n, LINEAGE_MAX);
	assert_false(lineage_fork(&a, 60, &b, &last, &fork));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_joins_a_claimant_has_its_lineage),
		T(who_joins_hears_the_lineage_from_the_owner),
		T(who_holds_more_than_a_claimant_takes_its_state),
		T(who_holds_another_log_than_a_claimant_takes_its_state),
		cmocka_unit_test(lineages_part_where_the_first_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
