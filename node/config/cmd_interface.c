/* SPDX-License-Identifier: Apache-2.0 */
/* interface, and what refers to one by its nameif: route, sysopt. */
#include "node/config/build.h"

static struct config_interface *current(struct build *b)
{
	return &b->cfg->interfaces[b->item];
}

static size_t find_interface(const struct config *cfg, const char *name)
{
	size_t i = 0;
	while (i < cfg->n_interfaces && strcmp(cfg->interfaces[i].name, name) != 0)
		i++;
	return i;
}

static void apply_interface(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	const char *name = match_text(m, 0);
	b->item = find_interface(cfg, name);
	if (m->no) {
		if (b->item < cfg->n_interfaces)
			BUILD_REMOVE(cfg->interfaces, cfg->n_interfaces, b->item);
		return;
	}
	if (b->item < cfg->n_interfaces)
		return;
	struct config_interface *ifc = BUILD_GROW(b, cfg->interfaces, cfg->n_interfaces);
	if (ifc)
		*ifc = (struct config_interface){
			.name = build_string(b, name),
			.nameif = "",
			.security_level = -1,
			.failover_group = 1,
			.where = build_where(b, m),
		};
}

static void write_interface(struct running *r, const struct grammar_row *row)
{
	EMIT(r, row, ((const struct config_interface *)r->item)->name);
}

static void apply_nameif(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	const char *nameif = m->no ? "" : match_text(m, 0);
	const struct config_interface *other = *nameif ? config_interface_by_nameif(b->cfg, nameif)
						       : NULL;
	if (other && other != current(b))
		build_error(b, build_arg_where(b, match_arg(m, 0)),
			    "nameif '%s' is already that of interface %s (line %u)", nameif,
			    other->name, other->where.line);
	else
		current(b)->nameif = build_string(b, nameif);
}

static void write_nameif(struct running *r, const struct grammar_row *row)
{
	const struct config_interface *ifc = r->item;
	if (*ifc->nameif)
		EMIT(r, row, ifc->nameif);
}

static void apply_security_level(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	current(b)->security_level = m->no ? -1 : (int)match_arg(m, 0)->number;
}

static void write_security_level(struct running *r, const struct grammar_row *row)
{
	const struct config_interface *ifc = r->item;
	char n[NUMBER_TEXT_MAX];
	if (ifc->security_level >= 0)
		EMIT(r, row, number_text((uint64_t)ifc->security_level, n));
}

enum { ADDRESS_OWN, ADDRESS_MASK, ADDRESS_STANDBY };

static void apply_address(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_interface *ifc = current(b);
	const struct arg *own = match_arg(m, ADDRESS_OWN), *mask = match_arg(m, ADDRESS_MASK);
	const struct arg *standby = match_arg(m, ADDRESS_STANDBY);
	struct inet_prefix net;
	ifc->address = ifc->standby = (struct inet_addr){ 0 };
	ifc->prefix_len = 0;
	if (m->no)
		return;
	if (inet_prefix_from_mask(&own->address, &mask->address, &net) != R_OK) {
		build_error(b, build_arg_where(b, own),
			    "'%s' is not valid here: expected an IPv4 address", own->text);
		return;
	}
	if (standby && (!inet_prefix_contains(&net, &standby->address) ||
			inet_equal(&standby->address, &own->address))) {
		char text[INET_TEXT_MAX];
		build_error(
			b, build_arg_where(b, standby),
			"'%s' is not valid here: expected another address of %s as the standby's",
			standby->text, inet_prefix_text(&net, text));
		return;
	}
	ifc->address = own->address;
	ifc->prefix_len = net.len;
	if (standby)
		ifc->standby = standby->address;
}

static void write_address(struct running *r, const struct grammar_row *row)
{
	const struct config_interface *ifc = r->item;
	const struct inet_prefix net = { .addr = ifc->address, .len = ifc->prefix_len };
	char own[INET_TEXT_MAX], mask[INET_TEXT_MAX], standby[INET_TEXT_MAX];
	if (ifc->address.family == INET_NONE)
		return;
	EMIT(r, row, inet_text(&ifc->address, own), mask_text(&net, mask),
	     ifc->standby.family ? inet_text(&ifc->standby, standby) : NULL);
}

static void apply_shutdown(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	current(b)->shutdown = !m->no;
}

static void write_shutdown(struct running *r, const struct grammar_row *row)
{
	if (((const struct config_interface *)r->item)->shutdown)
		EMIT(r, row, NULL);
}

static void apply_join(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	current(b)->failover_group = m->no ? 1 : (uint8_t)match_arg(m, 0)->number;
}

