/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ike/tests/engine_multi_peer_harness.h"

uint8_t dead;

static unsigned int unreachable(struct world *w, struct packet *p)
{
	for (uint8_t k = 0; k < PEERS; k++) {
		struct inet_addr a = world_peer(w, k);

		if (dead & 1u << k &&
		    (inet_equal(&p->dst.addr, &a) || inet_equal(&p->src.addr, &a)))
			return 0;
	}
	return 1;
}

struct world *world_of(struct options o)
{
	o.peers = PEERS;
	dead = 0;

	struct world *w = world_new(7, &o, true);

	w->impair = unreachable;
	return w;
}

void reload(struct world *w, int side, const struct options *o)
{
	struct options all = *o;

	all.peers = PEERS;
	world_configure(w, side, &all);
}

void traffic(struct world *w, unsigned int seconds)
{
	for (unsigned int i = 0; i < seconds; i++) {
		world_input(w, A,
			    &(struct ike_input){ .kind = IKE_IN_INITIATE,
						 .tunnel = 1,
						 .have_packet = true,
						 .packet_local.end.family = INET_NONE });
		world_run(w, 1000);
	}
}

void manual(struct world *w)
{
	initiate(w, A, 1);
	world_run(w, 100);
}

void assert_up(struct world *w, uint8_t peer)
{
	const struct dp_child *c = world_outbound(w, A, 1);
	struct inet_addr a = world_peer(w, peer);

	assert_non_null(c);
	assert_true(inet_equal(&c->s.remote.addr, &a));
}

void assert_index(struct world *w, uint32_t index, enum tunnel_condition reason)
{
	struct peer_index_state s = world_index(w);

	assert_int_equal(s.index, index);
	assert_int_equal(s.reason, reason);
}

struct world *up_with_second(struct options o, bool takeover)
{
	struct world *w = world_of(o);

	dead = 1;
	traffic(w, 140);
	assert_up(w, 1);
	assert_index(w, 1, TUNNEL_PEER_UNREACHABLE);
	dead = 0;
	if (takeover) {
		struct peer_index_state was = world_index(w), is;

		world_takeover(w, A, false);
		world_run(w, 1000);
		is = world_index(w);
		assert_memory_equal(&is, &was, sizeof(is));
		assert_up(w, 1);
	}
	return w;
}

void twice(row_fn fn)
{
	fn(false);
	fn(true);
}
