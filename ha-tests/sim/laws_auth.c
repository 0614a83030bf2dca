/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 7, its part on authentications after something that excuses them (R10, R15, R23). Each is
 * matched by name: whatever its peer still has beside it is an IKE SA that the node has said to
 * end, or that its state lacked when it took over. One more, and the law is broken.
 */
#include "ha-tests/sim/sim.h"

struct held {
	uint64_t spi_i, established_ms, created_ms;
	uint8_t stage;
	bool found, ends;
};

static void look(void *ctx, const struct ike_sa_state *sa)
{
	struct held *h = ctx;

	if (sa->spi_i != h->spi_i)
		return;
	h->found = true;
	h->stage = sa->stage;
	h->ends = sa->anew || sa->closing;
	h->established_ms = sa->established_ms;
	h->created_ms = sa->created_ms;
}

static struct held held_by(const struct member *m, uint64_t spi_i)
{
	struct held h = { .spi_i = spi_i };

	if (m->node->alive && m->core && hf_core_engine(m->core))
		ike_each_sa(hf_core_engine(m->core), look, &h);
	return h;
}

static bool stands(const struct ike_sa_state *sa)
{
	return sa->stage == IKE_SA_ESTABLISHED && !sa->closing;
}

static bool goes_on(const struct held *h)
{
	return h->found && h->stage == IKE_SA_ESTABLISHED && !h->ends;
}

static struct digest128 name_of(uint64_t spi_i)
{
	return digest128(bytes(&spi_i, sizeof(spi_i)));
}

/* ---- what ends ---- */

static bool held_by_others(const struct member *m, uint64_t spi_i)
{
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++)
		if (member_at(m, i) != m && held_by(member_at(m, i), spi_i).found)
			return true;
	return false;
}

static void note_ended(void *ctx, const struct ike_sa_state *its)
{
	struct member *m = ctx;
	const struct held h = held_by(m, its->spi_i);

	if (stands(its) && !goes_on(&h))
		(void)seen_add(&m->s->laws.ended, name_of(its->spi_i), (struct digest128){ 0 });
}

void laws_auth_ended(struct member *m, const struct peer *p)
{
	ike_each_sa(p->engine, note_ended, m);
}

static void note_lost(void *ctx, const struct ike_sa_state *its)
{
	struct member *m = ctx;

	if (stands(its) && !held_by_others(m, its->spi_i))
		(void)seen_add(&m->s->laws.ended, name_of(its->spi_i), (struct digest128){ 0 });
}

void laws_auth_lost(struct member *m, const struct peer *p)
{
	ike_each_sa(p->engine, note_lost, m);
}

/* ---- what goes on at both ends ---- */

struct agreement {
	struct member *owner;
	const struct peer *p;
	const struct ike_sa_state *sa;      /* the owner's */
	const struct child_sa_state *child; /* the peer's */
	bool reached, found;
};

static void look_at_owner(void *ctx, const struct ike_sa_state *its)
{
	struct agreement *a = ctx;
	const struct held h = held_by(a->owner, its->spi_i);

	/* Not what it wants to delete either: the DELETE of one that is lost waits for its end. */
	if (its->stage == IKE_SA_ESTABLISHED)
		a->reached = a->reached && stands(its) && goes_on(&h);
}

/* Law 5's comparison: two owners may have left ids behind each other, until the peer gives up. */
static void compare_ids(void *ctx, const struct ike_sa_state *its)
{
	struct agreement *a = ctx;
	const uint32_t answered = its->next_request_id - (its->outstanding.kind != IKE_REQ_NONE);

	if (its->spi_i == a->sa->spi_i && its->spi_r == a->sa->spi_r)
		a->reached = a->reached && a->sa->next_request_id >= its->expected_request_id &&
			     a->sa->expected_request_id >= answered;
}

