/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin commands see and do: views filled from engine, datapath and cluster logic. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/iana.h"
#include "node/world.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "0.1.0"
#endif

#define PATH_MTU     1500u
#define HEARTBEAT_MS 100u /* R7 */

struct fill {
	struct world *w;
	const struct inet_addr *peer; /* NULL: all */
	struct view_ike_list *ikes;
	struct view_child_list *children;
	struct hf_tunnel *tunnels; /* the configuration's */
	size_t n_tunnels;
	size_t *by_spi; /* places in ikes, by our SPI: a child finds its IKE SA without a walk */
	bool failed;
};

static bool wanted(const struct fill *f, const struct inet_addr *remote)
{
	return !f->peer || inet_equal(f->peer, remote);
}

static uint32_t left_s(uint64_t at_ms, uint64_t now_ms)
{
	return at_ms > now_ms && at_ms != UINT64_MAX ? (uint32_t)((at_ms - now_ms) / 1000) : 0;
}

static uint64_t left_kb(uint64_t lifetime_kb, uint64_t bytes_used)
{
	return lifetime_kb > bytes_used / 1024 ? lifetime_kb - bytes_used / 1024 : 0;
}

static void name_line(const struct fill *f, uint32_t tunnel, struct view_child *v)
{
	const struct hf_tunnel *t = hf_tunnel_find(f->tunnels, f->n_tunnels, tunnel);
	char text[CONFIG_ACE_TEXT_MAX];

	if (!t)
		return;
	const struct config_map_entry *e = t->entry;
	snprintf(v->interface, sizeof(v->interface), "%s",
		 e->interface ? e->interface->nameif : "");
	snprintf(v->crypto_map, sizeof(v->crypto_map), "%s", e->map);
	v->seq = e->seq;
	snprintf(v->access_list, sizeof(v->access_list), "%s",
		 config_ace_text(e->acl, t->ace, text));
}

static void child_counters(const struct world *w, struct view_child *v,
			   const struct child_sa_state *s)
{
	struct esp_child_stats st;
	struct hf_child_totals totals;
	struct esp_child_counters window;

	if (esp_child_stats(w->datapath, s->spi_in, &st) != R_OK ||
	    hf_core_child_totals(w->core, s->spi_in, &totals) != R_OK)
		return;
	v->encaps_packets = totals.out_packets;
	v->encaps_bytes = totals.out_bytes;
	v->decaps_packets = totals.in_packets;
	v->decaps_bytes = totals.in_bytes;
	v->send_errors = st.out_errors;
	v->recv_errors = st.in_auth_failed + st.in_replayed + st.in_ts_refused + st.in_malformed;
	v->replay_drops = st.in_replayed;
	v->auth_failures = st.in_auth_failed;
	v->in_highest_seq = st.in_right_edge;
	v->out_next_seq = st.seq_next;
	v->out_lease_end = totals.lease_end;
	v->replay_exposure = totals.exposure;
	v->in_lifetime_left_kb = left_kb(s->lifetime_kb, totals.in_bytes);
	v->out_lifetime_left_kb = left_kb(s->lifetime_kb, totals.out_bytes);
	if (esp_child_take_counters(w->datapath, s->spi_in, &window) == R_OK &&
	    window.in_bitmap_words)
		v->replay_bitmap = window.in_bitmap[0];
}

static void fill_child(const struct fill *f, struct view_child *v, const struct child_sa_state *s)
{
	struct world *w = f->w;

	v->spi_in = s->spi_in;
	v->spi_out = s->spi_out;
	v->local = s->local_ts.ts[0];
	v->remote = s->remote_ts.ts[0];
	v->transforms = s->transforms;
	v->pfs_group = s->dh_group;
	v->nat_t = s->udp_encap;
	v->local_endpoint = s->local;
	v->remote_endpoint = s->remote;
	v->initiator = s->initiator;
	v->conn_id = s->spi_in & 0xffffffu;
	v->active = w->role == CL_ROLE_ACTIVE;
	v->path_mtu = v->media_mtu = PATH_MTU;
	v->lifetime_left_s = left_s(s->expire_at_ms,
				    hf_core_cluster_time_ms(w->core, world_now_ns()));
	v->lifetime_kb_unlimited = s->lifetime_kb == 0;
	v->replay_window = w->config->replay_window;
	v->birth_term = s->birth_term;
	name_line(f, s->tunnel, v);
	child_counters(w, v, s);
}

