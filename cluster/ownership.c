/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose log a group follows. A new owner normally comes by a claim that every
 * member delivers (claim.c); here is the rest: what a joiner learns from
 * HELLO, and what happens when halves of a cut cluster meet again (R23).
 */
#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"

int ownership_compare(uint64_t term_a, uint8_t slot_a, uint64_t term_b, uint8_t slot_b)
{
	if (term_a != term_b)
		return term_a < term_b ? -1 : 1;
	return slot_a < slot_b ? -1 : slot_a > slot_b;
}

const struct member *owner_member(const struct cl_node *n, const struct group *g)
{
	return g->owner ? member_known(n, &g->owner_id) : NULL;
}

/* R9: a protected member counts while it is in the view with the state that made it protected. */
bool ownership_protected_present(struct cl_node *n, const struct group *g)
{
	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		const struct member *m = member_by_slot(n, slot);
		if ((g->protected_set & slot_bit(slot)) && m && m->group[g->index].synced)
			return true;
	}
	return false;
}

void ownership_begin(struct cl_node *n, struct group *g, const struct member *m, uint64_t term)
{
	if (g->owner && g->owner != m->slot)
		preempt_owner_changed(n, g);
	g->term = term;
	if (term > g->known_term)
		g->known_term = term;
	g->owner = m->slot;
	g->owner_id = m->id;
	g->protected_set = 0;
	g->released_to = 0;
	g->heartbeat = 0;
	g->heartbeat_ns = n->now_ns;
	g->heartbeat_late_ms = 0;
	g->owner_left_ns = 0;
	g->unfenced = 0;
	/* What votequorum has said of a later ring stays: this view has ended (R10). */
	g->unsure = g->unsure && !membership_is_current(n);
	g->heartbeat_stale_at_left = false;
	g->announced_ns = 0;
	if (g->synced)
		g->complete_ns = n->now_ns;
	claim_unsettle(g);
	join_new_owner(g);
	admission_owner_begins(n, g, m);
}

void ownership_drop_state(struct cl_node *n, struct group *g)
{
	if (is_owner(g)) {
		heartbeat_end(n, g);
		protect_end(n, g);
	}
	if (g->synced)
		kept_take(n, g);
	if (is_owner(g) || g->claim.settling)
		g->owner = 0;
	join_stop(g);
	merge_forget(g);
	claim_forget(g);
	g->synced = g->unsure = false;
	g->applied = 0;
	ss_store_clear(g->store);
}

/* The state is gone already; say so. */
static void state_lost(struct cl_node *n, struct group *g, const char *why)
{
	role_event(n, g, ROLE_LOST_STATE, why);
	fx_push(n, CL_FX_RESET, g);
	fx_log(n, LOG_REPL_RESYNC, "group %u: %s", g->id, why);
	failure_note(n, n->cfg.slot, "State Lost");
	n->stats.resyncs++;
	handover_settled(n, g);
	membership_say_hello(n);
}

void ownership_lose_state(struct cl_node *n, struct group *g, const char *why)
{
	ownership_drop_state(n, g);
	state_lost(n, g, why);
	join_start(n, g);
}

void ownership_follow_anew(struct cl_node *n, struct group *g, const struct member *m,
			   uint64_t term, const char *why)
{
	ownership_drop_state(n, g);
	ownership_begin(n, g, m, term);
	state_lost(n, g, why);
	join_start(n, g);
}

static bool owner_alive(struct cl_node *n, const struct group *g)
{
	return owner_member(n, g) && n->now_ns < heartbeat_silent_ns(n, g);
}

void ownership_learned(struct cl_node *n, struct group *g, const struct member *m, uint64_t term,
		       uint16_t protected_set, uint64_t heartbeat)
{
	int order = ownership_compare(term, m->slot, g->term, g->owner);

	/*
	 * A joiner has nothing to defend: it follows whoever owns here, once the one it knew of
	 * is gone.
	 */
	if (order < 0 && (g->synced || owner_alive(n, g)))
		return;
	if (hf_rule_broken(HF_RULE_HEAL) && is_owner(g))
		return;
	if (order != 0) {
		bool had_state = g->synced;
		if (had_state) {
			part_begin(n, g);
			ownership_drop_state(n, g);
		}
		ownership_begin(n, g, m, term);
		g->lineage = m->group[g->index].lineage;
		/*
		 * R23: the lower owner, and who followed it, stop at once and take the state of
		 * the higher, and its time: lifetimes count in it.
		 */
		heartbeat_follow_anew(n);
		if (had_state)
			state_lost(n, g, "newer term seen");
	}
	g->owner_id = m->id;
	g->owner_left_ns = 0;
	g->protected_set = protected_set;
	if (heartbeat > g->heartbeat)
		g->heartbeat = heartbeat;
	/* It lives (R12). When it said so is not known: the last heartbeat is as old as it was. */
	g->heartbeat_late_ms += (int64_t)((n->now_ns - g->heartbeat_ns) / MS);
	g->heartbeat_ns = n->now_ns;
	if (!g->synced && !g->join.running)
		join_start(n, g);
}

