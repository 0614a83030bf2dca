/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diffie-Hellman over EVP: key generation, export and import of private keys,
 * agreement, and the checks of public values (RFC 6989 2). Runs on any
 * thread; touches only the job.
 */
#include "ike/jobs.h"

#include <stdlib.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/dh.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#define X25519_LEN   32u
#define PUBLIC_MAX   512u  /* group 16 */
#define UNCOMPRESSED 0x04u /* SEC 1 2.3.3; IKE sends X | Y without it (RFC 5903 7) */

/* clang-format off */
static const struct dh_row dh_rows[] = {
	{ .id = DH_MODP_1536, .kind = DH_KIND_MODP, .public_len = 192, .shared_len = 192,
	  .evp = "modp_1536",
	  .weak = true },
	{ .id = DH_MODP_2048, .kind = DH_KIND_MODP, .public_len = 256, .shared_len = 256,
	  .evp = "modp_2048" },
	{ .id = DH_MODP_3072, .kind = DH_KIND_MODP, .public_len = 384, .shared_len = 384,
	  .evp = "modp_3072" },
	{ .id = DH_MODP_4096, .kind = DH_KIND_MODP, .public_len = 512, .shared_len = 512,
	  .evp = "modp_4096" },
	{ .id = DH_ECP_256, .kind = DH_KIND_ECP, .public_len = 64, .shared_len = 32,
	  .evp = "P-256" },
	{ .id = DH_ECP_384, .kind = DH_KIND_ECP, .public_len = 96, .shared_len = 48,
	  .evp = "P-384" },
	{ .id = DH_ECP_521, .kind = DH_KIND_ECP, .public_len = 132, .shared_len = 66,
	  .evp = "P-521" },
	{ .id = DH_CURVE25519, .kind = DH_KIND_X25519, .public_len = X25519_LEN,
	  .shared_len = X25519_LEN,
	  .evp = "X25519" },
};
/* clang-format on */

const struct dh_row *dh_row(uint16_t id)
{
	for (size_t i = 0; i < sizeof(dh_rows) / sizeof(dh_rows[0]); i++) {
		if (dh_rows[i].id == id)
			return &dh_rows[i];
	}
	return NULL;
}

static const char *key_type(const struct dh_row *row)
{
	return row->kind == DH_KIND_MODP ? "DH" : row->kind == DH_KIND_ECP ? "EC" : "X25519";
}

/* ---- keys in and out ---- */

static EVP_PKEY *generate(const struct dh_row *row)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, key_type(row), NULL);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
						 (char *)(uintptr_t)row->evp, 0),
		OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;
	bool ok = ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1;

	if (ok && row->kind != DH_KIND_X25519)
		ok = EVP_PKEY_CTX_set_params(ctx, params) == 1;
	if (!ok || EVP_PKEY_generate(ctx, &key) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* A key of the group from its parts; either of priv (a number) and pub (octets, or a number for
 * MODP) may be NULL. */
static EVP_PKEY *from_parts(const struct dh_row *row, const BIGNUM *priv, const BIGNUM *pub_number,
			    struct bytes pub)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, key_type(row), NULL);
	OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;
	bool ok = ctx != NULL && bld != NULL &&
		  OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, row->evp, 0) ==
			  1;

	if (ok && priv != NULL)
		ok = OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PRIV_KEY, priv) == 1;
	if (ok && pub_number != NULL)
		ok = OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_PUB_KEY, pub_number) == 1;
	if (ok && pub.p != NULL)
		ok = OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, pub.p,
						      pub.len) == 1;
	if (ok)
		params = OSSL_PARAM_BLD_to_param(bld);
	if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, priv != NULL ? EVP_PKEY_KEYPAIR : EVP_PKEY_PUBLIC_KEY,
			      params) != 1)
		key = NULL;
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(bld);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

