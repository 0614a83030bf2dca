/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer may send that is wrong: each case one message to B, sealed with A's
 * keys, and the notify that must answer it (RFC 7296 2.5, 2.21, 2.25, 3.10.1).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "base/wire_reader.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/tests/engine_harness.h"

typedef void (*build_fn)(struct world *w, struct ike_builder *b);

/* The one IKE SA of a side, in whatever stage. */
static void find_only(void *ctx, const struct ike_sa_state *s)
{
	struct ike_sa_state *out = ctx;

	assert_int_equal(out->spi_i, 0);
	*out = *s;
}

static struct ike_sa_state only_sa(struct world *w, int side)
{
	struct ike_sa_state s = { 0 };

	ike_each_sa(w->side[side].engine, find_only, &s);
	assert_int_not_equal(s.spi_i, 0);
	return s;
}

/* A message in A's name and keys, delivered to B. */
static void forge_as(struct world *w, uint8_t exchange, uint8_t flags, uint32_t message_id,
		     build_fn build)
{
	struct ike_sa_state a = only_sa(w, A);
	struct ike_header h = { .exchange = exchange, .flags = flags, .message_id = message_id };
	uint8_t plain[2048];
	struct ike_builder b;

	ike_build_inner(&b, plain, sizeof(plain));
	build(w, &b);

	struct buf out = world_sealed(&a, h, &b);

	w->hold_net = true;
	world_input(w, B,
		    &(struct ike_input){ .kind = IKE_IN_DATAGRAM,
					 .local = a.remote,
					 .remote = a.local,
					 .datagram = buf_bytes(&out) });
	buf_free(&out);
}

/* The request that B waits for. */
static void forge(struct world *w, uint8_t exchange, build_fn build)
{
	forge_as(w, exchange, 0, only_sa(w, B).expected_request_id, build);
}

struct reply {
	struct ike_message m;
	struct buf datagram, plain;
};

/* B's answer, opened with A's keys. */
static void take_reply(struct world *w, struct reply *r)
{
	struct ike_crypto *c = ike_crypto_new();
	struct ike_sa_state a = only_sa(w, A);
	struct sk_key key;

	*r = (struct reply){ 0 };
	assert_int_equal(w->n_net, 1);
	assert_true(buf_set(&r->datagram, buf_bytes(&w->net[0].datagram)));
	assert_int_equal(ike_message_decode(buf_bytes(&r->datagram), &r->m), R_OK);
	assert_int_equal(sk_key_of(&a, false, &key), R_OK);
	assert_int_equal(sk_open(c, &key, &r->m, &r->plain), R_OK);
	assert_int_equal(ike_message_decode_inner(&r->m, buf_bytes(&r->plain)), R_OK);
	ike_crypto_free(c);
}

static void reply_free(struct reply *r)
{
	buf_free(&r->datagram);
	buf_free(&r->plain);
}

/* ---- messages ---- */

static void empty(struct world *w, struct ike_builder *b)
{
	(void)w;
	(void)b;
}

static void unknown_payload(struct world *w, struct ike_builder *b)
{
	(void)w;
	ike_build_payload(b, 200);
	wire_put_u32(&b->w, 1);
}

static void unknown_critical_payload(struct world *w, struct ike_builder *b)
{
	size_t at = b->w.len;

	unknown_payload(w, b);
	b->w.base[at + 1] |= 0x80;
}

static void short_notify(struct world *w, struct ike_builder *b)
{
	(void)w;
	ike_build_payload(b, PAYLOAD_NOTIFY);
	wire_put_u8(&b->w, 0);
}

static void status_notify(struct world *w, struct ike_builder *b)
{
	(void)w;
	notify_put(b, 40000, bytes("x", 1));
}

static void delete_unknown(struct world *w, struct ike_builder *b)
{
	uint32_t spi = 0x12345678;

	(void)w;
	delete_put_esp(b, &spi, 1);
}

static void delete_one_twice(struct world *w, struct ike_builder *b)
{
	uint32_t spis[2] = { world_outbound(w, A, 1)->s.spi_in, world_outbound(w, A, 1)->s.spi_in };

	delete_put_esp(b, spis, 2);
}

