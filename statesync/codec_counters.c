/* SPDX-License-Identifier: Apache-2.0 */
/* Counters record: an inbound checkpoint (R18), or the exact values of a handover (R19). */
#include "statesync/codec.h"

/* The replay window is 1024 packets; a newer version's may be wider. */
#define BITMAP_MAX  8192u
#define BITMAP_WORD 8u

/* clang-format off */
#define PLAIN(X) \
	X(spi_in) X(seq_next) X(in_right_edge) X(exact) X(at_ms) X(rate_pps) \
	X(in_packets) X(in_bytes) X(out_packets) X(out_bytes) X(used_apart) X(rekey)
/* clang-format on */

enum result ss_encode_counters(const struct ss_counters *c, struct ss_record *out)
{
	Holdfast__Counters m = HOLDFAST__COUNTERS__INIT;

	m.version = SS_RECORD_VERSION;
#define X(field) m.field = c->field;
	PLAIN(X)
#undef X
	m.in_bitmap = ss_put_bytes(buf_bytes(&c->in_bitmap));
	return ss_record_pack(SS_COUNTERS, c->spi_in, &m.base, out);
}

enum result ss_decode_counters(const struct ss_record *r, struct ss_counters *out)
{
	struct ss_taker t = { R_OK };
	ProtobufCMessage *base;
	const Holdfast__Counters *m;

	*out = (struct ss_counters){ 0 };
	t.res = ss_record_unpack(r, SS_COUNTERS, &holdfast__counters__descriptor, &base);
	if (t.res != R_OK)
		return t.res;
	m = (const Holdfast__Counters *)base;
	ss_take_version(&t, m->version);
	ss_take_check(&t, m->spi_in == r->key && m->spi_in != 0);
	ss_take_check(&t, m->in_bitmap.len % BITMAP_WORD == 0);
#define X(field) out->field = m->field;
	PLAIN(X)
#undef X
	ss_take_bytes(&t, m->in_bitmap, BITMAP_MAX, &out->in_bitmap);
	ss_message_free(base);
	if (t.res != R_OK) {
		buf_free(&out->in_bitmap);
		*out = (struct ss_counters){ 0 };
	}
	return t.res;
}
