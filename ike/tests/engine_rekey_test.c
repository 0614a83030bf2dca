/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE_CHILD_SA and INFORMATIONAL: rekeys, collisions,
 * DELETE, liveness (RFC 7296 1.3, 1.4, 2.4, 2.8, 2.25).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

static struct world *up(uint64_t seed, const struct options *o)
{
	struct world *w = world_new(seed, o, false);

	initiate(w, A, 0);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	return w;
}

/* After everything has settled: one IKE SA, one CHILD SA per line, nothing left over. */
static void assert_settled(struct world *w, uint32_t lines)
{
	world_run(w, 70000);
	for (int i = 0; i < 2; i++) {
		world_sa(w, i);
		assert_int_equal(ike_sa_count(w->side[i].engine), 1);
		assert_int_equal(world_count_child(w, i, CHILD_SA_ESTABLISHED), lines);
		assert_int_equal(w->side[i].n_dp, lines);
	}
	assert_int_equal(world_sa(w, A).spi_i, world_sa(w, B).spi_i);
	for (uint32_t t = 1; t <= lines; t++)
		assert_true(world_tunnel_works(w, t));
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
}

static void a_child_rekey_makes_before_it_breaks(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		for (uint16_t pfs = 0; pfs <= DH_CURVE25519;
		     pfs = (uint16_t)(pfs + DH_CURVE25519)) {
			struct world *w = up(1, &(struct options){ .pfs = pfs });
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
	struct world *w = up(1, &(struct options){ 0 });
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
		struct world *w = up(1, &(struct options){ .lines = 3 });
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
	struct world *w = up(1, &o);
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
		struct world *w = up(seed, &(struct options){ .lines = 2, .pfs = pfs });

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
	struct world *w = up(1, &(struct options){ 0 });

	(void)state;
	w->hold_net = true;
	both_rekey_ike(w);
	world_drop(w, in_net(w, A, CREATE_CHILD_SA, false));
	world_deliver(w, in_net(w, B, CREATE_CHILD_SA, false));
	world_deliver(w, in_net(w, A, CREATE_CHILD_SA, true));
	assert_int_equal(w->side[B].logs[LOG_IKE_REKEY_COLLISION], 1);
	rekey_child(w, A);
	world_deliver(w, in_net(w, B, CREATE_CHILD_SA, false));
	assert_int_equal(ike_engine_stats(w->side[B].engine)->refused[R_CHILD_NOT_FOUND], 0);
	world_deliver(w, in_net(w, A, CREATE_CHILD_SA, true));
	assert_int_equal(ike_engine_stats(w->side[A].engine)->rekeys_child, 1);
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
		struct world *w = up(seed, &(struct options){ 0 });
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

/* ---- DELETE and liveness ---- */

static void clear_deletes_both_ends(void **state)
{
	struct world *w = up(1, &(struct options){ .lines = 2 });

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
	struct world *w = up(1, &(struct options){ 0 });

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
	struct world *w = up(1, &(struct options){ .dpd_s = 10 });

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
	struct world *w = up(1, &(struct options){ .dpd_s = 10 });

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

/* ---- lifetimes ---- */

static void soft_lifetimes_rekey_for_ever(void **state)
{
	struct world *w = up(
		3, &(struct options){
			   .lines = 2, .ike_life_s = 120, .child_life_s = 60, .pfs = DH_ECP_256 });

	(void)state;
	for (int i = 0; i < 600; i++) {
		world_run(w, 1000);
		assert_true(world_tunnel_works(w, 1));
		assert_true(world_tunnel_works(w, 2));
	}
	assert_in_range(ike_engine_stats(w->side[A].engine)->rekeys_ike, 4, 20);
	assert_in_range(ike_engine_stats(w->side[A].engine)->rekeys_child, 15, 60);
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
	struct world *w = up(1, &(struct options){ .child_life_s = 60 });

	(void)state;
	w->impair = no_rekey;
	world_run(w, 130000);
	assert_int_equal(w->side[A].n_dp, 0);
	world_free(w);
}

/* ---- refusals ---- */

static void a_replayed_or_changed_request_gets_the_one_response(void **state)
{
	struct world *w = up(1, &(struct options){ 0 });
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
	assert_int_equal(ike_engine_stats(w->side[B].engine)->refused[R_INTEGRITY], 1);
	buf_free(&request);
	world_free(w);
}

static void a_removed_line_is_deleted(void **state)
{
	struct options o = { .lines = 2 };
	struct world *w = up(1, &o);

	(void)state;
	o.lines = 1;
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = world_config(w, A, &o) });
	assert_settled(w, 1);
	world_free(w);
}

static void held_jobs_absorb_repeats_and_let_one_message_wait(void **state)
{
	struct world *w = up(1, &(struct options){ .pfs = DH_CURVE25519 });

	(void)state;
	w->hold_jobs = true;
	rekey_child(w, A);
	world_jobs(w);      /* key generation: the request is out */
	world_run(w, 1500); /* and again; B's job is out */
	assert_int_equal(w->side[A].sent[CREATE_CHILD_SA], 2);
	assert_true(ike_engine_stats(w->side[B].engine)->refused[R_SUSPENDED] >= 1);
	assert_int_equal(w->n_jobs, 1);
	w->hold_jobs = false;
	world_jobs(w);
	assert_settled(w, 1);
	world_free(w);
}

/* The other end would answer CHILD_SA_NOT_FOUND and the new one would be lost on one side
 * (2.25.1). */
static void a_child_that_the_peer_may_not_know_is_not_rekeyed(void **state)
{
	struct world *w = up(1, &(struct options){ 0 });

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
	struct world *w = up(1, &(struct options){ .lines = 2 });
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
	struct world *w = up(1, &o);
	uint32_t old = world_outbound(w, B, 1)->s.spi_in;

	(void)state;
	w->hold_net = true;
	rekey_child(w, A);
	o.pfs = DH_ECP_256; /* so that A cannot use the answer */
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_CONFIG, .config = world_config(w, A, &o) });
	w->hold_net = false;
	assert_settled(w, 1);
	assert_int_equal(world_outbound(w, B, 1)->s.spi_in, old);
	world_free(w);
}

