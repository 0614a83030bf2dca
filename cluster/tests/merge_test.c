/* SPDX-License-Identifier: Apache-2.0 */
/* Two owners meet (R23): the lower one's records reach the higher one, and a term that begins with both. */
#include "cluster/tests/merge_fixtures.h"

static void the_higher_owner_merges_and_begins_a_term(void **state)
{
	(void)state;
	split(2);
	meet();
	world_run(&w, 3);
	assert_int_equal(w.nodes[0].parted, 1);
	assert_int_equal(w.nodes[0].deadline_ns, 0); /* it stops first */
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].term > 2); /* what begins from the log, begins a term (R11) */
	assert_true(w.nodes[1].handover); /* with exact numbers */
	assert_string_equal(w.nodes[1].why, "two owners merged");
	assert_true(has_all(0) && has_all(1));
	assert_true(w.nodes[1].is_protected);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_int_equal(node_status(&w.nodes[0]).split_brains, 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_MERGED], 1);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_MERGED], 1);
	assert_false(w.nodes[0].cl->groups[0].part.running);
}

/* Agreed order: what it has sent before the heal is delivered behind the view. */
static void what_the_lower_owner_had_on_its_way_is_merged_too(void **state)
{
	(void)state;
	split(2);
	uint64_t late = node_append(&w, 0);
	w.nodes[0].part = 0;
	w.nodes[1].part = 0;
	w.healed_ns = w.now_ns;
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_true(has_all(1) && node_has(&w.nodes[1], late));
}

/* Behind what tells it that it has lost, too. */
static void what_comes_back_when_it_owns_no_more_is_merged_too(void **state)
{
	(void)state;
	split(2);
	w.nodes[0].hold_acks = true;
	uint64_t late = node_append(&w, 0);
	for (size_t i = 0; i < 2; i++)
		w.nodes[i].part = 0;
	w.healed_ns = w.now_ns;
	world_view(&w, false);
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].parted, 1);
	const struct part_state *p = &w.nodes[0].cl->groups[0].part;
	assert_int_equal(p->applied + 1, p->appended);
	w.nodes[0].hold_acks = false;
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_true(has_all(1) && node_has(&w.nodes[1], late));
}

static void stopped_apart(uint64_t seq_next)
{
	struct ss_counters c = { .spi_in = CHILD, .exact = true, .seq_next = seq_next };
	struct ss_record r = { 0 };
	struct cl_input in = {
		.kind = CL_IN_STOPPED_APART, .group = GROUP, .records = &r, .n_records = 1
	};

	assert_int_equal(ss_encode_counters(&c, &r), R_OK);
	node_input(&w.nodes[0], &in);
	ss_record_clear(&r);
}

/* R16, law 1: what the lower one has sealed with since its last record. */
static void the_last_numbers_go_with_it_once(void **state)
{
	struct ike_sa_state ike = {
		.spi_i = 1001, .spi_r = 1, .stage = IKE_SA_ESTABLISHED, .connection = "peer"
	};
	struct ss_record changed = { 0 };
	struct ss_counters c;

	(void)state;
	split(2);
	assert_int_equal(ss_encode_ike_sa(&ike, &changed), R_OK);
	append_record(0, &changed);
	world_run(&w, 20);
	w.nodes[0].mute_part = true;
	meet();
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 0);
	stopped_apart(77);
	stopped_apart(99);
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_int_equal(node_status(&w.nodes[1]).merged_taken, 1);
	const struct ss_record *r = ss_store_get(cl_store(w.nodes[1].cl, GROUP), SS_COUNTERS,
						 CHILD);
	assert_non_null(r);
	assert_int_equal(ss_decode_counters(r, &c), R_OK);
	assert_int_equal(c.seq_next, 77);
	buf_free(&c.in_bitmap);
}

/* Each chunk is answered, and the next one goes at once. */
static void a_long_part_comes_in_chunks(void **state)
{
	static uint8_t data[40000];

	(void)state;
	split(2);
	for (uint64_t key = 0; key < 5; key++) {
		struct ss_record r = { .kind = 78, .key = key };
		assert_true(buf_set(&r.data, bytes(data, sizeof(data))));
		append_record(0, &r);
	}
	world_run(&w, 20);
	meet();
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_true(has_all(1));
	assert_int_equal(ss_store_count(cl_store(w.nodes[1].cl, GROUP), (enum ss_kind)78), 5);
}

