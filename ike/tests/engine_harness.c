/* SPDX-License-Identifier: Apache-2.0 */
#include "ike/tests/engine_harness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hashmap.h"
#include "base/must.h"
#include "base/timer_queue.h"

struct seal {
	uint64_t key_id;
	uint8_t iv[16];
	size_t iv_len;
	uint64_t message;
};

struct said {
	uint64_t spi_i, spi_r;
	uint32_t message_id;
	uint8_t flags;
	int side;
	uint64_t message;
};

static const uint8_t zero_key[16];

static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return p;
	*cap = *cap ? 2 * *cap : 64;
	p = realloc(p, *cap * size);
	must(p != NULL);
	return p;
}

uint64_t world_random(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng;
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
	struct world *w = ctx;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(world_random(w) >> 24);
}

/* Law 1. */
static void on_seal(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message)
{
	struct world *w = ctx;
	struct seal s = { .key_id = key_id,
			  .iv_len = iv.len,
			  .message = siphash24(zero_key, message) };

	memcpy(s.iv, iv.p, iv.len);
	for (size_t i = 0; i < w->n_seals; i++) {
		const struct seal *o = &w->seals[i];

		if (o->key_id == s.key_id && memcmp(o->iv, s.iv, sizeof(s.iv)) == 0)
			assert_int_equal(o->message, s.message);
	}
	w->seals = grow(w->seals, w->n_seals, &w->cap_seals, sizeof(*w->seals));
	w->seals[w->n_seals++] = s;
}

/* ---- configuration ---- */

static struct traffic_selector net(uint32_t first, uint32_t last)
{
	return (struct traffic_selector){ .start = inet_v4(first),
					  .end = inet_v4(last),
					  .port_end = 65535 };
}

static void psk(struct secret *s, const char *text)
{
	must(secret_set(s, bytes(text, strlen(text))) == R_OK);
}

static void fqdn(struct ike_id *id, const char *text)
{
	id->type = ID_FQDN;
	must(buf_set(&id->data, bytes(text, strlen(text))));
}

static void line(struct ike_child_config *c, int side, uint32_t i, const struct options *o)
{
	uint32_t of_a = 0xc6120000u + (i << 8),
		 of_b = 0xc6130000u + (i << 8); /* 198.18.i.0, 198.19.i.0 */
	struct traffic_selector a = net(of_a, of_a + 255), b = net(of_b, of_b + 255);

	if (o->no_common_ts && side == B && i == 0)
		a = net(of_a + 0x800, of_a + 0x8ff);
	if (o->b_narrow && side == B && i == 0)
		b = net(of_b, of_b + 127);
	c->tunnel = i + 1;
	c->local = side == A ? a : b;
	c->remote = side == A ? b : a;
	c->n_proposals = 1;
	c->proposals[0].n_encr = 1;
	c->proposals[0].encr[0] = (struct ike_encr_choice){ ENCR_AES_GCM_16,
							    o->no_common_esp && side == B ? 128
											  : 256 };
	c->pfs_group = o->pfs;
	c->esn = !(o->esn_odd && i % 2 == 1);
	c->lifetime_s = o->child_life_s;
	c->first_lease = 1000;
}

static void policy(struct ike_policy *p, int side, const struct options *o)
{
	const uint16_t *dh = side == B && o->dh_b[0] != 0 ? o->dh_b : o->dh;

	p->priority = 10;
	p->n_encr = 1;
	p->encr[0].id = o->encr != 0 ? o->encr : ENCR_AES_GCM_16;
	p->encr[0].key_bits = o->key_bits != 0 ? o->key_bits : 256;
	if (o->integ != 0) {
		p->n_integ = 1;
		p->integ[0] = o->integ;
	}
	p->n_prf = 1;
	p->prf[0] = o->prf != 0 ? o->prf : PRF_HMAC_SHA2_256;
	for (size_t i = 0; i < 3 && dh[i] != 0; i++)
		p->dh[p->n_dh++] = dh[i];
	if (p->n_dh == 0)
		p->dh[p->n_dh++] = DH_CURVE25519;
	p->lifetime_s = o->no_soft_life && side == B ? 0 : o->ike_life_s;
}

