/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The snapshot channel (R22): real endpoints over loopback, in one process and
 * one loop. A wire in between can be cut and can damage what passes.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <qb/qbloop.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "statesync/adapters/zeromq.h"
#include "statesync/tests/fixtures.h"
#include "statesync/tests/wire.h"

#define OWNER    1u
#define JOINER   2u
#define INTRUDER 3u
#define WAIT_MS  30000u

static qb_loop_t *loop;
static unsigned int refused_logs, failed_logs;
static struct inet_endpoint refused_peer;

struct member {
	struct ss_zmq *channel;
	struct secret key;
	uint8_t public[SS_CURVE_KEY];
	uint8_t from; /* of the last message */
	size_t n, bytes;
	struct buf last;
	bool echo;
};

static struct member members[4];

/* ---- the loop, for a while ---- */

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static bool (*awaited)(void);
static uint64_t give_up_ms;

static void look(void *data)
{
	qb_loop_timer_handle t;

	(void)data;
	if ((awaited && awaited()) || now_ms() > give_up_ms)
		qb_loop_stop(loop);
	else
		qb_loop_timer_add(loop, QB_LOOP_LOW, 1000000, NULL, look, &t);
}

/* Turns until the condition holds; false when it does not in time. */
static bool turn(bool (*until)(void), uint64_t ms)
{
	/* A stop before the loop runs is forgotten by it. */
	if (until && until())
		return true;
	awaited = until;
	give_up_ms = now_ms() + ms;
	look(NULL);
	qb_loop_run(loop);
	return until && until();
}

/* ---- members ---- */

static void on_message(void *ctx, uint8_t from, struct bytes data)
{
	struct member *m = ctx;

	m->from = from;
	m->n++;
	m->bytes += data.len;
	must(buf_set(&m->last, data));
	if (m->echo)
		ss_zmq_answer(m->channel, from, data);
}

static void make_key(struct member *m)
{
	char public[41], secret[41];
	uint8_t raw[SS_CURVE_KEY];

	must(zmq_curve_keypair(public, secret) == 0 && zmq_z85_decode(m->public, public) &&
	     zmq_z85_decode(raw, secret) && secret_set(&m->key, bytes(raw, sizeof(raw))) == R_OK);
}

/* Member i with its key; the members it knows are those of a bit set. */
static void open_member(uint8_t i, unsigned int knows)
{
	struct ss_zmq_config cfg = {
		.loop = loop,
		.listen = { .addr = inet_v4(INADDR_LOOPBACK) },
		.slot = i,
		.key = &members[i].key,
		.message = on_message,
		.ctx = &members[i],
	};

	for (uint8_t k = 1; k < 4; k++) {
		cfg.members[k].known = k == i || (knows & (1u << k));
		memcpy(cfg.members[k].key, members[k].public, SS_CURVE_KEY);
	}
	assert_int_equal(ss_zmq_open(&cfg, &members[i].channel), R_OK);
	assert_int_not_equal(ss_zmq_port(members[i].channel), 0);
}

static struct inet_endpoint listens(uint8_t i)
{
	return (struct inet_endpoint){ .addr = inet_v4(INADDR_LOOPBACK),
				       .port = ss_zmq_port(members[i].channel) };
}

static void ask(uint8_t from, uint8_t to, const struct inet_endpoint *at, const char *text)
{
	ss_zmq_ask(members[from].channel, to, at, bytes(text, strlen(text)));
}

static void on_log(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	refused_logs += ev->id == LOG_REPL_CHANNEL_REFUSED;
	failed_logs += ev->id == LOG_REPL_CHANNEL_FAILED;
	if (ev->id == LOG_REPL_CHANNEL_REFUSED)
		refused_peer = ev->remote;
}

static int begin(void **state)
{
	(void)state;
	memset(members, 0, sizeof(members));
	loop = qb_loop_create();
	log_set_sink(on_log, NULL);
	refused_logs = failed_logs = 0;
	refused_peer = (struct inet_endpoint){ 0 };
	for (uint8_t i = 1; i < 4; i++)
		make_key(&members[i]);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (uint8_t i = 1; i < 4; i++) {
		ss_zmq_close(members[i].channel);
		secret_wipe(&members[i].key);
		buf_free(&members[i].last);
	}
	qb_loop_destroy(loop);
	log_set_sink(NULL, NULL);
	return 0;
}

static bool joiner_answered(void)
{
	return members[JOINER].n > 0;
}

