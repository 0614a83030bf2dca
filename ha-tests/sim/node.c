/* SPDX-License-Identifier: Apache-2.0 */
/* A Holdfast process and the host that it runs on: what world.c is in the daemon, under the
 * simulated clock. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"
#include "node/core_private.h"
#include "statesync/future_schema.h"

#define MILLION   1000000u
#define DRIFT_PPM 300 /* of a clock that nobody disciplines */

static const uint8_t failover_key[32] = "the simulated pair's failover k";

/* Of a million nanoseconds; a simulated host is not up for so long that this overflows. */
static uint64_t pace(const struct node *nd)
{
	return (uint64_t)((int64_t)MILLION + nd->drift_ppm);
}

uint64_t node_now(const struct node *nd)
{
	return (nd->s->now_ns - nd->booted_ns) * pace(nd) / MILLION;
}

uint64_t node_when(const struct node *nd, uint64_t at_ns)
{
	return nd->booted_ns + (at_ns * MILLION + pace(nd) - 1) / pace(nd);
}

void node_enter(const struct node *nd)
{
	ss_future_schema_write(nd && nd->next_release);
}

struct node *node_holder(struct sim *s, const struct node *nd)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (&s->nodes[i] != nd && node_holds_state(&s->nodes[i]))
			return &s->nodes[i];
	return NULL;
}

struct node *node_owner(struct sim *s, const struct node *nd)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *other = &s->nodes[i];
		if (other != nd && other->alive && !other->paused && other->role == CL_ROLE_ACTIVE)
			return other;
	}
	return NULL;
}

bool node_holds_state(const struct node *nd)
{
	return nd->alive && nd->role != CL_ROLE_OFFLINE && nd->role != CL_ROLE_JOINING;
}

/* ---- turns ---- */

static void timer(struct sim *s, struct event *ev);

/* It was killed while the core ran. */
static void node_die(struct node *nd)
{
	if (nd->host_dying)
		node_lose_host(nd);
	else
		node_kill(nd);
}

static void arm_timer(struct node *nd)
{
	uint64_t at = hf_core_next_deadline(nd->core, node_now(nd));

	if (at == UINT64_MAX || nd->timer_ns == node_when(nd, at))
		return;
	nd->timer_ns = node_when(nd, at);
	node_at(nd, nd->timer_ns > nd->s->now_ns ? nd->timer_ns : nd->s->now_ns + US, timer)->arg =
		nd->timer_ns;
}

static void flush(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	(void)s;
	nd->flush_due = false;
	hf_core_flush(nd->core, node_now(nd));
	if (nd->dying) {
		node_die(nd);
		return;
	}
	arm_timer(nd);
	gateway_flush(&nd->gw, node_now(nd));
	node_collect(nd);
	if (nd->alive)
		laws_step(nd);
}

void node_touch(struct node *nd)
{
	if (nd->dying) {
		node_die(nd);
		return;
	}
	laws_step(nd);
	if (nd->flush_due)
		return;
	nd->flush_due = true;
	node_at(nd, nd->s->now_ns + rng_below(&nd->s->rng, 30 * US), flush);
}

static void timer(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	(void)s;
	if (ev->arg != nd->timer_ns)
		return;
	nd->timer_ns = 0;
	hf_core_timer(nd->core, node_now(nd));
	node_touch(nd);
}

/* What the worker has for control. A fault may end the process at any of it. */
void node_collect(struct node *nd)
{
	struct esp_event ev;

	while (nd->alive && !nd->dying && esp_worker_event(nd->gw.worker, &ev)) {
		hf_core_esp_event(nd->core, node_now(nd), &ev);
		node_touch(nd);
	}
}

/* ---- packets ---- */

static void take_packet(struct node *nd, const struct packet *p)
{
	if (p->kind == PACKET_IKE && p->data.len > 1) {
		if (hf_core_relaying(nd->core))
			node_relay(nd, p);
		else
			hf_core_datagram(nd->core, node_now(nd), &p->dst, &p->src,
					 buf_bytes(&p->data));
	} else if (p->kind == PACKET_ESP) {
		gateway_inbound(&nd->gw, node_now(nd), p);
	} else if (p->kind == PACKET_CLEAR) {
		gateway_outbound(&nd->gw, node_now(nd), p);
	}
	node_collect(nd);
	if (nd->alive)
		node_touch(nd);
}

static void read_packet(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;
	const struct packet *p = ev->data;

	(void)s;
	if (nd->role == CL_ROLE_PREPARING && nd->n_waiting < SOCKET_BUFFER)
		nd->waiting[nd->n_waiting++] = packet_new(p, buf_bytes(&p->data));
	else if (nd->role != CL_ROLE_PREPARING)
		take_packet(nd, p);
}

