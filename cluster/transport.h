/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cluster logic needs from a totally ordered multicast. Corosync
 * (cluster/adapters/corosync.c) is one implementation, the simulator the
 * other. Callbacks come from the caller's main loop, one at a time.
 */
#ifndef HF_CLUSTER_TRANSPORT_H
#define HF_CLUSTER_TRANSPORT_H

#include "cluster/cluster.h"

struct cl_transport;

struct cl_transport_callbacks {
	void (*view)(void *ctx, const struct cl_ring_id *ring, const struct cl_member *members,
		     size_t n);
	void (*quorum)(void *ctx, const struct cl_ring_id *ring, bool quorate);
	void (*message)(void *ctx, uint32_t node_id, uint32_t pid, struct bytes data);
	/* The connection is gone; close and open again later. */
	void (*lost)(void *ctx, const char *why);
};

/* What cmap and votequorum tell before the start. */
struct cl_transport_facts {
	uint32_t node_id;
	uint32_t token_ms, consensus_ms;
	uint32_t expected_votes;        /* of the members, one each */
	uint32_t votes;                 /* of all, and of a quorum device */
	uint32_t nodes[CL_MEMBERS_MAX]; /* the node list */
	size_t n_nodes;
	bool wait_for_all;
	bool encrypted; /* R3: Corosync's own crypto is on */
	char cluster_name[64];
	struct inet_addr ring0_addr; /* our address on the cluster network, for the relay */
};

struct cl_transport_ops {
	/*
	 * R_AGAIN: flow control, the caller keeps the message and tries again after the next
	 * dispatch.
	 */
	enum result (*mcast)(struct cl_transport *t, struct bytes data);
	void (*close)(struct cl_transport *t);
};

struct cl_transport {
	const struct cl_transport_ops *ops;
};

#endif
