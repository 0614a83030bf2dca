/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands as rows of a table. A row's syntax is the only description of the
 * command: matching, abbreviation, "no" forms, help, completion, error texts
 * and writing it back all read it.
 *
 *   crypto map NAME <1-65535> set pfs [{group14|group19}]
 *
 *   word         keyword: any unique beginning matches, in any case
 *   {a|b|c}      one of these keywords
 *   <low-high>   a decimal number
 *   NAME         a typed argument: NAME, WORD, ADDRESS, MASK, ENDPOINT, KILOBYTES,
 *                SECRET, HEX, LINE
 *   X+           one or more of a choice or typed argument
 *   [ ... ]      optional; once its first word has matched, the rest must
 *
 * Everything but keywords and brackets is an argument; arguments are numbered
 * from 0 in the order of the syntax. "no" may be cut off after the last keyword,
 * except where what follows names the object that is taken away.
 * No state, no globals: any thread.
 */
#ifndef HF_NODE_CONFIG_GRAMMAR_H
#define HF_NODE_CONFIG_GRAMMAR_H

#include "node/config/model.h"

#define GRAMMAR_TOKENS_MAX 128
#define GRAMMAR_ARGS_MAX   32
#define GRAMMAR_NAME_MAX   64

struct token {
	const char *text;
	unsigned int column; /* from 1 */
	size_t offset;       /* into line.raw */
};

/* A line cut into words. Owns its copy. */
struct line {
	char *raw; /* without trailing blanks */
	char *words;
	struct token tokens[GRAMMAR_TOKENS_MAX];
	size_t n;      /* of tokens */
	bool overflow; /* more words than tokens */
	bool indented;
};

/* R_NO_MEMORY. A carriage return at the end counts as blank. Freed with line_free. */
enum result line_split(struct line *l, const char *text, size_t len) WARN_UNUSED;
void line_free(struct line *l);

struct arg {
	unsigned int slot;
	const char *text;     /* the word; LINE: the rest of the line */
	struct bytes keyword; /* a choice: the keyword in full, into the syntax */
	unsigned int column;
	unsigned int choice;            /* index in the choice */
	uint64_t number;                /* <low-high>; KILOBYTES, 0 for unlimited */
	struct inet_addr address;       /* ADDRESS, MASK */
	struct config_ace_end endpoint; /* ENDPOINT; object borrows from the line */
};

struct grammar_row;

struct match {
	const struct grammar_row *row;
	bool no;
	struct arg args[GRAMMAR_ARGS_MAX];
	size_t n_args;
	unsigned int column; /* of the first word after "no" */
};

/* The first argument of a slot, NULL when it was left out. */
const struct arg *match_arg(const struct match *m, unsigned int slot);
/* Its text, or NULL. */
const char *match_text(const struct match *m, unsigned int slot);

struct running;

enum row_flags {
	ROW_NO_ONLY = 1,    /* exists only as "no ..." */
	ROW_POSITIVE = 2,   /* has no "no" form */
	ROW_NODE_LOCAL = 4, /* differs between the nodes of a pair: not part of the digest */
	ROW_OWN =
		16, /* each unit keeps its own: never sent to another; ROW_NODE_LOCAL is that too */
	ROW_WHOLE = 8, /* "no" needs the arguments, as where a row opens a mode or is ROW_NO_ONLY */
};

struct grammar_row {
	int mode;
	const char *syntax;
	const char *help;
	void (*apply)(void *ctx, const struct match *m);
	void (*write)(struct running *r, const struct grammar_row *row);
	unsigned int flags; /* enum row_flags */
	int enter;          /* mode that the line opens, 0 for none */
};

struct grammar_word {
	const char *word;
	const char *help;
};

/*
 * Rows that belong together, up to a row without syntax. item yields the
 * objects that they describe, NULL behind the last: the running-config writes
 * all rows of a table once per object.
 */
struct grammar_table {
	const struct grammar_row *rows;
	const void *(*item)(const struct config *cfg, size_t i);
};

struct grammar {
	const struct grammar_table *tables; /* ends with one without rows */
	const struct grammar_word *words;   /* help of words that several rows share; may be NULL */
	/* Address of a symbolic name; may be NULL. */
	bool (*resolve)(void *ctx, const char *name, struct inet_addr *out);
	void *resolve_ctx;
};

/* All rows of all tables: for (it = NULL; (it = grammar_next(g, &pos)); ) */
struct grammar_pos {
	size_t table;
	size_t row;
};
const struct grammar_row *grammar_next(const struct grammar *g, struct grammar_pos *pos);

#define GRAMMAR_EXPECTED_MAX 64

struct expectation {
	const char *text; /* into a syntax, or a description */
	size_t len;
	bool is_word;
	const struct grammar_row *row;
};

/* How far the rows got, and what they wanted there. */
struct failure {
	size_t at; /* index of the token that nobody wanted; n of the line: it ended too early */
	bool at_argument; /* some row wanted an argument there, rather than another keyword */
	bool secret;      /* that argument is a secret */
	bool ambiguous;   /* several rows or keywords match an abbreviation */
	struct expectation list[GRAMMAR_EXPECTED_MAX];
	size_t n;
};

/*
 * Find the row of mode that matches the whole line, from token 0 or after "no".
 * A row that takes LINE yields to one that does not. R_NOT_FOUND: *f says why
 * (when f is not NULL); *f starts empty. Rows flagged for the wrong polarity
 * are not seen.
 */
enum result grammar_match(const struct grammar *g, int mode, const struct line *l, struct match *m,
			  struct failure *f) WARN_UNUSED;
/* "'shaa' is not valid here: expected md5, sha or sha256 (did you mean 'sha'?)". Returns out. */
const char *failure_text(const struct failure *f, const struct line *l, char *out, size_t cap);
/* Column of the offending word, or just past the end of the line. */
unsigned int failure_column(const struct failure *f, const struct line *l);
/* A keyword of mode that word is a likely misspelling of; len 0 when there is none. */
struct bytes grammar_similar(const struct grammar *g, int mode, const char *word);

/* One line per possible next word of text: "  word    help", or only the word. */
void grammar_help(const struct grammar *g, int mode, const char *text, bool words_only,
		  struct text *out);

/*
 * Write a row with its arguments by slot; NULL leaves the optional part out
 * that holds it. Several values of one slot are one string with blanks.
 */
void grammar_write(const struct grammar_row *row, const char *const *values, struct text *out);

#endif
