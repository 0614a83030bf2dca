/* SPDX-License-Identifier: Apache-2.0 */
#include "node/sync_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_LEN = 512 };

enum result sync_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return R_SYSTEM;
	enum result res = fsync(fd) == 0 ? R_OK : R_SYSTEM;
	int why = errno;
	close(fd);
	errno = why;
	return res;
}

enum result sync_dir_of(const char *path)
{
	const char *end = strrchr(path, '/');
	char dir[PATH_LEN];

	if (!end)
		return sync_dir(".");
	if (end - path >= PATH_LEN) {
		errno = ENAMETOOLONG;
		return R_SYSTEM;
	}
	snprintf(dir, sizeof(dir), "%.*s", end == path ? 1 : (int)(end - path), path);
	return sync_dir(dir);
}
