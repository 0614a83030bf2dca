/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Planned change of owner (R19) and orderly stop (R21).
 *
 *	owner                                   next owner
 *	HandoverPrepare ----------------------> PREPARE: queue, next term to disk
 *	QUIESCE: datapath stops, <------------- HandoverReady
 *	final records
 *	(all of them acknowledged)
 *	RELEASE ------------------------------> claim
 *	standby, relays stragglers              active
 *
 * Before RELEASE the owner can take everything back; behind it, only by a
 * claim of its own. A standby that was told to become active asks the owner
 * to do the above.
 */
#include "base/broken_rule.h"
#include "cluster/cluster_private.h"

#define COMMAND_MS (5 * HANDOVER_MS)

static void done(struct cl_node *n, struct group *g, bool ok, const char *text)
{
	enum command c = g->command;

	g->command = COMMAND_NONE;
	g->at[T_STOP] = NEVER;
	if (c == COMMAND_NONE)
		return;
	struct cl_effect *fx = fx_push(n, c == COMMAND_STOP ? CL_FX_STOPPED : CL_FX_COMMAND_DONE,
				       g);
	fx->ok = ok;
	fx->reason = ok ? R_OK : R_STATE;
	fx->why = text;
}

static void phase(struct cl_node *n, struct group *g, enum handover_phase p)
{
	g->handover.phase = p;
	g->at[T_HANDOVER] = n->now_ns + HANDOVER_MS * MS;
}

static void forget(struct group *g)
{
	g->handover = (struct handover_state){ 0 };
	g->at[T_HANDOVER] = NEVER;
}

/* ---- owner ---- */

static void send_cancel(struct cl_node *n, const struct group *g, enum result reason)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__HandoverCancel c = HOLDFAST__HANDOVER_CANCEL__INIT;

	c.reason = reason;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HANDOVER_CANCEL;
	m.handover_cancel = &c;
	message_send_group(n, g, &m);
}

/* Nothing was released, so nobody else has sealed anything: the same term goes on. */
static void cancel(struct cl_node *n, struct group *g, const char *text)
{
	send_cancel(n, g, R_AGAIN);
	forget(g);
	if (g->role == CL_ROLE_RELEASING)
		role_event(n, g, ROLE_RELEASE_CANCELLED, text);
	done(n, g, false, text);
}

static void begin(struct cl_node *n, struct group *g, uint8_t to)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__HandoverPrepare p = HOLDFAST__HANDOVER_PREPARE__INIT;

	fx_log(n, LOG_CLUSTER_HANDOVER, "group %u to slot %u", g->id, to);
	g->handover = (struct handover_state){ .to = to };
	phase(n, g, HANDOVER_ASKED);
	p.to_slot = to;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HANDOVER_PREPARE;
	m.handover_prepare = &p;
	message_send_group(n, g, &m);
}

void handover_to(struct cl_node *n, struct group *g, uint8_t slot)
{
	begin(n, g, slot);
}

void handover_request(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m)
{
	uint8_t to = d->member->slot;

	if (m->handover_request->to_slot != to || g->handover.phase != HANDOVER_NONE)
		return;
	if (m->handover_request->preempt && preempt_refused(n, g))
		return;
	if (g->is_protected && (g->logged_set & slot_bit(to)))
		begin(n, g, to);
	else
		send_cancel(n, g, R_NOT_SYNCED);
}

void handover_ready(struct cl_node *n, struct group *g, const struct delivery *d,
		    const Holdfast__ClusterMessage *m)
{
	(void)m;
	if (g->handover.phase != HANDOVER_ASKED || d->member->slot != g->handover.to)
		return;
	phase(n, g, HANDOVER_QUIESCING);
	role_event(n, g, ROLE_QUIESCE, "handover");
	fx_push(n, CL_FX_QUIESCE, g)->mate = d->member->relay;
}

/* The final records are appended; RELEASE waits until the next owner holds them. */
void handover_quiesced(struct cl_node *n, struct group *g)
{
	if (g->handover.phase != HANDOVER_QUIESCING)
		return;
	phase(n, g, HANDOVER_COMMITTING);
	g->handover.final_position = g->commit.appended;
}

/* From here on this node extends no deadline and appends nothing. */
static void release(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Release r = HOLDFAST__RELEASE__INIT;

	r.to_slot = g->handover.to;
	r.position = g->commit.appended;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_RELEASE;
	m.release = &r;
	message_send_group(n, g, &m);
	heartbeat_end(n, g);
	phase(n, g, HANDOVER_RELEASED);
}

