/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes of ownership, in order: what a standby does with each record, what
 * a new owner does before its first packet, what a former owner does after
 * its last (R5, R10, R13, R17..R19).
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "node/core_private.h"

/* Refused, counted, an alarm, and the state is asked for anew; not in a loop, should
 * that be what is wrong. */
static void import_failed(struct hf_core *c, const struct ss_record *r, enum result res)
{
	c->stats.import_errors++;
	if (c->now_ns >= c->resync_from_ns) {
		c->resync_from_ns = c->now_ns + HF_RESYNC_NS;
		c->answer_resync = true;
	}
	core_log(c, LOG_REPL_REFUSED, "record kind %u key %016llx: %s", r->kind,
		 (unsigned long long)r->key, result_text(res));
}

static enum result import_ike_sa(struct hf_core *c, const struct ss_record *r)
{
	struct ike_sa_state s = { 0 };

	if (r->erase) {
		ike_forget_sa(c->engine, r->key);
		return R_OK;
	}
	enum result res = ss_decode_ike_sa(r, &s);
	if (res == R_OK)
		res = ike_import_sa(c->engine, &s);
	ike_sa_state_clear(&s);
	return res;
}

static enum result import_child_sa(struct hf_core *c, const struct ss_record *r)
{
	struct child_sa_state s = { 0 };

	if (r->erase) {
		ike_forget_child(c->engine, (uint32_t)r->key);
		core_child_remove(c, (uint32_t)r->key);
		return R_OK;
	}
	enum result res = ss_decode_child_sa(r, &s);
	if (res == R_OK)
		res = ike_import_child(c->engine, &s);
	/* A closed one goes on receiving for its grace (R5), where it is here already. */
	if (res == R_OK && (s.stage != CHILD_SA_DEAD || core_child_find(c, s.spi_in)))
		core_child_install(c, &s); /* hot standby: installed, inactive */
	child_sa_state_clear(&s);
	return res;
}

static enum result import_lease(struct hf_core *c, const struct ss_record *r)
{
	struct ss_lease l;
	struct core_child *k = core_child_find(c, (uint32_t)r->key);

	if (r->erase || !k)
		return R_OK;
	enum result res = ss_decode_lease(r, &l);
	if (res == R_OK && l.lease_end > k->lease_end) {
		k->lease_end = l.lease_end;
		k->lease_term = l.term > k->birth_term ? l.term : k->birth_term;
		k->rate_pps = l.rate_pps;
	}
	return res;
}

static enum result import_peer_index(struct hf_core *c, const struct ss_record *r)
{
	struct peer_index_state s;

	if (r->erase || hf_rule_broken(HF_RULE_PEER_INDEX))
		return R_OK;
	enum result res = ss_decode_peer_index(r, &s);
	return res == R_OK ? ike_import_peer_index(c->engine, &s) : res;
}

/* A record of the log is in the store now. The owner's own state is where it came from. */
void core_apply(struct hf_core *c, const struct ss_record *r)
{
	enum result res = R_OK;

	if (c->role == CL_ROLE_ACTIVE || c->role == CL_ROLE_RELEASING)
		return;
	c->stats.records_in[core_record_kind(r)]++;
	switch (r->kind) {
	case SS_IKE_SA:
		res = import_ike_sa(c, r);
		break;
	case SS_CHILD_SA:
		res = import_child_sa(c, r);
		break;
	case SS_LEASE:
		res = import_lease(c, r);
		break;
	case SS_PEER_INDEX:
		res = import_peer_index(c, r);
		break;
	default: /* counters are read from the store at takeover; newer kinds are only kept */
		break;
	}
	if (res != R_OK)
		import_failed(c, r, res);
}

static void engine_forget(struct hf_core *c)
{
	struct ike_input in = { .kind = IKE_IN_DEACTIVATE };
	core_ike(c, &in);
}

void core_reset(struct hf_core *c)
{
	engine_forget(c);
	core_children_forget(c);
}

/* Outbound numbers of a takeover that was not handed over: behind everything the
 * former owner may have used. */
static uint64_t next_after_takeover(const struct hf_core *c, const struct core_child *k,
				    const struct cl_effect *fx)
{
	return core_child_in_doubt(c, k) ? core_child_jump(c, k, fx->silence_ms) : k->lease_end;
}

/*
 * R18: what the former owner accepted after the checkpoint. It makes one of
 * every SA that has moved, so that it lacks at most its last interval and the
 * time in which nobody heard it; an SA that was idle for hours lacks no more.
 */
