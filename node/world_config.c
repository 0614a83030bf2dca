/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication of the configuration in the daemon: what the active unit sends,
 * what the others make of it, write memory, and what an operator may change
 * where. world_config_take.c is the other end.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/config/replica.h"
#include "node/config/save.h"
#include "node/world.h"

void world_config_say(enum log_id id, const char *fmt, ...)
{
	char detail[LOG_DETAIL_MAX];
	struct log_event ev;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	log_event_make(&ev, id, NULL, NULL, NULL, "%s", detail);
	log_emit(&ev);
}

static enum cl_config_role config_role(const struct world *w, uint8_t digest[32])
{
	memset(digest, 0, 32);
	return w->config->failover.enabled ? cl_config_role(hf_core_cluster_node(w->core), digest)
					   : CL_CONFIG_ALONE;
}

static const char *member_name(const struct cl_group_status *st, uint8_t slot)
{
	for (size_t i = 0; i < st->n_members; i++)
		if (st->members[i].slot == slot)
			return st->members[i].hostname;
	return "";
}

/* ---- what an operator may change where ---- */

bool world_config_refused(struct world *w, const struct config *fresh)
{
	uint8_t active[32], digest[32];

	if (config_role(w, active) != CL_CONFIG_STANDBY)
		return false;
	replica_digest(fresh, digest);
	/* Lines of this unit alone are its own business; the active unit's by hand are as good as
	 * by replication. */
	if (strcmp(fresh->digest, w->config->digest) == 0 || memcmp(digest, active, 32) == 0)
		return false;
	char difference[REPLICA_WHY_MAX];
	replica_difference(fresh, w->config, difference);
	world_config_say(LOG_CONFIG_ON_STANDBY, "%s is not loaded: %s", w->options.config_path,
			 difference);
	return true;
}

/* ---- the active unit ---- */

static void offer(struct world *w, enum cl_config_why why, uint8_t slot, uint64_t token)
{
	struct text text = { 0 };

	config_running_shared(w->config, &text);
	struct cl_input in = { .kind = CL_IN_CONFIG_OFFER,
			       .slot = slot,
			       .token = token,
			       .why = why,
			       .data = bytes(text.p, text.failed ? 0 : text.len) };
	replica_digest(w->config, in.digest);
	if (why == CL_CONFIG_REPLACE)
		world_config_say(LOG_CONFIG_SENDING, "Cryptochecksum %.8s, %zu bytes",
				 w->config->digest, text.len);
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
	text_free(&text);
}

static size_t other_members(const struct world *w)
{
	struct cl_group_status st;
	size_t others = 0;

	if (cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(), &st) != R_OK)
		return 0;
	for (size_t i = 0; i < st.n_members; i++)
		others += st.members[i].slot && !st.members[i].self && !st.members[i].slot_refused;
	return others;
}

void world_config_changed(struct world *w)
{
	uint8_t digest[32];

	if (config_role(w, digest) == CL_CONFIG_ACTIVE && other_members(w))
		offer(w, CL_CONFIG_REPLACE, 0, 0);
}

enum result world_config_file(struct world *w, struct view_write *v, char why[520])
{
	const uint64_t from = world_now_ns();

	snprintf(v->file, sizeof(v->file), "%s", w->options.config_path);
	snprintf(v->digest, sizeof(v->digest), "%s", w->config->digest);
	if (config_file_holds(w->options.config_path, w->config))
		return R_OK;
	struct config_saved saved;
	enum result res = config_save(w->options.config_path, w->config, &saved, why);
	v->written = res == R_OK;
	v->bytes = saved.written;
	v->took_ms = (uint32_t)((world_now_ns() - from) / 1000000u);
	return res;
}

void world_config_written(const struct world *w, size_t bytes_written)
{
	world_config_say(LOG_CONFIG_WRITTEN, "%s, %zu bytes; the one before is %s.previous",
			 w->options.config_path, bytes_written, w->options.config_path);
}

/* ---- commands ---- */

/* The answer comes later: to whom, and as what. */
static void wait_for(struct world *w, const struct admin_caller *caller, bool standby)
{
	w->write = (struct view_write){ .standby = standby };
	w->write_ticket = caller->ticket;
	w->write_json = caller->json;
}

static void answer_client(struct world *w, const char *error)
{
	struct text out = { 0 };
	uint64_t ticket = w->write_ticket;

	if (!ticket)
		return;
	w->write_ticket = 0;
	if (!error)
		(w->write_json ? show_write_json : show_write_text)(&w->write, &out);
	admin_server_answer(w->admin, ticket,
			    error || view_write_failed(&w->write) ? ADMIN_ERROR : ADMIN_OK,
			    bytes(out.p, out.len), error);
	text_free(&out);
}

static void memory_run(struct background_job *job)
{
	struct world_file *f = (struct world_file *)job;
	f->res = world_config_file(f->w, &f->view, f->why);
}

