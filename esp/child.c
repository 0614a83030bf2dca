/* SPDX-License-Identifier: Apache-2.0 */
/* CHILD SAs as control sees them: install, switch, grant, hand over, remove (R5,
 * R17-R19). Control thread. */
#include <stdlib.h>

#include "base/must.h"
#include "esp/datapath.h"

static uint64_t get(const _Atomic uint64_t *p)
{
	return atomic_load_explicit(p, memory_order_relaxed);
}

static void put(_Atomic uint64_t *p, uint64_t v)
{
	atomic_store_explicit(p, v, memory_order_relaxed);
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* ---- life and death ---- */

static void child_free(void *p)
{
	struct esp_child *child = p;
	child->row->key_free(child->row, child->key_in);
	child->row->key_free(child->row, child->key_out);
	replay_window_free(&child->window);
	free((void *)child_path_in(child));
	free((void *)child->local);
	free((void *)child->remote);
	free(child->stats_in);
	free(child);
}

static void *zalloc_lines(size_t size)
{
	size = (size + ESP_CACHE_LINE - 1) / ESP_CACHE_LINE * ESP_CACHE_LINE;
	void *p = aligned_alloc(ESP_CACHE_LINE, size);
	if (p != NULL)
		memset(p, 0, size);
	return p;
}

static const struct selector *compile_list(const struct ts_list *list)
{
	struct selector *s = calloc(list->n, sizeof(*s));
	for (unsigned int i = 0; s != NULL && i < list->n; i++)
		s[i] = selector_compile(&list->ts[i]);
	return s;
}

/* The former path is to be retired. false: out of memory, nothing has changed. */
static bool path_set(struct esp_child *child, const struct inet_endpoint *local,
		     const struct inet_endpoint *remote, bool udp_encap,
		     const struct esp_path **old)
{
	struct esp_path *path = zalloc_lines(sizeof(*path));
	if (path == NULL)
		return false;
	*path = (struct esp_path){
		.row = child->row,
		.spi_in = child->spi_in,
		.spi_out = child->spi_out,
		.local = *local,
		.remote = *remote,
		.udp_encap = udp_encap,
		.group = child->group,
		.esn = child->esn,
	};
	*old = child_path_in(child);
	atomic_store_explicit(&child->path_in, path, memory_order_release);
	atomic_store_explicit(&child->path_out, path, memory_order_release);
	return true;
}

/* R17: half of the lease. */
static uint64_t next_number(const struct esp_child *child)
{
	const uint64_t next = get(&child->seq_next), floor = get(&child->seq_floor);

	return next < floor ? floor : next;
}

static void set_lease(struct esp_child *child, uint64_t lease_end)
{
	const uint64_t next = next_number(child);
	put(&child->lease_low, lease_end > next ? next + (lease_end - next) / 2 : next);
	put(&child->lease_end, lease_end);
}

static bool keys_fit(const struct esp_transform *row, const struct esp_keys *keys)
{
	return keys->encr.len == row->key_bits / 8u + row->salt &&
	       keys->integ.len == row->integ_key;
}

static enum result child_new(struct esp_datapath *dp, const struct esp_child_params *p,
			     struct esp_child **out)
{
	const struct esp_transform *row = esp_transform_find(dp->transforms, dp->crypto,
							     &p->transforms);
	if (row == NULL)
		return R_UNSUPPORTED;
	if (!keys_fit(row, p->keys_in) || !keys_fit(row, p->keys_out))
		return R_CRYPTO;
	struct esp_child *child = zalloc_lines(sizeof(*child));
	if (child == NULL)
		return R_NO_MEMORY;
	child->spi_in = p->spi_in;
	child->spi_out = p->spi_out;
	child->row = row;
	child->group = p->group;
	child->esn = p->transforms.esn;
	child->birth_term = p->birth_term;
	child->n_local = p->local_ts.n;
	child->n_remote = p->remote_ts.n;
	put(&child->seq_next, p->seq_next > 0 ? p->seq_next : 1);
	set_lease(child, p->lease_end);

	const struct esp_path *none;
	const bool path = path_set(child, &p->local, &p->remote, p->udp_encap, &none);
	child->local = compile_list(&p->local_ts);
	child->remote = compile_list(&p->remote_ts);
	child->stats_in = child->stats_out = zalloc_lines(dp->workers * sizeof(child->stats_in[0]));
	const bool window = replay_window_init(
		&child->window, p->replay_window > ESP_REPLAY_WINDOW_MIN ? p->replay_window
									 : ESP_REPLAY_WINDOW_MIN);
	child->key_in = row->key_new(row, dp->crypto,
				     &(struct esp_key_params){ .keys = p->keys_in,
							       .direction = ESP_OPEN,
							       .workers = dp->workers });
	child->key_out = row->key_new(row, dp->crypto,
				      &(struct esp_key_params){ .keys = p->keys_out,
								.direction = ESP_SEAL,
								.workers = dp->workers });
	if (!path || child->local == NULL || child->remote == NULL || child->stats_in == NULL ||
	    !window || child->key_in == NULL || child->key_out == NULL) {
		child_free(child);
		return R_CRYPTO;
	}
	*out = child;
	return R_OK;
}

/* A table twice as large as the live children need, without the traces of removed ones. */
static bool sad_replace(struct esp_datapath *dp)
{
	struct sad *old = atomic_load_explicit(&dp->sad, memory_order_relaxed);
	uint32_t log2_entries = 8;
	while ((UINT64_C(1) << log2_entries) < 4 * (uint64_t)(old->live + 1))
		log2_entries++;
	struct sad *t = sad_new(log2_entries);
	if (t == NULL)
		return false;
	for (struct esp_child *c = dp->oldest; c != NULL; c = c->newer)
		must(sad_insert(t, dp->sad_seed, c->spi_in, c));
	atomic_store_explicit(&dp->sad, t, memory_order_release);
	datapath_retire(dp, old, free);
	return true;
}

enum result esp_child_install(struct esp_datapath *dp, const struct esp_child_params *p)
{
	must(p->group < ESP_GROUPS_MAX);
	if (p->spi_in < ESP_SPI_MIN || p->replay_window > ESP_REPLAY_WINDOW_MAX ||
	    p->replay_window % 64 != 0 || p->local_ts.n == 0 || p->local_ts.n > TS_MAX ||
	    p->remote_ts.n == 0 || p->remote_ts.n > TS_MAX)
		return R_VALUE;
	if (datapath_child(dp, p->spi_in) != NULL)
		return R_EXISTS;
	struct esp_child *child = NULL;
	enum result res = child_new(dp, p, &child);
	if (res != R_OK)
		return res;
	child->tunnel = datapath_tunnel_use(dp, p->tunnel);
	if (child->tunnel == NULL) {
		child_free(child);
		return R_NO_MEMORY;
	}
	struct sad *sad = atomic_load_explicit(&dp->sad, memory_order_relaxed);
	if (!sad_insert(sad, dp->sad_seed, child->spi_in, child)) {
		if (!sad_replace(dp)) {
			datapath_tunnel_drop(dp, child->tunnel);
			child_free(child);
			return R_NO_MEMORY;
		}
		sad = atomic_load_explicit(&dp->sad, memory_order_relaxed);
		must(sad_insert(sad, dp->sad_seed, child->spi_in, child));
	}
	child->older = dp->newest;
	if (dp->newest != NULL)
		dp->newest->newer = child;
	else
		dp->oldest = child;
	dp->newest = child;
	return R_OK;
}

static void unlink_child(struct esp_datapath *dp, struct esp_child *child)
{
	if (child->older != NULL)
		child->older->newer = child->newer;
	else
		dp->oldest = child->newer;
	if (child->newer != NULL)
		child->newer->older = child->older;
	else
		dp->newest = child->older;
}

/* ---- the outbound set of a tunnel ---- */

static bool list_contains(const struct selector *outer, unsigned int n_outer,
			  const struct selector *inner, unsigned int n_inner)
{
	for (unsigned int i = 0; i < n_inner; i++) {
		bool found = false;
		for (unsigned int o = 0; o < n_outer && !found; o++)
			found = selector_contains(&outer[o], &inner[i]);
		if (!found)
			return false;
	}
	return true;
}

/* Everything that the older child may carry, the newer one carries as well. */
static bool replaces(const struct esp_child *newer, const struct esp_child *older)
{
	return list_contains(newer->local, newer->n_local, older->local, older->n_local) &&
	       list_contains(newer->remote, newer->n_remote, older->remote, older->n_remote);
}

/*
 * Publish t's outbound set with add in front, without leave and without what
 * add replaces (either may be NULL). false: out of memory, nothing has changed.
 */
static bool outbound_change(struct esp_datapath *dp, struct esp_tunnel *t, struct esp_child *add,
			    const struct esp_child *leave)
{
	const struct outbound_set *old = atomic_load_explicit(&t->outbound, memory_order_relaxed);
	const size_t n_old = old != NULL ? old->n : 0;
	struct outbound_set *set = malloc(sizeof(*set) + (n_old + 1) * sizeof(set->child[0]));
	if (set == NULL)
		return false;
	set->n = 0;
	if (add != NULL) {
		set->child[set->n++] = add;
		add->outbound = true;
	}
	for (size_t i = 0; i < n_old; i++) {
		struct esp_child *c = old->child[i];
		if (c == add)
			continue;
		if (c == leave || (add != NULL && replaces(add, c)))
			c->outbound = false;
		else
			set->child[set->n++] = c;
	}
	atomic_store_explicit(&t->outbound, set, memory_order_release);
	datapath_changed(dp);
	datapath_retire(dp, (void *)old, free);
	return true;
}

enum result esp_child_use_outbound(struct esp_datapath *dp, uint32_t spi_in)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	return outbound_change(dp, child->tunnel, child, NULL) ? R_OK : R_NO_MEMORY;
}

