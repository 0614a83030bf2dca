/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer index of each crypto map entry: THE table, and the order in which
 * peers and IKE versions are tried. See ike/tunnel_manager.h.
 */
#include "ike/tunnel_manager.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/must.h"

#define T(name) TUNNEL_STATE(TUNNEL_##name)
#define ANY     (T(IDLE) | T(TRYING) | T(UP))

/* clang-format off */

/* "Multiple peer index transition under specific conditions", as the ASA documents it. */
static const struct tunnel_row rows[] = {
	/* ---- conditions prior to SA ---- */
	{ TUNNEL_PEER_UNREACHABLE,  T(TRYING), TUNNEL_MOVE,  "Peer not reachable" },
	{ TUNNEL_PHASE1_MISMATCH,   T(TRYING), TUNNEL_MOVE,  "Phase 1 proposal mismatch" },
	{ TUNNEL_PHASE2_MISMATCH,   T(TRYING), TUNNEL_MOVE,  "Phase 2 proposal mismatch" },
	{ TUNNEL_DPD_UNANSWERED,    T(UP),     TUNNEL_MOVE,  "DPD ack not received" },
	{ TUNNEL_TS_MISMATCH,       T(TRYING), TUNNEL_MOVE,  "Traffic selectors mismatch during AUTH phase" },
	{ TUNNEL_AUTH_FAILED,       T(TRYING), TUNNEL_MOVE,  "Authentication failure" },
	{ TUNNEL_REKEY_UNREACHABLE, T(UP),     TUNNEL_RESET, "Rekey failure due to peer not reachable" },
	/* ---- conditions after SA ---- */
	{ TUNNEL_REKEY_MISMATCH,    T(UP),     TUNNEL_RESET, "Rekey failure due to proposal mismatch" },
	{ TUNNEL_REKEY_TS_MISMATCH, T(UP),     TUNNEL_RESET, "Traffic selectors mismatch during rekey" },
	{ TUNNEL_MAP_MODIFIED,      ANY,       TUNNEL_RESET, "Crypto map modification" },
	{ TUNNEL_HA_SWITCHOVER,     ANY,       TUNNEL_KEEP,  "HA switchover" },
	{ TUNNEL_CLEAR_IKE,         T(UP),     TUNNEL_RESET, "Clear crypto IKEv2 SA" },
	{ TUNNEL_CLEAR_IPSEC,       T(UP),     TUNNEL_RESET, "Clear ipsec sa" },
	{ TUNNEL_SA_TIMEOUT,        T(UP),     TUNNEL_RESET, "IKEv2 SA timeout" },
};

/* clang-format on */

/* How the versions are spoken of. IKEv1 is never the first. */
static const struct {
	enum log_id acquire, failed, succeeded;
} said[TUNNEL_VERSIONS] = {
	[TUNNEL_IKEV2] = { LOG_TUNNEL_ACQUIRE_V2, LOG_TUNNEL_FAILED_V2, LOG_TUNNEL_UP_V2 },
	[TUNNEL_IKEV1] = { LOG_TUNNEL_AGAIN_V1, LOG_TUNNEL_FAILED_V1, LOG_TUNNEL_UP_V1 },
};

struct tunnel_manager {
	const struct tunnel_manager_ops *ops;
	void *ctx;
	bool active;
	uint8_t hash_seed[16];
	struct hashmap *by_name;      /* map and sequence -> struct tunnel_entry: all */
	struct hashmap *of_tunnel;    /* tunnel -> struct tunnel_entry: of the configuration */
	struct tunnel_entry *entries; /* of the configuration, in its order */
	/* The entries that name connection i: from naming[first_naming[i]] up to that of i + 1. */
	size_t n_connections, *first_naming;
	struct tunnel_entry **naming;
};

const struct tunnel_row *tunnel_rows(size_t *n)
{
	*n = sizeof(rows) / sizeof(rows[0]);
	return rows;
}

static const struct tunnel_row *row_of(uint32_t condition)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if ((uint32_t)rows[i].condition == condition)
			return &rows[i];
	}
	return NULL;
}

const char *tunnel_condition_text(uint32_t condition)
{
	const struct tunnel_row *row = row_of(condition);

	if (condition == TUNNEL_NO_CONDITION)
		return "none";
	return row != NULL ? row->text : "unknown";
}

