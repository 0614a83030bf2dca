/* SPDX-License-Identifier: Apache-2.0 */
/* R24, members that are gone: when their share is free, and who must know it. */
#include "cluster/tests/admission_fixtures.h"

static void the_share_of_a_lost_node_waits_for_its_end(void **state)
{
	static const enum cl_input_kind words[] = { CL_IN_FENCED, CL_IN_FORGET };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		start(2);
		use(0, 10);
		node_cut(&w, 0);
		world_run(&w, 650);
		view();
		run(3000);
		assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
		assert_int_equal(share(1), 20);
		w.nodes[0].alive = false;
		forget(1, 0, words[k]);
		assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_SHARE_FREED], 1);
		/* What was taken over counts now. */
		use(1, 30);
		run(3000);
		assert_int_equal(share(1), LIMIT);
		assert_false(admission(1).carried);
		world_free(&w);
	}
	world_init(&w, 1);
}

static void who_is_there_cannot_be_forgotten(void **state)
{
	(void)state;
	start(2);
	forget(0, 1, CL_IN_FORGET);
	run(2000);
	assert_int_equal(share(1), LIMIT / 2);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SHARE_FREED], 0);
}

static void a_process_that_ended_leaves_its_share(void **state)
{
	(void)state;
	start(2);
	use(0, 10);
	node_kill(&w, 0);
	world_view(&w, true);
	run(3000);
	assert_int_equal(world_owner(&w), 1);
	use(1, 10);
	run(2000);
	assert_int_equal(share(1), LIMIT);
	/* It begins anew with what it is given. */
	node_start(&w, 0);
	limit(0, LIMIT);
	world_view(&w, true);
	run(3000);
	assert_int_equal(share(0), 0);
	use(0, 0);
	use(1, LIMIT);
	run(2000);
	assert_int_equal(sum(), LIMIT);
}

/* In a view that not all of them saw, a word may be lost: it is said in the next one. */
static void a_word_of_an_end_is_not_lost(void **state)
{
	(void)state;
	start(3);
	node_cut(&w, 2);
	world_run(&w, 650);
	view();
	w.nodes[2].alive = false;
	struct cl_input in = { .kind = CL_IN_FORGET, .from_node_id = w.nodes[2].id };
	node_input(&w.nodes[0], &in);
	/* Before it comes back. */
	world_view(&w, false);
	run(3000);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SHARE_FREED], 1);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_SHARE_FREED], 1);
	assert_int_equal(sum(), LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_share_of_a_lost_node_waits_for_its_end),
		T(who_is_there_cannot_be_forgotten),
		T(a_process_that_ended_leaves_its_share),
		T(a_word_of_an_end_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
