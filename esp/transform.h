/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ESP transforms as rows of a table (RFC 4303, 4106, 3602, 4868; which ones:
 * RFC 8221). A row describes one combination of cipher and integrity by one
 * backend; the datapath takes the first row that fits what was negotiated and
 * whose backend runs on this processor. Nothing else knows an algorithm.
 *
 * The bytes that a row works on are an ESP packet in one piece:
 *	SPI | sequence number | IV | text (payload, padding, trailer) | ICV
 *
 * A row may wrap another: copy it, set inner to the original and replace
 * functions; every function gets the row it was called through. (The
 * simulator records each seal call this way.)
 */
#ifndef HF_ESP_TRANSFORM_H
#define HF_ESP_TRANSFORM_H

#include "base/ipsec_sa.h"
#include "base/result.h"

#define ESP_HEADER_LEN  8u
#define ESP_IV_MAX      16u
#define ESP_ICV_MAX     32u
#define ESP_RANDOM_POOL 4096u

/* What one worker needs for crypto; the control thread has one too, to make keys. */
struct esp_crypto {
	unsigned int worker; /* index; control has the number of workers */
	void *mb;            /* ipsec-mb's manager, NULL without that backend */
	size_t random_left;
	uint8_t random[ESP_RANDOM_POOL]; /* CBC IVs (RFC 3602 section 3), drawn in batches */
};

/* NULL when out of memory. */
struct esp_crypto *esp_crypto_new(unsigned int worker);
void esp_crypto_free(struct esp_crypto *c);
/* len <= ESP_IV_MAX unpredictable bytes; false when the generator fails. */
bool esp_crypto_random(struct esp_crypto *c, uint8_t *out, size_t len);

/* One packet to seal or open. */
struct esp_op {
	void *key;         /* of the row's key_new */
	uint8_t *esp;      /* first byte of the SPI; header and, to seal, IV are in place */
	uint32_t text_len; /* bytes between IV and ICV */
	uint32_t seq_hi;   /* high half of the sequence number, part of the ICV with ESN */
	bool esn;
	bool ok; /* result: sealed, or authentic. Text that is not authentic is wiped. */
};

enum esp_direction { ESP_SEAL, ESP_OPEN };

struct esp_key_params {
	const struct esp_keys *keys; /* borrowed for the call; of the row's lengths */
	enum esp_direction direction;
	unsigned int
		workers; /* how many threads will use the key, each with its struct esp_crypto */
};

struct esp_transform {
	uint16_t encr;     /* IANA; 0 ends a table */
	uint16_t key_bits; /* of the cipher, without salt */
	uint16_t integ;    /* IANA; 0 with an AEAD */
	uint8_t salt;      /* bytes after the cipher key in the key material */
	uint8_t integ_key; /* bytes */
	uint8_t iv;        /* bytes in the packet */
	uint8_t icv;
	uint8_t block;       /* text is padded to a multiple of it, at least 4 (RFC 4303 2.4) */
	bool iv_random;      /* else the IV is the counter of R16 */
	const char *name;    /* as logs and show commands print it */
	const char *backend; /* "ipsec-mb", "openssl" */
	const struct esp_transform *inner;          /* of a wrapper: the wrapped row */
	bool (*usable)(const struct esp_crypto *c); /* this processor and library can run the row */
	/* The key object of one direction; NULL when the library refuses. */
	void *(*key_new)(const struct esp_transform *row, struct esp_crypto *c,
			 const struct esp_key_params *p);
	/* Wipes and frees; NULL is allowed. */
	void (*key_free)(const struct esp_transform *row, void *key);
	/* Any number of packets, in order, of any keys of this row. */
	void (*seal)(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		     size_t n);
	void (*open)(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		     size_t n);
};

/* The built-in table, ended by a row with encr 0; faster backends stand first. */
const struct esp_transform *esp_transforms(void);
/* First row of table that is usable with c and does t; NULL when there is none. */
const struct esp_transform *esp_transform_find(const struct esp_transform *table,
					       const struct esp_crypto *c,
					       const struct esp_transforms *t);
/* Bytes in front of the text. */
static inline size_t esp_transform_head(const struct esp_transform *row)
{
	return ESP_HEADER_LEN + row->iv;
}

/* Rows of one backend, used by the table only. */
void *esp_gcm_mb_key_new(const struct esp_transform *row, struct esp_crypto *c,
			 const struct esp_key_params *p);
void esp_gcm_mb_key_free(const struct esp_transform *row, void *key);
void esp_gcm_mb_seal(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		     size_t n);
void esp_gcm_mb_open(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		     size_t n);
bool esp_mb_usable(const struct esp_crypto *c);
/* The manager of struct esp_crypto; NULL when the backend is not built in or cannot run. */
void *esp_mb_manager_new(void);
void esp_mb_manager_free(void *mb);

void *esp_gcm_evp_key_new(const struct esp_transform *row, struct esp_crypto *c,
			  const struct esp_key_params *p);
void esp_gcm_evp_key_free(const struct esp_transform *row, void *key);
void esp_gcm_evp_seal(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		      size_t n);
void esp_gcm_evp_open(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		      size_t n);

void *esp_cbc_hmac_evp_key_new(const struct esp_transform *row, struct esp_crypto *c,
			       const struct esp_key_params *p);
void esp_cbc_hmac_evp_key_free(const struct esp_transform *row, void *key);
void esp_cbc_hmac_evp_seal(const struct esp_transform *row, struct esp_crypto *c,
			   struct esp_op *ops, size_t n);
void esp_cbc_hmac_evp_open(const struct esp_transform *row, struct esp_crypto *c,
			   struct esp_op *ops, size_t n);

#endif
