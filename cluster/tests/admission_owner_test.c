/* SPDX-License-Identifier: Apache-2.0 */
/* R24, the share goes with the group: handed over, or taken over. */
#include "cluster/tests/admission_fixtures.h"

static void a_handover_takes_the_share_with_it(void **state)
{
	(void)state;
	start(2);
	run_with(18);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	run_with(18);
	assert_int_equal(world_owner(&w), 1);
	assert_true(share(1) >= 18);
	assert_int_equal(sum(), LIMIT);
}

static void what_was_taken_over_is_not_given_out_again(void **state)
{
	(void)state;
	start(4);
	for (uint32_t used = 1; used <= 30; used++) {
		use(0, used);
		run(1500);
	}
	run_with(30);
	node_kill(&w, 0);
	world_view(&w, true);
	run_with(30);
	assert_true(share(world_owner(&w)) >= 30);
	assert_int_equal(sum(), LIMIT);
}

/* Nobody may say "so much is free" before the one who is to take over has said what it is. */
static void a_late_claim_finds_its_share(void **state)
{
	(void)state;
	world_init(&w, 4);
	w.manager = CL_MANAGER_PACEMAKER;
	for (size_t i = 0; i < 4; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, LIMIT);
	}
	world_view(&w, false);
	run(1000);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	run(2000);
	for (uint32_t used = 1; used <= 30; used++) {
		use(0, used);
		run(1500);
	}
	node_kill(&w, 0);
	world_view(&w, true);
	run_with(30);
	assert_int_equal(admission(2).pool, 0);
	node_command(&w, 2, CL_IN_GO_ACTIVE);
	run_with(30);
	assert_int_equal(world_owner(&w), 2);
	assert_true(share(2) >= 30);
	assert_int_equal(sum(), LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_handover_takes_the_share_with_it),
		T(what_was_taken_over_is_not_given_out_again),
		T(a_late_claim_finds_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
