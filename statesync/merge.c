/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two owners (R23): what the higher one makes of what the lower one held. IKE
 * SAs that a rekey or a common CHILD SA joins are one family, for a peer knows
 * all of it or none. A family that changed on the lower side only is taken
 * whole from there; one that changed on both is set up anew. Numbers of CHILD
 * SAs: nothing that either side has used or seen comes again.
 */
#include "statesync/codec.h"

#include <stdlib.h>

#include "base/hashmap.h"
#include "base/must.h"
#include "base/wire_writer.h"

/* ---- what has come ---- */

struct entry {
	struct ss_record r; /* its data only when changed */
	bool changed, created;
	bool taken; /* goes into the higher one's store */
};

struct ss_merge {
	struct hashmap *entries; /* struct entry by name */
	uint8_t hash_seed[16];
	bool begun, done;
	enum result broken;
	uint64_t fork, total, received;
	size_t bytes;
};

struct name {
	uint8_t b[12];
};

static struct name name_of(uint32_t kind, uint64_t key)
{
	struct name name;
	struct wire_writer w = wire_writer(name.b, sizeof(name.b));

	wire_put_u32(&w, kind);
	wire_put_u64(&w, key);
	return name;
}

static void entry_free(void *value)
{
	struct entry *e = value;

	if (e != NULL)
		ss_record_clear(&e->r);
	free(e);
}

struct ss_merge *ss_merge_new(const uint8_t hash_seed[16])
{
	struct ss_merge *m = calloc(1, sizeof(*m));

	must(m != NULL);
	m->entries = hashmap_new(hash_seed);
	must(m->entries != NULL);
	memcpy(m->hash_seed, hash_seed, sizeof(m->hash_seed));
	return m;
}

void ss_merge_free(struct ss_merge *m)
{
	if (m == NULL)
		return;
	hashmap_free(m->entries, entry_free);
	free(m);
}

uint64_t ss_merge_received(const struct ss_merge *m)
{
	return m->received;
}

uint64_t ss_merge_fork(const struct ss_merge *m)
{
	return m->fork;
}

static struct entry *entry_find(const struct ss_merge *m, uint32_t kind, uint64_t key)
{
	struct name name = name_of(kind, key);

	return hashmap_get(m->entries, bytes(name.b, sizeof(name.b)));
}

static enum result take_record(struct ss_merge *m, const Holdfast__PartRecord *p)
{
	struct name name = name_of(p->kind, p->key);

	if (p->kind == 0 || p->data.len > SS_RECORD_DATA_MAX || (!p->changed && p->data.len > 0) ||
	    (p->created && !p->changed) || m->received == m->total)
		return R_VALUE;
	m->bytes += sizeof(struct entry) + p->data.len;
	if (m->bytes > SS_MERGE_BYTES_MAX)
		return R_TOO_LONG;
	struct entry *e = calloc(1, sizeof(*e));
	must(e != NULL);
	*e = (struct entry){ .r = { .kind = p->kind, .key = p->key },
			     .changed = p->changed,
			     .created = p->created };
	must(p->data.len == 0 || buf_set(&e->r.data, bytes(p->data.data, p->data.len)));
	enum result res = hashmap_insert(m->entries, bytes(name.b, sizeof(name.b)), e);
	if (res != R_OK) {
		entry_free(e);
		return res == R_EXISTS ? R_VALUE : res;
	}
	m->received++;
	return R_OK;
}

static enum result take_chunk(struct ss_merge *m, const Holdfast__PartChunk *c)
{
	if (!m->begun) {
		m->begun = true;
		m->fork = c->fork;
		m->total = c->total;
	}
	if (c->fork != m->fork || c->total != m->total)
		return R_STALE;
	if (c->first < m->received || m->done)
		return R_EXISTS;
	if (c->first > m->received)
		return R_AGAIN;
	if (c->n_record == 0 && m->total > 0)
		return R_VALUE;
	for (size_t i = 0; i < c->n_record; i++) {
		enum result res = take_record(m, c->record[i]);

		if (res != R_OK)
			return res;
	}
	m->done = m->received == m->total;
	return R_OK;
}

