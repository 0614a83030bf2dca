/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Replication of the configuration in the daemon: what the active unit sends,
 * what another one does with it, and what an operator may change where.
 *
 * A unit that is sent one checks it whole, writes its file, and only then puts
 * it into force. When anything of that fails, everything stays as it was.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/config/replica.h"
#include "node/config/save.h"
#include "node/world.h"

static void say(enum log_id id, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(enum log_id id, const char *fmt, ...)
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
	say(LOG_CONFIG_ON_STANDBY, "%s is not loaded: %s", w->options.config_path, difference);
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
		say(LOG_CONFIG_SENDING, "Cryptochecksum %.8s, %zu bytes", w->config->digest,
		    text.len);
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

/* Writes the file, unless it holds what is in force already. */
static enum result save(struct world *w, struct view_write *v, char why[SAVE_WHY_MAX])
{
	const uint64_t from = world_now_ns();

	snprintf(v->file, sizeof(v->file), "%s", w->options.config_path);
	snprintf(v->digest, sizeof(v->digest), "%s", w->config->digest);
	if (config_file_holds(w->options.config_path, w->config))
		return R_OK;
	enum result res = config_save(w->options.config_path, w->config, &v->bytes, why);
	v->written = res == R_OK;
	v->took_ms = (uint32_t)((world_now_ns() - from) / 1000000u);
	if (v->written)
		say(LOG_CONFIG_WRITTEN, "%s, %zu bytes; the one before is %s.previous",
		    w->options.config_path, v->bytes, w->options.config_path);
	return res;
}

/* Units answer later: to whom, and as what. */
static enum result wait_for_units(struct world *w, const struct admin_caller *caller,
				  const struct view_write *so_far)
{
	if (!caller->ticket)
		return R_OK;
	w->write = *so_far;
	w->write_ticket = caller->ticket;
	w->write_json = caller->json;
	return R_AGAIN;
}

static enum result write_standby(struct world *w, const struct admin_caller *caller,
				 const struct view_write *v, enum cl_config_role role,
				 char why[ADMIN_WHY_MAX])
{
	if (!w->config->failover.enabled) {
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
		return R_CONFIG;
	}
	if (role != CL_CONFIG_ACTIVE) {
		snprintf(why, ADMIN_WHY_MAX, "this unit is not active; run it on the active unit");
		return R_NOT_OWNER;
	}
	enum result res = wait_for_units(w, caller, v);
	offer(w, CL_CONFIG_REPLACE, 0, caller->ticket);
	return res;
}

static enum result write_memory(struct world *w, const struct admin_caller *caller,
				struct view_write *v, enum cl_config_role role,
				char why[ADMIN_WHY_MAX])
{
	enum result res = save(w, v, why);

	if (res != R_OK || role != CL_CONFIG_ACTIVE || !other_members(w))
		return res;
	res = wait_for_units(w, caller, v);
	offer(w, CL_CONFIG_SAVE, 0, caller->ticket);
	return res;
}

enum result world_config_write(void *ctx, bool standby, const struct admin_caller *caller,
			       struct view_write *out, char why[ADMIN_WHY_MAX])
{
	struct world *w = ctx;
	uint8_t digest[32];
	enum cl_config_role role = config_role(w, digest);

	if (w->write_ticket) {
		snprintf(why, ADMIN_WHY_MAX,
			 "another write waits for the other units: try again when it has ended");
		return R_LIMIT;
	}
	return standby ? write_standby(w, caller, out, role, why)
		       : write_memory(w, caller, out, role, why);
}

/* ---- effects, from the loop: the core is not to be called from within itself ---- */

struct config_job {
	struct world *w;
	enum cl_effect_kind kind;
	uint64_t token;
	uint8_t slot;
	uint8_t digest[32];
	bool ok;
	uint32_t left;
	enum cl_config_why config_why;
	enum result reason;
	const char *why; /* static */
	struct buf data; /* holds keys: wiped */
};

static void answer_client(struct world *w, const char *error)
{
	struct text out = { 0 };
	uint64_t ticket = w->write_ticket;

	w->write_ticket = 0;
	if (!error)
		(w->write_json ? show_write_json : show_write_text)(&w->write, &out);
	admin_server_answer(w->admin, ticket,
			    error || view_write_failed(&w->write) ? ADMIN_ERROR : ADMIN_OK,
			    bytes(out.p, out.len), error);
	text_free(&out);
}

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
		say(LOG_CONFIG_FAILED, "%s%sslot %u: %s", name, *name ? ", " : "", j->slot, why);
	else if (j->config_why == CL_CONFIG_REPLACE)
		say(LOG_CONFIG_SENT, "%s, slot %u", name, j->slot);
	if (!j->token || j->token != w->write_ticket)
		return;
	if (j->slot)
		note_unit(w, j, name, why);
	if (j->left == 0)
		answer_client(w, j->slot ? NULL : why);
}

