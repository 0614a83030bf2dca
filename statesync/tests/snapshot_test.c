/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshot (R22): chunks, resumption, and what makes a join start again. */
#include "statesync/tests/fixtures.h"

#define RECORDS  100
#define POSITION 4711
#define CHUNK    1000

static struct ss_store *filled(uint8_t tag)
{
	struct ss_store *st = ss_store_new(fixture_seed);

	assert_non_null(st);
	for (uint32_t i = 0; i < RECORDS; i++) {
		uint32_t kind = i % 3 == 0 ? SS_CHILD_SA : i % 3 == 1 ? SS_IKE_SA : 500;
		struct ss_record r = fixture_record(kind, i, (uint8_t)(tag + i), 10 + 3 * i);

		assert_int_equal(ss_store_apply(st, &r), R_OK);
		ss_record_clear(&r);
	}
	return st;
}

static struct ss_snapshot_writer *cut(uint8_t tag, uint64_t position)
{
	struct ss_store *st = filled(tag);
	struct ss_snapshot_writer *w = ss_snapshot_cut(st, position);

	assert_non_null(w);
	ss_store_free(st); /* the writer has its own copy */
	return w;
}

static struct ss_snapshot_reader *new_reader(void)
{
	struct ss_snapshot_reader *r = ss_snapshot_reader_new(fixture_seed);

	assert_non_null(r);
	return r;
}

/* Reads and wipes the next chunk. */
static enum result pass_on(struct ss_snapshot_writer *w, struct ss_snapshot_reader *r, size_t max,
			   bool *done)
{
	struct buf chunk = { 0 };
	enum result res;

	assert_true(ss_snapshot_next(w, max, &chunk));
	res = ss_snapshot_read(r, buf_bytes(&chunk), done);
	ss_buf_wipe(&chunk);
	return res;
}

static void assert_same(const struct ss_store *a, const struct ss_store *b)
{
	uint8_t da[32], db[32];

	ss_store_digest(a, da);
	ss_store_digest(b, db);
	assert_memory_equal(da, db, sizeof(da));
	assert_int_equal(ss_store_count(a, 0), ss_store_count(b, 0));
}

static void finish(struct ss_snapshot_writer *w, struct ss_snapshot_reader *r, uint8_t tag,
		   size_t max)
{
	struct ss_store *want = filled(tag), *got;
	struct buf chunk = { 0 };
	bool done = false;

	while (!done)
		assert_int_equal(pass_on(w, r, max, &done), R_OK);
	assert_false(ss_snapshot_next(w, max, &chunk));
	assert_true(ss_snapshot_position(r) == POSITION);
	assert_true(ss_snapshot_received(r) == RECORDS);
	got = ss_snapshot_take(r);
	assert_non_null(got);
	assert_same(want, got);
	assert_null(ss_snapshot_take(r));
	ss_store_free(want);
	ss_store_free(got);
}

static void store_arrives_whole_with_any_chunk_size(void **state)
{
	static const size_t sizes[] = { 1, 100, CHUNK, 1u << 20 };

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct ss_snapshot_writer *w = cut(1, POSITION);
		struct ss_snapshot_reader *r = new_reader();

		finish(w, r, 1, sizes[i]);
		ss_snapshot_writer_free(w);
		ss_snapshot_reader_free(r);
	}
}

