/* SPDX-License-Identifier: Apache-2.0 */
/* Two owners (R23): which side's SAs, and which numbers, the merged store has. */
#include "base/iana.h"
#include "statesync/codec.h"
#include "statesync/message.h"
#include "statesync/records.pb-c.h"
#include "statesync/tests/fixtures.h"

#define FORK 10u

/* The log up to the fork, and then one for each owner. */
static struct ss_store *higher, *lower;
static struct ss_merge_result out;

static void put(struct ss_store *st, uint64_t position, struct ss_record r)
{
	ss_store_at(st, position);
	assert_int_equal(ss_store_apply(st, &r), R_OK);
	ss_record_clear(&r);
}

static void both(struct ss_record r)
{
	struct ss_record again = { 0 };

	assert_int_equal(ss_record_copy(&again, &r), R_OK);
	put(higher, FORK, again);
	put(lower, FORK, r);
}

static struct ss_record ike_sa(uint64_t spi, uint32_t next_id, uint8_t stage, uint64_t replaced_by)
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

static struct ss_record child_sa(uint32_t spi, uint64_t ike_spi, uint64_t rekey_at_ms)
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

static struct ss_record lease(uint32_t spi, uint64_t end)
{
	struct ss_lease l = { .spi_in = spi, .lease_end = end };
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_lease(&l, &r), R_OK);
	return r;
}

/* window: bit k of its only word: edge - k was seen. */
static struct ss_record counters(uint32_t spi, uint64_t next, uint64_t edge, uint64_t window,
				 bool used)
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

static void erase(struct ss_store *st, enum ss_kind kind, uint64_t key)
{
	struct ss_record r;

	ss_encode_erase(kind, key, &r);
	put(st, FORK + 1, r);
}

/* IKE SA 1 with CHILD SA 300, on both sides. */
static int setup(void **state)
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

static int teardown(void **state)
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

/* What comes out, applied. */
static void merge(size_t max)
{
	struct ss_merge *m = sent(max);

	assert_int_equal(ss_merge_plan(m, higher, &out), R_OK);
	ss_store_at(higher, FORK + 100);
	for (size_t i = 0; i < out.n; i++)
		assert_int_equal(ss_store_apply(higher, &out.records[i]), R_OK);
	ss_merge_free(m);
}

static void assert_counts(uint64_t taken, uint64_t anew, uint64_t rekeyed)
{
	assert_int_equal(out.taken, taken);
	assert_int_equal(out.anew, anew);
	assert_int_equal(out.rekeyed, rekeyed);
}

static struct ike_sa_state ike_now(uint64_t spi)
{
	struct ike_sa_state s;
	const struct ss_record *r = ss_store_get(higher, SS_IKE_SA, spi);

	assert_non_null(r);
	assert_int_equal(ss_decode_ike_sa(r, &s), R_OK);
	return s;
}

static struct ss_counters counters_now(uint32_t spi)
{
	struct ss_counters c;
	const struct ss_record *r = ss_store_get(higher, SS_COUNTERS, spi);

	assert_non_null(r);
	assert_int_equal(ss_decode_counters(r, &c), R_OK);
	return c;
}

static void what_nobody_changed_stays(void **state)
{
	(void)state;
	merge(1);
	assert_counts(0, 0, 0);
	assert_int_equal(out.n, 0);
}

static void what_only_the_lower_changed_is_taken_whole(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	put(lower, 12, lease(400, 5000));
	erase(lower, SS_CHILD_SA, 300);
	merge(1);
	assert_counts(1, 0, 0);
	assert_int_equal(ike_now(1).next_request_id, 7);
	assert_false(ike_now(1).anew);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 400));
	assert_non_null(ss_store_get(higher, SS_LEASE, 400));
	assert_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_null(ss_store_get(higher, SS_LEASE, 300));
}

static void what_only_the_higher_changed_stays(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(higher, 11, child_sa(500, 1, 0));
	erase(higher, SS_CHILD_SA, 300);
	merge(60000);
	assert_counts(0, 0, 0);
	assert_int_equal(ike_now(1).next_request_id, 9);
	assert_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 500));
}

static void what_both_changed_is_set_up_anew(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	merge(60000);
	assert_counts(0, 1, 0);
	assert_true(ike_now(1).anew);
	assert_int_equal(ike_now(1).next_request_id, 9); /* with ours until then */
	assert_null(ss_store_get(higher, SS_CHILD_SA, 400));
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 300));
}

