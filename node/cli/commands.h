/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The administrator's commands: one table that says how each is written, what
 * it does and its line of help (the grammar is that of node/config). What a
 * command needs from the daemon comes through struct admin_ops.
 */
#ifndef HF_NODE_CLI_COMMANDS_H
#define HF_NODE_CLI_COMMANDS_H

#include "node/cli/views.h"
#include "node/config/model.h"

/* Exit codes of the holdfast binary. */
enum admin_exit { ADMIN_OK = 0, ADMIN_ERROR = 1, ADMIN_USAGE = 2, ADMIN_NO_DAEMON = 3 };

#define ADMIN_WHY_MAX 200

/*
 * Called on the control thread. Show functions fill a zeroed view, which the
 * caller frees. Actions return R_OK, or a reason and a sentence in why that
 * names what was refused and what to do about it (without a newline).
 */
struct admin_ops {
	void *ctx;
	/* peer: only SAs with this remote address; NULL for all. */
	enum result (*ike_sas)(void *ctx, const struct inet_addr *peer, struct view_ike_list *out);
	enum result (*child_sas)(void *ctx, const struct inet_addr *peer,
				 struct view_child_list *out);
	enum result (*failover)(void *ctx, struct view_failover *out);
	enum result (*version)(void *ctx, struct view_version *out);
	enum result (*counters)(void *ctx, struct view_counter_list *out);
	/* The configuration that is in force; valid until the handler returns. */
	const struct config *(*config)(void *ctx);
	/* Delete IKE SAs with DELETE to the peer; *cleared says how many. Only the owner can. */
	enum result (*clear_ike)(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
				 char why[ADMIN_WHY_MAX]);
	/* active: become the owner of every group; otherwise hand all over (R19). Returns when it
	 * has been asked for. */
	enum result (*failover_active)(void *ctx, bool active, char why[ADMIN_WHY_MAX]);
};

/*
 * Run one command line. json asks for the machine form of a show command. The
 * answer, also the error message of a failed one, is appended to out.
 */
enum admin_exit admin_run(const struct admin_ops *ops, const char *line, bool json,
			  struct text *out);
/* What may follow line: one "  word   help" each. For "?" at the prompt. Needs no daemon. */
void admin_help(const char *line, struct text *out);
/* As admin_help, but only the words, one per line: for completion. */
void admin_complete(const char *line, struct text *out);
/* "vpn1/pri/act# ", as an ASA's "prompt hostname priority state": nobody types on the wrong
 * node. */
void admin_prompt(const struct admin_ops *ops, struct text *out);

#endif
