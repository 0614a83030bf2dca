/* SPDX-License-Identifier: Apache-2.0 */
/* Which claims a member refuses, and which of two it takes (R9). */
#include "cluster/tests/fixtures.h"

/* A claim of node 1 (slot 2) is delivered to all and refused by all; node 0 stays what it is. */
static void assert_claim_refused(uint64_t term, enum claim_reason reason,
				 void (*change)(Holdfast__Claim *c))
{
	node_forge_claim(&w, 1, term, reason, change);
	world_run(&w, 5);
	for (size_t i = 0; i < w.n; i++)
		assert_int_equal(node_status(&w.nodes[i]).claims_refused, 1);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(node_status(&w.nodes[0]).term, 1);
}

static void other_ring(Holdfast__Claim *c)
{
	c->ring_seq -= 4;
}

static void a_claim_made_in_another_ring_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_SILENT, other_ring);
}

static void other_members(Holdfast__Claim *c)
{
	static uint8_t digest[32];
	c->members_digest.data = digest;
}

static void a_claim_made_with_other_members_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_SILENT, other_members);
}

static void a_claim_is_refused_while_the_owner_is_there(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_LEFT, NULL);
}

static void a_released_claim_without_release_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_RELEASED, NULL);
}

static void only_the_owner_reclaims(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_RECLAIMED, NULL);
}

static void nobody_begins_empty_while_there_is_state(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_EMPTY, NULL);
}

static void an_unknown_reason_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_REASONS, NULL);
}

static void older_heartbeat(Holdfast__Claim *c)
{
	c->last_heartbeat--;
}

static void a_silent_claim_is_refused_when_a_heartbeat_came_since(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(2, CLAIM_SILENT, older_heartbeat);
}

static void a_claim_of_a_known_term_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 2);
	assert_claim_refused(1, CLAIM_SILENT, NULL);
}

static void a_claim_of_an_announced_term_is_refused(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.nodes[0].term_on_disk = 7;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(node_status(&w.nodes[0]).term, 8); /* above its own, R11 */
	node_forge_claim(&w, 1, 8, CLAIM_SILENT, NULL);
	world_run(&w, 5);
	assert_int_equal(world_owner(&w), 0);
	world_kill(&w, 0, 150);
	assert_int_equal(w.nodes[1].term, 9);
}

static void a_claim_without_quorum_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_cut(&w, 1, 5);
	node_forge_claim(&w, 1, 2, CLAIM_LEFT, NULL);
	world_run(&w, 5);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).claims_refused, 1);
}

static void a_claim_of_a_member_without_complete_state_is_refused(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_kill(&w, 2, 5);
	w.nodes[0].lose_snapshots = true;
	world_start(&w, 2, 50);
	assert_int_equal(w.nodes[2].role, CL_ROLE_JOINING);
	node_forge_claim(&w, 2, 2, CLAIM_SILENT, NULL);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[2].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[1]).claims_refused, 1);
}

/* Whatever it believes of others, a node knows by itself that it holds state (R15). */
static void a_standby_begins_nothing_empty(void **state)
{
	(void)state;
	world_settled(&w, 2);
	const uint64_t term = node_status(&w.nodes[1]).term;
	for (size_t i = 0; i < 2; i++) {
		struct member *m = &w.nodes[1].cl->view.members[i];
		m->group[0].synced = m->group[0].has_state = false;
		m->heard = true;
	}
	node_forge_claim(&w, 0, term + 1, CLAIM_EMPTY, NULL);
	world_run(&w, 2);
	assert_int_equal(node_status(&w.nodes[1]).claims_refused, 1);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

/* What a member said in the view before is not its word in this one. */
static void an_empty_claim_is_refused_before_all_are_heard_in_the_view(void **state)
{
	(void)state;
	world_init(&w, 3);
	w.empty_start = CL_EMPTY_NEVER;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 50);
	w.nodes[1].hold_acks = true; /* nor is what it sends ordered */
	world_view(&w, false);
	world_run(&w, 5);
	node_forge_claim(&w, 0, 1, CLAIM_EMPTY, NULL);
	world_run(&w, 5);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[1]).claims_refused, 1);
}

