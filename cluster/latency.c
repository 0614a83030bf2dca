/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long an owner's positions wait for their acknowledgement (R4): a
 * histogram over microseconds with eight buckets per power of two.
 */
#include "cluster/cluster_private.h"

#define SUB 8u /* buckets per power of two */

static unsigned int bucket_of(uint64_t us)
{
	unsigned int shift = 0;

	while (us >> shift >= 2 * SUB)
		shift++;
	unsigned int b = shift * SUB + (unsigned int)(us >> shift);
	return b < CL_LATENCY_BUCKETS ? b : CL_LATENCY_BUCKETS - 1;
}

/* The largest value that falls into it. */
static uint64_t bucket_top(unsigned int b)
{
	unsigned int shift = b < 2 * SUB ? 0 : b / SUB - 1;

	return ((uint64_t)(b - shift * SUB + 1) << shift) - 1;
}

void latency_sent(struct cl_node *n, struct group *g)
{
	uint64_t position = g->commit.appended;

	g->latency.sent_ns[position % LATENCY_OPEN] = n->now_ns;
	g->latency.sent_position[position % LATENCY_OPEN] = position;
}

void latency_committed(struct cl_node *n, struct group *g, uint64_t before)
{
	struct latency *l = &g->latency;
	uint64_t to = g->commit.committed;

	/* Nobody had to acknowledge it: not a latency. */
	if (!g->commit.protected_set)
		return;
	for (uint64_t p = to - before > LATENCY_OPEN ? to - LATENCY_OPEN : before; p++ < to;) {
		if (l->sent_position[p % LATENCY_OPEN] != p)
			continue;
		uint64_t us = (n->now_ns - l->sent_ns[p % LATENCY_OPEN]) / 1000;
		l->counts[bucket_of(us)]++;
		l->n++;
		if (us > l->max_us)
			l->max_us = us;
	}
}

static uint64_t percentile(const struct latency *l, unsigned int percent)
{
	uint64_t wanted = (l->n * percent + 99) / 100, seen = 0;

	for (unsigned int b = 0; b < CL_LATENCY_BUCKETS; b++) {
		seen += l->counts[b];
		if (seen >= wanted)
			return bucket_top(b) < l->max_us ? bucket_top(b) : l->max_us;
	}
	return l->max_us;
}

static const struct latency *latency_of(const struct cl_node *n, uint32_t group)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (n->groups[i].id == group)
			return &n->groups[i].latency;
	return NULL;
}

struct cl_latency cl_latency(const struct cl_node *n, uint32_t group)
{
	const struct latency *l = latency_of(n, group);

	if (!l || !l->n)
		return (struct cl_latency){ 0 };
	return (struct cl_latency){ .n = l->n,
				    .p50_us = percentile(l, 50),
				    .p99_us = percentile(l, 99),
				    .max_us = l->max_us };
}

size_t cl_latency_buckets(const struct cl_node *n, uint32_t group,
			  struct cl_latency_bucket out[CL_LATENCY_BUCKETS])
{
	const struct latency *l = latency_of(n, group);
	size_t filled = 0;

	for (unsigned int b = 0; l && b < CL_LATENCY_BUCKETS; b++)
		if (l->counts[b])
			out[filled++] = (struct cl_latency_bucket){ .most_us = bucket_top(b),
								    .n = l->counts[b] };
	return filled;
}
