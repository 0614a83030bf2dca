/* SPDX-License-Identifier: Apache-2.0 */
/* The file: whole or untouched, its mode and owner, the one before, disks that are broken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/config/save.h"
#include "node/config/tests/fixtures.h"

#define OLD    "hostname old\n! a comment\nfailover key a-secret\n"
#define DAEMON 65534 /* some user and group without rights */
#define NEW    "hostname new\nfailover key a-secret\n"

static char dir[64], path[128];

static void put(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static const char *get(const char *name, char out[4096])
{
	int fd = open(name, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t n = read(fd, out, 4095);
	assert_true(n >= 0);
	out[n] = '\0';
	close(fd);
	return out;
}

static size_t files(void)
{
	DIR *d = opendir(dir);
	size_t n = 0;
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d));)
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* By the linker in the place of stat(). */
int __real_stat(const char *name, struct stat *st);
int __wrap_stat(const char *name, struct stat *st);

static int stat_error; /* 0: none */

int __wrap_stat(const char *name, struct stat *st)
{
	if (!stat_error)
		return __real_stat(name, st);
	errno = stat_error;
	return -1;
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/save_test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/holdfast.conf", dir);
	put(path, OLD, 0640);
	return 0;
}

static int remove_dir(void **state)
{
	DIR *d = opendir(dir);
	char name[512];
	(void)state;
	for (struct dirent *e; d && (e = readdir(d));) {
		snprintf(name, sizeof(name), "%s/%s", dir, e->d_name);
		unlink(name);
	}
	closedir(d);
	return rmdir(dir);
}

static mode_t mode_of(const char *name)
{
	struct stat st;
	assert_int_equal(stat(name, &st), 0);
	return st.st_mode & 07777;
}

static enum result save(const char *text, struct config_saved *saved, char why[SAVE_WHY_MAX])
{
	struct config *cfg = parse(text);
	enum result res = config_save(path, cfg, saved, why);
	config_free(cfg);
	return res;
}

static void the_file_is_replaced_and_the_one_before_kept(void **state)
{
	char text[4096], previous[256], why[SAVE_WHY_MAX];
	struct config *now = parse(NEW), *read;
	struct diagnostics diag;
	struct config_saved saved;
	(void)state;
	assert_int_equal(save(NEW, &saved, why), R_OK);
	assert_int_equal(strlen(get(path, text)), saved.written);
	assert_non_null(strstr(text, "hostname new\n"));
	assert_non_null(strstr(text, "a-secret"));
	assert_int_equal(config_load_file(path, &read, &diag), R_OK);
	assert_string_equal(read->digest, now->digest);
	assert_int_equal(mode_of(path), 0640);
	snprintf(previous, sizeof(previous), "%s.previous", path);
	assert_string_equal(get(previous, text), OLD);
	assert_int_equal(mode_of(previous), 0640);
	assert_int_equal(files(), 2);
	config_free(now);
	config_free(read);
}

static void a_file_that_was_not_there_is_its_owners_alone(void **state)
{
	char why[SAVE_WHY_MAX];
	struct config_saved saved;
	(void)state;
	unlink(path);
	mode_t old = umask(0);
	assert_int_equal(save(NEW, &saved, why), R_OK);
	umask(old);
	assert_int_equal(mode_of(path), 0600);
	assert_int_equal(files(), 1);
}

static void nobody_gains_access(void **state)
{
	char why[SAVE_WHY_MAX];
	struct config_saved saved;
	(void)state;
	chmod(path, 0666);
	assert_int_equal(save(NEW, &saved, why), R_OK);
	assert_int_equal(mode_of(path), 0640);
	chmod(path, 0400);
	assert_int_equal(save(OLD, &saved, why), R_OK);
	assert_int_equal(mode_of(path), 0400);
}

static void what_a_crash_left_is_not_in_the_way(void **state)
{
	char left[256], text[4096], why[SAVE_WHY_MAX];
	struct config_saved saved;
	(void)state;
	snprintf(left, sizeof(left), "%s.new", path);
	put(left, "half of a fi", 0600);
	snprintf(left, sizeof(left), "%s.previous.new", path);
	put(left, "half", 0600);
	assert_int_equal(save(NEW, &saved, why), R_OK);
	assert_non_null(strstr(get(path, text), "hostname new\n"));
	assert_int_equal(files(), 2);
}

