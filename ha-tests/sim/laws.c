/* SPDX-License-Identifier: Apache-2.0 */
/* Laws 4, 5 and 8: two owners, what the next owner has, equal stores. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"
#include "base/wire_writer.h"

#define EXPOSED_NS (4 * SECOND) /* a checkpoint is no older at a takeover (R18, R12) */

void laws_open(struct sim *s)
{
	s->laws = (struct laws){ 0 };
}

struct group_laws *laws_of(const struct member *m)
{
	return &m->s->laws.group[m->group];
}

struct group_laws *laws_of_peer(struct sim *s, unsigned int peer)
{
	return &s->laws.group[peer_group(s, peer)];
}

bool laws_excused(const struct sim *s)
{
	bool any = false;

	for (unsigned int g = 0; g < s->scenario.n_groups; g++)
		any = any || s->laws.group[g].ever_excused;
	return any;
}

void laws_close(struct sim *s)
{
	struct laws *l = &s->laws;

	seen_free(&l->seals);
	seen_free(&l->seals_again);
	seen_free(&l->numbers);
	seen_free(&l->messages);
	seen_free(&l->past_ids);
	seen_free(&l->sync_messages);
	seen_free(&l->syncs);
	seen_free(&l->sync_asked);
	seen_free(&l->touched);
	seen_free(&l->digests);
	seen_free(&l->held_children);
	seen_free(&l->ended);
	seen_free(&l->spis);
}

/* ---- law 5: a peer's state against the next owner's ---- */

struct look {
	struct member *m;
	const struct ike_sa_state *sa; /* the peer's */
	const struct child_sa_state *child;
	bool found;
};

static void look_at_sa(void *ctx, const struct ike_sa_state *ours)
{
	struct look *k = ctx;

	if (ours->spi_i == k->sa->spi_i && ours->spi_r == k->sa->spi_r) {
		k->found = true;
		if (ours->outstanding.dh_group && !ours->outstanding.dh_private.len)
			law_broken(k->m->s, 5, "%s cannot use the answer to its request %u",
				   k->m->name, ours->outstanding.message_id);
		if (ours->next_request_id < k->sa->expected_request_id)
			law_broken(k->m->s, 5, "%s will use message id %u, the peer has seen %u",
				   k->m->name, ours->next_request_id, k->sa->expected_request_id);
		uint32_t answered = k->sa->next_request_id -
				    (k->sa->outstanding.kind != IKE_REQ_NONE);
		if (ours->expected_request_id < answered)
			law_broken(k->m->s, 5,
				   "%s expects message id %u, the peer has an answer to %u",
				   k->m->name, ours->expected_request_id, answered - 1);
	}
	/* The peer has answered our rekey; the answer is still on its way to us. */
	if (!k->sa->initiator && ours->outstanding.kind == IKE_REQ_IKE_REKEY &&
	    ours->outstanding.new_ike_spi == k->sa->spi_i)
		k->found = true;
}

static void law5_sa(void *ctx, const struct ike_sa_state *sa)
{
	struct look k = { .m = ctx, .sa = sa };

	if (sa->stage != IKE_SA_ESTABLISHED)
		return;
	ike_each_sa(hf_core_engine(k.m->core), look_at_sa, &k);
	if (!k.found)
		law_broken(k.m->s, 5, "%s takes over without IKE SA %016llx/%016llx", k.m->name,
			   (unsigned long long)sa->spi_i, (unsigned long long)sa->spi_r);
}

static void look_at_child(void *ctx, const struct child_sa_state *ours)
{
	struct look *k = ctx;

	if (ours->spi_in == k->child->spi_out && ours->spi_out == k->child->spi_in)
		k->found = true;
}

static void look_at_outstanding(void *ctx, const struct ike_sa_state *ours)
{
	struct look *k = ctx;

	if (!k->child->initiator && ours->outstanding.new_spi_in == k->child->spi_out)
		k->found = true;
}

