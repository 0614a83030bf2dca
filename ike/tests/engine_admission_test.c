/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R24 at the engine: who is refused when the share is used up, and what never
 * is: rekeys, takeovers, and an IKE SA that takes the place of one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

static struct world *two_sides(void)
{
	return world_new(1, &(struct options){ .lines = 1 }, true);
}

static struct world *up(void)
{
	struct world *w = two_sides();

	initiate(w, A, 0);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	return w;
}

static const struct ike_stats *stats(const struct world *w, int side)
{
	return ike_engine_stats(w->side[side].engine);
}

static void a_stranger_above_the_share_gets_no_answer(void **state)
{
	struct world *w = two_sides();

	(void)state;
	ike_share_set(w->side[B].engine, 0, 0);
	initiate(w, A, 0);
	world_run(w, 2000);
	assert_int_equal(w->side[B].sent[IKE_SA_INIT], 0);
	assert_int_equal(stats(w, B)->half_open, 0);
	assert_true(stats(w, B)->refused[R_ADMISSION] > 0);
	assert_int_equal(stats(w, B)->admission.in_refused, stats(w, B)->refused[R_ADMISSION]);
	assert_true(w->side[B].logs[LOG_IKE_LIMIT] > 0);
	/* The peer asks again, and is answered as soon as there is room. */
	ike_share_set(w->side[B].engine, 1, 0);
	world_run(w, 10000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(stats(w, B)->admission.in_accepted, 1);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 1);
	world_free(w);
}

static bool is_auth(const struct world *w)
{
	return w->n_net == 1 && w->net[0].exchange == IKE_AUTH;
}

static void a_share_that_is_gone_at_ike_auth_is_authentication_failed(void **state)
{
	struct world *w = two_sides();

	(void)state;
	w->hold_net = true;
	initiate(w, A, 0);
	while (!is_auth(w))
		world_deliver(w, 0);
	ike_share_set(w->side[B].engine, 0, 0);
	w->hold_net = false;
	world_run(w, 1000);
	assert_int_equal(stats(w, B)->refused[R_ADMISSION], 1);
	assert_int_equal(stats(w, B)->half_open, 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 0);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 0);
	assert_int_equal(w->side[A].logs[LOG_IKE_AUTH_FAILED], 1);
	assert_int_equal(ike_load(w->side[B].engine).all, 0);
	world_free(w);
}

static void rekeys_are_not_refused(void **state)
{
	struct world *w = up();

	(void)state;
	ike_share_set(w->side[A].engine, 0, 0);
	ike_share_set(w->side[B].engine, 0, 0);
	uint64_t old = world_sa(w, B).spi_r;
	rekey_ike(w, A);
	world_run(w, 2000);
	assert_int_not_equal(world_sa(w, B).spi_r, old);
	rekey_ike(w, B);
	world_run(w, 2000);
	rekey_child(w, A);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(stats(w, B)->rekeys_ike, 2);
	assert_int_equal(ike_load(w->side[B].engine).all, 1);
	assert_int_equal(stats(w, A)->refused[R_ADMISSION] + stats(w, B)->refused[R_ADMISSION], 0);
	world_free(w);
}

/* An SA and who takes its place are one, also while nobody knows yet which of two that will be. */
static void rekeys_that_collide_count_once(void **state)
{
	struct world *w = up();

	(void)state;
	rekey_ike(w, A);
	rekey_ike(w, B);
	for (int ms = 0; ms < 2000; ms++) {
		world_run(w, 1);
		assert_int_equal(ike_load(w->side[A].engine).all, 1);
		assert_int_equal(ike_load(w->side[B].engine).all, 1);
	}
	assert_true(stats(w, A)->collisions + stats(w, B)->collisions > 0);
	world_free(w);
}

static void a_takeover_is_not_refused(void **state)
{
	struct world *w = up();

	(void)state;
	ike_share_set(w->side[B].standby, 0, 0);
	world_takeover(w, B, false);
	liveness(w, A);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(ike_load(w->side[B].engine).in_share, 1);
	assert_int_equal(stats(w, B)->refused[R_ADMISSION], 0);
	world_free(w);
}

