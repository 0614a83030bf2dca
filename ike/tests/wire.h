/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every decoder is put through: each truncation is refused, and each
 * flipped bit is survived. Copies live on the heap at their exact length, so
 * that a sanitizer sees the first byte read too far.
 */
#ifndef HF_IKE_TESTS_WIRE_H
#define HF_IKE_TESTS_WIRE_H

#include <stdlib.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/result.h"

typedef enum result (*decode_fn)(struct bytes in);

static inline uint8_t *exact_copy(struct bytes in, size_t len)
{
	uint8_t *p = malloc(len > 0 ? len : 1);

	must(p != NULL);
	if (len > 0)
		memcpy(p, in.p, len);
	return p;
}

/* Number of truncations that were not refused. */
static inline size_t truncations_taken(decode_fn decode, struct bytes in)
{
	size_t taken = 0;

	for (size_t len = 0; len < in.len; len++) {
		uint8_t *p = exact_copy(in, len);

		taken += decode(bytes(p, len)) == R_OK;
		free(p);
	}
	return taken;
}

/* Number of bit flips that were not refused. */
static inline size_t flips_taken(decode_fn decode, struct bytes in)
{
	size_t taken = 0;

	for (size_t bit = 0; bit < 8 * in.len; bit++) {
		uint8_t *p = exact_copy(in, in.len);

		p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		taken += decode(bytes(p, in.len)) == R_OK;
		free(p);
	}
	return taken;
}

#endif
