/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connection and which crypto ACL line: the configuration as the engine
 * asks for it. A tunnel whose set-up failed is not tried again for a while when
 * traffic asks (an operator always gets his try), so that a flow of packets
 * does not become a flow of negotiations.
 */
#include <stdlib.h>

#include "ike/engine.h"

struct hold_off {
	uint64_t until_ms;
};

static struct bytes name_key(const char *name)
{
	return bytes(name, strlen(name));
}

static struct bytes peer_key(const struct inet_addr *a)
{
	return bytes(a, sizeof(*a));
}

/* The first one keeps its key. */
static void index_add(struct hashmap *map, struct bytes key, struct ike_connection *conn)
{
	enum result res = hashmap_insert(map, key, conn);

	must(res == R_OK || res == R_EXISTS);
}

struct sa_list *ike_sas_of(const struct ike_engine *e, const struct ike_connection *conn)
{
	return &e->of_conn[conn != NULL ? (size_t)(conn - e->cfg->connections)
					: e->cfg->n_connections];
}

void ike_sa_set_connection(struct ike_sa *sa, const struct ike_connection *conn)
{
	TAILQ_REMOVE(ike_sas_of(sa->e, sa->conn), sa, of_conn);
	sa->conn = conn;
	TAILQ_INSERT_TAIL(ike_sas_of(sa->e, conn), sa, of_conn);
}

static void sas_index(struct ike_engine *e)
{
	struct ike_sa *sa;

	free(e->of_conn);
	e->of_conn = calloc(e->cfg->n_connections + 1, sizeof(*e->of_conn));
	must(e->of_conn != NULL);
	for (size_t i = 0; i <= e->cfg->n_connections; i++)
		TAILQ_INIT(&e->of_conn[i]);
	TAILQ_FOREACH (sa, &e->all, all) {
		sa->conn = ike_connection_named(e, sa->s.connection);
		TAILQ_INSERT_TAIL(ike_sas_of(e, sa->conn), sa, of_conn);
	}
}

void ike_connections_index(struct ike_engine *e)
{
	hashmap_free(e->by_name, NULL);
	hashmap_free(e->by_peer, NULL);
	e->by_name = hashmap_new(e->ec.hash_seed);
	e->by_peer = hashmap_new(e->ec.hash_seed);
	must(e->by_name != NULL && e->by_peer != NULL);
	for (size_t i = 0; i < e->cfg->n_connections; i++) {
		struct ike_connection *conn = &e->cfg->connections[i];

		index_add(e->by_name, name_key(conn->name), conn);
		index_add(e->by_peer, peer_key(&conn->peer), conn);
	}
	sas_index(e);
}

size_t ike_connection_first(const struct ike_engine *e, const struct inet_addr *remote)
{
	const struct ike_connection *conn = hashmap_get(e->by_peer, peer_key(remote));

	return conn != NULL ? (size_t)(conn - e->cfg->connections) : e->cfg->n_connections;
}

const struct ike_connection *ike_connection_named(const struct ike_engine *e, const char *name)
{
	return hashmap_get(e->by_name, name_key(name));
}

bool ike_connection_has_peer(const struct ike_connection *conn, const struct inet_addr *local,
			     const struct inet_addr *remote)
{
	return inet_equal(&conn->local, local) && inet_equal(&conn->peer, remote);
}

const struct ike_child_config *ike_line_of(const struct ike_connection *conn, uint32_t tunnel)
{
	for (size_t i = 0; conn != NULL && i < conn->n_children; i++) {
		if (conn->children[i].tunnel == tunnel)
			return &conn->children[i];
	}
	return NULL;
}

static bool same_transforms(const struct ike_policy *p, const struct ike_transforms *t)
{
	bool encr = false, prf = false;

	for (uint8_t i = 0; i < p->n_encr; i++)
		encr = encr || (p->encr[i].id == t->encr && p->encr[i].key_bits == t->key_bits);
	for (uint8_t i = 0; i < p->n_prf; i++)
		prf = prf || p->prf[i] == t->prf;
	return encr && prf;
}

const struct ike_policy *ike_policy_of(const struct ike_engine *e, const struct ike_transforms *t)
{
	for (size_t i = 0; i < e->cfg->n_policies; i++) {
		if (same_transforms(&e->cfg->policies[i], t))
			return &e->cfg->policies[i];
	}
	return e->cfg->n_policies > 0 ? &e->cfg->policies[0] : NULL;
}

/* ---- hold-off ---- */

static struct bytes tunnel_key(const uint32_t *tunnel)
{
	return bytes(tunnel, sizeof(*tunnel));
}

void ike_hold_off(struct ike_engine *e, uint32_t tunnel)
{
	struct hold_off *h = hashmap_get(e->hold_offs, tunnel_key(&tunnel));

	if (tunnel == 0)
		return;
	if (h == NULL) {
		h = calloc(1, sizeof(*h));
		must(h != NULL && hashmap_insert(e->hold_offs, tunnel_key(&tunnel), h) == R_OK);
	}
	h->until_ms = e->now + IKE_HOLD_OFF_MS;
}

bool ike_held_off(const struct ike_engine *e, uint32_t tunnel)
{
	const struct hold_off *h = hashmap_get(e->hold_offs, tunnel_key(&tunnel));

	return h != NULL && h->until_ms > e->now;
}

void ike_hold_off_end(struct ike_engine *e, uint32_t tunnel)
{
	free(hashmap_remove(e->hold_offs, tunnel_key(&tunnel)));
}

void ike_hold_off_end_all(struct ike_engine *e)
{
	hashmap_free(e->hold_offs, free);
	e->hold_offs = hashmap_new(e->ec.hash_seed);
	must(e->hold_offs != NULL);
}

/* ---- set-up ---- */

struct ike_sa *ike_sa_begin(struct ike_engine *e, const struct ike_connection *conn,
			    const struct ike_want *first)
{
	uint8_t shard;

	e->ec.random(e->ec.random_ctx, &shard, 1);

	struct ike_sa_state s = { .initiator = true,
				  .spi_i = ike_spi_new(e, shard),
				  .created_ms = e->now,
				  .birth_term = e->term,
				  .tunnel = first->tunnel };

	snprintf(s.connection, sizeof(s.connection), "%s", conn->name);
	s.local = (struct inet_endpoint){ .addr = conn->local, .port = IKE_PORT };
	s.remote = (struct inet_endpoint){ .addr = conn->peer, .port = IKE_PORT };

	struct ike_sa *sa = ike_sa_new(e, &s);

	sa->first = *first;
	ike_fx_log(e, LOG_IKE_INITIATING, sa, "tunnel %u", first->tunnel);
	ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_INIT });
	return sa;
}