uint8_t tunnel_entry_index(const struct tunnel_entry *t)
{
	/* The record of a list that was longer: activation resets it. */
	return t->s.index < t->map->n_peers ? (uint8_t)t->s.index : 0;
}

const struct inet_addr *tunnel_entry_peer(const struct tunnel_entry *t)
{
	return &t->map->peers[tunnel_entry_index(t)];
}

/* ---- log ---- */

static void say(struct tunnel_manager *tm, enum log_id id, const struct tunnel_entry *t,
		const char *more)
{
	char detail[LOG_DETAIL_MAX];

	snprintf(detail, sizeof(detail), "Map Tag = %s. Map Sequence Number = %u.%s", t->s.map,
		 t->s.seq, more);
	tm->ops->log(tm->ctx, id, detail);
}

/* The ASA's sentence is the one of IKE COMMON DEBUG. */
static void say_index(struct tunnel_manager *tm, const struct tunnel_entry *t,
		      const struct tunnel_row *row, const struct inet_addr *old)
{
	char more[300], from[INET_TEXT_MAX], to[INET_TEXT_MAX];

	inet_text(old, from);
	inet_text(tunnel_entry_peer(t), to);
	if (row->action == TUNNEL_MOVE)
		snprintf(more, sizeof(more),
			 " %s: Failed to initiate ikev2 SA with peer %s, initiate to next peer %s "
			 "configured in the multiple peer list of the crypto map.",
			 row->text, from, to);
	else
		snprintf(more, sizeof(more), " %s: peer %s, was %s.", row->text, to, from);
	say(tm, LOG_TUNNEL_PEER_INDEX, t, more);
}

/* ---- the table at work ---- */

/* With one peer there is no index to move: nothing to say, nothing to record. */
static bool turns(const struct tunnel_entry *t, const struct tunnel_row *row)
{
	return row->action != TUNNEL_KEEP &&
	       (t->map->n_peers > 1 || (row->action != TUNNEL_MOVE && t->s.generation != 0));
}

static void turn(struct tunnel_manager *tm, struct tunnel_entry *t, const struct tunnel_row *row)
{
	const struct inet_addr old = *tunnel_entry_peer(t);

	if (!turns(t, row))
		return;
	t->s.index = row->action == TUNNEL_MOVE
			     ? (uint32_t)(tunnel_entry_index(t) + 1) % t->map->n_peers
			     : 0;
	t->s.generation++;
	t->s.reason = row->condition;
	t->s.map_digest = t->map->digest;
	say_index(tm, t, row, &old);
	tm->ops->changed(tm->ctx, t);
}

enum result tunnel_manager_condition(struct tunnel_manager *tm, struct tunnel_entry *t,
				     enum tunnel_condition condition)
{
	const struct tunnel_row *row = row_of(condition);

	must(row != NULL && t->map != NULL);
	if (!tm->active || !(row->from & TUNNEL_STATE(tm->ops->state(tm->ctx, t))))
		return R_STATE;
	turn(tm, t, row);
	return R_OK;
}

void tunnel_manager_happened(struct tunnel_manager *tm, struct tunnel_entry *t,
			     enum tunnel_condition condition)
{
	if (turns(t, row_of(condition)))
		(void)tunnel_manager_condition(tm, t, condition);
}

/* ---- attempts ---- */

static bool configured(const struct tunnel_entry *t, enum tunnel_version v)
{
	return v == TUNNEL_IKEV2 || t->map->ikev1;
}

/* True: one is under way. */
static bool try_from(struct tunnel_manager *tm, struct tunnel_entry *t, enum tunnel_version first,
		     const void *what)
{
	for (enum tunnel_version v = first; v < TUNNEL_VERSIONS; v++) {
		if (!configured(t, v))
			continue;
		say(tm, said[v].acquire, t, "");

		enum result res = tm->ops->begin[v](tm->ctx, t, what);

		if (res == R_OK)
			return true;
		if (res == R_NO_CONNECTION)
			say(tm, LOG_TUNNEL_ACQUIRE_FAILED, t, "");
		say(tm, said[v].failed, t, "");
	}
	return false;
}

static void all_failed(struct tunnel_manager *tm, struct tunnel_entry *t)
{
	say(tm, LOG_TUNNEL_FAILED, t, "");
	say(tm, LOG_TUNNEL_REMOVED, t, "");
}

