/* SPDX-License-Identifier: Apache-2.0 */
/* show failover statistics: nothing that a group has counted is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/world.h"

static uint64_t value_of(const struct view_counter_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->list[i].name, name) == 0)
			return l->list[i].value;
	fail_msg("there is no counter %s", name);
	return 0;
}

static void what_each_group_has_counted_is_added(void **state)
{
	static const struct cl_stats none;
	const struct cl_group_status one = {
		.records_sent = 1,
		.records_received = 2,
		.takeovers = 3,
		.suspect_takeovers = 4,
		.handovers = 5,
		.degraded = 6,
		.split_brains = 7,
		.merges = 8,
		.merged_taken = 9,
		.merged_anew = 10,
		.merged_rekeyed = 11,
		.merges_failed = 12,
	};
	static const char *const names[] = {
		"records_sent",
		"records_applied",
		"takeovers",
		"takeovers_suspect",
		"handovers",
		"unprotected",
		"split_brains_lost",
		"split_brains_merged",
		"merged_ike_sas_taken",
		"merged_ike_sas_set_up_anew",
		"merged_child_sas_rekeyed",
		"merges_failed",
	};
	struct view_failover_statistics view = { 0 };
	struct cl_group_status sum = { 0 };
	(void)state;
	admin_add_group(&sum, &one);
	admin_add_group(&sum, &one);
	assert_true(admin_fill_roles(&none, &sum, &view));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(value_of(&view.counters, names[i]), 2 * (i + 1));
	view_counter_list_free(&view.counters);
}

static void a_wait_for_fencing_of_any_group_is_told(void **state)
{
	static const struct cl_group_status calm, waits = { .unfenced_node = 3 };
	struct cl_group_status sum = { 0 };
	(void)state;
	admin_add_group(&sum, &calm);
	admin_add_group(&sum, &waits);
	admin_add_group(&sum, &calm);
	assert_int_equal(sum.unfenced_node, 3);
}

static void refused_messages_are_counted_by_reason(void **state)
{
	static const struct cl_stats s = {
		.refused = { [R_OK] = 1, [R_VALUE] = 2, [R_COUNT_ - 1] = 4 },
		.refused_sender = 8,
	};
	(void)state;
	assert_int_equal(admin_refused(&s), 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_each_group_has_counted_is_added),
		cmocka_unit_test(a_wait_for_fencing_of_any_group_is_told),
		cmocka_unit_test(refused_messages_are_counted_by_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
