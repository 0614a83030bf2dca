/* SPDX-License-Identifier: Apache-2.0 */
/* What "show failover history" and "show failover state" are told. */
#include "cluster/tests/fixtures.h"

struct row {
	enum cl_state from, to;
	const char *why;
};

/* The newest rows of node i are exactly these; time does not run backwards. */
static void assert_newest(size_t i, const struct row *rows, size_t n_rows)
{
	struct cl_history_entry e[CL_HISTORY_MAX];
	size_t n = cl_history(w.nodes[i].cl, GROUP, e);

	assert_true(n >= n_rows);
	for (size_t k = 1; k < n; k++) {
		assert_int_equal(e[k].from, e[k - 1].to);
		assert_true(e[k].at_ms >= e[k - 1].at_ms);
	}
	for (size_t k = 0; k < n_rows; k++) {
		const struct cl_history_entry *got = &e[n - n_rows + k];
		assert_string_equal(cl_state_name(got->from), cl_state_name(rows[k].from));
		assert_string_equal(cl_state_name(got->to), cl_state_name(rows[k].to));
		assert_string_equal(got->why, rows[k].why);
	}
}
#define ASSERT_NEWEST(i, rows) assert_newest(i, rows, sizeof(rows) / sizeof((rows)[0]))

static void a_first_start_is_told_from_its_beginning(void **state)
{
	static const struct row first[] = {
		{ CL_STATE_NOT_DETECTED, CL_STATE_NEGOTIATION, "member of the cluster" },
		{ CL_STATE_NEGOTIATION, CL_STATE_STANDBY_READY, "empty start" },
		{ CL_STATE_STANDBY_READY, CL_STATE_JUST_ACTIVE, "empty start" },
		{ CL_STATE_JUST_ACTIVE, CL_STATE_ACTIVE, "empty start" },
	};
	struct cl_history_entry e[CL_HISTORY_MAX];
	(void)state;
	world_settled(&w, 2);
	ASSERT_NEWEST(0, first);
	ASSERT_NEWEST(1, ((const struct row[]){ first[0], first[1] }));
	assert_int_equal(cl_history(w.nodes[0].cl, GROUP, e), 4);
	assert_int_equal(e[3].term, 1);
	/* Cluster time: that of the owner's node, which began with 1000777 ms. */
	assert_in_range(e[0].at_ms, 1000777, 1001777);
	assert_int_equal(cl_history(w.nodes[0].cl, GROUP + 1, e), 0);
}

static void a_switchover_has_its_rows_on_both_sides(void **state)
{
	static const struct row from[] = {
		{ CL_STATE_ACTIVE, CL_STATE_ACTIVE_DRAIN, "handover" },
		{ CL_STATE_ACTIVE_DRAIN, CL_STATE_STANDBY_READY, "handover" },
	};
	static const struct row to[] = {
		{ CL_STATE_STANDBY_READY, CL_STATE_JUST_ACTIVE, "handover" },
		{ CL_STATE_JUST_ACTIVE, CL_STATE_ACTIVE, "handover" },
	};
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 30);
	assert_int_equal(world_owner(&w), 1);
	ASSERT_NEWEST(0, from);
	ASSERT_NEWEST(1, to);
}

static void a_takeover_and_a_join_are_told(void **state)
{
	static const struct row takeover[] = {
		{ CL_STATE_STANDBY_READY, CL_STATE_JUST_ACTIVE, "owner left" },
		{ CL_STATE_JUST_ACTIVE, CL_STATE_ACTIVE, "owner left" },
	};
	static const struct row join[] = {
		{ CL_STATE_NOT_DETECTED, CL_STATE_NEGOTIATION, "member of the cluster" },
		{ CL_STATE_NEGOTIATION, CL_STATE_BULK_SYNC, "Detected an Active mate" },
		{ CL_STATE_BULK_SYNC, CL_STATE_STANDBY_READY, "state is complete" },
	};
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 0, 30);
	ASSERT_NEWEST(1, takeover);
	world_start(&w, 0, 300);
	ASSERT_NEWEST(0, join);
}

static void a_lost_connection_is_a_failure(void **state)
{
	static const struct row rows[] = {
		{ CL_STATE_ACTIVE, CL_STATE_FAILED, "connection lost" },
	};
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_DISCONNECTED);
	ASSERT_NEWEST(0, rows);
	assert_string_equal(cl_last_failure(w.nodes[0].cl, 1).why, "Comm Failure");
}

static void the_ring_keeps_the_newest(void **state)
{
	struct cl_history_entry e[CL_HISTORY_MAX];
	(void)state;
	world_settled(&w, 2);
	for (size_t i = 0; i < 40; i++) {
		node_command(&w, i % 2, CL_IN_GO_STANDBY);
		world_run(&w, 30);
	}
	assert_int_equal(cl_history(w.nodes[0].cl, GROUP, e), CL_HISTORY_MAX);
	/* Back at node 0, in the 41st term. */
	assert_int_equal(e[CL_HISTORY_MAX - 1].to, CL_STATE_ACTIVE);
	assert_int_equal(e[CL_HISTORY_MAX - 1].term, 41);
	assert_newest(0, NULL, 0);
}

static void failures_name_the_unit_and_what_befell_it(void **state)
{
	(void)state;
	world_settled(&w, 3);
	assert_null(cl_last_failure(w.nodes[0].cl, 2).why);
	world_kill(&w, 1, 5);
	struct cl_failure f = cl_last_failure(w.nodes[0].cl, 2);
	assert_string_equal(f.why, "Comm Failure");
	assert_in_range(f.at_ms, 1000777 + 300, 1000777 + 310);
	assert_null(cl_last_failure(w.nodes[0].cl, 3).why);
	/* Silent, then overtaken: by whom it is told what it was. */
	node_stop(&w, 0);
	world_run(&w, 2500);
	assert_string_equal(cl_last_failure(w.nodes[2].cl, 1).why, "HELLO not heard");
}

static void a_standby_that_does_not_acknowledge_has_failed(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 900);
	assert_string_equal(cl_last_failure(w.nodes[0].cl, 2).why, "No Acknowledgement");
	assert_null(cl_last_failure(w.nodes[0].cl, 200).why);
}

static void who_was_in_a_slot_is_remembered(void **state)
{
	(void)state;
	world_settled(&w, 3);
	assert_false(cl_known_unit(w.nodes[0].cl, 4).heard);
	assert_false(cl_known_unit(w.nodes[0].cl, 200).heard);
	world_kill(&w, 2, 30);
	assert_int_equal(node_status(&w.nodes[0]).n_members, 2);
	struct cl_known_unit gone = cl_known_unit(w.nodes[0].cl, 3);
	assert_true(gone.heard);
	assert_int_equal(gone.unit, 3);
	assert_string_equal(gone.hostname, "vpn3");
	assert_int_equal(node_status(&w.nodes[1]).members[0].unit, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_first_start_is_told_from_its_beginning),
		T(a_switchover_has_its_rows_on_both_sides),
		T(a_takeover_and_a_join_are_told),
		T(a_lost_connection_is_a_failure),
		T(the_ring_keeps_the_newest),
		T(failures_name_the_unit_and_what_befell_it),
		T(a_standby_that_does_not_acknowledge_has_failed),
		T(who_was_in_a_slot_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