static void delete_lies_about_its_number(struct world *w, struct ike_builder *b)
{
	(void)w;
	ike_build_payload(b, PAYLOAD_DELETE);
	wire_put_u8(&b->w, PROTO_ESP);
	wire_put_u8(&b->w, 4);
	wire_put_u16(&b->w, 0xffff);
	wire_put_u32(&b->w, 0x12345678);
}

static void delete_ike_twice(struct world *w, struct ike_builder *b)
{
	(void)w;
	delete_put_ike(b);
	delete_put_ike(b);
}

static void auth_failed(struct world *w, struct ike_builder *b)
{
	(void)w;
	notify_put(b, N_AUTHENTICATION_FAILED, BYTES_NONE);
}

static void child_body(struct world *w, struct ike_builder *b, bool right_transforms,
		       bool right_selectors)
{
	static const uint8_t nonce[32] = { 7 };
	struct options o = w->opt;
	struct ike_config *c;
	struct ike_child_config *line;
	struct sa_payload offer;
	struct ts_list tsi = { .n = 1 }, tsr = { .n = 1 };

	c = world_config(w, A, &o);
	line = &c->connections[0].children[0];
	if (!right_transforms)
		line->proposals[0].encr[0].key_bits = 128;
	assert_int_equal(proposal_offer_child(line, CHILD_IN_CREATE, 0x11223344, &offer), R_OK);
	tsi.ts[0] = line->local;
	tsr.ts[0] = line->remote;
	if (!right_selectors)
		tsr.ts[0].start = tsr.ts[0].end = inet_v4(0xcb007105);
	sa_put(b, &offer);
	nonce_put(b, bytes(nonce, sizeof(nonce)));
	ts_put(b, PAYLOAD_TSI, &tsi);
	ts_put(b, PAYLOAD_TSR, &tsr);
	ike_config_free(c);
}

static void child(struct world *w, struct ike_builder *b)
{
	child_body(w, b, true, true);
}

static void child_with_wrong_transforms(struct world *w, struct ike_builder *b)
{
	child_body(w, b, false, true);
}

static void child_with_wrong_selectors(struct world *w, struct ike_builder *b)
{
	child_body(w, b, true, false);
}

static void rekey_notify(struct ike_builder *b, uint8_t protocol, uint32_t spi)
{
	ike_build_payload(b, PAYLOAD_NOTIFY);
	wire_put_u8(&b->w, protocol);
	wire_put_u8(&b->w, 4);
	wire_put_u16(&b->w, N_REKEY_SA);
	wire_put_u32(&b->w, spi);
}

static void rekey_of_unknown(struct world *w, struct ike_builder *b)
{
	rekey_notify(b, PROTO_ESP, 0x12345678);
	child_body(w, b, true, true);
}

static void rekey_of_protocol_0(struct world *w, struct ike_builder *b)
{
	rekey_notify(b, 0, world_outbound(w, A, 1)->s.spi_in);
	child_body(w, b, true, true);
}

static void rekey_of_protocol_ike(struct world *w, struct ike_builder *b)
{
	rekey_notify(b, PROTO_IKE, world_outbound(w, A, 1)->s.spi_in);
	child_body(w, b, true, true);
}

static void rekey_without_spi(struct world *w, struct ike_builder *b)
{
	notify_put(b, N_REKEY_SA, BYTES_NONE);
	child_body(w, b, true, true);
}

static void child_without_nonce(struct world *w, struct ike_builder *b)
{
	struct ts_list ts = { .n = 1, .ts = { world_outbound(w, A, 1)->s.local_ts.ts[0] } };

	ts_put(b, PAYLOAD_TSI, &ts);
	ts_put(b, PAYLOAD_TSR, &ts);
}

struct refusal {
	const char *story;
	uint8_t exchange;
	build_fn build;
	uint16_t notify; /* 0: no error notify */
	bool gone;       /* the IKE SA ends */
};

