/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IKE SA as an object: its SPI (R25), its place in the engine's tables,
 * its end. Which stage follows which is v2_transitions.c's; this file does
 * what entering a stage means for the tables and timers.
 */
#include <stdlib.h>

#include "ike/v2.h"

static struct bytes spi_key(const uint64_t *spi)
{
	return bytes(spi, sizeof(*spi));
}

struct ike_sa *ike_sa_find(const struct ike_engine *e, uint64_t spi)
{
	return hashmap_get(e->sas, spi_key(&spi));
}

uint64_t ike_spi_new(struct ike_engine *e, uint8_t shard)
{
	uint64_t spi;

	do {
		e->ec.random(e->ec.random_ctx, (uint8_t *)&spi, sizeof(spi));
		spi = (uint64_t)e->ec.slot << 60 | (uint64_t)(shard & 0xf) << 56 | spi >> 8;
	} while (ike_sa_find(e, spi) != NULL);
	return spi;
}

uint8_t ike_shard_of(const struct ike_engine *e, uint64_t spi_i, const struct inet_addr *remote)
{
	uint8_t in[8 + sizeof(*remote)];

	memcpy(in, &spi_i, 8);
	memcpy(in + 8, remote, sizeof(*remote));
	return (uint8_t)(siphash24(e->ec.hash_seed, bytes(in, sizeof(in))) & 0xf);
}

static void timer_own(struct timer *t, enum timer_kind kind, void *owner)
{
	*t = (struct timer){ .kind = kind, .owner = owner };
}

struct ike_sa *ike_sa_new(struct ike_engine *e, struct ike_sa_state *adopt)
{
	struct ike_sa *sa = calloc(1, sizeof(*sa));

	must(sa != NULL);
	sa->e = e;
	sa->s = *adopt;
	*adopt = (struct ike_sa_state){ 0 };
	TAILQ_INIT(&sa->children);
	TAILQ_INIT(&sa->wants);
	timer_own(&sa->life, TIMER_LIFE, sa);
	timer_own(&sa->resend, TIMER_RESEND, sa);
	timer_own(&sa->liveness, TIMER_LIVENESS, sa);
	timer_own(&sa->keepalive, TIMER_KEEPALIVE, sa);
	timer_own(&sa->again, TIMER_AGAIN, sa);
	timer_own(&sa->sync.timer, TIMER_SYNC, sa);
	sa->heard_ms = e->now;
	sa->conn = ike_connection_named(e, sa->s.connection);

	uint64_t spi = ike_sa_state_spi(&sa->s);

	must(hashmap_insert(e->sas, spi_key(&spi), sa) == R_OK);
	TAILQ_INSERT_TAIL(&e->all, sa, all);
	TAILQ_INSERT_TAIL(ike_sas_of(e, sa->conn), sa, of_conn);
	if (sa->s.stage == IKE_SA_ESTABLISHED)
		e->stats.established++;
	ike_share_count(sa);
	return sa;
}

/* ---- half-open SAs of others: found again by their first message, counted by address ---- */

struct source_count {
	uint32_t n;
};

static void source_key(const struct inet_addr *a, uint8_t key[17])
{
	key[0] = a->family;
	memcpy(key + 1, a->a, 16);
}

uint32_t ike_half_opens_of(const struct ike_engine *e, const struct inet_addr *remote)
{
	uint8_t key[17];

	source_key(remote, key);
	const struct source_count *c = hashmap_get(e->sources, bytes(key, sizeof(key)));

	return c == NULL ? 0 : c->n;
}

static void source_add(struct ike_engine *e, const struct inet_addr *remote)
{
	uint8_t key[17];

	source_key(remote, key);
	struct source_count *c = hashmap_get(e->sources, bytes(key, sizeof(key)));

	if (c == NULL) {
		c = calloc(1, sizeof(*c));
		must(c != NULL && hashmap_insert(e->sources, bytes(key, sizeof(key)), c) == R_OK);
	}
	c->n++;
}

