/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The algorithms as rows (RFC 7296 3.3.2, 8247, 8221) over OpenSSL's EVP.
 * A row exists for each transform that can be negotiated; sizes are bytes
 * unless named _bits. Weak rows are there for old peers and are chosen only
 * where a policy lists them.
 *
 * struct ike_crypto holds the fetched algorithms and scratch contexts of one
 * engine: one thread at a time.
 */
#ifndef HF_IKE_CRYPTO_H
#define HF_IKE_CRYPTO_H

#include "base/iana.h"
#include "base/secret.h"

#define IKE_PRF_MAX 64 /* longest PRF output and key */
#define IKE_ICV_MAX 32
#define IKE_IV_MAX  16

enum digest { DIGEST_MD5, DIGEST_SHA1, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512, DIGEST_COUNT_ };

struct prf_row {
	uint16_t id;    /* enum ike_prf */
	uint8_t len;    /* output, and preferred key (RFC 7296 2.13) */
	uint8_t digest; /* enum digest, of the HMAC */
	bool weak;
};

struct integ_row {
	uint16_t id; /* enum ike_integ */
	uint8_t key;
	uint8_t icv;
	uint8_t digest;
	bool weak;
};

enum encr_mode { ENCR_MODE_CBC, ENCR_MODE_AEAD, ENCR_MODE_CTR, ENCR_MODE_NONE };

struct encr_row {
	uint16_t id; /* enum ike_encr */
	/* value of the Key Length attribute; 0: fixed key, no attribute (RFC 7296 3.3.5) */
	uint16_t key_bits;
	uint8_t mode; /* enum encr_mode */
	uint8_t key;  /* cipher key, without salt */
	uint8_t salt;
	uint8_t iv;      /* explicit, on the wire */
	uint8_t icv;     /* of an AEAD; 0 otherwise */
	uint8_t block;   /* padding of SK{} */
	const char *evp; /* NULL: not for SK{}, only key lengths for ESP */
	bool weak;
};

/* NULL: not known. */
const struct prf_row *prf_row(uint16_t id);
const struct integ_row *integ_row(uint16_t id);
/* key_bits as negotiated: an AES row needs one, 3DES and ChaCha20 need none. */
const struct encr_row *encr_row(uint16_t id, uint16_t key_bits);

static inline bool encr_is_aead(const struct encr_row *row)
{
	return row->mode == ENCR_MODE_AEAD;
}

struct ike_crypto;

/* Fetches every algorithm of the rows. NULL: out of memory, or a needed algorithm is missing. */
struct ike_crypto *ike_crypto_new(void);
void ike_crypto_free(struct ike_crypto *c);

/* prf(key, parts[0] | parts[1] | ...); out takes prf_row(id)->len bytes. R_UNSUPPORTED,
 * R_CRYPTO. */
enum result ike_prf(struct ike_crypto *c, uint16_t id, struct bytes key, const struct bytes *parts,
		    size_t n, uint8_t *out) WARN_UNUSED;
/* Full HMAC of an integrity row; the caller truncates to row->icv. out takes IKE_PRF_MAX bytes. */
enum result ike_integ(struct ike_crypto *c, const struct integ_row *row, struct bytes key,
		      const struct bytes *parts, size_t n, uint8_t *out) WARN_UNUSED;

#define SHA1_LEN   20
#define SHA256_LEN 32
/* SHA-1 only where RFC 7296 2.23 asks for it. */
enum result ike_sha1(struct ike_crypto *c, const struct bytes *parts, size_t n,
		     uint8_t out[SHA1_LEN]) WARN_UNUSED;
enum result ike_sha256(struct ike_crypto *c, const struct bytes *parts, size_t n,
		       uint8_t out[SHA256_LEN]) WARN_UNUSED;

/*
 * Cipher calls for SK{}: key is SK_e (cipher key || salt), in and out may be
 * the same; out takes in.len bytes. AEAD: aad is covered, icv written/checked.
 * CBC: aad and icv are ignored, in.len is a multiple of the block.
 * R_INTEGRITY (open, AEAD), R_VALUE, R_CRYPTO.
 */
struct cipher_input {
	const struct encr_row *row;
	struct bytes key;
	struct bytes iv;
	struct bytes aad;
	struct bytes in;
};
enum result ike_cipher_seal(struct ike_crypto *c, const struct cipher_input *ci, uint8_t *out,
			    uint8_t *icv) WARN_UNUSED;
enum result ike_cipher_open(struct ike_crypto *c, const struct cipher_input *ci, uint8_t *out,
			    struct bytes icv) WARN_UNUSED;

#endif
