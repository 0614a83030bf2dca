/* SPDX-License-Identifier: Apache-2.0 */
/* "no": what each line set is gone again, also one value of a list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>

#include "base/iana.h"
#include "node/config/tests/fixtures.h"

struct no_case {
	const char *set;
	const char *unset;
};

/* The configuration with both lines is the one with neither. */
static const struct no_case no_cases[] = {
	{ "hostname a", "no hostname" },
	{ "crypto weak-algorithms allow", "no crypto weak-algorithms" },
	{ "crypto engine workers 2", "no crypto engine workers" },
	{ "logging enable", "no logging enable" },
	{ "logging id-style native", "no logging id-style" },
	{ "interface eth0\n nameif x", "no interface eth0" },
	{ "interface eth0\n ip address 192.0.2.1 255.255.255.0\nno interface eth1\ninterface eth0",
	  "interface eth0\n no ip address\nno interface eth0" },
	{ "object network o\n host 192.0.2.1", "no object network o" },
	{ "failover\nfailover lan unit primary\nfailover key k",
	  "no failover\nno failover lan unit\nno failover key" },
	{ "failover slot 3", "no failover slot" },
	{ "failover lan unit member 3", "no failover lan unit" },
	{ "failover lan unit member 8", "no failover lan unit member 8" },
	{ "failover cluster-name c", "no failover cluster-name c" },
	{ "failover empty-start never", "no failover empty-start" },
	{ "failover empty-start after 5", "no failover empty-start after" },
	{ "failover takeover fenced", "no failover takeover fenced" },
	{ "failover deadline 5000", "no failover deadline" },
	{ "failover interface-policy 2", "no failover interface-policy" },
	{ "failover polltime interface 3 holdtime 30", "no failover polltime interface" },
	{ "failover polltime interface msec 600", "no failover polltime interface msec 600" },
	{ "failover polltime interface 5 holdtime 25", "" },
	{ "failover polltime link-state msec 799", "no failover polltime link-state msec" },
	{ "failover commit-timeout 5000", "no failover commit-timeout 5000" },
	{ "failover group 3", "no failover group 3" },
	{ "failover snapshot-channel port 4000", "no failover snapshot-channel port" },
	{ "failover snapshot-channel key-file /k", "no failover snapshot-channel key-file" },
	{ "failover snapshot-channel member 3 public-key " KEY_A,
	  "no failover snapshot-channel member 3 public-key " KEY_A },
	{ "sysopt connection tcpmss 1300", "no sysopt connection tcpmss" },
	{ "crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes-gcm",
	  "no crypto ipsec ikev2 ipsec-proposal P" },
	{ "crypto ipsec security-association lifetime seconds 600",
	  "no crypto ipsec security-association lifetime seconds 600" },
	{ "crypto ipsec security-association replay disable",
	  "no crypto ipsec security-association replay disable" },
	{ "crypto ipsec security-association replay window-size 64",
	  "no crypto ipsec security-association replay window-size" },
	{ "crypto map M 1 set peer 192.0.2.1", "no crypto map M 1" },
	{ "crypto ikev2 policy 1\n group 19", "no crypto ikev2 policy 1" },
	{ "crypto ikev2 cookie-challenge 10", "no crypto ikev2 cookie-challenge" },
	{ "crypto ikev2 cookie-challenge never", "no crypto ikev2 cookie-challenge never" },
	{ "crypto ikev2 sa-init-retransmit 1 interval 200",
	  "no crypto ikev2 sa-init-retransmit 1" },
	{ "crypto ikev2 sa-init-retransmit 5 interval 1000", "" },
	{ "crypto ikev2 retransmit 1 interval 200", "no crypto ikev2 retransmit 1" },
	{ "crypto ikev2 retransmit 4 interval 1000", "" },
	{ "crypto ikev2 retransmit 4", "" },
	{ "crypto ikev2 limit max-sa 9", "no crypto ikev2 limit max-sa" },
	{ "crypto ikev2 limit max-sa 9 cluster", "no crypto ikev2 limit max-sa 9 cluster" },
	{ "crypto call admission limit ike sa 9", "no crypto call admission limit ike sa" },
	{ "crypto call admission limit ike in-negotiation-sa 7",
	  "no crypto call admission limit ike in-negotiation-sa" },
	{ "crypto isakmp identity hostname", "no crypto isakmp identity hostname" },
	{ "crypto isakmp identity key-id x", "no crypto isakmp identity key-id" },
	{ "crypto isakmp disconnect-notify", "no crypto isakmp disconnect-notify" },
	{ "no crypto isakmp nat-traversal", "crypto isakmp nat-traversal" },
	{ "tunnel-group 192.0.2.9 type ipsec-l2l", "no tunnel-group 192.0.2.9" },
	{ "access-list A extended permit ip any any",
	  "no access-list A extended permit ip any any" },
	/* "no" of a default, or of what is not there, is silent */
	{ "",
	  "no crypto map M 10 set tfc-packets\nno crypto map M 10 set peer 192.0.2.1\nno crypto map M 10" },
	{ "", "no tunnel-group x\nno failover\nno crypto ikev2 enable outside\nno names" },
};

