/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between members: packed, sealed whole (R3), opened, and given to
 * the handler of their kind. Who may say what is a column of the table.
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"
#include "statesync/message.h"

const char *cl_message_name(unsigned int kind)
{
	const ProtobufCFieldDescriptor *f = protobuf_c_message_descriptor_get_field(
		&holdfast__cluster_message__descriptor, kind);

	return f && kind < CL_MESSAGE_KINDS ? f->name : NULL;
}

const char *cl_drop_name(enum cl_drop d)
{
	static const char *const names[CL_DROPS] = {
#define X(name, text) [CL_DROP_##name] = (text),
		CL_DROP_LIST(X)
#undef X
	};

	must(d < CL_DROPS);
	return names[d];
}

static unsigned int message_kind(const Holdfast__ClusterMessage *m)
{
	unsigned int kind = (unsigned int)m->body_case;

	return cl_message_name(kind) ? kind : 0;
}

static void received(struct cl_node *n, const Holdfast__ClusterMessage *m, struct bytes data)
{
	n->stats.messages_received[message_kind(m)]++;
	n->stats.bytes_received += data.len;
}

static bool seal(struct cl_node *n, enum ss_envelope_kind kind, uint32_t group, uint64_t term,
		 Holdfast__ClusterMessage *m, struct buf *out)
{
	struct buf plain = { 0 };

	must(ss_message_pack(&m->base, &plain) == R_OK);
	enum result res = ss_seal(n->sealer, kind, group, term, buf_bytes(&plain), out);
	ss_buf_wipe(&plain);
	if (res != R_OK) {
		fx_log(n, LOG_REPL_REFUSED, "message not sent: %s", result_text(res));
		return false;
	}
	n->stats.messages_sent[message_kind(m)]++;
	n->stats.bytes_sent += out->len;
	return true;
}

void message_send(struct cl_node *n, uint32_t group, uint64_t term, Holdfast__ClusterMessage *m)
{
	bool hello = m->body_case == HOLDFAST__CLUSTER_MESSAGE__BODY_HELLO;
	struct buf data = { 0 };

	if (n->view.joined && seal(n, hello ? SS_ENV_HELLO : SS_ENV_MESSAGE, group, term, m, &data))
		fx_push(n, CL_FX_MCAST, NULL)->data = data;
}

void message_send_group(struct cl_node *n, const struct group *g, Holdfast__ClusterMessage *m)
{
	message_send(n, g->id, g->term, m);
}

bool message_send_snapshot(struct cl_node *n, const struct group *g, enum cl_effect_kind kind,
			   const struct member *to, Holdfast__ClusterMessage *m)
{
	struct buf data = { 0 };

	if (!seal(n, SS_ENV_SNAPSHOT, g->id, g->term, m, &data))
		return false;
	struct cl_effect *fx = fx_push(n, kind, g);
	fx->slot = to->slot;
	fx->mate = to->relay;
	fx->data = data;
	return true;
}

void message_send_ack(struct cl_node *n, const struct group *g, Holdfast__ClusterMessage *m)
{
	const struct member *owner = owner_member(n, g);
	struct buf data = { 0 };

	if (!owner || owner->relay.addr.family == INET_NONE ||
	    !seal(n, SS_ENV_ACK, g->id, g->term, m, &data))
		return;
	struct cl_effect *fx = fx_push(n, CL_FX_ACK, g);
	fx->slot = owner->slot;
	fx->mate = owner->relay;
	fx->data = data;
}

/* ---- delivery ---- */

/*
 * FROM_OWNER: of the term that we follow, or discarded: late records of a superseded owner are
 * never acknowledged (R9).
 */
enum sender { FROM_ANY, FROM_OWNER, TO_OWNER };

/*
 * What a member that was elsewhere sent before it saw the view is delivered before its HELLO
 * there: it has no slot here yet, and what it holds is not compared. Only an owner is heard at
 * once, so that the lower of two stops (R23). Who says it in this view says it again.
 */
enum heard { BEFORE_HELLO, AFTER_HELLO };

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind

static void deliver_exec_request(struct cl_node *n, struct group *g, const struct delivery *d,
				 const Holdfast__ClusterMessage *m)
{
	(void)g;
	exec_request(n, d->member, m->exec_request);
}

static void deliver_exec_reply(struct cl_node *n, struct group *g, const struct delivery *d,
			       const Holdfast__ClusterMessage *m)
{
	(void)g;
	exec_reply(n, d->member, m->exec_reply);
}

static void deliver_config_offer(struct cl_node *n, struct group *g, const struct delivery *d,
				 const Holdfast__ClusterMessage *m)
{
	(void)g;
	config_sync_offered(n, d->member, m->config_offer);
}

