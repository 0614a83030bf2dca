/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What bench-ha has to know of the machine, and of nothing of ours:
 *
 *	machine stalls		on each processor a thread with Corosync's priority that
 *				sleeps for 2 ms, again and again: what it oversleeps by
 *				more than 5 ms is a line "AT US", as in ike_clients --trace.
 *				The processor was away, or Corosync had it for so long.
 *	machine burn CPU MS	takes CPU ms of processor time, evenly within MS ms
 */
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"

#define MS       1000000ull
#define SLEEP    (2 * MS)
#define LATE     (5 * MS)
#define SLICE    (10 * MS)
#define PRIORITY 99

static uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000 * MS + (uint64_t)t.tv_nsec;
}

static void sleep_ns(uint64_t ns)
{
	const struct timespec t = { .tv_sec = (time_t)(ns / (1000 * MS)),
				    .tv_nsec = (long)(ns % (1000 * MS)) };

	nanosleep(&t, NULL);
}

static void *watch(void *processor)
{
	const struct sched_param priority = { .sched_priority = PRIORITY };
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)(uintptr_t)processor, &one);
	if (pthread_setaffinity_np(pthread_self(), sizeof(one), &one) != 0 ||
	    pthread_setschedparam(pthread_self(), SCHED_RR, &priority) != 0)
		fprintf(stderr, "machine: no real-time priority\n");
	for (;;) {
		const uint64_t from = now_ns(CLOCK_MONOTONIC);
		sleep_ns(SLEEP);
		const uint64_t took = now_ns(CLOCK_MONOTONIC) - from;
		if (took < SLEEP + LATE)
			continue;
		const uint64_t at = now_ns(CLOCK_REALTIME) / 1000 % (86400 * 1000000ull);
		printf("%.3f %llu\n", (double)at / 1000, (unsigned long long)(took / 1000));
		fflush(stdout);
	}
	return NULL;
}

static void stalls(void)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t thread;

	for (long i = 0; i < n; i++)
		must(pthread_create(&thread, NULL, watch, (void *)(uintptr_t)i) == 0);
	for (;;)
		pause();
}

static void burn(uint64_t cpu_ns, uint64_t within_ns)
{
	const uint64_t from = now_ns(CLOCK_MONOTONIC);
	uint64_t passed = 0, used = 0;

	while (used < cpu_ns) {
		if (used * within_ns > cpu_ns * passed && passed < within_ns)
			sleep_ns(SLICE);
		used = now_ns(CLOCK_PROCESS_CPUTIME_ID);
		passed = now_ns(CLOCK_MONOTONIC) - from;
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "stalls") == 0)
		stalls();
	if (argc != 4 || strcmp(argv[1], "burn") != 0) {
		fprintf(stderr, "usage: machine stalls\n       machine burn CPU-MS MS\n");
		return 2;
	}
	burn(strtoull(argv[2], NULL, 10) * MS, strtoull(argv[3], NULL, 10) * MS);
	return 0;
}
