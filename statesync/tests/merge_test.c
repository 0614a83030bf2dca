/* SPDX-License-Identifier: Apache-2.0 */
/* Two owners (R23): which side's SAs the merged store has. */
#include "statesync/tests/merge_harness.h"

static void what_nobody_changed_stays(void **state)
{
	(void)state;
	merge(1);
	assert_counts(0, 0, 0);
	assert_int_equal(out.n, 0);
}

static void what_only_the_lower_changed_is_taken_whole(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	put(lower, 12, lease(400, 5000));
	erase(lower, SS_CHILD_SA, 300);
	merge(1);
	assert_counts(1, 0, 0);
	assert_int_equal(ike_now(1).next_request_id, 7);
	assert_false(ike_now(1).anew);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 400));
	assert_non_null(ss_store_get(higher, SS_LEASE, 400));
	assert_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_null(ss_store_get(higher, SS_LEASE, 300));
}

static void what_only_the_higher_changed_stays(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(higher, 11, child_sa(500, 1, 0));
	erase(higher, SS_CHILD_SA, 300);
	merge(60000);
	assert_counts(0, 0, 0);
	assert_int_equal(ike_now(1).next_request_id, 9);
	assert_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 500));
}

static void what_both_changed_is_set_up_anew(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	merge(60000);
	assert_counts(0, 1, 0);
	assert_true(ike_now(1).anew);
	assert_int_equal(ike_now(1).next_request_id, 9); /* with ours until then */
	assert_null(ss_store_get(higher, SS_CHILD_SA, 400));
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 300));
}

/* Both wrote the same: there is nothing to choose. */
static void the_same_change_on_both_sides_is_none(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	merge(60000);
	assert_counts(0, 0, 0);
	assert_int_equal(out.n, 0);
}

static void an_ike_sa_that_the_lower_rekeyed_comes_with_its_successor(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(2, 0, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, child_sa(300, 2, 0));
	erase(lower, SS_IKE_SA, 1);
	merge(1);
	assert_counts(1, 0, 0);
	assert_null(ss_store_get(higher, SS_IKE_SA, 1));
	assert_int_equal(ike_now(2).stage, IKE_SA_ESTABLISHED);
}

/* One is a rekeyed IKE SA, the other a rekeyed CHILD SA of it: no peer can have done both. */
static void changes_of_one_family_count_together(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 6, IKE_SA_REKEYED, 2));
	put(lower, 11, ike_sa(2, 0, IKE_SA_ESTABLISHED, 0));
	put(lower, 12, child_sa(300, 2, 0));
	put(higher, 11, ike_sa(1, 6, IKE_SA_ESTABLISHED, 0));
	put(higher, 11, child_sa(500, 1, 0));
	merge(1);
	assert_counts(0, 1, 0);
	assert_true(ike_now(1).anew);
	assert_null(ss_store_get(higher, SS_IKE_SA, 2));
}

/* The higher owner has deleted it, the lower one went on: its tunnels are wanted. */
static void an_ike_sa_that_the_higher_ended_is_set_up_anew_from_the_lower(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	erase(higher, SS_CHILD_SA, 300);
	erase(higher, SS_IKE_SA, 1);
	merge(1);
	assert_counts(0, 1, 0);
	assert_true(ike_now(1).anew);
	assert_int_equal(ike_now(1).next_request_id, 7);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 400));
}

static void an_ike_sa_that_the_lower_set_up_is_taken(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(8, 2, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(800, 8, 0));
	put(lower, 12, counters(800, 40, 30, 1, true));
	merge(1);
	assert_counts(1, 0, 0);
	assert_int_equal(ike_now(8).next_request_id, 2);
	struct ss_counters c = counters_now(800);
	assert_int_equal(c.seq_next, 40);
	buf_free(&c.in_bitmap);
	assert_int_equal(ike_now(1).next_request_id, 5);
}

/* What a newer version has put into the record is still there with the mark. */
static void unknown_fields_survive_the_mark(void **state)
{
	struct ss_record r = ike_sa(1, 9, IKE_SA_ESTABLISHED, 0);
	size_t len;

	(void)state;
	append_future_fields(&r.data);
	len = r.data.len;
	put(higher, 11, r);
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	merge(1);
	assert_true(ike_now(1).anew);
	assert_true(ss_store_get(higher, SS_IKE_SA, 1)->data.len > len);
}

/* The successor joins both, whatever CHILD SAs they have. */
static void a_rekeyed_ike_sa_is_one_family_with_its_successor(void **state)
{
	(void)state;
	put(lower, 11, ike_sa(1, 6, IKE_SA_REKEYED, 2));
	put(lower, 11, ike_sa(2, 0, IKE_SA_ESTABLISHED, 0));
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	merge(1);
	assert_counts(0, 1, 0);
	assert_null(ss_store_get(higher, SS_IKE_SA, 2));
}

/* One side has changed the IKE SA only, the other a CHILD SA of it only. */
static void who_changed_what_of_a_family_does_not_matter(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	merge(1);
	assert_counts(0, 1, 0);
	assert_int_equal(ike_now(1).next_request_id, 9);
	assert_null(ss_store_get(higher, SS_CHILD_SA, 400));
}

