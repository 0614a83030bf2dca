/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Faults that meet: within one token time, at the very step of a takeover, a
 * handover or a snapshot, while others are cut off, asleep or only just back.
 */
#include "ha-tests/sim/faults.h"

#define TOKEN_MS 650 /* token and consensus */

/* ---- cut off and asleep ---- */

static void sleep_now(struct sim *s, struct event *ev)
{
	(void)s;
	node_pause(ev->ctx);
}

static void kill_now(struct sim *s, struct event *ev)
{
	(void)s;
	node_kill(ev->ctx);
}

/* Asleep some of the time that the cut lasts, or beyond it; the packets of a train wait for it. */
static void sleep_apart(struct sim *s, struct node *nd)
{
	sim_at(s, fault_soon(s, 0, 700), sleep_now, nd);
	sim_at(s, fault_soon(s, 700, 5000), fault_wake, nd);
}

static bool cut_off(struct sim *s, const struct node *a, const struct node *b)
{
	unsigned int side[NODES_MAX] = { 0 };

	side[a->index] = 1;
	side[b->index] = rng_chance(&s->rng, 500) ? 1 : 2;
	if (a == b)
		side[a->index] = 1;
	const bool apart = mcast_cut(s, side);
	if (rng_chance(&s->rng, 800))
		sim_at(s, fault_soon(s, 400, 550), fault_trains, NULL)->arg = 250;
	sim_at(s, fault_soon(s, 100, 5500), fault_heal, NULL);
	return apart;
}

/* The owner alone: the others begin a term of their own while it may not know of it. */
bool fault_owner_apart(struct sim *s)
{
	struct node *own = fault_owner(s);

	if (!own)
		own = fault_anybody(s, NULL);
	const bool apart = cut_off(s, own, own);
	if (rng_chance(&s->rng, 700))
		sleep_apart(s, own);
	return apart;
}

bool fault_pair_apart(struct sim *s)
{
	struct node *a = fault_victim(s), *b = fault_anybody(s, a);

	const bool apart = cut_off(s, a, b);
	if (rng_chance(&s->rng, 700))
		sleep_apart(s, a);
	if (rng_chance(&s->rng, 700))
		sleep_apart(s, b);
	return apart;
}

/* R7, R12: longer than the deadline, all standbys or one. */
bool fault_sleepers(struct sim *s)
{
	const struct node *own = fault_owner(s);
	const bool all = rng_chance(&s->rng, 500);
	struct node *one = fault_anybody(s, own);
	bool done = false;

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *nd = &s->nodes[i];
		if (nd == own || !(all || nd == one))
			continue;
		done = node_pause(nd) || done;
		sim_at(s, fault_soon(s, 2100, 6000), fault_wake, nd);
	}
	return done;
}

static void workload_now(struct sim *s, struct event *ev)
{
	(void)ev;
	workload_trains(s, 60);
	workload_rekey(s);
}

static void host_stops_now(struct sim *s, struct event *ev)
{
	(void)s;
	mcast_host_stops(ev->ctx);
}

static void host_wakes(struct sim *s, struct event *ev)
{
	(void)s;
	mcast_host_goes_on(ev->ctx);
	node_wake(ev->ctx);
}

static void alone_now(struct sim *s, struct event *ev)
{
	const struct node *nd = ev->ctx;
	unsigned int side[NODES_MAX] = { 0 };

	side[nd->index] = 1;
	mcast_cut(s, side);
}

static void dies_now(struct sim *s, struct event *ev)
{
	if (rng_chance(&s->rng, 500))
		node_kill(ev->ctx);
	else
		node_lose_host(ev->ctx);
}

/*
 * R10: the only standby is stopped, and a little later cut off, or its host is stopped too. Its
 * owner goes on without it, unprotected, and dies. What the standby reads when it wakes is old: first
 * heartbeats, then that the owner has left. Of more than two nodes the others' processes are gone;
 * alone it would have no quorum, so that its host is one that was stopped.
 */
