/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may connect: the handler of the ZeroMQ Authentication Protocol (RFC 27
 * of the ZeroMQ project). libzmq asks it once per connection, with the public
 * key that the peer has proved to own.
 */
#ifndef HF_STATESYNC_ADAPTERS_ZAP_H
#define HF_STATESYNC_ADAPTERS_ZAP_H

#include "statesync/adapters/zeromq.h"

#define ZAP_ENDPOINT "inproc://zeromq.zap.01"
#define ZAP_DOMAIN   "holdfast"

struct zap_answer {
	uint8_t slot;              /* of the member whose key it is; 0: nobody's, refused */
	struct inet_endpoint peer; /* its address, without a port */
};

/*
 * Takes one question from a REP socket that is bound to ZAP_ENDPOINT and
 * answers it. The User-Id that messages of the connection carry from then on
 * is the member's slot in decimal. False when there was none.
 */
bool zap_answer(void *rep, const struct ss_zmq_member *members, struct zap_answer *out);

#endif
