/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key derivation of IKEv2 (RFC 7296 2.13, 2.14, 2.17, 2.18). ni and nr are
 * the nonces of the exchange that makes the keys, without headers, by its
 * initiator and responder. Errors: R_UNSUPPORTED (unknown transform),
 * R_TOO_LONG, R_NO_MEMORY, R_CRYPTO; outputs are empty then.
 */
#ifndef HF_IKE_KEYMAT_H
#define HF_IKE_KEYMAT_H

#include "ike/crypto.h"
#include "ike/ike_state.h"

/* prf+(key, seed), len bytes into *out; len is at most 255 times the PRF's output (2.13). */
enum result keymat_prf_plus(struct ike_crypto *c, uint16_t prf, struct bytes key, struct bytes seed,
			    size_t len, struct secret *out) WARN_UNUSED;

/* SKEYSEED = prf(Ni | Nr, g^ir) (2.14). */
enum result keymat_skeyseed(struct ike_crypto *c, uint16_t prf, struct bytes ni, struct bytes nr,
			    const struct secret *shared, struct secret *skeyseed) WARN_UNUSED;

/* SKEYSEED = prf(SK_d (old), g^ir (new) | Ni | Nr) with the PRF of the old SA (2.18). */
enum result keymat_skeyseed_rekey(struct ike_crypto *c, uint16_t old_prf,
				  const struct secret *old_sk_d, struct bytes ni, struct bytes nr,
				  const struct secret *shared, struct secret *skeyseed) WARN_UNUSED;

/* Fills sa->sk_* from skeyseed, the nonces, and sa's own SPIs and transforms (2.14).
 * SK_a are empty with an AEAD. */
enum result keymat_ike_sa(struct ike_crypto *c, const struct secret *skeyseed, struct bytes ni,
			  struct bytes nr, struct ike_sa_state *sa) WARN_UNUSED;

struct keymat_child_input {
	uint16_t prf; /* of the IKE SA */
	const struct secret *sk_d;
	struct bytes ni, nr;
	const struct secret *shared; /* g^ir of the CREATE_CHILD_SA with PFS; NULL without */
	struct esp_transforms transforms;
};

/*
 * KEYMAT of a CHILD SA (2.17). from_initiator protects what the initiator of
 * the exchange sends: its keys_out, the responder's keys_in.
 */
enum result keymat_child(struct ike_crypto *c, const struct keymat_child_input *in,
			 struct esp_keys *from_initiator,
			 struct esp_keys *from_responder) WARN_UNUSED;

/* ---- AUTH with a pre-shared key (2.15): auth_psk.c ---- */

struct auth_octets {
	/* own IKE_SA_INIT message of the side that proves itself, as sent (the one
	 * after COOKIE or INVALID_KE) */
	struct bytes message;
	struct bytes nonce;        /* of the other side */
	struct bytes id;           /* body of its IDi or IDr payload (id_payload.body, id_body()) */
	const struct secret *sk_p; /* SK_pi for the initiator's proof, SK_pr for the responder's */
};

struct auth_value {
	uint8_t data[IKE_PRF_MAX];
	size_t len;
};

/* prf(prf(psk, "Key Pad for IKEv2"), octets). R_AUTH_FAILED when psk is empty: no key, no proof. */
enum result auth_psk(struct ike_crypto *c, uint16_t prf, const struct secret *psk,
		     const struct auth_octets *in, struct auth_value *out) WARN_UNUSED;
/* Constant time. R_AUTH_FAILED unless received is that value by method 2. */
struct auth_payload;
enum result auth_psk_verify(struct ike_crypto *c, uint16_t prf, const struct secret *psk,
			    const struct auth_octets *in,
			    const struct auth_payload *received) WARN_UNUSED;

#endif
