/* SPDX-License-Identifier: Apache-2.0 */
/* R11: a term survives, and a damaged file is told from a missing one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/term_file.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/holdfast-term-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char path[128];

	(void)state;
	for (unsigned int group = 1; group <= 2; group++) {
		snprintf(path, sizeof(path), "%s/term.%u", dir, group);
		(void)remove(path);
	}
	return rmdir(dir);
}

static void damage(const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/term.1", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void a_missing_file_is_not_found(void **state)
{
	uint64_t term = 7;

	(void)state;
	assert_int_equal(term_file_read(dir, 1, &term), R_NOT_FOUND);
	assert_int_equal(term, 0);
}

static void a_term_is_read_back_and_replaced(void **state)
{
	uint64_t term;

	(void)state;
	assert_int_equal(term_file_write(dir, 1, 41), R_OK);
	assert_int_equal(term_file_write(dir, 1, UINT64_MAX), R_OK);
	assert_int_equal(term_file_read(dir, 1, &term), R_OK);
	assert_true(term == UINT64_MAX);
}

static void groups_have_files_of_their_own(void **state)
{
	uint64_t term;

	(void)state;
	assert_int_equal(term_file_write(dir, 1, 1), R_OK);
	assert_int_equal(term_file_write(dir, 2, 2), R_OK);
	assert_int_equal(term_file_read(dir, 1, &term), R_OK);
	assert_int_equal(term, 1);
}

static void a_torn_file_is_refused(void **state)
{
	uint64_t term;

	(void)state;
	damage("12");
	assert_int_equal(term_file_read(dir, 1, &term), R_VALUE);
	damage("\n");
	assert_int_equal(term_file_read(dir, 1, &term), R_VALUE);
	damage("12x\n");
	assert_int_equal(term_file_read(dir, 1, &term), R_VALUE);
	assert_int_equal(term, 0);
}

static void an_unwritable_place_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(term_file_write("/tmp/holdfast-no-such-dir", 1, 1), R_SYSTEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_missing_file_is_not_found, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_term_is_read_back_and_replaced, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(groups_have_files_of_their_own, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_torn_file_is_refused, make_dir, remove_dir),
		cmocka_unit_test(an_unwritable_place_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