/* A further CHILD SA, whose response is lost, and that we are told to rekey at once (R10). */
static void a_further_child_that_the_peer_does_not_know_yet_is_kept(void **state)
{
	struct world *w = up(1, &(struct options){ .lines = 2 });
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
	assert_int_equal(ike_engine_stats(w->side[A].engine)->refused[R_TEMPORARY], 1);
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

static void configure(struct world *w, int side, const struct options *o)
{
	world_input(
		w, side,
		&(struct ike_input){ .kind = IKE_IN_CONFIG, .config = world_config(w, side, o) });
}

/*
 * A response that cannot be used: what the peer made of it is deleted before
 * anything else is asked, so that the next owner knows of it.
 */
static void what_only_the_peer_made_is_deleted_by_the_next_owner_too(void **state)
{
	struct options o = { .lines = 3, .pfs = DH_CURVE25519 };
	struct world *w = world_new(1, &o, true);

	(void)state;
	initiate(w, A, 0);
	world_run(w, 2000);
	w->hold_net = true;
	rekey_child(w, A);
	world_input(w, A,
		    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD,
					 .spi_in = world_outbound(w, A, 2)->s.spi_in });
	o.pfs = DH_ECP_256;
	configure(w, A, &o);
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
	configure(w, A, &o);
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

/*
 * R25: 24 random bits are few when thousands of requests are out. The same bits are
 * drawn for A's offer and then for its answer, whose nonce comes first.
 */
static void an_spi_that_is_offered_is_not_drawn_again(void **state)
{
	struct world *w = up(1, &(struct options){ .lines = 2 });
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
		struct world *w = up(seed, &(struct options){ 0 });
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
	struct world *w = up(1, &(struct options){ .pfs = DH_CURVE25519 });

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
		cmocka_unit_test(clear_deletes_both_ends),
		cmocka_unit_test(both_delete_at_once),
		cmocka_unit_test(silence_is_asked_about_and_traffic_is_life),
		cmocka_unit_test(a_dead_peer_is_found_and_its_tunnel_initiated_anew_by_traffic),
		cmocka_unit_test(soft_lifetimes_rekey_for_ever),
		cmocka_unit_test(hard_lifetimes_end_what_could_not_be_rekeyed),
		cmocka_unit_test(a_replayed_or_changed_request_gets_the_one_response),
		cmocka_unit_test(a_removed_line_is_deleted),
		cmocka_unit_test(held_jobs_absorb_repeats_and_let_one_message_wait),
		cmocka_unit_test(a_child_that_the_peer_may_not_know_is_not_rekeyed),
		cmocka_unit_test(the_end_of_the_old_child_proves_nothing_of_the_new_one),
		cmocka_unit_test(the_next_request_proves_that_the_peer_has_our_response),
		cmocka_unit_test(a_new_child_that_is_deleted_at_once_leaves_the_old_one),
		cmocka_unit_test(a_further_child_that_the_peer_does_not_know_yet_is_kept),
		cmocka_unit_test(child_sa_not_found_is_believed_when_no_response_can_be_late),
		cmocka_unit_test(what_only_the_peer_made_is_deleted_by_the_next_owner_too),
		cmocka_unit_test(a_first_child_that_only_the_peer_made_is_deleted_too),
		cmocka_unit_test(an_spi_that_is_offered_is_not_drawn_again),
		cmocka_unit_test(a_job_of_a_want_that_moved_is_dropped),
		cmocka_unit_test(a_job_of_a_vanished_sa_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
