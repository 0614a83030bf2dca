/* SPDX-License-Identifier: Apache-2.0 */
/* The queue before Corosync: in order, bounded, and never with a hole (R12). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/mcast_queue.h"

static struct fake {
	struct cl_transport base;
	enum result next;  /* what it says to the next message */
	unsigned int room; /* messages that it takes before R_AGAIN */
	char sent[64];
} fake;
static struct mcast_queue q;

static enum result fake_mcast(struct cl_transport *t, struct bytes data)
{
	(void)t;
	if (fake.next != R_OK)
		return fake.next;
	if (!fake.room)
		return R_AGAIN;
	fake.room--;
	strncat(fake.sent, (const char *)data.p, data.len);
	return R_OK;
}

static const struct cl_transport_ops fake_ops = { .mcast = fake_mcast };

static int setup(void **state)
{
	(void)state;
	fake = (struct fake){ .base = { .ops = &fake_ops } };
	q = (struct mcast_queue){ .bytes_max = 10 };
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	mcast_queue_clear(&q);
	return 0;
}

static enum result send(const char *text)
{
	return mcast_queue_send(&q, &fake.base, bytes(text, strlen(text)));
}

static void what_waits_is_sent_in_order(void **state)
{
	(void)state;
	fake.room = 1;
	assert_int_equal(send("a"), R_OK);
	assert_int_equal(send("b"), R_AGAIN);
	fake.room = 3;
	assert_int_equal(send("c"), R_AGAIN); /* behind b, although there is room */
	assert_string_equal(fake.sent, "a");
	assert_int_equal(mcast_queue_retry(&q, &fake.base), R_OK);
	assert_string_equal(fake.sent, "abc");
	assert_int_equal(q.bytes, 0);
	assert_int_equal(send("d"), R_OK);
}

static void a_refused_message_ends_it(void **state)
{
	(void)state;
	fake.room = 9;
	fake.next = R_SYSTEM;
	assert_int_equal(send("a"), R_SYSTEM);
	fake.next = R_OK;
	assert_int_equal(send("b"), R_OK);
	assert_string_equal(fake.sent, "");
	mcast_queue_clear(&q);
	assert_int_equal(send("c"), R_OK);
	assert_string_equal(fake.sent, "c");
}

static void a_waiting_message_that_is_refused_ends_it(void **state)
{
	(void)state;
	assert_int_equal(send("a"), R_AGAIN);
	assert_int_equal(send("b"), R_AGAIN);
	fake.next = R_SYSTEM;
	assert_int_equal(mcast_queue_retry(&q, &fake.base), R_SYSTEM);
	fake.next = R_OK;
	fake.room = 9;
	assert_int_equal(mcast_queue_retry(&q, &fake.base), R_OK);
	assert_string_equal(fake.sent, "");
}

static void what_is_not_sent_is_counted(void **state)
{
	(void)state;
	assert_int_equal(send("a"), R_AGAIN);
	assert_int_equal(send("b"), R_AGAIN);
	fake.next = R_SYSTEM;
	assert_int_equal(mcast_queue_retry(&q, &fake.base), R_SYSTEM);
	assert_int_equal(q.dropped, 0); /* a and b wait still */
	assert_int_equal(send("c"), R_OK);
	assert_int_equal(q.dropped, 1);
	mcast_queue_clear(&q);
	assert_int_equal(q.dropped, 3);
	assert_int_equal(send("d"), R_SYSTEM);
	assert_int_equal(q.dropped, 4);
	mcast_queue_clear(&q);
	fake.next = R_OK;
	assert_int_equal(send("e"), R_AGAIN);
	assert_int_equal(q.dropped, 4);
}

static void it_keeps_so_many_bytes_and_no_more(void **state)
{
	(void)state;
	assert_int_equal(send("01234"), R_AGAIN);
	assert_int_equal(send("56789"), R_AGAIN);
	assert_int_equal(send("x"), R_TOO_LONG);
	assert_true(q.failed);
	mcast_queue_clear(&q);
	assert_int_equal(q.bytes, 0);
	fake.room = 1;
	assert_int_equal(send("y"), R_OK);
	assert_string_equal(fake.sent, "y");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_waits_is_sent_in_order),
		T(a_refused_message_ends_it),
		T(a_waiting_message_that_is_refused_ends_it),
		T(what_is_not_sent_is_counted),
		T(it_keeps_so_many_bytes_and_no_more),
	};
	return cmocka_run_group_tests_name("mcast_queue", tests, NULL, NULL);
}
