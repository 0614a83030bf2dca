/* SPDX-License-Identifier: Apache-2.0 */
/* A failover group on this node: all that its files remember. Private to cluster/. */
#ifndef HF_CLUSTER_GROUP_H
#define HF_CLUSTER_GROUP_H

#include "cluster/member.h"
#include "cluster/settle.h"

enum timer_kind {
	T_HEARTBEAT, /* owner: the next one is due */
	T_DEADLINE,  /* owner: R12 */
	T_COMMIT,    /* owner: no acknowledgement for so long (R6) */
	T_DROP,      /* owner: stop holding for standbys that are no longer protected (R6) */
	T_CLAIM,     /* look again whether to claim */
	T_JOIN,      /* the snapshot makes no progress */
	T_HANDOVER,
	T_STOP, /* a stop that waits for stragglers */
	T_PREEMPT,
	T_KEPT, /* look again whether the kept state is the best there is */
	T_DRAIN,
	T_PART,   /* the lower of two owners: no answer (R23) */
	T_HEALTH, /* owner: an interface failed */
	T_UNSURE, /* after a view without quorum: all that come are heard by then */
	T_HEARD,  /* a term that was heard of goes to disk (R11) */
	T_COUNT
};

/* Why a claim is made; on the wire in Claim.reason: never renumbered. */
enum claim_reason {
	CLAIM_NONE = 0,
	CLAIM_LEFT = 1,      /* the owner is not in the view */
	CLAIM_SILENT = 2,    /* it missed its deadline (R12) */
	CLAIM_RELEASED = 3,  /* it logged RELEASE to the claimant (R19) */
	CLAIM_RECLAIMED = 4, /* the claimant owns the group and its RELEASE was not answered */
	CLAIM_EMPTY = 5,     /* nobody holds state (R15) */
	CLAIM_REASONS
};

enum role_event {
	ROLE_JOINED,     /* member of a view, state incomplete */
	ROLE_COMPLETE,   /* state is complete */
	ROLE_LOST_STATE, /* state is incomplete again, or of a losing owner (R23) */
	ROLE_PREPARE,    /* next owner of a handover */
	ROLE_PREPARE_CANCELLED,
	ROLE_CLAIMED, /* our claim was delivered and is valid */
	ROLE_QUIESCE,
	ROLE_RELEASE_CANCELLED,
	ROLE_SUPERSEDED, /* another's claim was delivered and is valid */
	ROLE_DISCONNECTED,
};
struct role_change {
	enum role_event event;
	const char *why;
	bool suspect, handover;
	uint64_t silence_ms;
};

/* What a group followed before the last claim was delivered. */
struct claim_before {
	uint64_t claimed;       /* the term that was */
	struct cl_ring_id ring; /* in which it was delivered */
	uint64_t term;
	uint8_t owner, released_to;
	struct cl_member owner_id;
	uint16_t protected_set;
	uint64_t heartbeat, heartbeat_ns, owner_left_ns, complete_ns;
	int64_t heartbeat_late_ms;
	uint32_t unfenced;
	bool unsure, heartbeat_stale_at_left; /* R10, R11: what made a takeover suspect */
};

struct claim_state {
	bool writing;         /* CL_FX_WRITE_TERM is out */
	bool writing_heard;   /* not for a claim: for a term of others */
	bool reserve_next;    /* when that is written */
	bool sent;            /* waits for its own delivery */
	bool unwritten;       /* the last one could not be written */
	uint64_t disk_before; /* disk_term before the write, and whether earlier are unknown */
	bool unknown_before;
	uint64_t reserved;        /* term on disk and not claimed yet */
	uint64_t term;            /* sent */
	enum claim_reason reason; /* sent */
	uint64_t emitted_ns;
	uint64_t not_before_ns;
	bool settling;      /* delivered and valid; the others may not have it yet (R9) */
	uint16_t followers; /* slots that have spoken under its term since */
	uint16_t synced;    /* those that have said SYNCED */
	struct settle settle;
	bool doubtful; /* one was delivered here and given up: others may claim its term */
	struct claim_before before;
	struct role_change won; /* carried out when it has settled */
};