static void a_symbolic_link_stays_one(void **state)
{
	char real[256], text[4096], why[SAVE_WHY_MAX];
	struct stat st;
	struct config_saved saved;
	(void)state;
	snprintf(real, sizeof(real), "%s/real", dir);
	assert_int_equal(rename(path, real), 0);
	assert_int_equal(symlink(real, path), 0);
	assert_int_equal(save(NEW, &saved, why), R_OK);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_non_null(strstr(get(real, text), "hostname new\n"));
}

static void it_can_be_undone(void **state)
{
	char text[4096], why[SAVE_WHY_MAX];
	struct config_saved saved;
	(void)state;
	assert_int_equal(save(NEW, &saved, why), R_OK);
	assert_int_equal(config_save_undo(path, &saved, why), R_OK);
	assert_string_equal(get(path, text), OLD);
	assert_int_equal(config_save_undo(path, &saved, why), R_SYSTEM);
	assert_non_null(strstr(why, "holdfast.conf.previous: No such file"));
	assert_string_equal(get(path, text), OLD);
}

/* What lies there from another time is not what was replaced. */
static void where_there_was_no_file_undoing_leaves_none(void **state)
{
	char previous[256], text[4096], why[SAVE_WHY_MAX];
	struct config_saved saved;
	(void)state;
	snprintf(previous, sizeof(previous), "%s.previous", path);
	assert_int_equal(rename(path, previous), 0);
	assert_int_equal(save(NEW, &saved, why), R_OK);
	assert_int_equal(config_save_undo(path, &saved, why), R_OK);
	assert_int_equal(access(path, F_OK), -1);
	assert_string_equal(get(previous, text), OLD);
}

static void a_name_without_a_folder_is_in_this_one(void **state)
{
	char here[1024], why[SAVE_WHY_MAX] = "";
	struct config *cfg = parse(NEW);
	struct config_saved saved;
	(void)state;
	assert_non_null(getcwd(here, sizeof(here)));
	assert_int_equal(chdir(dir), 0);
	enum result res = config_save("fresh.conf", cfg, &saved, why);
	assert_int_equal(chdir(here), 0);
	assert_string_equal(why, "");
	assert_int_equal(res, R_OK);
	assert_int_equal(files(), 2);
	config_free(cfg);
}

/*
 * As installed: the file is root's, the folder is writable by the daemon's group. The kernel lets
 * nobody make a second name for a file that he may not write (fs.protected_hardlinks).
 */
static void a_file_of_root_is_replaced_by_the_daemon(void **state)
{
	char text[4096], previous[256];
	int status;
	(void)state;
	if (geteuid() != 0) {
		print_message("skip: only root can give a file away\n");
		skip();
	}
	assert_int_equal(chown(dir, 0, DAEMON), 0);
	assert_int_equal(chmod(dir, 0770), 0);
	assert_int_equal(chown(path, 0, DAEMON), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char why[SAVE_WHY_MAX] = "";
		struct config_saved saved;
		if (setgroups(0, NULL) || setresgid(DAEMON, DAEMON, DAEMON) ||
		    setresuid(DAEMON, DAEMON, DAEMON))
			_exit(2);
		bool good = save(NEW, &saved, why) == R_OK;
		if (!good)
			print_error("%s\n", why);
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_non_null(strstr(get(path, text), "hostname new\n"));
	assert_int_equal(mode_of(path), 0640);
	snprintf(previous, sizeof(previous), "%s.previous", path);
	assert_string_equal(get(previous, text), OLD);
	assert_int_equal(mode_of(previous), 0640);
}

/* A child with a limit on the size of files: the disk that is full. */
static void a_full_disk_loses_nothing(void **state)
{
	char text[4096], why[SAVE_WHY_MAX];
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		const struct rlimit none = { 8, 8 };
		struct config_saved saved;
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &none);
		bool good = save(NEW, &saved, why) == R_SYSTEM && saved.written == 0 &&
			    strstr(why, "cannot write ") &&
			    strstr(why, "holdfast.conf.new: File too large");
		_exit(good ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(get(path, text), OLD);
	assert_int_equal(mode_of(path), 0640);
	assert_int_equal(files(), 1);
}

/* A broken disk, or rights that changed: its mode, its owner and what it says would be gone. */
static void a_file_that_cannot_be_looked_at_is_not_replaced(void **state)
{
	static const int errors[] = { EIO, EACCES };
	char text[4096], why[SAVE_WHY_MAX];
	struct config_saved saved;
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		stat_error = errors[i];
		enum result res = save(NEW, &saved, why);
		stat_error = 0;
		assert_int_equal(res, R_SYSTEM);
		assert_non_null(strstr(why, path));
		assert_non_null(strstr(why, strerror(errors[i])));
		assert_string_equal(get(path, text), OLD);
		assert_int_equal(mode_of(path), 0640);
		assert_int_equal(files(), 1);
	}
}

