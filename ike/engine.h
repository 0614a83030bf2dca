/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to ike/: the engine's objects and what its files offer each other.
 *
 *	engine.c                step: one input, by kind
 *	effects.c               the outbox and its order (R4, R5)
 *	receive.c               datagram -> SA -> row of the transition table -> handler
 *	v2_transitions.c        THE table, and the only place that assigns a stage
 *	v2_*.c                  the handlers, by RFC noun
 *	request.c               what we want of a peer, one request at a time (window 1)
 *	retransmit.c lifetime.c the timers
 *	ike_sa.c child_sa.c     the objects
 *	multi_peer.c            what is set up with which peer (tunnel_manager.h)
 *	ike_import.c ike_export.c takeover and records
 */
#ifndef HF_IKE_ENGINE_H
#define HF_IKE_ENGINE_H

#include <sys/queue.h>

#include "base/hashmap.h"
#include "base/must.h"
#include "base/timer_queue.h"
#include "base/wire_reader.h"
#include "ike/cookie.h"
#include "ike/crypto.h"
#include "ike/ike.h"
#include "ike/jobs.h"
#include "ike/keymat.h"
#include "ike/message.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/tunnel_manager.h"

#define IKE_PORT          500
#define IKE_PORT_NAT      4500
#define IKE_HALF_OPEN_KEY 51 /* digest 32, family 1, address 16, port 2 */

enum {
	IKE_TOMBSTONE_MS = 60000,     /* R1: how long a closed SA still answers retransmissions */
	IKE_TOMBSTONES_MAX = 4096,    /* the oldest goes first */
	IKE_CHILD_GRACE_MS = 5000,    /* R5: inbound after the DELETE was answered */
	IKE_REPLACED_WAIT_MS = 60000, /* a replaced SA waits so long for the peer's DELETE */
	IKE_HOLD_OFF_MS = 5000,       /* traffic does not ask again so soon after a failure */
	IKE_COOKIE_ROTATE_MS = 60000, /* RFC 7296 2.6: the secret changes */
	IKE_PER_SOURCE_COOKIE = 8,    /* half-opens of an address before a cookie */
	IKE_PER_SOURCE_MAX = 64,      /* RFC 8019 4.2 */
	IKE_INIT_ROUNDS_MAX = 5,      /* different IKE_SA_INIT requests (COOKIE, INVALID_KE) */
	IKE_INIT_REFUSALS = 3,        /* of so many transmissions, and it is acted on (2.21.1) */
	IKE_KE_ROUNDS_MAX = 2,        /* the same for CREATE_CHILD_SA */
	IKE_WANTS_MAX = 1024,         /* requests queued on one SA */
	IKE_MESSAGE_MAX = 16384,      /* longest message that we make */
	IKE_VERSION_NOTIFY_MS = 1000, /* at most one INVALID_MAJOR_VERSION in this time */
	IKE_RETRY_MS = 1000,          /* least wait after TEMPORARY_FAILURE (RFC 7296 2.25) */
	IKE_TEMPORARY_MS = 180000,    /* the same: so long, and the IKE SA is set up anew */
	IKE_IDS_REKEY_BEFORE = 65536, /* RFC 7296 2.2: so many message ids before the last */
	IKE_IDS_REKEY_EVERY = 256,    /* rekey, and again when that was refused */
};

struct ike_engine;
struct ike_sa;

enum timer_kind {
	TIMER_LIFE,
	TIMER_RESEND,
	TIMER_LIVENESS,
	TIMER_KEEPALIVE,
	TIMER_AGAIN,
	TIMER_SYNC,
	TIMER_CHILD_LIFE
};

struct child_sa {
	TAILQ_ENTRY(child_sa) of_sa;
	struct child_sa_state s;
	struct ike_engine *e;
	struct ike_sa *sa; /* NULL only in a passive engine */
	TAILQ_ENTRY(child_sa) change;
	struct timer life;
	bool changed;
	uint64_t replay_delta; /* R18: what the peer is to be asked for (RFC 6311); 0 nothing */
	struct child_sa *next_grave;
};
TAILQ_HEAD(child_list, child_sa);

