/* SPDX-License-Identifier: Apache-2.0 */
/* Link monitoring: what a link counts as and when, who is told of it, and what preempt makes of it. */
#include "cluster/tests/health_fixtures.h"

/* ---- who is told ---- */

/* Who is behind the link may have missed that this member took over. */
static void an_owner_announces_behind_a_link_that_is_back(void **state)
{
	(void)state;
	monitored(2);
	assert_int_equal(w.nodes[0].announced, 0);
	link_is(0, DMZ, CL_LINK_NO_LINK);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].announced, 0);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	assert_int_equal(w.nodes[0].announced, 1);
	tell(0);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[0].announced, 1);
	link_is(0, DMZ, CL_LINK_NORMAL); /* monitored or not */
	assert_int_equal(w.nodes[0].announced, 2);
	assert_int_equal(world_owner(&w), 0);
}

static void a_standby_announces_nothing(void **state)
{
	(void)state;
	monitored(2);
	link_is(1, OUTSIDE, CL_LINK_NO_LINK);
	link_is(1, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[1].announced, 0);
	/* Nor an owner for a link of another group. */
	health[0].links[OUTSIDE].group = 7;
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	assert_int_equal(w.nodes[0].announced, 0);
}

static void every_member_sees_the_interfaces_of_all(void **state)
{
	struct cl_link links[CL_LINKS_MAX];
	(void)state;
	monitored(2);
	link_is(1, INSIDE, CL_LINK_DOWN);
	world_run(&w, 10);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(cl_links(w.nodes[i].cl, 2, links), LINKS);
		assert_string_equal(links[INSIDE].nameif, "inside");
		assert_int_equal(links[INSIDE].state, CL_LINK_DOWN);
		assert_true(links[INSIDE].monitored);
		assert_int_equal(links[OUTSIDE].state, CL_LINK_NORMAL);
		assert_false(links[DMZ].monitored);
	}
	link_is(1, INSIDE, CL_LINK_NORMAL);
	world_run(&w, SETTLE_MS + 10);
	cl_links(w.nodes[0].cl, 2, links);
	assert_int_equal(links[INSIDE].state, CL_LINK_WAITING);
	world_run(&w, HOLD_MS);
	cl_links(w.nodes[0].cl, 2, links);
	assert_int_equal(links[INSIDE].state, CL_LINK_NORMAL);
	health[1].links[DMZ].monitored = true;
	tell(1);
	world_run(&w, 10);
	cl_links(w.nodes[0].cl, 2, links);
	assert_true(links[DMZ].monitored);
	health[1].links[DMZ].group = 7;
	tell(1);
	world_run(&w, 10);
	cl_links(w.nodes[0].cl, 2, links);
	assert_int_equal(links[DMZ].group, 7);
	/* One that is configured away is gone for the others as well. */
	health[1].n_links = 1;
	tell(1);
	world_run(&w, 10);
	assert_int_equal(cl_links(w.nodes[0].cl, 2, links), 1);
	assert_int_equal(cl_links(w.nodes[0].cl, 3, links), 0);
}

/* Of a newer version: more interfaces than this one has room for, in a state that it cannot name. */
static void what_a_newer_member_says_is_taken_as_far_as_it_goes(void **state)
{
	Holdfast__InterfaceStatus status[CL_LINKS_MAX + 2], *list[CL_LINKS_MAX + 2];
	Holdfast__Hello h = HOLDFAST__HELLO__INIT;
	struct cl_link links[CL_LINKS_MAX];

	(void)state;
	monitored(2);
	for (size_t i = 0; i < CL_LINKS_MAX + 2; i++) {
		holdfast__interface_status__init(&status[i]);
		status[i].state = 77;
		status[i].monitored = true;
		status[i].group = GROUP;
		list[i] = &status[i];
	}
	h.n_interface = CL_LINKS_MAX + 2;
	h.interface = list;
	struct cl_outbox out = { 0 };
	w.nodes[0].cl->out = &out;
	health_heard(w.nodes[0].cl, member_by_slot(w.nodes[0].cl, 2), &h);
	cl_outbox_clear(&out);
	assert_int_equal(cl_links(w.nodes[0].cl, 2, links), CL_LINKS_MAX);
	assert_int_equal(links[0].state, CL_LINK_UNKNOWN);
}

static void what_is_as_it_was_is_not_told_again(void **state)
{
	const uint64_t *hellos;

	(void)state;
	monitored(2);
	hellos = &stats(0)->messages_sent[HOLDFAST__CLUSTER_MESSAGE__BODY_HELLO];
	const uint64_t before = *hellos;
	tell(0);
	world_run(&w, 10);
	assert_int_equal(*hellos, before);
	link_is(0, INSIDE, CL_LINK_DOWN);
	world_run(&w, 10);
	assert_int_equal(*hellos, before + 1);
}

static void a_failure_of_its_own_is_noted(void **state)
{
	(void)state;
	monitored(2);
	link_is(0, DMZ, CL_LINK_DOWN);
	assert_null(cl_last_failure(w.nodes[0].cl, 1).why);
	link_is(0, INSIDE, CL_LINK_DOWN);
	assert_string_equal(cl_last_failure(w.nodes[0].cl, 1).why, "Ifc Failure");
}

