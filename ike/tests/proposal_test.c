/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/proposal.h"

/* clang-format off */
#define ENCR(id_, bits) { .type = TRANSFORM_ENCR, .id = (id_), .key_bits = (bits) }
#define PRF(id_) { .type = TRANSFORM_PRF, .id = (id_) }
#define INTEG(id_) { .type = TRANSFORM_INTEG, .id = (id_) }
#define DH(id_) { .type = TRANSFORM_DH, .id = (id_) }
#define ESN(id_) { .type = TRANSFORM_ESN, .id = (id_) }
/* clang-format on */

static const struct ike_policy gcm_policy = {
	.priority = 10,
	.n_encr = 2,
	.n_prf = 2,
	.n_dh = 2,
	.encr = { { ENCR_AES_GCM_16, 256 }, { ENCR_AES_GCM_16, 128 } },
	.prf = { PRF_HMAC_SHA2_384, PRF_HMAC_SHA2_256 },
	.dh = { DH_ECP_256, DH_MODP_2048 },
};

static const struct ike_policy cbc_policy = {
	.priority = 20,
	.n_encr = 1,
	.n_integ = 1,
	.n_prf = 1,
	.n_dh = 2,
	.encr = { { ENCR_AES_CBC, 256 } },
	.integ = { AUTH_HMAC_SHA2_256_128 },
	.prf = { PRF_HMAC_SHA2_256 },
	.dh = { DH_MODP_2048, DH_ECP_256 },
};

static const struct ike_child_config child = {
	.n_proposals = 1,
	.esn = true,
	.proposals = { { .n_encr = 2,
			 .encr = { { ENCR_AES_GCM_16, 256 }, { ENCR_AES_GCM_16, 128 } } } },
};

/* Appends a proposal with these transforms. */
static void offer(struct sa_payload *sa, struct sa_proposal p, const struct sa_transform *t,
		  size_t n)
{
	p.number = (uint8_t)(sa->n_proposals + 1);
	p.first = sa->n_transforms;
	p.n = (uint16_t)n;
	memcpy(&sa->transforms[p.first], t, n * sizeof(*t));
	sa->n_transforms = (uint16_t)(sa->n_transforms + n);
	sa->proposals[sa->n_proposals++] = p;
}

#define OFFER(sa, p, ...) \
	do { \
		const struct sa_transform t_[] = { __VA_ARGS__ }; \
		offer(sa, p, t_, sizeof(t_) / sizeof(t_[0])); \
	} while (0)

static const struct sa_proposal ike_init = { .protocol = PROTO_IKE };
static const struct sa_proposal esp = { .protocol = PROTO_ESP, .spi_len = 4, .spi = 0xc0ffee01 };

static enum result choose(const struct sa_payload *sa, const struct ike_policy *policies, size_t n,
			  struct ike_choice *out)
{
	char why[WHY_MAX];

	return proposal_choose_ike(sa, false, policies, n, out, why);
}

static void our_preference_decides_among_the_offered(void **state)
{
	struct sa_payload sa = { 0 };
	struct ike_choice c;

	(void)state;
	OFFER(&sa, ike_init, ENCR(ENCR_AES_GCM_16, 128), PRF(PRF_HMAC_SHA2_256), DH(DH_MODP_2048));
	OFFER(&sa, ike_init, ENCR(ENCR_AES_GCM_16, 128), ENCR(ENCR_AES_GCM_16, 256),
	      PRF(PRF_HMAC_SHA2_256), PRF(PRF_HMAC_SHA2_384), DH(DH_MODP_2048), DH(DH_ECP_256));
	assert_int_equal(choose(&sa, &gcm_policy, 1, &c), R_OK);
	assert_int_equal(c.number, 2);
	assert_int_equal(c.priority, 10);
	assert_int_equal(c.transforms.encr, ENCR_AES_GCM_16);
	assert_int_equal(c.transforms.key_bits, 256);
	assert_int_equal(c.transforms.prf, PRF_HMAC_SHA2_384);
	assert_int_equal(c.transforms.dh, DH_ECP_256);
	assert_int_equal(c.transforms.integ, 0);
}