static void source_sub(struct ike_engine *e, const struct inet_addr *remote)
{
	uint8_t key[17];

	source_key(remote, key);
	struct source_count *c = hashmap_get(e->sources, bytes(key, sizeof(key)));

	must(c != NULL && c->n > 0);
	if (--c->n == 0)
		free(hashmap_remove(e->sources, bytes(key, sizeof(key))));
}

/*
 * Digest of the request and its source: a retransmission
 * finds the SA, another request does not (RFC 7296 2.1).
 */
static void half_open_key(struct bytes digest, const struct inet_endpoint *from,
			  uint8_t key[IKE_HALF_OPEN_KEY])
{
	memset(key, 0, IKE_HALF_OPEN_KEY);
	memcpy(key, digest.p, digest.len < 32 ? digest.len : 32);
	source_key(&from->addr, key + 32);
	key[49] = (uint8_t)(from->port >> 8);
	key[50] = (uint8_t)from->port;
}

struct ike_sa *ike_half_open_find(const struct ike_engine *e, struct bytes digest,
				  const struct inet_endpoint *from)
{
	uint8_t key[IKE_HALF_OPEN_KEY];

	half_open_key(digest, from, key);
	return hashmap_get(e->half_opens, bytes(key, sizeof(key)));
}

void ike_half_open_count(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;

	must(!sa->counted_half_open);
	half_open_key(buf_bytes(&sa->s.last_request_digest), &sa->s.remote, sa->half_open_key);
	/* Two records with one digest cannot be: the second is simply not found by its request. */
	if (hashmap_insert(e->half_opens, bytes(sa->half_open_key, IKE_HALF_OPEN_KEY), sa) != R_OK)
		return;
	sa->counted_half_open = true;
	sa->half_open_source = sa->s.remote.addr;
	source_add(e, &sa->half_open_source);
	e->n_half_open++;
}

static void half_open_uncount(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;

	if (!sa->counted_half_open)
		return;
	sa->counted_half_open = false;
	hashmap_remove(e->half_opens, bytes(sa->half_open_key, IKE_HALF_OPEN_KEY));
	source_sub(e, &sa->half_open_source);
	e->n_half_open--;
}

/* ---- the end ---- */

static void timers_stop(struct ike_sa *sa)
{
	struct timer_queue *q = &sa->e->timers;

	ike_retransmit_stop(sa);
	v2_msgid_sync_stop(sa);
	timer_cancel(q, &sa->life);
	timer_cancel(q, &sa->liveness);
	timer_cancel(q, &sa->keepalive);
	timer_cancel(q, &sa->again);
}

void ike_outstanding_clear(struct ike_sa *sa)
{
	struct ike_outstanding *o = &sa->s.outstanding;

	ike_retransmit_stop(sa);
	child_spi_release(sa);
	buf_free(&o->request);
	secret_wipe(&o->dh_private);
	buf_free(&o->dh_public);
	buf_free(&o->nonce);
	*o = (struct ike_outstanding){ 0 };
}

void ike_sa_let_wait(struct ike_sa *sa, const struct ike_input *in)
{
	sa->e->stats.refused[R_SUSPENDED]++;
	/* One is enough with a window of one; what is lost here comes again. */
	if (sa->waiting.len != 0 || bytes_equal(buf_bytes(&sa->suspended.datagram), in->datagram) ||
	    !buf_set(&sa->waiting, in->datagram))
		return;
	sa->waiting_local = in->local;
	sa->waiting_remote = in->remote;
}

static void suspended_clear(struct ike_sa *sa)
{
	buf_free(&sa->suspended.datagram);
	sa->suspended = (struct ike_suspended){ 0 };
	buf_free(&sa->waiting);
}

static void keys_wipe(struct ike_sa_state *s)
{
	struct secret *keys[] = { &s->sk_d,  &s->sk_ai, &s->sk_ar, &s->sk_ei,
				  &s->sk_er, &s->sk_pi, &s->sk_pr };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		secret_wipe(keys[i]);
}

