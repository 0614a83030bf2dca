/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator's own generator (xoshiro256**): every choice of a run comes from one seed. */
#ifndef HF_SIM_RNG_H
#define HF_SIM_RNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rng {
	uint64_t s[4];
};

/* stream: independent generators of one seed, so that more choices of one kind do not
 * move those of another. */
struct rng rng_seeded(uint64_t seed, uint64_t stream);
uint64_t rng_u64(struct rng *r);
/* 0 .. bound - 1; 0 for bound 0. */
uint64_t rng_below(struct rng *r, uint64_t bound);
/* low .. high, both included. */
uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high);
bool rng_chance(struct rng *r, unsigned int per_thousand);
void rng_fill(struct rng *r, uint8_t *out, size_t len);

#endif
