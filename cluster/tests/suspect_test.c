/* SPDX-License-Identifier: Apache-2.0 */
/* When a takeover may lack something, and when an owner is in doubt itself (R10, R11). */
#include "cluster/tests/fixtures.h"

static void a_takeover_with_an_old_heartbeat_is_suspect(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_kill(&w, 0);
	world_run(
		&w,
		1000); /* longer than the commit timeout: the owner may have gone on unprotected */
	world_view(&w, false);
	world_run(&w, 10);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
	assert_int_equal(node_status(&w.nodes[1]).suspect_takeovers, 1);
}

/*
 * R10: the process stood still, then its Corosync. What it hears first when it wakes is the
 * owner of then.
 */
static void a_heartbeat_that_waited_is_old(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_stop(&w, 1);
	world_run(&w, 300);
	world_cut(&w, 1, 3000);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 100);
	node_kill(&w, 0);
	node_wake(&w, 1);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_false(node_has(&w.nodes[1], key));
	assert_true(w.nodes[1].suspect);
}

/* Asleep twice: between the two only what had waited was heard, and it says nothing of this clock. */
static void heartbeats_that_waited_twice_are_old(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const int64_t offset = w.nodes[1].cl->clock_offset_ms;
	for (int times = 0; times < 2; times++) {
		node_stop(&w, 1);
		world_run(&w, 300);
		node_cut(&w, 1);
		world_run(&w, 1500);
		if (times == 0) {
			node_wake(&w, 1);
			world_run(&w, 5);
			world_heal(&w);
		}
	}
	world_view(&w, false);
	node_kill(&w, 0);
	node_wake(&w, 1);
	world_run(&w, 100);
	assert_in_range(w.nodes[1].cl->clock_offset_ms - offset + 500, 0, 1000);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
}

/* What else waited than heartbeats says that the owner lived, not when. */
static void a_hello_that_waited_makes_no_heartbeat_fresh(void **state)
{
	const struct cl_input moved = { .kind = CL_IN_ADDRESS };

	(void)state;
	world_settled(&w, 2);
	node_stop(&w, 1);
	node_input(&w.nodes[0], &moved);
	world_run(&w, 2);
	world_cut(&w, 1, 3000);
	node_kill(&w, 0);
	node_wake(&w, 1);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
}

/* R10: by a clock that is set by what waited, nothing is old. */
static void the_first_heartbeat_may_be_one_that_waited(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->clock_followed_ns = 0; /* it is protected, and has just begun to hear */
	node_stop(&w, 1);
	world_run(&w, 300);
	world_cut(&w, 1, 3000);
	node_kill(&w, 0);
	node_wake(&w, 1);
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
}

/* Node 1 has taken over as suspect, and the others lack nothing of its log. */
static uint64_t taken_over_as_suspect(void)
{
	world_settled(&w, 3);
	node_kill(&w, 0);
	world_run(&w, 1000);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect && w.nodes[1].is_protected);
	assert_int_equal(w.nodes[1].suspect_term, w.nodes[1].term);
	return w.nodes[1].term;
}

/* R10: what it had not mended yet is in doubt for the next one as well. */
static void who_takes_over_from_a_suspect_owner_knows_that_it_was_one(void **state)
{
	(void)state;
	const uint64_t term = taken_over_as_suspect();
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 300);
	world_kill(&w, 1, 300);
	const size_t next = world_owner(&w);
	assert_false(w.nodes[next].suspect);
	assert_int_equal(w.nodes[next].suspect_term, term);
}

/* Also one that came later; and by a handover. */
static void who_joins_a_suspect_owner_knows_that_it_is_one(void **state)
{
	(void)state;
	const uint64_t term = taken_over_as_suspect();
	node_kill(&w, 2);
	world_start(&w, 0, 300);
	assert_true(w.nodes[1].is_protected);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].handover && !w.nodes[0].suspect);
	assert_int_equal(w.nodes[0].suspect_term, term);
}

/*
 * R6, R10: a standby whose host stood still is back when its owner has just begun to serve without
 * it. Its last heartbeat is fresh enough to be no suspect.
 */
