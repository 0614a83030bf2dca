/* SPDX-License-Identifier: Apache-2.0 */
/* A Holdfast process and the host that it runs on: what world.c is in the daemon, under the
 * simulated clock. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"
#include "node/core_private.h"
#include "statesync/future_schema.h"

#define MILLION       1000000u
#define STOP_LIMIT_NS (10 * SECOND) /* as the daemon's (world.c) */
#define DRIFT_PPM     300           /* of a clock that nobody disciplines */

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
	laws_enter(nd);
}

struct member *member_at(const struct member *m, unsigned int i)
{
	return &m->s->nodes[i].members[m->group];
}

struct member *member_holder(const struct member *m)
{
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++)
		if (member_at(m, i) != m && member_holds_state(member_at(m, i)))
			return member_at(m, i);
	return NULL;
}

struct member *member_owner(struct sim *s, unsigned int group, const struct member *m)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *nd = &s->nodes[i];
		struct member *other = &nd->members[group];
		if (other != m && nd->alive && !nd->paused && other->role == CL_ROLE_ACTIVE)
			return other;
	}
	return NULL;
}

bool member_holds_state(const struct member *m)
{
	return m->node->alive && m->role != CL_ROLE_OFFLINE && m->role != CL_ROLE_JOINING;
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
	uint64_t at = hf_core_next_deadline(nd->members[0].core, node_now(nd));

	if (at == UINT64_MAX || nd->timer_ns == node_when(nd, at))
		return;
	nd->timer_ns = node_when(nd, at);
	node_at(nd, nd->timer_ns > nd->s->now_ns ? nd->timer_ns : nd->s->now_ns + US, timer)->arg =
		nd->timer_ns;
}

static void flush(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	nd->flush_due = false;
	hf_core_flush(nd->members[0].core, node_now(nd));
	if (nd->dying) {
		node_die(nd);
		return;
	}
	arm_timer(nd);
	for (unsigned int g = 0; g < s->scenario.n_groups; g++)
		gateway_flush(&nd->members[g].gw, node_now(nd));
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
	hf_core_timer(nd->members[0].core, node_now(nd));
	node_touch(nd);
}

/* What the workers have for control. A fault may end the process at any of it. */
void node_collect(struct node *nd)
{
	struct esp_event ev;

	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		while (nd->alive && !nd->dying && esp_worker_event(nd->members[g].gw.worker, &ev)) {
			hf_core_esp_event(nd->members[g].core, node_now(nd), &ev);
			node_touch(nd);
		}
}

/* ---- packets ---- */

static void take_packet(struct member *m, const struct packet *p)
{
	struct node *nd = m->node;

	if (p->kind == PACKET_IKE && p->data.len > 1) {
		if (hf_core_relaying(m->core))
			node_relay(m, p);
		else
			hf_core_datagram(m->core, node_now(nd), &p->dst, &p->src,
					 buf_bytes(&p->data));
	} else if (p->kind == PACKET_ESP) {
		gateway_inbound(&m->gw, node_now(nd), p);
	} else if (p->kind == PACKET_CLEAR) {
		gateway_outbound(&m->gw, node_now(nd), p);
	}
	node_collect(nd);
	if (nd->alive)
		node_touch(nd);
}

static void read_packet(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;
	const struct packet *p = ev->data;

	(void)s;
	if (m->role == CL_ROLE_PREPARING && m->n_waiting < SOCKET_BUFFER)
		m->waiting[m->n_waiting++] = packet_new(p, buf_bytes(&p->data));
	else if (m->role != CL_ROLE_PREPARING)
		take_packet(m, p);
}

void node_packet(struct member *m, const struct packet *p)
{
	if (!m->node->alive || (!p->relayed && m->address == ADDRESS_NONE)) {
		if (m->s->calm)
			trace(m->s, "%s: no such address", m->name);
		return; /* no such address here, and no process behind the socket */
	}
	if (m->node->n_backlog < SOCKET_BUFFER)
		event_own(member_event(m, m->s->now_ns, read_packet),
			  packet_new(p, buf_bytes(&p->data)), packet_free);
}

static void relayed(struct sim *s, struct event *ev)
{
	(void)s;
	node_packet(ev->ctx, ev->data);
}

