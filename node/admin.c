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

#define PATH_MTU 1500u

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

static const struct config *get_config(void *ctx)
{
	const struct world *w = ctx;
	return w->config;
}

/* ---- actions ---- */

struct clearing {
	const struct inet_addr *peer;
	unsigned int n;
};

static void count(void *ctx, const struct ike_sa_state *s)
{
	struct clearing *c = ctx;

	c->n += s->stage != IKE_SA_DEAD && (!c->peer || inet_equal(c->peer, &s->remote.addr));
}

static unsigned int clear_group(struct world *w, const struct inet_addr *peer)
{
	struct clearing c = { .peer = peer };

	ike_each_sa(hf_core_engine(w->core), count, &c);
	hf_core_clear(w->core, world_now_ns(), peer);
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
	const char *what = cl_fenced_objection(hf_core_cluster_node(w->core), node_id);
	if (what) {
		snprintf(why, ADMIN_WHY_MAX, "node %u: %s", node_id, what);
		return R_NOT_FOUND;
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
		.failover = admin_show_failover,
		.version = get_version,
		.counters = admin_counters,
		.config = get_config,
		.clear_ike = clear_ike,
		.crypto_maps = admin_crypto_maps,
		.admission = admin_admission,
		.node_forget = admin_node_forget,
		.clear_children = admin_clear_children,
		.initiate = admin_initiate,
		.failover_active = failover_active,
		.node_fenced = node_fenced,
	};
	admin_failover_fill(out);
}
