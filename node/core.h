/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One failover group on one node without its world: the IKE engine, the
 * cluster logic and the datapath's control side joined by the rules of
 * replication.md. Still sans I/O: the daemon (world.c) and the simulator drive
 * the same code through this header. One thread; ops are called from within
 * hf_core_* calls and must not call back into the core.
 *
 * The groups of a node have a core each, with an engine and a datapath of its
 * own: SAs never move between groups (R14). The cluster logic they share; what
 * concerns all (a view, a message, the timer, the end of a turn) is given to
 * any of them, once.
 *
 * A loop turn is any number of inputs followed by hf_core_flush(): records of
 * the turn become one batch (group commit), and what must not be seen before
 * they are replicated is held at that batch's position (R4).
 */
#ifndef HF_NODE_CORE_H
#define HF_NODE_CORE_H

#include "cluster/cluster.h"
#include "esp/esp.h"
#include "ike/ike.h"
#include "node/config/model.h"

struct hf_core;

struct hf_role_change {
	uint32_t group;
	enum cl_role role;
	uint64_t term;
	bool suspect;
	bool handover; /* planned: the former owner relays (R19) */
	bool announce; /* whose the service addresses are: said to the links, and repeated (R20) */
	const char *why;
};

struct hf_core_ops {
	/* An IKE datagram (or a NAT keepalive of one byte 0xFF) leaves. Must check hf_core_may_send
	 * with a fresh clock (R12). */
	void (*send_ike)(void *ctx, const struct inet_endpoint *local,
			 const struct inet_endpoint *remote, bool udp_encap, struct bytes datagram);
	void (*mcast)(void *ctx, struct bytes message);
	/* CL_IN_SNAPSHOT_READY follows. */
	void (*snapshot_send)(void *ctx, uint8_t slot, struct bytes message);
	/* To the owner in slot, whose address on the cluster network is given. */
	void (*snapshot_ask)(void *ctx, uint8_t slot, const struct inet_addr *owner,
			     struct bytes message);
	/* A copy of an acknowledgement, to the owner's address on the cluster network; it may be
	 * lost. NULL: the multicast one is enough. */
	void (*ack)(void *ctx, const struct inet_addr *owner, struct bytes message);
	/* Write and fsync, then hf_core_term_written (R11). */
	void (*write_term)(void *ctx, uint32_t group, uint64_t term, bool earlier_unknown);
	/* Adopts the job; it comes back by hf_core_job_done. */
	void (*run_job)(void *ctx, struct ike_job *job);
	/* Take or give up the service addresses (R19); the same role and term again: announce them
	 * again (R20). */
	void (*role)(void *ctx, const struct hf_role_change *change);
	/* Before the datapath goes to RELAY: where stragglers go. */
	void (*relay_begin)(void *ctx, uint32_t group, const struct inet_endpoint *mate);
	void (*relay_end)(void *ctx, uint32_t group);
	/* R12: the owner's deadline has passed, or is extended again. Meanwhile nothing leaves, and
	 * another one may answer for the addresses. NULL: nobody has addresses here. */
	void (*silence)(void *ctx, uint32_t group, bool silent);
	void (*protection)(void *ctx, uint32_t group, bool is_protected);
	void (*log)(void *ctx, const struct log_event *ev);
	/* Answer to hf_core_cluster(CL_IN_STOP). */
	void (*stopped)(void *ctx, bool ok);
	void (*command_done)(void *ctx, bool ok, const char *why);
	/* "failover exec", CL_FX_EXEC and CL_FX_EXEC_DONE: run its line (the answer is
	 * hf_core_cluster(CL_IN_EXEC_ANSWER)), or take the answer. NULL: nobody asks here. */
	void (*exec)(void *ctx, const struct cl_effect *fx);
	/* CL_FX_CONFIG_WANTED, CL_FX_CONFIG and CL_FX_CONFIG_DONE: not from within the op. May be
	 * NULL. */
	void (*config)(void *ctx, const struct cl_effect *fx);
};

struct hf_core_config {
	/* borrowed until the next hf_core_reconfigure or hf_core_free */
	const struct config *config;
	struct cl_node_config *cluster; /* consumed; of the node's first core only */
	struct hf_core *first;          /* of the others; it is freed after them */
	uint32_t group;                 /* 0: the first of cluster */
	struct esp_datapath *datapath;  /* borrowed */
	uint64_t now_ns;
	uint8_t hash_seed[16];
	void (*random)(void *ctx, uint8_t *out, size_t len);
	void *random_ctx;
	const struct hf_core_ops *ops;
	void *ops_ctx;
	void (*on_seal)(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message);
	void *on_seal_ctx;
	void (*on_row)(void *ctx, const char *story);
	void *on_row_ctx;
};

