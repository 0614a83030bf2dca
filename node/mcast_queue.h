/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits for Corosync's flow control, in order. A message that is left
 * out would be a hole in the log, in which every member loses its state: the
 * queue fails instead, and its owner gives up the connection (R12).
 */
#ifndef HF_NODE_MCAST_QUEUE_H
#define HF_NODE_MCAST_QUEUE_H

#include "cluster/transport.h"

struct mcast_waiting;

struct mcast_queue {
	struct mcast_waiting *first, *last;
	size_t bytes, bytes_max;
	bool failed;      /* nothing is sent any more until mcast_queue_clear() */
	uint64_t dropped; /* messages that did not reach the transport */
};

/*
 * Send message now, or keep a copy behind those that wait. R_AGAIN: something
 * waits, call mcast_queue_retry() soon. Another error, once: the transport
 * refused it, or bytes_max are waiting (R_TOO_LONG); from then on R_OK, and
 * nothing is sent.
 */
enum result mcast_queue_send(struct mcast_queue *q, struct cl_transport *t,
			     struct bytes message) WARN_UNUSED;
/* Send what waits, as far as the transport takes it; results as above. */
enum result mcast_queue_retry(struct mcast_queue *q, struct cl_transport *t) WARN_UNUSED;
/* The connection is gone: messages of it mean nothing in another. */
void mcast_queue_clear(struct mcast_queue *q);

#endif
