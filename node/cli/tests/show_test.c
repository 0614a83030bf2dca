/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The show commands, byte by byte against golden files, and their JSON against
 * etc/show-json.schema.json. HF_WRITE_GOLDEN=1 writes the golden files anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/cli/commands.h"

#define GOLDEN "node/cli/tests/golden/"
#define SCHEMA "etc/show-json.schema.json"

/* --- what is shown: a pair of documentation addresses, every field different --- */

static struct inet_addr addr(const char *text)
{
	struct inet_addr a;
	assert_int_equal(inet_parse(text, &a), R_OK);
	return a;
}

static struct traffic_selector range(const char *first, const char *last)
{
	return (struct traffic_selector){ .start = addr(first),
					  .end = addr(last),
					  .port_end = 65535 };
}

static void set(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text);
}
#define SET(field, text) set((field), sizeof(field), (text))

static void fill_child(struct view_child *c)
{
	*c = (struct view_child){
		.spi_in = 0x1a2b3c4d,
		.spi_out = 0xc0ffee01,
		.local = range("198.51.100.0", "198.51.100.255"),
		.remote = range("203.0.113.0", "203.0.113.63"),
		.transforms = { ENCR_AES_GCM_16, 256, 0, true },
		.pfs_group = DH_ECP_256,
		.local_endpoint = { addr("192.0.2.1"), 500 },
		.remote_endpoint = { addr("192.0.2.9"), 500 },
		.initiator = true,
		.seq = 10,
		.conn_id = 4097,
		.active = true,
		.encaps_packets = 120934,
		.encaps_bytes = 98765432,
		.decaps_packets = 120931,
		.decaps_bytes = 87654321,
		.send_errors = 2,
		.recv_errors = 7,
		.replay_drops = 4,
		.auth_failures = 3,
		.path_mtu = 1500,
		.media_mtu = 1500,
		.lifetime_left_s = 27311,
		.in_lifetime_left_kb = 4522398,
		.out_lifetime_left_kb = 4511548,
		.replay_window = 1024,
		.replay_bitmap = 0xfffffffffffffffe,
		.in_highest_seq = 120940,
		.out_next_seq = 120935,
		.out_lease_end = 131072,
		.replay_exposure = 12,
		.birth_term = 3,
	};
	SET(c->interface, "outside");
	SET(c->crypto_map, "outside_map");
	SET(c->access_list,
	    "access-list SITE extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.192");
	SET(c->tunnel_group, "192.0.2.9");
}

/* Behind NAT, CBC, one UDP port, no kilobyte limit, held by a standby, another interface. */
static void fill_other_child(struct view_child *c)
{
	*c = (struct view_child){
		.spi_in = 0x20000100,
		.spi_out = 0x00000fff,
		.local = range("198.18.0.0", "198.19.255.255"),
		.remote = range("203.0.113.77", "203.0.113.78"),
		.transforms = { ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128, false },
		.nat_t = true,
		.local_endpoint = { addr("192.0.2.1"), 4500 },
		.remote_endpoint = { addr("203.0.113.5"), 61234 },
		.seq = 20,
		.conn_id = 4098,
		.path_mtu = 1400,
		.media_mtu = 1500,
		.lifetime_left_s = 60,
		.lifetime_kb_unlimited = true,
	};
	c->local.protocol = c->remote.protocol = 17;
	c->remote.port_start = c->remote.port_end = 53;
	SET(c->interface, "dmz");
	SET(c->crypto_map, "dmz_map");
}

static void fill_ike(struct view_ike *sa)
{
	*sa = (struct view_ike){
		.session_id = 1,
		.tunnel_id = 3686011,
		.local = { addr("192.0.2.1"), 500 },
		.remote = { addr("192.0.2.9"), 500 },
		.ready = true,
		.initiator = true,
		.encr = ENCR_AES_CBC,
		.key_bits = 256,
		.integ = AUTH_HMAC_SHA2_256_128,
		.prf = PRF_HMAC_SHA2_256,
		.dh = DH_MODP_2048,
		.lifetime_s = 86400,
		.active_s = 880,
		.spi_local = 0x297ef9ca996102a6,
		.spi_remote = 0x47088c8fb9f039ad,
		.local_req_id = 3,
		.remote_req_id = 12,
		.local_next_id = 4,
		.remote_next_id = 13,
		.local_queued = 1,
		.remote_queued = 0,
		.local_window = 1,
		.remote_window = 5,
		.dpd = true,
		.dpd_threshold_s = 10,
		.dpd_retry_s = 3,
		.birth_term = 3,
		.shard = 9,
	};
	SET(sa->status, "READY");
	SET(sa->status_description, "Negotiation done");
	SET(sa->auth_sign, "PSK");
	SET(sa->auth_verify, "PSK");
	SET(sa->local_id, "192.0.2.1");
	SET(sa->remote_id, "branch.example.com");
	SET(sa->tunnel_group, "branch.example.com");
}

static void fill_other_ike(struct view_ike *sa)
{
	fill_ike(sa);
	sa->session_id = 2;
	sa->tunnel_id = 7;
	sa->local.addr = addr("2001:db8:2:1::1");
	sa->remote = (struct inet_endpoint){ addr("2001:db8:2:1::2"), 4500 };
	sa->ready = sa->initiator = sa->dpd = false;
	sa->encr = ENCR_AES_GCM_16;
	sa->integ = AUTH_NONE;
	sa->dh = DH_CURVE25519;
	sa->nat_local = sa->nat_remote = true;
	sa->fragment_mtu = 1200;
	SET(sa->status, "IN-NEG");
	SET(sa->status_description, "Waiting for IKE_AUTH");
}

static enum result ops_ike(void *ctx, const struct inet_addr *peer, struct view_ike_list *out)
{
	(void)peer;
	if (*(bool *)ctx)
		return R_OK;
	fill_ike(view_ike_add(out));
	fill_child(view_ike_add_child(&out->list[0]));
	fill_other_child(view_ike_add_child(&out->list[0]));
	fill_other_ike(view_ike_add(out));
	return R_OK;
}