/* Both wrote the same: there is nothing to choose. */
static void the_same_change_on_both_sides_is_none(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	merge(60000);
	assert_counts(0, 0, 0);
	assert_int_equal(out.n, 0);
}

static void an_ike_sa_that_the_lower_rekeyed_comes_with_its_successor(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(2, 0, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, child_sa(300, 2, 0));
	erase(lower, SS_IKE_SA, 1);
	merge(1);
	assert_counts(1, 0, 0);
	assert_null(ss_store_get(higher, SS_IKE_SA, 1));
	assert_int_equal(ike_now(2).stage, IKE_SA_ESTABLISHED);
}

/* One is a rekeyed IKE SA, the other a rekeyed CHILD SA of it: no peer can have done both. */
static void changes_of_one_family_count_together(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 6, IKE_SA_REKEYED, 2));
	put(lower, 11, ike_sa(2, 0, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, child_sa(300, 2, 0));
	put(higher, 11, ike_sa(1, 6, IKE_SA_ESTABLISHED, 0));
	put(higher, 11, child_sa(500, 1, 0));
	merge(1);
	assert_counts(0, 1, 0);
	assert_true(ike_now(1).anew);
	assert_null(ss_store_get(higher, SS_IKE_SA, 2));
}

/* The higher owner has deleted it, the lower one went on: its tunnels are wanted. */
static void an_ike_sa_that_the_higher_ended_is_set_up_anew_from_the_lower(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	erase(higher, SS_CHILD_SA, 300);
	erase(higher, SS_IKE_SA, 1);
	merge(1);
	assert_counts(0, 1, 0);
	assert_true(ike_now(1).anew);
	assert_int_equal(ike_now(1).next_request_id, 7);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 400));
}

static void an_ike_sa_that_the_lower_set_up_is_taken(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(8, 2, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(800, 8, 0));
	put(lower, 12, counters(800, 40, 30, 1, true));
	merge(1);
	assert_counts(1, 0, 0);
	assert_int_equal(ike_now(8).next_request_id, 2);
	struct ss_counters c = counters_now(800);
	assert_int_equal(c.seq_next, 40);
	buf_free(&c.in_bitmap);
	assert_int_equal(ike_now(1).next_request_id, 5);
}

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

/* What a newer version has put into the record is still there with the mark. */
static void unknown_fields_survive_the_mark(void **state)
{
	struct ss_record r = ike_sa(1, 9, IKE_SA_ESTABLISHED, 0);
	size_t len;

	(void)state;
	append_future_fields(&r.data);
	len = r.data.len;
	put(higher, 11, r);
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	merge(1);
	assert_true(ike_now(1).anew);
	assert_true(ss_store_get(higher, SS_IKE_SA, 1)->data.len > len);
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

static void the_peer_index_that_moved_last_wins(void **state)
{
	struct peer_index_state p = { .map = "map", .seq = 10, .index = 1, .generation = 3 };
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_peer_index(&p, &r), R_OK);
	put(lower, 11, r);
	p.index = 0;
	p.generation = 2;
	assert_int_equal(ss_encode_peer_index(&p, &r), R_OK);
	uint64_t key = r.key;
	put(higher, 11, r);
	merge(1);
	assert_int_equal(ss_decode_peer_index(ss_store_get(higher, SS_PEER_INDEX, key), &p), R_OK);
	assert_int_equal(p.index, 1);
}

static void the_peer_index_of_the_lower_that_moved_less_does_not(void **state)
{
	struct peer_index_state p = { .map = "map", .seq = 10, .index = 1, .generation = 2 };
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_peer_index(&p, &r), R_OK);
	put(lower, 11, r);
	p.index = 0;
	p.generation = 3;
	assert_int_equal(ss_encode_peer_index(&p, &r), R_OK);
	uint64_t key = r.key;
	put(higher, 11, r);
	merge(1);
	assert_int_equal(ss_decode_peer_index(ss_store_get(higher, SS_PEER_INDEX, key), &p), R_OK);
	assert_int_equal(p.index, 0);
}

