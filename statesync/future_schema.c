/* SPDX-License-Identifier: Apache-2.0 */
/* What a later release might write (future_schema.h). */
#include "statesync/future_schema.h"

#ifdef HF_IMPAIRMENTS
#include "base/must.h"
#include "statesync/records.pb-c.h"

#define RECORDS 8u /* additional ones in the store, at most */

static bool writing;

void ss_future_schema_write(bool on)
{
	writing = on;
}

bool ss_future_schema(void)
{
	return writing;
}

static bool is_frame(const ProtobufCMessageDescriptor *type)
{
	return type == &holdfast__records__descriptor || type == &holdfast__record__descriptor ||
	       type == &holdfast__batch__descriptor || type == &holdfast__snapshot__descriptor;
}

static const void *member(const ProtobufCMessage *m, unsigned int offset)
{
	return (const uint8_t *)m + offset;
}

static void extend_field(const ProtobufCMessage *m, const ProtobufCFieldDescriptor *f, bool on)
{
	const void *at = member(m, f->offset);

	if (f->type != PROTOBUF_C_TYPE_MESSAGE)
		return;
	if (f->label == PROTOBUF_C_LABEL_REPEATED) {
		size_t n = *(const size_t *)member(m, f->quantifier_offset);
		ProtobufCMessage *const *list = *(ProtobufCMessage *const *const *)at;
		for (size_t i = 0; i < n; i++)
			ss_future_extend(list[i], on);
		return;
	}
	if ((f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) &&
	    *(const uint32_t *)member(m, f->quantifier_offset) != f->id)
		return;
	const ProtobufCMessage *inner = *(ProtobufCMessage *const *)at;
	if (inner)
		ss_future_extend(inner, on);
}

/* The caller packs it next: what it handed over as const is its own, on its stack. */
void ss_future_extend(const ProtobufCMessage *m, bool on)
{
	static uint8_t text[] = "\x0b"
				"next schema";
	static ProtobufCMessageUnknownField field = {
		.tag = SS_FUTURE_FIELD,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = sizeof(text) - 1,
		.data = text,
	};
	ProtobufCMessage *own = (ProtobufCMessage *)(uintptr_t)m;

	for (unsigned int i = 0; i < m->descriptor->n_fields; i++)
		extend_field(m, &m->descriptor->fields[i], on);
	if (is_frame(m->descriptor))
		return;
	own->n_unknown_fields = on ? 1 : 0;
	own->unknown_fields = on ? &field : NULL;
}

void ss_future_record(uint64_t n, struct ss_record *out)
{
	*out = (struct ss_record){
		.kind = SS_FUTURE_KIND,
		.key = n % RECORDS,
		.erase = n % 5 == 4,
	};
	if (!out->erase)
		must(buf_set(&out->data, bytes((const uint8_t *)&n, sizeof(n))));
}
#endif