static enum result ops_child(void *ctx, const struct inet_addr *peer, struct view_child_list *out)
{
	if (*(bool *)ctx)
		return R_OK;
	fill_child(view_child_add(out));
	if (peer)
		return R_OK;
	fill_child(view_child_add(out));
	fill_other_child(view_child_add(out));
	return R_OK;
}

static void add_interface(struct view_host *h, const char *nameif, const char *address,
			  enum cl_link_state state)
{
	struct view_host_interface *ifc = &h->interfaces[h->n_interfaces++];
	SET(ifc->nameif, nameif);
	ifc->address = address ? addr(address) : (struct inet_addr){ 0 };
	ifc->state = state;
	ifc->monitored = true;
}

static void add_row(struct view_failover *v, const char *name, uint64_t xmit, uint64_t rcv)
{
	struct view_stateful *r = &v->rows[v->n_rows++];
	SET(r->name, name);
	r->xmit = xmit;
	r->rcv = rcv;
}

static void fill_hosts(struct view_failover *v)
{
	v->self = (struct view_host){ .slot = 1, .state = HOST_ACTIVE, .active_s = 30858 };
	SET(v->self.name, "vpn1");
	SET(v->self.version, "0.1.0");
	SET(v->self.config_digest, "aa");
	SET(v->self.failure, "HELLO not heard");
	v->self.failed_at = 1612435265;
	add_interface(&v->self, "outside", "192.0.2.1", CL_LINK_NORMAL);
	add_interface(&v->self, "inside", "198.51.100.1", CL_LINK_NO_LINK);
	add_interface(&v->self, "dmz", "203.0.113.1", CL_LINK_NORMAL);
	v->self.interfaces[2].monitored = false;
	add_interface(&v->self, "spare", NULL, CL_LINK_DOWN);
	v->self.interfaces[3].shutdown = true;
	v->self.interfaces[3].monitored = false;
	v->n_others = 2;
	v->others[0] = (struct view_host){
		.slot = 2, .unit = UNIT_SECONDARY, .state = HOST_STANDBY_READY, .is_protected = true
	};
	SET(v->others[0].name, "vpn2");
	SET(v->others[0].version, "0.1.1");
	SET(v->others[0].config_digest, "aa");
	add_interface(&v->others[0], "outside", NULL, CL_LINK_WAITING);
	add_interface(&v->others[0], "inside", "198.51.100.2", CL_LINK_DOWN);
	add_interface(&v->others[0], "dmz", "203.0.113.2", CL_LINK_FAILED);
	v->others[1] = (struct view_host){
		.slot = 3, .unit = 3, .state = HOST_SYNCING, .active_s = 4
	};
	SET(v->others[1].name, "vpn3");
	v->others[1].drained = true;
	SET(v->others[1].config_digest, "bb");
	SET(v->others[1].failure, "Comm Failure");
	v->others[1].failed_at = 1618658656;
}

static enum result ops_failover(void *ctx, uint8_t group, struct view_failover *v)
{
	(void)group;
	v->enabled = !*(bool *)ctx;
	v->heartbeat_ms = 100;
	v->deadline_ms = 2000;
	v->interface_poll_ms = 5000;
	v->interface_hold_s = 25;
	v->interface_policy = 50;
	v->interface_policy_percent = true;
	if (!v->enabled)
		return R_OK;
	fill_hosts(v);
	SET(v->cluster_name, "north");
	v->cluster_up = v->quorate = v->is_protected = v->heartbeat_seen = true;
	v->last_failover = 1618658657;
	add_row(v, "General", 31, 29);
	add_row(v, "VPN IKEv2 SA", 10, 2);
	add_row(v, "VPN IKEv2 P2", 20, 1);
	add_row(v, "VPN ESP SEQ", 1234567, 0);
	v->rows[0].xerr = 5;
	v->rows[0].rerr = 6;
	v->recv = (struct view_queue){ 0, 17, 29 };
	v->xmit = (struct view_queue){ 1, 18, 31 };
	v->group = 1;
	v->preferred_unit = UNIT_SECONDARY;
	v->members_expected = 3;
	v->preempt = true;
	v->preempt_s = 120;
	SET(v->state_trouble, "/var/lib/holdfast: no room");
	v->unfenced_node = 3;
	v->may_begin_empty = true;
	v->takeovers = 8;
	v->handovers = 9;
	v->term = 7;
	SET(v->role_manager, "internal");
	SET(v->last_takeover, "process down");
	v->last_takeover_ms = 38;
	v->heartbeat_age_ms = 45;
	v->log_position = 1200;
	v->acked_position = 1198;
	v->held = 2;
	v->unprotected_releases = 3;
	v->suspect_takeovers = 1;
	return R_OK;
}

static enum result ops_history(void *ctx, uint8_t group, struct view_failover_history *v)
{
	(void)group;
	if (*(bool *)ctx)
		return R_OK;
	v->n = 3;
	v->list[0] = (struct view_state_change){ .at = 1612435265 };
	SET(v->list[0].from, "Not Detected");
	SET(v->list[0].to, "Negotiation");
	SET(v->list[0].reason, "member of the cluster");
	v->list[1] = (struct view_state_change){ .at = 1612435266, .term = 6 };
	SET(v->list[1].from, "Negotiation");
	SET(v->list[1].to, "Standby Ready");
	SET(v->list[1].reason, "state is complete");
	v->list[2] = (struct view_state_change){ .at = 1618658657, .term = 7 };
	SET(v->list[2].from, "Standby Ready");
	SET(v->list[2].to, "Just Active");
	SET(v->list[2].reason, "owner left");
	return R_OK;
}

static void add_message(struct view_failover_statistics *v, const char *name, uint64_t tx,
			uint64_t rx)
{
	struct view_message_count *m = &v->messages[v->n_messages++];
	SET(m->name, name);
	m->tx = tx;
	m->rx = rx;
}