static void a_claim_of_an_unprotected_member_is_refused_while_a_protected_one_is_there(void **state)
{
	(void)state;
	world_settled(&w, 3);
	w.nodes[2].hold_acks = true;
	node_append(&w, 0);
	world_run(&w, 1000);
	assert_int_equal(node_status(&w.nodes[1]).is_protected, true);
	node_kill(&w, 0);
	world_view(&w, true);
	w.nodes[2].hold_acks = false;
	world_order(&w);
	w.nodes[1].stopped = true; /* the protected one is slow */
	world_run(&w, 1);
	node_forge_claim(&w, 2, 2, CLAIM_LEFT, NULL);
	world_run(&w, 20);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	w.nodes[1].stopped = false;
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
}

static void of_two_claims_at_once_the_first_delivered_wins(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 0);
	world_view(&w, true);
	for (size_t i = 1; i < 3; i++)
		w.nodes[i].hold_acks = true;
	world_run(&w, 5);
	node_forge_claim(&w, 2, 5, CLAIM_LEFT, NULL);
	node_forge_claim(&w, 1, 5, CLAIM_LEFT, NULL);
	for (size_t i = 1; i < 3; i++)
		w.nodes[i].hold_acks = false;
	world_run(&w, 100);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[2].resets, 0);
	assert_true(w.nodes[1].is_protected);
}

/* R9, R10: nothing was done under it, so what it ended begins again, a wait and a doubt as well. */
static void a_claim_that_is_given_up_leaves_all_as_it_was(void **state)
{
	(void)state;
	world_settled(&w, 3);
	struct cl_node *n = w.nodes[1].cl;
	struct group *g = &n->groups[0];
	node_kill(&w, 0);
	w.nodes[1].hold_acks = true; /* what it sends is not ordered */
	world_view(&w, true);
	world_run(&w, 40);
	assert_true(g->claim.sent);
	g->heartbeat_stale_at_left = true;
	g->heartbeat_late_ms = 77;
	g->unfenced = 1;
	g->complete_ns -= 5;
	g->unsure = true;
	const struct group was = *g;
	node_deliver_to_itself(&w, 1);
	assert_true(g->claim.settling && g->term == was.term + 1);
	n->view.nodes_lost = true;
	claim_view_changed(n, g);
	assert_false(g->claim.settling);
	assert_int_equal(g->term, was.term);
	assert_int_equal(g->owner, was.owner);
	assert_int_equal(g->owner_id.pid, was.owner_id.pid);
	assert_int_equal(g->protected_set, was.protected_set);
	assert_int_equal(g->heartbeat, was.heartbeat);
	assert_int_equal(g->heartbeat_ns, was.heartbeat_ns);
	assert_int_equal(g->heartbeat_late_ms, was.heartbeat_late_ms);
	assert_int_equal(g->owner_left_ns, was.owner_left_ns);
	assert_int_equal(g->complete_ns, was.complete_ns);
	assert_int_equal(g->unfenced, was.unfenced);
	assert_true(g->unsure && g->heartbeat_stale_at_left);
	assert_int_equal(g->lineage.n, was.lineage.n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_claim_made_in_another_ring_is_refused),
		T(a_claim_made_with_other_members_is_refused),
		T(a_claim_is_refused_while_the_owner_is_there),
		T(a_released_claim_without_release_is_refused),
		T(only_the_owner_reclaims),
		T(nobody_begins_empty_while_there_is_state),
		T(an_unknown_reason_is_refused),
		T(a_silent_claim_is_refused_when_a_heartbeat_came_since),
		T(a_claim_of_a_known_term_is_refused),
		T(a_claim_of_an_announced_term_is_refused),
		T(a_claim_without_quorum_is_refused),
		T(a_claim_of_a_member_without_complete_state_is_refused),
		T(a_standby_begins_nothing_empty),
		T(an_empty_claim_is_refused_before_all_are_heard_in_the_view),
		T(a_claim_of_an_unprotected_member_is_refused_while_a_protected_one_is_there),
		T(of_two_claims_at_once_the_first_delivered_wins),
		T(a_claim_that_is_given_up_leaves_all_as_it_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