static void nothing_is_released_in_a_view_alone_while_a_takeover_is_not_suspect(void **state)
{
	(void)state;
	for (uint64_t ms = 700; ms < 1000; ms += 20) {
		world_free(&w);
		world_settled(&w, 2);
		w.two_node = true;
		node_stop(&w, 1);
		world_lose(&w, 1, 0);
		const uint64_t key = node_append(&w, 0);
		world_run(&w, ms - 650);
		const struct ss_commit *c = &w.nodes[0].cl->groups[0].commit;
		const bool released = c->committed == c->appended;
		node_kill(&w, 0);
		node_wake(&w, 1);
		world_run(&w, 50);
		assert_int_equal(world_owner(&w), 1);
		assert_false(node_has(&w.nodes[1], key));
		assert_true(w.nodes[1].suspect || !released);
	}
}

/*
 * The owner's host stood still; another one owned the group and is dead when it wakes. Nobody is
 * there who could tell.
 */
static void an_owner_that_stood_still_with_its_host_claims_anew_as_suspect(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t term = w.nodes[0].term;
	node_stop(&w, 0);
	world_lose(&w, 0, 50);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_kill(&w, 1);
	node_wake(&w, 0);
	world_run(&w, 1500);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[0].suspect);
	assert_true(w.nodes[0].term > term + 1);
}

static int64_t clock_difference_ms(void)
{
	return (int64_t)(cl_cluster_time_ms(w.nodes[1].cl, w.now_ns) -
			 cl_cluster_time_ms(w.nodes[0].cl, w.now_ns));
}

/* The owner's host stood still, its clock with it: late for once is not behind for good. */
static void a_clock_that_stays_behind_is_followed(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].cl->clock_offset_ms -= 5000;
	world_run(&w, 500);
	assert_in_range(clock_difference_ms(), 4900, 5010);
	world_run(&w, 1500);
	assert_in_range(clock_difference_ms() + 5, 0, 10);
}

/* R10, R11: others had quorum meanwhile, and their owner went on. */
static void a_takeover_after_a_view_without_quorum_is_suspect(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 2, 300);
	world_kill(&w, 0, 300);
	uint64_t term = w.nodes[1].term;
	assert_int_equal(term, 2);
	node_kill(&w, 1);
	world_heal(&w);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect);
	assert_true(w.nodes[2].term > term);
}

/* R11: fresh when the owner left, and not protected; others may own the group unheard by now. */
static void an_unprotected_standby_leaves_room_for_terms_that_it_did_not_hear_of(void **state)
{
	(void)state;
	world_settled(&w, 3);
	const uint64_t term = w.nodes[0].term;
	w.nodes[2].cl->groups[0].protected_set = slot_bit(2);
	node_kill(&w, 0);
	node_kill(&w, 1);
	world_view(&w, true);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect && !w.nodes[2].cl->groups[0].heartbeat_stale_at_left);
	assert_true(w.nodes[2].term > term + EMPTY_TERM_ROOM - 1);
}

/* R11: two suspect owners that do not know of each other, and who comes behind one of them. */
static void who_follows_a_suspect_owner_keeps_out_of_the_terms_of_others(void **state)
{
	(void)state;
	const uint64_t term = taken_over_as_suspect();
	assert_int_equal(term % SS_SLOTS, 2);
	world_kill(&w, 1, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[2].term % SS_SLOTS, 3);
	/* Not the next one by chance: the one behind it is another slot's. */
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term % SS_SLOTS, 2);
}

/* Node 0 owns and is cut off; node 1 takes over and is gone. */
static void owned_elsewhere_meanwhile(void)
{
	world_settled(&w, 3);
	world_lose(&w, 0, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_false(w.nodes[1].suspect);
}

/* R10, R11: that one went on from the same leases. */
static void an_owner_with_quorum_again_claims_anew_as_suspect(void **state)
{
	(void)state;
	owned_elsewhere_meanwhile();
	uint64_t unseen = node_append(&w, 0), before = w.nodes[0].committed;
	const uint64_t term = w.nodes[1].term;
	node_kill(&w, 1);
	node_kill(&w, 2);
	node_start(&w, 1);
	world_heal(&w);
	world_view(&w, false);
	assert_false(cl_may_grant(w.nodes[0].cl, GROUP));
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].suspect && w.nodes[0].term > term);
	assert_true(w.nodes[0].committed > before && node_has(&w.nodes[0], unseen));
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

