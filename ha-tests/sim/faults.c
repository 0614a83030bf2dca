/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults at random instants and at boundaries of messages, each with its
 * recovery. One of a node at a time, though the next may come before the node
 * that returns has its state again; what the network does is independent.
 */
#include <string.h>

#include "ha-tests/sim/faults.h"

struct member *fault_member(struct node *nd)
{
	return &nd->members[nd->s->fault_group];
}

struct node *fault_owner(struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->nodes[i].alive && fault_member(&s->nodes[i])->role == CL_ROLE_ACTIVE)
			return &s->nodes[i];
	return NULL;
}

bool fault_holds(const struct node *nd)
{
	return member_holds_state(&nd->members[nd->s->fault_group]);
}

struct node *fault_holder(struct sim *s, const struct node *nd)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (&s->nodes[i] != nd && fault_holds(&s->nodes[i]))
			return &s->nodes[i];
	return NULL;
}

struct node *fault_anybody(struct sim *s, const struct node *but)
{
	struct node *nd;

	do
		nd = &s->nodes[rng_below(&s->rng, s->scenario.n_nodes)];
	while (nd == but);
	return nd;
}

/* The owner: that is where it hurts. Mostly not the last one that holds state: that ends all tunnels. */
struct node *fault_victim(struct sim *s)
{
	struct node *nd = fault_owner(s);

	if (!nd || !rng_chance(&s->rng, 750))
		nd = fault_anybody(s, NULL);
	if (fault_holds(nd) && !fault_holder(s, nd) && rng_chance(&s->rng, 900))
		nd = fault_anybody(s, nd);
	return nd;
}

uint64_t fault_soon(struct sim *s, uint64_t low_ms, uint64_t high_ms)
{
	return s->now_ns + rng_between(&s->rng, low_ms, high_ms) * MS_NS +
	       rng_below(&s->rng, MS_NS);
}

/* ---- recoveries ---- */

void fault_restart(struct sim *s, struct event *ev)
{
	(void)s;
	node_start(ev->ctx);
}

/* One that stops is started when it has stopped; it may sleep meanwhile. */
void fault_start_again(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (nd->alive && nd->stopping)
		sim_at(s, s->now_ns + SECOND, fault_start_again, nd);
	else
		node_start(nd);
}

void fault_boot(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (!nd->up)
		node_boot(nd);
	sim_at(s, fault_soon(s, 50, 400), fault_restart, nd);
}

void fault_wake(struct sim *s, struct event *ev)
{
	(void)s;
	node_wake(ev->ctx);
}

void fault_heal(struct sim *s, struct event *ev)
{
	(void)ev;
	if (!s->mcast.cut)
		return;
	trace(s, "the cut is healed");
	s->laws.together_ns = s->now_ns;
	mcast_heal(s);
}

static void disarm(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	nd->die_at = DIE_NOT;
	sim_at(s, fault_soon(s, 1, 500), fault_restart, nd);
}

void fault_fast_again(struct sim *s, struct event *ev)
{
	(void)ev;
	s->mcast.slow_ns = 0;
}

static void crash_one(struct sim *s, struct event *ev)
{
	(void)s;
	node_kill(ev->ctx);
}

/* ---- faults ---- */

static bool crash(struct sim *s)
{
	struct node *nd = fault_victim(s);
	const bool done = node_kill(nd);

	sim_at(s, fault_soon(s, 150, 4000), fault_restart, nd);
	return done;
}

/* Counted by die_at(). */
static bool crash_at_boundary(struct sim *s)
{
	struct node *nd = fault_victim(s);

	if (!nd->alive)
		return fault_lose_packets(s);
	nd->die_at = (enum die_at)rng_between(&s->rng, DIE_BEFORE_SEND, DIE_AFTER_ROLE);
	nd->die_count = (unsigned int)rng_between(&s->rng, 1,
						  nd->die_at <= DIE_AFTER_SEND    ? 6
						  : nd->die_at == DIE_AFTER_MCAST ? 40
										  : 1);
	sim_at(s, fault_soon(s, 4000, 5000), disarm, nd);
	return false;
}

static bool lose_host(struct sim *s)
{
	struct node *nd = fault_victim(s);
	const bool done = node_lose_host(nd);

	sim_at(s, fault_soon(s, 200, 4500), fault_boot, nd);
	return done;
}

static bool stop_process(struct sim *s)
{
	struct node *nd = fault_victim(s);
	const bool done = node_pause(nd);

	sim_at(s, rng_chance(&s->rng, 500) ? fault_soon(s, 20, 1500) : fault_soon(s, 1500, 4500),
	       fault_wake, nd);
	return done;
}

bool fault_hand_over(struct sim *s)
{
	struct node *nd = fault_owner(s);

	if (!nd)
		return false;
	trace(s, "%s: failover command", fault_member(nd)->name);
	if (rng_chance(&s->rng, 500))
		return node_command(fault_member(nd), CL_IN_GO_STANDBY);
	return node_command(fault_member(fault_anybody(s, nd)), CL_IN_GO_ACTIVE);
}

