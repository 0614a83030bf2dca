/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6311: requests and answers that must not be taken, whoever sends them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_sync_harness.h"

static void put_plain(struct ike_builder *b, const struct msgid_sync *s)
{
	msgid_sync_put(b, s);
}

static void put_short(struct ike_builder *b, const struct msgid_sync *s)
{
	notify_put(b, N_IKEV2_MESSAGE_ID_SYNC, bytes(s->nonce, 4));
}

static void put_long(struct ike_builder *b, const struct msgid_sync *s)
{
	uint8_t data[13] = { 0 };

	(void)s;
	data[7] = 200;
	notify_put(b, N_IKEV2_MESSAGE_ID_SYNC, bytes(data, sizeof(data)));
}

static void put_twice(struct ike_builder *b, const struct msgid_sync *s)
{
	msgid_sync_put(b, s);
	msgid_sync_put(b, s);
}

static void put_with_delete(struct ike_builder *b, const struct msgid_sync *s)
{
	msgid_sync_put(b, s);
	delete_put_ike(b);
}

static void put_with_notify(struct ike_builder *b, const struct msgid_sync *s)
{
	msgid_sync_put(b, s);
	notify_put(b, N_INITIAL_CONTACT, BYTES_NONE);
}

static void put_with_bad_delta(struct ike_builder *b, const struct msgid_sync *s)
{
	msgid_sync_put(b, s);
	notify_put(b, N_IPSEC_REPLAY_COUNTER_SYNC, bytes(s->nonce, 3));
}

static void put_with_delta(struct ike_builder *b, const struct msgid_sync *s)
{
	msgid_sync_put(b, s);
	replay_sync_put(b, 77, true);
}

static void assert_refused(struct world *w, int to, const struct forgery *f, enum result why)
{
	struct ike_sa_state before = world_sa(w, to), after;
	uint64_t refused = world_stats(w, to)->refused[why];
	struct buf datagram = forge(w, 1 - to, f);

	world_inject(w, to, buf_bytes(&datagram));
	buf_free(&datagram);
	after = world_sa(w, to);
	assert_int_equal(world_stats(w, to)->refused[why], refused + 1);
	assert_int_equal(w->n_net, 0);
	assert_int_equal(before.next_request_id, after.next_request_id);
	assert_int_equal(before.expected_request_id, after.expected_request_id);
	assert_int_equal(before.sync_floor, after.sync_floor);
}

