/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IKEv2 engine (RFC 7296) as a pure state machine: time, randomness and
 * inputs in, effects out. It opens no socket, reads no clock and starts no
 * thread. Slow work leaves as a job effect and comes back as an input; the
 * SA is suspended meanwhile (its further messages are absorbed or queued,
 * at most one per SA). One thread at a time per engine; no globals.
 *
 *	ike_step(engine, now_ms, &input, &outbox);
 *	for (size_t i = 0; i < outbox.n; i++) carry_out(&outbox.fx[i]);
 *	ike_outbox_clear(&outbox);
 *
 * Effects are in order. The caller applies R4: SEND and USE_OUTBOUND are
 * held until what *_CHANGED before them in the same outbox says is
 * replicated; everything else is carried out at once.
 */
#ifndef HF_IKE_IKE_H
#define HF_IKE_IKE_H

#include "base/log.h"
#include "ike/ike_config.h"
#include "ike/ike_state.h"
#include "ike/tunnel_manager.h"

struct ike_engine;
struct ike_job;

struct ike_engine_config {
	uint8_t slot; /* R25, 1..15 */
	uint8_t hash_seed[16];
	void (*random)(void *ctx, uint8_t *out, size_t len); /* cryptographic quality */
	void *random_ctx;
	/* Test observer of every SK{} seal: key id is the sending key's first 8 bytes
	 * hashed; may be NULL. */
	void (*on_seal)(void *ctx, uint64_t key_id, struct bytes iv, struct bytes message);
	void *on_seal_ctx;
	/* NULL, or called with the story of each row of v2_transitions.c that is carried out: for
	 * coverage. */
	void (*on_row)(void *ctx, const char *story);
	void *on_row_ctx;
};

/* Takes over cfg (freed with ike_config_free when replaced). The engine starts passive: it imports,
 * and sends nothing (R13). */
struct ike_engine *ike_engine_new(const struct ike_engine_config *ec, struct ike_config *adopt_cfg);
void ike_engine_free(struct ike_engine *e);

/* ---- inputs ---- */

enum ike_input_kind {
	IKE_IN_DATAGRAM, /* marker already taken off */
	IKE_IN_TIMER,    /* now_ms has reached ike_next_deadline() */
	IKE_IN_JOB_DONE, /* job comes home; the engine frees it */
	IKE_IN_RELEASED, /* a held SEND has gone out: its retransmission timer starts (R4) */
	/* set up connection/tunnel: traffic (with the packet's selectors) or an operator */
	IKE_IN_INITIATE,
	/* operator: DELETE IKE SAs: the one with ike_spi, else of connection ("": any) and with the peer
	 * at remote (no address: any) */
	IKE_IN_CLEAR,
	IKE_IN_CLEAR_CHILDREN, /* operator: DELETE the CHILD SAs of the same */
	/* spi_in: lifetime in kB, sequence or IV space near its end, paced rekey after takeover */
	IKE_IN_REKEY_CHILD,
	IKE_IN_REKEY_IKE, /* ike_spi */
	IKE_IN_LIVENESS,  /* ike_spi: check the peer now */
	/* spi_in has opened packets until at_ms: counts as life of the peer (RFC 7296 2.4) */
	IKE_IN_TRAFFIC,
	/* spi_in: an authenticated ESP packet came from remote (RFC 7296 2.23) */
	IKE_IN_PEER_MOVED,
	/* passive only: spi_in may have received delta more than its checkpoint says; where
	 * RFC 6311 is negotiated, ACTIVATE asks the peer to leave out as many (R18) */
	IKE_IN_REPLAY_DELTA,
	/* this node became owner: term; timers start, outstanding requests go out
	 * again, byte for byte */
	IKE_IN_ACTIVATE,
	/* ownership ended: all SAs are forgotten without a word (R13); the caller
	 * imports the store again */
	IKE_IN_DEACTIVATE,
	IKE_IN_CONFIG, /* new configuration; SAs whose connection is gone are deleted */
};

