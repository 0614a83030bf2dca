/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The promise of replication.md, by property: whichever node of a side dies
 * at whichever step of whichever exchange - before its records are committed,
 * between commit and send, after the send - its standby, which knows the
 * records only, goes on: no tunnel is lost, nobody authenticates again, no IV
 * is used twice and no message id says two things (the harness asserts both).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

struct scenario {
	const char *name;
	struct options o;
	void (*act)(struct world *w); /* on an established pair */
	bool ends;                    /* the SA is deleted in the end */
};

static void nothing(struct world *w)
{
	(void)w;
}

static void a_rekeys_child(struct world *w)
{
	rekey_child(w, A);
}

static void b_rekeys_child(struct world *w)
{
	rekey_child(w, B);
}

static void a_rekeys_ike(struct world *w)
{
	rekey_ike(w, A);
}

static void b_rekeys_ike(struct world *w)
{
	rekey_ike(w, B);
}

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

static void rekey_ike_and_child(struct world *w)
{
	rekey_ike(w, A);
	rekey_child(w, B);
}

static void a_asks(struct world *w)
{
	liveness(w, A);
}

static void b_asks(struct world *w)
{
	liveness(w, B);
}

static void a_deletes(struct world *w)
{
	clear_all(w, A);
}

static void b_deletes(struct world *w)
{
	clear_all(w, B);
}

static void further_lines(struct world *w)
{
	initiate(w, A, 2);
	initiate(w, B, 3);
}

#define CBC \
	{ \
		.encr = ENCR_AES_CBC, .key_bits = 256, .integ = AUTH_HMAC_SHA2_256_128, .lines = 3 \
	}

static const struct scenario scenarios[] = {
	{ "set-up", { .lines = 3 }, nothing, false },
	{ "set-up, AES-CBC", CBC, nothing, false },
	{ "set-up behind a NAT", { .lines = 3, .nat_a = true }, nothing, false },
	{ "further lines", { .lines = 3 }, further_lines, false },
	{ "CHILD rekey by A", { .lines = 3 }, a_rekeys_child, false },
	{ "CHILD rekey by B", { .lines = 3 }, b_rekeys_child, false },
	{ "CHILD rekey by A, PFS", { .lines = 3, .pfs = DH_CURVE25519 }, a_rekeys_child, false },
	{ "CHILD rekey by B, PFS", { .lines = 3, .pfs = DH_ECP_256 }, b_rekeys_child, false },
	{ "CHILD rekey by both", { .lines = 3 }, both_rekey_child, false },
	{ "IKE rekey by A", { .lines = 3 }, a_rekeys_ike, false },
	{ "IKE rekey by B", { .lines = 3 }, b_rekeys_ike, false },
	{ "IKE rekey by B, AES-CBC", CBC, b_rekeys_ike, false },
	{ "IKE rekey by both", { .lines = 3 }, both_rekey_ike, false },
	{ "IKE rekey against CHILD rekey", { .lines = 3 }, rekey_ike_and_child, false },
	{ "liveness by A", { .lines = 3 }, a_asks, false },
	{ "liveness by B", { .lines = 3 }, b_asks, false },
	{ "DELETE by A", { .lines = 3 }, a_deletes, true },
	{ "DELETE by B", { .lines = 3 }, b_deletes, true },
};

struct death {
	int side;
	enum die_at at;
	unsigned int step; /* counted from the act on; for set-up from the first INITIATE */
	bool from_start;
};

static void arm(struct world *w, const struct death *d)
{
	struct side *s = &w->side[d->side];

	s->die_at = d->at;
	s->die_step = s->steps + d->step;
}

/* Packets that hit lines without a CHILD SA, as a datapath reports them. */
static void demand(struct world *w)
{
	for (uint32_t t = 1; t <= 3; t++) {
		if (world_outbound(w, A, t) == NULL)
			initiate(w, A, t);
	}
}

