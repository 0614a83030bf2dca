/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered multicast: queues, views, what is forged, and the tick that moves it all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "cluster/tests/harness_private.h"

struct event *event_new(const struct cl_input *in, struct bytes data)
{
	struct event *e = calloc(1, sizeof(*e));

	must(e && buf_set(&e->data, data));
	e->in = *in;
	return e;
}

void push(struct queue *q, struct event *e)
{
	if (q->tail)
		q->tail->next = e;
	else
		q->head = e;
	q->tail = e;
}

struct event *pop(struct queue *q)
{
	struct event *e = q->head;

	if (!e)
		return NULL;
	q->head = e->next;
	if (!q->head)
		q->tail = NULL;
	e->next = NULL;
	return e;
}

void append_queue(struct queue *to, struct queue *from)
{
	struct event *e;

	while ((e = pop(from)) != NULL)
		push(to, e);
}

void event_free(struct event *e)
{
	buf_free(&e->data);
	free(e);
}

void drain(struct queue *q)
{
	struct event *e;

	while ((e = pop(q)) != NULL)
		event_free(e);
}

static void to_part(struct world *w, const struct node *from, const struct cl_input *in,
		    struct bytes data)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].alive && w->nodes[i].part == from->part)
			push(&w->nodes[i].inbox, event_new(in, data));
}

void world_order(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct node *nd = &w->nodes[i];
		struct event *e;

		while (nd->alive && !nd->hold_acks && (e = pop(&nd->sendq)) != NULL) {
			to_part(w, nd, &e->in, buf_bytes(&e->data));
			event_free(e);
		}
	}
}

void world_inject(struct world *w, size_t i, struct bytes data)
{
	struct cl_input in = { .kind = CL_IN_MESSAGE,
			       .from_node_id = w->nodes[i].id,
			       .from_pid = w->nodes[i].pid };

	to_part(w, &w->nodes[i], &in, data);
}

void node_drop_sent(struct world *w, size_t i)
{
	drain(&w->nodes[i].sendq);
}

void node_forge(struct world *w, size_t i, uint64_t term, Holdfast__ClusterMessage *m)
{
	struct node *nd = &w->nodes[i];
	struct cl_outbox out = { 0 };

	nd->cl->out = &out;
	message_send(nd->cl, GROUP, term, m);
	nd->cl->out = NULL;
	for (size_t k = 0; k < out.n; k++)
		effect(nd, &out.fx[k]);
	cl_outbox_clear(&out);
}

void node_forge_claim(struct world *w, size_t i, uint64_t term, enum claim_reason reason,
		      void (*change)(Holdfast__Claim *c))
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Claim c = HOLDFAST__CLAIM__INIT;
	struct cl_node *cl = w->nodes[i].cl;
	struct group *g = &cl->groups[0];

	c.ring_node_id = cl->view.ring.node_id;
	c.ring_seq = cl->view.ring.seq;
	c.members_digest = (ProtobufCBinaryData){ .data = cl->view.digest,
						  .len = sizeof(cl->view.digest) };
	c.applied = g->applied;
	c.last_heartbeat = g->heartbeat;
	c.last_term = g->last_term;
	c.last_owner_slot = g->last_owner;
	c.reason = reason;
	if (change)
		change(&c);
	/* It believes in it. */
	g->claim.sent = true;
	g->claim.term = term;
	g->claim.emitted_ns = w->now_ns;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CLAIM;
	m.claim = &c;
	w->nodes[i].term_on_disk = w->nodes[i].cl->groups[0].disk_term = term;
	node_forge(w, i, term, &m);
}

static void consume(struct node *nd, struct queue *q)
{
	struct event *e;

	while (nd->alive && !nd->stopped && (e = pop(q)) != NULL) {
		e->in.data = buf_bytes(&e->data);
		node_input(nd, &e->in);
		event_free(e);
	}
}

void node_deliver_to_itself(struct world *w, size_t i)
{
	struct node *nd = &w->nodes[i];

	append_queue(&nd->inbox, &nd->sendq);
	consume(nd, &nd->inbox);
}

static void view_inputs(struct world *w, const struct node *nd, bool same_ring,
			struct cl_input *view, struct cl_input *quorum)
{
	*view = (struct cl_input){ .kind = CL_IN_VIEW };
	for (size_t i = 0; i < w->n; i++) {
		const struct node *o = &w->nodes[i];
		if (o->alive && o->part == nd->part)
			view->members[view->n_members++] = (struct cl_member){ .node_id = o->id,
									       .pid = o->pid };
	}
	view->ring = (struct cl_ring_id){ .node_id = nd->part + 1, .seq = w->ring_seq };
	*quorum = (struct cl_input){ .kind = CL_IN_QUORUM, .ring = view->ring };
	quorum->quorate = w->two_node || view->n_members * 2 > w->expected_votes || same_ring;
}

static void view_node(struct world *w, struct node *nd, bool same_ring)
{
	struct cl_input view, quorum;

	view_inputs(w, nd, same_ring, &view, &quorum);
	same_ring = same_ring && !nd->fresh;
	nd->fresh = false;
	if (!same_ring && w->quorum_order == QUORUM_BEFORE_VIEW)
		push(&nd->inbox, event_new(&quorum, BYTES_NONE));
	push(&nd->inbox, event_new(&view, BYTES_NONE));
	if (!same_ring && w->quorum_order == QUORUM_AFTER_VIEW)
		push(&nd->inbox, event_new(&quorum, BYTES_NONE));
	if (!same_ring && w->quorum_order == QUORUM_LATE)
		push(&nd->later, event_new(&quorum, BYTES_NONE));
}

void world_view(struct world *w, bool same_ring)
{
	if (!same_ring)
		w->ring_seq += 4;
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].alive)
			view_node(w, &w->nodes[i], same_ring);
}

static void assert_one_sender_per_part(const struct world *w)
{
	for (size_t i = 0; w->now_ns > w->healed_ns + 5 * MS_NS && i < w->n; i++)
		for (size_t k = i + 1; k < w->n; k++)
			assert_false(w->nodes[i].part == w->nodes[k].part &&
				     node_may_send(&w->nodes[i]) && node_may_send(&w->nodes[k]));
}

static void tick(struct world *w)
{
	struct cl_input timer = { .kind = CL_IN_TIMER };

	world_order(w);
	for (size_t i = 0; i < w->n; i++) {
		struct node *nd = &w->nodes[i];
		consume(nd, &nd->inbox);
		struct queue later = nd->later;
		nd->later = (struct queue){ 0 }; /* answers to answers come in the next tick */
		consume(nd, &later);
		append_queue(&later, &nd->later);
		nd->later = later;
		if (nd->alive && !nd->stopped && cl_next_deadline(nd->cl) <= w->now_ns)
			node_input(nd, &timer);
	}
	assert_one_sender_per_part(w);
	w->now_ns += MS_NS;
}

void world_run(struct world *w, uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++)
		tick(w);
}
