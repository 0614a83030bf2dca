/* SPDX-License-Identifier: Apache-2.0 */
/* "failover exec": requests, answers in pieces, and everything that can be wrong with them. */
#include "base/must.h"
#include "cluster/tests/fixtures.h"

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind

static char long_text[CL_EXEC_TEXT_MAX + 1];

static void settled(size_t n)
{
	world_settled(&w, n);
	for (size_t i = 0; i < sizeof(long_text); i++)
		long_text[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < n; i++) {
		w.nodes[i].exec_text = "an answer\n";
		w.nodes[i].exec_text_len = 10;
	}
}

static void assert_failed(size_t i, enum result reason, const char *why)
{
	assert_int_equal(w.nodes[i].execs_done, 1);
	assert_false(w.nodes[i].exec_ok);
	assert_int_equal(w.nodes[i].exec_reason, reason);
	assert_string_equal(w.nodes[i].exec_why, why);
	assert_int_equal(w.nodes[i].exec_got.len, 0);
}

static void a_command_is_run_by_the_member_that_is_named(void **state)
{
	(void)state;
	settled(3);
	node_exec(&w, 0, 2, "show version", 77);
	world_run(&w, 10);
	assert_int_equal(w.nodes[1].execs, 1);
	assert_string_equal(w.nodes[1].exec_line, "show version");
	assert_true(w.nodes[1].exec_json);
	assert_int_equal(w.nodes[2].execs, 0);
	assert_int_equal(w.nodes[0].execs_done, 1);
	assert_true(w.nodes[0].exec_ok);
	assert_int_equal(w.nodes[0].exec_token, 77);
	assert_int_equal(w.nodes[0].exec_exit, 7);
	assert_int_equal(w.nodes[0].exec_got.len, 10);
	assert_memory_equal(w.nodes[0].exec_got.p, "an answer\n", 10);
	assert_int_equal(w.nodes[2].execs_done, 0);
}

static void a_standby_may_ask_the_owner(void **state)
{
	(void)state;
	settled(2);
	node_exec(&w, 1, 1, "show failover", 1);
	world_run(&w, 10);
	assert_true(w.nodes[1].exec_ok);
	assert_int_equal(w.nodes[0].execs, 1);
}

static void an_empty_answer_is_one(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].exec_text_len = 0;
	node_exec(&w, 0, 2, "clear", 1);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].execs_done, 1);
	assert_true(w.nodes[0].exec_ok);
	assert_int_equal(w.nodes[0].exec_got.len, 0);
}

static void a_long_answer_comes_in_pieces_one_at_a_time(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].exec_text = long_text;
	w.nodes[1].exec_text_len = CL_EXEC_TEXT_MAX;
	const uint64_t *sent = &stats(1)->messages_sent[BODY(EXEC_REPLY)];
	node_exec(&w, 0, 2, "show crypto ipsec sa", 1);
	for (int i = 0; i < 200; i++) {
		uint64_t before = *sent;
		world_run(&w, 1);
		assert_in_range(*sent, before, before + 1);
	}
	assert_true(w.nodes[0].exec_ok);
	assert_int_equal(w.nodes[0].exec_got.len, CL_EXEC_TEXT_MAX);
	assert_memory_equal(w.nodes[0].exec_got.p, long_text, CL_EXEC_TEXT_MAX);
	assert_int_equal(*sent, (CL_EXEC_TEXT_MAX + EXEC_PIECE_BYTES - 1) / EXEC_PIECE_BYTES);
}

static void a_lost_answer_ends_with_the_time_limit(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].mute_exec = true;
	node_exec(&w, 0, 2, "show version", 1);
	world_run(&w, CL_EXEC_LIMIT_MS - 10);
	assert_int_equal(w.nodes[0].execs_done, 0);
	world_run(&w, 20);
	assert_failed(0, R_AGAIN, "did not answer in time");
	/* Its answer comes now: for nobody. */
	struct cl_input late = { .kind = CL_IN_EXEC_ANSWER, .token = 1, .data = bytes("x", 1) };
	node_input(&w.nodes[1], &late);
	world_run(&w, 10);
	assert_int_equal(w.nodes[0].execs_done, 1);
}

static void a_member_that_leaves_is_not_waited_for(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].mute_exec = true;
	node_exec(&w, 0, 2, "show version", 1);
	world_run(&w, 10);
	world_kill(&w, 1, 5);
	assert_failed(0, R_NOT_FOUND, "left the cluster before it answered");
}

static void a_lost_connection_ends_it_too(void **state)
{
	(void)state;
	settled(2);
	node_exec(&w, 0, 2, "show version", 1);
	node_command(&w, 0, CL_IN_DISCONNECTED);
	assert_failed(0, R_NOT_FOUND, "left the cluster before it answered");
}

