/* SPDX-License-Identifier: Apache-2.0 */
/* The anti-replay window, see replay_window.h. */
#include "esp/replay_window.h"

#include <stdlib.h>

#define LOAD(p)     atomic_load_explicit(p, memory_order_relaxed)
#define STORE(p, v) atomic_store_explicit(p, v, memory_order_relaxed)

/*
 * Relaxed order is enough throughout: each decision is taken on the value of
 * one atomic word, and no other memory is published by it.
 */

bool replay_window_init(struct replay_window *w, uint32_t size)
{
	/* One block more than the window covers: its ends share two blocks. */
	const uint32_t need = (size + REPLAY_BLOCK_BITS - 1) / REPLAY_BLOCK_BITS + 1;
	*w = (struct replay_window){ .size = size };
	while ((UINT32_C(1) << w->lap_shift) < need)
		w->lap_shift++;
	w->blocks = calloc(UINT32_C(1) << w->lap_shift, sizeof(w->blocks[0]));
	return w->blocks != NULL;
}

void replay_window_free(struct replay_window *w)
{
	free((void *)w->blocks);
	w->blocks = NULL;
}

static inline _Atomic uint64_t *block_word(const struct replay_window *w, uint64_t block)
{
	return &w->blocks[block & ((UINT32_C(1) << w->lap_shift) - 1)];
}

static inline uint32_t block_lap(const struct replay_window *w, uint64_t block)
{
	return (uint32_t)(block >> w->lap_shift);
}

static inline uint32_t word_lap(uint64_t word)
{
	return (uint32_t)(word >> 32);
}

/* Laps are compared as serial numbers: two blocks in use are never 2^31 laps apart. */
static inline int32_t lap_distance(uint32_t from, uint32_t to)
{
	return (int32_t)(to - from);
}

uint64_t replay_guess_esn(const struct replay_window *w, uint32_t seq_lo)
{
	const uint64_t edge = LOAD(&w->edge);
	const uint32_t edge_lo = (uint32_t)edge;
	const uint32_t edge_hi = (uint32_t)(edge >> 32);
	const uint32_t left_lo = edge_lo - w->size + 1; /* modulo 2^32 */
	uint32_t hi = edge_hi;
	if (edge_lo >= w->size - 1) {
		/* Case A: the window lies within one subspace. Below its left end: the next one. */
		if (seq_lo < left_lo && ++hi == 0)
			return 0;
	} else if (seq_lo >= left_lo) {
		/* Case B: the window reaches into the subspace before. */
		if (hi-- == 0)
			return 0;
	}
	return (uint64_t)hi << 32 | seq_lo;
}

enum replay_answer replay_check(const struct replay_window *w, uint64_t seq)
{
	if (seq == 0)
		return REPLAY_SEEN; /* RFC 4303 3.3.3: the first number is 1 */
	const uint64_t edge = LOAD(&w->edge);
	if (seq <= edge && edge - seq >= w->size)
		return REPLAY_LEFT;
	if (seq <= LOAD(&w->floor))
		return REPLAY_SEEN;
	const uint64_t word = LOAD(block_word(w, replay_block(seq)));
	const int32_t distance = lap_distance(word_lap(word), block_lap(w, replay_block(seq)));
	if (distance > 0)
		return REPLAY_FRESH;
	if (distance < 0)
		return REPLAY_LEFT;
	return ((uint32_t)word & replay_bit(seq)) != 0 ? REPLAY_SEEN : REPLAY_FRESH;
}

static void raise_edge(struct replay_window *w, uint64_t seq, bool alone)
{
	uint64_t edge = LOAD(&w->edge);
	if (alone) {
		if (edge < seq)
			STORE(&w->edge, seq);
		return;
	}
	while (edge < seq &&
	       !atomic_compare_exchange_weak_explicit(&w->edge, &edge, seq, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

uint32_t replay_mark(struct replay_window *w, uint64_t block, uint32_t mask, bool alone)
{
	_Atomic uint64_t *const at = block_word(w, block);
	const uint32_t lap = block_lap(w, block);
	uint64_t word = LOAD(at);
	uint32_t fresh;
	/* The edge may have moved while the ICVs were checked. */
	const uint64_t edge = LOAD(&w->edge);
	const uint64_t first = block * REPLAY_BLOCK_BITS;
	const uint64_t left = edge >= w->size ? edge - w->size + 1 : 0;
	if (left >= first + REPLAY_BLOCK_BITS)
		return 0;
	if (left > first)
		mask &= UINT32_MAX << (left - first);
	for (;;) {
		const int32_t distance = lap_distance(word_lap(word), lap);
		if (distance < 0)
			return 0;
		const uint32_t bits = distance > 0 ? 0 : (uint32_t)word;
		fresh = mask & ~bits;
		if (fresh == 0)
			return 0;
		const uint64_t next = (uint64_t)lap << 32 | bits | fresh;
		if (alone) {
			STORE(at, next);
			break;
		}
		if (atomic_compare_exchange_weak_explicit(at, &word, next, memory_order_relaxed,
							  memory_order_relaxed))
			break;
	}
	const uint32_t top = REPLAY_BLOCK_BITS - 1 - (uint32_t)__builtin_clz(fresh);
	raise_edge(w, first + top, alone);
	return fresh;
}

uint64_t replay_export(const struct replay_window *w, uint64_t *bitmap, size_t words)
{
	const uint64_t edge = LOAD(&w->edge);
	for (size_t i = 0; i < words; i++)
		bitmap[i] = 0;
	for (uint64_t k = 0; k < words * 64; k++)
		if (k >= edge || k >= w->size || replay_check(w, edge - k) != REPLAY_FRESH)
			bitmap[k / 64] |= UINT64_C(1) << (k % 64);
	return edge;
}

void replay_import(struct replay_window *w, uint64_t edge, const uint64_t *bitmap, size_t words)
{
	const uint64_t blocks = UINT64_C(1) << w->lap_shift;
	const uint64_t last = replay_block(edge);
	const uint64_t known = words * 64 < w->size ? words * 64 : w->size;
	const uint64_t floor = edge > known ? edge - known : 0;
	/* Blocks of an older lap start empty; what was accepted in this one stays so. */
	for (uint64_t i = 0; i < blocks && i <= last; i++) {
		_Atomic uint64_t *at = block_word(w, last - i);
		const uint32_t lap = block_lap(w, last - i);
		if (word_lap(LOAD(at)) != lap)
			STORE(at, (uint64_t)lap << 32);
	}
	STORE(&w->edge, edge);
	if (floor > LOAD(&w->floor))
		STORE(&w->floor, floor);
	for (uint64_t k = 0; k < known && k < edge; k++)
		if ((bitmap[k / 64] >> (k % 64)) & 1)
			(void)replay_mark(w, replay_block(edge - k), replay_bit(edge - k), true);
}