enum result ss_merge_read(struct ss_merge *m, struct bytes chunk, bool *done)
{
	ProtobufCMessage *base = NULL;
	enum result res = m->broken;

	if (res == R_OK)
		res = ss_message_unpack(&holdfast__part_chunk__descriptor, chunk, &base);
	if (res == R_OK)
		res = take_chunk(m, (const Holdfast__PartChunk *)base);
	if (res != R_OK && res != R_EXISTS && res != R_AGAIN)
		m->broken = res;
	ss_message_free(base);
	*done = m->done && m->broken == R_OK;
	return res;
}

/* ---- families ---- */

struct family {
	struct family *joined; /* NULL: it stands for all that are joined to it */
	uint64_t spi;          /* of the IKE SA for which it was made */
	bool higher, lower;    /* that side has changed it */
	bool marked;           /* an IKE SA of the higher side is to be set up anew */
};

struct plan {
	const struct ss_merge *m;
	const struct ss_store *st;
	struct hashmap *families; /* by IKE SPI */
	struct ss_merge_result *out;
};

static struct family *top(struct family *f)
{
	while (f->joined != NULL)
		f = f->joined;
	return f;
}

static struct family *family_of(struct plan *p, uint64_t spi)
{
	struct family *f = hashmap_get(p->families, bytes(&spi, sizeof(spi)));

	if (f == NULL) {
		f = calloc(1, sizeof(*f));
		must(f != NULL && hashmap_insert(p->families, bytes(&spi, sizeof(spi)), f) == R_OK);
		f->spi = spi;
	}
	return top(f);
}

static struct family *join(struct family *a, struct family *b)
{
	if (a != b) {
		b->joined = a;
		a->higher = a->higher || b->higher;
		a->lower = a->lower || b->lower;
	}
	return a;
}

/* NULL: of a CHILD SA that is only a tombstone, or nothing that this version can read. */
static struct family *family_of_record(struct plan *p, const struct ss_record *r)
{
	struct family *f = NULL;

	if (r->kind == SS_IKE_SA) {
		struct ike_sa_state s;

		if (ss_decode_ike_sa(r, &s) != R_OK)
			return NULL;
		f = family_of(p, r->key);
		if (s.replaced_by != 0)
			f = join(f, family_of(p, s.replaced_by));
		ike_sa_state_clear(&s);
	} else if (r->kind == SS_CHILD_SA) {
		struct child_sa_state c;

		if (ss_decode_child_sa(r, &c) != R_OK)
			return NULL;
		if (c.stage != CHILD_SA_DEAD)
			f = family_of(p, c.ike_spi);
		child_sa_state_clear(&c);
	}
	return f;
}

static bool is_sa(uint32_t kind)
{
	return kind == SS_IKE_SA || kind == SS_CHILD_SA;
}

static bool is_same(const struct plan *p, const struct entry *e, const struct ss_record *ours)
{
	bool created;

	if (!e->changed)
		return !ss_store_changed(p->st, ours->kind, ours->key, p->m->fork, &created);
	return bytes_equal(buf_bytes(&e->r.data), buf_bytes(&ours->data));
}

/* Here since before the fork, and not there: the lower one has ended it. */
static bool lower_ended(const struct plan *p, const struct ss_record *ours)
{
	bool created;

	(void)ss_store_changed(p->st, ours->kind, ours->key, p->m->fork, &created);
	return !created && entry_find(p->m, ours->kind, ours->key) == NULL;
}

