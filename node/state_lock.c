/* SPDX-License-Identifier: Apache-2.0 */
#include "node/state_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

enum result state_lock(const char *dir, int *fd)
{
	char path[512];

	*fd = -1;
	if (snprintf(path, sizeof(path), "%s/lock", dir) >= (int)sizeof(path)) {
		errno = ENAMETOOLONG;
		return R_SYSTEM;
	}
	*fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*fd < 0)
		return R_SYSTEM;
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return R_OK;
	const int err = errno;
	close(*fd);
	*fd = -1;
	errno = err;
	return err == EWOULDBLOCK ? R_EXISTS : R_SYSTEM;
}