static void stop_now(struct sim *s, struct event *ev)
{
	(void)s;
	node_pause(ev->ctx);
}

static void give_up_now(struct sim *s, struct event *ev)
{
	(void)s;
	node_command(ev->ctx, CL_IN_GO_STANDBY);
}

static bool cut(struct sim *s);

/* Called while the core runs: a crash takes what it still asks for with it. */
void fault_strike(struct member *m, enum strike_kind kind)
{
	struct node *nd = m->node;
	struct sim *s = nd->s;

	switch (kind) {
	case STRIKE_CRASH:
		nd->dying = true;
		sim_at(s, fault_soon(s, 150, 4000), fault_restart, nd);
		break;
	case STRIKE_HOST:
		nd->dying = nd->host_dying = true;
		sim_at(s, fault_soon(s, 200, 4500), fault_boot, nd);
		break;
	case STRIKE_STOP:
		sim_at(s, s->now_ns, stop_now, nd);
		sim_at(s, fault_soon(s, 20, 4500), fault_wake, nd);
		break;
	case STRIKE_CUT:
		cut(s);
		break;
	case STRIKE_HANDOVER:
		sim_at(s, s->now_ns, give_up_now, m);
		break;
	case STRIKE_KINDS:
		break;
	}
}

/* At the next row, whichever it is, or at one of few; counted when it hits (matrix.c). */
static bool strike(struct sim *s)
{
	struct strike *st = &s->strike;

	*st = (struct strike){ .armed = true, .row = MATRIX_ANY };
	if (rng_chance(&s->rng, 700))
		st->row = (unsigned int)rng_below(&s->rng, matrix_rows());
	st->side = (enum strike_side)rng_below(&s->rng, STRIKE_SIDES);
	st->kind = (enum strike_kind)rng_below(&s->rng, STRIKE_KINDS);
	return false;
}

/* One of the two dies within the handover. */
static bool hand_over_and_crash(struct sim *s)
{
	struct node *nd = fault_victim(s);
	const bool asked = fault_hand_over(s);

	sim_at(s, s->now_ns + rng_below(&s->rng, 20 * MS_NS), crash_one, nd);
	sim_at(s, fault_soon(s, 150, 4000), fault_restart, nd);
	return asked || nd->alive;
}

static bool hand_over_and_stop(struct sim *s)
{
	struct node *nd = fault_anybody(s, NULL);
	const bool asked = fault_hand_over(s), stopped = node_pause(nd);

	sim_at(s, fault_soon(s, 20, 4500), fault_wake, nd);
	return asked || stopped;
}

static bool orderly_stop(struct sim *s)
{
	struct node *nd = fault_victim(s);

	trace(s, "%s: stop command", nd->name);
	const bool done = node_stop(nd);
	sim_at(s, fault_soon(s, 3000, 5000), fault_start_again, nd);
	return done;
}

void fault_trains(struct sim *s, struct event *ev)
{
	workload_trains(s, (unsigned int)ev->arg);
}

/* With traffic that uses its leases up just when the views change (R17). */
static bool cut(struct sim *s)
{
	unsigned int side[NODES_MAX];
	const struct node *own = fault_owner(s);
	unsigned int lonely = own && rng_chance(&s->rng, 500) ? own->index
							      : fault_anybody(s, NULL)->index;
	bool halves = rng_chance(&s->rng, 500);

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		side[i] = halves ? (unsigned int)rng_below(&s->rng, 2) : 0;
	side[lonely] = 1;
	side[fault_anybody(s, &s->nodes[lonely])->index] = 0;
	const bool apart = mcast_cut(s, side);
	if (rng_chance(&s->rng, 800))
		sim_at(s, fault_soon(s, 400, 550), fault_trains, NULL)->arg = 250;
	sim_at(s, fault_soon(s, 100, 4500), fault_heal, NULL);
	return apart;
}

/*
 * R10: all but one standby go, while it is cut off; with one of them back it
 * has quorum, and misses what the owner did meanwhile.
 */
static bool outlive(struct sim *s)
{
	const unsigned int n = s->scenario.n_nodes;
	unsigned int side[NODES_MAX] = { 0 };
	const struct node *survivor = fault_holder(s, fault_owner(s));
	uint64_t killed_ns = fault_soon(s, 2500, 6000);

	if (n == 2 || !survivor || !fault_owner(s))
		return cut(s);
	side[survivor->index] = 1;
	mcast_cut(s, side);
	for (unsigned int i = 0; i < n; i++) {
		if (i == survivor->index)
			continue;
		sim_at(s, killed_ns + rng_below(&s->rng, 5 * MS_NS), crash_one, &s->nodes[i]);
		sim_at(s, killed_ns + SECOND + rng_below(&s->rng, SECOND), fault_restart,
		       &s->nodes[i]);
	}
	sim_at(s, killed_ns + 5 * MS_NS, fault_heal, NULL);
	return true;
}