static void who_is_not_there_or_oneself_is_not_asked(void **state)
{
	(void)state;
	settled(2);
	node_exec(&w, 0, 3, "show version", 1);
	assert_failed(0, R_NOT_FOUND, "is not in the cluster");
	node_exec(&w, 0, 1, "show version", 1);
	assert_int_equal(w.nodes[0].execs_done, 2);
	assert_int_equal(w.nodes[0].exec_reason, R_NOT_FOUND);
}

static void a_command_that_is_too_long_is_not_sent(void **state)
{
	char line[CL_EXEC_LINE_MAX + 2];
	(void)state;
	settled(2);
	memset(line, 'x', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	unsigned int sent = w.nodes[0].sent;
	node_exec(&w, 0, 2, line, 1);
	assert_int_equal(w.nodes[0].exec_reason, R_TOO_LONG);
	assert_int_equal(w.nodes[0].sent, sent);
	line[CL_EXEC_LINE_MAX] = '\0';
	node_exec(&w, 0, 2, line, 2);
	world_run(&w, 10);
	assert_true(w.nodes[0].exec_ok);
}

static void few_commands_are_under_way_at_once(void **state)
{
	(void)state;
	settled(3);
	w.nodes[2].mute_exec = true;
	for (uint64_t i = 0; i < EXEC_AT_ONCE; i++)
		node_exec(&w, 0, 3, "show version", i);
	node_exec(&w, 0, 2, "show version", 99);
	assert_failed(0, R_LIMIT, "is not asked: too many commands wait for their answer already");
	world_run(&w, 10);
	assert_int_equal(w.nodes[2].execs, EXEC_AT_ONCE);
	/* Somebody else asks the busy one: it says so at once. */
	node_exec(&w, 1, 3, "show version", 1);
	world_run(&w, 10);
	assert_failed(1, R_LIMIT, "is busy with other commands");
	/* After the time limit there is room again. */
	world_run(&w, CL_EXEC_LIMIT_MS);
	w.nodes[2].mute_exec = false;
	node_exec(&w, 1, 3, "show version", 2);
	world_run(&w, 10);
	assert_true(w.nodes[1].exec_ok);
}

/* ---- what somebody made up ---- */

static struct exec_call *call_of(size_t i)
{
	return &w.nodes[i].cl->exec.calls[0];
}

static void forge_reply(size_t from, Holdfast__ExecReply *r)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;

	m.body_case = BODY(EXEC_REPLY);
	m.exec_reply = r;
	node_forge(&w, from, 0, &m);
	world_run(&w, 5);
}

static Holdfast__ExecReply reply(uint32_t first, uint32_t total, size_t len)
{
	Holdfast__ExecReply r = HOLDFAST__EXEC_REPLY__INIT;

	r.id = call_of(0)->id;
	r.to_slot = 1;
	r.first = first;
	r.total = total;
	r.text = (ProtobufCBinaryData){ .data = (uint8_t *)long_text, .len = len };
	return r;
}

static void asking(void)
{
	settled(3);
	w.nodes[1].mute_exec = true;
	node_exec(&w, 0, 2, "show version", 1);
	world_run(&w, 5);
}

static void an_answer_of_another_member_is_not_taken(void **state)
{
	(void)state;
	asking();
	Holdfast__ExecReply r = reply(0, 3, 3);
	uint64_t refused = stats(0)->refused_sender;
	forge_reply(2, &r);
	assert_int_equal(w.nodes[0].execs_done, 0);
	assert_int_equal(stats(0)->refused_sender, refused + 1);
	r.id++; /* from the right one, to another question */
	forge_reply(1, &r);
	assert_int_equal(w.nodes[0].execs_done, 0);
	r.id--;
	forge_reply(1, &r);
	assert_true(w.nodes[0].exec_ok);
}

static void pieces_that_do_not_fit_end_it(void **state)
{
	static const struct {
		uint32_t first, total;
		size_t len;
	} wrong[] = {
		{ 1, 3, 2 },                     /* begins in the middle */
		{ 0, 3, 4 },                     /* longer than announced */
		{ 0, CL_EXEC_TEXT_MAX + 1, 10 }, /* too much */
		{ 0, 3, 0 },                     /* never ends */
		{ 0, UINT32_MAX, 10 },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		asking();
		Holdfast__ExecReply r = reply(wrong[i].first, wrong[i].total, wrong[i].len);
		forge_reply(1, &r);
		assert_failed(0, R_VALUE, "gave an answer that cannot be read");
		world_free(&w);
	}
	asking();
	Holdfast__ExecReply r = reply(0, 10, 5);
	forge_reply(1, &r);
	assert_int_equal(w.nodes[0].execs_done, 0);
	r = reply(5, 4, 0); /* shrinks */
	forge_reply(1, &r);
	assert_failed(0, R_VALUE, "gave an answer that cannot be read");
	world_free(&w);
	static const uint32_t not_next[] = { 3, 6 }; /* repeats a part, leaves one out */
	for (size_t i = 0; i < 2; i++) {
		asking();
		r = reply(0, 10, 5);
		forge_reply(1, &r);
		r = reply(not_next[i], 10, 10 - not_next[i]);
		forge_reply(1, &r);
		assert_failed(0, R_VALUE, "gave an answer that cannot be read");
		world_free(&w);
	}
}

