/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster in memory: real cl_node instances over a totally ordered
 * multicast with views, partitions, stopped and dead processes. Laws 4, 5 and
 * 8 of replication.md are asserted after every step of every node.
 *
 *	sendq of each node --order()--> inbox of each node of the same part --> cl_step
 *
 * A message in a sendq is lost with its node; one that was ordered reaches
 * everybody in the part before the next view (virtual synchrony).
 */
#ifndef HF_CLUSTER_TESTS_HARNESS_H
#define HF_CLUSTER_TESTS_HARNESS_H

#include "cluster/cluster_private.h"

#define NODES_MAX    4
#define GROUP        1u
#define MS_NS        1000000ull
/* Corosync's. */
#define TOKEN_MS     500u
#define CONSENSUS_MS 150u

struct world;

enum quorum_order { QUORUM_AFTER_VIEW, QUORUM_BEFORE_VIEW, QUORUM_LATE };

struct event {
	struct cl_input in;
	struct buf data;
	struct event *next;
};

struct queue {
	struct event *head, *tail;
};

struct node {
	struct world *w;
	const char *key; /* the world's when NULL */
	struct cl_node *cl;
	uint32_t id, pid;
	uint8_t slot;
	uint32_t version_min, version_max; /* 0: 1 */
	bool alive, stopped;
	bool fresh;        /* its process has seen no view: votequorum tells it the present ring */
	bool mute_prepare; /* never answers CL_FX_PREPARE */
	bool mute_quiesce;
	bool mute_part;
	bool disk_full; /* a term cannot be written */
	unsigned int terms_refused;
	bool hold_acks; /* its sendq is not ordered */
	bool lose_snapshots;
	unsigned int lose_chunks; /* the next so many that it sends */
	unsigned int chunks_sent;
	unsigned int part;
	uint64_t term_on_disk;
	bool terms_unknown; /* on disk with the term */
	bool drained;       /* on disk */
	uint8_t salt_byte;
	struct queue inbox, sendq, later; /* later: answers of the node's own world */
	/* what it did */
	enum cl_role role;
	uint64_t term, deadline_ns, suspect_term;
	bool is_protected, suspect, handover;
	const char *why;
	uint64_t committed;
	unsigned int announced;
	unsigned int parted, resets, stopped_ok, stopped_failed, commands_ok, commands_failed, sent;
	unsigned int logs[LOG_ID_COUNT_];
	bool touched; /* the last step changed its store */
	/* failover exec: what it answers, and what it was told */
	const char *exec_text;
	size_t exec_text_len;
	bool mute_exec;
	unsigned int execs, execs_done;
	char exec_line[64];
	bool exec_json, exec_ok;
	uint32_t exec_exit;
	uint64_t exec_token;
	enum result exec_reason;
	char exec_why[64];
	struct buf exec_got;
	/* replication of the configuration, of which only the digest's first byte is used */
	uint8_t config;           /* what it runs */
	const char *config_text;  /* what it sends */
	size_t config_text_len;   /* of it */
	const char *config_fault; /* what it finds wrong with any that it is sent */
	bool mute_config;
	unsigned int configs_wanted, configs_taken, configs_saved, configs_done, configs_ok;
	uint8_t config_slot; /* of the last CONFIG_DONE */
	enum cl_config_why config_for;
	uint64_t config_token;
	uint32_t config_left;
	enum result config_reason;
	char config_why[CL_CONFIG_WHY];
	struct buf config_got;
	uint8_t config_from;
	struct ss_store *mirror; /* from APPLY and RESET: law 8 */
};

struct appended {
	uint64_t key, term, position;
	uint8_t slot;
};

