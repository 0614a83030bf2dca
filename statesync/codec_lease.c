/* SPDX-License-Identifier: Apache-2.0 */
/* Lease record (R17): how far the outbound sequence numbers of a CHILD SA may be used. */
#include "statesync/codec.h"

enum result ss_encode_lease(const struct ss_lease *l, struct ss_record *out)
{
	Holdfast__Lease m = HOLDFAST__LEASE__INIT;

	m.version = SS_RECORD_VERSION;
	m.spi_in = l->spi_in;
	m.lease_end = l->lease_end;
	m.self_granted = l->self_granted;
	m.rate_pps = l->rate_pps;
	m.term = l->term;
	return ss_record_pack(SS_LEASE, l->spi_in, &m.base, out);
}

enum result ss_decode_lease(const struct ss_record *r, struct ss_lease *out)
{
	struct ss_taker t = { R_OK };
	ProtobufCMessage *base;
	const Holdfast__Lease *m;

	*out = (struct ss_lease){ 0 };
	t.res = ss_record_unpack(r, SS_LEASE, &holdfast__lease__descriptor, &base);
	if (t.res != R_OK)
		return t.res;
	m = (const Holdfast__Lease *)base;
	ss_take_version(&t, m->version);
	ss_take_check(&t, m->spi_in == r->key && m->spi_in != 0);
	if (t.res == R_OK)
		*out = (struct ss_lease){
			.spi_in = m->spi_in,
			.lease_end = m->lease_end,
			.self_granted = m->self_granted,
			.rate_pps = m->rate_pps,
			.term = m->term,
		};
	ss_message_free(base);
	return t.res;
}
