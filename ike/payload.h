/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One codec per payload (payload_*.c). X_decode takes the body after the
 * generic header; *out borrows from it and is untouched unless R_OK. X_put
 * appends a payload to a message under construction; errors stick in the
 * builder. payload_rules.c says which payloads an exchange needs and allows.
 */
#ifndef HF_IKE_PAYLOAD_H
#define HF_IKE_PAYLOAD_H

#include "ike/crypto.h"
#include "ike/ike_state.h"
#include "ike/message.h"

/* ---- SA, RFC 7296 3.3 (choice and offers: ike/proposal.h) ---- */

/* R_SHORT, R_LENGTH, R_TRAILING, R_VALUE (substructure markers, counts, no proposal), R_TOO_LONG
 * beyond the bounds. */
enum result sa_decode(struct bytes body, struct sa_payload *out) WARN_UNUSED;
void sa_put(struct ike_builder *b, const struct sa_payload *sa);

/* ---- KE, RFC 7296 3.4: the length is checked against the group by the job that uses it ---- */

enum result ke_decode(struct bytes body, struct ke_payload *out) WARN_UNUSED;
void ke_put(struct ike_builder *b, uint16_t group, struct bytes public_value);

/* ---- IDi, IDr, RFC 7296 3.5 ---- */

#define IKE_ID_MAX 512 /* bytes of identification data that we take */

/* R_SHORT; R_TOO_LONG above IKE_ID_MAX; R_VALUE for an address of the wrong length. */
enum result id_decode(struct bytes body, struct id_payload *out) WARN_UNUSED;
/* type: PAYLOAD_IDI or PAYLOAD_IDR */
void id_put(struct ike_builder *b, uint8_t type, const struct ike_id *id);
/* The body that id_put writes, for our own AUTH (RFC 7296 2.15). Returns its length; out holds
 * IKE_ID_MAX + 4. 0: too long. */
size_t id_body(const struct ike_id *id, uint8_t out[IKE_ID_MAX + 4]);
/* Same type and data. */
bool id_equal(const struct ike_id *a, uint8_t type, struct bytes data);
#define IKE_ID_TEXT_MAX 256
/* "192.0.2.1", "gw.example.com", "cn..." escaped for logs and show. Returns out. */
const char *id_text(const struct ike_id *id, char out[IKE_ID_TEXT_MAX]);

/* ---- AUTH, RFC 7296 3.8 ---- */

enum result auth_decode(struct bytes body, struct auth_payload *out) WARN_UNUSED;
void auth_put(struct ike_builder *b, uint8_t method, struct bytes value);

/* ---- Ni, Nr, RFC 7296 3.9 ---- */

#define IKE_NONCE_MIN 16
#define IKE_NONCE_LEN 32 /* ours: at least half the key of the longest PRF (2.10) */

/* R_SHORT below 16, R_TOO_LONG above 256 octets. */
enum result nonce_decode(struct bytes body, struct bytes *out) WARN_UNUSED;
void nonce_put(struct ike_builder *b, struct bytes nonce);

/* ---- N, RFC 7296 3.10 ---- */

/* R_SHORT, also when the SPI does not fit. */
enum result notify_decode(struct bytes body, struct notify_payload *out) WARN_UNUSED;
/* About no SA: protocol 0, no SPI. */
void notify_put(struct ike_builder *b, uint16_t type, struct bytes data);
/* About a CHILD SA: REKEY_SA, CHILD_SA_NOT_FOUND. */
void notify_put_esp(struct ike_builder *b, uint16_t type, uint32_t spi);

/* ---- data of the two notifies of RFC 6311 (payload_sync.c) ---- */

struct msgid_sync {
	uint8_t nonce[4];
	uint32_t send; /* EXPECTED_SEND_REQ_MESSAGE_ID: of the sender's next request */
	uint32_t recv; /* EXPECTED_RECV_REQ_MESSAGE_ID: of the receiver's next request */
};

/* R_SHORT, R_TRAILING, R_VALUE when it is about an SPI. */
enum result msgid_sync_decode(const struct notify_payload *n, struct msgid_sync *out) WARN_UNUSED;
void msgid_sync_put(struct ike_builder *b, const struct msgid_sync *s);
/* 4 octets, or 8 with ESN. The same errors. */
enum result replay_sync_decode(const struct notify_payload *n, uint64_t *delta) WARN_UNUSED;
void replay_sync_put(struct ike_builder *b, uint64_t delta, bool esn);

/* ---- D, RFC 7296 3.11 ---- */