static void write_join(struct running *r, const struct grammar_row *row)
{
	const struct config_interface *ifc = r->item;
	char n[NUMBER_TEXT_MAX];
	if (ifc->failover_group != 1)
		EMIT(r, row, number_text(ifc->failover_group, n));
}

const struct grammar_row rows_interface[] = {
	{ MODE_GLOBAL, "interface NAME", "An interface, by its Linux name", apply_interface,
	  write_interface, 0, MODE_INTERFACE },
	{ MODE_INTERFACE, "shutdown", "Do not use the interface", apply_shutdown, write_shutdown, 0,
	  0 },
	{ MODE_INTERFACE, "nameif NAME", "What the configuration calls the interface", apply_nameif,
	  write_nameif, 0, 0 },
	{ MODE_INTERFACE, "security-level <0-100>", "Trust of the interface", apply_security_level,
	  write_security_level, 0, 0 },
	{ MODE_INTERFACE, "ip address ADDRESS MASK [standby ADDRESS]",
	  "Address of the active and of the standby node", apply_address, write_address, 0, 0 },
	{ MODE_INTERFACE, "join-failover-group <1-15>",
	  "The failover group that owns its addresses and its crypto map", apply_join, write_join,
	  0, 0 },
	{ MODE_INTERFACE, "ip address {dhcp|pppoe} [LINE]", "Address that is not fixed", apply_keep,
	  NULL, 0, 0 },
	{ 0 },
};

static void apply_tcpmss(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->tcpmss = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
	if (!m->no && b->cfg->tcpmss > 0 && b->cfg->tcpmss < 48)
		build_error(b, build_arg_where(b, match_arg(m, 0)),
			    "'%s' is not valid here: expected 0 or a number from 48 to 65535",
			    match_text(m, 0));
}

static void write_tcpmss(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->tcpmss)
		EMIT(r, row, number_text(r->cfg->tcpmss, n));
}

enum { ROUTE_IFC, ROUTE_NET, ROUTE_MASK, ROUTE_GATEWAY, ROUTE_METRIC, ROUTE_REST };

static void apply_route(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	if (match_arg(m, ROUTE_REST)) {
		apply_keep(ctx, m);
		return;
	}
	struct config_route route = { .metric = 1, .where = build_where(b, m) };
	if (!match_arg(m, ROUTE_GATEWAY) ||
	    inet_prefix_from_mask(&match_arg(m, ROUTE_NET)->address,
				  &match_arg(m, ROUTE_MASK)->address, &route.destination) != R_OK) {
		build_error(b, build_where(b, m),
			    "expected route NAMEIF NETWORK MASK GATEWAY, all of IPv4");
		return;
	}
	route.gateway = match_arg(m, ROUTE_GATEWAY)->address;
	if (match_arg(m, ROUTE_METRIC))
		route.metric = (uint32_t)match_arg(m, ROUTE_METRIC)->number;
	size_t i = 0;
	while (i < cfg->n_routes && !(inet_equal(&cfg->routes[i].gateway, &route.gateway) &&
				      memcmp(&cfg->routes[i].destination, &route.destination,
					     sizeof(route.destination)) == 0))
		i++;
	if (m->no) {
		if (i < cfg->n_routes)
			BUILD_REMOVE(cfg->routes, cfg->n_routes, i);
		return;
	}
	route.nameif = build_string(b, match_text(m, ROUTE_IFC));
	struct config_route *slot = i < cfg->n_routes ? &cfg->routes[i]
						      : BUILD_GROW(b, cfg->routes, cfg->n_routes);
	if (slot)
		*slot = route;
}

static void write_route(struct running *r, const struct grammar_row *row)
{
	for (size_t i = 0; i < r->cfg->n_routes; i++) {
		const struct config_route *x = &r->cfg->routes[i];
		char net[INET_TEXT_MAX], mask[INET_TEXT_MAX], gateway[INET_TEXT_MAX],
			metric[NUMBER_TEXT_MAX];
		EMIT(r, row, x->nameif, inet_text(&x->destination.addr, net),
		     mask_text(&x->destination, mask), inet_text(&x->gateway, gateway),
		     number_text(x->metric, metric), NULL);
	}
}

const struct grammar_row rows_network[] = {
	{ MODE_GLOBAL, "route NAME ADDRESS MASK ADDRESS [<1-255>] [LINE]", "A static route",
	  apply_route, write_route, 0, 0 },
	{ MODE_GLOBAL, "sysopt connection tcpmss <0-65535>",
	  "Largest TCP segment through a tunnel, in bytes", apply_tcpmss, write_tcpmss, 0, 0 },
	{ 0 },
};
