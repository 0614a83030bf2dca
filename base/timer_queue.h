/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers under injected time: a binary heap of intrusive timers. Equal
 * deadlines fire in the order in which they were set. One thread.
 */
#ifndef HF_BASE_TIMER_QUEUE_H
#define HF_BASE_TIMER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
	uint64_t at_ms;
	uint64_t order;
	size_t slot; /* 1-based heap position, 0 when idle */
	int kind;    /* the owner's */
	void *owner;
};

struct timer_queue {
	struct timer **heap;
	size_t n;
	size_t cap;
	uint64_t next_order;
};

#define TIMER_NEVER UINT64_MAX

void timer_queue_init(struct timer_queue *q);
void timer_queue_free(struct timer_queue *q);
/* (Re)arm t. owner and kind are the caller's to fill in before. Aborts only when out of memory. */
void timer_set(struct timer_queue *q, struct timer *t, uint64_t at_ms);
void timer_cancel(struct timer_queue *q, struct timer *t);
static inline bool timer_armed(const struct timer *t)
{
	return t->slot != 0;
}
/* Deadline of the first timer, TIMER_NEVER when there is none. */
uint64_t timer_next(const struct timer_queue *q);
/* Take the first timer due at now_ms out of the queue; NULL when none is due. */
struct timer *timer_pop(struct timer_queue *q, uint64_t now_ms);

#endif
