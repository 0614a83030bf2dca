/* SPDX-License-Identifier: Apache-2.0 */
/* Matching a line against the rows of a table. */
#include "node/config/grammar.h"

#include <stdlib.h>
#include <strings.h>

#include "node/config/grammar_syntax.h"
#include "node/config/grammar_types.h"

static const char end_wanted[] = "the end of the line";

/* One attempt of one row. */
struct walk {
	const struct grammar *g;
	const struct grammar_row *row;
	const struct line *l;
	size_t at;
	bool no;
	struct match *m;
	struct failure *f;
	unsigned int exact; /* keywords that were written in full */
	unsigned int words; /* keywords */
	bool took_line;
};

const struct grammar_row *grammar_next(const struct grammar *g, struct grammar_pos *pos)
{
	for (; g->tables[pos->table].rows; pos->table++, pos->row = 0) {
		const struct grammar_row *row = &g->tables[pos->table].rows[pos->row];
		if (row->syntax) {
			pos->row++;
			return row;
		}
	}
	return NULL;
}

const struct arg *match_arg(const struct match *m, unsigned int slot)
{
	for (size_t i = 0; i < m->n_args; i++)
		if (m->args[i].slot == slot)
			return &m->args[i];
	return NULL;
}

const char *match_text(const struct match *m, unsigned int slot)
{
	const struct arg *a = match_arg(m, slot);
	return a ? a->text : NULL;
}

/* Note that at token `at` the row would have taken text. Only the farthest token counts. */
static void expect(struct walk *w, size_t at, const char *text, size_t len, bool is_word)
{
	struct failure *f = w->f;
	if (at < f->at)
		return;
	if (at > f->at)
		*f = (struct failure){ .at = at };
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].len == len && memcmp(f->list[i].text, text, len) == 0) {
			if (f->list[i].row != w->row)
				f->list[i].row = NULL;
			return;
		}
	if (f->n < GRAMMAR_EXPECTED_MAX)
		f->list[f->n++] = (struct expectation){
			.text = text, .len = len, .is_word = is_word, .row = w->row
		};
}

static bool is_abbreviation(const char *token, struct bytes word)
{
	size_t len = strlen(token);
	return len > 0 && len <= word.len && strncasecmp(token, (const char *)word.p, len) == 0;
}

static bool take_keyword(struct walk *w, const struct element *e)
{
	const char *token = w->at < w->l->n ? w->l->tokens[w->at].text : NULL;
	if (!token || !is_abbreviation(token, bytes(e->text, e->len))) {
		expect(w, w->at, e->text, e->len, true);
		return false;
	}
	w->exact += strlen(token) == e->len;
	w->words++;
	w->at++;
	return true;
}

/* Which keyword of a choice the token is; SIZE_MAX for none or several. */
static size_t choose(const struct element *e, const char *token, bool *ambiguous,
		     struct bytes *chosen)
{
	size_t found = SIZE_MAX, i = 0;
	struct bytes word;
	*ambiguous = false;
	for (const char *p = e->text; choice_next(e, &p, &word); i++) {
		if (!is_abbreviation(token, word))
			continue;
		*ambiguous = found != SIZE_MAX;
		found = i;
		*chosen = word;
		if (strlen(token) == word.len) {
			*ambiguous = false;
			break;
		}
	}
	return *ambiguous ? SIZE_MAX : found;
}

static bool take_choice(struct walk *w, const struct element *e, struct arg *out)
{
	bool ambiguous = false;
	struct bytes word;
	size_t i = w->at < w->l->n ? choose(e, w->l->tokens[w->at].text, &ambiguous, &word)
				   : SIZE_MAX;
	if (i == SIZE_MAX) {
		for (const char *p = e->text; choice_next(e, &p, &word);)
			expect(w, w->at, (const char *)word.p, word.len, true);
		if (w->f->at == w->at) {
			w->f->at_argument = true;
			w->f->ambiguous |= ambiguous;
		}
		return false;
	}
	out->text = w->l->tokens[w->at].text;
	out->keyword = word;
	out->choice = (unsigned int)i;
	w->exact += strlen(w->l->tokens[w->at].text) == word.len;
	w->at++;
	return true;
}

static bool take_number(struct walk *w, const struct element *e, struct arg *out)
{
	uint64_t low, high;
	number_bounds(e, &low, &high);
	if (w->at < w->l->n) {
		const char *s = w->l->tokens[w->at].text;
		size_t len = strlen(s);
		if (len > 0 && len < 19 && strspn(s, "0123456789") == len) {
			out->number = strtoull(s, NULL, 10);
			out->text = s;
			if (out->number >= low && out->number <= high) {
				w->at++;
				return true;
			}
		}
	}
	expect(w, w->at, e->text, e->len, false);
	if (w->f->at == w->at)
		w->f->at_argument = true;
	return false;
}

static bool take_type(struct walk *w, const struct element *e, struct arg *out)
{
	const struct arg_type *type = arg_type_find(e->text, e->len);
	const char *wanted = type->wanted;
	size_t at = w->at;
	if (at < w->l->n && type->take(w->g, w->l, &at, out, &wanted)) {
		w->took_line |= type->name[0] == 'L';
		w->at = at;
		return true;
	}
	expect(w, at, wanted, strlen(wanted), false);
	if (w->f->at == at) {
		w->f->at_argument = true;
		w->f->secret |= type->secret;
	}
	return false;
}

