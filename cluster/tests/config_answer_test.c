/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's configuration on its way: pieces and answers that are lost, late, of another one, or never come. */
#include <limits.h>

#include "cluster/tests/config_fixtures.h"

/* ---- R22: bulk ---- */

static void a_long_one_comes_by_the_channel_a_piece_at_a_time(void **state)
{
	(void)state;
	settled(2);
	long_one(0);
	world_run(&w, CONFIG_QUIET_MS);
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
	assert_int_equal(w.nodes[1].config_from, 1);
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

/* Each piece is news of the other side, at both ends. */
static void one_that_takes_long_and_goes_on_is_waited_for(void **state)
{
	const struct config_receipt *r;

	(void)state;
	settled(2);
	r = &w.nodes[1].cl->config.receipt;
	long_one(0);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	const uint64_t begin_ns = w.now_ns;
	while (w.nodes[1].configs_taken == 0 && w.now_ns - begin_ns < 60000 * MS_NS) {
		const size_t have = r->have;
		w.nodes[0].lose_chunks = UINT_MAX;
		world_run(&w, CONFIG_QUIET_MS - 2 * CONFIG_ASK_MS);
		w.nodes[0].lose_chunks = 0;
		while (r->used && r->have == have)
			world_run(&w, 1);
	}
	assert_true(w.now_ns - begin_ns > 2 * CONFIG_ANSWER_MS * MS_NS);
	assert_memory_equal(w.nodes[1].config_got.p, long_text, LONG_LEN);
	world_run(&w, 20);
	assert_ended(0, 2, R_OK, "");
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
	w.nodes[1].mute_config = true;
	world_run(&w, 100);
	assert_memory_equal(w.nodes[1].config_got.p, long_text, LONG_LEN);
	/* It is whole, and node/ has its text. */
	p.id = r->id;
	p.first = LONG_LEN;
	p.text.len = 5;
	config_sync_piece(w.nodes[1].cl, 1, &p);
	assert_int_equal(r->have, LONG_LEN);
}

/* Neither of another offer, nor beyond the end, nor of who is not asked. */
static void a_request_that_does_not_fit_is_not_answered(void **state)
{
	struct cl_outbox out = { 0 };
	Holdfast__ConfigRequest q = HOLDFAST__CONFIG_REQUEST__INIT;

	(void)state;
	settled(3);
	long_one(0);
	w.nodes[0].lose_snapshots = true;
	node_config(&w, 0, 2, CL_CONFIG_REPLACE, 1);
	world_run(&w, 5);
	struct cl_node *cl = w.nodes[0].cl;
	const uint64_t id = cl->config.offer.id;
	const struct {
		uint64_t id;
		uint32_t first;
		uint8_t slot;
		size_t sent;
	} asked[] = {
		{ id, 0, 2, 1 },        { id, LONG_LEN - 1, 2, 1 },
		{ id, LONG_LEN, 2, 0 }, { id, LONG_LEN + 1, 2, 0 },
		{ id + 1, 0, 2, 0 },    { id, 0, 3, 0 },
		{ id, 0, 4, 0 },
	};
	cl->out = &out;
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		q.id = asked[i].id;
		q.first = asked[i].first;
		config_sync_request(cl, &cl->groups[0], asked[i].slot, &q);
		assert_int_equal(out.n, asked[i].sent);
		cl_outbox_clear(&out);
	}
	cl->out = NULL;
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

/* Whoever has lost its owner asks no other one for the rest. */
static void another_owner_is_not_asked_for_the_rest(void **state)
{
	(void)state;
	settled(3);
	long_one(0);
	w.nodes[0].lose_snapshots = true;
	node_config(&w, 0, 2, CL_CONFIG_REPLACE, 1);
	world_run(&w, 5);
	assert_true(w.nodes[1].cl->config.receipt.used);
	node_command(&w, 2, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 2);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(w.nodes[1].logs[LOG_CONFIG_FAILED], 1);
}

static void both_ends_wake_when_something_is_due(void **state)
{
	const struct config_offer *o;
	const struct config_receipt *r;

	(void)state;
	settled(3);
	o = &w.nodes[0].cl->config.offer;
	r = &w.nodes[1].cl->config.receipt;
	assert_true(config_sync_deadline(w.nodes[0].cl) == NEVER);
	assert_true(config_sync_deadline(w.nodes[1].cl) == NEVER);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	while (!r->used)
		world_run(&w, 1);
	assert_true(config_sync_deadline(w.nodes[1].cl) == r->ask_ns);
	world_run(&w, 100);
	/* Node 1 has it and says nothing, node 2 has answered. */
	assert_true(r->used && r->complete);
	assert_true(config_sync_deadline(w.nodes[1].cl) == NEVER);
	assert_true(o->readers[0].open && !o->readers[1].open);
	assert_true(config_sync_deadline(w.nodes[0].cl) ==
		    o->readers[0].heard_ns + CONFIG_ANSWER_MS * MS_NS);
	/* Of two that are waited for, the one that is due first. */
	w.nodes[0].cl->config.offer.readers[1].heard_ns = 0;
	assert_true(config_sync_deadline(w.nodes[0].cl) ==
		    o->readers[0].heard_ns + CONFIG_ANSWER_MS * MS_NS);
	w.nodes[0].cl->config.offer.readers[1] = o->readers[0];
	w.nodes[0].cl->config.offer.readers[1].heard_ns += 5;
	assert_true(config_sync_deadline(w.nodes[0].cl) ==
		    o->readers[0].heard_ns + CONFIG_ANSWER_MS * MS_NS);
}

/* Of two offers the newer one counts, also when nothing can be made of it. */
static void an_offer_that_cannot_be_read_ends_what_was_under_way(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigOffer c = HOLDFAST__CONFIG_OFFER__INIT;

	(void)state;
	settled(2);
	long_one(0);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 4);
	assert_true(w.nodes[1].cl->config.receipt.used);
	c.id = 1;
	m.body_case = BODY(CONFIG_OFFER);
	m.config_offer = &c;
	node_forge(&w, 0, 0, &m);
	world_run(&w, 100);
	assert_false(w.nodes[1].cl->config.receipt.used);
	assert_int_equal(w.nodes[1].configs_taken, 0);
	assert_int_equal(stats(1)->configs_refused, 1);
}

