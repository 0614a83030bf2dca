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

#define TUN_MTU            1400u      /* room for UDP, ESP and an outer header below 1500 */
#define ROUTE_METRIC       18502u     /* behind whatever the host has of its own */
#define UNREACHABLE_METRIC UINT32_MAX /* behind the route into the TUN */

struct address {
	struct address_config cfg;
	struct netlink *netlink;
	int announce_fd;
	enum address_state state;
};

const char *address_device(uint8_t group, enum address_device which, char out[ADDRESS_DEVICE_MAX])
{
	snprintf(out, ADDRESS_DEVICE_MAX, "hf%u", 3u * (group - 1u) + which);
	return out;
}

static bool is_ours(const struct address *a, const struct config_interface *ifc)
{
	return ifc->failover_group == a->cfg.group && !ifc->shutdown;
}

static uint32_t route_table(const struct address *a)
{
	return HF_ROUTE_TABLE + a->cfg.group - 1u;
}

static int open_sysctl(const char *device, const char *name, int flags)
{
	char path[160];

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/%s", device, name);
	return open(path, flags | O_CLOEXEC);
}

static enum result write_sysctl(const char *device, const char *name, const char *value)
{
	int fd = open_sysctl(device, name, O_WRONLY);

	if (fd < 0)
		return R_SYSTEM;
	enum result res = write(fd, value, strlen(value)) > 0 ? R_OK : R_SYSTEM;
	close(fd);
	return res;
}

/* What comes out of the TUN has its route elsewhere. The kernel takes the greater of "all" and the
 * device: 2 beats 1. */
static const char *loosest_rp_filter(void)
{
	char all = '0';
	int fd = open_sysctl("all", "rp_filter", O_RDONLY);

	if (fd >= 0) {
		(void)!read(fd, &all, 1);
		close(fd);
	}
	return all == '0' ? "0" : "2";
}

static enum result set_sysctl(const char *device, const char *name, const char *value,
			      char why[200])
{
	if (write_sysctl(device, name, value) == R_OK)
		return R_OK;
	snprintf(why, 200, "%.32s of %.64s: %s", name, device, strerror(errno));
	return R_SYSTEM;
}

/*
 * arp_ignore 3: no answer for addresses of scope host (R19's relay). Only
 * what the configuration names forwards, not the machine's other interfaces.
 */
static enum result set_sysctls(const struct address *a, char why[200])
{
	const struct config *cfg = a->cfg.config;
	enum result res = set_sysctl(a->cfg.tun, "rp_filter", loosest_rp_filter(), why);

	if (res == R_OK)
		res = set_sysctl(a->cfg.tun, "forwarding", "1", why);
	for (size_t i = 0; i < cfg->n_interfaces && res == R_OK; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (ifc->address.family != INET_V4 || !is_ours(a, ifc))
			continue;
		res = set_sysctl(ifc->name, "arp_ignore", "3", why);
		if (res == R_OK)
			res = set_sysctl(ifc->name, "forwarding", "1", why);
	}
	return res;
}

static struct inet_prefix host_prefix(const struct inet_addr *addr)
{
	return (struct inet_prefix){ .addr = *addr, .len = (uint8_t)(inet_len(addr) * 8) };
}

/* Where the host has no address in the subnet, the subnet is still reached through the device. */
static struct netlink_route connected_route(const struct config_interface *ifc)
{
	const struct inet_prefix net = { .addr = ifc->address, .len = ifc->prefix_len };
	struct netlink_route r = { .destination = net,
				   .device = ifc->name,
				   .metric = ROUTE_METRIC };
	struct inet_addr last;

	inet_prefix_range(&net, &r.destination.addr, &last);
	return r;
}

/* A route is the group's whose interface it leads through. */
static bool is_our_route(const struct address *a, const struct config *cfg,
			 const struct config_route *c)
{
	const struct config_interface *ifc = config_interface_by_nameif(cfg, c->nameif);
	return !ifc || ifc->failover_group == a->cfg.group;
}

static struct netlink_route configured_route(const struct config *cfg, const struct config_route *c)
{
	const struct config_interface *ifc = config_interface_by_nameif(cfg, c->nameif);

	return (struct netlink_route){ .destination = c->destination,
				       .gateway = c->gateway,
				       .device = ifc ? ifc->name : NULL,
				       .metric = c->metric };
}

static enum result configured_routes(struct address *a, char why[200])
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_routes; i++) {
		const struct netlink_route r = configured_route(cfg, &cfg->routes[i]);
		char text[INET_TEXT_MAX];
		if (!is_our_route(a, cfg, &cfg->routes[i]))
			continue;
		if (r.device && netlink_route_set(a->netlink, &r) == R_OK)
			continue;
		snprintf(why, 200, "route %.32s %s: %s", cfg->routes[i].nameif,
			 inet_prefix_text(&r.destination, text),
			 r.device ? strerror(errno) : "no such nameif");
		return R_SYSTEM;
	}
	return R_OK;
}

/* Marked packets go into the TUN, and nowhere else when it is gone: fail closed. */
static enum result protect_table(struct address *a)
{
	const struct netlink_route into_tun = { .destination = { .addr = { .family = INET_V4 } },
						.device = a->cfg.tun,
						.table = route_table(a) };
	const struct netlink_route nowhere = { .destination = { .addr = { .family = INET_V4 } },
					       .table = route_table(a),
					       .metric = UNREACHABLE_METRIC };
	enum result res = netlink_route_set(a->netlink, &nowhere);

	if (res == R_OK)
		res = netlink_rule_add(a->netlink, INET_V4, HF_GROUP_MARK(a->cfg.group),
				       route_table(a), HF_RULE_PRIORITY + a->cfg.group - 1u);
	if (res == R_OK)
		res = netlink_route_set(a->netlink, &into_tun);
	return res;
}