static const struct refusal refusals[] = {
	{ "an empty INFORMATIONAL is answered empty", INFORMATIONAL, empty, 0, false },
	{ "an unknown payload is skipped", INFORMATIONAL, unknown_payload, 0, false },
	{ "an unknown status notify is ignored", INFORMATIONAL, status_notify, 0, false },
	{ "an unknown critical payload is named", INFORMATIONAL, unknown_critical_payload,
	  N_UNSUPPORTED_CRITICAL_PAYLOAD, false },
	{ "a malformed payload inside the SA", INFORMATIONAL, short_notify, N_INVALID_SYNTAX,
	  true },
	{ "an unknown exchange inside the SA", 99, empty, N_INVALID_SYNTAX, true },
	{ "IKE_AUTH on an established SA", IKE_AUTH, empty, N_INVALID_SYNTAX, true },
	{ "DELETE of an unknown SPI", INFORMATIONAL, delete_unknown, 0, false },
	{ "DELETE of one SPI twice", INFORMATIONAL, delete_one_twice, 0, false },
	{ "DELETE with a false number", INFORMATIONAL, delete_lies_about_its_number,
	  N_INVALID_SYNTAX, true },
	{ "DELETE of the IKE SA twice", INFORMATIONAL, delete_ike_twice, 0, true },
	{ "the initiator does not authenticate us", INFORMATIONAL, auth_failed, 0, true },
	{ "no ESP transform in common", CREATE_CHILD_SA, child_with_wrong_transforms,
	  N_NO_PROPOSAL_CHOSEN, false },
	{ "no selector in common", CREATE_CHILD_SA, child_with_wrong_selectors, N_TS_UNACCEPTABLE,
	  false },
	{ "rekey of an unknown SPI", CREATE_CHILD_SA, rekey_of_unknown, N_CHILD_SA_NOT_FOUND,
	  false },
	{ "rekey with protocol 0", CREATE_CHILD_SA, rekey_of_protocol_0, N_CHILD_SA_NOT_FOUND,
	  false },
	{ "rekey with protocol IKE", CREATE_CHILD_SA, rekey_of_protocol_ike, N_CHILD_SA_NOT_FOUND,
	  false },
	{ "rekey without an SPI", CREATE_CHILD_SA, rekey_without_spi, N_CHILD_SA_NOT_FOUND, false },
	{ "CREATE_CHILD_SA without nonce", CREATE_CHILD_SA, child_without_nonce, N_INVALID_SYNTAX,
	  true },
	{ "a further CHILD SA of the same line is granted", CREATE_CHILD_SA, child, 0, false },
};

static void each_wrong_message_has_its_answer(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		const struct refusal *r = &refusals[i];
		struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
		const struct notify_payload *error;
		struct reply reply;

		forge(w, r->exchange, r->build);
		take_reply(w, &reply);
		error = ike_message_error(&reply.m);
		if ((error != NULL ? error->type : 0) != r->notify)
			fail_msg("%s: answered by %u", r->story, error != NULL ? error->type : 0);
		if (r->notify == N_UNSUPPORTED_CRITICAL_PAYLOAD)
			assert_int_equal(error->data.p[0], 200);
		assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), r->gone);
		assert_int_equal(world_count_sa(w, B, IKE_SA_ESTABLISHED), !r->gone);
		reply_free(&reply);
		world_free(w);
	}
}

/*
 * 2.21.3: "If a peer parsing a request notices that it is badly formatted [...] and it returns
 * an INVALID_SYNTAX notification, then this error notification is considered fatal in both
 * peers, meaning that the IKE SA is deleted without needing an explicit INFORMATIONAL exchange."
 */
