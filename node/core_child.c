/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHILD SAs on their way between engine, log and datapath: installation,
 * leases (R17), inbound checkpoints (R18), lifetimes by volume, evidence of
 * life for DPD, and the paced rekeys that follow a takeover.
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "node/core_private.h"

/* R10: from 2^31 on a receiver with ESN would guess another high half (RFC 4303 A2.2). */
#define SEQ_JUMP_MAX ((1ull << 31) - 1)

/*
 * R10: the rate that was last heard of says nothing of a burst, and numbers are
 * cheap: the SA is rekeyed next. Ten million a second for six seconds; and by
 * the slot, for who was cut off may not know of the suspect owner before.
 */
#define SEQ_JUMP_MIN(slot) ((1ull << 26) * (1u + (slot)))

#define CHECKPOINT_BYTES 80u /* of one counters record, at most */

static struct bytes spi_key(const uint32_t *spi_in)
{
	return bytes(spi_in, sizeof(*spi_in));
}

struct core_child *core_child_find(const struct hf_core *c, uint32_t spi_in)
{
	return hashmap_get(c->children, spi_key(&spi_in));
}

static struct core_child *child_track(struct hf_core *c, const struct child_sa_state *s)
{
	struct core_child *k = core_child_find(c, s->spi_in);

	if (!k) {
		k = calloc(1, sizeof(*k));
		must(k && hashmap_insert(c->children, spi_key(&s->spi_in), k) == R_OK);
		k->spi_in = s->spi_in;
		k->lease_end = s->lease_end;
		k->birth_term = k->lease_term = s->birth_term;
		k->last_seq = 1;
	}
	k->tunnel = s->tunnel;
	k->esn = s->transforms.esn;
	k->lifetime_kb = s->lifetime_kb;
	return k;
}

bool core_child_in_doubt(const struct hf_core *c, const struct core_child *k)
{
	return k->lease_term < c->suspect_term;
}

bool core_child_guessed(const struct hf_core *c, const struct core_child *k)
{
	return k->birth_term < c->suspect_term;
}

uint64_t core_child_jump(const struct hf_core *c, const struct core_child *k, uint64_t silence_ms)
{
	/* It may have granted itself more than we know; one block at once, when its term began
	 * unprotected. */
	uint64_t jump = core_child_lease_block(c, k) +
			4 * k->rate_pps * ((silence_ms + 999) / 1000);
	uint64_t least = SEQ_JUMP_MIN(c->slot);

	if (hf_rule_broken(HF_RULE_SUSPECT))
		return k->lease_end;
	if (jump < least && (k->esn || k->lease_end + least < UINT32_MAX - HF_SEQ32_RESERVE))
		jump = least;
	return k->lease_end + (jump < SEQ_JUMP_MAX ? jump : SEQ_JUMP_MAX);
}

/*
 * R10: a request of a former owner, answered to us. That one may have had the answer as well, and
 * used the SA: the keys are the same.
 */
static bool may_have_been_used(const struct hf_core *c, const struct core_child *k, bool is_new)
{
	return is_new && c->role == CL_ROLE_ACTIVE && core_child_in_doubt(c, k) &&
	       !hf_rule_broken(HF_RULE_ANSWERED_TWICE);
}

/* Idempotent: a standby sees the record of an SA every time that it changes. */
void core_child_install(struct hf_core *c, const struct child_sa_state *s)
{
	const bool is_new = !core_child_find(c, s->spi_in);
	struct core_child *k = child_track(c, s);
	const bool used = may_have_been_used(c, k, is_new);

	if (used)
		k->lease_end = core_child_jump(c, k, 0);
	struct esp_child_params p = {
		.spi_in = s->spi_in,
		.spi_out = s->spi_out,
		.tunnel = s->tunnel,
		.group = (uint8_t)c->group,
		.udp_encap = s->udp_encap,
		.replay_window = (uint16_t)c->config->replay_window,
		.local = s->local,
		.remote = s->remote,
		.local_ts = s->local_ts,
		.remote_ts = s->remote_ts,
		.transforms = s->transforms,
		.keys_in = &s->keys_in,
		.keys_out = &s->keys_out,
		.birth_term = s->birth_term,
		.seq_next = used ? k->lease_end : 1,
		.lease_end = k->lease_end,
	};
	enum result res = esp_child_install(c->datapath, &p);

	if (res == R_EXISTS)
		res = esp_child_move(c->datapath, s->spi_in, &s->local, &s->remote, s->udp_encap);
	if (res != R_OK) {
		c->stats.import_errors++;
		core_log(c, LOG_NODE_TROUBLE, "SPI 0x%08x cannot be installed: %s", s->spi_in,
			 result_text(res));
	}
	k->rekey_after_takeover |= used;
	k->lease_due |= used;
}

