/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's own state, shared by outbound.c, inbound.c, pending.c and worker.c.
 * Nobody else touches it. */
#ifndef HF_ESP_WORKER_H
#define HF_ESP_WORKER_H

#include "esp/datapath.h"

/* ---- what a group allows, looked up once per burst ---- */

struct gate {
	bool known;
	uint8_t verdict; /* ESP_V_OK, or why nothing may be sealed or opened */
	uint64_t term;
};

/* ---- flows that were classified before ---- */

#define FLOW_CACHE_LOG2 12u

/* Valid while the datapath's generation is the same. Two of a set are a cache line. */
struct mark_entry {
	alignas(ESP_CACHE_LINE / 2) struct flow_mark mark;
	uint64_t generation;
	struct esp_child *child;
};
_Static_assert(sizeof(struct mark_entry) == ESP_CACHE_LINE / 2, "two marks are a cache line");

/* The same for flows without a mark. */
struct flow_entry {
	alignas(ESP_CACHE_LINE) struct flow flow;
	uint64_t generation;
	struct esp_child *child;
};
_Static_assert(sizeof(struct flow_entry) == ESP_CACHE_LINE, "a flow entry is a cache line");

/* ---- packets that wait for a first SA (R5) ---- */

#define PENDING_MAX        256u  /* per worker */
#define PENDING_PER_TUNNEL 64u   /* per worker */
#define PENDING_BYTES      2048u /* a longer packet does not wait */
#define PENDING_NS         UINT64_C(10000000000)

struct pending_packet {
	uint64_t since_ns;
	uint32_t tunnel; /* its number; the tunnel itself may go away meanwhile */
	uint32_t len;
	uint8_t data[PENDING_BYTES];
};

struct pending {
	struct pending_packet *slot;
	uint16_t order[PENDING_MAX]; /* slots in use first, oldest first; then free ones */
	size_t n;
	uint64_t generation; /* of the last complete look */
};

/* A packet of a burst that is being sealed or opened. */
struct job {
	struct esp_child *child;
	const struct esp_path *path;
	struct esp_packet *packet;
	uint64_t seq;       /* inbound */
	uint32_t inner_len; /* outbound */
};

struct esp_worker {
	struct esp_datapath *dp;
	unsigned int index;
	bool alone; /* the only worker: shared words need no atomic update */
	struct esp_crypto *crypto;
	struct spsc_ring *events;
	bool event_posted; /* since the owner of the thread last cleared it */
	_Atomic uint64_t (*verdicts)[ESP_V_COUNT_]; /* [inbound] */
	struct mark_entry *marks;
	struct flow_entry *flows;
	struct pending pending;
	uint64_t unknown_spi_ns; /* of the last UNKNOWN_SPI event */
	struct gate gate[ESP_GROUPS_MAX];
	struct job job[ESP_BURST];
	struct esp_op op[ESP_BURST];
};

/*
 * Up to n numbers below end, *first being the first; returns how many, and
 * writes nothing when there is none: another worker may have gone on since the
 * load, and a number must never be set back. alone: nobody else takes any.
 */
static inline size_t seq_take(_Atomic uint64_t *seq_next, uint64_t end, size_t n, bool alone,
			      uint64_t *first)
{
	uint64_t next = atomic_load_explicit(seq_next, memory_order_relaxed);
	size_t got;
	do {
		got = next >= end ? 0 : end - next < n ? (size_t)(end - next) : n;
		if (got == 0)
			break;
		if (alone) {
			atomic_store_explicit(seq_next, next + got, memory_order_relaxed);
			break;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		seq_next, &next, next + got, memory_order_relaxed, memory_order_relaxed));
	*first = next;
	return got;
}

/* No number below floor is taken from here on. */
static inline void seq_raise(_Atomic uint64_t *seq_next, uint64_t floor)
{
	uint64_t next = atomic_load_explicit(seq_next, memory_order_relaxed);
	while (next < floor &&
	       !atomic_compare_exchange_weak_explicit(seq_next, &next, floor, memory_order_relaxed,
						      memory_order_relaxed))
		;
}

/* R12, R13: what a group may do is decided here, once per burst. */
void worker_gate_read(struct esp_worker *w, uint8_t group, uint64_t now_ns);
/* The gate of a group for this burst. */
static inline const struct gate *worker_gate(struct esp_worker *w, uint8_t group, uint64_t now_ns)
{
	if (!w->gate[group].known)
		worker_gate_read(w, group, now_ns);
	return &w->gate[group];
}
/* Before a burst: forget the gates of the last one. */
static inline void worker_gates_clear(struct esp_worker *w)
{
	for (unsigned int g = 0; g < ESP_GROUPS_MAX; g++)
		w->gate[g].known = false;
}
/* false when control is behind; the event is lost, which no caller may depend on. */
bool worker_post(struct esp_worker *w, const struct esp_event *ev);
/* Count the verdicts of a burst, of which ok are ESP_V_OK. */
void worker_count(struct esp_worker *w, const struct esp_packet *pkts, size_t n, size_t ok,
		  int inbound);

/* The child that carries the flow out of the tunnel, NULL when there is none. */
struct esp_child *tunnel_child(const struct esp_tunnel *tunnel, const struct flow *f);

bool pending_init(struct pending *p);
void pending_free(struct pending *p);
/* Keep a copy of the packet; ESP_V_QUEUED, ESP_V_QUEUE_FULL, or ESP_V_NO_SA when it
 * is too long to wait. */
enum esp_verdict pending_keep(struct pending *p, uint32_t tunnel, const struct esp_packet *pkt,
			      uint64_t now_ns);

#endif