/* Something that we want of the peer: becomes a request when the window is free. */
struct ike_want {
	TAILQ_ENTRY(ike_want) next;
	uint8_t kind;    /* enum ike_request_kind */
	uint32_t tunnel; /* CHILD_NEW */
	uint32_t spi_in; /* CHILD_REKEY, CHILD_DELETE */
	bool have_packet;
	struct traffic_selector packet_local, packet_remote;
	uint16_t group;         /* asked for by INVALID_KE_PAYLOAD; 0: our first choice */
	uint64_t not_before_ms; /* after TEMPORARY_FAILURE */
};
TAILQ_HEAD(want_list, ike_want);

/* A message or want that waits for its job; it is taken up again from the start, with the job. */
struct ike_suspended {
	uint64_t job_id;     /* 0: not suspended */
	struct buf datagram; /* empty: it is sa->begun that waits */
	struct inet_endpoint local, remote;
};

/* RFC 6311: our synchronization of message ids after a suspect takeover (v2_msgid_sync.c). */
struct ike_sync {
	bool due; /* no other request before it is answered or given up */
	unsigned int transmissions;
	uint64_t token;
	struct msgid_sync sent; /* the last one */
	struct timer timer;
};

struct ike_sa {
	TAILQ_ENTRY(ike_sa) all;
	TAILQ_ENTRY(ike_sa) of_conn;
	TAILQ_ENTRY(ike_sa) tombstones;
	TAILQ_ENTRY(ike_sa) change;
	TAILQ_ENTRY(ike_sa) ready_next;
	struct ike_sa_state s;
	struct ike_engine *e;
	/* NULL: no such connection any more, or not known yet; see ike_sa_set_connection() */
	const struct ike_connection *conn;
	struct child_list children;
	struct want_list wants;
	size_t n_wants;
	struct ike_want *begun; /* the one whose job is out */
	struct ike_want first;  /* initiator: what the SA is set up for */
	struct timer life, resend, liveness, keepalive, again;
	unsigned int transmissions; /* of the outstanding request */
	uint64_t token;             /* of its last SEND, 0 none */
	uint64_t heard_ms;          /* last proof that the peer lives (RFC 7296 2.4) */
	uint64_t temporary_ms;      /* since when TEMPORARY_FAILURE is the answer; 0: it is not */
	uint64_t iv_counter;        /* R16: under (slot, term); a new owner starts at 0 */
	struct ike_suspended suspended;
	struct buf waiting; /* one message that came while suspended */
	struct inet_endpoint waiting_local, waiting_remote;
	struct buf cookie; /* initiator: the responder's, to be shown */
	/* initiator: the last notify that refused our IKE_SA_INIT; 0 */
	uint16_t init_error;
	/* the same: the last transmission that was refused, and how many were */
	unsigned int init_refused, init_refusals;
	uint8_t init_rounds, ke_rounds;
	uint8_t half_open_key[IKE_HALF_OPEN_KEY];
	struct inet_addr half_open_source;
	bool counted_half_open; /* is in half_opens and sources under these */
	/* admission.c: as what it is counted, and that it is in the share of another member (R24) */
	bool loads, in_share, carried;
	bool in_tombstones;
	bool ready;      /* may have a request to begin at the end of the step */
	bool replicated; /* R2: *_CHANGED has been given out, or it was imported */
	bool changed;
	bool suspect; /* R10: a peer that does not answer is set up anew */
	struct ike_sync sync;
	uint64_t replay_asked; /* delta of our last IPSEC_REPLAY_COUNTER_SYNC */
};
TAILQ_HEAD(sa_list, ike_sa);

