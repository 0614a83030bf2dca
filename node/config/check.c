/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second half of a parse: defaults, references between objects, and what
 * only the whole file can tell. An incomplete crypto map entry is kept and
 * inactive, with the reason, as on the ASA; what can never work is an error.
 */
#include <stdlib.h>

#include "base/iana.h"
#include "node/config/algorithms.h"

/* After what newer ASAs do. */
static void default_ike_policy(struct config_ike_policy *p)
{
	if (p->n_encr == 0)
		p->encr[p->n_encr++] = (struct config_encr){ .id = ENCR_AES_CBC, .key_bits = 256 };
	if (p->n_integ == 0)
		p->integ[p->n_integ++] = AUTH_HMAC_SHA2_256_128;
	if (p->n_prf == 0)
		p->prf[p->n_prf++] = PRF_HMAC_SHA2_256;
	if (p->n_group == 0)
		p->group[p->n_group++] = DH_MODP_2048;
}

/* Some cipher of the list is not AEAD, and no integrity algorithm goes with it. */
static bool lacks_integrity(const struct config_encr *encr, uint8_t n_encr, const uint16_t *integ,
			    uint8_t n_integ)
{
	bool needs = false;
	for (uint8_t i = 0; i < n_encr; i++)
		needs |= !encr_is_aead(encr[i].id);
	for (uint8_t i = 0; i < n_integ; i++)
		needs &= integ[i] == AUTH_NONE;
	return needs;
}

static int policy_compare(const void *a, const void *b)
{
	const struct config_ike_policy *x = a, *y = b;
	return (x->priority > y->priority) - (x->priority < y->priority);
}

static void resolve_ike_policies(struct build *b)
{
	struct config *cfg = b->cfg;
	for (size_t i = 0; i < cfg->n_ike_policies; i++) {
		struct config_ike_policy *p = &cfg->ike_policies[i];
		default_ike_policy(p);
		if (lacks_integrity(p->encr, p->n_encr, p->integ, p->n_integ))
			build_error(
				b, p->where,
				"crypto ikev2 policy %u: its encryption needs integrity: expected an algorithm other than null",
				p->priority);
	}
	if (cfg->n_ike_policies)
		qsort(cfg->ike_policies, cfg->n_ike_policies, sizeof(*cfg->ike_policies),
		      policy_compare);
}

static void resolve_proposals(struct build *b)
{
	for (size_t i = 0; i < b->cfg->n_proposals; i++) {
		struct config_proposal *p = &b->cfg->proposals[i];
		if (p->n_encr == 0)
			build_error(
				b, p->where,
				"ipsec-proposal %s has no cipher: expected a line protocol esp encryption",
				p->name);
		else if (lacks_integrity(p->encr, p->n_encr, p->integ, p->n_integ))
			build_error(
				b, p->where,
				"ipsec-proposal %s: its encryption needs integrity: expected a line protocol esp integrity other than null",
				p->name);
	}
}

static void resolve_weak(struct build *b)
{
	for (size_t i = 0; !b->cfg->weak_algorithms && i < b->n_weak; i++)
		build_error(
			b, b->weak[i].where,
			"'%s' is weak: expected a stronger algorithm, or a line crypto weak-algorithms allow",
			b->weak[i].word);
}

static void resolve_end(struct build *b, struct config_ace_end *end)
{
	if (end->form != ACE_OBJECT)
		return;
	size_t i = build_find(b, BUILD_OBJECT, end->object);
	if (i != BUILD_NONE)
		end->prefix = b->cfg->objects[i].prefix;
}

static void resolve_ace(struct build *b, struct config_ace *ace)
{
	if (!ace->usable)
		return;
	resolve_end(b, &ace->source);
	resolve_end(b, &ace->destination);
}

static void resolve_acls(struct build *b)
{
	for (size_t i = 0; i < b->cfg->n_acls; i++)
		for (size_t j = 0; j < b->cfg->acls[i].n_aces; j++)
			resolve_ace(b, &b->cfg->acls[i].aces[j]);
}

/* A list that a crypto map refers to must be understood in full: a skipped deny would be a leak. */
static void check_crypto_acl(struct build *b, const struct config_map_entry *e)
{
	for (size_t i = 0; i < e->acl->n_aces; i++) {
		const struct config_ace *ace = &e->acl->aces[i];
		if (!ace->usable) {
			build_error(b, ace->where, "access-list %s is used by crypto map %s %u: %s",
				    e->acl_name, e->map, e->seq, ace->unusable_why);
			continue;
		}
		if (ace->source.prefix.addr.family == INET_NONE ||
		    ace->destination.prefix.addr.family == INET_NONE)
			build_error(
				b, ace->where,
				"access-list %s is used by crypto map %s %u: expected an object that is a host or a subnet",
				e->acl_name, e->map, e->seq);
		else if (ace->source.prefix.addr.family != INET_V4 ||
			 ace->destination.prefix.addr.family != INET_V4)
			build_error(
				b, ace->where,
				"access-list %s is used by crypto map %s %u: expected IPv4 networks",
				e->acl_name, e->map, e->seq);
	}
}

