/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joining a group (R22). The joiner multicasts a marker and keeps what the
 * log brings from then on. The owner cuts its store where the marker is
 * delivered and sends it over the snapshot channel, as many chunks ahead as
 * the joiner has granted. The joiner applies the snapshot, then what it kept
 * behind its position, then says SYNCED. What the channel loses is asked for
 * again and the transfer goes on there; when the owner dies, nothing comes
 * for long or the joiner keeps too much, it begins again with a new marker.
 *
 * A request is absolute (records held, chunks that may be away), so one that
 * is lost or comes twice does no harm.
 *
 * Positions order everything, so an entry that is in the snapshot as well is
 * simply skipped; the marker needs no position of its own.
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"

/* ---- joiner ---- */

void join_stop(struct group *g)
{
	for (size_t i = 0; i < g->join.n; i++)
		ss_buf_wipe(&g->join.deltas[i].records);
	free(g->join.deltas);
	ss_snapshot_reader_free(g->join.reader);
	g->join = (struct join_state){ .id = g->join.id, .pause = g->join.pause };
	g->at[T_JOIN] = NEVER;
}

void join_start(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Marker mk = HOLDFAST__MARKER__INIT;

	join_stop(g);
	if (g->synced || !owner_member(n, g) || g->owner_id.node_id == n->cfg.node_id)
		return;
	if (n->now_ns < g->join.pause.until_ns) {
		g->at[T_JOIN] = g->join.pause.until_ns;
		return;
	}
	g->join.id++;
	g->join.running = true;
	g->join.reader = ss_snapshot_reader_new(n->cfg.hash_seed);
	must(g->join.reader);
	g->at[T_JOIN] = n->now_ns + JOIN_ASK_MS * MS;
	g->join.progress_ns = n->now_ns;
	mk.joiner_slot = n->cfg.slot;
	mk.join_id = g->join.id;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_MARKER;
	m.marker = &mk;
	message_send_group(n, g, &m);
}

static void join_pause(struct cl_node *n, struct group *g)
{
	struct join_pause *p = &g->join.pause;
	bool again = p->at_ns && n->now_ns - p->at_ns < JOIN_CALM_MS * MS;

	p->wait_ns = again ? p->wait_ns * 2 : JOIN_REFUSED_MS * MS;
	if (p->wait_ns > JOIN_REFUSED_MAX_MS * MS)
		p->wait_ns = JOIN_REFUSED_MAX_MS * MS;
	p->at_ns = n->now_ns;
	p->until_ns = n->now_ns + p->wait_ns;
}

/* Another one's snapshot may be a good one. */
void join_new_owner(struct group *g)
{
	g->join.pause = (struct join_pause){ 0 };
}

/* Grants the owner SNAPSHOT_CREDIT chunks behind the records that are here. */
static void join_ask(struct cl_node *n, struct group *g, bool again)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__SnapshotRequest r = HOLDFAST__SNAPSHOT_REQUEST__INIT;
	const struct member *owner = owner_member(n, g);

	g->at[T_JOIN] = n->now_ns + JOIN_ASK_MS * MS;
	if (!owner)
		return;
	g->join.taken = 0;
	r.join_id = g->join.id;
	r.first = ss_snapshot_received(g->join.reader);
	r.credit = SNAPSHOT_CREDIT;
	r.again = again;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SNAPSHOT_REQUEST;
	m.snapshot_request = &r;
	message_send_snapshot(n, g, CL_FX_SNAPSHOT_ASK, owner, &m);
}

void join_timeout(struct cl_node *n, struct group *g)
{
	if (g->join.reading)
		join_own_ack(n, g);
	else if (g->join.running && n->now_ns - g->join.progress_ns < JOIN_RETRY_MS * MS)
		join_ask(n, g, true);
	else
		join_start(n, g);
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
		ss_store_at(g->store, d->position);
		enum result res = d->records.len ? log_apply(n, g, buf_bytes(&d->records)) : R_OK;
		if (res != R_OK)
			return res;
		g->applied = d->position;
		g->last_term = g->term;
		g->last_owner = g->owner;
	}
	return R_OK;
}

