/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "failover exec": one member runs a command line for another.
 *
 *	asking member                      member in to_slot
 *	ExecRequest{id, line} -----------> EXEC
 *	                                   (CL_IN_EXEC_ANSWER)
 *	EXEC_DONE, or what is missing <--- ExecReply{id, first, total, text} ...
 *
 * The next piece of an answer leaves when the last one has come back to its
 * sender in agreed order, so that a long one never stands before records and
 * acknowledgements. An answer counts only from the very process that was
 * asked; too late, it is for nobody.
 *
 * Privilege: the admin socket admits only who may do everything, so there is
 * one level so far. A node refuses one that it does not know.
 */
#include <stdlib.h>

#include "cluster/cluster_private.h"

#define PRIVILEGE_ALL 15u /* the ASA's highest */

static bool same_member(const struct cl_member *a, const struct cl_member *b)
{
	return a->node_id == b->node_id && a->pid == b->pid;
}

/* ---- the member that asks ---- */

static struct cl_effect *done(struct cl_node *n, uint64_t token, uint8_t slot)
{
	struct cl_effect *fx = fx_push(n, CL_FX_EXEC_DONE, NULL);

	fx->token = token;
	fx->slot = slot;
	return fx;
}

static void failed(struct cl_node *n, uint64_t token, uint8_t slot, enum result reason,
		   const char *why)
{
	struct cl_effect *fx = done(n, token, slot);

	fx->reason = reason;
	fx->why = why;
}

static void call_end(struct exec_call *c)
{
	ss_buf_wipe(&c->text);
	*c = (struct exec_call){ 0 };
}

static void call_fail(struct cl_node *n, struct exec_call *c, enum result reason, const char *why)
{
	failed(n, c->token, c->slot, reason, why);
	call_end(c);
}

static struct exec_call *call_find(struct cl_node *n, uint64_t id)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++)
		if (n->exec.calls[i].used && n->exec.calls[i].id == id)
			return &n->exec.calls[i];
	return NULL;
}

static struct exec_call *call_new(struct cl_node *n)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++)
		if (!n->exec.calls[i].used)
			return &n->exec.calls[i];
	return NULL;
}

static void request_send(struct cl_node *n, const struct exec_call *c, const struct cl_input *in)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ExecRequest r = HOLDFAST__EXEC_REQUEST__INIT;

	r.id = c->id;
	r.to_slot = c->slot;
	r.line = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)in->data.p,
					.len = in->data.len };
	r.json = in->json;
	r.privilege = PRIVILEGE_ALL;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_EXEC_REQUEST;
	m.exec_request = &r;
	message_send(n, 0, 0, &m);
}

void exec_ask(struct cl_node *n, const struct cl_input *in)
{
	const struct member *to = member_by_slot(n, in->slot);
	struct exec_call *c = call_new(n);

	if (!to || to->id.node_id == n->cfg.node_id) {
		failed(n, in->token, in->slot, R_NOT_FOUND, "is not in the cluster");
	} else if (in->data.len > CL_EXEC_LINE_MAX) {
		failed(n, in->token, in->slot, R_TOO_LONG, "is not asked: the command is too long");
	} else if (!c) {
		failed(n, in->token, in->slot, R_LIMIT,
		       "is not asked: too many commands wait for their answer already");
	} else {
		/* Unlike those of this node's last process, whose answers may still come. */
		*c = (struct exec_call){ .used = true,
					 .id = n->incarnation + n->exec.next_id++,
					 .token = in->token,
					 .to = to->id,
					 .slot = in->slot,
					 .until_ns = n->now_ns + CL_EXEC_LIMIT_MS * MS };
		request_send(n, c, in);
	}
}

/* Pieces come in order and never exceed what the first one announced. */
static bool piece_fits(const struct exec_call *c, const Holdfast__ExecReply *r)
{
	if (r->first != c->text.len || r->total > CL_EXEC_TEXT_MAX ||
	    (r->first && r->total != c->total) || r->text.len > r->total - r->first)
		return false;
	return r->text.len > 0 || r->total == 0;
}

static bool piece_take(struct exec_call *c, const Holdfast__ExecReply *r)
{
	uint8_t *p = realloc(c->text.p, c->text.len + r->text.len + 1);

	if (!p)
		return false;
	if (r->text.len)
		memcpy(p + c->text.len, r->text.data, r->text.len);
	c->text.p = p;
	c->text.len += r->text.len;
	c->total = r->total;
	return true;
}

static void call_reply(struct cl_node *n, struct exec_call *c, const Holdfast__ExecReply *r)
{
	if (r->refused) {
		enum result reason = r->refused < R_COUNT_ ? (enum result)r->refused : R_VALUE;
		call_fail(n, c, reason,
			  reason == R_LIMIT ? "is busy with other commands"
					    : "refused the command");
	} else if (!piece_fits(c, r)) {
		call_fail(n, c, R_VALUE, "gave an answer that cannot be read");
	} else if (!piece_take(c, r)) {
		call_fail(n, c, R_NO_MEMORY, "gave an answer that does not fit into memory");
	} else if (c->text.len == c->total) {
		struct cl_effect *fx = done(n, c->token, c->slot);
		fx->ok = true;
		fx->exit = r->exit;
		fx->data = c->text;
		c->text = (struct buf){ 0 };
		call_end(c);
	}
}

/* ---- the member that answers ---- */

static void answer_end(struct exec_answer *a)
{
	ss_buf_wipe(&a->text);
	*a = (struct exec_answer){ 0 };
}

