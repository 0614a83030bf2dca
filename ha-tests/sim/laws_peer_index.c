/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 8: peer-index transitions only as the table allows. The table is
 * written down here once more, from the ASA's documentation; each node's
 * store is held against what it held before, also when the node has become
 * the owner in between.
 */
#include "ha-tests/sim/sim.h"

enum { YES, NO, RESET };

/* By the number in the record (ike/tunnel_manager.h): "Peer Index Moved Yes/No/Reset". */
static const int moved[] = {
	[1] = YES,    /* peer not reachable */
	[2] = YES,    /* phase 1 proposal mismatch */
	[3] = YES,    /* phase 2 proposal mismatch */
	[4] = YES,    /* DPD ack not received */
	[5] = YES,    /* traffic selectors mismatch during AUTH phase */
	[6] = YES,    /* authentication failure */
	[7] = RESET,  /* rekey failure due to peer not reachable */
	[8] = RESET,  /* rekey failure due to proposal mismatch */
	[9] = RESET,  /* traffic selectors mismatch during rekey */
	[10] = RESET, /* crypto map modification */
	[11] = NO,    /* HA switchover */
	[12] = RESET, /* clear crypto IKEv2 SA */
	[13] = RESET, /* clear ipsec sa */
	[14] = RESET, /* IKEv2 SA timeout */
};

static bool allowed(const struct law_peer_index *was, const struct peer_index_state *is)
{
	if (is->reason == 0 || is->reason >= sizeof(moved) / sizeof(moved[0]) ||
	    moved[is->reason] == NO || is->index >= SCENARIO_INDEX_PEERS)
		return false;
	if (is->generation == was->generation)
		return is->index == was->index && is->reason == was->reason;
	if (moved[is->reason] == RESET)
		return is->generation > was->generation && is->index == 0;
	/* Two steps in one batch show the last alone. */
	return is->generation > was->generation + 1 ||
	       (is->generation == was->generation + 1 &&
		is->index == (was->index + 1) % SCENARIO_INDEX_PEERS);
}

static void check(void *ctx, const struct ss_record *r)
{
	struct member *m = ctx;
	struct laws *l = &m->s->laws;
	struct peer_index_state is;

	if (r->kind != SS_PEER_INDEX)
		return;
	if (ss_decode_peer_index(r, &is) != R_OK || is.seq < SCENARIO_FIRST_SEQ ||
	    is.seq >= SCENARIO_FIRST_SEQ + LAWS_PEERS) {
		law_broken(m->s, 8, "%s has a peer index of no crypto map entry", m->name);
		return;
	}
	struct law_peer_index *was = &l->peer_index[m->node->index][is.seq - SCENARIO_FIRST_SEQ];
	if (!allowed(was, &is))
		law_broken(m->s, 8,
			   "%s: the peer index of entry %u goes from %u (generation %llu) to %u "
			   "(generation %llu) because of %u",
			   m->name, is.seq, was->index, (unsigned long long)was->generation,
			   is.index, (unsigned long long)is.generation, is.reason);
	if (is.generation != was->generation && is.reason < 32)
		l->index_seen |= 1u << is.reason;
	*was = (struct law_peer_index){ is.index, is.reason, is.generation };
}

/* It begins with what it is given, and may have had more than that before (R23). */
static void forget(const struct member *m)
{
	for (unsigned int i = 0; i < m->s->scenario.n_peers; i++)
		if (peer_group(m->s, i) == m->group)
			m->s->laws.peer_index[m->node->index][i] = (struct law_peer_index){ 0 };
}

void laws_peer_index(struct member *m, enum cl_role role)
{
	if (role == CL_ROLE_JOINING || role == CL_ROLE_OFFLINE)
		forget(m);
	else if (m->s->scenario.silent_peer)
		ss_store_each(cl_store(hf_core_cluster_node(m->core), group_id(m->group)), check,
			      m);
}
