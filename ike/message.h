/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An IKE message on the wire (RFC 7296 3.1, 3.2): header, chain of payloads,
 * and the same chain inside SK{}. Decoding yields a typed struct ike_message
 * whose views borrow from the datagram (or from the opened SK plaintext);
 * no decision is taken before the whole message has decoded.
 *
 * Reading:
 *	ike_message_decode(datagram, &m)           header and clear payloads
 *	sk_open(..., &plain)                       when m.present has PAYLOAD_SK (ike/payload.h)
 *	ike_message_decode_inner(&m, plain)        the payloads inside
 *	ike_payload_rules_check(&m, ...)           what may and must be there (ike/payload.h)
 *
 * Writing:
 *	ike_build_message / ike_build_inner, payload writers of ike/payload.h, ike_build_finish*
 */
#ifndef HF_IKE_MESSAGE_H
#define HF_IKE_MESSAGE_H

#include "base/iana.h"
#include "base/ipsec_sa.h"
#include "base/wire_writer.h"

#define IKE_HEADER_LEN         28u
#define IKE_NEXT_PAYLOAD_AT    16u /* in the header */
#define IKE_LENGTH_AT          24u
#define IKE_PAYLOAD_HEADER_LEN 4u
#define IKE_VERSION            0x20u /* 2.0 */
#define IKE_DATAGRAM_MAX       65535u

/* Bounds of what one message may hold; more is R_TOO_LONG. */
#define IKE_CHAIN_MAX    64
#define IKE_NOTIFIES_MAX 32
#define IKE_DELETES_MAX  8

enum ike_flags {
	IKE_FLAG_INITIATOR = 0x08, /* sent by the original initiator of the IKE SA */
	IKE_FLAG_VERSION = 0x10,   /* ignored on receipt, never sent (RFC 7296 2.5) */
	IKE_FLAG_RESPONSE = 0x20,
};

/* RFC 7296 3.1. next_payload and length are set by the builder when writing. */
struct ike_header {
	uint64_t spi_i;
	uint64_t spi_r;
	uint8_t next_payload;
	uint8_t version;
	uint8_t exchange; /* enum ike_exchange, or unknown */
	uint8_t flags;
	uint32_t message_id;
	uint32_t length;
};

static inline bool ike_is_response(const struct ike_header *h)
{
	return (h->flags & IKE_FLAG_RESPONSE) != 0;
}

static inline bool ike_from_initiator(const struct ike_header *h)
{
	return (h->flags & IKE_FLAG_INITIATOR) != 0;
}

/*
 * Header only, for demultiplexing before any work. *out is set unless R_SHORT.
 * R_SHORT; R_MAJOR_VERSION when not version 2 (answer: RFC 7296 2.5);
 * R_LENGTH when the length field is not the datagram's; R_VALUE when SPIi is 0.
 */
enum result ike_header_decode(struct bytes datagram, struct ike_header *out) WARN_UNUSED;

/* ---- payloads, decoded (ike/payload.h has each one's codec) ---- */

/* RFC 7296 3.3, in values: for what a peer sent and for what we send alike. */
#define SA_PROPOSALS_MAX  32
#define SA_TRANSFORMS_MAX 255 /* of all proposals together */

struct sa_transform {
	uint8_t type; /* enum ike_transform_type, or unknown */
	uint16_t id;
	uint16_t key_bits; /* Key Length attribute; 0: absent */
	/* has an attribute that we do not know: never chosen (RFC 7296 3.3.6) */
	bool bad_attribute;
};

struct sa_proposal {
	uint8_t number;
	uint8_t protocol; /* enum ike_protocol, or unknown */
	uint8_t spi_len;
	uint64_t spi;   /* value of an SPI of up to 8 bytes; 0 for a longer one */
	uint16_t first; /* index of its first transform */
	uint16_t n;
};

struct sa_payload {
	uint8_t n_proposals;
	uint16_t n_transforms;
	struct sa_proposal proposals[SA_PROPOSALS_MAX];
	struct sa_transform transforms[SA_TRANSFORMS_MAX];
};

struct ke_payload { /* RFC 7296 3.4 */
	uint16_t group;
	struct bytes data;
};

struct id_payload { /* RFC 7296 3.5 */
	uint8_t type;
	struct bytes data;
	/* all after the generic header, RESERVED as received: what AUTH signs (2.15) */
	struct bytes body;
};

struct auth_payload { /* RFC 7296 3.8 */
	uint8_t method;
	struct bytes data;
};

struct notify_payload { /* RFC 7296 3.10 */
	uint8_t protocol;
	uint16_t type;
	struct bytes spi;
	struct bytes data;
};

