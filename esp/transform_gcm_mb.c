/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM with a 16-byte ICV (RFC 4106) by libipsec-mb's direct calls, which
 * beat its job interface for GCM at every packet size. Expanded keys are
 * read-only and shared by the workers. Without the library the file leaves
 * only the functions that say so.
 */
#include "esp/transform.h"

#include <stdalign.h>
#include <stdlib.h>

#ifdef HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>

#define CACHE_LINE  64u
#define KEY_AHEAD   3u /* packets */
#define INPUT_AHEAD 2u
#define TAGS        2u

struct gcm_mb_key {
	alignas(CACHE_LINE) struct gcm_key_data data;
	uint8_t salt[4];
};

/* By key length in units of 64 bits, less two. */
static aes_gcm_enc_dec_t encrypt_call(const IMB_MGR *mb, uint16_t key_bits)
{
	const aes_gcm_enc_dec_t call[] = { mb->gcm128_enc, mb->gcm192_enc, mb->gcm256_enc };
	return call[key_bits / 64 - 2];
}

static aes_gcm_enc_dec_t decrypt_call(const IMB_MGR *mb, uint16_t key_bits)
{
	const aes_gcm_enc_dec_t call[] = { mb->gcm128_dec, mb->gcm192_dec, mb->gcm256_dec };
	return call[key_bits / 64 - 2];
}

void *esp_mb_manager_new(void)
{
	IMB_MGR *mb = alloc_mb_mgr(0);
	if (mb == NULL)
		return NULL;
	IMB_ARCH arch;
	init_mb_mgr_auto(mb, &arch);
	if (arch == IMB_ARCH_NONE || arch == IMB_ARCH_NOAESNI || imb_get_errno(mb) != 0) {
		free_mb_mgr(mb);
		return NULL;
	}
	return mb;
}

void esp_mb_manager_free(void *mb)
{
	if (mb != NULL)
		free_mb_mgr(mb);
}

bool esp_mb_usable(const struct esp_crypto *c)
{
	return c->mb != NULL;
}

void *esp_gcm_mb_key_new(const struct esp_transform *row, struct esp_crypto *c,
			 const struct esp_key_params *p)
{
	const size_t key_len = row->key_bits / 8u;
	struct gcm_mb_key *key = aligned_alloc(CACHE_LINE, sizeof(*key));
	if (key == NULL)
		return NULL;
	const IMB_MGR *mb = c->mb;
	const aes_gcm_pre_t expand[] = { mb->gcm128_pre, mb->gcm192_pre, mb->gcm256_pre };
	expand[row->key_bits / 64 - 2](p->keys->encr.data, &key->data);
	memcpy(key->salt, p->keys->encr.data + key_len, sizeof(key->salt));
	return key;
}

void esp_gcm_mb_key_free(const struct esp_transform *row, void *key)
{
	(void)row;
	if (key != NULL)
		wipe(key, sizeof(struct gcm_mb_key));
	free(key);
}

/* The round keys, and the line of the salt and the hash key's lowest powers: what else a longer
 * text needs, the processor sees coming. */
static inline void key_prefetch(const struct gcm_mb_key *key)
{
	const uint8_t *const line = (const uint8_t *)key;
	for (size_t at = 0; at < 192; at += CACHE_LINE)
		__builtin_prefetch(line + at);
	__builtin_prefetch(key->salt);
}

/*
 * RFC 4106 sections 4 and 5: nonce = salt | IV; AAD = SPI | 32- or 64-bit
 * sequence number. They are put together some packets before they are used:
 * the library reads them in wide loads, which would have to wait for the
 * narrow stores of a moment before.
 */
struct gcm_input {
	uint8_t nonce[12];
	uint8_t aad[12];
};

static inline void gcm_input(struct gcm_input *in, const struct esp_op *op)
{
	memcpy(in->nonce, ((const struct gcm_mb_key *)op->key)->salt, 4);
	memcpy(in->nonce + 4, op->esp + ESP_HEADER_LEN, 8);
	if (op->esn) {
		const uint32_t hi = __builtin_bswap32(op->seq_hi);
		memcpy(in->aad, op->esp, 4);
		memcpy(in->aad + 4, &hi, 4);
		memcpy(in->aad + 8, op->esp + 4, 4);
	} else {
		memcpy(in->aad, op->esp, 8);
	}
}

