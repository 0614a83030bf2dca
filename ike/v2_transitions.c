/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE table of IKEv2: what may happen to an IKE SA in which stage, and what
 * may come of it. Messages are matched in order; the first row that fits
 * wins. Which payloads a form needs and allows is payload_rules.c's.
 * A stage is assigned here and nowhere else.
 */
#include "ike/v2.h"

#define S(name) V2_STAGE(IKE_SA_##name)

/* clang-format off */

static const struct v2_transition transitions[] = {
	/* ---- IKE_SA_INIT, RFC 7296 1.2 ---- */
	{ .story = "responder answers IKE_SA_INIT",
	  .from = S(NONE), .to = S(INIT_ANSWERED), .exchange = IKE_SA_INIT,
	  .form = FORM_INIT, .handle = v2_init_request },
	{ .story = "initiator takes the responder's IKE_SA_INIT",
	  .from = S(INIT_SENT), .exchange = IKE_SA_INIT, .response = true,
	  .answers = IKE_REQ_INIT, .form = FORM_INIT, .handle = v2_init_response },
	{ .story = "responder wants a cookie or another group, or refuses (2.21.1)",
	  .from = S(INIT_SENT), .exchange = IKE_SA_INIT, .response = true,
	  .answers = IKE_REQ_INIT, .form = FORM_INIT_NOTIFY, .handle = v2_init_refused },

	/* ---- IKE_AUTH, 1.2 ---- */
	{ .story = "responder authenticates the initiator, and makes the first CHILD SA",
	  .from = S(INIT_ANSWERED), .to = S(ESTABLISHED), .exchange = IKE_AUTH,
	  .form = FORM_AUTH, .on_error = IKE_SA_DEAD, .handle = v2_auth_request },
	{ .story = "responder authenticates an initiator that wants no CHILD SA yet",
	  .from = S(INIT_ANSWERED), .to = S(ESTABLISHED), .exchange = IKE_AUTH,
	  .form = FORM_AUTH_CHILDLESS, .on_error = IKE_SA_DEAD, .handle = v2_auth_request },
	{ .story = "initiator authenticates the responder, and makes the first CHILD SA",
	  .from = S(AUTH_SENT), .to = S(ESTABLISHED), .exchange = IKE_AUTH, .response = true,
	  .answers = IKE_REQ_AUTH, .form = FORM_AUTH, .handle = v2_auth_response },
	{ .story = "initiator authenticates a responder that refused the CHILD SA only",
	  .from = S(AUTH_SENT), .to = S(ESTABLISHED), .exchange = IKE_AUTH, .response = true,
	  .answers = IKE_REQ_AUTH, .form = FORM_AUTH_CHILDLESS, .handle = v2_auth_response },
	{ .story = "responder does not authenticate us",
	  .from = S(AUTH_SENT), .to = S(DEAD), .exchange = IKE_AUTH, .response = true,
	  .answers = IKE_REQ_AUTH, .form = FORM_AUTH_NOTIFY, .handle = v2_auth_refused },

	/* ---- CREATE_CHILD_SA, 1.3 ---- */
	{ .story = "peer rekeys a CHILD SA",
	  .from = S(ESTABLISHED), .exchange = CREATE_CHILD_SA,
	  .form = FORM_CHILD, .notify = N_REKEY_SA, .handle = v2_child_rekey_request },
	{ .story = "peer makes a further CHILD SA",
	  .from = S(ESTABLISHED), .exchange = CREATE_CHILD_SA,
	  .form = FORM_CHILD, .handle = v2_child_new_request },
	{ .story = "peer rekeys the IKE SA",
	  .from = S(ESTABLISHED), .to = S(REKEYED), .exchange = CREATE_CHILD_SA,
	  .form = FORM_IKE_REKEY, .handle = v2_ike_rekey_request },
	{ .story = "peer wants a CHILD SA on an IKE SA that ends (2.25.2)",
	  .from = S(REKEYED) | S(DELETING), .exchange = CREATE_CHILD_SA,
	  .form = FORM_CHILD, .handle = v2_try_later },
	{ .story = "peer rekeys an IKE SA that ends (2.25.2)",
	  .from = S(REKEYED) | S(DELETING), .exchange = CREATE_CHILD_SA,
	  .form = FORM_IKE_REKEY, .handle = v2_try_later },
	{ .story = "our further CHILD SA is made",
	  .from = S(ESTABLISHED), .exchange = CREATE_CHILD_SA,
	  .response = true, .answers = IKE_REQ_CHILD_NEW,
	  .form = FORM_CHILD, .handle = v2_child_new_response },
	{ .story = "our further CHILD SA is refused",
	  .from = S(ESTABLISHED), .exchange = CREATE_CHILD_SA,
	  .response = true, .answers = IKE_REQ_CHILD_NEW, .form = FORM_CHILD_NOTIFY,
	  .handle = v2_child_new_refused },
	{ .story = "our rekey of a CHILD SA is made",
	  .from = S(ESTABLISHED), .exchange = CREATE_CHILD_SA,
	  .response = true, .answers = IKE_REQ_CHILD_REKEY,
	  .form = FORM_CHILD, .handle = v2_child_rekey_response },
	{ .story = "our rekey of a CHILD SA is refused",
	  .from = S(ESTABLISHED), .exchange = CREATE_CHILD_SA,
	  .response = true, .answers = IKE_REQ_CHILD_REKEY, .form = FORM_CHILD_NOTIFY,
	  .handle = v2_child_rekey_refused },
	{ .story = "our rekey of the IKE SA is made",
	  .from = S(ESTABLISHED), .to = S(REKEYED) | S(DELETING), .exchange = CREATE_CHILD_SA,
	  .response = true, .answers = IKE_REQ_IKE_REKEY,
	  .form = FORM_IKE_REKEY, .handle = v2_ike_rekey_response },
	{ .story = "our rekey of the IKE SA is refused",
	  .from = S(ESTABLISHED), .to = S(REKEYED), .exchange = CREATE_CHILD_SA,
	  .response = true, .answers = IKE_REQ_IKE_REKEY, .form = FORM_CHILD_NOTIFY,
	  .handle = v2_ike_rekey_refused },

	/* ---- INFORMATIONAL, 1.4 ---- */
	{ .story = "peer deletes SAs, tells something, or wants to know whether we live",
	  .from = S(ESTABLISHED) | S(REKEYED) | S(DELETING), .to = S(DEAD),
	  .exchange = INFORMATIONAL, .form = FORM_INFORMATIONAL,
	  .handle = v2_informational_request },
	{ .story = "peer lives",
	  .from = S(ESTABLISHED) | S(REKEYED), .exchange = INFORMATIONAL,
	  .response = true, .answers = IKE_REQ_LIVENESS, .form = FORM_INFORMATIONAL,
	  .handle = v2_liveness_response },
	{ .story = "peer leaves out sequence numbers, as we asked (RFC 6311 5.2)",
	  .from = S(ESTABLISHED), .exchange = INFORMATIONAL,
	  .response = true, .answers = IKE_REQ_REPLAY_SYNC, .form = FORM_INFORMATIONAL,
	  .handle = v2_replay_sync_response },
	{ .story = "peer has failed over and synchronizes message ids (RFC 6311 5.1)",
	  .from = S(ESTABLISHED) | S(REKEYED) | S(DELETING),
	  .exchange = INFORMATIONAL, .form = FORM_MSGID_SYNC, .notify = N_IKEV2_MESSAGE_ID_SYNC,
	  .handle = v2_msgid_sync_request },
	{ .story = "peer synchronizes with us, who have failed over (RFC 6311 5.1)",
	  .from = S(ESTABLISHED) | S(DELETING), .exchange = INFORMATIONAL, .response = true,
	  .answers = IKE_REQ_MSGID_SYNC, .form = FORM_MSGID_SYNC,
	  .notify = N_IKEV2_MESSAGE_ID_SYNC, .handle = v2_msgid_sync_response },
	{ .story = "our DELETE of a CHILD SA is answered",
	  .from = S(ESTABLISHED), .exchange = INFORMATIONAL,
	  .response = true, .answers = IKE_REQ_CHILD_DELETE, .form = FORM_INFORMATIONAL,
	  .handle = v2_child_delete_response },
	{ .story = "our DELETE of the IKE SA is answered",
	  .from = S(DELETING), .to = S(DEAD), .exchange = INFORMATIONAL, .response = true,
	  .answers = IKE_REQ_IKE_DELETE, .form = FORM_INFORMATIONAL,
	  .handle = v2_ike_delete_response },
};

