/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an IKE SA comes to its end: DELETE and liveness (RFC 7296 1.4, 2.4), a DELETE that waits for
 * the window (2.3, R1), a peer that is out of step (2.25), message ids that run out (2.2).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "base/timer_queue.h"
#include "ike/tests/engine_harness.h"

static void assert_gone(struct world *w)
{
	world_run(w, 5000);
	for (int side = 0; side < 2; side++) {
		assert_int_equal(world_count_sa(w, side, IKE_SA_ESTABLISHED), 0);
		assert_int_equal(world_count_sa(w, side, IKE_SA_DELETING), 0);
		assert_int_equal(w->side[side].n_dp, 0);
	}
}

/* ---- DELETE and liveness ---- */

static void clear_deletes_both_ends(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);

	(void)state;
	clear_all(w, B);
	world_run(w, 100);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(w->side[i].n_dp, 0);
		assert_int_equal(world_count_sa(w, i, IKE_SA_DEAD), 1);
		assert_int_equal(w->side[i].logs[LOG_IKE_SA_DOWN], 1);
	}
	world_run(w, 61000);
	assert_int_equal(ike_sa_count(w->side[A].engine) + ike_sa_count(w->side[B].engine), 0);
	world_free(w);
}

static void both_delete_at_once(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, false);

	(void)state;
	w->hold_net = true;
	clear_all(w, A);
	clear_all(w, B);
	w->hold_net = false;
	world_run(w, 61000);
	assert_int_equal(ike_sa_count(w->side[A].engine) + ike_sa_count(w->side[B].engine), 0);
	assert_int_equal(w->side[A].logs[LOG_IKE_PEER_DEAD] + w->side[B].logs[LOG_IKE_PEER_DEAD],
			 0);
	world_free(w);
}

static void silence_is_asked_about_and_traffic_is_life(void **state)
{
	struct world *w = world_up(1, &(struct options){ .dpd_s = 10 }, false);

	(void)state;
	for (int i = 0; i < 30; i++) {
		world_run(w, 1000);
		world_traffic(w);
	}
	assert_int_equal(w->side[A].sent[INFORMATIONAL] + w->side[B].sent[INFORMATIONAL], 0);
	world_run(w, 25000);
	assert_in_range(w->side[A].sent[INFORMATIONAL] + w->side[B].sent[INFORMATIONAL], 2, 6);
	assert_settled(w, 1);
	world_free(w);
}

static void a_dead_peer_is_found_and_its_tunnel_initiated_anew_by_traffic(void **state)
{
	struct world *w = world_up(1, &(struct options){ .dpd_s = 10 }, false);

	(void)state;
	w->drop_pct = 100;
	world_run(w, 40000);
	assert_int_equal(ike_sa_count(w->side[A].engine), 0);
	assert_int_equal(w->side[A].n_dp, 0);
	assert_int_equal(w->side[A].logs[LOG_IKE_PEER_DEAD], 1);
	w->drop_pct = 0;
	initiate(w, A, 1);
	world_run(w, 1000);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void a_removed_line_is_deleted(void **state)
{
	struct options o = { .lines = 2 };
	struct world *w = world_up(1, &o, false);

	(void)state;
	o.lines = 1;
	world_configure(w, A, &o);
	assert_settled(w, 1);
	world_free(w);
}

/* R13: what it means for the SAs is the owner's to say, and the next one's when it is that. */
static void a_standby_deletes_nothing_for_a_new_configuration(void **state)
{
	const struct options o = { 0 };
	struct world *w = world_up(1, &o, true);
	struct ike_config *without = world_config(w, A, &o);
	struct ike_outbox out = { 0 };

	(void)state;
	snprintf(without->connections[0].name, sizeof(without->connections[0].name), "another");
	const struct ike_input in = { .kind = IKE_IN_CONFIG, .config = without };
	ike_step(w->side[A].standby, w->now, &in, &out);
	assert_int_equal(out.n, 0);
	assert_int_equal(ike_next_deadline(w->side[A].standby), TIMER_NEVER);
	ike_outbox_clear(&out);
	world_takeover(w, A, false);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 1);
	assert_gone(w);
	world_free(w);
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
		struct world *w = world_up(1, &(struct options){ 0 }, true);

		w->hold_net = true;
		busy[i](w);
		world_drop_all(w);
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
	world_drop_all(w);
	clear_all(w, A);
	world_takeover(w, A, false);
	w->hold_net = false;
	assert_gone(w);
	world_free(w);
}

static void clear_twice_is_clear_once(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, true);

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
	struct world *w = world_up(1, &(struct options){ 0 }, true);

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
	world_drop_all(w);
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
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);
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
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);

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
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);

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
		cmocka_unit_test(clear_deletes_both_ends),
		cmocka_unit_test(both_delete_at_once),
		cmocka_unit_test(silence_is_asked_about_and_traffic_is_life),
		cmocka_unit_test(a_dead_peer_is_found_and_its_tunnel_initiated_anew_by_traffic),
		cmocka_unit_test(a_removed_line_is_deleted),
		cmocka_unit_test(a_standby_deletes_nothing_for_a_new_configuration),
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
