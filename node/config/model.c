/* SPDX-License-Identifier: Apache-2.0 */
/* Looking things up in a configuration, and giving it back. */
#include "node/config/model.h"

#include <stdlib.h>

#include "base/hashmap.h"
#include "base/iana.h"
#include "node/config/arena.h"

size_t config_group_ids(const struct config *cfg, uint8_t out[CONFIG_GROUPS_MAX])
{
	const struct config_failover *f = &cfg->failover;
	size_t n = 0;

	for (size_t i = 0; f->enabled && i < f->n_groups; i++)
		out[n++] = f->groups[i].id;
	if (n == 0)
		out[n++] = 1;
	return n;
}

size_t config_watched(const struct config *cfg,
		      const struct config_interface *out[CONFIG_MONITORED_MAX])
{
	size_t n = 0, others = CONFIG_MONITORED_MAX;

	for (size_t i = 0; i < cfg->n_interfaces; i++)
		others -= cfg->interfaces[i].monitored;
	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		if (!*ifc->nameif || (!ifc->monitored && others == 0))
			continue;
		others -= !ifc->monitored;
		out[n++] = ifc;
	}
	return n;
}

const struct config_interface *config_interface_by_nameif(const struct config *cfg,
							  const char *nameif)
{
	for (size_t i = 0; *nameif && i < cfg->n_interfaces; i++)
		if (strcmp(cfg->interfaces[i].nameif, nameif) == 0)
			return &cfg->interfaces[i];
	return NULL;
}

const struct config_tunnel_group *config_tunnel_group_by_name(const struct config *cfg,
							      const char *name)
{
	return hashmap_get(cfg->group_by_name, bytes(name, strlen(name)));
}

const struct config_tunnel_group *config_tunnel_group_by_address(const struct config *cfg,
								 const struct inet_addr *peer)
{
	return hashmap_get(cfg->group_by_address, bytes(peer->a, inet_len(peer)));
}

const struct config_tunnel_group *
config_tunnel_group_by_identity(const struct config *cfg, unsigned int id_type, struct bytes id)
{
	if (id_type == ID_IPV4_ADDR || id_type == ID_IPV6_ADDR) {
		struct inet_addr address = inet_from_bytes(id);
		bool fits = address.family == (id_type == ID_IPV4_ADDR ? INET_V4 : INET_V6);
		return fits ? config_tunnel_group_by_address(cfg, &address) : NULL;
	}
	if (id_type != ID_FQDN && id_type != ID_RFC822_ADDR && id_type != ID_KEY_ID)
		return NULL;
	const struct config_tunnel_group *g = hashmap_get(cfg->group_by_name, id);
	return g && g->is_l2l && !g->is_default && g->address.family == INET_NONE ? g : NULL;
}

const struct config_tunnel_group *config_tunnel_group_default(const struct config *cfg)
{
	return config_tunnel_group_by_name(cfg, CONFIG_DEFAULT_L2L);
}

void config_free(struct config *cfg)
{
	if (!cfg)
		return;
	for (size_t i = 0; i < cfg->n_acls; i++)
		free(cfg->acls[i].aces);
	for (size_t i = 0; i < cfg->n_tunnel_groups; i++) {
		secret_wipe(&cfg->tunnel_groups[i].local_key);
		secret_wipe(&cfg->tunnel_groups[i].remote_key);
	}
	secret_wipe(&cfg->failover.key);
	free(cfg->interfaces);
	free(cfg->failover.groups);
	free(cfg->monitoring.list);
	free(cfg->names);
	free(cfg->objects);
	free(cfg->acls);
	free(cfg->routes);
	free(cfg->ike_policies);
	free(cfg->ikev2_interfaces);
	free(cfg->proposals);
	free(cfg->map_entries);
	free(cfg->map_bindings);
	hashmap_free(cfg->group_by_name, NULL);
	hashmap_free(cfg->group_by_address, NULL);
	free(cfg->tunnel_groups);
	free(cfg->kept);
	arena_free(cfg->arena);
	free(cfg);
}
