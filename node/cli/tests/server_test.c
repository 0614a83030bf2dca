/* SPDX-License-Identifier: Apache-2.0 */
/* The admin server over real libqb IPC: a child process serves, the test is the client. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <qb/qbipcc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/must.h"
#include "node/cli/protocol.h"
#include "node/cli/server.h"

#define CHILDREN 200u /* about 400 kB of text: many pieces */

static char service[64];
static pid_t server;

static enum result ops_child(void *ctx, const struct inet_addr *peer, struct view_child_list *out)
{
	(void)ctx;
	(void)peer;
	for (uint32_t i = 0; i < CHILDREN; i++)
		view_child_add(out)->spi_in = 0x10000000 + i;
	return R_OK;
}

static enum result ops_ike(void *ctx, const struct inet_addr *peer, struct view_ike_list *out)
{
	(void)ctx;
	(void)peer;
	(void)out;
	return R_OK;
}

static enum result ops_version(void *ctx, struct view_version *v)
{
	(void)ctx;
	snprintf(v->hostname, sizeof(v->hostname), "vpn1");
	return R_OK;
}

static enum result ops_failover(void *ctx, uint8_t group, struct view_failover *v)
{
	(void)group;
	(void)ctx;
	(void)v;
	return R_OK;
}

static struct admin_server *serving;
static qb_loop_t *loop;

static enum result ops_target(void *ctx, const struct admin_target *to, uint8_t *slot,
			      char why[ADMIN_WHY_MAX])
{
	(void)ctx;
	(void)to;
	(void)why;
	*slot = 2;
	return R_OK;
}

static void answer_long(void *data)
{
	static char text[3 * ADMIN_PIECE_MAX];
	memset(text, 'z', sizeof(text));
	admin_server_answer(serving, (uint64_t)(uintptr_t)data, ADMIN_ERROR,
			    bytes(text, sizeof(text)), NULL);
}

static void answer_none(void *data)
{
	admin_server_answer(serving, (uint64_t)(uintptr_t)data, ADMIN_ERROR, BYTES_NONE,
			    "vpn2 did not answer");
	/* Nobody waits any more. */
	admin_server_answer(serving, (uint64_t)(uintptr_t)data, ADMIN_OK, bytes("twice", 5), NULL);
}

/* "long": answered after a while, in pieces; "none": with an error; anything else: never. */
static void ops_ask(void *ctx, uint8_t slot, const char *line, bool json, uint64_t ticket)
{
	qb_loop_timer_handle timer;
	(void)ctx;
	(void)slot;
	(void)json;
	void *data = (void *)(uintptr_t)ticket;
	if (strcmp(line, "long") == 0)
		qb_loop_timer_add(loop, QB_LOOP_MED, 50000000, data, answer_long, &timer);
	if (strcmp(line, "none") == 0)
		qb_loop_timer_add(loop, QB_LOOP_MED, 50000000, data, answer_none, &timer);
}

static const struct admin_ops ops = {
	.exec_target = ops_target,
	.exec_ask = ops_ask,
	.child_sas = ops_child,
	.ike_sas = ops_ike,
	.version = ops_version,
	.failover = ops_failover,
};

static void serve(int ready)
{
	loop = qb_loop_create();
	must(admin_server_new(loop, service, &ops, &serving) == R_OK);
	must(write(ready, "x", 1) == 1);
	qb_loop_run(loop);
}

static int start(void **state)
{
	int fds[2];
	char byte;
	(void)state;
	snprintf(service, sizeof(service), "holdfast-test-%d", (int)getpid());
	if (pipe(fds) != 0)
		return -1;
	server = fork();
	if (server == 0) {
		serve(fds[1]);
		_exit(1);
	}
	close(fds[1]);
	bool ready = read(fds[0], &byte, 1) == 1;
	close(fds[0]);
	return ready ? 0 : -1;
}

static int stop(void **state)
{
	(void)state;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	return 0;
}

static qb_ipcc_connection_t *join(void)
{
	qb_ipcc_connection_t *c = qb_ipcc_connect(service, ADMIN_MESSAGE_MAX);
	assert_non_null(c);
	return c;
}

