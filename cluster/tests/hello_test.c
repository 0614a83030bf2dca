/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a member's HELLO in a ring, and what is made of what a HELLO says (R9, R11, R14). */
#include "base/must.h"
#include "cluster/tests/fixtures.h"

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind

/* ---- before HELLO ---- */

/*
 * Slot 2 of three was cut off. What it sends there reaches the others in the ring that has it
 * again, before its HELLO.
 */
static void slot_2_says_before_its_hello(Holdfast__ClusterMessage *m)
{
	world_settled(&w, 3);
	world_cut(&w, 1, 200);
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
	assert_int_equal(stats(0)->dropped[CL_DROP_BEFORE_HELLO], 1);
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
	world_cut(&w, 0, 1500);
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
	assert_int_equal(stats(0)->dropped[CL_DROP_BEFORE_HELLO], 0);
}

/* ---- fields that cannot be so ---- */

static Holdfast__GroupStatus said;
static Holdfast__Ownership said_owner;
static Holdfast__Endpoint said_relay;

/* What node 1 says in this view, but for what a case changes. */
static void node_1_says_hello(void)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Hello h = HOLDFAST__HELLO__INIT;
	Holdfast__GroupStatus *groups[] = { &said };
	const struct view *v = &w.nodes[1].cl->view;

	h.node_id = w.nodes[1].id;
	h.version_min = h.version_max = 1;
	h.ring_node_id = v->ring.node_id;
	h.ring_seq = v->ring.seq;
	h.relay = &said_relay;
	h.group = groups;
	h.n_group = 1;
	m.body_case = BODY(HELLO);
	m.hello = &h;
	node_forge(&w, 1, 0, &m);
	node_stop(&w, 1);
	world_run(&w, 5);
}

static void a_hello_without_a_fault(void)
{
	static Holdfast__Ownership *owners[] = { &said_owner };
	world_settled(&w, 2);
	const struct group *g = &w.nodes[1].cl->groups[0];
	holdfast__group_status__init(&said);
	holdfast__ownership__init(&said_owner);
	holdfast__endpoint__init(&said_relay);
	said.group = GROUP;
	said.term = said.highest_term = said_owner.term = g->term;
	said.owner_slot = said_owner.slot = g->owner;
	said.protected_set = g->protected_set;
	said.applied = g->applied;
	said.synced = said.has_state = true;
	said.lineage = owners;
	said.n_lineage = 1;
}

static void a_hello_is_refused_for_a_field_that_cannot_be_so(void **state)
{
	const struct {
		uint64_t *wide;
		uint32_t *narrow;
		uint64_t most;
	} fields[] = {
		{ .wide = &said.highest_term, .most = CL_TERM_MAX },
		{ .wide = &said.term, .most = CL_TERM_MAX },
		{ .wide = &said.kept_term, .most = CL_TERM_MAX },
		{ .wide = &said.suspect_term, .most = CL_TERM_MAX },
		{ .wide = &said_owner.term, .most = CL_TERM_MAX },
		{ .narrow = &said.owner_slot, .most = SS_SLOTS - 1 },
		{ .narrow = &said.kept_owner_slot, .most = SS_SLOTS - 1 },
		{ .narrow = &said_owner.slot, .most = SS_SLOTS - 1 },
		{ .narrow = &said.protected_set, .most = UINT16_MAX },
		{ .narrow = &said_relay.port, .most = UINT16_MAX },
	};
	(void)state;
	for (size_t i = 0; i < 2 * sizeof(fields) / sizeof(fields[0]); i++) {
		a_hello_without_a_fault();
		const uint64_t value = fields[i / 2].most + i % 2;
		if (fields[i / 2].wide)
			*fields[i / 2].wide = value;
		else
			*fields[i / 2].narrow = (uint32_t)value;
		node_1_says_hello();
		assert_int_equal(stats(0)->refused[R_VALUE], i % 2);
		assert_int_equal(w.nodes[0].logs[LOG_REPL_REFUSED], i % 2);
		assert_int_equal(member_by_slot(w.nodes[0].cl, 2)->refused, i % 2);
		assert_true(w.nodes[0].cl->groups[0].known_term <= CL_TERM_MAX);
		world_free(&w);
	}
	world_init(&w, 2);
}

static void a_term_near_the_end_of_the_numbers_does_not_end_all_claims(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_forge_claim(&w, 2, UINT64_MAX - 3, CLAIM_LEFT, NULL);
	world_run(&w, 5);
	assert_int_equal(stats(0)->refused[R_VALUE], 1);
	assert_int_equal(w.nodes[0].cl->groups[0].known_term, 1);
	node_kill(&w, 2);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 2);
}