/* What a joiner held before it became one (kept.c). */
struct kept_state {
	struct ss_store *store; /* NULL: none */
	struct state_place place;
	struct lineage lineage;
	uint64_t last_term;
	uint8_t last_owner;
	bool slot_lost; /* R14: another node has used our slot since */
	uint64_t heartbeat, complete_ns;
	int64_t clock_offset_ms; /* its lifetimes are in this time */
};

/* A log entry that a joiner keeps until its snapshot is complete. */
struct delta {
	uint64_t position;
	struct buf records; /* packed Records; empty: PROTECTED */
};

/* Snapshots that this member refused: one that is always refused is not asked for without a pause. */
struct join_pause {
	uint64_t at_ns; /* the last one; 0: none */
	uint64_t wait_ns, until_ns;
};

struct join_state {
	bool running;
	bool reading; /* complete, and not yet SYNCED */
	bool gap;     /* a chunk was missing, and was asked for */
	uint64_t id;
	struct join_pause pause;
	uint64_t progress_ns;
	uint32_t taken; /* chunks since the last request */
	struct ss_snapshot_reader *reader;
	struct delta *deltas;
	size_t n, cap, bytes;
};

/* The owner's side of one join. What is asked before the marker has come is kept. */
struct serving {
	struct ss_snapshot_writer *writer; /* NULL: no join */
	uint64_t id;
	bool busy; /* the channel has a chunk and has not said READY */
	/* first record of each chunk that is on its way */
	uint64_t away[SNAPSHOT_CREDIT];
	uint32_t n_away, credit;
	uint64_t asked_id;
	uint32_t asked_credit;
	bool marked; /* its marker came before our claim had settled */
	uint64_t marked_id;
};

enum handover_phase {
	HANDOVER_NONE,
	HANDOVER_ASKED,
	HANDOVER_QUIESCING,
	HANDOVER_COMMITTING,
	HANDOVER_RELEASED
};

struct handover_state {
	enum handover_phase phase; /* owner */
	uint8_t to;
	bool ready_due; /* target: HandoverReady is owed */
	bool prepared;  /* target: datapath is ready */
	bool reclaim;   /* owner: RELEASE was not answered, claim a new term */
	uint64_t final_position;
	uint8_t merge; /* R23: to ourselves, with what the owner in this slot held; 0: none */
	bool planned;  /* its records are appended */
};

/* What an owner held that has lost to a higher one (R23), until that one has it. */
struct part_state {
	bool running, stopped; /* stopped: the last numbers are here */
	struct ss_store *store;
	struct ss_part *part; /* NULL, or it has the store */
	struct ss_record *numbers;
	size_t n_numbers;
	struct lineage lineage;
	uint64_t term, applied, appended, committed;
	uint64_t since_ns;
	uint64_t id, next; /* of the transfer; number of the next record */
	uint64_t fork, fork_term;
	uint8_t fork_slot;
	struct cl_member to;
};

/* The same, as it comes in at the higher one. */
struct merging {
	struct ss_merge *m; /* NULL: nothing has come */
	uint64_t id, done_id;
	bool complete;
	uint64_t taken, anew, rekeyed;
};

#define LATENCY_OPEN 1024u /* positions whose commit is measured at once */

struct latency {
	uint64_t sent_ns[LATENCY_OPEN]; /* by position */
	uint64_t sent_position[LATENCY_OPEN];
	uint64_t counts[CL_LATENCY_BUCKETS];
	uint64_t n, max_us;
};

#define PREEMPT_CHANGES 3u /* so many changes of owner within PREEMPT_WINDOW_MS: flapping */

struct preempt_state {
	bool armed;             /* the preferred unit is available and another one owns the group */
	uint64_t not_before_ns; /* of the next request */
	uint64_t wait_ns;       /* after it */
};

/* A group's part of health.c. */
struct health_state {
	uint64_t since_ns;      /* a standby is better off; 0: none is */
	uint64_t not_before_ns; /* of the next handover */
	uint64_t wait_ns, moved_ns;
	bool moved; /* away from here, because of our interfaces */
};

/* This node's own interfaces. */
struct health {
	struct cl_health told;
	size_t n_links;
	struct cl_link links[CL_LINKS_MAX]; /* what they count as; in the order of told */
	uint64_t since_ns[CL_LINKS_MAX];    /* up; meaningless while told down */
	uint64_t at_ns;                     /* a link counts as something else then */
};