/* Our own file is written: now those of the others. */
static void memory_done(struct background_job *job)
{
	struct world_file *f = (struct world_file *)job;
	struct world *w = f->w;
	uint8_t digest[32];

	if (!w->background) {
		free(f);
		return;
	}
	if (f->view.written)
		world_config_written(w, f->view.bytes);
	if (f->waiting)
		w->write = f->view;
	if (f->res != R_OK) {
		world_config_say(LOG_CONFIG_FAILED, "%s", f->why);
		if (f->waiting)
			answer_client(w, f->why);
	} else if (config_role(w, digest) == CL_CONFIG_ACTIVE && other_members(w)) {
		offer(w, CL_CONFIG_SAVE, 0, f->waiting ? w->write_ticket : 0);
	} else if (f->waiting) {
		answer_client(w, NULL);
	}
	free(f);
}

static enum result write_memory(struct world *w, const struct admin_caller *caller)
{
	struct world_file *f = calloc(1, sizeof(*f));

	must(f);
	f->job = (struct background_job){ .run = memory_run, .done = memory_done };
	f->w = w;
	f->waiting = caller->ticket != 0;
	if (f->waiting)
		wait_for(w, caller, false);
	background_run(w->background, &f->job);
	return caller->ticket ? R_AGAIN : R_OK;
}

static enum result write_standby(struct world *w, const struct admin_caller *caller,
				 char why[ADMIN_WHY_MAX])
{
	uint8_t digest[32];

	if (!w->config->failover.enabled) {
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
		return R_CONFIG;
	}
	if (config_role(w, digest) != CL_CONFIG_ACTIVE) {
		snprintf(why, ADMIN_WHY_MAX, "this unit is not active; run it on the active unit");
		return R_NOT_OWNER;
	}
	if (caller->ticket)
		wait_for(w, caller, true);
	offer(w, CL_CONFIG_REPLACE, 0, caller->ticket);
	return caller->ticket ? R_AGAIN : R_OK;
}

enum result world_config_write(void *ctx, bool standby, const struct admin_caller *caller,
			       struct view_write *out, char why[ADMIN_WHY_MAX])
{
	struct world *w = ctx;

	if (w->write_ticket) {
		snprintf(why, ADMIN_WHY_MAX,
			 "another write waits for its end: try again when it has ended");
		return R_LIMIT;
	}
	out->pending = true;
	return standby ? write_standby(w, caller, why) : write_memory(w, caller);
}

/* ---- effects, from the loop: the core is not to be called from within itself ---- */

struct config_job {
	struct world *w;
	enum cl_effect_kind kind;
	uint64_t token;
	uint8_t slot;
	bool ok;
	uint32_t left;
	enum cl_config_why config_why;
	enum result reason;
	const char *why; /* static */
	struct buf data; /* what the unit says */
};

static void note_unit(struct world *w, const struct config_job *j, const char *name,
		      const char *why)
{
	if (w->write.n == VIEW_OTHERS_MAX)
		return;
	struct view_write_unit *u = &w->write.units[w->write.n++];
	u->slot = j->slot;
	u->ok = j->ok;
	snprintf(u->name, sizeof(u->name), "%s", name);
	snprintf(u->why, sizeof(u->why), "%s", why);
}

/* A unit has answered, or will not. */
static void unit_done(struct world *w, const struct config_job *j)
{
	struct cl_group_status st = { 0 };
	char why[520] = "";

	if (cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(), &st) != R_OK)
		st.n_members = 0;
	const char *name = member_name(&st, j->slot);
	if (j->slot == 0)
		snprintf(why, sizeof(why), "%s", j->why);
	else if (!j->ok && j->why)
		snprintf(why, sizeof(why), "%s", j->why);
	else if (!j->ok)
		snprintf(why, sizeof(why), "keeps the configuration that it has: %.*s",
			 (int)j->data.len, (const char *)j->data.p);
	if (!j->ok)
		world_config_say(LOG_CONFIG_FAILED, "%s%sslot %u: %s", name, *name ? ", " : "",
				 j->slot, why);
	else if (j->config_why == CL_CONFIG_REPLACE)
		world_config_say(LOG_CONFIG_SENT, "%s, slot %u", name, j->slot);
	if (!j->token || j->token != w->write_ticket)
		return;
	if (j->slot)
		note_unit(w, j, name, why);
	if (j->left == 0)
		answer_client(w, j->slot ? NULL : why);
}

static void config_later(void *data)
{
	struct config_job *j = data;

	if (j->kind == CL_FX_CONFIG_WANTED)
		offer(j->w, CL_CONFIG_REPLACE, j->slot, 0);
	else
		unit_done(j->w, j);
	buf_free(&j->data);
	free(j);
}

void world_config(void *ctx, const struct cl_effect *fx)
{
	struct world *w = ((struct world *)ctx)->first;

	if (fx->kind == CL_FX_CONFIG) {
		world_config_take(w, fx);
		return;
	}
	struct config_job *j = calloc(1, sizeof(*j));
	must(j && buf_set(&j->data, buf_bytes(&fx->data)));
	j->w = w;
	j->kind = fx->kind;
	j->token = fx->token;
	j->slot = fx->slot;
	j->ok = fx->ok;
	j->left = fx->exit;
	j->config_why = fx->config_why;
	j->reason = fx->reason;
	j->why = fx->why;
	world_soon(w, QB_LOOP_LOW, j, config_later);
}
