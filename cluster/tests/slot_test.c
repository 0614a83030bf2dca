/* SPDX-License-Identifier: Apache-2.0 */
/* Slots and the process starts in them (R3, R14): two processes in one, one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"

static struct world w;

static int done(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

static const struct cl_stats *stats(size_t i)
{
	return cl_stats(w.nodes[i].cl);
}

static void started_with_slot(size_t i, uint8_t slot)
{
	if (w.nodes[i].alive)
		node_kill(&w, i);
	world_view(&w, true);
	w.nodes[i].slot = slot;
	node_start(&w, i);
	world_view(&w, true);
	world_run(&w, 300);
}

/* A node is cut off, and another one is started with its slot by mistake. */
static void started_as_twin_of(size_t off, size_t twin)
{
	world_settled(&w, 3);
	node_cut(&w, off);
	world_view(&w, false);
	world_run(&w, 1000);
	started_with_slot(twin, w.nodes[off].slot);
	assert_int_equal(w.nodes[twin].role, CL_ROLE_STANDBY);
}

static void twin_while_cut_off(void)
{
	started_as_twin_of(1, 2);
}

static struct cl_member_status seen(size_t by, size_t i)
{
	struct cl_group_status s = node_status(&w.nodes[by]);

	for (size_t k = 0; k < s.n_members; k++)
		if (s.members[k].node_id == w.nodes[i].id)
			return s.members[k];
	fail();
	return s.members[0];
}

static void assert_acknowledges(size_t i)
{
	uint64_t key = node_append(&w, 0);

	world_run(&w, 50);
	assert_int_equal(w.nodes[i].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[i], key));
	assert_true(w.nodes[0].is_protected);
	assert_true(seen(0, i).in_protected_set);
	assert_true(seen(0, i).acked == cl_position(w.nodes[0].cl, GROUP));
}

/* ---- one after the other ---- */

static void who_comes_back_to_its_slot_is_heard(void **state)
{
	(void)state;
	twin_while_cut_off();
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_MOVED], 1);
	started_with_slot(2, 3);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 0);
	assert_acknowledges(1);
	assert_acknowledges(2);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_MOVED], 2);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_IN_USE], 0);
}

static void a_restart_in_the_same_slot_is_no_move(void **state)
{
	(void)state;
	world_settled(&w, 2);
	started_with_slot(1, 2);
	world_run(&w, 1000);
	assert_acknowledges(1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_MOVED], 0);
}

/* ---- a HELLO that comes again ---- */

/* What node 1 says first in the next view, delivered to nobody else. */
static struct buf its_hello(void)
{
	struct buf copy = { 0 };

	w.nodes[1].hold_acks = true;
	world_view(&w, false);
	world_run(&w, 1);
	w.nodes[1].hold_acks = false;
	assert_non_null(w.nodes[1].sendq.head);
	assert_true(buf_set(&copy, buf_bytes(&w.nodes[1].sendq.head->data)));
	assert_int_equal(copy.p[1], SS_ENV_HELLO);
	return copy;
}

static void a_hello_of_another_ring_takes_no_slot(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_cut(&w, 1);
	struct buf hello = its_hello(); /* of a process that node 0 has not heard with it */
	uint64_t dropped = stats(0)->dropped[CL_DROP_OTHER_RING];
	node_kill(&w, 1);
	world_run(&w, 1000);
	node_start(&w, 1);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_acknowledges(1);
	world_inject(&w, 1, buf_bytes(&hello));
	world_run(&w, 1);
	assert_int_equal(stats(0)->dropped[CL_DROP_OTHER_RING], dropped + 1);
	assert_acknowledges(1);
	buf_free(&hello);
}

/* Of the same node when it had another slot: its process of now is heard in its own. */
static void nor_does_it_give_its_sender_one(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_cut(&w, 1);
	world_view(&w, false);
	started_with_slot(1, 3);
	struct buf hello = its_hello();
	node_kill(&w, 1);
	w.nodes[1].slot = 2;
	node_start(&w, 1);
	world_heal(&w);
	world_view(&w, false);
	world_inject(&w, 1, buf_bytes(&hello));
	world_run(&w, 2000);
	assert_acknowledges(1);
	assert_int_equal(seen(0, 1).slot, 2);
	buf_free(&hello);
}

/* Nor does one that a reader hears which has heard nobody before. */
static void nor_does_it_with_a_reader_that_was_started_anew(void **state)
{
	(void)state;
	world_settled(&w, 3);
	struct buf hello = its_hello();
	hello.p[2] = 3; /* of another slot it does not authenticate */
	world_run(&w, 300);
	started_with_slot(1, 2);
	started_with_slot(2, 3);
	world_run(&w, 1000);
	world_view(&w, false);
	hello.p[2] = 2;
	world_inject(&w, 1, buf_bytes(&hello));
	world_run(&w, 1000);
	assert_acknowledges(1);
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 1);
	uint64_t key = node_append(&w, 1);
	world_run(&w, 50);
	assert_true(node_has(&w.nodes[2], key));
	buf_free(&hello);
}

