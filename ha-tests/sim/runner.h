/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in processes of their own, so many at a time: an assertion of the
 * product fails its seed and not the others, and all processors are used.
 */
#ifndef HF_SIM_RUNNER_H
#define HF_SIM_RUNNER_H

#include "ha-tests/sim/sim.h"

struct runs {
	unsigned int jobs; /* at a time */
	void *ctx;
	/* What to run next; false: nothing more. */
	bool (*next)(void *ctx, struct sim_options *opt);
	/* In the order in which they end. A process that crashed has law 0 and is not ok. */
	void (*done)(void *ctx, const struct sim_options *opt, const struct sim_result *r);
};

void runner_run(const struct runs *runs);
/* One of them. */
struct sim_result runner_one(const struct sim_options *opt);

#endif