static const struct v2_request requests[] = {
	[IKE_REQ_INIT] = {
	  .story = "initiator sends IKE_SA_INIT", .exchange = IKE_SA_INIT, .begin = v2_begin_init,
	  .from = S(NONE) | S(INIT_SENT), .to = IKE_SA_INIT_SENT },
	[IKE_REQ_AUTH] = {
	  .story = "initiator sends IKE_AUTH", .exchange = IKE_AUTH, .begin = v2_begin_auth,
	  .from = S(INIT_SENT), .to = IKE_SA_AUTH_SENT },
	[IKE_REQ_CHILD_NEW] = {
	  .story = "we make a further CHILD SA", .exchange = CREATE_CHILD_SA,
	  .from = S(ESTABLISHED), .begin = v2_begin_child_new },
	[IKE_REQ_CHILD_REKEY] = {
	  .story = "we rekey a CHILD SA", .exchange = CREATE_CHILD_SA,
	  .from = S(ESTABLISHED), .begin = v2_begin_child_rekey },
	[IKE_REQ_IKE_REKEY] = {
	  .story = "we rekey the IKE SA", .exchange = CREATE_CHILD_SA,
	  .from = S(ESTABLISHED), .begin = v2_begin_ike_rekey },
	[IKE_REQ_CHILD_DELETE] = {
	  .story = "we delete a CHILD SA", .exchange = INFORMATIONAL,
	  .from = S(ESTABLISHED), .begin = v2_begin_child_delete },
	[IKE_REQ_IKE_DELETE] = {
	  .story = "we delete the IKE SA", .exchange = INFORMATIONAL, .begin = v2_begin_ike_delete,
	  .from = S(ESTABLISHED) | S(REKEYED) | S(DELETING), .to = IKE_SA_DELETING },
	[IKE_REQ_LIVENESS] = {
	  .story = "we ask whether the peer lives", .exchange = INFORMATIONAL,
	  .from = S(ESTABLISHED) | S(REKEYED), .begin = v2_begin_liveness },
	[IKE_REQ_REPLAY_SYNC] = {
	  .story = "we ask the peer to leave out sequence numbers (RFC 6311 5.2)",
	  .exchange = INFORMATIONAL, .from = S(ESTABLISHED), .begin = v2_begin_replay_sync },
	[IKE_REQ_MSGID_SYNC] = {
	  .story = "we have failed over and synchronize message ids (RFC 6311 5.1)",
	  .exchange = INFORMATIONAL, .from = S(ESTABLISHED) | S(DELETING),
	  .begin = v2_begin_msgid_sync },
};

