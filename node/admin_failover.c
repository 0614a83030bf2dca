/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin commands see of failover beside its state: history, counters, other members. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/drain_file.h"
#include "node/world.h"

static enum result get_history(void *ctx, uint8_t group, struct view_failover_history *v)
{
	const struct world *w = world_of(ctx, group);
	struct cl_history_entry list[CL_HISTORY_MAX];

	if (!w)
		return R_NOT_FOUND;
	if (!w->config->failover.enabled)
		return R_OK;
	v->n = cl_history(hf_core_cluster_node(w->core), w->group, list);
	for (size_t i = 0; i < v->n; i++) {
		struct view_state_change *c = &v->list[i];
		snprintf(c->from, sizeof(c->from), "%s", cl_state_name(list[i].from));
		snprintf(c->to, sizeof(c->to), "%s", cl_state_name(list[i].to));
		snprintf(c->reason, sizeof(c->reason), "%s", list[i].why);
		c->at = (int64_t)(list[i].at_ms / 1000);
		c->term = list[i].term;
	}
	return R_OK;
}

static void fill_messages(const struct cl_stats *s, struct view_failover_statistics *v)
{
	for (unsigned int kind = 0; kind < CL_MESSAGE_KINDS; kind++) {
		const char *name = kind ? cl_message_name(kind) : "unknown";
		if (!name || v->n_messages == VIEW_MESSAGES_MAX)
			continue;
		struct view_message_count *m = &v->messages[v->n_messages++];
		/* protobuf-c puts a line under what is a word of C. */
		int len = (int)strlen(name);
		snprintf(m->name, sizeof(m->name), "%.*s", name[len - 1] == '_' ? len - 1 : len,
			 name);
		m->tx = s->messages_sent[kind];
		m->rx = s->messages_received[kind];
	}
	v->bytes_tx = s->bytes_sent;
	v->bytes_rx = s->bytes_received;
}

static bool fill_refused(const struct cl_stats *s, struct view_failover_statistics *v)
{
	bool ok = view_counter_add(&v->refused, "", "not_of_the_owner", s->refused_sender);

	for (unsigned int d = 0; d < CL_DROPS; d++)
		ok = view_counter_add(&v->refused, "", cl_drop_name(d), s->dropped[d]) && ok;
	for (unsigned int r = R_OK + 1; r < R_COUNT_; r++)
		if (s->refused[r])
			ok = view_counter_add(&v->refused, "", result_name(r), s->refused[r]) && ok;
	return ok;
}

struct named {
	const char *name;
	uint64_t value;
};

static bool add_all(struct view_counter_list *out, const struct named *list, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = view_counter_add(out, "", list[i].name, list[i].value) && ok;
	return ok;
}
#define ADD_ALL(out, list) add_all(out, list, sizeof(list) / sizeof((list)[0]))

static bool fill_records(const struct hf_core_stats *core, struct view_failover_statistics *v)
{
	static const struct {
		enum ss_kind kind;
		const char *sent, *applied;
	} kinds[] = {
		{ 0, "records_sent_other", "records_applied_other" },
		{ SS_IKE_SA, "records_sent_ike_sa", "records_applied_ike_sa" },
		{ SS_CHILD_SA, "records_sent_child_sa", "records_applied_child_sa" },
		{ SS_LEASE, "records_sent_lease", "records_applied_lease" },
		{ SS_COUNTERS, "records_sent_counters", "records_applied_counters" },
		{ SS_PEER_INDEX, "records_sent_peer_index", "records_applied_peer_index" },
	};
	bool ok = true;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const struct named both[] = {
			{ kinds[i].sent, core->records_out[kinds[i].kind] },
			{ kinds[i].applied, core->records_in[kinds[i].kind] },
		};
		ok = ADD_ALL(&v->counters, both) && ok;
	}
	return ok;
}

static uint64_t verdicts(const struct world *w, enum esp_verdict verdict)
{
	uint64_t sum = 0;

	for (; w; w = w->next)
		sum += esp_datapath_verdicts(w->datapath, verdict, 0) +
		       esp_datapath_verdicts(w->datapath, verdict, 1);
	return sum;
}

