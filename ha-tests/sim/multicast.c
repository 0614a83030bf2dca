/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Corosync as the cluster logic sees it. What a process hands over is ordered
 * later, one message at a time, and reaches every member of the ring in that
 * order, the sender soonest. While the ring is being formed anew nothing is
 * ordered. A message of a lost host that no survivor has received is gone; one
 * of a killed process may be. Processes come and go within a ring; CPG and
 * votequorum speak over connections of their own, in any order. Both halves
 * of a cut pair are quorate (two_node); of more nodes, a majority is.
 */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

#define TOKEN_NS     (500 * MS_NS)
#define CONSENSUS_NS (150 * MS_NS)
#define ACK_LOST     100         /* of a thousand datagrams */
#define ACK_LATE_NS  (3 * MS_NS) /* at the most: they overtake each other, and the ring */
#define ROUNDS       2 /* of the token, in which each member has asked for what it missed */

enum item_kind { ITEM_MESSAGE, ITEM_SNAPSHOT, ITEM_JOIN, ITEM_LEAVE };

struct mcast_item {
	struct mcast_item *next;
	enum item_kind kind;
	uint32_t pid;
	uint8_t to_slot;
	uint64_t round; /* of the token, as its host has seen it */
	struct buf data;
};

struct delivery {
	struct cl_input in;
	struct buf data;
	unsigned int from, to; /* hosts */
	uint64_t cut_epoch, round;
};

static struct mcast_host *host_of(const struct node *nd)
{
	return &nd->s->mcast.host[nd->index];
}

/* ---- delivery ---- */

static void delivery_free(void *data)
{
	struct delivery *d = data;

	buf_free(&d->data);
	free(d);
}

static void to_process(struct sim *s, struct event *ev)
{
	struct delivery *d = ev->data;
	struct node *nd = ev->node;

	(void)s;
	d->in.data = buf_bytes(&d->data);
	hf_core_cluster(nd->members[0].core, node_now(nd), &d->in);
	node_touch(nd);
}

/* At the receiver's Corosync. Its process may be stopped; then it waits there. */
static void at_host(struct sim *s, struct event *ev)
{
	struct delivery *d = ev->data;
	struct node *nd = &s->nodes[d->to];
	struct mcast_host *from = &s->mcast.host[d->from];

	if (d->from == d->to && d->round > from->round)
		from->round = d->round;
	if (!nd->alive || (d->from != d->to && d->cut_epoch != s->mcast.cut_epoch &&
			   d->round + ROUNDS > from->round_at_cut))
		return;
	ev->data = NULL;
	event_own(node_at(nd, s->now_ns, to_process), d, delivery_free);
}

/* in_order: by CPG's connection, behind all that it has brought. */
static void deliver(struct sim *s, unsigned int from, unsigned int to, const struct cl_input *in,
		    struct bytes data, uint64_t delay_ns, bool in_order)
{
	struct delivery *d = malloc(sizeof(*d));
	struct mcast_host *h = &s->mcast.host[to];
	uint64_t at = s->now_ns + delay_ns;

	must(d);
	*d = (struct delivery){ .in = *in,
				.from = from,
				.to = to,
				.cut_epoch = s->mcast.cut_epoch,
				.round = s->mcast.ordering_round };
	must(buf_set(&d->data, data));
	if (in_order) {
		if (at <= h->delivered_ns)
			at = h->delivered_ns + 1;
		h->delivered_ns = at;
	}
	event_own(sim_at(s, at, at_host, NULL), d, delivery_free);
}

/* ---- views ---- */

static bool same_ring(const struct sim *s, unsigned int a, unsigned int b)
{
	const struct mcast_host *h = s->mcast.host;

	return a == b ? s->nodes[a].up
		      : s->nodes[a].up && s->nodes[b].up && !h[a].stopped && !h[b].stopped &&
				s->mcast.side[a] == s->mcast.side[b];
}

static void say_view(struct sim *s, unsigned int to)
{
	struct cl_input in = { .kind = CL_IN_VIEW, .ring = s->mcast.host[to].ring };

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->mcast.host[i].connected && same_ring(s, i, to))
			in.members[in.n_members++] = (struct cl_member){
				.node_id = s->nodes[i].id, .pid = s->mcast.host[i].pid
			};
	deliver(s, to, to, &in, BYTES_NONE, rng_between(&s->rng, 20 * US, 3 * MS_NS), true);
}

static void say_quorum(struct sim *s, unsigned int to)
{
	const struct mcast_host *h = &s->mcast.host[to];
	struct cl_input in = { .kind = CL_IN_QUORUM, .ring = h->ring, .quorate = h->quorate };

	deliver(s, to, to, &in, BYTES_NONE, rng_between(&s->rng, 20 * US, 6 * MS_NS), false);
}

static void members_changed(struct sim *s, unsigned int where)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->mcast.host[i].connected && same_ring(s, i, where))
			say_view(s, i);
}

/* ---- ordering ---- */

