/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the commands show: a pair of documentation addresses, every field different. */
#ifndef HF_NODE_CLI_TESTS_SHOWN_PAIR_H
#define HF_NODE_CLI_TESTS_SHOWN_PAIR_H

#include "node/cli/commands.h"

#define PAIR_ASKED_MAX 128u

extern const struct admin_ops pair_ops;
/* Nothing to show, nothing to do: set by a test. */
extern bool pair_is_bare;
/* What another member was asked last. */
extern char pair_asked[PAIR_ASKED_MAX];

enum result pair_failover(void *ctx, uint8_t group, struct view_failover *v);
/* address: NULL for none. */
void pair_add_interface(struct view_host *h, const char *nameif, const char *address,
			enum cl_link_state state);

#endif
