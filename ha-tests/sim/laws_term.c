/* SPDX-License-Identifier: Apache-2.0 */
/* Law 4, its part on terms (R11): each has one owner, who has it on its disk, and soon it is on the
 * disks of those who follow. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

/* HEARD_TERM_MS of cluster/bounds.h behind the retry of a claim (TERM_RETRY_MS), and the write. */
#define HEARD_NS (2200 * MS_NS)

/*
 * R11 promises no more than its owner's disk and whoever heard of it: without either, and
 * without any state (R15), a term is of a log that is gone, and so are the keys used under it.
 */
static bool term_forgotten(const struct group_laws *l, uint64_t term)
{
	const struct owned_term *t = &l->terms[term];
	const bool on_disk = l->disk_lost_ns[t->owner - 1] <= t->since_ns &&
			     l->disk_stale_ns[t->owner - 1] <= t->since_ns;

	return !on_disk && l->all_lost_ns > t->since_ns;
}

/*
 * Nor can it be noticed that a file is of before, when nobody here but its owner has heard of the
 * terms since.
 */
static bool term_unheard(const struct member *m, uint64_t term)
{
	const struct group_laws *l = laws_of(m);
	const struct owned_term *t = &l->terms[term];

	if (l->disk_stale_ns[t->owner - 1] <= t->since_ns)
		return false;
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct member *other = member_at(m, i);
		/* Its own disk has the term because it claims it. */
		const uint64_t heard = other == m ? m->term_before : other->term_on_disk;
		if (other->node->id != t->owner && other->node->alive && !other->node->paused &&
		    m->s->mcast.side[i] == m->s->mcast.side[m->node->index] && heard >= term)
			return false;
	}
	return true;
}

void laws_term_owned(struct member *m, uint64_t term)
{
	struct group_laws *l = laws_of(m);
	bool again = false;

	must(term < LAWS_TERMS);
	if (l->terms[term].owner && term_unheard(m, term)) {
		trace(m->s, "%s: owns term %llu again, unheard of", m->name,
		      (unsigned long long)term);
		l->unheard_ns = m->s->now_ns;
		again = l->terms[term].owner == m->node->id;
	} else if (l->terms[term].owner && !term_forgotten(l, term))
		law_broken(m->s, 4, "%s owns term %llu, which node%u has owned", m->name,
			   (unsigned long long)term, l->terms[term].owner);
	l->terms[term] = (struct owned_term){ .owner = m->node->id,
					      .since_ns = m->s->now_ns,
					      .again = again };
	l->owner_slots |= (uint16_t)(1u << m->node->slot);
	if (m->term_on_disk < term)
		law_broken(m->s, 4, "%s owns term %llu, but only %llu is on its disk", m->name,
			   (unsigned long long)term, (unsigned long long)m->term_on_disk);
}

const struct owned_term *laws_term_again(const struct member *m)
{
	const struct owned_term *t = &laws_of(m)->terms[m->term < LAWS_TERMS ? m->term : 0];

	return t->again && t->owner == m->node->id ? t : NULL;
}

void laws_term_step(struct member *m)
{
	const struct node *nd = m->node;
	struct followed_term *f = &laws_of(m)->followed[nd->index];
	const struct cl_place at = cl_place(hf_core_cluster_node(m->core), group_id(m->group));

	if (!nd->alive || m->term_on_disk >= at.term) {
		f->term = 0;
	} else if (m->term_on_disk >= f->term || f->incarnation != nd->incarnation ||
		   nd->paused_ns >= f->ns) {
		*f = (struct followed_term){ .term = at.term,
					     .ns = nd->s->now_ns,
					     .incarnation = nd->incarnation };
	} else if (f->ns + HEARD_NS < nd->s->now_ns) {
		law_broken(nd->s, 4, "%s follows term %llu, and only %llu is on its disk", m->name,
			   (unsigned long long)f->term, (unsigned long long)m->term_on_disk);
	}
}
