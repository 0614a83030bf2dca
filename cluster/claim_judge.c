/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of the claims that are delivered is valid (R9, R15), and what follows:
 * by delivered messages and the view only, so that all members of a view come
 * to the same end.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"

static const char *const why[CLAIM_REASONS] = {
	[CLAIM_NONE] = "",
	[CLAIM_LEFT] = "owner left",
	[CLAIM_SILENT] = "owner silent",
	[CLAIM_RELEASED] = "handover",
	[CLAIM_RECLAIMED] = "handover failed",
	[CLAIM_EMPTY] = "empty start",
};

static bool names_view(const struct cl_node *n, const Holdfast__Claim *c)
{
	return c->ring_node_id == n->view.ring.node_id && c->ring_seq == n->view.ring.seq &&
	       bytes_equal(bytes(c->members_digest.data, c->members_digest.len),
			   bytes(n->view.digest, sizeof(n->view.digest)));
}

static bool owner_gave_up(struct cl_node *n, const struct group *g, const struct member *m,
			  const Holdfast__Claim *c)
{
	const struct member *owner = owner_member(n, g);

	return !owner || owner == m || g->released_to == m->slot ||
	       (c->reason == CLAIM_SILENT && c->last_heartbeat == g->heartbeat);
}

static bool may_own(struct cl_node *n, const struct group *g, const struct member *m)
{
	return m == owner_member(n, g) || (g->protected_set & slot_bit(m->slot)) ||
	       !ownership_protected_present(n, g);
}

/* NULL when valid, else what is wrong with it. */
static const char *objection(struct cl_node *n, const struct group *g, const struct delivery *d,
			     const Holdfast__Claim *c)
{
	bool ours = d->member->id.node_id == n->cfg.node_id;

	if (c->reason == CLAIM_NONE || c->reason >= CLAIM_REASONS)
		return "unknown reason";
	if (!names_view(n, c))
		return "made in another view";
	if (!n->view.quorate)
		return "no quorum";
	if (d->term <= g->known_term)
		return "term is not new";
	if (ours && !(g->claim.sent && g->claim.term == d->term))
		return "made before this node lost its connection";
	if (c->reason == CLAIM_EMPTY &&
	    (claim_anybody_has_state(n, g) || !claim_everybody_answered(n)))
		return "a member may hold state";
	if (c->reason == CLAIM_EMPTY && g->role != CL_ROLE_JOINING)
		return "this node holds state";
	if (c->reason != CLAIM_EMPTY && !d->member->group[g->index].synced &&
	    !hf_rule_broken(HF_RULE_UNSYNCED))
		return "claimant is not synced";
	if (!owner_gave_up(n, g, d->member, c))
		return "the owner is there";
	if (!may_own(n, g, d->member))
		return "a protected member is there";
	return NULL;
}

static void refuse(struct cl_node *n, struct group *g, const struct delivery *d, const char *what)
{
	g->claims_refused++;
	n->stats.claims_refused++;
	fx_log(n, LOG_CLUSTER_CLAIM_REFUSED, "group %u term %llu slot %u: %s", g->id,
	       (unsigned long long)d->term, d->member->slot, what);
	if (d->member->id.node_id == n->cfg.node_id && g->claim.term == d->term) {
		g->claim.sent = false;
		g->claim.not_before_ns = n->now_ns + CLAIM_RETRY_MS * MS;
	}
}

/* R15: all are synced with an empty store. */
static void begin_empty(struct cl_node *n, struct group *g)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].hello) {
			n->view.members[i].group[g->index].synced = true;
			n->view.members[i].group[g->index].terms_unknown = false;
		}
	join_stop(g);
	kept_free(g);
	ss_store_clear(g->store);
	g->applied = g->last_term = 0;
	g->lineage = (struct lineage){ 0 };
	g->synced = g->has_synced = true;
	role_event(n, g, ROLE_COMPLETE, why[CLAIM_EMPTY]);
}

static void count_claim(struct group *g, const struct role_change *c, enum claim_reason reason)
{
	g->takeovers += reason == CLAIM_LEFT || reason == CLAIM_SILENT;
	g->suspect_takeovers += c->suspect;
	g->handovers += reason == CLAIM_RELEASED;
}

/*
 * The others may never see a claim that is delivered here, and the next owner would begin where
 * this one begins. So nothing is done under the term before the others have it: each member that
 * has it answers, and of those that cannot the token tells (settle.h).
 */
static void settle_later(struct cl_node *n, struct group *g)
{
	g->claim.settling = true;
	g->claim.followers = g->claim.synced = 0;
	settle_begin(n, &g->claim.settle);
}

