/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which connection and which crypto ACL line: the configuration as the engine
 * asks for it, and what traffic or an operator wants set up. A tunnel whose
 * set-up failed is not tried again for a while when traffic asks (an operator
 * always gets his try), so that a flow of packets does not become a flow of
 * negotiations.
 */
#include <stdlib.h>

#include "ike/engine.h"

struct hold_off {
	uint64_t until_ms;
};

const struct ike_connection *ike_connection_named(const struct ike_engine *e, const char *name)
{
	for (size_t i = 0; i < e->cfg->n_connections; i++) {
		if (strcmp(e->cfg->connections[i].name, name) == 0)
			return &e->cfg->connections[i];
	}
	return NULL;
}

bool ike_connection_has_peer(const struct ike_connection *conn, const struct inet_addr *local,
			     const struct inet_addr *remote)
{
	if (!inet_equal(&conn->local, local))
		return false;
	for (uint8_t i = 0; i < conn->n_peers; i++) {
		if (inet_equal(&conn->peers[i], remote))
			return true;
	}
	return conn->n_peers == 0;
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

static bool held_off(const struct ike_engine *e, uint32_t tunnel)
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
			    uint8_t peer_index, const struct ike_want *first)
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
	s.remote = (struct inet_endpoint){ .addr = conn->peers[peer_index], .port = IKE_PORT };

	struct ike_sa *sa = ike_sa_new(e, &s);

	sa->peer_index = peer_index;
	sa->first = *first;
	ike_fx_log(e, LOG_IKE_INITIATING, sa, "tunnel %u", first->tunnel);
	ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_INIT });
	return sa;
}

static bool has_child(const struct ike_sa *sa, uint32_t tunnel)
{
	return child_sa_of_tunnel(sa, tunnel) != NULL ||
	       (sa->s.stage < IKE_SA_ESTABLISHED && sa->s.tunnel == tunnel) ||
	       (sa->s.outstanding.kind == IKE_REQ_CHILD_NEW && sa->s.outstanding.tunnel == tunnel);
}

static void initiate_line(struct ike_engine *e, const struct ike_connection *conn,
			  const struct ike_child_config *line, const struct ike_input *in)
{
	struct ike_want want = { .kind = IKE_REQ_CHILD_NEW,
				 .tunnel = line->tunnel,
				 .have_packet = in->have_packet,
				 .packet_local = in->packet_local,
				 .packet_remote = in->packet_remote };
	struct ike_sa *sa = ike_sa_of_connection(e, conn);

	if (in->have_packet && held_off(e, line->tunnel))
		return;
	if (sa == NULL)
		ike_sa_begin(e, conn, 0, &want);
	else if (!has_child(sa, line->tunnel))
		ike_want_add(sa, &want);
}

static const struct ike_connection *connection_of_tunnel(const struct ike_engine *e,
							 uint32_t tunnel)
{
	for (size_t i = 0; i < e->cfg->n_connections; i++) {
		if (ike_line_of(&e->cfg->connections[i], tunnel) != NULL)
			return &e->cfg->connections[i];
	}
	return NULL;
}

void ike_initiate(struct ike_engine *e, const struct ike_input *in)
{
	const struct ike_connection *conn = in->connection != NULL && in->connection[0] != '\0'
						    ? ike_connection_named(e, in->connection)
						    : connection_of_tunnel(e, in->tunnel);

	if (conn == NULL || !conn->may_initiate || conn->n_peers == 0)
		return;
	for (size_t i = 0; i < conn->n_children; i++) {
		if (in->tunnel == 0 || conn->children[i].tunnel == in->tunnel)
			initiate_line(e, conn, &conn->children[i], in);
	}
}