/* Everybody says that no later term was owned; but the owner that went on is not among them. */
static void a_standby_without_its_owner_stays_in_doubt(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 2, 100);
	node_append(&w, 0);
	world_run(&w, 100);
	node_kill(&w, 0);
	node_kill(&w, 1);
	node_start(&w, 0);
	node_start(&w, 1);
	world_meet(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect);
}

/*
 * A standby that was cut off, too, although its owner is seen once more: the first view after the
 * heal has it, the next has not.
 */
static void a_standby_with_quorum_again_stays_in_doubt(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 2, 300);
	node_append(&w, 0);
	world_run(&w, 100);
	const uint64_t term = w.nodes[0].term;
	node_stop(&w, 0);
	node_stop(&w, 1);
	world_meet(&w, 50);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	node_kill(&w, 0);
	node_kill(&w, 1);
	world_view(&w, true);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].suspect);
	assert_true(w.nodes[2].term > term + EMPTY_TERM_ROOM - 1);
}

/* R11: also one that was written when the quorum was known to be lost, and the view was not. */
static void a_term_reserved_before_the_cut_is_not_claimed_after_it(void **state)
{
	(void)state;
	world_settled(&w, 3);
	const struct cl_input lost = { .kind = CL_IN_QUORUM, .ring = { 3, 1000 } };
	const uint64_t term = w.nodes[0].term;
	node_input(&w.nodes[2], &lost);
	w.nodes[2].cl->groups[0].claim.reserved = w.nodes[2].term_on_disk = term + 1;
	node_kill(&w, 0);
	node_kill(&w, 1);
	node_start(&w, 0);
	w.quorum_order = QUORUM_BEFORE_VIEW;
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 2);
	assert_true(w.nodes[2].term > term + EMPTY_TERM_ROOM - 1);
}

/* Asleep in the view is as good as gone, until a second has passed. */
static void an_owner_with_quorum_again_waits_for_who_is_asleep(void **state)
{
	(void)state;
	owned_elsewhere_meanwhile();
	world_run(&w, 2000);
	const uint64_t term = w.nodes[0].term;
	node_stop(&w, 1);
	node_stop(&w, 2);
	world_meet(&w, 900);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[0].term, term);
	assert_false(node_may_send(&w.nodes[0]));
	assert_false(cl_may_grant(w.nodes[0].cl, GROUP));
	world_run(&w, 1000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[0].suspect && w.nodes[0].term > w.nodes[1].term);
}

static void goes_on_when_nobody_succeeded(enum quorum_order order)
{
	w.quorum_order = order;
	world_settled(&w, 3);
	const uint64_t term = w.nodes[0].term;
	for (size_t i = 0; i < 3; i++)
		w.nodes[i].part = (unsigned int)i + 1; /* nobody has quorum */
	world_view(&w, false);
	world_run(&w, 3000);
	assert_false(node_may_send(&w.nodes[0]));
	world_meet(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, term);
	assert_true(node_may_send(&w.nodes[0]) && cl_may_grant(w.nodes[0].cl, GROUP));
	/* And nobody is in doubt any more. */
	world_kill(&w, 0, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].suspect);
}

static void an_owner_that_nobody_succeeded_goes_on(void **state)
{
	(void)state;
	goes_on_when_nobody_succeeded(QUORUM_AFTER_VIEW);
}

static void so_it_does_with_quorum_known_first(void **state)
{
	(void)state;
	goes_on_when_nobody_succeeded(QUORUM_BEFORE_VIEW);
}

/* A woken daemon may read all that votequorum has said before what CPG has. */
static void the_word_of_a_ring_that_was_never_a_view_counts(void **state)
{
	(void)state;
	world_settled(&w, 3);
	struct cl_input lost = { .kind = CL_IN_QUORUM, .ring = { 1, 1000 } };
	node_input(&w.nodes[0], &lost);
	node_kill(&w, 1);
	node_kill(&w, 2);
	node_start(&w, 1);
	w.quorum_order = QUORUM_BEFORE_VIEW;
	world_view(&w, false);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_false(w.nodes[0].suspect);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].suspect);
}

