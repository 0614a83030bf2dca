/* SPDX-License-Identifier: Apache-2.0 */
/* One run: made of its seed, driven event by event until a law is broken or the time is up. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"
#include "ha-tests/sim/seeded_rand.h"

static void network_draw(struct sim *s)
{
	struct rng *r = &s->rng;

	s->net = (struct network){
		.loss = rng_chance(r, 500) ? 0 : (unsigned int)rng_between(r, 1, 30),
		.duplicate = rng_chance(r, 500) ? 0 : (unsigned int)rng_between(r, 1, 30),
		.replay = rng_chance(r, 500) ? 0 : (unsigned int)rng_between(r, 1, 10),
		.delay_ns = rng_between(r, 200 * US, 15 * MS_NS),
		.jitter_ns = rng_between(r, 0, 6 * MS_NS),
	};
}

static void start_process(struct sim *s, struct event *ev)
{
	(void)s;
	node_start(ev->ctx);
}

static void nodes_open(struct sim *s)
{
	static const char *const names[NODES_MAX] = { "node1", "node2", "node3", "node4", "node5" };

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct node *nd = &s->nodes[i];
		*nd = (struct node){
			.s = s, .name = names[i], .index = i, .id = i + 1, .slot = (uint8_t)(i + 1)
		};
		for (unsigned int g = 0; g < s->scenario.n_groups; g++) {
			struct member *m = &nd->members[g];
			*m = (struct member){ .s = s, .node = nd, .group = g };
			snprintf(m->name, sizeof(m->name), g ? "%s/%u" : "%s", nd->name, g + 1);
		}
		node_boot(nd);
		sim_at(s, s->now_ns + rng_between(&s->rng, 200 * MS_NS, 900 * MS_NS), start_process,
		       nd);
	}
}

static void sim_open(struct sim *s, const struct sim_options *opt)
{
	*s = (struct sim){ .opt = *opt, .now_ns = START_NS };
	s->rng = rng_seeded(opt->seed, 1);
	s->secrets = rng_seeded(opt->seed, 2);
	seeded_rand_restart(opt->seed);
	must(broken_apply(opt->broken));
	trace_open(&s->trace, opt->verbose);
	laws_open(s);
	s->scenario = scenario_draw(&s->rng);
	s->scenario.silent_peer = s->opt.seed % 4 == 3;
	if ((s->opt.seed % 3 == 1 || s->opt.seed % 6 == 0) && !s->opt.directed)
		s->scenario.max_sa = s->scenario.n_peers * s->scenario.n_nodes;
	s->scenario.rolling_upgrade = s->opt.seed % 5 == 2;
	/* A group without tunnels shows nothing. */
	if (s->scenario.n_peers == 2 && s->opt.seed % 3 == 0)
		s->scenario.n_groups = 2;
	s->scenario.preempt = s->opt.seed % 7 == 2;
	s->scenario.links = s->opt.seed % 2;
	s->scenario.fenced = s->opt.seed % 8 == 6;
	s->scenario.direct_acks = s->opt.seed % 4 > 1;
	network_draw(s);
	if (s->opt.directed)
		directed_scenario(s);
	for (unsigned int i = 0; i < s->scenario.n_peers; i++) {
		s->peers[i].s = s;
		peer_open(&s->peers[i], i);
		laws_unsettle(s, i);
	}
	nodes_open(s);
	workload_start(s);
	faults_plan(s);
}

/* What belongs to a process waits while that is stopped, and goes with it. */
static void dispatch(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	node_enter(nd);
	if (nd && nd->alive && nd->incarnation == ev->incarnation && nd->paused) {
		ev->next = NULL;
		*nd->backlog_end = ev;
		nd->backlog_end = &ev->next;
		nd->n_backlog++;
		return;
	}
	if (!nd || (nd->alive && nd->incarnation == ev->incarnation))
		ev->run(s, ev);
	event_done(&s->queue, ev);
}

static void sim_close(struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->nodes[i].alive)
			node_free(&s->nodes[i]);
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		peer_close(&s->peers[i]);
	mcast_free(&s->mcast);
	event_queue_free(&s->queue);
	laws_close(s);
}

static void sum_flows(struct sim *s)
{
	for (size_t i = 0; i < s->n_flows; i++) {
		s->stats.delivered += s->flows[i].delivered;
		s->stats.lost += s->flows[i].sent - s->flows[i].delivered;
		s->stats.replayed += s->flows[i].replayed;
	}
}

/* See laws_calm(). */
static uint64_t end_ns(const struct sim *s)
{
	return s->scenario.end_ns + (laws_excused(s) ? 85 * SECOND : 0);
}

static bool is_random(const struct sim_options *opt)
{
	return !opt->directed && opt->kill_at == DIE_NOT && !opt->skip && !opt->broken &&
	       !opt->fault;
}

void sim_run(const struct sim_options *opt, struct sim_result *out)
{
	struct sim *s = malloc(sizeof(*s));
	struct event *ev;

	must(s);
	sim_open(s, opt);
	while (!s->laws.broken && (ev = event_next(&s->queue)) != NULL) {
		if (ev->at_ns > end_ns(s)) {
			event_done(&s->queue, ev);
			break;
		}
		s->now_ns = ev->at_ns;
		s->stats.events++;
		dispatch(s, ev);
	}
	sum_flows(s);
	s->stats.real_groups = dh_is_real(s);
	*out = (struct sim_result){
		.ok = !s->laws.broken, .law = s->laws.broken, .stats = s->stats, .matrix = s->matrix
	};
	out->index_seen = s->laws.index_seen;
	out->digest = s->trace.hash;
	snprintf(out->why, sizeof(out->why), "%s", s->laws.why);
	if (out->ok && is_random(opt) &&
	    (s->stats.exchanges < EXCHANGES_MIN || s->stats.faults < FAULTS_MIN)) {
		out->ok = false;
		snprintf(out->why, sizeof(out->why), "only %llu exchanges and %llu faults",
			 (unsigned long long)s->stats.exchanges,
			 (unsigned long long)s->stats.faults);
	}
	if (s->laws.broken && !opt->quiet)
		trace_print(&s->trace);
	sim_close(s);
	free(s);
}
