/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What time does to SAs: soft and hard lifetimes (RFC 7296 2.8), half-opens
 * that never authenticated, tombstones (R1), replaced SAs whose DELETE never
 * came, liveness checks (2.4), NAT keepalives (RFC 3948 4). Times are cluster
 * time and live in the record, so that the next owner goes on with them.
 */
#include "ike/engine.h"

enum {
	REKEY_AGAIN_MS = 30000, /* a rekey that did not happen is wanted again */
	ANEW_OVERLAP_MS = 2000, /* the old IKE SA beside the one that takes its place (R23) */
};

static uint64_t earlier(uint64_t a, uint64_t b)
{
	if (a == 0)
		return b;
	return b != 0 && b < a ? b : a;
}

uint64_t ike_random_below(struct ike_engine *e, uint64_t bound)
{
	uint64_t v;

	e->ec.random(e->ec.random_ctx, (uint8_t *)&v, sizeof(v));
	return bound == 0 ? 0 : v % bound;
}

/* Both ends, and both nodes of a cluster, would otherwise rekey in the same instant. */
uint64_t ike_soft_lifetime(struct ike_engine *e, uint32_t lifetime_s)
{
	uint64_t life = (uint64_t)lifetime_s * 1000;
	uint64_t margin = life * e->cfg->rekey_margin_pct / 100;

	return life - margin - ike_random_below(e, margin);
}

static void timer_at(struct ike_engine *e, struct timer *t, uint64_t at)
{
	if (at == 0 || !e->active)
		timer_cancel(&e->timers, t);
	else
		timer_set(&e->timers, t, at);
}

/* ---- CHILD SA ---- */

void child_life_arm(struct child_sa *c)
{
	uint64_t at = 0;

	switch (c->s.stage) {
	case CHILD_SA_INSTALLED:
	case CHILD_SA_ESTABLISHED:
		at = earlier(c->s.replaced_by != 0 ? c->s.tombstone_until_ms : c->s.rekey_at_ms,
			     c->s.expire_at_ms);
		break;
	case CHILD_SA_REKEYED:
	case CHILD_SA_DEAD:
		at = c->s.tombstone_until_ms;
		break;
	}
	timer_at(c->e, &c->life, at);
}

void child_life_due(struct child_sa *c)
{
	uint64_t now = c->e->now;

	if (c->s.stage == CHILD_SA_DEAD) {
		child_sa_remove(c);
	} else if (c->s.expire_at_ms != 0 && c->s.expire_at_ms <= now && child_sa_peer_unsure(c)) {
		/* The peer would not know what our DELETE names, and take it up later. */
		c->s.expire_at_ms = c->s.created_ms + IKE_REPLACED_WAIT_MS;
		child_sa_touch(c);
		child_life_arm(c);
	} else if (c->s.replaced_by != 0 || c->s.stage == CHILD_SA_REKEYED ||
		   (c->s.expire_at_ms != 0 && c->s.expire_at_ms <= now)) {
		child_sa_want_delete(c);
	} else {
		ike_want_add(c->sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_REKEY,
							.spi_in = c->s.spi_in });
		c->s.rekey_at_ms = now + REKEY_AGAIN_MS;
		child_life_arm(c);
	}
}

void child_rekey_later(struct child_sa *c)
{
	c->s.rekey_at_ms = c->e->now + IKE_RETRY_MS + ike_random_below(c->e, 2 * IKE_RETRY_MS);
	child_life_arm(c);
	child_sa_touch(c);
}

/* ---- IKE SA ---- */

void ike_life_arm(struct ike_sa *sa)
{
	uint64_t at = 0;

	switch (sa->s.stage) {
	case IKE_SA_NONE:
	case IKE_SA_INIT_ANSWERED:
		at = sa->s.created_ms + sa->e->cfg->half_open_timeout_ms;
		break;
	case IKE_SA_ESTABLISHED:
		at = earlier(sa->s.replaced_by != 0 ? sa->s.tombstone_until_ms : sa->s.rekey_at_ms,
			     sa->s.expire_at_ms);
		break;
	case IKE_SA_REKEYED:
	case IKE_SA_DEAD:
		at = sa->s.tombstone_until_ms;
		break;
	}
	timer_at(sa->e, &sa->life, at);
}

void ike_life_due(struct ike_sa *sa)
{
	uint64_t now = sa->e->now;

	switch (sa->s.stage) {
	case IKE_SA_NONE:
	case IKE_SA_INIT_ANSWERED:
		ike_fx_log(sa->e, LOG_IKE_ABORTED, sa,
			   "Failed to receive the AUTH msg before the timer expired");
		ike_sa_remove(sa);
		break;
	case IKE_SA_DEAD:
		ike_sa_remove(sa);
		break;
	case IKE_SA_REKEYED:
		/*
		 * Made by the peer's rekey and never used: the peer
		 * forgot its request when ours went through (2.25.2).
		 */
		if (!sa->s.initiator && sa->s.expected_request_id == 0 &&
		    sa->s.next_request_id == 0)
			ike_sa_remove(sa);
		else
			ike_sa_want_delete(sa, "the peer did not delete the replaced IKE SA");
		break;
	default:
		if (sa->s.outstanding.kind == IKE_REQ_IKE_REKEY) {
			/* Its successor is on the way, or the peer is dead: soon known. */
			timer_set(&sa->e->timers, &sa->life, now + IKE_RETRY_MS);
			break;
		}
		if (sa->s.expire_at_ms != 0 && sa->s.expire_at_ms <= now) {
			ike_sa_condition(sa, TUNNEL_SA_TIMEOUT);
			ike_sa_want_delete(sa, "lifetime expired");
			break;
		}
		if (sa->s.anew) {
			ike_sa_anew_due(sa);
			break;
		}
		if (sa->s.replaced_by == 0)
			ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_REKEY });
		sa->s.rekey_at_ms = now + REKEY_AGAIN_MS;
		ike_life_arm(sa);
		break;
	}
}