/* Of node 1, as it goes over the channel of snapshots. */
static void snapshot_request(struct cl_outbox *out)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__SnapshotRequest r = HOLDFAST__SNAPSHOT_REQUEST__INIT;
	struct cl_node *cl = w.nodes[1].cl;

	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SNAPSHOT_REQUEST;
	m.snapshot_request = &r;
	cl->out = out;
	assert_true(message_send_snapshot(cl, &cl->groups[0], CL_FX_SNAPSHOT_ASK,
					  &cl->view.members[0], &m));
	cl->out = NULL;
}

static void a_channel_opens_only_what_is_its_own(void **state)
{
	struct cl_outbox out = { 0 };
	(void)state;
	world_settled(&w, 2);
	struct buf hello = its_hello();
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = buf_bytes(&hello) };
	uint64_t refused = stats(0)->refused[R_UNEXPECTED];
	node_input(&w.nodes[0], &in);
	assert_int_equal(stats(0)->refused[R_UNEXPECTED], refused + 1);
	world_run(&w, 50); /* and the HELLO itself is heard behind it */
	assert_int_equal(stats(0)->refused[R_STALE], 0);
	assert_acknowledges(1);
	buf_free(&hello);

	snapshot_request(&out);
	refused = stats(0)->refused[R_UNEXPECTED];
	world_inject(&w, 1, buf_bytes(&out.fx[0].data));
	world_run(&w, 50);
	assert_int_equal(stats(0)->refused[R_UNEXPECTED], refused + 1);
	assert_false(seen(0, 1).slot_refused);
	in.data = buf_bytes(&out.fx[0].data);
	node_input(&w.nodes[0], &in);
	assert_int_equal(stats(0)->refused[R_STALE], 0);
	cl_outbox_clear(&out);
}

static void a_chunk_through_cpg_before_hello_is_dropped(void **state)
{
	struct cl_outbox out = { 0 };
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 1000);
	world_heal(&w);
	snapshot_request(&out);
	uint64_t dropped = stats(0)->dropped[CL_DROP_BEFORE_HELLO];
	world_view(&w, false);
	world_inject(&w, 1, buf_bytes(&out.fx[0].data));
	world_run(&w, 2000);
	assert_true(stats(0)->dropped[CL_DROP_BEFORE_HELLO] > dropped);
	assert_acknowledges(1); /* it is not refused for it */
	cl_outbox_clear(&out);
}

/* ---- both at once ---- */

static void assert_yields_to(size_t i, size_t holder)
{
	assert_int_equal(w.nodes[i].role, CL_ROLE_OFFLINE);
	assert_int_equal(node_status(&w.nodes[i]).slot_holder, w.nodes[holder].id);
	assert_true(w.nodes[i].logs[LOG_CLUSTER_SLOT_IN_USE] > 0);
	assert_int_equal(world_owner(&w), 0);
	assert_true(seen(0, i).slot_refused);
	assert_false(seen(0, holder).slot_refused);
	assert_true(seen(holder, i).slot_refused);
	assert_acknowledges(holder);
}

/*
 * The one that the cluster went on with keeps the slot, and the other one is heard when it is free.
 * By the nodes' numbers the HELLO of the one or of the other comes first.
 */
static void who_holds_less_yields(size_t off, size_t twin)
{
	started_as_twin_of(off, twin);
	uint64_t refused = stats(0)->refused[R_EXISTS];
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_true(stats(0)->refused[R_EXISTS] > refused);
	assert_yields_to(off, twin);
	/* Each view judges anew, and the same: with a kept state it takes the slot from nobody. */
	unsigned int moved = w.nodes[0].logs[LOG_CLUSTER_SLOT_MOVED];
	unsigned int degraded = (unsigned int)node_status(&w.nodes[0]).degraded;
	for (unsigned int same_ring = 0; same_ring < 2; same_ring++) {
		world_view(&w, same_ring);
		world_run(&w, 300);
		assert_yields_to(off, twin);
	}
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_MOVED], moved);
	assert_int_equal(node_status(&w.nodes[0]).degraded, degraded);

	started_with_slot(twin, (uint8_t)(twin + 1));
	world_run(&w, 5000); /* it asks for its snapshot again */
	assert_int_equal(world_owner(&w), 0);
	assert_acknowledges(off);
	assert_acknowledges(twin);
	assert_false(seen(0, off).slot_refused);
	assert_int_equal(node_status(&w.nodes[off]).slot_holder, 0);
}

