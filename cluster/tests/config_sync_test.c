/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's configuration for the others: on command, for who joins, and everything that can go wrong. */
#include "base/must.h"
#include "cluster/tests/fixtures.h"

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind
#define LONG_LEN   (10 * CONFIG_PIECE_BYTES + 7)

static char long_text[LONG_LEN];

static void settled(size_t n)
{
	world_settled(&w, n);
	for (size_t i = 0; i < LONG_LEN; i++)
		long_text[i] = (char)('a' + i % 23);
}

static void long_one(size_t i)
{
	w.nodes[i].config_text = long_text;
	w.nodes[i].config_text_len = LONG_LEN;
}

static void assert_ended(size_t i, uint8_t slot, enum result reason, const char *why)
{
	const struct node *nd = &w.nodes[i];

	assert_int_equal(nd->config_slot, slot);
	assert_int_equal(nd->config_reason, reason);
	assert_string_equal(nd->config_why, why);
	assert_int_equal(nd->config_left, 0);
	assert_false(nd->cl->config.offer.used);
	assert_null(nd->cl->config.offer.text.p);
}

static void who_restarts(size_t i)
{
	world_kill(&w, i, 100);
	node_start(&w, i);
	world_view(&w, true);
}

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
}

/* ---- R22: bulk ---- */

static void a_long_one_comes_by_the_channel_a_piece_at_a_time(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	uint64_t mcast = w.nodes[0].sent;
	const uint64_t *pieces = &stats(0)->messages_sent[BODY(CONFIG_PIECE)];
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	for (int i = 0; i < 60; i++) {
		uint64_t before = *pieces;
		world_run(&w, 1);
		assert_in_range(*pieces, before, before + 1);
	}
	assert_int_equal(*pieces, 11);
	assert_int_equal(w.nodes[1].config_got.len, LONG_LEN);
	assert_memory_equal(w.nodes[1].config_got.p, long_text, LONG_LEN);
	assert_ended(0, 2, R_OK, "");
	/* By CPG: the offer and heartbeats, no pieces. */
	assert_in_range(w.nodes[0].sent - mcast, 1, 4);
}

static void what_is_lost_is_asked_for_again(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	w.nodes[0].lose_chunks = 3;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 3 * CONFIG_ASK_MS + 100);
	assert_int_equal(w.nodes[1].configs_taken, 1);
	assert_memory_equal(w.nodes[1].config_got.p, long_text, LONG_LEN);
}

static void a_piece_that_comes_twice_or_does_not_fit_is_dropped(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	for (int i = 0; i < 20 && w.nodes[1].cl->config.receipt.have == 0; i++)
		world_run(&w, 1);
	struct config_receipt *r = &w.nodes[1].cl->config.receipt;
	const size_t have = r->have;
	assert_true(r->used && have > 0);
	static uint8_t junk[LONG_LEN + 1];
	Holdfast__ConfigPiece p = HOLDFAST__CONFIG_PIECE__INIT;
	const struct {
		uint64_t id;
		uint32_t first;
		size_t len;
		uint8_t slot;
	} wrong[] = {
		{ r->id, 0, 5, 1 },                                /* again */
		{ r->id, (uint32_t)have + 1, 5, 1 },               /* a gap */
		{ r->id, (uint32_t)have, 0, 1 },                   /* nothing */
		{ r->id, (uint32_t)have, LONG_LEN + 1 - have, 1 }, /* beyond the end */
		{ r->id + 1, (uint32_t)have, 5, 1 },               /* of another offer */
		{ r->id, (uint32_t)have, 5, 3 },                   /* of another member */
	};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		p.id = wrong[i].id;
		p.first = wrong[i].first;
		p.text = (ProtobufCBinaryData){ .data = junk, .len = wrong[i].len };
		config_sync_piece(w.nodes[1].cl, wrong[i].slot, &p);
		assert_int_equal(r->have, have);
	}
	world_run(&w, 100);
	assert_memory_equal(w.nodes[1].config_got.p, long_text, LONG_LEN);
}

static void a_channel_that_is_dead_ends_it_at_both_ends(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	w.nodes[0].lose_snapshots = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, CONFIG_QUIET_MS + 100);
	assert_int_equal(w.nodes[1].configs_taken, 0);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(w.nodes[1].logs[LOG_CONFIG_FAILED], 1);
	assert_ended(0, 2, R_AGAIN, "what was offered did not come");
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
	/* Alone, so that its words are the last. */
	node_config(&w, 0, 2, CL_CONFIG_REPLACE, 6);
	world_run(&w, 20);
	assert_ended(0, 2, R_CONFIG, "line 12:9: 'shaa' is not valid here: expected sha");
}

static void words_of_a_member_are_made_printable(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].config_fault = "a\nb\x1b[31m";
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	for (const char *p = w.nodes[0].config_why; *p; p++)
		assert_in_range(*p, ' ', '~');
}

static void a_member_that_says_nothing_is_not_waited_for(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, CONFIG_ANSWER_MS - 100);
	assert_int_equal(w.nodes[0].configs_done, 0);
	world_run(&w, 200);
	assert_ended(0, 2, R_AGAIN, "did not answer in time");
}

static void a_member_that_leaves_is_not_waited_for(void **state)
{
	(void)state;
	settled(3);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].config_left, 1);
	world_kill(&w, 1, 5);
	assert_ended(0, 2, R_NOT_FOUND, "left the cluster before it answered");
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
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(every_member_takes_it),
		T(only_the_member_that_is_meant_takes_it),
		T(who_has_it_only_looks_after_its_file),
		T(a_long_one_comes_by_the_channel_a_piece_at_a_time),
		T(what_is_lost_is_asked_for_again),
		T(a_piece_that_comes_twice_or_does_not_fit_is_dropped),
		T(a_channel_that_is_dead_ends_it_at_both_ends),
		T(a_member_that_refuses_says_why_and_keeps_its_own),
		T(words_of_a_member_are_made_printable),
		T(a_member_that_says_nothing_is_not_waited_for),
		T(a_member_that_leaves_is_not_waited_for),
		T(a_newer_one_ends_the_older),
		T(a_standby_sends_none),
		T(one_of_a_member_that_is_not_the_owner_is_refused),
		T(who_is_alone_is_told),
		T(one_that_cannot_be_sent_is_told_from_the_other),
		T(a_death_half_way_leaves_the_old_one),
		T(an_owner_that_hands_over_asks_no_more),
		T(a_member_that_joins_with_another_one_is_sent_ours),
		T(a_member_that_joins_with_the_same_is_sent_none),
		T(who_refused_it_is_not_sent_it_again_and_again),
		T(two_that_start_at_once_end_with_the_owners),
		T(a_takeover_sends_nothing_to_who_was_there),
		T(after_a_heal_the_loser_takes_the_winners),
		T(whose_word_counts),
		T(the_history_has_its_rows),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
