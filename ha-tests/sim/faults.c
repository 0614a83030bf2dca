/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults at random instants and at boundaries of messages, each with its
 * recovery. One of a node at a time, though the next may come before the node
 * that returns has its state again; what the network does is independent.
 */
#include "ha-tests/sim/sim.h"

static struct node *owner(struct sim *s)
{
	for (unsigned int i = 0; i < NODES; i++)
		if (s->nodes[i].alive && s->nodes[i].role == CL_ROLE_ACTIVE)
			return &s->nodes[i];
	return NULL;
}

/* Mostly the owner: that is where it hurts. Mostly not the last one that holds state: that ends all tunnels. */
static struct node *victim(struct sim *s)
{
	struct node *nd = owner(s);

	if (!nd || !rng_chance(&s->rng, 750))
		nd = &s->nodes[rng_below(&s->rng, NODES)];
	if (node_holds_state(nd) && !node_holds_state(node_mate(nd)) && rng_chance(&s->rng, 900))
		nd = node_mate(nd);
	return nd;
}

static uint64_t soon(struct sim *s, uint64_t low_ms, uint64_t high_ms)
{
	return s->now_ns + rng_between(&s->rng, low_ms, high_ms) * MS_NS +
	       rng_below(&s->rng, MS_NS);
}

/* ---- recoveries ---- */

static void restart(struct sim *s, struct event *ev)
{
	(void)s;
	node_start(ev->ctx);
}

static void boot(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (!nd->up)
		node_boot(nd);
	sim_at(s, soon(s, 50, 400), restart, nd);
}

static void wake(struct sim *s, struct event *ev)
{
	(void)s;
	node_wake(ev->ctx);
}

static void heal(struct sim *s, struct event *ev)
{
	(void)ev;
	if (!s->mcast.cut)
		return;
	trace(s, "the cut is healed");
	s->laws.together_ns = s->now_ns;
	mcast_cut(s, false);
}

static void disarm(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	nd->die_at = DIE_NOT;
	sim_at(s, soon(s, 1, 500), restart, nd);
}

static void fast_again(struct sim *s, struct event *ev)
{
	(void)ev;
	s->mcast.slow_ns = 0;
}

/* ---- faults ---- */

static void crash(struct sim *s)
{
	struct node *nd = victim(s);

	node_kill(nd);
	sim_at(s, soon(s, 150, 4000), restart, nd);
}

static void crash_at_boundary(struct sim *s)
{
	struct node *nd = victim(s);

	if (!nd->alive)
		return;
	nd->die_at = (enum die_at)rng_between(&s->rng, DIE_BEFORE_SEND, DIE_AFTER_ROLE);
	nd->die_count = (unsigned int)rng_between(&s->rng, 1,
						  nd->die_at <= DIE_AFTER_SEND    ? 6
						  : nd->die_at == DIE_AFTER_MCAST ? 40
										  : 1);
	sim_at(s, soon(s, 4000, 5000), disarm, nd);
}

static void lose_host(struct sim *s)
{
	struct node *nd = victim(s);

	node_lose_host(nd);
	sim_at(s, soon(s, 200, 4500), boot, nd);
}

static void stop_process(struct sim *s)
{
	struct node *nd = victim(s);

	node_pause(nd);
	sim_at(s, rng_chance(&s->rng, 500) ? soon(s, 20, 1500) : soon(s, 1500, 4500), wake, nd);
}

static void hand_over(struct sim *s)
{
	struct node *nd = owner(s);

	if (!nd)
		return;
	trace(s, "%s: failover command", nd->name);
	if (rng_chance(&s->rng, 500))
		node_command(nd, CL_IN_GO_STANDBY);
	else
		node_command(node_mate(nd), CL_IN_GO_ACTIVE);
}

static void crash_one(struct sim *s, struct event *ev)
{
	(void)s;
	node_kill(ev->ctx);
}

/* One of the two dies within the handover. */
static void hand_over_and_crash(struct sim *s)
{
	struct node *nd = victim(s);

	hand_over(s);
	sim_at(s, s->now_ns + rng_below(&s->rng, 20 * MS_NS), crash_one, nd);
	sim_at(s, soon(s, 150, 4000), restart, nd);
}

static void hand_over_and_stop(struct sim *s)
{
	struct node *nd = &s->nodes[rng_below(&s->rng, NODES)];

	hand_over(s);
	node_pause(nd);
	sim_at(s, soon(s, 20, 4500), wake, nd);
}

static void orderly_stop(struct sim *s)
{
	struct node *nd = victim(s);

	trace(s, "%s: stop command", nd->name);
	node_command(nd, CL_IN_STOP);
	sim_at(s, soon(s, 3000, 5000), restart, nd);
}

static void cut(struct sim *s)
{
	trace(s, "the nodes are cut off from each other");
	mcast_cut(s, true);
	sim_at(s, soon(s, 100, 4500), heal, NULL);
}