void claim_own_delivered(struct cl_node *n, struct group *g, uint64_t sequence)
{
	if (!g->claim.settling || !settle_turned(&g->claim.settle, sequence))
		return;
	/* A process that was stopped itself first hears what has happened since. */
	if (n->now_ns - g->claim.settle.probe_ns > n->cfg.deadline_ms * MS / 2)
		settle_later(n, g);
	else if (settle_done(n, &g->claim.settle))
		claim_settle(n, g);
}

void claim_settle(struct cl_node *n, struct group *g)
{
	if (!g->claim.settling)
		return;
	claim_unsettle(g);
	g->claim.doubtful = false;
	count_claim(g, &g->claim.won, g->claim.reason);
	role_change(n, g, &g->claim.won);
	protect_begin(n, g);
	membership_say_hello(n); /* R23: whoever joins takes the lineage from it */
	heartbeat_begin(n, g, g->claim.emitted_ns);
	protect_settled(n, g);
	join_settled(n, g);
	handover_settled(n, g);
}

/*
 * The others that have quorum somewhere have a member in common with these, and
 * it knows of the term; of a pair, that is each. Where a quorum device has votes,
 * or a node several, a quorum may have few members.
 */
static size_t followers_needed(const struct cl_node *n)
{
	size_t all = n->view.n, most = n->cfg.expected_votes / 2 + 1;

	return n->cfg.votes != n->cfg.expected_votes || most > all ? all : most;
}

void claim_followed(struct cl_node *n, struct group *g, const struct member *m)
{
	size_t followers = 1;

	if (!g->claim.settling)
		return;
	g->claim.followers |= slot_bit(m->slot);
	for (uint16_t left = g->claim.followers; left; left &= (uint16_t)(left - 1))
		followers++;
	if (followers >= followers_needed(n))
		claim_settle(n, g);
}

static void remember(struct cl_node *n, struct group *g, uint64_t claimed)
{
	g->claim.before = (struct claim_before){
		.claimed = claimed,
		.ring = n->view.ring,
		.term = g->term,
		.owner = g->owner,
		.owner_id = g->owner_id,
		.protected_set = g->protected_set,
		.released_to = g->released_to,
		.heartbeat = g->heartbeat,
		.heartbeat_ns = g->heartbeat_ns,
		.heartbeat_late_ms = g->heartbeat_late_ms,
		.owner_left_ns = g->owner_left_ns,
		.complete_ns = g->complete_ns,
		.unfenced = g->unfenced,
		.unsure = g->unsure,
		.heartbeat_stale_at_left = g->heartbeat_stale_at_left,
	};
}

/* Back to what was followed before the claim; nothing was done under its term. */
static void go_back(struct group *g)
{
	const struct claim_before *b = &g->claim.before;

	lineage_undo(&g->lineage, g->term);
	g->term = b->term;
	g->owner = b->owner;
	g->owner_id = b->owner_id;
	g->protected_set = b->protected_set;
	g->released_to = b->released_to;
	g->heartbeat = b->heartbeat;
	g->heartbeat_ns = b->heartbeat_ns;
	g->heartbeat_late_ms = b->heartbeat_late_ms;
	g->owner_left_ns = b->owner_left_ns;
	g->complete_ns = b->complete_ns;
	g->unfenced = b->unfenced;
	g->unsure = b->unsure;
	g->heartbeat_stale_at_left = b->heartbeat_stale_at_left;
}

static void claim_give_up(struct group *g)
{
	claim_unsettle(g);
	g->claim.doubtful = true;
	go_back(g);
}

/*
 * Who gives up does so when the ring changes, and says it there. Its term would
 * stay the highest of all with us, without an owner, and win over the one that
 * others may have claimed meanwhile.
 */
bool claim_taken_back(struct cl_node *n, struct group *g, const struct member *m,
		      const Holdfast__GroupStatus *s)
{
	const struct claim_before *b = &g->claim.before;

	if (m != owner_member(n, g) || m->id.node_id == n->cfg.node_id || s->is_owner ||
	    !s->synced || !g->synced || b->claimed != g->term || s->term != b->term ||
	    s->owner_slot != b->owner ||
	    (b->ring.node_id == n->view.ring.node_id && b->ring.seq == n->view.ring.seq))
		return false;
	go_back(g);
	/* Ourselves, perhaps: that ownership has ended. */
	if (g->owner_id.node_id == n->cfg.node_id)
		g->owner_id = (struct cl_member){ 0 };
	membership_say_hello(n);
	return true;
}

