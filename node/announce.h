/* SPDX-License-Identifier: Apache-2.0 */
/* Tell a link who has an address now: gratuitous ARP (RFC 5227 3), unsolicited NA (RFC 4861
 * 7.2.6). */
#ifndef HF_NODE_ANNOUNCE_H
#define HF_NODE_ANNOUNCE_H

#include "base/inet.h"
#include "base/wire_writer.h"

/* Room for either frame. */
#define ANNOUNCE_FRAME_MAX 128

enum announce_arp { ANNOUNCE_ARP_REQUEST = 1, ANNOUNCE_ARP_REPLY = 2 };

/*
 * RFC 5227 3: sender and target are both the announced IPv4 address; as a
 * reply it also reaches hosts that ignore such requests.
 */
void announce_arp_frame(struct wire_writer *w, const uint8_t mac[6], const struct inet_addr *addr,
			enum announce_arp operation);
/* RFC 4861 7.2.6: to all nodes, with Override, and Router since a concentrator forwards. */
void announce_na_frame(struct wire_writer *w, const uint8_t mac[6], const struct inet_addr *addr);

/*
 * The socket is opened once and kept: closing a packet socket waits for a
 * grace period of the kernel, 10 ms in which control would stand still.
 */
enum result announce_open(int *fd) WARN_UNUSED;
/* One announcement on device. R_NOT_FOUND: no such device or it has no Ethernet address;
 * R_SYSTEM. */
enum result announce_address(int fd, const char *device, const struct inet_addr *addr) WARN_UNUSED;

#endif
