/* SPDX-License-Identifier: Apache-2.0 */
/* show crypto ikev2 sa [detail]: the shape of ASA 9.x, which outside tools parse. */
#include "node/cli/show_common.h"

/* What the datagram loses to IP and UDP when it is fragmented (RFC 7383). */
#define FRAGMENT_OVERHEAD 28u

static const char *session_status(const struct view_ike *sa)
{
	if (!sa->ready)
		return "DOWN-NEGOTIATING";
	return sa->n_children ? "UP-ACTIVE" : "UP-IDLE";
}

static const char *role(const struct view_ike *sa)
{
	return sa->initiator ? "INITIATOR" : "RESPONDER";
}

static void text_encr(uint16_t encr, uint16_t key_bits, struct text *out)
{
	text_printf(out, "Encr: %s, ", iana_encr_name(encr));
	if (key_bits)
		text_printf(out, "keysize: %u, ", key_bits);
}

static const char *nat_text(const struct view_ike *sa)
{
	if (sa->nat_local && sa->nat_remote)
		return "NAT-T is detected inside and outside";
	if (sa->nat_local)
		return "NAT-T is detected inside";
	return sa->nat_remote ? "NAT-T is detected outside" : "NAT-T is not detected";
}

/* Two values on a line, the second at a fixed column. */
static void text_pair(struct text *out, const char *name, uint32_t local, uint32_t remote)
{
	size_t start = out->len;
	text_printf(out, "      Local %s: %u", name, local);
	int used = (int)(out->len - start);
	text_printf(out, "%*sRemote %s: %u\n", used < 40 ? 40 - used : 1, "", name, remote);
}

static void text_detail(const struct view_ike *sa, struct text *out)
{
	text_printf(out, "      Session-id: %u\n", sa->session_id);
	text_printf(out, "      Status Description: %s\n", sa->status_description);
	text_printf(out, "      Local spi: %016llX       Remote spi: %016llX\n",
		    (unsigned long long)sa->spi_local, (unsigned long long)sa->spi_remote);
	text_printf(out, "      Local id: %s\n", sa->local_id);
	text_printf(out, "      Remote id: %s\n", sa->remote_id);
	text_pair(out, "req mess id", sa->local_req_id, sa->remote_req_id);
	text_pair(out, "next mess id", sa->local_next_id, sa->remote_next_id);
	text_pair(out, "req queued", sa->local_queued, sa->remote_queued);
	text_pair(out, "window", sa->local_window, sa->remote_window);
	text_printf(out, "      DPD configured for %u seconds, retry %u\n",
		    sa->dpd ? sa->dpd_threshold_s : 0, sa->dpd ? sa->dpd_retry_s : 0);
	text_printf(out, "      %s\n", nat_text(sa));
	if (sa->fragment_mtu > FRAGMENT_OVERHEAD)
		text_printf(
			out,
			"      IKEv2 Fragmentation Configured MTU: %u bytes, Overhead: %u bytes, Effective MTU: %u bytes\n",
			sa->fragment_mtu, FRAGMENT_OVERHEAD, sa->fragment_mtu - FRAGMENT_OVERHEAD);
}

static void text_child(const struct view_child *c, bool detail, struct text *out)
{
	char ts[TS_TEXT_MAX];
	text_printf(out, "Child sa: local selector  %s\n", ts_text(&c->local, ts));
	text_printf(out, "          remote selector %s\n", ts_text(&c->remote, ts));
	text_printf(out, "          ESP spi in/out: 0x%x/0x%x\n", c->spi_in, c->spi_out);
	if (!detail)
		return;
	text_printf(out, "          AH spi in/out: 0x0/0x0\n");
	text_printf(out, "          CPI in/out: 0x0/0x0\n");
	text_printf(out, "          ");
	text_encr(c->transforms.encr, c->transforms.key_bits, out);
	text_printf(out, "esp_hmac: %s\n", iana_integ_name(c->transforms.integ));
	text_printf(out, "          ah_hmac: None, comp: IPCOMP_NONE, mode tunnel\n");
}

