/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Three peers in a crypto map entry, all played by B at three addresses: what
 * moves the peer index before a tunnel is up, before and after a takeover of A, and what
 * a peer is answered that is not the current one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "ike/tests/engine_multi_peer_harness.h"

/*
 * R10, R23: what is set up anew and not answered goes to the next peer when the attempt ends, though
 * the old SA takes the traffic.
 */
static void what_is_set_up_anew_goes_to_the_next_peer(void **state)
{
	struct world *w = world_of((struct options){ .init_tries = 3 });

	(void)state;
	manual(w);
	world_run(w, 2000);
	assert_up(w, 0);
	dead = 1;
	world_takeover(w, A, true);
	world_run(w, 6900);
	assert_up(w, 0);
	world_run(w, 1000);
	assert_index(w, 1, TUNNEL_DPD_UNANSWERED);
	assert_up(w, 1);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	world_free(w);
}

/* It stands with a peer that is not the current one any more, and ends all the same. */
static void what_is_set_up_anew_with_the_current_peer_ends(void **state)
{
	struct world *w = up_with_second((struct options){ .init_tries = 3 }, false);

	(void)state;
	reload(w, A, &(struct options){ .init_tries = 3, .map_digest = 2 });
	assert_int_equal(world_index(w).index, 0);
	assert_up(w, 1);
	world_takeover(w, A, true);
	world_run(w, 60000);
	assert_up(w, 0);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	world_free(w);
}

/* ---- conditions prior to SA ---- */

/* Five retransmissions of IKE_SA_INIT and a final one: 1 + 2 + 4 + ... + 64 s. */
static void not_reachable(bool takeover)
{
	struct world *w = world_of((struct options){ .init_tries = 7 });

	dead = 7;
	manual(w);
	world_run(w, 126500);
	assert_int_equal(w->side[A].init_requests, 7);
	assert_int_equal(world_index(w).generation, 0);
	world_run(w, 1000);
	assert_index(w, 1, TUNNEL_PEER_UNREACHABLE);
	/* Without traffic or an operator nothing is sent to the next. */
	world_run(w, 300000);
	assert_int_equal(w->side[A].init_requests, 7);
	if (takeover)
		world_takeover(w, A, false);
	world_run(w, 300000);
	assert_int_equal(w->side[A].init_requests, 7);
	assert_index(w, 1, TUNNEL_PEER_UNREACHABLE);
	manual(w);
	world_run(w, 130000);
	assert_index(w, 2, TUNNEL_PEER_UNREACHABLE);
	manual(w);
	world_run(w, 130000);
	assert_index(w, 0, TUNNEL_PEER_UNREACHABLE);
	dead = 6;
	manual(w);
	assert_up(w, 0);
	assert_int_equal(world_index(w).generation, 3);
	world_free(w);
}

static void a_peer_that_is_not_reachable_moves_the_index(void **state)
{
	(void)state;
	twice(not_reachable);
}

static void refused_by_all_but_the_third(struct options o, enum tunnel_condition why, bool takeover)
{
	struct world *w;

	o.sound_peers = 4;
	w = world_of(o);
	manual(w);
	assert_index(w, 1, why);
	if (takeover)
		world_takeover(w, A, false);
	/* What stood without a CHILD SA is deleted. */
	world_run(w, 1000);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 0);
	assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), 0);
	traffic(w, 3);
	assert_index(w, 2, why);
	assert_up(w, 2);
	world_free(w);
}

static void phase1(bool takeover)
{
	struct world *w = world_of((struct options){
		.init_tries = 1, .dh = { DH_CURVE25519 }, .dh_b = { DH_ECP_384 } });

	/* RFC 7296 2.21.1: a refusal is not protected, so the time for an answer passes first. */
	manual(w);
	assert_int_equal(world_index(w).generation, 0);
	world_run(w, 1000);
	assert_index(w, 1, TUNNEL_PHASE1_MISMATCH);
	if (takeover)
		world_takeover(w, A, false);
	traffic(w, 3);
	/* A whole round has failed: traffic has to wait a little. */
	assert_index(w, 0, TUNNEL_PHASE1_MISMATCH);
	assert_int_equal(world_index(w).generation, 3);
	traffic(w, 3);
	assert_int_equal(world_index(w).generation, 3);
	traffic(w, 3);
	assert_true(world_index(w).generation > 3);
	world_free(w);
}

