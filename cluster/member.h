/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of a member, of its state, and of the view that it is in. Private to cluster/. */
#ifndef HF_CLUSTER_MEMBER_H
#define HF_CLUSTER_MEMBER_H

#include "cluster/cluster.h"

/* ---- the owners of a log (R23) ---- */

#define LINEAGE_MAX 8u

struct ownership {
	uint64_t term, begin; /* begin: what was applied then */
	uint8_t slot;
};

/* The last ones, oldest first. */
struct lineage {
	struct ownership step[LINEAGE_MAX];
	size_t n;
};

/* ---- members ---- */

/* Where a state stands: its lineage (R23), and how much of the log it has. */
struct state_place {
	uint64_t term;
	uint8_t owner;
	uint64_t applied;
};

struct member_group {
	bool synced; /* by what it said in delivered messages */
	uint64_t applied;
	bool has_state;          /* synced, or a kept one */
	struct state_place kept; /* term 0: none */
	struct lineage lineage;  /* when it came into the view */
	bool terms_unknown; /* likewise, until it is synced here: it may have owned more (R11) */
};

/* R14: what a process has to say for itself, by its last HELLO. */
struct slot_bid {
	uint8_t slot; /* 0: it wants none that another one has as well, or has not spoken */
	bool spoken;  /* in this view */
	bool lost;    /* in this view: another one that has spoken goes first */
	bool synced;
	struct state_place place; /* of the group of which it has most */
};

struct member {
	struct cl_member id;
	bool hello;
	bool heard; /* its HELLO of this view: what it said before may have changed unheard */
	bool digest_differs;
	bool config_due; /* new in the view: an owner sends its configuration if it differs */
	bool follows;    /* the owner that it joins is this node */
	bool drained;    /* as its HELLO says */
	uint8_t config_digest[32];
	char hostname[CL_NAME_MAX], software[CL_NAME_MAX];
	bool refused;         /* R14, version, another key: its messages are ignored */
	bool slot_refused;    /* R14: until who has its slot yields, or for this view */
	uint32_t slot_holder; /* the node that it is refused for; 0: nobody, or not judged yet */
	struct slot_bid bid;
	uint8_t slot; /* 0 until its HELLO */
	uint8_t unit; /* for show; 0: unknown */
	struct inet_endpoint relay;
	struct member_group group[CL_GROUPS_MAX];
	size_t n_links; /* as its HELLO says */
	struct cl_link links[CL_LINKS_MAX];
};

/*
 * A view counts once CPG and votequorum have named the same ring, in any
 * order. Until then what CPG delivers is kept in `deferred`, so that every
 * member judges a claim with the same view and the same quorum.
 */
struct view {
	bool joined;
	struct cl_ring_id ring;
	uint8_t digest[32]; /* over the CPG member list */
	bool nodes_lost;    /* with the ring before it: dead, or cut off; or not known */
	bool established;   /* quorate is of this ring */
	bool quorate;
	uint64_t since_ns;
	size_t n;
	struct member members[CL_MEMBERS_MAX];
};

struct deferred {
	uint32_t node_id, pid;
	struct buf data;
};

#endif
