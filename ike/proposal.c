/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Negotiation (RFC 7296 2.7, 3.3). What we want and what the peer offers are
 * both lists of proposals, so that one comparison serves IKE and ESP, the
 * choice of a responder and the check of an initiator.
 */
#include "ike/proposal.h"

#include <stdarg.h>
#include <stdio.h>

#include "ike/proposal_offer.h"

#define TYPE_MAX TRANSFORM_ESN
#define T(type)  (1u << (type))

/* Types whose value 0 says "none": omission and NONE mean the same (RFC 7296 3.3.6, 5282 8). */
#define OPTIONAL (T(TRANSFORM_INTEG) | T(TRANSFORM_DH))

/* Types that a proposal may hold (RFC 7296 3.3.3); one with any other is not understood. */
static uint32_t types_of(uint8_t protocol)
{
	uint32_t common = T(TRANSFORM_ENCR) | T(TRANSFORM_INTEG) | T(TRANSFORM_DH);

	return common | (protocol == PROTO_IKE ? T(TRANSFORM_PRF) : T(TRANSFORM_ESN));
}

/* ---- comparing ---- */

static bool has_type(const struct sa_payload *sa, const struct sa_proposal *p, uint8_t type)
{
	for (size_t i = 0; i < p->n; i++) {
		if (sa->transforms[p->first + i].type == type)
			return true;
	}
	return false;
}

/* The key length is part of the transform: absent is not 128, and 3DES has none (RFC 7296
 * 3.3.5). */
static bool has(const struct sa_payload *sa, const struct sa_proposal *p, uint8_t type, uint16_t id,
		uint16_t key_bits)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct sa_transform *t = &sa->transforms[p->first + i];

		if (t->type == type && t->id == id && t->key_bits == key_bits && !t->bad_attribute)
			return true;
	}
	return false;
}

static bool understood(const struct sa_payload *sa, const struct sa_proposal *p)
{
	for (size_t i = 0; i < p->n; i++) {
		uint8_t type = sa->transforms[p->first + i].type;

		if (type > TYPE_MAX || (types_of(p->protocol) & T(type)) == 0)
			return false;
	}
	return true;
}

static bool spi_usable(const struct sa_proposal *p)
{
	return p->spi_len == 0 || p->spi >= (p->protocol == PROTO_ESP ? ESP_SPI_MIN : 1);
}

/* Our proposal against theirs. Sets are T() of transform types. */
struct match {
	uint32_t matched;
	uint32_t failed;
	uint32_t none; /* NONE was named and is what was agreed */
	uint64_t rank; /* lower is more to our liking */
	struct sa_transform picked[TYPE_MAX + 1];
};

/* Our first preference of this type that they offer. */
static bool pick(const struct sa_payload *ours, const struct sa_proposal *op,
		 const struct sa_payload *theirs, const struct sa_proposal *tp, uint8_t type,
		 struct match *m)
{
	for (size_t i = 0; i < op->n; i++) {
		const struct sa_transform *t = &ours->transforms[op->first + i];

		if (t->type != type || !has(theirs, tp, type, t->id, t->key_bits))
			continue;
		m->picked[type] = *t;
		m->rank |= i;
		if ((OPTIONAL & T(type)) != 0 && t->id == 0)
			m->none |= T(type);
		return true;
	}
	return false;
}

static bool match_type(const struct sa_payload *ours, const struct sa_proposal *op,
		       const struct sa_payload *theirs, const struct sa_proposal *tp, uint8_t type,
		       struct match *m)
{
	bool we = has_type(ours, op, type), they = has_type(theirs, tp, type);
	bool optional = (OPTIONAL & T(type)) != 0;

	if (we && they)
		return pick(ours, op, theirs, tp, type, m);
	if (they && optional && has(theirs, tp, type, 0, 0)) {
		m->none |= T(type);
		return true;
	}
	if (we)
		return optional && has(ours, op, type, 0, 0);
	return !they;
}