/* R_SHORT, R_TRAILING, R_VALUE: SPI size and number must fit the protocol (IKE 0/0; AH, ESP 4). */
enum result delete_decode(struct bytes body, struct delete_payload *out) WARN_UNUSED;
/* The i-th SPI of an ESP or AH delete; i < d->n. */
uint32_t delete_spi(const struct delete_payload *d, size_t i);
void delete_put_ike(struct ike_builder *b);
void delete_put_esp(struct ike_builder *b, const uint32_t *spis, size_t n);

/* ---- TSi, TSr, RFC 7296 3.13 ---- */

/*
 * Selectors of types other than IPv4 and IPv6 range are skipped, as are those
 * beyond TS_MAX (2.9: the answer may be any subset); the list may so be empty.
 * R_SHORT, R_LENGTH, R_TRAILING, R_VALUE (no selector, start above end).
 */
enum result ts_decode(struct bytes body, struct ts_list *out) WARN_UNUSED;
/* type: PAYLOAD_TSI or PAYLOAD_TSR */
void ts_put(struct ike_builder *b, uint8_t type, const struct ts_list *ts);

/* ---- SK{}, RFC 7296 3.14, RFC 5282 ---- */

/* Keys of one direction, borrowed from the SA. */
struct sk_key {
	const struct encr_row *encr;
	const struct integ_row *integ; /* NULL with an AEAD */
	struct bytes encr_key;         /* SK_e: cipher key || salt */
	struct bytes integ_key;        /* SK_a; empty with an AEAD */
};

/* Key of the messages that go out of (outbound) or come into this node. R_UNSUPPORTED, R_VALUE when
 * key lengths disagree. */
enum result sk_key_of(const struct ike_sa_state *sa, bool outbound, struct sk_key *out) WARN_UNUSED;

struct sk_seal_input {
	const struct sk_key *key;
	/* encr->iv bytes. Counter modes: R16 value, big endian, never twice; CBC: random */
	struct bytes iv;
	struct ike_header header; /* next_payload and length are filled in */
	uint8_t first_payload;
	struct bytes payloads; /* from ike_build_finish_inner; may be empty */
	struct bytes padding;  /* p NULL: the fewest zero bytes that fill a block */
};

/* *out becomes the datagram. R_VALUE for a wrong IV or padding length, R_TOO_LONG,
 * R_NO_MEMORY, R_CRYPTO. */
enum result sk_seal(struct ike_crypto *c, const struct sk_seal_input *in,
		    struct buf *out) WARN_UNUSED;
/*
 * Opens m->sk. *plain becomes the payloads, without padding. R_MISSING when m
 * has no SK{}; R_INTEGRITY when it is not authentic (wrong lengths included:
 * nothing tells an attacker more); R_LENGTH for padding that cannot be, after
 * authentication. *plain is empty unless R_OK.
 */
enum result sk_open(struct ike_crypto *c, const struct sk_key *key, const struct ike_message *m,
		    struct buf *plain) WARN_UNUSED;

/* ---- rules: payload_rules.c, RFC 7296 1.2 to 1.4, appendix C ---- */

/* What a message turns out to be; one row of the table each. */
enum ike_form {
	FORM_NONE = 0,
	FORM_INIT,        /* SA, KE, Nonce */
	FORM_INIT_NOTIFY, /* response of notifies only: COOKIE, INVALID_KE_PAYLOAD, an error */
	FORM_AUTH,        /* ID, AUTH, with the first CHILD SA */
	/* ID, AUTH and a notify that says why there is no CHILD SA, or RFC 6023 */
	FORM_AUTH_CHILDLESS,
	FORM_AUTH_NOTIFY,   /* response of notifies only: AUTHENTICATION_FAILED */
	FORM_CHILD,         /* SA, Nonce, TSi, TSr (KE) */
	FORM_IKE_REKEY,     /* SA, Nonce, KE, no TS */
	FORM_CHILD_NOTIFY,  /* CREATE_CHILD_SA response of notifies only */
	FORM_INFORMATIONAL, /* anything of N, D, CP; may be empty */
	/* message id 0 and IKEV2_MESSAGE_ID_SYNC; told from the one above by v2_msgid_sync.c */
	FORM_MSGID_SYNC,
};

struct payload_rule {
	const char *story;
	uint8_t exchange;
	bool response;
	uint32_t need; /* IKE_P() sets */
	uint32_t may;
	enum ike_form form;
};

/*
 * Which row fits the message (its inner payloads where SK{} is due).
 * R_UNSUPPORTED: unknown exchange. R_MISSING, R_UNEXPECTED: no row fits.
 * CREATE_CHILD_SA and the others but IKE_SA_INIT must have come inside SK{}: R_MISSING.
 */
enum result ike_payload_rules_check(const struct ike_message *m, enum ike_form *form) WARN_UNUSED;
/* The table, for documentation and tests. */
const struct payload_rule *ike_payload_rules(size_t *n);

#endif
