/* SPDX-License-Identifier: Apache-2.0 */
/* CHILD SAs taking turns: checkpoints, rates, paced rekeys (R18). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "node/tests/core_harness.h"

#define MANY 12000u

static unsigned int visited_now(void)
{
	unsigned int visited = 0;

	for (uint32_t i = 0; i < MANY; i++)
		visited += core_child_find(n.core, SPI + i)->measured_ns == n.now_ns;
	return visited;
}

static void every_sa_receives(uint64_t right_edge)
{
	for (uint32_t i = 0; i < MANY; i++) {
		const struct esp_child_counters moved = { .in_right_edge = right_edge,
							  .seq_next = 1 };
		must(esp_child_resume(n.dp, SPI + i, &moved) == R_OK);
	}
}

/* R18: more than the budget serves within a checkpoint's interval. */
static void changed_sas_take_turns(void **state)
{
	unsigned int served = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		child_of(SPI + i, true, 5000);
	for (unsigned int tick = 1; tick <= 8; tick++) {
		every_sa_receives(tick);
		timers_pass(HF_TICK_NS, NULL);
	}
	for (uint32_t i = 0; i < MANY; i++)
		served += core_child_find(n.core, SPI + i)->checkpoint_ns != 0;
	assert_int_equal(served, MANY);
	assert_in_range(hf_core_stats(n.core)->checkpoints, MANY, 2 * MANY);
}

/* A tick must not hold up the loop, and each SA has its turn within a checkpoint's interval. */
static void many_sas_are_visited_by_turns(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		child_of(SPI + i, true, 5000);
	hf_core_timer(n.core, n.now_ns);
	timers_pass(HF_TICK_NS, NULL);
	const uint64_t from = n.now_ns;
	assert_in_range(timers_pass(HF_CHECKPOINT_NS + HF_TICK_NS, visited_now), 1, HF_TICK_SLICE);
	for (uint32_t i = 0; i < MANY; i++)
		seen += core_child_find(n.core, SPI + i)->measured_ns > from;
	assert_int_equal(seen, MANY);
}

/* Whatever the time between two visits was. */
static void rates_are_by_the_time_that_has_passed(void **state)
{
	(void)state;
	child(true, 50000);
	timers_pass(HF_TICK_NS, NULL);
	const struct esp_child_counters moved = { .seq_next = 1 + 7000 };
	assert_int_equal(esp_child_resume(n.dp, SPI, &moved), R_OK);
	n.now_ns = core_child_find(n.core, SPI)->measured_ns + 70000000;
	hf_core_timer(n.core, n.now_ns);
	settle();
	assert_int_equal(core_child_find(n.core, SPI)->rate_pps, 100000);
}

/* The IKE SA has no message id left for the rekey that a tick asks for: it ends, with the child. */
static void a_child_may_go_while_it_is_visited(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	core_reset(n.core);
	inherit_ike_sa_at(UINT32_MAX);
	inherit(SPI, CHILD_SA_ESTABLISHED, 0);
	role(CL_ROLE_ACTIVE, 2, false, 0);
	assert_non_null(core_child_find(n.core, SPI));
	core_child_find(n.core, SPI)->rekey_after_takeover = true;
	run(HF_REKEY_DELAY_NS / MS_NS + 100);
	assert_null(core_child_find(n.core, SPI));
	assert_int_equal(hf_core_stats(n.core)->rekeys_after_takeover, 1);
}

#define REKEYED 600u

static unsigned int rekeys_asked(void)
{
	unsigned int asked = 0;

	for (uint32_t i = 0; i < REKEYED; i++)
		asked += core_child_find(n.core, SPI + i)->rekey_asked_ns != 0;
	return asked;
}

static unsigned int asked_within(uint64_t ns)
{
	const unsigned int before = rekeys_asked();

	timers_pass(ns, NULL);
	return rekeys_asked() - before;
}

/* R18: the peers have the takeover to digest first, and then not all rekeys at once. */
static void rekeys_after_a_takeover_are_paced(void **state)
{
	(void)state;
	role(CL_ROLE_STANDBY, 1, false, 0);
	for (uint32_t i = 0; i < REKEYED; i++)
		child_of(SPI + i, true, 5000);
	role(CL_ROLE_ACTIVE, 2, false, 0);
	for (uint32_t i = 0; i < REKEYED; i++)
		core_child_find(n.core, SPI + i)->rekey_after_takeover = true;
	assert_int_equal(asked_within(HF_REKEY_DELAY_NS - HF_TICK_NS), 0);
	for (unsigned int tick = 0; tick < 40; tick++)
		assert_in_range(asked_within(HF_TICK_NS), 0, HF_REKEYS_PER_TICK);
	/* Two seconds of 100 each, less what the first and the last tick have of them. */
	assert_in_range(rekeys_asked(), 190, 200);
	timers_pass(HF_REKEY_DELAY_NS * 2 + HF_TICK_NS * 2, NULL);
	assert_int_equal(rekeys_asked(), REKEYED);
	assert_int_equal(hf_core_stats(n.core)->rekeys_after_takeover, REKEYED);
	assert_int_equal(asked_within(HF_REKEY_DELAY_NS), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(changed_sas_take_turns),
		T(many_sas_are_visited_by_turns),
		T(rates_are_by_the_time_that_has_passed),
		T(rekeys_after_a_takeover_are_paced),
		T(a_child_may_go_while_it_is_visited),
	};
	return cmocka_run_group_tests_name("core tick", tests, NULL, NULL);
}