static void a_folder_that_is_not_there_is_named(void **state)
{
	char why[SAVE_WHY_MAX];
	struct config *cfg = parse(NEW);
	struct config_saved saved;
	(void)state;
	assert_int_equal(config_save("/nonexistent/holdfast.conf", cfg, &saved, why), R_SYSTEM);
	assert_string_equal(
		why, "cannot write /nonexistent/holdfast.conf.new: No such file or directory");
	config_free(cfg);
}

/* Saves in a process that is killed at its nth entry into the kernel or return; false: it was done before. */
static bool killed_at(unsigned int n)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		char why[SAVE_WHY_MAX];
		struct config_saved saved;
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(save(NEW, &saved, why) ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSTOPPED(status));
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSTOPPED(status)) {
			assert_int_equal(status, 0);
			return false;
		}
	}
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return true;
}

static void a_crash_anywhere_leaves_one_of_them_whole(void **state)
{
	char text[4096];
	unsigned int old = 0, fresh = 0;
	(void)state;
	for (unsigned int n = 0;; n++) {
		put(path, OLD, 0640);
		if (!killed_at(n))
			break;
		get(path, text);
		if (strcmp(text, OLD) == 0)
			old++;
		else if (strstr(text, ": Saved\nhostname new\n") && strstr(text, ": end\n"))
			fresh++;
		else
			fail_msg("half a file: %s", text);
	}
	print_message("old %u, new %u\n", old, fresh);
	assert_true(old > 0 && fresh > 0);
}

static void what_the_file_holds_is_known_without_its_comments(void **state)
{
	struct config *old = parse(OLD), *now = parse(NEW);
	(void)state;
	assert_true(config_file_holds(path, old));
	assert_false(config_file_holds(path, now));
	put(path, "failover key a-secret\n!\nhostname   old\n", 0600);
	assert_true(config_file_holds(path, old));
	put(path, "hostname old\nfailover key another\n", 0600);
	assert_false(config_file_holds(path, old));
	put(path, "crypto nonsense\n", 0600);
	assert_false(config_file_holds(path, old));
	unlink(path);
	assert_false(config_file_holds(path, old));
	config_free(old);
	config_free(now);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_file_is_replaced_and_the_one_before_kept),
		TEST(a_file_that_was_not_there_is_its_owners_alone),
		TEST(nobody_gains_access),
		TEST(what_a_crash_left_is_not_in_the_way),
		TEST(a_symbolic_link_stays_one),
		TEST(it_can_be_undone),
		TEST(where_there_was_no_file_undoing_leaves_none),
		TEST(a_name_without_a_folder_is_in_this_one),
		TEST(a_file_of_root_is_replaced_by_the_daemon),
		TEST(a_full_disk_loses_nothing),
		TEST(a_file_that_cannot_be_looked_at_is_not_replaced),
		TEST(a_folder_that_is_not_there_is_named),
		TEST(a_crash_anywhere_leaves_one_of_them_whole),
		TEST(what_the_file_holds_is_known_without_its_comments),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