void core_child_recorded(struct hf_core *c, uint32_t spi_in)
{
	struct core_child *k = core_child_find(c, spi_in);

	if (!k || !k->lease_due)
		return;
	k->lease_due = false;
	core_child_lease(c, k);
}

void core_child_remove(struct hf_core *c, uint32_t spi_in)
{
	struct core_child *k = hashmap_remove(c->children, spi_key(&spi_in));

	if (!k)
		return;
	esp_child_remove(c->datapath, spi_in);
	core_log(c, LOG_ESP_SA_DELETED, "SPI 0x%08x", spi_in);
	free(k);
}

void core_children_forget(struct hf_core *c)
{
	struct core_child *k;

	for (size_t it = 0; (k = hashmap_next(c->children, &it)) != NULL;) {
		uint32_t spi_in = k->spi_in;
		free(hashmap_remove(c->children, spi_key(&spi_in)));
	}
	esp_child_remove_all(c->datapath, (uint8_t)c->group);
}

/*
 * R17: rate x (acknowledgement + worst membership stall), doubled because a
 * block is renewed at half. Commit timeout bounds the acknowledgement, the
 * ownership deadline the stall; three seconds cover both defaults.
 */
uint64_t core_child_lease_block(const struct hf_core *c, const struct core_child *k)
{
	uint64_t block = k->rate_pps * 6, least = core_lease_min(c->config);
	return block < least ? least : block;
}

static void append_lease(struct hf_core *c, struct core_child *k)
{
	struct ss_lease l = {
		.spi_in = k->spi_in,
		.lease_end = k->lease_end,
		.rate_pps = k->rate_pps,
		.self_granted = !cl_is_protected(c->cluster, c->group),
		.term = c->term,
	};
	struct ss_record r = { 0 };

	must(ss_encode_lease(&l, &r) == R_OK);
	core_record(c, &r);
	k->lease_term = c->term;
	struct held h = { .kind = HELD_GRANT, .spi_in = k->spi_in, .lease_end = k->lease_end };
	core_hold(c, &h);
}

bool core_child_lease_beyond(struct hf_core *c, struct core_child *k, uint64_t next)
{
	uint64_t end = next + core_child_lease_block(c, k);

	if (!cl_may_grant(c->cluster, c->group) || (!k->esn && end > UINT32_MAX - HF_SEQ32_RESERVE))
		return false;
	if (end > k->lease_end) {
		k->lease_end = end;
		append_lease(c, k);
	}
	return true;
}

static bool rekey_due(const struct hf_core *c, struct core_child *k)
{
	if (k->rekey_asked_ns && c->now_ns < k->rekey_asked_ns + HF_REKEY_AGAIN_NS)
		return false;
	k->rekey_asked_ns = c->now_ns;
	return true;
}

/* The engine's answer may be that the child is gone, and others with it. */
static void ask_rekey(struct hf_core *c, uint32_t spi_in)
{
	struct ike_input in = { .kind = IKE_IN_REKEY_CHILD, .spi_in = spi_in };
	core_ike(c, &in);
}

static bool may_grant(const struct hf_core *c)
{
	return cl_may_grant(c->cluster, c->group) || hf_rule_broken(HF_RULE_GRANT);
}

/* Renew when half of the block is used. True: the numbers end, it is to be rekeyed. */
static bool lease_renew(struct hf_core *c, struct core_child *k, uint64_t seq_next)
{
	uint64_t block = core_child_lease_block(c, k);
	if (seq_next + block / 2 <= k->lease_end || !may_grant(c))
		return false;
	uint64_t end = seq_next + block;
	const bool near_end = !k->esn && end > UINT32_MAX - HF_SEQ32_RESERVE;
	if (near_end && end > UINT32_MAX)
		end = UINT32_MAX;
	if (end > k->lease_end) {
		k->lease_end = end;
		append_lease(c, k);
	}
	return near_end;
}

void core_child_lease(struct hf_core *c, struct core_child *k)
{
	const uint32_t spi_in = k->spi_in;
	struct esp_child_stats st;

	if (esp_child_stats(c->datapath, spi_in, &st) == R_OK && lease_renew(c, k, st.seq_next) &&
	    rekey_due(c, k))
		ask_rekey(c, spi_in);
}

