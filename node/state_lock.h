/* SPDX-License-Identifier: Apache-2.0 */
/* One holdfastd per state directory: the terms in it are one node's (R11). */
#ifndef HF_NODE_STATE_LOCK_H
#define HF_NODE_STATE_LOCK_H

#include "base/result.h"

/*
 * Held until *fd is closed, at the latest with the process. R_EXISTS: another
 * process has it; R_SYSTEM (errno).
 */
enum result state_lock(const char *dir, int *fd) WARN_UNUSED;

#endif
