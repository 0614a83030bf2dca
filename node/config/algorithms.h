/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ASA's words for algorithms, and the lists of them in policies and
 * proposals. Weak ones parse, but need "crypto weak-algorithms allow".
 */
#ifndef HF_NODE_CONFIG_ALGORITHMS_H
#define HF_NODE_CONFIG_ALGORITHMS_H

#include "node/config/build.h"

struct algorithm_word {
	const char *word;
	uint16_t id;
	uint16_t key_bits;
	bool weak;
};

/* End with a word of NULL. sha is "sha" in a policy, "sha-1" in a proposal. */
extern const struct algorithm_word words_encryption[], words_integrity[], words_esp_integrity[],
	words_prf[], words_group[];

#define WORDS_ENCRYPTION    "{aes-gcm-256|aes-gcm-192|aes-gcm|aes-256|aes-192|aes|3des|des}"
#define WORDS_INTEGRITY     "{sha512|sha384|sha256|sha|md5|null}"
#define WORDS_ESP_INTEGRITY "{sha-512|sha-384|sha-256|sha-1|md5|null}"
#define WORDS_PRF           "{sha512|sha384|sha256|sha|md5}"
#define WORDS_GROUP         "{31|21|20|19|16|15|14|24|5|2|1}"
#define WORDS_PFS_GROUP \
	"{group31|group21|group20|group19|group16|group15|group14|group24|group5|group2|group1}"

/* The word of an argument that was chosen among the same words. Notes a weak one. */
const struct algorithm_word *algorithm_take(struct build *b, const struct algorithm_word *words,
					    const struct arg *a);
/*
 * Set the lists from the arguments of slot 0: a line replaces what was there.
 * "no" with values takes those away, without values all.
 */
void encr_list_apply(struct build *b, const struct match *m, struct config_encr *list, uint8_t *n);
void id_list_apply(struct build *b, const struct match *m, const struct algorithm_word *words,
		   uint16_t *list, uint8_t *n);
bool encr_is_aead(uint16_t id);

#define ALGORITHM_LIST_TEXT_MAX 160
/* "aes-gcm-256 aes-256"; NULL when the list is empty. */
const char *encr_list_text(const struct config_encr *list, uint8_t n,
			   char out[ALGORITHM_LIST_TEXT_MAX]);
const char *id_list_text(const struct algorithm_word *words, const uint16_t *list, uint8_t n,
			 char out[ALGORITHM_LIST_TEXT_MAX]);

#endif