static bool fill_held(const struct world *w, const struct hf_core_stats *core,
		      struct view_failover_statistics *v)
{
	const struct named list[] = {
		{ "outputs_held_now", core->held_now },
		{ "outputs_held", core->held_total },
		{ "outputs_released", core->released },
		{ "outputs_dropped_role", core->dropped_role },
		{ "outputs_dropped_deadline", core->dropped_deadline },
		{ "packets_dropped_deadline", verdicts(w, ESP_V_DEADLINE) },
		{ "packets_dropped_standby", verdicts(w, ESP_V_STANDBY) },
		{ "packets_relayed", verdicts(w, ESP_V_RELAYED) },
		{ "leases_granted", core->leases_granted },
		{ "checkpoints", core->checkpoints },
		{ "rekeys_after_takeover", core->rekeys_after_takeover },
		{ "replay_counters_synced", core->replay_synced },
		{ "import_errors", core->import_errors },
		{ "multicast_errors", w->mcast_errors },
		{ "multicast_dropped", w->mcast.dropped },
		{ "send_queue_max", w->xmit_queue_max },
	};

	return ADD_ALL(&v->counters, list);
}

bool admin_fill_roles(const struct cl_stats *s, const struct cl_group_status *st,
		      struct view_failover_statistics *v)
{
	const struct named list[] = {
		{ "records_sent", st->records_sent },
		{ "records_applied", st->records_received },
		{ "views", s->views },
		{ "resyncs", s->resyncs },
		{ "snapshots_sent", s->snapshots_sent },
		{ "snapshots_received", s->snapshots_received },
		{ "claims_sent", s->claims_sent },
		{ "claims_refused", s->claims_refused },
		{ "takeovers", st->takeovers },
		{ "takeovers_suspect", st->suspect_takeovers },
		{ "waits_for_fencing_of_node", st->unfenced_node },
		{ "split_brains_lost", st->split_brains },
		{ "split_brains_merged", st->merges },
		{ "merged_ike_sas_taken", st->merged_taken },
		{ "merged_ike_sas_set_up_anew", st->merged_anew },
		{ "merged_child_sas_rekeyed", st->merged_rekeyed },
		{ "merges_failed", st->merges_failed },
		{ "handovers", st->handovers },
		{ "preempts_asked", s->preempts_asked },
		{ "preempts_refused", s->preempts_refused },
		{ "unprotected", st->degraded },
		{ "commit_timeouts", s->commit_timeouts },
		{ "deadlines_passed", s->deadlines_passed },
		{ "configuration_mismatches", s->digest_mismatches },
		{ "configurations_sent", s->configs_sent },
		{ "configurations_received", s->configs_received },
		{ "configurations_refused", s->configs_refused },
		{ "interface_handovers", s->link_handovers },
	};

	return ADD_ALL(&v->counters, list);
}

/* Every field is a count. */
static void add_core(struct hf_core_stats *sum, const struct hf_core_stats *add)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)add;

	static_assert(sizeof(*sum) % sizeof(*to) == 0, "counts");
	for (size_t i = 0; i < sizeof(*sum) / sizeof(*to); i++)
		to[i] += from[i];
}

/* Of state, only what a wait for fencing is about. */
void admin_add_group(struct cl_group_status *sum, const struct cl_group_status *add)
{
	sum->records_sent += add->records_sent;
	sum->records_received += add->records_received;
	sum->takeovers += add->takeovers;
	sum->suspect_takeovers += add->suspect_takeovers;
	sum->handovers += add->handovers;
	sum->degraded += add->degraded;
	sum->split_brains += add->split_brains;
	sum->merges += add->merges;
	sum->merged_taken += add->merged_taken;
	sum->merged_anew += add->merged_anew;
	sum->merged_rekeyed += add->merged_rekeyed;
	sum->merges_failed += add->merges_failed;
	if (!sum->unfenced_node)
		sum->unfenced_node = add->unfenced_node;
}

/* What the groups have counted. */
static enum result sum_groups(const struct world *w, struct cl_group_status *st,
			      struct hf_core_stats *core)
{
	struct cl_group_status one;
	enum result res = R_OK;

	for (; w && res == R_OK; w = w->next) {
		res = cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(),
				      &one);
		admin_add_group(st, &one);
		add_core(core, hf_core_stats(w->core));
	}
	return res;
}

uint64_t admin_refused(const struct cl_stats *s)
{
	uint64_t sum = 0;

	for (unsigned int r = R_OK + 1; r < R_COUNT_; r++)
		sum += s->refused[r];
	return sum;
}

static void fill_latency(const struct cl_node *n, uint32_t group,
			 struct view_failover_statistics *v)
{
	struct cl_latency_bucket buckets[CL_LATENCY_BUCKETS];
	const struct cl_latency latency = cl_latency(n, group);

