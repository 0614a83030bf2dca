/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Snapshot (R22): the records of a store at one log position, in chunks that
 * say which snapshot they belong to (position, total, digest of the store) and
 * which of its records they hold. A transfer resumes at any record.
 */
#include "statesync/codec.h"

#include <stdlib.h>

#include "base/must.h"

#define DIGEST_LEN      32u
/* Kind, key and lengths around the data of a record, packed. */
#define RECORD_OVERHEAD 32u

struct ss_snapshot_writer {
	uint64_t position;
	uint8_t digest[DIGEST_LEN];
	const struct ss_record **records; /* held; parents first */
	size_t total, next;
	size_t arrived; /* so many of the first are not held any more */
	bool ended;     /* an empty store, too, is told by one chunk */
};

struct ss_snapshot_writer *ss_snapshot_cut(const struct ss_store *st, uint64_t position)
{
	struct ss_snapshot_writer *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return NULL;
	w->position = position;
	w->records = ss_store_hold(st, &w->total);
	if (w->records == NULL) {
		ss_snapshot_writer_free(w);
		return NULL;
	}
	ss_store_digest(st, w->digest);
	return w;
}

void ss_snapshot_writer_free(struct ss_snapshot_writer *w)
{
	if (w == NULL)
		return;
	if (w->records != NULL)
		ss_store_release(w->records + w->arrived, w->total - w->arrived);
	free(w->records);
	free(w);
}

/* Not more than was sent, whatever a reader says. */
void ss_snapshot_arrived(struct ss_snapshot_writer *w, uint64_t first)
{
	const size_t to = first < w->next ? (size_t)first : w->next;

	if (to <= w->arrived)
		return;
	ss_store_release(w->records + w->arrived, to - w->arrived);
	w->arrived = to;
}

void ss_snapshot_seek(struct ss_snapshot_writer *w, uint64_t first)
{
	w->next = first < w->total ? (size_t)first : w->total;
	if (w->next < w->arrived)
		w->next = w->arrived;
	w->ended = w->next == w->total && w->total > 0;
}

uint64_t ss_snapshot_tell(const struct ss_snapshot_writer *w)
{
	return w->next;
}

/* How many of the records that are left fit into max bytes; one always does. */
static size_t chunk_records(const struct ss_snapshot_writer *w, size_t max)
{
	size_t n = 0, size = 0;

	while (w->next + n < w->total) {
		size += w->records[w->next + n]->data.len + RECORD_OVERHEAD;
		if (n > 0 && size > max)
			break;
		n++;
	}
	return n;
}

/* Borrowed as they are, side by side. */
static void pack(const struct ss_snapshot_writer *w, size_t n, struct buf *out)
{
	struct ss_record *records = calloc(n + 1, sizeof(*records));

	must(records != NULL);
	for (size_t i = 0; i < n; i++)
		records[i] = *w->records[w->next + i];
	must(ss_batch_pack(records, n, out) == R_OK);
	free(records);
}

bool ss_snapshot_next(struct ss_snapshot_writer *w, size_t max, struct buf *chunk)
{
	Holdfast__SnapshotChunk m = HOLDFAST__SNAPSHOT_CHUNK__INIT;
	struct buf records = { 0 };
	size_t n = chunk_records(w, max);

	if (w->ended)
		return false;
	pack(w, n, &records);
	m.position = w->position;
	m.total = w->total;
	m.first = w->next;
	m.digest = ss_put_bytes(bytes(w->digest, DIGEST_LEN));
	m.records = ss_put_bytes(buf_bytes(&records));
	must(ss_message_pack(&m.base, chunk) == R_OK);
	ss_buf_wipe(&records);
	w->next += n;
	w->ended = w->next == w->total;
	return true;
}

struct ss_snapshot_reader {
	struct ss_store *store;
	bool begun, done;
	enum result broken; /* why the join has to restart */
	uint64_t position, total, received;
	uint8_t digest[DIGEST_LEN];
};

struct ss_snapshot_reader *ss_snapshot_reader_new(const uint8_t hash_seed[16])
{
	struct ss_snapshot_reader *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->store = ss_store_new(hash_seed);
	if (r->store == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void ss_snapshot_reader_free(struct ss_snapshot_reader *r)
{
	if (r == NULL)
		return;
	ss_store_free(r->store);
	free(r);
}

/* R_STALE unless m is of the snapshot that the first chunk was of. */
static enum result check_identity(struct ss_snapshot_reader *r, const Holdfast__SnapshotChunk *m)
{
	if (m->digest.len != DIGEST_LEN)
		return R_VALUE;
	if (!r->begun) {
		r->begun = true;
		r->position = m->position;
		r->total = m->total;
		memcpy(r->digest, m->digest.data, DIGEST_LEN);
	}
	if (m->position != r->position || m->total != r->total ||
	    memcmp(m->digest.data, r->digest, DIGEST_LEN) != 0)
		return R_STALE;
	return R_OK;
}

static enum result take_record(void *ctx, const struct ss_record *record)
{
	struct ss_snapshot_reader *r = ctx;

	if (r->received == r->total || record->erase)
		return R_VALUE;
	r->received++;
	return ss_store_apply(r->store, record);
}

static bool is_complete(const struct ss_snapshot_reader *r)
{
	uint8_t digest[DIGEST_LEN];

	ss_store_digest(r->store, digest);
	return memcmp(digest, r->digest, DIGEST_LEN) == 0;
}

static enum result take_chunk(struct ss_snapshot_reader *r, const Holdfast__SnapshotChunk *m)
{
	uint64_t before = r->received;
	enum result res = check_identity(r, m);

	if (res != R_OK)
		return res;
	if (m->first < r->received || r->done)
		return R_EXISTS;
	if (m->first > r->received)
		return R_AGAIN;
	ss_store_at(r->store, r->position);
	res = ss_batch_unpack(bytes(m->records.data, m->records.len), take_record, r);
	if (res != R_OK)
		return res;
	if (r->received == before && r->total > 0)
		return R_VALUE;
	if (r->received == r->total) {
		r->done = is_complete(r);
		return r->done ? R_OK : R_VALUE;
	}
	return R_OK;
}

enum result ss_snapshot_read(struct ss_snapshot_reader *r, struct bytes chunk, bool *done)
{
	ProtobufCMessage *base = NULL;
	enum result res = r->broken;

	if (res == R_OK)
		res = ss_message_unpack(&holdfast__snapshot_chunk__descriptor, chunk, &base);
	if (res == R_OK)
		res = take_chunk(r, (const Holdfast__SnapshotChunk *)base);
	if (res != R_OK && res != R_EXISTS && res != R_AGAIN)
		r->broken = res;
	ss_message_free(base);
	*done = r->done && r->broken == R_OK;
	return res;
}

uint64_t ss_snapshot_position(const struct ss_snapshot_reader *r)
{
	return r->position;
}

uint64_t ss_snapshot_received(const struct ss_snapshot_reader *r)
{
	return r->received;
}

struct ss_store *ss_snapshot_take(struct ss_snapshot_reader *r)
{
	struct ss_store *st = r->store;

	if (!r->done || r->broken != R_OK)
		return NULL;
	r->store = NULL;
	r->done = false;
	r->broken = R_STATE;
	return st;
}