/* ---- the unit that is sent one ---- */

static enum result save_replica(struct world *w, const struct config *fresh,
				char why[REPLICA_WHY_MAX])
{
	size_t bytes_written;
	enum result res = config_save(w->options.config_path, fresh, &bytes_written, why);

	if (res == R_OK)
		say(LOG_CONFIG_WRITTEN, "%s, %zu bytes; the one before is %s.previous",
		    w->options.config_path, bytes_written, w->options.config_path);
	return res;
}

/* The file first: what is in force must not be gone with the next restart. */
static enum result put_into_force(struct world *w, struct config *fresh, char why[REPLICA_WHY_MAX])
{
	const char *restart = world_needs_restart(w, fresh);
	char difference[REPLICA_WHY_MAX], trouble[200] = "", undo[SAVE_WHY_MAX];

	if (restart) {
		replica_difference(fresh, w->config, difference);
		snprintf(why, REPLICA_WHY_MAX, "%s: %.300s", restart, difference);
		return R_CONFIG;
	}
	enum result res = save_replica(w, fresh, why);
	if (res != R_OK)
		return res;
	res = world_configure(w, fresh, trouble);
	if (res == R_OK)
		return R_OK;
	snprintf(why, REPLICA_WHY_MAX, "%s", trouble);
	if (config_save_undo(w->options.config_path, undo) != R_OK)
		say(LOG_NODE_TROUBLE, "%s", undo);
	return res;
}

static enum result take(struct world *w, const struct config_job *j, char why[REPLICA_WHY_MAX])
{
	uint8_t active[32];
	struct view_write file = { 0 };
	struct config *fresh = NULL;

	if (config_role(w, active) != CL_CONFIG_STANDBY) {
		snprintf(why, REPLICA_WHY_MAX, "this unit has become active");
		return R_NOT_OWNER;
	}
	if (j->data.len == 0)
		return save(w, &file, why);
	enum result res = replica_make(buf_bytes(&j->data), w->config, j->digest, &fresh, why);
	if (res != R_OK)
		return res;
	if (replica_shares_all(fresh, w->config)) {
		config_free(fresh);
		return save(w, &file, why);
	}
	res = put_into_force(w, fresh, why);
	if (res != R_OK)
		config_free(fresh);
	return res;
}

static void take_and_answer(struct world *w, const struct config_job *j)
{
	char why[REPLICA_WHY_MAX] = "";
	enum result res = take(w, j, why);

	if (res != R_OK)
		say(LOG_CONFIG_FAILED, "from the unit in slot %u; the old one stays: %s", j->slot,
		    why);
	else if (j->data.len)
		say(LOG_CONFIG_RECEIVED, "from the unit in slot %u, Cryptochecksum %.8s", j->slot,
		    w->config->digest);
	struct cl_input in = { .kind = CL_IN_CONFIG_TAKEN,
			       .token = j->token,
			       .reason = res,
			       .data = bytes(why, strlen(why)) };
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static void config_later(void *data)
{
	struct config_job *j = data;

	if (j->kind == CL_FX_CONFIG_WANTED)
		offer(j->w, CL_CONFIG_REPLACE, j->slot, 0);
	else if (j->kind == CL_FX_CONFIG)
		take_and_answer(j->w, j);
	else
		unit_done(j->w, j);
	ss_buf_wipe(&j->data);
	free(j);
}

void world_config(void *ctx, const struct cl_effect *fx)
{
	struct world *w = ((struct world *)ctx)->first;
	struct config_job *j = calloc(1, sizeof(*j));

	must(j && buf_set(&j->data, buf_bytes(&fx->data)));
	j->w = w;
	j->kind = fx->kind;
	j->token = fx->token;
	j->slot = fx->slot;
	memcpy(j->digest, fx->digest, sizeof(j->digest));
	j->ok = fx->ok;
	j->left = fx->exit;
	j->config_why = fx->config_why;
	j->reason = fx->reason;
	j->why = fx->why;
	world_soon(w, QB_LOOP_LOW, j, config_later);
}
