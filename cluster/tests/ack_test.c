/* SPDX-License-Identifier: Apache-2.0 */
/* R4: acknowledgements that do not wait for the token. The multicast ones are held in all cases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"
#include "statesync/message.h"

static struct world w;
static size_t from = 1; /* the node whose datagrams are looked at */
static struct buf last; /* the last one */
static uint8_t to_slot;
static unsigned int sent;

static int done(void **state)
{
	(void)state;
	world_free(&w);
	buf_free(&last);
	sent = 0;
	from = 1;
	return 0;
}

static void on_ack(struct node *nd, const struct cl_effect *fx)
{
	if (nd != &w.nodes[from])
		return;
	buf_free(&last);
	assert_true(buf_set(&last, buf_bytes(&fx->data)));
	to_slot = fx->slot;
	sent++;
}

/* n nodes with addresses, owned by node 0; what it appends then waits for node 1. */
static uint64_t held(size_t n)
{
	world_settled(&w, n);
	w.ack = on_ack;
	for (size_t i = 0; i < n; i++) {
		const struct cl_input at = { .kind = CL_IN_ADDRESS,
					     .relay = { .addr = inet_v4(0xc6120001u + (uint32_t)i),
							.port = 4510 } };
		node_input(&w.nodes[i], &at);
	}
	world_run(&w, 10);
	w.nodes[1].hold_acks = true;
	uint64_t before = w.nodes[0].committed;
	node_append(&w, 0);
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].committed, before);
	return before;
}

static void arrives(size_t at, struct bytes data)
{
	const struct cl_input in = { .kind = CL_IN_ACK, .data = data };

	node_input(&w.nodes[at], &in);
}

static const struct cl_stats *stats(size_t i)
{
	return cl_stats(w.nodes[i].cl);
}

static void a_datagram_commits_before_the_token_comes(void **state)
{
	(void)state;
	uint64_t before = held(2);
	assert_int_equal(to_slot, w.nodes[0].slot);
	arrives(0, buf_bytes(&last));
	assert_int_equal(w.nodes[0].committed, before + 1);
	w.nodes[1].hold_acks = false;
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].committed, cl_position(w.nodes[0].cl, GROUP));
}

static void a_lost_datagram_costs_nothing(void **state)
{
	(void)state;
	uint64_t before = held(2);
	w.nodes[1].hold_acks = false;
	world_run(&w, 5);
	assert_true(w.nodes[0].committed > before);
	assert_int_equal(node_status(&w.nodes[0]).degraded, 0);
}

static void all_protected_ones_are_waited_for(void **state)
{
	(void)state;
	from = 2;
	uint64_t before = held(3);
	w.nodes[2].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 3);
	assert_true(sent >= 1);
	arrives(0, buf_bytes(&last));
	assert_int_equal(w.nodes[0].committed, before);
}

static void a_datagram_counts_once(void **state)
{
	(void)state;
	held(2);
	arrives(0, buf_bytes(&last));
	assert_int_equal(stats(0)->refused[R_STALE], 0);
	arrives(0, buf_bytes(&last));
	assert_int_equal(stats(0)->refused[R_STALE], 1);
}

static void only_the_owner_of_the_term_takes_it(void **state)
{
	(void)state;
	held(3);
	arrives(2, buf_bytes(&last));
	assert_int_equal(stats(2)->dropped[CL_DROP_OTHER_TERM], 1);
}

/* It held that much when it said so, but what it is now nobody knows. */
static void who_has_left_is_not_heard(void **state)
{
	(void)state;
	uint64_t before = held(3);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 5);
	assert_null(member_by_slot(w.nodes[0].cl, w.nodes[1].slot));
	arrives(0, buf_bytes(&last));
	assert_int_equal(stats(0)->dropped[CL_DROP_NOT_IN_VIEW], 1);
	assert_int_equal(w.nodes[0].committed, before);
}

static void of_an_earlier_term_it_says_nothing(void **state)
{
	(void)state;
	held(2);
	w.nodes[1].hold_acks = false;
	world_run(&w, 50);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	uint64_t dropped = stats(0)->dropped[CL_DROP_OTHER_TERM];
	sent = 0;
	w.nodes[1].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 5);
	assert_true(sent > 0);
	w.nodes[0].cl->groups[0].term++;
	arrives(0, buf_bytes(&last));
	w.nodes[0].cl->groups[0].term--;
	assert_int_equal(stats(0)->dropped[CL_DROP_OTHER_TERM], dropped + 1);
}

static void forged(enum ss_envelope_kind kind, uint32_t group, Holdfast__ClusterMessage *m,
		   struct buf *out)
{
	struct buf plain = { 0 };

	assert_int_equal(ss_message_pack(&m->base, &plain), R_OK);
	assert_int_equal(ss_seal(w.nodes[1].cl->sealer, kind, group, w.nodes[0].term,
				 buf_bytes(&plain), out),
			 R_OK);
	buf_free(&plain);
}

/* Each has its reason counter, and none commits anything. */
static void nothing_but_acknowledgements_comes_so(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Ack a = HOLDFAST__ACK__INIT;
	Holdfast__Synced s = HOLDFAST__SYNCED__INIT;
	struct buf other = { 0 }, strange = { 0 }, multicast = { 0 };

	(void)state;
	uint64_t before = held(2);
	arrives(0, bytes(last.p, last.len - 1));
	arrives(0, bytes(last.p, 3));
	assert_int_equal(stats(0)->refused[R_INTEGRITY], 1);
	assert_int_equal(stats(0)->refused[R_SHORT], 1);
	a.position = s.position = before + 1;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_SYNCED;
	m.synced = &s;
	forged(SS_ENV_ACK, GROUP, &m, &other);
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ACK;
	m.ack = &a;
	forged(SS_ENV_MESSAGE, GROUP, &m, &multicast);
	forged(SS_ENV_ACK, 7, &m, &strange);
	arrives(0, buf_bytes(&other));
	arrives(0, buf_bytes(&multicast));
	assert_int_equal(stats(0)->refused[R_UNEXPECTED], 2);
	arrives(0, buf_bytes(&strange));
	assert_int_equal(stats(0)->dropped[CL_DROP_NO_GROUP], 1);
	assert_int_equal(w.nodes[0].committed, before);
	buf_free(&other);
	buf_free(&strange);
	buf_free(&multicast);
}

/* What is sealed for this way is no message of the ring. */
static void it_is_refused_in_the_ring(void **state)
{
	(void)state;
	uint64_t before = held(2);
	world_inject(&w, 1, buf_bytes(&last));
	world_run(&w, 3);
	assert_int_equal(stats(0)->refused[R_UNEXPECTED], 1);
	assert_int_equal(w.nodes[0].committed, before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_datagram_commits_before_the_token_comes, done),
		cmocka_unit_test_teardown(a_lost_datagram_costs_nothing, done),
		cmocka_unit_test_teardown(all_protected_ones_are_waited_for, done),
		cmocka_unit_test_teardown(a_datagram_counts_once, done),
		cmocka_unit_test_teardown(only_the_owner_of_the_term_takes_it, done),
		cmocka_unit_test_teardown(who_has_left_is_not_heard, done),
		cmocka_unit_test_teardown(of_an_earlier_term_it_says_nothing, done),
		cmocka_unit_test_teardown(nothing_but_acknowledgements_comes_so, done),
		cmocka_unit_test_teardown(it_is_refused_in_the_ring, done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
