/* SPDX-License-Identifier: Apache-2.0 */
/* Notification data of RFC 6311: IKEV2_MESSAGE_ID_SYNC (6.3), IPSEC_REPLAY_COUNTER_SYNC (6.4). */
#include "base/wire_reader.h"
#include "ike/payload.h"

/* Both are about the IKE SA of the message: protocol 0, no SPI. */
static bool about_this_sa(const struct notify_payload *n)
{
	return n->protocol == PROTO_NONE && n->spi.len == 0;
}

enum result msgid_sync_decode(const struct notify_payload *n, struct msgid_sync *out)
{
	struct wire_reader r = wire_reader(n->data);
	struct msgid_sync s;

	wire_copy(&r, s.nonce, sizeof(s.nonce));
	s.send = wire_u32(&r);
	s.recv = wire_u32(&r);

	enum result res = wire_done(&r);

	if (res == R_OK && !about_this_sa(n))
		res = R_VALUE;
	if (res == R_OK)
		*out = s;
	return res;
}

void msgid_sync_put(struct ike_builder *b, const struct msgid_sync *s)
{
	uint8_t data[sizeof(s->nonce) + 8];
	struct wire_writer w = wire_writer(data, sizeof(data));

	wire_put(&w, bytes(s->nonce, sizeof(s->nonce)));
	wire_put_u32(&w, s->send);
	wire_put_u32(&w, s->recv);
	notify_put(b, N_IKEV2_MESSAGE_ID_SYNC, wire_written(&w));
}

enum result replay_sync_decode(const struct notify_payload *n, uint64_t *delta)
{
	struct wire_reader r = wire_reader(n->data);
	uint64_t value = n->data.len == 8 ? wire_u64(&r) : wire_u32(&r);
	enum result res = wire_done(&r);

	if (res == R_OK && !about_this_sa(n))
		res = R_VALUE;
	if (res == R_OK)
		*delta = value;
	return res;
}

void replay_sync_put(struct ike_builder *b, uint64_t delta, bool esn)
{
	uint8_t data[8];
	struct wire_writer w = wire_writer(data, sizeof(data));

	if (esn)
		wire_put_u64(&w, delta);
	else
		wire_put_u32(&w, (uint32_t)delta);
	notify_put(b, N_IPSEC_REPLAY_COUNTER_SYNC, wire_written(&w));
}
