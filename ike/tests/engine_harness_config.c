/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of both sides that fit each other, but for what the options say. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "ike/tests/engine_harness.h"

static struct traffic_selector net(uint32_t first, uint32_t last)
{
	return (struct traffic_selector){ .start = inet_v4(first),
					  .end = inet_v4(last),
					  .port_end = 65535 };
}

static void psk(struct secret *s, const char *text)
{
	must(secret_set(s, bytes(text, strlen(text))) == R_OK);
}

static void fqdn(struct ike_id *id, const char *text)
{
	id->type = ID_FQDN;
	must(buf_set(&id->data, bytes(text, strlen(text))));
}

static void line(struct ike_child_config *c, int side, uint32_t i, const struct options *o)
{
	uint32_t of_a = 0xc6120000u + (i << 8),
		 of_b = 0xc6130000u + (i << 8); /* 198.18.i.0, 198.19.i.0 */
	struct traffic_selector a = net(of_a, of_a + 255), b = net(of_b, of_b + 255);

	if (o->no_common_ts && side == B && i == 0)
		a = net(of_a + 0x800, of_a + 0x8ff);
	if (o->b_narrow && side == B && i == 0)
		b = net(of_b, of_b + 127);
	c->tunnel = i + 1;
	c->local = side == A ? a : b;
	c->remote = side == A ? b : a;
	c->n_proposals = 1;
	c->proposals[0].n_encr = 1;
	c->proposals[0].encr[0] = (struct ike_encr_choice){ ENCR_AES_GCM_16,
							    o->no_common_esp && side == B ? 128
											  : 256 };
	c->pfs_group = o->pfs;
	c->esn = !(o->esn_odd && i % 2 == 1);
	c->lifetime_s = o->child_life_s;
	c->first_lease = 1000;
}

static void policy(struct ike_policy *p, int side, const struct options *o)
{
	const uint16_t *dh = side == B && o->dh_b[0] != 0 ? o->dh_b : o->dh;

	p->priority = 10;
	p->n_encr = 1;
	p->encr[0].id = o->encr != 0 ? o->encr : ENCR_AES_GCM_16;
	p->encr[0].key_bits = o->key_bits != 0 ? o->key_bits : 256;
	if (o->integ != 0) {
		p->n_integ = 1;
		p->integ[0] = o->integ;
	}
	p->n_prf = 1;
	p->prf[0] = o->prf != 0 ? o->prf : PRF_HMAC_SHA2_256;
	for (size_t i = 0; i < 3 && dh[i] != 0; i++)
		p->dh[p->n_dh++] = dh[i];
	if (p->n_dh == 0)
		p->dh[p->n_dh++] = DH_CURVE25519;
	p->lifetime_s = o->no_soft_life && side == B ? 0 : o->ike_life_s;
}

struct inet_addr world_peer(const struct world *w, uint8_t peer)
{
	struct inet_addr a = w->side[B].addr;

	a.a[3] = (uint8_t)(a.a[3] + peer);
	return a;
}

/* A has one entry with all peers, B an entry for each of its addresses. */
static void crypto_map(struct ike_config *c, int side, const struct options *o)
{
	size_t n = side == A ? 2 : c->n_connections;

	c->maps = calloc(n, sizeof(*c->maps));
	must(c->maps != NULL);
	c->n_maps = side == A && !o->second_entry ? 1 : n;
	for (size_t k = 0; k < c->n_connections; k++) {
		struct ike_crypto_map *m = &c->maps[side == A ? 0 : k];
		const struct ike_connection *conn = &c->connections[k];

		m->peers[m->n_peers] = conn->peer;
		m->connection[m->n_peers++] = k;
		if (m->tunnels != NULL)
			continue;
		snprintf(m->map, sizeof(m->map), "M");
		m->seq = 10 + (uint32_t)k;
		m->digest = o->map_digest != 0 ? o->map_digest : 1;
		m->ikev1 = o->ikev1;
		m->may_initiate = true;
		m->may_respond = true;
		m->n_tunnels = conn->n_children;
		m->tunnels = calloc(m->n_tunnels, sizeof(*m->tunnels));
		must(m->tunnels != NULL);
		for (size_t i = 0; i < m->n_tunnels; i++)
			m->tunnels[i] = conn->children[i].tunnel;
	}
	if (side == B || !o->second_entry)
		return;
	c->maps[1] = c->maps[0];
	c->maps[1].seq++;
	c->maps[1].n_peers = 1;
	c->maps[1].n_tunnels = 1;
	c->maps[1].tunnels = calloc(1, sizeof(uint32_t));
	must(c->maps[1].tunnels != NULL);
	c->maps[1].tunnels[0] = 2;
	c->maps[0].n_tunnels = 1;
}

