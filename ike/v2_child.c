/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a CHILD SA, as far as IKE_AUTH and CREATE_CHILD_SA have it in
 * common: offer, choice, selectors, keys (RFC 7296 2.7, 2.9, 2.17).
 */
#include "ike/ts_narrow.h"
#include "ike/v2.h"

/* What was offered and what we have; of several the first. */
static void log_selectors(struct v2_context *c, const struct ike_child_config *lines, size_t n)
{
	char peer[TS_TEXT_MAX], ours[TS_TEXT_MAX], remote[TS_TEXT_MAX], local[TS_TEXT_MAX];
	const struct ike_message *m = c->m;

	if (m->tsi.n == 0 || m->tsr.n == 0)
		ike_fx_log(c->e, LOG_IKE_TS_UNACCEPTABLE, c->sa, "(none of IPv4 or IPv6)!");
	else if (n == 0)
		ike_fx_log(c->e, LOG_IKE_TS_UNACCEPTABLE, c->sa, "%s local traffic selector %s!",
			   ts_text(&m->tsi.ts[0], peer), ts_text(&m->tsr.ts[0], ours));
	else
		ike_fx_log(c->e, LOG_IKE_TS_UNACCEPTABLE, c->sa,
			   "%s local traffic selector %s! First of %zu lines: remote %s, local %s",
			   ts_text(&m->tsi.ts[0], peer), ts_text(&m->tsr.ts[0], ours), n,
			   ts_text(&lines[0].remote, remote), ts_text(&lines[0].local, local));
}

void v2_child_log_request(struct v2_context *c)
{
	char peer[TS_TEXT_MAX], ours[TS_TEXT_MAX];

	if (c->m->tsi.n != 0 && c->m->tsr.n != 0)
		ike_fx_log(c->e, LOG_IKE_REQUEST_TUNNEL, c->sa,
			   "local traffic selector = %s; remote traffic selector = %s",
			   ts_text(&c->m->tsr.ts[0], ours), ts_text(&c->m->tsi.ts[0], peer));
}

enum result v2_child_choose(struct v2_context *c, enum child_exchange where, uint32_t only_tunnel,
			    struct v2_child_chosen *out)
{
	const struct ike_connection *conn = c->sa->conn;
	const struct ike_child_config *lines = conn != NULL ? conn->children : NULL;
	size_t n = conn != NULL ? conn->n_children : 0;
	struct ts_narrowed narrowed;
	char why[WHY_MAX] = "";

	if (only_tunnel != 0) {
		lines = ike_line_of(conn, only_tunnel);
		n = lines != NULL;
	}

	enum result res = ts_narrow(lines, n, &c->m->tsi, &c->m->tsr, &narrowed);

	/* A new one of an entry whose current peer is another. */
	if (res == R_OK && only_tunnel == 0 &&
	    !ike_line_answers(c->e, conn, lines[narrowed.line].tunnel))
		res = R_TS_UNACCEPTABLE;
	if (res != R_OK) {
		log_selectors(c, lines, n);
		return res;
	}
	out->line = &lines[narrowed.line];
	out->remote_ts = narrowed.tsi;
	out->local_ts = narrowed.tsr;
	res = proposal_choose_child(&c->m->sa, where, out->line, &out->choice, why);
	if (res != R_OK)
		ike_fx_log(c->e, LOG_IKE_NO_PROPOSAL, c->sa, "tunnel %u: %s", out->line->tunnel,
			   why);
	return res;
}

enum result v2_child_verify(struct v2_context *c, enum child_exchange where,
			    struct v2_child_chosen *out)
{
	const struct ike_outstanding *o = &c->sa->s.outstanding;
	struct sa_payload offer;

	out->line = ike_line_of(c->sa->conn, o->tunnel);
	if (out->line == NULL)
		return R_CONFIG;

	enum result res = proposal_offer_child(out->line, where, o->new_spi_in, &offer);

	if (res == R_OK)
		res = proposal_verify_child(&offer, &c->m->sa, &out->choice);
	if (res != R_OK)
		return res;
	if (!ts_list_within(&c->m->tsi, &o->tsi) || !ts_list_within(&c->m->tsr, &o->tsr))
		return R_TS_UNACCEPTABLE;
	out->local_ts = c->m->tsi;
	out->remote_ts = c->m->tsr;
	return R_OK;
}