void ike_sa_forget_init(struct ike_sa *sa)
{
	buf_free(&sa->s.init_request);
	buf_free(&sa->s.init_response);
	buf_free(&sa->s.nonce_i);
	buf_free(&sa->s.nonce_r);
	buf_free(&sa->cookie);
	sa->s.tunnel = 0;
}

void ike_sa_free(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	uint64_t spi = ike_sa_state_spi(&sa->s);

	must(TAILQ_EMPTY(&sa->children));
	timers_stop(sa);
	child_spi_release(sa);
	suspended_clear(sa);
	ike_wants_clear(sa);
	half_open_uncount(sa);
	ike_share_leave(sa);
	if (sa->in_tombstones) {
		TAILQ_REMOVE(&e->dead, sa, tombstones);
		e->n_dead--;
	}
	if (sa->s.stage == IKE_SA_ESTABLISHED)
		e->stats.established--;
	if (sa->ready)
		TAILQ_REMOVE(&e->ready, sa, ready_next);
	if (sa->changed)
		TAILQ_REMOVE(&e->changed_sas, sa, change);
	hashmap_remove(e->sas, spi_key(&spi));
	TAILQ_REMOVE(&e->all, sa, all);
	TAILQ_REMOVE(ike_sas_of(e, sa->conn), sa, of_conn);
	buf_free(&sa->cookie);
	ike_sa_state_clear(&sa->s);
	free(sa);
}

void ike_sa_children_remove(struct ike_sa *sa)
{
	struct child_sa *c;

	child_sas_hand_on(sa);
	while ((c = TAILQ_FIRST(&sa->children)) != NULL)
		child_sa_remove(c);
}

void ike_sa_remove(struct ike_sa *sa)
{
	ike_sa_children_remove(sa);
	ike_fx_sa_gone(sa);
	ike_sa_free(sa);
}

void ike_sa_down(struct ike_sa *sa, const char *reason)
{
	sa->e->stats.sa_down++;
	ike_fx_log(sa->e, LOG_IKE_SA_DOWN, sa, "%s", reason);
}

/* ---- stages: what entering one means ---- */

void ike_tombstone_add(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;

	sa->in_tombstones = true;
	TAILQ_INSERT_TAIL(&e->dead, sa, tombstones);
	e->n_dead++;
}

void ike_tombstones_trim(struct ike_engine *e)
{
	while (e->n_dead > IKE_TOMBSTONES_MAX)
		ike_sa_remove(TAILQ_FIRST(&e->dead));
}

static void bury(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;

	ike_sa_children_remove(sa);
	timers_stop(sa);
	ike_outstanding_clear(sa);
	suspended_clear(sa);
	ike_wants_clear(sa);
	half_open_uncount(sa);
	keys_wipe(&sa->s);
	ike_sa_forget_init(sa);
	/* Without a response to repeat it can go as soon as this step is over. */
	sa->s.tombstone_until_ms = e->now + (sa->s.last_response.len != 0 ? IKE_TOMBSTONE_MS : 0);
	timer_set(&e->timers, &sa->life, sa->s.tombstone_until_ms);
	ike_tombstone_add(sa);
	if (sa->replicated)
		ike_sa_touch(sa);
}

void ike_sa_stage_changed(struct ike_sa *sa, enum ike_sa_stage from, enum ike_sa_stage to)
{
	struct ike_engine *e = sa->e;

	if (from == IKE_SA_ESTABLISHED)
		e->stats.established--;
	if (to == IKE_SA_ESTABLISHED)
		e->stats.established++;
	ike_share_count(sa);
	if (to >= IKE_SA_ESTABLISHED)
		half_open_uncount(sa);
	if (to == IKE_SA_DEAD) {
		bury(sa);
		return;
	}
	if (to == IKE_SA_REKEYED)
		sa->s.tombstone_until_ms = e->now + IKE_REPLACED_WAIT_MS;
	ike_life_arm(sa);
	ike_liveness_arm(sa);
	ike_keepalive_arm(sa);
	ike_sa_ready(sa);
}

