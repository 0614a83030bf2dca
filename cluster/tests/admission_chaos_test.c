/* SPDX-License-Identifier: Apache-2.0 */
/* R24, law 8: the sum never exceeds the limit, whatever is cut, killed or said. */
#include "cluster/tests/admission_fixtures.h"

#define CHAOS_SEEDS 150u

/* IKE SAs of the cluster, as a taker-over has them; those that another may have too count nowhere. */
static uint32_t held;

static bool counts(size_t i)
{
	return w.nodes[i].alive && node_may_send(&w.nodes[i]) && !admission(i).carried;
}

static bool owns(size_t i)
{
	return w.nodes[i].role == CL_ROLE_ACTIVE || w.nodes[i].role == CL_ROLE_RELEASING;
}

/* Who hands over sends nothing more, and has them in its share until the next owner begins. */
static bool has_them_still(size_t i)
{
	return w.nodes[i].role == CL_ROLE_RELEASING && !admission(i).carried && held <= share(i);
}

static void follow(void)
{
	for (size_t i = 0; i < w.n; i++) {
		in_share[i] = owns(i) && !admission(i).carried ? held : 0;
		if (w.nodes[i].alive)
			tell(i);
	}
}

/* Law 8. */
static void assert_sum(unsigned int seed)
{
	uint64_t bound = 0;
	bool counted = false;

	for (size_t i = 0; i < w.n; i++) {
		if (!w.nodes[i].alive)
			continue;
		counted = counted || counts(i) || has_them_still(i);
		bound += counts(i) && held > share(i) ? held : share(i);
	}
	if (!counted)
		bound += held;
	if (bound > LIMIT)
		fail_msg("seed %u, %u ms: %u of %u", seed, (unsigned int)(w.now_ns / 1000000),
			 (unsigned int)bound, LIMIT);
}

static void run_chaos(unsigned int seed, unsigned int ms)
{
	for (unsigned int t = 0; t < ms; t += 10) {
		world_run(&w, 10);
		follow();
		assert_sum(seed);
	}
}

static void chaos_step(uint32_t r)
{
	size_t i = (r >> 8) % w.n;
	bool alive = w.nodes[i].alive;

	switch ((r >> 16) % 9) {
	case 0:
		node_cut(&w, i);
		world_view(&w, false);
		break;
	case 1:
		world_heal(&w);
		world_view(&w, false);
		break;
	case 2:
		if (alive)
			node_kill(&w, i);
		world_view(&w, (r >> 24) & 1);
		break;
	case 3:
		if (!alive)
			node_start(&w, i);
		limit(i, LIMIT);
		world_view(&w, false);
		break;
	case 4:
		/* The word is said again. */
		if (alive)
			limit(i, LIMIT - ((r >> 24) & 1));
		break;
	case 5:
		if (alive && w.nodes[i].role == CL_ROLE_STANDBY)
			node_command(&w, i, CL_IN_GO_ACTIVE);
		break;
	default:
		/* One owner: some end, or as many are new as its share allows. */
		if (alive && counts(i))
			held = (r >> 24) % (share(i) + 1);
		follow();
		break;
	}
}

/* Cuts, heals, kills, handovers and use at random. */
static void chaos(void **state)
{
	static const size_t nodes[] = { 2, 4, 3 };

	(void)state;
	for (unsigned int seed = 1; seed <= CHAOS_SEEDS; seed++) {
		uint32_t r = seed * 2654435761u;
		held = 0;
		start(nodes[seed % 3]);
		for (unsigned int k = 0; k < 40; k++) {
			r = r * 1664525u + 1013904223u;
			chaos_step(r);
			run_chaos(seed, ((r >> 20) % 8) * 150);
		}
		world_free(&w);
	}
	world_init(&w, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(chaos),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
