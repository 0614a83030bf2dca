/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stateless cookies (RFC 7296 2.6): version | HMAC-SHA2-256(secret, Ni | IPi
 * | SPIi). The secret rotates; cookies of the current and of the previous
 * one are taken.
 */
#ifndef HF_IKE_COOKIE_H
#define HF_IKE_COOKIE_H

#include "base/inet.h"
#include "ike/crypto.h"

#define COOKIE_LEN        33u
#define COOKIE_SECRET_LEN 32u

struct cookie_secrets {
	uint8_t version; /* of current; previous has version - 1 */
	struct secret current;
	struct secret previous; /* empty before the first rotation */
};

/* What a cookie is bound to. */
struct cookie_subject {
	struct bytes nonce;      /* Ni */
	struct inet_addr remote; /* IPi */
	uint64_t spi_i;
};

/* First secret, and every later one; the current becomes the previous. R_NO_MEMORY
 * leaves *cs as it was. */
enum result cookie_rotate(struct cookie_secrets *cs,
			  const uint8_t fresh[COOKIE_SECRET_LEN]) WARN_UNUSED;
void cookie_secrets_clear(struct cookie_secrets *cs);
enum result cookie_make(struct ike_crypto *c, const struct cookie_secrets *cs,
			const struct cookie_subject *s, uint8_t out[COOKIE_LEN]) WARN_UNUSED;
/* R_COOKIE unless the cookie is ours for this subject, by the current or the previous secret. */
enum result cookie_verify(struct ike_crypto *c, const struct cookie_secrets *cs,
			  const struct cookie_subject *s, struct bytes cookie) WARN_UNUSED;

#endif
