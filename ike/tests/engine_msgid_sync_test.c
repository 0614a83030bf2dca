/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 6311 between two engines: its negotiation, a member that takes over with
 * message ids of the past and gets its peer to follow, what a peer must not
 * take, and the jump of sequence numbers. The harness asserts that no id says
 * two things, whoever synchronized it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "ike/tests/engine_harness.h"

#define SYNC .sync_a = true, .sync_b = true

/* Datagrams that the side sends from here on, in order. */
struct heard {
	struct buf datagram[32];
	size_t n;
};
static struct heard heard[2];

static unsigned int hear(struct world *w, struct packet *p)
{
	struct heard *h = &heard[1 - p->to];

	(void)w;
	if (h->n < 32)
		must(buf_set(&h->datagram[h->n++], buf_bytes(&p->datagram)));
	return 1;
}

static unsigned int hear_and_drop_responses(struct world *w, struct packet *p)
{
	(void)hear(w, p);
	return p->response ? 0 : 1;
}

static void forget_heard(void)
{
	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < heard[side].n; i++)
			buf_free(&heard[side].datagram[i]);
		heard[side].n = 0;
	}
}

static struct world *established(const struct options *o)
{
	struct world *w = world_new(7, o, true);

	forget_heard();
	initiate(w, A, 0);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	return w;
}

/* Exchanges of both sides that the standby of A never hears of. */
static void lose_exchanges(struct world *w, unsigned int n)
{
	w->side[A].records_lost = true;
	for (unsigned int i = 0; i < n; i++) {
		liveness(w, A);
		world_run(w, 100);
		liveness(w, B);
		world_run(w, 100);
	}
}

static void suspect(struct world *w, int side)
{
	w->side[side].records_lost = false;
	world_takeover(w, side, true);
}

static const struct ike_stats *stats(const struct world *w, int side)
{
	return ike_engine_stats(w->side[side].engine);
}

/* Each side's next id is the one that the other expects. */
static void assert_in_step(struct world *w)
{
	struct ike_sa_state a = world_sa(w, A), b = world_sa(w, B);

	assert_int_equal(a.next_request_id, b.expected_request_id);
	assert_int_equal(b.next_request_id, a.expected_request_id);
}

/* Exchanges of all kinds go both ways, and nobody authenticated again. */
static void assert_well(struct world *w)
{
	rekey_child(w, A);
	world_run(w, 3000);
	rekey_child(w, B);
	world_run(w, 3000);
	liveness(w, A);
	liveness(w, B);
	world_run(w, 3000);
	assert_true(world_tunnel_works(w, 1));
	assert_in_step(w);
	rekey_ike(w, B);
	world_run(w, 3000);
	rekey_ike(w, A);
	world_run(w, 3000);
	assert_true(world_tunnel_works(w, 1));
	assert_in_step(w);
	assert_int_equal(w->side[A].init_requests, 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 0);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_DOWN], 0);
}

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
	assert_int_equal(stats(w, A)->syncs_sent, 1);
	assert_int_equal(stats(w, A)->syncs_done, 1);
	assert_int_equal(stats(w, B)->syncs_answered, 1);
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
		assert_int_equal(stats(w, A)->syncs_done, 1);
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
		while (w->n_net > 0)
			world_drop(w, 0);
		/* It lacks nothing itself. */
		world_takeover(w, A, false);
		w->hold_net = false;
		liveness(w, A);
		world_run(w, 30000);
		assert_int_equal(stats(w, A)->syncs_done, 1);
		assert_in_step(w);
		/* And once is enough. */
		world_takeover(w, A, false);
		world_run(w, 1000);
		assert_int_equal(stats(w, A)->syncs_sent, 0);
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
	while (w->n_net > 0)
		world_drop(w, 0);
	w->hold_net = false;
	suspect(w, A);
	world_run(w, 4000);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_REKEYED], 1);
	assert_int_equal(stats(w, A)->syncs_done, 2); /* with the old one, which it deletes then */
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
			while (w->n_net > 0)
				world_drop(w, 0);
			w->hold_net = false;
			suspect(w, A);
			world_run(w, 60000);
			assert_int_equal(stats(w, A)->syncs_done, 1);
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
			while (w->n_net > 0)
				world_drop(w, 0);
			w->hold_net = false;
			suspect(w, A);
			world_run(w, 90000);
			assert_well(w);
			world_free(w);
		}
	}
}

