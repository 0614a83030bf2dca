/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine's frame: construction, inputs, timers, the outbox. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "base/wire_reader.h"
#include "cluster/cluster_private.h"

/* ---- outbox ---- */

#define KEPT_MAX 256u /* effects of one step: the memory of more is not kept for the next */

/* Effects of half a step must not go out alone: no memory is the end. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 16;
	array = realloc(array, *cap * size);
	must(array);
	return array;
}

struct cl_effect *fx_push(struct cl_node *n, enum cl_effect_kind kind, const struct group *g)
{
	struct cl_outbox *o = n->out;

	o->fx = grow(o->fx, o->n, &o->cap, sizeof(*o->fx));
	struct cl_effect *fx = &o->fx[o->n++];
	*fx = (struct cl_effect){ .kind = kind };
	if (g) {
		fx->group = g->id;
		fx->term = g->term;
		fx->role = g->role;
	}
	return fx;
}

/*
 * The k-th APPLY speaks of the k-th kept record; kept may still move, so pointers are set at
 * the end of the step.
 */
void fx_apply(struct cl_node *n, const struct group *g, const struct ss_record *r)
{
	struct cl_outbox *o = n->out;

	fx_push(n, CL_FX_APPLY, g);
	o->kept = grow(o->kept, o->n_kept, &o->cap_kept, sizeof(*o->kept));
	o->kept[o->n_kept] = (struct ss_record){ 0 };
	must(ss_record_copy(&o->kept[o->n_kept], r) == R_OK);
	o->n_kept++;
}

static void outbox_point(struct cl_outbox *o)
{
	size_t k = 0;

	for (size_t i = 0; i < o->n; i++)
		if (o->fx[i].kind == CL_FX_APPLY)
			o->fx[i].record = &o->kept[k++];
	must(k == o->n_kept);
}

void fx_log(struct cl_node *n, enum log_id id, const char *fmt, ...)
{
	char detail[LOG_DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	struct log_event *ev = malloc(sizeof(*ev));
	must(ev);
	log_event_make(ev, id, NULL, NULL, NULL, "%s", detail);
	fx_push(n, CL_FX_LOG, NULL)->log = ev;
}

static void outbox_empty(struct cl_outbox *o)
{
	for (size_t i = 0; i < o->n; i++) {
		ss_buf_wipe(&o->fx[i].data);
		free(o->fx[i].log);
	}
	for (size_t i = 0; i < o->n_kept; i++)
		ss_record_clear(&o->kept[i]);
	o->n = o->n_kept = 0;
}

void cl_outbox_reset(struct cl_outbox *o)
{
	if (o->cap > KEPT_MAX || o->cap_kept > KEPT_MAX)
		cl_outbox_clear(o);
	else
		outbox_empty(o);
}

void cl_outbox_clear(struct cl_outbox *o)
{
	outbox_empty(o);
	free(o->fx);
	free(o->kept);
	*o = (struct cl_outbox){ 0 };
}

/* ---- construction ---- */

static uint32_t at_least(uint32_t value, uint32_t floor)
{
	return value < floor ? floor : value;
}

/* R6, R12: what the operator may shorten, and what not. */
static void config_defaults(struct cl_node_config *c)
{
	uint32_t membership = c->token_ms + c->consensus_ms;

	if (!c->votes)
		c->votes = c->expected_votes;
	c->commit_timeout_ms = at_least(c->commit_timeout_ms, membership + COMMIT_MARGIN_MS);
	if (!c->deadline_ms)
		c->deadline_ms = DEFAULT_DEADLINE_MS;
	c->deadline_ms = at_least(c->deadline_ms, membership + 1);
	if (!c->heartbeat_ms)
		c->heartbeat_ms = DEFAULT_HEARTBEAT_MS;
}

static bool group_init(struct cl_node *n, size_t i)
{
	struct group *g = &n->groups[i];

	g->id = n->cfg.groups[i].group;
	g->preferred_slot = n->cfg.groups[i].preferred_slot;
	g->preempt = n->cfg.groups[i].preempt;
	g->preempt_after_ns = n->cfg.groups[i].preempt_after_ms * MS;
	g->index = i;
	if (!hf_rule_broken(HF_RULE_TERM))
		g->disk_term = g->spent_term = n->cfg.term_on_disk[i];
	g->last_why = "start";
	for (size_t t = 0; t < T_COUNT; t++)
		g->at[t] = NEVER;
	g->store = ss_store_new(n->cfg.hash_seed);
	return g->store != NULL;
}

struct cl_node *cl_node_new(struct cl_node_config *cfg)
{
	must(cfg->slot >= 1 && cfg->slot < SS_SLOTS && cfg->n_groups >= 1 &&
	     cfg->n_groups <= CL_GROUPS_MAX);
	struct cl_node *n = calloc(1, sizeof(*n));
	if (!n) {
		secret_wipe(&cfg->failover_key);
		return NULL;
	}
	n->cfg = *cfg;
	cfg->failover_key = (struct secret){ 0 };
	config_defaults(&n->cfg);
	n->drained = n->cfg.drained && n->cfg.manager == CL_MANAGER_INTERNAL;
	/* Another process start has another salt: so it names the incarnation. */
	struct wire_reader r = wire_reader(bytes(n->cfg.salt, sizeof(n->cfg.salt)));
	n->incarnation = wire_u64(&r);
	n->sealer = ss_sealer_new(&n->cfg.failover_key, n->cfg.slot, n->cfg.salt);
	bool good = n->sealer != NULL;
	if (good && n->cfg.on_seal)
		ss_sealer_watch(n->sealer, n->cfg.on_seal, n->cfg.on_seal_ctx);
	for (n->n_groups = 0; good && n->n_groups < n->cfg.n_groups; n->n_groups++)
		good = group_init(n, n->n_groups);
	if (!good) {
		cl_node_free(n);
		return NULL;
	}
	return n;
}

void cl_node_free(struct cl_node *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->n_groups; i++) {
		struct group *g = &n->groups[i];
		join_stop(g);
		part_stop(g);
		merge_forget(g);
		for (uint8_t slot = 0; slot < SS_SLOTS; slot++)
			join_serve_stop(g, slot);
		ss_store_free(g->store);
		kept_free(g);
	}
	membership_free(n);
	exec_free(n);
	config_sync_free(n);
	ss_sealer_free(n->sealer);
	secret_wipe(&n->cfg.failover_key);
	free(n);
}

