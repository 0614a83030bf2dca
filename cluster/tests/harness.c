/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "cluster/tests/harness.h"

#define TEST_KIND 77u

/* ---- queues ---- */

static struct event *event_new(const struct cl_input *in, struct bytes data)
{
	struct event *e = calloc(1, sizeof(*e));

	must(e && buf_set(&e->data, data));
	e->in = *in;
	return e;
}

static void push(struct queue *q, struct event *e)
{
	if (q->tail)
		q->tail->next = e;
	else
		q->head = e;
	q->tail = e;
}

static struct event *pop(struct queue *q)
{
	struct event *e = q->head;

	if (!e)
		return NULL;
	q->head = e->next;
	if (!q->head)
		q->tail = NULL;
	e->next = NULL;
	return e;
}

static void append_queue(struct queue *to, struct queue *from)
{
	struct event *e;

	while ((e = pop(from)) != NULL)
		push(to, e);
}

static void event_free(struct event *e)
{
	buf_free(&e->data);
	free(e);
}

static void drain(struct queue *q)
{
	struct event *e;

	while ((e = pop(q)) != NULL)
		event_free(e);
}

/* ---- laws ---- */

static void law4_one_owner_per_term(struct node *nd)
{
	uint8_t *owner = &nd->w->owner_of_term[nd->term];

	must(nd->term < sizeof(nd->w->owner_of_term));
	assert_true(*owner == 0 || *owner == nd->slot);
	*owner = nd->slot;
}

/*
 * A takeover that calls itself suspect says that records may be missing: then nothing is
 * promised.
 */
static void law5_next_owner_has_what_was_seen(struct node *nd)
{
	struct world *w = nd->w;

	if (nd->suspect)
		w->n_seen = 0;
	for (size_t i = 0; i < w->n_seen; i++)
		if (!node_has(nd, w->seen[i]))
			fail_msg("node %u took over in term %llu without key %llu", nd->id,
				 (unsigned long long)nd->term, (unsigned long long)w->seen[i]);
}

static bool holds_state(const struct node *nd)
{
	return nd->alive && nd->role != CL_ROLE_OFFLINE && nd->role != CL_ROLE_JOINING;
}

static void law8_store_is_fold_of_log(const struct node *nd)
{
	uint8_t mine[32], other[32];
	struct cl_group_status a = node_status(nd);

	ss_store_digest(cl_store(nd->cl, GROUP), mine);
	ss_store_digest(nd->mirror, other);
	assert_memory_equal(mine, other, sizeof(mine));
	for (size_t i = 0; i < nd->w->n; i++) {
		const struct node *o = &nd->w->nodes[i];
		if (!holds_state(o) || !holds_state(nd))
			continue;
		struct cl_group_status b = node_status(o);
		if (a.term != b.term || a.owner_slot != b.owner_slot || a.applied != b.applied)
			continue;
		ss_store_digest(cl_store(o->cl, GROUP), other);
		assert_memory_equal(mine, other, sizeof(mine));
	}
}

static void committed(struct node *nd, uint64_t position)
{
	struct world *w = nd->w;

	nd->committed = position;
	if (!nd->is_protected)
		return;
	for (size_t i = 0; i < w->n_log; i++) {
		const struct appended *a = &w->log[i];
		if (a->slot == nd->slot && a->term == nd->term && a->position <= position &&
		    w->n_seen < 4096) {
			w->seen[w->n_seen++] = a->key;
			w->log[i].slot = 0;
		}
	}
}

/* ---- effects ---- */

static struct node *part_slot(struct world *w, unsigned int part, uint8_t slot)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].alive && w->nodes[i].part == part && w->nodes[i].slot == slot)
			return &w->nodes[i];
	return NULL;
}

static void answer(struct node *nd, enum cl_input_kind kind)
{
	struct cl_input in = { .kind = kind, .group = GROUP };

	push(&nd->later, event_new(&in, BYTES_NONE));
}

static void on_snapshot(struct node *nd, const struct cl_effect *fx)
{
	struct node *to = part_slot(nd->w, nd->part, fx->slot);
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .from_node_id = nd->id };
	struct cl_input ready = { .kind = CL_IN_SNAPSHOT_READY, .group = GROUP, .slot = fx->slot };

	bool is_chunk = fx->kind == CL_FX_SNAPSHOT_SEND;
	bool lost = nd->lose_snapshots || (is_chunk && nd->lose_chunks > 0);

	nd->chunks_sent += is_chunk;
	if (is_chunk && nd->lose_chunks > 0)
		nd->lose_chunks--;
	if (nd->w->snapshot)
		nd->w->snapshot(nd, fx);
	else if (to && !lost)
		push(&to->later, event_new(&in, buf_bytes(&fx->data)));
	if (is_chunk)
		push(&nd->later, event_new(&ready, BYTES_NONE));
}

