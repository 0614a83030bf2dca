/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of an IKE SA and of a CHILD SA as another node needs it (R1):
 * what ike_export_* fills, statesync/ carries and ike_import_* takes. Of
 * finished exchanges results only; of an outstanding request of ours all
 * that is needed to process its response. Times are cluster time, ms.
 */
#ifndef HF_IKE_IKE_STATE_H
#define HF_IKE_IKE_STATE_H

#include "base/ipsec_sa.h"

#define IKE_NAME_MAX  64
#define IKE_NONCE_MAX 256

/* Life of an IKE SA (RFC 7296 1.2, 2.8). The numbers are in records: never reused. */
enum ike_sa_stage {
	IKE_SA_NONE = 0,
	IKE_SA_INIT_SENT = 1,     /* initiator: IKE_SA_INIT request out */
	IKE_SA_INIT_ANSWERED = 2, /* responder: half-open */
	IKE_SA_AUTH_SENT = 3,     /* initiator: IKE_AUTH request out */
	IKE_SA_ESTABLISHED = 4,
	IKE_SA_REKEYED = 5,  /* replaced by another, waits for its DELETE */
	IKE_SA_DELETING = 6, /* our DELETE is out */
	IKE_SA_DEAD = 7,     /* tombstone: only the cached response answers (60 s) */
};

enum child_sa_stage {
	CHILD_SA_NONE = 0,
	/* inbound works, outbound waits for commit (R5); as responder of a rekey also
	 * until the peer has shown that it has our response */
	CHILD_SA_INSTALLED = 1,
	CHILD_SA_ESTABLISHED = 2,
	CHILD_SA_REKEYED = 3,  /* replaced, waits for DELETE */
	CHILD_SA_DELETING = 4, /* our DELETE is out */
	CHILD_SA_DEAD = 5,     /* tombstone */
};

/* What an outstanding request of ours is about; decides how its response is processed. */
enum ike_request_kind {
	IKE_REQ_NONE = 0,
	IKE_REQ_INIT = 1,
	IKE_REQ_AUTH = 2,
	IKE_REQ_CHILD_NEW = 3,
	IKE_REQ_CHILD_REKEY = 4,
	IKE_REQ_IKE_REKEY = 5,
	IKE_REQ_CHILD_DELETE = 6,
	IKE_REQ_IKE_DELETE = 7,
	IKE_REQ_LIVENESS = 8,
	IKE_REQ_REPLAY_SYNC = 9, /* RFC 6311 5.2 */
	IKE_REQ_RECORD_LAST = IKE_REQ_REPLAY_SYNC,
	IKE_REQ_MSGID_SYNC = 10, /* RFC 6311 5.1: beside what is outstanding, in no record */
};

struct ike_id {
	uint8_t type; /* enum ike_id_type; 0: none */
	struct buf data;
};

/* Negotiated algorithms of the IKE SA, IANA numbers. integ is 0 with an AEAD. */
struct ike_transforms {
	uint16_t encr;
	uint16_t key_bits;
	uint16_t integ;
	uint16_t prf;
	uint16_t dh;
};

/* An exchange that we began and that has no response yet; erased by the record that ends it
 * (R1). */
struct ike_outstanding {
	uint8_t kind; /* enum ike_request_kind */
	uint8_t exchange;
	uint32_t message_id;
	struct buf request; /* whole datagram, byte for byte, without non-ESP marker */
	uint16_t dh_group;  /* 0: no KE was sent */
	struct secret dh_private;
	struct buf dh_public;
	struct buf nonce;
	uint64_t term; /* when it was made: the birth term of what its response makes (R16) */
	uint64_t new_ike_spi;    /* IKE rekey: our SPI of the new SA */
	uint32_t new_spi_in;     /* CHILD: our SPI of the new SA */
	uint32_t old_spi_in;     /* CHILD rekey or delete: which one */
	uint32_t tunnel;         /* CHILD: the crypto ACL line */
	struct ts_list tsi, tsr; /* CHILD: as proposed */
};

