/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may open an IKE SA: half-opens in all and of one address are bounded,
 * and from a number of them on a stranger first shows that it receives at its
 * address (RFC 7296 2.6, RFC 8019 4). Established SAs do not notice.
 */
#include "ike/cookie.h"
#include "ike/v2.h"

static enum result rotate(struct ike_engine *e)
{
	uint8_t fresh[COOKIE_SECRET_LEN];

	e->ec.random(e->ec.random_ctx, fresh, sizeof(fresh));

	enum result res = cookie_rotate(&e->cookies, fresh);

	wipe(fresh, sizeof(fresh));
	return res;
}

/* Secrets change when they are needed; after a quiet time the previous one is too old as well. */
static enum result secrets_refresh(struct ike_engine *e)
{
	bool both = e->now >= e->cookie_rotate_ms + IKE_COOKIE_ROTATE_MS;

	if (e->now < e->cookie_rotate_ms)
		return R_OK;
	e->cookie_rotate_ms = e->now + IKE_COOKIE_ROTATE_MS;

	enum result res = rotate(e);

	return res == R_OK && both ? rotate(e) : res;
}

static enum result challenge(struct ike_engine *e, const struct ike_input *in,
			     const struct ike_message *m)
{
	const struct notify_payload *shown = ike_message_notify(m, N_COOKIE);
	struct cookie_subject subject = { .nonce = m->nonce,
					  .remote = in->remote.addr,
					  .spi_i = m->header.spi_i };
	uint8_t cookie[COOKIE_LEN];
	enum result res = secrets_refresh(e);

	/* 2.6: a stale or forged cookie is none. */
	if (res == R_OK && shown != NULL &&
	    cookie_verify(e->crypto, &e->cookies, &subject, shown->data) == R_OK)
		return R_OK;
	if (res == R_OK)
		res = cookie_make(e->crypto, &e->cookies, &subject, cookie);
	if (res != R_OK)
		return res;
	v2_init_error(e, in, &m->header, N_COOKIE, bytes(cookie, sizeof(cookie)));
	e->stats.cookies_sent++;
	ike_fx_log_at(e, LOG_IKE_COOKIE_SENT, in, "%zu half-open SAs, %u of this address",
		      e->n_half_open, ike_half_opens_of(e, &in->remote.addr));
	return R_COOKIE;
}

enum result v2_admit(struct ike_engine *e, const struct ike_input *in, const struct ike_message *m)
{
	uint32_t of_source = ike_half_opens_of(e, &in->remote.addr);
	const char *limit = NULL;

	if (e->n_half_open >= e->cfg->half_open_cookie || of_source >= IKE_PER_SOURCE_COOKIE) {
		enum result res = challenge(e, in, m);

		if (res != R_OK)
			return res;
	}
	if (e->n_half_open >= e->cfg->half_open_max)
		limit = "half-open SAs";
	else if (of_source >= IKE_PER_SOURCE_MAX)
		limit = "half-open SAs of one address";
	if (limit == NULL)
		return R_OK;
	e->stats.admission.in_requests++;
	e->stats.admission.in_refused_half_open++;
	ike_fx_log_at(e, LOG_IKE_LIMIT, in, "Rejection reason: %s", limit);
	return R_LIMIT;
}
