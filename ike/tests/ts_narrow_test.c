/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/ts_narrow.h"

static struct traffic_selector range(uint32_t start, uint32_t end)
{
	return (struct traffic_selector){ .start = inet_v4(start),
					  .end = inet_v4(end),
					  .port_end = UINT16_MAX };
}

/* 198.51.100.0/24 is ours, 203.0.113.0/24 the peer's; each line is one half of both. */
#define OURS   0xc6336400u
#define THEIRS 0xcb007100u

static void lines(struct ike_child_config children[2])
{
	memset(children, 0, 2 * sizeof(children[0]));
	children[0].local = range(OURS, OURS + 127);
	children[0].remote = range(THEIRS, THEIRS + 127);
	children[1].local = range(OURS + 128, OURS + 255);
	children[1].remote = range(THEIRS + 128, THEIRS + 255);
}

static struct ts_list list(size_t n, struct traffic_selector a, struct traffic_selector b)
{
	return (struct ts_list){ .n = (uint8_t)n, .ts = { a, b } };
}

static void exact_offer_is_taken_whole(void **state)
{
	struct ike_child_config children[2];
	struct ts_narrowed out;

	(void)state;
	lines(children);

	struct ts_list tsi = list(1, children[1].remote, children[1].remote);
	struct ts_list tsr = list(1, children[1].local, children[1].local);

	assert_int_equal(ts_narrow(children, 2, &tsi, &tsr, &out), R_OK);
	assert_int_equal(out.line, 1);
	assert_true(out.all);
	assert_int_equal(out.tsi.n, 1);
	assert_true(ts_equal(&out.tsi.ts[0], &children[1].remote));
	assert_true(ts_equal(&out.tsr.ts[0], &children[1].local));
}

static void superset_is_narrowed_to_the_line(void **state)
{
	struct ike_child_config children[2];
	struct traffic_selector any = range(0, UINT32_MAX);
	struct ts_list offer = list(1, any, any);
	struct ts_narrowed out;

	(void)state;
	lines(children);
	assert_int_equal(ts_narrow(children, 2, &offer, &offer, &out), R_OK);
	assert_int_equal(out.line, 0);
	assert_false(out.all);
	assert_true(ts_equal(&out.tsi.ts[0], &children[0].remote));
	assert_true(ts_equal(&out.tsr.ts[0], &children[0].local));
}

static void subset_stays_what_it_is(void **state)
{
	struct ike_child_config children[2];
	struct traffic_selector host_i = range(THEIRS + 5, THEIRS + 5),
				host_r = range(OURS + 7, OURS + 7);
	struct ts_list tsi = list(1, host_i, host_i), tsr = list(1, host_r, host_r);
	struct ts_narrowed out;

	(void)state;
	lines(children);
	assert_int_equal(ts_narrow(children, 2, &tsi, &tsr, &out), R_OK);
	assert_true(out.all);
	assert_true(ts_equal(&out.tsi.ts[0], &host_i));
	assert_true(ts_equal(&out.tsr.ts[0], &host_r));
}

/* RFC 7296 2.9: the packet that asked comes first, and the answer must hold it. */
static void first_selectors_decide_the_line(void **state)
{
	struct ike_child_config children[2];
	struct traffic_selector any = range(0, UINT32_MAX);
	struct traffic_selector host_i = range(THEIRS + 200, THEIRS + 200),
				host_r = range(OURS + 200, OURS + 200);
	struct ts_list tsi = list(2, host_i, any), tsr = list(2, host_r, any);
	struct ts_narrowed out;

	(void)state;
	lines(children);
	assert_int_equal(ts_narrow(children, 2, &tsi, &tsr, &out), R_OK);
	assert_int_equal(out.line, 1);
	/* the packet is covered by the rest, so it is not said twice */
	assert_int_equal(out.tsi.n, 1);
	assert_true(ts_contains(&out.tsi.ts[0], &host_i));
	assert_true(ts_equal(&out.tsi.ts[0], &children[1].remote));
	assert_true(ts_contains(&out.tsr.ts[0], &host_r));
}

static void nothing_in_common_is_unacceptable(void **state)
{
	struct ike_child_config children[2];
	struct traffic_selector elsewhere = range(0xc0000200, 0xc00002ff);
	struct ts_list other = list(1, elsewhere, elsewhere), none = { 0 };
	struct ts_narrowed out;

	(void)state;
	lines(children);

	struct ts_list tsi = list(1, children[0].remote, children[0].remote);
	struct ts_list crossed = list(1, children[1].local, children[1].local);

	assert_int_equal(ts_narrow(children, 2, &tsi, &other, &out), R_TS_UNACCEPTABLE);
	assert_int_equal(ts_narrow(children, 2, &tsi, &crossed, &out), R_TS_UNACCEPTABLE);
	assert_int_equal(ts_narrow(children, 2, &tsi, &none, &out), R_TS_UNACCEPTABLE);
	assert_int_equal(ts_narrow(children, 0, &tsi, &tsi, &out), R_TS_UNACCEPTABLE);
}

static void answer_must_lie_within_the_proposal(void **state)
{
	struct ts_list proposed = list(2, range(10, 20), range(30, 40));
	struct ts_list good = list(2, range(12, 13), range(40, 40)),
		       bad = list(2, range(12, 13), range(15, 35));
	struct ts_list none = { 0 };

	(void)state;
	assert_true(ts_list_within(&good, &proposed));
	assert_false(ts_list_within(&bad, &proposed));
	assert_false(ts_list_within(&none, &proposed));
}

static void packet_comes_first_in_our_offer(void **state)
{
	struct traffic_selector line = range(10, 20), packet = range(12, 12),
				foreign = range(30, 30);
	struct ts_list out;

	(void)state;
	packet.protocol = 6;
	ts_propose(&line, &packet, &out);
	assert_int_equal(out.n, 2);
	assert_true(ts_equal(&out.ts[0], &packet));
	assert_true(ts_equal(&out.ts[1], &line));
	ts_propose(&line, NULL, &out);
	assert_int_equal(out.n, 1);
	ts_propose(&line, &foreign, &out);
	assert_int_equal(out.n, 1);
	assert_true(ts_equal(&out.ts[0], &line));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_offer_is_taken_whole),
		cmocka_unit_test(superset_is_narrowed_to_the_line),
		cmocka_unit_test(subset_stays_what_it_is),
		cmocka_unit_test(first_selectors_decide_the_line),
		cmocka_unit_test(nothing_in_common_is_unacceptable),
		cmocka_unit_test(answer_must_lie_within_the_proposal),
		cmocka_unit_test(packet_comes_first_in_our_offer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
