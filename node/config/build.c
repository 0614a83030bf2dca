/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From text to a configuration: which table a line belongs to, what happens
 * with a line of none, and the two passes. The mode comes from the grammar;
 * indentation is a hint only for lines that no table knows. An administrator
 * pastes whole running-configs: what has nothing to do with IPsec is kept and
 * counted, what looks like IPsec must be understood.
 */
#include "node/config/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/hashmap.h"
#include "node/config/import.h"

#define LINE_BYTES_MAX 8192u
#define UNKNOWN_SHOWN  8u /* unknown lines that are reported one by one */

void *build_grow(struct build *b, void **array, size_t *n, size_t size)
{
	/* Room is always the power of two at or above n. */
	if ((*n & (*n - 1)) == 0) {
		void *p = realloc(*array, (*n ? *n * 2 : 1) * size);
		if (!p) {
			b->no_memory = true;
			return NULL;
		}
		*array = p;
	}
	void *element = (char *)*array + *n * size;
	memset(element, 0, size);
	(*n)++;
	return element;
}

void build_remove(void *array, size_t *n, size_t size, size_t i)
{
	char *at = (char *)array + i * size;
	(*n)--;
	memmove(at, at + size, (*n - i) * size);
}

const char *build_string(struct build *b, const char *s)
{
	const char *copy = arena_string(b->cfg->arena, s, strlen(s));
	if (!copy)
		b->no_memory = true;
	return copy ? copy : "";
}

struct config_where build_where(const struct build *b, const struct match *m)
{
	return (struct config_where){ .line = b->line_no, .column = m->column };
}

struct config_where build_arg_where(const struct build *b, const struct arg *a)
{
	return (struct config_where){ .line = b->line_no, .column = a->column };
}

