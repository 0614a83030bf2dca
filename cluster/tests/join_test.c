/* SPDX-License-Identifier: Apache-2.0 */
/* Joining with state: marker, snapshot, what the log brings meanwhile, SYNCED (R7, R22). */
#include <dlfcn.h>

#include <openssl/evp.h>

#include "cluster/tests/fixtures.h"

/* libcrypto's, which seals nothing that is longer than this; 0: anything. */
static int seals_up_to;

int EVP_EncryptUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *out_len,
		      const unsigned char *in, int in_len)
{
	static int (*real)(EVP_CIPHER_CTX *, unsigned char *, int *, const unsigned char *, int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "EVP_EncryptUpdate");
	assert_non_null(real);
	return seals_up_to && in_len > seals_up_to ? 0 : real(ctx, out, out_len, in, in_len);
}

static void append_bytes(size_t node, uint64_t key, size_t len)
{
	static uint8_t data[60000];
	struct ss_record r = { .kind = 78, .key = key };
	struct cl_input in = {
		.kind = CL_IN_RECORDS, .group = GROUP, .records = &r, .n_records = 1
	};

	assert_true(buf_set(&r.data, bytes(data, len)));
	node_input(&w.nodes[node], &in);
	ss_record_clear(&r);
}

/* Node 0 owns alone, with n records of 1000 bytes; node 1 is not there. */
static void owner_with_state(size_t nodes, size_t n)
{
	world_settled(&w, nodes);
	w.large = n > 1000;
	world_kill(&w, 1, 20);
	for (size_t i = 0; i < n; i++)
		append_bytes(0, 1000 + i, 1000);
	world_run(&w, 20);
}

static void a_member_that_starts_again_takes_the_state(void **state)
{
	(void)state;
	owner_with_state(2, 200);
	node_start(&w, 1); /* a new process: a new salt */
	world_view(&w, true);
	world_run(&w, 3);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), 0), 200);
	assert_true(w.nodes[0].is_protected);
	assert_int_equal(w.nodes[0].logs[LOG_REPL_SNAPSHOT_SENT], 1);
	assert_int_equal(w.nodes[1].term, 1);
}

#define SYNCED HOLDFAST__CLUSTER_MESSAGE__BODY_SYNCED

/* The owner waits for a standby from SYNCED on: not while it still reads what came meanwhile. */
static void a_complete_joiner_reads_what_waits_before_it_is_waited_for(void **state)
{
	(void)state;
	owner_with_state(2, 200);
	world_start(&w, 1, 3);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	w.nodes[1].hold_acks = true;
	world_run(&w, 150);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(stats(1)->messages_sent[SYNCED], 0);
	node_append(&w, 0);
	w.nodes[1].hold_acks = false;
	world_run(&w, 10);
	assert_true(w.nodes[0].is_protected);
	assert_int_equal(w.nodes[1].cl->groups[0].applied, w.nodes[0].cl->groups[0].applied);
}

/*
 * Lifetimes are cluster time: who takes over before the next heartbeat is due would go on by its
 * own clock of the day, and tombstones and SAs end at once, or an hour late.
 */
static void a_joiner_has_the_owners_time_before_it_is_protected(void **state)
{
	uint64_t due, began;
	(void)state;
	owner_with_state(2, 50);
	due = w.nodes[0].cl->groups[0].at[T_HEARTBEAT];
	while (w.nodes[0].cl->groups[0].at[T_HEARTBEAT] == due)
		world_run(&w, 1);
	began = w.now_ns;
	node_start(&w, 1);
	world_view(&w, true);
	while (!w.nodes[0].is_protected)
		world_run(&w, 1);
	assert_in_range((w.now_ns - began) / MS_NS, 1, 80);
	int64_t apart = (int64_t)(cl_cluster_time_ms(w.nodes[1].cl, w.now_ns) -
				  cl_cluster_time_ms(w.nodes[0].cl, w.now_ns));
	assert_in_range(apart + 10, 0, 20);
}