static void policies_are_tried_in_order(void **state)
{
	const struct ike_policy policies[] = { cbc_policy, gcm_policy };
	struct sa_payload sa = { 0 };
	struct ike_choice c;

	(void)state;
	OFFER(&sa, ike_init, ENCR(ENCR_AES_GCM_16, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	OFFER(&sa, ike_init, ENCR(ENCR_AES_CBC, 256), INTEG(AUTH_HMAC_SHA2_256_128),
	      PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	assert_int_equal(choose(&sa, policies, 2, &c), R_OK);
	assert_int_equal(c.priority, 20);
	assert_int_equal(c.number, 2);
	assert_int_equal(choose(&sa, policies + 1, 1, &c), R_OK);
	assert_int_equal(c.number, 1);
}

/* RFC 7296 3.3.5 */
static void key_length_is_part_of_the_transform(void **state)
{
	const struct sa_transform encr[] = { ENCR(ENCR_AES_GCM_16, 0), ENCR(ENCR_AES_GCM_16, 192) };
	struct ike_choice c;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct sa_payload sa = { 0 };

		OFFER(&sa, ike_init, encr[i], PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
		assert_int_equal(choose(&sa, &gcm_policy, 1, &c), R_NO_PROPOSAL);
	}
}

/* RFC 5282 8 */
static void aead_goes_without_integrity_or_with_none(void **state)
{
	struct sa_payload with = { 0 }, none = { 0 }, answer;
	struct ike_choice c, verified;

	(void)state;
	OFFER(&with, ike_init, ENCR(ENCR_AES_GCM_16, 256), INTEG(AUTH_HMAC_SHA2_256_128),
	      PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	assert_int_equal(choose(&with, &gcm_policy, 1, &c), R_NO_PROPOSAL);
	OFFER(&none, ike_init, ENCR(ENCR_AES_GCM_16, 256), INTEG(AUTH_HMAC_SHA2_256_128),
	      INTEG(AUTH_NONE), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	assert_int_equal(choose(&none, &gcm_policy, 1, &c), R_OK);
	assert_int_equal(c.transforms.integ, 0);
	assert_true(c.integ_none);
	proposal_answer_ike(&c, 0, &answer);
	assert_int_equal(answer.n_transforms, 4);
	assert_int_equal(proposal_verify_ike(&none, &answer, &verified), R_OK);
}

static void cipher_without_integrity_is_refused(void **state)
{
	struct sa_payload sa = { 0 };
	struct ike_choice c;

	(void)state;
	OFFER(&sa, ike_init, ENCR(ENCR_AES_CBC, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_MODP_2048));
	OFFER(&sa, ike_init, ENCR(ENCR_AES_CBC, 256), INTEG(AUTH_NONE), PRF(PRF_HMAC_SHA2_256),
	      DH(DH_MODP_2048));
	assert_int_equal(choose(&sa, &cbc_policy, 1, &c), R_NO_PROPOSAL);
}

/* RFC 7296 3.3.6: an unknown type spoils its proposal, an unknown transform only itself. */
static void unknown_type_spoils_the_proposal_unknown_id_only_itself(void **state)
{
	struct sa_payload sa = { 0 };
	struct ike_choice c;

	(void)state;
	OFFER(&sa, ike_init, ENCR(ENCR_AES_GCM_16, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256),
	      { .type = 6, .id = 36 });
	OFFER(&sa, ike_init, ENCR(ENCR_AES_GCM_16, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256),
	      ESN(ESN_NO));
	assert_int_equal(choose(&sa, &gcm_policy, 1, &c), R_NO_PROPOSAL);
	OFFER(&sa, ike_init, ENCR(999, 0), ENCR(ENCR_AES_GCM_16, 128), PRF(99),
	      PRF(PRF_HMAC_SHA2_256), DH(99), DH(DH_ECP_256));
	sa.transforms[sa.n_transforms - 5].bad_attribute = true;
	assert_int_equal(choose(&sa, &gcm_policy, 1, &c), R_NO_PROPOSAL);
	sa.transforms[sa.n_transforms - 5].bad_attribute = false;
	assert_int_equal(choose(&sa, &gcm_policy, 1, &c), R_OK);
	assert_int_equal(c.number, 3);
	assert_int_equal(c.transforms.key_bits, 128);
}

static void spi_has_the_length_of_the_exchange(void **state)
{
	const struct sa_proposal rekey = { .protocol = PROTO_IKE,
					   .spi_len = 8,
					   .spi = 0x1122334455667788 };
	const struct sa_proposal zero = { .protocol = PROTO_IKE, .spi_len = 8 };
	struct sa_payload init = { 0 }, with_spi = { 0 }, with_zero = { 0 };
	struct ike_choice c;
	char why[WHY_MAX];

	(void)state;
	OFFER(&init, ike_init, ENCR(ENCR_AES_GCM_16, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	OFFER(&with_spi, rekey, ENCR(ENCR_AES_GCM_16, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	OFFER(&with_zero, zero, ENCR(ENCR_AES_GCM_16, 256), PRF(PRF_HMAC_SHA2_256), DH(DH_ECP_256));
	assert_int_equal(proposal_choose_ike(&init, true, &gcm_policy, 1, &c, why), R_NO_PROPOSAL);
	assert_int_equal(proposal_choose_ike(&with_spi, false, &gcm_policy, 1, &c, why),
			 R_NO_PROPOSAL);
	assert_int_equal(proposal_choose_ike(&with_zero, true, &gcm_policy, 1, &c, why),
			 R_NO_PROPOSAL);
	assert_int_equal(proposal_choose_ike(&with_spi, true, &gcm_policy, 1, &c, why), R_OK);
	assert_true(c.spi == 0x1122334455667788);
}

/* RFC 8247 2.4: never unless the policy names them. */
static void weak_transforms_are_chosen_only_where_named(void **state)
{
	const struct ike_policy weak = {
		.priority = 99,
		.n_encr = 1,
		.n_integ = 1,
		.n_prf = 1,
		.n_dh = 1,
		.encr = { { ENCR_3DES, 0 } },
		.integ = { AUTH_HMAC_SHA1_96 },
		.prf = { PRF_HMAC_SHA1 },
		.dh = { DH_MODP_1536 },
	};
	const struct ike_policy strong[] = { gcm_policy, cbc_policy };
	struct sa_payload sa = { 0 };
	struct ike_choice c;

	(void)state;
	OFFER(&sa, ike_init, ENCR(ENCR_3DES, 0), INTEG(AUTH_HMAC_SHA1_96), PRF(PRF_HMAC_SHA1),
	      DH(DH_MODP_1536));
	assert_int_equal(choose(&sa, strong, 2, &c), R_NO_PROPOSAL);
	assert_int_equal(choose(&sa, &weak, 1, &c), R_OK);
}

static void refusal_tells_the_first_mismatch_of_the_nearest_pair(void **state)
{
	const struct ike_policy policies[] = { gcm_policy, cbc_policy };
	struct sa_payload sa = { 0 }, other = { 0 };
	struct ike_choice c;
	char why[WHY_MAX];

	(void)state;
	OFFER(&sa, ike_init, ENCR(ENCR_3DES, 0), INTEG(AUTH_HMAC_MD5_96), PRF(PRF_HMAC_MD5), DH(2));
	OFFER(&sa, ike_init, ENCR(ENCR_AES_CBC, 256), INTEG(AUTH_HMAC_SHA2_256_128),
	      PRF(PRF_HMAC_SHA2_256), DH(2), DH(5));
	assert_int_equal(proposal_choose_ike(&sa, false, policies, 2, &c, why), R_NO_PROPOSAL);
	assert_string_equal(why,
			    "offered DH 2,5; policy 20 wants 14,19 (encr, prf, integ matched)");
	OFFER(&other, esp, ENCR(ENCR_AES_GCM_16, 256), ESN(ESN_NO));
	assert_int_equal(proposal_choose_ike(&other, false, policies, 2, &c, why), R_NO_PROPOSAL);
	assert_string_equal(why,
			    "none of 1 proposals is for this protocol with known transform types");
}

/* However much is offered, the text stays in its bounds. */
static void refusal_text_is_bounded(void **state)
{
	struct sa_payload sa = { 0 };
	struct sa_transform t[200];
	struct ike_choice c;
	char why[WHY_MAX];

	(void)state;
	for (size_t i = 0; i < 200; i++)
		t[i] = (struct sa_transform)ENCR(ENCR_AES_CBC, 192);
	offer(&sa, ike_init, t, 200);
	memset(why, 'x', sizeof(why));
	assert_int_equal(proposal_choose_ike(&sa, false, &gcm_policy, 1, &c, why), R_NO_PROPOSAL);
	assert_int_equal(strlen(why), WHY_MAX - 1);
}

/* ---- CHILD SAs ---- */

static enum result choose_child(const struct sa_payload *sa, enum child_exchange where,
				const struct ike_child_config *cc, struct child_choice *out)
{
	char why[WHY_MAX];

	return proposal_choose_child(sa, where, cc, out, why);
}

static void esn_is_preferred_when_configured_and_never_assumed(void **state)
{
	struct ike_child_config no_esn = child;
	struct sa_payload both = { 0 }, missing = { 0 }, only = { 0 };
	struct child_choice c;

	(void)state;
	no_esn.esn = false;
	OFFER(&both, esp, ENCR(ENCR_AES_GCM_16, 256), ESN(ESN_NO), ESN(ESN_YES));
	assert_int_equal(choose_child(&both, CHILD_IN_AUTH, &child, &c), R_OK);
	assert_true(c.transforms.esn);
	assert_int_equal(c.spi, 0xc0ffee01);
	assert_int_equal(choose_child(&both, CHILD_IN_AUTH, &no_esn, &c), R_OK);
	assert_false(c.transforms.esn);
	OFFER(&only, esp, ENCR(ENCR_AES_GCM_16, 256), ESN(ESN_YES));
	assert_int_equal(choose_child(&only, CHILD_IN_AUTH, &no_esn, &c), R_NO_PROPOSAL);
	OFFER(&missing, esp, ENCR(ENCR_AES_GCM_16, 256));
	assert_int_equal(choose_child(&missing, CHILD_IN_AUTH, &child, &c), R_NO_PROPOSAL);
}

static void reserved_esp_spi_is_refused(void **state)
{
	const struct sa_proposal reserved = { .protocol = PROTO_ESP, .spi_len = 4, .spi = 255 };
	struct sa_payload sa = { 0 };
	struct child_choice c;

	(void)state;
	OFFER(&sa, reserved, ENCR(ENCR_AES_GCM_16, 256), ESN(ESN_NO));
	assert_int_equal(choose_child(&sa, CHILD_IN_AUTH, &child, &c), R_NO_PROPOSAL);
}

static void pfs_group_is_demanded_where_configured(void **state)
{
	struct ike_child_config pfs = child;
	struct sa_payload with = { 0 }, without = { 0 }, other = { 0 };
	struct child_choice c;

	(void)state;
	pfs.pfs_group = DH_ECP_256;
	OFFER(&with, esp, ENCR(ENCR_AES_GCM_16, 256), DH(DH_MODP_2048), DH(DH_ECP_256),
	      ESN(ESN_NO));
	OFFER(&without, esp, ENCR(ENCR_AES_GCM_16, 256), ESN(ESN_NO));
	OFFER(&other, esp, ENCR(ENCR_AES_GCM_16, 256), DH(DH_MODP_2048), DH(DH_NONE), ESN(ESN_NO));
	assert_int_equal(choose_child(&with, CHILD_IN_CREATE, &pfs, &c), R_OK);
	assert_int_equal(c.dh, DH_ECP_256);
	assert_int_equal(choose_child(&without, CHILD_IN_CREATE, &pfs, &c), R_NO_PROPOSAL);
	assert_int_equal(choose_child(&other, CHILD_IN_CREATE, &pfs, &c), R_NO_PROPOSAL);
	/* RFC 7296 1.2: no KE in IKE_AUTH, whatever is offered */
	assert_int_equal(choose_child(&with, CHILD_IN_AUTH, &pfs, &c), R_OK);
	assert_int_equal(c.dh, 0);
	assert_int_equal(choose_child(&without, CHILD_IN_AUTH, &pfs, &c), R_OK);
}

static void without_configured_pfs_any_strong_group_is_taken_but_rather_none(void **state)
{
	struct sa_payload strong = { 0 }, weak = { 0 }, none = { 0 }, answer;
	struct child_choice c, verified;

	(void)state;
	OFFER(&strong, esp, ENCR(ENCR_AES_GCM_16, 256), DH(DH_MODP_2048), ESN(ESN_NO));
	assert_int_equal(choose_child(&strong, CHILD_IN_CREATE, &child, &c), R_OK);
	assert_int_equal(c.dh, DH_MODP_2048);
	OFFER(&weak, esp, ENCR(ENCR_AES_GCM_16, 256), DH(DH_MODP_1536), ESN(ESN_NO));
	assert_int_equal(choose_child(&weak, CHILD_IN_CREATE, &child, &c), R_NO_PROPOSAL);
	OFFER(&none, esp, ENCR(ENCR_AES_GCM_16, 256), DH(DH_MODP_2048), DH(DH_NONE), ESN(ESN_NO));
	assert_int_equal(choose_child(&none, CHILD_IN_CREATE, &child, &c), R_OK);
	assert_int_equal(c.dh, 0);
	assert_true(c.dh_none);
	proposal_answer_child(&c, 0xc0ffee02, &answer);
	assert_int_equal(proposal_verify_child(&none, &answer, &verified), R_OK);
	assert_int_equal(verified.dh, 0);
}

/* A choice within one proposal must not depend on how many types another proposal names. */
static void preference_holds_across_proposals_of_different_shape(void **state)
{
	struct sa_payload sa = { 0 };
	struct child_choice c;

	(void)state;
	OFFER(&sa, esp, ENCR(ENCR_AES_GCM_16, 128), ESN(ESN_YES));
	OFFER(&sa, esp, ENCR(ENCR_AES_GCM_16, 256), DH(DH_MODP_2048), ESN(ESN_YES));
	assert_int_equal(choose_child(&sa, CHILD_IN_CREATE, &child, &c), R_OK);
	assert_int_equal(c.number, 2);
	assert_int_equal(c.transforms.key_bits, 256);
}

/* ---- our offers ---- */

static void what_we_offer_our_own_responder_takes(void **state)
{
	const struct ike_policy policies[] = { gcm_policy, cbc_policy };
	struct ike_child_config pfs = child;
	struct sa_payload sa, answer;
	struct ike_choice c, verified;
	struct child_choice cc, cc_verified;

	(void)state;
	assert_int_equal(proposal_offer_ike(policies, 2, 0, &sa), R_OK);
	assert_int_equal(sa.n_proposals, 2);
	assert_int_equal(proposal_first_dh(&sa), DH_ECP_256);
	assert_true(proposal_has_dh(&sa, DH_MODP_2048));
	assert_false(proposal_has_dh(&sa, DH_MODP_1536));
	assert_int_equal(choose(&sa, policies, 2, &c), R_OK);
	assert_int_equal(c.transforms.key_bits, 256);
	proposal_answer_ike(&c, 0, &answer);
	assert_int_equal(proposal_verify_ike(&sa, &answer, &verified), R_OK);
	assert_memory_equal(&verified.transforms, &c.transforms, sizeof(c.transforms));

	pfs.pfs_group = DH_CURVE25519;
	assert_int_equal(proposal_offer_child(&pfs, CHILD_IN_AUTH, 0x10000001, &sa), R_OK);
	assert_int_equal(proposal_first_dh(&sa), 0);
	assert_int_equal(proposal_offer_child(&pfs, CHILD_IN_CREATE, 0x10000001, &sa), R_OK);
	assert_int_equal(proposal_first_dh(&sa), DH_CURVE25519);
	assert_int_equal(choose_child(&sa, CHILD_IN_CREATE, &pfs, &cc), R_OK);
	assert_int_equal(cc.spi, 0x10000001);
	assert_true(cc.transforms.esn);
	proposal_answer_child(&cc, 0x20000002, &answer);
	assert_int_equal(proposal_verify_child(&sa, &answer, &cc_verified), R_OK);
	assert_int_equal(cc_verified.spi, 0x20000002);
	assert_int_equal(cc_verified.dh, DH_CURVE25519);
}

static void mixed_policy_makes_a_proposal_of_each_kind(void **state)
{
	struct ike_policy mixed = cbc_policy;
	struct sa_payload sa;

	(void)state;
	mixed.encr[mixed.n_encr++] = (struct ike_encr_choice){ ENCR_AES_GCM_16, 256 };
	assert_int_equal(proposal_offer_ike(&mixed, 1, 7, &sa), R_OK);
	assert_int_equal(sa.n_proposals, 2);
	assert_int_equal(sa.transforms[sa.proposals[0].first].id, ENCR_AES_CBC);
	assert_int_equal(sa.transforms[sa.proposals[1].first].id, ENCR_AES_GCM_16);
	assert_int_equal(sa.proposals[0].spi_len, 8);
	assert_int_equal(sa.proposals[1].n, 4); /* no integrity beside the AEAD */
}

static void policy_that_cannot_be_offered_is_a_configuration_error(void **state)
{
	struct ike_policy policy = cbc_policy;
	struct sa_payload sa;
	struct ike_choice c;

	(void)state;
	policy.n_integ = 0;
	assert_int_equal(proposal_offer_ike(&policy, 1, 0, &sa), R_CONFIG);
	policy = gcm_policy;
	policy.n_dh = 0;
	assert_int_equal(proposal_offer_ike(&policy, 1, 0, &sa), R_CONFIG);
	assert_int_equal(choose(&sa, &policy, 1, &c), R_NO_PROPOSAL);
	assert_int_equal(proposal_offer_ike(NULL, 0, 0, &sa), R_CONFIG);
}

/* More policies than an SA payload holds. */
static void offer_is_bounded(void **state)
{
	static struct ike_policy many[SA_PROPOSALS_MAX + 1];
	struct sa_payload sa;

	(void)state;
	for (size_t i = 0; i <= SA_PROPOSALS_MAX; i++)
		many[i] = gcm_policy;
	assert_int_equal(proposal_offer_ike(many, SA_PROPOSALS_MAX, 0, &sa), R_OK);
	assert_int_equal(proposal_offer_ike(many, SA_PROPOSALS_MAX + 1, 0, &sa), R_LIMIT);
}

/* ---- answers ---- */

static void answer_must_be_one_of_each_from_our_offer(void **state)
{
	const struct ike_policy policies[] = { gcm_policy, cbc_policy };
	struct sa_payload sa, good, bad;
	struct ike_choice c;

	(void)state;
	assert_int_equal(proposal_offer_ike(policies, 2, 0, &sa), R_OK);
	assert_int_equal(choose(&sa, policies, 2, &c), R_OK);
	proposal_answer_ike(&c, 0, &good);
	assert_int_equal(proposal_verify_ike(&sa, &good, &c), R_OK);

	bad = good;
	bad.transforms[0].key_bits = 192; /* not offered */
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.transforms[0].bad_attribute = true;
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.proposals[0].number = 2; /* of the other proposal */
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.proposals[0].number = 3;
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.proposals[0].n--; /* one type missing */
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.transforms[bad.n_transforms++] = bad.transforms[0];
	bad.proposals[0].n++; /* twice the same type */
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.proposals[bad.n_proposals++] = bad.proposals[0];
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad = good;
	bad.proposals[0].spi_len = 8;
	bad.proposals[0].spi = 1;
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
	bad.n_proposals = 0;
	assert_int_equal(proposal_verify_ike(&sa, &bad, &c), R_NO_PROPOSAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_preference_decides_among_the_offered),
		cmocka_unit_test(policies_are_tried_in_order),
		cmocka_unit_test(key_length_is_part_of_the_transform),
		cmocka_unit_test(aead_goes_without_integrity_or_with_none),
		cmocka_unit_test(cipher_without_integrity_is_refused),
		cmocka_unit_test(unknown_type_spoils_the_proposal_unknown_id_only_itself),
		cmocka_unit_test(spi_has_the_length_of_the_exchange),
		cmocka_unit_test(weak_transforms_are_chosen_only_where_named),
		cmocka_unit_test(refusal_tells_the_first_mismatch_of_the_nearest_pair),
		cmocka_unit_test(refusal_text_is_bounded),
		cmocka_unit_test(esn_is_preferred_when_configured_and_never_assumed),
		cmocka_unit_test(reserved_esp_spi_is_refused),
		cmocka_unit_test(pfs_group_is_demanded_where_configured),
		cmocka_unit_test(without_configured_pfs_any_strong_group_is_taken_but_rather_none),
		cmocka_unit_test(preference_holds_across_proposals_of_different_shape),
		cmocka_unit_test(what_we_offer_our_own_responder_takes),
		cmocka_unit_test(mixed_policy_makes_a_proposal_of_each_kind),
		cmocka_unit_test(policy_that_cannot_be_offered_is_a_configuration_error),
		cmocka_unit_test(offer_is_bounded),
		cmocka_unit_test(answer_must_be_one_of_each_from_our_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
