/* SPDX-License-Identifier: Apache-2.0 */
/* Timers: order, equal deadlines, re-arming, cancelling anywhere in the heap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/timer_queue.h"

#include <string.h>

#define COUNT 500

static uint32_t random_next(uint32_t *x)
{
	*x = *x * 1664525 + 1013904223;
	return *x >> 8;
}

static void an_empty_queue_is_never_due(void **state)
{
	struct timer_queue q;

	(void)state;
	timer_queue_init(&q);
	assert_int_equal(timer_next(&q), TIMER_NEVER);
	assert_null(timer_pop(&q, UINT64_MAX));
	timer_queue_free(&q);
}

static void a_timer_fires_at_its_time_and_not_before(void **state)
{
	struct timer_queue q;
	struct timer t = { 0 };

	(void)state;
	timer_queue_init(&q);
	timer_set(&q, &t, 100);
	assert_true(timer_armed(&t));
	assert_int_equal(timer_next(&q), 100);
	assert_null(timer_pop(&q, 99));
	assert_ptr_equal(timer_pop(&q, 100), &t);
	assert_false(timer_armed(&t));
	assert_null(timer_pop(&q, 100));
	timer_queue_free(&q);
}

static void equal_deadlines_fire_in_the_order_set(void **state)
{
	struct timer_queue q;
	struct timer t[COUNT];

	(void)state;
	memset(t, 0, sizeof(t));
	timer_queue_init(&q);
	for (int i = 0; i < COUNT; i++)
		timer_set(&q, &t[i], 5);
	timer_set(&q, &t[0], 5); /* set again: now the last */
	for (int i = 1; i < COUNT; i++)
		assert_ptr_equal(timer_pop(&q, 5), &t[i]);
	assert_ptr_equal(timer_pop(&q, 5), &t[0]);
	timer_queue_free(&q);
}

static void rearming_moves_either_way(void **state)
{
	struct timer_queue q;
	struct timer a = { 0 }, b = { 0 };

	(void)state;
	timer_queue_init(&q);
	timer_set(&q, &a, 10);
	timer_set(&q, &b, 20);
	timer_set(&q, &a, 30);
	assert_int_equal(timer_next(&q), 20);
	timer_set(&q, &a, 15);
	assert_int_equal(timer_next(&q), 15);
	assert_ptr_equal(timer_pop(&q, 100), &a);
	assert_ptr_equal(timer_pop(&q, 100), &b);
	assert_null(timer_pop(&q, 100));
	timer_queue_free(&q);
}

static void cancel_of_an_idle_timer_is_harmless(void **state)
{
	struct timer_queue q;
	struct timer t = { 0 };

	(void)state;
	timer_queue_init(&q);
	timer_cancel(&q, &t);
	timer_set(&q, &t, 1);
	timer_cancel(&q, &t);
	timer_cancel(&q, &t);
	assert_false(timer_armed(&t));
	assert_int_equal(timer_next(&q), TIMER_NEVER);
	timer_queue_free(&q);
}

/* Against a plain search for the minimum, under a random mix of operations. */
static void every_mix_pops_in_order(void **state)
{
	struct timer_queue q;
	struct timer t[COUNT];
	uint32_t x = 1;

	(void)state;
	memset(t, 0, sizeof(t));
	timer_queue_init(&q);
	for (int step = 0; step < 20000; step++) {
		struct timer *one = &t[random_next(&x) % COUNT], *first = NULL;

		switch (random_next(&x) % 4) {
		case 0:
			timer_cancel(&q, one);
			break;
		case 1:
			for (int i = 0; i < COUNT; i++)
				if (timer_armed(&t[i]) &&
				    (first == NULL || t[i].at_ms < first->at_ms ||
				     (t[i].at_ms == first->at_ms && t[i].order < first->order)))
					first = &t[i];
			assert_int_equal(timer_next(&q),
					 first != NULL ? first->at_ms : TIMER_NEVER);
			assert_ptr_equal(timer_pop(&q, UINT64_MAX), first);
			break;
		default:
			timer_set(&q, one, random_next(&x) % 50);
		}
	}
	timer_queue_free(&q);
}

static void freeing_the_queue_disarms(void **state)
{
	struct timer_queue q;
	struct timer t = { 0 };

	(void)state;
	timer_queue_init(&q);
	timer_set(&q, &t, 1);
	timer_queue_free(&q);
	assert_false(timer_armed(&t));
	assert_int_equal(timer_next(&q), TIMER_NEVER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_queue_is_never_due),
		cmocka_unit_test(a_timer_fires_at_its_time_and_not_before),
		cmocka_unit_test(equal_deadlines_fire_in_the_order_set),
		cmocka_unit_test(rearming_moves_either_way),
		cmocka_unit_test(cancel_of_an_idle_timer_is_harmless),
		cmocka_unit_test(every_mix_pops_in_order),
		cmocka_unit_test(freeing_the_queue_disarms),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