static void check_up(struct world *w, const struct scenario *s, const struct death *d,
		     unsigned int ups)
{
	bool ok = true;

	for (uint32_t t = 1; t <= 3; t++)
		ok = ok && world_tunnel_works(w, t);
	ok = ok && ike_sa_count(w->side[A].engine) == 1 && ike_sa_count(w->side[B].engine) == 1;
	ok = ok && w->side[A].logs[LOG_IKE_SA_UP] + w->side[B].logs[LOG_IKE_SA_UP] == ups;
	ok = ok && w->side[A].logs[LOG_IKE_PEER_DEAD] + w->side[B].logs[LOG_IKE_PEER_DEAD] == 0;
	if (!ok)
		fail_msg("%s: side %c dies at step %u, %d; SAs %zu %zu, ups %u", s->name,
			 "AB"[d->side], d -> step, d -> at, ike_sa_count(w->side[A].engine),
			 ike_sa_count(w->side[B].engine),
			 w -> side[A].logs[LOG_IKE_SA_UP] + w->side[B].logs[LOG_IKE_SA_UP]);
}

static void check_down(struct world *w, const struct scenario *s, const struct death *d)
{
	if (w->side[A].n_dp + w->side[B].n_dp != 0 || ike_sa_count(w->side[A].engine) != 0 ||
	    ike_sa_count(w->side[B].engine) != 0)
		fail_msg("%s: side %c dies at step %u, %d: something is left", s->name,
			 "AB"[d->side], d -> step, d -> at);
}

/* false: the death never came, the scenario is shorter. */
static bool play(const struct scenario *s, const struct death *d, uint64_t seed,
		 unsigned int trouble)
{
	struct world *w = world_new(seed, &s->o, true);
	bool died, lines = s->act != further_lines;

	if (d->from_start)
		arm(w, d);
	initiate(w, A, lines ? 0 : 1);
	for (int i = 0; i < 200 && lines; i++) {
		world_run(w, 100);
		demand(w);
	}
	world_run(w, 10000);

	unsigned int ups = w->side[A].logs[LOG_IKE_SA_UP] + w->side[B].logs[LOG_IKE_SA_UP];

	if (!d->from_start)
		arm(w, d);
	w->drop_pct = trouble;
	w->dup_pct = trouble;
	w->jitter_ms = 5 * trouble;
	s->act(w);
	world_run(w, trouble != 0 ? 12000 : 20000);
	w->drop_pct = w->dup_pct = w->jitter_ms = 0;
	/*
	 * Longer than retransmission, tombstones, and
	 * the wait for a DELETE that the dead node owed.
	 */
	world_run(w, 200000);
	if (!s->ends) {
		demand(w);
		world_run(w, 20000);
	}
	died = w->side[d->side].takeovers > 0;
	if (!s->ends)
		check_up(w, s, d,
			 d->from_start
				 ? w->side[A].logs[LOG_IKE_SA_UP] + w->side[B].logs[LOG_IKE_SA_UP]
				 : ups);
	else if (!died || d->at != DIE_BEFORE_COMMIT || d->step > 1)
		check_down(w, s,
			   d); /* a command that died uncommitted with its node was never given */
	world_free(w);
	return died;
}

static void each_death(const struct scenario *s, bool from_start, unsigned int trouble)
{
	for (int side = 0; side < 2; side++) {
		for (int at = DIE_BEFORE_COMMIT; at <= DIE_AFTER_SEND; at++) {
			struct death d = { .side = side,
					   .at = (enum die_at)at,
					   .from_start = from_start };

			for (d.step = 1; d.step < 100 && play(s, &d, d.step + 1, trouble); d.step++)
				;
			/* Every scenario has steps to die in. */
			assert_true(d.step > 1);
		}
	}
}

static void no_tunnel_is_lost_whenever_a_node_dies(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		each_death(&scenarios[i], scenarios[i].act == nothing, 0);
}

static void nor_on_a_bad_network(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
		if (scenarios[i].act != nothing)
			each_death(&scenarios[i], false, 20);
	}
}

static void keep_established(void *ctx, const struct ike_sa_state *s)
{
	if (s->stage == IKE_SA_ESTABLISHED)
		*(uint64_t *)ctx = ike_sa_state_spi(s);
}