/* Its IKE SA is being deleted by us, and with it all that it carries. */
static void look_at_deleting(void *ctx, const struct ike_sa_state *ours)
{
	struct look *k = ctx;

	if (ours->stage >= IKE_SA_DELETING &&
	    (ours->spi_i == k->child->ike_spi || ours->spi_r == k->child->ike_spi))
		k->found = true;
}

static void law5_child(void *ctx, const struct child_sa_state *child)
{
	struct look k = { .m = ctx, .child = child };

	if (child->stage != CHILD_SA_ESTABLISHED && child->stage != CHILD_SA_INSTALLED)
		return;
	ike_each_child(hf_core_engine(k.m->core), 0, look_at_child, &k);
	ike_each_sa(hf_core_engine(k.m->core), look_at_outstanding, &k);
	ike_each_sa(hf_core_engine(k.m->core), look_at_deleting, &k);
	if (!k.found)
		law_broken(k.m->s, 5,
			   "%s takes over without the peer's CHILD SA in/out 0x%08x/0x%08x",
			   k.m->name, child->spi_in, child->spi_out);
}

static void law5(struct member *m, struct peer *p)
{
	ike_each_sa(p->engine, law5_sa, m);
	ike_each_child(p->engine, 0, law5_child, m);
}

/* One without quorum is an owner that is silent (R12), not the next one. */
static struct member *next_owner(const struct member *m)
{
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		struct member *other = member_at(m, i);
		if (other != m && other->node->alive && !other->node->paused &&
		    other->role == CL_ROLE_ACTIVE && m->s->mcast.host[i].quorate)
			return other;
	}
	return NULL;
}

/* What was under way at a takeover counts as well. */
void laws_peer_heard(struct peer *p, const struct packet *pkt)
{
	const struct group_laws *l = laws_of_peer(p->s, p->index);
	struct member *owner = pkt->from ? next_owner(pkt->from) : NULL;

	if (pkt->kind == PACKET_IKE && owner && pkt->from->role != CL_ROLE_ACTIVE &&
	    !l->unprotected && !l->excused)
		law5(owner, p);
}

/* ---- ownership ---- */

static void each_peer_of(const struct member *m, void (*look)(struct member *m, struct peer *p))
{
	for (unsigned int i = 0; i < m->s->scenario.n_peers; i++)
		if (peer_group(m->s, i) == m->group)
			look((struct member *)(uintptr_t)m, &m->s->peers[i]);
}

static void unsettle(struct member *m, struct peer *p)
{
	laws_auth_ended(m, p);
	laws_auth_lost(m, p);
	laws_excuse(m->s, p->index);
}

/* for_long: both ends may have to give up what they have, which takes its time. */
static void excuse(struct member *m, const char *what, bool for_long)
{
	struct group_laws *l = laws_of(m);

	l->excused_for_long = l->excused_for_long || for_long;
	if (!l->excused) {
		m->s->stats.excused++;
		trace(m->s, "from here on a tunnel may have to be set up anew: %s", what);
	}
	l->excused = l->ever_excused = true;
	each_peer_of(m, unsettle);
}

/* One that is stopped counts: it has not heard of this owner, and goes on when it wakes. */
static bool owned_by_others(const struct member *m)
{
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct member *other = member_at(m, i);
		if (other != m && other->node->alive && other->role == CL_ROLE_ACTIVE)
			return true;
	}
	return false;
}

static void count_role(struct member *m, const struct hf_role_change *change)
{
	m->s->stats.takeovers += !change->handover;
	m->s->stats.handovers += change->handover;
	m->s->stats.suspects += change->suspect;
	if (!change->handover)
		laws_of(m)->taken_over_ns = m->s->now_ns;
}

/* R15: an operator may begin anew where whoever holds the state is out of reach. */
static bool begun_anew(const struct member *m, const struct hf_role_change *change)
{
	return m->told_active && strcmp(change->why, "empty start") == 0 && laws_apart(m->s) &&
	       owned_by_others(m);
}

