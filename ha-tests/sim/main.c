/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	holdfast-sim [--first K] --seeds N        N seeds
 *	holdfast-sim --all ...                    the same, the matrix, a sweep, seeds twice
 *	holdfast-sim --matrix [--first K]         a fault at each row of the IKE table
 *	holdfast-sim --fault NAME [--first K] --seeds N   the same, each fault of them is this one
 *	holdfast-sim --sweep [--first K]          one kill at each boundary of one seed
 *	holdfast-sim --determinism [--first K] [--seeds N]
 *	holdfast-sim --break NAME|all [--first K] [--seeds N]
 *	holdfast-sim --seed S [-v | --minimal] [--skip FAULTS]
 *	             [--fault NAME] [--break NAME | --kill MOMENT:COUNT | --strike RUN:SIDE:KIND]
 *
 * Results go to stdout as lines "ok ..." and "not ok ...", traces of failed
 * seeds to stderr. Exit status 0: no law was broken, and every broken variant
 * broke its own.
 */
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "base/must.h"
#include "ha-tests/sim/seeded_rand.h"
#include "ha-tests/sim/suites.h"

#define TWICE_SEEDS 3
#define SWEEP_MAX   400

static void add(struct sim_stats *sum, const struct sim_stats *x)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)x;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static void print_stats(const struct sim_stats *t)
{
	printf("# %llu events, %llu exchanges, %llu faults, %llu takeovers, %llu handovers, %llu suspect; "
	       "%llu seeds with real Diffie-Hellman groups\n",
	       (ull)t->events, (ull)t->exchanges, (ull)t->faults, (ull)t->takeovers,
	       (ull)t->handovers, (ull)t->suspects, (ull)t->real_groups);
	printf("# %llu IKE messages, %llu ESP packets, %llu delivered, %llu not delivered, %llu replayed\n",
	       (ull)t->ike_sent, (ull)t->esp_sent, (ull)t->delivered, (ull)t->lost,
	       (ull)t->replayed);
	printf("# %llu synchronizations of message ids, %llu answered; %llu IVs used twice after a stale disk\n",
	       (ull)t->syncs, (ull)t->syncs_answered, (ull)t->unheard_ivs);
	printf("# %llu authentications, %llu lifetimes run out, %llu split brains (%llu numbers used twice in them), "
	       "%llu states lost, %llu excuses from law 7's lineage (%llu ended, %llu authentications beside what was to end)\n",
	       (ull)t->auths, (ull)t->expired, (ull)t->split_brains, (ull)t->split_numbers,
	       (ull)t->state_losses, (ull)t->excused, (ull)t->excuses_ended, (ull)t->beside);
}

const char *suite_law_text(const struct sim_result *r, char out[16])
{
	snprintf(out, 16, r->law ? "law %u" : "crash", r->law);
	return out;
}

static void print_failure(uint64_t seed, const struct sim_result *r)
{
	char law[16];

	printf("not ok sim seed %llu %s: %s; again: make sim SEED=%llu\n", (ull)seed,
	       suite_law_text(r, law), r->why, (ull)seed);
}

void suite_add_matrix(struct matrix *sum, const struct matrix *x)
{
	for (unsigned int row = 0; row < MATRIX_ROWS; row++) {
		sum->taken[row] += x->taken[row];
		for (unsigned int i = 0; i < STRIKE_SIDES * STRIKE_KINDS; i++)
			sum->hits[row][i / STRIKE_KINDS][i % STRIKE_KINDS] +=
				x->hits[row][i / STRIKE_KINDS][i % STRIKE_KINDS];
	}
}

/* ---- seeds ---- */

struct seeds {
	uint64_t next, end, failed, fewest;
	const struct fault_kind *fault;
	struct sim_stats sum;
	struct matrix matrix;
};

static bool seeds_next(void *ctx, struct sim_options *opt)
{
	struct seeds *k = ctx;

	if (k->next == k->end)
		return false;
	*opt = (struct sim_options){ .seed = k->next++, .fault = k->fault };
	return true;
}

static void seeds_done(void *ctx, const struct sim_options *opt, const struct sim_result *r)
{
	struct seeds *k = ctx;

	add(&k->sum, &r->stats);
	suite_add_matrix(&k->matrix, &r->matrix);
	if (r->ok && r->stats.exchanges < k->fewest)
		k->fewest = r->stats.exchanges;
	if (r->ok)
		return;
	k->failed++;
	print_failure(opt->seed, r);
}

static bool run_seeds(const struct arguments *a, struct matrix *matrix)
{
	struct seeds k = { .next = a->first,
			   .end = a->first + a->count,
			   .fewest = UINT64_MAX,
			   .fault = a->fault };
	const struct runs runs = {
		.jobs = a->jobs, .ctx = &k, .next = seeds_next, .done = seeds_done
	};

	runner_run(&runs);
	*matrix = k.matrix;
	print_stats(&k.sum);
	printf("%s sim seeds %llu..%llu (%llu kept the laws; %llu events, %llu faults, %llu exchanges, at least %llu per seed)\n",
	       k.failed ? "not ok" : "ok", (ull)a->first, (ull)(k.end - 1),
	       (ull)(a->count - k.failed), (ull)k.sum.events, (ull)k.sum.faults,
	       (ull)k.sum.exchanges, (ull)(k.fewest == UINT64_MAX ? 0 : k.fewest));
	return !k.failed;
}

