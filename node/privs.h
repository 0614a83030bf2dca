/* SPDX-License-Identifier: Apache-2.0 */
/* What the process may do and what others may see of it. */
#ifndef HF_NODE_PRIVS_H
#define HF_NODE_PRIVS_H

#include "base/result.h"

/*
 * Gives up every capability that holdfastd does not need, and the way to get
 * one back by executing a program; no core file, no debugger. Before the
 * first thread: a capability is a thread's. R_SYSTEM (errno).
 */
enum result privs_limit(void) WARN_UNUSED;
/* Keys must not reach swap. R_SYSTEM (errno). */
enum result privs_lock_memory(void) WARN_UNUSED;

#endif