void tunnel_manager_trigger(struct tunnel_manager *tm, struct tunnel_entry *t, const void *what)
{
	if (!tm->active || try_from(tm, t, TUNNEL_IKEV2, what))
		return;
	all_failed(tm, t);
	/* What cannot even begin lacks the peer's tunnel-group or its keys. */
	turn(tm, t, row_of(TUNNEL_AUTH_FAILED));
}

bool tunnel_manager_failed(struct tunnel_manager *tm, struct tunnel_entry *t,
			   enum tunnel_version version, enum tunnel_condition condition,
			   const void *what)
{
	uint32_t index = t->s.index;

	/* Another tunnel of the entry stands, with this peer or another: not the entry's failure. */
	if (tm->ops->state(tm->ctx, t) != TUNNEL_TRYING)
		return false;
	say(tm, said[version].failed, t, "");
	if (try_from(tm, t, version + 1, what))
		return false;
	all_failed(tm, t);
	return tunnel_manager_condition(tm, t, condition) == R_OK && t->s.index != index;
}

void tunnel_manager_succeeded(struct tunnel_manager *tm, struct tunnel_entry *t,
			      enum tunnel_version version)
{
	say(tm, said[version].succeeded, t, "");
	say(tm, LOG_TUNNEL_REMOVED, t, "");
}

void tunnel_manager_duplicate(struct tunnel_manager *tm, const struct tunnel_entry *t)
{
	say(tm, LOG_TUNNEL_DUPLICATE, t, "");
}

/* ---- entries ---- */

static struct bytes tunnel_key(const uint32_t *tunnel)
{
	return bytes(tunnel, sizeof(*tunnel));
}

struct name_key {
	char map[IKE_NAME_MAX];
	uint32_t seq;
};

static struct tunnel_entry *entry_get(struct tunnel_manager *tm, const char *map, uint32_t seq)
{
	struct name_key key = { .seq = seq };
	struct tunnel_entry *t;

	memcpy(key.map, map, strnlen(map, IKE_NAME_MAX - 1));
	t = hashmap_get(tm->by_name, bytes(&key, sizeof(key)));
	if (t != NULL)
		return t;
	t = calloc(1, sizeof(*t));
	must(t != NULL && hashmap_insert(tm->by_name, bytes(&key, sizeof(key)), t) == R_OK);
	memcpy(t->s.map, key.map, sizeof(t->s.map));
	t->s.seq = seq;
	return t;
}

struct tunnel_entry *tunnel_manager_of_tunnel(const struct tunnel_manager *tm, uint32_t tunnel)
{
	return hashmap_get(tm->of_tunnel, tunnel_key(&tunnel));
}

struct tunnel_entry *tunnel_manager_first(const struct tunnel_manager *tm)
{
	return tm->entries;
}

struct tunnel_entry *const *tunnel_manager_of_connection(const struct tunnel_manager *tm,
							 size_t connection, size_t *n)
{
	must(connection < tm->n_connections);
	*n = tm->first_naming[connection + 1] - tm->first_naming[connection];
	return &tm->naming[tm->first_naming[connection]];
}

struct tunnel_manager *tunnel_manager_new(const struct tunnel_manager_ops *ops, void *ctx,
					  const uint8_t hash_seed[16])
{
	struct tunnel_manager *tm = calloc(1, sizeof(*tm));

	must(tm != NULL);
	tm->ops = ops;
	tm->ctx = ctx;
	memcpy(tm->hash_seed, hash_seed, sizeof(tm->hash_seed));
	tm->by_name = hashmap_new(tm->hash_seed);
	tm->of_tunnel = hashmap_new(tm->hash_seed);
	must(tm->by_name != NULL && tm->of_tunnel != NULL);
	return tm;
}

void tunnel_manager_free(struct tunnel_manager *tm)
{
	if (tm == NULL)
		return;
	hashmap_free(tm->by_name, free);
	hashmap_free(tm->of_tunnel, NULL);
	free(tm->first_naming);
	free(tm->naming);
	free(tm);
}

/* An owner's index is about the crypto map as it is: another one begins with the first peer. */
static void settle(struct tunnel_manager *tm, struct tunnel_entry *t)
{
	if (t->s.map_digest != 0 && t->s.map_digest != t->map->digest)
		tunnel_manager_happened(tm, t, TUNNEL_MAP_MODIFIED);
	t->s.map_digest = t->map->digest;
}

/* It may come back, and is another one then. */
static void gone(struct tunnel_manager *tm, struct tunnel_entry *t)
{
	if (t->s.generation == 0)
		return;
	t->s.index = 0;
	t->s.generation++;
	t->s.reason = TUNNEL_MAP_MODIFIED;
	tm->ops->changed(tm->ctx, t);
}

