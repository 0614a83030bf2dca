/* SPDX-License-Identifier: Apache-2.0 */
/* One log position: records packed for one message. All of a batch is good, or none of it is
 * used. */
#include "statesync/codec.h"

#include <stdlib.h>

enum result ss_batch_pack(const struct ss_record *records, size_t n, struct buf *out)
{
	Holdfast__Records m = HOLDFAST__RECORDS__INIT;
	Holdfast__Record *items = calloc(n + 1, sizeof(*items));
	enum result res = R_NO_MEMORY;

	m.n_record = n;
	m.record = calloc(n + 1, sizeof(*m.record));
	if (items == NULL || m.record == NULL)
		goto out;
	for (size_t i = 0; i < n; i++) {
		holdfast__record__init(&items[i]);
		items[i].kind = records[i].kind;
		items[i].key = records[i].key;
		items[i].erase = records[i].erase;
		items[i].data = ss_put_bytes(buf_bytes(&records[i].data));
		m.record[i] = &items[i];
	}
	res = ss_message_pack(&m.base, out);
out:
	free(m.record);
	free(items);
	return res;
}

/* The frame is not extended by unknown fields (records.proto): one would be lost in the store. */
static bool is_good(const Holdfast__Record *m)
{
	return m->base.n_unknown_fields == 0 && m->kind != 0 && m->data.len <= SS_RECORD_DATA_MAX &&
	       (!m->erase || m->data.len == 0);
}

static enum result check(const Holdfast__Records *m)
{
	if (m->base.n_unknown_fields != 0)
		return R_VALUE;
	for (size_t i = 0; i < m->n_record; i++)
		if (!is_good(m->record[i]))
			return R_VALUE;
	return R_OK;
}

enum result ss_batch_unpack(struct bytes in,
			    enum result (*fn)(void *ctx, const struct ss_record *r), void *ctx)
{
	ProtobufCMessage *base;
	const Holdfast__Records *m;
	enum result res = ss_message_unpack(&holdfast__records__descriptor, in, &base);

	if (res != R_OK)
		return res;
	m = (const Holdfast__Records *)base;
	res = check(m);
	for (size_t i = 0; res == R_OK && i < m->n_record; i++) {
		const Holdfast__Record *from = m->record[i];
		struct ss_record r = {
			.kind = from->kind,
			.key = from->key,
			.erase = from->erase,
			.data = { .p = from->data.data, .len = from->data.len },
		};

		res = fn(ctx, &r);
	}
	ss_message_free(base);
	return res;
}
