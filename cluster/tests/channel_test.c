/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A join over the real snapshot channel (R22): two members of the harness,
 * each with an end of ZeroMQ over loopback, and a wire in between.
 */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>
#include <zmq.h>

#include "base/iana.h"
#include "cluster/tests/harness.h"
#include "statesync/adapters/zeromq.h"
#include "statesync/tests/wire.h"

#define OWNER  0
#define JOINER 1

static struct world w;
static qb_loop_t *loop;
static struct wire wire;
static struct ss_zmq *channels[2];
static struct secret keys[2];
static struct ss_zmq_member known[SS_SLOTS];

static struct {
	unsigned int asked, sent, taken; /* requests, chunks, chunks given to the joiner */
	unsigned int away_max;
	unsigned int damage; /* so many chunks from now, one is damaged */
	bool deaf;           /* the joiner takes nothing */
} seen;

/* ---- the channel below the harness ---- */

static void give(struct node *nd, struct bytes data)
{
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = data };

	seen.taken += nd == &w.nodes[JOINER];
	node_input(nd, &in);
}

static void on_message(void *ctx, uint8_t from, struct bytes data)
{
	struct node *nd = ctx;
	struct buf copy = { 0 };

	assert_int_equal(from, w.nodes[nd == &w.nodes[OWNER]].slot);
	must(buf_set(&copy, data));
	if (nd == &w.nodes[JOINER] && seen.damage > 0 && --seen.damage == 0)
		copy.p[copy.len / 2] ^= 1;
	if (nd != &w.nodes[JOINER] || !seen.deaf)
		give(nd, buf_bytes(&copy));
	buf_free(&copy);
}

static void on_effect(struct node *nd, const struct cl_effect *fx)
{
	size_t i = nd == &w.nodes[JOINER];

	if (fx->kind == CL_FX_SNAPSHOT_ASK) {
		seen.asked++;
		ss_zmq_ask(channels[i], fx->slot, &wire.at, buf_bytes(&fx->data));
		return;
	}
	seen.sent++;
	if (seen.sent - seen.taken > seen.away_max)
		seen.away_max = seen.sent - seen.taken;
	ss_zmq_answer(channels[i], fx->slot, buf_bytes(&fx->data));
}

static void open_end(size_t i)
{
	struct ss_zmq_config cfg = { .loop = loop,
				     .listen = { .addr = inet_v4(INADDR_LOOPBACK) },
				     .slot = (uint8_t)(i + 1),
				     .key = &keys[i],
				     .message = on_message,
				     .ctx = &w.nodes[i] };

	memcpy(cfg.members, known, sizeof(known));
	assert_int_equal(ss_zmq_open(&cfg, &channels[i]), R_OK);
}

static void make_key(size_t i)
{
	char public[41], secret[41];
	uint8_t raw[SS_CURVE_KEY];

	must(zmq_curve_keypair(public, secret) == 0 && zmq_z85_decode(known[i + 1].key, public) &&
	     zmq_z85_decode(raw, secret) && secret_set(&keys[i], bytes(raw, sizeof(raw))) == R_OK);
	known[i + 1].known = true;
}

