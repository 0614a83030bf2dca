/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "base/timer_queue.h"
#include "ike/tests/engine_harness_private.h"

uint64_t world_random(struct world *w)
{
	w->rng ^= w->rng << 13;
	w->rng ^= w->rng >> 7;
	w->rng ^= w->rng << 17;
	return w->rng;
}

static void random_bytes(void *ctx, uint8_t *out, size_t len)
{
	struct world *w = ctx;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(world_random(w) >> 24);
}

/* ---- nodes ---- */

static struct ike_engine *engine_new(struct world *w, int side, uint8_t slot)
{
	struct ike_engine_config ec = { .slot = slot,
					.random = random_bytes,
					.random_ctx = w,
					.on_seal = on_seal,
					.on_seal_ctx = w };

	random_bytes(w, ec.hash_seed, sizeof(ec.hash_seed));
	return ike_engine_new(&ec, world_config(w, side, &w->opt));
}

struct world *world_new(uint64_t seed, const struct options *opt, bool with_standby)
{
	struct world *w = calloc(1, sizeof(*w));

	must(w != NULL);
	w->rng = seed * 0x9e3779b97f4a7c15u + 88172645463325252u;
	w->now = 1000000;
	w->opt = *opt;
	w->with_standby = with_standby;
	w->side[A].addr = inet_v4(0xc0000201);
	w->side[B].addr = inet_v4(0xc0000202);
	for (int i = 0; i < 2; i++) {
		struct side *s = &w->side[i];

		s->slot = 1;
		s->standby_slot = 2;
		s->term = 1;
		s->engine = engine_new(w, i, s->slot);
		if (with_standby)
			s->standby = engine_new(w, i, s->standby_slot);
		world_input(w, i, &(struct ike_input){ .kind = IKE_IN_ACTIVATE, .term = s->term });
	}
	return w;
}

void world_free(struct world *w)
{
	for (int i = 0; i < 2; i++) {
		ike_engine_free(w->side[i].engine);
		ike_engine_free(w->side[i].standby);
		dp_clear(&w->side[i]);
	}
	for (size_t i = 0; i < w->n_net; i++)
		buf_free(&w->net[i].datagram);
	for (size_t i = 0; i < w->n_jobs; i++)
		ike_job_free(w->jobs[i].job);
	free(w->net);
	free(w->seals);
	free(w->said);
	free(w);
}

/* ---- steps ---- */

static void replicate(struct side *s, const struct ike_effect *f)
{
	struct ike_sa_state sa;
	struct child_sa_state child;

	if (s->standby == NULL || s->records_lost)
		return;
	switch (f->kind) {
	case IKE_FX_IKE_SA_CHANGED:
		assert_int_equal(ike_export_sa(s->engine, f->ike_spi, &sa), R_OK);
		assert_int_equal(ike_import_sa(s->standby, &sa), R_OK);
		ike_sa_state_clear(&sa);
		break;
	case IKE_FX_CHILD_SA_CHANGED:
		assert_int_equal(ike_export_child(s->engine, f->spi_in, &child), R_OK);
		assert_int_equal(ike_import_child(s->standby, &child), R_OK);
		child_sa_state_clear(&child);
		break;
	case IKE_FX_IKE_SA_GONE:
		ike_forget_sa(s->standby, f->ike_spi);
		break;
	case IKE_FX_CHILD_SA_GONE:
		ike_forget_child(s->standby, f->spi_in);
		break;
	case IKE_FX_PEER_INDEX_CHANGED:
		assert_int_equal(ike_import_peer_index(s->standby, f->peer_index), R_OK);
		break;
	default:
		break;
	}
}

static void at_once(struct world *w, int side, struct ike_effect *f)
{
	struct side *s = &w->side[side];

	switch (f->kind) {
	case IKE_FX_CHILD_INSTALL:
		dp_install(s, f->child);
		break;
	case IKE_FX_CHILD_STOP_OUTBOUND:
		if (dp_find(s, f->spi_in) != NULL)
			dp_find(s, f->spi_in)->outbound = false;
		break;
	case IKE_FX_CHILD_REMOVE:
		dp_remove(s, f->spi_in);
		break;
	case IKE_FX_PEER_INDEX_CHANGED:
		s->peer_records++;
		break;
	case IKE_FX_CHILD_REPLAY_SYNCED:
		if (dp_find(s, f->spi_in) != NULL)
			dp_find(s, f->spi_in)->synced = true;
		break;
	case IKE_FX_LOG:
		s->logs[f->log.id]++;
		if (getenv("HARNESS_LOG") != NULL)
			fprintf(stderr, "%llu %c %s: %s\n", (unsigned long long)w->now, "AB"[side],
				log_info(f->log.id) -> name, f -> log.detail);
		break;
	default:
		break;
	}
}

