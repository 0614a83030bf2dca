/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's configuration for the others: on command, for who joins, and who is refused. */
#include "cluster/tests/config_fixtures.h"

/* ---- on command ---- */

static void every_member_takes_it(void **state)
{
	(void)state;
	settled(3);
	node_reload(&w, 0, 9);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 77);
	world_run(&w, 20);
	for (size_t i = 1; i < 3; i++) {
		assert_int_equal(w.nodes[i].configs_taken, 1);
		assert_int_equal(w.nodes[i].config_got.len, strlen("crypto map OUT 10"));
		assert_memory_equal(w.nodes[i].config_got.p, "crypto map OUT 10", 17);
		assert_int_equal(w.nodes[i].config, 9);
		assert_false(node_status(&w.nodes[0]).members[i].digest_differs);
		assert_int_equal(stats(i)->configs_received, 1);
	}
	assert_int_equal(w.nodes[0].configs_taken, 0);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(w.nodes[0].configs_ok, 2);
	assert_int_equal(w.nodes[0].config_token, 77);
	assert_int_equal(w.nodes[0].config_for, CL_CONFIG_REPLACE);
	assert_int_equal(stats(0)->configs_sent, 2);
	assert_ended(0, w.nodes[0].config_slot, R_OK, "");
}

static void only_the_member_that_is_meant_takes_it(void **state)
{
	(void)state;
	settled(3);
	node_config(&w, 0, 3, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].configs_taken, 0);
	assert_int_equal(w.nodes[2].configs_taken, 1);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(w.nodes[0].configs_done, 1);
	assert_ended(0, 3, R_OK, "");
}

static void who_has_it_only_looks_after_its_file(void **state)
{
	(void)state;
	settled(3);
	node_reload(&w, 1, 9);
	world_run(&w, 5);
	node_config(&w, 0, 0, CL_CONFIG_SAVE, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].configs_taken, 1);
	assert_int_equal(w.nodes[1].configs_saved, 0);
	assert_int_equal(w.nodes[2].configs_taken, 0);
	assert_int_equal(w.nodes[2].configs_saved, 1);
	assert_int_equal(w.nodes[0].configs_ok, 2);
	assert_int_equal(w.nodes[0].config_for, CL_CONFIG_SAVE);
}

/* ---- refusals ---- */

static void a_member_that_refuses_says_why_and_keeps_its_own(void **state)
{
	(void)state;
	settled(3);
	node_reload(&w, 0, 9);
	w.nodes[1].config_fault = "line 12:9: 'shaa' is not valid here: expected sha";
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 5);
	world_run(&w, 20);
	assert_int_equal(w.nodes[1].config, 0);
	assert_int_equal(w.nodes[2].config, 9);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(w.nodes[0].configs_ok, 1);
	assert_true(node_status(&w.nodes[0]).members[1].digest_differs);
	assert_false(node_status(&w.nodes[0]).members[2].digest_differs);
	assert_int_equal(stats(0)->configs_refused, 1);
	assert_int_equal(stats(1)->configs_refused, 1);
	assert_int_equal(stats(1)->configs_received, 0);
	/* Alone, so that its words are the last. */
	node_config(&w, 0, 2, CL_CONFIG_REPLACE, 6);
	world_run(&w, 20);
	assert_ended(0, 2, R_CONFIG, "line 12:9: 'shaa' is not valid here: expected sha");
}

static void a_newer_one_ends_the_older(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 4);
	assert_true(w.nodes[1].cl->config.receipt.used);
	w.nodes[0].config_text = NULL;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 2);
	world_run(&w, 30);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(w.nodes[0].configs_ok, 1);
	assert_int_equal(w.nodes[0].config_token, 2);
	assert_int_equal(w.nodes[1].configs_taken, 1);
	assert_int_equal(w.nodes[1].config_got.len, 17);
}

/* Who has answered is not told of again. */
static void a_newer_one_is_said_of_those_that_have_not_answered(void **state)
{
	(void)state;
	settled(3);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].configs_done, 1);
	node_config(&w, 0, 3, CL_CONFIG_REPLACE, 2); /* in the one for all, which goes on */
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].configs_done, 1);
	assert_int_equal(w.nodes[0].cl->config.offer.token, 1);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 3);
	world_run(&w, 1);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(w.nodes[0].config_slot, 2);
	assert_int_equal(w.nodes[0].config_reason, R_AGAIN);
}

