/* SPDX-License-Identifier: Apache-2.0 */
/* Two owners (R23): of leases, counters and the peer index the safer ones are merged. */
#include "statesync/message.h"
#include "statesync/records.pb-c.h"
#include "statesync/tests/merge_harness.h"

static void nothing_that_either_has_used_comes_again(void **state)
{
	(void)state;
	put(higher, 12, counters(300, 1400, 100, 0x5, true));
	put(higher, 12, lease(300, 2000));
	put(lower, 12, counters(300, 900, 103, 0x3, false));
	put(lower, 12, lease(300, 3000));
	merge(60000);
	assert_counts(0, 0, 0); /* the lower one used nothing of it */
	struct ss_counters c = counters_now(300);
	assert_int_equal(c.seq_next, 1400);
	assert_int_equal(c.in_right_edge, 103);
	assert_true(c.exact);
	assert_int_equal(c.in_bitmap.p[7], 0x3 | 0x5 << 3);
	assert_false(c.rekey);
	struct ss_lease l;
	assert_int_equal(ss_decode_lease(ss_store_get(higher, SS_LEASE, 300), &l), R_OK);
	assert_int_equal(l.lease_end, 3000);
	buf_free(&c.in_bitmap);
}

static void a_child_that_both_have_used_is_rekeyed(void **state)
{
	(void)state;
	put(higher, 12, counters(300, 40, 70, 1, true));
	put(lower, 12, counters(300, 90, 5, 1, true));
	merge(60000);
	assert_counts(0, 0, 1);
	struct ss_counters c = counters_now(300);
	assert_true(c.rekey);
	assert_int_equal(c.seq_next, 90);
	assert_int_equal(c.in_right_edge, 70);
	assert_int_equal(c.in_bitmap.p[7], 1); /* the other one's bit lies outside of the window */
	buf_free(&c.in_bitmap);
}

/* Of numbers as well: those of both sides, and the higher one's where both have a field. */
static void unknown_fields_of_both_survive_in_the_numbers(void **state)
{
	/* 1001 and 1002, as varints */
	static const uint8_t theirs[] = { 0xc8, 0x3e, 0x07, 0xd0, 0x3e, 0x09 };
	struct ss_record a = counters(300, 40, 70, 1, false), b = counters(300, 90, 80, 1, false);
	ProtobufCMessage *m;

	(void)state;
	append_future_fields(&a.data);
	append(&b.data, bytes(theirs, sizeof(theirs)));
	put(higher, 12, a);
	put(lower, 12, b);
	merge(1);
	const struct ss_record *r = ss_store_get(higher, SS_COUNTERS, 300);
	assert_int_equal(
		ss_message_unpack(&holdfast__counters__descriptor, buf_bytes(&r->data), &m), R_OK);
	assert_int_equal(((Holdfast__Counters *)m)->seq_next, 90);
	assert_int_equal(m->n_unknown_fields, 3);
	assert_int_equal(m->unknown_fields[0].tag, 1000);
	assert_int_equal(m->unknown_fields[0].len, 4);
	assert_memory_equal(m->unknown_fields[0].data, "\3new", 4);
	assert_int_equal(m->unknown_fields[1].tag, 1001);
	assert_int_equal(m->unknown_fields[1].data[0], 42);
	assert_int_equal(m->unknown_fields[2].tag, 1002);
	assert_int_equal(m->unknown_fields[2].data[0], 9);
	ss_message_free(m);
}

static struct ss_record peer_index(uint32_t index, uint64_t generation)
{
	const struct peer_index_state p = {
		.map = "map", .seq = 10, .index = index, .generation = generation
	};
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_peer_index(&p, &r), R_OK);
	return r;
}