/* So it does for a claim that comes behind it in a view that has ended already. */
static void a_claim_in_a_view_that_has_ended_does_not_end_the_doubt(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_kill(&w, 0);
	world_view(&w, true);
	w.nodes[1].hold_acks = true;
	world_run(&w, 5);
	const struct cl_input lost = { .kind = CL_IN_QUORUM, .ring = { 1, 1000 } };
	node_input(&w.nodes[1], &lost);
	w.nodes[1].hold_acks = false;
	world_run(&w, 10);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	const uint64_t term = w.nodes[1].term;
	node_kill(&w, 2);
	node_start(&w, 2);
	w.quorum_order = QUORUM_BEFORE_VIEW;
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect && w.nodes[1].term > term);
}

/* Who completes its state behind that word is in the view without quorum like any other. */
static void who_completes_behind_the_word_is_in_doubt_too(void **state)
{
	(void)state;
	world_settled(&w, 3);
	const struct node *nd = &w.nodes[2];
	const struct cl_input lost = { .kind = CL_IN_QUORUM, .ring = { 3, 1000 } };
	const struct cl_input view = { .kind = CL_IN_VIEW,
				       .ring = lost.ring,
				       .n_members = 1,
				       .members = { { nd->id, nd->pid } } };
	w.nodes[0].lose_snapshots = true;
	node_command(&w, 2, CL_IN_RESYNC);
	world_run(&w, 20);
	assert_int_equal(nd->role, CL_ROLE_JOINING);
	node_input(&w.nodes[2], &lost);
	w.nodes[0].lose_snapshots = false;
	world_run(&w, 1000);
	assert_int_equal(nd->role, CL_ROLE_STANDBY);
	node_cut(&w, 2);
	node_input(&w.nodes[2], &view);
	assert_true(nd->cl->groups[0].unsure);
}

/* R17, R23: the others may have an owner by now that does not know of it. */
static void without_quorum_nothing_is_released_that_was_held(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t before = w.nodes[0].committed;
	node_cut(&w, 0);
	node_append(&w, 0);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_false(w.nodes[0].is_protected);
	assert_int_equal(w.nodes[0].committed, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_takeover_with_an_old_heartbeat_is_suspect),
		T(a_heartbeat_that_waited_is_old),
		T(heartbeats_that_waited_twice_are_old),
		T(a_hello_that_waited_makes_no_heartbeat_fresh),
		T(the_first_heartbeat_may_be_one_that_waited),
		T(who_takes_over_from_a_suspect_owner_knows_that_it_was_one),
		T(who_joins_a_suspect_owner_knows_that_it_is_one),
		T(nothing_is_released_in_a_view_alone_while_a_takeover_is_not_suspect),
		T(an_owner_that_stood_still_with_its_host_claims_anew_as_suspect),
		T(a_clock_that_stays_behind_is_followed),
		T(a_takeover_after_a_view_without_quorum_is_suspect),
		T(an_owner_with_quorum_again_claims_anew_as_suspect),
		T(a_standby_without_its_owner_stays_in_doubt),
		T(a_standby_with_quorum_again_stays_in_doubt),
		T(an_unprotected_standby_leaves_room_for_terms_that_it_did_not_hear_of),
		T(who_follows_a_suspect_owner_keeps_out_of_the_terms_of_others),
		T(a_term_reserved_before_the_cut_is_not_claimed_after_it),
		T(an_owner_with_quorum_again_waits_for_who_is_asleep),
		T(an_owner_that_nobody_succeeded_goes_on),
		T(so_it_does_with_quorum_known_first),
		T(the_word_of_a_ring_that_was_never_a_view_counts),
		T(a_claim_in_a_view_that_has_ended_does_not_end_the_doubt),
		T(who_completes_behind_the_word_is_in_doubt_too),
		T(without_quorum_nothing_is_released_that_was_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
