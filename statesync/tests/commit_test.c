/* SPDX-License-Identifier: Apache-2.0 */
/* Output commit (R4, R6, R7) and the queue of held effects. */
#include "statesync/tests/fixtures.h"

static void position_is_committed_when_every_protected_standby_has_it(void **state)
{
	struct ss_commit c;

	(void)state;
	ss_commit_init(&c, 100);
	assert_true(c.appended == 100 && c.committed == 100);
	assert_false(ss_commit_protect(&c, 1u << 2 | 1u << 3));
	assert_true(ss_commit_append(&c) == 101);
	assert_true(ss_commit_append(&c) == 102);
	assert_true(c.committed == 100);
	assert_false(ss_commit_ack(&c, 2, 102));
	assert_true(ss_commit_ack(&c, 3, 101));
	assert_true(c.committed == 101);
	assert_true(ss_commit_ack(&c, 3, 102));
	assert_true(c.committed == 102);
}

static void acknowledgements_are_cumulative(void **state)
{
	struct ss_commit c;

	(void)state;
	ss_commit_init(&c, 0);
	(void)ss_commit_protect(&c, 1u << 1);
	for (int i = 0; i < 10; i++)
		(void)ss_commit_append(&c);
	assert_true(ss_commit_ack(&c, 1, 7));
	assert_true(c.committed == 7);
	assert_false(ss_commit_ack(&c, 1, 7));
	assert_false(ss_commit_ack(&c, 1, 3));
	assert_true(c.committed == 7 && c.acked[1] == 7);
}

static void acknowledgement_of_the_future_is_refused(void **state)
{
	struct ss_commit c;

	(void)state;
	ss_commit_init(&c, 5);
	(void)ss_commit_protect(&c, 1u << 1);
	(void)ss_commit_append(&c);
	assert_false(ss_commit_ack(&c, 1, 7));
	assert_true(c.committed == 5 && c.acked[1] == 0);
	(void)ss_commit_append(&c);
	assert_true(c.committed == 5); /* nor does it count later */
	assert_false(ss_commit_ack(&c, SS_SLOTS, 6));
}

static void unprotected_standbys_are_not_waited_for(void **state)
{
	struct ss_commit c;

	(void)state;
	ss_commit_init(&c, 0);
	assert_true(ss_commit_append(&c) == 1);
	assert_true(c.committed == 1); /* nobody protected */
	(void)ss_commit_protect(&c, 1u << 1);
	(void)ss_commit_append(&c);
	assert_false(ss_commit_ack(&c, 2, 2));
	assert_true(c.committed == 1);
	assert_true(ss_commit_ack(&c, 1, 2));
}

static void change_of_the_set_moves_committed_forward_only(void **state)
{
	struct ss_commit c;

	(void)state;
	ss_commit_init(&c, 0);
	(void)ss_commit_protect(&c, 1u << 1 | 1u << 15);
	for (int i = 0; i < 4; i++)
		(void)ss_commit_append(&c);
	assert_false(ss_commit_ack(&c, 15, 3));
	assert_true(ss_commit_protect(&c, 1u << 15)); /* slot 1 left */
	assert_true(c.committed == 3);
	assert_false(ss_commit_protect(&c, 1u << 15 | 1u << 1)); /* back, and behind */
	assert_true(c.committed == 3);
	assert_true(ss_commit_protect(&c, 0)); /* R6 */
	assert_true(c.committed == 4);
}

struct effect {
	uint32_t id;
	char text[5];
};

static void push(struct ss_hold *h, uint64_t position, uint32_t id)
{
	struct effect e = { .id = id, .text = "abc" };

	assert_int_equal(ss_hold_push(h, position, &e), R_OK);
}

static void count_drop(void *ctx, void *item)
{
	const struct effect *e = item;
	uint32_t *ids = ctx;

	*ids = *ids * 10 + e->id;
}

static void effects_leave_in_order_up_to_committed(void **state)
{
	struct ss_hold *h = ss_hold_new(sizeof(struct effect));
	struct effect e;
	uint32_t dropped = 0;

	(void)state;
	push(h, 1, 1);
	push(h, 1, 2);
	push(h, 3, 3);
	push(h, 4, 4);
	assert_false(ss_hold_pop(h, 0, &e));
	for (uint32_t id = 1; id <= 3; id++) {
		assert_true(ss_hold_pop(h, 3, &e));
		assert_int_equal(e.id, id);
		assert_string_equal(e.text, "abc");
	}
	assert_false(ss_hold_pop(h, 3, &e));
	assert_int_equal(ss_hold_count(h), 1);
	ss_hold_free(h, count_drop, &dropped);
	assert_int_equal(dropped, 4);
}

static void effect_never_overtakes_an_earlier_one(void **state)
{
	struct ss_hold *h = ss_hold_new(sizeof(struct effect));
	struct effect e;
	uint32_t dropped = 0;

	(void)state;
	push(h, 9, 1);
	push(h, 2, 2);
	assert_false(ss_hold_pop(h, 5, &e));
	assert_true(ss_hold_pop(h, 9, &e) && e.id == 1);
	assert_true(ss_hold_pop(h, 9, &e) && e.id == 2);
	ss_hold_free(h, count_drop, &dropped);
	assert_int_equal(dropped, 0);
}

static void queue_grows_around_its_end(void **state)
{
	struct ss_hold *h = ss_hold_new(sizeof(struct effect));
	struct effect e;
	uint32_t pushed = 0, popped = 0, dropped = 0;

	(void)state;
	for (uint32_t round = 0; round < 50; round++) {
		for (uint32_t i = 0; i < 7; i++, pushed++)
			push(h, pushed, pushed);
		for (uint32_t i = 0; i < 3; i++, popped++) {
			assert_true(ss_hold_pop(h, UINT64_MAX, &e));
			assert_int_equal(e.id, popped);
		}
	}
	for (; popped < pushed; popped++)
		assert_true(ss_hold_pop(h, UINT64_MAX, &e) && e.id == popped);
	assert_int_equal(ss_hold_count(h), 0);
	ss_hold_free(h, count_drop, &dropped);
}

static void end_of_ownership_forgets_everything(void **state)
{
	struct ss_hold *h = ss_hold_new(sizeof(struct effect));
	struct effect e;
	uint32_t dropped = 0;

	(void)state;
	push(h, 1, 1);
	push(h, 2, 2);
	ss_hold_drop_all(h, count_drop, &dropped);
	assert_int_equal(dropped, 12);
	assert_false(ss_hold_pop(h, UINT64_MAX, &e));
	push(h, 1, 5);
	assert_true(ss_hold_pop(h, 1, &e) && e.id == 5);
	ss_hold_free(h, count_drop, &dropped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(position_is_committed_when_every_protected_standby_has_it),
		cmocka_unit_test(acknowledgements_are_cumulative),
		cmocka_unit_test(acknowledgement_of_the_future_is_refused),
		cmocka_unit_test(unprotected_standbys_are_not_waited_for),
		cmocka_unit_test(change_of_the_set_moves_committed_forward_only),
		cmocka_unit_test(effects_leave_in_order_up_to_committed),
		cmocka_unit_test(effect_never_overtakes_an_earlier_one),
		cmocka_unit_test(queue_grows_around_its_end),
		cmocka_unit_test(end_of_ownership_forgets_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
