/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of protected networks in a kernel (R20, architecture 9): what it marks and drops, its
 * guard file, and what becomes of it when others change it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "node/tests/net_ns_harness.h"

static void send_udp(int tap, const char *device, const char *src, const char *dst, uint16_t port)
{
	const uint8_t udp[] = { 0, 99, (uint8_t)(port >> 8), (uint8_t)port, 0, 8, 0, 0 };
	netns_send_ip(tap, device, src, dst, 17, bytes(udp, sizeof(udp)));
}

static bool reaches_tun(const char *dst)
{
	struct inet_addr a;
	uint8_t buf[2048];
	bool got = false;
	ssize_t len;

	assert_int_equal(inet_parse(dst, &a), R_OK);
	for (unsigned int i = 0; i < 20 && !got; i++, usleep(5000))
		while ((len = read(t.tun, buf, sizeof(buf))) > 0)
			got |= len >= 20 && memcmp(buf + 16, a.a, 4) == 0;
	return got;
}

static void protected_traffic_goes_into_the_tunnel_only(void **state)
{
	(void)state;
	set(ADDRESS_OWNED);
	send_udp(t.tap1, "eth1", HOST_NEAR, HOST_FAR, 9);
	assert_true(reaches_tun(HOST_FAR));
	assert_false(netns_wait(t.tap0, 200, netns_is_ip_to, HOST_FAR));
	/* What no line protects is routed in clear. */
	send_udp(t.tap1, "eth1", HOST_NEAR, "203.0.113.5", 9);
	assert_true(netns_wait(t.tap0, 500, netns_is_ip_to, "203.0.113.5"));
}

static void our_own_network_inside_is_not_behind_the_crypto_map(void **state)
{
	(void)state;
	/* From this machine, and from another network of ours, though the list covers both. */
	netns_run("ping -c1 -W1 -I 198.18.1.11 " HOST_NEAR " >/dev/null");
	netns_run("ip link add eth3 type veth peer name v3; ip addr add 198.18.3.1/24 dev eth3");
	send_udp(t.tap1, "eth1", "198.18.3.9", HOST_NEAR, 9);
	assert_true(netns_wait(t.tap1, 500, netns_is_ip_to, HOST_NEAR));
	netns_run("ip link del eth3");
}

static void a_clear_packet_from_outside_is_dropped(void **state)
{
	(void)state;
	send_udp(t.tap0, "eth0", HOST_FAR, HOST_NEAR, 9);
	assert_false(netns_wait(t.tap1, 200, netns_is_ip_to, HOST_NEAR));
	send_udp(t.tap0, "eth0", "203.0.113.5", HOST_NEAR, 9);
	assert_true(netns_wait(t.tap1, 500, netns_is_ip_to, HOST_NEAR));
}

/* Entries 1 to 20 have one own network and share a chain, but for 7, which denies one host, and 9, whose
 * own network is another. */
static struct config *parse_many(void)
{
	char more[8192];
	int len = 0;

	for (int i = 1; i <= 20; i++)
		len += snprintf(
			more + len, sizeof(more) - (size_t)len,
			"%s"
			"access-list B%d extended permit ip 198.18.%d.0 255.255.255.0 host 203.0.113.%d\n"
			"crypto map M 1%02d match address B%d\n"
			"crypto map M 1%02d set peer 192.0.2.99\n"
			"crypto map M 1%02d set ikev2 ipsec-proposal P\n",
			i == 7 ? "access-list B7 extended deny ip host " HOST_NEAR
				 " host 203.0.113.7\n"
			       : "",
			i, i == 9 ? 2 : 1, i, i, i, i, i);
	return parse(more);
}

static void assert_protected(const char *far, bool is_protected)
{
	send_udp(t.tap1, "eth1", HOST_NEAR, far, 9);
	assert_int_equal(netns_wait(t.tap0, 200, netns_is_ip_to, far), !is_protected);
	assert_int_equal(reaches_tun(far), is_protected);
	send_udp(t.tap0, "eth0", far, HOST_NEAR, 9);
	assert_int_equal(netns_wait(t.tap1, 200, netns_is_ip_to, HOST_NEAR), !is_protected);
}

static void many_entries_protect_what_few_do(void **state)
{
	struct config *many = parse_many();
	char why[200] = "";

	(void)state;
	set(ADDRESS_OWNED);
	if (plain_reload(t.plain, many, why) != R_OK)
		fail_msg("%s", why);
	assert_protected("203.0.113.3", true);
	assert_protected("203.0.113.20", true);
	assert_protected("203.0.113.7", false);
	assert_protected("203.0.113.9", false);
	assert_protected("203.0.113.21", false);
	assert_protected(HOST_FAR, true);
	netns_run("! nft list table inet holdfast | grep -q 'chain m3 '");
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	config_free(many);
}