static void match(const struct sa_payload *ours, const struct sa_proposal *op,
		  const struct sa_payload *theirs, const struct sa_proposal *tp, uint32_t ignored,
		  struct match *m)
{
	*m = (struct match){ 0 };
	for (uint8_t type = TRANSFORM_ENCR; type <= TYPE_MAX; type++) {
		if ((types_of(op->protocol) & ~ignored & T(type)) == 0)
			continue;
		m->rank <<= 8;
		if (match_type(ours, op, theirs, tp, type, m))
			m->matched |= T(type);
		else
			m->failed |= T(type);
	}
}

/* ---- telling why ---- */

struct text {
	char *out;
	size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static void put_text(struct text *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(t->out + t->len, t->cap - t->len, fmt, ap);
	va_end(ap);
	if (n > 0)
		t->len += (size_t)n < t->cap - t->len ? (size_t)n : t->cap - t->len - 1;
}

/* clang-format off */
static const char *const type_names[TYPE_MAX + 1] = {
	[TRANSFORM_ENCR] = "encr",
	[TRANSFORM_PRF] = "prf",
	[TRANSFORM_INTEG] = "integ",
	[TRANSFORM_DH] = "DH",
	[TRANSFORM_ESN] = "ESN",
};
/* clang-format on */

static void put_transform_text(struct text *text, const struct sa_transform *t)
{
	switch (t->type) {
	case TRANSFORM_ENCR:
		put_text(text, "%s", iana_encr_name(t->id));
		break;
	case TRANSFORM_PRF:
		put_text(text, "%s", iana_prf_name(t->id));
		break;
	case TRANSFORM_INTEG:
		put_text(text, "%s", iana_integ_name(t->id));
		break;
	default:
		put_text(text, "%u", t->id);
		break;
	}
	if (t->key_bits != 0)
		put_text(text, "-%u", t->key_bits);
}

static void put_values(struct text *text, const struct sa_payload *sa, const struct sa_proposal *p,
		       uint8_t type)
{
	const char *separator = "";

	if (!has_type(sa, p, type))
		put_text(text, "none");
	for (size_t i = 0; i < p->n; i++) {
		const struct sa_transform *t = &sa->transforms[p->first + i];

		if (t->type != type)
			continue;
		put_text(text, "%s", separator);
		put_transform_text(text, t);
		separator = ",";
	}
}

static void put_matched(struct text *text, uint32_t matched)
{
	const char *separator = " (";

	for (uint8_t type = TRANSFORM_ENCR; type <= TYPE_MAX; type++) {
		if ((matched & T(type)) == 0)
			continue;
		put_text(text, "%s%s", separator, type_names[type]);
		separator = ", ";
	}
	if (matched != 0)
		put_text(text, " matched)");
}

/* ---- choosing ---- */

struct choose_input {
	const struct sa_payload *offer;
	const struct wanted *wanted;
	uint32_t ignored; /* T() of types that play no part in this exchange */
};

struct chosen {
	const struct sa_proposal *theirs;
	size_t ours;
	struct match match;
};

/* The pair that came nearest, and its first type that did not match. */
static void tell_why(const struct choose_input *in, const struct chosen *nearest, char why[WHY_MAX])
{
	struct text text = { .out = why, .cap = WHY_MAX };
	uint8_t type = TRANSFORM_ENCR;

	if (nearest->theirs == NULL) {
		put_text(&text,
			 "none of %u proposals is for this protocol with known transform types",
			 in->offer->n_proposals);
		return;
	}
	while ((nearest->match.failed & T(type)) == 0)
		type++;
	put_text(&text, "offered %s ", type_names[type]);
	put_values(&text, in->offer, nearest->theirs, type);
	put_text(&text, "; %s %u wants ", in->wanted->owner_kind, in->wanted->owner[nearest->ours]);
	put_values(&text, &in->wanted->sa, &in->wanted->sa.proposals[nearest->ours], type);
	put_matched(&text, nearest->match.matched);
}

static bool nearer(const struct match *a, const struct match *b)
{
	return __builtin_popcount(a->matched) > __builtin_popcount(b->matched);
}

static enum result choose(const struct choose_input *in, struct chosen *out, char why[WHY_MAX])
{
	const struct sa_payload *wanted = &in->wanted->sa;
	struct chosen best = { 0 }, nearest = { 0 };

