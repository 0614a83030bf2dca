/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cli/commands_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/show_common.h"
#include "node/config/grammar.h"

#define MODE_EXEC 1

void admin_error(bool json, const char *why, struct text *out)
{
	if (json)
		json_finish(json_pack("{s:s}", "error", why), out);
	else
		text_printf(out, "ERROR: %s\n", why);
}

void call_fail(struct call *c, enum admin_exit exit, const char *why)
{
	c->exit = exit;
	admin_error(c->json, why, c->out);
}

const struct inet_addr *call_peer(const struct match *m, unsigned int slot)
{
	const struct arg *a = match_arg(m, slot);
	return a ? &a->address : NULL;
}

bool call_group(struct call *c, const struct match *m, uint8_t *group)
{
	const struct arg *a = match_arg(m, 0);
	uint8_t ids[CONFIG_GROUPS_MAX];
	size_t n = config_group_ids(c->ops->config(c->ops->ctx), ids);
	char why[64];
	*group = a ? (uint8_t)a->number : 0;
	for (size_t i = 0; i < n; i++)
		if (!a || ids[i] == a->number)
			return true;
	snprintf(why, sizeof(why), "there is no failover group %u", (unsigned int)a->number);
	call_fail(c, ADMIN_ERROR, why);
	return false;
}

/* The group that is named, or all. */
typedef enum result (*clear_fn)(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
				char why[ADMIN_WHY_MAX]);

static void run_clear(struct call *c, clear_fn clear, const struct inet_addr *peer,
		      const char *kind)
{
	char why[ADMIN_WHY_MAX] = "";
	unsigned int cleared = 0;
	enum result res = clear(c->ops->ctx, peer, &cleared, why);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:I}", "cleared", (json_int_t)cleared), c->out);
	else
		text_printf(c->out, "%u %s SA%s cleared\n", cleared, kind, cleared == 1 ? "" : "s");
}

static void run_clear_ike(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	run_clear(c, c->ops->clear_ike, call_peer(m, 0), "IKEv2");
}

static void run_clear_ipsec(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	run_clear(c, c->ops->clear_children, call_peer(m, 0), "IPsec");
}

static void run_initiate(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	char why[ADMIN_WHY_MAX] = "";
	const char *map = match_text(m, 0);
	uint32_t seq = (uint32_t)match_arg(m, 1)->number;
	enum result res = c->ops->initiate(c->ops->ctx, map, seq, why);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:s}", "initiated", map), c->out);
}

static void run_failover_active(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	char why[ADMIN_WHY_MAX] = "";
	uint8_t group;
	if (!call_group(c, m, &group))
		return;
	enum result res = c->ops->failover_active(c->ops->ctx, !m->no, group, why);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:b}", "failover_active", !m->no), c->out);
}

static void run_write(struct call *c, bool standby)
{
	char why[ADMIN_WHY_MAX] = "";
	struct view_write view = { .standby = standby };
	enum result res = c->ops->write(c->ops->ctx, standby, c->caller, &view, why);
	if (res == R_AGAIN)
		c->exit = ADMIN_LATER;
	else if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else
		(c->json ? show_write_json : show_write_text)(&view, c->out);
}

static void run_write_memory(void *ctx, const struct match *m)
{
	(void)m;
	run_write(ctx, false);
}

static void run_write_standby(void *ctx, const struct match *m)
{
	(void)m;
	run_write(ctx, true);
}

static void run_node(struct call *c, bool drained)
{
	char why[ADMIN_WHY_MAX] = "";
	struct view_drain view = { .drained = drained };
	enum result res = c->ops->node_drain(c->ops->ctx, c->caller, &view, why);
	if (res == R_AGAIN)
		c->exit = ADMIN_LATER;
	else if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else
		(c->json ? show_drain_json : show_drain_text)(&view, c->out);
}

static void run_node_drain(void *ctx, const struct match *m)
{
	(void)m;
	run_node(ctx, true);
}

static void run_node_resume(void *ctx, const struct match *m)
{
	(void)m;
	run_node(ctx, false);
}

static void run_node_fenced(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	char why[ADMIN_WHY_MAX] = "";
	uint32_t node = (uint32_t)match_arg(m, 0)->number;
	enum result res = c->ops->node_fenced(c->ops->ctx, node, why);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:{s:I}}", "node_fenced", "node", (json_int_t)node),
			    c->out);
}

static void run_node_forget(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	char why[ADMIN_WHY_MAX] = "";
	const char *name = match_text(m, 0);
	enum result res = c->ops->node_forget(c->ops->ctx, name, why);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:s}", "forgotten", name), c->out);
}

static bool is_exec(const char *line);

