/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's life, its gates, events and counters. */
#include "esp/worker.h"

#include <stdlib.h>

#include "base/must.h"

#define EVENTS_MAX 256u

struct esp_worker *esp_worker_new(struct esp_datapath *dp, unsigned int index)
{
	must(index < dp->workers);
	struct esp_worker *w = calloc(1, sizeof(*w));
	if (w == NULL)
		return NULL;
	const size_t marks = sizeof(w->marks[0]) << FLOW_CACHE_LOG2;
	const size_t flows = sizeof(w->flows[0]) << FLOW_CACHE_LOG2;
	w->dp = dp;
	w->index = index;
	w->alone = dp->workers == 1;
	w->verdicts = dp->verdicts[index].count;
	w->crypto = esp_crypto_new(index);
	w->events = spsc_ring_new(EVENTS_MAX, sizeof(struct esp_event));
	w->marks = aligned_alloc(ESP_CACHE_LINE, marks);
	w->flows = aligned_alloc(ESP_CACHE_LINE, flows);
	if (!pending_init(&w->pending) || w->crypto == NULL || w->events == NULL ||
	    w->marks == NULL || w->flows == NULL) {
		esp_worker_free(w);
		return NULL;
	}
	memset(w->marks, 0, marks);
	memset(w->flows, 0, flows);
	return w;
}

void esp_worker_free(struct esp_worker *w)
{
	if (w == NULL)
		return;
	pending_free(&w->pending);
	free(w->marks);
	free(w->flows);
	spsc_ring_free(w->events);
	esp_crypto_free(w->crypto);
	free(w);
}

static uint8_t group_verdict(uint64_t word, uint64_t deadline_ns, uint64_t now_ns)
{
	switch ((enum esp_group_state)(word & 3)) {
	case ESP_GROUP_RELAY:
		return ESP_V_RELAYED;
	case ESP_GROUP_ACTIVE:
		return now_ns < deadline_ns ? ESP_V_OK : ESP_V_DEADLINE;
	case ESP_GROUP_STANDBY:
	case ESP_GROUP_READY:
		break;
	}
	return ESP_V_STANDBY;
}

void worker_gate_read(struct esp_worker *w, uint8_t group, uint64_t now_ns)
{
	const struct esp_group *g = &w->dp->group[group];
	const uint64_t word = atomic_load_explicit(&g->state_term, memory_order_acquire);
	const uint64_t deadline = atomic_load_explicit(&g->deadline_ns, memory_order_acquire);
	w->gate[group] = (struct gate){
		.known = true,
		.verdict = group_verdict(word, deadline, now_ns),
		.term = word >> 2,
	};
}

bool worker_post(struct esp_worker *w, const struct esp_event *ev)
{
	w->event_posted = true;
	return spsc_ring_push(w->events, ev);
}

bool esp_worker_event(struct esp_worker *w, struct esp_event *out)
{
	return spsc_ring_pop(w->events, out);
}

void worker_count(struct esp_worker *w, const struct esp_packet *pkts, size_t n, size_t ok,
		  int inbound)
{
	for (size_t i = 0; ok < n && i < n; i++)
		if (pkts[i].verdict != ESP_V_OK)
			stat_add(&w->verdicts[inbound][pkts[i].verdict], 1);
	stat_add(&w->verdicts[inbound][ESP_V_OK], ok);
}
