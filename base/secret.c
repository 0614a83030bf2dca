/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key material over OpenSSL's secure heap. Before secret_heap_init() OpenSSL
 * serves the same calls from the ordinary heap and still wipes on free.
 */
#include "base/secret.h"

#include <openssl/crypto.h>

/* Smallest block of the secure heap: an AES-128 key with its salt fits one. */
#define HEAP_BLOCK 32

enum result secret_heap_init(size_t size)
{
	/* 2 means usable, but not locked or guarded: keys could reach swap. */
	return CRYPTO_secure_malloc_init(size, HEAP_BLOCK) == 1 ? R_OK : R_SYSTEM;
}

enum result secret_alloc(struct secret *s, size_t len)
{
	secret_wipe(s);
	if (len > SECRET_MAX)
		return R_TOO_LONG;
	if (len == 0)
		return R_OK;
	s->data = OPENSSL_secure_zalloc(len);
	if (s->data == NULL)
		return R_NO_MEMORY;
	s->len = len;
	return R_OK;
}

enum result secret_set(struct secret *s, struct bytes src)
{
	struct secret copy = { 0 };
	enum result res = secret_alloc(&copy, src.len); /* a copy first: src may borrow from s */

	if (res != R_OK)
		return res;
	if (src.len > 0)
		memcpy(copy.data, src.p, src.len);
	secret_move(s, &copy);
	return R_OK;
}

enum result secret_copy(struct secret *dst, const struct secret *src)
{
	return secret_set(dst, secret_bytes(src));
}

void secret_move(struct secret *dst, struct secret *src)
{
	if (dst == src)
		return;
	secret_wipe(dst);
	*dst = *src;
	*src = (struct secret){ 0 };
}

void secret_wipe(struct secret *s)
{
	OPENSSL_secure_clear_free(s->data, s->len);
	*s = (struct secret){ 0 };
}

void secret_wipe_cleanup(struct secret *s)
{
	secret_wipe(s);
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len > 0 && bytes_equal_ct(secret_bytes(a), secret_bytes(b));
}

bool bytes_equal_ct(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.p, b.p, a.len) == 0);
}

void wipe(void *p, size_t len)
{
	OPENSSL_cleanse(p, len);
}