/* Nobody knows yet, or any more, what it understands. */
static void who_has_not_said_hello_or_is_refused_is_asked_nothing(void **state)
{
	(void)state;
	settled(2);
	w.nodes[0].cl->view.members[1].refused = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 1);
	assert_ended(0, 0, R_NOT_FOUND, "there is no other unit in the cluster");
	who_restarts(1);
	w.nodes[1].hold_acks = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 2);
	world_run(&w, 1);
	assert_int_equal(w.nodes[0].cl->view.n, 2);
	assert_ended(0, 0, R_NOT_FOUND, "there is no other unit in the cluster");
	assert_int_equal(w.nodes[0].config_token, 2);
}

static void a_standby_sends_none(void **state)
{
	(void)state;
	settled(2);
	node_config(&w, 1, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_ended(1, 0, R_NOT_OWNER, "this unit is not active");
	assert_int_equal(w.nodes[0].configs_taken, 0);
}

static void one_of_a_member_that_is_not_the_owner_is_refused(void **state)
{
	(void)state;
	settled(2);
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigOffer c = HOLDFAST__CONFIG_OFFER__INIT;
	uint8_t digest[32] = { 9 };
	c.id = 1;
	c.why = CL_CONFIG_REPLACE;
	c.digest = (ProtobufCBinaryData){ .data = digest, .len = sizeof(digest) };
	c.total = 10;
	m.body_case = BODY(CONFIG_OFFER);
	m.config_offer = &c;
	node_forge(&w, 1, 0, &m);
	world_run(&w, 20);
	assert_false(w.nodes[0].cl->config.receipt.used);
	assert_int_equal(stats(0)->configs_refused, 1);
	/* And one that cannot be of the owner either. */
	c.total = CL_CONFIG_MAX + 1;
	node_forge(&w, 0, 0, &m);
	world_run(&w, 20);
	c.total = 10;
	c.digest.len = 31;
	node_forge(&w, 0, 0, &m);
	world_run(&w, 20);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(stats(1)->configs_refused, 2);
	c.digest.len = sizeof(digest);
	c.total = 0;
	node_forge(&w, 0, 0, &m);
	world_run(&w, 20);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(stats(1)->configs_refused, 3);
}

static void who_is_alone_is_told(void **state)
{
	(void)state;
	settled(2);
	world_kill(&w, 1, 50);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 5);
	assert_ended(0, 0, R_NOT_FOUND, "there is no other unit in the cluster");
}

static void one_that_cannot_be_sent_is_told_from_the_other(void **state)
{
	static char huge[CL_CONFIG_MAX + 1];
	(void)state;
	settled(2);
	w.nodes[0].config_text = huge;
	w.nodes[0].config_text_len = 0;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 5);
	assert_ended(0, 0, R_VALUE, "the configuration is empty");
	w.nodes[0].config_text_len = sizeof(huge);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 2);
	world_run(&w, 5);
	assert_ended(0, 0, R_TOO_LONG, "the configuration is too long");
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(w.nodes[1].configs_taken, 0);
	/* The longest one that may be is sent, and taken. */
	w.nodes[0].config_text_len = CL_CONFIG_MAX;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 3);
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(w.nodes[1].cl->config.receipt.text.len, CL_CONFIG_MAX);
	w.nodes[0].config_text = NULL; /* less to do for the memory checkers */
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 4);
	world_run(&w, 5);
	assert_ended(0, 2, R_OK, "");
}

/* ---- owners that go ---- */

static void a_death_half_way_leaves_the_old_one(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 4);
	assert_true(w.nodes[1].cl->config.receipt.used);
	world_kill(&w, 0, 300);
	assert_int_equal(world_owner(&w), 1);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_null(w.nodes[1].cl->config.receipt.text.p);
	assert_int_equal(w.nodes[1].configs_taken, 0);
	assert_int_equal(w.nodes[1].logs[LOG_CONFIG_FAILED], 1);
}

static void an_owner_that_hands_over_asks_no_more(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 1);
	assert_ended(0, 2, R_NOT_OWNER, "is not asked any more: this unit is not active");
}

/* ---- who joins ---- */

static void a_member_that_joins_with_another_one_is_sent_ours(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].config = 3;
	who_restarts(1);
	world_run(&w, 300);
	assert_int_equal(w.nodes[0].configs_wanted, 1);
	assert_int_equal(w.nodes[1].configs_taken, 1);
	assert_int_equal(w.nodes[1].config, 0);
	assert_false(node_status(&w.nodes[0]).members[1].digest_differs);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
}

static void and_the_next_time_again(void **state)
{
	(void)state;
	settled(2);
	for (unsigned int times = 1; times <= 2; times++) {
		w.nodes[1].config = 3;
		who_restarts(1);
		world_run(&w, 300);
		assert_int_equal(w.nodes[0].configs_wanted, times);
		assert_int_equal(w.nodes[1].config, 0);
	}
}

