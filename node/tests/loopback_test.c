/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster of one: view and quorum come first, messages in order, and nothing comes after
 * close. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/loopback.h"

static struct {
	qb_loop_t *loop;
	struct cl_transport *transport;
	struct cl_transport_facts facts;
	char seen[64];
} t;

static void see(char c)
{
	size_t len = strlen(t.seen);

	assert_true(len + 1 < sizeof(t.seen));
	t.seen[len] = c;
}

static void stop(void *data)
{
	(void)data;
	qb_loop_stop(t.loop);
}

static void on_view(void *ctx, const struct cl_ring_id *ring, const struct cl_member *members,
		    size_t n)
{
	assert_ptr_equal(ctx, &t);
	assert_int_equal(n, 1);
	assert_int_equal(members[0].node_id, t.facts.node_id);
	assert_int_equal(ring->node_id, t.facts.node_id);
	see('v');
}

static void on_quorum(void *ctx, const struct cl_ring_id *ring, bool quorate)
{
	(void)ctx;
	(void)ring;
	see(quorate ? 'q' : '-');
}

static enum result say(const char *text)
{
	return t.transport->ops->mcast(t.transport, bytes(text, strlen(text)));
}

static void on_message(void *ctx, uint32_t node_id, uint32_t pid, struct bytes data)
{
	(void)ctx;
	(void)pid;
	assert_int_equal(node_id, t.facts.node_id);
	see((char)data.p[0]);
	if (data.p[0] == 'b')
		assert_int_equal(say("d"), R_OK);
}

static int open_loop(void **state)
{
	static const struct cl_transport_callbacks cb = { .view = on_view,
							  .quorum = on_quorum,
							  .message = on_message };

	(void)state;
	memset(&t, 0, sizeof(t));
	t.loop = qb_loop_create();
	return loopback_open(t.loop, &cb, &t, &t.facts, &t.transport) == R_OK ? 0 : -1;
}

static int close_loop(void **state)
{
	(void)state;
	qb_loop_destroy(t.loop);
	return 0;
}

static void run_a_while(void)
{
	qb_loop_timer_handle timer;

	qb_loop_timer_add(t.loop, QB_LOOP_LOW, 20000000, NULL, stop, &timer);
	qb_loop_run(t.loop);
}

static void one_member_hears_itself_in_order(void **state)
{
	(void)state;
	assert_string_equal(t.seen, "");
	assert_true(t.facts.encrypted);
	assert_int_equal(say("a"), R_OK);
	assert_int_equal(say("b"), R_OK);
	assert_int_equal(say("c"), R_OK);
	assert_string_equal(t.seen, "");
	run_a_while();
	assert_string_equal(t.seen, "qvabcd");
	t.transport->ops->close(t.transport);
}

static void nothing_comes_after_close(void **state)
{
	(void)state;
	assert_int_equal(say("a"), R_OK);
	t.transport->ops->close(t.transport);
	run_a_while();
	assert_string_equal(t.seen, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_member_hears_itself_in_order, open_loop,
						close_loop),
		cmocka_unit_test_setup_teardown(nothing_comes_after_close, open_loop, close_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
