/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace periods over liburcu's QSBR flavour. Distributions build liburcu
 * without ThreadSanitizer, which therefore cannot see that a grace period
 * orders a worker's last read before what control does after it; the
 * annotations say so.
 */
#include "base/rcu.h"

#include <urcu-qsbr.h>

#ifdef __SANITIZE_THREAD__
#include <sanitizer/tsan_interface.h>

static char grace_period; /* only its address matters */

static void reads_end(void)
{
	__tsan_release(&grace_period);
}

static void grace_ended(void)
{
	__tsan_acquire(&grace_period);
}
#else
static void reads_end(void)
{
}

static void grace_ended(void)
{
}
#endif

void rcu_worker_register(void)
{
	rcu_register_thread();
}

void rcu_worker_unregister(void)
{
	reads_end();
	rcu_unregister_thread();
}

void rcu_worker_quiescent(void)
{
	reads_end();
	rcu_quiescent_state();
}

void rcu_worker_offline(void)
{
	reads_end();
	rcu_thread_offline();
}

void rcu_worker_online(void)
{
	rcu_thread_online();
}

void rcu_wait_for_workers(void)
{
	synchronize_rcu();
	grace_ended();
}
