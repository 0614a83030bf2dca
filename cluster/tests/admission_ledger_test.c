/* SPDX-License-Identifier: Apache-2.0 */
/* R24, the ledger of a view: what its members say of each other, and of those that are missing. */
#include "cluster/tests/admission_fixtures.h"

#define ABSENT 2u

static struct admission_entry *entry(size_t i, size_t of)
{
	struct admission_entry *e = admission_entry(w.nodes[i].cl, w.nodes[of].id);

	assert_non_null(e);
	return e;
}

struct said {
	uint64_t incarnation; /* 0: knows nothing of it */
	uint32_t share, moved;
	bool gone;
};

static void knows(size_t i, const struct said *s)
{
	struct admission *a = &w.nodes[i].cl->admission;
	struct admission_entry *e = entry(i, ABSENT);

	if (!s->incarnation) {
		*e = a->entries[--a->n];
		return;
	}
	e->incarnation = s->incarnation;
	e->share = s->share;
	e->moved = s->moved;
	e->gone = s->gone;
}

/* A member is missing; it may have as much as either of the others says. */
static void two_words_of_a_missing_member_become_one(void **state)
{
	static const struct {
		struct said ours, theirs, both;
	} rows[] = {
		{ { 7, 3, 1, false }, { 7, 5, 0, false }, { 7, 5, 1, false } },
		{ { 7, 5, 0, false }, { 7, 3, 2, false }, { 7, 5, 2, false } },
		{ { 7, 5, 0, false }, { 7, 0, 0, true }, { 7, 0, 0, true } },
		{ { 7, 0, 0, true }, { 7, 5, 0, false }, { 7, 0, 0, true } },
		{ { 7, 3, 0, false }, { 8, 5, 0, false }, { 8, 5, 0, false } },
		{ { 7, 5, 0, false }, { 8, 3, 0, false }, { 7, 5, 0, false } },
		{ { 7, 0, 0, true }, { 8, 3, 0, false }, { 8, 3, 0, false } },
		{ { 7, 3, 0, false }, { 8, 5, 0, true }, { 7, 3, 0, false } },
		{ { 0 }, { 7, 3, 1, false }, { 7, 3, 1, false } },
	};

	(void)state;
	start(3);
	node_cut(&w, ABSENT);
	world_view(&w, false);
	world_run(&w, 100);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		knows(0, &rows[i].ours);
		knows(1, &rows[i].theirs);
		world_view(&w, false);
		world_run(&w, 100);
		for (size_t k = 0; k < 2; k++) {
			const struct admission_entry *e = entry(k, ABSENT);
			assert_int_equal(e->incarnation, rows[i].both.incarnation);
			assert_int_equal(e->share, rows[i].both.share);
			assert_int_equal(e->moved, rows[i].both.moved);
			assert_int_equal(e->gone, rows[i].both.gone);
		}
	}
}

/* How much it gives up, before it takes anew. */
static uint32_t comes_back(const struct said *s)
{
	const struct admission *a = &w.nodes[ABSENT].cl->admission;
	const uint32_t had = a->own;
	uint32_t least = had;

	for (size_t i = 0; i < ABSENT; i++)
		knows(i, s);
	world_heal(&w);
	world_view(&w, false);
	for (unsigned int ms = 0; ms < 3000; ms++) {
		world_run(&w, 1);
		tell_all();
		least = a->own < least ? a->own : least;
	}
	return had - least;
}

static void goes(void)
{
	node_cut(&w, ABSENT);
	world_view(&w, false);
	world_run(&w, 100);
}

/* Both of the others say it, and it gives it once: what they have taken of its share. */
static void what_was_moved_is_given_up_once(void **state)
{
	(void)state;
	start(3);
	const struct admission *a = &w.nodes[ABSENT].cl->admission;
	const uint64_t incarnation = w.nodes[ABSENT].cl->incarnation;
	goes();
	assert_int_equal(comes_back(&(struct said){ incarnation, 9, 2, false }), 2);
	goes();
	assert_int_equal(comes_back(&(struct said){ incarnation, 9, 2, false }), 0);
	goes();
	assert_int_equal(comes_back(&(struct said){ incarnation, 9, 3, false }), 1);
	/* Of a process before it. */
	goes();
	assert_int_equal(comes_back(&(struct said){ incarnation + 1, 9, 9, false }), 0);
	/* All of it; and more than it has. */
	uint32_t own = a->own;
	goes();
	assert_int_equal(comes_back(&(struct said){ incarnation, 0, 0, true }), own);
	own = a->own;
	goes();
	assert_int_equal(comes_back(&(struct said){ incarnation, 0, 90, false }), own);
	assert_true(sum() <= LIMIT);
}

static void say_word(size_t i, uint32_t words_share, uint64_t ring, uint32_t ring_node,
		     uint8_t digest)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Admission step = HOLDFAST__ADMISSION__INIT;
	Holdfast__AdmissionWord word = HOLDFAST__ADMISSION_WORD__INIT;
	const struct cl_node *n = w.nodes[i].cl;
	uint8_t members[sizeof(n->view.digest)];

	memcpy(members, n->view.digest, sizeof(members));
	members[0] ^= digest;
	word.ring_node_id = n->view.ring.node_id + ring_node;
	word.ring_seq = n->view.ring.seq + ring;
	word.members_digest = (ProtobufCBinaryData){ .data = members, .len = sizeof(members) };
	word.incarnation = n->incarnation;
	word.limit = LIMIT;
	word.share = words_share;
	step.step_case = HOLDFAST__ADMISSION__STEP_WORD;
	step.word = &word;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_ADMISSION;
	m.admission = &step;
	node_forge(&w, i, 0, &m);
	world_run(&w, 1);
}