static bool late_heartbeats(struct sim *s, uint64_t dies_ms, uint64_t wakes_ms)
{
	struct node *own = fault_owner(s), *nd = own ? fault_holder(s, own) : NULL;
	const bool cut = s->scenario.n_nodes == 2 && rng_chance(&s->rng, 500);
	const uint64_t gone = fault_soon(s, 0, 900), alone = gone + TOKEN_MS * MS_NS;
	const uint64_t dies = alone + rng_between(&s->rng, 0, dies_ms) * MS_NS;
	const uint64_t wakes = dies + rng_between(&s->rng, 0, wakes_ms) * MS_NS;

	if (!nd)
		return false;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *other = &s->nodes[i];
		if (other == own || other == nd)
			continue;
		node_kill(other);
		sim_at(s, wakes + rng_between(&s->rng, 500, 3000) * MS_NS, fault_restart, other);
	}
	node_pause(nd);
	sim_at(s, gone, cut ? alone_now : host_stops_now, nd);
	for (uint64_t at = alone; at < dies; at += 200 * MS_NS)
		sim_at(s, at, workload_now, NULL);
	sim_at(s, dies, dies_now, own);
	sim_at(s, wakes, host_wakes, nd);
	if (cut)
		sim_at(s, wakes + rng_between(&s->rng, 800, 3000) * MS_NS, fault_heal, NULL);
	sim_at(s, wakes + rng_between(&s->rng, 1000, 3000) * MS_NS, fault_boot, own);
	return true;
}

bool fault_late_heartbeats(struct sim *s)
{
	return late_heartbeats(s, 1300, 800);
}

/* Back within the commit timeout, it takes over as one that lacks nothing. */
bool fault_back_in_time(struct sim *s)
{
	return late_heartbeats(s, 250, 100);
}

static void late_now(struct sim *s, struct event *ev)
{
	(void)ev;
	fault_late_heartbeats(s);
}

static void any_child(void *ctx, const struct child_sa_state *child)
{
	if (child->stage == CHILD_SA_ESTABLISHED || child->stage == CHILD_SA_INSTALLED)
		*(uint32_t *)ctx = child->spi_in;
}

/*
 * R10: what the owner has asked a peer for is answered when the standby hears nothing any more. The
 * peer answers the next owner with the same, unless a later request of the owner, which is lost
 * here for a while, has come first.
 */
bool fault_asked_late(struct sim *s)
{
	struct node *own = fault_owner(s);
	struct ike_input in = { .kind = IKE_IN_REKEY_CHILD, .connection = "" };

	if (!own)
		return false;
	struct member *m = &own->members[s->fault_group];
	ike_each_child(hf_core_engine(m->core), 0, any_child, &in.spi_in);
	if (in.spi_in)
		node_engine(m, &in);
	fault_lose_packets(s);
	sim_at(s, s->now_ns + rng_between(&s->rng, 3, 30) * MS_NS, late_now, NULL);
	return true;
}

/* ---- two at once, and gone and back at once ---- */

static bool harm(struct sim *s, struct node *nd)
{
	bool done;

	switch (rng_below(&s->rng, 3)) {
	case 0:
		done = node_kill(nd);
		sim_at(s, fault_soon(s, 100, 4000), fault_restart, nd);
		break;
	case 1:
		done = node_lose_host(nd);
		sim_at(s, fault_soon(s, 200, 4000), fault_boot, nd);
		break;
	default:
		done = node_pause(nd);
		sim_at(s, fault_soon(s, 20, 4500), fault_wake, nd);
		break;
	}
	return done;
}

static void harm_now(struct sim *s, struct event *ev)
{
	harm(s, ev->ctx);
}

bool fault_twice(struct sim *s)
{
	struct node *first = fault_victim(s), *second = fault_anybody(s, first);

	const bool done = harm(s, first);
	sim_at(s, fault_soon(s, 0, TOKEN_MS), harm_now, second);
	return done || second->alive;
}

/* Both changes come in one view, or in two of one ring; or the host is back within the token. */
bool fault_flash(struct sim *s)
{
	struct node *nd = fault_victim(s);
	bool done;

	if (rng_chance(&s->rng, 700)) {
		done = node_kill(nd);
		sim_at(s, s->now_ns + rng_below(&s->rng, 4 * MS_NS), fault_restart, nd);
	} else {
		done = node_lose_host(nd);
		sim_at(s, fault_soon(s, 0, TOKEN_MS), fault_boot, nd);
	}
	return done;
}

/* ---- what a host remembers ---- */

static void hand_over_now(struct sim *s, struct event *ev)
{
	(void)ev;
	if (!s->calm)
		fault_hand_over(s);
}

