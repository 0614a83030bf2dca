/* SPDX-License-Identifier: Apache-2.0 */
/* The term file (R11): one line of decimal text per group, replaced atomically. */
#include "node/term_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cluster/cluster.h"
#include "node/sync_dir.h"

#define UNKNOWN " unknown-before"

enum { PATH_LEN = 512, LINE_LEN = 64 };

static void term_path(char out[PATH_LEN], const char *dir, uint32_t group, const char *suffix)
{
	snprintf(out, PATH_LEN, "%s/term.%" PRIu32 "%s", dir, group, suffix);
}

/* "TERM\n", or "TERM unknown-before\n". No cluster has come to a term above the bound. */
static bool parse(const char *line, struct term_file *out)
{
	char *end;

	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	out->term = strtoull(line, &end, 10);
	if (errno != 0 || out->term > CL_TERM_MAX)
		return false;
	out->earlier_unknown = strcmp(end, UNKNOWN "\n") == 0;
	return out->earlier_unknown || strcmp(end, "\n") == 0;
}

enum result term_file_read(const char *dir, uint32_t group, struct term_file *out)
{
	char path[PATH_LEN], line[LINE_LEN];

	*out = (struct term_file){ .earlier_unknown = true };
	term_path(path, dir, group, "");
	FILE *f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? R_NOT_FOUND : R_SYSTEM;
	bool good = fgets(line, sizeof(line), f) && parse(line, out);
	fclose(f);
	if (good)
		return R_OK;
	*out = (struct term_file){ .earlier_unknown = true };
	return R_VALUE;
}

static enum result write_synced(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return R_SYSTEM;
	size_t len = strlen(text);
	errno = ENOSPC; /* what a short write of a few bytes means */
	bool ok = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	int why = errno;
	ok = close(fd) == 0 && ok;
	errno = why;
	return ok ? R_OK : R_SYSTEM;
}

enum result term_file_write(const char *dir, uint32_t group, const struct term_file *file)
{
	char path[PATH_LEN], fresh[PATH_LEN], text[LINE_LEN];

	term_path(path, dir, group, "");
	term_path(fresh, dir, group, ".new");
	snprintf(text, sizeof(text), "%" PRIu64 "%s\n", file->term,
		 file->earlier_unknown ? UNKNOWN : "");
	enum result res = write_synced(fresh, text);
	if (res == R_OK && rename(fresh, path) != 0)
		res = R_SYSTEM;
	return res == R_OK ? sync_dir(dir) : res;
}
