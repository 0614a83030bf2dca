/* SPDX-License-Identifier: Apache-2.0 */
#include "ha-tests/sim/matrix.h"

#include <string.h>

#include "base/must.h"
#include "ha-tests/sim/sim.h"
#include "ike/v2.h"

/* ---- rows: first what messages do, then our requests ---- */

unsigned int matrix_rows(void)
{
	size_t n, requests;

	(void)v2_transitions(&n);
	(void)v2_requests(&requests);
	n += requests - 1; /* IKE_REQ_NONE */
	must(n <= MATRIX_ROWS);
	return (unsigned int)n;
}

static bool is_response(unsigned int row)
{
	size_t n;
	const struct v2_transition *t = v2_transitions(&n);

	return row < n && t[row].response;
}

const char *matrix_story(unsigned int row)
{
	size_t n, requests;
	const struct v2_transition *t = v2_transitions(&n);
	const struct v2_request *r = v2_requests(&requests);

	return row < n ? t[row].story : r[row - n + 1].story;
}

unsigned int matrix_row_of(const char *story)
{
	unsigned int row = 0, n = matrix_rows();

	while (row < n && strcmp(matrix_story(row), story) != 0)
		row++;
	must(row < n);
	return row;
}

/* ---- what cannot come ---- */

static const struct {
	const char *story, *why;
} unreachable[] = {
	{ NULL, NULL },
};

const char *matrix_unreachable(unsigned int row)
{
	for (size_t i = 0; unreachable[i].story; i++)
		if (strcmp(unreachable[i].story, matrix_story(row)) == 0)
			return unreachable[i].why;
	return NULL;
}

/* ---- a run ---- */

static void hit(struct member *m, unsigned int row)
{
	struct strike *st = &m->s->strike;

	m->s->matrix.hits[row][st->side][st->kind]++;
	m->s->stats.faults++;
	trace(m->s, "%s: fault %s: %s", m->name, st->side == STRIKE_BEFORE ? "before" : "after",
	      matrix_story(row));
	*st = (struct strike){ .armed = false };
}

void matrix_row(void *ctx, const char *story)
{
	struct member *m = ctx;
	struct strike *st = &m->s->strike;
	unsigned int row = matrix_row_of(story);

	if (m->role == CL_ROLE_ACTIVE && !m->node->dying)
		m->s->matrix.taken[row]++;
	if (!st->armed || m->node->dying || m->role != CL_ROLE_ACTIVE || st->waits_for ||
	    (st->row != MATRIX_ANY && st->row != row))
		return;
	st->row = row;
	if (st->side == STRIKE_AFTER) {
		st->waits_for = m;
		return;
	}
	enum strike_kind kind = st->kind;
	hit(m, row);
	fault_strike(m, kind);
}

void matrix_left(struct member *m, bool datagram)
{
	struct strike *st = &m->s->strike;

	/* What answers or asks ends with a datagram, what takes an answer with its records. */
	if (!st->armed || st->waits_for != m || m->node->dying || datagram == is_response(st->row))
		return;
	enum strike_kind kind = st->kind;
	hit(m, st->row);
	fault_strike(m, kind);
}

/* ---- the sum ---- */

void matrix_print(const struct matrix *m)
{
	unsigned int n = matrix_rows();

	printf("# fault before: crash host stop cut handover | after: crash host stop cut handover | rows\n");
	for (unsigned int row = 0; row < n; row++) {
		const char *why = matrix_unreachable(row);
		printf("#");
		for (unsigned int side = 0; side < STRIKE_SIDES; side++) {
			for (unsigned int kind = 0; kind < STRIKE_KINDS; kind++)
				printf(" %4u", m->hits[row][side][kind]);
			printf(" |");
		}
		printf(" %7llu %s%s%s\n", (unsigned long long)m->taken[row], matrix_story(row),
		       why ? ": not here, " : "", why ? why : "");
	}
}

unsigned int matrix_empty(const struct matrix *m)
{
	unsigned int n = matrix_rows(), empty = 0;

	for (unsigned int row = 0; row < n; row++)
		for (unsigned int i = 0; i < STRIKE_SIDES * STRIKE_KINDS; i++)
			empty += !matrix_unreachable(row) &&
				 !m->hits[row][i / STRIKE_KINDS][i % STRIKE_KINDS];
	return empty;
}