/* Effects come in the order of ike/ike.h: at once, records, held. */
static void check_order(const struct ike_outbox *out)
{
	int phase = 0;

	for (size_t i = 0; i < out->n; i++) {
		int p = 0;

		switch (out->fx[i].kind) {
		case IKE_FX_IKE_SA_CHANGED:
		case IKE_FX_CHILD_SA_CHANGED:
		case IKE_FX_IKE_SA_GONE:
		case IKE_FX_CHILD_SA_GONE:
			p = 1;
			break;
		case IKE_FX_SEND:
		case IKE_FX_CHILD_USE_OUTBOUND:
		case IKE_FX_CHILD_SKIP_OUTBOUND:
			p = 2;
			break;
		default:
			break;
		}
		assert_true(p >= phase);
		phase = p;
	}
}

static void step(struct world *w, int side, const struct ike_input *in);
static void take_over(struct world *w, int side, bool suspect);

static void take_job(struct world *w, int side, struct ike_effect *f)
{
	struct ike_job *job = f->job;

	f->job = NULL;
	ike_job_run(job);
	must(w->n_jobs < sizeof(w->jobs) / sizeof(w->jobs[0]));
	w->jobs[w->n_jobs].job = job;
	w->jobs[w->n_jobs++].side = side;
}

void world_jobs(struct world *w)
{
	while (w->n_jobs > 0) {
		struct ike_job *job = w->jobs[0].job;
		int side = w->jobs[0].side;

		memmove(&w->jobs[0], &w->jobs[1], (--w->n_jobs) * sizeof(w->jobs[0]));
		step(w, side, &(struct ike_input){ .kind = IKE_IN_JOB_DONE, .job = job });
	}
}

static void released(struct world *w, int side, const uint64_t *tokens, size_t n)
{
	for (size_t i = 0; i < n; i++)
		step(w, side, &(struct ike_input){ .kind = IKE_IN_RELEASED, .token = tokens[i] });
}

static void step(struct world *w, int side, const struct ike_input *in)
{
	struct side *s = &w->side[side];
	struct ike_outbox out = { 0 };
	uint64_t tokens[64];
	size_t n_tokens = 0;
	enum die_at die = DIE_NOT;

	ike_step(s->engine, w->now, in, &out);
	check_order(&out);
	if (out.n > 0 && ++s->steps == s->die_step)
		die = s->die_at;
	if (die != DIE_BEFORE_COMMIT) {
		for (size_t i = 0; i < out.n; i++)
			at_once(w, side, &out.fx[i]);
		for (size_t i = 0; i < out.n; i++)
			replicate(s, &out.fx[i]);
	}
	for (size_t i = 0; i < out.n && (die == DIE_NOT || die == DIE_AFTER_SEND); i++) {
		struct ike_effect *f = &out.fx[i];

		if (f->kind == IKE_FX_SEND || f->kind == IKE_FX_SEND_NOW)
			transmit(w, side, f);
		if (f->kind == IKE_FX_CHILD_USE_OUTBOUND)
			dp_use(w, s, f->spi_in);
		if (f->kind == IKE_FX_CHILD_SKIP_OUTBOUND && dp_find(s, f->spi_in) != NULL)
			dp_find(s, f->spi_in)->skipped += f->delta;
		if (f->kind == IKE_FX_SEND && f->token != 0 && n_tokens < 64)
			tokens[n_tokens++] = f->token;
		if (f->kind == IKE_FX_JOB)
			take_job(w, side, f);
	}
	ike_outbox_clear(&out);
	if (die != DIE_NOT)
		take_over(w, side, false);
	else
		released(w, side, tokens, n_tokens);
}

void world_input(struct world *w, int side, const struct ike_input *in)
{
	step(w, side, in);
	if (!w->hold_jobs)
		world_jobs(w);
}

struct copy_ctx {
	struct ike_engine *from, *to;
};

static void copy_sa(void *ctx, const struct ike_sa_state *s)
{
	struct copy_ctx *c = ctx;
	struct ike_sa_state copy;

	if (ike_export_sa(c->from, ike_sa_state_spi(s), &copy) != R_OK)
		return;
	assert_int_equal(ike_import_sa(c->to, &copy), R_OK);
	ike_sa_state_clear(&copy);
}