/* A peer that refuses does not cost the two minutes of one that is silent. */
static void phase1_soon(bool takeover)
{
	struct world *w = world_of((struct options){
		.init_tries = 7, .ikev1 = true, .dh = { DH_CURVE25519 }, .dh_b = { DH_ECP_384 } });
	const unsigned int *logs = w->side[A].logs;

	manual(w);
	world_run(w, 6800);
	assert_int_equal(world_index(w).generation, 0);
	world_run(w, 200);
	assert_index(w, 1, TUNNEL_PHASE1_MISMATCH);
	assert_int_equal(w->side[A].init_requests, 3);
	assert_int_equal(logs[LOG_TUNNEL_ACQUIRE_V2], 1);
	assert_int_equal(logs[LOG_IKE_ABORTED], 1);
	assert_int_equal(logs[LOG_TUNNEL_FAILED_V2], 1);
	assert_int_equal(logs[LOG_TUNNEL_AGAIN_V1], 1);
	assert_int_equal(logs[LOG_TUNNEL_FAILED_V1], 1);
	assert_int_equal(logs[LOG_TUNNEL_FAILED], 1);
	assert_int_equal(logs[LOG_TUNNEL_REMOVED], 1);
	assert_int_equal(logs[LOG_TUNNEL_PEER_INDEX], 1);
	if (takeover)
		world_takeover(w, A, false);
	traffic(w, 8);
	assert_index(w, 2, TUNNEL_PHASE1_MISMATCH);
	assert_int_equal(world_index(w).generation, 2);
	world_free(w);
}

static void no_common_phase_1_proposal_moves_the_index(void **state)
{
	(void)state;
	twice(phase1);
	twice(phase1_soon);
}

/* The peer takes nothing up: its answer to the IKE_SA_INIT that is under way. */
static void answer_init(struct world *w, uint16_t type, struct bytes data)
{
	const struct packet p = w->net[0];
	struct ike_header h;
	struct ike_builder b;
	struct bytes m;
	uint8_t out[64];

	assert_int_equal(ike_header_decode(buf_bytes(&p.datagram), &h), R_OK);
	h.flags = IKE_FLAG_RESPONSE;
	ike_build_message(&b, out, sizeof(out), &h);
	notify_put(&b, type, data);
	assert_int_equal(ike_build_finish_message(&b, &m), R_OK);
	world_drop(w, 0);
	world_input(
		w, A,
		&(struct ike_input){
			.kind = IKE_IN_DATAGRAM, .local = p.src, .remote = p.dst, .datagram = m });
}

/* Always the other one of our groups. */
static void another_group(struct world *w)
{
	uint8_t group[2] = { 0, DH_CURVE25519 };
	struct ike_message m;

	assert_int_equal(ike_message_decode(buf_bytes(&w->net[0].datagram), &m), R_OK);
	if (m.ke.group == DH_CURVE25519)
		group[1] = DH_ECP_256;
	answer_init(w, N_INVALID_KE_PAYLOAD, bytes(group, sizeof(group)));
}

/* Never the one that it has seen. */
static void another_cookie(struct world *w)
{
	uint8_t cookie[1] = { (uint8_t)w->side[A].init_requests };

	answer_init(w, N_COOKIE, bytes(cookie, sizeof(cookie)));
}

/* Five corrections at once; the last request is sent twice more, and then moves the index. */
static void corrected_for_ever(void (*answer)(struct world *w), enum tunnel_condition why)
{
	struct world *w = world_of(
		(struct options){ .init_tries = 7, .dh = { DH_CURVE25519, DH_ECP_256 } });

	w->hold_net = true;
	manual(w);
	for (unsigned int ms = 100; ms < 6900; ms += 100) {
		while (w->n_net > 0)
			answer(w);
		world_run(w, 100);
	}
	assert_int_equal(w->side[A].init_requests, 8);
	assert_int_equal(world_index(w).generation, 0);
	world_run(w, 300);
	assert_index(w, 1, why);
	world_free(w);
}

static void corrections_without_end_move_the_index(void **state)
{
	(void)state;
	corrected_for_ever(another_group, TUNNEL_PHASE1_MISMATCH);
	corrected_for_ever(another_cookie, TUNNEL_PEER_UNREACHABLE);
}

static void refuse_for(struct world *w, unsigned int ms)
{
	assert_int_equal(w->n_net, 1);
	answer_init(w, N_NO_PROPOSAL_CHOSEN, BYTES_NONE);
	world_run(w, ms);
}