static bool is_to_give_up(const struct group *g)
{
	return g->command == COMMAND_STOP || g->command == COMMAND_STANDBY;
}

static void give_up(struct cl_node *n, struct group *g);

/* A moment more and this node owns the group: it cannot say that it is a standby. */
static bool claims(const struct group *g)
{
	return g->claim.sent || g->claim.settling;
}

static void owner_continue(struct cl_node *n, struct group *g)
{
	struct handover_state *h = &g->handover;

	if (h->merge) {
		merge_continue(n, g);
		return;
	}
	bool there = (g->logged_set & slot_bit(h->to)) && member_by_slot(n, h->to);

	switch (h->phase) {
	case HANDOVER_NONE:
		if (is_to_give_up(g) && g->is_protected)
			give_up(n, g);
		break;
	case HANDOVER_COMMITTING:
		if (there && g->commit.committed >= h->final_position &&
		    g->applied >= h->final_position) {
			release(n, g);
			break;
		}
		/* fall through */
	case HANDOVER_ASKED:
	case HANDOVER_QUIESCING:
		if (!there)
			cancel(n, g, "the standby left");
		break;
	case HANDOVER_RELEASED:
		if (!member_by_slot(n, h->to))
			h->reclaim = true;
		break;
	}
}

/* ---- next owner ---- */

void handover_prepare(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m)
{
	(void)d;
	if (m->handover_prepare->to_slot != n->cfg.slot || g->role != CL_ROLE_STANDBY)
		return;
	if (g->stopping)
		return; /* the owner gives up in time */
	g->handover = (struct handover_state){ .ready_due = true };
	role_event(n, g, ROLE_PREPARE, "handover");
	fx_push(n, CL_FX_PREPARE, g);
	claim_reserve(n, g);
}

void handover_prepared(struct cl_node *n, struct group *g)
{
	(void)n;
	if (g->role == CL_ROLE_PREPARING)
		g->handover.prepared = true;
}

/* R11: the term that will be claimed is on disk before the owner stops its datapath for us. */
static void target_continue(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__HandoverReady r = HOLDFAST__HANDOVER_READY__INIT;

	if (!g->handover.ready_due || !g->handover.prepared || !claim_is_reserved(n, g))
		return;
	g->handover.ready_due = false;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HANDOVER_READY;
	m.handover_ready = &r;
	message_send_group(n, g, &m);
}

void handover_cancelled(struct cl_node *n, struct group *g, const struct delivery *d,
			const Holdfast__ClusterMessage *m)
{
	(void)d, (void)m;
	if (is_owner(g))
		return;
	if (g->role == CL_ROLE_PREPARING) {
		forget(g);
		role_event(n, g, ROLE_PREPARE_CANCELLED, "the owner took it back");
	}
	if (g->command == COMMAND_ACTIVE) {
		g->at[T_HANDOVER] = NEVER;
		done(n, g, false, "the owner does not hand over");
	}
}

void handover_release(struct cl_node *n, struct group *g, const struct delivery *d,
		      const Holdfast__ClusterMessage *m)
{
	(void)d;
	g->released_to = m->release->to_slot < SS_SLOTS ? (uint8_t)m->release->to_slot : 0;
	if (g->synced && m->release->position > g->applied)
		ownership_lose_state(n, g, "the log has a gap");
}

/* ---- both ---- */

void handover_continue(struct cl_node *n, struct group *g)
{
	if (is_owner(g))
		owner_continue(n, g);
	else if (g->role == CL_ROLE_PREPARING)
		target_continue(n, g);
	/* Told so while it claimed, and the claim came to nothing. */
	if (!is_owner(g) && is_to_give_up(g) && !claims(g) && g->at[T_STOP] == NEVER)
		give_up(n, g);
}

void handover_timeout(struct cl_node *n, struct group *g)
{
	if (is_owner(g) && g->handover.phase == HANDOVER_RELEASED)
		g->handover.reclaim = true;
	else if (is_owner(g) && g->handover.merge)
		g->at[T_HANDOVER] = n->now_ns + HANDOVER_MS * MS; /* there is no way back */
	else if (is_owner(g) && g->handover.phase != HANDOVER_NONE)
		cancel(n, g, "the standby did not get ready");
	else
		done(n, g, false,
		     is_owner(g) && is_to_give_up(g) ? "no protected standby" : "no answer");
}