static void a_word_of_another_view_is_nothing(void **state)
{
	(void)state;
	start(2);
	say_word(1, 30, 4, 0, 0);
	assert_int_equal(entry(0, 1)->share, LIMIT / 2);
	say_word(1, 30, 0, 1, 0);
	assert_int_equal(entry(0, 1)->share, LIMIT / 2);
	say_word(1, 30, 0, 0, 1);
	assert_int_equal(entry(0, 1)->share, LIMIT / 2);
}

/* It may have been sent before what its sender has taken since; but more than that it may have. */
static void a_word_that_is_said_again_takes_nothing_back(void **state)
{
	(void)state;
	start(2);
	say_word(1, LIMIT / 2 - 5, 0, 0, 0);
	assert_int_equal(entry(0, 1)->share, LIMIT / 2);
	say_word(1, LIMIT / 2 + 5, 0, 0, 0);
	assert_int_equal(entry(0, 1)->share, LIMIT / 2 + 5);
}

enum other { NOBODY, MISSING, GONE };

/* What is different: of node 1 (limit and silence of 2 too), of the groups that node 0 has declared, of a fourth member. */
struct pool_row {
	uint32_t offered, load, limit;
	bool silent, undeclared;
	uint32_t groups_of_0, groups_of_other;
	enum other other;
	uint32_t pool, of_1;
};

static void pool_is(const struct pool_row *r)
{
	struct admission *a = &w.nodes[0].cl->admission;
	const struct admission was = *a;

	for (size_t i = 0; i < a->n; i++)
		a->entries[i].share = 10;
	entry(0, 0)->groups = r->groups_of_0;
	entry(0, 1)->offered = r->offered;
	entry(0, 1)->load = r->load;
	for (size_t i = 1; i < 3; i++) {
		entry(0, i)->limit = r->limit;
		entry(0, i)->heard = !r->silent;
	}
	entry(0, 1)->declared = !r->undeclared;
	if (r->other != NOBODY)
		a->entries[a->n++] = (struct admission_entry){ .node_id = 99,
							       .share = 5,
							       .load = 5,
							       .groups = r->groups_of_other,
							       .gone = r->other == GONE };
	assert_int_equal(admission_pool(w.nodes[0].cl, NULL), r->pool);
	assert_int_equal(admission_pool(w.nodes[0].cl, entry(0, 1)), r->of_1);
	*a = was;
}

/* 10 of 40 are with each of three. */
static void the_pool_is_what_nobody_has(void **state)
{
	const uint32_t ours = admission_group_bit(GROUP);
	const struct pool_row rows[] = {
		{ .limit = LIMIT, .groups_of_0 = ours, .pool = 10, .of_1 = 10 },
		{ .limit = LIMIT, .groups_of_0 = ours, .offered = 4, .pool = 6, .of_1 = 6 },
		/* What it uses above its share it may take, and nobody else. */
		{ .limit = LIMIT, .groups_of_0 = ours, .load = 15, .pool = 5, .of_1 = 10 },
		{ .limit = LIMIT, .groups_of_0 = ours, .load = 25, .pool = 0, .of_1 = 10 },
		{ .limit = LIMIT, .groups_of_0 = ours, .other = MISSING },
		{ .limit = LIMIT, .groups_of_0 = ours, .other = GONE, .pool = 10, .of_1 = 10 },
		{ .limit = LIMIT, .groups_of_0 = ours, .undeclared = true },
		/* The owner has not said what it uses; who said so last is gone. */
		{ .limit = LIMIT },
		{ .limit = LIMIT, .groups_of_other = ours, .other = GONE },
		{ .limit = 35, .groups_of_0 = ours, .pool = 5, .of_1 = 5 },
		{ .limit = 25, .groups_of_0 = ours },
		{ .limit = 0, .groups_of_0 = ours, .pool = 10, .of_1 = 10 },
		{ .limit = 35, .silent = true, .groups_of_0 = ours, .pool = 10, .of_1 = 10 },
	};

	(void)state;
	start(3);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		pool_is(&rows[i]);
	w.nodes[0].cl->admission.ready = false;
	pool_is(&(struct pool_row){ .limit = LIMIT, .groups_of_0 = ours });
}

/* As many as there can be; who is gone makes room, and nobody else. */
static void who_is_gone_makes_room(void **state)
{
	struct admission *a;

	(void)state;
	start(2);
	a = &w.nodes[0].cl->admission;
	while (a->n < CL_ADMISSION_MAX) {
		a->entries[a->n] = (struct admission_entry){ .node_id = 100 + (uint32_t)a->n,
							     .incarnation = 1 };
		a->n++;
	}
	w.nodes[1].cl->admission.entries[w.nodes[1].cl->admission.n++] = (struct admission_entry){
		.node_id = 99, .incarnation = 1, .share = 1
	};
	world_view(&w, false);
	world_run(&w, 10);
	assert_null(admission_entry(w.nodes[0].cl, 99));
	assert_int_equal(a->n, CL_ADMISSION_MAX);
	admission_entry(w.nodes[0].cl, 105)->gone = true;
	world_view(&w, false);
	world_run(&w, 10);
	assert_non_null(admission_entry(w.nodes[0].cl, 99));
	assert_null(admission_entry(w.nodes[0].cl, 105));
	assert_non_null(admission_entry(w.nodes[0].cl, 106));
	assert_int_equal(a->n, CL_ADMISSION_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(two_words_of_a_missing_member_become_one),
		T(what_was_moved_is_given_up_once),
		T(a_word_of_another_view_is_nothing),
		T(a_word_that_is_said_again_takes_nothing_back),
		T(the_pool_is_what_nobody_has),
		T(who_is_gone_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