static struct admin_request request(enum admin_request_id id, const char *line)
{
	struct admin_request req = { .header.id = id, .len = (uint32_t)strlen(line) };
	memcpy(req.line, line, req.len);
	req.header.size = (int32_t)(offsetof(struct admin_request, line) + req.len);
	return req;
}

static ssize_t transact_within(qb_ipcc_connection_t *c, struct admin_request *req,
			       struct admin_response *r, int ms)
{
	struct iovec iov = { .iov_base = req, .iov_len = (size_t)req->header.size };
	return qb_ipcc_sendv_recv(c, &iov, 1, r, sizeof(*r), ms);
}

static ssize_t transact(qb_ipcc_connection_t *c, struct admin_request *req,
			struct admin_response *r)
{
	return transact_within(c, req, r, 5000);
}

/* The whole answer; *pieces counts its messages. */
static struct text ask(qb_ipcc_connection_t *c, enum admin_request_id id, const char *line,
		       uint32_t *exit, int *pieces)
{
	struct admin_request req = request(id, line);
	struct admin_response r;
	struct text text = { 0 };
	*pieces = 0;
	do {
		assert_true(transact(c, &req, &r) > 0);
		text_append(&text, bytes(r.text, r.len));
		*exit = r.exit;
		++*pieces;
		req = request(ADMIN_NEXT, "");
	} while (r.more);
	return text;
}

static void a_command_is_answered_with_text_and_exit_code(void **state)
{
	qb_ipcc_connection_t *c = join();
	uint32_t exit;
	int pieces;
	(void)state;
	struct text out = ask(c, ADMIN_RUN, "show crypto ikev2 sa", &exit, &pieces);
	assert_string_equal(text_string(&out), "\nThere are no IKEv2 SAs\n");
	assert_int_equal(exit, ADMIN_OK);
	assert_int_equal(pieces, 1);
	text_free(&out);
	out = ask(c, ADMIN_RUN, "show nothing", &exit, &pieces);
	assert_int_equal(exit, ADMIN_USAGE);
	assert_int_equal(strncmp(text_string(&out), "ERROR: 'nothing'", 16), 0);
	text_free(&out);
	out = ask(c, ADMIN_PROMPT, "", &exit, &pieces);
	assert_string_equal(text_string(&out), "vpn1# ");
	text_free(&out);
	qb_ipcc_disconnect(c);
}

static void an_answer_longer_than_a_message_comes_in_pieces_and_whole(void **state)
{
	qb_ipcc_connection_t *c = join(), *other = join();
	uint32_t exit;
	int pieces;
	(void)state;
	struct text out = ask(c, ADMIN_RUN, "show crypto ipsec sa", &exit, &pieces);
	struct text small = ask(other, ADMIN_RUN, "show crypto ikev2 sa", &exit, &pieces);
	text_free(&small);
	struct text again = ask(other, ADMIN_RUN, "show crypto ipsec sa", &exit, &pieces);
	assert_true(pieces > 10);
	assert_true(out.len > 10 * ADMIN_PIECE_MAX);
	assert_string_equal(text_string(&out), text_string(&again));
	for (uint32_t i = 0; i < CHILDREN; i++) {
		char spi[32];
		snprintf(spi, sizeof(spi), "spi: 0x%08X (", 0x10000000 + i);
		assert_non_null(strstr(text_string(&out), spi));
	}
	text_free(&out);
	text_free(&again);
	qb_ipcc_disconnect(c);
	qb_ipcc_disconnect(other);
}

static void a_client_may_leave_in_the_middle_of_an_answer(void **state)
{
	struct admin_response r;
	(void)state;
	for (int i = 0; i < 20; i++) {
		qb_ipcc_connection_t *c = join();
		struct admin_request req = request(ADMIN_RUN, "show crypto ipsec sa");
		assert_true(transact(c, &req, &r) > 0);
		assert_int_equal(r.more, 1);
		qb_ipcc_disconnect(c);
	}
}