struct ike_engine {
	struct ike_engine_config ec;
	struct ike_config *cfg;
	struct ike_crypto *crypto;
	struct tunnel_manager *tunnels;
	uint64_t last_visit; /* struct tunnel_entry.visit */
	bool active;
	uint64_t term;
	uint64_t suspect_term; /* R10: records of before may be behind what the peer has seen; 0 */
	struct sa_list all;    /* in order of creation */
	struct sa_list dead;   /* tombstones, oldest first */
	size_t n_dead, n_half_open;
	struct hashmap *sas;       /* our SPI -> struct ike_sa */
	struct hashmap *child_map; /* spi_in -> struct child_sa */
	struct hashmap *offered;   /* spi_in that an outstanding request offers -> struct ike_sa */
	/* while passive: children are joined to their IKE SA by ACTIVATE */
	struct child_list loose;
	struct hashmap *half_opens; /* digest of IKE_SA_INIT request, source -> struct ike_sa */
	struct hashmap *sources;    /* address -> struct source_count */
	struct hashmap *tokens;     /* token of a SEND -> struct ike_sa */
	struct hashmap *hold_offs;  /* tunnel -> struct hold_off */
	/* of cfg: name, and address of a peer, -> the first struct ike_connection with it */
	struct hashmap *by_name, *by_peer;
	struct sa_list *of_conn; /* of each connection, in its order; behind them, of none */
	struct timer_queue timers;
	uint64_t last_token, last_job;
	/* admission.c: IKE SAs in all, those in the share of this member, and what it may have */
	uint32_t load, share_used, share;
	uint32_t load_of_others; /* of the node's other engines, for cfg->max_sa */
	struct cookie_secrets cookies;
	uint64_t cookie_rotate_ms;
	uint64_t next_version_notify_ms;
	struct ike_stats stats;
	/* of the step under way */
	uint64_t now;
	struct ike_outbox *out;
	struct ike_outbox held; /* SEND, USE_OUTBOUND: after the records */
	struct sa_list changed_sas;
	struct child_list changed_children;
	struct child_sa *grave; /* removed; freed by the next step, the outbox may point at them */
	struct sa_list ready;
	uint8_t plain[IKE_MESSAGE_MAX]; /* payloads of the message being made */
};

/* ---- effects.c ---- */

