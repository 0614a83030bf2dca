/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Membership, failover groups, roles: who owns what, and which output may
 * leave. A pure state machine like the IKE engine: what Corosync, the timer
 * and node/ tell it goes in, effects come out. Rules R3..R15, R17, R19, R21,
 * R22 (marker and position), R23, R24 of replication.md.
 *
 * All members deliver the same messages in the same order between the same
 * views, so every decision about claims is taken from delivered messages
 * only and comes out the same everywhere; local clocks decide only when to
 * ask (a claim) and when to be silent (R12).
 *
 * Clocks: now_ns is this node's CLOCK_BOOTTIME. Cluster time (ms) is
 * boottime plus an offset that is learnt from the owner's heartbeats.
 */
#ifndef HF_CLUSTER_CLUSTER_H
#define HF_CLUSTER_CLUSTER_H

#include "base/log.h"
#include "statesync/statesync.h"

#define CL_MEMBERS_MAX   16
#define CL_GROUPS_MAX    16
#define CL_NAME_MAX      65
#define CL_LINKS_MAX     16 /* interfaces of a member */
/*
 * R11: each claim exceeds every term that was ever announced, so that one near the end of the number
 * space would end all claims. No cluster comes to this one by claims.
 */
#define CL_TERM_MAX      (UINT64_C(1) << 48)
/* "failover exec" */
#define CL_EXEC_LINE_MAX 4096u
#define CL_EXEC_TEXT_MAX (1u << 20) /* what answers with more cuts it, or says so */
#define CL_EXEC_LIMIT_MS 5000u      /* from the request to the last piece of its answer */
/* replication of the configuration */
#define CL_CONFIG_MAX    (64u << 20)
#define CL_CONFIG_WHY    480 /* what a member says of a configuration that it refuses */

struct cl_node;

/* What Corosync calls a ring: every membership has a new one. */
struct cl_ring_id {
	uint32_t node_id;
	uint64_t seq;
};

enum cl_role {
	CL_ROLE_OFFLINE,   /* no CPG, no quorum view, or stopping */
	CL_ROLE_JOINING,   /* member without complete state */
	CL_ROLE_STANDBY,   /* synced */
	CL_ROLE_PREPARING, /* next owner of a handover */
	CL_ROLE_ACTIVE,    /* owner of this term */
	CL_ROLE_RELEASING, /* owner that hands over: datapath stopped */
};
const char *cl_role_name(enum cl_role r); /* "Active", "Standby Ready": the ASA's words */

/*
 * The state of this unit as the ASA names it. Two of its steps (Active Applying Config, Active
 * Config Applied) have no counterpart here: a standby has applied what it holds.
 */
enum cl_state {
	CL_STATE_NOT_DETECTED,  /* this process has seen no view yet */
	CL_STATE_FAILED,        /* cut off from Corosync */
	CL_STATE_NEGOTIATION,   /* in a view; nobody is known to own the group */
	CL_STATE_COLD_STANDBY,  /* there is an owner; its state is not on its way yet */
	CL_STATE_SYNC_CONFIG,   /* the owner's configuration is on its way */
	CL_STATE_BULK_SYNC,     /* joining: R22 */
	CL_STATE_STANDBY_READY, /* synced */
	CL_STATE_JUST_ACTIVE,   /* our claim is valid, no heartbeat of the term is delivered yet */
	CL_STATE_ACTIVE,
	CL_STATE_ACTIVE_DRAIN, /* handing over: datapath stopped, the last records on their way */
	CL_STATES
};
const char *cl_state_name(enum cl_state s);

enum cl_role_manager { CL_MANAGER_INTERNAL, CL_MANAGER_PACEMAKER };
enum cl_empty_start { CL_EMPTY_FENCED, CL_EMPTY_AFTER, CL_EMPTY_NEVER };

/* On the wire in ConfigOffer.why: never renumbered. */
enum cl_config_why {
	CL_CONFIG_REPLACE = 1, /* write standby, a reload, a join: the member takes it */
	CL_CONFIG_SAVE = 2,    /* write memory: who has it only looks after its file */
};

