/* SPDX-License-Identifier: Apache-2.0 */
/* Tell a link who has an address now: gratuitous ARP (RFC 5227 3), unsolicited NA (RFC 4861 7.2.6). */
#ifndef HF_NODE_ANNOUNCE_H
#define HF_NODE_ANNOUNCE_H

#include "base/inet.h"

/*
 * The socket is opened once and kept: closing a packet socket waits for a
 * grace period of the kernel, 10 ms in which control would stand still.
 */
enum result announce_open(int *fd) WARN_UNUSED;
/* One announcement on device. R_NOT_FOUND: no such device or it has no Ethernet address; R_SYSTEM. */
enum result announce_address(int fd, const char *device, const struct inet_addr *addr) WARN_UNUSED;

#endif