static void exec_at(struct call *c, const struct admin_target *to, const char *line)
{
	char why[ADMIN_WHY_MAX] = "";
	uint8_t slot = 0;
	if (c->caller->remote || is_exec(line)) {
		call_fail(c, ADMIN_USAGE, "failover exec cannot be nested");
		return;
	}
	enum result res = c->ops->exec_target(c->ops->ctx, to, &slot, why);
	if (res != R_OK) {
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	} else if (slot == 0) {
		const struct admin_caller self = { .json = c->json, .remote = true };
		c->exit = admin_run(c->ops, line, &self, c->out);
	} else if (c->caller->ticket == 0) {
		call_fail(c, ADMIN_ERROR, result_text(R_UNSUPPORTED));
	} else {
		c->exit = ADMIN_LATER;
		c->ops->exec_ask(c->ops->ctx, slot, line, c->json, c->caller->ticket);
	}
}

static void run_exec(void *ctx, const struct match *m)
{
	const struct admin_target to = { .kind = match_arg(m, 0)->choice };
	exec_at(ctx, &to, match_text(m, 1));
}

static void run_exec_member(void *ctx, const struct match *m)
{
	const struct admin_target to = { .kind = TARGET_MEMBER, .name = match_text(m, 0) };
	exec_at(ctx, &to, match_text(m, 1));
}

static void run_pacemaker(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct text text = { 0 };
	pacemaker_config(match_arg(m, 0)->choice == 1, &text);
	if (text.failed)
		call_fail(c, ADMIN_ERROR, result_text(R_NO_MEMORY));
	else if (c->json)
		json_finish(json_pack("{s:s}", "pacemaker_config", text_string(&text)), c->out);
	else
		text_append(c->out, bytes(text.p, text.len));
	text_free(&text);
}

static void run_keygen(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_keygen view = { 0 };
	char why[ADMIN_WHY_MAX] = "";
	const struct arg *slot = match_arg(m, 1);
	if (!c->ops->keygen) {
		call_fail(c, ADMIN_ERROR, "the daemon makes no keys: run holdfast cluster keygen");
		return;
	}
	enum result res = c->ops->keygen(c->ops->ctx, match_text(m, 0),
					 slot ? (uint8_t)slot->number : 0, &view, why);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else
		(c->json ? show_keygen_json : show_keygen_text)(&view, c->out);
}

static const struct grammar_row rows_exec[] = {
	{ MODE_EXEC, "show crypto ikev2 sa [{detail}]", "IKE SAs and their CHILD SAs", run_show_ike,
	  NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show crypto ipsec sa [peer ADDRESS] [{detail}]",
	  "CHILD SAs with their counters", run_show_ipsec, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show crypto map [tag NAME]",
	  "Crypto maps with the current peer of each entry", run_show_map, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show crypto ikev2 stats", "IKE SAs, their limits, and who was refused",
	  run_show_ikev2_stats, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show crypto call admission statistics",
	  "Limits of IKE SAs, and who was refused", run_show_admission, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show failover", "Roles, protection and replication", run_show_failover, NULL,
	  ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show failover group [<1-15>]", "A failover group on its units",
	  run_show_failover_group, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show failover state", "State and last failure of the units",
	  run_show_failover_state, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show monitor-interface", "Links of the units' interfaces", run_show_monitor,
	  NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show failover history [group <1-15>]", "Changes of this unit's state",
	  run_show_failover_history, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show failover statistics", "Messages, refusals and counters of replication",
	  run_show_failover_statistics, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show running-config", "The configuration in force, without its keys",
	  run_show_running, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show counters", "Every counted reason", run_show_counters, NULL, ROW_POSITIVE,
	  0 },
	{ MODE_EXEC, "show version", "Version, uptime and libraries", run_show_version, NULL,
	  ROW_POSITIVE, 0 },
	{ MODE_EXEC, "clear crypto ikev2 sa [ADDRESS]", "Delete IKE SAs, of one peer or all",
	  run_clear_ike, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "clear crypto ikev2 sa peer ADDRESS", "Delete the IKE SAs of a peer",
	  run_clear_ike, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "clear crypto ipsec sa [peer ADDRESS]", "Delete CHILD SAs, of one peer or all",
	  run_clear_ipsec, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "clear ipsec sa [peer ADDRESS]", "Delete CHILD SAs, of one peer or all",
	  run_clear_ipsec, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "initiate crypto map NAME <1-65535>",
	  "Set up the tunnels of an entry with its current peer", run_initiate, NULL, ROW_POSITIVE,
	  0 },
	{ MODE_EXEC, "write [{memory}]",
	  "Write the running configuration into the file, here and on the standby",
	  run_write_memory, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "write standby", "Send the running configuration to the standby",
	  run_write_standby, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "copy running-config startup-config",
	  "Write the running configuration into the file, here and on the standby",
	  run_write_memory, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "failover active [group <1-15>]",
	  "Become active; with no: hand over to the standby", run_failover_active, NULL, 0, 0 },
	{ MODE_EXEC, "node drain", "Hand over what this node owns, and own nothing until resumed",
	  run_node_drain, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "node resume", "This node may own groups again", run_node_resume, NULL,
	  ROW_POSITIVE, 0 },
	{ MODE_EXEC, "node fenced <1-4294967295>",
	  "Confirm that the node with this Corosync id is off (failover takeover fenced)",
	  run_node_fenced, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "node forget NAME",
	  "A lost node does not come back as it was: free its share of call admission",
	  run_node_forget, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "failover exec {mate|active|standby} LINE", "Run a command at another member",
	  run_exec, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "failover exec member NAME LINE", "Run a command at the member of this name",
	  run_exec_member, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "cluster keygen [WORD]", "Make this member's key for the snapshot channel",
	  run_keygen, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "cluster keygen WORD slot <1-15>",
	  "Make a key for the snapshot channel, of the member with that slot", run_keygen, NULL,
	  ROW_POSITIVE, 0 },
	{ MODE_EXEC, "pacemaker print-config {crm|pcs}", "A configuration for Pacemaker",
	  run_pacemaker, NULL, ROW_POSITIVE, 0 },
	{ 0 },
};

