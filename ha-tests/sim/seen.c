/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing, at most half full. A name of zeros marks a free entry: two
 * SipHashes of anything are not zero. */
#include "ha-tests/sim/seen.h"

#include "base/hashmap.h"
#include "base/must.h"

struct digest128 digest128(struct bytes in)
{
	static const uint8_t key_a[16] = "simulator hash a", key_b[16] = "simulator hash b";

	return (struct digest128){ .a = siphash24(key_a, in), .b = siphash24(key_b, in) };
}

static bool equal(struct digest128 x, struct digest128 y)
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

	while (!is_free(&s->entry[at]) && !equal(s->entry[at].name, name))
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
		return equal(e->content, content) ? SEEN_SAME : SEEN_OTHER;
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
