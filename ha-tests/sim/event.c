/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue: a binary heap ordered by (time, insertion). */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

static bool before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void sift_up(struct event_queue *q, size_t i)
{
	struct event *ev = q->heap[i];

	while (i > 0 && before(ev, q->heap[(i - 1) / 2])) {
		q->heap[i] = q->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	q->heap[i] = ev;
}

static void sift_down(struct event_queue *q)
{
	struct event *ev = q->heap[0];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < q->n) {
		if (child + 1 < q->n && before(q->heap[child + 1], q->heap[child]))
			child++;
		if (!before(q->heap[child], ev))
			break;
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = ev;
}

static void insert(struct event_queue *q, struct event *ev)
{
	ev->order = q->next_order++;
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 256;
		q->heap = realloc(q->heap, q->cap * sizeof(struct event *));
		must(q->heap);
	}
	q->heap[q->n++] = ev;
	sift_up(q, q->n - 1);
}

struct event *sim_at(struct sim *s, uint64_t at_ns, event_fn run, void *ctx)
{
	struct event *ev = calloc(1, sizeof(*ev));

	must(ev && at_ns >= s->now_ns);
	ev->at_ns = at_ns;
	ev->run = run;
	ev->ctx = ctx;
	insert(&s->queue, ev);
	return ev;
}

void event_again(struct sim *s, struct event *ev)
{
	ev->at_ns = s->now_ns;
	ev->next = NULL;
	insert(&s->queue, ev);
}

struct event *node_at(struct node *nd, uint64_t at_ns, event_fn run)
{
	struct event *ev = sim_at(nd->s, at_ns, run, nd);

	ev->node = nd;
	ev->incarnation = nd->incarnation;
	return ev;
}

struct event *member_event(struct member *m, uint64_t at_ns, event_fn run)
{
	struct event *ev = node_at(m->node, at_ns, run);

	ev->ctx = m;
	return ev;
}

void event_own(struct event *ev, void *data, void (*data_free)(void *data))
{
	ev->data = data;
	ev->data_free = data_free;
}

struct event *event_next(struct event_queue *q)
{
	if (!q->n)
		return NULL;
	struct event *ev = q->heap[0];
	q->heap[0] = q->heap[--q->n];
	if (q->n)
		sift_down(q);
	return ev;
}

void event_free(struct event *ev)
{
	if (ev->data)
		ev->data_free(ev->data);
	free(ev);
}

void event_queue_free(struct event_queue *q)
{
	struct event *ev;

	while ((ev = event_next(q)) != NULL)
		event_free(ev);
	free(q->heap);
}