	/* The first of ours that anything fits decides; among theirs, the one most to our
	 * liking. */
	for (size_t i = 0; i < wanted->n_proposals && best.theirs == NULL; i++) {
		const struct sa_proposal *op = &wanted->proposals[i];

		for (size_t k = 0; k < in->offer->n_proposals; k++) {
			const struct sa_proposal *tp = &in->offer->proposals[k];
			struct chosen now = { .theirs = tp, .ours = i };

			if (tp->protocol != op->protocol || tp->spi_len != op->spi_len ||
			    !spi_usable(tp) || !understood(in->offer, tp))
				continue;
			match(wanted, op, in->offer, tp, in->ignored, &now.match);
			if (now.match.failed == 0 &&
			    (best.theirs == NULL || now.match.rank < best.match.rank))
				best = now;
			if (nearest.theirs == NULL || nearer(&now.match, &nearest.match))
				nearest = now;
		}
	}
	if (best.theirs == NULL) {
		tell_why(in, &nearest, why);
		return R_NO_PROPOSAL;
	}
	*out = best;
	return R_OK;
}

static struct ike_transforms ike_transforms_of(const struct match *m)
{
	return (struct ike_transforms){
		.encr = m->picked[TRANSFORM_ENCR].id,
		.key_bits = m->picked[TRANSFORM_ENCR].key_bits,
		.integ = m->picked[TRANSFORM_INTEG].id,
		.prf = m->picked[TRANSFORM_PRF].id,
		.dh = m->picked[TRANSFORM_DH].id,
	};
}

static struct esp_transforms esp_transforms_of(const struct match *m)
{
	return (struct esp_transforms){
		.encr = m->picked[TRANSFORM_ENCR].id,
		.key_bits = m->picked[TRANSFORM_ENCR].key_bits,
		.integ = m->picked[TRANSFORM_INTEG].id,
		.esn = m->picked[TRANSFORM_ESN].id == ESN_YES,
	};
}

static struct ike_choice ike_choice_of(const struct sa_proposal *theirs, const struct match *m)
{
	return (struct ike_choice){
		.number = theirs->number,
		.spi = theirs->spi,
		.transforms = ike_transforms_of(m),
		.integ_none = (m->none & T(TRANSFORM_INTEG)) != 0,
	};
}

static struct child_choice child_choice_of(const struct sa_proposal *theirs, const struct match *m)
{
	return (struct child_choice){
		.number = theirs->number,
		.spi = (uint32_t)theirs->spi,
		.transforms = esp_transforms_of(m),
		.dh = m->picked[TRANSFORM_DH].id,
		.integ_none = (m->none & T(TRANSFORM_INTEG)) != 0,
		.dh_none = (m->none & T(TRANSFORM_DH)) != 0,
	};
}

/* Any SPI will do where only its length counts. */
#define SOME_IKE_SPI 1u
#define SOME_ESP_SPI ESP_SPI_MIN

enum result proposal_choose_ike(const struct sa_payload *offer, bool rekey,
				const struct ike_policy *policies, size_t n, struct ike_choice *out,
				char why[WHY_MAX])
{
	struct wanted wanted;
	struct choose_input in = { .offer = offer, .wanted = &wanted };
	struct chosen chosen;
	enum result res = wanted_ike(policies, n, rekey ? SOME_IKE_SPI : 0, &wanted);

	if (res != R_OK) {
		snprintf(why, WHY_MAX, "no policy can be used: %s", result_text(res));
		return R_NO_PROPOSAL;
	}
	res = choose(&in, &chosen, why);
	if (res == R_OK) {
		*out = ike_choice_of(chosen.theirs, &chosen.match);
		out->priority = wanted.owner[chosen.ours];
	}
	return res;
}

/* What we take as responder: the configured group, or without one any strong group,
 * but rather none (as the ASA). */
static struct pfs_groups acceptable_groups(uint16_t configured)
{
	if (configured != 0)
		return (struct pfs_groups){ .n = 1, .ids = { configured } };
	return (struct pfs_groups){ .n = 8,
				    .ids = { DH_NONE, DH_CURVE25519, DH_ECP_256, DH_ECP_384,
					     DH_ECP_521, DH_MODP_2048, DH_MODP_3072,
					     DH_MODP_4096 } };
}

enum result proposal_choose_child(const struct sa_payload *offer, enum child_exchange where,
				  const struct ike_child_config *cc, struct child_choice *out,
				  char why[WHY_MAX])
{
	struct wanted wanted;
	struct choose_input in = { .offer = offer, .wanted = &wanted };
	struct pfs_groups pfs = { 0 };
	struct chosen chosen;
	enum result res;

	/* IKE_AUTH makes no KE: groups offered there are for later (RFC 7296 1.2). */
	if (where == CHILD_IN_AUTH)
		in.ignored = T(TRANSFORM_DH);
	else
		pfs = acceptable_groups(cc->pfs_group);
	res = wanted_child(cc, &pfs, SOME_ESP_SPI, &wanted);
	if (res != R_OK) {
		snprintf(why, WHY_MAX, "no ipsec-proposal can be used: %s", result_text(res));
		return R_NO_PROPOSAL;
	}
	res = choose(&in, &chosen, why);
	if (res == R_OK)
		*out = child_choice_of(chosen.theirs, &chosen.match);
	return res;
}

/* ---- checking an answer ---- */

static const struct sa_proposal *by_number(const struct sa_payload *sa, uint8_t number)
{
	for (size_t i = 0; i < sa->n_proposals; i++) {
		if (sa->proposals[i].number == number)
			return &sa->proposals[i];
	}
	return NULL;
}

/* Two transforms of a type are no choice. */
static bool one_of_each(const struct sa_payload *sa, const struct sa_proposal *p)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < p->n; i++) {
		uint32_t bit = T(sa->transforms[p->first + i].type);

		if ((seen & bit) != 0)
			return false;
		seen |= bit;
	}
	return true;
}

