/* SPDX-License-Identifier: Apache-2.0 */
/* AUTH with a pre-shared key (RFC 7296 2.15). Each side has a key of its own on the ASA. */
#include "ike/keymat.h"
#include "ike/message.h"

static const char key_pad[] = "Key Pad for IKEv2";

enum result auth_psk(struct ike_crypto *c, uint16_t prf, const struct secret *psk,
		     const struct auth_octets *in, struct auth_value *out)
{
	const struct prf_row *row = prf_row(prf);
	struct bytes pad = bytes(key_pad, sizeof(key_pad) - 1);
	uint8_t padded[IKE_PRF_MAX], id[IKE_PRF_MAX];
	enum result res;

	if (row == NULL)
		return R_UNSUPPORTED;
	if (psk->len == 0)
		return R_AUTH_FAILED;
	/* octets = RealMessage | NonceData of the peer | prf(SK_p, RestOfIDPayload) */
	res = ike_prf(c, prf, secret_bytes(in->sk_p), &in->id, 1, id);
	if (res == R_OK)
		res = ike_prf(c, prf, secret_bytes(psk), &pad, 1, padded);
	if (res == R_OK) {
		struct bytes octets[] = { in->message, in->nonce, bytes(id, row->len) };

		res = ike_prf(c, prf, bytes(padded, row->len), octets, 3, out->data);
		out->len = row->len;
	}
	wipe(padded, sizeof(padded));
	return res;
}

enum result auth_psk_verify(struct ike_crypto *c, uint16_t prf, const struct secret *psk,
			    const struct auth_octets *in, const struct auth_payload *received)
{
	struct auth_value expected;
	enum result res = auth_psk(c, prf, psk, in, &expected);

	if (res != R_OK)
		return res;
	if (received->method != AUTH_METHOD_PSK ||
	    !bytes_equal_ct(bytes(expected.data, expected.len), received->data))
		return R_AUTH_FAILED;
	return R_OK;
}
