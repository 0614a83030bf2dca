/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header and payload chain (RFC 7296 3.1, 3.2): walks a chain once, hands
 * each body to its codec by a table, refuses what occurs twice. The chain
 * outside and the one inside SK{} take the same path. Writing: a builder
 * that owns lengths and next-payload fields.
 */
#include "ike/message.h"

#include "base/must.h"
#include "base/wire_reader.h"
#include "ike/payload.h"

#define CRITICAL 0x80u

enum result ike_header_decode(struct bytes datagram, struct ike_header *out)
{
	struct wire_reader r = wire_reader(datagram);
	struct ike_header h = { .spi_i = wire_u64(&r), .spi_r = wire_u64(&r) };

	h.next_payload = wire_u8(&r);
	h.version = wire_u8(&r);
	h.exchange = wire_u8(&r);
	h.flags = wire_u8(&r);
	h.message_id = wire_u32(&r);
	h.length = wire_u32(&r);
	if (wire_status(&r) != R_OK)
		return R_SHORT;
	*out = h;
	if (h.version >> 4 != IKE_VERSION >> 4)
		return R_MAJOR_VERSION;
	if (h.length != datagram.len)
		return R_LENGTH;
	return h.spi_i != 0 ? R_OK : R_VALUE;
}

/* ---- one row per known payload ---- */

static enum result take_sa(struct ike_message *m, struct bytes body)
{
	return sa_decode(body, &m->sa);
}

static enum result take_ke(struct ike_message *m, struct bytes body)
{
	return ke_decode(body, &m->ke);
}

static enum result take_idi(struct ike_message *m, struct bytes body)
{
	return id_decode(body, &m->idi);
}

static enum result take_idr(struct ike_message *m, struct bytes body)
{
	return id_decode(body, &m->idr);
}

static enum result take_auth(struct ike_message *m, struct bytes body)
{
	return auth_decode(body, &m->auth);
}

static enum result take_nonce(struct ike_message *m, struct bytes body)
{
	return nonce_decode(body, &m->nonce);
}

static enum result take_notify(struct ike_message *m, struct bytes body)
{
	if (m->n_notifies == IKE_NOTIFIES_MAX)
		return R_TOO_LONG;

	enum result res = notify_decode(body, &m->notifies[m->n_notifies]);

	m->n_notifies += res == R_OK;
	return res;
}

static enum result take_delete(struct ike_message *m, struct bytes body)
{
	if (m->n_deletes == IKE_DELETES_MAX)
		return R_TOO_LONG;

	enum result res = delete_decode(body, &m->deletes[m->n_deletes]);

	m->n_deletes += res == R_OK;
	return res;
}

static enum result take_tsi(struct ike_message *m, struct bytes body)
{
	return ts_decode(body, &m->tsi);
}

static enum result take_tsr(struct ike_message *m, struct bytes body)
{
	return ts_decode(body, &m->tsr);
}

/* take NULL: noted in the set, contents ignored. */
struct payload_row {
	uint8_t type;
	bool repeats;
	enum result (*take)(struct ike_message *m, struct bytes body);
};

static const struct payload_row payload_rows[] = {
	{ .type = PAYLOAD_SA, .take = take_sa },
	{ .type = PAYLOAD_KE, .take = take_ke },
	{ .type = PAYLOAD_IDI, .take = take_idi },
	{ .type = PAYLOAD_IDR, .take = take_idr },
	{ .type = PAYLOAD_CERT, .repeats = true },
	{ .type = PAYLOAD_CERTREQ, .repeats = true },
	{ .type = PAYLOAD_AUTH, .take = take_auth },
	{ .type = PAYLOAD_NONCE, .take = take_nonce },
	{ .type = PAYLOAD_NOTIFY, .repeats = true, .take = take_notify },
	{ .type = PAYLOAD_DELETE, .repeats = true, .take = take_delete },
	{ .type = PAYLOAD_VENDOR, .repeats = true },
	{ .type = PAYLOAD_TSI, .take = take_tsi },
	{ .type = PAYLOAD_TSR, .take = take_tsr },
	{ .type = PAYLOAD_CP },
	{ .type = PAYLOAD_EAP },
};

static const struct payload_row *row_of(uint8_t type)
{
	for (size_t i = 0; i < sizeof(payload_rows) / sizeof(payload_rows[0]); i++) {
		if (payload_rows[i].type == type)
			return &payload_rows[i];
	}
	return NULL;
}

static uint32_t bit_of(uint8_t type)
{
	return 1u << (type - PAYLOAD_SA);
}

/* ---- the chain ---- */

struct generic_header {
	uint8_t next;
	bool critical;
	struct bytes body;
};

/* RFC 7296 3.2. */
static enum result take_generic(struct wire_reader *r, struct generic_header *out)
{
	struct generic_header g = { .next = wire_u8(r), .critical = (wire_u8(r) & CRITICAL) != 0 };
	size_t len = wire_u16(r);

	if (wire_status(r) != R_OK)
		return R_SHORT;
	if (len < IKE_PAYLOAD_HEADER_LEN)
		return R_LENGTH;
	g.body = wire_take(r, len - IKE_PAYLOAD_HEADER_LEN);
	*out = g;
	return wire_status(r);
}

