/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R24 at the cluster logic: what the members may have never exceeds the limit
 * in sum, whatever is cut, killed or said; and it comes to where it is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"

#define LIMIT       40u
#define CHAOS_SEEDS 150u

static struct world w;
static uint32_t in_share[NODES_MAX], limits[NODES_MAX];

static int done(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

static struct cl_admission admission(size_t i)
{
	struct cl_admission a;

	cl_admission(w.nodes[i].cl, &a);
	return a;
}

static uint32_t share(size_t i)
{
	return admission(i).share;
}

static void tell(size_t i)
{
	struct cl_input in = {
		.kind = CL_IN_ADMISSION, .group = GROUP, .limit = limits[i], .in_share = in_share[i]
	};

	node_input(&w.nodes[i], &in);
}

static void use(size_t i, uint32_t n)
{
	in_share[i] = n;
	tell(i);
}

static void limit(size_t i, uint32_t n)
{
	limits[i] = n;
	tell(i);
}

/* Law 8: of all that run, also of those that hear nothing. */
static uint64_t sum(void)
{
	uint64_t s = 0;

	for (size_t i = 0; i < w.n; i++)
		if (w.nodes[i].alive)
			s += share(i);
	return s;
}

/* node/ says what is used after each role and after what was carried counts again. */
static void tell_all(void)
{
	for (size_t i = 0; i < w.n; i++)
		if (w.nodes[i].alive && !w.nodes[i].stopped)
			tell(i);
}

static void run_apart(uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += 10) {
		world_run(&w, 10);
		tell_all();
	}
}

static void run(uint64_t ms)
{
	for (uint64_t t = 0; t < ms; t += 10) {
		run_apart(10);
		assert_true(sum() <= LIMIT);
	}
}

static void view(void)
{
	world_view(&w, false);
	run(2500);
}

/* Node 0 owns the group. */
static void start(size_t n)
{
	world_init(&w, n);
	w.two_node = n == 2;
	for (size_t i = 0; i < n; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, LIMIT);
	}
	view();
	assert_int_equal(world_owner(&w), 0);
}

static void forget(size_t i, size_t other, enum cl_input_kind kind)
{
	struct cl_input in = { .kind = kind, .from_node_id = w.nodes[other].id };

	node_input(&w.nodes[i], &in);
	run(100);
}

static void the_limit_is_split(void **state)
{
	(void)state;
	start(4);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(share(i), LIMIT / 4);
	assert_int_equal(sum(), LIMIT);
}

static void nothing_is_given_out_before_an_owner_begins(void **state)
{
	(void)state;
	world_init(&w, 3);
	for (size_t i = 0; i < 2; i++) {
		node_start(&w, i);
		limit(i, LIMIT);
	}
	world_view(&w, false);
	run(3000);
	assert_int_equal(sum(), 0);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	run(1000);
	assert_int_equal(sum(), LIMIT);
}

static void an_owner_gets_what_it_needs(void **state)
{
	(void)state;
	start(4);
	for (uint32_t used = 0; used <= LIMIT; used++) {
		assert_true(share(0) >= used);
		use(0, used);
		run(1500);
	}
	assert_int_equal(share(0), LIMIT);
	/* And no more than there is. */
	run(5000);
	assert_int_equal(share(0), LIMIT);
	assert_int_equal(sum(), LIMIT);
}

static void who_does_not_answer_keeps_its_share(void **state)
{
	(void)state;
	start(2);
	w.nodes[1].hold_acks = true; /* nothing of it arrives */
	use(0, share(0));
	run(3000);
	assert_int_equal(share(0), LIMIT / 2);
}

static void each_side_of_a_cut_keeps_what_it_has(void **state)
{
	(void)state;
	start(2);
	use(0, 15);
	node_cut(&w, 1);
	world_run(&w, 650);
	view();
	run(3000);
	/* 15 may go on at both: 5 more there, 20 here. */
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_true(admission(0).carried && admission(1).carried);
	assert_int_equal(share(0), 5);
	assert_int_equal(share(1), 20);
	/* What ends of them frees nothing. */
	use(0, 0);
	use(1, 20);
	run(3000);
	assert_int_equal(share(0), 5);
	assert_int_equal(share(1), 20);
	world_heal(&w);
	view();
	run(3000);
	assert_false(admission(0).carried || admission(1).carried);
	assert_int_equal(sum(), LIMIT);
}

