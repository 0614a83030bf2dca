/* SPDX-License-Identifier: Apache-2.0 */
/* Identification payloads IDi and IDr (RFC 7296 3.5). */
#include <stdio.h>

#include "base/log.h"
#include "base/must.h"
#include "base/wire_reader.h"
#include "ike/payload.h"

/* Addresses have one length; the others any. */
static bool length_fits(uint8_t type, size_t len)
{
	switch (type) {
	case ID_IPV4_ADDR:
		return len == 4;
	case ID_IPV6_ADDR:
		return len == 16;
	default:
		return true;
	}
}

enum result id_decode(struct bytes body, struct id_payload *out)
{
	struct wire_reader r = wire_reader(body);
	struct id_payload id = { .type = wire_u8(&r), .body = body };

	wire_take(&r, 3); /* RESERVED; AUTH covers it as received (2.15) */
	id.data = wire_take(&r, wire_left(&r));

	enum result res = wire_done(&r);

	if (res == R_OK && id.data.len > IKE_ID_MAX)
		res = R_TOO_LONG;
	if (res == R_OK && !length_fits(id.type, id.data.len))
		res = R_VALUE;
	if (res == R_OK)
		*out = id;
	return res;
}

size_t id_body(const struct ike_id *id, uint8_t out[IKE_ID_MAX + 4])
{
	struct wire_writer w = wire_writer(out, IKE_ID_MAX + 4);

	wire_put_u8(&w, id->type);
	wire_put_zero(&w, 3);
	wire_put(&w, buf_bytes(&id->data));
	return wire_finish(&w) == R_OK ? w.len : 0;
}

void id_put(struct ike_builder *b, uint8_t type, const struct ike_id *id)
{
	must(type == PAYLOAD_IDI || type == PAYLOAD_IDR);
	ike_build_payload(b, type);
	wire_put_u8(&b->w, id->type);
	wire_put_zero(&b->w, 3);
	wire_put(&b->w, buf_bytes(&id->data));
}

bool id_equal(const struct ike_id *a, uint8_t type, struct bytes data)
{
	return a->type == type && bytes_equal(buf_bytes(&a->data), data);
}

const char *id_text(const struct ike_id *id, char out[IKE_ID_TEXT_MAX])
{
	struct inet_addr addr = inet_from_bytes(buf_bytes(&id->data));
	char text[INET_TEXT_MAX];

	if ((id->type == ID_IPV4_ADDR || id->type == ID_IPV6_ADDR) && addr.family != INET_NONE)
		snprintf(out, IKE_ID_TEXT_MAX, "%s", inet_text(&addr, text));
	else
		log_escape(buf_bytes(&id->data), out, IKE_ID_TEXT_MAX);
	return out;
}
