/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE_CHILD_SA for CHILD SAs (RFC 7296 1.3.1, 1.3.3, 2.8, 2.17, 2.25): a
 * further one, or one that replaces another. Rekeying the IKE SA is
 * v2_rekey_ike.c's.
 */
#include "ike/ts_narrow.h"
#include "ike/v2.h"

enum { CHILDREN_PER_LINE = 4 }; /* more of one line's are of no use to an honest peer */

/* ---- responder ---- */

enum result v2_try_later(struct v2_context *c)
{
	(void)c;
	return R_TEMPORARY;
}

static size_t count_children(const struct ike_sa *sa)
{
	const struct child_sa *c;
	size_t n = 0;

	TAILQ_FOREACH (c, &sa->children, of_sa)
		n += c->s.stage != CHILD_SA_DEAD;
	return n;
}

static size_t lines_of(const struct ike_sa *sa)
{
	return sa->conn != NULL ? sa->conn->n_children : 0;
}

/* With PFS: the key exchange of the chosen group. *shared is NULL without. */
static enum result agree(struct v2_context *c, uint16_t group, const struct secret **shared)
{
	*shared = NULL;
	if (group == 0)
		return R_OK;
	c->want_group = group;
	if (!(c->m->present & IKE_P(KE)) || c->m->ke.group != group)
		return R_INVALID_KE;

	enum result res = v2_agree_responder(c, group);

	if (res == R_OK)
		*shared = &c->job->shared;
	return res;
}

static enum result make_and_answer(struct v2_context *c, uint32_t only_tunnel,
				   struct child_sa **child, uint8_t nonce[IKE_NONCE_LEN])
{
	struct ike_sa *sa = c->sa;
	struct v2_child_chosen chosen;
	struct sa_payload answer;
	struct v2_child_make mk = { .chosen = &chosen,
				    .ni = c->m->nonce,
				    .nr = bytes(nonce, IKE_NONCE_LEN) };
	enum result res = v2_child_choose(c, CHILD_IN_CREATE, only_tunnel, &chosen);

	if (res == R_OK)
		res = agree(c, chosen.choice.dh, &mk.shared);
	if (res != R_OK)
		return res;
	v2_nonce(c->e, nonce);
	mk.spi_in = child_spi_new(sa);
	res = v2_child_make(sa, &mk, CHILD_SA_INSTALLED, child);
	if (res != R_OK)
		return res;
	proposal_answer_child(&chosen.choice, mk.spi_in, &answer);
	sa_put(c->answer, &answer);
	nonce_put(c->answer, mk.nr);
	if (chosen.choice.dh != 0)
		ke_put(c->answer, chosen.choice.dh, buf_bytes(&c->job->public_key));
	v2_child_put_ts(c->answer, &chosen.remote_ts, &chosen.local_ts);
	return R_OK;
}

enum result v2_child_new_request(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	uint8_t nonce[IKE_NONCE_LEN];
	struct child_sa *child;
	size_t lines = lines_of(sa);

	if (sa->s.outstanding.kind == IKE_REQ_IKE_REKEY)
		return R_TEMPORARY;
	if (count_children(sa) >= CHILDREN_PER_LINE * lines)
		return R_NO_ADDITIONAL_SAS;
	if (c->job == NULL)
		v2_child_log_request(c);

	enum result res = make_and_answer(c, 0, &child, nonce);

	if (res != R_OK)
		return res;
	child_sa_use_outbound(child);
	v2_child_log_up(child);
	return R_OK;
}

/* The CHILD SA whose inbound SPI at the peer is this one. */
struct child_sa *v2_child_of_peer(const struct ike_sa *sa, uint32_t spi_out)
{
	struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		if (c->s.spi_out == spi_out && c->s.stage != CHILD_SA_DEAD)
			return c;
	}
	return NULL;
}

/* 1.3.3, 2.25.1 */
static enum result rekeyed_one(struct v2_context *c, struct child_sa **old)
{
	const struct notify_payload *n = ike_message_notify(c->m, N_REKEY_SA);
	struct wire_reader r = wire_reader(n->spi);
	uint32_t spi = wire_u32(&r);
	bool named = n->protocol == PROTO_ESP && wire_done(&r) == R_OK;