void node_packet(struct node *nd, const struct packet *p)
{
	if (!nd->alive || (!p->relayed && nd->address == ADDRESS_NONE)) {
		if (nd->s->calm)
			trace(nd->s, "%s: no such address", nd->name);
		return; /* no such address here, and no process behind the socket */
	}
	if (nd->n_backlog < SOCKET_BUFFER)
		event_own(node_at(nd, nd->s->now_ns, read_packet),
			  packet_new(p, buf_bytes(&p->data)), packet_free);
}

static void relayed(struct sim *s, struct event *ev)
{
	(void)s;
	node_packet(ev->ctx, ev->data);
}

void node_relay(struct node *nd, const struct packet *p)
{
	struct packet copy = *p;

	if (p->relayed || !nd->relay_to)
		return;
	copy.relayed = true;
	nd->straggler_ns = nd->s->now_ns;
	event_own(sim_at(nd->s, nd->s->now_ns + rng_between(&nd->s->rng, 50 * US, 400 * US),
			 relayed, nd->relay_to),
		  packet_new(&copy, buf_bytes(&copy.data)), packet_free);
}

static void unread(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	(void)s;
	for (size_t i = 0; i < nd->n_waiting; i++)
		event_own(node_at(nd, nd->s->now_ns, read_packet), nd->waiting[i], packet_free);
	nd->n_waiting = 0;
}

/* Out of READY: the socket buffers are read. */
void node_unread(struct node *nd)
{
	if (nd->n_waiting)
		node_at(nd, nd->s->now_ns, unread);
}

/* ---- start and end of a process ---- */

static void cluster_config(struct node *nd, struct cl_node_config *c)
{
	struct rng *r = &nd->s->secrets;

	*c = (struct cl_node_config){
		.node_id = nd->id,
		.slot = nd->slot,
		.version_min = 1,
		.version_max = nd->next_release ? 2 : 1,
		.token_ms = 500,
		.consensus_ms = 150,
		.manager = CL_MANAGER_INTERNAL,
		.empty_start = CL_EMPTY_FENCED,
		.wait_for_all = true,
		.expected_votes = nd->s->scenario.n_nodes,
		/* Clocks of hosts are never equal, and some are set to another hour. */
		.realtime_ms = 1700000000000ull + nd->s->now_ns / MS_NS + nd->id * 137u +
			       nd->id % 3 * 3600000ull + (uint64_t)nd->realtime_off_ms,
		.start_ns = node_now(nd),
		.on_seal = laws_cluster_seal,
		.on_seal_ctx = nd,
		.n_groups = 1,
		.groups = { { .group = GROUP, .preferred_slot = 1 } },
		.term_on_disk = { nd->term_on_disk },
		.terms_unknown = { nd->terms_unknown },
	};
	must(secret_set(&c->failover_key, bytes(failover_key, sizeof(failover_key))) == R_OK);
	rng_fill(r, c->salt, sizeof(c->salt));
	rng_fill(r, c->hash_seed, sizeof(c->hash_seed));
}

static void core_random(void *ctx, uint8_t *out, size_t len)
{
	const struct node *nd = ctx;

	rng_fill(&nd->s->secrets, out, len);
}

static void core_open(struct node *nd)
{
	struct cl_node_config cluster;
	struct hf_core_config cfg = {
		.config = nd->config,
		.cluster = &cluster,
		.datapath = nd->gw.dp,
		.now_ns = node_now(nd),
		.random = core_random,
		.random_ctx = nd,
		.ops = &node_ops,
		.ops_ctx = nd,
		.on_seal = laws_ike_seal,
		.on_seal_ctx = &nd->gw,
		.on_row = matrix_row,
		.on_row_ctx = nd,
	};

	cluster_config(nd, &cluster);
	core_random(nd, cfg.hash_seed, sizeof(cfg.hash_seed));
	must(hf_core_new(&cfg, &nd->core) == R_OK);
}

void node_start(struct node *nd)
{
	if (!nd->up || nd->alive)
		return;
	nd->incarnation++;
	nd->next_release = nd->s->scenario.rolling_upgrade && (nd->index + nd->incarnation) % 2;
	node_enter(nd);
	nd->pid = 1000 + nd->incarnation;
	nd->alive = true;
	nd->paused = nd->stopping = nd->dying = nd->host_dying = nd->flush_due = nd->is_protected =
		nd->has_held = false;
	nd->role = CL_ROLE_OFFLINE;
	nd->term = nd->timer_ns = 0;
	nd->address = ADDRESS_NONE;
	nd->die_at = DIE_NOT;
	nd->config = scenario_node_config(nd->s, nd->index);
	nd->gw = (struct gateway){ .s = nd->s, .node = nd };
	gateway_open(&nd->gw, nd->s->opt.broken && nd->s->opt.broken->one_slot ? 1 : nd->slot);
	core_open(nd);
	trace(nd->s, "%s: process %u starts", nd->name, nd->pid);
	struct cl_input in = { .kind = CL_IN_ADDRESS,
			       .group = GROUP,
			       .relay = { .addr = inet_v4(NODE_RELAY + nd->id), .port = 4501 } };
	hf_core_cluster(nd->core, node_now(nd), &in);
	mcast_join(nd);
	node_touch(nd);
}

