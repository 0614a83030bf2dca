/* SPDX-License-Identifier: Apache-2.0 */
/* What show failover says: hosts, interfaces, roles, of the cluster logic and the configuration. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/world.h"

#define HEARTBEAT_MS 100u /* R7 */

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

/* What the member in slot says of its interfaces; unknown is what it does not say. */
static void fill_interfaces(const struct world *w, struct view_host *h, bool active, uint8_t slot)
{
	struct cl_link links[CL_LINKS_MAX];
	const struct config_interface *watched[CONFIG_MONITORED_MAX];
	const size_t n = cl_links(hf_core_cluster_node(w->core), slot, links),
		     n_watched = config_watched(w->config, watched);

	static_assert(CONFIG_MONITORED_MAX <= VIEW_INTERFACES_MAX, "all are shown");
	for (size_t i = 0; i < n_watched; i++) {
		const struct config_interface *ifc = watched[i];
		if (ifc->failover_group != w->group)
			continue;
		struct view_host_interface *v = &h->interfaces[h->n_interfaces++];
		snprintf(v->nameif, sizeof(v->nameif), "%s", ifc->nameif);
		v->address = active ? ifc->address : ifc->standby;
		v->shutdown = ifc->shutdown;
		v->monitored = w->config->failover.enabled && ifc->monitored;
		for (size_t k = 0; k < n; k++)
			if (strcmp(links[k].nameif, ifc->nameif) == 0) {
				v->state = links[k].state;
				v->monitored = links[k].monitored;
			}
	}
}

static enum view_host_state own_state(enum cl_role role)
{
	switch (role) {
	case CL_ROLE_ACTIVE:
	case CL_ROLE_RELEASING:
		return HOST_ACTIVE;
	case CL_ROLE_STANDBY:
	case CL_ROLE_PREPARING:
		return HOST_STANDBY_READY;
	case CL_ROLE_JOINING:
		return HOST_SYNCING;
	case CL_ROLE_OFFLINE:
		break;
	}
	return HOST_FAILED;
}

static void fill_failure(const struct world *w, uint8_t slot, struct view_host *h)
{
	struct cl_failure f = cl_last_failure(hf_core_cluster_node(w->core), slot);

	if (!f.why || (int64_t)(f.at_ms / 1000) < h->failed_at)
		return;
	snprintf(h->failure, sizeof(h->failure), "%s", f.why);
	h->failed_at = (int64_t)(f.at_ms / 1000);
}

static bool in_view(const struct cl_group_status *st, uint8_t slot)
{
	for (size_t i = 0; i < st->n_members; i++)
		if (st->members[i].slot == slot)
			return true;
	return false;
}

/* Who was here and is gone. Of a mate that never was, only the unit is known. */
static void fill_absent(const struct world *w, const struct cl_group_status *st,
			struct view_failover *v)
{
	for (uint8_t slot = 1; slot < SS_SLOTS && v->n_others < VIEW_OTHERS_MAX; slot++) {
		const struct cl_known_unit u = cl_known_unit(hf_core_cluster_node(w->core), slot);
		if (!u.heard || slot == w->config->failover.slot || in_view(st, slot))
			continue;
		struct view_host *h = &v->others[v->n_others++];
		h->state = HOST_NOT_DETECTED;
		h->unit = u.unit ? u.unit : slot;
		h->slot = slot;
		snprintf(h->name, sizeof(h->name), "%s", u.hostname);
		fill_failure(w, slot, h);
		fill_interfaces(w, h, false, 0);
	}
	if (v->n_others == 0) {
		v->others[0].state = HOST_NOT_DETECTED;
		v->others[0].unit = w->config->failover.unit == UNIT_SECONDARY ? UNIT_PRIMARY
									       : UNIT_SECONDARY;
		fill_interfaces(w, &v->others[0], false, 0);
		v->n_others = 1;
	}
}

/* The ASA shows one other host: the owner, or who would be the next one. */
static int host_rank(const struct view_host *h)
{
	switch (h->state) {
	case HOST_ACTIVE:
		return 0;
	case HOST_STANDBY_READY:
		return h->is_protected ? 1 : 2;
	case HOST_SYNCING:
		return 3;
	default:
		return 4;
	}
}