static void deliver_admission(struct cl_node *n, struct group *g, const struct delivery *d,
			      const Holdfast__ClusterMessage *m)
{
	(void)g;
	admission_deliver(n, d->member, m->admission);
}

static void deliver_config_done(struct cl_node *n, struct group *g, const struct delivery *d,
				const Holdfast__ClusterMessage *m)
{
	(void)g;
	config_sync_done(n, d->member, m->config_done);
}

/* OF_NODE: of no group, its handler is given none. */
enum scope { OF_NODE, OF_GROUP };

static const struct message_row {
	Holdfast__ClusterMessage__BodyCase body;
	enum scope scope;
	enum heard heard;
	enum sender sender;
	void (*handle)(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m);
} table[] = {
	/* clang-format off */
	{ BODY(CLAIM),             OF_GROUP, AFTER_HELLO,  FROM_ANY,   claim_deliver },
	{ BODY(HEARTBEAT),         OF_GROUP, BEFORE_HELLO, FROM_ANY,   heartbeat_deliver },
	{ BODY(SYNCED),            OF_GROUP, AFTER_HELLO,  FROM_ANY,   protect_synced },
	{ BODY(MARKER),            OF_GROUP, AFTER_HELLO,  FROM_ANY,   join_marker },
	{ BODY(BATCH),             OF_GROUP, AFTER_HELLO,  FROM_OWNER, log_batch },
	{ BODY(PROTECTED_),        OF_GROUP, AFTER_HELLO,  FROM_OWNER, protect_protected },
	{ BODY(UNPROTECTED),       OF_GROUP, AFTER_HELLO,  FROM_OWNER, protect_unprotected },
	{ BODY(RELEASE),           OF_GROUP, AFTER_HELLO,  FROM_OWNER, handover_release },
	{ BODY(HANDOVER_PREPARE),  OF_GROUP, AFTER_HELLO,  FROM_OWNER, handover_prepare },
	{ BODY(HANDOVER_CANCEL),   OF_GROUP, AFTER_HELLO,  FROM_OWNER, handover_cancelled },
	{ BODY(PART_TAKEN),        OF_GROUP, AFTER_HELLO,  FROM_OWNER, part_taken },
	{ BODY(ACK),               OF_GROUP, AFTER_HELLO,  TO_OWNER,   protect_ack },
	{ BODY(HANDOVER_REQUEST),  OF_GROUP, AFTER_HELLO,  TO_OWNER,   handover_request },
	{ BODY(HANDOVER_READY),    OF_GROUP, AFTER_HELLO,  TO_OWNER,   handover_ready },
	{ BODY(EXEC_REQUEST),      OF_NODE,  AFTER_HELLO,  FROM_ANY,   deliver_exec_request },
	{ BODY(EXEC_REPLY),        OF_NODE,  AFTER_HELLO,  FROM_ANY,   deliver_exec_reply },
	{ BODY(CONFIG_OFFER),      OF_NODE,  AFTER_HELLO,  FROM_ANY,   deliver_config_offer },
	{ BODY(CONFIG_DONE),       OF_NODE,  AFTER_HELLO,  FROM_ANY,   deliver_config_done },
	{ BODY(ADMISSION),         OF_NODE,  AFTER_HELLO,  FROM_ANY,   deliver_admission },
	/* clang-format on */
};

static const struct message_row *row_of(const Holdfast__ClusterMessage *m)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].body == m->body_case)
			return &table[i];
	return NULL;
}

static bool sender_allowed(struct cl_node *n, const struct group *g, enum sender sender,
			   const struct delivery *d)
{
	switch (sender) {
	case FROM_ANY:
		return true;
	case FROM_OWNER:
		if (hf_rule_broken(HF_RULE_LATE) && d->term < g->term)
			return true;
		return d->term == g->term && d->member == owner_member(n, g);
	case TO_OWNER:
		return is_owner(g) && d->term == g->term;
	}
	return false;
}

static void refused_sender(struct cl_node *n, struct group *g)
{
	g->refused++;
	n->stats.refused_sender++;
}

