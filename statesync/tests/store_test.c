/* SPDX-License-Identifier: Apache-2.0 */
/* The store is the fold of the log (R1, law 8). */
#include "statesync/tests/fixtures.h"

static struct ss_store *new_store(void)
{
	struct ss_store *st = ss_store_new(fixture_seed);

	assert_non_null(st);
	return st;
}

/* Applies and clears r. */
static void apply(struct ss_store *st, struct ss_record r)
{
	assert_int_equal(ss_store_apply(st, &r), R_OK);
	ss_record_clear(&r);
}

static void erase(struct ss_store *st, enum ss_kind kind, uint64_t key)
{
	struct ss_record r;

	ss_encode_erase(kind, key, &r);
	apply(st, r);
}

static struct ss_record lease(uint32_t spi, uint64_t end)
{
	struct ss_lease l = { .spi_in = spi, .lease_end = end };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_lease(&l, &r), R_OK);
	return r;
}

static uint64_t lease_end(const struct ss_store *st, uint32_t spi)
{
	struct ss_lease l;

	assert_int_equal(ss_decode_lease(ss_store_get(st, SS_LEASE, spi), &l), R_OK);
	return l.lease_end;
}

static void last_writer_wins(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record second = fixture_record(SS_IKE_SA, 1, 9, 20);

	(void)state;
	apply(st, fixture_record(SS_IKE_SA, 1, 1, 50));
	apply(st, fixture_record(SS_CHILD_SA, 1, 2, 5));
	assert_int_equal(ss_store_apply(st, &second), R_OK);
	assert_int_equal(ss_store_apply(st, &second), R_OK); /* idempotent */
	assert_int_equal(ss_store_count(st, 0), 2);
	ASSERT_BUF(ss_store_get(st, SS_IKE_SA, 1)->data, second.data);
	assert_null(ss_store_get(st, SS_IKE_SA, 2));
	ss_record_clear(&second);
	ss_store_free(st);
}

static void record_of_the_store_may_be_applied_to_it(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record want = fixture_record(SS_IKE_SA, 1, 1, 50);

	(void)state;
	assert_int_equal(ss_store_apply(st, &want), R_OK);
	assert_int_equal(ss_store_apply(st, ss_store_get(st, SS_IKE_SA, 1)), R_OK);
	ASSERT_BUF(ss_store_get(st, SS_IKE_SA, 1)->data, want.data);
	ss_record_clear(&want);
	ss_store_free(st);
}

static void erasing_a_child_sa_drops_what_hangs_on_it(void **state)
{
	struct ss_store *st = new_store();

	(void)state;
	for (uint32_t spi = 256; spi < 258; spi++) {
		apply(st, fixture_record(SS_CHILD_SA, spi, 1, 5));
		apply(st, lease(spi, 10));
		apply(st, fixture_record(SS_COUNTERS, spi, 1, 5));
	}
	erase(st, SS_CHILD_SA, 256);
	erase(st, SS_CHILD_SA, 256);
	assert_int_equal(ss_store_count(st, 0), 3);
	assert_int_equal(ss_store_count(st, SS_CHILD_SA), 1);
	assert_null(ss_store_get(st, SS_LEASE, 256));
	assert_null(ss_store_get(st, SS_COUNTERS, 256));
	assert_non_null(ss_store_get(st, SS_LEASE, 257));
	assert_non_null(ss_store_get(st, SS_COUNTERS, 257));
	ss_store_free(st);
}

static void lease_never_goes_down(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record bad = fixture_record(SS_LEASE, 256, 0xff, 9);

	(void)state;
	apply(st, lease(256, 1000));
	apply(st, lease(256, 999));
	assert_true(lease_end(st, 256) == 1000);
	apply(st, lease(256, 1001));
	assert_true(lease_end(st, 256) == 1001);
	/* nor by way of one that nobody can read */
	assert_int_not_equal(ss_store_apply(st, &bad), R_OK);
	assert_true(lease_end(st, 256) == 1001);
	ss_record_clear(&bad);
	ss_store_free(st);
}