/* R11: the term file is gone with its disk. */
bool fault_disk(struct sim *s)
{
	struct node *nd = fault_victim(s);

	node_kill(nd);
	for (unsigned int g = 0; g < s->scenario.n_groups; g++) {
		nd->members[g].term_on_disk = 0;
		nd->members[g].terms_unknown = true;
		laws_disk_lost(&nd->members[g]);
	}
	trace(s, "%s: its disk is replaced by an empty one", nd->name);
	sim_at(s, fault_soon(s, 1, 4000), fault_restart, nd);
	return true;
}

static void restore_now(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;

	if (s->calm)
		return;
	node_lose_host(nd);
	for (unsigned int g = 0; g < s->scenario.n_groups; g++) {
		struct member *m = &nd->members[g];
		m->term_on_disk = m->copied_term;
		m->terms_unknown = m->copied_unknown;
		laws_disk_stale(m);
	}
	trace(s, "%s: its disk is an old copy", nd->name);
	sim_at(s, fault_soon(s, 200, 3000), fault_boot, nd);
}

static void copy_disk(struct node *nd)
{
	trace(nd->s, "%s: its disk is copied", nd->name);
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++) {
		nd->members[g].copied_term = nd->members[g].term_on_disk;
		nd->members[g].copied_unknown = nd->members[g].terms_unknown;
	}
}

/* R11: the host is restored from a copy, and its term file with it. */
bool fault_stale_disk(struct sim *s)
{
	struct node *nd = fault_victim(s);

	copy_disk(nd);
	const uint64_t at = fault_soon(s, 1500, 9000);
	sim_at(s, at, restore_now, nd);
	const bool other = rng_chance(&s->rng, 500) && fault_at_moment(s);
	return other || at < s->scenario.faults_until_ns;
}

/* The host that is restored had the group, while who goes on with it was cut off. */
static void lose_majority(struct sim *s, struct event *ev)
{
	const struct node *survivor = ev->ctx;

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *nd = &s->nodes[i];
		if (nd == survivor || ev->arg == i || s->calm)
			continue;
		node_kill(nd);
		sim_at(s, fault_soon(s, 100, 2500), fault_restart, nd);
	}
	if (!s->calm)
		restore_now(s, &(struct event){ .ctx = &s->nodes[ev->arg] });
}

bool fault_stale_apart(struct sim *s)
{
	const unsigned int n = s->scenario.n_nodes;
	struct node *own = fault_owner(s), *survivor = fault_holder(s, own);
	unsigned int side[NODES_MAX] = { 0 };

	if (n == 2 || !own || !survivor)
		return fault_stale_disk(s);
	copy_disk(own);
	side[survivor->index] = 1;
	mcast_cut(s, side);
	for (unsigned int i = 0; i < 2; i++)
		sim_at(s, fault_soon(s, 900 + i * 1000, 1500 + i * 1000), hand_over_now, NULL);
	uint64_t lost_ns = fault_soon(s, 2800, 5000);
	sim_at(s, lost_ns, lose_majority, survivor)->arg = own->index;
	sim_at(s, lost_ns + 5 * MS_NS, fault_heal, NULL);
	return true;
}

/* The clock of the day is set by hours; what counts is the time since boot, and that of the cluster. */
bool fault_clock(struct sim *s)
{
	struct node *nd = fault_victim(s);

	nd->realtime_off_ms = (int64_t)rng_below(&s->rng, 7200000) - 3600000;
	trace(s, "%s: its clock is set by %lld ms", nd->name, (long long)nd->realtime_off_ms);
	if (rng_chance(&s->rng, 700)) {
		node_kill(nd);
		sim_at(s, fault_soon(s, 1, 2000), fault_restart, nd);
	}
	return true;
}

/* ---- a handover while somebody joins and everything is rekeyed ---- */

static void rekey_now(struct sim *s, struct event *ev)
{
	(void)ev;
	workload_rekey(s);
}

bool fault_busy_handover(struct sim *s)
{
	struct node *joiner = fault_anybody(s, fault_owner(s));
	uint64_t at = fault_soon(s, 150, 900);

	const bool done = node_kill(joiner);
	sim_at(s, at, fault_restart, joiner);
	sim_at(s, at + rng_below(&s->rng, 30 * MS_NS), hand_over_now, NULL);
	for (unsigned int i = 0; i < 3; i++)
		sim_at(s, at + rng_below(&s->rng, 40 * MS_NS), rekey_now, NULL);
	return done;
}

