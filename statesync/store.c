/* SPDX-License-Identifier: Apache-2.0 */
/* The store: the newest record of every (kind, key), as the log left them (R1, law 8). */
#include "statesync/statesync.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/hashmap.h"
#include "base/must.h"
#include "base/wire_writer.h"

struct ss_store {
	struct hashmap *records; /* struct ss_record by name */
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

static void free_record(void *value)
{
	struct ss_record *r = value;

	if (r == NULL)
		return;
	ss_record_clear(r);
	free(r);
}

struct ss_store *ss_store_new(const uint8_t hash_seed[16])
{
	struct ss_store *st = calloc(1, sizeof(*st));

	if (st == NULL)
		return NULL;
	st->records = hashmap_new(hash_seed);
	if (st->records == NULL) {
		free(st);
		return NULL;
	}
	return st;
}

void ss_store_free(struct ss_store *st)
{
	if (st == NULL)
		return;
	hashmap_free(st->records, free_record);
	free(st);
}

void ss_store_clear(struct ss_store *st)
{
	void *r;

	for (size_t it = 0; (r = hashmap_next(st->records, &it)) != NULL;) {
		const struct ss_record *record = r;
		struct name name = record_name(record->kind, record->key);

		(void)hashmap_remove(st->records, bytes(name.b, sizeof(name.b)));
		free_record(r);
	}
}

static struct ss_record *find(const struct ss_store *st, uint32_t kind, uint64_t key)
{
	struct name name = record_name(kind, key);

	return hashmap_get(st->records, bytes(name.b, sizeof(name.b)));
}

const struct ss_record *ss_store_get(const struct ss_store *st, enum ss_kind kind, uint64_t key)
{
	return find(st, kind, key);
}

static void erase(struct ss_store *st, uint32_t kind, uint64_t key)
{
	struct name name = record_name(kind, key);

	free_record(hashmap_remove(st->records, bytes(name.b, sizeof(name.b))));
}

static enum result insert(struct ss_store *st, const struct ss_record *r)
{
	struct name name = record_name(r->kind, r->key);
	struct ss_record *copy = calloc(1, sizeof(*copy));
	enum result res = copy != NULL ? ss_record_copy(copy, r) : R_NO_MEMORY;

	if (res == R_OK)
		res = hashmap_insert(st->records, bytes(name.b, sizeof(name.b)), copy);
	if (res != R_OK)
		free_record(copy);
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
	struct ss_record *old = find(st, r->kind, r->key);

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
		enum result res = check_lease(old, r, &lower);

		if (res != R_OK || lower)
			return res;
	}
	return old != NULL ? ss_record_copy(old, r) : insert(st, r);
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

static int by_name(const void *a, const void *b)
{
	const struct ss_record *x = *(const struct ss_record *const *)a;
	const struct ss_record *y = *(const struct ss_record *const *)b;
	struct name xn = record_name(x->kind, x->key);
	struct name yn = record_name(y->kind, y->key);

	return memcmp(xn.b, yn.b, sizeof(xn.b));
}

static void digest_record(EVP_MD_CTX *md, const struct ss_record *r)
{
	struct name name = record_name(r->kind, r->key);
	uint8_t len[8];
	struct wire_writer w = wire_writer(len, sizeof(len));

	wire_put_u64(&w, r->data.len);
	must(EVP_DigestUpdate(md, name.b, sizeof(name.b)) == 1);
	must(EVP_DigestUpdate(md, len, sizeof(len)) == 1);
	must(EVP_DigestUpdate(md, r->data.p, r->data.len) == 1);
}

void ss_store_digest(const struct ss_store *st, uint8_t out[32])
{
	size_t n = hashmap_count(st->records);
	const struct ss_record **sorted = calloc(n + 1, sizeof(*sorted));
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	must(sorted != NULL && md != NULL);
	for (size_t it = 0, i = 0; i < n; i++)
		sorted[i] = hashmap_next(st->records, &it);
	qsort(sorted, n, sizeof(*sorted), by_name);
	must(EVP_DigestInit_ex2(md, EVP_sha256(), NULL) == 1);
	for (size_t i = 0; i < n; i++)
		digest_record(md, sorted[i]);
	must(EVP_DigestFinal_ex(md, out, NULL) == 1);
	EVP_MD_CTX_free(md);
	free(sorted);
}
