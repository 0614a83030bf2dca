/* SPDX-License-Identifier: Apache-2.0 */
/* How old a heartbeat is, by which clock, and what an owner makes of its own (R10, R12). */
#include "cluster/tests/fixtures.h"

static struct group *group_of(size_t i)
{
	return &w.nodes[i].cl->groups[0];
}

/* Of node 1, to node 0's. */
static int64_t clock_ahead_ms(void)
{
	return (int64_t)(cl_cluster_time_ms(w.nodes[1].cl, w.now_ns) -
			 cl_cluster_time_ms(w.nodes[0].cl, w.now_ns));
}

static void until_heartbeat_of(size_t i)
{
	for (const uint64_t sent = group_of(i)->heartbeats_sent;
	     group_of(i)->heartbeats_sent == sent;)
		world_run(&w, 1);
}

/* ---- following ---- */

/* Its time goes on, at half the speed at the least. */
static void a_clock_that_is_ahead_is_taken_back_slowly(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_offset_ms += 990;
	for (unsigned int i = 0; i < 20; i++) {
		const int64_t before = clock_ahead_ms();
		world_run(&w, 100);
		const int64_t taken = before - clock_ahead_ms();
		const int64_t most = before < 800 ? before / 16 : 50;
		assert_in_range(taken, most - 1, most + 1);
	}
	assert_in_range(clock_ahead_ms(), 0, 400);
}

/* Far ahead for a second is set. What was far for a moment before does not count. */
static void a_clock_that_is_far_ahead_again_is_far_from_then_on(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_offset_ms += 3000;
	world_run(&w, 500);
	assert_in_range(clock_ahead_ms(), 2900, 3000);
	w.nodes[1].cl->clock_offset_ms -= 3000;
	world_run(&w, 600);
	w.nodes[1].cl->clock_offset_ms += 3000;
	world_run(&w, 900);
	assert_in_range(clock_ahead_ms(), 2900, 3010);
	world_run(&w, 300);
	assert_in_range(clock_ahead_ms() + 10, 0, 20);
}

/* No lifetime begins anew because of a handover. */
static void an_owner_before_follows_slowly_too(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_offset_ms -= 600;
	w.nodes[1].cl->clock_followed_ns = w.now_ns;
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 20);
	assert_int_equal(world_owner(&w), 1);
	const int64_t ahead = -clock_ahead_ms();
	until_heartbeat_of(1);
	world_run(&w, 2);
	assert_in_range(ahead, 500, 610);
	assert_in_range(-clock_ahead_ms(), ahead - 50, ahead);
}

/* Its state is another one's now: it would end all lifetimes when it owns again. */
static void an_owner_that_lost_to_another_has_its_time_at_once(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_lose(&w, 0, 1000);
	assert_true(w.nodes[0].role == CL_ROLE_ACTIVE && w.nodes[1].role == CL_ROLE_ACTIVE);
	w.nodes[0].cl->clock_offset_ms += 3600 * 1000;
	world_meet(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].is_protected);
	assert_in_range(clock_ahead_ms() + 5, 0, 10);
}

/* It wakes behind the heal, and hears the winner's heartbeats of long ago, and then that it is gone. */
static void what_waited_takes_nothing_back_from_who_has_lost(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_lose(&w, 0, 1000);
	assert_true(w.nodes[0].role == CL_ROLE_ACTIVE && w.nodes[1].role == CL_ROLE_ACTIVE);
	const uint64_t since_ns = w.now_ns, before = cl_cluster_time_ms(w.nodes[0].cl, w.now_ns);
	node_stop(&w, 0);
	world_meet(&w, 400);
	world_kill(&w, 1, 2000);
	node_wake(&w, 0);
	world_run(&w, 2);
	assert_in_range(cl_cluster_time_ms(w.nodes[0].cl, w.now_ns) -
				(before + (w.now_ns - since_ns) / 1000000) + 10,
			0, 20);
}

