/* SPDX-License-Identifier: Apache-2.0 */
/* What a core asks of its world (world_ops.c in the daemon), and where its process may be
 * killed. */
#include "ha-tests/sim/sim.h"

#include "base/must.h"

#define RELAY_LOOK_NS (200 * MS_NS)
#define RELAY_IDLE_NS (2000 * MS_NS) /* R19 */

/* Nothing that a dying process still asks for happens; it is gone when the call into
 * the core returns. */
static void die_at(struct node *nd, enum die_at here)
{
	if (nd->die_at != here || nd->dying || --nd->die_count)
		return;
	trace(nd->s, "%s: killed at boundary %d", nd->name, (int)here);
	nd->dying = true;
	nd->s->stats.killed++;
}

static void op_send_ike(void *ctx, const struct inet_endpoint *local,
			const struct inet_endpoint *remote, bool udp_encap, struct bytes datagram)
{
	struct node *nd = ctx;
	const struct packet p = {
		.kind = PACKET_IKE,
		.udp_encap = udp_encap,
		.src = *local,
		.dst = *remote,
		.from = nd,
		.data = { .p = (uint8_t *)(uintptr_t)datagram.p, .len = datagram.len },
	};

	die_at(nd, DIE_BEFORE_SEND);
	if (nd->dying || !hf_core_may_send(nd->core, node_now(nd)))
		return;
	laws_ike_sent(&nd->gw, &remote->addr, datagram);
	network_send(nd->s, &p);
	die_at(nd, DIE_AFTER_SEND);
	matrix_left(nd, true);
}

static void op_mcast(void *ctx, struct bytes message)
{
	struct node *nd = ctx;

	if (nd->dying)
		return;
	mcast_send(nd, message);
	die_at(nd, DIE_AFTER_MCAST);
	matrix_left(nd, false);
}

static void snapshot_ready(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;
	struct cl_input in = { .kind = CL_IN_SNAPSHOT_READY,
			       .group = GROUP,
			       .slot = (uint8_t)ev->arg };

	(void)s;
	hf_core_cluster(nd->core, node_now(nd), &in);
	node_touch(nd);
}

static void op_snapshot_send(void *ctx, uint8_t slot, struct bytes message)
{
	struct node *nd = ctx;

	if (nd->dying)
		return;
	mcast_send_snapshot(nd, slot, message);
	node_at(nd, nd->s->now_ns + 200 * US, snapshot_ready)->arg = slot;
	fault_moment(nd, MOMENT_CHUNK);
}

static void op_snapshot_ask(void *ctx, uint8_t slot, const struct inet_addr *owner,
			    struct bytes message)
{
	struct node *nd = ctx;

	(void)owner;
	if (!nd->dying)
		mcast_send_snapshot(nd, slot, message);
}

static void term_written(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	if (!(s->opt.broken && s->opt.broken->no_disk)) {
		nd->term_on_disk = ev->arg;
		nd->terms_unknown = nd->terms_unknown_written;
	}
	fault_moment(nd, MOMENT_TERM);
	die_at(nd, DIE_AFTER_TERM);
	if (!nd->dying)
		hf_core_term_written(nd->core, node_now(nd), GROUP, ev->arg, true);
	node_touch(nd);
}

static void op_write_term(void *ctx, uint32_t group, uint64_t term, bool earlier_unknown)
{
	struct node *nd = ctx;

	(void)group;
	nd->terms_unknown_written = earlier_unknown;
	if (!nd->dying)
		node_at(nd, nd->s->now_ns + rng_between(&nd->s->rng, 100 * US, 12 * MS_NS),
			term_written)
			->arg = term;
}

static void job_free(void *job)
{
	ike_job_free(job);
}

static void job_run(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;
	struct ike_job *job = ev->data;

	(void)s;
	ev->data = NULL;
	ike_job_run(job);
	hf_core_job_done(nd->core, node_now(nd), job);
	node_touch(nd);
}

static void op_run_job(void *ctx, struct ike_job *job)
{
	struct node *nd = ctx;

	event_own(
		node_at(nd, nd->s->now_ns + rng_between(&nd->s->rng, 50 * US, 4 * MS_NS), job_run),
		job, job_free);
}

static void note_role(struct node *nd, const struct hf_role_change *ch)
{
	if (nd->role == CL_ROLE_JOINING)
		nd->joined_ns = nd->s->now_ns;
	nd->role = ch->role;
	if (ch->role == CL_ROLE_ACTIVE)
		nd->term = ch->term;
	else
		nd->is_protected = false;
	nd->has_held = nd->has_held || (ch->role != CL_ROLE_OFFLINE && ch->role != CL_ROLE_JOINING);
	trace(nd->s, "%s: %s%s, term %llu, %s%s", nd->name, cl_role_name(ch->role),
	      ch->role == CL_ROLE_PREPARING ? " (preparing)" : "", (unsigned long long)ch->term,
	      ch->why ? ch->why : "", ch->suspect ? ", suspect" : "");
}

