/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a joiner held before it became one (R22). A gap in the log or a newer
 * term makes a state incomplete, not worthless: should all who hold more be
 * gone before the snapshot is here, it is the best that is left of the tunnels.
 * So it is kept beside the empty store, named by its lineage and position, and
 * announced in HELLO: nobody begins empty while there is one (R15). When the
 * view has quorum and no owner, and nobody in it is synced or has kept more, the
 * member is a standby again, with a claim like any that may miss records: suspect
 * (R10), in a term that its slot names while members are missing (R11).
 *
 * An owner that is only silent (R12) keeps its joiners waiting: it may come back,
 * and with more.
 */
#include "base/broken_rule.h"
#include "base/must.h"
#include "cluster/cluster_private.h"

void kept_free(struct group *g)
{
	ss_store_free(g->kept.store);
	g->kept = (struct kept_state){ 0 };
}

/* Under a claim that has not settled nothing was logged: what came before names the state. */
static struct state_place place(const struct group *g)
{
	const struct claim_before *b = &g->claim.before;

	if (g->claim.settling)
		return (struct state_place){ b->term, b->owner, g->applied };
	return (struct state_place){ g->term, g->owner, g->applied };
}

void kept_take(struct cl_node *n, struct group *g)
{
	if (hf_rule_broken(HF_RULE_KEPT))
		return;
	kept_free(g);
	g->kept = (struct kept_state){ .store = g->store,
				       .place = place(g),
				       .lineage = g->lineage,
				       .last_term = g->last_term,
				       .last_owner = g->last_owner,
				       .heartbeat = g->heartbeat,
				       .complete_ns = g->complete_ns,
				       .clock_offset_ms = n->clock_offset_ms };
	if (g->claim.settling)
		lineage_undo(&g->kept.lineage, g->term);
	g->store = ss_store_new(n->cfg.hash_seed);
	must(g->store);
}

int kept_compare(const struct state_place *a, const struct state_place *b)
{
	int order = ownership_compare(a->term, a->owner, b->term, b->owner);

	return order ? order : (a->applied > b->applied) - (a->applied < b->applied);
}

static bool others_hold_more(const struct cl_node *n, const struct group *g)
{
	for (size_t i = 0; i < n->view.n; i++) {
		const struct member *m = &n->view.members[i];
		const struct member_group *mg = &m->group[g->index];
		if (m->id.node_id != n->cfg.node_id &&
		    (mg->synced || kept_compare(&mg->kept, &g->kept.place) > 0))
			return true;
	}
	return false;
}

/* R14: elsewhere the other one may own terms that our slot names as well (R11). */
static bool twin_may_own(const struct cl_node *n, const struct group *g)
{
	return g->kept.slot_lost && (n->view.n < n->cfg.expected_votes || !member_all_heard(n));
}

static uint64_t due(const struct cl_node *n, const struct group *g)
{
	if (!g->kept.store || g->role != CL_ROLE_JOINING || !view_quorate(n) ||
	    others_hold_more(n, g) || twin_may_own(n, g))
		return NEVER;
	return member_all_heard(n) ? 0 : n->view.since_ns + HELLO_GRACE_MS * MS;
}

static bool follows_an_owner(const struct cl_node *n)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (is_owner(&n->groups[i]) || owner_member(n, &n->groups[i]))
			return true;
	return false;
}

static void use(struct cl_node *n, struct group *g)
{
	const struct kept_state k = g->kept;

	g->kept = (struct kept_state){ 0 };
	join_stop(g);
	ss_store_free(g->store);
	g->store = k.store;
	g->term = k.place.term;
	g->owner = k.place.owner;
	g->lineage = k.lineage;
	g->owner_id = (struct cl_member){ 0 };
	g->last_term = k.last_term;
	g->last_owner = k.last_owner;
	g->applied = g->applied_at_view = k.place.applied;
	g->protected_set = 0;
	g->released_to = 0;
	g->heartbeat = k.heartbeat;
	g->heartbeat_ns = g->complete_ns = k.complete_ns;
	g->heartbeat_stale_at_left = true;
	g->owner_left_ns = n->now_ns;
	g->claim.reserved = 0; /* R11: others may have owned it */
	g->synced = true;
	/* An owner that began apart, and is gone again, may have had another time, in which all
	 * that was kept would have run out. */
	if (!follows_an_owner(n))
		heartbeat_restore_clock(n, k.clock_offset_ms);
	fx_log(n, LOG_REPL_KEPT, "group %u term %llu position %llu", g->id,
	       (unsigned long long)g->term, (unsigned long long)g->applied);
	log_replay_store(n, g);
	role_event(n, g, ROLE_COMPLETE, "nobody holds more");
	membership_say_hello(n);
}

void kept_consider(struct cl_node *n, struct group *g)
{
	uint64_t at = due(n, g);

	g->at[T_KEPT] = NEVER;
	if (at <= n->now_ns)
		use(n, g);
	else
		g->at[T_KEPT] = at;
}
