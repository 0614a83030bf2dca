/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Claims (R9, R10, R11, R15): when this node asks to own a group, and with
 * which term. Asking may use this node's clock; claim_judge.c, which says what
 * is valid of what is delivered, may not.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"

/* ---- when to ask ---- */

/* With Pacemaker nobody claims by itself: promote is a command. */
static bool automatic(const struct cl_node *n, const struct group *g)
{
	return n->cfg.manager == CL_MANAGER_INTERNAL || g->command == COMMAND_ACTIVE;
}

/* R9: a protected member, or any synced one when no protected one is in the view. */
static bool is_candidate(struct cl_node *n, const struct group *g, const struct member *m)
{
	if (!m || m == owner_member(n, g))
		return false;
	if (hf_rule_broken(HF_RULE_UNSYNCED))
		return true;
	if (!m->group[g->index].synced)
		return false;
	return (g->protected_set & slot_bit(m->slot)) || !ownership_protected_present(n, g);
}

/*
 * A drained member is the last choice, and still one: no tunnel is lost because of it. So is, of
 * the others, one whose monitored interfaces have failed: it would hand over at once.
 */
static bool goes_before(struct cl_node *n, const struct group *g, uint8_t slot, uint8_t preferred)
{
	const struct member *m = member_by_slot(n, slot);
	const struct member *self = member_by_slot(n, n->cfg.slot);

	if (!m || slot == n->cfg.slot)
		return false;
	int order = drain_compare(m->drained, n->drained);
	if (!order && self)
		order = health_compare(n, g, m, self);
	if (order)
		return order < 0;
	return slot == preferred || (n->cfg.slot != preferred && slot < n->cfg.slot);
}

static uint64_t candidate_rank(struct cl_node *n, const struct group *g)
{
	uint64_t rank = 0;

	for (size_t i = 0; i < n->view.n; i++) {
		const struct member *m = &n->view.members[i];
		rank += m->slot && is_candidate(n, g, m) && goes_before(n, g, m->slot, 0);
	}
	return rank;
}

static bool is_candidate_self(struct cl_node *n, const struct group *g)
{
	return is_candidate(n, g, member_by_slot(n, n->cfg.slot));
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static bool lacks_state(const struct group *g)
{
	return !g->synced && !hf_rule_broken(HF_RULE_UNSYNCED);
}

static uint64_t due_left(struct cl_node *n, const struct group *g)
{
	if (lacks_state(g) || is_owner(g) || owner_member(n, g) || !automatic(n, g) ||
	    !is_candidate_self(n, g) || g->unfenced)
		return NEVER;
	return later(g->owner_left_ns, member_hello_heard_ns(n)) +
	       candidate_rank(n, g) * CLAIM_RANK_MS * MS;
}

/* R12 */
static uint64_t due_silent(struct cl_node *n, const struct group *g)
{
	if (lacks_state(g) || is_owner(g) || !owner_member(n, g) || !automatic(n, g) ||
	    !is_candidate_self(n, g))
		return NEVER;
	uint64_t silent_ns = hf_rule_broken(HF_RULE_SILENCE) ? g->heartbeat_ns + 300 * MS
							     : heartbeat_silent_ns(n, g);
	return later(silent_ns, member_hello_heard_ns(n)) +
	       candidate_rank(n, g) * CLAIM_RANK_MS * MS;
}

/* R19 */
static uint64_t due_released(struct cl_node *n, const struct group *g)
{
	return g->synced && !is_owner(g) && g->released_to == n->cfg.slot ? n->now_ns : NEVER;
}

static uint64_t due_reclaimed(struct cl_node *n, const struct group *g)
{
	return is_owner(g) && g->handover.reclaim ? n->now_ns : NEVER;
}

/* Kept state counts: R15 asks for none at all. */
bool claim_anybody_has_state(const struct cl_node *n, const struct group *g)
{
	if (hf_rule_broken(HF_RULE_EMPTY))
		return false;
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].group[g->index].synced ||
		    n->view.members[i].group[g->index].has_state)
			return true;
	return false;
}

/*
 * A member that we cannot understand may hold state as well: it counts as one that holds some. So
 * does one that has not spoken in this view: it may have completed its state unheard.
 */
bool claim_everybody_answered(const struct cl_node *n)
{
	return hf_rule_broken(HF_RULE_EMPTY) || member_all_heard(n);
}

/* Its term, who stays in the view has told for good. */
static bool everybody_heard(const struct cl_node *n)
{
	if (hf_rule_broken(HF_RULE_EMPTY))
		return true;
	for (size_t i = 0; i < n->view.n; i++)
		if (!n->view.members[i].hello)
			return false;
	return true;
}

static uint64_t empty_rank(struct cl_node *n, const struct group *g)
{
	uint64_t rank = 0;

	for (uint8_t slot = 1; slot < SS_SLOTS; slot++)
		rank += goes_before(n, g, slot, g->preferred_slot);
	return rank;
}

static bool nobody_holds(const struct cl_node *n, const struct group *g)
{
	return !g->synced && !claim_anybody_has_state(n, g) && !owner_member(n, g) &&
	       claim_everybody_answered(n);
}

