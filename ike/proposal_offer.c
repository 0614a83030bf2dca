/* SPDX-License-Identifier: Apache-2.0 */
/* SA payloads of our own (RFC 7296 3.3): offers from the configuration, answers from a choice. */
#include "ike/proposal_offer.h"

#include "base/must.h"
#include "ike/crypto.h"
#include "ike/jobs.h"

static void add(struct sa_payload *sa, struct sa_proposal *p, uint8_t type, uint16_t id,
		uint16_t key_bits)
{
	if (p->first + p->n < SA_TRANSFORMS_MAX)
		sa->transforms[p->first + p->n] = (struct sa_transform){ .type = type,
									 .id = id,
									 .key_bits = key_bits };
	p->n++; /* one too many is found by commit() */
}

static struct sa_proposal begin(const struct sa_payload *sa, uint8_t protocol, uint8_t spi_len,
				uint64_t spi)
{
	return (struct sa_proposal){
		.number = (uint8_t)(sa->n_proposals + 1),
		.protocol = protocol,
		.spi_len = spi_len,
		.spi = spi,
		.first = sa->n_transforms,
	};
}

static enum result commit(struct sa_payload *sa, const struct sa_proposal *p)
{
	if (sa->n_proposals == SA_PROPOSALS_MAX || p->first + p->n > SA_TRANSFORMS_MAX)
		return R_LIMIT;
	sa->proposals[sa->n_proposals++] = *p;
	sa->n_transforms = (uint16_t)(p->first + p->n);
	return R_OK;
}

/* Ciphers of one kind, and integrity where they need it. false: the policy has none of this
 * kind. */
static bool add_ciphers(struct sa_payload *sa, struct sa_proposal *p, bool aead,
			const struct ike_esp_proposal *want)
{
	size_t n_encr = 0, n_integ = 0;

	for (size_t i = 0; i < want->n_encr; i++) {
		const struct encr_row *row = encr_row(want->encr[i].id, want->encr[i].key_bits);

		if (row == NULL || encr_is_aead(row) != aead ||
		    (p->protocol == PROTO_IKE && row->evp == NULL))
			continue;
		add(sa, p, TRANSFORM_ENCR, row->id, row->key_bits);
		n_encr++;
	}
	for (size_t i = 0; !aead && i < want->n_integ; i++) {
		if (integ_row(want->integ[i]) == NULL)
			continue;
		add(sa, p, TRANSFORM_INTEG, want->integ[i], 0);
		n_integ++;
	}
	return n_encr > 0 && (aead || n_integ > 0);
}

static bool aead_first(const struct ike_esp_proposal *want)
{
	const struct encr_row *row = want->n_encr > 0
					     ? encr_row(want->encr[0].id, want->encr[0].key_bits)
					     : NULL;

	return row != NULL && encr_is_aead(row);
}

static struct ike_esp_proposal ciphers_of(const struct ike_policy *policy)
{
	struct ike_esp_proposal want = { .n_encr = policy->n_encr, .n_integ = policy->n_integ };

	memcpy(want.encr, policy->encr, sizeof(want.encr));
	memcpy(want.integ, policy->integ, sizeof(want.integ));
	return want;
}

/* One kind of one policy; nothing is added when the policy has no cipher of the kind. */
static enum result offer_policy(const struct ike_policy *policy, bool aead, uint64_t spi,
				struct sa_payload *sa)
{
	struct sa_proposal p = begin(sa, PROTO_IKE, spi != 0 ? 8 : 0, spi);
	struct ike_esp_proposal want = ciphers_of(policy);
	bool prf = false, dh = false;

	if (!add_ciphers(sa, &p, aead, &want))
		return R_OK;
	for (size_t i = 0; i < policy->n_prf; i++) {
		if (prf_row(policy->prf[i]) == NULL)
			continue;
		add(sa, &p, TRANSFORM_PRF, policy->prf[i], 0);
		prf = true;
	}
	for (size_t i = 0; i < policy->n_dh; i++) {
		if (dh_row(policy->dh[i]) == NULL)
			continue;
		add(sa, &p, TRANSFORM_DH, policy->dh[i], 0);
		dh = true;
	}
	return prf && dh ? commit(sa, &p) : R_OK;
}

