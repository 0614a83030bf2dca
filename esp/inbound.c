/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening (RFC 4303 3.4, RFC 4301 5.2): look up, replay check, integrity,
 * window, trailer, selectors, in that order; the window moves only for what
 * is authentic. Worker threads.
 */
#include "esp/worker.h"

#define UNKNOWN_SPI_NS UINT64_C(100000000)  /* ten events a second and worker */
#define PEER_MOVED_NS  UINT64_C(1000000000) /* one per child and second */

#define NEXT_IPV4 4u
#define NEXT_IPV6 41u
#define NEXT_NONE 59u

static inline uint32_t load32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static void unknown_spi(struct esp_worker *w, uint64_t now_ns, uint32_t spi,
			const struct esp_packet *pkt)
{
	if (w->unknown_spi_ns != 0 && now_ns - w->unknown_spi_ns < UNKNOWN_SPI_NS)
		return;
	w->unknown_spi_ns = stamp(now_ns);
	const struct esp_event ev = { .kind = ESP_EVENT_UNKNOWN_SPI,
				      .spi_in = spi,
				      .local = pkt->local,
				      .remote = pkt->remote };
	(void)worker_post(w, &ev);
}

/* ---- before the integrity check ---- */

static enum esp_verdict replay_verdict(struct esp_child *child, bool esn, uint32_t seq_lo,
				       uint64_t *seq)
{
	*seq = esn ? replay_guess_esn(&child->window, seq_lo) : seq_lo;
	if (replay_ahead(&child->window, *seq))
		return ESP_V_OK;
	const enum replay_answer answer = esn && *seq == 0 && seq_lo != 0
						  ? REPLAY_LEFT
						  : replay_check(&child->window, *seq);
	if (answer == REPLAY_FRESH)
		return ESP_V_OK;
	stat_add_shared(&child->in_replayed, 1);
	return answer == REPLAY_SEEN ? ESP_V_REPLAY : ESP_V_REPLAY_OLD;
}

/* Room for header, IV, the least text and ICV; a text of whole blocks. */
static enum esp_verdict shape_verdict(const struct esp_transform *row, uint32_t len,
				      uint32_t *text_len)
{
	const uint32_t around = (uint32_t)esp_transform_head(row) + row->icv;
	if (len < around + row->block)
		return ESP_V_SHORT;
	*text_len = len - around;
	return (*text_len & (row->block - 1u)) == 0 ? ESP_V_OK : ESP_V_LENGTH;
}

/* The packet that the burst's last look-up was for. */
struct found {
	uint32_t spi;
	struct esp_child *child;
};

/* The child by the packet's SPI, which is asked for. */
static enum esp_verdict find(struct esp_worker *w, uint64_t now_ns, const struct sad *sad,
			     struct esp_packet *pkt, struct found *last)
{
	pkt->spi_in = 0;
	if (pkt->len < ESP_HEADER_LEN)
		return ESP_V_SHORT;
	const uint32_t spi = load32(pkt->buf + pkt->off);
	if (last->child == NULL || last->spi != spi) {
		struct esp_child *child = sad_lookup(sad, w->dp->sad_seed, spi);
		if (child == NULL) {
			unknown_spi(w, now_ns, spi, pkt);
			return ESP_V_UNKNOWN_SPI;
		}
		*last = (struct found){ .spi = spi, .child = child };
		__builtin_prefetch(&child->window, 1);
	}
	pkt->spi_in = spi;
	return ESP_V_OK;
}

/* What admit() and finish() need of the child is asked for. */
static void prefetch_parts(const struct esp_worker *w, struct job *job)
{
	const struct esp_child *child = job->child;
	job->path = child_path_in(child);
	__builtin_prefetch(job->path);
	replay_prefetch(&child->window, load32(job->packet->buf + job->packet->off + 4));
	__builtin_prefetch(&child->stats_in[w->index], 1);
}

static enum esp_verdict admit(struct esp_worker *w, uint64_t now_ns, struct job *job,
			      struct esp_op *op)
{
	struct esp_child *child = job->child;
	const struct esp_path *path = job->path;
	const struct gate *gate = worker_gate(w, path->group, now_ns);
	if (gate->verdict != ESP_V_OK)
		return gate->verdict;
	uint8_t *esp = job->packet->buf + job->packet->off;
	uint32_t text_len;
	enum esp_verdict verdict = shape_verdict(path->row, job->packet->len, &text_len);
	if (verdict != ESP_V_OK) {
		stat_add_shared(&child->in_malformed, 1);
		return verdict;
	}
	verdict = replay_verdict(child, path->esn, load32(esp + 4), &job->seq);
	*op = (struct esp_op){
		.key = child->key_in,
		.esp = esp,
		.text_len = text_len,
		.seq_hi = (uint32_t)(job->seq >> 32),
		.esn = path->esn,
	};
	return verdict;
}