static void connection(const struct world *w, int side, uint8_t k, const struct options *opt,
		       struct ike_connection *conn)
{
	struct options o = *opt;
	char name[16];

	if (o.sound_peers & 1u << k)
		o.wrong_psk = o.no_common_ts = o.no_common_esp = false;
	snprintf(name, sizeof(name), "%s", side == A ? "to-b" : "to-a");
	if (k > 0)
		snprintf(name + 4, sizeof(name) - 4, "%u", k + 1u);
	snprintf(conn->name, sizeof(conn->name), "%s", name);
	conn->local = side == A ? w->side[A].addr : world_peer(w, k);
	conn->peer = side == A ? world_peer(w, k) : w->side[A].addr;
	if (o.nat_a && side == B)
		conn->peer = inet_v4(0xcb007109); /* 203.0.113.9 */
	fqdn(&conn->local_id, side == A ? (o.wrong_id ? "x.example" : "a.example") : "b.example");
	fqdn(&conn->remote_id, side == A ? "b.example" : "a.example");
	psk(&conn->psk_local, side == A      ? (o.wrong_psk ? "wrong" : "key of a")
			      : o.cross_keys ? "key of b"
					     : "key of a");
	psk(&conn->psk_remote, side == A ? (o.cross_keys ? "key of b" : "key of a") : "key of a");
	conn->force_udp_encap = side == A ? o.force_udp : o.force_udp_b;
	conn->dpd_threshold_s = o.dpd_s;
	conn->dpd_retry_s = 2;
	conn->n_children = o.lines != 0 ? o.lines : 1;
	conn->children = calloc(conn->n_children, sizeof(*conn->children));
	must(conn->children != NULL);
	for (uint32_t i = 0; i < conn->n_children; i++) {
		line(&conn->children[i], side, i, &o);
		conn->children[i].tunnel += side == B ? 100u * k : 0;
	}
}

struct ike_config *world_config(const struct world *w, int side, const struct options *o)
{
	struct ike_config *c = calloc(1, sizeof(*c));

	must(c != NULL);
	c->n_policies = 1;
	c->policies = calloc(1, sizeof(*c->policies));
	must(c->policies != NULL);
	policy(&c->policies[0], side, o);
	c->half_open_cookie = o->half_open_cookie != 0 ? o->half_open_cookie : 100;
	c->half_open_max = o->half_open_max != 0 ? o->half_open_max : 200;
	c->half_open_timeout_ms = 30000;
	c->max_sa = o->max_sa;
	c->retransmit_ms = 1000;
	c->retransmit_tries = 6;
	c->init_retransmit_ms = 1000;
	c->init_retransmit_tries = o->init_tries != 0 ? o->init_tries : 6;
	c->nat_keepalive_s = 20;
	c->rekey_margin_pct = o->no_soft_life ? 0 : 10;
	c->counter_sync = side == A ? o->sync_a : o->sync_b;
	c->n_connections = o->peers != 0 ? o->peers : 1;
	c->connections = calloc(c->n_connections, sizeof(*c->connections));
	must(c->connections != NULL);
	for (uint8_t k = 0; k < c->n_connections; k++)
		connection(w, side, k, o, &c->connections[k]);
	crypto_map(c, side, o);
	return c;
}