/* An interface as the ASA names its state; on the wire in InterfaceStatus: never renumbered. */
enum cl_link_state {
	CL_LINK_UNKNOWN = 0,
	CL_LINK_NORMAL = 1,
	CL_LINK_WAITING = 2, /* up again, and not for the hold time yet */
	CL_LINK_NO_LINK = 3, /* no carrier */
	CL_LINK_DOWN = 4,    /* administratively */
	CL_LINK_FAILED = 5,  /* there is no such device */
	CL_LINK_STATES
};

struct cl_link {
	char nameif[CL_NAME_MAX];
	uint32_t group; /* that it serves, and that is handed over for it */
	enum cl_link_state state;
	bool monitored;
};

/* What node/ sees of its interfaces (never WAITING), and what the configuration says of them. */
struct cl_health {
	size_t n_links;
	struct cl_link links[CL_LINKS_MAX];
	uint32_t failures; /* that make a unit a failed one; 0: one */
	bool percent;      /* of the monitored interfaces */
	/* how long a link has to be up until it counts, and down until the group is handed over */
	uint32_t link_state_ms;
	uint32_t hold_ms; /* how long it has to be up until preempt trusts it */
};

struct cl_group_config {
	uint32_t group;            /* 1.. */
	uint8_t preferred_slot;    /* claims at once in an empty start; 0: none */
	bool preempt;              /* the preferred unit asks for it when it is available again */
	uint32_t preempt_after_ms; /* of being available; 0: at once */
};

struct cl_node_config {
	uint32_t node_id;           /* Corosync's */
	uint8_t slot;               /* R14, 1..15 */
	uint8_t unit;               /* what the others show it as; 0: unknown */
	struct secret failover_key; /* adopted */
	uint8_t salt[32];           /* R3: random, of this process start */
	uint8_t config_digest[32];
	char hostname[CL_NAME_MAX], software[CL_NAME_MAX]; /* told to the others */
	uint32_t version_min, version_max;
	uint32_t token_ms, consensus_ms; /* read through cmap */
	uint32_t commit_timeout_ms;      /* R6; 0, or lower: token + consensus + 200 */
	uint32_t deadline_ms;            /* R12; 0: 2000; raised above token + consensus */
	uint32_t heartbeat_ms;           /* 0: 100 */
	enum cl_role_manager manager;
	bool fenced_takeover; /* a lost node's group waits until CL_IN_FENCED names the node */
	/* Corosync's node list: who can be missing, and fenced (R15); 0: unknown */
	uint32_t nodes[CL_MEMBERS_MAX];
	size_t n_nodes;
	enum cl_empty_start empty_start;
	uint32_t empty_start_after_ms;
	bool drained;      /* "node drain" was said before this start */
	bool wait_for_all; /* votequorum's flag: an empty start needs all expected members (R15) */
	uint32_t expected_votes; /* of all members that are configured */
	/* of all nodes, which may have several, and of a quorum device; 0: one of each member */
	uint32_t votes;
	uint64_t realtime_ms; /* first guess of cluster time at now_ns == start_ns */
	uint64_t start_ns;
	uint8_t hash_seed[16];
	size_t n_groups;
	struct cl_group_config groups[CL_GROUPS_MAX];
	uint64_t term_on_disk[CL_GROUPS_MAX]; /* R11; 0: none */
	ss_seal_fn on_seal;                   /* NULL: nobody looks (ss_sealer_watch) */
	void *on_seal_ctx;
	/* R11: the file was lost and says nothing of earlier terms; an inherited group is claimed
	 * with a gap of terms */
	bool terms_unknown[CL_GROUPS_MAX];
};

struct cl_node *cl_node_new(struct cl_node_config *cfg); /* adopts failover_key */
void cl_node_free(struct cl_node *n);

/* ---- inputs ---- */

