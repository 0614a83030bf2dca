/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A datagram on its way in: header, SA, retransmission, window, integrity,
 * payloads, row of the table, handler, and the answer. Nothing of an SA
 * changes before the message is known to be the peer's (RFC 7296 2.1 to 2.3,
 * 2.21).
 */
#include "ike/v2.h"

static void refuse(struct ike_engine *e, const struct ike_sa *sa, const struct ike_input *in,
		   enum result why)
{
	e->stats.refused[why]++;
	if (sa != NULL)
		ike_fx_log(e, LOG_IKE_MESSAGE_REFUSED, sa, "%s", result_text(why));
	else
		ike_fx_log_at(e, LOG_IKE_MESSAGE_REFUSED, in, "%s", result_text(why));
}

static void digest_of(struct ike_engine *e, struct bytes datagram, uint8_t out[SHA256_LEN])
{
	must(ike_sha256(e->crypto, &datagram, 1, out) == R_OK);
}

/* ---- the first request of a peer ---- */

static void first_request(struct ike_engine *e, const struct ike_input *in, struct ike_sa *sa,
			  struct ike_job *job)
{
	struct ike_message m;
	enum ike_form form = FORM_NONE;
	enum result res = ike_message_decode(in->datagram, &m);
	struct v2_context c = {
		.e = e, .sa = sa, .m = &m, .in = in, .job = job, .next = IKE_SA_NONE
	};

	/*
	 * RFC 7296 2.5: an unknown critical payload is told to a
	 * stranger too; other malformed requests are not answered.
	 */
	if (res == R_CRITICAL)
		v2_init_error(e, in, &m.header, N_UNSUPPORTED_CRITICAL_PAYLOAD,
			      bytes(&m.critical_type, 1));
	if (res == R_OK)
		res = ike_payload_rules_check(&m, &form);
	if (res == R_OK)
		c.row = v2_transition_row(IKE_SA_NONE, IKE_REQ_NONE, &m, form, &res);
	if (c.row != NULL)
		res = c.row->handle(&c);
	if (res == R_OK) {
		v2_enter(c.sa, c.row, c.next);
		v2_row_done(e, c.row->story);
	} else if (res != R_SUSPENDED) {
		refuse(e, c.sa, in, res);
	}
	/* A refusal after the job leaves nothing behind. */
	if (res != R_OK && res != R_SUSPENDED && sa != NULL)
		ike_sa_remove(sa);
}

static void init_request(struct ike_engine *e, const struct ike_header *h,
			 const struct ike_input *in)
{
	uint8_t digest[SHA256_LEN];

	/*
	 * RFC 7296 3.1, 2.6: the first message has no SPI
	 * of ours, id 0, and comes from an initiator.
	 */
	if (h->spi_r != 0 || h->message_id != 0 || !ike_from_initiator(h)) {
		refuse(e, NULL, in, R_VALUE);
		return;
	}
	digest_of(e, in->datagram, digest);

	struct ike_sa *sa = ike_half_open_find(e, bytes(digest, sizeof(digest)), &in->remote);

	e->stats.in_requests[h->exchange & 63]++;
	if (sa == NULL) {
		first_request(e, in, NULL, NULL);
	} else if (sa->s.stage == IKE_SA_INIT_ANSWERED) {
		e->stats.retransmits_answered++;
		v2_repeat_response(sa, in, h->exchange);
	} else {
		e->stats.refused[R_SUSPENDED]++; /* its job is still out */
	}
}

/* ---- messages to an SA ---- */

/*
 * RFC 7296 2.21.3: INVALID_SYNTAX on an authenticated IKE SA is fatal in both peers, which
 * delete it without an INFORMATIONAL exchange. The tombstone repeats our last response.
 */
