/* SPDX-License-Identifier: Apache-2.0 */
/* The writer: network order, holes, every capacity, the sticky error. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/wire_writer.h"

#include <stdlib.h>

static const uint8_t expected[] = { 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
				    0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 'a',  'b',  'c',  0x00, 0x00 };

static void write_all(struct wire_writer *w)
{
	wire_put_u8(w, 0x01);
	wire_put_u16(w, 0x0203);
	wire_put_u32(w, 0x04050607);
	wire_put_u64(w, 0x08090a0b0c0d0e0f);
	wire_put(w, bytes("abc", 3));
	wire_put_zero(w, 2);
}

static void fields_are_written_in_network_order(void **state)
{
	uint8_t out[sizeof(expected)];
	struct wire_writer w = wire_writer(out, sizeof(out));

	(void)state;
	write_all(&w);
	assert_int_equal(wire_finish(&w), R_OK);
	assert_true(bytes_equal(wire_written(&w), bytes(expected, sizeof(expected))));
}

/* Blocks of exactly cap bytes, so that a sanitizer sees one byte too far. */
static void every_smaller_capacity_is_too_long(void **state)
{
	(void)state;
	for (size_t cap = 0; cap < sizeof(expected); cap++) {
		uint8_t *out = malloc(cap > 0 ? cap : 1);
		struct wire_writer w = wire_writer(out, cap);

		assert_non_null(out);
		write_all(&w);
		assert_int_equal(wire_finish(&w), R_TOO_LONG);
		assert_int_equal(wire_written(&w).len, 0);
		free(out);
	}
}

static void the_error_sticks_though_less_would_fit(void **state)
{
	uint8_t out[3] = { 0xee, 0xee, 0xee };
	struct wire_writer w = wire_writer(out, sizeof(out));

	(void)state;
	wire_put_u32(&w, 1);
	wire_put_u8(&w, 1);
	assert_int_equal(wire_finish(&w), R_TOO_LONG);
	assert_int_equal(out[0], 0xee);
}

static void holes_are_zero_until_set(void **state)
{
	uint8_t out[7];
	struct wire_writer w = wire_writer(out, sizeof(out));
	struct wire_mark m8, m16, m32;

	(void)state;
	memset(out, 0xee, sizeof(out));
	m8 = wire_hole_u8(&w);
	m16 = wire_hole_u16(&w);
	m32 = wire_hole_u32(&w);
	assert_true(bytes_equal(wire_written(&w), bytes("\0\0\0\0\0\0\0", 7)));
	wire_set_u32(&w, m32, 0x04050607);
	wire_set_u8(&w, m8, 0x01);
	wire_set_u16(&w, m16, 0x0203);
	assert_int_equal(wire_finish(&w), R_OK);
	assert_true(bytes_equal(wire_written(&w), bytes(expected, 7)));
}

static void fill_stores_the_distance_from_start(void **state)
{
	uint8_t out[16];
	struct wire_writer w = wire_writer(out, sizeof(out));
	size_t start;
	struct wire_mark m;

	(void)state;
	wire_put_u8(&w, 0xff);
	start = w.len;
	m = wire_hole_u16(&w);
	wire_put(&w, bytes("abcde", 5));
	wire_fill_u16(&w, m, start);
	assert_int_equal(out[1], 0);
	assert_int_equal(out[2], 7);
}

static void a_length_above_16_bits_fails(void **state)
{
	uint8_t out[4];
	struct wire_writer w = wire_writer(out, sizeof(out));
	struct wire_mark m = wire_hole_u16(&w);

	(void)state;
	wire_set_u16(&w, m, 65535);
	assert_int_equal(wire_finish(&w), R_OK);
	wire_set_u16(&w, m, 65536);
	assert_int_equal(wire_finish(&w), R_TOO_LONG);
}

static void filling_more_than_16_bits_fails(void **state)
{
	static uint8_t out[70000];
	struct wire_writer w = wire_writer(out, sizeof(out));
	struct wire_mark m = wire_hole_u16(&w);

	(void)state;
	wire_put_zero(&w, 65534);
	wire_fill_u16(&w, m, 2);
	assert_int_equal(wire_finish(&w), R_OK);
	wire_put_zero(&w, 2);
	wire_fill_u16(&w, m, 2);
	assert_int_equal(wire_finish(&w), R_TOO_LONG);
}

static void a_hole_without_room_is_harmless(void **state)
{
	uint8_t out[1] = { 0xee };
	struct wire_writer w = wire_writer(out, sizeof(out));
	struct wire_mark m = wire_hole_u16(&w);

	(void)state;
	wire_set_u16(&w, m, 1);
	wire_fill_u16(&w, m, 0);
	assert_int_equal(wire_finish(&w), R_TOO_LONG);
	assert_int_equal(out[0], 0xee);
}

static void nothing_fits_into_nothing(void **state)
{
	struct wire_writer w = wire_writer(NULL, 0);

	(void)state;
	wire_put(&w, BYTES_NONE);
	wire_put_zero(&w, 0);
	assert_int_equal(wire_finish(&w), R_OK);
	wire_put_u8(&w, 1);
	assert_int_equal(wire_finish(&w), R_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_written_in_network_order),
		cmocka_unit_test(every_smaller_capacity_is_too_long),
		cmocka_unit_test(the_error_sticks_though_less_would_fit),
		cmocka_unit_test(holes_are_zero_until_set),
		cmocka_unit_test(fill_stores_the_distance_from_start),
		cmocka_unit_test(a_length_above_16_bits_fails),
		cmocka_unit_test(filling_more_than_16_bits_fails),
		cmocka_unit_test(a_hole_without_room_is_harmless),
		cmocka_unit_test(nothing_fits_into_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
