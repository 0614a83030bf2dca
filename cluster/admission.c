/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call admission control for the cluster (R24): the limit is split into the
 * shares of the members, and moved between them so that the sum never exceeds
 * it. Who gives gives before it says so (shrink first), and who takes has it
 * when its own TAKE has come back to it and the others have it too (then grow):
 * nobody's share grows by what another one sends. admission_ledger.c has who may
 * have how much; here is what this node needs, takes and gives.
 *
 * What is taken over from a missing member goes on: where that one may own what
 * we own (half of a pair), the IKE SAs of that moment count for nobody and what
 * ends of them frees nothing; where it cannot, for want of quorum, its share
 * moves with them.
 */
#include "cluster/cluster_private.h"

#define ASK_MS 1000 /* for more, while nobody gives */

typedef Holdfast__Admission message;
#define STEP(kind) HOLDFAST__ADMISSION__STEP_##kind

/* ---- sending ---- */

static void send(struct cl_node *n, message *a)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;

	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ADMISSION;
	m.admission = a;
	message_send(n, 0, 0, &m);
}

static void say_word(struct cl_node *n)
{
	struct admission *a = &n->admission;
	Holdfast__AdmissionEntry entry[CL_ADMISSION_MAX], *list[CL_ADMISSION_MAX];
	Holdfast__AdmissionWord w = HOLDFAST__ADMISSION_WORD__INIT;
	message m = HOLDFAST__ADMISSION__INIT;

	w.ring_node_id = n->view.ring.node_id;
	w.ring_seq = n->view.ring.seq;
	w.members_digest = (ProtobufCBinaryData){ .data = n->view.digest,
						  .len = sizeof(n->view.digest) };
	w.incarnation = n->incarnation;
	w.limit = a->limit;
	w.share = a->own;
	for (size_t i = 0; i < a->n; i++) {
		const struct admission_entry *e = &a->entries[i];
		if (e->node_id == n->cfg.node_id)
			continue;
		holdfast__admission_entry__init(&entry[w.n_entry]);
		entry[w.n_entry].node_id = e->node_id;
		entry[w.n_entry].incarnation = e->incarnation;
		entry[w.n_entry].share = e->share;
		entry[w.n_entry].moved = e->moved;
		entry[w.n_entry].gone = e->gone;
		list[w.n_entry] = &entry[w.n_entry];
		w.n_entry++;
	}
	w.entry = list;
	m.step_case = STEP(WORD);
	m.word = &w;
	send(n, &m);
}

static void say_gone(struct cl_node *n, uint32_t node_id)
{
	Holdfast__AdmissionGone gone = HOLDFAST__ADMISSION_GONE__INIT;
	message m = HOLDFAST__ADMISSION__INIT;

	gone.node_id = node_id;
	m.step_case = STEP(GONE);
	m.gone = &gone;
	send(n, &m);
}

/* To nobody (0): into the pool. */
void admission_give(struct cl_node *n, uint32_t to_node_id, uint32_t amount)
{
	Holdfast__AdmissionOffer offer = HOLDFAST__ADMISSION_OFFER__INIT;
	message m = HOLDFAST__ADMISSION__INIT;

	if (!amount || !n->view.joined)
		return;
	n->admission.own -= amount;
	offer.to_node_id = to_node_id;
	offer.amount = amount;
	m.step_case = STEP(OFFER);
	m.offer = &offer;
	send(n, &m);
}

static void take(struct cl_node *n, uint32_t amount, uint32_t from_node_id)
{
	Holdfast__AdmissionTake t = HOLDFAST__ADMISSION_TAKE__INIT;
	message m = HOLDFAST__ADMISSION__INIT;

	t.amount = amount;
	t.from_node_id = from_node_id;
	m.step_case = STEP(TAKE);
	m.take = &t;
	n->admission.taking = true;
	send(n, &m);
}

static bool owns_a_group(const struct cl_node *n)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (is_owner(&n->groups[i]))
			return true;
	return false;
}

/* ---- what this node needs ---- */

static uint64_t used(const struct admission *a)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < CL_GROUPS_MAX; i++)
		sum += (uint64_t)a->groups[i].in_share + a->groups[i].frozen + a->groups[i].owed;
	return sum;
}

static uint32_t spare(const struct admission *a)
{
	return used(a) < a->own ? (uint32_t)(a->own - used(a)) : 0;
}

