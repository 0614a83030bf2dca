/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show failover. Tools that parse the ASA's refuse a line that they do not
 * know in the header or among the hosts; behind the tables they stop reading.
 * So what the ASA does not have stands at the end.
 */
#include <stdio.h>
#include <time.h>

#include "node/cli/show_common.h"

/* Outside parsers take one word. */
const char *show_unit(uint8_t unit)
{
	static const char *const names[UNIT_MAX + 1] = {
		"Primary",  "Primary",  "Secondary", "Member-3", "Member-4",
		"Member-5", "Member-6", "Member-7",  "Member-8",
	};
	return unit <= UNIT_MAX ? names[unit] : "Unknown";
}

uint8_t show_mate(const struct view_failover *v)
{
	return v->self.unit == UNIT_SECONDARY ? UNIT_PRIMARY : UNIT_SECONDARY;
}

const char *show_host_state(enum view_host_state state)
{
	static const char *const names[] = {
		[HOST_ACTIVE] = "Active",
		[HOST_STANDBY_READY] = "Standby Ready",
		[HOST_SYNCING] = "Bulk Sync",
		[HOST_FAILED] = "Failed",
		[HOST_NOT_DETECTED] = "Not Detected",
		[HOST_DISABLED] = "Disabled",
	};
	return names[state];
}

const char *show_time(int64_t seconds, char out[SHOW_TIME_MAX])
{
	time_t when = (time_t)seconds;
	struct tm tm;
	char clock[16], month[8];

	out[0] = '\0';
	if (seconds && gmtime_r(&when, &tm) && strftime(clock, sizeof(clock), "%H:%M:%S", &tm) &&
	    strftime(month, sizeof(month), "%b", &tm))
		snprintf(out, SHOW_TIME_MAX, "%s UTC %s %d %d", clock, month, tm.tm_mday,
			 tm.tm_year + 1900);
	return out;
}

static bool is_up(const struct view_host *h)
{
	return h->state == HOST_ACTIVE || h->state == HOST_STANDBY_READY ||
	       h->state == HOST_SYNCING;
}

static size_t monitored(const struct view_host *h)
{
	size_t n = 0;
	for (size_t i = 0; i < h->n_interfaces; i++)
		n += h->interfaces[i].monitored;
	return n;
}

static const char *version_text(const struct view_host *h)
{
	return *h->version ? h->version : "Unknown";
}

static void text_header(const struct view_failover *v, struct text *out)
{
	text_printf(out, "Failover %s\n", v->enabled ? "On" : "Off");
	text_printf(out, "Failover unit %s\n", show_unit(v->self.unit));
	if (v->enabled && *v->cluster_name)
		text_printf(out, "Failover LAN Interface: %s corosync (%s)\n", v->cluster_name,
			    v->cluster_up ? "up" : "down");
	else
		text_printf(out, "Failover LAN Interface: not Configured\n");
	text_printf(out, "Reconnect timeout 0:00:00\n");
	text_printf(out, "Unit Poll frequency %u milliseconds, holdtime %u milliseconds\n",
		    v->heartbeat_ms, v->deadline_ms);
	text_printf(out, "Interface Poll frequency 0 seconds, holdtime 0 seconds\n");
	text_printf(out, "Interface Policy 1\n");
	text_printf(out, "Monitored Interfaces %zu of %u maximum\n", monitored(&v->self),
		    VIEW_INTERFACES_MAX);
	text_printf(out, "MAC Address Move Notification Interval not set\n");
	if (!v->enabled)
		return;
	text_printf(out, "Version: Ours %s, Mate %s\n", version_text(&v->self),
		    v->n_others ? version_text(&v->others[0]) : "Unknown");
	char text[SHOW_TIME_MAX];
	if (*show_time(v->last_failover, text))
		text_printf(out, "Last Failover at: %s\n", text);
}

void show_interface_text(const struct view_host *h, size_t i, struct text *out)
{
	const struct view_host_interface *ifc = &h->interfaces[i];
	char address[INET_TEXT_MAX];
	struct inet_addr none = inet_v4(0);
	text_printf(out, "Interface %s (%s): %s (%s)\n", ifc->nameif,
		    inet_text(ifc->address.family ? &ifc->address : &none, address),
		    !is_up(h) ? "Unknown"
		    : ifc->up ? "Normal"
			      : "No Link",
		    ifc->monitored ? "Monitored" : "Not-Monitored");
}