/* What was refused before the cookie was another request. */
static void a_corrected_request_has_its_own_time(void **state)
{
	struct world *w = world_of((struct options){ .init_tries = 7 });

	(void)state;
	w->hold_net = true;
	initiate(w, A, 1);
	refuse_for(w, 1000);
	refuse_for(w, 2000);
	another_cookie(w);
	refuse_for(w, 1000);
	refuse_for(w, 2000);
	refuse_for(w, 3900);
	assert_int_equal(world_index(w).generation, 0);
	world_run(w, 200);
	assert_index(w, 1, TUNNEL_PHASE1_MISMATCH);
	assert_int_equal(w->side[A].init_requests, 6);
	world_free(w);
}

/* Nobody has refused the request that went without an answer. */
static void what_was_refused_before_a_cookie_is_not_why(void **state)
{
	struct world *w = world_of((struct options){ .init_tries = 3 });
	const unsigned int *logs = w->side[A].logs;

	(void)state;
	w->hold_net = true;
	initiate(w, A, 1);
	refuse_for(w, 1000);
	another_cookie(w);
	for (unsigned int s = 0; s < 10; s++) {
		world_drop_all(w);
		world_run(w, 1000);
	}
	assert_index(w, 1, TUNNEL_PEER_UNREACHABLE);
	assert_int_equal(world_index(w).generation, 1);
	assert_int_equal(logs[LOG_IKE_PEER_DEAD], 1);
	assert_int_equal(logs[LOG_IKE_ABORTED], 0);
	world_free(w);
}

static void what_was_refused_before_an_answer_is_not_why(void **state)
{
	struct world *w = world_of((struct options){ 0 });
	const unsigned int *logs = w->side[A].logs;

	(void)state;
	w->hold_net = true;
	initiate(w, A, 1);
	refuse_for(w, 1000);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(w->side[A].sent[IKE_AUTH], 1);
	for (unsigned int s = 0; s < 140 && world_index(w).generation == 0; s++) {
		world_drop_all(w);
		world_run(w, 1000);
	}
	assert_index(w, 1, TUNNEL_PEER_UNREACHABLE);
	assert_int_equal(logs[LOG_IKE_PEER_DEAD], 1);
	assert_int_equal(logs[LOG_IKE_ABORTED], 0);
	world_free(w);
}

static void no_common_phase_2_proposal_moves_the_index(void **state)
{
	(void)state;
	for (int takeover = 0; takeover < 2; takeover++)
		refused_by_all_but_the_third((struct options){ .no_common_esp = true },
					     TUNNEL_PHASE2_MISMATCH, takeover);
}

static void no_common_selectors_in_ike_auth_move_the_index(void **state)
{
	(void)state;
	for (int takeover = 0; takeover < 2; takeover++)
		refused_by_all_but_the_third((struct options){ .no_common_ts = true },
					     TUNNEL_TS_MISMATCH, takeover);
}

static void a_failed_authentication_moves_the_index(void **state)
{
	(void)state;
	for (int takeover = 0; takeover < 2; takeover++)
		refused_by_all_but_the_third((struct options){ .wrong_psk = true },
					     TUNNEL_AUTH_FAILED, takeover);
}

static void dpd(bool takeover)
{
	struct world *w = up_with_second((struct options){ .dpd_s = 10 }, takeover);

	dead = 2;
	world_run(w, 30000);
	assert_index(w, 2, TUNNEL_DPD_UNANSWERED);
	manual(w);
	assert_up(w, 2);
	world_free(w);
}

static void an_unanswered_dpd_moves_the_index(void **state)
{
	(void)state;
	twice(dpd);
}

/* The record was there before the first packet to the new peer: the standby has it at any moment.
 */
static void a_switchover_keeps_the_index_at_any_moment(void **state)
{
	(void)state;
	for (unsigned int at = 1; at < 60; at++) {
		for (enum die_at how = DIE_BEFORE_COMMIT; how <= DIE_AFTER_SEND; how++) {
			struct world *w = world_of(
				(struct options){ .wrong_psk = true, .sound_peers = 2 });

			w->side[A].die_at = how;
			w->side[A].die_step = at;
			traffic(w, 10);
			assert_up(w, 1);
			assert_index(w, 1, TUNNEL_AUTH_FAILED);
			assert_int_equal(world_index(w).generation, 1);
			world_free(w);
		}
	}
}

/* ---- the rest ---- */

static void b_initiates_from(struct world *w, uint8_t peer)
{
	static const char *const names[PEERS] = { "to-a", "to-a2", "to-a3" };

	world_input(w, B,
		    &(struct ike_input){ .kind = IKE_IN_INITIATE,
					 .connection = names[peer],
					 .tunnel = 1 + 100u * peer });
	world_run(w, 1000);
}