static int host_compare(const void *x, const void *y)
{
	const struct view_host *a = x, *b = y;
	int order = host_rank(a) - host_rank(b);

	return order ? order : (a->slot > b->slot) - (a->slot < b->slot);
}

static void fill_self(struct world *w, const struct cl_group_status *st, struct view_host *h)
{
	uint64_t active_ns = w->active_total_ns;

	if (w->role == CL_ROLE_ACTIVE)
		active_ns += world_now_ns() - w->active_since_ns;
	snprintf(h->name, sizeof(h->name), "%s", w->config->hostname);
	h->unit = w->config->failover.unit;
	h->slot = w->config->failover.slot;
	h->state = own_state(st->role);
	h->active_s = active_ns / 1000000000u;
	snprintf(h->version, sizeof(h->version), "%s", PACKAGE_VERSION);
	fill_failure(w, h->slot, h);
	snprintf(h->config_digest, sizeof(h->config_digest), "%s", w->config->digest);
	for (size_t i = 0; i < st->n_members; i++)
		if (st->members[i].self) {
			h->is_protected = st->members[i].in_protected_set;
			h->drained = st->members[i].drained;
		}
	fill_interfaces(w, h, st->role == CL_ROLE_ACTIVE,
			w->config->failover.enabled ? h->slot : WORLD_STANDALONE_SLOT);
}

static void fill_other(const struct world *w, const struct cl_member_status *m, struct view_host *h)
{
	h->unit = m->unit ? m->unit : m->slot;
	h->slot = m->slot;
	snprintf(h->name, sizeof(h->name), "%s", m->hostname);
	snprintf(h->version, sizeof(h->version), "%.31s", m->software);
	fill_failure(w, m->slot, h);
	h->state = m->slot_refused ? HOST_FAILED
		   : m->owner      ? HOST_ACTIVE
		   : m->synced     ? HOST_STANDBY_READY
				   : HOST_SYNCING;
	h->is_protected = m->in_protected_set;
	h->drained = m->drained;
	/* Its HELLO says whether its configuration is ours, not what it is. */
	if (m->slot)
		snprintf(h->config_digest, sizeof(h->config_digest), "%s",
			 m->digest_differs ? "different" : w->config->digest);
	fill_interfaces(w, h, m->owner, m->slot);
}

static const struct {
	const char *name;
	enum ss_kind kinds[2];
} rows[] = {
	{ "VPN IKEv2 SA", { SS_IKE_SA, SS_IKE_SA } },
	{ "VPN IKEv2 P2", { SS_CHILD_SA, SS_CHILD_SA } },
	{ "VPN ESP SEQ", { SS_LEASE, SS_COUNTERS } },
};

/* Messages of the snapshot channel; none while it goes through Corosync. */
static void fill_channel_row(const struct world *w, struct view_failover *v)
{
	struct view_stateful *r = &v->rows[v->n_rows++];

	snprintf(r->name, sizeof(r->name), "Snapshot");
	r->rerr = w->snapshot_refused;
	if (!w->channel)
		return;
	const struct ss_zmq_stats *st = ss_zmq_stats(w->channel);
	r->xmit = st->sent;
	r->xerr = st->send_failed;
	r->rcv = st->received;
	r->rerr += st->unexpected;
}

static void fill_rows(const struct world *w, const struct cl_group_status *st,
		      struct view_failover *v)
{
	const struct hf_core_stats *core = hf_core_stats(w->core);
	struct view_stateful *r = &v->rows[v->n_rows++];

	snprintf(r->name, sizeof(r->name), "General");
	r->xmit = st->records_sent;
	r->xerr = w->mcast_errors; /* of the node: with its first group */
	r->rcv = st->records_received;
	r->rerr = st->messages_refused + core->import_errors;
	if (w != w->first)
		r->rerr -= admin_refused(cl_stats(hf_core_cluster_node(w->core)));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = &v->rows[v->n_rows++];
		snprintf(r->name, sizeof(r->name), "%s", rows[i].name);
		for (enum ss_kind k = rows[i].kinds[0]; k <= rows[i].kinds[1]; k++) {
			r->xmit += core->records_out[k];
			r->rcv += core->records_in[k];
		}
	}
	fill_channel_row(w, v);
}

