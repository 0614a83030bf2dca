/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing text that output is written into, with a sticky failure: write
 * line after line, look at .failed once. Its memory is wiped when freed, since
 * an unmasked running-config holds secrets.
 */
#ifndef HF_NODE_CONFIG_TEXT_H
#define HF_NODE_CONFIG_TEXT_H

#include <stdarg.h>

#include "base/bytes.h"

/* Zeroed is empty. p is NUL terminated as soon as something was added. */
struct text {
	char *p;
	size_t len;
	size_t cap;
	bool failed; /* out of memory: the text is incomplete */
};

void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void text_vprintf(struct text *t, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
void text_append(struct text *t, struct bytes b);
/* Wipe, free and make empty. */
void text_free(struct text *t);
/* "" when empty. */
static inline const char *text_string(const struct text *t)
{
	return t->p ? t->p : "";
}

#endif
