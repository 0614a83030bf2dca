/* SPDX-License-Identifier: Apache-2.0 */
/* Files that hold keys: who may read them, and the member's own key (RFC 7748). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/config/model.h"

static void a_file_with_keys_must_be_closed_to_others(void **state)
{
	static const struct {
		mode_t mode;
		enum result wanted;
	} modes[] = {
		{ 0600, R_OK },     { 0640, R_OK },     { 0644, R_CONFIG },
		{ 0660, R_CONFIG }, { 0602, R_CONFIG },
	};
	char path[] = "/tmp/holdfast-config-XXXXXX";
	static const char text[] = "failover key k\n";
	struct diagnostics diag;
	struct config *cfg;
	int fd = mkstemp(path);
	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		assert_int_equal(fchmod(fd, modes[i].mode), 0);
		assert_int_equal(config_load_file(path, &cfg, &diag), modes[i].wanted);
		config_free(cfg);
	}
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(fchmod(fd, 0644), 0);
	assert_int_equal(config_load_file(path, &cfg, &diag), R_OK);
	config_free(cfg);
	close(fd);
	unlink(path);
	assert_int_equal(config_load_file(path, &cfg, &diag), R_SYSTEM);
	assert_int_equal(diag.errors, 1);
}

static enum result load(const char *path, const char *text, struct diagnostics *diag)
{
	struct config *cfg;
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	assert_int_equal(chmod(path, 0600), 0);
	enum result res = config_load_file(path, &cfg, diag);
	config_free(cfg);
	return res;
}

static void a_key_file_must_be_this_members_and_closed_to_others(void **state)
{
	char dir[] = "/tmp/holdfast-key-XXXXXX", conf[64], file[64], text[512],
	     hex[MEMBER_KEY_TEXT];
	uint8_t public[MEMBER_KEY_LEN];
	struct diagnostics diag;
	SECRET key = { 0 };
	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	snprintf(file, sizeof(file), "%s/key", dir);
	assert_int_equal(member_key_make(&key), R_OK);
	assert_int_equal(member_key_public(&key, public), R_OK);
	snprintf(text, sizeof(text),
		 "failover\nfailover lan unit primary\nfailover key k\n"
		 "failover snapshot-channel key-file %s\n"
		 "failover snapshot-channel member 1 public-key %s\n",
		 file, member_key_text(public, hex));
	assert_int_equal(load(conf, text, &diag), R_CONFIG);
	assert_int_equal(diag.list[0].line, 4);
	assert_int_equal(diag.list[0].column, 36);
	assert_non_null(strstr(diag.list[0].text, "cannot be read"));
	assert_int_equal(member_key_write(file, &key), R_OK);
	assert_int_equal(load(conf, text, &diag), R_OK);
	/* a key is never written over */
	assert_int_equal(member_key_write(file, &key), R_EXISTS);
	assert_int_equal(chmod(file, 0640), 0);
	assert_int_equal(load(conf, text, &diag), R_CONFIG);
	assert_non_null(strstr(diag.list[0].text, "has mode 0640"));
	assert_int_equal(unlink(file), 0);
	/* another member's, or no key at all */
	assert_int_equal(member_key_make(&key), R_OK);
	assert_int_equal(member_key_write(file, &key), R_OK);
	assert_int_equal(load(conf, text, &diag), R_CONFIG);
	assert_non_null(strstr(diag.list[0].text, "its public key is another"));
	FILE *f = fopen(file, "w");
	assert_non_null(f);
	fputs("no key\n", f);
	fclose(f);
	assert_int_equal(load(conf, text, &diag), R_CONFIG);
	assert_non_null(strstr(diag.list[0].text, "it holds no key"));
	unlink(file);
	unlink(conf);
	rmdir(dir);
}

/* The daemon has a user of its own, which owns the folder. */
static void a_key_that_root_makes_is_the_owners_of_its_folder(void **state)
{
	char dir[] = "/tmp/config_test.XXXXXX", file[128];
	const uid_t daemon = 65534;
	struct stat st;
	SECRET key = { 0 };
	(void)state;
	if (geteuid() != 0) {
		print_message("skip: only root can give a file away\n");
		skip();
	}
	assert_non_null(mkdtemp(dir));
	assert_int_equal(chown(dir, daemon, daemon), 0);
	snprintf(file, sizeof(file), "%s/key", dir);
	assert_int_equal(member_key_make(&key), R_OK);
	assert_int_equal(member_key_write(file, &key), R_OK);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_uid, daemon);
	assert_int_equal(st.st_gid, daemon);
	assert_int_equal(st.st_mode & 07777, 0600);
	unlink(file);
	rmdir(dir);
}

/* RFC 7748 6.1: Alice's. libzmq's CURVE is the same function. */
static void a_public_key_is_that_of_x25519(void **state)
{
	uint8_t raw[MEMBER_KEY_LEN], public[MEMBER_KEY_LEN];
	char text[MEMBER_KEY_TEXT];
	SECRET key = { 0 };
	(void)state;
	assert_true(member_key_parse(
		"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a", raw));
	assert_int_equal(secret_set(&key, bytes(raw, sizeof(raw))), R_OK);
	assert_int_equal(member_key_public(&key, public), R_OK);
	assert_string_equal(member_key_text(public, text),
			    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	assert_false(member_key_parse("77076d0a", raw));
	assert_false(member_key_parse(
		"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2g", raw));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_with_keys_must_be_closed_to_others),
		cmocka_unit_test(a_key_file_must_be_this_members_and_closed_to_others),
		cmocka_unit_test(a_key_that_root_makes_is_the_owners_of_its_folder),
		cmocka_unit_test(a_public_key_is_that_of_x25519),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
