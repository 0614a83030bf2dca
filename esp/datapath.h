/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the datapath, shared by the files of this folder.
 *
 * Who writes what: the control thread owns every table and publishes it by a
 * release store; workers load it with acquire, keep the pointer for at most
 * one burst and hold nothing while quiescent (base/rcu.h). What a worker
 * changes is atomic and relaxed: sequence numbers and windows, which several
 * workers may share, and statistics, which have one writer each.
 */
#ifndef HF_ESP_DATAPATH_H
#define HF_ESP_DATAPATH_H

#include <stdalign.h>
#include <stdatomic.h>

#include "base/hashmap.h"
#include "base/spsc_ring.h"
#include "esp/esp.h"
#include "esp/relay.h"
#include "esp/replay_window.h"
#include "esp/selector.h"
#include "esp/transform.h"

#define ESP_CACHE_LINE 64

/* ---- statistics: one writer, any reader ---- */

static inline uint64_t stat_get(const _Atomic uint64_t *s)
{
	return atomic_load_explicit(s, memory_order_relaxed);
}
static inline void stat_set(_Atomic uint64_t *s, uint64_t v)
{
	atomic_store_explicit(s, v, memory_order_relaxed);
}
/* The caller is the only writer. */
static inline void stat_add(_Atomic uint64_t *s, uint64_t n)
{
	stat_set(s, stat_get(s) + n);
}
/* Several writers: rare events only. */
static inline void stat_add_shared(_Atomic uint64_t *s, uint64_t n)
{
	atomic_fetch_add_explicit(s, n, memory_order_relaxed);
}

/* A time to remember where 0 means never. */
static inline uint64_t stamp(uint64_t now_ns)
{
	return now_ns != 0 ? now_ns : 1;
}

/* ---- CHILD SAs ---- */

/* What packets of a child get, and are checked against; immutable, replaced whole when the outer
 * addresses change (RFC 7296 2.23). */
struct esp_path {
	alignas(ESP_CACHE_LINE) const struct esp_transform *row;
	uint32_t spi_in;
	uint32_t spi_out;
	struct inet_endpoint local;
	struct inet_endpoint remote;
	bool udp_encap;
	uint8_t group;
	bool esn;
};
_Static_assert(sizeof(struct esp_path) == ESP_CACHE_LINE, "a path is a cache line");

/* One worker's share of a child, on a cache line of its own. */
struct child_stats {
	alignas(ESP_CACHE_LINE) _Atomic uint64_t out_packets;
	_Atomic uint64_t out_bytes;
	_Atomic uint64_t last_out_ms;
	_Atomic uint64_t in_packets;
	_Atomic uint64_t in_bytes;
	_Atomic uint64_t last_in_ms;
	struct flow_mark in_flow; /* the worker's own: a flow that the selectors let pass */
};
_Static_assert(sizeof(struct child_stats) == ESP_CACHE_LINE, "a worker's share is a cache line");

/*
 * With many SAs each cache line that a packet needs is one more to wait for:
 * here the line of its direction, then path and stats, which it points to.
 */
struct esp_child {
	/* Outbound: the workers allocate runs of numbers. */
	alignas(ESP_CACHE_LINE) _Atomic uint64_t seq_next;
	_Atomic uint64_t seq_floor; /* none below this one is used (control may raise it) */
	_Atomic uint64_t lease_end;
	_Atomic uint64_t lease_low; /* crossing it asks for a new lease, once; UINT64_MAX: asked */
	uint64_t birth_term;
	void *key_out;
	_Atomic(const struct esp_path *) path_out; /* the same as path_in */
	struct child_stats *stats_out;             /* one per worker; the same as stats_in */

	/* Inbound. */
	alignas(ESP_CACHE_LINE) struct replay_window window;
	/* First number above the edge of a resume without bitmap that no packet has followed yet;
	 * 0: none. */
	_Atomic uint64_t exposed_from;
	void *key_in;
	_Atomic(const struct esp_path *) path_in;
	struct child_stats *stats_in;

