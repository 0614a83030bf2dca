/* SPDX-License-Identifier: Apache-2.0 */
/* The hash map: SipHash vectors, order of iteration, removal while iterating. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hashmap.h"

static const uint8_t seed[16] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };

/* Values are 1-based positions in an array, so that a value says which key it belongs to. */
static int values[2000];

static struct bytes key_of(const uint32_t *n)
{
	return bytes(n, sizeof(*n));
}

static void add(struct hashmap *m, uint32_t n)
{
	assert_int_equal(hashmap_insert(m, key_of(&n), &values[n]), R_OK);
}

static void *drop(struct hashmap *m, uint32_t n)
{
	return hashmap_remove(m, key_of(&n));
}

static void *get(const struct hashmap *m, uint32_t n)
{
	return hashmap_get(m, key_of(&n));
}

/* The reference vectors of the SipHash paper's authors: input 00 01 02 ..., key 00 .. 0f. */
static void siphash_gives_the_published_values(void **state)
{
	static const uint64_t want[16] = {
		0x726fdb47dd0e0e31, 0x74f839c593dc67fd, 0x0d6c8009d9a94f5a, 0x85676696d7fb7e2d,
		0xcf2794e0277187b7, 0x18765564cd99a68d, 0xcbc9466e58fee3ce, 0xab0200f58b01d137,
		0x93f5f5799a932462, 0x9e0082df0ba9e4b0, 0x7a5dbbc594ddb9f3, 0xf4b32f46226bada7,
		0x751e8fbc860ee5fb, 0x14ea5627c0843d90, 0xf723ca908e7af2ee, 0xa129ca6149be45e5,
	};

	(void)state;
	for (size_t len = 0; len < 16; len++)
		assert_int_equal(siphash24(seed, bytes(seed, len)), want[len]);
}

static void an_empty_map_has_nothing(void **state)
{
	struct hashmap *m = hashmap_new(seed);
	size_t it = 0;

	(void)state;
	assert_int_equal(hashmap_count(m), 0);
	assert_null(get(m, 1));
	assert_null(drop(m, 1));
	assert_null(hashmap_next(m, &it));
	hashmap_free(m, NULL);
}

static void what_was_inserted_is_found_and_nothing_else(void **state)
{
	struct hashmap *m = hashmap_new(seed);

	(void)state;
	for (uint32_t n = 0; n < 1000; n++)
		add(m, n);
	assert_int_equal(hashmap_count(m), 1000);
	for (uint32_t n = 0; n < 1000; n++)
		assert_ptr_equal(get(m, n), &values[n]);
	for (uint32_t n = 1000; n < 2000; n++)
		assert_null(get(m, n));
	hashmap_free(m, NULL);
}

static void a_second_insert_of_a_key_changes_nothing(void **state)
{
	struct hashmap *m = hashmap_new(seed);

	(void)state;
	add(m, 7);
	assert_int_equal(hashmap_insert(m, key_of(&(uint32_t){ 7 }), &values[8]), R_EXISTS);
	assert_ptr_equal(get(m, 7), &values[7]);
	assert_int_equal(hashmap_count(m), 1);
	hashmap_free(m, NULL);
}

static void keys_are_copied_and_may_differ_in_length_only(void **state)
{
	struct hashmap *m = hashmap_new(seed);
	char key[] = "aaaa";

	(void)state;
	for (size_t len = 0; len <= 4; len++)
		assert_int_equal(hashmap_insert(m, bytes(key, len), &values[len]), R_OK);
	memset(key, 'b', 4);
	for (size_t len = 0; len <= 4; len++)
		assert_ptr_equal(hashmap_get(m, bytes("aaaa", len)), &values[len]);
	assert_null(hashmap_get(m, bytes("b", 1)));
	hashmap_free(m, NULL);
}

static void a_removed_key_is_gone_and_can_come_back(void **state)
{
	struct hashmap *m = hashmap_new(seed);

	(void)state;
	for (uint32_t n = 0; n < 100; n++)
		add(m, n);
	for (uint32_t n = 0; n < 100; n += 2)
		assert_ptr_equal(drop(m, n), &values[n]);
	assert_int_equal(hashmap_count(m), 50);
	for (uint32_t n = 0; n < 100; n++)
		assert_ptr_equal(get(m, n), n % 2 == 0 ? NULL : &values[n]);
	for (uint32_t n = 0; n < 100; n += 2)
		add(m, n);
	for (uint32_t n = 0; n < 100; n++)
		assert_ptr_equal(get(m, n), &values[n]);
	hashmap_free(m, NULL);
}

static void expect_order(const struct hashmap *m, const uint32_t *want, size_t count)
{
	size_t it = 0;

	for (size_t i = 0; i < count; i++)
		assert_ptr_equal(hashmap_next(m, &it), &values[want[i]]);
	assert_null(hashmap_next(m, &it));
	assert_null(hashmap_next(m, &it));
}

static void iteration_is_in_the_order_of_insertion(void **state)
{
	struct hashmap *m = hashmap_new(seed);
	uint32_t want[500];

	(void)state;
	for (uint32_t i = 0; i < 500; i++) {
		want[i] = i * 997 % 2000;
		add(m, want[i]);
	}
	expect_order(m, want, 500);
	hashmap_free(m, NULL);
}

