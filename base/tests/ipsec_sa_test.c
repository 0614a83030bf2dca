/* SPDX-License-Identifier: Apache-2.0 */
/* IV prefixes (R16), SPI fields (R25) and traffic-selector arithmetic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ipsec_sa.h"

static struct traffic_selector ts(const char *start, const char *end, uint8_t protocol,
				  uint16_t port_start, uint16_t port_end)
{
	struct traffic_selector t = { .protocol = protocol,
				      .port_start = port_start,
				      .port_end = port_end };

	assert_int_equal(inet_parse(start, &t.start), R_OK);
	assert_int_equal(inet_parse(end, &t.end), R_OK);
	return t;
}

#define NET(start, end) ts(start, end, 0, 0, 65535)
#define OPAQUE          65535, 0

static void iv_prefix_is_slot_and_term_delta(void **state)
{
	uint64_t prefix = 0;

	(void)state;
	assert_int_equal(iv_prefix(0xa, 1005, 1000, &prefix), R_OK);
	assert_int_equal(prefix, 0xa005000000000000);
	assert_int_equal(iv_prefix(0, 1000, 1000, &prefix), R_OK);
	assert_int_equal(prefix, 0);
	assert_int_equal(iv_prefix(15, UINT64_MAX, UINT64_MAX - 4094, &prefix), R_OK);
	assert_int_equal(prefix, 0xfffe000000000000);
}

static void iv_prefix_refuses_term_delta_4095(void **state)
{
	uint64_t prefix = 7;

	(void)state;
	assert_int_equal(iv_prefix(1, 4094, 0, &prefix), R_OK);
	prefix = 7;
	assert_int_equal(iv_prefix(1, 4095, 0, &prefix), R_EXHAUSTED);
	assert_int_equal(iv_prefix(1, UINT64_MAX, 0, &prefix), R_EXHAUSTED);
	assert_int_equal(prefix, 7);
}

static void iv_prefix_refuses_a_term_before_birth(void **state)
{
	uint64_t prefix = 7;

	(void)state;
	assert_int_equal(iv_prefix(1, 9, 10, &prefix), R_STALE);
	assert_int_equal(prefix, 7);
}

static void no_two_slots_or_terms_share_a_prefix(void **state)
{
	uint64_t last = 0, prefix;

	(void)state;
	for (uint8_t slot = 0; slot < 16; slot++) {
		for (uint64_t term = 1; term <= 1 + IV_TERM_DELTA_MAX; term++) {
			assert_int_equal(iv_prefix(slot, term, 1, &prefix), R_OK);
			assert_true((slot == 0 && term == 1) || prefix > last);
			assert_int_equal(prefix & ((1ull << IV_COUNTER_BITS) - 1), 0);
			last = prefix;
		}
	}
}

static void spis_hold_slot_and_shard(void **state)
{
	(void)state;
	assert_int_equal(esp_spi_slot(0x5a123456), 5);
	assert_int_equal(esp_spi_shard(0x5a123456), 0xa);
	assert_int_equal(ike_spi_slot(0xc3112233445566ff), 0xc);
	assert_int_equal(ike_spi_shard(0xc3112233445566ff), 3);
}

static void equality_is_of_every_field(void **state)
{
	struct traffic_selector a = ts("198.51.100.0", "198.51.100.255", 17, 1, 9), b = a;

	(void)state;
	assert_true(ts_equal(&a, &b));
	b.protocol = 6;
	assert_false(ts_equal(&a, &b));
	b = a;
	b.port_start = 2;
	assert_false(ts_equal(&a, &b));
	b = a;
	b.port_end = 8;
	assert_false(ts_equal(&a, &b));
	b = ts("198.51.100.1", "198.51.100.255", 17, 1, 9);
	assert_false(ts_equal(&a, &b));
	b = ts("198.51.100.0", "198.51.100.254", 17, 1, 9);
	assert_false(ts_equal(&a, &b));
}

static void intersection_takes_the_narrower_of_each_field(void **state)
{
	struct traffic_selector a = ts("198.51.100.0", "198.51.100.127", 0, 0, 65535);
	struct traffic_selector b = ts("198.51.100.64", "198.51.100.255", 6, 80, 443);
	struct traffic_selector want = ts("198.51.100.64", "198.51.100.127", 6, 80, 443), out;

	(void)state;
	assert_true(ts_intersect(&a, &b, &out));
	assert_true(ts_equal(&out, &want));
	assert_true(ts_intersect(&b, &a, &out));
	assert_true(ts_equal(&out, &want));
}

static void disjoint_selectors_have_no_intersection(void **state)
{
	struct traffic_selector base = ts("198.51.100.0", "198.51.100.127", 6, 80, 90), out = base;
	const struct traffic_selector others[] = {
		ts("198.51.100.128", "198.51.100.255", 6, 80, 90),
		ts("198.51.100.0", "198.51.100.127", 17, 80, 90),
		ts("198.51.100.0", "198.51.100.127", 6, 91, 100),
		ts("2001:db8::", "2001:db8::ff", 6, 80, 90),
	};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		assert_false(ts_intersect(&base, &others[i], &out));
		assert_false(ts_intersect(&others[i], &base, &out));
		assert_true(ts_equal(&out, &base));
	}
}

static void containment_is_of_every_field(void **state)
{
	struct traffic_selector outer = ts("198.51.100.0", "198.51.100.255", 0, 0, 65535);
	struct traffic_selector inner = ts("198.51.100.1", "198.51.100.2", 6, 80, 80);
	struct traffic_selector across = ts("198.51.100.1", "198.51.101.0", 6, 80, 80);

	(void)state;
	assert_true(ts_contains(&outer, &outer));
	assert_true(ts_contains(&outer, &inner));
	assert_false(ts_contains(&inner, &outer));
	assert_false(ts_contains(&outer, &across));
}

static void any_contains_opaque_and_a_range_does_not(void **state)
{
	struct traffic_selector any = NET("198.51.100.0", "198.51.100.255"), out;
	struct traffic_selector opaque = ts("198.51.100.0", "198.51.100.255", 0, OPAQUE);
	struct traffic_selector range = ts("198.51.100.0", "198.51.100.255", 0, 0, 1023);

	(void)state;
	assert_true(ts_contains(&any, &opaque));
	assert_true(ts_contains(&opaque, &opaque));
	assert_false(ts_contains(&opaque, &any));
	assert_false(ts_contains(&range, &opaque));
	assert_false(ts_intersect(&range, &opaque, &out));
	assert_true(ts_intersect(&any, &opaque, &out));
	assert_true(ts_equal(&out, &opaque));
}

static void text_has_the_shape_of_the_asa(void **state)
{
	struct traffic_selector v4 = NET("198.51.100.0", "198.51.100.255");
	struct traffic_selector v6 = ts("2001:db8:1111:2222:3333:4444:5555:6666",
					"2001:db8:1111:2222:3333:4444:5555:7777", 6, 10000, 65535);
	char out[TS_TEXT_MAX];

	(void)state;
	assert_string_equal(ts_text(&v4, out), "198.51.100.0/0 - 198.51.100.255/65535");
	assert_string_equal(ts_text(&v6, out), "2001:db8:1111:2222:3333:4444:5555:6666/10000 - "
					       "2001:db8:1111:2222:3333:4444:5555:7777/65535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(iv_prefix_is_slot_and_term_delta),
		cmocka_unit_test(iv_prefix_refuses_term_delta_4095),
		cmocka_unit_test(iv_prefix_refuses_a_term_before_birth),
		cmocka_unit_test(no_two_slots_or_terms_share_a_prefix),
		cmocka_unit_test(spis_hold_slot_and_shard),
		cmocka_unit_test(equality_is_of_every_field),
		cmocka_unit_test(intersection_takes_the_narrower_of_each_field),
		cmocka_unit_test(disjoint_selectors_have_no_intersection),
		cmocka_unit_test(containment_is_of_every_field),
		cmocka_unit_test(any_contains_opaque_and_a_range_does_not),
		cmocka_unit_test(text_has_the_shape_of_the_asa),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
