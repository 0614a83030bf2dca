/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log of a group: the owner appends batches (group commit), every member
 * applies them at delivery, the owner too: store == fold(delivered log)
 * (law 8). Standbys acknowledge what they have applied (R4).
 */
#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"

/* A record in a batch: its data, and at most this for the frame. */
#define RECORD_FRAME 32u

static void batch_send(struct cl_node *n, struct group *g, const struct ss_record *records,
		       size_t n_records)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Batch b = HOLDFAST__BATCH__INIT;
	struct buf packed = { 0 };

	must(ss_batch_pack(records, n_records, &packed) == R_OK);
	b.position = ss_commit_append(&g->commit);
	latency_sent(n, g);
	b.records = (ProtobufCBinaryData){ .data = packed.p, .len = packed.len };
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_BATCH;
	m.batch = &b;
	message_send_group(n, g, &m);
	ss_buf_wipe(&packed);
	g->records_sent += n_records;
}

/* One turn is one batch and one position, unless it is too long for one message. */
void log_records(struct cl_node *n, struct group *g, const struct ss_record *records,
		 size_t n_records)
{
	uint64_t before = g->commit.committed;
	size_t from = 0, size = 0;

	if (!is_owner(g) || g->handover.phase == HANDOVER_RELEASED)
		return;
	for (size_t i = 0; i < n_records; i++) {
		size_t len = records[i].data.len + RECORD_FRAME;
		if (i > from && size + len > BATCH_BYTES_MAX) {
			batch_send(n, g, records + from, i - from);
			from = i;
			size = 0;
		}
		size += len;
	}
	if (from < n_records)
		batch_send(n, g, records + from, n_records - from);
	protect_committed(n, g, before);
}

struct applying {
	struct cl_node *n;
	struct group *g;
};

static enum result apply_one(void *ctx, const struct ss_record *r)
{
	struct applying *a = ctx;
	enum result res = ss_store_apply(a->g->store, r);

	if (res == R_OK) {
		a->g->records_received++;
		fx_apply(a->n, a->g, r);
	}
	return res;
}

enum result log_apply(struct cl_node *n, struct group *g, struct bytes records)
{
	struct applying a = { .n = n, .g = g };

	return ss_batch_unpack(records, apply_one, &a);
}

void log_ack(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Ack a = HOLDFAST__ACK__INIT;

	a.position = g->applied;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ACK;
	m.ack = &a;
	/* First: to hand a message to Corosync takes a moment. */
	message_send_ack(n, g, &m);
	message_send_group(n, g, &m);
}

void log_deliver(struct cl_node *n, struct group *g, const struct delivery *d, uint64_t position,
		 const struct bytes *records)
{
	if (!g->synced) {
		join_keep(n, g, position, records);
		return;
	}
	if (position <= g->applied)
		return; /* a joiner's snapshot had it */
	if (position != g->applied + 1) {
		ownership_lose_state(n, g, "the log has a gap");
		return;
	}
	ss_store_at(g->store, position);
	enum result res = records ? log_apply(n, g, *records) : R_OK;
	if (res != R_OK) {
		fx_log(n, LOG_REPL_REFUSED, "group %u position %llu: %s", g->id,
		       (unsigned long long)position, result_text(res));
		g->synced = false; /* half a batch is no state that could be kept */
		ownership_lose_state(n, g, "a record was refused");
		return;
	}
	g->applied = position;
	g->last_term = g->term;
	g->last_owner = g->owner;
	g->complete_ns = n->now_ns;
	d->member->group[g->index].applied = position;
	if (!is_owner(g))
		log_ack(n, g);
}

void log_batch(struct cl_node *n, struct group *g, const struct delivery *d,
	       const Holdfast__ClusterMessage *m)
{
	struct bytes records = bytes(m->batch->records.data, m->batch->records.len);

	if (hf_rule_broken(HF_RULE_LATE) && d->term < g->term) {
		(void)!log_apply(n, g, records);
		return;
	}
	log_deliver(n, g, d, m->batch->position, &records);
}

struct replaying {
	struct cl_node *n;
	const struct group *g;
};

static void replay_one(void *ctx, const struct ss_record *r)
{
	struct replaying *p = ctx;

	fx_apply(p->n, p->g, r);
}

void log_replay_store(struct cl_node *n, const struct group *g)
{
	struct replaying p = { .n = n, .g = g };

	fx_push(n, CL_FX_RESET, g);
	ss_store_each(g->store, replay_one, &p);
}
