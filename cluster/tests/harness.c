/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "cluster/tests/harness_private.h"

/* ---- nodes ---- */

static struct cl_node_config config(const struct world *w, const struct node *nd)
{
	struct cl_node_config c = {
		.node_id = nd->id,
		.slot = nd->slot,
		.version_min = nd->version_min ? nd->version_min : 1,
		.version_max = nd->version_max ? nd->version_max : 1,
		.token_ms = TOKEN_MS,
		.consensus_ms = CONSENSUS_MS,
		.unit = nd->slot,
		.fenced_takeover = w->fenced_takeover,
		.empty_start = w->empty_start,
		.empty_start_after_ms = 3000,
		.wait_for_all = true,
		.expected_votes = w->expected_votes,
		.nodes = { 1, 2, 3, 4, 5, 6, 7, 8 },
		.n_nodes = w->no_node_list ? 0 : w->n,
		.realtime_ms = 1000000 + nd->id * 777,
		.start_ns = w->now_ns,
		.n_groups = 1,
		.term_on_disk = { nd->term_on_disk },
		.terms_unknown = { nd->terms_unknown },
		.drained = nd->drained,
		.manager = w->manager,
		.groups = { { .group = GROUP,
			      .preferred_slot = w->preferred_slot,
			      .preempt = w->preempt,
			      .preempt_after_ms = w->preempt_after_ms } },
	};

	snprintf(c.hostname, sizeof(c.hostname), "vpn%u", nd->id);
	snprintf(c.software, sizeof(c.software), "0.1.2");
	must(secret_set(&c.failover_key, bytes(nd->key ? nd->key : w->key, 32)) == R_OK);
	memset(c.salt, nd->salt_byte, sizeof(c.salt));
	c.config_digest[0] = nd->config;
	c.salt[0] = nd->slot;
	c.salt[1] = (uint8_t)nd->id;
	return c;
}

void node_start(struct world *w, size_t i)
{
	struct node *nd = &w->nodes[i];

	nd->w = w;
	nd->id = (uint32_t)(i + 1);
	if (!nd->slot)
		nd->slot = (uint8_t)(i + 1);
	nd->pid += 100;
	nd->salt_byte++;
	nd->alive = nd->fresh = true;
	nd->stopped = false;
	nd->role = CL_ROLE_OFFLINE;
	nd->deadline_ns = 0;
	nd->is_protected = false;
	nd->mirror = ss_store_new((const uint8_t *)"0123456789abcdef");
	struct cl_node_config c = config(w, nd);
	nd->cl = cl_node_new(&c);
	must(nd->cl && nd->mirror);
}

static void node_end(struct node *nd)
{
	nd->alive = false;
	nd->role = CL_ROLE_OFFLINE;
	buf_free(&nd->exec_got);
	buf_free(&nd->config_got);
	drain(&nd->inbox);
	drain(&nd->sendq);
	drain(&nd->later);
	cl_node_free(nd->cl);
	ss_store_free(nd->mirror);
	nd->cl = NULL;
	nd->mirror = NULL;
}

void node_kill(struct world *w, size_t i)
{
	node_end(&w->nodes[i]);
}

void node_stop(struct world *w, size_t i)
{
	w->nodes[i].stopped = true;
}

void node_wake(struct world *w, size_t i)
{
	struct cl_input timer = { .kind = CL_IN_TIMER };

	w->nodes[i].stopped = false;
	node_input(&w->nodes[i], &timer);
}

void node_cut(struct world *w, size_t i)
{
	world_order(w);
	w->nodes[i].part = (unsigned int)(i + 1);
}

void world_heal(struct world *w)
{
	world_order(w);
	for (size_t i = 0; i < w->n; i++)
		w->nodes[i].part = 0;
	w->healed_ns = w->now_ns;
}

void node_command(struct world *w, size_t i, enum cl_input_kind kind)
{
	struct cl_input in = { .kind = kind, .group = GROUP };

	node_input(&w->nodes[i], &in);
}

