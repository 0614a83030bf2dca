/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The IKE engine's effects: into records, the hold queue and the datapath.
 * What the engine says has changed becomes a record of this turn; what a peer
 * could see waits for it (R4, R5).
 */
#include <stdlib.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "node/core_private.h"

static void record_ike_sa(struct hf_core *c, uint64_t ike_spi)
{
	struct ike_sa_state s = { 0 };
	struct ss_record r = { 0 };

	/* Changed and gone again within one step: its GONE effect follows. */
	if (ike_export_sa(c->engine, ike_spi, &s) != R_OK)
		return;
	if (hf_rule_broken(HF_RULE_FROM_WHEN) && s.stage >= IKE_SA_AUTH_SENT &&
	    s.next_request_id + s.expected_request_id <= 2) {
		ike_sa_state_clear(&s);
		return;
	}
	if (hf_rule_broken(HF_RULE_RECORD) && s.next_request_id > 0)
		s.next_request_id--;
	if (hf_rule_broken(HF_RULE_EPHEMERAL))
		secret_wipe(&s.outstanding.dh_private);
	must(ss_encode_ike_sa(&s, &r) == R_OK);
	core_record(c, &r);
	ike_sa_state_clear(&s);
}

static void record_child_sa(struct hf_core *c, uint32_t spi_in)
{
	struct child_sa_state s = { 0 };
	struct ss_record r = { 0 };

	if (ike_export_child(c->engine, spi_in, &s) != R_OK)
		return;
	must(ss_encode_child_sa(&s, &r) == R_OK);
	core_record(c, &r);
	child_sa_state_clear(&s);
}

static void record_gone(struct hf_core *c, enum ss_kind kind, uint64_t key)
{
	struct ss_record r = { 0 };

	ss_encode_erase(kind, key, &r);
	core_record(c, &r);
}

static void record_peer_index(struct hf_core *c, const struct peer_index_state *s)
{
	struct ss_record r = { 0 };

	must(ss_encode_peer_index(s, &r) == R_OK);
	core_record(c, &r);
}

static void hold_send(struct hf_core *c, struct ike_effect *fx)
{
	struct held h = {
		.kind = HELD_SEND,
		.local = fx->local,
		.remote = fx->remote,
		.udp_encap = fx->udp_encap,
		.response = fx->response,
		.exchange = fx->exchange,
		.token = fx->token,
		.ike_spi = fx->ike_spi,
	};

	/* Past the deadline a response could not leave anyway, and the peer asks again: a stalled
	 * log must not let repeated requests pile up here. */
	if (fx->response && !hf_core_may_send(c, c->now_ns)) {
		c->stats.dropped_deadline++;
		return;
	}
	buf_move(&h.datagram, &fx->datagram);
	core_hold(c, &h);
}

static void hold_use_outbound(struct hf_core *c, const struct ike_effect *fx)
{
	struct held h = { .kind = HELD_USE_OUTBOUND, .spi_in = fx->spi_in };

	core_hold(c, &h);
	if (hf_rule_broken(HF_RULE_FIRST_USE))
		(void)!esp_child_use_outbound(c->datapath, fx->spi_in);
}

static void send_now(struct hf_core *c, const struct ike_effect *fx)
{
	if (!hf_core_may_send(c, c->now_ns)) {
		c->stats.dropped_deadline++;
		return;
	}
	c->ops.send_ike(c->ops_ctx, &fx->local, &fx->remote, fx->udp_encap,
			buf_bytes(&fx->datagram));
}

static void carry_out(struct hf_core *c, struct ike_effect *fx)
{
	switch (fx->kind) {
	case IKE_FX_SEND:
		hold_send(c, fx);
		break;
	case IKE_FX_SEND_NOW:
		send_now(c, fx);
		break;
	case IKE_FX_IKE_SA_CHANGED:
		record_ike_sa(c, fx->ike_spi);
		break;
	case IKE_FX_CHILD_SA_CHANGED:
		record_child_sa(c, fx->spi_in);
		core_child_recorded(c, fx->spi_in);
		break;
	case IKE_FX_IKE_SA_GONE:
		record_gone(c, SS_IKE_SA, fx->ike_spi);
		break;
	case IKE_FX_CHILD_SA_GONE:
		record_gone(c, SS_CHILD_SA, fx->spi_in);
		core_child_remove(c, fx->spi_in);
		break;
	case IKE_FX_CHILD_INSTALL:
		core_child_install(c, fx->child);
		break;
	case IKE_FX_CHILD_USE_OUTBOUND:
		hold_use_outbound(c, fx);
		break;
	case IKE_FX_CHILD_STOP_OUTBOUND:
		esp_child_stop_outbound(c->datapath, fx->spi_in);
		break;
	case IKE_FX_CHILD_REMOVE:
		core_child_remove(c, fx->spi_in);
		break;
	case IKE_FX_CHILD_SKIP_OUTBOUND:
		core_replay_skip(c, fx->spi_in, fx->delta);
		break;
	case IKE_FX_CHILD_REPLAY_SYNCED:
		core_replay_synced(c, fx->spi_in);
		break;
	case IKE_FX_CHILD_MOVED:
		if (esp_child_move(c->datapath, fx->spi_in, &fx->local, &fx->remote,
				   fx->udp_encap) != R_OK)
			c->stats.import_errors++;
		break;
	case IKE_FX_PEER_INDEX_CHANGED:
		record_peer_index(c, fx->peer_index);
		break;
	case IKE_FX_JOB:
		c->ops.run_job(c->ops_ctx, fx->job);
		fx->job = NULL;
		break;
	case IKE_FX_LOG:
		c->ops.log(c->ops_ctx, &fx->log);
		break;
	}
}

