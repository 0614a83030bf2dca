/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to ike/: what the IKEv2 handlers (v2_*.c) and the table that calls
 * them (v2_transitions.c) share.
 *
 * A handler gets a context, reads the decoded message, and returns R_OK with
 * the stage that the SA enters (c->next), R_SUSPENDED after it gave out a
 * job, or the reason of a refusal. It never assigns a stage and never frees
 * its SA. After R_SUSPENDED it is called again from the start with the same
 * message and c->job: what it allocates or draws at random comes after.
 */
#ifndef HF_IKE_V2_H
#define HF_IKE_V2_H

#include "ike/engine.h"

struct v2_transition;

struct v2_context {
	struct ike_engine *e;
	struct ike_sa *sa; /* NULL: a first IKE_SA_INIT request; the handler may make one */
	const struct v2_transition *row;
	const struct ike_message *m;
	const struct ike_input *in; /* endpoints and datagram */
	struct ike_job *job;        /* come home; NULL at first */
	enum ike_sa_stage next;     /* preset: the present stage */
	struct ike_builder *answer; /* request: the payloads of our response */
	bool keep_outstanding;      /* response: our request goes on (COOKIE) */
	/* data of the error notify that answers a refusal */
	uint16_t want_group;  /* R_INVALID_KE */
	uint32_t unknown_spi; /* R_CHILD_NOT_FOUND */
};

#define V2_STAGE(n) (1u << (n))

/* A message: which one, when, and what may come of it. */
struct v2_transition {
	const char *story;
	uint16_t from; /* set of V2_STAGE */
	uint16_t to;   /* the same: what it may lead to, besides no change */
	uint8_t exchange;
	bool response;
	uint8_t answers; /* response: enum ike_request_kind that it must answer */
	uint8_t form;    /* enum ike_form: required and optional payloads (payload_rules.c) */
	uint16_t notify; /* also needed: a notify of this type; 0 none */
	/* request refused: stage after the refusal is sent; NONE: unchanged */
	enum ike_sa_stage on_error;
	enum result (*handle)(struct v2_context *c);
};

/*
 * A request of ours. begin builds and sends it: R_OK,
 * R_SUSPENDED (key generation), or why there is nothing to send.
 */