static void fatal(struct ike_sa *sa, const char *reason)
{
	struct ike_sa *rival = v2_ike_rival(sa);

	/* It has no children without sa's, and ends with them. */
	if (rival != NULL)
		ike_sa_want_delete(rival, reason);
	if (sa->s.stage == IKE_SA_ESTABLISHED && !sa->s.closing)
		ike_sa_down(sa, reason);
	v2_enter_event(sa, V2_CLOSED);
}

static bool is_fatal(const struct ike_sa *sa, enum result res)
{
	return sa->s.stage >= IKE_SA_ESTABLISHED && result_notify(res) == N_INVALID_SYNTAX;
}

static void answer(struct v2_context *c, enum result res)
{
	struct ike_sa *sa = c->sa;
	struct ike_header h = c->m->header;
	struct buf out = { 0 };

	if (res != R_OK) {
		v2_payloads(c->e, c->answer);
		v2_put_error(c->answer, c, res);
		c->next = c->row != NULL && c->row->on_error != IKE_SA_NONE ? c->row->on_error
									    : sa->s.stage;
	}
	h.version = IKE_VERSION;
	h.flags = (uint8_t)(IKE_FLAG_RESPONSE | (sa->s.initiator ? IKE_FLAG_INITIATOR : 0));
	if (v2_seal(sa, &h, c->answer, &out) != R_OK) {
		ike_sa_exhausted(sa);
		return;
	}
	sa->s.expected_request_id++;
	v2_send_response(sa, c->in, h.exchange, &out);
	ike_sa_touch(sa);
	if (is_fatal(sa, res)) {
		fatal(sa, "the peer's request was answered with INVALID_SYNTAX");
	} else if (c->row != NULL) {
		v2_enter(sa, c->row, c->next);
		v2_row_done(c->e, c->row->story);
	}
	ike_message_ids_used(sa);
}

/*
 * The response to our request cannot be used, though
 * it is the peer's: as if the request had failed.
 */
static void broken_response(struct ike_sa *sa)
{
	enum ike_request_kind kind = sa->s.outstanding.kind;
	uint32_t half_made = sa->s.outstanding.new_spi_in;
	struct child_sa *deleted = kind == IKE_REQ_CHILD_DELETE
					   ? child_sa_find(sa->e, sa->s.outstanding.old_spi_in)
					   : NULL;
	struct ike_sa *rival = v2_ike_rival(sa);

	if (kind == IKE_REQ_AUTH)
		ike_attempt_failed(sa, TUNNEL_AUTH_FAILED);
	v2_child_concede(sa);
	ike_outstanding_clear(sa);
	ike_sa_touch(sa);
	if (kind == IKE_REQ_AUTH) {
		v2_enter_event(sa, V2_PEER_NOT_PROVEN);
		ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_DELETE });
	} else if (kind == IKE_REQ_IKE_DELETE) {
		v2_enter_event(sa, V2_CLOSED);
	} else if (kind == IKE_REQ_IKE_REKEY && rival != NULL) {
		v2_inherit(sa, rival);
		v2_enter_event(sa, V2_WAITS_FOR_DELETE);
	} else if (deleted != NULL && deleted->sa == sa) {
		child_sa_close(deleted);
	} else if (half_made != 0) {
		/* The peer made its half. With this step's record the next owner knows (R1). */
		ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_DELETE,
							   .spi_in = half_made });
	}
}

static bool deletes_ike(const struct ike_message *m)
{
	for (size_t i = 0; i < m->n_deletes; i++) {
		if (m->deletes[i].protocol == PROTO_IKE)
			return true;
	}
	return false;
}

static void request(struct v2_context *c, enum result res)
{
	struct ike_builder b;

	c->answer = &b;
	v2_payloads(c->e, &b);
	if (res == R_OK && !deletes_ike(c->m))
		v2_rival_is_used(c->sa);
	if (res == R_OK)
		res = c->row->handle(c);
	if (res == R_SUSPENDED)
		return;
	if (res != R_OK)
		refuse(c->e, c->sa, c->in, res);
	answer(c, res);
}

