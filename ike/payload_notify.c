/* SPDX-License-Identifier: Apache-2.0 */
/* Notify payload (RFC 7296 3.10). */
#include "base/wire_reader.h"
#include "ike/payload.h"

enum result notify_decode(struct bytes body, struct notify_payload *out)
{
	struct wire_reader r = wire_reader(body);
	struct notify_payload n = { .protocol = wire_u8(&r) };
	size_t spi_size = wire_u8(&r);

	n.type = wire_u16(&r);
	n.spi = wire_take(&r, spi_size);
	n.data = wire_take(&r, wire_left(&r));

	enum result res = wire_done(&r);

	if (res == R_OK)
		*out = n;
	return res;
}

void notify_put(struct ike_builder *b, uint16_t type, struct bytes data)
{
	ike_build_payload(b, PAYLOAD_NOTIFY);
	wire_put_u8(&b->w, PROTO_NONE);
	wire_put_u8(&b->w, 0);
	wire_put_u16(&b->w, type);
	wire_put(&b->w, data);
}

void notify_put_esp(struct ike_builder *b, uint16_t type, uint32_t spi)
{
	ike_build_payload(b, PAYLOAD_NOTIFY);
	wire_put_u8(&b->w, PROTO_ESP);
	wire_put_u8(&b->w, 4);
	wire_put_u16(&b->w, type);
	wire_put_u32(&b->w, spi);
}