/* What it has kept is of its own time. */
static void who_takes_up_what_it_kept_has_its_time_again(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_append(&w, 0);
	world_run(&w, 100);
	node_cut(&w, 0);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 1000);
	assert_true(w.nodes[0].role == CL_ROLE_ACTIVE && w.nodes[1].role == CL_ROLE_ACTIVE);
	const uint64_t since_ns = w.now_ns, before = cl_cluster_time_ms(w.nodes[0].cl, w.now_ns);
	w.nodes[1].cl->clock_offset_ms += 3600 * 1000;
	w.nodes[0].lose_snapshots = w.nodes[1].lose_snapshots = true;
	world_meet(&w, 300);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_in_range(clock_ahead_ms() + 5, 0, 10);
	world_kill(&w, 1, 3000);
	assert_int_equal(world_owner(&w), 0);
	assert_in_range(cl_cluster_time_ms(w.nodes[0].cl, w.now_ns) -
				(before + (w.now_ns - since_ns) / 1000000) + 10,
			0, 20);
}

/* It was emitted after this clock's time, which is not its age. */
static void a_clock_that_was_behind_makes_no_heartbeat_younger(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_offset_ms -= 700;
	until_heartbeat_of(0);
	world_run(&w, 2);
	assert_in_range(clock_ahead_ms() + 5, 0, 10);
	node_kill(&w, 0);
	world_run(&w, 900);
	world_view(&w, true);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
}

/* All at once, so that no time has passed between them. */
static void heartbeats_that_waited_take_nothing_back(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const int64_t before = clock_ahead_ms();
	node_stop(&w, 1);
	world_run(&w, 950);
	node_wake(&w, 1);
	world_run(&w, 1);
	/* The first one of them, of 850 ms ago, a sixteenth of that. */
	assert_in_range(before - clock_ahead_ms(), 45, 55);
}

/* Whoever has the failover key can say it; nothing that is computed from it overflows. */
static void a_time_that_no_clock_shows_is_refused(void **state)
{
	static const uint64_t times[] = { (1ull << 48) + 1, 1ull << 62, INT64_MAX, 1ull << 63,
					  UINT64_MAX };

	(void)state;
	world_settled(&w, 2);
	const int64_t offset = w.nodes[1].cl->clock_offset_ms;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
		Holdfast__Heartbeat h = HOLDFAST__HEARTBEAT__INIT;
		const uint64_t refused = stats(1)->refused[R_VALUE];

		h.number = group_of(0)->heartbeats_sent + 1;
		h.cluster_time_ms = times[i];
		m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HEARTBEAT;
		m.heartbeat = &h;
		node_forge(&w, 0, w.nodes[0].term, &m);
		world_run(&w, 1);
		assert_int_equal(stats(1)->refused[R_VALUE], refused + 1);
		assert_true(group_of(1)->heartbeat < h.number);
	}
	assert_in_range(w.nodes[1].cl->clock_offset_ms - offset + 50, 0, 100);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
}

/* ---- the first heartbeat ---- */

/* Nothing has waited for who was awake. */
static void the_first_heartbeat_of_who_was_awake_is_fresh(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_followed_ns = 0;
	w.nodes[1].cl->clock_offset_ms += 5000; /* what it was set to before says nothing */
	until_heartbeat_of(0);
	world_run(&w, 2);
	assert_in_range(w.now_ns - w.nodes[1].cl->clock_since_ns, 0, 150 * MS_NS);
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].suspect);
}

/* R10: what comes within a token of waking may all have waited. */
static void the_first_heartbeat_behind_a_pause_may_have_waited(void **state)
{
	(void)state;
	for (unsigned int ms = TOKEN_MS - 150; ms <= TOKEN_MS + 250; ms += 400) {
		world_free(&w);
		world_settled(&w, 2);
		node_stop(&w, 1);
		world_run(&w, 300);
		node_wake(&w, 1);
		world_run(&w, ms);
		w.nodes[1].cl->clock_followed_ns = 0;
		world_run(&w, 120);
		node_kill(&w, 0);
		world_view(&w, true);
		world_run(&w, 100);
		assert_int_equal(world_owner(&w), 1);
		assert_int_equal(w.nodes[1].suspect, ms < TOKEN_MS);
	}
}

/* Who has heard the owner for longer than any takeover has to trust knows what time it is. */
static void a_clock_that_was_followed_for_a_while_is_trusted(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_followed_ns = 0;
	node_stop(&w, 1);
	world_run(&w, 300);
	node_wake(&w, 1);
	world_run(&w, 1000);
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].suspect);
}

/* ---- an owner's own ---- */