struct ike_input {
	enum ike_input_kind kind;
	struct inet_endpoint local, remote; /* DATAGRAM, PEER_MOVED; CLEAR */
	struct bytes datagram;              /* DATAGRAM, borrowed */
	struct ike_job *job;                /* JOB_DONE, adopted */
	uint64_t ike_spi;
	uint32_t spi_in;
	uint32_t tunnel;        /* INITIATE: 0 = all lines of the connection */
	const char *connection; /* INITIATE, CLEAR; INITIATE may give only the tunnel */
	bool have_packet; /* INITIATE: packet_* are those of the packet that asked (RFC 7296 2.9) */
	struct traffic_selector packet_local, packet_remote;
	uint64_t at_ms;        /* TRAFFIC */
	uint64_t token;        /* RELEASED */
	uint64_t term;         /* ACTIVATE */
	uint64_t delta;        /* REPLAY_DELTA */
	bool suspect;          /* ACTIVATE: R10 */
	uint64_t suspect_term; /* ACTIVATE: the newest takeover before that was suspect; 0: none */
	struct ike_config *config; /* CONFIG, adopted */
};

/* ---- effects ---- */

enum ike_effect_kind {
	/* held (R4): datagram from local to remote; token goes back in IKE_IN_RELEASED when
	 * nonzero */
	IKE_FX_SEND,
	/* not about any SA's state (COOKIE, INVALID_KE, INVALID_MAJOR_VERSION, keepalive): not
	 * held */
	IKE_FX_SEND_NOW,
	IKE_FX_IKE_SA_CHANGED,   /* ike_spi: export and replicate; the SA may be a tombstone */
	IKE_FX_CHILD_SA_CHANGED, /* spi_in: likewise */
	IKE_FX_IKE_SA_GONE,      /* ike_spi: forget the record */
	IKE_FX_CHILD_SA_GONE,    /* spi_in: forget the record */
	/* at once: child (borrowed until the outbox is cleared) into the datapath,
	 * inbound on, outbound off */
	IKE_FX_CHILD_INSTALL,
	IKE_FX_CHILD_USE_OUTBOUND,  /* held (R5): spi_in carries the tunnel's traffic from now on */
	IKE_FX_CHILD_STOP_OUTBOUND, /* at once */
	IKE_FX_CHILD_REMOVE,        /* at once: both directions */
	IKE_FX_CHILD_MOVED,         /* spi_in has a new outer path: local, remote, udp_encap */
	IKE_FX_PEER_INDEX_CHANGED,  /* peer_index: replicate, before what is held in this outbox */
	/* held (before the response that follows): the peer's cluster failed over and asks that
	 * the next delta outbound numbers of spi_in are left out (RFC 6311 5.2) */
	IKE_FX_CHILD_SKIP_OUTBOUND,
	/* at once: the peer has done so for spi_in, as IKE_IN_REPLAY_DELTA asked */
	IKE_FX_CHILD_REPLAY_SYNCED,
	IKE_FX_JOB, /* job: run ike_job_run() on it anywhere, then IKE_IN_JOB_DONE */
	IKE_FX_LOG, /* log */
};

struct ike_effect {
	enum ike_effect_kind kind;
	struct inet_endpoint local, remote;
	/* without non-ESP marker; one 0xFF byte is a NAT keepalive, sent as it is */
	struct buf datagram;
	bool udp_encap; /* SEND: local port 4500, so put the non-ESP marker in front */
	uint64_t token;
	uint64_t ike_spi;
	uint32_t spi_in;
	uint64_t delta;   /* SKIP_OUTBOUND */
	uint8_t exchange; /* SEND: for impairments and statistics */
	bool response;
	const struct child_sa_state *child;
	const struct peer_index_state *peer_index; /* borrowed until the next step */
	struct ike_job *job;
	struct log_event log;
};

struct ike_outbox {
	struct ike_effect *fx;
	size_t n, cap;
};

/* frees what effects own, except jobs taken (set .job to NULL) */
void ike_outbox_clear(struct ike_outbox *o);

