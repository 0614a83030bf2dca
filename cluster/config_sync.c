/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication of the configuration, from the unit that owns the first group to
 * the others ("write standby", a reload there, a member that joins with
 * another one).
 *
 *	owner                                member
 *	ConfigOffer{id, digest, total} ----> (in agreed order)
 *	                              <----- ConfigRequest{id, first}
 *	ConfigPiece{id, first, text} ------>       ... until it has all
 *	                                     CONFIG, CL_IN_CONFIG_TAKEN
 *	CONFIG_DONE                   <----- ConfigDone{id, refused, text}
 *
 * Requests and pieces go the way of the snapshots (R22). A member has one
 * piece on its way at a time; a request is absolute, so one that is lost or
 * comes twice does no harm. Whoever loses its owner half way drops what it
 * has: a configuration is whole or it is none.
 *
 * What the text means is the business of node/. It holds keys: it is kept
 * only as long as somebody may ask for it, and wiped.
 */
#include <stdlib.h>

#include "cluster/cluster_private.h"

static bool same_member(const struct cl_member *a, const struct cl_member *b)
{
	return a->node_id == b->node_id && a->pid == b->pid;
}

/* Whoever owns the first group speaks for the configuration: there is one per unit, not per group. */
static bool speaks(const struct cl_node *n)
{
	return is_owner(&n->groups[0]);
}

static const struct member *speaker(struct cl_node *n)
{
	return owner_member(n, &n->groups[0]);
}

enum cl_config_role cl_config_role(const struct cl_node *n, uint8_t digest[32])
{
	const struct group *g = &n->groups[0];

	if (speaks(n))
		return CL_CONFIG_ACTIVE;
	for (size_t i = 0; g->owner && i < n->view.n; i++) {
		const struct member *m = &n->view.members[i];
		if (!same_member(&m->id, &g->owner_id) || m->id.node_id == n->cfg.node_id)
			continue;
		memcpy(digest, m->config_digest, sizeof(m->config_digest));
		return CL_CONFIG_STANDBY;
	}
	return CL_CONFIG_ALONE;
}

/* ---- the owner ---- */

static size_t readers_open(const struct config_offer *o)
{
	size_t open = 0;

	for (size_t i = 0; i < o->n; i++)
		open += o->readers[i].open;
	return open;
}

static struct cl_effect *done(struct cl_node *n, uint64_t token, uint8_t slot)
{
	struct cl_effect *fx = fx_push(n, CL_FX_CONFIG_DONE, NULL);

	fx->token = token;
	fx->slot = slot;
	return fx;
}

static void nobody(struct cl_node *n, uint64_t token, enum result reason, const char *why)
{
	struct cl_effect *fx = done(n, token, 0);

	fx->reason = reason;
	fx->why = why;
}

static void offer_end(struct config_offer *o)
{
	ss_buf_wipe(&o->text);
	*o = (struct config_offer){ 0 };
}

/* why is static; NULL: what the member says. */
static void reader_end(struct cl_node *n, struct config_reader *r, enum result reason,
		       const char *why, struct bytes text)
{
	struct config_offer *o = &n->config.offer;
	struct cl_effect *fx = done(n, o->token, r->slot);
	char printable[CL_CONFIG_WHY];

	r->open = false;
	fx->ok = reason == R_OK;
	fx->reason = reason;
	fx->why = why;
	fx->exit = (uint32_t)readers_open(o);
	fx->config_why = o->why;
	log_escape(text, printable, sizeof(printable));
	if (!buf_set(&fx->data, bytes(printable, strlen(printable))))
		fx->data = (struct buf){ 0 };
	*(fx->ok ? &n->stats.configs_sent : &n->stats.configs_refused) += 1;
	if (!readers_open(o))
		offer_end(o);
}

static void offer_fail(struct cl_node *n, enum result reason, const char *why)
{
	struct config_offer *o = &n->config.offer;

	for (size_t i = o->n; i-- > 0;)
		if (o->readers[i].open)
			reader_end(n, &o->readers[i], reason, why, BYTES_NONE);
}