void laws_role(struct member *m, const struct hf_role_change *change)
{
	struct sim *s = m->s;
	struct group_laws *l = laws_of(m);

	if (change->role != CL_ROLE_ACTIVE)
		return;
	laws_term_owned(m, change->term);
	laws_time_role(m);
	count_role(m, change);
	l->begun_anew = l->begun_anew || begun_anew(m, change);
	if (change->suspect && !laws_apart(s) && change->term > l->protected_term)
		laws_protected_claim(m);
	/* Under a new owner nobody is protected before it says so. */
	l->protected_term = change->term;
	l->protected_slots = 0;
	/* R10: who is not suspect lacks nothing, whether or not the former owner was protected; but
	 * for an owner that is still there (R23). */
	if (!change->suspect && !l->split && !l->excused && !begun_anew(m, change) &&
	    !(l->unprotected && owned_by_others(m)))
		each_peer_of(m, law5);
	/* R23's counted case: what is set up anew may have gone to a peer that does not answer. */
	if (strcmp(change->why, "two owners merged") == 0)
		excuse(m, change->why, true);
	if (change->suspect || l->unprotected)
		excuse(m,
		       change->suspect ? "suspect takeover" : "the former owner was not protected",
		       change->suspect || !s->mcast.cut);
	l->unprotected = false;
}

/* R18: after a takeover that was not handed over, what came behind the checkpoint may come
 * again. */
void laws_replayed(struct gateway *gw, uint64_t first_ns)
{
	if (gw->peer) {
		law_broken(gw->s, 2, "a packet is accepted twice");
		return;
	}
	const struct group_laws *l = laws_of(gw->member);
	const bool exposed = first_ns <= l->taken_over_ns &&
			     first_ns + EXPOSED_NS >= l->taken_over_ns;

	if (!exposed && !l->excused)
		law_broken(gw->s, 2, "a packet is accepted twice");
}

void laws_protection(struct member *m, bool is_protected)
{
	if (is_protected && m->role == CL_ROLE_ACTIVE)
		laws_of(m)->unprotected = false;
}

/* A joiner keeps what it held before, until it has more (R22). */
static bool held_by_others(const struct member *m)
{
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct member *other = member_at(m, i);
		if (other != m && other->node->alive && other->has_held)
			return true;
	}
	return false;
}

/* A peer has seen what it said unprotected, and no takeover from it follows. */
static bool spoke_alone(const struct member *m)
{
	return m->role == CL_ROLE_ACTIVE && laws_of(m)->unprotected && owned_by_others(m);
}

void laws_lose(struct member *m)
{
	struct sim *s = m->s;

	if (!m->has_held)
		return;
	if (!held_by_others(m)) {
		s->stats.state_losses++;
		laws_of(m)->protected_slots = 0;
		laws_of(m)->all_lost_ns = s->now_ns;
		excuse(m, "the only holder of state is gone", true);
	} else if ((s->stats.split_brains && laws_apart(s)) || spoke_alone(m)) {
		excuse(m, "one of two owners is gone with what only it had", true);
	}
}

void laws_disk_lost(struct member *m)
{
	laws_of(m)->disk_lost_ns[m->node->index] = m->s->now_ns;
}

void laws_disk_stale(struct member *m)
{
	laws_of(m)->disk_stale_ns[m->node->index] = m->s->now_ns;
}

bool laws_apart(const struct sim *s)
{
	return s->mcast.cut || (s->laws.together_ns && s->now_ns < s->laws.together_ns + SECOND);
}

static bool sends(const struct member *m)
{
	const struct node *nd = m->node;

	return nd->alive && !nd->paused && m->role == CL_ROLE_ACTIVE &&
	       hf_core_may_send(m->core, node_now(nd));
}

static bool has_quorum(const struct member *m)
{
	return m->s->mcast.host[m->node->index].quorate;
}

static bool owns_with_quorum(const struct member *m)
{
	return m->node->alive && m->role == CL_ROLE_ACTIVE && has_quorum(m);
}

