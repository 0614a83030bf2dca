/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the ASA's words to the engine's and the datapath's: crypto map entries
 * and tunnel-groups become connections, permit lines become CHILD SAs and
 * policies. Both come from one walk over the map, so that they cannot differ.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/hashmap.h"
#include "base/iana.h"
#include "base/log.h"
#include "base/must.h"
#include "esp/transform.h"
#include "base/broken_rule.h"
#include "node/core_private.h"

#define HALF_OPEN_MAX        1000u  /* IOS: max in negotiation */
#define HALF_OPEN_TIMEOUT_MS 30000u /* RFC 7296 2.4 leaves it to us; ASA waits 30 s for IKE_AUTH */
#define REKEY_MARGIN_PCT     10u

/*
 * Tunnel numbers are in records and survive changes of the configuration and
 * of its order: a keyed hash of what the line says, the key being public.
 */
static uint32_t tunnel_number(const struct config_map_entry *e, const struct config_ace *ace)
{
	static const uint8_t key[16] = "holdfast tunnel";
	char local[INET_TEXT_MAX], remote[INET_TEXT_MAX], line[300];
	int len = snprintf(line, sizeof(line), "%s %u %s %s %u", e->map, e->seq,
			   inet_prefix_text(&ace->source.prefix, local),
			   inet_prefix_text(&ace->destination.prefix, remote), ace->protocol);
	uint32_t n = (uint32_t)siphash24(key, bytes(line, (size_t)len));
	return n ? n : 1;
}

static bool ace_protects(const struct config_ace *ace)
{
	return ace->usable && ace->permit;
}

static int by_number(const void *x, const void *y)
{
	const struct hf_tunnel *a = x, *b = y;
	return (a->number > b->number) - (a->number < b->number);
}

enum result hf_tunnels(const struct config *cfg, struct hf_tunnel **out, size_t *n)
{
	size_t total = 0;

	for (size_t i = 0; i < cfg->n_map_entries; i++)
		if (cfg->map_entries[i].active)
			total += cfg->map_entries[i].acl->n_aces;
	*n = 0;
	*out = calloc(total + 1, sizeof(**out));
	if (!*out)
		return R_NO_MEMORY;
	for (size_t i = 0; i < cfg->n_map_entries; i++) {
		const struct config_map_entry *e = &cfg->map_entries[i];
		for (size_t k = 0; e->active && k < e->acl->n_aces; k++) {
			const struct config_ace *ace = &e->acl->aces[k];
			if (ace_protects(ace))
				(*out)[(*n)++] = (struct hf_tunnel){ tunnel_number(e, ace), e,
								     ace };
		}
	}
	qsort(*out, *n, sizeof(**out), by_number);
	return R_OK;
}

const struct hf_tunnel *hf_tunnel_find(const struct hf_tunnel *list, size_t n, uint32_t number)
{
	const struct hf_tunnel key = { .number = number };
	return n ? bsearch(&key, list, n, sizeof(*list), by_number) : NULL;
}

static bool same_prefix(const struct inet_prefix *a, const struct inet_prefix *b)
{
	return a->len == b->len && inet_equal(&a->addr, &b->addr);
}

static bool same_line(const struct hf_tunnel *a, const struct hf_tunnel *b)
{
	return a->entry == b->entry && a->ace->protocol == b->ace->protocol &&
	       same_prefix(&a->ace->source.prefix, &b->ace->source.prefix) &&
	       same_prefix(&a->ace->destination.prefix, &b->ace->destination.prefix);
}

/* Of two lines with one number the second would never get an SA: rare (1 in 8000 for 1000 lines),
 * so refused rather than resolved by an order that a change of the configuration moves. */
static enum result check_numbers(const struct config *cfg)
{
	struct hf_tunnel *list;
	size_t n;
	enum result res = hf_tunnels(cfg, &list, &n);

	for (size_t i = 1; res == R_OK && i < n; i++) {
		const struct hf_tunnel *a = &list[i - 1], *b = &list[i];
		char one[CONFIG_ACE_TEXT_MAX], other[CONFIG_ACE_TEXT_MAX];
		struct log_event ev;
		if (a->number != b->number || same_line(a, b))
			continue;
		log_event_make(
			&ev, LOG_CONFIG_REJECTED, NULL, NULL, NULL,
			"crypto map %s %u (%s) and %s %u (%s) have the same tunnel number: give one of them another sequence number",
			a->entry->map, a->entry->seq, config_ace_text(a->entry->acl, a->ace, one),
			b->entry->map, b->entry->seq,
			config_ace_text(b->entry->acl, b->ace, other));
		log_emit(&ev);
		res = R_CONFIG;
	}
	free(list);
	return res;
}

