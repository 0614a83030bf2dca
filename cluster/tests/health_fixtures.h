/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of health.c share: three interfaces of each node, the third not monitored. */
#ifndef HF_CLUSTER_TESTS_HEALTH_FIXTURES_H
#define HF_CLUSTER_TESTS_HEALTH_FIXTURES_H

#include <stdio.h>

#include "cluster/tests/fixtures.h"

#define SETTLE_MS 300u
#define HOLD_MS   25000u

enum { OUTSIDE, INSIDE, DMZ, LINKS };

static struct cl_health health[NODES_MAX];

static inline void tell(size_t i)
{
	struct cl_input in = { .kind = CL_IN_LINKS, .health = &health[i] };

	node_input(&w.nodes[i], &in);
}

static inline void link_is(size_t i, unsigned int link, enum cl_link_state s)
{
	health[i].links[link].state = s;
	tell(i);
}

static inline void all_links_up(size_t i)
{
	static const char *const names[LINKS] = { "outside", "inside", "dmz" };

	health[i] = (struct cl_health){ .n_links = LINKS,
					.link_state_ms = SETTLE_MS,
					.hold_ms = HOLD_MS };
	for (unsigned int k = 0; k < LINKS; k++) {
		snprintf(health[i].links[k].nameif, CL_NAME_MAX, "%s", names[k]);
		health[i].links[k].group = GROUP;
		health[i].links[k].state = CL_LINK_NORMAL;
		health[i].links[k].monitored = k != DMZ;
	}
	tell(i);
}

/* n nodes, all links up, owned by node 0, all protected. */
static inline void monitored(size_t n)
{
	world_settled(&w, n);
	for (size_t i = 0; i < n; i++)
		all_links_up(i);
	world_run(&w, 10);
}

static inline void preempting(uint32_t after_ms)
{
	world_init(&w, 2);
	w.preferred_slot = 1;
	w.preempt = true;
	w.preempt_after_ms = after_ms;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	all_links_up(0);
	all_links_up(1);
	world_run(&w, 10);
	assert_int_equal(world_owner(&w), 0);
}

#endif
