/* SPDX-License-Identifier: Apache-2.0 */
/* The table of transforms (RFC 8221) and how a row is chosen. A backend is a row,
 * never a condition. */
#include "esp/transform.h"

#include <openssl/rand.h>
#include <stdlib.h>

#include "base/iana.h"
#include "base/secret.h"

static bool always(const struct esp_crypto *c)
{
	(void)c;
	return true;
}

#define GCM_MB(bits) \
	{ \
		.encr = ENCR_AES_GCM_16, .key_bits = bits, .salt = 4, .iv = 8, .icv = 16, \
		.block = 4, .name = "AES-GCM-" #bits, .backend = "ipsec-mb", \
		.usable = esp_mb_usable, .key_new = esp_gcm_mb_key_new, \
		.key_free = esp_gcm_mb_key_free, .seal = esp_gcm_mb_seal, .open = esp_gcm_mb_open \
	}
#define GCM_EVP(bits) \
	{ \
		.encr = ENCR_AES_GCM_16, .key_bits = bits, .salt = 4, .iv = 8, .icv = 16, \
		.block = 4, .name = "AES-GCM-" #bits, .backend = "openssl", .usable = always, \
		.key_new = esp_gcm_evp_key_new, .key_free = esp_gcm_evp_key_free, \
		.seal = esp_gcm_evp_seal, .open = esp_gcm_evp_open \
	}
/* RFC 4868 2.6: the key is as long as the hash, the ICV half of it. */
#define CBC_EVP(bits, sha) \
	{ \
		.encr = ENCR_AES_CBC, .key_bits = bits, .integ = AUTH_HMAC_SHA2_##sha, .iv = 16, \
		.integ_key = HMAC_SHA2_##sha, .icv = HMAC_SHA2_##sha / 2, .block = 16, \
		.iv_random = true, .name = "AES-CBC-" #bits " HMAC-SHA2-" #sha, \
		.backend = "openssl", .usable = always, .key_new = esp_cbc_hmac_evp_key_new, \
		.key_free = esp_cbc_hmac_evp_key_free, .seal = esp_cbc_hmac_evp_seal, \
		.open = esp_cbc_hmac_evp_open \
	}
#define HMAC_SHA2_256_128 32
#define HMAC_SHA2_384_192 48
#define HMAC_SHA2_512_256 64

static const struct esp_transform table[] = {
#ifdef HAVE_IPSEC_MB
	GCM_MB(128),           GCM_MB(192),           GCM_MB(256),
#endif
	GCM_EVP(128),          GCM_EVP(192),          GCM_EVP(256),          CBC_EVP(128, 256_128),
	CBC_EVP(192, 256_128), CBC_EVP(256, 256_128), CBC_EVP(128, 384_192), CBC_EVP(192, 384_192),
	CBC_EVP(256, 384_192), CBC_EVP(128, 512_256), CBC_EVP(192, 512_256), CBC_EVP(256, 512_256),
	{ .encr = 0 },
};

const struct esp_transform *esp_transforms(void)
{
	return table;
}

const struct esp_transform *esp_transform_find(const struct esp_transform *rows,
					       const struct esp_crypto *c,
					       const struct esp_transforms *t)
{
	for (const struct esp_transform *row = rows; row->encr != 0; row++)
		if (row->encr == t->encr && row->key_bits == t->key_bits &&
		    row->integ == t->integ && row->usable(c))
			return row;
	return NULL;
}

struct esp_crypto *esp_crypto_new(unsigned int worker)
{
	struct esp_crypto *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return NULL;
	c->worker = worker;
	c->mb = esp_mb_manager_new();
	return c;
}

void esp_crypto_free(struct esp_crypto *c)
{
	if (c == NULL)
		return;
	esp_mb_manager_free(c->mb);
	wipe(c, sizeof(*c));
	free(c);
}

bool esp_crypto_random(struct esp_crypto *c, uint8_t *out, size_t len)
{
	if (c->random_left < len) {
		if (RAND_bytes(c->random, sizeof(c->random)) != 1)
			return false;
		c->random_left = sizeof(c->random);
	}
	c->random_left -= len;
	memcpy(out, c->random + c->random_left, len);
	return true;
}
