/* SPDX-License-Identifier: Apache-2.0 */
/* Law 7: the tunnels live, and whoever has one does not authenticate itself anew. */
#include "ha-tests/sim/sim.h"

#define SETTLE_NS     (2 * SECOND)  /* both sides may have set up an IKE SA at once */
#define SLOW_NS       (20 * SECOND) /* a DELETE waits for the exchange before it */
#define AGREE_NS      (3 * SECOND)  /* RFC 6311 may be without an answer */
#define FLOW_ALIVE_NS (2 * SECOND)
#define DPD_RETRY_NS  (2 * SECOND)  /* scenario.c */
#define CALM_NS       (12 * SECOND) /* retransmissions that have backed off, and a hold-off */
#define GIVE_UP_NS \
	(80 * SECOND) /* a tunnel that was lost is dead until both ends have given it up */

void laws_unsettle(struct sim *s, unsigned int peer)
{
	s->laws.settled[peer] = false;
	s->laws.settled_from_ns[peer] = 0;
	s->laws.unsettled_until_ns[peer] = s->now_ns + SLOW_NS;
}

/* Until what both ends hold is the same: nothing has to be waited for. */
void laws_excuse(struct sim *s, unsigned int peer)
{
	const uint64_t until = s->laws.unsettled_until_ns[peer];

	laws_unsettle(s, peer);
	s->laws.unsettled_until_ns[peer] = until > s->now_ns + AGREE_NS ? until
									: s->now_ns + AGREE_NS;
}

static bool flow_alive(const struct sim *s, const struct flow *f)
{
	return f->delivered && f->last_ns + FLOW_ALIVE_NS > s->now_ns;
}

static bool peer_alive(const struct sim *s, unsigned int peer)
{
	for (size_t i = 0; i < s->n_flows; i++)
		if (s->flows[i].peer == peer && !flow_alive(s, &s->flows[i]))
			return false;
	return true;
}

static void look_for_initiator(void *ctx, const struct ike_sa_state *sa)
{
	bool *found = ctx;

	*found = *found || (sa->initiator && sa->stage < IKE_SA_ESTABLISHED);
}

/* An IKE_SA_INIT from before the tunnel was up may be answered half a minute later. */
static bool initiates(struct sim *s, unsigned int peer)
{
	const struct member *owner = member_owner(s, peer_group(s, peer), NULL);
	bool found = false;

	ike_each_sa(s->peers[peer].engine, look_for_initiator, &found);
	if (owner)
		ike_each_sa(hf_core_engine(owner->core), look_for_initiator, &found);
	return found;
}

/* What excused the group is over: all its tunnels are settled, and would be where it is lost. */
static void end_excuse(struct sim *s, unsigned int group)
{
	struct group_laws *l = &s->laws.group[group];
	const struct member *owner = member_owner(s, group, NULL);

	if (!l->excused || !owner || !owner->is_protected || laws_apart(s))
		return;
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		if (peer_group(s, i) == group && !s->laws.settled[i])
			return;
	l->excused = false;
	s->stats.excuses_ended++;
	trace(s, "settled: from here on no tunnel of group %u may have to be set up anew",
	      group + 1);
}

void laws_settle(struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_peers; i++) {
		uint64_t *from = &s->laws.settled_from_ns[i];

		if (s->laws.settled[i])
			continue;
		if (s->now_ns < s->laws.unsettled_until_ns[i] || !peer_alive(s, i) ||
		    initiates(s, i) ||
		    (laws_of_peer(s, i)->excused && !laws_auth_agreed(s, &s->peers[i])))
			*from = 0;
		else if (!*from)
			*from = s->now_ns;
		else if (*from + SETTLE_NS <= s->now_ns)
			s->laws.settled[i] = true;
	}
	for (unsigned int g = 0; g < s->scenario.n_groups; g++)
		end_excuse(s, g);
}

static unsigned int peer_of(const struct gateway *gw, const struct sim *s,
			    const struct inet_addr *remote)
{
	if (gw->peer)
		return gw->peer->index;
	for (unsigned int i = 0; i < s->scenario.n_peers; i++)
		if (inet_equal(&s->peers[i].address, remote))
			return i;
	return 0;
}

/* A peer whose liveness check has met a burst may lose the last answers as any other. */
static bool gives_up_for_loss(const struct gateway *gw, const struct log_event *ev)
{
	const struct sim *s = gw->s;

	return gw->peer && ev->id == LOG_IKE_PEER_DEAD && s->net.loss_until_ns &&
	       s->now_ns < s->net.loss_until_ns + 2 * DPD_RETRY_NS;
}

/* A lifetime that ends while the network lets no rekey through ends the tunnel. */
void laws_log(struct gateway *gw, const struct log_event *ev)
{
	const unsigned int peer = peer_of(gw, gw->s, &ev->remote.addr);

	laws_log_line(gw, ev);
	if (gw->member &&
	    (ev->id == LOG_IKE_SA_DOWN || ev->id == LOG_IKE_PEER_DEAD || ev->id == LOG_IKE_ABORTED))
		laws_auth_ended(gw->member, &gw->s->peers[peer]);
	if (gives_up_for_loss(gw, ev))
		laws_unsettle(gw->s, peer);
	if (ev->id != LOG_IKE_SA_DOWN || !strstr(ev->detail, "lifetime expired"))
		return;
	gw->s->stats.expired++;
	laws_unsettle(gw->s, peer);
}

void laws_auth(struct gateway *gw, const struct inet_addr *remote, uint64_t spi_i)
{
	struct sim *s = gw->s;
	unsigned int peer = peer_of(gw, s, remote);

	s->stats.auths++;
	if (s->laws.settled[peer])
		law_broken(s, 7, "the tunnel with %s is authenticated anew", s->peers[peer].name);
	if (gw->member)
		laws_auth_beside(gw->member, &s->peers[peer], spi_i);
}

/* The number of a packet that has been under way for a second; 0: none. */
static uint64_t flow_lost(struct flow *f)
{
	const unsigned int now = f->looks++ % FLOW_LOOKS;
	const uint64_t old = f->looks > FLOW_LOOKS ? f->sent_at_look[now] : f->sent;

	f->sent_at_look[now] = f->sent;
	if (f->looks <= FLOW_LOOKS)
		f->checked = f->sent;
	for (; f->checked < old; f->checked++)
		if (f->window[(f->checked + 1) % FLOW_WINDOW] != f->checked + 1)
			return f->checked + 1;
	return 0;
}

/*
 * Long after the last fault, on a network that loses nothing: each line
 * carries its traffic without a break, and rekeys lose no packet.
 */
void laws_calm(struct sim *s)
{
	if (s->calm && s->now_ns > s->calm_ns + CALM_NS)
		laws_admission_calm(s);
	for (size_t i = 0; i < s->n_flows && s->calm; i++) {
		struct flow *f = &s->flows[i];
		const bool for_long = laws_of_peer(s, f->peer)->excused_for_long;
		if (s->now_ns <= s->calm_ns + CALM_NS + (for_long ? GIVE_UP_NS : 0))
			continue;
		const char *way = f->to_peer ? "to" : "from", *peer = s->peers[f->peer].name;

		if (!flow_alive(s, f))
			law_broken(
				s, 7,
				"line %u of %s carries nothing %s the peer, %llu s after the last fault",
				f->line, peer, way,
				(unsigned long long)((s->now_ns - s->calm_ns) / SECOND));
		uint64_t lost = flow_lost(f);
		if (lost)
			law_broken(
				s, 7,
				"line %u of %s loses packet %llu %s the peer on a faultless network",
				f->line, peer, (unsigned long long)lost, way);
	}
}