static bool run_twice(uint64_t from, uint64_t count)
{
	for (uint64_t seed = from; seed < from + count; seed++) {
		struct sim_options opt = { .seed = seed };
		struct sim_result first = runner_one(&opt), again = runner_one(&opt);
		if (first.stats.events && digest128_equal(first.digest, again.digest))
			continue;
		printf("not ok sim determinism: two runs of seed %llu differ\n", (ull)seed);
		return false;
	}
	printf("ok sim determinism: the same seed twice gives the same trace (seeds %llu..%llu)\n",
	       (ull)from, (ull)(from + count - 1));
	return true;
}

/* ---- the sweep ---- */

/*
 * The owner of settled tunnels is killed before, and after, each datagram that
 * it sends and after each message to the group: one run for each.
 */
struct sweep {
	uint64_t seed, runs, failed;
	enum die_at moment;
	unsigned int count;
	bool reached_all;
};

static bool sweep_next(void *ctx, struct sim_options *opt)
{
	struct sweep *w = ctx;

	if (w->reached_all || w->count == SWEEP_MAX)
		return false;
	*opt = (struct sim_options){ .seed = w->seed,
				     .kill_at = w->moment,
				     .kill_count = ++w->count };
	return true;
}

static void sweep_done(void *ctx, const struct sim_options *opt, const struct sim_result *r)
{
	struct sweep *w = ctx;

	w->runs++;
	if (r->ok) {
		w->reached_all = w->reached_all || !r->stats.killed;
		return;
	}
	w->failed++;
	printf("not ok sim sweep seed %llu law %u: %s; again: holdfast-sim --seed %llu --kill %d:%u -v\n",
	       (ull)w->seed, r->law, r->why, (ull)w->seed, (int)opt->kill_at, opt->kill_count);
}

static bool run_sweep(const struct arguments *a)
{
	static const enum die_at moments[] = { DIE_BEFORE_SEND, DIE_AFTER_SEND, DIE_AFTER_MCAST };
	struct sweep w = { .seed = a->first };
	const struct runs runs = {
		.jobs = a->jobs, .ctx = &w, .next = sweep_next, .done = sweep_done
	};

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		w.moment = moments[i];
		w.count = 0;
		w.reached_all = false;
		runner_run(&runs);
	}
	printf("%s sim sweep seed %llu: the owner killed at each boundary (%llu runs)\n",
	       w.failed ? "not ok" : "ok", (ull)w.seed, (ull)w.runs);
	return !w.failed;
}

/* ---- what can be asked for ---- */

static bool run_all(const struct arguments *a)
{
	struct matrix matrix;
	bool ok = run_seeds(a, &matrix);

	if (!a->all) {
		matrix_print(&matrix);
		return ok;
	}
	ok = suite_matrix(a) && ok;
	ok = run_sweep(a) && ok;
	return run_twice(a->first, a->count < TWICE_SEEDS ? a->count : TWICE_SEEDS) && ok;
}

/* Leave out each fault without which the same law is still broken. */
static void minimize(struct sim_options *opt, const struct sim_result *r)
{
	struct sim_options fewer = *opt;

	fewer.quiet = true;
	fewer.verbose = false;
	for (unsigned int i = 0; i < FAULTS_MAX; i++) {
		fewer.skip = opt->skip | 1ull << i;
		struct sim_result again = runner_one(&fewer);
		if (!again.ok && again.law == r->law)
			opt->skip = fewer.skip;
	}
}

static struct sim_options one_options(const struct arguments *a)
{
	return (struct sim_options){ .seed = a->first,
				     .verbose = a->verbose,
				     .broken = a->broken,
				     .fault = a->fault,
				     .skip = a->skip,
				     .strike = a->strike,
				     .directed = a->directed,
				     .kill_at = a->kill_at,
				     .kill_count = a->kill_count };
}

/* A failure is traced with as few faults as it needs. */
static bool run_seed(const struct arguments *a)
{
	struct sim_options opt = one_options(a);

	opt.quiet = true;
	opt.verbose = false;
	struct sim_result r = runner_one(&opt);
	if (r.ok || a->verbose)
		return r.ok;
	minimize(&opt, &r);
	opt.quiet = false;
	opt.verbose = true;
	r = runner_one(&opt);
	print_failure(a->first, &r);
	printf("# with as few faults: holdfast-sim --seed %llu%s%s%s%s --skip %llu -v\n",
	       (ull)a->first, a->fault ? " --fault " : "", a->fault ? a->fault->name : "",
	       a->broken ? " --break " : "", a->broken ? a->broken->name : "", (ull)opt.skip);
	return false;
}