static void item_free(struct mcast_item *it)
{
	buf_free(&it->data);
	free(it);
}

static struct mcast_item *pop(struct mcast_host *h)
{
	struct mcast_item *it = h->first;

	if (!it)
		return NULL;
	h->first = it->next;
	if (!h->first)
		h->last = &h->first;
	return it;
}

static void fan_out(struct sim *s, unsigned int from, const struct mcast_item *it)
{
	struct cl_input in = {
		.kind = it->kind == ITEM_SNAPSHOT ? CL_IN_SNAPSHOT : CL_IN_MESSAGE,
		.from_node_id = s->nodes[from].id,
		.from_pid = it->pid,
	};

	trace_bytes(s, "multicast", buf_bytes(&it->data));
	s->mcast.ordering_round = it->round;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		uint64_t delay = i == from ? rng_between(&s->rng, 5 * US, 60 * US)
					   : rng_between(&s->rng, 60 * US, 400 * US);
		if (!s->mcast.host[i].connected || !same_ring(s, from, i))
			continue;
		if (it->kind == ITEM_MESSAGE || (i != from && s->nodes[i].slot == it->to_slot))
			deliver(s, from, i, &in, buf_bytes(&it->data), delay, true);
	}
	s->mcast.ordering_round = 0;
}

static void ordered(struct sim *s, unsigned int from, const struct mcast_item *it)
{
	struct mcast_host *h = &s->mcast.host[from];

	switch (it->kind) {
	case ITEM_MESSAGE:
	case ITEM_SNAPSHOT:
		fan_out(s, from, it);
		break;
	case ITEM_JOIN:
		h->connected = true;
		h->pid = it->pid;
		members_changed(s, from);
		say_quorum(s, from);
		break;
	case ITEM_LEAVE:
		h->connected = false;
		members_changed(s, from);
		break;
	}
}

static void order(struct sim *s, struct event *ev)
{
	struct node *nd = ev->ctx;
	struct mcast_host *h = host_of(nd);
	struct mcast_item *it;

	if (h->frozen || !nd->up || (it = pop(h)) == NULL)
		return;
	ordered(s, nd->index, it);
	item_free(it);
}

static void order_later(struct node *nd)
{
	struct sim *s = nd->s;

	sim_at(s,
	       s->now_ns + rng_between(&s->rng, 20 * US, 250 * US) +
		       rng_below(&s->rng, s->mcast.slow_ns + 1),
	       order, nd);
}

static void hand_over(struct node *nd, enum item_kind kind, uint8_t to_slot, struct bytes data)
{
	struct mcast_host *h = host_of(nd);
	struct mcast_item *it = malloc(sizeof(*it));

	must(it);
	*it = (struct mcast_item){
		.kind = kind, .pid = nd->pid, .round = h->round + 1, .to_slot = to_slot
	};
	must(buf_set(&it->data, data));
	if (!h->last)
		h->last = &h->first;
	*h->last = it;
	h->last = &it->next;
	order_later(nd);
}

void mcast_send(struct node *nd, struct bytes message)
{
	hand_over(nd, ITEM_MESSAGE, 0, message);
}

void mcast_send_snapshot(struct node *nd, uint8_t slot, struct bytes message)
{
	hand_over(nd, ITEM_SNAPSHOT, slot, message);
}

/* A datagram that Corosync knows nothing of: neither its order nor its rings hold it up. */
void mcast_send_ack(struct node *nd, const struct inet_addr *to, struct bytes message)
{
	struct sim *s = nd->s;
	const struct cl_input in = { .kind = CL_IN_ACK };

	if (rng_chance(&s->rng, ACK_LOST))
		return;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		const struct inet_addr at = inet_v4(NODE_RELAY + s->nodes[i].id);
		if (inet_equal(&at, to) && s->nodes[i].up &&
		    s->mcast.side[i] == s->mcast.side[nd->index])
			deliver(s, nd->index, i, &in, message,
				rng_between(&s->rng, 20 * US, ACK_LATE_NS), false);
	}
}

/* ---- membership ---- */

/*
 * votequorum: a majority, or anybody with two_node; not before all have been
 * seen at once (wait_for_all), or one that has seen them.
 */
static bool quorate(struct sim *s, unsigned int i)
{
	const unsigned int all = s->scenario.n_nodes;
	unsigned int n = 0;
	bool seen = false;

	for (unsigned int k = 0; k < all; k++) {
		if (!same_ring(s, i, k))
			continue;
		n++;
		seen = seen || s->mcast.host[k].seen_all;
	}
	s->mcast.host[i].seen_all = seen || n == all;
	return s->mcast.host[i].seen_all && (all == 2 || n > all / 2);
}

static void form_ring(struct sim *s, unsigned int i)
{
	struct mcast_host *h = &s->mcast.host[i];

	h->ring.node_id = s->nodes[i].id;
	h->ring.seq = s->mcast.ring_seq;
	for (unsigned int k = 0; k < s->scenario.n_nodes; k++)
		if (same_ring(s, i, k) && s->nodes[k].id < h->ring.node_id)
			h->ring.node_id = s->nodes[k].id;
	h->quorate = quorate(s, i);
}