void ownership_lineage(struct cl_node *n, struct group *g, uint64_t term, uint8_t owner)
{
	if (!g->synced || ownership_compare(term, owner, g->term, g->owner) <= 0)
		return;
	/* Our own claim, which we gave up: they go back as well when they hear it. */
	if (g->claim.doubtful && owner == n->cfg.slot && term == g->claim.term)
		return;
	if (hf_rule_broken(HF_RULE_HEAL) && is_owner(g))
		return;
	part_begin(n, g);
	ownership_drop_state(n, g);
	g->lineage = (struct lineage){ 0 };
	g->term = term;
	g->owner = owner;
	g->owner_id = (struct cl_member){ 0 };
	g->protected_set = 0;
	state_lost(n, g, "newer state seen");
}

/*
 * R12. From three votes on the others have quorum as soon as we have none, and claim at once: they
 * are not to overlap with us for the rest of our deadline. Of a pair nobody else owns then.
 */
void ownership_without_quorum(struct cl_node *n)
{
	if (hf_rule_broken(HF_RULE_MINORITY))
		return;
	for (size_t i = 0; i < n->n_groups; i++) {
		struct group *g = &n->groups[i];
		g->unsure = g->synced;
		g->claim.reserved = 0;
		if (n->cfg.votes >= VOTES_OF_MAJORITY)
			heartbeat_deadline_now(n, g);
	}
}

/*
 * R11: who owned it since has claimed a higher term, has it on disk and announces it, or says that
 * its terms are unknown. The owner that went on is here itself, and says how far it is.
 */
static bool nothing_happened_since(struct cl_node *n, const struct group *g)
{
	if (n->view.n < n->cfg.expected_votes || g->known_term > g->term || !owner_member(n, g) ||
	    !member_terms_known(n, g))
		return false;
	for (size_t i = 0; i < n->view.n; i++)
		if (!n->view.members[i].hello)
			return false;
	return true;
}

static void go_on(struct cl_node *n, struct group *g)
{
	g->unsure = false;
	heartbeat_resume(n, g);
	if (is_owner(g))
		join_settled(n, g);
}

/*
 * An owner that was without quorum does not go on because nobody here objects: who owned the
 * group meanwhile may be gone, or asleep, and has used numbers and message ids from the same
 * leases and records on. What is held is then as good as kept state (kept.c), to be claimed anew,
 * as suspect.
 */
void ownership_consider(struct cl_node *n, struct group *g)
{
	uint64_t at = member_hello_heard_ns(n);

	g->at[T_UNSURE] = NEVER;
	if (!g->unsure || !membership_is_current(n))
		return;
	if (at > n->now_ns)
		g->at[T_UNSURE] = at;
	else if (nothing_happened_since(n, g))
		go_on(n, g);
	else if (is_owner(g))
		ownership_lose_state(n, g, "quorum was lost");
}

void ownership_view_changed(struct cl_node *n, struct group *g)
{
	g->applied_at_view = g->applied;
	claim_view_changed(n, g);
	if (g->unsure)
		g->claim.reserved = 0; /* R11: others may have owned it */
	if (g->role == CL_ROLE_OFFLINE)
		role_event(n, g, ROLE_JOINED, "member of the cluster");
	if (is_owner(g)) {
		/* As good as a view without quorum. */
		g->unsure = g->unsure || heartbeat_left_out(n, g);
		if (n->view.nodes_lost)
			g->lost_heard_ns = heartbeat_emitted_ns(g);
		for (uint8_t slot = 1; slot < SS_SLOTS; slot++)
			if (!member_by_slot(n, slot))
				join_serve_stop(g, slot);
		protect_members_changed(n, g);
		return;
	}
	if (owner_member(n, g)) {
		g->owner_left_ns = 0;
		return;
	}
	if (!g->owner_left_ns) {
		g->owner_left_ns = n->now_ns;
		/*
		 * R10 says 500 ms. A host loss alone takes token + consensus, so that
		 * every takeover after one would be suspect, although the owner
		 * cannot have released unprotected output before the commit timeout
		 * (R6), which is longer. That is the threshold here.
		 */
		fence_owner_left(n, g);
		g->heartbeat_stale_at_left = heartbeat_is_stale(n, g);
		join_stop(
			g); /* R22: the serving owner is gone; a new marker goes to its successor */
	}
}