struct group *group_find(struct cl_node *n, uint32_t id)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (n->groups[i].id == id)
			return &n->groups[i];
	return NULL;
}

/* ---- timers ---- */

static void later_timer(struct cl_node *n, struct group *g)
{
	(void)n, (void)g; /* what considers it runs after every input anyway */
}

static void (*const timer_handlers[T_COUNT])(struct cl_node *n, struct group *g) = {
	[T_HEARTBEAT] = heartbeat_send,
	[T_DEADLINE] = heartbeat_deadline_passed,
	[T_COMMIT] = protect_commit_timeout,
	[T_DROP] = protect_drop,
	[T_CLAIM] = later_timer,
	[T_JOIN] = join_timeout,
	[T_HANDOVER] = handover_timeout,
	[T_STOP] = handover_stop_timeout,
	[T_PREEMPT] = later_timer,
	[T_KEPT] = later_timer,
	[T_DRAIN] = later_timer,
	[T_PART] = part_timeout,
	[T_HEALTH] = later_timer,
	[T_UNSURE] = later_timer,
	[T_HEARD] = term_heard,
};

static void timers(struct cl_node *n, struct group *g)
{
	for (size_t t = 0; t < T_COUNT; t++)
		if (g->at[t] <= n->now_ns) {
			g->at[t] = NEVER;
			timer_handlers[t](n, g);
		}
}

uint64_t cl_next_deadline(const struct cl_node *n)
{
	uint64_t at = exec_deadline(n), config = config_sync_deadline(n);
	uint64_t health = health_deadline(n);

	if (config < at)
		at = config;
	if (admission_deadline(n) < at)
		at = admission_deadline(n);
	if (health < at)
		at = health;
	for (size_t i = 0; i < n->n_groups; i++)
		for (size_t t = 0; t < T_COUNT; t++)
			if (n->groups[i].at[t] < at)
				at = n->groups[i].at[t];
	return at;
}

/* ---- inputs ---- */

