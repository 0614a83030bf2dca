/* SPDX-License-Identifier: Apache-2.0 */
/* The ring: bounds with one thread, order and completeness with two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/spsc_ring.h"

#include <pthread.h>
#include <sched.h>

#define TRANSFERS 200000u

static void capacity_is_rounded_up_to_a_power_of_two(void **state)
{
	static const size_t asked[] = { 1, 2, 3, 5, 8, 100 }, got[] = { 1, 2, 4, 8, 8, 128 };

	(void)state;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		struct spsc_ring *r = spsc_ring_new(asked[i], sizeof(int));
		size_t n = 0;
		int v = 0;

		assert_non_null(r);
		while (spsc_ring_push(r, &v))
			n++;
		assert_int_equal(n, got[i]);
		spsc_ring_free(r);
	}
}

static void elements_come_out_in_order_across_wraps(void **state)
{
	struct spsc_ring *r = spsc_ring_new(4, sizeof(int));
	int in = 0, out = 0, v;

	(void)state;
	assert_false(spsc_ring_pop(r, &v));
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 1 + round % 4; i++, in++)
			assert_true(spsc_ring_push(r, &in));
		while (spsc_ring_pop(r, &v))
			assert_int_equal(v, out++);
	}
	assert_int_equal(in, out);
	spsc_ring_free(r);
}

static void a_full_ring_refuses_and_keeps_what_it_has(void **state)
{
	struct spsc_ring *r = spsc_ring_new(2, sizeof(int));
	int v;

	(void)state;
	assert_true(spsc_ring_push(r, &(int){ 1 }));
	assert_true(spsc_ring_push(r, &(int){ 2 }));
	assert_false(spsc_ring_push(r, &(int){ 3 }));
	assert_null(spsc_ring_produce(r));
	assert_true(spsc_ring_pop(r, &v));
	assert_int_equal(v, 1);
	assert_true(spsc_ring_push(r, &(int){ 4 }));
	assert_true(spsc_ring_pop(r, &v));
	assert_int_equal(v, 2);
	assert_true(spsc_ring_pop(r, &v));
	assert_int_equal(v, 4);
	spsc_ring_free(r);
}

static void in_place_elements_appear_only_after_commit(void **state)
{
	struct spsc_ring *r = spsc_ring_new(2, 100);
	uint8_t *slot = spsc_ring_produce(r);
	const uint8_t *seen;

	(void)state;
	assert_non_null(slot);
	slot[99] = 42;
	assert_null(spsc_ring_consume(r));
	spsc_ring_produce_commit(r);
	seen = spsc_ring_consume(r);
	assert_ptr_equal(seen, slot);
	assert_int_equal(seen[99], 42);
	assert_ptr_equal(spsc_ring_consume(r), seen); /* until committed it is the next one */
	spsc_ring_consume_commit(r);
	assert_null(spsc_ring_consume(r));
	spsc_ring_free(r);
	spsc_ring_free(NULL);
}

struct element {
	uint32_t n;
	uint32_t copies[15];
};

static void *produce(void *arg)
{
	struct spsc_ring *r = arg;

	for (uint32_t n = 0; n < TRANSFERS; n++) {
		struct element e = { .n = n };

		for (size_t i = 0; i < 15; i++)
			e.copies[i] = n;
		while (!spsc_ring_push(r, &e))
			sched_yield();
	}
	return NULL;
}

static void two_threads_transfer_all_whole_and_in_order(void **state)
{
	struct spsc_ring *r = spsc_ring_new(64, sizeof(struct element));
	pthread_t thread;
	uint32_t broken = 0;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, produce, r), 0);
	for (uint32_t n = 0; n < TRANSFERS; n++) {
		struct element e;

		while (!spsc_ring_pop(r, &e))
			sched_yield();
		broken += e.n != n;
		for (size_t i = 0; i < 15; i++)
			broken += e.copies[i] != n;
	}
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(broken, 0);
	spsc_ring_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(capacity_is_rounded_up_to_a_power_of_two),
		cmocka_unit_test(elements_come_out_in_order_across_wraps),
		cmocka_unit_test(a_full_ring_refuses_and_keeps_what_it_has),
		cmocka_unit_test(in_place_elements_appear_only_after_commit),
		cmocka_unit_test(two_threads_transfer_all_whole_and_in_order),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