static void invalid_syntax_ends_the_ike_sa_and_the_next_owner_repeats_it(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, true);
	struct buf first = { 0 };
	uint32_t id;

	(void)state;
	id = only_sa(w, B).expected_request_id;
	forge(w, INFORMATIONAL, short_notify);
	assert_int_equal(w->n_net, 1);
	assert_true(w->net[0].response);
	assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
	assert_int_equal(w->side[B].n_dp, 0);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_DOWN], 1);
	assert_true(buf_set(&first, buf_bytes(&w->net[0].datagram)));
	world_drop(w, 0);

	/* R4: the answer was lost with the node. */
	world_takeover(w, B, false);
	assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
	forge_as(w, INFORMATIONAL, 0, id, short_notify);
	assert_int_equal(w->n_net, 1);
	assert_true(bytes_equal(buf_bytes(&w->net[0].datagram), buf_bytes(&first)));
	world_drop(w, 0);
	forge_as(w, INFORMATIONAL, 0, id + 1, empty);
	assert_int_equal(w->n_net, 0);
	buf_free(&first);
	world_free(w);
}

static void invalid_syntax(struct world *w, struct ike_builder *b)
{
	(void)w;
	notify_put(b, N_INVALID_SYNTAX, BYTES_NONE);
}

/* 2.21.3: the same in the peer that is told. */
static void invalid_syntax_in_a_response_ends_the_ike_sa(void **state)
{
	static const enum ike_input_kind ours[] = { IKE_IN_LIVENESS, IKE_IN_REKEY_IKE };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
		struct ike_sa_state b = only_sa(w, B);

		w->hold_net = true;
		world_input(w, B, &(struct ike_input){ .kind = ours[i], .ike_spi = b.spi_r });
		b = only_sa(w, B);
		assert_int_not_equal(b.outstanding.kind, IKE_REQ_NONE);
		world_drop_all(w);
		forge_as(w, b.outstanding.exchange, IKE_FLAG_RESPONSE, b.outstanding.message_id,
			 invalid_syntax);
		assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
		assert_int_equal(w->side[B].n_dp, 0);
		assert_int_equal(w->n_net, 0);
		world_free(w);
	}
}

/* Puts a side where its message ids are nearly used up, by way of its standby. */
static void at_message_ids(struct world *w, int side, uint32_t ours, uint32_t theirs)
{
	struct ike_sa_state s = only_sa(w, side);

	s.next_request_id = ours;
	s.expected_request_id = theirs;
	assert_int_equal(ike_import_sa(w->side[side].standby, &s), R_OK);
	world_takeover(w, side, false);
}

/* 2.2: "In the unlikely event that Message IDs grow too large to fit in 32 bits, the IKE SA
 * MUST be closed or rekeyed." The peer does neither. */
static void the_ids_of_a_peer_do_not_begin_again(void **state)
{
	struct world *w = world_up(1, &(struct options){ 0 }, true);
	struct ike_sa_state b;

	(void)state;
	at_message_ids(w, B, only_sa(w, B).next_request_id, UINT32_MAX - 2);
	forge_as(w, INFORMATIONAL, 0, UINT32_MAX - 2, empty);
	assert_int_equal(w->n_net, 2);
	assert_int_equal(world_count_sa(w, B, IKE_SA_DELETING), 1);
	forge_as(w, INFORMATIONAL, 0, UINT32_MAX - 1, empty);
	forge_as(w, INFORMATIONAL, 0, UINT32_MAX, empty);
	forge_as(w, INFORMATIONAL, 0, 0, empty);
	assert_int_equal(w->n_net, 3);
	b = only_sa(w, B);
	assert_int_equal(b.expected_request_id, UINT32_MAX);
	world_free(w);
}

static void delete_of_a_child_is_answered_with_our_half(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	uint32_t ours = world_outbound(w, B, 1)->s.spi_in;
	struct reply r;

	(void)state;
	forge(w, INFORMATIONAL, delete_one_twice);
	take_reply(w, &r);
	assert_int_equal(r.m.n_deletes, 1);
	assert_int_equal(r.m.deletes[0].n, 1);
	assert_int_equal(delete_spi(&r.m.deletes[0], 0), ours);
	assert_null(world_outbound(w, B, 1));
	reply_free(&r);
	world_free(w);
}