static const enum moment moment_of_role[] = {
	[CL_ROLE_OFFLINE] = MOMENTS,        [CL_ROLE_JOINING] = MOMENT_JOINING,
	[CL_ROLE_STANDBY] = MOMENT_STANDBY, [CL_ROLE_PREPARING] = MOMENT_PREPARING,
	[CL_ROLE_ACTIVE] = MOMENT_ACTIVE,   [CL_ROLE_RELEASING] = MOMENTS,
};

static void op_role(void *ctx, const struct hf_role_change *ch)
{
	struct node *nd = ctx;

	if (nd->dying)
		return;
	bool again = ch->role == CL_ROLE_ACTIVE && nd->role == ch->role && nd->term == ch->term;
	note_role(nd, ch);
	if (ch->role == CL_ROLE_ACTIVE) {
		nd->address = ADDRESS_OWNED;
		network_announce(nd->s, nd);
		if (!again)
			laws_role(nd, ch);
	} else if (ch->role != CL_ROLE_RELEASING) {
		nd->address = ch->handover ? ADDRESS_RELAYED : ADDRESS_NONE;
	}
	node_unread(nd);
	if (again)
		return;
	if (moment_of_role[ch->role] != MOMENTS)
		fault_moment(nd, moment_of_role[ch->role]);
	if (ch->role == CL_ROLE_ACTIVE)
		die_at(nd, DIE_AFTER_ROLE);
}

static void look_at_relay(struct sim *s, struct event *ev)
{
	struct node *nd = ev->node;

	if (!hf_core_relaying(nd->core))
		return;
	if (s->now_ns - nd->straggler_ns >= RELAY_IDLE_NS) {
		hf_core_relay_done(nd->core, node_now(nd), GROUP);
		node_touch(nd);
	} else {
		node_at(nd, s->now_ns + RELAY_LOOK_NS, look_at_relay);
	}
}

static void op_relay_begin(void *ctx, uint32_t group, const struct inet_endpoint *mate)
{
	struct node *nd = ctx;

	(void)group;
	nd->relay_to = NULL;
	for (unsigned int i = 0; i < nd->s->scenario.n_nodes; i++) {
		const struct inet_addr its = inet_v4(NODE_RELAY + nd->s->nodes[i].id);
		if (inet_equal(&its, &mate->addr))
			nd->relay_to = &nd->s->nodes[i];
	}
	nd->straggler_ns = nd->s->now_ns;
	node_at(nd, nd->s->now_ns + RELAY_LOOK_NS, look_at_relay);
	fault_moment(nd, MOMENT_RELEASING);
}

static void leave(struct sim *s, struct event *ev)
{
	(void)s;
	node_kill(ev->node);
}

static void op_relay_end(void *ctx, uint32_t group)
{
	struct node *nd = ctx;

	(void)group;
	if (nd->role != CL_ROLE_ACTIVE)
		nd->address = ADDRESS_NONE;
	if (nd->stopping)
		node_at(nd, nd->s->now_ns, leave);
}

static void op_protection(void *ctx, uint32_t group, bool is_protected)
{
	struct node *nd = ctx;

	(void)group;
	nd->is_protected = is_protected;
	trace(nd->s, "%s: %s", nd->name, is_protected ? "protected" : "unprotected");
	laws_protection(nd, is_protected);
	fault_moment(nd, is_protected ? MOMENT_PROTECTED : MOMENT_UNPROTECTED);
}

static void op_log(void *ctx, const struct log_event *ev)
{
	struct node *nd = ctx;

	trace(nd->s, "%s: %s %s", nd->name, log_info(ev->id)->name, ev->detail);
	laws_log(&nd->gw, ev);
}

static void op_stopped(void *ctx, bool ok)
{
	struct node *nd = ctx;

	(void)ok;
	if (!hf_core_relaying(nd->core))
		node_at(nd, nd->s->now_ns, leave);
}

static void op_command_done(void *ctx, bool ok, const char *why)
{
	struct node *nd = ctx;

	trace(nd->s, "%s: command %s: %s", nd->name, ok ? "done" : "failed", why);
}

const struct hf_core_ops node_ops = {
	.send_ike = op_send_ike,
	.mcast = op_mcast,
	.snapshot_send = op_snapshot_send,
	.snapshot_ask = op_snapshot_ask,
	.write_term = op_write_term,
	.run_job = op_run_job,
	.role = op_role,
	.relay_begin = op_relay_begin,
	.relay_end = op_relay_end,
	.protection = op_protection,
	.log = op_log,
	.stopped = op_stopped,
	.command_done = op_command_done,
};
