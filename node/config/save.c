/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/save.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/secret.h"

#define HEAD ": Saved\n"

/* The names that a file goes by while it is replaced, all in its folder. */
struct names {
	char file[PATH_MAX]; /* behind all symbolic links: they stay what they are */
	char fresh[PATH_MAX + 16], previous[PATH_MAX + 16], copy[PATH_MAX + 16];
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
	snprintf(n->copy, sizeof(n->copy), "%s.previous.new", n->file);
	const char *slash = strrchr(n->file, '/');
	if (!slash)
		snprintf(n->folder, sizeof(n->folder), ".");
	else
		snprintf(n->folder, sizeof(n->folder), "%.*s",
			 slash == n->file ? 1 : (int)(slash - n->file), n->file);
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

/* name has the rights of the file that it is to replace; like is NULL when there is none. */
static enum result write_file(const char *name, const struct stat *like, const struct text *text,
			      char why[SAVE_WHY_MAX])
{
	mode_t mode = S_IRUSR | S_IWUSR;

	/* What a crash left; never written into, it may have a reader. */
	unlink(name);
	int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return fail(why, "cannot write", name);
	if (like)
		take_owner(fd, like, &mode);
	bool ok = write_all(fd, text->p, text->len) && fchmod(fd, mode) == 0 && fsync(fd) == 0;
	int error = errno;
	ok = close(fd) == 0 && ok;
	if (ok)
		return R_OK;
	unlink(name);
	errno = error;
	return fail(why, "cannot write", name);
}

static enum result sync_folder(const char *folder, char why[SAVE_WHY_MAX])
{
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return ok ? R_OK : fail(why, "cannot write", folder);
}

static enum result read_all(int fd, struct text *out)
{
	char part[4096];
	ssize_t n;

	while ((n = read(fd, part, sizeof(part))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			text_append(out, bytes(part, (size_t)n));
	int error = errno;
	wipe(part, sizeof(part));
	errno = error;
	return n < 0 ? R_SYSTEM : out->failed ? R_NO_MEMORY : R_OK;
}

/*
 * A copy of what is replaced: the file itself is there all the time. Not a second name for it: that
 * is refused to who may not write it (fs.protected_hardlinks).
 */
static enum result keep_previous(const struct names *n, const struct stat *old,
				 char why[SAVE_WHY_MAX])
{
	struct text text = { 0 };
	int fd = open(n->file, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return fail(why, "cannot read", n->file);
	enum result res = read_all(fd, &text);
	if (res == R_SYSTEM)
		res = fail(why, "cannot read", n->file);
	close(fd);
	if (res == R_OK)
		res = write_file(n->copy, old, &text, why);
	text_free(&text);
	if (res == R_OK && rename(n->copy, n->previous) != 0)
		res = fail(why, "cannot write", n->previous);
	return res;
}

static void running_text(const struct config *cfg, struct text *out)
{
	text_printf(out, HEAD);
	config_running(cfg, false, out);
}

static enum result put_back(const struct names *n, bool replaced, char why[SAVE_WHY_MAX])
{
	if (!replaced)
		return unlink(n->file) == 0 ? R_OK : fail(why, "cannot remove", n->file);
	return rename(n->previous, n->file) == 0 ? R_OK : fail(why, "cannot put back", n->previous);
}

static enum result replace(const struct names *n, const struct text *text, bool *replaced,
			   char why[SAVE_WHY_MAX])
{
	char also[SAVE_WHY_MAX];
	struct stat old;

	*replaced = stat(n->file, &old) == 0;
	/* One that is there and cannot be read must not be replaced as if there were none. */
	if (!*replaced && errno != ENOENT)
		return fail(why, "cannot read", n->file);
	enum result res = write_file(n->fresh, *replaced ? &old : NULL, text, why);
	if (res != R_OK)
		return res;
	if (*replaced)
		res = keep_previous(n, &old, why);
	if (res == R_OK && rename(n->fresh, n->file) != 0)
		res = fail(why, "cannot replace", n->file);
	if (res != R_OK) {
		unlink(n->fresh);
		return res;
	}
	res = sync_folder(n->folder, why);
	if (res != R_OK)
		(void)put_back(n, *replaced, also);
	return res;
}

enum result config_save(const char *path, const struct config *cfg, struct config_saved *out,
			char why[SAVE_WHY_MAX])
{
	struct text text = { 0 };
	struct names n = { 0 };
	enum result res = names_fill(&n, path, why);

	*out = (struct config_saved){ 0 };
	running_text(cfg, &text);
	if (text.failed)
		res = R_NO_MEMORY;
	if (res == R_OK)
		res = replace(&n, &text, &out->replaced, why);
	if (res == R_OK)
		out->written = text.len;
	text_free(&text);
	if (res == R_NO_MEMORY)
		snprintf(why, SAVE_WHY_MAX, "%s", result_text(res));
	return res;
}

enum result config_save_undo(const char *path, const struct config_saved *saved,
			     char why[SAVE_WHY_MAX])
{
	struct names n = { 0 };
	enum result res = names_fill(&n, path, why);

	if (res == R_OK)
		res = put_back(&n, saved->replaced, why);
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
