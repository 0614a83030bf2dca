/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 4303 3.4.3 and appendix A: which numbers are accepted, and never one twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdlib.h>

#include <cmocka.h>

#include "esp/replay_window.h"

static bool accept(struct replay_window *w, uint64_t seq)
{
	return replay_check(w, seq) == REPLAY_FRESH &&
	       replay_mark(w, replay_block(seq), replay_bit(seq), false) != 0;
}

static struct replay_window window(uint32_t size)
{
	struct replay_window w;
	assert_true(replay_window_init(&w, size));
	return w;
}

static void zero_is_refused_and_one_is_the_first(void **state)
{
	(void)state;
	struct replay_window w = window(1024);
	assert_int_equal(REPLAY_SEEN, replay_check(&w, 0));
	assert_true(accept(&w, 1));
	assert_int_equal(REPLAY_SEEN, replay_check(&w, 1));
	replay_window_free(&w);
}

static void left_edge_is_exact(void **state)
{
	(void)state;
	static const uint32_t sizes[] = { 64, 128, 1024, 4096 };
	for (size_t i = 0; i < 4; i++) {
		struct replay_window w = window(sizes[i]);
		assert_true(accept(&w, 100000));
		assert_int_equal(REPLAY_LEFT, replay_check(&w, 100000 - sizes[i]));
		assert_false(accept(&w, 100000 - sizes[i]));
		assert_true(accept(&w, 100000 - sizes[i] + 1));
		assert_false(accept(&w, 100000 - sizes[i] + 1));
		replay_window_free(&w);
	}
}

static void checking_marks_nothing(void **state)
{
	(void)state;
	struct replay_window w = window(64);
	assert_int_equal(REPLAY_FRESH, replay_check(&w, 5000));
	assert_int_equal(REPLAY_FRESH, replay_check(&w, 1));
	assert_int_equal(0, atomic_load(&w.edge));
	replay_window_free(&w);
}

static void number_that_fell_out_while_its_icv_was_checked_is_refused(void **state)
{
	(void)state;
	struct replay_window w = window(64);
	assert_int_equal(REPLAY_FRESH, replay_check(&w, 10));
	assert_true(accept(&w, 74));
	assert_int_equal(0, replay_mark(&w, replay_block(10), replay_bit(10), false));
	assert_true(replay_mark(&w, replay_block(11), replay_bit(11), false) != 0);
	replay_window_free(&w);
}

/* The window behaves as a set of all numbers accepted, cut off at the left edge. */
static void any_order_agrees_with_a_plain_model(void **state)
{
	(void)state;
	enum { SPAN = 6000 };
	static const uint32_t sizes[] = { 64, 1024, 4096 };
	srandom(1);
	for (size_t s = 0; s < 3; s++) {
		struct replay_window w = window(sizes[s]);
		static bool seen[SPAN];
		uint64_t edge = 0;
		for (size_t i = 0; i < SPAN; i++)
			seen[i] = false;
		for (int i = 0; i < 100000; i++) {
			const uint64_t centre = (uint64_t)i * (SPAN - 1100) / 100000;
			const uint64_t seq = centre + (uint64_t)(random() % 1100);
			const bool want = seq != 0 && !seen[seq] && seq + sizes[s] > edge;
			assert_int_equal(want, accept(&w, seq));
			if (want) {
				seen[seq] = true;
				edge = seq > edge ? seq : edge;
			}
			assert_int_equal(edge, atomic_load(&w.edge));
		}
		replay_window_free(&w);
	}
}

static void jumps_of_any_size_leave_nothing_behind(void **state)
{
	(void)state;
	struct replay_window w = window(1024);
	uint64_t seq = 1;
	for (unsigned int shift = 0; shift < 62; shift++) {
		seq += UINT64_C(1) << (shift > 40 ? 40 : shift);
		assert_true(accept(&w, seq));
		assert_false(accept(&w, seq));
		if (seq > 1024)
			assert_int_equal(REPLAY_LEFT, replay_check(&w, seq - 1024));
		if (shift > 10)
			assert_true(accept(&w, seq - 1023));
	}
	replay_window_free(&w);
}

/* RFC 4303 A2.2 with W = 1024. */
static void esn_high_half_is_guessed_around_the_edge(void **state)
{
	(void)state;
	static const struct {
		uint64_t edge;
		uint32_t lo;
		uint64_t want;
	} row[] = {
		{ 0, 1, 1 },
		{ 0, 0xffffffff, 0 }, /* before the first number: none */
		{ 0, 0xfffffc01, 0 }, /* left edge of that, still none */
		{ 0, 0xfffffc00, 0xfffffc00 },
		{ 0x2000, 0x2001, 0x2001 },
		{ 0x2000, 0x1c01, 0x1c01 },      /* left edge of the window */
		{ 0x2000, 0x1c00, 0x100001c00 }, /* below it: the next subspace */
		{ 0xffffffff, 0, 0x100000000 },
		{ 0xffffffff, 0xfffffc00, 0xfffffc00 },
		{ 0xffffffff, 0xfffffbff, 0x1fffffbff },
		{ 0x100000000, 0xffffffff, 0xffffffff }, /* case B: late, from before the wrap */
		{ 0x1000003fe, 0xffffffff, 0xffffffff },
		{ 0x1000003ff, 0xffffffff, 0x1ffffffff }, /* case A again */
		{ 0x1000003fe, 0x3ff, 0x1000003ff },
		{ 0xffffffffffffffff, 5, 0 }, /* nothing follows the last subspace */
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct replay_window w = window(1024);
		replay_import(&w, row[i].edge, NULL, 0);
		assert_int_equal(row[i].want, replay_guess_esn(&w, row[i].lo));
		replay_window_free(&w);
	}
}