static bool group_has_keys(const struct config_tunnel_group *g)
{
	return g && g->local_key.len && g->remote_key.len;
}

/* A peer that no group names by address may still name itself in IKE_AUTH. */
static bool any_group_by_name(const struct config *cfg)
{
	for (size_t i = 0; i < cfg->n_tunnel_groups; i++) {
		const struct config_tunnel_group *g = &cfg->tunnel_groups[i];
		if (g->is_l2l && !g->is_default && g->address.family == INET_NONE &&
		    group_has_keys(g))
			return true;
	}
	return false;
}

static const char *why_no_group(const struct build *b, const struct config_map_entry *e)
{
	bool any_group = false, masked = false;
	for (uint8_t i = 0; i < e->n_peers; i++) {
		const struct config_tunnel_group *g = e->peers[i].group;
		if (group_has_keys(g))
			return NULL;
		any_group |= g != NULL;
		masked |= g && g->keys_masked;
	}
	if (b->named_group)
		return NULL;
	if (masked)
		return "the pre-shared keys of its tunnel-group are masked or encrypted";
	return any_group ? "its tunnel-group lacks a local or a remote pre-shared key"
			 : "no tunnel-group of type ipsec-l2l for its peer";
}

static bool ikev2_enabled_on(const struct config *cfg, const struct config_interface *ifc)
{
	for (size_t i = 0; i < cfg->n_ikev2_interfaces; i++)
		if (cfg->ikev2_interfaces[i].interface == ifc)
			return true;
	return false;
}

/* The first thing that an entry lacks; NULL when it is complete. */
static const char *why_inactive(const struct build *b, const struct config_map_entry *e)
{
	const struct config *cfg = b->cfg;
	bool has_proposal = false;
	for (uint8_t i = 0; i < e->n_proposals; i++)
		has_proposal |= e->proposals[i] != NULL;
	if (!e->acl_name)
		return "no match address";
	if (!e->acl || e->acl->n_aces == 0)
		return "its access-list does not exist";
	if (e->n_peers == 0)
		return "no set peer";
	if (e->n_peers > 1 && e->connection_type != CONNECTION_BIDIRECTIONAL)
		return "several peers need connection-type bidirectional";
	if (e->n_proposals == 0)
		return "no set ikev2 ipsec-proposal";
	if (!has_proposal)
		return "its ipsec-proposal does not exist";
	if (!e->interface)
		return "the crypto map is not applied to an interface";
	if (e->interface->address.family == INET_NONE)
		return "its interface has no address";
	if (e->interface->shutdown)
		return "its interface is shut down";
	if (!ikev2_enabled_on(cfg, e->interface))
		return "crypto ikev2 is not enabled on its interface";
	if (cfg->n_ike_policies == 0)
		return "no crypto ikev2 policy";
	return why_no_group(b, e);
}

static const struct config_proposal *proposal_find(const struct config *cfg, const char *name)
{
	for (size_t i = 0; i < cfg->n_proposals; i++)
		if (strcmp(cfg->proposals[i].name, name) == 0)
			return &cfg->proposals[i];
	return NULL;
}

static void resolve_peers(const struct config *cfg, struct config_map_entry *e)
{
	const struct config_tunnel_group *fallback = config_tunnel_group_default(cfg);
	for (uint8_t i = 0; i < e->n_peers; i++) {
		const struct config_tunnel_group *g = config_tunnel_group_by_address(
			cfg, &e->peers[i].address);
		e->peers[i].group = g ? g : group_has_keys(fallback) ? fallback : NULL;
	}
}

static void resolve_map_entry(struct build *b, struct config_map_entry *e)
{
	struct config *cfg = b->cfg;
	if (!e->own_lifetime_s)
		e->lifetime_s = cfg->lifetime_s;
	if (!e->own_lifetime_kb)
		e->lifetime_kb = cfg->lifetime_kb;
	for (size_t i = 0; i < cfg->n_map_bindings; i++)
		if (strcmp(cfg->map_bindings[i].map, e->map) == 0)
			e->interface = cfg->map_bindings[i].interface;
	for (uint8_t i = 0; i < e->n_proposals; i++) {
		e->proposals[i] = proposal_find(cfg, e->proposal_names[i]);
		if (!e->proposals[i])
			build_warning(b, e->proposals_where,
				      "crypto map %s %u: there is no ipsec-proposal %s", e->map,
				      e->seq, e->proposal_names[i]);
	}
	resolve_peers(cfg, e);
	size_t acl = e->acl_name ? build_find(b, BUILD_ACL, e->acl_name) : BUILD_NONE;
	if (acl != BUILD_NONE)
		e->acl = &cfg->acls[acl];
	if (e->acl)
		check_crypto_acl(b, e);
	e->inactive_why = why_inactive(b, e);
	e->active = e->inactive_why == NULL;
	if (!e->active)
		build_warning(b, e->where, "crypto map %s %u is incomplete and not used: %s",
			      e->map, e->seq, e->inactive_why);
}

