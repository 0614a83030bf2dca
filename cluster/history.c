/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What "show failover history" and "show failover state" tell: the changes of
 * this unit's state in the ASA's words, and the last failure of every unit.
 */
#include "base/must.h"
#include "cluster/cluster_private.h"

const char *cl_state_name(enum cl_state s)
{
	static const char *const names[CL_STATES] = {
		[CL_STATE_NOT_DETECTED] = "Not Detected",
		[CL_STATE_FAILED] = "Failed",
		[CL_STATE_NEGOTIATION] = "Negotiation",
		[CL_STATE_COLD_STANDBY] = "Cold Standby",
		[CL_STATE_SYNC_CONFIG] = "Sync Config",
		[CL_STATE_BULK_SYNC] = "Bulk Sync",
		[CL_STATE_STANDBY_READY] = "Standby Ready",
		[CL_STATE_JUST_ACTIVE] = "Just Active",
		[CL_STATE_ACTIVE] = "Active",
		[CL_STATE_ACTIVE_DRAIN] = "Active Drain",
	};

	must((size_t)s < CL_STATES);
	return names[s];
}

static enum cl_state joining_state(struct cl_node *n, const struct group *g)
{
	if (g->join.running)
		return CL_STATE_BULK_SYNC;
	return owner_member(n, g) ? CL_STATE_COLD_STANDBY : CL_STATE_NEGOTIATION;
}

static enum cl_state state_of(struct cl_node *n, const struct group *g)
{
	if (config_sync_receiving(n) && (g->role == CL_ROLE_JOINING || g->role == CL_ROLE_STANDBY))
		return CL_STATE_SYNC_CONFIG;
	switch (g->role) {
	case CL_ROLE_OFFLINE:
		break;
	case CL_ROLE_JOINING:
		return joining_state(n, g);
	case CL_ROLE_STANDBY:
	case CL_ROLE_PREPARING:
		return CL_STATE_STANDBY_READY;
	case CL_ROLE_ACTIVE:
		return g->heartbeat ? CL_STATE_ACTIVE : CL_STATE_JUST_ACTIVE;
	case CL_ROLE_RELEASING:
		return CL_STATE_ACTIVE_DRAIN;
	}
	return g->history.n ? CL_STATE_FAILED : CL_STATE_NOT_DETECTED;
}

/* Another owner's clock may be behind the last one's; rows stay in order. */
static uint64_t entry_ms(const struct cl_node *n, const struct history *h)
{
	uint64_t now = cluster_time_ms(n, n->now_ns);
	uint64_t last = h->n ? h->entries[(h->n - 1) % CL_HISTORY_MAX].at_ms : 0;

	return now > last ? now : last;
}

void history_note(struct cl_node *n, struct group *g, const char *why)
{
	struct history *h = &g->history;
	enum cl_state to = state_of(n, g);
	uint64_t at_ms = entry_ms(n, h);

	if (to == h->state)
		return;
	h->entries[h->n++ % CL_HISTORY_MAX] = (struct cl_history_entry){
		.from = h->state,
		.to = to,
		.why = why,
		.at_ms = at_ms,
		.term = g->term,
	};
	h->state = to;
}

void history_follow(struct cl_node *n, struct group *g)
{
	enum cl_state to = state_of(n, g);

	if (to == CL_STATE_SYNC_CONFIG || g->history.state == CL_STATE_SYNC_CONFIG) {
		history_note(n, g, "Configuration mismatch");
		return;
	}
	switch (to) {
	case CL_STATE_NEGOTIATION:
		history_note(n, g, "No Active unit found");
		break;
	case CL_STATE_COLD_STANDBY:
	case CL_STATE_BULK_SYNC:
		history_note(n, g, "Detected an Active mate");
		break;
	default:
		history_note(n, g, g->last_why);
		break;
	}
}

size_t cl_history(const struct cl_node *n, uint32_t group,
		  struct cl_history_entry out[CL_HISTORY_MAX])
{
	for (size_t i = 0; i < n->n_groups; i++) {
		const struct history *h = &n->groups[i].history;
		size_t count = h->n < CL_HISTORY_MAX ? (size_t)h->n : CL_HISTORY_MAX;
		if (n->groups[i].id != group)
			continue;
		for (size_t k = 0; k < count; k++)
			out[k] = h->entries[(h->n - count + k) % CL_HISTORY_MAX];
		return count;
	}
	return 0;
}

void failure_note(struct cl_node *n, uint8_t slot, const char *why)
{
	if (slot && slot < SS_SLOTS)
		n->failures[slot] = (struct cl_failure){ why, cluster_time_ms(n, n->now_ns) };
}

struct cl_known_unit cl_known_unit(const struct cl_node *n, uint8_t slot)
{
	return slot < SS_SLOTS ? n->known[slot] : (struct cl_known_unit){ 0 };
}

struct cl_failure cl_last_failure(const struct cl_node *n, uint8_t slot)
{
	return slot < SS_SLOTS ? n->failures[slot] : (struct cl_failure){ 0 };
}