static struct traffic_selector selector(const struct config_ace_end *end, uint8_t protocol)
{
	struct traffic_selector ts = { .port_start = 0, .port_end = 65535, .protocol = protocol };
	inet_prefix_range(&end->prefix, &ts.start, &ts.end);
	return ts;
}

/* The configuration knows more algorithms than the datapath: what it cannot carry is not
 * negotiated, and said. */
static bool datapath_has(const struct config_encr *encr, uint16_t integ)
{
	for (const struct esp_transform *row = esp_transforms(); row->encr; row++)
		if (row->encr == encr->id && row->key_bits == encr->key_bits && row->integ == integ)
			return true;
	return false;
}

static bool cipher_usable(const struct config_encr *encr, const struct config_proposal *p)
{
	bool usable = datapath_has(encr, AUTH_NONE);

	for (unsigned int i = 0; i < p->n_integ && !usable; i++)
		usable = datapath_has(encr, p->integ[i]);
	return usable;
}

/* With every cipher that it could be negotiated with: the peer picks them one by one. */
static bool integrity_usable(uint16_t integ, const struct config_proposal *p)
{
	for (unsigned int i = 0; i < p->n_encr; i++)
		if (!datapath_has(&p->encr[i], AUTH_NONE) && cipher_usable(&p->encr[i], p) &&
		    !datapath_has(&p->encr[i], integ))
			return false;
	return true;
}

static void not_offered(const struct config_proposal *p, const char *what)
{
	struct log_event ev;

	log_event_make(&ev, LOG_CONFIG_UNSUPPORTED, NULL, NULL, NULL,
		       "ipsec-proposal %s (line %u): %s is not offered", p->name, p->where.line,
		       what);
	log_emit(&ev);
}

static void proposal_fill(struct ike_esp_proposal *out, const struct config_proposal *p)
{
	char what[96];

	for (unsigned int i = 0; i < p->n_encr; i++) {
		if (cipher_usable(&p->encr[i], p)) {
			out->encr[out->n_encr++] = (struct ike_encr_choice){ p->encr[i].id,
									     p->encr[i].key_bits };
			continue;
		}
		snprintf(what, sizeof(what), "%s with %u key bits, with the integrity it has,",
			 iana_encr_name(p->encr[i].id), p->encr[i].key_bits);
		not_offered(p, what);
	}
	for (unsigned int i = 0; i < p->n_integ; i++) {
		if (p->integ[i] == AUTH_NONE || integrity_usable(p->integ[i], p))
			out->integ[out->n_integ++] = p->integ[i];
		else
			not_offered(p, iana_integ_name(p->integ[i]));
	}
}

static void child_fill(struct ike_child_config *ch, const struct config *cfg,
		       const struct config_map_entry *e, const struct config_ace *ace)
{
	ch->tunnel = tunnel_number(e, ace);
	ch->local = selector(&ace->source, ace->protocol);
	ch->remote = selector(&ace->destination, ace->protocol);
	for (unsigned int i = 0; i < e->n_proposals; i++)
		if (e->proposals[i])
			proposal_fill(&ch->proposals[ch->n_proposals++], e->proposals[i]);
	ch->pfs_group = e->pfs_group;
	ch->esn = true;
	ch->lifetime_s = e->lifetime_s;
	ch->lifetime_kb = e->lifetime_kb;
	ch->first_lease = core_lease_min(cfg);
}

/* Room for n: to the next power of two, for a peer may have thousands of entries. */
static bool children_grow(struct ike_connection *conn, size_t n)
{
	size_t have = conn->n_children ? 1 : 0, room = 1;

	while (have && have < conn->n_children)
		have *= 2;
	while (room < n)
		room *= 2;
	if (have == room)
		return true;
	struct ike_child_config *grown = realloc(conn->children, room * sizeof(*grown));
	if (grown)
		conn->children = grown;
	return grown != NULL;
}

