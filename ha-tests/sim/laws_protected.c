/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is protected. Law 5: a joiner does not own while somebody is there who is (R9). Law 7: once
 * faults have ceased, an owner soon holds its output for each member that is there (R7). A member
 * that joins for ever costs nothing until the owner dies: nothing else would notice it.
 */
#include "ha-tests/sim/sim.h"

/* A takeover that waits for a HELLO, and a snapshot that was refused before (cluster/bounds.h). */
#define PROTECT_NS     (5 * SECOND)
#define CALM_NS        (12 * SECOND) /* joins that have backed off */
#define JUST_JOINED_NS (20 * MS_NS)

/* ---- law 5 ---- */

static bool is_protected(const struct cl_group_status *st, uint32_t node_id)
{
	for (size_t i = 0; i < st->n_members; i++)
		if (st->members[i].node_id == node_id)
			return st->members[i].in_protected_set;
	return false;
}

static bool status_of(const struct member *m, struct cl_group_status *st)
{
	return cl_group_status(hf_core_cluster_node(m->core), group_id(m->group), node_now(m->node),
			       st) == R_OK;
}

/* As the member itself has heard: an owner may die before it hears what it has said. */
void laws_protected_step(struct member *m)
{
	struct group_laws *l = laws_of(m);
	const uint32_t self = 1u << m->node->slot;
	struct cl_group_status st;

	/* Until the next owner is heard of: this is of the one before. */
	if (!status_of(m, &st) || st.term != l->protected_term)
		return;
	l->protected_slots &= ~self;
	if (is_protected(&st, m->node->id))
		l->protected_slots |= self;
}

void laws_protected_claim(struct member *m)
{
	const uint32_t slots = laws_of(m)->protected_slots;

	if (!m->joined_ns || m->s->now_ns >= m->joined_ns + JUST_JOINED_NS ||
	    slots >> m->node->slot & 1)
		return;
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct member *other = member_at(m, i);
		if (other != m && other->node->alive && !other->node->paused &&
		    other->role == CL_ROLE_STANDBY && (slots >> other->node->slot & 1))
			law_broken(m->s, 5, "%s takes over, and %s is the one that is protected",
				   m->name, other->name);
	}
}

/* ---- law 7 ---- */

static bool holds_for(const struct member *owner, const struct member *m)
{
	struct cl_group_status st;

	return owner && owner->is_protected && status_of(owner, &st) &&
	       is_protected(&st, m->node->id);
}

static bool wants_protection(const struct member *owner, const struct member *m)
{
	return m != owner && m->node->alive && !m->node->paused && !m->node->stopping;
}

static void look(struct sim *s, const struct member *owner, const struct member *m)
{
	uint64_t *from = &laws_of(m)->bare_ns[m->node->index];

	if (!wants_protection(owner, m) || holds_for(owner, m))
		*from = 0;
	else if (!*from)
		*from = s->now_ns;
	else if (s->calm && s->now_ns > s->calm_ns + CALM_NS && s->now_ns > *from + PROTECT_NS)
		law_broken(s, 7, "%s is there for %llu ms, as %s, and %s does not protect it",
			   m->name, (unsigned long long)((s->now_ns - *from) / MS_NS),
			   cl_role_name(m->role), owner ? owner->name : "nobody");
}

void laws_protected_calm(struct sim *s)
{
	for (unsigned int g = 0; g < s->scenario.n_groups; g++) {
		const struct member *owner = member_owner(s, g, NULL);
		for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
			look(s, owner, &s->nodes[i].members[g]);
	}
}
