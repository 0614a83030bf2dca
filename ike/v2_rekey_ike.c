/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE_CHILD_SA for a new IKE SA (RFC 7296 1.3.2, 2.8, 2.18): it inherits
 * the CHILD SAs; whoever began deletes the old one.
 */
#include "base/broken_rule.h"
#include "ike/v2.h"

struct rekey {
	struct ike_choice choice;
	bool initiator;
	uint64_t our_spi;
	struct bytes ni, nr;
	const struct secret *shared;
};

/* What goes on as it was. */
static void carry_over(const struct ike_sa *old, struct ike_sa_state *s)
{
	memcpy(s->connection, old->s.connection, sizeof(s->connection));
	s->local = old->s.local;
	s->remote = old->s.remote;
	s->nat_local = old->s.nat_local;
	s->nat_remote = old->s.nat_remote;
	s->udp_encap = old->s.udp_encap;
	s->peer_mid_sync = old->s.peer_mid_sync;
	s->peer_replay_sync = old->s.peer_replay_sync;
	s->local_id.type = old->s.local_id.type;
	s->remote_id.type = old->s.remote_id.type;
	must(buf_set(&s->local_id.data, buf_bytes(&old->s.local_id.data)));
	must(buf_set(&s->remote_id.data, buf_bytes(&old->s.remote_id.data)));
	s->established_ms = old->s.established_ms;
	s->created_ms = old->e->now;
	s->birth_term = v2_birth_term(old, s->initiator);
}

static enum result make(struct ike_sa *old, const struct rekey *r, struct ike_sa **out)
{
	struct ike_crypto *crypto = old->e->crypto;
	SECRET seed = { 0 };
	struct ike_sa_state s = {
		.initiator = r->initiator,
		.transforms = r->choice.transforms,
		.spi_i = r->initiator ? r->our_spi : r->choice.spi,
		.spi_r = r->initiator ? r->choice.spi : r->our_spi,
	};
	enum result res = keymat_skeyseed_rekey(crypto, old->s.transforms.prf, &old->s.sk_d, r->ni,
						r->nr, r->shared, &seed);

	if (res == R_OK)
		res = keymat_ike_sa(crypto, &seed, r->ni, r->nr, &s);
	if (res != R_OK) {
		ike_sa_state_clear(&s);
		return res;
	}
	carry_over(old, &s);

	struct ike_sa *sa = ike_sa_new(old->e, &s);

	ike_share_inherit(sa, old);
	ike_sa_set_lifetime(sa);
	v2_enter_event(sa, V2_REKEY_MADE_IT);
	ike_sa_touch(sa);
	old->e->stats.rekeys_ike++;
	ike_fx_log(old->e, LOG_IKE_SA_REKEYED, sa, "SPI 0x%016llx; was 0x%016llx",
		   (unsigned long long)ike_sa_state_spi(&sa->s),
		   (unsigned long long)ike_sa_state_spi(&old->s));
	*out = sa;
	return R_OK;
}

/* R25: a rekeyed SA keeps its shard. */
static uint64_t new_spi(struct ike_sa *sa)
{
	uint8_t shard = ike_spi_shard(ike_sa_state_spi(&sa->s));

	return ike_spi_new(sa->e, shard ^ hf_rule_broken(HF_RULE_SHARD));
}

/* ---- responder ---- */

enum { REPLACED_MAX = 8 }; /* replaced SAs of one connection that wait for their DELETE */

/* A peer that rekeys and never deletes is slowed down. */
static bool too_many_replaced(const struct ike_sa *sa)
{
	const struct ike_sa *other;
	size_t n = 0;

	TAILQ_FOREACH (other, ike_sas_of(sa->e, sa->conn), of_conn)
		n += other->s.stage == IKE_SA_REKEYED;
	return n >= REPLACED_MAX;
}

