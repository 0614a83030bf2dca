/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6311 between two engines: its negotiation, and a member that takes over with message ids
 * of the past and gets its peer to follow. The harness asserts that no id says two things,
 * whoever synchronized it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_sync_harness.h"

/* ---- negotiation ---- */

static void it_is_negotiated_when_both_offer_it(void **state)
{
	(void)state;
	for (unsigned int offers = 0; offers < 4; offers++) {
		struct world *w = established(
			&(struct options){ .sync_a = offers & 1, .sync_b = offers & 2 });

		for (int round = 0; round < 2; round++) {
			for (int side = A; side <= B; side++) {
				struct ike_sa_state s = world_sa(w, side);

				assert_int_equal(s.peer_mid_sync, offers == 3);
				assert_int_equal(s.peer_replay_sync, offers == 3);
			}
			/* It goes with the records, and to the successor of the IKE SA. */
			world_takeover(w, A, false);
			world_takeover(w, B, false);
			rekey_ike(w, A);
			world_run(w, 2000);
		}
		world_free(w);
	}
}

/* ---- message ids ---- */

static void a_suspect_takeover_synchronizes_and_asks_nothing_else(void **state)
{
	struct world *w = established(&(struct options){ SYNC });

	(void)state;
	suspect(w, A);
	world_run(w, 1000);
	assert_int_equal(world_stats(w, A)->syncs_sent, 1);
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	assert_int_equal(world_stats(w, B)->syncs_answered, 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_DPD_SENT], 0);
	assert_in_step(w);
	assert_well(w);
	world_free(w);
}

static void ids_of_the_past_are_brought_up(void **state)
{
	(void)state;
	for (unsigned int n = 1; n <= 6; n++) {
		struct world *w = established(&(struct options){ SYNC });

		lose_exchanges(w, n);
		suspect(w, A);
		world_run(w, 30000);
		assert_int_equal(world_stats(w, A)->syncs_done, 1);
		assert_in_step(w);
		assert_well(w);
		world_free(w);
	}
}

/* R10: what was not answered yet when its owner went. */
static void the_next_owner_synchronizes_what_a_suspect_one_did_not(void **state)
{
	(void)state;
	for (unsigned int n = 0; n <= 3; n++) {
		struct world *w = established(&(struct options){ SYNC });

		lose_exchanges(w, n);
		w->hold_net = true;
		suspect(w, A);
		world_run(w, 200);
		world_drop_all(w);
		/* It lacks nothing itself. */
		world_takeover(w, A, false);
		w->hold_net = false;
		liveness(w, A);
		world_run(w, 30000);
		assert_int_equal(world_stats(w, A)->syncs_done, 1);
		assert_in_step(w);
		/* And once is enough. */
		world_takeover(w, A, false);
		world_run(w, 1000);
		assert_int_equal(world_stats(w, A)->syncs_sent, 0);
		assert_well(w);
		world_free(w);
	}
}

/* The former owner may have had its answer, and used it: its ids are in doubt, too. */
static void what_a_request_of_before_makes_is_synchronized(void **state)
{
	struct world *w = established(&(struct options){ SYNC });

	(void)state;
	w->hold_net = true;
	rekey_ike(w, A);
	world_deliver(w, 0);
	world_drop_all(w);
	w->hold_net = false;
	suspect(w, A);
	world_run(w, 4000);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_REKEYED], 1);
	assert_int_equal(world_stats(w, A)->syncs_done,
			 2); /* with the old one, which it deletes then */
	assert_well(w);
	world_free(w);
}

static void what_the_peer_had_asked_is_asked_anew(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		for (unsigned int lost = 0; lost < 3; lost++) {
			struct world *w = established(&(struct options){ SYNC });

			lose_exchanges(w, lost);
			w->hold_net = true;
			if (kind == 0)
				liveness(w, B);
			else if (kind == 1)
				rekey_child(w, B);
			else if (kind == 2)
				rekey_ike(w, B);
			/* 3: A has processed it, and nobody hears of that. */
			else
				rekey_child(w, B);
			assert_true(w->n_net > 0);
			if (kind == 3) {
				w->side[A].records_lost = true;
				world_deliver(w, 0);
			}
			world_drop_all(w);
			w->hold_net = false;
			suspect(w, A);
			world_run(w, 60000);
			assert_int_equal(world_stats(w, A)->syncs_done, 1);
			assert_int_equal(world_count_child(w, B, CHILD_SA_ESTABLISHED), 1);
			if (kind == 1 || kind == 3)
				assert_true(w->side[B].logs[LOG_IKE_CHILD_REKEYED] > 0);
			if (kind == 2)
				assert_true(w->side[B].logs[LOG_IKE_SA_REKEYED] > 0);
			assert_well(w);
			world_free(w);
		}
	}
}