static bool take_argument(struct walk *w, const struct element *e)
{
	if (w->m->n_args == GRAMMAR_ARGS_MAX)
		return false;
	struct arg *a = &w->m->args[w->m->n_args];
	*a = (struct arg){ .slot = e->slot,
			   .column = w->at < w->l->n ? w->l->tokens[w->at].column : 0 };
	bool took = e->kind == ELEMENT_CHOICE   ? take_choice(w, e, a)
		    : e->kind == ELEMENT_NUMBER ? take_number(w, e, a)
						: take_type(w, e, a);
	if (took)
		w->m->n_args++;
	return took;
}

static bool take_element(struct walk *w, const struct element *e)
{
	if (e->kind == ELEMENT_WORD)
		return take_keyword(w, e);
	if (!take_argument(w, e))
		return false;
	while (e->repeat && w->at < w->l->n && take_argument(w, e))
		;
	return true;
}

static bool may_be_cut(const struct walk *w)
{
	return w->no && !w->row->enter && !(w->row->flags & (ROW_NO_ONLY | ROW_WHOLE));
}

/* The elements up to the end of the row or of the group. */
static bool walk_sequence(struct walk *w, struct syntax *s)
{
	for (;;) {
		struct syntax here = *s;
		struct element e = syntax_next(s);
		if (e.kind == ELEMENT_END || e.kind == ELEMENT_CLOSE)
			return true;
		if (e.kind == ELEMENT_OPEN) {
			e = syntax_next(s);
			if (!take_element(w, &e))
				syntax_skip_group(s);
			else if (!walk_sequence(w, s))
				return false;
			continue;
		}
		/* "no" takes away: the value that was set need not be repeated. */
		if (may_be_cut(w) && w->at == w->l->n && !syntax_keyword_ahead(here)) {
			s->p += strlen(s->p);
			return true;
		}
		if (!take_element(w, &e))
			return false;
	}
}

static bool walk_row(struct walk *w)
{
	struct syntax s = { .p = w->row->syntax };
	if (!walk_sequence(w, &s))
		return false;
	if (w->at < w->l->n || (w->l->overflow && !w->took_line)) {
		expect(w, w->at, end_wanted, sizeof(end_wanted) - 1, false);
		return false;
	}
	return true;
}

/* How good a full match is: fixed words before free text, then words in full, then more words. */
static int rank_compare(const struct walk *a, const struct walk *b)
{
	if (a->took_line != b->took_line)
		return a->took_line ? -1 : 1;
	if (a->exact != b->exact)
		return a->exact < b->exact ? -1 : 1;
	return a->words == b->words ? 0 : a->words < b->words ? -1 : 1;
}

/*
 * Two rows match equally well. Where their keywords differ, an abbreviation is
 * ambiguous: *f says where. Otherwise they are forms of one command, and the
 * first row stands.
 */
static bool is_ambiguous(const struct walk *a, const struct walk *b, struct failure *f)
{
	struct syntax x = { .p = a->row->syntax }, y = { .p = b->row->syntax };
	for (size_t at = a->no; at < a->l->n; at++) {
		struct element e = syntax_next(&x), g = syntax_next(&y);
		if (e.kind != ELEMENT_WORD || g.kind != ELEMENT_WORD) {
			if (e.kind != g.kind)
				return false;
			continue;
		}
		if (e.len != g.len || memcmp(e.text, g.text, e.len) != 0) {
			*f = (struct failure){ .at = at,
					       .ambiguous = true,
					       .n = 2,
					       .list = { { g.text, g.len, true, b->row },
							 { e.text, e.len, true, a->row } } };
			return true;
		}
	}
	return false;
}

/* Its first word is another one: seen at the first letter, for there are hundreds of rows. */
static bool begins_otherwise(const struct grammar_row *row, const char *token)
{
	const char first = row->syntax[0];
	return first >= 'a' && first <= 'z' && (token[0] | 0x20) != first;
}

enum result grammar_match(const struct grammar *g, int mode, const struct line *l, struct match *m,
			  struct failure *f)
{
	struct failure ignored, ambiguity = { 0 };
	struct walk best = { 0 };
	bool tie = false;
	bool no = l->n > 0 && strcasecmp(l->tokens[0].text, "no") == 0;
	const struct grammar_row *row;
	f = f ? f : &ignored;
	*f = (struct failure){ 0 };
	for (struct grammar_pos pos = { 0 }; (row = grammar_next(g, &pos));) {
		struct match attempt; /* 3 kB for each row and line: only what is set counts */
		if (row->mode != mode || (row->flags & (no ? ROW_POSITIVE : ROW_NO_ONLY)))
			continue;
		/* What a row wants there says nothing any more when another has come farther. */
		if (f->at > no && begins_otherwise(row, l->tokens[no].text))
			continue;
		attempt.row = row;
		attempt.no = no;
		attempt.n_args = 0;
		struct walk w = {
			.g = g, .row = row, .l = l, .at = no, .no = no, .m = &attempt, .f = f
		};
		if (!walk_row(&w))
			continue;
		int order = best.row ? rank_compare(&w, &best) : 1;
		if (order == 0)
			tie = tie || is_ambiguous(&w, &best, &ambiguity);
		else if (order > 0)
			tie = false;
		if (order > 0) {
			best = w;
			*m = attempt;
		}
	}
	if (!best.row)
		return R_NOT_FOUND;
	if (tie) {
		*f = ambiguity;
		return R_NOT_FOUND;
	}
	m->column = l->tokens[no].column;
	return R_OK;
}
