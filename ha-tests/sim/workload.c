/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on while faults happen: a flow in each direction of each line,
 * liveness checks, rekeys that the peers begin (often just when the nodes
 * do), operators that clear. Each inner packet names its flow and its number,
 * so that what comes out is known to have gone in, once.
 */
#include "ha-tests/sim/sim.h"

#include "base/must.h"
#include "base/wire_reader.h"
#include "base/wire_writer.h"

#define MAGIC       0x484653494d756c61ull
#define IPV4_HEADER 20u
#define PACKET_MAX  400u

/* ---- flows ---- */

static struct flow *flow_find(struct sim *s, unsigned int peer, unsigned int line, bool to_peer)
{
	for (size_t i = 0; i < s->n_flows; i++)
		if (s->flows[i].peer == peer && s->flows[i].line == line &&
		    s->flows[i].to_peer == to_peer)
			return &s->flows[i];
	return NULL;
}

static uint16_t ipv4_checksum(const uint8_t *header)
{
	uint32_t sum = 0;

	for (unsigned int i = 0; i < IPV4_HEADER; i += 2)
		sum += (uint32_t)header[i] << 8 | header[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t inner_packet(struct flow *f, uint8_t out[PACKET_MAX])
{
	struct wire_writer w = wire_writer(out, PACKET_MAX);
	uint16_t len = (uint16_t)rng_between(&f->s->rng, 60, PACKET_MAX);

	wire_put_u8(&w, 0x45);
	wire_put_u8(&w, 0);
	wire_put_u16(&w, len);
	wire_put_u32(&w, 0);
	wire_put_u8(&w, 64);
	wire_put_u8(&w, 17);
	wire_put_u16(&w, 0);
	wire_put_u32(&w, scenario_host(f->peer, f->line, !f->to_peer));
	wire_put_u32(&w, scenario_host(f->peer, f->line, f->to_peer));
	uint16_t sum = ipv4_checksum(out);
	out[10] = (uint8_t)(sum >> 8);
	out[11] = (uint8_t)sum;
	wire_put_u16(&w, 4000);
	wire_put_u16(&w, 4000);
	wire_put_u16(&w, (uint16_t)(len - IPV4_HEADER));
	wire_put_u16(&w, 0);
	wire_put_u64(&w, MAGIC);
	wire_put_u8(&w, f->peer);
	wire_put_u8(&w, f->line);
	wire_put_u8(&w, f->to_peer);
	wire_put_u64(&w, ++f->sent);
	wire_put_zero(&w, len - w.len);
	return len;
}

/* Until the next packet: in a train, none for a while, or about the interval. */
static uint64_t flow_pause(struct flow *f)
{
	struct rng *r = &f->s->rng;

	if (f->train) {
		f->train--;
		return rng_between(r, 100 * US, 2 * MS_NS);
	}
	if (!f->s->calm && rng_chance(r, f->s->scenario.trains)) {
		if (rng_chance(r, 500))
			f->train = (unsigned int)rng_between(r, 10, 120);
		else
			return rng_between(r, SECOND, 8 * SECOND);
	}
	return f->interval_ns / 2 + rng_below(r, f->interval_ns);
}

void workload_trains(struct sim *s, unsigned int packets)
{
	for (size_t i = 0; i < s->n_flows; i++)
		s->flows[i].train = packets;
}

static void flow_packet(struct flow *f)
{
	struct sim *s = f->s;
	uint8_t inner[PACKET_MAX];
	const bool silent = f->silent || (!f->to_peer && s->peers[f->peer].quirks & QUIRK_MUTE);
	size_t len = silent ? 0 : inner_packet(f, inner);

	if (silent) {
		;
	} else if (f->to_peer) {
		network_send_inside(s, peer_group(s, f->peer), bytes(inner, len));
	} else {
		struct peer *p = &s->peers[f->peer];
		const struct packet clear = { .kind = PACKET_CLEAR,
					      .data = { .p = inner, .len = len } };
		gateway_outbound(&p->gw, peer_now(p), &clear);
		peer_collect(p);
	}
}

static void flow_step(struct sim *s, struct event *ev)
{
	struct flow *f = ev->ctx;

	flow_packet(f);
	sim_at(s, s->now_ns + flow_pause(f), flow_step, f);
}

static void burst_step(struct sim *s, struct event *ev)
{
	(void)s;
	flow_packet(ev->ctx);
}

void workload_burst(struct sim *s, unsigned int packets, uint64_t within_ns)
{
	for (size_t i = 0; i < s->n_flows; i++)
		for (unsigned int k = 0; k < packets; k++)
			sim_at(s, s->now_ns + rng_below(&s->rng, within_ns), burst_step,
			       &s->flows[i]);
}

/* A number that was delivered a short while ago. */
static bool repeated(struct flow *f, uint64_t number)
{
	uint64_t *slot = &f->window[number % FLOW_WINDOW];

	if (*slot == number)
		return true;
	*slot = number;
	f->window_ns[number % FLOW_WINDOW] = f->s->now_ns;
	return false;
}

void workload_delivered(struct sim *s, struct gateway *gw, struct bytes inner)
{
	struct wire_reader r = wire_reader(inner);

	wire_take(&r, IPV4_HEADER + 8);
	uint64_t magic = wire_u64(&r);
	uint8_t peer = wire_u8(&r), line = wire_u8(&r), to_peer = wire_u8(&r);
	uint64_t number = wire_u64(&r);
	struct flow *f = flow_find(s, peer, line, to_peer);

	if (magic != MAGIC || !f || number > f->sent || to_peer != (gw->peer != NULL)) {
		law_broken(s, 7, "a packet comes out that did not go in");
		return;
	}
	if (repeated(f, number)) {
		f->replayed++;
		laws_replayed(gw, f->window_ns[number % FLOW_WINDOW]);
		return;
	}
	f->delivered++;
	f->last_ns = s->now_ns;
}

static void flows_start(struct sim *s)
{
	for (unsigned int peer = 0; peer < s->scenario.n_peers; peer++)
		for (unsigned int line = 0; line < s->scenario.n_lines; line++)
			for (unsigned int to_peer = 0; to_peer < 2; to_peer++) {
				struct flow *f = &s->flows[s->n_flows++];
				*f = (struct flow){ .s = s,
						    .peer = (uint8_t)peer,
						    .line = (uint8_t)line,
						    .to_peer = to_peer };
				f->interval_ns = rng_between(&s->rng, 40 * MS_NS, 160 * MS_NS);
				sim_at(s,
				       s->now_ns + rng_between(&s->rng, 200 * MS_NS, 2500 * MS_NS),
				       flow_step, f);
			}
}

/* ---- what the peers do by themselves ---- */

struct choice {
	struct sim *s;
	uint64_t ike_spi;
	uint32_t spi_in;
	uint64_t seen;
};

/* Any one of them, each as likely. */
static void choose_sa(void *ctx, const struct ike_sa_state *sa)
{
	struct choice *c = ctx;

	if (sa->stage == IKE_SA_ESTABLISHED && rng_below(&c->s->rng, ++c->seen) == 0)
		c->ike_spi = ike_sa_state_spi(sa);
}

static void choose_child(void *ctx, const struct child_sa_state *child)
{
	struct choice *c = ctx;

	if (child->stage == CHILD_SA_ESTABLISHED && rng_below(&c->s->rng, ++c->seen) == 0)
		c->spi_in = child->spi_in;
}

static void peer_act(struct peer *p, enum ike_input_kind kind)
{
	struct choice c = { .s = p->s };
	struct ike_input in = { .kind = kind };

	if (kind == IKE_IN_REKEY_CHILD)
		ike_each_child(p->engine, 0, choose_child, &c);
	else
		ike_each_sa(p->engine, choose_sa, &c);
	in.ike_spi = c.ike_spi;
	in.spi_in = c.spi_in;
	if (c.seen)
		peer_input(p, &in);
}

void workload_rekey(struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		peer_act(&s->peers[i],
			 rng_chance(&s->rng, 600) ? IKE_IN_REKEY_CHILD : IKE_IN_REKEY_IKE);
}

static void peer_step(struct sim *s, struct event *ev)
{
	static const enum ike_input_kind kinds[] = { IKE_IN_LIVENESS, IKE_IN_REKEY_CHILD,
						     IKE_IN_REKEY_IKE };

	peer_act(ev->ctx, kinds[rng_below(&s->rng, 3)]);
	sim_at(s, s->now_ns + rng_between(&s->rng, SECOND / 2, 6 * SECOND), peer_step, ev->ctx);
}

/* ---- collisions: the peer begins just when the owner's own timer says so ---- */

struct soon {
	uint64_t at_ms;
	uint32_t spi_out;
	uint64_t spi_i, spi_r;
};

static void soonest_child(void *ctx, const struct child_sa_state *c)
{
	struct soon *k = ctx;

	if (c->stage == CHILD_SA_ESTABLISHED && c->rekey_at_ms && c->rekey_at_ms < k->at_ms) {
		k->at_ms = c->rekey_at_ms;
		k->spi_out = c->spi_out;
	}
}

static void soonest_sa(void *ctx, const struct ike_sa_state *sa)
{
	struct soon *k = ctx;

	if (sa->stage == IKE_SA_ESTABLISHED && sa->rekey_at_ms && sa->rekey_at_ms < k->at_ms) {
		k->at_ms = sa->rekey_at_ms;
		k->spi_i = sa->spi_i;
		k->spi_r = sa->spi_r;
	}
}

struct collision {
	uint32_t spi_in; /* the peer's; 0: an IKE SA */
	uint64_t spi_i, spi_r;
};

/* One of the two is the peer's own; it does not know the other. */
static void collide_sa(struct peer *p, const struct collision *c)
{
	struct ike_input in = { .kind = IKE_IN_REKEY_IKE, .ike_spi = c->spi_r };

	peer_input(p, &in);
	in.ike_spi = c->spi_i;
	peer_input(p, &in);
}

static void collide(struct sim *s, struct event *ev)
{
	const struct collision *c = ev->data;
	struct ike_input in = { .kind = IKE_IN_REKEY_CHILD, .spi_in = c->spi_in };

	for (unsigned int i = 0; i < s->scenario.n_peers; i++) {
		if (c->spi_in)
			peer_input(&s->peers[i], &in);
		else
			collide_sa(&s->peers[i], c);
	}
}

static void plan_collision(struct sim *s, const struct member *m)
{
	struct soon k = { .at_ms = UINT64_MAX };
	uint64_t now_ms = hf_core_cluster_time_ms(m->core, node_now(m->node));

	if (rng_chance(&s->rng, 600))
		ike_each_child(hf_core_engine(m->core), 0, soonest_child, &k);
	else
		ike_each_sa(hf_core_engine(m->core), soonest_sa, &k);
	if (k.at_ms == UINT64_MAX || k.at_ms <= now_ms)
		return;
	struct collision *c = malloc(sizeof(*c));
	must(c);
	*c = (struct collision){ .spi_in = k.spi_out, .spi_i = k.spi_i, .spi_r = k.spi_r };
	event_own(sim_at(s, s->now_ns + (k.at_ms - now_ms) * MS_NS + rng_below(&s->rng, 8 * MS_NS),
			 collide, NULL),
		  c, free);
}

static void collision_step(struct sim *s, struct event *ev)
{
	(void)ev;
	for (unsigned int g = 0; g < s->scenario.n_groups; g++)
		for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
			const struct member *m = &s->nodes[i].members[g];
			if (s->nodes[i].alive && m->role == CL_ROLE_ACTIVE)
				plan_collision(s, m);
		}
	sim_at(s, s->now_ns + rng_between(&s->rng, 3 * SECOND, 12 * SECOND), collision_step, NULL);
}

/* ---- operators ---- */

/* Just when we delete the IKE SA: the peer does not know yet (RFC 7296 2.25.2). */
static void rush(struct sim *s, struct event *ev)
{
	peer_act(ev->ctx, rng_chance(&s->rng, 500) ? IKE_IN_REKEY_CHILD : IKE_IN_REKEY_IKE);
}

static void clear_at_owner(struct sim *s, unsigned int group)
{
	struct member *owner = NULL;

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->nodes[i].members[group].role == CL_ROLE_ACTIVE)
			owner = &s->nodes[i].members[group];
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		if (peer_group(s, i) == group)
			laws_unsettle(s, i);
	if (!owner)
		return;
	trace(s, "%s: clear", owner->name);
	node_clear(owner);
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		sim_at(s, s->now_ns + rng_below(&s->rng, s->net.delay_ns), rush, &s->peers[i]);
}

