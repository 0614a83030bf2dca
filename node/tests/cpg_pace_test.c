/* SPDX-License-Identifier: Apache-2.0 */
/* What of a snapshot is under way through CPG comes back in order, and not after a lost connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/cpg_pace.h"

static void comes_back_in_order(void **state)
{
	(void)state;
	struct cpg_pace p = { 0 };
	struct cpg_sent what;

	assert_false(cpg_pace_back(&p, &what));
	for (uint8_t i = 0; i < 20; i++) {
		cpg_pace_sent(&p, (struct cpg_sent){ .group = 1, .slot = i, .chunk = i % 2 });
		cpg_pace_sent(&p, (struct cpg_sent){ .group = 2, .slot = i });
		assert_true(cpg_pace_back(&p, &what));
		assert_int_equal(what.group, i % 2 ? 2 : 1);
		assert_int_equal(what.slot, i / 2);
		assert_int_equal(what.chunk, !(i % 2) && i / 2 % 2);
	}
	for (int i = 0; i < 20; i++)
		assert_true(cpg_pace_back(&p, &what));
	assert_int_equal(what.group, 2);
	assert_int_equal(what.slot, 19);
	assert_false(cpg_pace_back(&p, &what));
	cpg_pace_clear(&p);
}

static void nothing_of_a_lost_connection_comes_back(void **state)
{
	(void)state;
	struct cpg_pace p = { 0 };
	struct cpg_sent what;

	cpg_pace_sent(&p, (struct cpg_sent){ .group = 1, .slot = 3, .chunk = true });
	cpg_pace_clear(&p);
	assert_false(cpg_pace_back(&p, &what));
	cpg_pace_sent(&p, (struct cpg_sent){ .group = 1, .slot = 4, .chunk = true });
	assert_true(cpg_pace_back(&p, &what));
	assert_int_equal(what.slot, 4);
	cpg_pace_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_in_order),
		cmocka_unit_test(nothing_of_a_lost_connection_comes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