enum cl_input_kind {
	CL_IN_VIEW,     /* CPG configuration change: members after it, and the ring it belongs to */
	CL_IN_QUORUM,   /* votequorum: ring, quorate */
	CL_IN_MESSAGE,  /* CPG delivery, in agreed order, own messages included */
	CL_IN_SNAPSHOT, /* snapshot channel: sealed bytes from a member */
	CL_IN_ACK,      /* sealed bytes of a CL_FX_ACK, or of anybody */
	/* snapshot channel can take another chunk for slot; follows each SNAPSHOT_SEND */
	CL_IN_SNAPSHOT_READY,
	CL_IN_DISCONNECTED, /* CPG or quorum connection lost: silence at once (R12) */
	CL_IN_TIMER,
	CL_IN_TERM_WRITTEN, /* fsync of a term is done (R11); ok */
	CL_IN_RECORDS,      /* owner: append these records in one batch */
	CL_IN_ADDRESS,      /* relay address of this node changed (announced in HELLO) */
	CL_IN_PREPARED,     /* answer to CL_FX_PREPARE: datapath reads nothing and queues */
	CL_IN_QUIESCED,     /* answer to CL_FX_QUIESCE: datapath stopped, final records appended */
	CL_IN_STOPPED_APART, /* answer to CL_FX_PART: records are the last numbers of all CHILD SAs */
	CL_IN_RELAY_DONE,    /* no straggler for 2 s (R19) */
	CL_IN_GO_ACTIVE,     /* "failover active", Pacemaker's promote */
	/* "no failover active", demote: hand over to the best protected standby */
	CL_IN_GO_STANDBY,
	CL_IN_FENCED, /* from_node_id cannot send any more: Pacemaker has confirmed it, or somebody */
	CL_IN_STOP,   /* R21: hand over, then CL_FX_STOPPED */
	CL_IN_CONFIG_DIGEST,
	/*
	 * The owner's configuration for the member in slot, or for all (0): data, digest, why;
	 * token comes back with each CL_FX_CONFIG_DONE.
	 */
	CL_IN_CONFIG_OFFER,
	CL_IN_CONFIG_TAKEN, /* answer to CL_FX_CONFIG, with its token: reason, and data says why */
	CL_IN_LINKS, /* health: the interfaces of this node, whenever anything of them changed */
	CL_IN_EXEC,  /* "failover exec": slot is to run data; token names the answer */
	CL_IN_EXEC_ANSWER, /* answer to CL_FX_EXEC, with its token: data, exit */
	CL_IN_DRAIN,       /* "node drain", or with ok false "node resume": of all groups */
	/* R24: limit of the cluster (0: none), in_share: IKE SAs of the group that count against
	 * our share; again after each ROLE active and each ADMISSION that changes carried */
	CL_IN_ADMISSION,
	CL_IN_FORGET, /* "node forget": from_node_id will not come back as it was */
	CL_IN_RESYNC, /* a record of the store cannot be used here: join again (no owner) */
};

struct cl_member {
	uint32_t node_id;
	uint32_t pid;
};

struct cl_input {
	enum cl_input_kind kind;
	uint32_t group;
	struct cl_ring_id ring;
	size_t n_members;
	struct cl_member members[CL_MEMBERS_MAX];
	bool quorate;
	bool ok;
	uint32_t from_node_id;
	uint32_t from_pid;
	uint8_t slot;
	struct bytes data;               /* MESSAGE, SNAPSHOT, ACK: borrowed */
	const struct ss_record *records; /* RECORDS: borrowed */
	size_t n_records;
	uint64_t term;
	uint64_t token;             /* EXEC, EXEC_ANSWER, CONFIG_OFFER, CONFIG_TAKEN */
	enum cl_config_why why;     /* CONFIG_OFFER */
	enum result reason;         /* CONFIG_TAKEN */
	uint32_t exit;              /* EXEC_ANSWER */
	bool json;                  /* EXEC */
	struct inet_endpoint relay; /* ADDRESS */
	uint8_t digest[32];
	const struct cl_health *health; /* LINKS: borrowed */
	uint32_t limit, in_share;       /* ADMISSION */
};

/* ---- effects ---- */