static void a_message_that_is_cut_off_or_changed_is_refused(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	uint8_t copy[512];
	(void)state;
	asking();
	Holdfast__ExecReply r = reply(0, 100, 100);
	m.body_case = BODY(EXEC_REPLY);
	m.exec_reply = &r;
	node_forge(&w, 1, 0, &m);
	struct event *e = w.nodes[1].sendq.tail;
	size_t len = e->data.len;
	assert_true(len < sizeof(copy));
	memcpy(copy, e->data.p, len);
	node_drop_sent(&w, 1);
	for (size_t cut = 0; cut < len; cut++)
		world_inject(&w, 1, bytes(copy, cut));
	for (size_t i = 32; i < len; i++) {
		copy[i] ^= 1;
		world_inject(&w, 1, bytes(copy, len));
		copy[i] ^= 1;
	}
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].execs_done, 0);
	assert_true(stats(0)->refused[R_INTEGRITY] >= len - 32);
	world_inject(&w, 1, bytes(copy, len));
	world_run(&w, 5);
	assert_true(w.nodes[0].exec_ok);
	/* And not twice. */
	world_inject(&w, 1, bytes(copy, len));
	world_run(&w, 5);
	assert_int_equal(w.nodes[0].execs_done, 1);
}

static void forge_request(Holdfast__ExecRequest *r)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;

	m.body_case = BODY(EXEC_REQUEST);
	m.exec_request = r;
	node_forge(&w, 0, 0, &m);
	world_run(&w, 5);
}

static void requests_that_must_not_be_run_are_refused(void **state)
{
	static char line[CL_EXEC_LINE_MAX + 1];
	static char nul[] = "show\0version";
	Holdfast__ExecRequest r = HOLDFAST__EXEC_REQUEST__INIT;
	(void)state;
	settled(2);
	memset(line, 'x', sizeof(line));
	r.id = 5;
	r.to_slot = 2;
	r.privilege = 1; /* a level of the future */
	r.line = (ProtobufCBinaryData){ .data = (uint8_t *)line, .len = 10 };
	forge_request(&r);
	r.privilege = 15;
	r.line.len = sizeof(line);
	forge_request(&r);
	r.line.len = 0;
	forge_request(&r);
	r.line = (ProtobufCBinaryData){ .data = (uint8_t *)nul, .len = sizeof(nul) - 1 };
	forge_request(&r);
	assert_int_equal(w.nodes[1].execs, 0);
	assert_int_equal(stats(1)->messages_sent[BODY(EXEC_REPLY)], 4);
	r.line = (ProtobufCBinaryData){ .data = (uint8_t *)line, .len = 10 };
	r.to_slot = 3;
	forge_request(&r);
	assert_int_equal(w.nodes[1].execs, 0);
	r.to_slot = 2;
	forge_request(&r);
	assert_int_equal(w.nodes[1].execs, 1);
}

static void a_refusal_reaches_the_one_who_asked(void **state)
{
	(void)state;
	asking();
	Holdfast__ExecReply r = reply(0, 0, 0);
	r.refused = R_UNSUPPORTED;
	forge_reply(1, &r);
	assert_failed(0, R_UNSUPPORTED, "refused the command");
}

/* The next process of a node must not take the answers to its last one. */
static void a_restarted_node_numbers_its_questions_anew(void **state)
{
	(void)state;
	settled(2);
	w.nodes[1].mute_exec = true;
	node_exec(&w, 0, 2, "show version", 1);
	uint64_t first = call_of(0)->id;
	world_kill(&w, 0, 30);
	world_start(&w, 0, 300);
	node_exec(&w, 0, 2, "show version", 1);
	assert_true(call_of(0)->id > first + 1000 || call_of(0)->id + 1000 < first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_command_is_run_by_the_member_that_is_named),
		T(a_standby_may_ask_the_owner),
		T(an_empty_answer_is_one),
		T(a_long_answer_comes_in_pieces_one_at_a_time),
		T(a_lost_answer_ends_with_the_time_limit),
		T(a_member_that_leaves_is_not_waited_for),
		T(a_lost_connection_ends_it_too),
		T(who_is_not_there_or_oneself_is_not_asked),
		T(a_command_that_is_too_long_is_not_sent),
		T(few_commands_are_under_way_at_once),
		T(an_answer_of_another_member_is_not_taken),
		T(pieces_that_do_not_fit_end_it),
		T(a_message_that_is_cut_off_or_changed_is_refused),
		T(requests_that_must_not_be_run_are_refused),
		T(a_refusal_reaches_the_one_who_asked),
		T(a_restarted_node_numbers_its_questions_anew),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
