/* SPDX-License-Identifier: Apache-2.0 */
/* The ASA's text as the engine, the SPD and nftables see it: one source, three views. */
#include <time.h>

#include "base/iana.h"
#include "node/tests/translate_fixtures.h"

static void entries_of_one_peer_are_one_connection(void **state)
{
	struct config *cfg = parse();
	struct ike_config *ike;

	(void)state;
	assert_int_equal(core_translate_ike(cfg, 1, &ike), R_OK);
	assert_int_equal(ike->n_connections, 1);
	const struct ike_connection *c = &ike->connections[0];
	assert_string_equal(c->name, "192.0.2.2");
	assert_int_equal(c->n_children, 2);
	assert_int_equal(c->children[0].pfs_group, DH_NONE);
	assert_int_equal(c->children[1].pfs_group, DH_MODP_2048);
	assert_int_equal(c->children[0].proposals[0].n_encr, 2);
	assert_int_equal(c->children[0].proposals[0].encr[1].key_bits, 128);
	assert_int_equal(c->dpd_threshold_s, 15);
	assert_true(bytes_equal(secret_bytes(&c->psk_local), bytes("ours", 4)));
	assert_true(bytes_equal(secret_bytes(&c->psk_remote), bytes("theirs", 6)));
	assert_int_equal(c->local_id.type, ID_IPV4_ADDR);
	assert_int_equal(ike->policies[0].lifetime_s, 3600);
	assert_int_equal(ike->policies[0].n_integ, 0);
	ike_config_free(ike);
	config_free(cfg);
}

/* Another configuration: a second peer for entry 10, and more as told. */
static struct ike_config *with(const char *more, struct config **cfg)
{
	static struct diagnostics diag;
	struct text all = { 0 };
	struct ike_config *ike;

	text_printf(&all, "%s%s", text, more);
	assert_int_equal(config_parse(bytes(all.p, all.len), "test", cfg, &diag), R_OK);
	assert_int_equal(core_translate_ike(*cfg, 1, &ike), R_OK);
	text_free(&all);
	return ike;
}

#define SECOND_PEER "crypto map M 10 set peer 192.0.2.3\n"
#define SECOND_GROUP \
	"tunnel-group 192.0.2.3 type ipsec-l2l\n" \
	"tunnel-group 192.0.2.3 ipsec-attributes\n" \
	" ikev2 local-authentication pre-shared-key ours-b\n" \
	" ikev2 remote-authentication pre-shared-key theirs-b\n"

static void each_peer_of_an_entry_has_its_own_tunnel_group(void **state)
{
	struct config *cfg;
	struct ike_config *ike = with(SECOND_PEER SECOND_GROUP, &cfg);
	const struct ike_connection *c = ike->connections;

	(void)state;
	assert_int_equal(ike->n_connections, 2);
	assert_string_equal(c[0].name, "192.0.2.2");
	assert_string_equal(c[1].name, "192.0.2.3");
	assert_true(bytes_equal(secret_bytes(&c[0].psk_local), bytes("ours", 4)));
	assert_true(bytes_equal(secret_bytes(&c[1].psk_local), bytes("ours-b", 6)));
	/* The second entry's lines are the first peer's alone. */
	assert_int_equal(c[0].n_children, 2);
	assert_int_equal(c[1].n_children, 1);
	assert_int_equal(ike->n_maps, 2);
	assert_int_equal(ike->maps[0].n_peers, 2);
	assert_int_equal(ike->maps[0].connection[1], 1);
	assert_int_equal(ike->maps[1].n_peers, 1);
	assert_int_equal(ike->maps[0].tunnels[0], c[1].children[0].tunnel);
	assert_false(ike->maps[0].ikev1);
	assert_int_equal(ike->init_retransmit_tries, 7);
	assert_int_equal(ike->init_retransmit_ms, 1000);
	assert_int_equal(ike->retransmit_tries, 6);
	assert_int_equal(ike->retransmit_ms, 1000);
	ike_config_free(ike);
	config_free(cfg);
}

static void retransmissions_are_those_of_the_configuration(void **state)
{
	struct config *cfg;
	struct ike_config *ike = with("crypto ikev2 retransmit 1 interval 300\n"
				      "crypto ikev2 sa-init-retransmit 0 interval 200\n",
				      &cfg);

	(void)state;
	assert_int_equal(ike->retransmit_tries, 3);
	assert_int_equal(ike->retransmit_ms, 300);
	assert_int_equal(ike->init_retransmit_tries, 2);
	assert_int_equal(ike->init_retransmit_ms, 200);
	ike_config_free(ike);
	config_free(cfg);
}