/*
 * Quorum can have gone since the lease was logged, and the standbys with it:
 * then nobody granted it (R17), and it is asked for anew when it can count.
 */
static void lease_refused(struct hf_core *c, struct core_child *k)
{
	struct esp_child_stats st;

	c->stats.leases_refused++;
	if (esp_child_stats(c->datapath, k->spi_in, &st) == R_OK)
		k->lease_end = st.lease_end;
}

void core_child_grant(struct hf_core *c, const struct held *h)
{
	struct core_child *k = core_child_find(c, h->spi_in);

	if (!k)
		return;
	if (!may_grant(c)) {
		lease_refused(c, k);
		return;
	}
	if (esp_child_grant(c->datapath, k->spi_in, h->lease_end) != R_OK)
		return;
	c->stats.leases_granted++;
	/* One before it can have been refused; the next must not fall below this one. */
	if (h->lease_end > k->lease_end)
		k->lease_end = h->lease_end;
}

static void measure(struct hf_core *c, struct core_child *k, const struct esp_child_stats *st)
{
	uint64_t ms = (k->measured_ns ? c->now_ns - k->measured_ns : HF_TICK_NS) / 1000000u;
	uint64_t out = st->seq_next > k->last_seq ? st->seq_next - k->last_seq : 0;
	uint64_t in = st->in_packets - k->last_in_packets;

	out = out * 1000 / (ms ? ms : 1);
	in = in * 1000 / (ms ? ms : 1);
	/* Up at once, down slowly: a lease that is too large costs numbers, one too
	 * small costs packets. */
	k->rate_pps = out > k->rate_pps ? out : (k->rate_pps * 31 + out) / 32;
	k->in_rate_pps = (k->in_rate_pps * 3 + in) / 4;
	k->measured_ns = c->now_ns;
	k->last_seq = st->seq_next;
	k->last_in_packets = st->in_packets;
}

/* True: it has received since it was last asked; age_ms says how long ago. */
static bool lives(struct hf_core *c, struct core_child *k, const struct esp_child_stats *st,
		  uint64_t *age_ms)
{
	const uint64_t now_ms = c->now_ns / 1000000u;

	if (st->last_in_ms == k->last_in_ms)
		return false;
	k->last_in_ms = st->last_in_ms;
	*age_ms = now_ms > st->last_in_ms ? now_ms - st->last_in_ms : 0;
	return true;
}

/* R18; returns the bytes used of the budget. */
static size_t checkpoint(struct hf_core *c, struct core_child *k, const struct esp_child_stats *st)
{
	if (st->in_right_edge == k->checkpoint_edge ||
	    c->now_ns < k->checkpoint_ns + HF_CHECKPOINT_NS)
		return 0;
	struct ss_counters n = {
		.spi_in = k->spi_in,
		.in_right_edge = st->in_right_edge,
		.at_ms = core_time_ms(c),
		.rate_pps = k->in_rate_pps,
		.in_packets = k->base_in_packets + st->in_packets,
		.in_bytes = k->base_in_bytes + st->in_bytes,
		.out_packets = k->base_out_packets + st->out_packets,
		.out_bytes = k->base_out_bytes + st->out_bytes,
	};
	struct ss_record r = { 0 };

	must(ss_encode_counters(&n, &r) == R_OK);
	size_t used = r.data.len + 16; /* its frame */
	core_record(c, &r);
	k->checkpoint_edge = st->in_right_edge;
	k->checkpoint_ns = c->now_ns;
	c->stats.checkpoints++;
	return used;
}

static bool volume_used(const struct core_child *k, const struct esp_child_stats *st)
{
	uint64_t in = k->base_in_bytes + st->in_bytes, out = k->base_out_bytes + st->out_bytes;
	uint64_t soft = k->lifetime_kb * 1024 / 10 * 9;

	return k->lifetime_kb && (in > soft || out > soft);
}

static bool rekey_paced(struct hf_core *c, struct core_child *k, unsigned int *left)
{
	if (!k->rekey_after_takeover || !*left || c->now_ns < c->rekey_from_ns)
		return false;
	k->rekey_after_takeover = false;
	c->stats.rekeys_after_takeover++;
	--*left;
	return true;
}

