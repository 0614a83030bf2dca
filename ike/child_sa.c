/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CHILD SA as an object and its life in the datapath (R5): inbound from
 * the moment it exists, outbound when the peer is known to be ready, inbound
 * still for a while after it was closed. RFC 7296 2.8, 1.4.1.
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "ike/engine.h"

#define C(stage) (1u << CHILD_SA_##stage)

/* Which stage may follow which; anything else is a bug of ours. */
static const uint16_t follows[] = {
	[CHILD_SA_NONE] = C(INSTALLED) | C(DELETING),
	[CHILD_SA_INSTALLED] = C(ESTABLISHED) | C(REKEYED) | C(DELETING) | C(DEAD),
	[CHILD_SA_ESTABLISHED] = C(ESTABLISHED) | C(REKEYED) | C(DELETING) | C(DEAD),
	[CHILD_SA_REKEYED] = C(REKEYED) | C(DELETING) | C(DEAD),
	[CHILD_SA_DELETING] = C(DELETING) | C(DEAD),
	[CHILD_SA_DEAD] = 0,
};

static void enter(struct child_sa *c, enum child_sa_stage to)
{
	must(c->s.stage <= CHILD_SA_DEAD && (follows[c->s.stage] & 1u << to));
	c->s.stage = (uint8_t)to;
	child_sa_touch(c);
}

static struct bytes spi_key(const uint32_t *spi)
{
	return bytes(spi, sizeof(*spi));
}

struct child_sa *child_sa_find(const struct ike_engine *e, uint32_t spi_in)
{
	return hashmap_get(e->child_map, spi_key(&spi_in));
}

uint32_t child_spi_new(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	uint8_t shard = ike_spi_shard(ike_sa_state_spi(&sa->s));
	uint32_t spi;

	do {
		e->ec.random(e->ec.random_ctx, (uint8_t *)&spi, sizeof(spi));
		spi = (uint32_t)e->ec.slot << 28 | (uint32_t)shard << 24 | spi >> 8;
		if (hf_rule_broken(HF_RULE_SPI))
			spi = (spi & 0x1f) | ESP_SPI_MIN;
	} while (spi < ESP_SPI_MIN || child_sa_find(e, spi) != NULL ||
		 hashmap_get(e->offered, spi_key(&spi)) != NULL);
	return spi;
}

void child_spi_reserve(struct ike_sa *sa)
{
	uint32_t spi = sa->s.outstanding.new_spi_in;

	/* Two records cannot name one SPI: it was reserved when they were made. */
	if (spi != 0 && hashmap_get(sa->e->offered, spi_key(&spi)) == NULL)
		must(hashmap_insert(sa->e->offered, spi_key(&spi), sa) == R_OK);
}

void child_spi_release(struct ike_sa *sa)
{
	uint32_t spi = sa->s.outstanding.new_spi_in;

	if (spi != 0 && hashmap_get(sa->e->offered, spi_key(&spi)) == sa)
		hashmap_remove(sa->e->offered, spi_key(&spi));
}

struct child_sa *child_sa_new(struct ike_engine *e, struct ike_sa *sa, struct child_sa_state *adopt)
{
	struct child_sa *c = calloc(1, sizeof(*c));

	must(c != NULL);
	c->e = e;
	c->s = *adopt;
	*adopt = (struct child_sa_state){ 0 };
	c->life = (struct timer){ .kind = TIMER_CHILD_LIFE, .owner = c };
	c->sa = sa;
	TAILQ_INSERT_TAIL(sa != NULL ? &sa->children : &e->loose, c, of_sa);
	must(hashmap_insert(e->child_map, spi_key(&c->s.spi_in), c) == R_OK);
	return c;
}

void child_sa_adopt(struct child_sa *c, struct ike_sa *sa)
{
	struct child_sa *younger;

	TAILQ_REMOVE(c->sa != NULL ? &c->sa->children : &c->e->loose, c, of_sa);
	c->sa = sa;
	c->s.ike_spi = ike_sa_state_spi(&sa->s);
	/* By age, whatever the order in which records came: the youngest of a tunnel is last. */
	TAILQ_FOREACH (younger, &sa->children, of_sa) {
		if (younger->s.created_ms > c->s.created_ms)
			break;
	}
	if (younger != NULL)
		TAILQ_INSERT_BEFORE(younger, c, of_sa);
	else
		TAILQ_INSERT_TAIL(&sa->children, c, of_sa);
}

