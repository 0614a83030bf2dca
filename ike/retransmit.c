/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests go out again, byte for byte, until they are answered or the peer
 * counts as dead (RFC 7296 2.1, 2.4). The clock starts when the datagram has
 * left, not when it was handed out (R4): the caller says so with a token.
 */
#include "ike/v2.h"

static struct bytes token_key(const uint64_t *token)
{
	return bytes(token, sizeof(*token));
}

static void token_drop(struct ike_sa *sa)
{
	if (sa->token != 0)
		hashmap_remove(sa->e->tokens, token_key(&sa->token));
	sa->token = 0;
}

void ike_retransmit_send(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	const struct ike_outstanding *req = &sa->s.outstanding;

	must(req->kind != IKE_REQ_NONE);
	token_drop(sa);
	timer_cancel(&e->timers, &sa->resend);
	sa->token = ++e->last_token;
	must(hashmap_insert(e->tokens, token_key(&sa->token), sa) == R_OK);

	struct ike_effect *f = ike_fx_held(e, IKE_FX_SEND);

	f->local = sa->s.local;
	f->remote = sa->s.remote;
	f->udp_encap = sa->s.local.port == IKE_PORT_NAT;
	f->exchange = req->exchange;
	f->token = sa->token;
	f->ike_spi = ike_sa_state_spi(&sa->s);
	must(buf_set(&f->datagram, buf_bytes(&req->request)));
	if (sa->transmissions++ > 0)
		e->stats.retransmits_sent++;
	else
		e->stats.out_requests[req->exchange & 63]++;
}

void ike_retransmit_stop(struct ike_sa *sa)
{
	token_drop(sa);
	timer_cancel(&sa->e->timers, &sa->resend);
	sa->transmissions = 0;
}

/* A liveness check has the pace of 'isakmp keepalive ... retry', all else doubles. */
static uint64_t interval(const struct ike_sa *sa)
{
	if (sa->s.outstanding.kind == IKE_REQ_LIVENESS && sa->conn != NULL &&
	    sa->conn->dpd_retry_s != 0)
		return (uint64_t)sa->conn->dpd_retry_s * 1000;

	uint32_t first = sa->s.outstanding.kind == IKE_REQ_INIT ? sa->e->cfg->init_retransmit_ms
								: sa->e->cfg->retransmit_ms;
	unsigned int doublings = sa->transmissions > 1 ? sa->transmissions - 1 : 0;

	return (uint64_t)first << (doublings < 16 ? doublings : 16);
}

void ike_retransmit_released(struct ike_engine *e, uint64_t token)
{
	struct ike_sa *sa = hashmap_get(e->tokens, token_key(&token));

	/* Not found: answered, or given up, while it was held. */
	if (sa == NULL)
		return;
	if (token == sa->sync.token) {
		v2_msgid_sync_released(sa);
		return;
	}
	token_drop(sa);
	timer_set(&e->timers, &sa->resend, e->now + interval(sa));
}

static uint32_t tries(const struct ike_sa *sa)
{
	return sa->s.outstanding.kind == IKE_REQ_INIT ? sa->e->cfg->init_retransmit_tries
						      : sa->e->cfg->retransmit_tries;
}

void ike_retransmit_due(struct ike_sa *sa)
{
	/* The response is here and waits for its job. */
	if (sa->suspended.job_id != 0)
		timer_set(&sa->e->timers, &sa->resend, sa->e->now + interval(sa));
	else if (sa->transmissions >= tries(sa) || v2_init_is_refused(sa))
		ike_sa_peer_dead(sa);
	else
		ike_retransmit_send(sa);
}
