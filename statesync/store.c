/* SPDX-License-Identifier: Apache-2.0 */
/* The store: the newest record of every (kind, key), as the log left them (R1, law 8). */
#include "statesync/statesync.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/hashmap.h"
#include "base/must.h"
#include "base/wire_reader.h"
#include "base/wire_writer.h"

/*
 * What a store contains, whatever its order: the sum of its records' SHA-256,
 * as four numbers modulo 2^64. Records come and go one by one, and a digest of
 * all at once would stop an owner of many SAs at each join.
 */
struct sum {
	uint64_t word[4];
};

struct stored {
	struct ss_record record; /* first: a record found is the stored one */
	unsigned int holders;    /* the store, and snapshots: who has it to himself may change it */
	struct sum sum;
	uint64_t created, changed; /* log positions (R23) */
};

struct ss_store {
	struct hashmap *records; /* struct stored by name */
	struct sum sum;
	uint64_t position; /* of the log, from which the next record comes */
	EVP_MD *sha256;
	EVP_MD_CTX *md;
};

/* (kind, key) in the order of bytes. */
struct name {
	uint8_t b[12];
};

static struct name record_name(uint32_t kind, uint64_t key)
{
	struct name name;
	struct wire_writer w = wire_writer(name.b, sizeof(name.b));

	wire_put_u32(&w, kind);
	wire_put_u64(&w, key);
	return name;
}

static void free_stored(void *value)
{
	struct stored *s = value;

	if (s == NULL || --s->holders > 0)
		return;
	ss_record_clear(&s->record);
	free(s);
}

struct ss_store *ss_store_new(const uint8_t hash_seed[16])
{
	struct ss_store *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->records = hashmap_new(hash_seed);
	st->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	st->md = EVP_MD_CTX_new();
	if (st->records == NULL || st->sha256 == NULL || st->md == NULL) {
		ss_store_free(st);
		return NULL;
	}
	return st;
}

void ss_store_free(struct ss_store *st)
{
	if (st == NULL)
		return;
	hashmap_free(st->records, free_stored);
	EVP_MD_CTX_free(st->md);
	EVP_MD_free(st->sha256);
	free(st);
}

void ss_store_clear(struct ss_store *st)
{
	void *r;

	for (size_t it = 0; (r = hashmap_next(st->records, &it)) != NULL;) {
		const struct ss_record *record = r;
		struct name name = record_name(record->kind, record->key);

		(void)hashmap_remove(st->records, bytes(name.b, sizeof(name.b)));
		free_stored(r);
	}
	st->sum = (struct sum){ 0 };
}

/* ---- the sum ---- */

static void sum_add(struct sum *to, const struct sum *s)
{
	for (size_t i = 0; i < 4; i++)
		to->word[i] += s->word[i];
}

static void sum_take_away(struct sum *from, const struct sum *s)
{
	for (size_t i = 0; i < 4; i++)
		from->word[i] -= s->word[i];
}

/* s has a new record. */
static void sum_record(struct ss_store *st, struct stored *s)
{
	const struct ss_record *r = &s->record;
	const struct name name = record_name(r->kind, r->key);
	uint8_t digest[32];
	struct wire_reader in;

	must(EVP_DigestInit_ex2(st->md, st->sha256, NULL) == 1);
	must(EVP_DigestUpdate(st->md, name.b, sizeof(name.b)) == 1);
	must(EVP_DigestUpdate(st->md, r->data.p, r->data.len) == 1);
	must(EVP_DigestFinal_ex(st->md, digest, NULL) == 1);
	in = wire_reader(bytes(digest, sizeof(digest)));
	for (size_t i = 0; i < 4; i++)
		s->sum.word[i] = wire_u64(&in);
	sum_add(&st->sum, &s->sum);
}

void ss_store_digest(const struct ss_store *st, uint8_t out[32])
{
	struct wire_writer w = wire_writer(out, 32);

	for (size_t i = 0; i < 4; i++)
		wire_put_u64(&w, st->sum.word[i]);
}

/* ---- records ---- */

static struct stored *find(const struct ss_store *st, uint32_t kind, uint64_t key)
{
	struct name name = record_name(kind, key);

	return hashmap_get(st->records, bytes(name.b, sizeof(name.b)));
}

const struct ss_record *ss_store_get(const struct ss_store *st, enum ss_kind kind, uint64_t key)
{
	const struct stored *s = find(st, kind, key);

	return s != NULL ? &s->record : NULL;
}

static void erase(struct ss_store *st, uint32_t kind, uint64_t key)
{
	struct name name = record_name(kind, key);
	struct stored *s = hashmap_remove(st->records, bytes(name.b, sizeof(name.b)));

	if (s != NULL)
		sum_take_away(&st->sum, &s->sum);
	free_stored(s);
}

/* A copy of r, held by the store alone; NULL: no memory. */
static struct stored *stored_new(const struct ss_store *st, const struct ss_record *r)
{
	struct stored *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->holders = 1;
	s->created = s->changed = st->position;
	if (ss_record_copy(&s->record, r) != R_OK) {
		free_stored(s);
		return NULL;
	}
	return s;
}

static enum result insert(struct ss_store *st, const struct ss_record *r)
{
	struct name name = record_name(r->kind, r->key);
	struct stored *s = stored_new(st, r);

	if (s == NULL)
		return R_NO_MEMORY;
	enum result res = hashmap_insert(st->records, bytes(name.b, sizeof(name.b)), s);