/* ---- when ---- */

/* Two links, two times: each counts at its own, and then nothing is due. */
static void each_link_counts_in_its_own_time(void **state)
{
	const struct health *h;

	(void)state;
	monitored(2);
	h = &w.nodes[1].cl->health;
	assert_true(health_deadline(w.nodes[1].cl) == NEVER);
	link_is(1, OUTSIDE, CL_LINK_DOWN);
	link_is(1, INSIDE, CL_LINK_DOWN);
	link_is(1, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 200);
	link_is(1, INSIDE, CL_LINK_NORMAL);
	world_run(&w, SETTLE_MS - 190);
	assert_int_equal(h->links[OUTSIDE].state, CL_LINK_WAITING);
	assert_int_equal(h->links[INSIDE].state, CL_LINK_DOWN);
	world_run(&w, 200);
	assert_int_equal(h->links[INSIDE].state, CL_LINK_WAITING);
	world_run(&w, HOLD_MS - SETTLE_MS - 200);
	assert_int_equal(h->links[OUTSIDE].state, CL_LINK_NORMAL);
	assert_int_equal(h->links[INSIDE].state, CL_LINK_WAITING);
	world_run(&w, 200);
	assert_int_equal(h->links[INSIDE].state, CL_LINK_NORMAL);
	assert_true(health_deadline(w.nodes[1].cl) == NEVER);
}

/* ---- preempt ---- */

/* What its links made it give it takes back when they have been up for the hold time. */
static void preempt_waits_for_links_that_hold(void **state)
{
	(void)state;
	preempting(0);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10000);
	assert_int_equal(world_owner(&w), 1);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS - 100);
	tell(0);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_NORMAL], 0);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_LINK_NORMAL], 1);
}

/* A restarted preferred unit with a dead link does not take the group to lose it again. */
static void preempt_does_not_take_what_it_cannot_serve(void **state)
{
	(void)state;
	preempting(0);
	world_kill(&w, 0, 30);
	node_start(&w, 0);
	all_links_up(0);
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	world_view(&w, true);
	world_run(&w, 20000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(stats(0)->preempts_asked, 0);
	link_is(0, INSIDE, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS + 300);
	assert_int_equal(world_owner(&w), 0);
}

/* Neither one that is not monitored, nor one that another group needs. */
static void preempt_waits_for_no_link_that_does_not_count(void **state)
{
	(void)state;
	preempting(0);
	health[0].links[INSIDE].group = GROUP + 1;
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	link_is(0, INSIDE, CL_LINK_NO_LINK);
	link_is(0, DMZ, CL_LINK_NO_LINK);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 1);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS / 2);
	link_is(0, INSIDE, CL_LINK_NORMAL);
	link_is(0, DMZ, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS / 2 + 200);
	assert_int_equal(w.nodes[0].cl->health.links[DMZ].state, CL_LINK_WAITING);
	assert_int_equal(w.nodes[0].cl->health.links[INSIDE].state, CL_LINK_WAITING);
	assert_int_equal(world_owner(&w), 0);
}

/* It has become available when its links have, not while they were down. */
static void the_delay_of_preempt_begins_with_good_links(void **state)
{
	(void)state;
	preempting(60000);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 10000);
	assert_int_equal(world_owner(&w), 1);
	tell(0);
	world_run(&w, 30000);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 60000);
	assert_int_equal(world_owner(&w), 1);
	world_run(&w, SETTLE_MS + 200);
	assert_int_equal(world_owner(&w), 0);
}

/* What an operator moved stays, whatever a link did before or does then. */
static void links_take_back_only_what_links_gave(void **state)
{
	(void)state;
	preempting(0);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 1000);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, HOLD_MS + 200);
	assert_int_equal(world_owner(&w), 0);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 1000);
	link_is(0, OUTSIDE, CL_LINK_NO_LINK);
	world_run(&w, 1000);
	link_is(0, OUTSIDE, CL_LINK_NORMAL);
	world_run(&w, 2 * HOLD_MS);
	assert_int_equal(world_owner(&w), 1);
}

/* A share of no interface is none of them. */
static void a_unit_that_monitors_nothing_has_not_failed(void **state)
{
	(void)state;
	preempting(0);
	health[0].percent = true;
	health[0].failures = 50;
	health[0].links[OUTSIDE].monitored = health[0].links[INSIDE].monitored = false;
	tell(0);
	world_kill(&w, 0, 30);
	node_start(&w, 0);
	tell(0);
	world_view(&w, true);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_owner_announces_behind_a_link_that_is_back),
		T(a_standby_announces_nothing),
		T(every_member_sees_the_interfaces_of_all),
		T(what_a_newer_member_says_is_taken_as_far_as_it_goes),
		T(what_is_as_it_was_is_not_told_again),
		T(a_failure_of_its_own_is_noted),
		T(each_link_counts_in_its_own_time),
		T(preempt_waits_for_links_that_hold),
		T(preempt_does_not_take_what_it_cannot_serve),
		T(preempt_waits_for_no_link_that_does_not_count),
		T(the_delay_of_preempt_begins_with_good_links),
		T(links_take_back_only_what_links_gave),
		T(a_unit_that_monitors_nothing_has_not_failed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