/* Carried out at once, in this order. The pointer is valid until the next effect. */
struct ike_effect *ike_fx(struct ike_engine *e, enum ike_effect_kind kind);
/* Held (R4): comes after the records of this step. */
struct ike_effect *ike_fx_held(struct ike_engine *e, enum ike_effect_kind kind);
/* fmt NULL: no detail. */
void ike_fx_log(struct ike_engine *e, enum log_id id, const struct ike_sa *sa, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* The same before there is an SA. */
void ike_fx_log_at(struct ike_engine *e, enum log_id id, const struct ike_input *in,
		   const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* The record of this object changes with this step. */
void ike_sa_touch(struct ike_sa *sa);
void child_sa_touch(struct child_sa *c);
/* The object is about to be freed: its record is forgotten, if there was one. */
void ike_fx_sa_gone(struct ike_sa *sa);
void ike_fx_child_gone(struct child_sa *c);
/* End of the step: records, then what is held. */
void ike_fx_flush(struct ike_engine *e);

/* ---- ike_sa.c ---- */

struct ike_sa *ike_sa_find(const struct ike_engine *e, uint64_t spi);
/* R25; random, not in use here. */
uint64_t ike_spi_new(struct ike_engine *e, uint8_t shard);
uint8_t ike_shard_of(const struct ike_engine *e, uint64_t spi_i, const struct inet_addr *remote);
/* Takes the state over, in its stage. The SPI must be free. */
struct ike_sa *ike_sa_new(struct ike_engine *e, struct ike_sa_state *adopt);
/* Half-opens of others: found by their request, counted by address (v2_cookie.c). */
struct ike_sa *ike_half_open_find(const struct ike_engine *e, struct bytes digest,
				  const struct inet_endpoint *from);
void ike_half_open_count(struct ike_sa *sa);
uint32_t ike_half_opens_of(const struct ike_engine *e, const struct inet_addr *remote);
/* Our request is over: nothing of it stays (R1). */
void ike_outstanding_clear(struct ike_sa *sa);
/* Nor of IKE_SA_INIT and IKE_AUTH. */
void ike_sa_forget_init(struct ike_sa *sa);
/* A message that came while the SA waits for a job. */
void ike_sa_let_wait(struct ike_sa *sa, const struct ike_input *in);
void ike_tombstone_add(struct ike_sa *sa);
/* At the end of a step: nobody holds a pointer to an SA any more. */
void ike_tombstones_trim(struct ike_engine *e);
void ike_sa_stage_changed(struct ike_sa *sa, enum ike_sa_stage from, enum ike_sa_stage to);
void ike_sa_children_remove(struct ike_sa *sa);
/* Silently, with its children: records are forgotten, memory is freed. */
void ike_sa_remove(struct ike_sa *sa);
/* Frees without a word (ownership ended). Its children must be gone. */
void ike_sa_free(struct ike_sa *sa);
/* These may free sa. */
void ike_sa_peer_dead(struct ike_sa *sa);
void ike_sa_unanswered(struct ike_sa *sa);
void ike_sa_exhausted(struct ike_sa *sa);
void ike_sa_failed(struct ike_sa *sa, enum result why);
void ike_sa_want_delete(struct ike_sa *sa, const char *reason);
/* Deletes it, and sets up anew what it carries. */
void ike_sa_replace(struct ike_sa *sa, const char *reason);
/* Half made: away with it, and from the start again when it was ours. */
void ike_sa_begin_again(struct ike_sa *sa);
/* Another one for what it carries; it stays. */
void ike_sa_set_up_again(struct ike_sa *sa);
void ike_sa_down(struct ike_sa *sa, const char *reason);
/* One that ends when another one is up; NULL. */
struct ike_sa *ike_sa_anew_of(const struct ike_engine *e, const struct ike_connection *conn);
/* An established one, or else one that we are setting up; NULL. */
struct ike_sa *ike_sa_of_connection(const struct ike_engine *e, const struct ike_connection *conn);

/* ---- admission.c (R24) ---- */

/* After each change of stage or of closing, and before it is freed. */
void ike_share_count(struct ike_sa *sa);
void ike_share_leave(struct ike_sa *sa);
/* sa takes the place of from. */
void ike_share_inherit(struct ike_sa *sa, const struct ike_sa *from);
/* May this initiator have an IKE SA? R_ADMISSION: it gets no answer. */
enum result ike_admit_init(struct ike_engine *e, const struct ike_input *in,
			   const struct ike_connection *conn) WARN_UNUSED;
/* The same behind its authentication; replaced: ends with it by INITIAL_CONTACT, or NULL. */
enum result ike_admit_auth(struct ike_sa *sa, const struct ike_sa *replaced) WARN_UNUSED;
/* replaced: ends when the new one is up, or NULL. */
bool ike_admit_own(struct ike_engine *e, const char *map, const struct ike_sa *replaced);

/* ---- child_sa.c ---- */

struct child_sa *child_sa_find(const struct ike_engine *e, uint32_t spi_in);
uint32_t child_spi_new(struct ike_sa *sa);
/* The SPI that sa's outstanding request offers is nobody else's until the request is over. */
void child_spi_reserve(struct ike_sa *sa);
void child_spi_release(struct ike_sa *sa);
/* sa NULL: while passive. */
struct child_sa *child_sa_new(struct ike_engine *e, struct ike_sa *sa,
			      struct child_sa_state *adopt);
void child_sa_adopt(struct child_sa *c, struct ike_sa *sa);
/* Into the datapath: inbound at once. stage: INSTALLED or DELETING. */
void child_sa_install(struct child_sa *c, enum child_sa_stage stage);
/* ESTABLISHED: carries its tunnel's traffic, once that is committed (R5). */
void child_sa_use_outbound(struct child_sa *c);
/* INSTALLED or ESTABLISHED: neither replaced nor closed. */
bool child_sa_carries(const struct child_sa *c);
/* sa goes: what its CHILD SAs carry is carried on by those of another IKE SA with that peer. */
void child_sas_hand_on(struct ike_sa *sa);
/* The youngest that carries; NULL. */
struct child_sa *child_sa_of_tunnel(const struct ike_sa *sa, uint32_t tunnel);
/* The peer replaced c; it goes on sending on c until it hears of the switch (RFC 7296 2.8). */
void child_sa_set_successor(struct child_sa *c, const struct child_sa *successor);
/* c sends no more and waits for the peer's DELETE. */
void child_sa_retire(struct child_sa *c);
/* DELETING; a DELETE is wanted. */
void child_sa_want_delete(struct child_sa *c);
/* DEAD: both sides have closed it; inbound stays for a grace. */
void child_sa_close(struct child_sa *c);
/* The peer uses c, so it is ready to receive on it (RFC 7296 2.8). */
void child_sa_used(struct child_sa *c);
/*
 * A new request came: the window is one (2.3), so the peer has our response
 * to the one before, and knows what that made.
 */
void child_sas_known(struct ike_sa *sa);
/*
 * Our response that made c may not have reached the peer yet: it can
 * neither rekey nor delete what it does not know (2.25.1).
 */
bool child_sa_peer_unsure(const struct child_sa *c);
/* The next owner's: a tunnel that has nothing established is carried by what is installed. */
void child_sa_carry_alone(struct child_sa *c);
/* Out of the datapath and gone. */
void child_sa_remove(struct child_sa *c);
/* Without a word; the object is freed. */
void child_sa_free(struct child_sa *c);
void child_sa_moved(struct ike_sa *sa);

/* ---- tunnel.c ---- */

/* e->cfg is new: find its connections quickly, and give each SA the one of its name. */
void ike_connections_index(struct ike_engine *e);
/* The SAs of a connection, oldest first, by of_conn; conn NULL: those that have none. */
struct sa_list *ike_sas_of(const struct ike_engine *e, const struct ike_connection *conn);
void ike_sa_set_connection(struct ike_sa *sa, const struct ike_connection *conn);
/* The first connection that can be one with this peer: where to begin to look. */
size_t ike_connection_first(const struct ike_engine *e, const struct inet_addr *remote);
const struct ike_connection *ike_connection_named(const struct ike_engine *e, const char *name);
bool ike_connection_has_peer(const struct ike_connection *conn, const struct inet_addr *local,
			     const struct inet_addr *remote);
/* conn may be NULL; NULL when it has no such line. */
const struct ike_child_config *ike_line_of(const struct ike_connection *conn, uint32_t tunnel);
/* The policy whose lifetime an SA with these transforms has; NULL without policies. */
const struct ike_policy *ike_policy_of(const struct ike_engine *e, const struct ike_transforms *t);
void ike_hold_off(struct ike_engine *e, uint32_t tunnel);
void ike_hold_off_end(struct ike_engine *e, uint32_t tunnel);
/* A new configuration: all may be tried again. */
void ike_hold_off_end_all(struct ike_engine *e);
bool ike_held_off(const struct ike_engine *e, uint32_t tunnel);
/* A new IKE SA whose first CHILD SA is that of first. */
struct ike_sa *ike_sa_begin(struct ike_engine *e, const struct ike_connection *conn,
			    const struct ike_want *first);

/* ---- multi_peer.c ---- */

void ike_tunnels_open(struct ike_engine *e);
void ike_initiate(struct ike_engine *e, const struct ike_input *in);
/* IN_CLEAR, IN_CLEAR_CHILDREN */
void ike_clear(struct ike_engine *e, const struct ike_input *in, bool children_only);
/* sa was to set tunnel up and did not; its request is still outstanding. */
void ike_tunnel_failed(struct ike_sa *sa, uint32_t tunnel, enum tunnel_condition why);
/* The same of all that an IKE SA of ours was to set up; its end is the caller's. */
void ike_attempt_failed(struct ike_sa *sa, enum tunnel_condition why);
/* A CHILD SA of tunnel is made. */
void ike_tunnel_up(struct ike_sa *sa, uint32_t tunnel);
/* What a notify that refuses a CHILD SA means for the peer index; may be TUNNEL_NO_CONDITION. */
enum tunnel_condition ike_child_refusal(unsigned int notify, bool rekey);
/* It befalls tunnels that stand; their SAs are still as they were. Each crypto map entry is told
 * once until last_visit changes. */
void ike_child_condition(struct child_sa *c, enum tunnel_condition why);
void ike_sa_condition(struct ike_sa *sa, enum tunnel_condition why);
/* May conn's peer set up an IKE SA with us? R_NOT_CURRENT_PEER, R_NO_CONNECTION. */
enum result ike_connection_answers(const struct ike_engine *e,
				   const struct ike_connection *conn) WARN_UNUSED;
/* May it set up a CHILD SA of the line? */
bool ike_line_answers(const struct ike_engine *e, const struct ike_connection *conn,
		      uint32_t tunnel);

/* ---- request.c ---- */

/* Copied; a want that waits already is not queued twice. */
void ike_want_add(struct ike_sa *sa, const struct ike_want *want);
void ike_want_add_first(struct ike_sa *sa, const struct ike_want *want);
bool ike_want_waits(const struct ike_sa *sa, const struct ike_want *want);
void ike_wants_clear(struct ike_sa *sa);
void ike_wants_move(struct ike_sa *from, struct ike_sa *to);
/* Look at its wants at the end of the step. */
void ike_sa_ready(struct ike_sa *sa);
void ike_requests_run(struct ike_engine *e);
/* The job of sa->begun has come home. May free sa. */
void ike_request_resume(struct ike_sa *sa, struct ike_job *job);

/* ---- receive.c ---- */

void ike_receive(struct ike_engine *e, const struct ike_input *in);
/*
 * RFC 7296 2.23: behind a NAT the peer's port alone may change, or its address. Who is behind
 * a NAT himself stays with what he has: one packet sent on would break his connection.
 */
static inline bool ike_may_follow_peer(const struct ike_sa_state *s)
{
	return s->nat_remote && !s->nat_local;
}
/* The peer moved behind its NAT: an authenticated, new request says so (RFC 7296 2.23). */
void ike_follow_peer(struct ike_sa *sa, const struct ike_input *in);
/* The caller frees the job. */
void ike_resume(struct ike_engine *e, struct ike_job *job);

/* ---- doubt.c ---- */

/* R10: the peer may have seen message ids that this node does not know of. */
bool ike_sa_in_doubt(const struct ike_sa *sa);
/* It was compared with the peer. */
void ike_sa_doubt_ended(struct ike_sa *sa);
/* The doubt is to end, at at_ms: by RFC 6311, or with another IKE SA. sa is established. */
void ike_sa_doubt_begin(struct ike_sa *sa, uint64_t at_ms);
/* The end of an SA in doubt, without a word. */
void ike_sa_close_in_doubt(struct ike_sa *sa, const char *reason);

/* ---- retransmit.c ---- */

void ike_retransmit_send(struct ike_sa *sa);
void ike_retransmit_stop(struct ike_sa *sa);
void ike_retransmit_released(struct ike_engine *e, uint64_t token);
/* May free sa. */
void ike_retransmit_due(struct ike_sa *sa);

/*
 * ---- lifetime.c: X_arm sets the timer from the state,
 * X_due is what happens then (and may free the object) ----
 */

uint64_t ike_random_below(struct ike_engine *e, uint64_t bound);
uint64_t ike_soft_lifetime(struct ike_engine *e, uint32_t lifetime_s);
void child_life_arm(struct child_sa *c);
void child_life_due(struct child_sa *c);
void child_rekey_later(struct child_sa *c);
void ike_life_arm(struct ike_sa *sa);
void ike_life_due(struct ike_sa *sa);
/* R10, R23: the time to set up anew what sa carries, or to end it. */
void ike_sa_anew_due(struct ike_sa *sa);
/* Another IKE SA that carries what sa does, or is to carry it, be it with another peer; NULL. */
const struct ike_sa *ike_sa_beside(const struct ike_sa *sa);
/* sa is up: one that it was set up for may end soon. */
void ike_sa_anew_up(const struct ike_sa *sa);
void ike_rekey_later(struct ike_sa *sa);
void ike_sa_set_lifetime(struct ike_sa *sa);
/* A message id more is used, of ours or of the peer. */
void ike_message_ids_used(struct ike_sa *sa);
void ike_liveness_arm(struct ike_sa *sa);
void ike_liveness_due(struct ike_sa *sa);
void ike_want_liveness(struct ike_sa *sa);
void ike_heard(struct ike_sa *sa, uint64_t at_ms);
void ike_keepalive_arm(struct ike_sa *sa);
void ike_keepalive_due(struct ike_sa *sa);

/* ---- ike_export.c, ike_import.c ---- */

/* Deep copies into a cleared *out. R_NO_MEMORY leaves it cleared. */
enum result ike_sa_state_copy(const struct ike_sa_state *in, struct ike_sa_state *out) WARN_UNUSED;
enum result child_sa_state_copy(const struct child_sa_state *in,
				struct child_sa_state *out) WARN_UNUSED;
/* This node became owner (R10, R11). */
void ike_activate(struct ike_engine *e, uint64_t term, uint64_t suspect_term);
/* Ownership ended: all SAs are forgotten. */
void ike_deactivate(struct ike_engine *e);
/* SAs and CHILD SAs that the configuration has no more are deleted. */
void ike_config_apply(struct ike_engine *e);

#endif
