/* SPDX-License-Identifier: Apache-2.0 */
/* holdfast-sim --matrix: each cell of the IKE table by a fault. */
#include "base/must.h"
#include "ha-tests/sim/suites.h"
#include "ike/tunnel_manager.h"

#define DIRECTED_MAX 128

struct cells {
	struct matrix sum;
	uint64_t seed, runs, failed;
	const struct directed *d;
	unsigned int side, kind;
	uint32_t index_seen[DIRECTED_MAX]; /* by the run */
};

struct sim_options suite_directed_options(const struct directed *d, uint64_t seed,
					  enum strike_side side, enum strike_kind kind)
{
	return (struct sim_options){ .seed = seed,
				     .directed = d,
				     .strike = { .armed = true,
						 .row = matrix_row_of(d->row),
						 .side = side,
						 .kind = kind } };
}

static bool cells_next(void *ctx, struct sim_options *opt)
{
	struct cells *c = ctx;

	if (!c->d->name)
		return false;
	*opt = suite_directed_options(c->d, c->seed++, (enum strike_side)c->side,
				      (enum strike_kind)c->kind);
	if (++c->kind < STRIKE_KINDS)
		return true;
	c->kind = 0;
	if (++c->side < STRIKE_SIDES)
		return true;
	c->side = 0;
	c->d++;
	return true;
}

static void cells_done(void *ctx, const struct sim_options *opt, const struct sim_result *r)
{
	struct cells *c = ctx;
	const struct strike *st = &opt->strike;
	char law[16];

	c->runs++;
	suite_add_matrix(&c->sum, &r->matrix);
	must(opt->directed - directed_runs < DIRECTED_MAX);
	c->index_seen[opt->directed - directed_runs] |= r->index_seen;
	const bool hit = r->matrix.hits[st->row][st->side][st->kind];
	if (r->ok && hit && directed_done(opt->directed, r->index_seen))
		return;
	c->failed++;
	printf("not ok sim matrix '%s' %s: %s; again: holdfast-sim --seed %llu --strike %u:%u:%u -v\n",
	       opt->directed->name,
	       !r->ok ? suite_law_text(r, law)
	       : hit  ? "misses its condition"
		      : "misses its row",
	       r->why, (ull)opt->seed, (unsigned int)(opt->directed - directed_runs),
	       (unsigned int)st->side, (unsigned int)st->kind);
}

/* A run may show another condition of the peer index than its own, but not under every fault. */
static unsigned int conditions_missed(const struct cells *c)
{
	unsigned int missed = 0;

	for (const struct directed *d = directed_runs; d->name; d++) {
		if (!d->condition || d->condition == TUNNEL_HA_SWITCHOVER ||
		    c->index_seen[d - directed_runs] & 1u << d->condition)
			continue;
		printf("not ok sim matrix '%s' never shows '%s'\n", d->name,
		       tunnel_condition_text((uint32_t)d->condition));
		missed++;
	}
	return missed;
}

bool suite_matrix(const struct arguments *a)
{
	struct cells c = { .seed = a->first, .d = directed_runs };
	const struct runs runs = {
		.jobs = a->jobs, .ctx = &c, .next = cells_next, .done = cells_done
	};

	runner_run(&runs);
	c.failed += conditions_missed(&c);
	matrix_print(&c.sum);
	unsigned int empty = matrix_empty(&c.sum);
	printf("%s sim matrix: %u rows, %u cells that can be reached are empty (%llu runs, %llu failed)\n",
	       empty || c.failed ? "not ok" : "ok", matrix_rows(), empty, (ull)c.runs,
	       (ull)c.failed);
	return !empty && !c.failed;
}
