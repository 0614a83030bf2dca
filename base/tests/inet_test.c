/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, prefixes and ranges. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/inet.h"

#include <netinet/in.h>
#include <sys/socket.h>

static struct inet_addr addr(const char *text)
{
	struct inet_addr a = { 0 };

	assert_int_equal(inet_parse(text, &a), R_OK);
	return a;
}

static struct inet_prefix prefix(const char *text, uint8_t len)
{
	return (struct inet_prefix){ .addr = addr(text), .len = len };
}

static void text_and_parse_are_inverse(void **state)
{
	static const char *const texts[] = { "192.0.2.1",   "0.0.0.0", "255.255.255.255",
					     "2001:db8::1", "::",      "2001:db8:1:2:3:4:5:6" };
	char out[INET_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct inet_addr a = addr(texts[i]);

		assert_string_equal(inet_text(&a, out), texts[i]);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const texts[] = {
		"",           "192.0.2",       "192.0.2.256",  "192.0.2.1.1",
		"192.0.2.1 ", "192.0.2.01/24", "2001:db8:::1", "g::1",
		"host"
	};
	struct inet_addr a = inet_v4(0x01020304);

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(inet_parse(texts[i], &a), R_VALUE);
	assert_int_equal(inet_to_v4(&a), 0x01020304);
}

static void v4_values_are_host_order(void **state)
{
	struct inet_addr a = inet_v4(0xc0000201), v6 = addr("2001:db8::1");
	char out[INET_TEXT_MAX];

	(void)state;
	assert_string_equal(inet_text(&a, out), "192.0.2.1");
	assert_int_equal(inet_to_v4(&a), 0xc0000201);
	assert_int_equal(inet_to_v4(&v6), 0);
}

static void only_4_or_16_bytes_make_an_address(void **state)
{
	static const uint8_t raw[17] = { 192, 0, 2, 1 };
	char out[INET_TEXT_MAX];

	(void)state;
	for (size_t len = 0; len <= sizeof(raw); len++) {
		struct inet_addr a = inet_from_bytes(bytes(raw, len));

		assert_int_equal(a.family, len == 4 ? INET_V4 : len == 16 ? INET_V6 : INET_NONE);
		assert_int_equal(inet_len(&a), a.family == INET_NONE ? 0 : len);
	}
	assert_string_equal(inet_text(&(struct inet_addr){ 0 }, out), "none");
}

static void order_is_by_family_then_value(void **state)
{
	static const char *const sorted[] = { "0.0.0.0",      "192.0.2.1",       "192.0.2.2",
					      "198.51.100.0", "255.255.255.255", "::",
					      "2001:db8::",   "ffff::" };

	(void)state;
	for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
		for (size_t j = 0; j < sizeof(sorted) / sizeof(sorted[0]); j++) {
			struct inet_addr a = addr(sorted[i]), b = addr(sorted[j]);
			int order = inet_compare(&a, &b);

			assert_int_equal(order < 0, i < j);
			assert_int_equal(order > 0, i > j);
			assert_int_equal(inet_equal(&a, &b), i == j);
		}
	}
}

static void zero_of_one_family_is_not_zero_of_the_other(void **state)
{
	struct inet_addr v4 = addr("0.0.0.0"), v6 = addr("::"), one = addr("::1");

	(void)state;
	assert_true(inet_is_zero(&v4));
	assert_true(inet_is_zero(&v6));
	assert_false(inet_is_zero(&one));
	assert_false(inet_equal(&v4, &v6));
}

static void endpoints_compare_address_and_port(void **state)
{
	struct inet_endpoint a = { addr("192.0.2.1"), 500 }, b = a;

	(void)state;
	assert_true(inet_endpoint_equal(&a, &b));
	b.port = 4500;
	assert_false(inet_endpoint_equal(&a, &b));
	b = (struct inet_endpoint){ addr("192.0.2.2"), 500 };
	assert_false(inet_endpoint_equal(&a, &b));
}

static void endpoint_and_prefix_texts(void **state)
{
	struct inet_endpoint v4 = { addr("192.0.2.1"), 500 }, v6 = { addr("2001:db8::1"), 65535 };
	struct inet_prefix p = prefix("2001:db8::", 32);
	char out[INET_TEXT_MAX];

	(void)state;
	assert_string_equal(inet_endpoint_text(&v4, out), "192.0.2.1:500");
	assert_string_equal(inet_endpoint_text(&v6, out), "[2001:db8::1]:65535");
	assert_string_equal(inet_prefix_text(&p, out), "2001:db8::/32");
}

static void a_prefix_contains_its_range_and_no_neighbour(void **state)
{
	(void)state;
	for (uint8_t len = 0; len <= 32; len++) {
		struct inet_prefix p = { .addr = inet_v4(0), .len = len };
		uint32_t mask = len == 0 ? 0 : UINT32_MAX << (32 - len);
		struct inet_addr first, last, outside;

		p.addr = inet_v4(0xc6336455 & mask);
		inet_prefix_range(&p, &first, &last);
		assert_int_equal(inet_to_v4(&first), 0xc6336455 & mask);
		assert_int_equal(inet_to_v4(&last), (0xc6336455 & mask) | ~mask);
		assert_true(inet_prefix_contains(&p, &first));
		assert_true(inet_prefix_contains(&p, &last));
		if (len == 0)
			continue;
		outside = inet_v4(inet_to_v4(&first) - 1);
		assert_false(inet_prefix_contains(&p, &outside));
		outside = inet_v4(inet_to_v4(&last) + 1);
		assert_false(inet_prefix_contains(&p, &outside));
	}
}

