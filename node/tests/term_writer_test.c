/* SPDX-License-Identifier: Apache-2.0 */
/* R11 beside the loop: a claim waits for the disk, nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "node/term_writer.h"

#define MS 1000000ull

static char dir[64];
static qb_loop_t *loop;
static struct term_writer *writer;
static pthread_t loop_thread;
static unsigned int turns, written, to_come;
static int last_err;

/* The test's own: a disk that is busy. */
static unsigned int sync_ms;

int fsync(int fd)
{
	usleep(sync_ms * 1000);
	return (int)syscall(SYS_fsync, fd);
}

static void turn(void *data)
{
	qb_loop_timer_handle again;

	turns++;
	assert_int_equal(qb_loop_timer_add(loop, QB_LOOP_HIGH, 10 * MS, data, turn, &again), 0);
}

static void on_written(void *ctx, uint32_t group, uint64_t term, int err)
{
	struct term_file file;

	assert_ptr_equal(ctx, &turns);
	assert_true(pthread_equal(pthread_self(), loop_thread));
	assert_int_equal(group, 1);
	assert_int_equal(term, written + 1);
	last_err = err;
	if (!err) {
		assert_int_equal(term_file_read(dir, 1, &file), R_OK);
		assert_true(file.term >= term);
	}
	if (++written == to_come)
		qb_loop_stop(loop);
}

static int begin(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/holdfast-term-XXXXXX");
	loop = qb_loop_create();
	loop_thread = pthread_self();
	turns = written = sync_ms = 0;
	if (!mkdtemp(dir) || !loop)
		return -1;
	return term_writer_new(loop, dir, on_written, &turns, &writer) == R_OK ? 0 : -1;
}

static int end(void **state)
{
	char path[128];

	(void)state;
	term_writer_free(writer);
	qb_loop_destroy(loop);
	snprintf(path, sizeof(path), "%s/term.1", dir);
	(void)remove(path);
	return rmdir(dir);
}

static void give(uint64_t term)
{
	const struct term_file file = { .term = term };

	term_writer_write(writer, 1, &file);
}

static void the_loop_goes_on_while_the_disk_is_busy(void **state)
{
	(void)state;
	sync_ms = 150; /* of the file, and of its folder */
	to_come = 1;
	turn(NULL);
	give(1);
	assert_int_equal(written, 0);
	qb_loop_run(loop);
	assert_int_equal(written, 1);
	assert_int_equal(last_err, 0);
	assert_true(turns >= 10);
}

static void terms_are_written_in_order(void **state)
{
	(void)state;
	to_come = 5;
	for (uint64_t term = 1; term <= 5; term++)
		give(term);
	qb_loop_run(loop);
	struct term_file file;
	assert_int_equal(term_file_read(dir, 1, &file), R_OK);
	assert_int_equal(file.term, 5);
}

static void what_the_disk_says_is_told(void **state)
{
	(void)state;
	to_come = 1;
	assert_int_equal(rmdir(dir), 0);
	give(1);
	qb_loop_run(loop);
	assert_int_equal(last_err, ENOENT);
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void at_the_end_nothing_is_told(void **state)
{
	(void)state;
	sync_ms = 20;
	give(1);
	give(2);
	term_writer_free(writer);
	writer = NULL;
	assert_int_equal(written, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_loop_goes_on_while_the_disk_is_busy),
		T(terms_are_written_in_order),
		T(what_the_disk_says_is_told),
		T(at_the_end_nothing_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
