/* SPDX-License-Identifier: Apache-2.0 */
/* The file that says "drained" after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/drain_file.h"

static char dir[64];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/holdfast-drain.XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/drained", dir);
	(void)unlink(path);
	return rmdir(dir);
}

static bool drained(void)
{
	bool d = true;

	assert_int_equal(drain_file_read(dir, &d), R_OK);
	return d;
}

static void nothing_was_said(void **state)
{
	(void)state;
	assert_false(drained());
}

static void what_was_said_last_holds(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(drain_file_write(dir, true), R_OK);
		assert_true(drained());
	}
	for (int i = 0; i < 2; i++) {
		assert_int_equal(drain_file_write(dir, false), R_OK);
		assert_false(drained());
	}
}

/* A power cut while it was written may leave an empty file, or anything: it says the same. */
static void what_is_in_the_file_says_nothing(void **state)
{
	char path[128];

	(void)state;
	snprintf(path, sizeof(path), "%s/drained", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs("no\n\x01", f);
	fclose(f);
	assert_true(drained());
	assert_int_equal(drain_file_write(dir, false), R_OK);
	assert_false(drained());
}

static void a_directory_that_cannot_be_written_is_reported(void **state)
{
	bool d = true;

	(void)state;
	errno = 0;
	assert_int_equal(drain_file_write("/nonexistent/holdfast", true), R_SYSTEM);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(drain_file_write("/dev/null", true), R_SYSTEM);
	assert_int_equal(drain_file_read("/dev/null", &d), R_SYSTEM);
	assert_false(d);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_was_said),
		T(what_was_said_last_holds),
		T(what_is_in_the_file_says_nothing),
		T(a_directory_that_cannot_be_written_is_reported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
