/* SPDX-License-Identifier: Apache-2.0 */
/* INFORMATIONAL (RFC 7296 1.4, 1.4.1, 2.4, 2.25): DELETE of either kind of SA, liveness. */
#include "ike/v2.h"

/* ---- responder ---- */

/* 1.4.1: the answer names our half of the pair; 2.25.1: not when our own DELETE of it is out. */
static void delete_children(struct v2_context *c, const struct delete_payload *d, uint32_t *answer,
			    size_t *n, size_t cap)
{
	for (size_t i = 0; i < d->n; i++) {
		struct child_sa *child = v2_child_of_peer(c->sa, delete_spi(d, i));

		if (child == NULL)
			continue;
		if (child->s.stage != CHILD_SA_DELETING && *n < cap)
			answer[(*n)++] = child->s.spi_in;
		child_sa_close(child);
	}
}

/* 2.25.2: our own rekey of it is forgotten; one that the peer made stands. */
static void delete_ike(struct v2_context *c)
{
	struct ike_sa *sa = c->sa, *rival = v2_ike_rival(sa);

	if (c->next == IKE_SA_DEAD)
		return; /* said twice in one message */
	if (rival != NULL)
		v2_inherit(sa, rival);
	else if (sa->s.stage == IKE_SA_ESTABLISHED)
		ike_sa_down(sa, "deleted by the peer");
	c->next = IKE_SA_DEAD;
}

enum result v2_informational_request(struct v2_context *c)
{
	uint32_t answer[64];
	size_t n = 0;
	uint64_t delta;
	enum result res = v2_replay_sync_asked(c->sa, c->m, &delta);

	if (res != R_OK)
		return res;
	v2_replay_sync_grant(c->sa, delta);

	/* 2.21.2: the initiator could not authenticate us; it may say so without a DELETE. */
	if (ike_message_notify(c->m, N_AUTHENTICATION_FAILED) != NULL) {
		ike_fx_log(c->e, LOG_IKE_AUTH_FAILED, c->sa,
			   "the peer does not accept our identity or pre-shared key");
		delete_ike(c);
	}

	for (size_t i = 0; i < c->m->n_deletes; i++) {
		const struct delete_payload *d = &c->m->deletes[i];

		if (d->protocol == PROTO_IKE)
			delete_ike(c);
		else if (d->protocol == PROTO_ESP)
			delete_children(c, d, answer, &n, sizeof(answer) / sizeof(answer[0]));
	}
	if (n > 0 && c->next != IKE_SA_DEAD)
		delete_put_esp(c->answer, answer, n);
	child_sas_known(c->sa);
	return R_OK;
}

/* ---- initiator ---- */

enum result v2_liveness_response(struct v2_context *c)
{
	(void)c;
	return R_OK; /* that it came is all it says (2.4) */
}

enum result v2_begin_liveness(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_builder b;

	(void)w;
	(void)job;
	ike_fx_log(sa->e, LOG_IKE_DPD_SENT, sa, NULL);
	v2_payloads(sa->e, &b);
	return v2_send_request(sa, IKE_REQ_LIVENESS, &b);
}

/* There may be no object: a CHILD SA that only the peer made from our exchange. */
enum result v2_begin_child_delete(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_builder b;

	(void)job;
	v2_payloads(sa->e, &b);
	delete_put_esp(&b, &w->spi_in, 1);
	sa->s.outstanding.old_spi_in = w->spi_in;
	return v2_send_request(sa, IKE_REQ_CHILD_DELETE, &b);
}

enum result v2_child_delete_response(struct v2_context *c)
{
	struct child_sa *child = child_sa_find(c->e, c->sa->s.outstanding.old_spi_in);

	/* R5: inbound stays for a while longer. */
	if (child != NULL && child->sa == c->sa)
		child_sa_close(child);
	return R_OK;
}

enum result v2_begin_ike_delete(struct ike_sa *sa, struct ike_want *w, struct ike_job *job)
{
	struct ike_builder b;

	(void)w;
	(void)job;
	ike_sa_children_remove(sa);
	v2_payloads(sa->e, &b);
	delete_put_ike(&b);
	return v2_send_request(sa, IKE_REQ_IKE_DELETE, &b);
}

enum result v2_ike_delete_response(struct v2_context *c)
{
	c->next = IKE_SA_DEAD;
	return R_OK;
}
