/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes term files beside the loop (R11): a disk that is busy takes half a second to sync a file of ten
 * bytes, a broken one for ever, and the heartbeats of the groups that this node owns, and its
 * acknowledgements, must not wait for that (R12, R6). A claim does.
 */
#ifndef HF_NODE_TERM_WRITER_H
#define HF_NODE_TERM_WRITER_H

#include <qb/qbloop.h>

#include "node/term_file.h"

struct term_writer;

/* On the loop, after the term is on disk; err: errno, or 0. */
typedef void (*term_written_fn)(void *ctx, uint32_t group, uint64_t term, int err);

/* dir stays the caller's. R_NO_MEMORY, R_SYSTEM. */
enum result term_writer_new(qb_loop_t *loop, const char *dir, term_written_fn written, void *ctx,
			    struct term_writer **out) WARN_UNUSED;
/* Waits for the write that runs; of no write is told any more. NULL: nothing. */
void term_writer_free(struct term_writer *t);
/* One at a time, in the order given. */
void term_writer_write(struct term_writer *t, uint32_t group, const struct term_file *file);

#endif
