/* SPDX-License-Identifier: Apache-2.0 */
/* What a datapath would have: the CHILD SAs of a side, and whether both sides' fit each other. */
#include <string.h>

#include "base/must.h"
#include "ike/tests/engine_harness_private.h"

void dp_clear(struct side *s)
{
	for (size_t i = 0; i < s->n_dp; i++)
		child_sa_state_clear(&s->dp[i].s);
	s->n_dp = 0;
}

struct dp_child *dp_find(struct side *s, uint32_t spi_in)
{
	for (size_t i = 0; i < s->n_dp; i++) {
		if (s->dp[i].s.spi_in == spi_in)
			return &s->dp[i];
	}
	return NULL;
}

void dp_install(struct side *s, const struct child_sa_state *c)
{
	must(s->n_dp < DP_MAX && dp_find(s, c->spi_in) == NULL);

	struct dp_child *d = &s->dp[s->n_dp++];

	*d = (struct dp_child){ 0 };
	d->s = *c;
	d->s.nonce_low = (struct buf){ 0 };
	d->s.keys_in = d->s.keys_out = (struct esp_keys){ { 0 }, { 0 } };
	must(secret_copy(&d->s.keys_in.encr, &c->keys_in.encr) == R_OK);
	must(secret_copy(&d->s.keys_out.encr, &c->keys_out.encr) == R_OK);
}

void dp_remove(struct side *s, uint32_t spi_in)
{
	struct dp_child *d = dp_find(s, spi_in);

	if (d == NULL)
		return;
	child_sa_state_clear(&d->s);
	size_t i = (size_t)(d - s->dp);

	memmove(d, d + 1, (s->n_dp - i - 1) * sizeof(*d));
	s->n_dp--;
}

void dp_use(struct world *w, struct side *s, uint32_t spi_in)
{
	struct dp_child *d = dp_find(s, spi_in);

	if (d == NULL)
		return;
	for (size_t i = 0; i < s->n_dp; i++) {
		if (s->dp[i].s.tunnel == d->s.tunnel)
			s->dp[i].outbound = false;
	}
	d->outbound = true;
	d->order = ++w->use_order;
}

const struct dp_child *world_outbound(struct world *w, int side, uint32_t tunnel)
{
	struct side *s = &w->side[side];

	for (size_t i = 0; i < s->n_dp; i++) {
		if (s->dp[i].outbound && s->dp[i].s.tunnel == tunnel)
			return &s->dp[i];
	}
	return NULL;
}

static bool direction_works(struct world *w, int from, uint32_t tunnel)
{
	const struct dp_child *out = world_outbound(w, from, tunnel);
	struct dp_child *in = out != NULL ? dp_find(&w->side[1 - from], out->s.spi_out) : NULL;

	return in != NULL && in->s.spi_out == out->s.spi_in &&
	       secret_equal(&out->s.keys_out.encr, &in->s.keys_in.encr);
}

bool world_tunnel_works(struct world *w, uint32_t tunnel)
{
	return direction_works(w, A, tunnel) && direction_works(w, B, tunnel);
}

void world_traffic(struct world *w)
{
	for (int from = 0; from < 2; from++) {
		for (uint32_t t = 1; t <= LINES_MAX; t++) {
			const struct dp_child *out = world_outbound(w, from, t);

			if (out != NULL && direction_works(w, from, t))
				world_input(w, 1 - from,
					    &(struct ike_input){ .kind = IKE_IN_TRAFFIC,
								 .spi_in = out->s.spi_out,
								 .at_ms = w->now });
		}
	}
}
