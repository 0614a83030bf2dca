/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writer into a caller's buffer with a sticky error and holes for lengths
 * that are known later. Network order. Nothing is ever written past cap.
 */
#ifndef HF_BASE_WIRE_WRITER_H
#define HF_BASE_WIRE_WRITER_H

#include "base/bytes.h"
#include "base/result.h"

struct wire_writer {
	uint8_t *base;
	size_t len;
	size_t cap;
	bool failed;
};

/* Position of a field to be filled in later. */
struct wire_mark {
	size_t at;
};

struct wire_writer wire_writer(void *buf, size_t cap);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put(struct wire_writer *w, struct bytes b);
void wire_put_zero(struct wire_writer *w, size_t len);
struct wire_mark wire_hole_u8(struct wire_writer *w);
struct wire_mark wire_hole_u16(struct wire_writer *w);
struct wire_mark wire_hole_u32(struct wire_writer *w);
void wire_set_u8(struct wire_writer *w, struct wire_mark m, uint8_t v);
/* Store v; fails the writer when it does not fit 16 bits. */
void wire_set_u16(struct wire_writer *w, struct wire_mark m, size_t v);
void wire_set_u32(struct wire_writer *w, struct wire_mark m, size_t v);
/* Store the number of bytes written since position start. */
void wire_fill_u16(struct wire_writer *w, struct wire_mark m, size_t start);
struct bytes wire_written(const struct wire_writer *w);
/* R_OK, or R_TOO_LONG when something did not fit. */
enum result wire_finish(const struct wire_writer *w) WARN_UNUSED;

#endif
