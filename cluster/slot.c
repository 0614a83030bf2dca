/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R14: a slot has one process. Of several that say it, the one that holds most of the log goes
 * first, then the lower node id. That is judged by their HELLOs of the view as they are delivered, so
 * all members come to the same end at the same message, the processes themselves too: the other one
 * yields. It is silent until the next view, with what it held as a kept state (R22), or for good
 * when it holds nothing: then it is its configuration that is wrong.
 *
 * Until a process has spoken in a view, another one in its slot is heard only with state that is
 * not merely kept: it could claim, and all have to know of its terms.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"

static struct slot_bid bid_of(const struct cl_node *n, uint8_t slot, const Holdfast__Hello *h)
{
	struct slot_bid bid = { .slot = slot, .spoken = true };

	for (size_t i = 0; hello_is_sound(n, h) && i < h->n_group; i++) {
		const Holdfast__GroupStatus *s = h->group[i];
		const struct state_place kept = { s->kept_term, (uint8_t)s->kept_owner_slot,
						  s->kept_applied };
		const struct state_place held = { s->term, (uint8_t)s->owner_slot, s->applied };
		const struct state_place *place = s->synced ? &held : &kept;
		bid.synced |= s->synced;
		if (kept_compare(place, &bid.place) > 0)
			bid.place = *place;
	}
	return bid;
}

static bool goes_first(const struct member *a, const struct member *b)
{
	int order = kept_compare(&a->bid.place, &b->bid.place);

	if (order)
		return order > 0;
	if (a->id.node_id != b->id.node_id)
		return a->id.node_id < b->id.node_id;
	return a->id.pid < b->id.pid;
}

/* It may have had the slot until now. holder: 0 when that is not judged yet. */
static void refuse(struct cl_node *n, struct member *m, uint32_t holder)
{
	const struct slot_bid bid = m->bid;
	const uint32_t told = m->slot_holder;

	for (size_t i = 0; m->slot && i < n->n_groups; i++)
		if (is_owner(&n->groups[i]))
			join_serve_stop(&n->groups[i], m->slot);
	*m = (struct member){ .id = m->id,
			      .bid = bid,
			      .refused = true,
			      .slot_refused = true,
			      .slot_holder = holder };
	if (holder && holder != told)
		fx_log(n, LOG_CLUSTER_SLOT_IN_USE, "slot %u: node %u has it, node %u is refused",
		       bid.slot, holder, m->id.node_id);
}

static void hear(struct member *m)
{
	if (m->slot_refused)
		m->refused = m->slot_refused = false;
	m->slot_holder = 0;
}

static bool is_self(const struct cl_node *n, const struct member *m)
{
	return m->id.node_id == n->cfg.node_id;
}

static void yield(struct cl_node *n, uint32_t holder)
{
	n->slot_refused = !membership_has_state(n);
	fx_log(n, LOG_CLUSTER_SLOT_IN_USE,
	       "slot %u: node %u has it, this one, node %u, stays out until %s", n->cfg.slot,
	       holder, n->cfg.node_id, n->slot_refused ? "it is restarted" : "the members change");
	failure_note(n, n->cfg.slot, "Slot In Use");
	membership_leave(n, "slot in use");
	n->slot_holder = holder;
	for (size_t i = 0; i < n->n_groups; i++)
		n->groups[i].kept.slot_lost = true;
}

/* Both have spoken in this view. */
static void lose(struct cl_node *n, struct member *m, struct member *first)
{
	const uint32_t holder = first->id.node_id;

	if (is_self(n, m)) {
		yield(n, holder);
		return;
	}
	m->bid.lost = true;
	refuse(n, m, holder);
	hear(first);
	/* Who refused this one until the other one had spoken hears it again. */
	if (is_self(n, first))
		membership_say_hello(n);
}

static bool is_rival(const struct member *m, const struct member *of)
{
	return m != of && m->bid.slot == of->bid.slot && m->bid.spoken && !m->bid.lost;
}

/* False: m has lost, or this node has. */
static bool goes_before_all(struct cl_node *n, struct member *m)
{
	for (size_t i = 0; i < n->view.n; i++) {
		struct member *rival = &n->view.members[i];
		if (!is_rival(rival, m))
			continue;
		if (goes_first(rival, m)) {
			lose(n, m, rival);
			return false;
		}
		lose(n, rival, m);
	}
	return n->view.joined;
}

/* R11: who is refused announces terms as well. */
static void hear_terms(struct cl_node *n, const Holdfast__Hello *h)
{
	for (size_t i = 0; hello_is_sound(n, h) && i < h->n_group; i++) {
		struct group *g = group_find(n, h->group[i]->group);
		if (g && h->group[i]->highest_term > g->known_term)
			g->known_term = h->group[i]->highest_term;
	}
}

static bool takes(struct cl_node *n, struct member *m, uint8_t slot)
{
	struct member *holder = member_by_slot(n, slot);

	if (!goes_before_all(n, m))
		return false;
	if (holder && holder != m) {
		if (!m->bid.synced) {
			refuse(n, m, holder->id.node_id);
			return false;
		}
		refuse(n, holder, m->id.node_id);
	}
	hear(m);
	return true;
}

bool slot_hello(struct cl_node *n, struct member *m, uint8_t slot, const Holdfast__Hello *h)
{
	if (hf_rule_broken(HF_RULE_SLOT))
		return true;
	m->bid = bid_of(n, slot, h);
	if (takes(n, m, slot))
		return true;
	hear_terms(n, h);
	return false;
}

void slot_twin(struct cl_node *n, struct member *m, const Holdfast__Hello *h)
{
	/* A process of this node that is not gone yet is none of those that could be told apart. */
	if (!is_self(n, m))
		m->bid = bid_of(n, n->cfg.slot, h);
	hear_terms(n, h);
	if (goes_before_all(n, m))
		refuse(n, m, 0); /* until our own HELLO has come back */
}

bool slot_contested(const struct cl_node *n, uint8_t slot)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].slot_refused && n->view.members[i].bid.slot == slot)
			return true;
	return false;
}

bool slot_allowed(struct cl_node *n, const struct member *m, const struct ss_opened *o)
{
	const bool ours = o->slot == n->cfg.slot && !is_self(n, m);

	if (o->slot == 0 || m->bid.lost || (m->refused && !m->slot_refused))
		return false;
	if (hf_rule_broken(HF_RULE_SLOT))
		return true;
	if (m->slot)
		return m->slot == o->slot;
	if (o->kind == SS_ENV_HELLO)
		return !m->bid.slot || m->bid.slot == o->slot;
	return !m->refused && !ours && !member_by_slot(n, o->slot);
}
