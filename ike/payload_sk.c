/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Encrypted and Authenticated payload (RFC 7296 3.14) with AEAD ciphers
 * (RFC 5282) or a cipher and a separate integrity algorithm. It is always the
 * last payload, so it is sealed into, and opened from, a whole datagram.
 */
#include <stdlib.h>

#include "base/must.h"
#include "ike/payload.h"

#define PAD_LENGTH_LEN 1u
#define PADDING_MAX    255u

enum result sk_key_of(const struct ike_sa_state *sa, bool outbound, struct sk_key *out)
{
	bool from_initiator = sa->initiator == outbound;
	const struct secret *e = from_initiator ? &sa->sk_ei : &sa->sk_er;
	const struct secret *a = from_initiator ? &sa->sk_ai : &sa->sk_ar;
	struct sk_key key = {
		.encr = encr_row(sa->transforms.encr, sa->transforms.key_bits),
		.integ = integ_row(sa->transforms.integ),
		.encr_key = secret_bytes(e),
		.integ_key = secret_bytes(a),
	};

	if (key.encr == NULL || key.encr->evp == NULL ||
	    encr_is_aead(key.encr) != (key.integ == NULL))
		return R_UNSUPPORTED;
	if (e->len != (size_t)key.encr->key + key.encr->salt ||
	    a->len != (key.integ != NULL ? key.integ->key : 0u))
		return R_VALUE;
	*out = key;
	return R_OK;
}

static size_t icv_len(const struct sk_key *key)
{
	return key->integ != NULL ? key->integ->icv : key->encr->icv;
}

/* Where the parts of the body lie in the datagram. */
struct sk_layout {
	size_t body; /* the IV */
	size_t ciphertext;
	size_t ciphertext_len;
	size_t icv;
	size_t total;
};

static struct sk_layout layout_of(const struct sk_key *key, size_t body, size_t ciphertext_len)
{
	struct sk_layout l = { .body = body,
			       .ciphertext = body + key->encr->iv,
			       .ciphertext_len = ciphertext_len };

	l.icv = l.ciphertext + ciphertext_len;
	l.total = l.icv + icv_len(key);
	return l;
}

static struct cipher_input cipher_input_of(const struct sk_key *key, const uint8_t *datagram,
					   const struct sk_layout *l)
{
	return (struct cipher_input){
		.row = key->encr,
		.key = key->encr_key,
		.iv = bytes(datagram + l->body, key->encr->iv),
		/* RFC 5282 5.1: all before the IV. Unused without an AEAD: the HMAC
		 * covers all before the ICV. */
		.aad = bytes(datagram, l->body),
		.in = bytes(datagram + l->ciphertext, l->ciphertext_len),
	};
}

/* ---- seal ---- */

/* Header, generic header, IV, and the plaintext where the ciphertext will be. */
static enum result write_plain(const struct sk_seal_input *in, const struct sk_layout *l,
			       size_t padding, uint8_t *datagram)
{
	struct wire_writer w = wire_writer(datagram, l->total);
	struct ike_header h = in->header;

	h.next_payload = PAYLOAD_SK;
	h.length = (uint32_t)l->total;
	ike_header_put(&w, &h);
	wire_put_u8(&w, in->first_payload);
	wire_put_u8(&w, 0);
	wire_put_u16(&w, (uint16_t)(l->total - IKE_HEADER_LEN));
	wire_put(&w, in->iv);
	wire_put(&w, in->payloads);
	if (in->padding.p != NULL)
		wire_put(&w, in->padding);
	else
		wire_put_zero(&w, padding);
	wire_put_u8(&w, (uint8_t)padding);
	wire_put_zero(&w, l->total - l->icv);
	return wire_finish(&w);
}

