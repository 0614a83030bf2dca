/* SPDX-License-Identifier: Apache-2.0 */
/* What a test tells a world to do, and asks it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

void initiate(struct world *w, int side, uint32_t tunnel)
{
	world_input(w, side,
		    &(struct ike_input){ .kind = IKE_IN_INITIATE,
					 .tunnel = tunnel,
					 .connection = side == A ? "to-b" : "to-a" });
}

void rekey_child(struct world *w, int side)
{
	const struct dp_child *d = world_outbound(w, side, 1);

	assert_non_null(d);
	world_input(w, side,
		    &(struct ike_input){ .kind = IKE_IN_REKEY_CHILD, .spi_in = d->s.spi_in });
}

struct find {
	enum ike_sa_stage stage;
	enum child_sa_stage child_stage;
	struct ike_sa_state sa;
	size_t n;
};

static void find_sa(void *ctx, const struct ike_sa_state *s)
{
	struct find *f = ctx;

	if (s->stage != f->stage)
		return;
	f->sa = *s;
	f->n++;
}

static void find_child(void *ctx, const struct child_sa_state *s)
{
	struct find *f = ctx;

	f->n += s->stage == f->child_stage;
}

struct ike_sa_state world_sa(struct world *w, int side)
{
	struct find f = { .stage = IKE_SA_ESTABLISHED };

	ike_each_sa(w->side[side].engine, find_sa, &f);
	assert_int_equal(f.n, 1);
	return f.sa;
}

static void index_of(void *ctx, const struct tunnel_entry *t)
{
	struct peer_index_state *first = ctx;

	if (first->seq == 0)
		*first = t->s;
}

struct peer_index_state world_index(struct world *w)
{
	struct peer_index_state s = { 0 };

	ike_each_map(w->side[A].engine, index_of, &s);
	return s;
}

size_t world_count_sa(struct world *w, int side, enum ike_sa_stage stage)
{
	struct find f = { .stage = stage };

	ike_each_sa(w->side[side].engine, find_sa, &f);
	return f.n;
}

size_t world_count_child(struct world *w, int side, enum child_sa_stage stage)
{
	struct find f = { .child_stage = stage };

	ike_each_child(w->side[side].engine, 0, find_child, &f);
	return f.n;
}

static void to_sa(struct world *w, int side, enum ike_input_kind kind)
{
	struct ike_sa_state s = world_sa(w, side);

	world_input(w, side, &(struct ike_input){ .kind = kind, .ike_spi = ike_sa_state_spi(&s) });
}

void rekey_ike(struct world *w, int side)
{
	to_sa(w, side, IKE_IN_REKEY_IKE);
}

void liveness(struct world *w, int side)
{
	to_sa(w, side, IKE_IN_LIVENESS);
}

void clear_all(struct world *w, int side)
{
	world_input(w, side, &(struct ike_input){ .kind = IKE_IN_CLEAR, .connection = "" });
}

void world_configure(struct world *w, int side, const struct options *opt)
{
	world_input(
		w, side,
		&(struct ike_input){ .kind = IKE_IN_CONFIG, .config = world_config(w, side, opt) });
}

const struct ike_stats *world_stats(const struct world *w, int side)
{
	return ike_engine_stats(w->side[side].engine);
}

struct world *world_up(uint64_t seed, const struct options *opt, bool with_standby)
{
	struct world *w = world_new(seed, opt, with_standby);

	initiate(w, A, 0);
	world_run(w, 2000);
	for (uint32_t t = 1; t <= (opt->lines != 0 ? opt->lines : 1u); t++)
		assert_true(world_tunnel_works(w, t));
	return w;
}

struct world *world_tried(const struct options *opt)
{
	struct world *w = world_new(1, opt, false);

	initiate(w, A, 1);
	world_run(w, 3000);
	return w;
}

void lose_exchanges(struct world *w, unsigned int n)
{
	w->side[A].records_lost = true;
	for (unsigned int i = 0; i < n; i++) {
		liveness(w, A);
		world_run(w, 100);
		liveness(w, B);
		world_run(w, 100);
	}
}

void assert_established(struct world *w)
{
	struct ike_sa_state a = world_sa(w, A), b = world_sa(w, B);

	assert_int_equal(a.spi_i, b.spi_i);
	assert_int_equal(a.spi_r, b.spi_r);
	assert_true(a.initiator && !b.initiator);
	assert_int_equal(a.outstanding.kind, IKE_REQ_NONE);
	assert_int_equal(a.init_request.len + a.nonce_i.len + b.init_response.len + b.nonce_r.len,
			 0);
	assert_true(world_tunnel_works(w, 1));
}

void assert_none(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		assert_int_equal(world_count_sa(w, i, IKE_SA_ESTABLISHED), 0);
		assert_int_equal(world_count_sa(w, i, IKE_SA_INIT_ANSWERED), 0);
		assert_int_equal(w->side[i].n_dp, 0);
		assert_int_equal(world_stats(w, i)->half_open, 0);
	}
}

void assert_settled(struct world *w, uint32_t lines)
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
