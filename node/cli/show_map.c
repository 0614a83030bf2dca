/* SPDX-License-Identifier: Apache-2.0 */
/* show crypto map: the shape that ASA and IOS share, with the peer index as a line of our own. */
#include "base/iana.h"
#include "node/cli/show_common.h"

static const struct config_map_peer *current(const struct view_map *v)
{
	return &v->entry->peers[v->peer_index < v->entry->n_peers ? v->peer_index : 0];
}

static void text_lines(const struct config_map_entry *e, struct text *out)
{
	char line[CONFIG_ACE_TEXT_MAX];

	if (!e->acl_name)
		return;
	text_printf(out, "        Extended IP access list %s\n", e->acl_name);
	for (size_t i = 0; e->acl && i < e->acl->n_aces; i++)
		text_printf(out, "            %s\n",
			    config_ace_text(e->acl, &e->acl->aces[i], line));
}

static void text_index(const struct view_map *v, struct text *out)
{
	char peer[INET_TEXT_MAX];

	if (!v->entry->active)
		return;
	text_printf(out, "        Current peer: %s\n", inet_text(&current(v)->address, peer));
	if (v->entry->n_peers > 1)
		text_printf(out, "        Peer index: %u, generation: %llu, reason: %s\n",
			    v->peer_index, (unsigned long long)v->generation, v->reason);
}

static void text_settings(const struct config_map_entry *e, struct text *out)
{
	if (e->lifetime_kb)
		text_printf(out, "        Security association lifetime: %u kilobytes/%u seconds\n",
			    e->lifetime_kb, e->lifetime_s);
	else
		text_printf(out, "        Security association lifetime: %u seconds\n",
			    e->lifetime_s);
	text_printf(out, "        PFS (Y/N): %s\n", e->pfs_group == DH_NONE ? "N" : "Y");
	if (e->pfs_group != DH_NONE)
		text_printf(out, "        DH group:  group%u\n", e->pfs_group);
	text_printf(out, "        IKEv2 proposals={");
	for (unsigned int i = 0; i < e->n_proposals; i++)
		text_printf(out, " %s,", e->proposal_names[i]);
	text_printf(out, " }\n");
	if (e->ikev1)
		text_printf(out, "        IKEv1: configured, not available\n");
}

static void text_entry(const struct view_map *v, struct text *out)
{
	const struct config_map_entry *e = v->entry;
	char peer[INET_TEXT_MAX];

	text_printf(out, "Crypto Map \"%s\" %u ipsec-isakmp\n", e->map, e->seq);
	for (unsigned int i = 0; i < e->n_peers; i++)
		text_printf(out, "        Peer = %s\n", inet_text(&e->peers[i].address, peer));
	text_lines(e, out);
	text_index(v, out);
	text_settings(e, out);
	if (!e->active)
		text_printf(out, "        Not in use: %s\n", e->inactive_why);
	text_printf(out, "        Interfaces using crypto map %s:\n", e->map);
	if (e->interface)
		text_printf(out, "                %s\n", e->interface->nameif);
	text_printf(out, "\n");
}

void show_map_text(const struct view_map_list *l, struct text *out)
{
	if (l->n == 0)
		text_printf(out, "No crypto maps found.\n");
	for (size_t i = 0; i < l->n; i++)
		text_entry(&l->list[i], out);
}

static json_t *json_peers(const struct view_map *v)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < v->entry->n_peers; i++) {
		const struct config_map_peer *p = &v->entry->peers[i];
		json_t *group = p->group ? json_string(p->group->name) : json_null();
		json_array_append_new(list,
				      json_pack("{s:o, s:o, s:b}", "address",
						json_address(&p->address), "tunnel_group", group,
						"current", v->entry->active && p == current(v)));
	}
	return list;
}

static json_t *json_lines(const struct config_map_entry *e)
{
	json_t *list = json_array();
	char line[CONFIG_ACE_TEXT_MAX];

	for (size_t i = 0; e->acl && i < e->acl->n_aces; i++)
		json_array_append_new(list,
				      json_string(config_ace_text(e->acl, &e->acl->aces[i], line)));
	return list;
}

static json_t *json_proposals(const struct config_map_entry *e)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < e->n_proposals; i++)
		json_array_append_new(list, json_string(e->proposal_names[i]));
	return list;
}

static json_t *json_entry(const struct view_map *v)
{
	const struct config_map_entry *e = v->entry;
	json_t *root = json_pack(
		"{s:s, s:I, s:s, s:b, s:s, s:s, s:o, s:o}", "map", e->map, "seq",
		(json_int_t)e->seq, "interface", e->interface ? e->interface->nameif : "", "active",
		e->active, "inactive_why", e->active ? "" : e->inactive_why, "access_list",
		e->acl_name ? e->acl_name : "", "lines", json_lines(e), "peers", json_peers(v));
	json_t *rest = json_pack(
		"{s:i, s:o, s:s, s:I, s:o, s:i, s:o, s:b}", "peer_index", (int)v->peer_index,
		"generation", json_count(v->generation), "reason", v->reason, "lifetime_s",
		(json_int_t)e->lifetime_s, "lifetime_kb",
		e->lifetime_kb ? json_count(e->lifetime_kb) : json_null(), "pfs_group",
		(int)e->pfs_group, "proposals", json_proposals(e), "ikev1", e->ikev1);

	json_object_update_new(root, rest);
	return root;
}

void show_map_json(const struct view_map_list *l, struct text *out)
{
	json_t *list = json_array();

	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_entry(&l->list[i]));
	json_finish(json_pack("{s:o}", "crypto_maps", list), out);
}