static enum result children_add(struct ike_connection *conn, const struct config *cfg,
				const struct config_map_entry *e)
{
	size_t n = conn->n_children;

	for (size_t i = 0; i < e->acl->n_aces; i++)
		n += ace_protects(&e->acl->aces[i]);
	if (!children_grow(conn, n))
		return R_NO_MEMORY;
	for (size_t i = 0; i < e->acl->n_aces; i++)
		if (ace_protects(&e->acl->aces[i])) {
			struct ike_child_config *ch = &conn->children[conn->n_children++];
			memset(ch, 0, sizeof(*ch));
			child_fill(ch, cfg, e, &e->acl->aces[i]);
		}
	return R_OK;
}

static enum result id_set(struct ike_id *id, uint8_t type, struct bytes data)
{
	id->type = type;
	return buf_set(&id->data, data) ? R_OK : R_NO_MEMORY;
}

static enum result local_id(const struct config *cfg, const struct inet_addr *local,
			    struct ike_id *out)
{
	switch (cfg->identity) {
	case IDENTITY_HOSTNAME:
		return id_set(out, ID_FQDN, bytes(cfg->hostname, strlen(cfg->hostname)));
	case IDENTITY_KEY_ID:
		return id_set(out, ID_KEY_ID, bytes(cfg->key_id, strlen(cfg->key_id)));
	case IDENTITY_AUTO:
	case IDENTITY_ADDRESS:
		break;
	}
	return id_set(out, local->family == INET_V4 ? ID_IPV4_ADDR : ID_IPV6_ADDR,
		      bytes(local->a, inet_len(local)));
}

/* A group that is named by an address wants that address as the identity; any other
 * name is the identity. */
static enum result remote_id(const struct config_tunnel_group *g, struct ike_connection *conn)
{
	conn->peer_id_any = g->peer_id_validate == PEER_ID_NOCHECK || g->is_default;
	if (g->address.family != INET_NONE || g->is_default)
		return R_OK;
	return id_set(&conn->remote_id, strchr(g->name, '@') ? ID_RFC822_ADDR : ID_FQDN,
		      bytes(g->name, strlen(g->name)));
}

static void connection_name(const struct config_map_peer *peer, char out[IKE_NAME_MAX])
{
	/* The default group serves many peers: their SAs must not share a name. */
	snprintf(out, IKE_NAME_MAX, "%.*s", IKE_NAME_MAX - 1,
		 peer->group->is_default ? peer->name : peer->group->name);
}

static enum result connection_fill(const struct config *cfg, const struct config_map_entry *e,
				   const struct config_map_peer *peer, struct ike_connection *conn)
{
	const struct config_tunnel_group *g = peer->group;

	connection_name(peer, conn->name);
	conn->local = e->interface->address;
	conn->peer = peer->address;
	if (g->keepalive) {
		conn->dpd_threshold_s = g->keepalive_threshold_s;
		conn->dpd_retry_s = g->keepalive_retry_s;
	}
	enum result res = local_id(cfg, &conn->local, &conn->local_id);
	if (res == R_OK)
		res = remote_id(g, conn);
	if (res == R_OK)
		res = secret_copy(&conn->psk_local, &g->local_key);
	if (res == R_OK)
		res = secret_copy(&conn->psk_remote, &g->remote_key);
	return res;
}

/* What a translation goes by: there may be many thousand entries. */
struct translation {
	const struct config *cfg;
	struct ike_config *out;
	struct hashmap *connections; /* of out, by struct connection_key */
	const char *map;             /* the last entry's, and its digest */
	uint64_t map_digest;
};

struct connection_key {
	char name[IKE_NAME_MAX];
	struct inet_addr local;
};

/* Entries that name the same peer share its connection. */
static enum result connection_add(struct translation *t, const struct config_map_entry *e,
				  const struct config_map_peer *peer, size_t *index)
{
	struct ike_config *out = t->out;
	struct connection_key key = { .local = e->interface->address };

	*index = IKE_NO_CONNECTION;
	if (!peer->group)
		return R_OK;
	connection_name(peer, key.name);
	struct ike_connection *conn = hashmap_get(t->connections, bytes(&key, sizeof(key)));
	if (conn) {
		*index = (size_t)(conn - out->connections);
		return children_add(conn, t->cfg, e);
	}
	*index = out->n_connections++;
	conn = &out->connections[*index];
	enum result res = connection_fill(t->cfg, e, peer, conn);
	if (res == R_OK)
		res = hashmap_insert(t->connections, bytes(&key, sizeof(key)), conn);
	return res == R_OK ? children_add(conn, t->cfg, e) : res;
}

