/* SPDX-License-Identifier: Apache-2.0 */
/* Empty start, protection, acknowledgement, takeover (R4, R6, R7, R9, R10, R12, R15). */
#include "cluster/tests/fixtures.h"

static void all_members_without_state_begin_empty(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_string_equal(w.nodes[0].why, "empty start");
	assert_false(w.nodes[0].suspect);
	assert_int_equal(node_status(&w.nodes[0]).term, 1);
	assert_int_equal(node_status(&w.nodes[1]).term, 1);
}

static void the_preferred_slot_begins(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.preferred_slot = 2;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
}

static void fewer_members_than_configured_wait_for_the_operator(void **state)
{
	(void)state;
	world_init(&w, 2);
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 10000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[0].commands_ok, 1);
}

static void empty_start_after_a_time_when_so_configured(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.empty_start = CL_EMPTY_AFTER;
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 2900);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	world_run(&w, 200);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
}

static void nothing_is_committed_before_the_protected_standby_acknowledges(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t before = w.nodes[0].committed;
	w.nodes[1].hold_acks = true;
	uint64_t key = node_append(&w, 0);
	world_run(&w, 50);
	assert_true(node_has(&w.nodes[0], key)); /* our own delivery is not an acknowledgement */
	assert_true(node_has(&w.nodes[1], key));
	assert_int_equal(w.nodes[0].committed, before);
	w.nodes[1].hold_acks = false;
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].committed, before + 1);
}

static void kill_of_the_owner_is_taken_over_at_once(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	world_kill(&w, 0, 10);
	assert_int_equal(world_owner(&w), 1);
	assert_true(node_has(&w.nodes[1], key));
	assert_false(w.nodes[1].suspect);
	assert_string_equal(w.nodes[1].why, "owner left");
	assert_int_equal(w.nodes[1].term, 2);
	assert_true(node_may_send(&w.nodes[1]));
	assert_false(w.nodes[1].is_protected);
	assert_int_equal(w.nodes[1].logs[LOG_REPL_UNPROTECTED], 1);
}

static void host_loss(enum quorum_order quorum)
{
	world_settled(&w, 2);
	w.quorum_order = quorum;
	world_run(&w, 20);
	node_kill(&w, 0);
	world_run(&w, 650); /* token + consensus */
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	world_view(&w, false);
	world_run(&w, 10);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].suspect);
}

static void host_loss_view_before_quorum(void **state)
{
	(void)state;
	host_loss(QUORUM_AFTER_VIEW);
}

static void host_loss_quorum_before_view(void **state)
{
	(void)state;
	host_loss(QUORUM_BEFORE_VIEW);
}

static void host_loss_quorum_after_messages(void **state)
{
	(void)state;
	host_loss(QUORUM_LATE);
}

static void a_member_without_quorum_claims_nothing(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 2, 5000);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
}

static void an_owner_without_quorum_is_silent_by_its_deadline(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 0, 2001);
	assert_false(node_may_send(&w.nodes[0]));
	assert_false(node_status(&w.nodes[0]).unprotected_self_grants);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_DEADLINE], 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* Law 5: the next owner is not suspect, so nothing may be seen that it lacks. */
static void an_owner_without_quorum_releases_nothing_that_the_next_one_lacks(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 0);
	uint64_t before = w.nodes[0].committed, key = node_append(&w, 0);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 200);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_false(w.nodes[1].suspect);
	assert_false(node_has(&w.nodes[1], key));
	assert_int_equal(w.nodes[0].committed, before);
}

/* All say that it had no rival: what was held goes out as soon as there is quorum again. */
static void an_owner_that_regains_quorum_releases_what_it_held(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t before = w.nodes[0].committed;
	node_kill(&w, 1);
	node_kill(&w, 2);
	node_append(&w, 0);
	world_view(&w, false);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].committed, before);
	node_start(&w, 1);
	node_start(&w, 2);
	w.nodes[0].lose_snapshots = true;
	world_view(&w, false);
	world_run(&w, 150);
	assert_int_equal(w.nodes[0].committed, before + 1);
}

