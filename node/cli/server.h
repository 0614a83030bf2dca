/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin socket: a libqb IPC service named "holdfast" on the caller's loop.
 * Root and members of the group "holdfast" are let in. Control thread only.
 */
#ifndef HF_NODE_CLI_SERVER_H
#define HF_NODE_CLI_SERVER_H

#include <qb/qbloop.h>

#include "node/cli/commands.h"

struct admin_server;

/*
 * service: "holdfast" (a lab with several daemons gives each its own name).
 * ops, its ctx and the loop must outlive the server. R_SYSTEM when the service
 * cannot be published, R_NO_MEMORY.
 */
enum result admin_server_new(qb_loop_t *loop, const char *service, const struct admin_ops *ops,
			     struct admin_server **out) WARN_UNUSED;
/*
 * The answer to a command that was to come later (ADMIN_LATER), for the client
 * that holds the ticket, if it is still there. error: NULL, or why there is
 * none. Not from within admin_ops.
 */
void admin_server_answer(struct admin_server *s, uint64_t ticket, enum admin_exit exit,
			 struct bytes answer, const char *error);
/* Disconnects every client. */
void admin_server_free(struct admin_server *s);

#endif
