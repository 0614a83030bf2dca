/* SPDX-License-Identifier: Apache-2.0 */
/* Counters record: an inbound checkpoint (R18), or the exact values of a handover (R19). */
#include "statesync/codec.h"

#include <stdlib.h>

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

/* ---- of a newer version ---- */

static bool has_tag(const ProtobufCMessage *m, uint32_t tag)
{
	for (unsigned int i = 0; i < m->n_unknown_fields; i++)
		if (m->unknown_fields[i].tag == tag)
			return true;
	return false;
}

/* fields: room for those of both. */
static unsigned int collect(const ProtobufCMessage *a, const ProtobufCMessage *b,
			    ProtobufCMessageUnknownField *fields)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < a->n_unknown_fields; i++)
		fields[n++] = a->unknown_fields[i];
	for (unsigned int i = 0; i < b->n_unknown_fields; i++)
		if (!has_tag(a, b->unknown_fields[i].tag))
			fields[n++] = b->unknown_fields[i];
	return n;
}

static enum result append(const ProtobufCMessage *a, const ProtobufCMessage *b, struct buf *out)
{
	Holdfast__Counters m = HOLDFAST__COUNTERS__INIT;
	const size_t most = a->n_unknown_fields + b->n_unknown_fields;

	if (most == 0)
		return R_OK;
	m.base.unknown_fields = calloc(most, sizeof(*m.base.unknown_fields));
	if (m.base.unknown_fields == NULL)
		return R_NO_MEMORY;
	m.base.n_unknown_fields = collect(a, b, m.base.unknown_fields);
	const size_t len = protobuf_c_message_get_packed_size(&m.base);
	enum result res = out->len + len > SS_RECORD_DATA_MAX ? R_TOO_LONG : R_OK;
	uint8_t *p = res == R_OK ? realloc(out->p, out->len + len) : NULL;
	if (p != NULL) {
		out->p = p;
		out->len += protobuf_c_message_pack(&m.base, p + out->len);
	} else if (res == R_OK) {
		res = R_NO_MEMORY;
	}
	free(m.base.unknown_fields);
	return res;
}

enum result ss_counters_keep_unknown(const struct ss_record *a, const struct ss_record *b,
				     struct ss_record *out)
{
	const ProtobufCMessageDescriptor *type = &holdfast__counters__descriptor;
	ProtobufCMessage *ma = NULL, *mb = NULL;

	enum result res = ss_record_unpack(a, SS_COUNTERS, type, &ma);
	if (res == R_OK)
		res = ss_record_unpack(b, SS_COUNTERS, type, &mb);
	if (res == R_OK)
		res = append(ma, mb, &out->data);
	ss_message_free(ma);
	ss_message_free(mb);
	return res;
}