static void on_term(struct node *nd, const struct cl_effect *fx)
{
	struct cl_input in = {
		.kind = CL_IN_TERM_WRITTEN, .group = GROUP, .term = fx->term, .ok = true
	};

	assert_true(fx->term > nd->term_on_disk);
	in.ok = !nd->disk_full;
	nd->terms_refused += nd->disk_full;
	if (in.ok) {
		nd->term_on_disk = fx->term;
		nd->terms_unknown = fx->terms_unknown;
	}
	push(&nd->later, event_new(&in, BYTES_NONE));
}

static void on_role(struct node *nd, const struct cl_effect *fx)
{
	nd->role = fx->role;
	nd->term = fx->term;
	nd->why = fx->why;
	if (fx->role != CL_ROLE_ACTIVE)
		return;
	nd->suspect = fx->suspect;
	nd->suspect_term = fx->suspect_term;
	nd->handover = fx->handover;
	assert_true(nd->term_on_disk >= nd->term); /* R11 */
	law4_one_owner_per_term(nd);
	law5_next_owner_has_what_was_seen(nd);
}

static void on_exec(struct node *nd, const struct cl_effect *fx)
{
	struct cl_input in = { .kind = CL_IN_EXEC_ANSWER, .token = fx->token, .exit = 7 };

	nd->execs++;
	nd->exec_json = fx->json;
	snprintf(nd->exec_line, sizeof(nd->exec_line), "%.*s", (int)fx->data.len, fx->data.p);
	if (!nd->mute_exec)
		push(&nd->later, event_new(&in, bytes(nd->exec_text, nd->exec_text_len)));
}

static void on_exec_done(struct node *nd, const struct cl_effect *fx)
{
	nd->execs_done++;
	nd->exec_ok = fx->ok;
	nd->exec_exit = fx->exit;
	nd->exec_token = fx->token;
	nd->exec_reason = fx->reason;
	snprintf(nd->exec_why, sizeof(nd->exec_why), "%s", fx->why ? fx->why : "");
	must(buf_set(&nd->exec_got, buf_bytes(&fx->data)));
}

static void config_offer(struct node *nd, uint8_t slot, enum cl_config_why why, uint64_t token)
{
	struct cl_input in = { .kind = CL_IN_CONFIG_OFFER,
			       .slot = slot,
			       .why = why,
			       .token = token,
			       .digest = { nd->config } };
	const char *text = nd->config_text ? nd->config_text : "crypto map OUT 10";
	size_t len = nd->config_text ? nd->config_text_len : strlen(text);

	push(&nd->later, event_new(&in, bytes(text, len)));
}

static void on_config(struct node *nd, const struct cl_effect *fx)
{
	const char *why = nd->config_fault ? nd->config_fault : "";
	struct cl_input taken = { .kind = CL_IN_CONFIG_TAKEN,
				  .token = fx->token,
				  .reason = *why ? R_CONFIG : R_OK };
	struct cl_input digest = { .kind = CL_IN_CONFIG_DIGEST };

	*(fx->data.len ? &nd->configs_taken : &nd->configs_saved) += 1;
	must(buf_set(&nd->config_got, buf_bytes(&fx->data)));
	if (nd->mute_config)
		return;
	if (!*why && fx->data.len) {
		nd->config = fx->digest[0];
		memcpy(digest.digest, fx->digest, sizeof(digest.digest));
		push(&nd->later, event_new(&digest, BYTES_NONE));
	}
	push(&nd->later, event_new(&taken, bytes(why, strlen(why))));
}

static void on_config_done(struct node *nd, const struct cl_effect *fx)
{
	nd->configs_done++;
	nd->configs_ok += fx->ok;
	nd->config_slot = fx->slot;
	nd->config_token = fx->token;
	nd->config_left = fx->exit;
	nd->config_reason = fx->reason;
	if (fx->why)
		snprintf(nd->config_why, sizeof(nd->config_why), "%s", fx->why);
	else
		snprintf(nd->config_why, sizeof(nd->config_why), "%.*s", (int)fx->data.len,
			 (const char *)fx->data.p);
}