static enum result ops_statistics(void *ctx, struct view_failover_statistics *v)
{
	if (*(bool *)ctx)
		return R_OK;
	add_message(v, "hello", 11, 12);
	add_message(v, "handover_request", 13, 14);
	v->bytes_tx = 12345678901;
	v->bytes_rx = 22345678901;
	assert_true(view_counter_add(&v->refused, "", "INTEGRITY", 15));
	assert_true(view_counter_add(&v->counters, "", "resyncs", 0));
	assert_true(view_counter_add(&v->counters, "", "leases_granted", 17));
	v->acks_measured = 1801;
	v->ack_p50_us = 310;
	v->ack_p99_us = 911;
	v->ack_max_us = 2101;
	return R_OK;
}

static enum result ops_target(void *ctx, const struct admin_target *to, uint8_t *slot,
			      char why[ADMIN_WHY_MAX])
{
	(void)ctx;
	if (to->kind == TARGET_MEMBER && strcmp(to->name, "vpn9") == 0) {
		snprintf(why, ADMIN_WHY_MAX, "no member is called vpn9");
		return R_NOT_FOUND;
	}
	*slot = to->kind == TARGET_ACTIVE ? 0 : 2;
	return R_OK;
}

static char asked[128];

static void ops_ask(void *ctx, uint8_t slot, const char *line, bool json, uint64_t ticket)
{
	(void)ctx;
	snprintf(asked, sizeof(asked), "%u %s %s %u", slot, line, json ? "json" : "text",
		 (unsigned int)ticket);
}

static enum result ops_version(void *ctx, struct view_version *v)
{
	(void)ctx;
	v->uptime_s = 86400 + 3 * 3600 + 59;
	v->workers = 4;
	SET(v->version, "0.1.0");
	SET(v->hostname, "vpn1");
	SET(v->openssl, "OpenSSL 3.0.15");
	SET(v->ipsec_mb, "1.3.0");
	SET(v->corosync, "3.1.7");
	return R_OK;
}

static enum result ops_counters(void *ctx, struct view_counter_list *l)
{
	(void)ctx;
	assert_true(view_counter_add(l, "ESP", "REPLAY", 4));
	assert_true(view_counter_add(l, "ESP", "SHORT", 0));
	assert_true(view_counter_add(l, "IKEV2", "NO_PROPOSAL", 12345678901));
	return R_OK;
}

static const char config_text[] = "failover key secret-phrase\n";

static const struct config *ops_config(void *ctx)
{
	static struct config *cfg;
	struct diagnostics diag;
	(void)ctx;
	config_free(cfg);
	cfg = NULL;
	if (config_parse(bytes(config_text, sizeof(config_text) - 1), "c", &cfg, &diag) != R_OK)
		return NULL;
	return cfg;
}

static const char map_text[] =
	"interface eth0\n nameif outside\n ip address 192.0.2.1 255.255.255.0\n"
	"access-list SITE extended permit ip 198.51.100.0 255.255.255.0 203.0.113.0 255.255.255.0\n"
	"access-list SITE extended deny ip host 198.51.100.9 any\n"
	"crypto ipsec ikev2 ipsec-proposal P\n protocol esp encryption aes-gcm-256\n"
	"crypto ipsec ikev2 ipsec-proposal Q\n protocol esp encryption aes-gcm\n"
	"crypto map OUT 10 match address SITE\n"
	"crypto map OUT 10 set peer 192.0.2.2 192.0.2.3 192.0.2.4\n"
	"crypto map OUT 10 set ikev2 ipsec-proposal P Q\n"
	"crypto map OUT 10 set ikev1 transform-set OLD\n"
	"crypto map OUT 10 set pfs group19\n"
	"crypto map OUT 10 set security-association lifetime seconds 3600\n"
	"crypto map OUT 20 set peer 192.0.2.5\n"
	"crypto map OUT 20 set security-association lifetime kilobytes unlimited\n"
	"crypto map OUT interface outside\n"
	"crypto ikev2 policy 1\n encryption aes-256\n"
	"crypto ikev2 enable outside\n"
	"tunnel-group 192.0.2.2 type ipsec-l2l\n"
	"tunnel-group 192.0.2.2 ipsec-attributes\n"
	" ikev2 local-authentication pre-shared-key a\n"
	" ikev2 remote-authentication pre-shared-key b\n";

static enum result ops_maps(void *ctx, const char *map, struct view_map_list *out)
{
	static struct config *cfg;
	static struct diagnostics diag;
	if (*(bool *)ctx || (map && strcmp(map, "OUT") != 0))
		return R_OK;
	config_free(cfg);
	cfg = NULL;
	assert_int_equal(config_parse(bytes(map_text, sizeof(map_text) - 1), "c", &cfg, &diag),
			 R_OK);
	*view_map_add(out) = (struct view_map){ .entry = &cfg->map_entries[0],
						.peer_index = 1,
						.generation = 7,
						.reason = "Peer not reachable" };
	*view_map_add(out) = (struct view_map){ .entry = &cfg->map_entries[1], .reason = "none" };
	return R_OK;
}

static enum result ops_initiate(void *ctx, const char *map, uint32_t seq, char why[ADMIN_WHY_MAX])
{
	if (*(bool *)ctx)
		snprintf(why, ADMIN_WHY_MAX, "crypto map %s %u does not exist", map, seq);
	return *(bool *)ctx ? R_NOT_FOUND : R_OK;
}

static enum result ops_clear(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
			     char why[ADMIN_WHY_MAX])
{
	if (*(bool *)ctx) {
		snprintf(why, ADMIN_WHY_MAX, "vpn2 is active: clear there");
		return R_NOT_OWNER;
	}
	*cleared = peer ? 1 : 2;
	return R_OK;
}

