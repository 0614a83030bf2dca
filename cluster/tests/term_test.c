/* SPDX-License-Identifier: Apache-2.0 */
/* Which term a claim names where others may own some that nobody here heard of (R11, law 4). */
#include "cluster/tests/fixtures.h"

/* The last one has slot 1, the first one owns. */
static void fresh_machines(size_t n)
{
	world_init(&w, n);
	w.preferred_slot = (uint8_t)n;
	for (size_t i = 0; i < n; i++) {
		w.nodes[i].slot = (uint8_t)(n - i);
		w.nodes[i].terms_unknown = true;
		node_start(&w, i);
	}
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
}

/*
 * None has claimed inherited state yet, so each leaves a gap for terms of its own: two that do not
 * know of each other's claim begin it at the same term, and its end is one that slot 1 names.
 */
static void behind_a_lost_file_a_suspect_takes_a_term_that_its_slot_names(void **state)
{
	(void)state;
	fresh_machines(3);
	world_cut(&w, 2, 300);
	world_kill(&w, 0, 300);
	assert_int_equal(w.nodes[1].term, 1 + LOST_TERM_ROOM);
	node_kill(&w, 1);
	world_heal(&w);
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect);
	assert_true(w.nodes[2].term > 1 + LOST_TERM_ROOM + EMPTY_TERM_ROOM - 1);
	assert_int_equal(w.nodes[2].term % SS_SLOTS, w.nodes[2].slot);
}

/* One that was written for a handover which came to nothing is the next one, not one of a slot. */
static void a_term_reserved_for_a_handover_is_not_claimed_by_a_suspect(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].mute_quiesce = true;
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 1500); /* the owner takes it back */
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[1].term_on_disk, 2);
	w.nodes[0].mute_quiesce = false;
	w.two_node = true;
	node_cut(&w, 0);
	world_run(&w, 1000); /* the owner may have gone on unprotected */
	world_view(&w, false);
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[1].suspect);
	assert_true(w.nodes[1].term > EMPTY_TERM_ROOM);
}

/* It has owned a term behind the last one that the other has heard of. */
static void who_lost_its_file_begins_empty_with_room_for_its_own_terms(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 0, 100);
	assert_int_equal(w.nodes[1].term, 2);
	node_kill(&w, 1);
	w.nodes[1].term_on_disk = 0;
	w.nodes[1].terms_unknown = true;
	w.preferred_slot = 2; /* it begins */
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].term > EMPTY_TERM_ROOM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(behind_a_lost_file_a_suspect_takes_a_term_that_its_slot_names),
		T(who_lost_its_file_begins_empty_with_room_for_its_own_terms),
		T(a_term_reserved_for_a_handover_is_not_claimed_by_a_suspect),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