static void only_the_current_peer_is_answered(void **state)
{
	struct world *w = world_of((struct options){ 0 });
	const struct ike_stats *a = world_stats(w, A);

	(void)state;
	b_initiates_from(w, 1);
	assert_null(world_outbound(w, A, 1));
	assert_int_equal(a->refused[R_NOT_CURRENT_PEER], 1);
	assert_int_equal(ike_sa_count(w->side[A].engine), 0);
	b_initiates_from(w, 0);
	assert_up(w, 0);
	/* "Peer traversal is not supported on the Responder Side" */
	assert_int_equal(world_index(w).generation, 0);
	world_free(w);
}

/* The tunnels of an entry stay together, whatever the index says of the next attempt. */
static void a_further_tunnel_joins_the_one_that_stands(void **state)
{
	struct world *w = up_with_second((struct options){ .lines = 2 }, false);

	(void)state;
	reload(w, A, &(struct options){ .lines = 2, .map_digest = 2 });
	assert_index(w, 0, TUNNEL_MAP_MODIFIED);
	initiate(w, A, 2);
	world_run(w, 1000);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	assert_non_null(world_outbound(w, A, 2));
	assert_int_equal(world_outbound(w, A, 2)->s.ike_spi, world_outbound(w, A, 1)->s.ike_spi);
	world_free(w);
}

/* The peer of two entries is the current one of the second alone: it gets the second's lines. */
static void a_line_is_answered_to_its_current_peer_alone(void **state)
{
	struct world *w = up_with_second((struct options){ .lines = 2, .second_entry = true },
					 false);

	(void)state;
	clear_all(w, A);
	dead = 1;
	traffic(w, 140);
	assert_up(w, 1);
	dead = 0;
	world_input(
		w, B,
		&(struct ike_input){ .kind = IKE_IN_INITIATE, .connection = "to-a", .tunnel = 2 });
	world_run(w, 1000);
	assert_non_null(world_outbound(w, A, 2));
	world_input(
		w, B,
		&(struct ike_input){ .kind = IKE_IN_INITIATE, .connection = "to-a", .tunnel = 1 });
	world_run(w, 1000);
	assert_int_equal(w->side[A].logs[LOG_IKE_TS_UNACCEPTABLE], 1);
	assert_up(w, 1);
	world_free(w);
}

static void ikev1_is_not_available_and_costs_nothing(void **state)
{
	struct world *w = world_of(
		(struct options){ .ikev1 = true, .wrong_psk = true, .sound_peers = 2 });
	const unsigned int *logs = w->side[A].logs;

	(void)state;
	traffic(w, 3);
	assert_up(w, 1);
	assert_int_equal(logs[LOG_TUNNEL_ACQUIRE_V2], 2);
	assert_int_equal(logs[LOG_TUNNEL_FAILED_V2], 1);
	assert_int_equal(logs[LOG_TUNNEL_AGAIN_V1], 1);
	assert_int_equal(logs[LOG_TUNNEL_FAILED_V1], 1);
	assert_int_equal(logs[LOG_TUNNEL_FAILED], 1);
	assert_int_equal(logs[LOG_TUNNEL_UP_V2], 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_that_is_not_reachable_moves_the_index),
		cmocka_unit_test(no_common_phase_1_proposal_moves_the_index),
		cmocka_unit_test(corrections_without_end_move_the_index),
		cmocka_unit_test(a_corrected_request_has_its_own_time),
		cmocka_unit_test(what_was_refused_before_a_cookie_is_not_why),
		cmocka_unit_test(what_was_refused_before_an_answer_is_not_why),
		cmocka_unit_test(no_common_phase_2_proposal_moves_the_index),
		cmocka_unit_test(no_common_selectors_in_ike_auth_move_the_index),
		cmocka_unit_test(a_failed_authentication_moves_the_index),
		cmocka_unit_test(an_unanswered_dpd_moves_the_index),
		cmocka_unit_test(what_is_set_up_anew_goes_to_the_next_peer),
		cmocka_unit_test(what_is_set_up_anew_with_the_current_peer_ends),
		cmocka_unit_test(a_switchover_keeps_the_index_at_any_moment),
		cmocka_unit_test(only_the_current_peer_is_answered),
		cmocka_unit_test(a_further_tunnel_joins_the_one_that_stands),
		cmocka_unit_test(a_line_is_answered_to_its_current_peer_alone),
		cmocka_unit_test(ikev1_is_not_available_and_costs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