static void configure_entry(struct tunnel_manager *tm, const struct ike_crypto_map *map,
			    struct tunnel_entry ***end)
{
	struct tunnel_entry *t = entry_get(tm, map->map, map->seq);

	t->map = map;
	t->next = NULL;
	**end = t;
	*end = &t->next;
	for (size_t i = 0; i < map->n_tunnels; i++)
		/* Two lines that say the same have one number: the first has it. */
		must(hashmap_get(tm->of_tunnel, tunnel_key(&map->tunnels[i])) != NULL ||
		     hashmap_insert(tm->of_tunnel, tunnel_key(&map->tunnels[i]), t) == R_OK);
}

/* Counts what is to come before each connection, then fills. */
static void index_connections(struct tunnel_manager *tm, const struct ike_config *cfg)
{
	size_t total = 0;

	for (const struct tunnel_entry *t = tm->entries; t != NULL; t = t->next)
		total += t->map->n_peers;
	free(tm->first_naming);
	free(tm->naming);
	tm->n_connections = cfg->n_connections;
	tm->first_naming = calloc(cfg->n_connections + 2, sizeof(*tm->first_naming));
	tm->naming = calloc(total + 1, sizeof(struct tunnel_entry *));
	must(tm->first_naming != NULL && tm->naming != NULL);
	for (const struct tunnel_entry *t = tm->entries; t != NULL; t = t->next) {
		for (uint8_t i = 0; i < t->map->n_peers; i++)
			if (t->map->connection[i] < tm->n_connections)
				tm->first_naming[t->map->connection[i] + 2]++;
	}
	for (size_t i = 2; i < cfg->n_connections + 2; i++)
		tm->first_naming[i] += tm->first_naming[i - 1];
	/* Now first_naming[i + 1] is where i begins; filling moves it to where i ends. */
	for (struct tunnel_entry *t = tm->entries; t != NULL; t = t->next) {
		for (uint8_t i = 0; i < t->map->n_peers; i++)
			if (t->map->connection[i] < tm->n_connections)
				tm->naming[tm->first_naming[t->map->connection[i] + 1]++] = t;
	}
}

void tunnel_manager_configure(struct tunnel_manager *tm, const struct ike_config *cfg)
{
	struct tunnel_entry **end = &tm->entries, *t;

	hashmap_free(tm->of_tunnel, NULL);
	tm->of_tunnel = hashmap_new(tm->hash_seed);
	must(tm->of_tunnel != NULL);
	for (size_t it = 0; (t = hashmap_next(tm->by_name, &it)) != NULL;) {
		t->was_configured = t->map != NULL;
		t->map = NULL;
	}
	tm->entries = NULL;
	for (size_t i = 0; i < cfg->n_maps; i++)
		configure_entry(tm, &cfg->maps[i], &end);
	index_connections(tm, cfg);
	if (!tm->active)
		return;
	for (size_t it = 0; (t = hashmap_next(tm->by_name, &it)) != NULL;) {
		if (t->was_configured && t->map == NULL)
			gone(tm, t);
	}
	for (t = tm->entries; t != NULL; t = t->next)
		settle(tm, t);
}

/* ---- ownership ---- */

enum result tunnel_manager_import(struct tunnel_manager *tm, const struct peer_index_state *s)
{
	if (tm->active)
		return R_STATE;
	if (memchr(s->map, 0, sizeof(s->map)) == NULL || s->index >= IKE_PEERS_MAX)
		return R_VALUE;
	entry_get(tm, s->map, s->seq)->s = *s;
	return R_OK;
}

void tunnel_manager_activate(struct tunnel_manager *tm)
{
	tm->active = true;
	for (struct tunnel_entry *t = tm->entries; t != NULL; t = t->next) {
		tunnel_manager_happened(tm, t, TUNNEL_HA_SWITCHOVER);
		settle(tm, t);
	}
}

void tunnel_manager_deactivate(struct tunnel_manager *tm)
{
	struct tunnel_entry *t;

	tm->active = false;
	for (size_t it = 0; (t = hashmap_next(tm->by_name, &it)) != NULL;) {
		t->s.index = 0;
		t->s.generation = 0;
		t->s.reason = TUNNEL_NO_CONDITION;
		t->s.map_digest = 0;
	}
}
