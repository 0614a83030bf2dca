/* SPDX-License-Identifier: Apache-2.0 */
/* From text to the model and back: samples, defaults, round trips, the digest,
 * every truncation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/iana.h"
#include "node/config/tests/fixtures.h"

#define SAMPLE            "etc/holdfast.conf.sample"
#define PASTE             "node/config/tests/asa-paste.txt"
#define PASTE_RUNNING     "node/config/tests/asa-paste.running"
#define PASTE_DIAGNOSTICS "node/config/tests/asa-paste.diagnostics"

static struct text slurp(const char *path)
{
	struct text t = { 0 };
	char piece[4096];
	size_t n;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		text_append(&t, bytes(piece, n));
	fclose(f);
	return t;
}

static void assert_key(const struct secret *key, const char *wanted)
{
	assert_int_equal(key->len, strlen(wanted));
	assert_memory_equal(key->data, wanted, key->len);
}

static void the_twenty_line_sample_gives_one_active_tunnel(void **state)
{
	struct text text = slurp(SAMPLE);
	struct config *cfg = parse(text_string(&text));
	(void)state;
	assert_string_equal(cfg->hostname, "vpn1");
	assert_true(cfg->failover.enabled);
	assert_int_equal(cfg->failover.slot, 1);
	assert_int_equal(cfg->failover.key.len, 32);
	assert_int_equal(cfg->failover.deadline_ms, 2000);
	assert_int_equal(cfg->failover.n_groups, 1);
	assert_int_equal(cfg->failover.groups[0].id, 1);
	assert_int_equal(cfg->n_map_entries, 1);
	const struct config_map_entry *e = &cfg->map_entries[0];
	assert_true(e->active);
	assert_null(e->inactive_why);
	assert_ptr_equal(e->interface, &cfg->interfaces[0]);
	assert_address(&e->interface->address, "192.0.2.1");
	assert_int_equal(e->n_peers, 1);
	assert_address(&e->peers[0].address, "192.0.2.9");
	assert_ptr_equal(e->peers[0].group, &cfg->tunnel_groups[0]);
	assert_key(&cfg->tunnel_groups[0].remote_key, "what-they-prove-themselves-with");
	assert_key(&cfg->tunnel_groups[0].local_key, "what-we-prove-ourselves-with");
	assert_int_equal(e->lifetime_s, 28800);
	assert_int_equal(e->lifetime_kb, 4608000);
	assert_int_equal(e->pfs_group, DH_NONE);
	assert_int_equal(e->acl->n_aces, 1);
	assert_true(e->acl->aces[0].permit);
	assert_address(&e->acl->aces[0].source.prefix.addr, "198.51.100.0");
	assert_int_equal(e->acl->aces[0].destination.prefix.len, 24);
	assert_int_equal(e->proposals[0]->encr[0].id, ENCR_AES_GCM_16);
	assert_int_equal(e->proposals[0]->encr[0].key_bits, 256);
	assert_int_equal(cfg->ike_policies[0].encr[0].id, ENCR_AES_CBC);
	assert_int_equal(cfg->ike_policies[0].integ[0], AUTH_HMAC_SHA2_256_128);
	assert_int_equal(cfg->ike_policies[0].prf[0], PRF_HMAC_SHA2_256);
	assert_int_equal(cfg->ike_policies[0].group[0], DH_MODP_2048);
	assert_int_equal(cfg->ike_policies[0].lifetime_s, 86400);
	config_free(cfg);
	text_free(&text);
}

static void a_pasted_running_config_is_understood_as_its_golden_files_say(void **state)
{
	struct text text = slurp(PASTE), wanted = slurp(PASTE_RUNNING),
		    remarks = slurp(PASTE_DIAGNOSTICS);
	struct text got_remarks = { 0 };
	struct diagnostics diag;
	struct config *cfg;
	(void)state;
	assert_int_equal(config_parse(bytes(text.p, text.len), "asa", &cfg, &diag), R_OK);
	struct text got = running(cfg, true);
	for (size_t i = 0; i < diag.n; i++) {
		char line[DIAGNOSTIC_LINE_MAX];
		text_printf(&got_remarks, "%s\n", diagnostics_line(&diag, i, line));
	}
	if (getenv("HF_WRITE_GOLDEN")) {
		FILE *f = fopen(PASTE_RUNNING, "w");
		fputs(text_string(&got), f);
		fclose(f);
		f = fopen(PASTE_DIAGNOSTICS, "w");
		fputs(text_string(&got_remarks), f);
		fclose(f);
	} else {
		assert_string_equal(text_string(&got), text_string(&wanted));
		assert_string_equal(text_string(&got_remarks), text_string(&remarks));
	}
	/* What golden text cannot show. */
	assert_address(&cfg->map_entries[0].peers[0].address, "203.0.113.77");
	assert_int_equal(cfg->map_entries[0].lifetime_kb, 1000000);
	assert_int_equal(cfg->map_entries[1].lifetime_kb, 0);
	assert_int_equal(cfg->map_entries[0].acl->aces[0].destination.prefix.len, 26);
	config_free(cfg);
	text_free(&text);
	text_free(&wanted);
	text_free(&remarks);
	text_free(&got);
	text_free(&got_remarks);
}