/*
 * Who stays has what we had. Nodes that went with their ring may be cut off
 * without our claim, and claim the same term where they are: with quorum we
 * claim another, without it we are as the others were. In an empty start they
 * have nothing to claim with.
 */
void claim_view_changed(struct cl_node *n, struct group *g)
{
	if (!g->claim.settling)
		return;
	if (g->claim.reason == CLAIM_EMPTY || !n->view.nodes_lost)
		claim_settle(n, g);
	else
		claim_give_up(g);
}

static void become_owner(struct cl_node *n, struct group *g, const struct delivery *d,
			 enum claim_reason reason)
{
	struct role_change c = {
		.event = ROLE_CLAIMED,
		.why = g->handover.merge ? "two owners merged" : why[reason],
		.suspect = claim_is_suspect(n, g, reason),
		/*
		 * Behind RELEASE the log ends with exact counters, for whom it was released to:
		 * anybody else cannot know whether that one has claimed and sealed before it went.
		 * Who released it to nobody but itself (R23) knows, unless it had to claim twice.
		 */
		.handover = reason == CLAIM_RELEASED || (g->handover.merge && !g->claim.doubtful),
		.silence_ms = (n->now_ns - g->heartbeat_ns) / MS,
	};

	if (c.suspect)
		g->suspect_term = d->term;
	if (is_owner(g))
		protect_end(n, g);
	if (hf_rule_broken(HF_RULE_UNSYNCED) && !g->synced)
		begin_empty(n, g);
	g->claim.sent = false;
	g->claim.reason = reason;
	remember(n, g, d->term);
	lineage_begin(&g->lineage, d->term, d->member->slot, g->applied);
	ownership_begin(n, g, d->member, d->term);
	g->claim.won = c;
	settle_later(n, g);
	if (n->view.n == 1)
		claim_settle(n, g);
}

/*
 * A member that came from elsewhere and was not heard in time may hold more than the
 * claimant, or other entries. (One that an owner sent when the claim was under way is
 * missing here too: then the state is sent again for nothing.)
 */
static bool goes_on_from_ours(const struct group *g, const Holdfast__Claim *c)
{
	return c->applied == g->applied &&
	       (!c->last_term || !g->last_term ||
		(c->last_term == g->last_term && c->last_owner_slot == g->last_owner));
}

/* R23: who takes a claimant's state takes its log, as far as it has told of that. */
static void take_lineage(struct group *g, const struct delivery *d, const Holdfast__Claim *c)
{
	g->lineage = d->member->group[g->index].lineage;
	lineage_begin(&g->lineage, d->term, d->member->slot, c->applied);
}

static void follow_owner(struct cl_node *n, struct group *g, const struct delivery *d,
			 const Holdfast__Claim *c)
{
	const enum claim_reason reason = (enum claim_reason)c->reason;
	bool was_owner = is_owner(g), released = g->released_to != 0;

	if (g->synced && reason != CLAIM_EMPTY && !goes_on_from_ours(g, c)) {
		ownership_follow_anew(n, g, d->member, d->term, "another state goes on");
		take_lineage(g, d, c);
		return;
	}

	if (was_owner) {
		heartbeat_end(n, g);
		protect_end(n, g);
		merge_forget(g);
	}
	remember(n, g, d->term);
	ownership_begin(n, g, d->member, d->term);
	if (!g->synced) {
		take_lineage(g, d, c);
		join_stop(g);
		join_start(n, g);
		return;
	}
	lineage_begin(&g->lineage, d->term, d->member->slot, g->applied);
	role_event(n, g, ROLE_SUPERSEDED, was_owner && !released ? "newer term seen" : why[reason]);
	/*
	 * Stopped and woken (R12): the engine may hold what never became a record. The log is
	 * the truth.
	 */
	if (was_owner && !released)
		log_replay_store(n, g);
	protect_announce(n, g);
}

void claim_deliver(struct cl_node *n, struct group *g, const struct delivery *d,
		   const Holdfast__ClusterMessage *m)
{
	const Holdfast__Claim *c = m->claim;
	const char *what = objection(n, g, d, c);

	if (what) {
		refuse(n, g, d, what);
		return;
	}
	enum claim_reason reason = (enum claim_reason)c->reason;
	if (reason == CLAIM_SILENT)
		failure_note(n, g->owner, "HELLO not heard");
	if (reason == CLAIM_EMPTY)
		begin_empty(n, g);
	d->member->group[g->index].synced = true;
	if (c->suspect)
		claim_suspect_heard(g, d->term);
	if (d->member->id.node_id == n->cfg.node_id) {
		become_owner(n, g, d, reason);
	} else {
		follow_owner(n, g, d, c);
		handover_settled(n, g);
	}
}
