/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What anybody may send that has no keys: flipped, cut, random and unprotected messages
 * change nothing (RFC 7296 2.5, 2.21.4).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "ike/payload.h"
#include "ike/tests/engine_harness.h"

struct mark {
	struct ike_sa_state a, b;
	uint64_t out_a, out_b;
};

static void mark(struct world *w, struct mark *m)
{
	*m = (struct mark){ .a = world_sa(w, A),
			    .b = world_sa(w, B),
			    .out_a = world_outbound(w, A, 1)->s.spi_in,
			    .out_b = world_outbound(w, B, 1)->s.spi_in };
}

static void assert_unchanged(struct world *w, const struct mark *m)
{
	struct mark now;

	mark(w, &now);
	assert_memory_equal(&now.a.next_request_id, &m->a.next_request_id, 2 * sizeof(uint32_t));
	assert_memory_equal(&now.b.next_request_id, &m->b.next_request_id, 2 * sizeof(uint32_t));
	assert_true(inet_endpoint_equal(&now.a.remote, &m->a.remote) &&
		    inet_endpoint_equal(&now.b.remote, &m->b.remote));
	assert_true(now.out_a == m->out_a && now.out_b == m->out_b);
}

/* All messages of a life: set-up, rekeys, liveness. */
static size_t record_life(struct buf *messages, size_t cap)
{
	struct world *w = world_new(1, &(struct options){ .lines = 2, .pfs = DH_CURVE25519 },
				    false);
	size_t n = 0;

	w->hold_net = true;
	initiate(w, A, 0);
	for (int phase = 0; phase < 4; phase++) {
		while (w->n_net > 0 && n < cap) {
			messages[n] = (struct buf){ 0 };
			must(buf_set(&messages[n++], buf_bytes(&w->net[0].datagram)));
			world_deliver(w, 0);
		}
		if (phase == 0)
			rekey_child(w, B);
		if (phase == 1)
			rekey_ike(w, A);
		if (phase == 2)
			liveness(w, B);
	}
	world_free(w);
	return n;
}

static void throw_at(struct world *w, int side, struct bytes m)
{
	world_inject(w, side, m);
	world_drop_all(w);
}

/* The seed is that of the recorded life: the SPIs are right, so all but the integrity fits. */
static void flipped_and_cut_messages_change_no_established_sa(void **state)
{
	struct buf life[64];
	size_t n = record_life(life, 64);
	struct world *w = world_new(
		1, &(struct options){ .lines = 2, .pfs = DH_CURVE25519, .half_open_max = 4 },
		false);
	struct mark m;

	(void)state;
	assert_in_range(n, 14, 63);
	initiate(w, A, 0);
	world_run(w, 2000);
	mark(w, &m);
	w->hold_net = true;
	for (size_t i = 0; i < n; i++) {
		for (size_t at = 0; at < life[i].len; at++) {
			uint8_t flip = (uint8_t)(1u << (at % 8));

			life[i].p[at] ^= flip;
			throw_at(w, A, buf_bytes(&life[i]));
			throw_at(w, B, buf_bytes(&life[i]));
			life[i].p[at] ^= flip;
			throw_at(w, A, bytes(life[i].p, at));
			throw_at(w, B, bytes(life[i].p, at));
		}
		buf_free(&life[i]);
	}
	assert_unchanged(w, &m);
	assert_in_range(world_stats(w, B)->half_open, 0, 4);
	world_free(w);
}

static void noise_changes_nothing(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	struct mark m;
	uint8_t noise[256];

	(void)state;
	mark(w, &m);
	w->hold_net = true;
	for (int i = 0; i < 3000; i++) {
		for (size_t k = 0; k < sizeof(noise); k++)
			noise[k] = (uint8_t)world_random(w);
		throw_at(w, i % 2, bytes(noise, world_random(w) % sizeof(noise)));
	}
	assert_unchanged(w, &m);
	world_free(w);
}

static size_t header(uint8_t *out, size_t cap, const struct ike_header *h)
{
	struct ike_builder b;
	struct bytes m;

	ike_build_message(&b, out, cap, h);
	delete_put_ike(&b);
	assert_int_equal(ike_build_finish_message(&b, &m), R_OK);
	return m.len;
}

static void unprotected_messages_change_nothing(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	struct ike_sa_state a = world_sa(w, A);
	struct mark m;
	uint8_t buf[64];

	(void)state;
	mark(w, &m);
	w->hold_net = true;
	for (unsigned int exchange = IKE_SA_INIT; exchange <= INFORMATIONAL + 1; exchange++) {
		for (unsigned int flags = 0; flags < 0x40; flags += 8) {
			struct ike_header h = { .spi_i = a.spi_i,
						.spi_r = a.spi_r,
						.version = IKE_VERSION,
						.exchange = (uint8_t)exchange,
						.flags = (uint8_t)flags };

			for (h.message_id = 0; h.message_id < 5; h.message_id++) {
				size_t len = header(buf, sizeof(buf), &h);

				throw_at(w, A, bytes(buf, len));
				throw_at(w, B, bytes(buf, len));
			}
		}
	}
	assert_unchanged(w, &m);
	world_free(w);
}

static void a_higher_major_version_is_told_once_in_a_while(void **state)
{
	struct world *w = world_up(1, &(struct options){ .lines = 2 }, false);
	struct ike_header h = { .spi_i = 5, .exchange = IKE_SA_INIT, .flags = IKE_FLAG_INITIATOR };
	uint8_t buf[64];
	size_t len = header(buf, sizeof(buf), &h);

	(void)state;
	buf[17] = 0x30;
	w->hold_net = true;
	for (int i = 0; i < 5; i++)
		world_inject(w, B, bytes(buf, len));
	assert_int_equal(w->n_net, 1);
	assert_int_equal(w->net[0].datagram.p[17], IKE_VERSION);
	assert_in_range(w->net[0].datagram.len, 1, len);
	assert_int_equal(world_stats(w, B)->refused[R_MAJOR_VERSION], 5);
	world_free(w);
}

static void a_first_request_with_our_spi_is_dropped(void **state)
{
	struct world *w = world_new(1, &(struct options){ 0 }, false);

	(void)state;
	initiate(w, A, 1);
	w->net[0].datagram.p[15] = 1;
	world_deliver(w, 0);
	assert_int_equal(w->n_net, 0);
	assert_int_equal(ike_sa_count(w->side[B].engine), 0);
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flipped_and_cut_messages_change_no_established_sa),
		cmocka_unit_test(noise_changes_nothing),
		cmocka_unit_test(unprotected_messages_change_nothing),
		cmocka_unit_test(a_higher_major_version_is_told_once_in_a_while),
		cmocka_unit_test(a_first_request_with_our_spi_is_dropped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
