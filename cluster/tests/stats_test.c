/* SPDX-License-Identifier: Apache-2.0 */
/* What "show failover statistics" is told: messages, refusals by reason, acknowledgement latency. */
#include "cluster/tests/fixtures.h"

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind

static void every_kind_of_message_has_a_name(void **state)
{
	const ProtobufCMessageDescriptor *d = &holdfast__cluster_message__descriptor;
	(void)state;
	for (unsigned int i = 0; i < d->n_fields; i++) {
		assert_true(d->fields[i].id < CL_MESSAGE_KINDS);
		assert_non_null(cl_message_name(d->fields[i].id));
	}
	assert_null(cl_message_name(0));
	assert_null(cl_message_name(11));
	assert_null(cl_message_name(CL_MESSAGE_KINDS));
}

static void messages_are_counted_by_kind_on_both_sides(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_drop_sent(&w, 0);
	world_run(&w, 5);
	struct cl_stats before = *stats(1);
	uint64_t acks = stats(0)->messages_received[BODY(ACK)];
	node_append(&w, 0);
	node_append(&w, 0);
	world_run(&w, 10);
	assert_int_equal(stats(1)->messages_received[BODY(BATCH)],
			 before.messages_received[BODY(BATCH)] + 2);
	assert_int_equal(stats(1)->messages_sent[BODY(ACK)], before.messages_sent[BODY(ACK)] + 2);
	assert_int_equal(stats(0)->messages_received[BODY(ACK)], acks + 2);
	assert_true(stats(1)->bytes_received > before.bytes_received);
	assert_true(stats(1)->bytes_sent > before.bytes_sent);
	assert_int_equal(stats(0)->messages_sent[BODY(CLAIM)], 1);
	assert_int_equal(stats(0)->claims_sent, 1);
	/* What was sent came back: nothing is lost in this world. */
	assert_int_equal(stats(0)->messages_sent[BODY(HEARTBEAT)],
			 stats(1)->messages_received[BODY(HEARTBEAT)]);
}

static void refusals_have_their_reason(void **state)
{
	static const uint8_t noise[64] = { 1, 2, 1 };
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Release r = HOLDFAST__RELEASE__INIT;
	(void)state;
	world_settled(&w, 2);
	world_inject(&w, 1, bytes(noise, 3));
	world_run(&w, 3);
	assert_int_equal(stats(0)->refused[R_SHORT], 1);
	world_inject(&w, 1, bytes(noise, sizeof(noise)));
	world_run(&w, 3);
	uint64_t all = 0;
	for (size_t i = 0; i < R_COUNT_; i++)
		all += stats(0)->refused[i];
	assert_int_equal(all, 2);
	/* From a standby, what only an owner may say. */
	r.to_slot = 2;
	m.body_case = BODY(RELEASE);
	m.release = &r;
	node_forge(&w, 1, 1, &m);
	world_run(&w, 3);
	assert_int_equal(stats(0)->refused_sender, 1);
	assert_int_equal(stats(0)->refused[R_OK], 0);
}

static uint64_t dropped(size_t i, enum cl_drop why)
{
	return stats(i)->dropped[why];
}

/* Node 1 says it under term, for another group when it is not 1. */
static void say(uint32_t group, uint64_t term, Holdfast__ClusterMessage *m)
{
	struct cl_outbox out = { 0 };

	w.nodes[1].cl->out = &out;
	message_send(w.nodes[1].cl, group, term, m);
	w.nodes[1].cl->out = NULL;
	world_inject(&w, 1, buf_bytes(&out.fx[0].data));
	cl_outbox_clear(&out);
	world_run(&w, 3);
}

/* By the snapshot channel, for a group that is not configured here. */
static void a_snapshot_of_no_group_here_is_dropped(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__SnapshotRequest r = HOLDFAST__SNAPSHOT_REQUEST__INIT;
	const struct group strange = { .id = 7, .term = 1 };
	struct cl_outbox out = { 0 };
	(void)state;
	world_settled(&w, 2);
	m.body_case = BODY(SNAPSHOT_REQUEST);
	m.snapshot_request = &r;
	w.nodes[1].cl->out = &out;
	message_send_snapshot(w.nodes[1].cl, &strange, CL_FX_SNAPSHOT_ASK,
			      member_by_slot(w.nodes[1].cl, 1), &m);
	w.nodes[1].cl->out = NULL;
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = buf_bytes(&out.fx[0].data) };
	node_input(&w.nodes[0], &in);
	assert_int_equal(dropped(0, CL_DROP_NO_GROUP), 1);
	cl_outbox_clear(&out);
}

