/* SPDX-License-Identifier: Apache-2.0 */
/* What a takeover makes of CHILD SAs: their numbers, exposure, rekeys (R10, R17, R18). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "node/tests/core_harness.h"

/* The log ends with them behind a RELEASE (R19). */
static void exact_counters(uint64_t seq_next)
{
	const struct ss_counters exact = { .spi_in = SPI, .seq_next = seq_next, .exact = true };

	log_counters(&exact);
}

/* ---- RFC 6311 5.2 ---- */

static void what_the_peer_asks_for_is_left_out_under_a_lease(void **state)
{
	(void)state;
	child(true, 100);
	core_replay_skip(n.core, SPI, 500000);
	assert_int_equal(stats().seq_next, 1); /* not before the log has the lease */
	settle();
	assert_int_equal(stats().seq_next, 500001);
	assert_int_equal(stats().lease_end, 500001 + HF_LEASE_MIN);
	assert_false(core_child_find(n.core, SPI)->rekey_after_takeover);
}

static void numbers_that_cannot_be_left_out_are_rekeyed_instead(void **state)
{
	static const struct {
		bool esn;
		uint64_t delta;
	} cases[] = { { false, UINT32_MAX - 1000 }, { false, 1u << 31 }, { true, 1ull << 40 } };

	(void)state;
	for (uint32_t i = 0; i < 3; i++) {
		child_of(SPI + i, cases[i].esn, 100);
		core_replay_skip(n.core, SPI + i, cases[i].delta);
		assert_true(core_child_find(n.core, SPI + i)->rekey_after_takeover);
	}
	child_of(SPI + 3, true, 100);
	view(false, 8);
	core_replay_skip(n.core, SPI + 3, 1000);
	settle();
	assert_true(core_child_find(n.core, SPI + 3)->rekey_after_takeover);
	core_replay_skip(n.core, 0x7777, 1000);
}

static void take_over_from_checkpoint(bool suspect)
{
	const struct ss_counters at = { .spi_in = SPI, .in_right_edge = 700, .rate_pps = 1000 };

	log_counters(&at);
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 100);
	role(CL_ROLE_ACTIVE, 2, suspect, 0);
}

/* R18: the rekey is not needed then; R10: unless outbound numbers were guessed. */
static void exposure_ends(bool suspect)
{
	struct core_child *k;

	take_over_from_checkpoint(suspect);
	k = core_child_find(n.core, SPI);
	assert_true(k->exposure > 0 && k->rekey_after_takeover);
	assert_int_equal(k->refuse_up_to, 700 + 4 * k->exposure + 1024);
	core_replay_synced(n.core, SPI);
	assert_int_equal(k->rekey_after_takeover, suspect);
	/* What the peer sent before it answered is under way: it is not refused yet. */
	n.core->now_ns += 400000000;
	core_replay_refuse(n.core, k, false);
	assert_int_equal(hf_core_stats(n.core)->replay_synced, 0);
	assert_true(k->exposure > 0);
	n.core->now_ns += 100000000;
	core_replay_synced(n.core, SPI); /* an answer that comes again puts nothing off */
	core_replay_refuse(n.core, k, false);
	assert_int_equal(k->exposure, 0);
	assert_int_equal(k->rekey_after_takeover, suspect);
	assert_int_equal(hf_core_stats(n.core)->replay_synced, 1);
	core_replay_synced(n.core, SPI);
	core_replay_refuse(n.core, k, true);
	assert_int_equal(hf_core_stats(n.core)->replay_synced, 1);
}

static void exposure_ends_when_the_peer_has_left_numbers_out(void **state)
{
	(void)state;
	exposure_ends(false);
}

static void a_suspect_takeover_rekeys_all_the_same(void **state)
{
	(void)state;
	exposure_ends(true);
}

/* R17: without ESN, what nears 2^32 is rekeyed, also when it nears it by the takeover itself. */
static void a_rekey_that_a_takeover_needs_is_asked_for(void **state)
{
	const struct cl_effect handed_over = {
		.kind = CL_FX_ROLE, .group = 1, .role = CL_ROLE_ACTIVE, .term = 2, .handover = true
	};

	(void)state;
	exact_counters(UINT32_MAX - HF_LEASE_MIN - 100);
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(false, UINT32_MAX - HF_LEASE_MIN);
	core_role(n.core, &handed_over);
	assert_int_equal(stats().seq_next, UINT32_MAX - HF_LEASE_MIN - 100);
	assert_true(core_child_find(n.core, SPI)->rekey_after_takeover);
	run(HF_REKEY_DELAY_NS / MS_NS + 100);
	assert_int_equal(hf_core_stats(n.core)->rekeys_after_takeover, 1);
	assert_int_not_equal(core_child_find(n.core, SPI)->rekey_asked_ns, 0);
}

