/* SPDX-License-Identifier: Apache-2.0 */
/* The job threads: every job comes back once, done, and a pool may be freed with work
 * in it. Runs under TSan. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ike/jobs.h"
#include "node/crypto_pool.h"

#define JOBS     64
#define LIMIT_MS 20000

static struct crypto_pool *pool_of(unsigned int threads)
{
	struct crypto_pool *p;

	assert_int_equal(crypto_pool_new(threads, &p), R_OK);
	return p;
}

static void put_jobs(struct crypto_pool *p, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct ike_job *job = ike_job_new(JOB_DH_KEYGEN, DH_CURVE25519, BYTES_NONE);
		assert_non_null(job);
		job->id = i;
		crypto_pool_run(p, job);
	}
}

static void every_job_comes_back_once_and_done(void **state)
{
	struct crypto_pool *p = pool_of(3);
	bool seen[JOBS] = { false };
	unsigned int n = 0;

	(void)state;
	put_jobs(p, JOBS);
	while (n < JOBS) {
		struct pollfd fd = { .fd = crypto_pool_fd(p), .events = POLLIN };
		struct ike_job *job;
		assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
		while ((job = crypto_pool_done(p)) != NULL) {
			assert_int_equal(job->result, R_OK);
			assert_int_equal(job->public_key.len, 32);
			assert_false(seen[job->id]);
			seen[job->id] = true;
			n++;
			ike_job_free(job);
		}
	}
	assert_null(crypto_pool_done(p));
	struct pollfd fd = { .fd = crypto_pool_fd(p), .events = POLLIN };
	assert_int_equal(poll(&fd, 1, 0), 0);
	crypto_pool_free(p);
}

static void one_thread_keeps_the_order(void **state)
{
	struct crypto_pool *p = pool_of(1);
	uint64_t next = 0;

	(void)state;
	put_jobs(p, 8);
	while (next < 8) {
		struct pollfd fd = { .fd = crypto_pool_fd(p), .events = POLLIN };
		struct ike_job *job;
		assert_int_equal(poll(&fd, 1, LIMIT_MS), 1);
		while ((job = crypto_pool_done(p)) != NULL) {
			assert_int_equal(job->id, next++);
			ike_job_free(job);
		}
	}
	crypto_pool_free(p);
}

static void a_pool_is_freed_with_its_jobs(void **state)
{
	struct crypto_pool *p = pool_of(2);

	(void)state;
	put_jobs(p, JOBS);
	crypto_pool_free(p);
	crypto_pool_free(NULL);
}

static void a_pool_without_threads_is_none(void **state)
{
	struct crypto_pool *p;

	(void)state;
	assert_int_equal(crypto_pool_new(0, &p), R_SYSTEM);
	assert_null(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_job_comes_back_once_and_done),
		cmocka_unit_test(one_thread_keeps_the_order),
		cmocka_unit_test(a_pool_is_freed_with_its_jobs),
		cmocka_unit_test(a_pool_without_threads_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