static void behind_the_last_term_nobody_claims(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.nodes[1].cl->groups[0].known_term = CL_TERM_MAX;
	world_kill(&w, 0, 2500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_in_range(w.nodes[1].logs[LOG_CLUSTER_CLAIM_REFUSED], 2, 4);
	assert_in_range(stats(1)->claims_refused, 2, 4);
}

/* ---- terms unknown (R11) ---- */

static void loses_its_term_file(size_t i)
{
	w.nodes[i].term_on_disk = 0;
	w.nodes[i].terms_unknown = true;
}

/* For another reason. */
static void says_hello_again(size_t i)
{
	struct cl_input in = { .kind = CL_IN_DRAIN, .ok = true };

	node_input(&w.nodes[i], &in);
}

static void meet_again(void)
{
	world_meet(&w, 1500);
}

/*
 * Node 0 owns and is cut off; node 1 takes over, and both others begin again, without state and
 * without node 1's term file: all members are here, and none names a later term.
 */
static void the_majority_forgets_its_owner(void)
{
	world_settled(&w, 3);
	world_lose(&w, 0, 300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].term, 2);
	node_kill(&w, 1);
	node_kill(&w, 2);
	loses_its_term_file(1);
	node_start(&w, 1);
	node_start(&w, 2);
}

static void a_member_whose_terms_are_unknown_may_have_owned_meanwhile(void **state)
{
	(void)state;
	the_majority_forgets_its_owner();
	meet_again();
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].suspect);
	assert_true(w.nodes[0].term > EMPTY_TERM_ROOM);
	assert_int_equal(w.nodes[0].term % SS_SLOTS, 1); /* a term that its slot names */
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

/* Its first HELLO counts, not what it says when it knows the owner's term. */
static void that_it_heard_of_a_term_makes_its_own_no_better_known(void **state)
{
	(void)state;
	the_majority_forgets_its_owner();
	world_heal(&w);
	world_view(&w, false);
	node_stop(&w, 2);
	world_run(&w, 300);
	says_hello_again(1);
	world_run(&w, 20);
	node_wake(&w, 2);
	world_run(&w, 4000);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].suspect);
}

/* It has followed this owner since it began, and would have heard of another one. */
static void who_was_synced_knows_the_terms(void **state)
{
	(void)state;
	world_init(&w, 3);
	for (size_t i = 0; i < 3; i++) {
		w.nodes[i].terms_unknown = true;
		node_start(&w, i);
	}
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(w.nodes[0].term, 1);
	for (size_t i = 0; i < 3; i++)
		node_cut(&w, i);
	world_view(&w, false);
	world_run(&w, 200);
	meet_again();
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_false(w.nodes[0].suspect);
}

/* A joiner that lost its file, and later a cut in which nobody has quorum. */
static void who_has_joined_since_knows_the_terms(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_kill(&w, 1, 50);
	loses_its_term_file(1);
	world_start(&w, 1, 500);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	for (size_t i = 0; i < 3; i++)
		node_cut(&w, i);
	w.nodes[1].part = w.nodes[0].part; /* it stays, and says nothing new of itself */
	w.expected_votes = 4;
	world_view(&w, false);
	world_run(&w, 200);
	w.expected_votes = 3;
	meet_again();
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1);
	assert_false(w.nodes[0].suspect);
}

/* R11: the one that lost its file has owned a term behind the last one that the other heard of. */
static void an_empty_start_leaves_room_for_terms_that_are_lost(void **state)
{
	(void)state;
	world_settled(&w, 2);
	world_kill(&w, 0, 100);
	assert_int_equal(w.nodes[1].term, 2);
	node_kill(&w, 1);
	loses_its_term_file(1);
	node_start(&w, 0);
	node_start(&w, 1);
	meet_again();
	assert_true(world_owner(&w) < 2);
	assert_in_range(w.nodes[world_owner(&w)].term, 3, SS_SLOTS * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(an_empty_start_leaves_room_for_terms_that_are_lost),
		T(a_claim_is_not_judged_before_hello),
		T(a_command_is_not_run_before_hello),
		T(an_acknowledgement_does_not_count_before_hello),
		T(an_owner_is_heard_before_hello),
		T(a_hello_is_refused_for_a_field_that_cannot_be_so),
		T(a_term_near_the_end_of_the_numbers_does_not_end_all_claims),
		T(behind_the_last_term_nobody_claims),
		T(a_member_whose_terms_are_unknown_may_have_owned_meanwhile),
		T(that_it_heard_of_a_term_makes_its_own_no_better_known),
		T(who_was_synced_knows_the_terms),
		T(who_has_joined_since_knows_the_terms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
