/* SPDX-License-Identifier: Apache-2.0 */
/* Output commit (R4): up to where every protected standby holds our log. Numbers only. */
#include "statesync/statesync.h"

void ss_commit_init(struct ss_commit *c, uint64_t applied)
{
	*c = (struct ss_commit){ .appended = applied, .committed = applied };
}

/* committed never goes back: what was released is out. */
static bool advance(struct ss_commit *c)
{
	uint64_t held = c->appended;

	for (unsigned int slot = 0; slot < SS_SLOTS; slot++)
		if ((c->protected_set & (1u << slot)) != 0 && c->acked[slot] < held)
			held = c->acked[slot];
	if (held <= c->committed)
		return false;
	c->committed = held;
	return true;
}

uint64_t ss_commit_append(struct ss_commit *c)
{
	c->appended++;
	(void)advance(c); /* nobody is protected: at once (R6) */
	return c->appended;
}

bool ss_commit_ack(struct ss_commit *c, uint8_t slot, uint64_t position)
{
	if (slot >= SS_SLOTS || position > c->appended || position <= c->acked[slot])
		return false;
	c->acked[slot] = position;
	return advance(c);
}

bool ss_commit_protect(struct ss_commit *c, uint16_t set)
{
	c->protected_set = set;
	return advance(c);
}