/* Everything that has a line of its own, away from its default. */
#define KEY_B "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const char everything[] =
	"hostname node7\nnames\nname 203.0.113.7 Seven\ncrypto weak-algorithms allow\ncrypto engine workers 3\n"
	"logging enable\nlogging id-style native\n"
	"interface eth0\n shutdown\n nameif outside\n security-level 0\n"
	" ip address 192.0.2.1 255.255.255.0 standby 192.0.2.2\n speed 1000\n"
	"interface eth1\n nameif inside\ninterface eth1.7\n nameif vlan\ninterface eth1.8\n nameif vlan8\n"
	"object network net\n subnet 198.51.100.0 255.255.255.0\n nat (inside,outside) dynamic interface\n"
	"object network host\n host 203.0.113.8\n"
	"access-list A remark first\naccess-list A extended permit ip object net object host\n"
	"access-list A extended deny ip any4 host Seven\naccess-list A extended permit ip any 198.18.0.0 255.254.0.0\n"
	"access-list B extended permit tcp any any eq www\n"
	"failover\nfailover lan unit secondary\nfailover slot 9\nfailover cluster-name north\nfailover key pass-phrase\n"
	"failover takeover fenced\nfailover empty-start after 60\n"
	"failover commit-timeout 900\nfailover deadline 2500\nfailover allow-unencrypted-corosync\n"
	"failover snapshot-channel port 5000\nfailover snapshot-channel key-file /etc/holdfast/key\n"
	"failover snapshot-channel member 9 public-key " KEY_A "\n"
	"failover snapshot-channel member 1 public-key " KEY_B "\n"
	"failover inbound-policy strict\nfailover group 2\n secondary\n preempt 120\nfailover group 1\n primary\n preempt\n"
	"monitor-interface outside\nmonitor-interface vlan\nno monitor-interface inside\n"
	"failover interface-policy 60%\nfailover polltime interface msec 700 holdtime 9\n"
	"failover polltime link-state msec 450\n"
	"route outside 0 0 192.0.2.254\nroute outside 198.18.0.0 255.255.0.0 192.0.2.253 7\n"
	"sysopt connection tcpmss 1350\n"
	"crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes-gcm aes-192\n protocol esp integrity sha-512 null\n"
	"crypto ipsec security-association lifetime seconds 3600\n"
	"crypto ipsec security-association lifetime kilobytes unlimited\n"
	"crypto ipsec security-association replay window-size 512\n"
	"crypto map M 20 match address A\ncrypto map M 20 set peer Seven 203.0.113.9\n"
	"crypto map M 20 set ikev2 ipsec-proposal P Q\ncrypto map M 20 set pfs group24\n"
	"crypto map M 20 set security-association lifetime kilobytes 5000 seconds 700\n"
	"crypto map M 21 set peer 192.0.2.11 192.0.2.12 192.0.2.13 192.0.2.14 192.0.2.15 192.0.2.16 192.0.2.17\n"
	"crypto map M 21 set peer 192.0.2.18 192.0.2.19 192.0.2.20\ncrypto ikev2 sa-init-retransmit 0 interval 300\n"
	"crypto ikev2 retransmit 2 interval 400\n"
	"crypto map M 20 set connection-type answer-only\ncrypto map M 20 set nat-t-disable\n"
	"crypto map M 3 set security-association lifetime kilobytes unlimited\n"
	"crypto map M 3 set ikev1 transform-set OLD\n"
	"crypto map M interface outside\n"
	"crypto ikev2 policy 20\n lifetime seconds none\n group 31 2\n"
	"crypto ikev2 policy 3\n encryption aes-gcm-192\n integrity null\n prf sha512 sha\n lifetime seconds 10\n"
	"crypto isakmp identity key-id gate-way\ncrypto isakmp disconnect-notify\nno crypto isakmp nat-traversal\n"
	"crypto ikev2 enable outside\ncrypto ikev2 cookie-challenge never\ncrypto ikev2 limit max-sa 5\n"
	"crypto ikev2 limit max-in-negotiation-sa 30\n"
	"tunnel-group Seven type ipsec-l2l\ntunnel-group Seven ipsec-attributes\n"
	" ikev2 local-authentication pre-shared-key hex 00ff10\n ikev2 remote-authentication pre-shared-key hex\n"
	" isakmp keepalive disable\n peer-id-validate nocheck\n ikev1 pre-shared-key old\n"
	"tunnel-group branch.example.com type ipsec-l2l\ntunnel-group branch.example.com ipsec-attributes\n"
	" ikev2 local-authentication pre-shared-key 0 a\n ikev2 remote-authentication pre-shared-key b\n"
	" isakmp keepalive threshold infinite\n"
	"tunnel-group DefaultL2LGroup ipsec-attributes\n isakmp keepalive threshold 20 retry 5\n"
	"policy-map P\n class C\n";

