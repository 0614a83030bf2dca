/* SPDX-License-Identifier: Apache-2.0 */
#include "ha-tests/sim/runner.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "ike/crypto.h"

#define JOBS_MAX   64
#define KEPT_BYTES (32 * 1024 * 1024) /* glibc takes no more for M_MMAP_THRESHOLD */

struct job {
	pid_t pid; /* 0: free */
	struct sim_options opt;
	struct sim_result *result; /* shared with the child */
};

static void start(struct job *j)
{
	memset(j->result, 0, sizeof(*j->result));
	fflush(NULL);
	j->pid = fork();
	must(j->pid >= 0);
	if (j->pid == 0) {
		sim_run(&j->opt, j->result);
		fflush(NULL);
		_exit(0);
	}
}

static void judge(struct sim_result *r, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	r->ok = false;
	r->law = 0;
	if (WIFSIGNALED(status))
		snprintf(r->why, sizeof(r->why), "ended by signal %d (%s)", WTERMSIG(status),
			 strsignal(WTERMSIG(status)));
	else
		snprintf(r->why, sizeof(r->why), "ended with status %d", WEXITSTATUS(status));
}

static struct job *wait_for_one(struct job *jobs, unsigned int n)
{
	int status;
	pid_t pid;

	while ((pid = wait(&status)) < 0)
		must(errno == EINTR);
	for (unsigned int i = 0; i < n; i++)
		if (jobs[i].pid == pid) {
			jobs[i].pid = 0;
			judge(jobs[i].result, status);
			return &jobs[i];
		}
	return NULL;
}

/* What each run would fetch from OpenSSL's providers is inherited, and no run gives memory back. */
static void warm_up(void)
{
	struct ike_crypto *c = ike_crypto_new();

	must(c);
	ike_crypto_free(c);
	/* Another allocator (AddressSanitizer's) knows neither. */
	(void)mallopt(M_MMAP_THRESHOLD, KEPT_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, KEPT_BYTES);
}

void runner_run(const struct runs *runs)
{
	unsigned int n = runs->jobs < JOBS_MAX ? runs->jobs : JOBS_MAX, running = 0;
	struct job jobs[JOBS_MAX] = { 0 };
	size_t size = n * sizeof(struct sim_result);
	struct sim_result *results = mmap(NULL, size, PROT_READ | PROT_WRITE,
					  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(results != MAP_FAILED);
	warm_up();
	for (;;) {
		struct job *j = NULL;
		for (unsigned int i = 0; i < n && !j; i++)
			if (!jobs[i].pid)
				j = &jobs[i];
		if (j && runs->next(runs->ctx, &j->opt)) {
			j->result = &results[j - jobs];
			start(j);
			running++;
			continue;
		}
		if (!running)
			break;
		j = wait_for_one(jobs, n);
		if (!j)
			continue;
		running--;
		runs->done(runs->ctx, &j->opt, j->result);
	}
	munmap(results, size);
}

/* ---- one ---- */

struct single {
	const struct sim_options *opt;
	struct sim_result result;
	bool begun;
};

static bool single_next(void *ctx, struct sim_options *opt)
{
	struct single *one = ctx;

	if (one->begun)
		return false;
	one->begun = true;
	*opt = *one->opt;
	return true;
}

static void single_done(void *ctx, const struct sim_options *opt, const struct sim_result *r)
{
	struct single *one = ctx;

	(void)opt;
	one->result = *r;
}

struct sim_result runner_one(const struct sim_options *opt)
{
	struct single one = { .opt = opt };
	const struct runs runs = {
		.jobs = 1, .ctx = &one, .next = single_next, .done = single_done
	};

	runner_run(&runs);
	return one.result;
}