static bool is_addressed(const struct cl_node *n, const struct member *m, uint8_t slot)
{
	return m->hello && !m->refused && m->id.node_id != n->cfg.node_id &&
	       (slot == 0 || slot == m->slot);
}

static void offer_address(struct cl_node *n, struct config_offer *o, uint8_t slot)
{
	for (size_t i = 0; i < n->view.n; i++) {
		struct member *m = &n->view.members[i];
		if (!is_addressed(n, m, slot))
			continue;
		m->config_due = false;
		o->readers[o->n++] = (struct config_reader){
			.open = true, .id = m->id, .slot = m->slot, .heard_ns = n->now_ns
		};
	}
}

static void offer_send(struct cl_node *n, const struct config_offer *o, const struct cl_input *in)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigOffer c = HOLDFAST__CONFIG_OFFER__INIT;

	c.id = o->id;
	c.to_slot = in->slot;
	c.why = in->why;
	c.digest = (ProtobufCBinaryData){ .data = (uint8_t *)(uintptr_t)in->digest,
					  .len = sizeof(in->digest) };
	c.total = (uint32_t)o->text.len;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CONFIG_OFFER;
	m.config_offer = &c;
	message_send(n, 0, 0, &m);
}

void config_sync_offer(struct cl_node *n, const struct cl_input *in)
{
	struct config_offer *o = &n->config.offer;

	n->config.wanted = false;
	/* One for a member that joined does not end one for all, which is for it too. */
	if (in->slot && o->used)
		return;
	offer_fail(n, R_AGAIN, "is sent a newer one");
	if (!speaks(n)) {
		nobody(n, in->token, R_NOT_OWNER, "this unit is not active");
		return;
	}
	if (in->data.len == 0) {
		nobody(n, in->token, R_VALUE, "the configuration is empty");
		return;
	}
	if (in->data.len > CL_CONFIG_MAX) {
		nobody(n, in->token, R_TOO_LONG, "the configuration is too long");
		return;
	}
	/* Unlike those of this node's last process, whose answers may still come. */
	*o = (struct config_offer){ .used = true,
				    .id = n->incarnation + n->config.next_id++,
				    .token = in->token,
				    .why = in->why };
	offer_address(n, o, in->slot);
	if (!o->n || !buf_set(&o->text, in->data)) {
		nobody(n, in->token, o->n ? R_NO_MEMORY : R_NOT_FOUND,
		       o->n ? "out of memory" : "there is no other unit in the cluster");
		offer_end(o);
		return;
	}
	offer_send(n, o, in);
}

static struct config_reader *reader_find(struct cl_node *n, uint64_t id, const struct cl_member *m)
{
	struct config_offer *o = &n->config.offer;

	for (size_t i = 0; o->id == id && i < o->n; i++)
		if (o->readers[i].open && same_member(&o->readers[i].id, m))
			return &o->readers[i];
	return NULL;
}

void config_sync_request(struct cl_node *n, const struct group *g, uint8_t slot,
			 const Holdfast__ConfigRequest *m)
{
	const struct member *from = member_by_slot(n, slot);
	struct config_reader *r = from ? reader_find(n, m->id, &from->id) : NULL;
	const struct buf *text = &n->config.offer.text;
	Holdfast__ClusterMessage out = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigPiece p = HOLDFAST__CONFIG_PIECE__INIT;

	if (!r || m->first >= text->len)
		return;
	r->heard_ns = n->now_ns;
	p.id = m->id;
	p.first = m->first;
	p.text.data = text->p + m->first;
	p.text.len = text->len - m->first;
	if (p.text.len > CONFIG_PIECE_BYTES)
		p.text.len = CONFIG_PIECE_BYTES;
	out.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CONFIG_PIECE;
	out.config_piece = &p;
	message_send_snapshot(n, g, CL_FX_SNAPSHOT_SEND, from, &out);
}

void config_sync_done(struct cl_node *n, const struct member *from, const Holdfast__ConfigDone *m)
{
	struct config_reader *r = reader_find(n, m->id, &from->id);

	if (r)
		reader_end(n, r, m->refused < R_COUNT_ ? (enum result)m->refused : R_VALUE, NULL,
			   bytes(m->text.data, m->text.len));
}