static void assert_round_trip(const char *text)
{
	struct config *first = parse(text);
	struct text once = running(first, false);
	struct config *second = parse(text_string(&once));
	struct text twice = running(second, false);
	assert_string_equal(text_string(&twice), text_string(&once));
	assert_string_equal(second->digest, first->digest);
	assert_int_equal(second->n_kept, first->n_kept);
	config_free(first);
	config_free(second);
	text_free(&once);
	text_free(&twice);
}

static void a_further_unit_has_its_number_as_its_slot(void **state)
{
	static const char text[] = "failover\nfailover lan unit member 3\nfailover key k\n"
				   "failover group 1\n member 5\n preempt\n";
	struct config *cfg = parse(text);
	(void)state;
	assert_int_equal(cfg->failover.unit, 3);
	assert_int_equal(cfg->failover.slot, 3);
	assert_int_equal(cfg->failover.groups[0].prefer, 5);
	struct text out = running(cfg, false);
	assert_non_null(strstr(text_string(&out), "\nfailover lan unit member 3\n"));
	assert_non_null(strstr(text_string(&out), "\n member 5\n"));
	text_free(&out);
	config_free(cfg);
	assert_round_trip(text);
}

static void an_interface_says_which_group_owns_it(void **state)
{
	static const char text[] =
		"failover\nfailover lan unit primary\nfailover key k\nfailover group 7\nfailover group 1\n"
		"interface eth0\n nameif a\n ip address 192.0.2.1 255.255.255.0\n"
		"interface eth1\n nameif b\n join-failover-group 7\n"
		" ip address 198.51.100.1 255.255.255.0\n";
	struct config *cfg = parse(text);
	uint8_t ids[CONFIG_GROUPS_MAX];
	(void)state;
	assert_int_equal(config_group_ids(cfg, ids), 2);
	assert_int_equal(ids[0], 1);
	assert_int_equal(ids[1], 7);
	assert_int_equal(cfg->interfaces[0].failover_group, 1);
	assert_int_equal(cfg->interfaces[1].failover_group, 7);
	assert_round_trip(text);
	config_free(cfg);
	cfg = parse("failover group 3\n");
	assert_int_equal(config_group_ids(cfg, ids), 1); /* failover is off */
	assert_int_equal(ids[0], 1);
	config_free(cfg);
}

