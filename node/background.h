/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Work that would keep the loop from its heartbeats: reading a large
 * configuration takes seconds. One job at a time, in the order given, each in
 * a thread of its own; the next one runs only when the last one's done has
 * been called. So a job may read what only a done changes.
 */
#ifndef HF_NODE_BACKGROUND_H
#define HF_NODE_BACKGROUND_H

#include <qb/qbloop.h>

#include "base/result.h"

struct background;

struct background_job {
	void (*run)(struct background_job *j);  /* in its thread; no logs, no loop */
	void (*done)(struct background_job *j); /* on the loop, and owns j */
	struct background_job *next;
};

/* p: of the done. */
enum result background_new(qb_loop_t *loop, enum qb_loop_priority p,
			   struct background **out) WARN_UNUSED;
/* Waits for the job that runs. The done of all that were given is called, that of those which
 * have not run too: b is NULL for them by then. */
void background_free(struct background *b);
/* Adopts j; its done comes later, always. Where no thread can be had, it runs here and now. */
void background_run(struct background *b, struct background_job *j);

#endif
