/* SPDX-License-Identifier: Apache-2.0 */
/*
 * preempt: a preferred unit that became available again (it joined, or slept
 * and was overtaken) asks the owner to hand over (R19), after the configured
 * delay and only while it is a protected standby. What an operator handed
 * over stays where it is. A request that leads to nothing is repeated ever
 * more slowly, and an owner that has seen the group change hands often keeps
 * the preferred unit waiting.
 */
#include "cluster/cluster_private.h"

static bool is_preferred(const struct cl_node *n, const struct group *g)
{
	return g->preempt && g->preferred_slot == n->cfg.slot &&
	       n->cfg.manager == CL_MANAGER_INTERNAL;
}

static void arm(struct cl_node *n, struct group *g)
{
	g->preempt_state.armed = true;
	g->preempt_state.not_before_ns = n->now_ns + g->preempt_after_ns;
	g->preempt_state.wait_ns = PREEMPT_WAIT_MS * MS;
}

void preempt_role_changed(struct cl_node *n, struct group *g, enum cl_role from)
{
	bool joined = from == CL_ROLE_JOINING && g->role == CL_ROLE_STANDBY;
	bool overtaken = from == CL_ROLE_ACTIVE && g->role == CL_ROLE_STANDBY;

	if (g->role != CL_ROLE_STANDBY && g->role != CL_ROLE_PREPARING)
		g->preempt_state.armed = false;
	else if ((joined || overtaken) && is_preferred(n, g))
		arm(n, g);
}

/* "node resume", and good interfaces again, make it available as well. */
void preempt_available(struct cl_node *n, struct group *g)
{
	if (g->role == CL_ROLE_STANDBY && is_preferred(n, g))
		arm(n, g);
}

/* The delay is how long the group stays with an owner. */
void preempt_owner_changed(struct cl_node *n, struct group *g)
{
	memmove(&g->changed_ns[1], &g->changed_ns[0], (PREEMPT_CHANGES - 1) * sizeof(uint64_t));
	g->changed_ns[0] = n->now_ns;
	if (g->preempt_state.armed)
		arm(n, g);
}

/*
 * Protected by what the owner has logged: it holds its output for this node (R4). And what this node
 * held itself behind a cut is merged (R23): its last numbers are in the log with that.
 */
static bool may_ask(struct cl_node *n, const struct group *g)
{
	return g->role == CL_ROLE_STANDBY && g->command == COMMAND_NONE && !n->drained &&
	       !g->part.running && view_quorate(n) && owner_member(n, g) &&
	       (g->protected_set & slot_bit(n->cfg.slot)) && health_is_good(n, g);
}

static void ask(struct cl_node *n, const struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__HandoverRequest r = HOLDFAST__HANDOVER_REQUEST__INIT;

	n->stats.preempts_asked++;
	fx_log(n, LOG_CLUSTER_PREEMPT, "group %u from slot %u", g->id, g->owner);
	r.to_slot = n->cfg.slot;
	r.preempt = true;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HANDOVER_REQUEST;
	m.handover_request = &r;
	message_send_group(n, g, &m);
}

void preempt_consider(struct cl_node *n, struct group *g)
{
	struct preempt_state *p = &g->preempt_state;

	g->at[T_PREEMPT] = NEVER;
	if (!p->armed)
		return;
	if (n->now_ns < p->not_before_ns) {
		g->at[T_PREEMPT] = p->not_before_ns;
		return;
	}
	if (!may_ask(n, g))
		return; /* what can change that comes as an input */
	p->not_before_ns = n->now_ns + p->wait_ns;
	p->wait_ns = p->wait_ns * 2 < PREEMPT_WAIT_MAX_MS * MS ? p->wait_ns * 2
							       : PREEMPT_WAIT_MAX_MS * MS;
	g->at[T_PREEMPT] = p->not_before_ns;
	ask(n, g);
}

bool preempt_refused(struct cl_node *n, const struct group *g)
{
	uint64_t oldest = g->changed_ns[PREEMPT_CHANGES - 1];

	if (!oldest || n->now_ns - oldest > PREEMPT_WINDOW_MS * MS)
		return false;
	n->stats.preempts_refused++;
	fx_log(n, LOG_CLUSTER_FLAPPING, "group %u: %u changes in %llu s", g->id, PREEMPT_CHANGES,
	       (unsigned long long)((n->now_ns - oldest) / (1000 * MS)));
	return true;
}