static void pacemaker_decides_for_one_group(void **state)
{
	static const char text[] =
		"failover\nfailover lan unit primary\nfailover key k\nfailover role-manager pacemaker\n";
	struct config *cfg = parse(text);
	(void)state;
	assert_int_equal(cfg->failover.role_manager, ROLE_MANAGER_PACEMAKER);
	assert_round_trip(text);
	config_free(cfg);
}

static void an_unmasked_running_config_parses_to_an_equal_configuration(void **state)
{
	struct text sample = slurp(SAMPLE), paste = slurp(PASTE);
	(void)state;
	assert_round_trip(text_string(&sample));
	assert_round_trip(text_string(&paste));
	assert_round_trip(everything);
	assert_round_trip("");
	text_free(&sample);
	text_free(&paste);
}

static void every_value_reaches_the_model(void **state)
{
	struct config *cfg = parse(everything);
	const struct config_failover *f = &cfg->failover;
	(void)state;
	assert_true(cfg->weak_algorithms);
	assert_int_equal(cfg->workers, 3);
	assert_true(cfg->logging);
	assert_false(cfg->log_id_asa);
	assert_true(cfg->interfaces[0].shutdown);
	assert_int_equal(cfg->interfaces[1].security_level, -1);
	assert_address(&cfg->interfaces[0].standby, "192.0.2.2");
	assert_int_equal(f->unit, UNIT_SECONDARY);
	assert_int_equal(f->slot, 9);
	assert_string_equal(f->cluster_name, "north");
	assert_key(&f->key, "pass-phrase");
	assert_false(f->key_hex);
	assert_int_equal(f->role_manager, ROLE_MANAGER_INTERNAL);
	assert_int_equal(f->takeover, TAKEOVER_FENCED);
	assert_int_equal(f->empty_start, EMPTY_START_AFTER);
	assert_int_equal(f->empty_start_s, 60);
	assert_int_equal(f->commit_timeout_ms, 900);
	assert_int_equal(f->deadline_ms, 2500);
	assert_true(f->allow_unencrypted_corosync);
	assert_int_equal(f->inbound, INBOUND_STRICT);
	assert_int_equal(f->channel.port, 5000);
	assert_string_equal(f->channel.key_file, "/etc/holdfast/key");
	assert_true(f->channel.members[1].known && f->channel.members[9].known);
	assert_false(f->channel.members[2].known);
	assert_int_equal(f->channel.members[9].key[1], 0x11);
	assert_int_equal(f->channel.members[1].key[31], 0xff);
	assert_int_equal(f->n_groups, 2);
	assert_int_equal(f->groups[0].id, 1);
	assert_int_equal(f->groups[1].prefer, UNIT_SECONDARY);
	assert_true(f->groups[0].preempt);
	assert_int_equal(f->groups[0].preempt_s, 0);
	assert_true(f->groups[1].preempt);
	assert_int_equal(f->groups[1].preempt_s, 120);
	assert_int_equal(cfg->monitoring.policy, 60);
	assert_true(cfg->monitoring.percent);
	assert_int_equal(cfg->monitoring.poll_ms, 700);
	assert_int_equal(cfg->monitoring.hold_s, 9);
	assert_int_equal(cfg->monitoring.link_state_ms, 450);
	assert_int_equal(cfg->n_routes, 2);
	assert_int_equal(cfg->routes[1].metric, 7);
	assert_int_equal(cfg->tcpmss, 1350);
	assert_int_equal(cfg->replay_window, 512);
	assert_int_equal(cfg->cookie_percent, CONFIG_COOKIE_NEVER);
	assert_int_equal(cfg->max_sa, 5);
	assert_int_equal(cfg->max_negotiating_percent, 30);
	assert_string_equal(cfg->key_id, "gate-way");
	assert_true(cfg->disconnect_notify);
	assert_false(cfg->nat_traversal);
	/* Sorted: policies by priority, entries by sequence number. */
	assert_int_equal(cfg->ike_policies[0].priority, 3);
	assert_int_equal(cfg->ike_policies[0].prf[1], PRF_HMAC_SHA1);
	assert_int_equal(cfg->ike_policies[1].lifetime_s, 0);
	assert_int_equal(cfg->ike_policies[1].group[0], DH_CURVE25519);
	assert_int_equal(cfg->map_entries[0].seq, 3);
	assert_int_equal(cfg->map_entries[0].lifetime_s, 3600);
	assert_int_equal(cfg->map_entries[0].lifetime_kb, 0);
	const struct config_map_entry *e = &cfg->map_entries[1];
	assert_int_equal(e->lifetime_kb, 5000);
	assert_int_equal(e->lifetime_s, 700);
	assert_int_equal(e->n_peers, 2);
	assert_address(&e->peers[0].address, "203.0.113.7");
	assert_string_equal(e->peers[0].group->name, "Seven");
	assert_null(e->peers[1].group);
	assert_int_equal(e->connection_type, CONNECTION_ANSWER_ONLY);
	assert_true(e->nat_t_disable);
	assert_non_null(e->proposals[0]);
	assert_null(e->proposals[1]);
	assert_false(e->active);
	assert_false(e->acl->aces[1].permit);
	assert_address(&e->acl->aces[1].destination.prefix.addr, "203.0.113.7");
	const struct config_tunnel_group *g = config_tunnel_group_by_name(cfg, "Seven");
	assert_int_equal(g->local_key.len, 3);
	assert_memory_equal(g->local_key.data, "\x00\xff\x10", 3);
	assert_key(&g->remote_key, "hex");
	assert_false(g->keepalive);
	assert_int_equal(g->peer_id_validate, PEER_ID_NOCHECK);
	g = config_tunnel_group_by_name(cfg, "branch.example.com");
	assert_true(g->keepalive);
	assert_int_equal(g->keepalive_threshold_s, 0);
	config_free(cfg);
}