static void dispatch(struct cl_node *n, struct group *g, const struct delivery *d,
		     const Holdfast__ClusterMessage *m)
{
	const struct message_row *row = row_of(m);
	bool hello = d->member->hello;

	if (g && hello && d->term == g->term && d->member->id.node_id != n->cfg.node_id &&
	    m->body_case != BODY(CLAIM))
		claim_followed(n, g, d->member);
	if (!row || (row->scope == OF_GROUP && !g)) {
		n->stats.dropped[row ? CL_DROP_NO_GROUP : CL_DROP_UNKNOWN_KIND]++;
		return;
	}
	if (row->heard == AFTER_HELLO && !hello) {
		n->stats.dropped[CL_DROP_BEFORE_HELLO]++;
		return;
	}
	if (m->body_case == BODY(ACK) && d->member->id.node_id == n->cfg.node_id)
		join_own_ack(n, g);
	if (row->scope == OF_NODE || sender_allowed(n, g, row->sender, d))
		row->handle(n, g, d, m);
	else if (row->sender == FROM_OWNER && !part_own_log(n, g, d, m))
		refused_sender(n, g);
	else if (row->sender == TO_OWNER && is_owner(g))
		n->stats.dropped[CL_DROP_OTHER_TERM]++;
}

/* What we cannot read may have been part of the log. A repetition (R_STALE) was read before. */
static void refused(struct cl_node *n, struct member *m, enum result res)
{
	n->messages_refused++;
	n->stats.refused[res]++;
	fx_log(n, LOG_REPL_REFUSED, "from node %u: %s", m->id.node_id, result_text(res));
	if (res == R_STALE)
		return;
	/* Another key: it will never say HELLO, and nobody waits for it. */
	if (!m->hello)
		m->refused = true;
	for (size_t i = 0; i < n->n_groups; i++) {
		struct group *g = &n->groups[i];
		if (g->synced && !is_owner(g) && m == owner_member(n, g))
			ownership_lose_state(n, g, "a message of the owner was refused");
	}
}

/* twin: of another process in our slot (R14). */
static void opened(struct cl_node *n, struct member *m, const struct ss_opened *o, bool twin,
		   const Holdfast__ClusterMessage *body)
{
	bool hello = body->body_case == BODY(HELLO);
	bool own = m->id.node_id == n->cfg.node_id && !twin;

	if (own)
		admission_own_delivered(n, o->sequence);
	for (size_t i = 0; own && i < n->n_groups; i++)
		claim_own_delivered(n, &n->groups[i], o->sequence);
	if (hello != (o->kind == SS_ENV_HELLO)) {
		refused(n, m, R_UNEXPECTED);
	} else if (o->term > CL_TERM_MAX) {
		refused(n, m, R_VALUE);
	} else if (twin) {
		membership_twin(n, m, body->hello);
	} else if (hello) {
		membership_hello(n, &m->id, o->slot, body->hello);
	} else {
		struct delivery d = { .member = m, .term = o->term, .sequence = o->sequence };
		dispatch(n, group_find(n, o->group), &d, body);
	}
}

void message_deliver(struct cl_node *n, const struct cl_member *from, struct bytes data)
{
	struct member *m = member_find(n, from);
	struct ss_opened o = { 0 };
	ProtobufCMessage *body = NULL;

	if (!m) {
		n->stats.dropped[CL_DROP_NOT_IN_VIEW]++;
		return;
	}
	enum result res = ss_envelope_peek(data, &o);
	if (res == R_OK && !slot_allowed(n, m, &o)) {
		n->messages_refused++;
		n->stats.refused[R_EXISTS]++;
		return;
	}
	const bool hello = o.kind == SS_ENV_HELLO;
	/* Another way's: not opened, or it would make what comes there look old. */
	if (res == R_OK && (o.kind == SS_ENV_SNAPSHOT || o.kind == SS_ENV_ACK))
		res = R_UNEXPECTED;
	if (res == R_OK)
		res = ss_open(n->sealer, data, &o);
	/*
	 * A joiner hears members before it has heard their HELLO; that part of the log is in
	 * its snapshot. So does who meets a process that began while they were apart, and what
	 * it knows of that slot is the key of the process before.
	 */
	if (!hello && !m->hello &&
	    (res == R_NOT_FOUND || res == R_INTEGRITY || res == R_STALE || res == R_UNEXPECTED)) {
		n->stats.dropped[CL_DROP_BEFORE_HELLO]++;
		return;
	}
	const bool twin = res == R_EXISTS && !hf_rule_broken(HF_RULE_SLOT);
	if (res == R_OK || twin)
		res = ss_message_unpack(&holdfast__cluster_message__descriptor, buf_bytes(&o.plain),
					&body);
	ss_buf_wipe(&o.plain);
	if (res == R_OK) {
		received(n, (const Holdfast__ClusterMessage *)body, data);
		opened(n, m, &o, twin, (const Holdfast__ClusterMessage *)body);
	} else {
		refused(n, m, res);
	}
	ss_message_free(body);
}

