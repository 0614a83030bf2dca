/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "node drain": this member is to own nothing until "node resume". It hands
 * over what it owns (R19), as soon as there is a protected standby that is not
 * drained as well, and does not ask for anything. It stays a standby like any
 * other: it acknowledges, so that the owner is protected by it, and should it
 * be the last that holds the state, it takes over. HELLO tells the others,
 * whose choice it is after every undrained member. Pacemaker has its own
 * word for it (standby) and is not contradicted.
 */
#include "cluster/cluster_private.h"

void drain_set(struct cl_node *n, bool drained)
{
	if (n->drained == drained || n->cfg.manager != CL_MANAGER_INTERNAL)
		return;
	n->drained = drained;
	fx_log(n, drained ? LOG_CLUSTER_DRAINED : LOG_CLUSTER_RESUMED, "slot %u", n->cfg.slot);
	for (size_t i = 0; i < n->n_groups; i++)
		if (!drained)
			preempt_available(n, &n->groups[i]);
	membership_say_hello(n);
}

/* What can change the rest of it comes as an input; the timer is for a handover that failed. */
void drain_consider(struct cl_node *n, struct group *g)
{
	g->at[T_DRAIN] = NEVER;
	if (!is_owner(g))
		g->drain_not_before_ns = 0;
	if (!n->drained || g->role != CL_ROLE_ACTIVE || g->handover.phase != HANDOVER_NONE ||
	    g->stopping || !view_quorate(n))
		return;
	if (n->now_ns < g->drain_not_before_ns)
		g->at[T_DRAIN] = g->drain_not_before_ns;
	else if (handover_drain(n, g))
		g->drain_not_before_ns = n->now_ns + DRAIN_WAIT_MS * MS;
}