static void clear_step(struct sim *s, struct event *ev)
{
	unsigned int peer = (unsigned int)rng_below(&s->rng, s->scenario.n_peers);
	struct ike_input in = { .kind = IKE_IN_CLEAR, .connection = "" };

	(void)ev;
	if (s->calm)
		return;
	if (rng_chance(&s->rng, 500)) {
		laws_unsettle(s, peer);
		trace(s, "%s: clear", s->peers[peer].name);
		peer_input(&s->peers[peer], &in);
	} else {
		clear_at_owner(s, peer_group(s, peer));
	}
	sim_at(s, s->now_ns + rng_between(&s->rng, 10 * SECOND, 40 * SECOND), clear_step, NULL);
}

static void settle_step(struct sim *s, struct event *ev)
{
	(void)ev;
	laws_settle(s);
	laws_calm(s);
	laws_protected_calm(s);
	sim_at(s, s->now_ns + 250 * MS_NS, settle_step, NULL);
}

void workload_start(struct sim *s)
{
	flows_start(s);
	sim_at(s, s->now_ns + SECOND, settle_step, NULL);
	if (s->opt.directed)
		return;
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		sim_at(s, s->now_ns + rng_between(&s->rng, 3 * SECOND, 9 * SECOND), peer_step,
		       &s->peers[i]);
	sim_at(s, s->now_ns + rng_between(&s->rng, 3 * SECOND, 9 * SECOND), collision_step, NULL);
	if (rng_chance(&s->rng, 400) && s->opt.kill_at == DIE_NOT)
		sim_at(s, s->now_ns + rng_between(&s->rng, 8 * SECOND, 40 * SECOND), clear_step,
		       NULL);
}
