/* SPDX-License-Identifier: Apache-2.0 */
/* Nonce payload (RFC 7296 3.9). */
#include "ike/payload.h"

enum result nonce_decode(struct bytes body, struct bytes *out)
{
	if (body.len < IKE_NONCE_MIN)
		return R_SHORT;
	if (body.len > IKE_NONCE_MAX)
		return R_TOO_LONG;
	*out = body;
	return R_OK;
}

void nonce_put(struct ike_builder *b, struct bytes nonce)
{
	ike_build_payload(b, PAYLOAD_NONCE);
	wire_put(&b->w, nonce);
}
