/* SPDX-License-Identifier: Apache-2.0 */
/* A file in the state directory that is there or not; what is in it says nothing. */
#include "node/drain_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