static void what_has_no_effect_has_its_reason(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Ack a = HOLDFAST__ACK__INIT;
	Holdfast__Synced s = HOLDFAST__SYNCED__INIT;
	Holdfast__Hello h = HOLDFAST__HELLO__INIT;
	struct cl_input stranger = { .kind = CL_IN_MESSAGE, .from_node_id = 9, .from_pid = 9 };
	(void)state;
	world_settled(&w, 2);
	node_input(&w.nodes[0], &stranger);
	assert_int_equal(dropped(0, CL_DROP_NOT_IN_VIEW), 1);
	say(GROUP, 1, &m);
	assert_int_equal(dropped(0, CL_DROP_UNKNOWN_KIND), 1);
	m.body_case = BODY(ACK);
	m.ack = &a;
	say(7, 1, &m);
	assert_int_equal(dropped(0, CL_DROP_NO_GROUP), 1);
	say(GROUP, 4, &m);
	assert_int_equal(dropped(0, CL_DROP_OTHER_TERM), 1);
	m.body_case = BODY(SYNCED);
	m.synced = &s;
	say(GROUP, 4, &m);
	assert_int_equal(dropped(0, CL_DROP_OTHER_TERM), 2);
	h.node_id = 2;
	h.version_min = h.version_max = 1;
	m.body_case = BODY(HELLO);
	m.hello = &h;
	say(0, 0, &m);
	assert_int_equal(dropped(0, CL_DROP_OTHER_RING), 1);
	/* What is not for a node is no drop. */
	m.body_case = BODY(ACK);
	m.ack = &a;
	say(GROUP, 1, &m);
	uint64_t all = 0;
	for (unsigned int d = 0; d < CL_DROPS; d++)
		all += dropped(1, d) - dropped(0, d);
	assert_int_equal((int64_t)all, -2); /* the stranger, and an owner's acknowledgement */
}

static void every_reason_has_a_name(void **state)
{
	(void)state;
	for (unsigned int d = 0; d < CL_DROPS; d++)
		assert_true(strlen(cl_drop_name(d)) > 3);
}

static void latency_is_measured_from_append_to_commit(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t n = cl_latency(w.nodes[0].cl, GROUP).n;
	for (int i = 0; i < 200; i++) {
		node_append(&w, 0);
		world_run(&w, 5);
	}
	struct cl_latency fast = cl_latency(w.nodes[0].cl, GROUP);
	assert_int_equal(fast.n, n + 200);
	assert_in_range(fast.p50_us, 1000, 3000);
	assert_in_range(fast.p99_us, fast.p50_us, 3000);
	for (int i = 0; i < 10; i++) {
		w.nodes[1].hold_acks = true;
		node_append(&w, 0);
		world_run(&w, 100);
		w.nodes[1].hold_acks = false;
		world_run(&w, 10);
	}
	struct cl_latency slow = cl_latency(w.nodes[0].cl, GROUP);
	assert_int_equal(slow.n, n + 210);
	assert_int_equal(slow.p50_us, fast.p50_us);
	assert_in_range(slow.p99_us, 100000, 115000);
	assert_in_range(slow.max_us, 100000, 103000);
	struct cl_latency_bucket buckets[CL_LATENCY_BUCKETS];
	size_t n_buckets = cl_latency_buckets(w.nodes[0].cl, GROUP, buckets);
	uint64_t counted = 0, long_ones = 0;
	assert_in_range(n_buckets, 2, CL_LATENCY_BUCKETS);
	for (size_t i = 0; i < n_buckets; i++) {
		counted += buckets[i].n;
		long_ones += buckets[i].most_us >= 100000 ? buckets[i].n : 0;
		assert_true(buckets[i].n > 0 &&
			    (!i || buckets[i].most_us > buckets[i - 1].most_us));
	}
	assert_int_equal(counted, slow.n);
	assert_int_equal(long_ones, 10);
	assert_int_equal(cl_latency_buckets(w.nodes[0].cl, GROUP + 1, buckets), 0);
	/* The standby measures nothing. */
	assert_int_equal(cl_latency(w.nodes[1].cl, GROUP).n, 0);
}

static void what_nobody_acknowledges_is_no_latency(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 1, 10);
	uint64_t n = cl_latency(w.nodes[0].cl, GROUP).n;
	node_append(&w, 0);
	world_run(&w, 10);
	assert_int_equal(cl_latency(w.nodes[0].cl, GROUP).n, n);
	assert_int_equal(cl_latency(w.nodes[0].cl, GROUP + 1).n, 0);
}

static void joins_resyncs_and_timeouts_are_counted(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 1, 5);
	world_start(&w, 1, 300);
	assert_int_equal(stats(0)->snapshots_sent, 1);
	assert_int_equal(stats(1)->snapshots_received, 1);
	assert_int_equal(stats(0)->views, 3);
	node_command(&w, 1, CL_IN_RESYNC);
	assert_int_equal(stats(1)->resyncs, 1);
	world_run(&w, 700);
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 900);
	assert_int_equal(stats(0)->commit_timeouts, 1);
	node_stop(&w, 0);
	world_run(&w, 2100);
	node_wake(&w, 0);
	assert_int_equal(stats(0)->deadlines_passed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_message_has_a_name),
		T(messages_are_counted_by_kind_on_both_sides),
		T(refusals_have_their_reason),
		T(what_has_no_effect_has_its_reason),
		T(a_snapshot_of_no_group_here_is_dropped),
		cmocka_unit_test(every_reason_has_a_name),
		T(latency_is_measured_from_append_to_commit),
		T(what_nobody_acknowledges_is_no_latency),
		T(joins_resyncs_and_timeouts_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
