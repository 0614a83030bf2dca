/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM with a 16-byte ICV (RFC 4106) by OpenSSL's EVP. A cipher context is
 * not to be shared, so a key holds one for each worker; they are made with
 * the key and take only a new nonce per packet.
 */
#include "esp/transform.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct gcm_evp_key {
	uint8_t salt[4];
	unsigned int workers;
	EVP_CIPHER_CTX *ctx[]; /* one per worker */
};

void esp_gcm_evp_key_free(const struct esp_transform *row, void *opaque)
{
	(void)row;
	struct gcm_evp_key *key = opaque;
	if (key == NULL)
		return;
	for (unsigned int i = 0; i < key->workers; i++)
		EVP_CIPHER_CTX_free(key->ctx[i]);
	wipe(key->salt, sizeof(key->salt));
	free(key);
}

void *esp_gcm_evp_key_new(const struct esp_transform *row, struct esp_crypto *c,
			  const struct esp_key_params *p)
{
	(void)c;
	const uint8_t *material = p->keys->encr.data;
	const int encrypting = p->direction == ESP_SEAL;
	char name[16];
	snprintf(name, sizeof(name), "AES-%u-GCM", row->key_bits);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
	struct gcm_evp_key *key = calloc(1, sizeof(*key) + p->workers * sizeof(key->ctx[0]));
	bool ok = cipher != NULL && key != NULL;
	if (ok) {
		key->workers = p->workers;
		memcpy(key->salt, material + row->key_bits / 8, sizeof(key->salt));
	}
	for (unsigned int i = 0; ok && i < p->workers; i++) {
		key->ctx[i] = EVP_CIPHER_CTX_new();
		ok = key->ctx[i] != NULL &&
		     EVP_CipherInit_ex2(key->ctx[i], cipher, material, NULL, encrypting, NULL) == 1;
	}
	EVP_CIPHER_free(cipher);
	if (ok)
		return key;
	esp_gcm_evp_key_free(row, key);
	return NULL;
}

/* One packet; encrypting writes the ICV, decrypting compares it (in the library, in constant
 * time). */
static bool gcm_evp_one(const struct gcm_evp_key *key, unsigned int worker, const struct esp_op *op,
			int encrypting)
{
	EVP_CIPHER_CTX *ctx = key->ctx[worker];
	uint8_t *text = op->esp + ESP_HEADER_LEN + 8;
	uint8_t *icv = text + op->text_len;
	const uint8_t seq_hi[4] = { (uint8_t)(op->seq_hi >> 24), (uint8_t)(op->seq_hi >> 16),
				    (uint8_t)(op->seq_hi >> 8), (uint8_t)op->seq_hi };
	uint8_t nonce[12];
	int len = 0;

	memcpy(nonce, key->salt, 4);
	memcpy(nonce + 4, op->esp + ESP_HEADER_LEN, 8);
	return EVP_CipherInit_ex2(ctx, NULL, NULL, nonce, encrypting, NULL) == 1 &&
	       (encrypting || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, icv) == 1) &&
	       EVP_CipherUpdate(ctx, NULL, &len, op->esp, 4) == 1 &&
	       (!op->esn || EVP_CipherUpdate(ctx, NULL, &len, seq_hi, 4) == 1) &&
	       EVP_CipherUpdate(ctx, NULL, &len, op->esp + 4, 4) == 1 &&
	       EVP_CipherUpdate(ctx, text, &len, text, (int)op->text_len) == 1 &&
	       EVP_CipherFinal_ex(ctx, text + len, &len) == 1 &&
	       (!encrypting || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, icv) == 1);
}

void esp_gcm_evp_seal(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		      size_t n)
{
	(void)row;
	for (size_t i = 0; i < n; i++)
		ops[i].ok = gcm_evp_one(ops[i].key, c->worker, &ops[i], 1);
}

void esp_gcm_evp_open(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		      size_t n)
{
	(void)row;
	for (size_t i = 0; i < n; i++) {
		ops[i].ok = gcm_evp_one(ops[i].key, c->worker, &ops[i], 0);
		if (!ops[i].ok)
			wipe(ops[i].esp + ESP_HEADER_LEN + 8, ops[i].text_len);
	}
}