	static_assert(VIEW_BUCKETS_MAX == CL_LATENCY_BUCKETS, "the view holds them all");
	v->acks_measured = latency.n;
	v->ack_p50_us = latency.p50_us;
	v->ack_p99_us = latency.p99_us;
	v->ack_max_us = latency.max_us;
	v->n_ack_buckets = cl_latency_buckets(n, group, buckets);
	for (size_t i = 0; i < v->n_ack_buckets; i++)
		v->ack_buckets[i] = (struct view_bucket){ buckets[i].most_us, buckets[i].n };
}

static enum result get_statistics(void *ctx, struct view_failover_statistics *v)
{
	const struct world *w = ctx;
	const struct cl_node *n = hf_core_cluster_node(w->core);
	struct cl_group_status st = { 0 };
	struct hf_core_stats core = { 0 };
	enum result res = sum_groups(w, &st, &core);

	if (res != R_OK)
		return res;
	fill_messages(cl_stats(n), v);
	bool ok = fill_refused(cl_stats(n), v);
	ok = admin_fill_roles(cl_stats(n), &st, v) && ok;
	ok = fill_held(w, &core, v) && ok;
	ok = fill_records(&core, v) && ok;
	fill_latency(n, w->group, v);
	return ok ? R_OK : R_NO_MEMORY;
}

bool world_is_drained(const struct world *w)
{
	struct cl_group_status st;

	if (cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(), &st) == R_OK)
		for (size_t i = 0; i < st.n_members; i++)
			if (st.members[i].self)
				return st.members[i].drained;
	return false;
}

bool world_only_drained(const struct world *w)
{
	struct cl_group_status st;
	bool any = false;

	if (cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(), &st) != R_OK)
		return false;
	for (size_t i = 0; i < st.n_members; i++) {
		if (st.members[i].self || !st.members[i].in_protected_set)
			continue;
		if (!st.members[i].drained)
			return false;
		any = true;
	}
	return any;
}

/* Nobody is there yet to hand over to. */
static bool keeps_group(const struct world *w)
{
	return w->role == CL_ROLE_ACTIVE &&
	       (world_only_drained(w) || !cl_is_protected(hf_core_cluster_node(w->core), w->group));
}

struct drain {
	struct world *w;
	uint64_t ticket;
	bool json;
};

/* What outlives this process is on disk: now this process. */
static void drain_in_force(struct world *w, struct view_drain *v)
{
	const struct cl_input in = { .kind = CL_IN_DRAIN, .ok = v->drained };

	hf_core_cluster(w->core, world_now_ns(), &in);
	for (struct world *each = w; each; each = each->next) {
		world_touch(each);
		v->waits = v->waits || (v->drained && keeps_group(each));
	}
}

static void drain_written(void *ctx, bool drained, int err)
{
	struct drain *d = ctx;
	struct view_drain v = { .drained = drained };
	struct text out = { 0 };
	char why[200];

	if (!d->w->background) {
		free(d);
		return;
	}
	snprintf(why, sizeof(why), "%.60s: %.60s", d->w->options.state_dir, strerror(err));
	if (!err)
		drain_in_force(d->w, &v);
	else if (!d->ticket)
		world_config_say(LOG_NODE_TROUBLE, "node %s: %s", drained ? "drain" : "resume",
				 why);
	if (!err && d->ticket)
		(d->json ? show_drain_json : show_drain_text)(&v, &out);
	if (d->ticket)
		admin_server_answer(d->w->admin, d->ticket, err ? ADMIN_ERROR : ADMIN_OK,
				    bytes(out.p, out.len), err ? why : NULL);
	text_free(&out);
	free(d);
}

static enum result node_drain(void *ctx, const struct admin_caller *caller, struct view_drain *out,
			      char why[ADMIN_WHY_MAX])
{
	struct world *w = ctx;

	if (!w->config->failover.enabled) {
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
		return R_CONFIG;
	}
	if (w->config->failover.role_manager == ROLE_MANAGER_PACEMAKER) {
		snprintf(why, ADMIN_WHY_MAX,
			 "Pacemaker decides who is active; see its node standby");
		return R_STATE;
	}
	struct drain *d = calloc(1, sizeof(*d));
	must(d);
	*d = (struct drain){ .w = w, .ticket = caller->ticket, .json = caller->json };
	out->pending = true;
	drain_file_write_later(w->background, w->options.state_dir, out->drained, drain_written, d);
	return caller->ticket ? R_AGAIN : R_OK;
}

void admin_failover_fill(struct admin_ops *out)
{
	out->failover_history = get_history;
	out->failover_statistics = get_statistics;
	out->node_drain = node_drain;
	out->exec_target = world_exec_target;
	out->exec_ask = world_exec_ask;
	out->write = world_config_write;
}
