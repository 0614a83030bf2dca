/* SPDX-License-Identifier: Apache-2.0 */
/* Traffic Selector payloads TSi and TSr (RFC 7296 3.13). */
#include "base/must.h"
#include "base/wire_reader.h"
#include "ike/payload.h"

#define TS_HEADER_LEN 4u /* type, protocol, length */

/* RFC 7296 3.13.1: OPAQUE is the one range that runs backwards. */
static bool ports_fit(const struct traffic_selector *ts)
{
	return ts->port_start <= ts->port_end ||
	       (ts->port_start == UINT16_MAX && ts->port_end == 0);
}

static size_t address_len(uint8_t type)
{
	return type == TS_IPV4_ADDR_RANGE ? 4 : type == TS_IPV6_ADDR_RANGE ? 16 : 0;
}

/* *known is false for a selector of another type, which is skipped. */
static enum result take_selector(struct wire_reader *r, struct traffic_selector *out, bool *known)
{
	uint8_t type = wire_u8(r);
	struct traffic_selector ts = { .protocol = wire_u8(r) };
	size_t len = wire_u16(r);

	if (wire_status(r) != R_OK)
		return R_SHORT;
	if (len < TS_HEADER_LEN)
		return R_LENGTH;

	struct wire_reader body = wire_reader(wire_take(r, len - TS_HEADER_LEN));
	size_t address = address_len(type);

	*known = address != 0;
	if (wire_status(r) != R_OK || !*known)
		return wire_status(r);
	if (wire_left(&body) != 4 + 2 * address)
		return R_LENGTH;
	ts.port_start = wire_u16(&body);
	ts.port_end = wire_u16(&body);
	ts.start = inet_from_bytes(wire_take(&body, address));
	ts.end = inet_from_bytes(wire_take(&body, address));
	if (!ports_fit(&ts) || inet_compare(&ts.start, &ts.end) > 0)
		return R_VALUE;
	*out = ts;
	return R_OK;
}

enum result ts_decode(struct bytes body, struct ts_list *out)
{
	struct wire_reader r = wire_reader(body);
	struct ts_list list = { 0 };
	size_t n = wire_u8(&r);

	wire_take(&r, 3); /* RESERVED */
	if (wire_status(&r) == R_OK && n == 0)
		return R_VALUE;
	for (size_t i = 0; i < n; i++) {
		struct traffic_selector ts;
		bool known;
		enum result res = take_selector(&r, &ts, &known);

		if (res != R_OK)
			return res;
		if (known && list.n < TS_MAX)
			list.ts[list.n++] = ts;
	}

	enum result res = wire_done(&r);

	if (res == R_OK)
		*out = list;
	return res;
}

void ts_put(struct ike_builder *b, uint8_t type, const struct ts_list *ts)
{
	must(type == PAYLOAD_TSI || type == PAYLOAD_TSR);
	ike_build_payload(b, type);
	wire_put_u8(&b->w, ts->n);
	wire_put_zero(&b->w, 3);
	for (size_t i = 0; i < ts->n; i++) {
		const struct traffic_selector *t = &ts->ts[i];
		size_t address = inet_len(&t->start);

		wire_put_u8(&b->w, address == 4 ? TS_IPV4_ADDR_RANGE : TS_IPV6_ADDR_RANGE);
		wire_put_u8(&b->w, t->protocol);
		wire_put_u16(&b->w, (uint16_t)(TS_HEADER_LEN + 4 + 2 * address));
		wire_put_u16(&b->w, t->port_start);
		wire_put_u16(&b->w, t->port_end);
		wire_put(&b->w, bytes(t->start.a, address));
		wire_put(&b->w, bytes(t->end.a, address));
	}
}