static void of_two_with_state_the_one_that_holds_less_yields(void **state)
{
	(void)state;
	who_holds_less_yields(1, 2);
}

static void so_it_is_when_the_other_one_speaks_first(void **state)
{
	(void)state;
	who_holds_less_yields(2, 1);
}

/* Quorum of that ring is said once: who yields in it has to know it when the twin has gone. */
static void who_yielded_is_back_in_the_same_ring(void **state)
{
	(void)state;
	twin_while_cut_off();
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 300);
	assert_yields_to(1, 2);
	node_kill(&w, 2);
	world_view(&w, true);
	world_run(&w, 3000);
	assert_acknowledges(1);
}

/*
 * It held all that there is, and is the only one that is left. Its slot names the terms that the
 * other one may own elsewhere, so it claims none until all are there.
 */
static void what_it_held_is_kept_until_all_are_there(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 50);
	w.n_seen = 0;
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 1000);
	started_with_slot(2, 2);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 300);
	assert_yields_to(1, 2);
	w.n_seen = 0;
	node_kill(&w, 0);
	node_cut(&w, 2);
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 3000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	node_kill(&w, 2);
	w.nodes[2].slot = 3;
	node_start(&w, 2);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 3000);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].suspect);
	assert_true(node_has(&w.nodes[1], key));
}

/*
 * The one that has the slot sleeps when the other one comes: all hear that one, which does not know
 * of it, and go back together when it wakes.
 */
static void who_has_not_spoken_holds_no_slot_against_state(void **state)
{
	(void)state;
	twin_while_cut_off();
	node_stop(&w, 2);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 3000);
	assert_true(seen(0, 2).slot_refused);
	assert_acknowledges(1);
	node_wake(&w, 2);
	world_run(&w, 3000);
	/* By now it is the other one that holds more. */
	assert_true(seen(0, 2).slot_refused != seen(0, 1).slot_refused);
	assert_int_equal(world_owner(&w), 0);
	size_t holder = seen(0, 2).slot_refused ? 1 : 2;
	assert_yields_to(3 - holder, holder);
}

/* Without state it takes the place of nobody, whoever speaks first. */
static void who_begins_takes_no_slot_of_one_that_sleeps(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_stop(&w, 2);
	started_with_slot(1, 3);
	assert_true(seen(0, 1).slot_refused);
	assert_false(seen(0, 2).slot_refused);
	node_wake(&w, 2);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_OFFLINE);
	assert_acknowledges(2);
}

/* Each half of a pair has an owner with slot 1, the second one forced by its operator. */
static void of_two_owners_one_yields(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_kill(&w, 1);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 1000);
	w.nodes[1].slot = 1;
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[1].term > w.nodes[0].term);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_OFFLINE);
	assert_int_equal(w.nodes[0].deadline_ns, 0);
	assert_int_equal(node_status(&w.nodes[0]).slot_holder, w.nodes[1].id);
	assert_true(seen(1, 0).slot_refused);
}

/*
 * A higher log that is only kept takes the slot from nobody who has not spoken, and has it when it
 * goes first: who refused it until then hears it.
 */
static void who_was_refused_too_early_is_heard(void **state)
{
	struct cl_input lost = { .kind = CL_IN_DISCONNECTED };
	(void)state;
	world_settled(&w, 3);
	w.two_node = true;
	node_kill(&w, 1);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 1000);
	w.nodes[1].slot = 1;
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_true(w.nodes[1].term > w.nodes[0].term);
	node_input(&w.nodes[1], &lost);
	world_heal(&w);
	w.nodes[0].hold_acks = true;
	world_view(&w, false);
	world_run(&w, 1);
	world_run(&w, 1);
	assert_true(seen(2, 1).slot_refused);
	w.nodes[0].hold_acks = false;
	world_run(&w, 2);
	assert_int_equal(w.nodes[0].role, CL_ROLE_OFFLINE);
	assert_false(seen(2, 1).slot_refused);
	world_run(&w, 100);
	assert_int_equal(seen(2, 1).slot, 1);
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 5000);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

/* It is in the view with what it has acknowledged: R6 waits twice before it is released. */
static void what_a_refused_member_holds_is_not_released_at_once(void **state)
{
	(void)state;
	twin_while_cut_off();
	w.nodes[0].lose_snapshots = true;
	node_stop(&w, 2);
	node_append(&w, 0);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 100);
	assert_true(seen(0, 2).slot_refused);
	assert_false(w.nodes[0].is_protected);
	assert_true(w.nodes[0].committed < cl_position(w.nodes[0].cl, GROUP));
	world_run(&w, 3000);
	assert_true(w.nodes[0].committed == cl_position(w.nodes[0].cl, GROUP));
}

