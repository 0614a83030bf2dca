/* SPDX-License-Identifier: Apache-2.0 */
/* The network, and the laws about what may be sealed and said (replication.md, laws 1 and 3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/hashmap.h"
#include "base/must.h"
#include "ike/tests/engine_harness_private.h"

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

/* Law 1. */
void on_seal(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message)
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

void transmit(struct world *w, int side, const struct ike_effect *f)
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

void world_drop_all(struct world *w)
{
	while (w->n_net > 0)
		world_drop(w, 0);
}

void world_inject(struct world *w, int to, struct bytes datagram)
{
	world_input(w, to,
		    &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
					 .local = { w->side[to].addr, 500 },
					 .remote = { w->side[1 - to].addr, 500 },
					 .datagram = datagram });
}

struct buf world_sealed(const struct ike_sa_state *sa, struct ike_header h,
			struct ike_builder *inner)
{
	const uint8_t iv[8] = { 0xff, 0xff }; /* no engine's; the same message comes out the same */
	struct ike_crypto *crypto = ike_crypto_new();
	struct sk_key key;
	struct buf out = { 0 };
	struct sk_seal_input in = { .key = &key, .iv = bytes(iv, sizeof(iv)), .header = h };

	must(crypto != NULL);
	in.header.spi_i = sa->spi_i;
	in.header.spi_r = sa->spi_r;
	in.header.version = IKE_VERSION;
	in.header.flags |= sa->initiator ? IKE_FLAG_INITIATOR : 0;
	assert_int_equal(ike_build_finish_inner(inner, &in.first_payload, &in.payloads), R_OK);
	assert_int_equal(sk_key_of(sa, true, &key), R_OK);
	assert_int_equal(sk_seal(crypto, &in, &out), R_OK);
	ike_crypto_free(crypto);
	return out;
}