	/* For some packets only; fixed before publication. */
	const struct esp_transform *row;
	uint32_t spi_in;
	uint32_t spi_out;
	uint8_t group;
	bool esn;
	uint8_t n_local;
	uint8_t n_remote;
	const struct selector *local;
	const struct selector *remote;
	struct esp_tunnel *tunnel;

	/* Rare. */
	_Atomic uint64_t moved_ns; /* of the last PEER_MOVED */
	_Atomic uint64_t out_errors, in_auth_failed, in_replayed, in_ts_refused, in_malformed;

	/* Control only. */
	struct esp_child *older, *newer; /* in order of installation */
	bool outbound;                   /* a member of its tunnel's outbound set */
};
_Static_assert(offsetof(struct esp_child, window) == ESP_CACHE_LINE &&
		       offsetof(struct esp_child, row) == 2 * (size_t)ESP_CACHE_LINE,
	       "a direction has one line of its child");

static inline const struct esp_path *child_path_out(const struct esp_child *child)
{
	return atomic_load_explicit(&child->path_out, memory_order_acquire);
}
static inline const struct esp_path *child_path_in(const struct esp_child *child)
{
	return atomic_load_explicit(&child->path_in, memory_order_acquire);
}

static inline bool child_selects(const struct esp_child *child, const struct flow *f)
{
	bool local = false, remote = false;
	for (unsigned int i = 0; i < child->n_local && !local; i++)
		local = selector_match_local(&child->local[i], f);
	for (unsigned int i = 0; local && i < child->n_remote && !remote; i++)
		remote = selector_match_remote(&child->remote[i], f);
	return remote;
}

/* ---- tunnels: one line of a crypto ACL ---- */

/* Children that may carry a tunnel's traffic, the latest first. Immutable. */
struct outbound_set {
	size_t n;
	struct esp_child *child[];
};

struct esp_tunnel {
	uint32_t id;
	_Atomic(const struct outbound_set *) outbound; /* NULL: none */
	_Atomic uint64_t acquire_ns;                   /* of the last ACQUIRE event; 0: never */
	size_t users; /* control: policies and children that name it */
};

/* ---- SAD ---- */

/*
 * Open addressing by SPI. An entry's spi is written once, after its child; a
 * removed entry keeps its spi and loses its child, so probing goes on past it.
 * Control builds a new table when half of the entries are used up.
 */
struct sad_entry {
	_Atomic uint32_t spi; /* 0: free */
	_Atomic(struct esp_child *) child;
};

struct sad {
	uint32_t shift; /* 32 - log2 of the number of entries */
	size_t used;    /* control: entries with a spi */
	size_t live;    /* control: entries with a child */
	struct sad_entry entry[];
};

struct sad *sad_new(uint32_t log2_entries);
/* false: the table is too full and must be replaced first. */
bool sad_insert(struct sad *t, uint32_t seed, uint32_t spi, struct esp_child *child);
void sad_remove(struct sad *t, uint32_t seed, uint32_t spi);

static inline size_t sad_slot(const struct sad *t, uint32_t seed, uint32_t spi)
{
	return (size_t)(((spi ^ seed) * UINT64_C(0x9e3779b97f4a7c15)) >> 32) >> t->shift;
}

static inline struct esp_child *sad_lookup(const struct sad *t, uint32_t seed, uint32_t spi)
{
	const size_t mask = (UINT32_C(1) << (32 - t->shift)) - 1;
	for (size_t at = sad_slot(t, seed, spi);; at = (at + 1) & mask) {
		const struct sad_entry *e = &t->entry[at];
		const uint32_t have = atomic_load_explicit(&e->spi, memory_order_acquire);
		if (have == 0)
			return NULL;
		if (have == spi) {
			struct esp_child *child = atomic_load_explicit(&e->child,
								       memory_order_acquire);
			if (child != NULL)
				return child;
		}
	}
}

