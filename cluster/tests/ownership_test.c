/* SPDX-License-Identifier: Apache-2.0 */
/* Terms, lineages, and what a member does with what it must not believe (R3, R11, R14, R23). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cluster/tests/harness.h"

static struct world w;

static int done(void **state)
{
	(void)state;
	world_free(&w);
	return 0;
}

static void a_claim_exceeds_the_terms_that_others_announce(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.nodes[1].term_on_disk = 7;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 8);
}

/* R11: it may have owned terms behind ours while it was cut off, and lost its disk since. */
static void a_node_without_its_term_file_leaves_a_gap_for_inherited_state(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.nodes[0].terms_unknown = w.nodes[1].terms_unknown = true;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1); /* nothing is inherited by an empty start */
	world_run(&w, 1000);
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 150);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 1 + LOST_TERM_ROOM);
	/* An empty start made no gap: what it inherits comes from elsewhere. */
	node_start(&w, 0);
	world_view(&w, true);
	world_run(&w, 1500);
	node_command(&w, 1, CL_IN_GO_STANDBY);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].term, 1 + 2 * LOST_TERM_ROOM);
	/* Once is enough. */
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 1 + 2 * LOST_TERM_ROOM + 1);
	node_command(&w, 1, CL_IN_GO_STANDBY);
	world_run(&w, 200);
	assert_int_equal(w.nodes[0].term, 1 + 2 * LOST_TERM_ROOM + 2);
}

/* Node 1, wiped and cut off, puts a term on disk for an empty start that never comes. */
static void a_term_is_written_for_nothing(void)
{
	world_settled(&w, 2);
	node_cut(&w, 1);
	node_kill(&w, 1);
	w.nodes[1].term_on_disk = 0;
	w.nodes[1].terms_unknown = true;
	w.two_node = true;
	w.empty_start = CL_EMPTY_AFTER;
	node_start(&w, 1);
	world_view(&w, false);
	for (unsigned int i = 0; i < 5000 && !w.nodes[1].term_on_disk; i++)
		world_run(&w, 1);
	assert_int_not_equal(w.nodes[1].term_on_disk, 0);
}

/* It joins the owner, inherits, and becomes the owner behind the gap (R11). */
static void assert_it_inherits_with_a_gap(void)
{
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(world_owner(&w), 0);
	uint64_t term = w.nodes[0].term;
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 1);
	assert_true(w.nodes[1].term >= term + LOST_TERM_ROOM);
}

static void a_lost_term_file_is_remembered_over_a_restart(void **state)
{
	(void)state;
	a_term_is_written_for_nothing();
	node_kill(&w, 1);
	world_heal(&w);
	node_start(&w, 1);
	assert_it_inherits_with_a_gap();
}

/* Without a restart: that term has no gap before it. */
static void a_term_written_for_an_empty_start_is_not_claimed_for_inherited_state(void **state)
{
	(void)state;
	a_term_is_written_for_nothing();
	world_heal(&w);
	assert_it_inherits_with_a_gap();
}

/* Agreed order lets what an owner sent before it saw the new view go before its HELLO there. */
static void speaks_before_its_hello(size_t i)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Heartbeat h = HOLDFAST__HEARTBEAT__INIT;

	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HEARTBEAT;
	m.heartbeat = &h;
	node_forge(&w, i, w.nodes[i].term, &m);
}

/* R3: of its slot node 0 knows the key of the process before, and has not heard another one. */
static void an_owner_that_was_started_in_a_cut_is_heard(void **state)
{
	(void)state;
	world_settled(&w, 2);
	w.two_node = true;
	node_cut(&w, 1);
	node_kill(&w, 1);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 1500);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 5000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	world_heal(&w);
	speaks_before_its_hello(1);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[0].logs[LOG_REPL_REFUSED], 0);
}

