/* SPDX-License-Identifier: Apache-2.0 */
/* The typed arguments of the grammar. Internal to grammar*.c. */
#ifndef HF_NODE_CONFIG_GRAMMAR_TYPES_H
#define HF_NODE_CONFIG_GRAMMAR_TYPES_H

#include "node/config/grammar.h"

struct arg_type {
	const char *name;   /* as in a syntax */
	const char *wanted; /* for messages and help */
	bool secret;        /* never echoed */
	/*
	 * Take tokens from *at on. false: *at is the token that does not fit and
	 * *wanted what would.
	 */
	bool (*take)(const struct grammar *g, const struct line *l, size_t *at, struct arg *out,
		     const char **wanted);
};

/* name is len bytes of a syntax; the types are fixed, so it exists. */
const struct arg_type *arg_type_find(const char *name, size_t len);

#endif