static void an_initiation_of_ours_counts_and_is_refused(void **state)
{
	struct world *w = two_sides();

	(void)state;
	ike_share_set(w->side[A].engine, 0, 0);
	initiate(w, A, 0);
	world_run(w, 2000);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 0);
	assert_int_equal(stats(w, A)->admission.out_refused, 1);
	assert_int_equal(stats(w, A)->refused[R_ADMISSION], 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_LIMIT], 1);
	assert_int_equal(world_index(w).generation, 0);
	ike_share_set(w->side[A].engine, 1, 0);
	w->hold_net = true;
	initiate(w, A, 0);
	/* From its first message on. */
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	w->hold_net = false;
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	clear_all(w, A);
	world_run(w, 2000);
	assert_int_equal(ike_load(w->side[A].engine).all, 0);
	world_free(w);
}

/* Only what is established may be what the peer comes to replace. */
static void an_attempt_of_ours_lets_the_peer_in_no_more_than_a_stranger(void **state)
{
	struct world *w = two_sides();

	(void)state;
	ike_share_set(w->side[B].engine, 1, 0);
	w->hold_net = true;
	initiate(w, B, 0);
	world_drop_all(w);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 1);
	initiate(w, A, 0);
	world_deliver(w, 0);
	assert_int_equal(stats(w, B)->admission.in_refused, 1);
	assert_int_equal(stats(w, B)->half_open, 0);
	world_free(w);
}

static void who_comes_back_takes_its_own_place(void **state)
{
	struct world *w = up();

	(void)state;
	ike_share_set(w->side[B].engine, 1, 0);
	world_restart(w, A);
	initiate(w, A, 0);
	world_run(w, 5000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 1);
	assert_int_equal(stats(w, B)->refused[R_ADMISSION], 0);
	world_free(w);
}

static void what_is_in_the_share_of_another_frees_nothing(void **state)
{
	struct world *w = up();

	(void)state;
	ike_share_set(w->side[B].engine, 0, 0);
	ike_share_carry(w->side[B].engine, true);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 0);
	/* A rekeyed one is the same, and so is one that the peer sets up in its place. */
	rekey_ike(w, A);
	world_run(w, 2000);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 0);
	world_restart(w, A);
	initiate(w, A, 0);
	world_run(w, 5000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(ike_load(w->side[B].engine).all, 1);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 0);
	clear_all(w, A);
	world_run(w, 2000);
	initiate(w, A, 0);
	world_run(w, 2000);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 0);
	assert_true(stats(w, B)->refused[R_ADMISSION] > 0);
	ike_share_set(w->side[B].engine, 1, 0);
	ike_share_carry(w->side[B].engine, false);
	world_run(w, 20000);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 1);
	world_free(w);
}

/* Its DELETE waits, also in the next owner: another one of ours comes up meanwhile. */
static void what_is_to_be_deleted_does_not_count(void **state)
{
	struct world *w = up();

	(void)state;
	ike_share_set(w->side[A].engine, 1, 0);
	w->hold_net = true;
	liveness(w, A);
	clear_all(w, A);
	assert_int_equal(ike_load(w->side[A].engine).all, 0);
	ike_share_set(w->side[A].standby, 1, 0);
	world_takeover(w, A, false);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 0);
	initiate(w, A, 1);
	assert_int_equal(stats(w, A)->refused[R_ADMISSION], 0);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	w->hold_net = false;
	world_run(w, 5000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	world_free(w);
}

/* What does not count gives no place to who comes in its stead. */
static void who_replaces_what_is_to_be_deleted_needs_a_place(void **state)
{
	struct world *w = up();

	(void)state;
	w->hold_net = true;
	liveness(w, B);
	clear_all(w, B);
	ike_share_set(w->side[B].engine, 0, 0);
	w->hold_net = false;
	for (size_t i = w->n_net; i > 0; i--)
		world_drop(w, i - 1);
	unsigned int answered = w->side[B].sent[IKE_SA_INIT];
	world_restart(w, A);
	initiate(w, A, 0);
	world_run(w, 500);
	assert_true(stats(w, B)->refused[R_ADMISSION] > 0);
	assert_int_equal(w->side[B].sent[IKE_SA_INIT], answered);
	/* Nor at IKE_AUTH, with INITIAL_CONTACT. */
	ike_share_set(w->side[B].engine, 1, 0);
	w->hold_net = true;
	while (!is_auth(w)) {
		if (w->n_net == 0)
			world_run(w, 500);
		else
			world_deliver(w, 0);
	}
	ike_share_set(w->side[B].engine, 0, 0);
	w->hold_net = false;
	world_run(w, 100);
	assert_int_equal(ike_load(w->side[B].engine).in_share, 0);
	assert_int_equal(w->side[A].logs[LOG_IKE_AUTH_FAILED], 1);
	world_free(w);
}