static EVP_PKEY *import_private(const struct dh_row *row, const struct secret *raw)
{
	if (row->kind == DH_KIND_X25519)
		return EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, raw->data, raw->len);
	if (raw->len == 0 || raw->len > row->public_len)
		return NULL;

	BIGNUM *priv = BN_secure_new();
	EVP_PKEY *key = NULL;

	if (priv != NULL && BN_bin2bn(raw->data, (int)raw->len, priv) != NULL && !BN_is_zero(priv))
		key = from_parts(row, priv, NULL, BYTES_NONE);
	BN_clear_free(priv);
	return key;
}

static enum result export_private(const struct dh_row *row, const EVP_PKEY *key, struct secret *out)
{
	BIGNUM *priv = NULL;
	size_t len = X25519_LEN;
	enum result res;

	if (row->kind == DH_KIND_X25519) {
		res = secret_alloc(out, len);
		if (res == R_OK && EVP_PKEY_get_raw_private_key(key, out->data, &len) != 1)
			res = R_CRYPTO;
		return res;
	}
	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &priv) != 1)
		return R_CRYPTO;
	res = secret_alloc(out, (size_t)BN_num_bytes(priv));
	if (res == R_OK && BN_bn2bin(priv, out->data) != (int)out->len)
		res = R_CRYPTO;
	BN_clear_free(priv);
	return res;
}

/* As in KE: MODP padded to the prime (RFC 7296 3.4), ECP X | Y (RFC 5903 7). */
static enum result export_public(const struct dh_row *row, const EVP_PKEY *key, struct buf *out)
{
	uint8_t raw[PUBLIC_MAX + 1];
	BIGNUM *pub = NULL;
	size_t len = sizeof(raw), skip = 0;
	bool ok;

	if (row->kind == DH_KIND_MODP) {
		ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PUB_KEY, &pub) == 1 &&
		     BN_bn2binpad(pub, raw, row->public_len) == row->public_len;
		len = row->public_len;
		BN_free(pub);
	} else if (row->kind == DH_KIND_ECP) {
		ok = EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, raw,
						     len, &len) == 1 &&
		     raw[0] == UNCOMPRESSED;
		skip = 1;
	} else {
		ok = EVP_PKEY_get_raw_public_key(key, raw, &len) == 1;
	}
	if (!ok || len - skip != row->public_len)
		return R_CRYPTO;
	return buf_set(out, bytes(raw + skip, row->public_len)) ? R_OK : R_NO_MEMORY;
}

/* ---- the peer's value ---- */

/*
 * RFC 6989 2.1, safe primes: 1 < y < p - 1 is the whole check. OpenSSL's own
 * also raises y to q, which costs six times the agreement and finds nothing
 * more in these groups.
 */
static bool in_range(const EVP_PKEY *ours, const BIGNUM *y)
{
	BIGNUM *p = NULL;
	bool ok = EVP_PKEY_get_bn_param(ours, OSSL_PKEY_PARAM_FFC_P, &p) == 1 &&
		  BN_sub_word(p, 1) == 1 && BN_cmp(y, BN_value_one()) > 0 && BN_cmp(y, p) < 0;

	BN_free(p);
	return ok;
}

static EVP_PKEY *import_modp(const struct dh_row *row, const EVP_PKEY *ours, struct bytes raw)
{
	BIGNUM *y = BN_bin2bn(raw.p, (int)raw.len, NULL);
	EVP_PKEY *peer = y != NULL && in_range(ours, y) ? from_parts(row, NULL, y, BYTES_NONE)
							: NULL;

	BN_free(y);
	return peer;
}

/* RFC 6989 2.3: decoding the point refuses coordinates out of range or off the curve;
 * the cofactor is 1. */
static EVP_PKEY *import_ecp(const struct dh_row *row, struct bytes raw)
{
	uint8_t point[PUBLIC_MAX + 1] = { UNCOMPRESSED };

	memcpy(point + 1, raw.p, raw.len);
	return from_parts(row, NULL, NULL, bytes(point, raw.len + 1));
}

