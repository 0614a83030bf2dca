/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of two owners share: a record of before the cut, and one of each side. */
#ifndef HF_CLUSTER_TESTS_MERGE_FIXTURES_H
#define HF_CLUSTER_TESTS_MERGE_FIXTURES_H

#include "cluster/tests/fixtures.h"

static uint64_t common, of_lower, of_higher;

static inline void append_record(size_t i, struct ss_record *r)
{
	struct cl_input in = {
		.kind = CL_IN_RECORDS, .group = GROUP, .records = r, .n_records = 1
	};

	node_input(&w.nodes[i], &in);
	ss_record_clear(r);
}

#define CHILD 300u

static inline void append_child(void)
{
	struct child_sa_state c = {
		.spi_in = CHILD, .spi_out = 301, .ike_spi = 1, .stage = CHILD_SA_ESTABLISHED
	};
	struct ss_record r = { 0 };

	assert_int_equal(ss_encode_child_sa(&c, &r), R_OK);
	append_record(0, &r);
}

/* Nodes 0 and 1 both own the group: terms 1 and 2, with a record of its own each. */
static inline void split(size_t n)
{
	world_settled(&w, n);
	w.two_node = true; /* both sides are quorate */
	common = node_append(&w, 0);
	append_child();
	world_run(&w, 20);
	world_lose(&w, 0, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	of_lower = node_append(&w, 0);
	of_higher = node_append(&w, 1);
	world_run(&w, 1000);
	w.n_seen = 0;
}

static inline void meet(void)
{
	world_heal(&w);
	world_view(&w, false);
}

static inline bool has_all(size_t i)
{
	return node_has(&w.nodes[i], common) && node_has(&w.nodes[i], of_lower) &&
	       node_has(&w.nodes[i], of_higher);
}

#endif
