/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds our output (R4), who may be made to (R7), and when we stop
 * waiting for them (R6). The owner holds for commit.protected_set. What it
 * has told the others is logged_set: added to only after holding has begun,
 * taken from before holding ends.
 */
#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"

/* A process that did not run for this part of the commit timeout was away itself. */
#define AWAY_PART 4u

/*
 * Members that could claim with what they hold: one that says it lost its state need not be
 * waited for.
 */
static uint16_t slots_holding(const struct cl_node *n, const struct group *g)
{
	uint16_t set = 0;

	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].slot && n->view.members[i].group[g->index].synced)
			set |= slot_bit(n->view.members[i].slot);
	return set;
}

static void tell(struct cl_node *n, const struct group *g)
{
	struct cl_effect *fx = fx_push(n, CL_FX_PROTECTION, g);

	fx->is_protected = g->is_protected;
	fx->set = g->logged_set;
}

static void alarm_unprotected(struct cl_node *n, const struct group *g)
{
	fx_log(n, LOG_REPL_UNPROTECTED, "group %u term %llu", g->id, (unsigned long long)g->term);
}

/*
 * An entry of the log, so that it is acknowledged: the standby knows that it is protected, and
 * could say so to others.
 */
static void send_protected(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Protected p = HOLDFAST__PROTECTED__INIT;
	uint64_t before = g->commit.committed;

	g->protected_position = ss_commit_append(&g->commit);
	latency_sent(n, g);
	p.set = g->logged_set;
	p.position = g->protected_position;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_PROTECTED_;
	m.protected_ = &p;
	message_send_group(n, g, &m);
	protect_committed(n, g, before);
}

static void send_unprotected(struct cl_node *n, struct group *g, enum result reason)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Unprotected u = HOLDFAST__UNPROTECTED__INIT;

	u.reason = reason;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_UNPROTECTED;
	m.unprotected = &u;
	message_send_group(n, g, &m);
}

/* ---- a term ---- */

void protect_begin(struct cl_node *n, struct group *g)
{
	bool alone = true;

	ss_commit_init(&g->commit, g->applied);
	g->logged_set = 0;
	memset(g->due_ns, 0, sizeof(g->due_ns));
	memset(g->drop_ns, 0, sizeof(g->drop_ns));
	g->is_protected = false;
	tell(n, g);
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].id.node_id != n->cfg.node_id &&
		    n->view.members[i].group[g->index].synced)
			alone = false;
	if (alone)
		alarm_unprotected(n, g);
}

void protect_end(struct cl_node *n, struct group *g)
{
	(void)n;
	g->at[T_COMMIT] = g->at[T_DROP] = NEVER;
	g->logged_set = 0;
	g->is_protected = false;
	for (uint8_t slot = 0; slot < SS_SLOTS; slot++)
		join_serve_stop(g, slot);
}

/* ---- acknowledgement ---- */

/*
 * Each standby has a first wait of its own, which begins with what it owes and anew with each
 * acknowledgement: two that become late one after the other prolong nothing.
 */
static void await(struct cl_node *n, struct group *g)
{
	g->at[T_COMMIT] = NEVER;
	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		if (!(g->logged_set & slot_bit(slot)) ||
		    g->commit.acked[slot] >= g->commit.appended) {
			g->due_ns[slot] = 0;
			continue;
		}
		if (!g->due_ns[slot])
			g->due_ns[slot] = n->now_ns + n->cfg.commit_timeout_ms * MS;
		if (g->due_ns[slot] < g->at[T_COMMIT])
			g->at[T_COMMIT] = g->due_ns[slot];
	}
}

static void acknowledged(struct group *g, uint8_t slot, uint64_t position)
{
	uint64_t acked = g->commit.acked[slot];

	(void)ss_commit_ack(&g->commit, slot, position);
	if (g->commit.acked[slot] != acked)
		g->due_ns[slot] = 0;
}

void protect_committed(struct cl_node *n, struct group *g, uint64_t before)
{
	bool moved = g->commit.committed != before;

	if (moved)
		latency_committed(n, g, before);
	if (moved)
		fx_push(n, CL_FX_COMMITTED, g)->position = g->commit.committed;
	if (g->logged_set && !g->is_protected && g->commit.committed >= g->protected_position) {
		g->is_protected = true;
		tell(n, g);
		fx_log(n, LOG_REPL_PROTECTED, "group %u term %llu", g->id,
		       (unsigned long long)g->term);
	}
	await(n, g);
}

void protect_acked(struct cl_node *n, struct group *g, uint8_t slot, uint64_t position)
{
	uint64_t before = g->commit.committed;

	acknowledged(g, slot, position);
	protect_committed(n, g, before);
}

void protect_ack(struct cl_node *n, struct group *g, const struct delivery *d,
		 const Holdfast__ClusterMessage *m)
{
	d->member->group[g->index].applied = m->ack->position;
	protect_acked(n, g, d->member->slot, m->ack->position);
}