static enum result take_known(struct ike_message *m, const struct payload_row *row,
			      struct bytes body)
{
	if (!row->repeats && (m->present & bit_of(row->type)) != 0)
		return R_DUPLICATE;
	m->present |= bit_of(row->type);
	return row->take != NULL ? row->take(m, body) : R_OK;
}

/* SK{} ends the chain and the datagram (3.14); what came before it is not protected as content, so
 * nothing known may. */
static enum result take_sk(struct ike_message *m, const struct generic_header *g,
			   const struct wire_reader *r)
{
	if (m->present != 0)
		return R_UNEXPECTED;
	m->present = IKE_P(SK);
	m->sk.first_payload = g->next;
	m->sk.offset = m->datagram.len - g->body.len;
	m->sk.body = g->body;
	return wire_done(r);
}

static enum result walk(struct ike_message *m, uint8_t type, struct bytes chain, bool inner)
{
	struct wire_reader r = wire_reader(chain);

	for (size_t n = 0; type != PAYLOAD_NONE; n++) {
		struct generic_header g = { 0 };
		enum result res = take_generic(&r, &g);
		const struct payload_row *row = row_of(type);

		if (res != R_OK)
			return res;
		if (n == IKE_CHAIN_MAX)
			return R_TOO_LONG;
		if (type == PAYLOAD_SK)
			return inner ? R_UNEXPECTED : take_sk(m, &g, &r);
		if (row != NULL) {
			res = take_known(m, row, g.body);
		} else if (g.critical) {
			m->critical_type = type;
			res = R_CRITICAL;
		}
		if (res != R_OK)
			return res;
		type = g.next;
	}
	return wire_done(&r);
}

enum result ike_message_decode(struct bytes datagram, struct ike_message *out)
{
	*out = (struct ike_message){ .datagram = datagram };

	enum result res = ike_header_decode(datagram, &out->header);

	if (res != R_OK)
		return res;
	res = walk(out, out->header.next_payload,
		   bytes(datagram.p + IKE_HEADER_LEN, datagram.len - IKE_HEADER_LEN), false);
	out->outside = out->present;
	return res;
}

enum result ike_message_decode_inner(struct ike_message *m, struct bytes plain)
{
	must(m->outside == IKE_P(SK));
	m->present = 0;
	return walk(m, m->sk.first_payload, plain, true);
}

const struct notify_payload *ike_message_notify(const struct ike_message *m, uint16_t type)
{
	for (size_t i = 0; i < m->n_notifies; i++) {
		if (m->notifies[i].type == type)
			return &m->notifies[i];
	}
	return NULL;
}

const struct notify_payload *ike_message_error(const struct ike_message *m)
{
	for (size_t i = 0; i < m->n_notifies; i++) {
		if (m->notifies[i].type <= N_ERROR_MAX)
			return &m->notifies[i];
	}
	return NULL;
}

/* ---- writing ---- */

#define NO_PAYLOAD SIZE_MAX

void ike_header_put(struct wire_writer *w, const struct ike_header *h)
{
	wire_put_u64(w, h->spi_i);
	wire_put_u64(w, h->spi_r);
	wire_put_u8(w, h->next_payload);
	wire_put_u8(w, IKE_VERSION);
	wire_put_u8(w, h->exchange);
	wire_put_u8(w, h->flags);
	wire_put_u32(w, h->message_id);
	wire_put_u32(w, h->length);
}

void ike_build_message(struct ike_builder *b, void *buf, size_t cap, const struct ike_header *h)
{
	struct ike_header header = *h;

	*b = (struct ike_builder){ .w = wire_writer(buf, cap),
				   .have_next = true,
				   .start = NO_PAYLOAD };
	header.next_payload = PAYLOAD_NONE;
	header.length = 0;
	ike_header_put(&b->w, &header);
	b->next = (struct wire_mark){ .at = IKE_NEXT_PAYLOAD_AT };
}

void ike_build_inner(struct ike_builder *b, void *buf, size_t cap)
{
	*b = (struct ike_builder){ .w = wire_writer(buf, cap), .start = NO_PAYLOAD };
}

static void end_payload(struct ike_builder *b)
{
	if (b->start != NO_PAYLOAD)
		wire_fill_u16(&b->w, b->length, b->start);
	b->start = NO_PAYLOAD;
}

void ike_build_payload(struct ike_builder *b, uint8_t type)
{
	end_payload(b);
	if (b->have_next)
		wire_set_u8(&b->w, b->next, type);
	else
		b->first_payload = type;
	b->start = b->w.len;
	b->next = wire_hole_u8(&b->w);
	b->have_next = true;
	wire_put_u8(&b->w, 0); /* not critical: all that we send is of RFC 7296 (2.5) */
	b->length = wire_hole_u16(&b->w);
}

enum result ike_build_finish_message(struct ike_builder *b, struct bytes *out)
{
	end_payload(b);
	wire_set_u32(&b->w, (struct wire_mark){ .at = IKE_LENGTH_AT }, b->w.len);

	enum result res = wire_finish(&b->w);

	if (res == R_OK)
		*out = wire_written(&b->w);
	return res;
}

enum result ike_build_finish_inner(struct ike_builder *b, uint8_t *first_payload, struct bytes *out)
{
	end_payload(b);

	enum result res = wire_finish(&b->w);

	if (res == R_OK) {
		*first_payload = b->first_payload;
		*out = wire_written(&b->w);
	}
	return res;
}