static void stop_loop(void *data)
{
	(void)data;
	qb_loop_stop(loop);
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/*
 * A millisecond of the members' time, and at least one of the channel's: on a
 * machine that is slow the members wait no shorter for it.
 */
static void turn(void)
{
	qb_loop_timer_handle t;

	qb_loop_timer_add(loop, QB_LOOP_LOW, MS_NS, NULL, stop_loop, &t);
	qb_loop_run(loop);
	world_run(&w, 1);
}

static uint64_t cpu_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* ---- records ---- */

static void append(struct ss_record *records, size_t n)
{
	struct cl_input in = {
		.kind = CL_IN_RECORDS, .group = GROUP, .records = records, .n_records = n
	};

	node_input(&w.nodes[OWNER], &in);
	for (size_t i = 0; i < n; i++)
		ss_record_clear(&records[i]);
	world_run(&w, 1);
}

static struct buf filler(uint32_t tag, size_t len)
{
	struct buf b = { .p = malloc(len), .len = len };

	must(b.p);
	for (size_t i = 0; i < len; i++)
		b.p[i] = (uint8_t)(tag * 31 + i * 7);
	return b;
}

static struct secret key_of(uint32_t tag, size_t len)
{
	struct buf b = filler(tag, len);
	struct secret s = { 0 };

	must(secret_set(&s, buf_bytes(&b)) == R_OK);
	buf_free(&b);
	return s;
}

static struct ss_record ike_record(uint32_t i)
{
	struct ss_record r = { 0 };
	struct ike_sa_state s = {
		.spi_i = 0x1000000000000000u + i,
		.spi_r = 0x2000000000000000u + i,
		.stage = IKE_SA_ESTABLISHED,
		.connection = "198.51.100.1",
		.transforms = { ENCR_AES_GCM_16, 256, AUTH_NONE, PRF_HMAC_SHA2_256, 19 },
		.sk_d = key_of(i, 32),
		.sk_ei = key_of(i + 1, 36),
		.sk_er = key_of(i + 2, 36),
		.sk_pi = key_of(i + 3, 32),
		.sk_pr = key_of(i + 4, 32),
		.local_id = { ID_IPV4_ADDR, filler(i, 4) },
		.remote_id = { ID_IPV4_ADDR, filler(i + 1, 4) },
		.expected_request_id = 2,
		.last_response = filler(i, 240),
		.last_request_digest = filler(i, 32),
		.birth_term = 1,
	};

	s.local.addr = s.remote.addr = inet_v4(0xc0000200u + i);
	must(ss_encode_ike_sa(&s, &r) == R_OK);
	ike_sa_state_clear(&s);
	return r;
}

static struct ss_record child_record(uint32_t i)
{
	struct ss_record r = { 0 };
	struct child_sa_state s = {
		.spi_in = 0x10000100u + i,
		.spi_out = 0xc0000000u + i,
		.ike_spi = 0x2000000000000000u + i,
		.stage = CHILD_SA_INSTALLED,
		.transforms = { ENCR_AES_GCM_16, 256, AUTH_NONE, true },
		.local_ts = { .n = 1 },
		.remote_ts = { .n = 1 },
		.keys_in = { .encr = key_of(i, 36) },
		.keys_out = { .encr = key_of(i + 1, 36) },
		.birth_term = 1,
		.lease_end = 1000,
		.lifetime_kb = 4608000,
	};

	s.local.addr = s.remote.addr = inet_v4(0xc0000200u + i);
	s.local_ts.ts[0] = (struct traffic_selector){ .start = inet_v4(0xc6336400u),
						      .end = inet_v4(0xc63364ffu),
						      .port_end = 65535 };
	s.remote_ts.ts[0] = s.local_ts.ts[0];
	must(ss_encode_child_sa(&s, &r) == R_OK);
	child_sa_state_clear(&s);
	return r;
}

static struct ss_record lease_record(uint32_t i)
{
	struct ss_lease l = { .spi_in = 0x10000100u + i, .lease_end = 100000 + i, .rate_pps = 9 };
	struct ss_record r = { 0 };

	must(ss_encode_lease(&l, &r) == R_OK);
	return r;
}

static struct ss_record counters_record(uint32_t i)
{
	struct ss_counters c = { .spi_in = 0x10000100u + i,
				 .in_right_edge = 5000 + i,
				 .at_ms = 1000000,
				 .in_packets = 5000,
				 .out_packets = 6000 };
	struct ss_record r = { 0 };

	must(ss_encode_counters(&c, &r) == R_OK);
	return r;
}

/* Pairs of an IKE SA and a CHILD SA with its lease and its checkpoint: four records each. */
#define PER_BATCH 16

static void owner_gets(uint32_t pairs)
{
	struct ss_record r[4 * PER_BATCH];

	for (uint32_t i = 0; i < pairs;) {
		size_t n = 0;
		for (; i < pairs && n < 4 * PER_BATCH; i++) {
			r[n++] = ike_record(i);
			r[n++] = child_record(i);
			r[n++] = lease_record(i);
			r[n++] = counters_record(i);
		}
		append(r, n);
	}
}

/* ---- worlds ---- */

static int done(void **state)
{
	(void)state;
	w.snapshot = NULL;
	wire_close(&wire);
	for (size_t i = 0; i < 2; i++) {
		ss_zmq_close(channels[i]);
		secret_wipe(&keys[i]);
	}
	qb_loop_destroy(loop);
	world_free(&w);
	return 0;
}

/* The owner alone with its SAs; the joiner's process has just begun. */
static void joiner_starts(uint32_t pairs)
{
	memset(&seen, 0, sizeof(seen));
	world_settled(&w, 2);
	w.large = true;
	world_kill(&w, JOINER, 20);
	owner_gets(pairs);
	loop = qb_loop_create();
	for (size_t i = 0; i < 2; i++)
		make_key(i);
	for (size_t i = 0; i < 2; i++)
		open_end(i);
	struct inet_endpoint at = { .addr = inet_v4(INADDR_LOOPBACK),
				    .port = ss_zmq_port(channels[OWNER]) };
	wire_open(&wire, loop, &at);
	w.snapshot = on_effect;
	node_start(&w, JOINER);
	world_view(&w, true);
}

static void assert_same_state(uint32_t pairs)
{
	uint8_t a[32], b[32];

	ss_store_digest(cl_store(w.nodes[OWNER].cl, GROUP), a);
	ss_store_digest(cl_store(w.nodes[JOINER].cl, GROUP), b);
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(ss_store_count(cl_store(w.nodes[JOINER].cl, GROUP), 0), 4 * pairs);
	assert_true(w.nodes[OWNER].is_protected);
}

#define LIMIT_MS 60000u

static void until_standby(void)
{
	uint64_t give_up = now_ms() + LIMIT_MS;

	while (w.nodes[JOINER].role != CL_ROLE_STANDBY && now_ms() < give_up)
		turn();
	assert_int_equal(w.nodes[JOINER].role, CL_ROLE_STANDBY);
	world_run(&w, 40);
}

static void until_taken(unsigned int n)
{
	uint64_t give_up = now_ms() + LIMIT_MS;

	while (seen.taken < n && now_ms() < give_up)
		turn();
	assert_true(seen.taken >= n);
	assert_int_equal(w.nodes[JOINER].role, CL_ROLE_JOINING);
}

#define PAIRS 3000u

/* ---- tests ---- */

static void a_joiner_takes_the_state_over_the_channel(void **state)
{
	(void)state;
	joiner_starts(PAIRS);
	until_standby();
	assert_same_state(PAIRS);
	assert_true(seen.taken > 2 * SNAPSHOT_CREDIT);
	assert_int_equal(seen.sent, seen.taken);
	assert_true(seen.away_max <= SNAPSHOT_CREDIT);
	assert_true(ss_zmq_stats(channels[OWNER])->sent_bytes > 500 * PAIRS);
	assert_int_equal(ss_zmq_stats(channels[OWNER])->send_failed, 0);
}

static void a_joiner_that_takes_nothing_is_sent_no_more_than_it_granted(void **state)
{
	(void)state;
	joiner_starts(PAIRS);
	until_taken(3);
	seen.deaf = true;
	unsigned int taken = seen.taken;
	/* until just before it asks again */
	uint64_t until = w.nodes[JOINER].cl->groups[0].join.progress_ns +
			 (JOIN_ASK_MS - 100) * MS_NS;
	while (w.now_ns < until)
		turn();
	assert_true(seen.sent - taken <= SNAPSHOT_CREDIT);
	assert_true(seen.sent > taken);
	seen.deaf = false;
	until_standby();
	assert_same_state(PAIRS);
}

static void a_cut_connection_costs_what_was_on_its_way_and_no_more(void **state)
{
	(void)state;
	joiner_starts(PAIRS);
	for (unsigned int cut = 1; cut <= 3; cut++) {
		until_taken(cut * 12);
		wire_cut(&wire);
	}
	until_standby();
	assert_same_state(PAIRS);
	assert_int_equal(w.nodes[JOINER].cl->groups[0].join.id, 1); /* one marker */
	unsigned int whole = (unsigned int)(ss_zmq_stats(channels[JOINER])->received);
	assert_true(seen.sent >= whole);
	/* three times what may be away, and the repetition of a request */
	assert_true(seen.sent <= whole + 6 * SNAPSHOT_CREDIT);
}

static void a_damaged_chunk_is_refused_and_asked_for_again(void **state)
{
	(void)state;
	joiner_starts(PAIRS);
	seen.damage = 5;
	until_standby();
	assert_same_state(PAIRS);
	assert_int_equal(w.nodes[JOINER].logs[LOG_REPL_REFUSED], 1);
	assert_int_equal(w.nodes[JOINER].cl->groups[0].join.id, 1);
	assert_int_equal(node_status(&w.nodes[JOINER]).messages_refused, 1);
}

static void ten_thousand_pairs_of_sas_are_joined_in_five_seconds(void **state)
{
	const uint32_t pairs = 10000;
	(void)state;
	joiner_starts(pairs);
	uint64_t begin = now_ms(), cpu = cpu_ms();
	until_standby();
	uint64_t took = now_ms() - begin;
	cpu = cpu_ms() - cpu;
	assert_same_state(pairs);
	const struct ss_zmq_stats *st = ss_zmq_stats(channels[OWNER]);
	print_message("%u records, %llu bytes in %llu messages: %llu ms, %llu ms of work\n",
		      4 * pairs, (unsigned long long)st->sent_bytes, (unsigned long long)st->sent,
		      (unsigned long long)took, (unsigned long long)cpu);
	/* of work: how long that takes depends on who else is on the machine */
#ifndef __SANITIZE_ADDRESS__
	assert_true(cpu < 5000);
#endif
}

#define T(f) cmocka_unit_test_teardown(f, done)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_joiner_takes_the_state_over_the_channel),
		T(a_joiner_that_takes_nothing_is_sent_no_more_than_it_granted),
		T(a_cut_connection_costs_what_was_on_its_way_and_no_more),
		T(a_damaged_chunk_is_refused_and_asked_for_again),
		T(ten_thousand_pairs_of_sas_are_joined_in_five_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