	c->unknown_spi = spi;
	*old = named ? v2_child_of_peer(c->sa, spi) : NULL;
	/* It may be the one that our own request makes, whose response is on its way. */
	if (*old == NULL && named && c->sa->s.outstanding.new_spi_in != 0)
		return R_TEMPORARY;
	if (*old == NULL)
		return R_CHILD_NOT_FOUND;
	return child_sa_carries(*old) && (*old)->s.replaced_by == 0 ? R_OK : R_TEMPORARY;
}

enum result v2_child_rekey_request(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct ike_outstanding *o = &sa->s.outstanding;
	uint8_t nonce[IKE_NONCE_LEN];
	struct child_sa *old, *fresh;
	enum result res = rekeyed_one(c, &old);

	if (res != R_OK)
		return res;
	/* A peer that rekeys and never deletes is slowed down. */
	if (o->kind == IKE_REQ_IKE_REKEY ||
	    count_children(sa) >= 2 * CHILDREN_PER_LINE * lines_of(sa))
		return R_TEMPORARY;
	res = make_and_answer(c, old->s.tunnel, &fresh, nonce);
	if (res != R_OK)
		return res;
	child_sa_set_successor(old, fresh);
	if (o->kind == IKE_REQ_CHILD_REKEY && o->old_spi_in == old->s.spi_in) {
		must(buf_set(&fresh->s.nonce_low,
			     v2_lower_nonce(c->m->nonce, bytes(nonce, sizeof(nonce)))));
		c->e->stats.collisions++;
		ike_fx_log(c->e, LOG_IKE_REKEY_COLLISION, sa, "SPI 0x%08x", old->s.spi_in);
	}
	c->e->stats.rekeys_child++;
	ike_fx_log(c->e, LOG_IKE_CHILD_REKEYED, sa,
		   "tunnel %u; SPI in/out: 0x%08x/0x%08x; was 0x%08x/0x%08x", fresh->s.tunnel,
		   fresh->s.spi_in, fresh->s.spi_out, old->s.spi_in, old->s.spi_out);
	return R_OK;
}

/* ---- initiator ---- */

static enum result send_offer(struct ike_sa *sa, enum ike_request_kind kind,
			      const struct ike_child_config *line, struct ike_job *job)
{
	struct ike_outstanding *o = &sa->s.outstanding;
	struct ike_builder b;
	uint8_t nonce[IKE_NONCE_LEN];

	v2_payloads(sa->e, &b);
	if (kind == IKE_REQ_CHILD_REKEY)
		notify_put_esp(&b, N_REKEY_SA, o->old_spi_in);

	enum result res = v2_child_offer(sa, CHILD_IN_CREATE, line, &b);

	if (res != R_OK)
		return res;
	v2_nonce(sa->e, nonce);
	must(buf_set(&o->nonce, bytes(nonce, sizeof(nonce))));
	nonce_put(&b, buf_bytes(&o->nonce));
	if (job != NULL) {
		o->dh_group = job->group;
		secret_move(&o->dh_private, &job->private_key);
		buf_move(&o->dh_public, &job->public_key);
		ke_put(&b, o->dh_group, buf_bytes(&o->dh_public));
	}
	v2_child_put_ts(&b, &o->tsi, &o->tsr);
	return v2_send_request(sa, kind, &b);
}

/* The group of our KE, and the key for it; *job stays NULL without PFS. */
static enum result key_for(struct ike_sa *sa, const struct ike_want *w,
			   const struct ike_child_config *line, struct ike_job **job)
{
	uint16_t group = w->group != 0 ? w->group : line->pfs_group;

	if (w->group == 0)
		sa->ke_rounds = 0;
	if (group == 0) {
		*job = NULL;
		return R_OK;
	}
	return v2_keygen(sa, group, *job);
}

