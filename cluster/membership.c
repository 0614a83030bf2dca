/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Views and members: CPG's configuration changes and votequorum's word joined
 * by ring id, the HELLO that every member says in every view (R3, R11, R14,
 * R22), incarnations.
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
		next[i].heard = false;
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
	bool new_ring = !n->view.joined || !ring_equal(&in->ring, &n->view.ring);

	if (n->slot_refused || in->n_members > CL_MEMBERS_MAX || !is_member(n, in)) {
		membership_disconnected(n);
		return;
	}
	/* They belong to the view that ends now; nobody learnt in time whether it had quorum. */
	deferred_deliver(n);
	if (n->slot_refused)
		return;
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

/*
 * R12: silence at once; what others do from now on is not seen here, so the state is worth
 * nothing.
 */
void membership_disconnected(struct cl_node *n)
{
	membership_free(n);
	if (n->view.joined) {
		fx_log(n, LOG_CLUSTER_LOST, "group members unknown");
		failure_note(n, n->cfg.slot, "Comm Failure");
	}
	n->view = (struct view){ 0 };
	exec_view_changed(n);
	admission_disconnected(n);
	n->quorum_known = false;
	for (size_t i = 0; i < n->n_groups; i++) {
		struct group *g = &n->groups[i];
		if (g->role == CL_ROLE_OFFLINE)
			continue;
		ownership_drop_state(n, g);
		part_give_up(n, g, "the connection was lost");
		g->lineage = (struct lineage){ 0 };
		g->owner = 0;
		g->term = 0;
		role_event(n, g, ROLE_DISCONNECTED, "connection lost");
		fx_push(n, CL_FX_RESET, g);
		handover_settled(n, g);
	}
}

/* ---- HELLO ---- */

struct said_lineage {
	Holdfast__Ownership step[LINEAGE_MAX];
	Holdfast__Ownership *list[LINEAGE_MAX];
};

static void put_lineage(const struct lineage *l, struct said_lineage *said,
			Holdfast__GroupStatus *s)
{
	for (size_t i = 0; i < l->n; i++) {
		holdfast__ownership__init(&said->step[i]);
		said->step[i].term = l->step[i].term;
		said->step[i].slot = l->step[i].slot;
		said->step[i].begin = l->step[i].begin;
		said->list[i] = &said->step[i];
	}
	s->n_lineage = l->n;
	s->lineage = said->list;
}

static void group_status(const struct cl_node *n, const struct group *g, Holdfast__GroupStatus *s,
			 struct said_lineage *said)
{
	holdfast__group_status__init(s);
	put_lineage(&g->lineage, said, s);
	s->group = g->id;
	/*
	 * R11. A term that is only reserved on disk is not announced: it could not be claimed
	 * any more.
	 */
	s->highest_term = g->known_term > g->spent_term ? g->known_term : g->spent_term;
	s->terms_unknown = n->cfg.terms_unknown[g->index] && !g->has_synced;
	s->term = g->term;
	s->owner_slot = g->owner;
	s->applied = g->applied;
	s->synced = g->synced;
	s->has_state = g->synced || g->kept.store;
	s->kept_term = g->kept.place.term;
	s->kept_owner_slot = g->kept.place.owner;
	s->kept_applied = g->kept.place.applied;
	s->protected_set = is_owner(g) ? g->logged_set : g->protected_set;
	s->is_owner = is_owner(g);
	s->last_heartbeat = g->heartbeat;
	s->suspect_term = g->suspect_term;
}

static ProtobufCBinaryData text_field(char *text)
{
	return (ProtobufCBinaryData){ .data = (uint8_t *)text, .len = strlen(text) };
}

void membership_say_hello(struct cl_node *n)
{
	Holdfast__ClusterMessage m = HOLDFAST__CLUSTER_MESSAGE__INIT;
	Holdfast__Hello h = HOLDFAST__HELLO__INIT;
	Holdfast__Endpoint relay = HOLDFAST__ENDPOINT__INIT;
	Holdfast__GroupStatus status[CL_GROUPS_MAX], *list[CL_GROUPS_MAX];
	struct said_lineage said[CL_GROUPS_MAX];
	Holdfast__InterfaceStatus links[CL_LINKS_MAX], *link_list[CL_LINKS_MAX];

	h.node_id = n->cfg.node_id;
	h.incarnation = n->incarnation;
	h.version_min = n->cfg.version_min;
	h.version_max = n->cfg.version_max;
	h.config_digest = (ProtobufCBinaryData){ .data = n->cfg.config_digest,
						 .len = sizeof(n->cfg.config_digest) };
	h.hostname = text_field(n->cfg.hostname);
	h.software = text_field(n->cfg.software);
	h.unit = n->cfg.unit;
	h.drained = n->drained;
	h.ring_node_id = n->view.ring.node_id;
	h.ring_seq = n->view.ring.seq;
	relay.address = (ProtobufCBinaryData){ .data = n->relay.addr.a,
					       .len = inet_len(&n->relay.addr) };
	relay.port = n->relay.port;
	h.relay = &relay;
	for (size_t i = 0; i < n->n_groups; i++) {
		group_status(n, &n->groups[i], &status[i], &said[i]);
		list[i] = &status[i];
	}
	h.n_group = n->n_groups;
	h.group = list;
	h.n_interface = health_hello(n, links, link_list);
	h.interface = link_list;
	m.body_case = HOLDFAST__CLUSTER_MESSAGE__BODY_HELLO;
	m.hello = &h;
	message_send(n, 0, 0, &m);
}