/* RFC 7296 2.25: after several minutes of it the two ends do not agree on the state. */
static void temporary_failure(struct ike_sa *sa, bool failed)
{
	uint64_t now = sa->e->now;

	if (!failed)
		sa->temporary_ms = 0;
	else if (sa->temporary_ms == 0)
		sa->temporary_ms = now;
	else if (now - sa->temporary_ms >= IKE_TEMPORARY_MS && sa->s.stage == IKE_SA_ESTABLISHED)
		ike_sa_replace(sa, "the peer goes on answering TEMPORARY_FAILURE");
}

static void response(struct v2_context *c, enum result res)
{
	struct ike_sa *sa = c->sa;

	if (sa->s.stage >= IKE_SA_ESTABLISHED && ike_message_notify(c->m, N_INVALID_SYNTAX)) {
		fatal(sa, "the peer answered our request with INVALID_SYNTAX");
		return;
	}
	if (res == R_OK)
		res = c->row->handle(c);
	if (res == R_SUSPENDED)
		return;
	if (res != R_OK)
		refuse(c->e, sa, c->in, res);
	/*
	 * IKE_SA_INIT is not protected: what is wrong with it
	 * may be an attacker's, and the true one may still come.
	 */
	if (res != R_OK && c->m->header.exchange == IKE_SA_INIT)
		return;
	if (res != R_OK) {
		broken_response(sa);
		return;
	}
	if (!c->keep_outstanding)
		ike_outstanding_clear(sa);
	if (sa->replicated)
		ike_sa_touch(sa);
	v2_enter(sa, c->row, c->next);
	v2_row_done(c->e, c->row->story);
	if (c->m->header.exchange == CREATE_CHILD_SA)
		temporary_failure(sa, ike_message_notify(c->m, N_TEMPORARY_FAILURE) != NULL);
	ike_sa_ready(sa);
}

/* RFC 7296 2.2, 2.3: window of one. R_EXISTS: a request that was answered already. */
static enum result window(const struct ike_sa *sa, const struct ike_header *h)
{
	const struct ike_outstanding *o = &sa->s.outstanding;

	if (ike_is_response(h))
		return o->kind != IKE_REQ_NONE && h->message_id == o->message_id &&
				       h->exchange == o->exchange
			       ? R_OK
			       : R_MESSAGE_ID;
	/* The last one is not taken: the id expected next would be 0 again (2.2). */
	if (h->message_id == sa->s.expected_request_id)
		return h->message_id != UINT32_MAX ? R_OK : R_MESSAGE_ID;
	return h->message_id + 1 == sa->s.expected_request_id && sa->s.last_response.len != 0
		       ? R_EXISTS
		       : R_MESSAGE_ID;
}

void ike_follow_peer(struct ike_sa *sa, const struct ike_input *in)
{
	bool floats = sa->s.stage == IKE_SA_INIT_ANSWERED;

	if (!floats && !ike_may_follow_peer(&sa->s))
		return;
	if (inet_endpoint_equal(&sa->s.remote, &in->remote) &&
	    inet_endpoint_equal(&sa->s.local, &in->local))
		return;
	sa->s.remote = in->remote;
	sa->s.local = in->local;
	child_sa_moved(sa);
}

static enum result opened(struct ike_sa *sa, struct ike_message *m, struct buf *plain)
{
	struct sk_key key;
	enum result res = sk_key_of(&sa->s, false, &key);

	return res == R_OK ? sk_open(sa->e->crypto, &key, m, plain) : res;
}

static void take(struct ike_sa *sa, struct ike_message *m, const struct ike_input *in,
		 struct ike_job *job, enum result res)
{
	struct v2_context c = {
		.e = sa->e, .sa = sa, .m = m, .in = in, .job = job, .next = sa->s.stage
	};
	enum ike_form form = FORM_NONE;

