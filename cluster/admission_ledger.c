/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger of call admission (R24): what each member may have at the most.
 * It follows from what was delivered alone, which comes to all in one order,
 * so that all have the same: a TAKE is worth the same everywhere.
 *
 * In each view every member says its share once (AdmissionWord). Once all are
 * heard the ledger is complete. What nobody has is the pool. It is open only
 * while no member is missing: one that may be alive behind a cut takes from it
 * as well.
 *
 * A member that is missing keeps its share until it is gone for certain: its
 * process left a ring that stayed, its node is fenced, or an operator says so.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"

#define STEP(kind) HOLDFAST__ADMISSION__STEP_##kind

struct admission_entry *admission_entry(struct cl_node *n, uint32_t node_id)
{
	struct admission *a = &n->admission;

	for (size_t i = 0; i < a->n; i++)
		if (a->entries[i].node_id == node_id)
			return &a->entries[i];
	return NULL;
}

/* The oldest of those that are gone makes room; with all of them alive there is none. */
static struct admission_entry *entry_room(struct admission *a)
{
	if (a->n < CL_ADMISSION_MAX)
		return &a->entries[a->n++];
	for (size_t i = 0; i < a->n; i++)
		if (a->entries[i].gone) {
			memmove(&a->entries[i], &a->entries[i + 1],
				(a->n - i - 1) * sizeof(a->entries[0]));
			return &a->entries[a->n - 1];
		}
	return NULL;
}

static struct admission_entry *entry_get(struct cl_node *n, uint32_t node_id, uint64_t incarnation)
{
	struct admission_entry *e = admission_entry(n, node_id);

	if (!e)
		e = entry_room(&n->admission);
	else if (e->incarnation == incarnation)
		return e;
	/* A node runs one process: the one before has ended. */
	if (e)
		*e = (struct admission_entry){ .node_id = node_id, .incarnation = incarnation };
	return e;
}

bool admission_in_view(const struct cl_node *n, uint32_t node_id)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].id.node_id == node_id)
			return true;
	return false;
}

static bool is_missing(const struct cl_node *n, const struct admission_entry *e)
{
	return !e->gone && !admission_in_view(n, e->node_id) && !hf_rule_broken(HF_RULE_ADMISSION);
}

bool admission_any_missing(const struct cl_node *n)
{
	for (size_t i = 0; i < n->admission.n; i++)
		if (is_missing(n, &n->admission.entries[i]))
			return true;
	return false;
}

bool admission_is_exclusive(const struct cl_node *n)
{
	return n->cfg.votes >= VOTES_OF_MAJORITY || n->view.n >= n->cfg.expected_votes;
}

/* ---- what may be taken ---- */

/*
 * The lowest that a member has configured: a change reaches one after the other. Ours too as it
 * was delivered: all members have to come to the same.
 */
uint32_t admission_limit(const struct cl_node *n)
{
	uint32_t limit = 0;

	for (size_t i = 0; i < n->admission.n; i++) {
		const struct admission_entry *e = &n->admission.entries[i];
		if (e->heard && e->limit && (!limit || e->limit < limit))
			limit = e->limit;
	}
	return limit;
}

static uint64_t given_out(const struct cl_node *n, const struct admission_entry *taker)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n->admission.n; i++) {
		const struct admission_entry *e = &n->admission.entries[i];
		/* What is above its share came with a takeover; its share will follow. */
		uint64_t has = (uint64_t)e->share + e->offered;
		if (admission_in_view(n, e->node_id))
			sum += has > e->load || e == taker ? has : e->load;
	}
	return sum;
}

uint32_t admission_group_bit(uint32_t id)
{
	return id < 32 ? 1u << id : 0;
}

bool admission_all_declared(struct cl_node *n)
{
	for (size_t i = 0; i < n->view.n; i++) {
		const struct admission_entry *e = admission_entry(n, n->view.members[i].id.node_id);
		if (!e || !e->declared)
			return false;
	}
	return n->admission.ready;
}

/*
 * Nobody is about to take over what a member that is gone had, or has not said how much; and
 * nobody has a share before somebody owns (R15). By what was delivered alone: who owns a group
 * is known a moment later in one place than in another.
 */
