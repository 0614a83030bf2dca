/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's core: turns, the hold queue (R4) and the effects of the cluster
 * logic. IKE effects are in core_ike.c, CHILD SAs in core_child.c, changes of
 * ownership in takeover.c.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "base/timer_queue.h"
#include "node/core_private.h"
#include "node/impair.h"
#include "statesync/future_schema.h"

uint64_t core_time_ms(const struct hf_core *c)
{
	return cl_cluster_time_ms(c->cluster, c->now_ns);
}

void core_log(struct hf_core *c, enum log_id id, const char *fmt, ...)
{
	struct log_event ev;
	char detail[LOG_DETAIL_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	log_event_make(&ev, id, NULL, NULL, NULL, "%s", detail);
	c->ops.log(c->ops_ctx, &ev);
}

/* Room for one more element; out of memory is fatal: half a turn must not go out. */
static void *grow(void *array, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return array;
	*cap = *cap ? *cap * 2 : 16;
	array = realloc(array, *cap * size);
	must(array);
	return array;
}

static void held_free(void *ctx, void *item)
{
	struct held *h = item;
	(void)ctx;
	buf_free(&h->datagram);
}

static void held_drop(void *ctx, void *item)
{
	struct hf_core *c = ctx;
	c->stats.dropped_role++;
	held_free(NULL, item);
}

void core_hold(struct hf_core *c, const struct held *item)
{
	c->turn = grow(c->turn, c->n_turn, &c->cap_turn, sizeof(*c->turn));
	c->turn[c->n_turn++] = *item;
	c->stats.held_total++;
}

void core_record(struct hf_core *c, struct ss_record *adopt)
{
	c->stats.records_out[core_record_kind(adopt)]++;
	c->records = grow(c->records, c->n_records, &c->cap_records, sizeof(*c->records));
	c->records[c->n_records++] = *adopt;
	memset(adopt, 0, sizeof(*adopt));
}

static void records_clear(struct hf_core *c)
{
	for (size_t i = 0; i < c->n_records; i++)
		ss_record_clear(&c->records[i]);
	c->n_records = 0;
}

static void drop_turn(struct hf_core *c)
{
	for (size_t i = 0; i < c->n_turn; i++)
		held_drop(c, &c->turn[i]);
	c->n_turn = 0;
	records_clear(c);
}

/* Ownership ended: nothing of this turn or of the queue may be seen by anybody (R13). */
void core_drop_held(struct hf_core *c)
{
	drop_turn(c);
	ss_hold_drop_all(c->hold, held_drop, c);
}

static bool core_is_owner(const struct hf_core *c)
{
	return c->role == CL_ROLE_ACTIVE || c->role == CL_ROLE_RELEASING;
}

/* What is dropped past the deadline counts as lost on its way: its retransmission timer starts
 * too, or an owner that may send again would wait for ever for an answer (R4, R12). */
static void release_send(struct hf_core *c, struct held *h)
{
	if (hf_core_may_send(c, c->now_ns)) {
		hf_impair_die(HF_DIE_BEFORE_SEND, h->exchange, h->response);
		c->ops.send_ike(c->ops_ctx, &h->local, &h->remote, h->udp_encap,
				buf_bytes(&h->datagram));
		hf_impair_die(HF_DIE_AFTER_SEND, h->exchange, h->response);
	} else {
		c->stats.dropped_deadline++;
	}
	buf_free(&h->datagram);
	if (h->token) {
		struct ike_input in = { .kind = IKE_IN_RELEASED,
					.ike_spi = h->ike_spi,
					.token = h->token };
		core_ike(c, &in);
	}
}

static void release_one(struct hf_core *c, struct held *h)
{
	c->stats.released++;
	switch (h->kind) {
	case HELD_SEND:
		hf_impair_die(HF_DIE_AFTER_COMMIT, h->exchange, h->response);
		release_send(c, h);
		break;
	case HELD_USE_OUTBOUND:
		/* The child can be gone again: a DELETE in the same turn. */
		if (esp_child_use_outbound(c->datapath, h->spi_in) == R_OK)
			core_log(c, LOG_ESP_SA_CREATED, "SPI 0x%08x carries traffic", h->spi_in);
		break;
	case HELD_GRANT:
		core_child_grant(c, h);
		break;
	case HELD_SKIP:
		core_replay_skip_now(c, h);
		break;
	}
}

static uint64_t committed(const struct hf_core *c)
{
	return hf_rule_broken(HF_RULE_HOLD) ? UINT64_MAX : cl_committed(c->cluster, c->group);
}

/* R4: in order, up to what every protected standby holds. An owner that hands over
 * still is one until RELEASE. */
void core_release(struct hf_core *c)
{
	struct held h;

	core_admission_committed(c, cl_committed(c->cluster, c->group));
	while (core_is_owner(c) && ss_hold_pop(c->hold, committed(c), &h))
		release_one(c, &h);
	c->stats.held_now = ss_hold_count(c->hold);
}

static void impair_before_commit(struct hf_core *c)
{
	for (size_t i = 0; i < c->n_turn; i++)
		if (c->turn[i].kind == HELD_SEND)
			hf_impair_die(HF_DIE_BEFORE_COMMIT, c->turn[i].exchange,
				      c->turn[i].response);
}

/* With what a later release's records would be among ours (statesync/future_schema.h). */
static void next_schema(struct hf_core *c)
{
	struct ss_record r;

	if (!ss_future_schema())
		return;
	ss_future_record(cl_position(c->cluster, c->group), &r);
	core_record(c, &r);
}

static void turn_flush(struct hf_core *c)
{
	if (!core_is_owner(c)) {
		core_drop_held(c);
		return;
	}
	if (c->merging) {
		drop_turn(c);
		core_release(c);
		return;
	}
	if (c->n_records) {
		impair_before_commit(c);
		next_schema(c);
		struct ss_record *records = c->records;
		size_t n = c->n_records;
		c->records = NULL;
		c->n_records = c->cap_records = 0;
		struct cl_input in = {
			.kind = CL_IN_RECORDS, .group = c->group, .records = records, .n_records = n
		};
		core_cluster_step(c, &in);
		for (size_t i = 0; i < n; i++)
			ss_record_clear(&records[i]);
		free(records);
	}
	uint64_t position = cl_position(c->cluster, c->group);
	core_admission_turn(c, position);
	for (size_t i = 0; i < c->n_turn; i++)
		must(ss_hold_push(c->hold, position, &c->turn[i]) == R_OK);
	c->n_turn = 0;
	core_release(c);
}

static void node_now(struct hf_core *c, uint64_t now_ns)
{
	for (size_t i = 0; i < c->node->n; i++)
		c->node->core[i]->now_ns = now_ns;
}

static bool turn_open(const struct core_node *n)
{
	bool open = false;

	for (size_t i = 0; i < n->n; i++)
		open = open || n->core[i]->n_records || n->core[i]->n_turn;
	return open;
}

static void cluster_step_once(struct hf_core *c, const struct cl_input *in);

void hf_core_flush(struct hf_core *c, uint64_t now_ns)
{
	node_now(c, now_ns);
	/* Releasing can emit again (a timer started, a grant): until a turn is empty. */
	do
		for (size_t i = 0; i < c->node->n; i++)
			turn_flush(c->node->core[i]);
	while (turn_open(c->node));
	struct cl_input load;
	while (core_admission_due(c, &load))
		cluster_step_once(c, &load);
}

static void on_committed(struct hf_core *c, const struct cl_effect *fx)
{
	(void)fx;
	core_release(c);
}

static void silence(struct hf_core *c, bool silent)
{
	if (silent == c->silent)
		return;
	c->silent = silent;
	if (c->ops.silence && c->role == CL_ROLE_ACTIVE)
		c->ops.silence(c->ops_ctx, c->group, silent);
}

static void on_deadline(struct hf_core *c, const struct cl_effect *fx)
{
	if (hf_rule_broken(HF_RULE_STANDBY) && fx->deadline_ns == 0)
		return;
	c->deadline_ns = hf_rule_broken(HF_RULE_DEADLINE) ? UINT64_MAX : fx->deadline_ns;
	esp_group_deadline(c->datapath, (uint8_t)fx->group, c->deadline_ns);
	silence(c, c->silent && c->now_ns >= c->deadline_ns);
}

/* Past its deadline it has none: they come back, and are announced, when it may send again (R12). */
static void announce_again(struct hf_core *c, const char *why)
{
	const struct hf_role_change ch = {
		.group = c->group,
		.role = c->role,
		.term = c->term,
		.announce = !hf_rule_broken(HF_RULE_ANNOUNCE),
		.why = why,
	};

	if (c->role == CL_ROLE_ACTIVE && !c->silent)
		c->ops.role(c->ops_ctx, &ch);
}

static void cluster_effect(struct hf_core *c, struct cl_effect *fx)
{
	switch (fx->kind) {
	case CL_FX_MCAST:
		c->ops.mcast(c->ops_ctx, buf_bytes(&fx->data));
		break;
	case CL_FX_SNAPSHOT_SEND:
		c->ops.snapshot_send(c->ops_ctx, fx->slot, buf_bytes(&fx->data));
		break;
	case CL_FX_SNAPSHOT_ASK:
		c->ops.snapshot_ask(c->ops_ctx, fx->slot, &fx->mate.addr, buf_bytes(&fx->data));
		break;
	case CL_FX_ACK:
		if (c->ops.ack)
			c->ops.ack(c->ops_ctx, &fx->mate.addr, buf_bytes(&fx->data));
		break;
	case CL_FX_WRITE_TERM:
		c->ops.write_term(c->ops_ctx, fx->group, fx->term, fx->terms_unknown);
		break;
	case CL_FX_ROLE:
		core_role(c, fx);
		break;
	case CL_FX_DEADLINE:
		break; /* carried out before all others */
	case CL_FX_COMMITTED:
		on_committed(c, fx);
		break;
	case CL_FX_APPLY:
		core_apply(c, fx->record);
		break;
	case CL_FX_RESET:
		core_reset(c);
		break;
	case CL_FX_PART:
		core_part(c);
		break;
	case CL_FX_PROTECTION:
		if (!fx->is_protected && core_is_owner(c))
			core_alone(c);
		c->ops.protection(c->ops_ctx, fx->group, fx->is_protected);
		break;
	case CL_FX_PREPARE:
		core_prepare(c, fx);
		break;
	case CL_FX_QUIESCE:
		core_quiesce(c, fx);
		break;
	case CL_FX_ANNOUNCE:
		announce_again(c, "interface up");
		break;
	case CL_FX_STOPPED:
		c->ops.stopped(c->ops_ctx, fx->ok);
		break;
	case CL_FX_COMMAND_DONE:
		c->ops.command_done(c->ops_ctx, fx->ok,
				    fx->why ? fx->why : result_text(fx->reason));
		break;
	case CL_FX_EXEC:
	case CL_FX_EXEC_DONE:
		if (c->ops.exec)
			c->ops.exec(c->ops_ctx, fx);
		break;
	case CL_FX_CONFIG_WANTED:
	case CL_FX_CONFIG:
	case CL_FX_CONFIG_DONE:
		if (c->ops.config)
			c->ops.config(c->ops_ctx, fx);
		break;
	case CL_FX_ADMISSION:
		core_admission_share(c, fx);
		break;
	case CL_FX_LOG:
		c->ops.log(c->ops_ctx, fx->log);
		break;
	}
}

/* Whose an effect is; the first speaks for the node. */
static struct hf_core *core_of(struct hf_core *c, const struct cl_effect *fx)
{
	for (size_t i = 1; i < c->node->n; i++)
		if (c->node->core[i]->group == fx->group)
			return c->node->core[i];
	return c->node->core[0];
}

static void cluster_step_once(struct hf_core *c, const struct cl_input *in)
{
	struct cl_outbox out = c->node->outbox;

	c->node->outbox = (struct cl_outbox){ 0 };
	node_now(c, c->now_ns);
	cl_step(c->cluster, c->now_ns, in, &out);
	/* First of all: a new owner's workers would drop what they were left until they know how
	 * long they may send. */
	for (size_t i = 0; i < out.n; i++)
		if (out.fx[i].kind == CL_FX_DEADLINE)
			on_deadline(core_of(c, &out.fx[i]), &out.fx[i]);
	for (size_t i = 0; i < out.n; i++)
		cluster_effect(core_of(c, &out.fx[i]), &out.fx[i]);
	cl_outbox_reset(&out);
	cl_outbox_clear(&c->node->outbox);
	c->node->outbox = out;
}

static void answer(struct hf_core *c)
{
	if (c->answer_prepared) {
		c->answer_prepared = false;
		struct cl_input done = { .kind = CL_IN_PREPARED, .group = c->group };
		core_cluster_step(c, &done);
	}
	if (c->answer_resync) {
		c->answer_resync = false;
		struct cl_input again = { .kind = CL_IN_RESYNC, .group = c->group };
		core_cluster_step(c, &again);
	}
	if (c->answer_apart)
		core_stopped_apart(c);
	if (c->answer_quiesced) {
		c->answer_quiesced = false;
		turn_flush(c);
		c->merging = c->quiesced_for_merge;
		struct cl_input done = { .kind = CL_IN_QUIESCED, .group = c->group };
		core_cluster_step(c, &done);
	}
}

/*
 * Answers go in only after the whole outbox that asked for them was carried
 * out: messages are sealed with rising sequence numbers and must leave in
 * that order.
 */
void core_cluster_step(struct hf_core *c, const struct cl_input *in)
{
	struct cl_input load;

	while (core_admission_due(c, &load))
		cluster_step_once(c, &load);
	cluster_step_once(c, in);
	for (size_t i = 0; i < c->node->n; i++)
		answer(c->node->core[i]);
}

void hf_core_cluster(struct hf_core *c, uint64_t now_ns, const struct cl_input *in)
{
	const struct core_node *n = c->node;
	bool was_active[CL_GROUPS_MAX];

	for (size_t i = 0; i < n->n; i++)
		was_active[i] = n->core[i]->role == CL_ROLE_ACTIVE;
	c->now_ns = now_ns;
	core_cluster_step(c, in);
	/*
	 * A member that came or went may have announced the service address as its own while we
	 * had it too (R23). Switches believe the last word: say it again.
	 */
	for (size_t i = 0; in->kind == CL_IN_VIEW && i < n->n; i++)
		if (was_active[i])
			announce_again(n->core[i], "view changed");
}

void hf_core_term_written(struct hf_core *c, uint64_t now_ns, uint32_t group, uint64_t term,
			  bool ok)
{
	struct cl_input in = { .kind = CL_IN_TERM_WRITTEN, .group = group, .term = term, .ok = ok };
	hf_core_cluster(c, now_ns, &in);
}

void hf_core_relay_done(struct hf_core *c, uint64_t now_ns, uint32_t group)
{
	struct cl_input in = { .kind = CL_IN_RELAY_DONE, .group = group };

	c->now_ns = now_ns;
	if (!c->relaying)
		return;
	c->relaying = false;
	esp_group_set(c->datapath, (uint8_t)group, ESP_GROUP_STANDBY, 0);
	c->ops.relay_end(c->ops_ctx, group);
	core_cluster_step(c, &in);
}

static uint64_t ike_deadline_ns(const struct hf_core *c, uint64_t now_ns)
{
	uint64_t at = ike_next_deadline(c->engine);

	if (at == TIMER_NEVER)
		return UINT64_MAX;
	uint64_t now_ms = cl_cluster_time_ms(c->cluster, now_ns);
	return at <= now_ms ? now_ns : now_ns + (at - now_ms) * 1000000u;
}

uint64_t hf_core_next_deadline(const struct hf_core *c, uint64_t now_ns)
{
	uint64_t at = cl_next_deadline(c->cluster);

	for (size_t i = 0; i < c->node->n; i++) {
		const struct hf_core *each = c->node->core[i];
		uint64_t ike = ike_deadline_ns(each, now_ns);
		if (ike < at)
			at = ike;
		if (each->role == CL_ROLE_ACTIVE && each->next_tick_ns < at)
			at = each->next_tick_ns;
	}
	return at;
}

static void group_timer(struct hf_core *c)
{
	silence(c, c->role == CL_ROLE_ACTIVE && c->now_ns >= c->deadline_ns);
	if (ike_deadline_ns(c, c->now_ns) <= c->now_ns) {
		struct ike_input in = { .kind = IKE_IN_TIMER };
		core_ike(c, &in);
	}
	if (c->role == CL_ROLE_ACTIVE && c->next_tick_ns <= c->now_ns)
		core_tick(c);
}

void hf_core_timer(struct hf_core *c, uint64_t now_ns)
{
	node_now(c, now_ns);
	if (cl_next_deadline(c->cluster) <= now_ns) {
		struct cl_input in = { .kind = CL_IN_TIMER };
		core_cluster_step(c, &in);
	}
	for (size_t i = 0; i < c->node->n; i++)
		group_timer(c->node->core[i]);
}

bool hf_core_may_send(const struct hf_core *c, uint64_t now_ns)
{
	return core_is_owner(c) && now_ns < c->deadline_ns;
}

bool hf_core_relaying(const struct hf_core *c)
{
	return c->relaying;
}

const struct ike_engine *hf_core_engine(const struct hf_core *c)
{
	return c->engine;
}

const struct cl_node *hf_core_cluster_node(const struct hf_core *c)
{
	return c->cluster;
}

uint64_t hf_core_cluster_time_ms(const struct hf_core *c, uint64_t now_ns)
{
	return cl_cluster_time_ms(c->cluster, now_ns);
}

const struct hf_core_stats *hf_core_stats(const struct hf_core *c)
{
	return &c->stats;
}

static enum result spd_load(struct hf_core *c, const struct config *config)
{
	struct esp_policy *policies;
	size_t n;

	enum result res = core_translate_spd(config, (uint8_t)c->group, &policies, &n);
	if (res != R_OK)
		return res;
	res = esp_spd_set(c->datapath, policies, n);
	free(policies);
	return res;
}

enum result hf_core_reconfigure(struct hf_core *c, uint64_t now_ns, const struct config *config)
{
	struct ike_config *ike;

	c->now_ns = now_ns;
	enum result res = core_translate_ike(config, (uint8_t)c->group, &ike);
	if (res != R_OK)
		return res;
	res = spd_load(c, config);
	if (res != R_OK) {
		ike_config_free(ike);
		return res;
	}
	c->config = config;
	struct ike_input in = { .kind = IKE_IN_CONFIG, .config = ike };
	core_ike(c, &in);
	return R_OK;
}

/* The first core of a node makes what its further ones share. */
static enum result node_join(struct hf_core *c, const struct hf_core_config *cfg)
{
	if (cfg->first) {
		c->node = cfg->first->node;
		must(c->node->n < CL_GROUPS_MAX);
	} else {
		c->node = calloc(1, sizeof(*c->node));
		if (!c->node)
			return R_NO_MEMORY;
	}
	c->node->core[c->node->n++] = c;
	if (!cfg->first)
		c->node->cluster = cl_node_new(cfg->cluster);
	c->cluster = c->node->cluster;
	return c->cluster ? R_OK : R_NO_MEMORY;
}

static void node_leave(struct hf_core *c)
{
	struct core_node *n = c->node;

	if (!n)
		return;
	must(n->core[n->n - 1] == c);
	if (--n->n)
		return;
	cl_node_free(n->cluster);
	cl_outbox_clear(&n->outbox);
	free(n);
}

enum result hf_core_new(const struct hf_core_config *cfg, struct hf_core **out)
{
	struct ike_config *ike = NULL;
	struct hf_core *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return R_NO_MEMORY;
	c->config = cfg->config;
	c->datapath = cfg->datapath;
	c->ops = *cfg->ops;
	c->ops_ctx = cfg->ops_ctx;
	c->now_ns = cfg->now_ns;
	c->slot = cfg->first ? cfg->first->slot : cfg->cluster->slot;
	c->group = cfg->group ? cfg->group : cfg->cluster->groups[0].group;
	c->role = CL_ROLE_OFFLINE;
	c->children = hashmap_new(cfg->hash_seed);
	c->hold = ss_hold_new(sizeof(struct held));
	struct ike_engine_config ec = {
		.slot = c->slot,
		.random = cfg->random,
		.random_ctx = cfg->random_ctx,
		.on_seal = cfg->on_seal,
		.on_seal_ctx = cfg->on_seal_ctx,
		.on_row = cfg->on_row,
		.on_row_ctx = cfg->on_row_ctx,
	};
	memcpy(ec.hash_seed, cfg->hash_seed, sizeof(ec.hash_seed));
	enum result res = c->children && c->hold
				  ? core_translate_ike(cfg->config, (uint8_t)c->group, &ike)
				  : R_NO_MEMORY;
	if (res == R_OK) {
		c->engine = ike_engine_new(&ec, ike);
		res = c->engine ? node_join(c, cfg) : R_NO_MEMORY;
	}
	if (res == R_OK)
		res = spd_load(c, cfg->config);
	if (res != R_OK) {
		hf_core_free(c);
		return res;
	}
	*out = c;
	return R_OK;
}

void hf_core_free(struct hf_core *c)
{
	if (!c)
		return;
	if (c->hold) {
		core_drop_held(c);
		ss_hold_free(c->hold, held_free, NULL);
	}
	free(c->turn);
	free(c->records);
	hashmap_free(c->children, free);
	ike_engine_free(c->engine);
	node_leave(c);
	free(c);
}
