/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the files of cluster/; nobody else includes it. */
#ifndef HF_CLUSTER_PRIVATE_H
#define HF_CLUSTER_PRIVATE_H

#include "cluster/cluster.h"
#include "statesync/records.pb-c.h"

#define MS    1000000ull
#define NEVER UINT64_MAX

#define VOTES_OF_MAJORITY 3u /* so many make one side of a cut the majority, and the other not */

#define DEFAULT_DEADLINE_MS  2000
#define DEFAULT_HEARTBEAT_MS 100
#define COMMIT_MARGIN_MS     200  /* R6: above token + consensus */
#define SILENCE_MARGIN_MS    200  /* R12: above the deadline */
#define CLAIM_RANK_MS        100  /* between candidates of a takeover */
#define CLAIM_RETRY_MS       100  /* after a claim that was refused */
#define TERM_RETRY_MS        1000 /* after a term that could not be written (R11) */
#define SETTLE_ROTATIONS     2    /* R9: of the token, until the others have our claim */
#define DOUBT_TERM_ROOM      4    /* terms that others may claim behind a claim of ours */
#define EMPTY_RANK_MS        500  /* R15: between candidates of an empty start */
#define EMPTY_TERM_ROOM      16   /* terms that a missing member may have owned */
#define HELLO_GRACE_MS       1000 /* a takeover waits for a HELLO so long */
#define LOST_TERM_ROOM       64   /* terms that a node without its file may have owned (R11) */
#define JOIN_RETRY_MS        5000 /* no progress of a snapshot: a new marker */
#define JOIN_ASK_MS          500  /* no progress: what was on its way is lost, ask again */
#define HANDOVER_MS          1000 /* each phase of a handover */
#define PREEMPT_WAIT_MS      5000 /* after a request that led to nothing; doubles */
#define PREEMPT_WAIT_MAX_MS  300000
#define PREEMPT_WINDOW_MS    600000
#define DRAIN_WAIT_MS        2000 /* after a handover that came to nothing */
#define HEALTH_WAIT_MS       2000 /* between two handovers for links; doubles */
#define HEALTH_WAIT_MAX_MS   10000
#define HEALTH_WINDOW_MS     60000 /* so long without one: calm */
#define RELAY_MAX_MS         5000  /* a stop waits for stragglers (R19) no longer */
#define ANNOUNCE_MS          500   /* between two SYNCED that nobody answered */
#define BATCH_BYTES_MAX \
	60000u /* one message: Corosync's own limit is far above, its latency is not */
#define SNAPSHOT_CHUNK_BYTES  48000u
#define SNAPSHOT_CREDIT       16u         /* R22: chunks on their way to one joiner */
#define JOIN_BUFFER_BYTES_MAX (64u << 20) /* R22: overflow restarts the join */
#define DEFERRED_MAX          8192u
#define PART_OWN_MS           2000  /* R23: what we appended last comes back in this time */
#define PART_ASK_MS           500   /* no answer: what was on its way is lost */
#define PART_KEEP_MS          60000 /* nobody took what we held: it is given up */

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
	bool refused; /* R14 or version: its messages are ignored */
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
	bool nodes_lost;    /* with the ring before it: dead, or cut off */
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

/* ---- groups ---- */

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
	bool sent;            /* waits for its own delivery */
	bool unwritten;       /* the last one could not be written */
	uint64_t disk_before; /* disk_term before the write, and whether earlier are unknown */
	bool unknown_before;
	uint64_t reserved;        /* term on disk and not claimed yet */
	uint64_t term;            /* sent */
	enum claim_reason reason; /* sent */
	uint64_t emitted_ns;
	uint64_t not_before_ns;
	bool settling;          /* delivered and valid; the others may not have it yet (R9) */
	unsigned int rotations; /* of the token, since */
	uint16_t followers;     /* slots that have spoken under its term since */
	uint16_t synced;        /* those that have said SYNCED */
	uint64_t probe;         /* sequence of the message that tells of the next one */
	uint64_t probe_ns;
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
	uint64_t heartbeat, complete_ns;
};

