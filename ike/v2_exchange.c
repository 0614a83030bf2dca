/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every exchange does: wait for a job, seal a message, send it, keep
 * it. The IV of SK{} is drawn here and nowhere else (R16).
 */
#include "base/broken_rule.h"
#include "ike/v2.h"

/* ---- jobs ---- */

static enum result await(struct ike_sa *sa, struct ike_job *job)
{
	struct ike_effect *f = ike_fx(sa->e, IKE_FX_JOB);

	job->ike_spi = ike_sa_state_spi(&sa->s);
	job->id = ++sa->e->last_job;
	f->ike_spi = job->ike_spi;
	f->job = job;
	sa->suspended.job_id = job->id;
	return R_SUSPENDED;
}

/* The message of c is taken up again with the job. */
static enum result await_for_message(struct v2_context *c, struct ike_job *adopt_job)
{
	struct ike_suspended *s = &c->sa->suspended;

	must(buf_set(&s->datagram, c->in->datagram));
	s->local = c->in->local;
	s->remote = c->in->remote;
	return await(c->sa, adopt_job);
}

enum result v2_keygen(struct ike_sa *sa, uint16_t group, struct ike_job *job)
{
	if (job != NULL && job->group == group)
		return job->result;
	/* A job of another group: the configuration changed while it was out. */
	job = ike_job_new(JOB_DH_KEYGEN, group, BYTES_NONE);
	return job == NULL ? R_NO_MEMORY : await(sa, job);
}

enum result v2_agree_responder(struct v2_context *c, uint16_t group)
{
	if (c->job != NULL && c->job->group == group)
		return c->job->result;

	struct ike_job *job = ike_job_new(JOB_DH_KEYGEN_AND_AGREE, group, c->m->ke.data);

	return job == NULL ? R_NO_MEMORY : await_for_message(c, job);
}

enum result v2_agree_initiator(struct v2_context *c)
{
	const struct ike_outstanding *o = &c->sa->s.outstanding;

	if (c->job != NULL)
		return c->job->result;
	if (c->m->ke.group != o->dh_group)
		return R_INVALID_KE;

	struct ike_job *job = ike_job_new(JOB_DH_AGREE, o->dh_group, c->m->ke.data);

	if (job == NULL)
		return R_NO_MEMORY;
	if (secret_copy(&job->private_key, &o->dh_private) != R_OK) {
		ike_job_free(job);
		return R_NO_MEMORY;
	}
	return await_for_message(c, job);
}

/* ---- SK{} ---- */

/*
 * R16: slot | term - birth term | counter; the counter starts at 0 for every (slot, term) and SA.
 */
static enum result counter_iv(struct ike_sa *sa, uint8_t iv[8])
{
	uint64_t prefix;
	enum result res = iv_prefix(sa->e->ec.slot, sa->e->term, sa->s.birth_term, &prefix);

	if (res != R_OK)
		return res;
	if (sa->iv_counter >> IV_COUNTER_BITS != 0)
		return R_EXHAUSTED;

	struct wire_writer w = wire_writer(iv, 8);

	wire_put_u64(&w, prefix | sa->iv_counter++);
	return R_OK;
}

static void observe(struct ike_sa *sa, const struct sk_key *key, struct bytes iv,
		    struct bytes message)
{
	struct ike_engine *e = sa->e;
	uint8_t digest[SHA256_LEN];
	uint64_t id;

	if (e->ec.on_seal == NULL || ike_sha256(e->crypto, &key->encr_key, 1, digest) != R_OK)
		return;
	memcpy(&id, digest, sizeof(id));
	e->ec.on_seal(e->ec.on_seal_ctx, id, iv, message);
}

enum result v2_seal(struct ike_sa *sa, const struct ike_header *h, struct ike_builder *payloads,
		    struct buf *out)
{
	struct ike_engine *e = sa->e;
	uint8_t iv[IKE_IV_MAX];
	struct sk_key key;
	struct sk_seal_input in = { .key = &key, .header = *h };
	enum result res = ike_build_finish_inner(payloads, &in.first_payload, &in.payloads);

	if (res == R_OK)
		res = sk_key_of(&sa->s, true, &key);
	if (res != R_OK)
		return res;
	if (key.encr->mode == ENCR_MODE_CBC)
		e->ec.random(e->ec.random_ctx, iv, key.encr->iv);
	else
		res = counter_iv(sa, iv);
	in.iv = bytes(iv, key.encr->iv);
	if (res == R_OK)
		res = sk_seal(e->crypto, &in, out);
	if (res == R_OK)
		observe(sa, &key, in.iv, buf_bytes(out));
	return res;
}

