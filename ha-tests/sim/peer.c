/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A standard peer: the engine without a cluster. What it emits happens at
 * once, nothing is held, nothing is replicated, its leases have no end.
 */
#include "ha-tests/sim/sim.h"

#include "base/iana.h"
#include "base/must.h"
#include "base/timer_queue.h"
#include "node/core_private.h"

#define TICK_NS    (500 * MS_NS)
#define NO_LEASE   (UINT64_C(1) << 47)
#define PEER_GROUP 1u /* it is no cluster, and so its own */

uint64_t peer_now(const struct peer *p)
{
	return p->s->now_ns - p->booted_ns;
}

uint64_t peer_ms(const struct peer *p)
{
	return peer_now(p) / MS_NS;
}

/* ---- effects ---- */

static void send(struct peer *p, struct ike_effect *fx)
{
	struct packet pkt = {
		.kind = PACKET_IKE,
		.udp_encap = fx->udp_encap,
		.src = fx->local,
		.dst = fx->remote,
	};

	if (p->quirks & QUIRK_CHILDLESS && fx->exchange == IKE_AUTH && !fx->response)
		peer_childless(p, &fx->datagram);
	pkt.data = fx->datagram;
	if (p->quirks & QUIRK_MUTE)
		return;
	laws_ike_sent(&p->gw, &fx->remote.addr, buf_bytes(&fx->datagram));
	network_send(p->s, &pkt);
}

static void install(struct peer *p, const struct child_sa_state *c)
{
	struct esp_child_params params = {
		.spi_in = c->spi_in,
		.spi_out = c->spi_out,
		.tunnel = c->tunnel,
		.group = PEER_GROUP,
		.udp_encap = c->udp_encap,
		.local = c->local,
		.remote = c->remote,
		.local_ts = c->local_ts,
		.remote_ts = c->remote_ts,
		.transforms = c->transforms,
		.keys_in = &c->keys_in,
		.keys_out = &c->keys_out,
		.birth_term = c->birth_term,
		.seq_next = 1,
		.lease_end = NO_LEASE,
	};

	must(esp_child_install(p->gw.dp, &params) == R_OK);
}

static void skip(struct peer *p, const struct ike_effect *fx)
{
	struct esp_child_stats st;

	if (esp_child_stats(p->gw.dp, fx->spi_in, &st) == R_OK)
		must(esp_child_skip(p->gw.dp, fx->spi_in, st.seq_next + fx->delta) == R_OK);
}

static void job_free(void *job)
{
	ike_job_free(job);
}

static void job_run(struct sim *s, struct event *ev)
{
	struct ike_input in = { .kind = IKE_IN_JOB_DONE, .job = ev->data };

	ev->data = NULL;
	dh_run(s, in.job);
	peer_input(ev->ctx, &in);
}

static void carry_out(struct peer *p, struct ike_effect *fx)
{
	struct sim *s = p->s;

	switch (fx->kind) {
	case IKE_FX_SEND:
	case IKE_FX_SEND_NOW:
		send(p, fx);
		break;
	case IKE_FX_CHILD_INSTALL:
		install(p, fx->child);
		break;
	case IKE_FX_CHILD_USE_OUTBOUND:
		(void)!esp_child_use_outbound(p->gw.dp, fx->spi_in);
		break;
	case IKE_FX_CHILD_STOP_OUTBOUND:
		esp_child_stop_outbound(p->gw.dp, fx->spi_in);
		break;
	case IKE_FX_CHILD_REMOVE:
		esp_child_remove(p->gw.dp, fx->spi_in);
		break;
	case IKE_FX_CHILD_MOVED:
		(void)!esp_child_move(p->gw.dp, fx->spi_in, &fx->local, &fx->remote, fx->udp_encap);
		break;
	case IKE_FX_CHILD_SKIP_OUTBOUND:
		skip(p, fx);
		break;
	case IKE_FX_CHILD_REPLAY_SYNCED:
		break; /* it never takes over */
	case IKE_FX_JOB:
		event_own(
			sim_at(s, s->now_ns + rng_between(&s->rng, 50 * US, 4 * MS_NS), job_run, p),
			fx->job, job_free);
		fx->job = NULL;
		break;
	case IKE_FX_LOG:
		trace(s, "%s: %s %s", p->name, log_info(fx->log.id)->name, fx->log.detail);
		laws_log(&p->gw, &fx->log);
		break;
	case IKE_FX_PEER_INDEX_CHANGED:
	case IKE_FX_IKE_SA_CHANGED:
	case IKE_FX_CHILD_SA_CHANGED:
	case IKE_FX_IKE_SA_GONE:
	case IKE_FX_CHILD_SA_GONE:
		break; /* nobody keeps a copy */
	}
}

/* ---- inputs ---- */

static void timer(struct sim *s, struct event *ev);

