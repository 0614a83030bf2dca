/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Negotiation of transforms (RFC 7296 2.7, 3.3; 5282 8; 8247): make an offer
 * from the configuration, choose from a peer's offer, check a peer's choice
 * against our offer. Offer and choice are values (struct sa_payload); wire
 * form is sa_decode/sa_put.
 *
 * Choosing: policies in order, in each our preference among what is offered;
 * exactly one transform of each type; a proposal with an unknown transform
 * type is skipped, as is a transform with an unknown id or attribute. With an
 * AEAD the proposal must have no integrity transform, or offer NONE. A policy
 * that lists both AEAD and other ciphers counts as two, the kind of its first
 * cipher first.
 */
#ifndef HF_IKE_PROPOSAL_H
#define HF_IKE_PROPOSAL_H

#include "ike/ike_config.h"
#include "ike/message.h"

/* Text for an operator: why nothing matched, "offered DH 2,5; policy 10 wants 14,19 (encr, prf,
 * integ matched)". */
#define WHY_MAX 256

struct ike_choice {
	uint8_t number;    /* of the proposal */
	uint64_t spi;      /* the peer's SPI in it (rekey); 0 in IKE_SA_INIT */
	uint16_t priority; /* policy that matched; 0 from proposal_verify_ike */
	struct ike_transforms transforms;
	bool integ_none; /* the offer named NONE, so the answer does (RFC 7296 3.3.6) */
};

struct child_choice {
	uint8_t number;
	uint32_t spi; /* the peer's */
	struct esp_transforms transforms;
	uint16_t dh;              /* 0: no PFS */
	bool integ_none, dh_none; /* as above */
};

/* Where a CHILD SA is negotiated: IKE_AUTH has no DH (RFC 7296 1.2). */
enum child_exchange { CHILD_IN_AUTH, CHILD_IN_CREATE };

/*
 * Our offer: one proposal per policy, two when it has AEAD and other ciphers.
 * spi 0: IKE_SA_INIT (no SPI); otherwise rekey (8 bytes). R_LIMIT when it
 * does not fit, R_CONFIG when nothing can be offered.
 */
enum result proposal_offer_ike(const struct ike_policy *policies, size_t n, uint64_t spi,
			       struct sa_payload *out) WARN_UNUSED;
enum result proposal_offer_child(const struct ike_child_config *cc, enum child_exchange where,
				 uint32_t spi, struct sa_payload *out) WARN_UNUSED;

/*
 * Choose from the peer's offer. rekey: SPIs of 8 bytes, else of none.
 * R_NO_PROPOSAL with the reason in why. The DH group is the one that our
 * policy prefers among the offered: when KE has another, INVALID_KE_PAYLOAD.
 */
enum result proposal_choose_ike(const struct sa_payload *offer, bool rekey,
				const struct ike_policy *policies, size_t n, struct ike_choice *out,
				char why[WHY_MAX]) WARN_UNUSED;
/* With cc->pfs_group 0 an offer without DH is preferred and any strong group is taken
 * (as the ASA does). */
enum result proposal_choose_child(const struct sa_payload *offer, enum child_exchange where,
				  const struct ike_child_config *cc, struct child_choice *out,
				  char why[WHY_MAX]) WARN_UNUSED;

/* Our answer to an offer: the one proposal, with our SPI. */
void proposal_answer_ike(const struct ike_choice *choice, uint64_t our_spi, struct sa_payload *out);
void proposal_answer_child(const struct child_choice *choice, uint32_t our_spi,
			   struct sa_payload *out);

/*
 * The peer's answer to our offer: one proposal, one transform of each type
 * that it holds, all from the proposal of that number in offered. R_NO_PROPOSAL.
 */
enum result proposal_verify_ike(const struct sa_payload *offered, const struct sa_payload *answer,
				struct ike_choice *out) WARN_UNUSED;
enum result proposal_verify_child(const struct sa_payload *offered, const struct sa_payload *answer,
				  struct child_choice *out) WARN_UNUSED;

/* The group is among those of any proposal of the offer: check before following
 * INVALID_KE_PAYLOAD (RFC 7296 1.2). */
bool proposal_has_dh(const struct sa_payload *offer, uint16_t group);
/* First DH group of the first proposal that has one: what KE is made for. 0: none. */
uint16_t proposal_first_dh(const struct sa_payload *offer);

#endif
