/* SPDX-License-Identifier: Apache-2.0 */
/* Framing and fields that the record codecs share. RFC 7296 3.13.1 for traffic selectors. */
#include "statesync/codec.h"

#include "base/must.h"

enum result ss_record_pack(enum ss_kind kind, uint64_t key, const ProtobufCMessage *m,
			   struct ss_record *out)
{
	struct ss_record r = { .kind = kind, .key = key };
	enum result res = ss_message_pack(m, &r.data);

	if (res == R_OK && r.data.len > SS_RECORD_DATA_MAX)
		res = R_TOO_LONG;
	if (res == R_OK)
		*out = r;
	else
		ss_record_clear(&r);
	return res;
}

enum result ss_record_unpack(const struct ss_record *r, enum ss_kind kind,
			     const ProtobufCMessageDescriptor *type, ProtobufCMessage **out)
{
	*out = NULL;
	if (r->kind != kind || r->erase || r->data.len > SS_RECORD_DATA_MAX)
		return R_VALUE;
	return ss_message_unpack(type, buf_bytes(&r->data), out);
}

ProtobufCBinaryData ss_put_name(const char *name)
{
	return ss_put_bytes(bytes(name, strnlen(name, IKE_NAME_MAX)));
}

void ss_put_endpoint(const struct inet_endpoint *e, Holdfast__Endpoint *out)
{
	holdfast__endpoint__init(out);
	out->address = ss_put_bytes(bytes(e->addr.a, inet_len(&e->addr)));
	out->port = e->port;
}

void ss_put_ts(const struct ts_list *ts, struct ss_put_ts *out)
{
	must(ts->n <= TS_MAX);
	for (size_t i = 0; i < ts->n; i++) {
		const struct traffic_selector *from = &ts->ts[i];
		Holdfast__TrafficSelector *to = &out->message[i];

		holdfast__traffic_selector__init(to);
		to->start = ss_put_bytes(bytes(from->start.a, inet_len(&from->start)));
		to->end = ss_put_bytes(bytes(from->end.a, inet_len(&from->end)));
		to->port_start = from->port_start;
		to->port_end = from->port_end;
		to->protocol = from->protocol;
		out->list[i] = to;
	}
}

static void fail(struct ss_taker *t, enum result res)
{
	if (t->res == R_OK)
		t->res = res;
}

void ss_take_check(struct ss_taker *t, bool cond)
{
	if (!cond)
		fail(t, R_VALUE);
}

void ss_take_version(struct ss_taker *t, uint32_t version)
{
	ss_take_check(t, version > 0);
	if (version > SS_RECORD_VERSION)
		fail(t, R_VERSION);
}

uint8_t ss_take_u8(struct ss_taker *t, uint32_t v, uint8_t min, uint8_t max)
{
	ss_take_check(t, v >= min && v <= max);
	return (uint8_t)v;
}

uint16_t ss_take_u16(struct ss_taker *t, uint32_t v)
{
	ss_take_check(t, v <= UINT16_MAX);
	return (uint16_t)v;
}

void ss_take_bytes(struct ss_taker *t, ProtobufCBinaryData in, size_t max, struct buf *out)
{
	ss_take_check(t, in.len <= max);
	if (t->res == R_OK && !buf_set(out, bytes(in.data, in.len)))
		fail(t, R_NO_MEMORY);
}

void ss_take_secret(struct ss_taker *t, ProtobufCBinaryData in, struct secret *out)
{
	ss_take_check(t, in.len <= SECRET_MAX);
	if (t->res == R_OK)
		t->res = secret_set(out, bytes(in.data, in.len));
}

void ss_take_name(struct ss_taker *t, ProtobufCBinaryData in, char out[IKE_NAME_MAX])
{
	ss_take_check(t, in.len < IKE_NAME_MAX);
	if (t->res != R_OK || in.len == 0)
		return;
	ss_take_check(t, memchr(in.data, '\0', in.len) == NULL);
	memcpy(out, in.data, in.len);
	out[in.len] = '\0';
}

static struct inet_addr take_address(struct ss_taker *t, ProtobufCBinaryData in)
{
	struct inet_addr a = inet_from_bytes(bytes(in.data, in.len));

	ss_take_check(t, inet_len(&a) == in.len);
	return a;
}

void ss_take_endpoint(struct ss_taker *t, const Holdfast__Endpoint *in, struct inet_endpoint *out)
{
	if (in == NULL)
		return;
	out->addr = take_address(t, in->address);
	out->port = ss_take_u16(t, in->port);
}

void ss_take_ts(struct ss_taker *t, size_t n, Holdfast__TrafficSelector *const *in,
		struct ts_list *out)
{
	ss_take_check(t, n <= TS_MAX);
	for (size_t i = 0; t->res == R_OK && i < n; i++) {
		struct traffic_selector ts = {
			.start = take_address(t, in[i]->start),
			.end = take_address(t, in[i]->end),
			.port_start = ss_take_u16(t, in[i]->port_start),
			.port_end = ss_take_u16(t, in[i]->port_end),
			.protocol = ss_take_u8(t, in[i]->protocol, 0, UINT8_MAX),
		};
		bool opaque = ts.port_start == UINT16_MAX && ts.port_end == 0;

		ss_take_check(t, ts.start.family != INET_NONE && ts.start.family == ts.end.family);
		ss_take_check(t, inet_compare(&ts.start, &ts.end) <= 0);
		ss_take_check(t, opaque || ts.port_start <= ts.port_end);
		out->ts[i] = ts;
		out->n = (uint8_t)(i + 1);
	}
}
