/* SPDX-License-Identifier: Apache-2.0 */
/* What the core asks the world to do. Each op is short: the core is waiting. */
#include <stdlib.h>
#include <time.h>

#include "base/must.h"
#include "node/udp_ike.h"
#include "node/world.h"

#define NS_PER_MS         1000000ull
#define ANNOUNCE_TIMES    6u
#define ANNOUNCE_NS       (200 * NS_PER_MS)
#define RELAY_LOOK_NS     (200 * NS_PER_MS)
#define TAKEOVER_LIMIT_NS (1500 * NS_PER_MS)
#define RELAY_IDLE_MS     2000u /* R19 */
#define DELETE_LINGER_NS  (300 * NS_PER_MS)

static void op_send_ike(void *ctx, const struct inet_endpoint *local,
			const struct inet_endpoint *remote, bool udp_encap, struct bytes datagram)
{
	struct world *w = ctx;
	bool keepalive = datagram.len == 1 && datagram.p[0] == 0xff;
	int fd = udp_encap || local->port == 4500 ? w->udp4500_fds[0] : w->udp500_fd;

	/* R12: the process may have slept since the turn began. */
	if (!hf_core_may_send(w->core, world_now_ns()))
		return;
	/* A lost datagram is what IKE's retransmission is for. */
	(void)!udp_ike_send(fd, remote, udp_encap && !keepalive, datagram);
}

static void op_mcast(void *ctx, struct bytes message)
{
	world_mcast(((struct world *)ctx)->first, message);
}

static void op_snapshot_send(void *ctx, uint8_t slot, struct bytes message)
{
	world_snapshot_send(ctx, slot, message);
}

static void op_snapshot_ask(void *ctx, uint8_t slot, const struct inet_addr *owner,
			    struct bytes message)
{
	world_snapshot_ask(ctx, slot, owner, message);
}

static void op_ack(void *ctx, const struct inet_addr *owner, struct bytes message)
{
	world_ack_send(((struct world *)ctx)->first, owner, message);
}

/* w: the first. */
void world_term_written(void *ctx, uint32_t group, uint64_t term, int err)
{
	struct world *w = world_of(ctx, group);

	must(w);
	world_state_written(w, group, term, err);
	hf_core_term_written(w->core, world_now_ns(), group, term, err == 0);
	world_touch(w);
}

/* The answer is an input to the core. */
static void op_write_term(void *ctx, uint32_t group, uint64_t term, bool earlier_unknown)
{
	struct world *w = ctx;
	const struct term_file file = { .term = term, .earlier_unknown = earlier_unknown };

	if (w->first->terms)
		term_writer_write(w->first->terms, group, &file);
}

static void op_run_job(void *ctx, struct ike_job *job)
{
	struct world *w = ctx;
	crypto_pool_run(w->pool, job);
}

/* Without quorum another one owns by now, or will: its word is not to be contradicted. */
static bool may_announce(const struct world *w)
{
	struct cl_group_status st;
	const uint64_t now = world_now_ns();

	return hf_core_may_send(w->core, now) &&
	       cl_group_status(hf_core_cluster_node(w->core), w->group, now, &st) == R_OK &&
	       st.quorate;
}

static void announce_again(void *data)
{
	struct world *w = data;

	if (w->role != CL_ROLE_ACTIVE)
		return;
	if (may_announce(w))
		address_announce(w->address);
	if (--w->announces_left)
		qb_loop_timer_add(w->loop, QB_LOOP_LOW, ANNOUNCE_NS, w, announce_again,
				  &w->announce_timer);
}

/* What asked for the takeover: a view without the owner, or the owner itself. A silent owner is not
 * noticed but missed. */
static uint32_t takeover_ms(const struct world *w, uint64_t now)
{
	const uint64_t noticed = w->first->noticed_ns, took = now - noticed;
	return noticed && took < TAKEOVER_LIMIT_NS ? (uint32_t)(took / NS_PER_MS) + 1 : 0;
}

static void note_role(struct world *w, const struct hf_role_change *ch)
{
	uint64_t now = world_now_ns();

	if (ch->role == CL_ROLE_PREPARING)
		w->first->noticed_ns = now;
	if ((w->role == CL_ROLE_ACTIVE) != (ch->role == CL_ROLE_ACTIVE))
		w->last_failover = (int64_t)time(NULL);
	if (w->role == CL_ROLE_ACTIVE && ch->role != CL_ROLE_ACTIVE)
		w->active_total_ns += now - w->active_since_ns;
	if (w->role != CL_ROLE_ACTIVE && ch->role == CL_ROLE_ACTIVE) {
		w->active_since_ns = now;
		w->last_suspect = ch->suspect;
		w->last_takeover_ms = takeover_ms(w, now);
		snprintf(w->last_why, sizeof(w->last_why), "%s", ch->why ? ch->why : "");
	}
	w->role = ch->role;
}

/*
 * Both ends of a handover have the same key; the next owner opens with it and
 * sends nothing. Group and the former owner's term, which both know, make it
 * this handover's alone: nothing recorded in another one can be played again.
 * HELLO announces the port of group 1.
 */