static enum result ops_active(void *ctx, bool active, uint8_t group, char why[ADMIN_WHY_MAX])
{
	(void)group;
	(void)why;
	(void)active;
	return *(bool *)ctx ? R_NOT_SYNCED : R_OK;
}

static enum result ops_drain(void *ctx, bool drained, bool *waits, char why[ADMIN_WHY_MAX])
{
	*waits = drained;
	if (*(bool *)ctx)
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
	return *(bool *)ctx ? R_CONFIG : R_OK;
}

static enum result ops_fenced(void *ctx, uint32_t node_id, char why[ADMIN_WHY_MAX])
{
	if (*(bool *)ctx)
		snprintf(why, ADMIN_WHY_MAX, "node %u: that node is a member now", node_id);
	return *(bool *)ctx ? R_NOT_FOUND : R_OK;
}

/* Nothing to show, nothing to do: set by a test. */
static bool bare;
static enum result ops_keygen(void *ctx, const char *file, uint8_t slot, struct view_keygen *out,
			      char why[ADMIN_WHY_MAX])
{
	if (*(const bool *)ctx) {
		snprintf(why, ADMIN_WHY_MAX, "%s exists and stays as it is", file);
		return R_EXISTS;
	}
	snprintf(out->file, sizeof(out->file), "%s", file);
	snprintf(out->public_key, sizeof(out->public_key), "%s",
		 "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
	out->slot = slot;
	return R_OK;
}

/* bare: nothing to write, and vpn2 refuses what it is sent. */
static enum result ops_write(void *ctx, bool standby, const struct admin_caller *caller,
			     struct view_write *out, char why[ADMIN_WHY_MAX])
{
	const bool held = *(const bool *)ctx;
	if (caller->ticket == 9)
		return R_AGAIN;
	if (caller->ticket == 8) {
		snprintf(why, ADMIN_WHY_MAX, "this unit is not active; run it on the active unit");
		return R_NOT_OWNER;
	}
	if (!standby) {
		snprintf(out->file, sizeof(out->file), "/etc/holdfast/holdfast.conf");
		snprintf(out->digest, sizeof(out->digest), "%s",
			 "38bd1e1a5ed0a9c36f3cb0d51b4a3e2c0123456789abcdef0123456789abcdef");
		out->written = !held;
		out->bytes = held ? 0 : 3255;
		out->took_ms = held ? 0 : 12;
	}
	out->pending = caller->remote;
	if (out->pending)
		return R_OK;
	out->n = 1;
	out->units[0] = (struct view_write_unit){ .name = "vpn2", .slot = 2, .ok = !held };
	if (held)
		snprintf(out->units[0].why, sizeof(out->units[0].why), "%s",
			 "keeps the configuration that it has: cannot write "
			 "/etc/holdfast/holdfast.conf.new: Read-only file system");
	return R_OK;
}

static const struct admin_ops ops = {
	.ctx = &bare,
	.ike_sas = ops_ike,
	.child_sas = ops_child,
	.failover = ops_failover,
	.version = ops_version,
	.counters = ops_counters,
	.config = ops_config,
	.clear_ike = ops_clear,
	.crypto_maps = ops_maps,
	.clear_children = ops_clear,
	.initiate = ops_initiate,
	.failover_active = ops_active,
	.node_drain = ops_drain,
	.node_fenced = ops_fenced,
	.failover_history = ops_history,
	.failover_statistics = ops_statistics,
	.exec_target = ops_target,
	.exec_ask = ops_ask,
	.keygen = ops_keygen,
	.write = ops_write,
};

/* --- golden files --- */

static struct text run(const char *line, bool json, enum admin_exit wanted)
{
	const struct admin_caller caller = { .json = json, .ticket = 5 };
	struct text out = { 0 };
	assert_int_equal(admin_run(&ops, line, &caller, &out), wanted);
	return out;
}

static void assert_golden(const char *name, const struct text *got)
{
	char path[128], piece[4096];
	struct text wanted = { 0 };
	size_t n;
	snprintf(path, sizeof(path), GOLDEN "%s", name);
	FILE *f = fopen(path, getenv("HF_WRITE_GOLDEN") ? "w+" : "r");
	assert_non_null(f);
	if (getenv("HF_WRITE_GOLDEN")) {
		fwrite(got->p, 1, got->len, f);
		rewind(f);
	}
	while ((n = fread(piece, 1, sizeof(piece), f)) > 0)
		text_append(&wanted, bytes(piece, n));
	fclose(f);
	assert_string_equal(text_string(got), text_string(&wanted));
	text_free(&wanted);
}

struct golden_case {
	const char *line;
	const char *name; /* of the golden file, ".txt" or ".json" follows */
	bool bare;
};

static const struct golden_case goldens[] = {
	{ "show crypto ikev2 sa", "ikev2-sa", false },
	{ "show crypto ikev2 sa detail", "ikev2-sa-detail", false },
	{ "show crypto ikev2 sa", "ikev2-sa-none", true },
	{ "show crypto ipsec sa", "ipsec-sa", false },
	{ "show crypto ipsec sa peer 192.0.2.9", "ipsec-sa-peer", false },
	{ "show crypto ipsec sa", "ipsec-sa-none", true },
	{ "show crypto map", "crypto-map", false },
	{ "show crypto map tag NONE", "crypto-map-none", false },
	{ "clear ipsec sa", "clear-ipsec", false },
	{ "initiate crypto map OUT 10", "initiate", false },
	{ "show failover", "failover", false },
	{ "show failover", "failover-off", true },
	{ "show failover group", "failover-group", false },
	{ "show failover group", "failover-group-off", true },
	{ "show monitor-interface", "monitor-interface", false },
	{ "show monitor-interface", "monitor-interface-off", true },
	{ "show failover state", "failover-state", false },
	{ "show failover state", "failover-state-off", true },
	{ "show failover history", "failover-history", false },
	{ "show failover history", "failover-history-none", true },
	{ "show failover statistics", "failover-statistics", false },
	{ "show failover statistics", "failover-statistics-none", true },
	{ "show version", "version", false },
	{ "show counters", "counters", false },
	{ "show running-config", "running-config", false },
	{ "clear crypto ikev2 sa", "clear", false },
	{ "cluster keygen /etc/holdfast/snapshot.key slot 2", "keygen", false },
	{ "write memory", "write-memory", false },
	{ "write memory", "write-memory-held", true },
	{ "write standby", "write-standby", false },
	{ "write standby", "write-standby-refused", true },
	{ "node drain", "node-drain", false },
	{ "node resume", "node-resume", false },
	{ "node fenced 4294967295", "node-fenced", false },
	{ "pacemaker print-config crm", "pacemaker-crm", false },
	{ "pacemaker print-config pcs", "pacemaker-pcs", false },
};

static void every_show_command_has_its_exact_text(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char name[64];
		bare = goldens[i].bare;
		struct text out = run(goldens[i].line, false, ADMIN_OK);
		snprintf(name, sizeof(name), "%s.txt", goldens[i].name);
		assert_golden(name, &out);
		text_free(&out);
	}
	bare = false;
}

