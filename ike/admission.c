/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call admission control (R24): how many IKE SAs this engine may have, and
 * who is refused above it. The number is node/'s: what the configuration
 * allows, or this member's share of what it allows the cluster. Rekeys,
 * takeovers and what takes the place of an SA that is there already are never
 * refused; SAs of ours count from their first message on, those of others
 * from IKE_AUTH, because anybody can send an IKE_SA_INIT. One that is to be
 * deleted counts no more: its DELETE may wait for minutes for an answer to
 * what is outstanding, or to RFC 6311. Of an SA and its successor one counts,
 * also while two rekeys collide, and while one that is set up anew has both.
 */
#include "ike/v2.h"

/* ---- what counts ---- */

static void count(struct ike_sa *sa, bool loads)
{
	struct ike_engine *e = sa->e;
	bool in_share = loads && !sa->carried;

	e->load += (uint32_t)loads - (uint32_t)sa->loads;
	e->share_used += (uint32_t)in_share - (uint32_t)sa->in_share;
	sa->loads = loads;
	sa->in_share = in_share;
}

static bool is_attempt(const struct ike_sa *sa)
{
	return sa->s.initiator && sa->s.stage < IKE_SA_ESTABLISHED;
}

/* Of an attempt what it is to take the place of; of what is set up anew what has its place. */
static const struct ike_sa *counterpart(const struct ike_sa *sa)
{
	const struct ike_sa *other;

	if (!is_attempt(sa) && !sa->s.anew)
		return NULL;
	TAILQ_FOREACH (other, ike_sas_of(sa->e, sa->conn), of_conn) {
		if (other->loads && other->s.stage == IKE_SA_ESTABLISHED &&
		    other->s.anew != sa->s.anew)
			return other;
	}
	return NULL;
}

static void count_one(struct ike_sa *sa)
{
	const struct ike_sa *other = counterpart(sa);
	bool stands = sa->s.stage == IKE_SA_ESTABLISHED || is_attempt(sa);

	if (other != NULL)
		sa->carried = other->carried;
	count(sa, stands && other == NULL && !sa->s.closing && !sa->s.replaced_by);
}

static void count_beside(const struct ike_sa *sa)
{
	struct ike_sa *other;

	TAILQ_FOREACH (other, ike_sas_of(sa->e, sa->conn), of_conn) {
		if (other != sa && (sa->s.anew ? is_attempt(other) : other->s.anew))
			count_one(other);
	}
}

void ike_share_count(struct ike_sa *sa)
{
	bool loaded = sa->loads;

	count_one(sa);
	if (sa->loads != loaded)
		count_beside(sa);
}

void ike_share_leave(struct ike_sa *sa)
{
	count(sa, false);
	count_beside(sa);
}

void ike_share_inherit(struct ike_sa *sa, const struct ike_sa *from)
{
	sa->carried = sa->carried || from->carried;
	ike_share_count(sa);
}

/* ---- what node/ says and asks ---- */

void ike_share_set(struct ike_engine *e, uint32_t share, uint32_t others)
{
	e->share = share;
	e->load_of_others = others;
}

struct ike_load ike_load(const struct ike_engine *e)
{
	return (struct ike_load){ .all = e->load, .in_share = e->share_used };
}

void ike_share_carry(struct ike_engine *e, bool carried)
{
	struct ike_sa *sa;

	TAILQ_FOREACH (sa, &e->all, all) {
		sa->carried = carried && sa->loads;
		count_one(sa);
	}
	/* Their counterparts may have come later. */
	TAILQ_FOREACH (sa, &e->all, all)
		count_one(sa);
}

/* ---- who is refused ---- */

static bool is_left(const struct ike_engine *e)
{
	return e->share_used < e->share &&
	       (e->cfg->max_sa == 0 || e->load + e->load_of_others < e->cfg->max_sa);
}

static bool stands(const struct ike_engine *e, const struct ike_connection *conn)
{
	const struct ike_sa *sa;

	TAILQ_FOREACH (sa, ike_sas_of(e, conn), of_conn) {
		if (sa->s.stage == IKE_SA_ESTABLISHED && sa->loads)
			return true;
	}
	return false;
}

/* RFC 8019 4: a flood of those who are refused gets no answer. What stands with the same
 * tunnel-group may be what the new one is to replace. */
enum result ike_admit_init(struct ike_engine *e, const struct ike_input *in,
			   const struct ike_connection *conn)
{
	e->stats.admission.in_requests++;
	if (is_left(e) || stands(e, conn))
		return R_OK;
	e->stats.admission.in_refused++;
	ike_fx_log_at(e, LOG_IKE_LIMIT, in, "Rejection reason: IKE SAs");
	return R_ADMISSION;
}

enum result ike_admit_auth(struct ike_sa *sa, const struct ike_sa *replaced)
{
	struct ike_engine *e = sa->e;

	if (replaced != NULL) {
		ike_share_inherit(sa, replaced);
	} else if (!is_left(e)) {
		e->stats.admission.in_refused++;
		ike_fx_log(e, LOG_IKE_LIMIT, sa, "Rejection reason: IKE SAs");
		return R_ADMISSION;
	}
	e->stats.admission.in_accepted++;
	return R_OK;
}

bool ike_admit_own(struct ike_engine *e, const char *map, const struct ike_sa *replaced)
{
	e->stats.admission.out_requests++;
	if (is_left(e) || replaced != NULL) {
		e->stats.admission.out_accepted++;
		return true;
	}
	e->stats.admission.out_refused++;
	e->stats.refused[R_ADMISSION]++;
	log_event_make(&ike_fx(e, IKE_FX_LOG)->log, LOG_IKE_LIMIT, NULL, NULL, NULL,
		       "Rejection reason: IKE SAs; outgoing, crypto map %s", map);
	return false;
}
