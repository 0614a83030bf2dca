/* SPDX-License-Identifier: Apache-2.0 */
/* What the parser refuses or remarks, with the exact words, line and column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "node/config/tests/fixtures.h"

/* A configuration with nothing to complain about; its interface and policy serve the cases. */
#define BASE \
	"interface eth0\n nameif outside\n ip address 192.0.2.1 255.255.255.0\n" \
	"crypto ikev2 policy 10\n" \
	"crypto ikev2 enable outside\n"
#define BASE_LINES 5u

#define PAIR  "failover\nfailover lan unit primary\nfailover key k\n"
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"

struct error_case {
	const char *text; /* after BASE */
	enum result result;
	/* every diagnostic, one per line; line numbers count from the first line of text */
	const char *wanted;
};

static const struct error_case cases[] = {
	/* a word that no row wants */
	{ "crypto ikev3 policy 10\n", R_CONFIG,
	  "c:1:8: error: 'ikev3' is not valid here: expected weak-algorithms, engine, ipsec, map, ikev2, isakmp, "
	  "call, ikev1, dynamic-map, ca or key (did you mean 'ikev2'?)\n" },
	{ "crypto ikev2 policy 10\n integrity sha-1\n", R_CONFIG,
	  "c:2:12: error: 'sha-1' is not valid here: expected sha512, sha384, sha256, sha, md5 or null\n" },
	{ "crypto ikev2 policy 10\n group 14 99\n", R_CONFIG,
	  "c:2:11: error: '99' is not valid here: expected 31, 21, 20, 19, 16, 15, 14, 24, 5, 2, 1 or the end of the line "
	  "(did you mean '19'?)\n" },
	{ "crypto ikev2 policy 10\n encryption aes-512\n", R_CONFIG,
	  "c:2:13: error: 'aes-512' is not valid here: expected aes-gcm-256, aes-gcm-192, aes-gcm, aes-256, aes-192, aes, "
	  "3des or des (did you mean 'aes-192'?)\n" },
	{ "crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes\n protocol esp integrity sha256\n",
	  R_CONFIG,
	  "c:3:25: error: 'sha256' is not valid here: expected sha-512, sha-384, sha-256, sha-1, md5 or null (did you mean "
	  "'sha-256'?)\n"
	  "c:1:1: error: ipsec-proposal P: its encryption needs integrity: expected a line protocol esp integrity other than "
	  "null\n" },
	{ "monitor-interface inside\n", R_CONFIG,
	  "c:1:19: error: 'inside' is not valid here: expected the nameif of an interface\n" },
	{ "no monitor-interface inside\n", R_CONFIG,
	  "c:1:22: error: 'inside' is not valid here: expected the nameif of an interface\n" },
	{ "failover interface-policy 17\n", R_CONFIG,
	  "c:1:27: error: '17' is not valid here: expected 1-16, or 1%-100%\n" },
	{ "failover interface-policy 0%\n", R_CONFIG,
	  "c:1:27: error: '0%' is not valid here: expected 1-16, or 1%-100%\n" },
	{ "failover interface-policy 101%\n", R_CONFIG,
	  "c:1:27: error: '101%' is not valid here: expected 1-16, or 1%-100%\n" },
	{ "failover interface-policy -1\n", R_CONFIG,
	  "c:1:27: error: '-1' is not valid here: expected 1-16, or 1%-100%\n" },
	{ "failover polltime link-state msec 20000\n", R_CONFIG,
	  "c:1:35: error: '20000' is not valid here: expected a number from 50 to 10000\n" },
	{ "failover slot 16\n", R_CONFIG,
	  "c:1:15: error: '16' is not valid here: expected a number from 1 to 15\n" },
	{ "crypto ikev2 policy 0\n", R_CONFIG,
	  "c:1:21: error: '0' is not valid here: expected a number from 1 to 65535\n" },
	{ "crypto ikev2 policy 99999999999999999999\n", R_CONFIG,
	  "c:1:21: error: '99999999999999999999' is not valid here: expected a number from 1 to 65535\n" },
	/* a line that ends too early, or goes on */
	{ "crypto map M 10 set peer\n", R_CONFIG,
	  "c:1:25: error: the line ends too early: expected an IP address or a defined name\n" },
	{ "crypto map\n", R_CONFIG,
	  "c:1:11: error: the line ends too early: expected a name of at most 64 ASCII characters\n" },
	{ "failover role-manager internal now\n", R_CONFIG,
	  "c:1:32: error: 'now' is not valid here: expected the end of the line\n" },
	/* at most ten peers, and IKE_SA_INIT within bounds */
	{ "crypto map M 10 set peer 192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 192.0.2.8 "
	  "192.0.2.9 192.0.2.10 192.0.2.11\n",
	  R_CONFIG,
	  "c:1:127: error: '192.0.2.11' is not valid here: expected at most 10 peers\n"
	  "c:1:1: warning: crypto map M 10 is incomplete and not used: no match address\n" },
	{ "crypto ikev2 sa-init-retransmit 11\n", R_CONFIG,
	  "c:1:33: error: '11' is not valid here: expected a number from 0 to 10\n" },
	{ "crypto ikev2 sa-init-retransmit 1 interval 99\n", R_CONFIG,
	  "c:1:44: error: '99' is not valid here: expected a number from 100 to 10000\n" },
	{ "crypto ikev2 retransmit 1 interval 10001\n", R_CONFIG,
	  "c:1:36: error: '10001' is not valid here: expected a number from 100 to 10000\n" },
	{ "crypto ikev2 policy 1\n lifetime seconds 9\n", R_CONFIG,
	  "c:2:19: error: '9' is not valid here: expected a number from 10 to 2147483647 or none\n" },
	/* addresses and masks */
	{ "crypto map M 10 set peer 192.0.2.256\n", R_CONFIG,
	  "c:1:26: error: '192.0.2.256' is not valid here: expected an IP address or a defined name\n" },
	{ "interface eth1\n ip address 198.51.100.1 255.0.255.0\n", R_CONFIG,
	  "c:2:26: error: '255.0.255.0' is not valid here: expected a network mask such as 255.255.255.0\n" },
	{ "interface eth1\n ip address 198.51.100.1 255.255.255.0 standby 203.0.113.1\n", R_CONFIG,
	  "c:2:48: error: '203.0.113.1' is not valid here: expected another address of 198.51.100.0/24 as the standby's\n" },
	{ "interface eth1\n nameif outside\n", R_CONFIG,
	  "c:2:9: error: nameif 'outside' is already that of interface eth0 (line 1)\n" },
	{ "route dmz 0 0 192.0.2.254\n", R_CONFIG,
	  "c:1:1: error: route: there is no interface 'dmz': expected the nameif of an interface\n" },
	{ "route outside 0 0 192.0.2\n", R_CONFIG,
	  "c:1:19: error: '192.0.2' is not valid here: expected an IP address or a defined name\n" },
	{ "crypto ikev2 enable inside\n", R_CONFIG,
	  "c:1:21: error: 'inside' is not valid here: expected the nameif of an interface\n" },
	{ "crypto map M interface inside\n", R_CONFIG,
	  "c:1:24: error: 'inside' is not valid here: expected the nameif of an interface\n" },
	{ "sysopt connection tcpmss 40\n", R_CONFIG,
	  "c:1:26: error: '40' is not valid here: expected 0 or a number from 48 to 65535\n" },
	/* a key is never repeated */
	{ "failover key hex 0011zz\n", R_CONFIG,
	  "c:1:18: error: the key is not valid here: expected a key as an even number of hexadecimal digits or the end of "
	  "the line\n" },
	{ "failover key hex 0011\n", R_CONFIG,
	  "c:1:18: error: the key is not valid here: expected 64 hexadecimal digits\n" },
	{ "failover key *****\n", R_CONFIG,
	  "c:1:14: error: the failover key is masked: expected the key itself, not *****\n" },
	{ "failover key 8 abcdef\n", R_CONFIG,
	  "c:1:1: error: an encrypted key (8) cannot be read: expected the key in clear or in hex\n" },
	/* failover must be whole */
	{ "failover\n", R_CONFIG,
	  "c:1:1: error: failover: expected a line failover lan unit {primary|secondary|member N} or failover slot\n"
	  "c:1:1: error: failover: expected a line failover key\n" },
	/* beside the pair units have numbers, which are their slots */
	{ "failover lan unit member 2\n", R_CONFIG,
	  "c:1:26: error: '2' is not valid here: expected a number from 3 to 8\n" },
	{ "failover lan unit tertiary\n", R_CONFIG,
	  "c:1:19: error: 'tertiary' is not valid here: expected primary, secondary or member\n" },
	{ "failover group 1\n member 9\n", R_CONFIG,
	  "c:2:9: error: '9' is not valid here: expected a number from 3 to 8\n" },
	/* an interface is in one group, which must be there */
	{ PAIR
	  "interface e\n nameif a\n join-failover-group 2\n ip address 192.0.2.1 255.255.255.0\n",
	  R_CONFIG,
	  "c:4:1: error: interface e is in failover group 2: expected a line failover group 2, or another "
	  "join-failover-group\n" },
	{ "failover\nfailover lan unit primary\nfailover key k\nfailover group 2\n"
	  "interface e\n nameif a\n ip address 192.0.2.1 255.255.255.0\n",
	  R_CONFIG,
	  "c:1:1: error: interface eth0 is in failover group 1: expected a line failover group 1, or another "
	  "join-failover-group\n"
	  "c:5:1: error: interface e is in failover group 1: expected a line failover group 1, or another "
	  "join-failover-group\n" },
	{ "interface e\n join-failover-group 2\n ip address 192.0.2.1 255.255.255.0\n", R_CONFIG,
	  "c:1:1: error: interface e is in failover group 2: expected a line failover group 2, or another "
	  "join-failover-group\n" },
	{ "interface e\n join-failover-group 16\n", R_CONFIG,
	  "c:2:22: error: '16' is not valid here: expected a number from 1 to 15\n" },
	{ PAIR "failover group 1\nfailover group 2\nfailover role-manager pacemaker\n", R_CONFIG,
	  "c:5:1: error: failover role-manager pacemaker promotes one group: expected one failover group\n" },
	/* the snapshot channel: a key for each, and ours among them */
	{ "failover snapshot-channel port 0\n", R_CONFIG,
	  "c:1:32: error: '0' is not valid here: expected a number from 1 to 65535\n" },
	{ "failover snapshot-channel key-file keys/mine\n", R_CONFIG,
	  "c:1:36: error: 'keys/mine' is not valid here: expected a path that begins with /\n" },
	{ "failover snapshot-channel member 16 public-key " KEY_A "\n", R_CONFIG,
	  "c:1:34: error: '16' is not valid here: expected a number from 1 to 15\n" },
	{ "failover snapshot-channel member 1 public-key 0011\n", R_CONFIG,
	  "c:1:47: error: the key is not valid here: expected 64 hexadecimal digits, as 'holdfast cluster keygen' prints "
	  "them\n" },
	{ "failover snapshot-channel member 1 public-key " KEY_A "\n"
	  "failover snapshot-channel member 4 public-key " KEY_A "\n",
	  R_CONFIG,
	  "c:2:47: error: failover snapshot-channel member 4 has the key of member 1: expected a key of its own\n" },
	{ PAIR "failover snapshot-channel member 1 public-key " KEY_A "\n", R_CONFIG,
	  "c:4:1: error: failover snapshot-channel: expected a line failover snapshot-channel key-file\n" },
	{ PAIR
	  "failover snapshot-channel key-file /k\nfailover snapshot-channel member 2 public-key " KEY_A
	  "\n",
	  R_CONFIG,
	  "c:4:36: error: failover snapshot-channel: expected a line failover snapshot-channel member 1 public-key, for this "
	  "member\n" },
	{ PAIR
	  "failover snapshot-channel key-file /k\nfailover snapshot-channel member 1 public-key " KEY_A
	  "\nfailover snapshot-channel member 2 public-key " KEY_B "\n",
	  R_OK, "" },
	/* weak algorithms need consent */
	{ "crypto ikev2 policy 20\n encryption 3des aes\n group 5 14\n", R_CONFIG,
	  "c:2:13: error: '3des' is weak: expected a stronger algorithm, or a line crypto weak-algorithms allow\n"
	  "c:3:8: error: '5' is weak: expected a stronger algorithm, or a line crypto weak-algorithms allow\n" },
	{ "crypto weak-algorithms allow\ncrypto ikev2 policy 20\n encryption 3des aes\n group 5 14\n",
	  R_OK, "" },
	{ "crypto map M 10 set pfs group2\n", R_CONFIG,
	  "c:1:25: error: 'group2' is weak: expected a stronger algorithm, or a line crypto weak-algorithms allow\n"
	  "c:1:1: warning: crypto map M 10 is incomplete and not used: no match address\n" },
	/* integrity must go with a cipher that has none of its own */
	{ "crypto ikev2 policy 20\n encryption aes-gcm aes\n integrity null\n", R_CONFIG,
	  "c:1:1: error: crypto ikev2 policy 20: its encryption needs integrity: expected an algorithm other than null\n" },
	{ "crypto ipsec ikev2 ipsec-proposal P\n", R_CONFIG,
	  "c:1:1: error: ipsec-proposal P has no cipher: expected a line protocol esp encryption\n" },
	{ "crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes\n", R_CONFIG,
	  "c:1:1: error: ipsec-proposal P: its encryption needs integrity: expected a line protocol esp integrity other than "
	  "null\n" },
	/* misspellings of what matters */
	{ "cypto ikev2 policy 10\n", R_CONFIG,
	  "c:1:1: error: 'cypto' is not valid here: expected a line of the configuration (did you mean 'crypto'?)\n" },
	{ "crypto ikev2 policy 10\nencrytion aes\n", R_CONFIG,
	  "c:2:1: error: 'encrytion' is not valid here: expected a line of crypto ikev2 policy (did you mean "
	  "'encryption'?)\n" },
	{ "tunnel-group 192.0.2.9 ipsec-attributes\n frobnicate 5\n", R_CONFIG,
	  "c:2:2: error: 'frobnicate' is not valid here: expected a line of tunnel-group ipsec-attributes\n" },
	{ "tunnel-group 192.0.2.9 ipsec-attributes\n isakmp keepalive threshold 5\n", R_CONFIG,
	  "c:2:29: error: '5' is not valid here: expected a number from 10 to 3600 or infinite\n" },
	/* several errors are one run */
	{ "failover slot 99\nfailover takeover slow\ncrypto ikev2 limit max-sa none\n", R_CONFIG,
	  "c:1:15: error: '99' is not valid here: expected a number from 1 to 15\n"
	  "c:2:19: error: 'slow' is not valid here: expected fast or fenced\n"
	  "c:3:27: error: 'none' is not valid here: expected a number from 1 to 1000000\n" },
	/* abbreviations that could be two things */
	{ "crypto ikev2 limit max 50\n", R_CONFIG,
	  "c:1:20: error: 'max' is ambiguous: expected max-sa or max-in-negotiation-sa\n" },
	{ "crypto isakmp identity a\n", R_CONFIG,
	  "c:1:24: error: 'a' is ambiguous: expected auto, address, hostname or key-id\n" },
	/* an access-list is checked when a crypto map needs it */
	{ "access-list A extended permit tcp any any eq 80\n", R_OK, "" },
	{ "access-list A extended permit tcp any any eq 80\ncrypto map M 1 match address A\n",
	  R_CONFIG,
	  "c:1:31: error: access-list A is used by crypto map M 1: 'tcp' is not valid here: expected ip\n"
	  "c:2:1: warning: crypto map M 1 is incomplete and not used: no set peer\n" },
	{ "access-list A extended permit ip any host 192.0.2.300\ncrypto map M 1 match address A\n",
	  R_CONFIG,
	  "c:1:43: error: access-list A is used by crypto map M 1: '192.0.2.300' is not valid here: expected an IP address or "
	  "a defined name\n"
	  "c:2:1: warning: crypto map M 1 is incomplete and not used: no set peer\n" },
	{ "access-list A extended permit ip object O any\ncrypto map M 1 match address A\n",
	  R_CONFIG,
	  "c:1:1: error: access-list A is used by crypto map M 1: expected an object that is a host or a subnet\n"
	  "c:2:1: warning: crypto map M 1 is incomplete and not used: no set peer\n" },
	/* what is kept, and said */
	{ "frobnicate the network\n with detail\n", R_OK,
	  "c:1:1: warning: 'frobnicate' is not known and is not IPsec: the line is kept and not used\n" },
	{ "policy-map P\n class C\n  inspect dns\nno snmp-server location\nbanner motd crypto\n",
	  R_OK, "" },
	{ "crypto ikev1 policy 5\nauthentication pre-share\nhash md5\ngroup 2\n", R_OK,
	  "c:1:1: warning: IKEv1: this version does not have it; the line is kept and not used\n" },
	{ "tunnel-group 192.0.2.9 ipsec-attributes\n ikev2 local-authentication pre-shared-key *****\n",
	  R_OK,
	  "c:2:44: warning: the pre-shared key of tunnel-group 192.0.2.9 is masked: expected the key itself, not *****\n" },
	{ "tunnel-group 192.0.2.9 ipsec-attributes\n ikev2 local-authentication pre-shared-key k\n",
	  R_OK,
	  "c:1:1: warning: tunnel-group 192.0.2.9 is not used: expected a line tunnel-group 192.0.2.9 type ipsec-l2l\n" },
};