/* What is carried above the share, because it was taken over. */
static uint32_t deficit(const struct admission *a)
{
	return used(a) > a->own ? (uint32_t)(used(a) - a->own) : 0;
}

static uint32_t fair_share(const struct cl_node *n)
{
	return (uint32_t)(admission_limit(n) / (n->view.n ? n->view.n : 1));
}

static uint32_t at_least_one(uint32_t x)
{
	return x ? x : 1;
}

/*
 * A member without a group takes its part of the pool too, and gives of it when an owner
 * asks: so it has something left when it takes over from one that cannot be asked any more.
 */
static uint32_t need(const struct cl_node *n)
{
	const struct admission *a = &n->admission;
	uint32_t fair = fair_share(n), most = a->own < fair ? fair - a->own : 0, more = 0;

	if (owns_a_group(n) && spare(a) < at_least_one(fair / 8))
		more = deficit(a) + at_least_one(fair / 4) - spare(a);
	return more > most ? more : most;
}

/* Those of which used() has all. */
static uint32_t groups_counted(const struct cl_node *n)
{
	uint32_t groups = 0;

	for (size_t i = 0; i < n->n_groups && !n->admission.doubt; i++)
		if (is_owner(&n->groups[i]) && !n->admission.groups[i].unreported)
			groups |= admission_group_bit(n->groups[i].id);
	return groups;
}

/* Also to declare what is used. */
static void ask(struct cl_node *n, uint32_t wanted)
{
	Holdfast__AdmissionLoad load = HOLDFAST__ADMISSION_LOAD__INIT;
	message m = HOLDFAST__ADMISSION__INIT;

	load.wanted = wanted;
	load.spare = spare(&n->admission);
	load.used = n->admission.said = (uint32_t)used(&n->admission);
	load.groups = groups_counted(n);
	m.step_case = STEP(LOAD);
	m.load = &load;
	n->admission.declared = true;
	if (wanted)
		n->admission.asked_ns = n->now_ns;
	send(n, &m);
}

static bool all_reported(const struct cl_node *n)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (n->admission.groups[i].unreported)
			return false;
	return true;
}

static void want(struct cl_node *n)
{
	struct admission *a = &n->admission;
	const struct admission_entry *self = admission_entry(n, n->cfg.node_id), *lost;
	uint32_t more, open;
	/* R12: whoever is missing without quorum has noticed. */
	uint64_t silent_ns = n->view.since_ns + (n->cfg.deadline_ms + SILENCE_MARGIN_MS) * MS;

	if (a->taking || !self || !all_reported(n) || !admission_all_declared(n))
		return;
	more = need(n);
	open = admission_pool(n, self);
	lost = deficit(a) && admission_is_exclusive(n) ? admission_missing_with_share(n) : NULL;
	if (lost && n->now_ns < silent_ns) {
		a->at_ns = silent_ns;
		lost = NULL;
	}
	if (self->offered || (more && open)) {
		take(n, self->offered + (more < open ? more : open), 0);
	} else if (lost) {
		take(n, deficit(a), lost->node_id);
	} else if (more && owns_a_group(n) && n->view.n > 1) {
		if (!a->asked_ns || n->now_ns >= a->asked_ns + ASK_MS * MS)
			ask(n, more);
		if (a->asked_ns + ASK_MS * MS < a->at_ns)
			a->at_ns = a->asked_ns + ASK_MS * MS;
	}
}

/* A lower limit, or two that were begun apart: everybody gives up the same part of its share. */
static void shed(struct cl_node *n)
{
	struct admission *a = &n->admission;
	uint64_t limit = admission_limit(n), sum = 0;

	for (size_t i = 0; i < a->n; i++)
		if (admission_in_view(n, a->entries[i].node_id))
			sum += a->entries[i].share;
	if (limit && sum > limit && !a->shed_for) {
		uint32_t keep = (uint32_t)(a->own * limit / sum);
		admission_give(n, 0, a->own - keep);
		a->shed_for = sum;
	} else if (sum <= limit) {
		a->shed_for = 0;
	}
}

void admission_asked(struct cl_node *n, uint32_t node_id, uint32_t wanted, uint32_t spare_there)
{
	uint32_t mine = spare(&n->admission);

	if (owns_a_group(n))
		mine = mine > spare_there ? (mine - spare_there) / 2 : 0;
	admission_give(n, node_id, wanted < mine ? wanted : mine);
}

