/* SPDX-License-Identifier: Apache-2.0 */
/* The queue before Corosync (mcast_queue.h). Main loop only. */
#include "node/mcast_queue.h"

#include <stdlib.h>

#include "base/must.h"
#include "statesync/statesync.h"

struct mcast_waiting {
	struct buf data;
	struct mcast_waiting *next;
};

static enum result fail(struct mcast_queue *q, enum result res)
{
	q->failed = true;
	return res;
}

/* The message that does not fit into the queue, or that the transport refuses. */
static enum result fail_message(struct mcast_queue *q, enum result res)
{
	q->dropped++;
	return fail(q, res);
}

static void free_first(struct mcast_queue *q)
{
	struct mcast_waiting *m = q->first;

	q->first = m->next;
	q->bytes -= m->data.len;
	ss_buf_wipe(&m->data);
	free(m);
}

static enum result keep(struct mcast_queue *q, struct bytes message)
{
	if (message.len > q->bytes_max - q->bytes)
		return fail_message(q, R_TOO_LONG);
	struct mcast_waiting *m = calloc(1, sizeof(*m));
	must(m && buf_set(&m->data, message));
	if (q->first)
		q->last->next = m;
	else
		q->first = m;
	q->last = m;
	q->bytes += message.len;
	return R_AGAIN;
}

enum result mcast_queue_send(struct mcast_queue *q, struct cl_transport *t, struct bytes message)
{
	if (q->failed) {
		q->dropped++;
		return R_OK;
	}
	if (q->first)
		return keep(q, message);
	enum result res = t->ops->mcast(t, message);
	if (res == R_AGAIN)
		return keep(q, message);
	return res == R_OK ? R_OK : fail_message(q, res);
}

enum result mcast_queue_retry(struct mcast_queue *q, struct cl_transport *t)
{
	while (q->first && !q->failed) {
		enum result res = t->ops->mcast(t, buf_bytes(&q->first->data));
		if (res == R_AGAIN)
			return res;
		if (res != R_OK)
			return fail(q, res);
		free_first(q);
	}
	return R_OK;
}

void mcast_queue_clear(struct mcast_queue *q)
{
	for (; q->first; q->dropped++)
		free_first(q);
	q->failed = false;
}
