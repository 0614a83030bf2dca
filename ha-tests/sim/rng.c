/* SPDX-License-Identifier: Apache-2.0 */
/* xoshiro256** by Blackman and Vigna, its state filled by splitmix64, as its authors advise. */
#include "ha-tests/sim/rng.h"

static uint64_t splitmix(uint64_t *x)
{
	uint64_t z = *x += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

struct rng rng_seeded(uint64_t seed, uint64_t stream)
{
	uint64_t x = seed ^ splitmix(&stream);
	struct rng r;

	for (unsigned int i = 0; i < 4; i++)
		r.s[i] = splitmix(&x);
	return r;
}

static uint64_t rotate(uint64_t x, unsigned int by)
{
	return x << by | x >> (64 - by);
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t out = rotate(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotate(r->s[3], 45);
	return out;
}

/* The bias of a 64-bit remainder does not matter here. */
uint64_t rng_below(struct rng *r, uint64_t bound)
{
	return bound ? rng_u64(r) % bound : 0;
}

uint64_t rng_between(struct rng *r, uint64_t low, uint64_t high)
{
	return low + rng_below(r, high - low + 1);
}

bool rng_chance(struct rng *r, unsigned int per_thousand)
{
	return rng_below(r, 1000) < per_thousand;
}

void rng_fill(struct rng *r, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(rng_u64(r) >> 56);
}