/* What another line of the crypto map would change: its own lines, not what they refer to. */
static void entry_text(const struct config_map_entry *e, struct text *out)
{
	text_printf(out, "%s %u %s %u %u %u %u %d %s", e->map, e->seq, e->acl_name, e->pfs_group,
		    e->lifetime_s, e->lifetime_kb, e->connection_type, e->nat_t_disable,
		    e->interface->nameif);
	for (unsigned int i = 0; i < e->n_peers; i++)
		text_printf(out, " peer %s", e->peers[i].name);
	for (unsigned int i = 0; i < e->n_proposals; i++)
		text_printf(out, " proposal %s", e->proposal_names[i]);
	text_printf(out, " ikev1 %d\n", e->ikev1);
}

/* In records and never 0; no secret is in it. */
static enum result map_digest(const struct config *cfg, const char *map, uint64_t *out)
{
	static const uint8_t key[16] = "holdfast map";
	struct text text = { 0 };

	for (size_t i = 0; i < cfg->n_map_entries; i++)
		if (cfg->map_entries[i].active && strcmp(cfg->map_entries[i].map, map) == 0)
			entry_text(&cfg->map_entries[i], &text);
	*out = siphash24(key, bytes(text.p, text.len)) | 1;
	bool failed = text.failed;
	text_free(&text);
	return failed ? R_NO_MEMORY : R_OK;
}

static enum result entry_add(struct translation *t, const struct config_map_entry *e)
{
	struct ike_crypto_map *m = &t->out->maps[t->out->n_maps++];
	enum result res = R_OK;

	if (!t->map || strcmp(t->map, e->map) != 0)
		res = map_digest(t->cfg, e->map, &t->map_digest);
	t->map = e->map;
	m->digest = t->map_digest;
	snprintf(m->map, sizeof(m->map), "%.*s", IKE_NAME_MAX - 1, e->map);
	m->seq = e->seq;
	m->ikev1 = e->ikev1;
	m->may_initiate = e->connection_type != CONNECTION_ANSWER_ONLY;
	m->may_respond = e->connection_type != CONNECTION_ORIGINATE_ONLY;
	for (unsigned int i = 0; res == R_OK && i < e->n_peers; i++) {
		m->peers[m->n_peers] = e->peers[i].address;
		res = connection_add(t, e, &e->peers[i], &m->connection[m->n_peers]);
		m->n_peers++;
	}
	m->tunnels = calloc(e->acl->n_aces + 1, sizeof(*m->tunnels));
	if (res != R_OK || !m->tunnels)
		return R_NO_MEMORY;
	for (size_t i = 0; i < e->acl->n_aces; i++)
		if (ace_protects(&e->acl->aces[i]))
			m->tunnels[m->n_tunnels++] = tunnel_number(e, &e->acl->aces[i]);
	return R_OK;
}

static void policy_fill(struct ike_policy *out, const struct config_ike_policy *p)
{
	out->priority = (uint16_t)p->priority;
	out->lifetime_s = p->lifetime_s;
	for (unsigned int i = 0; i < p->n_encr; i++)
		out->encr[out->n_encr++] = (struct ike_encr_choice){ p->encr[i].id,
								     p->encr[i].key_bits };
	for (unsigned int i = 0; i < p->n_integ; i++)
		if (p->integ[i] != AUTH_NONE)
			out->integ[out->n_integ++] = p->integ[i];
	for (unsigned int i = 0; i < p->n_prf; i++)
		out->prf[out->n_prf++] = p->prf[i];
	for (unsigned int i = 0; i < p->n_group; i++)
		out->dh[out->n_dh++] = p->group[i];
}

/* A share of a few is one, not none: with none nobody could ever begin. */
static uint32_t share(uint32_t of, uint32_t percent)
{
	uint32_t n = (uint32_t)((uint64_t)of * percent / 100);
	return n ? n : 1;
}

uint32_t hf_half_open_max(const struct config *cfg)
{
	uint32_t most = cfg->max_sa ? cfg->max_sa : cfg->cluster_max_sa;

	if (cfg->max_negotiating)
		return cfg->max_negotiating;
	return most && cfg->max_negotiating_percent ? share(most, cfg->max_negotiating_percent)
						    : HALF_OPEN_MAX;
}

