/* SPDX-License-Identifier: Apache-2.0 */
/* Three peers in a crypto map entry of A, all played by B at three addresses. */
#ifndef HF_IKE_TESTS_ENGINE_MULTI_PEER_HARNESS_H
#define HF_IKE_TESTS_ENGINE_MULTI_PEER_HARNESS_H

#include "ike/tests/engine_harness.h"

extern uint8_t dead; /* set of 1 << peer: unreachable */

struct world *world_of(struct options o);
/* A tunnel with the second peer, after the first was found dead; after a takeover if told so. */
struct world *up_with_second(struct options o, bool takeover);
/* world_configure() with all peers. */
void reload(struct world *w, int side, const struct options *o);
/* Traffic goes on: it asks again every second, as the datapath does. */
void traffic(struct world *w, unsigned int seconds);
/* An operator sets the first line up. */
void manual(struct world *w);

/* A's tunnel goes to this peer. */
void assert_up(struct world *w, uint8_t peer);
void assert_index(struct world *w, uint32_t index, enum tunnel_condition reason);

typedef void (*row_fn)(bool takeover);
/* Without a takeover, and with one. */
void twice(row_fn fn);

#endif
