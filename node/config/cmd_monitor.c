/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link monitoring: which interfaces count, how many of them make a unit a
 * failed one, and how fast. As on the ASA a physical interface is monitored
 * unless it is told not to be, and a subinterface only when it is told to be.
 * No packets are exchanged on the interfaces: the link's state decides.
 */
#include <stdio.h>
#include <stdlib.h>

#include "node/config/build.h"

static struct config_monitoring *monitoring(void *ctx)
{
	struct build *b = ctx;
	return &b->cfg->monitoring;
}

/* The Linux name of a VLAN interface: "eth0.10". */
static bool is_subinterface(const struct config_interface *ifc)
{
	const char *dot = strrchr(ifc->name, '.');
	return dot && dot[1] && strspn(dot + 1, "0123456789") == strlen(dot + 1);
}

static void apply_monitor(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_monitoring *mon = monitoring(ctx);
	const char *nameif = match_text(m, 0);
	size_t i = 0;
	while (i < mon->n && strcmp(mon->list[i].nameif, nameif) != 0)
		i++;
	struct config_monitor *x = i < mon->n ? &mon->list[i] : BUILD_GROW(b, mon->list, mon->n);
	if (x)
		*x = (struct config_monitor){ .nameif = build_string(b, nameif),
					      .on = !m->no,
					      .where = build_arg_where(b, match_arg(m, 0)) };
}

/* What differs from the default, which the ASA does not print either. */
static void write_monitor(struct running *r, const struct grammar_row *row)
{
	for (size_t i = 0; i < r->cfg->monitoring.n; i++) {
		const struct config_monitor *x = &r->cfg->monitoring.list[i];
		const struct config_interface *ifc = config_interface_by_nameif(r->cfg, x->nameif);
		if (!ifc || x->on != is_subinterface(ifc))
			continue;
		if (!x->on)
			text_printf(r->out, "no ");
		EMIT(r, row, x->nameif);
	}
}

/* A unit that is short of a default writes it: 5 s as "5", 500 ms as "msec 500". */
static void set_interface_poll(void *ctx, const struct match *m, uint32_t ms_per_unit)
{
	struct config_monitoring *mon = monitoring(ctx);
	const struct arg *hold = m->no ? NULL : match_arg(m, 1);
	mon->poll_ms = m->no ? CONFIG_INTERFACE_POLL_MS
			     : (uint32_t)match_arg(m, 0)->number * ms_per_unit;
	mon->hold_s = hold ? (uint32_t)hold->number : CONFIG_INTERFACE_HOLD_S;
}

static void apply_poll(void *ctx, const struct match *m)
{
	set_interface_poll(ctx, m, 1000);
}

static void apply_poll_msec(void *ctx, const struct match *m)
{
	set_interface_poll(ctx, m, 1);
}

static void write_poll_as(struct running *r, const struct grammar_row *row, uint32_t number)
{
	const struct config_monitoring *mon = &r->cfg->monitoring;
	char poll[NUMBER_TEXT_MAX], hold[NUMBER_TEXT_MAX];
	EMIT(r, row, number_text(number, poll),
	     mon->hold_s != CONFIG_INTERFACE_HOLD_S ? number_text(mon->hold_s, hold) : NULL);
}

static void write_poll(struct running *r, const struct grammar_row *row)
{
	const struct config_monitoring *mon = &r->cfg->monitoring;
	if (mon->poll_ms % 1000 == 0 &&
	    (mon->poll_ms != CONFIG_INTERFACE_POLL_MS || mon->hold_s != CONFIG_INTERFACE_HOLD_S))
		write_poll_as(r, row, mon->poll_ms / 1000);
}

static void write_poll_msec(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->monitoring.poll_ms % 1000 != 0)
		write_poll_as(r, row, r->cfg->monitoring.poll_ms);
}

static void apply_link_state(void *ctx, const struct match *m)
{
	monitoring(ctx)->link_state_ms = m->no ? CONFIG_LINK_STATE_MS
					       : (uint32_t)match_arg(m, 0)->number;
}

