/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of SAs for records (R1): a deep copy of what
 * ike_state.h lists. Which ones are replicated, R2 says.
 */
#include "ike/engine.h"

/* Views of one object's owned members, in one order, so that copying is a loop. */
enum { BUFS_MAX = 12, SECRETS_MAX = 8 };

struct owned {
	struct buf *bufs[BUFS_MAX];
	struct secret *secrets[SECRETS_MAX];
	size_t n_bufs, n_secrets;
};

static struct owned owned_of_sa(struct ike_sa_state *s)
{
	return (struct owned){
		.bufs = { &s->local_id.data, &s->remote_id.data, &s->last_response,
			  &s->last_request_digest, &s->outstanding.request,
			  &s->outstanding.dh_public, &s->outstanding.nonce, &s->init_request,
			  &s->init_response, &s->nonce_i, &s->nonce_r },
		.n_bufs = 11,
		.secrets = { &s->sk_d, &s->sk_ai, &s->sk_ar, &s->sk_ei, &s->sk_er, &s->sk_pi,
			     &s->sk_pr, &s->outstanding.dh_private },
		.n_secrets = 8,
	};
}

static struct owned owned_of_child(struct child_sa_state *s)
{
	return (struct owned){
		.bufs = { &s->nonce_low },
		.n_bufs = 1,
		.secrets = { &s->keys_in.encr, &s->keys_in.integ, &s->keys_out.encr,
			     &s->keys_out.integ },
		.n_secrets = 4,
	};
}

/* to still shows from's members: each becomes a copy of its own. false: some are empty. */
static bool own_copies(const struct owned *from, const struct owned *to)
{
	bool ok = true;

	for (size_t i = 0; i < from->n_bufs; i++) {
		*to->bufs[i] = (struct buf){ 0 };
		ok = ok &&
		     (from->bufs[i]->len == 0 || buf_set(to->bufs[i], buf_bytes(from->bufs[i])));
	}
	for (size_t i = 0; i < from->n_secrets; i++) {
		*to->secrets[i] = (struct secret){ 0 };
		ok = ok && (from->secrets[i]->len == 0 ||
			    secret_copy(to->secrets[i], from->secrets[i]) == R_OK);
	}
	return ok;
}

enum result ike_sa_state_copy(const struct ike_sa_state *in, struct ike_sa_state *out)
{
	struct ike_sa_state from = *in;
	struct owned a = owned_of_sa(&from), b = owned_of_sa(out);

	*out = *in;
	if (own_copies(&a, &b))
		return R_OK;
	ike_sa_state_clear(out);
	return R_NO_MEMORY;
}

enum result child_sa_state_copy(const struct child_sa_state *in, struct child_sa_state *out)
{
	struct child_sa_state from = *in;
	struct owned a = owned_of_child(&from), b = owned_of_child(out);

	*out = *in;
	if (own_copies(&a, &b))
		return R_OK;
	child_sa_state_clear(out);
	return R_NO_MEMORY;
}

enum result ike_export_sa(const struct ike_engine *e, uint64_t ike_spi, struct ike_sa_state *out)
{
	const struct ike_sa *sa = ike_sa_find(e, ike_spi);

	if (sa == NULL || !sa->replicated)
		return R_NOT_FOUND;
	return ike_sa_state_copy(&sa->s, out);
}

enum result ike_export_child(const struct ike_engine *e, uint32_t spi_in,
			     struct child_sa_state *out)
{
	const struct child_sa *c = child_sa_find(e, spi_in);

	return c == NULL ? R_NOT_FOUND : child_sa_state_copy(&c->s, out);
}