/* Node 0 has sent a heartbeat, which nobody has delivered yet. */
static void heartbeat_on_its_way(void)
{
	w.nodes[0].hold_acks = true;
	until_heartbeat_of(0);
	w.nodes[0].hold_acks = false;
	world_order(&w);
}

/* R12: counted from its emission, also when what came back had waited for this process. */
static void an_own_heartbeat_that_waited_is_old(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const uint64_t term = w.nodes[0].term;
	heartbeat_on_its_way();
	node_stop(&w, 0);
	world_lose(&w, 0, 50);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_kill(&w, 1);
	node_wake(&w, 0);
	world_run(&w, 1);
	assert_in_range(group_of(0)->heartbeat_late_ms, 690, 720);
	world_run(&w, 1500);
	assert_true(w.nodes[0].suspect && w.nodes[0].term > term + 1);
}

/* Node 0 hears nothing of itself for so long, and then that the other one is gone. */
static void ring_forms_within(uint64_t ms)
{
	w.nodes[0].hold_acks = true;
	world_run(&w, ms);
	node_kill(&w, 1);
	world_view(&w, false);
	w.nodes[0].hold_acks = false;
	world_run(&w, 1500);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
}

/* A membership that changes slowly: nobody else can have claimed before the deadline. */
static void an_owner_that_was_awake_goes_on_until_its_deadline(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const uint64_t term = w.nodes[0].term;
	ring_forms_within(3 * TOKEN_MS);
	assert_int_equal(w.nodes[0].term, term);
	assert_false(w.nodes[0].suspect);
}

static void an_owner_behind_its_deadline_is_in_doubt(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const uint64_t term = w.nodes[0].term;
	until_heartbeat_of(0);
	world_run(&w, 2);
	ring_forms_within(2100); /* too short for the other one to claim */
	assert_true(w.nodes[0].suspect && w.nodes[0].term > term);
}

static bool in_doubt_after_pause(uint64_t pause_ms, uint64_t ring_ms)
{
	world_free(&w);
	world_settled(&w, 2);
	const uint64_t term = w.nodes[0].term;
	until_heartbeat_of(0);
	world_run(&w, 2); /* it has come back */
	node_stop(&w, 0);
	world_run(&w, pause_ms);
	w.nodes[0].hold_acks = true;
	struct queue waiting = w.nodes[0].inbox; /* Corosync stood still as well: nothing waits */
	w.nodes[0].inbox = (struct queue){ 0 };
	node_wake(&w, 0);
	w.nodes[0].inbox = waiting;
	ring_forms_within(ring_ms);
	assert_int_equal(w.nodes[0].suspect, w.nodes[0].term > term);
	return w.nodes[0].suspect;
}

/*
 * R12: the others form a ring a token after they heard it last, of which a pause of half a token and
 * what Corosync itself was late can be the parts.
 */
static void a_pause_counts_from_half_a_token_in_all_a_token(void **state)
{
	(void)state;
	assert_false(in_doubt_after_pause(TOKEN_MS / 2 - 50, TOKEN_MS));
	assert_false(in_doubt_after_pause(TOKEN_MS / 2 + 50, 1));
	assert_true(in_doubt_after_pause(TOKEN_MS / 2 + 50, TOKEN_MS / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_clock_that_is_ahead_is_taken_back_slowly),
		T(a_clock_that_is_far_ahead_again_is_far_from_then_on),
		T(an_owner_before_follows_slowly_too),
		T(an_owner_that_lost_to_another_has_its_time_at_once),
		T(what_waited_takes_nothing_back_from_who_has_lost),
		T(who_takes_up_what_it_kept_has_its_time_again),
		T(a_clock_that_was_behind_makes_no_heartbeat_younger),
		T(heartbeats_that_waited_take_nothing_back),
		T(a_time_that_no_clock_shows_is_refused),
		T(the_first_heartbeat_of_who_was_awake_is_fresh),
		T(the_first_heartbeat_behind_a_pause_may_have_waited),
		T(a_clock_that_was_followed_for_a_while_is_trusted),
		T(an_own_heartbeat_that_waited_is_old),
		T(an_owner_that_was_awake_goes_on_until_its_deadline),
		T(an_owner_behind_its_deadline_is_in_doubt),
		T(a_pause_counts_from_half_a_token_in_all_a_token),
	};
	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
