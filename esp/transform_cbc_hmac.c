/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-CBC (RFC 3602) with HMAC-SHA2 (RFC 4868), encrypt then MAC, by OpenSSL's
 * EVP. The ICV covers SPI, sequence number, IV and text, and with ESN the high
 * half of the sequence number after them (RFC 4303 2.2.1). It is checked
 * before anything is decrypted. Contexts are per worker, as in
 * transform_gcm_evp.c.
 */
#include "esp/transform.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>

struct cbc_worker {
	EVP_CIPHER_CTX *cipher;
	EVP_MAC_CTX *mac;
};

struct cbc_key {
	unsigned int workers;
	struct cbc_worker w[];
};

void esp_cbc_hmac_evp_key_free(const struct esp_transform *row, void *opaque)
{
	(void)row;
	struct cbc_key *key = opaque;
	if (key == NULL)
		return;
	for (unsigned int i = 0; i < key->workers; i++) {
		EVP_CIPHER_CTX_free(key->w[i].cipher);
		EVP_MAC_CTX_free(key->w[i].mac);
	}
	free(key);
}

static bool cbc_worker_init(struct cbc_worker *w, const EVP_CIPHER *cipher, EVP_MAC *hmac,
			    const char *digest, const struct esp_key_params *p)
{
	const struct esp_keys *keys = p->keys;
	const int encrypting = p->direction == ESP_SEAL;
	char name[16];
	snprintf(name, sizeof(name), "%s", digest);
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};
	w->cipher = EVP_CIPHER_CTX_new();
	w->mac = EVP_MAC_CTX_new(hmac);
	return w->cipher != NULL && w->mac != NULL &&
	       EVP_CipherInit_ex2(w->cipher, cipher, keys->encr.data, NULL, encrypting, NULL) ==
		       1 &&
	       EVP_MAC_init(w->mac, keys->integ.data, keys->integ.len, params) == 1;
}

void *esp_cbc_hmac_evp_key_new(const struct esp_transform *row, struct esp_crypto *c,
			       const struct esp_key_params *p)
{
	(void)c;
	char cipher_name[16], digest[16];
	snprintf(cipher_name, sizeof(cipher_name), "AES-%u-CBC", row->key_bits);
	snprintf(digest, sizeof(digest), "SHA2-%u", row->integ_key * 8u);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, cipher_name, NULL);
	EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
	struct cbc_key *key = calloc(1, sizeof(*key) + p->workers * sizeof(key->w[0]));
	bool ok = cipher != NULL && hmac != NULL && key != NULL;
	if (ok)
		key->workers = p->workers;
	for (unsigned int i = 0; ok && i < p->workers; i++)
		ok = cbc_worker_init(&key->w[i], cipher, hmac, digest, p);
	EVP_CIPHER_free(cipher);
	EVP_MAC_free(hmac);
	if (ok)
		return key;
	esp_cbc_hmac_evp_key_free(row, key);
	return NULL;
}

/* The full MAC; its first row->icv bytes are the ICV. */
static bool cbc_mac(const struct esp_transform *row, EVP_MAC_CTX *mac, const struct esp_op *op,
		    uint8_t out[EVP_MAX_MD_SIZE])
{
	const uint8_t seq_hi[4] = { (uint8_t)(op->seq_hi >> 24), (uint8_t)(op->seq_hi >> 16),
				    (uint8_t)(op->seq_hi >> 8), (uint8_t)op->seq_hi };
	size_t len = 0;
	return EVP_MAC_init(mac, NULL, 0, NULL) == 1 &&
	       EVP_MAC_update(mac, op->esp, ESP_HEADER_LEN + row->iv + op->text_len) == 1 &&
	       (!op->esn || EVP_MAC_update(mac, seq_hi, sizeof(seq_hi)) == 1) &&
	       EVP_MAC_final(mac, out, &len, EVP_MAX_MD_SIZE) == 1 && len >= row->icv;
}

/* Encrypts or decrypts, as the key was made for. */
static bool cbc_crypt(EVP_CIPHER_CTX *ctx, const struct esp_op *op)
{
	uint8_t *iv = op->esp + ESP_HEADER_LEN;
	uint8_t *text = iv + 16;
	int len = 0;
	/* The text is a whole number of blocks: all of it comes out of the one update. */
	return op->text_len % 16 == 0 && EVP_CipherInit_ex2(ctx, NULL, NULL, iv, -1, NULL) == 1 &&
	       EVP_CIPHER_CTX_set_padding(ctx, 0) == 1 &&
	       EVP_CipherUpdate(ctx, text, &len, text, (int)op->text_len) == 1 &&
	       len == (int)op->text_len;
}

void esp_cbc_hmac_evp_seal(const struct esp_transform *row, struct esp_crypto *c,
			   struct esp_op *ops, size_t n)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	for (size_t i = 0; i < n; i++) {
		struct esp_op *op = &ops[i];
		const struct cbc_worker *w = &((struct cbc_key *)op->key)->w[c->worker];
		op->ok = cbc_crypt(w->cipher, op) && cbc_mac(row, w->mac, op, mac);
		if (op->ok)
			memcpy(op->esp + ESP_HEADER_LEN + row->iv + op->text_len, mac, row->icv);
	}
}

void esp_cbc_hmac_evp_open(const struct esp_transform *row, struct esp_crypto *c,
			   struct esp_op *ops, size_t n)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	for (size_t i = 0; i < n; i++) {
		struct esp_op *op = &ops[i];
		const struct cbc_worker *w = &((struct cbc_key *)op->key)->w[c->worker];
		const uint8_t *icv = op->esp + ESP_HEADER_LEN + row->iv + op->text_len;
		op->ok = cbc_mac(row, w->mac, op, mac) &&
			 bytes_equal_ct(bytes(mac, row->icv), bytes(icv, row->icv)) &&
			 cbc_crypt(w->cipher, op);
		if (!op->ok)
			wipe(op->esp + ESP_HEADER_LEN + row->iv, op->text_len);
	}
}
