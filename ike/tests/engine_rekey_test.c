/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE_CHILD_SA: rekeys, their collisions, lifetimes (RFC 7296 1.3, 2.8, 2.25). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

static void a_child_rekey_makes_before_it_breaks(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		for (uint16_t pfs = 0; pfs <= DH_CURVE25519;
		     pfs = (uint16_t)(pfs + DH_CURVE25519)) {
			struct world *w = world_up(1, &(struct options){ .pfs = pfs }, false);
			uint32_t old = world_outbound(w, A, 1)->s.spi_in;

			rekey_child(w, side);
			for (int i = 0; i < 40; i++) {
				world_run(w, 1);
				assert_true(world_tunnel_works(w, 1));
			}
			assert_int_not_equal(world_outbound(w, A, 1)->s.spi_in, old);
			assert_int_equal(world_outbound(w, A, 1)->s.dh_group, pfs);
			/* R5: the old inbound stays 5 s. */
			assert_int_equal(w->side[A].n_dp, 2);
			assert_int_equal(w->side[B].n_dp, 2);
			world_run(w, 6000);
			assert_int_equal(w->side[A].n_dp, 1);
			assert_settled(w, 1);
			world_free(w);
		}
	}
}

static void the_responder_of_a_rekey_switches_when_the_new_sa_is_used(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, false);
	uint32_t old = world_outbound(w, B, 1)->s.spi_in;

	(void)state;
	w->hold_net = true;
	rekey_child(w, A);
	world_deliver(w, 0); /* request: B has both */
	assert_int_equal(world_outbound(w, B, 1)->s.spi_in, old);
	world_deliver(w, 0); /* response: A uses the new one; its DELETE is in the net */
	assert_true(world_outbound(w, A, 1)->s.spi_out != old);
	assert_int_equal(world_outbound(w, B, 1)->s.spi_in, old);
	world_input(w, B,
		    &(struct ike_input){ .kind = IKE_IN_TRAFFIC,
					 .at_ms = w->now,
					 .spi_in = world_outbound(w, A, 1)->s.spi_out });
	assert_int_not_equal(world_outbound(w, B, 1)->s.spi_in, old);
	w->hold_net = false;
	assert_settled(w, 1);
	world_free(w);
}

static void an_ike_rekey_hands_on_the_children(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		struct world *w = world_up(1, &(struct options){ .lines = 3 }, false);
		struct ike_sa_state old = world_sa(w, A);
		uint64_t old_spi = old.spi_i;

		rekey_ike(w, side);
		world_run(w, 1000);
		assert_int_not_equal(world_sa(w, A).spi_i, old_spi);
		assert_int_equal(world_sa(w, A).initiator, side == A);
		/* 2.18: message ids start at 0. */
		assert_int_equal(world_sa(w, A).next_request_id + world_sa(w, B).next_request_id,
				 0);
		assert_int_equal(
			ike_spi_shard(ike_sa_state_spi(&old)),
			ike_spi_shard(side == A ? world_sa(w, A).spi_i : world_sa(w, A).spi_r));
		rekey_child(w, 1 - side);
		world_run(w, 1000);
		assert_settled(w, 3);
		world_free(w);
	}
}

static void an_ike_rekey_follows_another_group(void **state)
{
	struct options o = { .dh = { DH_CURVE25519 } };
	struct world *w = world_up(1, &o, false);
	struct ike_config *c;

	(void)state;
	/* Both now want group 19 first; A keeps the group in use until it is told. */
	o.dh[0] = DH_ECP_256;
	c = world_config(w, B, &o);
	world_input(w, B, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	o.dh[1] = DH_CURVE25519;
	c = world_config(w, A, &o);
	world_input(w, A, &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = c });
	rekey_ike(w, A);
	world_run(w, 1000);
	assert_int_equal(world_sa(w, A).transforms.dh, DH_ECP_256);
	assert_int_equal(w->side[A].sent[CREATE_CHILD_SA], 2);
	assert_settled(w, 1);
	world_free(w);
}