/* Two halves of a cut pair, an owner in each. One that is asleep seals as soon as it wakes. */
static bool owned_on_both_sides(struct sim *s, unsigned int group)
{
	for (unsigned int a = 0; s->mcast.cut && a < s->scenario.n_nodes; a++)
		for (unsigned int b = 0; b < a; b++)
			if (s->mcast.side[a] != s->mcast.side[b] &&
			    owns_with_quorum(&s->nodes[a].members[group]) &&
			    owns_with_quorum(&s->nodes[b].members[group]))
				return true;
	return false;
}

static void law_split(struct member *m)
{
	struct sim *s = m->s;
	struct group_laws *l = laws_of(m);
	unsigned int senders = 0, with_quorum = 0;

	/* Nobody is asked to fence whom an operator goes past. */
	if (!laws_apart(s))
		l->begun_anew = false;
	/* Only who runs may have begun to send. */
	if (!l->split && !s->mcast.cut && !sends(m))
		return;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (sends(member_at(m, i))) {
			senders++;
			with_quorum += has_quorum(member_at(m, i));
		}
	bool both = owned_on_both_sides(s, m->group), split = senders > 1 || both;
	if (with_quorum > 1 || both)
		l->split_quorum = true;

	if (split && !l->split) {
		s->stats.split_brains++;
		excuse(m, "two owners", false); /* R23: what both held is merged */
	}
	if (senders > 1 && !laws_apart(s))
		law_broken(s, 4, "two owners in one view");
	if (senders > 1 && s->scenario.fenced && !l->begun_anew)
		law_broken(s, 4, "two owners, and none of them is fenced");
	l->split = split;
}

/* ---- law 8 ---- */

/* In any order: the digests are added up. */
static void digest_add(void *ctx, const struct ss_record *r)
{
	struct digest128 *sum = ctx;
	const uint64_t name[] = { r->kind, r->key };
	struct digest128 d = digest128_more(digest128(bytes(name, sizeof(name))),
					    buf_bytes(&r->data));

	sum->a += d.a;
	sum->b += d.b;
}

static const struct cl_node *cluster_of(const struct member *m)
{
	return hf_core_cluster_node(m->core);
}

static struct digest128 store_digest(const struct member *m)
{
	struct digest128 sum = { 0 };

	ss_store_each(cl_store(cluster_of(m), group_id(m->group)), digest_add, &sum);
	return sum;
}

static void law8(struct member *m)
{
	struct group_laws *l = laws_of(m);
	const unsigned int i = m->node->index;
	const struct cl_place at = cl_place(cluster_of(m), group_id(m->group));

	if (at.role == CL_ROLE_JOINING || at.role == CL_ROLE_OFFLINE) {
		laws_peer_index(m, at.role);
		return;
	}
	if (at.applied == l->checked_position[i] && at.term == l->checked_term[i])
		return;
	l->checked_position[i] = at.applied;
	l->checked_term[i] = at.term;
	laws_protected_step(m);
	laws_peer_index(m, at.role);
	laws_spi(m, at.applied);
	/* A log that is gone with all who held it, or heard of it, may have had the same name (R11). */
	const uint64_t name[] = { m->group,   at.owner_slot,  at.term,
				  at.applied, l->all_lost_ns, l->unheard_ns };
	if (seen_add(&m->s->laws.digests, digest128(bytes(name, sizeof(name))), store_digest(m)) ==
	    SEEN_OTHER)
		law_broken(m->s, 8, "the stores differ at position %llu of term %llu",
			   (unsigned long long)at.applied, (unsigned long long)at.term);
}

void laws_step(struct node *nd)
{
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++) {
		law8(&nd->members[g]);
		law_split(&nd->members[g]);
		laws_commit_step(&nd->members[g]);
		laws_time_step(&nd->members[g]);
		laws_term_step(&nd->members[g]);
	}
	laws_admission(nd);
}