/* The owner is alone, and goes on with its traffic for as long as its deadline lets it. */
static bool cut_owner(struct sim *s)
{
	unsigned int side[NODES_MAX] = { 0 };
	const struct node *nd = fault_owner(s);

	if (!nd)
		return false;
	side[nd->index] = 1;
	const bool apart = mcast_cut(s, side);
	for (uint64_t ms = 550; ms < 1500; ms += 100)
		sim_at(s, fault_soon(s, ms, ms + 50), fault_trains, NULL)->arg = 100;
	sim_at(s, fault_soon(s, 2500, 4500), fault_heal, NULL);
	return apart;
}

bool fault_lose_packets(struct sim *s)
{
	s->net.loss_until_ns = fault_soon(s, 300, 3500);
	s->net.burst_loss = (unsigned int)rng_between(&s->rng, 300, 1000);
	trace(s, "the network loses %u of 1000 packets", s->net.burst_loss);
	return true;
}

static bool slow_multicast(struct sim *s)
{
	s->mcast.slow_ns = rng_between(&s->rng, MS_NS, 60 * MS_NS);
	trace(s, "the multicast is slow");
	sim_at(s, fault_soon(s, 500, 4000), fault_fast_again, NULL);
	return true;
}

static void crash_and_wake(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (fault_owner(s) == nd)
		node_kill(nd);
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (&s->nodes[i] != nd)
			sim_at(s, s->now_ns + rng_below(&s->rng, 500 * MS_NS), fault_wake,
			       &s->nodes[i]);
	sim_at(s, fault_soon(s, 600, 4000), fault_restart, nd);
}

/* The owner dies while it serves without a protected standby: what follows is suspect (R10). */
static bool crash_unprotected_after(struct sim *s, uint64_t from_ms, uint64_t to_ms)
{
	struct node *nd = fault_owner(s);

	if (!nd || !fault_holder(s, nd))
		return false;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (&s->nodes[i] != nd)
			node_pause(&s->nodes[i]);
	sim_at(s, fault_soon(s, from_ms, to_ms), crash_and_wake, nd);
	return true;
}

static bool crash_unprotected(struct sim *s)
{
	return crash_unprotected_after(s, 2200, 4000);
}

/* Surely unprotected: R6 waits twice, and for two standbys that are late in turn twice more. */
bool faults_suspect(struct sim *s)
{
	return crash_unprotected_after(s, 4000, 5500);
}

const struct fault_kind fault_kinds[] = {
	{ "crash", crash, 20 },
	{ "boundary", crash_at_boundary, 35 },
	{ "host", lose_host, 12 },
	{ "sleep", stop_process, 12 },
	{ "handover", fault_hand_over, 20 },
	{ "handover-crash", hand_over_and_crash, 15 },
	{ "handover-sleep", hand_over_and_stop, 5 },
	{ "stop", orderly_stop, 8 },
	{ "cut", cut, 10 },
	{ "strike", strike, 40 },
	{ "outlive", outlive, 4 },
	{ "twin", fault_twin, 4 },
	{ "twin-apart", fault_twin_apart, 0 },
	{ "loss", fault_lose_packets, 15 },
	{ "slow", slow_multicast, 8 },
	{ "unprotected", crash_unprotected, 12 },
	{ "owner-apart", fault_owner_apart, 10 },
	{ "pair-apart", fault_pair_apart, 6 },
	{ "moment", fault_at_moment, 40 },
	{ "keeper", fault_keeper, 4 },
	{ "twice", fault_twice, 12 },
	{ "flash", fault_flash, 10 },
	{ "sleepers", fault_sleepers, 6 },
	{ "disk", fault_disk, 5 },
	{ "stale-disk", fault_stale_disk, 5 },
	{ "stale-apart", fault_stale_apart, 2 },
	{ "clock", fault_clock, 4 },
	{ "busy-handover", fault_busy_handover, 10 },
	{ "drain", fault_drain, 8 },
	{ "link", fault_link, 12 },
	{ "fence-cut", fault_fence_cut, 6 },
	{ "late-heartbeats", fault_late_heartbeats, 8 },
	{ "asked-late", fault_asked_late, 0 },
	{ NULL, NULL, 0 },
};

/* Breakages that show only under a fault that is rare otherwise get more of it. */
static const struct {
	const char *broken;
	bool (*begin)(struct sim *s);
} provoked[] = {
	{ "suspect", crash_unprotected },
	{ "grant", cut_owner },
	{ "merge", cut },
	{ "unsynced", fault_joiner },
	{ "kept", fault_keeper },
	{ "heartbeat-age", fault_late_heartbeats },
	{ "suspect-term", fault_late_heartbeats },
	{ "answered-twice", fault_asked_late },
	{ "view-alone", fault_back_in_time },
	{ "past-salt", fault_twin_apart },
	{ "slot", fault_twin_apart },
};

const struct fault_kind *fault_find(const char *name)
{
	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		if (strcmp(k->name, name) == 0)
			return k;
	return NULL;
}

bool fault_provoke(struct sim *s)
{
	for (size_t i = 0; s->opt.broken && i < sizeof(provoked) / sizeof(provoked[0]); i++) {
		if (strcmp(provoked[i].broken, s->opt.broken->name) != 0 ||
		    rng_chance(&s->rng, 500))
			continue;
		s->stats.faults += provoked[i].begin(s);
		return true;
	}
	return false;
}