static bool child_shown(const struct child_sa_state *s)
{
	return s->stage != CHILD_SA_DEAD && s->stage != CHILD_SA_NONE;
}

static struct view_ike *sa_of(const struct fill *f, uint64_t spi)
{
	size_t low = 0, high = f->ikes->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		struct view_ike *v = &f->ikes->list[f->by_spi[middle]];
		if (v->spi_local == spi)
			return v;
		if (v->spi_local < spi)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static void add_child_to_sa(void *ctx, const struct child_sa_state *s)
{
	struct fill *f = ctx;
	struct view_ike *sa = child_shown(s) ? sa_of(f, s->ike_spi) : NULL;
	struct view_child *v;

	if (!sa)
		return;
	v = view_ike_add_child(sa);
	if (!v) {
		f->failed = true;
		return;
	}
	fill_child(f, v, s);
	snprintf(v->tunnel_group, sizeof(v->tunnel_group), "%s", sa->tunnel_group);
}

static const char *id_text(const struct ike_id *id, char out[VIEW_ID_MAX])
{
	struct inet_addr addr = inet_from_bytes(buf_bytes(&id->data));

	if ((id->type == ID_IPV4_ADDR || id->type == ID_IPV6_ADDR) && addr.family != INET_NONE) {
		char text[INET_TEXT_MAX];
		snprintf(out, VIEW_ID_MAX, "%s", inet_text(&addr, text));
		return out;
	}
	return log_escape(buf_bytes(&id->data), out, VIEW_ID_MAX);
}

static const struct {
	uint8_t stage;
	const char *status, *description;
} stages[] = {
	{ IKE_SA_INIT_SENT, "IN-NEG", "Initiator waits for the IKE_SA_INIT response" },
	{ IKE_SA_INIT_ANSWERED, "IN-NEG", "Responder waits for IKE_AUTH" },
	{ IKE_SA_AUTH_SENT, "IN-NEG", "Initiator waits for the IKE_AUTH response" },
	{ IKE_SA_ESTABLISHED, "READY", "Negotiation done" },
	{ IKE_SA_REKEYED, "DELETE", "Replaced by a rekey" },
	{ IKE_SA_DELETING, "DELETE", "DELETE sent" },
};

static void fill_status(struct view_ike *v, uint8_t stage)
{
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (stages[i].stage == stage) {
			snprintf(v->status, sizeof(v->status), "%s", stages[i].status);
			snprintf(v->status_description, sizeof(v->status_description), "%s",
				 stages[i].description);
		}
	v->ready = stage == IKE_SA_ESTABLISHED;
}

static void fill_group(const struct world *w, struct view_ike *v)
{
	const struct config_tunnel_group *g = config_tunnel_group_by_name(w->config,
									  v->tunnel_group);

	if (!g || !g->keepalive)
		return;
	v->dpd = true;
	v->dpd_threshold_s = g->keepalive_threshold_s;
	v->dpd_retry_s = g->keepalive_retry_s;
}

static void fill_ike(struct world *w, struct view_ike *v, const struct ike_sa_state *s)
{
	uint64_t now = hf_core_cluster_time_ms(w->core, world_now_ns());

	v->local = s->local;
	v->remote = s->remote;
	fill_status(v, s->stage);
	v->initiator = s->initiator;
	v->encr = s->transforms.encr;
	v->key_bits = s->transforms.key_bits;
	v->integ = s->transforms.integ;
	v->prf = s->transforms.prf;
	v->dh = s->transforms.dh;
	snprintf(v->auth_sign, sizeof(v->auth_sign), "PSK");
	snprintf(v->auth_verify, sizeof(v->auth_verify), "PSK");
	if (s->expire_at_ms && s->expire_at_ms != UINT64_MAX && s->expire_at_ms > s->created_ms)
		v->lifetime_s = (uint32_t)((s->expire_at_ms - s->created_ms) / 1000);
	v->active_s = s->established_ms && now > s->established_ms
			      ? (uint32_t)((now - s->established_ms) / 1000)
			      : 0;
	v->spi_local = ike_sa_state_spi(s);
	v->spi_remote = s->initiator ? s->spi_r : s->spi_i;
	id_text(&s->local_id, v->local_id);
	id_text(&s->remote_id, v->remote_id);
	snprintf(v->tunnel_group, sizeof(v->tunnel_group), "%s", s->connection);
	v->local_next_id = s->next_request_id;
	v->remote_next_id = s->expected_request_id;
	v->local_req_id = s->next_request_id ? s->next_request_id - 1 : 0;
	v->remote_req_id = s->expected_request_id ? s->expected_request_id - 1 : 0;
	v->local_queued = s->outstanding.kind != IKE_REQ_NONE;
	v->local_window = v->remote_window = 1;
	fill_group(w, v);
	v->nat_local = s->nat_local;
	v->nat_remote = s->nat_remote;
	v->birth_term = s->birth_term;
	v->shard = ike_spi_shard(v->spi_local);
}

static void add_ike(void *ctx, const struct ike_sa_state *s)
{
	struct fill *f = ctx;
	struct view_ike *v;

	if (s->stage == IKE_SA_DEAD || !wanted(f, &s->remote.addr))
		return;
	v = view_ike_add(f->ikes);
	if (!v) {
		f->failed = true;
		return;
	}
	v->session_id = v->tunnel_id = (uint32_t)f->ikes->n;
	fill_ike(f->w, v, s);
}

static int by_spi(const void *x, const void *y, void *list)
{
	const struct view_ike *sas = list;
	uint64_t a = sas[*(const size_t *)x].spi_local, b = sas[*(const size_t *)y].spi_local;

	return (a > b) - (a < b);
}

static bool sort_by_spi(struct fill *f)
{
	f->by_spi = calloc(f->ikes->n + 1, sizeof(*f->by_spi));
	if (!f->by_spi)
		return false;
	for (size_t i = 0; i < f->ikes->n; i++)
		f->by_spi[i] = i;
	qsort_r(f->by_spi, f->ikes->n, sizeof(*f->by_spi), by_spi, f->ikes->list);
	return true;
}

/* Heartbeats wait for it: no look-up may grow with the number of SAs or lines. */
static enum result get_ike_sas(void *ctx, const struct inet_addr *peer, struct view_ike_list *out)
{
	struct world *w = ctx;
	struct fill f = { .w = w, .peer = peer, .ikes = out };

