/* SPDX-License-Identifier: Apache-2.0 */
/* Peer index record: which peer of a crypto map entry is in use. */
#include "statesync/codec.h"

#include "base/hashmap.h"

/*
 * On the wire, so the same for every member and version. No secret: names and
 * sequences come from the configuration, nobody outside can make them collide.
 */
static const uint8_t key_seed[16] = "peer index key";

static uint64_t record_key(const char *map, uint32_t seq)
{
	uint8_t in[IKE_NAME_MAX + 4] = { 0 };

	memcpy(in, map, strnlen(map, IKE_NAME_MAX));
	in[IKE_NAME_MAX] = (uint8_t)(seq >> 24);
	in[IKE_NAME_MAX + 1] = (uint8_t)(seq >> 16);
	in[IKE_NAME_MAX + 2] = (uint8_t)(seq >> 8);
	in[IKE_NAME_MAX + 3] = (uint8_t)seq;
	return siphash24(key_seed, bytes(in, sizeof(in)));
}

enum result ss_encode_peer_index(const struct peer_index_state *p, struct ss_record *out)
{
	Holdfast__PeerIndex m = HOLDFAST__PEER_INDEX__INIT;

	m.version = SS_RECORD_VERSION;
	m.map = ss_put_name(p->map);
	m.seq = p->seq;
	m.index = p->index;
	m.generation = p->generation;
	m.reason = p->reason;
	m.map_digest = p->map_digest;
	return ss_record_pack(SS_PEER_INDEX, record_key(p->map, p->seq), &m.base, out);
}

enum result ss_decode_peer_index(const struct ss_record *r, struct peer_index_state *out)
{
	struct ss_taker t = { R_OK };
	ProtobufCMessage *base;
	const Holdfast__PeerIndex *m;

	*out = (struct peer_index_state){ 0 };
	t.res = ss_record_unpack(r, SS_PEER_INDEX, &holdfast__peer_index__descriptor, &base);
	if (t.res != R_OK)
		return t.res;
	m = (const Holdfast__PeerIndex *)base;
	ss_take_version(&t, m->version);
	ss_take_name(&t, m->map, out->map);
	out->seq = m->seq;
	out->index = m->index;
	out->generation = m->generation;
	out->reason = m->reason;
	out->map_digest = m->map_digest;
	ss_take_check(&t, record_key(out->map, out->seq) == r->key);
	ss_message_free(base);
	if (t.res != R_OK)
		*out = (struct peer_index_state){ 0 };
	return t.res;
}
