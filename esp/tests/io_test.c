/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker threads over real descriptors, in a network namespace of their own:
 *
 *	packet socket - hfa [TUN]  a  192.0.2.1:4500 == lo == 192.0.2.2:4500  b  [TUN] hfb - packet socket
 *	                                                                     c  [TUN] hfc - packet socket
 *
 * c, next and late are nodes that b hands over to. Skipped without the right to make a
 * namespace or a TUN device.
 */
#include "esp/relay.h"
#include "esp/tests/pair.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 3000
#define BURST   40

struct node {
	struct esp_datapath *dp;
	struct esp_worker *w;
	struct esp_worker_thread *thread;
	int tun, udp, raw, relay, wake;
	int inside; /* packet socket on the TUN device */
	unsigned int ifindex;
	uint16_t relay_port;
};

static struct pair keys;
static struct node a, b, c, next, late;

static void set_up(const char *name, uint32_t addr)
{
	const int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = { 0 };
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(addr) };
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", name);
	if (addr != 0) {
		memcpy(&r.ifr_addr, &sin, sizeof(sin));
		assert_int_equal(0, ioctl(s, SIOCSIFADDR, &r));
	}
	assert_int_equal(0, ioctl(s, SIOCGIFFLAGS, &r));
	r.ifr_flags |= IFF_UP;
	assert_int_equal(0, ioctl(s, SIOCSIFFLAGS, &r));
	close(s);
}

static int packet_socket(unsigned int ifindex)
{
	const int s = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_IP),
					.sll_ifindex = (int)ifindex };
	assert_true(s >= 0);
	assert_int_equal(0, bind(s, (const struct sockaddr *)&at, sizeof(at)));
	return s;
}

static int relay_socket(uint16_t port)
{
	int s = -1;
	const struct inet_endpoint at = outer(1, port);
	assert_int_equal(R_OK, esp_io_open_udp4500(&at, &s));
	return s;
}

/* outer_host 0: a node that nothing reaches from outside. */
static void node_open(struct node *n, const char *tun, uint32_t outer_host, uint8_t slot,
		      uint16_t relay_port)
{
	const struct esp_datapath_config cfg = { .slot = slot, .workers = 1, .hash_seed = { 9 } };
	const struct inet_endpoint local = outer(outer_host, 4500);
	*n = (struct node){ .udp = -1, .raw = -1, .relay_port = relay_port };
	assert_int_equal(R_OK, esp_io_open_tun(tun, 1, &n->tun));
	set_up(tun, 0);
	n->ifindex = if_nametoindex(tun);
	n->inside = packet_socket(n->ifindex);
	if (outer_host != 0) {
		assert_int_equal(R_OK, esp_io_open_udp4500(&local, &n->udp));
		assert_int_equal(R_OK, esp_io_open_raw(&local.addr, &n->raw));
	}
	n->relay = relay_socket(relay_port);
	n->wake = eventfd(0, EFD_NONBLOCK);
	n->dp = esp_datapath_new(&cfg);
	n->w = esp_worker_new(n->dp, 0);
	assert_non_null(n->w);
	const struct esp_io_config io = { .tun_fd = n->tun,
					  .udp_fd = n->udp,
					  .raw_fd = n->raw,
					  .relay_fd = n->relay,
					  .wake_fd = n->wake,
					  .cpu = -1 };
	n->thread = esp_worker_thread_start(n->w, &io);
	assert_non_null(n->thread);
}

static void node_close(struct node *n)
{
	esp_worker_thread_stop(n->thread);
	esp_worker_free(n->w);
	esp_datapath_free(n->dp);
	close(n->tun);
	close(n->inside);
	close(n->relay);
	close(n->wake);
	if (n->udp >= 0)
		close(n->udp);
	if (n->raw >= 0)
		close(n->raw);
}

static void node_policy(struct node *n, bool of_a)
{
	const struct esp_policy policy = pair_policy(of_a);
	assert_int_equal(R_OK, esp_spd_set(n->dp, &policy, 1));
}