/* ---- ends that no message brings ---- */

/* The lines of conn that sa carries or is to carry; to be given to renew. */
static bool *lines_of(const struct ike_sa *sa, const struct ike_connection *conn)
{
	/* What is to be deleted is not wanted any more. */
	size_t n = conn != NULL && !sa->s.closing ? conn->n_children : 0;
	bool *wanted = n != 0 ? calloc(n, sizeof(*wanted)) : NULL;

	must(n == 0 || wanted != NULL);
	for (size_t i = 0; i < n; i++) {
		struct ike_want new = { .kind = IKE_REQ_CHILD_NEW,
					.tunnel = conn->children[i].tunnel };

		wanted[i] = child_sa_of_tunnel(sa, new.tunnel) != NULL || ike_want_waits(sa, &new);
	}
	return wanted;
}

static void renew(struct ike_engine *e, const struct ike_connection *conn, bool *adopt_wanted)
{
	for (size_t i = 0; adopt_wanted != NULL && i < conn->n_children; i++) {
		if (adopt_wanted[i])
			ike_initiate(e, &(struct ike_input){ .kind = IKE_IN_INITIATE,
							     .connection = conn->name,
							     .tunnel = conn->children[i].tunnel });
	}
	free(adopt_wanted);
}

/* After sa has been removed what comes is a first contact (RFC 7296 2.4). */
static void remove_and_renew(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	const struct ike_connection *conn = sa->conn;
	bool *wanted = lines_of(sa, conn);

	ike_sa_remove(sa);
	renew(e, conn, wanted);
}

void ike_sa_set_up_again(struct ike_sa *sa)
{
	renew(sa->e, sa->conn, lines_of(sa, sa->conn));
}

void ike_sa_begin_again(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	const struct ike_input again = { .kind = IKE_IN_INITIATE, .tunnel = sa->s.tunnel };
	const bool wanted = sa->s.initiator && !sa->s.closing && sa->conn != NULL;

	ike_sa_remove(sa);
	if (wanted)
		ike_initiate(e, &again);
}

void ike_sa_replace(struct ike_sa *sa, const char *reason)
{
	bool *wanted = lines_of(sa, sa->conn);

	ike_sa_want_delete(sa, reason);
	renew(sa->e, sa->conn, wanted);
}

/* A request of ours that stands for a tunnel, or for all that sa carries. */
static void unanswered(struct ike_sa *sa)
{
	const struct ike_outstanding *o = &sa->s.outstanding;

	if (o->kind == IKE_REQ_CHILD_NEW)
		ike_tunnel_failed(sa, o->tunnel, TUNNEL_PEER_UNREACHABLE);
	ike_sa_condition(sa, o->kind == IKE_REQ_CHILD_REKEY || o->kind == IKE_REQ_IKE_REKEY
				     ? TUNNEL_REKEY_UNREACHABLE
				     : TUNNEL_DPD_UNANSWERED);
}

/* A peer that wants cookies for ever was never reached. */
static enum tunnel_condition init_failure(const struct ike_sa *sa)
{
	return sa->init_error != 0 && sa->init_error != N_COOKIE ? TUNNEL_PHASE1_MISMATCH
								 : TUNNEL_PEER_UNREACHABLE;
}

/*
 * What it was to take the place of is no more alive than after a liveness check (R10, R23): the next
 * peer of its crypto map comes, without a wait for traffic, which the old one takes.
 */
static void attempt_unanswered(struct ike_sa *sa)
{
	struct ike_engine *e = sa->e;
	const struct ike_connection *conn = sa->conn;
	const enum tunnel_condition why = init_failure(sa);
	struct ike_sa *old = NULL;

	ike_attempt_failed(sa, why);
	ike_sa_remove(sa);
	if (conn != NULL && why == TUNNEL_PEER_UNREACHABLE)
		old = ike_sa_anew_of(e, conn);
	if (old == NULL)
		return;
	e->last_visit++; /* another condition than the attempt's */
	old->suspect = true;
	ike_sa_unanswered(old);
}