static void a_peer_is_found_by_identity_by_address_and_by_default(void **state)
{
	struct config *cfg = parse(everything);
	const struct inet_addr seven = inet_v4(0xcb007107);
	(void)state;
	const struct config_tunnel_group *branch = config_tunnel_group_by_name(
		cfg, "branch.example.com");
	struct bytes name = bytes("branch.example.com", 18);
	assert_ptr_equal(config_tunnel_group_by_identity(cfg, ID_FQDN, name), branch);
	assert_ptr_equal(config_tunnel_group_by_identity(cfg, ID_KEY_ID, name), branch);
	assert_null(config_tunnel_group_by_identity(cfg, ID_DER_ASN1_DN, name));
	assert_null(config_tunnel_group_by_identity(cfg, ID_FQDN, bytes("branch.example.co", 17)));
	assert_null(config_tunnel_group_by_identity(cfg, ID_FQDN, bytes("DefaultL2LGroup", 15)));
	assert_string_equal(
		config_tunnel_group_by_identity(cfg, ID_IPV4_ADDR, bytes(seven.a, 4))->name,
		"Seven");
	assert_null(config_tunnel_group_by_identity(cfg, ID_IPV6_ADDR, bytes(seven.a, 4)));
	assert_null(config_tunnel_group_by_identity(cfg, ID_IPV4_ADDR, bytes(seven.a, 3)));
	assert_string_equal(config_tunnel_group_by_address(cfg, &seven)->name, "Seven");
	assert_string_equal(config_tunnel_group_default(cfg)->name, "DefaultL2LGroup");
	config_free(cfg);
}