static void node_activate(struct node *n, uint64_t term)
{
	esp_group_deadline(n->dp, 0, UINT64_MAX);
	esp_group_set(n->dp, 0, ESP_GROUP_ACTIVE, term);
}

static void node_child(struct node *n, bool of_a, bool udp_encap)
{
	struct esp_child_params p = child_params(&keys, of_a);
	p.udp_encap = udp_encap;
	assert_int_equal(R_OK, esp_child_install(n->dp, &p));
	assert_int_equal(R_OK, esp_child_use_outbound(n->dp, p.spi_in));
}

/* ---- inner traffic ---- */

static void inject(struct node *n, uint32_t from, uint32_t to, uint8_t mark)
{
	uint8_t packet[200];
	const struct sockaddr_ll at = { .sll_family = AF_PACKET,
					.sll_protocol = htons(ETH_P_IP),
					.sll_ifindex = (int)n->ifindex };
	write_udp(packet, sizeof(packet), from, to, mark);
	assert_int_equal(sizeof(packet), sendto(n->inside, packet, sizeof(packet), 0,
						(const struct sockaddr *)&at, sizeof(at)));
}

static void inject_to_b(uint8_t mark)
{
	inject(&a, PAIR_NET_A | 10, PAIR_NET_B | 20, mark);
}

/* The mark of the next packet that came out of the tunnel, -1 when none does in time. */
static int emerged(struct node *n, int wait_ms)
{
	struct pollfd fd = { .fd = n->inside, .events = POLLIN };
	uint8_t packet[2048];
	while (poll(&fd, 1, wait_ms) > 0) {
		struct sockaddr_ll from;
		socklen_t from_len = sizeof(from);
		const ssize_t len = recvfrom(n->inside, packet, sizeof(packet), 0,
					     (struct sockaddr *)&from, &from_len);
		if (len == 200 && from.sll_pkttype != PACKET_OUTGOING && packet[9] == 17)
			return packet[199];
	}
	return -1;
}

static bool becomes(uint64_t (*value)(void), uint64_t want)
{
	for (int i = 0; i < WAIT_MS; i++) {
		if (value() == want)
			return true;
		const struct timespec ms = { .tv_nsec = 1000000 };
		nanosleep(&ms, NULL);
	}
	return false;
}

static int start(void **state)
{
	(void)state;
	if (geteuid() != 0 || unshare(CLONE_NEWNET) != 0 ||
	    access("/dev/net/tun", R_OK | W_OK) != 0)
		return 0;
	set_up("lo", 0xc0000201);
	keys.t = gcm128_esn();
	keys.to_a = keys_for(&keys.t, 1);
	keys.to_b = keys_for(&keys.t, 2);
	node_open(&a, "hfa", 1, 1, 5001);
	node_open(&b, "hfb", 2, 2, 5002);
	node_policy(&a, true);
	node_policy(&b, false);
	node_activate(&a, 1);
	node_activate(&b, 1);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	if (a.thread == NULL)
		return 0;
	node_close(&a);
	node_close(&b);
	if (c.thread != NULL)
		node_close(&c);
	if (next.thread != NULL)
		node_close(&next);
	if (late.thread != NULL)
		node_close(&late);
	secret_wipe(&keys.to_a.encr);
	secret_wipe(&keys.to_b.encr);
	return 0;
}

#define NEED_NAMESPACE() \
	do { \
		if (a.thread == NULL) { \
			print_message("skip: needs root, a network namespace and /dev/net/tun\n"); \
			skip(); \
		} \
	} while (0)

static void packets_wait_for_the_first_sa_and_then_cross(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	struct esp_event ev = { 0 };
	struct pollfd woken = { .fd = a.wake, .events = POLLIN };
	for (uint8_t i = 0; i < 5; i++)
		inject_to_b(i);
	assert_int_equal(1, poll(&woken, 1, WAIT_MS));
	assert_true(esp_worker_event(a.w, &ev));
	assert_int_equal(ESP_EVENT_ACQUIRE, ev.kind);
	assert_int_equal(PAIR_TUNNEL, ev.tunnel);
	assert_int_equal(PAIR_NET_A | 10, inet_to_v4(&ev.packet_local.start));
	assert_int_equal(5000, ev.packet_remote.port_start);
	assert_int_equal(17, ev.packet_remote.protocol);
	node_child(&b, false, true);
	node_child(&a, true, true);
	for (uint8_t i = 0; i < 5; i++)
		assert_int_equal(i, emerged(&b, WAIT_MS));
}

