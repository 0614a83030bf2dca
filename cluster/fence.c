/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "failover takeover fenced": whoever left with its node may be alive behind
 * a cut, so its group waits until somebody confirms that it is not. A process
 * that left alone has taken its addresses with it (R20), and a member that is
 * silent has passed its deadline (R12): neither waits.
 *
 * "failover empty-start fenced" (R15): who is missing may hold all the state
 * there is, and own, until it is confirmed to be off as well.
 *
 * Only asking for the group depends on this, which may use what this node alone
 * knows; a claim is judged as ever (R9).
 */
#include "cluster/cluster_private.h"

static bool is_fenced(const struct cl_node *n, uint32_t node_id)
{
	for (size_t i = 0; i < n->n_fenced; i++)
		if (n->fenced[i] == node_id)
			return true;
	return false;
}

static bool in_view(const struct cl_node *n, uint32_t node_id)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].id.node_id == node_id)
			return true;
	return false;
}

/*
 * Where a process leaves and a node is lost in one change, Corosync tells of two lists, and so do we
 * (adapters/corosync.c): each is a view of its own. An owner that is back as another process is not
 * there any more, whoever else was lost, and nobody could confirm that it is off.
 */
void fence_owner_left(struct cl_node *n, struct group *g)
{
	uint32_t node_id = g->owner_id.node_id;

	if (n->cfg.fenced_takeover && n->view.nodes_lost && !is_fenced(n, node_id) &&
	    !in_view(n, node_id))
		g->unfenced = node_id;
	if (g->unfenced)
		fx_log(n, LOG_CLUSTER_UNFENCED, "group %u waits for node %u", g->id, node_id);
}

/* R10: behind a cut the owner may have gone on, unprotected, until then. */
static void waited(struct group *g)
{
	g->heartbeat_stale_at_left = true;
	g->unfenced = 0;
}

static bool is_configured(const struct cl_node *n, uint32_t node_id)
{
	for (size_t i = 0; i < n->cfg.n_nodes; i++)
		if (n->cfg.nodes[i] == node_id)
			return true;
	return false;
}

const char *cl_fenced_objection(const struct cl_node *n, uint32_t node_id)
{
	if (!is_configured(n, node_id))
		return "Corosync's node list has no such node";
	/* Perhaps it was off, but it is back. */
	if (in_view(n, node_id))
		return "that node is a member now";
	return NULL;
}

void fence_confirmed(struct cl_node *n, uint32_t node_id)
{
	if (cl_fenced_objection(n, node_id))
		return;
	/* Each once, and of the node list: there is room. */
	if (!is_fenced(n, node_id))
		n->fenced[n->n_fenced++] = node_id;
	fx_log(n, LOG_CLUSTER_FENCED, "node %u", node_id);
	for (size_t i = 0; i < n->n_groups; i++)
		if (n->groups[i].unfenced == node_id)
			waited(&n->groups[i]);
}

void fence_view_changed(struct cl_node *n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n->n_fenced; i++)
		if (!in_view(n, n->fenced[i]))
			n->fenced[kept++] = n->fenced[i];
	n->n_fenced = kept;
	/* Back as another process, or the same: the former one is not there any more. Nobody could
	 * confirm that node as fenced. */
	for (size_t i = 0; i < n->n_groups; i++)
		if (in_view(n, n->groups[i].unfenced))
			waited(&n->groups[i]);
}

uint32_t fence_missing(const struct cl_node *n)
{
	if (n->cfg.empty_start != CL_EMPTY_FENCED)
		return 0;
	for (size_t i = 0; i < n->cfg.n_nodes; i++)
		if (!in_view(n, n->cfg.nodes[i]) && !is_fenced(n, n->cfg.nodes[i]))
			return n->cfg.nodes[i];
	return 0;
}

bool fence_nobody_missing(const struct cl_node *n)
{
	if (n->view.n >= n->cfg.expected_votes)
		return true;
	return n->cfg.empty_start == CL_EMPTY_FENCED && n->cfg.n_nodes > 0 && !fence_missing(n);
}
