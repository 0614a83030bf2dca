/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CHILD SAs that one end may know alone, since a response was lost or could not be
 * used: neither end keeps one that the other does not have (RFC 7296 1.4.1, 2.25.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

/* The other end would answer CHILD_SA_NOT_FOUND and the new one would be lost on one side
 * (2.25.1). */
static void a_child_that_the_peer_may_not_know_is_not_rekeyed(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, false);

	(void)state;
	w->hold_net = true;
	rekey_child(w, A);
	world_deliver(w, 0);
	assert_int_equal(w->n_net, 1); /* the response */
	world_drop(w, 0);
	for (size_t i = 0; i < w->side[B].n_dp; i++)
		world_input(w, B,
			    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD,
						 .spi_in = w->side[B].dp[i].s.spi_in });
	assert_int_equal(w->n_net, 0);
	w->hold_net = false;
	world_run(w, 20000);
	assert_settled(w, 1);
	world_free(w);
}

static unsigned int responses_to_a_get_lost(struct world *w, struct packet *p)
{
	(void)w;
	return !(p->to == A && p->response && p->exchange == CREATE_CHILD_SA);
}

/* Whatever a side still believes in, the other one has. */
static void assert_no_orphan(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		for (size_t n = 0; n < w->side[i].n_dp; n++) {
			const struct side *other = &w->side[1 - i];
			bool known = !w->side[i].dp[n].outbound;

			for (size_t k = 0; k < other->n_dp; k++)
				known = known ||
					other->dp[k].s.spi_in == w->side[i].dp[n].s.spi_out;
			assert_true(known);
		}
	}
}

/*
 * 2.25.1. That the old CHILD SA ends says nothing of the new one: until the peer
 * shows that it has our response, the new one carries, but is neither rekeyed
 * nor deleted; also by the next owner.
 */
static void the_end_of_the_old_child_proves_nothing_of_the_new_one(void **state)
{
	(void)state;
	for (int takeover = 0; takeover < 2; takeover++) {
		struct world *w = world_new(1, &(struct options){ .child_life_s = 10 }, true);
		uint32_t fresh = 0;

		initiate(w, A, 1);
		world_run(w, 2000);
		w->impair = responses_to_a_get_lost;
		rekey_child(w, A);
		world_run(w, 9000); /* the old one is over */
		assert_int_equal(w->side[B].logs[LOG_IKE_CHILD_REKEYED], 1);
		assert_non_null(world_outbound(w, B, 1));
		fresh = world_outbound(w, B, 1)->s.spi_in;
		assert_int_equal(world_count_child(w, B, CHILD_SA_INSTALLED), 1);
		if (takeover)
			world_takeover(w, B, false);
		assert_int_equal(world_outbound(w, B, 1)->s.spi_in, fresh);
		world_run(w, 3000); /* and the new one would be */
		assert_int_equal(world_outbound(w, B, 1)->s.spi_in, fresh);
		assert_int_equal(w->side[B].logs[LOG_IKE_ABORTED], 0);
		w->impair = NULL;
		for (int i = 0; i < 3000 && w->side[A].logs[LOG_IKE_CHILD_REKEYED] == 0; i++)
			world_run(w, 10);
		world_run(w, 100);
		assert_true(world_tunnel_works(w, 1));
		for (int i = 0; i < 300; i++) {
			world_run(w, 100);
			assert_no_orphan(w);
			assert_true(world_tunnel_works(w, 1));
		}
		world_free(w);
	}
}

static void the_next_request_proves_that_the_peer_has_our_response(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	uint32_t old = world_outbound(w, B, 1)->s.spi_in;

	(void)state;
	w->hold_net = true;
	rekey_child(w, A);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(world_outbound(w, B, 1)->s.spi_in, old);
	world_deliver(w, 0); /* the DELETE of the old one: any request does */
	assert_int_equal(world_count_child(w, B, CHILD_SA_INSTALLED), 0);
	assert_int_not_equal(world_outbound(w, B, 1)->s.spi_in, old);
	w->hold_net = false;
	assert_settled(w, 2);
	world_free(w);
}

/* 1.4.1: nothing has been replaced, so what was there goes on. */
static void a_new_child_that_is_deleted_at_once_leaves_the_old_one(void **state)
{
	struct options o = { .pfs = DH_CURVE25519 };
	struct world *w = world_up(1, &o, false);
	uint32_t old = world_outbound(w, B, 1)->s.spi_in;

	(void)state;
	w->hold_net = true;
	rekey_child(w, A);
	o.pfs = DH_ECP_256; /* so that A cannot use the answer */
	world_configure(w, A, &o);
	w->hold_net = false;
	assert_settled(w, 1);
	assert_int_equal(world_outbound(w, B, 1)->s.spi_in, old);
	world_free(w);
}

