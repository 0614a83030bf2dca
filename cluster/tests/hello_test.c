/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a member's HELLO in a ring, and what is made of what a HELLO says (R9, R11, R14). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/must.h"
#include "cluster/tests/harness.h"

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind

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

/* ---- before HELLO ---- */

/*
 * Slot 2 of three was cut off. What it sends there reaches the others in the ring that has it
 * again, before its HELLO.
 */
static void slot_2_says_before_its_hello(Holdfast__ClusterMessage *m)
{
	world_settled(&w, 3);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 200);
	w.nodes[1].exec_text = "";
	world_heal(&w);
	node_forge(&w, 1, w.nodes[0].term, m);
	world_view(&w, false);
}

static void assert_dropped(Holdfast__ClusterMessage *m, void (*without_effect)(void))
{
	slot_2_says_before_its_hello(m);
	uint64_t received = stats(0)->messages_received[m->body_case];
	world_run(&w, 1);
	without_effect();
	assert_int_equal(stats(0)->messages_received[m->body_case], received + 1);
	assert_int_equal(stats(0)->before_hello, 1);
	assert_int_equal(stats(0)->refused_sender, 0);
}

static void no_claim_is_judged(void)
{
	assert_int_equal(stats(0)->claims_refused, 0);
}

static void a_claim_is_not_judged_before_hello(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Claim c = HOLDFAST__CLAIM__INIT;
	(void)state;
	m.body_case = BODY(CLAIM);
	m.claim = &c;
	assert_dropped(&m, no_claim_is_judged);
}

static void nothing_is_run(void)
{
	world_run(&w, 1);
	assert_int_equal(w.nodes[0].execs, 0);
}

static void a_command_is_not_run_before_hello(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ExecRequest r = HOLDFAST__EXEC_REQUEST__INIT;
	(void)state;
	r.to_slot = 1;
	r.privilege = 15;
	m.body_case = BODY(EXEC_REQUEST);
	m.exec_request = &r;
	assert_dropped(&m, nothing_is_run);
}

static void nothing_is_acknowledged(void)
{
	for (size_t i = 0; i < w.nodes[0].cl->view.n; i++)
		assert_int_not_equal(w.nodes[0].cl->view.members[i].group[0].applied, 4711);
}

static void an_acknowledgement_does_not_count_before_hello(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Ack a = HOLDFAST__ACK__INIT;
	(void)state;
	a.position = 4711;
	m.body_case = BODY(ACK);
	m.ack = &a;
	assert_dropped(&m, nothing_is_acknowledged);
}

/* R23: the lower of two owners stops at the first word of the higher one. */
static void an_owner_is_heard_before_hello(void **state)
{
	(void)state;
	world_settled(&w, 2);
	node_cut(&w, 0);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Heartbeat h = HOLDFAST__HEARTBEAT__INIT;
	m.body_case = BODY(HEARTBEAT);
	m.heartbeat = &h;
	world_heal(&w);
	node_forge(&w, 1, w.nodes[1].term, &m);
	world_view(&w, false);
	node_stop(&w, 1);
	world_run(&w, 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING);
	assert_int_equal(stats(0)->before_hello, 0);
}

#define T(f) cmocka_unit_test_teardown(f, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_claim_is_not_judged_before_hello),
		T(a_command_is_not_run_before_hello),
		T(an_acknowledgement_does_not_count_before_hello),
		T(an_owner_is_heard_before_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
