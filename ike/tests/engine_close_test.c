/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an IKE SA comes to its end: a DELETE that waits for the window (2.3, R1),
 * a peer that is out of step (RFC 7296 2.25), message ids that run out (2.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "ike/tests/engine_harness.h"

static struct world *up(const struct options *o)
{
	struct world *w = world_new(1, o, true);

	initiate(w, A, 0);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	return w;
}

static void lose_all(struct world *w)
{
	while (w->n_net > 0)
		world_drop(w, 0);
}

static void assert_gone(struct world *w)
{
	world_run(w, 5000);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(world_count_sa(w, side, IKE_SA_ESTABLISHED), 0);
		assert_int_equal(world_count_sa(w, side, IKE_SA_DELETING), 0);
		assert_int_equal(w->side[side].n_dp, 0);
	}
}

/* ---- clear, while another request is out ---- */

static void ask(struct world *w)
{
	liveness(w, A);
}

static void rekey_the_ike_sa(struct world *w)
{
	rekey_ike(w, A);
}

static void rekey_the_child(struct world *w)
{
	rekey_child(w, A);
}

/* R1: what the operator wants survives the owner. */
static void a_delete_that_waits_for_the_window_is_the_next_owners_too(void **state)
{
	static void (*const busy[])(struct world * w) = { ask, rekey_the_ike_sa, rekey_the_child };

	(void)state;
	for (size_t i = 0; i < sizeof(busy) / sizeof(busy[0]); i++) {
		struct world *w = up(&(struct options){ 0 });

		w->hold_net = true;
		busy[i](w);
		lose_all(w);
		clear_all(w, A);
		assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 1);
		assert_int_equal(w->n_net, 0);
		world_takeover(w, A, false);
		w->hold_net = false;
		assert_gone(w);
		world_free(w);
	}
}

static void a_delete_that_waits_for_ike_auth_is_the_next_owners_too(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_AUTH_SENT), 1);
	w->hold_net = true;
	lose_all(w);
	clear_all(w, A);
	world_takeover(w, A, false);
	w->hold_net = false;
	assert_gone(w);
	world_free(w);
}

static void clear_twice_is_clear_once(void **state)
{
	struct world *w = up(&(struct options){ 0 });

	(void)state;
	w->hold_net = true;
	liveness(w, A);
	clear_all(w, A);
	clear_all(w, A);
	w->hold_net = false;
	assert_gone(w);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 1);
	world_free(w);
}

/* What traffic wants meanwhile is not hung on the SA that ends. */
static void traffic_sets_up_anew_while_a_delete_waits(void **state)
{
	struct world *w = up(&(struct options){ 0 });

	(void)state;
	w->hold_net = true;
	liveness(w, A);
	clear_all(w, A);
	initiate(w, A, 1);
	w->hold_net = false;
	world_run(w, 5000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	world_free(w);
}

/* The operator cleared it while IKE_AUTH was out, and the peer never answers. */
static void what_was_cleared_is_not_tried_with_the_next_peer(void **state)
{
	struct world *w = world_new(1, &(struct options){ .peers = 2 }, false);

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_AUTH_SENT), 1);
	clear_all(w, A);
	w->drop_pct = 100;
	lose_all(w);
	world_run(w, 65000);
	assert_int_equal(ike_sa_count(w->side[A].engine), 0);
	assert_int_equal(w->side[A].logs[LOG_IKE_INITIATING], 1);
	assert_int_equal(w->side[A].logs[LOG_TUNNEL_PEER_INDEX], 0);
	world_free(w);
}

/* ---- TEMPORARY_FAILURE ---- */

static unsigned int b_asks_in_vain(struct world *w, struct packet *p)
{
	(void)w;
	return !(p->to == A && !p->response && p->exchange == CREATE_CHILD_SA);
}

/*
 * 2.25: "If a peer continues to receive TEMPORARY_FAILURE on the same IKE SA after several
 * minutes, it SHOULD conclude that the state information is out of sync and close the IKE SA."
 * B rekeys the IKE SA for ever, and answers nothing else meanwhile.
 */
static void lasting_temporary_failure_sets_the_ike_sa_up_anew(void **state)
{
	struct world *w = up(&(struct options){ .lines = 2 });
	struct ike_config *c = world_config(w, B, &w->opt);
	uint64_t spi = world_sa(w, A).spi_i;

	(void)state;
	c->retransmit_tries = 60;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	w->impair = b_asks_in_vain;
	rekey_ike(w, B);
	rekey_child(w, A);
	world_run(w, 170000);
	assert_int_equal(world_sa(w, A).spi_i, spi);
	assert_int_equal(w->side[A].init_requests, 1);
	assert_true(w->side[A].sent[CREATE_CHILD_SA] > 10);
	world_run(w, 20000);
	assert_int_equal(w->side[A].init_requests, 2);
	assert_true(world_sa(w, A).spi_i != spi);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 1);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	world_free(w);
}

/* ---- message ids ---- */

static void at_message_ids(struct world *w, uint32_t of_a)
{
	struct ike_sa_state a = world_sa(w, A), b = world_sa(w, B);

	a.next_request_id = b.expected_request_id = of_a;
	assert_int_equal(ike_import_sa(w->side[A].standby, &a), R_OK);
	assert_int_equal(ike_import_sa(w->side[B].standby, &b), R_OK);
	world_takeover(w, A, false);
	world_takeover(w, B, false);
}

static void ask_often(struct world *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		if (world_count_sa(w, A, IKE_SA_ESTABLISHED) == 1)
			liveness(w, A);
		world_run(w, 100);
	}
}

/* 2.2: "In the unlikely event that Message IDs grow too large to fit in 32 bits, the IKE SA
 * MUST be closed or rekeyed." */
static void an_ike_sa_is_rekeyed_before_its_message_ids_end(void **state)
{
	struct world *w = up(&(struct options){ .lines = 2 });

	(void)state;
	at_message_ids(w, UINT32_MAX - 265);
	ask_often(w, 15);
	world_run(w, 2000);
	assert_true(world_sa(w, A).next_request_id < 100);
	assert_int_equal(w->side[A].init_requests, 1);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	world_free(w);
}

static void an_ike_sa_whose_message_ids_end_is_set_up_anew(void **state)
{
	struct world *w = up(&(struct options){ .lines = 2 });

	(void)state;
	at_message_ids(w, UINT32_MAX - 10);
	ask_often(w, 30);
	world_run(w, 2000);
	assert_true(world_sa(w, A).next_request_id < 100);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 1);
	assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
	/* With a DELETE, not by silence. */
	assert_int_equal(w->side[A].logs[LOG_IKE_PEER_DEAD], 0);
	assert_int_equal(w->side[B].logs[LOG_IKE_INITIAL_CONTACT], 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_delete_that_waits_for_the_window_is_the_next_owners_too),
		cmocka_unit_test(a_delete_that_waits_for_ike_auth_is_the_next_owners_too),
		cmocka_unit_test(clear_twice_is_clear_once),
		cmocka_unit_test(traffic_sets_up_anew_while_a_delete_waits),
		cmocka_unit_test(what_was_cleared_is_not_tried_with_the_next_peer),
		cmocka_unit_test(lasting_temporary_failure_sets_the_ike_sa_up_anew),
		cmocka_unit_test(an_ike_sa_is_rekeyed_before_its_message_ids_end),
		cmocka_unit_test(an_ike_sa_whose_message_ids_end_is_set_up_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