static void copy_child(void *ctx, const struct child_sa_state *s)
{
	struct copy_ctx *c = ctx;

	assert_int_equal(ike_import_child(c->to, s), R_OK);
}

static void copy_index(void *ctx, const struct tunnel_entry *t)
{
	struct copy_ctx *c = ctx;

	assert_int_equal(ike_import_peer_index(c->to, &t->s), R_OK);
}

static void install_standby(void *ctx, const struct child_sa_state *s)
{
	dp_install(ctx, s);
}

struct spis {
	uint32_t spi[DP_MAX];
	size_t n;
};

static void note_spi(void *ctx, const struct child_sa_state *s)
{
	struct spis *l = ctx;

	must(l->n < DP_MAX);
	l->spi[l->n++] = s->spi_in;
}

static void tell_deltas(struct world *w, int side)
{
	struct spis l = { .n = 0 };

	if (w->side[side].replay_delta == 0)
		return;
	ike_each_child(w->side[side].engine, 0, note_spi, &l);
	for (size_t i = 0; i < l.n; i++)
		step(w, side,
		     &(struct ike_input){ .kind = IKE_IN_REPLAY_DELTA,
					  .spi_in = l.spi[i],
					  .delta = w->side[side].replay_delta });
}

static void take_over(struct world *w, int side, bool suspect)
{
	struct side *s = &w->side[side];
	uint8_t slot = s->slot;
	size_t kept = 0;

	must(s->standby != NULL);
	for (size_t i = 0; i < w->n_jobs; i++) {
		if (w->jobs[i].side == side)
			ike_job_free(w->jobs[i].job);
		else
			w->jobs[kept++] = w->jobs[i];
	}
	w->n_jobs = kept;
	assert_int_equal(ike_next_deadline(s->standby), TIMER_NEVER);
	ike_engine_free(s->engine);
	s->engine = s->standby;
	s->slot = s->standby_slot;
	s->standby_slot = slot;
	s->standby = engine_new(w, side, slot);
	s->term++;
	s->takeovers++;
	s->die_at = DIE_NOT;
	dp_clear(s);
	ike_each_child(s->engine, 0, install_standby, s);

	struct copy_ctx ctx = { .from = s->engine, .to = s->standby };

	ike_each_sa(s->engine, copy_sa, &ctx);
	ike_each_child(s->engine, 0, copy_child, &ctx);
	ike_each_map(s->engine, copy_index, &ctx);
	tell_deltas(w, side);
	if (suspect)
		s->suspect_term = s->term;
	step(w, side,
	     &(struct ike_input){ .kind = IKE_IN_ACTIVATE,
				  .term = s->term,
				  .suspect = suspect,
				  .suspect_term = s->suspect_term });
}

void world_takeover(struct world *w, int side, bool suspect)
{
	take_over(w, side, suspect);
	if (!w->hold_jobs)
		world_jobs(w);
}

void world_restart(struct world *w, int side)
{
	world_input(w, side, &(struct ike_input){ .kind = IKE_IN_DEACTIVATE });
	dp_clear(&w->side[side]);
	world_input(w, side,
		    &(struct ike_input){ .kind = IKE_IN_ACTIVATE, .term = ++w->side[side].term });
}

/* ---- time ---- */

static size_t next_packet(const struct world *w)
{
	size_t best = SIZE_MAX;

	for (size_t i = 0; i < w->n_net; i++) {
		if (best == SIZE_MAX || w->net[i].at_ms < w->net[best].at_ms)
			best = i;
	}
	return best;
}

void world_run_until(struct world *w, uint64_t t)
{
	for (;;) {
		size_t p = w->hold_net ? SIZE_MAX : next_packet(w);
		uint64_t at_packet = p == SIZE_MAX ? TIMER_NEVER : w->net[p].at_ms;
		uint64_t at[2] = { ike_next_deadline(w->side[A].engine),
				   ike_next_deadline(w->side[B].engine) };
		int side = at[A] <= at[B] ? A : B;
		uint64_t next = at[side] < at_packet ? at[side] : at_packet;

		if (next > t)
			break;
		if (next > w->now)
			w->now = next;
		if (at_packet <= at[side])
			world_deliver(w, p);
		else
			world_input(w, side, &(struct ike_input){ .kind = IKE_IN_TIMER });
	}
	w->now = t;
}

void world_run(struct world *w, uint64_t ms)
{
	world_run_until(w, w->now + ms);
}
