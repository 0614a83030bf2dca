/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Diffie-Hellman of bulk seeds: modulo 2^61 - 1, in values as long as those of
 * the group that is negotiated. A real agreement is a tenth of a run, and says
 * nothing of the cluster; one seed of eight makes them.
 */
#include "base/must.h"
#include "ha-tests/sim/sim.h"
#include "ike/jobs.h"

#define PRIME      ((UINT64_C(1) << 61) - 1)
#define GENERATOR  37u
#define PUBLIC_MAX 64u
#define REAL       8u /* one seed of so many */

static uint64_t times(uint64_t x, uint64_t y)
{
	__extension__ const unsigned __int128 product = (unsigned __int128)x * y;

	return (uint64_t)(product % PRIME);
}

static uint64_t power(uint64_t x, uint64_t exponent)
{
	uint64_t result = 1;

	for (; exponent; exponent >>= 1, x = times(x, x))
		if (exponent & 1)
			result = times(result, x);
	return result;
}

static uint64_t number(const uint8_t *p)
{
	uint64_t x;

	memcpy(&x, p, sizeof(x));
	return x % PRIME;
}

/* The private value is random in all its length: law 8 looks for it in what is logged. */
static void generate(struct sim *s, const struct dh_row *row, struct ike_job *job)
{
	must(secret_alloc(&job->private_key, row->shared_len) == R_OK);
	rng_fill(&s->secrets, job->private_key.data, job->private_key.len);

	const uint64_t public = power(GENERATOR, number(job->private_key.data));
	uint8_t text[PUBLIC_MAX] = { 0 };
	must(row->public_len <= sizeof(text));
	memcpy(text, &public, sizeof(public));
	must(buf_set(&job->public_key, bytes(text, row->public_len)));
}

static enum result agree(const struct dh_row *row, struct ike_job *job)
{
	if (job->peer_public.len != row->public_len)
		return R_PUBLIC_VALUE;
	if (job->private_key.len != row->shared_len)
		return R_VALUE;

	const uint64_t shared = power(number(job->peer_public.p), number(job->private_key.data));
	must(secret_alloc(&job->shared, row->shared_len) == R_OK);
	memset(job->shared.data, 0, job->shared.len);
	memcpy(job->shared.data, &shared, sizeof(shared));
	return R_OK;
}

bool dh_is_real(const struct sim *s)
{
	return s->opt.seed % REAL == 1;
}

void dh_run(struct sim *s, struct ike_job *job)
{
	const struct dh_row *row = dh_row(job->group);

	if (dh_is_real(s) || !row) {
		ike_job_run(job);
		return;
	}
	job->result = R_OK;
	if (job->kind != JOB_DH_AGREE)
		generate(s, row, job);
	if (job->kind != JOB_DH_KEYGEN)
		job->result = agree(row, job);
}
