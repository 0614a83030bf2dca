/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The term file (R11): one write at a time, of a term that will be claimed
 * (claim.c), or of one that was heard of. Without the latter a term would be
 * owned twice when its owner comes back with a disk of before, and who
 * followed it was started again as well.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"

void term_write(struct cl_node *n, struct group *g)
{
	struct cl_effect *fx = fx_push(n, CL_FX_WRITE_TERM, g);

	g->claim.writing = true;
	fx->term = g->disk_term;
	fx->terms_unknown = n->cfg.terms_unknown[g->index];
}

/* What could not be written for a claim is tried again by that. */
static bool heard_of_more(const struct cl_node *n, const struct group *g)
{
	if (hf_rule_broken(HF_RULE_HEARD))
		return false;
	return g->known_term > g->disk_term && !g->claim.writing &&
	       n->now_ns >= g->claim.not_before_ns;
}

/* Not at once: a claim waits for the write before it, and in a handover the next one is near. */
void term_consider(struct cl_node *n, struct group *g)
{
	if (!heard_of_more(n, g))
		g->at[T_HEARD] = NEVER;
	else if (g->at[T_HEARD] == NEVER)
		g->at[T_HEARD] = n->now_ns + HEARD_TERM_MS * MS;
}

void term_heard(struct cl_node *n, struct group *g)
{
	if (!heard_of_more(n, g))
		return;
	g->claim.disk_before = g->disk_term;
	g->disk_term = g->known_term;
	g->claim.writing_heard = true;
	term_write(n, g);
}

void term_written(struct cl_node *n, struct group *g, uint64_t term, bool ok)
{
	const bool heard = g->claim.writing_heard;

	if (!g->claim.writing || term != g->disk_term)
		return;
	g->claim.writing = g->claim.writing_heard = false;
	if (!heard) {
		claim_term_written(n, g, term, ok);
		return;
	}
	if (!ok)
		g->disk_term = g->claim.disk_before; /* T_HEARD tries again */
	if (g->claim.reserve_next)
		claim_reserve(n, g);
}