/*
 * R15. Without state anywhere it is safe to begin empty only when every
 * configured member is here and says so, or is off for sure: a daemon that
 * restarts on the small side of a cut would otherwise begin a younger term,
 * empty, and win the heal. Else the operator's policy decides, or the operator.
 */
static uint64_t due_empty(struct cl_node *n, const struct group *g)
{
	if (!nobody_holds(n, g))
		return NEVER;
	if (g->command == COMMAND_ACTIVE)
		return n->now_ns;
	if (!automatic(n, g))
		return NEVER;
	uint64_t from = n->view.since_ns;
	if (!fence_nobody_missing(n)) {
		if (n->cfg.empty_start != CL_EMPTY_AFTER)
			return NEVER;
		from += n->cfg.empty_start_after_ms * MS;
	}
	return from + empty_rank(n, g) * EMPTY_RANK_MS * MS;
}

bool claim_may_begin_empty(const struct cl_node *n, const struct group *g)
{
	return view_quorate(n) && nobody_holds(n, g) && fence_nobody_missing(n);
}

uint32_t claim_awaits_fencing_of(const struct cl_node *n, const struct group *g)
{
	if (g->unfenced)
		return g->unfenced;
	return view_quorate(n) && nobody_holds(n, g) ? fence_missing(n) : 0;
}

static uint64_t (*const due[CLAIM_REASONS])(struct cl_node *n, const struct group *g) = {
	/* clang-format off */
	[CLAIM_LEFT] = due_left,
	[CLAIM_SILENT] = due_silent,
	[CLAIM_RELEASED] = due_released,
	[CLAIM_RECLAIMED] = due_reclaimed,
	[CLAIM_EMPTY] = due_empty,
	/* clang-format on */
};

static enum claim_reason earliest(struct cl_node *n, const struct group *g, uint64_t *at)
{
	enum claim_reason reason = CLAIM_NONE;

	*at = NEVER;
	for (unsigned int r = CLAIM_LEFT; r < CLAIM_REASONS; r++) {
		uint64_t t = due[r](n, g);
		if (t < *at) {
			*at = t;
			reason = (enum claim_reason)r;
		}
	}
	if (*at != NEVER && *at < g->claim.not_before_ns)
		*at = g->claim.not_before_ns;
	return reason;
}

/* ---- asking ---- */

/*
 * R11: without its file this node may have owned terms, cut off from everybody
 * here, under which it sealed with the SAs that it has inherited. An IV names
 * slot and term, so such a term must not come again.
 */
static bool own_terms_unknown(const struct cl_node *n, const struct group *g)
{
	return n->cfg.terms_unknown[g->index] && g->synced;
}

/*
 * An owner that takes its RELEASE back skips a term: should a cut have come
 * between, the node it was released to claims the next one on the other side,
 * and a term has one owner (law 4). Who gave up a claim in doubt leaves room for
 * the same reason. Without all members, so do an empty start and a suspect
 * takeover: one that is missing may have owned terms that nobody here heard of.
 * So may one that lost its term file, unless nobody knows of any term: then it is
 * the first start of all.
 */
static uint64_t highest_term(const struct group *g)
{
	return g->disk_term > g->known_term ? g->disk_term : g->known_term;
}

static bool all_terms_heard(const struct cl_node *n, const struct group *g)
{
	bool own = g->has_synced || !n->cfg.terms_unknown[g->index];

	return n->view.n == n->cfg.expected_votes && everybody_heard(n) &&
	       ((!g->known_term && !g->spent_term) || (own && member_terms_known(n, g)));
}

/* R10: records may be missing here. */
static bool records_may_be_missing(const struct cl_node *n, const struct group *g)
{
	return !(g->protected_set & slot_bit(n->cfg.slot)) || !member_all_hello(n) || g->unsure;
}

bool claim_is_suspect(const struct cl_node *n, const struct group *g, enum claim_reason reason)
{
	if (reason != CLAIM_LEFT && reason != CLAIM_SILENT)
		return false;
	return records_may_be_missing(n, g) || (reason == CLAIM_LEFT && g->heartbeat_stale_at_left);
}

void claim_suspect_heard(struct group *g, uint64_t term)
{
	if (term > g->suspect_term && !hf_rule_broken(HF_RULE_SUSPECT_TERM))
		g->suspect_term = term;
}

static bool terms_may_be_unheard(const struct cl_node *n, const struct group *g)
{
	if (is_owner(g) || all_terms_heard(n, g))
		return false;
	return !g->synced || g->heartbeat_stale_at_left || records_may_be_missing(n, g);
}

/*
 * Not of this claim, but of the one that began the log that it goes on from: what follows that one
 * must not come to a term of those either, before all have told theirs.
 */
static bool follows_unheard_terms(const struct cl_node *n, const struct group *g)
{
	return g->suspect_term && !all_terms_heard(n, g);
}

static bool term_names_slot(const struct cl_node *n, const struct group *g)
{
	return terms_may_be_unheard(n, g) || follows_unheard_terms(n, g);
}

