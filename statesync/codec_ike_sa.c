/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IKE SA record: results of finished exchanges, the cached response, and all
 * that an outstanding request of ours needs for its response (R1).
 */
#include "statesync/codec.h"

#include "base/iana.h"

#define DIGEST_LEN 32u

/* clang-format off */
#define PLAIN(X) \
	X(spi_i) X(spi_r) X(initiator) X(nat_local) X(nat_remote) X(udp_encap) \
	X(next_request_id) X(expected_request_id) X(birth_term) X(created_ms) \
	X(established_ms) X(rekey_at_ms) X(expire_at_ms) X(tombstone_until_ms) X(replaced_by) \
	X(peer_fragmentation) X(peer_mid_sync) X(peer_replay_sync) X(tunnel) \
	X(sync_sent) X(sync_floor) X(closing) X(anew) X(ids_term)

#define TRANSFORMS(X) X(encr) X(key_bits) X(integ) X(prf) X(dh)

#define KEYS(X) X(sk_d) X(sk_ai) X(sk_ar) X(sk_ei) X(sk_er) X(sk_pi) X(sk_pr)

#define BYTES(X) \
	X(last_response, SS_DATAGRAM_MAX) X(last_request_digest, DIGEST_LEN) \
	X(init_request, SS_DATAGRAM_MAX) X(init_response, SS_DATAGRAM_MAX) \
	X(nonce_i, IKE_NONCE_MAX) X(nonce_r, IKE_NONCE_MAX)

#define OUTSTANDING_PLAIN(X) X(message_id) X(new_ike_spi) X(new_spi_in) X(old_spi_in) X(tunnel) \
	X(term)

#define OUTSTANDING_BYTES(X) \
	X(request, SS_DATAGRAM_MAX) X(dh_public, SS_DATAGRAM_MAX) X(nonce, IKE_NONCE_MAX)
/* clang-format on */

/* An outstanding request in its packed shape, with what that points at. */
struct put_outstanding {
	Holdfast__Outstanding message;
	struct ss_put_ts tsi, tsr;
};

static void put_outstanding(const struct ike_outstanding *o, struct put_outstanding *out)
{
	Holdfast__Outstanding *m = &out->message;

	holdfast__outstanding__init(m);
	m->kind = o->kind;
	m->exchange = o->exchange;
	m->dh_group = o->dh_group;
#define X(field) m->field = o->field;
	OUTSTANDING_PLAIN(X)
#undef X
#define X(field, max) m->field = ss_put_bytes(buf_bytes(&o->field));
	OUTSTANDING_BYTES(X)
#undef X
	m->dh_private = ss_put_bytes(secret_bytes(&o->dh_private));
	ss_put_ts(&o->tsi, &out->tsi);
	ss_put_ts(&o->tsr, &out->tsr);
	m->n_tsi = o->tsi.n;
	m->tsi = out->tsi.list;
	m->n_tsr = o->tsr.n;
	m->tsr = out->tsr.list;
}

static void put_identity(const struct ike_id *id, Holdfast__Identity *out)
{
	holdfast__identity__init(out);
	out->type = id->type;
	out->data = ss_put_bytes(buf_bytes(&id->data));
}

enum result ss_encode_ike_sa(const struct ike_sa_state *s, struct ss_record *out)
{
	Holdfast__IkeSa m = HOLDFAST__IKE_SA__INIT;
	Holdfast__Endpoint local, remote;
	Holdfast__IkeTransforms transforms = HOLDFAST__IKE_TRANSFORMS__INIT;
	Holdfast__Identity local_id, remote_id;
	struct put_outstanding outstanding;

