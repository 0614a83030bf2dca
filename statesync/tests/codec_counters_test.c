/* SPDX-License-Identifier: Apache-2.0 */
/* Lease (R17), counters (R18, R19) and peer index records. */
#include "statesync/tests/fixtures.h"

static const struct ss_lease full_lease = {
	.spi_in = 0x1f000100,
	.lease_end = 0x8000000000,
	.self_granted = true,
	.rate_pps = 100000,
	.term = 0x100000003,
};

static struct ss_counters full_counters(void)
{
	return (struct ss_counters){
		.spi_in = 0x1f000100,
		.seq_next = 1,
		.in_right_edge = 0x100000002,
		.exact = true,
		.in_bitmap = fixture_buf(1, 128),
		.at_ms = 3,
		.rate_pps = 4,
		.in_packets = 5,
		.in_bytes = 6,
		.out_packets = 7,
		.out_bytes = 8,
	};
}

static const struct peer_index_state full_index = {
	.map = "outside_map",
	.seq = 20,
	.index = 3,
	.generation = 0x100000000,
	.reason = 4,
	.map_digest = 0xfedcba9876543210u,
};

static void every_field_of_a_lease_survives(void **state)
{
	struct ss_record r = { 0 };
	struct ss_lease out;

	(void)state;
	assert_int_equal(ss_encode_lease(&full_lease, &r), R_OK);
	assert_int_equal(r.kind, SS_LEASE);
	assert_true(r.key == full_lease.spi_in);
	append_future_fields(&r.data);
	assert_int_equal(ss_decode_lease(&r, &out), R_OK);
	assert_true(out.spi_in == full_lease.spi_in && out.lease_end == full_lease.lease_end);
	assert_true(out.self_granted == full_lease.self_granted &&
		    out.rate_pps == full_lease.rate_pps && out.term == full_lease.term);
	r.key++;
	assert_int_equal(ss_decode_lease(&r, &out), R_VALUE);
	assert_true(out.spi_in == 0 && out.lease_end == 0 && !out.self_granted &&
		    out.rate_pps == 0);
	ss_record_clear(&r);
}

static void every_field_of_counters_survives(void **state)
{
	struct ss_counters in = full_counters(), out;
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_counters(&in, &r), R_OK);
	assert_int_equal(r.kind, SS_COUNTERS);
	assert_true(r.key == in.spi_in);
	append_future_fields(&r.data);
	assert_int_equal(ss_decode_counters(&r, &out), R_OK);
	assert_true(in.spi_in == out.spi_in && in.seq_next == out.seq_next);
	assert_true(in.in_right_edge == out.in_right_edge && in.exact == out.exact);
	ASSERT_BUF(in.in_bitmap, out.in_bitmap);
	assert_true(in.at_ms == out.at_ms && in.rate_pps == out.rate_pps);
	assert_true(in.in_packets == out.in_packets && in.in_bytes == out.in_bytes);
	assert_true(in.out_packets == out.out_packets && in.out_bytes == out.out_bytes);
	buf_free(&out.in_bitmap);
	buf_free(&in.in_bitmap);
	ss_record_clear(&r);
}

static void bitmap_is_whole_words_and_bounded(void **state)
{
	static const size_t bad[] = { 1, 127, 8200 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ss_counters in = { .spi_in = 256, .in_bitmap = fixture_buf(1, bad[i]) }, out;
		struct ss_record r = { 0 };

		assert_int_equal(ss_encode_counters(&in, &r), R_OK);
		assert_int_equal(ss_decode_counters(&r, &out), R_VALUE);
		assert_null(out.in_bitmap.p);
		buf_free(&in.in_bitmap);
		ss_record_clear(&r);
	}
}

static void every_field_of_a_peer_index_survives(void **state)
{
	struct peer_index_state other = full_index, out;
	struct ss_record r = { 0 }, r2 = { 0 };

	(void)state;
	assert_int_equal(ss_encode_peer_index(&full_index, &r), R_OK);
	assert_int_equal(r.kind, SS_PEER_INDEX);
	append_future_fields(&r.data);
	assert_int_equal(ss_decode_peer_index(&r, &out), R_OK);
	assert_string_equal(out.map, full_index.map);
	assert_true(out.seq == full_index.seq && out.index == full_index.index);
	assert_true(out.generation == full_index.generation && out.reason == full_index.reason);
	assert_true(out.map_digest == full_index.map_digest);

	/* The key names map and sequence, nothing else: it must be the same on every node for
	 * ever. */
	other.index++;
	assert_int_equal(ss_encode_peer_index(&other, &r2), R_OK);
	assert_true(r2.key == r.key);
	assert_true(r.key == 0x73f06b8b8e4d5504ull);
	other.seq++;
	ss_record_clear(&r2);
	assert_int_equal(ss_encode_peer_index(&other, &r2), R_OK);
	assert_true(r2.key != r.key);
	r2.key = r.key;
	assert_int_equal(ss_decode_peer_index(&r2, &out), R_VALUE);
	assert_string_equal(out.map, "");
	ss_record_clear(&r2);
	ss_record_clear(&r);
}

static void damaged(void *ctx, const struct ss_record *r)
{
	struct ss_lease lease;
	struct ss_counters counters;
	struct peer_index_state index;

	(void)ctx;
	if (ss_decode_lease(r, &lease) == R_OK)
		assert_true(lease.spi_in == r->key);
	if (ss_decode_counters(r, &counters) == R_OK)
		assert_true(counters.spi_in == r->key && counters.in_bitmap.len % 8 == 0);
	else
		assert_null(counters.in_bitmap.p);
	buf_free(&counters.in_bitmap);
	if (ss_decode_peer_index(r, &index) == R_OK)
		assert_non_null(memchr(index.map, 0, sizeof(index.map)));
}

static void damage_is_refused_or_harmless(void **state)
{
	struct ss_counters counters = full_counters();
	struct ss_record r[3] = { { 0 } };

	(void)state;
	assert_int_equal(ss_encode_lease(&full_lease, &r[0]), R_OK);
	assert_int_equal(ss_encode_counters(&counters, &r[1]), R_OK);
	assert_int_equal(ss_encode_peer_index(&full_index, &r[2]), R_OK);
	for (size_t i = 0; i < 3; i++) {
		each_damage(&r[i], damaged, NULL);
		ss_record_clear(&r[i]);
	}
	buf_free(&counters.in_bitmap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_field_of_a_lease_survives),
		cmocka_unit_test(every_field_of_counters_survives),
		cmocka_unit_test(bitmap_is_whole_words_and_bounded),
		cmocka_unit_test(every_field_of_a_peer_index_survives),
		cmocka_unit_test(damage_is_refused_or_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
