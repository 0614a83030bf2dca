/* SPDX-License-Identifier: Apache-2.0 */
/* Writer with a sticky error and holes for lengths known later. */
#include "base/wire_writer.h"

#include <endian.h>

#include "base/must.h"

/* A hole made after the writer failed: filling it does nothing. */
#define NO_HOLE SIZE_MAX

struct wire_writer wire_writer(void *buf, size_t cap)
{
	return (struct wire_writer){ .base = buf, .cap = cap };
}

/* Room for len bytes, or NULL and the writer fails for good. */
static inline uint8_t *reserve(struct wire_writer *w, size_t len)
{
	uint8_t *p;

	if (w->failed || len > w->cap - w->len) {
		w->failed = true;
		return NULL;
	}
	p = w->base + w->len;
	w->len += len;
	return p;
}

static inline void store_be(uint8_t *p, uint64_t v, size_t width)
{
	v = htobe64(v << (64 - 8 * width));
	memcpy(p, &v, width);
}

static inline void put_be(struct wire_writer *w, uint64_t v, size_t width)
{
	uint8_t *p = reserve(w, width);

	if (p != NULL)
		store_be(p, v, width);
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
	put_be(w, v, 1);
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
	put_be(w, v, 2);
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
	put_be(w, v, 4);
}

void wire_put_u64(struct wire_writer *w, uint64_t v)
{
	put_be(w, v, 8);
}

void wire_put(struct wire_writer *w, struct bytes b)
{
	uint8_t *p;

	if (b.len == 0)
		return;
	p = reserve(w, b.len);
	if (p != NULL)
		memcpy(p, b.p, b.len);
}

void wire_put_zero(struct wire_writer *w, size_t len)
{
	uint8_t *p;

	if (len == 0)
		return;
	p = reserve(w, len);
	if (p != NULL)
		memset(p, 0, len);
}

/* Holes are zeroed: one that is never filled still has a defined value. */
static inline struct wire_mark hole(struct wire_writer *w, size_t width)
{
	size_t at = w->len;

	put_be(w, 0, width);
	return (struct wire_mark){ .at = w->failed ? NO_HOLE : at };
}

struct wire_mark wire_hole_u8(struct wire_writer *w)
{
	return hole(w, 1);
}

struct wire_mark wire_hole_u16(struct wire_writer *w)
{
	return hole(w, 2);
}

struct wire_mark wire_hole_u32(struct wire_writer *w)
{
	return hole(w, 4);
}

static void fill(struct wire_writer *w, struct wire_mark m, uint64_t v, size_t width)
{
	if (w->failed)
		return;
	must(m.at <= w->len && width <= w->len - m.at);
	store_be(w->base + m.at, v, width);
}

void wire_set_u8(struct wire_writer *w, struct wire_mark m, uint8_t v)
{
	fill(w, m, v, 1);
}

void wire_set_u16(struct wire_writer *w, struct wire_mark m, size_t v)
{
	if (v > UINT16_MAX)
		w->failed = true;
	fill(w, m, v, 2);
}

void wire_set_u32(struct wire_writer *w, struct wire_mark m, size_t v)
{
	if (v > UINT32_MAX)
		w->failed = true;
	fill(w, m, v, 4);
}

void wire_fill_u16(struct wire_writer *w, struct wire_mark m, size_t start)
{
	if (w->failed)
		return;
	must(start <= w->len);
	wire_set_u16(w, m, w->len - start);
}

struct bytes wire_written(const struct wire_writer *w)
{
	return w->failed ? BYTES_NONE : bytes(w->base, w->len);
}

enum result wire_finish(const struct wire_writer *w)
{
	return w->failed ? R_TOO_LONG : R_OK;
}
