/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue: a heap ordered by (time, insertion), whose keys stand beside each other. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

#define WAYS 4u /* children of one; they fill two lines of a cache */

static bool before(const struct event_place *a, const struct event_place *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void sift_up(struct event_queue *q, size_t i)
{
	const struct event_place place = q->heap[i];

	while (i > 0 && before(&place, &q->heap[(i - 1) / WAYS])) {
		q->heap[i] = q->heap[(i - 1) / WAYS];
		i = (i - 1) / WAYS;
	}
	q->heap[i] = place;
}

static size_t first_child(const struct event_queue *q, size_t i)
{
	const size_t from = WAYS * i + 1, to = from + WAYS < q->n ? from + WAYS : q->n;
	size_t first = from;

	for (size_t child = from + 1; child < to; child++)
		if (before(&q->heap[child], &q->heap[first]))
			first = child;
	return first;
}

/* place: of what was last, for the gap that the first one has left. */
static void sift_down(struct event_queue *q, const struct event_place *place)
{
	size_t i = 0, child;

	while ((child = first_child(q, i)) < q->n && before(&q->heap[child], place)) {
		q->heap[i] = q->heap[child];
		i = child;
	}
	q->heap[i] = *place;
}

static void insert(struct event_queue *q, struct event *ev)
{
	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 256;
		q->heap = realloc(q->heap, q->cap * sizeof(*q->heap));
		must(q->heap);
	}
	q->heap[q->n++] = (struct event_place){ ev->at_ns, q->next_order++, ev };
	sift_up(q, q->n - 1);
}

struct event *sim_at(struct sim *s, uint64_t at_ns, event_fn run, void *ctx)
{
	struct event *ev = s->queue.spare;

	if (ev)
		s->queue.spare = ev->next;
	else
		ev = malloc(sizeof(*ev));
	must(ev && at_ns >= s->now_ns);
	*ev = (struct event){ .at_ns = at_ns, .run = run, .ctx = ctx };
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
	struct event *ev = q->heap[0].ev;
	const struct event_place last = q->heap[--q->n];
	if (q->n)
		sift_down(q, &last);
	return ev;
}

void event_done(struct event_queue *q, struct event *ev)
{
	if (ev->data)
		ev->data_free(ev->data);
	ev->next = q->spare;
	q->spare = ev;
}

void event_queue_free(struct event_queue *q)
{
	struct event *ev;

	while ((ev = event_next(q)) != NULL)
		event_done(q, ev);
	while ((ev = q->spare) != NULL) {
		q->spare = ev->next;
		free(ev);
	}
	free(q->heap);
}