static void random_act(struct world *w)
{
	static const enum ike_input_kind kinds[] = { IKE_IN_REKEY_IKE, IKE_IN_LIVENESS };
	int side = (int)(world_random(w) % 2);
	struct side *s = &w->side[side];
	const struct dp_child *child = world_outbound(w, side, 1 + (uint32_t)(world_random(w) % 3));
	uint64_t spi = 0;

	ike_each_sa(s->engine, keep_established, &spi);
	switch (world_random(w) % 5) {
	case 0:
		world_takeover(w, side, false);
		break;
	case 1:
		s->die_at = (enum die_at)(1 + world_random(w) % 3);
		s->die_step = s->steps + 1 + (unsigned int)(world_random(w) % 10);
		break;
	case 2:
	case 3:
		if (child != NULL)
			world_input(w, side,
				    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD,
							 .spi_in = child->s.spi_in });
		break;
	default:
		world_input(
			w, side,
			&(struct ike_input){ .kind = kinds[world_random(w) % 2], .ike_spi = spi });
		break;
	}
}

/* Rekeys, deaths and losses on both sides, one upon the other. */
static void a_long_life_of_rekeys_and_deaths_keeps_its_tunnels(void **state)
{
	struct options o = { .lines = 3, .dpd_s = 30 };

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world *w;

		o.pfs = seed % 2 ? DH_CURVE25519 : 0;
		w = world_new(seed, &o, true);
		initiate(w, A, 0);
		world_run(w, 3000);
		w->drop_pct = w->dup_pct = 5;
		w->jitter_ms = 40;
		for (int i = 0; i < 60; i++) {
			random_act(w);
			world_run(w, world_random(w) % 3000);
			if (world_random(w) % 2)
				world_traffic(w);
		}
		w->drop_pct = w->dup_pct = w->jitter_ms = 0;
		w->side[A].die_at = w->side[B].die_at = DIE_NOT;
		world_run(w, 200000);
		for (uint32_t t = 1; t <= 3; t++)
			assert_true(world_tunnel_works(w, t));
		assert_int_equal(ike_sa_count(w->side[A].engine), 1);
		assert_int_equal(ike_sa_count(w->side[B].engine), 1);
		assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
		assert_int_equal(w->side[A].n_dp + w->side[B].n_dp, 6);
		assert_in_range(w->side[A].takeovers + w->side[B].takeovers, 5, 60);
		world_free(w);
	}
}

/* A set-up that died with its node before IKE_AUTH is begun again (R2); after that it goes on. */
static void an_auth_request_that_was_sent_is_sent_again_by_the_next_owner(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);
	struct buf first = { 0 };

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(w->net[0].exchange, IKE_AUTH);
	assert_true(buf_set(&first, buf_bytes(&w->net[0].datagram)));
	world_drop(w, 0);
	world_takeover(w, A, false);
	assert_int_equal(w->n_net, 1);
	assert_true(bytes_equal(buf_bytes(&w->net[0].datagram), buf_bytes(&first)));
	world_run(w, 1000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(w->side[A].init_requests, 1);
	buf_free(&first);
	world_free(w);
}

/*
 * R16, law 1: an owner that lost its term in a split brain derives the same keys
 * again when it owns once more; with a younger birth its IVs would begin anew.
 */
static void what_a_request_makes_is_born_with_it(void **state)
{
	struct world *w = world_new(1, &(struct options){ .pfs = DH_CURVE25519 }, true);
	uint64_t term = w->side[A].term;

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	assert_int_equal(w->net[0].exchange, IKE_AUTH);
	world_takeover(w, A, false);
	assert_true(w->side[A].term > term);
	world_run(w, 1000);
	assert_int_equal(world_outbound(w, A, 1)->s.birth_term, term);
	term = w->side[A].term;
	w->hold_net = true;
	rekey_child(w, A);
	world_takeover(w, A, false);
	w->hold_net = false;
	world_run(w, 1000);
	assert_int_equal(world_outbound(w, A, 1)->s.birth_term, term);
	w->hold_net = true;
	term = w->side[A].term;
	rekey_ike(w, A);
	world_takeover(w, A, false);
	w->hold_net = false;
	world_run(w, 1000);
	assert_int_equal(world_sa(w, A).birth_term, term);
	world_free(w);
}

