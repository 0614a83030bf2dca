/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing (RFC 4303 3.3, RFC 4301 5.1): a burst is classified, numbered run by
 * run, framed, and handed to the transforms. Sequence number and IV come from
 * one place, allocate_run(), under the lease (R16, R17). Worker threads.
 */
#include "esp/worker.h"

#define ACQUIRE_NS UINT64_C(1000000000) /* one ACQUIRE per tunnel and second */

/* What one burst sees of what control publishes. */
struct view {
	struct esp_worker *w;
	uint64_t now_ns;
	uint64_t generation;
	const struct spd *spd;
};

struct esp_child *tunnel_child(const struct esp_tunnel *tunnel, const struct flow *f)
{
	const struct outbound_set *set = atomic_load_explicit(&tunnel->outbound,
							      memory_order_acquire);
	for (size_t i = 0; set != NULL && i < set->n; i++)
		if (child_selects(set->child[i], f))
			return set->child[i];
	return NULL;
}

/* ---- classification ---- */

/* Two entries per flow: its place and the neighbour. */
static struct flow_entry *flow_place(struct esp_worker *w, const struct flow *f)
{
	const uint64_t local = (uint64_t)f->local ^ (uint64_t)(f->local >> 64);
	const uint64_t remote = (uint64_t)f->remote ^ (uint64_t)(f->remote >> 64);
	/* Odd constants with no pattern; independent products, folded by a last one. */
	uint64_t h = local * UINT64_C(0x9e3779b97f4a7c15) ^ remote * UINT64_C(0xbf58476d1ce4e5b9) ^
		     f->rest * UINT64_C(0x94d049bb133111eb);
	h = (h ^ (h >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	return &w->flows[(h >> (64 - FLOW_CACHE_LOG2)) & ~UINT64_C(1)];
}

static struct esp_child *flow_recall(const struct view *v, const struct flow *f,
				     const struct flow_entry *place)
{
	for (unsigned int i = 0; i < 2; i++)
		if (place[i].generation == v->generation && flow_equal(&place[i].flow, f))
			return place[i].child;
	return NULL;
}

static void flow_remember(const struct view *v, const struct flow *f, struct flow_entry *place,
			  struct esp_child *child)
{
	place[1] = place[0];
	place[0] = (struct flow_entry){ .flow = *f, .generation = v->generation, .child = child };
}

/* No SA carries the packet: ask control for one, once per second and tunnel, and keep the
 * packet. */
static enum esp_verdict acquire(const struct view *v, const struct spd_rule *rule,
				const struct flow *f, const struct esp_packet *pkt)
{
	_Atomic uint64_t *asked_ns = &rule->tunnel->acquire_ns;
	uint64_t last = atomic_load_explicit(asked_ns, memory_order_relaxed);
	if ((last == 0 || v->now_ns - last >= ACQUIRE_NS) &&
	    atomic_compare_exchange_strong_explicit(asked_ns, &last, stamp(v->now_ns),
						    memory_order_relaxed, memory_order_relaxed)) {
		const struct esp_event ev = {
			.kind = ESP_EVENT_ACQUIRE,
			.group = rule->group,
			.tunnel = rule->tunnel->id,
			.packet_local = flow_selector(f, true),
			.packet_remote = flow_selector(f, false),
		};
		if (!worker_post(v->w, &ev))
			atomic_store_explicit(asked_ns, 0, memory_order_relaxed);
	}
	return pending_keep(&v->w->pending, rule->tunnel->id, pkt, v->now_ns);
}

/* By the SPD: first match, then the tunnel's child whose negotiated TS contain the packet. */
static enum esp_verdict classify_slowly(const struct view *v, const struct flow *f,
					const struct esp_packet *pkt, struct esp_child **child)
{
	const struct spd_rule *rule = spd_match(v->spd, f);
	if (rule == NULL)
		return ESP_V_NO_POLICY;
	if (rule->action == ESP_BYPASS)
		return ESP_V_BYPASS;
	const struct gate *gate = worker_gate(v->w, rule->group, v->now_ns);
	if (gate->verdict != ESP_V_OK)
		return gate->verdict;
	*child = tunnel_child(rule->tunnel, f);
	return *child != NULL ? ESP_V_OK : acquire(v, rule, f, pkt);
}

static inline uint32_t text_len_of(const struct esp_transform *row, uint32_t inner_len)
{
	return (inner_len + 2u + row->block - 1u) & ~(row->block - 1u);
}

static inline bool has_room(const struct esp_packet *pkt, const struct esp_transform *row)
{
	const size_t end = (size_t)pkt->off + text_len_of(row, pkt->len) + row->icv;
	return pkt->off >= esp_transform_head(row) && end <= pkt->cap;
}

static enum esp_verdict classify(const struct view *v, const struct esp_packet *pkt,
				 const struct flow *f, struct flow_entry *place,
				 struct esp_child **child)
{
	*child = flow_recall(v, f, place);
	if (*child == NULL) {
		const enum esp_verdict verdict = classify_slowly(v, f, pkt, child);
		if (verdict != ESP_V_OK)
			return verdict;
		flow_remember(v, f, place, *child);
	}
	__builtin_prefetch(*child);
	__builtin_prefetch((void *)&(*child)->seq_next, 1);
	return ESP_V_OK;
}

static enum esp_verdict admit(const struct view *v, const struct esp_packet *pkt,
			      const struct esp_child *child)
{
	const struct gate *gate = worker_gate(v->w, child->group, v->now_ns);
	if (gate->verdict != ESP_V_OK)
		return gate->verdict;
	if (!has_room(pkt, child->row))
		return ESP_V_TOO_BIG;
	return ESP_V_OK;
}

static void prefetch_parts(const struct esp_worker *w, const struct esp_child *child)
{
	if (child->row->key_prefetch != NULL)
		child->row->key_prefetch(child->key_out);
	__builtin_prefetch((const void *)atomic_load_explicit(&child->path, memory_order_relaxed));
	__builtin_prefetch(&child->stats[w->index], 1);
}

/*
 * Three walks over the burst, each asking for the memory that the next one
 * needs: headers and the flow's place, the child, the child's parts. A packet
 * of the same flow as the one before goes the same way without a look-up.
 * Returns how many jobs there are.
 */
static size_t classify_burst(const struct view *v, struct esp_packet *pkts, size_t n)
{
	struct esp_worker *w = v->w;
	struct flow flow[ESP_BURST];
	struct flow_entry *place[ESP_BURST];
	const uint8_t *before = NULL; /* the packet of flow[flows - 1] */
	size_t flows = 0, found = 0, jobs = 0;
	for (size_t i = 0; i < n; i++) {
		struct esp_packet *pkt = &pkts[i];
		const uint8_t *ip = pkt->buf + pkt->off;
		pkt->spi_in = 0;
		const bool same = before != NULL && pkt->len >= FLOW_SAME_MIN &&
				  flow_same(before, ip);
		const size_t len = same ? flow_plain_len(ip, pkt->len)
					: flow_parse(ip, pkt->len, FLOW_OUTBOUND, &flow[flows]);
		if (len == 0 || pkt->gso_size != 0) {
			/* A train is cut before it comes here. */
			pkt->verdict = len == 0 ? ESP_V_NOT_IP : ESP_V_TOO_BIG;
			continue;
		}
		if (!same) {
			place[flows] = flow_place(w, &flow[flows]);
			__builtin_prefetch(place[flows++]);
			before = len >= FLOW_SAME_MIN ? ip : NULL;
		}
		pkt->len = (uint32_t)len;
		pkt->verdict = ESP_V_OK;
		w->job[found++] = (struct job){ .packet = pkt, .flow = (uint16_t)(flows - 1) };
	}
	for (size_t i = 0; i < found; i++) {
		struct job *job = &w->job[i];
		if (i > 0 && job->flow == job[-1].flow && job[-1].child != NULL)
			job->child = job[-1].child;
		else
			job->packet->verdict = (uint8_t)classify(v, job->packet, &flow[job->flow],
								 place[job->flow], &job->child);
	}
	/* Copied only where a refused packet has left a gap: the copy would wait for
	 * the stores before it. */
	for (size_t i = 0; i < found; i++) {
		struct job *job = &w->job[i];
		if (job->child == NULL)
			continue;
		job->packet->verdict = (uint8_t)admit(v, job->packet, job->child);
		if (job->packet->verdict != ESP_V_OK)
			continue;
		if (jobs == 0 || w->job[jobs - 1].child != job->child)
			prefetch_parts(w, job->child);
		if (jobs != i)
			w->job[jobs] = *job;
		jobs++;
	}
	return jobs;
}

/* ---- numbers ---- */

struct number_run {
	uint64_t first;
	size_t n;
	uint64_t iv_prefix;
	enum esp_verdict rest; /* verdict of what got no number */
};

static void ask_for_lease(struct esp_worker *w, struct esp_child *child)
{
	const struct esp_event ev = { .kind = ESP_EVENT_LEASE_LOW,
				      .group = child->group,
				      .tunnel = child->tunnel->id,
				      .spi_in = child->spi_in };
	const uint64_t low = atomic_exchange_explicit(&child->lease_low, UINT64_MAX,
						      memory_order_relaxed);
	if (low != UINT64_MAX && !worker_post(w, &ev))
		atomic_store_explicit(&child->lease_low, low, memory_order_relaxed);
}

/*
 * R16, R17: up to n numbers of the SA, with the prefix of their IVs. The
 * number is the IV's counter, so two workers can no more share an IV than a
 * number, and two owners differ in slot or term.
 */
static struct number_run allocate_run(struct esp_worker *w, struct esp_child *child, uint64_t term,
				      size_t n)
{
	struct number_run run = { .n = 0, .rest = ESP_V_IV_EXHAUSTED };
	if (!child->row->iv_random &&
	    iv_prefix(w->dp->slot, term, child->birth_term, &run.iv_prefix) != R_OK)
		return run;
	const uint64_t lease_end = atomic_load_explicit(&child->lease_end, memory_order_relaxed);
	const uint64_t end = lease_end < child->seq_end ? lease_end : child->seq_end;
	seq_raise(&child->seq_next, atomic_load_explicit(&child->seq_floor, memory_order_relaxed));
	run.n = seq_take(&child->seq_next, end, n, w->alone, &run.first);
	const uint64_t next = run.first + run.n;
	if (next < child->seq_end)
		run.rest = ESP_V_LEASE;
	else
		run.rest = child->esn ? ESP_V_IV_EXHAUSTED : ESP_V_SEQ_EXHAUSTED;
	if (next > atomic_load_explicit(&child->lease_low, memory_order_relaxed) || run.n < n)
		ask_for_lease(w, child);
	return run;
}

/* ---- framing ---- */

static inline void store32(uint8_t *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void store64(uint8_t *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}

/* RFC 4301 5.1.2.1, RFC 6040 4.1: the outer header carries the inner DSCP and ECN. */
static uint8_t inner_tos(const uint8_t *ip)
{
	const unsigned int v6_class = (unsigned int)ip[0] << 4 | ip[1] >> 4;
	return (uint8_t)((ip[0] >> 4) == 4 ? ip[1] : v6_class);
}

/* RFC 4303 2.4: padding is 1, 2, 3, ...; the ICV's place behind it makes 16 bytes always
 * writable. */
static const uint8_t padding[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

/* Build the packet around the inner one, all but what the transform writes. */
static void frame(struct esp_packet *pkt, const struct esp_child *child, uint64_t seq,
		  uint64_t prefix, struct esp_op *op)
{
	const struct esp_transform *row = child->row;
	const uint32_t head = (uint32_t)esp_transform_head(row);
	const uint32_t text_len = text_len_of(row, pkt->len);
	uint8_t *text = pkt->buf + pkt->off;
	const uint8_t next_header = (text[0] >> 4) == 4 ? 4 : 41;

	pkt->tos = inner_tos(text);
	memcpy(text + pkt->len, padding, sizeof(padding));
	text[text_len - 2] = (uint8_t)(text_len - 2 - pkt->len);
	text[text_len - 1] = next_header;
	store32(text - head, child->spi_out);
	store32(text - head + 4, (uint32_t)seq);
	if (!row->iv_random)
		store64(text - row->iv, prefix | seq);
	*op = (struct esp_op){
		.key = child->key_out,
		.esp = text - head,
		.text_len = text_len,
		.seq_hi = (uint32_t)(seq >> 32),
		.esn = child->esn,
	};
	pkt->off -= head;
	pkt->len = head + text_len + row->icv;
}

/* Number and frame a run of one child; returns how many jobs are left of it (moved to out). */
static size_t frame_run(struct esp_worker *w, const struct job *run, size_t n, size_t out)
{
	struct esp_child *child = run[0].child;
	const struct number_run numbers = allocate_run(w, child, w->gate[child->group].term, n);
	const struct esp_path *path = atomic_load_explicit(&child->path, memory_order_acquire);
	size_t done = 0;
	for (size_t i = 0; i < n; i++) {
		struct esp_packet *pkt = run[i].packet;
		if (i >= numbers.n ||
		    (child->row->iv_random &&
		     !esp_crypto_random(w->crypto, pkt->buf + pkt->off - child->row->iv,
					child->row->iv))) {
			pkt->verdict = (uint8_t)(i >= numbers.n ? numbers.rest : ESP_V_CRYPTO);
			stat_add_shared(&child->out_errors, 1);
			continue;
		}
		w->job[out + done] = (struct job){ .child = child,
						   .packet = pkt,
						   .inner_len = pkt->len };
		frame(pkt, child, numbers.first + i, numbers.iv_prefix, &w->op[out + done]);
		pkt->spi_in = child->spi_in;
		pkt->udp_encap = path->udp_encap;
		pkt->local = path->local;
		pkt->remote = path->remote;
		done++;
	}
	return done;
}

/* ---- the burst ---- */

static void seal_jobs(struct esp_worker *w, size_t n)
{
	size_t run;
	for (size_t at = 0; at < n; at += run) {
		const struct esp_transform *row = w->job[at].child->row;
		for (run = 1; at + run < n && w->job[at + run].child->row == row; run++)
			;
		row->seal(row, w->crypto, &w->op[at], run);
	}
}

static void account(struct esp_worker *w, uint64_t now_ns, size_t n)
{
	size_t run;
	for (size_t at = 0; at < n; at += run) {
		struct esp_child *child = w->job[at].child;
		struct child_stats *stats = &child->stats[w->index];
		uint64_t packets = 0, octets = 0;
		for (run = 0; at + run < n && w->job[at + run].child == child; run++) {
			if (!w->op[at + run].ok) {
				w->job[at + run].packet->verdict = ESP_V_CRYPTO;
				stat_add_shared(&child->out_errors, 1);
				continue;
			}
			packets++;
			octets += w->job[at + run].inner_len;
		}
		stat_add(&stats->out_packets, packets);
		stat_add(&stats->out_bytes, octets);
		stat_set(&stats->last_out_ms, now_ns / 1000000);
	}
}

static void outbound_burst(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n)
{
	const struct view v = {
		.w = w,
		.now_ns = now_ns,
		.generation = atomic_load_explicit(&w->dp->generation, memory_order_acquire),
		.spd = atomic_load_explicit(&w->dp->spd, memory_order_acquire),
	};
	size_t framed = 0, run;
	worker_gates_clear(w);
	const size_t classified = classify_burst(&v, pkts, n);
	/* Jobs only move towards the front, so reading a run and writing it can share the array. */
	for (size_t at = 0; at < classified; at += run) {
		for (run = 1; at + run < classified && w->job[at + run].child == w->job[at].child;
		     run++)
			;
		framed += frame_run(w, &w->job[at], run, framed);
	}
	seal_jobs(w, framed);
	account(w, now_ns, framed);
	worker_count(w, pkts, n, 0);
}

void esp_worker_outbound(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n)
{
	while (n > 0) {
		const size_t burst = n < ESP_BURST ? n : ESP_BURST;
		outbound_burst(w, now_ns, pkts, burst);
		pkts += burst;
		n -= burst;
	}
}
