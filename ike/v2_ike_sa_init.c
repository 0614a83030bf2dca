/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_SA_INIT (RFC 7296 1.2, 2.6, 2.7, 2.23), both sides. The responder has
 * its keys before it answers, so that a half-open SA holds results only (R1).
 */
#include "ike/nat_detect.h"
#include "ike/v2.h"

/* R_NO_CONNECTION, R_NOT_CURRENT_PEER */
static enum result connection_for(const struct ike_engine *e, const struct ike_input *in,
				  const struct ike_connection **out)
{
	enum result res = R_NO_CONNECTION;

	for (size_t i = ike_connection_first(e, &in->remote.addr); i < e->cfg->n_connections; i++) {
		const struct ike_connection *conn = &e->cfg->connections[i];

		if (!ike_connection_has_peer(conn, &in->local.addr, &in->remote.addr))
			continue;
		*out = conn;
		res = ike_connection_answers(e, conn);
		if (res == R_OK)
			break;
	}
	return res;
}

/*
 * Encapsulation is wanted by the path, or by our
 * configuration, and possible only when the peer knows of it.
 */
static enum result judge_nat(struct ike_sa *sa, const struct ike_message *m,
			     const struct ike_input *in)
{
	struct nat_detect_result nat;
	enum result res = nat_detect(sa->e->crypto, m, &in->local, &in->remote, &nat);

	if (res != R_OK)
		return res;
	sa->s.nat_local = nat.supported && nat.nat_local;
	sa->s.nat_remote = nat.supported && nat.nat_remote;
	sa->s.udp_encap = nat.supported && (nat.nat_local || nat.nat_remote ||
					    (sa->conn != NULL && sa->conn->force_udp_encap));
	return R_OK;
}

static enum result derive(struct ike_sa *sa, const struct secret *shared)
{
	SECRET seed = { 0 };
	struct ike_crypto *crypto = sa->e->crypto;
	struct bytes ni = buf_bytes(&sa->s.nonce_i), nr = buf_bytes(&sa->s.nonce_r);
	enum result res = keymat_skeyseed(crypto, sa->s.transforms.prf, ni, nr, shared, &seed);

	return res == R_OK ? keymat_ike_sa(crypto, &seed, ni, nr, &sa->s) : res;
}

/* ---- responder ---- */

void v2_init_error(struct ike_engine *e, const struct ike_input *in, const struct ike_header *h,
		   uint16_t type, struct bytes data)
{
	struct ike_header answer = { .spi_i = h->spi_i,
				     .version = IKE_VERSION,
				     .exchange = h->exchange,
				     .flags = IKE_FLAG_RESPONSE,
				     .message_id = h->message_id };
	struct ike_builder b;
	struct bytes datagram;

	ike_build_message(&b, e->plain, sizeof(e->plain), &answer);
	notify_put(&b, type, data);
	must(ike_build_finish_message(&b, &datagram) == R_OK);
	/* VU#419128: a stranger gets back no more than he sent. */
	if (datagram.len > in->datagram.len)
		return;

	struct ike_effect *f = ike_fx(e, IKE_FX_SEND_NOW);

	f->local = in->local;
	f->remote = in->remote;
	f->udp_encap = in->local.port == IKE_PORT_NAT;
	f->exchange = h->exchange;
	f->response = true;
	must(buf_set(&f->datagram, datagram));
}

/*
 * Whether the request can lead to an SA, and with
 * what. Its refusals are told, for they keep no state.
 */
static enum result choose(struct v2_context *c, struct ike_choice *choice)
{
	const struct ike_config *cfg = c->e->cfg;
	char why[WHY_MAX] = "";
	uint8_t group[2];
	enum result res = proposal_choose_ike(&c->m->sa, false, cfg->policies, cfg->n_policies,
					      choice, why);

