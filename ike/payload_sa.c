/* SPDX-License-Identifier: Apache-2.0 */
/* Security Association payload (RFC 7296 3.3): proposals, transforms, the Key Length attribute. */
#include "base/wire_reader.h"
#include "ike/payload.h"

#define MORE_PROPOSALS       2u
#define MORE_TRANSFORMS      3u
#define PROPOSAL_HEADER_LEN  8u
#define TRANSFORM_HEADER_LEN 8u
#define ATTRIBUTE_SHORT      0x8000u /* AF bit: the value is in the length field (3.3.5) */
#define ATTRIBUTE_KEY_LENGTH 14u

/* 3.3.5. Key Length is the only attribute; anything else makes the transform one that
 * we do not know (3.3.6). */
static void take_attribute(struct wire_reader *r, struct sa_transform *t)
{
	uint16_t type = wire_u16(r);
	uint16_t value = wire_u16(r);

	if ((type & ATTRIBUTE_SHORT) == 0)
		wire_take(r, value);
	if (type == (ATTRIBUTE_SHORT | ATTRIBUTE_KEY_LENGTH) && t->key_bits == 0 && value != 0)
		t->key_bits = value;
	else
		t->bad_attribute = true;
}

/* 3.3.2. last: no other transform follows in this proposal. */
static enum result take_transform(struct wire_reader *r, bool last, struct sa_transform *out)
{
	uint8_t more = wire_u8(r);

	wire_u8(r); /* RESERVED */

	size_t len = wire_u16(r);

	if (wire_status(r) != R_OK)
		return R_SHORT;
	if (len < TRANSFORM_HEADER_LEN)
		return R_LENGTH;
	if (more != (last ? 0 : MORE_TRANSFORMS))
		return R_VALUE;

	struct wire_reader body = wire_reader(wire_take(r, len - 4));
	struct sa_transform t = { .type = wire_u8(&body) };

	wire_u8(&body); /* RESERVED */
	t.id = wire_u16(&body);
	while (wire_left(&body) > 0)
		take_attribute(&body, &t);
	*out = t;
	return wire_done(&body);
}

static uint64_t spi_value(struct bytes spi)
{
	uint64_t v = 0;

	for (size_t i = 0; spi.len <= 8 && i < spi.len; i++)
		v = v << 8 | spi.p[i];
	return v;
}

/* 3.3.1. *more: another proposal follows. */
static enum result take_proposal(struct wire_reader *r, struct sa_payload *sa, bool *more)
{
	uint8_t marker = wire_u8(r);

	wire_u8(r); /* RESERVED */

	size_t len = wire_u16(r);

	if (wire_status(r) != R_OK)
		return R_SHORT;
	if (len < PROPOSAL_HEADER_LEN)
		return R_LENGTH;
	if (marker != 0 && marker != MORE_PROPOSALS)
		return R_VALUE;
	*more = marker != 0;

	struct wire_reader body = wire_reader(wire_take(r, len - 4));
	struct sa_proposal p = { .number = wire_u8(&body), .protocol = wire_u8(&body) };

	p.spi_len = wire_u8(&body);
	p.n = wire_u8(&body);
	p.first = sa->n_transforms;
	p.spi = spi_value(wire_take(&body, p.spi_len));
	if (sa->n_proposals == SA_PROPOSALS_MAX || p.n > SA_TRANSFORMS_MAX - sa->n_transforms)
		return R_TOO_LONG;
	for (size_t i = 0; i < p.n; i++) {
		enum result res = take_transform(&body, i + 1u == p.n,
						 &sa->transforms[p.first + i]);

		if (res != R_OK)
			return res;
	}
	sa->n_transforms = (uint16_t)(sa->n_transforms + p.n);
	sa->proposals[sa->n_proposals++] = p;
	return wire_done(&body);
}

enum result sa_decode(struct bytes body, struct sa_payload *out)
{
	struct wire_reader r = wire_reader(body);
	struct sa_payload sa = { 0 };
	bool more = true;

	while (more) {
		enum result res = take_proposal(&r, &sa, &more);

		if (res != R_OK)
			return res;
	}

	enum result res = wire_done(&r);

	if (res == R_OK)
		*out = sa;
	return res;
}

static void put_transform(struct wire_writer *w, const struct sa_transform *t, bool last)
{
	wire_put_u8(w, last ? 0 : MORE_TRANSFORMS);
	wire_put_u8(w, 0);
	wire_put_u16(w, (uint16_t)(TRANSFORM_HEADER_LEN + (t->key_bits != 0 ? 4 : 0)));
	wire_put_u8(w, t->type);
	wire_put_u8(w, 0);
	wire_put_u16(w, t->id);
	if (t->key_bits != 0) {
		wire_put_u16(w, ATTRIBUTE_SHORT | ATTRIBUTE_KEY_LENGTH);
		wire_put_u16(w, t->key_bits);
	}
}

void sa_put(struct ike_builder *b, const struct sa_payload *sa)
{
	struct wire_writer *w = &b->w;

	ike_build_payload(b, PAYLOAD_SA);
	for (size_t i = 0; i < sa->n_proposals; i++) {
		const struct sa_proposal *p = &sa->proposals[i];
		size_t start = w->len;

		wire_put_u8(w, i + 1u == sa->n_proposals ? 0 : MORE_PROPOSALS);
		wire_put_u8(w, 0);

		struct wire_mark length = wire_hole_u16(w);

		wire_put_u8(w, p->number);
		wire_put_u8(w, p->protocol);
		wire_put_u8(w, p->spi_len);
		wire_put_u8(w, (uint8_t)p->n);
		for (size_t k = p->spi_len; k > 0; k--)
			wire_put_u8(w, (uint8_t)(p->spi >> 8 * (k - 1)));
		for (size_t k = 0; k < p->n; k++)
			put_transform(w, &sa->transforms[p->first + k], k + 1u == p->n);
		wire_fill_u16(w, length, start);
	}
}
