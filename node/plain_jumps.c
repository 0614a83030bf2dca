/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a packet finds the chains of the crypto map entries (plain.h). In the
 * order of the map, one jump after the other; but where there are many, those
 * whose remote networks no other entry touches are found by one look-up: at
 * most one of them can match, so their order means nothing.
 */
#include "node/plain_jumps.h"

#include <stdlib.h>

#define LOOK_UP_FROM 16u /* entries apart; a few jumps are as quick, and easier to read */

/* The remote side of one line. */
struct remote {
	struct inet_addr first, last;
	struct inet_prefix prefix;
	size_t entry;
};

struct plain_jumps {
	const struct config *cfg;
	struct remote *remote; /* by first address, the widest first */
	size_t n;
	bool *shared; /* by entry: another one has some of its remote addresses */
	bool look_up;
};

static int compare(const void *a, const void *b)
{
	const struct remote *x = a, *y = b;
	const int c = inet_compare(&x->first, &y->first);

	if (c != 0)
		return c;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

static void collect(struct plain_jumps *j)
{
	for (size_t i = 0; i < j->cfg->n_map_entries; i++) {
		const struct config_map_entry *e = &j->cfg->map_entries[i];
		for (size_t k = 0; e->active && k < e->acl->n_aces; k++) {
			if (!e->acl->aces[k].usable)
				continue;
			struct remote *r = &j->remote[j->n++];
			r->prefix = e->acl->aces[k].destination.prefix;
			r->entry = i;
			inet_prefix_range(&r->prefix, &r->first, &r->last);
		}
	}
	qsort(j->remote, j->n, sizeof(*j->remote), compare);
}

/* Prefixes are disjoint or one holds the other, and the outermost comes first. */
static void find_shared(struct plain_jumps *j)
{
	const struct remote *outer = j->remote;

	for (size_t i = 1; i < j->n; i++) {
		const struct remote *r = &j->remote[i];
		if (inet_compare(&r->first, &outer->last) > 0)
			outer = r;
		else if (r->entry != outer->entry)
			j->shared[r->entry] = j->shared[outer->entry] = true;
	}
}

static size_t count_apart(const struct plain_jumps *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->cfg->n_map_entries; i++)
		n += j->cfg->map_entries[i].active && !j->shared[i];
	return n;
}

struct plain_jumps *plain_jumps_new(const struct config *cfg)
{
	struct plain_jumps *j = calloc(1, sizeof(*j));
	size_t n = 0;

	if (!j)
		return NULL;
	for (size_t i = 0; i < cfg->n_map_entries; i++)
		if (cfg->map_entries[i].active)
			n += cfg->map_entries[i].acl->n_aces;
	j->cfg = cfg;
	j->remote = calloc(n + 1, sizeof(*j->remote));
	j->shared = calloc(cfg->n_map_entries + 1, sizeof(*j->shared));
	if (!j->remote || !j->shared) {
		plain_jumps_free(j);
		return NULL;
	}
	collect(j);
	find_shared(j);
	j->look_up = count_apart(j) >= LOOK_UP_FROM;
	return j;
}

void plain_jumps_free(struct plain_jumps *j)
{
	if (!j)
		return;
	free(j->remote);
	free(j->shared);
	free(j);
}

static void put_key(struct text *t, const char *key, const struct config_interface *ifc)
{
	text_printf(t, "\t\t");
	if (key)
		text_printf(t, "%s \"%s\" ", key, ifc->name);
}

/* One rule: the networks of the entries apart of one family, and of one interface when key is
 * given. */
static void put_map(struct text *t, const struct plain_jumps *j, char chain, const char *key,
		    const struct config_interface *ifc, enum inet_family family)
{
	const struct remote *before = NULL;
	char text[INET_TEXT_MAX];

	for (size_t i = 0; i < j->n; i++) {
		const struct remote *r = &j->remote[i];
		const struct config_map_entry *e = &j->cfg->map_entries[r->entry];
		if (r->first.family != family || j->shared[r->entry] ||
		    (key && e->interface != ifc))
			continue;
		/* Another line of the same entry has it. */
		if (before && inet_compare(&r->first, &before->last) <= 0)
			continue;
		if (!before) {
			put_key(t, key, ifc);
			text_printf(t, "%s %s vmap { ", family == INET_V6 ? "ip6" : "ip",
				    chain == 'i' ? "saddr" : "daddr");
		}
		text_printf(t, "%s%s : jump %c%zu", before ? ", " : "",
			    inet_prefix_text(&r->prefix, text), chain, r->entry);
		before = r;
	}
	if (before)
		text_printf(t, " }\n");
}

static void put_maps(struct text *t, const struct plain_jumps *j, char chain, const char *key,
		     const struct config_interface *ifc)
{
	put_map(t, j, chain, key, ifc, INET_V4);
	put_map(t, j, chain, key, ifc, INET_V6);
}

void plain_jumps_put(struct text *t, const struct plain_jumps *j, char chain, const char *key)
{
	const struct config *cfg = j->cfg;

	if (j->look_up && !key)
		put_maps(t, j, chain, NULL, NULL);
	for (size_t i = 0; j->look_up && key && i < cfg->n_interfaces; i++)
		put_maps(t, j, chain, key, &cfg->interfaces[i]);
	for (size_t i = 0; i < cfg->n_map_entries; i++) {
		const struct config_map_entry *e = &cfg->map_entries[i];
		if (!e->active || (j->look_up && !j->shared[i]))
			continue;
		put_key(t, key, e->interface);
		text_printf(t, "jump %c%zu\n", chain, i);
	}
}