/* ---- answers ---- */

static void an_answer_to_another_one_or_a_second_one_counts_for_nothing(void **state)
{
	(void)state;
	settled(3);
	w.nodes[1].mute_config = w.nodes[2].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	const uint64_t id = w.nodes[0].cl->config.offer.id;
	forge_done(1, id + 1, R_OK);
	assert_int_equal(w.nodes[0].configs_done, 0);
	for (unsigned int i = 0; i < 2; i++) {
		forge_done(1, id, R_OK);
		assert_int_equal(w.nodes[0].configs_done, 1);
	}
	/* A reason of a newer version. */
	forge_done(2, id, R_COUNT_);
	assert_ended(0, 3, R_VALUE, "");
	forge_done(2, id, R_OK);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_int_equal(stats(0)->configs_sent, 1);
	assert_int_equal(stats(0)->configs_refused, 1);
}

/* node/ took its time over the first one. */
static void what_became_of_an_older_one_is_no_answer_to_a_newer(void **state)
{
	struct cl_input taken = { .kind = CL_IN_CONFIG_TAKEN };

	(void)state;
	settled(2);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	taken.token = w.nodes[1].cl->config.receipt.id;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 2);
	world_run(&w, 20);
	assert_true(w.nodes[1].cl->config.receipt.id != taken.token);
	node_input(&w.nodes[1], &taken);
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].configs_ok, 0);
	taken.token = w.nodes[1].cl->config.receipt.id;
	for (unsigned int i = 0; i < 2; i++)
		node_input(&w.nodes[1], &taken);
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].configs_ok, 1);
	assert_int_equal(stats(1)->messages_sent[BODY(CONFIG_DONE)], 1);
}

static void words_of_a_member_are_cut_short(void **state)
{
	static char words[10 * CL_CONFIG_WHY];

	(void)state;
	settled(2);
	memset(words, 'x', sizeof(words) - 1);
	w.nodes[1].config_fault = words;
	w.nodes[1].hold_acks = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_int_equal(stats(1)->messages_sent[BODY(CONFIG_DONE)], 1);
	for (const struct event *e = w.nodes[1].sendq.head; e; e = e->next)
		assert_in_range(e->data.len, 1, 2 * CL_CONFIG_WHY);
	w.nodes[1].hold_acks = false;
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].config_reason, R_CONFIG);
	assert_int_equal(strlen(w.nodes[0].config_why), CL_CONFIG_WHY - 1);
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
	settled(3);
	world_run(&w, CONFIG_ANSWER_MS);
	w.nodes[2].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, CONFIG_ANSWER_MS - 100);
	assert_int_equal(w.nodes[0].configs_done, 1);
	world_run(&w, 200);
	assert_int_equal(w.nodes[0].configs_done, 2);
	assert_ended(0, 3, R_AGAIN, "did not answer in time");
}

static void a_member_that_leaves_is_not_waited_for(void **state)
{
	(void)state;
	settled(3);
	w.nodes[1].mute_config = true;
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 20);
	assert_int_equal(w.nodes[0].config_left, 1);
	world_kill(&w, 2, 5); /* it has answered */
	assert_int_equal(w.nodes[0].configs_done, 1);
	world_kill(&w, 1, 5);
	assert_ended(0, 2, R_NOT_FOUND, "left the cluster before it answered");
}

/* An answer that comes late is none to another one, nor to one of this node's next process. */
static void no_two_have_one_id(void **state)
{
	uint64_t id[3];

	(void)state;
	settled(2);
	w.nodes[1].mute_config = true;
	for (unsigned int i = 0; i < 2; i++) {
		node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
		world_run(&w, 1);
		id[i] = w.nodes[0].cl->config.offer.id;
	}
	who_restarts(0);
	world_run(&w, 500);
	node_command(&w, 0, CL_IN_GO_ACTIVE);
	world_run(&w, 50);
	assert_int_equal(world_owner(&w), 0);
	node_config(&w, 0, 0, CL_CONFIG_REPLACE, 1);
	world_run(&w, 1);
	id[2] = w.nodes[0].cl->config.offer.id;
	assert_true(id[0] != id[1] && id[0] != id[2] && id[1] != id[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_long_one_comes_by_the_channel_a_piece_at_a_time),
		T(what_is_lost_is_asked_for_again),
		T(one_that_takes_long_and_goes_on_is_waited_for),
		T(a_piece_that_comes_twice_or_does_not_fit_is_dropped),
		T(a_request_that_does_not_fit_is_not_answered),
		T(a_channel_that_is_dead_ends_it_at_both_ends),
		T(another_owner_is_not_asked_for_the_rest),
		T(both_ends_wake_when_something_is_due),
		T(an_offer_that_cannot_be_read_ends_what_was_under_way),
		T(an_answer_to_another_one_or_a_second_one_counts_for_nothing),
		T(what_became_of_an_older_one_is_no_answer_to_a_newer),
		T(words_of_a_member_are_cut_short),
		T(words_of_a_member_are_made_printable),
		T(a_member_that_says_nothing_is_not_waited_for),
		T(a_member_that_leaves_is_not_waited_for),
		T(no_two_have_one_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
