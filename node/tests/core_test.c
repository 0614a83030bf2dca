/* SPDX-License-Identifier: Apache-2.0 */
/* The core alone, a cluster of one: what happens to held output at the deadline (R4, R12, R17). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "node/tests/core_harness.h"

static void a_request_leaves_and_is_repeated(void **state)
{
	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	assert_int_equal(n.sent, 1);
	run(10000);
	assert_in_range(n.sent, 2, 10);
}

/* R4, R12: stopped just longer than the deadline, and nobody took over. */
static void a_request_dropped_at_the_deadline_is_sent_when_it_is_extended(void **state)
{
	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	n.now_ns += (DEADLINE_MS + 50) * MS_NS;
	settle();
	assert_int_equal(n.sent, 0);
	assert_int_equal(hf_core_stats(n.core)->dropped_deadline, 1);
	run(10000);
	assert_true(hf_core_may_send(n.core, n.now_ns));
	assert_in_range(n.sent, 1, 10);
}

/* R12: without quorum nothing extends the deadline, and nothing leaves. */
static void without_quorum_nothing_leaves_after_the_deadline(void **state)
{
	(void)state;
	view(false, 8);
	run(DEADLINE_MS / 2);
	assert_false(n.silent);
	run(DEADLINE_MS);
	assert_true(n.silent); /* another one may answer for the addresses */
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	run(5000);
	assert_int_equal(n.sent, 0);
	view(true, 12);
	run(15000);
	assert_in_range(n.sent, 1, 10);
	assert_false(n.silent);
	assert_int_equal(n.silences, 2);
}

/* A request of the peer's: our own, come back. */
static void request(void)
{
	struct inet_endpoint local = { .port = 500 }, remote = { .port = 500 };

	must(inet_parse("192.0.2.1", &local.addr) == R_OK);
	must(inet_parse("192.0.2.2", &remote.addr) == R_OK);
	hf_core_datagram(n.core, n.now_ns, &local, &remote, buf_bytes(&n.first));
	do_jobs();
}

/* R4, R12: where the log stands still, what is held waits for ever, and the peer asks on. */
static void responses_do_not_pile_up_past_the_deadline(void **state)
{
	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	request();
	uint64_t held = hf_core_stats(n.core)->held_total;
	assert_int_not_equal(held, 0);
	n.now_ns += (DEADLINE_MS + 50) * MS_NS;
	for (unsigned int i = 0; i < 100; i++)
		request();
	/* Our own request may be repeated meanwhile. */
	assert_in_range(hf_core_stats(n.core)->held_total, held, held + 2);
	assert_in_range(hf_core_stats(n.core)->dropped_deadline, 100, 102);
}

/* R17 */
static void a_quorate_owner_grants_its_own_lease(void **state)
{
	(void)state;
	child(true, 100);
	core_child_lease(n.core, core_child_find(n.core, SPI));
	settle();
	assert_int_equal(stats().lease_end, 1 + HF_LEASE_MIN);
	assert_int_equal(hf_core_stats(n.core)->leases_granted, 1);
}

/* R17: nobody but this node knows of it, and it may be the one that is cut off. */
static void without_quorum_no_lease_is_asked_for(void **state)
{
	(void)state;
	child(true, 100);
	view(false, 8);
	core_child_lease(n.core, core_child_find(n.core, SPI));
	settle();
	assert_int_equal(stats().lease_end, 100);
	assert_int_equal(hf_core_stats(n.core)->records_out[SS_LEASE], 0);
}

static void a_lease_that_quorum_left_is_refused_and_asked_for_again(void **state)
{
	struct core_child *k;

	(void)state;
	child(true, 100);
	k = core_child_find(n.core, SPI);
	core_child_lease(n.core, k);
	view(false, 8);
	settle();
	assert_int_equal(stats().lease_end, 100);
	assert_int_equal(hf_core_stats(n.core)->leases_refused, 1);
	view(true, 12);
	core_child_lease(n.core, k);
	settle();
	assert_int_equal(stats().lease_end, 1 + HF_LEASE_MIN);
}

/* The lease before it was refused: what counts now is the granted one. */
static void a_granted_lease_is_never_fallen_below(void **state)
{
	const struct held h = { .kind = HELD_GRANT, .spi_in = SPI, .lease_end = 300000 };
	struct core_child *k;

	(void)state;
	child(true, 100);
	k = core_child_find(n.core, SPI);
	core_child_grant(n.core, &h);
	assert_int_equal(stats().lease_end, 300000);
	core_child_lease(n.core, k);
	assert_int_equal(k->lease_end, 300000);
}

/* R19: what still comes here is for this node again; it must neither be sent on nor refused. */
static void a_handover_back_ends_the_relay_and_keeps_the_address(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };
	const struct cl_effect prepare = { .kind = CL_FX_PREPARE, .group = 1 };

	(void)state;
	core_quiesce(n.core, &quiesce);
	role(CL_ROLE_STANDBY, 2, false, 0);
	assert_true(hf_core_relaying(n.core));
	core_prepare(n.core, &prepare);
	assert_int_equal(n.role, CL_ROLE_PREPARING);
	assert_true(n.stragglers);
	assert_false(hf_core_relaying(n.core));
	hf_core_relay_done(n.core, n.now_ns, 1); /* of a timer that was running */
	assert_int_equal(n.relay_ends, 0);
	role(CL_ROLE_ACTIVE, 3, false, 0);
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
	assert_false(n.stragglers);
}

