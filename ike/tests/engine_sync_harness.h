/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of RFC 6311 share: a pair that has negotiated it, and what it sends. */
#ifndef HF_IKE_TESTS_ENGINE_SYNC_HARNESS_H
#define HF_IKE_TESTS_ENGINE_SYNC_HARNESS_H

#include "ike/tests/engine_harness.h"

/* Of struct options: both offer it. */
#define SYNC .sync_a = true, .sync_b = true

/* Datagrams that the side sends from here on, in order. */
struct heard {
	struct buf datagram[32];
	size_t n;
};
extern struct heard heard[2];

/* For world's impair. */
unsigned int hear(struct world *w, struct packet *p);
unsigned int hear_and_drop_responses(struct world *w, struct packet *p);
void forget_heard(void);

/* With a standby at each side, all lines up, and nothing heard. */
struct world *established(const struct options *o);
/* The side's standby takes over as suspect (R10). */
void suspect(struct world *w, int side);

/* Each side's next id is the one that the other expects. */
void assert_in_step(struct world *w);
/* Exchanges of all kinds go both ways, and nobody authenticated again. */
void assert_well(struct world *w);

struct forgery {
	uint32_t message_id;
	bool response;
	void (*put)(struct ike_builder *b, const struct msgid_sync *s);
	struct msgid_sync sync;
};

/* A message that from could have sealed. The caller frees it. */
struct buf forge(struct world *w, int from, const struct forgery *f);

#endif
