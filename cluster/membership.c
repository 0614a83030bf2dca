/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views and members: CPG's configuration changes and votequorum's word joined
 * by ring id.
 */
#include <stdlib.h>

#include <openssl/evp.h>

#include "base/must.h"
#include "base/wire_writer.h"
#include "cluster/cluster_private.h"

const struct member *member_known(const struct cl_node *n, const struct cl_member *id)
{
	for (size_t i = 0; i < n->view.n; i++) {
		const struct member *m = &n->view.members[i];
		if (m->id.node_id == id->node_id && m->id.pid == id->pid)
			return m;
	}
	return NULL;
}

struct member *member_find(struct cl_node *n, const struct cl_member *id)
{
	const struct member *m = member_known(n, id);

	return m ? &n->view.members[m - n->view.members] : NULL;
}

struct member *member_by_slot(struct cl_node *n, uint8_t slot)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (slot && n->view.members[i].slot == slot)
			return &n->view.members[i];
	return NULL;
}

bool membership_has_state(const struct cl_node *n)
{
	for (size_t i = 0; i < n->n_groups; i++)
		if (n->groups[i].synced || n->groups[i].kept.store)
			return true;
	return false;
}

bool member_all_hello(const struct cl_node *n)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (!n->view.members[i].hello && !n->view.members[i].refused)
			return false;
	return n->view.n > 0;
}

bool member_terms_known(const struct cl_node *n, const struct group *g)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].group[g->index].terms_unknown &&
		    n->view.members[i].id.node_id != n->cfg.node_id)
			return false;
	return true;
}

bool member_all_heard(const struct cl_node *n)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (!n->view.members[i].heard)
			return false;
	return n->view.n > 0;
}

uint64_t member_hello_heard_ns(const struct cl_node *n)
{
	return member_all_hello(n) ? 0 : n->view.since_ns + HELLO_GRACE_MS * MS;
}

static bool ring_equal(const struct cl_ring_id *a, const struct cl_ring_id *b)
{
	return a->node_id == b->node_id && a->seq == b->seq;
}

/* ---- what CPG delivers before the quorum of its ring is known ---- */

static void defer(struct cl_node *n, const struct cl_input *in)
{
	if (n->n_deferred == n->cap_deferred) {
		n->cap_deferred = n->cap_deferred ? n->cap_deferred * 2 : 16;
		n->deferred = realloc(n->deferred, n->cap_deferred * sizeof(*n->deferred));
		must(n->deferred);
	}
	struct deferred *d = &n->deferred[n->n_deferred++];
	*d = (struct deferred){ .node_id = in->from_node_id, .pid = in->from_pid };
	must(buf_set(&d->data, in->data));
}

static void deferred_deliver(struct cl_node *n)
{
	struct deferred *list = n->deferred;
	size_t count = n->n_deferred;

	n->deferred = NULL;
	n->n_deferred = n->cap_deferred = 0;
	for (size_t i = 0; i < count; i++) {
		struct cl_member from = { .node_id = list[i].node_id, .pid = list[i].pid };
		message_deliver(n, &from, buf_bytes(&list[i].data));
		buf_free(&list[i].data);
	}
	free(list);
}

void membership_free(struct cl_node *n)
{
	n->stats.dropped[CL_DROP_NOT_IN_VIEW] += n->n_deferred;
	for (size_t i = 0; i < n->n_deferred; i++)
		buf_free(&n->deferred[i].data);
	free(n->deferred);
	n->deferred = NULL;
	n->n_deferred = n->cap_deferred = 0;
}

void membership_message(struct cl_node *n, const struct cl_input *in)
{
	struct cl_member from = { .node_id = in->from_node_id, .pid = in->from_pid };

	if (!n->view.joined) {
		n->stats.dropped[CL_DROP_NOT_IN_VIEW]++;
		return;
	}
	/* Without votequorum's word for so long, this view is as good as one without quorum. */
	if (n->n_deferred == DEFERRED_MAX)
		deferred_deliver(n);
	if (n->view.established)
		message_deliver(n, &from, in->data);
	else
		defer(n, in);
}

/* ---- views ---- */