static void unknown_kinds_and_fields_are_kept(void **state)
{
	struct ss_store *st = new_store();
	struct ss_record strange = fixture_record(4000, 12, 3, 40), future = lease(256, 5),
			 newer = lease(257, 5);
	static const uint8_t version_2[] = { 1 << 3, 2 };

	(void)state;
	append_future_fields(&future.data);
	append(&newer.data, bytes(version_2, sizeof(version_2)));
	assert_int_equal(ss_store_apply(st, &strange), R_OK);
	assert_int_equal(ss_store_apply(st, &future), R_OK);
	assert_int_equal(ss_store_apply(st, &newer), R_OK);
	ASSERT_BUF(ss_store_get(st, 4000, 12)->data, strange.data);
	ASSERT_BUF(ss_store_get(st, SS_LEASE, 256)->data, future.data);
	ASSERT_BUF(ss_store_get(st, SS_LEASE, 257)->data, newer.data);
	assert_int_equal(ss_store_count(st, 4000), 1);
	ss_record_clear(&strange);
	ss_record_clear(&future);
	ss_record_clear(&newer);
	ss_store_free(st);
}

struct order {
	size_t n;
	uint32_t kind[8];
	uint64_t key[8];
};

static void note(void *ctx, const struct ss_record *r)
{
	struct order *o = ctx;

	o->kind[o->n] = r->kind;
	o->key[o->n] = r->key;
	o->n++;
}

static void parents_come_first_then_first_insertion(void **state)
{
	static const struct order want = {
		6,
		{ SS_IKE_SA, SS_IKE_SA, SS_CHILD_SA, SS_CHILD_SA, SS_COUNTERS, 99 },
		{ 9, 2, 8, 7, 1, 3 },
	};
	struct ss_store *st = new_store();
	struct order got = { 0 };

	(void)state;
	apply(st, fixture_record(SS_COUNTERS, 1, 1, 1));
	apply(st, fixture_record(SS_CHILD_SA, 8, 1, 1));
	apply(st, fixture_record(SS_IKE_SA, 9, 1, 1));
	apply(st, fixture_record(99, 3, 1, 1));
	apply(st, fixture_record(SS_CHILD_SA, 7, 1, 1));
	apply(st, fixture_record(SS_IKE_SA, 2, 1, 1));
	apply(st, fixture_record(SS_CHILD_SA, 8, 2, 2)); /* replaced, in its old place */
	ss_store_each(st, note, &got);
	assert_memory_equal(&got, &want, sizeof(want));
	ss_store_free(st);
}

static void clear_leaves_an_empty_usable_store(void **state)
{
	struct ss_store *st = new_store(), *fresh = new_store();
	uint8_t a[32], b[32];

	(void)state;
	for (uint64_t key = 0; key < 100; key++)
		apply(st, fixture_record(SS_IKE_SA, key, 1, 4));
	ss_store_clear(st);
	assert_int_equal(ss_store_count(st, 0), 0);
	ss_store_digest(st, a);
	ss_store_digest(fresh, b);
	assert_memory_equal(a, b, sizeof(a));
	apply(st, fixture_record(SS_IKE_SA, 5, 1, 4));
	assert_int_equal(ss_store_count(st, SS_IKE_SA), 1);
	ss_store_free(fresh);
	ss_store_free(st);
}

/* A log of 400 records over few names: updates, erasures, leases up and down. */
static struct ss_record log_record(uint32_t i)
{
	static const uint32_t kinds[] = { SS_IKE_SA,   SS_CHILD_SA,   SS_LEASE,
					  SS_COUNTERS, SS_PEER_INDEX, 321 };
	uint32_t x = (i + 1) * 2654435761u;
	uint32_t kind = kinds[(x >> 8) % 6], key = 256 + (x >> 16) % 8;
	struct ss_record r;

	if ((x >> 24) % 5 == 0) {
		ss_encode_erase((enum ss_kind)kind, key, &r);
		return r;
	}
	return kind == SS_LEASE ? lease(key, (x >> 12) % 100)
				: fixture_record(kind, key, (uint8_t)x, 1 + x % 60);
}

