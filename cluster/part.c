/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lower of two owners (R23). It stops at once and becomes a joiner like
 * any other; what it held is kept aside, completed with what it had appended
 * and its last numbers, and sent to the owner that has won: over the way of
 * snapshots, one chunk at a time, each one answered. Kept until that owner says
 * that it is merged, for a later owner may have to ask for it once more.
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"

void part_stop(struct group *g)
{
	struct part_state *p = &g->part;

	if (p->part)
		ss_part_free(p->part);
	else
		ss_store_free(p->store);
	for (size_t i = 0; i < p->n_numbers; i++)
		ss_record_clear(&p->numbers[i]);
	free(p->numbers);
	*p = (struct part_state){ .id = p->id };
	g->at[T_PART] = NEVER;
}

void part_give_up(struct cl_node *n, struct group *g, const char *why)
{
	if (!g->part.running)
		return;
	fx_log(n, LOG_CLUSTER_NOT_MERGED, "group %u: %s", g->id, why);
	g->merges_failed++;
	part_stop(g);
}

/* Behind its RELEASE another one may have gone on from there. */
void part_begin(struct cl_node *n, struct group *g)
{
	struct part_state *p = &g->part;

	if (!is_owner(g) || (g->handover.phase == HANDOVER_RELEASED && !g->handover.merge) ||
	    hf_rule_broken(HF_RULE_MERGE))
		return;
	part_give_up(n, g, "another owner won before it was taken");
	g->split_brains++;
	p->running = true;
	p->store = ss_store_copy(g->store, n->cfg.hash_seed);
	p->lineage = g->lineage;
	p->term = g->term;
	p->applied = g->applied;
	p->appended = g->commit.appended;
	p->committed = g->commit.committed;
	p->since_ns = n->now_ns;
	g->at[T_PART] = n->now_ns + PART_OWN_MS * MS;
	fx_push(n, CL_FX_PART, g);
	fx_log(n, LOG_CLUSTER_SPLIT_BRAIN, "group %u term %llu", g->id,
	       (unsigned long long)p->term);
}

void part_stopped(struct cl_node *n, struct group *g, const struct ss_record *numbers, size_t count)
{
	struct part_state *p = &g->part;

	(void)n;
	if (!p->running || p->stopped)
		return;
	p->stopped = true;
	p->numbers = calloc(count + 1, sizeof(*p->numbers));
	must(p->numbers);
	for (; p->n_numbers < count; p->n_numbers++)
		must(ss_record_copy(&p->numbers[p->n_numbers], &numbers[p->n_numbers]) == R_OK);
}

static enum result apply_one(void *ctx, const struct ss_record *r)
{
	return ss_store_apply(ctx, r);
}

bool part_own_log(struct cl_node *n, struct group *g, const struct delivery *d,
		  const Holdfast__ClusterMessage *m)
{
	struct part_state *p = &g->part;
	bool batch = m->body_case == HOLDFAST__CLUSTER_MESSAGE__BODY_BATCH;

	if (!p->running || p->part || d->member->id.node_id != n->cfg.node_id || d->term != p->term)
		return false;
	if (!batch && m->body_case != HOLDFAST__CLUSTER_MESSAGE__BODY_PROTECTED_)
		return false;
	uint64_t position = batch ? m->batch->position : m->protected_->position;
	if (position != p->applied + 1)
		return true;
	p->applied = position;
	ss_store_at(p->store, position);
	if (batch && ss_batch_unpack(bytes(m->batch->records.data, m->batch->records.len),
				     apply_one, p->store) != R_OK)
		part_give_up(n, g, "a record of its own cannot be read");
	return true;
}

/* ---- sending ---- */

/* What is known when all that was appended has come back; the numbers are newer than all of it. */
static void cut(struct part_state *p)
{
	ss_store_at(p->store, p->appended + 1);
	for (size_t i = 0; i < p->n_numbers; i++)
		if (ss_store_get(p->store, SS_CHILD_SA, p->numbers[i].key))
			must(ss_store_apply(p->store, &p->numbers[i]) == R_OK);
	p->part = ss_part_new(p->store);
}

static bool chunk(const struct group *g, uint64_t first, struct buf *out)
{
	return ss_part_chunk(g->part.part, g->part.fork, first, SNAPSHOT_CHUNK_BYTES, out);
}

static void fill(const struct part_state *p, Holdfast__Part *m, const struct buf *data)
{
	holdfast__part__init(m);
	m->part_id = p->id;
	m->fork_term = p->fork_term;
	m->fork_slot = p->fork_slot;
	m->chunk = (ProtobufCBinaryData){ .data = data->p, .len = data->len };
}

