/* SPDX-License-Identifier: Apache-2.0 */
/* Who may seal, under which numbers: R5, R12, R13, R16 to R19. */
#include "esp/tests/pair.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "esp/worker.h"

static uint64_t iv_of(struct frame *f)
{
	return (uint64_t)get32(frame_data(f) + 8) << 32 | get32(frame_data(f) + 12);
}

static enum esp_verdict try_seal(struct pair *p, struct frame *f, uint64_t now_ns)
{
	frame_udp(f, 100, PAIR_NET_A | 10, PAIR_NET_B | 20, 0x5a);
	return seal_one(&p->a, now_ns, f);
}

static void nothing_is_sealed_or_opened_but_by_the_active(void **state)
{
	(void)state;
	static const struct {
		enum esp_group_state state;
		enum esp_verdict want;
	} row[] = {
		{ ESP_GROUP_STANDBY, ESP_V_STANDBY },
		{ ESP_GROUP_READY, ESP_V_STANDBY },
		{ ESP_GROUP_RELAY, ESP_V_RELAYED },
		{ ESP_GROUP_ACTIVE, ESP_V_OK },
	};
	struct pair p;
	struct frame f, sealed, untouched;
	pair_open(&p, gcm128_esn());
	packet_to_b(&p, &sealed, 100);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		esp_group_set(p.a.dp, 0, row[i].state, 2);
		esp_group_set(p.b.dp, 0, row[i].state, 2);
		frame_udp(&untouched, 100, PAIR_NET_A | 10, PAIR_NET_B | 20, 0x5a);
		assert_int_equal(row[i].want, try_seal(&p, &f, PAIR_SECOND));
		if (row[i].want != ESP_V_OK)
			assert_memory_equal(untouched.buf + ESP_HEADROOM, frame_data(&f), 100);
		f = sealed;
		f.p.buf = f.buf;
		assert_int_equal(row[i].want, open_one(&p.b, PAIR_SECOND, &f));
		if (row[i].want != ESP_V_OK)
			assert_memory_equal(sealed.buf + sealed.p.off, frame_data(&f),
					    sealed.p.len);
	}
	pair_close(&p);
}

static void past_the_deadline_nothing_is_sent_or_opened(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, sealed;
	pair_open(&p, gcm128_esn());
	packet_to_b(&p, &sealed, 100);
	esp_group_deadline(p.a.dp, 0, 5 * PAIR_SECOND);
	esp_group_deadline(p.b.dp, 0, 5 * PAIR_SECOND);
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, 5 * PAIR_SECOND - 1));
	assert_int_equal(ESP_V_DEADLINE, try_seal(&p, &f, 5 * PAIR_SECOND));
	assert_int_equal(ESP_V_DEADLINE, open_one(&p.b, 5 * PAIR_SECOND, &sealed));
	assert_int_equal(1, esp_datapath_verdicts(p.a.dp, ESP_V_DEADLINE, 0));
	esp_group_deadline(p.a.dp, 0, 7 * PAIR_SECOND);
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, 6 * PAIR_SECOND));
	pair_close(&p);
}

static void without_any_deadline_nothing_is_sent(void **state)
{
	(void)state;
	struct side s = side_new(1, NULL);
	struct pair p = { .a = s };
	struct frame f;
	const struct esp_policy policy = pair_policy(true);
	assert_int_equal(R_OK, esp_spd_set(s.dp, &policy, 1));
	esp_group_set(s.dp, 0, ESP_GROUP_ACTIVE, 1);
	assert_int_equal(ESP_V_DEADLINE, try_seal(&p, &f, 0));
	side_free(&s);
}

