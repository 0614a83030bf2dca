/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by core.c, core_ike.c, core_child.c and takeover.c; nobody else. */
#ifndef HF_NODE_CORE_PRIVATE_H
#define HF_NODE_CORE_PRIVATE_H

#include "base/hashmap.h"
#include "node/core.h"

#define HF_TICK_NS           50000000ull    /* leases, checkpoints, liveness evidence */
#define HF_TICK_CHILDREN     500u           /* so many are visited at each tick, if there are */
#define HF_TICK_SLICE        250u           /* of them at once: everything else waits meanwhile */
#define HF_CHECKPOINT_NS     200000000ull   /* inbound checkpoint of a changed SA (R18) */
#define HF_CHECKPOINT_BUDGET 50000u         /* bytes per tick: 1 MB/s (R18) */
#define HF_REKEY_DELAY_NS    2000000000ull  /* after a takeover, before its paced rekeys begin */
#define HF_REKEYS_PER_TICK   5u             /* 100/s (R18) */
#define HF_REKEY_AGAIN_NS    30000000000ull /* a rekey that did not happen is asked for again */
/* R17: without ESN rekey when the lease comes this near 2^32 */
#define HF_SEQ32_RESERVE     (1u << 24)
#define HF_LEASE_MIN         65536u
#define HF_RESYNC_NS         10000000000ull

enum held_kind { HELD_SEND, HELD_USE_OUTBOUND, HELD_GRANT, HELD_SKIP };

/* What waits for its log position (R4). */
struct held {
	enum held_kind kind;
	struct inet_endpoint local, remote;
	struct buf datagram;
	bool udp_encap;
	bool response;
	uint8_t exchange;
	uint64_t token;
	uint64_t ike_spi;
	uint32_t spi_in;
	uint64_t lease_end;
	uint64_t seq; /* SKIP: the next outbound number */
};

/* What control keeps of a CHILD SA beside the engine and the datapath. */
struct core_child {
	uint32_t spi_in;
	uint32_t tunnel;
	bool esn;
	uint64_t rekey_asked_ns; /* 0: not asked for */
	bool rekey_after_takeover;
	uint64_t lifetime_kb;
	uint64_t lease_end;              /* newest lease appended or applied */
	uint64_t birth_term, lease_term; /* R10: of the SA, and of who granted that lease */
	bool lease_due;                  /* as soon as it has its record */
	uint64_t rate_pps;               /* outbound, smoothed */
	uint64_t in_rate_pps;
	uint64_t measured_ns; /* the last visit of core_tick(), for the rates; 0: none */
	uint64_t last_seq;
	uint64_t last_in_packets;
	uint64_t last_in_ms;      /* evidence of life already given to the engine */
	uint64_t checkpoint_edge; /* right edge last put into the log */
	uint64_t checkpoint_ns;
	uint64_t exposure;
	uint64_t refuse_up_to; /* once the peer has answered (RFC 6311); 0: it is not asked */
	uint64_t refuse_at_ns; /* when what was under way then has come; 0: it has not answered */
	bool rekey_though_synced;
	/* of former owners */
	uint64_t base_in_packets, base_in_bytes, base_out_packets, base_out_bytes;
	/* R23: what this node had sealed and opened when nobody else was protected any more */
	uint64_t alone_in, alone_out;
};

/* What the cores of a node share. */
struct core_node {
	struct cl_node *cluster;
	struct hf_core *core[CL_GROUPS_MAX];
	size_t n;
	struct cl_outbox outbox; /* empty between steps, for its memory */
	/* call admission (R24): what the cluster logic says, and what it was told */
	bool limited;
	uint32_t share, carried;
};

#define CORE_ENDED_MAX 32u

/* IKE SAs that have ended, until that is committed. */
struct core_admission {
	uint32_t seen;  /* in the share when it was last looked */
	uint32_t ended; /* in this turn */
	uint32_t told_limit, told;
	bool due; /* to be told again */
	size_t n;
	struct {
		uint64_t position;
		uint32_t n;
	} queue[CORE_ENDED_MAX];
};

struct hf_core {
	const struct config *config;
	struct ike_engine *engine;
	struct core_node *node;
	struct cl_node *cluster; /* node's */
	struct esp_datapath *datapath;
	struct hf_core_ops ops;
	void *ops_ctx;
	uint8_t slot;
	uint32_t group;
	uint64_t now_ns;
	enum cl_role role;
	uint64_t term;
	uint64_t suspect_term; /* R10: the newest takeover that was suspect, when this one began */
	uint64_t deadline_ns;  /* R12 */
	bool silent;           /* it has passed, and the world knows */
	uint64_t next_tick_ns;
	uint64_t rekey_from_ns;
	size_t tick_at; /* of the children, whose turn is next in core_tick() (R18) */
	struct {
		uint64_t from_ns; /* 0: none yet */
		size_t visits, checkpoint_bytes;
		unsigned int rekeys;
	} tick; /* under way: what it may still do */
	bool relaying;
	bool answer_prepared, answer_quiesced, answer_resync; /* owed to the cluster logic */
	bool answer_apart;
	struct ss_record *numbers; /* with answer_apart: the last ones of all CHILD SAs (R23) */
	size_t n_numbers;
	bool quiesced_for_merge;
	bool merging; /* R23: what the engine does is thrown away, the log begins the next term */
	uint64_t resync_from_ns;  /* no second resync before */
	struct hashmap *children; /* spi_in -> struct core_child */
	struct ss_hold *hold;
	struct held *turn; /* emitted in this turn, position not known yet */
	size_t n_turn, cap_turn;
	struct ss_record *records; /* of this turn */
	size_t n_records, cap_records;
	struct core_admission admission;
	struct hf_core_stats stats;
};