static void the_share_of_a_lost_node_waits_for_its_end(void **state)
{
	static const enum cl_input_kind words[] = { CL_IN_FENCED, CL_IN_FORGET };

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		start(2);
		use(0, 10);
		node_cut(&w, 0);
		world_run(&w, 650);
		view();
		run(3000);
		assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
		assert_int_equal(share(1), 20);
		w.nodes[0].alive = false;
		forget(1, 0, words[k]);
		assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_SHARE_FREED], 1);
		/* What was taken over counts now. */
		use(1, 30);
		run(3000);
		assert_int_equal(share(1), LIMIT);
		assert_false(admission(1).carried);
		world_free(&w);
	}
	world_init(&w, 1);
}

static void who_is_there_cannot_be_forgotten(void **state)
{
	(void)state;
	start(2);
	forget(0, 1, CL_IN_FORGET);
	run(2000);
	assert_int_equal(share(1), LIMIT / 2);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SHARE_FREED], 0);
}

static void a_process_that_ended_leaves_its_share(void **state)
{
	(void)state;
	start(2);
	use(0, 10);
	node_kill(&w, 0);
	world_view(&w, true);
	run(3000);
	assert_int_equal(world_owner(&w), 1);
	use(1, 10);
	run(2000);
	assert_int_equal(share(1), LIMIT);
	/* It begins anew with what it is given. */
	node_start(&w, 0);
	limit(0, LIMIT);
	world_view(&w, true);
	run(3000);
	assert_int_equal(share(0), 0);
	use(0, 0);
	use(1, LIMIT);
	run(2000);
	assert_int_equal(sum(), LIMIT);
}

/* What is used goes with the group: from node 0 to whoever is active. */
static void run_with(uint32_t used)
{
	for (unsigned int t = 0; t < 500; t++) {
		uint64_t bound = 0;
		world_run(&w, 10);
		for (size_t i = 0; i < w.n; i++)
			in_share[i] = w.nodes[i].alive && w.nodes[i].role == CL_ROLE_ACTIVE ? used
											    : 0;
		tell_all();
		for (size_t i = 0; i < w.n; i++)
			if (w.nodes[i].alive)
				bound += share(i) > in_share[i] ? share(i) : in_share[i];
		assert_true(bound <= LIMIT);
	}
}

static void a_handover_takes_the_share_with_it(void **state)
{
	(void)state;
	start(2);
	run_with(18);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	run_with(18);
	assert_int_equal(world_owner(&w), 1);
	assert_true(share(1) >= 18);
	assert_int_equal(sum(), LIMIT);
}

static void what_was_taken_over_is_not_given_out_again(void **state)
{
	(void)state;
	start(4);
	for (uint32_t used = 1; used <= 30; used++) {
		use(0, used);
		run(1500);
	}
	run_with(30);
	node_kill(&w, 0);
	world_view(&w, true);
	run_with(30);
	assert_true(share(world_owner(&w)) >= 30);
	assert_int_equal(sum(), LIMIT);
}

static void with_quorum_the_share_moves_with_what_is_taken_over(void **state)
{
	(void)state;
	start(4);
	w.two_node = false;
	use(0, 9);
	node_cut(&w, 0);
	world_run(&w, 650);
	view();
	run(3000);
	size_t owner = 1;
	assert_int_equal(w.nodes[owner].role, CL_ROLE_ACTIVE);
	assert_false(admission(owner).carried);
	/* It has 10 of its own; 9 came with the group, 6 are new. */
	use(owner, 15);
	run(3000);
	assert_true(share(owner) >= 15);
	/* The rest of node 0's stays there: 5 of its 10 have moved at the most. */
	uint64_t others = 0;
	for (size_t i = 1; i < 4; i++)
		others += share(i);
	assert_true(others <= LIMIT - 1);
	world_heal(&w);
	view();
	run(3000);
	assert_true(sum() <= LIMIT);
}