static void chunks_come_in_order_and_once(void **state)
{
	struct ss_part *p = ss_part_new(lower);
	struct ss_merge *m = ss_merge_new(fixture_seed);
	struct buf first = { 0 }, second = { 0 };
	bool done;

	(void)state;
	lower = NULL;
	assert_true(ss_part_chunk(p, FORK, 0, 1, &first));
	assert_true(ss_part_chunk(p, FORK, 1, 1, &second));
	assert_int_equal(ss_merge_read(m, buf_bytes(&second), &done), R_AGAIN);
	assert_int_equal(ss_merge_read(m, buf_bytes(&first), &done), R_OK);
	assert_int_equal(ss_merge_read(m, buf_bytes(&first), &done), R_EXISTS);
	assert_int_equal(ss_merge_read(m, buf_bytes(&second), &done), R_OK);
	assert_false(done);
	assert_int_equal(ss_merge_received(m), 2);
	assert_int_equal(ss_merge_plan(m, higher, &out), R_STATE);
	/* And what is not one. */
	assert_int_equal(ss_merge_read(m, bytes("\xff", 1), &done), R_SHORT);
	assert_int_equal(ss_merge_read(m, buf_bytes(&second), &done), R_SHORT);
	ss_buf_wipe(&first);
	ss_buf_wipe(&second);
	ss_merge_free(m);
	ss_part_free(p);
}

static void an_empty_store_is_one_chunk(void **state)
{
	(void)state;
	ss_store_clear(lower);
	merge(1);
	/* It is all gone there, and unchanged here. */
	assert_counts(1, 0, 0);
	assert_null(ss_store_get(higher, SS_IKE_SA, 1));
	assert_null(ss_store_get(higher, SS_CHILD_SA, 300));
}

/* One field of a chunk that no lower owner would send. */
static enum result read_bad(void (*spoil)(Holdfast__PartChunk *c))
{
	Holdfast__PartRecord r = HOLDFAST__PART_RECORD__INIT, *list[] = { &r, &r };
	Holdfast__PartChunk c = HOLDFAST__PART_CHUNK__INIT;
	struct ss_merge *m = ss_merge_new(fixture_seed);
	struct buf chunk = { 0 };
	bool done;

	r.kind = SS_IKE_SA;
	r.key = 1;
	c.total = 2;
	c.n_record = 1;
	c.record = list;
	spoil(&c);
	assert_int_equal(ss_message_pack(&c.base, &chunk), R_OK);
	enum result res = ss_merge_read(m, buf_bytes(&chunk), &done);
	assert_false(done);
	buf_free(&chunk);
	ss_merge_free(m);
	return res;
}

static void spoil_nothing(Holdfast__PartChunk *c)
{
	(void)c;
}

static void spoil_none(Holdfast__PartChunk *c)
{
	c->n_record = 0;
}

static void spoil_kind(Holdfast__PartChunk *c)
{
	c->record[0]->kind = 0;
}

static void spoil_data(Holdfast__PartChunk *c)
{
	static uint8_t data[1];

	c->record[0]->data = (ProtobufCBinaryData){ .data = data, .len = 1 };
}

static void spoil_created(Holdfast__PartChunk *c)
{
	c->record[0]->created = true;
}

static void spoil_twice(Holdfast__PartChunk *c)
{
	c->n_record = 2;
}

static void spoil_total(Holdfast__PartChunk *c)
{
	c->total = 0;
}

static void spoil_first(Holdfast__PartChunk *c)
{
	c->first = 1;
}

static void what_no_lower_owner_sends_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_bad(spoil_nothing), R_OK);
	assert_int_equal(read_bad(spoil_none), R_VALUE);
	assert_int_equal(read_bad(spoil_kind), R_VALUE);
	assert_int_equal(read_bad(spoil_data), R_VALUE);
	assert_int_equal(read_bad(spoil_created), R_VALUE);
	assert_int_equal(read_bad(spoil_twice), R_VALUE);
	assert_int_equal(read_bad(spoil_total), R_VALUE);
	assert_int_equal(read_bad(spoil_first), R_AGAIN);
}

/* The successor joins both, whatever CHILD SAs they have. */
static void a_rekeyed_ike_sa_is_one_family_with_its_successor(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 6, IKE_SA_REKEYED, 2));
	put(lower, 11, ike_sa(2, 0, IKE_SA_ESTABLISHED, 0));
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	merge(1);
	assert_counts(0, 1, 0);
	assert_null(ss_store_get(higher, SS_IKE_SA, 2));
}

/* One side has changed the IKE SA only, the other a CHILD SA of it only. */
static void who_changed_what_of_a_family_does_not_matter(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	merge(1);
	assert_counts(0, 1, 0);
	assert_int_equal(ike_now(1).next_request_id, 9);
	assert_null(ss_store_get(higher, SS_CHILD_SA, 400));
}

