/* SPDX-License-Identifier: Apache-2.0 */
/* Batches: all of one, in order, or nothing. */
#include "statesync/tests/fixtures.h"

#define MAX 8

struct seen {
	size_t n;
	struct ss_record r[MAX];
	size_t fail_at; /* the n-th record is refused; 0: none */
};

static enum result see(void *ctx, const struct ss_record *r)
{
	struct seen *s = ctx;

	assert_true(s->n < MAX);
	assert_int_equal(ss_record_copy(&s->r[s->n], r), R_OK);
	s->n++;
	return s->n == s->fail_at ? R_STATE : R_OK;
}

static void clear(struct seen *s)
{
	for (size_t i = 0; i < s->n; i++)
		ss_record_clear(&s->r[i]);
	s->n = 0;
}

static void assert_record(const struct ss_record *a, const struct ss_record *b)
{
	assert_true(a->kind == b->kind && a->key == b->key && a->erase == b->erase);
	ASSERT_BUF(a->data, b->data);
}

/* An SA, an unknown kind, an erasure, a record without data. */
static size_t fill(struct ss_record r[MAX])
{
	r[0] = fixture_record(SS_IKE_SA, UINT64_MAX, 1, 300);
	append_future_fields(&r[0].data);
	r[1] = fixture_record(4000000000u, 2, 2, 10);
	ss_encode_erase(SS_CHILD_SA, 3, &r[2]);
	r[3] = (struct ss_record){ .kind = 77, .key = 0 };
	return 4;
}

static void clear_all(struct ss_record *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		ss_record_clear(&r[i]);
}

static void records_survive_in_order_byte_for_byte(void **state)
{
	struct ss_record r[MAX];
	size_t n = fill(r);
	struct seen s = { 0 };
	struct buf packed = { 0 };

	(void)state;
	assert_int_equal(ss_batch_pack(r, n, &packed), R_OK);
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), see, &s), R_OK);
	assert_int_equal(s.n, n);
	for (size_t i = 0; i < n; i++)
		assert_record(&r[i], &s.r[i]);
	clear(&s);
	clear_all(r, n);
	ss_buf_wipe(&packed);
}

static void empty_batch_is_one(void **state)
{
	struct seen s = { 0 };
	struct buf packed = { 0 };

	(void)state;
	assert_int_equal(ss_batch_pack(NULL, 0, &packed), R_OK);
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), see, &s), R_OK);
	assert_int_equal(s.n, 0);
	ss_buf_wipe(&packed);
}

static void refusal_by_the_taker_ends_it(void **state)
{
	struct ss_record r[MAX];
	size_t n = fill(r);
	struct seen s = { .fail_at = 2 };
	struct buf packed = { 0 };

	(void)state;
	assert_int_equal(ss_batch_pack(r, n, &packed), R_OK);
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), see, &s), R_STATE);
	assert_int_equal(s.n, 2);
	clear(&s);
	clear_all(r, n);
	ss_buf_wipe(&packed);
}

/* bad as the last record of a batch: the good ones before it are not given either. */
static void refuse_with(struct ss_record bad, struct bytes tail)
{
	struct ss_record r[2] = { fixture_record(SS_LEASE, 1, 1, 5), bad };
	struct seen s = { 0 };
	struct buf packed = { 0 };

	assert_int_equal(ss_batch_pack(r, 2, &packed), R_OK);
	append(&packed, tail);
	assert_int_equal(ss_batch_unpack(buf_bytes(&packed), see, &s), R_VALUE);
	assert_int_equal(s.n, 0);
	clear_all(r, 2);
	ss_buf_wipe(&packed);
}

static void one_bad_record_refuses_the_whole_batch(void **state)
{
	static const uint8_t unknown_in_frame[] = { 0xc8, 0x3e, 1 };
	static const uint8_t record_with_unknown[] = { 0x0a, 5, 0x08, 1, 0xc8, 0x3e, 1 };
	struct ss_record erase_with_data = fixture_record(SS_LEASE, 1, 1, 5);

	(void)state;
	erase_with_data.erase = true;
	refuse_with(erase_with_data, bytes("", 0));
	refuse_with((struct ss_record){ .kind = 0, .key = 1 }, bytes("", 0));
	refuse_with(fixture_record(SS_LEASE, 1, 1, 512 * 1024 + 1), bytes("", 0));
	refuse_with(fixture_record(SS_LEASE, 2, 1, 5),
		    bytes(unknown_in_frame, sizeof(unknown_in_frame)));
	refuse_with(fixture_record(SS_LEASE, 2, 1, 5),
		    bytes(record_with_unknown, sizeof(record_with_unknown)));
}

static void damage_is_refused_or_harmless(void **state)
{
	struct ss_record r[MAX], whole = { .kind = 1 };
	size_t n = fill(r);
	struct seen s = { 0 };

	(void)state;
	assert_int_equal(ss_batch_pack(r, n, &whole.data), R_OK);
	for (size_t len = 0; len < whole.data.len; len++) {
		struct buf cut = { 0 };
		enum result res;

		assert_true(buf_set(&cut, bytes(whole.data.p, len)));
		res = ss_batch_unpack(buf_bytes(&cut), see, &s);
		assert_true(res == R_OK || s.n == 0);
		/* A batch cut between two records is a shorter one: the seal is what forbids
		 * that. */
		for (size_t i = 0; i < s.n; i++)
			assert_record(&r[i], &s.r[i]);
		clear(&s);
		buf_free(&cut);
	}
	for (size_t bit = 0; bit < 8 * whole.data.len; bit++) {
		whole.data.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (ss_batch_unpack(buf_bytes(&whole.data), see, &s) != R_OK)
			assert_int_equal(s.n, 0);
		clear(&s);
		whole.data.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	clear_all(r, n);
	ss_record_clear(&whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_survive_in_order_byte_for_byte),
		cmocka_unit_test(empty_batch_is_one),
		cmocka_unit_test(refusal_by_the_taker_ends_it),
		cmocka_unit_test(one_bad_record_refuses_the_whole_batch),
		cmocka_unit_test(damage_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