struct ike_sa_state {
	uint64_t spi_i;
	uint64_t spi_r;
	bool initiator;                /* we are the original initiator of this IKE SA */
	uint8_t stage;                 /* enum ike_sa_stage */
	char connection[IKE_NAME_MAX]; /* name in the configuration */
	struct inet_endpoint local;
	struct inet_endpoint remote;
	bool nat_local, nat_remote; /* RFC 7296 2.23: who is behind a NAT */
	bool udp_encap;             /* floated to 4500 */
	struct ike_transforms transforms;
	struct secret sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
	struct ike_id local_id, remote_id;
	uint32_t next_request_id;     /* next message id that we use (RFC 7296 2.2) */
	uint32_t expected_request_id; /* next message id of the peer's requests */
	struct buf last_response;     /* to request expected_request_id - 1, byte for byte */
	/* SHA-256 of the request that it answers, to know a retransmission */
	struct buf last_request_digest;
	struct ike_outstanding outstanding;
	/* only until IKE_AUTH is done */
	struct buf init_request, init_response;
	struct buf nonce_i, nonce_r;
	uint64_t birth_term; /* R16, of SK{} */
	uint64_t created_ms, established_ms;
	uint64_t rekey_at_ms, expire_at_ms;
	uint64_t tombstone_until_ms;
	uint64_t replaced_by; /* our SPI of the successor; 0 */
	bool closing;         /* we want to delete it; the DELETE may wait for the window */
	/*
	 * Two owners changed it (R23), or nobody can say which ids the peer has seen (R10): it ends
	 * when another one is up
	 */
	bool anew;
	bool peer_fragmentation;
	bool peer_mid_sync, peer_replay_sync; /* RFC 6311 is negotiated */
	uint32_t sync_sent;  /* highest EXPECTED_SEND_REQ_MESSAGE_ID that we have sent; 0 none */
	uint32_t sync_floor; /* lowest that we still take of the peer */
	uint64_t ids_term;   /* R10: the ids were compared with the peer's in this term; 0: never */
	/* initiator before IKE_AUTH is done: the crypto ACL line of the first CHILD SA */
	uint32_t tunnel;
};

struct child_sa_state {
	uint32_t spi_in; /* ours; names the SA */
	uint32_t spi_out;
	uint64_t ike_spi; /* our SPI of the IKE SA it belongs to */
	uint8_t stage;    /* enum child_sa_stage */
	bool initiator;   /* we began the exchange that made it */
	uint32_t tunnel;
	struct esp_transforms transforms;
	uint16_t dh_group; /* PFS group, 0 none */
	bool udp_encap;
	struct inet_endpoint local, remote;
	struct ts_list local_ts, remote_ts;
	struct esp_keys keys_in, keys_out;
	uint64_t birth_term;
	uint64_t lease_end; /* first lease (R5); later ones are lease records */
	uint64_t created_ms, rekey_at_ms, expire_at_ms;
	uint64_t lifetime_kb;
	uint64_t tombstone_until_ms;
	uint32_t replaced_by; /* spi_in of the successor; 0 */
	/* lowest nonce of the exchange that made it: simultaneous rekey (RFC 7296
	 * 2.8.1); empty once settled */
	struct buf nonce_low;
};

/* Which peer of a crypto map entry is in use: a record of its own, by map and sequence number. */
struct peer_index_state {
	char map[IKE_NAME_MAX];
	uint32_t seq;
	uint32_t index;      /* into the entry's list of peers */
	uint64_t generation; /* moves and resets so far */
	uint32_t reason;     /* of the last one: enum tunnel_condition; 0: there was none */
	uint64_t map_digest; /* of the crypto map that index is about; 0: not known */
};

/* This node's own SPI of an IKE SA: how it is named everywhere. */
static inline uint64_t ike_sa_state_spi(const struct ike_sa_state *s)
{
	return s->initiator ? s->spi_i : s->spi_r;
}

/* Wipe keys and free buffers; *s is zeroed. */
void ike_sa_state_clear(struct ike_sa_state *s);
void child_sa_state_clear(struct child_sa_state *s);

#endif
