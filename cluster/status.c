/* SPDX-License-Identifier: Apache-2.0 */
/* What a cluster node tells about itself: positions, the store, show failover. */
#include "cluster/cluster_private.h"

static const struct group *find(const struct cl_node *n, uint32_t id)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (n->groups[i].id == id)
			return &n->groups[i];
	return NULL;
}

uint64_t cl_position(const struct cl_node *n, uint32_t group)
{
	const struct group *g = find(n, group);

	return !g ? 0 : is_owner(g) ? g->commit.appended : g->applied;
}

uint64_t cl_committed(const struct cl_node *n, uint32_t group)
{
	const struct group *g = find(n, group);

	return !g ? 0 : is_owner(g) ? g->commit.committed : g->applied;
}

uint64_t cl_cluster_time_ms(const struct cl_node *n, uint64_t now_ns)
{
	return cluster_time_ms(n, now_ns);
}

const struct ss_store *cl_store(const struct cl_node *n, uint32_t group)
{
	const struct group *g = find(n, group);

	return g ? g->store : NULL;
}

bool cl_is_protected(const struct cl_node *n, uint32_t group)
{
	const struct group *g = find(n, group);

	return g && (is_owner(g) ? g->is_protected : g->protected_set != 0);
}

bool cl_may_grant(const struct cl_node *n, uint32_t group)
{
	const struct group *g = find(n, group);

	return (g && ownership_is_sure(n, g)) || cl_is_protected(n, group);
}

static void member_status(const struct cl_node *n, const struct group *g, const struct member *m,
			  struct cl_member_status *out)
{
	const struct member_group *mg = &m->group[g->index];

	*out = (struct cl_member_status){
		.node_id = m->id.node_id,
		.slot = m->slot,
		.unit = m->unit,
		.self = m->id.node_id == n->cfg.node_id,
		.owner = g->owner && m->slot == g->owner && m->id.pid == g->owner_id.pid,
		.synced = mg->synced,
		.in_protected_set = m->slot && (g->protected_set & slot_bit(m->slot)),
		.digest_differs = m->digest_differs,
		.slot_refused = m->refused,
		.drained = m->id.node_id == n->cfg.node_id ? n->drained : m->drained,
		.acked = mg->applied,
	};
	memcpy(out->hostname, m->hostname, sizeof(out->hostname));
	memcpy(out->software, m->software, sizeof(out->software));
}

const struct cl_stats *cl_stats(const struct cl_node *n)
{
	return &n->stats;
}

struct cl_place cl_place(const struct cl_node *n, uint32_t group)
{
	const struct group *g = find(n, group);

	return g ? (struct cl_place){ .role = g->role,
				      .owner_slot = g->owner,
				      .term = g->term,
				      .applied = g->applied }
		 : (struct cl_place){ .role = CL_ROLE_OFFLINE };
}

enum result cl_group_status(const struct cl_node *n, uint32_t group, uint64_t now_ns,
			    struct cl_group_status *out)
{
	const struct group *g = find(n, group);

	*out = (struct cl_group_status){ 0 };
	if (!g)
		return R_NOT_FOUND;
	*out = (struct cl_group_status){
		.group = g->id,
		.role = g->role,
		.term = g->term,
		.owner_slot = g->owner,
		.is_protected = cl_is_protected(n, group),
		.quorate = view_quorate(n),
		.slot_holder = n->slot_holder,
		.unfenced_node = claim_awaits_fencing_of(n, g),
		.may_begin_empty = claim_may_begin_empty(n, g),
		.applied = g->applied,
		.appended = cl_position(n, group),
		.committed = cl_committed(n, group),
		.heartbeat_age_ms = g->owner ? (now_ns - g->heartbeat_ns) / MS : 0,
		.records_sent = g->records_sent,
		.records_received = g->records_received,
		.messages_refused = n->messages_refused + g->refused,
		.takeovers = g->takeovers,
		.suspect_takeovers = g->suspect_takeovers,
		.handovers = g->handovers,
		.degraded = g->degraded,
		.claims_refused = g->claims_refused,
		.split_brains = g->split_brains,
		.merges = g->merges,
		.merged_taken = g->merged_taken,
		.merged_anew = g->merged_anew,
		.merged_rekeyed = g->merged_rekeyed,
		.merges_failed = g->merges_failed,
		.last_change_ms = g->last_change_ms,
		.last_why = g->last_why,
		.n_members = n->view.n,
	};
	/* R17: only a quorate owner grants its own leases. */
	out->unprotected_self_grants = is_owner(g) && !g->is_protected && out->quorate;
	for (size_t i = 0; i < n->view.n; i++)
		member_status(n, g, &n->view.members[i], &out->members[i]);
	return R_OK;
}
