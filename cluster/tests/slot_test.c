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

/* Node 1 is cut off, and node 2 is started with its slot by mistake. */
static void twin_while_cut_off(void)
{
	world_settled(&w, 3);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 1000);
	started_with_slot(2, 2);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
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

/* The one that is there first keeps the slot, and the other one is heard when it is free. */
static void who_is_refused_is_heard_when_the_slot_is_free(void **state)
{
	(void)state;
	twin_while_cut_off();
	uint64_t refused = stats(0)->refused[R_EXISTS];
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 2000);
	/* node 0: the twin has the slot; the two of each other: both hold state, and go on */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(w.nodes[i].logs[LOG_CLUSTER_SLOT_IN_USE], 1);
	assert_true(stats(0)->refused[R_EXISTS] > refused);
	assert_int_equal(world_owner(&w), 0);
	assert_true(seen(0, 1).slot_refused);
	assert_false(seen(0, 2).slot_refused);
	assert_int_not_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_acknowledges(2);
	world_view(&w, true); /* it is judged anew in each view, and the same */
	world_run(&w, 300);
	assert_true(seen(0, 1).slot_refused);
	assert_acknowledges(2);

	started_with_slot(2, 3);
	world_run(&w, 5000); /* it asks for its snapshot again */
	assert_int_equal(world_owner(&w), 0);
	assert_acknowledges(1);
	assert_acknowledges(2);
	assert_false(seen(0, 1).slot_refused);
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
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_SLOT_IN_USE], 1);
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
		T(who_is_refused_is_heard_when_the_slot_is_free),
		T(who_has_no_state_stays_out),
		T(it_is_the_hello_that_drives_it_out),
		T(another_key_drives_nobody_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