/* 2.25.2: not while we make, rekey or close a CHILD SA, nor when it is being replaced already. */
static bool busy(const struct ike_sa *sa)
{
	switch (sa->s.outstanding.kind) {
	case IKE_REQ_CHILD_NEW:
	case IKE_REQ_CHILD_REKEY:
	case IKE_REQ_CHILD_DELETE:
	case IKE_REQ_IKE_DELETE:
		return true;
	default:
		return sa->s.replaced_by != 0;
	}
}

static enum result choose(struct v2_context *c, struct ike_choice *choice)
{
	const struct ike_config *cfg = c->e->cfg;
	char why[WHY_MAX] = "";
	enum result res = proposal_choose_ike(&c->m->sa, true, cfg->policies, cfg->n_policies,
					      choice, why);

	if (res != R_OK) {
		ike_fx_log(c->e, LOG_IKE_NO_PROPOSAL, c->sa, "rekey: %s", why);
		return res;
	}
	c->want_group = choice->transforms.dh;
	if (choice->spi == 0)
		return R_VALUE;
	return c->m->ke.group == choice->transforms.dh ? R_OK : R_INVALID_KE;
}

enum result v2_ike_rekey_request(struct v2_context *c)
{
	struct ike_sa *sa = c->sa, *fresh;
	uint8_t nonce[IKE_NONCE_LEN];
	struct rekey r = { .ni = c->m->nonce, .nr = bytes(nonce, sizeof(nonce)) };
	struct sa_payload answer;

	if (busy(sa) || too_many_replaced(sa))
		return R_TEMPORARY;

	enum result res = choose(c, &r.choice);

	if (res == R_OK)
		res = v2_agree_responder(c, r.choice.transforms.dh);
	if (res != R_OK)
		return res;
	r.shared = &c->job->shared;
	r.our_spi = new_spi(sa);
	v2_nonce(c->e, nonce);
	res = make(sa, &r, &fresh);
	if (res != R_OK)
		return res;
	proposal_answer_ike(&r.choice, r.our_spi, &answer);
	sa_put(c->answer, &answer);
	nonce_put(c->answer, r.nr);
	ke_put(c->answer, r.choice.transforms.dh, buf_bytes(&c->job->public_key));
	if (sa->s.outstanding.kind != IKE_REQ_IKE_REKEY) {
		v2_inherit(sa, fresh);
		c->next = IKE_SA_REKEYED;
		return R_OK;
	}
	/* 2.8.2: who inherits is known when our own request is answered. */
	must(buf_set(&fresh->s.nonce_i, r.ni) && buf_set(&fresh->s.nonce_r, r.nr));
	sa->s.replaced_by = r.our_spi;
	ike_share_count(sa);
	c->e->stats.collisions++;
	ike_fx_log(c->e, LOG_IKE_REKEY_COLLISION, sa, "IKE SA");
	return R_OK;
}

/* ---- initiator ---- */

enum result v2_begin_ike_rekey(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	const struct ike_config *cfg = sa->e->cfg;
	struct ike_outstanding *o = &sa->s.outstanding;
	struct sa_payload offer;
	struct ike_builder b;
	uint8_t nonce[IKE_NONCE_LEN];
	uint64_t spi = new_spi(sa);

	if (sa->s.replaced_by != 0)
		return R_EXISTS;
	if (w->group == 0)
		sa->ke_rounds = 0;

	enum result res = proposal_offer_ike(cfg->policies, cfg->n_policies, spi, &offer);
	uint16_t group = w->group;

	if (res == R_OK && group == 0)
		group = proposal_has_dh(&offer, sa->s.transforms.dh) ? sa->s.transforms.dh
								     : proposal_first_dh(&offer);
	if (res == R_OK)
		res = v2_keygen(sa, group, job);
	if (res != R_OK)
		return res;
	v2_nonce(sa->e, nonce);
	must(buf_set(&o->nonce, bytes(nonce, sizeof(nonce))));
	o->new_ike_spi = spi;
	o->dh_group = group;
	secret_move(&o->dh_private, &job->private_key);
	buf_move(&o->dh_public, &job->public_key);
	v2_payloads(sa->e, &b);
	sa_put(&b, &offer);
	nonce_put(&b, buf_bytes(&o->nonce));
	ke_put(&b, group, buf_bytes(&o->dh_public));
	return v2_send_request(sa, IKE_REQ_IKE_REKEY, &b);
}

