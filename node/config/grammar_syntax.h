/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a row's syntax, element by element. Internal to grammar*.c. */
#ifndef HF_NODE_CONFIG_GRAMMAR_SYNTAX_H
#define HF_NODE_CONFIG_GRAMMAR_SYNTAX_H

#include "node/config/grammar.h"

enum element_kind {
	ELEMENT_END,
	ELEMENT_WORD,
	ELEMENT_CHOICE,
	ELEMENT_NUMBER,
	ELEMENT_TYPE,
	ELEMENT_OPEN,
	ELEMENT_CLOSE
};

struct element {
	enum element_kind kind;
	const char *text; /* without its brackets */
	size_t len;
	bool repeat;       /* followed by + */
	unsigned int slot; /* of an argument */
};

struct syntax {
	const char *p;
	unsigned int slot; /* of the next argument */
};

struct element syntax_next(struct syntax *s);
/* After ELEMENT_OPEN (or from inside the group): go behind its ELEMENT_CLOSE. */
void syntax_skip_group(struct syntax *s);
/* A keyword must still come, outside of optional parts, before the group or the row ends. */
bool syntax_keyword_ahead(struct syntax s);
/* The words of a choice: for (p = e.text; choice_next(&e, &p, &word); ) */
bool choice_next(const struct element *e, const char **p, struct bytes *word);
/* The bounds of ELEMENT_NUMBER. */
void number_bounds(const struct element *e, uint64_t *low, uint64_t *high);

#endif
