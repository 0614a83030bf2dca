/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The laws of replication.md, checked from outside the product: what was
 * sealed and sent, who owned the group when, what the peers know. The first
 * law that is broken ends the run.
 */
#ifndef HF_SIM_LAWS_H
#define HF_SIM_LAWS_H

#include "esp/transform.h"
#include "ha-tests/sim/seen.h"
#include "ike/ike.h"
#include "node/core.h"

struct sim;
struct node;
struct member;
struct peer;
struct gateway;
struct packet;

#define LAWS_TERMS      1024
#define LAWS_PEERS      2
#define LAWS_NODES      5
#define LAWS_GROUPS     2
#define LAWS_TRANSFORMS 24

/* What a node's store held of the peer index of a crypto map entry. */
struct law_peer_index {
	uint32_t index, reason;
	uint64_t generation;
};

/* What a process may have, and has, by when it ran last. */
struct law_admission {
	uint32_t incarnation; /* of the process */
	bool told;            /* of the limit */
	bool knows_both;      /* halves of a pair */
	uint32_t share;
	struct ike_load load; /* in all groups that it owns */
};

/* A message of an IKE SA that a node sends. */
struct sent_message {
	uint64_t own_spi;
	uint32_t id;
	bool response;
};

/* Since when a process has released nothing of what it holds. */
struct held_since {
	uint64_t ns, released;
	uint32_t incarnation;
};

struct owned_term {
	uint32_t owner; /* node id; 0: nobody */
	uint64_t since_ns;
	bool timed;       /* its owner's cluster time has been seen: */
	int64_t ahead_ms; /* of the simulated one */
	bool again;       /* it has owned it before, and nobody there could know (R11) */
};

/* That a node follows and does not have on its disk yet. */
struct followed_term {
	uint64_t term, ns;
	uint32_t incarnation;
};

/* Of one failover group. */
struct group_laws {
	struct held_since held[LAWS_NODES];
	struct owned_term terms[LAWS_TERMS];
	struct followed_term followed[LAWS_NODES];
	uint64_t disk_lost_ns[LAWS_NODES];  /* R11: when a node's terms were last forgotten */
	uint64_t disk_stale_ns[LAWS_NODES]; /* when they were last those of before */
	uint64_t unheard_ns;      /* when a term was owned again that nobody there could know of */
	uint64_t all_lost_ns;     /* when nobody held state any more */
	uint16_t owner_slots;     /* bit per slot that has owned the group */
	bool split;               /* two owners at this moment */
	uint32_t protected_slots; /* who has heard that it is, of the owner of the highest term */
	uint64_t protected_term;
	bool split_quorum; /* there have been two owners with quorum at one moment */
	bool begun_anew;   /* by an operator, while another owner is out of reach (R15) */
	bool unprotected;  /* a peer has seen what nobody else need hold */
	/* R23 or a lost state has happened: a tunnel may have to be set up anew, until all are settled */
	bool excused;
	bool ever_excused;
	bool excused_for_long;  /* and its peer may have to give it up before (R10, a lost state) */
	uint64_t taken_over_ns; /* the last takeover that was not handed over */
	uint64_t log_term[LAWS_NODES]; /* whose log a member has, of those that are timed */
	uint64_t checked_position[LAWS_NODES];
	uint64_t checked_term[LAWS_NODES];
	uint64_t bare_ns[LAWS_NODES]; /* 7: since when a member is there, and not protected */
};

struct laws {
	unsigned int broken; /* number of the law; 0: none */
	char why[256];
	struct seen seals;         /* 1: (key, IV) -> packet, term */
	struct seen seals_again;   /* 1: the same in a term that is owned again */
	struct seen numbers;       /* 2: (key, sequence number) -> node */
	struct seen messages;      /* 3: (SPIs, direction, id) -> message */
	struct seen past_ids;      /* 3: (SPIs, direction, id) that a higher one has followed */
	struct seen sync_messages; /* 3: datagrams of RFC 6311 5.1 (laws_sync.c) */
	struct seen syncs;         /* 3: (SPIs, side, M1) */
	struct seen sync_asked;    /* 3: (SPIs, side, nonce) -> M1, P1 */
	struct seen touched;       /* SPIs of IKE SAs that two owners have had at once (R23) */
	struct seen digests;       /* 8: (owner, term, position) -> digest of the store */
	struct seen spis;          /* 8: records whose SPIs are as they should be */
	struct seen ended; /* 7: IKE SAs that a peer has, and another one may take the place of */
	struct seen held_children; /* 5: CHILD SAs that a standby was seen to hold */
	struct group_laws group[LAWS_GROUPS];
	struct esp_transform transforms[LAWS_GROUPS][LAWS_TRANSFORMS];
	struct law_admission admission[LAWS_NODES];
	bool admission_alone;     /* 8: one half of a pair has begun without the other's share */
	uint64_t together_ns;     /* when a cut was healed, or one that it passed by woke up */
	bool settled[LAWS_PEERS]; /* its tunnels are up: no IKE_AUTH from here on (law 7) */
	uint64_t settled_from_ns[LAWS_PEERS];
	uint64_t unsettled_until_ns[LAWS_PEERS];
	struct law_peer_index peer_index[LAWS_NODES][LAWS_PEERS];
	unsigned int admission_late; /* 8: looks at which shares were not where they belong */
	uint32_t index_seen;         /* bit per reason that a store has held of a peer index */
};