static void what_the_former_owner_had_asked_is_asked_anew(void **state)
{
	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		for (int delivered = 0; delivered < 2; delivered++) {
			struct world *w = established(&(struct options){ SYNC });

			w->hold_net = true;
			if (kind == 0)
				liveness(w, A);
			else if (kind == 1)
				rekey_child(w, A);
			else
				rekey_ike(w, A);
			if (delivered)
				world_deliver(w, 0);
			world_drop_all(w);
			w->hold_net = false;
			suspect(w, A);
			world_run(w, 90000);
			assert_well(w);
			world_free(w);
		}
	}
}

static void a_request_is_taken_once(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct ike_sa_state before;

	(void)state;
	w->impair = hear;
	suspect(w, A);
	world_run(w, 1000);
	assert_int_equal(heard[A].n, 1);
	for (int later = 0; later < 3; later++) {
		before = world_sa(w, B);
		world_inject(w, B, buf_bytes(&heard[A].datagram[0]));
		assert_int_equal(w->n_net, 0);
		assert_int_equal(world_stats(w, B)->refused[R_STALE], later < 2 ? 1 : 2);
		assert_int_equal(world_sa(w, B).expected_request_id, before.expected_request_id);
		assert_int_equal(world_sa(w, B).next_request_id, before.next_request_id);
		/* Nor by the next owner of B, nor after further exchanges. */
		if (later == 0)
			world_takeover(w, B, false);
		liveness(w, A);
		world_run(w, 500);
	}
	assert_int_equal(world_stats(w, B)->syncs_answered, 0); /* of this owner */
	forget_heard();
	w->impair = NULL;
	assert_well(w);
	world_free(w);
}

static void a_retransmission_is_a_request_of_its_own(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct msgid_sync first, second;

	(void)state;
	w->impair = hear_and_drop_responses;
	suspect(w, A);
	world_run(w, 2500);
	assert_int_equal(heard[A].n, 2);
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[0]), &first));
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[1]), &second));
	assert_true(second.send > first.send);
	assert_memory_not_equal(first.nonce, second.nonce, 4);
	/* B answers each; the answer to the first is none to the second. */
	assert_int_equal(heard[B].n, 2);
	world_inject(w, A, buf_bytes(&heard[B].datagram[0]));
	assert_int_equal(world_stats(w, A)->syncs_done, 0);
	assert_int_equal(world_stats(w, A)->refused[R_VALUE], 1);
	world_inject(w, A, buf_bytes(&heard[B].datagram[1]));
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	/* Once. */
	world_inject(w, A, buf_bytes(&heard[B].datagram[1]));
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	forget_heard();
	w->impair = NULL;
	assert_well(w);
	world_free(w);
}

static void a_second_takeover_goes_above_the_first_ones_request(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct msgid_sync first, second;

	(void)state;
	w->impair = hear_and_drop_responses;
	suspect(w, A);
	world_run(w, 100);
	assert_int_equal(heard[A].n, 1);
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[0]), &first));
	suspect(w, A);
	w->impair = hear;
	world_run(w, 100);
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[1]), &second));
	assert_true(second.send > first.send);
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	forget_heard();
	w->impair = NULL;
	assert_well(w);
	world_free(w);
}

/* Both know the same of the SA, and nothing of each other. */
static void owners_that_never_met_do_not_ask_the_same(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct msgid_sync first, second;

	(void)state;
	w->impair = hear_and_drop_responses;
	w->side[A].records_lost = true;
	world_takeover(w, A, true);
	world_run(w, 100);
	assert_int_equal(heard[A].n, 1);
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[0]), &first));
	suspect(w, A);
	world_run(w, 100);
	assert_int_equal(heard[A].n, 2);
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[1]), &second));
	assert_int_not_equal(first.send, second.send);
	forget_heard();
	w->impair = NULL;
	world_run(w, 3000);
	assert_well(w);
	world_free(w);
}