static enum result seal_in_place(struct ike_crypto *c, const struct sk_key *key,
				 const struct sk_layout *l, uint8_t *datagram)
{
	struct cipher_input ci = cipher_input_of(key, datagram, l);
	enum result res = ike_cipher_seal(c, &ci, datagram + l->ciphertext, datagram + l->icv);
	struct bytes covered = bytes(datagram, l->icv);
	uint8_t mac[IKE_PRF_MAX];

	if (res != R_OK || key->integ == NULL)
		return res;
	res = ike_integ(c, key->integ, key->integ_key, &covered, 1, mac);
	if (res == R_OK)
		memcpy(datagram + l->icv, mac, key->integ->icv);
	return res;
}

enum result sk_seal(struct ike_crypto *c, const struct sk_seal_input *in, struct buf *out)
{
	const struct encr_row *encr = in->key->encr;
	size_t unpadded = in->payloads.len + PAD_LENGTH_LEN;
	size_t padding = in->padding.p != NULL
				 ? in->padding.len
				 : (encr->block - unpadded % encr->block) % encr->block;
	struct sk_layout l = layout_of(in->key, IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN,
				       unpadded + padding);

	if (in->iv.len != encr->iv || padding > PADDING_MAX || l.ciphertext_len % encr->block != 0)
		return R_VALUE;
	if (l.total > IKE_DATAGRAM_MAX)
		return R_TOO_LONG;

	uint8_t *datagram = malloc(l.total);

	if (datagram == NULL)
		return R_NO_MEMORY;

	enum result res = write_plain(in, &l, padding, datagram);

	if (res == R_OK)
		res = seal_in_place(c, in->key, &l, datagram);
	if (res != R_OK) {
		free(datagram);
		return res;
	}
	buf_free(out);
	*out = (struct buf){ .p = datagram, .len = l.total };
	return R_OK;
}

/* ---- open ---- */

static enum result check_integ(struct ike_crypto *c, const struct sk_key *key,
			       const struct sk_layout *l, struct bytes datagram)
{
	struct bytes covered = bytes(datagram.p, l->icv);
	uint8_t mac[IKE_PRF_MAX];
	enum result res = ike_integ(c, key->integ, key->integ_key, &covered, 1, mac);

	if (res != R_OK)
		return res;
	return bytes_equal_ct(bytes(mac, key->integ->icv),
			      bytes(datagram.p + l->icv, key->integ->icv))
		       ? R_OK
		       : R_INTEGRITY;
}

/* Authentic only now: a padding length that lies is the peer's fault, not an attacker's probe. */
static enum result strip_padding(struct buf *plain)
{
	size_t padding = plain->p[plain->len - 1];

	if (padding + PAD_LENGTH_LEN > plain->len)
		return R_LENGTH;
	plain->len -= padding + PAD_LENGTH_LEN;
	return R_OK;
}

enum result sk_open(struct ike_crypto *c, const struct sk_key *key, const struct ike_message *m,
		    struct buf *plain)
{
	size_t overhead = key->encr->iv + icv_len(key);

	buf_free(plain);
	if ((m->outside & IKE_P(SK)) == 0)
		return R_MISSING;
	if (m->sk.body.len < overhead + PAD_LENGTH_LEN ||
	    (m->sk.body.len - overhead) % key->encr->block != 0)
		return R_INTEGRITY;

	struct sk_layout l = layout_of(key, m->sk.offset, m->sk.body.len - overhead);
	struct cipher_input ci = cipher_input_of(key, m->datagram.p, &l);
	enum result res = key->integ != NULL ? check_integ(c, key, &l, m->datagram) : R_OK;

	if (res != R_OK)
		return res;
	*plain = (struct buf){ .p = malloc(l.ciphertext_len), .len = l.ciphertext_len };
	if (plain->p == NULL) {
		plain->len = 0;
		return R_NO_MEMORY;
	}
	res = ike_cipher_open(c, &ci, plain->p, bytes(m->datagram.p + l.icv, icv_len(key)));
	if (res == R_OK)
		res = strip_padding(plain);
	if (res != R_OK)
		buf_free(plain);
	return res;
}
