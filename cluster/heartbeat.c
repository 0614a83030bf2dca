/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heartbeats of the owner (R7), the deadline of its own output (R12), and
 * what the others take from them: that it lives, that the log has no gap, and
 * what time it is.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"
#include "statesync/future_schema.h"

#define CLOCK_STEP_MS 1000 /* ahead by more for so long: set, below it slewed */
#define CLOCK_SLEW    16

/* Of the cluster's time, as of this node's: no sum or difference of two overflows. */
#define CLUSTER_TIME_MAX_MS (UINT64_C(1) << 48)

uint64_t cluster_time_ms(const struct cl_node *n, uint64_t now_ns)
{
	int64_t own = (int64_t)n->cfg.realtime_ms +
		      ((int64_t)now_ns - (int64_t)n->cfg.start_ns) / (int64_t)MS;

	return (uint64_t)(own + n->clock_offset_ms);
}

/*
 * A heartbeat is always late, so being behind it is an error at once. Being
 * ahead of it may be its delay: it is taken back slower than time passes. What
 * waited for a process or a Corosync that was stopped comes all at once and
 * takes nothing back, or R10 could not see how old it is. Returns by how much
 * this clock was ahead.
 */
static int64_t clock_follow(struct cl_node *n, uint64_t time_ms)
{
	int64_t ahead = (int64_t)(cluster_time_ms(n, n->now_ns) - time_ms);
	int64_t passed = (int64_t)((n->now_ns - n->clock_followed_ns) / MS);
	bool first = !n->clock_followed_ns, far = !first && ahead > CLOCK_STEP_MS;

	n->clock_followed_ns = n->now_ns;
	if (first)
		n->clock_since_ns = n->now_ns;
	/* What waited twice has not been far since the first time. */
	if (!far || !n->clock_far_ns || n->clock_far_ns < n->woke_ns)
		n->clock_far_ns = far ? n->now_ns : 0;
	if (first || ahead < 0 || (far && n->now_ns - n->clock_far_ns > CLOCK_STEP_MS * MS))
		n->clock_offset_ms -= ahead;
	else if (!far)
		n->clock_offset_ms -= ahead / CLOCK_SLEW < passed / 2 ? ahead / CLOCK_SLEW
								      : passed / 2;
	return first || ahead < 0 ? 0 : ahead;
}

/* What waited while this process stood still would take its time back: not at once, then. */
void heartbeat_follow_anew(struct cl_node *n)
{
	if (n->now_ns - n->woke_ns >= n->cfg.token_ms * MS)
		n->clock_followed_ns = 0;
}

void heartbeat_restore_clock(struct cl_node *n, int64_t offset_ms)
{
	const int64_t ahead = n->clock_offset_ms - offset_ms;

	if (ahead > CLOCK_STEP_MS || ahead < -CLOCK_STEP_MS)
		n->clock_offset_ms = offset_ms;
}

/* ---- owner ---- */

/*
 * R12: counted from the emission of what was delivered, so that a process
 * that was stopped finds its deadline behind it. This step itself is the
 * recent pass of the loop; a lost connection ends ownership before.
 */
static void deadline_extend(struct cl_node *n, struct group *g, uint64_t emitted_ns)
{
	if (!ownership_is_sure(n, g))
		return;
	g->at[T_DEADLINE] = emitted_ns + n->cfg.deadline_ms * MS;
	fx_push(n, CL_FX_DEADLINE, g)->deadline_ns = g->at[T_DEADLINE];
}

void heartbeat_begin(struct cl_node *n, struct group *g, uint64_t claim_emitted_ns)
{
	g->heartbeats_sent = 0;
	deadline_extend(n, g, claim_emitted_ns);
	heartbeat_send(n, g);
}

void heartbeat_end(struct cl_node *n, struct group *g)
{
	g->at[T_HEARTBEAT] = g->at[T_DEADLINE] = NEVER;
	fx_push(n, CL_FX_DEADLINE, g)->deadline_ns = 0;
}

void heartbeat_send(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Heartbeat h = HOLDFAST__HEARTBEAT__INIT;

	h.number = ++g->heartbeats_sent;
	h.emitted_ns = n->now_ns;
	h.cluster_time_ms = cluster_time_ms(n, n->now_ns);
	h.position = g->commit.appended;
	h.protected_set = g->logged_set;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HEARTBEAT;
	m.heartbeat = &h;
	message_send_group(n, g, &m);
	if (ss_future_schema()) {
		Holdfast__ClusterMessage unknown = HOLDFAST__CLUSTER_MESSAGE__INIT;
		message_send_group(n, g, &unknown);
	}
	g->at[T_HEARTBEAT] = n->now_ns + n->cfg.heartbeat_ms * MS;
}

void heartbeat_deadline_now(struct cl_node *n, struct group *g)
{
	if (g->at[T_DEADLINE] == NEVER)
		return;
	g->at[T_DEADLINE] = n->now_ns;
	fx_push(n, CL_FX_DEADLINE, g)->deadline_ns = 0;
}

/* Not at the next one that is due: until it comes back nothing is sent. */
void heartbeat_resume(struct cl_node *n, struct group *g)
{
	if (is_owner(g) && g->at[T_DEADLINE] == NEVER && g->at[T_HEARTBEAT] != NEVER)
		heartbeat_send(n, g);
}

/*
 * Lifetimes are cluster time. Who is handed over to, or takes over, before the next one is due would
 * go on by its own clock of the day. What is sent here comes before PROTECTED.
 */
