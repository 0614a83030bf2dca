/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6311, the message ids, both sides. A member that took over as suspect
 * (R10) tells the peer which ids it goes on with; the peer raises its own to
 * that and answers with what it has. These INFORMATIONALs have message id 0
 * whatever the window is (5.1), so they come here before the window does.
 *
 * Nothing of the SA follows a request whose number M1 was reached already:
 * that is what keeps a recorded one out. A retransmission is therefore a
 * message of its own, with a higher M1 and a new nonce. It goes further up
 * each time: how many exchanges we did not hear of is not known. The term is
 * part of it: an owner that nobody here heard of may have asked before. There are as
 * many as of any request, and no liveness check after them: that would need
 * an id which may have been used (law 3), or one that the peer does not expect.
 */
#include "ike/v2.h"

enum {
	SYNC_STEP = 1024,   /* first M1: this far above the ids that we know of */
	SYNC_STEP_BITS = 4, /* the next ones: 16 times as far */
	SYNC_STEP_BITS_MAX = 12,
	OUTSTANDING_FIRST = 2, /* times the first interval */
};

/* Ids do not wrap (RFC 7296 2.2): an SA that comes this near its last one is not moved there. */
#define SYNC_ID_MAX (UINT32_MAX - 0x10000u)

/* ---- negotiation (RFC 6311 5: in IKE_AUTH) ---- */

void v2_sync_offer(const struct ike_engine *e, struct ike_builder *b)
{
	if (!e->cfg->counter_sync)
		return;
	notify_put(b, N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED, BYTES_NONE);
	notify_put(b, N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED, BYTES_NONE);
}

void v2_sync_agree(struct ike_sa *sa, const struct ike_message *m, struct ike_builder *answer)
{
	bool offered = sa->e->cfg->counter_sync;

	sa->s.peer_mid_sync = offered &&
			      ike_message_notify(m, N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED) != NULL;
	sa->s.peer_replay_sync = offered &&
				 ike_message_notify(m, N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED) !=
					 NULL;
	if (answer != NULL && sa->s.peer_mid_sync)
		notify_put(answer, N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED, BYTES_NONE);
	if (answer != NULL && sa->s.peer_replay_sync)
		notify_put(answer, N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED, BYTES_NONE);
}

/* ---- what both sides do ---- */