/* R17 */
static void a_lease_counts_with_quorum_or_a_standby_only(void **state)
{
	(void)state;
	world_settled(&w, 3);
	assert_true(cl_may_grant(w.nodes[0].cl, GROUP));
	node_cut(&w, 0);
	world_view(&w, false);
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_false(cl_may_grant(w.nodes[0].cl, GROUP));
}

static const struct lineage *lineage_of(size_t i)
{
	return &w.nodes[i].cl->groups[0].lineage;
}

/* R23: what is merged is found by it. */
static void assert_lineage_is(const struct lineage *a, const struct lineage *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->step[i].term, b->step[i].term);
		assert_int_equal(a->step[i].slot, b->step[i].slot);
		assert_int_equal(a->step[i].begin, b->step[i].begin);
	}
}

/* It heard of the owners before the claimant from nobody but the claimant. */
static void who_joins_a_claimant_has_its_lineage(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 2);
	world_view(&w, true);
	world_run(&w, 20);
	node_kill(&w, 0);
	node_start(&w, 2);
	world_view(&w, true);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(lineage_of(1)->n, 2);
	assert_lineage_is(lineage_of(2), lineage_of(1));
}

/* Since its HELLO in this view the claimant has followed another owner. */
static void who_joins_hears_the_lineage_from_the_owner(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_kill(&w, 2);
	world_view(&w, true);
	world_run(&w, 20);
	w.nodes[0].lose_snapshots = w.nodes[1].lose_snapshots = true;
	node_start(&w, 2);
	world_view(&w, true);
	world_run(&w, 20);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	node_append(&w, 1);
	world_run(&w, 20);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 0);
	w.nodes[0].lose_snapshots = false;
	world_run(&w, 1000);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_int_equal(lineage_of(0)->n, 3);
	assert_lineage_is(lineage_of(2), lineage_of(0));
}

/*
 * Law 8: it was cut off with the former owner, and could not say that it has more. Its claim is
 * valid for the others, so it counts here too: what nobody else has gives way.
 */
static void who_holds_more_than_a_claimant_takes_its_state(void **state)
{
	(void)state;
	world_settled(&w, 4);
	w.nodes[0].part = w.nodes[1].part = 9;
	uint64_t more = node_append(&w, 0);
	world_run(&w, 20);
	assert_true(node_has(&w.nodes[1], more));
	node_stop(&w, 0);
	node_stop(&w, 1);
	world_view(&w, false);
	world_run(&w, 20);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 50);
	node_kill(&w, 0);
	world_view(&w, false);
	world_run(&w, 1500);
	assert_int_equal(w.nodes[2].role, CL_ROLE_ACTIVE);
	assert_true(w.nodes[2].suspect);
	uint64_t other = node_append(&w, 2);
	world_run(&w, 20);
	const struct lineage before = *lineage_of(1);
	w.nodes[2].lose_snapshots = true;
	node_wake(&w, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].role, CL_ROLE_JOINING);
	assert_lineage_is(&w.nodes[1].cl->groups[0].kept.lineage, &before);
	w.nodes[2].lose_snapshots = false;
	world_run(&w, 1000);
	assert_lineage_is(lineage_of(1), lineage_of(2));
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	for (size_t i = 1; i < 4; i++) {
		assert_true(node_has(&w.nodes[i], other));
		assert_false(node_has(&w.nodes[i], more));
	}
	assert_true(w.nodes[2].is_protected);
}

static void of_another_term(Holdfast__Claim *c)
{
	c->last_term++;
}

/* The same position in two logs. */
static void who_holds_another_log_than_a_claimant_takes_its_state(void **state)
{
	(void)state;
	world_settled(&w, 3);
	uint64_t term = w.nodes[0].term;
	w.nodes[1].cl->cfg.manager = w.nodes[2].cl->cfg.manager = CL_MANAGER_PACEMAKER;
	node_kill(&w, 0);
	world_view(&w, true);
	world_run(&w, 10);
	unsigned int resets = w.nodes[2].resets;
	node_forge_claim(&w, 1, term + 1, CLAIM_LEFT, of_another_term);
	world_run(&w, 200);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_true(w.nodes[2].resets > resets);
}