/* --- JSON: the part of JSON Schema that our schema uses --- */

static bool valid(const json_t *root, const json_t *schema, const json_t *v);

static bool type_is(const char *type, const json_t *v)
{
	return strcmp(type, "object") == 0    ? json_is_object(v)
	       : strcmp(type, "array") == 0   ? json_is_array(v)
	       : strcmp(type, "string") == 0  ? json_is_string(v)
	       : strcmp(type, "integer") == 0 ? json_is_integer(v)
	       : strcmp(type, "number") == 0  ? json_is_number(v)
	       : strcmp(type, "boolean") == 0 ? json_is_boolean(v)
	       : strcmp(type, "null") == 0    ? json_is_null(v)
					      : false;
}

static bool type_valid(const json_t *types, const json_t *v)
{
	size_t i;
	json_t *t;
	if (json_is_string(types))
		return type_is(json_string_value(types), v);
	json_array_foreach(types, i, t) if (type_is(json_string_value(t), v)) return true;
	return types == NULL;
}

static bool object_valid(const json_t *root, const json_t *schema, const json_t *v)
{
	const json_t *properties = json_object_get(schema, "properties");
	const char *key;
	json_t *member, *name;
	size_t i;
	if (!json_is_object(v) || !properties)
		return true;
	json_array_foreach(json_object_get(schema, "required"), i,
			   name) if (!json_object_get(v, json_string_value(name))) return false;
	json_object_foreach((json_t *)v, key, member)
	{
		const json_t *sub = json_object_get(properties, key);
		if (!sub || !valid(root, sub, member)) {
			print_message("member %s\n", key);
			return false;
		}
	}
	const json_t *max = json_object_get(schema, "maxProperties");
	return !max || (json_int_t)json_object_size(v) <= json_integer_value(max);
}

static bool scalar_valid(const json_t *schema, const json_t *v)
{
	const json_t *list = json_object_get(schema, "enum"),
		     *minimum = json_object_get(schema, "minimum");
	const char *pattern = json_string_value(json_object_get(schema, "pattern"));
	size_t i;
	json_t *member;
	bool listed = list == NULL, matches = true;
	json_array_foreach(list, i, member) listed |= json_equal(member, v);
	if (pattern) {
		regex_t re;
		assert_int_equal(regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB), 0);
		matches = json_is_string(v) && regexec(&re, json_string_value(v), 0, NULL, 0) == 0;
		regfree(&re);
	}
	return listed && matches &&
	       (!minimum || json_integer_value(v) >= json_integer_value(minimum));
}

static bool valid(const json_t *root, const json_t *schema, const json_t *v)
{
	const char *ref = json_string_value(json_object_get(schema, "$ref"));
	const json_t *items = json_object_get(schema, "items");
	size_t i;
	json_t *member;
	if (ref) {
		const json_t *to = json_object_get(json_object_get(root, "definitions"),
						   strrchr(ref, '/') + 1);
		assert_non_null(to);
		return valid(root, to, v);
	}
	if (!type_valid(json_object_get(schema, "type"), v) || !object_valid(root, schema, v) ||
	    !scalar_valid(schema, v))
		return false;
	if (items && json_is_array(v))
		json_array_foreach(v, i, member) if (!valid(root, items, member)) return false;
	return true;
}

static json_t *load_schema(void)
{
	json_error_t error;
	json_t *schema = json_load_file(SCHEMA, 0, &error);
	assert_non_null(schema);
	return schema;
}

static void every_command_has_json_that_obeys_the_schema(void **state)
{
	json_t *schema = load_schema();
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		char name[64];
		json_error_t error;
		bare = goldens[i].bare;
		struct text out = run(goldens[i].line, true, ADMIN_OK);
		snprintf(name, sizeof(name), "%s.json", goldens[i].name);
		assert_golden(name, &out);
		json_t *v = json_loads(text_string(&out), 0, &error);
		assert_non_null(v);
		assert_true(valid(schema, schema, v));
		json_decref(v);
		text_free(&out);
	}
	bare = false;
	json_decref(schema);
}

static void the_schema_refuses_what_it_should(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{\"other\": 1}",
		"{\"cleared\": -1}",
		"{\"cleared\": \"1\"}",
		"{\"ikev2_sas\": [{}]}",
		"{\"cleared\": 1, \"error\": \"x\"}",
		"{\"failover\": {\"enabled\": true}}",
		"{\"failover_state\": {}}",
		"{\"failover_history\": [{\"from\": \"Active\"}]}",
		"{\"failover_statistics\": {\"tx\": 1}}",
		"{\"version\": {\"version\": 1}}",
	};
	json_t *schema = load_schema();
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json_error_t error;
		json_t *v = json_loads(wrong[i], 0, &error);
		assert_non_null(v);
		assert_false(valid(schema, schema, v));
		json_decref(v);
	}
	json_decref(schema);
}

