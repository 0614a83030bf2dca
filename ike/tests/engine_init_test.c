/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE_SA_INIT before anybody is authenticated: groups, cookies, refusals by
 * whoever likes to, half-opens (RFC 7296 1.2, 2.6, 2.7, 2.21.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/wire_reader.h"
#include "ike/payload.h"
#include "ike/tests/engine_harness.h"

static void another_group_is_asked_for_and_followed(void **state)
{
	struct world *w = world_tried(
		&(struct options){ .dh = { DH_CURVE25519, DH_ECP_256 }, .dh_b = { DH_ECP_256 } });

	(void)state;
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 2);
	assert_int_equal(world_sa(w, A).transforms.dh, DH_ECP_256);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void a_group_that_was_not_offered_is_not_followed(void **state)
{
	struct world *w = world_tried(
		&(struct options){ .dh = { DH_CURVE25519 }, .dh_b = { DH_ECP_256 } });

	(void)state;
	/* Refused at 0, 1 and 3 s; the time for another answer is over at 7 s. */
	world_run(w, 3900);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
	world_run(w, 200);
	assert_int_equal(w->side[B].logs[LOG_IKE_NO_PROPOSAL], 3);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 3);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_PEER_DEAD], 0);
	assert_none(w);
	world_free(w);
}

static void refuse_init(struct world *w, uint16_t type)
{
	struct ike_header h = { .version = IKE_VERSION,
				.exchange = IKE_SA_INIT,
				.flags = IKE_FLAG_RESPONSE };
	struct wire_reader r = wire_reader(buf_bytes(&w->net[0].datagram));
	struct ike_builder b;
	struct bytes m;
	uint8_t out[64];

	h.spi_i = wire_u64(&r);
	ike_build_message(&b, out, sizeof(out), &h);
	notify_put(&b, type, BYTES_NONE);
	assert_int_equal(ike_build_finish_message(&b, &m), R_OK);
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
					 .local = w->net[0].src,
					 .remote = w->net[0].dst,
					 .datagram = m });
}

/*
 * 2.21.1: "Because all error notifications are completely unauthenticated, the recipient should
 * continue trying for some time before giving up. The recipient should not immediately act based
 * on the error notification unless corrective actions are defined in this specification".
 */
static void an_unprotected_refusal_is_not_acted_on(void **state)
{
	static const uint16_t types[] = { N_NO_PROPOSAL_CHOSEN, N_INVALID_SYNTAX,
					  N_AUTHENTICATION_FAILED, N_INVALID_MAJOR_VERSION };

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct world *w = world_new(1, &(struct options){ 0 }, false);

		w->hold_net = true;
		initiate(w, A, 1);
		refuse_init(w, types[i]);
		refuse_init(w, types[i]);
		assert_int_equal(w->n_net, 1);
		w->hold_net = false;
		world_run(w, 1000);
		assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
		assert_established(w);
		world_free(w);
	}
}

static unsigned int lost(struct world *w, struct packet *p)
{
	(void)w;
	(void)p;
	return 0;
}

/* Somebody else answers what is lost: times as often as copies says, up to so many transmissions. */
static struct world *refused_by_others(unsigned int transmissions, unsigned int copies)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	w->hold_net = true;
	initiate(w, A, 1);
	for (unsigned int k = 0; k < transmissions; k++) {
		assert_int_equal(w->side[A].sent[IKE_SA_INIT], k + 1);
		for (unsigned int i = 0; i < copies; i++)
			refuse_init(w, N_NO_PROPOSAL_CHOSEN);
		if (k + 1 < transmissions)
			world_run(w, 1000u << k);
	}
	return w;
}

/* A flood of them is no more than the first. */
static void a_transmission_is_refused_once(void **state)
{
	struct world *w = refused_by_others(2, 20);

	(void)state;
	w->impair = lost;
	w->hold_net = false;
	world_run(w, 61000);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 6);
	world_run(w, 2000);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 1);
	assert_none(w);
	world_free(w);
}

/* Each one was refused first by somebody quicker: the true answer still has its time. */
static void a_true_answer_after_refusals_is_taken(void **state)
{
	struct world *w = refused_by_others(3, 2);

	(void)state;
	world_run(w, 3900);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
	w->hold_net = false;
	world_run(w, 1000);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
	assert_established(w);
	world_free(w);
}

static unsigned int first_auth_lost(struct world *w, struct packet *p)
{
	return p->exchange != IKE_AUTH || w->side[A].sent[IKE_AUTH] > 1;
}

/* Nor do they count against what is asked behind it. */
static void refusals_of_the_first_request_end_no_other(void **state)
{
	struct world *w = refused_by_others(3, 1);

	(void)state;
	w->impair = first_auth_lost;
	w->hold_net = false;
	world_run(w, 500);
	assert_int_equal(w->side[A].sent[IKE_AUTH], 1);
	world_run(w, 5000);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
	assert_established(w);
	world_free(w);
}

static void a_cookie_is_asked_for_under_load_and_shown(void **state)
{
	struct world *w = world_new(1, &(struct options){ .half_open_cookie = 1 }, false);
	struct ike_config *c = world_config(w, B, &w->opt);

	(void)state;
	c->half_open_cookie = 0;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	initiate(w, A, 1);
	world_run(w, 1000);
	assert_int_equal(world_stats(w, B)->cookies_sent, 1);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 2);
	assert_established(w);
	world_free(w);
}