	if (res == R_NO_PROPOSAL) {
		ike_fx_log_at(c->e, LOG_IKE_NO_PROPOSAL, c->in, "%s", why);
		v2_init_error(c->e, c->in, &c->m->header, N_NO_PROPOSAL_CHOSEN, BYTES_NONE);
	}
	if (res != R_OK)
		return res;
	if (choice->transforms.dh != c->m->ke.group) {
		group[0] = (uint8_t)(choice->transforms.dh >> 8);
		group[1] = (uint8_t)choice->transforms.dh;
		v2_init_error(c->e, c->in, &c->m->header, N_INVALID_KE_PAYLOAD,
			      bytes(group, sizeof(group)));
		return R_INVALID_KE;
	}
	return R_OK;
}

static void half_open(struct v2_context *c, const struct ike_connection *conn)
{
	struct ike_engine *e = c->e;
	const struct ike_header *h = &c->m->header;
	uint8_t digest[SHA256_LEN];
	struct ike_sa_state s = { .spi_i = h->spi_i,
				  .local = c->in->local,
				  .remote = c->in->remote,
				  .created_ms = e->now,
				  .birth_term = e->term };

	s.spi_r = ike_spi_new(e, ike_shard_of(e, h->spi_i, &c->in->remote.addr));
	snprintf(s.connection, sizeof(s.connection), "%s", conn->name);
	must(ike_sha256(e->crypto, &c->in->datagram, 1, digest) == R_OK);
	must(buf_set(&s.last_request_digest, bytes(digest, sizeof(digest))));
	c->sa = ike_sa_new(e, &s);
	ike_half_open_count(c->sa);
	ike_life_arm(c->sa);
	ike_fx_log(e, LOG_IKE_REQUEST_INIT, c->sa, NULL);
}

static enum result put_init(struct ike_sa *sa, struct ike_builder *b,
			    const struct sa_payload *offer, struct bytes public_value,
			    struct bytes nonce)
{
	struct ike_header h = { .spi_i = sa->s.spi_i, .spi_r = sa->s.spi_r };

	sa_put(b, offer);
	ke_put(b, sa->s.transforms.dh, public_value);
	nonce_put(b, nonce);
	return nat_detect_put(sa->e->crypto, b, &h, &sa->s.local, &sa->s.remote,
			      sa->conn != NULL && sa->conn->force_udp_encap);
}

static enum result init_answer(struct v2_context *c, const struct ike_choice *choice,
			       struct buf *out)
{
	struct ike_sa *sa = c->sa;
	struct ike_header h = { .spi_i = sa->s.spi_i,
				.spi_r = sa->s.spi_r,
				.version = IKE_VERSION,
				.exchange = IKE_SA_INIT,
				.flags = IKE_FLAG_RESPONSE };
	struct ike_builder b;
	struct sa_payload answer;
	struct bytes datagram;

	proposal_answer_ike(choice, 0, &answer);
	ike_build_message(&b, c->e->plain, sizeof(c->e->plain), &h);

	enum result res = put_init(sa, &b, &answer, buf_bytes(&c->job->public_key),
				   buf_bytes(&sa->s.nonce_r));

	if (res == R_OK)
		res = ike_build_finish_message(&b, &datagram);
	if (res == R_OK && !buf_set(out, datagram))
		res = R_NO_MEMORY;
	return res;
}

enum result v2_init_request(struct v2_context *c)
{
	struct ike_engine *e = c->e;
	const struct ike_connection *conn;
	uint8_t nonce[IKE_NONCE_LEN];
	struct ike_choice choice;
	struct buf out = { 0 };
	enum result res = c->job == NULL ? v2_admit(e, c->in, c->m) : R_OK;

	if (res != R_OK)
		return res;
	res = connection_for(e, c->in, &conn);
	if (res != R_OK) {
		if (res == R_NO_CONNECTION)
			ike_fx_log_at(e, LOG_IKE_NO_TUNNEL_GROUP, c->in, NULL);
		v2_init_error(e, c->in, &c->m->header, N_NO_PROPOSAL_CHOSEN, BYTES_NONE);
		return res;
	}
	if (c->job == NULL)
		res = ike_admit_init(e, c->in, conn);
	if (res == R_OK)
		res = choose(c, &choice);
	if (res != R_OK)
		return res;
	if (c->sa == NULL)
		half_open(c, conn);
	res = v2_agree_responder(c, choice.transforms.dh);
	if (res == R_PUBLIC_VALUE)
		v2_init_error(e, c->in, &c->m->header, N_INVALID_SYNTAX, BYTES_NONE);
	if (res != R_OK)
		return res;