static void join_finish(struct cl_node *n, struct group *g)
{
	ss_store_free(g->store);
	g->store = ss_snapshot_take(g->join.reader);
	g->applied = ss_snapshot_position(g->join.reader);
	g->last_term = 0;
	log_replay_store(n, g);
	enum result res = apply_kept(n, g);
	if (res != R_OK) {
		join_pause(n, g);
		ownership_lose_state(n, g, result_text(res));
		return;
	}
	join_stop(g);
	kept_free(g);
	g->synced = g->has_synced = true;
	g->unsure = n->quorum_known && !n->quorum_quorate;
	g->announced_ns = 0;
	g->complete_ns = n->now_ns;
	n->stats.snapshots_received++;
	fx_log(n, LOG_REPL_SYNCED, "group %u position %llu, %zu records", g->id,
	       (unsigned long long)g->applied, ss_store_count(g->store, 0));
	role_event(n, g, ROLE_COMPLETE, "state is complete");
	g->join.reading = true;
	g->at[T_JOIN] = n->now_ns + JOIN_ASK_MS * MS;
	log_ack(n, g);
}

/*
 * From SYNCED on the owner waits for our acknowledgements. What came while the snapshot was applied
 * waits to be read: with an acknowledgement of ours all before it has been.
 */
void join_own_ack(struct cl_node *n, struct group *g)
{
	if (!g->join.reading)
		return;
	g->join.reading = false;
	g->at[T_JOIN] = NEVER;
	if (g->synced && !is_owner(g))
		protect_announce(n, g);
}

static void chunk_taken(struct cl_node *n, struct group *g, bool done)
{
	g->join.progress_ns = n->now_ns;
	g->join.gap = false;
	g->at[T_JOIN] = n->now_ns + JOIN_ASK_MS * MS;
	if (done)
		join_finish(n, g);
	else if (++g->join.taken >= SNAPSHOT_CREDIT / 2)
		join_ask(n, g, false);
}

void join_chunk(struct cl_node *n, struct group *g, const Holdfast__Snapshot *m)
{
	bool done = false;

	if (!g->join.running || m->join_id != g->join.id) {
		n->stats.dropped[CL_DROP_OTHER_TRANSFER]++;
		return;
	}
	enum result res = ss_snapshot_read(g->join.reader, bytes(m->chunk.data, m->chunk.len),
					   &done);
	switch (res) {
	case R_OK:
		chunk_taken(n, g, done);
		break;
	case R_EXISTS:
		break;
	case R_AGAIN:
		/* Those behind the missing one come again too: once is enough. */
		if (!g->join.gap)
			join_ask(n, g, true);
		g->join.gap = true;
		break;
	default:
		fx_log(n, LOG_REPL_REFUSED, "group %u snapshot: %s", g->id, result_text(res));
		join_pause(n, g);
		join_start(n, g);
	}
}

/* ---- owner ---- */

void join_serve_stop(struct group *g, uint8_t slot)
{
	ss_snapshot_writer_free(g->serving[slot].writer);
	g->serving[slot] = (struct serving){ 0 };
}

void join_served(struct cl_node *n, struct group *g, uint8_t slot, uint64_t join_id)
{
	if (!g->serving[slot].writer || g->serving[slot].id != join_id)
		return;
	join_serve_stop(g, slot);
	n->stats.snapshots_sent++;
	fx_log(n, LOG_REPL_SNAPSHOT_SENT, "group %u to slot %u", g->id, slot);
}