enum result v2_begin_child_new(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_outstanding *o = &sa->s.outstanding;
	const struct ike_child_config *line = ike_line_of(sa->conn, w->tunnel);

	if (line == NULL)
		return R_CONFIG;
	if (child_sa_of_tunnel(sa, w->tunnel) != NULL)
		return R_EXISTS;

	enum result res = key_for(sa, w, line, &job);

	if (res != R_OK)
		return res;
	ts_propose(&line->local, w->have_packet ? &w->packet_local : NULL, &o->tsi);
	ts_propose(&line->remote, w->have_packet ? &w->packet_remote : NULL, &o->tsr);
	return send_offer(sa, IKE_REQ_CHILD_NEW, line, job);
}

enum result v2_begin_child_rekey(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_outstanding *o = &sa->s.outstanding;
	struct child_sa *old = child_sa_find(sa->e, w->spi_in);

	if (old == NULL || old->sa != sa || !child_sa_carries(old) || old->s.replaced_by != 0)
		return R_NOT_FOUND;

	/* The answer would be CHILD_SA_NOT_FOUND, and we would lose it. */
	if (child_sa_peer_unsure(old)) {
		child_rekey_later(old);
		return R_TEMPORARY;
	}

	const struct ike_child_config *line = ike_line_of(sa->conn, old->s.tunnel);

	if (line == NULL)
		return R_CONFIG;

	enum result res = key_for(sa, w, line, &job);

	if (res != R_OK)
		return res;
	/* 2.9.2: what is in use, so that the new one cannot come out narrower. */
	o->tsi = old->s.local_ts;
	o->tsr = old->s.remote_ts;
	o->old_spi_in = old->s.spi_in;
	return send_offer(sa, IKE_REQ_CHILD_REKEY, line, job);
}

static enum result verify(struct v2_context *c, struct v2_child_chosen *chosen,
			  const struct secret **shared)
{
	const struct ike_outstanding *o = &c->sa->s.outstanding;
	enum result res = v2_child_verify(c, CHILD_IN_CREATE, chosen);

	*shared = NULL;
	if (res != R_OK)
		return res;
	if (chosen->choice.dh != o->dh_group ||
	    (o->dh_group != 0) != ((c->m->present & IKE_P(KE)) != 0))
		return R_INVALID_KE;
	if (o->dh_group == 0)
		return R_OK;
	res = v2_agree_initiator(c);
	if (res == R_OK)
		*shared = &c->job->shared;
	return res;
}

enum result v2_child_new_response(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	struct v2_child_chosen chosen;
	struct v2_child_make mk = { .chosen = &chosen,
				    .initiator = true,
				    .spi_in = sa->s.outstanding.new_spi_in,
				    .ni = buf_bytes(&sa->s.outstanding.nonce),
				    .nr = c->m->nonce };
	struct child_sa *child;
	enum result res = verify(c, &chosen, &mk.shared);

	if (res == R_OK)
		res = v2_child_make(sa, &mk, CHILD_SA_INSTALLED, &child);
	if (res != R_OK)
		return res;
	child_sa_use_outbound(child);
	v2_child_log_up(child);
	return R_OK;
}

enum result v2_child_rekey_response(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct ike_outstanding *o = &sa->s.outstanding;
	struct child_sa *old = child_sa_find(c->e, o->old_spi_in), *rival = v2_child_rival(sa),
			*fresh;
	struct v2_child_chosen chosen;
	struct v2_child_make mk = { .chosen = &chosen,
				    .initiator = true,
				    .spi_in = o->new_spi_in,
				    .ni = buf_bytes(&o->nonce),
				    .nr = c->m->nonce };
	enum result res = verify(c, &chosen, &mk.shared);

	if (res != R_OK)
		return res;

	bool lost = rival != NULL && v2_child_loses(rival, mk.ni, mk.nr);

	res = v2_child_make(sa, &mk, lost ? CHILD_SA_DELETING : CHILD_SA_INSTALLED, &fresh);
	if (res != R_OK)
		return res;
	v2_child_settle(old, fresh, rival);
	if (lost)
		return R_OK;
	c->e->stats.rekeys_child++;
	ike_fx_log(c->e, LOG_IKE_CHILD_REKEYED, sa,
		   "tunnel %u; SPI in/out: 0x%08x/0x%08x; was 0x%08x", fresh->s.tunnel,
		   fresh->s.spi_in, fresh->s.spi_out, o->old_spi_in);
	return R_OK;
}

