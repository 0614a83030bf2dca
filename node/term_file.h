/* SPDX-License-Identifier: Apache-2.0 */
/* R11: the highest term that this node has claimed or heard of, per group, kept over restarts and
 * power cuts. */
#ifndef HF_NODE_TERM_FILE_H
#define HF_NODE_TERM_FILE_H

#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

struct term_file {
	uint64_t term;
	bool earlier_unknown; /* a file before this one was lost; no gap was left since */
};

/* R_OK; R_NOT_FOUND: no file; R_VALUE: the file is damaged; R_SYSTEM: and *out is what is
 * known then: term 0, earlier ones unknown. */
enum result term_file_read(const char *dir, uint32_t group, struct term_file *out) WARN_UNUSED;
/* Written to a new file, synced, renamed, directory synced: returns only when it
 * survives a power cut. R_SYSTEM: errno. */
enum result term_file_write(const char *dir, uint32_t group,
			    const struct term_file *file) WARN_UNUSED;

#endif