struct inet_addr world_peer(const struct world *w, uint8_t peer)
{
	struct inet_addr a = w->side[B].addr;

	a.a[3] = (uint8_t)(a.a[3] + peer);
	return a;
}

/* A has one entry with all peers, B an entry for each of its addresses. */
static void crypto_map(struct ike_config *c, int side, const struct options *o)
{
	size_t n = side == A ? 2 : c->n_connections;

	c->maps = calloc(n, sizeof(*c->maps));
	must(c->maps != NULL);
	c->n_maps = side == A && !o->second_entry ? 1 : n;
	for (size_t k = 0; k < c->n_connections; k++) {
		struct ike_crypto_map *m = &c->maps[side == A ? 0 : k];
		const struct ike_connection *conn = &c->connections[k];

		m->peers[m->n_peers] = conn->peer;
		m->connection[m->n_peers++] = k;
		if (m->tunnels != NULL)
			continue;
		snprintf(m->map, sizeof(m->map), "M");
		m->seq = 10 + (uint32_t)k;
		m->digest = o->map_digest != 0 ? o->map_digest : 1;
		m->ikev1 = o->ikev1;
		m->may_initiate = true;
		m->may_respond = true;
		m->n_tunnels = conn->n_children;
		m->tunnels = calloc(m->n_tunnels, sizeof(*m->tunnels));
		must(m->tunnels != NULL);
		for (size_t i = 0; i < m->n_tunnels; i++)
			m->tunnels[i] = conn->children[i].tunnel;
	}
	if (side == B || !o->second_entry)
		return;
	c->maps[1] = c->maps[0];
	c->maps[1].seq++;
	c->maps[1].n_peers = 1;
	c->maps[1].n_tunnels = 1;
	c->maps[1].tunnels = calloc(1, sizeof(uint32_t));
	must(c->maps[1].tunnels != NULL);
	c->maps[1].tunnels[0] = 2;
	c->maps[0].n_tunnels = 1;
}

static void connection(const struct world *w, int side, uint8_t k, const struct options *opt,
		       struct ike_connection *conn)
{
	struct options o = *opt;
	char name[16];

	if (o.sound_peers & 1u << k)
		o.wrong_psk = o.no_common_ts = o.no_common_esp = false;
	snprintf(name, sizeof(name), "%s", side == A ? "to-b" : "to-a");
	if (k > 0)
		snprintf(name + 4, sizeof(name) - 4, "%u", k + 1u);
	snprintf(conn->name, sizeof(conn->name), "%s", name);
	conn->local = side == A ? w->side[A].addr : world_peer(w, k);
	conn->peer = side == A ? world_peer(w, k) : w->side[A].addr;
	if (o.nat_a && side == B)
		conn->peer = inet_v4(0xcb007109); /* 203.0.113.9 */
	fqdn(&conn->local_id, side == A ? (o.wrong_id ? "x.example" : "a.example") : "b.example");
	fqdn(&conn->remote_id, side == A ? "b.example" : "a.example");
	psk(&conn->psk_local, side == A      ? (o.wrong_psk ? "wrong" : "key of a")
			      : o.cross_keys ? "key of b"
					     : "key of a");
	psk(&conn->psk_remote, side == A ? (o.cross_keys ? "key of b" : "key of a") : "key of a");
	conn->force_udp_encap = side == A ? o.force_udp : o.force_udp_b;
	conn->dpd_threshold_s = o.dpd_s;
	conn->dpd_retry_s = 2;
	conn->n_children = o.lines != 0 ? o.lines : 1;
	conn->children = calloc(conn->n_children, sizeof(*conn->children));
	must(conn->children != NULL);
	for (uint32_t i = 0; i < conn->n_children; i++) {
		line(&conn->children[i], side, i, &o);
		conn->children[i].tunnel += side == B ? 100u * k : 0;
	}
}

struct ike_config *world_config(const struct world *w, int side, const struct options *o)
{
	struct ike_config *c = calloc(1, sizeof(*c));