/* ---- refusals ---- */

/* 1.3: another group, when it was in our offer; not for ever. */
static bool other_group(struct v2_context *c, const struct notify_payload *n,
			struct ike_want *again)
{
	struct ike_sa *sa = c->sa;
	const struct ike_child_config *line = ike_line_of(sa->conn, sa->s.outstanding.tunnel);
	struct wire_reader r = wire_reader(n->data);
	struct sa_payload offer;

	again->group = wire_u16(&r);
	if (wire_done(&r) != R_OK || line == NULL || sa->ke_rounds >= IKE_KE_ROUNDS_MAX ||
	    proposal_offer_child(line, CHILD_IN_CREATE, 0, &offer) != R_OK ||
	    !proposal_has_dh(&offer, again->group) || again->group == sa->s.outstanding.dh_group)
		return false;
	sa->ke_rounds++;
	ike_want_add_first(sa, again);
	return true;
}

static void log_refusal(struct v2_context *c, const struct notify_payload *error)
{
	ike_fx_log(c->e, LOG_IKE_ABORTED, c->sa, "tunnel %u: %s in answer to CREATE_CHILD_SA",
		   c->sa->s.outstanding.tunnel, iana_notify_name(error->type));
}

enum result v2_child_new_refused(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct ike_outstanding *o = &sa->s.outstanding;
	const struct notify_payload *error = ike_message_error(c->m);
	struct ike_want again = { .kind = IKE_REQ_CHILD_NEW, .tunnel = o->tunnel };

	if (error == NULL)
		return R_MISSING;
	if (error->type == N_INVALID_KE_PAYLOAD && other_group(c, error, &again))
		return R_OK;
	log_refusal(c, error);
	/* 2.25: the peer is busy with something that ends. */
	if (error->type == N_TEMPORARY_FAILURE) {
		again.not_before_ms = c->e->now + IKE_RETRY_MS +
				      ike_random_below(c->e, IKE_RETRY_MS);
		ike_want_add(sa, &again);
	} else {
		enum tunnel_condition why = ike_child_refusal(error->type, false);

		ike_tunnel_failed(sa, o->tunnel,
				  why != TUNNEL_NO_CONDITION ? why : TUNNEL_PHASE2_MISMATCH);
	}
	return R_OK;
}

enum result v2_child_rekey_refused(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct ike_outstanding *o = &sa->s.outstanding;
	const struct notify_payload *error = ike_message_error(c->m);
	struct child_sa *old = child_sa_find(c->e, o->old_spi_in);
	struct ike_want again = { .kind = IKE_REQ_CHILD_REKEY, .spi_in = o->old_spi_in };

	if (error == NULL)
		return R_MISSING;
	v2_child_concede(sa);
	if (old == NULL || old->sa != sa || !child_sa_carries(old) || old->s.replaced_by != 0)
		return R_OK;
	if (error->type == N_INVALID_KE_PAYLOAD && other_group(c, error, &again))
		return R_OK;
	log_refusal(c, error);
	if (ike_child_refusal(error->type, true) != TUNNEL_NO_CONDITION)
		ike_child_condition(old, ike_child_refusal(error->type, true));
	/* 2.25 says to drop it at once; but one that the peer began, it may yet have from our
	 * response, and would send on it for good. */
	if (error->type == N_CHILD_SA_NOT_FOUND &&
	    (old->s.initiator || c->e->now >= old->s.created_ms + IKE_REPLACED_WAIT_MS)) {
		/* 2.25: ours is the only end left; the tunnel is still wanted. */
		uint32_t tunnel = old->s.tunnel;

		child_sa_close(old);
		ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_NEW, .tunnel = tunnel });
	} else {
		child_rekey_later(old);
	}
	return R_OK;
}