static void a_prefix_never_contains_the_other_family(void **state)
{
	struct inet_prefix any4 = prefix("0.0.0.0", 0), any6 = prefix("::", 0), none = { 0 };
	struct inet_addr v4 = addr("192.0.2.1"), v6 = addr("2001:db8::1"), nothing = { 0 };

	(void)state;
	assert_true(inet_prefix_contains(&any4, &v4));
	assert_true(inet_prefix_contains(&any6, &v6));
	assert_false(inet_prefix_contains(&any4, &v6));
	assert_false(inet_prefix_contains(&any6, &v4));
	assert_false(inet_prefix_contains(&none, &nothing));
}

static void a_mask_makes_a_prefix_without_host_bits(void **state)
{
	struct inet_addr a = addr("198.51.100.77"), mask = addr("255.255.255.192");
	struct inet_prefix p;
	char out[INET_TEXT_MAX];

	(void)state;
	assert_int_equal(inet_prefix_from_mask(&a, &mask, &p), R_OK);
	assert_string_equal(inet_prefix_text(&p, out), "198.51.100.64/26");
	mask = addr("0.0.0.0");
	assert_int_equal(inet_prefix_from_mask(&a, &mask, &p), R_OK);
	assert_string_equal(inet_prefix_text(&p, out), "0.0.0.0/0");
	mask = addr("255.255.255.255");
	assert_int_equal(inet_prefix_from_mask(&a, &mask, &p), R_OK);
	assert_string_equal(inet_prefix_text(&p, out), "198.51.100.77/32");
}

static void a_mask_with_holes_is_refused(void **state)
{
	static const char *const masks[] = { "255.0.255.0",   "0.255.255.255", "255.255.255.1",
					     "255.255.253.0", "0.0.0.255",     "128.0.0.1" };
	struct inet_addr a = addr("198.51.100.0"), v6 = addr("ffff::");
	struct inet_prefix p;

	(void)state;
	for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		struct inet_addr mask = addr(masks[i]);

		assert_int_equal(inet_prefix_from_mask(&a, &mask, &p), R_VALUE);
	}
	assert_int_equal(inet_prefix_from_mask(&a, &v6, &p), R_VALUE);
}

static void the_range_of_a_prefix_is_that_prefix(void **state)
{
	(void)state;
	for (uint8_t len = 0; len <= 128; len++) {
		struct inet_prefix p = prefix("2001:db8:ffff:1234:5678:9abc:def0:1234", len), back;
		struct inet_addr first, last;

		inet_prefix_range(&p, &first, &last);
		assert_true(inet_range_to_prefix(&first, &last, &back));
		assert_int_equal(back.len, len);
		assert_true(inet_equal(&back.addr, &first));
	}
}

static void other_ranges_are_no_prefix(void **state)
{
	static const char *const ranges[][2] = {
		{ "192.0.2.1", "192.0.2.2" },   { "192.0.2.0", "192.0.2.254" },
		{ "192.0.2.1", "192.0.2.255" }, { "192.0.2.128", "192.0.3.127" },
		{ "192.0.2.255", "192.0.2.0" }, { "192.0.2.0", "2001:db8::" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		struct inet_addr first = addr(ranges[i][0]), last = addr(ranges[i][1]);
		struct inet_prefix p;

		assert_false(inet_range_to_prefix(&first, &last, &p));
	}
}

static void sockaddrs_go_both_ways(void **state)
{
	struct inet_endpoint in[] = { { addr("192.0.2.1"), 4500 }, { addr("2001:db8::1"), 500 } },
			     out;
	struct sockaddr_storage ss;

	(void)state;
	assert_int_equal(inet_to_sockaddr(&in[0], &ss), sizeof(struct sockaddr_in));
	assert_int_equal(inet_from_sockaddr((struct sockaddr *)&ss, &out), R_OK);
	assert_true(inet_endpoint_equal(&in[0], &out));
	assert_int_equal(inet_to_sockaddr(&in[1], &ss), sizeof(struct sockaddr_in6));
	assert_int_equal(inet_from_sockaddr((struct sockaddr *)&ss, &out), R_OK);
	assert_true(inet_endpoint_equal(&in[1], &out));
	assert_int_equal(inet_to_sockaddr(&(struct inet_endpoint){ 0 }, &ss), 0);
	ss.ss_family = AF_UNIX;
	assert_int_equal(inet_from_sockaddr((struct sockaddr *)&ss, &out), R_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_parse_are_inverse),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(v4_values_are_host_order),
		cmocka_unit_test(only_4_or_16_bytes_make_an_address),
		cmocka_unit_test(order_is_by_family_then_value),
		cmocka_unit_test(zero_of_one_family_is_not_zero_of_the_other),
		cmocka_unit_test(endpoints_compare_address_and_port),
		cmocka_unit_test(endpoint_and_prefix_texts),
		cmocka_unit_test(a_prefix_contains_its_range_and_no_neighbour),
		cmocka_unit_test(a_prefix_never_contains_the_other_family),
		cmocka_unit_test(a_mask_makes_a_prefix_without_host_bits),
		cmocka_unit_test(a_mask_with_holes_is_refused),
		cmocka_unit_test(the_range_of_a_prefix_is_that_prefix),
		cmocka_unit_test(other_ranges_are_no_prefix),
		cmocka_unit_test(sockaddrs_go_both_ways),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