/* As a worker writes what it has decrypted. */
static void from_tun(const char *src, const char *dst)
{
	uint8_t p[28] = { 0x45, [3] = 28, [8] = 64, [9] = 17, [21] = 9, [23] = 9, [25] = 8 };
	struct inet_addr a, b;
	uint32_t sum = 0;

	assert_int_equal(inet_parse(src, &a), R_OK);
	assert_int_equal(inet_parse(dst, &b), R_OK);
	memcpy(p + 12, a.a, 4);
	memcpy(p + 16, b.a, 4);
	for (size_t i = 0; i < 20; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	p[10] = (uint8_t)(~sum >> 8);
	p[11] = (uint8_t)~sum;
	assert_true(write(t.tun, p, sizeof(p)) == (ssize_t)sizeof(p));
}

static void a_decrypted_packet_reaches_the_inside_and_not_the_outside(void **state)
{
	(void)state;
	from_tun(HOST_FAR, HOST_NEAR);
	assert_true(netns_wait(t.tap1, 500, netns_is_ip_to, HOST_NEAR));
	from_tun(HOST_FAR, "198.19.6.6");
	assert_false(netns_wait(t.tap0, 200, netns_is_ip_to, "198.19.6.6"));
}

/* R20: the errors of the kernel that would tell a peer that nobody listens. */
static void no_icmp_error_answers_ike_or_esp(void **state)
{
	static const uint8_t esp[16] = { 1, 2, 3, 4 };

	(void)state;
	set(ADDRESS_OWNED);
	send_udp(t.tap0, "eth0", "192.0.2.99", SERVICE, 501);
	assert_true(netns_wait(t.tap0, 500, netns_is_icmp_error, SERVICE));
	send_udp(t.tap0, "eth0", "192.0.2.99", SERVICE, 500);
	send_udp(t.tap0, "eth0", "192.0.2.99", SERVICE, 4500);
	netns_send_ip(t.tap0, "eth0", "192.0.2.99", SERVICE, 50, bytes(esp, sizeof(esp)));
	assert_false(netns_wait(t.tap0, 300, netns_is_icmp_error, SERVICE));
}

static void nobody_forwards_for_a_service_address(void **state)
{
	(void)state;
	set(ADDRESS_NONE);
	send_udp(t.tap1, "eth1", HOST_NEAR, SERVICE, 500);
	assert_false(netns_wait(t.tap0, 200, netns_is_arp_reply, SERVICE));
	assert_false(netns_wait(t.tap0, 200, netns_is_ip_to, SERVICE));
}

static void the_guard_file_is_the_table_and_ours_alone(void **state)
{
	struct text want = { 0 };
	struct stat st;
	char got[8192] = "";

	(void)state;
	plain_table_text(t.config, &want);
	FILE *f = fopen(t.guard, "r");
	assert_non_null(f);
	size_t len = fread(got, 1, sizeof(got) - 1, f);
	fclose(f);
	assert_int_equal(len, want.len);
	assert_string_equal(got, text_string(&want));
	assert_int_equal(stat(t.guard, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	text_free(&want);
	netns_run("nft -c -f %s", t.guard);
}

/* A node whose disk is full can start and reload: what is there already needs no room. */
/* The test's own. */
int fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (t.sync_fails) {
			errno = EIO;
			return -1;
		}
		t.synced_dirs++;
	}
	return (int)syscall(SYS_fsync, fd);
}

/* Its name too: behind a power cut the former table, or none, would protect other networks. */
static void the_guard_file_survives_a_power_cut(void **state)
{
	struct config *more = parse("sysopt connection tcpmss 1111\n");
	char why[200] = "";

	(void)state;
	t.synced_dirs = 0;
	assert_int_equal(plain_reload(t.plain, more, why), R_OK);
	assert_int_equal(t.synced_dirs, 1);
	t.sync_fails = true;
	assert_int_equal(plain_reload(t.plain, t.config, why), R_SYSTEM);
	assert_non_null(strstr(why, "guard.nft: Input/output error"));
	t.sync_fails = false;
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	the_guard_file_is_the_table_and_ours_alone(state);
	config_free(more);
}

static void a_guard_file_that_is_right_is_not_written_again(void **state)
{
	struct config *more = parse("sysopt connection tcpmss 1111\n");
	struct stat before, after;
	char why[200];

	(void)state;
	assert_int_equal(stat(t.guard, &before), 0);
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	assert_int_equal(stat(t.guard, &after), 0);
	assert_true(after.st_ino == before.st_ino);
	/* As long, or longer, or shorter: not the same. */
	assert_int_equal(plain_reload(t.plain, more, why), R_OK);
	assert_int_equal(stat(t.guard, &after), 0);
	assert_true(after.st_ino != before.st_ino);
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	the_guard_file_is_the_table_and_ours_alone(state);
	netns_run("printf x >>%s", t.guard);
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	the_guard_file_is_the_table_and_ours_alone(state);
	netns_run("truncate -s 100 %s", t.guard);
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	the_guard_file_is_the_table_and_ours_alone(state);
	config_free(more);
}

static enum plain_event watch(void)
{
	char why[200] = "";
	enum plain_event ev = plain_watch(t.plain, why);

	if (ev == PLAIN_LOST)
		fail_msg("%s", why);
	return ev;
}

static void our_own_reload_is_no_alarm(void **state)
{
	char why[200];

	(void)state;
	assert_int_equal(plain_reload(t.plain, t.config, why), R_OK);
	assert_int_equal(watch(), PLAIN_INTACT);
	netns_run("nft add table ip foreign");
	netns_run("nft delete table ip foreign");
	assert_int_equal(watch(), PLAIN_INTACT);
}

/* The guard file cannot take its name: the old configuration goes on, and so does its table. */
static void a_reload_that_fails_leaves_the_table_as_it_was(void **state)
{
	struct config *more = parse("sysopt connection tcpmss 1111\n");
	char why[200] = "";

	(void)state;
	netns_run("nft -s list table inet holdfast >%s/before", t.dir);
	netns_run("rm %s && mkdir %s", t.guard, t.guard);
	assert_int_equal(plain_reload(t.plain, more, why), R_SYSTEM);
	assert_non_null(strstr(why, "guard.nft"));
	netns_run("nft -s list table inet holdfast | diff %s/before -", t.dir);
	assert_int_equal(watch(), PLAIN_INTACT);
	netns_run("rm -r %s %s/before %s.new", t.guard, t.dir, t.guard);
	config_free(more);
}

static void a_foreign_change_is_undone(void **state)
{
	static const char *const changes[] = {
		"nft flush ruleset",
		"nft delete table inet holdfast",
		"nft flush chain inet holdfast leaving",
		"nft insert rule inet holdfast leaving accept",
		"nft add chain inet holdfast extra",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		netns_run("%s", changes[i]);
		if (watch() != PLAIN_RESTORED)
			fail_msg("%s: not noticed", changes[i]);
		assert_int_equal(watch(), PLAIN_INTACT);
	}
	protected_traffic_goes_into_the_tunnel_only(NULL);
}

static void the_window_after_a_flush_is_short(void **state)
{
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		usleep(50000);
		_exit(system("nft flush ruleset") != 0);
	}
	/* The window is at most from the event to the end of plain_watch(), plus the
	 * loop's way to it. */
	char why[200];
	uint64_t start = netns_now_us(), end = start;
	while (end - start < 5000000 && plain_watch(t.plain, why) != PLAIN_RESTORED) {
		start = netns_now_us();
		usleep(100);
		end = netns_now_us();
	}
	end = netns_now_us();
	waitpid(pid, NULL, 0);
	printf("figure: the table is back %.1f ms after a foreign flush\n",
	       (double)(end - start) / 1000);
	assert_in_range(end - start, 0, 1000000);
}