static void only_the_protected_member_takes_over(void **state)
{
	(void)state;
	world_settled(&w, 3);
	w.nodes[1].hold_acks = true; /* not protected any more, and in the view */
	node_append(&w, 0);
	world_run(&w, 2000);
	w.nodes[1].hold_acks = false;
	world_kill(&w, 0, 300);
	assert_int_equal(world_owner(&w), 2);
	assert_false(w.nodes[2].suspect);
}

static void a_stopped_owner_is_succeeded_and_wakes_silent(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	node_stop(&w, 0);
	world_run(&w, 2300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_string_equal(w.nodes[1].why, "owner silent");
	assert_false(w.nodes[1].suspect);
	assert_true(w.now_ns >= w.nodes[0].deadline_ns);
	node_wake(&w, 0);
	assert_false(node_may_send(&w.nodes[0]));
	unsigned int resets = w.nodes[0].resets;
	uint64_t late = node_append(&w, 0); /* it does not know yet: discarded everywhere */
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[0].resets, resets + 1);
	assert_true(node_has(&w.nodes[0], key));
	assert_false(node_has(&w.nodes[0], late));
	assert_false(node_has(&w.nodes[1], late));
	assert_true(node_status(&w.nodes[1]).messages_refused > 0);
	assert_true(w.nodes[1].is_protected);
}

/* R12: what was delivered late extends nothing beyond its emission. */
static void the_deadline_counts_from_the_emission_of_a_heartbeat(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t last = w.nodes[0].deadline_ns;
	while (!w.nodes[0].sendq.head)
		world_run(&w, 1);
	uint64_t emitted = w.now_ns;
	world_order(&w); /* its heartbeat waits for it */
	node_stop(&w, 0);
	world_run(&w, 1900);
	w.nodes[0].hold_acks = true;
	node_wake(&w, 0);
	world_run(&w, 1);
	assert_true(w.nodes[0].deadline_ns > last);
	assert_true(w.nodes[0].deadline_ns <= emitted + 2000 * MS_NS);
	w.nodes[0].hold_acks = false;
	world_run(&w, 10); /* a fresh one goes further */
	assert_true(w.nodes[0].deadline_ns > emitted + 2000 * MS_NS);
}

static void a_short_stop_of_the_owner_changes_nothing(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_stop(&w, 0);
	world_run(&w, 2100); /* past its deadline, before anybody claims */
	node_wake(&w, 0);
	assert_false(node_may_send(&w.nodes[0]));
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[0].term, 1);
}

static void a_standby_that_was_stopped_does_not_take_over(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_stop(&w, 1);
	world_run(&w, 3000);
	node_wake(&w, 1); /* its clock says silent, its inbox is full of heartbeats */
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(node_status(&w.nodes[0]).claims_refused <= 1);
}

static void a_standby_that_does_not_acknowledge_is_dropped_after_the_timeout_twice(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t before = w.nodes[0].committed;
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 845);
	assert_true(w.nodes[0].is_protected);
	world_run(&w, 20);
	assert_false(w.nodes[0].is_protected);
	assert_int_equal(w.nodes[0].committed, before);
	world_run(&w, 830);
	assert_int_equal(w.nodes[0].committed, before);
	world_run(&w, 30);
	assert_int_equal(w.nodes[0].committed, before + 1);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 1);
	w.nodes[1].hold_acks = false;
	world_run(&w, 700);
	assert_true(w.nodes[0].is_protected); /* it caught up */
}

static void the_last_standby_leaving_releases_at_once(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t before = w.nodes[0].committed;
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 5);
	world_kill(&w, 1, 5);
	assert_int_equal(w.nodes[0].committed, before + 1);
	assert_false(w.nodes[0].is_protected);
	assert_int_equal(w.nodes[0].logs[LOG_REPL_UNPROTECTED], 1);
	assert_true(node_status(&w.nodes[0]).unprotected_self_grants);
}