static bool is_refused(void)
{
	return ss_zmq_stats(members[OWNER].channel)->refused > 0;
}

static bool is_refused_twice(void)
{
	return ss_zmq_stats(members[OWNER].channel)->refused > 1;
}

static bool intruder_failed(void)
{
	return ss_zmq_stats(members[INTRUDER].channel)->failed > 0;
}

/* ---- who is admitted ---- */

static void a_member_asks_and_is_answered(void **state)
{
	(void)state;
	open_member(OWNER, 1u << JOINER);
	open_member(JOINER, 1u << OWNER);
	members[OWNER].echo = true;
	struct inet_endpoint at = listens(OWNER);
	ask(JOINER, OWNER, &at, "more");
	assert_true(turn(joiner_answered, WAIT_MS));
	assert_int_equal(members[OWNER].from, JOINER);
	assert_int_equal(members[JOINER].from, OWNER);
	assert_bytes(buf_bytes(&members[JOINER].last), bytes("more", 4));
	assert_int_equal(ss_zmq_stats(members[OWNER].channel)->admitted, 1);
	assert_int_equal(ss_zmq_stats(members[OWNER].channel)->refused, 0);
	assert_int_equal(refused_logs + failed_logs, 0);
}

static void the_key_of_no_member_is_refused_counted_and_logged(void **state)
{
	(void)state;
	open_member(OWNER, 1u << JOINER);
	open_member(INTRUDER, 1u << OWNER);
	struct inet_endpoint at = listens(OWNER);
	ask(INTRUDER, OWNER, &at, "more");
	assert_true(turn(is_refused, WAIT_MS));
	assert_true(turn(intruder_failed, WAIT_MS));
	assert_int_equal(members[OWNER].n, 0);
	assert_int_equal(ss_zmq_stats(members[OWNER].channel)->admitted, 0);
	assert_true(refused_logs > 0);
	assert_int_equal(inet_to_v4(&refused_peer.addr), INADDR_LOOPBACK);
	assert_true(failed_logs > 0);
}

static void a_member_that_takes_the_owner_for_another_is_refused(void **state)
{
	(void)state;
	open_member(OWNER, 1u << JOINER);
	memcpy(members[OWNER].public, members[INTRUDER].public, SS_CURVE_KEY);
	open_member(JOINER, 1u << OWNER);
	struct inet_endpoint at = listens(OWNER);
	ask(JOINER, OWNER, &at, "more");
	assert_true(turn(is_refused, WAIT_MS));
	assert_int_equal(members[OWNER].n, 0);
	/* The connection may be gone before anybody could ask whose it is. */
	if (refused_peer.addr.family != INET_NONE)
		assert_int_equal(inet_to_v4(&refused_peer.addr), INADDR_LOOPBACK);
}

static int stranger(void)
{
	struct inet_endpoint at = listens(OWNER);
	struct sockaddr_storage ss;
	socklen_t len = inet_to_sockaddr(&at, &ss);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&ss, len), 0);
	return fd;
}

static void what_does_not_speak_curve_is_refused(void **state)
{
	static const char garbage[] =
		"GET / HTTP/1.0\r\n\r\n0123456789012345678901234567890123456789";
	(void)state;
	open_member(OWNER, 1u << JOINER);
	int fd = stranger();
	assert_true(write(fd, garbage, sizeof(garbage)) > 0);
	assert_true(turn(is_refused, WAIT_MS));
	close(fd);
	/* ZeroMQ, but without a key */
	void *context = zmq_ctx_new(), *dealer = zmq_socket(context, ZMQ_DEALER);
	char url[64];
	int linger = 0;
	snprintf(url, sizeof(url), "tcp://127.0.0.1:%u", ss_zmq_port(members[OWNER].channel));
	zmq_setsockopt(dealer, ZMQ_LINGER, &linger, sizeof(linger));
	assert_int_equal(zmq_connect(dealer, url), 0);
	zmq_send(dealer, "more", 4, ZMQ_DONTWAIT);
	assert_true(turn(is_refused_twice, WAIT_MS));
	assert_int_equal(members[OWNER].n, 0);
	zmq_close(dealer);
	zmq_ctx_term(context);
}

/* ---- what the wire does ---- */

static struct wire wire;

static void pair_over_a_wire(void)
{
	open_member(OWNER, 1u << JOINER);
	open_member(JOINER, 1u << OWNER);
	members[OWNER].echo = true;
	struct inet_endpoint at = listens(OWNER);
	wire_open(&wire, loop, &at);
	ask(JOINER, OWNER, &wire.at, "one");
	assert_true(turn(joiner_answered, WAIT_MS));
	members[JOINER].n = members[OWNER].n = 0;
}

