/* SPDX-License-Identifier: Apache-2.0 */
/* hostname, names, logging, the daemon's own engine: what stands at the top of a running-config. */
#include "node/config/build.h"

static void apply_hostname(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->hostname = m->no ? "holdfast" : build_string(b, match_text(m, 0));
}

static void write_hostname(struct running *r, const struct grammar_row *row)
{
	EMIT(r, row, r->cfg->hostname);
}

/* The name itself was taken by the first pass (take_name): any address position may hold one. */
static void apply_nothing(void *ctx, const struct match *m)
{
	(void)ctx;
	(void)m;
}

static void write_names(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->n_names)
		EMIT(r, row, NULL);
}

static void write_name(struct running *r, const struct grammar_row *row)
{
	char text[INET_TEXT_MAX];
	for (size_t i = 0; i < r->cfg->n_names; i++)
		EMIT(r, row, inet_text(&r->cfg->names[i].address, text), r->cfg->names[i].name);
}

static void apply_weak(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->weak_algorithms = !m->no;
}

static void write_weak(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->weak_algorithms)
		EMIT(r, row, "allow");
}

static void apply_workers(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->workers = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
}

static void write_workers(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->workers)
		EMIT(r, row, number_text(r->cfg->workers, n));
}

static void apply_logging(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->logging = !m->no;
}

static void write_logging(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->logging)
		EMIT(r, row, NULL);
}

static void apply_id_style(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->log_id_asa = m->no || match_arg(m, 0)->choice == 0;
}

static void write_id_style(struct running *r, const struct grammar_row *row)
{
	if (!r->cfg->log_id_asa)
		EMIT(r, row, "native");
}

const struct grammar_row rows_system[] = {
	{ MODE_GLOBAL, "hostname NAME", "Name of this node", apply_hostname, write_hostname,
	  ROW_NODE_LOCAL, 0 },
	{ MODE_GLOBAL, "names", "Names stand for addresses", apply_nothing, write_names, 0, 0 },
	{ MODE_GLOBAL, "name ADDRESS NAME [description LINE]", "A name for an address",
	  apply_nothing, write_name, 0, 0 },
	{ MODE_GLOBAL, "crypto weak-algorithms {allow}", "Let weak algorithms be used", apply_weak,
	  write_weak, 0, 0 },
	{ MODE_GLOBAL, "crypto engine workers <1-64>",
	  "Datapath threads; as many as cores by default", apply_workers, write_workers, 0, 0 },
	{ MODE_GLOBAL, "logging enable", "Write the log", apply_logging, write_logging, 0, 0 },
	{ MODE_GLOBAL, "logging id-style {asa|native}", "How a log line is numbered",
	  apply_id_style, write_id_style, 0, 0 },
	{ 0 },
};