void config_sync_follows(struct cl_node *n, const struct group *g, struct member *m)
{
	/* From its claim on, also while that settles. */
	if (g == &n->groups[0] && g->owner_id.node_id == n->cfg.node_id)
		m->follows = true;
}

/* R22: a member that joined with another configuration is sent ours, once. */
static void consider_members(struct cl_node *n)
{
	for (size_t i = 0; i < n->view.n && !n->config.offer.used && !n->config.wanted; i++) {
		struct member *m = &n->view.members[i];
		if (!m->config_due || !m->follows || !is_addressed(n, m, 0))
			continue;
		m->config_due = false;
		n->config.wanted = m->digest_differs;
		if (n->config.wanted)
			fx_push(n, CL_FX_CONFIG_WANTED, NULL)->slot = m->slot;
	}
}

/* Another owner looks after them. */
static void forget_members(struct cl_node *n)
{
	const struct member *other = speaker(n);

	if (!other || other->id.node_id == n->cfg.node_id)
		return;
	for (size_t i = 0; i < n->view.n; i++)
		n->view.members[i].config_due = false;
}

static void owner_follow(struct cl_node *n)
{
	struct config_offer *o = &n->config.offer;

	if (!speaks(n)) {
		offer_fail(n, R_NOT_OWNER, "is not asked any more: this unit is not active");
		forget_members(n);
		return;
	}
	for (size_t i = 0; i < o->n; i++) {
		struct config_reader *r = &o->readers[i];
		if (r->open && !member_find(n, &r->id))
			reader_end(n, r, R_NOT_FOUND, "left the cluster before it answered",
				   BYTES_NONE);
		else if (r->open && n->now_ns >= r->heard_ns + CONFIG_ANSWER_MS * MS)
			reader_end(n, r, R_AGAIN, "did not answer in time", BYTES_NONE);
	}
	consider_members(n);
}

/* ---- the member ---- */

static void receipt_end(struct config_receipt *r)
{
	ss_buf_wipe(&r->text);
	*r = (struct config_receipt){ 0 };
}

static void answer(struct cl_node *n, uint64_t id, enum result refused, struct bytes text)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigDone c = HOLDFAST__CONFIG_DONE__INIT;

	c.id = id;
	c.refused = refused;
	c.text.data = (uint8_t *)(uintptr_t)text.p;
	c.text.len = text.len < CL_CONFIG_WHY ? text.len : CL_CONFIG_WHY;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CONFIG_DONE;
	m.config_done = &c;
	message_send(n, 0, 0, &m);
}

static void refuse(struct cl_node *n, uint64_t id, enum result reason, const char *why)
{
	n->stats.configs_refused++;
	answer(n, id, reason, bytes(why, strlen(why)));
}

static void ask(struct cl_node *n, struct config_receipt *r)
{
	const struct member *from = speaker(n);
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigRequest q = HOLDFAST__CONFIG_REQUEST__INIT;

	r->ask_ns = n->now_ns + CONFIG_ASK_MS * MS;
	q.id = r->id;
	q.first = (uint32_t)r->have;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CONFIG_REQUEST;
	m.config_request = &q;
	message_send_snapshot(n, &n->groups[0], CL_FX_SNAPSHOT_ASK, from, &m);
}

static void take(struct cl_node *n, const struct config_receipt *r)
{
	struct cl_effect *fx = fx_push(n, CL_FX_CONFIG, NULL);

	fx->token = r->id;
	fx->slot = r->slot;
	memcpy(fx->digest, r->digest, sizeof(fx->digest));
}

static bool receipt_begin(struct cl_node *n, const struct member *from,
			  const Holdfast__ConfigOffer *m, bool whole)
{
	struct config_receipt *r = &n->config.receipt;

	*r = (struct config_receipt){ .used = true,
				      .complete = !whole,
				      .id = m->id,
				      .from = from->id,
				      .slot = from->slot,
				      .heard_ns = n->now_ns };
	memcpy(r->digest, m->digest.data, sizeof(r->digest));
	r->text.p = whole ? malloc(m->total) : NULL;
	r->text.len = r->text.p ? m->total : 0;
	return r->text.p || !whole;
}