static void one_of_two_standbys_leaving_keeps_protection(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_kill(&w, 2);
	world_view(&w, true);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	assert_true(w.nodes[0].is_protected);
	assert_true(node_has(&w.nodes[1], key));
	assert_int_equal(w.nodes[0].committed, cl_position(w.nodes[0].cl, GROUP));
}

static void after_a_takeover_the_other_standby_is_protected_without_a_snapshot(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_append(&w, 0);
	world_run(&w, 20);
	world_kill(&w, 0, 20);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].is_protected);
	assert_int_equal(w.nodes[1].logs[LOG_REPL_SNAPSHOT_SENT], 0);
	assert_int_equal(w.nodes[2].resets, 0);
}

static void a_lost_connection_is_silence_at_once(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_command(&w, 0, CL_IN_DISCONNECTED);
	assert_int_equal(w.nodes[0].deadline_ns, 0);
	assert_int_equal(w.nodes[0].role, CL_ROLE_OFFLINE);
	assert_int_equal(ss_store_count(cl_store(w.nodes[0].cl, GROUP), 0), 0);
}

static void many_records_of_a_turn_are_split_into_messages(void **state)
{
	(void)state;
	world_settled(&w, 2);
	struct ss_record r[100] = { 0 };
	struct cl_input in = {
		.kind = CL_IN_RECORDS, .group = GROUP, .records = r, .n_records = 100
	};
	static uint8_t kilobytes[3000];
	uint64_t before = cl_position(w.nodes[0].cl, GROUP);

	for (size_t i = 0; i < 100; i++) {
		r[i].kind = 78;
		r[i].key = i;
		assert_true(buf_set(&r[i].data, bytes(kilobytes, sizeof(kilobytes))));
	}
	node_input(&w.nodes[0], &in);
	assert_int_equal(cl_position(w.nodes[0].cl, GROUP), before + 6);
	world_run(&w, 10);
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), 0), 100);
	assert_int_equal(w.nodes[0].committed, before + 6);
	for (size_t i = 0; i < 100; i++)
		ss_record_clear(&r[i]);
}

static void cluster_time_is_the_owners(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_run(&w, 500);
	int64_t diff = (int64_t)(cl_cluster_time_ms(w.nodes[0].cl, w.now_ns) -
				 cl_cluster_time_ms(w.nodes[1].cl, w.now_ns));
	assert_in_range(diff + 5, 0, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(all_members_without_state_begin_empty),
		T(the_preferred_slot_begins),
		T(fewer_members_than_configured_wait_for_the_operator),
		T(empty_start_after_a_time_when_so_configured),
		T(nothing_is_committed_before_the_protected_standby_acknowledges),
		T(kill_of_the_owner_is_taken_over_at_once),
		T(host_loss_view_before_quorum),
		T(host_loss_quorum_before_view),
		T(host_loss_quorum_after_messages),
		T(a_member_without_quorum_claims_nothing),
		T(an_owner_without_quorum_is_silent_by_its_deadline),
		T(an_owner_without_quorum_releases_nothing_that_the_next_one_lacks),
		T(an_owner_that_regains_quorum_releases_what_it_held),
		T(only_the_protected_member_takes_over),
		T(a_stopped_owner_is_succeeded_and_wakes_silent),
		T(the_deadline_counts_from_the_emission_of_a_heartbeat),
		T(a_short_stop_of_the_owner_changes_nothing),
		T(a_standby_that_was_stopped_does_not_take_over),
		T(a_standby_that_does_not_acknowledge_is_dropped_after_the_timeout_twice),
		T(the_last_standby_leaving_releases_at_once),
		T(one_of_two_standbys_leaving_keeps_protection),
		T(after_a_takeover_the_other_standby_is_protected_without_a_snapshot),
		T(a_lost_connection_is_silence_at_once),
		T(many_records_of_a_turn_are_split_into_messages),
		T(cluster_time_is_the_owners),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