/* Never fails for what a peer sent: refusals are counted (ike_engine_stats) and logged as
 * effects. */
void ike_step(struct ike_engine *e, uint64_t now_ms, const struct ike_input *in,
	      struct ike_outbox *out);
/* TIMER_NEVER when nothing is due; always so while passive. */
uint64_t ike_next_deadline(const struct ike_engine *e);

/* ---- call admission (R24); no effects ---- */

struct ike_load {
	uint32_t all;      /* IKE SAs that are established, or that we are setting up */
	uint32_t in_share; /* those that count against the share */
};
struct ike_load ike_load(const struct ike_engine *e);
/* share: as many may be in_share, UINT32_MAX before the first call; others: what the node's other
 * engines have, for the node's own limit. What is there stays. */
void ike_share_set(struct ike_engine *e, uint32_t share, uint32_t others);
/* What is there now is, or is no more, in the share of a member that is missing. */
void ike_share_carry(struct ike_engine *e, bool carried);

/* ---- jobs: DH key generation and agreement, later signatures. Pure, any thread. ---- */
void ike_job_run(struct ike_job *job);
void ike_job_free(struct ike_job *job);

/* ---- state of SAs, for records (R1) ---- */
/* Fills *out (to be cleared with *_state_clear). R_NOT_FOUND. */
enum result ike_export_sa(const struct ike_engine *e, uint64_t ike_spi,
			  struct ike_sa_state *out) WARN_UNUSED;
enum result ike_export_child(const struct ike_engine *e, uint32_t spi_in,
			     struct child_sa_state *out) WARN_UNUSED;
/* Passive engine only: create or replace. R_VALUE names state that cannot be; nothing
 * is changed then. */
enum result ike_import_sa(struct ike_engine *e, const struct ike_sa_state *s) WARN_UNUSED;
enum result ike_import_child(struct ike_engine *e, const struct child_sa_state *s) WARN_UNUSED;
enum result ike_import_peer_index(struct ike_engine *e,
				  const struct peer_index_state *s) WARN_UNUSED;
void ike_forget_sa(struct ike_engine *e, uint64_t ike_spi);
void ike_forget_child(struct ike_engine *e, uint32_t spi_in);

/* ---- for show ---- */
size_t ike_sa_count(const struct ike_engine *e);
/* Calls fn for each IKE SA / each CHILD SA of one (ike_spi 0: of all) in order of creation. The
 * states are borrowed for the call. */
void ike_each_sa(const struct ike_engine *e, void (*fn)(void *ctx, const struct ike_sa_state *s),
		 void *ctx);
void ike_each_child(const struct ike_engine *e, uint64_t ike_spi,
		    void (*fn)(void *ctx, const struct child_sa_state *s), void *ctx);

/* Calls fn for each crypto map entry, in the configuration's order. */
void ike_each_map(const struct ike_engine *e, void (*fn)(void *ctx, const struct tunnel_entry *t),
		  void *ctx);

struct ike_stats {
	uint64_t refused[R_COUNT_]; /* datagrams refused, by reason */
	/* by exchange type - 0..63 */
	uint64_t in_requests[64], in_responses[64], out_requests[64], out_responses[64];
	uint64_t retransmits_sent, retransmits_answered, cookies_sent, half_open, established;
	uint64_t sa_up, sa_down, auth_failed, rekeys_ike, rekeys_child, collisions;
	uint64_t in_doubt_anew; /* R10: set up anew, without RFC 6311 */
	/* RFC 6311: as member; as peer */
	uint64_t syncs_sent, syncs_done, syncs_failed;
	uint64_t syncs_answered, replay_syncs_answered;
	/* new IKE SAs, of others and of ours (admission.c) */
	struct {
		uint64_t in_requests, in_accepted, in_refused, in_refused_half_open;
		uint64_t out_requests, out_accepted, out_refused;
	} admission;
};
const struct ike_stats *ike_engine_stats(const struct ike_engine *e);

#endif
