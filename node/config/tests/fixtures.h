/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of node/config/ share: text to a configuration without errors, and back. */
#ifndef HF_NODE_CONFIG_TESTS_FIXTURES_H
#define HF_NODE_CONFIG_TESTS_FIXTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "node/config/model.h"

/* A public key of a member. */
#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static inline struct config *parse(const char *text)
{
	struct diagnostics diag;
	struct config *cfg;
	char line[DIAGNOSTIC_LINE_MAX];
	enum result res = config_parse(bytes(text, strlen(text)), "c", &cfg, &diag);
	for (size_t i = 0; res != R_OK && i < diag.n; i++)
		print_message("%s\n", diagnostics_line(&diag, i, line));
	assert_int_equal(res, R_OK);
	return cfg;
}

static inline struct text running(const struct config *cfg, bool mask)
{
	struct text t = { 0 };
	config_running(cfg, mask, &t);
	assert_false(t.failed);
	return t;
}

static inline void assert_address(const struct inet_addr *a, const char *wanted)
{
	char text[INET_TEXT_MAX];
	assert_string_equal(inet_text(a, text), wanted);
}

#endif