/* A straggler of the handover before goes on as well: relays form a chain. */
void node_relay(struct member *m, const struct packet *p)
{
	struct packet copy = *p;

	if (!m->relay_to)
		return;
	copy.relayed = true;
	m->straggler_ns = m->s->now_ns;
	event_own(sim_at(m->s, m->s->now_ns + rng_between(&m->s->rng, 50 * US, 400 * US), relayed,
			 m->relay_to),
		  packet_new(&copy, buf_bytes(&copy.data)), packet_free);
}

static void unread(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;

	for (size_t i = 0; i < m->n_waiting; i++)
		event_own(member_event(m, s->now_ns, read_packet), m->waiting[i], packet_free);
	m->n_waiting = 0;
}

/* Out of READY: the socket buffers are read. */
void node_unread(struct member *m)
{
	if (m->n_waiting)
		member_event(m, m->s->now_ns, unread);
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
		.fenced_takeover = nd->s->scenario.fenced,
		.drained = nd->drained,
		.n_groups = nd->s->scenario.n_groups,
	};
	for (unsigned int i = 0; i < nd->s->scenario.n_nodes; i++)
		c->nodes[c->n_nodes++] = nd->s->nodes[i].id;
	for (unsigned int g = 0; g < c->n_groups; g++) {
		c->groups[g] = (struct cl_group_config){ .group = group_id(g),
							 .preferred_slot = (uint8_t)(g + 1),
							 .preempt = nd->s->scenario.preempt,
							 .preempt_after_ms = g * 1000 };
		c->term_on_disk[g] = nd->members[g].term_on_disk;
		c->terms_unknown[g] = nd->members[g].terms_unknown;
	}
	must(secret_set(&c->failover_key, bytes(failover_key, sizeof(failover_key))) == R_OK);
	rng_fill(r, c->salt, sizeof(c->salt));
	rng_fill(r, c->hash_seed, sizeof(c->hash_seed));
}

static void core_random(void *ctx, uint8_t *out, size_t len)
{
	const struct member *m = ctx;

	rng_fill(&m->s->secrets, out, len);
}

/* The first group's makes what the others share. */
static void core_open(struct member *m)
{
	struct node *nd = m->node;
	struct cl_node_config cluster;
	struct hf_core_config cfg = {
		.config = nd->config,
		.cluster = m->group ? NULL : &cluster,
		.first = m->group ? nd->members[0].core : NULL,
		.group = group_id(m->group),
		.datapath = m->gw.dp,
		.now_ns = node_now(nd),
		.random = core_random,
		.random_ctx = m,
		.ops = &node_ops,
		.ops_ctx = m,
		.on_seal = laws_ike_seal,
		.on_seal_ctx = &m->gw,
		.on_row = matrix_row,
		.on_row_ctx = m,
	};

	if (!m->group)
		cluster_config(nd, &cluster);
	core_random(m, cfg.hash_seed, sizeof(cfg.hash_seed));
	must(hf_core_new(&cfg, &m->core) == R_OK);
}

static void member_start(struct member *m)
{
	const struct broken *b = m->s->opt.broken;

	m->is_protected = m->has_held = m->stopped = m->told_active = false;
	m->role = CL_ROLE_OFFLINE;
	m->term = 0;
	m->address = ADDRESS_NONE;
	m->gw = (struct gateway){ .s = m->s, .member = m };
	gateway_open(&m->gw, b && b->one_slot ? 1 : m->node->slot);
	core_open(m);
	struct cl_input in = { .kind = CL_IN_ADDRESS,
			       .group = group_id(m->group),
			       .relay = { .addr = inet_v4(NODE_RELAY + m->node->id),
					  .port = RELAY_PORT } };
	if (m->group + 1 == m->s->scenario.n_groups)
		hf_core_cluster(m->core, node_now(m->node), &in);
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
	nd->paused = nd->stopping = nd->dying = nd->host_dying = nd->flush_due = false;
	nd->timer_ns = 0;
	nd->die_at = DIE_NOT;
	nd->config = scenario_node_config(nd->s, nd->index);
	trace(nd->s, "%s: process %u starts", nd->name, nd->pid);
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		member_start(&nd->members[g]);
	fault_say_links(nd);
	mcast_join(nd);
	node_touch(nd);
}

static void member_free(struct member *m)
{
	for (size_t i = 0; i < m->n_waiting; i++)
		packet_free(m->waiting[i]);
	m->n_waiting = 0;
	hf_core_free(m->core);
	gateway_close(&m->gw);
	m->core = NULL;
}

