/* SPDX-License-Identifier: Apache-2.0 */
/* What show counters says: each counted reason of engine, datapath, core and channel. */
#include <string.h>

#include "node/world.h"

struct named_counter {
	const char *protocol, *name;
	uint64_t value;
};

/* What another group has counted already grows. */
static bool add_value(struct view_counter_list *out, const char *protocol, const char *name,
		      uint64_t value)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->list[i].name, name) == 0 &&
		    strcmp(out->list[i].protocol, protocol) == 0) {
			out->list[i].value += value;
			return true;
		}
	return view_counter_add(out, protocol, name, value);
}

static bool add_named(struct view_counter_list *out, const struct named_counter *list, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = add_value(out, list[i].protocol, list[i].name, list[i].value) && ok;
	return ok;
}

/* The reasons: every verdict of the datapath, every result of the engine, by the
 * names of their catalogues. */
static bool add_refusals(const struct world *w, const struct ike_stats *ike,
			 struct view_counter_list *out)
{
	char name[48];
	bool ok = true;

	for (unsigned int v = 0; v < ESP_V_COUNT_; v++)
		for (int in = 0; in < 2; in++) {
			snprintf(name, sizeof(name), "%s-%s", in ? "in" : "out",
				 esp_verdict_name(v));
			ok = add_value(out, "ESP", name,
				       esp_datapath_verdicts(w->datapath, v, in)) &&
			     ok;
		}
	for (unsigned int r = R_OK + 1; r < R_COUNT_; r++)
		ok = add_value(out, "IKEV2", result_name(r), ike->refused[r]) && ok;
	return ok;
}

static bool add_channel(const struct world *w, struct view_counter_list *out)
{
	static const struct ss_zmq_stats none;
	const struct ss_zmq_stats *st = w->channel ? ss_zmq_stats(w->channel) : &none;
	const struct named_counter named[] = {
		{ "SNAPSHOT", "messages-sent", st->sent },
		{ "SNAPSHOT", "messages-received", st->received },
		{ "SNAPSHOT", "bytes-sent", st->sent_bytes },
		{ "SNAPSHOT", "bytes-received", st->received_bytes },
		{ "SNAPSHOT", "send-failed", st->send_failed },
		{ "SNAPSHOT", "connections-admitted", st->admitted },
		{ "SNAPSHOT", "connections-refused", st->refused },
		{ "SNAPSHOT", "connections-failed", st->failed },
		{ "SNAPSHOT", "messages-unexpected", st->unexpected },
		{ "SNAPSHOT", "messages-refused", w->snapshot_refused },
	};

	return add_named(out, named, sizeof(named) / sizeof(named[0]));
}

static enum result add_group(const struct world *w, struct view_counter_list *out)
{
	const struct ike_stats *ike = ike_engine_stats(hf_core_engine(w->core));
	const struct hf_core_stats *core = hf_core_stats(w->core);
	struct cl_group_status st = { 0 };
	enum result res = cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(),
					  &st);
	const struct named_counter named[] = {
		{ "IKEV2", "retransmits-sent", ike->retransmits_sent },
		{ "IKEV2", "retransmits-answered", ike->retransmits_answered },
		{ "IKEV2", "cookies-sent", ike->cookies_sent },
		{ "IKEV2", "half-open", ike->half_open },
		{ "IKEV2", "auth-failed", ike->auth_failed },
		{ "IKEV2", "rekeys-ike", ike->rekeys_ike },
		{ "IKEV2", "rekeys-child", ike->rekeys_child },
		{ "IKEV2", "collisions", ike->collisions },
		{ "IKEV2", "message-id-syncs-sent", ike->syncs_sent },
		{ "IKEV2", "message-id-syncs-done", ike->syncs_done },
		{ "IKEV2", "message-id-syncs-failed", ike->syncs_failed },
		{ "IKEV2", "in-doubt-set-up-anew", ike->in_doubt_anew },
		{ "IKEV2", "message-id-syncs-answered", ike->syncs_answered },
		{ "IKEV2", "replay-counter-syncs-answered", ike->replay_syncs_answered },
		{ "HA", "held-total", core->held_total },
		{ "HA", "released", core->released },
		{ "HA", "dropped-role", core->dropped_role },
		{ "HA", "dropped-deadline", core->dropped_deadline },
		{ "HA", "import-errors", core->import_errors },
		{ "HA", "leases-granted", core->leases_granted },
		{ "HA", "leases-refused", core->leases_refused },
		{ "HA", "checkpoints", core->checkpoints },
		{ "HA", "rekeys-after-takeover", core->rekeys_after_takeover },
		{ "HA", "replay-counters-synced", core->replay_synced },
		{ "HA", "relay-errors", w->relay_errors },
		{ "HA", "takeovers", st.takeovers },
		{ "HA", "suspect-takeovers", st.suspect_takeovers },
		{ "HA", "handovers", st.handovers },
		{ "HA", "claims-refused", st.claims_refused },
		{ "HA", "unprotected", st.degraded },
	};

	if (res != R_OK)
		return res;
	bool ok = add_refusals(w, ike, out);
	ok = add_named(out, named, sizeof(named) / sizeof(named[0])) && ok;
	return ok ? R_OK : R_NO_MEMORY;
}

/* Messages of other members that were not taken, by reason. */
static bool add_messages(const struct cl_stats *st, struct view_counter_list *out)
{
	char name[48];
	bool ok = add_value(out, "HA", "message-not_of_the_owner", st->refused_sender);

	for (unsigned int d = 0; d < CL_DROPS; d++) {
		snprintf(name, sizeof(name), "message-%s", cl_drop_name(d));
		ok = add_value(out, "HA", name, st->dropped[d]) && ok;
	}
	for (unsigned int r = R_OK + 1; r < R_COUNT_; r++) {
		snprintf(name, sizeof(name), "message-%s", result_name(r));
		ok = (!st->refused[r] || add_value(out, "HA", name, st->refused[r])) && ok;
	}
	return ok;
}

enum result admin_counters(void *ctx, struct view_counter_list *out)
{
	const struct world *w = ctx;
	const struct cl_stats *cluster = cl_stats(hf_core_cluster_node(w->core));
	const struct named_counter named[] = {
		{ "HA", "mcast-errors", w->mcast_errors },
		{ "HA", "mcast-dropped", w->mcast.dropped },
		{ "PLAIN", "tables-restored", w->tables_restored },
	};
	enum result res = R_OK;

	for (const struct world *each = w; each && res == R_OK; each = each->next)
		res = add_group(each, out);
	if (res == R_OK && !(add_named(out, named, sizeof(named) / sizeof(named[0])) &&
			     add_messages(cluster, out) && add_channel(w, out)))
		res = R_NO_MEMORY;
	return res;
}
