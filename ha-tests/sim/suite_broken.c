/* SPDX-License-Identifier: Apache-2.0 */
/* holdfast-sim --break: each rule broken, and the law that notices. */
#include "base/must.h"
#include "ha-tests/sim/suites.h"

#define BROKEN_SEEDS 200 /* a variant that nothing notices in so many is not noticed */

struct hunt {
	const struct broken *broken;
	uint64_t next, end, crashes;
	bool caught;
	uint64_t seed; /* that noticed, the lowest that has ended */
	struct sim_result result;
};

/* Quietly: a trace of what is meant to fail would only be in the way. */
static bool hunt_next(void *ctx, struct sim_options *opt)
{
	struct hunt *h = ctx;

	if (h->caught || h->next == h->end)
		return false;
	*opt = (struct sim_options){ .seed = h->next++, .broken = h->broken, .quiet = true };
	return true;
}

static void hunt_done(void *ctx, const struct sim_options *opt, const struct sim_result *r)
{
	struct hunt *h = ctx;

	h->crashes += !r->ok && !r->law;
	if (!r->law || (h->caught && opt->seed > h->seed))
		return;
	h->caught = true;
	h->seed = opt->seed;
	h->result = *r;
}

/* It is the breakage that was noticed: without it the same seed keeps the laws. */
static bool is_cause(const struct hunt *h)
{
	const struct broken control = broken_control(h->broken);
	const struct sim_options opt = { .seed = h->seed, .broken = &control, .quiet = true };

	must(broken_apply(&control));
	return runner_one(&opt).ok;
}

static bool judge_broken(const struct arguments *a, const struct hunt *h)
{
	const struct broken *b = h->broken;
	char law[16];

	if (!h->caught)
		printf("not ok sim broken %s (%s): no law that must notices it in seeds %llu..%llu (%llu crashes)\n",
		       b->name, b->what, (ull)a->first, (ull)(h->end - 1), (ull)h->crashes);
	else if (h->crashes)
		printf("not ok sim broken %s (%s): %llu crashes before seed %llu breaks a law\n",
		       b->name, b->what, (ull)h->crashes, (ull)h->seed);
	else if (!is_cause(h))
		printf("not ok sim broken %s (%s): seed %llu breaks a law unbroken as well\n",
		       b->name, b->what, (ull)h->seed);
	else {
		printf("ok sim broken %s (%s): seed %llu breaks %s: %s\n", b->name, b->what,
		       (ull)h->seed, suite_law_text(&h->result, law), h->result.why);
		return true;
	}
	return false;
}

bool suite_broken(const struct arguments *a, const struct broken *b)
{
	struct hunt h = { .broken = b,
			  .next = a->first,
			  .end = a->first + (a->counted ? a->count : BROKEN_SEEDS) };
	const struct runs runs = {
		.jobs = a->jobs, .ctx = &h, .next = hunt_next, .done = hunt_done
	};

	if (!broken_apply(b)) {
		printf("skip sim broken %s: built without impairments\n", b->name);
		return true;
	}
	runner_run(&runs);
	return judge_broken(a, &h);
}

bool suite_all_broken(const struct arguments *a)
{
	bool ok = true;

	for (const struct broken *b = broken_variants; b->name; b++)
		ok = suite_broken(a, b) && ok;
	return ok;
}