static void look_at_ours(void *ctx, const struct ss_record *r)
{
	struct plan *p = ctx;
	const struct entry *e = entry_find(p->m, r->kind, r->key);
	bool created;

	if (!is_sa(r->kind) || (e != NULL && is_same(p, e, r)))
		return;
	struct family *f = family_of_record(p, r);
	if (f == NULL)
		return;
	f->higher = f->higher || ss_store_changed(p->st, r->kind, r->key, p->m->fork, &created);
	f->lower = f->lower || lower_ended(p, r);
}

static const struct ss_record *ours_of(const struct plan *p, const struct entry *e)
{
	return ss_store_get(p->st, (enum ss_kind)e->r.kind, e->r.key);
}

static void look_at_theirs(struct plan *p, const struct entry *e)
{
	const struct ss_record *ours = ours_of(p, e);
	struct family *f = NULL;

	if (!is_sa(e->r.kind) || (ours != NULL && is_same(p, e, ours)))
		return;
	if (e->changed)
		f = family_of_record(p, &e->r);
	else if (e->r.kind == SS_IKE_SA)
		f = family_of(p, e->r.key);
	if (f == NULL)
		return;
	/* A CHILD SA that has moved to another IKE SA belongs to both. */
	if (ours != NULL) {
		struct family *of_ours = family_of_record(p, ours);
		if (of_ours != NULL)
			f = join(f, of_ours);
	}
	f->lower = f->lower || e->changed;
	f->higher = f->higher || (ours == NULL && !e->created);
}

static bool is_taken(const struct family *f)
{
	return f->lower && !f->higher;
}

static bool is_anew(const struct family *f)
{
	return f->lower && f->higher;
}

/* ---- what comes out ---- */

static struct ss_record *out_record(struct plan *p)
{
	struct ss_merge_result *o = p->out;

	if (o->n == o->cap) {
		o->cap = o->cap ? o->cap * 2 : 64;
		o->records = realloc(o->records, o->cap * sizeof(*o->records));
		must(o->records != NULL);
	}
	o->records[o->n] = (struct ss_record){ 0 };
	return &o->records[o->n++];
}

static void put(struct plan *p, const struct ss_record *r)
{
	must(ss_record_copy(out_record(p), r) == R_OK);
}

static void end_ours(void *ctx, const struct ss_record *r)
{
	struct plan *p = ctx;

	if (!is_sa(r->kind) || !lower_ended(p, r))
		return;
	struct family *f = family_of_record(p, r);
	if (f != NULL && is_taken(f))
		ss_encode_erase((enum ss_kind)r->kind, r->key, out_record(p));
}

/*
 * The field alone behind the packed message is the message with the field, and what a newer
 * version has put there stays.
 */
static void put_anew(struct plan *p, const struct ss_record *r)
{
	Holdfast__IkeSa m = HOLDFAST__IKE_SA__INIT;
	struct buf field = { 0 };
	struct ss_record *out = out_record(p);

	m.anew = true;
	must(ss_message_pack(&m.base, &field) == R_OK);
	out->kind = r->kind;
	out->key = r->key;
	out->data = (struct buf){ .p = malloc(r->data.len + field.len),
				  .len = r->data.len + field.len };
	must(out->data.p != NULL);
	memcpy(out->data.p, r->data.p, r->data.len);
	memcpy(out->data.p + r->data.len, field.p, field.len);
	buf_free(&field);
}

static bool carries(const struct ss_record *r)
{
	struct ike_sa_state s;

	if (r == NULL || ss_decode_ike_sa(r, &s) != R_OK)
		return false;
	bool yes = s.stage == IKE_SA_ESTABLISHED && s.replaced_by == 0 && !s.closing;
	ike_sa_state_clear(&s);
	return yes;
}

static void count_taken(struct plan *p)
{
	const struct family *f;

	for (size_t it = 0; (f = hashmap_next(p->families, &it)) != NULL;)
		p->out->taken += f->joined == NULL && is_taken(f);
}

