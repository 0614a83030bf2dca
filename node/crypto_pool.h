/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that run the engine's jobs (DH). Jobs go in from control and come
 * back to control; the descriptor becomes readable when some are done.
 */
#ifndef HF_NODE_CRYPTO_POOL_H
#define HF_NODE_CRYPTO_POOL_H

#include "ike/ike.h"

struct crypto_pool;

/* R_SYSTEM when no thread or descriptor can be had. */
enum result crypto_pool_new(unsigned int threads, struct crypto_pool **out) WARN_UNUSED;
/* Waits for running jobs; jobs not collected are freed. */
void crypto_pool_free(struct crypto_pool *p);
void crypto_pool_run(struct crypto_pool *p, struct ike_job *adopt_job);
/* An eventfd for the loop. */
int crypto_pool_fd(const struct crypto_pool *p);
/* Next finished job, the caller's now; NULL when none. Drains the descriptor. */
struct ike_job *crypto_pool_done(struct crypto_pool *p);

#endif
