/* SPDX-License-Identifier: Apache-2.0 */
/* CHILD SA record: what the exchange that made it gave, and its first lease (R1, R5). */
#include "statesync/codec.h"

/* clang-format off */
#define PLAIN(X) \
	X(spi_in) X(spi_out) X(ike_spi) X(initiator) X(tunnel) X(udp_encap) X(birth_term) \
	X(lease_end) X(created_ms) X(rekey_at_ms) X(expire_at_ms) X(lifetime_kb) \
	X(tombstone_until_ms) X(replaced_by)
/* clang-format on */

enum result ss_encode_child_sa(const struct child_sa_state *s, struct ss_record *out)
{
	Holdfast__ChildSa m = HOLDFAST__CHILD_SA__INIT;
	Holdfast__Endpoint local, remote;
	struct ss_put_ts local_ts, remote_ts;

	m.version = SS_RECORD_VERSION;
#define X(field) m.field = s->field;
	PLAIN(X)
#undef X
	m.stage = s->stage;
	m.encr = s->transforms.encr;
	m.key_bits = s->transforms.key_bits;
	m.integ = s->transforms.integ;
	m.esn = s->transforms.esn;
	m.dh_group = s->dh_group;
	ss_put_endpoint(&s->local, &local);
	ss_put_endpoint(&s->remote, &remote);
	m.local = &local;
	m.remote = &remote;
	ss_put_ts(&s->local_ts, &local_ts);
	ss_put_ts(&s->remote_ts, &remote_ts);
	m.n_local_ts = s->local_ts.n;
	m.local_ts = local_ts.list;
	m.n_remote_ts = s->remote_ts.n;
	m.remote_ts = remote_ts.list;
	m.encr_key_in = ss_put_bytes(secret_bytes(&s->keys_in.encr));
	m.integ_key_in = ss_put_bytes(secret_bytes(&s->keys_in.integ));
	m.encr_key_out = ss_put_bytes(secret_bytes(&s->keys_out.encr));
	m.integ_key_out = ss_put_bytes(secret_bytes(&s->keys_out.integ));
	m.nonce_low = ss_put_bytes(buf_bytes(&s->nonce_low));
	return ss_record_pack(SS_CHILD_SA, s->spi_in, &m.base, out);
}

static void take_child_sa(struct ss_taker *t, const Holdfast__ChildSa *m,
			  struct child_sa_state *out)
{
	ss_take_version(t, m->version);
#define X(field) out->field = m->field;
	PLAIN(X)
#undef X
	out->stage = ss_take_u8(t, m->stage, CHILD_SA_INSTALLED, CHILD_SA_DEAD);
	out->transforms.encr = ss_take_u16(t, m->encr);
	out->transforms.key_bits = ss_take_u16(t, m->key_bits);
	out->transforms.integ = ss_take_u16(t, m->integ);
	out->transforms.esn = m->esn;
	out->dh_group = ss_take_u16(t, m->dh_group);
	ss_take_endpoint(t, m->local, &out->local);
	ss_take_endpoint(t, m->remote, &out->remote);
	ss_take_ts(t, m->n_local_ts, m->local_ts, &out->local_ts);
	ss_take_ts(t, m->n_remote_ts, m->remote_ts, &out->remote_ts);
	ss_take_secret(t, m->encr_key_in, &out->keys_in.encr);
	ss_take_secret(t, m->integ_key_in, &out->keys_in.integ);
	ss_take_secret(t, m->encr_key_out, &out->keys_out.encr);
	ss_take_secret(t, m->integ_key_out, &out->keys_out.integ);
	ss_take_bytes(t, m->nonce_low, IKE_NONCE_MAX, &out->nonce_low);
}

enum result ss_decode_child_sa(const struct ss_record *r, struct child_sa_state *out)
{
	struct ss_taker t = { R_OK };
	ProtobufCMessage *base;

	*out = (struct child_sa_state){ 0 };
	t.res = ss_record_unpack(r, SS_CHILD_SA, &holdfast__child_sa__descriptor, &base);
	if (t.res != R_OK)
		return t.res;
	take_child_sa(&t, (const Holdfast__ChildSa *)base, out);
	ss_take_check(&t, out->spi_in == r->key && out->spi_in >= ESP_SPI_MIN);
	ss_message_free(base);
	if (t.res != R_OK)
		child_sa_state_clear(out);
	return t.res;
}