void core_ike(struct hf_core *c, const struct ike_input *in)
{
	struct ike_outbox out = { 0 };

	ike_step(c->engine, core_time_ms(c), in, &out);
	for (size_t i = 0; i < out.n; i++)
		carry_out(c, &out.fx[i]);
	ike_outbox_clear(&out);
	core_admission_follow(c);
}

void hf_core_datagram(struct hf_core *c, uint64_t now_ns, const struct inet_endpoint *local,
		      const struct inet_endpoint *remote, struct bytes datagram)
{
	struct ike_input in = {
		.kind = IKE_IN_DATAGRAM, .local = *local, .remote = *remote, .datagram = datagram
	};

	c->now_ns = now_ns;
	core_ike(c, &in);
}

void hf_core_job_done(struct hf_core *c, uint64_t now_ns, struct ike_job *adopt_job)
{
	struct ike_input in = { .kind = IKE_IN_JOB_DONE, .job = adopt_job };

	c->now_ns = now_ns;
	core_ike(c, &in);
}

void hf_core_initiate(struct hf_core *c, uint64_t now_ns, const char *connection)
{
	struct ike_input in = { .kind = IKE_IN_INITIATE, .connection = connection };

	c->now_ns = now_ns;
	core_ike(c, &in);
}

static void clear(struct hf_core *c, uint64_t now_ns, enum ike_input_kind kind,
		  const struct inet_addr *peer)
{
	struct ike_input in = { .kind = kind };

	if (peer)
		in.remote.addr = *peer;
	c->now_ns = now_ns;
	core_ike(c, &in);
}

void hf_core_clear(struct hf_core *c, uint64_t now_ns, const struct inet_addr *peer)
{
	clear(c, now_ns, IKE_IN_CLEAR, peer);
}

void hf_core_clear_children(struct hf_core *c, uint64_t now_ns, const struct inet_addr *peer)
{
	clear(c, now_ns, IKE_IN_CLEAR_CHILDREN, peer);
}

struct map_wanted {
	const char *map;
	uint32_t seq;
	const struct ike_crypto_map *found;
};

static void find_map(void *ctx, const struct tunnel_entry *t)
{
	struct map_wanted *m = ctx;

	if (t->s.seq == m->seq && strcmp(t->s.map, m->map) == 0)
		m->found = t->map;
}

enum result hf_core_initiate_map(struct hf_core *c, uint64_t now_ns, const char *map, uint32_t seq)
{
	struct map_wanted m = { .map = map, .seq = seq };

	c->now_ns = now_ns;
	ike_each_map(c->engine, find_map, &m);
	if (!m.found)
		return R_NOT_FOUND;
	for (size_t i = 0; i < m.found->n_tunnels; i++) {
		struct ike_input in = { .kind = IKE_IN_INITIATE, .tunnel = m.found->tunnels[i] };
		core_ike(c, &in);
	}
	return R_OK;
}

static void on_acquire(struct hf_core *c, const struct esp_event *ev)
{
	struct ike_input in = {
		.kind = IKE_IN_INITIATE,
		.tunnel = ev->tunnel,
		.have_packet = true,
		.packet_local = ev->packet_local,
		.packet_remote = ev->packet_remote,
	};
	core_ike(c, &in);
}

void hf_core_esp_event(struct hf_core *c, uint64_t now_ns, const struct esp_event *ev)
{
	c->now_ns = now_ns;
	if (c->role != CL_ROLE_ACTIVE)
		return;
	switch (ev->kind) {
	case ESP_EVENT_ACQUIRE:
		on_acquire(c, ev);
		break;
	case ESP_EVENT_LEASE_LOW: {
		struct core_child *k = core_child_find(c, ev->spi_in);
		if (k)
			core_child_lease(c, k);
		break;
	}
	case ESP_EVENT_PEER_MOVED: {
		struct ike_input in = { .kind = IKE_IN_PEER_MOVED,
					.spi_in = ev->spi_in,
					.remote = ev->remote,
					.local = ev->local };
		core_ike(c, &in);
		break;
	}
	case ESP_EVENT_REPLAY_EXPOSED: {
		/* R18: measured; until now it was an estimate. */
		struct core_child *k = core_child_find(c, ev->spi_in);
		if (k)
			k->exposure = ev->exposed;
		break;
	}
	case ESP_EVENT_UNKNOWN_SPI:
		/* Counted by the worker; INVALID_SPI is never sent: it could name an SA that lives
		 * elsewhere (R13). */
		break;
	}
}