/* A tombstone that has come since is no change of its IKE SA. */
static void a_tombstone_alone_changes_no_family(void **state)
{
	struct child_sa_state c = {
		.spi_in = 300, .spi_out = 301, .ike_spi = 1, .stage = CHILD_SA_DEAD
	};
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_child_sa(&c, &r), R_OK);
	put(lower, 11, r);
	merge(1);
	assert_counts(0, 0, 0);
}

/* What the lower one has ended of an IKE SA that is set up anew goes on here until then. */
static void what_is_set_up_anew_loses_nothing_before(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	put(lower, 11, lease(400, 100));
	put(lower, 12, counters(400, 40, 30, 1, true));
	erase(lower, SS_CHILD_SA, 300);
	merge(60000);
	assert_counts(0, 1, 0);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_null(ss_store_get(higher, SS_LEASE, 400));
	assert_null(ss_store_get(higher, SS_COUNTERS, 400));
}

/* Replaced, closing or not up: another one has to carry the tunnels. */
static void an_ike_sa_that_carries_nothing_is_not_set_up_anew(void **state)
{
	const struct ike_sa_state kinds[] = {
		{ .stage = IKE_SA_REKEYED, .replaced_by = 2 },
		{ .stage = IKE_SA_ESTABLISHED, .replaced_by = 2 },
		{ .stage = IKE_SA_DELETING },
		{ .stage = IKE_SA_ESTABLISHED, .closing = true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct ike_sa_state s = kinds[i];
		struct ss_record r = { 0 };
		s.spi_i = 1001;
		s.spi_r = 1;
		s.next_request_id = 9;
		memcpy(s.connection, "peer", 5);
		assert_int_equal(ss_encode_ike_sa(&s, &r), R_OK);
		put(higher, 11, r);
		put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
		merge(60000);
		assert_counts(0, 1, 0);
		assert_int_equal(ike_now(1).next_request_id, 7);
		teardown(state);
		setup(state);
	}
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

static void each_number_is_the_safer_one(void **state)
{
	for (unsigned int turn = 0; turn < 2; turn++) {
		struct ss_store *one = turn ? higher : lower, *two = turn ? lower : higher;
		put(one, 12, numbers(true, true, false, 7));
		put(two, 12, numbers(false, false, true, 9));
		merge(60000);
		struct ss_counters c = counters_now(300);
		assert_false(c.exact);
		assert_true(c.used_apart && c.rekey);
		assert_int_equal(c.at_ms, 1007); /* silence is counted from the older one (R10) */
		assert_int_equal(c.rate_pps, 59);
		assert_int_equal(c.in_packets, 9);
		assert_int_equal(c.in_bytes, 109);
		assert_int_equal(c.out_packets, 209);
		assert_int_equal(c.out_bytes, 309);
		buf_free(&c.in_bitmap);
		teardown(state);
		setup(state);
	}
	/* The higher right edge has the lower numbers. */
	put(lower, 12, counters(300, 1, 500, 1, false));
	struct ss_record r = numbers(true, false, false, 9);
	put(higher, 12, r);
	merge(60000);
	struct ss_counters c = counters_now(300);
	assert_int_equal(c.rate_pps, 59);
	assert_int_equal(c.in_packets, 9);
	assert_int_equal(c.in_bytes, 109);
	assert_int_equal(c.out_packets, 209);
	assert_int_equal(c.out_bytes, 309);
	buf_free(&c.in_bitmap);
}

static void a_lower_lease_is_not_appended(void **state)
{
	(void)state;
	put(higher, 12, lease(300, 5000));
	put(lower, 12, lease(300, 3000));
	merge(1);
	assert_int_equal(out.n, 0);
}

/* Of a newer version: ours stays when both changed it. */
static void records_of_unknown_kinds_come_along(void **state)
{
	(void)state;
	both(fixture_record(99, 1, 1, 8));
	both(fixture_record(99, 2, 1, 8));
	put(lower, 11, fixture_record(99, 1, 5, 8));
	put(lower, 11, fixture_record(99, 2, 5, 8));
	put(lower, 11, fixture_record(99, 3, 5, 8));
	put(higher, 11, fixture_record(99, 2, 9, 8));
	merge(1);
	assert_int_equal(ss_store_get(higher, (enum ss_kind)99, 1)->data.p[0], 5);
	assert_int_equal(ss_store_get(higher, (enum ss_kind)99, 2)->data.p[0], 9);
	assert_non_null(ss_store_get(higher, (enum ss_kind)99, 3));
}

/* The peer has deleted it with the lower one: what is taken whole has its end as well. */
static void a_child_that_the_lower_has_ended_goes_on_nowhere(void **state)
{
	struct child_sa_state c = {
		.spi_in = 300, .spi_out = 301, .ike_spi = 1, .stage = CHILD_SA_DEAD
	};
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_child_sa(&c, &r), R_OK);
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, r);
	merge(60000);
	assert_counts(1, 0, 0);
	assert_int_equal(ss_decode_child_sa(ss_store_get(higher, SS_CHILD_SA, 300), &c), R_OK);
	assert_int_equal(c.stage, CHILD_SA_DEAD);
	child_sa_state_clear(&c);
}