static void order_survives_removal_and_growth(void **state)
{
	struct hashmap *m = hashmap_new(seed);
	static const uint32_t want[] = { 5, 1, 9, 3, 100, 101, 102, 103, 104, 105, 106, 107, 7 };

	(void)state;
	add(m, 5);
	add(m, 7);
	add(m, 1);
	add(m, 9);
	add(m, 3);
	drop(m, 7);
	for (uint32_t n = 100; n < 108; n++)
		add(m, n);
	add(m, 7);
	expect_order(m, want, sizeof(want) / sizeof(want[0]));
	hashmap_free(m, NULL);
}

static void the_seed_does_not_change_the_order(void **state)
{
	static const uint8_t other[16] = { 0xff };
	struct hashmap *a = hashmap_new(seed), *b = hashmap_new(other);
	size_t ia = 0, ib = 0;
	void *v;

	(void)state;
	for (uint32_t n = 0; n < 300; n++) {
		add(a, n * 7 % 2000);
		add(b, n * 7 % 2000);
	}
	while ((v = hashmap_next(a, &ia)) != NULL)
		assert_ptr_equal(hashmap_next(b, &ib), v);
	assert_null(hashmap_next(b, &ib));
	hashmap_free(a, NULL);
	hashmap_free(b, NULL);
}

static void the_value_just_returned_may_be_removed(void **state)
{
	struct hashmap *m = hashmap_new(seed);
	uint32_t seen = 0;
	int *v;

	(void)state;
	for (uint32_t n = 0; n < 200; n++)
		add(m, n);
	for (size_t it = 0; (v = hashmap_next(m, &it)) != NULL; seen++) {
		uint32_t n = (uint32_t)(v - values);

		assert_int_equal(n, seen);
		if (n % 3 != 0)
			assert_ptr_equal(drop(m, n), v);
	}
	assert_int_equal(seen, 200);
	assert_int_equal(hashmap_count(m), 67);
	for (uint32_t n = 0; n < 200; n++)
		assert_ptr_equal(get(m, n), n % 3 == 0 ? &values[n] : NULL);
	hashmap_free(m, NULL);
}

static void a_replaced_value_keeps_its_place(void **state)
{
	struct hashmap *m = hashmap_new(seed);
	const uint32_t one = 1, three = 3;
	size_t it = 0;

	(void)state;
	for (uint32_t n = 0; n < 3; n++)
		add(m, n);
	assert_ptr_equal(hashmap_replace(m, key_of(&one), &values[9]), &values[1]);
	assert_null(hashmap_replace(m, key_of(&three), &values[3]));
	assert_int_equal(hashmap_count(m), 3);
	assert_ptr_equal(get(m, 1), &values[9]);
	assert_ptr_equal(hashmap_next(m, &it), &values[0]);
	assert_ptr_equal(hashmap_next(m, &it), &values[9]);
	assert_ptr_equal(hashmap_next(m, &it), &values[2]);
	assert_null(hashmap_next(m, &it));
	hashmap_free(m, NULL);
}

/* SAs come and go for years: holes are closed, and lookups end though every place was once used. */
static void endless_turnover_stays_correct(void **state)
{
	struct hashmap *m = hashmap_new(seed);

	(void)state;
	for (uint32_t n = 0; n < 20000; n++) {
		add(m, n % 2000);
		if (n >= 10)
			assert_ptr_equal(drop(m, (n - 10) % 2000), &values[(n - 10) % 2000]);
	}
	assert_int_equal(hashmap_count(m), 10);
	for (uint32_t n = 19990; n < 20000; n++)
		assert_ptr_equal(get(m, n % 2000), &values[n % 2000]);
	assert_null(get(m, 0));
	hashmap_free(m, NULL);
}

static int freed;

static void count_free(void *value)
{
	(void)value;
	freed++;
}

static void free_is_called_once_for_each_value_left(void **state)
{
	struct hashmap *m = hashmap_new(seed);

	(void)state;
	for (uint32_t n = 0; n < 20; n++)
		add(m, n);
	drop(m, 3);
	freed = 0;
	hashmap_free(m, count_free);
	assert_int_equal(freed, 19);
	hashmap_free(NULL, count_free);
	assert_int_equal(freed, 19);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_gives_the_published_values),
		cmocka_unit_test(an_empty_map_has_nothing),
		cmocka_unit_test(what_was_inserted_is_found_and_nothing_else),
		cmocka_unit_test(a_second_insert_of_a_key_changes_nothing),
		cmocka_unit_test(keys_are_copied_and_may_differ_in_length_only),
		cmocka_unit_test(a_removed_key_is_gone_and_can_come_back),
		cmocka_unit_test(iteration_is_in_the_order_of_insertion),
		cmocka_unit_test(order_survives_removal_and_growth),
		cmocka_unit_test(the_seed_does_not_change_the_order),
		cmocka_unit_test(the_value_just_returned_may_be_removed),
		cmocka_unit_test(a_replaced_value_keeps_its_place),
		cmocka_unit_test(endless_turnover_stays_correct),
		cmocka_unit_test(free_is_called_once_for_each_value_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
