/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal test vectors as byte strings. */
#ifndef HF_IKE_TESTS_HEX_H
#define HF_IKE_TESTS_HEX_H

#include <stdlib.h>

#include "base/bytes.h"
#include "base/must.h"

static inline uint8_t hex_digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* To be freed with buf_free. */
static inline struct buf hex_buf(const char *hex)
{
	size_t len = strlen(hex) / 2;
	struct buf b = { .p = malloc(len > 0 ? len : 1), .len = len };

	must(b.p != NULL);
	for (size_t i = 0; i < len; i++)
		b.p[i] = (uint8_t)(hex_digit(hex[2 * i]) << 4 | hex_digit(hex[2 * i + 1]));
	return b;
}

/* data is exactly what hex says. */
static inline bool hex_equal(struct bytes data, const char *hex)
{
	struct buf b = hex_buf(hex);
	bool equal = bytes_equal(data, buf_bytes(&b));

	buf_free(&b);
	return equal;
}

#endif
