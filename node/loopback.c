/* SPDX-License-Identifier: Apache-2.0 */
/* A transport with one member (loopback.h): messages come back in order from the loop. */
#include "node/loopback.h"

#include <stdlib.h>
#include <unistd.h>

struct loopback_message {
	struct buf data;
	struct loopback_message *next;
};

struct loopback {
	struct cl_transport transport; /* first: the handle is this */
	qb_loop_t *loop;
	struct cl_transport_callbacks cb;
	void *ctx;
	struct loopback_message *first, **last;
	bool scheduled;
	qb_loop_timer_handle deliver_timer;
};

enum { LOOPBACK_NODE_ID = 1 };

static void deliver(void *data)
{
	struct loopback *l = data;

	l->scheduled = false;
	while (l->first) {
		struct loopback_message *m = l->first;
		l->first = m->next;
		if (!l->first)
			l->last = &l->first;
		l->cb.message(l->ctx, LOOPBACK_NODE_ID, (uint32_t)getpid(), buf_bytes(&m->data));
		buf_free(&m->data);
		free(m);
	}
}

static enum result loopback_mcast(struct cl_transport *t, struct bytes data)
{
	struct loopback *l = (struct loopback *)t;
	struct loopback_message *m = calloc(1, sizeof(*m));

	if (!m || !buf_set(&m->data, data)) {
		free(m);
		return R_NO_MEMORY;
	}
	*l->last = m;
	l->last = &m->next;
	if (!l->scheduled) {
		l->scheduled = true;
		/* a job would wait 50 ms in a loop that has nothing else to do */
		qb_loop_timer_add(l->loop, QB_LOOP_HIGH, 0, l, deliver, &l->deliver_timer);
	}
	return R_OK;
}

static void begin(void *data)
{
	struct loopback *l = data;
	const struct cl_ring_id ring = { .node_id = LOOPBACK_NODE_ID, .seq = 1 };
	const struct cl_member self = { .node_id = LOOPBACK_NODE_ID, .pid = (uint32_t)getpid() };

	l->cb.quorum(l->ctx, &ring, true);
	l->cb.view(l->ctx, &ring, &self, 1);
}

static void loopback_close(struct cl_transport *t)
{
	struct loopback *l = (struct loopback *)t;

	/* Either may be waiting; neither is no error. */
	qb_loop_job_del(l->loop, QB_LOOP_HIGH, l, begin);
	if (l->scheduled)
		qb_loop_timer_del(l->loop, l->deliver_timer);
	while (l->first) {
		struct loopback_message *m = l->first;
		l->first = m->next;
		buf_free(&m->data);
		free(m);
	}
	free(l);
}

enum result loopback_open(qb_loop_t *loop, const struct cl_transport_callbacks *cb, void *ctx,
			  struct cl_transport_facts *facts, struct cl_transport **out)
{
	static const struct cl_transport_ops ops = { .mcast = loopback_mcast,
						     .close = loopback_close };
	struct loopback *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (!l)
		return R_NO_MEMORY;
	l->transport.ops = &ops;
	l->loop = loop;
	l->cb = *cb;
	l->ctx = ctx;
	l->last = &l->first;
	*facts = (struct cl_transport_facts){
		.node_id = LOOPBACK_NODE_ID,
		.token_ms = 100,
		.consensus_ms = 120,
		.expected_votes = 1,
		.encrypted = true,
	};
	qb_loop_job_add(loop, QB_LOOP_HIGH, l, begin);
	*out = &l->transport;
	return R_OK;
}