static void serve(struct cl_node *n, struct group *g, uint8_t slot)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Snapshot s = HOLDFAST__SNAPSHOT__INIT;
	struct serving *v = &g->serving[slot];
	const struct member *to = member_by_slot(n, slot);
	struct buf chunk = { 0 };

	if (!v->writer || !to || v->busy || v->n_away >= v->credit)
		return;
	uint64_t first = ss_snapshot_tell(v->writer);
	/* At the end the writer stays until SYNCED: the last chunks may be asked for again. */
	if (!ss_snapshot_next(v->writer, SNAPSHOT_CHUNK_BYTES, &chunk))
		return;
	v->away[v->n_away++] = first;
	s.join_id = v->id;
	s.chunk = (ProtobufCBinaryData){ .data = chunk.p, .len = chunk.len };
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SNAPSHOT;
	m.snapshot = &s;
	/* What could not be sealed is as good as lost on its way: it is asked for again. */
	v->busy = message_send_snapshot(n, g, CL_FX_SNAPSHOT_SEND, to, &m);
	ss_buf_wipe(&chunk);
}

void join_serve_ready(struct cl_node *n, struct group *g, uint8_t slot)
{
	if (slot >= SS_SLOTS)
		return;
	g->serving[slot].busy = false;
	serve(n, g, slot);
}

/* The joiner has all chunks that begin below first. */
static void arrived(struct serving *v, uint64_t first)
{
	uint32_t n = 0;

	while (n < v->n_away && v->away[n] < first)
		n++;
	v->n_away -= n;
	memmove(v->away, v->away + n, v->n_away * sizeof(v->away[0]));
}

void join_request(struct cl_node *n, struct group *g, uint8_t slot,
		  const Holdfast__SnapshotRequest *m)
{
	struct serving *v = &g->serving[slot];
	uint32_t credit = m->credit < SNAPSHOT_CREDIT ? m->credit : SNAPSHOT_CREDIT;

	if (!v->writer || m->join_id != v->id) {
		v->asked_id = m->join_id;
		v->asked_credit = credit;
		return;
	}
	v->credit = credit;
	ss_snapshot_arrived(v->writer, m->first);
	if (m->again) {
		ss_snapshot_seek(v->writer, m->first);
		v->n_away = 0;
	} else {
		arrived(v, m->first);
	}
	serve(n, g, slot);
}

/*
 * Everything that the owner appended before the marker is in its store by now, so the cut is
 * fold(log up to here).
 */
static void serve_start(struct cl_node *n, struct group *g, uint8_t slot, uint64_t join_id)
{
	struct serving *v = &g->serving[slot];
	uint32_t credit = v->asked_id == join_id ? v->asked_credit : 0;
	bool busy = v->busy;

	join_serve_stop(g, slot);
	v->writer = ss_snapshot_cut(g->store, g->applied + hf_rule_broken(HF_RULE_SNAPSHOT));
	must(v->writer);
	v->id = join_id;
	v->credit = credit;
	v->busy = busy;
	heartbeat_for_joiner(n, g);
	serve(n, g, slot);
}

/*
 * An owner in doubt serves nobody yet: who takes its state would not know of the doubt, and claim
 * with it as if there were none (R10).
 */
void join_marker(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m)
{
	uint8_t slot = d->member->slot;

	d->member->group[g->index].synced = false;
	if (d->term != g->term || m->marker->joiner_slot != slot) {
		n->stats.dropped[CL_DROP_OTHER_TERM]++;
		return;
	}
	if (is_owner(g) && !g->unsure) {
		config_sync_follows(n, g, d->member);
		protect_members_changed(n, g);
		serve_start(n, g, slot, m->marker->join_id);
	} else if (is_owner(g) || g->claim.settling) {
		g->serving[slot].marked = true;
		g->serving[slot].marked_id = m->marker->join_id;
	} else if (slot == n->cfg.slot && g->join.running && m->marker->join_id == g->join.id) {
		/* By now the owner knows our HELLO, or will in a moment. */
		join_ask(n, g, false);
	}
}

void join_settled(struct cl_node *n, struct group *g)
{
	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		struct serving *v = &g->serving[slot];
		if (v->marked && member_by_slot(n, slot))
			serve_start(n, g, slot, v->marked_id);
		v->marked = false;
	}
}