static void a_peer_without_tunnel_group_has_no_connection(void **state)
{
	struct config *cfg;
	struct ike_config *ike = with(SECOND_PEER, &cfg);

	(void)state;
	assert_int_equal(ike->n_connections, 1);
	assert_int_equal(ike->maps[0].n_peers, 2);
	assert_true(ike->maps[0].connection[1] == IKE_NO_CONNECTION);
	ike_config_free(ike);
	config_free(cfg);
	/* Nor when the first one has none, and only a group by name could be meant. */
	ike = with("no tunnel-group 192.0.2.2\ntunnel-group gate.example type ipsec-l2l\n"
		   "tunnel-group gate.example ipsec-attributes\n"
		   " ikev2 local-authentication pre-shared-key a\n"
		   " ikev2 remote-authentication pre-shared-key b\n",
		   &cfg);
	assert_int_equal(ike->n_connections, 0);
	assert_true(ike->maps[0].connection[0] == IKE_NO_CONNECTION);
	ike_config_free(ike);
	config_free(cfg);
}

/* Every line of the crypto map counts; what it refers to does not. */
static void the_digest_is_that_of_the_crypto_map(void **state)
{
	static const struct {
		const char *more;
		bool same;
	} cases[] = {
		{ "", true },
		{ "crypto ikev2 policy 20\n", true },
		{ SECOND_GROUP, true },
		{ " isakmp keepalive threshold 20 retry 3\n", true },
		{ SECOND_PEER, false },
		{ "no crypto map M 10 set peer 192.0.2.2\ncrypto map M 10 set peer 192.0.2.3 "
		  "192.0.2.2\n" SECOND_GROUP,
		  false },
		{ "crypto map M 10 set pfs group14\n", false },
		{ "crypto map M 20 set pfs group19\n", false },
		{ "crypto map M 10 set nat-t-disable\n", false },
		{ "crypto map M 10 set connection-type answer-only\n", false },
		{ "crypto map M 10 set security-association lifetime seconds 900\n", false },
		{ "crypto map M 10 set ikev1 transform-set T\n", false },
		{ "crypto map M 10 match address B\n", false },
	};
	struct config *cfg;
	struct ike_config *ike = with("", &cfg);
	uint64_t first = ike->maps[0].digest;

	(void)state;
	assert_true(first != 0 && ike->maps[1].digest == first);
	ike_config_free(ike);
	config_free(cfg);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ike = with(cases[i].more, &cfg);
		if ((ike->maps[0].digest == first) != cases[i].same)
			fail_msg("%s", cases[i].more);
		ike_config_free(ike);
		config_free(cfg);
	}
}

static void a_deny_line_is_a_bypass_of_its_entry_only(void **state)
{
	struct config *cfg = parse();
	struct esp_policy *p;
	size_t n;

	(void)state;
	assert_int_equal(core_translate_spd(cfg, 1, &p, &n), R_OK);
	assert_int_equal(n, 3);
	assert_int_equal(p[0].action, ESP_BYPASS);
	assert_int_equal(p[0].entry, p[1].entry);
	assert_int_not_equal(p[1].entry, p[2].entry);
	assert_int_equal(p[1].action, ESP_PROTECT);
	assert_int_not_equal(p[1].tunnel, p[2].tunnel);
	free(p);
	config_free(cfg);
}

static void a_tunnel_number_leads_back_to_its_line(void **state)
{
	struct config *cfg = parse();
	struct ike_config *ike;
	struct hf_tunnel *list;
	size_t n;

	(void)state;
	assert_int_equal(core_translate_ike(cfg, 1, &ike), R_OK);
	assert_int_equal(hf_tunnels(cfg, &list, &n), R_OK);
	assert_int_equal(n, 2); /* a deny line has none */
	for (size_t i = 0; i < 2; i++) {
		const struct hf_tunnel *t = hf_tunnel_find(list, n,
							   ike->connections[0].children[i].tunnel);
		assert_non_null(t);
		assert_int_equal(t->entry->seq, 10 + 10 * i);
		assert_ptr_equal(t->ace, &t->entry->acl->aces[i == 0]);
	}
	assert_null(hf_tunnel_find(list, n, ike->connections[0].children[1].tunnel + 1));
	assert_null(hf_tunnel_find(list, 0, list[0].number));
	free(list);
	ike_config_free(ike);
	config_free(cfg);
}