/* A further CHILD SA, whose response is lost, and that we are told to rekey at once (R10). */
static void a_further_child_that_the_peer_does_not_know_yet_is_kept(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	uint32_t spi;

	(void)state;
	clear_all(w, A);
	world_run(w, 70000);
	initiate(w, A, 1);
	world_run(w, 1000);
	w->impair = responses_to_a_get_lost;
	initiate(w, A, 2);
	world_run(w, 100);
	assert_non_null(world_outbound(w, B, 2));
	spi = world_outbound(w, B, 2)->s.spi_in;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD, .spi_in = spi });
	world_run(w, 100);
	assert_int_equal(world_outbound(w, B, 2)->s.spi_in, spi);
	assert_int_equal(world_stats(w, A)->refused[R_TEMPORARY], 1);
	w->impair = NULL;
	world_run(w, 1500);
	for (int i = 0; i < 200; i++) {
		world_run(w, 100);
		assert_no_orphan(w);
	}
	assert_true(world_tunnel_works(w, 2));
	world_free(w);
}

/* Another implementation says CHILD_SA_NOT_FOUND of what it has not heard of yet. */
static void child_sa_not_found_is_believed_when_no_response_can_be_late(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);
	uint32_t spi;

	(void)state;
	initiate(w, A, 1);
	world_run(w, 1000);
	spi = world_outbound(w, B, 1)->s.spi_in;
	ike_forget_child(w->side[A].standby, world_outbound(w, A, 1)->s.spi_in);
	world_takeover(w, A, false);
	rekey_child(w, B);
	world_run(w, 100);
	assert_int_equal(w->side[B].logs[LOG_IKE_ABORTED], 1);
	assert_int_equal(world_outbound(w, B, 1)->s.spi_in, spi);
	world_run(w, 70000);
	assert_int_not_equal(world_outbound(w, B, 1)->s.spi_in, spi);
	assert_settled(w, 1);
	world_free(w);
}

/*
 * A response that cannot be used: what the peer made of it is deleted before
 * anything else is asked, so that the next owner knows of it.
 */
static void what_only_the_peer_made_is_deleted_by_the_next_owner_too(void **state)
{
	struct options o = { .lines = 3, .pfs = DH_CURVE25519 };
	struct world *w = world_up(1, &o, true);

	(void)state;
	w->hold_net = true;
	rekey_child(w, A);
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD,
					 .spi_in = world_outbound(w, A, 2)->s.spi_in });
	o.pfs = DH_ECP_256;
	world_configure(w, A, &o);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(w->n_net, 1);
	world_drop(w, 0); /* it dies with its node */
	world_takeover(w, A, false);
	assert_int_equal(w->n_net, 1);
	assert_int_equal(w->net[0].exchange, INFORMATIONAL);
	w->hold_net = false;
	assert_settled(w, 3);
	world_free(w);
}

/* The same of the first CHILD SA: its line is gone when the answer to IKE_AUTH comes. */
static void a_first_child_that_only_the_peer_made_is_deleted_too(void **state)
{
	struct options o = { .lines = 2 };
	struct world *w = world_new(1, &o, true);

	(void)state;
	initiate(w, A, 2);
	initiate(w, A, 1);
	for (int i = 0; i < 3; i++)
		world_deliver(w, 0);
	assert_int_equal(world_count_child(w, B, CHILD_SA_ESTABLISHED), 1);
	o.lines = 1;
	world_configure(w, A, &o);
	world_deliver(w, 0);
	assert_int_equal(w->n_net, 1);
	world_drop(w, 0);
	world_takeover(w, A, false);
	assert_int_equal(w->n_net, 1);
	assert_int_equal(w->net[0].exchange, INFORMATIONAL);
	world_run(w, 1000);
	assert_int_equal(world_count_child(w, B, CHILD_SA_ESTABLISHED), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_that_the_peer_may_not_know_is_not_rekeyed),
		cmocka_unit_test(the_end_of_the_old_child_proves_nothing_of_the_new_one),
		cmocka_unit_test(the_next_request_proves_that_the_peer_has_our_response),
		cmocka_unit_test(a_new_child_that_is_deleted_at_once_leaves_the_old_one),
		cmocka_unit_test(a_further_child_that_the_peer_does_not_know_yet_is_kept),
		cmocka_unit_test(child_sa_not_found_is_believed_when_no_response_can_be_late),
		cmocka_unit_test(what_only_the_peer_made_is_deleted_by_the_next_owner_too),
		cmocka_unit_test(a_first_child_that_only_the_peer_made_is_deleted_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