static enum result apply_fn(void *ctx, const struct ss_record *r)
{
	return ss_store_apply(ctx, r);
}

/* Through packed batches of `size` records. */
static void fold(struct ss_store *st, uint32_t size)
{
	struct ss_record batch[64];

	for (uint32_t i = 0; i < 400;) {
		struct buf packed = { 0 };
		uint32_t n = 0;

		for (; n < size && i < 400; n++, i++)
			batch[n] = log_record(i);
		assert_int_equal(ss_batch_pack(batch, n, &packed), R_OK);
		assert_int_equal(ss_batch_unpack(buf_bytes(&packed), apply_fn, st), R_OK);
		ss_buf_wipe(&packed);
		while (n > 0)
			ss_record_clear(&batch[--n]);
	}
}

static void digest_does_not_depend_on_batching(void **state)
{
	static const uint32_t sizes[] = { 1, 2, 7, 64 };
	struct ss_store *reference = new_store();
	uint8_t want[32], got[32];

	(void)state;
	for (uint32_t i = 0; i < 400; i++)
		apply(reference, log_record(i));
	ss_store_digest(reference, want);
	for (size_t i = 0; i < 4; i++) {
		struct ss_store *st = new_store();

		fold(st, sizes[i]);
		ss_store_digest(st, got);
		assert_memory_equal(got, want, sizeof(got));
		assert_int_equal(ss_store_count(st, 0), ss_store_count(reference, 0));
		ss_store_free(st);
	}
	ss_store_free(reference);
}

static void copy_to(void *ctx, const struct ss_record *r)
{
	assert_int_equal(ss_store_apply(ctx, r), R_OK);
}

/* As if the store had never had another record. */
static void digest_is_of_what_is_there_however_it_came(void **state)
{
	struct ss_store *st = new_store();
	uint8_t want[32], got[32];

	(void)state;
	for (uint32_t i = 0; i < 400; i++) {
		struct ss_store *fresh = new_store();

		apply(st, log_record(i));
		ss_store_each(st, copy_to, fresh);
		ss_store_digest(fresh, want);
		ss_store_digest(st, got);
		assert_memory_equal(got, want, sizeof(got));
		ss_store_free(fresh);
	}
	ss_store_free(st);
}

static void digest_sees_contents_not_order(void **state)
{
	struct ss_store *a = new_store(), *b = new_store();
	uint8_t da[32], db[32];

	(void)state;
	apply(a, fixture_record(SS_IKE_SA, 1, 1, 4));
	apply(a, fixture_record(SS_IKE_SA, 2, 2, 4));
	apply(b, fixture_record(SS_IKE_SA, 2, 2, 4));
	apply(b, fixture_record(SS_IKE_SA, 1, 1, 4));
	ss_store_digest(a, da);
	ss_store_digest(b, db);
	assert_memory_equal(da, db, sizeof(da));
	apply(b, fixture_record(SS_IKE_SA, 1, 3, 4));
	ss_store_digest(b, db);
	assert_memory_not_equal(da, db, sizeof(da));
	/* The same contents under another name. */
	ss_store_clear(a);
	ss_store_clear(b);
	apply(a, fixture_record(SS_IKE_SA, 1, 1, 4));
	apply(b, fixture_record(SS_IKE_SA, 2, 1, 4));
	ss_store_digest(a, da);
	ss_store_digest(b, db);
	assert_memory_not_equal(da, db, sizeof(da));
	ss_store_free(a);
	ss_store_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(last_writer_wins),
		cmocka_unit_test(record_of_the_store_may_be_applied_to_it),
		cmocka_unit_test(erasing_a_child_sa_drops_what_hangs_on_it),
		cmocka_unit_test(lease_never_goes_down),
		cmocka_unit_test(unknown_kinds_and_fields_are_kept),
		cmocka_unit_test(parents_come_first_then_first_insertion),
		cmocka_unit_test(clear_leaves_an_empty_usable_store),
		cmocka_unit_test(digest_does_not_depend_on_batching),
		cmocka_unit_test(digest_is_of_what_is_there_however_it_came),
		cmocka_unit_test(digest_sees_contents_not_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