static void both_directions_carry_traffic_over_udp(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	for (uint8_t i = 0; i < BURST; i++) {
		inject_to_b(i);
		inject(&b, PAIR_NET_B | 20, PAIR_NET_A | 10, (uint8_t)(100 + i));
	}
	for (uint8_t i = 0; i < BURST; i++) {
		assert_int_equal(i, emerged(&b, WAIT_MS));
		assert_int_equal(100 + i, emerged(&a, WAIT_MS));
	}
}

static void both_directions_carry_traffic_over_protocol_50(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	const struct inet_endpoint at_a = outer(1, 0), at_b = outer(2, 0);
	assert_int_equal(R_OK, esp_child_move(a.dp, PAIR_SPI_A, &at_a, &at_b, false));
	assert_int_equal(R_OK, esp_child_move(b.dp, PAIR_SPI_B, &at_b, &at_a, false));
	for (uint8_t i = 0; i < BURST; i++) {
		inject_to_b(i);
		inject(&b, PAIR_NET_B | 20, PAIR_NET_A | 10, (uint8_t)(100 + i));
	}
	for (uint8_t i = 0; i < BURST; i++) {
		assert_int_equal(i, emerged(&b, WAIT_MS));
		assert_int_equal(100 + i, emerged(&a, WAIT_MS));
	}
	const struct inet_endpoint udp_a = outer(1, 4500), udp_b = outer(2, 4500);
	assert_int_equal(R_OK, esp_child_move(a.dp, PAIR_SPI_A, &udp_a, &udp_b, true));
	assert_int_equal(R_OK, esp_child_move(b.dp, PAIR_SPI_B, &udp_b, &udp_a, true));
}

static uint64_t keepalives(void)
{
	return esp_datapath_verdicts(b.dp, ESP_V_KEEPALIVE, 1);
}

static uint64_t shorts(void)
{
	return esp_datapath_verdicts(b.dp, ESP_V_SHORT, 1);
}

static void set_loopback_mtu(int mtu)
{
	const int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq r = { .ifr_name = "lo", .ifr_mtu = mtu };
	assert_int_equal(0, ioctl(s, SIOCSIFMTU, &r));
	close(s);
}

/* A train of datagrams above the path's MTU cannot be; they go as fragments, each by itself. */
static void trains_that_the_path_refuses_go_one_by_one(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	set_loopback_mtu(200);
	for (uint8_t i = 0; i < BURST; i++)
		inject_to_b(i);
	for (uint8_t i = 0; i < BURST; i++)
		assert_int_equal(i, emerged(&b, WAIT_MS));
	set_loopback_mtu(65536);
	assert_int_equal(0, esp_datapath_verdicts(a.dp, ESP_V_SEND_FAILED, 0));
}

/* RFC 3948 2.2, 2.3 */
static void ike_and_keepalives_are_told_from_esp(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	const int s = socket(AF_INET, SOCK_DGRAM, 0);
	struct sockaddr_storage to;
	const struct inet_endpoint at = outer(2, 4500);
	const socklen_t to_len = inet_to_sockaddr(&at, &to);
	static const struct {
		uint8_t data[8];
		size_t len;
	} datagram[] = { { { 0xff }, 1 },
			 { { 1, 2, 3 }, 3 },
			 { { 0, 0, 0, 0, 'i', 'k', 'e' }, 7 } };
	const uint64_t alive = keepalives(), brief = shorts();
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(datagram[i].len, sendto(s, datagram[i].data, datagram[i].len, 0,
							 (const struct sockaddr *)&to, to_len));
	close(s);
	assert_true(becomes(keepalives, alive + 1));
	assert_true(becomes(shorts, brief + 1));
	struct esp_ike_datagram d;
	struct pollfd woken = { .fd = b.wake, .events = POLLIN };
	assert_int_equal(1, poll(&woken, 1, WAIT_MS));
	assert_true(esp_worker_thread_ike(b.thread, &d));
	assert_int_equal(3, d.len);
	assert_memory_equal("ike", d.data, 3);
	assert_true(inet_endpoint_equal(&at, &d.local));
	assert_false(esp_worker_thread_ike(b.thread, &d));
}

