/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of commands share: a command of the pair that is shown, golden files, the schema. */
#ifndef HF_NODE_CLI_TESTS_SHOWN_H
#define HF_NODE_CLI_TESTS_SHOWN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/commands.h"
#include "node/cli/tests/json_schema.h"
#include "node/cli/tests/shown_pair.h"

#define GOLDEN "node/cli/tests/golden/"
#define SCHEMA "etc/show-json.schema.json"

static inline struct text run(const char *line, bool json, enum admin_exit wanted)
{
	const struct admin_caller caller = { .json = json, .ticket = 5 };
	struct text out = { 0 };
	assert_int_equal(admin_run(&pair_ops, line, &caller, &out), wanted);
	return out;
}

static inline void assert_golden(const char *name, const struct text *got)
{
	char path[128], piece[4096];
	struct text wanted = { 0 };
	size_t n;
	snprintf(path, sizeof(path), GOLDEN "%s", name);
	FILE *f = fopen(path, getenv("HF_WRITE_GOLDEN") ? "w+" : "r");
	assert_non_null(f);
	if (getenv("HF_WRITE_GOLDEN")) {
		fwrite(got->p, 1, got->len, f);
		rewind(f);
	}
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		text_append(&wanted, bytes(piece, n));
	fclose(f);
	assert_string_equal(text_string(got), text_string(&wanted));
	text_free(&wanted);
}

static inline json_t *load_schema(void)
{
	json_error_t error;
	json_t *schema = json_load_file(SCHEMA, 0, &error);
	assert_non_null(schema);
	return schema;
}

#endif