/* max-sa of the node, over all of its groups. */
static void the_nodes_own_limit_holds_beside_the_share(void **state)
{
	struct world *w = world_new(1, &(struct options){ .lines = 1, .max_sa = 2 }, true);

	(void)state;
	ike_share_set(w->side[A].engine, 10, 2);
	initiate(w, A, 0);
	assert_int_equal(stats(w, A)->admission.out_refused, 1);
	ike_share_set(w->side[A].engine, 10, 1);
	ike_share_set(w->side[B].engine, 10, 2);
	initiate(w, A, 0);
	world_run(w, 500);
	assert_int_equal(stats(w, A)->admission.out_accepted, 1);
	assert_true(stats(w, B)->admission.in_refused > 0);
	ike_share_set(w->side[B].engine, 10, 1);
	world_run(w, 10000);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void mark_anew(void *ctx, const struct ike_sa_state *s)
{
	*(uint64_t *)ctx = ike_sa_state_spi(s);
}

static void take_over_what_is_to_be_set_up_anew(struct world *w)
{
	struct ike_engine *standby = w->side[A].standby;
	struct ike_sa_state s;
	uint64_t spi = 0;

	ike_each_sa(standby, mark_anew, &spi);
	assert_int_equal(ike_export_sa(standby, spi, &s), R_OK);
	s.anew = true;
	assert_int_equal(ike_import_sa(standby, &s), R_OK);
	ike_sa_state_clear(&s);
	ike_share_set(standby, 1, 0);
	world_takeover(w, A, false);
}

/* R23: make before break, with the share used up by what is replaced: the two are one. */
static void what_is_set_up_anew_is_not_refused(void **state)
{
	(void)state;
	for (unsigned int carried = 0; carried < 2; carried++) {
		struct world *w = up();
		take_over_what_is_to_be_set_up_anew(w);
		ike_share_carry(w->side[A].engine, carried);
		for (int ms = 0; ms < 5000; ms++) {
			world_run(w, 1);
			assert_int_equal(ike_load(w->side[A].engine).all, 1);
			assert_int_equal(ike_load(w->side[A].engine).in_share, !carried);
			/* So it is for the next owner. */
			assert_int_equal(ike_load(w->side[A].standby).all, 1);
		}
		assert_int_equal(stats(w, A)->refused[R_ADMISSION], 0);
		assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 1);
		assert_true(world_tunnel_works(w, 1));
		world_free(w);
	}
}

static bool delivered(struct world *w, int to, uint8_t exchange, bool response)
{
	for (size_t i = 0; i < w->n_net; i++) {
		if (w->net[i].to != to || w->net[i].exchange != exchange ||
		    w->net[i].response != response)
			continue;
		world_deliver(w, i);
		return true;
	}
	return false;
}

/* The peer deletes the old one while our attempt to set it up anew is under way: its place is kept. */
static void an_attempt_counts_when_what_it_replaces_is_gone(void **state)
{
	struct world *w = up();

	(void)state;
	w->hold_net = true;
	take_over_what_is_to_be_set_up_anew(w);
	world_run(w, 100);
	assert_int_equal(world_count_sa(w, A, IKE_SA_INIT_SENT), 1);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	clear_all(w, B);
	assert_true(delivered(w, A, INFORMATIONAL, false));
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_INIT_SENT), 1);
	assert_int_equal(ike_load(w->side[A].engine).all, 1);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	world_free(w);
}

