/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "ike/tests/engine_sync_harness.h"

struct heard heard[2];

unsigned int hear(struct world *w, struct packet *p)
{
	struct heard *h = &heard[1 - p->to];

	(void)w;
	if (h->n < 32)
		must(buf_set(&h->datagram[h->n++], buf_bytes(&p->datagram)));
	return 1;
}

unsigned int hear_and_drop_responses(struct world *w, struct packet *p)
{
	(void)hear(w, p);
	return p->response ? 0 : 1;
}

void forget_heard(void)
{
	for (int side = 0; side < 2; side++) {
		for (size_t i = 0; i < heard[side].n; i++)
			buf_free(&heard[side].datagram[i]);
		heard[side].n = 0;
	}
}

struct world *established(const struct options *o)
{
	forget_heard();
	return world_up(7, o, true);
}

void suspect(struct world *w, int side)
{
	w->side[side].records_lost = false;
	world_takeover(w, side, true);
}

void assert_in_step(struct world *w)
{
	struct ike_sa_state a = world_sa(w, A), b = world_sa(w, B);

	assert_int_equal(a.next_request_id, b.expected_request_id);
	assert_int_equal(b.next_request_id, a.expected_request_id);
}

void assert_well(struct world *w)
{
	rekey_child(w, A);
	world_run(w, 3000);
	rekey_child(w, B);
	world_run(w, 3000);
	liveness(w, A);
	liveness(w, B);
	world_run(w, 3000);
	assert_true(world_tunnel_works(w, 1));
	assert_in_step(w);
	rekey_ike(w, B);
	world_run(w, 3000);
	rekey_ike(w, A);
	world_run(w, 3000);
	assert_true(world_tunnel_works(w, 1));
	assert_in_step(w);
	assert_int_equal(w->side[A].init_requests, 1);
	assert_int_equal(w->side[A].logs[LOG_IKE_SA_DOWN], 0);
	assert_int_equal(w->side[B].logs[LOG_IKE_SA_DOWN], 0);
}

struct buf forge(struct world *w, int from, const struct forgery *f)
{
	struct ike_sa_state sa = world_sa(w, from);
	struct ike_header h = { .exchange = INFORMATIONAL,
				.flags = f->response ? IKE_FLAG_RESPONSE : 0,
				.message_id = f->message_id };
	struct ike_builder b;
	uint8_t plain[512];

	ike_build_inner(&b, plain, sizeof(plain));
	f->put(&b, &f->sync);
	return world_sealed(&sa, h, &b);
}
