/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD ": Saved\n"

/* The names that a file goes by while it is replaced, all in its folder. */
struct names {
	char file[PATH_MAX]; /* behind all symbolic links: they stay what they are */
	char fresh[PATH_MAX + 16], previous[PATH_MAX + 16], link[PATH_MAX + 16];
	char folder[PATH_MAX];
};

static enum result fail(char why[SAVE_WHY_MAX], const char *what, const char *path)
{
	snprintf(why, SAVE_WHY_MAX, "%s %.300s: %s", what, path, strerror(errno));
	return R_SYSTEM;
}

static enum result names_fill(struct names *n, const char *path, char why[SAVE_WHY_MAX])
{
	if (!realpath(path, n->file)) {
		if (errno != ENOENT)
			return fail(why, "cannot find", path);
		snprintf(n->file, sizeof(n->file), "%s", path);
	}
	snprintf(n->fresh, sizeof(n->fresh), "%s.new", n->file);
	snprintf(n->previous, sizeof(n->previous), "%s.previous", n->file);
	snprintf(n->link, sizeof(n->link), "%s.previous.new", n->file);
	snprintf(n->folder, sizeof(n->folder), "%s", n->file);
	char *slash = strrchr(n->folder, '/');
	if (slash)
		slash[slash == n->folder] = '\0';
	return R_OK;
}

/* Readers stay readers only where the group is still theirs; nobody gains anything. */
static void take_owner(int fd, const struct stat *old, mode_t *mode)
{
	struct stat st;

	*mode = old->st_mode & (S_IRWXU | S_IRGRP);
	if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0 &&
	    (fstat(fd, &st) != 0 || st.st_gid != old->st_gid))
		*mode &= S_IRWXU;
}

static bool write_all(int fd, const char *p, size_t len)
{
	while (len) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		p += n;
		len -= (size_t)n;
	}
	return true;
}

static enum result write_fresh(const struct names *n, const struct text *text,
			       char why[SAVE_WHY_MAX])
{
	struct stat old;
	mode_t mode = S_IRUSR | S_IWUSR;

	/* What a crash left; never written into, it may have a reader. */
	unlink(n->fresh);
	int fd = open(n->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(why, "cannot write", n->fresh);
	if (stat(n->file, &old) == 0)
		take_owner(fd, &old, &mode);
	bool ok = write_all(fd, text->p, text->len) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
	int error = errno;
	ok = close(fd) == 0 && ok;
	if (ok)
		return R_OK;
	unlink(n->fresh);
	errno = error;
	return fail(why, "cannot write", n->fresh);
}

static enum result sync_folder(const char *folder, char why[SAVE_WHY_MAX])
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok ? R_OK : fail(why, "cannot write", folder);
}

/* A second name for what is replaced: the file itself is there all the time. */
static enum result keep_previous(const struct names *n, char why[SAVE_WHY_MAX])
{
	unlink(n->link);
	if (link(n->file, n->link) != 0)
		return errno == ENOENT ? R_OK : fail(why, "cannot write", n->link);
	return rename(n->link, n->previous) == 0 ? R_OK : fail(why, "cannot write", n->previous);
}

static void running_text(const struct config *cfg, struct text *out)
{
	text_printf(out, HEAD);
	config_running(cfg, false, out);
}

enum result config_save(const char *path, const struct config *cfg, size_t *written,
			char why[SAVE_WHY_MAX])
{
	struct text text = { 0 };
	struct names n = { 0 };
	enum result res = names_fill(&n, path, why);

	running_text(cfg, &text);
	if (text.failed)
		res = R_NO_MEMORY;
	if (res == R_OK)
		res = write_fresh(&n, &text, why);
	if (res == R_OK) {
		res = keep_previous(&n, why);
		if (res == R_OK && rename(n.fresh, n.file) != 0)
			res = fail(why, "cannot replace", n.file);
		if (res != R_OK)
			unlink(n.fresh);
	}
	if (res == R_OK) {
		res = sync_folder(n.folder, why);
		if (res != R_OK)
			(void)!rename(n.previous, n.file);
	}
	*written = text.len;
	text_free(&text);
	if (res == R_NO_MEMORY)
		snprintf(why, SAVE_WHY_MAX, "%s", result_text(res));
	return res;
}

enum result config_save_undo(const char *path, char why[SAVE_WHY_MAX])
{
	struct names n = { 0 };
	enum result res = names_fill(&n, path, why);

	if (res == R_OK && rename(n.previous, n.file) != 0)
		res = fail(why, "cannot put back", n.previous);
	return res == R_OK ? sync_folder(n.folder, why) : res;
}

bool config_file_holds(const char *path, const struct config *cfg)
{
	struct text file = { 0 }, running = { 0 };
	struct config *read = NULL;
	struct diagnostics diag;
	bool same = config_load_file(path, &read, &diag) == R_OK;

	if (same) {
		running_text(read, &file);
		running_text(cfg, &running);
		same = !file.failed && !running.failed &&
		       bytes_equal(bytes(file.p, file.len), bytes(running.p, running.len));
	}
	text_free(&file);
	text_free(&running);
	config_free(read);
	return same;
}
