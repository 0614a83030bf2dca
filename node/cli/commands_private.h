/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of commands share; the table is in commands.c. */
#ifndef HF_NODE_CLI_COMMANDS_PRIVATE_H
#define HF_NODE_CLI_COMMANDS_PRIVATE_H

#include "node/cli/commands.h"
#include "node/config/grammar.h"

/* One command being run. */
struct call {
	const struct admin_ops *ops;
	const struct admin_caller *caller;
	bool json;
	struct text *out;
	enum admin_exit exit;
};

void call_fail(struct call *c, enum admin_exit exit, const char *why);
/* The address in a slot; NULL when it was left out. */
const struct inet_addr *call_peer(const struct match *m, unsigned int slot);
/* The failover group that is named, 0 for none; false when there is none such, and it was said. */
bool call_group(struct call *c, const struct match *m, uint8_t *group);

/* commands_show.c; ctx is the struct call */
void run_show_ike(void *ctx, const struct match *m);
void run_show_ipsec(void *ctx, const struct match *m);
void run_show_map(void *ctx, const struct match *m);
void run_show_failover(void *ctx, const struct match *m);
void run_show_failover_group(void *ctx, const struct match *m);
void run_show_monitor(void *ctx, const struct match *m);
void run_show_failover_state(void *ctx, const struct match *m);
void run_show_failover_history(void *ctx, const struct match *m);
void run_show_failover_statistics(void *ctx, const struct match *m);
void run_show_version(void *ctx, const struct match *m);
void run_show_counters(void *ctx, const struct match *m);
void run_show_running(void *ctx, const struct match *m);
void run_show_admission(void *ctx, const struct match *m);
void run_show_ikev2_stats(void *ctx, const struct match *m);

#endif