/* Without memory for a new set the old one is edited to nothing: no traffic rather than a dead
 * SA. */
static void outbound_leave(struct esp_datapath *dp, struct esp_child *child)
{
	if (!child->outbound || outbound_change(dp, child->tunnel, NULL, child))
		return;
	const struct outbound_set *old = atomic_exchange_explicit(&child->tunnel->outbound, NULL,
								  memory_order_acq_rel);
	for (size_t i = 0; i < old->n; i++)
		old->child[i]->outbound = false;
	datapath_changed(dp);
	datapath_retire(dp, (void *)old, free);
}

void esp_child_stop_outbound(struct esp_datapath *dp, uint32_t spi_in)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child != NULL)
		outbound_leave(dp, child);
}

/* ---- removal: unpublish, wait for the workers, wipe ---- */

static void remove_child(struct esp_datapath *dp, struct esp_child *child)
{
	sad_remove(atomic_load_explicit(&dp->sad, memory_order_relaxed), dp->sad_seed,
		   child->spi_in);
	outbound_leave(dp, child);
	unlink_child(dp, child);
	datapath_tunnel_drop(dp, child->tunnel);
	datapath_retire(dp, child, child_free);
}

void esp_child_remove(struct esp_datapath *dp, uint32_t spi_in)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return;
	remove_child(dp, child);
	datapath_reap(dp);
}

