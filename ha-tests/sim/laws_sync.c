/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 3's one exception (RFC 6311 5.1): an INFORMATIONAL with message id 0
 * that holds IKEV2_MESSAGE_ID_SYNC and nothing else but, in a request,
 * IPSEC_REPLAY_COUNTER_SYNC. It is known when it is sealed, from its content.
 * What it says must not go back instead: M1 rises, and neither M1 nor the
 * peer's P2 is an id that its sender has used; the answer is not below what
 * was asked.
 */
#include "base/iana.h"
#include "base/must.h"
#include "base/wire_writer.h"
#include "ha-tests/sim/sim.h"
#include "ike/payload.h"

static const struct ike_engine *engine_of(const struct gateway *gw)
{
	if (gw->peer)
		return gw->peer->engine;
	return gw->member->core ? hf_core_engine(gw->member->core) : NULL;
}

/* The payloads of a message that this gateway has sealed. */
static bool opened(const struct gateway *gw, struct ike_message *m, struct buf *plain)
{
	const bool by_initiator = ike_from_initiator(&m->header);
	struct ike_crypto *crypto = ike_crypto_new();
	struct ike_sa_state sa = { 0 };
	struct sk_key key;
	const struct ike_engine *e = engine_of(gw);
	bool ok = e &&
		  ike_export_sa(e, by_initiator ? m->header.spi_i : m->header.spi_r, &sa) == R_OK &&
		  sk_key_of(&sa, true, &key) == R_OK && sk_open(crypto, &key, m, plain) == R_OK &&
		  ike_message_decode_inner(m, buf_bytes(plain)) == R_OK;

	/* Sent only to those that have negotiated it. */
	ok = ok && sa.peer_mid_sync;
	ike_sa_state_clear(&sa);
	ike_crypto_free(crypto);
	return ok;
}

static bool holds_nothing_else(const struct ike_message *m)
{
	const bool replay = ike_message_notify(m, N_IPSEC_REPLAY_COUNTER_SYNC) != NULL;

	return m->present == IKE_P(NOTIFY) && m->n_notifies == 1u + replay &&
	       !(replay && ike_is_response(&m->header));
}

/* Ids that a side has used: law 3's names of its requests. */
static bool was_used(struct sim *s, const struct ike_header *h, bool by_initiator, uint32_t id)
{
	const struct digest128 name = laws_request_name(h->spi_i, h->spi_r, by_initiator, id);

	return seen_has(&s->laws.messages, name) || seen_has(&s->laws.past_ids, name);
}

static struct digest128 exchange_name(const struct ike_header *h, bool by_initiator,
				      const uint8_t nonce[4])
{
	uint8_t text[32];
	struct wire_writer w = wire_writer(text, sizeof(text));

	wire_put_u64(&w, h->spi_i);
	wire_put_u64(&w, h->spi_r);
	wire_put_u8(&w, by_initiator);
	wire_put(&w, bytes(nonce, 4));
	return digest128(bytes(text, w.len));
}

static void request_sealed(struct gateway *gw, const struct ike_header *h,
			   const struct msgid_sync *sync)
{
	struct sim *s = gw->s;
	const bool initiator = ike_from_initiator(h);

	s->stats.syncs++;
	trace(s, "synchronizes ids of %016llx: ours %u, the peer's %u",
	      (unsigned long long)h->spi_i, sync->send, sync->recv);
	(void)seen_add(&s->laws.sync_asked, exchange_name(h, initiator, sync->nonce),
		       (struct digest128){ sync->send, sync->recv });
}

static void response_sealed(struct gateway *gw, const struct ike_header *h,
			    const struct msgid_sync *sync)
{
	struct sim *s = gw->s;
	const bool initiator = ike_from_initiator(h);
	struct digest128 asked;

	s->stats.syncs_answered++;
	trace(s, "answers: ours %u, the peer's %u", sync->send, sync->recv);
	if (!seen_find(&s->laws.sync_asked, exchange_name(h, !initiator, sync->nonce), &asked))
		law_broken(s, 3, "%016llx: an answer to no synchronization",
			   (unsigned long long)h->spi_i);
	else if (sync->recv < asked.a || sync->send < asked.b)
		law_broken(s, 3, "%016llx: synchronized to lower ids than asked for",
			   (unsigned long long)h->spi_i);
}

/* What was sealed may never leave: an id is used when it is sent. */
bool laws_sync_sent(struct sim *s, struct bytes datagram)
{
	const struct digest128 name = digest128(datagram);
	struct digest128 says;
	struct ike_header h;

	if (!seen_find(&s->laws.sync_messages, name, &says) ||
	    ike_header_decode(datagram, &h) != R_OK)
		return false;
	const bool initiator = ike_from_initiator(&h), response = ike_is_response(&h);
	const uint32_t id = (uint32_t)says.a;
	bool again = was_used(s, &h, initiator, id);
	if (!response)
		again = seen_add(&s->laws.syncs, laws_request_name(h.spi_i, h.spi_r, initiator, id),
				 name) == SEEN_OTHER ||
			again;
	if (again && laws_judged(s, h.spi_i))
		law_broken(s, 3, "%s %u of %016llx was used before", response ? "P2" : "M1", id,
			   (unsigned long long)h.spi_i);
	return true;
}

void laws_sync_sealed(struct gateway *gw, struct bytes datagram)
{
	struct ike_message m;
	struct msgid_sync sync;
	struct buf plain = { 0 };
	const struct notify_payload *n = NULL;

	if (ike_message_decode(datagram, &m) == R_OK && m.header.exchange == INFORMATIONAL &&
	    m.header.message_id == 0 && opened(gw, &m, &plain))
		n = ike_message_notify(&m, N_IKEV2_MESSAGE_ID_SYNC);
	if (n && holds_nothing_else(&m) && msgid_sync_decode(n, &sync) == R_OK) {
		(void)seen_add(&gw->s->laws.sync_messages, digest128(datagram),
			       (struct digest128){ .a = sync.send });
		(ike_is_response(&m.header) ? response_sealed : request_sealed)(gw, &m.header,
										&sync);
	}
	buf_free(&plain);
}