enum cl_effect_kind {
	CL_FX_MCAST,         /* data: send to the CPG group, in order */
	CL_FX_SNAPSHOT_SEND, /* data: a chunk for the joiner in slot, by the snapshot channel */
	/* data: a request to the owner in slot, by the snapshot channel; mate: its relay address */
	CL_FX_SNAPSHOT_ASK,
	/*
	 * data: to the owner in slot, at mate's address: a copy of an acknowledgement that is
	 * multicast as well; it may be lost
	 */
	CL_FX_ACK,
	CL_FX_WRITE_TERM, /* group, term: write and fsync, then CL_IN_TERM_WRITTEN */
	CL_FX_ROLE,       /* group, role, term, suspect, reason; see below */
	CL_FX_DEADLINE,   /* group, deadline_ns: workers and control may send until then (R12) */
	CL_FX_COMMITTED,  /* group, position: release what is held up to it (R4) */
	/* group, record: now in the store; all but its author import it (hot standby) */
	CL_FX_APPLY,
	CL_FX_RESET, /* group: store replaced or cleared: forget imports; APPLY of all follows */
	CL_FX_PROTECTION, /* group, is_protected, set */
	CL_FX_PREPARE,    /* group: become ready to take over (READY), then CL_IN_PREPARED */
	/* group, mate: stop, relay to it, append exact counters, then CL_IN_QUIESCED */
	CL_FX_QUIESCE,
	/* group: another owner is higher (R23): the datapath stops, then CL_IN_STOPPED_APART */
	CL_FX_PART,
	/* group: an interface of the owner is up again: what it said of its addresses was lost */
	CL_FX_ANNOUNCE,
	CL_FX_STOPPED,   /* answer to CL_IN_STOP */
	CL_FX_EXEC,      /* token, slot, data, json: run it for the member in slot */
	CL_FX_EXEC_DONE, /* token, slot, ok, exit, data; or reason and why it has no answer */
	/* slot: a member that joined has another configuration; CL_IN_CONFIG_OFFER answers */
	CL_FX_CONFIG_WANTED,
	/*
	 * token, slot, digest, data: check it, put it into force and write it down, or only look
	 * after the file (no data); then CL_IN_CONFIG_TAKEN
	 */
	CL_FX_CONFIG,
	/*
	 * token, slot, ok, reason; what the member says (data, text) or why: one per member, in
	 * exit how many are still to come, config_why as in the offer. Slot 0: nobody was asked.
	 */
	CL_FX_CONFIG_DONE,
	/*
	 * share: so many IKE SAs may count against it, UINT32_MAX: no limit; carried: those of now
	 * count no more, and none that is taken over without a handover, until it is 0 again, and
	 * when it is another number those of then
	 */
	CL_FX_ADMISSION,
	CL_FX_COMMAND_DONE, /* a GO_ACTIVE / GO_STANDBY ended: ok, reason */
	CL_FX_LOG,
};

struct cl_effect {
	enum cl_effect_kind kind;
	uint32_t group;
	uint8_t slot;
	uint64_t term;
	enum cl_role role;
	bool suspect; /* R10 */
	/* ROLE active: the newest takeover that was suspect, this one or one before; 0: none */
	uint64_t suspect_term;
	bool handover; /* ROLE active: behind RELEASE, exact counters hold (R19) */
	/* QUIESCE: to ourselves (R23). The datapath queues; what comes is not recorded any more. */
	bool merge;
	bool terms_unknown; /* WRITE_TERM: to be kept with the term */
	bool ok;
	bool is_protected;
	uint16_t set;
	uint64_t token;
	uint32_t exit;
	bool json;
	uint32_t share;   /* ADMISSION */
	uint32_t carried; /* ADMISSION */
	uint64_t position;
	uint64_t deadline_ns;
	uint8_t digest[32]; /* CONFIG */
	enum cl_config_why config_why;
	uint64_t silence_ms; /* ROLE active: since the last heartbeat of the former owner (R10) */
	struct inet_endpoint mate; /* QUIESCE: relay address of the next owner; SNAPSHOT_ASK, ACK */
	const struct ss_record *record; /* APPLY: borrowed until the outbox is cleared */
	struct buf data;
	enum result reason;
	/*
	 * Static text for show and log: "owner left", "owner silent", "handover", "empty
	 * start", ...
	 */
	const char *why;
	struct log_event *log; /* LOG: owned */
};

struct cl_outbox {
	struct cl_effect *fx;
	size_t n, cap;
	struct ss_record *kept; /* storage behind borrowed records */
	size_t n_kept, cap_kept;
};
/* What is in it is wiped and freed; its arrays wait for the next step. */
void cl_outbox_reset(struct cl_outbox *o);
/* The same, and the arrays are freed. */
void cl_outbox_clear(struct cl_outbox *o);

