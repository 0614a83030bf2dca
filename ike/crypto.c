/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Algorithm rows and their EVP calls. Everything is fetched once per engine:
 * an implicit fetch per packet costs more than a small HMAC.
 */
#include "ike/crypto.h"

#include <stdlib.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* clang-format off */
static const char *const digest_names[DIGEST_COUNT_] = {
	[DIGEST_MD5] = "MD5",
	[DIGEST_SHA1] = "SHA1",
	[DIGEST_SHA256] = "SHA256",
	[DIGEST_SHA384] = "SHA384",
	[DIGEST_SHA512] = "SHA512",
};
/* clang-format on */

/* RFC 4868 2.1.2, RFC 8247 2.2 */
static const struct prf_row prf_rows[] = {
	{ .id = PRF_HMAC_SHA2_256, .len = 32, .digest = DIGEST_SHA256 },
	{ .id = PRF_HMAC_SHA2_384, .len = 48, .digest = DIGEST_SHA384 },
	{ .id = PRF_HMAC_SHA2_512, .len = 64, .digest = DIGEST_SHA512 },
	{ .id = PRF_HMAC_SHA1, .len = 20, .digest = DIGEST_SHA1, .weak = true },
	{ .id = PRF_HMAC_MD5, .len = 16, .digest = DIGEST_MD5, .weak = true },
};

/* RFC 4868 2.3, RFC 8247 2.3: SHA2-256 is cut to 128 bits, never to 96. */
static const struct integ_row integ_rows[] = {
	{ .id = AUTH_HMAC_SHA2_256_128, .key = 32, .icv = 16, .digest = DIGEST_SHA256 },
	{ .id = AUTH_HMAC_SHA2_384_192, .key = 48, .icv = 24, .digest = DIGEST_SHA384 },
	{ .id = AUTH_HMAC_SHA2_512_256, .key = 64, .icv = 32, .digest = DIGEST_SHA512 },
	{ .id = AUTH_HMAC_SHA1_96, .key = 20, .icv = 12, .digest = DIGEST_SHA1, .weak = true },
	{ .id = AUTH_HMAC_MD5_96, .key = 16, .icv = 12, .digest = DIGEST_MD5, .weak = true },
};

#define AES_GCM(suffix, icv_len, bits) \
	{ \
		.id = ENCR_AES_GCM_##suffix, .key_bits = (bits), .mode = ENCR_MODE_AEAD, \
		.key = (bits) / 8, .salt = 4, .iv = 8, .icv = (icv_len), .block = 1, \
		.evp = "AES-" #bits "-GCM" \
	}
#define AES_CBC(bits) \
	{ \
		.id = ENCR_AES_CBC, .key_bits = (bits), .mode = ENCR_MODE_CBC, .key = (bits) / 8, \
		.iv = 16, .block = 16, .evp = "AES-" #bits "-CBC" \
	}
#define AES_CTR(bits) \
	{ \
		.id = ENCR_AES_CTR, .key_bits = (bits), .mode = ENCR_MODE_CTR, .key = (bits) / 8, \
		.salt = 4, .iv = 8, .block = 1, .evp = "AES-" #bits "-CTR" \
	}
#define AES_GMAC(bits) \
	{ \
		.id = ENCR_NULL_AUTH_AES_GMAC, .key_bits = (bits), .mode = ENCR_MODE_AEAD, \
		.key = (bits) / 8, .salt = 4, .iv = 8, .icv = 16, .block = 1 \
	}

/* RFC 5282 (GCM), 3602 (CBC), 5930 (CTR), 7634 (ChaCha20), 4543 (GMAC, ESP only),
 * 2410 (NULL, ESP only) */
/* clang-format off */
static const struct encr_row encr_rows[] = {
	AES_GCM(16, 16, 128),
	AES_GCM(16, 16, 192),
	AES_GCM(16, 16, 256),
	AES_GCM(12, 12, 128),
	AES_GCM(12, 12, 192),
	AES_GCM(12, 12, 256),
	AES_GCM(8, 8, 128),
	AES_GCM(8, 8, 192),
	AES_GCM(8, 8, 256),
	AES_CBC(128),
	AES_CBC(192),
	AES_CBC(256),
	AES_CTR(128),
	AES_CTR(192),
	AES_CTR(256),
	{ .id = ENCR_CHACHA20_POLY1305, .mode = ENCR_MODE_AEAD, .key = 32, .salt = 4, .iv = 8,
	  .icv = 16, .block = 1,
	  .evp = "ChaCha20-Poly1305" },
	AES_GMAC(128),
	AES_GMAC(192),
	AES_GMAC(256),
	{ .id = ENCR_NULL, .mode = ENCR_MODE_NONE, .block = 1 },
	{ .id = ENCR_3DES, .mode = ENCR_MODE_CBC, .key = 24, .iv = 8, .block = 8,
	  .evp = "DES-EDE3-CBC", .weak = true },
};
/* clang-format on */

