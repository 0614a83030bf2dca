/* SPDX-License-Identifier: Apache-2.0 */
#include "statesync/tests/merge_harness.h"

#include "statesync/codec.h"

struct ss_store *higher, *lower;
struct ss_merge_result out;

void put(struct ss_store *st, uint64_t position, struct ss_record r)
{
	ss_store_at(st, position);
	assert_int_equal(ss_store_apply(st, &r), R_OK);
	ss_record_clear(&r);
}

void both(struct ss_record r)
{
	struct ss_record again = { 0 };

	assert_int_equal(ss_record_copy(&again, &r), R_OK);
	put(higher, FORK, again);
	put(lower, FORK, r);
}

struct ss_record ike_sa(uint64_t spi, uint32_t next_id, uint8_t stage, uint64_t replaced_by)
{
	struct ike_sa_state s = { .spi_i = 1000 + spi,
				  .spi_r = spi,
				  .stage = stage,
				  .connection = "peer",
				  .next_request_id = next_id,
				  .replaced_by = replaced_by };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_ike_sa(&s, &r), R_OK);
	return r;
}

struct ss_record child_sa(uint32_t spi, uint64_t ike_spi, uint64_t rekey_at_ms)
{
	struct child_sa_state c = { .spi_in = spi,
				    .spi_out = spi + 1,
				    .ike_spi = ike_spi,
				    .stage = CHILD_SA_ESTABLISHED,
				    .rekey_at_ms = rekey_at_ms };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_child_sa(&c, &r), R_OK);
	return r;
}

struct ss_record lease(uint32_t spi, uint64_t end)
{
	struct ss_lease l = { .spi_in = spi, .lease_end = end };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_lease(&l, &r), R_OK);
	return r;
}

struct ss_record counters(uint32_t spi, uint64_t next, uint64_t edge, uint64_t window, bool used)
{
	uint8_t word[8];
	struct ss_counters c = { .spi_in = spi,
				 .seq_next = next,
				 .in_right_edge = edge,
				 .exact = true,
				 .used_apart = used,
				 .in_bitmap = { .p = word, .len = sizeof(word) } };
	struct ss_record r = { 0 };

	for (unsigned int i = 0; i < 8; i++)
		word[i] = (uint8_t)(window >> (56 - 8 * i));
	assert_int_equal(ss_encode_counters(&c, &r), R_OK);
	return r;
}

void erase(struct ss_store *st, enum ss_kind kind, uint64_t key)
{
	struct ss_record r;

	ss_encode_erase(kind, key, &r);
	put(st, FORK + 1, r);
}

int setup(void **state)
{
	(void)state;
	higher = ss_store_new(fixture_seed);
	lower = ss_store_new(fixture_seed);
	assert_true(higher && lower);
	both(ike_sa(1, 5, IKE_SA_ESTABLISHED, 0));
	both(child_sa(300, 1, 0));
	both(lease(300, 1000));
	return 0;
}

int teardown(void **state)
{
	(void)state;
	ss_merge_result_clear(&out);
	ss_store_free(higher);
	ss_store_free(lower);
	higher = lower = NULL;
	return 0;
}

static struct ss_merge *sent(size_t max)
{
	struct ss_part *p = ss_part_new(lower);
	struct ss_merge *m = ss_merge_new(fixture_seed);
	struct buf chunk = { 0 };
	bool done = false;

	lower = NULL;
	while (!done && ss_part_chunk(p, FORK, ss_merge_received(m), max, &chunk)) {
		assert_int_equal(ss_merge_read(m, buf_bytes(&chunk), &done), R_OK);
		ss_buf_wipe(&chunk);
	}
	assert_true(done);
	assert_int_equal(ss_merge_fork(m), FORK);
	ss_part_free(p);
	return m;
}

void merge(size_t max)
{
	struct ss_merge *m = sent(max);

	assert_int_equal(ss_merge_plan(m, higher, &out), R_OK);
	ss_store_at(higher, FORK + 100);
	for (size_t i = 0; i < out.n; i++)
		assert_int_equal(ss_store_apply(higher, &out.records[i]), R_OK);
	ss_merge_free(m);
}

void assert_counts(uint64_t taken, uint64_t anew, uint64_t rekeyed)
{
	assert_int_equal(out.taken, taken);
	assert_int_equal(out.anew, anew);
	assert_int_equal(out.rekeyed, rekeyed);
}

struct ike_sa_state ike_now(uint64_t spi)
{
	struct ike_sa_state s;
	const struct ss_record *r = ss_store_get(higher, SS_IKE_SA, spi);

	assert_non_null(r);
	assert_int_equal(ss_decode_ike_sa(r, &s), R_OK);
	return s;
}

struct ss_counters counters_now(uint32_t spi)
{
	struct ss_counters c;
	const struct ss_record *r = ss_store_get(higher, SS_COUNTERS, spi);

	assert_non_null(r);
	assert_int_equal(ss_decode_counters(r, &c), R_OK);
	return c;
}