static void late_records_of_a_superseded_owner_are_discarded_and_never_acknowledged(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t before = w.nodes[0].committed;
	node_stop(&w, 0);
	uint64_t late = node_append(&w, 0);
	struct queue waiting = w.nodes[0].sendq; /* sent, ordered behind the claim */
	w.nodes[0].sendq = (struct queue){ 0 };
	world_run(&w, 2300);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	w.nodes[0].sendq = waiting;
	world_order(&w);
	unsigned int sent = w.nodes[1].sent;
	world_run(&w, 1);
	assert_true(w.nodes[1].sent - sent <= 1); /* at most a heartbeat */
	node_wake(&w, 0);
	world_run(&w, 20);
	assert_false(node_has(&w.nodes[0], late));
	assert_false(node_has(&w.nodes[1], late));
	assert_int_equal(w.nodes[0].committed, before);
}

static void a_member_in_a_slot_in_use_is_refused(void **state)
{
	(void)state;
	world_init(&w, 3);
	w.expected_votes = 2;
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	w.nodes[2].slot = 1;
	node_start(&w, 2);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(w.nodes[2].role, CL_ROLE_OFFLINE);
	assert_int_equal(w.nodes[2].logs[LOG_CLUSTER_SLOT_IN_USE], 1);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_SLOT_IN_USE], 1);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
	world_view(&w, false); /* not in the next view either */
	world_run(&w, 300);
	assert_int_equal(w.nodes[2].role, CL_ROLE_OFFLINE);
}

static void a_member_with_another_key_is_not_heard(void **state)
{
	(void)state;
	world_init(&w, 3);
	w.expected_votes = 2;
	w.nodes[2].key = "another key, also 32 bytes......";
	node_start(&w, 0);
	node_start(&w, 1);
	world_view(&w, false);
	world_run(&w, 300);
	node_start(&w, 2);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
	assert_true(w.nodes[0].logs[LOG_REPL_REFUSED] > 0);
	assert_int_equal(w.nodes[2].role, CL_ROLE_JOINING);
	assert_int_equal(node_status(&w.nodes[0]).members[2].slot, 0);
}

static void a_different_configuration_is_reported(void **state)
{
	(void)state;
	struct cl_input in = { .kind = CL_IN_CONFIG_DIGEST, .digest = { 1 } };
	world_settled(&w, 2);
	node_input(&w.nodes[1], &in);
	world_run(&w, 5);
	assert_true(node_status(&w.nodes[0]).members[1].digest_differs);
	assert_int_equal(w.nodes[0].logs[LOG_CLUSTER_CONFIG_DIGEST], 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	/* It knows too, although node 0 has nothing new to say. */
	assert_true(node_status(&w.nodes[1]).members[0].digest_differs);
	assert_int_equal(w.nodes[1].logs[LOG_CLUSTER_CONFIG_DIGEST], 1);
	/* Reported only: the pair protects and hands over as before. */
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 30);
	assert_int_equal(world_owner(&w), 1);
}

static void the_same_configuration_again_ends_the_alarm(void **state)
{
	(void)state;
	struct cl_input in = { .kind = CL_IN_CONFIG_DIGEST, .digest = { 1 } };
	world_settled(&w, 2);
	node_input(&w.nodes[1], &in);
	world_run(&w, 5);
	node_input(&w.nodes[0], &in);
	world_run(&w, 5);
	for (size_t i = 0; i < 2; i++) {
		assert_false(node_status(&w.nodes[i]).members[1 - i].digest_differs);
		assert_int_equal(w.nodes[i].logs[LOG_CLUSTER_CONFIG_DIGEST], 1);
		assert_int_equal(w.nodes[i].logs[LOG_CLUSTER_CONFIG_SAME], 1);
		assert_int_equal(cl_stats(w.nodes[i].cl)->digest_mismatches, 1);
	}
}