/* The hash of both lines is 1307991154; a line that is there twice is one line. */
static void two_lines_with_one_number_are_refused(void **state)
{
	char with[4096];
	static const char line[] =
		"access-list A extended permit ip 198.51.100.0 255.255.255.0 host %s\n";
	static const char *const second[] = { "10.3.255.60", "10.0.168.132" };
	struct ike_config *ike;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const char *rest = strstr(text, "access-list B");
		int len = snprintf(with, sizeof(with), "%.*s", (int)(rest - text), text);
		len += snprintf(with + len, sizeof(with) - (size_t)len, line, "10.0.168.132");
		len += snprintf(with + len, sizeof(with) - (size_t)len, line, second[i]);
		snprintf(with + len, sizeof(with) - (size_t)len, "%s", rest);
		struct config *cfg = parse_text(with);
		assert_int_equal(core_translate_ike(cfg, 1, &ike), i == 0 ? R_CONFIG : R_OK);
		if (i == 1)
			ike_config_free(ike);
		config_free(cfg);
	}
}

/* SHA-1 is a word of the ASA that the datapath does not know: a peer must not be able to pick it. */
static void what_the_datapath_cannot_carry_is_not_offered(void **state)
{
	struct config *cfg = parse_with(
		" protocol esp encryption aes-gcm-256 aes-gcm\n protocol esp integrity null\n",
		" protocol esp encryption aes-256 aes-gcm\n protocol esp integrity sha-1 sha-256\n");
	struct ike_config *ike;

	(void)state;
	assert_int_equal(core_translate_ike(cfg, 1, &ike), R_OK);
	const struct ike_esp_proposal *p = &ike->connections[0].children[0].proposals[0];
	assert_int_equal(p->n_encr, 2);
	assert_int_equal(p->n_integ, 1);
	assert_int_equal(p->integ[0], AUTH_HMAC_SHA2_256_128);
	ike_config_free(ike);
	config_free(cfg);
}

static void a_share_of_one_is_one(void **state)
{
	struct config *cfg = parse_with("crypto ikev2 enable outside\n",
					"crypto ikev2 enable outside\n"
					"crypto ikev2 limit max-sa 1\n"
					"crypto ikev2 limit max-in-negotiation-sa 50\n");
	struct ike_config *ike;

	(void)state;
	assert_int_equal(core_translate_ike(cfg, 1, &ike), R_OK);
	assert_int_equal(ike->max_sa, 1);
	assert_int_equal(ike->half_open_max, 1);
	ike_config_free(ike);
	config_free(cfg);
}

#define SECOND_FAILOVER_GROUP \
	"failover\nfailover lan unit primary\nfailover key k\nfailover group 1\nfailover group 2\n" \
	"interface eth2\n nameif second\n join-failover-group 2\n" \
	" ip address 192.0.2.129 255.255.255.0\ncrypto ikev2 enable second\n" \
	"access-list C extended permit ip 198.51.100.0 255.255.255.0 198.19.0.0 255.255.0.0\n" \
	"crypto map N 10 match address C\ncrypto map N 10 set peer 192.0.2.3\n" \
	"crypto map N 10 set ikev2 ipsec-proposal P\ncrypto map N interface second\n" \
	"tunnel-group 192.0.2.3 type ipsec-l2l\ntunnel-group 192.0.2.3 ipsec-attributes\n" \
	" ikev2 local-authentication pre-shared-key a\n" \
	" ikev2 remote-authentication pre-shared-key b\n"

static void assert_line(const struct text *t, const char *line)
{
	if (!strstr(t->p, line))
		fail_msg("no %s in %s", line, t->p);
}