	enum result res = hf_tunnels(w->config, &f.tunnels, &f.n_tunnels);
	if (res != R_OK)
		return res;
	for (f.w = w; f.w; f.w = f.w->next)
		ike_each_sa(hf_core_engine(f.w->core), add_ike, &f);
	f.failed = f.failed || !sort_by_spi(&f);
	for (f.w = w; f.w && !f.failed; f.w = f.w->next)
		ike_each_child(hf_core_engine(f.w->core), 0, add_child_to_sa, &f);
	free(f.by_spi);
	free(f.tunnels);
	return f.failed ? R_NO_MEMORY : R_OK;
}

static enum result get_child_sas(void *ctx, const struct inet_addr *peer,
				 struct view_child_list *out)
{
	struct view_ike_list ikes = { 0 };
	enum result res = get_ike_sas(ctx, peer, &ikes);

	for (size_t i = 0; res == R_OK && i < ikes.n; i++)
		for (size_t k = 0; k < ikes.list[i].n_children; k++) {
			struct view_child *v = view_child_add(out);
			if (!v)
				res = R_NO_MEMORY;
			else
				*v = ikes.list[i].children[k];
		}
	view_ike_list_free(&ikes);
	return res;
}

/* ---- failover ---- */

/* What the member in slot says of its interfaces; unknown is what it does not say. */
static void fill_interfaces(const struct world *w, struct view_host *h, bool active, uint8_t slot)
{
	struct cl_link links[CL_LINKS_MAX];
	const size_t n = cl_links(hf_core_cluster_node(w->core), slot, links);

	for (size_t i = 0; i < w->config->n_interfaces && h->n_interfaces < VIEW_INTERFACES_MAX;
	     i++) {
		const struct config_interface *ifc = &w->config->interfaces[i];
		if (!ifc->nameif[0] || ifc->failover_group != w->group)
			continue;
		struct view_host_interface *v = &h->interfaces[h->n_interfaces++];
		snprintf(v->nameif, sizeof(v->nameif), "%s", ifc->nameif);
		v->address = active ? ifc->address : ifc->standby;
		v->shutdown = ifc->shutdown;
		v->monitored = w->config->failover.enabled && ifc->monitored;
		for (size_t k = 0; k < n; k++)
			if (strcmp(links[k].nameif, ifc->nameif) == 0) {
				v->state = links[k].state;
				v->monitored = links[k].monitored;
			}
	}
}

static enum view_host_state own_state(enum cl_role role)
{
	switch (role) {
	case CL_ROLE_ACTIVE:
	case CL_ROLE_RELEASING:
		return HOST_ACTIVE;
	case CL_ROLE_STANDBY:
	case CL_ROLE_PREPARING:
		return HOST_STANDBY_READY;
	case CL_ROLE_JOINING:
		return HOST_SYNCING;
	case CL_ROLE_OFFLINE:
		break;
	}
	return HOST_FAILED;
}

static void fill_failure(const struct world *w, uint8_t slot, struct view_host *h)
{
	struct cl_failure f = cl_last_failure(hf_core_cluster_node(w->core), slot);

	if (!f.why || (int64_t)(f.at_ms / 1000) < h->failed_at)
		return;
	snprintf(h->failure, sizeof(h->failure), "%s", f.why);
	h->failed_at = (int64_t)(f.at_ms / 1000);
}

static bool in_view(const struct cl_group_status *st, uint8_t slot)
{
	for (size_t i = 0; i < st->n_members; i++)
		if (st->members[i].slot == slot)
			return true;
	return false;
}

/* Who was here and is gone. Of a mate that never was, only the unit is known. */
static void fill_absent(const struct world *w, const struct cl_group_status *st,
			struct view_failover *v)
{
	for (uint8_t slot = 1; slot < SS_SLOTS && v->n_others < VIEW_OTHERS_MAX; slot++) {
		const struct cl_known_unit u = cl_known_unit(hf_core_cluster_node(w->core), slot);
		if (!u.heard || slot == w->config->failover.slot || in_view(st, slot))
			continue;
		struct view_host *h = &v->others[v->n_others++];
		h->state = HOST_NOT_DETECTED;
		h->unit = u.unit ? u.unit : slot;
		h->slot = slot;
		snprintf(h->name, sizeof(h->name), "%s", u.hostname);
		fill_failure(w, slot, h);
		fill_interfaces(w, h, false, 0);
	}
	if (v->n_others == 0) {
		v->others[0].state = HOST_NOT_DETECTED;
		v->others[0].unit = w->config->failover.unit == UNIT_SECONDARY ? UNIT_PRIMARY
									       : UNIT_SECONDARY;
		fill_interfaces(w, &v->others[0], false, 0);
		v->n_others = 1;
	}
}

/* The ASA shows one other host: the owner, or who would be the next one. */
static int host_rank(const struct view_host *h)
{
	switch (h->state) {
	case HOST_ACTIVE:
		return 0;
	case HOST_STANDBY_READY:
		return h->is_protected ? 1 : 2;
	case HOST_SYNCING:
		return 3;
	default:
		return 4;
	}
}

static int host_compare(const void *x, const void *y)
{
	const struct view_host *a = x, *b = y;
	int order = host_rank(a) - host_rank(b);

	return order ? order : (a->slot > b->slot) - (a->slot < b->slot);
}

static void fill_self(struct world *w, const struct cl_group_status *st, struct view_host *h)
{
	uint64_t active_ns = w->active_total_ns;

	if (w->role == CL_ROLE_ACTIVE)
		active_ns += world_now_ns() - w->active_since_ns;
	snprintf(h->name, sizeof(h->name), "%s", w->config->hostname);
	h->unit = w->config->failover.unit;
	h->slot = w->config->failover.slot;
	h->state = own_state(st->role);
	h->active_s = active_ns / 1000000000u;
	snprintf(h->version, sizeof(h->version), "%s", PACKAGE_VERSION);
	fill_failure(w, h->slot, h);
	snprintf(h->config_digest, sizeof(h->config_digest), "%s", w->config->digest);
	for (size_t i = 0; i < st->n_members; i++)
		if (st->members[i].self) {
			h->is_protected = st->members[i].in_protected_set;
			h->drained = st->members[i].drained;
		}
	fill_interfaces(w, h, st->role == CL_ROLE_ACTIVE,
			w->config->failover.enabled ? h->slot : WORLD_STANDALONE_SLOT);
}

static void fill_other(const struct world *w, const struct cl_member_status *m, struct view_host *h)
{
	h->unit = m->unit ? m->unit : m->slot;
	h->slot = m->slot;
	snprintf(h->name, sizeof(h->name), "%s", m->hostname);
	snprintf(h->version, sizeof(h->version), "%.31s", m->software);
	fill_failure(w, m->slot, h);
	h->state = m->slot_refused ? HOST_FAILED
		   : m->owner      ? HOST_ACTIVE
		   : m->synced     ? HOST_STANDBY_READY
				   : HOST_SYNCING;
	h->is_protected = m->in_protected_set;
	h->drained = m->drained;
	/* Its HELLO says whether its configuration is ours, not what it is. */
	if (m->slot)
		snprintf(h->config_digest, sizeof(h->config_digest), "%s",
			 m->digest_differs ? "different" : w->config->digest);
	fill_interfaces(w, h, m->owner, m->slot);
}

static const struct {
	const char *name;
	enum ss_kind kinds[2];
} rows[] = {
	{ "VPN IKEv2 SA", { SS_IKE_SA, SS_IKE_SA } },
	{ "VPN IKEv2 P2", { SS_CHILD_SA, SS_CHILD_SA } },
	{ "VPN ESP SEQ", { SS_LEASE, SS_COUNTERS } },
};

/* Messages of the snapshot channel; none while it goes through Corosync. */
static void fill_channel_row(const struct world *w, struct view_failover *v)
{
	struct view_stateful *r = &v->rows[v->n_rows++];

	snprintf(r->name, sizeof(r->name), "Snapshot");
	r->rerr = w->snapshot_refused;
	if (!w->channel)
		return;
	const struct ss_zmq_stats *st = ss_zmq_stats(w->channel);
	r->xmit = st->sent;
	r->xerr = st->send_failed;
	r->rcv = st->received;
	r->rerr += st->unexpected;
}

static void fill_rows(const struct world *w, const struct cl_group_status *st,
		      struct view_failover *v)
{
	const struct hf_core_stats *core = hf_core_stats(w->core);
	struct view_stateful *r = &v->rows[v->n_rows++];

