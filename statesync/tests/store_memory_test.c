/* SPDX-License-Identifier: Apache-2.0 */
/* The store where memory ends: a record that cannot be taken changes nothing (law 8). */
#include "statesync/tests/fixtures.h"

/* By the linker in the place of malloc(), calloc() and realloc(). */
void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);

#define PLENTY (-1)

static int left = PLENTY; /* so many allocations succeed */

static bool none_left(void)
{
	if (left == PLENTY)
		return false;
	if (left == 0)
		return true;
	left--;
	return false;
}

void *__wrap_malloc(size_t size)
{
	return none_left() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return none_left() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
	return none_left() ? NULL : __real_realloc(p, size);
}

struct content {
	uint8_t digest[32];
	size_t n;
};

static struct content content(const struct ss_store *st)
{
	struct content c = { .n = ss_store_count(st, 0) };

	ss_store_digest(st, c.digest);
	return c;
}

static void assert_same(const struct content *a, const struct content *b)
{
	assert_int_equal(a->n, b->n);
	assert_memory_equal(a->digest, b->digest, sizeof(a->digest));
}

/* With no memory for the first, the second, ... allocation, until there is enough; how many failed. */
static int apply_at_last(struct ss_store *st, const struct ss_record *r)
{
	const struct content before = content(st);
	enum result res = R_NO_MEMORY;
	int failed = 0;

	while (res != R_OK) {
		left = failed;
		res = ss_store_apply(st, r);
		left = PLENTY;
		if (res == R_OK)
			break;
		failed++;
		assert_int_equal(res, R_NO_MEMORY);
		const struct content now = content(st);
		assert_same(&now, &before);
	}
	return failed;
}

static struct ss_store *new_store(void)
{
	struct ss_store *st = ss_store_new(fixture_seed);

	assert_non_null(st);
	return st;
}

static void assert_holds(const struct ss_store *st, const struct ss_record *r)
{
	const struct ss_record *got = ss_store_get(st, (enum ss_kind)r->kind, r->key);

	assert_non_null(got);
	ASSERT_BUF(got->data, r->data);
}

static void a_new_record_is_there_whole_or_not_at_all(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record r = fixture_record(SS_IKE_SA, 1, 1, 50);

	(void)state;
	assert_in_range(apply_at_last(st, &r), 3, 10);
	assert_holds(st, &r);
	ss_record_clear(&r);
	ss_store_free(st);
}

static void a_record_stays_until_it_can_be_replaced(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record first = fixture_record(SS_IKE_SA, 1, 1, 50),
			 second = fixture_record(SS_IKE_SA, 1, 2, 60);

	(void)state;
	assert_int_equal(ss_store_apply(st, &first), R_OK);
	assert_in_range(apply_at_last(st, &second), 1, 10);
	assert_holds(st, &second);
	ss_record_clear(&first);
	ss_record_clear(&second);
	ss_store_free(st);
}

/* R22: a snapshot that is on its way has the old one. */
static void a_record_that_a_snapshot_holds_stays_too(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record first = fixture_record(SS_IKE_SA, 1, 1, 50),
			 second = fixture_record(SS_IKE_SA, 1, 2, 60);
	bool created;
	size_t n;

	(void)state;
	ss_store_at(st, 5);
	assert_int_equal(ss_store_apply(st, &first), R_OK);
	ss_store_at(st, 9);
	const struct ss_record **held = ss_store_hold(st, &n);
	assert_int_equal(n, 1);
	assert_in_range(apply_at_last(st, &second), 1, 10);
	assert_holds(st, &second);
	ASSERT_BUF(held[0]->data, first.data);
	assert_true(ss_store_changed(st, SS_IKE_SA, 1, 5, &created));
	assert_false(created);
	ss_store_release(held, n);
	free(held);
	ss_record_clear(&first);
	ss_record_clear(&second);
	ss_store_free(st);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_record_is_there_whole_or_not_at_all),
		cmocka_unit_test(a_record_stays_until_it_can_be_replaced),
		cmocka_unit_test(a_record_that_a_snapshot_holds_stays_too),
	};
	return cmocka_run_group_tests_name("store memory", tests, NULL, NULL);
}