void ike_sa_peer_dead(struct ike_sa *sa)
{
	if (sa->init_error != 0)
		ike_fx_log(sa->e, LOG_IKE_ABORTED, sa, "%s in answer to IKE_SA_INIT, sent %u times",
			   iana_notify_name(sa->init_error), sa->transmissions);
	else
		ike_fx_log(sa->e, LOG_IKE_PEER_DEAD, sa, "%s was sent %u times",
			   iana_exchange_name(sa->s.outstanding.exchange), sa->transmissions);
	if (sa->s.stage < IKE_SA_ESTABLISHED) {
		attempt_unanswered(sa);
		return;
	}
	ike_sa_unanswered(sa);
}

void ike_sa_unanswered(struct ike_sa *sa)
{
	if (sa->s.stage == IKE_SA_ESTABLISHED && !sa->s.closing) {
		unanswered(sa);
		ike_sa_down(sa, "the peer does not answer");
	}
	if (sa->suspect && sa->s.stage == IKE_SA_ESTABLISHED)
		remove_and_renew(sa); /* R10 */
	else
		ike_sa_remove(sa);
}

void ike_sa_exhausted(struct ike_sa *sa)
{
	if (!sa->s.closing)
		ike_sa_down(sa, "IV space or message ids are used up");
	remove_and_renew(sa);
}

void ike_sa_failed(struct ike_sa *sa, enum result why)
{
	ike_fx_log(sa->e, LOG_IKE_ABORTED, sa, "%s", result_text(why));
	ike_hold_off(sa->e, sa->s.tunnel);
	ike_sa_remove(sa);
}

void ike_sa_want_delete(struct ike_sa *sa, const char *reason)
{
	switch (sa->s.stage) {
	case IKE_SA_NONE:
	case IKE_SA_INIT_SENT:
	case IKE_SA_INIT_ANSWERED:
		/* The peer has nothing that a DELETE could name. */
		ike_sa_remove(sa);
		break;
	case IKE_SA_AUTH_SENT:
	case IKE_SA_ESTABLISHED:
	case IKE_SA_REKEYED:
		if (sa->s.closing)
			break;
		/* Nothing can be said, and with RFC 6311 under way not yet. */
		if (ike_sa_in_doubt(sa) && !sa->sync.due) {
			ike_sa_close_in_doubt(sa, reason);
			break;
		}
		if (sa->s.stage != IKE_SA_AUTH_SENT)
			ike_sa_down(sa, reason);
		/* R1: the window may be taken for long; the next owner has to know. */
		sa->s.closing = true;
		ike_share_count(sa);
		ike_sa_touch(sa);
		ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_DELETE });
		break;
	default:
		break;
	}
}

struct ike_sa *ike_sa_anew_of(const struct ike_engine *e, const struct ike_connection *conn)
{
	struct ike_sa *sa;

	TAILQ_FOREACH (sa, ike_sas_of(e, conn), of_conn) {
		if (sa->s.anew && sa->s.stage == IKE_SA_ESTABLISHED && !sa->s.closing)
			return sa;
	}
	return NULL;
}

struct ike_sa *ike_sa_of_connection(const struct ike_engine *e, const struct ike_connection *conn)
{
	struct ike_sa *sa, *found = NULL;

	TAILQ_FOREACH (sa, ike_sas_of(e, conn), of_conn) {
		if (sa->s.closing || sa->s.anew)
			continue;
		if (sa->s.stage == IKE_SA_ESTABLISHED)
			return sa;
		if (sa->s.initiator &&
		    (sa->s.stage == IKE_SA_NONE || sa->s.stage == IKE_SA_INIT_SENT ||
		     sa->s.stage == IKE_SA_AUTH_SENT))
			found = sa;
	}
	return found;
}
