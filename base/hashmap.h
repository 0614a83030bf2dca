/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keyed hash map (SipHash-2-4): keys that a peer chooses cannot be made to
 * collide. Maps a byte-string key of fixed or varying length to a pointer
 * that the caller owns. Iteration is in insertion order, so that a
 * simulation is the same on every run. One thread.
 */
#ifndef HF_BASE_HASHMAP_H
#define HF_BASE_HASHMAP_H

#include "base/bytes.h"
#include "base/result.h"

struct hashmap;

/* seed: 16 bytes of the caller's randomness. NULL when out of memory. */
struct hashmap *hashmap_new(const uint8_t seed[16]);
/* Frees the map; free_value (may be NULL) is called for each value. */
void hashmap_free(struct hashmap *m, void (*free_value)(void *value));
/* The key is copied. R_EXISTS leaves the map as it was. */
enum result hashmap_insert(struct hashmap *m, struct bytes key, void *value) WARN_UNUSED;
/* NULL when absent. */
void *hashmap_get(const struct hashmap *m, struct bytes key);
/* In the place of the one that is returned; NULL when absent, and nothing has changed then. */
void *hashmap_replace(struct hashmap *m, struct bytes key, void *value) WARN_UNUSED;
/* Returns the value that was removed, NULL when absent. */
void *hashmap_remove(struct hashmap *m, struct bytes key);
size_t hashmap_count(const struct hashmap *m);
/*
 * for (size_t it = 0; (v = hashmap_next(m, &it)) != NULL; )
 * Removing the value just returned is allowed while iterating; inserting is not.
 */
void *hashmap_next(const struct hashmap *m, size_t *it);
uint64_t siphash24(const uint8_t key[16], struct bytes in);

#endif