/* The higher one does not know of that fork. */
static void a_part_that_does_not_fit_is_refused(void **state)
{
	(void)state;
	split(2);
	w.nodes[0].mute_part = true;
	meet();
	world_run(&w, 20);
	w.nodes[1].cl->groups[0].lineage.n = 0;
	stopped_apart(77);
	world_run(&w, 100);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(node_status(&w.nodes[i]).merges_failed, 1);
		assert_int_equal(w.nodes[i].logs[LOG_CLUSTER_NOT_MERGED], 1);
	}
	assert_false(w.nodes[0].cl->groups[0].part.running);
	assert_int_equal(w.nodes[1].term, 2);
}

static void taken(uint32_t to_slot, uint64_t part_id)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__PartTaken t = HOLDFAST__PART_TAKEN__INIT;

	t.to_slot = to_slot;
	t.part_id = part_id;
	t.done = true;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_PART_TAKEN;
	m.part_taken = &t;
	node_forge(&w, 1, w.nodes[1].term, &m);
	world_run(&w, 3);
}

static void only_its_own_answer_ends_a_part(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, 150);
	const struct part_state *p = &w.nodes[0].cl->groups[0].part;
	taken(3, p->id);
	taken(1, p->id + 1);
	assert_true(p->running);
	taken(1, p->id);
	assert_false(p->running);
}

static void a_part_is_not_kept_for_ever(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, PART_KEEP_MS - 500);
	assert_true(w.nodes[0].cl->groups[0].part.running);
	world_run(&w, 1200);
	assert_false(w.nodes[0].cl->groups[0].part.running);
	assert_int_equal(node_status(&w.nodes[0]).merges_failed, 1);
}

/* R4: of the last numbers the plan is made, so the standby has them first. */
static void the_plan_waits_for_the_last_numbers(void **state)
{
	(void)state;
	split(3);
	world_run(&w, 300);
	assert_true(w.nodes[1].is_protected);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, 150);
	assert_int_equal(w.nodes[1].role, CL_ROLE_RELEASING);
	w.nodes[2].hold_acks = true;
	node_append(&w, 1);
	node_command(&w, 1, CL_IN_QUIESCED);
	world_run(&w, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_RELEASING);
	assert_int_equal(node_status(&w.nodes[1]).merges, 0);
	w.nodes[2].hold_acks = false;
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_true(has_all(1) && has_all(2));
}

static void what_never_comes_back_is_given_up(void **state)
{
	(void)state;
	split(2);
	node_append(&w, 0);
	node_drop_sent(&w, 0);
	meet();
	world_run(&w, 2500);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 2);
	assert_false(node_has(&w.nodes[1], of_lower));
	assert_int_equal(node_status(&w.nodes[0]).merges_failed, 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_NOT_MERGED], 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
}

/* Without quorum nothing of it was released (R6), so there is nothing to merge. */
static void a_minority_has_nothing_to_merge(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_lose(&w, 0, 100);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	uint64_t unseen = node_append(&w, 0);
	world_run(&w, 1000);
	w.n_seen = 0;
	meet();
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 2);
	assert_false(node_has(&w.nodes[1], unseen));
	assert_int_equal(node_status(&w.nodes[1]).merges, 0);
	assert_int_equal(node_status(&w.nodes[0]).merges_failed, 0);
	assert_false(w.nodes[0].cl->groups[0].part.running);
}

static unsigned int asked;

/* The first two chunks to the owner are lost. */
static void lose_two(struct node *nd, const struct cl_effect *fx)
{
	struct cl_input in = { .kind = CL_IN_SNAPSHOT,
			       .from_node_id = nd->id,
			       .data = buf_bytes(&fx->data) };

	if (fx->kind == CL_FX_SNAPSHOT_ASK && nd == &w.nodes[0] && asked++ < 2)
		return;
	for (size_t i = 0; i < w.n; i++)
		if (w.nodes[i].slot == fx->slot)
			node_input(&w.nodes[i], &in);
}

static void a_lost_chunk_is_sent_again(void **state)
{
	(void)state;
	split(2);
	asked = 0;
	w.snapshot = lose_two;
	meet();
	world_run(&w, 3000);
	assert_int_equal(world_owner(&w), 1);
	assert_true(has_all(0) && has_all(1));
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
}