/* Walks over the burst, as outbound: what the next one needs is asked for. Returns the number of
 * jobs. */
static size_t admit_burst(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n)
{
	const struct sad *sad = atomic_load_explicit(&w->dp->sad, memory_order_acquire);
	struct found last = { 0 };
	size_t found = 0, jobs = 0;
	for (size_t i = 0; i < n; i++) {
		pkts[i].verdict = (uint8_t)find(w, now_ns, sad, &pkts[i], &last);
		if (pkts[i].verdict != ESP_V_OK)
			continue;
		w->job[found].child = last.child;
		w->job[found++].packet = &pkts[i];
	}
	for (size_t i = 0; i < found; i++) {
		if (i > 0 && w->job[i].child == w->job[i - 1].child)
			w->job[i].path = w->job[i - 1].path;
		else
			prefetch_parts(w, &w->job[i]);
	}
	/* Copied only where a refused packet has left a gap: the copy would wait for
	 * the stores before it. */
	for (size_t i = 0; i < found; i++) {
		struct job *job = &w->job[i];
		const enum esp_verdict verdict = admit(w, now_ns, job, &w->op[jobs]);
		if (verdict != ESP_V_OK) {
			job->packet->verdict = (uint8_t)verdict;
			continue;
		}
		if (jobs != i)
			w->job[jobs] = *job;
		jobs++;
	}
	return jobs;
}

/* ---- after the integrity check ---- */

/* RFC 4303 2.4: the padding is checked, as it is no more than 1, 2, 3, ... */
static bool padding_right(const uint8_t *text, uint32_t payload_len, uint32_t pad_len)
{
	uint8_t wrong = 0;
	for (uint32_t i = 0; i < pad_len; i++)
		wrong |= (uint8_t)(text[payload_len + i] ^ (i + 1));
	return wrong == 0;
}

/* The compiler makes one load of it. */
static inline uint64_t load64_le(const uint8_t *p)
{
	return (uint64_t)p[0] | (uint64_t)p[1] << 8 | (uint64_t)p[2] << 16 | (uint64_t)p[3] << 24 |
	       (uint64_t)p[4] << 32 | (uint64_t)p[5] << 40 | (uint64_t)p[6] << 48 |
	       (uint64_t)p[7] << 56;
}

/* The same for the usual short padding, of which last is the end: the padding, its length, the
 * next header. */
static inline bool short_padding_right(uint64_t last, uint32_t pad_len)
{
	const uint64_t counted = UINT64_C(0x060504030201);
	const unsigned int unused = 64 - 8 * pad_len;
	return pad_len == 0 || last << 16 >> unused == counted << unused >> unused;
}
#define SHORT_PADDING_MAX 6u

enum { ECN_NOT_ECT = 0, ECN_ECT_1 = 1, ECN_ECT_0 = 2, ECN_CE = 3, ECN_MASK = 3 };

/*
 * RFC 6040 4.2: what was marked on the way is shown to the inner packet.
 * false when the inner packet cannot show it and so must be dropped.
 */
