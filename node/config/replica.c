/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/replica.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_SHOWN_MAX 120

void replica_digest(const struct config *cfg, uint8_t out[32])
{
	for (unsigned int i = 0; i < 32; i++) {
		const char digits[3] = { cfg->digest[2 * i], cfg->digest[2 * i + 1] };
		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
}

static bool same_text(const struct text *a, const struct text *b)
{
	return !a->failed && !b->failed && bytes_equal(bytes(a->p, a->len), bytes(b->p, b->len));
}

bool replica_shares_all(const struct config *a, const struct config *b)
{
	struct text x = { 0 }, y = { 0 };

	config_running_shared(a, &x);
	config_running_shared(b, &y);
	bool same = same_text(&x, &y);
	text_free(&x);
	text_free(&y);
	return same;
}

/* A line of its own replaced one of ours. */
static bool keeps_own(const struct config *fresh, const struct config *ours)
{
	struct text x = { 0 }, y = { 0 };

	config_running_unit(fresh, &x);
	config_running_unit(ours, &y);
	bool same = same_text(&x, &y);
	text_free(&x);
	text_free(&y);
	return same;
}

static size_t line_len(const char *p)
{
	return strcspn(p, "\n");
}

static const char *line_next(const char *p)
{
	p += line_len(p);
	return *p ? p + 1 : p;
}

static bool has_line(const char *text, const char *line)
{
	for (; *text; text = line_next(text))
		if (bytes_equal(bytes(text, line_len(text)), bytes(line, line_len(line))))
			return true;
	return false;
}

static const char *quote(const char *line, char out[LINE_SHOWN_MAX])
{
	const size_t len = line_len(line);

	snprintf(out, LINE_SHOWN_MAX, "'%.*s'",
		 (int)(len < LINE_SHOWN_MAX - 3 ? len : LINE_SHOWN_MAX - 3), line);
	return out;
}

void replica_difference(const struct config *theirs, const struct config *ours,
			char out[REPLICA_WHY_MAX])
{
	struct text x = { 0 }, y = { 0 };
	char found[LINE_SHOWN_MAX], expected[LINE_SHOWN_MAX];

	config_running(theirs, true, &x);
	config_running(ours, true, &y);
	const char *p = text_string(&x), *q = text_string(&y);
	while (*p && *q && bytes_equal(bytes(p, line_len(p)), bytes(q, line_len(q)))) {
		p = line_next(p);
		q = line_next(q);
	}
	const bool more = *p && !has_line(text_string(&y), p),
		   less = *q && !has_line(text_string(&x), q);
	if (more && less)
		snprintf(out, REPLICA_WHY_MAX, "found %s, expected %s", quote(p, found),
			 quote(q, expected));
	else if (more)
		snprintf(out, REPLICA_WHY_MAX, "found %s, expected no such line", quote(p, found));
	else if (less)
		snprintf(out, REPLICA_WHY_MAX, "found no line %s", quote(q, expected));
	else
		snprintf(out, REPLICA_WHY_MAX,
			 "found another key, or other lines in another order");
	text_free(&x);
	text_free(&y);
}

static void say_error(const struct diagnostics *d, char why[REPLICA_WHY_MAX])
{
	char line[DIAGNOSTIC_LINE_MAX];

	for (size_t i = 0; i < d->n; i++)
		if (d->list[i].severity == SEVERITY_ERROR) {
			snprintf(why, REPLICA_WHY_MAX, "%.*s", REPLICA_WHY_MAX - 1,
				 diagnostics_line(d, i, line));
			return;
		}
}

static enum result check(const struct config *fresh, const struct config *ours,
			 const uint8_t digest[32], char why[REPLICA_WHY_MAX])
{
	uint8_t got[32];

	if (!keeps_own(fresh, ours)) {
		snprintf(
			why, REPLICA_WHY_MAX,
			"it holds a line of one unit alone: expected no hostname, failover lan unit, failover slot, failover key and failover snapshot-channel key-file");
		return R_CONFIG;
	}
	replica_digest(fresh, got);
	if (memcmp(got, digest, sizeof(got)) != 0) {
		snprintf(
			why, REPLICA_WHY_MAX,
			"it is read as another one here (Cryptochecksum %.8s): expected that of the active unit (%02x%02x%02x%02x); are both of one version?",
			fresh->digest, digest[0], digest[1], digest[2], digest[3]);
		return R_CONFIG;
	}
	return R_OK;
}

enum result replica_make(struct bytes shared, const struct config *ours, const uint8_t digest[32],
			 struct config **out, char why[REPLICA_WHY_MAX])
{
	struct diagnostics diag;
	struct text text = { 0 };
	enum result res = R_NO_MEMORY;

	*out = NULL;
	why[0] = '\0';
	/* Theirs first: the lines of a message are theirs, and ours are the last word. */
	text_append(&text, shared);
	text_printf(&text, "exit\n");
	config_running_unit(ours, &text);
	if (!text.failed)
		res = config_parse(bytes(text.p, text.len), "the active unit's configuration", out,
				   &diag);
	text_free(&text);
	if (res == R_CONFIG)
		say_error(&diag, why);
	if (res == R_OK)
		res = check(*out, ours, digest, why);
	if (res != R_OK) {
		config_free(*out);
		*out = NULL;
	}
	if (!*why)
		snprintf(why, REPLICA_WHY_MAX, "%s", result_text(res));
	return res;
}