/* R11: what it owned unheard is not owned again. */
static void who_is_refused_tells_its_terms(void **state)
{
	(void)state;
	twin_while_cut_off();
	w.nodes[1].cl->groups[0].spent_term = 40;
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 300);
	assert_yields_to(1, 2);
	for (size_t i = 0; i < 3; i += 2)
		assert_true(w.nodes[i].cl->groups[0].known_term == 40);
}

/* Two that are installed with one slot: the lower node is a member, the other one is none. */
static void of_two_without_state_the_lower_node_stays(void **state)
{
	(void)state;
	world_init(&w, 3);
	w.nodes[1].slot = w.nodes[2].slot = 2;
	for (size_t i = 0; i < 3; i++)
		node_start(&w, i);
	world_view(&w, false);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[2].role, CL_ROLE_OFFLINE);
	assert_int_equal(node_status(&w.nodes[2]).slot_holder, w.nodes[1].id);
	node_kill(&w, 2);
	w.nodes[2].slot = 3;
	node_start(&w, 2);
	world_view(&w, true);
	world_run(&w, 3000);
	assert_int_equal(world_owner(&w), 0);
	assert_acknowledges(1);
	assert_acknowledges(2);
}

/* Without state it goes, and says which node has its slot. */
static void who_has_no_state_stays_out(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t refused = stats(0)->refused[R_EXISTS];
	started_with_slot(2, 2);
	assert_int_equal(w.nodes[2].role, CL_ROLE_OFFLINE);
	assert_true(stats(0)->refused[R_EXISTS] > refused);
	assert_acknowledges(1);
	node_kill(&w, 1);
	world_view(&w, true);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[2].role, CL_ROLE_OFFLINE); /* only its configuration can help */
	started_with_slot(2, 3);
	assert_acknowledges(2);
}

/* What comes before the HELLO of the other one says nothing of the slot. */
static void it_is_the_hello_that_drives_it_out(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Heartbeat h = HOLDFAST__HEARTBEAT__INIT;
	(void)state;
	world_init(&w, 2);
	w.nodes[0].slot = w.nodes[1].slot = w.preferred_slot = 2;
	w.expected_votes = 1;
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_start(&w, 0);
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HEARTBEAT;
	m.heartbeat = &h;
	w.nodes[1].hold_acks = true;
	world_view(&w, true);
	world_run(&w, 1);
	struct queue says_hello = w.nodes[1].sendq;
	w.nodes[1].sendq = (struct queue){ 0 };
	w.nodes[1].hold_acks = false;
	node_forge(&w, 1, w.nodes[1].term, &m);
	world_run(&w, 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_IN_USE], 0);
	assert_int_equal(stats(0)->refused[R_EXISTS], 1);
	w.nodes[1].sendq = says_hello;
	world_run(&w, 300);
	assert_int_equal(w.nodes[0].role, CL_ROLE_OFFLINE);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_IN_USE], 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
}

/* Who has no failover key is no member, and takes nobody's slot. */
static void another_key_drives_nobody_out(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.nodes[1].key = "another key, also 32 bytes......";
	w.nodes[1].slot = 1;
	node_start(&w, 1);
	node_start(&w, 0);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_not_equal(w.nodes[0].role, CL_ROLE_OFFLINE);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_IN_USE], 0);
	assert_int_equal(w.nodes[0].logs[LOG_REPL_REFUSED], 1);
	assert_true(seen(0, 1).slot_refused);
}

int main(void)
{
#define T(name) cmocka_unit_test_teardown(name, done)
	const struct CMUnitTest tests[] = {
		T(who_comes_back_to_its_slot_is_heard),
		T(a_restart_in_the_same_slot_is_no_move),
		T(a_hello_of_another_ring_takes_no_slot),
		T(nor_does_it_give_its_sender_one),
		T(nor_does_it_with_a_reader_that_was_started_anew),
		T(a_channel_opens_only_what_is_its_own),
		T(a_chunk_through_cpg_before_hello_is_dropped),
		T(of_two_with_state_the_one_that_holds_less_yields),
		T(so_it_is_when_the_other_one_speaks_first),
		T(who_yielded_is_back_in_the_same_ring),
		T(what_it_held_is_kept_until_all_are_there),
		T(who_has_not_spoken_holds_no_slot_against_state),
		T(who_begins_takes_no_slot_of_one_that_sleeps),
		T(of_two_owners_one_yields),
		T(who_was_refused_too_early_is_heard),
		T(what_a_refused_member_holds_is_not_released_at_once),
		T(who_is_refused_tells_its_terms),
		T(of_two_without_state_the_lower_node_stays),
		T(who_has_no_state_stays_out),
		T(it_is_the_hello_that_drives_it_out),
		T(another_key_drives_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