void node_exec(struct world *w, size_t i, uint8_t slot, const char *line, uint64_t token)
{
	struct cl_input in = { .kind = CL_IN_EXEC,
			       .slot = slot,
			       .token = token,
			       .json = true,
			       .data = bytes(line, strlen(line)) };

	node_input(&w->nodes[i], &in);
}

void node_config(struct world *w, size_t i, uint8_t slot, enum cl_config_why why, uint64_t token)
{
	config_offer(&w->nodes[i], slot, why, token);
}

void node_reload(struct world *w, size_t i, uint8_t config)
{
	struct cl_input in = { .kind = CL_IN_CONFIG_DIGEST, .digest = { config } };

	w->nodes[i].config = config;
	node_input(&w->nodes[i], &in);
}

uint64_t node_append(struct world *w, size_t i)
{
	struct node *nd = &w->nodes[i];
	struct ss_record r = { .kind = TEST_KIND, .key = ++w->next_key };
	struct cl_input in = {
		.kind = CL_IN_RECORDS, .group = GROUP, .records = &r, .n_records = 1
	};

	must(buf_set(&r.data, bytes(&w->next_key, sizeof(w->next_key))) && w->n_log < 4096);
	w->log[w->n_log++] = (struct appended){ .key = r.key,
						.term = nd->term,
						.slot = nd->slot,
						.position = cl_position(nd->cl, GROUP) + 1 };
	node_input(nd, &in);
	ss_record_clear(&r);
	return w->next_key;
}

bool node_has(const struct node *nd, uint64_t key)
{
	return ss_store_get(cl_store(nd->cl, GROUP), (enum ss_kind)TEST_KIND, key) != NULL;
}

bool node_may_send(const struct node *nd)
{
	return nd->alive && !nd->stopped && nd->role == CL_ROLE_ACTIVE &&
	       nd->w->now_ns < nd->deadline_ns;
}

struct cl_group_status node_status(const struct node *nd)
{
	struct cl_group_status s;

	must(cl_group_status(nd->cl, GROUP, nd->w->now_ns, &s) == R_OK);
	return s;
}

size_t world_owner(const struct world *w)
{
	size_t owner = NODES_MAX, count = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].alive && w->nodes[i].role == CL_ROLE_ACTIVE) {
			owner = i;
			count++;
		}
	assert_int_equal(count, 1);
	return owner;
}

/* ---- worlds ---- */

void world_init(struct world *w, size_t n)
{
	memset(w, 0, sizeof(*w));
	w->n = n;
	w->now_ns = 1000 * MS_NS;
	w->two_node = n == 2;
	w->expected_votes = (uint32_t)n;
	w->key = "an example of a key, 32 bytes...";
}

void world_free(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].cl)
			node_end(&w->nodes[i]);
}

void world_settled(struct world *w, size_t n)
{
	world_init(w, n);
	for (size_t i = 0; i < n; i++)
		node_start(w, i);
	world_view(w, false);
	world_run(w, 300);
	assert_int_equal(world_owner(w), 0);
	assert_true(w->nodes[0].is_protected);
	for (size_t i = 1; i < n; i++)
		assert_int_equal(w->nodes[i].role, CL_ROLE_STANDBY);
}

void world_kill(struct world *w, size_t i, uint64_t ms)
{
	node_kill(w, i);
	world_view(w, true);
	world_run(w, ms);
}

void world_start(struct world *w, size_t i, uint64_t ms)
{
	node_start(w, i);
	world_view(w, true);
	world_run(w, ms);
}

void world_cut(struct world *w, size_t i, uint64_t ms)
{
	node_cut(w, i);
	world_view(w, false);
	world_run(w, ms);
}

void world_lose(struct world *w, size_t i, uint64_t ms)
{
	node_cut(w, i);
	world_run(w, TOKEN_MS + CONSENSUS_MS);
	world_view(w, false);
	world_run(w, ms);
}

void world_meet(struct world *w, uint64_t ms)
{
	world_heal(w);
	world_view(w, false);
	world_run(w, ms);
}