static uint64_t exposure(const struct hf_core *c, const struct ss_counters *n,
			 const struct cl_effect *fx)
{
	uint64_t age_ms = core_time_ms(c) > n->at_ms ? core_time_ms(c) - n->at_ms : 0;
	uint64_t most_ms = core_checkpoint_age_ms(c) + fx->silence_ms;

	return n->rate_pps * (age_ms < most_ms ? age_ms : most_ms) / 1000 + 1;
}

static void resume_inbound(struct hf_core *c, struct core_child *k, const struct ss_counters *n,
			   const struct cl_effect *fx, struct esp_child_counters *out)
{
	if (hf_rule_broken(HF_RULE_CHECKPOINT) && !fx->handover)
		return;
	out->in_right_edge = n->in_right_edge;
	k->checkpoint_edge = n->in_right_edge;
	k->refuse_up_to = k->refuse_at_ns = 0;
	if (fx->handover && n->exact && !hf_rule_broken(HF_RULE_BITMAP)) {
		out->in_bitmap_words = (uint16_t)(n->in_bitmap.len / 8);
		if (out->in_bitmap_words > ESP_REPLAY_WINDOW_MAX / 64)
			out->in_bitmap_words = ESP_REPLAY_WINDOW_MAX / 64;
		for (unsigned int i = 0; i < out->in_bitmap_words; i++) {
			uint64_t word = 0;
			for (unsigned int b = 0; b < 8; b++)
				word = word << 8 | n->in_bitmap.p[i * 8 + b];
			out->in_bitmap[i] = word;
		}
		return;
	}
	/* R18 learn: what came after the checkpoint could be replayed to us; measured, shown,
	 * closed by a rekey. */
	k->exposure = exposure(c, n, fx);
	k->rekey_after_takeover = true;
	if (c->config->failover.inbound == INBOUND_STRICT)
		out->in_right_edge += k->exposure * 2;
	core_replay_exposed(c, k);
}

static void resume_child(struct hf_core *c, struct core_child *k, const struct cl_effect *fx)
{
	const struct ss_record *r = ss_store_get(cl_store(c->cluster, c->group), SS_COUNTERS,
						 k->spi_in);
	struct esp_child_counters resume = { .seq_next = next_after_takeover(c, k, fx),
					     .lease_end = k->lease_end };
	struct ss_counters n = { 0 };

	if (r && ss_decode_counters(r, &n) == R_OK) {
		if (fx->handover && n.exact && n.seq_next <= k->lease_end)
			resume.seq_next = n.seq_next;
		k->rekey_though_synced = core_child_guessed(c, k) || n.rekey; /* R10, R23 */
		k->rekey_after_takeover |= k->rekey_though_synced;
		resume_inbound(c, k, &n, fx, &resume);
		k->base_in_packets = n.in_packets;
		k->base_in_bytes = n.in_bytes;
		k->base_out_packets = n.out_packets;
		k->base_out_bytes = n.out_bytes;
		buf_free(&n.in_bitmap);
	} else {
		k->rekey_after_takeover = true;
	}
	if (hf_rule_broken(HF_RULE_LEASE))
		resume.seq_next = 1;
	if (resume.lease_end < resume.seq_next)
		resume.lease_end = resume.seq_next;
	enum result res = esp_child_resume(c->datapath, k->spi_in, &resume);
	if (res != R_OK && res != R_STALE)
		core_log(c, LOG_NODE_TROUBLE, "SPI 0x%08x cannot resume: %s", k->spi_in,
			 result_text(res));

	struct esp_child_stats st;
	if (esp_child_stats(c->datapath, k->spi_in, &st) == R_OK) {
		/* What this node counted when it last owned the SA is part of the base already. */
		k->base_in_packets -= st.in_packets < k->base_in_packets ? st.in_packets
									 : k->base_in_packets;
		k->base_in_bytes -= st.in_bytes < k->base_in_bytes ? st.in_bytes : k->base_in_bytes;
		k->base_out_packets -= st.out_packets < k->base_out_packets ? st.out_packets
									    : k->base_out_packets;
		k->base_out_bytes -= st.out_bytes < k->base_out_bytes ? st.out_bytes
								      : k->base_out_bytes;
		k->last_seq = st.seq_next;
		k->last_in_packets = st.in_packets;
	}
	k->rekey_asked_ns = 0;
}

/* Children that can carry their tunnel outbound, least wanted first. */
struct outbound_choice {
	struct outbound_child {
		uint32_t spi_in;
		unsigned int rank;
		uint64_t created_ms;
	} * child;
	size_t n, cap;
};

/*
 * One whose response may not have reached the peer comes last; one that the
 * peer will delete, next to last.
 */
