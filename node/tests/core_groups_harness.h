/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Up to three nodes that share two failover groups, each a core with an engine and a datapath of
 * its own, and what is between them: the ordered multicast, the snapshot channel, disks. Law 4 is
 * asserted whenever a role changes.
 */
#ifndef HF_NODE_TESTS_CORE_GROUPS_HARNESS_H
#define HF_NODE_TESTS_CORE_GROUPS_HARNESS_H

#include "node/core_private.h"

#define NODES     3u
#define GROUPS    2u
#define QUEUE_MAX 256u
#define TERMS_MAX 512u
#define MS_NS     1000000ull

/* A group on a node: what its core is told to do comes here. */
struct half {
	unsigned int node;
	struct esp_datapath *dp;
	struct hf_core *core;
	uint64_t term; /* to be written; 0: none */
	struct ike_job *job;
	struct buf first; /* datagram sent */
	unsigned int sent, roles, relays;
	uint32_t said; /* groups that its effects named, as bits */
	enum cl_role role;
};

struct lab {
	struct config *config;
	struct half half[NODES][GROUPS];
	bool alive[NODES];
	uint64_t now_ns, ring;
	uint32_t pid[NODES], votes;
	uint64_t disk[NODES][GROUPS];          /* terms */
	unsigned int owner[GROUPS][TERMS_MAX]; /* law 4: node + 1 */
	struct snapshot {
		struct half *from;
		uint8_t slot;
		bool chunk;
		struct buf data;
	} snapshots[QUEUE_MAX];
	size_t n_snapshots;
	struct message {
		unsigned int from;
		struct buf data;
	} mcast[QUEUE_MAX];
	size_t n_mcast;
};

extern struct lab l;

/* Of this many nodes, in one view, a second later. */
void begin(unsigned int nodes);
void end(void);
/* Of two nodes. */
int setup(void **state);
int teardown(void **state);

/* A process begins on node i, or ends; view() tells the others. */
void node_make(unsigned int i);
void node_free(unsigned int i);
/* A new ring of those that live. */
void view(void);
void run(uint64_t ms);
/* Until nothing is on its way any more, in no time. */
void settle(void);

/* The core that speaks for node i. */
struct hf_core *node_core(unsigned int i);
bool owns(unsigned int node, unsigned int group);
/* Node of_one owns group 1 and nobody else does, of_two group 2. */
void assert_owners(unsigned int of_one, unsigned int of_two);

#endif