void config_sync_offered(struct cl_node *n, const struct member *from,
			 const Holdfast__ConfigOffer *m)
{
	struct config_receipt *r = &n->config.receipt;

	if (from->id.node_id == n->cfg.node_id || (m->to_slot && m->to_slot != n->cfg.slot))
		return;
	if (from != speaker(n)) {
		refuse(n, m->id, R_NOT_OWNER, "another unit is active for it");
		return;
	}
	receipt_end(r);
	if (m->digest.len != sizeof(r->digest) || m->total == 0 || m->total > CL_CONFIG_MAX) {
		refuse(n, m->id, R_VALUE, "the offer cannot be read");
		return;
	}
	bool same = memcmp(m->digest.data, n->cfg.config_digest, sizeof(r->digest)) == 0;
	bool whole = m->why != CL_CONFIG_SAVE || !same;
	if (!receipt_begin(n, from, m, whole)) {
		receipt_end(r);
		refuse(n, m->id, R_NO_MEMORY, "it does not fit into memory");
	} else if (whole) {
		fx_log(n, LOG_CONFIG_RECEIVING, "from the unit in slot %u, %u bytes", from->slot,
		       m->total);
		ask(n, r);
	} else {
		take(n, r);
	}
}

void config_sync_piece(struct cl_node *n, uint8_t slot, const Holdfast__ConfigPiece *m)
{
	struct config_receipt *r = &n->config.receipt;

	if (r->complete || m->id != r->id || slot != r->slot || m->first != r->have ||
	    m->text.len == 0 || m->text.len > r->text.len - r->have)
		return;
	memcpy(r->text.p + r->have, m->text.data, m->text.len);
	r->have += m->text.len;
	r->heard_ns = n->now_ns;
	r->complete = r->have == r->text.len;
	if (!r->complete) {
		ask(n, r);
		return;
	}
	take(n, r);
	buf_move(&n->out->fx[n->out->n - 1].data, &r->text);
}

void config_sync_taken(struct cl_node *n, const struct cl_input *in)
{
	struct config_receipt *r = &n->config.receipt;

	if (in->reason == R_OK)
		n->stats.configs_received++;
	else
		n->stats.configs_refused++;
	/* Another one came meanwhile: nobody waits for this answer. */
	if (r->id != in->token)
		return;
	answer(n, r->id, in->reason, in->data);
	receipt_end(r);
}

static void member_follow(struct cl_node *n)
{
	struct config_receipt *r = &n->config.receipt;
	const struct member *from = speaker(n);

	if (!r->used || r->complete)
		return;
	if (!from || !same_member(&from->id, &r->from)) {
		fx_log(n, LOG_CONFIG_FAILED, "the active unit is gone; the old one stays");
		receipt_end(r);
	} else if (n->now_ns >= r->heard_ns + CONFIG_QUIET_MS * MS) {
		fx_log(n, LOG_CONFIG_FAILED, "the active unit sends nothing; the old one stays");
		refuse(n, r->id, R_AGAIN, "what was offered did not come");
		receipt_end(r);
	} else if (n->now_ns >= r->ask_ns) {
		ask(n, r);
	}
}

bool config_sync_receiving(const struct cl_node *n)
{
	return n->config.receipt.text.len > 0;
}

/* ---- both ---- */

void config_sync_follow(struct cl_node *n)
{
	member_follow(n);
	owner_follow(n);
}

uint64_t config_sync_deadline(const struct cl_node *n)
{
	const struct config_offer *o = &n->config.offer;
	const struct config_receipt *r = &n->config.receipt;
	uint64_t at = r->used && !r->complete ? r->ask_ns : NEVER;

	for (size_t i = 0; i < o->n; i++) {
		uint64_t until = o->readers[i].heard_ns + CONFIG_ANSWER_MS * MS;
		if (o->readers[i].open && until < at)
			at = until;
	}
	return at;
}

void config_sync_free(struct cl_node *n)
{
	offer_end(&n->config.offer);
	receipt_end(&n->config.receipt);
}
