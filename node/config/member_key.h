/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A member's CURVE key pair (X25519, RFC 7748): who it is on the snapshot
 * channel. The secret key is a file of one line, 64 hexadecimal digits, that
 * nobody but its owner may read; the public one stands in every member's
 * configuration.
 */
#ifndef HF_NODE_CONFIG_MEMBER_KEY_H
#define HF_NODE_CONFIG_MEMBER_KEY_H

#include "base/secret.h"

#define MEMBER_KEY_LEN  32u
#define MEMBER_KEY_TEXT (2 * MEMBER_KEY_LEN + 1)
#define MEMBER_KEY_WHY  300

/* R_CRYPTO, R_NO_MEMORY. */
enum result member_key_make(struct secret *key) WARN_UNUSED;
enum result member_key_public(const struct secret *key, uint8_t out[MEMBER_KEY_LEN]) WARN_UNUSED;
/* A new file, 0600; when root makes it, the owner's of its folder. R_EXISTS: there is one, and it
 * stays. R_SYSTEM: errno says why. */
enum result member_key_write(const char *path, const struct secret *key) WARN_UNUSED;
/*
 * R_SYSTEM: it cannot be read; R_CONFIG: others may read or write it; R_VALUE: it holds something
 * else. why says so in words, without a byte of the file.
 */
enum result member_key_read(const char *path, struct secret *out,
			    char why[MEMBER_KEY_WHY]) WARN_UNUSED;
/* 64 hexadecimal digits and nothing else. */
bool member_key_parse(const char *text, uint8_t out[MEMBER_KEY_LEN]);
const char *member_key_text(const uint8_t key[MEMBER_KEY_LEN], char out[MEMBER_KEY_TEXT]);

#endif