/* ---- collisions: every order of delivery of the messages of both sides ---- */

static void both_rekey_child(struct world *w)
{
	rekey_child(w, A);
	rekey_child(w, B);
}

static void both_rekey_ike(struct world *w)
{
	rekey_ike(w, A);
	rekey_ike(w, B);
}

static void child_and_ike(struct world *w)
{
	rekey_child(w, A);
	rekey_ike(w, B);
}

static void child_rekey_and_delete(struct world *w)
{
	rekey_child(w, A);
	rekey_child(w, B);
	liveness(w, A);
}

/* In random order, with losses; retransmissions mend them. */
static void in_any_order(void (*begin)(struct world *w), uint16_t pfs, unsigned int drop)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct world *w = world_up(seed, &(struct options){ .lines = 2, .pfs = pfs },
					   false);

		w->hold_net = true;
		begin(w);
		for (int i = 0; i < 12 && w->n_net > 0; i++) {
			size_t n = world_random(w) % w->n_net;

			if (drop != 0 && world_random(w) % 100 < drop)
				world_drop(w, n);
			else
				world_deliver(w, n);
		}
		w->hold_net = false;
		assert_settled(w, 2);
		world_free(w);
	}
}

static void simultaneous_child_rekey_ends_with_one(void **state)
{
	(void)state;
	in_any_order(both_rekey_child, 0, 0);
	in_any_order(both_rekey_child, DH_CURVE25519, 0);
	in_any_order(both_rekey_child, 0, 30);
}

static void simultaneous_ike_rekey_ends_with_one(void **state)
{
	(void)state;
	in_any_order(both_rekey_ike, 0, 0);
	in_any_order(both_rekey_ike, 0, 30);
}

static size_t in_net(const struct world *w, int to, uint8_t exchange, bool response)
{
	for (size_t i = 0; i < w->n_net; i++) {
		if (w->net[i].to == to && w->net[i].exchange == exchange &&
		    w->net[i].response == response)
			return i;
	}
	fail();
	return 0;
}

/* A has never heard of B's rekey; what it asks on its own new IKE SA overtakes its DELETE. */
static void what_is_asked_on_a_rival_is_about_the_children(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, false);

	(void)state;
	w->hold_net = true;
	both_rekey_ike(w);
	world_drop(w, in_net(w, A, CREATE_CHILD_SA, false));
	world_deliver(w, in_net(w, B, CREATE_CHILD_SA, false));
	world_deliver(w, in_net(w, A, CREATE_CHILD_SA, true));
	assert_int_equal(w->side[B].logs[LOG_IKE_REKEY_COLLISION], 1);
	rekey_child(w, A);
	world_deliver(w, in_net(w, B, CREATE_CHILD_SA, false));
	assert_int_equal(world_stats(w, B)->refused[R_CHILD_NOT_FOUND], 0);
	world_deliver(w, in_net(w, A, CREATE_CHILD_SA, true));
	assert_int_equal(world_stats(w, A)->rekeys_child, 1);
	w->hold_net = false;
	assert_settled(w, 1);
	world_free(w);
}

static void child_rekey_against_ike_rekey_ends_well(void **state)
{
	(void)state;
	in_any_order(child_and_ike, 0, 0);
	in_any_order(child_and_ike, 0, 30);
	in_any_order(child_rekey_and_delete, 0, 20);
}

static void copy_rival_nonce(void *ctx, const struct child_sa_state *s)
{
	if (s->nonce_low.len != 0)
		assert_true(buf_set(ctx, buf_bytes(&s->nonce_low)));
}

/*
 * 2.8.1, judged from the records: each side holds the
 * lower nonce of the exchange that the other began.
 */