static bool is_snapshot_body(const Holdfast__ClusterMessage *m)
{
	return m->body_case == BODY(SNAPSHOT) || m->body_case == BODY(SNAPSHOT_REQUEST) ||
	       m->body_case == BODY(CONFIG_PIECE) || m->body_case == BODY(CONFIG_REQUEST) ||
	       m->body_case == BODY(PART);
}

/* A chunk or a piece counts from the owner that we follow, a request at the owner: of this term. */
static void snapshot_opened(struct cl_node *n, struct group *g, const struct ss_opened *o,
			    const Holdfast__ClusterMessage *m)
{
	if (o->term != g->term) {
		n->stats.dropped[CL_DROP_OTHER_TERM]++;
		return;
	}
	if (m->body_case == BODY(SNAPSHOT) && o->slot == g->owner)
		join_chunk(n, g, m->snapshot);
	else if (m->body_case == BODY(CONFIG_PIECE) && o->slot == g->owner)
		config_sync_piece(n, o->slot, m->config_piece);
	else if (m->body_case == BODY(SNAPSHOT_REQUEST) && is_owner(g))
		join_request(n, g, o->slot, m->snapshot_request);
	else if (m->body_case == BODY(CONFIG_REQUEST) && is_owner(g))
		config_sync_request(n, g, o->slot, m->config_request);
	else if (m->body_case == BODY(PART) && is_owner(g))
		merge_chunk(n, g, o->slot, m->part);
	else
		refused_sender(n, g);
}

void message_snapshot(struct cl_node *n, struct bytes data)
{
	struct ss_opened o = { 0 };
	ProtobufCMessage *body = NULL;

	enum result res = ss_envelope_peek(data, &o);
	if (res == R_OK && o.kind != SS_ENV_SNAPSHOT)
		res = R_UNEXPECTED;
	if (res == R_OK)
		res = ss_open(n->sealer, data, &o);
	if (res == R_OK)
		res = ss_message_unpack(&holdfast__cluster_message__descriptor, buf_bytes(&o.plain),
					&body);
	ss_buf_wipe(&o.plain);
	const Holdfast__ClusterMessage *m = (const Holdfast__ClusterMessage *)body;
	struct group *g = res == R_OK ? group_find(n, o.group) : NULL;
	if (res == R_OK && !is_snapshot_body(m))
		res = R_UNEXPECTED;
	if (res == R_OK)
		received(n, m, data);
	if (res != R_OK) {
		n->messages_refused++;
		n->stats.refused[res]++;
		/* The channel may be faster than a HELLO; what is lost is asked for again. */
		if (res != R_NOT_FOUND)
			fx_log(n, LOG_REPL_REFUSED, "snapshot: %s", result_text(res));
	} else if (g) {
		snapshot_opened(n, g, &o, m);
	} else {
		n->stats.dropped[CL_DROP_NO_GROUP]++;
	}
	ss_message_free(body);
}

/* Who acknowledges and what for, as if CPG had brought it. */
static void ack_opened(struct cl_node *n, const struct ss_opened *o,
		       const Holdfast__ClusterMessage *m)
{
	struct group *g = group_find(n, o->group);
	const struct member *from = member_by_slot(n, o->slot);

	if (!g)
		n->stats.dropped[CL_DROP_NO_GROUP]++;
	else if (!n->view.established || !from || !from->hello)
		n->stats.dropped[CL_DROP_NOT_IN_VIEW]++;
	else if (!is_owner(g) || o->term != g->term)
		n->stats.dropped[CL_DROP_OTHER_TERM]++;
	else
		protect_acked(n, g, o->slot, m->ack->position);
}

/*
 * An acknowledgement says that its sender holds our log up to a position. That is true whenever it
 * comes, so it needs no order and may be lost: CPG brings it as well. Anybody can send to its port:
 * what is refused is counted, not logged.
 */
void message_ack(struct cl_node *n, struct bytes data)
{
	struct ss_opened o = { 0 };
	ProtobufCMessage *body = NULL;

	enum result res = ss_envelope_peek(data, &o);
	if (res == R_OK)
		res = o.kind != SS_ENV_ACK ? R_UNEXPECTED : ss_open(n->sealer, data, &o);
	if (res == R_OK)
		res = ss_message_unpack(&holdfast__cluster_message__descriptor, buf_bytes(&o.plain),
					&body);
	ss_buf_wipe(&o.plain);
	const Holdfast__ClusterMessage *m = (const Holdfast__ClusterMessage *)body;
	if (res == R_OK && m->body_case != BODY(ACK))
		res = R_UNEXPECTED;
	if (res == R_OK) {
		received(n, m, data);
		ack_opened(n, &o, m);
	} else {
		n->messages_refused++;
		n->stats.refused[res]++;
	}
	ss_message_free(body);
}
