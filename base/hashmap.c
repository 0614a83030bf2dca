/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed hash map in two arrays: entries in the order of insertion, and an
 * open-addressed index of positions in it. A removed entry stays as a hole
 * until the next rebuild, so iteration is insertion order and removal while
 * iterating moves nothing.
 */
#include "base/hashmap.h"

#include <endian.h>
#include <stdlib.h>

#include "base/must.h"

#define FIRST_CAPACITY 8 /* a power of two, as every capacity */
#define FREE           0u
#define REMOVED        UINT32_MAX
#define CAPACITY_MAX   (UINT32_MAX / 4)

struct entry {
	uint64_t hash;
	struct buf key;
	void *value; /* NULL: a hole */
};

struct hashmap {
	uint8_t seed[16];
	struct entry *entries; /* used of cap */
	uint32_t *index;       /* 2 * cap places: FREE, REMOVED or 1 + position in entries */
	size_t used;
	size_t cap;
	size_t count;
};

struct hashmap *hashmap_new(const uint8_t seed[16])
{
	struct hashmap *m = calloc(1, sizeof(*m));

	if (m != NULL)
		memcpy(m->seed, seed, sizeof(m->seed));
	return m;
}

void hashmap_free(struct hashmap *m, void (*free_value)(void *value))
{
	if (m == NULL)
		return;
	for (size_t i = 0; i < m->used; i++) {
		if (m->entries[i].value == NULL)
			continue;
		buf_free(&m->entries[i].key);
		if (free_value != NULL)
			free_value(m->entries[i].value);
	}
	free(m->entries);
	free(m->index);
	free(m);
}

/* The place in the index that holds key, NULL when absent. */
static uint32_t *find(const struct hashmap *m, struct bytes key, uint64_t hash)
{
	size_t mask = 2 * m->cap - 1;

	if (m->cap == 0)
		return NULL;
	for (size_t i = hash & mask; m->index[i] != FREE; i = (i + 1) & mask) {
		const struct entry *e;

		if (m->index[i] == REMOVED)
			continue;
		e = &m->entries[m->index[i] - 1];
		if (e->hash == hash && bytes_equal(buf_bytes(&e->key), key))
			return &m->index[i];
	}
	return NULL;
}

/* Every insertion takes a new entry, so at most half of the index is not FREE and this ends. */
static void index_add(uint32_t *index, size_t cap, uint64_t hash, size_t position)
{
	size_t mask = 2 * cap - 1, i = hash & mask;

	while (index[i] != FREE)
		i = (i + 1) & mask;
	index[i] = (uint32_t)position + 1;
}

/* Close the holes, with room for as many entries again as are live. */
static enum result rebuild(struct hashmap *m)
{
	struct entry *entries;
	uint32_t *index;
	size_t cap = FIRST_CAPACITY, n = 0;

	while (cap < 2 * m->count)
		cap *= 2;
	if (cap > CAPACITY_MAX)
		return R_LIMIT;
	entries = calloc(cap, sizeof(*entries));
	index = calloc(2 * cap, sizeof(*index));
	if (entries == NULL || index == NULL) {
		free(entries);
		free(index);
		return R_NO_MEMORY;
	}
	for (size_t i = 0; i < m->used; i++) {
		if (m->entries[i].value == NULL)
			continue;
		entries[n] = m->entries[i];
		index_add(index, cap, entries[n].hash, n);
		n++;
	}
	free(m->entries);
	free(m->index);
	m->entries = entries;
	m->index = index;
	m->used = n;
	m->cap = cap;
	return R_OK;
}

enum result hashmap_insert(struct hashmap *m, struct bytes key, void *value)
{
	uint64_t hash = siphash24(m->seed, key);
	struct buf copy = { 0 };

	must(value != NULL);
	if (find(m, key, hash) != NULL)
		return R_EXISTS;
	if (m->used == m->cap) {
		enum result res = rebuild(m);

		if (res != R_OK)
			return res;
	}
	if (!buf_set(&copy, key))
		return R_NO_MEMORY;
	m->entries[m->used] = (struct entry){ .hash = hash, .key = copy, .value = value };
	index_add(m->index, m->cap, hash, m->used);
	m->used++;
	m->count++;
	return R_OK;
}

void *hashmap_get(const struct hashmap *m, struct bytes key)
{
	const uint32_t *place = find(m, key, siphash24(m->seed, key));

	return place != NULL ? m->entries[*place - 1].value : NULL;
}

void *hashmap_replace(struct hashmap *m, struct bytes key, void *value)
{
	const uint32_t *place = find(m, key, siphash24(m->seed, key));

	must(value != NULL);
	if (place == NULL)
		return NULL;
	void *old = m->entries[*place - 1].value;
	m->entries[*place - 1].value = value;
	return old;
}

void *hashmap_remove(struct hashmap *m, struct bytes key)
{
	uint32_t *place = find(m, key, siphash24(m->seed, key));
	struct entry *e;
	void *value;

	if (place == NULL)
		return NULL;
	e = &m->entries[*place - 1];
	value = e->value;
	*place = REMOVED;
	buf_free(&e->key);
	e->value = NULL;
	m->count--;
	return value;
}

size_t hashmap_count(const struct hashmap *m)
{
	return m->count;
}

void *hashmap_next(const struct hashmap *m, size_t *it)
{
	while (*it < m->used) {
		void *value = m->entries[(*it)++].value;

		if (value != NULL)
			return value;
	}
	return NULL;
}

static uint64_t load_le(const uint8_t *p, size_t n)
{
	uint64_t v = 0;

	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)p[i] << (8 * i);
	return v;
}

static inline uint64_t load_le64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return le64toh(v);
}

static inline uint64_t rotl(uint64_t v, unsigned int by)
{
	return v << by | v >> (64 - by);
}

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline struct sip sip_round(struct sip s)
{
	s.v0 += s.v1;
	s.v2 += s.v3;
	s.v1 = rotl(s.v1, 13) ^ s.v0;
	s.v3 = rotl(s.v3, 16) ^ s.v2;
	s.v0 = rotl(s.v0, 32);
	s.v2 += s.v1;
	s.v0 += s.v3;
	s.v1 = rotl(s.v1, 17) ^ s.v2;
	s.v3 = rotl(s.v3, 21) ^ s.v0;
	s.v2 = rotl(s.v2, 32);
	return s;
}

static inline struct sip sip_absorb(struct sip s, uint64_t word)
{
	s.v3 ^= word;
	s = sip_round(sip_round(s));
	s.v0 ^= word;
	return s;
}

/* Aumasson, Bernstein: SipHash, a fast short-input PRF (2012), 2-4 with 64 bits of output. */
uint64_t siphash24(const uint8_t key[16], struct bytes in)
{
	uint64_t k0 = load_le64(key), k1 = load_le64(key + 8);
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d, k0 ^ 0x6c7967656e657261,
			 k1 ^ 0x7465646279746573 };
	size_t whole = in.len & ~(size_t)7;

	for (size_t i = 0; i < whole; i += 8)
		s = sip_absorb(s, load_le64(in.p + i));
	s = sip_absorb(s, (uint64_t)in.len << 56 |
				  (whole < in.len ? load_le(in.p + whole, in.len - whole) : 0));
	s.v2 ^= 0xff;
	s = sip_round(sip_round(sip_round(sip_round(s))));
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