void node_free(struct node *nd)
{
	struct event *ev;

	while ((ev = nd->backlog) != NULL) {
		nd->backlog = ev->next;
		event_done(&nd->s->queue, ev);
	}
	nd->n_backlog = 0;
	for (unsigned int g = nd->s->scenario.n_groups; g-- > 0;)
		member_free(&nd->members[g]);
	config_free(nd->config);
	nd->config = NULL;
}

static void process_gone(struct node *nd)
{
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		laws_lose(&nd->members[g]);
	nd->alive = nd->paused = nd->dying = false;
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++) {
		nd->members[g].role = CL_ROLE_OFFLINE;
		nd->members[g].address = ADDRESS_NONE; /* R20: it dies with the process */
	}
	node_free(nd);
}

bool node_kill(struct node *nd)
{
	if (!nd->alive)
		return false;
	trace(nd->s, "%s: process %u dies", nd->name, nd->pid);
	process_gone(nd);
	mcast_process_gone(nd);
	return true;
}

bool node_pause(struct node *nd)
{
	if (!nd->alive || nd->paused)
		return false;
	trace(nd->s, "%s: stopped", nd->name);
	nd->paused = true;
	nd->paused_ns = nd->s->now_ns;
	nd->paused_apart = laws_apart(nd->s);
	nd->backlog = NULL;
	nd->backlog_end = &nd->backlog;
	return true;
}

void node_wake(struct node *nd)
{
	struct event *ev;

	if (!nd->alive || !nd->paused)
		return;
	trace(nd->s, "%s: goes on", nd->name);
	nd->paused = false;
	nd->n_backlog = 0;
	if (nd->paused_apart || nd->paused_ns <= nd->s->laws.together_ns)
		nd->s->laws.together_ns = nd->s->now_ns;
	while ((ev = nd->backlog) != NULL) {
		nd->backlog = ev->next;
		event_again(nd->s, ev);
	}
	if (rng_chance(&nd->s->rng, 500)) {
		hf_core_timer(nd->members[0].core, node_now(nd));
		/* It was stopped in the middle of a turn. */
		hf_core_flush(nd->members[0].core, node_now(nd));
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

bool node_lose_host(struct node *nd)
{
	if (!nd->up)
		return false;
	trace(nd->s, "%s: host is gone", nd->name);
	if (nd->alive)
		process_gone(nd);
	nd->up = false;
	mcast_host_gone(nd);
	fault_fence_lost(nd);
	return true;
}

/* ---- the operator ---- */

static bool runs(const struct node *nd)
{
	return nd->alive && !nd->paused;
}

bool node_input(struct node *nd, const struct cl_input *in)
{
	if (!runs(nd))
		return false;
	node_enter(nd);
	hf_core_cluster(nd->members[0].core, node_now(nd), in);
	node_touch(nd);
	return true;
}

static bool command(struct member *m, enum cl_input_kind kind)
{
	const struct cl_input in = { .kind = kind, .group = group_id(m->group) };

	return node_input(m->node, &in);
}

/* Who stops listens to no operator any more. */
bool node_command(struct member *m, enum cl_input_kind kind)
{
	if (m->node->stopping)
		return false;
	m->told_active = runs(m->node) && kind == CL_IN_GO_ACTIVE;
	return command(m, kind);
}

static void stop_limit(struct sim *s, struct event *ev)
{
	(void)s;
	node_kill(ev->node);
}

bool node_stop(struct node *nd)
{
	if (!runs(nd) || nd->stopping)
		return false;
	nd->stopping = true;
	node_at(nd, nd->s->now_ns + STOP_LIMIT_NS, stop_limit);
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		command(&nd->members[g], CL_IN_STOP);
	return true;
}

void node_clear(struct member *m)
{
	if (!runs(m->node))
		return;
	node_enter(m->node);
	hf_core_clear(m->core, node_now(m->node), NULL);
	node_touch(m->node);
}

void node_engine(struct member *m, const struct ike_input *in)
{
	if (!runs(m->node))
		return;
	m->core->now_ns = node_now(m->node);
	core_ike(m->core, in);
	node_touch(m->node);
}

void node_configure(struct node *nd, uint32_t child_lifetime_s)
{
	struct config *former = nd->config;

	nd->s->scenario.child_lifetime_s = child_lifetime_s;
	if (!nd->alive)
		return;
	nd->config = scenario_node_config(nd->s, nd->index);
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		must(hf_core_reconfigure(nd->members[g].core, node_now(nd), nd->config) == R_OK);
	config_free(former);
	node_touch(nd);
}
