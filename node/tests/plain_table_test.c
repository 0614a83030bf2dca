/* SPDX-License-Identifier: Apache-2.0 */
/* The table of protected networks, as nftables is given it. */
#include "node/tests/translate_fixtures.h"

static const char table[] =
	"table inet holdfast\n"
	"delete table inet holdfast\n"
	"table inet holdfast {\n"
	"\tchain protect {\n\t\tmeta mark set 0x48460001 accept\n\t}\n"
	"\tchain clear_out {\n\t\tcounter drop\n\t}\n"
	"\tchain clear_in {\n\t\tcounter drop\n\t}\n"
	"\tchain m0 {\n"
	"\t\tip daddr 203.0.113.0/24 ip saddr 198.51.100.9/32 return\n"
	"\t\tip daddr 203.0.113.0/24 ip saddr 198.51.100.0/24 goto protect\n"
	"\t}\n"
	"\tchain m1 {\n"
	"\t\tip daddr 198.18.0.0/16 ip saddr 198.51.100.0/24 goto protect\n"
	"\t}\n"
	"\tchain o0 {\n"
	"\t\tip daddr 203.0.113.0/24 ip saddr 198.51.100.9/32 return\n"
	"\t\tip daddr 203.0.113.0/24 ip saddr 198.51.100.0/24 goto clear_out\n"
	"\t}\n"
	"\tchain o1 {\n"
	"\t\tip daddr 198.18.0.0/16 ip saddr 198.51.100.0/24 goto clear_out\n"
	"\t}\n"
	"\tchain i0 {\n"
	"\t\tip saddr 203.0.113.0/24 ip daddr 198.51.100.9/32 return\n"
	"\t\tip saddr 203.0.113.0/24 ip daddr 198.51.100.0/24 goto clear_in\n"
	"\t}\n"
	"\tchain i1 {\n"
	"\t\tip saddr 198.18.0.0/16 ip daddr 198.51.100.0/24 goto clear_in\n"
	"\t}\n"
	"\tchain arriving {\n\t\ttype filter hook prerouting priority mangle\n"
	"\t\tiifname { \"lo\", \"hf0\" } accept\n"
	"\t\tfib daddr type local udp dport { 500, 4500 } accept\n"
	"\t\tfib daddr type local meta l4proto esp accept\n"
	"\t\tiifname \"eth0\" jump i0\n\t\tiifname \"eth0\" jump i1\n"
	"\t\tip daddr 198.51.100.0/24 accept\n\t\tjump m0\n\t\tjump m1\n\t}\n"
	"\tchain starting {\n\t\ttype route hook output priority mangle\n"
	"\t\tmeta mark 0x48460002 accept\n\t\toifname \"eth0\" jump m0\n\t\toifname \"eth0\" jump m1\n\t}\n"
	"\tchain leaving {\n\t\ttype filter hook postrouting priority mangle\n"
	"\t\toifname { \"lo\", \"hf0\" } accept\n\t\tmeta mark 0x48460002 accept\n"
	"\t\tmeta mark 0x48460001 goto clear_out\n"
	"\t\toifname \"eth0\" jump o0\n\t\toifname \"eth0\" jump o1\n\t}\n"
	"\tchain errors {\n\t\ttype filter hook output priority filter\n"
	"\t\ticmp type destination-unreachable icmp code != frag-needed @th,136,8 50 counter drop\n"
	"\t\ticmp type destination-unreachable icmp code != frag-needed @th,136,8 17 "
	"@th,240,16 { 500, 4500 } counter drop\n\t}\n"
	"\tchain strays {\n\t\ttype filter hook forward priority filter\n"
	"\t\tip daddr 192.0.2.1 counter drop\n\t\tip daddr 198.51.100.1 counter drop\n\t}\n"
	"\tchain segments {\n\t\ttype filter hook forward priority mangle\n"
	"\t\toifname \"hf0\" tcp flags syn tcp option maxseg size > 1300 tcp option maxseg size set 1300\n"
	"\t\tiifname \"hf0\" tcp flags syn tcp option maxseg size > 1300 tcp option maxseg size set 1300\n\t}\n"
	"}\n";

static void the_table_of_protected_networks_cascades(void **state)
{
	struct config *cfg = parse();
	struct text out = { 0 };

	(void)state;
	plain_table_text(cfg, &out);
	assert_string_equal(text_string(&out), table);
	text_free(&out);
	config_free(cfg);
}