static bool has_subnet(const struct address *a, const struct config_interface *ifc)
{
	return ifc->address.family != INET_NONE && is_ours(a, ifc);
}

static enum result connected_routes(struct address *a, char why[200])
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (!has_subnet(a, ifc))
			continue;
		const struct netlink_route r = connected_route(ifc);
		enum result res = netlink_route_set(a->netlink, &r);
		if (res == R_OK)
			continue;
		snprintf(why, 200, "interface %.64s: %s", ifc->name,
			 res == R_NOT_FOUND ? "no such device" : strerror(errno));
		return R_SYSTEM;
	}
	return R_OK;
}

static enum result configure(struct address *a, char why[200])
{
	enum result res = connected_routes(a, why);

	if (res == R_OK)
		res = set_sysctls(a, why);
	if (res == R_OK)
		res = configured_routes(a, why);
	return res;
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
		snprintf(why, 200, "TUN devices, routing table %u", route_table(a));
		res = netlink_link_up(a->netlink, cfg->tun, TUN_MTU);
	}
	if (res == R_OK)
		res = netlink_link_up(a->netlink, cfg->owned_tun, TUN_MTU);
	if (res == R_OK)
		res = netlink_link_up(a->netlink, cfg->relay_tun, TUN_MTU);
	if (res == R_OK)
		res = protect_table(a);
	if (res == R_OK)
		res = configure(a, why);
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
static enum result set_one(struct address *a, const struct inet_addr *addr, bool owned,
			   bool relayed)
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

static bool has_standby(const struct address *a, enum address_state state)
{
	return !a->cfg.several_standbys && (state == ADDRESS_NONE || state == ADDRESS_RELAYED);
}

enum result address_set(struct address *a, enum address_state state)
{
	const struct config *cfg = a->cfg.config;
	enum result worst = R_OK;

	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (!is_ours(a, ifc))
			continue;
		enum result res = set_one(a, &ifc->address, state == ADDRESS_OWNED,
					  state == ADDRESS_RELAYED);
		if (res == R_OK)
			res = set_one(a, &ifc->standby, has_standby(a, state), false);
		if (res != R_OK)
			worst = res;
	}
	a->state = state;
	return worst;
}

static bool has_address(const struct config *cfg, const struct inet_addr *addr)
{
	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (!ifc->shutdown &&
		    (inet_equal(&ifc->address, addr) || inet_equal(&ifc->standby, addr)))
			return true;
	}
	return false;
}

static bool same_route(const struct netlink_route *a, const struct netlink_route *b)
{
	return a->device && b->device && strcmp(a->device, b->device) == 0 &&
	       a->metric == b->metric && a->destination.len == b->destination.len &&
	       inet_equal(&a->destination.addr, &b->destination.addr) &&
	       inet_equal(&a->gateway, &b->gateway);
}

static bool has_route(const struct config *cfg, const struct netlink_route *r)
{
	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct netlink_route own = connected_route(&cfg->interfaces[i]);
		if (cfg->interfaces[i].address.family != INET_NONE &&
		    !cfg->interfaces[i].shutdown && same_route(&own, r))
			return true;
	}
	for (size_t i = 0; i < cfg->n_routes; i++) {
		const struct netlink_route own = configured_route(cfg, &cfg->routes[i]);
		if (same_route(&own, r))
			return true;
	}
	return false;
}

/* What the old configuration put there and the new one does not have. */
static enum result withdraw(struct address *a, const struct config *old, const struct config *fresh)
{
	enum result worst = R_OK, res;

	for (size_t i = 0; i < old->n_interfaces; i++) {
		const struct config_interface *ifc = &old->interfaces[i];
		const struct netlink_route r = connected_route(ifc);
		if (ifc->failover_group != a->cfg.group)
			continue;
		if (!has_address(fresh, &ifc->address) &&
		    (res = set_one(a, &ifc->address, false, false)) != R_OK)
			worst = res;
		if (!has_address(fresh, &ifc->standby) &&
		    (res = set_one(a, &ifc->standby, false, false)) != R_OK)
			worst = res;
		if (has_subnet(a, ifc) && !has_route(fresh, &r) &&
		    (res = netlink_route_del(a->netlink, &r)) != R_OK)
			worst = res;
	}
	for (size_t i = 0; i < old->n_routes; i++) {
		const struct netlink_route r = configured_route(old, &old->routes[i]);
		if (r.device && is_our_route(a, old, &old->routes[i]) && !has_route(fresh, &r) &&
		    (res = netlink_route_del(a->netlink, &r)) != R_OK)
			worst = res;
	}
	return worst;
}

enum result address_reload(struct address *a, const struct config *config, char why[200])
{
	const struct config *old = a->cfg.config;

	a->cfg.config = config;
	snprintf(why, 200, "addresses or routes that are no longer configured");
	enum result res = withdraw(a, old, config);
	if (res == R_OK)
		res = configure(a, why);
	/* The addresses also when a route failed: the state must be true of all that the new
	 * configuration has. */
	enum result set = address_set(a, a->state);
	if (res == R_OK && set != R_OK)
		snprintf(why, 200, "service addresses");
	return res != R_OK ? res : set;
}

void address_announce(const struct address *a)
{
	const struct config *cfg = a->cfg.config;

	for (size_t i = 0; i < cfg->n_interfaces && a->state == ADDRESS_OWNED; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (ifc->address.family == INET_NONE || !is_ours(a, ifc))
			continue;
		/* Lost like any frame: it is repeated, and a host that missed all asks by
		 * itself. */
		(void)!announce_address(a->announce_fd, ifc->name, &ifc->address);
	}
}