/* What the engine is told comes last: then the child may be gone. */
static void tick_one(struct hf_core *c, struct core_child *k)
{
	struct ike_input life = { .kind = IKE_IN_TRAFFIC, .spi_in = k->spi_in };
	struct esp_child_stats st;
	uint64_t age_ms;
	bool rekey = false;

	if (esp_child_stats(c->datapath, k->spi_in, &st) != R_OK)
		return;
	measure(c, k, &st);
	if (st.outbound_in_use)
		rekey = lease_renew(c, k, st.seq_next);
	core_replay_refuse(c, k, false);
	size_t used = checkpoint(c, k, &st);
	c->tick.checkpoint_bytes -= used < c->tick.checkpoint_bytes ? used
								    : c->tick.checkpoint_bytes;
	rekey = volume_used(k, &st) || rekey;
	rekey = rekey_paced(c, k, &c->tick.rekeys) || rekey;
	rekey = rekey && rekey_due(c, k);
	if (lives(c, k, &st, &age_ms)) {
		life.at_ms = core_time_ms(c) - age_ms;
		core_ike(c, &life);
	}
	if (rekey)
		ask_rekey(c, life.spi_in);
}

static struct core_child *next_child(struct hf_core *c)
{
	struct core_child *k = hashmap_next(c->children, &c->tick_at);

	if (k)
		return k;
	c->tick_at = 0;
	return hashmap_next(c->children, &c->tick_at);
}

static size_t visits_per_tick(size_t n)
{
	const size_t share = n / (HF_CHECKPOINT_NS / HF_TICK_NS) + 1;

	return share > HF_TICK_CHILDREN ? share : HF_TICK_CHILDREN;
}

static void tick_begin(struct hf_core *c, size_t n)
{
	c->tick.from_ns = c->now_ns;
	c->tick.visits += visits_per_tick(n);
	if (c->tick.visits > n)
		c->tick.visits = n;
	c->tick.checkpoint_bytes = HF_CHECKPOINT_BUDGET;
	c->tick.rekeys = HF_REKEYS_PER_TICK;
}

/*
 * Every HF_TICK_NS while active. Where there are many children they take turns:
 * a tick visits as many as it takes to have seen all within HF_CHECKPOINT_NS,
 * and fewer when its checkpoints are used up; the next one goes on there (R18).
 * It does so in slices, evenly over its time: thousands at once would hold up
 * for milliseconds whoever waits for an answer.
 */
void core_tick(struct hf_core *c)
{
	const size_t n = hashmap_count(c->children);
	struct core_child *k;

	if (!c->tick.from_ns || c->now_ns >= c->tick.from_ns + HF_TICK_NS)
		tick_begin(c, n);
	for (size_t slice = HF_TICK_SLICE;
	     slice > 0 && c->tick.visits > 0 && (k = next_child(c)) != NULL; slice--) {
		tick_one(c, k);
		c->tick.visits = c->tick.checkpoint_bytes ? c->tick.visits - 1 : 0;
	}
	c->next_tick_ns = c->tick.from_ns + HF_TICK_NS;
	if (c->tick.visits && n)
		c->next_tick_ns = c->now_ns + HF_TICK_NS / (visits_per_tick(n) / HF_TICK_SLICE + 1);
}

/*
 * R18: how old the last checkpoint of a changed SA can be: its interval, and a turn of all
 * where they are more than one tick visits or the budget serves.
 */
uint64_t core_checkpoint_age_ms(const struct hf_core *c)
{
	const size_t n = hashmap_count(c->children);
	const uint64_t turn = n / visits_per_tick(n);
	const uint64_t served = n * CHECKPOINT_BYTES / HF_CHECKPOINT_BUDGET;

	/* One until the next tick, and one over which its visits are spread. */
	return (HF_CHECKPOINT_NS + ((turn > served ? turn : served) + 2) * HF_TICK_NS) / 1000000u;
}

enum result hf_core_child_totals(const struct hf_core *c, uint32_t spi_in,
				 struct hf_child_totals *out)
{
	const struct core_child *k = core_child_find(c, spi_in);
	struct esp_child_stats st;

	memset(out, 0, sizeof(*out));
	if (!k || esp_child_stats(c->datapath, spi_in, &st) != R_OK)
		return R_NOT_FOUND;
	out->in_packets = k->base_in_packets + st.in_packets;
	out->in_bytes = k->base_in_bytes + st.in_bytes;
	out->out_packets = k->base_out_packets + st.out_packets;
	out->out_bytes = k->base_out_bytes + st.out_bytes;
	out->lease_end = k->lease_end;
	out->exposure = k->exposure;
	return R_OK;
}