static void relay_keyed(struct world *w, uint32_t group, const struct inet_endpoint *mate)
{
	SECRET key = { 0 };
	struct inet_endpoint to = *mate;
	struct log_event ev;
	struct cl_group_status st;
	char label[48];

	if (cl_group_status(hf_core_cluster_node(w->core), group, world_now_ns(), &st) != R_OK)
		return;
	if (to.port)
		to.port = (uint16_t)(to.port + group - 1);
	snprintf(label, sizeof(label), "holdfast relay %u %llu", group,
		 (unsigned long long)st.term);
	if (ss_key_derive(&w->first->failover_key, label, &key) == R_OK &&
	    esp_relay_set(w->datapath, (uint8_t)group, world_now_ns(), &to, &key) == R_OK)
		return;
	log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL, "stragglers cannot be relayed");
	log_emit(&ev);
}

static void take_addresses(struct world *w, enum address_state state, bool announce)
{
	if (address_set(w->address, state) != R_OK) {
		struct log_event ev;
		log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL,
			       "service addresses cannot be changed");
		log_emit(&ev);
	}
	if (!announce)
		return;
	if (w->announces_left)
		qb_loop_timer_del(w->loop, w->announce_timer);
	w->announces_left = ANNOUNCE_TIMES;
	announce_again(w);
}

static void op_role(void *ctx, const struct hf_role_change *ch)
{
	struct world *w = ctx;
	enum address_state state = ADDRESS_NONE;

	note_role(w, ch);
	if (ch->role == CL_ROLE_PREPARING) {
		const struct inet_endpoint nobody = { .port = 0 };
		relay_keyed(w, ch->group, &nobody);
	}
	if (ch->role == CL_ROLE_ACTIVE)
		state = ADDRESS_OWNED;
	else if (ch->role == CL_ROLE_RELEASING)
		return;
	else if (ch->handover)
		state = ADDRESS_RELAYED;
	take_addresses(w, state, ch->announce);
}

static void op_silence(void *ctx, uint32_t group, bool silent)
{
	(void)group;
	take_addresses(ctx, silent ? ADDRESS_SILENT : ADDRESS_OWNED, !silent);
}

static void look_at_relay(void *data)
{
	struct world *w = data;

	if (!hf_core_relaying(w->core))
		return;
	if (esp_relay_idle_ms(w->datapath, w->group, world_now_ns()) >= RELAY_IDLE_MS) {
		hf_core_relay_done(w->core, world_now_ns(), w->group);
		world_touch(w);
		return;
	}
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, RELAY_LOOK_NS, w, look_at_relay, &w->relay_timer);
}

static void op_relay_begin(void *ctx, uint32_t group, const struct inet_endpoint *mate)
{
	struct world *w = ctx;

	relay_keyed(w, group, mate);
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, RELAY_LOOK_NS, w, look_at_relay, &w->relay_timer);
}

/* The process may go when every group has. */
static void group_stopped(struct world *w)
{
	w->stopped = true;
	for (const struct world *each = w->first; each; each = each->next)
		if (!each->stopped)
			return;
	qb_loop_stop(w->loop);
}

static void op_relay_end(void *ctx, uint32_t group)
{
	struct world *w = ctx;

	(void)group;
	if (w->role != CL_ROLE_ACTIVE && address_set(w->address, ADDRESS_NONE) != R_OK) {
		struct log_event ev;
		log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL,
			       "service addresses cannot be given up");
		log_emit(&ev);
	}
	if (w->first->stopping)
		group_stopped(w);
}

static void op_protection(void *ctx, uint32_t group, bool is_protected)
{
	/* Shown by show failover; the cluster logic has logged it. */
	(void)ctx;
	(void)group;
	(void)is_protected;
}

static void op_log(void *ctx, const struct log_event *ev)
{
	(void)ctx;
	log_emit(ev);
}

static void stop_group(void *data)
{
	group_stopped(data);
}

static void delete_and_stop(void *data)
{
	struct world *w = data;
	qb_loop_timer_handle linger;

	hf_core_clear(w->core, world_now_ns(), NULL);
	world_touch(w);
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, DELETE_LINGER_NS, w, stop_group, &linger);
}

/* R21: DELETE only when nobody is there to go on and the operator asked for it. */
static void op_stopped(void *ctx, bool ok)
{
	struct world *w = ctx;
	bool say_delete = !ok && w->config->disconnect_notify && w->role == CL_ROLE_ACTIVE &&
			  !cl_is_protected(hf_core_cluster_node(w->core), w->group);

	if (hf_core_relaying(w->core))
		return; /* op_relay_end stops the loop */
	world_soon(w, QB_LOOP_LOW, w, say_delete ? delete_and_stop : stop_group);
}

static void op_command_done(void *ctx, bool ok, const char *why)
{
	struct log_event ev;

	(void)ctx;
	log_event_make(&ev, LOG_CLUSTER_HANDOVER, NULL, NULL, NULL, "%s: %s",
		       ok ? "done" : "failed", why);
	log_emit(&ev);
}

const struct hf_core_ops world_ops = {
	.send_ike = op_send_ike,
	.mcast = op_mcast,
	.snapshot_send = op_snapshot_send,
	.snapshot_ask = op_snapshot_ask,
	.ack = op_ack,
	.write_term = op_write_term,
	.run_job = op_run_job,
	.role = op_role,
	.relay_begin = op_relay_begin,
	.relay_end = op_relay_end,
	.silence = op_silence,
	.protection = op_protection,
	.log = op_log,
	.stopped = op_stopped,
	.command_done = op_command_done,
	.exec = world_exec,
	.config = world_config,
};