static unsigned int swallow_sync(struct world *w, struct packet *p)
{
	struct msgid_sync sync;

	return world_sync_of(w, 1 - p->to, buf_bytes(&p->datagram), &sync) ? 0 : 1;
}

static void a_peer_that_does_not_answer_gets_a_new_ike_sa(void **state)
{
	struct world *w = established(&(struct options){ SYNC });

	(void)state;
	w->impair = swallow_sync;
	suspect(w, A);
	world_run(w, 55000);
	assert_int_equal(world_stats(w, A)->syncs_sent, 6);
	assert_int_equal(w->side[A].init_requests, 1);
	world_run(w, 15000);
	assert_int_equal(world_stats(w, A)->syncs_failed, 1);
	assert_int_equal(w->side[A].init_requests, 2);
	assert_int_equal(w->side[B].logs[LOG_IKE_INITIAL_CONTACT], 1);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void a_peer_that_is_gone_gets_a_new_ike_sa(void **state)
{
	struct world *w = established(&(struct options){ SYNC });

	(void)state;
	world_restart(w, B);
	suspect(w, A);
	world_run(w, 120000);
	assert_int_equal(w->side[A].init_requests, 2);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void both_may_fail_over_at_once(void **state)
{
	(void)state;
	for (unsigned int lost = 0; lost < 4; lost++) {
		struct world *w = established(&(struct options){ SYNC });

		w->side[B].records_lost = lost > 1;
		lose_exchanges(w, lost);
		w->hold_net = true;
		suspect(w, A);
		suspect(w, B);
		world_run(w, 1);
		w->hold_net = false;
		world_run(w, 60000);
		assert_int_equal(world_stats(w, A)->syncs_done, 1);
		assert_int_equal(world_stats(w, B)->syncs_done, 1);
		assert_well(w);
		world_free(w);
	}
}

static void many_takeovers_on_a_bad_network(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world *w = established(&(struct options){ SYNC, .lines = 2 });

		w->rng = seed * 0x9e3779b97f4a7c15u;
		for (int round = 0; round < 8; round++) {
			int side = (int)(world_random(w) % 2);

			w->drop_pct = 20;
			w->dup_pct = 20;
			w->jitter_ms = 700;
			w->side[side].records_lost = true;
			for (unsigned int n = (unsigned int)(world_random(w) % 4); n > 0; n--) {
				liveness(w, (int)(world_random(w) % 2));
				world_run(w, world_random(w) % 900);
			}
			suspect(w, side);
			world_run(w, world_random(w) % 4000);
			w->drop_pct = w->dup_pct = w->jitter_ms = 0;
			world_run(w, 40000);
		}
		assert_true(world_tunnel_works(w, 1) && world_tunnel_works(w, 2));
		assert_well(w);
		world_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_negotiated_when_both_offer_it),
		cmocka_unit_test(a_suspect_takeover_synchronizes_and_asks_nothing_else),
		cmocka_unit_test(ids_of_the_past_are_brought_up),
		cmocka_unit_test(the_next_owner_synchronizes_what_a_suspect_one_did_not),
		cmocka_unit_test(what_a_request_of_before_makes_is_synchronized),
		cmocka_unit_test(what_the_peer_had_asked_is_asked_anew),
		cmocka_unit_test(what_the_former_owner_had_asked_is_asked_anew),
		cmocka_unit_test(a_request_is_taken_once),
		cmocka_unit_test(a_retransmission_is_a_request_of_its_own),
		cmocka_unit_test(a_second_takeover_goes_above_the_first_ones_request),
		cmocka_unit_test(owners_that_never_met_do_not_ask_the_same),
		cmocka_unit_test(a_peer_that_does_not_answer_gets_a_new_ike_sa),
		cmocka_unit_test(a_peer_that_is_gone_gets_a_new_ike_sa),
		cmocka_unit_test(both_may_fail_over_at_once),
		cmocka_unit_test(many_takeovers_on_a_bad_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