static EVP_PKEY *import_peer(const struct dh_row *row, const EVP_PKEY *ours, struct bytes raw)
{
	if (raw.len != row->public_len)
		return NULL;
	switch (row->kind) {
	case DH_KIND_MODP:
		return import_modp(row, ours, raw);
	case DH_KIND_ECP:
		return import_ecp(row, raw);
	default:
		return EVP_PKEY_new_raw_public_key_ex(NULL, "X25519", NULL, raw.p, raw.len);
	}
}

static bool all_zero(const struct secret *s)
{
	uint8_t any = 0;

	for (size_t i = 0; i < s->len; i++)
		any |= s->data[i];
	return any == 0;
}

/* g^ir, padded to the prime for MODP (RFC 7296 2.14), X only for ECP (RFC 5903 7). */
static enum result derive(const struct dh_row *row, EVP_PKEY *ours, EVP_PKEY *peer,
			  struct secret *out)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, ours, NULL);
	enum result res = secret_alloc(out, row->shared_len);
	size_t len = row->shared_len;

	if (res == R_OK && (ctx == NULL || EVP_PKEY_derive_init(ctx) != 1))
		res = R_CRYPTO;
	if (res == R_OK && row->kind == DH_KIND_MODP && EVP_PKEY_CTX_set_dh_pad(ctx, 1) != 1)
		res = R_CRYPTO;
	/* 0: the value has been checked above, as far as its kind of group needs it. */
	if (res == R_OK && EVP_PKEY_derive_set_peer_ex(ctx, peer, 0) != 1)
		res = R_PUBLIC_VALUE;
	/* RFC 8031 3: OpenSSL refuses an all-zero X25519 result; a peer is to blame
	 * for any failure from here on. */
	if (res == R_OK &&
	    (EVP_PKEY_derive(ctx, out->data, &len) != 1 || len != row->shared_len || all_zero(out)))
		res = R_PUBLIC_VALUE;
	if (res != R_OK)
		secret_wipe(out);
	EVP_PKEY_CTX_free(ctx);
	return res;
}

static enum result agree(const struct dh_row *row, EVP_PKEY *ours, struct ike_job *job)
{
	EVP_PKEY *peer = import_peer(row, ours, buf_bytes(&job->peer_public));
	enum result res = peer != NULL ? derive(row, ours, peer, &job->shared) : R_PUBLIC_VALUE;

	EVP_PKEY_free(peer);
	return res;
}

/* ---- jobs ---- */

static enum result run(const struct dh_row *row, struct ike_job *job)
{
	bool generates = job->kind != JOB_DH_AGREE;
	EVP_PKEY *ours = generates ? generate(row) : import_private(row, &job->private_key);
	enum result res = ours != NULL ? R_OK : generates ? R_CRYPTO : R_VALUE;

	/* The peer's value first: nothing of ours is worth keeping when it is bad. */
	if (res == R_OK && job->kind != JOB_DH_KEYGEN)
		res = agree(row, ours, job);
	if (res == R_OK && generates)
		res = export_private(row, ours, &job->private_key);
	if (res == R_OK && generates)
		res = export_public(row, ours, &job->public_key);
	EVP_PKEY_free(ours);
	return res;
}

void ike_job_run(struct ike_job *job)
{
	const struct dh_row *row = dh_row(job->group);

	job->result = row != NULL ? run(row, job) : R_UNSUPPORTED;
}

struct ike_job *ike_job_new(enum ike_job_kind kind, uint16_t group, struct bytes peer_public)
{
	struct ike_job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->kind = kind;
	job->group = group;
	job->result = R_SUSPENDED;
	if (!buf_set(&job->peer_public, peer_public)) {
		free(job);
		return NULL;
	}
	return job;
}

void ike_job_free(struct ike_job *job)
{
	if (job == NULL)
		return;
	secret_wipe(&job->private_key);
	secret_wipe(&job->shared);
	buf_free(&job->public_key);
	buf_free(&job->peer_public);
	free(job);
}
