/* SPDX-License-Identifier: Apache-2.0 */
/* show monitor-interface, and the lines of interfaces in show failover. */
#include "node/cli/show_common.h"

static bool is_up(const struct view_host *h)
{
	return h->state == HOST_ACTIVE || h->state == HOST_STANDBY_READY ||
	       h->state == HOST_SYNCING;
}

/* The ASA calls "Link Down" what somebody took down, and "No Link" what has no carrier. */
static const char *state_text(const struct view_host *h, const struct view_host_interface *ifc)
{
	static const char *const names[CL_LINK_STATES] = {
		[CL_LINK_UNKNOWN] = "Unknown", [CL_LINK_NORMAL] = "Normal",
		[CL_LINK_WAITING] = "Normal",  [CL_LINK_NO_LINK] = "No Link",
		[CL_LINK_DOWN] = "Link Down",  [CL_LINK_FAILED] = "Failed",
	};
	if (!is_up(h))
		return names[CL_LINK_UNKNOWN];
	return names[ifc->shutdown ? CL_LINK_DOWN : ifc->state];
}

static const char *how_text(const struct view_host *h, const struct view_host_interface *ifc)
{
	if (ifc->shutdown)
		return "Shutdown";
	if (!ifc->monitored)
		return "Not-Monitored";
	return is_up(h) && ifc->state == CL_LINK_WAITING ? "Waiting" : "Monitored";
}

void show_interface_text(const struct view_host *h, size_t i, struct text *out)
{
	const struct view_host_interface *ifc = &h->interfaces[i];
	char address[INET_TEXT_MAX];
	struct inet_addr none = inet_v4(0);
	text_printf(out, "Interface %s (%s): %s (%s)\n", ifc->nameif,
		    inet_text(ifc->address.family ? &ifc->address : &none, address),
		    state_text(h, ifc), how_text(h, ifc));
}

json_t *json_interfaces(const struct view_host *h)
{
	json_t *interfaces = json_array();
	for (size_t i = 0; i < h->n_interfaces; i++) {
		const struct view_host_interface *ifc = &h->interfaces[i];
		bool up = ifc->state == CL_LINK_NORMAL || ifc->state == CL_LINK_WAITING;
		json_array_append_new(interfaces,
				      json_pack("{s:s, s:o, s:b, s:b, s:s}", "nameif", ifc->nameif,
						"address", json_address(&ifc->address), "up",
						up && !ifc->shutdown, "monitored", ifc->monitored,
						"state", state_text(h, ifc)));
	}
	return interfaces;
}

/* Each group has interfaces of its own; v: n views, one of each group. */
static void text_host(const char *which, const struct view_failover *v, size_t n,
		      const struct view_host *h, struct text *out)
{
	text_printf(out, "        %s host: %s - %s\n", which, show_unit(h->unit),
		    show_host_state(h->state));
	for (size_t g = 0; g < n; g++) {
		const struct view_host *in = g ? show_same_host(&v[g], h) : h;
		for (size_t i = 0; i < in->n_interfaces; i++) {
			text_printf(out, "                ");
			show_interface_text(in, i, out);
		}
	}
}

void show_monitor_text(const struct view_failover *v, size_t n, struct text *out)
{
	if (!v->enabled) {
		text_printf(out, "Failover Off\n");
		return;
	}
	text_host("This", v, n, &v->self, out);
	for (size_t i = 0; i < v->n_others; i++)
		text_host("Other", v, n, &v->others[i], out);
}

static json_t *json_monitored(const struct view_failover *v, size_t n, const struct view_host *h)
{
	json_t *interfaces = json_array();
	for (size_t g = 0; g < n; g++) {
		json_t *own = json_interfaces(g ? show_same_host(&v[g], h) : h);
		json_array_extend(interfaces, own);
		json_decref(own);
	}
	return json_pack("{s:s, s:s, s:i, s:s, s:o}", "name", h->name, "unit", show_unit(h->unit),
			 "slot", (int)h->slot, "state", show_host_state(h->state), "interfaces",
			 interfaces);
}

void show_monitor_json(const struct view_failover *v, size_t n, struct text *out)
{
	json_t *hosts = json_array();
	if (v->enabled)
		json_array_append_new(hosts, json_monitored(v, n, &v->self));
	for (size_t i = 0; v->enabled && i < v->n_others; i++)
		json_array_append_new(hosts, json_monitored(v, n, &v->others[i]));
	json_finish(json_pack("{s:o}", "monitor_interface", hosts), out);
}
