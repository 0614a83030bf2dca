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
	nd->s->stats.faults++;
}

static void op_send_ike(void *ctx, const struct inet_endpoint *local,
			const struct inet_endpoint *remote, bool udp_encap, struct bytes datagram)
{
	struct member *m = ctx;
	struct node *nd = m->node;
	const struct packet p = {
		.kind = PACKET_IKE,
		.udp_encap = udp_encap,
		.src = *local,
		.dst = *remote,
		.from = m,
		.data = { .p = (uint8_t *)(uintptr_t)datagram.p, .len = datagram.len },
	};

	die_at(nd, DIE_BEFORE_SEND);
	if (nd->dying || !hf_core_may_send(m->core, node_now(nd)))
		return;
	laws_ike_sent(&m->gw, &remote->addr, datagram);
	network_send(nd->s, &p);
	die_at(nd, DIE_AFTER_SEND);
	matrix_left(m, true);
}

static void op_mcast(void *ctx, struct bytes message)
{
	struct member *m = ctx;
	struct node *nd = m->node;

	if (nd->dying)
		return;
	mcast_send(nd, message);
	die_at(nd, DIE_AFTER_MCAST);
	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		matrix_left(&nd->members[g], false);
}

static void snapshot_ready(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;
	struct cl_input in = { .kind = CL_IN_SNAPSHOT_READY,
			       .group = group_id(m->group),
			       .slot = (uint8_t)ev->arg };

	(void)s;
	hf_core_cluster(m->core, node_now(m->node), &in);
	node_touch(m->node);
}

static void op_snapshot_send(void *ctx, uint8_t slot, struct bytes message)
{
	struct member *m = ctx;

	if (m->node->dying)
		return;
	mcast_send_snapshot(m->node, slot, message);
	member_event(m, m->s->now_ns + 200 * US, snapshot_ready)->arg = slot;
	fault_moment(m, MOMENT_CHUNK);
}

static void op_snapshot_ask(void *ctx, uint8_t slot, const struct inet_addr *owner,
			    struct bytes message)
{
	struct member *m = ctx;

	(void)owner;
	if (!m->node->dying)
		mcast_send_snapshot(m->node, slot, message);
}

static void op_ack(void *ctx, const struct inet_addr *owner, struct bytes message)
{
	struct member *m = ctx;

	if (!m->node->dying && m->s->scenario.direct_acks)
		mcast_send_ack(m->node, owner, message);
}

static void term_written(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;
	struct node *nd = m->node;

	if (!(s->opt.broken && s->opt.broken->no_disk)) {
		m->term_before = m->term_on_disk;
		m->term_on_disk = ev->arg;
		m->terms_unknown = m->terms_unknown_written;
	}
	fault_moment(m, MOMENT_TERM);
	die_at(nd, DIE_AFTER_TERM);
	if (!nd->dying)
		hf_core_term_written(m->core, node_now(nd), group_id(m->group), ev->arg, true);
	node_touch(nd);
}

static void op_write_term(void *ctx, uint32_t group, uint64_t term, bool earlier_unknown)
{
	struct member *m = ctx;

	must(group == group_id(m->group));
	m->terms_unknown_written = earlier_unknown;
	if (!m->node->dying)
		member_event(m, m->s->now_ns + rng_between(&m->s->rng, 100 * US, 12 * MS_NS),
			     term_written)
			->arg = term;
}

static void job_free(void *job)
{
	ike_job_free(job);
}

static void job_run(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;
	struct ike_job *job = ev->data;

	ev->data = NULL;
	dh_run(s, job);
	hf_core_job_done(m->core, node_now(m->node), job);
	node_touch(m->node);
}

static void op_run_job(void *ctx, struct ike_job *job)
{
	struct member *m = ctx;

	event_own(member_event(m, m->s->now_ns + rng_between(&m->s->rng, 50 * US, 4 * MS_NS),
			       job_run),
		  job, job_free);
}