/* A log entry that a joiner keeps until its snapshot is complete. */
struct delta {
	uint64_t position;
	struct buf records; /* packed Records; empty: PROTECTED */
};

struct join_state {
	bool running;
	bool gap; /* a chunk was missing, and was asked for */
	uint64_t id;
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

#define LATENCY_OPEN    1024u /* positions whose commit is measured at once */
#define LATENCY_BUCKETS 256u

struct latency {
	uint64_t sent_ns[LATENCY_OPEN]; /* by position */
	uint64_t sent_position[LATENCY_OPEN];
	uint64_t counts[LATENCY_BUCKETS];
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
	bool failed; /* by the policy, as of the last change */
	bool moved;  /* away from here, because of our interfaces */
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

	uint64_t disk_term;    /* R11: highest written or being written */
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
	struct ss_commit commit;     /* protected_set: those we hold for */
	uint16_t logged_set;         /* those we called protected; smaller while T_DROP runs */
	uint64_t drop_ns[SS_SLOTS];  /* R6: the end of a slot's second wait; 0: it has not begun */
	uint64_t protected_position; /* of the last PROTECTED */
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

#define EXEC_AT_ONCE     4u
#define EXEC_PIECE_BYTES 16000u

/* A command that this node asked another one to run. */
struct exec_call {
	bool used;
	uint64_t id, token;
	struct cl_member to;
	uint8_t slot;
	uint64_t until_ns;
	uint32_t total;
	struct buf text; /* what of it has come */
};

/* One that this node runs for another. */
struct exec_answer {
	bool used, ready;
	uint64_t id, token;
	struct cl_member to;
	uint8_t slot;
	uint64_t until_ns;
	uint32_t exit;
	struct buf text;
	size_t sent;
};

struct exec {
	uint64_t next_id, next_token;
	struct exec_call calls[EXEC_AT_ONCE];
	struct exec_answer answers[EXEC_AT_ONCE];
};

#define CONFIG_PIECE_BYTES 32000u
#define CONFIG_ASK_MS      500   /* no piece: what was on its way is lost, ask again */
#define CONFIG_QUIET_MS    5000  /* no progress: the owner is asked no more */
#define CONFIG_ANSWER_MS   15000 /* a member that says nothing is waited for no longer */

/* Whom the owner's configuration is for. */
struct config_reader {
	bool open;
	struct cl_member id;
	uint8_t slot;
	uint64_t heard_ns;
};

struct config_offer {
	bool used;
	uint64_t id, token;
	enum cl_config_why why;
	struct buf text; /* holds keys: wiped */
	size_t n;
	struct config_reader readers[CL_MEMBERS_MAX];
};

struct config_receipt {
	bool used, complete;
	uint64_t id;
	struct cl_member from;
	uint8_t slot;
	uint8_t digest[32];
	struct buf text; /* all of it, and holds keys: wiped */
	size_t have;
	uint64_t ask_ns, heard_ns;
};

struct config_sync {
	uint64_t next_id;
	bool wanted; /* CL_FX_CONFIG_WANTED is out */
	struct config_offer offer;
	struct config_receipt receipt;
};

struct cl_node {
	struct cl_node_config cfg;
	struct ss_sealer *sealer;
	uint64_t incarnation;
	struct view view;
	struct cl_ring_id quorum_ring;
	bool quorum_known, quorum_quorate;
	struct deferred *deferred;
	size_t n_deferred, cap_deferred;
	bool drained;
	bool slot_refused; /* R14: another node has our slot */
	struct inet_endpoint relay;
	int64_t clock_offset_ms;    /* cluster time minus this node's guess */
	uint64_t clock_followed_ns; /* when a heartbeat last set it; 0: none has */
	uint64_t clock_since_ns; /* when another's first set it; 0: none has, or it was our own */
	uint64_t clock_far_ns;   /* since when it is far ahead of theirs; 0: it is not */
	uint64_t messages_refused;
	struct cl_failure failures[SS_SLOTS];
	struct cl_known_unit known[SS_SLOTS];
	uint32_t fenced[CL_MEMBERS_MAX]; /* nodes that were, and are in no view since */
	size_t n_fenced;
	struct cl_stats stats;
	struct exec exec;
	struct config_sync config;
	struct health health;
	size_t n_groups;
	struct group groups[CL_GROUPS_MAX];
	/* of the running cl_step */
	uint64_t now_ns;
	uint64_t away_ns; /* since the step before this one */
	uint64_t woke_ns; /* the step that came last after a pause in which a ring can form */
	struct cl_outbox *out;
};

/* cluster.c: effects */
struct cl_effect *fx_push(struct cl_node *n, enum cl_effect_kind kind, const struct group *g);
void fx_apply(struct cl_node *n, const struct group *g, const struct ss_record *r);
void fx_log(struct cl_node *n, enum log_id id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
struct group *group_find(struct cl_node *n, uint32_t id);
static inline bool is_owner(const struct group *g)
{
	return g->role == CL_ROLE_ACTIVE || g->role == CL_ROLE_RELEASING;
}
static inline uint16_t slot_bit(uint8_t slot)
{
	return (uint16_t)(1u << slot);
}

/* role.c */
void role_change(struct cl_node *n, struct group *g, const struct role_change *c);
void role_event(struct cl_node *n, struct group *g, enum role_event event, const char *why);

/* latency.c */
void latency_sent(struct cl_node *n, struct group *g);
/* Positions behind `before` have become committed. */
void latency_committed(struct cl_node *n, struct group *g, uint64_t before);

/* history.c */
/* The state may have changed: remember it, for the reason given. */
void history_note(struct cl_node *n, struct group *g, const char *why);
/* At the end of a step: what changed without a change of role. */
void history_follow(struct cl_node *n, struct group *g);
void failure_note(struct cl_node *n, uint8_t slot, const char *why);

/* message.c */
void message_send(struct cl_node *n, uint32_t group, uint64_t term, Holdfast__ClusterMessage *m);
void message_send_group(struct cl_node *n, const struct group *g, Holdfast__ClusterMessage *m);
/* For one member, over the snapshot channel: CL_FX_SNAPSHOT_SEND or _ASK. */
void message_send_snapshot(struct cl_node *n, const struct group *g, enum cl_effect_kind kind,
			   const struct member *to, Holdfast__ClusterMessage *m);
void message_deliver(struct cl_node *n, const struct cl_member *from, struct bytes data);
void message_snapshot(struct cl_node *n, struct bytes data);

/* What a handler is told of a delivered message. */
struct delivery {
	struct member *member; /* its sender, in the view, with slot */
	uint64_t term;
};

/* exec.c */
void exec_ask(struct cl_node *n, const struct cl_input *in);
void exec_answered(struct cl_node *n, const struct cl_input *in);
void exec_request(struct cl_node *n, const struct member *from, const Holdfast__ExecRequest *r);
void exec_reply(struct cl_node *n, const struct member *from, const Holdfast__ExecReply *r);
/* Members left: nobody waits for them any more. */
void exec_view_changed(struct cl_node *n);
void exec_timers(struct cl_node *n);
uint64_t exec_deadline(const struct cl_node *n);
void exec_free(struct cl_node *n);

/* config_sync.c */
void config_sync_offer(struct cl_node *n, const struct cl_input *in);
void config_sync_taken(struct cl_node *n, const struct cl_input *in);
void config_sync_offered(struct cl_node *n, const struct member *from,
			 const Holdfast__ConfigOffer *m);
void config_sync_done(struct cl_node *n, const struct member *from, const Holdfast__ConfigDone *m);
/* By the snapshot channel. */
void config_sync_request(struct cl_node *n, const struct group *g, uint8_t slot,
			 const Holdfast__ConfigRequest *m);
void config_sync_piece(struct cl_node *n, uint8_t slot, const Holdfast__ConfigPiece *m);
/* A member follows this owner: by its marker, or as one that is synced. */
void config_sync_follows(struct cl_node *n, const struct group *g, struct member *m);
/* At the end of a step: timers, members and owners that are gone, who is to have what we run. */
void config_sync_follow(struct cl_node *n);
uint64_t config_sync_deadline(const struct cl_node *n);
bool config_sync_receiving(const struct cl_node *n);
void config_sync_free(struct cl_node *n);

/* membership.c */
void membership_view(struct cl_node *n, const struct cl_input *in);
void membership_quorum(struct cl_node *n, const struct cl_input *in);
void membership_message(struct cl_node *n, const struct cl_input *in);
void membership_disconnected(struct cl_node *n);
void membership_hello(struct cl_node *n, const struct cl_member *from, uint8_t slot,
		      const Holdfast__Hello *h);
void membership_say_hello(struct cl_node *n);
/* R22: our own configuration is another one. */
void membership_digest(struct cl_node *n, const uint8_t digest[32]);
bool membership_has_state(const struct cl_node *n);
void membership_free(struct cl_node *n);
struct member *member_find(struct cl_node *n, const struct cl_member *id);
struct member *member_by_slot(struct cl_node *n, uint8_t slot);
bool member_all_hello(const struct cl_node *n);
/* R11: no other member says that it may have owned terms which it does not know. */
bool member_terms_known(const struct cl_node *n, const struct group *g);
/*
 * A member that comes from elsewhere may know of a higher term or hold more of the log: hear it
 * first, but not for ever.
 */
uint64_t member_hello_heard_ns(const struct cl_node *n);
/* R15, R22: every member of the view has said in it what it holds. */
bool member_all_heard(const struct cl_node *n);
/* The view has quorum, and votequorum has not spoken of a later ring yet. */
bool membership_is_current(const struct cl_node *n);
static inline bool view_quorate(const struct cl_node *n)
{
	return n->view.joined && n->view.established && n->view.quorate;
}

/* ownership.c */
/* In this view, or one that has ended, there was none: what is held may be behind. */
void ownership_without_quorum(struct cl_node *n);
/* With quorum again: has anybody owned the group meanwhile? */
void ownership_consider(struct cl_node *n, struct group *g);
/* The owner may act as one: quorum, and nobody else can have owned the group without it. */
static inline bool ownership_is_sure(const struct cl_node *n, const struct group *g)
{
	return view_quorate(n) && !g->unsure;
}
/* R23: lineages (and owners) compare as (term, slot). <0, 0, >0. */
int ownership_compare(uint64_t term_a, uint8_t slot_a, uint64_t term_b, uint8_t slot_b);
/* The owner of the log that we follow is a process in the view. */
struct member *owner_member(struct cl_node *n, const struct group *g);
void ownership_view_changed(struct cl_node *n, struct group *g);
/*
 * Somebody says it owns the group, and it was not by a claim that we delivered (join, heal):
 * R23.
 */
void ownership_learned(struct cl_node *n, struct group *g, const struct member *m, uint64_t term,
		       uint16_t protected_set, uint64_t heartbeat);
/* A member holds synced state of (term, owner): ours may be of a losing lineage. */
void ownership_lineage(struct cl_node *n, struct group *g, uint64_t term, uint8_t owner);
/* What is held is state no more, but kept; the role is the caller's business. */
void ownership_drop_state(struct cl_node *n, struct group *g);
/* The same, and become a joiner. */
void ownership_lose_state(struct cl_node *n, struct group *g, const char *why);
/* m owns term, and its log does not go on from what is held here. */
void ownership_follow_anew(struct cl_node *n, struct group *g, const struct member *m,
			   uint64_t term, const char *why);
/* slot starts a new term of the log behind what is applied. */
void ownership_begin(struct cl_node *n, struct group *g, const struct member *m, uint64_t term);
bool ownership_protected_present(struct cl_node *n, const struct group *g);

/* claim.c */
void claim_deliver(struct cl_node *n, struct group *g, const struct delivery *d,
		   const Holdfast__ClusterMessage *m);
void claim_consider(struct cl_node *n, struct group *g);
/* R15: an empty start is safe; it waits for nobody's word but an operator's or Pacemaker's. */
bool claim_may_begin_empty(const struct cl_node *n, const struct group *g);
/* The node that a takeover or an empty start waits for to be fenced; 0: none. */
uint32_t claim_awaits_fencing_of(const struct cl_node *n, const struct group *g);
void claim_term_written(struct cl_node *n, struct group *g, uint64_t term, bool ok);
/* Put the next term on disk now, to be claimed later. */
void claim_reserve(struct cl_node *n, struct group *g);
bool claim_is_reserved(const struct cl_node *n, const struct group *g);
void claim_forget(struct group *g);
/* Another owner begins: what was to settle has ended. */
void claim_unsettle(struct group *g);
void claim_settle(struct cl_node *n, struct group *g);
/* A member has spoken under the term of our claim. */
void claim_followed(struct cl_node *n, struct group *g, const struct member *m);
/* The owner that we follow says in another ring that it does not own the term: it gave it up. */
bool claim_taken_back(struct cl_node *n, struct group *g, const struct member *m,
		      const Holdfast__GroupStatus *s);
void claim_view_changed(struct cl_node *n, struct group *g);
/* A message of our own came back. */
void claim_own_delivered(struct cl_node *n, struct group *g, uint64_t sequence);

/* heartbeat.c */
void heartbeat_begin(struct cl_node *n, struct group *g, uint64_t claim_emitted_ns);
void heartbeat_end(struct cl_node *n, struct group *g);
void heartbeat_send(struct cl_node *n, struct group *g);
void heartbeat_deadline_passed(struct cl_node *n, struct group *g);
/* Silence before the deadline has come. */
void heartbeat_deadline_now(struct cl_node *n, struct group *g);
/* The owner may send again, as soon as a heartbeat extends its deadline. */
void heartbeat_resume(struct cl_node *n, struct group *g);
void heartbeat_deliver(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m);
uint64_t heartbeat_silent_ns(const struct cl_node *n, const struct group *g);
/* R10: too old to have everything, or nobody can say. */
bool heartbeat_is_stale(const struct cl_node *n, const struct group *g);
/* Owner, in a new view: there may have been a ring without us, and an owner in it. */
bool heartbeat_left_out(const struct cl_node *n, const struct group *g);
uint64_t cluster_time_ms(const struct cl_node *n, uint64_t now_ns);

/* protect.c */
void protect_begin(struct cl_node *n, struct group *g);
void protect_end(struct cl_node *n, struct group *g);
void protect_members_changed(struct cl_node *n, struct group *g);
void protect_announce(struct cl_node *n, struct group *g);
void protect_synced(struct cl_node *n, struct group *g, const struct delivery *d,
		    const Holdfast__ClusterMessage *m);
/* Our claim has settled: who said SYNCED before is protected now. */
void protect_settled(struct cl_node *n, struct group *g);
void protect_ack(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m);
void protect_protected(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m);
void protect_unprotected(struct cl_node *n, struct group *g, const struct delivery *d,
			 const Holdfast__ClusterMessage *m);
void protect_commit_timeout(struct cl_node *n, struct group *g);
void protect_drop(struct cl_node *n, struct group *g);
/* committed may have moved: tell, and run R6's clock. */
void protect_committed(struct cl_node *n, struct group *g, uint64_t before);
/* The standby to hand over to, a drained one only when it may be; 0: none. */
uint8_t protect_best(struct cl_node *n, const struct group *g, bool drained_too);

/* log.c */
void log_records(struct cl_node *n, struct group *g, const struct ss_record *records,
		 size_t n_records);
void log_batch(struct cl_node *n, struct group *g, const struct delivery *d,
	       const Holdfast__ClusterMessage *m);
/*
 * An entry of the log was delivered: apply, keep for the join, or find a gap. records is NULL
 * for PROTECTED.
 */
void log_deliver(struct cl_node *n, struct group *g, const struct delivery *d, uint64_t position,
		 const struct bytes *records);
enum result log_apply(struct cl_node *n, struct group *g, struct bytes records) WARN_UNUSED;
void log_replay_store(struct cl_node *n, const struct group *g);
void log_ack(struct cl_node *n, struct group *g);

/* kept.c */
/* The state is to go: keep it, should nobody have a better one. */
void kept_take(struct cl_node *n, struct group *g);
void kept_free(struct group *g);
/* Nobody else holds more and nobody owns the group: back to what is kept. */
void kept_consider(struct cl_node *n, struct group *g);

/* join.c */
void join_start(struct cl_node *n, struct group *g);
void join_stop(struct group *g);
void join_keep(struct cl_node *n, struct group *g, uint64_t position, const struct bytes *records);
void join_marker(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m);
/* No progress: ask again, or begin again. */
void join_timeout(struct cl_node *n, struct group *g);
void join_chunk(struct cl_node *n, struct group *g, const Holdfast__Snapshot *m);
/* Our claim has settled, or our doubt has ended: markers that came before are served. */
void join_settled(struct cl_node *n, struct group *g);
void join_request(struct cl_node *n, struct group *g, uint8_t slot,
		  const Holdfast__SnapshotRequest *m);
void join_serve_ready(struct cl_node *n, struct group *g, uint8_t slot);
/* The joiner has said SYNCED. */
void join_served(struct cl_node *n, struct group *g, uint8_t slot, uint64_t join_id);
void join_serve_stop(struct group *g, uint8_t slot);

/* fence.c: "failover takeover fenced", "failover empty-start fenced" */
/* The owner is not in the view any more. */
void fence_owner_left(struct cl_node *n, struct group *g);
void fence_confirmed(struct cl_node *n, uint32_t node_id);
/* Who is in the view again is not fenced any more. */
void fence_view_changed(struct cl_node *n);
/* R15: with "empty-start fenced", one who is not in the view and not confirmed to be off; 0: nobody. */
uint32_t fence_missing(const struct cl_node *n);
/* R15: all are here, or with "empty-start fenced" confirmed to be off. */
bool fence_nobody_missing(const struct cl_node *n);

/* lineage.c: all of R23's question where two logs parted */
/* slot owns term from position begin on. */
void lineage_begin(struct lineage *l, uint64_t term, uint8_t slot, uint64_t begin);
/* It does not after all. */
void lineage_undo(struct lineage *l, uint64_t term);
/* The last ownership that both have; false: none. *fork: up to where they are one log; l goes up
 * to applied. */
bool lineage_fork(const struct lineage *l, uint64_t applied, const struct lineage *other,
		  struct ownership *last, uint64_t *fork);
/* fork lies within what l has of (term, slot). */
bool lineage_has(const struct lineage *l, uint64_t term, uint8_t slot, uint64_t fork);
void lineage_take(struct lineage *l, const Holdfast__GroupStatus *s);

/* part.c: the lower of two owners (R23) */
/* Before the state is dropped. */
void part_begin(struct cl_node *n, struct group *g);
void part_stop(struct group *g);
/* What is held is lost, and that is told. */
void part_give_up(struct cl_node *n, struct group *g, const char *why);
/* The datapath has stopped: its last numbers. */
void part_stopped(struct cl_node *n, struct group *g, const struct ss_record *numbers,
		  size_t count);
/* Of our own log, delivered when we do not own it any more; false: not of the part. */
bool part_own_log(struct cl_node *n, struct group *g, const struct delivery *d,
		  const Holdfast__ClusterMessage *m);
/* Something moved: send, if there is somebody who can take it. */
void part_continue(struct cl_node *n, struct group *g);
void part_taken(struct cl_node *n, struct group *g, const struct delivery *d,
		const Holdfast__ClusterMessage *m);
void part_timeout(struct cl_node *n, struct group *g);

/* merge.c: the higher one */
void merge_chunk(struct cl_node *n, struct group *g, uint8_t slot, const Holdfast__Part *m);
void merge_forget(struct group *g);
/* All of a part is here: begin when nothing else is under way. */
void merge_consider(struct cl_node *n, struct group *g);
void merge_continue(struct cl_node *n, struct group *g);
/* Our claim behind it is valid. */
void merge_settled(struct cl_node *n, struct group *g);

/* preempt.c */
void preempt_role_changed(struct cl_node *n, struct group *g, enum cl_role from);
void preempt_owner_changed(struct cl_node *n, struct group *g);
void preempt_consider(struct cl_node *n, struct group *g);
/* As the owner: whether a preempting member is kept waiting. */
bool preempt_refused(struct cl_node *n, const struct group *g);
/* This unit may own the group again. */
void preempt_available(struct cl_node *n, struct group *g);

/* health.c */
void health_told(struct cl_node *n, const struct cl_health *told);
void health_timers(struct cl_node *n);
uint64_t health_deadline(const struct cl_node *n);
void health_consider(struct cl_node *n, struct group *g);
/* Not failed by the policy, and nothing that failed came back a moment ago. */
bool health_is_good(const struct cl_node *n, const struct group *g);
/*
 * Of two members, one that its interfaces make a failed unit goes behind one that they do not: <0: a
 * first, >0: b first, 0: no difference.
 */
int health_compare(const struct cl_node *n, const struct group *g, const struct member *a,
		   const struct member *b);
const char *health_objection(struct cl_node *n, const struct group *g);
size_t health_hello(const struct cl_node *n, Holdfast__InterfaceStatus status[CL_LINKS_MAX],
		    Holdfast__InterfaceStatus *list[CL_LINKS_MAX]);
void health_heard(struct cl_node *n, struct member *m, const Holdfast__Hello *h);

/* drain.c */
void drain_set(struct cl_node *n, bool drained);
void drain_consider(struct cl_node *n, struct group *g);
/* An undrained member goes before a drained one. <0: a first, >0: b first, 0: no difference. */
static inline int drain_compare(bool a_drained, bool b_drained)
{
	return (int)a_drained - (int)b_drained;
}

/* handover.c */
/* False when there is nobody to hand over to who is not drained as well. */
bool handover_drain(struct cl_node *n, struct group *g);
void handover_go_active(struct cl_node *n, struct group *g);
void handover_go_standby(struct cl_node *n, struct group *g);
void handover_stop(struct cl_node *n, struct group *g);
void handover_request(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m);
void handover_prepare(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m);
void handover_ready(struct cl_node *n, struct group *g, const struct delivery *d,
		    const Holdfast__ClusterMessage *m);
void handover_cancelled(struct cl_node *n, struct group *g, const struct delivery *d,
			const Holdfast__ClusterMessage *m);
void handover_release(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m);
void handover_prepared(struct cl_node *n, struct group *g);
/* As the owner, to a protected standby. */
void handover_to(struct cl_node *n, struct group *g, uint8_t slot);
void handover_quiesced(struct cl_node *n, struct group *g);
void handover_relay_done(struct cl_node *n, struct group *g);
/* Something moved (committed, a view, a term on disk): go on if possible. */
void handover_continue(struct cl_node *n, struct group *g);
void handover_timeout(struct cl_node *n, struct group *g);
void handover_stop_timeout(struct cl_node *n, struct group *g);
/* The role of this node or the owner changed: commands that wait for it end. */
void handover_settled(struct cl_node *n, struct group *g);

#endif
