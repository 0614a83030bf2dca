/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf-c behind an allocator that knows the size of a block when it is freed, to wipe it. */
#include "statesync/message.h"

#include <stdlib.h>

#include "base/secret.h"
#include "statesync/future_schema.h"

/* In front of each block; a union, so that what follows is aligned for anything. */
union block {
	size_t size;
	max_align_t align;
};

/* ctx: a bool that becomes true when memory runs out; protobuf-c itself says NULL for
 * every failure. */
static void *wiping_alloc(void *ctx, size_t size)
{
	union block *b = size > SIZE_MAX - sizeof(*b) ? NULL : malloc(sizeof(*b) + size);

	if (b == NULL) {
		*(bool *)ctx = true;
		return NULL;
	}
	b->size = size;
	return b + 1;
}

static void wiping_free(void *ctx, void *p)
{
	union block *b = p;

	(void)ctx;
	if (b == NULL)
		return;
	b--;
	wipe(b + 1, b->size);
	free(b);
}

enum result ss_message_pack(const ProtobufCMessage *m, struct buf *out)
{
	bool future = ss_future_schema();

	if (future)
		ss_future_extend(m, true);
	size_t len = protobuf_c_message_get_packed_size(m);
	uint8_t *p = malloc(len > 0 ? len : 1);
	if (p) {
		buf_free(out);
		*out = (struct buf){ .p = p, .len = protobuf_c_message_pack(m, p) };
	}
	if (future)
		ss_future_extend(m, false);
	return p ? R_OK : R_NO_MEMORY;
}

enum result ss_message_unpack(const ProtobufCMessageDescriptor *type, struct bytes in,
			      ProtobufCMessage **out)
{
	bool no_memory = false;
	ProtobufCAllocator allocator = {
		.alloc = wiping_alloc,
		.free = wiping_free,
		.allocator_data = &no_memory,
	};

	*out = protobuf_c_message_unpack(type, &allocator, in.len, in.p);
	if (*out != NULL)
		return R_OK;
	return no_memory ? R_NO_MEMORY : R_SHORT;
}

void ss_message_free(ProtobufCMessage *m)
{
	ProtobufCAllocator allocator = { .alloc = wiping_alloc, .free = wiping_free };

	if (m != NULL)
		protobuf_c_message_free_unpacked(m, &allocator);
}