static void window_crosses_2_32(void **state)
{
	(void)state;
	struct replay_window w = window(1024);
	replay_import(&w, UINT64_C(0xfffffff0), NULL, 0);
	for (uint64_t seq = UINT64_C(0xfffffff1); seq < UINT64_C(0x100001000); seq += 2) {
		assert_int_equal(seq, replay_guess_esn(&w, (uint32_t)seq));
		assert_true(accept(&w, seq));
		assert_false(accept(&w, seq));
	}
	/* The odd numbers between are still free, across the boundary. */
	assert_true(accept(&w, UINT64_C(0x100000ffe)));
	replay_window_free(&w);
}

static void bitmap_survives_export_and_import(void **state)
{
	(void)state;
	enum { WORDS = 1024 / 64 };
	static const uint64_t edges[] = {
		3, 63, 64, 1000, 1024, 1025, 5000, UINT64_C(0x100000010)
	};
	for (size_t e = 0; e < sizeof(edges) / sizeof(edges[0]); e++) {
		const uint64_t edge = edges[e];
		struct replay_window a = window(1024), b = window(1024);
		if (edge > 5000)
			replay_import(&a, edge - 1500, NULL, 0);
		for (uint64_t seq = edge > 1500 ? edge - 1400 : 1; seq < edge; seq += 3)
			assert_true(accept(&a, seq));
		assert_true(accept(&a, edge));
		uint64_t bitmap[WORDS];
		assert_int_equal(edge, replay_export(&a, bitmap, WORDS));
		assert_int_equal(1, bitmap[0] & 1);
		replay_import(&b, edge, bitmap, WORDS);
		for (uint64_t seq = edge > 1100 ? edge - 1100 : 0; seq < edge + 10; seq++)
			assert_int_equal(replay_check(&a, seq) == REPLAY_FRESH,
					 replay_check(&b, seq) == REPLAY_FRESH);
		replay_window_free(&a);
		replay_window_free(&b);
	}
}

static void import_without_bitmap_counts_all_as_seen(void **state)
{
	(void)state;
	struct replay_window w = window(1024);
	assert_true(accept(&w, 10));
	replay_import(&w, 500, NULL, 0);
	for (uint64_t seq = 0; seq <= 500; seq++)
		assert_false(accept(&w, seq));
	assert_true(accept(&w, 501));
	replay_window_free(&w);
}

static void import_at_the_same_edge_forgets_nothing(void **state)
{
	(void)state;
	struct replay_window w = window(64);
	const uint64_t none[1] = { 0 };
	assert_true(accept(&w, 99));
	assert_true(accept(&w, 100));
	replay_import(&w, 100, none, 1);
	assert_false(accept(&w, 99));
	assert_false(accept(&w, 100));
	assert_true(accept(&w, 98));
	replay_window_free(&w);
}

/* ---- several workers on one window ---- */

enum { THREADS = 2, NUMBERS = 40000 };

struct racer {
	struct replay_window *w;
	uint8_t *taken;
	unsigned int seed;
};

/* Numbers around a front that moves; each thread tries nearly all of them, in its own order. */
static void *race(void *arg)
{
	struct racer *r = arg;
	for (uint64_t front = 1; front + 64 < NUMBERS; front++) {
		const uint64_t seq = front + (uint64_t)rand_r(&r->seed) % 64;
		if (accept(r->w, seq))
			r->taken[seq]++;
	}
	return NULL;
}

static void no_number_is_accepted_twice_by_racing_workers(void **state)
{
	(void)state;
	struct replay_window w = window(128);
	struct racer racer[THREADS];
	pthread_t thread[THREADS];
	for (unsigned int i = 0; i < THREADS; i++) {
		racer[i] = (struct racer){ .w = &w, .taken = calloc(NUMBERS, 1), .seed = i + 1 };
		assert_non_null(racer[i].taken);
		assert_int_equal(0, pthread_create(&thread[i], NULL, race, &racer[i]));
	}
	for (unsigned int i = 0; i < THREADS; i++)
		assert_int_equal(0, pthread_join(thread[i], NULL));
	size_t taken = 0;
	for (size_t seq = 0; seq < NUMBERS; seq++) {
		unsigned int times = 0;
		for (unsigned int i = 0; i < THREADS; i++)
			times += racer[i].taken[seq];
		assert_true(times <= 1);
		taken += times;
	}
	assert_true(taken > NUMBERS / 4);
	for (unsigned int i = 0; i < THREADS; i++)
		free(racer[i].taken);
	replay_window_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_is_refused_and_one_is_the_first),
		cmocka_unit_test(left_edge_is_exact),
		cmocka_unit_test(checking_marks_nothing),
		cmocka_unit_test(number_that_fell_out_while_its_icv_was_checked_is_refused),
		cmocka_unit_test(any_order_agrees_with_a_plain_model),
		cmocka_unit_test(jumps_of_any_size_leave_nothing_behind),
		cmocka_unit_test(esn_high_half_is_guessed_around_the_edge),
		cmocka_unit_test(window_crosses_2_32),
		cmocka_unit_test(bitmap_survives_export_and_import),
		cmocka_unit_test(import_without_bitmap_counts_all_as_seen),
		cmocka_unit_test(import_at_the_same_edge_forgets_nothing),
		cmocka_unit_test(no_number_is_accepted_twice_by_racing_workers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