static void children_of_one_line_are_bounded(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	const struct notify_payload *error = NULL;

	(void)state;
	for (int i = 0; i < 10 && error == NULL; i++) {
		struct reply r;

		world_drop_all(w);
		forge(w, CREATE_CHILD_SA, child);
		take_reply(w, &r);
		error = ike_message_error(&r.m);
		if (error != NULL)
			assert_int_equal(error->type, N_NO_ADDITIONAL_SAS);
		reply_free(&r);
	}
	assert_non_null(error);
	world_free(w);
}

/* CVE-2026-78135: nothing but IKE_AUTH is served before the peer is known. */
static void a_half_open_serves_nothing_but_auth(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	(void)state;
	initiate(w, A, 1);
	world_deliver(w, 0);
	world_deliver(w, 0);
	/* Sealed with the right keys, with the right message id. */
	forge(w, CREATE_CHILD_SA, child);
	forge(w, INFORMATIONAL, empty);
	forge(w, INFORMATIONAL, delete_ike_twice);
	assert_int_equal(w->n_net, 1);
	assert_int_equal(world_count_sa(w, B, IKE_SA_INIT_ANSWERED), 1);
	w->hold_net = false;
	world_run(w, 1000);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

static void a_malformed_auth_is_answered_and_ends_the_half_open(void **state)
{
	static const struct refusal cases[] = {
		{ "critical", IKE_AUTH, unknown_critical_payload, N_UNSUPPORTED_CRITICAL_PAYLOAD,
		  true },
		{ "no AUTH", IKE_AUTH, empty, N_INVALID_SYNTAX, true },
		{ "malformed", IKE_AUTH, short_notify, N_INVALID_SYNTAX, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *w = world_new(1, &(struct options){ 0 }, false);
		struct reply r;

		initiate(w, A, 1);
		world_deliver(w, 0);
		world_deliver(w, 0);
		world_drop(w, 0);
		forge(w, IKE_AUTH, cases[i].build);
		take_reply(w, &r);
		assert_non_null(ike_message_error(&r.m));
		assert_int_equal(ike_message_error(&r.m)->type, cases[i].notify);
		assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
		reply_free(&r);
		world_free(w);
	}
}

/* 1.4.1: that it came is enough; the CHILD SA does not stay half closed. */
static void a_malformed_answer_to_a_delete_still_closes(void **state)
{
	struct options o = { .lines = 2 };
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);

	(void)state;
	o.lines = 1;
	w->hold_net = true;
	world_configure(w, B, &o);
	assert_int_equal(world_count_child(w, B, CHILD_SA_DELETING), 1);
	forge_as(w, INFORMATIONAL, IKE_FLAG_RESPONSE, only_sa(w, B).outstanding.message_id,
		 short_notify);
	assert_int_equal(only_sa(w, B).outstanding.kind, IKE_REQ_NONE);
	assert_int_equal(world_count_child(w, B, CHILD_SA_DELETING), 0);
	world_run(w, 6000);
	assert_int_equal(w->side[B].n_dp, 1);
	world_free(w);
}

static void auth_failed_and_delete(struct world *w, struct ike_builder *b)
{
	auth_failed(w, b);
	delete_ike_twice(w, b);
}

static void an_ike_sa_goes_down_once(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);

	(void)state;
	forge(w, INFORMATIONAL, auth_failed_and_delete);
	assert_int_equal(world_count_sa(w, B, IKE_SA_DEAD), 1);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_DOWN], 1);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_wrong_message_has_its_answer),
		cmocka_unit_test(invalid_syntax_ends_the_ike_sa_and_the_next_owner_repeats_it),
		cmocka_unit_test(invalid_syntax_in_a_response_ends_the_ike_sa),
		cmocka_unit_test(the_ids_of_a_peer_do_not_begin_again),
		cmocka_unit_test(delete_of_a_child_is_answered_with_our_half),
		cmocka_unit_test(children_of_one_line_are_bounded),
		cmocka_unit_test(a_half_open_serves_nothing_but_auth),
		cmocka_unit_test(a_malformed_auth_is_answered_and_ends_the_half_open),
		cmocka_unit_test(a_malformed_answer_to_a_delete_still_closes),
		cmocka_unit_test(an_ike_sa_goes_down_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
