/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of config_sync.c share. */
#ifndef HF_CLUSTER_TESTS_CONFIG_FIXTURES_H
#define HF_CLUSTER_TESTS_CONFIG_FIXTURES_H

#include "base/must.h"
#include "cluster/tests/fixtures.h"

#define BODY(kind) HOLDFAST__CLUSTER_MESSAGE__BODY_##kind
#define LONG_LEN   (10 * CONFIG_PIECE_BYTES + 7)

static char long_text[LONG_LEN];

static inline void settled(size_t n)
{
	world_settled(&w, n);
	for (size_t i = 0; i < LONG_LEN; i++)
		long_text[i] = (char)('a' + i % 23);
}

static inline void long_one(size_t i)
{
	w.nodes[i].config_text = long_text;
	w.nodes[i].config_text_len = LONG_LEN;
}

static inline void assert_ended(size_t i, uint8_t slot, enum result reason, const char *why)
{
	const struct node *nd = &w.nodes[i];

	assert_int_equal(nd->config_slot, slot);
	assert_int_equal(nd->config_reason, reason);
	assert_string_equal(nd->config_why, why);
	assert_int_equal(nd->config_left, 0);
	assert_false(nd->cl->config.offer.used);
	assert_null(nd->cl->config.offer.text.p);
}

static inline void who_restarts(size_t i)
{
	world_kill(&w, i, 100);
	node_start(&w, i);
	world_view(&w, true);
}

/* Node i answers to the offer of this id. */
static inline void forge_done(size_t i, uint64_t id, uint32_t refused)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__ConfigDone c = HOLDFAST__CONFIG_DONE__INIT;

	c.id = id;
	c.refused = refused;
	m.body_case = BODY(CONFIG_DONE);
	m.config_done = &c;
	node_forge(&w, i, 0, &m);
	world_run(&w, 2);
}

#endif
