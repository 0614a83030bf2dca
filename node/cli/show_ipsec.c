/* SPDX-License-Identifier: Apache-2.0 */
/* show crypto ipsec sa: the shape of ASA 9.x, which outside tools parse field by field. */
#include "node/cli/show_common.h"

/* How the ASA writes an ESP transform, and what it costs in bytes. */
struct cipher_row {
	uint16_t encr;
	uint16_t key_bits;
	const char *name;
	unsigned int iv;
	unsigned int block; /* the most that padding adds, as the ASA counts it */
};

static const struct cipher_row ciphers[] = {
	{ ENCR_AES_GCM_16, 128, "esp-aes-gcm", 8, 1 },
	{ ENCR_AES_GCM_16, 192, "esp-aes-gcm-192", 8, 1 },
	{ ENCR_AES_GCM_16, 256, "esp-aes-gcm-256", 8, 1 },
	{ ENCR_AES_CBC, 128, "esp-aes", 16, 16 },
	{ ENCR_AES_CBC, 192, "esp-aes-192", 16, 16 },
	{ ENCR_AES_CBC, 256, "esp-aes-256", 16, 16 },
	{ 0, 0, "esp-unknown", 0, 0 },
};

struct mac_row {
	uint16_t integ;
	const char *name;
	unsigned int icv;
};

static const struct mac_row macs[] = {
	{ AUTH_NONE, "esp-null-hmac", 16 }, /* the tag of the AEAD */
	{ AUTH_HMAC_SHA1_96, "esp-sha-hmac", 12 },
	{ AUTH_HMAC_SHA2_256_128, "esp-sha-256-hmac", 16 },
	{ AUTH_HMAC_SHA2_384_192, "esp-sha-384-hmac", 24 },
	{ AUTH_HMAC_SHA2_512_256, "esp-sha-512-hmac", 32 },
	{ UINT16_MAX, "esp-unknown-hmac", 0 },
};

static const struct cipher_row *cipher_of(const struct esp_transforms *t)
{
	const struct cipher_row *row = ciphers;
	while (row->encr && (row->encr != t->encr || row->key_bits != t->key_bits))
		row++;
	return row;
}

static const struct mac_row *mac_of(const struct esp_transforms *t)
{
	const struct mac_row *row = macs;
	while (row->integ != UINT16_MAX && row->integ != t->integ)
		row++;
	return row;
}

/* Outer IPv4 header, UDP, SPI, sequence number and IV: what is added in front. */
static unsigned int overhead_front(const struct view_child *c)
{
	return (c->remote_endpoint.addr.family == INET_V6 ? 40u : 20u) + (c->nat_t ? 8u : 0u) + 8u +
	       cipher_of(&c->transforms)->iv;
}

/* ... and the worst case of padding, trailer and ICV behind it. */
static unsigned int overhead(const struct view_child *c)
{
	return overhead_front(c) + cipher_of(&c->transforms)->block + 2 +
	       mac_of(&c->transforms)->icv;
}

static void text_ident(const char *side, const struct traffic_selector *ts, struct text *out)
{
	char first[INET_TEXT_MAX], mask[INET_TEXT_MAX];
	unsigned int port = ts->port_start == ts->port_end ? ts->port_start : 0;
	text_printf(out, "      %s ident (addr/mask/prot/port): (%s/%s/%u/%u)\n", side,
		    inet_text(&ts->start, first), show_mask(ts, mask), ts->protocol, port);
}

static void text_settings(const struct view_child *c, struct text *out)
{
	text_printf(out, "         in use settings ={L2L, Tunnel, ");
	if (c->nat_t)
		text_printf(out, " NAT-T-Encaps, ");
	if (c->pfs_group)
		text_printf(out, "PFS Group %u, ", c->pfs_group);
	text_printf(out, "IKEv2, }\n");
}

/* What is ours: the numbers on either side of a takeover. */
static void text_numbers(const struct view_child *c, bool inbound, struct text *out)
{
	if (inbound)
		text_printf(
			out,
			"         highest sequence number: %llu, replay exposure (pkts): %llu\n",
			(unsigned long long)c->in_highest_seq,
			(unsigned long long)c->replay_exposure);
	else
		text_printf(
			out,
			"         next sequence number: %llu, lease end: %llu, birth term: %llu\n",
			(unsigned long long)c->out_next_seq, (unsigned long long)c->out_lease_end,
			(unsigned long long)c->birth_term);
}