static void a_lower_limit_is_reached(void **state)
{
	(void)state;
	start(2);
	limit(0, 10);
	limit(1, 10);
	run_apart(3000);
	assert_true(sum() <= 10);
	assert_true(sum() >= 8);
	limit(0, LIMIT);
	limit(1, LIMIT);
	run(3000);
	assert_int_equal(sum(), LIMIT);
}

/*
 * R23: node 1 has won, and goes on with what node 0 had. What node 0 began in the cut is on its
 * way: before it is there, or lost, nobody knows what is free.
 */
static void nothing_is_free_before_all_is_merged(void **state)
{
	(void)state;
	start(2);
	use(0, 15);
	node_append(&w, 0);
	run(100);
	node_cut(&w, 1);
	world_run(&w, 650);
	view();
	assert_true(admission(0).carried && admission(1).carried);
	node_append(&w, 0);
	node_append(&w, 1);
	use(0, 5);
	use(1, 3);
	run(500);
	assert_int_equal(share(0), 5);
	w.nodes[0].lose_snapshots = true;
	world_heal(&w);
	world_view(&w, false);
	in_share[0] = 0;
	for (unsigned int t = 0; t < 100; t++) {
		run(10);
		if (w.nodes[0].cl->groups[0].part.running)
			assert_true(admission(1).carried && share(1) <= 20);
	}
	assert_true(w.nodes[0].cl->groups[0].part.running);
	w.nodes[0].lose_snapshots = false;
	/* 15 that both had, 5 of node 0 and 3 of node 1. */
	in_share[1] = 23;
	run(3000);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_false(admission(0).carried || admission(1).carried);
	assert_true(share(1) >= 23);
	assert_int_equal(sum(), LIMIT);
}

/* Both sides were begun by an operator: at the heal there are two limits given out. */
static void two_ledgers_become_one(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.two_node = true;
	for (size_t i = 0; i < 2; i++) {
		node_start(&w, i);
		limit(i, LIMIT);
	}
	node_cut(&w, 1);
	world_view(&w, false);
	run_apart(1000);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	run_apart(3000);
	assert_int_equal(share(0), LIMIT);
	assert_int_equal(share(1), LIMIT);
	world_heal(&w);
	world_view(&w, false);
	run_apart(3000);
	assert_true(sum() <= LIMIT && sum() >= LIMIT - 2);
}

/* A member that knows of no limit, or of no admission (an upgrade): what is given out stays. */
static void who_says_nothing_opens_nothing(void **state)
{
	(void)state;
	world_init(&w, 3);
	for (size_t i = 0; i < 3; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, i < 2 ? LIMIT : 0);
	}
	world_view(&w, false);
	run_apart(2500);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(share(0) + share(1), 0);
	limit(2, LIMIT);
	run(2000);
	assert_int_equal(sum(), LIMIT / 3 * 3);
	/* As the release of before it comes back. */
	uint32_t had = share(0);
	node_kill(&w, 2);
	node_start(&w, 2);
	limits[2] = 0;
	world_view(&w, false);
	use(0, had);
	for (unsigned int t = 0; t < 300; t++) {
		world_run(&w, 10);
		tell_all();
		assert_true(share(0) + share(1) <= LIMIT);
	}
	assert_int_equal(share(0), had);
}

/* 300 each second: the share is always ahead, and is asked for in blocks. */
static void shares_move_in_blocks(void **state)
{
	const uint32_t many = 16000;

	(void)state;
	world_init(&w, 2);
	for (size_t i = 0; i < 2; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, many);
	}
	world_view(&w, false);
	run_apart(2500);
	uint64_t said = cl_stats(w.nodes[0].cl)->messages_sent[30] +
			cl_stats(w.nodes[1].cl)->messages_sent[30];
	for (uint32_t used = 0; used < many; used += 3) {
		assert_true(share(0) >= used);
		use(0, used);
		world_run(&w, 10);
		assert_true(sum() <= many);
	}
	said = cl_stats(w.nodes[0].cl)->messages_sent[30] +
	       cl_stats(w.nodes[1].cl)->messages_sent[30] - said;
	assert_true(said > 0 && said < 50);
}

