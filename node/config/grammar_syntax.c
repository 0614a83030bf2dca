/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/grammar_syntax.h"

#include <stdlib.h>

static struct element bracketed(const char **p, enum element_kind kind, char close)
{
	const char *start = *p + 1;
	const char *end = strchr(start, close);
	*p = end + 1;
	return (struct element){ .kind = kind, .text = start, .len = (size_t)(end - start) };
}

struct element syntax_next(struct syntax *s)
{
	while (*s->p == ' ')
		s->p++;
	struct element e = { .text = s->p, .len = 1 };
	switch (*s->p) {
	case '\0':
		e.kind = ELEMENT_END;
		return e;
	case '[':
		e.kind = ELEMENT_OPEN;
		s->p++;
		return e;
	case ']':
		e.kind = ELEMENT_CLOSE;
		s->p++;
		return e;
	case '{':
		e = bracketed(&s->p, ELEMENT_CHOICE, '}');
		break;
	case '<':
		e = bracketed(&s->p, ELEMENT_NUMBER, '>');
		break;
	default:
		e.len = strcspn(s->p, " ]+");
		e.kind = *s->p >= 'A' && *s->p <= 'Z' ? ELEMENT_TYPE : ELEMENT_WORD;
		s->p += e.len;
	}
	if (*s->p == '+') {
		e.repeat = true;
		s->p++;
	}
	if (e.kind != ELEMENT_WORD)
		e.slot = s->slot++;
	return e;
}

void syntax_skip_group(struct syntax *s)
{
	for (struct element e = syntax_next(s); e.kind != ELEMENT_CLOSE && e.kind != ELEMENT_END;
	     e = syntax_next(s))
		if (e.kind == ELEMENT_OPEN)
			syntax_skip_group(s);
}

bool syntax_keyword_ahead(struct syntax s)
{
	for (;;) {
		struct element e = syntax_next(&s);
		if (e.kind == ELEMENT_END || e.kind == ELEMENT_CLOSE)
			return false;
		if (e.kind == ELEMENT_WORD)
			return true;
		if (e.kind == ELEMENT_OPEN)
			syntax_skip_group(&s);
	}
}

bool choice_next(const struct element *e, const char **p, struct bytes *word)
{
	const char *end = e->text + e->len;
	if (*p >= end)
		return false;
	const char *bar = memchr(*p, '|', (size_t)(end - *p));
	const char *stop = bar ? bar : end;
	*word = bytes(*p, (size_t)(stop - *p));
	*p = bar ? bar + 1 : end;
	return true;
}

void number_bounds(const struct element *e, uint64_t *low, uint64_t *high)
{
	char *dash;
	*low = strtoull(e->text, &dash, 10);
	*high = strtoull(dash + 1, NULL, 10);
}
