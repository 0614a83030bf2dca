/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 8, admission sums hold (R24): what all live processes together may have
 * never exceeds the limit, whoever is cut off, dead or late. IKE SAs that
 * count for nobody, because two halves may both go on with them, come on top.
 */
#include "ha-tests/sim/sim.h"

/* In all groups that it owns. */
static struct ike_load load_of(const struct node *nd)
{
	struct ike_load sum = { 0 };

	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++) {
		const struct member *m = &nd->members[g];
		struct ike_load load = { 0 };
		if (m->role == CL_ROLE_ACTIVE)
			load = ike_load(hf_core_engine(m->core));
		sum.all += load.all;
		sum.in_share += load.in_share;
	}
	return sum;
}

static bool is_silent(const struct node *nd)
{
	bool owns = false;

	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++) {
		const struct member *m = &nd->members[g];
		if (m->role == CL_ROLE_ACTIVE && hf_core_may_send(m->core, node_now(nd)))
			return false;
		owns = owns || m->role == CL_ROLE_ACTIVE;
	}
	return owns;
}

static bool knows(const struct cl_admission *a, uint32_t node_id)
{
	for (size_t i = 0; i < a->n; i++)
		if (a->members[i].node_id == node_id)
			return true;
	return false;
}

/* Where it knows of both nodes of a pair, it has heard of the other's share. */
static bool knows_both(const struct sim *s, const struct cl_admission *a)
{
	return s->scenario.n_nodes != 2 || !a->share ||
	       (knows(a, s->nodes[0].id) && knows(a, s->nodes[1].id));
}

/* Of the process that runs: what the others have is as it was when they ran. */
static void look(struct node *nd)
{
	struct law_admission *seen = &nd->s->laws.admission[nd->index];
	struct cl_admission a;

	*seen = (struct law_admission){ .incarnation = nd->incarnation };
	if (!nd->alive || !nd->members[0].core)
		return;
	cl_admission(hf_core_cluster_node(nd->members[0].core), &a);
	seen->share = a.share;
	/* Before that it has not been told of the limit. */
	seen->told = a.share != UINT32_MAX;
	seen->knows_both = knows_both(nd->s, &a);
	seen->load = load_of(nd);
}

void laws_admission(struct node *ran)
{
	struct sim *s = ran->s;
	const uint32_t limit = s->scenario.max_sa;
	uint32_t carried = 0;
	uint64_t sum = 0;
	bool counted = false;

	if (!limit)
		return;
	look(ran);
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		const struct node *nd = &s->nodes[i];
		const struct law_admission *a = &s->laws.admission[i];
		/* One that is past its deadline admits nobody (R12). */
		if (!nd->alive || nd->paused || a->incarnation != nd->incarnation || !a->told ||
		    is_silent(nd))
			continue;
		/* A process that has begun in half of a cut pair (R15). */
		if (s->mcast.cut && !a->knows_both)
			s->laws.admission_alone = true;
		sum += a->share;
		counted = counted || a->load.in_share;
		if (a->load.all - a->load.in_share > carried)
			carried = a->load.all - a->load.in_share;
	}
	/* Where one counts them, they are in its share. */
	if (!counted)
		sum += carried;
	if (sum <= limit && !s->mcast.cut)
		s->laws.admission_alone = false;
	/* Once they meet they shed what is too much. */
	if (sum > limit && !s->laws.admission_alone)
		law_broken(s, 8,
			   "the members may have %llu IKE SAs, %u more are with none; %u are "
			   "allowed",
			   (unsigned long long)(counted ? sum : sum - carried),
			   counted ? 0 : carried, limit);
}

#define LATE_LOOKS 12u /* of laws_calm(), a quarter of a second apart */

/*
 * Long after the last fault, but for the moments of a handover: whatever was taken over is in the
 * share of its owner, and of what is allowed nothing is lost.
 */
void laws_admission_calm(struct sim *s)
{
	const uint32_t limit = s->scenario.max_sa;
	uint32_t above = 0;
	uint64_t sum = 0;

	for (unsigned int i = 0; limit && i < s->scenario.n_nodes; i++) {
		const struct node *nd = &s->nodes[i];
		struct cl_admission a;
		if (!nd->alive || nd->paused || !nd->members[0].core)
			return;
		cl_admission(hf_core_cluster_node(nd->members[0].core), &a);
		const struct ike_load load = load_of(nd);
		above += load.all > a.share ? load.all - a.share : 0;
		sum += a.share;
	}
	if (sum == limit && !above)
		s->laws.admission_late = 0;
	else if (++s->laws.admission_late > LATE_LOOKS)
		law_broken(s, 8,
			   "the members may have %llu IKE SAs of %u that are allowed, and have %u "
			   "above their shares",
			   (unsigned long long)sum, limit, above);
}