/* R14: a crypto map is its interface's group's, in every view of it. */
static void a_failover_group_has_the_maps_of_its_interfaces(void **state)
{
	struct config *cfg;
	struct ike_config *one = with(SECOND_FAILOVER_GROUP, &cfg), *two;
	struct esp_policy *policies;
	struct text out = { 0 };
	size_t n;

	(void)state;
	assert_int_equal(core_translate_ike(cfg, 2, &two), R_OK);
	assert_int_equal(one->n_connections, 1);
	assert_string_equal(one->connections[0].name, "192.0.2.2");
	assert_int_equal(one->n_maps, 2);
	assert_int_equal(two->n_connections, 1);
	assert_string_equal(two->connections[0].name, "192.0.2.3");
	assert_int_equal(two->n_maps, 1);
	ike_config_free(one);
	ike_config_free(two);
	assert_int_equal(core_translate_spd(cfg, 1, &policies, &n), R_OK);
	assert_int_equal(n, 3);
	free(policies);
	assert_int_equal(core_translate_spd(cfg, 2, &policies, &n), R_OK);
	assert_int_equal(n, 1);
	assert_int_equal(policies[0].group, 2);
	free(policies);
	plain_table_text(cfg, &out);
	assert_line(&out, "\tchain protect {\n\t\tmeta mark set 0x48460001 accept\n");
	assert_line(&out, "\tchain protect2 {\n\t\tmeta mark set 0x48460101 accept\n");
	assert_line(&out, "ip daddr 198.18.0.0/16 ip saddr 198.51.100.0/24 goto protect\n");
	assert_line(&out, "ip daddr 198.19.0.0/16 ip saddr 198.51.100.0/24 goto protect2\n");
	assert_line(&out, "\t\tiifname { \"lo\", \"hf0\", \"hf3\" } accept\n");
	assert_line(&out, "\t\toifname { \"lo\", \"hf0\", \"hf3\" } accept\n");
	assert_line(&out, "\t\tmeta mark 0x48460001 goto clear_out\n"
			  "\t\tmeta mark 0x48460101 goto clear_out\n");
	assert_line(&out, "\t\tiifname \"hf3\" tcp flags syn");
	text_free(&out);
	config_free(cfg);
}

/* Processor time, best of three. */
static clock_t translated_in(size_t entries)
{
	enum { LINE = 300 };
	char *whole = malloc(sizeof(text) + entries * LINE);
	size_t len = sizeof(text) - 1;
	clock_t best = 0;

	assert_non_null(whole);
	memcpy(whole, text, sizeof(text));
	for (int i = 0; i < (int)entries; i++)
		len += (size_t)snprintf(
			whole + len, LINE,
			"access-list A%d extended permit ip any 10.%d.%d.0 255.255.255.0\n"
			"crypto map M %d match address A%d\ncrypto map M %d set peer 192.0.2.2\n"
			"crypto map M %d set ikev2 ipsec-proposal P\n",
			i, i / 256, i % 256, 100 + i, i, 100 + i, 100 + i);
	struct config *cfg = parse_text(whole);
	for (int i = 0; i < 3; i++) {
		struct ike_config *ike;
		const clock_t from = clock();
		assert_int_equal(core_translate_ike(cfg, 1, &ike), R_OK);
		const clock_t took = clock() - from;
		best = i == 0 || took < best ? took : best;
		assert_int_equal(ike->n_connections, 1);
		assert_int_equal(ike->n_maps, entries + 2);
		assert_true(ike->maps[0].digest == ike->maps[entries + 1].digest);
		ike_config_free(ike);
	}
	config_free(cfg);
	free(whole);
	return best;
}

/* What is the same for all entries is made once: ten times as many cost nothing like a hundred. */
static void many_entries_cost_no_more_each_than_few(void **state)
{
	(void)state;
	const clock_t few = translated_in(400);
	const clock_t many = translated_in(4000);
	assert_in_range(many, 0, 35 * (few + CLOCKS_PER_SEC / 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_one_peer_are_one_connection),
		cmocka_unit_test(each_peer_of_an_entry_has_its_own_tunnel_group),
		cmocka_unit_test(retransmissions_are_those_of_the_configuration),
		cmocka_unit_test(a_peer_without_tunnel_group_has_no_connection),
		cmocka_unit_test(the_digest_is_that_of_the_crypto_map),
		cmocka_unit_test(a_deny_line_is_a_bypass_of_its_entry_only),
		cmocka_unit_test(a_tunnel_number_leads_back_to_its_line),
		cmocka_unit_test(two_lines_with_one_number_are_refused),
		cmocka_unit_test(what_the_datapath_cannot_carry_is_not_offered),
		cmocka_unit_test(a_share_of_one_is_one),
		cmocka_unit_test(a_failover_group_has_the_maps_of_its_interfaces),
		cmocka_unit_test(many_entries_cost_no_more_each_than_few),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