/* The last test: it takes the TUN away. */
static void without_the_tunnel_device_protected_traffic_stays(void **state)
{
	(void)state;
	close(t.tun);
	send_udp(t.tap1, "eth1", HOST_NEAR, HOST_FAR, 9);
	assert_false(netns_wait(t.tap0, 300, netns_is_ip_to, HOST_FAR));
	/* Nor when somebody takes the rule away: what is marked leaves by the TUN or not at all. */
	netns_run("ip rule del priority %u", HF_RULE_PRIORITY);
	send_udp(t.tap1, "eth1", HOST_NEAR, HOST_FAR, 9);
	assert_false(netns_wait(t.tap0, 300, netns_is_ip_to, HOST_FAR));
	/* The lab itself stops nothing. */
	netns_run("nft flush ruleset");
	send_udp(t.tap1, "eth1", HOST_NEAR, HOST_FAR, 9);
	assert_true(netns_wait(t.tap0, 500, netns_is_ip_to, HOST_FAR));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(protected_traffic_goes_into_the_tunnel_only),
		TEST(our_own_network_inside_is_not_behind_the_crypto_map),
		TEST(a_clear_packet_from_outside_is_dropped),
		TEST(many_entries_protect_what_few_do),
		TEST(a_decrypted_packet_reaches_the_inside_and_not_the_outside),
		TEST(no_icmp_error_answers_ike_or_esp),
		TEST(nobody_forwards_for_a_service_address),
		TEST(the_guard_file_is_the_table_and_ours_alone),
		TEST(a_guard_file_that_is_right_is_not_written_again),
		TEST(the_guard_file_survives_a_power_cut),
		TEST(our_own_reload_is_no_alarm),
		TEST(a_reload_that_fails_leaves_the_table_as_it_was),
		TEST(a_foreign_change_is_undone),
		TEST(the_window_after_a_flush_is_short),
		TEST(without_the_tunnel_device_protected_traffic_stays),
	};

	netns_require();
	return cmocka_run_group_tests(tests, build, unbuild);
}