const struct prf_row *prf_row(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(prf_rows); i++) {
		if (prf_rows[i].id == id)
			return &prf_rows[i];
	}
	return NULL;
}

const struct integ_row *integ_row(uint16_t id)
{
	for (size_t i = 0; i < ARRAY_LEN(integ_rows); i++) {
		if (integ_rows[i].id == id)
			return &integ_rows[i];
	}
	return NULL;
}

const struct encr_row *encr_row(uint16_t id, uint16_t key_bits)
{
	for (size_t i = 0; i < ARRAY_LEN(encr_rows); i++) {
		if (encr_rows[i].id == id && encr_rows[i].key_bits == key_bits)
			return &encr_rows[i];
	}
	return NULL;
}

struct ike_crypto {
	EVP_CIPHER *ciphers[ARRAY_LEN(encr_rows)]; /* by row; NULL where the row has no evp */
	EVP_MAC_CTX *hmacs[DIGEST_COUNT_]; /* NULL: a weak digest that this OpenSSL refuses */
	EVP_MD *sha1, *sha256;
	EVP_MD_CTX *md;
	EVP_CIPHER_CTX *cipher;
};

static EVP_MAC_CTX *hmac_new(EVP_MAC *hmac, const char *digest)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)(uintptr_t)digest,
						 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);

	if (ctx != NULL && EVP_MAC_CTX_set_params(ctx, params) != 1) {
		EVP_MAC_CTX_free(ctx);
		ctx = NULL;
	}
	return ctx;
}

static bool fetch_hmacs(struct ike_crypto *c)
{
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	bool ok = hmac != NULL;

	for (size_t i = 0; ok && i < DIGEST_COUNT_; i++) {
		c->hmacs[i] = hmac_new(hmac, digest_names[i]);
		ok = c->hmacs[i] != NULL || i < DIGEST_SHA256;
	}
	EVP_MAC_free(hmac);
	return ok;
}

static bool fetch_ciphers(struct ike_crypto *c)
{
	for (size_t i = 0; i < ARRAY_LEN(encr_rows); i++) {
		if (encr_rows[i].evp == NULL)
			continue;
		c->ciphers[i] = EVP_CIPHER_fetch(NULL, encr_rows[i].evp, NULL);
		if (c->ciphers[i] == NULL && !encr_rows[i].weak)
			return false;
	}
	return true;
}

struct ike_crypto *ike_crypto_new(void)
{
	struct ike_crypto *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->sha1 = EVP_MD_fetch(NULL, digest_names[DIGEST_SHA1], NULL);
	c->sha256 = EVP_MD_fetch(NULL, digest_names[DIGEST_SHA256], NULL);
	c->md = EVP_MD_CTX_new();
	c->cipher = EVP_CIPHER_CTX_new();
	if (c->sha1 == NULL || c->sha256 == NULL || c->md == NULL || c->cipher == NULL ||
	    !fetch_hmacs(c) || !fetch_ciphers(c)) {
		ike_crypto_free(c);
		return NULL;
	}
	return c;
}

void ike_crypto_free(struct ike_crypto *c)
{
	if (c == NULL)
		return;
	for (size_t i = 0; i < ARRAY_LEN(encr_rows); i++)
		EVP_CIPHER_free(c->ciphers[i]);
	for (size_t i = 0; i < DIGEST_COUNT_; i++)
		EVP_MAC_CTX_free(c->hmacs[i]);
	EVP_MD_free(c->sha1);
	EVP_MD_free(c->sha256);
	EVP_MD_CTX_free(c->md);
	EVP_CIPHER_CTX_free(c->cipher);
	free(c);
}

/* An empty key is refused: no caller has one, and OpenSSL would take the key of the call before. */
static enum result hmac(struct ike_crypto *c, uint8_t digest, struct bytes key,
			const struct bytes *parts, size_t n, uint8_t *out)
{
	EVP_MAC_CTX *ctx = c->hmacs[digest];
	size_t len;

	if (ctx == NULL)
		return R_UNSUPPORTED;
	if (key.len == 0)
		return R_VALUE;
	if (EVP_MAC_init(ctx, key.p, key.len, NULL) != 1)
		return R_CRYPTO;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > 0 && EVP_MAC_update(ctx, parts[i].p, parts[i].len) != 1)
			return R_CRYPTO;
	}
	return EVP_MAC_final(ctx, out, &len, IKE_PRF_MAX) == 1 ? R_OK : R_CRYPTO;
}

enum result ike_prf(struct ike_crypto *c, uint16_t id, struct bytes key, const struct bytes *parts,
		    size_t n, uint8_t *out)
{
	const struct prf_row *row = prf_row(id);

	return row != NULL ? hmac(c, row->digest, key, parts, n, out) : R_UNSUPPORTED;
}

enum result ike_integ(struct ike_crypto *c, const struct integ_row *row, struct bytes key,
		      const struct bytes *parts, size_t n, uint8_t *out)
{
	return hmac(c, row->digest, key, parts, n, out);
}

