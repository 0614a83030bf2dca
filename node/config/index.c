/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding an object by its name while the text is read: there may be many
 * thousand, and each has several lines. An index holds positions, since the
 * arrays move; it takes in by itself what has been added since it was asked
 * last.
 */
#include <stdlib.h>

#include "base/hashmap.h"
#include "node/config/build.h"

enum { KEY_MAX = sizeof(uint32_t) + GRAMMAR_NAME_MAX };

/* The operator's own words: nobody makes them collide. */
static const uint8_t seed[16];

/* The key of element i; without bytes behind the last one. */
typedef struct bytes (*key_fn)(const struct config *cfg, size_t i, uint8_t room[KEY_MAX]);

#define NAMED(fn, array, count) \
	static struct bytes fn(const struct config *cfg, size_t i, uint8_t room[KEY_MAX]) \
	{ \
		(void)room; \
		return i < cfg->count ? bytes(cfg->array[i].name, strlen(cfg->array[i].name)) \
				      : BYTES_NONE; \
	}

NAMED(name_key, names, n_names)
NAMED(object_key, objects, n_objects)
NAMED(acl_key, acls, n_acls)
NAMED(tunnel_group_key, tunnel_groups, n_tunnel_groups)

static struct bytes entry_key(const char *map, uint32_t seq, uint8_t room[KEY_MAX])
{
	const size_t len = strnlen(map, GRAMMAR_NAME_MAX);
	memcpy(room, &seq, sizeof(seq));
	memcpy(room + sizeof(seq), map, len);
	return bytes(room, sizeof(seq) + len);
}

static struct bytes map_entry_key(const struct config *cfg, size_t i, uint8_t room[KEY_MAX])
{
	return i < cfg->n_map_entries
		       ? entry_key(cfg->map_entries[i].map, cfg->map_entries[i].seq, room)
		       : BYTES_NONE;
}

static const key_fn keys[BUILD_KINDS] = {
	[BUILD_NAME] = name_key,
	[BUILD_OBJECT] = object_key,
	[BUILD_ACL] = acl_key,
	[BUILD_MAP_ENTRY] = map_entry_key,
	[BUILD_TUNNEL_GROUP] = tunnel_group_key,
};

/* Of two elements with one key, the first is found. */
static void catch_up(struct build *b, enum build_kind kind)
{
	struct build_index *x = &b->index[kind];
	uint8_t room[KEY_MAX];
	struct bytes key;
	if (!x->positions)
		x->positions = hashmap_new(seed);
	b->no_memory |= !x->positions;
	while (!b->no_memory && (key = keys[kind](b->cfg, x->n, room)).p) {
		enum result res = hashmap_insert(x->positions, key, (void *)(uintptr_t)++x->n);
		b->no_memory |= res != R_OK && res != R_EXISTS;
	}
}

static size_t find(struct build *b, enum build_kind kind, struct bytes key)
{
	catch_up(b, kind);
	/* One more than the position: no value is NULL. */
	uintptr_t at = b->no_memory ? 0 : (uintptr_t)hashmap_get(b->index[kind].positions, key);
	return at ? at - 1 : BUILD_NONE;
}

size_t build_find(struct build *b, enum build_kind kind, const char *name)
{
	return find(b, kind, bytes(name, strlen(name)));
}

size_t build_find_entry(struct build *b, const char *map, uint32_t seq)
{
	uint8_t room[KEY_MAX];
	return find(b, BUILD_MAP_ENTRY, entry_key(map, seq, room));
}

void build_moved(struct build *b, enum build_kind kind)
{
	hashmap_free(b->index[kind].positions, NULL);
	b->index[kind] = (struct build_index){ 0 };
}

/* ---- what is looked up in a configuration that is in force ---- */

enum result config_index(struct config *cfg)
{
	enum result res = R_OK;
	cfg->group_by_name = hashmap_new(seed);
	cfg->group_by_address = hashmap_new(seed);
	if (!cfg->group_by_name || !cfg->group_by_address)
		return R_NO_MEMORY;
	for (size_t i = 0; i < cfg->n_tunnel_groups && (res == R_OK || res == R_EXISTS); i++) {
		struct config_tunnel_group *g = &cfg->tunnel_groups[i];
		res = hashmap_insert(cfg->group_by_name, bytes(g->name, strlen(g->name)), g);
		if (res == R_OK && g->is_l2l && g->address.family != INET_NONE)
			res = hashmap_insert(cfg->group_by_address,
					     bytes(g->address.a, inet_len(&g->address)), g);
	}
	return res == R_EXISTS ? R_OK : res;
}