	must(c != NULL);
	c->n_policies = 1;
	c->policies = calloc(1, sizeof(*c->policies));
	must(c->policies != NULL);
	policy(&c->policies[0], side, o);
	c->half_open_cookie = o->half_open_cookie != 0 ? o->half_open_cookie : 100;
	c->half_open_max = o->half_open_max != 0 ? o->half_open_max : 200;
	c->half_open_timeout_ms = 30000;
	c->max_sa = o->max_sa;
	c->retransmit_ms = 1000;
	c->retransmit_tries = 6;
	c->init_retransmit_ms = 1000;
	c->init_retransmit_tries = o->init_tries != 0 ? o->init_tries : 6;
	c->nat_keepalive_s = 20;
	c->rekey_margin_pct = o->no_soft_life ? 0 : 10;
	c->counter_sync = side == A ? o->sync_a : o->sync_b;
	c->n_connections = o->peers != 0 ? o->peers : 1;
	c->connections = calloc(c->n_connections, sizeof(*c->connections));
	must(c->connections != NULL);
	for (uint8_t k = 0; k < c->n_connections; k++)
		connection(w, side, k, o, &c->connections[k]);
	crypto_map(c, side, o);
	return c;
}

/* ---- nodes ---- */

static struct ike_engine *engine_new(struct world *w, int side, uint8_t slot)
{
	struct ike_engine_config ec = { .slot = slot,
					.random = random_bytes,
					.random_ctx = w,
					.on_seal = on_seal,
					.on_seal_ctx = w };

	random_bytes(w, ec.hash_seed, sizeof(ec.hash_seed));
	return ike_engine_new(&ec, world_config(w, side, &w->opt));
}

struct world *world_new(uint64_t seed, const struct options *opt, bool with_standby)
{
	struct world *w = calloc(1, sizeof(*w));

	must(w != NULL);
	w->rng = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
	w->now = 1000000;
	w->opt = *opt;
	w->with_standby = with_standby;
	w->side[A].addr = inet_v4(0xc0000201);
	w->side[B].addr = inet_v4(0xc0000202);
	for (int i = 0; i < 2; i++) {
		struct side *s = &w->side[i];

		s->slot = 1;
		s->standby_slot = 2;
		s->term = 1;
		s->engine = engine_new(w, i, s->slot);
		if (with_standby)
			s->standby = engine_new(w, i, s->standby_slot);
		world_input(w, i, &(struct ike_input){ .kind = IKE_IN_ACTIVATE, .term = s->term });
	}
	return w;
}

static void dp_clear(struct side *s)
{
	for (size_t i = 0; i < s->n_dp; i++)
		child_sa_state_clear(&s->dp[i].s);
	s->n_dp = 0;
}

void world_free(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		ike_engine_free(w->side[i].engine);
		ike_engine_free(w->side[i].standby);
		dp_clear(&w->side[i]);
	}
	for (size_t i = 0; i < w->n_net; i++)
		buf_free(&w->net[i].datagram);
	for (size_t i = 0; i < w->n_jobs; i++)
		ike_job_free(w->jobs[i].job);
	free(w->net);
	free(w->seals);
	free(w->said);
	free(w);
}

/* ---- datapath model ---- */

static struct dp_child *dp_find(struct side *s, uint32_t spi_in)
{
	for (size_t i = 0; i < s->n_dp; i++) {
		if (s->dp[i].s.spi_in == spi_in)
			return &s->dp[i];
	}
	return NULL;
}

static void dp_install(struct side *s, const struct child_sa_state *c)
{
	must(s->n_dp < DP_MAX && dp_find(s, c->spi_in) == NULL);

	struct dp_child *d = &s->dp[s->n_dp++];

	*d = (struct dp_child){ 0 };
	d->s = *c;
	d->s.nonce_low = (struct buf){ 0 };
	d->s.keys_in = d->s.keys_out = (struct esp_keys){ { 0 }, { 0 } };
	must(secret_copy(&d->s.keys_in.encr, &c->keys_in.encr) == R_OK);
	must(secret_copy(&d->s.keys_out.encr, &c->keys_out.encr) == R_OK);
}

static void dp_remove(struct side *s, uint32_t spi_in)
{
	struct dp_child *d = dp_find(s, spi_in);

	if (d == NULL)
		return;
	child_sa_state_clear(&d->s);
	size_t i = (size_t)(d - s->dp);

	memmove(d, d + 1, (s->n_dp - i - 1) * sizeof(*d));
	s->n_dp--;
}

