/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A gateway and somebody who looks at it, for the tests that need a kernel:
 *
 *     this namespace            eth0 192.0.2.11/24 ---- w0 192.0.2.99/24            the other
 *                               eth1 198.18.1.11/24 --- w1 198.18.1.99/24           namespace
 *
 * Everything ends with the process.
 */
#ifndef HF_NODE_TESTS_NETNS_H
#define HF_NODE_TESTS_NETNS_H

#include "base/inet.h"

/* Ends the process as skipped, with the reason, where namespaces cannot be made. */
void netns_require(void);
/* Both namespaces as drawn; the calling thread is in the first one. */
void netns_build(void);
/* Runs a command of the shell; the test fails with it. */
void netns_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same in the other namespace. */
void netns_run_there(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A raw socket of the other namespace that sees every frame on device there. */
int netns_tap(const char *device);
/* Hardware address of a device of this namespace. */
void netns_mac(const char *device, uint8_t mac[6]);
/* IPv4 from src to dst, protocol and payload given, through a tap's link to a device
 * of this namespace. */
void netns_send_ip(int tap, const char *to_device, const char *src, const char *dst,
		   uint8_t protocol, struct bytes payload);
/* The next frame within ms that matches; false when none came. frame borrows a static buffer. */
bool netns_wait(int tap, unsigned int ms, bool (*matches)(struct bytes frame, const void *arg),
		const void *arg);
/* Matches the ones that arrive for netns_wait: an ARP reply for, and an IPv4 packet from, the
 * address arg (text). */
bool netns_is_arp_reply(struct bytes frame, const void *arg);
bool netns_is_ip_to(struct bytes frame, const void *arg);
bool netns_is_icmp_error(struct bytes frame, const void *arg);
/* ARP: who has the address? Number of answers within ms. */
unsigned int netns_arp(int tap, const char *device, const char *target, unsigned int ms);
uint64_t netns_now_us(void);

#endif
