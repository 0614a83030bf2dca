/* SPDX-License-Identifier: Apache-2.0 */
/* Two namespaces, commands and frames between them (netns.h). */
#include "node/tests/netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "base/wire_writer.h"

enum { SKIPPED = 77, FRAME_MAX = 2048 };

static int here = -1, there = -1;

void netns_require(void)
{
	if (geteuid() == 0 && unshare(CLONE_NEWNET) == 0)
		return;
	printf("skip: network namespaces: %s\n", geteuid() ? "not root" : strerror(errno));
	exit(SKIPPED);
}

static int this_namespace(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	must(fd >= 0);
	return fd;
}

static void run(const char *fmt, va_list ap)
{
	char line[512];

	vsnprintf(line, sizeof(line), fmt, ap);
	if (system(line) == 0)
		return;
	printf("failed: %s\n", line);
	exit(1);
}

void netns_run(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	run(fmt, ap);
	va_end(ap);
}

void netns_run_there(const char *fmt, ...)
{
	va_list ap;

	must(setns(there, CLONE_NEWNET) == 0);
	va_start(ap, fmt);
	run(fmt, ap);
	va_end(ap);
	must(setns(here, CLONE_NEWNET) == 0);
}

void netns_build(void)
{
	here = this_namespace();
	must(unshare(CLONE_NEWNET) == 0);
	there = this_namespace();
	must(setns(here, CLONE_NEWNET) == 0);
	netns_run("ip link set lo up");
	for (int i = 0; i < 2; i++)
		netns_run("ip link add eth%d type veth peer name w%d netns /proc/%d/fd/%d", i, i,
			  (int)getpid(), there);
	netns_run("ip addr add 192.0.2.11/24 dev eth0; ip link set eth0 up");
	netns_run("ip addr add 198.18.1.11/24 dev eth1; ip link set eth1 up");
	netns_run_there("ip link set lo up; ip addr add 192.0.2.99/24 dev w0; ip link set w0 up");
	netns_run_there("ip addr add 198.18.1.99/24 dev w1; ip link set w1 up");
}

int netns_tap(const char *device)
{
	must(setns(there, CLONE_NEWNET) == 0);
	struct sockaddr_ll sll = { .sll_family = AF_PACKET,
				   .sll_protocol = htons(ETH_P_ALL),
				   .sll_ifindex = (int)if_nametoindex(device) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	must(fd >= 0 && bind(fd, (struct sockaddr *)&sll, sizeof(sll)) == 0);
	must(setns(here, CLONE_NEWNET) == 0);
	return fd;
}

void netns_mac(const char *device, uint8_t mac[6])
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	strncpy(ifr.ifr_name, device, IFNAMSIZ - 1);
	must(fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &ifr) == 0);
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	close(fd);
}

static struct inet_addr address(const char *text)
{
	struct inet_addr a;

	must(inet_parse(text, &a) == R_OK);
	return a;
}

static void put_addr(struct wire_writer *w, const char *text)
{
	const struct inet_addr a = address(text);
	wire_put(w, bytes(a.a, 4));
}

void netns_send_ip(int tap, const char *to_device, const char *src, const char *dst,
		   uint8_t protocol, struct bytes payload)
{
	static const uint8_t from[6] = { 2, 0, 0, 0, 0, 99 };
	uint8_t frame[FRAME_MAX], to[6];
	struct wire_writer w = wire_writer(frame, sizeof(frame));
	uint32_t sum = 0;

	netns_mac(to_device, to);
	wire_put(&w, bytes(to, 6));
	wire_put(&w, bytes(from, 6));
	wire_put_u16(&w, ETHERTYPE_IP);
	wire_put_u16(&w, 0x4500);
	wire_put_u16(&w, (uint16_t)(20 + payload.len));
	wire_put_u32(&w, 0);
	wire_put_u8(&w, 64);
	wire_put_u8(&w, protocol);
	struct wire_mark check = wire_hole_u16(&w);
	put_addr(&w, src);
	put_addr(&w, dst);
	for (size_t i = 14; i < w.len; i += 2)
		sum += (uint32_t)frame[i] << 8 | frame[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	wire_set_u16(&w, check, (uint16_t)~sum);
	wire_put(&w, payload);
	must(wire_finish(&w) == R_OK && write(tap, frame, w.len) == (ssize_t)w.len);
}

uint64_t netns_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

bool netns_wait(int tap, unsigned int ms, bool (*matches)(struct bytes frame, const void *arg),
		const void *arg)
{
	static uint8_t frame[FRAME_MAX];
	const uint64_t end = netns_now_us() + ms * 1000u;
	uint64_t now;

	while ((now = netns_now_us()) < end) {
		struct pollfd p = { .fd = tap, .events = POLLIN };
		if (poll(&p, 1, (int)((end - now + 999) / 1000)) <= 0)
			continue;
		struct sockaddr_ll from;
		socklen_t len = sizeof(from);
		ssize_t got = recvfrom(tap, frame, sizeof(frame), 0, (struct sockaddr *)&from,
				       &len);
		if (got > 0 && from.sll_pkttype != PACKET_OUTGOING &&
		    matches(bytes(frame, (size_t)got), arg))
			return true;
	}
	return false;
}

static unsigned int u16(struct bytes f, size_t at)
{
	return at + 2 <= f.len ? (unsigned int)f.p[at] << 8 | f.p[at + 1] : 0;
}

static bool has_addr(struct bytes f, size_t at, const char *text)
{
	const struct inet_addr a = address(text);
	return at + 4 <= f.len && memcmp(f.p + at, a.a, 4) == 0;
}

bool netns_is_arp_reply(struct bytes f, const void *arg)
{
	return u16(f, 12) == ETHERTYPE_ARP && u16(f, 20) == 2 && has_addr(f, 28, arg);
}

bool netns_is_ip_to(struct bytes f, const void *arg)
{
	return u16(f, 12) == ETHERTYPE_IP && has_addr(f, 30, arg);
}

bool netns_is_icmp_error(struct bytes f, const void *arg)
{
	return u16(f, 12) == ETHERTYPE_IP && f.len > 34 && f.p[23] == 1 && f.p[34] == 3 &&
	       has_addr(f, 26, arg);
}

unsigned int netns_arp(int tap, const char *device, const char *target, unsigned int ms)
{
	uint8_t frame[64], mac[6];
	struct wire_writer w = wire_writer(frame, sizeof(frame));
	unsigned int answers = 0;

	must(setns(there, CLONE_NEWNET) == 0);
	netns_mac(device, mac);
	must(setns(here, CLONE_NEWNET) == 0);
	memset(frame, 0xff, 6);
	w.len = 6;
	wire_put(&w, bytes(mac, 6));
	wire_put_u16(&w, ETHERTYPE_ARP);
	wire_put_u64(&w, 0x0001080006040001);
	wire_put(&w, bytes(mac, 6));
	put_addr(&w, "192.0.2.99");
	wire_put_zero(&w, 6);
	put_addr(&w, target);
	must(write(tap, frame, w.len) == (ssize_t)w.len);
	const uint64_t end = netns_now_us() + ms * 1000u;
	for (uint64_t now; (now = netns_now_us()) < end;)
		answers += netns_wait(tap, (unsigned int)((end - now + 999) / 1000),
				      netns_is_arp_reply, target);
	return answers;
}