/* ---- SPD ---- */

struct spd_rule {
	struct selector local;
	struct selector remote;
	struct esp_tunnel *tunnel;
	enum esp_action action;
	uint32_t entry;
	uint8_t group;
};

/*
 * Ordered rules with an index: the remote addresses are cut at every rule's
 * bounds, and each interval lists the rules that cover it, in order. A look-up
 * is a binary search and a walk over few rules.
 */
struct spd {
	size_t n_rules;
	struct spd_rule *rule;
	size_t n_cuts;
	wide_addr *cut;       /* first address of each interval, ascending; cut[0] is 0 */
	uint32_t *list_start; /* n_cuts + 1 */
	uint32_t *list;       /* rule numbers */
};

struct spd *spd_new(const struct esp_policy *policies, size_t n);
void spd_free(struct spd *spd);
/* The rule that protects the flow; else the first deny line that matches; else NULL. */
const struct spd_rule *spd_match(const struct spd *spd, const struct flow *f);

/* ---- groups ---- */

struct esp_group {
	_Atomic uint64_t state_term;        /* term << 2 | enum esp_group_state: read together */
	_Atomic uint64_t deadline_ns;       /* 0: none given yet, nothing is sent */
	_Atomic(struct relay_link *) relay; /* R19; NULL: none */
	/* Of the handovers before, latest first: what their old owners still send goes on. */
	_Atomic(struct relay_link *) relay_before[RELAY_BEFORE];
	_Atomic uint64_t straggler_ns; /* of the last packet relayed */
};

static inline uint64_t group_word(enum esp_group_state state, uint64_t term)
{
	return term << 2 | (uint64_t)state;
}

/* ---- the datapath ---- */

struct verdict_counters {
	alignas(ESP_CACHE_LINE) _Atomic uint64_t count[2][ESP_V_COUNT_]; /* [inbound][verdict] */
};

/* Memory that workers may still read: freed after the next grace period. */
struct retired {
	struct retired *next;
	void *p;
	void (*free_fn)(void *p);
};

struct esp_datapath {
	uint8_t slot;
	unsigned int workers;
	const struct esp_transform *transforms;
	struct esp_crypto *crypto; /* control's */
	uint32_t sad_seed;
	_Atomic(struct sad *) sad;
	_Atomic(struct spd *) spd;
	_Atomic uint64_t generation; /* grows with each change that a flow cache could notice */
	struct esp_group group[ESP_GROUPS_MAX];
	struct verdict_counters *verdicts; /* one per worker */
	_Atomic int *kick_fd;              /* eventfd of each worker's thread, -1: none runs */

	/* Control only. */
	struct hashmap *tunnels; /* by number */
	struct esp_child *oldest, *newest;
	struct retired *retired;
	size_t n_retired;
};

/* Free p after a grace period, at the latest when control next waits for one. */
void datapath_retire(struct esp_datapath *dp, void *p, void (*free_fn)(void *p));
/* Wait for a grace period and free all that is retired. */
void datapath_reap(struct esp_datapath *dp);
/* Control: readers that cached a child or a policy must look again. */
void datapath_changed(struct esp_datapath *dp);
/* Control: wake the worker threads, for they may be waiting for packets. */
void datapath_kick(struct esp_datapath *dp);
/* The tunnel with this number, made when missing; NULL when out of memory. The caller owns one
 * use. */
struct esp_tunnel *datapath_tunnel_use(struct esp_datapath *dp, uint32_t id);
void datapath_tunnel_drop(struct esp_datapath *dp, struct esp_tunnel *t);
/* All children at once, without a grace period: no worker is left. */
void child_free_all(struct esp_datapath *dp);

static inline struct esp_child *datapath_child(const struct esp_datapath *dp, uint32_t spi_in)
{
	return sad_lookup(atomic_load_explicit(&dp->sad, memory_order_acquire), dp->sad_seed,
			  spi_in);
}

#endif