static void cookie_then_group_then_cookie_ends(void **state)
{
	struct options o = { .dh = { DH_CURVE25519, DH_ECP_256 }, .dh_b = { DH_ECP_256 } };
	struct world *w = world_new(1, &o, false);
	struct ike_config *c = world_config(w, B, &o);

	(void)state;
	c->half_open_cookie = 0;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	initiate(w, A, 1);
	world_run(w, 1000);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 3);
	assert_established(w);
	world_free(w);
}

static unsigned int always_cookie(struct world *w, struct packet *p)
{
	/* The responder rotates its secret between all messages: no cookie is ever right. */
	if (p->to == B && p->exchange == IKE_SA_INIT)
		w->now += 200000;
	return 1;
}

static void cookie_rounds_are_bounded(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);
	struct ike_config *c = world_config(w, B, &w->opt);

	(void)state;
	c->half_open_cookie = 0;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	w->impair = always_cookie;
	initiate(w, A, 1);
	for (int i = 0; i < 40 && w->n_net > 0; i++)
		world_deliver(w, 0);
	assert_in_range(w->side[A].sent[IKE_SA_INIT], 2, 10);
	w->impair = NULL;
	world_run(w, 70000);
	assert_in_range(w->side[A].sent[IKE_SA_INIT], 2, 15);
	assert_none(w);
	world_free(w);
}

/* The network may bring one COOKIE many times; it is shown once. */
static void a_repeated_cookie_is_no_new_round(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);
	struct ike_config *c = world_config(w, B, &w->opt);
	struct buf copy = { 0 };
	struct ike_input in = { .kind = IKE_IN_DATAGRAM };

	(void)state;
	c->half_open_cookie = 0;
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	w->hold_net = true;
	initiate(w, A, 1);
	world_deliver(w, 0);
	assert_int_equal(w->n_net, 1);
	assert_true(buf_set(&copy, buf_bytes(&w->net[0].datagram)));
	in.local = w->net[0].dst;
	in.remote = w->net[0].src;
	in.datagram = buf_bytes(&copy);
	for (int i = 0; i < 10; i++)
		world_input(w, A, &in);
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 2);
	/* Nor is it a refusal, with each transmission. */
	for (unsigned int k = 0; k < 4; k++) {
		world_run(w, 1000u << k);
		world_input(w, A, &in);
	}
	w->hold_net = false;
	world_run(w, 17000);
	assert_int_equal(w->side[A].logs[LOG_IKE_ABORTED], 0);
	assert_established(w);
	buf_free(&copy);
	world_free(w);
}

static void half_opens_expire(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	w->hold_net = true;
	assert_int_equal(world_stats(w, B)->half_open, 1);
	world_run(w, 31000);
	assert_int_equal(world_stats(w, B)->half_open, 0);
	assert_int_equal(ike_sa_count(w->side[B].engine), 0);
	world_free(w);
}

/* A first message of a stranger to side B, in A's name. */
static void stranger(struct world *w, uint64_t seed)
{
	struct world *other = world_new(seed, &(struct options){ 0 }, false);

	initiate(other, A, 1);
	world_inject(w, B, buf_bytes(&other->net[0].datagram));
	world_free(other);
}

static void a_flood_is_bounded_and_established_sas_live(void **state)
{
	struct world *w = world_new(
		1, &(struct options){ .half_open_cookie = 1000, .half_open_max = 20 }, false);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 1000);
	initiate(w, B, 1);
	for (unsigned int i = 0; i < 200; i++)
		stranger(w, 100 + i);
	assert_in_range(world_stats(w, B)->half_open, 1, 20);
	assert_in_range(world_stats(w, B)->cookies_sent, 100, 200);
	liveness(w, A);
	world_run(w, 1000);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void a_bad_auth_message_does_not_kill_the_half_open(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(w->net[0].exchange, IKE_AUTH);
	for (size_t i = 28; i < w->net[0].datagram.len; i++) {
		struct buf bad = { 0 };

		assert_true(buf_set(&bad, buf_bytes(&w->net[0].datagram)));
		bad.p[i] ^= 0x10;
		world_input(w, B,
			    &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
						 .local = w->net[0].dst,
						 .remote = w->net[0].src,
						 .datagram = buf_bytes(&bad) });
		buf_free(&bad);
	}
	assert_int_equal(w->n_net, 1);
	world_run(w, 1000);
	assert_established(w);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(another_group_is_asked_for_and_followed),
		cmocka_unit_test(a_group_that_was_not_offered_is_not_followed),
		cmocka_unit_test(an_unprotected_refusal_is_not_acted_on),
		cmocka_unit_test(a_transmission_is_refused_once),
		cmocka_unit_test(a_true_answer_after_refusals_is_taken),
		cmocka_unit_test(refusals_of_the_first_request_end_no_other),
		cmocka_unit_test(a_cookie_is_asked_for_under_load_and_shown),
		cmocka_unit_test(cookie_then_group_then_cookie_ends),
		cmocka_unit_test(cookie_rounds_are_bounded),
		cmocka_unit_test(a_repeated_cookie_is_no_new_round),
		cmocka_unit_test(half_opens_expire),
		cmocka_unit_test(a_flood_is_bounded_and_established_sas_live),
		cmocka_unit_test(a_bad_auth_message_does_not_kill_the_half_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