/*
 * R19: RELEASE was not answered and we claim again. The other may have owned the group in
 * between: what this node has beyond the log is nobody's, and its engine begins anew.
 */
static void a_reclaimed_handover_begins_from_the_log(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };

	(void)state;
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	child(true, 5000); /* its record never went out */
	core_quiesce(n.core, &quiesce);
	role(CL_ROLE_ACTIVE, 3, false, 0);
	settle();
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
	assert_null(core_child_find(n.core, SPI));
	assert_int_equal(n.sent, 0);
	hf_core_initiate(n.core, n.now_ns, "192.0.2.2");
	settle();
	assert_int_equal(n.sent, 1);
}

/* The same term again: RELEASE never went out, so nothing has changed. */
static void a_handover_taken_back_goes_on_as_it_was(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };

	(void)state;
	child(true, 5000);
	core_quiesce(n.core, &quiesce);
	role(CL_ROLE_ACTIVE, n.core->term, false, 0);
	assert_non_null(core_child_find(n.core, SPI));
	assert_int_equal(stats().seq_next, 1);
	assert_int_equal(n.relay_ends, 1);
}

/* R23: who came or went may have announced the address as its own. Only an owner says it again. */
static void an_owner_says_its_role_again_with_every_view(void **state)
{
	(void)state;
	for (uint64_t ring = 8; ring < 20; ring += 4) {
		unsigned int before = n.roles;
		view(true, ring);
		assert_int_equal(n.roles, before + 1);
		assert_int_equal(n.role, CL_ROLE_ACTIVE);
	}
	role(CL_ROLE_STANDBY, 1, false, 0);
	unsigned int before = n.roles;
	const struct cl_input again = { .kind = CL_IN_VIEW,
					.ring = { .node_id = 1, .seq = 24 },
					.n_members = 1,
					.members = { { .node_id = 1, .pid = 1 } } };
	hf_core_cluster(n.core, n.now_ns, &again);
	assert_int_equal(n.roles, before);
}

/* R12: its addresses may be another one's by now. */
static void a_silent_owner_takes_no_addresses_back_with_a_view(void **state)
{
	(void)state;
	view(false, 8);
	run(DEADLINE_MS * 2);
	assert_true(n.silent);
	unsigned int before = n.roles;
	view(false, 12);
	assert_int_equal(n.roles, before);
	assert_true(n.silent);
}

static void an_owner_says_its_role_again_behind_a_link_that_is_back(void **state)
{
	struct cl_health health = { .n_links = 1,
				    .links = { { .nameif = "outside", .group = 1 } } };
	const struct cl_input links = { .kind = CL_IN_LINKS, .health = &health };
	(void)state;
	health.links[0].state = CL_LINK_NO_LINK;
	hf_core_cluster(n.core, n.now_ns, &links);
	unsigned int before = n.roles;
	health.links[0].state = CL_LINK_NORMAL;
	hf_core_cluster(n.core, n.now_ns, &links);
	assert_int_equal(n.roles, before + 1);
	assert_int_equal(n.role, CL_ROLE_ACTIVE);
}

/* R19: the addresses are the other one's in a moment, and what is said last is believed. */
static void who_hands_over_announces_nothing(void **state)
{
	const struct cl_effect quiesce = { .kind = CL_FX_QUIESCE, .group = 1 };
	struct cl_health health = { .n_links = 1,
				    .links = { { .nameif = "outside", .group = 1 } } };
	const struct cl_input links = { .kind = CL_IN_LINKS, .health = &health };
	(void)state;
	health.links[0].state = CL_LINK_NO_LINK;
	hf_core_cluster(n.core, n.now_ns, &links);
	core_quiesce(n.core, &quiesce);
	unsigned int before = n.roles;
	health.links[0].state = CL_LINK_NORMAL;
	hf_core_cluster(n.core, n.now_ns, &links);
	assert_int_equal(n.roles, before);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_request_leaves_and_is_repeated),
		T(a_request_dropped_at_the_deadline_is_sent_when_it_is_extended),
		T(without_quorum_nothing_leaves_after_the_deadline),
		T(responses_do_not_pile_up_past_the_deadline),
		T(a_quorate_owner_grants_its_own_lease),
		T(without_quorum_no_lease_is_asked_for),
		T(a_lease_that_quorum_left_is_refused_and_asked_for_again),
		T(a_granted_lease_is_never_fallen_below),
		T(a_handover_back_ends_the_relay_and_keeps_the_address),
		T(a_reclaimed_handover_begins_from_the_log),
		T(a_handover_taken_back_goes_on_as_it_was),
		T(an_owner_says_its_role_again_with_every_view),
		T(a_silent_owner_takes_no_addresses_back_with_a_view),
		T(an_owner_says_its_role_again_behind_a_link_that_is_back),
		T(who_hands_over_announces_nothing),
	};
	return cmocka_run_group_tests_name("core", tests, NULL, NULL);
}