static enum result read_first_and(void (*spoil)(Holdfast__PartChunk *c))
{
	Holdfast__PartRecord r = HOLDFAST__PART_RECORD__INIT, *list[] = { &r };
	Holdfast__PartChunk c = HOLDFAST__PART_CHUNK__INIT;
	struct ss_merge *m = ss_merge_new(fixture_seed);
	struct buf chunk = { 0 };
	bool done;

	r.kind = SS_IKE_SA;
	r.key = 1;
	c.total = 1000;
	c.n_record = 1;
	c.record = list;
	assert_int_equal(ss_message_pack(&c.base, &chunk), R_OK);
	assert_int_equal(ss_merge_read(m, buf_bytes(&chunk), &done), R_OK);
	enum result res = R_OK;
	for (c.first = 1; res == R_OK && c.first < c.total; c.first++) {
		r.key++;
		spoil(&c);
		assert_int_equal(ss_message_pack(&c.base, &chunk), R_OK);
		res = ss_merge_read(m, buf_bytes(&chunk), &done);
	}
	assert_true(ss_merge_received(m) < 200);
	buf_free(&chunk);
	ss_merge_free(m);
	return res;
}

static void spoil_fork(Holdfast__PartChunk *c)
{
	c->fork = 7;
}

static void spoil_sum(Holdfast__PartChunk *c)
{
	c->total = 999;
}

static uint8_t half_a_megabyte[SS_RECORD_DATA_MAX + 1];

/* As long as a record may be, until there are too many. */
static void spoil_size(Holdfast__PartChunk *c)
{
	c->record[0]->changed = true;
	c->record[0]->data = (ProtobufCBinaryData){ .data = half_a_megabyte,
						    .len = SS_RECORD_DATA_MAX };
}

static void spoil_record_size(Holdfast__PartChunk *c)
{
	spoil_size(c);
	c->record[0]->data.len++;
}

static void what_does_not_belong_to_the_first_chunk_is_refused(void **state)
{
	(void)state;
	assert_int_equal(read_first_and(spoil_fork), R_STALE);
	assert_int_equal(read_first_and(spoil_sum), R_STALE);
	assert_int_equal(read_first_and(spoil_size), R_TOO_LONG);
	assert_int_equal(read_first_and(spoil_record_size), R_VALUE);
}

#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_nobody_changed_stays),
		T(what_only_the_lower_changed_is_taken_whole),
		T(what_only_the_higher_changed_stays),
		T(what_both_changed_is_set_up_anew),
		T(the_same_change_on_both_sides_is_none),
		T(an_ike_sa_that_the_lower_rekeyed_comes_with_its_successor),
		T(changes_of_one_family_count_together),
		T(an_ike_sa_that_the_higher_ended_is_set_up_anew_from_the_lower),
		T(an_ike_sa_that_the_lower_set_up_is_taken),
		T(nothing_that_either_has_used_comes_again),
		T(a_child_that_both_have_used_is_rekeyed),
		T(unknown_fields_survive_the_mark),
		T(unknown_fields_of_both_survive_in_the_numbers),
		T(a_rekeyed_ike_sa_is_one_family_with_its_successor),
		T(who_changed_what_of_a_family_does_not_matter),
		T(a_tombstone_alone_changes_no_family),
		T(what_is_set_up_anew_loses_nothing_before),
		T(an_ike_sa_that_carries_nothing_is_not_set_up_anew),
		T(each_number_is_the_safer_one),
		T(a_lower_lease_is_not_appended),
		T(records_of_unknown_kinds_come_along),
		T(the_peer_index_of_the_lower_that_moved_less_does_not),
		T(what_does_not_belong_to_the_first_chunk_is_refused),
		T(a_child_that_the_lower_has_ended_goes_on_nowhere),
		T(the_peer_index_that_moved_last_wins),
		T(chunks_come_in_order_and_once),
		T(an_empty_store_is_one_chunk),
		T(what_no_lower_owner_sends_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