struct delete_payload { /* RFC 7296 3.11 */
	uint8_t protocol;
	uint8_t spi_size;
	uint16_t n;
	struct bytes spis; /* n * spi_size bytes */
};

/* SK{}: found by ike_message_decode, opened by sk_open. Always the last payload (RFC 7296 3.14). */
struct sk_payload {
	uint8_t first_payload; /* type of the first payload inside */
	size_t offset;         /* of the body (IV) from the start of the datagram */
	struct bytes body;     /* IV, ciphertext, ICV */
};

/* Set of payload types. PAYLOAD_SA is bit 0, PAYLOAD_SKF bit 20. */
#define IKE_P(name) (1u << (PAYLOAD_##name - PAYLOAD_SA))

struct ike_message {
	struct ike_header header;
	struct bytes datagram;
	uint32_t outside; /* IKE_P() set of known payloads in the clear */
	/* in the clear chain, after ike_message_decode_inner those inside SK{} instead */
	uint32_t present;
	/* after R_CRITICAL: the payload type for UNSUPPORTED_CRITICAL_PAYLOAD */
	uint8_t critical_type;

	struct sa_payload sa;
	struct ke_payload ke;
	struct id_payload idi, idr;
	struct auth_payload auth;
	struct bytes nonce;
	struct ts_list tsi, tsr;
	size_t n_notifies;
	struct notify_payload notifies[IKE_NOTIFIES_MAX];
	size_t n_deletes;
	struct delete_payload deletes[IKE_DELETES_MAX];
	struct sk_payload sk; /* when outside has IKE_P(SK) */
};

/*
 * Decodes header and clear chain. *out is always written: header fields as
 * far as read, and what is needed to answer (critical_type).
 * Errors: those of ike_header_decode; R_SHORT, R_LENGTH, R_TRAILING, R_VALUE,
 * R_TOO_LONG of a payload; R_DUPLICATE; R_CRITICAL; R_UNEXPECTED for a known
 * payload beside SK{}.
 * Payload order is free; unknown payloads without the critical bit are
 * skipped; the critical bit of known ones is ignored (RFC 7296 2.5).
 * VENDOR, CERT, CERTREQ, CP and EAP are noted in the set and not looked into.
 */
enum result ike_message_decode(struct bytes datagram, struct ike_message *out) WARN_UNUSED;

/*
 * Decodes the opened payloads of SK{} into m; views borrow from plain, which
 * must live as long as m. Same errors, and R_UNEXPECTED for SK inside SK.
 */
enum result ike_message_decode_inner(struct ike_message *m, struct bytes plain) WARN_UNUSED;

/* First notify of this type; NULL when absent. */
const struct notify_payload *ike_message_notify(const struct ike_message *m, uint16_t type);
/* First error notify (type up to N_ERROR_MAX); NULL when absent. RFC 7296 3.10.1. */
const struct notify_payload *ike_message_error(const struct ike_message *m);

/* ---- writing ---- */

/* All fields as given, but the version is always 2.0. For the builder and sk_seal. */
void ike_header_put(struct wire_writer *w, const struct ike_header *h);

/*
 * Builder over a caller's buffer; the error is sticky and comes out of
 * ike_build_finish*. It owns lengths and next-payload fields.
 */
struct ike_builder {
	struct wire_writer w;
	uint8_t first_payload; /* of an inner chain: no header holds it */
	bool have_next;        /* next is a field of the preceding payload or of the header */
	struct wire_mark next;
	struct wire_mark length; /* of the open payload */
	size_t start;            /* where the open payload begins; SIZE_MAX when none is open */
};

/* A whole message in the clear: writes the header (next_payload and length follow). */
void ike_build_message(struct ike_builder *b, void *buf, size_t cap, const struct ike_header *h);
/* Only a chain, to be sealed by sk_seal. */
void ike_build_inner(struct ike_builder *b, void *buf, size_t cap);
/* Begins a payload (ends the one before); its body is then written to b->w. For the
 * codecs of ike/payload.h. */
void ike_build_payload(struct ike_builder *b, uint8_t type);
/* The finished datagram, in the caller's buffer. R_TOO_LONG when it did not fit. */
enum result ike_build_finish_message(struct ike_builder *b, struct bytes *out) WARN_UNUSED;
/* The finished chain and the type of its first payload (PAYLOAD_NONE when empty). R_TOO_LONG. */
enum result ike_build_finish_inner(struct ike_builder *b, uint8_t *first_payload,
				   struct bytes *out) WARN_UNUSED;

#endif
