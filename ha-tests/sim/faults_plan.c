/* SPDX-License-Identifier: Apache-2.0 */
/* Which faults a seed has and when, the end of them, and one kill at a chosen moment (the sweep). */
#include "ha-tests/sim/faults.h"

#define MORE        63 /* the number of those that --skip cannot name */
#define MORE_FOR_NS (200 * SECOND)

static void fault(struct sim *s, struct event *ev)
{
	uint64_t total = 0, pick;
	size_t i = 0;

	if (s->opt.skip & 1ull << ev->arg)
		return;
	s->fault_group = (unsigned int)rng_below(&s->rng, s->scenario.n_groups);
	if (fault_provoke(s))
		return;
	if (s->opt.fault) {
		s->stats.faults += s->opt.fault->begin(s);
		return;
	}
	for (const struct fault_kind *k = fault_kinds; k->name; k++)
		total += k->weight;
	for (pick = rng_below(&s->rng, total); pick >= fault_kinds[i].weight; i++)
		pick -= fault_kinds[i].weight;
	trace(s, "fault: %s", fault_kinds[i].name);
	s->stats.faults += fault_kinds[i].begin(s);
}

#define BURST_NS (40 * MS_NS) /* about as long as a handover, and some before it and behind */

/* R19: nothing is lost, which laws_calm() sees. */
static void planned(struct sim *s, struct event *ev)
{
	(void)ev;
	s->fault_group = (unsigned int)rng_below(&s->rng, s->scenario.n_groups);
	workload_burst(s, 20, BURST_NS);
	fault_hand_over(s);
}

/* R21: as above, and the process is started again (systemctl restart). */
static void planned_stop(struct sim *s, struct event *ev)
{
	struct node *nd = fault_owner(s);

	(void)ev;
	if (!nd)
		return;
	workload_burst(s, 20, BURST_NS);
	trace(s, "%s: stop command", nd->name);
	node_stop(nd);
	sim_at(s, fault_soon(s, 7000, 7500), fault_start_again, nd);
}

/* Everything works again from here on. */
void faults_calm(struct sim *s, struct event *ev)
{
	trace(s, "no more faults");
	s->calm = true;
	s->strike.armed = false;
	s->trap.armed = false;
	s->calm_ns = s->now_ns;
	s->net.loss = s->net.replay = 0;
	s->net.loss_until_ns = 0;
	fault_fast_again(s, ev);
	fault_heal(s, ev);
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *nd = &s->nodes[i];
		nd->die_at = DIE_NOT;
		faults_slot_calm(nd);
		if (!nd->up)
			node_boot(nd);
		mcast_host_goes_on(nd);
		node_wake(nd);
		node_start(nd);
		faults_group_calm(nd);
	}
	if (s->opt.directed)
		return;
	for (unsigned int i = 0; i < 2; i++)
		sim_at(s, fault_soon(s, 13000, 28000), planned, NULL);
	sim_at(s, fault_soon(s, 28000, 30000), planned_stop, NULL);
}

/* ---- one kill, at a chosen moment of settled tunnels ---- */

#define SWEEP_FROM_NS  (24 * SECOND)
#define SWEEP_UNTIL_NS (42 * SECOND)
#define SWEEP_LOSS     100

static void arm(struct sim *s, struct event *ev)
{
	struct node *nd = fault_owner(s);

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
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		node_start(&s->nodes[i]);
	if (!s->calm)
		sim_at(s, s->now_ns + SECOND, restart_all, ev->ctx);
}

static void sweep_plan(struct sim *s)
{
	s->net.loss = s->net.replay = 0;
	sim_at(s, START_NS + SWEEP_FROM_NS, arm, NULL);
	sim_at(s, START_NS + SWEEP_FROM_NS, restart_all, NULL);
	sim_at(s, START_NS + SWEEP_UNTIL_NS, faults_calm, NULL);
	s->scenario.end_ns = START_NS + SWEEP_UNTIL_NS + 16 * SECOND;
}

/* What found nothing to do is no fault: as many more as are missing, one after the other. */
static void calm_or_more(struct sim *s, struct event *ev)
{
	if (s->stats.faults >= FAULTS_MIN || s->opt.skip || s->opt.broken ||
	    s->now_ns > s->scenario.faults_from_ns + MORE_FOR_NS) {
		faults_calm(s, ev);
		return;
	}
	fault(s, &(struct event){ .arg = MORE });
	s->scenario.faults_until_ns += s->scenario.window_ns;
	s->scenario.end_ns += s->scenario.window_ns;
	sim_at(s, s->now_ns + s->scenario.window_ns, calm_or_more, NULL);
}

void faults_plan(struct sim *s)
{
	uint64_t from = s->scenario.faults_from_ns;

	if (s->opt.directed) {
		directed_plan(s);
		return;
	}
	if (s->opt.kill_at != DIE_NOT) {
		sweep_plan(s);
		return;
	}
	uint64_t number = 0;

	for (unsigned int i = 0; i < s->scenario.n_faults; i++, from += s->scenario.window_ns) {
		uint64_t at = from + rng_below(&s->rng, 2 * SECOND);
		sim_at(s, at, fault, NULL)->arg = number++;
		if (rng_chance(&s->rng, 250))
			sim_at(s, at + rng_between(&s->rng, 10 * MS_NS, 5 * SECOND), fault, NULL)
				->arg = number++;
	}
	sim_at(s, s->scenario.faults_until_ns, calm_or_more, NULL);
}