static void members_tell_their_names(void **state)
{
	(void)state;
	world_settled(&w, 2);
	struct cl_group_status s = node_status(&w.nodes[0]);
	assert_string_equal(s.members[0].hostname, "vpn1");
	assert_string_equal(s.members[1].hostname, "vpn2");
	/* What is not printable is escaped, and nothing is longer than its field. */
	memset(w.nodes[1].cl->cfg.hostname, 'x', sizeof(w.nodes[1].cl->cfg.hostname) - 1);
	w.nodes[1].cl->cfg.hostname[0] = '\n';
	world_view(&w, false);
	world_run(&w, 10);
	s = node_status(&w.nodes[0]);
	assert_memory_equal(s.members[1].hostname, "\\x0axx", 6);
	assert_true(strlen(s.members[1].hostname) < CL_NAME_MAX);
	assert_string_equal(s.members[1].software, "0.1.2");
}

static void halves_of_a_pair_meet_again_with_one_owner(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t common = node_append(&w, 0);
	world_run(&w, 20);
	node_cut(&w, 1);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 100);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE); /* two_node: both halves are quorate */
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].term, 2);
	uint64_t lower = node_append(&w, 0), kept = node_append(&w, 1);
	world_run(&w, 1000);
	w.n_seen = 0;
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 3);
	assert_int_equal(w.nodes[0].role, CL_ROLE_JOINING); /* the lower (term, slot) */
	assert_int_equal(w.nodes[0].deadline_ns, 0);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[0], common) && node_has(&w.nodes[0], kept));
	assert_true(node_has(&w.nodes[0], lower) && node_has(&w.nodes[1], lower)); /* R23 */
	assert_true(w.nodes[1].is_protected);
}

static void a_minority_owner_joins_the_majority(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 0);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 3000);
	assert_false(node_may_send(&w.nodes[0]));
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
	assert_int_equal(node_status(&w.nodes[1]).members[0].in_protected_set, true);
}

/* The next owner sleeps when the cut heals: quorum alone says nothing of it. */
static void a_minority_owner_is_silent_until_the_majority_is_heard(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 0);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 3000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_stop(&w, 1);
	node_stop(&w, 2);
	world_heal(&w);
	world_view(&w, false);
	for (unsigned int i = 0; i < 900; i++) {
		world_run(&w, 1);
		assert_false(node_may_send(&w.nodes[0]));
	}
	node_wake(&w, 1);
	node_wake(&w, 2);
	world_run(&w, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[0].role, CL_ROLE_STANDBY);
}

/* Nobody waits for ever for a member that sleeps. */
static void a_minority_owner_goes_on_when_nobody_speaks(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_stop(&w, 1);
	node_stop(&w, 2);
	node_cut(&w, 0);
	world_run(&w, 650);
	world_view(&w, false);
	world_run(&w, 3000);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 500);
	assert_false(node_may_send(&w.nodes[0]));
	world_run(&w, 700);
	assert_true(node_may_send(&w.nodes[0]));
}

static void a_standby_cut_off_for_a_while_takes_what_it_missed(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 2);
	world_view(&w, false);
	world_run(&w, 100);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 100);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 400);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[2], key));
	assert_true(node_status(&w.nodes[0]).members[2].in_protected_set);
}

/* The owner dies while one standby is away: that one comes back with less, and must
 * not take over with it. */
static void a_standby_that_holds_less_does_not_take_over(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 20);
	uint64_t key = node_append(&w, 0);
	world_run(&w, 20);
	node_kill(&w, 0);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 2);
	assert_false(w.nodes[2].suspect);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_true(node_has(&w.nodes[1], key));
}

/* The same, and nothing was logged meanwhile but that the absent one is protected no more. */
static void a_standby_that_was_away_knows_who_is_protected_from_the_others(void **state)
{
	(void)state;
	world_settled(&w, 3);
	node_cut(&w, 1);
	world_view(&w, false);
	world_run(&w, 200);
	node_kill(&w, 0);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 500);
	assert_int_equal(world_owner(&w), 2);
	assert_int_equal(node_status(&w.nodes[2]).claims_refused, 0);
}

