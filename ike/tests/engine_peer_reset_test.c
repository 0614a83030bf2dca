/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What resets the peer index of a crypto map entry, or keeps it, once a tunnel is up: the
 * conditions after SA of its table, before and after a takeover of A.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_multi_peer_harness.h"

static void rekey_unreachable(bool takeover)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	dead = 2;
	rekey_child(w, A);
	world_run(w, 130000);
	assert_index(w, 0, TUNNEL_REKEY_UNREACHABLE);
	manual(w);
	assert_up(w, 0);
	world_free(w);
}

static void a_rekey_without_answer_resets_the_index(void **state)
{
	(void)state;
	twice(rekey_unreachable);
}

static void rekey_refused(bool takeover, const struct options *b, enum tunnel_condition why)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	reload(w, B, b);
	rekey_child(w, A);
	world_run(w, 1000);
	assert_index(w, 0, why);
	/* The SA that could not be rekeyed goes on meanwhile. */
	assert_up(w, 1);
	world_free(w);
}

static void a_rekey_without_common_proposal_resets_the_index(void **state)
{
	(void)state;
	for (int takeover = 0; takeover < 2; takeover++)
		rekey_refused(takeover, &(struct options){ .no_common_esp = true },
			      TUNNEL_REKEY_MISMATCH);
}

static void a_rekey_without_common_selectors_resets_the_index(void **state)
{
	(void)state;
	for (int takeover = 0; takeover < 2; takeover++)
		rekey_refused(takeover, &(struct options){ .no_common_ts = true },
			      TUNNEL_REKEY_TS_MISMATCH);
}

static void ike_rekey_refused(bool takeover)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	reload(w, B, &(struct options){ .dh_b = { DH_ECP_384 } });
	rekey_ike(w, A);
	world_run(w, 1000);
	assert_index(w, 0, TUNNEL_REKEY_MISMATCH);
	assert_up(w, 1);
	world_free(w);
}

static void a_refused_rekey_of_the_ike_sa_resets_the_index(void **state)
{
	(void)state;
	twice(ike_rekey_refused);
}

static void modified(bool takeover)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	reload(w, A, &(struct options){ 0 });
	assert_index(w, 1, TUNNEL_PEER_UNREACHABLE);
	reload(w, A, &(struct options){ .map_digest = 2 });
	assert_index(w, 0, TUNNEL_MAP_MODIFIED);
	world_free(w);
}

static void a_modified_crypto_map_resets_the_index(void **state)
{
	(void)state;
	twice(modified);
}

static void cleared(bool takeover)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	clear_all(w, A);
	world_run(w, 1000);
	assert_index(w, 0, TUNNEL_CLEAR_IKE);
	manual(w);
	assert_up(w, 0);
	world_free(w);
}

static void clear_crypto_ikev2_sa_resets_the_index(void **state)
{
	(void)state;
	twice(cleared);
}

static void children_cleared(bool takeover)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	world_input(w, A, &(struct ike_input){ .kind = IKE_IN_CLEAR_CHILDREN });
	world_run(w, 10000);
	assert_index(w, 0, TUNNEL_CLEAR_IPSEC);
	assert_null(world_outbound(w, A, 1));
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	manual(w);
	world_run(w, 1000);
	assert_up(w, 0);
	/* The IKE SA with the second peer was of no more use. */
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	world_free(w);
}

static void clear_ipsec_sa_resets_the_index(void **state)
{
	(void)state;
	twice(children_cleared);
}

static void clear_peer(struct world *w, enum ike_input_kind kind, uint8_t peer)
{
	struct ike_input in = { .kind = kind, .connection = "" };

	in.remote.addr = world_peer(w, peer);
	world_input(w, A, &in);
	world_run(w, 10000);
}

/* Also where both are of one connection: only an address names a peer. */
static void of_one_peer_cleared(bool takeover)
{
	struct world *w = up_with_second((struct options){ 0 }, takeover);

	clear_peer(w, IKE_IN_CLEAR, 0);
	clear_peer(w, IKE_IN_CLEAR_CHILDREN, 2);
	assert_up(w, 1);
	clear_peer(w, IKE_IN_CLEAR_CHILDREN, 1);
	assert_index(w, 0, TUNNEL_CLEAR_IPSEC);
	assert_null(world_outbound(w, A, 1));
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 1);
	clear_peer(w, IKE_IN_CLEAR, 1);
	assert_int_equal(world_count_sa(w, A, IKE_SA_ESTABLISHED), 0);
	world_free(w);
}

static void clear_with_an_address_is_for_that_peer_alone(void **state)
{
	(void)state;
	twice(of_one_peer_cleared);
}

static void timed_out(bool takeover)
{
	struct world *w = up_with_second(
		(struct options){ .no_soft_life = true, .ike_life_s = 300 }, takeover);

	world_run(w, 310000);
	assert_index(w, 0, TUNNEL_SA_TIMEOUT);
	world_free(w);
}

static void an_ike_sa_that_times_out_resets_the_index(void **state)
{
	(void)state;
	twice(timed_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_rekey_without_answer_resets_the_index),
		cmocka_unit_test(a_rekey_without_common_proposal_resets_the_index),
		cmocka_unit_test(a_rekey_without_common_selectors_resets_the_index),
		cmocka_unit_test(a_refused_rekey_of_the_ike_sa_resets_the_index),
		cmocka_unit_test(a_modified_crypto_map_resets_the_index),
		cmocka_unit_test(clear_crypto_ikev2_sa_resets_the_index),
		cmocka_unit_test(clear_ipsec_sa_resets_the_index),
		cmocka_unit_test(clear_with_an_address_is_for_that_peer_alone),
		cmocka_unit_test(an_ike_sa_that_times_out_resets_the_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