/* The lower one's index is 1, the higher one's 0. */
static uint32_t merged_index(uint64_t generation_of_lower, uint64_t generation_of_higher)
{
	struct ss_record r = peer_index(0, generation_of_higher);
	const uint64_t key = r.key;
	struct peer_index_state p;

	put(higher, 11, r);
	put(lower, 11, peer_index(1, generation_of_lower));
	merge(1);
	assert_int_equal(ss_decode_peer_index(ss_store_get(higher, SS_PEER_INDEX, key), &p), R_OK);
	return p.index;
}

static void the_peer_index_that_moved_last_wins(void **state)
{
	(void)state;
	assert_int_equal(merged_index(3, 2), 1);
}

static void the_peer_index_of_the_lower_that_moved_less_does_not(void **state)
{
	(void)state;
	assert_int_equal(merged_index(2, 3), 0);
}

static struct ss_record numbers(bool exact, bool used, bool rekey, uint64_t n)
{
	struct ss_counters c = { .spi_in = 300,
				 .exact = exact,
				 .used_apart = used,
				 .rekey = rekey,
				 .in_right_edge = n,
				 .at_ms = 1000 + n,
				 .rate_pps = 50 + n,
				 .in_packets = n,
				 .in_bytes = 100 + n,
				 .out_packets = 200 + n,
				 .out_bytes = 300 + n };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_counters(&c, &r), R_OK);
	return r;
}

static struct ss_counters assert_numbers_of_9(void)
{
	struct ss_counters c = counters_now(300);

	assert_int_equal(c.rate_pps, 59);
	assert_int_equal(c.in_packets, 9);
	assert_int_equal(c.in_bytes, 109);
	assert_int_equal(c.out_packets, 209);
	assert_int_equal(c.out_bytes, 309);
	buf_free(&c.in_bitmap);
	return c;
}

static void each_number_is_the_safer_one(void **state)
{
	for (unsigned int turn = 0; turn < 2; turn++) {
		struct ss_store *one = turn ? higher : lower, *two = turn ? lower : higher;
		put(one, 12, numbers(true, true, false, 7));
		put(two, 12, numbers(false, false, true, 9));
		merge(60000);
		struct ss_counters c = assert_numbers_of_9();
		assert_false(c.exact);
		assert_true(c.used_apart && c.rekey);
		assert_int_equal(c.at_ms, 1007); /* silence is counted from the older one (R10) */
		teardown(state);
		setup(state);
	}
	/* The higher right edge has the lower numbers. */
	put(lower, 12, counters(300, 1, 500, 1, false));
	struct ss_record r = numbers(true, false, false, 9);
	put(higher, 12, r);
	merge(60000);
	(void)assert_numbers_of_9();
}

static void a_lower_lease_is_not_appended(void **state)
{
	(void)state;
	put(higher, 12, lease(300, 5000));
	put(lower, 12, lease(300, 3000));
	merge(1);
	assert_int_equal(out.n, 0);
}

/* The lower one used the lease that it had before the fork; the other one knows it no more. */
static void the_lease_of_a_child_that_comes_back_is_kept(void **state)
{
	struct ss_lease l;

	(void)state;
	both(lease(300, 70000));
	erase(higher, SS_LEASE, 300);
	erase(higher, SS_CHILD_SA, 300);
	erase(higher, SS_IKE_SA, 1);
	put(lower, 12, ike_sa(1, 6, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, child_sa(300, 1, 6));
	merge(60000);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_non_null(ss_store_get(higher, SS_LEASE, 300));
	assert_int_equal(ss_decode_lease(ss_store_get(higher, SS_LEASE, 300), &l), R_OK);
	assert_int_equal(l.lease_end, 70000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(nothing_that_either_has_used_comes_again),
		T(a_child_that_both_have_used_is_rekeyed),
		T(unknown_fields_of_both_survive_in_the_numbers),
		T(each_number_is_the_safer_one),
		T(a_lower_lease_is_not_appended),
		T(the_lease_of_a_child_that_comes_back_is_kept),
		T(the_peer_index_of_the_lower_that_moved_less_does_not),
		T(the_peer_index_that_moved_last_wins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