/* An operator was quicker: it was sent while it joined, and refused it. */
static void who_was_sent_it_meanwhile_is_not_sent_it_again(void **state)
{
	static const char text[] = "crypto map OUT 10";
	struct cl_input in = { .kind = CL_IN_CONFIG_OFFER, .data = bytes(text, strlen(text)) };

	(void)state;
	settled(2);
	w.nodes[1].config = 3;
	w.nodes[1].config_fault = "the disk is full";
	who_restarts(1);
	for (unsigned int i = 0; i < 100 && !w.nodes[0].cl->view.members[1].hello; i++)
		world_run(&w, 1);
	assert_true(w.nodes[0].cl->view.members[1].config_due);
	assert_false(w.nodes[0].cl->view.members[1].follows);
	node_input(&w.nodes[0], &in);
	world_run(&w, 3000);
	assert_int_equal(w.nodes[1].role, CL_ROLE_STANDBY);
	assert_int_equal(w.nodes[1].configs_taken, 1);
	assert_int_equal(w.nodes[0].configs_wanted, 0);
}

static void a_member_that_joins_with_the_same_is_sent_none(void **state)
{
	(void)state;
	settled(2);
	who_restarts(1);
	world_run(&w, 300);
	assert_int_equal(w.nodes[0].configs_wanted, 0);
	assert_int_equal(w.nodes[1].configs_taken, 0);
}

static void who_refused_it_is_not_sent_it_again_and_again(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].config = 3;
	w.nodes[1].config_fault = "the disk is full";
	who_restarts(1);
	world_run(&w, 20000);
	assert_int_equal(w.nodes[0].configs_wanted, 1);
	assert_int_equal(w.nodes[1].configs_taken, 1);
	assert_true(node_status(&w.nodes[0]).members[1].digest_differs);
}

static void two_that_join_at_once_are_both_sent_ours(void **state)
{
	(void)state;
	settled(3);
	for (size_t i = 1; i < 3; i++) {
		w.nodes[i].config = 3;
		node_kill(&w, i);
		node_start(&w, i);
	}
	world_view(&w, true);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[0].configs_wanted, 2);
	assert_int_equal(w.nodes[1].config, 0);
	assert_int_equal(w.nodes[2].config, 0);
}

/* What is under way for others is not ended, and it is not forgotten. */
static void who_joins_while_another_one_is_asked_is_sent_ours_behind_it(void **state)
{
	(void)state;
	settled(3);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	w.nodes[2].config = 3;
	who_restarts(2);
	world_run(&w, 1000);
	assert_int_equal(w.nodes[0].configs_wanted, 0);
	assert_int_equal(w.nodes[0].config_left, 1);
	world_run(&w, CONFIG_ANSWER_MS);
	assert_int_equal(w.nodes[0].configs_wanted, 1);
	assert_int_equal(w.nodes[2].config, 0);
}

static void two_that_start_at_once_end_with_the_owners(void **state)
{
	(void)state;
	world_init(&w, 2);
	w.nodes[0].config = 1;
	w.nodes[1].config = 2;
	for (size_t i = 0; i < 2; i++)
		node_start(&w, i);
	world_view(&w, false);
	world_run(&w, 2000);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(w.nodes[0].configs_wanted, 1);
	assert_int_equal(w.nodes[1].config, 1);
}

/* What the former owner had and this one could not take must not be gone with a takeover. */
static void a_takeover_sends_nothing_to_who_was_there(void **state)
{
	(void)state;
	settled(3);
	node_reload(&w, 0, 9);
	world_run(&w, 10);
	node_command(&w, 0, CL_IN_GO_STANDBY);
	world_run(&w, 1000);
	assert_int_equal(world_owner(&w), 1);
	assert_int_equal(w.nodes[1].configs_wanted, 0);
	assert_int_equal(w.nodes[0].config, 9);
	assert_true(node_status(&w.nodes[1]).members[0].digest_differs);
}

/* R23: of two owners the lower one's configuration gives way, as its state does. */
static void after_a_heal_the_loser_takes_the_winners(void **state)
{
	(void)state;
	settled(2);
	w.two_node = true;
	world_cut(&w, 1, 3000);
	assert_int_equal(w.nodes[0].role, CL_ROLE_ACTIVE);
	assert_int_equal(w.nodes[1].role, CL_ROLE_ACTIVE);
	node_reload(&w, 0, 1);
	node_reload(&w, 1, 2);
	world_meet(&w, 5000);
	size_t winner = world_owner(&w);
	assert_int_equal(w.nodes[1 - winner].config, winner + 1);
	assert_int_equal(w.nodes[winner].config, winner + 1);
}

/* ---- what others see ---- */