static void effect(struct node *nd, const struct cl_effect *fx)
{
	struct cl_input message = { .kind = CL_IN_MESSAGE,
				    .from_node_id = nd->id,
				    .from_pid = nd->pid };

	switch (fx->kind) {
	case CL_FX_MCAST:
		nd->sent++;
		push(&nd->sendq, event_new(&message, buf_bytes(&fx->data)));
		break;
	case CL_FX_SNAPSHOT_SEND:
	case CL_FX_SNAPSHOT_ASK:
		on_snapshot(nd, fx);
		break;
	case CL_FX_WRITE_TERM:
		on_term(nd, fx);
		break;
	case CL_FX_ROLE:
		on_role(nd, fx);
		break;
	case CL_FX_DEADLINE:
		nd->deadline_ns = fx->deadline_ns;
		break;
	case CL_FX_COMMITTED:
		committed(nd, fx->position);
		break;
	case CL_FX_APPLY:
		nd->touched = true;
		must(ss_store_apply(nd->mirror, fx->record) == R_OK);
		break;
	case CL_FX_RESET:
		nd->touched = true;
		nd->resets++;
		ss_store_clear(nd->mirror);
		break;
	case CL_FX_PROTECTION:
		nd->is_protected = fx->is_protected;
		break;
	case CL_FX_PREPARE:
		if (!nd->mute_prepare)
			answer(nd, CL_IN_PREPARED);
		break;
	case CL_FX_QUIESCE:
		if (!nd->mute_quiesce)
			answer(nd, CL_IN_QUIESCED);
		break;
	case CL_FX_PART:
		nd->parted++;
		if (!nd->mute_part)
			answer(nd, CL_IN_STOPPED_APART);
		break;
	case CL_FX_ANNOUNCE:
		nd->announced++;
		break;
	case CL_FX_STOPPED:
		*(fx->ok ? &nd->stopped_ok : &nd->stopped_failed) += 1;
		break;
	case CL_FX_COMMAND_DONE:
		*(fx->ok ? &nd->commands_ok : &nd->commands_failed) += 1;
		break;
	case CL_FX_EXEC:
		on_exec(nd, fx);
		break;
	case CL_FX_EXEC_DONE:
		on_exec_done(nd, fx);
		break;
	case CL_FX_ADMISSION:
		break; /* cl_admission() says the same */
	case CL_FX_CONFIG_WANTED:
		nd->configs_wanted++;
		config_offer(nd, fx->slot, CL_CONFIG_REPLACE, 0);
		break;
	case CL_FX_CONFIG:
		on_config(nd, fx);
		break;
	case CL_FX_CONFIG_DONE:
		on_config_done(nd, fx);
		break;
	case CL_FX_LOG:
		nd->logs[fx->log.id]++;
		if (getenv("CL_TRACE"))
			fprintf(stderr, "%6llu ms node %u: %s: %s\n",
				(unsigned long long)(nd->w->now_ns / MS_NS), nd->id,
				log_info(fx->log.id)->name, fx->log.detail);
		break;
	}
}

void node_input(struct node *nd, const struct cl_input *in)
{
	struct cl_outbox out = { 0 };

	if (!nd->alive)
		return;
	nd->touched = false;
	cl_step(nd->cl, nd->w->now_ns, in, &out);
	for (size_t i = 0; i < out.n; i++)
		effect(nd, &out.fx[i]);
	cl_outbox_clear(&out);
	if (nd->touched && !nd->w->large)
		law8_store_is_fold_of_log(nd);
}

/* ---- the ordered multicast ---- */

static void to_part(struct world *w, const struct node *from, const struct cl_input *in,
		    struct bytes data)
{
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].alive && w->nodes[i].part == from->part)
			push(&w->nodes[i].inbox, event_new(in, data));
}

void world_order(struct world *w)
{
	for (size_t i = 0; i < w->n; i++) {
		struct node *nd = &w->nodes[i];
		struct event *e;

		while (nd->alive && !nd->hold_acks && (e = pop(&nd->sendq)) != NULL) {
			to_part(w, nd, &e->in, buf_bytes(&e->data));
			event_free(e);
		}
	}
}

void world_inject(struct world *w, size_t i, struct bytes data)
{
	struct cl_input in = { .kind = CL_IN_MESSAGE,
			       .from_node_id = w->nodes[i].id,
			       .from_pid = w->nodes[i].pid };

	to_part(w, &w->nodes[i], &in, data);
}

void node_drop_sent(struct world *w, size_t i)
{
	drain(&w->nodes[i].sendq);
}

void node_forge(struct world *w, size_t i, uint64_t term, Holdfast__ClusterMessage *m)
{
	struct node *nd = &w->nodes[i];
	struct cl_outbox out = { 0 };

	nd->cl->out = &out;
	message_send(nd->cl, GROUP, term, m);
	nd->cl->out = NULL;
	for (size_t k = 0; k < out.n; k++)
		effect(nd, &out.fx[k]);
	cl_outbox_clear(&out);
}