static void fill_queues(const struct world *w, const struct cl_group_status *st,
			struct view_failover *v)
{
	v->recv.total = st->records_received;
	v->xmit.total = st->records_sent;
	v->xmit.max = w->xmit_queue_max;
	if (st->role == CL_ROLE_ACTIVE)
		v->xmit.current = st->appended - st->committed;
}

static void fill_preference(const struct world *w, struct view_failover *v)
{
	const struct config_failover *f = &w->config->failover;

	for (size_t i = 0; i < f->n_groups; i++) {
		const struct config_failover_group *g = &f->groups[i];
		if (g->id != w->group)
			continue;
		v->preferred_unit = g->prefer ? g->prefer : UNIT_PRIMARY;
		v->preempt = g->preempt;
		v->preempt_s = g->preempt_s;
	}
}

enum result admin_show_failover(void *ctx, uint8_t group, struct view_failover *v)
{
	struct world *w = world_of(ctx, group);
	struct cl_group_status st;

	if (!w)
		return R_NOT_FOUND;
	enum result res = cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(),
					  &st);
	if (res != R_OK)
		return res;
	v->enabled = w->config->failover.enabled;
	snprintf(v->cluster_name, sizeof(v->cluster_name), "%s", w->config->failover.cluster_name);
	v->cluster_up = w->first->transport != NULL;
	v->quorate = st.quorate;
	v->heartbeat_ms = HEARTBEAT_MS;
	v->deadline_ms = w->config->failover.deadline_ms;
	v->last_failover = w->last_failover;
	v->interface_poll_ms = w->config->monitoring.poll_ms;
	v->interface_hold_s = w->config->monitoring.hold_s;
	v->interface_policy = w->config->monitoring.policy;
	v->interface_policy_percent = w->config->monitoring.percent;
	fill_self(w, &st, &v->self);
	for (size_t i = 0; i < st.n_members && v->n_others < VIEW_OTHERS_MAX; i++)
		if (!st.members[i].self)
			fill_other(w, &st.members[i], &v->others[v->n_others++]);
	if (v->enabled)
		fill_absent(w, &st, v);
	qsort(v->others, v->n_others, sizeof(v->others[0]), host_compare);
	v->members_expected = w->facts.expected_votes;
	fill_rows(w, &st, v);
	fill_queues(w, &st, v);
	v->group = w->group;
	fill_preference(w, v);
	snprintf(v->state_trouble, sizeof(v->state_trouble), "%s", w->first->state_trouble);
	v->takeovers = st.takeovers;
	v->handovers = st.handovers;
	v->is_protected = st.is_protected;
	v->term = st.term;
	snprintf(v->role_manager, sizeof(v->role_manager), "%s",
		 w->config->failover.role_manager == ROLE_MANAGER_PACEMAKER ? "pacemaker"
									    : "internal");
	snprintf(v->last_takeover, sizeof(v->last_takeover), "%s", w->last_why);
	v->last_takeover_suspect = w->last_suspect;
	v->last_takeover_ms = w->last_takeover_ms;
	v->heartbeat_seen = st.heartbeat_age_ms != UINT64_MAX;
	v->heartbeat_age_ms = v->heartbeat_seen ? (uint32_t)st.heartbeat_age_ms : 0;
	v->log_position = st.role == CL_ROLE_ACTIVE ? st.appended : st.applied;
	v->acked_position = st.role == CL_ROLE_ACTIVE ? st.committed : st.applied;
	v->held = hf_core_stats(w->core)->held_now;
	v->unprotected_releases = st.degraded;
	v->suspect_takeovers = st.suspect_takeovers;
	v->unfenced_node = st.unfenced_node;
	v->slot_holder = st.slot_holder;
	v->may_begin_empty = st.may_begin_empty;
	v->split_brains_lost = st.split_brains;
	v->split_brains_merged = st.merges;
	v->merged_taken = st.merged_taken;
	v->merged_anew = st.merged_anew;
	v->merged_rekeyed = st.merged_rekeyed;
	v->merges_failed = st.merges_failed;
	return R_OK;
}