static void a_connection_that_was_cut_is_made_again(void **state)
{
	(void)state;
	pair_over_a_wire();
	wire_cut(&wire);
	turn(NULL, 50);
	ask(JOINER, OWNER, &wire.at, "two");
	ask(JOINER, OWNER, &wire.at, "three"); /* newer: takes the place of the one before */
	assert_true(turn(joiner_answered, WAIT_MS));
	turn(NULL, 200);
	assert_int_equal(members[OWNER].n, 1);
	assert_bytes(buf_bytes(&members[JOINER].last), bytes("three", 5));
	wire_close(&wire);
}

static bool damage_is_done(void)
{
	return wire.damage == 0;
}

static void damaged_bytes_are_never_delivered(void **state)
{
	struct buf chunk = fixture_buf(3, 40000);
	(void)state;
	pair_over_a_wire();
	wire.damage = 20000;
	members[OWNER].echo = false;
	ss_zmq_answer(members[OWNER].channel, JOINER, buf_bytes(&chunk));
	assert_true(turn(damage_is_done, WAIT_MS));
	turn(NULL, 500);
	assert_int_equal(members[JOINER].n, 0);
	/* The connection is another one now, and is a good one. */
	members[OWNER].echo = true;
	ask(JOINER, OWNER, &wire.at, "again");
	assert_true(turn(joiner_answered, WAIT_MS));
	assert_bytes(buf_bytes(&members[JOINER].last), bytes("again", 5));
	buf_free(&chunk);
	wire_close(&wire);
}

static void messages_beyond_the_bound_are_refused(void **state)
{
	struct buf chunk = fixture_buf(4, SS_CHUNK_MAX + 1),
		   request = fixture_buf(5, SS_REQUEST_MAX + 1);
	(void)state;
	pair_over_a_wire();
	ss_zmq_answer(members[OWNER].channel, JOINER, buf_bytes(&chunk));
	turn(NULL, 500);
	assert_int_equal(members[JOINER].n, 0);
	ss_zmq_ask(members[JOINER].channel, OWNER, &wire.at, buf_bytes(&request));
	turn(NULL, 500);
	assert_int_equal(members[OWNER].n, 0);
	chunk.len = SS_CHUNK_MAX - 64;
	ask(JOINER, OWNER, &wire.at, "again");
	assert_true(turn(joiner_answered, WAIT_MS));
	members[JOINER].n = 0;
	ss_zmq_answer(members[OWNER].channel, JOINER, buf_bytes(&chunk));
	assert_true(turn(joiner_answered, WAIT_MS));
	assert_bytes(buf_bytes(&members[JOINER].last), buf_bytes(&chunk));
	buf_free(&chunk);
	buf_free(&request);
	wire_close(&wire);
}

static void a_member_that_has_not_asked_is_not_answered(void **state)
{
	(void)state;
	open_member(OWNER, 1u << JOINER);
	ss_zmq_answer(members[OWNER].channel, JOINER, bytes("x", 1));
	assert_int_equal(ss_zmq_stats(members[OWNER].channel)->send_failed, 1);
	assert_int_equal(ss_zmq_stats(members[OWNER].channel)->sent, 0);
	struct inet_endpoint at = listens(OWNER);
	ask(OWNER, INTRUDER, &at, "x"); /* no key is known for it */
	assert_int_equal(ss_zmq_stats(members[OWNER].channel)->send_failed, 2);
}

static void an_address_that_is_in_use_is_an_error(void **state)
{
	(void)state;
	open_member(OWNER, 1u << JOINER);
	struct ss_zmq_config cfg = {
		.loop = loop, .listen = listens(OWNER), .slot = JOINER, .key = &members[JOINER].key
	};
	assert_int_equal(ss_zmq_open(&cfg, &members[JOINER].channel), R_SYSTEM);
	assert_null(members[JOINER].channel);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_member_asks_and_is_answered),
		T(the_key_of_no_member_is_refused_counted_and_logged),
		T(a_member_that_takes_the_owner_for_another_is_refused),
		T(what_does_not_speak_curve_is_refused),
		T(a_connection_that_was_cut_is_made_again),
		T(damaged_bytes_are_never_delivered),
		T(messages_beyond_the_bound_are_refused),
		T(a_member_that_has_not_asked_is_not_answered),
		T(an_address_that_is_in_use_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