/* ---- inputs ---- */

static void freeze(struct admission_group *g)
{
	g->frozen += g->in_share;
	g->in_share = 0;
}

void admission_owner_begins(struct cl_node *n, const struct group *g, const struct member *m)
{
	bool ours = m->id.node_id == n->cfg.node_id;

	n->admission.groups[g->index].unreported = ours;
	if (!ours)
		return;
	n->admission.declared = false;
	if (n->admission.doubt)
		freeze(&n->admission.groups[g->index]);
}

static void keep_taken(struct admission *a)
{
	a->own += a->got;
	a->got = 0;
	a->taking = false;
	a->asked_ns = 0;
}

/*
 * In a cut the others may go on without our TAKE, and we without one of theirs that came before it.
 * So it counts here when the others have it (settle.h); for them it counts at once.
 */
void admission_got(struct cl_node *n, uint32_t amount)
{
	n->admission.got = amount;
	if (amount && n->view.n > 1)
		settle_begin(n, &n->admission.settle);
	else
		keep_taken(&n->admission);
}

void admission_own_delivered(struct cl_node *n, uint64_t sequence)
{
	struct admission *a = &n->admission;

	if (a->got && settle_turned(&a->settle, sequence) && settle_done(n, &a->settle))
		keep_taken(a);
}

void admission_view_changed(struct cl_node *n, bool new_ring)
{
	struct admission *a = &n->admission;

	/* Who stays has what we had. */
	if (n->view.nodes_lost)
		a->got = 0;
	keep_taken(a);
	admission_ledger_view(n, new_ring);
	a->shed_for = 0;
	bool was_apart = a->apart;
	a->apart = admission_any_missing(n) && !admission_is_exclusive(n);
	/* Whoever is missing may go on with the IKE SAs of this moment, and so may we. */
	if (!a->apart || was_apart)
		return;
	a->doubt = ++a->doubts;
	for (size_t i = 0; i < n->n_groups; i++)
		freeze(&a->groups[i]);
}

void admission_say(struct cl_node *n)
{
	if (n->admission.limit)
		say_word(n);
}

void admission_disconnected(struct cl_node *n)
{
	n->admission = (struct admission){ .limit = n->admission.limit };
}

void admission_told(struct cl_node *n, const struct cl_input *in)
{
	struct admission *a = &n->admission;
	struct group *g = group_find(n, in->group);
	bool another = in->limit != a->limit;

	a->limit = in->limit;
	if (g) {
		bool claimed = g->owner_id.node_id == n->cfg.node_id && !is_owner(g);
		a->groups[g->index].in_share = in->in_share;
		/* Of a claim that has not settled nothing is known yet. */
		if (!claimed)
			a->groups[g->index].unreported = false;
	}
	if (another && n->view.joined)
		say_word(n);
}

void admission_gone(struct cl_node *n, uint32_t node_id)
{
	struct admission_entry *e = admission_entry(n, node_id);

	if (e && !admission_in_view(n, node_id))
		e->ended = true;
}

/* ---- at the end of a step ---- */

/* A group that is another's now: what of our share it used is the new owner's. */
static void hand_on(struct cl_node *n, const struct group *g)
{
	struct admission_group *a = &n->admission.groups[g->index];
	const struct member *owner = owner_member(n, g);

	if (is_owner(g)) {
		a->owned = true;
		/* It is ours again; what another may have seen of it still frees nothing. */
		a->frozen += n->admission.doubt ? a->owed : 0;
		a->owed = 0;
		return;
	}
	if (a->owned) {
		a->owed = a->in_share + a->frozen;
		a->in_share = a->frozen = 0;
		a->owned = false;
		/* Before we take anything: what was said is not ours any more. */
		n->admission.declared = false;
	}
	/* With what is on its way to us. */
	if (!a->owed || n->admission.taking || !owner || owner->id.node_id == n->cfg.node_id ||
	    !admission_entry(n, owner->id.node_id))
		return;
	uint32_t amount = a->owed < n->admission.own ? a->owed : n->admission.own;
	a->owed = 0;
	admission_give(n, owner->id.node_id, amount);
}