static const struct grammar_table tables_exec[] = { { rows_exec, NULL }, { 0 } };

static const struct grammar_word words_exec[] = {
	{ "show", "What the daemon knows" },
	{ "clear", "Delete state" },
	{ "crypto", "IPsec" },
	{ "ikev2", "IKE version 2" },
	{ "sa", "Security associations" },
	{ "failover", "The pair, its roles and replication" },
	{ "exec", "Run a command at another member" },
	{ "mate", "The other member of the pair" },
	{ "active", "The unit that is active" },
	{ "standby", "The unit that stands by" },
	{ "cluster", "The members of the cluster" },
	{ "keygen", "Make this member's key for the snapshot channel" },
	{ "write", "Save or replicate the running configuration" },
	{ "copy", "Save the running configuration" },
	{ "node", "The nodes of the cluster" },
	{ "fenced", "A node is off, and confirmed to be" },
	{ "call", "Call admission control" },
	{ "admission", "Call admission control" },
	{ "initiate", "Set up a tunnel without waiting for traffic" },
	{ "pacemaker", "When Pacemaker decides who is active" },
	{ 0 },
};

static const struct grammar grammar_exec = { .tables = tables_exec, .words = words_exec };

/* Whether the first len bytes and tail together are a whole "failover exec". */
static bool is_exec_line(const char *line, size_t len, const char *tail)
{
	struct text probe = { 0 };
	struct line l;
	struct match m;
	bool is = false;
	text_append(&probe, bytes(line, len));
	text_printf(&probe, "%s", tail);
	if (!probe.failed && line_split(&l, text_string(&probe), probe.len) == R_OK) {
		if (grammar_match(&grammar_exec, MODE_EXEC, &l, &m, NULL) == R_OK)
			is = m.row->apply == run_exec || m.row->apply == run_exec_member;
		line_free(&l);
	}
	text_free(&probe);
	return is;
}

static bool is_exec(const char *line)
{
	return is_exec_line(line, strlen(line), "");
}

enum admin_exit admin_run(const struct admin_ops *ops, const char *line,
			  const struct admin_caller *caller, struct text *out)
{
	struct call c = { .ops = ops, .caller = caller, .json = caller->json, .out = out };
	struct line l;
	struct match m;
	struct failure f;
	size_t len = strlen(line);
	if (line_split(&l, line, len) != R_OK) {
		call_fail(&c, ADMIN_ERROR, result_text(R_NO_MEMORY));
		return c.exit;
	}
	if (grammar_match(&grammar_exec, MODE_EXEC, &l, &m, &f) == R_OK) {
		m.row->apply(&c, &m);
	} else if (l.n > 0) {
		char why[DIAGNOSTIC_TEXT_MAX];
		call_fail(&c, ADMIN_USAGE, failure_text(&f, &l, why, sizeof(why)));
	}
	line_free(&l);
	if (out->failed)
		c.exit = ADMIN_ERROR;
	return c.exit;
}

/* Behind "failover exec" and whom, what follows is a command like any other. */
static const char *behind_exec(const char *line)
{
	for (const char *p = line; (p = strchr(p, ' ')); p++)
		if (is_exec_line(line, (size_t)(p - line), " word"))
			return p + 1;
	return line;
}

void admin_help(const char *line, struct text *out)
{
	grammar_help(&grammar_exec, MODE_EXEC, behind_exec(line), false, out);
}

void admin_complete(const char *line, struct text *out)
{
	grammar_help(&grammar_exec, MODE_EXEC, behind_exec(line), true, out);
}

static const char *prompt_unit(uint8_t unit)
{
	static const char *const names[UNIT_MAX + 1] = { "pri",  "pri",  "sec",  "mem3", "mem4",
							 "mem5", "mem6", "mem7", "mem8" };
	return names[unit <= UNIT_MAX ? unit : UNIT_UNSET];
}

void admin_prompt(const struct admin_ops *ops, struct text *out)
{
	struct view_version version = { 0 };
	struct view_failover failover = { 0 };
	if (ops->version(ops->ctx, &version) != R_OK ||
	    ops->failover(ops->ctx, 0, &failover) != R_OK) {
		text_printf(out, "holdfast# ");
		return;
	}
	text_printf(out, "%s", version.hostname);
	if (failover.enabled)
		text_printf(out, "/%s/%s", prompt_unit(failover.self.unit),
			    failover.self.state == HOST_ACTIVE ? "act" : "stby");
	text_printf(out, "# ");
}
