/* SPDX-License-Identifier: Apache-2.0 */
/* R11: a term survives, and a damaged file is told from a missing one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cluster/cluster.h"
#include "node/state_lock.h"
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

static enum result write_term(uint32_t group, uint64_t term, bool earlier_unknown)
{
	const struct term_file file = { .term = term, .earlier_unknown = earlier_unknown };

	return term_file_write(dir, group, &file);
}

static void assert_read(uint64_t term, bool earlier_unknown)
{
	struct term_file file;

	assert_int_equal(term_file_read(dir, 1, &file), R_OK);
	assert_true(file.term == term);
	assert_int_equal(file.earlier_unknown, earlier_unknown);
}

static void a_missing_file_is_not_found(void **state)
{
	struct term_file file = { .term = 7 };

	(void)state;
	assert_int_equal(term_file_read(dir, 1, &file), R_NOT_FOUND);
	assert_int_equal(file.term, 0);
	assert_true(file.earlier_unknown);
}

static void a_term_is_read_back_and_replaced(void **state)
{
	(void)state;
	assert_int_equal(write_term(1, 41, false), R_OK);
	assert_int_equal(write_term(1, CL_TERM_MAX, false), R_OK);
	assert_read(CL_TERM_MAX, false);
}

static void that_earlier_terms_are_unknown_is_kept(void **state)
{
	(void)state;
	assert_int_equal(write_term(1, CL_TERM_MAX, true), R_OK);
	assert_read(CL_TERM_MAX, true);
	assert_int_equal(write_term(1, 3, false), R_OK);
	assert_read(3, false);
}

static void groups_have_files_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(write_term(1, 1, false), R_OK);
	assert_int_equal(write_term(2, 2, false), R_OK);
	assert_read(1, false);
}

static void a_torn_file_is_refused(void **state)
{
	static const char *const torn[] = { "12",
					    "\n",
					    "",
					    "12x\n",
					    "12 unknown-b",
					    "12 unknown-before",
					    "-1\n",
					    " 12\n",
					    "281474976710657\n",
					    "18446744073709551615\n",
					    "99999999999999999999\n" };
	struct term_file file;

	(void)state;
	for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
		damage(torn[i]);
		assert_int_equal(term_file_read(dir, 1, &file), R_VALUE);
		assert_int_equal(file.term, 0);
		assert_true(file.earlier_unknown);
	}
}

static void an_unwritable_place_is_an_error(void **state)
{
	const struct term_file file = { .term = 1 };

	(void)state;
	assert_int_equal(term_file_write("/tmp/holdfast-no-such-dir", 1, &file), R_SYSTEM);
}

/* Two daemons with one directory would claim with each other's terms. */
static void a_state_directory_is_one_daemons(void **state)
{
	char path[128];
	int first, second;

	(void)state;
	assert_int_equal(state_lock(dir, &first), R_OK);
	assert_int_equal(state_lock(dir, &second), R_EXISTS);
	assert_int_equal(second, -1);
	close(first);
	assert_int_equal(state_lock(dir, &second), R_OK);
	close(second);
	assert_int_equal(state_lock("/no/such", &first), R_SYSTEM);
	snprintf(path, sizeof(path), "%s/lock", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/null", path), 0);
	assert_int_equal(state_lock(dir, &first), R_SYSTEM);
	assert_int_equal(unlink(path), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_missing_file_is_not_found, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_term_is_read_back_and_replaced, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(that_earlier_terms_are_unknown_is_kept, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(groups_have_files_of_their_own, make_dir,
						remove_dir),
		cmocka_unit_test_setup_teardown(a_torn_file_is_refused, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(a_state_directory_is_one_daemons, make_dir,
						remove_dir),
		cmocka_unit_test(an_unwritable_place_is_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