static void write_link_state(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->monitoring.link_state_ms != CONFIG_LINK_STATE_MS)
		EMIT(r, row, number_text(r->cfg->monitoring.link_state_ms, n));
}

/* "2", "50%" */
static void apply_policy(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_monitoring *mon = monitoring(ctx);
	mon->policy = 1;
	mon->percent = false;
	if (m->no)
		return;
	const struct arg *a = match_arg(m, 0);
	char *end;
	unsigned long number = strtoul(a->text, &end, 10);
	bool percent = strcmp(end, "%") == 0;
	if (a->text[0] < '0' || a->text[0] > '9' || (*end && !percent) || number == 0 ||
	    number > (percent ? 100u : CONFIG_MONITORED_MAX)) {
		build_error(b, build_arg_where(b, a),
			    "'%s' is not valid here: expected 1-%u, or 1%%-100%%", a->text,
			    CONFIG_MONITORED_MAX);
		return;
	}
	mon->policy = (uint32_t)number;
	mon->percent = percent;
}

static void write_policy(struct running *r, const struct grammar_row *row)
{
	const struct config_monitoring *mon = &r->cfg->monitoring;
	char n[NUMBER_TEXT_MAX + 1];
	if (mon->policy == 1 && !mon->percent)
		return;
	snprintf(n, sizeof(n), "%u%s", mon->policy, mon->percent ? "%" : "");
	EMIT(r, row, n);
}

static void resolve_line(struct build *b, const struct config_monitor *x)
{
	for (size_t i = 0; i < b->cfg->n_interfaces; i++)
		if (strcmp(b->cfg->interfaces[i].nameif, x->nameif) == 0) {
			b->cfg->interfaces[i].monitored = x->on;
			return;
		}
	build_error(b, x->where, "'%s' is not valid here: expected the nameif of an interface",
		    x->nameif);
}

void monitoring_resolve(struct build *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->cfg->n_interfaces; i++) {
		struct config_interface *ifc = &b->cfg->interfaces[i];
		ifc->monitored = !is_subinterface(ifc);
	}
	for (size_t i = 0; i < b->cfg->monitoring.n; i++)
		resolve_line(b, &b->cfg->monitoring.list[i]);
	for (size_t i = 0; i < b->cfg->n_interfaces; i++) {
		struct config_interface *ifc = &b->cfg->interfaces[i];
		ifc->monitored = ifc->monitored && *ifc->nameif && !ifc->shutdown;
		if (!ifc->monitored || ++n <= CONFIG_MONITORED_MAX)
			continue;
		ifc->monitored = false;
		build_warning(
			b, ifc->where,
			"interface %s is not monitored: expected %u monitored interfaces at most; take others out with no monitor-interface",
			ifc->name, CONFIG_MONITORED_MAX);
	}
}

const struct grammar_row rows_monitor[] = {
	{ MODE_GLOBAL, "monitor-interface NAME", "Whether its link counts for failover",
	  apply_monitor, write_monitor, ROW_WHOLE, 0 },
	{ MODE_GLOBAL, "failover interface-policy WORD",
	  "Failed interfaces, or a share as 50%, that make a unit a failed one", apply_policy,
	  write_policy, 0, 0 },
	{ MODE_GLOBAL, "failover polltime interface <1-15> [holdtime <5-75>]",
	  "Seconds between two looks at the links, and until one that is back is trusted",
	  apply_poll, write_poll, 0, 0 },
	{ MODE_GLOBAL, "failover polltime interface msec <500-999> [holdtime <5-75>]",
	  "Milliseconds between two looks at the links, and seconds until one that is back is trusted",
	  apply_poll_msec, write_poll_msec, 0, 0 },
	{ MODE_GLOBAL, "failover polltime link-state msec <50-10000>",
	  "Milliseconds that a link is down until the group is handed over", apply_link_state,
	  write_link_state, 0, 0 },
	{ MODE_GLOBAL, "failover polltime {unit|msec} LINE", "The ASA's polling of the unit",
	  apply_keep, NULL, 0, 0 },
	{ MODE_GLOBAL, "failover polltime <1-15> [LINE]", "The ASA's polling of the unit",
	  apply_keep, NULL, 0, 0 },
	{ 0 },
};
