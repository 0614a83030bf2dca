/* SPDX-License-Identifier: Apache-2.0 */
/* What main.c can be asked for, where that is more than runs of seeds. */
#ifndef HF_SIM_SUITES_H
#define HF_SIM_SUITES_H

#include "ha-tests/sim/runner.h"

struct arguments {
	uint64_t first, count;
	struct strike strike;
	const struct directed *directed;
	uint64_t skip;
	bool minimal, all, matrix, one, verbose, determinism, sweep, all_broken, counted;
	unsigned int jobs;
	enum die_at kill_at;
	unsigned int kill_count;
	const struct broken *broken;
	const struct fault_kind *fault;
};

typedef unsigned long long ull;

/* suite_matrix.c */
bool suite_matrix(const struct arguments *a);
struct sim_options suite_directed_options(const struct directed *d, uint64_t seed,
					  enum strike_side side, enum strike_kind kind);
/* suite_broken.c */
bool suite_broken(const struct arguments *a, const struct broken *b);
bool suite_all_broken(const struct arguments *a);
/* main.c */
const char *suite_law_text(const struct sim_result *r, char out[16]);
void suite_add_matrix(struct matrix *sum, const struct matrix *x);

#endif