static void ready_leaves_packets_where_they_are(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	esp_group_set(b.dp, 0, ESP_GROUP_READY, 1);
	for (uint8_t i = 0; i < 20; i++)
		inject_to_b(i);
	assert_int_equal(-1, emerged(&b, 100));
	node_activate(&b, 2);
	for (uint8_t i = 0; i < 20; i++)
		assert_int_equal(i, emerged(&b, WAIT_MS));
}

static uint64_t sealed_by_b(void)
{
	return esp_datapath_verdicts(b.dp, ESP_V_OK, 0);
}

/* R19: at 10,000 a second a third of a second's worth; the kernel's own queue holds 500. */
static void what_comes_while_nobody_reads_fits_the_queue(void **state)
{
	enum { MANY = 3500 };
	(void)state;
	NEED_NAMESPACE();
	const uint64_t before = sealed_by_b();
	esp_group_set(b.dp, 0, ESP_GROUP_READY, 2);
	for (unsigned int i = 0; i < MANY; i++)
		inject(&b, PAIR_NET_B | 20, PAIR_NET_A | 10, 0xff);
	node_activate(&b, 2);
	assert_true(becomes(sealed_by_b, before + MANY));
	while (emerged(&a, 50) >= 0)
		;
}

static uint64_t opened_late(void)
{
	return esp_datapath_verdicts(late.dp, ESP_V_OK, 1);
}

static void send_to(int fd, const void *data, size_t len, const struct inet_endpoint *at)
{
	struct sockaddr_storage to;
	const socklen_t to_len = inet_to_sockaddr(at, &to);
	assert_int_equal(len, sendto(fd, data, len, 0, (const struct sockaddr *)&to, to_len));
}

/*
 * R19: the peer has learnt the new way before the old owner has relayed what came the old one.
 * However many those are, they go first: behind what comes directly they would be too old.
 */
static void stragglers_go_before_what_comes_directly(void **state)
{
	enum { STRAGGLERS = ESP_REPLAY_WINDOW_MIN + 500, DIRECT = 100 };
	const struct inet_endpoint relay_late = outer(1, 5004), nobody = { 0 };
	struct relay_link *link = NULL;
	uint8_t raw[32] = { 42 }, datagram[512];
	SECRET key = { 0 };
	struct pair p;
	struct frame f;
	size_t len;
	(void)state;
	NEED_NAMESPACE();
	assert_int_equal(R_OK, secret_set(&key, bytes(raw, sizeof(raw))));
	node_open(&late, "hfd", 3, 4, 5004);
	node_policy(&late, false);
	node_child(&late, false, true);
	assert_int_equal(R_OK, esp_relay_set(late.dp, 0, 1, &nobody, &key));
	assert_int_equal(R_OK, relay_link_new(0, 2, &relay_late, &key, &link));
	esp_group_set(late.dp, 0, ESP_GROUP_READY, 1);
	pair_open(&p, gcm128_esn());
	const int fd = socket(AF_INET, SOCK_DGRAM, 0);
	for (unsigned int i = 0; i < STRAGGLERS; i++) {
		packet_to_b(&p, &f, 100);
		const struct relay_message m = { .kind = RELAY_ESP,
						 .local = f.p.local,
						 .remote = f.p.remote,
						 .payload = bytes(frame_data(&f), f.p.len) };
		assert_int_equal(R_OK, relay_seal(link, &m, datagram, sizeof(datagram), &len));
		send_to(fd, datagram, len, &relay_late);
	}
	const struct inet_endpoint direct = outer(3, 4500);
	for (unsigned int i = 0; i < DIRECT; i++) {
		packet_to_b(&p, &f, 100);
		send_to(fd, frame_data(&f), f.p.len, &direct);
	}
	node_activate(&late, 2);
	const bool all = becomes(opened_late, STRAGGLERS + DIRECT);
	print_message("opened %llu of %u\n", (unsigned long long)opened_late(),
		      STRAGGLERS + DIRECT);
	assert_true(all);
	close(fd);
	relay_link_free(link);
	pair_close(&p);
}