void handover_settled(struct cl_node *n, struct group *g)
{
	bool merged = g->handover.merge && is_owner(g);
	bool anew = is_owner(g) && g->claim.reason != CLAIM_RECLAIMED && g->at[T_STOP] == NEVER;

	if (merged)
		merge_settled(n, g);
	forget(g);
	/* It was told so meanwhile, and goes on when a standby is protected again. */
	if ((merged || anew) && is_to_give_up(g)) {
		g->at[T_HANDOVER] = n->now_ns + HANDOVER_MS * MS;
		return;
	}
	switch (g->command) {
	case COMMAND_NONE:
		break;
	case COMMAND_ACTIVE:
		done(n, g, is_owner(g), g->last_why);
		break;
	case COMMAND_STANDBY:
		done(n, g, !is_owner(g), g->last_why);
		break;
	case COMMAND_STOP:
		/* R19: stragglers are relayed before this process may go. */
		if (is_owner(g))
			done(n, g, false, g->last_why);
		else
			g->at[T_STOP] = n->now_ns + RELAY_MAX_MS * MS;
		break;
	}
}

void handover_relay_done(struct cl_node *n, struct group *g)
{
	if (g->command == COMMAND_STOP && !is_owner(g))
		done(n, g, true, "handed over");
}

void handover_stop_timeout(struct cl_node *n, struct group *g)
{
	done(n, g, true, "handed over");
}

/* ---- commands ---- */

/* A stop is the last word: what is asked behind it is answered, and does not take its place. */
static bool is_stopping(struct cl_node *n, struct group *g)
{
	if (!g->stopping)
		return false;
	struct cl_effect *fx = fx_push(n, CL_FX_COMMAND_DONE, g);
	fx->reason = R_STATE;
	fx->why = "this unit is stopping";
	return true;
}

void handover_go_active(struct cl_node *n, struct group *g)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__HandoverRequest r = HOLDFAST__HANDOVER_REQUEST__INIT;
	const struct member *owner = owner_member(n, g);

	if (is_stopping(n, g))
		return;
	g->command = COMMAND_ACTIVE;
	if (g->role == CL_ROLE_ACTIVE) {
		done(n, g, true, "already active");
	} else if (n->drained) {
		done(n, g, false, "this node is drained");
	} else if (g->role == CL_ROLE_OFFLINE || (owner && !g->synced)) {
		done(n, g, false, result_text(R_NOT_SYNCED));
	} else if (health_objection(n, g)) {
		done(n, g, false, health_objection(n, g));
	} else {
		g->at[T_HANDOVER] = n->now_ns + COMMAND_MS * MS;
		if (!owner)
			return; /* claim_consider() sees the command */
		r.to_slot = n->cfg.slot;
		m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HANDOVER_REQUEST;
		m.handover_request = &r;
		message_send_group(n, g, &m);
	}
}

/* A drained standby is good enough for an owner that stops: no tunnel is lost by it. */
static void give_up(struct cl_node *n, struct group *g)
{
	bool stop = g->command == COMMAND_STOP;
	uint8_t to = g->is_protected ? protect_best(n, g, stop) : 0;

	if (hf_rule_broken(HF_RULE_STOP) && stop)
		done(n, g, true, "stopped");
	else if (!is_owner(g) && claims(g))
		g->at[T_HANDOVER] = n->now_ns + COMMAND_MS * MS;
	else if (!is_owner(g))
		done(n, g, true, "already standby");
	else if (g->handover.phase != HANDOVER_NONE)
		return; /* on its way */
	else if (to)
		begin(n, g, to);
	else
		done(n, g, false,
		     g->is_protected ? "the standby is drained" : "no protected standby");
}

bool handover_drain(struct cl_node *n, struct group *g)
{
	uint8_t to = g->is_protected ? protect_best(n, g, false) : 0;

	if (to)
		begin(n, g, to);
	return to != 0;
}

void handover_go_standby(struct cl_node *n, struct group *g)
{
	if (is_stopping(n, g))
		return;
	g->command = COMMAND_STANDBY;
	give_up(n, g);
}

void handover_stop(struct cl_node *n, struct group *g)
{
	g->command = COMMAND_STOP;
	g->stopping = true;
	give_up(n, g);
}