/* The packets that are on their way: keys are asked for KEY_AHEAD packets before they are used,
 * inputs put together INPUT_AHEAD before. */
struct gcm_ahead {
	struct gcm_input input[INPUT_AHEAD];
};

static inline void ahead(struct gcm_ahead *a, const struct esp_op *ops, size_t n, size_t at)
{
	const size_t key = at + KEY_AHEAD;
	if (key < n && ops[key].key != ops[key - 1].key)
		key_prefetch(ops[key].key);
	if (at + INPUT_AHEAD < n)
		gcm_input(&a->input[at % INPUT_AHEAD], &ops[at + INPUT_AHEAD]);
}

static inline void ahead_begin(struct gcm_ahead *a, const struct esp_op *ops, size_t n)
{
	for (size_t i = 0; i < KEY_AHEAD && i < n; i++)
		if (i == 0 || ops[i].key != ops[i - 1].key)
			key_prefetch(ops[i].key);
	for (size_t i = 0; i < INPUT_AHEAD && i < n; i++)
		gcm_input(&a->input[i], &ops[i]);
}

void esp_gcm_mb_seal(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		     size_t n)
{
	const aes_gcm_enc_dec_t encrypt = encrypt_call(c->mb, row->key_bits);
	struct gcm_context_data context;
	struct gcm_ahead a;
	ahead_begin(&a, ops, n);
	for (size_t i = 0; i < n; i++) {
		struct esp_op *op = &ops[i];
		const struct gcm_mb_key *key = op->key;
		const struct gcm_input *in = &a.input[i % INPUT_AHEAD];
		uint8_t *text = op->esp + ESP_HEADER_LEN + 8;
		encrypt(&key->data, &context, text, text, op->text_len, in->nonce, in->aad,
			op->esn ? 12 : 8, text + op->text_len, 16);
		op->ok = true;
		ahead(&a, ops, n, i);
	}
}

/* Constant time; the loop over bytes of bytes_equal_ct would cost more than the lookup. */
static inline bool tag_equal(const uint8_t *a, const uint8_t *b)
{
	uint64_t x[2], y[2];
	memcpy(x, a, sizeof(x));
	memcpy(y, b, sizeof(y));
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

/* The library has no verify: it has decrypted already, so what is not authentic goes. */
static inline void verify(struct esp_op *op, const uint8_t tag[16])
{
	uint8_t *text = op->esp + ESP_HEADER_LEN + 8;
	op->ok = tag_equal(tag, text + op->text_len);
	if (!op->ok)
		wipe(text, op->text_len);
}

void esp_gcm_mb_open(const struct esp_transform *row, struct esp_crypto *c, struct esp_op *ops,
		     size_t n)
{
	const aes_gcm_enc_dec_t decrypt = decrypt_call(c->mb, row->key_bits);
	struct gcm_context_data context;
	struct gcm_ahead a;
	uint8_t tag[TAGS][16];
	ahead_begin(&a, ops, n);
	for (size_t i = 0; i < n; i++) {
		const struct esp_op *op = &ops[i];
		const struct gcm_mb_key *key = op->key;
		const struct gcm_input *in = &a.input[i % INPUT_AHEAD];
		uint8_t *text = op->esp + ESP_HEADER_LEN + 8;
		decrypt(&key->data, &context, text, text, op->text_len, in->nonce, in->aad,
			op->esn ? 12 : 8, tag[i % TAGS], sizeof(tag[0]));
		if (i > 0)
			verify(&ops[i - 1], tag[(i - 1) % TAGS]);
		ahead(&a, ops, n, i);
	}
	if (n > 0)
		verify(&ops[n - 1], tag[(n - 1) % TAGS]);
}

#else

void *esp_mb_manager_new(void)
{
	return NULL;
}

void esp_mb_manager_free(void *mb)
{
	(void)mb;
}

#endif