static unsigned int outbound_rank(const struct child_sa_state *s)
{
	switch (s->stage) {
	case CHILD_SA_INSTALLED:
		return 1;
	case CHILD_SA_REKEYED:
		return 2;
	case CHILD_SA_ESTABLISHED:
		return s->replaced_by ? 2 : 3;
	default:
		return 0;
	}
}

static void outbound_candidate(void *ctx, const struct child_sa_state *s)
{
	struct outbound_choice *o = ctx;
	unsigned int rank = outbound_rank(s);

	if (rank && o->n < o->cap)
		o->child[o->n++] = (struct outbound_child){ .spi_in = s->spi_in,
							    .rank = rank,
							    .created_ms = s->created_ms };
}

static int outbound_compare(const void *x, const void *y)
{
	const struct outbound_child *a = x, *b = y;

	if (a->rank != b->rank)
		return a->rank < b->rank ? -1 : 1;
	if (a->created_ms != b->created_ms)
		return a->created_ms < b->created_ms ? -1 : 1;
	return (a->spi_in > b->spi_in) - (a->spi_in < b->spi_in);
}

/* The youngest established child of a tunnel carries it, as with the former owner; each call takes
 * over from the one before. */
static void choose_outbound(struct hf_core *c)
{
	struct outbound_choice o = { .cap = hashmap_count(c->children) };

	o.child = calloc(o.cap + 1, sizeof(*o.child));
	must(o.child);
	ike_each_child(c->engine, 0, outbound_candidate, &o);
	qsort(o.child, o.n, sizeof(*o.child), outbound_compare);
	for (size_t i = 0; i < o.n; i++)
		if (esp_child_use_outbound(c->datapath, o.child[i].spi_in) != R_OK)
			c->stats.import_errors++;
	free(o.child);
}

static void reimport(void *ctx, const struct ss_record *r)
{
	core_apply(ctx, r);
}

/* Installed in a turn that never became a record: nobody else will ever speak of it. */
static void children_without_record(struct hf_core *c)
{
	const struct ss_store *store = cl_store(c->cluster, c->group);
	struct core_child *k;

	for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;)
		if (!ss_store_get(store, SS_CHILD_SA, k->spi_in))
			core_child_remove(c, k->spi_in);
}

/* Ownership has ended. The engine may hold what never became a record: start again from the store,
 * which is what the others have. */
static void back_to_store(struct hf_core *c)
{
	core_drop_held(c);
	engine_forget(c);
	children_without_record(c);
	ss_store_each(cl_store(c->cluster, c->group), reimport, c);
}

static void become_active(struct hf_core *c, const struct cl_effect *fx)
{
	struct hf_role_change ch = { .group = fx->group,
				     .role = fx->role,
				     .term = fx->term,
				     .suspect = fx->suspect,
				     .handover = fx->handover,
				     .announce = true,
				     .why = fx->why };
	bool again = c->role == CL_ROLE_RELEASING && c->term == fx->term;
	struct core_child *k;

	/* R19: our RELEASE was not answered, or we have merged (R23), and we claimed again. A new
	 * term begins from the log, also here (R11). */
	c->merging = false;
	if (c->role == CL_ROLE_RELEASING && !again) {
		c->role = CL_ROLE_STANDBY;
		back_to_store(c);
	}
	c->role = CL_ROLE_ACTIVE;
	c->term = fx->term;
	c->suspect_term = fx->suspect_term;
	core_alone(c);
	c->next_tick_ns = c->now_ns;
	c->rekey_from_ns = c->now_ns + HF_REKEY_DELAY_NS;
	if (c->relaying) {
		c->relaying = false;
		c->ops.relay_end(c->ops_ctx, fx->group);
	}
	if (!again) {
		for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;)
			resume_child(c, k, fx);
		choose_outbound(c);
	}
	/* Not before the addresses are here: the kernel has no route from one that is not its own.
	 * Meanwhile it queues. */
	esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_READY, 0);
	if (hf_rule_broken(HF_RULE_ANNOUNCE) && hashmap_count(c->children) > 0)
		ch.announce = false;
	c->ops.role(c->ops_ctx, &ch);
	uint64_t iv_term = hf_rule_broken(HF_RULE_IV_TERM) ? IV_TERM_DELTA_MAX : fx->term;
	esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_ACTIVE, iv_term);
	if (again)
		return;
	for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;) {
		core_child_lease(c, k);
		/* R17: near 2^32 it has asked for a rekey, of an engine that is not active yet. */
		k->rekey_after_takeover |= k->rekey_asked_ns != 0;
		k->rekey_asked_ns = 0;
	}
	struct ike_input in = { .kind = IKE_IN_ACTIVATE,
				.term = fx->term,
				.suspect_term = fx->suspect_term };
	core_ike(c, &in);
}