	if (res == R_OK)
		res = ike_payload_rules_check(m, &form);
	if (res == R_UNSUPPORTED)
		res = R_STATE; /* an exchange that we do not know */
	if (res == R_OK)
		c.row = v2_transition_row(sa->s.stage, sa->s.outstanding.kind, m, form, &res);
	if (ike_is_response(&m->header)) {
		response(&c, res);
		return;
	}
	/*
	 * A malformed IKE_AUTH is answered by a refusal,
	 * and ends the half-open SA (RFC 7296 2.21.2).
	 */
	if (sa->s.stage == IKE_SA_INIT_ANSWERED && m->header.exchange == IKE_AUTH &&
	    c.row == NULL) {
		enum result unused = R_OK;

		c.row = v2_transition_row(sa->s.stage, IKE_REQ_NONE, m, FORM_AUTH, &unused);
	}
	/* Before the peer is authenticated it gets no answer to anything but a proper IKE_AUTH. */
	if (sa->s.stage < IKE_SA_ESTABLISHED && c.row == NULL) {
		refuse(sa->e, sa, in, res);
		return;
	}
	request(&c, res);
}

static bool is_repeat(struct ike_sa *sa, const struct ike_header *h, const struct ike_input *in)
{
	uint8_t digest[SHA256_LEN];

	if (ike_is_response(h) || window(sa, h) != R_EXISTS)
		return false;
	digest_of(sa->e, in->datagram, digest);
	return bytes_equal(bytes(digest, sizeof(digest)), buf_bytes(&sa->s.last_request_digest));
}

static void repeat(struct ike_sa *sa, const struct ike_header *h, const struct ike_input *in)
{
	sa->e->stats.retransmits_answered++;
	v2_repeat_response(sa, in, h->exchange);
}

static void message(struct ike_sa *sa, const struct ike_header *h, const struct ike_input *in,
		    struct ike_job *job)
{
	struct ike_engine *e = sa->e;
	struct ike_message m;
	struct buf plain = { 0 };
	enum result res = window(sa, h), sync;

	/* RFC 6311 5.1: message id 0, beside the window. Refused ones get no answer. */
	if (v2_msgid_sync(sa, h, in, &sync)) {
		if (sync != R_OK)
			refuse(e, sa, in, sync);
		return;
	}
	if (is_repeat(sa, h, in)) {
		repeat(sa, h, in);
		return;
	}
	if (sa->s.stage == IKE_SA_DEAD)
		res = R_STATE;
	if (res == R_OK || res == R_EXISTS) {
		enum result decoded = ike_message_decode(in->datagram, &m);

		if (decoded != R_OK)
			res = decoded;
	}
	if (res != R_OK && res != R_EXISTS) {
		refuse(e, sa, in, res);
		return;
	}
	/* The one exchange without SK{} that an SA of ours can wait for. */
	if (h->exchange == IKE_SA_INIT && sa->s.stage == IKE_SA_INIT_SENT && ike_is_response(h)) {
		if (sa->suspended.job_id != 0) {
			e->stats.refused[R_SUSPENDED]++;
			return;
		}
		e->stats.in_responses[h->exchange & 63] += job == NULL;
		take(sa, &m, in, job, R_OK);
		return;
	}

	enum result open = opened(sa, &m, &plain);

	if (open != R_OK) {
		refuse(e, sa, in, open);
	} else if (res == R_EXISTS) {
		repeat(sa, h, in); /* RFC 7296 2.1: same id, other bytes: still the one response */
	} else if (sa->suspended.job_id != 0) {
		ike_sa_let_wait(sa, in);
	} else if (!ike_is_response(h) && v2_msgid_sync_comes_first(sa)) {
		refuse(e, sa, in, R_AGAIN);
	} else {
		ike_heard(sa, e->now);
		if (job == NULL)
			(ike_is_response(h) ? e->stats.in_responses
					    : e->stats.in_requests)[h->exchange & 63]++;
		if (!ike_is_response(h)) {
			ike_follow_peer(sa, in);
			/* What this one makes comes after; what it deletes is gone before. */
			if (h->exchange != INFORMATIONAL)
				child_sas_known(sa);
		}
		take(sa, &m, in, job, ike_message_decode_inner(&m, buf_bytes(&plain)));
	}
	buf_free(&plain);
}

