/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The anti-replay window of an inbound SA (RFC 4303 3.4.3, App. A), usable by
 * several workers at once without a lock.
 *
 * As in RFC 6479 the window is a ring of bitmap blocks with more room than the
 * window needs. There a writer that moves the edge clears the blocks it passes,
 * which two writers cannot do safely. Here each block carries, beside its 32
 * bits, the lap of the ring that they belong to, both in one 64-bit word: a
 * word of an older lap counts as empty and is replaced, a word of a newer lap
 * says "left of the window". So accepting a number is one compare-and-swap on
 * one word, and that alone decides: no number can be accepted twice, whatever
 * the workers' order. The right edge is a second word that only grows; it
 * bounds the window and guesses the high half of ESN numbers.
 */
#ifndef HF_ESP_REPLAY_WINDOW_H
#define HF_ESP_REPLAY_WINDOW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REPLAY_BLOCK_BITS 32u

struct replay_window {
	_Atomic uint64_t edge;    /* highest number accepted; 0: none */
	_Atomic uint64_t floor;   /* numbers at or below count as seen (resume without a bitmap) */
	uint32_t size;            /* W, packets */
	uint32_t lap_shift;       /* log2 of the number of blocks in the ring */
	_Atomic uint64_t *blocks; /* lap (32) | bits (32) */
};

enum replay_answer { REPLAY_FRESH, REPLAY_SEEN, REPLAY_LEFT };

/* size > 0. false: out of memory. */
bool replay_window_init(struct replay_window *w, uint32_t size);
void replay_window_free(struct replay_window *w);

/* RFC 4303 A2.2: the 64-bit number that a packet with the low half seq_lo most likely
 * has; 0 when it can be none. */
uint64_t replay_guess_esn(const struct replay_window *w, uint32_t seq_lo);

/* Could seq be accepted? Asked before the ICV is checked; marks nothing. */
enum replay_answer replay_check(const struct replay_window *w, uint64_t seq);
/* The usual case of it: ahead of all that was accepted. */
static inline bool replay_ahead(const struct replay_window *w, uint64_t seq)
{
	return seq > atomic_load_explicit(&w->edge, memory_order_relaxed) &&
	       seq > atomic_load_explicit(&w->floor, memory_order_relaxed);
}

/* The number with this low half will be asked about soon. */
static inline void replay_prefetch(const struct replay_window *w, uint32_t seq_lo)
{
	__builtin_prefetch((const void *)&w->blocks[seq_lo / REPLAY_BLOCK_BITS &
						    ((UINT32_C(1) << w->lap_shift) - 1)],
			   1);
}

/*
 * Accept numbers whose ICV is right: those of the block that first is in,
 * whose bits (bit k is number block * 32 + k) are in mask. Returns the subset
 * that was not accepted before. alone: no other worker uses this window, so
 * the update need not be atomic.
 */
uint32_t replay_mark(struct replay_window *w, uint64_t block, uint32_t mask, bool alone);

static inline uint64_t replay_block(uint64_t seq)
{
	return seq / REPLAY_BLOCK_BITS;
}
static inline uint32_t replay_bit(uint64_t seq)
{
	return UINT32_C(1) << (seq % REPLAY_BLOCK_BITS);
}

/*
 * R19. Bit k of the bitmap (word k / 64, bit k % 64) says that number
 * edge - k was accepted. Exact while no worker uses the window.
 */
uint64_t replay_export(const struct replay_window *w, uint64_t *bitmap, size_t words);
/*
 * Move the edge, which must not be below the present one, and add what the
 * bitmap knows; what lies left of the bitmap counts as seen. No worker uses
 * the window.
 */
void replay_import(struct replay_window *w, uint64_t edge, const uint64_t *bitmap, size_t words);

#endif