void v2_payloads(struct ike_engine *e, struct ike_builder *b)
{
	ike_build_inner(b, e->plain, sizeof(e->plain));
}

/* ---- requests of ours ---- */

enum result v2_send_request(struct ike_sa *sa, enum ike_request_kind kind,
			    struct ike_builder *payloads)
{
	struct ike_outstanding *o = &sa->s.outstanding;
	const struct v2_request *row = v2_request_row(kind);
	struct ike_header h = { .spi_i = sa->s.spi_i,
				.spi_r = sa->s.spi_r,
				.version = IKE_VERSION,
				.exchange = row->exchange,
				.flags = sa->s.initiator ? IKE_FLAG_INITIATOR : 0,
				.message_id = sa->s.next_request_id };
	/* RFC 7296 2.2: message ids do not wrap. */
	enum result res = sa->s.next_request_id == UINT32_MAX
				  ? R_EXHAUSTED
				  : v2_seal(sa, &h, payloads, &o->request);

	if (res != R_OK) {
		ike_outstanding_clear(sa);
		return res;
	}
	o->kind = (uint8_t)kind;
	o->exchange = row->exchange;
	o->message_id = sa->s.next_request_id++;
	o->term = sa->e->term;
	ike_sa_touch(sa);
	ike_retransmit_send(sa);
	v2_row_done(sa->e, row->story);
	ike_message_ids_used(sa);
	return R_OK;
}

/* ---- responses of ours ---- */

static void emit_response(struct ike_sa *sa, const struct ike_input *in, uint8_t exchange,
			  enum ike_effect_kind kind)
{
	struct ike_effect *f = ike_fx_held(sa->e, kind);

	/* RFC 7296 2.11: to where the request came from. */
	f->local = in->local;
	f->remote = in->remote;
	f->udp_encap = in->local.port == IKE_PORT_NAT;
	f->ike_spi = ike_sa_state_spi(&sa->s);
	f->exchange = exchange;
	f->response = true;
	must(buf_set(&f->datagram, buf_bytes(&sa->s.last_response)));
}

void v2_repeat_response(struct ike_sa *sa, const struct ike_input *in, uint8_t exchange)
{
	emit_response(sa, in, exchange,
		      hf_rule_broken(HF_RULE_REPEAT) ? IKE_FX_SEND_NOW : IKE_FX_SEND);
}

void v2_send_response(struct ike_sa *sa, const struct ike_input *in, uint8_t exchange,
		      struct buf *adopt_datagram)
{
	uint8_t digest[SHA256_LEN];

	must(ike_sha256(sa->e->crypto, &in->datagram, 1, digest) == R_OK);
	must(buf_set(&sa->s.last_request_digest, bytes(digest, sizeof(digest))));
	buf_move(&sa->s.last_response, adopt_datagram);
	sa->e->stats.out_responses[exchange & 63]++;
	emit_response(sa, in, exchange, IKE_FX_SEND);
}

void v2_put_error(struct ike_builder *b, const struct v2_context *c, enum result res)
{
	unsigned int type = result_notify(res);
	uint8_t group[2] = { (uint8_t)(c->want_group >> 8), (uint8_t)c->want_group };

	switch (res) {
	case R_CRITICAL:
		notify_put(b, N_UNSUPPORTED_CRITICAL_PAYLOAD, bytes(&c->m->critical_type, 1));
		break;
	case R_INVALID_KE:
		notify_put(b, N_INVALID_KE_PAYLOAD, bytes(group, sizeof(group)));
		break;
	case R_CHILD_NOT_FOUND:
		notify_put_esp(b, N_CHILD_SA_NOT_FOUND, c->unknown_spi);
		break;
	default:
		/* A failure of our own: the peer may try again. */
		notify_put(b, (uint16_t)(type != 0 ? type : N_TEMPORARY_FAILURE), BYTES_NONE);
		break;
	}
}

/* ---- nonces ---- */

void v2_nonce(struct ike_engine *e, uint8_t out[IKE_NONCE_LEN])
{
	e->ec.random(e->ec.random_ctx, out, IKE_NONCE_LEN);
}

struct bytes v2_lower_nonce(struct bytes a, struct bytes b)
{
	size_t common = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.p, b.p, common);

	if (order == 0)
		order = a.len < b.len ? -1 : 1;
	return order < 0 ? a : b;
}
