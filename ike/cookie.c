/* SPDX-License-Identifier: Apache-2.0 */
/* Stateless cookies (RFC 7296 2.6). */
#include "ike/cookie.h"

enum result cookie_rotate(struct cookie_secrets *cs, const uint8_t fresh[COOKIE_SECRET_LEN])
{
	struct secret next = { 0 };
	enum result res = secret_set(&next, bytes(fresh, COOKIE_SECRET_LEN));

	if (res != R_OK)
		return res;
	secret_move(&cs->previous, &cs->current);
	secret_move(&cs->current, &next);
	cs->version++;
	return R_OK;
}

void cookie_secrets_clear(struct cookie_secrets *cs)
{
	secret_wipe(&cs->current);
	secret_wipe(&cs->previous);
}

static enum result make(struct ike_crypto *c, const struct secret *secret, uint8_t version,
			const struct cookie_subject *s, uint8_t out[COOKIE_LEN])
{
	uint8_t spi[8], mac[IKE_PRF_MAX];
	struct bytes parts[] = { s->nonce, bytes(s->remote.a, inet_len(&s->remote)),
				 bytes(spi, sizeof(spi)) };

	for (size_t i = 0; i < sizeof(spi); i++)
		spi[i] = (uint8_t)(s->spi_i >> 8 * (sizeof(spi) - 1 - i));

	enum result res = ike_prf(c, PRF_HMAC_SHA2_256, secret_bytes(secret), parts, 3, mac);

	if (res == R_OK) {
		out[0] = version;
		memcpy(out + 1, mac, COOKIE_LEN - 1);
	}
	return res;
}

enum result cookie_make(struct ike_crypto *c, const struct cookie_secrets *cs,
			const struct cookie_subject *s, uint8_t out[COOKIE_LEN])
{
	return make(c, &cs->current, cs->version, s, out);
}

enum result cookie_verify(struct ike_crypto *c, const struct cookie_secrets *cs,
			  const struct cookie_subject *s, struct bytes cookie)
{
	const struct secret *secret;
	uint8_t expected[COOKIE_LEN];

	if (cookie.len != COOKIE_LEN)
		return R_COOKIE;
	/* The version says which secret; a guess at it gains nothing. */
	if (cookie.p[0] == cs->version)
		secret = &cs->current;
	else if (cookie.p[0] == (uint8_t)(cs->version - 1))
		secret = &cs->previous;
	else
		return R_COOKIE;
	if (secret->len == 0)
		return R_COOKIE;

	enum result res = make(c, secret, cookie.p[0], s, expected);

	if (res != R_OK)
		return res;
	return bytes_equal_ct(bytes(expected, sizeof(expected)), cookie) ? R_OK : R_COOKIE;
}
