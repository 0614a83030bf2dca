/* SPDX-License-Identifier: Apache-2.0 */
/*
 *	holdfast-sim [--seeds N] [--first K] [--seed S [-v]] [--determinism] [--break RULE]
 *
 * Each seed runs in a process of its own, so that an assertion of the product
 * fails its seed and not the others. Results go to stdout as one line each,
 * traces of failed seeds to stderr. Exit status 0: no law was broken (with
 * --break: one was).
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

struct arguments {
	uint64_t first, count;
	bool one, verbose, determinism;
	const char *broken;
};

static void add(struct sim_stats *sum, const struct sim_stats *x)
{
	uint64_t *to = (uint64_t *)sum;
	const uint64_t *from = (const uint64_t *)x;

	for (size_t i = 0; i < sizeof(*sum) / sizeof(uint64_t); i++)
		to[i] += from[i];
}

static void print_stats(const struct sim_stats *t)
{
	printf("# events %llu, exchanges %llu, faults %llu, takeovers %llu, handovers %llu, suspect %llu\n",
	       (unsigned long long)t->events, (unsigned long long)t->exchanges, (unsigned long long)t->faults,
	       (unsigned long long)t->takeovers, (unsigned long long)t->handovers, (unsigned long long)t->suspects);
	printf("# IKE messages %llu, ESP packets %llu, delivered %llu, not delivered %llu, replayed %llu\n",
	       (unsigned long long)t->ike_sent, (unsigned long long)t->esp_sent, (unsigned long long)t->delivered,
	       (unsigned long long)t->lost, (unsigned long long)t->replayed);
	printf("# authentications %llu, lifetimes run out %llu, split brains %llu (numbers used twice in them %llu), states lost %llu\n",
	       (unsigned long long)t->auths, (unsigned long long)t->expired, (unsigned long long)t->split_brains,
	       (unsigned long long)t->split_numbers, (unsigned long long)t->state_losses);
}

/* ---- one seed in a process of its own ---- */

static void run_forked(const struct sim_options *opt, struct sim_result *shared)
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
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	shared->ok = false;
	shared->law = 0;
	if (WIFSIGNALED(status))
		snprintf(shared->why, sizeof(shared->why), "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(shared->why, sizeof(shared->why), "ended with status %d", WEXITSTATUS(status));
}

static void print_failure(const struct arguments *a, uint64_t seed, const struct sim_result *r)
{
	char law[16] = "crash";

	if (r->law)
		snprintf(law, sizeof(law), "law %u", r->law);
	printf("not ok sim seed %llu %s: %s; again: holdfast-sim%s%s --seed %llu -v\n", (unsigned long long)seed, law,
	       r->why, a->broken ? " --break " : "", a->broken ? a->broken : "", (unsigned long long)seed);
}

static int run_many(const struct arguments *a, struct sim_result *shared)
{
	struct sim_stats sum = { 0 };
	uint64_t failed = 0, fewest = UINT64_MAX;

	for (uint64_t seed = a->first; seed < a->first + a->count; seed++) {
		struct sim_options opt = { .seed = seed, .broken = a->broken };
		run_forked(&opt, shared);
		add(&sum, &shared->stats);
		if (shared->ok) {
			fewest = shared->stats.exchanges < fewest ? shared->stats.exchanges : fewest;
			continue;
		}
		failed++;
		if (!a->broken)
			print_failure(a, seed, shared);
	}
	print_stats(&sum);
	printf("%s sim%s%s seeds %llu..%llu (%llu of %llu kept the laws; %llu faults, %llu exchanges, at least %llu per seed)\n",
	       (failed == 0) == (a->broken == NULL) ? "ok" : "not ok", a->broken ? " broken " : "", a->broken ? a->broken : "",
	       (unsigned long long)a->first, (unsigned long long)(a->first + a->count - 1),
	       (unsigned long long)(a->count - failed), (unsigned long long)a->count, (unsigned long long)sum.faults,
	       (unsigned long long)sum.exchanges, (unsigned long long)(fewest == UINT64_MAX ? 0 : fewest));
	return (failed == 0) != (a->broken == NULL);
}

static int run_one(const struct arguments *a)
{
	struct sim_options opt = { .seed = a->first, .verbose = a->verbose, .broken = a->broken };
	struct sim_result r;

	sim_run(&opt, &r);
	print_stats(&r.stats);
	if (r.ok)
		printf("ok sim seed %llu\n", (unsigned long long)a->first);
	else
		print_failure(a, a->first, &r);
	return !r.ok;
}

static int run_twice(const struct arguments *a, struct sim_result *shared)
{
	for (uint64_t seed = a->first; seed < a->first + a->count; seed++) {
		struct sim_options opt = { .seed = seed };
		run_forked(&opt, shared);
		struct sim_result first = *shared;
		run_forked(&opt, shared);
		if (memcmp(first.digest, shared->digest, sizeof(first.digest)) == 0 && first.stats.events)
			continue;
		printf("not ok sim determinism seed %llu: two runs differ\n", (unsigned long long)seed);
		return 1;
	}
	printf("ok sim determinism: the same seed twice gives the same trace (seeds %llu..%llu)\n",
	       (unsigned long long)a->first, (unsigned long long)(a->first + a->count - 1));
	return 0;
}

static bool parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{ "seeds", required_argument, NULL, 'n' }, { "first", required_argument, NULL, 'f' },
		{ "seed", required_argument, NULL, 's' }, { "determinism", no_argument, NULL, 'd' },
		{ "break", required_argument, NULL, 'b' }, { NULL, 0, NULL, 0 },
	};
	int c;

	*a = (struct arguments){ .first = 1, .count = 20 };
	while ((c = getopt_long(argc, argv, "v", options, NULL)) != -1) {
		switch (c) {
		case 'n':
			a->count = strtoull(optarg, NULL, 10);
			break;
		case 'f':
			a->first = strtoull(optarg, NULL, 10);
			break;
		case 's':
			a->first = strtoull(optarg, NULL, 10);
			a->one = true;
			break;
		case 'd':
			a->determinism = true;
			break;
		case 'b':
			a->broken = optarg;
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

int main(int argc, char **argv)
{
	struct arguments a;

	if (!parse(argc, argv, &a)) {
		fprintf(stderr, "holdfast-sim [--seeds N] [--first K] [--seed S [-v]] [--determinism] [--break RULE]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	seeded_rand_install();
	if (a.one)
		return run_one(&a);
	struct sim_result *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED);
	return a.determinism ? run_twice(&a, shared) : run_many(&a, shared);
}