/* R_NO_MEMORY, or why the configuration cannot be used; *out is NULL then. */
enum result hf_core_new(const struct hf_core_config *cfg, struct hf_core **out) WARN_UNUSED;
void hf_core_free(struct hf_core *c);

/* ---- inputs; now_ns is CLOCK_BOOTTIME ---- */
void hf_core_datagram(struct hf_core *c, uint64_t now_ns, const struct inet_endpoint *local,
		      const struct inet_endpoint *remote, struct bytes datagram);
void hf_core_job_done(struct hf_core *c, uint64_t now_ns, struct ike_job *adopt_job);
void hf_core_esp_event(struct hf_core *c, uint64_t now_ns, const struct esp_event *ev);
/* VIEW, QUORUM, MESSAGE, SNAPSHOT, ACK, DISCONNECTED, ADDRESS, GO_ACTIVE, GO_STANDBY, STOP, ... */
void hf_core_cluster(struct hf_core *c, uint64_t now_ns, const struct cl_input *in);
void hf_core_term_written(struct hf_core *c, uint64_t now_ns, uint32_t group, uint64_t term,
			  bool ok);
/* No straggler was relayed for 2 s (R19). */
void hf_core_relay_done(struct hf_core *c, uint64_t now_ns, uint32_t group);
/* Of all groups of the node, these three. */
void hf_core_timer(struct hf_core *c, uint64_t now_ns);
/* End of a loop turn. */
void hf_core_flush(struct hf_core *c, uint64_t now_ns);
/* CLOCK_BOOTTIME ns; UINT64_MAX when nothing is due. */
uint64_t hf_core_next_deadline(const struct hf_core *c, uint64_t now_ns);

/* Operator: set up (connection, all lines), clear (with peer; NULL: all). */
void hf_core_initiate(struct hf_core *c, uint64_t now_ns, const char *connection);
void hf_core_clear(struct hf_core *c, uint64_t now_ns, const struct inet_addr *peer);
/* The CHILD SAs only. */
void hf_core_clear_children(struct hf_core *c, uint64_t now_ns, const struct inet_addr *peer);
/* Set up all lines of a crypto map entry with its current peer. R_NOT_FOUND. */
enum result hf_core_initiate_map(struct hf_core *c, uint64_t now_ns, const char *map,
				 uint32_t seq) WARN_UNUSED;
/* New configuration: SAs whose connection is unchanged stay. The old one may be freed
 * after the call. */
enum result hf_core_reconfigure(struct hf_core *c, uint64_t now_ns,
				const struct config *config) WARN_UNUSED;

/* R12: the group is owned here and its deadline lies ahead. */
bool hf_core_may_send(const struct hf_core *c, uint64_t now_ns);
bool hf_core_relaying(const struct hf_core *c);

/* ---- for show ---- */
/* A permit line of an active crypto map entry and the tunnel number that stands for it. */
struct hf_tunnel {
	uint32_t number;
	const struct config_map_entry *entry;
	const struct config_ace *ace;
};
/* All of a configuration, by number; *out is the caller's to free. R_NO_MEMORY. */
enum result hf_tunnels(const struct config *cfg, struct hf_tunnel **out, size_t *n) WARN_UNUSED;
/* NULL when the configuration has none (any more). */
const struct hf_tunnel *hf_tunnel_find(const struct hf_tunnel *list, size_t n, uint32_t number);
const struct ike_engine *hf_core_engine(const struct hf_core *c);
const struct cl_node *hf_core_cluster_node(const struct hf_core *c);
uint64_t hf_core_cluster_time_ms(const struct hf_core *c, uint64_t now_ns);

/* Half-open SAs that an engine may have (crypto ikev2 limit max-in-negotiation-sa). */
uint32_t hf_half_open_max(const struct config *cfg);

#define HF_RECORD_KINDS (SS_PEER_INDEX + 1) /* 0 is for the kinds of newer versions */

struct hf_core_stats {
	/* by enum ss_kind: logged, applied */
	uint64_t records_out[HF_RECORD_KINDS], records_in[HF_RECORD_KINDS];
	uint64_t held_now, held_total, released, dropped_role, dropped_deadline;
	uint64_t import_errors; /* records that did not decode or import */
	uint64_t leases_granted, leases_refused, checkpoints;
	uint64_t rekeys_after_takeover;
	uint64_t replay_synced; /* CHILD SAs whose peer left out numbers for us (RFC 6311) */
};
const struct hf_core_stats *hf_core_stats(const struct hf_core *c);
/* Totals of a CHILD SA over all its owners (counters survive failover). */
struct hf_child_totals {
	uint64_t in_packets, in_bytes, out_packets, out_bytes;
	uint64_t lease_end;
	uint64_t exposure; /* R18: packets that could be replayed to us; 0 none */
};
enum result hf_core_child_totals(const struct hf_core *c, uint32_t spi_in,
				 struct hf_child_totals *out) WARN_UNUSED;

#endif