void build_error(struct build *b, struct config_where where, const char *fmt, ...)
{
	char text[DIAGNOSTIC_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diagnostics_add(b->diag, SEVERITY_ERROR, where.line, where.column, "%s", text);
}

void build_warning(struct build *b, struct config_where where, const char *fmt, ...)
{
	char text[DIAGNOSTIC_TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	diagnostics_add(b->diag, SEVERITY_WARNING, where.line, where.column, "%s", text);
}

void build_weak(struct build *b, const struct arg *a)
{
	if (b->n_weak == WEAK_MAX)
		return;
	struct weak_use *use = &b->weak[b->n_weak++];
	use->where = build_arg_where(b, a);
	snprintf(use->word, sizeof(use->word), "%.15s", a->text);
}

bool build_secret(struct build *b, struct secret *s, const struct arg *a, bool hex)
{
	if (strcmp(a->text, "*****") == 0)
		return true;
	uint8_t raw[SECRET_MAX];
	size_t len = strlen(a->text);
	if (hex) {
		len /= 2;
		for (size_t i = 0; i < len; i++) {
			char digits[3] = { a->text[2 * i], a->text[2 * i + 1] };
			raw[i] = (uint8_t)strtoul(digits, NULL, 16);
		}
	} else {
		memcpy(raw, a->text, len);
	}
	if (secret_set(s, bytes(raw, len)) != R_OK)
		b->no_memory = true;
	wipe(raw, sizeof(raw));
	return false;
}

/* Inside a part of the configuration that the tables describe. */
static bool has_mode(const struct build *b)
{
	return b->mode != MODE_GLOBAL && b->mode != MODE_KEPT && b->mode != MODE_UNKNOWN;
}

void build_keep(struct build *b)
{
	struct config_kept *kept = BUILD_GROW(b, b->cfg->kept, b->cfg->n_kept);
	if (kept)
		*kept = (struct config_kept){
			.text = build_string(b, b->line->raw),
			.line = b->line_no,
			.header = has_mode(b) ? b->header : NULL,
		};
}

void apply_keep_silently(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	/* "no" of what this version does not have changes nothing. */
	if (!m->no)
		build_keep(b);
}

void apply_keep(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	apply_keep_silently(ctx, m);
	for (size_t i = 0; i < b->n_warned; i++)
		if (b->warned[i] == m->row)
			return;
	if (m->no || b->n_warned == sizeof(b->warned) / sizeof(b->warned[0]))
		return;
	b->warned[b->n_warned++] = m->row;
	/* Only words of the table: an argument may be a key. */
	build_warning(b, build_where(b, m),
		      "%s: this version does not have it; the line is kept and not used",
		      m->row->help);
}

static const char *mode_name(enum config_mode mode)
{
	static const char *const names[] = {
		[MODE_INTERFACE] = "interface",
		[MODE_OBJECT] = "object network",
		[MODE_FAILOVER_GROUP] = "failover group",
		[MODE_IKE_POLICY] = "crypto ikev2 policy",
		[MODE_PROPOSAL] = "crypto ipsec ikev2 ipsec-proposal",
		[MODE_TUNNEL_GROUP] = "tunnel-group ipsec-attributes",
	};
	return names[mode];
}

/* In these, a line that no table knows is an error. */
static bool mode_is_vpn(enum config_mode mode)
{
	return mode == MODE_FAILOVER_GROUP || mode == MODE_IKE_POLICY || mode == MODE_PROPOSAL ||
	       mode == MODE_TUNNEL_GROUP;
}

static void report_failure(struct build *b, const struct failure *f)
{
	char text[DIAGNOSTIC_TEXT_MAX];
	diagnostics_add(b->diag, SEVERITY_ERROR, b->line_no, failure_column(f, b->line), "%s",
			failure_text(f, b->line, text, sizeof(text)));
}

static void report_similar(struct build *b, const char *of, struct bytes similar)
{
	const struct token *word = &b->line->tokens[0];
	char hint[80] = "";
	if (similar.len)
		snprintf(hint, sizeof(hint), " (did you mean '%.*s'?)", (int)similar.len,
			 (const char *)similar.p);
	diagnostics_add(b->diag, SEVERITY_ERROR, b->line_no, word->column,
			"'%.48s' is not valid here: expected a line of %s%s", word->text, of, hint);
}

/* A line that no table knows, and that is no mistake in one that a table knows. */
static void keep_unknown(struct build *b)
{
	bool irrelevant = import_is_irrelevant(b->line);
	/* Its own family ends the one before, unless it may be a part of it. */
	if (mode_is_vpn(b->mode) || (irrelevant && !import_may_be_inside(b->line)))
		b->mode = MODE_GLOBAL;
	bool quiet = irrelevant || b->mode == MODE_INTERFACE || b->mode == MODE_OBJECT ||
		     b->mode == MODE_KEPT || (b->mode == MODE_UNKNOWN && b->line->indented);
	build_keep(b);
	if (b->mode == MODE_GLOBAL)
		b->mode = MODE_UNKNOWN;
	if (quiet)
		return;
	const struct token *word = &b->line->tokens[0];
	if (b->unknown++ < UNKNOWN_SHOWN)
		build_warning(
			b, (struct config_where){ b->line_no, word->column },
			"'%.48s' is not known and is not IPsec: the line is kept and not used",
			word->text);
}

/* The first word, after "no", may be a misspelling of one that matters. */
static bool report_misspelling(struct build *b, const char *word)
{
	struct bytes similar = BYTES_NONE;
	if (import_is_irrelevant(b->line))
		return false;
	if (mode_is_vpn(b->mode)) {
		similar = grammar_similar(&b->grammar, (int)b->mode, word);
		if (similar.len || b->line->indented) {
			report_similar(b, mode_name(b->mode), similar);
			return true;
		}
	}
	if (b->line->indented)
		return false;
	similar = grammar_similar(&b->grammar, MODE_GLOBAL, word);
	char keyword[GRAMMAR_NAME_MAX] = "";
	snprintf(keyword, sizeof(keyword), "%.*s", (int)similar.len,
		 similar.len ? (const char *)similar.p : "");
	if (!import_is_vpn_family(keyword))
		return false;
	report_similar(b, "the configuration", similar);
	return true;
}

static void handle_mismatch(struct build *b, const struct failure *in_mode,
			    const struct failure *global)
{
	size_t first = strcasecmp(b->line->tokens[0].text, "no") == 0 && b->line->n > 1;
	const char *word = b->line->tokens[first].text;
	if (in_mode && (in_mode->at > first || in_mode->ambiguous) &&
	    (in_mode->at_argument || mode_is_vpn(b->mode)))
		report_failure(b, in_mode);
	else if (import_is_vpn_family(word) || (global->at > first && global->at_argument))
		report_failure(b, global);
	else if (!report_misspelling(b, word))
		keep_unknown(b);
}

static void apply(struct build *b, const struct match *m)
{
	if (m->row->mode == MODE_GLOBAL)
		b->mode = MODE_GLOBAL;
	m->row->apply(b, m);
	if (m->row->mode == MODE_GLOBAL && m->row->enter && !m->no) {
		b->mode = (enum config_mode)m->row->enter;
		b->header = build_string(b, b->line->raw);
	}
}

static bool is_leaving(const struct line *l)
{
	return l->n == 1 && (strcasecmp(l->tokens[0].text, "exit") == 0 ||
			     strcasecmp(l->tokens[0].text, "quit") == 0 ||
			     strcasecmp(l->tokens[0].text, "end") == 0);
}

static void handle_line(struct build *b)
{
	struct failure *f = &b->failure, in_mode = { 0 };
	struct match m;
	bool in = has_mode(b);
	if (is_leaving(b->line)) {
		b->mode = MODE_GLOBAL;
		return;
	}
	if (in && grammar_match(&b->grammar, (int)b->mode, b->line, &m, &in_mode) == R_OK) {
		apply(b, &m);
		return;
	}
	if (grammar_match(&b->grammar, MODE_GLOBAL, b->line, &m, f) == R_OK) {
		apply(b, &m);
		return;
	}
	handle_mismatch(b, in ? &in_mode : NULL, f);
}

/* The first pass: symbolic names, since any address position may hold one before its definition. */
static void take_name(struct build *b)
{
	struct match m;
	if (b->line->n < 3 || strcasecmp(b->line->tokens[0].text, "name") != 0 ||
	    grammar_match(&b->grammar, MODE_GLOBAL, b->line, &m, NULL) != R_OK)
		return;
	struct config_name *name = BUILD_GROW(b, b->cfg->names, b->cfg->n_names);
	if (name)
		*name = (struct config_name){
			.name = build_string(b, match_text(&m, 1)),
			.address = match_arg(&m, 0)->address,
		};
}

static bool resolve_name(void *ctx, const char *name, struct inet_addr *out)
{
	struct build *b = ctx;
	size_t i = build_find(b, BUILD_NAME, name);
	if (i != BUILD_NONE)
		*out = b->cfg->names[i].address;
	return i != BUILD_NONE;
}

static void one_line(struct build *b, const char *text, size_t len, void (*handle)(struct build *))
{
	size_t prompt = import_prompt(text, len);
	struct line l;
	if (len > LINE_BYTES_MAX || memchr(text, '\0', len)) {
		/* Said once: the first pass only looks for names. */
		if (handle == handle_line)
			diagnostics_add(
				b->diag, SEVERITY_ERROR, b->line_no, 0,
				"the line is not text: expected at most %u bytes and none that is zero",
				LINE_BYTES_MAX);
		return;
	}
	if (line_split(&l, text + prompt, len - prompt) != R_OK) {
		b->no_memory = true;
		return;
	}
	for (size_t i = 0; prompt && i < l.n; i++)
		l.tokens[i].column += (unsigned int)prompt;
	b->line = &l;
	if (!import_is_noise(&l) && !(prompt && import_is_session_word(l.tokens[0].text)))
		handle(b);
	line_free(&l);
	b->line = NULL;
}

static void each_line(struct build *b, struct bytes text, void (*handle)(struct build *))
{
	const char *p = (const char *)text.p, *end = p + text.len;
	for (b->line_no = 1; p < end && !b->no_memory; b->line_no++) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		const char *stop = newline ? newline : end;
		one_line(b, p, (size_t)(stop - p), handle);
		p = newline ? newline + 1 : end;
	}
}

static struct config *config_new(void)
{
	struct config *cfg = calloc(1, sizeof(*cfg));
	if (!cfg)
		return NULL;
	*cfg = (struct config){
		.hostname = "holdfast",
		.failover = { .cluster_name = "",
			      .deadline_ms = CONFIG_DEADLINE_MS,
			      .channel = { .port = CONFIG_SNAPSHOT_PORT, .key_file = "" } },
		.monitoring = { .poll_ms = CONFIG_INTERFACE_POLL_MS,
				.hold_s = CONFIG_INTERFACE_HOLD_S,
				.link_state_ms = CONFIG_LINK_STATE_MS,
				.policy = 1 },
		.cookie_percent = CONFIG_COOKIE_DEFAULT,
		.max_negotiating_percent = 100,
		.nat_traversal = true,
		.nat_keepalive_s = CONFIG_NAT_KEEPALIVE_S,
		.init_retransmissions = CONFIG_INIT_RETRANSMISSIONS,
		.init_interval_ms = CONFIG_INIT_INTERVAL_MS,
		.retransmissions = CONFIG_RETRANSMISSIONS,
		.retransmit_ms = CONFIG_RETRANSMIT_MS,
		.lifetime_s = CONFIG_LIFETIME_S,
		.lifetime_kb = CONFIG_LIFETIME_KB,
		.replay_window = CONFIG_REPLAY_WINDOW,
		.log_id_asa = true,
		.arena = arena_new(),
	};
	if (!cfg->arena) {
		free(cfg);
		return NULL;
	}
	return cfg;
}

static void summarize(struct build *b)
{
	if (b->unknown > UNKNOWN_SHOWN)
		diagnostics_add(b->diag, SEVERITY_WARNING, 0, 0,
				"%zu more lines are not known and are not used",
				b->unknown - UNKNOWN_SHOWN);
}

enum result config_parse(struct bytes text, const char *file_name, struct config **out,
			 struct diagnostics *diag)
{
	struct build *b = calloc(1, sizeof(*b));
	struct config *cfg = config_new();
	enum result res = R_NO_MEMORY;
	*out = NULL;
	diagnostics_init(diag, file_name);
	if (!b || !cfg)
		goto out;
	b->cfg = cfg;
	b->diag = diag;
	b->mode = MODE_GLOBAL;
	b->grammar = (struct grammar){ .tables = config_tables,
				       .resolve = resolve_name,
				       .resolve_ctx = b };
	each_line(b, text, take_name);
	each_line(b, text, handle_line);
	summarize(b);
	config_resolve(b);
	if (b->no_memory)
		goto out;
	res = diag->errors ? R_CONFIG : config_seal_digest(cfg);
out:
	if (res == R_OK)
		*out = cfg;
	else
		config_free(cfg);
	for (enum build_kind kind = 0; b && kind < BUILD_KINDS; kind++)
		build_moved(b, kind);
	if (b)
		hashmap_free(b->aces, NULL);
	free(b);
	return res;
}
