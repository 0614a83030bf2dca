/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Link monitoring (the ASA's "monitor-interface"). Every member says in its
 * HELLO which of its interfaces have failed. An owner with so many failures
 * that the policy calls it failed, and with more of them than a protected
 * standby, hands over to that one (R19): the cluster link still carries what a
 * handover needs, so nothing is lost but what the dead link lost. With as many
 * failures on both sides the group stays where it is.
 *
 * A link that went down counts at once; one that is back counts when it has
 * been up for the link-state time, so that a flapping one is a failed one. The
 * same time passes before a handover, and a link that is up by then moves
 * nothing: when a switch dies both members lose their links, and each has to
 * hear so of the other.
 */
#include "cluster/cluster_private.h"

static bool is_down(enum cl_link_state s)
{
	return s == CL_LINK_NO_LINK || s == CL_LINK_DOWN || s == CL_LINK_FAILED;
}

static uint64_t settle_ns(const struct cl_node *n)
{
	return n->health.told.link_state_ms * MS;
}

/* ---- this member ---- */

/* Monitored interfaces of a group; those that are down only. */
static unsigned int count(const struct cl_link *links, size_t n_links, uint32_t group,
			  bool down_only)
{
	unsigned int found = 0;

	for (size_t i = 0; i < n_links; i++)
		found += links[i].group == group && links[i].monitored &&
			 (!down_only || is_down(links[i].state));
	return found;
}

static unsigned int failed_here(const struct cl_node *n, const struct group *g)
{
	return count(n->health.links, n->health.n_links, g->id, true);
}

static unsigned int failed_there(const struct member *m, const struct group *g)
{
	return count(m->links, m->n_links, g->id, true);
}

/* "failover interface-policy": so many failures make a unit a failed one. */
static unsigned int threshold(const struct cl_node *n, unsigned int monitored)
{
	const struct cl_health *h = &n->health.told;

	if (!h->percent)
		return h->failures ? h->failures : 1;
	return monitored ? (monitored * h->failures + 99) / 100 : 1;
}

static bool is_failed(const struct cl_node *n, const struct group *g)
{
	unsigned int monitored = count(n->health.links, n->health.n_links, g->id, false);

	return failed_here(n, g) >= threshold(n, monitored);
}

static bool is_failed_there(const struct cl_node *n, const struct group *g, const struct member *m)
{
	unsigned int monitored = count(m->links, m->n_links, g->id, false);

	return failed_there(m, g) >= threshold(n, monitored);
}

int health_compare(const struct cl_node *n, const struct group *g, const struct member *a,
		   const struct member *b)
{
	return (int)is_failed_there(n, g, a) - (int)is_failed_there(n, g, b);
}

static bool anything_waits(const struct cl_node *n, const struct group *g)
{
	for (size_t i = 0; i < n->health.n_links; i++) {
		const struct cl_link *l = &n->health.links[i];
		if (l->group == g->id && l->monitored && l->state == CL_LINK_WAITING)
			return true;
	}
	return false;
}

bool health_is_good(const struct cl_node *n, const struct group *g)
{
	return !is_failed(n, g) && !anything_waits(n, g);
}

/* What a link that is up since then counts as now; *at when that changes. */
static enum cl_link_state risen(const struct cl_node *n, enum cl_link_state before,
				uint64_t since_ns, uint64_t *at)
{
	uint64_t counts = since_ns + settle_ns(n);
	uint64_t good = since_ns + n->health.told.hold_ms * MS;

	if (is_down(before) && n->now_ns < counts) {
		*at = counts < *at ? counts : *at;
		return before;
	}
	if (before == CL_LINK_NORMAL || before == CL_LINK_UNKNOWN || n->now_ns >= good)
		return CL_LINK_NORMAL;
	*at = good < *at ? good : *at;
	return CL_LINK_WAITING;
}

static void say_change(struct cl_node *n, const struct cl_link *l, enum cl_link_state to)
{
	if (!l->monitored)
		return;
	if (is_down(to) && !is_down(l->state)) {
		fx_log(n, LOG_CLUSTER_LINK_DOWN, "%s", l->nameif);
		failure_note(n, n->cfg.slot, "Ifc Failure");
	} else if (is_down(l->state) && !is_down(to)) {
		fx_log(n, LOG_CLUSTER_LINK_UP, "%s", l->nameif);
	} else if (l->state == CL_LINK_WAITING && to == CL_LINK_NORMAL) {
		fx_log(n, LOG_CLUSTER_LINK_NORMAL, "%s", l->nameif);
	}
}

static bool follow_link(struct cl_node *n, size_t i)
{
	struct health *h = &n->health;
	const struct cl_link *told = &h->told.links[i];
	enum cl_link_state to = is_down(told->state)
					? told->state
					: risen(n, h->links[i].state, h->since_ns[i], &h->at_ns);
	bool changed = to != h->links[i].state || told->monitored != h->links[i].monitored ||
		       told->group != h->links[i].group;

	h->links[i].monitored = told->monitored;
	h->links[i].group = told->group;
	say_change(n, &h->links[i], to);
	h->links[i].state = to;
	return changed;
}

/* The preferred unit is available again: preempt may take back what its links made it give. */
static void look_at_group(struct cl_node *n, struct group *g)
{
	if (!g->health.moved || is_failed(n, g))
		return;
	g->health.moved = false;
	preempt_available(n, g);
}

static void follow(struct cl_node *n)
{
	struct health *h = &n->health;
	bool changed = false;

	h->at_ns = NEVER;
	for (size_t i = 0; i < h->n_links; i++)
		changed = follow_link(n, i) || changed;
	for (size_t i = 0; i < n->n_groups; i++)
		look_at_group(n, &n->groups[i]);
	if (changed)
		membership_say_hello(n);
}

static size_t find(const struct cl_link *links, size_t n_links, const char *nameif)
{
	size_t i = 0;

	while (i < n_links && strcmp(links[i].nameif, nameif) != 0)
		i++;
	return i;
}

/*
 * At once, not when the link counts as up: who is behind it may have another owner's address in its
 * cache, or the switch has forgotten where we are.
 */
static void announce_risen(struct cl_node *n, const struct health *old)
{
	const struct cl_health *now = &n->health.told;

	for (size_t k = 0; k < n->n_groups; k++) {
		const struct group *g = &n->groups[k];
		bool risen = false;
		for (size_t i = 0; i < now->n_links && g->role == CL_ROLE_ACTIVE; i++) {
			size_t was = find(old->links, old->n_links, now->links[i].nameif);
			risen |= now->links[i].group == g->id && !is_down(now->links[i].state) &&
				 was < old->n_links && is_down(old->told.links[was].state);
		}
		if (risen)
			fx_push(n, CL_FX_ANNOUNCE, g);
	}
}

/* Links that were known keep what they count as, and since when they are up. */
void health_told(struct cl_node *n, const struct cl_health *told)
{
	struct health next = { .told = *told, .n_links = told->n_links };
	const struct health before = n->health, *old = &before;

	for (size_t i = 0; i < next.n_links; i++) {
		const struct cl_link *t = &told->links[i];
		size_t k = find(old->links, old->n_links, t->nameif);
		bool known = k < old->n_links;
		next.links[i] = *t;
		next.links[i].state = known ? old->links[k].state : CL_LINK_UNKNOWN;
		if (known) {
			next.links[i].monitored = old->links[k].monitored;
			next.links[i].group = old->links[k].group;
		}
		next.since_ns[i] = known && !is_down(old->told.links[k].state) ? old->since_ns[k]
									       : n->now_ns;
	}
	bool gone = next.n_links < old->n_links;
	n->health = next;
	announce_risen(n, old);
	follow(n);
	if (gone)
		membership_say_hello(n);
}

void health_timers(struct cl_node *n)
{
	if (n->health.at_ns <= n->now_ns && n->health.n_links)
		follow(n);
}

uint64_t health_deadline(const struct cl_node *n)
{
	return n->health.n_links ? n->health.at_ns : NEVER;
}

/* ---- HELLO ---- */

size_t health_hello(const struct cl_node *n, Holdfast__InterfaceStatus status[CL_LINKS_MAX],
		    Holdfast__InterfaceStatus *list[CL_LINKS_MAX])
{
	for (size_t i = 0; i < n->health.n_links; i++) {
		const struct cl_link *l = &n->health.links[i];
		holdfast__interface_status__init(&status[i]);
		status[i].nameif.data = (uint8_t *)(uintptr_t)l->nameif;
		status[i].nameif.len = strlen(l->nameif);
		status[i].state = l->state;
		status[i].monitored = l->monitored;
		status[i].group = l->group;
		list[i] = &status[i];
	}
	return n->health.n_links;
}

/* A state of a newer version is one that we cannot judge. */
static enum cl_link_state heard_state(uint32_t state)
{
	return state < CL_LINK_STATES ? (enum cl_link_state)state : CL_LINK_UNKNOWN;
}

static unsigned int failed_at(const struct cl_node *n, const struct member *m)
{
	unsigned int all = 0;

	for (size_t i = 0; i < n->n_groups; i++)
		all += failed_there(m, &n->groups[i]);
	return all;
}

void health_heard(struct cl_node *n, struct member *m, const Holdfast__Hello *h)
{
	unsigned int before = failed_at(n, m);

	m->n_links = h->n_interface < CL_LINKS_MAX ? h->n_interface : CL_LINKS_MAX;
	for (size_t i = 0; i < m->n_links; i++) {
		const Holdfast__InterfaceStatus *s = h->interface[i];
		log_escape(bytes(s->nameif.data, s->nameif.len), m->links[i].nameif,
			   sizeof(m->links[i].nameif));
		m->links[i].state = heard_state(s->state);
		m->links[i].monitored = s->monitored;
		m->links[i].group = s->group;
	}
	if (m->id.node_id != n->cfg.node_id && failed_at(n, m) > before)
		failure_note(n, m->slot, "Ifc Failure");
}

/* ---- the owner ---- */

/* The protected standby with the fewest failures; the one that has acknowledged most of equals. */
static const struct member *healthiest(struct cl_node *n, const struct group *g)
{
	const struct member *best = NULL;

	for (uint8_t slot = 1; slot < SS_SLOTS; slot++) {
		const struct member *m = member_by_slot(n, slot);
		if (!m || !(g->logged_set & slot_bit(slot)))
			continue;
		unsigned int failed = failed_there(m, g);
		if (!best || failed < failed_there(best, g) ||
		    (failed == failed_there(best, g) &&
		     g->commit.acked[slot] > g->commit.acked[best->slot]))
			best = m;
	}
	return best;
}

static const struct member *better(struct cl_node *n, const struct group *g)
{
	if (n->cfg.manager != CL_MANAGER_INTERNAL || g->role != CL_ROLE_ACTIVE ||
	    !g->is_protected || g->command != COMMAND_NONE || g->handover.phase != HANDOVER_NONE ||
	    !view_quorate(n) || !is_failed(n, g))
		return NULL;
	const struct member *m = healthiest(n, g);

	return m && failed_there(m, g) < failed_here(n, g) ? m : NULL;
}

/* Flap guard: each handover lets the next one of this node wait longer, until it was calm. */
static void wait_longer(struct cl_node *n, struct health_state *s)
{
	bool calm = !s->moved_ns || n->now_ns - s->moved_ns > HEALTH_WINDOW_MS * MS;

	s->wait_ns = calm ? HEALTH_WAIT_MS * MS : s->wait_ns * 2;
	if (s->wait_ns > HEALTH_WAIT_MAX_MS * MS)
		s->wait_ns = HEALTH_WAIT_MAX_MS * MS;
	s->moved_ns = n->now_ns;
	s->not_before_ns = n->now_ns + s->wait_ns;
}

void health_consider(struct cl_node *n, struct group *g)
{
	struct health_state *s = &g->health;
	const struct member *to = better(n, g);

	g->at[T_HEALTH] = NEVER;
	if (!to) {
		s->since_ns = 0;
		return;
	}
	if (!s->since_ns)
		s->since_ns = n->now_ns;
	uint64_t due = s->since_ns + settle_ns(n);
	if (due < s->not_before_ns)
		due = s->not_before_ns;
	if (n->now_ns < due) {
		g->at[T_HEALTH] = due;
		return;
	}
	if (count(n->health.told.links, n->health.n_links, g->id, true) <= failed_there(to, g))
		return; /* up at the moment; what the kernel says next comes as an input */
	fx_log(n, LOG_CLUSTER_LINK_HANDOVER, "group %u to slot %u: %u interfaces failed, there %u",
	       g->id, to->slot, failed_here(n, g), failed_there(to, g));
	n->stats.link_handovers++;
	s->since_ns = 0;
	s->moved = true;
	wait_longer(n, s);
	handover_to(n, g, to->slot);
}

/* An operator's move that would be taken back at once: says why. NULL: it would not. */
const char *health_objection(struct cl_node *n, const struct group *g)
{
	const struct member *owner = owner_member(n, g);

	if (n->cfg.manager != CL_MANAGER_INTERNAL || !owner || !is_failed(n, g) ||
	    failed_here(n, g) <= failed_there(owner, g))
		return NULL;
	return "monitored interfaces have failed here";
}

size_t cl_links(const struct cl_node *n, uint8_t slot, struct cl_link out[CL_LINKS_MAX])
{
	if (slot == n->cfg.slot) {
		memcpy(out, n->health.links, sizeof(n->health.links));
		return n->health.n_links;
	}
	for (size_t i = 0; slot && i < n->view.n; i++)
		if (n->view.members[i].slot == slot) {
			memcpy(out, n->view.members[i].links, sizeof(n->view.members[i].links));
			return n->view.members[i].n_links;
		}
	return 0;
}