static void lose_packets(struct sim *s)
{
	s->net.loss_until_ns = soon(s, 300, 3500);
	s->net.burst_loss = (unsigned int)rng_between(&s->rng, 300, 1000);
	trace(s, "the network loses %u of 1000 packets", s->net.burst_loss);
}

static void slow_multicast(struct sim *s)
{
	s->mcast.slow_ns = rng_between(&s->rng, MS_NS, 60 * MS_NS);
	trace(s, "the multicast is slow");
	sim_at(s, soon(s, 500, 4000), fast_again, NULL);
}

static void crash_and_wake(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (owner(s) == node_mate(nd))
		node_kill(node_mate(nd));
	sim_at(s, s->now_ns + rng_below(&s->rng, 500 * MS_NS), wake, nd);
	sim_at(s, soon(s, 600, 4000), restart, node_mate(nd));
}

/* The owner dies while it serves without a protected standby: what follows is suspect (R10). */
static void crash_unprotected(struct sim *s)
{
	struct node *nd = owner(s);

	if (!nd || !node_holds_state(node_mate(nd)))
		return;
	node_pause(node_mate(nd));
	sim_at(s, soon(s, 2200, 4000), crash_and_wake, node_mate(nd));
}

static const struct {
	void (*begin)(struct sim *s);
	unsigned int weight;
} kinds[] = {
	{ crash, 20 },
	{ crash_at_boundary, 35 },
	{ lose_host, 12 },
	{ stop_process, 12 },
	{ hand_over, 20 },
	{ hand_over_and_crash, 15 },
	{ hand_over_and_stop, 5 },
	{ orderly_stop, 8 },
	{ cut, 4 },
	{ lose_packets, 15 },
	{ slow_multicast, 8 },
	{ crash_unprotected, 12 },
};

static void fault(struct sim *s, struct event *ev)
{
	uint64_t total = 0, pick;
	size_t i = 0;

	(void)ev;
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		total += kinds[k].weight;
	for (pick = rng_below(&s->rng, total); pick >= kinds[i].weight; i++)
		pick -= kinds[i].weight;
	s->stats.faults++;
	kinds[i].begin(s);
}

/* R19: nothing is lost, which laws_calm() sees. */
static void planned(struct sim *s, struct event *ev)
{
	(void)ev;
	hand_over(s);
}

/* Everything works again from here on. */
static void calm(struct sim *s, struct event *ev)
{
	trace(s, "no more faults");
	s->calm = true;
	s->calm_ns = s->now_ns;
	s->net.loss = s->net.replay = 0;
	s->net.loss_until_ns = 0;
	fast_again(s, ev);
	heal(s, ev);
	for (unsigned int i = 0; i < NODES; i++) {
		struct node *nd = &s->nodes[i];
		nd->die_at = DIE_NOT;
		if (!nd->up)
			node_boot(nd);
		node_wake(nd);
		node_start(nd);
	}
	for (unsigned int i = 0; i < 2; i++)
		sim_at(s, soon(s, 13000, 36000), planned, NULL);
}

/* ---- one kill, at a chosen moment of settled tunnels ---- */

#define SWEEP_FROM_NS  (24 * SECOND)
#define SWEEP_UNTIL_NS (42 * SECOND)
#define SWEEP_LOSS     100

static void arm(struct sim *s, struct event *ev)
{
	struct node *nd = owner(s);

	(void)ev;
	if (!nd)
		return;
	nd->die_at = s->opt.kill_at;
	nd->die_count = s->opt.kill_count;
	/* So that some of what was answered is asked again, of the other. */
	s->net.loss = SWEEP_LOSS;
}

static void restart_all(struct sim *s, struct event *ev)
{
	for (unsigned int i = 0; i < NODES; i++)
		node_start(&s->nodes[i]);
	if (!s->calm)
		sim_at(s, s->now_ns + SECOND, restart_all, ev->ctx);
}

static void sweep_plan(struct sim *s)
{
	s->net.loss = s->net.replay = 0;
	sim_at(s, START_NS + SWEEP_FROM_NS, arm, NULL);
	sim_at(s, START_NS + SWEEP_FROM_NS, restart_all, NULL);
	sim_at(s, START_NS + SWEEP_UNTIL_NS, calm, NULL);
	s->scenario.end_ns = START_NS + SWEEP_UNTIL_NS + 16 * SECOND;
}

void faults_plan(struct sim *s)
{
	uint64_t from = s->scenario.faults_from_ns;

	if (s->opt.kill_at != DIE_NOT) {
		sweep_plan(s);
		return;
	}
	for (unsigned int i = 0; i < s->scenario.n_faults; i++, from += s->scenario.window_ns) {
		uint64_t at = from + rng_below(&s->rng, 2 * SECOND);
		sim_at(s, at, fault, NULL);
		if (rng_chance(&s->rng, 250))
			sim_at(s, at + rng_between(&s->rng, 10 * MS_NS, 5 * SECOND), fault, NULL);
	}
	sim_at(s, s->scenario.faults_until_ns, calm, NULL);
}