static void dp_use(struct world *w, struct side *s, uint32_t spi_in)
{
	struct dp_child *d = dp_find(s, spi_in);

	if (d == NULL)
		return;
	for (size_t i = 0; i < s->n_dp; i++) {
		if (s->dp[i].s.tunnel == d->s.tunnel)
			s->dp[i].outbound = false;
	}
	d->outbound = true;
	d->order = ++w->use_order;
}

const struct dp_child *world_outbound(struct world *w, int side, uint32_t tunnel)
{
	struct side *s = &w->side[side];

	for (size_t i = 0; i < s->n_dp; i++) {
		if (s->dp[i].outbound && s->dp[i].s.tunnel == tunnel)
			return &s->dp[i];
	}
	return NULL;
}

static bool direction_works(struct world *w, int from, uint32_t tunnel)
{
	const struct dp_child *out = world_outbound(w, from, tunnel);
	struct dp_child *in = out != NULL ? dp_find(&w->side[1 - from], out->s.spi_out) : NULL;

	return in != NULL && in->s.spi_out == out->s.spi_in &&
	       secret_equal(&out->s.keys_out.encr, &in->s.keys_in.encr);
}

bool world_tunnel_works(struct world *w, uint32_t tunnel)
{
	return direction_works(w, A, tunnel) && direction_works(w, B, tunnel);
}

void world_traffic(struct world *w)
{
	for (int from = 0; from < 2; from++) {
		for (uint32_t t = 1; t <= LINES_MAX; t++) {
			const struct dp_child *out = world_outbound(w, from, t);

			if (out != NULL && direction_works(w, from, t))
				world_input(w, 1 - from,
					    &(struct ike_input){ .kind = IKE_IN_TRAFFIC,
								 .spi_in = out->s.spi_out,
								 .at_ms = w->now });
		}
	}
}

/* ---- network ---- */

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
	return (uint64_t)be32(p) << 32 | be32(p + 4);
}

bool world_sync_of(struct world *w, int side, struct bytes datagram, struct msgid_sync *out)
{
	struct ike_crypto *crypto = ike_crypto_new();
	struct ike_message m;
	struct ike_sa_state sa = { 0 };
	struct sk_key key;
	struct buf plain = { 0 };
	const struct notify_payload *n = NULL;

	if (ike_message_decode(datagram, &m) == R_OK && m.header.exchange == INFORMATIONAL &&
	    m.header.message_id == 0 &&
	    ike_export_sa(w->side[side].engine,
			  ike_from_initiator(&m.header) ? m.header.spi_i : m.header.spi_r,
			  &sa) == R_OK &&
	    sk_key_of(&sa, true, &key) == R_OK && sk_open(crypto, &key, &m, &plain) == R_OK &&
	    ike_message_decode_inner(&m, buf_bytes(&plain)) == R_OK)
		n = ike_message_notify(&m, N_IKEV2_MESSAGE_ID_SYNC);

	bool ok = n != NULL && msgid_sync_decode(n, out) == R_OK;

	buf_free(&plain);
	ike_sa_state_clear(&sa);
	ike_crypto_free(crypto);
	return ok;
}

/* Law 3, and what each side has said. IKE_SA_INIT may say several things: cookie rounds. */
static void check_said(struct world *w, int side, struct bytes m)
{
	struct said s = { .side = side,
			  .spi_i = be64(m.p),
			  .spi_r = be64(m.p + 8),
			  .flags = m.p[19] & 0x20,
			  .message_id = be32(m.p + 20),
			  .message = siphash24(zero_key, m) };

	if (m.p[18] == IKE_SA_INIT || world_sync_of(w, side, m, &(struct msgid_sync){ 0 }))
		return;
	for (size_t i = 0; i < w->n_said; i++) {
		const struct said *o = &w->said[i];

		if (o->side == side && o->spi_i == s.spi_i && o->spi_r == s.spi_r &&
		    o->flags == s.flags && o->message_id == s.message_id)
			assert_int_equal(o->message, s.message);
	}
	w->said = grow(w->said, w->n_said, &w->cap_said, sizeof(*w->said));
	w->said[w->n_said++] = s;
}