static void text_direction(const struct view_child *c, bool inbound, bool detail, struct text *out)
{
	uint32_t spi = inbound ? c->spi_in : c->spi_out;
	uint64_t left_kb = inbound ? c->in_lifetime_left_kb : c->out_lifetime_left_kb;
	uint64_t bitmap = inbound ? c->replay_bitmap : 1;
	text_printf(out, "    %s esp sas:\n", inbound ? "inbound" : "outbound");
	text_printf(out, "      spi: 0x%08X (%u)\n", spi, spi);
	text_printf(out, "         SA State: %s\n", c->active ? "active" : "standby");
	text_printf(out, "         transform: %s %s no compression\n",
		    cipher_of(&c->transforms)->name, mac_of(&c->transforms)->name);
	text_settings(c, out);
	text_printf(out, "         slot: 0, conn_id: %u, crypto-map: %s\n", c->conn_id,
		    c->crypto_map);
	if (c->lifetime_kb_unlimited)
		text_printf(out, "         sa timing: remaining key lifetime (sec): %u\n",
			    c->lifetime_left_s);
	else
		text_printf(out, "         sa timing: remaining key lifetime (kB/sec): (%llu/%u)\n",
			    (unsigned long long)left_kb, c->lifetime_left_s);
	text_printf(out, "         IV size: %u bytes\n", cipher_of(&c->transforms)->iv);
	text_printf(out, "         replay detection support: %s\n", c->replay_window ? "Y" : "N");
	if (c->replay_window)
		text_printf(out, "         Anti replay bitmap:\n          0x%08X 0x%08X\n",
			    (unsigned int)(bitmap >> 32), (unsigned int)bitmap);
	if (detail)
		text_numbers(c, inbound, out);
}

static void text_counters(const struct view_child *c, struct text *out)
{
	unsigned long long out_packets = c->encaps_packets, in_packets = c->decaps_packets;
	text_printf(out, "      #pkts encaps: %llu, #pkts encrypt: %llu, #pkts digest: %llu\n",
		    out_packets, out_packets, out_packets);
	text_printf(out, "      #pkts decaps: %llu, #pkts decrypt: %llu, #pkts verify: %llu\n",
		    in_packets, in_packets, in_packets);
	text_printf(out, "      #pkts compressed: 0, #pkts decompressed: 0\n");
	text_printf(
		out,
		"      #pkts not compressed: %llu, #pkts comp failed: 0, #pkts decomp failed: 0\n",
		out_packets);
	text_printf(out,
		    "      #pre-frag successes: 0, #pre-frag failures: 0, #fragments created: 0\n");
	text_printf(
		out,
		"      #PMTUs sent: 0, #PMTUs rcvd: 0, #decapsulated frgs needing reassembly: 0\n");
	text_printf(out, "      #TFC rcvd: 0, #TFC sent: 0\n");
	text_printf(out, "      #Valid ICMP Errors rcvd: 0, #Invalid ICMP Errors rcvd: 0\n");
	text_printf(out, "      #send errors: %llu, #recv errors: %llu\n\n",
		    (unsigned long long)c->send_errors, (unsigned long long)c->recv_errors);
}

static void text_child(const struct view_child *c, bool detail, struct text *out)
{
	char local[INET_TEXT_MAX], remote[INET_TEXT_MAX], peer[INET_TEXT_MAX];
	text_printf(out, "    Crypto map tag: %s, seq num: %u, local addr: %s\n\n", c->crypto_map,
		    c->seq, inet_text(&c->local_endpoint.addr, local));
	if (*c->access_list)
		text_printf(out, "      %s\n", c->access_list);
	text_ident("local", &c->local, out);
	text_ident("remote", &c->remote, out);
	text_printf(out, "      current_peer: %s\n\n\n", inet_text(&c->remote_endpoint.addr, peer));
	text_counters(c, out);
	text_printf(out, "      local crypto endpt.: %s, remote crypto endpt.: %s\n",
		    show_endpoint(&c->local_endpoint, local),
		    show_endpoint(&c->remote_endpoint, remote));
	text_printf(out, "      path mtu %u, ipsec overhead %u(%u), media mtu %u\n", c->path_mtu,
		    overhead(c), overhead_front(c), c->media_mtu);
	text_printf(out, "      PMTU time remaining (sec): 0, DF policy: copy-df\n");
	text_printf(out, "      ICMP error validation: disabled, TFC packets: disabled\n");
	text_printf(out, "      current outbound spi: %08X\n", c->spi_out);
	text_printf(out, "      current inbound spi : %08X\n\n", c->spi_in);
	text_direction(c, true, detail, out);
	text_direction(c, false, detail, out);
	text_printf(out, "\n");
}

