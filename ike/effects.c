/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The outbox of a step and its order: what is carried out at once, then the
 * records of everything that changed (each once, as it is at the end of the
 * step), then what waits for those records (R4, R5).
 */
#include <stdlib.h>

#include "ike/engine.h"

static struct ike_effect *append(struct ike_outbox *o, enum ike_effect_kind kind)
{
	if (o->n == o->cap) {
		size_t cap = o->cap ? 2 * o->cap : 16;
		struct ike_effect *fx = realloc(o->fx, cap * sizeof(*fx));

		must(fx != NULL);
		o->fx = fx;
		o->cap = cap;
	}
	struct ike_effect *f = &o->fx[o->n++];

	*f = (struct ike_effect){ .kind = kind };
	return f;
}

struct ike_effect *ike_fx(struct ike_engine *e, enum ike_effect_kind kind)
{
	return append(e->out, kind);
}

struct ike_effect *ike_fx_held(struct ike_engine *e, enum ike_effect_kind kind)
{
	return append(&e->held, kind);
}

static void log_effect(struct ike_engine *e, enum log_id id, const struct inet_endpoint *local,
		       const struct inet_endpoint *remote, const char *group, const char *detail)
{
	struct ike_effect *f = ike_fx(e, IKE_FX_LOG);

	log_event_make(&f->log, id, local, remote, group, "%s", detail);
}

void ike_fx_log(struct ike_engine *e, enum log_id id, const struct ike_sa *sa, const char *fmt, ...)
{
	char detail[LOG_DETAIL_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	if (fmt != NULL)
		vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	log_effect(e, id, &sa->s.local, &sa->s.remote, sa->s.connection, detail);
}

void ike_fx_log_at(struct ike_engine *e, enum log_id id, const struct ike_input *in,
		   const char *fmt, ...)
{
	char detail[LOG_DETAIL_MAX] = "";
	va_list ap;

	va_start(ap, fmt);
	if (fmt != NULL)
		vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	log_effect(e, id, &in->local, &in->remote, NULL, detail);
}

void ike_sa_touch(struct ike_sa *sa)
{
	sa->replicated = true;
	if (sa->changed)
		return;
	sa->changed = true;
	TAILQ_INSERT_TAIL(&sa->e->changed_sas, sa, change);
}

void child_sa_touch(struct child_sa *c)
{
	if (c->changed)
		return;
	c->changed = true;
	TAILQ_INSERT_TAIL(&c->e->changed_children, c, change);
}

static void forget_change_of_sa(struct ike_sa *sa)
{
	if (sa->changed)
		TAILQ_REMOVE(&sa->e->changed_sas, sa, change);
	sa->changed = false;
}

static void forget_change_of_child(struct child_sa *c)
{
	if (c->changed)
		TAILQ_REMOVE(&c->e->changed_children, c, change);
	c->changed = false;
}

void ike_fx_sa_gone(struct ike_sa *sa)
{
	forget_change_of_sa(sa);
	if (sa->replicated)
		ike_fx_held(sa->e, IKE_FX_IKE_SA_GONE)->ike_spi = ike_sa_state_spi(&sa->s);
}

void ike_fx_child_gone(struct child_sa *c)
{
	forget_change_of_child(c);
	ike_fx_held(c->e, IKE_FX_CHILD_SA_GONE)->spi_in = c->s.spi_in;
}

static bool is_record(const struct ike_effect *f)
{
	return f->kind == IKE_FX_IKE_SA_GONE || f->kind == IKE_FX_CHILD_SA_GONE;
}

/* Moves from held to the outbox what is (or is not) a record. */
static void move_held(struct ike_engine *e, bool records)
{
	for (size_t i = 0; i < e->held.n; i++) {
		struct ike_effect *f = &e->held.fx[i];

		if (is_record(f) == records)
			*append(e->out, f->kind) = *f;
	}
}

void ike_fx_flush(struct ike_engine *e)
{
	struct ike_sa *sa;
	struct child_sa *c;

	while ((sa = TAILQ_FIRST(&e->changed_sas)) != NULL) {
		forget_change_of_sa(sa);
		ike_fx(e, IKE_FX_IKE_SA_CHANGED)->ike_spi = ike_sa_state_spi(&sa->s);
	}
	while ((c = TAILQ_FIRST(&e->changed_children)) != NULL) {
		forget_change_of_child(c);
		ike_fx(e, IKE_FX_CHILD_SA_CHANGED)->spi_in = c->s.spi_in;
	}
	move_held(e, true);
	move_held(e, false);
	e->held.n = 0;
}

static void effects_free(struct ike_outbox *o)
{
	for (size_t i = 0; i < o->n; i++) {
		buf_free(&o->fx[i].datagram);
		if (o->fx[i].job != NULL)
			ike_job_free(o->fx[i].job);
	}
	o->n = 0;
}

void ike_outbox_clear(struct ike_outbox *o)
{
	effects_free(o);
	free(o->fx);
	*o = (struct ike_outbox){ 0 };
}