static const struct v2_event_row events[] = {
	{ "a rekey makes an IKE SA (2.18)", V2_REKEY_MADE_IT, S(NONE), IKE_SA_ESTABLISHED },
	{ "ours lost a simultaneous rekey: we delete it (2.8.2)", V2_LOST_COLLISION,
	  S(ESTABLISHED), IKE_SA_DELETING },
	{ "replaced: it waits for the peer's DELETE (2.8.2)", V2_WAITS_FOR_DELETE,
	  S(ESTABLISHED), IKE_SA_REKEYED },
	{ "the responder's proof is wrong: we delete what it believes in (2.21.2)",
	  V2_PEER_NOT_PROVEN, S(AUTH_SENT), IKE_SA_DELETING },
	{ "closed without an exchange: INITIAL_CONTACT (2.4), INVALID_SYNTAX (2.21.3)", V2_CLOSED,
	  S(ESTABLISHED) | S(REKEYED) | S(DELETING), IKE_SA_DEAD },
};

/* clang-format on */

#define N(a) (sizeof(a) / sizeof((a)[0]))

const struct v2_transition *v2_transition_row(enum ike_sa_stage stage,
					      enum ike_request_kind outstanding,
					      const struct ike_message *m, enum ike_form form,
					      enum result *why)
{
	enum result res = R_STATE;

	for (size_t i = 0; i < N(transitions); i++) {
		const struct v2_transition *t = &transitions[i];

		if (!(t->from & V2_STAGE(stage)) || t->exchange != m->header.exchange ||
		    t->response != ike_is_response(&m->header) ||
		    (t->response && t->answers != outstanding))
			continue;
		if (t->form == form && (t->notify == 0 || ike_message_notify(m, t->notify) != NULL))
			return t;
		res = R_UNEXPECTED;
	}
	*why = res;
	return NULL;
}

const struct v2_request *v2_request_row(enum ike_request_kind kind)
{
	must(kind > IKE_REQ_NONE && kind < N(requests));
	return &requests[kind];
}

static void assign(struct ike_sa *sa, enum ike_sa_stage to)
{
	enum ike_sa_stage from = sa->s.stage;

	if (from == to)
		return;
	sa->s.stage = (uint8_t)to;
	ike_sa_stage_changed(sa, from, to);
}

void v2_enter(struct ike_sa *sa, const struct v2_transition *row, enum ike_sa_stage to)
{
	must(row->from & V2_STAGE(sa->s.stage));
	must((row->to & V2_STAGE(to)) || (to == row->on_error && to != IKE_SA_NONE) ||
	     to == sa->s.stage);
	assign(sa, to);
}

void v2_enter_request(struct ike_sa *sa, const struct v2_request *row)
{
	must(row->from & V2_STAGE(sa->s.stage));
	if (row->to != IKE_SA_NONE)
		assign(sa, row->to);
}

void v2_enter_event(struct ike_sa *sa, enum v2_event event)
{
	const struct v2_event_row *row = NULL;

	for (size_t i = 0; i < N(events) && row == NULL; i++) {
		if (events[i].event == event && (events[i].from & V2_STAGE(sa->s.stage)))
			row = &events[i];
	}
	must(row != NULL);
	assign(sa, row->to);
}

void v2_row_done(struct ike_engine *e, const char *story)
{
	if (e->ec.on_row != NULL)
		e->ec.on_row(e->ec.on_row_ctx, story);
}

const struct v2_transition *v2_transitions(size_t *n)
{
	*n = N(transitions);
	return transitions;
}

const struct v2_request *v2_requests(size_t *n)
{
	*n = N(requests);
	return requests;
}

const struct v2_event_row *v2_events(size_t *n)
{
	*n = N(events);
	return events;
}
