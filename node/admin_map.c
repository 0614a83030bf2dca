/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands about crypto maps see and do: show crypto map, clear ipsec sa, initiate. */
#include <string.h>

#include "node/world.h"

static const char not_active[] = "this unit is not active; run it on the active unit";

struct map_fill {
	struct view_map *v;
};

static void take_index(void *ctx, const struct tunnel_entry *t)
{
	struct view_map *v = ((struct map_fill *)ctx)->v;

	if (t->s.seq != v->entry->seq || strcmp(t->s.map, v->entry->map) != 0)
		return;
	v->peer_index = tunnel_entry_index(t);
	v->generation = t->s.generation;
	v->reason = tunnel_condition_text(t->s.reason);
}

enum result admin_crypto_maps(void *ctx, const char *map, struct view_map_list *out)
{
	const struct world *w = ctx;

	for (size_t i = 0; i < w->config->n_map_entries; i++) {
		const struct config_map_entry *e = &w->config->map_entries[i];
		if (map && strcmp(e->map, map) != 0)
			continue;
		struct map_fill f = { .v = view_map_add(out) };
		if (!f.v)
			return R_NO_MEMORY;
		f.v->entry = e;
		f.v->reason = tunnel_condition_text(TUNNEL_NO_CONDITION);
		for (const struct world *each = w; each; each = each->next)
			ike_each_map(hf_core_engine(each->core), take_index, &f);
	}
	return R_OK;
}

struct clearing {
	const struct inet_addr *peer;
	unsigned int children;
};

static void count(void *ctx, const struct child_sa_state *s)
{
	struct clearing *c = ctx;

	c->children += s->stage < CHILD_SA_DELETING &&
		       (!c->peer || inet_equal(c->peer, &s->remote.addr));
}

static unsigned int clear_group(struct world *w, const struct inet_addr *peer)
{
	struct clearing c = { .peer = peer };

	ike_each_child(hf_core_engine(w->core), 0, count, &c);
	hf_core_clear_children(w->core, world_now_ns(), peer);
	world_touch(w);
	return c.children;
}

enum result admin_clear_children(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
				 char why[ADMIN_WHY_MAX])
{
	bool any = false;

	*cleared = 0;
	for (struct world *w = ctx; w; w = w->next)
		if (w->role == CL_ROLE_ACTIVE) {
			any = true;
			*cleared += clear_group(w, peer);
		}
	if (any)
		return R_OK;
	snprintf(why, ADMIN_WHY_MAX, "%s", not_active);
	return R_NOT_OWNER;
}

/* The group that a map is in must be active here: an entry that none has is the first's to refuse. */
static struct world *world_of_map(struct world *w, const char *map)
{
	for (size_t i = 0; i < w->config->n_map_entries; i++) {
		const struct config_map_entry *e = &w->config->map_entries[i];
		if (strcmp(e->map, map) == 0 && e->interface)
			return world_of(w, e->interface->failover_group);
	}
	return w;
}

enum result admin_initiate(void *ctx, const char *map, uint32_t seq, char why[ADMIN_WHY_MAX])
{
	struct world *w = world_of_map(ctx, map);

	if (!w || w->role != CL_ROLE_ACTIVE) {
		snprintf(why, ADMIN_WHY_MAX, "%s", not_active);
		return R_NOT_OWNER;
	}
	if (hf_core_initiate_map(w->core, world_now_ns(), map, seq) != R_OK) {
		snprintf(why, ADMIN_WHY_MAX, "crypto map %s %u does not exist or is incomplete",
			 map, seq);
		return R_NOT_FOUND;
	}
	world_touch(w);
	return R_OK;
}