void heartbeat_for_joiner(struct cl_node *n, struct group *g)
{
	if (is_owner(g) && g->at[T_HEARTBEAT] != NEVER && !hf_rule_broken(HF_RULE_TIME))
		heartbeat_send(n, g);
}

/* Workers looked at the deadline by themselves; this is for the operator. */
void heartbeat_deadline_passed(struct cl_node *n, struct group *g)
{
	n->stats.deadlines_passed++;
	fx_log(n, LOG_CLUSTER_DEADLINE, "group %u term %llu", g->id, (unsigned long long)g->term);
}

/* ---- everybody ---- */

static int64_t age_ms(const struct cl_node *n, const struct group *g)
{
	return g->heartbeat_late_ms + (int64_t)((n->now_ns - g->heartbeat_ns) / MS);
}

/*
 * By a clock that was first set by what waited while this process stood still,
 * nothing is old.
 */
static bool clock_is_doubtful(const struct cl_node *n)
{
	return n->clock_since_ns && n->clock_since_ns >= n->woke_ns &&
	       n->clock_since_ns - n->woke_ns < n->cfg.token_ms * MS &&
	       n->now_ns - n->clock_since_ns < n->cfg.commit_timeout_ms * MS;
}

/*
 * In cluster time, which began with its emission. What waited here was emitted
 * long before it was delivered; the owner may have gone on without us.
 */
bool heartbeat_is_stale(const struct cl_node *n, const struct group *g)
{
	return age_ms(n, g) > (int64_t)n->cfg.commit_timeout_ms || clock_is_doubtful(n);
}

/*
 * A host that stood still for longer than a token is not missed: the others form
 * a ring, claim, and may be dead when it wakes. It knows from its own heartbeats,
 * of which none has come back since. Without a pause of this process it may be
 * Corosync alone that stood still, or only a slow change of the membership;
 * from the deadline on others may own the group (R12).
 */
bool heartbeat_left_out(const struct cl_node *n, const struct group *g)
{
	int64_t age = age_ms(n, g), awake_ms = (int64_t)((n->now_ns - n->woke_ns) / MS);

	return n->view.nodes_lost && (age > (int64_t)n->cfg.deadline_ms ||
				      (age > awake_ms && age > (int64_t)n->cfg.token_ms));
}

uint64_t heartbeat_emitted_ns(const struct group *g)
{
	return g->heartbeat_ns - (uint64_t)g->heartbeat_late_ms * MS;
}

/* R12: from when the owner counts as silent. */
uint64_t heartbeat_silent_ns(const struct cl_node *n, const struct group *g)
{
	return g->heartbeat_ns + (n->cfg.deadline_ms + SILENCE_MARGIN_MS) * MS;
}

/* An owner with this failover key says what no clock shows. */
static bool time_is_possible(struct cl_node *n, const struct delivery *d,
			     const Holdfast__Heartbeat *h)
{
	if (h->cluster_time_ms <= CLUSTER_TIME_MAX_MS)
		return true;
	n->messages_refused++;
	n->stats.refused[R_VALUE]++;
	fx_log(n, LOG_REPL_REFUSED, "from node %u: cluster_time_ms %llu, expected at most %llu",
	       d->member->id.node_id, (unsigned long long)h->cluster_time_ms,
	       (unsigned long long)CLUSTER_TIME_MAX_MS);
	return false;
}

static void heartbeat_follow(struct cl_node *n, struct group *g, const Holdfast__Heartbeat *h)
{
	g->heartbeat_late_ms = clock_follow(n, h->cluster_time_ms);
	if (hf_rule_broken(HF_RULE_HEARTBEAT_AGE))
		g->heartbeat_late_ms = 0;
	if (!g->synced) {
		if (!g->join.running)
			join_start(n, g);
		return;
	}
	/*
	 * A sender's messages keep their order: all entries up to the position were delivered
	 * before.
	 */
	if (h->position > g->applied) {
		ownership_lose_state(n, g, "the log has a gap");
		return;
	}
	g->complete_ns = n->now_ns;
	/*
	 * R7: after a claim, a degrade or a healed cut the owner does not know yet that we have
	 * everything.
	 */
	if (!(h->protected_set & slot_bit(n->cfg.slot)) && !g->join.reading &&
	    !hf_rule_broken(HF_RULE_AGAIN))
		protect_announce(n, g);
}

void heartbeat_deliver(struct cl_node *n, struct group *g, const struct delivery *d,
		       const Holdfast__ClusterMessage *m)
{
	const Holdfast__Heartbeat *h = m->heartbeat;
	bool ours = d->member->id.node_id == n->cfg.node_id;

	if (!ours && !time_is_possible(n, d, h))
		return;
	if (!ours && !(d->term == g->term && d->member == owner_member(n, g)))
		ownership_learned(n, g, d->member, d->term, (uint16_t)h->protected_set, h->number);
	if (d->term != g->term || d->member != owner_member(n, g)) {
		g->refused++;
		n->stats.refused_sender++;
		return;
	}
	g->heartbeat = h->number;
	g->heartbeat_ns = n->now_ns;
	g->protected_set = (uint16_t)h->protected_set;
	if (!ours)
		heartbeat_follow(n, g, h);
	else if (is_owner(g) && g->handover.phase != HANDOVER_RELEASED)
		deadline_extend(n, g, h->emitted_ns);
	if (ours) {
		g->complete_ns = n->now_ns;
		g->heartbeat_late_ms = (int64_t)((n->now_ns - h->emitted_ns) / MS);
		n->clock_followed_ns = n->now_ns; /* our clock is that of the cluster */
		n->clock_since_ns = 0;
	}
}
