/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "failover takeover fenced": a lost node's group is taken when its end is confirmed, not before.
 * "failover empty-start fenced": nobody begins without state while one who is missing may have it.
 */
#include "cluster/tests/fixtures.h"

static void start_pair(enum cl_role_manager manager)
{
	world_init(&w, 2);
	w.fenced_takeover = true;
	w.manager = manager;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	if (manager == CL_MANAGER_PACEMAKER)
		node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
}

static void fenced(size_t i, uint32_t node_id)
{
	struct cl_input in = { .kind = CL_IN_FENCED, .from_node_id = node_id };

	node_input(&w.nodes[i], &in);
}

/* Cut off from the owner, which goes on. */
static void cut(void)
{
	world_lose(&w, 1, 5000);
}

static void a_lost_owner_is_waited_for(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	cut();
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 1);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_UNFENCED], 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
}

static void and_taken_over_from_when_it_is_fenced(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	cut();
	fenced(1, 7); /* no node of this cluster */
	world_run(&w, 500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	node_kill(&w, 0);
	fenced(1, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 0);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_FENCED], 1);
}

/* Two are lost, and the one that is off is not the one that owns. */
static void the_word_on_another_node_ends_no_wait(void **state)
{
	(void)state;
	world_settled(&w, 3);
	for (size_t i = 0; i < 3; i++)
		w.nodes[i].cl->cfg.fenced_takeover = true;
	w.two_node = true;
	node_cut(&w, 0);
	node_cut(&w, 2);
	world_view(&w, false);
	world_run(&w, 100);
	fenced(1, 3);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 1);
	fenced(1, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* While this node had no connection: what it has kept is claimed no sooner. */
static void an_owner_that_was_lost_unseen_is_waited_for(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	w.two_node = true;
	node_command(&w, 1, CL_IN_DISCONNECTED);
	cut();
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 1);
	node_kill(&w, 0);
	fenced(1, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* The word came while this node had no connection, and does not come twice. */
static void an_owner_that_was_fenced_unseen_is_not_waited_for(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	w.two_node = true;
	node_command(&w, 1, CL_IN_DISCONNECTED);
	node_kill(&w, 0);
	fenced(1, 1);
	cut();
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 0);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* The word came to another one, which has taken over: whoever follows it waits for nobody. */
static void who_follows_waits_no_longer(void **state)
{
	(void)state;
	world_settled(&w, 3);
	for (size_t i = 0; i < 3; i++)
		w.nodes[i].cl->cfg.fenced_takeover = true;
	node_kill(&w, 0);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 500);
	assert_int_equal(node_status(&w.nodes[2]).unfenced_node, 1);
	fenced(1, 1);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(node_status(&w.nodes[2]).unfenced_node, 0);
}

/* Pacemaker's promote may come before its confirmation. */
static void promote_waits_for_it_too(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_PACEMAKER);
	cut();
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	node_kill(&w, 0);
	fenced(1, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].commands_ok, 1);
}

static void one_who_is_there_is_not_fenced(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	fenced(1, 1);
	cut();
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	/* Nor is one who is back: the next loss waits again. */
	fenced(1, 1);
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	world_meet(&w, 500);
	assert_int_equal(world_owner(&w), 1);
	world_lose(&w, 0, 3000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node, 2);
}

/* Its node is there and its addresses went with it (R20). */
static void a_process_that_dies_alone_is_taken_over_from_at_once(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	world_kill(&w, 0, 20);
	assert_int_equal(world_owner(&w), 1);
}

/* The loss of another node in the same change says nothing of the owner's. */
static void nor_is_it_waited_for_when_another_node_is_lost_with_it(void **state)
{
	(void)state;
	for (unsigned int back = 0; back < 2; back++) {
		world_settled(&w, 3);
		for (size_t i = 0; i < 3; i++)
			w.nodes[i].cl->cfg.fenced_takeover = true;
		node_kill(&w, 2);
		if (!back)
			world_view(&w, false); /* of nodes first, then of processes */
		node_kill(&w, 0);
		if (back)
			node_start(&w, 0);
		world_view(&w, !back);
		world_run(&w, 1200);
		assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 0);
		if (back)
			assert_int_equal(world_owner(&w), 1);
		world_free(&w);
	}
	world_init(&w, 2);
}

static void an_owner_that_comes_back_is_followed_again(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	cut();
	world_meet(&w, 500);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 0);
	assert_true(w.nodes[0].is_protected);
}

/*
 * It was joining again when it lost the owner's node, and nobody holds more than what it kept
 * (R22): that waits for the confirmation, and no longer.
 */
static void what_was_kept_waits_for_it_too(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	world_cut(&w, 1, 50);
	node_append(&w, 0);
	world_run(&w, 50);
	w.nodes[0].lose_snapshots = true;
	world_meet(&w, 150);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	cut();
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 1);
	node_kill(&w, 0);
	fenced(1, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 0);
}

