/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded single-producer single-consumer ring of fixed-size elements
 * (worker <-> control). No lock, no allocation after creation. Release on
 * the producer's index, acquire on the consumer's.
 */
#ifndef HF_BASE_SPSC_RING_H
#define HF_BASE_SPSC_RING_H

#include <stdbool.h>
#include <stddef.h>

struct spsc_ring;

/* capacity is rounded up to a power of two. NULL when out of memory. */
struct spsc_ring *spsc_ring_new(size_t capacity, size_t element_size);
void spsc_ring_free(struct spsc_ring *r);
/* Copies one element in; false when full (the caller counts the drop). Producer only. */
bool spsc_ring_push(struct spsc_ring *r, const void *element);
/* Copies one element out; false when empty. Consumer only. */
bool spsc_ring_pop(struct spsc_ring *r, void *element);
/* For elements too large to copy: slot to fill / to read in place, NULL when full /
 * empty; then commit. */
void *spsc_ring_produce(struct spsc_ring *r);
void spsc_ring_produce_commit(struct spsc_ring *r);
const void *spsc_ring_consume(struct spsc_ring *r);
void spsc_ring_consume_commit(struct spsc_ring *r);

#endif
