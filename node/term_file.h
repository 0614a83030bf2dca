/* SPDX-License-Identifier: Apache-2.0 */
/* R11: the highest term that this node has claimed, per group, kept over restarts and power
 * cuts. */
#ifndef HF_NODE_TERM_FILE_H
#define HF_NODE_TERM_FILE_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

/* R_OK; R_NOT_FOUND: no file, *term is 0; R_VALUE: the file is damaged; R_SYSTEM. */
enum result term_file_read(const char *dir, uint32_t group, uint64_t *term) WARN_UNUSED;
/* Written to a new file, synced, renamed, directory synced: returns only when it
 * survives a power cut. */
enum result term_file_write(const char *dir, uint32_t group, uint64_t term) WARN_UNUSED;

#endif