void cl_step(struct cl_node *n, uint64_t now_ns, const struct cl_input *in, struct cl_outbox *out);
/* Nanoseconds of CLOCK_BOOTTIME; UINT64_MAX when nothing is due. */
uint64_t cl_next_deadline(const struct cl_node *n);

/* Position that an effect emitted now must wait for: the last appended one (R4). */
uint64_t cl_position(const struct cl_node *n, uint32_t group);
uint64_t cl_committed(const struct cl_node *n, uint32_t group);
uint64_t cl_cluster_time_ms(const struct cl_node *n, uint64_t now_ns);
const struct ss_store *cl_store(const struct cl_node *n, uint32_t group);
bool cl_is_protected(const struct cl_node *n, uint32_t group);
/* R17: a lease that is committed now counts: a standby holds it, or this side has quorum. */
bool cl_may_grant(const struct cl_node *n, uint32_t group);

/* Whose word on the configuration counts. */
enum cl_config_role {
	CL_CONFIG_ALONE,   /* nobody owns a group: every unit for itself */
	CL_CONFIG_ACTIVE,  /* this unit's */
	CL_CONFIG_STANDBY, /* that of another member, whose digest it is */
};
enum cl_config_role cl_config_role(const struct cl_node *n, uint8_t digest[32]);

/* ---- for show failover ---- */

struct cl_member_status {
	uint32_t node_id;
	uint8_t slot; /* 0: no HELLO yet */
	uint8_t unit; /* as it says; 0: unknown */
	bool self, owner, synced, in_protected_set, digest_differs, slot_refused, drained;
	uint64_t acked;
	char hostname[CL_NAME_MAX], software[CL_NAME_MAX]; /* printable ASCII; "" when unknown */
};

struct cl_group_status {
	uint32_t group;
	enum cl_role role;
	uint64_t term;
	uint8_t owner_slot; /* 0: none */
	bool is_protected, unprotected_self_grants, quorate;
	uint32_t slot_holder; /* R14: the node for which this one stays out; 0: none */
	/* a takeover, or an empty start, waits for the fencing of this node; 0: none */
	uint32_t unfenced_node;
	bool may_begin_empty; /* R15: nobody holds state, and all who are missing are fenced */
	uint64_t applied, appended, committed;
	uint64_t heartbeat_age_ms;
	uint64_t records_sent, records_received, messages_refused;
	uint64_t takeovers, suspect_takeovers, handovers, degraded, claims_refused;
	/* R23: as the lower owner; as the higher one, and what came of it: IKE SAs taken whole and
	 * set up anew, CHILD SAs rekeyed; merges that were refused or given up, on either side */
	uint64_t split_brains, merges, merged_taken, merged_anew, merged_rekeyed, merges_failed;
	uint64_t last_change_ms; /* cluster time of the last role change here */
	const char *last_why;
	size_t n_members;
	struct cl_member_status members[CL_MEMBERS_MAX];
};
/* Why CL_IN_FENCED would not be believed of this node; NULL: it would be. */
const char *cl_fenced_objection(const struct cl_node *n, uint32_t node_id);

enum result cl_group_status(const struct cl_node *n, uint32_t group, uint64_t now_ns,
			    struct cl_group_status *out) WARN_UNUSED;

/* The same in few words, for who asks often. */
struct cl_place {
	enum cl_role role;
	uint8_t owner_slot; /* 0: none */
	uint64_t term, applied;
};
struct cl_place cl_place(const struct cl_node *n, uint32_t group);

/* The interfaces of the member in slot, as far as it told; returns how many. */
size_t cl_links(const struct cl_node *n, uint8_t slot, struct cl_link out[CL_LINKS_MAX]);

/* By the numbers of ClusterMessage.body in records.proto; 0: of a newer version. */
#define CL_MESSAGE_KINDS 32
/* "handover_request"; NULL for a number that names none. */
const char *cl_message_name(unsigned int kind);

