/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network between gateways loses, doubles, reorders and delays. The one
 * behind the nodes does none of that. Both belong to switches that learn
 * where the service address (and the route of the protected hosts) lives from
 * the announcements of its owners, each at its own time.
 */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

/* As the daemon does it (world_ops.c). */
#define ANNOUNCE_TIMES 6
#define ANNOUNCE_NS    (200 * MS_NS)

struct packet *packet_new(const struct packet *like, struct bytes data)
{
	struct packet *p = malloc(sizeof(*p));

	must(p);
	*p = *like;
	p->data = (struct buf){ 0 };
	must(buf_set(&p->data, data));
	return p;
}

void packet_free(void *packet)
{
	struct packet *p = packet;

	buf_free(&p->data);
	free(p);
}

/* ---- between gateways ---- */

static struct peer *peer_at(struct sim *s, const struct inet_addr *address)
{
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		if (inet_equal(&s->peers[i].address, address))
			return &s->peers[i];
	return NULL;
}

static void arrive(struct sim *s, struct event *ev)
{
	const struct packet *p = ev->data;
	struct peer *peer = peer_at(s, &p->dst.addr);

	if (peer) {
		peer_packet(peer, p);
		return;
	}
	for (unsigned int g = 0; g < s->scenario.n_groups; g++) {
		const struct inet_addr service = scenario_service_address(g);
		if (inet_equal(&p->dst.addr, &service) && s->net.outside[g] &&
		    !s->net.outside[g]->link_down)
			node_packet(s->net.outside[g], p);
	}
}

static void deliver_later(struct sim *s, const struct packet *p, uint64_t late_ns)
{
	uint64_t delay = s->net.delay_ns + rng_below(&s->rng, s->net.jitter_ns + 1) + late_ns;

	event_own(sim_at(s, s->now_ns + delay, arrive, NULL), packet_new(p, buf_bytes(&p->data)),
		  packet_free);
}

void network_send(struct sim *s, const struct packet *p)
{
	unsigned int loss = s->now_ns < s->net.loss_until_ns ? s->net.burst_loss : s->net.loss;

	trace_bytes(s, "network", buf_bytes(&p->data));
	if (p->from && p->from->link_down)
		return;
	if (!rng_chance(&s->rng, loss))
		deliver_later(s, p, 0);
	if (rng_chance(&s->rng, s->net.duplicate))
		deliver_later(s, p, 0);
	if (rng_chance(&s->rng, s->net.replay))
		deliver_later(s, p, rng_below(&s->rng, 8 * SECOND));
}

/* ---- behind the nodes ---- */

static void arrive_inside(struct sim *s, struct event *ev)
{
	if (s->net.inside[ev->arg])
		node_packet(s->net.inside[ev->arg], ev->data);
}

void network_send_inside(struct sim *s, unsigned int group, struct bytes inner)
{
	const struct packet like = { .kind = PACKET_CLEAR };
	struct event *ev = sim_at(s, s->now_ns + rng_between(&s->rng, 20 * US, 200 * US),
				  arrive_inside, NULL);

	ev->arg = group;
	event_own(ev, packet_new(&like, inner), packet_free);
}

/* ---- announcements ---- */

static void outside_learns(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;

	if (m->node->alive && m->address == ADDRESS_OWNED)
		s->net.outside[m->group] = m;
}

static void inside_learns(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;

	if (m->node->alive && m->address == ADDRESS_OWNED)
		s->net.inside[m->group] = m;
}

static void announce(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;

	if (m->role != CL_ROLE_ACTIVE || ev->arg == 0)
		return;
	sim_at(s, s->now_ns + rng_between(&s->rng, 100 * US, 15 * MS_NS), outside_learns, m);
	sim_at(s, s->now_ns + rng_between(&s->rng, 100 * US, 15 * MS_NS), inside_learns, m);
	member_event(m, s->now_ns + ANNOUNCE_NS, announce)->arg = ev->arg - 1;
}

void network_announce(struct member *m)
{
	member_event(m, m->s->now_ns, announce)->arg = ANNOUNCE_TIMES;
}
