/* SPDX-License-Identifier: Apache-2.0 */
/* A file in the state directory that is there or not; what is in it says nothing. */
#include "node/drain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/must.h"
#include "node/sync_dir.h"

#define NAME "drained"

enum { PATH_LEN = 512 };

enum result drain_file_read(const char *dir, bool *drained)
{
	char path[PATH_LEN];
	struct stat st;

	snprintf(path, sizeof(path), "%s/" NAME, dir);
	*drained = stat(path, &st) == 0;
	return *drained || errno == ENOENT ? R_OK : R_SYSTEM;
}

static enum result create(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return R_SYSTEM;
	close(fd);
	return R_OK;
}

enum result drain_file_write(const char *dir, bool drained)
{
	char path[PATH_LEN];

	snprintf(path, sizeof(path), "%s/" NAME, dir);
	if (drained && create(path) != R_OK)
		return R_SYSTEM;
	if (!drained && unlink(path) != 0 && errno != ENOENT)
		return R_SYSTEM;
	return sync_dir(dir);
}

struct write {
	struct background_job job;
	const char *dir;
	bool drained;
	drain_written_fn written;
	void *ctx;
	int err;
};

static void run(struct background_job *job)
{
	struct write *w = (struct write *)job;

	w->err = drain_file_write(w->dir, w->drained) == R_OK ? 0 : errno;
}

static void done(struct background_job *job)
{
	struct write *w = (struct write *)job;

	w->written(w->ctx, w->drained, w->err);
	free(w);
}

void drain_file_write_later(struct background *b, const char *dir, bool drained,
			    drain_written_fn written, void *ctx)
{
	struct write *w = calloc(1, sizeof(*w));

	must(w);
	*w = (struct write){ .job = { .run = run, .done = done },
			     .dir = dir,
			     .drained = drained,
			     .written = written,
			     .ctx = ctx };
	background_run(b, &w->job);
}