/*
 * Members that came to this view together delivered the same; one that was
 * elsewhere may hold less of the same log, or more. What each had applied
 * when the view came is in the first HELLO that it says in it.
 */
static void hello_compare(struct cl_node *n, struct group *g, struct member *m,
			  const Holdfast__GroupStatus *s)
{
	struct member_group *mg = &m->group[g->index];

	if (s->applied < g->applied_at_view) {
		mg->synced = false;
	} else if (s->applied > g->applied_at_view && !is_owner(g)) {
		ownership_lose_state(n, g, "newer state seen");
	} else if (s->last_heartbeat > g->heartbeat) {
		g->heartbeat = s->last_heartbeat;
		g->protected_set = (uint16_t)s->protected_set;
	}
}

static void hello_group(struct cl_node *n, struct group *g, struct member *m,
			const Holdfast__GroupStatus *s)
{
	struct member_group *mg = &m->group[g->index];
	int order = ownership_compare(s->term, (uint8_t)s->owner_slot, g->term, g->owner);

	if (s->highest_term > g->known_term)
		g->known_term = s->highest_term;
	claim_suspect_heard(g, s->suspect_term);
	if (!m->hello)
		mg->terms_unknown = s->terms_unknown;
	mg->has_state = s->has_state;
	mg->kept = (struct state_place){ .term = s->kept_term,
					 .owner = (uint8_t)s->kept_owner_slot,
					 .applied = s->kept_applied };
	lineage_take(&mg->lineage, s);
	if (claim_taken_back(n, g, m, s))
		order = 0;
	/*
	 * Of a known member: said before the claim that we follow was delivered; what came
	 * behind it is newer.
	 */
	if (order < 0 && g->synced && m->hello)
		return;
	mg->synced = s->synced && (order >= 0 || !g->synced);
	mg->applied = s->applied;
	if (m->id.node_id != n->cfg.node_id) {
		if (s->is_owner)
			ownership_learned(n, g, m, s->term, (uint16_t)s->protected_set,
					  s->last_heartbeat);
		else if (s->synced)
			ownership_lineage(n, g, s->term, (uint8_t)s->owner_slot);
		if (order == 0 && s->synced && g->synced && !m->hello)
			hello_compare(n, g, m, s);
	}
	/* Of one term there is one log: a joiner has it from the owner whose state it takes. */
	if (s->is_owner && m->id.node_id != n->cfg.node_id && g->owner == m->slot &&
	    g->term == s->term)
		g->lineage = mg->lineage;
	if (is_owner(g))
		protect_members_changed(n, g);
}

/* R22: an alarm when it begins to differ, and a word when it is the same again. */
static void digest_compare(struct cl_node *n, struct member *m)
{
	bool differs = memcmp(m->config_digest, n->cfg.config_digest, sizeof(m->config_digest)) !=
		       0;

	if (differs == m->digest_differs)
		return;
	m->digest_differs = differs;
	n->stats.digest_mismatches += differs;
	fx_log(n, differs ? LOG_CLUSTER_CONFIG_DIGEST : LOG_CLUSTER_CONFIG_SAME,
	       "node %u, slot %u, %s", m->id.node_id, m->slot,
	       *m->hostname ? m->hostname : "unknown");
}

void membership_digest(struct cl_node *n, const uint8_t digest[32])
{
	memcpy(n->cfg.config_digest, digest, sizeof(n->cfg.config_digest));
	for (size_t i = 0; i < n->view.n; i++)
		if (n->view.members[i].hello && n->view.members[i].id.node_id != n->cfg.node_id)
			digest_compare(n, &n->view.members[i]);
	membership_say_hello(n);
}