static void nat(struct world *w, struct packet *p)
{
	struct inet_addr outside = inet_v4(0xcb007109);

	if (!w->opt.nat_a)
		return;
	if (p->to == B) {
		p->src.addr = outside;
		p->src.port = (uint16_t)(p->src.port + 10000);
	} else if (inet_equal(&p->dst.addr, &outside)) {
		p->dst.addr = w->side[A].addr;
		p->dst.port = (uint16_t)(p->dst.port - 10000);
	}
}

static void transmit(struct world *w, int side, const struct ike_effect *f)
{
	struct packet p = { .src = f->local,
			    .dst = f->remote,
			    .datagram = f->datagram, /* borrowed */
			    .to = 1 - side,
			    .at_ms = w->now + 1,
			    .exchange = f->exchange,
			    .response = f->response };
	unsigned int copies = 1;

	if (f->datagram.len < 28)
		return; /* NAT keepalive */
	assert_int_equal(f->udp_encap, f->local.port == 4500);
	check_said(w, side, buf_bytes(&f->datagram));
	if (!f->response) {
		w->side[side].sent[f->exchange & 63]++;
		w->side[side].init_requests += f->exchange == IKE_SA_INIT;
	}
	nat(w, &p);
	if (w->impair != NULL)
		copies = w->impair(w, &p);
	if (w->drop_pct != 0 && world_random(w) % 100 < w->drop_pct)
		copies = 0;
	else if (w->dup_pct != 0 && world_random(w) % 100 < w->dup_pct)
		copies = 2;
	for (unsigned int i = 0; i < copies; i++) {
		struct packet copy = p;

		copy.datagram = (struct buf){ 0 };
		must(buf_set(&copy.datagram, buf_bytes(&f->datagram)));
		if (w->jitter_ms != 0)
			copy.at_ms += world_random(w) % w->jitter_ms;
		w->net = grow(w->net, w->n_net, &w->cap_net, sizeof(*w->net));
		w->net[w->n_net++] = copy;
	}
}

void world_drop(struct world *w, size_t i)
{
	must(i < w->n_net);
	buf_free(&w->net[i].datagram);
	memmove(&w->net[i], &w->net[i + 1], (w->n_net - i - 1) * sizeof(*w->net));
	w->n_net--;
}

void world_deliver(struct world *w, size_t i)
{
	struct packet p = w->net[i];
	struct buf copy = { 0 };

	must(i < w->n_net);
	must(buf_set(&copy, buf_bytes(&p.datagram)));
	world_drop(w, i);
	world_input(w, p.to,
		    &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
					 .local = p.dst,
					 .remote = p.src,
					 .datagram = buf_bytes(&copy) });
	buf_free(&copy);
}

/* ---- steps ---- */

static void replicate(struct side *s, const struct ike_effect *f)
{
	struct ike_sa_state sa;
	struct child_sa_state child;

	if (s->standby == NULL || s->records_lost)
		return;
	switch (f->kind) {
	case IKE_FX_IKE_SA_CHANGED:
		assert_int_equal(ike_export_sa(s->engine, f->ike_spi, &sa), R_OK);
		assert_int_equal(ike_import_sa(s->standby, &sa), R_OK);
		ike_sa_state_clear(&sa);
		break;
	case IKE_FX_CHILD_SA_CHANGED:
		assert_int_equal(ike_export_child(s->engine, f->spi_in, &child), R_OK);
		assert_int_equal(ike_import_child(s->standby, &child), R_OK);
		child_sa_state_clear(&child);
		break;
	case IKE_FX_IKE_SA_GONE:
		ike_forget_sa(s->standby, f->ike_spi);
		break;
	case IKE_FX_CHILD_SA_GONE:
		ike_forget_child(s->standby, f->spi_in);
		break;
	case IKE_FX_PEER_INDEX_CHANGED:
		assert_int_equal(ike_import_peer_index(s->standby, f->peer_index), R_OK);
		break;
	default:
		break;
	}
}

