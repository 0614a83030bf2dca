/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends rekey the same SA at once (RFC 7296 2.8.1, 2.8.2). Both requests
 * are answered, so two new SAs exist; the one made with the lowest of the
 * four nonces is deleted by the end that began it, and the end that began the
 * other deletes the old SA. Until our own response is here the peer's SA is
 * a rival: made, not yet in use, known by the nonce kept in its record.
 */
#include "ike/v2.h"

/* ---- CHILD SAs ---- */

struct child_sa *v2_child_rival(const struct ike_sa *sa)
{
	struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		if (c->s.nonce_low.len != 0 && child_sa_carries(c))
			return c;
	}
	return NULL;
}

static bool lower(struct bytes a, struct bytes b)
{
	return v2_lower_nonce(a, b).p == a.p;
}

bool v2_child_loses(const struct child_sa *rival, struct bytes ni, struct bytes nr)
{
	return lower(v2_lower_nonce(ni, nr), buf_bytes(&rival->s.nonce_low));
}

static bool replaces_a_closed_one(const struct child_sa *c)
{
	const struct child_sa *old;

	TAILQ_FOREACH (old, &c->sa->children, of_sa) {
		if (old->s.replaced_by == c->s.spi_in && old->s.stage != CHILD_SA_DEAD)
			return false;
	}
	return true;
}

/* The rival stays. When its predecessor was closed meanwhile, it carries already. */
static void stands(struct child_sa *rival)
{
	buf_free(&rival->s.nonce_low);
	child_sa_touch(rival);
	if (rival->s.stage == CHILD_SA_INSTALLED && replaces_a_closed_one(rival))
		child_sa_use_outbound(rival);
}

void v2_child_settle(struct child_sa *old, struct child_sa *fresh, struct child_sa *rival)
{
	struct ike_sa *sa = fresh->sa;

	if (fresh->s.stage == CHILD_SA_DELETING) {
		/* Ours lost. The peer deletes the old one; the rival carries from then on. */
		stands(rival);
		ike_want_add(sa, &(struct ike_want){ .kind = IKE_REQ_CHILD_DELETE,
						     .spi_in = fresh->s.spi_in });
		return;
	}
	if (rival != NULL) {
		buf_free(&rival->s.nonce_low);
		child_sa_retire(rival);
	}
	if (old == NULL || old->sa != sa || !child_sa_carries(old)) {
		child_sa_use_outbound(fresh);
		return;
	}
	old->s.replaced_by = fresh->s.spi_in;
	child_sa_want_delete(old);
}

void v2_child_concede(struct ike_sa *sa)
{
	struct child_sa *rival = v2_child_rival(sa);

	if (rival != NULL)
		stands(rival);
}

/* ---- IKE SAs ---- */

struct ike_sa *v2_ike_rival(const struct ike_sa *old)
{
	struct ike_sa *sa = old->s.replaced_by != 0 ? ike_sa_find(old->e, old->s.replaced_by)
						    : NULL;

	return sa != NULL && sa->s.stage == IKE_SA_ESTABLISHED && sa->s.nonce_i.len != 0 ? sa
											 : NULL;
}

/* The nonces stay: our own response may yet come, and the rule decides. */
void v2_rival_is_used(struct ike_sa *sa)
{
	struct ike_sa *old;
	struct child_sa *c;

	TAILQ_FOREACH (old, ike_sas_of(sa->e, sa->conn), of_conn) {
		if (v2_ike_rival(old) != sa)
			continue;
		while ((c = TAILQ_FIRST(&old->children)) != NULL) {
			child_sa_adopt(c, sa);
			child_sa_touch(c);
		}
	}
}

bool v2_ike_loses(const struct ike_sa *rival, struct bytes ni, struct bytes nr)
{
	return lower(v2_lower_nonce(ni, nr),
		     v2_lower_nonce(buf_bytes(&rival->s.nonce_i), buf_bytes(&rival->s.nonce_r)));
}

void v2_inherit(struct ike_sa *old, struct ike_sa *heir)
{
	struct child_sa *c;

	old->s.replaced_by = ike_sa_state_spi(&heir->s);
	ike_share_count(old);
	while ((c = TAILQ_FIRST(&old->children)) != NULL) {
		child_sa_adopt(c, heir);
		child_sa_touch(c);
	}
	ike_wants_move(old, heir);
	ike_sa_forget_init(heir); /* the nonces of a settled collision */
	ike_sa_touch(old);
	ike_sa_touch(heir);
}
