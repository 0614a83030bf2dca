/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show failover. Tools that parse the ASA's refuse a line that they do not
 * know in the header or among the hosts; behind the tables they stop reading.
 * So what the ASA does not have stands at the end.
 */
#include <stdio.h>
#include <time.h>

#include "node/cli/show_common.h"

#define POLICY_TEXT_MAX 16

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

static void text_last(const struct view_failover *v, size_t n, struct text *out)
{
	char text[SHOW_TIME_MAX];
	for (size_t i = 0; i < n; i++) {
		if (!*show_time(v[i].last_failover, text))
			continue;
		if (n > 1)
			text_printf(out, "Group %u last failover at: %s\n", v[i].group, text);
		else
			text_printf(out, "Last Failover at: %s\n", text);
	}
}

static size_t monitored_in_all(const struct view_failover *v, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		sum += monitored(&v[i].self);
	return sum;
}

static const char *policy_text(const struct view_failover *v, char out[POLICY_TEXT_MAX])
{
	snprintf(out, POLICY_TEXT_MAX, "%u%s", v->interface_policy,
		 v->interface_policy_percent ? "%" : "");
	return out;
}

static void text_header(const struct view_failover *v, size_t n, struct text *out)
{
	char policy[POLICY_TEXT_MAX];
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
	text_printf(out, "Interface Poll frequency %u %s, holdtime %u seconds\n",
		    v->interface_poll_ms % 1000 ? v->interface_poll_ms
						: v->interface_poll_ms / 1000,
		    v->interface_poll_ms % 1000 ? "milliseconds" : "seconds", v->interface_hold_s);
	text_printf(out, "Interface Policy %s\n", policy_text(v, policy));
	text_printf(out, "Monitored Interfaces %zu of %u maximum\n", monitored_in_all(v, n),
		    VIEW_INTERFACES_MAX);
	text_printf(out, "MAC Address Move Notification Interval not set\n");
	if (!v->enabled)
		return;
	text_printf(out, "Version: Ours %s, Mate %s\n", version_text(&v->self),
		    v->n_others ? version_text(&v->others[0]) : "Unknown");
	text_last(v, n, out);
}

const struct view_host *show_same_host(const struct view_failover *v, const struct view_host *h)
{
	for (size_t i = 0; i < v->n_others; i++)
		if (v->others[i].slot == h->slot)
			return &v->others[i];
	return v->self.slot == h->slot ? &v->self : h;
}

/* Units that share several groups: outside parsers want "Group" at the beginning of its line. */
static void text_host_groups(const char *which, const struct view_failover *v, size_t n,
			     const struct view_host *h, struct text *out)
{
	text_printf(out, "        %-14s%s\n", which, show_unit(h->unit));
	for (size_t i = 0; i < n; i++) {
		const struct view_host *in = show_same_host(&v[i], h);
		text_printf(out, "Group %-8uState:          %s\n", v[i].group,
			    show_host_state(in->state));
		text_printf(out, "                Active time:    %llu (sec)\n",
			    (unsigned long long)in->active_s);
	}
}