static void text_sa(const struct view_ike *sa, bool detail, struct text *out)
{
	char local[INET_TEXT_MAX], remote[INET_TEXT_MAX];
	text_printf(out, "\nSession-id:%u, Status:%s, IKE count:1, CHILD count:%zu\n\n",
		    sa->session_id, session_status(sa), sa->n_children);
	text_printf(out, "%9s %-52s%-56s%6s%13s\n", "Tunnel-id", "Local", "Remote", "Status",
		    "Role");
	text_printf(out, "%9u %-52s%-56s%6s%13s\n", sa->tunnel_id, show_endpoint(&sa->local, local),
		    show_endpoint(&sa->remote, remote), sa->status, role(sa));
	text_printf(out, "      ");
	text_encr(sa->encr, sa->key_bits, out);
	text_printf(out, "Hash: %s, DH Grp:%u, Auth sign: %s, Auth verify: %s\n",
		    iana_integ_name(sa->integ), sa->dh, sa->auth_sign, sa->auth_verify);
	text_printf(out, "      Life/Active Time: %u/%u sec\n", sa->lifetime_s, sa->active_s);
	if (detail)
		text_detail(sa, out);
	for (size_t i = 0; i < sa->n_children; i++)
		text_child(&sa->children[i], detail, out);
}

void show_ike_text(const struct view_ike_list *l, bool detail, struct text *out)
{
	text_printf(out, l->n ? "\nIKEv2 SAs:\n" : "\nThere are no IKEv2 SAs\n");
	for (size_t i = 0; i < l->n; i++)
		text_sa(&l->list[i], detail, out);
}

static json_t *json_message_ids(uint32_t request, uint32_t next, uint32_t queued, uint32_t window)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "request", (json_int_t)request, "next",
			 (json_int_t)next, "queued", (json_int_t)queued, "window",
			 (json_int_t)window);
}

static json_t *json_sa(const struct view_ike *sa)
{
	json_t *children = json_array();
	for (size_t i = 0; i < sa->n_children; i++)
		json_array_append_new(children, json_child(&sa->children[i]));
	json_t *nat = json_pack("{s:b, s:b}", "local", sa->nat_local, "remote", sa->nat_remote);
	json_t *dpd = json_pack("{s:b, s:I, s:I}", "enabled", sa->dpd, "threshold_s",
				(json_int_t)sa->dpd_threshold_s, "retry_s",
				(json_int_t)sa->dpd_retry_s);
	json_t *algorithms = json_pack(
		"{s:s, s:i, s:s, s:s, s:i, s:s}", "encryption", iana_encr_name(sa->encr),
		"key_bits", (int)sa->key_bits, "integrity", iana_integ_name(sa->integ), "prf",
		iana_prf_name(sa->prf), "group", (int)sa->dh, "group_name", iana_dh_name(sa->dh));
	json_t *root = json_pack("{s:I, s:s, s:I, s:s, s:s, s:s}", "session_id",
				 (json_int_t)sa->session_id, "session_status", session_status(sa),
				 "tunnel_id", (json_int_t)sa->tunnel_id, "status", sa->status,
				 "status_description", sa->status_description, "role", role(sa));
	json_t *rest = json_pack("{s:o, s:o, s:o, s:s, s:s, s:I, s:I, s:o, s:o, s:s, s:s, s:s}",
				 "local", json_endpoint(&sa->local), "remote",
				 json_endpoint(&sa->remote), "algorithms", algorithms, "auth_sign",
				 sa->auth_sign, "auth_verify", sa->auth_verify, "lifetime_s",
				 (json_int_t)sa->lifetime_s, "active_s", (json_int_t)sa->active_s,
				 "local_spi", json_spi64(sa->spi_local), "remote_spi",
				 json_spi64(sa->spi_remote), "local_id", sa->local_id, "remote_id",
				 sa->remote_id, "tunnel_group", sa->tunnel_group);
	json_t *more = json_pack(
		"{s:o, s:o, s:o, s:o, s:I, s:o, s:i, s:o}", "local_messages",
		json_message_ids(sa->local_req_id, sa->local_next_id, sa->local_queued,
				 sa->local_window),
		"remote_messages",
		json_message_ids(sa->remote_req_id, sa->remote_next_id, sa->remote_queued,
				 sa->remote_window),
		"dpd", dpd, "nat", nat, "fragment_mtu", (json_int_t)sa->fragment_mtu, "birth_term",
		json_count(sa->birth_term), "shard", (int)sa->shard, "children", children);
	json_object_update_new(root, rest);
	json_object_update_new(root, more);
	return root;
}

void show_ike_json(const struct view_ike_list *l, struct text *out)
{
	json_t *list = json_array();
	for (size_t i = 0; i < l->n; i++)
		json_array_append_new(list, json_sa(&l->list[i]));
	json_finish(json_pack("{s:o}", "ikev2_sas", list), out);
}