static void the_state_of_an_owner_without_records_is_complete_too(void **state)
{
	(void)state;
	owner_with_state(2, 0);
	world_start(&w, 1, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].is_protected);
}

static void records_that_come_during_the_snapshot_are_not_lost(void **state)
{
	uint64_t keys[40];
	(void)state;
	owner_with_state(2, 500);
	node_start(&w, 1);
	world_view(&w, true);
	for (size_t i = 0; i < 40; i++) {
		keys[i] = node_append(&w, 0);
		world_run(&w, 1);
	}
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	world_run(&w, 50);
	for (size_t i = 0; i < 40; i++)
		assert_true(node_has(&w.nodes[1], keys[i]));
	assert_int_equal(node_status(&w.nodes[1]).applied, node_status(&w.nodes[0]).applied);
}

static void a_snapshot_that_stalls_is_asked_for_again(void **state)
{
	(void)state;
	owner_with_state(2, 50);
	w.nodes[0].lose_snapshots = true;
	world_start(&w, 1, 4000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	w.nodes[0].lose_snapshots = false;
	world_run(&w, 1500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[0].is_protected);
}

/* 2000 records of 1000 bytes are more than two credits. */
static void joiner_begins(void)
{
	owner_with_state(2, 2000);
	node_start(&w, 1);
	world_view(&w, true);
	for (int i = 0; i < 20 && w.nodes[0].chunks_sent == 0; i++)
		world_run(&w, 1);
	assert_int_equal(w.nodes[0].chunks_sent, 1);
}

static void assert_joined_at_once(void)
{
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), 0), 2000);
	assert_int_equal(w.nodes[1].cl->groups[0].join.id, 1); /* one marker */
}

static void no_more_chunks_are_on_their_way_than_were_granted(void **state)
{
	(void)state;
	joiner_begins();
	w.nodes[1].lose_snapshots = true; /* what it grants from now on */
	world_run(&w, 400);
	assert_int_equal(w.nodes[0].chunks_sent, SNAPSHOT_CREDIT);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	w.nodes[1].lose_snapshots = false;
	world_run(&w, 1000);
	assert_joined_at_once();
}

static void a_chunk_that_is_lost_is_sent_again_and_the_join_goes_on(void **state)
{
	(void)state;
	joiner_begins();
	w.nodes[0].lose_chunks = 1;
	world_run(&w, 150); /* less than the time without progress: the gap says it */
	assert_joined_at_once();
	assert_true(w.nodes[0].chunks_sent < 2000000 / SNAPSHOT_CHUNK_BYTES + 2 * SNAPSHOT_CREDIT);
}

static void a_transfer_goes_on_where_it_was_after_a_silence(void **state)
{
	(void)state;
	joiner_begins();
	world_run(&w, 20);
	unsigned int before = w.nodes[0].chunks_sent;
	assert_true(before > SNAPSHOT_CREDIT && w.nodes[1].role == CL_ROLE_JOINING);
	w.nodes[0].lose_snapshots = true;
	world_run(&w, 3000);
	w.nodes[0].lose_snapshots = false;
	w.nodes[0].chunks_sent = 0;
	world_run(&w, 700);
	assert_joined_at_once();
	/* what was there is not sent a second time */
	assert_true(w.nodes[0].chunks_sent <
		    2000000 / SNAPSHOT_CHUNK_BYTES - before + 2 * SNAPSHOT_CREDIT);
}