static void the_lowest_nonce_loses(void **state)
{
	unsigned int kept_a = 0, kept_b = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_up(seed, &(struct options){ 0 }, false);
		struct buf low_of_a = { 0 }, low_of_b = { 0 };
		bool a_stays;

		w->hold_net = true;
		both_rekey_child(w);
		world_deliver(w, 0);
		world_deliver(w, 0);
		assert_int_equal(w->side[A].logs[LOG_IKE_REKEY_COLLISION], 1);
		assert_int_equal(w->side[B].logs[LOG_IKE_REKEY_COLLISION], 1);
		ike_each_child(w->side[A].engine, 0, copy_rival_nonce, &low_of_b);
		ike_each_child(w->side[B].engine, 0, copy_rival_nonce, &low_of_a);
		a_stays = memcmp(low_of_a.p, low_of_b.p, low_of_a.len) > 0;
		w->hold_net = false;
		assert_settled(w, 1);
		assert_int_equal(world_outbound(w, A, 1)->s.initiator, a_stays);
		assert_int_equal(world_outbound(w, B, 1)->s.initiator, !a_stays);
		kept_a += a_stays;
		kept_b += !a_stays;
		buf_free(&low_of_a);
		buf_free(&low_of_b);
		world_free(w);
	}
	assert_true(kept_a > 0 && kept_b > 0);
}

/* ---- lifetimes ---- */

static void soft_lifetimes_rekey_for_ever(void **state)
{
	struct world *w = world_up(
		3,
		&(struct options){
			.lines = 2, .ike_life_s = 120, .child_life_s = 60, .pfs = DH_ECP_256 },
		false);

	(void)state;
	for (int i = 0; i < 600; i++) {
		world_run(w, 1000);
		assert_true(world_tunnel_works(w, 1));
		assert_true(world_tunnel_works(w, 2));
	}
	assert_in_range(world_stats(w, A)->rekeys_ike, 4, 20);
	assert_in_range(world_stats(w, A)->rekeys_child, 15, 60);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
	assert_in_range(ike_sa_count(w->side[A].engine), 1, 4);
	world_free(w);
}

static unsigned int no_rekey(struct world *w, struct packet *p)
{
	(void)w;
	return p->exchange != CREATE_CHILD_SA;
}

static void hard_lifetimes_end_what_could_not_be_rekeyed(void **state)
{
	struct world *w = world_up(1, &(struct options){ .child_life_s = 60 }, false);

	(void)state;
	w->impair = no_rekey;
	world_run(w, 130000);
	assert_int_equal(w->side[A].n_dp, 0);
	world_free(w);
}

/* ---- refusals ---- */

static void a_replayed_or_changed_request_gets_the_one_response(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, false);
	struct buf request = { 0 };
	struct ike_input in;

	(void)state;
	w->hold_net = true;
	liveness(w, A);
	assert_true(buf_set(&request, buf_bytes(&w->net[0].datagram)));
	in = (struct ike_input){ .kind = IKE_IN_DATAGRAM,
				 .local = w->net[0].dst,
				 .remote = w->net[0].src,
				 .datagram = buf_bytes(&request) };
	world_deliver(w, 0);
	world_input(w, B, &in);
	assert_int_equal(w->n_net, 2);
	assert_true(bytes_equal(buf_bytes(&w->net[0].datagram), buf_bytes(&w->net[1].datagram)));
	request.p[request.len - 1] ^= 1;
	in.datagram = buf_bytes(&request);
	world_input(w, B, &in);
	assert_int_equal(w->n_net, 2);
	assert_int_equal(world_stats(w, B)->refused[R_INTEGRITY], 1);
	buf_free(&request);
	world_free(w);
}

static void held_jobs_absorb_repeats_and_let_one_message_wait(void **state)
{
	struct world *w = world_up(1, &(struct options){ .pfs = DH_CURVE25519 }, false);

	(void)state;
	w->hold_jobs = true;
	rekey_child(w, A);
	world_jobs(w);      /* key generation: the request is out */
	world_run(w, 1500); /* and again; B's job is out */
	assert_int_equal(w->side[A].sent[CREATE_CHILD_SA], 2);
	assert_true(world_stats(w, B)->refused[R_SUSPENDED] >= 1);
	assert_int_equal(w->n_jobs, 1);
	w->hold_jobs = false;
	world_jobs(w);
	assert_settled(w, 1);
	world_free(w);
}

