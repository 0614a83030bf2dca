/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	holdfast-sim [--first K] --seeds N      N seeds; a sweep; seeds twice; every broken variant
 *	holdfast-sim --seed S [-v] [--break NAME]
 *	holdfast-sim --determinism [--first K] [--seeds N]
 *	holdfast-sim --break NAME [--first K] [--seeds N]
 *	holdfast-sim --sweep [--first K]        one kill at each boundary of one seed
 *
 * Each seed runs in a process of its own, so that an assertion of the product
 * fails its seed and not the others. Results go to stdout as lines "ok ..."
 * and "not ok ...", traces of failed seeds to stderr. Exit status 0: no law
 * was broken, and every broken variant broke its own.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "ha-tests/sim/seeded_rand.h"
#include "ha-tests/sim/sim.h"

#define TWICE_SEEDS  3
#define SWEEP_MAX    400
#define BROKEN_SEEDS 300 /* a variant that nothing notices in so many is not noticed */

struct arguments {
	uint64_t first, count;
	bool one, verbose, determinism, sweep;
	enum die_at kill_at;
	unsigned int kill_count;
	const struct broken *broken;
};

typedef unsigned long long ull;

static void add(struct sim_stats *sum, const struct sim_stats *x)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)x;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static void print_stats(const struct sim_stats *t)
{
	printf("# %llu events, %llu exchanges, %llu faults, %llu takeovers, %llu handovers, %llu suspect\n",
	       (ull)t->events, (ull)t->exchanges, (ull)t->faults, (ull)t->takeovers,
	       (ull)t->handovers, (ull)t->suspects);
	printf("# %llu IKE messages, %llu ESP packets, %llu delivered, %llu not delivered, %llu replayed\n",
	       (ull)t->ike_sent, (ull)t->esp_sent, (ull)t->delivered, (ull)t->lost,
	       (ull)t->replayed);
	printf("# %llu synchronizations of message ids, %llu answered\n", (ull)t->syncs,
	       (ull)t->syncs_answered);
	printf("# %llu authentications, %llu lifetimes run out, %llu split brains (%llu numbers used twice in them), "
	       "%llu states lost, %llu runs excused from law 7's lineage\n",
	       (ull)t->auths, (ull)t->expired, (ull)t->split_brains, (ull)t->split_numbers,
	       (ull)t->state_losses, (ull)t->excused);
}

/* ---- one seed in a process of its own ---- */

static struct sim_result *shared;

static struct sim_result run_forked(const struct sim_options *opt)
{
	int status = 0;

