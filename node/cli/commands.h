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

/* Exit codes of the holdfast binary. ADMIN_LATER is none: the answer comes later. */
enum admin_exit {
	ADMIN_OK = 0,
	ADMIN_ERROR = 1,
	ADMIN_USAGE = 2,
	ADMIN_NO_DAEMON = 3,
	ADMIN_LATER = 255
};

#define ADMIN_WHY_MAX 600

struct admin_caller;

/* Whom "failover exec" addresses. */
struct admin_target {
	enum { TARGET_MATE, TARGET_ACTIVE, TARGET_STANDBY, TARGET_MEMBER } kind;
	const char *name; /* MEMBER: hostname or slot */
};

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
	/* map: only the entries of this crypto map; NULL for all. */
	enum result (*crypto_maps)(void *ctx, const char *map, struct view_map_list *out);
	/* group 0: the first. R_NOT_FOUND. */
	enum result (*failover)(void *ctx, uint8_t group, struct view_failover *out);
	enum result (*version)(void *ctx, struct view_version *out);
	enum result (*counters)(void *ctx, struct view_counter_list *out);
	enum result (*admission)(void *ctx, struct view_admission *out);
	/* The configuration that is in force; valid until the handler returns. */
	const struct config *(*config)(void *ctx);
	/* Delete IKE SAs with DELETE to the peer; *cleared says how many. Only the owner can. */
	enum result (*clear_ike)(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
				 char why[ADMIN_WHY_MAX]);
	/* The same of CHILD SAs. */
	enum result (*clear_children)(void *ctx, const struct inet_addr *peer,
				      unsigned int *cleared, char why[ADMIN_WHY_MAX]);
	/* Set up the tunnels of a crypto map entry with its current peer. Only the owner can. */
	enum result (*initiate)(void *ctx, const char *map, uint32_t seq, char why[ADMIN_WHY_MAX]);
	/* active: become the owner of the group, or of every one with 0; otherwise hand over (R19).
	 * Returns when it has been asked for. */
	enum result (*failover_active)(void *ctx, bool active, uint8_t group,
				       char why[ADMIN_WHY_MAX]);
	/* Hand all groups over and own none until resumed, as out->drained says. R_AGAIN: the
	 * answer comes when it will outlive the process, for the caller's ticket; without one,
	 * only the log says that it did not. */
	enum result (*node_drain)(void *ctx, const struct admin_caller *caller,
				  struct view_drain *out, char why[ADMIN_WHY_MAX]);
	/* As failover. */
	enum result (*failover_history)(void *ctx, uint8_t group,
					struct view_failover_history *out);
	/* Corosync's node id: it is surely off. */
	enum result (*node_fenced)(void *ctx, uint32_t node_id, char why[ADMIN_WHY_MAX]);
	/* Hostname or Corosync's node id: it does not come back as it was, its share is free. */
	enum result (*node_forget)(void *ctx, const char *name, char why[ADMIN_WHY_MAX]);
	enum result (*failover_statistics)(void *ctx, struct view_failover_statistics *out);
	/* failover exec: who that is; slot 0 is this node itself. */
	enum result (*exec_target)(void *ctx, const struct admin_target *to, uint8_t *slot,
				   char why[ADMIN_WHY_MAX]);
	/* Let the member in slot run line. The answer, also that there is none, comes to
	 * whoever gave the ticket. */
	void (*exec_ask)(void *ctx, uint8_t slot, const char *line, bool json, uint64_t ticket);
	/*
	 * write standby, else write memory. R_AGAIN: the answer comes later, for the caller's
	 * ticket; without one, what other units make of it goes into the log only.
	 */
	enum result (*write)(void *ctx, bool standby, const struct admin_caller *caller,
			     struct view_write *out, char why[ADMIN_WHY_MAX]);
	/* file: NULL for the usual one. slot: 0 when not given. NULL in the daemon. */
	enum result (*keygen)(void *ctx, const char *file, uint8_t slot, struct view_keygen *out,
			      char why[ADMIN_WHY_MAX]);
};

/* Who runs a command. */
struct admin_caller {
	bool json;       /* the machine form of a show command */
	bool remote;     /* a member whose administrator said "failover exec": it cannot ask on */
	uint64_t ticket; /* of who waits for an answer that comes later; 0: nobody can */
};

/*
 * Run one command line. The answer, also the error message of a failed one, is
 * appended to out. ADMIN_LATER: it comes later, for the caller's ticket.
 */
enum admin_exit admin_run(const struct admin_ops *ops, const char *line,
			  const struct admin_caller *caller, struct text *out);
/* The error message of a command that failed. */
void admin_error(bool json, const char *why, struct text *out);
/* What may follow line: one "  word   help" each. For "?" at the prompt. Needs no daemon. */
void admin_help(const char *line, struct text *out);
/* As admin_help, but only the words, one per line: for completion. */
void admin_complete(const char *line, struct text *out);
/* "vpn1/pri/act# ", as an ASA's "prompt hostname priority state": nobody types on the wrong
 * node. */
void admin_prompt(const struct admin_ops *ops, struct text *out);

#endif