void laws_open(struct sim *s);
/* Who seals from here on; NULL: a peer. */
void laws_enter(const struct node *nd);
void laws_close(struct sim *s);
/* A row of which every seal is seen. */
const struct esp_transform *laws_transforms(struct sim *s, unsigned int group);
/* What the laws know of its group; of a peer's. */
struct group_laws *laws_of(const struct member *m);
struct group_laws *laws_of_peer(struct sim *s, unsigned int peer);
/* In any group, at any time. */
bool laws_excused(const struct sim *s);
/* For ike_engine_config and hf_core_config; ctx is the gateway. */
void laws_ike_seal(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message);
/* laws_sync.c */
void laws_sync_sealed(struct gateway *gw, struct bytes datagram);
/* false: it is none. */
bool laws_sync_sent(struct sim *s, struct bytes datagram);
/* What law 3 calls a request of this side. */
/* Law 3 judges this IKE SA: no two owners have had it at once (R23). */
bool laws_judged(struct sim *s, uint64_t spi_i);
struct digest128 laws_request_name(uint64_t spi_i, uint64_t spi_r, bool by_initiator, uint32_t id);
/* For cl_node_config; ctx is the node. */
void laws_cluster_seal(void *ctx, uint64_t key_id, struct bytes nonce, struct bytes message);
void laws_ike_sent(struct gateway *gw, const struct inet_addr *remote, struct bytes datagram);
void laws_esp_sent(struct gateway *gw, struct bytes packet);
/* A new IKE_AUTH request. */
void laws_auth(struct gateway *gw, const struct inet_addr *remote, uint64_t spi_i);
/* What the engines say about themselves. */
void laws_log(struct gateway *gw, const struct log_event *ev);
/* laws_log.c */
void laws_log_line(struct gateway *gw, const struct log_event *ev);
void laws_role(struct member *m, const struct hf_role_change *change);
/* A packet that it has delivered before came out of the gateway. */
/* first_ns: when that was. */
void laws_replayed(struct gateway *gw, uint64_t first_ns);
/* A peer has taken what a node said, perhaps one that is not the owner any more. */
void laws_peer_heard(struct peer *p, const struct packet *pkt);
void laws_protection(struct member *m, bool is_protected);
/* After every step of a node. */
void laws_step(struct node *nd);
/* Law 8, its part on the peer index; after the store has changed. */
void laws_peer_index(struct member *m, enum cl_role role);
/* Law 8, its part on call admission. */
/* Law 8, after each thing that a process has done. */
void laws_admission(struct node *ran);
void laws_admission_calm(struct sim *s);
/* Law 8, its part on SPIs. */
void laws_spi(struct member *m, uint64_t applied);
/* Before a process or host is gone. */
void laws_lose(struct member *m);
void laws_disk_lost(struct member *m);
void laws_disk_stale(struct member *m);
/* A tunnel may be set up anew from here on, until it is up, and for SLOW_NS at the least. */
void laws_unsettle(struct sim *s, unsigned int peer);
/* The same for what excuses its group. */
void laws_excuse(struct sim *s, unsigned int peer);
/* At times: are the tunnels up, and do they stay so? */
void laws_settle(struct sim *s);
void laws_calm(struct sim *s);
/* laws_auth.c */
/* m has no use for what p has, and it does not hold. */
void laws_auth_ended(struct member *m, const struct peer *p);
/* The same for all who are left when m is gone. */
void laws_auth_lost(struct member *m, const struct peer *p);
/* What a peer and the owner hold of each other is the same, and goes on. */
bool laws_auth_agreed(struct sim *s, const struct peer *p);
/* m authenticates itself to p. */
void laws_auth_beside(struct member *m, const struct peer *p, uint64_t spi_i);
/* laws_commit.c */
void laws_commit_ike(struct member *m, const struct sent_message *sent);
void laws_commit_esp(struct member *m, struct bytes packet);
void laws_commit_step(struct member *m);
/* laws_term.c */
/* m owns a term that it has owned before: what it seals with one IV twice, once in each. */
const struct owned_term *laws_term_again(const struct member *m);
void laws_term_owned(struct member *m, uint64_t term);
void laws_term_step(struct member *m);
/* laws_protected.c */
void laws_protected_step(struct member *m);
/* m owns its group as suspect. */
void laws_protected_claim(struct member *m);
/* At times. */
void laws_protected_calm(struct sim *s);
/* laws_time.c */
void laws_time_step(struct member *m);
void laws_time_role(struct member *m);
/* The nodes are cut off from each other, or have only just met again. */
bool laws_apart(const struct sim *s);
void law_broken(struct sim *s, unsigned int law, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
