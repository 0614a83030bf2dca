/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HELLO that every member says in every view (R3, R11, R14, R22): what it says, and what is
 * taken from it.
 */
#include "cluster/cluster_private.h"

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

bool hello_is_sound(const struct cl_node *n, const Holdfast__Hello *h)
{
	return h->version_min <= n->cfg.version_max && h->version_max >= n->cfg.version_min &&
	       !hello_fault(h).field;
}

static bool is_of_this_view(struct cl_node *n, struct member *m, const Holdfast__Hello *h)
{
	if (h->node_id != m->id.node_id) {
		hello_refused(n, m, R_VALUE);
		fx_log(n, LOG_REPL_REFUSED, "node %u says that it is node %u", m->id.node_id,
		       h->node_id);
		return false;
	}
	/* Said in a view that is gone, or a repetition of it: the one for this view follows. */
	if (h->ring_node_id != n->view.ring.node_id || h->ring_seq != n->view.ring.seq) {
		n->stats.dropped[CL_DROP_OTHER_RING]++;
		return false;
	}
	return true;
}

static void slot_in_use(struct cl_node *n)
{
	n->messages_refused++;
	n->stats.refused[R_EXISTS]++;
}

void membership_twin(struct cl_node *n, struct member *m, const Holdfast__Hello *h)
{
	if (!is_of_this_view(n, m, h))
		return;
	slot_in_use(n);
	slot_twin(n, m, h);
}

void membership_hello(struct cl_node *n, const struct cl_member *from, uint8_t slot,
		      const Holdfast__Hello *h)
{
	struct member *m = member_find(n, from);

	if (!is_of_this_view(n, m, h))
		return;
	if (!slot_hello(n, m, slot, h)) {
		slot_in_use(n);
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