void core_role(struct hf_core *c, const struct cl_effect *fx)
{
	bool was_owner = c->role == CL_ROLE_ACTIVE || c->role == CL_ROLE_RELEASING;

	if (fx->role == CL_ROLE_ACTIVE) {
		/* It may have gone on without the group, and has it again. */
		if (hf_rule_broken(HF_RULE_STANDBY) && c->term != fx->term) {
			c->role = CL_ROLE_STANDBY;
			back_to_store(c);
		}
		become_active(c, fx);
		core_admission_took_over(c, fx->handover);
		return;
	}
	if (hf_rule_broken(HF_RULE_STANDBY) && was_owner) {
		struct hf_role_change unheard = {
			.group = fx->group, .role = fx->role, .term = fx->term, .why = fx->why
		};
		c->ops.role(c->ops_ctx, &unheard);
		return;
	}
	if (fx->role == CL_ROLE_RELEASING) {
		c->role = fx->role;
		return;
	}
	struct hf_role_change ch = { .group = fx->group,
				     .role = fx->role,
				     .term = fx->term,
				     .handover = c->relaying,
				     .why = fx->why };
	c->role = fx->role;
	core_admission_forget(c);
	c->merging = false;
	if (!c->relaying)
		esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_STANDBY, 0);
	c->ops.role(c->ops_ctx, &ch);
	if (!was_owner)
		return;
	if (fx->role == CL_ROLE_STANDBY) {
		back_to_store(c);
	} else {
		core_drop_held(c);
		engine_forget(c);
	}
}

/* false: the datapath does not have it. */
bool core_final_counters(struct hf_core *c, struct core_child *k, struct ss_record *r)
{
	struct esp_child_counters n;
	struct esp_child_stats st;
	uint8_t bitmap[sizeof(n.in_bitmap)];

	core_replay_refuse(c, k, true);
	if (esp_child_take_counters(c->datapath, k->spi_in, &n) != R_OK ||
	    esp_child_stats(c->datapath, k->spi_in, &st) != R_OK)
		return false;
	for (unsigned int i = 0; i < n.in_bitmap_words; i++)
		for (unsigned int b = 0; b < 8; b++)
			bitmap[i * 8 + b] = (uint8_t)(n.in_bitmap[i] >> (56 - 8 * b));
	struct ss_counters out = {
		.spi_in = k->spi_in,
		.seq_next = n.seq_next,
		.in_right_edge = n.in_right_edge,
		.exact = true,
		.used_apart = core_used_apart(k, &st),
		.rekey = k->rekey_after_takeover,
		.at_ms = core_time_ms(c),
		.rate_pps = k->in_rate_pps,
		.in_packets = k->base_in_packets + st.in_packets,
		.in_bytes = k->base_in_bytes + st.in_bytes,
		.out_packets = k->base_out_packets + st.out_packets,
		.out_bytes = k->base_out_bytes + st.out_bytes,
	};

	must(buf_set(&out.in_bitmap, bytes(bitmap, n.in_bitmap_words * 8u)));
	must(ss_encode_counters(&out, r) == R_OK);
	buf_free(&out.in_bitmap);
	return true;
}

/* R19: stop sealing and opening, then say exactly where we stopped. */
void core_quiesce(struct hf_core *c, const struct cl_effect *fx)
{
	struct ss_record r = { 0 };
	struct core_child *k;

	if (fx->merge) {
		esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_READY, 0);
	} else {
		c->ops.relay_begin(c->ops_ctx, fx->group, &fx->mate);
		if (!hf_rule_broken(HF_RULE_RELAY))
			esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_RELAY, 0);
		else
			esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_STANDBY, 0);
		c->relaying = true;
	}
	c->role = CL_ROLE_RELEASING;
	for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;)
		if (core_final_counters(c, k, &r))
			core_record(c, &r);
	c->quiesced_for_merge = fx->merge;
	c->answer_quiesced = true;
}

/*
 * R19. Handed back within seconds: stragglers need not be sent on any more, but
 * the address stays, and what reaches it waits here with the rest.
 */
void core_prepare(struct hf_core *c, const struct cl_effect *fx)
{
	const struct hf_role_change ch = { .group = fx->group,
					   .role = CL_ROLE_PREPARING,
					   .handover = c->relaying,
					   .why = "handover" };

	c->relaying = false;
	esp_group_set(c->datapath, (uint8_t)fx->group, ESP_GROUP_READY, 0);
	c->role = CL_ROLE_PREPARING;
	c->ops.role(c->ops_ctx, &ch);
	c->answer_prepared = true;
}
