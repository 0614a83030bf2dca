/* SPDX-License-Identifier: Apache-2.0 */
/* How a part travels (R23): its chunks in order and once, and what no lower owner would send. */
#include "statesync/codec.h"
#include "statesync/message.h"
#include "statesync/records.pb-c.h"
#include "statesync/tests/merge_harness.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_does_not_belong_to_the_first_chunk_is_refused),
		T(chunks_come_in_order_and_once),
		T(an_empty_store_is_one_chunk),
		T(what_no_lower_owner_sends_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