/* Why a message that opened, or that nobody here could open, had no effect. */
#define CL_DROP_LIST(X) \
	X(NOT_IN_VIEW, "not_in_view")   /* its sender, or this node */ \
	X(BEFORE_HELLO, "before_hello") /* of its sender in this ring */ \
	X(OTHER_RING, "of_another_ring") \
	X(OTHER_TERM, "of_another_term") \
	X(NO_GROUP, "of_no_group_here") \
	X(UNKNOWN_KIND, "of_unknown_kind") \
	X(OTHER_TRANSFER, "of_another_transfer")

enum cl_drop {
#define X(name, text) CL_DROP_##name,
	CL_DROP_LIST(X)
#undef X
		CL_DROPS
};
const char *cl_drop_name(enum cl_drop d);

/* What this node has counted since its start, in all groups. */
struct cl_stats {
	uint64_t messages_sent[CL_MESSAGE_KINDS], messages_received[CL_MESSAGE_KINDS];
	uint64_t bytes_sent, bytes_received; /* sealed; own messages come back and count too */
	uint64_t refused[R_COUNT_];          /* messages, by reason */
	uint64_t refused_sender;             /* not of the owner and term that are followed */
	uint64_t dropped[CL_DROPS];
	uint64_t views, resyncs, snapshots_sent, snapshots_received;
	uint64_t commit_timeouts;                  /* R6 */
	uint64_t deadlines_passed;                 /* R12 */
	uint64_t claims_sent, claims_refused;      /* R9 */
	uint64_t preempts_asked, preempts_refused; /* the latter as the owner */
	uint64_t digest_mismatches;                /* R22 */
	uint64_t configs_sent, configs_received;   /* taken there, taken here */
	uint64_t configs_refused;                  /* by others or here */
	uint64_t link_handovers;                   /* begun because of failed interfaces */
};
const struct cl_stats *cl_stats(const struct cl_node *n);

/* Call admission for the cluster (R24). */
#define CL_ADMISSION_MAX CL_MEMBERS_MAX
struct cl_admission_member {
	uint32_t node_id;
	char name[CL_NAME_MAX];
	bool self, present;
	bool gone;      /* for certain: it has no share */
	uint32_t share; /* at the most */
};
struct cl_admission {
	uint32_t limit;       /* 0: none */
	bool carried;         /* see CL_FX_ADMISSION */
	uint32_t share, pool; /* what this node may use, and what may be taken now */
	size_t n;
	struct cl_admission_member members[CL_ADMISSION_MAX];
};
void cl_admission(const struct cl_node *n, struct cl_admission *out);

/* From a position's append to its commit, while a standby acknowledges it (R4); microseconds. */
struct cl_latency {
	uint64_t n;
	uint64_t p50_us, p99_us, max_us; /* percentiles at most 12.5 % too high */
};
struct cl_latency cl_latency(const struct cl_node *n, uint32_t group);

#define CL_LATENCY_BUCKETS 256

/* So many took so long, and longer than the bucket before says. */
struct cl_latency_bucket {
	uint64_t most_us, n;
};

/* Those that are not empty, rising; counted from the start on. Returns how many. */
size_t cl_latency_buckets(const struct cl_node *n, uint32_t group,
			  struct cl_latency_bucket out[CL_LATENCY_BUCKETS]);

#define CL_HISTORY_MAX 60 /* as the ASA keeps */

/* One change of state of this unit. */
struct cl_history_entry {
	enum cl_state from, to;
	const char *why; /* static */
	uint64_t at_ms;  /* cluster time */
	uint64_t term;
};
/* The newest ones, oldest first; returns how many. */
size_t cl_history(const struct cl_node *n, uint32_t group,
		  struct cl_history_entry out[CL_HISTORY_MAX]);

struct cl_failure {
	const char *why; /* static; NULL: none */
	uint64_t at_ms;  /* cluster time */
};
/* Whom this node has last heard in a slot, also when it is gone. */
struct cl_known_unit {
	bool heard;
	uint8_t unit;
	uint32_t node_id;
	char hostname[CL_NAME_MAX];
};
struct cl_known_unit cl_known_unit(const struct cl_node *n, uint8_t slot);
/* What last befell the unit in slot, as far as this one saw it. */
struct cl_failure cl_last_failure(const struct cl_node *n, uint8_t slot);

#endif
