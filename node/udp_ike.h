/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The UDP 500 socket of a service address and sending on 500 and 4500
 * (RFC 7296 2, RFC 3948). What arrives on 4500 comes through the workers.
 */
#ifndef HF_NODE_UDP_IKE_H
#define HF_NODE_UDP_IKE_H

#include "base/inet.h"

#define UDP_IKE_MAX 65535

/* SO_MARK of our own IKE and ESP packets: the table of protected networks lets them pass. */
#define HF_MARK_OWN 0x48460002u

/* Bound to addr:port with IP_FREEBIND: a standby has the socket and not the address.
 * R_SYSTEM (errno). */
enum result udp_ike_open(const struct inet_addr *addr, uint16_t port, int *fd) WARN_UNUSED;
/* Next datagram, without blocking; false when none. */
bool udp_ike_receive(int fd, uint8_t *buf, size_t cap, size_t *len, struct inet_endpoint *remote);
/* marker: put the non-ESP marker in front (RFC 3948 2.2). R_SYSTEM is not fatal: IKE
 * retransmits. */
enum result udp_ike_send(int fd, const struct inet_endpoint *remote, bool marker,
			 struct bytes datagram) WARN_UNUSED;

#endif
