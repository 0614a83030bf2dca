/* SPDX-License-Identifier: Apache-2.0 */
/* enum result: every enumerator has a text, a name and the notify of RFC 7296 3.10.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/result.h"

#include <string.h>

static void every_result_has_text_and_name(void **state)
{
	(void)state;
	for (int i = 0; i < R_COUNT_; i++) {
		assert_true(strlen(result_text((enum result)i)) > 0);
		assert_true(strlen(result_name((enum result)i)) > 0);
		for (int j = 0; j < i; j++)
			assert_string_not_equal(result_name((enum result)i),
						result_name((enum result)j));
	}
}

static void ok_is_zero_and_sends_nothing(void **state)
{
	(void)state;
	assert_int_equal(R_OK, 0);
	assert_int_equal(result_notify(R_OK), 0);
}

static void name_is_the_enumerator_without_prefix(void **state)
{
	(void)state;
	assert_string_equal(result_name(R_NO_PROPOSAL), "NO_PROPOSAL");
	assert_string_equal(result_text(R_NO_PROPOSAL), "no offered proposal is acceptable");
}

/* RFC 7296 3.10.1 */
static void notifies_are_those_of_the_rfc(void **state)
{
	(void)state;
	assert_int_equal(result_notify(R_CRITICAL), 1);
	assert_int_equal(result_notify(R_INVALID_SPI), 4);
	assert_int_equal(result_notify(R_MAJOR_VERSION), 5);
	assert_int_equal(result_notify(R_SHORT), 7);
	assert_int_equal(result_notify(R_NO_PROPOSAL), 14);
	assert_int_equal(result_notify(R_INVALID_KE), 17);
	assert_int_equal(result_notify(R_AUTH_FAILED), 24);
	assert_int_equal(result_notify(R_NO_ADDITIONAL_SAS), 35);
	assert_int_equal(result_notify(R_TS_UNACCEPTABLE), 38);
	assert_int_equal(result_notify(R_TEMPORARY), 43);
	assert_int_equal(result_notify(R_CHILD_NOT_FOUND), 44);
	/* never an answer to what was not authenticated (RFC 7296 2.21) */
	assert_int_equal(result_notify(R_INTEGRITY), 0);
}

static void foreign_values_are_unknown(void **state)
{
	(void)state;
	assert_string_equal(result_text(R_COUNT_), "unknown result");
	assert_string_equal(result_text((enum result) - 1), "unknown result");
	assert_string_equal(result_name((enum result)1000), "UNKNOWN");
	assert_int_equal(result_notify((enum result)1000), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_result_has_text_and_name),
		cmocka_unit_test(ok_is_zero_and_sends_nothing),
		cmocka_unit_test(name_is_the_enumerator_without_prefix),
		cmocka_unit_test(notifies_are_those_of_the_rfc),
		cmocka_unit_test(foreign_values_are_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
