/* SPDX-License-Identifier: Apache-2.0 */
/* Borrowed byte ranges. A struct bytes never owns what it points at. */
#ifndef HF_BASE_BYTES_H
#define HF_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *p;
	size_t len;
};

#define BYTES_NONE ((struct bytes){ .p = NULL, .len = 0 })

static inline struct bytes bytes(const void *p, size_t len)
{
	return (struct bytes){ .p = p, .len = len };
}

/* Not constant time: never for secrets (secret_equal is). */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

/*
 * An owned, growable byte string (cached messages, datagrams). Zeroed is
 * empty. Freed with buf_free; buf_move moves.
 */
struct buf {
	uint8_t *p;
	size_t len;
};

static inline struct bytes buf_bytes(const struct buf *b)
{
	return bytes(b->p, b->len);
}

/* Replace the contents by a copy of src. false: out of memory, *b unchanged. */
bool buf_set(struct buf *b, struct bytes src);
/* Free and zero. The contents are not wiped: keys live in struct secret. */
void buf_free(struct buf *b);
/* *dst takes over what *src owns; *src becomes empty. */
void buf_move(struct buf *dst, struct buf *src);

#endif