static void arm_timer(struct peer *p)
{
	uint64_t at_ms = ike_next_deadline(p->engine);

	if (at_ms == TIMER_NEVER)
		return;
	uint64_t at = at_ms * MS_NS + p->booted_ns;
	if (at < p->s->now_ns)
		at = p->s->now_ns;
	if (at == p->timer_ns)
		return;
	p->timer_ns = at;
	sim_at(p->s, at, timer, p)->arg = at;
}

void peer_input(struct peer *p, const struct ike_input *in)
{
	struct ike_outbox out = { 0 };
	struct ike_input released = { .kind = IKE_IN_RELEASED };

	ike_step(p->engine, peer_ms(p), in, &out);
	for (size_t i = 0; i < out.n; i++)
		carry_out(p, &out.fx[i]);
	for (size_t i = 0; i < out.n; i++) {
		released.token = out.fx[i].token;
		if (out.fx[i].kind == IKE_FX_SEND && released.token)
			peer_input(p, &released);
	}
	ike_outbox_clear(&out);
	gateway_flush(&p->gw, peer_now(p));
	arm_timer(p);
}

static void timer(struct sim *s, struct event *ev)
{
	struct peer *p = ev->ctx;
	struct ike_input in = { .kind = IKE_IN_TIMER };

	(void)s;
	if (ev->arg != p->timer_ns)
		return;
	p->timer_ns = 0;
	peer_input(p, &in);
}

static void esp_event(struct peer *p, const struct esp_event *ev)
{
	struct ike_input in = { 0 };

	if (ev->kind == ESP_EVENT_ACQUIRE) {
		in = (struct ike_input){ .kind = IKE_IN_INITIATE,
					 .tunnel = ev->tunnel,
					 .have_packet = true,
					 .packet_local = ev->packet_local,
					 .packet_remote = ev->packet_remote };
		peer_input(p, &in);
	} else if (ev->kind == ESP_EVENT_PEER_MOVED) {
		in = (struct ike_input){ .kind = IKE_IN_PEER_MOVED,
					 .spi_in = ev->spi_in,
					 .remote = ev->remote,
					 .local = ev->local };
		peer_input(p, &in);
	}
}

void peer_collect(struct peer *p)
{
	struct esp_event ev;

	while (esp_worker_event(p->gw.worker, &ev))
		esp_event(p, &ev);
}

void peer_packet(struct peer *p, const struct packet *pkt)
{
	struct ike_input in = { .kind = IKE_IN_DATAGRAM,
				.local = pkt->dst,
				.remote = pkt->src,
				.datagram = buf_bytes(&pkt->data) };

	if (p->quirks & QUIRK_MUTE)
		return;
	if (pkt->kind == PACKET_ESP)
		gateway_inbound(&p->gw, peer_now(p), pkt);
	else if (pkt->data.len > 1) /* one byte is a NAT keepalive */
		peer_input(p, &in);
	peer_collect(p);
	laws_peer_heard(p, pkt);
}

/* ---- evidence of life: opened packets (RFC 7296 2.4) ---- */

struct life {
	uint32_t spi[64];
	size_t n;
};

static void note_child(void *ctx, uint32_t spi_in)
{
	struct life *l = ctx;

	if (l->n < 64)
		l->spi[l->n++] = spi_in;
}

static void tick(struct sim *s, struct event *ev)
{
	struct peer *p = ev->ctx;
	struct life l = { .n = 0 };
	struct esp_child_stats st;

	esp_child_each(p->gw.dp, note_child, &l);
	for (size_t i = 0; i < l.n; i++) {
		if (esp_child_stats(p->gw.dp, l.spi[i], &st) != R_OK ||
		    st.last_in_ms + TICK_NS / MS_NS < peer_ms(p))
			continue;
		struct ike_input in = { .kind = IKE_IN_TRAFFIC,
					.spi_in = l.spi[i],
					.at_ms = st.last_in_ms };
		peer_input(p, &in);
	}
	sim_at(s, s->now_ns + TICK_NS, tick, p);
}

/* ---- life ---- */

static void engine_random(void *ctx, uint8_t *out, size_t len)
{
	const struct peer *p = ctx;

	rng_fill(&p->s->secrets, out, len);
}

static void other_hosts(struct ike_child_config *line)
{
	line->local.start.a[1] ^= 0x40;
	line->local.end.a[1] ^= 0x40;
}