enum result wanted_ike(const struct ike_policy *policies, size_t n, uint64_t spi,
		       struct wanted *out)
{
	*out = (struct wanted){ .owner_kind = "policy" };
	for (size_t i = 0; i < 2 * n; i++) {
		const struct ike_policy *policy = &policies[i / 2];
		struct ike_esp_proposal want = ciphers_of(policy);
		size_t before = out->sa.n_proposals;
		enum result res = offer_policy(policy, aead_first(&want) == (i % 2 == 0), spi,
					       &out->sa);

		if (res != R_OK)
			return res;
		if (out->sa.n_proposals > before)
			out->owner[before] = policy->priority;
	}
	return out->sa.n_proposals > 0 ? R_OK : R_CONFIG;
}

enum result proposal_offer_ike(const struct ike_policy *policies, size_t n, uint64_t spi,
			       struct sa_payload *out)
{
	struct wanted wanted;
	enum result res = wanted_ike(policies, n, spi, &wanted);

	if (res == R_OK)
		*out = wanted.sa;
	return res;
}

enum result wanted_child(const struct ike_child_config *cc, const struct pfs_groups *pfs,
			 uint32_t spi, struct wanted *out)
{
	struct sa_payload *sa = &out->sa;

	*out = (struct wanted){ .owner_kind = "ipsec-proposal" };
	for (size_t i = 0; i < 2u * cc->n_proposals; i++) {
		const struct ike_esp_proposal *want = &cc->proposals[i / 2];
		struct sa_proposal p = begin(sa, PROTO_ESP, 4, spi);
		enum result res;

		if (!add_ciphers(sa, &p, aead_first(want) == (i % 2 == 0), want))
			continue;
		for (size_t k = 0; k < pfs->n; k++)
			add(sa, &p, TRANSFORM_DH, pfs->ids[k], 0);
		if (cc->esn)
			add(sa, &p, TRANSFORM_ESN, ESN_YES, 0);
		add(sa, &p, TRANSFORM_ESN, ESN_NO, 0);
		res = commit(sa, &p);
		if (res != R_OK)
			return res;
		out->owner[sa->n_proposals - 1] = (uint16_t)(i / 2 + 1);
	}
	return sa->n_proposals > 0 ? R_OK : R_CONFIG;
}

enum result proposal_offer_child(const struct ike_child_config *cc, enum child_exchange where,
				 uint32_t spi, struct sa_payload *out)
{
	struct pfs_groups pfs = { .ids = { cc->pfs_group } };
	struct wanted wanted;
	enum result res;

	pfs.n = where == CHILD_IN_CREATE && cc->pfs_group != 0;
	res = wanted_child(cc, &pfs, spi, &wanted);
	if (res == R_OK)
		*out = wanted.sa;
	return res;
}

/* ---- answering ---- */

void proposal_answer_ike(const struct ike_choice *choice, uint64_t our_spi, struct sa_payload *out)
{
	const struct ike_transforms *t = &choice->transforms;

	*out = (struct sa_payload){ 0 };

	struct sa_proposal p = begin(out, PROTO_IKE, our_spi != 0 ? 8 : 0, our_spi);

	p.number = choice->number;
	add(out, &p, TRANSFORM_ENCR, t->encr, t->key_bits);
	if (t->integ != 0 || choice->integ_none)
		add(out, &p, TRANSFORM_INTEG, t->integ, 0);
	add(out, &p, TRANSFORM_PRF, t->prf, 0);
	add(out, &p, TRANSFORM_DH, t->dh, 0);
	must(commit(out, &p) == R_OK);
}

void proposal_answer_child(const struct child_choice *choice, uint32_t our_spi,
			   struct sa_payload *out)
{
	const struct esp_transforms *t = &choice->transforms;

	*out = (struct sa_payload){ 0 };

	struct sa_proposal p = begin(out, PROTO_ESP, 4, our_spi);

	p.number = choice->number;
	add(out, &p, TRANSFORM_ENCR, t->encr, t->key_bits);
	if (t->integ != 0 || choice->integ_none)
		add(out, &p, TRANSFORM_INTEG, t->integ, 0);
	if (choice->dh != 0 || choice->dh_none)
		add(out, &p, TRANSFORM_DH, choice->dh, 0);
	add(out, &p, TRANSFORM_ESN, t->esn ? ESN_YES : ESN_NO, 0);
	must(commit(out, &p) == R_OK);
}
