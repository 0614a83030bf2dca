/* SPDX-License-Identifier: Apache-2.0 */
/* Which payloads each message must and may hold, as rows (RFC 7296 1.2 to 1.5,
 * appendix C). Order is free (2.5). */
#include "ike/payload.h"

#define P IKE_P

/* Of the rows of one exchange and direction the first whose need is met is the one meant. */
/* clang-format off */
static const struct payload_rule rules[] = {
	{ .story = "initiator opens", .exchange = IKE_SA_INIT, .form = FORM_INIT,
	  .need = P(SA) | P(KE) | P(NONCE), .may = P(NOTIFY) | P(VENDOR) },
	{ .story = "responder answers", .exchange = IKE_SA_INIT, .response = true,
	  .form = FORM_INIT,
	  .need = P(SA) | P(KE) | P(NONCE), .may = P(NOTIFY) | P(VENDOR) | P(CERTREQ) },
	{ .story = "responder wants a cookie or another group, or refuses",
	  .exchange = IKE_SA_INIT, .response = true, .form = FORM_INIT_NOTIFY,
	  .need = P(NOTIFY), .may = P(VENDOR) },

	{ .story = "initiator proves itself, with its first CHILD SA", .exchange = IKE_AUTH,
	  .form = FORM_AUTH,
	  .need = P(IDI) | P(AUTH) | P(SA) | P(TSI) | P(TSR),
	  .may = P(IDR) | P(CERT) | P(CERTREQ) | P(CP) | P(NOTIFY) | P(VENDOR) },
	{ .story = "initiator proves itself, childless", .exchange = IKE_AUTH,
	  .form = FORM_AUTH_CHILDLESS,
	  .need = P(IDI) | P(AUTH),
	  .may = P(IDR) | P(CERT) | P(CERTREQ) | P(CP) | P(NOTIFY) | P(VENDOR) },
	{ .story = "responder proves itself, with the first CHILD SA",
	  .exchange = IKE_AUTH, .response = true, .form = FORM_AUTH,
	  .need = P(IDR) | P(AUTH) | P(SA) | P(TSI) | P(TSR),
	  .may = P(CERT) | P(CP) | P(NOTIFY) | P(VENDOR) },
	{ .story = "responder proves itself, without a CHILD SA",
	  .exchange = IKE_AUTH, .response = true, .form = FORM_AUTH_CHILDLESS,
	  .need = P(IDR) | P(AUTH), .may = P(CERT) | P(CP) | P(NOTIFY) | P(VENDOR) },
	{ .story = "responder refuses the peer", .exchange = IKE_AUTH, .response = true,
	  .form = FORM_AUTH_NOTIFY,
	  .need = P(NOTIFY), .may = P(VENDOR) },

	{ .story = "a CHILD SA is asked for", .exchange = CREATE_CHILD_SA, .form = FORM_CHILD,
	  .need = P(SA) | P(NONCE) | P(TSI) | P(TSR),
	  .may = P(KE) | P(CP) | P(NOTIFY) | P(VENDOR) },
	{ .story = "a new IKE SA is asked for", .exchange = CREATE_CHILD_SA, .form = FORM_IKE_REKEY,
	  .need = P(SA) | P(NONCE) | P(KE), .may = P(NOTIFY) | P(VENDOR) },
	{ .story = "the CHILD SA is granted", .exchange = CREATE_CHILD_SA, .response = true,
	  .form = FORM_CHILD,
	  .need = P(SA) | P(NONCE) | P(TSI) | P(TSR),
	  .may = P(KE) | P(CP) | P(NOTIFY) | P(VENDOR) },
	{ .story = "the new IKE SA is granted",
	  .exchange = CREATE_CHILD_SA, .response = true, .form = FORM_IKE_REKEY,
	  .need = P(SA) | P(NONCE) | P(KE), .may = P(NOTIFY) | P(VENDOR) },
	{ .story = "the new SA is refused",
	  .exchange = CREATE_CHILD_SA, .response = true, .form = FORM_CHILD_NOTIFY,
	  .need = P(NOTIFY), .may = P(VENDOR) },

	{ .story = "something is told, or life is asked for",
	  .exchange = INFORMATIONAL, .form = FORM_INFORMATIONAL,
	  .may = P(NOTIFY) | P(DELETE) | P(CP) | P(VENDOR) },
	{ .story = "it is answered", .exchange = INFORMATIONAL, .response = true,
	  .form = FORM_INFORMATIONAL,
	  .may = P(NOTIFY) | P(DELETE) | P(CP) | P(VENDOR) },
	{ .story = "message ids are synchronized (RFC 6311 5.1)",
	  .exchange = INFORMATIONAL, .form = FORM_MSGID_SYNC, .need = P(NOTIFY) },
	{ .story = "the other message ids are told",
	  .exchange = INFORMATIONAL, .response = true, .form = FORM_MSGID_SYNC,
	  .need = P(NOTIFY) },
};
/* clang-format on */

#define N_RULES (sizeof(rules) / sizeof(rules[0]))

const struct payload_rule *ike_payload_rules(size_t *n)
{
	*n = N_RULES;
	return rules;
}

enum result ike_payload_rules_check(const struct ike_message *m, enum ike_form *form)
{
	bool response = ike_is_response(&m->header);
	bool protected = m->outside == P(SK);
	enum result res = R_UNSUPPORTED;

	for (size_t i = 0; i < N_RULES; i++) {
		const struct payload_rule *rule = &rules[i];

		if (rule->exchange != m->header.exchange || rule->response != response)
			continue;
		/* IKE_SA_INIT comes before there are keys, all else after. */
		if (protected != (rule->exchange != IKE_SA_INIT))
			return protected ? R_UNEXPECTED : R_MISSING;
		if ((m->present & rule->need) != rule->need) {
			if (res == R_UNSUPPORTED)
				res = R_MISSING;
			continue;
		}
		if ((m->present & ~(rule->need | rule->may)) == 0) {
			*form = rule->form;
			return R_OK;
		}
		res = R_UNEXPECTED;
	}
	return res;
}