/* What a map entry lacks, one thing after the other. */
#define ACL \
	"access-list A extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.0\n"
#define PROPOSAL  "crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes-gcm-256\n"
#define WHY(text) "c:1:1: warning: crypto map M 10 is incomplete and not used: " text "\n"

static const struct error_case incomplete[] = {
	{ "crypto map M 10 set peer 192.0.2.9\n", R_OK, WHY("no match address") },
	{ "crypto map M 10 match address A\n", R_OK, WHY("its access-list does not exist") },
	{ "crypto map M 10 match address A\n" ACL, R_OK, WHY("no set peer") },
	{ "crypto map M 10 match address A\n" ACL "crypto map M 10 set peer 192.0.2.9\n", R_OK,
	  WHY("no set ikev2 ipsec-proposal") },
	{ "crypto map M 10 match address A\n" ACL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal Q\n",
	  R_OK,
	  "c:4:1: warning: crypto map M 10: there is no ipsec-proposal Q\n" WHY(
		  "its ipsec-proposal does not exist") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n",
	  R_OK, WHY("the crypto map is not applied to an interface") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n"
	  "no crypto ikev2 enable outside\ncrypto map M interface outside\n",
	  R_OK, WHY("crypto ikev2 is not enabled on its interface") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n"
	  "crypto map M interface outside\n",
	  R_OK, WHY("no tunnel-group of type ipsec-l2l for its peer") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.8 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n"
	  "crypto map M 10 set connection-type originate-only\n",
	  R_OK, WHY("several peers need connection-type bidirectional") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n"
	  "crypto map M interface outside\nno crypto ikev2 policy 10\n",
	  R_OK, WHY("no crypto ikev2 policy") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n"
	  "crypto map M interface outside\ntunnel-group 192.0.2.9 type ipsec-l2l\n",
	  R_OK, WHY("its tunnel-group lacks a local or a remote pre-shared key") },
	{ "crypto map M 10 match address A\n" ACL PROPOSAL
	  "crypto map M 10 set peer 192.0.2.9\ncrypto map M 10 set ikev2 ipsec-proposal P\n"
	  "crypto map M interface outside\ntunnel-group 192.0.2.9 type ipsec-l2l\n"
	  "tunnel-group 192.0.2.9 ipsec-attributes\n ikev2 local-authentication pre-shared-key a\n"
	  " ikev2 remote-authentication pre-shared-key b\n",
	  R_OK, "" },
};

