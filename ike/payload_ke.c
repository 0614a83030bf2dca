/* SPDX-License-Identifier: Apache-2.0 */
/* Key Exchange payload (RFC 7296 3.4). */
#include "base/wire_reader.h"
#include "ike/payload.h"

enum result ke_decode(struct bytes body, struct ke_payload *out)
{
	struct wire_reader r = wire_reader(body);
	struct ke_payload ke = { .group = wire_u16(&r) };

	wire_u16(&r); /* RESERVED, ignored on receipt */
	ke.data = wire_take(&r, wire_left(&r));

	enum result res = wire_done(&r);

	if (res == R_OK)
		*out = ke;
	return res;
}

void ke_put(struct ike_builder *b, uint16_t group, struct bytes public_value)
{
	ike_build_payload(b, PAYLOAD_KE);
	wire_put_u16(&b->w, group);
	wire_put_u16(&b->w, 0);
	wire_put(&b->w, public_value);
}