/* Physical interfaces with a nameif unless told not to, subinterfaces only when told to. */
/* Many that are not monitored come first, and then more than can be. */
static void monitored_links_are_not_lost_among_others(void **state)
{
	const struct config_interface *watched[CONFIG_MONITORED_MAX];
	struct text in = { 0 };
	struct diagnostics diag;
	struct config *cfg;
	(void)state;
	for (unsigned int i = 0; i < 20; i++)
		text_printf(&in, "interface eth0.%u\n nameif vlan%u\n", i, i);
	for (unsigned int i = 0; i < 3; i++)
		text_printf(&in, "interface eth%u\n nameif net%u\n", i, i);
	assert_int_equal(config_parse(bytes(in.p, in.len), "c", &cfg, &diag), R_OK);
	assert_int_equal(diag.warnings, 0);
	assert_int_equal(config_watched(cfg, watched), CONFIG_MONITORED_MAX);
	assert_string_equal(watched[0]->nameif, "vlan0");
	assert_string_equal(watched[12]->nameif, "vlan12");
	assert_string_equal(watched[13]->nameif, "net0");
	assert_string_equal(watched[15]->nameif, "net2");
	config_free(cfg);
	for (unsigned int i = 0; i < 14; i++)
		text_printf(&in, "monitor-interface vlan%u\n", i);
	assert_int_equal(config_parse(bytes(in.p, in.len), "c", &cfg, &diag), R_OK);
	assert_int_equal(diag.warnings, 1);
	assert_string_equal(
		diag.list[0].text,
		"interface eth2 is not monitored: expected 16 monitored interfaces at most; take others out with no monitor-interface");
	assert_int_equal(config_watched(cfg, watched), CONFIG_MONITORED_MAX);
	for (unsigned int i = 0; i < CONFIG_MONITORED_MAX; i++)
		assert_true(watched[i]->monitored);
	config_free(cfg);
	text_free(&in);
}

static void interfaces_are_monitored_as_on_the_asa(void **state)
{
	static const char lines[] =
		"interface eth0\n nameif a\ninterface eth1\n nameif b\ninterface eth1.7\n nameif c\n"
		"interface eth1.8\n nameif d\ninterface eth2\ninterface eth3\n nameif e\n shutdown\n"
		"interface br.lan\n nameif f\n"
		"no monitor-interface b\nmonitor-interface c\nno monitor-interface d\nmonitor-interface f\n";
	static const bool wanted[] = { true, false, true, false, false, false, true };
	struct config *cfg = parse(lines);
	struct text got = running(cfg, false);

	(void)state;
	assert_int_equal(cfg->n_interfaces, 7);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(cfg->interfaces[i].monitored, wanted[i]);
	/* What is so by default has no line. */
	assert_non_null(
		strstr(text_string(&got), "\nno monitor-interface b\nmonitor-interface c\n:"));
	text_free(&got);
	config_free(cfg);
	cfg = parse("interface eth0\n nameif a\nno monitor-interface a\nmonitor-interface a\n");
	assert_true(cfg->interfaces[0].monitored);
	assert_int_equal(cfg->monitoring.policy, 1);
	assert_int_equal(cfg->monitoring.poll_ms, 5000);
	assert_int_equal(cfg->monitoring.hold_s, 25);
	config_free(cfg);
}

static void mode_comes_from_the_grammar_and_not_from_indentation(void **state)
{
	static const char *const same[] = {
		"crypto ikev2 policy 1\n group 19\n prf sha384\ntunnel-group x type ipsec-l2l\n",
		"crypto ikev2 policy 1\ngroup 19\nprf sha384\ntunnel-group x type ipsec-l2l\n",
		"  crypto ikev2 policy 1\n    group 19  \n    prf sha384\r\n  exit\n!\n  tunnel-group x type ipsec-l2l\r\n",
		"fw(config)# crypto ikev2 policy 1\nfw(config-ikev2-policy)# group 19\nfw(config-ikev2-policy)# prf sha384\n"
		"fw(config)# tunnel-group x type ipsec-l2l\nfw# show running-config\n",
		"cry ikev2 pol 1\n gr 19\n prf sha384\ntunnel-group x ty ipsec\n: end\n",
	};
	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct config *cfg = parse(same[i]), *first = parse(same[0]);
		assert_string_equal(cfg->digest, first->digest);
		config_free(cfg);
		config_free(first);
	}
}

static void the_digest_tells_pairs_apart_and_not_their_nodes(void **state)
{
	struct config *one = parse(
		"hostname a\nfailover lan unit primary\nfailover key k\nlogging enable\n");
	struct config *two = parse(
		"hostname b\nfailover slot 5\nfailover key k\nlogging enable\nbanner motd x\n");
	struct config *other = parse("hostname a\nfailover lan unit primary\nfailover key k\n");
	struct config *key = parse(
		"hostname a\nfailover lan unit primary\nfailover key l\nlogging enable\n");
	(void)state;
	assert_string_equal(one->digest, two->digest);
	assert_string_not_equal(one->digest, other->digest);
	assert_string_not_equal(one->digest, key->digest);
	assert_int_equal(strlen(one->digest), 64);
	config_free(one);
	config_free(two);
	config_free(other);
	config_free(key);
}

