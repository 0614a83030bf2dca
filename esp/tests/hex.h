/* SPDX-License-Identifier: Apache-2.0 */
/* Hexadecimal text to bytes, for fixtures. */
#ifndef HF_ESP_TESTS_HEX_H
#define HF_ESP_TESTS_HEX_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Returns the number of bytes; out has room for them. */
static inline size_t unhex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned int byte;
	for (; sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
		out[n] = (uint8_t)byte;
	return n;
}

#endif