static enum result verify(const struct sa_payload *offered, const struct sa_payload *answer,
			  struct match *m)
{
	const struct sa_proposal *ap = &answer->proposals[0];

	if (answer->n_proposals != 1 || !understood(answer, ap) || !one_of_each(answer, ap) ||
	    !spi_usable(ap))
		return R_NO_PROPOSAL;

	const struct sa_proposal *op = by_number(offered, ap->number);

	if (op == NULL || op->protocol != ap->protocol || op->spi_len != ap->spi_len)
		return R_NO_PROPOSAL;
	match(offered, op, answer, ap, 0, m);
	return m->failed == 0 ? R_OK : R_NO_PROPOSAL;
}

enum result proposal_verify_ike(const struct sa_payload *offered, const struct sa_payload *answer,
				struct ike_choice *out)
{
	struct match m;
	enum result res = verify(offered, answer, &m);

	if (res == R_OK && answer->proposals[0].protocol != PROTO_IKE)
		res = R_NO_PROPOSAL;
	if (res == R_OK)
		*out = ike_choice_of(&answer->proposals[0], &m);
	return res;
}

enum result proposal_verify_child(const struct sa_payload *offered, const struct sa_payload *answer,
				  struct child_choice *out)
{
	struct match m;
	enum result res = verify(offered, answer, &m);

	if (res == R_OK && answer->proposals[0].protocol != PROTO_ESP)
		res = R_NO_PROPOSAL;
	if (res == R_OK)
		*out = child_choice_of(&answer->proposals[0], &m);
	return res;
}

bool proposal_has_dh(const struct sa_payload *offer, uint16_t group)
{
	for (size_t i = 0; i < offer->n_proposals; i++) {
		if (has(offer, &offer->proposals[i], TRANSFORM_DH, group, 0))
			return true;
	}
	return false;
}

uint16_t proposal_first_dh(const struct sa_payload *offer)
{
	for (size_t i = 0; i < offer->n_transforms; i++) {
		if (offer->transforms[i].type == TRANSFORM_DH && offer->transforms[i].id != DH_NONE)
			return offer->transforms[i].id;
	}
	return 0;
}