static void set_lifetime(struct ike_engine *e, struct child_sa_state *s,
			 const struct ike_child_config *line)
{
	s->lifetime_kb = line->lifetime_kb;
	if (line->lifetime_s == 0)
		return;
	s->rekey_at_ms = e->now + ike_soft_lifetime(e, line->lifetime_s);
	s->expire_at_ms = e->now + (uint64_t)line->lifetime_s * 1000;
}

/*
 * R16. Keys that come from what a record holds are derived again, byte for byte,
 * when an owner that lost its term in a split brain owns once more: those of the
 * first CHILD SA from the nonces of IKE_SA_INIT, those of our own request from
 * the request. Their IVs must not begin anew with the term, so they are born
 * when what they are made of was.
 */
uint64_t v2_birth_term(const struct ike_sa *sa, bool initiator)
{
	if (sa->s.stage < IKE_SA_ESTABLISHED)
		return sa->s.birth_term;
	return initiator && sa->s.outstanding.term != 0 ? sa->s.outstanding.term : sa->e->term;
}

enum result v2_child_make(struct ike_sa *sa, const struct v2_child_make *mk,
			  enum child_sa_stage stage, struct child_sa **out)
{
	const struct v2_child_chosen *chosen = mk->chosen;
	struct child_sa_state s = {
		.spi_in = mk->spi_in,
		.spi_out = chosen->choice.spi,
		.ike_spi = ike_sa_state_spi(&sa->s),
		.initiator = mk->initiator,
		.tunnel = chosen->line->tunnel,
		.transforms = chosen->choice.transforms,
		.dh_group = chosen->choice.dh,
		.udp_encap = sa->s.udp_encap,
		.local = sa->s.local,
		.remote = sa->s.remote,
		.local_ts = chosen->local_ts,
		.remote_ts = chosen->remote_ts,
		.birth_term = v2_birth_term(sa, mk->initiator),
		.lease_end = chosen->line->first_lease,
		.created_ms = sa->e->now,
	};
	struct keymat_child_input km = {
		.prf = sa->s.transforms.prf,
		.sk_d = &sa->s.sk_d,
		.ni = mk->ni,
		.nr = mk->nr,
		.shared = mk->shared,
		.transforms = s.transforms,
	};
	enum result res = keymat_child(sa->e->crypto, &km, mk->initiator ? &s.keys_out : &s.keys_in,
				       mk->initiator ? &s.keys_in : &s.keys_out);

	if (res != R_OK) {
		child_sa_state_clear(&s);
		return res;
	}
	set_lifetime(sa->e, &s, chosen->line);
	*out = child_sa_new(sa->e, sa, &s);
	child_sa_install(*out, stage);
	ike_tunnel_up(sa, chosen->line->tunnel);
	return R_OK;
}

enum result v2_child_offer(struct ike_sa *sa, enum child_exchange where,
			   const struct ike_child_config *line, struct ike_builder *b)
{
	struct ike_outstanding *o = &sa->s.outstanding;
	struct sa_payload offer;

	o->tunnel = line->tunnel;
	o->new_spi_in = child_spi_new(sa);
	child_spi_reserve(sa);

	enum result res = proposal_offer_child(line, where, o->new_spi_in, &offer);

	if (res == R_OK)
		sa_put(b, &offer);
	return res;
}

void v2_child_put_ts(struct ike_builder *b, const struct ts_list *tsi, const struct ts_list *tsr)
{
	ts_put(b, PAYLOAD_TSI, tsi);
	ts_put(b, PAYLOAD_TSR, tsr);
}

void v2_child_log_up(const struct child_sa *c)
{
	char local[TS_TEXT_MAX], remote[TS_TEXT_MAX];

	ike_fx_log(c->e, LOG_IKE_CHILD_UP, c->sa,
		   "tunnel %u; SPI in/out: 0x%08x/0x%08x; local %s; remote %s", c->s.tunnel,
		   c->s.spi_in, c->s.spi_out, ts_text(&c->s.local_ts.ts[0], local),
		   ts_text(&c->s.remote_ts.ts[0], remote));
}