static int entry_compare(const void *a, const void *b)
{
	const struct config_map_entry *x = a, *y = b;
	int order = strcmp(x->map, y->map);
	return order ? order : (x->seq > y->seq) - (x->seq < y->seq);
}

static void resolve_interfaces(struct build *b)
{
	struct config *cfg = b->cfg;
	for (size_t i = 0; i < cfg->n_ikev2_interfaces; i++) {
		struct config_ikev2_enable *e = &cfg->ikev2_interfaces[i];
		e->interface = config_interface_by_nameif(cfg, e->nameif);
		if (!e->interface)
			build_error(b, e->where,
				    "'%s' is not valid here: expected the nameif of an interface",
				    e->nameif);
	}
	for (size_t i = 0; i < cfg->n_map_bindings; i++) {
		struct config_map_binding *m = &cfg->map_bindings[i];
		m->interface = config_interface_by_nameif(cfg, m->nameif);
		if (!m->interface)
			build_error(b, m->where,
				    "'%s' is not valid here: expected the nameif of an interface",
				    m->nameif);
	}
}

static void resolve_routes(struct build *b)
{
	for (size_t i = 0; i < b->cfg->n_routes; i++)
		if (!config_interface_by_nameif(b->cfg, b->cfg->routes[i].nameif))
			build_error(
				b, b->cfg->routes[i].where,
				"route: there is no interface '%s': expected the nameif of an interface",
				b->cfg->routes[i].nameif);
}

static void check_tunnel_groups(struct build *b)
{
	for (size_t i = 0; i < b->cfg->n_tunnel_groups; i++) {
		const struct config_tunnel_group *g = &b->cfg->tunnel_groups[i];
		if (!g->is_l2l && (g->local_key.len || g->remote_key.len))
			build_warning(
				b, g->where,
				"tunnel-group %s is not used: expected a line tunnel-group %s type ipsec-l2l",
				g->name, g->name);
	}
}

static int failover_group_compare(const void *a, const void *b)
{
	const struct config_failover_group *x = a, *y = b;
	return (x->id > y->id) - (x->id < y->id);
}

static bool has_group(const struct config *cfg, uint8_t id)
{
	const struct config_failover *f = &cfg->failover;
	for (size_t i = 0; i < f->n_groups; i++)
		if (f->groups[i].id == id)
			return true;
	return !f->enabled && id == 1;
}

static void check_joined_groups(struct build *b)
{
	for (size_t i = 0; i < b->cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &b->cfg->interfaces[i];
		if (ifc->address.family != INET_NONE && !has_group(b->cfg, ifc->failover_group))
			build_error(
				b, ifc->where,
				"interface %s is in failover group %u: expected a line failover group %u, or another join-failover-group",
				ifc->name, ifc->failover_group, ifc->failover_group);
	}
}

static void resolve_failover(struct build *b)
{
	struct config_failover *f = &b->cfg->failover;
	if (!f->own_slot)
		f->slot = f->unit;
	if (!f->enabled) {
		check_joined_groups(b);
		return;
	}
	if (f->slot == 0)
		build_error(
			b, f->where,
			"failover: expected a line failover lan unit {primary|secondary|member N} or failover slot");
	if (f->key.len == 0)
		build_error(b, f->where, "failover: expected a line failover key");
	if (f->n_groups == 0) {
		struct config_failover_group *group = BUILD_GROW(b, f->groups, f->n_groups);
		if (group)
			group->id = 1;
	}
	if (f->n_groups)
		qsort(f->groups, f->n_groups, sizeof(*f->groups), failover_group_compare);
	if (f->n_groups > 1 && f->role_manager == ROLE_MANAGER_PACEMAKER)
		build_error(
			b, f->groups[1].where,
			"failover role-manager pacemaker promotes one group: expected one failover group");
	check_joined_groups(b);
}

void config_resolve(struct build *b)
{
	struct config *cfg = b->cfg;
	if (b->no_memory)
		return;
	resolve_weak(b);
	resolve_ike_policies(b);
	resolve_proposals(b);
	resolve_interfaces(b);
	resolve_routes(b);
	resolve_acls(b);
	resolve_failover(b);
	snapshot_channel_resolve(b);
	monitoring_resolve(b);
	check_tunnel_groups(b);
	b->no_memory |= config_index(cfg) != R_OK;
	if (b->no_memory)
		return;
	b->named_group = any_group_by_name(cfg);
	if (cfg->n_map_entries)
		qsort(cfg->map_entries, cfg->n_map_entries, sizeof(*cfg->map_entries),
		      entry_compare);
	for (size_t i = 0; i < cfg->n_map_entries; i++)
		resolve_map_entry(b, &cfg->map_entries[i]);
}