static uint32_t higher(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/*
 * 5.1: what is outstanding has an id of the past and will not be answered. It
 * may have been processed: what the other side made of it is deleted, and it
 * is asked for anew.
 */
static void ask_anew(struct ike_sa *sa)
{
	const struct ike_outstanding *o = &sa->s.outstanding;
	struct ike_want half_made = { .kind = IKE_REQ_CHILD_DELETE, .spi_in = o->new_spi_in };
	struct ike_want again = { .kind = o->kind };
	struct ike_sa *rival = v2_ike_rival(sa);

	if (o->kind == IKE_REQ_NONE)
		return;
	if (o->kind == IKE_REQ_CHILD_NEW)
		again.tunnel = o->tunnel;
	else if (o->kind == IKE_REQ_CHILD_REKEY || o->kind == IKE_REQ_CHILD_DELETE)
		again.spi_in = o->old_spi_in;
	v2_child_concede(sa);
	ike_outstanding_clear(sa);
	if (again.kind == IKE_REQ_IKE_REKEY && rival != NULL) {
		v2_inherit(sa, rival);
		v2_enter_event(sa, V2_WAITS_FOR_DELETE);
		return;
	}
	if (half_made.spi_in != 0)
		ike_want_add(sa, &half_made);
	if (again.kind != IKE_REQ_LIVENESS) /* that is proven */
		ike_want_add(sa, &again);
}

/* next: what our next request has; expected: what the peer's has. Neither goes back. */
static void move_ids(struct ike_sa *sa, uint32_t next, uint32_t expected)
{
	ask_anew(sa);
	sa->s.next_request_id = higher(sa->s.next_request_id, next);
#ifdef HF_IMPAIRMENTS
	if (sa->e->cfg->break_sync)
		sa->s.next_request_id = next;
#endif
	if (expected > sa->s.expected_request_id) {
		sa->s.expected_request_id = expected;
		/* It answers a request before the last one now. */
		buf_free(&sa->s.last_response);
		buf_free(&sa->s.last_request_digest);
	}
	ike_sa_touch(sa);
	ike_sa_ready(sa);
}

static enum result sealed(struct ike_sa *sa, bool response, struct ike_builder *b, struct buf *out)
{
	const struct ike_header h = {
		.spi_i = sa->s.spi_i,
		.spi_r = sa->s.spi_r,
		.version = IKE_VERSION,
		.exchange = INFORMATIONAL,
		.flags = (uint8_t)((response ? IKE_FLAG_RESPONSE : 0) |
				   (sa->s.initiator ? IKE_FLAG_INITIATOR : 0)),
		.message_id = 0,
	};

	return v2_seal(sa, &h, b, out);
}

/* ---- member ---- */

void v2_msgid_sync_want(struct ike_sa *sa, uint64_t at_ms)
{
	sa->sync = (struct ike_sync){ .due = true, .timer = sa->sync.timer };
	/* What is outstanding has gone out, byte for byte: its response is best. */
	if (sa->s.outstanding.kind != IKE_REQ_NONE)
		at_ms += OUTSTANDING_FIRST * (uint64_t)sa->e->cfg->retransmit_ms;
	timer_set(&sa->e->timers, &sa->sync.timer, at_ms);
}

static void token_drop(struct ike_sa *sa)
{
	if (sa->sync.token != 0)
		hashmap_remove(sa->e->tokens, bytes(&sa->sync.token, sizeof(sa->sync.token)));
	sa->sync.token = 0;
}

void v2_msgid_sync_stop(struct ike_sa *sa)
{
	token_drop(sa);
	timer_cancel(&sa->e->timers, &sa->sync.timer);
	sa->sync.due = false;
}

/* R10: a new IKE SA. */
static void give_up(struct ike_sa *sa, const char *why)
{
	v2_msgid_sync_stop(sa);
	sa->e->stats.syncs_failed++;
	ike_fx_log(sa->e, LOG_IKE_SYNC_FAILED, sa, "%s", why);
	sa->suspect = true;
	ike_sa_unanswered(sa);
}

static void hold_request(struct ike_sa *sa, struct buf *adopt_datagram)
{
	struct ike_engine *e = sa->e;
	struct ike_effect *f = ike_fx_held(e, IKE_FX_SEND);

	f->local = sa->s.local;
	f->remote = sa->s.remote;
	f->udp_encap = sa->s.local.port == IKE_PORT_NAT;
	f->exchange = INFORMATIONAL;
	f->ike_spi = ike_sa_state_spi(&sa->s);
	buf_move(&f->datagram, adopt_datagram);
	token_drop(sa);
	sa->sync.token = ++e->last_token;
	f->token = sa->sync.token;
	must(hashmap_insert(e->tokens, bytes(&sa->sync.token, sizeof(sa->sync.token)), sa) == R_OK);
}

/*
 * 5.1: M1 above all ids that may have been used, by as much as the window; P1
 * the next that we expect. The others know M1 before the peer does, so that
 * none of them sends it again.
 */
enum result v2_begin_msgid_sync(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct msgid_sync *s = &sa->sync.sent;
	struct ike_builder b;
	struct buf out = { 0 };
	unsigned int bits = SYNC_STEP_BITS * sa->sync.transmissions;
	uint32_t step = (uint32_t)SYNC_STEP
			<< (bits < SYNC_STEP_BITS_MAX ? bits : SYNC_STEP_BITS_MAX);

	(void)w;
	(void)job;
	ike_retransmit_stop(sa); /* what is outstanding has had its time */
	s->send = higher(sa->s.next_request_id, sa->s.sync_sent) + step + (uint8_t)sa->e->term;
	s->recv = sa->s.expected_request_id;
	if (s->send > SYNC_ID_MAX || s->send < step)
		return R_EXHAUSTED;
	sa->e->ec.random(sa->e->ec.random_ctx, s->nonce, sizeof(s->nonce));
	v2_payloads(sa->e, &b);
	msgid_sync_put(&b, s);
	v2_replay_sync_put(sa, &b);

	enum result res = sealed(sa, false, &b, &out);

	if (res != R_OK)
		return res;
	sa->s.sync_sent = s->send;
	ike_sa_touch(sa);
	sa->e->stats.out_requests[INFORMATIONAL & 63]++;
	sa->e->stats.syncs_sent++;
	sa->sync.transmissions++;
	hold_request(sa, &out);
	v2_row_done(sa->e, v2_request_row(IKE_REQ_MSGID_SYNC)->story);
	return R_OK;
}

/*
 * The former owner may have answered it, otherwise. The
 * peer asks again when it has the ids, which is now, or never (doubt.c).
 */
bool v2_msgid_sync_comes_first(struct ike_sa *sa)
{
	if (sa->sync.due && sa->sync.transmissions == 0 && sa->s.outstanding.kind == IKE_REQ_NONE)
		timer_set(&sa->e->timers, &sa->sync.timer, sa->e->now);
	return ike_sa_in_doubt(sa);
}

void v2_msgid_sync_released(struct ike_sa *sa)
{
	token_drop(sa);
	timer_set(&sa->e->timers, &sa->sync.timer,
		  sa->e->now +
			  ((uint64_t)sa->e->cfg->retransmit_ms << (sa->sync.transmissions - 1)));
}

/* Its turn in the pace of a takeover, or no answer came. */
void v2_msgid_sync_due(struct ike_sa *sa)
{
	const struct v2_request *row = v2_request_row(IKE_REQ_MSGID_SYNC);

	if ((row->from & V2_STAGE(sa->s.stage)) == 0) { /* replaced meanwhile */
		v2_msgid_sync_stop(sa);
		ike_sa_ready(sa);
	} else if (sa->suspended.job_id != 0) {
		/* The response is here and waits for its job. */
		timer_set(&sa->e->timers, &sa->sync.timer, sa->e->now + sa->e->cfg->retransmit_ms);
	} else if (sa->sync.transmissions >= sa->e->cfg->retransmit_tries) {
		give_up(sa, "no answer");
	} else {
		enum result res = row->begin(sa, NULL, NULL);

		if (res != R_OK)
			give_up(sa, result_text(res));
	}
}

enum result v2_msgid_sync_response(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct msgid_sync *sent = &sa->sync.sent;
	struct msgid_sync got;
	enum result res = msgid_sync_decode(&c->m->notifies[0], &got);

	if (res != R_OK)
		return res;
	/* An answer to an earlier transmission, or none at all. */
	if (c->m->n_notifies != 1 || !bytes_equal(bytes(got.nonce, sizeof(got.nonce)),
						  bytes(sent->nonce, sizeof(sent->nonce))))
		return R_VALUE;
	/* 5.1: M2 is the one that the peer expects, P2 the one that it goes on with. */
	if (got.recv < sent->send || got.send < sent->recv || got.recv > SYNC_ID_MAX ||
	    got.send > SYNC_ID_MAX)
		return R_STALE;
	v2_msgid_sync_stop(sa);
	v2_replay_sync_granted(sa);
	ike_sa_doubt_ended(sa);
	move_ids(sa, got.recv, got.send);
	sa->e->stats.syncs_done++;
	ike_fx_log(sa->e, LOG_IKE_SYNCED, sa, "next message ids: ours %u, the peer's %u",
		   sa->s.next_request_id, sa->s.expected_request_id);
	return R_OK;
}

/* ---- peer ---- */

static void answer(struct v2_context *c, const struct msgid_sync *got)
{
	struct ike_sa *sa = c->sa;
	const struct msgid_sync mine = { .nonce = { got->nonce[0], got->nonce[1], got->nonce[2],
						    got->nonce[3] },
					 .send = sa->s.next_request_id,
					 .recv = sa->s.expected_request_id };
	struct ike_builder b;
	struct buf out = { 0 };

	v2_payloads(sa->e, &b);
	msgid_sync_put(&b, &mine);
	if (sealed(sa, true, &b, &out) != R_OK)
		return; /* no IV is left: what comes next ends the SA */

	struct ike_effect *f = ike_fx_held(sa->e, IKE_FX_SEND);

	f->local = c->in->local;
	f->remote = c->in->remote;
	f->udp_encap = c->in->local.port == IKE_PORT_NAT;
	f->exchange = INFORMATIONAL;
	f->response = true;
	f->ike_spi = ike_sa_state_spi(&sa->s);
	buf_move(&f->datagram, &out);
	sa->e->stats.out_responses[INFORMATIONAL & 63]++;
	sa->e->stats.syncs_answered++;
}

enum result v2_msgid_sync_request(struct v2_context *c)
{
	struct ike_sa *sa = c->sa;
	const struct notify_payload *n = ike_message_notify(c->m, N_IKEV2_MESSAGE_ID_SYNC);
	struct msgid_sync got;
	uint64_t delta;
	enum result res = msgid_sync_decode(n, &got);

	if (res == R_OK)
		res = v2_replay_sync_asked(sa, c->m, &delta);
	if (res != R_OK)
		return res;
	/* MUST NOT hold anything else. */
	if (c->m->n_notifies !=
	    1u + (ike_message_notify(c->m, N_IPSEC_REPLAY_COUNTER_SYNC) != NULL))
		return R_UNEXPECTED;
	/* Not above what was seen from the cluster, synchronizations included: silence. */
	if (got.send < higher(sa->s.expected_request_id, sa->s.sync_floor))
		return R_STALE;
	if (got.send > SYNC_ID_MAX || got.recv > SYNC_ID_MAX)
		return R_EXHAUSTED;
	sa->s.sync_floor = got.send + 1;
	ike_follow_peer(sa, c->in);
	/* Above what we have used, our own synchronization under way included. */
	move_ids(sa, higher(got.recv, sa->s.sync_sent), got.send);
	v2_replay_sync_grant(sa, delta);
	ike_fx_log(sa->e, LOG_IKE_SYNC_ANSWERED, sa, "next message ids: ours %u, the peer's %u",
		   sa->s.next_request_id, sa->s.expected_request_id);
	answer(c, &got);
	return R_OK;
}

/* ---- before the window ---- */

static enum result take(struct ike_sa *sa, struct ike_message *m, const struct ike_input *in)
{
	bool response = ike_is_response(&m->header);
	struct v2_context c = { .e = sa->e, .sa = sa, .m = m, .in = in, .next = sa->s.stage };
	enum result res = R_STATE;

	/* In order with what waits for its job: that has ids of before. */
	if (sa->suspended.job_id != 0) {
		ike_sa_let_wait(sa, in);
		return R_OK;
	}
	if (m->outside != IKE_P(SK) || m->present != IKE_P(NOTIFY))
		return R_UNEXPECTED;
	c.row = v2_transition_row(sa->s.stage,
				  response && sa->sync.transmissions > 0 && sa->sync.due
					  ? IKE_REQ_MSGID_SYNC
					  : IKE_REQ_NONE,
				  m, FORM_MSGID_SYNC, &res);
	if (c.row != NULL)
		res = c.row->handle(&c);
	if (res != R_OK)
		return res;
	ike_heard(sa, sa->e->now);
	(response ? sa->e->stats.in_responses : sa->e->stats.in_requests)[INFORMATIONAL & 63]++;
	v2_row_done(sa->e, c.row->story);
	return R_OK;
}

bool v2_msgid_sync(struct ike_sa *sa, const struct ike_header *h, const struct ike_input *in,
		   enum result *res)
{
	struct ike_message m;
	struct buf plain = { 0 };
	struct sk_key key;
	bool is_sync = false;

	if (h->exchange != INFORMATIONAL || h->message_id != 0 || !sa->s.peer_mid_sync ||
	    sa->s.stage < IKE_SA_ESTABLISHED || sa->s.stage == IKE_SA_DEAD)
		return false;
	if (ike_message_decode(in->datagram, &m) == R_OK &&
	    sk_key_of(&sa->s, false, &key) == R_OK &&
	    sk_open(sa->e->crypto, &key, &m, &plain) == R_OK &&
	    ike_message_decode_inner(&m, buf_bytes(&plain)) == R_OK)
		is_sync = ike_message_notify(&m, N_IKEV2_MESSAGE_ID_SYNC) != NULL;
	if (is_sync)
		*res = take(sa, &m, in);
	buf_free(&plain);
	return is_sync;
}
