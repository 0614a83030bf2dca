/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to rtnetlink, one at a time, each answered before the call returns. */
#ifndef HF_NODE_NETLINK_H
#define HF_NODE_NETLINK_H

#include "base/inet.h"

struct netlink;

enum result netlink_open(struct netlink **out) WARN_UNUSED;
void netlink_close(struct netlink *n);
/* R_NOT_FOUND, R_SYSTEM (errno). */
enum result netlink_link_up(struct netlink *n, const char *device, unsigned int mtu) WARN_UNUSED;
/* host: scope host, else global. An address that is there already is R_OK. */
enum result netlink_address_add(struct netlink *n, const char *device, const struct inet_prefix *p,
				bool host) WARN_UNUSED;
/* An address that is not there is R_OK. */
enum result netlink_address_del(struct netlink *n, const char *device,
				const struct inet_prefix *p) WARN_UNUSED;

struct netlink_route {
	struct inet_prefix destination;
	struct inet_addr gateway; /* INET_NONE: on link */
	struct inet_addr source;  /* preferred; INET_NONE: the kernel's choice */
	const char *device;       /* NULL: unreachable */
	uint32_t table;           /* 0: main */
	uint32_t metric;
};
/* Replaces a route of the same destination, table and metric. */
enum result netlink_route_set(struct netlink *n, const struct netlink_route *r) WARN_UNUSED;
/* A route that is not there is R_OK. */
enum result netlink_route_del(struct netlink *n, const struct netlink_route *r) WARN_UNUSED;
/* family's packets with fwmark look into table; a rule that is there already is R_OK. */
enum result netlink_rule_add(struct netlink *n, uint8_t family, uint32_t mark, uint32_t table,
			     uint32_t priority) WARN_UNUSED;

#endif
