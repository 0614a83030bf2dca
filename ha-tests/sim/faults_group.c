/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What moves one group and not the other: drained nodes, links that fail, and a
 * takeover that waits until somebody confirms that the lost node is fenced.
 */
#include "base/must.h"
#include "ha-tests/sim/faults.h"

#define LINK_STATE_MS 300 /* as the daemon's */
#define LINK_HOLD_MS  3000

/* ---- node drain, node resume ---- */

static void drain(struct node *nd, bool drained)
{
	const struct cl_input in = { .kind = CL_IN_DRAIN, .ok = drained };

	trace(nd->s, "%s: %s", nd->name, drained ? "drain" : "resume");
	nd->drained = drained; /* in its state directory: in force after a restart as well */
	node_input(nd, &in);
}

static void resume_now(struct sim *s, struct event *ev)
{
	(void)s;
	drain(ev->ctx, false);
}

bool fault_drain(struct sim *s)
{
	struct node *nd = fault_victim(s);

	if (!nd->alive || nd->paused)
		return false;
	drain(nd, true);
	sim_at(s, fault_soon(s, 100, 8000), resume_now, nd);
	return true;
}

/* ---- links: one of each group ---- */

void fault_say_links(struct node *nd)
{
	struct cl_health h = { .failures = 1,
			       .link_state_ms = LINK_STATE_MS,
			       .hold_ms = LINK_HOLD_MS };
	const struct cl_input in = { .kind = CL_IN_LINKS, .health = &h };

	if (!nd->s->scenario.links)
		return;
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++) {
		struct cl_link *l = &h.links[h.n_links++];
		*l = (struct cl_link){ .group = group_id(g),
				       .monitored = true,
				       .state = nd->members[g].link_down ? CL_LINK_NO_LINK
									 : CL_LINK_NORMAL };
		snprintf(l->nameif, sizeof(l->nameif), "outside%u", g + 1);
	}
	node_input(nd, &in);
}

static void link_is(struct member *m, bool down)
{
	if (m->link_down == down)
		return;
	trace(m->s, "%s: link %s", m->name, down ? "down" : "up");
	m->link_down = down;
	fault_say_links(m->node);
}

static void link_up_now(struct sim *s, struct event *ev)
{
	(void)s;
	link_is(ev->ctx, false);
}

static void link_down_now(struct sim *s, struct event *ev)
{
	link_is(ev->ctx, true);
	sim_at(s, fault_soon(s, 50, 4000), link_up_now, ev->ctx);
}

/* The owner's mostly; or everybody's at about the same time: it is the switch. */
bool fault_link(struct sim *s)
{
	const bool all = rng_chance(&s->rng, 200);
	const struct node *nd = fault_victim(s);
	bool done = false;

	if (!s->scenario.links)
		return false;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (all || &s->nodes[i] == nd) {
			sim_at(s, s->now_ns + rng_below(&s->rng, 50 * MS_NS), link_down_now,
			       fault_member(&s->nodes[i]));
			done = done || !fault_member(&s->nodes[i])->link_down;
		}
	return done;
}

/* ---- failover takeover fenced ---- */

static void confirm(struct sim *s, uint32_t node_id)
{
	const struct cl_input in = { .kind = CL_IN_FENCED, .from_node_id = node_id };

	trace(s, "node %u is confirmed as fenced", node_id);
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->nodes[i].id != node_id)
			node_input(&s->nodes[i], &in);
}

static void confirm_now(struct sim *s, struct event *ev)
{
	const struct node *nd = ev->ctx;

	/* It may be back: whoever confirms it now is late. */
	if (!nd->up || ev->arg)
		confirm(s, nd->id);
}

/* Of who is there, and is not meant. */
static void confirm_other(struct sim *s, struct event *ev)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (&s->nodes[i] != ev->ctx && s->nodes[i].up && !s->mcast.cut)
			confirm(s, s->nodes[i].id);
}

/* Mostly soon; sometimes when it is back already, for another one, or never. */
void fault_fence_lost(struct node *nd)
{
	struct sim *s = nd->s;

	if (!s->scenario.fenced || s->calm)
		return;
	if (rng_chance(&s->rng, 150))
		sim_at(s, fault_soon(s, 50, 1500), confirm_other, nd);
	if (rng_chance(&s->rng, 800))
		sim_at(s, fault_soon(s, 100, 2500), confirm_now, nd);
	else if (rng_chance(&s->rng, 500))
		sim_at(s, fault_soon(s, 2500, 6000), confirm_now, nd)->arg = 1;
}

static void fence_now(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (!s->mcast.cut || s->calm)
		return;
	trace(s, "%s: fenced", nd->name);
	node_lose_host(nd);
	confirm(s, nd->id);
	sim_at(s, fault_soon(s, 1000, 4000), fault_boot, nd);
}

/* Behind a cut, one side is switched off, and only then confirmed. */
bool fault_fence_cut(struct sim *s)
{
	struct node *nd = fault_victim(s);
	unsigned int side[NODES_MAX] = { 0 };

	side[nd->index] = 1;
	const bool apart = mcast_cut(s, side);
	if (s->scenario.fenced && rng_chance(&s->rng, 700))
		sim_at(s, fault_soon(s, 100, 2500), fence_now, nd);
	sim_at(s, fault_soon(s, 3000, 5500), fault_heal, NULL);
	return apart;
}

void faults_group_calm(struct node *nd)
{
	if (nd->drained)
		drain(nd, false);
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		link_is(&nd->members[g], false);
}
