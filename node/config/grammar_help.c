/* SPDX-License-Identifier: Apache-2.0 */
/* What a syntax says to people: error texts, likely misspellings, help, completion,
 * and writing back. */
#include <stdio.h>
#include <strings.h>

#include "node/config/grammar.h"
#include "node/config/grammar_syntax.h"
#include "node/config/grammar_types.h"

#define SIMILAR_WORD_MAX 40

/* Levenshtein distance, a and b at most SIMILAR_WORD_MAX bytes. */
static size_t distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t row[SIMILAR_WORD_MAX + 1];
	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			size_t cost = diagonal + (a[i - 1] != b[j - 1]);
			diagonal = row[j];
			size_t edit = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
			row[j] = cost < edit ? cost : edit;
		}
	}
	return row[b_len];
}

/* One edit in a short word, two in a long one. */
static bool is_similar(const char *word, const char *keyword, size_t keyword_len)
{
	size_t len = strlen(word);
	if (len < 2 || len > SIMILAR_WORD_MAX || keyword_len > SIMILAR_WORD_MAX)
		return false;
	return distance(word, len, keyword, keyword_len) <= (len < 6 ? 1u : 2u);
}

struct bytes grammar_similar(const struct grammar *g, int mode, const char *word)
{
	const struct grammar_row *row;
	for (struct grammar_pos pos = { 0 }; (row = grammar_next(g, &pos));) {
		if (row->mode != mode)
			continue;
		struct syntax s = { .p = row->syntax };
		struct element e = syntax_next(&s);
		if (e.kind == ELEMENT_WORD && is_similar(word, e.text, e.len))
			return bytes(e.text, e.len);
	}
	return BYTES_NONE;
}

/* Bounded appending to out. */
static void add(char *out, size_t cap, const char *s, size_t len)
{
	size_t have = strlen(out);
	snprintf(out + have, cap - have, "%.*s", (int)len, s);
}

static void add_string(char *out, size_t cap, const char *s)
{
	add(out, cap, s, strlen(s));
}

static void add_expectation(char *out, size_t cap, const struct expectation *x)
{
	const char *dash = x->is_word ? NULL : memchr(x->text, '-', x->len);
	if (!dash || x->text[0] < '0' || x->text[0] > '9') {
		add(out, cap, x->text, x->len);
		return;
	}
	add_string(out, cap, "a number from ");
	add(out, cap, x->text, (size_t)(dash - x->text));
	add_string(out, cap, " to ");
	add(out, cap, dash + 1, x->len - (size_t)(dash - x->text) - 1);
}

const char *failure_text(const struct failure *f, const struct line *l, char *out, size_t cap)
{
	const char *word = f->at < l->n ? l->tokens[f->at].text : NULL;
	const struct expectation *similar = NULL;
	if (!word)
		snprintf(out, cap, "the line ends too early");
	else if (f->secret)
		snprintf(out, cap, "the key is not valid here");
	else
		snprintf(out, cap, "'%.48s' is %s", word,
			 f->ambiguous ? "ambiguous" : "not valid here");
	for (size_t i = 0; i < f->n; i++) {
		add_string(out, cap, i == 0 ? ": expected " : i + 1 == f->n ? " or " : ", ");
		add_expectation(out, cap, &f->list[i]);
		if (word && !f->secret && !similar && f->list[i].is_word &&
		    is_similar(word, f->list[i].text, f->list[i].len))
			similar = &f->list[i];
	}
	if (similar) {
		add_string(out, cap, " (did you mean '");
		add(out, cap, similar->text, similar->len);
		add_string(out, cap, "'?)");
	}
	return out;
}

unsigned int failure_column(const struct failure *f, const struct line *l)
{
	return f->at < l->n ? l->tokens[f->at].column : (unsigned int)strlen(l->raw) + 1;
}

static const char *word_help(const struct grammar *g, const struct expectation *x)
{
	if (x->row)
		return x->row->help;
	for (const struct grammar_word *w = g->words; w && w->word; w++)
		if (strlen(w->word) == x->len && memcmp(w->word, x->text, x->len) == 0)
			return w->help;
	return "";
}

void grammar_help(const struct grammar *g, int mode, const char *text, bool words_only,
		  struct text *out)
{
	/* The word being typed is not part of the match: it filters what may come. */
	const char *last = strrchr(text, ' ');
	const char *partial = last ? last + 1 : text;
	struct line l;
	struct match m;
	struct failure f;
	if (line_split(&l, text, (size_t)(partial - text)) != R_OK)
		return;
	bool complete = grammar_match(g, mode, &l, &m, &f) == R_OK;
	for (size_t i = 0; f.at == l.n && i < f.n; i++) {
		const struct expectation *x = &f.list[i];
		char shown[96] = "";
		if (*partial &&
		    (!x->is_word || strncasecmp(partial, x->text, strlen(partial)) != 0))
			continue;
		add_expectation(shown, sizeof(shown), x);
		if (!words_only)
			text_printf(out, "  %-24s  %s\n", shown, word_help(g, x));
		else if (x->is_word)
			text_printf(out, "%s\n", shown);
	}
	if (complete && !words_only && !*partial)
		text_printf(out, "  %-24s  %s\n", "<cr>", m.row->help);
	line_free(&l);
}

void grammar_write(const struct grammar_row *row, const char *const *values, struct text *out)
{
	struct syntax s = { .p = row->syntax };
	bool first = true;
	for (;;) {
		struct element e = syntax_next(&s);
		if (e.kind == ELEMENT_END)
			return;
		if (e.kind == ELEMENT_CLOSE)
			continue;
		if (e.kind == ELEMENT_OPEN) {
			/* Present when its first argument is. */
			struct syntax inside = s;
			struct element x = syntax_next(&inside);
			while (x.kind == ELEMENT_WORD)
				x = syntax_next(&inside);
			if (!values[x.slot])
				syntax_skip_group(&s);
			continue;
		}
		if (!first)
			text_append(out, bytes(" ", 1));
		first = false;
		if (e.kind == ELEMENT_WORD)
			text_append(out, bytes(e.text, e.len));
		else
			text_append(out, bytes(values[e.slot], strlen(values[e.slot])));
	}
}