struct world {
	struct node nodes[NODES_MAX];
	size_t n;
	uint64_t now_ns;
	uint64_t ring_seq;
	uint64_t healed_ns; /* two owners may not know of each other yet */
	enum quorum_order quorum_order;
	bool two_node; /* a half is quorate too */
	uint32_t expected_votes;
	bool no_node_list;
	bool fenced_takeover;
	enum cl_empty_start empty_start;
	uint8_t preferred_slot;
	bool preempt;
	uint32_t preempt_after_ms;
	enum cl_role_manager manager;
	const char *key;
	uint64_t next_key;
	struct appended log[4096];
	size_t n_log;
	uint64_t seen[4096]; /* keys that a peer saw while protected: law 5 */
	size_t n_seen;
	uint8_t owner_of_term[256]; /* law 4: slot */
	unsigned int takeovers;
	bool large; /* law 8 is not asserted at each step: the stores are too large for that */
	/* CL_FX_SNAPSHOT_SEND and _ASK go here when set, else they arrive in the next tick */
	void (*snapshot)(struct node *nd, const struct cl_effect *fx);
	/* CL_FX_ACK; else it is lost. Nodes without an address send none. */
	void (*ack)(struct node *nd, const struct cl_effect *fx);
};

void world_init(struct world *w, size_t n);
void world_free(struct world *w);
/* Starts a process on node i: a new incarnation when it ran before. */
void node_start(struct world *w, size_t i);
/* kill -9 of the daemon: what it had not handed to Corosync is lost. */
void node_kill(struct world *w, size_t i);
void node_stop(struct world *w, size_t i); /* SIGSTOP */
void node_wake(struct world *w, size_t i); /* SIGCONT: timers first, then what was waiting */
/* Put node i alone into a part of its own; views follow with world_view. */
void node_cut(struct world *w, size_t i);
void world_heal(struct world *w);
/* A new ring in each part, or with same_ring only a new member list. */
void world_view(struct world *w, bool same_ring);
void world_run(struct world *w, uint64_t ms);
/* node_kill, node_start, node_cut or world_heal, the views that follow at once, and ms. */
void world_kill(struct world *w, size_t i, uint64_t ms);
void world_start(struct world *w, size_t i, uint64_t ms);
void world_cut(struct world *w, size_t i, uint64_t ms);
void world_meet(struct world *w, uint64_t ms);
/* world_cut, which Corosync sees when it has heard nothing for as long as it waits. */
void world_lose(struct world *w, size_t i, uint64_t ms);
/* One input, and its effects, at once. */
void node_input(struct node *nd, const struct cl_input *in);
void node_command(struct world *w, size_t i, enum cl_input_kind kind);
/* "failover exec": node i asks the one in slot to run line. */
void node_exec(struct world *w, size_t i, uint8_t slot, const char *line, uint64_t token);
/* Node i, an owner, is to send its configuration to slot, or to all (0). */
void node_config(struct world *w, size_t i, uint8_t slot, enum cl_config_why why, uint64_t token);
/* Node i runs another one. */
void node_reload(struct world *w, size_t i, uint8_t config);
/* The owner appends one record; returns its key. */
uint64_t node_append(struct world *w, size_t i);
/* Lose what node i has sent and nobody has ordered. */
void node_drop_sent(struct world *w, size_t i);
/* A message that node i would not send by itself, sealed by it. */
void node_forge(struct world *w, size_t i, uint64_t term, Holdfast__ClusterMessage *m);
/*
 * A claim of node i that names the present view, its applied position and last heartbeat;
 * change fills in the rest.
 */
void node_forge_claim(struct world *w, size_t i, uint64_t term, enum claim_reason reason,
		      void (*change)(Holdfast__Claim *c));
/* Bytes into the ordered stream, as if node i had sent them. */
void world_inject(struct world *w, size_t i, struct bytes data);
/* Order what is in the sendqs; nobody has delivered it yet. */
void world_order(struct world *w);
/*
 * What node i has sent is delivered to itself, and nobody else has it yet:
 * Corosync's agreed order. The node dies with it, or world_order() follows.
 */
void node_deliver_to_itself(struct world *w, size_t i);
bool node_has(const struct node *nd, uint64_t key);
bool node_may_send(const struct node *nd);
/* Active or standby. */
bool node_holds_state(const struct node *nd);
struct cl_group_status node_status(const struct node *nd);
/* Index of the one node with role active; asserts that it is the only one alive that says so. */
size_t world_owner(const struct world *w);
/* n nodes started, in one view, owned by node 0, everybody protected. */
void world_settled(struct world *w, size_t n);

#endif