/* ---- protect (R7) ---- */

/* Standby: we hold snapshot and log. Said again until the owner's heartbeat shows that it knows. */
void protect_announce(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Synced s = HOLDFAST__SYNCED__INIT;

	if (g->announced_ns && n->now_ns - g->announced_ns < ANNOUNCE_MS * MS)
		return;
	g->announced_ns = n->now_ns;
	s.position = g->applied;
	s.join_id = g->join.id;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SYNCED;
	m.synced = &s;
	message_send_group(n, g, &m);
}

/* Hold for the standby first, then say that it is protected. */
static void protect_member(struct cl_node *n, struct group *g, uint8_t slot, uint64_t position)
{
	uint64_t before = g->commit.committed;

	acknowledged(g, slot, position);
	if (!(g->logged_set & slot_bit(slot))) {
		g->logged_set |= slot_bit(slot);
		g->drop_ns[slot] = 0;
		if (!hf_rule_broken(HF_RULE_PROTECT))
			(void)ss_commit_protect(&g->commit,
						g->commit.protected_set | slot_bit(slot));
		if (g->commit.protected_set == g->logged_set)
			g->at[T_DROP] = NEVER;
		send_protected(n, g);
	}
	protect_committed(n, g, before);
}

void protect_synced(struct cl_node *n, struct group *g, const struct delivery *d,
		    const Holdfast__ClusterMessage *m)
{
	if (d->term != g->term) {
		n->stats.dropped[CL_DROP_OTHER_TERM]++;
		return;
	}
	d->member->group[g->index].synced = true;
	d->member->group[g->index].applied = m->synced->position;
	/* Of an owner in doubt it proves nothing. */
	if (!g->unsure)
		d->member->group[g->index].terms_unknown = false;
	join_served(n, g, d->member->slot, m->synced->join_id);
	config_sync_follows(n, g, d->member);
	if (g->claim.settling)
		g->claim.synced |= slot_bit(d->member->slot);
	if (is_owner(g) && g->handover.phase != HANDOVER_RELEASED &&
	    d->member != owner_member(n, g) && m->synced->position <= g->commit.appended)
		protect_member(n, g, d->member->slot, m->synced->position);
}

void protect_settled(struct cl_node *n, struct group *g)
{
	for (size_t i = 0; i < n->view.n; i++) {
		const struct member *m = &n->view.members[i];
		/* One that has lost its state since is a joiner. */
		if ((g->claim.synced & slot_bit(m->slot)) && m->group[g->index].synced &&
		    m->id.node_id != n->cfg.node_id &&
		    m->group[g->index].applied <= g->commit.appended)
			protect_member(n, g, m->slot, m->group[g->index].applied);
	}
	g->claim.synced = 0;
}

/* ---- degrade (R6) ---- */

/* Holds for those of set only. */
static void hold_for(struct cl_node *n, struct group *g, uint16_t set)
{
	uint64_t before = g->commit.committed;

	(void)ss_commit_protect(&g->commit, set);
	protect_committed(n, g, before);
}

static void degrade(struct cl_node *n, struct group *g, uint16_t lost, enum result reason)
{
	g->logged_set &= (uint16_t)~lost;
	g->degraded++;
	if (g->logged_set)
		send_protected(n, g);
	else
		send_unprotected(n, g, reason);
	for (uint8_t slot = 1; slot < SS_SLOTS; slot++)
		if (lost & slot_bit(slot))
			g->drop_said[slot] = ss_sealer_sequence(n->sealer);
	await(n, g);
	g->is_protected = g->is_protected && g->logged_set;
	tell(n, g);
	if (g->logged_set)
		return;
	alarm_unprotected(n, g);
	if (hf_rule_broken(HF_RULE_DEGRADE))
		hold_for(n, g, g->logged_set);
}

/*
 * A standby that went with its node may be back without us before the commit timeout has passed
 * since the last heartbeat that it can have heard: then it takes over as one that lacks nothing
 * (R10). Until none can, nothing is released without it. A process that ended has no state.
 */
static uint64_t dropped_from_ns(struct cl_node *n, const struct group *g, uint8_t slot)
{
	const uint64_t until = g->lost_heard_ns +
			       (n->cfg.commit_timeout_ms + RELEASE_MARGIN_MS) * MS;

	if (member_by_slot(n, slot) || until < n->now_ns || hf_rule_broken(HF_RULE_VIEW_ALONE))
		return n->now_ns;
	return until;
}

/*
 * That only said are protected was delivered to us, so nobody can have been deaf to it who is
 * still in the view: the second wait of the others begins. Said again it does not begin anew.
 * heard: the message that said it. One from before a standby was protected again says nothing of it
 * any more.
 */
