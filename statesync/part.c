/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lower of two owners (R23): its last store, told to the higher one in
 * chunks. What has changed behind the fork goes whole; of the rest the name is
 * enough, so that the other sees what is gone. Leases always go whole: the other
 * may have ended a CHILD SA that goes on because it changed here.
 */
#include "statesync/codec.h"

#include <stdlib.h>

#include "base/must.h"

/* Kind, key, flags and lengths around the data of a record, packed. */
#define RECORD_OVERHEAD 32u

struct ss_part {
	struct ss_store *store;
	const struct ss_record **records; /* parents first: ss_store_each */
	size_t total;
};

static void list_record(void *ctx, const struct ss_record *r)
{
	struct ss_part *p = ctx;

	p->records[p->total++] = r;
}

struct ss_part *ss_part_new(struct ss_store *adopt)
{
	struct ss_part *p = calloc(1, sizeof(*p));

	must(p != NULL);
	p->store = adopt;
	p->records = calloc(ss_store_count(adopt, 0) + 1, sizeof(*p->records));
	must(p->records != NULL);
	ss_store_each(adopt, list_record, p);
	return p;
}

void ss_part_free(struct ss_part *p)
{
	if (p == NULL)
		return;
	free(p->records);
	ss_store_free(p->store);
	free(p);
}

static bool goes_whole(const struct ss_part *p, uint64_t fork, const struct ss_record *r,
		       bool *created)
{
	return ss_store_changed(p->store, r->kind, r->key, fork, created) || r->kind == SS_LEASE;
}

static void put_record(const struct ss_part *p, uint64_t fork, const struct ss_record *r,
		       Holdfast__PartRecord *out)
{
	bool created;

	holdfast__part_record__init(out);
	out->kind = r->kind;
	out->key = r->key;
	out->changed = goes_whole(p, fork, r, &created);
	out->created = created;
	if (out->changed)
		out->data = ss_put_bytes(buf_bytes(&r->data));
}

/* How many from first on fit into max bytes; one always does. */
static size_t chunk_records(const struct ss_part *p, uint64_t fork, size_t first, size_t max)
{
	size_t n = 0, size = 0;

	for (; first + n < p->total; n++) {
		const struct ss_record *r = p->records[first + n];
		bool created;

		size += RECORD_OVERHEAD;
		if (goes_whole(p, fork, r, &created))
			size += r->data.len;
		if (n > 0 && size > max)
			break;
	}
	return n;
}

bool ss_part_chunk(const struct ss_part *p, uint64_t fork, uint64_t first, size_t max,
		   struct buf *chunk)
{
	Holdfast__PartChunk m = HOLDFAST__PART_CHUNK__INIT;

	/* An empty store, too, is told by one chunk. */
	if (first > p->total || (first == p->total && p->total > 0))
		return false;
	size_t n = chunk_records(p, fork, (size_t)first, max);
	Holdfast__PartRecord *items = calloc(n + 1, sizeof(*items));
	m.record = calloc(n + 1, sizeof(*m.record));
	must(items != NULL && m.record != NULL);
	for (size_t i = 0; i < n; i++) {
		put_record(p, fork, p->records[first + i], &items[i]);
		m.record[i] = &items[i];
	}
	m.fork = fork;
	m.total = p->total;
	m.first = first;
	m.n_record = n;
	must(ss_message_pack(&m.base, chunk) == R_OK);
	free(m.record);
	free(items);
	return true;
}