static void text_host(const char *which, const struct view_failover *v, size_t n,
		      const struct view_host *h, struct text *out)
{
	if (n > 1) {
		text_host_groups(which, v, n, h, out);
	} else {
		text_printf(out, "        %s %s - %s\n", which, show_unit(h->unit),
			    show_host_state(h->state));
		text_printf(out, "                Active time: %llu (sec)\n",
			    (unsigned long long)h->active_s);
	}
	if (is_up(h) && *h->version)
		text_printf(out,
			    "                slot %u: holdfast hw/sw rev (/%s) status (Up Sys)\n",
			    h->slot, h->version);
	for (size_t g = 0; g < n; g++) {
		const struct view_host *in = g ? show_same_host(&v[g], h) : h;
		for (size_t i = 0; i < in->n_interfaces; i++) {
			text_printf(out, "                  ");
			show_interface_text(in, i, out);
		}
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
	if (h->drained)
		text_printf(out, ", drained");
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

/* What most clusters never see. */
static void text_trouble(const struct view_failover *v, struct text *out)
{
	if (v->unfenced_node)
		text_printf(out, "        Waits for the fencing of: node %u\n", v->unfenced_node);
	if (v->slot_holder)
		text_printf(out, "        Slot %u: node %u has it, this unit stays out\n",
			    v->self.slot, v->slot_holder);
	if (v->split_brains_lost || v->split_brains_merged || v->merges_failed)
		text_printf(
			out,
			"        Two owners: %llu lost, %llu merged, %llu not merged; IKE SAs taken "
			"whole: %llu, set up anew: %llu; CHILD SAs rekeyed: %llu\n",
			(unsigned long long)v->split_brains_lost,
			(unsigned long long)v->split_brains_merged,
			(unsigned long long)v->merges_failed, (unsigned long long)v->merged_taken,
			(unsigned long long)v->merged_anew, (unsigned long long)v->merged_rekeyed);
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
	if (*v->state_trouble)
		text_printf(out, "        State directory: NOT WRITABLE, %s\n", v->state_trouble);
	text_printf(out, "        Members: %zu of %u\n", present(v), v->members_expected);
	text_trouble(v, out);
	text_member(v, &v->self, out);
	for (size_t i = 0; i < v->n_others; i++)
		text_member(v, &v->others[i], out);
}

/* What all groups have sent and taken. */
static void add_stateful(struct view_failover *sum, const struct view_failover *v)
{
	for (size_t i = 0; i < sum->n_rows && i < v->n_rows; i++) {
		sum->rows[i].xmit += v->rows[i].xmit;
		sum->rows[i].xerr += v->rows[i].xerr;
		sum->rows[i].rcv += v->rows[i].rcv;
		sum->rows[i].rerr += v->rows[i].rerr;
	}
	sum->recv.current += v->recv.current;
	sum->recv.max += v->recv.max;
	sum->recv.total += v->recv.total;
	sum->xmit.current += v->xmit.current;
	sum->xmit.max += v->xmit.max;
	sum->xmit.total += v->xmit.total;
}

void show_failover_text(const struct view_failover *v, size_t n, struct text *out)
{
	struct view_host absent = { .state = HOST_NOT_DETECTED };
	text_header(v, n, out);
	if (!v->enabled)
		return;
	absent.unit = show_mate(v);
	text_host("This host:", v, n, &v->self, out);
	text_host("Other host:", v, n, v->n_others ? &v->others[0] : &absent, out);
	struct view_failover sum = *v;
	for (size_t i = 1; i < n; i++)
		add_stateful(&sum, &v[i]);
	show_stateful_text(&sum, out);
	for (size_t i = 0; i < n; i++)
		text_extension(&v[i], out);
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
	return json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:o, s:s, s:s, s:o, s:o}", "name", h->name,
			 "unit", show_unit(h->unit), "slot", (int)h->slot, "state",
			 show_host_state(h->state), "protected", h->is_protected, "drained",
			 h->drained, "active_s", json_count(h->active_s), "version", h->version,
			 "config_digest", h->config_digest, "last_failure", json_failure(h),
			 "interfaces", json_interfaces(h));
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
	return json_pack(
		"{s:I, s:I, s:b, s:o, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I, s:I, "
		"s:b}",
		"id", (json_int_t)v->group, "members_expected", (json_int_t)v->members_expected,
		"protected", v->is_protected, "term", json_count(v->term), "quorate", v->quorate,
		"role_manager", v->role_manager, "last_takeover", takeover, "heartbeat_age_ms",
		v->heartbeat_seen ? json_integer(v->heartbeat_age_ms) : json_null(), "log_position",
		json_count(v->log_position), "acked_position", json_count(v->acked_position),
		"held", json_count(v->held), "unprotected_releases",
		json_count(v->unprotected_releases), "suspect_takeovers",
		json_count(v->suspect_takeovers), "state_trouble", v->state_trouble,
		"awaits_fencing_of", (json_int_t)v->unfenced_node, "slot_held_by",
		(json_int_t)v->slot_holder, "may_begin_empty", v->may_begin_empty);
}

/* Beside the first, which is told in full: whose each group is. */
static json_t *json_groups(const struct view_failover *v, size_t n)
{
	json_t *groups = json_array();
	for (size_t i = 0; i < n; i++) {
		const struct view_host *active = v[i].self.state == HOST_ACTIVE ? &v[i].self : NULL;
		for (size_t k = 0; k < v[i].n_others; k++)
			if (v[i].others[k].state == HOST_ACTIVE)
				active = &v[i].others[k];
		json_array_append_new(
			groups, json_pack("{s:I, s:s, s:s, s:b, s:o}", "id", (json_int_t)v[i].group,
					  "state", show_host_state(v[i].self.state), "active",
					  active ? active->name : "", "protected",
					  v[i].is_protected, "term", json_count(v[i].term)));
	}
	return groups;
}

void show_failover_json(const struct view_failover *v, size_t n, struct text *out)
{
	json_t *others = json_array();
	for (size_t i = 0; i < v->n_others; i++)
		json_array_append_new(others, json_host(&v->others[i]));
	char policy[POLICY_TEXT_MAX];
	json_t *root = json_pack(
		"{s:b, s:s, s:b, s:I, s:I, s:I, s:I, s:s, s:o, s:o, s:o}", "enabled", v->enabled,
		"cluster_name", v->cluster_name, "cluster_up", v->cluster_up, "heartbeat_ms",
		(json_int_t)v->heartbeat_ms, "deadline_ms", (json_int_t)v->deadline_ms,
		"interface_poll_ms", (json_int_t)v->interface_poll_ms, "interface_hold_s",
		(json_int_t)v->interface_hold_s, "interface_policy", policy_text(v, policy),
		"last_failover", json_time(v->last_failover), "this_host", json_host(&v->self),
		"other_hosts", others);
	json_object_update_new(root, json_stateful(v));
	json_object_set_new(root, "group", json_group(v));
	if (n > 1)
		json_object_set_new(root, "groups", json_groups(v, n));
	json_finish(json_pack("{s:o}", "failover", root), out);
}