static uint64_t acquired(void)
{
	return esp_datapath_verdicts(c.dp, ESP_V_OK, 0);
}

/* R19, all of it: b stops, hands its counters to c, and relays what still comes to it. */
static void handover_loses_nothing(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	SECRET key = { 0 };
	const struct inet_endpoint relay_b = outer(1, 5002), relay_c = outer(1, 5003);
	struct esp_child_counters at;
	uint8_t raw[32] = { 42 };
	assert_int_equal(R_OK, secret_set(&key, bytes(raw, sizeof(raw))));
	node_open(&c, "hfc", 0, 3, 5003);
	node_policy(&c, false);
	struct esp_child_params p = child_params(&keys, false);
	assert_int_equal(R_OK, esp_child_install(c.dp, &p));
	assert_int_equal(R_OK, esp_child_use_outbound(c.dp, p.spi_in));
	assert_int_equal(R_OK, esp_relay_set(b.dp, 0, 1, &relay_c, &key));
	assert_int_equal(R_OK, esp_relay_set(c.dp, 0, 1, &relay_b, &key));

	esp_group_set(c.dp, 0, ESP_GROUP_READY, 3);
	esp_group_set(b.dp, 0, ESP_GROUP_RELAY, 2);
	for (uint8_t i = 0; i < 20; i++) {
		inject_to_b(i);
		inject(&b, PAIR_NET_B | 20, PAIR_NET_A | 10, (uint8_t)(100 + i));
	}
	assert_int_equal(-1, emerged(&c, 50));
	assert_int_equal(R_OK, esp_child_take_counters(b.dp, PAIR_SPI_B, &at));
	at.lease_end = 0;
	assert_int_equal(R_OK, esp_child_resume(c.dp, PAIR_SPI_B, &at));
	node_activate(&c, 3);
	for (uint8_t i = 0; i < 20; i++)
		assert_int_equal(i, emerged(&c, WAIT_MS));
	assert_int_equal(-1, emerged(&b, 0));
	/* The clear ones were sealed by c under its own prefix; c has no outer socket here. */
	assert_true(becomes(acquired, 20));
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	const uint64_t now_ns = (uint64_t)now.tv_sec * PAIR_SECOND + (uint64_t)now.tv_nsec;
	assert_true(esp_relay_idle_ms(b.dp, 0, now_ns) < WAIT_MS);
	assert_true(esp_relay_idle_ms(b.dp, 0, now_ns + 5 * PAIR_SECOND) >= 5000);

	const struct esp_ike_datagram ike = {
		.local = outer(2, 4500), .remote = outer(1, 4500), .len = 5, .data = "hello"
	};
	struct esp_ike_datagram got;
	struct pollfd woken = { .fd = c.wake, .events = POLLIN };
	eventfd_t drained;
	(void)eventfd_read(c.wake, &drained);
	assert_int_equal(R_OK, esp_relay_ike(b.dp, 0, now_ns + 5 * PAIR_SECOND, b.relay, &ike));
	/* It was a straggler: the relay is not idle. */
	assert_int_equal(0, esp_relay_idle_ms(b.dp, 0, now_ns + 5 * PAIR_SECOND));
	assert_int_equal(1, poll(&woken, 1, WAIT_MS));
	assert_true(esp_worker_thread_ike(c.thread, &got));
	assert_int_equal(5, got.len);
	assert_memory_equal("hello", got.data, 5);
	assert_true(inet_endpoint_equal(&ike.remote, &got.remote));
}