	snprintf(r->name, sizeof(r->name), "General");
	r->xmit = st->records_sent;
	r->xerr = w->mcast_errors; /* of the node: with its first group */
	r->rcv = st->records_received;
	r->rerr = (w == w->first ? st->messages_refused : 0) + core->import_errors;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r = &v->rows[v->n_rows++];
		snprintf(r->name, sizeof(r->name), "%s", rows[i].name);
		for (enum ss_kind k = rows[i].kinds[0]; k <= rows[i].kinds[1]; k++) {
			r->xmit += core->records_out[k];
			r->rcv += core->records_in[k];
		}
	}
	fill_channel_row(w, v);
}

static void fill_queues(const struct world *w, const struct cl_group_status *st,
			struct view_failover *v)
{
	v->recv.total = st->records_received;
	v->xmit.total = st->records_sent;
	v->xmit.max = w->xmit_queue_max;
	if (st->role == CL_ROLE_ACTIVE)
		v->xmit.current = st->appended - st->committed;
}

static void fill_preference(const struct world *w, struct view_failover *v)
{
	const struct config_failover *f = &w->config->failover;

	for (size_t i = 0; i < f->n_groups; i++) {
		const struct config_failover_group *g = &f->groups[i];
		if (g->id != w->group)
			continue;
		v->preferred_unit = g->prefer ? g->prefer : UNIT_PRIMARY;
		v->preempt = g->preempt;
		v->preempt_s = g->preempt_s;
	}
}