/* The owner that was to merge dies with what it was told; a third node is the next one. */
static void the_next_owner_is_told_again(void **state)
{
	(void)state;
	split(3);
	world_run(&w, 300);
	assert_true(w.nodes[1].is_protected);
	w.nodes[1].mute_quiesce = true;
	w.nodes[1].lose_snapshots = true; /* node 0 gets no state of it */
	meet();
	world_run(&w, 40);
	assert_int_equal(w.nodes[1].role, CL_ROLE_RELEASING);
	world_kill(&w, 1, 600);
	assert_int_equal(world_owner(&w), 2);
	assert_true(has_all(2) && has_all(0));
	assert_int_equal(node_status(&w.nodes[2]).merges, 1);
}

/* The higher owner is gone for good: the lower one, its state complete again, has its own part. */
static void a_lower_owner_that_owns_again_merges_by_itself(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, 150);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	world_kill(&w, 1, 600);
	assert_int_equal(world_owner(&w), 0);
	assert_true(has_all(0));
	assert_int_equal(node_status(&w.nodes[0]).merges, 1);
	assert_false(w.nodes[0].cl->groups[0].part.running);
}

static void logs_without_a_common_part_are_not_merged(void **state)
{
	(void)state;
	split(2);
	w.nodes[0].cl->groups[0].lineage.n = 0;
	meet();
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 2);
	assert_int_equal(node_status(&w.nodes[0]).merges_failed, 1);
}

/* A stop that comes in the middle of it is carried out behind it. */
static void a_stop_waits_for_the_merge(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, 150);
	assert_int_equal(w.nodes[1].role, CL_ROLE_RELEASING);
	node_command(&w, 1, CL_IN_STOP);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].stopped_failed + w.nodes[1].stopped_ok, 0);
	w.nodes[1].mute_quiesce = false;
	node_command(&w, 1, CL_IN_QUIESCED);
	world_run(&w, 6000);
	assert_int_equal(node_status(&w.nodes[1]).merges, 1);
	assert_int_equal(w.nodes[1].stopped_ok, 1);
	assert_int_equal(world_owner(&w), 0);
	assert_true(has_all(0));
}

/* R11: the term that cannot be written is tried again each second, not all the time. */
static void a_full_disk_delays_the_merge(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].disk_full = true;
	unsigned int before = w.nodes[1].terms_refused;
	meet();
	world_run(&w, 2900);
	assert_in_range(w.nodes[1].terms_refused - before, 2, 4);
	assert_int_equal(w.nodes[1].term, 2);
	w.nodes[1].disk_full = false;
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 1);
	assert_true(has_all(0) && has_all(1));
}

/* What an owner held that loses Corosync behind the heal is lost, and said to be. */
static void a_part_that_is_dropped_is_told(void **state)
{
	(void)state;
	split(2);
	w.nodes[1].mute_quiesce = true;
	meet();
	world_run(&w, 150);
	assert_true(w.nodes[0].cl->groups[0].part.running);
	node_command(&w, 0, CL_IN_DISCONNECTED);
	assert_false(w.nodes[0].cl->groups[0].part.running);
	assert_int_equal(node_status(&w.nodes[0]).merges_failed, 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_NOT_MERGED], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_higher_owner_merges_and_begins_a_term),
		T(what_the_lower_owner_had_on_its_way_is_merged_too),
		T(what_comes_back_when_it_owns_no_more_is_merged_too),
		T(the_last_numbers_go_with_it_once),
		T(a_long_part_comes_in_chunks),
		T(a_part_that_does_not_fit_is_refused),
		T(only_its_own_answer_ends_a_part),
		T(a_part_is_not_kept_for_ever),
		T(the_plan_waits_for_the_last_numbers),
		T(what_never_comes_back_is_given_up),
		T(a_minority_has_nothing_to_merge),
		T(a_lost_chunk_is_sent_again),
		T(the_next_owner_is_told_again),
		T(a_lower_owner_that_owns_again_merges_by_itself),
		T(logs_without_a_common_part_are_not_merged),
		T(a_stop_waits_for_the_merge),
		T(a_full_disk_delays_the_merge),
		T(a_part_that_is_dropped_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
