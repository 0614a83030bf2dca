/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot channel over ZeroMQ (R22). Every member listens (ROUTER); a
 * joiner connects to the owner (DEALER) and asks, the owner answers on the
 * same connection. CURVE proves who is who; only the members' public keys are
 * admitted. What is carried is sealed already (R3); how much of it may be on
 * its way is the business of cluster/join.c.
 *
 * Everything runs on the caller's loop and never blocks it; libzmq's own
 * thread does the TCP. Linked by node/ only.
 */
#ifndef HF_STATESYNC_ADAPTERS_ZEROMQ_H
#define HF_STATESYNC_ADAPTERS_ZEROMQ_H

#include "base/log.h"
#include "statesync/statesync.h"

#define SS_CURVE_KEY   32u
/* Longer messages end the connection that brings them. */
#define SS_REQUEST_MAX 4096u
#define SS_CHUNK_MAX   (1u << 20)

struct qb_loop;
struct ss_zmq;

struct ss_zmq_member {
	bool known;
	uint8_t key[SS_CURVE_KEY]; /* public */
};

struct ss_zmq_config {
	struct qb_loop *loop;
	struct inet_endpoint listen; /* port 0: any, see ss_zmq_port */
	uint8_t slot;                /* ours; its key is our public key */
	const struct secret *key;    /* our secret key; copied */
	struct ss_zmq_member members[SS_SLOTS];
	/* From the loop, never from within a call. data is borrowed. */
	void (*message)(void *ctx, uint8_t from_slot, struct bytes data);
	void *ctx;
};

struct ss_zmq_stats {
	uint64_t sent, received, sent_bytes, received_bytes; /* messages */
	uint64_t send_failed; /* no connection, or its queue is full */
	uint64_t admitted;    /* connections to us */
	uint64_t refused;     /* of them: no member's key, or no CURVE at all */
	uint64_t failed;      /* of ours: the other end has another key, or refuses */
	uint64_t unexpected;  /* messages of a form that no member sends */
};

/* R_UNSUPPORTED: libzmq has no CURVE. R_SYSTEM: the address cannot be bound; errno says why. */
enum result ss_zmq_open(const struct ss_zmq_config *cfg, struct ss_zmq **out) WARN_UNUSED;
void ss_zmq_close(struct ss_zmq *z);
uint16_t ss_zmq_port(const struct ss_zmq *z);
/*
 * To the member in slot, which listens at the given endpoint. The connection
 * is made when there is none, and closed when it is not used for some seconds.
 * Until it stands, only the newest request waits.
 */
void ss_zmq_ask(struct ss_zmq *z, uint8_t slot, const struct inet_endpoint *at,
		struct bytes request);
/* To the member in slot, on the connection that its last request came by. */
void ss_zmq_answer(struct ss_zmq *z, uint8_t slot, struct bytes message);
const struct ss_zmq_stats *ss_zmq_stats(const struct ss_zmq *z);

#endif
