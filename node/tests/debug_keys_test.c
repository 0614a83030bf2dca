/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of Wireshark's tables; names and order are what Wireshark 4.0 takes (docs: User
 * Accessible Tables). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/iana.h"
#include "node/debug_keys.h"

static void key(struct secret *s, uint8_t first, size_t len)
{
	assert_int_equal(secret_alloc(s, len), R_OK);
	for (size_t i = 0; i < len; i++)
		s->data[i] = (uint8_t)(first + i);
}

static void check_ike(struct ike_transforms transforms, size_t encr_len, size_t integ_len,
		      const char *want)
{
	struct ike_sa_state s = { .spi_i = 0x0102030405060708,
				  .spi_r = 0x1112131415161718,
				  .transforms = transforms };
	struct text line = { 0 };

	key(&s.sk_ei, 0xa0, encr_len);
	key(&s.sk_er, 0xb0, encr_len);
	key(&s.sk_ai, 0xc0, integ_len);
	key(&s.sk_ar, 0xd0, integ_len);
	debug_keys_ike_line(&s, &line);
	assert_string_equal(text_string(&line), want);
	text_free(&line);
	ike_sa_state_clear(&s);
}

static void an_ike_sa_is_a_line(void **state)
{
	(void)state;
	check_ike(
		(struct ike_transforms){ .encr = ENCR_AES_GCM_16, .key_bits = 128 }, 20, 0,
		"0102030405060708,1112131415161718,a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3,"
		"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3,\"AES-GCM-128 with 16 octet ICV [RFC5282]\",,,"
		"\"NONE [RFC4306]\"\n");
	check_ike(
		(struct ike_transforms){
			.encr = ENCR_AES_CBC, .key_bits = 256, .integ = AUTH_HMAC_SHA2_384_192 },
		2, 3,
		"0102030405060708,1112131415161718,a0a1,b0b1,\"AES-CBC-256 [RFC3602]\",c0c1c2,d0d1d2,"
		"\"HMAC_SHA2_384_192 [RFC4868]\"\n");
	check_ike((struct ike_transforms){ .encr = ENCR_AES_CBC,
					   .key_bits = 128,
					   .integ = AUTH_HMAC_SHA2_512_256 },
		  1, 1,
		  "0102030405060708,1112131415161718,a0,b0,\"AES-CBC-128 [RFC3602]\",c0,d0,"
		  "\"HMAC_SHA2_512_256 [RFC4868]\"\n");
	/* Wireshark has no name for it: no line. */
	check_ike((struct ike_transforms){ .encr = 9999, .key_bits = 128 }, 1, 0, "");
}

static void check_esp(struct esp_transforms transforms, size_t encr_len, size_t integ_len,
		      const char *want)
{
	struct child_sa_state s = { .spi_in = 0x10000001,
				    .spi_out = 0xc0ffee,
				    .transforms = transforms };
	struct text lines = { 0 };

	s.local.addr = inet_v4(0xc0000201);
	s.remote.addr = inet_v4(0xc0000202);
	key(&s.keys_in.encr, 0xa0, encr_len);
	key(&s.keys_out.encr, 0xb0, encr_len);
	key(&s.keys_in.integ, 0xc0, integ_len);
	key(&s.keys_out.integ, 0xd0, integ_len);
	debug_keys_esp_lines(&s, &lines);
	assert_string_equal(text_string(&lines), want);
	text_free(&lines);
	child_sa_state_clear(&s);
}

static void a_child_sa_is_two_lines(void **state)
{
	(void)state;
	check_esp(
		(struct esp_transforms){ .encr = ENCR_AES_GCM_16, .key_bits = 256 }, 3, 0,
		"\"IPv4\",\"192.0.2.2\",\"192.0.2.1\",\"0x10000001\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0xa0a1a2\","
		"\"NULL\",\"\"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00c0ffee\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0xb0b1b2\","
		"\"NULL\",\"\"\n");
	check_esp(
		(struct esp_transforms){
			.encr = ENCR_AES_CBC, .key_bits = 128, .integ = AUTH_HMAC_SHA2_256_128 },
		1, 1,
		"\"IPv4\",\"192.0.2.2\",\"192.0.2.1\",\"0x10000001\",\"AES-CBC [RFC3602]\",\"0xa0\","
		"\"HMAC-SHA-256-128 [RFC4868]\",\"0xc0\"\n"
		"\"IPv4\",\"192.0.2.1\",\"192.0.2.2\",\"0x00c0ffee\",\"AES-CBC [RFC3602]\",\"0xb0\","
		"\"HMAC-SHA-256-128 [RFC4868]\",\"0xd0\"\n");
}

static char dir[] = "/tmp/holdfast-keys-XXXXXX";

static const char *in_dir(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void assert_refused(const char *name, const char *because)
{
	char why[200] = "";
	int fd = 0;

	assert_int_equal(debug_keys_file(dir, name, &fd, why), R_SYSTEM);
	assert_int_equal(fd, -1);
	assert_non_null(strstr(why, name));
	assert_non_null(strstr(why, because));
}

static void make(const char *name, mode_t mode)
{
	FILE *f = fopen(in_dir(name), "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(chmod(in_dir(name), mode), 0);
}

/* Keys go to a file that nobody else can have laid there or can read. */
static void only_a_file_of_ours_alone_takes_keys(void **state)
{
	char why[200], path[128];
	struct stat st;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (int i = 0; i < 2; i++) { /* made, and found */
		assert_int_equal(debug_keys_file(dir, "esp_sa", &fd, why), R_OK);
		assert_int_equal(write(fd, "x", 1), 1);
		close(fd);
	}
	assert_int_equal(stat(in_dir("esp_sa"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(st.st_size, 2); /* appended */

	snprintf(path, sizeof(path), "%s", in_dir("esp_sa"));
	assert_int_equal(symlink(path, in_dir("symbolic")), 0);
	assert_refused("symbolic", "symbolic link");
	assert_int_equal(symlink("/nowhere", in_dir("dangling")), 0);
	assert_refused("dangling", "symbolic link");
	make("readable", 0644);
	assert_refused("readable", "0600");
	make("writable", 0620);
	assert_refused("writable", "0600");
	assert_int_equal(link(path, in_dir("hard")), 0);
	assert_refused("hard", "hard link");
	assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
	assert_refused("fifo", "fifo: ");
	assert_refused("no/such", "No such file");
	make("foreign", 0600);
	if (chown(in_dir("foreign"), 65534, 65534) == 0) /* as root */
		assert_refused("foreign", "belongs to the user");
	for (const char *const *name =
		     (const char *const[]){ "esp_sa", "symbolic", "dangling", "readable",
					    "writable", "hard", "fifo", "foreign", NULL };
	     *name; name++)
		assert_int_equal(unlink(in_dir(*name)), 0);
	assert_int_equal(rmdir(dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_ike_sa_is_a_line),
		cmocka_unit_test(a_child_sa_is_two_lines),
		cmocka_unit_test(only_a_file_of_ours_alone_takes_keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
