/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R24, the shares: how the limit is split, what brings one to where it is needed, and a limit that
 * changes.
 */
#include "cluster/tests/admission_fixtures.h"

static void the_limit_is_split(void **state)
{
	(void)state;
	start(4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(share(i), LIMIT / 4);
	assert_int_equal(sum(), LIMIT);
}

static void nothing_is_given_out_before_an_owner_begins(void **state)
{
	(void)state;
	world_init(&w, 3);
	for (size_t i = 0; i < 2; i++) {
		node_start(&w, i);
		limit(i, LIMIT);
	}
	world_view(&w, false);
	run(3000);
	assert_int_equal(sum(), 0);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	run(1000);
	assert_int_equal(sum(), LIMIT);
}

static void an_owner_gets_what_it_needs(void **state)
{
	(void)state;
	start(4);
	for (uint32_t used = 0; used <= LIMIT; used++) {
		assert_true(share(0) >= used);
		use(0, used);
		run(1500);
	}
	assert_int_equal(share(0), LIMIT);
	/* And no more than there is. */
	run(5000);
	assert_int_equal(share(0), LIMIT);
	assert_int_equal(sum(), LIMIT);
}

static void who_does_not_answer_keeps_its_share(void **state)
{
	(void)state;
	start(2);
	w.nodes[1].hold_acks = true; /* nothing of it arrives */
	use(0, share(0));
	run(3000);
	assert_int_equal(share(0), LIMIT / 2);
}

/* 300 each second: the share is always ahead, and is asked for in blocks. */
static void shares_move_in_blocks(void **state)
{
	const uint32_t many = 16000;

	(void)state;
	world_init(&w, 2);
	for (size_t i = 0; i < 2; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, many);
	}
	world_view(&w, false);
	run_apart(2500);
	uint64_t said = cl_stats(w.nodes[0].cl)->messages_sent[30] +
			cl_stats(w.nodes[1].cl)->messages_sent[30];
	for (uint32_t used = 0; used < many; used += 3) {
		assert_true(share(0) >= used);
		use(0, used);
		world_run(&w, 10);
		assert_true(sum() <= many);
	}
	said = cl_stats(w.nodes[0].cl)->messages_sent[30] +
	       cl_stats(w.nodes[1].cl)->messages_sent[30] - said;
	assert_true(said > 0 && said < 50);
}

static void a_lower_limit_is_reached(void **state)
{
	(void)state;
	start(2);
	limit(0, 10);
	limit(1, 10);
	run_apart(3000);
	assert_true(sum() <= 10);
	assert_true(sum() >= 8);
	limit(0, LIMIT);
	limit(1, LIMIT);
	run(3000);
	assert_int_equal(sum(), LIMIT);
}

static void the_lowest_limit_holds(void **state)
{
	(void)state;
	start(3);
	limit(2, 12);
	run_apart(3000);
	assert_int_equal(sum(), 12);
	limit(0, 2 * LIMIT);
	run_apart(1000);
	assert_int_equal(sum(), 12);
}

static void without_a_limit_nothing_is_said(void **state)
{
	(void)state;
	start(2);
	uint64_t said = cl_stats(w.nodes[0].cl)->messages_sent[30];
	assert_true(said > 0);
	limit(0, 0);
	limit(1, 0);
	world_run(&w, 100);
	said = cl_stats(w.nodes[0].cl)->messages_sent[30];
	node_cut(&w, 1);
	world_view(&w, false);
	run_apart(3000);
	assert_int_equal(share(0), UINT32_MAX);
	assert_int_equal(cl_stats(w.nodes[0].cl)->messages_sent[30], said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_limit_is_split),          T(nothing_is_given_out_before_an_owner_begins),
		T(an_owner_gets_what_it_needs), T(who_does_not_answer_keeps_its_share),
		T(shares_move_in_blocks),       T(a_lower_limit_is_reached),
		T(the_lowest_limit_holds),      T(without_a_limit_nothing_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
