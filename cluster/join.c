/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining a group (R22). The joiner multicasts a marker and keeps what the
 * log brings from then on. The owner cuts its store where the marker is
 * delivered and sends it over the snapshot channel. The joiner applies the
 * snapshot, then what it kept behind its position, then says SYNCED. When the
 * owner dies, the channel stalls or the joiner keeps too much, it begins
 * again with a new marker.
 *
 * Positions order everything, so an entry that is in the snapshot as well is
 * simply skipped; the marker needs no position of its own.
 */
#include <stdlib.h>

#include "base/must.h"
#include "cluster/cluster_private.h"

/* ---- joiner ---- */

void join_stop(struct group *g)
{
	for (size_t i = 0; i < g->join.n; i++)
		ss_buf_wipe(&g->join.deltas[i].records);
	free(g->join.deltas);
	ss_snapshot_reader_free(g->join.reader);
	g->join = (struct join_state){ .id = g->join.id };
	g->at[T_JOIN] = NEVER;
}

void join_start(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Marker mk = HOLDFAST__MARKER__INIT;

	join_stop(g);
	if (g->synced || !owner_member(n, g) || g->owner_id.node_id == n->cfg.node_id)
		return;
	g->join.id++;
	g->join.running = true;
	g->join.reader = ss_snapshot_reader_new(n->cfg.hash_seed);
	must(g->join.reader);
	g->at[T_JOIN] = n->now_ns + JOIN_RETRY_MS * MS;
	mk.joiner_slot = n->cfg.slot;
	mk.join_id = g->join.id;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_MARKER;
	m.marker = &mk;
	message_send_group(n, g, &m);
}

void join_keep(struct cl_node *n, struct group *g, uint64_t position, const struct bytes *records)
{
	struct join_state *j = &g->join;

	if (!j->running)
		return;
	if (j->bytes > JOIN_BUFFER_BYTES_MAX) {
		fx_log(n, LOG_REPL_RESYNC, "group %u: the log outran the snapshot", g->id);
		join_start(n, g);
		return;
	}
	if (j->n == j->cap) {
		j->cap = j->cap ? j->cap * 2 : 16;
		j->deltas = realloc(j->deltas, j->cap * sizeof(*j->deltas));
		must(j->deltas);
	}
	struct delta *d = &j->deltas[j->n++];
	*d = (struct delta){ .position = position };
	if (records)
		must(buf_set(&d->records, *records));
	j->bytes += sizeof(*d) + d->records.len;
}

/* What was kept, behind the snapshot; any hole and the join begins again. */
static enum result apply_kept(struct cl_node *n, struct group *g)
{
	for (size_t i = 0; i < g->join.n; i++) {
		const struct delta *d = &g->join.deltas[i];
		if (d->position <= g->applied)
			continue;
		if (d->position != g->applied + 1)
			return R_STALE;
		enum result res = d->records.len ? log_apply(n, g, buf_bytes(&d->records)) : R_OK;
		if (res != R_OK)
			return res;
		g->applied = d->position;
	}
	return R_OK;
}

static void join_finish(struct cl_node *n, struct group *g)
{
	ss_store_free(g->store);
	g->store = ss_snapshot_take(g->join.reader);
	g->applied = ss_snapshot_position(g->join.reader);
	log_replay_store(n, g);
	enum result res = apply_kept(n, g);
	if (res != R_OK) {
		ownership_lose_state(n, g, result_text(res));
		return;
	}
	join_stop(g);
	g->synced = true;
	g->announced_ns = 0;
	n->stats.snapshots_received++;
	fx_log(n, LOG_REPL_SYNCED, "group %u position %llu, %zu records", g->id,
	       (unsigned long long)g->applied, ss_store_count(g->store, 0));
	role_event(n, g, ROLE_COMPLETE, "state is complete");
	protect_announce(n, g);
}

void join_chunk(struct cl_node *n, struct group *g, const Holdfast__Snapshot *m)
{
	bool done = false;

	if (!g->join.running || m->join_id != g->join.id)
		return;
	enum result res = ss_snapshot_read(g->join.reader, bytes(m->chunk.data, m->chunk.len),
					   &done);
	if (res != R_OK && res != R_EXISTS) {
		fx_log(n, LOG_REPL_REFUSED, "group %u snapshot: %s", g->id, result_text(res));
		join_start(n, g);
		return;
	}
	g->at[T_JOIN] = n->now_ns + JOIN_RETRY_MS * MS;
	if (done)
		join_finish(n, g);
}

/* ---- owner ---- */

void join_serve_stop(struct group *g, uint8_t slot)
{
	ss_snapshot_writer_free(g->serving[slot]);
	g->serving[slot] = NULL;
}

void join_serve_next(struct cl_node *n, struct group *g, uint8_t slot)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Snapshot s = HOLDFAST__SNAPSHOT__INIT;
	struct buf chunk = { 0 };

	if (slot >= SS_SLOTS || !g->serving[slot])
		return;
	if (!ss_snapshot_next(g->serving[slot], SNAPSHOT_CHUNK_BYTES, &chunk)) {
		join_serve_stop(g, slot);
		n->stats.snapshots_sent++;
		fx_log(n, LOG_REPL_SNAPSHOT_SENT, "group %u to slot %u", g->id, slot);
		return;
	}
	s.join_id = g->serving_id[slot];
	s.chunk = (ProtobufCBinaryData){ .data = chunk.p, .len = chunk.len };
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SNAPSHOT;
	m.snapshot = &s;
	message_send_snapshot(n, g, slot, &m);
	ss_buf_wipe(&chunk);
}

/*
 * Everything that the owner appended before the marker is in its store by now, so the cut is
 * fold(log up to here).
 */
void join_marker(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m)
{
	uint8_t slot = d->member->slot;

	d->member->group[g->index].synced = false;
	if (!is_owner(g) || d->term != g->term || m->marker->joiner_slot != slot)
		return;
	protect_members_changed(n, g);
	join_serve_stop(g, slot);
	g->serving[slot] = ss_snapshot_cut(g->store, g->applied);
	must(g->serving[slot]);
	g->serving_id[slot] = m->marker->join_id;
	join_serve_next(n, g, slot);
}