static void a_request_that_lies_about_its_length_ends_its_own_connection_only(void **state)
{
	struct admin_response r;
	uint32_t exit;
	int pieces;
	(void)state;
	static const uint32_t lies[] = { 21, ADMIN_LINE_MAX + 1, UINT32_MAX };
	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		qb_ipcc_connection_t *c = join();
		struct admin_request req = request(ADMIN_RUN, "show crypto ikev2 sa");
		req.len = lies[i];
		assert_true(transact_within(c, &req, &r, 200) <= 0);
		qb_ipcc_disconnect(c);
	}
	qb_ipcc_connection_t *c = join();
	struct text out = ask(c, ADMIN_RUN, "show crypto ikev2 sa", &exit, &pieces);
	assert_int_equal(exit, ADMIN_OK);
	text_free(&out);
	qb_ipcc_disconnect(c);
}

static void an_answer_may_come_later(void **state)
{
	qb_ipcc_connection_t *c = join(), *other = join();
	struct admin_request asked = request(ADMIN_RUN, "failover exec mate long");
	struct admin_response r;
	uint32_t exit;
	int pieces;
	(void)state;
	assert_true(qb_ipcc_send(c, &asked, (size_t)asked.header.size) > 0);
	/* Meanwhile the others are served. */
	struct text out = ask(other, ADMIN_RUN, "show crypto ikev2 sa", &exit, &pieces);
	assert_int_equal(exit, ADMIN_OK);
	text_free(&out);
	size_t len = 0;
	assert_true(qb_ipcc_recv(c, &r, sizeof(r), 5000) > 0);
	for (;;) {
		struct admin_request next = request(ADMIN_NEXT, "");
		assert_int_equal(r.exit, ADMIN_ERROR);
		len += r.len;
		if (!r.more)
			break;
		assert_true(transact(c, &next, &r) > 0);
	}
	assert_int_equal(len, 3 * ADMIN_PIECE_MAX);
	out = ask(c, ADMIN_RUN, "failover exec mate none", &exit, &pieces);
	assert_string_equal(text_string(&out), "ERROR: vpn2 did not answer\n");
	assert_int_equal(exit, ADMIN_ERROR);
	text_free(&out);
	out = ask(c, ADMIN_RUN, "show crypto ikev2 sa", &exit, &pieces);
	assert_string_equal(text_string(&out), "\nThere are no IKEv2 SAs\n");
	text_free(&out);
	qb_ipcc_disconnect(c);
	qb_ipcc_disconnect(other);
}

static void a_client_that_does_not_wait_for_it_hurts_nobody(void **state)
{
	struct admin_request asked = request(ADMIN_RUN, "failover exec mate long");
	struct admin_request next = request(ADMIN_NEXT, "");
	struct admin_response r;
	uint32_t exit;
	int pieces;
	(void)state;
	for (int i = 0; i < 10; i++) {
		qb_ipcc_connection_t *c = join();
		assert_true(qb_ipcc_send(c, &asked, (size_t)asked.header.size) > 0);
		qb_ipcc_disconnect(c);
	}
	/* Nor does one that asks on before its answer has come: it is dropped. */
	qb_ipcc_connection_t *c = join();
	asked = request(ADMIN_RUN, "failover exec mate never");
	assert_true(qb_ipcc_send(c, &asked, (size_t)asked.header.size) > 0);
	assert_true(transact_within(c, &next, &r, 300) <= 0);
	qb_ipcc_disconnect(c);
	usleep(100000);
	c = join();
	struct text out = ask(c, ADMIN_RUN, "show crypto ikev2 sa", &exit, &pieces);
	assert_int_equal(exit, ADMIN_OK);
	text_free(&out);
	qb_ipcc_disconnect(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_is_answered_with_text_and_exit_code),
		cmocka_unit_test(an_answer_longer_than_a_message_comes_in_pieces_and_whole),
		cmocka_unit_test(a_client_may_leave_in_the_middle_of_an_answer),
		cmocka_unit_test(an_answer_may_come_later),
		cmocka_unit_test(a_client_that_does_not_wait_for_it_hurts_nobody),
		cmocka_unit_test(a_request_that_lies_about_its_length_ends_its_own_connection_only),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
