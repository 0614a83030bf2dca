/* SPDX-License-Identifier: Apache-2.0 */
/* The reader: values in network order, every truncation, the sticky error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wire_reader.h"

#include <stdlib.h>

static const uint8_t sample[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
				  0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0xaa, 0xbb, 0xcc, 0xdd, 0xee };

struct fields {
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	struct bytes taken;
	uint8_t copied[2];
};

/* 1 + 2 + 4 + 8 + 3 + 2 = 20 bytes */
static struct fields read_all(struct wire_reader *r)
{
	struct fields f = { 0 };

	f.u8 = wire_u8(r);
	f.u16 = wire_u16(r);
	f.u32 = wire_u32(r);
	f.u64 = wire_u64(r);
	f.taken = wire_take(r, 3);
	wire_copy(r, f.copied, 2);
	return f;
}

static void fields_are_read_in_network_order(void **state)
{
	struct wire_reader r = wire_reader(bytes(sample, sizeof(sample)));
	struct fields f = read_all(&r);

	(void)state;
	assert_int_equal(f.u8, 0x01);
	assert_int_equal(f.u16, 0x0203);
	assert_int_equal(f.u32, 0x04050607);
	assert_int_equal(f.u64, 0x08090a0b0c0d0e0f);
	assert_ptr_equal(f.taken.p, sample + 15);
	assert_int_equal(f.taken.len, 3);
	assert_int_equal(f.copied[0], 0xdd);
	assert_int_equal(f.copied[1], 0xee);
	assert_int_equal(wire_status(&r), R_OK);
	assert_int_equal(wire_done(&r), R_OK);
}

/* Each prefix lives in a block of exactly its size, so that a sanitizer sees one byte too far. */
static void every_truncation_is_short(void **state)
{
	(void)state;
	for (size_t len = 0; len < sizeof(sample); len++) {
		uint8_t *copy = malloc(len > 0 ? len : 1);
		struct wire_reader r;

		assert_non_null(copy);
		memcpy(copy, sample, len);
		r = wire_reader(bytes(copy, len));
		read_all(&r);
		assert_int_equal(wire_status(&r), R_SHORT);
		assert_int_equal(wire_done(&r), R_SHORT);
		assert_int_equal(wire_left(&r), 0);
		free(copy);
	}
}

static void bytes_left_are_trailing(void **state)
{
	struct wire_reader r = wire_reader(bytes(sample, 3));

	(void)state;
	wire_u16(&r);
	assert_int_equal(wire_left(&r), 1);
	assert_int_equal(wire_status(&r), R_OK);
	assert_int_equal(wire_done(&r), R_TRAILING);
}

static void the_error_sticks_and_reads_yield_nothing(void **state)
{
	struct wire_reader r = wire_reader(bytes(sample, 3));
	uint8_t out[2] = { 0xff, 0xff };

	(void)state;
	assert_int_equal(wire_u32(&r), 0);
	/* three bytes are there, but a reader that failed gives none of them */
	assert_int_equal(wire_u8(&r), 0);
	assert_int_equal(wire_u16(&r), 0);
	assert_int_equal(wire_u64(&r), 0);
	assert_null(wire_take(&r, 1).p);
	assert_int_equal(wire_take(&r, 1).len, 0);
	assert_null(wire_take(&r, 0).p);
	wire_copy(&r, out, sizeof(out));
	assert_int_equal(out[0], 0);
	assert_int_equal(out[1], 0);
	assert_int_equal(wire_left(&r), 0);
	assert_int_equal(wire_done(&r), R_SHORT);
}

static void a_huge_length_does_not_wrap(void **state)
{
	struct wire_reader r = wire_reader(bytes(sample, sizeof(sample)));

	(void)state;
	wire_u8(&r);
	assert_int_equal(wire_take(&r, SIZE_MAX).len, 0);
	assert_int_equal(wire_done(&r), R_SHORT);
}

static void an_empty_view_is_read_to_its_end(void **state)
{
	struct wire_reader r = wire_reader(BYTES_NONE);

	(void)state;
	assert_int_equal(wire_left(&r), 0);
	assert_int_equal(wire_take(&r, 0).len, 0);
	wire_copy(&r, NULL, 0);
	assert_int_equal(wire_done(&r), R_OK);
	wire_u8(&r);
	assert_int_equal(wire_done(&r), R_SHORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_read_in_network_order),
		cmocka_unit_test(every_truncation_is_short),
		cmocka_unit_test(bytes_left_are_trailing),
		cmocka_unit_test(the_error_sticks_and_reads_yield_nothing),
		cmocka_unit_test(a_huge_length_does_not_wrap),
		cmocka_unit_test(an_empty_view_is_read_to_its_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
