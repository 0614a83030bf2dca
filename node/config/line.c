/* SPDX-License-Identifier: Apache-2.0 */
/* Cutting a line into words. Blanks separate; there is no quoting, as on the ASA. */
#include <stdlib.h>

#include "node/config/grammar.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

enum result line_split(struct line *l, const char *text, size_t len)
{
	*l = (struct line){ .indented = len > 0 && is_blank(text[0]) };
	while (len > 0 && is_blank(text[len - 1]))
		len--;
	l->raw = malloc(len + 1);
	l->words = malloc(len + 1);
	if (!l->raw || !l->words) {
		line_free(l);
		return R_NO_MEMORY;
	}
	memcpy(l->raw, text, len);
	l->raw[len] = '\0';
	memcpy(l->words, l->raw, len + 1);
	for (size_t i = 0; i < len;) {
		if (is_blank(l->words[i])) {
			l->words[i++] = '\0';
			continue;
		}
		if (l->n == GRAMMAR_TOKENS_MAX) {
			l->overflow = true;
			break;
		}
		l->tokens[l->n++] = (struct token){
			.text = l->words + i,
			.column = (unsigned int)i + 1,
			.offset = i,
		};
		while (i < len && !is_blank(l->words[i]))
			i++;
	}
	return R_OK;
}

void line_free(struct line *l)
{
	size_t len = l->raw ? strlen(l->raw) : 0;
	if (l->raw)
		wipe(l->raw, len);
	if (l->words)
		wipe(l->words, len);
	free(l->raw);
	free(l->words);
	*l = (struct line){ 0 };
}
