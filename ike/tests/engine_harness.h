/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two IKE engines in one process, each with a standby engine that lives from
 * records only, a network between them, and a model of the datapath. Time
 * and randomness are the harness's; jobs run inline. Laws of replication.md
 * that can be seen here are asserted at every step: no (key, IV) twice, no
 * two different messages with one id, a standby is silent.
 */
#ifndef HF_IKE_TESTS_ENGINE_HARNESS_H
#define HF_IKE_TESTS_ENGINE_HARNESS_H

#include "base/iana.h"
#include "ike/ike.h"
#include "ike/payload.h"

enum { A = 0, B = 1 }; /* A initiates unless a test says otherwise */

#define LINES_MAX 8
#define DP_MAX    64
#define PEERS     3

struct options {       /* zero is the plain case */
	uint8_t lines; /* crypto ACL lines; 0: 1 */
	uint16_t encr, key_bits, integ, prf;
	uint16_t dh[3];   /* of side A; 0: X25519 */
	uint16_t dh_b[3]; /* of side B; 0: as A */
	uint16_t pfs;
	uint32_t ike_life_s, child_life_s;
	uint32_t dpd_s;
	uint32_t half_open_cookie, half_open_max;
	bool wrong_psk; /* A's local key is not B's remote key */
	bool wrong_id;  /* A calls itself something B does not know */
	bool force_udp; /* at A */
	bool nat_a;     /* A is behind a NAT */
	bool no_common_ts;
	bool no_common_esp;
	bool b_narrow;   /* B's line 0 covers half of A's */
	bool cross_keys; /* different keys in the two directions */
	bool force_udp_b;
	/* B is so many peers, at addresses that follow each other, all in A's one crypto map
	 * entry; 0: 1 */
	uint8_t peers;
	uint8_t sound_peers; /* set of 1 << peer: what is wrong is not wrong there */
	bool second_entry;   /* A's line 2 has an entry of its own, with the first peer alone */
	bool ikev1;          /* A's entry has a transform-set too */
	uint64_t map_digest; /* of A's crypto map; 0: 1 */
	uint8_t init_tries;  /* 0: 6 */
	uint32_t max_sa;     /* 0: none */
	bool no_soft_life;   /* A rekeys nothing before it expires, and B lets nothing expire */
	bool sync_a, sync_b; /* who offers RFC 6311 */
	bool esn_odd;        /* every other line has ESN */
};

/* Where the active node of a side dies within a step (R4). */
enum die_at { DIE_NOT, DIE_BEFORE_COMMIT, DIE_AFTER_COMMIT, DIE_AFTER_SEND };

struct dp_child {
	struct child_sa_state s;
	bool outbound;
	uint64_t order;   /* of the last USE_OUTBOUND */
	uint64_t skipped; /* outbound numbers left out for the peer */
	bool synced;      /* the peer has left out as many as we asked for */
};

struct side {
	struct ike_engine *engine, *standby;
	uint8_t slot, standby_slot;
	uint64_t term, suspect_term;
	struct inet_addr addr;
	struct dp_child dp[DP_MAX];
	size_t n_dp;
	unsigned int steps; /* with effects */
	unsigned int takeovers;
	enum die_at die_at;
	unsigned int die_step; /* 1-based */
	unsigned int logs[LOG_ID_COUNT_];
	unsigned int sent[64]; /* by exchange, requests, first transmissions and repeats */
	unsigned int init_requests;
	unsigned int peer_records;
	bool records_lost;     /* nothing is replicated */
	uint64_t replay_delta; /* of every CHILD SA at a takeover; 0: none */
};

struct packet {
	struct buf datagram;
	struct inet_endpoint src, dst;
	int to;
	uint64_t at_ms;
	uint8_t exchange;
	bool response;
};

