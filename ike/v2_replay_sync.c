/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6311, the replay counters, both sides. After a takeover the peer is
 * asked to raise the outbound sequence numbers of all CHILD SAs of the IKE
 * SA, so that what the former owner may have received is refused without
 * losing what comes now (R18). Beside IKEV2_MESSAGE_ID_SYNC, or, where the
 * message ids are exact, in an INFORMATIONAL like any other (5.2).
 */
#include "ike/v2.h"

/* ---- member ---- */

/*
 * One number for all of them: the largest that one needs. 0: nothing to ask
 * for. Its length says whether the SAs have ESN, so all must or none (5.2).
 */
static uint64_t delta_of(const struct ike_sa *sa, bool *esn)
{
	const struct child_sa *c;
	uint64_t delta = 0;
	bool any = false;

	if (!sa->s.peer_replay_sync)
		return 0;
	TAILQ_FOREACH (c, &sa->children, of_sa) {
		if (c->s.stage > CHILD_SA_REKEYED)
			continue;
		if (any && c->s.transforms.esn != *esn)
			return 0;
		any = true;
		*esn = c->s.transforms.esn;
		if (c->replay_delta > delta)
			delta = c->replay_delta;
	}
	return delta;
}

void v2_replay_sync_put(struct ike_sa *sa, struct ike_builder *b)
{
	bool esn = false;

	sa->replay_asked = delta_of(sa, &esn);
	if (sa->replay_asked != 0)
		replay_sync_put(b, sa->replay_asked, esn);
}

void v2_replay_sync_granted(struct ike_sa *sa)
{
	struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		if (c->replay_delta == 0 || c->replay_delta > sa->replay_asked)
			continue;
		c->replay_delta = 0;
		ike_fx(sa->e, IKE_FX_CHILD_REPLAY_SYNCED)->spi_in = c->s.spi_in;
	}
	sa->replay_asked = 0;
}

void v2_replay_sync_want(struct ike_sa *sa, uint64_t at_ms)
{
	bool esn = false;

	if (sa->s.stage == IKE_SA_ESTABLISHED && delta_of(sa, &esn) != 0)
		ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_REPLAY_SYNC,
						     .not_before_ms = at_ms });
}

enum result v2_begin_replay_sync(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_builder b;

	(void)w;
	(void)job;
	v2_payloads(sa->e, &b);
	v2_replay_sync_put(sa, &b);
	/* Asked for already, beside the message ids. */
	return sa->replay_asked == 0 ? R_NOT_FOUND : v2_send_request(sa, IKE_REQ_REPLAY_SYNC, &b);
}

/* The answer to a former owner's request grants what that owner asked for, which is nothing of
 * ours. */
enum result v2_replay_sync_response(struct v2_context *c)
{
	v2_replay_sync_granted(c->sa);
	return R_OK;
}

/* ---- peer ---- */

enum result v2_replay_sync_asked(const struct ike_sa *sa, const struct ike_message *m,
				 uint64_t *delta)
{
	const struct notify_payload *n = ike_message_notify(m, N_IPSEC_REPLAY_COUNTER_SYNC);

	*delta = 0;
	return n != NULL && sa->s.peer_replay_sync ? replay_sync_decode(n, delta) : R_OK;
}

void v2_replay_sync_grant(struct ike_sa *sa, uint64_t delta)
{
	struct child_sa *c;

	if (delta == 0)
		return;
	sa->e->stats.replay_syncs_answered++;
	TAILQ_FOREACH (c, &sa->children, of_sa) {
		struct ike_effect *f;

		if (c->s.stage > CHILD_SA_REKEYED)
			continue;
		f = ike_fx_held(sa->e, IKE_FX_CHILD_SKIP_OUTBOUND);
		f->spi_in = c->s.spi_in;
		f->delta = delta;
	}
}