/* A heal in the middle of nothing: no record was missed, so no snapshot is needed. */
static void a_standby_that_missed_nothing_needs_no_snapshot(void **state)
{
	(void)state;
	world_settled(&w, 3);
	world_run(&w, 100);
	node_cut(&w, 2);
	node_kill(&w, 1);
	w.expected_votes = 1; /* quorate halves, to leave the owner as it is */
	w.two_node = true;
	w.nodes[2].stopped = true; /* and a standby that had no time to claim */
	world_view(&w, false);
	world_run(&w, 50);
	world_heal(&w);
	world_view(&w, false);
	world_run(&w, 10);
	unsigned int resets = w.nodes[2].resets;
	w.nodes[2].stopped = false;
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
	assert_true(w.nodes[2].resets <= resets + 1);
	assert_int_equal(w.nodes[2].role, CL_ROLE_STANDBY);
}

static void a_message_of_the_owner_that_cannot_be_read_costs_a_resync(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	world_order(&w);
	w.nodes[1].inbox.tail->data.p[w.nodes[1].inbox.tail->data.len - 1] ^= 1;
	world_run(&w, 300);
	assert_true(w.nodes[1].logs[LOG_REPL_REFUSED] > 0);
	assert_int_equal(w.nodes[1].resets, 2); /* dropped, and filled by the snapshot */
	assert_true(node_has(&w.nodes[1], key));
	assert_true(w.nodes[0].is_protected);
}

static void a_repeated_message_is_refused_and_costs_nothing(void **state)
{
	(void)state;
	world_settled(&w, 2);
	uint64_t key = node_append(&w, 0);
	struct buf copy = { 0 };
	struct event *e = w.nodes[0].sendq.head;
	while (e->next)
		e = e->next;
	assert_true(buf_set(&copy, buf_bytes(&e->data)));
	world_run(&w, 10);
	world_inject(&w, 0, buf_bytes(&copy));
	world_run(&w, 10);
	buf_free(&copy);
	assert_true(w.nodes[1].logs[LOG_REPL_REFUSED] > 0);
	assert_int_equal(w.nodes[1].resets, 0);
	assert_true(node_has(&w.nodes[1], key));
}

static void noise_in_the_group_is_refused_and_counted(void **state)
{
	static const uint8_t noise[200] = { 1, 2, 1 };
	(void)state;
	world_settled(&w, 2);
	for (size_t len = 0; len < sizeof(noise); len++)
		world_inject(&w, 1, bytes(noise, len));
	world_run(&w, 50);
	assert_true(node_status(&w.nodes[0]).messages_refused >= sizeof(noise) - 24);
	assert_int_equal(world_owner(&w), 0);
	assert_true(w.nodes[0].is_protected);
}

/* What node 1 sends next, as plain text: a copy of what it was about to say, opened
 * by a sealer of the same key. */
static void last_sent(struct ss_sealer *reader, struct ss_opened *out)
{
	*out = (struct ss_opened){ 0 };
	for (const struct event *e = w.nodes[1].sendq.head; e; e = e->next) {
		ss_buf_wipe(&out->plain);
		assert_int_equal(ss_open(reader, buf_bytes(&e->data), out), R_OK);
	}
	assert_non_null(out->plain.p);
}

/* Sealed by a member, so it is read; whatever is in it, the reader stays whole. */
static void say(const struct ss_opened *o, struct bytes plain)
{
	struct buf sealed = { 0 };

	assert_int_equal(ss_seal(w.nodes[1].cl->sealer, o->kind, o->group, o->term, plain, &sealed),
			 R_OK);
	world_inject(&w, 1, buf_bytes(&sealed));
	world_run(&w, 1);
	buf_free(&sealed);
}

