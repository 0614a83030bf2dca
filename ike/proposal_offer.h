/* SPDX-License-Identifier: Apache-2.0 */
/* Private to proposal*.c: what the configuration wants, in the form of an offer. */
#ifndef HF_IKE_PROPOSAL_OFFER_H
#define HF_IKE_PROPOSAL_OFFER_H

#include "ike/proposal.h"

struct wanted {
	struct sa_payload sa;
	const char *owner_kind; /* "policy", "ipsec-proposal" */
	/* priority or position of the one behind sa.proposals[i] */
	uint16_t owner[SA_PROPOSALS_MAX];
};

/* DH groups of a CHILD SA, in order of preference; n 0: no transform of this type. */
struct pfs_groups {
	size_t n;
	uint16_t ids[IKE_ALGS_MAX];
};

/* R_LIMIT, R_CONFIG as proposal_offer_*. */
enum result wanted_ike(const struct ike_policy *policies, size_t n, uint64_t spi,
		       struct wanted *out) WARN_UNUSED;
enum result wanted_child(const struct ike_child_config *cc, const struct pfs_groups *pfs,
			 uint32_t spi, struct wanted *out) WARN_UNUSED;

#endif
