/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE SAs that a takeover leaves in doubt: changed by two owners (R23), or of message
 * ids that nobody knows and a peer without RFC 6311 (R10). Another one takes their place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

static void mark_anew(void *ctx, const struct ike_sa_state *s)
{
	uint64_t *spi = ctx;

	*spi = ike_sa_state_spi(s);
}

/* As the merge of what two owners held leaves it in the record (R23). */
static void two_owners_changed_it(struct world *w)
{
	struct ike_engine *e = w->side[A].standby;
	struct ike_sa_state s;
	uint64_t spi = 0;

	ike_each_sa(e, mark_anew, &spi);
	assert_int_equal(ike_export_sa(e, spi, &s), R_OK);
	s.anew = true;
	assert_int_equal(ike_import_sa(e, &s), R_OK);
	ike_sa_state_clear(&s);
}

static void an_sa_of_two_owners_ends_when_another_is_up(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);

	(void)state;
	two_owners_changed_it(w);
	world_takeover(w, A, false);
	world_run(w, 1000);
	/* Both are there: the tunnels never lack one. */
	assert_int_equal(w->side[A].init_requests, 2);
	assert_int_equal(ike_sa_count(w->side[A].engine), 2);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	world_run(w, 4000);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 1);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_DOWN], 1);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	world_free(w);
}

/* The old one's CHILD SA is the younger one when it goes: the other IKE SA's carries on. */
static void what_ends_hands_on_to_the_sa_that_is_set_up_anew(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	uint32_t old = world_outbound(w, A, 1)->s.spi_in;
	two_owners_changed_it(w);
	world_takeover(w, A, false);
	world_run(w, 1000);
	assert_int_not_equal(world_outbound(w, A, 1)->s.spi_in, old);
	struct ike_input in = { .kind = IKE_IN_REKEY_CHILD, .spi_in = old };
	world_input(w, A, &in);
	world_run(w, 5000);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

/* The node that began it is gone: the mark is in the record. */
static void the_next_owner_sets_up_anew_what_two_owners_changed(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	two_owners_changed_it(w);
	w->hold_net = true;
	world_takeover(w, A, false);
	world_run(w, 100);
	world_takeover(w, A, false);
	w->hold_net = false;
	world_run(w, 10000);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_DOWN], 1);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

/* What the peer does not answer ends like every other one: the old one carries on until then. */
static void an_sa_of_two_owners_stays_while_no_other_comes_up(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	two_owners_changed_it(w);
	w->hold_net = true;
	world_takeover(w, A, false);
	world_run(w, 10000);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 0);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

/* R10: an id may have been used. Make before break; the harness looks after law 3. */
static void without_rfc_6311_a_suspect_takeover_sets_up_anew(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);

	(void)state;
	lose_exchanges(w, 1);
	w->side[A].records_lost = false;
	const unsigned int sent = w->side[A].sent[INFORMATIONAL] + w->side[A].sent[CREATE_CHILD_SA];
	w->hold_net = true;
	world_takeover(w, A, true);
	liveness(w, A);
	rekey_child(w, A);
	liveness(w, B);
	world_run(w, 300);
	assert_int_equal(w->side[A].sent[INFORMATIONAL] + w->side[A].sent[CREATE_CHILD_SA], sent);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	w->hold_net = false;
	world_run(w, 2000);
	assert_int_equal(world_stats(w, A)->in_doubt_anew, 1);
	assert_int_equal(w->side[A].init_requests, 2);
	assert_int_equal(w->side[B].logs[LOG_IKE_INITIAL_CONTACT], 1);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	/* Nobody is asked to delete the old one. */
	world_run(w, 4000);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	world_free(w);
}

/* R10: the former owner may have answered it, otherwise. */
static void without_rfc_6311_nothing_is_answered_in_doubt(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	w->hold_net = true;
	world_takeover(w, A, true);
	liveness(w, B);
	for (size_t i = 0; i < w->n_net; i++) {
		if (w->net[i].to != A)
			continue;
		world_deliver(w, i);
		break;
	}
	assert_int_equal(world_stats(w, A)->refused[R_AGAIN], 1);
	for (size_t i = 0; i < w->n_net; i++)
		assert_false(w->net[i].response);
	world_free(w);
}

/* By whoever is owner then. */
static void so_does_the_owner_behind_it(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	lose_exchanges(w, 1);
	w->side[A].records_lost = false;
	w->hold_net = true;
	world_takeover(w, A, true);
	world_drop_all(w);
	world_takeover(w, A, false);
	w->hold_net = false;
	world_run(w, 10000);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_true(world_tunnel_works(w, 1));
	/* What is new is in no doubt. */
	world_takeover(w, A, false);
	liveness(w, A);
	world_run(w, 1000);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(world_stats(w, A)->in_doubt_anew, 0);
	world_free(w);
}

/* R10: what the former owner answered, or was answered, is not known. */
static void what_is_half_made_begins_again_after_a_suspect_takeover(void **state)
{
	(void)state;
	for (int side = A; side <= B; side++) {
		struct world *w = world_new(1, &(struct options){ 0 }, true);

		w->hold_net = true;
		initiate(w, A, 1);
		world_deliver(w, 0); /* IKE_SA_INIT */
		world_deliver(w, 0);
		if (side == B) {
			w->side[B].records_lost = true;
			world_deliver(w, 0); /* IKE_AUTH, and its answer is lost */
			w->side[B].records_lost = false;
			world_drop_all(w);
		}
		world_takeover(w, side, true);
		assert_int_equal(ike_sa_count(w->side[side].engine), side == A);
		w->hold_net = false;
		world_run(w, 200000);
		initiate(w, A, 1);
		world_run(w, 2000);
		assert_true(world_tunnel_works(w, 1));
		world_free(w);
	}
}

static void a_suspect_takeover_sets_up_anew_what_does_not_answer(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);

	(void)state;
	/* B has forgotten; A cannot know. */
	world_restart(w, B);
	world_takeover(w, A, true);
	world_run(w, 90000);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	assert_int_equal(w->side[A].init_requests, 2);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_sa_of_two_owners_ends_when_another_is_up),
		cmocka_unit_test(what_ends_hands_on_to_the_sa_that_is_set_up_anew),
		cmocka_unit_test(the_next_owner_sets_up_anew_what_two_owners_changed),
		cmocka_unit_test(an_sa_of_two_owners_stays_while_no_other_comes_up),
		cmocka_unit_test(without_rfc_6311_a_suspect_takeover_sets_up_anew),
		cmocka_unit_test(without_rfc_6311_nothing_is_answered_in_doubt),
		cmocka_unit_test(so_does_the_owner_behind_it),
		cmocka_unit_test(what_is_half_made_begins_again_after_a_suspect_takeover),
		cmocka_unit_test(a_suspect_takeover_sets_up_anew_what_does_not_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
