/* SPDX-License-Identifier: Apache-2.0 */
/* Keys from the failover key (R3): scrypt (RFC 7914) for a passphrase, HKDF (RFC 5869) per
 * purpose. */
#include "statesync/key.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "statesync/statesync.h"

/* Every member must come to the same key from the passphrase alone, so the salt is
 * the application's. */
static const char scrypt_salt[] = "holdfast failover key";
#define SCRYPT_N          (1u << 15)
#define SCRYPT_R          8u
#define SCRYPT_P          1u
/* It takes 128 * N * r = 32 MiB, just above what OpenSSL allows by itself. */
#define SCRYPT_MEMORY_MAX (64u << 20)

/* No other use of the failover key has an info that begins so. */
static const char derive_prefix[] = "holdfast key ";
#define LABEL_MAX 64u

static OSSL_PARAM param_bytes(const char *name, struct bytes b)
{
	/* OpenSSL takes NULL for "absent" even when the length is 0. */
	return OSSL_PARAM_construct_octet_string(name, b.len > 0 ? (void *)b.p : (void *)"", b.len);
}

static enum result run_kdf(const char *name, const OSSL_PARAM *params, struct secret *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	enum result res = secret_alloc(out, SS_KEY_LEN);

	if (res == R_OK && (ctx == NULL || EVP_KDF_derive(ctx, out->data, out->len, params) != 1))
		res = R_CRYPTO;
	if (res != R_OK)
		secret_wipe(out);
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return res;
}

enum result ss_hkdf(const struct secret *key, struct bytes salt, struct bytes info,
		    struct secret *out)
{
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		param_bytes(OSSL_KDF_PARAM_KEY, secret_bytes(key)),
		param_bytes(OSSL_KDF_PARAM_SALT, salt),
		param_bytes(OSSL_KDF_PARAM_INFO, info),
		OSSL_PARAM_construct_end(),
	};

	return run_kdf("HKDF", params, out);
}

enum result ss_key_from_passphrase(struct bytes passphrase, struct secret *out)
{
	uint64_t n = SCRYPT_N, max = SCRYPT_MEMORY_MAX;
	uint32_t r = SCRYPT_R, p = SCRYPT_P;
	const OSSL_PARAM params[] = {
		param_bytes(OSSL_KDF_PARAM_PASSWORD, passphrase),
		param_bytes(OSSL_KDF_PARAM_SALT, bytes(scrypt_salt, sizeof(scrypt_salt) - 1)),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_R, &r),
		OSSL_PARAM_construct_uint32(OSSL_KDF_PARAM_SCRYPT_P, &p),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &max),
		OSSL_PARAM_construct_end(),
	};

	if (passphrase.len == 0)
		return R_VALUE;
	return run_kdf("SCRYPT", params, out);
}

enum result ss_key_derive(const struct secret *failover_key, const char *label, struct secret *out)
{
	char info[sizeof(derive_prefix) + LABEL_MAX];
	size_t prefix = sizeof(derive_prefix) - 1;
	size_t len = strnlen(label, LABEL_MAX + 1);

	if (len == 0 || len > LABEL_MAX)
		return R_VALUE;
	memcpy(info, derive_prefix, prefix);
	memcpy(info + prefix, label, len);
	return ss_hkdf(failover_key, BYTES_NONE, bytes(info, prefix + len), out);
}