struct world {
	struct side side[2];
	struct options opt;
	uint64_t now;
	uint64_t rng;
	struct packet *net;
	size_t n_net, cap_net;
	bool with_standby;
	bool hold_jobs; /* jobs stay out until world_jobs() */
	bool hold_net;  /* packets stay in net until world_deliver() */
	struct {
		struct ike_job *job;
		int side;
	} jobs[16];
	size_t n_jobs;
	/* what the network does to a packet: number of copies; NULL: one */
	unsigned int (*impair)(struct world *w, struct packet *p);
	unsigned int drop_pct, dup_pct, jitter_ms;
	uint64_t use_order;
	struct seal *seals;
	size_t n_seals, cap_seals;
	struct said *said;
	size_t n_said, cap_said;
};

struct world *world_new(uint64_t seed, const struct options *opt, bool with_standby);
void world_free(struct world *w);
struct ike_config *world_config(const struct world *w, int side, const struct options *opt);
uint64_t world_random(struct world *w);
/* A world in which A has initiated all its lines, 2 s later: fails the test when one is not up. */
struct world *world_up(uint64_t seed, const struct options *opt, bool with_standby);
/* A world in which A has initiated its first line, 3 s later, whatever came of it. */
struct world *world_tried(const struct options *opt);

/*
 * One input to the active engine of a side, and what
 * comes of it (jobs included, packets into the net).
 */
void world_input(struct world *w, int side, const struct ike_input *in);
/* Delivers what is due and fires timers until now is t. */
void world_run_until(struct world *w, uint64_t t);
void world_run(struct world *w, uint64_t ms);
/* Delivers the i-th packet of the net now. */
void world_deliver(struct world *w, size_t i);
void world_drop(struct world *w, size_t i);
void world_drop_all(struct world *w);
/* A datagram to this side, as from the other one's address. */
void world_inject(struct world *w, int to, struct bytes datagram);
/*
 * A message that the owner of sa could have sealed: inner is what ike_build_inner() began, h has
 * exchange, flags and message id, the rest comes from sa. The caller frees it.
 */
struct buf world_sealed(const struct ike_sa_state *sa, struct ike_header h,
			struct ike_builder *inner);
/* Jobs that were held come home. */
void world_jobs(struct world *w);
/* The active node of the side is gone; its standby takes over, and gets a standby of its own. */
void world_takeover(struct world *w, int side, bool suspect);

/* The side restarts with nothing, in a later term. */
void world_restart(struct world *w, int side);

/* A new configuration for the active engine of the side. */
void world_configure(struct world *w, int side, const struct options *opt);
void initiate(struct world *w, int side, uint32_t tunnel);
void rekey_child(struct world *w, int side);
void rekey_ike(struct world *w, int side);
void liveness(struct world *w, int side);
void clear_all(struct world *w, int side);

/* n exchanges of both sides; from here on A's standby hears of nothing (records_lost). */
void lose_exchanges(struct world *w, unsigned int n);

/* Of the active engine. */
const struct ike_stats *world_stats(const struct world *w, int side);
/* Established IKE SA of the side; fails the test when there is not exactly one. */
struct ike_sa_state world_sa(struct world *w, int side);
size_t world_count_sa(struct world *w, int side, enum ike_sa_stage stage);
size_t world_count_child(struct world *w, int side, enum child_sa_stage stage);
/* The CHILD SA that carries the tunnel's outbound traffic; NULL. */
const struct dp_child *world_outbound(struct world *w, int side, uint32_t tunnel);
/* B's address as the peer with this index. */
struct inet_addr world_peer(const struct world *w, uint8_t peer);
/* Of A's crypto map entry. */
struct peer_index_state world_index(struct world *w);
/* Both directions: what one side sends the other has installed, with the same keys. */
bool world_tunnel_works(struct world *w, uint32_t tunnel);
/* What a message of this side's synchronizes (RFC 6311 5.1); false: it does not. */
bool world_sync_of(struct world *w, int side, struct bytes datagram, struct msgid_sync *out);
/* Tells both engines what a datapath under traffic tells. */
void world_traffic(struct world *w);

/* A's IKE SA and its first line are up, and nothing of their set-up is left over. */
void assert_established(struct world *w);
/* Nobody has an IKE SA, a half-open or a CHILD SA. */
void assert_none(struct world *w);
/* 70 s later: one IKE SA, one CHILD SA per line, nothing left over. */
void assert_settled(struct world *w, uint32_t lines);

#endif