static void text_host(const char *which, const struct view_host *h, struct text *out)
{
	text_printf(out, "        %s host: %s - %s\n", which, show_unit(h->unit),
		    show_host_state(h->state));
	text_printf(out, "                Active time: %llu (sec)\n",
		    (unsigned long long)h->active_s);
	if (is_up(h) && *h->version)
		text_printf(out,
			    "                slot %u: holdfast hw/sw rev (/%s) status (Up Sys)\n",
			    h->slot, h->version);
	for (size_t i = 0; i < h->n_interfaces; i++) {
		text_printf(out, "                  ");
		show_interface_text(h, i, out);
	}
}

void show_stateful_text(const struct view_failover *v, struct text *out)
{
	text_printf(out, "\nStateful Failover Logical Update Statistics\n");
	text_printf(out, "        Link : %s corosync (%s)\n",
		    *v->cluster_name ? v->cluster_name : "unconfigured",
		    v->cluster_up ? "up" : "down");
	text_printf(out, "        Stateful Obj    xmit       xerr       rcv        rerr\n");
	for (size_t i = 0; i < v->n_rows; i++) {
		const struct view_stateful *r = &v->rows[i];
		text_printf(out, "        %-16s%-11llu%-11llu%-11llu%llu\n", r->name,
			    (unsigned long long)r->xmit, (unsigned long long)r->xerr,
			    (unsigned long long)r->rcv, (unsigned long long)r->rerr);
	}
	text_printf(out, "\n        Logical Update Queue Information\n");
	text_printf(out, "                        Cur     Max     Total\n");
	const struct {
		const char *name;
		const struct view_queue *q;
	} queues[] = { { "Recv Q:", &v->recv }, { "Xmit Q:", &v->xmit } };
	for (size_t i = 0; i < 2; i++)
		text_printf(out, "        %-16s%-8llu%-8llu%llu\n", queues[i].name,
			    (unsigned long long)queues[i].q->current,
			    (unsigned long long)queues[i].q->max,
			    (unsigned long long)queues[i].q->total);
}

static void text_member(const struct view_failover *v, const struct view_host *h, struct text *out)
{
	text_printf(out, "        Member %s: slot %u, %s", *h->name ? h->name : "unknown", h->slot,
		    show_host_state(h->state));
	if (v->n_others > 1)
		text_printf(out, ", %s", show_unit(h->unit));
	if (h->is_protected)
		text_printf(out, ", protected");
	if (h != &v->self && *h->config_digest && *v->self.config_digest)
		text_printf(out, ", configuration %s",
			    strcmp(h->config_digest, v->self.config_digest) == 0 ? "same"
										 : "DIFFERENT");
	text_printf(out, "\n");
}

static size_t present(const struct view_failover *v)
{
	size_t n = 1;
	for (size_t i = 0; i < v->n_others; i++)
		n += v->others[i].state != HOST_NOT_DETECTED;
	return n;
}

static void text_extension(const struct view_failover *v, struct text *out)
{
	text_printf(out, "\nHoldfast Failover Group %u\n", v->group);
	text_printf(out, "        Protected: %s\n", v->is_protected ? "yes" : "NO");
	text_printf(out, "        Term: %llu\n", (unsigned long long)v->term);
	text_printf(out, "        Quorum: %s\n", v->quorate ? "yes" : "NO");
	text_printf(out, "        Role manager: %s\n", v->role_manager);
	text_printf(out, "        Last takeover: %s",
		    *v->last_takeover ? v->last_takeover : "never");
	if (v->last_takeover_suspect)
		text_printf(out, ", suspect");
	if (v->last_takeover_ms)
		text_printf(out, ", %u milliseconds", v->last_takeover_ms);
	text_printf(out, "\n        Last heartbeat: ");
	if (v->heartbeat_seen)
		text_printf(out, "%u milliseconds ago\n", v->heartbeat_age_ms);
	else
		text_printf(out, "never\n");
	text_printf(out, "        Log position: %llu, acknowledged: %llu, outputs held: %llu\n",
		    (unsigned long long)v->log_position, (unsigned long long)v->acked_position,
		    (unsigned long long)v->held);
	text_printf(out, "        Outputs released unprotected: %llu, suspect takeovers: %llu\n",
		    (unsigned long long)v->unprotected_releases,
		    (unsigned long long)v->suspect_takeovers);
	text_printf(out, "        Members: %zu of %u\n", present(v), v->members_expected);
	text_member(v, &v->self, out);
	for (size_t i = 0; i < v->n_others; i++)
		text_member(v, &v->others[i], out);
}