/* In a view that not all of them saw, a word may be lost: it is said in the next one. */
static void a_word_of_an_end_is_not_lost(void **state)
{
	(void)state;
	start(3);
	node_cut(&w, 2);
	world_run(&w, 650);
	view();
	w.nodes[2].alive = false;
	struct cl_input in = { .kind = CL_IN_FORGET, .from_node_id = w.nodes[2].id };
	node_input(&w.nodes[0], &in);
	/* Before it comes back. */
	world_view(&w, false);
	run(3000);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SHARE_FREED], 1);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_SHARE_FREED], 1);
	assert_int_equal(sum(), LIMIT);
}

/* One half has quorum by a third vote, and is the only one: the share moves with what is taken over. */
static void with_a_third_vote_one_of_a_pair_is_the_majority(void **state)
{
	(void)state;
	start(2);
	for (size_t i = 0; i < 2; i++)
		w.nodes[i].cl->cfg.votes = 3;
	use(0, 15);
	node_cut(&w, 0);
	w.nodes[0].stopped = true;
	world_run(&w, 650);
	world_view(&w, false);
	/* Only the one that is stopped might have more, and it is past its deadline (R12). */
	run_apart(2500);
	use(1, 22);
	run_apart(2000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_false(admission(1).carried);
	assert_int_equal(share(1), 22);
}

static void without_a_limit_nothing_is_said(void **state)
{
	(void)state;
	start(2);
	uint64_t said = cl_stats(w.nodes[0].cl)->messages_sent[30];
	assert_true(said > 0);
	limit(0, 0);
	limit(1, 0);
	world_run(&w, 100);
	said = cl_stats(w.nodes[0].cl)->messages_sent[30];
	node_cut(&w, 1);
	world_view(&w, false);
	run_apart(3000);
	assert_int_equal(share(0), UINT32_MAX);
	assert_int_equal(cl_stats(w.nodes[0].cl)->messages_sent[30], said);
}

/* Nobody may say "so much is free" before the one who is to take over has said what it is. */
static void a_late_claim_finds_its_share(void **state)
{
	(void)state;
	world_init(&w, 4);
	w.manager = CL_MANAGER_PACEMAKER;
	for (size_t i = 0; i < 4; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, LIMIT);
	}
	world_view(&w, false);
	run(1000);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	run(2000);
	for (uint32_t used = 1; used <= 30; used++) {
		use(0, used);
		run(1500);
	}
	node_kill(&w, 0);
	world_view(&w, true);
	run_with(30);
	assert_int_equal(admission(2).pool, 0);
	node_command(&w, 2, CL_IN_GO_ACTIVE);
	run_with(30);
	assert_int_equal(world_owner(&w), 2);
	assert_true(share(2) >= 30);
	assert_int_equal(sum(), LIMIT);
}

/* Corosync's agreed order: what one has sent comes back to it before the others have it. */
static void what_was_taken_in_a_cut_counts_at_neither(void **state)
{
	(void)state;
	start(2);
	for (uint32_t used = 0; used <= LIMIT; used += 5) {
		use(0, used);
		run(1500);
	}
	assert_int_equal(share(0), LIMIT);
	limit(0, 2 * LIMIT);
	limit(1, 2 * LIMIT);
	world_order(&w);
	w.nodes[0].hold_acks = w.nodes[1].hold_acks = true;
	world_run(&w, 10);
	assert_true(w.nodes[0].cl->admission.taking && w.nodes[1].cl->admission.taking);
	node_deliver_to_itself(&w, 0);
	node_deliver_to_itself(&w, 1);
	node_drop_sent(&w, 0);
	node_drop_sent(&w, 1);
	w.nodes[0].hold_acks = w.nodes[1].hold_acks = false;
	node_cut(&w, 1);
	world_view(&w, false);
	assert_true(w.nodes[0].cl->admission.own + w.nodes[1].cl->admission.own <= 2 * LIMIT);
	run_apart(3000);
	world_heal(&w);
	world_view(&w, false);
	run_apart(4000);
	assert_int_equal(sum(), 2 * LIMIT);
}