/* In the next view once more, if this one ends before it was heard. */
static void say_ended(struct cl_node *n)
{
	for (size_t i = 0; i < n->admission.n; i++) {
		struct admission_entry *e = &n->admission.entries[i];
		if (!e->ended || e->gone || e->said_ended)
			continue;
		e->said_ended = true;
		say_gone(n, e->node_id);
	}
}

/*
 * Nobody may go on apart from us with what counted here, and nothing of another owner's, or of
 * ours, is still to be merged (R23).
 */
static bool is_settled(const struct cl_node *n)
{
	if (n->admission.doubt && admission_any_missing(n) && !admission_is_exclusive(n))
		return false;
	for (size_t i = 0; i < n->n_groups; i++) {
		if (n->groups[i].part.running)
			return false;
		for (uint8_t slot = 0; slot < SS_SLOTS; slot++)
			if (n->groups[i].merging[slot].complete)
				return false;
	}
	return true;
}

/*
 * What has ended here may have gone on at another owner, which sends it or has said that it uses
 * it: nothing is free before everybody has declared.
 */
static void end_doubt(struct cl_node *n)
{
	struct admission *a = &n->admission;

	a->doubt = 0;
	a->declared = false;
	for (size_t i = 0; i < n->n_groups; i++) {
		a->groups[i].unreported = true;
		a->groups[i].in_share += a->groups[i].frozen;
		a->groups[i].frozen = 0;
	}
}

/* What we said that we use above our share is kept for us: not for longer than we use it. */
static bool has_said_too_much(struct cl_node *n)
{
	const struct admission_entry *self = admission_entry(n, n->cfg.node_id);

	return self && n->admission.said > self->share && used(&n->admission) < n->admission.said;
}

static void consider(struct cl_node *n)
{
	struct admission *a = &n->admission;

	a->at_ns = NEVER;
	for (size_t i = 0; a->limit && i < n->n_groups; i++)
		hand_on(n, &n->groups[i]);
	if (!a->limit || !a->ready || !view_quorate(n))
		return;
	say_ended(n);
	if (a->doubt && admission_all_declared(n))
		end_doubt(n);
	if (has_said_too_much(n))
		a->declared = false;
	if (!a->declared && all_reported(n) && is_settled(n))
		ask(n, 0);
	shed(n);
	want(n);
}

uint32_t admission_share(const struct cl_node *n)
{
	const struct admission *a = &n->admission;

	if (!a->limit)
		return UINT32_MAX;
	if (!view_quorate(n) || a->lapsed)
		return 0;
	uint64_t bound = 0;
	for (size_t i = 0; i < CL_GROUPS_MAX; i++)
		bound += (uint64_t)a->groups[i].frozen + a->groups[i].owed;
	return a->own > bound ? (uint32_t)(a->own - bound) : 0;
}

/* From a view without quorum until all have said in one with it what they have moved. */
static void note_lapse(struct cl_node *n)
{
	struct admission *a = &n->admission;

	if (n->view.established && !n->view.quorate)
		a->lapsed = true;
	else if (a->ready && view_quorate(n))
		a->lapsed = false;
}

void admission_follow(struct cl_node *n)
{
	struct admission *a = &n->admission;

	note_lapse(n);
	consider(n);
	uint32_t share = admission_share(n);
	if (a->was_told && share == a->told_share && a->doubt == a->told_doubt)
		return;
	a->was_told = true;
	a->told_share = share;
	a->told_doubt = a->doubt;
	struct cl_effect *fx = fx_push(n, CL_FX_ADMISSION, NULL);
	fx->share = share;
	fx->carried = a->doubt;
}

uint64_t admission_deadline(const struct cl_node *n)
{
	return n->admission.limit ? n->admission.at_ns : NEVER;
}

void cl_admission(const struct cl_node *n, struct cl_admission *out)
{
	const struct admission *a = &n->admission;

	out->limit = a->limit;
	out->carried = a->doubt != 0;
	out->share = admission_share(n);
	out->pool = admission_pool((struct cl_node *)n, NULL);
	out->n = 0;
	for (size_t i = 0; i < a->n; i++) {
		const struct admission_entry *e = &a->entries[i];
		struct cl_admission_member *m = &out->members[out->n++];
		*m = (struct cl_admission_member){ .node_id = e->node_id,
						   .self = e->node_id == n->cfg.node_id,
						   .present = admission_in_view(n, e->node_id),
						   .gone = e->gone,
						   .share = e->share };
		memcpy(m->name, e->name, sizeof(m->name));
	}
}
