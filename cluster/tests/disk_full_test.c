/* SPDX-License-Identifier: Apache-2.0 */
/* R11 on a disk without room: a node that cannot write a term does not claim it. */
#include <string.h>

#include "cluster/tests/fixtures.h"

static void owner_dies(void)
{
	node_kill(&w, 0);
	world_view(&w, true);
}

static uint64_t claims(size_t i)
{
	return stats(i)->claims_sent;
}

static void a_standby_without_room_does_not_claim_and_tries_again(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 10);
	w.nodes[1].disk_full = true;
	owner_dies();
	world_run(&w, 10500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(claims(1), 0);
	assert_false(node_may_send(&w.nodes[1]));
	assert_in_range(w.nodes[1].terms_refused, 9, 12);
	assert_string_equal(cl_last_failure(w.nodes[1].cl, 2).why, "Term Not Written");
	w.nodes[1].disk_full = false;
	world_run(&w, 1100);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].suspect);
	assert_true(node_has(&w.nodes[1], key));
}

/* An IV has 12 bits for the steps since an SA was born: waiting must not use them up (R16). */
static void waiting_for_room_uses_up_no_terms(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t before = node_status(&w.nodes[1]).term;
	w.nodes[1].disk_full = true;
	owner_dies();
	world_run(&w, 100000);
	w.nodes[1].disk_full = false;
	world_run(&w, 1100);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, before + 1);
}

static void another_member_with_room_takes_over(void **state)
{
	(void)state;
	world_settled(&w, 3);
	w.nodes[1].disk_full = true;
	owner_dies();
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 2);
	assert_false(w.nodes[2].suspect);
	world_run(&w, 3000);
	assert_true(w.nodes[2].is_protected); /* it is a standby as good as any */
	assert_int_equal(claims(1), 0);
}

static void an_owner_without_room_goes_on(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].disk_full = true;
	world_run(&w, 5000);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 10);
	assert_true(node_may_send(&w.nodes[0]));
	assert_true(node_has(&w.nodes[1], key));
	/* It hands over without a term of its own. */
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].terms_refused, 0);
}

/* Nothing is stopped before the next owner has its term on disk: the owner goes on as it was. */
static void a_handover_to_a_standby_without_room_costs_nothing(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].disk_full = true;
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	for (int i = 0; i < 60; i++) {
		world_run(&w, 50);
		assert_true(node_may_send(&w.nodes[0]));
	}
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].commands_failed, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	w.nodes[1].disk_full = false;
	world_run(&w, 1000);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
}

/* The gap that a lost file needs is made once it can be written, and once only. */
static void the_gap_of_a_lost_file_waits_for_room(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_kill(&w, 1);
	world_view(&w, true);
	w.nodes[1].term_on_disk = 0;
	w.nodes[1].terms_unknown = true;
	world_start(&w, 1, 500);
	uint64_t before = node_status(&w.nodes[1]).term;
	w.nodes[1].disk_full = true;
	owner_dies();
	world_run(&w, 5000);
	assert_true(w.nodes[1].terms_unknown);
	w.nodes[1].disk_full = false;
	world_run(&w, 1100);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, before + LOST_TERM_ROOM);
	assert_false(w.nodes[1].terms_unknown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_standby_without_room_does_not_claim_and_tries_again),
		T(waiting_for_room_uses_up_no_terms),
		T(another_member_with_room_takes_over),
		T(an_owner_without_room_goes_on),
		T(a_handover_to_a_standby_without_room_costs_nothing),
		T(the_gap_of_a_lost_file_waits_for_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
