/* SPDX-License-Identifier: Apache-2.0 */
/* R24, the share goes with the group: handed over, or taken over. */
#include "cluster/tests/admission_fixtures.h"

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

/* What is used goes with the group; at each moment the owner and the others are within the limit. */
static void step_with(uint32_t used)
{
	uint64_t bound = 0;

	world_run(&w, 1);
	for (size_t i = 0; i < w.n; i++) {
		enum cl_role role = w.nodes[i].role;
		bool owns = role == CL_ROLE_ACTIVE || role == CL_ROLE_RELEASING;
		in_share[i] = w.nodes[i].alive && owns ? used : 0;
	}
	tell_all();
	for (size_t i = 0; i < w.n; i++)
		if (w.nodes[i].alive)
			bound += share(i) > in_share[i] ? share(i) : in_share[i];
	assert_true(bound <= LIMIT);
}

/* Node 1 has taken over 30 of which 2 are its share: node 3 has not declared yet. */
static void take_over_more_than_the_share(void)
{
	start(4);
	for (uint32_t used = 1; used <= 30; used++) {
		use(0, used);
		run(1500);
	}
	run_with(30);
	node_kill(&w, 0);
	w.nodes[3].hold_acks = true;
	world_view(&w, true);
	for (unsigned int ms = 0; ms < 150; ms++)
		step_with(30);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(share(1), 2);
}

static void let_node_3_ask(uint32_t wanted)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Admission step = HOLDFAST__ADMISSION__INIT;
	Holdfast__AdmissionLoad load = HOLDFAST__ADMISSION_LOAD__INIT;

	load.wanted = wanted;
	step.step_case = HOLDFAST__ADMISSION__STEP_LOAD;
	step.load = &load;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ADMISSION;
	m.admission = &step;
	node_forge(&w, 3, 0, &m);
}

/* What is said to be used above a share is kept for it. What ends before it is taken is free. */
static void what_is_used_no_more_is_said_again(void **state)
{
	(void)state;
	start(2);
	for (uint32_t used = 1; used <= 30; used++) {
		use(0, used);
		run(1500);
	}
	limit(0, LIMIT / 2);
	limit(1, LIMIT / 2);
	run(3000);
	assert_true(share(0) < 30 && w.nodes[0].cl->admission.said == 30);
	in_share[0] = 5;
	limit(0, LIMIT);
	limit(1, LIMIT);
	run(4000);
	assert_int_equal(sum(), LIMIT);
}

/* It asks for what it has taken over, and hands over before that has come. */
static void what_is_on_its_way_is_handed_on_too(void **state)
{
	(void)state;
	take_over_more_than_the_share();
	const struct admission *a = &w.nodes[1].cl->admission;
	w.nodes[3].hold_acks = false;
	node_command(&w, 2, CL_IN_GO_ACTIVE);
	for (unsigned int ms = 0; ms < 100 && !w.nodes[2].cl->groups[0].claim.sent; ms++)
		step_with(30);
	assert_true(w.nodes[2].cl->groups[0].claim.sent && a->got >= 28);
	/* The token does not come round to it. */
	w.nodes[1].hold_acks = true;
	for (unsigned int ms = 0; ms < 20; ms++)
		step_with(30);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(a->groups[0].owed, 30);
	assert_int_equal(a->own, 2);
	/* It is nobody else's. */
	let_node_3_ask(5);
	for (unsigned int ms = 0; ms < 20; ms++)
		step_with(30);
	assert_int_equal(a->own, 2);
	assert_int_equal(share(1), 0);
	w.nodes[1].hold_acks = false;
	for (unsigned int ms = 0; ms < 20; ms++)
		step_with(30);
	assert_true(share(2) >= 30);
}

/* Whenever what was taken over is declared by all: before, in and behind the handover. */
static void who_hands_over_takes_nothing_for_what_it_had(void **state)
{
	(void)state;
	for (unsigned int late = 0; late < 8; late++) {
		take_over_more_than_the_share();
		node_command(&w, 2, CL_IN_GO_ACTIVE);
		for (unsigned int ms = 0; ms < 200; ms++) {
			w.nodes[3].hold_acks = ms < late;
			step_with(30);
		}
		assert_int_equal(world_owner(&w), 2);
		assert_true(share(2) >= 30);
		assert_int_equal(sum(), LIMIT);
		world_free(&w);
	}
	world_init(&w, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_handover_takes_the_share_with_it),
		T(what_was_taken_over_is_not_given_out_again),
		T(what_is_used_no_more_is_said_again),
		T(what_is_on_its_way_is_handed_on_too),
		T(who_hands_over_takes_nothing_for_what_it_had),
		T(a_late_claim_finds_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
