/* SPDX-License-Identifier: Apache-2.0 */
/* Links as a kernel tells of them. Needs root; in two network namespaces (netns.h). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "node/link_watch.h"
#include "node/tests/netns.h"

enum { ETH0, ETH1, ABSENT };

static struct link_watch *watch;

static int build(void **state)
{
	static const char *const devices[] = { "eth0", "eth1", "eth7" };

	(void)state;
	netns_build();
	assert_int_equal(link_watch_open(&watch), R_OK);
	assert_int_equal(link_watch_set(watch, devices, 3), R_OK);
	return 0;
}

static int unbuild(void **state)
{
	(void)state;
	link_watch_close(watch);
	return 0;
}

/* Told, and not asked for. The kernel puts off what is not urgent for up to a second. */
static void becomes(size_t i, enum cl_link_state wanted)
{
	struct pollfd p = { .fd = link_watch_fd(watch), .events = POLLIN };
	bool is = link_watch_state(watch, i) == wanted, told = is;

	while (!is && poll(&p, 1, 3000) > 0) {
		told = link_watch_read(watch);
		is = link_watch_state(watch, i) == wanted;
	}
	assert_true(is);
	assert_true(told);
}

static void what_is_there_is_known(void **state)
{
	(void)state;
	assert_int_equal(link_watch_state(watch, ABSENT), CL_LINK_FAILED);
	becomes(ETH0, CL_LINK_NORMAL); /* it is only just being made */
	becomes(ETH1, CL_LINK_NORMAL);
}

static void a_carrier_that_goes_is_told(void **state)
{
	(void)state;
	netns_run_there("ip link set w0 down");
	becomes(ETH0, CL_LINK_NO_LINK);
	assert_int_equal(link_watch_state(watch, ETH1), CL_LINK_NORMAL);
	netns_run_there("ip link set w0 up");
	becomes(ETH0, CL_LINK_NORMAL);
}

static void an_interface_that_is_taken_down_is_told(void **state)
{
	(void)state;
	netns_run("ip link set eth1 down");
	becomes(ETH1, CL_LINK_DOWN);
	netns_run("ip link set eth1 up");
	becomes(ETH1, CL_LINK_NORMAL);
}

static void a_device_that_comes_goes_and_is_renamed_is_told(void **state)
{
	(void)state;
	netns_run(
		"ip link add eth7 type veth peer name eth8 && ip link set eth7 up && ip link set eth8 up");
	becomes(ABSENT, CL_LINK_NORMAL);
	netns_run("ip link set eth7 name eth9");
	becomes(ABSENT, CL_LINK_FAILED);
	netns_run("ip link set eth9 name eth7");
	becomes(ABSENT, CL_LINK_NORMAL);
	netns_run("ip link del eth7");
	becomes(ABSENT, CL_LINK_FAILED);
}

/* What the kernel has said is lost. */
static void lose_events(void)
{
	uint8_t buf[16384];

	while (recv(link_watch_fd(watch), buf, sizeof(buf), MSG_DONTWAIT) > 0)
		;
}

/* Looking again finds it. */
static void what_was_missed_is_found_by_looking_again(void **state)
{
	(void)state;
	netns_run("ip link set eth1 down && ip link add eth7 type dummy 2>/dev/null || "
		  "ip link add eth7 type veth peer name eth8");
	becomes(ETH1, CL_LINK_DOWN);
	becomes(ABSENT, CL_LINK_DOWN);
	assert_int_equal(link_watch_read(watch), false);
	netns_run("ip link set eth1 up && ip link del eth7");
	lose_events();
	assert_false(link_watch_read(watch));
	assert_int_equal(link_watch_state(watch, ABSENT), CL_LINK_DOWN);
	link_watch_look(watch);
	link_watch_look(watch); /* while one is under way */
	becomes(ETH1, CL_LINK_NORMAL);
	becomes(ABSENT, CL_LINK_FAILED);
}

/* More events than the socket holds: nothing that came last is missed. */
static void an_overrun_is_made_up_for(void **state)
{
	(void)state;
	netns_run(
		"for i in $(seq 400); do ip link set eth1 mtu $((1300 + i)); done; ip link set eth1 down");
	becomes(ETH1, CL_LINK_DOWN);
	netns_run(
		"for i in $(seq 400); do ip link set eth1 mtu $((1300 + i)); done; ip link set eth1 up");
	becomes(ETH1, CL_LINK_NORMAL);
}

/* A second dump beside one that has not ended is refused. */
static void an_overrun_while_looking_is_made_up_for(void **state)
{
	(void)state;
	link_watch_look(watch);
	netns_run(
		"for i in $(seq 400); do ip link set eth1 mtu $((1300 + i)); done; ip link set eth1 down");
	becomes(ETH1, CL_LINK_DOWN);
	link_watch_look(watch);
	netns_run(
		"for i in $(seq 400); do ip link set eth1 mtu $((1300 + i)); done; ip link set eth1 up");
	becomes(ETH1, CL_LINK_NORMAL);
}

static void a_name_that_no_device_can_have_is_not_there(void **state)
{
	static const char *const names[] = { "eth0", "eth1-and-more-than-fits" };
	static const char *const again[] = { "eth0", "eth1", "eth7" };

	(void)state;
	netns_run("ip link add eth1-and-more-t type veth peer name eth8 && "
		  "ip link set eth1-and-more-t up && ip link set eth8 up");
	assert_int_equal(link_watch_set(watch, names, 2), R_OK);
	assert_int_equal(link_watch_state(watch, 0), CL_LINK_NORMAL);
	assert_int_equal(link_watch_state(watch, 1), CL_LINK_FAILED);
	netns_run("ip link del eth1-and-more-t");
	assert_int_equal(link_watch_set(watch, again, 3), R_OK);
}

static void other_devices_can_be_watched_from_now_on(void **state)
{
	static const char *const one[] = { "eth1" };

	(void)state;
	assert_int_equal(link_watch_set(watch, one, 1), R_OK);
	assert_int_equal(link_watch_state(watch, 0), CL_LINK_NORMAL);
	netns_run_there("ip link set w1 down");
	becomes(0, CL_LINK_NO_LINK);
	netns_run_there("ip link set w1 up");
	becomes(0, CL_LINK_NORMAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_there_is_known),
		cmocka_unit_test(a_carrier_that_goes_is_told),
		cmocka_unit_test(an_interface_that_is_taken_down_is_told),
		cmocka_unit_test(a_device_that_comes_goes_and_is_renamed_is_told),
		cmocka_unit_test(what_was_missed_is_found_by_looking_again),
		cmocka_unit_test(an_overrun_is_made_up_for),
		cmocka_unit_test(an_overrun_while_looking_is_made_up_for),
		cmocka_unit_test(a_name_that_no_device_can_have_is_not_there),
		cmocka_unit_test(other_devices_can_be_watched_from_now_on),
	};

	netns_require();
	return cmocka_run_group_tests(tests, build, unbuild);
}