void child_sa_install(struct child_sa *c, enum child_sa_stage stage)
{
	struct ike_effect *f = ike_fx(c->e, IKE_FX_CHILD_INSTALL);

	f->spi_in = c->s.spi_in;
	f->child = &c->s;
	enter(c, stage);
	child_life_arm(c);
}

static void use_outbound(struct child_sa *c)
{
	ike_fx_held(c->e, IKE_FX_CHILD_USE_OUTBOUND)->spi_in = c->s.spi_in;
}

void child_sa_use_outbound(struct child_sa *c)
{
	enter(c, CHILD_SA_ESTABLISHED);
	use_outbound(c);
}

bool child_sa_carries(const struct child_sa *c)
{
	return c->s.stage == CHILD_SA_INSTALLED || c->s.stage == CHILD_SA_ESTABLISHED;
}

struct child_sa *child_sa_of_tunnel(const struct ike_sa *sa, uint32_t tunnel)
{
	struct child_sa *c;

	TAILQ_FOREACH_REVERSE (c, &sa->children, child_list, of_sa) {
		if (c->s.tunnel == tunnel && child_sa_carries(c))
			return c;
	}
	return NULL;
}

bool child_sa_peer_unsure(const struct child_sa *c)
{
	return c->s.stage == CHILD_SA_INSTALLED && !c->s.initiator &&
	       c->e->now < c->s.created_ms + IKE_REPLACED_WAIT_MS;
}

/* Of another IKE SA with the same peer: while one takes over from the other (R23), or where two
 * were set up at once. */
static struct child_sa *heir_elsewhere(const struct child_sa *c)
{
	struct ike_sa *sa;

	TAILQ_FOREACH (sa, ike_sas_of(c->e, c->sa->conn), of_conn) {
		if (sa == c->sa || sa->s.closing || sa->s.anew || sa->s.stage != IKE_SA_ESTABLISHED)
			continue;
		struct child_sa *heir = child_sa_of_tunnel(sa, c->s.tunnel);
		if (heir != NULL)
			return heir;
	}
	return NULL;
}

/*
 * c sends no more: its successor, or the youngest other CHILD SA of the tunnel,
 * carries it, and c goes on until that is committed (R5). Without an heir it stops.
 * That c ends says nothing of whether the peer has our response that made the heir.
 */
static void hand_on_outbound(struct child_sa *c)
{
	struct child_sa *heir = c->s.replaced_by != 0 ? child_sa_find(c->e, c->s.replaced_by)
						      : NULL;

	if (heir == NULL || !child_sa_carries(heir))
		heir = c->sa != NULL ? child_sa_of_tunnel(c->sa, c->s.tunnel) : NULL;
	if (heir == NULL && c->sa != NULL && c->sa->conn != NULL)
		heir = heir_elsewhere(c);
	if (heir != NULL && child_sa_peer_unsure(heir))
		use_outbound(heir);
	else if (heir != NULL)
		child_sa_use_outbound(heir);
	else
		ike_fx(c->e, IKE_FX_CHILD_STOP_OUTBOUND)->spi_in = c->s.spi_in;
}

void child_sas_hand_on(struct ike_sa *sa)
{
	struct child_sa *c, *heir;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		if (sa->conn != NULL && child_sa_carries(c) && (heir = heir_elsewhere(c)) != NULL)
			use_outbound(heir);
	}
}

void child_sa_set_successor(struct child_sa *c, const struct child_sa *successor)
{
	c->s.replaced_by = successor->s.spi_in;
	c->s.tombstone_until_ms = c->e->now + IKE_REPLACED_WAIT_MS;
	child_sa_touch(c);
	child_life_arm(c);
}