static enum result digest(struct ike_crypto *c, const EVP_MD *md, const struct bytes *parts,
			  size_t n, uint8_t *out)
{
	if (EVP_DigestInit_ex2(c->md, md, NULL) != 1)
		return R_CRYPTO;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].len > 0 && EVP_DigestUpdate(c->md, parts[i].p, parts[i].len) != 1)
			return R_CRYPTO;
	}
	return EVP_DigestFinal_ex(c->md, out, NULL) == 1 ? R_OK : R_CRYPTO;
}

enum result ike_sha1(struct ike_crypto *c, const struct bytes *parts, size_t n,
		     uint8_t out[SHA1_LEN])
{
	return digest(c, c->sha1, parts, n, out);
}

enum result ike_sha256(struct ike_crypto *c, const struct bytes *parts, size_t n,
		       uint8_t out[SHA256_LEN])
{
	return digest(c, c->sha256, parts, n, out);
}

/* What EVP takes as IV: the IV itself (CBC), salt | IV (RFC 5282 4), salt | IV | 1 (RFC 3686 4). */
static void evp_iv(const struct cipher_input *ci, uint8_t out[IKE_IV_MAX])
{
	const struct encr_row *row = ci->row;

	memset(out, 0, IKE_IV_MAX);
	if (row->salt > 0)
		memcpy(out, ci->key.p + row->key, row->salt);
	memcpy(out + row->salt, ci->iv.p, row->iv);
	if (row->mode == ENCR_MODE_CTR)
		out[IKE_IV_MAX - 1] = 1;
}

/* Key and IV into the scratch context, AAD taken in. */
static enum result cipher_begin(struct ike_crypto *c, const struct cipher_input *ci, int seal)
{
	const struct encr_row *row = ci->row;
	const EVP_CIPHER *cipher = c->ciphers[row - encr_rows];
	uint8_t iv[IKE_IV_MAX];
	int n;

	if (cipher == NULL)
		return R_UNSUPPORTED;
	if (ci->key.len != (size_t)row->key + row->salt || ci->iv.len != row->iv ||
	    ci->in.len % row->block != 0 || ci->in.len > INT32_MAX || ci->aad.len > INT32_MAX)
		return R_VALUE;
	evp_iv(ci, iv);
	if (EVP_CipherInit_ex2(c->cipher, cipher, ci->key.p, iv, seal, NULL) != 1 ||
	    EVP_CIPHER_CTX_set_padding(c->cipher, 0) != 1)
		return R_CRYPTO;
	if (encr_is_aead(row) && ci->aad.len > 0 &&
	    EVP_CipherUpdate(c->cipher, NULL, &n, ci->aad.p, (int)ci->aad.len) != 1)
		return R_CRYPTO;
	return R_OK;
}

static enum result cipher_run(struct ike_crypto *c, const struct cipher_input *ci, uint8_t *out)
{
	int n = 0;

	if (ci->in.len > 0 && EVP_CipherUpdate(c->cipher, out, &n, ci->in.p, (int)ci->in.len) != 1)
		return R_CRYPTO;
	return (size_t)n == ci->in.len ? R_OK : R_CRYPTO;
}

enum result ike_cipher_seal(struct ike_crypto *c, const struct cipher_input *ci, uint8_t *out,
			    uint8_t *icv)
{
	enum result res = cipher_begin(c, ci, 1);
	uint8_t none[IKE_IV_MAX];
	int n;

	if (res == R_OK)
		res = cipher_run(c, ci, out);
	if (res == R_OK && EVP_CipherFinal_ex(c->cipher, none, &n) != 1)
		res = R_CRYPTO;
	if (res == R_OK && encr_is_aead(ci->row) &&
	    EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_GET_TAG, ci->row->icv, icv) != 1)
		res = R_CRYPTO;
	EVP_CIPHER_CTX_reset(c->cipher); /* no key stays behind */
	return res;
}

enum result ike_cipher_open(struct ike_crypto *c, const struct cipher_input *ci, uint8_t *out,
			    struct bytes icv)
{
	bool aead = encr_is_aead(ci->row);
	enum result res = cipher_begin(c, ci, 0);
	uint8_t none[IKE_IV_MAX];
	int n;

	if (res == R_OK && aead && icv.len != ci->row->icv)
		res = R_VALUE;
	if (res == R_OK && aead &&
	    EVP_CIPHER_CTX_ctrl(c->cipher, EVP_CTRL_AEAD_SET_TAG, (int)icv.len,
				(void *)(uintptr_t)icv.p) != 1)
		res = R_CRYPTO;
	if (res == R_OK)
		res = cipher_run(c, ci, out);
	if (res == R_OK && EVP_CipherFinal_ex(c->cipher, none, &n) != 1)
		res = aead ? R_INTEGRITY : R_CRYPTO;
	EVP_CIPHER_CTX_reset(c->cipher);
	return res;
}