static void look_at_peer(void *ctx, const struct ike_sa_state *ours)
{
	struct agreement *a = ctx;
	struct held h = { .spi_i = ours->spi_i };

	if (ours->stage != IKE_SA_ESTABLISHED || !inet_equal(&ours->remote.addr, &a->p->address))
		return;
	ike_each_sa(a->p->engine, look, &h);
	a->reached = a->reached && !ours->anew && !ours->closing && goes_on(&h);
	a->sa = ours;
	ike_each_sa(a->p->engine, compare_ids, a);
}

static void look_for_child(void *ctx, const struct child_sa_state *ours)
{
	struct agreement *a = ctx;

	a->found = a->found ||
		   (ours->spi_in == a->child->spi_out && ours->spi_out == a->child->spi_in);
}

static void look_at_child(void *ctx, const struct child_sa_state *its)
{
	struct agreement *a = ctx;

	if (!a->reached || (its->stage != CHILD_SA_ESTABLISHED && its->stage != CHILD_SA_INSTALLED))
		return;
	a->child = its;
	a->found = false;
	ike_each_child(hf_core_engine(a->owner->core), 0, look_for_child, a);
	a->reached = a->found;
}

bool laws_auth_agreed(struct sim *s, const struct peer *p)
{
	struct agreement a = { .owner = member_owner(s, peer_group(s, p->index), NULL), .p = p };

	if (!a.owner)
		return false;
	a.reached = true;
	ike_each_sa(p->engine, look_at_owner, &a);
	ike_each_sa(hf_core_engine(a.owner->core), look_at_peer, &a);
	ike_each_child(p->engine, 0, look_at_child, &a);
	return a.reached;
}

/* ---- what begins ---- */

struct attempt {
	struct member *m;
	const struct peer *p;
	struct held own;
	uint64_t age_ms;
};

/* R23: with what another owner has made nobody here can go on before they meet. */
static bool held_by_another_owner(const struct member *m, uint64_t spi_i)
{
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct member *other = member_at(m, i);
		if (other != m && other->role == CL_ROLE_ACTIVE && held_by(other, spi_i).found)
			return true;
	}
	return false;
}

struct succession {
	const struct ike_sa_state *sa; /* the peer's */
	const struct sim *s;
	bool of_ended;
};

static void look_for_former(void *ctx, const struct ike_sa_state *former)
{
	struct succession *k = ctx;
	const uint64_t own = k->sa->initiator ? k->sa->spi_i : k->sa->spi_r;

	if (former->replaced_by == own && seen_has(&k->s->laws.ended, name_of(former->spi_i)))
		k->of_ended = true;
}

/* It has ended, or is what the peer has made of one that has. */
static bool has_ended(const struct attempt *a, const struct ike_sa_state *its)
{
	struct succession k = { .sa = its, .s = a->m->s };

	ike_each_sa(a->p->engine, look_for_former, &k);
	return k.of_ended || seen_has(&k.s->laws.ended, name_of(its->spi_i));
}

static void look_beside(void *ctx, const struct ike_sa_state *its)
{
	struct attempt *a = ctx;
	const struct held h = held_by(a->m, its->spi_i);

	/* What the peer has made since this one began, also by a rekey, was not there to go on with. */
	if (its->spi_i == a->own.spi_i || !stands(its) ||
	    its->created_ms + a->age_ms >= peer_ms(a->p))
		return;
	a->m->s->stats.beside++;
	/* Both ends may have begun at once. */
	if (h.found && (!goes_on(&h) || h.established_ms >= a->own.created_ms))
		return;
	if (has_ended(a, its) || (!h.found && held_by_another_owner(a->m, its->spi_i)))
		return;
	law_broken(a->m->s, 7, "%s authenticates itself to %s beside IKE SA %016llx, which it %s",
		   a->m->name, a->p->name, (unsigned long long)its->spi_i,
		   h.found ? "holds" : "has lost");
}

void laws_auth_beside(struct member *m, const struct peer *p, uint64_t spi_i)
{
	struct attempt a = { .m = m, .p = p, .own = held_by(m, spi_i) };

	a.age_ms = hf_core_cluster_time_ms(m->core, node_now(m->node)) - a.own.created_ms;
	ike_each_sa(p->engine, look_beside, &a);
}
