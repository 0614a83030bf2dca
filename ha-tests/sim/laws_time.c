/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 7, its part on time: lifetimes, rekeys and tombstones are in cluster time,
 * so a next owner goes on with its predecessor's. Where it is ahead by an hour,
 * all tunnels end; where it is behind, none does.
 */
#include "ha-tests/sim/sim.h"

#define APART_MS 1000 /* what a heartbeat may be late, and clocks drift apart meanwhile */

/* How far the member's cluster time is ahead of the simulated one. */
static int64_t time_ahead_ms(const struct member *m)
{
	return (int64_t)hf_core_cluster_time_ms(m->core, node_now(m->node)) -
	       (int64_t)(m->s->now_ns / MS_NS);
}

void laws_time_step(struct member *m)
{
	struct group_laws *l = laws_of(m);
	const struct cl_place at = cl_place(hf_core_cluster_node(m->core), group_id(m->group));
	const bool stands_by = m->role == CL_ROLE_STANDBY || m->role == CL_ROLE_PREPARING;

	if (!m->node->alive)
		return;
	if (m->role == CL_ROLE_ACTIVE) {
		l->terms[m->term].timed = true;
		l->terms[m->term].ahead_ms = time_ahead_ms(m);
		l->log_term[m->node->index] = m->term;
	} else if (stands_by && at.term < LAWS_TERMS && l->terms[at.term].timed) {
		l->log_term[m->node->index] = at.term;
	}
}

/*
 * The predecessor is who wrote the log that it goes on from: behind a cut another may have begun
 * a newer one. Without a record nothing is left whose time it would be: behind an empty start (R15).
 */
void laws_time_role(struct member *m)
{
	const struct group_laws *l = laws_of(m);
	const struct ss_store *store = cl_store(hf_core_cluster_node(m->core), group_id(m->group));
	const struct owned_term *before = &l->terms[l->log_term[m->node->index]];
	const int64_t by = time_ahead_ms(m) - before->ahead_ms;

	if (before->timed && ss_store_count(store, 0) && (by > APART_MS || by < -APART_MS))
		law_broken(m->s, 7, "the time of the group jumps by %lld ms when %s owns it",
			   (long long)by, m->name);
}