static void ring_formed(struct sim *s, struct event *ev)
{
	struct multicast *m = &s->mcast;

	if (ev->arg != m->change)
		return;
	m->ring_seq += 4;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (s->nodes[i].up && !m->host[i].stopped)
			form_ring(s, i);
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		struct mcast_host *h = &m->host[i];
		if (!s->nodes[i].up || h->stopped)
			continue;
		h->frozen = false;
		if (h->connected) {
			say_view(s, i);
			say_quorum(s, i);
		}
		for (struct mcast_item *it = h->first; it; it = it->next)
			order_later(&s->nodes[i]);
	}
}

static void form_later(struct sim *s, uint64_t delay_ns)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		s->mcast.host[i].frozen = true;
	sim_at(s, s->now_ns + delay_ns, ring_formed, NULL)->arg = ++s->mcast.change;
}

static uint64_t loss_noticed_ns(struct sim *s)
{
	return TOKEN_NS + rng_between(&s->rng, CONSENSUS_NS / 3, CONSENSUS_NS);
}

void mcast_join(struct node *nd)
{
	hand_over(nd, ITEM_JOIN, 0, BYTES_NONE);
}

/* What it wrote last may not have been read by Corosync. */
void mcast_process_gone(struct node *nd)
{
	struct mcast_host *h = host_of(nd);
	size_t n = 0;

	for (const struct mcast_item *it = h->first; it; it = it->next)
		n++;
	size_t keep = rng_chance(&nd->s->rng, 500) ? n : (size_t)rng_below(&nd->s->rng, n + 1);
	struct mcast_item **end = &h->first;
	for (size_t i = 0; i < n; i++) {
		struct mcast_item *it = *end;
		if (i < keep || it->kind == ITEM_JOIN || it->kind == ITEM_LEAVE) {
			end = &it->next;
			continue;
		}
		*end = it->next;
		item_free(it);
	}
	h->last = end;
	hand_over(nd, ITEM_LEAVE, 0, BYTES_NONE);
}

static void host_forget(struct mcast_host *h)
{
	struct mcast_item *it;

	while ((it = pop(h)) != NULL)
		item_free(it);
	*h = (struct mcast_host){ .frozen = true,
				  .delivered_ns = h->delivered_ns,
				  .round = h->round,
				  .round_at_cut = h->round_at_cut };
}

/* What is under way between the hosts now is lost, but for what the token has gone round after. */
static void part(struct sim *s)
{
	s->mcast.cut_epoch++;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		s->mcast.host[i].round_at_cut = s->mcast.host[i].round;
}

void mcast_host_gone(struct node *nd)
{
	part(nd->s);
	host_forget(host_of(nd));
	form_later(nd->s, loss_noticed_ns(nd->s));
}

void mcast_host_back(struct node *nd)
{
	form_later(nd->s, rng_between(&nd->s->rng, 20 * MS_NS, CONSENSUS_NS));
}

void mcast_host_stops(struct node *nd)
{
	struct mcast_host *h = host_of(nd);

	if (!nd->up || h->stopped)
		return;
	trace(nd->s, "%s: Corosync is stopped", nd->name);
	h->stopped = true;
	part(nd->s);
	form_later(nd->s, loss_noticed_ns(nd->s));
}

void mcast_host_goes_on(struct node *nd)
{
	struct mcast_host *h = host_of(nd);

	if (!h->stopped)
		return;
	trace(nd->s, "%s: Corosync goes on", nd->name);
	h->stopped = false;
	nd->s->laws.together_ns = nd->s->now_ns;
	form_later(nd->s, rng_between(&nd->s->rng, 20 * MS_NS, CONSENSUS_NS));
}

bool mcast_cut(struct sim *s, const unsigned int side[NODES_MAX])
{
	char text[NODES_MAX + 1] = { 0 };
	const struct node *up = NULL; /* the first of those that are */
	bool apart = false;

	for (unsigned int i = 0; i < s->scenario.n_nodes; i++) {
		s->mcast.side[i] = side[i];
		text[i] = (char)('a' + side[i]);
		if (!s->nodes[i].up)
			continue;
		up = up ? up : &s->nodes[i];
		apart = apart || side[i] != side[up->index];
	}
	trace(s, "the nodes are cut off from each other: %s", text);
	s->mcast.cut = true;
	part(s);
	form_later(s, loss_noticed_ns(s));
	return apart;
}

void mcast_heal(struct sim *s)
{
	memset(s->mcast.side, 0, sizeof(s->mcast.side));
	s->mcast.cut = false;
	part(s);
	form_later(s, rng_between(&s->rng, 20 * MS_NS, CONSENSUS_NS));
}

void mcast_free(struct multicast *m)
{
	for (unsigned int i = 0; i < NODES_MAX; i++)
		host_forget(&m->host[i]);
}