static struct config *parse_entries(unsigned int n)
{
	static char whole[16384];
	struct diagnostics diag;
	struct config *cfg;
	int len = snprintf(
		whole, sizeof(whole),
		"interface eth0\n nameif outside\n ip address 192.0.2.1 255.255.255.0\n"
		"crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes-gcm-256\n"
		"crypto map M interface outside\ncrypto ikev2 enable outside\n"
		"crypto ikev2 policy 10\n encryption aes-gcm-256\n integrity null\n group 19\n prf sha256\n"
		/* A line of the second within the first's, one of its own within another of its own. */
		"access-list A1 extended permit ip any 10.0.2.128 255.255.255.128\n"
		"access-list A5 extended deny ip any host 10.0.5.1\n"
		"access-list A6 extended permit ip any 10.1.0.0 255.255.255.0\n"
		"access-list A7 extended deny ip 192.0.2.0 255.255.255.0 10.0.7.0 255.255.255.0\n");

	for (unsigned int i = 1; i <= n; i++)
		len += snprintf(
			whole + len, sizeof(whole) - (size_t)len,
			"access-list A%u extended permit ip any 10.0.%u.0 255.255.255.0\n"
			"crypto map M %u match address A%u\ncrypto map M %u set peer 203.0.113.%u\n"
			"crypto map M %u set ikev2 ipsec-proposal P\n"
			"tunnel-group 203.0.113.%u type ipsec-l2l\n"
			"tunnel-group 203.0.113.%u ipsec-attributes\n"
			" ikev2 remote-authentication pre-shared-key aaaaaaaaaaaaaaaa\n"
			" ikev2 local-authentication pre-shared-key bbbbbbbbbbbbbbbb\n",
			i, i, i, i, i, i, i, i, i);
	assert_int_equal(config_parse(bytes(whole, (size_t)len), "test", &cfg, &diag), R_OK);
	return cfg;
}

/* Of many entries those that touch no other are looked up, and share what is left to compare; those
 * that do keep their order. */
static void many_entries_are_looked_up(void **state)
{
	struct config *cfg = parse_entries(18);
	struct text out = { 0 };

	(void)state;
	plain_table_text(cfg, &out);
	const char *in = strstr(
		text_string(&out),
		"iifname \"eth0\" ip saddr vmap { "
		"10.0.3.0/24 : jump is0, 10.0.4.0/24 : jump is0, 10.0.5.0/24 : jump i4, "
		"10.0.6.0/24 : jump is0, 10.0.7.0/24 : jump is1, 10.0.8.0/24 : jump is0, ");
	assert_non_null(in);
	assert_non_null(strstr(in, ", 10.0.18.0/24 : jump is0, 10.1.0.0/24 : jump is0 }\n"
				   "\t\tiifname \"eth0\" jump i0\n\t\tiifname \"eth0\" jump i1\n"
				   "\t\tip daddr vmap { 10.0.3.0/24 : jump ms0, "));
	assert_non_null(
		strstr(in, "\t\toifname \"eth0\" ip daddr vmap { 10.0.3.0/24 : jump os0, "));
	assert_non_null(strstr(
		in, " }\n\t\toifname \"eth0\" jump o0\n\t\toifname \"eth0\" jump o1\n\t}\n"));
	assert_non_null(strstr(text_string(&out), "\tchain ms0 {\n\t\tgoto protect\n\t}\n"
						  "\tchain ms1 {\n\t\tip saddr 192.0.2.0/24 "
						  "return\n\t\tgoto protect\n"
						  "\t}\n\tchain m0 {\n"));
	assert_non_null(strstr(text_string(&out), "\tchain is1 {\n\t\tip daddr 192.0.2.0/24 "));
	assert_null(strstr(text_string(&out), "chain m2 {"));
	text_free(&out);
	config_free(cfg);
	/* Sixteen jumps are not too many. */
	cfg = parse_entries(17);
	plain_table_text(cfg, &out);
	assert_null(strstr(text_string(&out), "vmap"));
	text_free(&out);
	config_free(cfg);
}

/* The address of an interface that is shut down is not ours to keep others from. */
static void a_stray_is_what_goes_to_an_address_in_use(void **state)
{
	struct config *cfg = parse_with(" ip address 198.51.100.1 255.255.255.0\n",
					" ip address 198.51.100.1 255.255.255.0\n shutdown\n");
	struct text out = { 0 };

	(void)state;
	plain_table_text(cfg, &out);
	assert_non_null(strstr(text_string(&out), "ip daddr 192.0.2.1 counter drop"));
	assert_null(strstr(text_string(&out), "ip daddr 198.51.100.1 counter drop"));
	text_free(&out);
	config_free(cfg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_of_protected_networks_cascades),
		cmocka_unit_test(many_entries_are_looked_up),
		cmocka_unit_test(a_stray_is_what_goes_to_an_address_in_use),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