/* Until it is mended. */
static void apply_quirks(const struct peer *p, struct ike_config *cfg)
{
	const unsigned int quirks = p->quirks;
	struct ike_connection *conn = &cfg->connections[0];
	static const uint8_t key[] = "of nobody";

	if (quirks & QUIRK_COOKIES)
		cfg->half_open_cookie = 0;
	if (quirks & QUIRK_IKE)
		cfg->policies[0].prf[0] = PRF_HMAC_SHA2_512;
	if (quirks & QUIRK_GROUP)
		cfg->policies[0].dh[0] = scenario_other_group(&p->s->scenario);
	if (quirks & QUIRK_ITS_KEY)
		must(secret_set(&conn->psk_local, bytes(key, sizeof(key))) == R_OK);
	if (quirks & QUIRK_OUR_KEY)
		must(secret_set(&conn->psk_remote, bytes(key, sizeof(key))) == R_OK);
	for (size_t i = 0; i < conn->n_children; i++) {
		struct ike_child_config *line = &conn->children[i];
		if (quirks & QUIRK_ESP)
			line->proposals[0].encr[0].key_bits = 192;
		if (quirks & QUIRK_LINES || (quirks & QUIRK_LAST_LINE && i + 1 == conn->n_children))
			other_hosts(line);
		if (quirks & QUIRK_WIDE)
			line->local.end.a[3] |= 0x40;
	}
}

static struct ike_config *translated(const struct peer *p)
{
	struct ike_config *cfg;

	must(core_translate_ike(p->config, PEER_GROUP, &cfg) == R_OK);
	cfg->counter_sync = p->s->scenario.counter_sync;
	cfg->connections[0].force_udp_encap = p->s->scenario.udp;
	for (size_t i = 0; i < cfg->connections[0].n_children; i++)
		cfg->connections[0].children[i].esn = p->s->scenario.esn;
	apply_quirks(p, cfg);
	return cfg;
}

void peer_change(struct peer *p, unsigned int quirks)
{
	struct ike_input in = { .kind = IKE_IN_CONFIG };

	trace(p->s, "%s: another configuration (%x)", p->name, quirks);
	p->quirks = quirks;
	in.config = translated(p);
	peer_input(p, &in);
}

static struct ike_engine *engine_new(struct peer *p)
{
	struct ike_engine_config ec = {
		.slot = (uint8_t)(10 + p->index),
		.random = engine_random,
		.random_ctx = p,
		.on_seal = laws_ike_seal,
		.on_seal_ctx = &p->gw,
	};
	struct ike_engine *e;

	engine_random(p, ec.hash_seed, sizeof(ec.hash_seed));
	e = ike_engine_new(&ec, translated(p));
	must(e);
	return e;
}

static void activate(struct peer *p, bool suspect)
{
	struct ike_input in = { .kind = IKE_IN_ACTIVATE, .term = ++p->term };

	if (suspect)
		p->suspect_term = p->term;
	in.suspect_term = p->suspect_term;

	esp_group_set(p->gw.dp, PEER_GROUP, ESP_GROUP_ACTIVE, in.term);
	peer_input(p, &in);
}

static void engine_open(struct peer *p)
{
	struct esp_policy *policies;
	size_t n;

	must(core_translate_spd(p->config, PEER_GROUP, &policies, &n) == R_OK);
	must(esp_spd_set(p->gw.dp, policies, n) == R_OK);
	free(policies);
	p->engine = engine_new(p);
	activate(p, false);
}

/* ---- a cluster of its own, whose datapath lives on ---- */

struct heir {
	const struct ike_engine *from;
	struct ike_engine *to;
};

static void inherit_sa(void *ctx, const struct ike_sa_state *sa)
{
	struct heir *h = ctx;
	struct ike_sa_state copy = { 0 };

	must(ike_export_sa(h->from, ike_sa_state_spi(sa), &copy) == R_OK);
	must(ike_import_sa(h->to, &copy) == R_OK);
	ike_sa_state_clear(&copy);
}

static void inherit_child(void *ctx, const struct child_sa_state *child)
{
	struct heir *h = ctx;
	struct child_sa_state copy = { 0 };

	must(ike_export_child(h->from, child->spi_in, &copy) == R_OK);
	must(ike_import_child(h->to, &copy) == R_OK);
	child_sa_state_clear(&copy);
}

void peer_fail_over(struct peer *p)
{
	struct ike_engine *former = p->engine;
	struct heir h = { .from = former, .to = engine_new(p) };

	trace(p->s, "%s: fails over", p->name);
	ike_each_sa(former, inherit_sa, &h);
	ike_each_child(former, 0, inherit_child, &h);
	p->engine = h.to;
	ike_engine_free(former);
	p->timer_ns = 0;
	activate(p, true);
}

void peer_open(struct peer *p, unsigned int index)
{
	p->index = index;
	p->name = index ? "peer2" : "peer1";
	p->address = scenario_peer_address(index);
	p->booted_ns = p->s->now_ns - rng_between(&p->s->rng, 5 * SECOND, 900 * SECOND);
	p->config = scenario_peer_config(p->s, index);
	p->gw = (struct gateway){ .s = p->s, .peer = p };
	gateway_open(&p->gw, (uint8_t)(10 + index));
	esp_group_deadline(p->gw.dp, PEER_GROUP, UINT64_MAX);
	engine_open(p);
	sim_at(p->s, p->s->now_ns + TICK_NS, tick, p);
}

void peer_close(struct peer *p)
{
	ike_engine_free(p->engine);
	gateway_close(&p->gw);
	config_free(p->config);
}