/* R22: what the log brings while the snapshot is on its way is not in it, and the store has it. */
static void a_cut_stays_as_the_store_was(void **state)
{
	struct ss_store *st = filled(1), *then = filled(1), *after = filled(1);
	struct ss_snapshot_writer *w = ss_snapshot_cut(st, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	bool done = false, created;

	(void)state;
	ss_store_at(st, POSITION + 1);
	for (uint32_t i = 0; i < 30; i++) {
		uint32_t kind = i % 3 == 0 ? SS_CHILD_SA : i % 3 == 1 ? SS_IKE_SA : 500;
		struct ss_record other = fixture_record(kind, i, 77, 20);
		other.erase = i % 2 == 1;
		/* Twice: the second time nobody holds it. */
		for (int again = 0; again < 2; again++)
			assert_int_equal(ss_store_apply(st, &other), R_OK);
		assert_int_equal(ss_store_apply(after, &other), R_OK);
		if (!other.erase) {
			assert_true(ss_store_changed(st, kind, i, POSITION, &created));
			assert_false(created);
		}
		ss_record_clear(&other);
	}
	assert_same(st, after);
	assert_int_equal(ss_store_count(st, 0), ss_store_count(after, 0));
	while (!done)
		assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	struct ss_store *got = ss_snapshot_take(r);
	assert_same(got, then);
	ss_snapshot_writer_free(w);
	assert_same(st, after);
	ss_snapshot_reader_free(r);
	ss_store_free(got);
	ss_store_free(st);
	ss_store_free(then);
	ss_store_free(after);
}

static void chunks_are_bounded(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct buf chunk = { 0 };
	size_t n = 0;

	(void)state;
	for (; ss_snapshot_next(w, CHUNK, &chunk); n++)
		assert_true(chunk.len < CHUNK + 100);
	assert_true(n > 10);
	ss_buf_wipe(&chunk);
	ss_snapshot_writer_free(w);
}

static void empty_store_is_one_chunk(void **state)
{
	struct ss_store *st = ss_store_new(fixture_seed), *got;
	struct ss_snapshot_writer *w = ss_snapshot_cut(st, 9);
	struct ss_snapshot_reader *r = new_reader();
	struct buf chunk = { 0 };
	bool done = false;

	(void)state;
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	assert_true(done);
	assert_false(ss_snapshot_next(w, CHUNK, &chunk));
	assert_true(ss_snapshot_position(r) == 9);
	got = ss_snapshot_take(r);
	assert_same(st, got);
	ss_store_free(got);
	ss_store_free(st);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
}

static void transfer_resumes_where_the_reader_is(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	struct buf lost = { 0 };
	bool done;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	for (int i = 0; i < 2; i++)
		assert_true(ss_snapshot_next(w, CHUNK, &lost));
	ss_buf_wipe(&lost);
	ss_snapshot_seek(w, ss_snapshot_received(r));
	finish(w, r, 1, CHUNK / 2);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
}

/* They may be gone from the store too by then; what was not sent is kept whatever is said. */
static void what_has_arrived_is_let_go(void **state)
{
	struct ss_store *st = filled(1);
	struct ss_snapshot_writer *w = ss_snapshot_cut(st, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	uint64_t received;
	bool done;

	(void)state;
	ss_snapshot_arrived(w, UINT64_MAX);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	ss_store_clear(st);
	received = ss_snapshot_received(r);
	ss_snapshot_arrived(w, received);
	ss_snapshot_arrived(w, received - 1);
	ss_snapshot_seek(w, 0);
	assert_true(ss_snapshot_tell(w) == received);
	finish(w, r, 1, CHUNK);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
	ss_store_free(st);
}

static void seek_beyond_the_end_ends(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct buf chunk = { 0 };

	(void)state;
	ss_snapshot_seek(w, UINT64_MAX);
	assert_false(ss_snapshot_next(w, CHUNK, &chunk));
	ss_snapshot_seek(w, RECORDS - 1);
	assert_true(ss_snapshot_next(w, CHUNK, &chunk));
	assert_false(ss_snapshot_next(w, CHUNK, &chunk));
	ss_buf_wipe(&chunk);
	ss_snapshot_writer_free(w);
}

static void chunk_seen_before_changes_nothing(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	uint64_t received;
	bool done;

	(void)state;
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	received = ss_snapshot_received(r);
	ss_snapshot_seek(w, 0);
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_EXISTS);
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_EXISTS);
	assert_true(ss_snapshot_received(r) == received);
	finish(w, r, 1, CHUNK);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
}

/* Whatever comes after a refusal is refused too: the join starts again. */
static void assert_broken(struct ss_snapshot_writer *w, struct ss_snapshot_reader *r,
			  enum result why)
{
	bool done = true;

	ss_snapshot_seek(w, ss_snapshot_received(r));
	assert_int_equal(pass_on(w, r, CHUNK, &done), why);
	assert_false(done);
	assert_null(ss_snapshot_take(r));
}

