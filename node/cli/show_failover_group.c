/* SPDX-License-Identifier: Apache-2.0 */
/*
 * show failover group: one group as the ASA shows it when units own several,
 * and behind its tables what the ASA does not have. show failover state: both
 * units on a few lines.
 */
#include "node/cli/show_common.h"

static void text_group_host(const char *which, const struct view_failover *v,
			    const struct view_host *h, struct text *out)
{
	text_printf(out, "\n        %-14s%s\n", which, show_unit(h->unit));
	text_printf(out, "        Group %-8uState:          %s\n", v->group,
		    show_host_state(h->state));
	text_printf(out, "                      Active time:    %llu (sec)\n",
		    (unsigned long long)h->active_s);
	if (h->n_interfaces)
		text_printf(out, "\n");
	for (size_t i = 0; i < h->n_interfaces; i++) {
		text_printf(out, "                      ");
		show_interface_text(h, i, out);
	}
}

static void text_group(const struct view_failover *v, struct text *out)
{
	char when[SHOW_TIME_MAX];
	if (*show_time(v->last_failover, when))
		text_printf(out, "Group %u last failover at: %s\n", v->group, when);
	text_group_host("This host:", v, &v->self, out);
	for (size_t i = 0; i < v->n_others; i++)
		text_group_host("Other host:", v, &v->others[i], out);
	show_stateful_text(v, out);
	text_printf(out, "\nHoldfast Failover Group %u\n", v->group);
	text_printf(out, "        Preferred unit: %s, preempt ", show_unit(v->preferred_unit));
	if (v->preempt && v->preempt_s)
		text_printf(out, "after %u seconds\n", v->preempt_s);
	else
		text_printf(out, "%s\n", v->preempt ? "on" : "off");
	text_printf(out, "        Protected: %s\n", v->is_protected ? "yes" : "NO");
	text_printf(out, "        Term: %llu\n", (unsigned long long)v->term);
	text_printf(out, "        Takeovers: %llu, handovers: %llu, suspect takeovers: %llu\n",
		    (unsigned long long)v->takeovers, (unsigned long long)v->handovers,
		    (unsigned long long)v->suspect_takeovers);
}

void show_failover_group_text(const struct view_failover *v, size_t n, struct text *out)
{
	if (!v->enabled)
		text_printf(out, "Failover Off\n");
	for (size_t i = 0; v->enabled && i < n; i++) {
		text_printf(out, "%s", i ? "\n" : "");
		text_group(&v[i], out);
	}
}

static json_t *json_hosts(const struct view_failover *v)
{
	json_t *others = json_array();
	for (size_t i = 0; i < v->n_others; i++)
		json_array_append_new(others, json_host(&v->others[i]));
	return json_pack("{s:b, s:o, s:o}", "enabled", v->enabled, "this_host", json_host(&v->self),
			 "other_hosts", others);
}

static json_t *json_one_group(const struct view_failover *v)
{
	json_t *root = json_hosts(v);
	json_t *group = json_group(v);
	json_object_update_new(group, json_pack("{s:s, s:b, s:I, s:o, s:o}", "preferred_unit",
						show_unit(v->preferred_unit), "preempt", v->preempt,
						"preempt_s", (json_int_t)v->preempt_s, "takeovers",
						json_count(v->takeovers), "handovers",
						json_count(v->handovers)));
	json_object_set_new(root, "last_failover", json_time(v->last_failover));
	json_object_update_new(root, json_stateful(v));
	json_object_set_new(root, "group", group);
	return root;
}

void show_failover_group_json(const struct view_failover *v, size_t n, struct text *out)
{
	if (n == 1) {
		json_finish(json_pack("{s:o}", "failover_group", json_one_group(v)), out);
		return;
	}
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_one_group(&v[i]));
	json_finish(json_pack("{s:o}", "failover_groups", list), out);
}

/* --- show failover state --- */

static enum view_host_state state_of(const struct view_failover *v, const struct view_host *h)
{
	return h == &v->self && !v->enabled ? HOST_DISABLED : h->state;
}

static void text_state(const struct view_failover *v, const struct view_host *h, struct text *out)
{
	char when[SHOW_TIME_MAX];
	text_printf(out, "%-15s", show_host_state(state_of(v, h)));
	if (*h->failure)
		text_printf(out, "%-25s%s\n", h->failure, show_time(h->failed_at, when));
	else
		text_printf(out, "None\n");
}

static void text_state_host(const char *which, const struct view_failover *v, size_t n,
			    const struct view_host *h, struct text *out)
{
	text_printf(out, "%-15s%s\n", which, show_unit(h->unit));
	for (size_t i = 0; i < n; i++) {
		if (n > 1)
			text_printf(out, "    Group %-5u", v[i].group);
		else
			text_printf(out, "               ");
		text_state(&v[i], i ? show_same_host(&v[i], h) : h, out);
	}
}

/* NULL: there is nobody to compare with. */
static const char *configuration_text(const struct view_failover *v)
{
	bool known = false, differs = false;
	for (size_t i = 0; v->enabled && i < v->n_others; i++) {
		known |= *v->others[i].config_digest != '\0';
		differs |= *v->others[i].config_digest &&
			   strcmp(v->others[i].config_digest, v->self.config_digest) != 0;
	}
	if (!known)
		return NULL;
	if (differs)
		return "Not in sync: the configurations are different";
	return v->self.state == HOST_ACTIVE ? "Sync Done" : "Sync Done - STANDBY";
}

static const char *communication_text(const struct view_failover *v)
{
	if (!v->enabled)
		return NULL;
	if (!v->cluster_up)
		return "Corosync down";
	return v->quorate ? "Corosync up" : "Corosync up, no quorum";
}

void show_failover_state_text(const struct view_failover *v, size_t n, struct text *out)
{
	const char *configuration = configuration_text(v), *communication = communication_text(v);
	const struct view_host absent = { .unit = show_mate(v), .state = HOST_NOT_DETECTED };
	text_printf(out, "               State          Last Failure Reason      Date/Time\n");
	text_state_host("This host  -", v, n, &v->self, out);
	for (size_t i = 0; i < v->n_others; i++)
		text_state_host("Other host -", v, n, &v->others[i], out);
	if (v->n_others == 0)
		text_state_host("Other host -", v, n, &absent, out);
	text_printf(out, "\n====Configuration State===\n");
	if (configuration)
		text_printf(out, "        %s\n", configuration);
	text_printf(out, "====Communication State===\n");
	if (communication)
		text_printf(out, "        %s\n", communication);
}

static json_t *json_state_host(const struct view_failover *v, const struct view_host *h)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "name", h->name, "unit", show_unit(h->unit),
			 "state", show_host_state(state_of(v, h)), "last_failure", json_failure(h));
}

void show_failover_state_json(const struct view_failover *v, size_t n, struct text *out)
{
	const char *configuration = configuration_text(v), *communication = communication_text(v);
	json_t *others = json_array();
	(void)n; /* show failover tells of the other groups */
	for (size_t i = 0; i < v->n_others; i++)
		json_array_append_new(others, json_state_host(v, &v->others[i]));
	json_finish(json_pack("{s:{s:o, s:o, s:s, s:s}}", "failover_state", "this_host",
			      json_state_host(v, &v->self), "other_hosts", others, "configuration",
			      configuration ? configuration : "", "communication",
			      communication ? communication : ""),
		    out);
}
