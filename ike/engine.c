/* SPDX-License-Identifier: Apache-2.0 */
/* The engine as ike/ike.h shows it: made, stepped, asked. */
#include <stdlib.h>

#include "ike/v2.h"

struct ike_engine *ike_engine_new(const struct ike_engine_config *ec, struct ike_config *adopt_cfg)
{
	struct ike_engine *e = calloc(1, sizeof(*e));

	must(e != NULL && ec->slot >= 1 && ec->slot <= 15);
	e->ec = *ec;
	e->cfg = adopt_cfg;
	e->crypto = ike_crypto_new();
	e->sas = hashmap_new(ec->hash_seed);
	e->child_map = hashmap_new(ec->hash_seed);
	e->offered = hashmap_new(ec->hash_seed);
	e->half_opens = hashmap_new(ec->hash_seed);
	e->share = UINT32_MAX;
	e->sources = hashmap_new(ec->hash_seed);
	e->tokens = hashmap_new(ec->hash_seed);
	e->hold_offs = hashmap_new(ec->hash_seed);
	must(e->crypto != NULL && e->sas != NULL && e->child_map != NULL && e->offered != NULL &&
	     e->half_opens != NULL && e->sources != NULL && e->tokens != NULL &&
	     e->hold_offs != NULL);
	TAILQ_INIT(&e->all);
	TAILQ_INIT(&e->dead);
	TAILQ_INIT(&e->loose);
	TAILQ_INIT(&e->changed_sas);
	TAILQ_INIT(&e->changed_children);
	TAILQ_INIT(&e->ready);
	ike_connections_index(e);
	timer_queue_init(&e->timers);
	ike_tunnels_open(e);
	return e;
}

static void grave_clear(struct ike_engine *e)
{
	struct child_sa *c;

	while ((c = e->grave) != NULL) {
		e->grave = c->next_grave;
		child_sa_state_clear(&c->s);
		free(c);
	}
}

void ike_engine_free(struct ike_engine *e)
{
	if (e == NULL)
		return;
	ike_deactivate(e);
	grave_clear(e);
	hashmap_free(e->sas, NULL);
	hashmap_free(e->child_map, NULL);
	hashmap_free(e->offered, NULL);
	hashmap_free(e->half_opens, NULL);
	hashmap_free(e->sources, free);
	hashmap_free(e->tokens, NULL);
	hashmap_free(e->hold_offs, free);
	hashmap_free(e->by_name, NULL);
	hashmap_free(e->by_peer, NULL);
	free(e->of_conn);
	timer_queue_free(&e->timers);
	tunnel_manager_free(e->tunnels);
	cookie_secrets_clear(&e->cookies);
	ike_crypto_free(e->crypto);
	ike_config_free(e->cfg);
	free(e->held.fx);
	free(e);
}

/* ---- inputs ---- */

static void timers_run(struct ike_engine *e)
{
	struct timer *t;

	while (e->active && (t = timer_pop(&e->timers, e->now)) != NULL) {
		switch ((enum timer_kind)t->kind) {
		case TIMER_LIFE:
			ike_life_due(t->owner);
			break;
		case TIMER_RESEND:
			ike_retransmit_due(t->owner);
			break;
		case TIMER_LIVENESS:
			ike_liveness_due(t->owner);
			break;
		case TIMER_KEEPALIVE:
			ike_keepalive_due(t->owner);
			break;
		case TIMER_AGAIN:
			ike_sa_ready(t->owner);
			break;
		case TIMER_SYNC:
			v2_msgid_sync_due(t->owner);
			break;
		case TIMER_CHILD_LIFE:
			child_life_due(t->owner);
			break;
		}
	}
}

static void peer_moved(struct ike_engine *e, const struct ike_input *in)
{
	struct child_sa *c = child_sa_find(e, in->spi_in);

	if (c == NULL || !ike_may_follow_peer(&c->sa->s) ||
	    inet_endpoint_equal(&c->sa->s.remote, &in->remote))
		return;
	c->sa->s.remote = in->remote;
	child_sa_moved(c->sa);
	ike_sa_touch(c->sa);
}

static void want_of_child(struct ike_engine *e, uint32_t spi_in)
{
	struct child_sa *c = child_sa_find(e, spi_in);

	if (c != NULL && child_sa_carries(c) && c->s.replaced_by == 0)
		ike_want_add(c->sa,
			     &(struct ike_want){ .kind = IKE_REQ_CHILD_REKEY, .spi_in = spi_in });
}