static uint64_t boottime(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * PAIR_SECOND + (uint64_t)now.tv_nsec;
}

/* c hands over to the next one while b relays to c still: b's stragglers go on with c's. */
static void two_handovers_lose_nothing(void **state)
{
	(void)state;
	NEED_NAMESPACE();
	SECRET key = { 0 };
	const struct inet_endpoint relay_next = outer(1, 5005), nobody = { 0 };
	struct esp_child_counters at;
	uint8_t raw[32] = { 43 };
	assert_int_equal(R_OK, secret_set(&key, bytes(raw, sizeof(raw))));
	node_open(&next, "hfe", 0, 5, 5005);
	node_policy(&next, false);
	struct esp_child_params p = child_params(&keys, false);
	assert_int_equal(R_OK, esp_child_install(next.dp, &p));
	assert_int_equal(R_OK, esp_child_use_outbound(next.dp, p.spi_in));
	assert_int_equal(R_OK, esp_relay_set(next.dp, 0, boottime(), &nobody, &key));
	esp_group_set(next.dp, 0, ESP_GROUP_READY, 4);
	assert_int_equal(R_OK, esp_relay_set(c.dp, 0, boottime(), &relay_next, &key));
	esp_group_set(c.dp, 0, ESP_GROUP_RELAY, 3);
	for (uint8_t i = 0; i < 20; i++)
		inject_to_b(i);
	assert_int_equal(-1, emerged(&next, 50));
	assert_int_equal(R_OK, esp_child_take_counters(c.dp, PAIR_SPI_B, &at));
	at.lease_end = 0;
	assert_int_equal(R_OK, esp_child_resume(next.dp, PAIR_SPI_B, &at));
	node_activate(&next, 4);
	for (uint8_t i = 0; i < 20; i++)
		assert_int_equal(i, emerged(&next, WAIT_MS));
	assert_int_equal(-1, emerged(&c, 0));
	assert_true(esp_relay_idle_ms(c.dp, 0, boottime()) < WAIT_MS);
}

/* A device has 256 queues: what was opened before is closed, and not left to be closed twice. */
static void queues_that_cannot_be_had_leave_nothing_open(void **state)
{
	(void)state;
	enum { MANY = 300 };
	int fds[MANY];
	NEED_NAMESPACE();
	memset(fds, 0xff, sizeof(fds));
	assert_int_equal(R_SYSTEM, esp_io_open_tun("hfmany", MANY, fds));
	for (int i = 0; i < MANY; i++)
		assert_int_equal(-1, fds[i]);
	assert_int_equal(0, if_nametoindex("hfmany"));
}

static void bad_names_and_addresses_are_refused(void **state)
{
	(void)state;
	int fd = -1;
	const struct inet_endpoint none = { 0 };
	assert_int_equal(R_VALUE, esp_io_open_tun("name-of-16-chars", 1, &fd));
	assert_int_equal(R_VALUE, esp_io_open_udp4500(&none, &fd));
	assert_int_equal(R_UNSUPPORTED, esp_io_open_raw(&none.addr, &fd));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packets_wait_for_the_first_sa_and_then_cross),
		cmocka_unit_test(both_directions_carry_traffic_over_udp),
		cmocka_unit_test(both_directions_carry_traffic_over_protocol_50),
		cmocka_unit_test(trains_that_the_path_refuses_go_one_by_one),
		cmocka_unit_test(ike_and_keepalives_are_told_from_esp),
		cmocka_unit_test(ready_leaves_packets_where_they_are),
		cmocka_unit_test(what_comes_while_nobody_reads_fits_the_queue),
		cmocka_unit_test(stragglers_go_before_what_comes_directly),
		cmocka_unit_test(handover_loses_nothing),
		cmocka_unit_test(two_handovers_lose_nothing),
		cmocka_unit_test(queues_that_cannot_be_had_leave_nothing_open),
		cmocka_unit_test(bad_names_and_addresses_are_refused),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
