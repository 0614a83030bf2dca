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

/* Neighbours of a burst that have one flow: the usual case. */
struct flow_run {
	struct flow_mark mark; /* none: only flow tells it */
	struct mark_entry *mark_set;
	struct flow_entry *flow_set;
	struct esp_child *child;
	struct esp_packet *const *packet;
	size_t n;
	struct flow flow; /* known when there is no mark */
};

/* A set has two entries; this is its number. Odd constants with no pattern; independent products,
 * folded by a last one. */
static inline size_t cache_set(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t h = a * UINT64_C(0x9e3779b97f4a7c15) ^ b * UINT64_C(0xbf58476d1ce4e5b9) ^
		     c * UINT64_C(0x94d049bb133111eb);
	h = (h ^ (h >> 32)) * UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h >> (64 - FLOW_CACHE_LOG2)) & ~(size_t)1;
}

static void flow_set_find(struct esp_worker *w, struct flow_run *run)
{
	const struct flow *f = &run->flow;
	if (run->mark.kind != 0) {
		run->mark_set =
			&w->marks[cache_set(run->mark.addresses, run->mark.ports, run->mark.kind)];
		__builtin_prefetch(run->mark_set, 1);
		return;
	}
	run->flow_set =
		&w->flows[cache_set((uint64_t)f->local ^ (uint64_t)(f->local >> 64),
				    (uint64_t)f->remote ^ (uint64_t)(f->remote >> 64), f->rest)];
	__builtin_prefetch(run->flow_set, 1);
}

static struct esp_child *flow_recall(const struct view *v, const struct flow_run *run)
{
	if (run->mark.kind != 0) {
		for (unsigned int i = 0; i < 2; i++) {
			const struct mark_entry *e = &run->mark_set[i];
			if (e->generation == v->generation && flow_mark_equal(&e->mark, &run->mark))
				return e->child;
		}
		return NULL;
	}
	for (unsigned int i = 0; i < 2; i++) {
		const struct flow_entry *e = &run->flow_set[i];
		if (e->generation == v->generation && flow_equal(&e->flow, &run->flow))
			return e->child;
	}
	return NULL;
}

