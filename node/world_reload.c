/* SPDX-License-Identifier: Apache-2.0 */
/* Another configuration while the daemon runs: what of it needs a restart; the rest comes into
 * force as a whole, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "node/config/replica.h"
#include "node/log_sink.h"
#include "node/world.h"

/* What the sockets are bound to, and who owns it. */
static bool same_addresses(const struct config *a, const struct config *b)
{
	bool same = true;

	for (size_t i = 0; i < a->n_ikev2_interfaces; i++) {
		const struct config_interface *ifc = a->ikev2_interfaces[i].interface;
		same = same && inet_equal(world_ike_address(b, ifc->failover_group), &ifc->address);
	}
	for (size_t i = 0; i < a->n_interfaces; i++)
		for (size_t k = 0; k < b->n_interfaces; k++)
			same = same &&
			       (strcmp(a->interfaces[i].name, b->interfaces[k].name) != 0 ||
				a->interfaces[i].failover_group == b->interfaces[k].failover_group);
	return same && a->n_ikev2_interfaces == b->n_ikev2_interfaces;
}

static bool same_groups(const struct config_failover *a, const struct config_failover *b)
{
	bool same = a->n_groups == b->n_groups;

	for (size_t i = 0; same && i < a->n_groups; i++)
		same = a->groups[i].id == b->groups[i].id &&
		       a->groups[i].prefer == b->groups[i].prefer &&
		       a->groups[i].preempt == b->groups[i].preempt &&
		       a->groups[i].preempt_s == b->groups[i].preempt_s;
	return same;
}

/* But for the places of the lines, which say nothing. */
static bool same_channel(const struct config_snapshot_channel *a,
			 const struct config_snapshot_channel *b)
{
	if (a->port != b->port || strcmp(a->key_file, b->key_file) != 0)
		return false;
	for (unsigned int slot = 1; slot < CONFIG_SLOTS; slot++)
		if (a->members[slot].known != b->members[slot].known ||
		    memcmp(a->members[slot].key, b->members[slot].key, MEMBER_KEY_LEN) != 0)
			return false;
	return true;
}

static bool same_failover(const struct config_failover *a, const struct config_failover *b)
{
	if (!a->enabled || !b->enabled)
		return a->enabled == b->enabled;
	return same_groups(a, b) && a->unit == b->unit && a->slot == b->slot &&
	       a->key_hex == b->key_hex && secret_equal(&a->key, &b->key) &&
	       strcmp(a->cluster_name, b->cluster_name) == 0 &&
	       a->role_manager == b->role_manager && a->takeover == b->takeover &&
	       a->empty_start == b->empty_start && a->empty_start_s == b->empty_start_s &&
	       a->commit_timeout_ms == b->commit_timeout_ms && a->deadline_ms == b->deadline_ms &&
	       same_channel(&a->channel, &b->channel);
}

/* What the cluster, the sockets and the workers were made with. */
const char *world_needs_restart(const struct world *w, const struct config *fresh)
{
	const struct config *old = w->config;

	if (!same_failover(&old->failover, &fresh->failover))
		return "a change of 'failover' needs a restart";
	if (!same_addresses(old, fresh))
		return "a change of the address of 'crypto ikev2 enable', or of its failover group, needs a restart";
	if (old->workers != fresh->workers)
		return "a change of 'crypto engine workers' needs a restart";
	return NULL;
}

/* Table and engine take the new configuration, or both keep the old one. */
static enum result reconfigure(struct world *w, const struct config *fresh, char why[200])
{
	char again[200];
	enum result res = plain_reload(w->plain, fresh, why);

	if (res != R_OK)
		return res;
	for (struct world *each = w; each && res == R_OK; each = each->next)
		res = hf_core_reconfigure(each->core, world_now_ns(), fresh);
	if (res == R_OK)
		return res;
	/* What one group has taken it gives back: the old one it had already. */
	for (struct world *each = w; each; each = each->next)
		if (hf_core_reconfigure(each->core, world_now_ns(), w->config) != R_OK)
			world_config_say(LOG_NODE_TROUBLE, "%s",
					 "a configuration that was in force is refused");
	if (plain_reload(w->plain, w->config, again) != R_OK)
		world_config_say(LOG_NODE_TROUBLE, "%s", again);
	return res;
}

enum result world_configure(struct world *w, struct config *fresh, char why[200])
{
	struct config *old = w->config;
	const char *restart = world_needs_restart(w, fresh);

	if (restart)
		snprintf(why, 200, "%s", restart);
	enum result res = restart ? R_CONFIG : reconfigure(w, fresh, why);
	if (res != R_OK) {
		if (!*why)
			snprintf(why, 200, "%s", result_text(res));
		return res;
	}
	for (struct world *each = w; each; each = each->next) {
		each->config = fresh;
		if (address_reload(each->address, fresh, why) != R_OK)
			world_config_say(LOG_NODE_TROUBLE, "%s", why);
	}
	config_free(old);
	log_sink_style(fresh->log_id_asa);
	world_cluster_digest(w);
	world_links_reload(w);
	world_touch(w);
	return R_OK;
}

struct reload {
	struct background_job job;
	struct world *w;
	struct config *fresh;
	struct diagnostics diag;
	enum result res;
};

static void reload_run(struct background_job *job)
{
	struct reload *r = (struct reload *)job;
	r->res = config_load_file(r->w->options.config_path, &r->fresh, &r->diag);
}

/* Adopts fresh. */
static void reload_with(struct world *w, struct config *fresh)
{
	char why[200] = "";
	bool changed = !replica_shares_all(fresh, w->config);

	enum result res = world_config_refused(w, fresh) ? R_NOT_OWNER
							 : world_configure(w, fresh, why);
	if (res != R_OK) {
		if (*why)
			world_config_say(LOG_CONFIG_REJECTED, "%s", why);
		config_free(fresh);
		return;
	}
	world_config_say(LOG_CONFIG_LOADED, "%s", w->options.config_path);
	if (changed)
		world_config_changed(w);
}

static void reload_done(struct background_job *job)
{
	struct reload *r = (struct reload *)job;

	if (r->w->background)
		world_config_report(r->w, &r->diag, r->res);
	if (r->w->background && r->res == R_OK)
		reload_with(r->w, r->fresh);
	else
		config_free(r->fresh);
	free(r);
}

/* The new file replaces the old configuration only when it has no error and everybody
 * can go on with it. */
void world_reload(struct world *w)
{
	struct reload *r = calloc(1, sizeof(*r));

	must(r);
	r->job = (struct background_job){ .run = reload_run, .done = reload_done };
	r->w = w;
	background_run(w->background, &r->job);
}