static void all_diagnostics(const struct diagnostics *d, struct text *out)
{
	struct diagnostics shifted = *d;
	for (size_t i = 0; i < d->n; i++) {
		char line[DIAGNOSTIC_LINE_MAX];
		if (shifted.list[i].line > BASE_LINES)
			shifted.list[i].line -= BASE_LINES;
		text_printf(out, "%s\n", diagnostics_line(&shifted, i, line));
	}
}

/* Whether the case came out as it should; says what came instead. */
static bool as_wanted(const struct error_case *c)
{
	struct text text = { 0 }, got = { 0 };
	struct diagnostics diag;
	struct config *cfg;
	text_printf(&text, BASE "%s", c->text);
	enum result res = config_parse(bytes(text.p, text.len), "c", &cfg, &diag);
	all_diagnostics(&diag, &got);
	bool good = strcmp(text_string(&got), c->wanted) == 0 && res == c->result &&
		    (res == R_OK) == (cfg != NULL);
	if (!good)
		print_message("for:\n%swanted:\n%sgot:\n%s\n", c->text, c->wanted,
			      text_string(&got));
	config_free(cfg);
	text_free(&text);
	text_free(&got);
	return good;
}

static size_t count_wrong(const struct error_case *list, size_t n)
{
	size_t wrong = 0;
	for (size_t i = 0; i < n; i++)
		wrong += !as_wanted(&list[i]);
	return wrong;
}

