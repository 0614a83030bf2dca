/* SPDX-License-Identifier: Apache-2.0 */
/* Terms, slots, and what a member does with what it must not believe (R3, R11, R14). */
#include "cluster/tests/fixtures.h"

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
	world_kill(&w, 0, 150);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].term, 1 + LOST_TERM_ROOM);
	/* An empty start made no gap: what it inherits comes from elsewhere. */
	world_start(&w, 0, 1500);
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
	world_cut(&w, 0, 20);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_false(cl_may_grant(w.nodes[0].cl, GROUP));
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
		assert_int_equal(stats(i)->digest_mismatches, 1);
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
		ss_sealer_take(reader);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_claim_exceeds_the_terms_that_others_announce),
		T(a_node_without_its_term_file_leaves_a_gap_for_inherited_state),
		T(a_lost_term_file_is_remembered_over_a_restart),
		T(an_owner_that_was_started_in_a_cut_is_heard),
		T(a_term_written_for_an_empty_start_is_not_claimed_for_inherited_state),
		T(a_lease_counts_with_quorum_or_a_standby_only),
		T(late_records_of_a_superseded_owner_are_discarded_and_never_acknowledged),
		T(a_member_in_a_slot_in_use_is_refused),
		T(a_member_with_another_key_is_not_heard),
		T(a_different_configuration_is_reported),
		T(the_same_configuration_again_ends_the_alarm),
		T(members_tell_their_names),
		T(a_message_of_the_owner_that_cannot_be_read_costs_a_resync),
		T(a_repeated_message_is_refused_and_costs_nothing),
		T(noise_in_the_group_is_refused_and_counted),
		T(a_mutilated_hello_is_survived),
		T(a_mutilated_claim_is_survived),
		T(a_mutilated_acknowledgement_is_survived),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