static void wrong_requests_get_no_answer(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	const struct msgid_sync good = { .nonce = { 1, 2, 3, 4 }, .send = 100, .recv = 100 };
	const struct {
		struct forgery f;
		enum result why;
	} cases[] = {
		{ { .put = put_short, .sync = good }, R_SHORT },
		{ { .put = put_long, .sync = good }, R_TRAILING },
		{ { .put = put_twice, .sync = good }, R_UNEXPECTED },
		{ { .put = put_with_delete, .sync = good }, R_UNEXPECTED },
		{ { .put = put_with_notify, .sync = good }, R_UNEXPECTED },
		{ { .put = put_with_bad_delta, .sync = good }, R_SHORT },
		{ { .put = put_plain, .sync = { .send = 0, .recv = 100 } }, R_STALE },
		{ { .put = put_plain, .sync = { .send = 1, .recv = 100 } }, R_STALE },
		{ { .put = put_plain, .sync = { .send = UINT32_MAX, .recv = 100 } }, R_EXHAUSTED },
		{ { .put = put_plain, .sync = { .send = 100, .recv = UINT32_MAX } }, R_EXHAUSTED },
		/* Another id: an INFORMATIONAL as any other, and not its turn. */
		{ { .put = put_plain, .sync = good, .message_id = 100 }, R_MESSAGE_ID },
		/* An answer to nothing. */
		{ { .put = put_plain, .sync = good, .response = true }, R_STATE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(w, B, &cases[i].f, cases[i].why);
	assert_int_equal(world_stats(w, B)->syncs_answered, 0);
	assert_well(w);
	world_free(w);
}

static void in_its_turn_the_notify_means_nothing(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct ike_sa_state b = world_sa(w, B);
	struct buf datagram = forge(w, A,
				    &(struct forgery){ .put = put_plain,
						       .message_id = b.expected_request_id,
						       .sync = { .send = 100, .recv = 100 } });

	(void)state;
	world_inject(w, B, buf_bytes(&datagram));
	buf_free(&datagram);
	assert_int_equal(world_sa(w, B).expected_request_id, b.expected_request_id + 1);
	assert_int_equal(world_sa(w, B).next_request_id, b.next_request_id);
	world_free(w);
}

static void an_sa_that_did_not_negotiate_it_is_not_synchronized(void **state)
{
	struct world *w = established(&(struct options){ .sync_a = true });

	(void)state;
	assert_refused(w, B,
		       &(struct forgery){ .put = put_plain, .sync = { .send = 100, .recv = 100 } },
		       R_MESSAGE_ID);
	liveness(w, B);
	world_run(w, 500);
	liveness(w, B);
	world_run(w, 500);
	assert_refused(w, A,
		       &(struct forgery){ .put = put_plain, .sync = { .send = 100, .recv = 100 } },
		       R_MESSAGE_ID);
	world_free(w);
}

/* On an IKE SA of which nothing was used yet, message id 0 is also an ordinary one. */
static void id_0_of_a_young_ike_sa_stays_ordinary(void **state)
{
	struct world *w = established(&(struct options){ SYNC });

	(void)state;
	rekey_ike(w, A);
	world_run(w, 2000);
	assert_int_equal(world_sa(w, B).expected_request_id, 0);
	liveness(w, A);
	world_run(w, 500);
	assert_int_equal(world_sa(w, B).expected_request_id, 1);
	rekey_ike(w, A);
	world_run(w, 2000);
	suspect(w, A);
	world_run(w, 1000);
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	assert_well(w);
	world_free(w);
}

static void wrong_answers_are_not_taken(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct msgid_sync sent;

	(void)state;
	lose_exchanges(w, 2);
	w->impair = hear_and_drop_responses;
	suspect(w, A);
	world_run(w, 100);
	w->impair = NULL;
	assert_true(world_sync_of(w, A, buf_bytes(&heard[A].datagram[heard[A].n - 1]), &sent));
	forget_heard();

	struct msgid_sync good = sent, nonce = sent, low_m2 = sent, low_p2 = sent, high = sent;

	good.send = sent.recv;
	good.recv = sent.send;
	nonce = low_m2 = low_p2 = high = good;
	nonce.nonce[3] ^= 1;
	low_m2.recv--;
	low_p2.send--;
	high.send = UINT32_MAX;

	const struct {
		struct forgery f;
		enum result why;
	} cases[] = {
		{ { .response = true, .put = put_plain, .sync = nonce }, R_VALUE },
		{ { .response = true, .put = put_plain, .sync = low_m2 }, R_STALE },
		{ { .response = true, .put = put_plain, .sync = low_p2 }, R_STALE },
		{ { .response = true, .put = put_plain, .sync = high }, R_STALE },
		{ { .response = true, .put = put_short, .sync = good }, R_SHORT },
		{ { .response = true, .put = put_twice, .sync = good }, R_VALUE },
		{ { .response = true, .put = put_with_delta, .sync = good }, R_VALUE },
		{ { .response = true, .put = put_with_delete, .sync = good }, R_UNEXPECTED },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_refused(w, A, &cases[i].f, cases[i].why);
	assert_int_equal(world_stats(w, A)->syncs_done, 0);
	/* The true one still comes. */
	world_run(w, 5000);
	assert_int_equal(world_stats(w, A)->syncs_done, 1);
	assert_well(w);
	world_free(w);
}

/* Each flipped bit of request and answer. */
static void nothing_changes_what_is_not_authentic(void **state)
{
	struct world *w = established(&(struct options){ SYNC });
	struct buf good = forge(
		w, A,
		&(struct forgery){ .put = put_with_delta, .sync = { .send = 100, .recv = 100 } });

	(void)state;
	for (size_t bit = 0; bit < 8 * good.len; bit++) {
		good.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		world_inject(w, B, buf_bytes(&good));
		good.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < good.len; len++)
		world_inject(w, B, bytes(good.p, len));
	assert_int_equal(world_stats(w, B)->syncs_answered, 0);
	assert_int_equal(world_sa(w, B).sync_floor, 0);
	world_inject(w, B, buf_bytes(&good));
	assert_int_equal(world_stats(w, B)->syncs_answered, 1);
	assert_int_equal(world_sa(w, B).sync_floor, 101);
	buf_free(&good);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_requests_get_no_answer),
		cmocka_unit_test(in_its_turn_the_notify_means_nothing),
		cmocka_unit_test(an_sa_that_did_not_negotiate_it_is_not_synchronized),
		cmocka_unit_test(id_0_of_a_young_ike_sa_stays_ordinary),
		cmocka_unit_test(wrong_answers_are_not_taken),
		cmocka_unit_test(nothing_changes_what_is_not_authentic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
