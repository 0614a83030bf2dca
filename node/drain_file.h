/* SPDX-License-Identifier: Apache-2.0 */
/* "node drain" outlives the process: it is given for the restarts of an upgrade, too. */
#ifndef HF_NODE_DRAIN_FILE_H
#define HF_NODE_DRAIN_FILE_H

#include "node/background.h"

#include <stdbool.h>

/* R_SYSTEM, with errno: it cannot be told; *drained is false then. */
enum result drain_file_read(const char *dir, bool *drained) WARN_UNUSED;
/* Returns only when it survives a power cut. R_SYSTEM, with errno. */
enum result drain_file_write(const char *dir, bool drained) WARN_UNUSED;

/* On the loop, when the disk has it; err: errno, or 0. */
typedef void (*drain_written_fn)(void *ctx, bool drained, int err);
/* The same beside the loop: a disk that is busy takes half a second, and heartbeats must not wait.
 * Of several, the last one given holds. dir stays the caller's. */
void drain_file_write_later(struct background *b, const char *dir, bool drained,
			    drain_written_fn written, void *ctx);

#endif