static void at_once(struct world *w, int side, struct ike_effect *f)
{
	struct side *s = &w->side[side];

	switch (f->kind) {
	case IKE_FX_CHILD_INSTALL:
		dp_install(s, f->child);
		break;
	case IKE_FX_CHILD_STOP_OUTBOUND:
		if (dp_find(s, f->spi_in) != NULL)
			dp_find(s, f->spi_in)->outbound = false;
		break;
	case IKE_FX_CHILD_REMOVE:
		dp_remove(s, f->spi_in);
		break;
	case IKE_FX_PEER_INDEX_CHANGED:
		s->peer_records++;
		break;
	case IKE_FX_CHILD_REPLAY_SYNCED:
		if (dp_find(s, f->spi_in) != NULL)
			dp_find(s, f->spi_in)->synced = true;
		break;
	case IKE_FX_LOG:
		s->logs[f->log.id]++;
		if (getenv("HARNESS_LOG") != NULL)
			fprintf(stderr, "%llu %c %s: %s\n", (unsigned long long)w->now, "AB"[side],
				log_info(f->log.id) -> name, f -> log.detail);
		break;
	default:
		break;
	}
}

/* Effects come in the order of ike/ike.h: at once, records, held. */
static void check_order(const struct ike_outbox *out)
{
	int phase = 0;

	for (size_t i = 0; i < out->n; i++) {
		int p = 0;

		switch (out->fx[i].kind) {
		case IKE_FX_IKE_SA_CHANGED:
		case IKE_FX_CHILD_SA_CHANGED:
		case IKE_FX_IKE_SA_GONE:
		case IKE_FX_CHILD_SA_GONE:
			p = 1;
			break;
		case IKE_FX_SEND:
		case IKE_FX_CHILD_USE_OUTBOUND:
		case IKE_FX_CHILD_SKIP_OUTBOUND:
			p = 2;
			break;
		default:
			break;
		}
		assert_true(p >= phase);
		phase = p;
	}
}

static void step(struct world *w, int side, const struct ike_input *in);
static void take_over(struct world *w, int side, bool suspect);

static void take_job(struct world *w, int side, struct ike_effect *f)
{
	struct ike_job *job = f->job;

	f->job = NULL;
	ike_job_run(job);
	must(w->n_jobs < sizeof(w->jobs) / sizeof(w->jobs[0]));
	w->jobs[w->n_jobs].job = job;
	w->jobs[w->n_jobs++].side = side;
}

void world_jobs(struct world *w)
{
	while (w->n_jobs > 0) {
		struct ike_job *job = w->jobs[0].job;
		int side = w->jobs[0].side;

		memmove(&w->jobs[0], &w->jobs[1], (--w->n_jobs) * sizeof(w->jobs[0]));
		step(w, side, &(struct ike_input){ .kind = IKE_IN_JOB_DONE, .job = job });
	}
}

static void released(struct world *w, int side, const uint64_t *tokens, size_t n)
{
	for (size_t i = 0; i < n; i++)
		step(w, side, &(struct ike_input){ .kind = IKE_IN_RELEASED, .token = tokens[i] });
}

static void step(struct world *w, int side, const struct ike_input *in)
{
	struct side *s = &w->side[side];
	struct ike_outbox out = { 0 };
	uint64_t tokens[64];
	size_t n_tokens = 0;
	enum die_at die = DIE_NOT;

	ike_step(s->engine, w->now, in, &out);
	check_order(&out);
	if (out.n > 0 && ++s->steps == s->die_step)
		die = s->die_at;
	if (die != DIE_BEFORE_COMMIT) {
		for (size_t i = 0; i < out.n; i++)
			at_once(w, side, &out.fx[i]);
		for (size_t i = 0; i < out.n; i++)
			replicate(s, &out.fx[i]);
	}
	for (size_t i = 0; i < out.n && (die == DIE_NOT || die == DIE_AFTER_SEND); i++) {
		struct ike_effect *f = &out.fx[i];

		if (f->kind == IKE_FX_SEND || f->kind == IKE_FX_SEND_NOW)
			transmit(w, side, f);
		if (f->kind == IKE_FX_CHILD_USE_OUTBOUND)
			dp_use(w, s, f->spi_in);
		if (f->kind == IKE_FX_CHILD_SKIP_OUTBOUND && dp_find(s, f->spi_in) != NULL)
			dp_find(s, f->spi_in)->skipped += f->delta;
		if (f->kind == IKE_FX_SEND && f->token != 0 && n_tokens < 64)
			tokens[n_tokens++] = f->token;
		if (f->kind == IKE_FX_JOB)
			take_job(w, side, f);
	}
	ike_outbox_clear(&out);
	if (die != DIE_NOT)
		take_over(w, side, false);
	else
		released(w, side, tokens, n_tokens);
}

