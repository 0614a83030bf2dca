/* SPDX-License-Identifier: Apache-2.0 */
/* Two owners meet (R23): what is no part of a log, or no time for one. */
#include "cluster/tests/merge_fixtures.h"

/* Node 0 sends a chunk of another part, or of one that is merged. */
static void forge_part(uint64_t part_id, uint32_t fork_slot)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Part body = HOLDFAST__PART__INIT;
	struct cl_node *from = w.nodes[0].cl;
	struct group strange = { .id = GROUP, .term = w.nodes[1].cl->groups[0].term };
	struct cl_outbox out = { 0 };

	body.part_id = part_id;
	body.fork_term = 1;
	body.fork_slot = fork_slot;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_PART;
	m.part = &body;
	from->out = &out;
	assert_true(message_send_snapshot(from, &strange, CL_FX_SNAPSHOT_ASK,
					  member_by_slot(from, 2), &m));
	from->out = NULL;
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = buf_bytes(&out.fx[0].data) };
	node_input(&w.nodes[1], &in);
	cl_outbox_clear(&out);
}

static uint64_t answers(void)
{
	const unsigned int kind = HOLDFAST__CLUSTER_MESSAGE__BODY_PART_TAKEN;

	return stats(1)->messages_sent[kind];
}

/* The answer was lost: it is given again, and nothing else is done. */
static void a_part_that_is_merged_is_not_merged_again(void **state)
{
	(void)state;
	split(2);
	meet();
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	uint64_t term = w.nodes[1].term, before = answers();
	forge_part(w.nodes[0].cl->groups[0].part.id, 1);
	assert_int_equal(answers(), before + 1);
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_int_equal(node_status(&w.nodes[1]).merges_failed, 0);
	assert_int_equal(w.nodes[1].term, term);
}

static void a_part_that_comes_while_one_is_merged_changes_nothing(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, 150);
	assert_int_equal(w.nodes[1].role, CL_ROLE_RELEASING);
	uint64_t before = answers();
	forge_part(4711, 1);
	assert_int_equal(answers(), before);
	node_command(&w, 1, CL_IN_QUIESCED);
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_int_equal(node_status(&w.nodes[1]).merges_failed, 0);
	assert_true(has_all(0) && has_all(1));
}

static void a_part_of_no_slot_is_refused(void **state)
{
	(void)state;
	split(2);
	w.nodes[0].mute_part = true;
	meet();
	world_run(&w, 20);
	forge_part(4711, 256 + 1); /* slot 1 is right */
	assert_int_equal(node_status(&w.nodes[1]).merges_failed, 1);
	assert_null(w.nodes[1].cl->groups[0].merging[1].m);
}

/* Its owner's log is all that it has, and the owner sends it. */
static void a_standby_of_the_lower_owner_sends_no_part(void **state)
{
	(void)state;
	world_settled(&w, 4);
	w.two_node = true;
	common = node_append(&w, 0);
	world_run(&w, 20);
	node_cut(&w, 0);
	w.nodes[3].part = w.nodes[0].part;
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 100);
	of_lower = node_append(&w, 0);
	of_higher = node_append(&w, 1);
	world_run(&w, 1000); /* what waits for a lost standby is released */
	assert_true(node_has(&w.nodes[3], of_lower));
	w.n_seen = 0;
	meet();
	world_run(&w, 600);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].parted, 1);
	assert_int_equal(w.nodes[3].parted, 0);
	assert_int_equal(node_status(&w.nodes[3]).split_brains, 0);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	for (size_t i = 0; i < 4; i++)
		assert_true(has_all(i));
}

/* The next one went on from there, and has all of it. */
static void who_has_released_the_group_sends_no_part(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.two_node = true;
	w.nodes[0].disk_full = true; /* it cannot claim anew */
	node_command(&w, 0, CL_IN_GO_STANDBY);
	for (int i = 0; i < 20 && w.nodes[0].deadline_ns; i++)
		world_run(&w, 1);
	world_cut(&w, 0, 500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[0].role, CL_ROLE_RELEASING);
	meet();
	world_run(&w, 600);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].parted, 0);
	assert_int_equal(node_status(&w.nodes[0]).split_brains, 0);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
}

/* It is complete, and the ring is gone in which anybody could have claimed (R9). */
static void without_quorum_nothing_is_merged(void **state)
{
	(void)state;
	split(3);
	world_run(&w, 300);
	w.nodes[1].disk_full = true;
	meet();
	world_run(&w, 300);
	assert_true(w.nodes[1].cl->groups[0].merging[1].complete);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	w.two_node = false;
	node_cut(&w, 1);
	world_view(&w, false);
	w.nodes[1].disk_full = false;
	world_run(&w, 1500);
	assert_int_equal(node_status(&w.nodes[1]).merges, 0);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_false(node_may_send(&w.nodes[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_part_that_is_merged_is_not_merged_again),
		T(a_part_that_comes_while_one_is_merged_changes_nothing),
		T(a_part_of_no_slot_is_refused),
		T(a_standby_of_the_lower_owner_sends_no_part),
		T(who_has_released_the_group_sends_no_part),
		T(without_quorum_nothing_is_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