static void missing_chunk_is_asked_for_again(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	uint64_t received;
	bool done;

	(void)state;
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	received = ss_snapshot_received(r);
	assert_true(ss_snapshot_tell(w) == received);
	ss_snapshot_seek(w, received + 1);
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_AGAIN);
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_AGAIN);
	assert_false(done);
	assert_true(ss_snapshot_received(r) == received);
	ss_snapshot_seek(w, received);
	finish(w, r, 1, CHUNK);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
}

static void chunk_of_another_snapshot_restarts_the_join(void **state)
{
	/* another position; the same position of another store */
	struct ss_snapshot_writer *others[] = { cut(1, POSITION + 1), cut(2, POSITION) };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct ss_snapshot_writer *w = cut(1, POSITION);
		struct ss_snapshot_reader *r = new_reader();
		bool done;

		assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
		ss_snapshot_seek(others[i], ss_snapshot_received(r));
		assert_int_equal(pass_on(others[i], r, CHUNK, &done), R_STALE);
		assert_broken(w, r, R_STALE);
		ss_snapshot_writer_free(w);
		ss_snapshot_reader_free(r);
		ss_snapshot_writer_free(others[i]);
	}
}

static void contents_other_than_the_digest_says_restart_the_join(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	struct buf chunk = { 0 };
	bool done;

	(void)state;
	assert_true(ss_snapshot_next(w, 1u << 20, &chunk));
	chunk.p[chunk.len - 1] ^= 1; /* in the data of the last record */
	assert_int_equal(ss_snapshot_read(r, buf_bytes(&chunk), &done), R_VALUE);
	assert_false(done);
	assert_null(ss_snapshot_take(r));
	ss_buf_wipe(&chunk);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
}

static void unfinished_store_is_not_handed_over(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct ss_snapshot_reader *r = new_reader();
	bool done;

	(void)state;
	assert_null(ss_snapshot_take(r));
	assert_int_equal(pass_on(w, r, CHUNK, &done), R_OK);
	assert_false(done);
	assert_null(ss_snapshot_take(r));
	finish(w, r, 1, CHUNK);
	ss_snapshot_writer_free(w);
	ss_snapshot_reader_free(r);
}

static void damage_never_gives_another_store(void **state)
{
	struct ss_snapshot_writer *w = cut(1, POSITION);
	struct ss_store *want = filled(1);
	struct buf chunk = { 0 };

	(void)state;
	assert_true(ss_snapshot_next(w, 1u << 20, &chunk)); /* all in one */
	for (size_t bit = 0; bit < 8 * chunk.len; bit += bit < 2000 ? 1 : 97) {
		struct ss_snapshot_reader *r = ss_snapshot_reader_new(fixture_seed);
		bool done = false;

		chunk.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)!ss_snapshot_read(r, buf_bytes(&chunk), &done);
		chunk.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (done) {
			struct ss_store *got = ss_snapshot_take(r);

			assert_same(want, got);
			ss_store_free(got);
		}
		ss_snapshot_reader_free(r);
	}
	for (size_t len = 0; len < chunk.len; len += len < 200 ? 1 : 37) {
		struct ss_snapshot_reader *r = ss_snapshot_reader_new(fixture_seed);
		bool done = false;

		assert_int_not_equal(ss_snapshot_read(r, bytes(chunk.p, len), &done), R_OK);
		assert_false(done);
		ss_snapshot_reader_free(r);
	}
	ss_buf_wipe(&chunk);
	ss_store_free(want);
	ss_snapshot_writer_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(store_arrives_whole_with_any_chunk_size),
		cmocka_unit_test(a_cut_stays_as_the_store_was),
		cmocka_unit_test(chunks_are_bounded),
		cmocka_unit_test(empty_store_is_one_chunk),
		cmocka_unit_test(transfer_resumes_where_the_reader_is),
		cmocka_unit_test(what_has_arrived_is_let_go),
		cmocka_unit_test(seek_beyond_the_end_ends),
		cmocka_unit_test(chunk_seen_before_changes_nothing),
		cmocka_unit_test(missing_chunk_is_asked_for_again),
		cmocka_unit_test(chunk_of_another_snapshot_restarts_the_join),
		cmocka_unit_test(contents_other_than_the_digest_says_restart_the_join),
		cmocka_unit_test(unfinished_store_is_not_handed_over),
		cmocka_unit_test(damage_never_gives_another_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