static uint64_t term_step(const struct cl_node *n, const struct group *g)
{
	const bool unheard = terms_may_be_unheard(n, g);

	/* Who owns the unheard ones may have left the same gap before them. */
	if (own_terms_unknown(n, g) && !is_owner(g))
		return LOST_TERM_ROOM + (unheard ? EMPTY_TERM_ROOM : 0);
	if (unheard)
		return EMPTY_TERM_ROOM;
	if (g->claim.doubtful)
		return DOUBT_TERM_ROOM;
	return is_owner(g) ? 2 : 1;
}

/*
 * Where others may own terms that nobody here heard of, two nodes that do not
 * know of each other must not come to the same one (law 4): each takes terms
 * that its slot names, behind whatever gap.
 */
static uint64_t next_term(const struct cl_node *n, const struct group *g)
{
	uint64_t term = highest_term(g) + term_step(n, g);

	if (term_names_slot(n, g))
		term += (n->cfg.slot + SS_SLOTS - term % SS_SLOTS) % SS_SLOTS;
	return term;
}

/*
 * One that was written for an empty start has no gap before it: it is not for inherited state. And
 * one that was written before there was a doubt is none of those that the slot names.
 */
bool claim_is_reserved(const struct cl_node *n, const struct group *g)
{
	const uint64_t term = g->claim.reserved;

	if (term <= g->known_term || own_terms_unknown(n, g) ||
	    (term_names_slot(n, g) && term % SS_SLOTS != n->cfg.slot))
		return false;
	return !terms_may_be_unheard(n, g) || term >= g->known_term + EMPTY_TERM_ROOM;
}

/* R11: above all that were ever announced or claimed, and on disk before anybody hears of it. */
void claim_reserve(struct cl_node *n, struct group *g)
{
	g->claim.reserve_next = g->claim.writing_heard;
	if (g->claim.writing || claim_is_reserved(n, g))
		return;
	if (next_term(n, g) > CL_TERM_MAX) {
		n->stats.claims_refused++;
		fx_log(n, LOG_CLUSTER_CLAIM_REFUSED, "group %u: no term is left behind %llu", g->id,
		       (unsigned long long)highest_term(g));
		g->claim.not_before_ns = n->now_ns + TERM_RETRY_MS * MS;
		return;
	}
	g->claim.reserved = 0;
	g->claim.disk_before = g->disk_term;
	g->claim.unknown_before = n->cfg.terms_unknown[g->index];
	g->disk_term = next_term(n, g);
	if (g->synced)
		n->cfg.terms_unknown[g->index] = false; /* disk_term lies behind the gap */
	term_write(n, g);
}

void claim_term_written(struct cl_node *n, struct group *g, uint64_t term, bool ok)
{
	g->claim.unwritten = !ok;
	if (ok) {
		g->claim.reserved = term;
		return;
	}
	/*
	 * Nobody heard of it, so it is tried again: a disk that is full for a day must not use
	 * up the steps of a term that an IV has.
	 */
	g->disk_term = g->claim.disk_before;
	n->cfg.terms_unknown[g->index] = g->claim.unknown_before;
	failure_note(n, n->cfg.slot, "Term Not Written");
	g->claim.not_before_ns = n->now_ns + TERM_RETRY_MS * MS;
}

static void claim_send(struct cl_node *n, struct group *g, enum claim_reason reason)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Claim c = HOLDFAST__CLAIM__INIT;

	g->claim.term = g->spent_term = g->claim.reserved;
	g->claim.reserved = 0;
	g->claim.sent = true;
	g->claim.reason = reason;
	g->claim.emitted_ns = n->now_ns;
	n->stats.claims_sent++;
	c.ring_node_id = n->view.ring.node_id;
	c.ring_seq = n->view.ring.seq;
	c.members_digest = (ProtobufCBinaryData){ .data = n->view.digest,
						  .len = sizeof(n->view.digest) };
	c.applied = g->applied;
	c.last_term = g->last_term;
	c.last_owner_slot = g->last_owner;
	c.last_heartbeat = g->heartbeat;
	c.suspect = claim_is_suspect(n, g, reason);
	c.reason = reason;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CLAIM;
	m.claim = &c;
	message_send(n, g->id, g->claim.term, &m);
}

void claim_consider(struct cl_node *n, struct group *g)
{
	uint64_t at;

	g->at[T_CLAIM] = NEVER;
	if (g->role == CL_ROLE_OFFLINE || g->claim.sent || g->claim.writing || g->claim.settling ||
	    !view_quorate(n))
		return;
	enum claim_reason reason = earliest(n, g, &at);
	if (at > n->now_ns)
		g->at[T_CLAIM] = at;
	else if (claim_is_reserved(n, g))
		claim_send(n, g, reason);
	else
		claim_reserve(n, g);
}

/* A term on disk stays reserved; a claim that was sent is no longer ours to win. */
void claim_forget(struct group *g)
{
	g->claim.sent = false;
	claim_unsettle(g);
}

void claim_unsettle(struct group *g)
{
	g->claim.settling = false;
}