	m.version = SS_RECORD_VERSION;
	m.stage = s->stage;
	m.connection = ss_put_name(s->connection);
#define X(field) m.field = s->field;
	PLAIN(X)
#undef X
#define X(field) transforms.field = s->transforms.field;
	TRANSFORMS(X)
#undef X
#define X(field) m.field = ss_put_bytes(secret_bytes(&s->field));
	KEYS(X)
#undef X
#define X(field, max) m.field = ss_put_bytes(buf_bytes(&s->field));
	BYTES(X)
#undef X
	m.transforms = &transforms;
	ss_put_endpoint(&s->local, &local);
	ss_put_endpoint(&s->remote, &remote);
	m.local = &local;
	m.remote = &remote;
	put_identity(&s->local_id, &local_id);
	put_identity(&s->remote_id, &remote_id);
	m.local_id = &local_id;
	m.remote_id = &remote_id;
	if (s->outstanding.kind != IKE_REQ_NONE) {
		put_outstanding(&s->outstanding, &outstanding);
		m.outstanding = &outstanding.message;
	}
	return ss_record_pack(SS_IKE_SA, ike_sa_state_spi(s), &m.base, out);
}

static void take_identity(struct ss_taker *t, const Holdfast__Identity *m, struct ike_id *out)
{
	if (m == NULL)
		return;
	out->type = ss_take_u8(t, m->type, 0, UINT8_MAX);
	ss_take_check(t, m->type != 0 || m->data.len == 0);
	ss_take_bytes(t, m->data, SS_DATAGRAM_MAX, &out->data);
}

static void take_transforms(struct ss_taker *t, const Holdfast__IkeTransforms *m,
			    struct ike_transforms *out)
{
	if (m == NULL)
		return;
#define X(field) out->field = ss_take_u16(t, m->field);
	TRANSFORMS(X)
#undef X
}

static void take_outstanding(struct ss_taker *t, const Holdfast__Outstanding *m,
			     struct ike_outstanding *out)
{
	if (m == NULL)
		return;
	out->kind = ss_take_u8(t, m->kind, IKE_REQ_INIT, IKE_REQ_RECORD_LAST);
	out->exchange = ss_take_u8(t, m->exchange, IKE_SA_INIT, INFORMATIONAL);
	out->dh_group = ss_take_u16(t, m->dh_group);
#define X(field) out->field = m->field;
	OUTSTANDING_PLAIN(X)
#undef X
#define X(field, max) ss_take_bytes(t, m->field, max, &out->field);
	OUTSTANDING_BYTES(X)
#undef X
	ss_take_check(t, m->request.len > 0); /* else there is nothing to retransmit */
	ss_take_secret(t, m->dh_private, &out->dh_private);
	ss_take_ts(t, m->n_tsi, m->tsi, &out->tsi);
	ss_take_ts(t, m->n_tsr, m->tsr, &out->tsr);
}

static void take_ike_sa(struct ss_taker *t, const Holdfast__IkeSa *m, struct ike_sa_state *out)
{
	ss_take_version(t, m->version);
	out->stage = ss_take_u8(t, m->stage, IKE_SA_INIT_SENT, IKE_SA_DEAD);
	ss_take_name(t, m->connection, out->connection);
#define X(field) out->field = m->field;
	PLAIN(X)
#undef X
	take_transforms(t, m->transforms, &out->transforms);
#define X(field) ss_take_secret(t, m->field, &out->field);
	KEYS(X)
#undef X
	ss_take_check(t,
		      m->last_request_digest.len == 0 || m->last_request_digest.len == DIGEST_LEN);
#define X(field, max) ss_take_bytes(t, m->field, max, &out->field);
	BYTES(X)
#undef X
	ss_take_endpoint(t, m->local, &out->local);
	ss_take_endpoint(t, m->remote, &out->remote);
	take_identity(t, m->local_id, &out->local_id);
	take_identity(t, m->remote_id, &out->remote_id);
	take_outstanding(t, m->outstanding, &out->outstanding);
}

enum result ss_decode_ike_sa(const struct ss_record *r, struct ike_sa_state *out)
{
	struct ss_taker t = { R_OK };
	ProtobufCMessage *base;

	*out = (struct ike_sa_state){ 0 };
	t.res = ss_record_unpack(r, SS_IKE_SA, &holdfast__ike_sa__descriptor, &base);
	if (t.res != R_OK)
		return t.res;
	take_ike_sa(&t, (const Holdfast__IkeSa *)base, out);
	ss_take_check(&t, ike_sa_state_spi(out) == r->key && r->key != 0);
	ss_message_free(base);
	if (t.res != R_OK)
		ike_sa_state_clear(out);
	return t.res;
}