	if (res == R_OK)
		sum_record(st, s);
	else
		free_stored(s);
	return res;
}

/* A snapshot has the old one: what takes its place is another. */
static enum result replace_held(struct ss_store *st, struct stored *old, const struct ss_record *r)
{
	struct name name = record_name(r->kind, r->key);
	struct stored *s = stored_new(st, r);

	if (s == NULL)
		return R_NO_MEMORY;
	s->created = old->created;
	must(hashmap_replace(st->records, bytes(name.b, sizeof(name.b)), s) == old);
	sum_take_away(&st->sum, &old->sum);
	sum_record(st, s);
	free_stored(old);
	return R_OK;
}

static enum result replace(struct ss_store *st, struct stored *s, const struct ss_record *r)
{
	if (s->holders > 1)
		return replace_held(st, s, r);
	const struct sum old = s->sum;
	enum result res = ss_record_copy(&s->record, r);

	if (res == R_OK) {
		s->changed = st->position;
		sum_take_away(&st->sum, &old);
		sum_record(st, s);
	}
	return res;
}

/*
 * R17: numbers below a lease that was once acknowledged may be in use, so a
 * lower one that comes late must not win. What this version cannot read it
 * cannot compare: a newer version's lease passes.
 */
static enum result check_lease(const struct ss_record *old, const struct ss_record *r, bool *lower)
{
	struct ss_lease from, to;
	enum result res = ss_decode_lease(r, &to);

	*lower = false;
	if (res == R_VERSION)
		return R_OK;
	if (res == R_OK && old != NULL && ss_decode_lease(old, &from) == R_OK)
		*lower = to.lease_end < from.lease_end;
	return res;
}

enum result ss_store_apply(struct ss_store *st, const struct ss_record *r)
{
	struct stored *old = find(st, r->kind, r->key);

	if (r->erase) {
		erase(st, r->kind, r->key);
		if (r->kind == SS_CHILD_SA) {
			erase(st, SS_LEASE, r->key);
			erase(st, SS_COUNTERS, r->key);
		}
		return R_OK;
	}
	if (r->kind == SS_LEASE) {
		bool lower;
		enum result res = check_lease(old != NULL ? &old->record : NULL, r, &lower);

		if (res != R_OK || lower)
			return res;
	}
	return old != NULL ? replace(st, old, r) : insert(st, r);
}

size_t ss_store_count(const struct ss_store *st, enum ss_kind kind)
{
	const struct ss_record *r;
	size_t n = 0;

	if (kind == 0)
		return hashmap_count(st->records);
	for (size_t it = 0; (r = hashmap_next(st->records, &it)) != NULL;)
		n += r->kind == kind;
	return n;
}

void ss_store_at(struct ss_store *st, uint64_t position)
{
	st->position = position;
}

bool ss_store_changed(const struct ss_store *st, uint32_t kind, uint64_t key, uint64_t since,
		      bool *created)
{
	const struct stored *s = find(st, kind, key);

	*created = s != NULL && s->created > since;
	return s != NULL && s->changed > since;
}

struct ss_store *ss_store_copy(const struct ss_store *st, const uint8_t hash_seed[16])
{
	struct ss_store *to = ss_store_new(hash_seed);
	const struct stored *s;

	must(to != NULL);
	for (size_t it = 0; (s = hashmap_next(st->records, &it)) != NULL;) {
		must(insert(to, &s->record) == R_OK);
		struct stored *copy = find(to, s->record.kind, s->record.key);
		copy->created = s->created;
		copy->changed = s->changed;
	}
	return to;
}

void ss_store_release(const struct ss_record *const *held, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free_stored((void *)(uintptr_t)held[i]);
}

/* Parents before children: 0 IKE SAs, 1 CHILD SAs, 2 what hangs on them. */
static unsigned int rank(uint32_t kind)
{
	return kind == SS_IKE_SA ? 0 : kind == SS_CHILD_SA ? 1 : 2;
}

void ss_store_each(const struct ss_store *st, void (*fn)(void *ctx, const struct ss_record *r),
		   void *ctx)
{
	const struct ss_record *r;

	for (unsigned int pass = 0; pass <= 2; pass++)
		for (size_t it = 0; (r = hashmap_next(st->records, &it)) != NULL;)
			if (rank(r->kind) == pass)
				fn(ctx, r);
}

/*
 * One walk: to look at tens of thousands of records takes longer than all else here, and an owner
 * does nothing meanwhile. Rank 0 grows from the front, rank 2 from the end.
 */
const struct ss_record **ss_store_hold(const struct ss_store *st, size_t *n)
{
	const size_t all = hashmap_count(st->records);
	const struct ss_record **held = calloc(all + 1, sizeof(*held));
	const struct ss_record **middle = calloc(all + 1, sizeof(*middle));
	size_t first = 0, second = 0, third = all;
	struct stored *s;

	*n = 0;
	if (held == NULL || middle == NULL) {
		free(held);
		free(middle);
		return NULL;
	}
	for (size_t it = 0; (s = hashmap_next(st->records, &it)) != NULL;) {
		const unsigned int r = rank(s->record.kind);

		s->holders++;
		if (r == 0)
			held[first++] = &s->record;
		else if (r == 1)
			middle[second++] = &s->record;
		else
			held[--third] = &s->record;
	}
	must(first + second == third);
	memcpy(held + first, middle, second * sizeof(*held));
	free(middle);
	*n = all;
	return held;
}