static void note_role(struct member *m, const struct hf_role_change *ch)
{
	if (m->role == CL_ROLE_JOINING)
		m->joined_ns = m->s->now_ns;
	m->role = ch->role;
	if (ch->role == CL_ROLE_ACTIVE)
		m->term = ch->term;
	else
		m->is_protected = false;
	m->has_held = m->has_held || (ch->role != CL_ROLE_OFFLINE && ch->role != CL_ROLE_JOINING);
	trace(m->s, "%s: %s%s, term %llu, %s%s", m->name, cl_role_name(ch->role),
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
	struct member *m = ctx;

	must(ch->group == group_id(m->group));
	if (m->node->dying)
		return;
	bool again = ch->role == CL_ROLE_ACTIVE && m->role == ch->role && m->term == ch->term;
	note_role(m, ch);
	if (ch->role == CL_ROLE_ACTIVE) {
		m->address = ADDRESS_OWNED;
		if (ch->announce)
			network_announce(m);
		if (!again)
			laws_role(m, ch);
	} else if (ch->role != CL_ROLE_RELEASING) {
		m->address = ch->handover ? ADDRESS_RELAYED : ADDRESS_NONE;
	}
	node_unread(m);
	if (again)
		return;
	if (moment_of_role[ch->role] != MOMENTS)
		fault_moment(m, moment_of_role[ch->role]);
	if (ch->role == CL_ROLE_ACTIVE)
		die_at(m->node, DIE_AFTER_ROLE);
}

static void look_at_relay(struct sim *s, struct event *ev)
{
	struct member *m = ev->ctx;

	if (!hf_core_relaying(m->core))
		return;
	if (s->now_ns - m->straggler_ns >= RELAY_IDLE_NS) {
		hf_core_relay_done(m->core, node_now(m->node), group_id(m->group));
		node_touch(m->node);
	} else {
		member_event(m, s->now_ns + RELAY_LOOK_NS, look_at_relay);
	}
}

static void op_relay_begin(void *ctx, uint32_t group, const struct inet_endpoint *mate)
{
	struct member *m = ctx;

	(void)group;
	m->relay_to = NULL;
	for (unsigned int i = 0; i < m->s->scenario.n_nodes; i++) {
		const struct inet_addr its = inet_v4(NODE_RELAY + m->s->nodes[i].id);
		if (inet_equal(&its, &mate->addr))
			m->relay_to = member_at(m, i);
	}
	m->straggler_ns = m->s->now_ns;
	member_event(m, m->s->now_ns + RELAY_LOOK_NS, look_at_relay);
	fault_moment(m, MOMENT_RELEASING);
}

static void leave(struct sim *s, struct event *ev)
{
	(void)s;
	node_kill(ev->node);
}

/* Its process ends when all groups have, and none relays any more. */
static void leave_if_stopped(struct node *nd)
{
	bool all = true;

	for (unsigned int g = 0; g < nd->s->scenario.n_groups; g++)
		all = all && nd->members[g].stopped && !hf_core_relaying(nd->members[g].core);
	if (all)
		node_at(nd, nd->s->now_ns, leave);
}

static void op_relay_end(void *ctx, uint32_t group)
{
	struct member *m = ctx;

	(void)group;
	if (m->role != CL_ROLE_ACTIVE)
		m->address = ADDRESS_NONE;
	if (m->node->stopping)
		leave_if_stopped(m->node);
}

static void op_protection(void *ctx, uint32_t group, bool is_protected)
{
	struct member *m = ctx;

	(void)group;
	m->is_protected = is_protected;
	trace(m->s, "%s: %s", m->name, is_protected ? "protected" : "unprotected");
	laws_protection(m, is_protected);
	fault_moment(m, is_protected ? MOMENT_PROTECTED : MOMENT_UNPROTECTED);
}

static void op_log(void *ctx, const struct log_event *ev)
{
	struct member *m = ctx;

	trace(m->s, "%s: %s %s", m->name, log_info(ev->id)->name, ev->detail);
	laws_log(&m->gw, ev);
}

static void op_stopped(void *ctx, bool ok)
{
	struct member *m = ctx;

	(void)ok;
	m->stopped = true;
	leave_if_stopped(m->node);
}

static void op_command_done(void *ctx, bool ok, const char *why)
{
	struct member *m = ctx;

	trace(m->s, "%s: command %s: %s", m->name, ok ? "done" : "failed", why);
	m->told_active = false;
}

const struct hf_core_ops node_ops = {
	.send_ike = op_send_ike,
	.mcast = op_mcast,
	.snapshot_send = op_snapshot_send,
	.snapshot_ask = op_snapshot_ask,
	.ack = op_ack,
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