static bool groups_declared(const struct cl_node *n)
{
	uint32_t groups = 0, all = 0;

	for (size_t i = 0; i < n->admission.n; i++)
		if (admission_in_view(n, n->admission.entries[i].node_id))
			groups |= n->admission.entries[i].groups;
	for (size_t i = 0; i < n->n_groups; i++)
		all |= admission_group_bit(n->groups[i].id);
	return (groups & all) == all;
}

/* What taker may have; above its share it may take what it uses already. NULL: anybody. */
uint32_t admission_pool(struct cl_node *n, const struct admission_entry *taker)
{
	uint64_t limit = admission_limit(n), out = given_out(n, taker);

	return !admission_any_missing(n) && admission_all_declared(n) && groups_declared(n) &&
			       limit > out
		       ? (uint32_t)(limit - out)
		       : 0;
}

const struct admission_entry *admission_missing_with_share(const struct cl_node *n)
{
	for (size_t i = 0; i < n->admission.n; i++)
		if (n->admission.entries[i].share && is_missing(n, &n->admission.entries[i]))
			return &n->admission.entries[i];
	return NULL;
}

/* ---- a view's ledger ---- */

static bool names_view(const struct cl_node *n, const Holdfast__AdmissionWord *w)
{
	return w->ring_node_id == n->view.ring.node_id && w->ring_seq == n->view.ring.seq &&
	       bytes_equal(bytes(w->members_digest.data, w->members_digest.len),
			   bytes(n->view.digest, sizeof(n->view.digest)));
}

/*
 * What others have taken of our share while we were missing, or all of it when we were said to
 * be gone. Nobody counts on it before we have given it.
 */
static void yield_moved(struct cl_node *n, const struct admission_entry *r)
{
	struct admission *a = &n->admission;
	uint32_t less = r->gone ? a->own : r->moved > a->yielded ? r->moved - a->yielded : 0;

	if (r->incarnation != n->incarnation)
		return;
	if (r->moved > a->yielded)
		a->yielded = r->moved;
	admission_give(n, 0, less < a->own ? less : a->own);
}

/* What two members say of one that is in neither's view: it may have as much as either says. */
static void join_missing(struct cl_node *n, const struct admission_entry *r)
{
	struct admission_entry *e = admission_entry(n, r->node_id);

	if (!e) {
		e = entry_room(&n->admission);
		if (e)
			*e = *r;
	} else if (e->incarnation == r->incarnation) {
		e->gone |= r->gone;
		e->moved = r->moved > e->moved ? r->moved : e->moved;
		e->share = e->gone ? 0 : r->share > e->share ? r->share : e->share;
	} else if (!r->gone && (e->gone || r->share > e->share)) {
		*e = *r;
	}
}

static void settle_ledger(struct cl_node *n)
{
	struct admission *a = &n->admission;

	for (size_t i = 0; i < n->view.n; i++) {
		const struct admission_word *w = &a->words[i];
		for (size_t k = 0; k < w->n; k++) {
			if (!admission_in_view(n, w->entries[k].node_id))
				join_missing(n, &w->entries[k]);
			else if (w->entries[k].node_id == n->cfg.node_id)
				yield_moved(n, &w->entries[k]);
		}
	}
}

static void take_word(struct admission_word *to, const Holdfast__AdmissionWord *w)
{
	*to = (struct admission_word){ .heard = true };
	for (size_t i = 0; i < w->n_entry && i < CL_ADMISSION_MAX; i++)
		to->entries[to->n++] = (struct admission_entry){
			.node_id = w->entry[i]->node_id,
			.incarnation = w->entry[i]->incarnation,
			.share = w->entry[i]->share,
			.moved = w->entry[i]->moved,
			.gone = w->entry[i]->gone
		};
}

static bool all_heard(const struct cl_node *n)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (!n->admission.words[i].heard)
			return false;
	return n->view.n > 0;
}

static void word(struct cl_node *n, const struct member *from, const Holdfast__AdmissionWord *w)
{
	struct admission *a = &n->admission;
	struct admission_entry *e;

	if (!names_view(n, w))
		return;
	e = entry_get(n, from->id.node_id, w->incarnation);
	if (!e)
		return;
	/* One that is said again (another limit) was sent before what its sender has taken since. */
	if (!e->heard || w->share > e->share)
		e->share = w->share;
	e->heard = e->present = true;
	e->gone = false;
	e->limit = w->limit;
	memcpy(e->name, from->hostname, sizeof(e->name));
	take_word(&a->words[from - n->view.members], w);
	if (a->ready || !all_heard(n))
		return;
	settle_ledger(n);
	a->ready = true;
}