void node_forge_claim(struct world *w, size_t i, uint64_t term, enum claim_reason reason,
		      void (*change)(Holdfast__Claim *c))
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Claim c = HOLDFAST__CLAIM__INIT;
	struct cl_node *cl = w->nodes[i].cl;
	struct group *g = &cl->groups[0];

	c.ring_node_id = cl->view.ring.node_id;
	c.ring_seq = cl->view.ring.seq;
	c.members_digest = (ProtobufCBinaryData){ .data = cl->view.digest,
						  .len = sizeof(cl->view.digest) };
	c.applied = g->applied;
	c.last_heartbeat = g->heartbeat;
	c.last_term = g->last_term;
	c.last_owner_slot = g->last_owner;
	c.reason = reason;
	if (change)
		change(&c);
	/* It believes in it. */
	g->claim.sent = true;
	g->claim.term = term;
	g->claim.emitted_ns = w->now_ns;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_CLAIM;
	m.claim = &c;
	w->nodes[i].term_on_disk = w->nodes[i].cl->groups[0].disk_term = term;
	node_forge(w, i, term, &m);
}

static void consume(struct node *nd, struct queue *q)
{
	struct event *e;

	while (nd->alive && !nd->stopped && (e = pop(q)) != NULL) {
		e->in.data = buf_bytes(&e->data);
		node_input(nd, &e->in);
		event_free(e);
	}
}

void node_deliver_to_itself(struct world *w, size_t i)
{
	struct node *nd = &w->nodes[i];

	append_queue(&nd->inbox, &nd->sendq);
	consume(nd, &nd->inbox);
}

static void view_inputs(struct world *w, const struct node *nd, bool same_ring,
			struct cl_input *view, struct cl_input *quorum)
{
	*view = (struct cl_input){ .kind = CL_IN_VIEW };
	for (size_t i = 0; i < w->n; i++) {
		const struct node *o = &w->nodes[i];
		if (o->alive && o->part == nd->part)
			view->members[view->n_members++] = (struct cl_member){ .node_id = o->id,
									       .pid = o->pid };
	}
	view->ring = (struct cl_ring_id){ .node_id = nd->part + 1, .seq = w->ring_seq };
	*quorum = (struct cl_input){ .kind = CL_IN_QUORUM, .ring = view->ring };
	quorum->quorate = w->two_node || view->n_members * 2 > w->expected_votes || same_ring;
}

static void view_node(struct world *w, struct node *nd, bool same_ring)
{
	struct cl_input view, quorum;

	view_inputs(w, nd, same_ring, &view, &quorum);
	same_ring = same_ring && !nd->fresh;
	nd->fresh = false;
	if (!same_ring && w->quorum_order == QUORUM_BEFORE_VIEW)
		push(&nd->inbox, event_new(&quorum, BYTES_NONE));
	push(&nd->inbox, event_new(&view, BYTES_NONE));
	if (!same_ring && w->quorum_order == QUORUM_AFTER_VIEW)
		push(&nd->inbox, event_new(&quorum, BYTES_NONE));
	if (!same_ring && w->quorum_order == QUORUM_LATE)
		push(&nd->later, event_new(&quorum, BYTES_NONE));
}

void world_view(struct world *w, bool same_ring)
{
	if (!same_ring)
		w->ring_seq += 4;
	for (size_t i = 0; i < w->n; i++)
		if (w->nodes[i].alive)
			view_node(w, &w->nodes[i], same_ring);
}

static void assert_one_sender_per_part(const struct world *w)
{
	for (size_t i = 0; w->now_ns > w->healed_ns + 5 * MS_NS && i < w->n; i++)
		for (size_t k = i + 1; k < w->n; k++)
			assert_false(w->nodes[i].part == w->nodes[k].part &&
				     node_may_send(&w->nodes[i]) && node_may_send(&w->nodes[k]));
}

static void tick(struct world *w)
{
	struct cl_input timer = { .kind = CL_IN_TIMER };

	world_order(w);
	for (size_t i = 0; i < w->n; i++) {
		struct node *nd = &w->nodes[i];
		consume(nd, &nd->inbox);
		struct queue later = nd->later;
		nd->later = (struct queue){ 0 }; /* answers to answers come in the next tick */
		consume(nd, &later);
		append_queue(&later, &nd->later);
		nd->later = later;
		if (nd->alive && !nd->stopped && cl_next_deadline(nd->cl) <= w->now_ns)
			node_input(nd, &timer);
	}
	assert_one_sender_per_part(w);
	w->now_ns += MS_NS;
}

void world_run(struct world *w, uint64_t ms)
{
	for (uint64_t i = 0; i < ms; i++)
		tick(w);
}

/* ---- nodes ---- */

static struct cl_node_config config(const struct world *w, const struct node *nd)
{
	struct cl_node_config c = {
		.node_id = nd->id,
		.slot = nd->slot,
		.version_min = nd->version_min ? nd->version_min : 1,
		.version_max = nd->version_max ? nd->version_max : 1,
		.token_ms = 500,
		.consensus_ms = 150,
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
