/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/arena.h"

#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

#define ARENA_BLOCK 16384u

struct arena_block {
	struct arena_block *next;
	size_t used;
	size_t cap;
	char data[];
};

struct config_arena {
	struct arena_block *blocks;
};

struct config_arena *arena_new(void)
{
	return calloc(1, sizeof(struct config_arena));
}

void arena_free(struct config_arena *a)
{
	if (!a)
		return;
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		wipe(b->data, b->used);
		free(b);
	}
	free(a);
}

char *arena_string(struct config_arena *a, const char *s, size_t len)
{
	struct arena_block *b = a->blocks;
	if (!b || b->cap - b->used <= len) {
		size_t cap = len < ARENA_BLOCK ? ARENA_BLOCK : len + 1;
		b = malloc(sizeof(*b) + cap);
		if (!b)
			return NULL;
		*b = (struct arena_block){ .next = a->blocks, .cap = cap };
		a->blocks = b;
	}
	char *out = b->data + b->used;
	memcpy(out, s, len);
	out[len] = '\0';
	b->used += len + 1;
	return out;
}
