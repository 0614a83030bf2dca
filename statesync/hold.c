/* SPDX-License-Identifier: Apache-2.0 */
/* Effects that wait for their log position (R4): a circular queue, strictly first in, first out. */
#include "statesync/statesync.h"

#include <stdlib.h>

#include "base/must.h"

#define FIRST_CAPACITY 16

struct ss_hold {
	size_t item_size;
	size_t first, count, cap;
	uint64_t *positions;
	uint8_t *items;
};

struct ss_hold *ss_hold_new(size_t item_size)
{
	struct ss_hold *h = calloc(1, sizeof(*h));

	must(item_size > 0);
	if (h != NULL)
		h->item_size = item_size;
	return h;
}

static size_t place(const struct ss_hold *h, size_t i)
{
	return (h->first + i) % h->cap;
}

static uint8_t *item_at(const struct ss_hold *h, size_t i)
{
	return h->items + place(h, i) * h->item_size;
}

static enum result grow(struct ss_hold *h)
{
	size_t cap = h->cap > 0 ? 2 * h->cap : FIRST_CAPACITY;
	uint64_t *positions = calloc(cap, sizeof(*positions));
	uint8_t *items = calloc(cap, h->item_size);

	if (positions == NULL || items == NULL) {
		free(positions);
		free(items);
		return R_NO_MEMORY;
	}
	for (size_t i = 0; i < h->count; i++) {
		positions[i] = h->positions[place(h, i)];
		memcpy(items + i * h->item_size, item_at(h, i), h->item_size);
	}
	free(h->positions);
	free(h->items);
	h->positions = positions;
	h->items = items;
	h->first = 0;
	h->cap = cap;
	return R_OK;
}

enum result ss_hold_push(struct ss_hold *h, uint64_t position, const void *item)
{
	if (h->count == h->cap) {
		enum result res = grow(h);

		if (res != R_OK)
			return res;
	}
	h->positions[place(h, h->count)] = position;
	memcpy(item_at(h, h->count), item, h->item_size);
	h->count++;
	return R_OK;
}

static void take_first(struct ss_hold *h, void *item)
{
	memcpy(item, item_at(h, 0), h->item_size);
	h->first = place(h, 1);
	h->count--;
}

bool ss_hold_pop(struct ss_hold *h, uint64_t committed, void *item)
{
	if (h->count == 0 || h->positions[h->first] > committed)
		return false;
	take_first(h, item);
	return true;
}

size_t ss_hold_count(const struct ss_hold *h)
{
	return h->count;
}

void ss_hold_drop_all(struct ss_hold *h, void (*drop)(void *ctx, void *item), void *ctx)
{
	for (size_t i = 0; i < h->count; i++)
		drop(ctx, item_at(h, i));
	h->count = 0;
}

void ss_hold_free(struct ss_hold *h, void (*drop)(void *ctx, void *item), void *ctx)
{
	if (h == NULL)
		return;
	ss_hold_drop_all(h, drop, ctx);
	free(h->positions);
	free(h->items);
	free(h);
}
