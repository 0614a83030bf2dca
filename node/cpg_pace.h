/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is under way of a snapshot through CPG. Agreed order puts a record that
 * is sent behind all that Corosync has already taken: so each joiner's next
 * chunk waits until the one before has come back.
 */
#ifndef HF_NODE_CPG_PACE_H
#define HF_NODE_CPG_PACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

/* What was sent, and for whom. */
struct cpg_sent {
	uint8_t group, slot;
	bool chunk; /* the next one waits for it; otherwise a request */
};

struct cpg_pace {
	struct cpg_sent *sent;
	size_t n, cap;
};

void cpg_pace_sent(struct cpg_pace *p, struct cpg_sent what);
/* The oldest of them has come back; false when nothing is under way. */
bool cpg_pace_back(struct cpg_pace *p, struct cpg_sent *what) WARN_UNUSED;
/* The connection is gone, and all of it. */
void cpg_pace_clear(struct cpg_pace *p);

#endif