void show_ipsec_text(const struct view_child_list *l, bool detail, struct text *out)
{
	if (l->n == 0)
		text_printf(out, "\nThere are no ipsec sas\n");
	for (size_t i = 0; i < l->n; i++) {
		const struct view_child *c = &l->list[i];
		if (i == 0 || strcmp(c->interface, c[-1].interface) != 0)
			text_printf(out, "interface: %s\n", c->interface);
		text_child(c, detail, out);
	}
}

static json_t *json_direction(const struct view_child *c, bool inbound)
{
	uint64_t left_kb = inbound ? c->in_lifetime_left_kb : c->out_lifetime_left_kb;
	uint32_t spi = inbound ? c->spi_in : c->spi_out;
	json_t *d = json_pack("{s:o, s:I, s:I, s:o}", "spi", json_spi32(spi), "spi_number",
			      (json_int_t)spi, "lifetime_left_s", (json_int_t)c->lifetime_left_s,
			      "lifetime_left_kb",
			      c->lifetime_kb_unlimited ? json_null() : json_count(left_kb));
	json_t *rest = inbound ? json_pack("{s:i, s:o, s:o, s:o}", "replay_window",
					   (int)c->replay_window, "replay_bitmap",
					   json_spi64(c->replay_bitmap), "highest_sequence",
					   json_count(c->in_highest_seq), "replay_exposure",
					   json_count(c->replay_exposure))
			       : json_pack("{s:o, s:o}", "next_sequence",
					   json_count(c->out_next_seq), "lease_end",
					   json_count(c->out_lease_end));
	json_object_update_new(d, rest);
	return d;
}

static json_t *json_counters(const struct view_child *c)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "encaps_packets",
			 json_count(c->encaps_packets), "encaps_bytes", json_count(c->encaps_bytes),
			 "decaps_packets", json_count(c->decaps_packets), "decaps_bytes",
			 json_count(c->decaps_bytes), "send_errors", json_count(c->send_errors),
			 "recv_errors", json_count(c->recv_errors), "replay_drops",
			 json_count(c->replay_drops), "auth_failures",
			 json_count(c->auth_failures));
}

json_t *json_child(const struct view_child *c)
{
	const struct cipher_row *cipher = cipher_of(&c->transforms);
	json_t *transform = json_pack("{s:s, s:s, s:s, s:i, s:s, s:i, s:b}", "cipher", cipher->name,
				      "mac", mac_of(&c->transforms)->name, "encryption",
				      iana_encr_name(c->transforms.encr), "key_bits",
				      (int)c->transforms.key_bits, "integrity",
				      iana_integ_name(c->transforms.integ), "iv_bytes",
				      (int)cipher->iv, "esn", c->transforms.esn);
	json_t *root = json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:b, s:b}", "interface",
				 c->interface, "crypto_map", c->crypto_map, "seq",
				 (json_int_t)c->seq, "access_list", c->access_list, "tunnel_group",
				 c->tunnel_group, "conn_id", (json_int_t)c->conn_id, "active",
				 c->active, "initiator", c->initiator);
	json_t *rest = json_pack("{s:o, s:o, s:o, s:o, s:b, s:i, s:o, s:o}", "local",
				 json_selector(&c->local), "remote", json_selector(&c->remote),
				 "local_endpoint", json_endpoint(&c->local_endpoint),
				 "remote_endpoint", json_endpoint(&c->remote_endpoint), "nat_t",
				 c->nat_t, "pfs_group", (int)c->pfs_group, "transform", transform,
				 "counters", json_counters(c));
	json_t *more = json_pack("{s:i, s:i, s:i, s:i, s:o, s:o, s:o}", "path_mtu",
				 (int)c->path_mtu, "media_mtu", (int)c->media_mtu, "overhead",
				 (int)overhead(c), "overhead_front", (int)overhead_front(c),
				 "birth_term", json_count(c->birth_term), "inbound",
				 json_direction(c, true), "outbound", json_direction(c, false));
	json_object_update_new(root, rest);
	json_object_update_new(root, more);
	return root;
}

void show_ipsec_json(const struct view_child_list *l, struct text *out)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_child(&l->list[i]));
	json_finish(json_pack("{s:o}", "ipsec_sas", list), out);
}
