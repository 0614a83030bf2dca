/* SPDX-License-Identifier: Apache-2.0 */
/* R11: what a node that does not own writes of the terms of others. */
#include "cluster/cluster_private.h"
#include "cluster/tests/fixtures.h"

static void hand_over(size_t to)
{
	node_command(&w, to, CL_IN_GO_ACTIVE);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), to);
}

/* Behind the takeover: the next claim would wait for it. */
static void a_followed_term_is_written_when_the_takeover_is_over(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_run(&w, 2000);
	hand_over(1);
	const uint64_t term = w.nodes[1].term;
	world_run(&w, HEARD_TERM_MS / 2);
	assert_true(w.nodes[0].term_on_disk < term);
	assert_true(w.nodes[2].term_on_disk < term);
	world_run(&w, HEARD_TERM_MS);
	assert_int_equal(w.nodes[0].term_on_disk, term);
	assert_int_equal(w.nodes[2].term_on_disk, term);
}

/* Its owner has a disk of before, and all others were started again. */
static void a_term_that_others_heard_of_is_not_owned_twice(void **state)
{
	(void)state;
	world_settled(&w, 3);
	const uint64_t old = w.nodes[0].term_on_disk;
	hand_over(1);
	hand_over(0);
	const uint64_t term = w.nodes[0].term;
	world_run(&w, HEARD_TERM_MS + 500);
	for (size_t i = 0; i < 3; i++)
		node_kill(&w, i);
	w.nodes[0].term_on_disk = old;
	for (size_t i = 0; i < 3; i++)
		node_start(&w, i);
	world_view(&w, false);
	world_run(&w, 3000);
	assert_true(w.nodes[world_owner(&w)].term > term);
}

static void what_could_not_be_written_is_tried_again(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_run(&w, 2000);
	w.nodes[0].disk_full = true;
	hand_over(1);
	world_run(&w, 5000);
	assert_true(w.nodes[0].term_on_disk < w.nodes[1].term);
	assert_in_range(w.nodes[0].terms_refused, 3, 6);
	w.nodes[0].disk_full = false;
	world_run(&w, HEARD_TERM_MS + 100);
	assert_int_equal(w.nodes[0].term_on_disk, w.nodes[1].term);
}

/* One file, one write: the last one stays, and must be the higher one. */
static void a_claim_waits_for_the_write_before_it(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_run(&w, 2000);
	struct group *g = &w.nodes[1].cl->groups[0];
	struct cl_input written = {
		.kind = CL_IN_TERM_WRITTEN, .group = g->id, .term = g->disk_term, .ok = true
	};
	g->claim.writing = g->claim.writing_heard = true;
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].term_on_disk, written.term);
	node_input(&w.nodes[1], &written);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].term_on_disk > written.term);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_followed_term_is_written_when_the_takeover_is_over),
		T(a_term_that_others_heard_of_is_not_owned_twice),
		T(what_could_not_be_written_is_tried_again),
		T(a_claim_waits_for_the_write_before_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