static void want_of_sa(struct ike_engine *e, uint64_t ike_spi, enum ike_request_kind kind)
{
	struct ike_sa *sa = ike_sa_find(e, ike_spi);

	if (sa == NULL || sa->s.stage != IKE_SA_ESTABLISHED)
		return;
	if (kind == IKE_REQ_LIVENESS)
		ike_want_liveness(sa);
	else
		ike_want_add(sa, &(struct ike_want){ .kind = (uint8_t)kind });
}

static void traffic(struct ike_engine *e, const struct ike_input *in)
{
	struct child_sa *c = child_sa_find(e, in->spi_in);

	if (c == NULL)
		return;
	ike_heard(c->sa, in->at_ms);
	child_sa_used(c);
}

static void replay_delta(struct ike_engine *e, const struct ike_input *in)
{
	struct child_sa *c = child_sa_find(e, in->spi_in);

	if (c != NULL && !e->active)
		c->replay_delta = in->delta;
}

static void config(struct ike_engine *e, struct ike_config *adopt)
{
	struct ike_config *old = e->cfg;

	e->cfg = adopt;
	ike_connections_index(e);
	tunnel_manager_configure(e->tunnels, adopt);
	ike_config_apply(e);
	ike_hold_off_end_all(e);
	ike_config_free(old);
}

/* What only an owner does (R13). */
static void active_input(struct ike_engine *e, const struct ike_input *in)
{
	switch (in->kind) {
	case IKE_IN_TIMER:
		timers_run(e);
		break;
	case IKE_IN_RELEASED:
		ike_retransmit_released(e, in->token);
		break;
	case IKE_IN_INITIATE:
		ike_initiate(e, in);
		break;
	case IKE_IN_CLEAR:
		ike_clear(e, in, false);
		break;
	case IKE_IN_CLEAR_CHILDREN:
		ike_clear(e, in, true);
		break;
	case IKE_IN_REKEY_CHILD:
		want_of_child(e, in->spi_in);
		break;
	case IKE_IN_REKEY_IKE:
		want_of_sa(e, in->ike_spi, IKE_REQ_IKE_REKEY);
		break;
	case IKE_IN_LIVENESS:
		want_of_sa(e, in->ike_spi, IKE_REQ_LIVENESS);
		break;
	case IKE_IN_TRAFFIC:
		traffic(e, in);
		break;
	case IKE_IN_PEER_MOVED:
		peer_moved(e, in);
		break;
	default:
		break;
	}
}

void ike_step(struct ike_engine *e, uint64_t now_ms, const struct ike_input *in,
	      struct ike_outbox *out)
{
	grave_clear(e);
	e->now = now_ms;
	e->last_visit++;
	e->out = out;
	switch (in->kind) {
	case IKE_IN_DATAGRAM:
		ike_receive(e, in); /* counts it when passive */
		break;
	case IKE_IN_JOB_DONE:
		if (e->active)
			ike_resume(e, in->job);
		ike_job_free(in->job);
		break;
	case IKE_IN_REPLAY_DELTA:
		replay_delta(e, in);
		break;
	case IKE_IN_ACTIVATE:
		ike_activate(e, in->term, in->suspect ? in->term : in->suspect_term);
		break;
	case IKE_IN_DEACTIVATE:
		ike_deactivate(e);
		break;
	case IKE_IN_CONFIG:
		config(e, in->config);
		break;
	default:
		if (e->active)
			active_input(e, in);
		break;
	}
	ike_requests_run(e);
	if (e->active)
		ike_tombstones_trim(e);
	ike_fx_flush(e);
	e->stats.half_open = e->n_half_open;
	e->out = NULL;
}

uint64_t ike_next_deadline(const struct ike_engine *e)
{
	return e->active ? timer_next(&e->timers) : TIMER_NEVER;
}

/* ---- for show ---- */

size_t ike_sa_count(const struct ike_engine *e)
{
	return hashmap_count(e->sas);
}

void ike_each_sa(const struct ike_engine *e, void (*fn)(void *ctx, const struct ike_sa_state *s),
		 void *ctx)
{
	const struct ike_sa *sa;

	TAILQ_FOREACH (sa, &e->all, all)
		fn(ctx, &sa->s);
}

void ike_each_child(const struct ike_engine *e, uint64_t ike_spi,
		    void (*fn)(void *ctx, const struct child_sa_state *s), void *ctx)
{
	const struct child_sa *c;

	for (size_t it = 0; (c = hashmap_next(e->child_map, &it)) != NULL;) {
		if (ike_spi == 0 || c->s.ike_spi == ike_spi)
			fn(ctx, &c->s);
	}
}

const struct ike_stats *ike_engine_stats(const struct ike_engine *e)
{
	return &e->stats;
}
