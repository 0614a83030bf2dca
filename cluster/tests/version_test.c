/* SPDX-License-Identifier: Apache-2.0 */
/* Members of different releases (R22): who may speak with whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"
#include "statesync/future_schema.h"

static struct world w;

static int done(void **state)
{
	(void)state;
#ifdef HF_IMPAIRMENTS
	ss_future_schema_write(false);
#endif
	world_free(&w);
	return 0;
}

static void versions(size_t i, uint32_t min, uint32_t max)
{
	w.nodes[i].version_min = min;
	w.nodes[i].version_max = max;
}

/* By their reasons: show failover takes these from all that were refused. */
static uint64_t refused(size_t i)
{
	uint64_t all = 0;

	for (unsigned int r = R_OK; r < R_COUNT_; r++)
		all += cl_stats(w.nodes[i].cl)->refused[r];
	return all;
}

/* Node 0 owns the group; node 1 joins with versions min to max. */
static void joined_by(uint32_t min, uint32_t max)
{
	world_init(&w, 2);
	w.preferred_slot = 1;
	w.expected_votes = 1;
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	versions(1, min, max);
	w.expected_votes = 2;
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 2000);
}

static void ranges_that_overlap_make_a_pair(void **state)
{
	(void)state;
	joined_by(1, 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].is_protected);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 50);
	world_kill(&w, 0, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].suspect);
	assert_true(node_has(&w.nodes[1], key));
}

static void without_a_common_version_there_is_no_standby(void **state)
{
	(void)state;
	joined_by(2, 3);
	assert_int_equal(world_owner(&w), 0);
	assert_false(w.nodes[0].is_protected);
	assert_int_not_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w.nodes[i].logs[LOG_REPL_REFUSED], 1);
		assert_int_equal(cl_stats(w.nodes[i].cl)->refused[R_VERSION], 1);
		assert_int_equal(w.nodes[i].cl->messages_refused, refused(i));
	}
	/* It has nothing, and the group is not its to begin anew. */
	world_kill(&w, 0, 30000);
	assert_int_not_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

#ifdef HF_IMPAIRMENTS
/* Harness and cluster are one process here: all nodes write as the next release does. */
static void messages_of_the_next_release_are_understood(void **state)
{
	(void)state;
	ss_future_schema_write(true);
	joined_by(1, 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].is_protected);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 50);
	assert_true(node_has(&w.nodes[1], key));
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(w.nodes[i].logs[LOG_REPL_REFUSED], 0);
	assert_true(cl_stats(w.nodes[1].cl)->messages_received[0] > 0); /* of no known kind */
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(ranges_that_overlap_make_a_pair, done),
		cmocka_unit_test_teardown(without_a_common_version_there_is_no_standby, done),
#ifdef HF_IMPAIRMENTS
		cmocka_unit_test_teardown(messages_of_the_next_release_are_understood, done),
#endif
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
