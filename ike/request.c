/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What we want of a peer. The window is one (RFC 7296 2.3): wants queue on
 * their IKE SA and become requests one after the other. A want that needs a
 * job (key generation) stays first in the queue and is begun again with it.
 */
#include <stdlib.h>

#include "ike/engine.h"
#include "ike/v2.h"

static bool same(const struct ike_want *a, const struct ike_want *b)
{
	return a->kind == b->kind && a->tunnel == b->tunnel && a->spi_in == b->spi_in;
}

bool ike_want_waits(const struct ike_sa *sa, const struct ike_want *want)
{
	const struct ike_want *w;

	TAILQ_FOREACH (w, &sa->wants, next) {
		if (same(w, want))
			return true;
	}
	return false;
}

static struct ike_want *copy_of(const struct ike_want *want)
{
	struct ike_want *w = malloc(sizeof(*w));

	must(w != NULL);
	*w = *want;
	return w;
}

void ike_want_add(struct ike_sa *sa, const struct ike_want *want)
{
	struct ike_want *w;

	if (ike_want_waits(sa, want) || sa->n_wants >= IKE_WANTS_MAX)
		return;
	w = copy_of(want);
	TAILQ_INSERT_TAIL(&sa->wants, w, next);
	sa->n_wants++;
	ike_sa_ready(sa);
}

void ike_want_add_first(struct ike_sa *sa, const struct ike_want *want)
{
	struct ike_want *w;

	if (ike_want_waits(sa, want))
		return;
	w = copy_of(want);
	TAILQ_INSERT_HEAD(&sa->wants, w, next);
	sa->n_wants++;
	ike_sa_ready(sa);
}

static void want_drop(struct ike_sa *sa, struct ike_want *w)
{
	/* Nobody waits for its job any more. */
	if (sa->begun == w) {
		sa->begun = NULL;
		sa->suspended.job_id = 0;
	}
	TAILQ_REMOVE(&sa->wants, w, next);
	sa->n_wants--;
	free(w);
}

void ike_wants_clear(struct ike_sa *sa)
{
	struct ike_want *w;

	while ((w = TAILQ_FIRST(&sa->wants)) != NULL)
		want_drop(sa, w);
}

void ike_wants_move(struct ike_sa *from, struct ike_sa *to)
{
	struct ike_want *w;

	while ((w = TAILQ_FIRST(&from->wants)) != NULL) {
		/* A rekey or liveness check of the old IKE SA ends with it. */
		if (w->kind == IKE_REQ_IKE_DELETE) {
			to->s.closing = true;
			ike_want_add_first(to, w);
		} else if (w->kind >= IKE_REQ_CHILD_NEW && w->kind != IKE_REQ_IKE_REKEY &&
			   w->kind != IKE_REQ_LIVENESS) {
			ike_want_add(to, w);
		}
		want_drop(from, w);
	}
}

void ike_sa_ready(struct ike_sa *sa)
{
	if (sa->ready)
		return;
	sa->ready = true;
	TAILQ_INSERT_TAIL(&sa->e->ready, sa, ready_next);
}

/* The next one whose time has come; the timer is set for the others. */
static struct ike_want *next_want(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	struct ike_want *w;
	uint64_t at = TIMER_NEVER;

	TAILQ_FOREACH (w, &sa->wants, next) {
		if (w->not_before_ms <= e->now)
			return w;
		if (w->not_before_ms < at)
			at = w->not_before_ms;
	}
	if (at != TIMER_NEVER)
		timer_set(&e->timers, &sa->again, at);
	return NULL;
}

/* Its turn comes when the SA is up; on an SA that ends it comes no more. */
static bool stage_fits(const struct ike_sa *sa, const struct v2_request *row)
{
	return (row->from & V2_STAGE(sa->s.stage)) != 0;
}

/* false: the SA is gone. */
static bool begun(struct ike_sa *sa, struct ike_want *w, const struct v2_request *row,
		  struct ike_job *job)
{
	enum result res = row->begin(sa, w, job);

	if (res == R_SUSPENDED) {
		sa->begun = w;
		return true;
	}
	want_drop(sa, w);
	if (res == R_OK) {
		v2_enter_request(sa, row);
		return true;
	}
	/* What a failed begin has noted of its request. */
	ike_outstanding_clear(sa);
	if (res == R_EXHAUSTED)
		ike_sa_exhausted(sa);
	else if (sa->s.stage < IKE_SA_ESTABLISHED)
		ike_sa_failed(sa, res);
	else
		return true;
	return false;
}

static void run(struct ike_sa *sa)
{
	struct ike_want *w;

	if (ike_sa_in_doubt(sa)) {
		/* It would end with a DELETE. */
		if (sa->s.stage == IKE_SA_DELETING && sa->s.outstanding.kind == IKE_REQ_NONE &&
		    !sa->sync.due)
			ike_sa_close_in_doubt(sa, NULL);
		return;
	}
	while (sa->s.outstanding.kind == IKE_REQ_NONE && sa->suspended.job_id == 0 &&
	       (w = next_want(sa)) != NULL) {
		const struct v2_request *row = v2_request_row(w->kind);

		if (stage_fits(sa, row)) {
			if (!begun(sa, w, row, NULL))
				return;
		} else if (sa->s.stage < IKE_SA_ESTABLISHED) {
			return;
		} else {
			want_drop(sa, w);
		}
	}
}

void ike_requests_run(struct ike_engine *e)
{
	struct ike_sa *sa;

	while ((sa = TAILQ_FIRST(&e->ready)) != NULL) {
		TAILQ_REMOVE(&e->ready, sa, ready_next);
		sa->ready = false;
		run(sa);
	}
}

void ike_request_resume(struct ike_sa *sa, struct ike_job *job)
{
	struct ike_want *w = sa->begun;
	const struct v2_request *row;

	/* A request went out meanwhile only if the job was not ours to wait for. */
	must(w != NULL && sa->s.outstanding.kind == IKE_REQ_NONE);
	sa->begun = NULL;
	row = v2_request_row(w->kind);
	if (!stage_fits(sa, row))
		want_drop(sa, w);
	else
		(void)begun(sa, w, row, job);
}
