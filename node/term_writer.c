/* SPDX-License-Identifier: Apache-2.0 */
#include "node/term_writer.h"

#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "node/background.h"

struct term_writer {
	struct background *background;
	const char *dir;
	term_written_fn written;
	void *ctx;
	bool closing;
};

struct write {
	struct background_job job;
	struct term_writer *t;
	uint32_t group;
	struct term_file file;
	int err;
};

static void run(struct background_job *job)
{
	struct write *w = (struct write *)job;

	w->err = term_file_write(w->t->dir, w->group, &w->file) == R_OK ? 0 : errno;
}

static void done(struct background_job *job)
{
	struct write *w = (struct write *)job;

	if (!w->t->closing)
		w->t->written(w->t->ctx, w->group, w->file.term, w->err);
	free(w);
}

enum result term_writer_new(qb_loop_t *loop, const char *dir, term_written_fn written, void *ctx,
			    struct term_writer **out)
{
	struct term_writer *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return R_NO_MEMORY;
	*t = (struct term_writer){ .dir = dir, .written = written, .ctx = ctx };
	enum result res = background_new(loop, QB_LOOP_HIGH, &t->background);
	if (res != R_OK) {
		free(t);
		return res;
	}
	*out = t;
	return R_OK;
}

void term_writer_free(struct term_writer *t)
{
	if (!t)
		return;
	t->closing = true;
	background_free(t->background);
	free(t);
}

void term_writer_write(struct term_writer *t, uint32_t group, const struct term_file *file)
{
	struct write *w = calloc(1, sizeof(*w));

	must(w);
	*w = (struct write){
		.job = { .run = run, .done = done }, .t = t, .group = group, .file = *file
	};
	background_run(t->background, &w->job);
}