/* The new one is gone before the old one: that has its place again. */
static void what_is_set_up_anew_counts_when_the_new_one_is_gone(void **state)
{
	struct world *w = up();

	(void)state;
	take_over_what_is_to_be_set_up_anew(w);
	for (unsigned int ms = 0; ms < 2000 && world_count_sa(w, A, IKE_SA_ESTABLISHED) < 2; ms++)
		world_run(w, 1);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 2);
	w->hold_net = true;
	clear_all(w, B);
	assert_int_equal(w->n_net, 2);
	world_deliver(w, 1);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(world_sa(w, A).anew, true);
	assert_int_equal(ike_load(w->side[A].engine).all, 1);
	assert_int_equal(ike_load(w->side[A].standby).all, 1);
	assert_true(delivered(w, A, INFORMATIONAL, false));
	assert_int_equal(ike_load(w->side[A].engine).all, 0);
	world_free(w);
}

/* Ours is under way while the peer's comes up: until one of them goes they are two. */
static void two_that_begin_at_once_are_two(void **state)
{
	struct world *w = two_sides();

	(void)state;
	w->hold_net = true;
	initiate(w, A, 0);
	world_drop_all(w);
	initiate(w, B, 0);
	while (w->n_net > 0)
		world_deliver(w, 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(world_count_sa(w, A, IKE_SA_INIT_SENT), 1);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 2);
	world_run(w, 1000);
	assert_true(delivered(w, B, IKE_SA_INIT, false) && delivered(w, A, IKE_SA_INIT, true));
	assert_int_equal(world_count_sa(w, A, IKE_SA_AUTH_SENT), 1);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 2);
	world_free(w);
}

/* An attempt of ours is nothing yet that the peer's could replace. */
static void an_attempt_gives_no_place_to_a_stranger(void **state)
{
	struct world *w = two_sides();

	(void)state;
	ike_share_set(w->side[A].engine, 1, 0);
	w->hold_net = true;
	initiate(w, A, 0);
	world_drop_all(w);
	initiate(w, B, 0);
	world_deliver(w, 0);
	assert_int_equal(stats(w, A)->admission.in_refused, 1);
	assert_int_equal(ike_load(w->side[A].engine).in_share, 1);
	world_free(w);
}

/* What is to be deleted is in nobody's place. */
static void an_attempt_beside_what_is_to_be_deleted_counts(void **state)
{
	struct world *w = up();

	(void)state;
	w->hold_net = true;
	take_over_what_is_to_be_set_up_anew(w);
	world_run(w, 100);
	liveness(w, A);
	clear_all(w, A);
	assert_int_equal(ike_load(w->side[A].engine).all, 0);
	initiate(w, A, 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_int_equal(ike_load(w->side[A].engine).all, 1);
	world_free(w);
}

static void what_is_half_open_then_counts(void **state)
{
	struct world *w = two_sides();

	(void)state;
	w->hold_net = true;
	initiate(w, A, 0);
	while (!is_auth(w))
		world_deliver(w, 0);
	/* Nobody can have taken it over: it does not count yet. */
	ike_share_carry(w->side[B].engine, true);
	w->hold_net = false;
	world_run(w, 1000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(ike_load(w->side[B].engine).in_share, 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stranger_above_the_share_gets_no_answer),
		cmocka_unit_test(a_share_that_is_gone_at_ike_auth_is_authentication_failed),
		cmocka_unit_test(rekeys_are_not_refused),
		cmocka_unit_test(rekeys_that_collide_count_once),
		cmocka_unit_test(a_takeover_is_not_refused),
		cmocka_unit_test(an_initiation_of_ours_counts_and_is_refused),
		cmocka_unit_test(an_attempt_of_ours_lets_the_peer_in_no_more_than_a_stranger),
		cmocka_unit_test(who_comes_back_takes_its_own_place),
		cmocka_unit_test(what_is_in_the_share_of_another_frees_nothing),
		cmocka_unit_test(what_is_to_be_deleted_does_not_count),
		cmocka_unit_test(who_replaces_what_is_to_be_deleted_needs_a_place),
		cmocka_unit_test(the_nodes_own_limit_holds_beside_the_share),
		cmocka_unit_test(what_is_set_up_anew_is_not_refused),
		cmocka_unit_test(an_attempt_counts_when_what_it_replaces_is_gone),
		cmocka_unit_test(what_is_set_up_anew_counts_when_the_new_one_is_gone),
		cmocka_unit_test(two_that_begin_at_once_are_two),
		cmocka_unit_test(an_attempt_gives_no_place_to_a_stranger),
		cmocka_unit_test(an_attempt_beside_what_is_to_be_deleted_counts),
		cmocka_unit_test(what_is_half_open_then_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