/* Ours goes on until another one is up; where we have none, theirs does. */
static void mark_ours(struct plan *p)
{
	struct family *f;

	for (size_t it = 0; (f = hashmap_next(p->families, &it)) != NULL;) {
		const struct ss_record *r = ss_store_get(p->st, SS_IKE_SA, f->spi);

		if (!is_anew(top(f)) || !carries(r))
			continue;
		put_anew(p, r);
		p->out->anew++;
		top(f)->marked = true;
	}
}

static void mark_theirs(struct plan *p)
{
	struct family *f;

	for (size_t it = 0; (f = hashmap_next(p->families, &it)) != NULL;) {
		struct entry *e = entry_find(p->m, SS_IKE_SA, f->spi);

		if (!is_anew(top(f)) || top(f)->marked || e == NULL || !e->changed ||
		    !carries(&e->r))
			continue;
		put_anew(p, &e->r);
		p->out->anew++;
		e->taken = true;
	}
}

/* Families that are taken, and the CHILD SAs of an IKE SA of theirs that is set up anew. */
static void take_theirs(struct plan *p, struct entry *e)
{
	const struct ss_record *ours = ours_of(p, e);

	if (!is_sa(e->r.kind) || !e->changed || e->taken || (ours && is_same(p, e, ours)))
		return;
	struct family *f = family_of_record(p, &e->r);
	bool with_marked = false;
	/* A tombstone there ends what goes on here. */
	if (f == NULL && ours != NULL)
		f = family_of_record(p, ours);
	if (f != NULL && e->r.kind == SS_CHILD_SA && is_anew(f) && !f->marked) {
		struct child_sa_state c;

		if (ss_decode_child_sa(&e->r, &c) == R_OK) {
			const struct entry *sa = entry_find(p->m, SS_IKE_SA, c.ike_spi);

			with_marked = sa != NULL && sa->taken;
			child_sa_state_clear(&c);
		}
	}
	if (f == NULL || !(is_taken(f) || with_marked))
		return;
	put(p, &e->r);
	e->taken = true;
}

/* ---- numbers ---- */

static bool bit_at(const struct buf *map, uint64_t k)
{
	return map->p[k / 64 * 8 + (63 - k % 64) / 8] >> (k % 8) & 1;
}

static void bit_set(struct buf *map, uint64_t k)
{
	map->p[k / 64 * 8 + (63 - k % 64) / 8] |= (uint8_t)(1u << (k % 8));
}

/* What either has seen is seen; *a has the higher right edge. */
static void merge_bitmap(struct ss_counters *a, const struct ss_counters *b)
{
	const uint64_t room = a->in_bitmap.len * 8u, behind = a->in_right_edge - b->in_right_edge;

	for (uint64_t k = 0; k < b->in_bitmap.len * 8u && k + behind < room; k++)
		if (bit_at(&b->in_bitmap, k))
			bit_set(&a->in_bitmap, k + behind);
}

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void merge_counters(struct ss_counters *a, struct ss_counters *b)
{
	if (b->in_right_edge > a->in_right_edge) {
		struct ss_counters t = *a;

		*a = *b;
		*b = t;
	}
	merge_bitmap(a, b);
	a->exact = a->exact && b->exact;
	a->rekey = a->rekey || b->rekey || (a->used_apart && b->used_apart);
	a->used_apart = a->used_apart || b->used_apart;
	a->seq_next = higher(a->seq_next, b->seq_next);
	a->at_ms = a->at_ms < b->at_ms ? a->at_ms : b->at_ms;
	a->rate_pps = higher(a->rate_pps, b->rate_pps);
	a->in_packets = higher(a->in_packets, b->in_packets);
	a->in_bytes = higher(a->in_bytes, b->in_bytes);
	a->out_packets = higher(a->out_packets, b->out_packets);
	a->out_bytes = higher(a->out_bytes, b->out_bytes);
}

