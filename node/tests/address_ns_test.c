/* SPDX-License-Identifier: Apache-2.0 */
/* Service addresses and routes in a kernel (R19, R20). */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "esp/esp.h"
#include "node/tests/net_ns_harness.h"
#include "node/udp_ike.h"

static void only_an_owner_answers_arp(void **state)
{
	(void)state;
	set(ADDRESS_NONE);
	assert_int_equal(netns_arp(t.tap0, "w0", SERVICE, ARP_MS), 0);
	set(ADDRESS_OWNED);
	set(ADDRESS_OWNED);
	assert_int_equal(netns_arp(t.tap0, "w0", SERVICE, ARP_MS), 1);
	set(ADDRESS_RELAYED);
	assert_int_equal(netns_arp(t.tap0, "w0", SERVICE, ARP_MS), 0);
	/* And the machine's own address is answered for all the time. */
	assert_int_equal(netns_arp(t.tap0, "w0", "192.0.2.11", ARP_MS), 1);
}

static void a_former_owner_still_receives(void **state)
{
	struct inet_addr service;
	struct inet_endpoint from;
	uint8_t buf[64];
	size_t len = 0;
	int fd;

	(void)state;
	assert_int_equal(inet_parse(SERVICE, &service), R_OK);
	assert_int_equal(udp_ike_open(&service, 500, &fd), R_OK);
	for (enum address_state s = ADDRESS_NONE; s <= ADDRESS_RELAYED; s++) {
		static const uint8_t udp[] = { 0, 99, 0x01, 0xf4, 0, 12, 0, 0, 'h', 'e', 'r', 'e' };
		set(s);
		netns_send_ip(t.tap0, "eth0", "192.0.2.99", SERVICE, 17, bytes(udp, sizeof(udp)));
		usleep(50000);
		assert_int_equal(udp_ike_receive(fd, buf, sizeof(buf), &len, &from),
				 s != ADDRESS_NONE);
	}
	assert_int_equal(len, 4);
	assert_int_equal(from.port, 99);
	close(fd);
}

static bool is_announcement(struct bytes f, const void *arg)
{
	uint8_t mac[6];

	netns_mac("eth0", mac);
	return f.len >= 42 && memcmp(f.p, "\xff\xff\xff\xff\xff\xff", 6) == 0 && f.p[12] == 8 &&
	       f.p[13] == 6 && f.p[21] == *(const uint8_t *)arg && memcmp(f.p + 22, mac, 6) == 0 &&
	       memcmp(f.p + 28, "\xc0\x00\x02\x01", 4) == 0 &&
	       memcmp(f.p + 38, "\xc0\x00\x02\x01", 4) == 0;
}

static void an_owner_is_announced_and_nobody_else(void **state)
{
	static const uint8_t request = 1, reply = 2;

	(void)state;
	set(ADDRESS_OWNED);
	address_announce(t.address);
	assert_true(netns_wait(t.tap0, 200, is_announcement, &request));
	assert_true(netns_wait(t.tap0, 200, is_announcement, &reply));
	set(ADDRESS_RELAYED);
	address_announce(t.address);
	assert_false(netns_wait(t.tap0, 200, is_announcement, &request));
}

static bool address_is_here(const struct inet_addr *a)
{
	const struct inet_endpoint e = { .addr = *a };
	struct sockaddr_storage ss;
	socklen_t len = inet_to_sockaddr(&e, &ss);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool here = bind(fd, (struct sockaddr *)&ss, len) == 0;

	close(fd);
	return here;
}

