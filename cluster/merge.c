/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The higher of two owners (R23): it takes in what the lower one held, and
 * hands the group over to itself: the datapath queues, the last numbers and
 * what the merge makes of both stores are appended, and a new term is claimed
 * that begins from the log, as every term does. So no engine is changed under
 * an exchange, no IV space is used by two (R16), and every standby has the
 * same; a taker-over finds in the records what is still to be done.
 */
#include "base/must.h"
#include "cluster/cluster_private.h"

static void merging_stop(struct merging *x)
{
	ss_merge_free(x->m);
	*x = (struct merging){
		.done_id = x->done_id, .taken = x->taken, .anew = x->anew, .rekeyed = x->rekeyed
	};
}

void merge_forget(struct group *g)
{
	for (uint8_t slot = 0; slot < SS_SLOTS; slot++)
		merging_stop(&g->merging[slot]);
}

static void answer(struct cl_node *n, const struct group *g, uint8_t slot, uint64_t id, bool done,
		   enum result refused)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__PartTaken t = HOLDFAST__PART_TAKEN__INIT;
	const struct merging *x = &g->merging[slot];

	if (slot == n->cfg.slot)
		return;
	t.to_slot = slot;
	t.part_id = id;
	t.next = x->m ? ss_merge_received(x->m) : 0;
	t.done = done;
	t.refused = refused;
	t.taken = x->taken;
	t.anew = x->anew;
	t.rekeyed = x->rekeyed;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_PART_TAKEN;
	m.part_taken = &t;
	message_send_group(n, g, &m);
}

static void refuse(struct cl_node *n, struct group *g, uint8_t slot, uint64_t id, enum result res)
{
	fx_log(n, LOG_CLUSTER_NOT_MERGED, "group %u slot %u: %s", g->id, slot, result_text(res));
	g->merges_failed++;
	merging_stop(&g->merging[slot]);
	answer(n, g, slot, id, true, res);
}

void merge_chunk(struct cl_node *n, struct group *g, uint8_t slot, const Holdfast__Part *m)
{
	struct merging *x = &g->merging[slot];

	if (m->part_id == x->done_id) {
		answer(n, g, slot, x->done_id, true, R_OK);
		return;
	}
	/* It is being merged: what comes now came before. */
	if (g->handover.merge == slot)
		return;
	if (!x->m || x->id != m->part_id) {
		merging_stop(x);
		x->id = m->part_id;
		x->m = ss_merge_new(n->cfg.hash_seed);
	}
	enum result res = ss_merge_read(x->m, bytes(m->chunk.data, m->chunk.len), &x->complete);
	if (res == R_OK && m->fork_slot >= SS_SLOTS)
		res = R_VALUE;
	if (res == R_OK &&
	    !lineage_has(&g->lineage, m->fork_term, (uint8_t)m->fork_slot, ss_merge_fork(x->m)))
		res = R_STALE;
	if (res == R_OK || res == R_EXISTS || res == R_AGAIN)
		answer(n, g, slot, x->id, false, R_OK);
	else
		refuse(n, g, slot, m->part_id, res);
}

/* ---- the handover to ourselves ---- */

static void begin(struct cl_node *n, struct group *g, uint8_t slot)
{
	g->handover = (struct handover_state){ .phase = HANDOVER_QUIESCING, .merge = slot };
	g->at[T_HANDOVER] = n->now_ns + HANDOVER_MS * MS;
	role_event(n, g, ROLE_QUIESCE, "two owners");
	fx_push(n, CL_FX_QUIESCE, g)->merge = true;
}

void merge_consider(struct cl_node *n, struct group *g)
{
	uint8_t slot = 0;

	if (g->role != CL_ROLE_ACTIVE || g->handover.phase != HANDOVER_NONE || !view_quorate(n))
		return;
	for (uint8_t i = 1; i < SS_SLOTS && !slot; i++)
		slot = g->merging[i].complete ? i : 0;
	if (!slot)
		return;
	/* R11: on disk before the datapath stops for it. */
	if (claim_is_reserved(n, g))
		begin(n, g, slot);
	else if (n->now_ns >= g->claim.not_before_ns)
		claim_reserve(n, g);
}

static void append_plan(struct cl_node *n, struct group *g)
{
	struct merging *x = &g->merging[g->handover.merge];
	struct ss_merge_result r = { 0 };

	must(ss_merge_plan(x->m, g->store, &r) == R_OK);
	x->taken = r.taken;
	x->anew = r.anew;
	x->rekeyed = r.rekeyed;
	log_records(n, g, r.records, r.n);
	ss_merge_result_clear(&r);
	g->handover.planned = true;
	g->handover.final_position = g->commit.appended;
}

/* From the last position on nothing is appended and no deadline extended, until our own claim. */
void merge_continue(struct cl_node *n, struct group *g)
{
	struct handover_state *h = &g->handover;

	if (h->phase != HANDOVER_COMMITTING || g->applied < h->final_position ||
	    g->commit.committed < h->final_position)
		return;
	if (!h->planned) {
		append_plan(n, g);
		if (g->applied < h->final_position)
			return;
	}
	heartbeat_end(n, g);
	h->phase = HANDOVER_RELEASED;
	h->reclaim = true;
}

void merge_settled(struct cl_node *n, struct group *g)
{
	uint8_t slot = g->handover.merge;
	struct merging *x = &g->merging[slot];

	if (!g->handover.planned)
		return;
	x->done_id = x->id;
	merging_stop(x);
	g->merges++;
	g->merged_taken += x->taken;
	g->merged_anew += x->anew;
	g->merged_rekeyed += x->rekeyed;
	fx_log(n, LOG_CLUSTER_MERGED,
	       "group %u of slot %u: %llu IKE SAs taken whole, %llu set up anew, %llu CHILD SAs to "
	       "be rekeyed",
	       g->id, slot, (unsigned long long)x->taken, (unsigned long long)x->anew,
	       (unsigned long long)x->rekeyed);
	answer(n, g, slot, x->done_id, true, R_OK);
	if (slot == n->cfg.slot)
		part_stop(g);
}