static void limits_fill(const struct config *cfg, struct ike_config *out)
{
	out->max_sa = cfg->max_sa;
	out->half_open_max = hf_half_open_max(cfg);
	if (cfg->cookie_percent == CONFIG_COOKIE_NEVER)
		out->half_open_cookie = UINT32_MAX;
	else
		out->half_open_cookie = out->half_open_max * (uint32_t)cfg->cookie_percent / 100;
	out->half_open_timeout_ms = HALF_OPEN_TIMEOUT_MS;
	/* The request, the retransmissions, and a final one. */
	out->retransmit_ms = cfg->retransmit_ms;
	out->retransmit_tries = cfg->retransmissions + 2;
	out->init_retransmit_ms = cfg->init_interval_ms;
	out->init_retransmit_tries = cfg->init_retransmissions + 2;
	out->nat_keepalive_s = cfg->nat_traversal ? cfg->nat_keepalive_s : 0;
	out->counter_sync = true;
#ifdef HF_IMPAIRMENTS
	out->break_sync = hf_rule_broken(HF_RULE_SYNC);
#endif
	out->rekey_margin_pct = REKEY_MARGIN_PCT;
}

static size_t peers_in(const struct config *cfg)
{
	size_t n = 0;

	for (size_t i = 0; i < cfg->n_map_entries; i++)
		n += cfg->map_entries[i].n_peers;
	return n;
}

/* R14: the interface says whose a crypto map is. */
static bool of_group(const struct config_map_entry *e, uint8_t group)
{
	return e->active && e->interface->failover_group == group;
}

enum result core_translate_ike(const struct config *cfg, uint8_t group, struct ike_config **out)
{
	static const uint8_t seed[16] = "holdfast peers";
	struct ike_config *ic = calloc(1, sizeof(*ic));
	struct translation t = { .cfg = cfg, .out = ic, .connections = hashmap_new(seed) };
	enum result res = R_OK;

	*out = NULL;
	if (!ic || !t.connections) {
		free(ic);
		hashmap_free(t.connections, NULL);
		return R_NO_MEMORY;
	}
	res = check_numbers(cfg);
	limits_fill(cfg, ic);
	ic->policies = calloc(cfg->n_ike_policies + 1, sizeof(*ic->policies));
	ic->maps = calloc(cfg->n_map_entries + 1, sizeof(*ic->maps));
	ic->connections = calloc(peers_in(cfg) + 1, sizeof(*ic->connections));
	if (!ic->policies || !ic->maps || !ic->connections)
		res = R_NO_MEMORY;
	for (size_t i = 0; res == R_OK && i < cfg->n_ike_policies; i++)
		policy_fill(&ic->policies[ic->n_policies++], &cfg->ike_policies[i]);
	for (size_t i = 0; res == R_OK && i < cfg->n_map_entries; i++)
		if (of_group(&cfg->map_entries[i], group))
			res = entry_add(&t, &cfg->map_entries[i]);
	hashmap_free(t.connections, NULL);
	if (res != R_OK) {
		ike_config_free(ic);
		return res;
	}
	*out = ic;
	return R_OK;
}

enum result core_translate_spd(const struct config *cfg, uint8_t group, struct esp_policy **out,
			       size_t *n)
{
	size_t total = 0;

	for (size_t i = 0; i < cfg->n_map_entries; i++)
		if (of_group(&cfg->map_entries[i], group))
			total += cfg->map_entries[i].acl->n_aces;
	*n = 0;
	*out = calloc(total + 1, sizeof(**out));
	if (!*out)
		return R_NO_MEMORY;
	for (size_t i = 0; i < cfg->n_map_entries; i++) {
		const struct config_map_entry *e = &cfg->map_entries[i];
		for (size_t k = 0; of_group(e, group) && k < e->acl->n_aces; k++) {
			const struct config_ace *ace = &e->acl->aces[k];
			if (!ace->usable)
				continue;
			(*out)[(*n)++] = (struct esp_policy){
				.tunnel = ace->permit ? tunnel_number(e, ace) : 0,
				.entry = (uint32_t)i,
				.action = ace->permit ? ESP_PROTECT : ESP_BYPASS,
				.group = group,
				.local = selector(&ace->source, ace->protocol),
				.remote = selector(&ace->destination, ace->protocol),
			};
		}
	}
	return R_OK;
}