void child_sa_retire(struct child_sa *c)
{
	c->s.tombstone_until_ms = c->e->now + IKE_REPLACED_WAIT_MS;
	enter(c, CHILD_SA_REKEYED);
	child_life_arm(c);
}

void child_sa_want_delete(struct child_sa *c)
{
	bool carried = child_sa_carries(c);

	if (c->s.stage == CHILD_SA_DELETING || c->s.stage == CHILD_SA_DEAD)
		return;
	enter(c, CHILD_SA_DELETING);
	if (carried)
		hand_on_outbound(c);
	child_life_arm(c);
	ike_want_add(c->sa,
		     &(struct ike_want){ .kind = IKE_REQ_CHILD_DELETE, .spi_in = c->s.spi_in });
}

/* What c was to replace is not replaced, if that still carries. */
static void reinstate_predecessor(struct child_sa *c)
{
	struct child_sa *old;

	TAILQ_FOREACH (old, &c->sa->children, of_sa) {
		if (old->s.replaced_by != c->s.spi_in || !child_sa_carries(old))
			continue;
		old->s.replaced_by = 0;
		child_life_arm(old);
		child_sa_touch(old);
	}
}

void child_sa_close(struct child_sa *c)
{
	bool carried = child_sa_carries(c);

	if (c->s.stage == CHILD_SA_DEAD)
		return;
	reinstate_predecessor(c);
	c->s.tombstone_until_ms = c->e->now + IKE_CHILD_GRACE_MS;
	enter(c, CHILD_SA_DEAD);
	if (carried)
		hand_on_outbound(c);
	buf_free(&c->s.nonce_low);
	child_life_arm(c);
	if (c->s.replaced_by == 0)
		ike_fx_log(c->e, LOG_IKE_CHILD_DOWN, c->sa, "SPI in/out: 0x%08x/0x%08x",
			   c->s.spi_in, c->s.spi_out);
}

void child_sa_used(struct child_sa *c)
{
	struct child_sa *old;

	/* A rival of ours is not taken into use before it is settled which one stays. */
	if (c->s.stage != CHILD_SA_INSTALLED || c->s.nonce_low.len != 0)
		return;
	child_sa_use_outbound(c);
	TAILQ_FOREACH (old, &c->sa->children, of_sa) {
		if (old->s.replaced_by == c->s.spi_in && child_sa_carries(old))
			child_sa_retire(old);
	}
}

void child_sas_known(struct ike_sa *sa)
{
	struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa)
		child_sa_used(c);
}

void child_sa_carry_alone(struct child_sa *c)
{
	const struct child_sa *other;

	if (c->s.stage != CHILD_SA_INSTALLED)
		return;
	TAILQ_FOREACH (other, &c->sa->children, of_sa) {
		if (other->s.tunnel == c->s.tunnel && other->s.stage == CHILD_SA_ESTABLISHED)
			return;
	}
	use_outbound(c);
}

static void detach(struct child_sa *c)
{
	timer_cancel(&c->e->timers, &c->life);
	if (c->changed)
		TAILQ_REMOVE(&c->e->changed_children, c, change);
	hashmap_remove(c->e->child_map, spi_key(&c->s.spi_in));
	TAILQ_REMOVE(c->sa != NULL ? &c->sa->children : &c->e->loose, c, of_sa);
}

void child_sa_free(struct child_sa *c)
{
	detach(c);
	child_sa_state_clear(&c->s);
	free(c);
}

void child_sa_remove(struct child_sa *c)
{
	struct ike_engine *e = c->e;

	ike_fx(e, IKE_FX_CHILD_REMOVE)->spi_in = c->s.spi_in;
	ike_fx_child_gone(c);
	detach(c);
	c->next_grave = e->grave;
	e->grave = c;
}

void child_sa_moved(struct ike_sa *sa)
{
	struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		struct ike_effect *f = ike_fx(sa->e, IKE_FX_CHILD_MOVED);

		c->s.local = sa->s.local;
		c->s.remote = sa->s.remote;
		f->spi_in = c->s.spi_in;
		f->local = c->s.local;
		f->remote = c->s.remote;
		f->udp_encap = c->s.udp_encap;
		child_sa_touch(c);
	}
}