static void hello_show(struct cl_node *n, struct member *m, const Holdfast__Hello *h)
{
	m->unit = h->unit <= UINT8_MAX ? (uint8_t)h->unit : 0;
	log_escape(bytes(h->hostname.data, h->hostname.len), m->hostname, sizeof(m->hostname));
	log_escape(bytes(h->software.data, h->software.len), m->software, sizeof(m->software));
	memset(m->config_digest, 0, sizeof(m->config_digest));
	if (h->config_digest.len == sizeof(m->config_digest))
		memcpy(m->config_digest, h->config_digest.data, sizeof(m->config_digest));
	if (n->known[m->slot].heard && n->known[m->slot].node_id != m->id.node_id)
		fx_log(n, LOG_CLUSTER_SLOT_MOVED, "slot %u: node %u, before it was node %u",
		       m->slot, m->id.node_id, n->known[m->slot].node_id);
	n->known[m->slot] = (struct cl_known_unit){ .heard = true,
						    .unit = m->unit,
						    .node_id = m->id.node_id };
	memcpy(n->known[m->slot].hostname, m->hostname, sizeof(m->hostname));
}

/* A field that no member of any version can mean so. */
struct fault {
	const char *field; /* NULL: none */
	uint32_t group;
	uint64_t value, most;
};

static void look(struct fault *f, uint32_t group, const char *field, uint64_t value, uint64_t most)
{
	if (!f->field && value > most)
		*f = (struct fault){ field, group, value, most };
}

static struct fault hello_fault(const Holdfast__Hello *h)
{
	struct fault f = { 0 };

	for (size_t i = 0; i < h->n_group; i++) {
		const Holdfast__GroupStatus *s = h->group[i];
		look(&f, s->group, "highest_term", s->highest_term, CL_TERM_MAX);
		look(&f, s->group, "term", s->term, CL_TERM_MAX);
		look(&f, s->group, "suspect_term", s->suspect_term, CL_TERM_MAX);
		look(&f, s->group, "owner_slot", s->owner_slot, SS_SLOTS - 1);
		look(&f, s->group, "protected_set", s->protected_set, UINT16_MAX);
		look(&f, s->group, "kept_term", s->kept_term, CL_TERM_MAX);
		look(&f, s->group, "kept_owner_slot", s->kept_owner_slot, SS_SLOTS - 1);
		for (size_t k = 0; k < s->n_lineage; k++) {
			look(&f, s->group, "lineage term", s->lineage[k]->term, CL_TERM_MAX);
			look(&f, s->group, "lineage slot", s->lineage[k]->slot, SS_SLOTS - 1);
		}
	}
	if (h->relay)
		look(&f, 0, "relay port", h->relay->port, UINT16_MAX);
	return f;
}

static void hello_take(struct cl_node *n, struct member *m, const Holdfast__Hello *h)
{
	m->relay = (struct inet_endpoint){ 0 };
	if (h->relay) {
		m->relay.addr = inet_from_bytes(
			bytes(h->relay->address.data, h->relay->address.len));
		m->relay.port = (uint16_t)h->relay->port;
	}
	hello_show(n, m, h);
	m->drained = h->drained;
	health_heard(n, m, h);
	if (m->id.node_id != n->cfg.node_id)
		digest_compare(n, m);
	for (size_t i = 0; i < h->n_group; i++) {
		struct group *g = group_find(n, h->group[i]->group);
		if (g)
			hello_group(n, g, m, h->group[i]);
	}
	m->config_due |= !m->hello;
	m->hello = m->heard = true;
}

static void hello_refused(struct cl_node *n, struct member *m, enum result why)
{
	m->refused = true;
	n->messages_refused++;
	n->stats.refused[why]++;
}

void membership_hello(struct cl_node *n, const struct cl_member *from, uint8_t slot,
		      const Holdfast__Hello *h)
{
	struct member *m = member_find(n, from);

	if (h->node_id != m->id.node_id) {
		hello_refused(n, m, R_VALUE);
		fx_log(n, LOG_REPL_REFUSED, "node %u says that it is node %u", m->id.node_id,
		       h->node_id);
		return;
	}
	/* Said in a view that is gone, or a repetition of it: the one for this view follows. */
	if (h->ring_node_id != n->view.ring.node_id || h->ring_seq != n->view.ring.seq) {
		n->stats.dropped[CL_DROP_OTHER_RING]++;
		return;
	}
	ss_sealer_take(n->sealer);
	m->slot = slot;
	if (h->version_min > n->cfg.version_max || h->version_max < n->cfg.version_min) {
		hello_refused(n, m, R_VERSION);
		fx_log(n, LOG_REPL_REFUSED,
		       "node %u speaks versions %u to %u, this one %u to %u: none in common",
		       m->id.node_id, h->version_min, h->version_max, n->cfg.version_min,
		       n->cfg.version_max);
		return;
	}
	const struct fault f = hello_fault(h);
	if (f.field) {
		m->refused = true;
		n->stats.refused[R_VALUE]++;
		fx_log(n, LOG_REPL_REFUSED,
		       "HELLO of node %u, group %u: %s %llu, expected 0 to %llu", m->id.node_id,
		       f.group, f.field, (unsigned long long)f.value, (unsigned long long)f.most);
		return;
	}
	hello_take(n, m, h);
}
