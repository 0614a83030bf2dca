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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/drain_file.h"

#define MS 1000000ull

static char dir[64];
static qb_loop_t *loop;
static unsigned int turns, written, to_come, synced;
static int last_err;

/* The test's own: a disk that is busy. */
static unsigned int sync_ms;

int fsync(int fd)
{
	usleep(sync_ms * 1000);
	synced++;
	return (int)syscall(SYS_fsync, fd);
}

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

static void turn(void *data)
{
	qb_loop_timer_handle again;

	turns++;
	assert_int_equal(qb_loop_timer_add(loop, QB_LOOP_HIGH, 10 * MS, data, turn, &again), 0);
}

static void on_written(void *ctx, bool now, int err)
{
	assert_ptr_equal(ctx, &turns);
	/* Drain and resume in turn: each is told when the disk has it, and before the next one has. */
	assert_int_equal(now, written % 2 == 0);
	last_err = err;
	written++;
	if (!err) {
		assert_int_equal(synced, written);
		assert_int_equal(drained(), now);
	}
	if (written == to_come)
		qb_loop_stop(loop);
}

/* n orders, drain first. */
static void give_all(unsigned int n)
{
	struct background *b;

	loop = qb_loop_create();
	assert_int_equal(background_new(loop, QB_LOOP_LOW, &b), R_OK);
	turns = written = synced = 0;
	to_come = n;
	turn(NULL);
	for (unsigned int i = 0; i < n; i++)
		drain_file_write_later(b, dir, i % 2 == 0, on_written, &turns);
	assert_int_equal(written, 0);
	qb_loop_run(loop);
	assert_int_equal(written, n);
	background_free(b);
	qb_loop_destroy(loop);
	sync_ms = 0;
}

static void the_loop_goes_on_while_the_disk_is_busy(void **state)
{
	(void)state;
	sync_ms = 200;
	give_all(1);
	assert_int_equal(last_err, 0);
	assert_true(drained());
	assert_true(turns >= 8);
}

static void orders_are_written_as_they_were_given(void **state)
{
	(void)state;
	sync_ms = 10;
	give_all(5);
	assert_true(drained());
	give_all(4);
	assert_false(drained());
}

static void what_the_disk_says_is_told(void **state)
{
	(void)state;
	assert_int_equal(rmdir(dir), 0);
	give_all(1);
	assert_int_equal(last_err, ENOENT);
	assert_int_equal(mkdir(dir, 0700), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_was_said),
		T(what_was_said_last_holds),
		T(what_is_in_the_file_says_nothing),
		T(a_directory_that_cannot_be_written_is_reported),
		T(the_loop_goes_on_while_the_disk_is_busy),
		T(orders_are_written_as_they_were_given),
		T(what_the_disk_says_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