static void a_masked_running_config_holds_no_key(void **state)
{
	struct config *cfg = parse(
		"failover key phrase1\ntunnel-group x type ipsec-l2l\ntunnel-group x ipsec-attributes\n"
		" ikev2 local-authentication pre-shared-key phrase2\n"
		" ikev2 remote-authentication pre-shared-key hex aabbcc\n ikev1 pre-shared-key phrase3\n"
		"snmp-server community phrase4\nusername u password phrase5 privilege 15\n");
	struct text masked = running(cfg, true);
	(void)state;
	assert_null(strstr(text_string(&masked), "phrase"));
	assert_null(strstr(text_string(&masked), "aabbcc"));
	assert_non_null(strstr(text_string(&masked), "failover key *****\n"));
	assert_non_null(strstr(text_string(&masked), "pre-shared-key hex *****\n"));
	config_free(cfg);
	text_free(&masked);
}

/* Truncated anywhere and with any one byte changed, a parse ends in a configuration or in
 * errors. */
static void no_truncation_or_changed_byte_breaks_the_parser(void **state)
{
	size_t len = strlen(everything);
	char *copy = malloc(len);
	struct diagnostics diag;
	struct config *cfg;
	(void)state;
	assert_non_null(copy);
	for (size_t i = 0; i < 2 * len; i++) {
		memcpy(copy, everything, len);
		size_t use = i < len ? i : len;
		if (i >= len)
			copy[i - len] = (char)(copy[i - len] ^ (1 << i % 7));
		enum result res = config_parse(bytes(copy, use), "c", &cfg, &diag);
		assert_true(res == R_OK ? diag.errors == 0 && cfg
					: res == R_CONFIG && diag.errors > 0 && !cfg);
		config_free(cfg);
	}
	free(copy);
}

/* "no" with the first words of any line, in the mode where the line stands, is taken
 * or refused in words. */
static void no_with_the_beginning_of_any_line_is_safe(void **state)
{
	struct diagnostics diag;
	struct config *cfg;
	(void)state;
	for (const char *line = everything; *line; line = strchr(line, '\n') + 1) {
		size_t len = strcspn(line, "\n");
		for (size_t end = 1; end <= len; end++) {
			struct text text = { 0 };
			if (line[end] != ' ' && line[end] != '\n')
				continue;
			text_append(&text, bytes(everything, (size_t)(line - everything) + len));
			text_printf(&text, "\nno %.*s\n", (int)end, line);
			enum result res = config_parse(bytes(text.p, text.len), "c", &cfg, &diag);
			assert_true(res == R_OK || (res == R_CONFIG && diag.errors > 0));
			config_free(cfg);
			text_free(&text);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_twenty_line_sample_gives_one_active_tunnel),
		cmocka_unit_test(a_pasted_running_config_is_understood_as_its_golden_files_say),
		cmocka_unit_test(a_further_unit_has_its_number_as_its_slot),
		cmocka_unit_test(an_interface_says_which_group_owns_it),
		cmocka_unit_test(pacemaker_decides_for_one_group),
		cmocka_unit_test(an_unmasked_running_config_parses_to_an_equal_configuration),
		cmocka_unit_test(every_value_reaches_the_model),
		cmocka_unit_test(a_peer_is_found_by_identity_by_address_and_by_default),
		cmocka_unit_test(interfaces_are_monitored_as_on_the_asa),
		cmocka_unit_test(monitored_links_are_not_lost_among_others),
		cmocka_unit_test(mode_comes_from_the_grammar_and_not_from_indentation),
		cmocka_unit_test(the_digest_tells_pairs_apart_and_not_their_nodes),
		cmocka_unit_test(a_masked_running_config_holds_no_key),
		cmocka_unit_test(no_truncation_or_changed_byte_breaks_the_parser),
		cmocka_unit_test(no_with_the_beginning_of_any_line_is_safe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
