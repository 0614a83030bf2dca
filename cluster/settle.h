/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wait until the others have what this node has sent. Delivered here is not delivered
 * everywhere: should this host die now or be cut off, the others may go on without it. Of those
 * that do not answer (stopped, or not of this group) Corosync's token tells: what we send goes out
 * when the token comes round, and it has let every member ask for what it missed.
 */
#ifndef HF_CLUSTER_SETTLE_H
#define HF_CLUSTER_SETTLE_H

#include "cluster/cluster.h"

struct settle {
	uint64_t probe; /* sequence of our message that tells of the token */
	uint64_t probe_ns;
	unsigned int rotations; /* since settle_begin() */
};

/* Behind what is to be everywhere, which has come back to us. */
void settle_begin(struct cl_node *n, struct settle *s);
/* The one that was waited for has come back. */
bool settle_turned(const struct settle *s, uint64_t sequence);
/* Then: the others have it, else the next one goes out. */
bool settle_done(struct cl_node *n, struct settle *s);

#endif