static void say_mutilated(const struct ss_opened *o)
{
	struct buf copy = { 0 };

	for (size_t len = 0; len < o->plain.len; len++)
		say(o, bytes(o->plain.p, len));
	for (size_t bit = 0; bit < o->plain.len * 8; bit++) {
		assert_true(buf_set(&copy, buf_bytes(&o->plain)));
		copy.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		say(o, buf_bytes(&copy));
	}
	buf_free(&copy);
}

/* From the first word of a process on: node 1 starts again, node 0 hears variants of what it
 * says. */
static void mutilate(void (*speak)(void))
{
	struct ss_sealer *reader;
	struct ss_opened o;
	SECRET key = { 0 };

	world_settled(&w, 2);
	assert_int_equal(secret_set(&key, bytes(w.key, 32)), R_OK);
	reader = ss_sealer_new(&key, 3, (const uint8_t *)"another salt, it is 32 bytes too");
	assert_non_null(reader);
	struct cl_input again = { .kind = CL_IN_CONFIG_DIGEST };
	node_input(&w.nodes[1], &again); /* a HELLO, for the salt */
	speak();
	last_sent(reader, &o);
	node_drop_sent(&w, 1);
	say_mutilated(&o);
	ss_buf_wipe(&o.plain);
	ss_sealer_free(reader);
	world_run(&w, 3000);
	assert_true(w.nodes[0].alive && w.nodes[1].alive);
}

static void speak_nothing_more(void)
{
}

static void speak_claim(void)
{
	node_forge_claim(&w, 1, 2, CLAIM_LEFT, NULL);
}

static void speak_ack(void)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Ack a = HOLDFAST__ACK__INIT;

	a.position = node_status(&w.nodes[1]).applied;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ACK;
	m.ack = &a;
	node_forge(&w, 1, 1, &m);
}

static void a_mutilated_hello_is_survived(void **state)
{
	(void)state;
	mutilate(speak_nothing_more);
}

static void a_mutilated_claim_is_survived(void **state)
{
	(void)state;
	mutilate(speak_claim);
}

static void a_mutilated_acknowledgement_is_survived(void **state)
{
	(void)state;
	mutilate(speak_ack);
}

#define T(f) cmocka_unit_test_teardown(f, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_claim_exceeds_the_terms_that_others_announce),
		T(a_node_without_its_term_file_leaves_a_gap_for_inherited_state),
		T(a_lost_term_file_is_remembered_over_a_restart),
		T(an_owner_that_was_started_in_a_cut_is_heard),
		T(a_term_written_for_an_empty_start_is_not_claimed_for_inherited_state),
		T(a_lease_counts_with_quorum_or_a_standby_only),
		T(who_joins_a_claimant_has_its_lineage),
		T(who_joins_hears_the_lineage_from_the_owner),
		T(who_holds_more_than_a_claimant_takes_its_state),
		T(who_holds_another_log_than_a_claimant_takes_its_state),
		T(late_records_of_a_superseded_owner_are_discarded_and_never_acknowledged),
		T(a_member_in_a_slot_in_use_is_refused),
		T(a_member_with_another_key_is_not_heard),
		T(a_different_configuration_is_reported),
		T(the_same_configuration_again_ends_the_alarm),
		T(members_tell_their_names),
		T(halves_of_a_pair_meet_again_with_one_owner),
		T(a_minority_owner_joins_the_majority),
		T(a_minority_owner_is_silent_until_the_majority_is_heard),
		T(a_minority_owner_goes_on_when_nobody_speaks),
		T(a_standby_cut_off_for_a_while_takes_what_it_missed),
		T(a_standby_that_holds_less_does_not_take_over),
		T(a_standby_that_was_away_knows_who_is_protected_from_the_others),
		T(a_standby_that_missed_nothing_needs_no_snapshot),
		T(a_message_of_the_owner_that_cannot_be_read_costs_a_resync),
		T(a_repeated_message_is_refused_and_costs_nothing),
		T(noise_in_the_group_is_refused_and_counted),
		T(a_mutilated_hello_is_survived),
		T(a_mutilated_claim_is_survived),
		T(a_mutilated_acknowledgement_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