static void whose_word_counts(void **state)
{
	(void)state;
	uint8_t digest[32] = { 0 };
	settled(2);
	node_reload(&w, 0, 9);
	world_run(&w, 5);
	assert_int_equal(cl_config_role(w.nodes[0].cl, digest), CL_CONFIG_ACTIVE);
	assert_int_equal(cl_config_role(w.nodes[1].cl, digest), CL_CONFIG_STANDBY);
	assert_int_equal(digest[0], 9);
	node_command(&w, 1, CL_IN_DISCONNECTED);
	assert_int_equal(cl_config_role(w.nodes[1].cl, digest), CL_CONFIG_ALONE);
	world_view(&w, false); /* the owner is there, and has not said so */
	world_run(&w, 1);
	assert_int_equal(w.nodes[1].cl->view.n, 2);
	assert_int_equal(cl_config_role(w.nodes[1].cl, digest), CL_CONFIG_ALONE);
}

/* Of three, the second owns: neither the first one's word counts, nor the third one's own. */
static void the_word_of_the_owner_counts_and_of_its_process(void **state)
{
	uint8_t digest[32] = { 0 };

	(void)state;
	settled(3);
	node_command(&w, 1, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	for (uint8_t i = 0; i < 3; i++)
		node_reload(&w, i, (uint8_t)(i + 1));
	world_run(&w, 5);
	assert_int_equal(cl_config_role(w.nodes[2].cl, digest), CL_CONFIG_STANDBY);
	assert_int_equal(digest[0], 2);
	node_kill(&w, 1);
	node_start(&w, 1);
	world_view(&w, true);
	world_run(&w, 1);
	assert_int_equal(w.nodes[2].cl->view.n, 3);
	assert_int_equal(cl_config_role(w.nodes[2].cl, digest), CL_CONFIG_ALONE);
	for (unsigned int i = 0; i < 100 && !w.nodes[0].cl->groups[0].claim.settling; i++)
		world_run(&w, 1);
	assert_true(w.nodes[0].cl->groups[0].claim.settling);
	assert_int_equal(cl_config_role(w.nodes[0].cl, digest), CL_CONFIG_ALONE);
}

static void the_history_has_its_rows(void **state)
{
	(void)state;
	struct cl_history_entry rows[CL_HISTORY_MAX];
	settled(2);
	size_t before = cl_history(w.nodes[1].cl, GROUP, rows);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_int_equal(cl_history(w.nodes[1].cl, GROUP, rows), before + 2);
	assert_int_equal(rows[before].from, CL_STATE_STANDBY_READY);
	assert_int_equal(rows[before].to, CL_STATE_SYNC_CONFIG);
	assert_string_equal(rows[before].why, "Configuration mismatch");
	assert_string_equal(cl_state_name(rows[before].to), "Sync Config");
	assert_int_equal(rows[before + 1].to, CL_STATE_STANDBY_READY);
	assert_string_equal(rows[before + 1].why, "Configuration mismatch");
	/* It protects all the time. */
	assert_true(w.nodes[0].is_protected);
	/* Nothing is received where only the file is looked after. */
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_SAVE, 2);
	world_run(&w, 20);
	assert_true(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(cl_history(w.nodes[1].cl, GROUP, rows), before + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_member_takes_it),
		T(only_the_member_that_is_meant_takes_it),
		T(who_has_it_only_looks_after_its_file),
		T(a_member_that_refuses_says_why_and_keeps_its_own),
		T(a_newer_one_ends_the_older),
		T(a_newer_one_is_said_of_those_that_have_not_answered),
		T(who_has_not_said_hello_or_is_refused_is_asked_nothing),
		T(a_standby_sends_none),
		T(one_of_a_member_that_is_not_the_owner_is_refused),
		T(who_is_alone_is_told),
		T(one_that_cannot_be_sent_is_told_from_the_other),
		T(a_death_half_way_leaves_the_old_one),
		T(an_owner_that_hands_over_asks_no_more),
		T(a_member_that_joins_with_another_one_is_sent_ours),
		T(and_the_next_time_again),
		T(who_was_sent_it_meanwhile_is_not_sent_it_again),
		T(a_member_that_joins_with_the_same_is_sent_none),
		T(who_refused_it_is_not_sent_it_again_and_again),
		T(two_that_join_at_once_are_both_sent_ours),
		T(who_joins_while_another_one_is_asked_is_sent_ours_behind_it),
		T(two_that_start_at_once_end_with_the_owners),
		T(a_takeover_sends_nothing_to_who_was_there),
		T(after_a_heal_the_loser_takes_the_winners),
		T(whose_word_counts),
		T(the_word_of_the_owner_counts_and_of_its_process),
		T(the_history_has_its_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