void show_failover_text(const struct view_failover *v, struct text *out)
{
	static const struct view_host nobody = { .state = HOST_NOT_DETECTED };
	text_header(v, out);
	if (!v->enabled)
		return;
	struct view_host absent = nobody;
	absent.unit = show_mate(v);
	text_host("This", &v->self, out);
	text_host("Other", v->n_others ? &v->others[0] : &absent, out);
	show_stateful_text(v, out);
	text_extension(v, out);
}

json_t *json_time(int64_t seconds)
{
	return seconds ? json_integer(seconds) : json_null();
}

json_t *json_failure(const struct view_host *h)
{
	char when[SHOW_TIME_MAX];
	return json_pack("{s:s, s:o, s:s}", "reason", *h->failure ? h->failure : "None", "at",
			 json_time(h->failed_at), "time", show_time(h->failed_at, when));
}

json_t *json_host(const struct view_host *h)
{
	json_t *interfaces = json_array();
	for (size_t i = 0; i < h->n_interfaces; i++) {
		const struct view_host_interface *ifc = &h->interfaces[i];
		json_array_append_new(interfaces,
				      json_pack("{s:s, s:o, s:b, s:b}", "nameif", ifc->nameif,
						"address", json_address(&ifc->address), "up",
						ifc->up, "monitored", ifc->monitored));
	}
	return json_pack("{s:s, s:s, s:i, s:s, s:b, s:o, s:s, s:s, s:o, s:o}", "name", h->name,
			 "unit", show_unit(h->unit), "slot", (int)h->slot, "state",
			 show_host_state(h->state), "protected", h->is_protected, "active_s",
			 json_count(h->active_s), "version", h->version, "config_digest",
			 h->config_digest, "last_failure", json_failure(h), "interfaces",
			 interfaces);
}

static json_t *json_queue(const struct view_queue *q)
{
	return json_pack("{s:o, s:o, s:o}", "current", json_count(q->current), "max",
			 json_count(q->max), "total", json_count(q->total));
}

static json_t *json_rows(const struct view_failover *v)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < v->n_rows; i++)
		json_array_append_new(rows, json_pack("{s:s, s:o, s:o, s:o, s:o}", "name",
						      v->rows[i].name, "xmit",
						      json_count(v->rows[i].xmit), "xerr",
						      json_count(v->rows[i].xerr), "rcv",
						      json_count(v->rows[i].rcv), "rerr",
						      json_count(v->rows[i].rerr)));
	return rows;
}

json_t *json_stateful(const struct view_failover *v)
{
	return json_pack("{s:o, s:o, s:o}", "stateful", json_rows(v), "recv_queue",
			 json_queue(&v->recv), "xmit_queue", json_queue(&v->xmit));
}

json_t *json_group(const struct view_failover *v)
{
	json_t *takeover = json_pack("{s:s, s:b, s:I}", "reason", v->last_takeover, "suspect",
				     v->last_takeover_suspect, "duration_ms",
				     (json_int_t)v->last_takeover_ms);
	return json_pack("{s:I, s:I, s:b, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id",
			 (json_int_t)v->group, "members_expected", (json_int_t)v->members_expected,
			 "protected", v->is_protected, "term", json_count(v->term), "quorate",
			 v->quorate, "role_manager", v->role_manager, "last_takeover", takeover,
			 "heartbeat_age_ms",
			 v->heartbeat_seen ? json_integer(v->heartbeat_age_ms) : json_null(),
			 "log_position", json_count(v->log_position), "acked_position",
			 json_count(v->acked_position), "held", json_count(v->held),
			 "unprotected_releases", json_count(v->unprotected_releases),
			 "suspect_takeovers", json_count(v->suspect_takeovers));
}

void show_failover_json(const struct view_failover *v, struct text *out)
{
	json_t *others = json_array();
	for (size_t i = 0; i < v->n_others; i++)
		json_array_append_new(others, json_host(&v->others[i]));
	json_t *root = json_pack("{s:b, s:s, s:b, s:I, s:I, s:o, s:o, s:o}", "enabled", v->enabled,
				 "cluster_name", v->cluster_name, "cluster_up", v->cluster_up,
				 "heartbeat_ms", (json_int_t)v->heartbeat_ms, "deadline_ms",
				 (json_int_t)v->deadline_ms, "last_failover",
				 json_time(v->last_failover), "this_host", json_host(&v->self),
				 "other_hosts", others);
	json_object_update_new(root, json_stateful(v));
	json_object_set_new(root, "group", json_group(v));
	json_finish(json_pack("{s:o}", "failover", root), out);
}
