/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The owners that a log has had. Log positions go on from owner to owner, so
 * two logs are the same up to the end of the last ownership that both have had,
 * or up to where the first of them left it (R23).
 */
#include "cluster/cluster_private.h"

void lineage_begin(struct lineage *l, uint64_t term, uint8_t slot, uint64_t begin)
{
	if (l->n == LINEAGE_MAX) {
		memmove(l->step, l->step + 1, (LINEAGE_MAX - 1) * sizeof(l->step[0]));
		l->n--;
	}
	l->step[l->n++] = (struct ownership){ .term = term, .slot = slot, .begin = begin };
}

void lineage_undo(struct lineage *l, uint64_t term)
{
	if (l->n > 0 && l->step[l->n - 1].term == term)
		l->n--;
}

static uint64_t end_of(const struct lineage *l, size_t i, uint64_t applied)
{
	return i + 1 < l->n ? l->step[i + 1].begin : applied;
}

static size_t find(const struct lineage *l, uint64_t term, uint8_t slot)
{
	for (size_t i = l->n; i-- > 0;)
		if (l->step[i].term == term && l->step[i].slot == slot)
			return i;
	return l->n;
}

bool lineage_fork(const struct lineage *l, uint64_t applied, const struct lineage *other,
		  struct ownership *last, uint64_t *fork)
{
	for (size_t i = l->n; i-- > 0;) {
		size_t k = find(other, l->step[i].term, l->step[i].slot);
		if (k == other->n)
			continue;
		uint64_t a = end_of(l, i, applied), b = end_of(other, k, UINT64_MAX);
		*last = l->step[i];
		*fork = a < b ? a : b;
		return true;
	}
	return false;
}

bool lineage_has(const struct lineage *l, uint64_t term, uint8_t slot, uint64_t fork)
{
	size_t i = find(l, term, slot);

	return i < l->n && fork <= end_of(l, i, UINT64_MAX);
}

void lineage_take(struct lineage *l, const Holdfast__GroupStatus *s)
{
	*l = (struct lineage){ 0 };
	for (size_t i = 0; i < s->n_lineage; i++)
		lineage_begin(l, s->lineage[i]->term, (uint8_t)s->lineage[i]->slot,
			      s->lineage[i]->begin);
}