/* ---- the other steps ---- */

static void load(struct cl_node *n, const struct member *from, const Holdfast__AdmissionLoad *l)
{
	struct admission_entry *e = admission_entry(n, from->id.node_id);
	const struct admission_entry *self = admission_entry(n, n->cfg.node_id);

	if (e) {
		e->declared = true;
		e->load = l->used;
		e->groups = l->groups;
	}
	/* What we said of a group is its new owner's to say. */
	if (self && e != self && (l->groups & self->groups))
		n->admission.declared = false;
	if (n->admission.ready && e != self)
		admission_asked(n, from->id.node_id, l->wanted, l->spare);
}

static void offer(struct cl_node *n, const struct member *from, const Holdfast__AdmissionOffer *o)
{
	struct admission_entry *e = admission_entry(n, from->id.node_id);
	struct admission_entry *to = admission_entry(n, o->to_node_id);

	if (e)
		e->share -= o->amount < e->share ? o->amount : e->share;
	if (to && admission_in_view(n, o->to_node_id))
		to->offered += o->amount;
}

/* Where those who are missing might have quorum too, their shares stay where they are. */
static uint32_t moved_from(struct cl_node *n, uint32_t node_id, uint32_t amount)
{
	struct admission_entry *e = node_id ? admission_entry(n, node_id) : NULL;

	if (!e || !is_missing(n, e) || !admission_is_exclusive(n))
		return 0;
	amount = amount < e->share ? amount : e->share;
	e->share -= amount;
	e->moved += amount;
	return amount;
}

static void taken(struct cl_node *n, const struct member *from, const Holdfast__AdmissionTake *t)
{
	struct admission_entry *e = admission_entry(n, from->id.node_id);
	bool ours = from->id.node_id == n->cfg.node_id;
	uint32_t offered, got;

	/* Sent in another view: who sent it has said its share without it. */
	if (!e || !n->admission.ready) {
		n->admission.taking = n->admission.taking && !ours;
		return;
	}
	offered = t->amount < e->offered ? t->amount : e->offered;
	e->offered -= offered;
	e->share += offered; /* the pool is without it */
	got = t->from_node_id ? moved_from(n, t->from_node_id, t->amount - offered)
			      : admission_pool(n, e);
	got = got < t->amount - offered ? got : t->amount - offered;
	e->share += got;
	if (ours)
		admission_got(n, offered + got);
}

static void gone(struct cl_node *n, uint32_t node_id)
{
	struct admission_entry *e = admission_entry(n, node_id);

	if (!e || e->gone || admission_in_view(n, node_id))
		return;
	fx_log(n, LOG_CLUSTER_SHARE_FREED, "node %u, %u IKE SAs", node_id, e->share);
	e->gone = true;
	e->share = e->load = 0;
}

void admission_ledger_view(struct cl_node *n, bool new_ring)
{
	struct admission *a = &n->admission;

	for (size_t i = 0; i < a->n; i++) {
		struct admission_entry *e = &a->entries[i];
		bool present = admission_in_view(n, e->node_id);
		/* The ring is as it was: its process has ended. */
		if (e->present && !present && !new_ring)
			gone(n, e->node_id);
		e->present = present;
		e->heard = e->said_ended = false;
		e->ended = e->ended && !present;
		e->declared = false;
		e->groups = e->offered = 0;
	}
	memset(a->words, 0, sizeof(a->words));
	a->ready = a->declared = false;
}

/* Sent before its word: in another view, of which only some of us know. */
static bool is_late(struct cl_node *n, const struct member *from)
{
	const struct admission_entry *e = admission_entry(n, from->id.node_id);

	return !e || !e->heard;
}

void admission_deliver(struct cl_node *n, struct member *from, const Holdfast__Admission *m)
{
	if (m->step_case != STEP(WORD) && is_late(n, from))
		return;
	switch (m->step_case) {
	case STEP(WORD):
		word(n, from, m->word);
		break;
	case STEP(LOAD):
		load(n, from, m->load);
		break;
	case STEP(OFFER):
		offer(n, from, m->offer);
		break;
	case STEP(TAKE):
		taken(n, from, m->take);
		break;
	case STEP(GONE):
		gone(n, m->gone->node_id);
		break;
	default:
		break; /* of a newer version */
	}
}
