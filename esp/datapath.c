/* SPDX-License-Identifier: Apache-2.0 */
/* The datapath as a whole: creation, policies, tunnels, ownership of groups, grace
 * periods. Control thread. */
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/must.h"
#include "base/rcu.h"
#include "esp/datapath.h"

#define SAD_FIRST_LOG2 8u  /* 256 entries */
#define RETIRED_MAX    32u /* memory that may wait for a grace period */

void datapath_reap(struct esp_datapath *dp)
{
	if (dp->retired == NULL)
		return;
	rcu_wait_for_workers();
	while (dp->retired != NULL) {
		struct retired *r = dp->retired;
		dp->retired = r->next;
		r->free_fn(r->p);
		free(r);
	}
	dp->n_retired = 0;
}

void datapath_retire(struct esp_datapath *dp, void *p, void (*free_fn)(void *p))
{
	if (p == NULL)
		return;
	struct retired *r = malloc(sizeof(*r));
	if (r == NULL) {
		rcu_wait_for_workers();
		free_fn(p);
		return;
	}
	*r = (struct retired){ .next = dp->retired, .p = p, .free_fn = free_fn };
	dp->retired = r;
	if (++dp->n_retired >= RETIRED_MAX)
		datapath_reap(dp);
}

void datapath_changed(struct esp_datapath *dp)
{
	const uint64_t g = atomic_load_explicit(&dp->generation, memory_order_relaxed);
	atomic_store_explicit(&dp->generation, g + 1, memory_order_release);
	datapath_kick(dp);
}

void datapath_kick(struct esp_datapath *dp)
{
	for (unsigned int i = 0; i < dp->workers; i++) {
		const int fd = atomic_load_explicit(&dp->kick_fd[i], memory_order_acquire);
		if (fd >= 0)
			(void)eventfd_write(fd, 1);
	}
}

struct esp_datapath *esp_datapath_new(const struct esp_datapath_config *cfg)
{
	must(cfg->workers > 0 && cfg->slot <= 0xf);
	struct esp_datapath *dp = calloc(1, sizeof(*dp));
	if (dp == NULL)
		return NULL;
	dp->slot = cfg->slot;
	dp->workers = cfg->workers;
	dp->transforms = cfg->transforms != NULL ? cfg->transforms : esp_transforms();
	memcpy(&dp->sad_seed, cfg->hash_seed, sizeof(dp->sad_seed));
	atomic_init(&dp->generation, 1);
	dp->crypto = esp_crypto_new(cfg->workers);
	dp->verdicts = aligned_alloc(alignof(struct verdict_counters),
				     cfg->workers * sizeof(dp->verdicts[0]));
	dp->kick_fd = malloc(cfg->workers * sizeof(dp->kick_fd[0]));
	for (unsigned int i = 0; dp->kick_fd != NULL && i < cfg->workers; i++)
		atomic_init(&dp->kick_fd[i], -1);
	dp->tunnels = hashmap_new(cfg->hash_seed);
	struct sad *sad = sad_new(SAD_FIRST_LOG2);
	struct spd *spd = spd_new(NULL, 0);
	atomic_init(&dp->sad, sad);
	atomic_init(&dp->spd, spd);
	if (dp->crypto == NULL || dp->verdicts == NULL || dp->kick_fd == NULL ||
	    dp->tunnels == NULL || sad == NULL || spd == NULL) {
		esp_datapath_free(dp);
		return NULL;
	}
	memset((void *)dp->verdicts, 0, cfg->workers * sizeof(dp->verdicts[0]));
	return dp;
}

static void free_tunnel(void *p)
{
	struct esp_tunnel *t = p;
	free((void *)atomic_load_explicit(&t->outbound, memory_order_relaxed));
	free(t);
}

void esp_datapath_free(struct esp_datapath *dp)
{
	if (dp == NULL)
		return;
	child_free_all(dp);
	datapath_reap(dp);
	if (dp->tunnels != NULL)
		hashmap_free(dp->tunnels, free_tunnel);
	spd_free(atomic_load_explicit(&dp->spd, memory_order_relaxed));
	free(atomic_load_explicit(&dp->sad, memory_order_relaxed));
	esp_crypto_free(dp->crypto);
	for (unsigned int g = 0; g < ESP_GROUPS_MAX; g++)
		relay_links_free(&dp->group[g]);
	free((void *)dp->kick_fd);
	free(dp->verdicts);
	free(dp);
}

/* ---- tunnels ---- */

static struct bytes tunnel_key(const uint32_t *id)
{
	return bytes(id, sizeof(*id));
}

struct esp_tunnel *datapath_tunnel_use(struct esp_datapath *dp, uint32_t id)
{
	struct esp_tunnel *t = hashmap_get(dp->tunnels, tunnel_key(&id));
	if (t == NULL) {
		t = calloc(1, sizeof(*t));
		if (t == NULL)
			return NULL;
		t->id = id;
		if (hashmap_insert(dp->tunnels, tunnel_key(&id), t) != R_OK) {
			free(t);
			return NULL;
		}
	}
	t->users++;
	return t;
}

void datapath_tunnel_drop(struct esp_datapath *dp, struct esp_tunnel *t)
{
	if (t == NULL || --t->users > 0)
		return;
	hashmap_remove(dp->tunnels, tunnel_key(&t->id));
	datapath_retire(dp, t, free_tunnel);
}

/* ---- SPD ---- */

static void free_spd(void *p)
{
	spd_free(p);
}

static void drop_spd_tunnels(struct esp_datapath *dp, const struct spd *spd)
{
	for (size_t i = 0; i < spd->n_rules; i++)
		datapath_tunnel_drop(dp, spd->rule[i].tunnel);
}

enum result esp_spd_set(struct esp_datapath *dp, const struct esp_policy *policies, size_t n)
{
	struct spd *spd = spd_new(policies, n);
	if (spd == NULL)
		return R_NO_MEMORY;
	for (size_t i = 0; i < n; i++) {
		must(policies[i].group < ESP_GROUPS_MAX);
		spd->rule[i].tunnel = datapath_tunnel_use(dp, policies[i].tunnel);
		if (spd->rule[i].tunnel == NULL) {
			drop_spd_tunnels(dp, spd);
			spd_free(spd);
			return R_NO_MEMORY;
		}
	}
	struct spd *old = atomic_load_explicit(&dp->spd, memory_order_relaxed);
	atomic_store_explicit(&dp->spd, spd, memory_order_release);
	datapath_changed(dp);
	drop_spd_tunnels(dp, old);
	datapath_retire(dp, old, free_spd);
	datapath_reap(dp);
	return R_OK;
}

/* ---- ownership ---- */

void esp_group_set(struct esp_datapath *dp, uint8_t group, enum esp_group_state state,
		   uint64_t term)
{
	must(group < ESP_GROUPS_MAX);
	atomic_store_explicit(&dp->group[group].state_term, group_word(state, term),
			      memory_order_release);
	datapath_kick(dp); /* out of READY, whose workers wait for nothing else */
	rcu_wait_for_workers();
}

void esp_group_deadline(struct esp_datapath *dp, uint8_t group, uint64_t boottime_ns)
{
	must(group < ESP_GROUPS_MAX);
	atomic_store_explicit(&dp->group[group].deadline_ns, boottime_ns, memory_order_release);
}

uint64_t esp_datapath_verdicts(const struct esp_datapath *dp, enum esp_verdict v, int inbound)
{
	uint64_t sum = 0;
	for (unsigned int i = 0; i < dp->workers; i++)
		sum += stat_get(&dp->verdicts[i].count[inbound != 0][v]);
	return sum;
}
