/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Law 5 at the moment when a peer can see something: every standby that the
 * group has been told is protected holds it (R4, R5). And what waits for that
 * does not wait for ever (R6, R8).
 */
#include "base/must.h"
#include "base/wire_reader.h"
#include "base/wire_writer.h"
#include "ha-tests/sim/sim.h"

#define HELD_NS (5 * SECOND) /* a membership change, twice R6's wait, and some */

/* ---- who must hold it ---- */

static bool status_of(const struct member *m, struct cl_group_status *st)
{
	return cl_group_status(hf_core_cluster_node(m->core), group_id(m->group), node_now(m->node),
			       st) == R_OK;
}

static bool is_protected_member(const struct cl_group_status *owner, const struct member *m)
{
	for (size_t i = 0; i < owner->n_members; i++)
		if (owner->members[i].node_id == m->node->id)
			return owner->members[i].in_protected_set;
	return false;
}

/*
 * A standby that follows this owner's log, and knows that the owner holds its output for it: before
 * that it would take over as suspect (R10), and what was seen unprotected may be on its way to it.
 */
static bool stands_by(const struct member *owner, const struct cl_group_status *of_owner,
		      const struct member *m)
{
	struct cl_group_status st;

	if (m == owner || !m->node->alive || !is_protected_member(of_owner, m) ||
	    !status_of(m, &st))
		return false;
	return (st.role == CL_ROLE_STANDBY || st.role == CL_ROLE_PREPARING) &&
	       is_protected_member(&st, m) && st.term == of_owner->term &&
	       st.owner_slot == of_owner->owner_slot;
}

static const struct ss_store *store_of(const struct member *m)
{
	return cl_store(hf_core_cluster_node(m->core), group_id(m->group));
}

typedef void (*standby_fn)(struct member *owner, const struct member *standby, const void *what);

static void each_standby(struct member *owner, standby_fn look, const void *what)
{
	struct cl_group_status st;

	if (!owner->node->alive || !status_of(owner, &st))
		return;
	for (unsigned int i = 0; i < owner->s->scenario.n_nodes; i++)
		if (stands_by(owner, &st, member_at(owner, i)))
			look(owner, member_at(owner, i), what);
}

/* ---- IKE ---- */

struct sa_search {
	uint64_t own_spi;
	bool found;
};

static void search_sa(void *ctx, const struct ike_sa_state *sa)
{
	struct sa_search *k = ctx;

	k->found = k->found || (sa->initiator ? sa->spi_i : sa->spi_r) == k->own_spi;
}

/* What waited behind its end, as a request that was answered meanwhile, needs nobody any more. */
static bool has_ended(const struct member *owner, uint64_t own_spi)
{
	struct sa_search k = { .own_spi = own_spi };

	ike_each_sa(hf_core_engine(owner->core), search_sa, &k);
	return !k.found;
}

static void look_for_message(struct member *owner, const struct member *standby, const void *what)
{
	const struct sent_message *m = what;
	const struct ss_record *r = ss_store_get(store_of(standby), SS_IKE_SA, m->own_spi);
	struct ike_sa_state sa = { 0 };

	if (!r && has_ended(owner, m->own_spi))
		return;
	if (!r || ss_decode_ike_sa(r, &sa) != R_OK) {
		law_broken(owner->s, 5, "%s sends for IKE SA %016llx, which %s does not hold",
			   owner->name, (unsigned long long)m->own_spi, standby->name);
		return;
	}
	uint32_t known = m->response ? sa.expected_request_id : sa.next_request_id;
	if (known <= m->id)
		law_broken(owner->s, 5, "%s sends %s %u of IKE SA %016llx, %s holds it up to %u",
			   owner->name, m->response ? "response" : "request", m->id,
			   (unsigned long long)m->own_spi, standby->name, known);
	ike_sa_state_clear(&sa);
}

void laws_commit_ike(struct member *m, const struct sent_message *sent)
{
	each_standby(m, look_for_message, sent);
}

/* ---- ESP: the first packet of an SA is the one that counts ---- */

struct child_search {
	uint32_t spi_out;
	bool found;
};

static void search_child(void *ctx, const struct ss_record *r)
{
	struct child_search *k = ctx;
	struct child_sa_state c = { 0 };

	if (k->found || r->kind != SS_CHILD_SA || ss_decode_child_sa(r, &c) != R_OK)
		return;
	k->found = c.spi_out == k->spi_out;
	child_sa_state_clear(&c);
}

static struct digest128 holding(const struct member *m, uint32_t spi)
{
	uint8_t text[12];
	struct wire_writer w = wire_writer(text, sizeof(text));

	wire_put_u32(&w, m->node->id);
	wire_put_u32(&w, m->node->incarnation);
	wire_put_u32(&w, spi);
	return digest128(bytes(text, w.len));
}

static bool is_known_to_hold(const struct member *m, uint32_t spi)
{
	return seen_has(&m->s->laws.held_children, holding(m, spi));
}

static void look_for_child(struct member *owner, const struct member *standby, const void *what)
{
	struct child_search k = { .spi_out = *(const uint32_t *)what };

	if (is_known_to_hold(standby, k.spi_out))
		return;
	ss_store_each(store_of(standby), search_child, &k);
	if (k.found)
		(void)seen_add(&owner->s->laws.held_children, holding(standby, k.spi_out),
			       (struct digest128){ 0 });
	else
		law_broken(owner->s, 5, "%s seals for SPI 0x%08x, which %s does not hold",
			   owner->name, k.spi_out, standby->name);
}

void laws_commit_esp(struct member *m, struct bytes packet)
{
	struct wire_reader r = wire_reader(packet);
	uint32_t spi = wire_u32(&r);

	/* With most packets all hold it, and who has to does not matter. */
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct member *other = member_at(m, i);
		if (other != m && other->node->alive && !is_known_to_hold(other, spi)) {
			each_standby(m, look_for_child, &spi);
			return;
		}
	}
}

/* ---- not for ever ---- */

void laws_commit_step(struct member *m)
{
	const struct node *nd = m->node;
	const struct hf_core_stats *st = hf_core_stats(m->core);
	struct held_since *h = &laws_of(m)->held[nd->index];
	const bool waits = m->role == CL_ROLE_ACTIVE && st->held_now > 0 &&
			   !nd->s->mcast.host[nd->index].frozen;

	if (!waits || st->released != h->released || h->incarnation != nd->incarnation ||
	    nd->paused_ns >= h->ns)
		*h = (struct held_since){ .ns = nd->s->now_ns,
					  .released = st->released,
					  .incarnation = nd->incarnation };
	else if (h->ns + HELD_NS < nd->s->now_ns && hf_core_may_send(m->core, node_now(nd)))
		law_broken(nd->s, 7, "%s has held its output for %llu ms", m->name,
			   (unsigned long long)((nd->s->now_ns - h->ns) / MS_NS));
}