static enum result get_failover(void *ctx, uint8_t group, struct view_failover *v)
{
	struct world *w = world_of(ctx, group);
	struct cl_group_status st;

	if (!w)
		return R_NOT_FOUND;
	enum result res = cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(),
					  &st);
	if (res != R_OK)
		return res;
	v->enabled = w->config->failover.enabled;
	snprintf(v->cluster_name, sizeof(v->cluster_name), "%s", w->config->failover.cluster_name);
	v->cluster_up = w->first->transport != NULL;
	v->quorate = st.quorate;
	v->heartbeat_ms = HEARTBEAT_MS;
	v->deadline_ms = w->config->failover.deadline_ms;
	v->last_failover = w->last_failover;
	v->interface_poll_ms = w->config->monitoring.poll_ms;
	v->interface_hold_s = w->config->monitoring.hold_s;
	v->interface_policy = w->config->monitoring.policy;
	v->interface_policy_percent = w->config->monitoring.percent;
	fill_self(w, &st, &v->self);
	for (size_t i = 0; i < st.n_members && v->n_others < VIEW_OTHERS_MAX; i++)
		if (!st.members[i].self)
			fill_other(w, &st.members[i], &v->others[v->n_others++]);
	if (v->enabled)
		fill_absent(w, &st, v);
	qsort(v->others, v->n_others, sizeof(v->others[0]), host_compare);
	v->members_expected = w->facts.expected_votes;
	fill_rows(w, &st, v);
	fill_queues(w, &st, v);
	v->group = w->group;
	fill_preference(w, v);
	snprintf(v->state_trouble, sizeof(v->state_trouble), "%s", w->first->state_trouble);
	v->takeovers = st.takeovers;
	v->handovers = st.handovers;
	v->is_protected = st.is_protected;
	v->term = st.term;
	snprintf(v->role_manager, sizeof(v->role_manager), "%s",
		 w->config->failover.role_manager == ROLE_MANAGER_PACEMAKER ? "pacemaker"
									    : "internal");
	snprintf(v->last_takeover, sizeof(v->last_takeover), "%s", w->last_why);
	v->last_takeover_suspect = w->last_suspect;
	v->last_takeover_ms = w->last_takeover_ms;
	v->heartbeat_seen = st.heartbeat_age_ms != UINT64_MAX;
	v->heartbeat_age_ms = v->heartbeat_seen ? (uint32_t)st.heartbeat_age_ms : 0;
	v->log_position = st.role == CL_ROLE_ACTIVE ? st.appended : st.applied;
	v->acked_position = st.role == CL_ROLE_ACTIVE ? st.committed : st.applied;
	v->held = hf_core_stats(w->core)->held_now;
	v->unprotected_releases = st.degraded;
	v->suspect_takeovers = st.suspect_takeovers;
	v->unfenced_node = st.unfenced_node;
	v->split_brains_lost = st.split_brains;
	v->split_brains_merged = st.merges;
	v->merged_taken = st.merged_taken;
	v->merged_anew = st.merged_anew;
	v->merged_rekeyed = st.merged_rekeyed;
	v->merges_failed = st.merges_failed;
	return R_OK;
}

