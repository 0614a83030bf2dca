/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded single-producer single-consumer ring. Indices only grow; their
 * difference is the fill. Each side keeps its own copy of the other's index
 * and reloads it only when the ring looks full or empty, so that the shared
 * cache lines move once per burst and not once per element.
 */
#include "base/spsc_ring.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64

struct spsc_ring {
	size_t mask;
	size_t element_size;
	uint8_t *elements;
	_Alignas(CACHE_LINE) _Atomic size_t head; /* written by the producer */
	size_t tail_seen;                         /* producer's copy of tail */
	_Alignas(CACHE_LINE) _Atomic size_t tail; /* written by the consumer */
	size_t head_seen;                         /* consumer's copy of head */
};

struct spsc_ring *spsc_ring_new(size_t capacity, size_t element_size)
{
	struct spsc_ring *r;
	size_t size = 1;

	while (size < capacity && size <= SIZE_MAX / 2)
		size *= 2;
	r = aligned_alloc(CACHE_LINE, sizeof(*r));
	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->mask = size - 1;
	r->element_size = element_size;
	r->elements = calloc(size, element_size);
	if (r->elements == NULL) {
		free(r);
		return NULL;
	}
	return r;
}

void spsc_ring_free(struct spsc_ring *r)
{
	if (r == NULL)
		return;
	free(r->elements);
	free(r);
}

static void *element(struct spsc_ring *r, size_t index)
{
	return r->elements + (index & r->mask) * r->element_size;
}

void *spsc_ring_produce(struct spsc_ring *r)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	if (head - r->tail_seen > r->mask) {
		r->tail_seen = atomic_load_explicit(&r->tail, memory_order_acquire);
		if (head - r->tail_seen > r->mask)
			return NULL;
	}
	return element(r, head);
}

void spsc_ring_produce_commit(struct spsc_ring *r)
{
	size_t head = atomic_load_explicit(&r->head, memory_order_relaxed);

	atomic_store_explicit(&r->head, head + 1, memory_order_release);
}

const void *spsc_ring_consume(struct spsc_ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	if (tail == r->head_seen) {
		r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
		if (tail == r->head_seen)
			return NULL;
	}
	return element(r, tail);
}

void spsc_ring_consume_commit(struct spsc_ring *r)
{
	size_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);

	atomic_store_explicit(&r->tail, tail + 1, memory_order_release);
}

bool spsc_ring_push(struct spsc_ring *r, const void *in)
{
	void *slot = spsc_ring_produce(r);

	if (slot == NULL)
		return false;
	memcpy(slot, in, r->element_size);
	spsc_ring_produce_commit(r);
	return true;
}

bool spsc_ring_pop(struct spsc_ring *r, void *out)
{
	const void *slot = spsc_ring_consume(r);

	if (slot == NULL)
		return false;
	memcpy(out, slot, r->element_size);
	spsc_ring_consume_commit(r);
	return true;
}