void esp_child_remove_all(struct esp_datapath *dp, uint8_t group)
{
	struct esp_child *next;
	for (struct esp_child *c = dp->oldest; c != NULL; c = next) {
		next = c->newer;
		if (c->group == group)
			remove_child(dp, c);
	}
	datapath_reap(dp);
}

void child_free_all(struct esp_datapath *dp)
{
	struct esp_child *next;
	for (struct esp_child *c = dp->oldest; c != NULL; c = next) {
		next = c->newer;
		child_free(c);
	}
	dp->oldest = dp->newest = NULL;
}

/* ---- changes ---- */

enum result esp_child_move(struct esp_datapath *dp, uint32_t spi_in,
			   const struct inet_endpoint *local, const struct inet_endpoint *remote,
			   bool udp_encap)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	const struct esp_path *old;
	if (!path_set(child, local, remote, udp_encap, &old))
		return R_NO_MEMORY;
	datapath_retire(dp, (void *)old, free);
	return R_OK;
}

enum result esp_child_grant(struct esp_datapath *dp, uint32_t spi_in, uint64_t lease_end)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	if (lease_end > get(&child->lease_end))
		set_lease(child, lease_end);
	return R_OK;
}

enum result esp_child_skip(struct esp_datapath *dp, uint32_t spi_in, uint64_t seq)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	if (seq > get(&child->seq_floor))
		put(&child->seq_floor, seq);
	return R_OK;
}