/* Every number, address and name of a text is somewhere in the JSON of the same command. */
static bool is_value(const char *word)
{
	return strpbrk(word, "0123456789") != NULL;
}

/* Words of the ASA's shape that are no values, or that JSON has in another form. */
static bool is_shape(const char *word)
{
	static const char *const shape[] = {
		"IKEv2", "IKEv2,",  "={L2L",      "P2",         "2021", "24",    "28",
		"1172",  "0.0.0.0", "0x00000000", "0x00000001", "16",   "IKEv1", "group19",
	};
	for (size_t i = 0; i < sizeof(shape) / sizeof(shape[0]); i++)
		if (strcmp(word, shape[i]) == 0)
			return true;
	return false;
}

static bool found(const char *json, const char *word)
{
	char lower[128];
	size_t n = 0;
	word += strncmp(word, "0x", 2) == 0 ? 2 : 0;
	for (; word[n] && n + 1 < sizeof(lower); n++)
		lower[n] = (char)(word[n] >= 'A' && word[n] <= 'F' ? word[n] + 32 : word[n]);
	lower[n] = '\0';
	return strstr(json, word) || strstr(json, lower);
}

static void json_holds_every_value_of_the_text(void **state)
{
	size_t missing = 0;
	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		bare = goldens[i].bare;
		struct text text = run(goldens[i].line, false, ADMIN_OK),
			    json = run(goldens[i].line, true, ADMIN_OK);
		for (char *save, *w = strtok_r(text.p, " \n,()/:", &save); w;
		     w = strtok_r(NULL, " \n,()/:", &save))
			if (is_value(w) && !is_shape(w) && !found(text_string(&json), w)) {
				print_message("%s: %s is not in the JSON\n", goldens[i].line, w);
				missing++;
			}
		text_free(&text);
		text_free(&json);
	}
	bare = false;
	assert_int_equal(missing, 0);
}

/* --- the command table --- */

static void commands_may_be_abbreviated_and_wrong_ones_are_explained(void **state)
{
	(void)state;
	struct text full = run("show crypto ikev2 sa detail", false, ADMIN_OK),
		    brief = run("sh cry ikev2 sa det", false, ADMIN_OK);
	assert_string_equal(text_string(&full), text_string(&brief));
	text_free(&full);
	text_free(&brief);
	struct text out = run("show crypto ikev1 sa", false, ADMIN_USAGE);
	assert_string_equal(
		text_string(&out),
		"ERROR: 'ikev1' is not valid here: expected ikev2, ipsec or map (did you mean 'ikev2'?)\n");
	text_free(&out);
	out = run("show", true, ADMIN_USAGE);
	assert_string_equal(text_string(&out),
			    "{\n  \"error\": \"the line ends too early: expected crypto, failover, "
			    "monitor-interface, running-config, counters or version\"\n}\n");
	text_free(&out);
	out = run("", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "");
	text_free(&out);
	out = run("no show failover", false, ADMIN_USAGE);
	text_free(&out);
}

