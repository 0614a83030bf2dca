/* SPDX-License-Identifier: Apache-2.0 */
/*
 * R24 between the engine and the cluster logic: what counts, when an end frees its place, and what
 * the engine is told of the share.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/tests/core_harness.h"

#define LIMIT   10u
#define NOTHING UINT32_MAX /* is to be told */

static int setup_limited(void **state)
{
	setup(state);
	n.config->cluster_max_sa = LIMIT;
	settle();
	return 0;
}

/* What the cluster logic is told next. */
static uint32_t told(void)
{
	struct cl_input in;

	if (!core_admission_due(n.core, &in))
		return NOTHING;
	assert_int_equal(in.kind, CL_IN_ADMISSION);
	assert_int_equal(in.group, 1);
	return in.in_share;
}

static struct ike_load load(void)
{
	return ike_load(hf_core_engine(n.core));
}

static void share(uint32_t share, uint32_t carried)
{
	const struct cl_effect fx = { .kind = CL_FX_ADMISSION, .share = share, .carried = carried };

	core_admission_share(n.core, &fx);
}

static void begin_one(void)
{
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	while (n.job) {
		struct ike_job *job = n.job;
		n.job = NULL;
		hf_core_job_done(n.core, n.now_ns, job);
	}
}

/* In a turn that is not over. */
static void end_all(void)
{
	struct ike_input in = { .kind = IKE_IN_CLEAR };

	core_ike(n.core, &in);
	assert_int_equal(load().all, 0);
}

static uint64_t refused(void)
{
	return ike_engine_stats(hf_core_engine(n.core))->admission.out_refused;
}

static void what_changes_is_told_once(void **state)
{
	(void)state;
	assert_int_equal(told(), NOTHING);
	begin_one();
	assert_int_equal(load().in_share, 1);
	assert_int_equal(told(), 1);
	assert_int_equal(told(), NOTHING);
	n.config->cluster_max_sa = LIMIT + 1;
	assert_int_equal(told(), 1);
	n.config->cluster_max_sa = 0;
	assert_int_equal(told(), 1);
	end_all();
	core_admission_turn(n.core, 0);
	core_admission_committed(n.core, 0);
	assert_int_equal(told(), NOTHING);
}

static void an_end_frees_its_place_when_it_is_committed(void **state)
{
	(void)state;
	share(1, 0);
	begin_one();
	assert_int_equal(told(), 1);
	end_all();
	assert_int_equal(told(), NOTHING);
	begin_one();
	assert_int_equal(refused(), 1);
	core_admission_turn(n.core, 1000);
	core_admission_committed(n.core, 999);
	assert_int_equal(told(), NOTHING);
	begin_one();
	assert_int_equal(refused(), 2);
	core_admission_committed(n.core, 1000);
	assert_int_equal(told(), 0);
	n.now_ns += 20 * 1000 * MS_NS; /* a refused packet holds off the next ones */
	begin_one();
	assert_int_equal(refused(), 2);
	assert_int_equal(told(), 1);
}

/* More turns than there is room for: those that have none wait for the last one. */
static void ends_of_many_turns_are_all_counted(void **state)
{
	const uint32_t turns = CORE_ENDED_MAX + 8;

	(void)state;
	for (uint32_t i = 1; i <= turns; i++) {
		n.core->admission.ended = 1;
		core_admission_turn(n.core, 1000 + i);
		core_admission_turn(n.core, 2000); /* nothing has ended in it */
	}
	assert_int_equal(told(), turns);
	core_admission_committed(n.core, 1010);
	assert_int_equal(told(), turns - 10);
	core_admission_committed(n.core, 1000 + turns - 1);
	assert_int_equal(told(), 9);
	core_admission_committed(n.core, 1000 + turns);
	assert_int_equal(told(), 0);
}

static void what_is_another_owners_counts_there(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };

	(void)state;
	begin_one();
	assert_int_equal(told(), 1);
	core_quiesce(n.core, &quiesce);
	assert_int_equal(n.core->role, CL_ROLE_RELEASING);
	assert_int_equal(told(), NOTHING);
	n.core->admission.ended = 1;
	core_admission_turn(n.core, 1000);
	n.core->admission.ended = 1;
	role(CL_ROLE_STANDBY, 2, false, 0);
	assert_int_equal(told(), 0);
	core_admission_committed(n.core, 1000);
	assert_int_equal(told(), NOTHING);
}

/* Half of a pair: what counts at this moment counts for nobody, and what ends of it frees nothing. */
static void what_may_be_at_two_owners_counts_nowhere(void **state)
{
	(void)state;
	share(5, 0);
	begin_one();
	assert_int_equal(told(), 1);
	share(4, 1);
	assert_int_equal(load().all, 1);
	assert_int_equal(told(), 0);
	/* The same doubt: nothing is said twice. */
	share(3, 1);
	assert_int_equal(told(), NOTHING);
	/* Another one: node/ says again what counts. */
	share(3, 2);
	assert_int_equal(told(), 0);
	share(5, 0);
	assert_int_equal(load().in_share, 1);
	assert_int_equal(told(), 1);
}

static void ends_from_before_a_doubt_free_nothing(void **state)
{
	(void)state;
	share(5, 0);
	begin_one();
	assert_int_equal(told(), 1);
	end_all();
	share(4, 1);
	assert_int_equal(told(), 0);
}

static void who_takes_over_in_doubt_carries_what_it_finds(void **state)
{
	(void)state;
	share(5, 1);
	begin_one();
	assert_int_equal(load().in_share, 1);
	/* Handed over: the one that had it knows what counts. */
	core_admission_took_over(n.core, true);
	assert_int_equal(load().in_share, 1);
	assert_int_equal(told(), 1);
	core_admission_took_over(n.core, false);
	assert_int_equal(load().in_share, 0);
	assert_int_equal(told(), 0);
	share(5, 0);
	assert_int_equal(told(), 1);
	core_admission_took_over(n.core, false);
	assert_int_equal(load().in_share, 1);
	/* Said again, though it is the same. */
	assert_int_equal(told(), 1);
}

static void without_a_limit_nobody_is_refused(void **state)
{
	(void)state;
	share(0, 0);
	begin_one();
	assert_int_equal(refused(), 1);
	share(UINT32_MAX, 0);
	n.now_ns += 20 * 1000 * MS_NS;
	begin_one();
	assert_int_equal(refused(), 1);
	assert_int_equal(load().all, 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup_limited, teardown)
	const struct CMUnitTest tests[] = {
		T(what_changes_is_told_once),
		T(an_end_frees_its_place_when_it_is_committed),
		T(ends_of_many_turns_are_all_counted),
		T(what_is_another_owners_counts_there),
		T(what_may_be_at_two_owners_counts_nowhere),
		T(ends_from_before_a_doubt_free_nothing),
		T(who_takes_over_in_doubt_carries_what_it_finds),
		T(without_a_limit_nobody_is_refused),
	};
	return cmocka_run_group_tests_name("core admission", tests, NULL, NULL);
}