void world_input(struct world *w, int side, const struct ike_input *in)
{
	step(w, side, in);
	if (!w->hold_jobs)
		world_jobs(w);
}

struct copy_ctx {
	struct ike_engine *from, *to;
};

static void copy_sa(void *ctx, const struct ike_sa_state *s)
{
	struct copy_ctx *c = ctx;
	struct ike_sa_state copy;

	if (ike_export_sa(c->from, ike_sa_state_spi(s), &copy) != R_OK)
		return;
	assert_int_equal(ike_import_sa(c->to, &copy), R_OK);
	ike_sa_state_clear(&copy);
}

static void copy_child(void *ctx, const struct child_sa_state *s)
{
	struct copy_ctx *c = ctx;

	assert_int_equal(ike_import_child(c->to, s), R_OK);
}

static void copy_index(void *ctx, const struct tunnel_entry *t)
{
	struct copy_ctx *c = ctx;

	assert_int_equal(ike_import_peer_index(c->to, &t->s), R_OK);
}

static void index_of(void *ctx, const struct tunnel_entry *t)
{
	struct peer_index_state *first = ctx;

	if (first->seq == 0)
		*first = t->s;
}

struct peer_index_state world_index(struct world *w)
{
	struct peer_index_state s = { 0 };

	ike_each_map(w->side[A].engine, index_of, &s);
	return s;
}

static void install_standby(void *ctx, const struct child_sa_state *s)
{
	dp_install(ctx, s);
}

struct spis {
	uint32_t spi[DP_MAX];
	size_t n;
};

static void note_spi(void *ctx, const struct child_sa_state *s)
{
	struct spis *l = ctx;

	must(l->n < DP_MAX);
	l->spi[l->n++] = s->spi_in;
}

static void tell_deltas(struct world *w, int side)
{
	struct spis l = { .n = 0 };

	if (w->side[side].replay_delta == 0)
		return;
	ike_each_child(w->side[side].engine, 0, note_spi, &l);
	for (size_t i = 0; i < l.n; i++)
		step(w, side,
		     &(struct ike_input){ .kind = IKE_IN_REPLAY_DELTA,
					  .spi_in = l.spi[i],
					  .delta = w->side[side].replay_delta });
}

static void take_over(struct world *w, int side, bool suspect)
{
	struct side *s = &w->side[side];
	uint8_t slot = s->slot;
	size_t kept = 0;

	must(s->standby != NULL);
	for (size_t i = 0; i < w->n_jobs; i++) {
		if (w->jobs[i].side == side)
			ike_job_free(w->jobs[i].job);
		else
			w->jobs[kept++] = w->jobs[i];
	}
	w->n_jobs = kept;
	assert_int_equal(ike_next_deadline(s->standby), TIMER_NEVER);
	ike_engine_free(s->engine);
	s->engine = s->standby;
	s->slot = s->standby_slot;
	s->standby_slot = slot;
	s->standby = engine_new(w, side, slot);
	s->term++;
	s->takeovers++;
	s->die_at = DIE_NOT;
	dp_clear(s);
	ike_each_child(s->engine, 0, install_standby, s);

	struct copy_ctx ctx = { .from = s->engine, .to = s->standby };

	ike_each_sa(s->engine, copy_sa, &ctx);
	ike_each_child(s->engine, 0, copy_child, &ctx);
	ike_each_map(s->engine, copy_index, &ctx);
	tell_deltas(w, side);
	if (suspect)
		s->suspect_term = s->term;
	step(w, side,
	     &(struct ike_input){ .kind = IKE_IN_ACTIVATE,
				  .term = s->term,
				  .suspect = suspect,
				  .suspect_term = s->suspect_term });
}