/* When all has been sent the first one goes again, to be told how far it is. */
static void send(struct cl_node *n, struct group *g, const struct member *owner)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Part body;
	struct buf data = { 0 };

	g->at[T_PART] = n->now_ns + PART_ASK_MS * MS;
	if (!chunk(g, g->part.next, &data) && !chunk(g, 0, &data))
		return;
	fill(&g->part, &body, &data);
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_PART;
	m.part = &body;
	message_send_snapshot(n, g, CL_FX_SNAPSHOT_ASK, owner, &m);
	ss_buf_wipe(&data);
}

/* We own the group again: nobody else is to be asked. */
static void to_ourselves(struct cl_node *n, struct group *g)
{
	struct buf data = { 0 };
	Holdfast__Part body;

	for (uint64_t first = 0; !g->merging[n->cfg.slot].complete && chunk(g, first, &data);) {
		fill(&g->part, &body, &data);
		merge_chunk(n, g, n->cfg.slot, &body);
		ss_buf_wipe(&data);
		if (!g->merging[n->cfg.slot].m)
			break;
		first = ss_merge_received(g->merging[n->cfg.slot].m);
	}
}

/* Where to, and from where on the two logs differ. */
static bool find_fork(struct cl_node *n, struct group *g, const struct member *owner)
{
	struct part_state *p = &g->part;
	const struct lineage *other = owner->id.node_id == n->cfg.node_id
					      ? &g->lineage
					      : &owner->group[g->index].lineage;
	struct ownership last;

	if (!lineage_fork(&p->lineage, p->appended, other, &last, &p->fork)) {
		part_give_up(n, g, "the two owners have no log in common");
		return false;
	}
	/* No peer has seen anything of it. */
	if (p->committed <= p->fork) {
		part_stop(g);
		return false;
	}
	p->fork_term = last.term;
	p->fork_slot = last.slot;
	return true;
}

void part_continue(struct cl_node *n, struct group *g)
{
	struct part_state *p = &g->part;
	const struct member *owner = owner_member(n, g);

	if (!p->running || !p->stopped || p->applied < p->appended || !owner || !owner->hello ||
	    (owner->id.node_id == p->to.node_id && owner->id.pid == p->to.pid))
		return;
	if (owner->id.node_id == n->cfg.node_id && g->role != CL_ROLE_ACTIVE)
		return;
	if (!find_fork(n, g, owner))
		return;
	if (!p->part)
		cut(p);
	p->to = owner->id;
	p->next = 0;
	p->id = (p->id ? p->id : n->incarnation) + 1;
	if (owner->id.node_id == n->cfg.node_id)
		to_ourselves(n, g);
	else
		send(n, g, owner);
}

void part_taken(struct cl_node *n, struct group *g, const struct delivery *d,
		const Holdfast__ClusterMessage *m)
{
	const Holdfast__PartTaken *t = m->part_taken;
	struct part_state *p = &g->part;

	if (!p->running || t->to_slot != n->cfg.slot || t->part_id != p->id)
		return;
	if (t->done && t->refused) {
		part_give_up(n, g,
			     t->refused < R_COUNT_ ? result_text((enum result)t->refused)
						   : "refused");
	} else if (t->done) {
		fx_log(n, LOG_CLUSTER_MERGED,
		       "group %u by slot %u: %llu IKE SAs taken whole, %llu set up anew, %llu CHILD "
		       "SAs to be rekeyed",
		       g->id, d->member->slot, (unsigned long long)t->taken,
		       (unsigned long long)t->anew, (unsigned long long)t->rekeyed);
		part_stop(g);
	} else if (t->next != p->next) {
		p->next = t->next;
		send(n, g, d->member);
	}
}

void part_timeout(struct cl_node *n, struct group *g)
{
	struct part_state *p = &g->part;
	const struct member *owner = owner_member(n, g);
	uint64_t age = n->now_ns - p->since_ns;

	if (!p->running)
		return;
	g->at[T_PART] = n->now_ns + PART_ASK_MS * MS;
	if (age >= PART_KEEP_MS * MS)
		part_give_up(n, g, "no owner has taken it");
	else if (age >= PART_OWN_MS * MS && (!p->stopped || p->applied < p->appended))
		part_give_up(n, g, "what was appended last has not come back");
	else if (p->part && owner && owner->id.node_id == p->to.node_id &&
		 owner->id.pid == p->to.pid && owner->id.node_id != n->cfg.node_id)
		send(n, g, owner);
}