static void a_refused_action_says_why(void **state)
{
	(void)state;
	struct text out = run("clear crypto ikev2 sa peer 192.0.2.9", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "1 IKEv2 SA cleared\n");
	text_free(&out);
	out = run("no failover active", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "");
	text_free(&out);
	out = run("clear crypto ipsec sa peer 192.0.2.9", false, ADMIN_OK);
	assert_string_equal(text_string(&out), "1 IPsec SA cleared\n");
	text_free(&out);
	bare = true;
	out = run("initiate crypto map OUT 5", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: crypto map OUT 5 does not exist\n");
	text_free(&out);
	out = run("clear crypto ikev2 sa", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: vpn2 is active: clear there\n");
	text_free(&out);
	out = run("failover active", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: this node has no complete state\n");
	text_free(&out);
	out = run("node drain", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: failover is not configured\n");
	text_free(&out);
	out = run("no node drain", false, ADMIN_USAGE);
	text_free(&out);
	out = run("node fenced 2", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: node 2: that node is a member now\n");
	text_free(&out);
	out = run("node fenced 0", false, ADMIN_USAGE);
	text_free(&out);
	out = run("cluster keygen /k slot 1", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: /k exists and stays as it is\n");
	text_free(&out);
	bare = false;
}

static void write_memory_has_three_names(void **state)
{
	static const char *const others[] = { "write", "wr mem",
					      "copy running-config startup-config" };
	struct text memory = run("write memory", false, ADMIN_OK);
	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		struct text out = run(others[i], false, ADMIN_OK);
		assert_string_equal(text_string(&out), text_string(&memory));
		text_free(&out);
	}
	text_free(&memory);
	struct text out = run("write nothing", false, ADMIN_USAGE);
	assert_string_equal(
		text_string(&out),
		"ERROR: 'nothing' is not valid here: expected memory, the end of the line or standby\n");
	text_free(&out);
}

static void a_write_may_be_answered_later_or_not_be_ours(void **state)
{
	struct admin_caller caller = { .ticket = 9 };
	struct text out = { 0 };
	(void)state;
	assert_int_equal(admin_run(&ops, "write standby", &caller, &out), ADMIN_LATER);
	assert_string_equal(text_string(&out), "");
	caller.ticket = 8;
	assert_int_equal(admin_run(&ops, "write standby", &caller, &out), ADMIN_ERROR);
	assert_string_equal(text_string(&out),
			    "ERROR: this unit is not active; run it on the active unit\n");
	text_free(&out);
}

/* failover exec mate write memory: both forms say that it goes on. */
static void a_write_that_nobody_waits_for_says_so(void **state)
{
	static const char *const lines[] = { "write memory", "write standby" };
	struct admin_caller caller = { .remote = true };
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		struct text plain = { 0 }, out = { 0 };
		json_t *pending;
		caller.json = false;
		assert_int_equal(admin_run(&ops, lines[i], &caller, &plain), ADMIN_OK);
		assert_non_null(strstr(text_string(&plain), "\nThe log says how it ends.\n"));
		assert_null(strstr(text_string(&plain), "[OK]"));
		caller.json = true;
		assert_int_equal(admin_run(&ops, lines[i], &caller, &out), ADMIN_OK);
		json_t *root = json_loads(text_string(&out), 0, NULL);
		assert_int_equal(json_unpack(root, "{s:{s:o}}",
					     i ? "write_standby" : "write_memory", "pending",
					     &pending),
				 0);
		assert_true(json_is_true(pending));
		json_decref(root);
		text_free(&plain);
		text_free(&out);
	}
}

static void a_group_that_is_not_there_is_named(void **state)
{
	(void)state;
	struct text one = run("show failover group 1", false, ADMIN_OK),
		    all = run("show failover group", false, ADMIN_OK);
	assert_string_equal(text_string(&one), text_string(&all));
	text_free(&one);
	text_free(&all);
	struct text out = run("show failover group 2", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: there is no failover group 2\n");
	text_free(&out);
}

static const char two_groups_state[] =
	"               State          Last Failure Reason      Date/Time\n"
	"This host  -   Primary\n"
	"    Group 1    Active         HELLO not heard          10:41:05 UTC Feb 4 2021\n"
	"    Group 2    Standby Ready  HELLO not heard          10:41:05 UTC Feb 4 2021\n"
	"Other host -   Secondary\n"
	"    Group 1    Standby Ready  None\n"
	"    Group 2    Active         None\n"
	"\n====Configuration State===\n        Sync Done\n"
	"====Communication State===\n        Corosync up\n";

static const char two_groups_hosts[] =
	"Group 1 last failover at: 11:24:17 UTC Apr 17 2021\n"
	"Group 2 last failover at: 11:24:17 UTC Apr 17 2021\n"
	"        This host:    Primary\n"
	"Group 1       State:          Active\n"
	"                Active time:    30858 (sec)\n"
	"Group 2       State:          Standby Ready\n"
	"                Active time:    0 (sec)\n"
	"                slot 1: holdfast hw/sw rev (/0.1.0) status (Up Sys)\n"
	"                  Interface outside (192.0.2.1): Normal (Monitored)\n"
	"                  Interface inside (198.51.100.1): No Link (Monitored)\n"
	"                  Interface dmz (203.0.113.1): Normal (Not-Monitored)\n"
	"                  Interface spare (0.0.0.0): Link Down (Shutdown)\n"
	"                  Interface outside2 (0.0.0.0): Normal (Monitored)\n"
	"        Other host:   Secondary\n"
	"Group 1       State:          Standby Ready\n"
	"                Active time:    0 (sec)\n"
	"Group 2       State:          Active\n"
	"                Active time:    7 (sec)\n";

/* The same two hosts, with group 2 active on the other one. */
static void two_groups(struct view_failover v[2])
{
	bool off = false;
	memset(v, 0, 2 * sizeof(*v));
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(ops_failover(&off, 1, &v[i]), R_OK);
		v[i].group = (uint32_t)i + 1;
		v[i].n_others = 1;
	}
	v[1].self.state = HOST_STANDBY_READY;
	v[1].self.active_s = 0;
	v[1].self.n_interfaces = 0;
	add_interface(&v[1].self, "outside2", NULL, true);
	v[1].others[0].state = HOST_ACTIVE;
	v[1].others[0].active_s = 7;
}

static json_t *obeying(const json_t *schema, struct text *out)
{
	json_t *v = json_loads(text_string(out), 0, NULL);
	assert_non_null(v);
	assert_true(valid(schema, schema, v));
	text_free(out);
	return v;
}

static void several_groups_have_json_too(void **state)
{
	static struct view_failover v[2];
	json_t *schema = load_schema();
	struct text out = { 0 };
	const char *active;
	int id;
	(void)state;
	two_groups(v);
	show_failover_json(v, 2, &out);
	json_t *all = obeying(schema, &out);
	json_t *second = json_array_get(json_object_get(json_object_get(all, "failover"), "groups"),
					1);
	assert_int_equal(json_unpack(second, "{s:i, s:s}", "id", &id, "active", &active), 0);
	assert_int_equal(id, 2);
	assert_string_equal(active, "vpn2");
	json_decref(all);
	show_failover_group_json(v, 2, &out);
	all = obeying(schema, &out);
	assert_int_equal(json_array_size(json_object_get(all, "failover_groups")), 2);
	json_decref(all);
	show_failover_state_json(v, 2, &out);
	json_decref(obeying(schema, &out));
	json_decref(schema);
}

static void several_groups_are_shown_side_by_side(void **state)
{
	static struct view_failover v[2];
	struct text out = { 0 };
	(void)state;
	two_groups(v);
	show_failover_state_text(v, 2, &out);
	assert_string_equal(text_string(&out), two_groups_state);
	text_free(&out);
	show_failover_text(v, 2, &out);
	if (!strstr(text_string(&out), two_groups_hosts))
		fail_msg("%s", text_string(&out));
	assert_non_null(
		strstr(out.p, "        General         62         10         58         12\n"));
	assert_non_null(strstr(out.p, "\nHoldfast Failover Group 1\n"));
	assert_non_null(strstr(out.p, "\nHoldfast Failover Group 2\n"));
	text_free(&out);
	show_failover_group_text(v, 2, &out);
	assert_non_null(strstr(out.p, "Group 2 last failover at"));
	text_free(&out);
}

static void the_state_tells_different_configurations_and_lost_corosync(void **state)
{
	struct view_failover v = { 0 };
	struct text out = { 0 };
	bool off = false;
	(void)state;
	assert_int_equal(ops_failover(&off, 1, &v), R_OK);
	v.n_others = 1;
	show_failover_state_text(&v, 1, &out);
	assert_non_null(strstr(out.p, "====Configuration State===\n        Sync Done\n"));
	assert_non_null(strstr(out.p, "====Communication State===\n        Corosync up\n"));
	text_free(&out);
	v.self.state = HOST_STANDBY_READY;
	v.quorate = false;
	show_failover_state_text(&v, 1, &out);
	assert_non_null(strstr(out.p, "        Sync Done - STANDBY\n"));
	assert_non_null(strstr(out.p, "        Corosync up, no quorum\n"));
	text_free(&out);
	v.cluster_up = false;
	show_failover_state_text(&v, 1, &out);
	assert_non_null(strstr(out.p, "        Corosync down\n"));
	text_free(&out);
}

static void a_command_for_another_member_is_asked_there(void **state)
{
	(void)state;
	struct text out = run("failover exec mate show  version", false, ADMIN_LATER);
	assert_string_equal(text_string(&out), "");
	assert_string_equal(asked, "2 show  version text 5");
	text_free(&out);
	out = run("fail ex mem vpn2 show failover state", true, ADMIN_LATER);
	assert_string_equal(asked, "2 show failover state json 5");
	text_free(&out);
	out = run("failover exec member vpn9 show version", false, ADMIN_ERROR);
	assert_string_equal(text_string(&out), "ERROR: no member is called vpn9\n");
	text_free(&out);
	out = run("failover exec standby", false, ADMIN_USAGE);
	text_free(&out);
}

static void a_command_for_this_unit_is_run_here(void **state)
{
	(void)state;
	struct text here = run("show version", false, ADMIN_OK),
		    out = run("failover exec active show version", false, ADMIN_OK);
	assert_string_equal(text_string(&out), text_string(&here));
	text_free(&here);
	text_free(&out);
	out = run("failover exec active show nothing", false, ADMIN_USAGE);
	text_free(&out);
}

static void failover_exec_is_not_nested(void **state)
{
	const struct admin_caller remote = { .remote = true };
	struct text out;
	(void)state;
	asked[0] = '\0';
	out = run("failover exec mate failover exec mate show version", false, ADMIN_USAGE);
	assert_string_equal(text_string(&out), "ERROR: failover exec cannot be nested\n");
	text_free(&out);
	out = run("failover exec active fail exec member vpn2 show version", false, ADMIN_USAGE);
	text_free(&out);
	/* Not for what another member sent either. */
	assert_int_equal(admin_run(&ops, "failover exec mate show version", &remote, &out),
			 ADMIN_USAGE);
	text_free(&out);
	assert_string_equal(asked, "");
}

/* It would write a file as root for whoever may talk to it. */
static void the_daemon_makes_no_keys(void **state)
{
	const struct admin_caller caller = { .json = false };
	struct admin_ops daemon = ops;
	struct text out = { 0 };
	(void)state;
	daemon.keygen = NULL;
	assert_int_equal(admin_run(&daemon, "cluster keygen /k slot 1", &caller, &out),
			 ADMIN_ERROR);
	assert_string_equal(text_string(&out),
			    "ERROR: the daemon makes no keys: run holdfast cluster keygen\n");
	text_free(&out);
}

static void help_completion_and_prompt(void **state)
{
	struct text out = { 0 };
	(void)state;
	admin_help("show crypto ", &out);
	assert_string_equal(
		text_string(&out),
		"  ikev2                     IKE SAs and their CHILD SAs\n"
		"  ipsec                     CHILD SAs with their counters\n"
		"  map                       Crypto maps with the current peer of each entry\n");
	text_free(&out);
	admin_complete("sh cr i", &out);
	assert_string_equal(text_string(&out), "ikev2\nipsec\n");
	text_free(&out);
	admin_complete("show failover ", &out);
	assert_string_equal(text_string(&out), "group\nstate\nhistory\nstatistics\n");
	text_free(&out);
	admin_complete("failover exec ", &out);
	assert_string_equal(text_string(&out), "mate\nactive\nstandby\nmember\n");
	text_free(&out);
	/* Behind whom, what follows is a command like any other. */
	admin_complete("failover exec mate show cr", &out);
	assert_string_equal(text_string(&out), "crypto\n");
	text_free(&out);
	admin_complete("fail exec member vpn2 show failover st", &out);
	assert_string_equal(text_string(&out), "state\nstatistics\n");
	text_free(&out);
	admin_help("failover exec standby clear ", &out);
	assert_string_equal(text_string(&out),
			    "  crypto                    IPsec\n"
			    "  ipsec                     Delete CHILD SAs, of one peer or all\n");
	text_free(&out);
	admin_prompt(&ops, &out);
	assert_string_equal(text_string(&out), "vpn1/pri/act# ");
	text_free(&out);
	bare = true;
	admin_prompt(&ops, &out);
	assert_string_equal(text_string(&out), "vpn1# ");
	text_free(&out);
	bare = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_show_command_has_its_exact_text),
		cmocka_unit_test(every_command_has_json_that_obeys_the_schema),
		cmocka_unit_test(the_schema_refuses_what_it_should),
		cmocka_unit_test(json_holds_every_value_of_the_text),
		cmocka_unit_test(commands_may_be_abbreviated_and_wrong_ones_are_explained),
		cmocka_unit_test(a_refused_action_says_why),
		cmocka_unit_test(write_memory_has_three_names),
		cmocka_unit_test(a_write_may_be_answered_later_or_not_be_ours),
		cmocka_unit_test(a_write_that_nobody_waits_for_says_so),
		cmocka_unit_test(a_group_that_is_not_there_is_named),
		cmocka_unit_test(several_groups_are_shown_side_by_side),
		cmocka_unit_test(several_groups_have_json_too),
		cmocka_unit_test(the_state_tells_different_configurations_and_lost_corosync),
		cmocka_unit_test(a_command_for_another_member_is_asked_there),
		cmocka_unit_test(a_command_for_this_unit_is_run_here),
		cmocka_unit_test(failover_exec_is_not_nested),
		cmocka_unit_test(the_daemon_makes_no_keys),
		cmocka_unit_test(help_completion_and_prompt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