static void what_the_owner_sends_last_may_be_lost_too(void **state)
{
	(void)state;
	owner_with_state(2, 10);
	w.nodes[0].lose_chunks = 1;
	world_start(&w, 1, 400);
	assert_int_equal(w.nodes[0].chunks_sent, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	world_run(&w, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[1].cl->groups[0].join.id, 1);
	assert_null(w.nodes[0].cl->groups[0].serving[2].writer); /* no copy stays behind */
}

static void a_snapshot_that_stays_away_begins_at_a_new_marker(void **state)
{
	(void)state;
	joiner_begins();
	w.nodes[0].lose_snapshots = true;
	world_run(&w, 5600);
	assert_int_equal(w.nodes[1].cl->groups[0].join.id, 2);
	w.nodes[0].lose_snapshots = false;
	world_run(&w, 1000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

/* Without memory, say, for a moment. */
static void a_chunk_that_cannot_be_sealed_is_sent_later(void **state)
{
	(void)state;
	joiner_begins();
	seals_up_to = 20000;
	world_run(&w, 1200);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_true(w.nodes[0].logs[LOG_REPL_REFUSED] > 0);
	seals_up_to = 0;
	world_run(&w, 1000);
	assert_joined_at_once();
}

/* Node 0 sends chunks that cannot be read. */
static void sends_rubbish(struct node *nd, const struct cl_effect *fx)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Snapshot s = HOLDFAST__SNAPSHOT__INIT;
	struct node *to = &w.nodes[fx->slot - 1];
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = buf_bytes(&fx->data) };
	struct cl_outbox out = { 0 };
	uint8_t rubbish[] = "rubbish";

	if (!to->alive)
		return;
	if (fx->kind == CL_FX_SNAPSHOT_SEND && nd == &w.nodes[0]) {
		s.join_id = to->cl->groups[0].join.id;
		s.chunk = (ProtobufCBinaryData){ .data = rubbish, .len = sizeof(rubbish) };
		m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SNAPSHOT;
		m.snapshot = &s;
		nd->cl->out = &out;
		assert_true(message_send_snapshot(nd->cl, &nd->cl->groups[0], fx->kind,
						  member_by_slot(nd->cl, to->slot), &m));
		nd->cl->out = NULL;
		in.data = buf_bytes(&out.fx[0].data);
	}
	node_input(to, &in);
	cl_outbox_clear(&out);
}

static uint64_t markers_of_node_1(void)
{
	const unsigned int marker = HOLDFAST__CLUSTER_MESSAGE__BODY_MARKER;

	return stats(1)->messages_sent[marker];
}

static void a_snapshot_that_is_always_refused_is_not_asked_for_without_a_pause(void **state)
{
	(void)state;
	owner_with_state(3, 500);
	w.snapshot = sends_rubbish;
	world_start(&w, 1, 3600);
	assert_int_equal(markers_of_node_1(), 4); /* at 0, 0.5, 1.5 and 3.5 s */
	world_run(&w, 26000);
	assert_int_equal(markers_of_node_1(), 7); /* 7.5, 15.5, 23.5 */
	assert_int_equal(w.nodes[1].logs[LOG_REPL_REFUSED], 7);
	/* Of the next owner nothing was refused. */
	world_run(&w, 3000);
	w.snapshot = NULL;
	world_kill(&w, 0, 400);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

static void a_snapshot_that_was_refused_once_comes_soon(void **state)
{
	(void)state;
	owner_with_state(2, 500);
	w.snapshot = sends_rubbish;
	world_start(&w, 1, 100);
	assert_int_equal(markers_of_node_1(), 1);
	w.snapshot = NULL;
	world_run(&w, 700);
	assert_int_equal(markers_of_node_1(), 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), 0), 500);
}

static void when_the_serving_owner_dies_its_successor_serves(void **state)
{
	(void)state;
	owner_with_state(3, 500);
	world_start(&w, 1, 6);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	world_kill(&w, 0, 200);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[2].logs[LOG_REPL_SNAPSHOT_SENT], 1);
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), 0), 500);
}

static void a_joiner_does_not_take_over_when_the_only_holder_of_state_dies(void **state)
{
	(void)state;
	owner_with_state(2, 500);
	world_start(&w, 1, 6);
	world_kill(&w, 0, 10000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING); /* R15: the operator decides */
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	/* The missing member may have owned more terms than were heard of here. */
	assert_true(w.nodes[1].term > 2);
}