static void delete_later(struct ike_sa *sa)
{
	ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_DELETE });
}

enum result v2_ike_rekey_response(struct v2_context *c)
{
	struct ike_sa *sa = c->sa, *rival = v2_ike_rival(sa), *fresh;
	const struct ike_outstanding *o = &sa->s.outstanding;
	const struct ike_config *cfg = c->e->cfg;
	struct rekey r = { .initiator = true,
			   .our_spi = o->new_ike_spi,
			   .ni = buf_bytes(&o->nonce),
			   .nr = c->m->nonce };
	struct sa_payload offer;
	enum result res = proposal_offer_ike(cfg->policies, cfg->n_policies, o->new_ike_spi,
					     &offer);

	if (res == R_OK)
		res = proposal_verify_ike(&offer, &c->m->sa, &r.choice);
	if (res == R_OK && (r.choice.spi == 0 || r.choice.transforms.dh != o->dh_group))
		res = R_VALUE;
	if (res == R_OK)
		res = v2_agree_initiator(c);
	if (res != R_OK)
		return res;
	r.shared = &c->job->shared;

	bool lost = rival != NULL && v2_ike_loses(rival, r.ni, r.nr);

	res = make(sa, &r, &fresh);
	if (res != R_OK)
		return res;
	if (lost) {
		v2_enter_event(fresh, V2_LOST_COLLISION);
		delete_later(fresh);
		v2_inherit(sa, rival);
		c->next = IKE_SA_REKEYED;
		return R_OK;
	}
	if (rival != NULL) {
		v2_enter_event(rival, V2_WAITS_FOR_DELETE);
		ike_sa_forget_init(rival);
		v2_inherit(rival, fresh);
	}
	v2_inherit(sa, fresh);
	delete_later(sa);
	c->next = IKE_SA_DELETING;
	/* The former owner may have used it already. */
	if (ike_sa_in_doubt(fresh))
		ike_sa_doubt_begin(fresh, c->e->now);
	return R_OK;
}

enum result v2_ike_rekey_refused(struct v2_context *c)
{
	struct ike_sa *sa = c->sa, *rival = v2_ike_rival(sa);
	const struct notify_payload *error = ike_message_error(c->m);
	struct sa_payload offer;

	if (error == NULL)
		return R_MISSING;
	if (rival != NULL) {
		/* The peer's own rekey was through before it saw ours. */
		v2_inherit(sa, rival);
		c->next = IKE_SA_REKEYED;
		return R_OK;
	}
	sa->s.replaced_by = 0;
	ike_share_count(sa);
	if (error->type == N_INVALID_KE_PAYLOAD && sa->ke_rounds < IKE_KE_ROUNDS_MAX &&
	    proposal_offer_ike(c->e->cfg->policies, c->e->cfg->n_policies, 0, &offer) == R_OK) {
		struct wire_reader rd = wire_reader(error->data);
		struct ike_want again = { .kind = IKE_REQ_IKE_REKEY, .group = wire_u16(&rd) };

		if (wire_done(&rd) == R_OK && proposal_has_dh(&offer, again.group)) {
			sa->ke_rounds++;
			ike_want_add_first(sa, &again);
			return R_OK;
		}
	}
	ike_fx_log(c->e, LOG_IKE_ABORTED, sa, "rekey of the IKE SA: %s",
		   iana_notify_name(error->type));
	if (ike_child_refusal(error->type, true) != TUNNEL_NO_CONDITION)
		ike_sa_condition(sa, TUNNEL_REKEY_MISMATCH);
	ike_rekey_later(sa);
	return R_OK;
}