/*
 * R25: 24 random bits are few when thousands of requests are out. The same bits are
 * drawn for A's offer and then for its answer, whose nonce comes first.
 */
static void an_spi_that_is_offered_is_not_drawn_again(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	uint64_t before;

	(void)state;
	w->hold_net = true;
	rekey_child(w, B);
	before = w->rng;
	for (int i = 0; i < 32; i++)
		world_random(w);
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD,
					 .spi_in = world_outbound(w, A, 2)->s.spi_in });
	w->rng = before;
	assert_int_equal(w->n_net, 2);
	world_deliver(w, 0);
	w->hold_net = false;
	assert_settled(w, 2);
	world_free(w);
}

static void keep_rival(void *ctx, const struct ike_sa_state *s)
{
	if (s->stage == IKE_SA_ESTABLISHED && s->nonce_i.len != 0)
		*(uint64_t *)ctx = ike_sa_state_spi(s);
}

/* The key for a want of an IKE SA that meanwhile lost a collision. */
static void a_job_of_a_want_that_moved_is_dropped(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w = world_up(seed, &(struct options){ 0 }, false);
		uint64_t rival = 0;

		w->hold_net = true;
		both_rekey_ike(w);
		world_deliver(w, 0);
		world_deliver(w, 0);
		ike_each_sa(w->side[A].engine, keep_rival, &rival);
		assert_int_not_equal(rival, 0);
		w->hold_jobs = true;
		world_deliver(w, w->net[0].to == A ? 0 : 1);
		world_input(w, A,
			    &(struct ike_input){ .kind = IKE_IN_REKEY_IKE, .ike_spi = rival });
		assert_int_equal(w->n_jobs, 2);
		world_jobs(w);
		w->hold_jobs = w->hold_net = false;
		assert_settled(w, 1);
		world_free(w);
	}
}

static void a_job_of_a_vanished_sa_is_dropped(void **state)
{
	struct world *w = world_up(1, &(struct options){ .pfs = DH_CURVE25519 }, false);

	(void)state;
	w->hold_jobs = true;
	rekey_child(w, A);
	assert_int_equal(w->n_jobs, 1);
	world_restart(w, A);
	world_jobs(w);
	assert_int_equal(ike_sa_count(w->side[A].engine), 0);
	assert_int_equal(w->n_net, 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_rekey_makes_before_it_breaks),
		cmocka_unit_test(the_responder_of_a_rekey_switches_when_the_new_sa_is_used),
		cmocka_unit_test(an_ike_rekey_hands_on_the_children),
		cmocka_unit_test(an_ike_rekey_follows_another_group),
		cmocka_unit_test(simultaneous_child_rekey_ends_with_one),
		cmocka_unit_test(simultaneous_ike_rekey_ends_with_one),
		cmocka_unit_test(what_is_asked_on_a_rival_is_about_the_children),
		cmocka_unit_test(child_rekey_against_ike_rekey_ends_well),
		cmocka_unit_test(the_lowest_nonce_loses),
		cmocka_unit_test(soft_lifetimes_rekey_for_ever),
		cmocka_unit_test(hard_lifetimes_end_what_could_not_be_rekeyed),
		cmocka_unit_test(a_replayed_or_changed_request_gets_the_one_response),
		cmocka_unit_test(held_jobs_absorb_repeats_and_let_one_message_wait),
		cmocka_unit_test(an_spi_that_is_offered_is_not_drawn_again),
		cmocka_unit_test(a_job_of_a_want_that_moved_is_dropped),
		cmocka_unit_test(a_job_of_a_vanished_sa_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
