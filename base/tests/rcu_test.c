/* SPDX-License-Identifier: Apache-2.0 */
/* Grace periods: no reader ever sees what was freed; an offline worker holds up nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rcu.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#define WORKERS 2
#define ROUNDS  300

struct snapshot {
	int a;
	int b; /* always a + 1 while it lives, -1 once it is given up */
};

static _Atomic(struct snapshot *) current;
static atomic_bool stop;
static atomic_int broken;

static struct snapshot *snapshot_new(int a)
{
	struct snapshot *s = malloc(sizeof(*s));

	assert_non_null(s);
	*s = (struct snapshot){ .a = a, .b = a + 1 };
	return s;
}

static void *read_until_stopped(void *arg)
{
	(void)arg;
	rcu_worker_register();
	for (int i = 0; !atomic_load(&stop); i++) {
		const struct snapshot *s = atomic_load_explicit(&current, memory_order_acquire);

		if (s->b != s->a + 1)
			atomic_fetch_add(&broken, 1);
		rcu_worker_quiescent();
		if (i % 64 == 0) {
			rcu_worker_offline();
			sched_yield();
			rcu_worker_online();
		}
	}
	rcu_worker_unregister();
	return NULL;
}

static void nobody_reads_a_snapshot_after_its_grace_period(void **state)
{
	pthread_t threads[WORKERS];

	(void)state;
	atomic_store(&stop, false);
	atomic_store(&broken, 0);
	atomic_store(&current, snapshot_new(0));
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_until_stopped, NULL), 0);
	for (int n = 1; n <= ROUNDS; n++) {
		struct snapshot *old = atomic_exchange_explicit(&current, snapshot_new(n),
								memory_order_acq_rel);

		rcu_wait_for_workers();
		old->a = old->b = -1; /* a plain write: a race with any reader that is left */
		free(old);
	}
	atomic_store(&stop, true);
	for (int i = 0; i < WORKERS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(atomic_load(&broken), 0);
	free(atomic_load(&current));
}

static atomic_bool is_offline;

static void *sleep_offline(void *arg)
{
	(void)arg;
	rcu_worker_register();
	rcu_worker_offline();
	atomic_store(&is_offline, true);
	while (!atomic_load(&stop))
		sched_yield();
	rcu_worker_online();
	rcu_worker_unregister();
	return NULL;
}

/* Fails by never ending: the worker goes on only after the grace period is over. */
static void an_offline_worker_holds_up_nobody(void **state)
{
	pthread_t thread;

	(void)state;
	atomic_store(&stop, false);
	atomic_store(&is_offline, false);
	assert_int_equal(pthread_create(&thread, NULL, sleep_offline, NULL), 0);
	while (!atomic_load(&is_offline))
		sched_yield();
	rcu_wait_for_workers();
	atomic_store(&stop, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static atomic_int step; /* of the worker below */

static void *hold_for_a_while(void *arg)
{
	(void)arg;
	rcu_worker_register();
	atomic_store(&step, 1);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	atomic_store(&step, 2);
	rcu_worker_quiescent();
	rcu_worker_unregister();
	return NULL;
}

static void a_worker_that_was_not_quiescent_is_waited_for(void **state)
{
	pthread_t thread;

	(void)state;
	atomic_store(&step, 0);
	assert_int_equal(pthread_create(&thread, NULL, hold_for_a_while, NULL), 0);
	while (atomic_load(&step) == 0)
		sched_yield();
	rcu_wait_for_workers();
	assert_int_equal(atomic_load(&step), 2);
	assert_int_equal(pthread_join(thread, NULL), 0);
}

static void without_workers_there_is_nothing_to_wait_for(void **state)
{
	(void)state;
	rcu_wait_for_workers();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_workers_there_is_nothing_to_wait_for),
		cmocka_unit_test(nobody_reads_a_snapshot_after_its_grace_period),
		cmocka_unit_test(an_offline_worker_holds_up_nobody),
		cmocka_unit_test(a_worker_that_was_not_quiescent_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