/* R16: many takeovers, each in a new term and the other slot; the harness looks at every IV. */
static void takeovers_in_a_row_use_no_iv_twice(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, true);

	(void)state;
	for (int i = 0; i < 30; i++) {
		world_takeover(w, A, false);
		liveness(w, A);
		world_run(w, 100);
		if (i % 3 == 0)
			world_takeover(w, B, false);
		if (i % 10 == 4)
			rekey_ike(w, i % 20 == 4 ? A : B);
		world_run(w, 100);
	}
	world_run(w, 100000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
	world_free(w);
}

/* R16: at 4095 terms an SA cannot seal any more; it is rekeyed before. */
static void an_sa_near_the_end_of_its_terms_is_rekeyed_at_takeover(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	w->side[A].term += IV_TERM_DELTA_MAX - 10;
	world_takeover(w, A, false);
	world_run(w, 2000);
	assert_int_equal(world_stats(w, A)->rekeys_ike, 1);
	assert_int_equal(world_stats(w, A)->rekeys_child, 1);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void an_sa_without_ivs_is_set_up_anew(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);

	(void)state;
	initiate(w, A, 1);
	world_run(w, 2000);
	w->side[A].term += 2 * IV_TERM_DELTA_MAX;
	world_takeover(w, A, false);
	world_run(w, 2000);
	assert_true(world_tunnel_works(w, 1));
	assert_int_equal(w->side[A].init_requests, 2);
	world_free(w);
}

static void lifetimes_go_on_across_a_takeover(void **state)
{
	struct world *w = world_new(1, &(struct options){ .ike_life_s = 100, .child_life_s = 50 },
				    true);

	(void)state;
	initiate(w, A, 1);
	for (int i = 0; i < 40; i++) {
		world_run(w, 10000);
		world_takeover(w, i % 2, false);
		assert_true(world_tunnel_works(w, 1));
	}
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
	world_free(w);
}

static void state_that_cannot_be_is_not_imported(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, true);
	struct ike_sa_state s;
	size_t before;

	(void)state;
	initiate(w, A, 1);
	world_run(w, 1000);
	before = ike_sa_count(w->side[B].standby);
	s = world_sa(w, A);
	assert_int_equal(ike_import_sa(w->side[A].engine, &s), R_STATE);
	s.stage = 9;
	assert_int_equal(ike_import_sa(w->side[B].standby, &s), R_VALUE);
	s = world_sa(w, A);
	s.spi_r = 0;
	assert_int_equal(ike_import_sa(w->side[B].standby, &s), R_VALUE);
	s = world_sa(w, A);
	s.sk_er = (struct secret){ 0 };
	assert_int_equal(ike_import_sa(w->side[B].standby, &s), R_VALUE);
	s = world_sa(w, A);
	s.outstanding.kind = IKE_REQ_LIVENESS;
	assert_int_equal(ike_import_sa(w->side[B].standby, &s), R_VALUE);
	assert_int_equal(ike_sa_count(w->side[B].standby), before);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_auth_request_that_was_sent_is_sent_again_by_the_next_owner),
		cmocka_unit_test(what_a_request_makes_is_born_with_it),
		cmocka_unit_test(takeovers_in_a_row_use_no_iv_twice),
		cmocka_unit_test(an_sa_near_the_end_of_its_terms_is_rekeyed_at_takeover),
		cmocka_unit_test(an_sa_without_ivs_is_set_up_anew),
		cmocka_unit_test(lifetimes_go_on_across_a_takeover),
		cmocka_unit_test(state_that_cannot_be_is_not_imported),
		cmocka_unit_test(no_tunnel_is_lost_whenever_a_node_dies),
		cmocka_unit_test(nor_on_a_bad_network),
		cmocka_unit_test(a_long_life_of_rekeys_and_deaths_keeps_its_tunnels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
