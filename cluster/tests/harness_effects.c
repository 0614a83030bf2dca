/* SPDX-License-Identifier: Apache-2.0 */
/* One step of a node: what its effects do to the world around it, and laws 4, 5 and 8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "cluster/tests/harness_private.h"

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

bool node_holds_state(const struct node *nd)
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
		if (!node_holds_state(o) || !node_holds_state(nd))
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

void config_offer(struct node *nd, uint8_t slot, enum cl_config_why why, uint64_t token)
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
	nd->config_from = fx->slot;
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
	nd->config_for = fx->config_why;
	nd->config_token = fx->token;
	nd->config_left = fx->exit;
	nd->config_reason = fx->reason;
	if (fx->why)
		snprintf(nd->config_why, sizeof(nd->config_why), "%s", fx->why);
	else
		snprintf(nd->config_why, sizeof(nd->config_why), "%.*s", (int)fx->data.len,
			 (const char *)fx->data.p);
}

void effect(struct node *nd, const struct cl_effect *fx)
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
	case CL_FX_ACK:
		if (nd->w->ack)
			nd->w->ack(nd, fx);
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
		nd->logs[fx->log->id]++;
		if (getenv("CL_TRACE"))
			fprintf(stderr, "%6llu ms node %u: %s: %s\n",
				(unsigned long long)(nd->w->now_ns / MS_NS), nd->id,
				log_info(fx->log->id)->name, fx->log->detail);
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