void node_free(struct node *nd)
{
	struct event *ev;

	while ((ev = nd->backlog) != NULL) {
		nd->backlog = ev->next;
		event_free(ev);
	}
	nd->n_backlog = 0;
	for (size_t i = 0; i < nd->n_waiting; i++)
		packet_free(nd->waiting[i]);
	nd->n_waiting = 0;
	hf_core_free(nd->core);
	gateway_close(&nd->gw);
	config_free(nd->config);
	nd->core = NULL;
	nd->config = NULL;
}

static void process_gone(struct node *nd)
{
	laws_lose(nd);
	nd->alive = nd->paused = nd->dying = false;
	nd->role = CL_ROLE_OFFLINE;
	nd->address = ADDRESS_NONE; /* R20: it dies with the process */
	node_free(nd);
}

void node_kill(struct node *nd)
{
	if (!nd->alive)
		return;
	trace(nd->s, "%s: process %u dies", nd->name, nd->pid);
	process_gone(nd);
	mcast_process_gone(nd);
}

void node_pause(struct node *nd)
{
	if (!nd->alive || nd->paused)
		return;
	trace(nd->s, "%s: stopped", nd->name);
	nd->paused = true;
	nd->paused_ns = nd->s->now_ns;
	nd->backlog = NULL;
	nd->backlog_end = &nd->backlog;
}

void node_wake(struct node *nd)
{
	struct event *ev;

	if (!nd->alive || !nd->paused)
		return;
	trace(nd->s, "%s: goes on", nd->name);
	nd->paused = false;
	nd->n_backlog = 0;
	if (nd->paused_ns <= nd->s->laws.together_ns)
		nd->s->laws.together_ns = nd->s->now_ns;
	while ((ev = nd->backlog) != NULL) {
		nd->backlog = ev->next;
		event_again(nd->s, ev);
	}
	if (rng_chance(&nd->s->rng, 500)) {
		hf_core_timer(nd->core, node_now(nd));
		/* It was stopped in the middle of a turn. */
		hf_core_flush(nd->core, node_now(nd));
		node_touch(nd);
	}
}

/* ---- host ---- */

void node_boot(struct node *nd)
{
	nd->up = true;
	nd->drift_ppm = (int32_t)rng_below(&nd->s->rng, 2 * DRIFT_PPM + 1) - DRIFT_PPM;
	nd->booted_ns = nd->s->now_ns - rng_between(&nd->s->rng, 5 * SECOND, 900 * SECOND);
	mcast_host_back(nd);
}

void node_lose_host(struct node *nd)
{
	if (!nd->up)
		return;
	trace(nd->s, "%s: host is gone", nd->name);
	if (nd->alive)
		process_gone(nd);
	nd->up = false;
	mcast_host_gone(nd);
}

/* ---- the operator ---- */

void node_command(struct node *nd, enum cl_input_kind kind)
{
	struct cl_input in = { .kind = kind, .group = GROUP };

	if (!nd->alive || nd->paused)
		return;
	node_enter(nd);
	nd->stopping = nd->stopping || kind == CL_IN_STOP;
	hf_core_cluster(nd->core, node_now(nd), &in);
	node_touch(nd);
}

void node_clear(struct node *nd)
{
	if (!nd->alive || nd->paused)
		return;
	node_enter(nd);
	hf_core_clear(nd->core, node_now(nd), "");
	node_touch(nd);
}

void node_engine(struct node *nd, const struct ike_input *in)
{
	if (!nd->alive || nd->paused)
		return;
	nd->core->now_ns = node_now(nd);
	core_ike(nd->core, in);
	node_touch(nd);
}

void node_configure(struct node *nd, uint32_t child_lifetime_s)
{
	struct config *former = nd->config;

	nd->s->scenario.child_lifetime_s = child_lifetime_s;
	if (!nd->alive)
		return;
	nd->config = scenario_node_config(nd->s, nd->index);
	must(hf_core_reconfigure(nd->core, node_now(nd), nd->config) == R_OK);
	config_free(former);
	node_touch(nd);
}