/*
 * R10, R23: nobody can say which message ids the peer has seen, so what comes next
 * is not a rekey but another IKE SA. This one carries on until that is up, and
 * then for as long as the tunnels behind the first one take.
 */
void ike_sa_anew_due(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	const struct ike_sa *other = ike_sa_beside(sa);

	if (other != NULL && other->s.stage == IKE_SA_ESTABLISHED) {
		ike_sa_want_delete(sa, "set up anew");
		return;
	}
	sa->s.rekey_at_ms = e->now + REKEY_AGAIN_MS;
	ike_life_arm(sa);
	if (other == NULL)
		ike_sa_set_up_again(sa);
}

void ike_sa_anew_up(const struct ike_sa *sa)
{
	struct ike_sa *old;

	TAILQ_FOREACH (old, ike_sas_of(sa->e, sa->conn), of_conn) {
		if (old == sa || !old->s.anew || old->s.stage != IKE_SA_ESTABLISHED)
			continue;
		old->s.rekey_at_ms = sa->e->now + ANEW_OVERLAP_MS;
		ike_life_arm(old);
	}
}

void ike_rekey_later(struct ike_sa *sa)
{
	sa->s.rekey_at_ms = sa->e->now + IKE_RETRY_MS + ike_random_below(sa->e, 2 * IKE_RETRY_MS);
	ike_life_arm(sa);
	ike_sa_touch(sa);
}

void ike_sa_set_lifetime(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	const struct ike_policy *p = ike_policy_of(e, &sa->s.transforms);

	if (p == NULL || p->lifetime_s == 0)
		return;
	sa->s.rekey_at_ms = e->now + ike_soft_lifetime(e, p->lifetime_s);
	sa->s.expire_at_ms = e->now + (uint64_t)p->lifetime_s * 1000;
}

/* RFC 7296 2.2: an IKE SA is rekeyed or closed before its message ids are used up. */
void ike_message_ids_used(struct ike_sa *sa)
{
	uint32_t ours = sa->s.next_request_id, theirs = sa->s.expected_request_id;
	uint32_t next = ours > theirs ? ours : theirs;

	if (sa->s.stage != IKE_SA_ESTABLISHED || sa->s.replaced_by != 0 ||
	    next < UINT32_MAX - IKE_IDS_REKEY_BEFORE)
		return;
	/* One is left for our DELETE. Whose are used up sets up anew: not both. */
	if (ours >= UINT32_MAX - 1)
		ike_sa_replace(sa, "message ids are used up");
	else if (theirs >= UINT32_MAX - 1)
		ike_sa_want_delete(sa, "the peer's message ids are used up");
	else if (next % IKE_IDS_REKEY_EVERY == 0)
		ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_REKEY });
}

/* ---- liveness and keepalive ---- */

void ike_liveness_arm(struct ike_sa *sa)
{
	bool wanted = sa->s.stage == IKE_SA_ESTABLISHED && sa->conn != NULL &&
		      sa->conn->dpd_threshold_s != 0;

	timer_at(sa->e, &sa->liveness,
		 wanted ? sa->heard_ms + (uint64_t)sa->conn->dpd_threshold_s * 1000 : 0);
}

void ike_heard(struct ike_sa *sa, uint64_t at_ms)
{
	sa->suspect = false;
	if (at_ms > sa->heard_ms)
		sa->heard_ms = at_ms;
}

void ike_want_liveness(struct ike_sa *sa)
{
	/* Any request that is out proves the peer alive or dead. */
	if (sa->s.outstanding.kind == IKE_REQ_NONE && sa->n_wants == 0)
		ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_LIVENESS });
}

void ike_liveness_due(struct ike_sa *sa)
{
	uint64_t threshold = (uint64_t)(sa->conn != NULL ? sa->conn->dpd_threshold_s : 0) * 1000;

	if (threshold == 0)
		return;
	/* Life was seen since the timer was set: look again a threshold after it. */
	if (sa->heard_ms + threshold <= sa->e->now) {
		ike_want_liveness(sa);
		timer_set(&sa->e->timers, &sa->liveness, sa->e->now + threshold);
	} else {
		ike_liveness_arm(sa);
	}
}

void ike_keepalive_arm(struct ike_sa *sa)
{
	bool wanted = sa->s.stage == IKE_SA_ESTABLISHED && sa->s.nat_local &&
		      sa->e->cfg->nat_keepalive_s != 0;

	timer_at(sa->e, &sa->keepalive,
		 wanted ? sa->e->now + (uint64_t)sa->e->cfg->nat_keepalive_s * 1000 : 0);
}

void ike_keepalive_due(struct ike_sa *sa)
{
	static const uint8_t keepalive = 0xff;
	struct ike_effect *f = ike_fx(sa->e, IKE_FX_SEND_NOW);

	f->local = sa->s.local;
	f->remote = sa->s.remote;
	must(buf_set(&f->datagram, bytes(&keepalive, 1)));
	ike_keepalive_arm(sa);
}
