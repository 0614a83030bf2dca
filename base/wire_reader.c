/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds-checked reader with a sticky error. */
#include "base/wire_reader.h"

#include <endian.h>

struct wire_reader wire_reader(struct bytes body)
{
	/* An empty view may carry NULL; NULL + 0 is fine for the subtraction in wire_left. */
	return (struct wire_reader){ .p = body.p,
				     .end = body.len > 0 ? body.p + body.len : body.p };
}

/* The next len bytes, or NULL and the reader fails for good. */
static inline const uint8_t *advance(struct wire_reader *r, size_t len)
{
	const uint8_t *p = r->p;

	if (r->failed || len > (size_t)(r->end - r->p)) {
		r->failed = true;
		return NULL;
	}
	if (len > 0)
		r->p += len;
	return p;
}

static inline uint64_t read_be(struct wire_reader *r, size_t width)
{
	const uint8_t *p = advance(r, width);
	uint64_t v = 0;

	if (p == NULL)
		return 0;
	memcpy((uint8_t *)&v + sizeof(v) - width, p, width);
	return be64toh(v);
}

uint8_t wire_u8(struct wire_reader *r)
{
	return (uint8_t)read_be(r, 1);
}

uint16_t wire_u16(struct wire_reader *r)
{
	return (uint16_t)read_be(r, 2);
}

uint32_t wire_u32(struct wire_reader *r)
{
	return (uint32_t)read_be(r, 4);
}

uint64_t wire_u64(struct wire_reader *r)
{
	return read_be(r, 8);
}

struct bytes wire_take(struct wire_reader *r, size_t len)
{
	const uint8_t *p = advance(r, len);

	return p != NULL ? bytes(p, len) : BYTES_NONE;
}

void wire_copy(struct wire_reader *r, void *out, size_t len)
{
	const uint8_t *p = advance(r, len);

	if (len == 0)
		return;
	if (p != NULL)
		memcpy(out, p, len);
	else
		memset(out, 0, len);
}

size_t wire_left(const struct wire_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->p);
}

enum result wire_status(const struct wire_reader *r)
{
	return r->failed ? R_SHORT : R_OK;
}

enum result wire_done(const struct wire_reader *r)
{
	if (r->failed)
		return R_SHORT;
	return r->p == r->end ? R_OK : R_TRAILING;
}