static void degrade_logged(struct cl_node *n, struct group *g, uint16_t said, uint64_t heard)
{
	uint16_t dropped = (uint16_t)(g->commit.protected_set & ~g->logged_set & ~said);
	uint16_t holding = slots_holding(n, g);

	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		if (!(dropped & slot_bit(slot)) || heard < g->drop_said[slot])
			continue;
		if (!(holding & slot_bit(slot)) && !slot_contested(n, slot))
			g->drop_ns[slot] = dropped_from_ns(n, g, slot);
		else if (!g->drop_ns[slot])
			g->drop_ns[slot] = n->now_ns + n->cfg.commit_timeout_ms * MS;
		if (g->drop_ns[slot] < g->at[T_DROP])
			g->at[T_DROP] = g->drop_ns[slot];
	}
}

/*
 * Without quorum another may own the group by now, and not as suspect, for we told it that it
 * was protected: what it lacks stays here until there is quorum again, or another term. Quorum
 * that comes with others may come with that owner: they are heard first.
 */
void protect_drop(struct cl_node *n, struct group *g)
{
	uint16_t set = g->commit.protected_set;

	if (hf_rule_broken(HF_RULE_WAIT))
		return;
	bool heard = member_all_hello(n) || n->now_ns >= n->view.since_ns + HELLO_GRACE_MS * MS;
	if ((!ownership_is_sure(n, g) || !heard) && !hf_rule_broken(HF_RULE_MINORITY)) {
		g->at[T_DROP] = n->now_ns + n->cfg.heartbeat_ms * MS;
		return;
	}
	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		uint64_t at = g->drop_ns[slot];
		if (!at)
			continue;
		if (at > n->now_ns) {
			g->at[T_DROP] = at < g->at[T_DROP] ? at : g->at[T_DROP];
			continue;
		}
		g->drop_ns[slot] = 0;
		set &= (uint16_t)~slot_bit(slot);
	}
	hold_for(n, g, set);
}

/*
 * Standbys that have acknowledged nothing of what is open for the commit timeout. A process that
 * was itself not running reads first what came meanwhile.
 */
void protect_commit_timeout(struct cl_node *n, struct group *g)
{
	uint16_t late = 0;

	if (n->away_ns > n->cfg.commit_timeout_ms * MS / AWAY_PART) {
		for (uint8_t slot = 1; slot < SS_SLOTS; slot++)
			if (g->due_ns[slot] && g->due_ns[slot] <= n->now_ns)
				g->due_ns[slot] = n->now_ns +
						  n->cfg.commit_timeout_ms * MS / AWAY_PART;
		await(n, g);
		return;
	}
	for (uint8_t slot = 1; slot < SS_SLOTS; slot++)
		if (g->due_ns[slot] && g->due_ns[slot] <= n->now_ns) {
			late |= slot_bit(slot);
			failure_note(n, slot, "No Acknowledgement");
		}
	must(late);
	n->stats.commit_timeouts++;
	degrade(n, g, late, R_AGAIN);
}

void protect_members_changed(struct cl_node *n, struct group *g)
{
	uint16_t gone = (uint16_t)(g->commit.protected_set & ~slots_holding(n, g));

	if (g->logged_set & gone)
		degrade(n, g, gone, R_NOT_FOUND);
	else if (gone && g->at[T_DROP] != NEVER)
		degrade_logged(n, g, slots_holding(n, g), UINT64_MAX);
}

void protect_protected(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m)
{
	g->protected_set = (uint16_t)m->protected_->set;
	log_deliver(n, g, d, m->protected_->position, NULL);
	if (is_owner(g))
		degrade_logged(n, g, g->protected_set, d->sequence);
}

void protect_unprotected(struct cl_node *n, struct group *g, const struct delivery *d,
			 const Holdfast__ClusterMessage *m)
{
	g->protected_set = 0;
	if (is_owner(g))
		degrade_logged(n, g, 0, d->sequence);
	else
		fx_log(n, LOG_REPL_UNPROTECTED, "group %u term %llu: %s", g->id,
		       (unsigned long long)g->term,
		       m->unprotected->reason < R_COUNT_
			       ? result_text((enum result)m->unprotected->reason)
			       : "");
}

static bool is_better(const struct cl_node *n, const struct group *g, const struct member *m,
		      const struct member *best)
{
	if (!best)
		return true;
	int order = drain_compare(m->drained, best->drained);
	if (!order)
		order = health_compare(n, g, m, best);
	return order ? order < 0 : g->commit.acked[m->slot] > g->commit.acked[best->slot];
}

uint8_t protect_best(struct cl_node *n, const struct group *g, bool drained_too)
{
	const struct member *best = NULL;

	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		const struct member *m = member_by_slot(n, slot);
		if ((g->logged_set & slot_bit(slot)) && m && (drained_too || !m->drained) &&
		    is_better(n, g, m, best))
			best = m;
	}
	return best ? best->slot : 0;
}