static void every_error_names_line_column_value_and_what_was_expected(void **state)
{
	(void)state;
	assert_int_equal(count_wrong(cases, sizeof(cases) / sizeof(cases[0])), 0);
}

static void an_incomplete_crypto_map_entry_is_kept_and_inactive_with_its_reason(void **state)
{
	(void)state;
	assert_int_equal(count_wrong(incomplete, sizeof(incomplete) / sizeof(incomplete[0])), 0);
}

static void the_list_of_diagnostics_is_bounded_and_the_count_is_not(void **state)
{
	struct text text = { 0 };
	struct diagnostics diag;
	struct config *cfg;
	(void)state;
	for (int i = 0; i < 3 * DIAGNOSTICS_MAX; i++)
		text_printf(&text, "failover slot 99\n");
	assert_int_equal(config_parse(bytes(text.p, text.len), "c", &cfg, &diag), R_CONFIG);
	assert_int_equal(diag.n, DIAGNOSTICS_MAX);
	assert_int_equal(diag.errors, 3 * DIAGNOSTICS_MAX);
	text_free(&text);
}

static void a_line_with_a_zero_byte_or_without_end_is_refused(void **state)
{
	static char longest[9000];
	struct diagnostics diag;
	struct config *cfg;
	(void)state;
	assert_int_equal(config_parse(bytes("hostname a\0b\n", 13), "c", &cfg, &diag), R_CONFIG);
	assert_int_equal(diag.list[0].line, 1);
	memset(longest, 'x', sizeof(longest));
	assert_int_equal(config_parse(bytes(longest, sizeof(longest)), "c", &cfg, &diag), R_CONFIG);
	assert_int_equal(diag.errors, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_error_names_line_column_value_and_what_was_expected),
		cmocka_unit_test(
			an_incomplete_crypto_map_entry_is_kept_and_inactive_with_its_reason),
		cmocka_unit_test(the_list_of_diagnostics_is_bounded_and_the_count_is_not),
		cmocka_unit_test(a_line_with_a_zero_byte_or_without_end_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
