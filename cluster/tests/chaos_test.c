/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random faults, one after another: kills, restarts, cuts, heals, stopped
 * processes, handovers, under a steady log. The laws are asserted by the
 * harness all along; when the faults end, the cluster has one owner, all
 * members hold its state, and it is protected (law 7).
 *
 *	chaos_test [first seed [seeds]]
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"

#define STEPS 60
#define SEEDS 4

static struct world w;
static uint64_t seed_state;
static unsigned long first_seed = 1, seeds = SEEDS;

static uint64_t roll(uint64_t below)
{
	uint64_t z = (seed_state += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return (z ^ (z >> 31)) % below;
}

/* Time passes, and whoever owns writes. */
static void run(uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++) {
		for (size_t k = 0; k < w.n; k++)
			if (node_may_send(&w.nodes[k]) && roll(20) == 0 && w.n_log < 4000)
				node_append(&w, k);
		world_run(&w, 1);
	}
}

/* What a ring change costs: a host is missed only after token and consensus. */
static void new_ring(void)
{
	run(600 + roll(100));
	w.quorum_order = (enum quorum_order)roll(3);
	world_view(&w, false);
}

static size_t others_that_hold(size_t except)
{
	size_t n = 0;

	for (size_t i = 0; i < w.n; i++)
		n += i != except && node_holds_state(&w.nodes[i]) && !w.nodes[i].stopped &&
		     w.nodes[i].part == w.nodes[except].part;
	return n;
}

static void kill_one(size_t i)
{
	if (!w.nodes[i].alive || !others_that_hold(i))
		return; /* with its last holder the state is gone: not what is tested here */
	node_kill(&w, i);
	if (roll(2))
		world_view(&w, true);
	else
		new_ring();
}

static void start_one(size_t i)
{
	if (w.nodes[i].alive)
		return;
	node_start(&w, i);
	world_view(&w, roll(2));
}

static void cut_one(size_t i)
{
	for (size_t k = 0; k < w.n; k++)
		if (w.nodes[k].part)
			return; /* one cut at a time */
	if (!w.nodes[i].alive)
		return;
	node_cut(&w, i);
	new_ring();
}

static void heal(size_t i)
{
	(void)i;
	run(600 + roll(100));
	world_heal(&w);
	w.quorum_order = (enum quorum_order)roll(3);
	world_view(&w, false);
}

static void stop_one(size_t i)
{
	for (size_t k = 0; k < w.n; k++)
		if (w.nodes[k].stopped)
			return;
	if (w.nodes[i].alive)
		node_stop(&w, i);
}

static void wake_one(size_t i)
{
	if (w.nodes[i].alive && w.nodes[i].stopped)
		node_wake(&w, i);
}

static void go_active(size_t i)
{
	if (node_holds_state(&w.nodes[i]) && !w.nodes[i].stopped)
		node_command(&w, i, CL_IN_GO_ACTIVE);
}

static void go_standby(size_t i)
{
	if (w.nodes[i].alive && !w.nodes[i].stopped)
		node_command(&w, i, CL_IN_GO_STANDBY);
}

static void lose_snapshots(size_t i)
{
	w.nodes[i].lose_snapshots = roll(4) == 0;
}

static void (*const faults[])(size_t i) = {
	kill_one, start_one, start_one, cut_one,    heal,       heal,           stop_one,
	wake_one, wake_one,  go_active, go_standby, go_standby, lose_snapshots,
};

static void faults_end(void)
{
	world_heal(&w);
	for (size_t i = 0; i < w.n; i++) {
		if (!w.nodes[i].alive)
			node_start(&w, i);
		w.nodes[i].lose_snapshots = false;
		wake_one(i);
	}
	w.quorum_order = QUORUM_AFTER_VIEW;
	world_view(&w, false);
	world_run(&w, 12000);
}

static void assert_whole(unsigned long seed)
{
	size_t owner = world_owner(&w);

	for (size_t i = 0; i < w.n; i++) {
		struct cl_group_status s = node_status(&w.nodes[i]);
		if (i != owner && w.nodes[i].role != CL_ROLE_STANDBY)
			fail_msg("seed %lu: node %u is %s", seed, w.nodes[i].id,
				 cl_role_name(w.nodes[i].role));
		assert_int_equal(s.term, w.nodes[owner].term);
		assert_int_equal(s.applied, node_status(&w.nodes[owner]).applied);
	}
	assert_true(w.nodes[owner].is_protected);
	assert_int_equal(w.nodes[owner].committed, cl_position(w.nodes[owner].cl, GROUP));
}

static void one_seed(unsigned long seed, size_t n)
{
	seed_state = seed;
	world_settled(&w, n);
	for (unsigned int step = 0; step < STEPS; step++) {
		size_t fault = roll(sizeof(faults) / sizeof(faults[0])), node = roll(n);
		if (getenv("CL_TRACE"))
			fprintf(stderr, "%6llu ms fault %zu node %zu\n",
				(unsigned long long)(w.now_ns / MS_NS), fault, node + 1);
		faults[fault](node);
		run(roll(8) ? roll(300) : roll(4000));
	}
	faults_end();
	assert_whole(seed);
	world_free(&w);
}

static void the_laws_hold(size_t n)
{
	for (unsigned long i = 0; i < seeds; i++) {
		print_message("seed %lu, %zu nodes\n", first_seed + i, n);
		one_seed(first_seed + i, n);
	}
}

static void the_laws_hold_with_two_nodes(void **state)
{
	(void)state;
	the_laws_hold(2);
}

static void the_laws_hold_with_three_nodes(void **state)
{
	(void)state;
	the_laws_hold(3);
}

static void the_laws_hold_with_four_nodes(void **state)
{
	(void)state;
	the_laws_hold(4);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_laws_hold_with_two_nodes),
		cmocka_unit_test(the_laws_hold_with_three_nodes),
		cmocka_unit_test(the_laws_hold_with_four_nodes),
	};

	if (argc > 1)
		first_seed = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		seeds = strtoul(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