/* A ring: the newest is entries[(n - 1) % CL_HISTORY_MAX]. */
struct history {
	enum cl_state state;
	uint64_t n;
	struct cl_history_entry entries[CL_HISTORY_MAX];
};

enum command { COMMAND_NONE, COMMAND_ACTIVE, COMMAND_STANDBY, COMMAND_STOP };

struct group {
	uint32_t id;
	uint8_t preferred_slot;
	bool preempt;
	uint64_t preempt_after_ns;
	size_t index;
	enum cl_role role;
	uint64_t at[T_COUNT];

	/* by delivered messages only: the same on every member of a view */
	uint64_t term;       /* of the log; 0: none */
	uint64_t known_term; /* highest ever claimed or announced (R11) */
	uint8_t owner;       /* slot; 0: none */
	struct cl_member owner_id;
	uint16_t protected_set; /* last logged */
	uint8_t released_to;
	uint64_t heartbeat;                   /* number of the last one delivered */
	uint64_t changed_ns[PREEMPT_CHANGES]; /* when the owner changed here, newest first */

	uint64_t disk_term;    /* R11: highest written or being written, to claim it or heard of */
	uint64_t spent_term;   /* highest that this node may have claimed, before its start too */
	uint64_t heartbeat_ns; /* when it was delivered here */
	int64_t heartbeat_late_ms; /* how long it was on its way; another's: in cluster time */
	uint64_t owner_left_ns;    /* when a view came without the owner */
	uint32_t unfenced;         /* and without its node, which is this: not confirmed as off */
	bool heartbeat_stale_at_left; /* R10 */
	bool synced;
	bool has_synced; /* since this process began: what it may have owned before is behind (R11) */
	/*
	 * The state was in a view without quorum: others may have gone on, or owned the group,
	 * unheard (R10, R11).
	 */
	bool unsure;
	/*
	 * R10: the newest takeover that was suspect, as far as anybody here has heard. Of records that
	 * are older nobody can say whether they are what the peers have seen.
	 */
	uint64_t suspect_term;
	struct ss_store *store;
	uint64_t applied;
	uint64_t applied_at_view; /* when the present view came */
	/* under whom the last entry was applied: with the position, it names the log up to there */
	uint64_t last_term; /* 0: it came with a snapshot, or there is none */
	uint8_t last_owner;
	uint64_t complete_ns; /* when it was last certain that nothing of the log is missing */
	struct kept_state kept;
	uint64_t announced_ns; /* last SYNCED */

	/* owner */
	struct ss_commit commit;      /* protected_set: those we hold for */
	uint16_t logged_set;          /* those we called protected; smaller while T_DROP runs */
	uint64_t due_ns[SS_SLOTS];    /* R6: the end of a slot's first wait; 0: it owes nothing */
	uint64_t drop_said[SS_SLOTS]; /* sequence of the message that says it is not protected */
	uint64_t drop_ns[SS_SLOTS];   /* R6: the end of a slot's second wait; 0: it has not begun */
	uint64_t protected_position;  /* of the last PROTECTED */
	/* when we sent the last heartbeat that nodes which are gone can have heard; 0: none are */
	uint64_t lost_heard_ns;
	bool is_protected;
	uint64_t heartbeats_sent;
	struct serving serving[SS_SLOTS];

	struct claim_state claim;
	struct join_state join;
	struct handover_state handover;
	struct lineage lineage;
	struct part_state part;
	struct merging merging[SS_SLOTS];
	struct preempt_state preempt_state;
	uint64_t drain_not_before_ns; /* drained owner: of the next handover */
	struct health_state health;
	enum command command;
	bool stopping; /* CL_IN_STOP was given: it takes nothing over any more */

	struct history history;
	struct latency latency;

	/* show failover */
	uint64_t records_sent, records_received, refused;
	uint64_t takeovers, suspect_takeovers, handovers, degraded, claims_refused;
	uint64_t split_brains, merges, merges_failed;
	uint64_t merged_taken, merged_anew, merged_rekeyed;
	uint64_t last_change_ms;
	const char *last_why;
};

#endif
