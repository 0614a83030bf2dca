/* SPDX-License-Identifier: Apache-2.0 */
/* Release of what the replicated states own. */
#include "ike/ike_state.h"

static void id_clear(struct ike_id *id)
{
	buf_free(&id->data);
}

static void outstanding_clear(struct ike_outstanding *o)
{
	buf_free(&o->request);
	secret_wipe(&o->dh_private);
	buf_free(&o->dh_public);
	buf_free(&o->nonce);
}

void ike_sa_state_clear(struct ike_sa_state *s)
{
	struct secret *const keys[] = { &s->sk_d,  &s->sk_ai, &s->sk_ar, &s->sk_ei,
					&s->sk_er, &s->sk_pi, &s->sk_pr };

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		secret_wipe(keys[i]);
	id_clear(&s->local_id);
	id_clear(&s->remote_id);
	buf_free(&s->last_response);
	buf_free(&s->last_request_digest);
	outstanding_clear(&s->outstanding);
	buf_free(&s->init_request);
	buf_free(&s->init_response);
	buf_free(&s->nonce_i);
	buf_free(&s->nonce_r);
	*s = (struct ike_sa_state){ 0 };
}

void child_sa_state_clear(struct child_sa_state *s)
{
	secret_wipe(&s->keys_in.encr);
	secret_wipe(&s->keys_in.integ);
	secret_wipe(&s->keys_out.encr);
	secret_wipe(&s->keys_out.integ);
	buf_free(&s->nonce_low);
	*s = (struct child_sa_state){ 0 };
}