static void group_input(struct cl_node *n, struct group *g, const struct cl_input *in)
{
	switch (in->kind) {
	case CL_IN_TERM_WRITTEN:
		term_written(n, g, in->term, in->ok);
		break;
	case CL_IN_RECORDS:
		/* Behind the merge's plan (R23) only the log says what is so. */
		if (!g->handover.merge || g->handover.phase == HANDOVER_QUIESCING)
			log_records(n, g, in->records, in->n_records);
		break;
	case CL_IN_STOPPED_APART:
		part_stopped(n, g, in->records, in->n_records);
		break;
	case CL_IN_SNAPSHOT_READY:
		join_serve_ready(n, g, in->slot);
		break;
	case CL_IN_PREPARED:
		handover_prepared(n, g);
		break;
	case CL_IN_QUIESCED:
		handover_quiesced(n, g);
		break;
	case CL_IN_RELAY_DONE:
		handover_relay_done(n, g);
		break;
	case CL_IN_GO_ACTIVE:
		handover_go_active(n, g);
		break;
	case CL_IN_GO_STANDBY:
		handover_go_standby(n, g);
		break;
	case CL_IN_STOP:
		handover_stop(n, g);
		break;
	case CL_IN_RESYNC:
		if (!is_owner(g) && g->synced)
			ownership_lose_state(n, g, "a record cannot be used");
		break;
	default:
		break;
	}
}

static void node_input(struct cl_node *n, const struct cl_input *in)
{
	switch (in->kind) {
	case CL_IN_VIEW:
		membership_view(n, in);
		break;
	case CL_IN_QUORUM:
		membership_quorum(n, in);
		break;
	case CL_IN_MESSAGE:
		membership_message(n, in);
		break;
	case CL_IN_SNAPSHOT:
		message_snapshot(n, in->data);
		break;
	case CL_IN_ACK:
		message_ack(n, in->data);
		break;
	case CL_IN_DISCONNECTED:
		membership_disconnected(n);
		break;
	case CL_IN_TIMER:
		break; /* timers run with every input */
	case CL_IN_ADDRESS:
		n->relay = in->relay;
		membership_say_hello(n);
		break;
	case CL_IN_FENCED:
		fence_confirmed(n, in->from_node_id);
		admission_gone(n, in->from_node_id);
		break;
	case CL_IN_FORGET:
		admission_gone(n, in->from_node_id);
		break;
	case CL_IN_ADMISSION:
		admission_told(n, in);
		break;
	case CL_IN_EXEC:
		exec_ask(n, in);
		break;
	case CL_IN_EXEC_ANSWER:
		exec_answered(n, in);
		break;
	case CL_IN_DRAIN:
		drain_set(n, in->ok);
		break;
	case CL_IN_CONFIG_DIGEST:
		membership_digest(n, in->digest);
		break;
	case CL_IN_CONFIG_OFFER:
		config_sync_offer(n, in);
		break;
	case CL_IN_CONFIG_TAKEN:
		config_sync_taken(n, in);
		break;
	case CL_IN_LINKS:
		health_told(n, in->health);
		break;
	default:
		for (size_t i = 0; i < n->n_groups; i++)
			if (n->groups[i].id == in->group)
				group_input(n, &n->groups[i], in);
		break;
	}
}

void cl_step(struct cl_node *n, uint64_t now_ns, const struct cl_input *in, struct cl_outbox *out)
{
	n->away_ns = now_ns - n->now_ns;
	if (n->now_ns && n->away_ns > n->cfg.token_ms * MS / 2)
		n->woke_ns = now_ns;
	n->now_ns = now_ns;
	n->out = out;
	node_input(n, in);
	exec_timers(n);
	health_timers(n);
	for (size_t i = 0; i < n->n_groups; i++) {
		timers(n, &n->groups[i]);
		ownership_consider(n, &n->groups[i]);
		handover_continue(n, &n->groups[i]);
		kept_consider(n, &n->groups[i]);
		part_continue(n, &n->groups[i]);
		merge_consider(n, &n->groups[i]);
		claim_consider(n, &n->groups[i]);
		term_consider(n, &n->groups[i]);
		preempt_consider(n, &n->groups[i]);
		drain_consider(n, &n->groups[i]);
		health_consider(n, &n->groups[i]);
	}
	admission_follow(n);
	config_sync_follow(n);
	for (size_t i = 0; i < n->n_groups; i++)
		history_follow(n, &n->groups[i]);
	outbox_point(out);
	n->out = NULL;
}
