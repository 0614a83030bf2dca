/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The unit that is sent a configuration. It is read, checked and written down
 * in the background, and put into force on the loop; when anything of that
 * fails, file and configuration stay as they were and the active unit is told
 * why. The file comes first: what is in force must not be gone with the next
 * restart.
 */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/config/replica.h"
#include "node/config/save.h"
#include "node/world.h"

struct take {
	struct background_job job;
	struct world *w;
	uint64_t token;
	uint8_t slot;
	uint8_t digest[32];
	struct buf data; /* holds keys: wiped. Empty: only the file is looked after */
	struct config *fresh;
	size_t written; /* bytes; 0: the file is as it was */
	struct config_saved saved;
	enum result res;
	char why[REPLICA_WHY_MAX];
};

/* ---- in the background ---- */

/* The one that is in force: it may be missing in the file. */
static void look_after_file(struct take *t)
{
	struct view_write v = { 0 };
	char why[520] = "";

	t->res = world_config_file(t->w, &v, why);
	t->written = v.bytes;
	snprintf(t->why, sizeof(t->why), "%.*s", (int)sizeof(t->why) - 1, why);
}

static void take_run(struct background_job *job)
{
	struct take *t = (struct take *)job;
	const struct config *ours = t->w->config;
	char difference[REPLICA_WHY_MAX];

	if (t->data.len == 0) {
		look_after_file(t);
		return;
	}
	t->res = replica_make(buf_bytes(&t->data), ours, t->digest, &t->fresh, t->why);
	if (t->res != R_OK)
		return;
	if (replica_shares_all(t->fresh, ours)) {
		config_free(t->fresh);
		t->fresh = NULL;
		look_after_file(t);
		return;
	}
	const char *restart = world_needs_restart(t->w, t->fresh);
	if (restart) {
		replica_difference(t->fresh, ours, difference);
		snprintf(t->why, sizeof(t->why), "%s: %.300s", restart, difference);
		t->res = R_CONFIG;
		return;
	}
	t->res = config_save(t->w->options.config_path, t->fresh, &t->saved, t->why);
	t->written = t->saved.written;
}

/* ---- on the loop ---- */

static void put_into_force(struct take *t)
{
	uint8_t active[32];
	char why[200] = "", undo[SAVE_WHY_MAX];

	if (cl_config_role(hf_core_cluster_node(t->w->core), active) == CL_CONFIG_STANDBY) {
		t->res = world_configure(t->w, t->fresh, why);
	} else {
		t->res = R_NOT_OWNER;
		snprintf(why, sizeof(why), "this unit has no active one any more");
	}
	if (t->res == R_OK) {
		t->fresh = NULL;
		return;
	}
	snprintf(t->why, sizeof(t->why), "%s", why);
	t->written = 0;
	if (config_save_undo(t->w->options.config_path, &t->saved, undo) != R_OK)
		world_config_say(LOG_NODE_TROUBLE, "%s", undo);
}

static void answer(const struct take *t)
{
	struct cl_input in = { .kind = CL_IN_CONFIG_TAKEN,
			       .token = t->token,
			       .reason = t->res,
			       .data = bytes(t->why, strlen(t->why)) };

	if (t->written)
		world_config_written(t->w, t->written);
	if (t->res != R_OK)
		world_config_say(LOG_CONFIG_FAILED,
				 "from the unit in slot %u; the old one stays: %s", t->slot,
				 t->why);
	else if (t->data.len)
		world_config_say(LOG_CONFIG_RECEIVED,
				 "from the unit in slot %u, Cryptochecksum %.8s", t->slot,
				 t->w->config->digest);
	hf_core_cluster(t->w->core, world_now_ns(), &in);
	world_touch(t->w);
}

static void take_done(struct background_job *job)
{
	struct take *t = (struct take *)job;

	if (t->w->background) {
		if (t->saved.written)
			put_into_force(t);
		answer(t);
	}
	config_free(t->fresh);
	ss_buf_wipe(&t->data);
	free(t);
}

void world_config_take(struct world *w, const struct cl_effect *fx)
{
	struct take *t = calloc(1, sizeof(*t));

	must(t && buf_set(&t->data, buf_bytes(&fx->data)));
	t->job = (struct background_job){ .run = take_run, .done = take_done };
	t->w = w;
	t->token = fx->token;
	t->slot = fx->slot;
	memcpy(t->digest, fx->digest, sizeof(t->digest));
	background_run(w->background, &t->job);
}
