/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tunnel manager: which peer of a crypto map entry its tunnels are set up
 * with (the ASA's IKEv2 multi-peer crypto map). Traffic or an operator asks;
 * a peer is tried with every IKE version that is configured before the next
 * one is, and after the last peer comes the first again. What moves the peer
 * index, keeps it or resets it is a table.
 *
 * A pure state machine: no I/O, no clock, no SA. It asks its owner in which
 * state an entry is and has attempts begun by it; what the owner is told of
 * an index becomes a record (R1) that precedes the first packet to the new
 * peer (R4). The passive manager of a standby holds what was imported.
 * One thread at a time.
 */
#ifndef HF_IKE_TUNNEL_MANAGER_H
#define HF_IKE_TUNNEL_MANAGER_H

#include "base/log.h"
#include "ike/ike_config.h"

/* What can happen to an entry's tunnels, in the ASA's words. The numbers are in records: never
 * reused. */
enum tunnel_condition {
	TUNNEL_NO_CONDITION = 0,
	TUNNEL_PEER_UNREACHABLE = 1,
	TUNNEL_PHASE1_MISMATCH = 2,
	TUNNEL_PHASE2_MISMATCH = 3,
	TUNNEL_DPD_UNANSWERED = 4,
	TUNNEL_TS_MISMATCH = 5,
	TUNNEL_AUTH_FAILED = 6,
	TUNNEL_REKEY_UNREACHABLE = 7,
	TUNNEL_REKEY_MISMATCH = 8,
	TUNNEL_REKEY_TS_MISMATCH = 9,
	TUNNEL_MAP_MODIFIED = 10,
	TUNNEL_HA_SWITCHOVER = 11,
	TUNNEL_CLEAR_IKE = 12,
	TUNNEL_CLEAR_IPSEC = 13,
	TUNNEL_SA_TIMEOUT = 14,
};

enum tunnel_state {
	TUNNEL_IDLE,
	TUNNEL_TRYING, /* an attempt is under way, no tunnel of the entry is up */
	TUNNEL_UP,     /* a CHILD SA of the entry carries traffic */
};

enum tunnel_action { TUNNEL_KEEP, TUNNEL_MOVE, TUNNEL_RESET };

#define TUNNEL_STATE(s) (1u << (s))

struct tunnel_row {
	enum tunnel_condition condition;
	uint8_t from; /* set of TUNNEL_STATE */
	enum tunnel_action action;
	const char *text;
};

/* THE table, one row for each condition. */
const struct tunnel_row *tunnel_rows(size_t *n);
/* "Peer not reachable"; "none" for 0 and "unknown" for a number of a newer version. */
const char *tunnel_condition_text(uint32_t condition);

/* One crypto map entry. Read only, but for the manager. */
struct tunnel_entry {
	struct peer_index_state s;
	const struct ike_crypto_map *map; /* of the configuration; NULL: not in it (any more) */
	struct tunnel_entry *next;        /* of the configured ones */
	bool was_configured;              /* while the configuration changes */
	uint64_t visit;                   /* the owner's: it was seen in this walk */
};

enum tunnel_version { TUNNEL_IKEV2, TUNNEL_IKEV1, TUNNEL_VERSIONS };

struct tunnel_manager_ops {
	enum tunnel_state (*state)(void *ctx, const struct tunnel_entry *t);
	/*
	 * Begin an attempt with the current peer; what is the caller's, passed on. R_OK: its
	 * end is told by tunnel_manager_failed or _succeeded. Else it cannot be, and why.
	 */
	enum result (*begin[TUNNEL_VERSIONS])(void *ctx, const struct tunnel_entry *t,
					      const void *what);
	/* The index, its generation and reason are others now. */
	void (*changed)(void *ctx, const struct tunnel_entry *t);
	void (*log)(void *ctx, enum log_id id, const char *detail);
};

struct tunnel_manager;

/* ops and ctx are borrowed for its life. Passive. Out of memory is fatal, here and below. */
struct tunnel_manager *tunnel_manager_new(const struct tunnel_manager_ops *ops, void *ctx,
					  const uint8_t hash_seed[16]);
void tunnel_manager_free(struct tunnel_manager *tm);

/* cfg is borrowed until the next call. When active, the index of an entry whose crypto map is
 * another one now is reset. */
void tunnel_manager_configure(struct tunnel_manager *tm, const struct ike_config *cfg);
/* Passive only: R_STATE else. R_VALUE: an index that cannot be. */
enum result tunnel_manager_import(struct tunnel_manager *tm,
				  const struct peer_index_state *s) WARN_UNUSED;
/* Ownership begins: HA switchover keeps every index. */
void tunnel_manager_activate(struct tunnel_manager *tm);
/* Ownership ended: what was imported or moved is forgotten. */
void tunnel_manager_deactivate(struct tunnel_manager *tm);

/* NULL: no such entry, or not in the configuration. */
struct tunnel_entry *tunnel_manager_of_tunnel(const struct tunnel_manager *tm, uint32_t tunnel);
/* All that are configured, in its order, by next; NULL: none. */
struct tunnel_entry *tunnel_manager_first(const struct tunnel_manager *tm);

/* Those that name a connection of the configuration, which may do so twice. */
struct tunnel_entry *const *tunnel_manager_of_connection(const struct tunnel_manager *tm,
							 size_t connection, size_t *n);

/* Of the configured entry's list. */
uint8_t tunnel_entry_index(const struct tunnel_entry *t);
const struct inet_addr *tunnel_entry_peer(const struct tunnel_entry *t);

/* Traffic, or an operator, wants a tunnel of t, which has none and no attempt: the current peer is
 * tried. */
void tunnel_manager_trigger(struct tunnel_manager *tm, struct tunnel_entry *t, const void *what);
/* The attempt with this version failed: the next version begins, or else the condition counts.
 * True: it has moved the index. */
bool tunnel_manager_failed(struct tunnel_manager *tm, struct tunnel_entry *t,
			   enum tunnel_version version, enum tunnel_condition condition,
			   const void *what);
void tunnel_manager_succeeded(struct tunnel_manager *tm, struct tunnel_entry *t,
			      enum tunnel_version version);
/* Asked for again while it is being set up. */
void tunnel_manager_duplicate(struct tunnel_manager *tm, const struct tunnel_entry *t);
/* What the row of the condition says is done. R_STATE: the condition cannot be in this state, and
 * nothing is done. */
enum result tunnel_manager_condition(struct tunnel_manager *tm, struct tunnel_entry *t,
				     enum tunnel_condition condition);
/* The same for who does not ask whether it was done. The state, which costs a walk over all SAs, is
 * asked for only where the index can change. */
void tunnel_manager_happened(struct tunnel_manager *tm, struct tunnel_entry *t,
			     enum tunnel_condition condition);

#endif
