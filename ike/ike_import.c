/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A standby's engine: SAs come in as records, lie still (R13), and go on
 * where the last owner stopped when this node becomes owner: outstanding
 * requests go out again byte for byte, timers are rebuilt from the state
 * (R1, R4, R10).
 */
#include "ike/v2.h"

enum {
	PACE_MS = 10,       /* between the first requests on the SAs of a takeover (R10, R18) */
	SPREAD_MS = 2000,   /* rekeys that fell due meanwhile are spread over this */
	IV_TERMS_LEFT = 64, /* R16: rekey so long before the term delta is used up */
};

/* ---- records ---- */

static bool keys_fit(const struct ike_sa_state *s)
{
	struct sk_key key;

	return sk_key_of(s, true, &key) == R_OK && sk_key_of(s, false, &key) == R_OK &&
	       s->sk_d.len != 0;
}

static enum result check_sa(const struct ike_sa_state *s)
{
	if (s->spi_i == 0 || s->spi_r == 0 ||
	    memchr(s->connection, 0, sizeof(s->connection)) == NULL)
		return R_VALUE;
	if (s->stage < IKE_SA_INIT_ANSWERED || s->stage > IKE_SA_DEAD ||
	    s->outstanding.kind > IKE_REQ_RECORD_LAST)
		return R_VALUE;
	if (s->outstanding.kind != IKE_REQ_NONE && s->outstanding.request.len == 0)
		return R_VALUE;
	if (s->stage == IKE_SA_INIT_ANSWERED && s->last_request_digest.len != SHA256_LEN)
		return R_VALUE;
	return s->stage == IKE_SA_DEAD || keys_fit(s) ? R_OK : R_VALUE;
}

enum result ike_import_sa(struct ike_engine *e, const struct ike_sa_state *s)
{
	struct ike_sa_state copy;
	enum result res = e->active ? R_STATE : check_sa(s);

	if (res == R_OK)
		res = ike_sa_state_copy(s, &copy);
	if (res != R_OK)
		return res;
	ike_forget_sa(e, ike_sa_state_spi(s));

	struct ike_sa *sa = ike_sa_new(e, &copy);

	sa->replicated = true;
	sa->first.tunnel = sa->s.tunnel;
	child_spi_reserve(sa);
	if (sa->s.stage == IKE_SA_INIT_ANSWERED)
		ike_half_open_count(sa);
	if (sa->s.stage == IKE_SA_DEAD)
		ike_tombstone_add(sa);
	e->stats.half_open = e->n_half_open;
	return R_OK;
}

static enum result check_child(const struct child_sa_state *s)
{
	if (s->spi_in < ESP_SPI_MIN || s->spi_out < ESP_SPI_MIN || s->ike_spi == 0 ||
	    s->keys_in.encr.len == 0)
		return R_VALUE;
	if (s->stage < CHILD_SA_INSTALLED || s->stage > CHILD_SA_DEAD)
		return R_VALUE;
	return s->local_ts.n > 0 && s->local_ts.n <= TS_MAX && s->remote_ts.n > 0 &&
			       s->remote_ts.n <= TS_MAX
		       ? R_OK
		       : R_VALUE;
}

enum result ike_import_child(struct ike_engine *e, const struct child_sa_state *s)
{
	struct child_sa_state copy;
	enum result res = e->active ? R_STATE : check_child(s);

	if (res == R_OK)
		res = child_sa_state_copy(s, &copy);
	if (res != R_OK)
		return res;
	ike_forget_child(e, s->spi_in);
	child_sa_new(e, NULL, &copy);
	return R_OK;
}

void ike_forget_sa(struct ike_engine *e, uint64_t ike_spi)
{
	struct ike_sa *sa = ike_sa_find(e, ike_spi);

	if (sa != NULL && !e->active)
		ike_sa_free(sa);
}

void ike_forget_child(struct ike_engine *e, uint32_t spi_in)
{
	struct child_sa *c = child_sa_find(e, spi_in);

	if (c != NULL && !e->active)
		child_sa_free(c);
}

/* ---- ownership ---- */

static void join_children(struct ike_engine *e)
{
	struct child_sa *c, *next;

	for (c = TAILQ_FIRST(&e->loose); c != NULL; c = next) {
		struct ike_sa *sa = ike_sa_find(e, c->s.ike_spi);

		next = TAILQ_NEXT(c, of_sa);
		if (sa != NULL && sa->s.stage != IKE_SA_DEAD)
			child_sa_adopt(c, sa);
		else
			child_sa_remove(c);
	}
}

static bool iv_nearly_used_up(const struct ike_engine *e, uint64_t birth_term)
{
	return e->term - birth_term + IV_TERMS_LEFT > IV_TERM_DELTA_MAX;
}

static void spread(struct ike_engine *e, uint64_t *rekey_at)
{
	if (*rekey_at != 0 && *rekey_at <= e->now)
		*rekey_at = e->now + ike_random_below(e, SPREAD_MS);
}

