/* SPDX-License-Identifier: Apache-2.0 */
/* "node drain" outlives the process: it is given for the restarts of an upgrade, too. */
#ifndef HF_NODE_DRAIN_FILE_H
#define HF_NODE_DRAIN_FILE_H

#include "base/result.h"

#include <stdbool.h>

/* R_SYSTEM, with errno: it cannot be told; *drained is false then. */
enum result drain_file_read(const char *dir, bool *drained) WARN_UNUSED;
/* Returns only when it survives a power cut. R_SYSTEM, with errno. */
enum result drain_file_write(const char *dir, bool drained) WARN_UNUSED;

#endif
