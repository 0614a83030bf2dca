/* SPDX-License-Identifier: Apache-2.0 */
/* All commands, in the order of a running-config. */
#include "node/config/build.h"

static const void *item_config(const struct config *cfg, size_t i)
{
	return i == 0 ? cfg : NULL;
}

#define ITEM(name, array, count) \
	static const void *name(const struct config *cfg, size_t i) \
	{ \
		return i < cfg->count ? &cfg->array[i] : NULL; \
	}

ITEM(item_interface, interfaces, n_interfaces)
ITEM(item_object, objects, n_objects)
ITEM(item_acl, acls, n_acls)
ITEM(item_failover_group, failover.groups, failover.n_groups)
ITEM(item_proposal, proposals, n_proposals)
ITEM(item_map_entry, map_entries, n_map_entries)
ITEM(item_map_binding, map_bindings, n_map_bindings)
ITEM(item_ike_policy, ike_policies, n_ike_policies)
ITEM(item_tunnel_group, tunnel_groups, n_tunnel_groups)

const struct grammar_table config_tables[] = {
	{ rows_system, item_config },
	{ rows_interface, item_interface },
	{ rows_object, item_object },
	{ rows_access_list, item_acl },
	{ rows_failover, item_config },
	{ rows_snapshot_channel, item_config },
	{ rows_failover_group, item_failover_group },
	{ rows_monitor, item_config },
	{ rows_network, item_config },
	{ rows_proposal, item_proposal },
	{ rows_ipsec, item_config },
	{ rows_crypto_map, item_map_entry },
	{ rows_map_binding, item_map_binding },
	{ rows_ike_policy, item_ike_policy },
	{ rows_ike, item_config },
	{ rows_tunnel_group, item_tunnel_group },
	{ rows_kept, item_config },
	{ 0 },
};