/* Our SPI in the header is the one of the side that the sender is not (RFC 7296 3.1). */
static struct ike_sa *sa_of(const struct ike_engine *e, const struct ike_header *h)
{
	bool we_initiated = !ike_from_initiator(h);
	struct ike_sa *sa = ike_sa_find(e, we_initiated ? h->spi_i : h->spi_r);

	if (sa == NULL || sa->s.initiator != we_initiated)
		return NULL;
	/* The peer's SPI is not known before its IKE_SA_INIT response. */
	if (we_initiated)
		return sa->s.spi_r == 0 || sa->s.spi_r == h->spi_r ? sa : NULL;
	return sa->s.spi_i == h->spi_i ? sa : NULL;
}

void ike_receive(struct ike_engine *e, const struct ike_input *in)
{
	struct ike_header h;
	enum result res = ike_header_decode(in->datagram, &h);

	if (!e->active)
		res = R_NOT_OWNER; /* R13 */
	/* RFC 7296 2.5, 1.5: told now and then. */
	if (res == R_MAJOR_VERSION && !ike_is_response(&h) && e->now >= e->next_version_notify_ms) {
		e->next_version_notify_ms = e->now + IKE_VERSION_NOTIFY_MS;
		v2_init_error(e, in, &h, N_INVALID_MAJOR_VERSION, BYTES_NONE);
	}
	if (res == R_OK && h.exchange == IKE_SA_INIT && !ike_is_response(&h)) {
		init_request(e, &h, in);
		return;
	}

	struct ike_sa *sa = res == R_OK ? sa_of(e, &h) : NULL;

	/*
	 * No INVALID_IKE_SPI: an unprotected answer helps
	 * nobody but a flooder (2.21.4, VU#419128).
	 */
	if (sa == NULL)
		refuse(e, NULL, in, res == R_OK ? R_INVALID_SPI : res);
	else
		message(sa, &h, in, NULL);
}

void ike_resume(struct ike_engine *e, struct ike_job *job)
{
	struct ike_sa *sa = ike_sa_find(e, job->ike_spi);

	/* The SA is gone, or the job belongs to what it was before. */
	if (sa == NULL || sa->suspended.job_id == 0 || sa->suspended.job_id != job->id)
		return;

	struct ike_suspended s = sa->suspended;
	struct ike_input in = { .kind = IKE_IN_DATAGRAM,
				.local = s.local,
				.remote = s.remote,
				.datagram = buf_bytes(&s.datagram) };
	struct ike_header h;

	sa->suspended = (struct ike_suspended){ 0 };
	if (in.datagram.len == 0) {
		ike_request_resume(sa, job);
	} else {
		must(ike_header_decode(in.datagram, &h) == R_OK);
		if (sa->s.stage == IKE_SA_NONE)
			first_request(e, &in, sa, job);
		else
			message(sa, &h, &in, job);
	}
	buf_free(&s.datagram);

	/* What came meanwhile. */
	sa = ike_sa_find(e, job->ike_spi);
	if (sa == NULL || sa->suspended.job_id != 0)
		return;
	ike_sa_ready(sa);
	if (sa->waiting.len == 0)
		return;
	struct buf waiting = { 0 };

	buf_move(&waiting, &sa->waiting);
	in = (struct ike_input){ .kind = IKE_IN_DATAGRAM,
				 .local = sa->waiting_local,
				 .remote = sa->waiting_remote,
				 .datagram = buf_bytes(&waiting) };
	ike_receive(e, &in);
	buf_free(&waiting);
}
