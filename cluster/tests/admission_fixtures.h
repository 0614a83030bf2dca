/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of R24 at the cluster logic share: what each node has, is told and uses. */
#ifndef HF_CLUSTER_TESTS_ADMISSION_FIXTURES_H
#define HF_CLUSTER_TESTS_ADMISSION_FIXTURES_H

#include "cluster/tests/fixtures.h"

#define LIMIT 40u

static uint32_t in_share[NODES_MAX], limits[NODES_MAX];

static inline struct cl_admission admission(size_t i)
{
	struct cl_admission a;

	cl_admission(w.nodes[i].cl, &a);
	return a;
}

static inline uint32_t share(size_t i)
{
	return admission(i).share;
}

static inline void tell(size_t i)
{
	struct cl_input in = {
		.kind = CL_IN_ADMISSION, .group = GROUP, .limit = limits[i], .in_share = in_share[i]
	};

	node_input(&w.nodes[i], &in);
}

static inline void use(size_t i, uint32_t n)
{
	in_share[i] = n;
	tell(i);
}

static inline void limit(size_t i, uint32_t n)
{
	limits[i] = n;
	tell(i);
}

/* Law 8: of all that run, also of those that hear nothing. */
static inline uint64_t sum(void)
{
	uint64_t s = 0;

	for (size_t i = 0; i < w.n; i++)
		if (w.nodes[i].alive)
			s += share(i);
	return s;
}

/* node/ says what is used after each role and after what was carried counts again. */
static inline void tell_all(void)
{
	for (size_t i = 0; i < w.n; i++)
		if (w.nodes[i].alive && !w.nodes[i].stopped)
			tell(i);
}

static inline void run_apart(uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += 10) {
		world_run(&w, 10);
		tell_all();
	}
}

static inline void run(uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += 10) {
		run_apart(10);
		assert_true(sum() <= LIMIT);
	}
}

static inline void view(void)
{
	world_view(&w, false);
	run(2500);
}

/* Node 0 owns the group. */
static inline void start(size_t n)
{
	world_init(&w, n);
	w.two_node = n == 2;
	for (size_t i = 0; i < n; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, LIMIT);
	}
	view();
	assert_int_equal(world_owner(&w), 0);
}

static inline void forget(size_t i, size_t other, enum cl_input_kind kind)
{
	struct cl_input in = { .kind = kind, .from_node_id = w.nodes[other].id };

	node_input(&w.nodes[i], &in);
	run(100);
}

/* What is used goes with the group: from node 0 to whoever is active. */
static inline void run_with(uint32_t used)
{
	for (unsigned int t = 0; t < 500; t++) {
		uint64_t bound = 0;
		world_run(&w, 10);
		for (size_t i = 0; i < w.n; i++)
			in_share[i] = w.nodes[i].alive && w.nodes[i].role == CL_ROLE_ACTIVE ? used
											    : 0;
		tell_all();
		for (size_t i = 0; i < w.n; i++)
			if (w.nodes[i].alive)
				bound += share(i) > in_share[i] ? share(i) : in_share[i];
		assert_true(bound <= LIMIT);
	}
}

#endif
