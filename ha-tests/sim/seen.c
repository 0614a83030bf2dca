/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Open addressing, at most half full. A name of zeros marks a free entry: no
 * digest is zero.
 *
 * The digest has to be quick, not secret: multiplications whose halves are
 * folded, over 16 bytes at a time, in lanes that do not wait for each other.
 */
#include "ha-tests/sim/seen.h"

#include "base/must.h"

#define BLOCK 16u
#define LANES 4u

#define K0 0x9e3779b97f4a7c15u
#define K1 0xc2b2ae3d27d4eb4fu
#define K2 0x165667b19e3779f9u
#define K3 0xd6e8feb86659fd93u

static uint64_t fold(uint64_t x, uint64_t y)
{
	__extension__ const unsigned __int128 product = (unsigned __int128)x * y;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static struct digest128 absorb(struct digest128 d, uint64_t x, uint64_t y)
{
	return (struct digest128){ .a = fold(d.a ^ x ^ K0, y ^ K1) + d.b,
				   .b = fold(d.b ^ y ^ K2, x ^ K3) ^ d.a };
}

struct digest128 digest128_more(struct digest128 d, struct bytes in)
{
	uint64_t part[2 * LANES];
	size_t at = 0;

	if (in.len >= sizeof(part)) {
		uint64_t lane[LANES] = { d.a, d.b, K1, K2 };
		for (; in.len - at >= sizeof(part); at += sizeof(part)) {
			memcpy(part, in.p + at, sizeof(part));
			for (size_t i = 0; i < LANES; i++)
				lane[i] = fold(lane[i] ^ part[2 * i] ^ K0, part[2 * i + 1] ^ K3);
		}
		d = absorb(absorb(d, lane[0], lane[1]), lane[2], lane[3]);
	}
	for (; in.len - at >= BLOCK; at += BLOCK) {
		memcpy(part, in.p + at, BLOCK);
		d = absorb(d, part[0], part[1]);
	}
	part[0] = part[1] = 0;
	if (at < in.len)
		memcpy(part, in.p + at, in.len - at);
	d = absorb(d, part[0], part[1]);
	d = absorb(d, in.len, K0);
	d = absorb(d, K1, K2);
	d.a += !d.a && !d.b;
	return d;
}

struct digest128 digest128(struct bytes in)
{
	return digest128_more((struct digest128){ K2, K3 }, in);
}

bool digest128_equal(struct digest128 x, struct digest128 y)
{
	return x.a == y.a && x.b == y.b;
}

static bool is_free(const struct seen_entry *e)
{
	return e->name.a == 0 && e->name.b == 0;
}

/* The entry of the name, or the free one where it would stand. */
static struct seen_entry *slot(const struct seen *s, struct digest128 name)
{
	size_t at = (size_t)name.a & (s->cap - 1);

	while (!is_free(&s->entry[at]) && !digest128_equal(s->entry[at].name, name))
		at = (at + 1) & (s->cap - 1);
	return &s->entry[at];
}

static void grow(struct seen *s)
{
	struct seen old = *s;

	s->cap = old.cap ? old.cap * 2 : 1024;
	s->entry = calloc(s->cap, sizeof(*s->entry));
	must(s->entry);
	for (size_t i = 0; i < old.cap; i++)
		if (!is_free(&old.entry[i]))
			*slot(s, old.entry[i].name) = old.entry[i];
	free(old.entry);
}

enum seen_before seen_add(struct seen *s, struct digest128 name, struct digest128 content)
{
	if (2 * s->n >= s->cap)
		grow(s);
	struct seen_entry *e = slot(s, name);
	if (!is_free(e))
		return digest128_equal(e->content, content) ? SEEN_SAME : SEEN_OTHER;
	*e = (struct seen_entry){ .name = name, .content = content };
	s->n++;
	return SEEN_NEW;
}

bool seen_has(const struct seen *s, struct digest128 name)
{
	return s->n && !is_free(slot(s, name));
}

bool seen_find(const struct seen *s, struct digest128 name, struct digest128 *content)
{
	if (!seen_has(s, name))
		return false;
	*content = slot(s, name)->content;
	return true;
}

void seen_free(struct seen *s)
{
	free(s->entry);
	*s = (struct seen){ 0 };
}
