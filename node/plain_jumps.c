/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a packet finds the chains of the crypto map entries (plain.h). In the
 * order of the map, one jump after the other; but where there are many, those
 * whose remote networks no other entry touches are found by one look-up: at
 * most one of them can match, so their order means nothing. When the lines of
 * such an entry do not overlap either, each of its remote networks leads to a
 * chain with the rest of its lines (own network, protocol, action); one chain
 * serves all that have the same. The kernel takes a thousand chains a second.
 */
#include "node/plain_jumps.h"

#include <stdlib.h>

#include "base/hashmap.h"

#define LOOK_UP_FROM 16u /* entries apart; a few jumps are as quick, and easier to read */

/* The remote side of one line. */
struct remote {
	struct inet_addr first, last;
	struct inet_prefix prefix;
	size_t entry, line;
	size_t chain; /* a shared one; NO_CHAIN: the entry's own */
};

#define NO_CHAIN SIZE_MAX

/* Lines with one remote network: remote[first] up to before remote[end]. */
struct shared_chain {
	size_t number, first, end;
};

struct plain_jumps {
	const struct config *cfg;
	struct remote *remote; /* by first address, the widest first */
	size_t n;
	bool *shared; /* by entry: another one has some of its remote addresses */
	bool *nested; /* by entry: one of its remote networks holds another */
	bool look_up;
	struct hashmap *by_content; /* struct shared_chain: what its lines say */
	struct shared_chain **chain;
	size_t n_chains;
};

static int compare(const void *a, const void *b)
{
	const struct remote *x = a, *y = b;
	const int c = inet_compare(&x->first, &y->first);

	if (c != 0)
		return c;
	if (x->prefix.len != y->prefix.len)
		return x->prefix.len < y->prefix.len ? -1 : 1;
	if (x->entry != y->entry)
		return x->entry < y->entry ? -1 : 1;
	return x->line < y->line ? -1 : x->line > y->line;
}

static void collect(struct plain_jumps *j)
{
	for (size_t i = 0; i < j->cfg->n_map_entries; i++) {
		const struct config_map_entry *e = &j->cfg->map_entries[i];
		for (size_t k = 0; e->active && k < e->acl->n_aces; k++) {
			if (!e->acl->aces[k].usable)
				continue;
			struct remote *r = &j->remote[j->n++];
			*r = (struct remote){ .prefix = e->acl->aces[k].destination.prefix,
					      .entry = i,
					      .line = k,
					      .chain = NO_CHAIN };
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
		else if (r->prefix.len != outer->prefix.len)
			j->nested[r->entry] = true;
	}
}

static size_t count_apart(const struct plain_jumps *j)
{
	size_t n = 0;

	for (size_t i = 0; i < j->cfg->n_map_entries; i++)
		n += j->cfg->map_entries[i].active && !j->shared[i];
	return n;
}

/* ---- chains that are shared ---- */

static const struct config_ace *line_of(const struct plain_jumps *j, size_t i)
{
	return &j->cfg->map_entries[j->remote[i].entry].acl->aces[j->remote[i].line];
}

static void content(const struct plain_jumps *j, size_t first, size_t end, struct text *t)
{
	char text[INET_TEXT_MAX];

	text_printf(t, "%u", j->cfg->map_entries[j->remote[first].entry].interface->failover_group);
	for (size_t i = first; i < end; i++) {
		const struct config_ace *ace = line_of(j, i);
		text_printf(t, ",%d %u %s", ace->permit, ace->protocol,
			    inet_prefix_text(&ace->source.prefix, text));
	}
}

/* The chain for the lines from first to before end: one that says the same, or a new one. */
static bool share(struct plain_jumps *j, size_t first, size_t end)
{
	struct text t = { 0 };

	content(j, first, end, &t);
	const struct bytes key = bytes(t.p, t.len);
	struct shared_chain *c = t.failed ? NULL : hashmap_get(j->by_content, key);
	if (!c && !t.failed) {
		c = malloc(sizeof(*c));
		if (c)
			*c = (struct shared_chain){ j->n_chains, first, end };
		if (c && hashmap_insert(j->by_content, key, c) == R_OK) {
			j->chain[j->n_chains++] = c;
		} else {
			free(c);
			c = NULL;
		}
	}
	for (size_t i = first; c && i < end; i++)
		j->remote[i].chain = c->number;
	text_free(&t);
	return c != NULL;
}

/* Lines with one remote network stand side by side. */
static bool find_chains(struct plain_jumps *j)
{
	static const uint8_t seed[16]; /* the operator's own words: nobody makes them collide */
	bool ok = true;

	j->by_content = hashmap_new(seed);
	j->chain = calloc(j->n + 1, sizeof(struct shared_chain *));
	if (!j->by_content || !j->chain)
		return false;
	for (size_t i = 0, end; ok && i < j->n; i = end) {
		const struct remote *r = &j->remote[i];
		for (end = i + 1; end < j->n && j->remote[end].entry == r->entry &&
				  inet_compare(&j->remote[end].first, &r->first) == 0;)
			end++;
		if (!j->shared[r->entry] && !j->nested[r->entry])
			ok = share(j, i, end);
	}
	return ok;
}

bool plain_jumps_own_chain(const struct plain_jumps *j, size_t entry)
{
	return !j->look_up || j->shared[entry] || j->nested[entry];
}

size_t plain_jumps_shared_chains(const struct plain_jumps *j)
{
	return j->n_chains;
}

const struct config_ace *plain_jumps_shared_line(const struct plain_jumps *j, size_t chain,
						 size_t line, const struct config_map_entry **e)
{
	const struct shared_chain *c = j->chain[chain];

	if (line >= c->end - c->first)
		return NULL;
	*e = &j->cfg->map_entries[j->remote[c->first].entry];
	return line_of(j, c->first + line);
}

/* ---- made ---- */

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
	j->nested = calloc(cfg->n_map_entries + 1, sizeof(*j->nested));
	bool ok = j->remote && j->shared && j->nested;
	if (ok) {
		collect(j);
		find_shared(j);
		j->look_up = count_apart(j) >= LOOK_UP_FROM;
		ok = !j->look_up || find_chains(j);
	}
	if (ok)
		return j;
	plain_jumps_free(j);
	return NULL;
}

void plain_jumps_free(struct plain_jumps *j)
{
	if (!j)
		return;
	free(j->remote);
	free(j->shared);
	free(j->nested);
	free(j->chain);
	hashmap_free(j->by_content, free);
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
		text_printf(t, "%s%s : jump %c%s%zu", before ? ", " : "",
			    inet_prefix_text(&r->prefix, text), chain,
			    r->chain != NO_CHAIN ? "s" : "",
			    r->chain != NO_CHAIN ? r->chain : r->entry);
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