void world_takeover(struct world *w, int side, bool suspect)
{
	take_over(w, side, suspect);
	if (!w->hold_jobs)
		world_jobs(w);
}

void world_restart(struct world *w, int side)
{
	world_input(w, side, &(struct ike_input){ .kind = IKE_IN_DEACTIVATE });
	dp_clear(&w->side[side]);
	world_input(w, side,
		    &(struct ike_input){ .kind = IKE_IN_ACTIVATE, .term = ++w->side[side].term });
}

/* ---- time ---- */

static size_t next_packet(const struct world *w)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < w->n_net; i++) {
		if (best == SIZE_MAX || w->net[i].at_ms < w->net[best].at_ms)
			best = i;
	}
	return best;
}

void world_run_until(struct world *w, uint64_t t)
{
	for (;;) {
		size_t p = w->hold_net ? SIZE_MAX : next_packet(w);
		uint64_t at_packet = p == SIZE_MAX ? TIMER_NEVER : w->net[p].at_ms;
		uint64_t at[2] = { ike_next_deadline(w->side[A].engine),
				   ike_next_deadline(w->side[B].engine) };
		int side = at[A] <= at[B] ? A : B;
		uint64_t next = at[side] < at_packet ? at[side] : at_packet;

		if (next > t)
			break;
		if (next > w->now)
			w->now = next;
		if (at_packet <= at[side])
			world_deliver(w, p);
		else
			world_input(w, side, &(struct ike_input){ .kind = IKE_IN_TIMER });
	}
	w->now = t;
}

void world_run(struct world *w, uint64_t ms)
{
	world_run_until(w, w->now + ms);
}

/* ---- commands and questions ---- */

void initiate(struct world *w, int side, uint32_t tunnel)
{
	world_input(w, side,
		    &(struct ike_input){ .kind = IKE_IN_INITIATE,
					 .tunnel = tunnel,
					 .connection = side == A ? "to-b" : "to-a" });
}

void rekey_child(struct world *w, int side)
{
	const struct dp_child *d = world_outbound(w, side, 1);

	assert_non_null(d);
	world_input(w, side,
		    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD, .spi_in = d->s.spi_in });
}

struct find {
	enum ike_sa_stage stage;
	enum child_sa_stage child_stage;
	struct ike_sa_state sa;
	size_t n;
};

static void find_sa(void *ctx, const struct ike_sa_state *s)
{
	struct find *f = ctx;

	if (s->stage != f->stage)
		return;
	f->sa = *s;
	f->n++;
}

static void find_child(void *ctx, const struct child_sa_state *s)
{
	struct find *f = ctx;

	f->n += s->stage == f->child_stage;
}

struct ike_sa_state world_sa(struct world *w, int side)
{
	struct find f = { .stage = IKE_SA_ESTABLISHED };

	ike_each_sa(w->side[side].engine, find_sa, &f);
	assert_int_equal(f.n, 1);
	return f.sa;
}

size_t world_count_sa(struct world *w, int side, enum ike_sa_stage stage)
{
	struct find f = { .stage = stage };

	ike_each_sa(w->side[side].engine, find_sa, &f);
	return f.n;
}

size_t world_count_child(struct world *w, int side, enum child_sa_stage stage)
{
	struct find f = { .child_stage = stage };

	ike_each_child(w->side[side].engine, 0, find_child, &f);
	return f.n;
}

static void to_sa(struct world *w, int side, enum ike_input_kind kind)
{
	struct ike_sa_state s = world_sa(w, side);

	world_input(w, side, &(struct ike_input){ .kind = kind, .ike_spi = ike_sa_state_spi(&s) });
}

void rekey_ike(struct world *w, int side)
{
	to_sa(w, side, IKE_IN_REKEY_IKE);
}

void liveness(struct world *w, int side)
{
	to_sa(w, side, IKE_IN_LIVENESS);
}

void clear_all(struct world *w, int side)
{
	world_input(w, side, &(struct ike_input){ .kind = IKE_IN_CLEAR, .connection = "" });
}
