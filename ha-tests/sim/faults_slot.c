/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of R14: two nodes are configured with one slot, and what the operator does about it. */
#include "ha-tests/sim/faults.h"

static bool is_out(const struct node *nd)
{
	struct cl_group_status st;

	return nd->alive && !nd->paused &&
	       cl_group_status(hf_core_cluster_node(nd->members[0].core), group_id(0), 0, &st) ==
		       R_OK &&
	       st.slot_holder;
}

/* It held nothing, and is out until it is started again. */
static void back_in(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (!is_out(nd))
		return;
	node_kill(nd);
	sim_at(s, fault_soon(s, 1, 300), fault_restart, nd);
}

static void mended(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	node_kill(nd);
	nd->slot = (uint8_t)(nd->index + 1);
	trace(s, "%s: slot %u again", nd->name, nd->slot);
	sim_at(s, fault_soon(s, 1, 300), fault_restart, nd);
}

void faults_slot_calm(struct node *nd)
{
	struct event ev = { .ctx = nd };

	if (nd->slot != nd->index + 1)
		mended(nd->s, &ev);
	sim_at(nd->s, nd->s->now_ns + SECOND, back_in, nd);
}

static void takes_slot_of(struct node *nd, const struct node *other)
{
	node_kill(nd);
	nd->slot = other->slot;
	trace(nd->s, "%s: configured with slot %u", nd->name, nd->slot);
}

/* A standby is started again with the slot of another node. */
bool fault_twin(struct sim *s)
{
	struct node *nd = fault_anybody(s, fault_owner(s)), *other = fault_anybody(s, nd);
	uint64_t from = fault_soon(s, 200, 600), until = fault_soon(s, 3000, 5000);

	takes_slot_of(nd, other);
	sim_at(s, from, fault_restart, nd);
	sim_at(s, until, mended, nd);
	sim_at(s, until + SECOND, back_in, other); /* one that held something is back by then */
	return true;
}

static void crash(struct sim *s, struct event *ev)
{
	struct node *nd = fault_owner(s);

	(void)ev;
	if (!nd)
		return;
	node_kill(nd);
	sim_at(s, fault_soon(s, 1000, 3000), fault_restart, nd);
}

static void stands_still(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	node_pause(nd);
	sim_at(s, fault_soon(s, 500, 3000), fault_wake, nd);
}

/*
 * Both come to state: the one that has the slot is cut off while the other one is started with it.
 * They meet, and the owner dies; or the one of the majority sleeps while they do.
 */
bool fault_twin_apart(struct sim *s)
{
	unsigned int side[NODES_MAX] = { 0 };
	struct node *nd = fault_anybody(s, fault_owner(s)), *other = fault_anybody(s, nd);
	const uint64_t from = fault_soon(s, 800, 1500), heal = fault_soon(s, 2500, 4500);

	if (s->scenario.n_nodes < 3)
		return fault_twin(s);
	side[other->index] = 1;
	const bool apart = mcast_cut(s, side);
	takes_slot_of(nd, other);
	sim_at(s, from, fault_restart, nd);
	if (rng_chance(&s->rng, 300))
		sim_at(s, heal - rng_below(&s->rng, 500 * MS_NS), stands_still, nd);
	sim_at(s, heal, fault_heal, NULL);
	if (rng_chance(&s->rng, 500))
		sim_at(s, heal + rng_below(&s->rng, SECOND), crash, NULL);
	sim_at(s, heal + 5 * SECOND, mended, nd);
	sim_at(s, heal + 6 * SECOND, back_in, other);
	return apart;
}