	struct ike_sa *sa = c->sa;

	sa->s.transforms = choice.transforms;
	v2_nonce(e, nonce);
	if (!buf_set(&sa->s.nonce_i, c->m->nonce) ||
	    !buf_set(&sa->s.nonce_r, bytes(nonce, sizeof(nonce))) ||
	    !buf_set(&sa->s.init_request, c->in->datagram))
		return R_NO_MEMORY;
	res = judge_nat(sa, c->m, c->in);
	if (res == R_OK)
		res = derive(sa, &c->job->shared);
	if (res == R_OK)
		res = init_answer(c, &choice, &out);
	if (res != R_OK)
		return res;
	must(buf_set(&sa->s.init_response, buf_bytes(&out)));
	sa->s.expected_request_id = 1;
	v2_send_response(sa, c->in, IKE_SA_INIT, &out);
	/* R2: under a flood half-opens are not replicated. */
	if (e->n_half_open < e->cfg->half_open_cookie)
		ike_sa_touch(sa);
	c->next = IKE_SA_INIT_ANSWERED;
	return R_OK;
}

/* ---- initiator ---- */

/* The request as it is now: with the cookie asked for (2.6), all else unchanged. */
static enum result init_send(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	struct ike_outstanding *o = &sa->s.outstanding;
	struct ike_header h = { .spi_i = sa->s.spi_i,
				.version = IKE_VERSION,
				.exchange = IKE_SA_INIT,
				.flags = IKE_FLAG_INITIATOR };
	struct ike_builder b;
	struct sa_payload offer;
	struct bytes datagram;
	enum result res = proposal_offer_ike(e->cfg->policies, e->cfg->n_policies, 0, &offer);

	if (res != R_OK)
		return res;
	ike_build_message(&b, e->plain, sizeof(e->plain), &h);
	if (sa->cookie.len != 0)
		notify_put(&b, N_COOKIE, buf_bytes(&sa->cookie));
	sa->s.transforms.dh = o->dh_group;
	res = put_init(sa, &b, &offer, buf_bytes(&o->dh_public), buf_bytes(&sa->s.nonce_i));
	if (res == R_OK)
		res = ike_build_finish_message(&b, &datagram);
	if (res != R_OK)
		return res;
	must(buf_set(&o->request, datagram) && buf_set(&sa->s.init_request, datagram));
	o->kind = IKE_REQ_INIT;
	o->exchange = IKE_SA_INIT;
	o->message_id = 0;
	sa->transmissions = 0;
	/* What came to an earlier request says nothing of this one. */
	sa->init_error = 0;
	sa->init_refused = sa->init_refusals = 0;
	ike_retransmit_send(sa);
	v2_row_done(e, v2_request_row(IKE_REQ_INIT)->story);
	return R_OK;
}

enum result v2_begin_init(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_engine *e = sa->e;
	struct ike_outstanding *o = &sa->s.outstanding;
	struct sa_payload offer;
	uint8_t nonce[IKE_NONCE_LEN];
	enum result res = proposal_offer_ike(e->cfg->policies, e->cfg->n_policies, 0, &offer);
	uint16_t group = w->group;

	if (res == R_OK && group == 0)
		group = proposal_first_dh(&offer);
	if (res == R_OK)
		res = v2_keygen(sa, group, job);
	if (res == R_OK) {
		o->dh_group = group;
		secret_move(&o->dh_private, &job->private_key);
		buf_move(&o->dh_public, &job->public_key);
		if (sa->s.nonce_i.len == 0) {
			v2_nonce(e, nonce);
			must(buf_set(&sa->s.nonce_i, bytes(nonce, sizeof(nonce))));
		}
		res = init_send(sa);
	}
	return res;
}

/* 1.2: only what we offered ourselves, and never for ever. */
static enum result other_group(struct v2_context *c, const struct notify_payload *n)
{
	struct ike_sa *sa = c->sa;
	struct wire_reader r = wire_reader(n->data);
	uint16_t group = wire_u16(&r);
	struct sa_payload offer;
	enum result res = wire_done(&r);