/* It has nothing, and nobody can confirm that it is off: who waited takes the group. */
static void a_node_that_comes_back_as_another_process_is_waited_for_no_longer(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	cut();
	node_kill(&w, 0);
	node_start(&w, 0);
	world_meet(&w, 1500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 0);
	assert_true(w.nodes[1].is_protected);
}

/* R10: behind the cut it went on, unprotected, until it was off. */
static void who_waited_takes_over_as_suspect(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	world_lose(&w, 1, 0);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 100);
	assert_false(w.nodes[0].is_protected);
	node_kill(&w, 0);
	fenced(1, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_false(node_has(&w.nodes[1], key));
	assert_true(w.nodes[1].suspect);
}

/* ---- R15 ---- */

/* Quorate, as who has met wait_for_all before, and alone: the first of so many nodes. */
static void start_alone(size_t nodes, enum cl_empty_start policy)
{
	world_init(&w, nodes);
	w.two_node = true;
	w.empty_start = policy;
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
}

static void an_empty_start_waits_for_who_is_missing(void **state)
{
	(void)state;
	start_alone(2, CL_EMPTY_FENCED);
	world_run(&w, 20000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node, 2);
	assert_false(node_status(&w.nodes[0]).may_begin_empty);
	for (unsigned int times = 0; times < 2 * CL_MEMBERS_MAX; times++)
		fenced(0, 2);
	assert_int_equal(w.nodes[0].cl->n_fenced, 1);
	assert_true(node_status(&w.nodes[0]).may_begin_empty);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node, 0);
}

static void and_for_all_who_are_missing(void **state)
{
	(void)state;
	start_alone(3, CL_EMPTY_FENCED);
	fenced(0, 2);
	world_run(&w, 2000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node, 3);
	fenced(0, 9); /* no node of this cluster: nobody is off by it */
	world_run(&w, 2000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	fenced(0, 3);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
}

/* Wiped and cut off, the owner goes on: its state must win. */
static void who_is_there_with_state_is_joined(void **state)
{
	(void)state;
	start_pair(CL_MANAGER_INTERNAL);
	w.two_node = true;
	node_cut(&w, 1);
	node_kill(&w, 1);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[1]).unfenced_node, 1);
	world_heal(&w);
	world_view(&w, false);
	fenced(1, 1); /* too late: it is back */
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_false(node_status(&w.nodes[1]).may_begin_empty);
}

/* What was said of a former life does not count for the next one. */
static void who_came_back_in_between_has_to_be_fenced_again(void **state)
{
	(void)state;
	world_init(&w, 3);
	w.two_node = true;
	node_start(&w, 0);
	world_view(&w, false);
	fenced(0, 2);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 500);
	node_cut(&w, 1);
	world_view(&w, false);
	fenced(0, 3);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node, 2);
}

static void without_quorum_nothing_begins(void **state)
{
	(void)state;
	world_init(&w, 3);
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 50);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node,
			 0); /* it is quorum that it waits for */
	fenced(0, 2);
	fenced(0, 3);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_false(node_status(&w.nodes[0]).may_begin_empty);
}

static void never_is_never(void **state)
{
	(void)state;
	start_alone(2, CL_EMPTY_NEVER);
	assert_int_equal(node_status(&w.nodes[0]).unfenced_node, 0);
	fenced(0, 2);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
}

/* Pacemaker promotes who says that it may begin. */
static void with_pacemaker_promote_begins(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.two_node = true;
	w.manager = CL_MANAGER_PACEMAKER;
	node_start(&w, 0);
	world_view(&w, false);
	fenced(0, 2);
	world_run(&w, 2000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_true(node_status(&w.nodes[0]).may_begin_empty);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
}

static void without_a_node_list_nobody_is_believed(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.two_node = true;
	w.no_node_list = true;
	node_start(&w, 0);
	world_view(&w, false);
	assert_non_null(cl_fenced_objection(w.nodes[0].cl, 2));
	fenced(0, 2);
	world_run(&w, 2000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_lost_owner_is_waited_for),
		T(and_taken_over_from_when_it_is_fenced),
		T(the_word_on_another_node_ends_no_wait),
		T(an_owner_that_was_lost_unseen_is_waited_for),
		T(an_owner_that_was_fenced_unseen_is_not_waited_for),
		T(who_follows_waits_no_longer),
		T(promote_waits_for_it_too),
		T(one_who_is_there_is_not_fenced),
		T(a_process_that_dies_alone_is_taken_over_from_at_once),
		T(nor_is_it_waited_for_when_another_node_is_lost_with_it),
		T(an_owner_that_comes_back_is_followed_again),
		T(what_was_kept_waits_for_it_too),
		T(a_node_that_comes_back_as_another_process_is_waited_for_no_longer),
		T(who_waited_takes_over_as_suspect),
		T(an_empty_start_waits_for_who_is_missing),
		T(and_for_all_who_are_missing),
		T(who_is_there_with_state_is_joined),
		T(who_came_back_in_between_has_to_be_fenced_again),
		T(without_quorum_nothing_begins),
		T(never_is_never),
		T(with_pacemaker_promote_begins),
		T(without_a_node_list_nobody_is_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