/* A rekey can fail; what made it necessary stays. */
static void a_rekey_that_did_not_happen_is_asked_for_again(void **state)
{
	const struct esp_child_counters used = { .seq_next = UINT32_MAX - HF_LEASE_MIN,
						 .lease_end = UINT32_MAX - HF_LEASE_MIN };

	(void)state;
	child(false, UINT32_MAX - HF_LEASE_MIN);
	struct core_child *k = core_child_find(n.core, SPI);
	must(esp_child_resume(n.dp, SPI, &used) == R_OK);
	core_child_lease(n.core, k);
	uint64_t first = k->rekey_asked_ns;
	assert_int_not_equal(first, 0);
	n.now_ns += HF_REKEY_AGAIN_NS - MS_NS;
	hf_core_timer(n.core, n.now_ns);
	k->lease_end = UINT32_MAX - HF_LEASE_MIN;
	core_child_lease(n.core, k);
	assert_int_equal(k->rekey_asked_ns, first);
	n.now_ns += 2 * MS_NS;
	hf_core_timer(n.core, n.now_ns);
	core_child_lease(n.core, k);
	assert_int_not_equal(k->rekey_asked_ns, first);
}

static void a_takeover_starts_at_the_end_of_the_lease(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	role(CL_ROLE_ACTIVE, 2, false, 2000);
	assert_int_equal(stats().seq_next, 5000);
}

/* R10: an owner that nobody heard may have granted itself one block more, and another as it ran. */
static void a_suspect_takeover_starts_behind_what_nobody_heard_of(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	core_child_find(n.core, SPI)->rate_pps = 20000;
	role(CL_ROLE_ACTIVE, 2, true, 2000);
	assert_int_equal(stats().seq_next, 5000 + 2 * (1u << 26)); /* of slot 1 */
	role(CL_ROLE_STANDBY, 2, false, 0);
	child(true, 5000);
	core_child_find(n.core, SPI)->lease_end = 100000000;
	core_child_find(n.core, SPI)->rate_pps = 20000000;
	role(CL_ROLE_ACTIVE, 3, true, 2000);
	assert_int_equal(stats().seq_next, 100000000ull + 6 * 20000000 + 4 * 20000000 * 2);
}

static void role_behind(uint64_t term, uint64_t suspect_term)
{
	const struct cl_effect fx = { .kind = CL_FX_ROLE,
				      .group = 1,
				      .role = CL_ROLE_ACTIVE,
				      .term = term,
				      .suspect_term = suspect_term };
	core_role(n.core, &fx);
}

static void lease_of(uint64_t term, uint64_t lease_end)
{
	const struct ss_lease l = { .spi_in = SPI, .lease_end = lease_end, .term = term };
	struct ss_record r = { 0 };

	must(ss_encode_lease(&l, &r) == R_OK);
	core_apply(n.core, &r);
	ss_record_clear(&r);
}

/* R10: it is gone before anybody has its leases, and whoever is next lacks nothing of its log. */
static void numbers_of_a_suspect_owner_are_in_doubt_until_it_has_a_lease(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	lease_of(1, 6000);
	role_behind(3, 2);
	assert_int_equal(stats().seq_next, 6000 + 2 * (1u << 26));
	role(CL_ROLE_STANDBY, 3, false, 0);
	child(true, 5000);
	lease_of(4, 1ull << 30);
	role_behind(5, 4);
	assert_int_equal(stats().seq_next, 1ull << 30);
	/* A guess all the same. */
	assert_true(core_child_find(n.core, SPI)->rekey_after_takeover);
}

/* R10: the answer to a request of a former owner makes the same keys for us as for that one. */
static void an_sa_that_a_former_owner_asked_for_begins_behind_its_numbers(void **state)
{
	struct ss_lease l = { 0 };

	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	role_behind(2, 2);
	child(true, 5000);
	core_child_recorded(n.core, SPI);
	settle();
	const uint64_t first = 5000 + 2 * (1u << 26);
	assert_int_equal(stats().seq_next, first);
	assert_true(stats().lease_end > first);
	assert_true(core_child_find(n.core, SPI)->rekey_after_takeover);
	const struct ss_record *lease = ss_store_get(cl_store(n.core->cluster, 1), SS_LEASE, SPI);
	must(lease && ss_decode_lease(lease, &l) == R_OK);
	assert_int_equal(l.lease_end, stats().lease_end);
	assert_int_equal(l.term, 2);
}