/* ---- at a moment of a node ---- */

static void others_die(struct sim *s, struct event *ev)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *nd = &s->nodes[i];
		if (nd == ev->ctx || !fault_holds(nd))
			continue;
		node_kill(nd);
		sim_at(s, fault_soon(s, 100, 2500), fault_restart, nd);
	}
}

static void owner_dies(struct sim *s, struct event *ev)
{
	struct node *own = fault_owner(s);

	(void)ev;
	if (!own)
		return;
	node_kill(own);
	sim_at(s, fault_soon(s, 100, 3000), fault_restart, own);
}

static void cut_now(struct sim *s, struct event *ev)
{
	cut_off(s, ev->ctx, ev->ctx);
}

static void act(struct node *nd, enum trap_action action)
{
	struct sim *s = nd->s;
	const uint64_t at = s->now_ns +
			    (rng_chance(&s->rng, 500) ? 0 : rng_below(&s->rng, 3 * MS_NS));

	switch (action) {
	case TRAP_DIES:
		nd->dying = true;
		sim_at(s, fault_soon(s, 100, 4000), fault_restart, nd);
		break;
	case TRAP_DIES_SOON:
		sim_at(s, at, kill_now, nd);
		sim_at(s, fault_soon(s, 100, 4000), fault_restart, nd);
		break;
	case TRAP_SLEEPS:
		sim_at(s, at, sleep_now, nd);
		sim_at(s, fault_soon(s, 20, 4500), fault_wake, nd);
		break;
	case TRAP_CUT_OFF:
		sim_at(s, at, cut_now, nd);
		break;
	case TRAP_OWNER_DIES:
		sim_at(s, at, owner_dies, NULL);
		break;
	case TRAP_OTHERS_DIE:
		sim_at(s, at, others_die, nd);
		break;
	case TRAP_ACTIONS:
		break;
	}
}

void fault_moment(struct member *m, enum moment moment)
{
	struct node *nd = m->node;
	struct trap *t = &nd->s->trap;

	if (!t->armed || moment != t->moment || nd->s->calm || nd->dying || --t->count)
		return;
	t->armed = false;
	nd->s->fault_group = m->group;
	trace(nd->s, "%s: moment %d, action %d", m->name, (int)moment, (int)t->action);
	nd->s->stats.faults += !t->counted;
	act(nd, t->action);
}

/* Counted when the moment comes, or at once for what should make it come. */
bool fault_at_moment(struct sim *s)
{
	struct trap *t = &s->trap;

	*t = (struct trap){ .armed = true,
			    .moment = (enum moment)rng_below(&s->rng, MOMENTS),
			    .action = (enum trap_action)rng_below(&s->rng, TRAP_ACTIONS) };
	t->count = (unsigned int)rng_between(&s->rng, 1, 2);
	/* Something has to come to pass. */
	if (rng_chance(&s->rng, 500))
		t->counted = fault_hand_over(s);
	else if (rng_chance(&s->rng, 500))
		t->counted = fault_flash(s);
	return t->counted;
}

/* R22: a standby that missed something joins again, and those who have it die just then. */
bool fault_keeper(struct sim *s)
{
	struct node *nd = fault_anybody(s, fault_owner(s));
	unsigned int side[NODES_MAX] = { 0 };

	s->trap = (struct trap){
		.armed = true, .moment = MOMENT_JOINING, .count = 1, .action = TRAP_OTHERS_DIE
	};
	side[nd->index] = 1;
	const bool apart = mcast_cut(s, side);
	sim_at(s, fault_soon(s, 700, 3000), fault_heal, NULL);
	return apart;
}

/* R9: the owner dies when a standby has just begun to join again; others may hold all. */
bool fault_joiner(struct sim *s)
{
	struct node *nd = fault_anybody(s, fault_owner(s));

	s->trap = (struct trap){
		.armed = true, .moment = MOMENT_JOINING, .count = 1, .action = TRAP_OWNER_DIES
	};
	const bool done = node_kill(nd);
	sim_at(s, fault_soon(s, 50, 600), fault_restart, nd);
	return done;
}
