/* SPDX-License-Identifier: Apache-2.0 */
/* The frames of an announcement, byte by byte (RFC 5227 3, RFC 4861 4.4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/announce.h"

/* A field or two on each line. */
/* clang-format off */
static const uint8_t mac[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };

static const uint8_t announcement[] = {
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x08, 0x06,
	0, 1, 0x08, 0, 6, 4, 0, ANNOUNCE_ARP_REQUEST,
	0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 192, 0, 2, 1,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 192, 0, 2, 1,
};

/* tshark finds its checksum good. */
static const uint8_t advertisement[] = {
	0x33, 0x33, 0, 0, 0, 1, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0x86, 0xdd,
	0x60, 0, 0, 0, 0, 32, 58, 255,
	0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	136, 0, 0x12, 0x92, 0xa0, 0, 0, 0,
	0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
	2, 1, 0x02, 0x11, 0x22, 0x33, 0x44, 0x55,
};

/* clang-format on */

static void check_arp(enum announce_arp operation)
{
	uint8_t want[sizeof(announcement)];
	uint8_t frame[ANNOUNCE_FRAME_MAX];
	struct wire_writer w = wire_writer(frame, sizeof(frame));
	const struct inet_addr addr = inet_v4(0xc0000201);

	memcpy(want, announcement, sizeof(want));
	want[21] = (uint8_t)operation;
	announce_arp_frame(&w, mac, &addr, operation);
	assert_int_equal(wire_finish(&w), R_OK);
	assert_int_equal(w.len, sizeof(want));
	assert_memory_equal(frame, want, sizeof(want));
}

static void a_gratuitous_arp_names_the_address_twice(void **state)
{
	(void)state;
	check_arp(ANNOUNCE_ARP_REQUEST);
	check_arp(ANNOUNCE_ARP_REPLY);
}

static void an_unsolicited_advertisement_overrides(void **state)
{
	uint8_t frame[ANNOUNCE_FRAME_MAX];
	struct wire_writer w = wire_writer(frame, sizeof(frame));
	struct inet_addr addr;

	(void)state;
	assert_int_equal(inet_parse("2001:db8::1", &addr), R_OK);
	announce_na_frame(&w, mac, &addr);
	assert_int_equal(wire_finish(&w), R_OK);
	assert_int_equal(w.len, sizeof(advertisement));
	assert_memory_equal(frame, advertisement, sizeof(advertisement));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_gratuitous_arp_names_the_address_twice),
		cmocka_unit_test(an_unsolicited_advertisement_overrides),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
