/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/tests/shown_pair.h"

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

void pair_add_interface(struct view_host *h, const char *nameif, const char *address,
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
	pair_add_interface(&v->self, "outside", "192.0.2.1", CL_LINK_NORMAL);
	pair_add_interface(&v->self, "inside", "198.51.100.1", CL_LINK_NO_LINK);
	pair_add_interface(&v->self, "dmz", "203.0.113.1", CL_LINK_NORMAL);
	v->self.interfaces[2].monitored = false;
	pair_add_interface(&v->self, "spare", NULL, CL_LINK_DOWN);
	v->self.interfaces[3].shutdown = true;
	v->self.interfaces[3].monitored = false;
	v->n_others = 2;
	v->others[0] = (struct view_host){
		.slot = 2, .unit = UNIT_SECONDARY, .state = HOST_STANDBY_READY, .is_protected = true
	};
	SET(v->others[0].name, "vpn2");
	SET(v->others[0].version, "0.1.1");
	SET(v->others[0].config_digest, "aa");
	pair_add_interface(&v->others[0], "outside", NULL, CL_LINK_WAITING);
	pair_add_interface(&v->others[0], "inside", "198.51.100.2", CL_LINK_DOWN);
	pair_add_interface(&v->others[0], "dmz", "203.0.113.2", CL_LINK_FAILED);
	v->others[1] = (struct view_host){
		.slot = 3, .unit = 3, .state = HOST_SYNCING, .active_s = 4
	};
	SET(v->others[1].name, "vpn3");
	v->others[1].drained = true;
	SET(v->others[1].config_digest, "bb");
	SET(v->others[1].failure, "Comm Failure");
	v->others[1].failed_at = 1618658656;
}

enum result pair_failover(void *ctx, uint8_t group, struct view_failover *v)
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
	v->slot_holder = 4;
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
	v->ack_buckets[0] = (struct view_bucket){ 319, 1000 };
	v->ack_buckets[1] = (struct view_bucket){ 2175, 801 };
	v->n_ack_buckets = 2;
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

char pair_asked[PAIR_ASKED_MAX];

static void ops_ask(void *ctx, uint8_t slot, const char *line, bool json, uint64_t ticket)
{
	(void)ctx;
	snprintf(pair_asked, sizeof(pair_asked), "%u %s %s %u", slot, line, json ? "json" : "text",
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

static enum result ops_drain(void *ctx, const struct admin_caller *caller, struct view_drain *out,
			     char why[ADMIN_WHY_MAX])
{
	if (caller->ticket == 9)
		return R_AGAIN;
	out->pending = caller->remote;
	out->waits = !caller->remote && out->drained;
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

bool pair_is_bare;
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

/* pair_is_bare: nothing to write, and vpn2 refuses what it is sent. */
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

/* bare: without any limit. */
static enum result ops_admission(void *ctx, struct view_admission *v)
{
	*v = (struct view_admission){ .max_negotiating = 1000 };
	if (*(const bool *)ctx)
		return R_OK;
	*v = (struct view_admission){
		.max_sa = 0,
		.cluster_max_sa = 250,
		.max_negotiating = 75,
		.active = 98,
		.negotiating = 2,
		.out_active = 8,
		.out_negotiating = 1,
		.cookies_sent = 17,
		.in_requests = 131,
		.in_accepted = 90,
		.in_refused_sa = 31,
		.in_refused_negotiating = 4,
		.out_requests = 10,
		.out_accepted = 9,
		.out_refused = 1,
		.child_active = 196,
		.share = 100,
		.in_share = 99,
		.pool = 0,
		.carried = true,
		.n_members = 4,
		.members = {
			{ .name = "vpn1", .node_id = 1, .self = true, .present = true, .share = 100 },
			{ .name = "vpn2", .node_id = 2, .present = true, .share = 50 },
			{ .name = "vpn3", .node_id = 3, .share = 100 },
			{ .node_id = 4, .gone = true },
		},
	};
	return R_OK;
}

static enum result ops_forget(void *ctx, const char *name, char why[ADMIN_WHY_MAX])
{
	(void)ctx;
	if (strcmp(name, "vpn3") == 0)
		return R_OK;
	snprintf(why, ADMIN_WHY_MAX, "%s is in the cluster: expected a node that is missing", name);
	return R_STATE;
}

const struct admin_ops pair_ops = {
	.ctx = &pair_is_bare,
	.ike_sas = ops_ike,
	.child_sas = ops_child,
	.failover = pair_failover,
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
	.admission = ops_admission,
	.node_forget = ops_forget,
};