static enum result get_version(void *ctx, struct view_version *v)
{
	const struct world *w = ctx;

	snprintf(v->version, sizeof(v->version), "%s", PACKAGE_VERSION);
	snprintf(v->hostname, sizeof(v->hostname), "%s", w->config->hostname);
	v->uptime_s = (world_now_ns() - w->started_ns) / 1000000000u;
	snprintf(v->openssl, sizeof(v->openssl), "%s", OpenSSL_version(OPENSSL_VERSION));
#ifdef HAVE_IPSEC_MB
	snprintf(v->ipsec_mb, sizeof(v->ipsec_mb), "in use");
#endif
	if (w->config->failover.enabled && w->transport)
		snprintf(v->corosync, sizeof(v->corosync), "connected");
	v->workers = w->n_workers;
	return R_OK;
}

struct named_counter {
	const char *protocol, *name;
	uint64_t value;
};

/* What another group has counted already grows. */
static bool add_value(struct view_counter_list *out, const char *protocol, const char *name,
		      uint64_t value)
{
	for (size_t i = 0; i < out->n; i++)
		if (strcmp(out->list[i].name, name) == 0 &&
		    strcmp(out->list[i].protocol, protocol) == 0) {
			out->list[i].value += value;
			return true;
		}
	return view_counter_add(out, protocol, name, value);
}

static bool add_named(struct view_counter_list *out, const struct named_counter *list, size_t n)
{
	bool ok = true;

	for (size_t i = 0; i < n; i++)
		ok = add_value(out, list[i].protocol, list[i].name, list[i].value) && ok;
	return ok;
}

/* The reasons: every verdict of the datapath, every result of the engine, by the
 * names of their catalogues. */
static bool add_refusals(const struct world *w, const struct ike_stats *ike,
			 struct view_counter_list *out)
{
	char name[48];
	bool ok = true;

	for (unsigned int v = 0; v < ESP_V_COUNT_; v++)
		for (int in = 0; in < 2; in++) {
			snprintf(name, sizeof(name), "%s-%s", in ? "in" : "out",
				 esp_verdict_name(v));
			ok = add_value(out, "ESP", name,
				       esp_datapath_verdicts(w->datapath, v, in)) &&
			     ok;
		}
	for (unsigned int r = R_OK + 1; r < R_COUNT_; r++)
		ok = add_value(out, "IKEV2", result_name(r), ike->refused[r]) && ok;
	return ok;
}