static void no_takes_away_what_a_line_set(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(no_cases) / sizeof(no_cases[0]); i++) {
		struct text both = { 0 };
		text_printf(&both, "%s\n%s\n", no_cases[i].set, no_cases[i].unset);
		struct config *cfg = parse(text_string(&both));
		struct text got = running(cfg, false);
		if (strcmp(text_string(&got), "hostname holdfast\n: end\n") != 0)
			print_message("left by:\n%s", text_string(&both));
		assert_string_equal(text_string(&got), "hostname holdfast\n: end\n");
		config_free(cfg);
		text_free(&both);
		text_free(&got);
	}
}

static void no_takes_single_values_out_of_a_list(void **state)
{
	struct config *cfg = parse(
		"crypto ikev2 policy 1\n group 19 20 21\n no group 20\n encryption aes aes-gcm\n"
		" no encryption aes\n prf sha512\n no prf\n"
		"crypto map M 1 set peer 192.0.2.1 192.0.2.2\nno crypto map M 1 set peer 192.0.2.1\n");
	(void)state;
	assert_int_equal(cfg->ike_policies[0].n_group, 2);
	assert_int_equal(cfg->ike_policies[0].group[1], DH_ECP_521);
	assert_int_equal(cfg->ike_policies[0].n_encr, 1);
	assert_int_equal(cfg->ike_policies[0].encr[0].id, ENCR_AES_GCM_16);
	assert_int_equal(cfg->ike_policies[0].prf[0], PRF_HMAC_SHA2_256);
	assert_int_equal(cfg->map_entries[0].n_peers, 1);
	assert_address(&cfg->map_entries[0].peers[0].address, "192.0.2.2");
	config_free(cfg);
}

/* What stood behind it is still found by its name, and what comes again is new. */
static void no_of_one_among_many_leaves_the_others(void **state)
{
	struct text in = { 0 };
	(void)state;
	for (unsigned int i = 1; i <= 40; i++)
		text_printf(&in,
			    "object network o%u\n host 192.0.2.%u\n"
			    "access-list a%u extended permit ip any object o%u\n"
			    "crypto map M %u match address a%u\n"
			    "tunnel-group 203.0.113.%u type ipsec-l2l\n",
			    i, i, i, i, i, i, i);
	text_printf(&in, "no object network o7\nno crypto map M 7\n"
			 "no access-list a7 extended permit ip any object o7\n"
			 "no tunnel-group 203.0.113.7\n");
	for (unsigned int i = 1; i <= 40; i++)
		text_printf(&in,
			    "object network o%u\n subnet 198.51.100.%u 255.255.255.255\n"
			    "access-list a%u extended permit ip any object o%u\n"
			    "crypto map M %u set peer 203.0.113.%u\n"
			    "tunnel-group 203.0.113.%u ipsec-attributes\n"
			    " ikev2 local-authentication pre-shared-key k%u\n",
			    i, i, i, i, i, i, i, i);
	struct config *cfg = parse(text_string(&in));
	assert_int_equal(cfg->n_objects, 40);
	assert_int_equal(cfg->n_map_entries, 40);
	assert_int_equal(cfg->n_tunnel_groups, 40);
	for (unsigned int i = 1; i <= 40; i++) {
		const struct config_map_entry *e = &cfg->map_entries[i - 1];
		char address[INET_TEXT_MAX], key[8];
		assert_int_equal(e->seq, i);
		assert_int_equal(e->acl_name != NULL, i != 7);
		snprintf(address, sizeof(address), "198.51.100.%u", i);
		assert_int_equal(cfg->acls[i - 1].n_aces, 1);
		assert_address(&cfg->acls[i - 1].aces[0].destination.prefix.addr, address);
		snprintf(address, sizeof(address), "203.0.113.%u", i);
		assert_int_equal(e->n_peers, 1);
		assert_address(&e->peers[0].address, address);
		/* The seventh has lost its type. */
		assert_int_equal(e->peers[0].group != NULL, i != 7);
		const struct config_tunnel_group *g = config_tunnel_group_by_name(cfg, address);
		snprintf(key, sizeof(key), "k%u", i);
		assert_true(bytes_equal(secret_bytes(&g->local_key), bytes(key, strlen(key))));
	}
	config_free(cfg);
	text_free(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_takes_away_what_a_line_set),
		cmocka_unit_test(no_takes_single_values_out_of_a_list),
		cmocka_unit_test(no_of_one_among_many_leaves_the_others),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
