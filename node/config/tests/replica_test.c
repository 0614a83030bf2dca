/* SPDX-License-Identifier: Apache-2.0 */
/* Another unit's configuration made one's own: what is sent, what stays, what is refused and how that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/config/replica.h"
#include "node/config/tests/fixtures.h"

#define KEY   "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define PASTE "node/config/tests/asa-paste.txt"

#define UNIT1 "hostname vpn1\nfailover\nfailover lan unit primary\nfailover key hex " KEY "\n"
#define UNIT2 "hostname vpn2\nfailover\nfailover lan unit secondary\nfailover key hex " KEY "\n"
#define SHARED \
	"interface eth0\n nameif outside\n ip address 192.0.2.1 255.255.255.0\n" \
	"access-list A extended permit ip host 198.51.100.1 host 203.0.113.1\n" \
	"tunnel-group 192.0.2.9 type ipsec-l2l\ntunnel-group 192.0.2.9 ipsec-attributes\n" \
	" ikev2 remote-authentication pre-shared-key their-secret\n" \
	" ikev2 local-authentication pre-shared-key our-secret\n"

static struct text shared_of(const struct config *cfg)
{
	struct text t = { 0 };
	config_running_shared(cfg, &t);
	assert_false(t.failed);
	return t;
}

/* What ours becomes when it is sent theirs. */
static enum result send_text(const struct config *theirs, const struct config *ours,
			     struct config **out, char why[REPLICA_WHY_MAX])
{
	struct text t = shared_of(theirs);
	uint8_t digest[32];
	replica_digest(theirs, digest);
	enum result res = replica_make(bytes(t.p, t.len), ours, digest, out, why);
	text_free(&t);
	return res;
}

static void assert_refused(const char *text, const struct config *ours, const char *wanted)
{
	struct config *out = NULL;
	uint8_t digest[32];
	char why[REPLICA_WHY_MAX];
	replica_digest(ours, digest);
	assert_int_equal(replica_make(bytes(text, strlen(text)), ours, digest, &out, why),
			 R_CONFIG);
	assert_null(out);
	if (!strstr(why, wanted))
		fail_msg("'%s' does not say '%s'", why, wanted);
}

static void what_a_unit_keeps_for_itself_is_not_sent(void **state)
{
	struct config *one = parse(UNIT1 "failover slot 3\n" SHARED);
	struct text t = shared_of(one), unit = { 0 };
	(void)state;
	assert_null(strstr(t.p, "hostname"));
	assert_null(strstr(t.p, "lan unit"));
	assert_null(strstr(t.p, "slot"));
	assert_null(strstr(t.p, "failover key"));
	assert_null(strstr(t.p, KEY));
	assert_non_null(strstr(t.p, "\nfailover\n"));
	assert_non_null(strstr(t.p, "our-secret"));
	config_running_unit(one, &unit);
	assert_string_equal(text_string(&unit), "hostname vpn1\nfailover lan unit primary\n"
						"failover slot 3\nfailover key hex " KEY "\n");
	text_free(&t);
	text_free(&unit);
	config_free(one);
}

static void the_other_unit_runs_the_same_and_stays_itself(void **state)
{
	struct config *one = parse(UNIT1 SHARED "crypto map M 5 match address A\n"),
		      *two = parse(UNIT2), *out;
	char why[REPLICA_WHY_MAX];
	(void)state;
	assert_string_not_equal(one->digest, two->digest);
	assert_int_equal(send_text(one, two, &out, why), R_OK);
	assert_string_equal(out->digest, one->digest);
	assert_string_equal(out->hostname, "vpn2");
	assert_int_equal(out->failover.unit, UNIT_SECONDARY);
	assert_int_equal(out->failover.slot, 2);
	assert_true(secret_equal(&out->failover.key, &one->failover.key));
	assert_int_equal(out->n_map_entries, 1);
	assert_true(replica_shares_all(out, one));
	assert_false(replica_shares_all(out, two));
	config_free(one);
	config_free(two);
	config_free(out);
}

/* Kept lines are the administrator's too, and the mode that they stand in must not swallow ours. */
static void a_pasted_configuration_arrives_whole(void **state)
{
	struct text t = { 0 };
	char piece[4096], why[REPLICA_WHY_MAX];
	size_t n;
	FILE *f = fopen(PASTE, "r");
	(void)state;
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		text_append(&t, bytes(piece, n));
	fclose(f);
	text_printf(&t, "\n" UNIT1);
	struct config *one = parse(text_string(&t)), *two = parse(UNIT2), *out;
	assert_true(one->n_kept > 10);
	assert_int_equal(send_text(one, two, &out, why), R_OK);
	assert_string_equal(out->hostname, "vpn2");
	assert_int_equal(out->n_kept, one->n_kept);
	assert_true(replica_shares_all(out, one));
	text_free(&t);
	config_free(one);
	config_free(two);
	config_free(out);
}

