/* SPDX-License-Identifier: Apache-2.0 */
/* IKE_SA_INIT and IKE_AUTH between two engines, both roles, and their refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_harness.h"

static struct world *setup(const struct options *o)
{
	struct world *w = world_new(1, o, false);

	initiate(w, A, 1);
	world_run(w, 1000);
	return w;
}

static void a_psk_tunnel_comes_up_in_four_messages(void **state)
{
	struct world *w = setup(&(struct options){ 0 });

	(void)state;
	assert_int_equal(w->side[A].sent[IKE_SA_INIT], 1);
	assert_int_equal(w->side[A].sent[IKE_AUTH], 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_UP], 1);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_UP], 1);
	world_sa(w, A);
	world_sa(w, B);
	assert_true(world_tunnel_works(w, 1));
	world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_psk_tunnel_comes_up_in_four_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