static void reply_send(struct cl_node *n, Holdfast__ExecReply *r)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;

	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_EXEC_REPLY;
	m.exec_reply = r;
	message_send(n, 0, 0, &m);
}

static void refuse(struct cl_node *n, const struct member *to, uint64_t id, enum result reason)
{
	Holdfast__ExecReply r = HOLDFAST__EXEC_REPLY__INIT;

	r.id = id;
	r.to_slot = to->slot;
	r.refused = reason;
	reply_send(n, &r);
}

static void answer_next(struct cl_node *n, struct exec_answer *a)
{
	Holdfast__ExecReply r = HOLDFAST__EXEC_REPLY__INIT;
	size_t left = a->text.len - a->sent;

	r.id = a->id;
	r.to_slot = a->slot;
	r.first = (uint32_t)a->sent;
	r.total = (uint32_t)a->text.len;
	r.exit = a->exit;
	r.text.len = left < EXEC_PIECE_BYTES ? left : EXEC_PIECE_BYTES;
	r.text.data = a->text.p + a->sent;
	reply_send(n, &r);
	a->sent += r.text.len;
	if (a->sent == a->text.len)
		answer_end(a);
}

static enum result request_check(const Holdfast__ExecRequest *r)
{
	if (r->privilege != PRIVILEGE_ALL)
		return R_UNSUPPORTED;
	if (r->line.len > CL_EXEC_LINE_MAX)
		return R_TOO_LONG;
	return r->line.len == 0 || memchr(r->line.data, '\0', r->line.len) ? R_VALUE : R_OK;
}

static struct exec_answer *answer_new(struct cl_node *n)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++)
		if (!n->exec.answers[i].used)
			return &n->exec.answers[i];
	return NULL;
}

void exec_request(struct cl_node *n, const struct member *from, const Holdfast__ExecRequest *r)
{
	struct exec_answer *a = answer_new(n);
	enum result res = request_check(r);

	if (r->to_slot != n->cfg.slot || from->id.node_id == n->cfg.node_id)
		return;
	if (res == R_OK && !a)
		res = R_LIMIT;
	if (res != R_OK) {
		refuse(n, from, r->id, res);
		return;
	}
	*a = (struct exec_answer){ .used = true,
				   .id = r->id,
				   .token = ++n->exec.next_token,
				   .to = from->id,
				   .slot = from->slot,
				   .until_ns = n->now_ns + CL_EXEC_LIMIT_MS * MS };
	struct cl_effect *fx = fx_push(n, CL_FX_EXEC, NULL);
	fx->token = a->token;
	fx->slot = a->slot;
	fx->json = r->json;
	if (!buf_set(&fx->data, bytes(r->line.data, r->line.len)))
		answer_end(a); /* the other side's time limit tells */
}

void exec_answered(struct cl_node *n, const struct cl_input *in)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++) {
		struct exec_answer *a = &n->exec.answers[i];
		if (!a->used || a->ready || a->token != in->token)
			continue;
		a->ready = true;
		a->exit = in->exit;
		if (in->data.len > CL_EXEC_TEXT_MAX || !buf_set(&a->text, in->data))
			answer_end(a);
		else
			answer_next(n, a);
	}
}

/* A piece of ours came back: nothing of ours is on its way any more. */
static void piece_delivered(struct cl_node *n, uint64_t id)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++) {
		struct exec_answer *a = &n->exec.answers[i];
		if (a->used && a->ready && a->id == id) {
			answer_next(n, a);
			return;
		}
	}
}

/* ---- both ---- */

void exec_reply(struct cl_node *n, const struct member *from, const Holdfast__ExecReply *r)
{
	struct exec_call *c = r->to_slot == n->cfg.slot ? call_find(n, r->id) : NULL;

	if (from->id.node_id == n->cfg.node_id)
		piece_delivered(n, r->id);
	else if (c && same_member(&c->to, &from->id))
		call_reply(n, c, r);
	else if (r->to_slot == n->cfg.slot)
		n->stats.refused_sender++;
}

void exec_view_changed(struct cl_node *n)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++) {
		struct exec_call *c = &n->exec.calls[i];
		struct exec_answer *a = &n->exec.answers[i];
		if (c->used && !member_find(n, &c->to))
			call_fail(n, c, R_NOT_FOUND, "left the cluster before it answered");
		if (a->used && !member_find(n, &a->to))
			answer_end(a);
	}
}

void exec_timers(struct cl_node *n)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++) {
		struct exec_call *c = &n->exec.calls[i];
		struct exec_answer *a = &n->exec.answers[i];
		if (c->used && c->until_ns <= n->now_ns)
			call_fail(n, c, R_AGAIN, "did not answer in time");
		if (a->used && a->until_ns <= n->now_ns)
			answer_end(a);
	}
}

uint64_t exec_deadline(const struct cl_node *n)
{
	uint64_t at = NEVER;

	for (size_t i = 0; i < EXEC_AT_ONCE; i++) {
		const struct exec_call *c = &n->exec.calls[i];
		const struct exec_answer *a = &n->exec.answers[i];
		if (c->used && c->until_ns < at)
			at = c->until_ns;
		if (a->used && a->until_ns < at)
			at = a->until_ns;
	}
	return at;
}

void exec_free(struct cl_node *n)
{
	for (size_t i = 0; i < EXEC_AT_ONCE; i++) {
		call_end(&n->exec.calls[i]);
		answer_end(&n->exec.answers[i]);
	}
}
