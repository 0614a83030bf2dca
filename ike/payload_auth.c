/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication payload (RFC 7296 3.8). */
#include "base/wire_reader.h"
#include "ike/payload.h"

enum result auth_decode(struct bytes body, struct auth_payload *out)
{
	struct wire_reader r = wire_reader(body);
	struct auth_payload auth = { .method = wire_u8(&r) };

	wire_take(&r, 3); /* RESERVED */
	auth.data = wire_take(&r, wire_left(&r));

	enum result res = wire_done(&r);

	if (res == R_OK)
		*out = auth;
	return res;
}

void auth_put(struct ike_builder *b, uint8_t method, struct bytes value)
{
	ike_build_payload(b, PAYLOAD_AUTH);
	wire_put_u8(&b->w, method);
	wire_put_zero(&b->w, 3);
	wire_put(&b->w, value);
}