static void take_over_child(struct child_sa *c)
{
	struct ike_engine *e = c->e;
	const struct ike_outstanding *o = &c->sa->s.outstanding;
	bool asked = o->kind == IKE_REQ_CHILD_DELETE && o->old_spi_in == c->s.spi_in;

	spread(e, &c->s.rekey_at_ms);
	child_life_arm(c);
	if (c->s.stage == CHILD_SA_ESTABLISHED)
		ike_fx_held(e, IKE_FX_CHILD_USE_OUTBOUND)->spi_in = c->s.spi_in;
	child_sa_carry_alone(c);
	if (c->s.stage == CHILD_SA_DELETING && !asked)
		ike_want_add(c->sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_DELETE,
							.spi_in = c->s.spi_in });
	if (child_sa_carries(c) && iv_nearly_used_up(e, c->s.birth_term))
		ike_want_add(c->sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_REKEY,
							.spi_in = c->s.spi_in });
}

/* Wanted, and not sent yet. */
static bool delete_is_due(const struct ike_sa_state *s)
{
	if (s->stage == IKE_SA_DELETING)
		return s->outstanding.kind == IKE_REQ_NONE;
	return s->closing && s->stage >= IKE_SA_AUTH_SENT && s->stage < IKE_SA_DELETING;
}

static void take_over_established(struct ike_sa *sa, uint64_t *pace)
{
	struct ike_engine *e = sa->e;
	const bool doubt = ike_sa_in_doubt(sa);

	if (iv_nearly_used_up(e, sa->s.birth_term))
		ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_REKEY });
	sa->suspect = sa->s.anew;
	if (doubt)
		ike_sa_doubt_begin(sa, *pace);
	else
		v2_replay_sync_want(sa, *pace);
	if (doubt || sa->n_wants > 0)
		*pace += PACE_MS;
}

static void take_over_sa(struct ike_sa *sa, uint64_t *pace)
{
	struct ike_engine *e = sa->e;
	struct child_sa *c;

	sa->heard_ms = e->now;
	spread(e, &sa->s.rekey_at_ms);
	if (sa->s.anew && sa->s.stage == IKE_SA_ESTABLISHED) {
		sa->s.rekey_at_ms = *pace; /* R23 */
		*pace += PACE_MS;
	}
	ike_life_arm(sa);
	ike_liveness_arm(sa);
	ike_keepalive_arm(sa);
	TAILQ_FOREACH (c, &sa->children, of_sa)
		take_over_child(c);
	if (sa->s.outstanding.kind != IKE_REQ_NONE)
		ike_retransmit_send(sa);
	if (delete_is_due(&sa->s))
		ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_DELETE });
	if (sa->s.stage == IKE_SA_ESTABLISHED)
		take_over_established(sa, pace);
}

/*
 * R10: the former owner may have finished it with other words than ours. The peer begins anew, or we
 * do, and what it believes in ends with INITIAL_CONTACT.
 */
static bool begun_in_doubt(const struct ike_sa *sa)
{
	return sa->s.stage < IKE_SA_ESTABLISHED && ike_sa_in_doubt(sa);
}

void ike_activate(struct ike_engine *e, uint64_t term, uint64_t suspect_term)
{
	struct ike_sa *sa, *next;
	uint64_t pace = e->now;

	/* R11, R16: an IV of this slot and term may have been used already. */
	must(!e->active && term > e->term);
	e->active = true;
	e->term = term;
	e->suspect_term = suspect_term;
	join_children(e);
	tunnel_manager_activate(e->tunnels);
	for (sa = TAILQ_FIRST(&e->all); sa != NULL; sa = next) {
		next = TAILQ_NEXT(sa, all);
		if (!begun_in_doubt(sa))
			take_over_sa(sa, &pace);
	}
	for (sa = TAILQ_FIRST(&e->all); sa != NULL; sa = next) {
		next = TAILQ_NEXT(sa, all);
		if (begun_in_doubt(sa))
			ike_sa_begin_again(sa);
	}
	ike_config_apply(e);
}

void ike_deactivate(struct ike_engine *e)
{
	struct ike_sa *sa;
	struct child_sa *c;

	while ((sa = TAILQ_FIRST(&e->all)) != NULL) {
		while ((c = TAILQ_FIRST(&sa->children)) != NULL)
			child_sa_free(c);
		ike_sa_free(sa);
	}
	while ((c = TAILQ_FIRST(&e->loose)) != NULL)
		child_sa_free(c);
	e->active = false;
	tunnel_manager_deactivate(e->tunnels);
}

void ike_config_apply(struct ike_engine *e)
{
	struct ike_sa *sa, *next;
	struct child_sa *c, *next_child;

	if (!e->active)
		return;
	for (sa = TAILQ_FIRST(&e->all); sa != NULL; sa = next) {
		next = TAILQ_NEXT(sa, all);
		if (sa->conn == NULL && sa->s.stage != IKE_SA_DEAD) {
			ike_sa_want_delete(
				sa,
				"its tunnel-group or crypto map is gone from the configuration");
			continue;
		}
		for (c = TAILQ_FIRST(&sa->children); c != NULL; c = next_child) {
			next_child = TAILQ_NEXT(c, of_sa);
			if (ike_line_of(sa->conn, c->s.tunnel) == NULL)
				child_sa_want_delete(c);
		}
	}
}
