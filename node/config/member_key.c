/* SPDX-License-Identifier: Apache-2.0 */
#include "node/config/member_key.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_LEN MEMBER_KEY_TEXT /* the digits and a newline */

enum result member_key_make(struct secret *key)
{
	EVP_PKEY *pair = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	size_t len = MEMBER_KEY_LEN;
	enum result res = secret_alloc(key, len);

	if (res == R_OK && (!pair || EVP_PKEY_get_raw_private_key(pair, key->data, &len) != 1 ||
			    len != MEMBER_KEY_LEN)) {
		secret_wipe(key);
		res = R_CRYPTO;
	}
	EVP_PKEY_free(pair);
	return res;
}

enum result member_key_public(const struct secret *key, uint8_t out[MEMBER_KEY_LEN])
{
	EVP_PKEY *pair = EVP_PKEY_new_raw_private_key_ex(NULL, "X25519", NULL, key->data, key->len);
	size_t len = MEMBER_KEY_LEN;
	bool ok = pair && EVP_PKEY_get_raw_public_key(pair, out, &len) == 1 &&
		  len == MEMBER_KEY_LEN;

	EVP_PKEY_free(pair);
	return ok ? R_OK : R_CRYPTO;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool parse(const char *text, size_t len, uint8_t out[MEMBER_KEY_LEN])
{
	if (len != 2 * MEMBER_KEY_LEN)
		return false;
	for (size_t i = 0; i < MEMBER_KEY_LEN; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(16 * high + low);
	}
	return true;
}

bool member_key_parse(const char *text, uint8_t out[MEMBER_KEY_LEN])
{
	return parse(text, strlen(text), out);
}

const char *member_key_text(const uint8_t key[MEMBER_KEY_LEN], char out[MEMBER_KEY_TEXT])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < MEMBER_KEY_LEN; i++) {
		out[2 * i] = digits[key[i] >> 4];
		out[2 * i + 1] = digits[key[i] & 15];
	}
	out[2 * MEMBER_KEY_LEN] = '\0';
	return out;
}

/* A key that root makes is for the daemon, which is not root: its folder says who that is. */
static bool give_to_reader(int fd, const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";
	struct stat st;

	if (geteuid() != 0)
		return true;
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path),
			 path);
	return stat(folder, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

enum result member_key_write(const char *path, const struct secret *key)
{
	char text[MEMBER_KEY_TEXT];
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return errno == EEXIST ? R_EXISTS : R_SYSTEM;
	member_key_text(key->data, text);
	text[FILE_LEN - 1] = '\n';
	bool ok = give_to_reader(fd, path) && write(fd, text, FILE_LEN) == (ssize_t)FILE_LEN &&
		  fsync(fd) == 0;
	int why = errno;
	wipe(text, sizeof(text));
	if (close(fd) != 0)
		ok = false;
	if (!ok)
		unlink(path);
	errno = why;
	return ok ? R_OK : R_SYSTEM;
}

static enum result read_key(int fd, struct secret *out, char why[MEMBER_KEY_WHY])
{
	char text[FILE_LEN + 1];
	uint8_t raw[MEMBER_KEY_LEN];
	ssize_t n = read(fd, text, sizeof(text));
	enum result res = R_VALUE;

	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n >= 0 && parse(text, (size_t)n, raw))
		res = secret_set(out, bytes(raw, sizeof(raw)));
	wipe(text, sizeof(text));
	wipe(raw, sizeof(raw));
	if (res == R_VALUE)
		snprintf(why, MEMBER_KEY_WHY,
			 "it holds no key: expected what 'holdfast cluster keygen' writes");
	return res;
}

enum result member_key_read(const char *path, struct secret *out, char why[MEMBER_KEY_WHY])
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	enum result res = R_OK;

	why[0] = '\0';
	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(
			why, MEMBER_KEY_WHY,
			"it cannot be read (%s): expected the file that 'holdfast cluster keygen' writes",
			strerror(errno));
		res = R_SYSTEM;
	} else if (!S_ISREG(st.st_mode) || (st.st_mode & (S_IRWXG | S_IRWXO))) {
		snprintf(why, MEMBER_KEY_WHY,
			 "it has mode %04o: expected a file for its owner only, as 0600",
			 (unsigned int)st.st_mode & 07777u);
		res = R_CONFIG;
	} else {
		res = read_key(fd, out, why);
	}
	if (fd >= 0)
		close(fd);
	return res;
}
