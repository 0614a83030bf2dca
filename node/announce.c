/* SPDX-License-Identifier: Apache-2.0 */
/* Frames and the packet socket of announcements (announce.h). */
#include "node/announce.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum {
	ARP_HARDWARE_ETHERNET = 1,
	ICMP6_NEXT_HEADER = 58,
	ND_NEIGHBOR_ADVERTISEMENT_TYPE = 136,
	ND_OPTION_TARGET_LINK = 2,
	NA_ROUTER = 0x80,
	NA_OVERRIDE = 0x20,
};

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
static const uint8_t all_nodes[16] = { 0xff, 0x02, [15] = 1 };

static bool hardware_address(int fd, const char *device, uint8_t mac[6], int *index)
{
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, device, IFNAMSIZ - 1);
	if (ioctl(fd, SIOCGIFINDEX, &ifr) != 0)
		return false;
	*index = ifr.ifr_ifindex;
	if (ioctl(fd, SIOCGIFHWADDR, &ifr) != 0 ||
	    ifr.ifr_hwaddr.sa_family != ARP_HARDWARE_ETHERNET)
		return false;
	memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
	return true;
}

static void put_ethernet(struct wire_writer *w, const uint8_t to[6], const uint8_t from[6],
			 uint16_t type)
{
	wire_put(w, bytes(to, 6));
	wire_put(w, bytes(from, 6));
	wire_put_u16(w, type);
}

void announce_arp_frame(struct wire_writer *w, const uint8_t mac[6], const struct inet_addr *addr,
			enum announce_arp operation)
{
	put_ethernet(w, broadcast, mac, ETHERTYPE_ARP);
	wire_put_u16(w, ARP_HARDWARE_ETHERNET);
	wire_put_u16(w, ETHERTYPE_IP);
	wire_put_u8(w, 6);
	wire_put_u8(w, 4);
	wire_put_u16(w, (uint16_t)operation);
	wire_put(w, bytes(mac, 6));
	wire_put(w, bytes(addr->a, 4));
	wire_put(w, bytes(broadcast, 6));
	wire_put(w, bytes(addr->a, 4));
}

static uint16_t checksum(struct bytes b, uint32_t sum)
{
	for (size_t i = 0; i + 1 < b.len; i += 2)
		sum += (uint32_t)b.p[i] << 8 | b.p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

void announce_na_frame(struct wire_writer *w, const uint8_t mac[6], const struct inet_addr *addr)
{
	put_ethernet(w, all_nodes_mac, mac, ETHERTYPE_IPV6);
	wire_put_u32(w, 0x60000000);
	wire_put_u16(w, 32);
	wire_put_u8(w, ICMP6_NEXT_HEADER);
	wire_put_u8(w, 255);
	size_t pseudo = w->len;
	wire_put(w, bytes(addr->a, 16));
	wire_put(w, bytes(all_nodes, 16));
	wire_put_u8(w, ND_NEIGHBOR_ADVERTISEMENT_TYPE);
	wire_put_u8(w, 0);
	struct wire_mark sum = wire_hole_u16(w);
	wire_put_u8(w, NA_ROUTER | NA_OVERRIDE);
	wire_put_zero(w, 3);
	wire_put(w, bytes(addr->a, 16));
	wire_put_u8(w, ND_OPTION_TARGET_LINK);
	wire_put_u8(w, 1);
	wire_put(w, bytes(mac, 6));
	/* RFC 8200 8.1: addresses, length and next header are summed as well. */
	wire_set_u16(w, sum,
		     checksum(bytes(w->base + pseudo, w->len - pseudo), 32 + ICMP6_NEXT_HEADER));
}

static enum result send_frame(int fd, int index, const struct wire_writer *w)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = index, .sll_halen = 6 };

	if (wire_finish(w) != R_OK)
		return R_TOO_LONG;
	memcpy(to.sll_addr, w->base, 6);
	/* A link that takes nothing must not hold control up; the announcement is repeated. */
	return sendto(fd, w->base, w->len, MSG_DONTWAIT, (struct sockaddr *)&to, sizeof(to)) >= 0
		       ? R_OK
		       : R_SYSTEM;
}

enum result announce_open(int *fd)
{
	/* Protocol 0: it sends and never receives. */
	*fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	return *fd >= 0 ? R_OK : R_SYSTEM;
}

enum result announce_address(int fd, const char *device, const struct inet_addr *addr)
{
	uint8_t mac[6], frame[ANNOUNCE_FRAME_MAX];
	int index;

	if (!hardware_address(fd, device, mac, &index))
		return R_NOT_FOUND;
	struct wire_writer w = wire_writer(frame, sizeof(frame));
	if (addr->family == INET_V6) {
		announce_na_frame(&w, mac, addr);
		return send_frame(fd, index, &w);
	}
	announce_arp_frame(&w, mac, addr, ANNOUNCE_ARP_REQUEST);
	enum result res = send_frame(fd, index, &w);
	if (res != R_OK)
		return res;
	w = wire_writer(frame, sizeof(frame));
	announce_arp_frame(&w, mac, addr, ANNOUNCE_ARP_REPLY);
	return send_frame(fd, index, &w);
}
