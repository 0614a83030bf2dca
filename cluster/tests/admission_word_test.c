/* SPDX-License-Identifier: Apache-2.0 */
/* R24, what is said: words, offers and takes, in the one order in which they come to all. */
#include "cluster/tests/admission_fixtures.h"

/* A member that knows of no limit, or of no admission (an upgrade): what is given out stays. */
static void who_says_nothing_opens_nothing(void **state)
{
	(void)state;
	world_init(&w, 3);
	for (size_t i = 0; i < 3; i++) {
		in_share[i] = 0;
		node_start(&w, i);
		limit(i, i < 2 ? LIMIT : 0);
	}
	world_view(&w, false);
	run_apart(2500);
	assert_int_equal(world_owner(&w), 0);
	assert_int_equal(share(0) + share(1), 0);
	limit(2, LIMIT);
	run(2000);
	assert_int_equal(sum(), LIMIT / 3 * 3);
	/* As the release of before it comes back. */
	uint32_t had = share(0);
	node_kill(&w, 2);
	node_start(&w, 2);
	limits[2] = 0;
	world_view(&w, false);
	use(0, had);
	for (unsigned int t = 0; t < 300; t++) {
		world_run(&w, 10);
		tell_all();
		assert_true(share(0) + share(1) <= LIMIT);
	}
	assert_int_equal(share(0), had);
}

/* It asked for more than it was offered, and others have taken the rest meanwhile. */
static void what_is_offered_is_taken_once(void **state)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Admission step = HOLDFAST__ADMISSION__INIT;
	Holdfast__AdmissionOffer offer = HOLDFAST__ADMISSION_OFFER__INIT;
	Holdfast__AdmissionTake take = HOLDFAST__ADMISSION_TAKE__INIT;

	(void)state;
	start(2);
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ADMISSION;
	m.admission = &step;
	step.step_case = HOLDFAST__ADMISSION__STEP_OFFER;
	step.offer = &offer;
	offer.to_node_id = w.nodes[1].id;
	offer.amount = 5;
	w.nodes[0].cl->admission.own -= offer.amount;
	node_forge(&w, 0, 0, &m);
	step.step_case = HOLDFAST__ADMISSION__STEP_TAKE;
	step.take = &take;
	take.amount = 10;
	node_forge(&w, 1, 0, &m);
	world_order(&w);
	w.nodes[0].hold_acks = w.nodes[1].hold_acks = true;
	world_run(&w, 10);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(admission_entry(w.nodes[i].cl, w.nodes[1].id)->share,
				 LIMIT / 2 + 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(who_says_nothing_opens_nothing),
		T(what_is_offered_is_taken_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