	memset(shared, 0, sizeof(*shared));
	fflush(NULL);
	pid_t pid = fork();
	must(pid >= 0);
	if (pid == 0) {
		sim_run(opt, shared);
		fflush(NULL);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	struct sim_result r = *shared;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return r;
	r.ok = false;
	r.law = 0;
	if (WIFSIGNALED(status))
		snprintf(r.why, sizeof(r.why), "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(r.why, sizeof(r.why), "ended with status %d", WEXITSTATUS(status));
	return r;
}

static void print_failure(uint64_t seed, const struct sim_result *r)
{
	char law[16] = "crash";

	if (r->law)
		snprintf(law, sizeof(law), "law %u", r->law);
	printf("not ok sim seed %llu %s: %s; again: holdfast-sim --seed %llu -v\n", (ull)seed, law,
	       r->why, (ull)seed);
}

/* ---- what can be asked for ---- */

static bool run_seeds(const struct arguments *a)
{
	struct sim_stats sum = { 0 };
	uint64_t failed = 0, fewest = UINT64_MAX;

	for (uint64_t seed = a->first; seed < a->first + a->count; seed++) {
		struct sim_options opt = { .seed = seed };
		struct sim_result r = run_forked(&opt);
		add(&sum, &r.stats);
		if (r.ok && r.stats.exchanges < fewest)
			fewest = r.stats.exchanges;
		if (r.ok)
			continue;
		failed++;
		print_failure(seed, &r);
	}
	print_stats(&sum);
	printf("%s sim seeds %llu..%llu (%llu kept the laws; %llu events, %llu faults, %llu exchanges, at least %llu per seed)\n",
	       failed ? "not ok" : "ok", (ull)a->first, (ull)(a->first + a->count - 1),
	       (ull)(a->count - failed), (ull)sum.events, (ull)sum.faults, (ull)sum.exchanges,
	       (ull)(fewest == UINT64_MAX ? 0 : fewest));
	return !failed;
}

static bool run_twice(uint64_t from, uint64_t count)
{
	for (uint64_t seed = from; seed < from + count; seed++) {
		struct sim_options opt = { .seed = seed };
		struct sim_result first = run_forked(&opt), again = run_forked(&opt);
		if (first.stats.events &&
		    memcmp(first.digest, again.digest, sizeof(first.digest)) == 0)
			continue;
		printf("not ok sim determinism: two runs of seed %llu differ\n", (ull)seed);
		return false;
	}
	printf("ok sim determinism: the same seed twice gives the same trace (seeds %llu..%llu)\n",
	       (ull)from, (ull)(from + count - 1));
	return true;
}

/* Quietly: a trace of what is meant to fail would only be in the way. */
static bool run_broken(const struct broken *b, uint64_t from, uint64_t count)
{
	if (!broken_apply(b)) {
		printf("skip sim broken %s: built without impairments\n", b->name);
		return true;
	}
	for (uint64_t seed = from; seed < from + count; seed++) {
		struct sim_options opt = { .seed = seed, .broken = b, .quiet = true };
		struct sim_result r = run_forked(&opt);
		if (r.law != b->law)
			continue;
		printf("ok sim broken %s: seed %llu breaks law %u (%s)\n", b->name, (ull)seed,
		       r.law, r.why);
		return true;
	}
	printf("not ok sim broken %s: law %u is kept in seeds %llu..%llu\n", b->name, b->law,
	       (ull)from, (ull)(from + count - 1));
	return false;
}

/*
 * The owner of settled tunnels is killed before, and after, each datagram that
 * it sends and after each message to the group: one run for each.
 */
static bool run_sweep(uint64_t seed)
{
	static const enum die_at moments[] = { DIE_BEFORE_SEND, DIE_AFTER_SEND, DIE_AFTER_MCAST };
	uint64_t runs = 0, failed = 0;

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		struct sim_result r = { .stats.killed = 1 };
		for (unsigned int n = 1; n <= SWEEP_MAX && r.stats.killed; n++) {
			struct sim_options opt = { .seed = seed,
						   .kill_at = moments[i],
						   .kill_count = n };
			r = run_forked(&opt);
			runs++;
			if (r.ok)
				continue;
			failed++;
			printf("not ok sim sweep seed %llu law %u: %s; again: holdfast-sim --seed %llu --kill %d:%u -v\n",
			       (ull)seed, r.law, r.why, (ull)seed, (int)moments[i], n);
			r.stats.killed = 1;
		}
	}
	printf("%s sim sweep seed %llu: the owner killed at each boundary (%llu runs)\n",
	       failed ? "not ok" : "ok", (ull)seed, (ull)runs);
	return !failed;
}

static bool run_all(const struct arguments *a)
{
	bool ok = run_seeds(a);

	ok = run_sweep(a->first) && ok;
	ok = run_twice(a->first, a->count < TWICE_SEEDS ? a->count : TWICE_SEEDS) && ok;
	for (const struct broken *b = broken_variants; b->name; b++)
		ok = run_broken(b, a->first, BROKEN_SEEDS) && ok;
	return ok;
}

static bool run_one(const struct arguments *a)
{
	struct sim_options opt = { .seed = a->first,
				   .verbose = a->verbose,
				   .broken = a->broken,
				   .kill_at = a->kill_at,
				   .kill_count = a->kill_count };
	struct sim_result r;

	sim_run(&opt, &r);
	print_stats(&r.stats);
	if (r.ok)
		printf("ok sim seed %llu (trace %02x%02x%02x%02x)\n", (ull)a->first, r.digest[0],
		       r.digest[1], r.digest[2], r.digest[3]);
	else
		print_failure(a->first, &r);
	return r.ok;
}

/* MOMENT:COUNT, as run_sweep() prints it. */
static bool parse_kill(const char *text, struct arguments *a)
{
	unsigned int moment;

	if (sscanf(text, "%u:%u", &moment, &a->kill_count) != 2 || moment > DIE_AFTER_ROLE)
		return false;
	a->kill_at = (enum die_at)moment;
	return true;
}

static bool parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "seeds", required_argument, NULL, 'n' },
		{ "first", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' },
		{ "determinism", no_argument, NULL, 'd' },
		{ "break", required_argument, NULL, 'b' },
		{ "sweep", no_argument, NULL, 'w' },
		{ "kill", required_argument, NULL, 'k' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*a = (struct arguments){ .first = 1, .count = 20 };
	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			a->count = strtoull(optarg, NULL, 10);
			break;
		case 's':
			a->one = true;
			/* fall through */
		case 'f':
			a->first = strtoull(optarg, NULL, 10);
			break;
		case 'd':
			a->determinism = true;
			break;
		case 'b':
			a->broken = broken_find(optarg);
			if (!a->broken)
				return false;
			break;
		case 'w':
			a->sweep = true;
			break;
		case 'k':
			if (!parse_kill(optarg, a))
				return false;
			break;
		case 'v':
			a->verbose = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc && a->count > 0;
}

static void usage(void)
{
	fprintf(stderr,
		"holdfast-sim [--first K] [--seeds N] [--determinism | --break NAME]\n"
		"holdfast-sim --seed S [-v] [--break NAME | --kill MOMENT:COUNT]\nholdfast-sim --sweep [--first K]\nNAME:");
	for (const struct broken *b = broken_variants; b->name; b++)
		fprintf(stderr, " %s", b->name);
	fprintf(stderr, "\n");
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
	if (a.one)
		return !run_one(&a);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	must(shared != MAP_FAILED);
	if (a.sweep)
		return !run_sweep(a.first);
	if (a.determinism)
		return !run_twice(a.first, a.count);
	return !(a.broken ? run_broken(a.broken, a.first, a.count) : run_all(&a));
}