static void inject(struct world *w, int to, struct bytes datagram)
{
	world_input(w, to,
		    &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
					 .local = { w->side[to].addr, 500 },
					 .remote = { w->side[1 - to].addr, 500 },
					 .datagram = datagram });
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
		inject(w, B, buf_bytes(&heard[A].datagram[0]));
		assert_int_equal(w->n_net, 0);
		assert_int_equal(stats(w, B)->refused[R_STALE], later < 2 ? 1 : 2);
		assert_int_equal(world_sa(w, B).expected_request_id, before.expected_request_id);
		assert_int_equal(world_sa(w, B).next_request_id, before.next_request_id);
		/* Nor by the next owner of B, nor after further exchanges. */
		if (later == 0)
			world_takeover(w, B, false);
		liveness(w, A);
		world_run(w, 500);
	}
	assert_int_equal(stats(w, B)->syncs_answered, 0); /* of this owner */
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
	inject(w, A, buf_bytes(&heard[B].datagram[0]));
	assert_int_equal(stats(w, A)->syncs_done, 0);
	assert_int_equal(stats(w, A)->refused[R_VALUE], 1);
	inject(w, A, buf_bytes(&heard[B].datagram[1]));
	assert_int_equal(stats(w, A)->syncs_done, 1);
	/* Once. */
	inject(w, A, buf_bytes(&heard[B].datagram[1]));
	assert_int_equal(stats(w, A)->syncs_done, 1);
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
	assert_int_equal(stats(w, A)->syncs_done, 1);
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
	assert_int_equal(stats(w, A)->syncs_sent, 6);
	assert_int_equal(w->side[A].init_requests, 1);
	world_run(w, 15000);
	assert_int_equal(stats(w, A)->syncs_failed, 1);
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
		assert_int_equal(stats(w, A)->syncs_done, 1);
		assert_int_equal(stats(w, B)->syncs_done, 1);
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

/* ---- what is not taken ---- */

struct forgery {
	uint32_t message_id;
	bool response;
	void (*put)(struct ike_builder *b, const struct msgid_sync *s);
	struct msgid_sync sync;
};

/* A message that from could have sealed. */
static struct buf forge(struct world *w, int from, const struct forgery *f)
{
	static uint64_t iv = UINT64_C(0xf) << 60;
	struct ike_crypto *crypto = ike_crypto_new();
	struct ike_sa_state sa = world_sa(w, from);
	struct sk_key key;
	struct ike_builder b;
	uint8_t plain[512];
	struct buf out = { 0 };
	struct sk_seal_input in = {
		.key = &key,
		.header = { .spi_i = sa.spi_i,
			    .spi_r = sa.spi_r,
			    .exchange = INFORMATIONAL,
			    .flags = (uint8_t)((f->response ? IKE_FLAG_RESPONSE : 0) |
					       (sa.initiator ? IKE_FLAG_INITIATOR : 0)),
			    .message_id = f->message_id },
	};

	iv++;
	in.iv = bytes(&iv, sizeof(iv));
	ike_build_inner(&b, plain, sizeof(plain));
	f->put(&b, &f->sync);
	assert_int_equal(ike_build_finish_inner(&b, &in.first_payload, &in.payloads), R_OK);
	assert_int_equal(sk_key_of(&sa, true, &key), R_OK);
	assert_int_equal(sk_seal(crypto, &in, &out), R_OK);
	ike_crypto_free(crypto);
	return out;
}

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
	uint64_t refused = stats(w, to)->refused[why];
	struct buf datagram = forge(w, 1 - to, f);

	inject(w, to, buf_bytes(&datagram));
	buf_free(&datagram);
	after = world_sa(w, to);
	assert_int_equal(stats(w, to)->refused[why], refused + 1);
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
	assert_int_equal(stats(w, B)->syncs_answered, 0);
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
	inject(w, B, buf_bytes(&datagram));
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
	assert_int_equal(stats(w, A)->syncs_done, 1);
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
	assert_int_equal(stats(w, A)->syncs_done, 0);
	/* The true one still comes. */
	world_run(w, 5000);
	assert_int_equal(stats(w, A)->syncs_done, 1);
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
		inject(w, B, buf_bytes(&good));
		good.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < good.len; len++)
		inject(w, B, bytes(good.p, len));
	assert_int_equal(stats(w, B)->syncs_answered, 0);
	assert_int_equal(world_sa(w, B).sync_floor, 0);
	inject(w, B, buf_bytes(&good));
	assert_int_equal(stats(w, B)->syncs_answered, 1);
	assert_int_equal(world_sa(w, B).sync_floor, 101);
	buf_free(&good);
	world_free(w);
}

/* ---- sequence numbers ---- */

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
		assert_int_equal(stats(w, A)->syncs_sent, is_suspect);
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
	assert_int_equal(stats(w, A)->syncs_done, 1);
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
	inject(w, B, buf_bytes(&datagram));
	buf_free(&datagram);
	assert_int_equal(stats(w, B)->refused[R_TRAILING], 1);
	/* RFC 7296 2.21.3: fatal, since it was authentic. */
	assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
	assert_int_equal(w->side[B].n_dp, 0);
	world_free(w);
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
		cmocka_unit_test(wrong_requests_get_no_answer),
		cmocka_unit_test(in_its_turn_the_notify_means_nothing),
		cmocka_unit_test(an_sa_that_did_not_negotiate_it_is_not_synchronized),
		cmocka_unit_test(id_0_of_a_young_ike_sa_stays_ordinary),
		cmocka_unit_test(wrong_answers_are_not_taken),
		cmocka_unit_test(nothing_changes_what_is_not_authentic),
		cmocka_unit_test(the_peer_leaves_numbers_out),
		cmocka_unit_test(a_takeover_in_between_asks_for_itself),
		cmocka_unit_test(nothing_is_left_out_that_was_not_negotiated),
		cmocka_unit_test(mixed_esn_is_not_asked_for),
		cmocka_unit_test(a_malformed_delta_is_invalid_syntax_and_fatal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