static int member_compare(const void *a, const void *b)
{
	const struct cl_member *x = a, *y = b;

	if (x->node_id != y->node_id)
		return x->node_id < y->node_id ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* R9: a claim names the member list, since a process can come and go within one ring. */
static void view_digest(struct view *v)
{
	struct cl_member ids[CL_MEMBERS_MAX];
	uint8_t text[CL_MEMBERS_MAX * 8];
	struct wire_writer w = wire_writer(text, sizeof(text));

	for (size_t i = 0; i < v->n; i++)
		ids[i] = v->members[i].id;
	qsort(ids, v->n, sizeof(ids[0]), member_compare);
	for (size_t i = 0; i < v->n; i++) {
		wire_put_u32(&w, ids[i].node_id);
		wire_put_u32(&w, ids[i].pid);
	}
	must(EVP_Digest(text, w.len, v->digest, NULL, EVP_sha256(), NULL) == 1);
}

static bool stays(const struct cl_input *in, const struct cl_member *id)
{
	for (size_t i = 0; i < in->n_members; i++)
		if (in->members[i].node_id == id->node_id && in->members[i].pid == id->pid)
			return true;
	return false;
}

static void note_gone(struct cl_node *n, const struct cl_input *in)
{
	for (size_t i = 0; i < n->view.n; i++)
		if (!stays(in, &n->view.members[i].id))
			failure_note(n, n->view.members[i].slot, "Comm Failure");
}

/*
 * Members that stay keep what is known of them. One whose slot was in use begins anew: the process
 * that had it may be gone with this view.
 */
static void view_members(struct cl_node *n, const struct cl_input *in)
{
	struct member next[CL_MEMBERS_MAX] = { 0 };

	for (size_t i = 0; i < in->n_members; i++) {
		const struct member *known = member_find(n, &in->members[i]);
		if (known && !known->slot_refused)
			next[i] = *known;
		next[i].id = in->members[i];
		next[i].heard = next[i].bid.spoken = next[i].bid.lost = false;
	}
	memcpy(n->view.members, next, sizeof(next));
	n->view.n = in->n_members;
}

/* Of a first view nobody knows: who owned before may have gone with its node. */
static bool nodes_lost(const struct cl_node *n, const struct cl_input *in)
{
	if (!n->view.joined)
		return true;
	for (size_t i = 0; i < n->view.n; i++)
		if (!stays(in, &n->view.members[i].id))
			return true;
	return false;
}

static bool is_member(const struct cl_node *n, const struct cl_input *in)
{
	for (size_t i = 0; i < in->n_members; i++)
		if (in->members[i].node_id == n->cfg.node_id)
			return true;
	return false;
}

bool membership_is_current(const struct cl_node *n)
{
	return view_quorate(n) && ring_equal(&n->quorum_ring, &n->view.ring);
}

static void view_establish(struct cl_node *n)
{
	if (!n->view.joined || !n->quorum_known || !ring_equal(&n->quorum_ring, &n->view.ring))
		return;
	n->view.established = true;
	n->view.quorate = n->quorum_quorate;
	/* Again: groups may have got their state between that word and this view. */
	if (!n->view.quorate)
		ownership_without_quorum(n);
	deferred_deliver(n);
}

void membership_view(struct cl_node *n, const struct cl_input *in)
{
	if (n->slot_refused || in->n_members > CL_MEMBERS_MAX || !is_member(n, in)) {
		membership_disconnected(n);
		return;
	}
	/* They belong to the view that ends now; nobody learnt in time whether it had quorum. */
	deferred_deliver(n);
	if (n->slot_refused)
		return;
	const bool new_ring = !n->view.joined || !ring_equal(&in->ring, &n->view.ring);
	n->slot_holder = 0;
	note_gone(n, in);
	n->view.nodes_lost = new_ring && nodes_lost(n, in);
	view_members(n, in);
	view_digest(&n->view);
	exec_view_changed(n);
	n->view.joined = true;
	n->view.ring = in->ring;
	n->view.since_ns = n->now_ns;
	n->stats.views++;
	if (new_ring)
		n->view.established = n->view.quorate = false;
	fence_view_changed(n);
	admission_view_changed(n, new_ring);
	fx_log(n, LOG_CLUSTER_VIEW, "ring %u.%llu, %zu members", in->ring.node_id,
	       (unsigned long long)in->ring.seq, in->n_members);
	for (size_t i = 0; i < n->n_groups; i++)
		ownership_view_changed(n, &n->groups[i]);
	membership_say_hello(n);
	admission_say(n);
	view_establish(n);
}

void membership_quorum(struct cl_node *n, const struct cl_input *in)
{
	n->quorum_known = true;
	n->quorum_ring = in->ring;
	n->quorum_quorate = in->quorate;
	if (!in->quorate)
		ownership_without_quorum(n);
	view_establish(n);
}

void membership_leave(struct cl_node *n, const char *why)
{
	membership_free(n);
	n->view = (struct view){ 0 };
	exec_view_changed(n);
	admission_disconnected(n);
	for (size_t i = 0; i < n->n_groups; i++) {
		struct group *g = &n->groups[i];
		if (g->role == CL_ROLE_OFFLINE)
			continue;
		ownership_drop_state(n, g);
		part_give_up(n, g, why);
		g->lineage = (struct lineage){ 0 };
		g->owner = 0;
		g->term = 0;
		role_event(n, g, ROLE_DISCONNECTED, why);
		fx_push(n, CL_FX_RESET, g);
		handover_settled(n, g);
	}
}

/*
 * R12: silence at once; what others do from now on is not seen here, so the state is worth
 * nothing.
 */
void membership_disconnected(struct cl_node *n)
{
	if (n->view.joined) {
		fx_log(n, LOG_CLUSTER_LOST, "group members unknown");
		failure_note(n, n->cfg.slot, "Comm Failure");
	}
	if (!n->slot_refused)
		n->slot_holder = 0;
	n->quorum_known = false;
	membership_leave(n, "connection lost");
}
