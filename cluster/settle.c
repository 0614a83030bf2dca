/* SPDX-License-Identifier: Apache-2.0 */
/* Until the others have what was delivered here (R9, R24): rotations of the token, as settle.h says. */
#include "cluster/cluster_private.h"

static void probe(struct cl_node *n, struct settle *s)
{
	membership_say_hello(n);
	s->probe = ss_sealer_sequence(n->sealer);
	s->probe_ns = n->now_ns;
}

void settle_begin(struct cl_node *n, struct settle *s)
{
	s->rotations = 0;
	probe(n, s);
}

bool settle_turned(const struct settle *s, uint64_t sequence)
{
	return sequence >= s->probe;
}

bool settle_done(struct cl_node *n, struct settle *s)
{
	if (++s->rotations >= SETTLE_ROTATIONS)
		return true;
	probe(n, s);
	return false;
}
