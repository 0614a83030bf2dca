/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that only look: a view from the daemon, as text or JSON. */
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/commands_private.h"
#include "node/cli/show_common.h"

/* Whether the view was filled; says so when not. */
static bool filled(struct call *c, enum result res)
{
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, result_text(res));
	return res == R_OK;
}

void run_show_ike(void *ctx, const struct match *m)
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

void run_show_ipsec(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_child_list list = { 0 };
	if (filled(c, c->ops->child_sas(c->ops->ctx, call_peer(m, 0), &list))) {
		if (c->json)
			show_ipsec_json(&list, c->out);
		else
			show_ipsec_text(&list, match_arg(m, 1) != NULL, c->out);
	}
	view_child_list_free(&list);
}

void run_show_map(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_map_list list = { 0 };
	if (filled(c, c->ops->crypto_maps(c->ops->ctx, match_text(m, 0), &list)))
		(c->json ? show_map_json : show_map_text)(&list, c->out);
	view_map_list_free(&list);
}

/* A view of each group, the caller's to free; NULL when that failed. */
static struct view_failover *failover_views(struct call *c, size_t *n)
{
	uint8_t ids[CONFIG_GROUPS_MAX];
	*n = config_group_ids(c->ops->config(c->ops->ctx), ids);
	struct view_failover *v = calloc(*n, sizeof(*v));
	enum result res = v ? R_OK : R_NO_MEMORY;
	for (size_t i = 0; i < *n && res == R_OK; i++)
		res = c->ops->failover(c->ops->ctx, ids[i], &v[i]);
	if (filled(c, res))
		return v;
	free(v);
	return NULL;
}

void run_show_failover(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	size_t n;
	struct view_failover *views = failover_views(c, &n);
	(void)m;
	if (views)
		(c->json ? show_failover_json : show_failover_text)(views, n, c->out);
	free(views);
}

void run_show_failover_group(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	uint8_t group;
	size_t n;
	if (!call_group(c, m, &group))
		return;
	struct view_failover *views = failover_views(c, &n);
	size_t first = 0;
	while (views && group && views[first].group != group)
		first++;
	if (views)
		(c->json ? show_failover_group_json
			 : show_failover_group_text)(&views[first], group ? 1 : n, c->out);
	free(views);
}

void run_show_monitor(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	size_t n;
	struct view_failover *views = failover_views(c, &n);
	(void)m;
	if (views)
		(c->json ? show_monitor_json : show_monitor_text)(views, n, c->out);
	free(views);
}

void run_show_failover_state(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	size_t n;
	struct view_failover *views = failover_views(c, &n);
	(void)m;
	if (views)
		(c->json ? show_failover_state_json : show_failover_state_text)(views, n, c->out);
	free(views);
}

void run_show_failover_history(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_failover_history view = { 0 };
	uint8_t group;
	if (call_group(c, m, &group) &&
	    filled(c, c->ops->failover_history(c->ops->ctx, group, &view)))
		(c->json ? show_failover_history_json : show_failover_history_text)(&view, c->out);
}

void run_show_failover_statistics(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_failover_statistics view = { 0 };
	(void)m;
	if (filled(c, c->ops->failover_statistics(c->ops->ctx, &view)))
		(c->json ? show_failover_statistics_json : show_failover_statistics_text)(&view,
											  c->out);
	view_counter_list_free(&view.refused);
	view_counter_list_free(&view.counters);
}

void run_show_version(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_version view = { 0 };
	(void)m;
	if (filled(c, c->ops->version(c->ops->ctx, &view)))
		(c->json ? show_version_json : show_version_text)(&view, c->out);
}

void run_show_counters(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_counter_list list = { 0 };
	(void)m;
	if (filled(c, c->ops->counters(c->ops->ctx, &list)))
		(c->json ? show_counters_json : show_counters_text)(&list, c->out);
	view_counter_list_free(&list);
}

void run_show_running(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct text text = { 0 };
	(void)m;
	config_running(c->ops->config(c->ops->ctx), true, &text);
	if (text.failed)
		call_fail(c, ADMIN_ERROR, result_text(R_NO_MEMORY));
	else if (c->json)
		json_finish(json_pack("{s:s}", "running_config", text_string(&text)), c->out);
	else
		text_append(c->out, bytes(text.p, text.len));
	text_free(&text);
}

void run_show_admission(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_admission view = { 0 };
	(void)m;
	enum result res = c->ops->admission(c->ops->ctx, &view);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, result_text(res));
	else
		(c->json ? show_admission_json : show_admission_text)(&view, c->out);
}

/* --json: as above. */
void run_show_ikev2_stats(void *ctx, const struct match *m)
{
	struct call *c = ctx;
	struct view_admission view = { 0 };
	(void)m;
	enum result res = c->ops->admission(c->ops->ctx, &view);
	if (res != R_OK)
		call_fail(c, ADMIN_ERROR, result_text(res));
	else
		(c->json ? show_admission_json : show_ikev2_stats_text)(&view, c->out);
}