static void a_log_that_outruns_the_snapshot_restarts_the_join(void **state)
{
	(void)state;
	owner_with_state(2, 10);
	w.nodes[0].lose_snapshots = true;
	world_start(&w, 1, 5);
	for (size_t i = 0; i < 1200; i++) {
		append_bytes(0, i % 7, 60000);
		if (i % 100 == 0)
			world_run(&w, 1);
	}
	w.nodes[0].lose_snapshots = false;
	world_run(&w, 400);
	assert_true(w.nodes[1].logs[LOG_REPL_RESYNC] > 0);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), 0), 17);
}

static void a_standby_that_missed_an_entry_resyncs_by_the_next(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_run(&w, 50);
	uint64_t lost = node_append(&w, 0), next = node_append(&w, 0);
	world_order(&w);
	struct event *e =
		w.nodes[1].inbox.tail; /* without the last but one: what CPG does not do */
	while (w.nodes[1].inbox.head->next != e)
		w.nodes[1].inbox.head->in.kind = CL_IN_TIMER,
		w.nodes[1].inbox.head = w.nodes[1].inbox.head->next;
	w.nodes[1].inbox.head->in.kind = CL_IN_TIMER;
	world_run(&w, 100);
	assert_int_equal(w.nodes[1].resets, 2);
	assert_true(node_has(&w.nodes[1], lost) && node_has(&w.nodes[1], next));
	assert_true(w.nodes[0].is_protected);
}

static void output_is_not_held_for_a_standby_that_lost_its_state(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[0].lose_snapshots = true;
	node_append(&w, 0);
	world_order(&w);
	w.nodes[1].inbox.tail->data.p[w.nodes[1].inbox.tail->data.len - 1] ^= 1;
	world_run(&w, 10);
	assert_false(w.nodes[0].is_protected);
	assert_int_equal(w.nodes[0].committed, cl_position(w.nodes[0].cl, GROUP));
}

static void an_owner_that_starts_again_at_once_joins_its_successor(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 0);
	node_start(&w, 0); /* both changes in one view */
	world_view(&w, true);
	world_run(&w, 1200);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[0], key));
	assert_true(w.nodes[1].is_protected);
}

static void three_members_restart_in_turn_and_the_state_survives(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 10);
	for (size_t round = 0; round < 9; round++) {
		size_t i = round % 3;
		node_kill(&w, i);
		world_view(&w, round % 2);
		world_run(&w, 200);
		node_start(&w, i);
		world_view(&w, round % 2);
		world_run(&w, 300);
		for (size_t k = 0; k < 3; k++)
			assert_true(node_has(&w.nodes[k], key));
		assert_true(w.nodes[world_owner(&w)].is_protected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_member_that_starts_again_takes_the_state),
		T(a_complete_joiner_reads_what_waits_before_it_is_waited_for),
		T(a_joiner_has_the_owners_time_before_it_is_protected),
		T(the_state_of_an_owner_without_records_is_complete_too),
		T(records_that_come_during_the_snapshot_are_not_lost),
		T(a_snapshot_that_stalls_is_asked_for_again),
		T(no_more_chunks_are_on_their_way_than_were_granted),
		T(a_chunk_that_is_lost_is_sent_again_and_the_join_goes_on),
		T(a_transfer_goes_on_where_it_was_after_a_silence),
		T(what_the_owner_sends_last_may_be_lost_too),
		T(a_snapshot_that_stays_away_begins_at_a_new_marker),
		T(a_chunk_that_cannot_be_sealed_is_sent_later),
		T(a_snapshot_that_is_always_refused_is_not_asked_for_without_a_pause),
		T(a_snapshot_that_was_refused_once_comes_soon),
		T(when_the_serving_owner_dies_its_successor_serves),
		T(a_joiner_does_not_take_over_when_the_only_holder_of_state_dies),
		T(a_log_that_outruns_the_snapshot_restarts_the_join),
		T(a_standby_that_missed_an_entry_resyncs_by_the_next),
		T(output_is_not_held_for_a_standby_that_lost_its_state),
		T(an_owner_that_starts_again_at_once_joins_its_successor),
		T(three_members_restart_in_turn_and_the_state_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
