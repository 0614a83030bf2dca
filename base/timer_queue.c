/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap of intrusive timers, ordered by (deadline, order of setting). */
#include "base/timer_queue.h"

#include <stdlib.h>

#include "base/must.h"

#define FIRST_CAPACITY 64

static bool before(const struct timer *a, const struct timer *b)
{
	return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

/* Slots are 1-based: the children of slot s are 2s and 2s + 1. */
static void place(struct timer_queue *q, struct timer *t, size_t slot)
{
	q->heap[slot - 1] = t;
	t->slot = slot;
}

static void sift_up(struct timer_queue *q, struct timer *t, size_t slot)
{
	while (slot > 1 && before(t, q->heap[slot / 2 - 1])) {
		place(q, q->heap[slot / 2 - 1], slot);
		slot /= 2;
	}
	place(q, t, slot);
}

static void sift_down(struct timer_queue *q, struct timer *t, size_t slot)
{
	for (size_t child; (child = 2 * slot) <= q->n; slot = child) {
		if (child < q->n && before(q->heap[child], q->heap[child - 1]))
			child++;
		if (!before(q->heap[child - 1], t))
			break;
		place(q, q->heap[child - 1], slot);
	}
	place(q, t, slot);
}

void timer_queue_init(struct timer_queue *q)
{
	*q = (struct timer_queue){ 0 };
}

void timer_queue_free(struct timer_queue *q)
{
	for (size_t i = 0; i < q->n; i++)
		q->heap[i]->slot = 0;
	free(q->heap);
	timer_queue_init(q);
}

void timer_set(struct timer_queue *q, struct timer *t, uint64_t at_ms)
{
	timer_cancel(q, t);
	if (q->n == q->cap) {
		size_t cap = q->cap > 0 ? q->cap * 2 : FIRST_CAPACITY;
		struct timer **heap = realloc(q->heap, cap * sizeof(*heap));

		must(heap != NULL);
		q->heap = heap;
		q->cap = cap;
	}
	t->at_ms = at_ms;
	t->order = q->next_order++;
	sift_up(q, t, ++q->n);
}

void timer_cancel(struct timer_queue *q, struct timer *t)
{
	size_t slot = t->slot;
	struct timer *last;

	if (slot == 0)
		return;
	must(slot <= q->n && q->heap[slot - 1] == t);
	t->slot = 0;
	last = q->heap[--q->n];
	if (last == t)
		return;
	if (before(last, t)) /* last came from another branch, it may belong above this slot */
		sift_up(q, last, slot);
	else
		sift_down(q, last, slot);
}

uint64_t timer_next(const struct timer_queue *q)
{
	return q->n > 0 ? q->heap[0]->at_ms : TIMER_NEVER;
}

struct timer *timer_pop(struct timer_queue *q, uint64_t now_ms)
{
	struct timer *t;

	if (q->n == 0 || q->heap[0]->at_ms > now_ms)
		return NULL;
	t = q->heap[0];
	timer_cancel(q, t);
	return t;
}
