/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cli/commands.h"

#include <stdio.h>
#include <string.h>

#include "node/cli/show_common.h"
#include "node/config/grammar.h"

#define MODE_EXEC 1

/* One command being run. */
struct call {
	const struct admin_ops *ops;
	bool json;
	struct text *out;
	enum admin_exit exit;
};

static void fail(struct call *c, enum admin_exit exit, const char *why)
{
	c->exit = exit;
	if (c->json)
		json_finish(json_pack("{s:s}", "error", why), c->out);
	else
		text_printf(c->out, "ERROR: %s\n", why);
}

/* Whether the view was filled; says so when not. */
static bool filled(struct call *c, enum result res)
{
	if (res != R_OK)
		fail(c, ADMIN_ERROR, result_text(res));
	return res == R_OK;
}

static const struct inet_addr *peer_of(const struct match *m, unsigned int slot)
{
	const struct arg *a = match_arg(m, slot);
	return a ? &a->address : NULL;
}

static void run_show_ike(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_ike_list list = { 0 };
	if (filled(c, c->ops->ike_sas(c->ops->ctx, NULL, &list))) {
		if (c->json)
			show_ike_json(&list, c->out);
		else
			show_ike_text(&list, match_arg(m, 0) != NULL, c->out);
	}
	view_ike_list_free(&list);
}

static void run_show_ipsec(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_child_list list = { 0 };
	if (filled(c, c->ops->child_sas(c->ops->ctx, peer_of(m, 0), &list)))
		(c->json ? show_ipsec_json : show_ipsec_text)(&list, c->out);
	view_child_list_free(&list);
}

static void run_show_failover(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_failover view = { 0 };
	(void)m;
	if (filled(c, c->ops->failover(c->ops->ctx, &view)))
		(c->json ? show_failover_json : show_failover_text)(&view, c->out);
}

static void run_show_version(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_version view = { 0 };
	(void)m;
	if (filled(c, c->ops->version(c->ops->ctx, &view)))
		(c->json ? show_version_json : show_version_text)(&view, c->out);
}

static void run_show_counters(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_counter_list list = { 0 };
	(void)m;
	if (filled(c, c->ops->counters(c->ops->ctx, &list)))
		(c->json ? show_counters_json : show_counters_text)(&list, c->out);
	view_counter_list_free(&list);
}

static void run_show_running(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct text text = { 0 };
	(void)m;
	config_running(c->ops->config(c->ops->ctx), true, &text);
	if (text.failed)
		fail(c, ADMIN_ERROR, result_text(R_NO_MEMORY));
	else if (c->json)
		json_finish(json_pack("{s:s}", "running_config", text_string(&text)), c->out);
	else
		text_append(c->out, bytes(text.p, text.len));
	text_free(&text);
}

static void run_clear_ike(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	char why[ADMIN_WHY_MAX] = "";
	unsigned int cleared = 0;
	enum result res = c->ops->clear_ike(c->ops->ctx, peer_of(m, 0), &cleared, why);
	if (res != R_OK)
		fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:I}", "cleared", (json_int_t)cleared), c->out);
	else
		text_printf(c->out, "%u IKEv2 SA%s cleared\n", cleared, cleared == 1 ? "" : "s");
}

static void run_failover_active(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	char why[ADMIN_WHY_MAX] = "";
	enum result res = c->ops->failover_active(c->ops->ctx, !m->no, why);
	if (res != R_OK)
		fail(c, ADMIN_ERROR, *why ? why : result_text(res));
	else if (c->json)
		json_finish(json_pack("{s:b}", "failover_active", !m->no), c->out);
}

static void run_pacemaker(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct text text = { 0 };
	pacemaker_config(match_arg(m, 0)->choice == 1, &text);
	if (text.failed)
		fail(c, ADMIN_ERROR, result_text(R_NO_MEMORY));
	else if (c->json)
		json_finish(json_pack("{s:s}", "pacemaker_config", text_string(&text)), c->out);
	else
		text_append(c->out, bytes(text.p, text.len));
	text_free(&text);
}

static const struct grammar_row rows_exec[] = {
	{ MODE_EXEC, "show crypto ikev2 sa [{detail}]", "IKE SAs and their CHILD SAs", run_show_ike,
	  NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show crypto ipsec sa [peer ADDRESS]", "CHILD SAs with their counters",
	  run_show_ipsec, NULL, ROW_POSITIVE, 0 },
	{ MODE_EXEC, "show failover", "Roles, protection and replication", run_show_failover, NULL,
	  ROW_POSITIVE, 0 },
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
	{ MODE_EXEC, "failover active", "Become active; with no: hand over to the standby",
	  run_failover_active, NULL, 0, 0 },
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
	{ "pacemaker", "When Pacemaker decides who is active" },
	{ 0 },
};

static const struct grammar grammar_exec = { .tables = tables_exec, .words = words_exec };

enum admin_exit admin_run(const struct admin_ops *ops, const char *line, bool json,
			  struct text *out)
{
	struct call c = { .ops = ops, .json = json, .out = out };
	struct line l;
	struct match m;
	struct failure f;
	size_t len = strlen(line);
	if (line_split(&l, line, len) != R_OK) {
		fail(&c, ADMIN_ERROR, result_text(R_NO_MEMORY));
		return c.exit;
	}
	if (grammar_match(&grammar_exec, MODE_EXEC, &l, &m, &f) == R_OK) {
		m.row->apply(&c, &m);
	} else if (l.n > 0) {
		char why[DIAGNOSTIC_TEXT_MAX];
		fail(&c, ADMIN_USAGE, failure_text(&f, &l, why, sizeof(why)));
	}
	line_free(&l);
	if (out->failed)
		c.exit = ADMIN_ERROR;
	return c.exit;
}

void admin_help(const char *line, struct text *out)
{
	grammar_help(&grammar_exec, MODE_EXEC, line, false, out);
}

void admin_complete(const char *line, struct text *out)
{
	grammar_help(&grammar_exec, MODE_EXEC, line, true, out);
}

void admin_prompt(const struct admin_ops *ops, struct text *out)
{
	struct view_version version = { 0 };
	struct view_failover failover = { 0 };
	if (ops->version(ops->ctx, &version) != R_OK ||
	    ops->failover(ops->ctx, &failover) != R_OK) {
		text_printf(out, "holdfast# ");
		return;
	}
	text_printf(out, "%s", version.hostname);
	if (failover.enabled)
		text_printf(out, "/%s/%s", failover.self.secondary ? "sec" : "pri",
			    failover.self.state == HOST_ACTIVE ? "act" : "stby");
	text_printf(out, "# ");
}