	if (res == R_OK)
		res = proposal_offer_ike(c->e->cfg->policies, c->e->cfg->n_policies, 0, &offer);
	if (res != R_OK)
		return res;
	if (!proposal_has_dh(&offer, group) || group == sa->s.outstanding.dh_group)
		return R_INVALID_KE;
	ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_INIT, .group = group });
	return R_OK;
}

static enum result show_cookie(struct v2_context *c, const struct notify_payload *n)
{
	if (n->data.len < 1 || n->data.len > 64)
		return R_VALUE;
	/* It is shown already: the answer to a repeated request, or a copy. */
	if (bytes_equal(buf_bytes(&c->sa->cookie), n->data))
		return R_COOKIE;
	if (!buf_set(&c->sa->cookie, n->data))
		return R_NO_MEMORY;
	c->keep_outstanding = true;
	return init_send(c->sa);
}

/* R_OK: asked again, as the notify wants it. */
static enum result correct(struct v2_context *c, const struct notify_payload *n)
{
	if (n->type != N_COOKIE && n->type != N_INVALID_KE_PAYLOAD)
		return R_NO_PROPOSAL;
	if (c->sa->init_rounds >= IKE_INIT_ROUNDS_MAX)
		return R_LIMIT;
	return n->type == N_COOKIE ? show_cookie(c, n) : other_group(c, n);
}

/* However many copies come, one transmission is refused once. */
static void refused(struct v2_context *c, uint16_t type)
{
	struct ike_sa *sa = c->sa;

	if (sa->init_refused != sa->transmissions)
		sa->init_refusals++;
	sa->init_refused = sa->transmissions;
	if (sa->init_error == type)
		return;
	sa->init_error = type;
	ike_fx_log(c->e, LOG_IKE_MESSAGE_REFUSED, sa,
		   "%s in answer to IKE_SA_INIT is not protected; waiting for another answer",
		   iana_notify_name(type));
}

bool v2_init_is_refused(const struct ike_sa *sa)
{
	return sa->s.outstanding.kind == IKE_REQ_INIT && sa->init_refusals >= IKE_INIT_REFUSALS;
}

/*
 * RFC 7296 2.21.1: anybody can have sent it. What can be corrected is; else our request
 * goes on, for another answer may come, and fails for this reason when none does in the
 * whole time after the last of IKE_INIT_REFUSALS transmissions that were refused.
 */
enum result v2_init_refused(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct notify_payload *n = ike_message_notify(c->m, N_COOKIE);
	enum result res;

	if (n == NULL)
		n = ike_message_error(c->m);
	if (n == NULL)
		return R_MISSING;
	res = correct(c, n);
	if (res == R_OK)
		sa->init_rounds++;
	else if (res != R_COOKIE)
		refused(c, n->type);
	return res;
}

enum result v2_init_response(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	struct ike_outstanding *o = &sa->s.outstanding;
	struct sa_payload offer;
	struct ike_choice choice;
	enum result res = proposal_offer_ike(c->e->cfg->policies, c->e->cfg->n_policies, 0, &offer);

	if (res == R_OK)
		res = proposal_verify_ike(&offer, &c->m->sa, &choice);
	if (res != R_OK)
		return res;
	if (c->m->header.spi_r == 0 || choice.transforms.dh != o->dh_group)
		return R_VALUE;
	res = v2_agree_initiator(c);
	if (res != R_OK)
		return res;
	sa->s.transforms = choice.transforms;
	sa->s.spi_r = c->m->header.spi_r;
	if (!buf_set(&sa->s.nonce_r, c->m->nonce) ||
	    !buf_set(&sa->s.init_response, c->in->datagram))
		return R_NO_MEMORY;
	res = judge_nat(sa, c->m, c->in);
	if (res == R_OK)
		res = derive(sa, &c->job->shared);
	if (res != R_OK) {
		sa->s.spi_r = 0;
		return res;
	}
	if (sa->s.udp_encap) {
		sa->s.local.port = IKE_PORT_NAT;
		sa->s.remote.port = IKE_PORT_NAT;
	}
	sa->s.next_request_id = 1;
	sa->init_error = 0;
	ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_AUTH });
	return R_OK;
}
