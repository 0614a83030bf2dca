/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/algorithms.h"

#include <stdio.h>

#include "base/iana.h"
#include "base/must.h"

/* RFC 5114 group 24 has no name in base/iana.h: it is never negotiated without the opt-in. */
#define DH_MODP_2048_256 24

const struct algorithm_word words_encryption[] = {
	{ "aes-gcm-256", ENCR_AES_GCM_16, 256, false },
	{ "aes-gcm-192", ENCR_AES_GCM_16, 192, false },
	{ "aes-gcm", ENCR_AES_GCM_16, 128, false },
	{ "aes-256", ENCR_AES_CBC, 256, false },
	{ "aes-192", ENCR_AES_CBC, 192, false },
	{ "aes", ENCR_AES_CBC, 128, false },
	{ "3des", ENCR_3DES, 0, true },
	{ "des", ENCR_DES, 0, true },
	{ 0 },
};

const struct algorithm_word words_integrity[] = {
	{ "sha512", AUTH_HMAC_SHA2_512_256, 0, false },
	{ "sha384", AUTH_HMAC_SHA2_384_192, 0, false },
	{ "sha256", AUTH_HMAC_SHA2_256_128, 0, false },
	{ "sha", AUTH_HMAC_SHA1_96, 0, false },
	{ "md5", AUTH_HMAC_MD5_96, 0, true },
	{ "null", AUTH_NONE, 0, false },
	{ 0 },
};

const struct algorithm_word words_esp_integrity[] = {
	{ "sha-512", AUTH_HMAC_SHA2_512_256, 0, false },
	{ "sha-384", AUTH_HMAC_SHA2_384_192, 0, false },
	{ "sha-256", AUTH_HMAC_SHA2_256_128, 0, false },
	{ "sha-1", AUTH_HMAC_SHA1_96, 0, false },
	{ "md5", AUTH_HMAC_MD5_96, 0, true },
	{ "null", AUTH_NONE, 0, false },
	{ 0 },
};

const struct algorithm_word words_prf[] = {
	{ "sha512", PRF_HMAC_SHA2_512, 0, false }, { "sha384", PRF_HMAC_SHA2_384, 0, false },
	{ "sha256", PRF_HMAC_SHA2_256, 0, false }, { "sha", PRF_HMAC_SHA1, 0, false },
	{ "md5", PRF_HMAC_MD5, 0, true },          { 0 },
};

const struct algorithm_word words_group[] = {
	{ "31", DH_CURVE25519, 0, false }, { "21", DH_ECP_521, 0, false },
	{ "20", DH_ECP_384, 0, false },    { "19", DH_ECP_256, 0, false },
	{ "16", DH_MODP_4096, 0, false },  { "15", DH_MODP_3072, 0, false },
	{ "14", DH_MODP_2048, 0, false },  { "24", DH_MODP_2048_256, 0, true },
	{ "5", DH_MODP_1536, 0, true },    { "2", DH_MODP_1024, 0, true },
	{ "1", DH_MODP_768, 0, true },     { 0 },
};

static bool word_equal(struct bytes keyword, const char *word)
{
	return bytes_equal(keyword, bytes(word, strlen(word)));
}

static const struct algorithm_word *find(const struct algorithm_word *words, const struct arg *a)
{
	while (words->word && !word_equal(a->keyword, words->word))
		words++;
	must(words->word != NULL); /* the syntax and the table name the same words */
	return words;
}

const struct algorithm_word *algorithm_take(struct build *b, const struct algorithm_word *words,
					    const struct arg *a)
{
	const struct algorithm_word *w = find(words, a);
	if (w->weak)
		build_weak(b, a);
	return w;
}

void encr_list_apply(struct build *b, const struct match *m, struct config_encr *list, uint8_t *n)
{
	if (!m->no || m->n_args == 0)
		*n = 0;
	for (size_t i = 0; i < m->n_args; i++) {
		const struct arg *a = &m->args[i];
		const struct algorithm_word *w = m->no ? find(words_encryption, a)
						       : algorithm_take(b, words_encryption, a);
		uint8_t at = 0;
		while (at < *n && (list[at].id != w->id || list[at].key_bits != w->key_bits))
			at++;
		if (m->no && at < *n)
			memmove(&list[at], &list[at + 1], (size_t)(--*n - at) * sizeof(*list));
		else if (!m->no && at == *n && *n < CONFIG_ALGORITHMS_MAX)
			list[(*n)++] = (struct config_encr){ .id = w->id, .key_bits = w->key_bits };
	}
}

void id_list_apply(struct build *b, const struct match *m, const struct algorithm_word *words,
		   uint16_t *list, uint8_t *n)
{
	if (!m->no || m->n_args == 0)
		*n = 0;
	for (size_t i = 0; i < m->n_args; i++) {
		const struct arg *a = &m->args[i];
		const struct algorithm_word *w = m->no ? find(words, a)
						       : algorithm_take(b, words, a);
		uint8_t at = 0;
		while (at < *n && list[at] != w->id)
			at++;
		if (m->no && at < *n)
			memmove(&list[at], &list[at + 1], (size_t)(--*n - at) * sizeof(*list));
		else if (!m->no && at == *n && *n < CONFIG_ALGORITHMS_MAX)
			list[(*n)++] = w->id;
	}
}

bool encr_is_aead(uint16_t id)
{
	return id == ENCR_AES_GCM_16;
}

static void append_word(char *out, const struct algorithm_word *words, uint16_t id,
			uint16_t key_bits)
{
	size_t len = strlen(out);
	for (; words->word; words++)
		if (words->id == id && words->key_bits == key_bits) {
			snprintf(out + len, ALGORITHM_LIST_TEXT_MAX - len, "%s%s", len ? " " : "",
				 words->word);
			return;
		}
}

const char *encr_list_text(const struct config_encr *list, uint8_t n,
			   char out[ALGORITHM_LIST_TEXT_MAX])
{
	out[0] = '\0';
	for (uint8_t i = 0; i < n; i++)
		append_word(out, words_encryption, list[i].id, list[i].key_bits);
	return n ? out : NULL;
}

const char *id_list_text(const struct algorithm_word *words, const uint16_t *list, uint8_t n,
			 char out[ALGORITHM_LIST_TEXT_MAX])
{
	out[0] = '\0';
	for (uint8_t i = 0; i < n; i++)
		append_word(out, words, list[i], 0);
	return n ? out : NULL;
}