static bool run_one(const struct arguments *a)
{
	struct sim_options opt = one_options(a);
	struct sim_result r;

	sim_run(&opt, &r);
	print_stats(&r.stats);
	if (r.ok)
		printf("ok sim seed %llu (trace %016llx%016llx)\n", (ull)a->first, (ull)r.digest.a,
		       (ull)r.digest.b);
	else
		print_failure(a->first, &r);
	return r.ok;
}

/* MOMENT:COUNT, as the sweep prints it. */
static bool parse_kill(const char *text, struct arguments *a)
{
	unsigned int moment;

	if (sscanf(text, "%u:%u", &moment, &a->kill_count) != 2 || moment > DIE_AFTER_ROLE)
		return false;
	a->kill_at = (enum die_at)moment;
	return true;
}

/* RUN:SIDE:KIND, as the matrix prints it. */
static bool parse_strike(const char *text, struct arguments *a)
{
	unsigned int run, side, kind, n = 0;

	while (directed_runs[n].name)
		n++;
	if (sscanf(text, "%u:%u:%u", &run, &side, &kind) != 3 || side >= STRIKE_SIDES ||
	    kind >= STRIKE_KINDS || run >= n)
		return false;
	a->directed = &directed_runs[run];
	a->strike = suite_directed_options(a->directed, 0, (enum strike_side)side,
					   (enum strike_kind)kind)
			    .strike;
	return true;
}

static bool parse_broken(const char *name, struct arguments *a)
{
	a->all_broken = strcmp(name, "all") == 0;
	a->broken = a->all_broken ? NULL : broken_find(name);
	return a->all_broken || a->broken;
}

static bool parse_option(int c, struct arguments *a)
{
	switch (c) {
	case 'n':
		a->count = strtoull(optarg, NULL, 10);
		a->counted = true;
		return a->count > 0;
	case 's':
		a->one = true;
		/* fall through */
	case 'f':
		a->first = strtoull(optarg, NULL, 10);
		return true;
	case 'd':
		a->determinism = true;
		return true;
	case 'b':
		return parse_broken(optarg, a);
	case 'u':
		a->fault = fault_find(optarg);
		return a->fault;
	case 'w':
		a->sweep = true;
		return true;
	case 'i':
		a->minimal = true;
		return true;
	case 'o':
		a->skip = strtoull(optarg, NULL, 10);
		return true;
	case 'a':
		a->all = true;
		return true;
	case 'm':
		a->matrix = true;
		return true;
	case 'x':
		return parse_strike(optarg, a);
	case 'k':
		return parse_kill(optarg, a);
	case 'j':
		a->jobs = (unsigned int)strtoul(optarg, NULL, 10);
		return a->jobs > 0;
	case 'v':
		a->verbose = true;
		return true;
	default:
		return false;
	}
}

static bool parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "determinism", no_argument, NULL, 'd' },
		{ "break", required_argument, NULL, 'b' },
		{ "fault", required_argument, NULL, 'u' },
		{ "sweep", no_argument, NULL, 'w' },
		{ "minimal", no_argument, NULL, 'i' },
		{ "skip", required_argument, NULL, 'o' },
		{ "all", no_argument, NULL, 'a' },
		{ "matrix", no_argument, NULL, 'm' },
		{ "strike", required_argument, NULL, 'x' },
		{ "kill", required_argument, NULL, 'k' },
		{ "jobs", required_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	int c;

	*a = (struct arguments){ .first = 1,
				 .count = 20,
				 .jobs = cpus > 0 ? (unsigned int)cpus : 1 };
	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1)
		if (!parse_option(c, a))
			return false;
	return optind == argc;
}

static void usage(void)
{
	fprintf(stderr,
		"holdfast-sim [--first K] [--seeds N] [--jobs J] [--fault NAME | --all | --matrix | --sweep | --determinism | --break NAME|all]\n"
		"holdfast-sim --seed S [-v | --minimal] [--skip FAULTS] [--break NAME | --kill MOMENT:COUNT | --strike RUN:SIDE:KIND]\n\nNAME:\n");
	for (const struct broken *b = broken_variants; b->name; b++)
		fprintf(stderr, "  %-12s %s\n", b->name, b->what);
	fprintf(stderr, "\nfaults:\n");
	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		fprintf(stderr, "  %s\n", k->name);
}

int main(int argc, char **argv)
{
	struct arguments a;

	if (!parse(argc, argv, &a)) {
		usage();
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	seeded_rand_install();
	if (a.one && a.minimal && !run_seed(&a))
		return 1;
	if (a.one)
		return !run_one(&a);
	if (a.sweep)
		return !run_sweep(&a);
	if (a.determinism)
		return !run_twice(a.first, a.count);
	if (a.matrix)
		return !suite_matrix(&a);
	if (a.all_broken)
		return !suite_all_broken(&a);
	return !(a.broken ? suite_broken(&a, a.broken) : run_all(&a));
}
