/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 6311: the jump of sequence numbers that a takeover asks its peer for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_sync_harness.h"

static void assert_skipped(struct world *w, int side, uint64_t delta)
{
	assert_true(w->side[side].n_dp > 0);
	for (size_t i = 0; i < w->side[side].n_dp; i++)
		assert_int_equal(w->side[side].dp[i].skipped, delta);
}

static void assert_synced(struct world *w, int side, bool synced)
{
	assert_true(w->side[side].n_dp > 0);
	for (size_t i = 0; i < w->side[side].n_dp; i++)
		assert_int_equal(w->side[side].dp[i].synced, synced);
}

static void the_peer_leaves_numbers_out(void **state)
{
	(void)state;
	for (int is_suspect = 0; is_suspect < 2; is_suspect++) {
		struct world *w = established(&(struct options){ SYNC, .lines = 3 });
		struct ike_sa_state before = world_sa(w, A);

		w->side[A].replay_delta = 5000;
		world_takeover(w, A, is_suspect);
		world_run(w, 1000);
		assert_skipped(w, B, 5000);
		assert_synced(w, A, true);
		/* Message ids that are exact are not synchronized: an exchange like any other. */
		assert_int_equal(world_stats(w, A)->syncs_sent, is_suspect);
		if (!is_suspect)
			assert_int_equal(world_sa(w, A).next_request_id,
					 before.next_request_id + 1);
		assert_in_step(w);
		assert_well(w);
		world_free(w);
	}
}

static void a_takeover_in_between_asks_for_itself(void **state)
{
	struct world *w = established(&(struct options){ SYNC });

	(void)state;
	w->side[A].replay_delta = 5000;
	w->hold_net = true;
	world_takeover(w, A, false);
	world_run(w, 100);
	assert_int_equal(w->n_net, 1);
	w->side[A].replay_delta = 9000;
	world_takeover(w, A, false);
	w->hold_net = false;
	world_run(w, 1000);
	assert_skipped(w, B, 14000);
	assert_synced(w, A, true);
	assert_well(w);
	world_free(w);
}

static void nothing_is_left_out_that_was_not_negotiated(void **state)
{
	struct world *w = established(&(struct options){ .sync_a = true });

	(void)state;
	w->side[A].replay_delta = 5000;
	world_takeover(w, A, true);
	world_run(w, 3000);
	assert_skipped(w, B, 0);
	assert_synced(w, A, false);
	world_free(w);
}

/* 5.2: one length for all. */
static void mixed_esn_is_not_asked_for(void **state)
{
	struct world *w = established(&(struct options){ SYNC, .lines = 2, .esn_odd = true });

	(void)state;
	assert_true(world_tunnel_works(w, 2));
	w->side[A].replay_delta = 5000;
	world_takeover(w, A, true);
	world_run(w, 3000);
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	assert_skipped(w, B, 0);
	assert_synced(w, A, false);
	world_free(w);
}

static void put_bad_delta(struct ike_builder *b, const struct msgid_sync *s)
{
	notify_put(b, N_IPSEC_REPLAY_COUNTER_SYNC, bytes(s->nonce, 4 + s->send % 2));
	notify_put(b, N_IPSEC_REPLAY_COUNTER_SYNC, bytes(s->nonce, 3));
}

static void a_malformed_delta_is_invalid_syntax_and_fatal(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct ike_sa_state b = world_sa(w, B);
	struct buf datagram = forge(w, A,
				    &(struct forgery){ .put = put_bad_delta,
						       .message_id = b.expected_request_id,
						       .sync = { .send = 1 } });

	(void)state;
	world_inject(w, B, buf_bytes(&datagram));
	buf_free(&datagram);
	assert_int_equal(world_stats(w, B)->refused[R_TRAILING], 1);
	/* RFC 7296 2.21.3: fatal, since it was authentic. */
	assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
	assert_int_equal(w->side[B].n_dp, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_peer_leaves_numbers_out),
		cmocka_unit_test(a_takeover_in_between_asks_for_itself),
		cmocka_unit_test(nothing_is_left_out_that_was_not_negotiated),
		cmocka_unit_test(mixed_esn_is_not_asked_for),
		cmocka_unit_test(a_malformed_delta_is_invalid_syntax_and_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
