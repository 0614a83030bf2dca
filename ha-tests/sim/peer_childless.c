/* SPDX-License-Identifier: Apache-2.0 */
/* A peer that first authenticates and asks for its CHILD SA later (RFC 6023): our engine never
 * does, so that its request is opened here and sealed again without what asks for it. */
#include "base/iana.h"
#include "base/must.h"
#include "ha-tests/sim/sim.h"
#include "ike/payload.h"

#define PAYLOADS_MAX 2048

static bool asks(uint8_t type)
{
	return type == PAYLOAD_SA || type == PAYLOAD_TSI || type == PAYLOAD_TSR;
}

/* A chain of payloads without those that ask; each names the type of the next (RFC 7296 3.2). */
static size_t without(struct bytes chain, uint8_t *first, uint8_t out[PAYLOADS_MAX])
{
	uint8_t *names_next = first, type = *first;
	size_t len = 0;

	for (size_t at = 0; at + 4 <= chain.len;) {
		const uint8_t next = chain.p[at];
		const size_t size = (size_t)chain.p[at + 2] << 8 | chain.p[at + 3];
		must(size >= 4 && at + size <= chain.len && len + size <= PAYLOADS_MAX);
		if (!asks(type)) {
			memcpy(out + len, chain.p + at, size);
			*names_next = type;
			names_next = out + len;
			len += size;
		}
		type = next;
		at += size;
	}
	*names_next = PAYLOAD_NONE;
	return len;
}

/* The same bytes each time that it is sent. */
static void seal_again(const struct sk_key *key, const struct ike_message *m, struct bytes plain,
		       struct buf *datagram)
{
	const struct digest128 iv = digest128(m->datagram);
	uint8_t payloads[PAYLOADS_MAX], first = m->sk.first_payload;
	struct sk_seal_input in = { .key = key, .header = m->header };
	struct ike_crypto *crypto = ike_crypto_new();

	must(key->encr->iv <= sizeof(iv));
	in.iv = bytes(&iv, key->encr->iv);
	in.payloads = bytes(payloads, without(plain, &first, payloads));
	in.first_payload = first;
	must(crypto && sk_seal(crypto, &in, datagram) == R_OK);
	ike_crypto_free(crypto);
}

void peer_childless(struct peer *p, struct buf *datagram)
{
	struct buf sent = { 0 }, plain = { 0 };
	struct ike_crypto *crypto = ike_crypto_new();
	struct ike_sa_state sa = { 0 };
	struct ike_message m;
	struct sk_key key;

	buf_move(&sent, datagram);
	must(crypto && ike_message_decode(buf_bytes(&sent), &m) == R_OK);
	must(ike_export_sa(p->engine, m.header.spi_i, &sa) == R_OK);
	must(sk_key_of(&sa, true, &key) == R_OK && sk_open(crypto, &key, &m, &plain) == R_OK);
	seal_again(&key, &m, buf_bytes(&plain), datagram);
	buf_free(&plain);
	buf_free(&sent);
	ike_sa_state_clear(&sa);
	ike_crypto_free(crypto);
}