static bool ecn_decapsulate(uint8_t *ip, uint8_t outer_tos)
{
	const uint8_t mark = outer_tos & ECN_MASK;
	if (mark != ECN_CE && mark != ECN_ECT_1)
		return true;
	const bool v6 = (ip[0] >> 4) == 6;
	const uint8_t inner = (uint8_t)(v6 ? ip[1] >> 4 : ip[1]) & ECN_MASK;
	if (inner == ECN_NOT_ECT)
		return mark != ECN_CE;
	if (mark != ECN_CE && inner != ECN_ECT_0)
		return true;
	const uint8_t old = ip[1];
	ip[1] = (uint8_t)(v6 ? (old & ~0x30) | mark << 4 : (old & ~ECN_MASK) | mark);
	if (v6)
		return true;
	/* RFC 1624: HC' = ~(~HC + ~m + m') */
	uint32_t sum = (uint32_t)(uint16_t) ~(ip[10] << 8 | ip[11]) +
		       (uint16_t) ~(ip[0] << 8 | old) + (uint32_t)(ip[0] << 8 | ip[1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = (uint8_t)(~sum >> 8);
	ip[11] = (uint8_t)~sum;
	return true;
}

/*
 * The length of the inner packet, if it may come out of this SA (RFC 4301
 * 5.2). A flow that has passed before saves a second look.
 */
static enum esp_verdict inner_verdict(const struct esp_child *child, struct flow_mark *passed,
				      const uint8_t *ip, size_t room, uint8_t next_header,
				      uint32_t *len)
{
	struct flow f;
	*len = (uint32_t)flow_marked_len(passed, ip, room);
	if (*len != 0 && next_header == NEXT_IPV4)
		return ESP_V_OK;
	*len = (uint32_t)flow_parse(ip, room, FLOW_INBOUND, &f);
	if (*len == 0)
		return ESP_V_LENGTH;
	if ((next_header == NEXT_IPV4) != (f.family == INET_V4))
		return ESP_V_NEXT_HEADER;
	if (!child_selects(child, &f))
		return ESP_V_SELECTOR;
	if (*len >= FLOW_MARK_MIN)
		*passed = flow_mark(ip);
	return ESP_V_OK;
}

/* The authentic packet becomes the inner one. */
static enum esp_verdict unwrap(const struct job *job, const struct esp_op *op,
			       struct flow_mark *passed)
{
	struct esp_packet *pkt = job->packet;
	const uint32_t head = (uint32_t)esp_transform_head(job->path->row);
	uint8_t *text = op->esp + head;
	/* The header is before the text: eight bytes can be read. */
	const uint64_t last = load64_le(text + op->text_len - 8);
	const uint32_t pad_len = (uint8_t)(last >> 48);
	const uint8_t next_header = (uint8_t)(last >> 56);
	if (pad_len + 2 > op->text_len)
		return ESP_V_PADDING;
	const uint32_t payload_len = op->text_len - 2 - pad_len;
	if (pad_len <= SHORT_PADDING_MAX ? !short_padding_right(last, pad_len)
					 : !padding_right(text, payload_len, pad_len))
		return ESP_V_PADDING;
	if (next_header == NEXT_NONE)
		return ESP_V_DUMMY;
	if (next_header != NEXT_IPV4 && next_header != NEXT_IPV6)
		return ESP_V_NEXT_HEADER;
	/* What is behind the inner packet is traffic flow padding (RFC 4303 2.7). */
	uint32_t len;
	const enum esp_verdict verdict = inner_verdict(job->child, passed, text, payload_len,
						       next_header, &len);
	if (verdict != ESP_V_OK)
		return verdict;
	if (!ecn_decapsulate(text, pkt->tos))
		return ESP_V_ECN;
	pkt->off += head;
	pkt->len = len;
	pkt->gso_size = 0;
	return ESP_V_OK;
}

static void count_refusal(struct esp_child *child, enum esp_verdict verdict)
{
	if (verdict == ESP_V_SELECTOR)
		stat_add_shared(&child->in_ts_refused, 1);
	else if (verdict != ESP_V_DUMMY)
		stat_add_shared(&child->in_malformed, 1);
}

static inline bool same_endpoint(const struct inet_endpoint *a, const struct inet_endpoint *b)
{
	return a->port == b->port && a->addr.family == b->addr.family &&
	       memcmp(a->addr.a, b->addr.a, sizeof(a->addr.a)) == 0;
}

/* RFC 7296 2.23: the newest authentic packet shows where the peer is. */
static void notice_source(struct esp_worker *w, uint64_t now_ns, const struct job *job)
{
	struct esp_child *child = job->child;
	const struct esp_path *path = job->path;
	if (!path->udp_encap || same_endpoint(&job->packet->remote, &path->remote) ||
	    job->packet->remote.addr.family == INET_NONE ||
	    job->seq != atomic_load_explicit(&child->window.edge, memory_order_relaxed))
		return;
	const uint64_t last = stat_get(&child->moved_ns);
	if (last != 0 && now_ns - last < PEER_MOVED_NS)
		return;
	stat_set(&child->moved_ns, stamp(now_ns));
	const struct esp_event ev = { .kind = ESP_EVENT_PEER_MOVED,
				      .group = child->group,
				      .tunnel = child->tunnel->id,
				      .spi_in = child->spi_in,
				      .local = job->packet->local,
				      .remote = job->packet->remote };
	(void)worker_post(w, &ev);
}

/* R18: how far the peer had counted on beyond the checkpoint that we took over with. */
static void notice_exposure(struct esp_worker *w, const struct job *job)
{
	struct esp_child *child = job->child;
	if (stat_get(&child->exposed_from) == 0)
		return;
	const uint64_t from = atomic_exchange_explicit(&child->exposed_from, 0,
						       memory_order_relaxed);
	if (from == 0 || job->seq < from)
		return;
	const struct esp_event ev = { .kind = ESP_EVENT_REPLAY_EXPOSED,
				      .group = child->group,
				      .tunnel = child->tunnel->id,
				      .spi_in = child->spi_in,
				      .exposed = job->seq - from };
	(void)worker_post(w, &ev);
}

/* ---- the window ---- */

/*
 * Jobs at[0..] whose numbers lie in one block of one window, each at most
 * once: they are accepted by a single update. Returns how many they are.
 */
static size_t gather(const struct job *at, const struct esp_op *op, size_t n, uint32_t *mask)
{
	const uint64_t block = replay_block(at[0].seq);
	size_t k = 0;
	*mask = 0;
	for (; k < n && at[k].child == at[0].child && replay_block(at[k].seq) == block; k++) {
		if (!op[k].ok)
			continue;
		if ((*mask & replay_bit(at[k].seq)) != 0)
			break;
		*mask |= replay_bit(at[k].seq);
	}
	return k;
}

/* What has been delivered of a run of one child. */
struct delivered {
	uint64_t packets, octets;
	const struct job *newest, *oldest; /* highest and lowest number accepted */
};

static inline void deliver(struct child_stats *stats, const struct job *job,
			   const struct esp_op *op, struct delivered *d)
{
	struct esp_packet *pkt = job->packet;
	if (d->newest == NULL || job->seq > d->newest->seq)
		d->newest = job;
	if (d->oldest == NULL || job->seq < d->oldest->seq)
		d->oldest = job;
	const enum esp_verdict verdict = unwrap(job, op, &stats->in_flow);
	if (verdict != ESP_V_OK) {
		pkt->verdict = (uint8_t)verdict;
		count_refusal(job->child, verdict);
		return;
	}
	d->packets++;
	d->octets += pkt->len;
}

static void refuse(const struct job *job, enum esp_verdict verdict, _Atomic uint64_t *counter)
{
	job->packet->verdict = (uint8_t)verdict;
	stat_add_shared(counter, 1);
}

/* A run of one child: move the window, deliver, account. Returns how many were delivered. */
static size_t finish(struct esp_worker *w, uint64_t now_ns, size_t at, size_t n)
{
	struct esp_child *child = w->job[at].child;
	struct child_stats *stats = &child->stats_in[w->index];
	struct delivered d = { 0 };
	for (size_t end = at + n; at < end;) {
		const struct job *job = &w->job[at];
		const struct esp_op *op = &w->op[at];
		uint32_t mask, fresh = 0;
		const size_t k = gather(job, op, end - at, &mask);
		if (mask != 0)
			fresh = replay_mark(&child->window, replay_block(job->seq), mask, w->alone);
		for (size_t i = 0; i < k; i++) {
			if (!op[i].ok)
				refuse(&job[i], ESP_V_ICV, &child->in_auth_failed);
			else if ((fresh & replay_bit(job[i].seq)) == 0)
				refuse(&job[i], ESP_V_REPLAY, &child->in_replayed);
			else
				deliver(stats, &job[i], &op[i], &d);
		}
		at += k;
	}
	if (d.newest != NULL) {
		notice_exposure(w, d.oldest);
		notice_source(w, now_ns, d.newest);
	}
	if (d.packets == 0)
		return 0;
	stat_add(&stats->in_packets, d.packets);
	stat_add(&stats->in_bytes, d.octets);
	stat_set(&stats->last_in_ms, now_ns / 1000000);
	return d.packets;
}

/* ---- the burst ---- */

static void open_jobs(struct esp_worker *w, size_t n)
{
	size_t run;
	for (size_t at = 0; at < n; at += run) {
		const struct esp_transform *row = w->job[at].path->row;
		for (run = 1; at + run < n && w->job[at + run].path->row == row; run++)
			;
		row->open(row, w->crypto, &w->op[at], run);
	}
}

static void inbound_burst(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n)
{
	size_t run, delivered = 0;
	worker_gates_clear(w);
	const size_t admitted = admit_burst(w, now_ns, pkts, n);
	open_jobs(w, admitted);
	for (size_t at = 0; at < admitted; at += run) {
		for (run = 1; at + run < admitted && w->job[at + run].child == w->job[at].child;
		     run++)
			;
		delivered += finish(w, now_ns, at, run);
	}
	worker_count(w, pkts, n, delivered, 1);
}

void esp_worker_inbound(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n)
{
	while (n > 0) {
		const size_t burst = n < ESP_BURST ? n : ESP_BURST;
		inbound_burst(w, now_ns, pkts, burst);
		pkts += burst;
		n -= burst;
	}
}
