/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/text.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/secret.h"

/* Room for extra more bytes and a NUL. realloc is not used: it would leave an unwiped copy
 * behind. */
static bool text_reserve(struct text *t, size_t extra)
{
	if (t->failed)
		return false;
	if (t->cap - t->len > extra)
		return true;
	size_t cap = t->cap ? t->cap : 256;
	while (cap - t->len <= extra)
		cap *= 2;
	char *p = malloc(cap);
	if (!p) {
		t->failed = true;
		return false;
	}
	if (t->p) {
		memcpy(p, t->p, t->len + 1);
		wipe(t->p, t->cap);
		free(t->p);
	}
	t->p = p;
	t->cap = cap;
	return true;
}

void text_append(struct text *t, struct bytes b)
{
	if (!text_reserve(t, b.len))
		return;
	if (b.len)
		memcpy(t->p + t->len, b.p, b.len);
	t->len += b.len;
	t->p[t->len] = '\0';
}

void text_vprintf(struct text *t, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		t->failed = true;
	else if (text_reserve(t, (size_t)n))
		t->len += (size_t)vsnprintf(t->p + t->len, (size_t)n + 1, fmt, again);
	va_end(again);
}

void text_printf(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	text_vprintf(t, fmt, ap);
	va_end(ap);
}

void text_free(struct text *t)
{
	if (t->p) {
		wipe(t->p, t->cap);
		free(t->p);
	}
	*t = (struct text){ 0 };
}