struct v2_request {
	const char *story;
	uint16_t from;
	enum ike_sa_stage to; /* NONE: unchanged */
	uint8_t exchange;
	enum result (*begin)(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
};

/* What is neither: time, operators, other SAs. */
enum v2_event {
	V2_REKEY_MADE_IT,    /* a new IKE SA comes out of a rekey */
	V2_LOST_COLLISION,   /* ours is the redundant one: we delete it (RFC 7296 2.8.2) */
	V2_WAITS_FOR_DELETE, /* the peer's is, or ours was replaced: the peer deletes it */
	V2_PEER_NOT_PROVEN,  /* the responder's AUTH is wrong */
	V2_CLOSED,           /* nothing but the tombstone is left */
};

struct v2_event_row {
	const char *story;
	enum v2_event event;
	uint16_t from;
	enum ike_sa_stage to;
};

/* ---- v2_transitions.c ---- */

/*
 * The row for a message to an SA in this stage; NULL
 * with the reason in *why, which is else untouched.
 */
const struct v2_transition *v2_transition_row(enum ike_sa_stage stage,
					      enum ike_request_kind outstanding,
					      const struct ike_message *m, enum ike_form form,
					      enum result *why);
const struct v2_request *v2_request_row(enum ike_request_kind kind);
/* The only functions that assign a stage; a stage that the row does not list is a bug. */
void v2_enter(struct ike_sa *sa, const struct v2_transition *row, enum ike_sa_stage to);
void v2_enter_request(struct ike_sa *sa, const struct v2_request *row);
void v2_enter_event(struct ike_sa *sa, enum v2_event event);
/* The tables, for documentation and tests. */
/* A row was carried out (ike_engine_config.on_row). */
void v2_row_done(struct ike_engine *e, const char *story);
const struct v2_transition *v2_transitions(size_t *n);
const struct v2_request *v2_requests(size_t *n);
const struct v2_event_row *v2_events(size_t *n);

/* ---- v2_exchange.c: jobs, sealing, sending ---- */

/*
 * These give out a job and return R_SUSPENDED; called again with it, its result.
 * Key generation for a want, of group:
 */
enum result v2_keygen(struct ike_sa *sa, uint16_t group, struct ike_job *job) WARN_UNUSED;
/*
 * Agreement with m's KE: as responder with a new key
 * of ours, as initiator with that of our request.
 */
enum result v2_agree_responder(struct v2_context *c, uint16_t group) WARN_UNUSED;
enum result v2_agree_initiator(struct v2_context *c) WARN_UNUSED;
/* SK{} of the payloads: *out becomes the datagram. R_EXHAUSTED: no IV is left (R16). */
enum result v2_seal(struct ike_sa *sa, const struct ike_header *h, struct ike_builder *payloads,
		    struct buf *out) WARN_UNUSED;
void v2_payloads(struct ike_engine *e, struct ike_builder *b);
/*
 * Seals and sends the request; kind, message id and bytes become
 * sa's outstanding request, whose other fields the caller has set.
 */
enum result v2_send_request(struct ike_sa *sa, enum ike_request_kind kind,
			    struct ike_builder *payloads) WARN_UNUSED;
/*
 * Keeps datagram as the response to the request with that
 * digest, and sends it to where the request came from.
 */
void v2_send_response(struct ike_sa *sa, const struct ike_input *in, uint8_t exchange,
		      struct buf *adopt_datagram);
/* The kept response again, byte for byte. */
void v2_repeat_response(struct ike_sa *sa, const struct ike_input *in, uint8_t exchange);
void v2_put_error(struct ike_builder *b, const struct v2_context *c, enum result res);
/* A fresh nonce of ours. */
void v2_nonce(struct ike_engine *e, uint8_t out[IKE_NONCE_LEN]);
/* The lower one of two nonces, as octet strings (RFC 7296 2.8.1). */
struct bytes v2_lower_nonce(struct bytes a, struct bytes b);

/* ---- v2_ike_sa_init.c, v2_cookie.c ---- */

enum result v2_init_request(struct v2_context *c);
enum result v2_init_response(struct v2_context *c);
enum result v2_init_refused(struct v2_context *c);
/* Our IKE_SA_INIT was, often enough: asked when it would be sent again. */
bool v2_init_is_refused(const struct ike_sa *sa);
enum result v2_begin_init(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
/* Unprotected answer to a request that made no SA. */
void v2_init_error(struct ike_engine *e, const struct ike_input *in, const struct ike_header *h,
		   uint16_t type, struct bytes data);
/* R_OK: go on. R_COOKIE: one was sent. R_LIMIT. */
enum result v2_admit(struct ike_engine *e, const struct ike_input *in,
		     const struct ike_message *m) WARN_UNUSED;

/* ---- v2_ike_auth.c ---- */

enum result v2_auth_request(struct v2_context *c);
enum result v2_auth_response(struct v2_context *c);
enum result v2_auth_refused(struct v2_context *c);
enum result v2_begin_auth(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);

/* ---- v2_child.c: what IKE_AUTH and CREATE_CHILD_SA have in common ---- */

/* The birth term (R16) of an SA that is made in sa now. */
uint64_t v2_birth_term(const struct ike_sa *sa, bool initiator);
struct v2_child_chosen { /* responder */
	const struct ike_child_config *line;
	struct child_choice choice;
	struct ts_list local_ts, remote_ts;
};
/* The line and the transforms for m's offer; only_tunnel 0: any line. Refusals are logged. */
enum result v2_child_choose(struct v2_context *c, enum child_exchange where, uint32_t only_tunnel,
			    struct v2_child_chosen *out) WARN_UNUSED;
/*
 * Initiator: m's answer against our offer. out->line
 * is NULL when it left the configuration meanwhile.
 */
enum result v2_child_verify(struct v2_context *c, enum child_exchange where,
			    struct v2_child_chosen *out) WARN_UNUSED;
struct v2_child_make {
	const struct v2_child_chosen *chosen;
	bool initiator; /* we began the exchange */
	uint32_t tunnel, spi_in;
	struct bytes ni, nr;
	const struct secret *shared; /* NULL: no PFS */
};
/*
 * Keys, object, inbound in the datapath. stage:
 * INSTALLED, or DELETING for one that lost a collision.
 */
enum result v2_child_make(struct ike_sa *sa, const struct v2_child_make *mk,
			  enum child_sa_stage stage, struct child_sa **out) WARN_UNUSED;
/* SA payload of our offer, with a new SPI; both are noted in sa's outstanding request. */
enum result v2_child_offer(struct ike_sa *sa, enum child_exchange where,
			   const struct ike_child_config *line, struct ike_builder *b) WARN_UNUSED;
void v2_child_put_ts(struct ike_builder *b, const struct ts_list *tsi, const struct ts_list *tsr);
void v2_child_log_up(const struct child_sa *c);
void v2_child_log_request(struct v2_context *c);

/* ---- v2_create_child_sa.c ---- */

enum result v2_child_new_request(struct v2_context *c);
enum result v2_child_rekey_request(struct v2_context *c);
enum result v2_child_new_response(struct v2_context *c);
enum result v2_child_rekey_response(struct v2_context *c);
enum result v2_child_new_refused(struct v2_context *c);
enum result v2_child_rekey_refused(struct v2_context *c);
enum result v2_begin_child_new(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
enum result v2_begin_child_rekey(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
/* The CHILD SA that the peer knows by this SPI; NULL. */
struct child_sa *v2_child_of_peer(const struct ike_sa *sa, uint32_t spi_out);
/* CREATE_CHILD_SA on an IKE SA that is being closed or was replaced (RFC 7296 2.25.2). */
enum result v2_try_later(struct v2_context *c);

/* ---- v2_rekey_ike.c ---- */

enum result v2_ike_rekey_request(struct v2_context *c);
enum result v2_ike_rekey_response(struct v2_context *c);
enum result v2_ike_rekey_refused(struct v2_context *c);
enum result v2_begin_ike_rekey(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);

/* ---- v2_rekey_collision.c (RFC 7296 2.8.1, 2.8.2) ---- */

/* The CHILD SA that the peer made from the one that our outstanding request rekeys; NULL. */
struct child_sa *v2_child_rival(const struct ike_sa *sa);
/*
 * Our rekey of old (NULL: gone meanwhile) made fresh, in stage DELETING when
 * it lost against rival (NULL: none): who is deleted, who carries.
 */
void v2_child_settle(struct child_sa *old, struct child_sa *fresh, struct child_sa *rival);
/* Before fresh exists: whether it will lose against rival. */
bool v2_child_loses(const struct child_sa *rival, struct bytes ni, struct bytes nr);
/* Our outstanding request came to nothing: the rival, if any, stands alone. */
void v2_child_concede(struct ike_sa *sa);
/* The IKE SA that the peer made from old while our rekey of it is out; NULL. */
struct ike_sa *v2_ike_rival(const struct ike_sa *old);
/*
 * The peer asks something on sa: if that is a rival, it stands for the peer (which may never
 * have heard of the collision), and has the children.
 */
void v2_rival_is_used(struct ike_sa *sa);
/* An IKE SA of ours, made with these nonces, loses against rival. */
bool v2_ike_loses(const struct ike_sa *rival, struct bytes ni, struct bytes nr);
/* The children and wants of old go to heir, which is from now on the SA of its peer. */
void v2_inherit(struct ike_sa *old, struct ike_sa *heir);

/* ---- v2_msgid_sync.c, v2_replay_sync.c: RFC 6311 ---- */

/* What we support, in the initiator's IKE_AUTH. */
void v2_sync_offer(const struct ike_engine *e, struct ike_builder *b);
/* What both support, of the other's IKE_AUTH; answer NULL: it is the response. */
void v2_sync_agree(struct ike_sa *sa, const struct ike_message *m, struct ike_builder *answer);
/*
 * Whether the message synchronizes ids; then it was
 * taken up, or refused with *res, and that is all.
 */
bool v2_msgid_sync(struct ike_sa *sa, const struct ike_header *h, const struct ike_input *in,
		   enum result *res);
enum result v2_msgid_sync_request(struct v2_context *c);
enum result v2_msgid_sync_response(struct v2_context *c);
/* After a suspect takeover (R10): at_ms and no other request before. */
void v2_msgid_sync_want(struct ike_sa *sa, uint64_t at_ms);
enum result v2_begin_msgid_sync(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
/* A request cannot be taken up yet. */
bool v2_msgid_sync_comes_first(struct ike_sa *sa);
void v2_msgid_sync_released(struct ike_sa *sa);
void v2_msgid_sync_due(struct ike_sa *sa);
void v2_msgid_sync_stop(struct ike_sa *sa);
/* The notify for what its CHILD SAs need; none when they need nothing. */
void v2_replay_sync_put(struct ike_sa *sa, struct ike_builder *b);
/* The peer has answered it. */
void v2_replay_sync_granted(struct ike_sa *sa);
void v2_replay_sync_want(struct ike_sa *sa, uint64_t at_ms);
enum result v2_begin_replay_sync(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
enum result v2_replay_sync_response(struct v2_context *c);
/* How many numbers m asks us to leave out; 0 none, or not negotiated. */
enum result v2_replay_sync_asked(const struct ike_sa *sa, const struct ike_message *m,
				 uint64_t *delta) WARN_UNUSED;
void v2_replay_sync_grant(struct ike_sa *sa, uint64_t delta);

/* ---- v2_informational.c ---- */

enum result v2_informational_request(struct v2_context *c);
enum result v2_liveness_response(struct v2_context *c);
enum result v2_child_delete_response(struct v2_context *c);
enum result v2_ike_delete_response(struct v2_context *c);
enum result v2_begin_liveness(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
enum result v2_begin_child_delete(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);
enum result v2_begin_ike_delete(struct ike_sa *sa, struct ike_want *w, struct ike_job *job);

#endif
