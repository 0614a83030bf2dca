/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds-checked reader with a sticky error: read field after field, check
 * once with wire_done(). After a short read every later read yields zero or
 * an empty view, so a decoder never needs to test in between. Network order.
 */
#ifndef HF_BASE_WIRE_READER_H
#define HF_BASE_WIRE_READER_H

#include "base/bytes.h"
#include "base/result.h"

struct wire_reader {
	const uint8_t *p;
	const uint8_t *end;
	bool failed;
};

struct wire_reader wire_reader(struct bytes body);
uint8_t wire_u8(struct wire_reader *r);
uint16_t wire_u16(struct wire_reader *r);
uint32_t wire_u32(struct wire_reader *r);
uint64_t wire_u64(struct wire_reader *r);
/* Borrowed view of the next len bytes; empty after a failure. */
struct bytes wire_take(struct wire_reader *r, size_t len);
/* Copy of the next len bytes; out is zeroed after a failure. */
void wire_copy(struct wire_reader *r, void *out, size_t len);
size_t wire_left(const struct wire_reader *r);
/* R_OK when nothing failed so far; R_SHORT otherwise. Bytes may be left. */
enum result wire_status(const struct wire_reader *r) WARN_UNUSED;
/* As wire_status, and R_TRAILING when bytes are left. */
enum result wire_done(const struct wire_reader *r) WARN_UNUSED;

#endif
