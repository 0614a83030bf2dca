/* SPDX-License-Identifier: Apache-2.0 */
/* The SAD: inbound SAs by SPI (RFC 4301 4.4.2). Control writes, workers read; see datapath.h. */
#include <stdlib.h>

#include "esp/datapath.h"

struct sad *sad_new(uint32_t log2_entries)
{
	struct sad *t = calloc(1, sizeof(*t) + (sizeof(t->entry[0]) << log2_entries));
	if (t != NULL)
		t->shift = 32 - log2_entries;
	return t;
}

bool sad_insert(struct sad *t, uint32_t seed, uint32_t spi, struct esp_child *child)
{
	const size_t entries = (size_t)1 << (32 - t->shift);
	if (t->used >= entries / 2)
		return false;
	size_t at = sad_slot(t, seed, spi);
	while (atomic_load_explicit(&t->entry[at].spi, memory_order_relaxed) != 0)
		at = (at + 1) & (entries - 1);
	atomic_store_explicit(&t->entry[at].child, child, memory_order_relaxed);
	atomic_store_explicit(&t->entry[at].spi, spi, memory_order_release);
	t->used++;
	t->live++;
	return true;
}

void sad_remove(struct sad *t, uint32_t seed, uint32_t spi)
{
	const size_t mask = ((size_t)1 << (32 - t->shift)) - 1;
	for (size_t at = sad_slot(t, seed, spi);; at = (at + 1) & mask) {
		struct sad_entry *e = &t->entry[at];
		const uint32_t have = atomic_load_explicit(&e->spi, memory_order_relaxed);
		if (have == 0)
			return;
		if (have == spi && atomic_load_explicit(&e->child, memory_order_relaxed) != NULL) {
			atomic_store_explicit(&e->child, NULL, memory_order_release);
			t->live--;
			return;
		}
	}
}