/* R20: an owner of its own, killed. */
static void the_address_dies_with_the_process(void **state)
{
	struct inet_addr a;
	int ready[2], tun;
	char c;

	(void)state;
	set(ADDRESS_NONE);
	assert_int_equal(inet_parse("192.0.2.7", &a), R_OK);
	assert_int_equal(pipe(ready), 0);
	pid_t pid = fork();
	if (pid == 0) {
		bool ok = esp_io_open_tun("hf9", 1, &tun) == R_OK &&
			  system("ip addr add 192.0.2.7/32 dev hf9 && "
				 "ip link set hf9 up") == 0 &&
			  write(ready[1], "x", 1) == 1;
		pause();
		_exit(!ok);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_true(address_is_here(&a));
	uint64_t start = netns_now_us();
	kill(pid, SIGKILL);
	while (address_is_here(&a) && netns_now_us() - start < 2000000)
		usleep(200);
	uint64_t gone = netns_now_us() - start;
	waitpid(pid, NULL, 0);
	printf("figure: an address is gone %.1f ms after kill -9\n", (double)gone / 1000);
	assert_in_range(gone, 0, 1000000); /* the machine may be busy */
	assert_int_equal(netns_arp(t.tap0, "w0", "192.0.2.7", ARP_MS), 0);
	close(ready[0]);
	close(ready[1]);
}

static void a_reload_moves_addresses_and_routes(void **state)
{
	struct config *more = parse(
		"route outside 203.0.113.0 255.255.255.0 192.0.2.99\n"
		"interface eth2\n nameif third\n ip address 192.0.2.129 255.255.255.128\n");
	char why[200] = "";

	(void)state;
	set(ADDRESS_OWNED);
	netns_run(
		"ip link add eth2 type veth peer name v2; ip link set v2 up; ip link set eth2 up");
	if (address_reload(t.address, more, why) != R_OK)
		fail_msg("%s", why);
	netns_run("ip route show 203.0.113.0/24 | grep -q 'via 192.0.2.99 dev eth0'");
	netns_run("ip route show 192.0.2.128/25 | grep -q 'dev eth2'");
	netns_run("ip addr show dev hf1 | grep -q 192.0.2.129/32");
	assert_int_equal(address_reload(t.address, t.config, why), R_OK);
	netns_run("! ip route show 203.0.113.0/24 | grep -q .");
	netns_run("! ip route show 192.0.2.128/25 | grep -q .");
	netns_run("! ip addr show dev hf1 | grep -q 192.0.2.129");
	netns_run("ip addr show dev hf1 | grep -q 192.0.2.1/32");
	netns_run("ip link del eth2");
	config_free(more);
}

/* R12 */
static void an_owner_past_its_deadline_has_no_address(void **state)
{
	(void)state;
	set(ADDRESS_OWNED);
	netns_run("ip addr show dev hf1 | grep -q 192.0.2.1/32");
	set(ADDRESS_SILENT);
	netns_run("! ip addr | grep -q 192.0.2.1/32");
	set(ADDRESS_OWNED);
	netns_run("ip addr show dev hf1 | grep -q 192.0.2.1/32");
}

/* R14: what another group owns is another one's to put up and to take down. */
static void the_interfaces_of_another_group_are_left_alone(void **state)
{
	struct config *more = parse(
		"failover\nfailover lan unit primary\nfailover key k\nfailover group 1\n"
		"failover group 2\nroute third 203.0.113.0 255.255.255.0 192.0.2.130\n"
		"interface eth2\n nameif third\n join-failover-group 2\n"
		" ip address 192.0.2.129 255.255.255.128\n");
	char why[200] = "";

	(void)state;
	set(ADDRESS_OWNED);
	netns_run(
		"ip link add eth2 type veth peer name v2; ip link set v2 up; ip link set eth2 up");
	if (address_reload(t.address, more, why) != R_OK)
		fail_msg("%s", why);
	netns_run("ip addr show dev hf1 | grep -q 192.0.2.1/32");
	netns_run("! ip addr | grep -q 192.0.2.129");
	netns_run("! ip route show 192.0.2.128/25 | grep -q .");
	netns_run("! ip route show 203.0.113.0/24 | grep -q .");
	netns_run("ip route add 192.0.2.128/25 dev eth2 metric 18502");
	assert_int_equal(address_reload(t.address, t.config, why), R_OK);
	netns_run("ip route show 192.0.2.128/25 | grep -q 'dev eth2'");
	netns_run("ip link del eth2");
	config_free(more);
}

static void a_route_through_a_missing_device_is_refused_by_name(void **state)
{
	struct config *more = parse(
		"interface eth7\n nameif seventh\n ip address 203.0.113.1 255.255.255.0\n");
	char why[200] = "";

	(void)state;
	assert_int_equal(address_reload(t.address, more, why), R_SYSTEM);
	assert_string_equal(why, "interface eth7: no such device");
	assert_int_equal(address_reload(t.address, t.config, why), R_OK);
	config_free(more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(only_an_owner_answers_arp),
		TEST(a_former_owner_still_receives),
		TEST(an_owner_is_announced_and_nobody_else),
		TEST(the_address_dies_with_the_process),
		TEST(a_reload_moves_addresses_and_routes),
		TEST(an_owner_past_its_deadline_has_no_address),
		TEST(the_interfaces_of_another_group_are_left_alone),
		TEST(a_route_through_a_missing_device_is_refused_by_name),
	};

	netns_require();
	return cmocka_run_group_tests(tests, build, unbuild);
}