static void flow_remember(const struct view *v, const struct flow_run *run)
{
	if (run->mark.kind != 0) {
		run->mark_set[1] = run->mark_set[0];
		run->mark_set[0] = (struct mark_entry){ .mark = run->mark,
							.generation = v->generation,
							.child = run->child };
	} else {
		run->flow_set[1] = run->flow_set[0];
		run->flow_set[0] = (struct flow_entry){ .flow = run->flow,
							.generation = v->generation,
							.child = run->child };
	}
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

/* The child of a run; packets that a child is asked for are passed over. */
static void classify(const struct view *v, struct flow_run *run)
{
	run->child = flow_recall(v, run);
	if (run->child == NULL && run->mark.kind != 0)
		(void)flow_parse((*run->packet)->buf + (*run->packet)->off, (*run->packet)->len,
				 FLOW_OUTBOUND, &run->flow);
	while (run->child == NULL && run->n > 0) {
		struct esp_packet *pkt = *run->packet;
		pkt->verdict = (uint8_t)classify_slowly(v, &run->flow, pkt, &run->child);
		if (pkt->verdict == ESP_V_OK) {
			flow_remember(v, run);
		} else {
			run->packet++;
			run->n--;
		}
	}
	if (run->child != NULL)
		__builtin_prefetch(run->child, 1);
}

static void prefetch_parts(const struct esp_worker *w, const struct esp_child *child)
{
	__builtin_prefetch(child_path_out(child));
	__builtin_prefetch(&child->stats_out[w->index], 1);
}

/* Jobs of a run that may be sealed, behind the n that there are. */
static size_t admit(struct esp_worker *w, uint64_t now_ns, const struct flow_run *run, size_t n)
{
	const struct esp_path *path = child_path_out(run->child);
	const struct gate *gate = worker_gate(w, path->group, now_ns);
	for (size_t i = 0; i < run->n; i++) {
		struct esp_packet *pkt = run->packet[i];
		enum esp_verdict verdict = gate->verdict;
		if (verdict == ESP_V_OK && !has_room(pkt, path->row))
			verdict = ESP_V_TOO_BIG;
		if (verdict != ESP_V_OK) {
			pkt->verdict = (uint8_t)verdict;
			continue;
		}
		w->job[n++] = (struct job){ .child = run->child, .path = path, .packet = pkt };
	}
	return n;
}

/* The packets of a burst that are IP packets, in *found, as runs of one flow; returns how many
 * runs. */
static size_t parse_burst(struct esp_worker *w, struct esp_packet *pkts, size_t n,
			  struct flow_run *run, struct esp_packet **found)
{
	struct flow_mark mark = { 0 };
	size_t runs = 0;
	for (size_t i = 0; i < n; i++) {
		struct esp_packet *pkt = &pkts[i];
		const uint8_t *ip = pkt->buf + pkt->off;
		pkt->spi_in = 0;
		if (pkt->gso_size != 0) {
			/* A train is cut before it comes here. */
			pkt->verdict = ESP_V_TOO_BIG;
			continue;
		}
		size_t len = flow_marked_len(&mark, ip, pkt->len);
		if (len == 0) {
			struct flow_run *next = &run[runs];
			mark = flow_mark_read(ip, pkt->len, &len);
			if (mark.kind == 0)
				len = flow_parse(ip, pkt->len, FLOW_OUTBOUND, &next->flow);
			if (len == 0) {
				pkt->verdict = ESP_V_NOT_IP;
				continue;
			}
			next->mark = mark;
			next->packet = found;
			next->n = 0;
			flow_set_find(w, next);
			runs++;
		}
		pkt->verdict = ESP_V_OK;
		pkt->len = (uint32_t)len;
		*found++ = pkt;
		run[runs - 1].n++;
	}
	return runs;
}

/*
 * Walks over the burst, each asking for the memory that the next one needs:
 * headers and the flow's set, the child, the child's parts. A packet of the
 * same flow as the one before goes the same way without a look-up. Returns how
 * many jobs there are.
 */
static size_t classify_burst(const struct view *v, struct esp_packet *pkts, size_t n)
{
	struct flow_run run[ESP_BURST];
	struct esp_packet *found[ESP_BURST];
	const size_t runs = parse_burst(v->w, pkts, n, run, found);
	size_t jobs = 0;
	for (size_t i = 0; i < runs; i++)
		classify(v, &run[i]);
	for (size_t i = 0; i < runs; i++)
		if (run[i].child != NULL)
			prefetch_parts(v->w, run[i].child);
	for (size_t i = 0; i < runs; i++)
		if (run[i].child != NULL)
			jobs = admit(v->w, v->now_ns, &run[i], jobs);
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

/* No number at or above: 2^32 without ESN, 2^48 by R16. */
static inline uint64_t sequence_end(const struct esp_transform *row, bool esn)
{
	if (!esn)
		return UINT64_C(1) << 32;
	return row->iv_random ? UINT64_MAX : UINT64_C(1) << IV_COUNTER_BITS;
}

/*
 * R16, R17: up to n numbers of the SA, with the prefix of their IVs. The
 * number is the IV's counter, so two workers can no more share an IV than a
 * number, and two owners differ in slot or term.
 */
static struct number_run allocate_run(struct esp_worker *w, struct esp_child *child,
				      const struct esp_path *path, size_t n)
{
	struct number_run run = { .n = 0, .rest = ESP_V_IV_EXHAUSTED };
	const uint64_t term = w->gate[path->group].term;
	if (!path->row->iv_random &&
	    iv_prefix(w->dp->slot, term, child->birth_term, &run.iv_prefix) != R_OK)
		return run;
	const uint64_t seq_end = sequence_end(path->row, path->esn);
	const uint64_t lease_end = atomic_load_explicit(&child->lease_end, memory_order_relaxed);
	const uint64_t end = lease_end < seq_end ? lease_end : seq_end;
	seq_raise(&child->seq_next, atomic_load_explicit(&child->seq_floor, memory_order_relaxed));
	run.n = seq_take(&child->seq_next, end, n, w->alone, &run.first);
	const uint64_t next = run.first + run.n;
	if (next < seq_end)
		run.rest = ESP_V_LEASE;
	else
		run.rest = path->esn ? ESP_V_IV_EXHAUSTED : ESP_V_SEQ_EXHAUSTED;
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
static void frame(struct esp_packet *pkt, const struct esp_path *path, void *key, uint64_t seq,
		  uint64_t prefix, struct esp_op *op)
{
	const struct esp_transform *row = path->row;
	const uint32_t head = (uint32_t)esp_transform_head(row);
	const uint32_t text_len = text_len_of(row, pkt->len);
	uint8_t *text = pkt->buf + pkt->off;
	const uint8_t next_header = (text[0] >> 4) == 4 ? 4 : 41;

	pkt->tos = inner_tos(text);
	memcpy(text + pkt->len, padding, sizeof(padding));
	text[text_len - 2] = (uint8_t)(text_len - 2 - pkt->len);
	text[text_len - 1] = next_header;
	store32(text - head, path->spi_out);
	store32(text - head + 4, (uint32_t)seq);
	if (!row->iv_random)
		store64(text - row->iv, prefix | seq);
	*op = (struct esp_op){
		.key = key,
		.esp = text - head,
		.text_len = text_len,
		.seq_hi = (uint32_t)(seq >> 32),
		.esn = path->esn,
	};
	pkt->spi_in = path->spi_in;
	pkt->udp_encap = path->udp_encap;
	pkt->local = path->local;
	pkt->remote = path->remote;
	pkt->off -= head;
	pkt->len = head + text_len + row->icv;
}

/*
 * Number and frame a run of one child, and count it as sealed; returns how
 * many jobs are left of it (moved to out).
 */
static size_t frame_run(struct esp_worker *w, uint64_t now_ns, const struct job *run, size_t n,
			size_t out)
{
	struct esp_child *child = run[0].child;
	const struct esp_path *path = run[0].path;
	const struct esp_transform *row = path->row;
	const struct number_run numbers = allocate_run(w, child, path, n);
	struct child_stats *stats = &child->stats_out[w->index];
	void *key = child->key_out;
	size_t done = 0;
	uint64_t octets = 0;
	for (size_t i = 0; i < n; i++) {
		struct esp_packet *pkt = run[i].packet;
		if (i >= numbers.n ||
		    (row->iv_random &&
		     !esp_crypto_random(w->crypto, pkt->buf + pkt->off - row->iv, row->iv))) {
			pkt->verdict = (uint8_t)(i >= numbers.n ? numbers.rest : ESP_V_CRYPTO);
			stat_add_shared(&child->out_errors, 1);
			continue;
		}
		octets += pkt->len;
		w->job[out + done] = (struct job){
			.child = child, .path = path, .packet = pkt, .inner_len = pkt->len
		};
		frame(pkt, path, key, numbers.first + i, numbers.iv_prefix, &w->op[out + done]);
		done++;
	}
	stat_add(&stats->out_packets, done);
	stat_add(&stats->out_bytes, octets);
	if (done > 0)
		stat_set(&stats->last_out_ms, now_ns / 1000000);
	return done;
}

/* ---- the burst ---- */

/* The cipher has failed, which is rare: the packet was counted before. */
static void seal_failed(struct esp_worker *w, const struct job *job)
{
	struct child_stats *stats = &job->child->stats_out[w->index];
	job->packet->verdict = ESP_V_CRYPTO;
	stat_add_shared(&job->child->out_errors, 1);
	stat_set(&stats->out_packets, stat_get(&stats->out_packets) - 1);
	stat_set(&stats->out_bytes, stat_get(&stats->out_bytes) - job->inner_len);
}

/* Returns how many were sealed. */
static size_t seal_jobs(struct esp_worker *w, size_t n)
{
	size_t run, sealed = 0;
	for (size_t at = 0; at < n; at += run) {
		const struct esp_transform *row = w->job[at].path->row;
		for (run = 1; at + run < n && w->job[at + run].path->row == row; run++)
			;
		row->seal(row, w->crypto, &w->op[at], run);
	}
	for (size_t i = 0; i < n; i++)
		sealed += w->op[i].ok;
	for (size_t i = 0; sealed < n && i < n; i++)
		if (!w->op[i].ok)
			seal_failed(w, &w->job[i]);
	return sealed;
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
		framed += frame_run(w, now_ns, &w->job[at], run, framed);
	}
	worker_count(w, pkts, n, seal_jobs(w, framed), 0);
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
