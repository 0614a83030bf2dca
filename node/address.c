/* SPDX-License-Identifier: Apache-2.0 */
/* Service addresses, rule, table and routes (address.h). */
#include "node/address.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/announce.h"
#include "node/netlink.h"

#define TUN_MTU 1400u                   /* room for UDP, ESP and an outer header below 1500 */
#define ROUTE_METRIC 18502u             /* behind whatever the host has of its own */
#define UNREACHABLE_METRIC UINT32_MAX   /* behind the route into the TUN */

struct address {
	struct address_config cfg;
	struct netlink *netlink;
	int announce_fd;
	enum address_state state;
};

static enum result write_sysctl(const char *device, const char *name, const char *value)
{
	char path[160];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", device, name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return R_SYSTEM;
	enum result res = write(fd, value, strlen(value)) > 0 ? R_OK : R_SYSTEM;
	close(fd);
	return res;
}

/*
 * arp_ignore 3: no answer for addresses of scope host (R19's relay).
 * rp_filter off on the TUN: what comes out of it has its own route elsewhere.
 */
static enum result set_sysctls(const struct address *a, char why[200])
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (ifc->address.family != INET_V4)
			continue;
		if (write_sysctl(ifc->name, "arp_ignore", "3") != R_OK) {
			snprintf(why, 200, "arp_ignore of interface %.64s: %s", ifc->name, strerror(errno));
			return R_SYSTEM;
		}
	}
	if (write_sysctl(a->cfg.tun, "rp_filter", "0") == R_OK)
		return R_OK;
	snprintf(why, 200, "rp_filter of %.32s: %s", a->cfg.tun, strerror(errno));
	return R_SYSTEM;
}

static struct inet_prefix host_prefix(const struct inet_addr *addr)
{
	return (struct inet_prefix){ .addr = *addr, .len = (uint8_t)(inet_len(addr) * 8) };
}

/* Where the host has no address in the subnet, the subnet is still reached through the device. */
static enum result connected_route(struct address *a, const struct config_interface *ifc)
{
	struct inet_prefix net = { .addr = ifc->address, .len = ifc->prefix_len };
	struct inet_addr first, last;

	inet_prefix_range(&net, &first, &last);
	net.addr = first;
	struct netlink_route r = { .destination = net, .device = ifc->name, .metric = ROUTE_METRIC };
	return netlink_route_set(a->netlink, &r);
}

static const char *device_of(const struct config *cfg, const char *nameif)
{
	const struct config_interface *ifc = config_interface_by_nameif(cfg, nameif);
	return ifc ? ifc->name : NULL;
}

static enum result configured_routes(struct address *a, char why[200])
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_routes; i++) {
		const struct config_route *c = &cfg->routes[i];
		struct netlink_route r = { .destination = c->destination, .gateway = c->gateway,
					   .device = device_of(cfg, c->nameif), .metric = c->metric };
		char text[INET_TEXT_MAX];
		if (r.device && netlink_route_set(a->netlink, &r) == R_OK)
			continue;
		snprintf(why, 200, "route %.32s %s: %s", c->nameif, inet_prefix_text(&c->destination, text),
			 r.device ? strerror(errno) : "no such nameif");
		return R_SYSTEM;
	}
	return R_OK;
}

/* Marked packets go into the TUN, and nowhere else when it is gone: fail closed. */
static enum result protect_table(struct address *a)
{
	const struct netlink_route into_tun = { .destination = { .addr = { .family = INET_V4 } },
						.device = a->cfg.tun, .table = HF_ROUTE_TABLE };
	const struct netlink_route nowhere = { .destination = { .addr = { .family = INET_V4 } },
					       .table = HF_ROUTE_TABLE, .metric = UNREACHABLE_METRIC };
	enum result res = netlink_route_set(a->netlink, &nowhere);

	if (res == R_OK)
		res = netlink_rule_add(a->netlink, INET_V4, HF_MARK_PROTECT, HF_ROUTE_TABLE, HF_RULE_PRIORITY);
	if (res == R_OK)
		res = netlink_route_set(a->netlink, &into_tun);
	return res;
}

static enum result interfaces_up(struct address *a, char why[200])
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (ifc->address.family == INET_NONE || ifc->shutdown)
			continue;
		if (connected_route(a, ifc) == R_OK)
			continue;
		snprintf(why, 200, "interface %.64s: %s", ifc->name, strerror(errno));
		return R_SYSTEM;
	}
	return R_OK;
}

enum result address_open(const struct address_config *cfg, struct address **out, char why[200])
{
	struct address *a = calloc(1, sizeof(*a));

	*out = NULL;
	if (!a)
		return R_NO_MEMORY;
	a->cfg = *cfg;
	a->announce_fd = -1;
	snprintf(why, 200, "rtnetlink and packet sockets");
	enum result res = netlink_open(&a->netlink);
	if (res == R_OK)
		res = announce_open(&a->announce_fd);
	if (res == R_OK) {
		snprintf(why, 200, "TUN devices, routing table %u", HF_ROUTE_TABLE);
		res = netlink_link_up(a->netlink, cfg->tun, TUN_MTU);
	}
	if (res == R_OK)
		res = netlink_link_up(a->netlink, cfg->owned_tun, TUN_MTU);
	if (res == R_OK)
		res = netlink_link_up(a->netlink, cfg->relay_tun, TUN_MTU);
	if (res == R_OK)
		res = protect_table(a);
	if (res == R_OK)
		res = interfaces_up(a, why);
	if (res == R_OK)
		res = set_sysctls(a, why);
	if (res == R_OK)
		res = configured_routes(a, why);
	if (res != R_OK) {
		address_close(a);
		return res;
	}
	*out = a;
	return R_OK;
}

void address_close(struct address *a)
{
	if (!a)
		return;
	netlink_close(a->netlink);
	if (a->announce_fd >= 0)
		close(a->announce_fd);
	free(a);
}

/* Add before delete: at no moment is an address that we go on serving away. */
static enum result set_one(struct address *a, const struct inet_addr *addr, bool owned, bool relayed)
{
	const struct inet_prefix p = host_prefix(addr);
	enum result res = R_OK;

	if (addr->family == INET_NONE)
		return R_OK;
	if (relayed)
		res = netlink_address_add(a->netlink, a->cfg.relay_tun, &p, true);
	if (res == R_OK && owned)
		res = netlink_address_add(a->netlink, a->cfg.owned_tun, &p, false);
	if (res == R_OK && !owned)
		res = netlink_address_del(a->netlink, a->cfg.owned_tun, &p);
	if (res == R_OK && !relayed)
		res = netlink_address_del(a->netlink, a->cfg.relay_tun, &p);
	return res;
}

enum result address_set(struct address *a, enum address_state state)
{
	const struct config *cfg = a->cfg.config;
	enum result worst = R_OK;

	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (ifc->shutdown)
			continue;
		enum result res = set_one(a, &ifc->address, state == ADDRESS_OWNED, state == ADDRESS_RELAYED);
		if (res == R_OK)
			res = set_one(a, &ifc->standby, state != ADDRESS_OWNED, false);
		if (res != R_OK)
			worst = res;
	}
	a->state = state;
	return worst;
}

void address_announce(const struct address *a)
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_interfaces && a->state == ADDRESS_OWNED; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (ifc->address.family == INET_NONE || ifc->shutdown)
			continue;
		/* Lost like any frame: it is repeated, and a host that missed all asks by itself. */
		(void)!announce_address(a->announce_fd, ifc->name, &ifc->address);
	}
}
