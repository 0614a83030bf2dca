/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Call admission (R24) between the cluster logic, which knows this member's
 * share, and the engines, which admit: the groups of a node have one share
 * between them. An IKE SA that has ended frees its place when its end is
 * committed: before that, who takes over may have it still.
 */
#include "node/core_private.h"

static struct ike_load load_of(const struct hf_core *c)
{
	bool owner = c->role == CL_ROLE_ACTIVE || c->role == CL_ROLE_RELEASING;

	return owner ? ike_load(c->engine) : (struct ike_load){ 0 };
}

static uint32_t ending(const struct hf_core *c)
{
	uint32_t n = c->admission.ended;

	for (size_t i = 0; i < c->admission.n; i++)
		n += c->admission.queue[i].n;
	return n;
}

static uint32_t in_share(const struct hf_core *c)
{
	return load_of(c).in_share + ending(c);
}

static uint32_t less(uint32_t a, uint32_t b)
{
	return a > b ? a - b : 0;
}

static void tell_engines(struct core_node *n)
{
	uint32_t all = 0, shared = 0;

	for (size_t i = 0; i < n->n; i++) {
		all += load_of(n->core[i]).all;
		shared += in_share(n->core[i]);
	}
	for (size_t i = 0; i < n->n; i++) {
		struct hf_core *c = n->core[i];
		struct ike_load own = load_of(c);
		uint32_t share = n->limited ? less(n->share, shared - own.in_share) : UINT32_MAX;
		if (c->engine)
			ike_share_set(c->engine, share, all - own.all);
	}
}

void core_admission_follow(struct hf_core *c)
{
	uint32_t now = load_of(c).in_share;

	c->admission.ended += less(c->admission.seen, now);
	c->admission.seen = now;
	tell_engines(c->node);
}

void core_admission_forget(struct hf_core *c)
{
	c->admission.ended = 0;
	c->admission.n = 0;
	c->admission.seen = load_of(c).in_share;
	tell_engines(c->node);
}

void core_admission_turn(struct hf_core *c, uint64_t position)
{
	struct core_admission *a = &c->admission;

	if (!a->ended)
		return;
	if (a->n < CORE_ENDED_MAX)
		a->queue[a->n++].n = 0;
	a->queue[a->n - 1].position = position;
	a->queue[a->n - 1].n += a->ended;
	a->ended = 0;
}

void core_admission_committed(struct hf_core *c, uint64_t committed)
{
	struct core_admission *a = &c->admission;
	size_t kept = 0;

	for (size_t i = 0; i < a->n; i++)
		if (a->queue[i].position > committed)
			a->queue[kept++] = a->queue[i];
	if (kept == a->n)
		return;
	a->n = kept;
	tell_engines(c->node);
}

bool core_admission_due(struct hf_core *c, struct cl_input *in)
{
	struct core_node *n = c->node;
	uint32_t limit = n->core[0]->config->cluster_max_sa;

	for (size_t i = 0; i < n->n; i++) {
		struct core_admission *a = &n->core[i]->admission;
		uint32_t shared = in_share(n->core[i]);
		if (limit == a->told_limit && (!limit || (a->told == shared && !a->due)))
			continue;
		a->told_limit = limit;
		a->told = shared;
		a->due = false;
		*in = (struct cl_input){ .kind = CL_IN_ADMISSION,
					 .group = n->core[i]->group,
					 .limit = limit,
					 .in_share = shared };
		return true;
	}
	return false;
}

void core_admission_share(struct hf_core *c, const struct cl_effect *fx)
{
	struct core_node *n = c->node;
	bool another = fx->carried != n->carried;

	n->limited = fx->share != UINT32_MAX;
	n->share = fx->share;
	n->carried = fx->carried;
	for (size_t i = 0; another && i < n->n; i++) {
		if (n->core[i]->engine)
			ike_share_carry(n->core[i]->engine, n->carried != 0);
		core_admission_forget(n->core[i]);
		n->core[i]->admission.due = true;
	}
	tell_engines(n);
}

void core_admission_took_over(struct hf_core *c, bool handover)
{
	if (c->node->carried && !handover)
		ike_share_carry(c->engine, true);
	core_admission_forget(c);
	c->admission.due = true;
}