static bool add_channel(const struct world *w, struct view_counter_list *out)
{
	static const struct ss_zmq_stats none;
	const struct ss_zmq_stats *st = w->channel ? ss_zmq_stats(w->channel) : &none;
	const struct named_counter named[] = {
		{ "SNAPSHOT", "messages-sent", st->sent },
		{ "SNAPSHOT", "messages-received", st->received },
		{ "SNAPSHOT", "bytes-sent", st->sent_bytes },
		{ "SNAPSHOT", "bytes-received", st->received_bytes },
		{ "SNAPSHOT", "send-failed", st->send_failed },
		{ "SNAPSHOT", "connections-admitted", st->admitted },
		{ "SNAPSHOT", "connections-refused", st->refused },
		{ "SNAPSHOT", "connections-failed", st->failed },
		{ "SNAPSHOT", "messages-unexpected", st->unexpected },
		{ "SNAPSHOT", "messages-refused", w->snapshot_refused },
	};

	return add_named(out, named, sizeof(named) / sizeof(named[0]));
}

static enum result add_group(const struct world *w, struct view_counter_list *out)
{
	const struct ike_stats *ike = ike_engine_stats(hf_core_engine(w->core));
	const struct hf_core_stats *core = hf_core_stats(w->core);
	struct cl_group_status st = { 0 };
	enum result res = cl_group_status(hf_core_cluster_node(w->core), w->group, world_now_ns(),
					  &st);
	const struct named_counter named[] = {
		{ "IKEV2", "retransmits-sent", ike->retransmits_sent },
		{ "IKEV2", "retransmits-answered", ike->retransmits_answered },
		{ "IKEV2", "cookies-sent", ike->cookies_sent },
		{ "IKEV2", "half-open", ike->half_open },
		{ "IKEV2", "auth-failed", ike->auth_failed },
		{ "IKEV2", "rekeys-ike", ike->rekeys_ike },
		{ "IKEV2", "rekeys-child", ike->rekeys_child },
		{ "IKEV2", "collisions", ike->collisions },
		{ "IKEV2", "message-id-syncs-sent", ike->syncs_sent },
		{ "IKEV2", "message-id-syncs-done", ike->syncs_done },
		{ "IKEV2", "message-id-syncs-failed", ike->syncs_failed },
		{ "IKEV2", "message-id-syncs-answered", ike->syncs_answered },
		{ "IKEV2", "replay-counter-syncs-answered", ike->replay_syncs_answered },
		{ "HA", "held-total", core->held_total },
		{ "HA", "released", core->released },
		{ "HA", "dropped-role", core->dropped_role },
		{ "HA", "dropped-deadline", core->dropped_deadline },
		{ "HA", "import-errors", core->import_errors },
		{ "HA", "leases-granted", core->leases_granted },
		{ "HA", "leases-refused", core->leases_refused },
		{ "HA", "checkpoints", core->checkpoints },
		{ "HA", "rekeys-after-takeover", core->rekeys_after_takeover },
		{ "HA", "relay-errors", w->relay_errors },
		{ "HA", "messages-refused", st.messages_refused },
		{ "HA", "takeovers", st.takeovers },
		{ "HA", "suspect-takeovers", st.suspect_takeovers },
		{ "HA", "handovers", st.handovers },
		{ "HA", "claims-refused", st.claims_refused },
		{ "HA", "unprotected", st.degraded },
	};

	if (res != R_OK)
		return res;
	bool ok = add_refusals(w, ike, out);
	ok = add_named(out, named, sizeof(named) / sizeof(named[0])) && ok;
	return ok ? R_OK : R_NO_MEMORY;
}

static enum result get_counters(void *ctx, struct view_counter_list *out)
{
	const struct world *w = ctx;
	const struct named_counter named[] = {
		{ "HA", "mcast-errors", w->mcast_errors },
		{ "PLAIN", "tables-restored", w->tables_restored },
	};
	enum result res = R_OK;

	for (const struct world *each = w; each && res == R_OK; each = each->next)
		res = add_group(each, out);
	if (res == R_OK &&
	    !(add_named(out, named, sizeof(named) / sizeof(named[0])) && add_channel(w, out)))
		res = R_NO_MEMORY;
	return res;
}

static const struct config *get_config(void *ctx)
{
	const struct world *w = ctx;
	return w->config;
}

