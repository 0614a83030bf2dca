/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a configuration back, and its digest. */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>

#include "node/config/build.h"
#include "node/config/import.h"

const char *number_text(uint64_t v, char out[NUMBER_TEXT_MAX])
{
	snprintf(out, NUMBER_TEXT_MAX, "%llu", (unsigned long long)v);
	return out;
}

const char *mask_text(const struct inet_prefix *p, char out[INET_TEXT_MAX])
{
	struct inet_addr mask = inet_v4(p->len == 0 ? 0 : UINT32_MAX << (32 - p->len));
	return inet_text(&mask, out);
}

void running_emit(struct running *r, const struct grammar_row *row, const char *const *values)
{
	if (row->mode != MODE_GLOBAL)
		text_append(r->out, bytes(" ", 1));
	grammar_write(row, values, r->out);
	text_append(r->out, bytes("\n", 1));
}

void running_emit_secret(struct running *r, const struct grammar_row *row, const char *before,
			 const struct secret *key, bool hex)
{
	char text[2 * SECRET_MAX + 1] = "*****";
	if (!r->mask && hex)
		for (size_t i = 0; i < key->len; i++)
			snprintf(text + 2 * i, 3, "%02x", key->data[i]);
	else if (!r->mask)
		snprintf(text, sizeof(text), "%.*s", (int)key->len, (const char *)key->data);
	if (before)
		EMIT(r, row, before, text);
	else
		EMIT(r, row, text);
	wipe(text, sizeof(text));
}

static void write_tables(struct running *r)
{
	for (const struct grammar_table *t = config_tables; t->rows; t++)
		for (size_t i = 0; (r->item = t->item(r->cfg, i)); i++)
			for (const struct grammar_row *row = t->rows; row->syntax; row++)
				if (row->write && !(row->flags & r->without) &&
				    (!r->only || (row->flags & r->only)))
					row->write(r, row);
}

/*
 * Lines of a known part go below its header again. "exit" leads out of the part
 * before, so that everything is read back as what it was.
 */
static void write_kept(struct running *r)
{
	const char *header = "";
	for (size_t i = 0; i < r->cfg->n_kept; i++) {
		const struct config_kept *kept = &r->cfg->kept[i];
		if (kept->header != header)
			text_printf(r->out, "exit\n%s%s", kept->header ? kept->header : "",
				    kept->header ? "\n" : "");
		header = kept->header;
		if (header && kept->text[0] != ' ' && kept->text[0] != '\t')
			text_append(r->out, bytes(" ", 1));
		if (r->mask)
			import_mask(kept->text, r->out);
		else
			text_append(r->out, bytes(kept->text, strlen(kept->text)));
		text_append(r->out, bytes("\n", 1));
	}
}

void config_running(const struct config *cfg, bool mask_secrets, struct text *out)
{
	struct running r = { .out = out, .cfg = cfg, .mask = mask_secrets };
	write_tables(&r);
	write_kept(&r);
	text_printf(out, ": end\n");
}

#define ROWS_OF_UNIT ((unsigned int)(ROW_NODE_LOCAL | ROW_OWN))

void config_running_shared(const struct config *cfg, struct text *out)
{
	struct running r = { .out = out, .cfg = cfg, .without = ROWS_OF_UNIT };
	write_tables(&r);
	write_kept(&r);
}

void config_running_unit(const struct config *cfg, struct text *out)
{
	struct running r = { .out = out, .cfg = cfg, .only = ROWS_OF_UNIT };
	write_tables(&r);
}

enum result config_seal_digest(struct config *cfg)
{
	struct text canonical = { 0 };
	/* Nothing that is kept: it means nothing here. */
	struct running r = { .out = &canonical, .cfg = cfg, .without = ROW_NODE_LOCAL };
	struct bytes key = secret_bytes(&cfg->failover.key);
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	enum result res = R_OK;
	write_tables(&r);
	if (canonical.failed)
		res = R_NO_MEMORY;
	else if (!HMAC(EVP_sha256(), key.len ? key.p : (const void *)"", (int)key.len,
		       (const uint8_t *)text_string(&canonical), canonical.len, mac, &len))
		res = R_CRYPTO;
	for (unsigned int i = 0; res == R_OK && i < len; i++)
		snprintf(cfg->digest + 2 * i, 3, "%02x", mac[i]);
	text_free(&canonical);
	return res;
}
