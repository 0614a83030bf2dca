/* SPDX-License-Identifier: Apache-2.0 */
/* Work beside the loop: in order, one at a time, and what is left when the loop ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/background.h"

#define JOBS 20

struct work {
	struct background_job job;
	unsigned int number;
	bool ran;
};

static qb_loop_t *loop;
static struct background *b;
static pthread_t loop_thread;
/* Only a done changes it, and a run reads it: the rule that ThreadSanitizer checks here. */
static unsigned int shared;
static unsigned int done_count, run_count, ran_before_done;
static unsigned int chain;

static void run(struct background_job *j)
{
	struct work *w = (struct work *)j;
	w->ran = true;
	usleep(1000);
	ran_before_done = shared;
}

static void give(unsigned int number);

static void done(struct background_job *j)
{
	struct work *w = (struct work *)j;
	assert_int_equal(w->number, done_count);
	done_count++;
	run_count += w->ran;
	if (w->ran) {
		assert_true(pthread_equal(pthread_self(), loop_thread));
		assert_int_equal(ran_before_done, w->number);
	}
	shared++;
	if (chain && w->number == 0)
		give(JOBS);
	free(w);
	if (done_count == JOBS + chain)
		qb_loop_stop(loop);
}

static void give(unsigned int number)
{
	struct work *w = calloc(1, sizeof(*w));
	assert_non_null(w);
	w->job = (struct background_job){ .run = run, .done = done };
	w->number = number;
	background_run(b, &w->job);
}

static void begin(unsigned int chained)
{
	shared = done_count = run_count = 0;
	chain = chained;
	loop_thread = pthread_self();
	loop = qb_loop_create();
	assert_int_equal(background_new(loop, QB_LOOP_LOW, &b), R_OK);
	for (unsigned int i = 0; i < JOBS; i++)
		give(i);
}

static void jobs_run_one_at_a_time_in_their_order(void **state)
{
	(void)state;
	begin(1); /* the first one's end gives another */
	qb_loop_run(loop);
	assert_int_equal(run_count, JOBS + 1);
	background_free(b);
	qb_loop_destroy(loop);
}

static void at_the_end_each_is_done_and_only_the_running_one_has_run(void **state)
{
	(void)state;
	begin(0);
	background_free(b);
	assert_int_equal(done_count, JOBS);
	assert_int_equal(run_count, 1);
	qb_loop_destroy(loop);
}

static void stop(struct background_job *j)
{
	assert_true(((struct work *)j)->ran);
	done_count++;
	qb_loop_stop(loop);
}

/* Whoever gives a job may not be ready for its end, as a command that is not answered twice. */
static void without_a_thread_the_end_comes_from_the_loop_too(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit none = { 0, 0 };
		struct work w = { .job = { .run = run, .done = stop } };
		done_count = 0;
		loop = qb_loop_create();
		bool good = background_new(loop, QB_LOOP_LOW, &b) == R_OK &&
			    setrlimit(RLIMIT_NPROC, &none) == 0 &&
			    (geteuid() != 0 || setresuid(65534, 65534, 65534) == 0);
		background_run(b, &w.job);
		good = good && w.ran && done_count == 0;
		if (good)
			qb_loop_run(loop);
		_exit(good && done_count == 1 ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jobs_run_one_at_a_time_in_their_order),
		cmocka_unit_test(without_a_thread_the_end_comes_from_the_loop_too),
		cmocka_unit_test(at_the_end_each_is_done_and_only_the_running_one_has_run),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
