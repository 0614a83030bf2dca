/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The role of this node in a failover group: one table. Handlers say what
 * happened; only the table says what role follows, and an event that it does
 * not list for a role is a bug of ours.
 */
#include "base/must.h"
#include "cluster/cluster_private.h"

#define R(role) (1u << CL_ROLE_##role)
#define ANY     (R(OFFLINE) | R(JOINING) | R(STANDBY) | R(PREPARING) | R(ACTIVE) | R(RELEASING))

static const struct row {
	enum role_event event;
	unsigned int from;
	enum cl_role to;
	const char *story;
} table[] = {
	{ ROLE_JOINED, R(OFFLINE), CL_ROLE_JOINING, "member of a view without complete state" },
	{ ROLE_COMPLETE, R(JOINING), CL_ROLE_STANDBY,
	  "snapshot and log are complete, or there is nothing to have" },
	{ ROLE_LOST_STATE, R(JOINING) | R(STANDBY) | R(PREPARING) | R(ACTIVE) | R(RELEASING),
	  CL_ROLE_JOINING, "the log has a gap, or another lineage won" },
	{ ROLE_PREPARE, R(STANDBY), CL_ROLE_PREPARING,
	  "the owner wants to hand over to this node" },
	{ ROLE_PREPARE_CANCELLED, R(PREPARING), CL_ROLE_STANDBY, "it does not any more" },
	{ ROLE_CLAIMED, R(STANDBY) | R(PREPARING) | R(RELEASING), CL_ROLE_ACTIVE,
	  "our claim is valid" },
	{ ROLE_QUIESCE, R(ACTIVE), CL_ROLE_RELEASING, "the next owner is ready" },
	{ ROLE_RELEASE_CANCELLED, R(RELEASING), CL_ROLE_ACTIVE,
	  "the next owner is gone, nothing was released" },
	{ ROLE_SUPERSEDED, R(STANDBY) | R(PREPARING) | R(ACTIVE) | R(RELEASING), CL_ROLE_STANDBY,
	  "another's claim is valid" },
	{ ROLE_DISCONNECTED, ANY, CL_ROLE_OFFLINE, "no view" },
};

static const struct row *row_find(enum cl_role from, enum role_event event)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].event == event && (table[i].from & (1u << from)))
			return &table[i];
	return NULL;
}

static void role_log(struct cl_node *n, const struct group *g, enum cl_role from,
		     const struct role_change *c)
{
	bool was_owner = from == CL_ROLE_ACTIVE || from == CL_ROLE_RELEASING;

	if (g->role == CL_ROLE_ACTIVE)
		fx_log(n, LOG_CLUSTER_ACTIVE, "group %u term %llu: %s", g->id,
		       (unsigned long long)g->term, c->why);
	else if (was_owner ? g->role != CL_ROLE_RELEASING
			   : from == CL_ROLE_JOINING && g->role == CL_ROLE_STANDBY)
		fx_log(n, LOG_CLUSTER_STANDBY, "group %u %s: %s", g->id, cl_role_name(g->role),
		       c->why);
	if (c->suspect)
		fx_log(n, LOG_CLUSTER_SUSPECT, "group %u term %llu", g->id,
		       (unsigned long long)g->term);
}

void role_change(struct cl_node *n, struct group *g, const struct role_change *c)
{
	const struct row *row = row_find(g->role, c->event);

	must(row);
	if (row->to == g->role && c->event != ROLE_CLAIMED)
		return;
	enum cl_role from = g->role;
	g->role = row->to;
	g->last_why = c->why;
	g->last_change_ms = cluster_time_ms(n, n->now_ns);
	struct cl_effect *fx = fx_push(n, CL_FX_ROLE, g);
	fx->suspect = c->suspect;
	fx->suspect_term = g->suspect_term;
	fx->handover = c->handover;
	fx->silence_ms = c->silence_ms;
	fx->why = c->why;
	role_log(n, g, from, c);
	history_note(n, g, c->why);
	preempt_role_changed(n, g, from);
}

void role_event(struct cl_node *n, struct group *g, enum role_event event, const char *why)
{
	struct role_change c = { .event = event, .why = why };

	role_change(n, g, &c);
}

const char *cl_role_name(enum cl_role r)
{
	static const char *const names[] = {
		[CL_ROLE_OFFLINE] = "Failed",        [CL_ROLE_JOINING] = "Bulk Sync",
		[CL_ROLE_STANDBY] = "Standby Ready", [CL_ROLE_PREPARING] = "Standby Ready",
		[CL_ROLE_ACTIVE] = "Active",         [CL_ROLE_RELEASING] = "Active",
	};

	must((size_t)r < sizeof(names) / sizeof(names[0]));
	return names[r];
}