/* ---- actions ---- */

struct clearing {
	struct world *w;
	const struct inet_addr *peer;
	unsigned int n;
	char names[64][IKE_NAME_MAX];
};

static void collect(void *ctx, const struct ike_sa_state *s)
{
	struct clearing *c = ctx;

	if (s->stage == IKE_SA_DEAD || (c->peer && !inet_equal(c->peer, &s->remote.addr)))
		return;
	if (c->n < 64)
		snprintf(c->names[c->n], IKE_NAME_MAX, "%s", s->connection);
	c->n++;
}

static unsigned int clear_group(struct world *w, const struct inet_addr *peer)
{
	struct clearing c = { .w = w, .peer = peer };

	ike_each_sa(hf_core_engine(w->core), collect, &c);
	if (!peer)
		hf_core_clear(w->core, world_now_ns(), "");
	for (unsigned int i = 0; peer && i < c.n && i < 64; i++)
		hf_core_clear(w->core, world_now_ns(), c.names[i]);
	world_touch(w);
	return c.n;
}

static enum result clear_ike(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
			     char why[ADMIN_WHY_MAX])
{
	bool any = false;

	*cleared = 0;
	for (struct world *w = ctx; w; w = w->next)
		if (w->role == CL_ROLE_ACTIVE) {
			any = true;
			*cleared += clear_group(w, peer);
		}
	if (any)
		return R_OK;
	snprintf(why, ADMIN_WHY_MAX, "this unit is not active; run it on the active unit");
	return R_NOT_OWNER;
}

/* NULL: it can be asked for. */
static const char *cannot_move(const struct world *w, bool active)
{
	if (active && w->role != CL_ROLE_ACTIVE && world_is_drained(w))
		return "this node is drained: holdfast node resume";
	if (active || w->role != CL_ROLE_ACTIVE)
		return NULL;
	if (world_only_drained(w))
		return "the standby is drained; see show failover";
	return cl_is_protected(hf_core_cluster_node(w->core), w->group)
		       ? NULL
		       : "no protected standby to hand over to; see show failover";
}

static void group_move(struct world *w, bool active)
{
	struct cl_input in = { .kind = active ? CL_IN_GO_ACTIVE : CL_IN_GO_STANDBY,
			       .group = w->group };

	if (active != (w->role == CL_ROLE_ACTIVE))
		hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static enum result failover_active(void *ctx, bool active, uint8_t group, char why[ADMIN_WHY_MAX])
{
	struct world *w = ctx;
	bool any = false;

	/* Alone with Pacemaker: promote is a command there too. */
	if (!w->config->failover.enabled &&
	    w->config->failover.role_manager != ROLE_MANAGER_PACEMAKER) {
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
		return R_CONFIG;
	}
	for (struct world *each = w; each; each = each->next) {
		if (group && each->group != group)
			continue;
		any = any || each->role == CL_ROLE_ACTIVE;
		if (!cannot_move(each, active))
			continue;
		snprintf(why, ADMIN_WHY_MAX, "%s", cannot_move(each, active));
		return R_NOT_SYNCED;
	}
	if (!active && !any) {
		snprintf(why, ADMIN_WHY_MAX, "this unit is not active");
		return R_NOT_OWNER;
	}
	for (struct world *each = w; each; each = each->next)
		if (!group || each->group == group)
			group_move(each, active);
	return R_OK;
}

static enum result node_fenced(void *ctx, uint32_t node_id, char why[ADMIN_WHY_MAX])
{
	struct world *w = ctx;
	struct cl_input in = { .kind = CL_IN_FENCED, .from_node_id = node_id };

	if (!w->config->failover.enabled) {
		snprintf(why, ADMIN_WHY_MAX, "failover is not configured");
		return R_CONFIG;
	}
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
	return R_OK;
}

void admin_ops_fill(struct world *w, struct admin_ops *out)
{
	*out = (struct admin_ops){
		.ctx = w,
		.ike_sas = get_ike_sas,
		.child_sas = get_child_sas,
		.failover = get_failover,
		.version = get_version,
		.counters = get_counters,
		.config = get_config,
		.clear_ike = clear_ike,
		.crypto_maps = admin_crypto_maps,
		.clear_children = admin_clear_children,
		.initiate = admin_initiate,
		.failover_active = failover_active,
		.node_fenced = node_fenced,
	};
	admin_failover_fill(out);
}
