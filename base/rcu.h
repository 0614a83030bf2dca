/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grace periods for snapshots that control publishes to workers: liburcu's
 * QSBR flavour behind annotations that ThreadSanitizer understands.
 * Publication itself is a C11 release store, reading an acquire load.
 */
#ifndef HF_BASE_RCU_H
#define HF_BASE_RCU_H

/* A worker thread, before its first read and after its last. */
void rcu_worker_register(void);
void rcu_worker_unregister(void);
/* A worker between bursts: it holds no pointer from before. */
void rcu_worker_quiescent(void);
/* Around a blocking wait: the thread reads nothing while offline. */
void rcu_worker_offline(void);
void rcu_worker_online(void);
/* Control: returns when no worker can still hold what was unpublished before the call. Control must
 * not be registered. */
void rcu_wait_for_workers(void);

#endif