enum result esp_child_refuse_up_to(struct esp_datapath *dp, uint32_t spi_in, uint64_t seq)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	if (seq > get(&child->window.floor))
		put(&child->window.floor, seq);
	return R_OK;
}

enum result esp_child_take_counters(const struct esp_datapath *dp, uint32_t spi_in,
				    struct esp_child_counters *out)
{
	const struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	*out = (struct esp_child_counters){
		.seq_next = next_number(child),
		.lease_end = get(&child->lease_end),
		.in_bitmap_words = (uint16_t)(child->window.size / 64),
	};
	out->in_right_edge = replay_export(&child->window, out->in_bitmap, out->in_bitmap_words);
	/* What lies left of the bitmap counts as seen: words that say nothing else need not be told. */
	while (out->in_bitmap_words > 1 && out->in_bitmap[out->in_bitmap_words - 1] == UINT64_MAX)
		out->in_bitmap_words--;
	return R_OK;
}

enum result esp_child_resume(struct esp_datapath *dp, uint32_t spi_in,
			     const struct esp_child_counters *c)
{
	struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	if (c->in_bitmap_words > ESP_REPLAY_WINDOW_MAX / 64)
		return R_VALUE;
	const bool old_number = c->seq_next < next_number(child);
	const uint64_t own_edge = get(&child->window.edge);
	const bool old_edge = c->in_right_edge < own_edge;
	if (!old_number)
		put(&child->seq_next, c->seq_next);
	set_lease(child, later(c->lease_end, get(&child->lease_end)));
	if (c->in_bitmap_words == 0) {
		/* Also of what we know ourselves: an owner in between may have seen the rest. */
		const uint64_t edge = later(c->in_right_edge, own_edge);
		replay_import(&child->window, edge, NULL, 0);
		put(&child->exposed_from, edge + 1);
	} else if (!old_edge) {
		replay_import(&child->window, c->in_right_edge, c->in_bitmap, c->in_bitmap_words);
		put(&child->exposed_from, 0);
	}
	return old_number || old_edge ? R_STALE : R_OK;
}

/* ---- reading ---- */

enum result esp_child_stats(const struct esp_datapath *dp, uint32_t spi_in,
			    struct esp_child_stats *out)
{
	const struct esp_child *child = datapath_child(dp, spi_in);
	if (child == NULL)
		return R_NOT_FOUND;
	*out = (struct esp_child_stats){
		.seq_next = next_number(child),
		.lease_end = get(&child->lease_end),
		.in_right_edge = get(&child->window.edge),
		.out_errors = stat_get(&child->out_errors),
		.in_auth_failed = stat_get(&child->in_auth_failed),
		.in_replayed = stat_get(&child->in_replayed),
		.in_ts_refused = stat_get(&child->in_ts_refused),
		.in_malformed = stat_get(&child->in_malformed),
		.outbound_in_use = child->outbound,
	};
	for (unsigned int i = 0; i < dp->workers; i++) {
		const struct child_stats *s = &child->stats_in[i];
		out->out_packets += stat_get(&s->out_packets);
		out->out_bytes += stat_get(&s->out_bytes);
		out->in_packets += stat_get(&s->in_packets);
		out->in_bytes += stat_get(&s->in_bytes);
		out->last_in_ms = later(out->last_in_ms, stat_get(&s->last_in_ms));
		out->last_out_ms = later(out->last_out_ms, stat_get(&s->last_out_ms));
	}
	return R_OK;
}

void esp_child_each(const struct esp_datapath *dp, void (*fn)(void *ctx, uint32_t spi_in),
		    void *ctx)
{
	for (const struct esp_child *c = dp->oldest; c != NULL; c = c->newer)
		fn(ctx, c->spi_in);
}