static void lines_that_belong_to_a_unit_are_refused(void **state)
{
	struct config *two = parse(UNIT2 SHARED);
	(void)state;
	/* Ours say the last word where we have one; a line that we have not would become ours. */
	assert_refused("failover\nfailover slot 7\n" SHARED, two, "a line of one unit alone");
	assert_refused("failover\nfailover snapshot-channel key-file /k\n"
		       "failover snapshot-channel member 2 public-key " KEY "\n" SHARED,
		       two, "a line of one unit alone");
	config_free(two);
}

static void a_wrong_line_is_named_with_place_value_and_what_was_expected(void **state)
{
	struct config *two = parse(UNIT2 SHARED);
	(void)state;
	assert_refused("failover\ncrypto ikev2 policy 10\n encryption aes-511\n", two,
		       "the active unit's configuration:3:13: error: 'aes-511' is not valid here: "
		       "expected ");
	assert_refused("crypto map M interface nowhere\n", two,
		       "the active unit's configuration:1:24: error: 'nowhere' is not valid here: "
		       "expected the nameif of an interface");
	/* A secret that is wrong is never repeated. */
	struct config *out;
	char why[REPLICA_WHY_MAX];
	uint8_t digest[32] = { 0 };
	static const char secret[] = "tunnel-group 192.0.2.9 type ipsec-l2l\n"
				     "tunnel-group 192.0.2.9 ipsec-attributes\n"
				     " ikev2 local-authentication pre-shared-key hush hush\n";
	assert_int_equal(replica_make(bytes(secret, sizeof(secret) - 1), two, digest, &out, why),
			 R_CONFIG);
	assert_null(strstr(why, "hush hush"));
	config_free(two);
}

/* A newer unit's line that is only kept here, or a text that was cut. */
static void what_is_not_read_as_the_other_unit_reads_it_is_refused(void **state)
{
	struct config *one = parse(UNIT1 SHARED), *two = parse(UNIT2 SHARED), *out;
	struct text t = shared_of(one);
	uint8_t digest[32];
	char why[REPLICA_WHY_MAX];
	size_t read = 0;
	(void)state;
	replica_digest(one, digest);
	for (size_t len = 0; len + 1 < t.len; len++) {
		if (replica_make(bytes(t.p, len), two, digest, &out, why) != R_OK)
			continue;
		read++;
		config_free(out);
	}
	assert_int_equal(read, 0);
	assert_refused("failover\n", two, "is read as another one here (Cryptochecksum ");
	text_free(&t);
	config_free(one);
	config_free(two);
}

static void another_failover_key_is_another_configuration(void **state)
{
	struct config *one = parse(UNIT1 SHARED), *out;
	struct config *two = parse("failover\nfailover lan unit secondary\nfailover key other\n");
	char why[REPLICA_WHY_MAX];
	(void)state;
	assert_int_equal(send_text(one, two, &out, why), R_CONFIG);
	config_free(one);
	config_free(two);
}

static void a_difference_is_shown_without_its_secrets(void **state)
{
	struct config *one = parse(UNIT1 "failover deadline 3000\n" SHARED),
		      *two = parse(UNIT1 "failover deadline 2500\n" SHARED),
		      *plain = parse(UNIT1 SHARED);
	char out[REPLICA_WHY_MAX];
	(void)state;
	replica_difference(one, two, out);
	assert_string_equal(out,
			    "found 'failover deadline 3000', expected 'failover deadline 2500'");
	replica_difference(one, plain, out);
	assert_string_equal(out, "found 'failover deadline 3000', expected no such line");
	replica_difference(plain, one, out);
	assert_string_equal(out, "found no line 'failover deadline 3000'");
	replica_difference(one, one, out);
	assert_string_equal(out, "found another key, or other lines in another order");
	struct config *other = parse(
		UNIT1 "interface eth0\n nameif outside\n ip address 192.0.2.1 255.255.255.0\n");
	replica_difference(plain, other, out);
	assert_non_null(strstr(out, "found 'access-list A extended permit"));
	assert_null(strstr(out, "secret"));
	config_free(one);
	config_free(two);
	config_free(plain);
	config_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_unit_keeps_for_itself_is_not_sent),
		cmocka_unit_test(the_other_unit_runs_the_same_and_stays_itself),
		cmocka_unit_test(a_pasted_configuration_arrives_whole),
		cmocka_unit_test(lines_that_belong_to_a_unit_are_refused),
		cmocka_unit_test(a_wrong_line_is_named_with_place_value_and_what_was_expected),
		cmocka_unit_test(what_is_not_read_as_the_other_unit_reads_it_is_refused),
		cmocka_unit_test(another_failover_key_is_another_configuration),
		cmocka_unit_test(a_difference_is_shown_without_its_secrets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
