/* SPDX-License-Identifier: Apache-2.0 */
/* What must be true of the transition table as a whole, and its refused neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/v2.h"

static const struct v2_transition *row(enum ike_sa_stage stage, enum ike_request_kind outstanding,
				       uint8_t exchange, bool response, enum ike_form form,
				       enum result *why)
{
	struct ike_message m = { .header = { .exchange = exchange,
					     .flags = response ? IKE_FLAG_RESPONSE : 0 } };

	return v2_transition_row(stage, outstanding, &m, form, why);
}

static void every_row_is_found_by_its_own_message_in_each_of_its_stages(void **state)
{
	size_t n;
	const struct v2_transition *t = v2_transitions(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		for (unsigned int stage = 0; stage <= IKE_SA_DEAD; stage++) {
			struct ike_message m = {
				.header = { .exchange = t[i].exchange,
					    .flags = t[i].response ? IKE_FLAG_RESPONSE : 0 }
			};
			enum result why = R_OK;
			const struct v2_transition *found;

			if (t[i].notify != 0)
				m.notifies[m.n_notifies++] = (struct notify_payload){
					.type = t[i].notify
				};
			found = v2_transition_row((enum ike_sa_stage)stage, t[i].answers, &m,
						  t[i].form, &why);
			if (t[i].from & V2_STAGE(stage))
				assert_ptr_equal(found, &t[i]);
			else
				assert_ptr_not_equal(found, &t[i]);
		}
	}
}

static void every_row_has_a_form_a_handler_and_a_story(void **state)
{
	size_t n, n_rules;
	const struct v2_transition *t = v2_transitions(&n);
	const struct payload_rule *rules = ike_payload_rules(&n_rules);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool ruled = false;

		assert_non_null(t[i].story);
		assert_non_null(t[i].handle);
		assert_int_equal(t[i].response, t[i].answers != IKE_REQ_NONE);
		for (size_t k = 0; k < n_rules; k++)
			ruled = ruled ||
				(rules[k].exchange == t[i].exchange &&
				 rules[k].response == t[i].response && rules[k].form == t[i].form);
		assert_true(ruled);
	}
}

static void every_request_has_a_row_for_its_answer(void **state)
{
	size_t n_requests, n;
	const struct v2_request *r = v2_requests(&n_requests);
	const struct v2_transition *t = v2_transitions(&n);

	(void)state;
	for (size_t kind = IKE_REQ_INIT; kind < n_requests; kind++) {
		bool answered = false;

		assert_non_null(r[kind].begin);
		for (size_t i = 0; i < n; i++)
			answered = answered || (t[i].response && t[i].answers == kind &&
						t[i].exchange == r[kind].exchange);
		assert_true(answered);
	}
}

/* Which stages can be left for which. */
static uint16_t successors(unsigned int stage)
{
	uint16_t to = 0;
	size_t n;
	const struct v2_transition *t = v2_transitions(&n);

	for (size_t i = 0; i < n; i++) {
		if (t[i].from & V2_STAGE(stage))
			to = (uint16_t)(to | t[i].to |
					(t[i].on_error != IKE_SA_NONE ? V2_STAGE(t[i].on_error)
								      : 0));
	}

	const struct v2_request *r = v2_requests(&n);

	for (size_t i = IKE_REQ_INIT; i < n; i++) {
		if ((r[i].from & V2_STAGE(stage)) && r[i].to != IKE_SA_NONE)
			to = (uint16_t)(to | V2_STAGE(r[i].to));
	}

	const struct v2_event_row *e = v2_events(&n);

	for (size_t i = 0; i < n; i++) {
		if (e[i].from & V2_STAGE(stage))
			to = (uint16_t)(to | V2_STAGE(e[i].to));
	}
	return to;
}

static void no_stage_goes_back_and_death_is_final(void **state)
{
	(void)state;
	assert_int_equal(successors(IKE_SA_DEAD), 0);
	/* Their numbers rise with life. */
	for (unsigned int from = IKE_SA_INIT_SENT; from <= IKE_SA_DEAD; from++)
		assert_int_equal(successors(from) & (V2_STAGE(from) - 1u), 0);
	for (unsigned int from = IKE_SA_NONE; from < IKE_SA_DEAD; from++)
		assert_true(successors(from) != 0);
}

static void only_auth_leads_to_established(void **state)
{
	size_t n;
	const struct v2_transition *t = v2_transitions(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		bool established = (t[i].to & V2_STAGE(IKE_SA_ESTABLISHED)) != 0;
		uint16_t before = V2_STAGE(IKE_SA_NONE) | V2_STAGE(IKE_SA_INIT_SENT) |
				  V2_STAGE(IKE_SA_INIT_ANSWERED) | V2_STAGE(IKE_SA_AUTH_SENT);

		if (established && (t[i].from & before))
			assert_int_equal(t[i].exchange, IKE_AUTH);
		if (t[i].exchange == CREATE_CHILD_SA || t[i].exchange == INFORMATIONAL)
			assert_int_equal(t[i].from & before, 0);
	}
}

static void refused_neighbours(void **state)
{
	enum result why = R_OK;

	(void)state;
	assert_null(
		row(IKE_SA_INIT_ANSWERED, IKE_REQ_NONE, CREATE_CHILD_SA, false, FORM_CHILD, &why));
	assert_int_equal(why, R_STATE);
	assert_null(row(IKE_SA_ESTABLISHED, IKE_REQ_NONE, IKE_AUTH, false, FORM_AUTH, &why));
	assert_int_equal(why, R_STATE);
	assert_null(row(IKE_SA_AUTH_SENT, IKE_REQ_INIT, IKE_AUTH, true, FORM_AUTH, &why));
	assert_int_equal(why, R_STATE);
	assert_null(row(IKE_SA_ESTABLISHED, IKE_REQ_CHILD_NEW, CREATE_CHILD_SA, true,
			FORM_IKE_REKEY, &why));
	assert_int_equal(why, R_UNEXPECTED);
	assert_null(row(IKE_SA_ESTABLISHED, IKE_REQ_IKE_REKEY, CREATE_CHILD_SA, true, FORM_CHILD,
			&why));
	assert_int_equal(why, R_UNEXPECTED);
	assert_null(row(IKE_SA_DEAD, IKE_REQ_NONE, INFORMATIONAL, false, FORM_INFORMATIONAL, &why));
	assert_int_equal(why, R_STATE);
	assert_non_null(
		row(IKE_SA_REKEYED, IKE_REQ_NONE, INFORMATIONAL, false, FORM_INFORMATIONAL, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_is_found_by_its_own_message_in_each_of_its_stages),
		cmocka_unit_test(every_row_has_a_form_a_handler_and_a_story),
		cmocka_unit_test(every_request_has_a_row_for_its_answer),
		cmocka_unit_test(no_stage_goes_back_and_death_is_final),
		cmocka_unit_test(only_auth_leads_to_established),
		cmocka_unit_test(refused_neighbours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
