/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The provider (provider-rand(7)). OpenSSL makes a primary, a public and a
 * private generator; all of them draw from the one stream below, in the order
 * of their calls, which is the same on every run of a single thread.
 */
#include "ha-tests/sim/seeded_rand.h"

#include <limits.h>

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include "base/must.h"
#include "ha-tests/sim/rng.h"

#define STRENGTH 256
#define NAME     "SEEDED-RAND"
#define PROVIDER "holdfast-seeded"

static struct rng stream;

void seeded_rand_restart(uint64_t seed)
{
	stream = rng_seeded(seed, UINT64_C(0x52414e44));
}

/* ---- the RAND's functions; a context has no state of its own ---- */

struct context {
	int state;
};

static void *context_new(void *provider, void *parent, const OSSL_DISPATCH *parent_calls)
{
	struct context *c = calloc(1, sizeof(*c));

	(void)provider, (void)parent, (void)parent_calls;
	if (c)
		c->state = EVP_RAND_STATE_UNINITIALISED;
	return c;
}

static void context_free(void *c)
{
	free(c);
}

static int instantiate(void *ctx, unsigned int strength, int prediction_resistance,
		       const unsigned char *personal, size_t personal_len,
		       const OSSL_PARAM params[])
{
	struct context *c = ctx;

	(void)prediction_resistance, (void)personal, (void)personal_len, (void)params;
	c->state = EVP_RAND_STATE_READY;
	return strength <= STRENGTH;
}

static int uninstantiate(void *ctx)
{
	struct context *c = ctx;

	c->state = EVP_RAND_STATE_UNINITIALISED;
	return 1;
}

static int generate(void *ctx, unsigned char *out, size_t len, unsigned int strength,
		    int prediction_resistance, const unsigned char *extra, size_t extra_len)
{
	(void)ctx, (void)strength, (void)prediction_resistance, (void)extra, (void)extra_len;
	rng_fill(&stream, out, len);
	return 1;
}

static int get_params(void *ctx, OSSL_PARAM params[])
{
	const struct context *c = ctx;
	OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE);

	if (p && !OSSL_PARAM_set_int(p, c->state))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH);
	if (p && !OSSL_PARAM_set_int(p, STRENGTH))
		return 0;
	p = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST);
	return !p || OSSL_PARAM_set_size_t(p, INT_MAX);
}

static int enable_locking(void *ctx)
{
	(void)ctx;
	return 1;
}

static int take_lock(void *ctx)
{
	(void)ctx;
	return 1;
}

static void give_lock(void *ctx)
{
	(void)ctx;
}

#define CALL(id, fn) \
	{ \
		id, (void (*)(void))fn \
	}

static const OSSL_DISPATCH rand_calls[] = {
	CALL(OSSL_FUNC_RAND_NEWCTX, context_new),
	CALL(OSSL_FUNC_RAND_FREECTX, context_free),
	CALL(OSSL_FUNC_RAND_INSTANTIATE, instantiate),
	CALL(OSSL_FUNC_RAND_UNINSTANTIATE, uninstantiate),
	CALL(OSSL_FUNC_RAND_GENERATE, generate),
	CALL(OSSL_FUNC_RAND_GET_CTX_PARAMS, get_params),
	CALL(OSSL_FUNC_RAND_ENABLE_LOCKING, enable_locking),
	CALL(OSSL_FUNC_RAND_LOCK, take_lock),
	CALL(OSSL_FUNC_RAND_UNLOCK, give_lock),
	{ 0, NULL },
};

static const OSSL_ALGORITHM rands[] = {
	{ NAME, "provider=" PROVIDER, rand_calls, "a stream of numbers from a seed" },
	{ NULL, NULL, NULL, NULL },
};

static const OSSL_ALGORITHM *query(void *provider, int operation, int *no_cache)
{
	(void)provider;
	*no_cache = 0;
	return operation == OSSL_OP_RAND ? rands : NULL;
}

static const OSSL_DISPATCH provider_calls[] = {
	CALL(OSSL_FUNC_PROVIDER_QUERY_OPERATION, query),
	{ 0, NULL },
};

static int provider_init(const OSSL_CORE_HANDLE *core, const OSSL_DISPATCH *in,
			 const OSSL_DISPATCH **out, void **ctx)
{
	(void)core, (void)in;
	*out = provider_calls;
	*ctx = &stream;
	return 1;
}

void seeded_rand_install(void)
{
	static OSSL_PROVIDER *held[2]; /* for the life of the process */

	seeded_rand_restart(0);
	must(OSSL_PROVIDER_add_builtin(NULL, PROVIDER, provider_init) == 1);
	held[0] = OSSL_PROVIDER_load(NULL, "default");
	held[1] = OSSL_PROVIDER_load(NULL, PROVIDER);
	must(held[0] && held[1]);
	must(RAND_set_DRBG_type(NULL, NAME, "provider=" PROVIDER, NULL, NULL) == 1);

	unsigned char first[16], again[16];
	must(RAND_bytes(first, sizeof(first)) == 1);
	seeded_rand_restart(0);
	must(RAND_bytes(again, sizeof(again)) == 1);
	for (size_t i = 0; i < sizeof(first); i++)
		must(first[i] == again[i]);
}