/* core.c */
void core_cluster_step(struct hf_core *c, const struct cl_input *in);
void core_log(struct hf_core *c, enum log_id id, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
uint64_t core_time_ms(const struct hf_core *c);
/* Hold item until the records of this turn are committed; adopts item->datagram. */
void core_hold(struct hf_core *c, const struct held *item);
void core_release(struct hf_core *c);
void core_drop_held(struct hf_core *c);
/* Put a record into this turn's batch; adopts it. */
void core_record(struct hf_core *c, struct ss_record *adopt);

static inline uint32_t core_lease_min(const struct config *cfg)
{
	return cfg->lease_min ? cfg->lease_min : HF_LEASE_MIN;
}

static inline unsigned int core_record_kind(const struct ss_record *r)
{
	return r->kind < HF_RECORD_KINDS ? r->kind : 0;
}

/* core_ike.c */
void core_ike(struct hf_core *c, const struct ike_input *in);

/* core_child.c */
struct core_child *core_child_find(const struct hf_core *c, uint32_t spi_in);
void core_child_install(struct hf_core *c, const struct child_sa_state *s);
void core_child_remove(struct hf_core *c, uint32_t spi_in);
void core_children_forget(struct hf_core *c);
void core_child_lease(struct hf_core *c, struct core_child *k);
/* Numbers that one lease adds. */
uint64_t core_child_lease_block(const struct hf_core *c, const struct core_child *k);
/* R10: an owner that went on without us may have used numbers behind the lease that is known. */
bool core_child_in_doubt(const struct hf_core *c, const struct core_child *k);
/* Its numbers, or those of an owner before, are a guess: it is to be rekeyed. */
bool core_child_guessed(const struct hf_core *c, const struct core_child *k);
void core_child_recorded(struct hf_core *c, uint32_t spi_in);
/* Behind all that such an owner may have used. */
uint64_t core_child_jump(const struct hf_core *c, const struct core_child *k, uint64_t silence_ms);
/* A lease is committed: it may be used now (R17). */
void core_child_grant(struct hf_core *c, const struct held *h);
void core_tick(struct hf_core *c);
uint64_t core_checkpoint_age_ms(const struct hf_core *c);

/* Grants itself numbers beyond next; false: there are none. */
bool core_child_lease_beyond(struct hf_core *c, struct core_child *k, uint64_t next);

/* replay_sync.c */
void core_replay_exposed(struct hf_core *c, struct core_child *k);
void core_replay_synced(struct hf_core *c, uint32_t spi_in);
/* At each tick, and with now when ownership ends (R19). */
void core_replay_refuse(struct hf_core *c, struct core_child *k, bool now);
void core_replay_skip(struct hf_core *c, uint32_t spi_in, uint64_t delta);
void core_replay_skip_now(struct hf_core *c, const struct held *h);

/* admission.c (R24) */
/* The engine has done something. */
void core_admission_follow(struct hf_core *c);
/* End of a turn whose records are at position. */
void core_admission_turn(struct hf_core *c, uint64_t position);
void core_admission_committed(struct hf_core *c, uint64_t committed);
/* The cluster logic does not know yet how many there are: *in tells it. */
bool core_admission_due(struct hf_core *c, struct cl_input *in);
void core_admission_share(struct hf_core *c, const struct cl_effect *fx);
void core_admission_took_over(struct hf_core *c, bool handover);
/* What ended does so no more: the group is another's. */
void core_admission_forget(struct hf_core *c);

/* takeover.c */
void core_apply(struct hf_core *c, const struct ss_record *r);
void core_reset(struct hf_core *c);
void core_role(struct hf_core *c, const struct cl_effect *fx);
void core_prepare(struct hf_core *c, const struct cl_effect *fx);
void core_quiesce(struct hf_core *c, const struct cl_effect *fx);

/* The datapath has stopped: where it stands. false: it does not have the SA. */
bool core_final_counters(struct hf_core *c, struct core_child *k, struct ss_record *r);

/* apart.c: two owners (R23) */
/* The group has just become unprotected, or is owned from now on. */
void core_alone(struct hf_core *c);
bool core_used_apart(const struct core_child *k, const struct esp_child_stats *st);
/* A higher owner is there: stop, and take the last numbers. */
void core_part(struct hf_core *c);
/* They go to the cluster logic. */
void core_stopped_apart(struct hf_core *c);

/* translate.c */
/* The engine's and the SPD's view of what a configuration has for a group. R_NO_MEMORY. */
enum result core_translate_ike(const struct config *cfg, uint8_t group,
			       struct ike_config **out) WARN_UNUSED;
enum result core_translate_spd(const struct config *cfg, uint8_t group, struct esp_policy **out,
			       size_t *n) WARN_UNUSED;

#endif
