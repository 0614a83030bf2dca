/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "failover exec" in the daemon: whom it means, the request to the cluster
 * logic, commands of other members, and the answers.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/must.h"
#include "node/world.h"

/* ---- whom ---- */

static bool is_named(const struct cl_member_status *m, const char *name)
{
	char slot[8];

	snprintf(slot, sizeof(slot), "%u", m->slot);
	return strcasecmp(m->hostname, name) == 0 || strcmp(slot, name) == 0;
}

static bool is_meant(const struct cl_group_status *st, size_t i, const struct admin_target *to)
{
	const struct cl_member_status *m = &st->members[i];

	switch (to->kind) {
	case TARGET_MATE:
		return !m->self;
	case TARGET_ACTIVE:
		return m->owner;
	case TARGET_STANDBY:
		return !m->owner && m->synced;
	case TARGET_MEMBER:
		return is_named(m, to->name);
	}
	return false;
}

static const char *target_text(const struct admin_target *to)
{
	switch (to->kind) {
	case TARGET_MATE:
		return "other unit";
	case TARGET_ACTIVE:
		return "active unit";
	case TARGET_STANDBY:
		return "standby unit";
	case TARGET_MEMBER:
		break;
	}
	return to->name;
}

enum result world_exec_target(void *ctx, const struct admin_target *to, uint8_t *slot,
			      char why[ADMIN_WHY_MAX])
{
	const struct world *w = ctx;
	struct cl_group_status st;
	unsigned int found = 0;

	if (!w->config->failover.enabled) {
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
		return R_CONFIG;
	}
	enum result res = cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(),
					  &st);
	for (size_t i = 0; res == R_OK && i < st.n_members; i++)
		if (st.members[i].slot && is_meant(&st, i, to)) {
			*slot = st.members[i].self ? 0 : st.members[i].slot;
			found++;
		}
	if (res != R_OK || found == 1)
		return res;
	if (found)
		snprintf(why, ADMIN_WHY_MAX,
			 "there is more than one %s: name it with failover exec member",
			 target_text(to));
	else if (to->kind == TARGET_MEMBER)
		snprintf(
			why, ADMIN_WHY_MAX,
			"no member is called %.64s: expected a hostname or a slot, as in show failover",
			to->name);
	else
		snprintf(why, ADMIN_WHY_MAX, "there is no %s in the cluster", target_text(to));
	return found ? R_EXISTS : R_NOT_FOUND;
}

void world_exec_ask(void *ctx, uint8_t slot, const char *line, bool json, uint64_t ticket)
{
	struct world *w = ctx;
	struct cl_input in = { .kind = CL_IN_EXEC,
			       .slot = slot,
			       .token = ticket,
			       .json = json,
			       .data = bytes(line, strlen(line)) };

	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

/* ---- effects, from the loop: the core is not to be called from within itself ---- */

struct exec_job {
	struct world *w;
	enum cl_effect_kind kind;
	uint64_t token;
	uint8_t slot;
	bool json, ok;
	uint32_t exit;
	const char *why; /* static */
	struct buf data;
};

/* An answer has a bound (and JSON that is cut off is none). */
static enum admin_exit bound(bool json, enum admin_exit exit, struct text *out)
{
	static const char cut[] = "\nERROR: the rest does not fit: ask at the unit itself\n";

	if (out->len <= CL_EXEC_TEXT_MAX)
		return exit;
	if (json) {
		text_free(out);
		admin_error(true, "the answer is too long: ask at the unit itself", out);
		return ADMIN_ERROR;
	}
	out->len = CL_EXEC_TEXT_MAX - sizeof(cut);
	text_append(out, bytes(cut, sizeof(cut) - 1));
	return ADMIN_ERROR;
}

static void run_for_member(struct exec_job *j)
{
	const struct admin_caller caller = { .json = j->json, .remote = true };
	struct text line = { 0 }, out = { 0 };

	text_append(&line, buf_bytes(&j->data));
	enum admin_exit exit = admin_run(&j->w->admin_ops, text_string(&line), &caller, &out);
	exit = bound(j->json, exit, &out);
	struct cl_input in = { .kind = CL_IN_EXEC_ANSWER,
			       .token = j->token,
			       .exit = exit,
			       .data = bytes(out.p, out.len) };
	hf_core_cluster(j->w->core, world_now_ns(), &in);
	world_touch(j->w);
	text_free(&line);
	text_free(&out);
}

static void tell_client(const struct exec_job *j)
{
	struct cl_group_status st = { 0 };
	char error[200];
	const char *name = "";

	if (j->ok) {
		admin_server_answer(j->w->admin, j->token,
				    j->exit <= ADMIN_USAGE ? (enum admin_exit)j->exit : ADMIN_ERROR,
				    buf_bytes(&j->data), NULL);
		return;
	}
	if (cl_group_status(hf_core_cluster_node(j->w->core), j->w->group, world_now_ns(), &st) ==
	    R_OK)
		for (size_t i = 0; i < st.n_members; i++)
			if (st.members[i].slot == j->slot)
				name = st.members[i].hostname;
	snprintf(error, sizeof(error), "%s%sthe unit in slot %u %s", name, *name ? ", " : "",
		 j->slot, j->why);
	admin_server_answer(j->w->admin, j->token, ADMIN_ERROR, BYTES_NONE, error);
}

static void exec_later(void *data)
{
	struct exec_job *j = data;

	if (j->kind == CL_FX_EXEC)
		run_for_member(j);
	else
		tell_client(j);
	ss_buf_wipe(&j->data);
	free(j);
}

void world_exec(void *ctx, const struct cl_effect *fx)
{
	struct world *w = ctx;
	struct exec_job *j = calloc(1, sizeof(*j));

	must(j && buf_set(&j->data, buf_bytes(&fx->data)));
	j->w = w;
	j->kind = fx->kind;
	j->token = fx->token;
	j->slot = fx->slot;
	j->json = fx->json;
	j->ok = fx->ok;
	j->exit = fx->exit;
	j->why = fx->why;
	qb_loop_job_add(w->loop, QB_LOOP_LOW, j, exec_later);
}