/* It asked for more than it was offered, and others have taken the rest meanwhile. */
static void what_is_offered_is_taken_once(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Admission step = HOLDFAST__ADMISSION__INIT;
	Holdfast__AdmissionOffer offer = HOLDFAST__ADMISSION_OFFER__INIT;
	Holdfast__AdmissionTake take = HOLDFAST__ADMISSION_TAKE__INIT;

	(void)state;
	start(2);
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ADMISSION;
	m.admission = &step;
	step.step_case = HOLDFAST__ADMISSION__STEP_OFFER;
	step.offer = &offer;
	offer.to_node_id = w.nodes[1].id;
	offer.amount = 5;
	w.nodes[0].cl->admission.own -= offer.amount;
	node_forge(&w, 0, 0, &m);
	step.step_case = HOLDFAST__ADMISSION__STEP_TAKE;
	step.take = &take;
	take.amount = 10;
	node_forge(&w, 1, 0, &m);
	world_order(&w);
	w.nodes[0].hold_acks = w.nodes[1].hold_acks = true;
	world_run(&w, 10);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(admission_entry(w.nodes[i].cl, w.nodes[1].id)->share,
				 LIMIT / 2 + 5);
}

static void the_lowest_limit_holds(void **state)
{
	(void)state;
	start(3);
	limit(2, 12);
	run_apart(3000);
	assert_int_equal(sum(), 12);
	limit(0, 2 * LIMIT);
	run_apart(1000);
	assert_int_equal(sum(), 12);
}

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
		cmocka_unit_test_teardown(the_limit_is_split, done),
		cmocka_unit_test_teardown(nothing_is_given_out_before_an_owner_begins, done),
		cmocka_unit_test_teardown(an_owner_gets_what_it_needs, done),
		cmocka_unit_test_teardown(who_does_not_answer_keeps_its_share, done),
		cmocka_unit_test_teardown(each_side_of_a_cut_keeps_what_it_has, done),
		cmocka_unit_test_teardown(the_share_of_a_lost_node_waits_for_its_end, done),
		cmocka_unit_test_teardown(who_is_there_cannot_be_forgotten, done),
		cmocka_unit_test_teardown(a_process_that_ended_leaves_its_share, done),
		cmocka_unit_test_teardown(a_handover_takes_the_share_with_it, done),
		cmocka_unit_test_teardown(what_was_taken_over_is_not_given_out_again, done),
		cmocka_unit_test_teardown(with_quorum_the_share_moves_with_what_is_taken_over,
					  done),
		cmocka_unit_test_teardown(a_lower_limit_is_reached, done),
		cmocka_unit_test_teardown(nothing_is_free_before_all_is_merged, done),
		cmocka_unit_test_teardown(two_ledgers_become_one, done),
		cmocka_unit_test_teardown(who_says_nothing_opens_nothing, done),
		cmocka_unit_test_teardown(shares_move_in_blocks, done),
		cmocka_unit_test_teardown(a_word_of_an_end_is_not_lost, done),
		cmocka_unit_test_teardown(with_a_third_vote_one_of_a_pair_is_the_majority, done),
		cmocka_unit_test_teardown(without_a_limit_nothing_is_said, done),
		cmocka_unit_test_teardown(a_late_claim_finds_its_share, done),
		cmocka_unit_test_teardown(what_was_taken_in_a_cut_counts_at_neither, done),
		cmocka_unit_test_teardown(what_is_offered_is_taken_once, done),
		cmocka_unit_test_teardown(the_lowest_limit_holds, done),
		cmocka_unit_test_teardown(chaos, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