/* R17 */
static void numbers_stay_below_the_lease(void **state)
{
	(void)state;
	struct pair p;
	struct frame f[10];
	struct esp_packet pkts[10];
	struct esp_event ev;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params cp = child_params(&p, true);
	cp.lease_end = 7; /* 1 to 6 */
	pair_install(&p, true, &cp);
	for (size_t i = 0; i < 10; i++) {
		frame_udp(&f[i], 60, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
		pkts[i] = f[i].p;
	}
	esp_worker_outbound(p.a.w, PAIR_SECOND, pkts, 3);
	assert_false(esp_worker_event(p.a.w, &ev));
	esp_worker_outbound(p.a.w, PAIR_SECOND, pkts + 3, 7);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(i < 6 ? ESP_V_OK : ESP_V_LEASE, pkts[i].verdict);
	assert_int_equal(6, get32(pkts[5].buf + pkts[5].off + 4));
	assert_true(esp_worker_event(p.a.w, &ev));
	assert_int_equal(ESP_EVENT_LEASE_LOW, ev.kind);
	assert_int_equal(PAIR_SPI_A, ev.spi_in);
	assert_false(esp_worker_event(p.a.w, &ev));
	/* A lower grant is ignored; a higher one lets the next number through, not a later one. */
	assert_int_equal(R_OK, esp_child_grant(p.a.dp, PAIR_SPI_A, 3));
	assert_int_equal(ESP_V_LEASE, try_seal(&p, &f[0], PAIR_SECOND));
	assert_int_equal(R_OK, esp_child_grant(p.a.dp, PAIR_SPI_A, 100));
	assert_int_equal(ESP_V_OK, try_seal(&p, &f[0], PAIR_SECOND));
	assert_int_equal(7, get32(frame_data(&f[0]) + 4));
	assert_int_equal(100, stats_of(&p.a, PAIR_SPI_A).lease_end);
	assert_int_equal(5, stats_of(&p.a, PAIR_SPI_A).out_errors);
	pair_close(&p);
}

static void half_of_a_lease_asks_for_the_next_once(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	struct esp_event ev;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params cp = child_params(&p, true);
	cp.lease_end = 101;
	pair_install(&p, true, &cp);
	unsigned int asked = 0;
	for (unsigned int i = 1; i <= 100; i++) {
		assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
		if (esp_worker_event(p.a.w, &ev)) {
			assert_int_equal(51, i);
			asked++;
		}
	}
	assert_int_equal(1, asked);
	pair_close(&p);
}

/* Without ESN 2^32 - 1 is the last number, whatever the lease says (RFC 4303 3.3.3). */
static void numbers_end_at_2_32_without_esn(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	struct esp_transforms t = gcm128_esn();
	t.esn = false;
	pair_open_bare(&p, t);
	struct esp_child_params cp = child_params(&p, true);
	cp.seq_next = UINT64_C(0xfffffffe);
	cp.lease_end = UINT64_C(1) << 33;
	pair_install(&p, true, &cp);
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(UINT32_MAX, get32(frame_data(&f) + 4));
	assert_int_equal(ESP_V_SEQ_EXHAUSTED, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(UINT64_C(1) << 32, stats_of(&p.a, PAIR_SPI_A).seq_next);
	pair_close(&p);
}

static void esn_numbers_cross_2_32_and_end_with_the_iv_counter(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params of_a = child_params(&p, true), of_b = child_params(&p, false);
	of_a.seq_next = UINT64_C(0xffffffff);
	of_a.lease_end = UINT64_MAX;
	pair_install(&p, true, &of_a);
	pair_install(&p, false, &of_b);
	const struct esp_child_counters near = { .seq_next = 1,
						 .in_right_edge = UINT64_C(0xfffffff0) };
	assert_int_equal(R_OK, esp_child_resume(p.b.dp, PAIR_SPI_B, &near));
	for (uint64_t seq = UINT64_C(0xffffffff); seq < UINT64_C(0x100000003); seq++) {
		packet_to_b(&p, &f, 100);
		assert_int_equal((uint32_t)seq, get32(frame_data(&f) + 4));
		assert_int_equal(UINT64_C(1) << 60 | seq, iv_of(&f));
		assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
		assert_int_equal(seq, stats_of(&p.b, PAIR_SPI_B).in_right_edge);
	}
	const struct esp_child_counters end = { .seq_next = (UINT64_C(1) << 48) - 1 };
	assert_int_equal(R_OK, esp_child_resume(p.a.dp, PAIR_SPI_A, &end));
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(ESP_V_IV_EXHAUSTED, try_seal(&p, &f, PAIR_SECOND));
	pair_close(&p);
}

/* R16: the same number sealed by another slot or in another term has another IV. */
static void ivs_differ_by_slot_term_and_number(void **state)
{
	(void)state;
	enum { SLOTS = 3, TERMS = 4, NUMBERS = 3, N = SLOTS * TERMS * NUMBERS };
	uint64_t iv[N];
	size_t n = 0;
	for (uint8_t slot = 0; slot < SLOTS; slot++) {
		for (uint64_t term = 5; term < 5 + TERMS; term++) {
			struct pair p = { .t = gcm128_esn() };
			struct frame f;
			p.to_a = keys_for(&p.t, 1);
			p.to_b = keys_for(&p.t, 2);
			p.a = side_new(slot, NULL);
			p.b = side_new(9, NULL);
			struct esp_child_params cp = child_params(&p, true);
			cp.birth_term = 5;
			const struct esp_policy policy = pair_policy(true);
			assert_int_equal(R_OK, esp_spd_set(p.a.dp, &policy, 1));
			pair_install(&p, true, &cp);
			side_activate(&p.a, term);
			for (size_t i = 0; i < NUMBERS; i++) {
				assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
				iv[n] = iv_of(&f);
				assert_int_equal((uint64_t)slot << 60 | (term - 5) << 48 | (i + 1),
						 iv[n]);
				n++;
			}
			pair_close(&p);
		}
	}
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < i; j++)
			assert_true(iv[i] != iv[j]);
}

static void the_4095th_term_after_birth_may_not_seal(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	side_activate(&p.a, 1 + IV_TERM_DELTA_MAX);
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
	side_activate(&p.a, 2 + IV_TERM_DELTA_MAX);
	assert_int_equal(ESP_V_IV_EXHAUSTED, try_seal(&p, &f, PAIR_SECOND));
	side_activate(&p.a, 0); /* older than the SA */
	assert_int_equal(ESP_V_IV_EXHAUSTED, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(2, stats_of(&p.a, PAIR_SPI_A).seq_next);
	pair_close(&p);
}

static void cbc_ivs_are_random_and_need_no_prefix(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, g;
	pair_open(&p, (struct esp_transforms){ .encr = ENCR_AES_CBC,
					       .key_bits = 128,
					       .integ = AUTH_HMAC_SHA2_256_128 });
	side_activate(&p.a, 2 + IV_TERM_DELTA_MAX);
	assert_int_equal(ESP_V_OK, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(ESP_V_OK, try_seal(&p, &g, PAIR_SECOND));
	assert_memory_not_equal(frame_data(&f) + 8, frame_data(&g) + 8, 16);
	pair_close(&p);
}

/*
 * Law 2 with two workers: one that finds the lease used up has seen a number
 * that the other may have passed meanwhile. It must not write it back: here it
 * cannot, the number lies in memory that nobody can write to.
 */
static void what_takes_no_number_writes_none(void **state)
{
	(void)state;
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	_Atomic uint64_t *seq_next = mmap(NULL, page, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t first = 0;
	assert_true(seq_next != MAP_FAILED);
	atomic_store(seq_next, 90);
	for (int alone = 0; alone < 2; alone++) {
		assert_int_equal(4, seq_take(seq_next, 100, 4, alone, &first));
		assert_int_equal(90 + 5 * (uint64_t)alone, first);
		assert_int_equal(1, seq_take(seq_next, 95 + 5 * (uint64_t)alone, 4, alone, &first));
	}
	assert_int_equal(100, atomic_load(seq_next));
	assert_int_equal(0, mprotect((void *)seq_next, page, PROT_READ));
	for (int alone = 0; alone < 2; alone++)
		for (uint64_t end = 99; end <= 100; end++) {
			assert_int_equal(0, seq_take(seq_next, end, 4, alone, &first));
			assert_int_equal(100, first);
		}
	assert_int_equal(0, munmap((void *)seq_next, page));
}

/* R19: number, right edge and bitmap go to the next owner; what was seen stays seen. */
static void counters_survive_a_handover(void **state)
{
	(void)state;
	struct pair p;
	struct frame sealed[5], f;
	pair_open(&p, gcm128_esn());
	for (size_t i = 0; i < 5; i++)
		packet_to_b(&p, &sealed[i], 100);
	for (size_t i = 0; i < 5; i += 2) {
		f = sealed[i];
		f.p.buf = f.buf;
		assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	}
	struct esp_child_counters at;
	esp_group_set(p.b.dp, 0, ESP_GROUP_RELAY, 1);
	assert_int_equal(R_OK, esp_child_take_counters(p.b.dp, PAIR_SPI_B, &at));
	assert_int_equal(5, at.in_right_edge);
	assert_int_equal(1, at.in_bitmap_words); /* everything left of it was seen */
	assert_int_equal(0x15, at.in_bitmap[0] & 0x1f);

	struct side next = side_new(3, NULL);
	const struct esp_child_params cp = child_params(&p, false);
	assert_int_equal(R_OK, esp_child_install(next.dp, &cp));
	assert_int_equal(R_OK, esp_child_resume(next.dp, PAIR_SPI_B, &at));
	side_activate(&next, 2);
	for (size_t i = 0; i < 5; i++) {
		f = sealed[i];
		f.p.buf = f.buf;
		assert_int_equal(i % 2 == 0 ? ESP_V_REPLAY : ESP_V_OK,
				 open_one(&next, PAIR_SECOND, &f));
	}
	side_free(&next);
	pair_close(&p);
}

/* Behind a hole that is far back the words are told; what was never seen is taken once. */
static void a_handover_tells_of_holes_that_are_far_back(void **state)
{
	enum { HOLE = 500, EDGE = 1000 };
	(void)state;
	struct pair p;
	struct frame missed, f;
	struct esp_child_counters at;
	pair_open(&p, gcm128_esn());
	for (unsigned int i = 1; i <= EDGE; i++) {
		packet_to_b(&p, i == HOLE ? &missed : &f, 100);
		if (i != HOLE)
			assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	}
	esp_group_set(p.b.dp, 0, ESP_GROUP_RELAY, 1);
	assert_int_equal(R_OK, esp_child_take_counters(p.b.dp, PAIR_SPI_B, &at));
	assert_int_equal((EDGE - HOLE) / 64 + 1, at.in_bitmap_words);

	struct side next = side_new(3, NULL);
	const struct esp_child_params cp = child_params(&p, false);
	assert_int_equal(R_OK, esp_child_install(next.dp, &cp));
	assert_int_equal(R_OK, esp_child_resume(next.dp, PAIR_SPI_B, &at));
	side_activate(&next, 2);
	f = missed;
	f.p.buf = f.buf;
	assert_int_equal(ESP_V_OK, open_one(&next, PAIR_SECOND, &missed));
	assert_int_equal(ESP_V_REPLAY, open_one(&next, PAIR_SECOND, &f));
	side_free(&next);
	pair_close(&p);
}

/* R19: relayed ones may come behind many that went to the new owner directly, whatever window is
 * configured. */
static void late_stragglers_are_within_the_window(void **state)
{
	enum { LATE = ESP_REPLAY_WINDOW_MIN - 1 };
	(void)state;
	struct pair p;
	struct frame *late = malloc(LATE * sizeof(*late)), direct;
	assert_non_null(late);
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params of_a = child_params(&p, true), of_b = child_params(&p, false);
	of_b.replay_window = 64;
	pair_install(&p, true, &of_a);
	pair_install(&p, false, &of_b);
	for (unsigned int i = 0; i < LATE; i++)
		packet_to_b(&p, &late[i], 100);
	packet_to_b(&p, &direct, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &direct));
	for (unsigned int i = 0; i < LATE; i++)
		assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &late[i]));
	free(late);
	pair_close(&p);
}

/* R18 "learn": only the edge is known; what follows it measures the exposure, once. */
static void after_a_takeover_the_exposure_is_measured(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, old;
	struct esp_event ev;
	pair_open(&p, gcm128_esn());
	for (int i = 0; i < 3; i++)
		packet_to_b(&p, &old, 100);
	const struct esp_child_counters at = { .seq_next = 1, .in_right_edge = 3 };
	assert_int_equal(R_OK, esp_child_resume(p.b.dp, PAIR_SPI_B, &at));
	assert_int_equal(ESP_V_REPLAY, open_one(&p.b, PAIR_SECOND, &old));
	for (int i = 0; i < 6; i++)
		packet_to_b(&p, &f, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_true(esp_worker_event(p.b.w, &ev));
	assert_int_equal(ESP_EVENT_REPLAY_EXPOSED, ev.kind);
	assert_int_equal(5, ev.exposed);
	packet_to_b(&p, &f, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_false(esp_worker_event(p.b.w, &ev));
	pair_close(&p);
}

/* The owner died before its first checkpoint: all that the peer had sent can be replayed to us. */
static void without_a_checkpoint_all_is_exposed(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	struct esp_event ev;
	pair_open(&p, gcm128_esn());
	const struct esp_child_counters at = { .seq_next = 1 };
	assert_int_equal(R_OK, esp_child_resume(p.b.dp, PAIR_SPI_B, &at));
	for (int i = 0; i < 8; i++)
		packet_to_b(&p, &f, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_true(esp_worker_event(p.b.w, &ev));
	assert_int_equal(ESP_EVENT_REPLAY_EXPOSED, ev.kind);
	assert_int_equal(7, ev.exposed);
	pair_close(&p);
}

/* A former owner knows more than the checkpoint, but not what the owner after it has accepted. */
static void a_former_owners_window_is_closed_at_its_own_edge(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, missed;
	struct esp_event ev;
	pair_open(&p, gcm128_esn());
	for (int i = 1; i <= 9; i++) {
		packet_to_b(&p, i == 5 ? &missed : &f, 100);
		if (i != 5)
			assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	}
	const struct esp_child_counters at = { .seq_next = 1, .in_right_edge = 8 };
	assert_int_equal(R_STALE, esp_child_resume(p.b.dp, PAIR_SPI_B, &at));
	missed.p.buf = missed.buf;
	assert_int_equal(ESP_V_REPLAY, open_one(&p.b, PAIR_SECOND, &missed));
	for (int i = 0; i < 4; i++)
		packet_to_b(&p, &f, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_true(esp_worker_event(p.b.w, &ev));
	assert_int_equal(ESP_EVENT_REPLAY_EXPOSED, ev.kind);
	assert_int_equal(3, ev.exposed);
	pair_close(&p);
}

/* RFC 6311 5.2: one end leaves numbers out, and the other refuses what came before, while both are
 * at work. */
static void numbers_are_left_out_and_those_before_refused(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, late[3];
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params of_a = child_params(&p, true), of_b = child_params(&p, false);
	of_a.lease_end = 5000;
	pair_install(&p, true, &of_a);
	pair_install(&p, false, &of_b);
	packet_to_b(&p, &f, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	for (int i = 0; i < 3; i++)
		packet_to_b(&p, &late[i], 100);
	assert_int_equal(R_OK, esp_child_skip(p.a.dp, PAIR_SPI_A, 4999));
	assert_int_equal(4999, stats_of(&p.a, PAIR_SPI_A).seq_next);
	/* Not back. */
	assert_int_equal(R_OK, esp_child_skip(p.a.dp, PAIR_SPI_A, 10));
	assert_int_equal(R_OK, esp_child_refuse_up_to(p.b.dp, PAIR_SPI_B, 3));
	assert_int_equal(R_OK, esp_child_refuse_up_to(p.b.dp, PAIR_SPI_B, 2));
	assert_int_equal(ESP_V_REPLAY, open_one(&p.b, PAIR_SECOND, &late[0]));
	assert_int_equal(ESP_V_REPLAY, open_one(&p.b, PAIR_SECOND, &late[1]));
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &late[2]));
	packet_to_b(&p, &f, 100);
	assert_int_equal(4999, get32(frame_data(&f) + 4));
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	/* The lease bounds them all the same (R17). */
	assert_int_equal(ESP_V_LEASE, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(R_OK, esp_child_skip(p.a.dp, PAIR_SPI_A, 9000));
	assert_int_equal(R_OK, esp_child_grant(p.a.dp, PAIR_SPI_A, 9000));
	assert_int_equal(ESP_V_LEASE, try_seal(&p, &f, PAIR_SECOND));
	assert_int_equal(R_OK, esp_child_grant(p.a.dp, PAIR_SPI_A, 9001));
	packet_to_b(&p, &f, 100);
	assert_int_equal(9000, get32(frame_data(&f) + 4));
	struct esp_child_counters n;
	assert_int_equal(R_OK, esp_child_take_counters(p.a.dp, PAIR_SPI_A, &n));
	assert_int_equal(9001, n.seq_next);
	assert_int_equal(R_NOT_FOUND, esp_child_skip(p.a.dp, 0x7777, 1));
	assert_int_equal(R_NOT_FOUND, esp_child_refuse_up_to(p.a.dp, 0x7777, 1));
	pair_close(&p);
}

static void resume_never_goes_back(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	for (int i = 0; i < 9; i++) {
		packet_to_b(&p, &f, 100);
		assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	}
	/* Each on its own: an older number does not hold back a newer edge, nor the other way. */
	struct esp_child_counters at = { .seq_next = 9, .in_right_edge = 100 };
	assert_int_equal(R_STALE, esp_child_resume(p.a.dp, PAIR_SPI_A, &at));
	assert_int_equal(10, stats_of(&p.a, PAIR_SPI_A).seq_next);
	assert_int_equal(100, stats_of(&p.a, PAIR_SPI_A).in_right_edge);
	at = (struct esp_child_counters){ .seq_next = 40,
					  .in_right_edge = 8,
					  .lease_end = 2u << 20 };
	assert_int_equal(R_STALE, esp_child_resume(p.b.dp, PAIR_SPI_B, &at));
	assert_int_equal(40, stats_of(&p.b, PAIR_SPI_B).seq_next);
	assert_int_equal(9, stats_of(&p.b, PAIR_SPI_B).in_right_edge);
	assert_int_equal(2u << 20, stats_of(&p.b, PAIR_SPI_B).lease_end);
	at = (struct esp_child_counters){ .seq_next = 50, .in_right_edge = 9, .lease_end = 60 };
	assert_int_equal(R_OK, esp_child_resume(p.b.dp, PAIR_SPI_B, &at));
	assert_int_equal(50, stats_of(&p.b, PAIR_SPI_B).seq_next);
	assert_int_equal(2u << 20, stats_of(&p.b, PAIR_SPI_B).lease_end);
	assert_int_equal(R_NOT_FOUND, esp_child_resume(p.b.dp, 0x7777, &at));
	at.in_bitmap_words = ESP_REPLAY_WINDOW_MAX / 64 + 1;
	assert_int_equal(R_VALUE, esp_child_resume(p.b.dp, PAIR_SPI_B, &at));
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_sealed_or_opened_but_by_the_active),
		cmocka_unit_test(past_the_deadline_nothing_is_sent_or_opened),
		cmocka_unit_test(without_any_deadline_nothing_is_sent),
		cmocka_unit_test(numbers_stay_below_the_lease),
		cmocka_unit_test(half_of_a_lease_asks_for_the_next_once),
		cmocka_unit_test(numbers_end_at_2_32_without_esn),
		cmocka_unit_test(esn_numbers_cross_2_32_and_end_with_the_iv_counter),
		cmocka_unit_test(ivs_differ_by_slot_term_and_number),
		cmocka_unit_test(the_4095th_term_after_birth_may_not_seal),
		cmocka_unit_test(cbc_ivs_are_random_and_need_no_prefix),
		cmocka_unit_test(what_takes_no_number_writes_none),
		cmocka_unit_test(counters_survive_a_handover),
		cmocka_unit_test(a_handover_tells_of_holes_that_are_far_back),
		cmocka_unit_test(late_stragglers_are_within_the_window),
		cmocka_unit_test(after_a_takeover_the_exposure_is_measured),
		cmocka_unit_test(without_a_checkpoint_all_is_exposed),
		cmocka_unit_test(a_former_owners_window_is_closed_at_its_own_edge),
		cmocka_unit_test(numbers_are_left_out_and_those_before_refused),
		cmocka_unit_test(resume_never_goes_back),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
