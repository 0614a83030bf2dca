/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key material. Contents live in OpenSSL's secure heap (mlocked, not dumped)
 * once secret_heap_init() has run, in wiped ordinary memory before. There is
 * no printer, and none may be written. Zeroed is empty. Not thread safe per
 * object; the heap is.
 */
#ifndef HF_BASE_SECRET_H
#define HF_BASE_SECRET_H

#include "base/bytes.h"
#include "base/result.h"

#define SECRET_MAX 1024

struct secret {
	uint8_t *data;
	size_t len;
};

/* Size in bytes, a power of two. Call once before any secret exists. R_SYSTEM when it
 * cannot be locked. */
enum result secret_heap_init(size_t size) WARN_UNUSED;
/* Room for len bytes, zeroed; what *s held is wiped first. R_TOO_LONG above
 * SECRET_MAX, R_NO_MEMORY. */
enum result secret_alloc(struct secret *s, size_t len) WARN_UNUSED;
/* *s becomes a copy of src. src may be empty. */
enum result secret_set(struct secret *s, struct bytes src) WARN_UNUSED;
enum result secret_copy(struct secret *dst, const struct secret *src) WARN_UNUSED;
/* *dst takes over src's contents (dst is wiped first); src becomes empty. */
void secret_move(struct secret *dst, struct secret *src);
/* Wipe and free; *s becomes empty. Safe on an empty one. */
void secret_wipe(struct secret *s);
/* Constant time in the contents. Two empty secrets are not equal: absence proves nothing. */
bool secret_equal(const struct secret *a, const struct secret *b);
/* Borrowed view for a crypto call. */
static inline struct bytes secret_bytes(const struct secret *s)
{
	return bytes(s->data, s->len);
}
/* Constant-time compare of public-length values (ICV, AUTH). Lengths may differ: then false. */
bool bytes_equal_ct(struct bytes a, struct bytes b);
/* Wipe a stack copy. */
void wipe(void *p, size_t len);

void secret_wipe_cleanup(struct secret *s);
/* SECRET k = {0}; is wiped when it leaves scope. */
#define SECRET __attribute__((cleanup(secret_wipe_cleanup))) struct secret

#endif