static void put_counters(struct plan *p, const struct entry *e)
{
	const struct ss_record *ours = ours_of(p, e);
	struct ss_counters a = { 0 }, b = { 0 };
	struct ss_record r = { 0 };

	if (ss_decode_counters(&e->r, &b) != R_OK)
		return;
	if (ours == NULL || ss_decode_counters(ours, &a) != R_OK) {
		put(p, &e->r);
	} else {
		merge_counters(&a, &b);
		p->out->rekeyed += a.rekey;
		must(ss_encode_counters(&a, &r) == R_OK);
		must(ss_counters_keep_unknown(ours, &e->r, &r) != R_NO_MEMORY);
		*out_record(p) = r;
	}
	buf_free(&a.in_bitmap);
	buf_free(&b.in_bitmap);
}

static void put_lease(struct plan *p, const struct entry *e)
{
	const struct ss_record *ours = ours_of(p, e);
	struct ss_lease a, b;

	if (ss_decode_lease(&e->r, &b) != R_OK)
		return;
	if (ours == NULL || ss_decode_lease(ours, &a) != R_OK || a.lease_end < b.lease_end)
		put(p, &e->r);
}

/* Numbers of a CHILD SA that goes on. */
static bool child_goes_on(const struct plan *p, uint64_t key)
{
	const struct entry *child = entry_find(p->m, SS_CHILD_SA, key);

	return child != NULL && (child->taken || ss_store_get(p->st, SS_CHILD_SA, key) != NULL);
}

/* More moves are more news. */
static bool index_is_newer(const struct entry *e, const struct ss_record *ours)
{
	struct peer_index_state a, b;

	return ss_decode_peer_index(&e->r, &b) == R_OK && ss_decode_peer_index(ours, &a) == R_OK &&
	       b.generation > a.generation;
}

static void put_other(struct plan *p, const struct entry *e)
{
	const struct ss_record *ours = ours_of(p, e);
	bool created;

	if (ours == NULL || !ss_store_changed(p->st, e->r.kind, e->r.key, p->m->fork, &created) ||
	    (e->r.kind == SS_PEER_INDEX && index_is_newer(e, ours)))
		put(p, &e->r);
}

static void put_rest(struct plan *p, const struct entry *e)
{
	if (!e->changed || is_sa(e->r.kind))
		return;
	if (e->r.kind == SS_LEASE && child_goes_on(p, e->r.key))
		put_lease(p, e);
	else if (e->r.kind == SS_COUNTERS && child_goes_on(p, e->r.key))
		put_counters(p, e);
	else if (e->r.kind != SS_LEASE && e->r.kind != SS_COUNTERS)
		put_other(p, e);
}

enum result ss_merge_plan(const struct ss_merge *m, const struct ss_store *st,
			  struct ss_merge_result *out)
{
	struct plan p = { .m = m, .st = st, .out = out };
	struct entry *e;

	*out = (struct ss_merge_result){ 0 };
	if (!m->done || m->broken != R_OK)
		return R_STATE;
	p.families = hashmap_new(m->hash_seed);
	must(p.families != NULL);
	ss_store_each(st, look_at_ours, &p);
	for (size_t it = 0; (e = hashmap_next(m->entries, &it)) != NULL;)
		look_at_theirs(&p, e);
	count_taken(&p);
	ss_store_each(st, end_ours, &p);
	mark_ours(&p);
	mark_theirs(&p);
	for (size_t it = 0; (e = hashmap_next(m->entries, &it)) != NULL;)
		take_theirs(&p, e);
	for (size_t it = 0; (e = hashmap_next(m->entries, &it)) != NULL;)
		put_rest(&p, e);
	hashmap_free(p.families, free);
	return R_OK;
}

void ss_merge_result_clear(struct ss_merge_result *r)
{
	for (size_t i = 0; i < r->n; i++)
		ss_record_clear(&r->records[i]);
	free(r->records);
	*r = (struct ss_merge_result){ 0 };
}
