/* SPDX-License-Identifier: Apache-2.0 */
/* "failover exec" (exec.c). Private to cluster/. */
#ifndef HF_CLUSTER_EXEC_H
#define HF_CLUSTER_EXEC_H

#include "cluster/cluster.h"
#include "statesync/records.pb-c.h"

#define EXEC_AT_ONCE     4u
#define EXEC_PIECE_BYTES 16000u

/* A command that this node asked another one to run. */
struct exec_call {
	bool used;
	uint64_t id, token;
	struct cl_member to;
	uint8_t slot;
	uint64_t until_ns;
	uint32_t total;
	struct buf text; /* what of it has come */
};

/* One that this node runs for another. */
struct exec_answer {
	bool used, ready;
	uint64_t id, token;
	struct cl_member to;
	uint8_t slot;
	uint64_t until_ns;
	uint32_t exit;
	struct buf text;
	size_t sent;
};

struct exec {
	uint64_t next_id, next_token;
	struct exec_call calls[EXEC_AT_ONCE];
	struct exec_answer answers[EXEC_AT_ONCE];
};

struct cl_node;
struct member;

/* CL_IN_EXEC: ask the member in slot. */
void exec_ask(struct cl_node *n, const struct cl_input *in);
/* CL_IN_EXEC_ANSWER: what CL_FX_EXEC ran has ended. */
void exec_answered(struct cl_node *n, const struct cl_input *in);
/* Another member asks, or answers piece by piece. */
void exec_request(struct cl_node *n, const struct member *from, const Holdfast__ExecRequest *r);
void exec_reply(struct cl_node *n, const struct member *from, const Holdfast__ExecReply *r);
/* Members left: nobody waits for them any more. */
void exec_view_changed(struct cl_node *n);
/* Who has not answered within CL_EXEC_LIMIT_MS is waited for no longer. */
void exec_timers(struct cl_node *n);
uint64_t exec_deadline(const struct cl_node *n);
void exec_free(struct cl_node *n);

#endif
