/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diffie-Hellman as jobs: the engine makes one and emits it, any thread runs
 * it (ike_job_run of ike/ike.h: pure, touches nothing but the job and
 * OpenSSL's random source), the engine takes the results out and frees it.
 * Groups are rows: MODP (RFC 3526), ECP (RFC 5903), Curve25519 (RFC 8031).
 * Public values are checked as RFC 6989 2 says.
 */
#ifndef HF_IKE_JOBS_H
#define HF_IKE_JOBS_H

#include "base/iana.h"
#include "ike/ike.h"

enum dh_kind { DH_KIND_MODP, DH_KIND_ECP, DH_KIND_X25519 };

struct dh_row {
	uint16_t id;         /* enum ike_dh */
	uint8_t kind;        /* enum dh_kind */
	uint16_t public_len; /* KE data on the wire */
	uint16_t shared_len; /* g^ir */
	const char *evp;     /* OpenSSL's name of the group */
	bool weak;
};

/* NULL: not known. */
const struct dh_row *dh_row(uint16_t id);

enum ike_job_kind {
	JOB_DH_KEYGEN = 1,           /* initiator, first: private_key, public_key */
	JOB_DH_AGREE = 2,            /* initiator, then: private_key, peer_public -> shared */
	JOB_DH_KEYGEN_AND_AGREE = 3, /* responder: peer_public -> private_key, public_key, shared */
};

struct ike_job {
	enum ike_job_kind kind;
	uint16_t group;
	/* the engine's own, untouched by the run */
	uint64_t ike_spi;
	uint64_t id;

	/* raw: MODP and ECP big endian, X25519 as RFC 7748; goes into records (R1) */
	struct secret private_key;
	struct buf public_key;  /* ours, as in KE */
	struct buf peer_public; /* the peer's, as in KE */
	struct secret shared;
	/* R_OK; R_UNSUPPORTED group; R_PUBLIC_VALUE: the peer's value fails RFC 6989 or has a wrong
	 * length; R_VALUE: private key; R_CRYPTO */
	enum result result;
};

/* NULL: out of memory. peer_public is copied; BYTES_NONE for KEYGEN. */
struct ike_job *ike_job_new(enum ike_job_kind kind, uint16_t group, struct bytes peer_public);

#endif
