/* SPDX-License-Identifier: Apache-2.0 */
/* The term file (R11): one line of decimal text per group, replaced atomically. */
#include "node/term_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LEN = 512 };

static void term_path(char out[PATH_LEN], const char *dir, uint32_t group, const char *suffix)
{
	snprintf(out, PATH_LEN, "%s/term.%" PRIu32 "%s", dir, group, suffix);
}

enum result term_file_read(const char *dir, uint32_t group, uint64_t *term)
{
	char path[PATH_LEN], end = 0;

	*term = 0;
	term_path(path, dir, group, "");
	FILE *f = fopen(path, "re");
	if (!f)
		return errno == ENOENT ? R_NOT_FOUND : R_SYSTEM;
	int got = fscanf(f, "%" SCNu64 "%c", term, &end);
	fclose(f);
	if (got != 2 || end != '\n') {
		*term = 0;
		return R_VALUE;
	}
	return R_OK;
}

static enum result write_synced(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0)
		return R_SYSTEM;
	size_t len = strlen(text);
	bool ok = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0;
	return close(fd) == 0 && ok ? R_OK : R_SYSTEM;
}

static enum result sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return R_SYSTEM;
	enum result res = fsync(fd) == 0 ? R_OK : R_SYSTEM;
	close(fd);
	return res;
}

enum result term_file_write(const char *dir, uint32_t group, uint64_t term)
{
	char path[PATH_LEN], fresh[PATH_LEN], text[32];

	term_path(path, dir, group, "");
	term_path(fresh, dir, group, ".new");
	snprintf(text, sizeof(text), "%" PRIu64 "\n", term);
	enum result res = write_synced(fresh, text);
	if (res == R_OK && rename(fresh, path) != 0)
		res = R_SYSTEM;
	return res == R_OK ? sync_dir(dir) : res;
}
