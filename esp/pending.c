/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that wait for a first SA (R5): a bounded queue per worker, in order
 * of arrival. When the SADs or the SPD have changed the worker looks again.
 */
#include <stdlib.h>

#include "esp/worker.h"

bool pending_init(struct pending *p)
{
	for (size_t i = 0; i < PENDING_MAX; i++)
		p->order[i] = (uint16_t)i;
	p->n = 0;
	p->slot = malloc(PENDING_MAX * sizeof(p->slot[0]));
	return p->slot != NULL;
}

void pending_free(struct pending *p)
{
	free(p->slot);
	p->slot = NULL;
}

enum esp_verdict pending_keep(struct pending *p, uint32_t tunnel, const struct esp_packet *pkt,
			      uint64_t now_ns)
{
	if (pkt->len > PENDING_BYTES)
		return ESP_V_NO_SA;
	size_t of_tunnel = 0;
	for (size_t i = 0; i < p->n; i++)
		of_tunnel += p->slot[p->order[i]].tunnel == tunnel;
	if (p->n == PENDING_MAX || of_tunnel >= PENDING_PER_TUNNEL)
		return ESP_V_QUEUE_FULL;
	struct pending_packet *slot = &p->slot[p->order[p->n++]];
	slot->tunnel = tunnel;
	slot->since_ns = now_ns;
	slot->len = pkt->len;
	memcpy(slot->data, pkt->buf + pkt->off, pkt->len);
	return ESP_V_QUEUED;
}

enum fate { KEEP, SEND, DROP };

static enum fate pending_fate(const struct esp_worker *w, const struct pending_packet *slot,
			      uint64_t now_ns)
{
	struct flow f;
	const struct spd *spd = atomic_load_explicit(&w->dp->spd, memory_order_acquire);
	const size_t len = flow_parse(slot->data, slot->len, FLOW_OUTBOUND, &f);
	const struct spd_rule *rule = len != 0 ? spd_match(spd, &f) : NULL;
	if (rule == NULL || rule->action != ESP_PROTECT || now_ns - slot->since_ns >= PENDING_NS)
		return DROP;
	return tunnel_child(rule->tunnel, &f) != NULL ? SEND : KEEP;
}

static bool fill(struct esp_packet *out, const struct pending_packet *slot)
{
	if (out->cap < ESP_HEADROOM + slot->len + ESP_TAILROOM)
		return false;
	out->off = ESP_HEADROOM;
	out->len = slot->len;
	out->gso_size = 0;
	memcpy(out->buf + out->off, slot->data, slot->len);
	return true;
}

size_t esp_worker_flush(struct esp_worker *w, uint64_t now_ns, struct esp_packet *out, size_t cap)
{
	struct pending *p = &w->pending;
	const uint64_t generation = atomic_load_explicit(&w->dp->generation, memory_order_acquire);
	if (p->n == 0 || cap == 0 ||
	    (generation == p->generation && now_ns - p->slot[p->order[0]].since_ns < PENDING_NS))
		return 0;

	uint16_t gone[PENDING_MAX];
	size_t n_gone = 0, n_kept = 0, taken = 0;
	for (size_t i = 0; i < p->n; i++) {
		const uint16_t at = p->order[i];
		enum fate fate = pending_fate(w, &p->slot[at], now_ns);
		if (fate == SEND && taken == cap)
			fate = KEEP;
		else if (fate == SEND && !fill(&out[taken], &p->slot[at]))
			fate = DROP;
		else if (fate == SEND)
			taken++;
		if (fate == KEEP)
			p->order[n_kept++] = at;
		else
			gone[n_gone++] = at;
		if (fate == DROP)
			stat_add(&w->verdicts[0][ESP_V_NO_SA], 1);
	}
	p->n = n_kept;
	memcpy(&p->order[n_kept], gone, n_gone * sizeof(gone[0]));
	if (taken < cap)
		p->generation = generation;
	esp_worker_outbound(w, now_ns, out, taken);
	return taken;
}