/* R10, R17: without ESN not into the reserve, where nothing could be sent any more. */
static void a_suspect_takeover_keeps_out_of_the_reserve(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(false, UINT32_MAX - (1u << 26));
	role(CL_ROLE_ACTIVE, 2, true, 2000);
	assert_int_equal(stats().seq_next, UINT32_MAX - (1u << 26) + HF_LEASE_MIN);
}

/* R10: the peer would take a jump of 2^31 and more for another high half (RFC 4303 A2). */
static void a_suspect_takeover_jumps_less_than_half_the_number_space(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	core_child_find(n.core, SPI)->rate_pps = 10000000;
	role(CL_ROLE_ACTIVE, 2, true, 3600000);
	assert_int_equal(stats().seq_next, 5000 + (1ull << 31) - 1);
}

static bool carries(uint32_t spi_in)
{
	struct esp_child_stats st;

	assert_int_equal(esp_child_stats(n.dp, spi_in, &st), R_OK);
	return st.outbound_in_use;
}

/* R5: whatever the order in which they were learnt. */
static void the_youngest_established_child_carries_on(void **state)
{
	(void)state;
	for (uint32_t order = 0; order < 8; order++) {
		const uint32_t spi = SPI + 16 * order;
		role(CL_ROLE_STANDBY, 1 + 2 * order, false, 0);
		core_reset(n.core);
		inherit_ike_sa();
		for (uint32_t i = 0; i < 4; i++) {
			const uint32_t k = (i * 3 + order) % 4;
			static const enum child_sa_stage stages[] = { CHILD_SA_REKEYED,
								      CHILD_SA_ESTABLISHED,
								      CHILD_SA_ESTABLISHED,
								      CHILD_SA_INSTALLED };
			static const uint64_t created[] = { 40, 30, 20, 50 };
			inherit(spi + k, stages[k], created[k]);
		}
		role(CL_ROLE_ACTIVE, 2 + 2 * order, false, 0);
		for (uint32_t k = 0; k < 4; k++)
			assert_int_equal(carries(spi + k), k == 1);
		settle(); /* the engine's own choice, once committed */
		for (uint32_t k = 0; k < 4; k++)
			assert_int_equal(carries(spi + k), k == 1);
	}
}

/* R18: what nobody has heard of is as old as the silence, not as the SA's last packet. */
static void an_idle_sa_is_exposed_by_the_silence_only(void **state)
{
	const struct ss_counters checkpoint = {
		.spi_in = SPI, .in_right_edge = 700, .at_ms = core_time_ms(n.core), .rate_pps = 1000
	};

	(void)state;
	log_counters(&checkpoint);
	n.now_ns += 3600 * 1000 * MS_NS;
	n.core->now_ns = n.now_ns;
	role(CL_ROLE_STANDBY, 1, false, 0);
	child(true, 5000);
	role(CL_ROLE_ACTIVE, 2, false, 300);
	uint64_t exposed = core_child_find(n.core, SPI)->exposure;
	assert_in_range(exposed, 300, 1000);
	assert_int_equal(stats().in_right_edge, 700);
}

/* R18: the first packet after the takeover tells how many there can have been. */
static void the_measured_exposure_replaces_the_estimate(void **state)
{
	const struct esp_event ev = { .kind = ESP_EVENT_REPLAY_EXPOSED,
				      .spi_in = SPI,
				      .exposed = 17 };
	struct hf_child_totals totals;

	(void)state;
	child(true, 5000);
	core_child_find(n.core, SPI)->exposure = 900;
	hf_core_esp_event(n.core, n.now_ns, &ev);
	assert_int_equal(hf_core_child_totals(n.core, SPI, &totals), R_OK);
	assert_int_equal(totals.exposure, 17);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(what_the_peer_asks_for_is_left_out_under_a_lease),
		T(numbers_that_cannot_be_left_out_are_rekeyed_instead),
		T(exposure_ends_when_the_peer_has_left_numbers_out),
		T(a_suspect_takeover_rekeys_all_the_same),
		T(a_rekey_that_a_takeover_needs_is_asked_for),
		T(a_rekey_that_did_not_happen_is_asked_for_again),
		T(a_takeover_starts_at_the_end_of_the_lease),
		T(a_suspect_takeover_starts_behind_what_nobody_heard_of),
		T(numbers_of_a_suspect_owner_are_in_doubt_until_it_has_a_lease),
		T(an_sa_that_a_former_owner_asked_for_begins_behind_its_numbers),
		T(a_suspect_takeover_keeps_out_of_the_reserve),
		T(a_suspect_takeover_jumps_less_than_half_the_number_space),
		T(the_youngest_established_child_carries_on),
		T(an_idle_sa_is_exposed_by_the_silence_only),
		T(the_measured_exposure_replaces_the_estimate),
	};
	return cmocka_run_group_tests_name("core takeover", tests, NULL, NULL);
}