/* A tombstone that has come since is no change of its IKE SA. */
static void a_tombstone_alone_changes_no_family(void **state)
{
	struct child_sa_state c = {
		.spi_in = 300, .spi_out = 301, .ike_spi = 1, .stage = CHILD_SA_DEAD
	};
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_child_sa(&c, &r), R_OK);
	put(lower, 11, r);
	merge(1);
	assert_counts(0, 0, 0);
}

/* What the lower one has ended of an IKE SA that is set up anew goes on here until then. */
static void what_is_set_up_anew_loses_nothing_before(void **state)
{
	(void)state;
	put(higher, 11, ike_sa(1, 9, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, child_sa(400, 1, 0));
	put(lower, 11, lease(400, 100));
	put(lower, 12, counters(400, 40, 30, 1, true));
	erase(lower, SS_CHILD_SA, 300);
	merge(60000);
	assert_counts(0, 1, 0);
	assert_non_null(ss_store_get(higher, SS_CHILD_SA, 300));
	assert_null(ss_store_get(higher, SS_LEASE, 400));
	assert_null(ss_store_get(higher, SS_COUNTERS, 400));
}

/* Replaced, closing or not up: another one has to carry the tunnels. */
static void an_ike_sa_that_carries_nothing_is_not_set_up_anew(void **state)
{
	const struct ike_sa_state kinds[] = {
		{ .stage = IKE_SA_REKEYED, .replaced_by = 2 },
		{ .stage = IKE_SA_ESTABLISHED, .replaced_by = 2 },
		{ .stage = IKE_SA_DELETING },
		{ .stage = IKE_SA_ESTABLISHED, .closing = true },
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct ike_sa_state s = kinds[i];
		struct ss_record r = { 0 };
		s.spi_i = 1001;
		s.spi_r = 1;
		s.next_request_id = 9;
		memcpy(s.connection, "peer", 5);
		assert_int_equal(ss_encode_ike_sa(&s, &r), R_OK);
		put(higher, 11, r);
		put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
		merge(60000);
		assert_counts(0, 1, 0);
		assert_int_equal(ike_now(1).next_request_id, 7);
		teardown(state);
		setup(state);
	}
}

/* Of a newer version: ours stays when both changed it. */
static void records_of_unknown_kinds_come_along(void **state)
{
	(void)state;
	both(fixture_record(99, 1, 1, 8));
	both(fixture_record(99, 2, 1, 8));
	put(lower, 11, fixture_record(99, 1, 5, 8));
	put(lower, 11, fixture_record(99, 2, 5, 8));
	put(lower, 11, fixture_record(99, 3, 5, 8));
	put(higher, 11, fixture_record(99, 2, 9, 8));
	merge(1);
	assert_int_equal(ss_store_get(higher, (enum ss_kind)99, 1)->data.p[0], 5);
	assert_int_equal(ss_store_get(higher, (enum ss_kind)99, 2)->data.p[0], 9);
	assert_non_null(ss_store_get(higher, (enum ss_kind)99, 3));
}

/* The peer has deleted it with the lower one: what is taken whole has its end as well. */
static void a_child_that_the_lower_has_ended_goes_on_nowhere(void **state)
{
	struct child_sa_state c = {
		.spi_in = 300, .spi_out = 301, .ike_spi = 1, .stage = CHILD_SA_DEAD
	};
	struct ss_record r = { 0 };

	(void)state;
	assert_int_equal(ss_encode_child_sa(&c, &r), R_OK);
	put(lower, 11, ike_sa(1, 7, IKE_SA_ESTABLISHED, 0));
	put(lower, 11, r);
	merge(60000);
	assert_counts(1, 0, 0);
	assert_int_equal(ss_decode_child_sa(ss_store_get(higher, SS_CHILD_SA, 300), &c), R_OK);
	assert_int_equal(c.stage, CHILD_SA_DEAD);
	child_sa_state_clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_nobody_changed_stays),
		T(what_only_the_lower_changed_is_taken_whole),
		T(what_only_the_higher_changed_stays),
		T(what_both_changed_is_set_up_anew),
		T(the_same_change_on_both_sides_is_none),
		T(an_ike_sa_that_the_lower_rekeyed_comes_with_its_successor),
		T(changes_of_one_family_count_together),
		T(an_ike_sa_that_the_higher_ended_is_set_up_anew_from_the_lower),
		T(an_ike_sa_that_the_lower_set_up_is_taken),
		T(unknown_fields_survive_the_mark),
		T(a_rekeyed_ike_sa_is_one_family_with_its_successor),
		T(who_changed_what_of_a_family_does_not_matter),
		T(a_tombstone_alone_changes_no_family),
		T(what_is_set_up_anew_loses_nothing_before),
		T(an_ike_sa_that_carries_nothing_is_not_set_up_anew),
		T(records_of_unknown_kinds_come_along),
		T(a_child_that_the_lower_has_ended_goes_on_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
