/* SPDX-License-Identifier: Apache-2.0 */
/* crypto ipsec: proposals, and the defaults of every crypto map entry. */
#include "node/config/algorithms.h"

static struct config_proposal *current(struct build *b)
{
	return &b->cfg->proposals[b->item];
}

static void apply_proposal(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	const char *name = match_text(m, 0);
	for (b->item = 0; b->item < cfg->n_proposals; b->item++)
		if (strcmp(cfg->proposals[b->item].name, name) == 0)
			break;
	if (m->no) {
		if (b->item < cfg->n_proposals)
			BUILD_REMOVE(cfg->proposals, cfg->n_proposals, b->item);
		return;
	}
	if (b->item < cfg->n_proposals)
		return;
	struct config_proposal *p = BUILD_GROW(b, cfg->proposals, cfg->n_proposals);
	if (p)
		*p = (struct config_proposal){ .name = build_string(b, name),
					       .where = build_where(b, m) };
}

static void write_proposal(struct running *r, const struct grammar_row *row)
{
	EMIT(r, row, ((const struct config_proposal *)r->item)->name);
}

static void apply_encryption(void *ctx, const struct match *m)
{
	encr_list_apply(ctx, m, current(ctx)->encr, &current(ctx)->n_encr);
}

static void write_encryption(struct running *r, const struct grammar_row *row)
{
	const struct config_proposal *p = r->item;
	char list[ALGORITHM_LIST_TEXT_MAX];
	if (p->n_encr)
		EMIT(r, row, encr_list_text(p->encr, p->n_encr, list));
}

static void apply_integrity(void *ctx, const struct match *m)
{
	id_list_apply(ctx, m, words_esp_integrity, current(ctx)->integ, &current(ctx)->n_integ);
}

static void write_integrity(struct running *r, const struct grammar_row *row)
{
	const struct config_proposal *p = r->item;
	char list[ALGORITHM_LIST_TEXT_MAX];
	if (p->n_integ)
		EMIT(r, row, id_list_text(words_esp_integrity, p->integ, p->n_integ, list));
}

const struct grammar_row rows_proposal[] = {
	{ MODE_GLOBAL, "crypto ipsec ikev2 ipsec-proposal NAME", "Algorithms of CHILD SAs",
	  apply_proposal, write_proposal, 0, MODE_PROPOSAL },
	{ MODE_PROPOSAL, "protocol esp encryption " WORDS_ENCRYPTION "+", "Ciphers",
	  apply_encryption, write_encryption, 0, 0 },
	{ MODE_PROPOSAL, "protocol esp integrity " WORDS_ESP_INTEGRITY "+", "Integrity algorithms",
	  apply_integrity, write_integrity, 0, 0 },
	{ 0 },
};

static void apply_lifetime_seconds(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->lifetime_s = m->no ? CONFIG_LIFETIME_S : (uint32_t)match_arg(m, 0)->number;
	if (match_arg(m, 1))
		b->cfg->lifetime_kb = m->no ? CONFIG_LIFETIME_KB
					    : (uint32_t)match_arg(m, 1)->number;
}

static void write_lifetime_seconds(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->lifetime_s != CONFIG_LIFETIME_S)
		EMIT(r, row, number_text(r->cfg->lifetime_s, n), NULL);
}

static void apply_lifetime_kilobytes(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->lifetime_kb = m->no ? CONFIG_LIFETIME_KB : (uint32_t)match_arg(m, 0)->number;
	if (match_arg(m, 1))
		b->cfg->lifetime_s = m->no ? CONFIG_LIFETIME_S : (uint32_t)match_arg(m, 1)->number;
}

static void write_lifetime_kilobytes(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->lifetime_kb != CONFIG_LIFETIME_KB)
		EMIT(r, row,
		     r->cfg->lifetime_kb ? number_text(r->cfg->lifetime_kb, n) : "unlimited", NULL);
}

static void apply_replay_disable(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->replay_window = m->no ? CONFIG_REPLAY_WINDOW : 0;
}

static void write_replay_disable(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->replay_window == 0)
		EMIT(r, row, NULL);
}

static void apply_replay_window(void *ctx, const struct match *m)
{
	static const uint32_t sizes[] = { 64, 128, 256, 512, 1024 };
	struct build *b = ctx;
	b->cfg->replay_window = m->no ? CONFIG_REPLAY_WINDOW : sizes[match_arg(m, 0)->choice];
}

static void write_replay_window(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->replay_window && r->cfg->replay_window != CONFIG_REPLAY_WINDOW)
		EMIT(r, row, number_text(r->cfg->replay_window, n));
}

const struct grammar_row rows_ipsec[] = {
	{ MODE_GLOBAL,
	  "crypto ipsec security-association lifetime seconds <120-2147483647> [kilobytes KILOBYTES]",
	  "Seconds until a CHILD SA is rekeyed", apply_lifetime_seconds, write_lifetime_seconds, 0,
	  0 },
	{ MODE_GLOBAL,
	  "crypto ipsec security-association lifetime kilobytes KILOBYTES [seconds <120-2147483647>]",
	  "Kilobytes until a CHILD SA is rekeyed", apply_lifetime_kilobytes,
	  write_lifetime_kilobytes, 0, 0 },
	{ MODE_GLOBAL, "crypto ipsec security-association replay disable",
	  "Accept replayed packets", apply_replay_disable, write_replay_disable, 0, 0 },
	{ MODE_GLOBAL, "crypto ipsec security-association replay window-size {64|128|256|512|1024}",
	  "Packets that may be overtaken", apply_replay_window, write_replay_window, 0, 0 },
	{ 0 },
};
