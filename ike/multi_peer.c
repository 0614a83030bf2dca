/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tunnel manager's SAs: what traffic or an operator wants set up, with
 * which peer, and what became of it. The manager has the peer index and its
 * table (ike/tunnel_manager.h); here is what the engine knows: SAs, children,
 * hold-offs, and which peer may set up SAs with us.
 */
#include "ike/ikev1.h"
#include "ike/v2.h"

/* ---- what the manager asks ---- */

static struct tunnel_entry *entry_of(const struct ike_engine *e, uint32_t tunnel)
{
	return tunnel != 0 ? tunnel_manager_of_tunnel(e->tunnels, tunnel) : NULL;
}

static bool carries(const struct ike_sa *sa, const struct tunnel_entry *t)
{
	const struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		if (child_sa_carries(c) && entry_of(sa->e, c->s.tunnel) == t)
			return true;
	}
	return false;
}

static bool sets_up(const struct ike_sa *sa)
{
	return sa->s.initiator && (sa->s.stage == IKE_SA_NONE || sa->s.stage == IKE_SA_INIT_SENT ||
				   sa->s.stage == IKE_SA_AUTH_SENT);
}

static bool tries(const struct ike_sa *sa, const struct tunnel_entry *t)
{
	const struct ike_outstanding *o = &sa->s.outstanding;
	const struct ike_want *w;

	if (sets_up(sa) && entry_of(sa->e, sa->first.tunnel) == t)
		return true;
	if (o->kind == IKE_REQ_CHILD_NEW && entry_of(sa->e, o->tunnel) == t)
		return true;
	TAILQ_FOREACH (w, &sa->wants, next) {
		if (w->kind == IKE_REQ_CHILD_NEW && entry_of(sa->e, w->tunnel) == t)
			return true;
	}
	return false;
}

static enum tunnel_state state(void *ctx, const struct tunnel_entry *t)
{
	const struct ike_engine *e = ctx;
	const struct ike_sa *sa;
	enum tunnel_state found = TUNNEL_IDLE;

	TAILQ_FOREACH (sa, &e->all, all) {
		if (sa->s.closing)
			continue;
		if (carries(sa, t))
			return TUNNEL_UP;
		if (tries(sa, t))
			found = TUNNEL_TRYING;
	}
	return found;
}

/* NULL: the peer has no tunnel-group. */
static const struct ike_connection *current_connection(const struct ike_engine *e,
						       const struct tunnel_entry *t)
{
	size_t i = t->map->connection[tunnel_entry_index(t)];

	return i != IKE_NO_CONNECTION ? &e->cfg->connections[i] : NULL;
}

static enum result ikev2_begin(void *ctx, const struct tunnel_entry *t, const void *what)
{
	struct ike_engine *e = ctx;
	const struct ike_connection *conn = current_connection(e, t);

	if (conn == NULL)
		return R_NO_CONNECTION;
	ike_sa_begin(e, conn, what);
	return R_OK;
}

static void changed(void *ctx, const struct tunnel_entry *t)
{
	ike_fx(ctx, IKE_FX_PEER_INDEX_CHANGED)->peer_index = &t->s;
}

static void say(void *ctx, enum log_id id, const char *detail)
{
	log_event_make(&ike_fx(ctx, IKE_FX_LOG)->log, id, NULL, NULL, NULL, "%s", detail);
}

static const struct tunnel_manager_ops ops = {
	.state = state,
	.begin = { [TUNNEL_IKEV2] = ikev2_begin, [TUNNEL_IKEV1] = ikev1_begin },
	.changed = changed,
	.log = say,
};

void ike_tunnels_open(struct ike_engine *e)
{
	e->tunnels = tunnel_manager_new(&ops, e, e->ec.hash_seed);
	tunnel_manager_configure(e->tunnels, e->cfg);
}

/* ---- what is wanted ---- */

static bool under_way(const struct ike_sa *sa, uint32_t tunnel)
{
	const struct ike_want *w;

	TAILQ_FOREACH (w, &sa->wants, next) {
		if (w->kind == IKE_REQ_CHILD_NEW && w->tunnel == tunnel)
			return true;
	}
	return (sa->s.stage < IKE_SA_ESTABLISHED && sa->s.tunnel == tunnel) ||
	       (sa->s.outstanding.kind == IKE_REQ_CHILD_NEW && sa->s.outstanding.tunnel == tunnel);
}

/* Whatever the index says now: tunnels that stand are joined by the others of their entry. */
static struct ike_sa *carrying_sa(const struct ike_engine *e, const struct tunnel_entry *t)
{
	struct ike_sa *sa;

	TAILQ_FOREACH (sa, &e->all, all) {
		if (sa->s.stage == IKE_SA_ESTABLISHED && !sa->s.closing && !sa->s.anew &&
		    carries(sa, t))
			return sa;
	}
	return NULL;
}

static struct ike_sa *sa_for(const struct ike_engine *e, const struct tunnel_entry *t)
{
	struct ike_sa *sa = t->map->n_peers > 1 ? carrying_sa(e, t) : NULL;
	const struct ike_connection *conn = current_connection(e, t);

	return sa != NULL || conn == NULL ? sa : ike_sa_of_connection(e, conn);
}

const struct ike_sa *ike_sa_beside(const struct ike_sa *sa)
{
	const struct ike_sa *other = sa->conn != NULL ? ike_sa_of_connection(sa->e, sa->conn)
						      : NULL;
	const struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa) {
		const struct tunnel_entry *t = entry_of(sa->e, c->s.tunnel);

		if (other == NULL && t != NULL)
			other = sa_for(sa->e, t);
	}
	return other;
}

static bool is_idle(const struct ike_sa *sa)
{
	return sa->s.stage == IKE_SA_ESTABLISHED && TAILQ_EMPTY(&sa->children) &&
	       TAILQ_EMPTY(&sa->wants) && sa->s.outstanding.kind == IKE_REQ_NONE;
}

/* An IKE SA with a former peer of the entry that nothing uses any more. */
static void leave_others(struct ike_engine *e, const struct tunnel_entry *t)
{
	struct ike_sa *sa;

	for (uint8_t i = 0; t->map->n_peers > 1 && i < t->map->n_peers; i++) {
		size_t k = t->map->connection[i];

		sa = i != tunnel_entry_index(t) && k != IKE_NO_CONNECTION
			     ? ike_sa_of_connection(e, &e->cfg->connections[k])
			     : NULL;
		if (sa != NULL && is_idle(sa))
			ike_sa_want_delete(sa, "another peer of the crypto map is tried");
	}
}

/* With any peer of its map (R10, R23); NULL. */
static const struct ike_sa *anew_of(const struct ike_engine *e, const struct tunnel_entry *t)
{
	const struct ike_sa *sa = NULL;

	for (uint8_t i = 0; sa == NULL && i < t->map->n_peers; i++) {
		size_t k = t->map->connection[i];

		if (k != IKE_NO_CONNECTION)
			sa = ike_sa_anew_of(e, &e->cfg->connections[k]);
	}
	return sa;
}

static void initiate(struct ike_engine *e, uint32_t tunnel, const struct ike_input *in)
{
	struct tunnel_entry *t = entry_of(e, tunnel);
	struct ike_want want = { .kind = IKE_REQ_CHILD_NEW,
				 .tunnel = tunnel,
				 .have_packet = in->have_packet,
				 .packet_local = in->packet_local,
				 .packet_remote = in->packet_remote };
	struct ike_sa *sa;

	if (t == NULL || !t->map->may_initiate || (in->have_packet && ike_held_off(e, tunnel)))
		return;
	sa = sa_for(e, t);
	if (sa == NULL) {
		if (!ike_admit_own(e, t->map->map, anew_of(e, t))) {
			ike_hold_off(e, tunnel);
			return;
		}
		leave_others(e, t);
		tunnel_manager_trigger(e->tunnels, t, &want);
	} else if (under_way(sa, tunnel)) {
		tunnel_manager_duplicate(e->tunnels, t);
	} else if (child_sa_of_tunnel(sa, tunnel) == NULL) {
		ike_want_add(sa, &want);
	}
}

void ike_initiate(struct ike_engine *e, const struct ike_input *in)
{
	const struct ike_connection *conn;

	if (in->connection == NULL || in->connection[0] == '\0') {
		initiate(e, in->tunnel, in);
		return;
	}
	conn = ike_connection_named(e, in->connection);
	for (size_t i = 0; conn != NULL && i < conn->n_children; i++) {
		if (in->tunnel == 0 || conn->children[i].tunnel == in->tunnel)
			initiate(e, conn->children[i].tunnel, in);
	}
}

/* ---- what became of it ---- */

/* An IKE SA that stands with a peer that is not the current one any more, and carries nothing. */
static void leave(struct ike_sa *sa)
{
	const struct ike_want *w;

	if (sa->s.established_ms == 0 || sa->s.closing || !TAILQ_EMPTY(&sa->children))
		return;
	TAILQ_FOREACH (w, &sa->wants, next) {
		if (w->kind == IKE_REQ_CHILD_NEW)
			return;
	}
	ike_sa_down(sa, "no CHILD SA could be made; the next peer of the crypto map is tried");
	ike_want_add_first(sa, &(struct ike_want){ .kind = IKE_REQ_IKE_DELETE });
}

void ike_tunnel_failed(struct ike_sa *sa, uint32_t tunnel, enum tunnel_condition why)
{
	struct ike_engine *e = sa->e;
	struct tunnel_entry *t = entry_of(e, tunnel);
	struct ike_want want = { .kind = IKE_REQ_CHILD_NEW, .tunnel = tunnel };

	ike_hold_off(e, tunnel);
	if (t == NULL || !tunnel_manager_failed(e->tunnels, t, TUNNEL_IKEV2, why,
						sa->first.tunnel == tunnel ? &sa->first : &want))
		return;
	/* The next peer is tried at once; all of them have a pause. */
	if (tunnel_entry_index(t) != 0)
		ike_hold_off_end(e, tunnel);
	leave(sa);
}

void ike_attempt_failed(struct ike_sa *sa, enum tunnel_condition why)
{
	struct ike_engine *e = sa->e;
	uint64_t visit = ++e->last_visit;
	struct tunnel_entry *t = entry_of(e, sa->first.tunnel);
	const struct ike_want *w;

	if (t != NULL)
		t->visit = visit;
	ike_tunnel_failed(sa, sa->first.tunnel, why);
	TAILQ_FOREACH (w, &sa->wants, next) {
		t = w->kind == IKE_REQ_CHILD_NEW ? entry_of(e, w->tunnel) : NULL;
		if (t == NULL || t->visit == visit)
			continue;
		t->visit = visit;
		ike_tunnel_failed(sa, w->tunnel, why);
	}
}

void ike_tunnel_up(struct ike_sa *sa, uint32_t tunnel)
{
	const struct ike_outstanding *o = &sa->s.outstanding;
	struct tunnel_entry *t = entry_of(sa->e, tunnel);

	ike_hold_off_end(sa->e, tunnel);
	if (t != NULL && (o->kind == IKE_REQ_AUTH || o->kind == IKE_REQ_CHILD_NEW) &&
	    o->tunnel == tunnel)
		tunnel_manager_succeeded(sa->e->tunnels, t, TUNNEL_IKEV2);
}

enum tunnel_condition ike_child_refusal(unsigned int notify, bool rekey)
{
	if (notify == N_TS_UNACCEPTABLE)
		return rekey ? TUNNEL_REKEY_TS_MISMATCH : TUNNEL_TS_MISMATCH;
	if (notify == N_NO_PROPOSAL_CHOSEN || notify == N_INVALID_KE_PAYLOAD)
		return rekey ? TUNNEL_REKEY_MISMATCH : TUNNEL_PHASE2_MISMATCH;
	return TUNNEL_NO_CONDITION;
}

/* ---- what happens to tunnels that stand ---- */

void ike_child_condition(struct child_sa *c, enum tunnel_condition why)
{
	struct tunnel_entry *t = entry_of(c->e, c->s.tunnel);

	if (t == NULL || t->visit == c->e->last_visit || !child_sa_carries(c))
		return;
	t->visit = c->e->last_visit;
	/* Refused: the table has no such row for a tunnel in this state. */
	tunnel_manager_happened(c->e->tunnels, t, why);
}

void ike_sa_condition(struct ike_sa *sa, enum tunnel_condition why)
{
	struct child_sa *c;

	TAILQ_FOREACH (c, &sa->children, of_sa)
		ike_child_condition(c, why);
}

static bool is_named(const struct ike_sa *sa, const struct ike_input *in)
{
	if (in->ike_spi != 0)
		return ike_sa_state_spi(&sa->s) == in->ike_spi;
	if (in->remote.addr.family != INET_NONE &&
	    !inet_equal(&in->remote.addr, &sa->s.remote.addr))
		return false;
	return in->connection == NULL || in->connection[0] == '\0' ||
	       strcmp(in->connection, sa->s.connection) == 0;
}

static void clear_children(struct ike_sa *sa)
{
	struct child_sa *c, *next;

	for (c = TAILQ_FIRST(&sa->children); c != NULL; c = next) {
		next = TAILQ_NEXT(c, of_sa);
		child_sa_want_delete(c);
	}
}

void ike_clear(struct ike_engine *e, const struct ike_input *in, bool children_only)
{
	struct ike_sa *sa, *next;

	e->last_visit++;
	TAILQ_FOREACH (sa, &e->all, all) {
		if (is_named(sa, in))
			ike_sa_condition(sa, children_only ? TUNNEL_CLEAR_IPSEC : TUNNEL_CLEAR_IKE);
	}
	for (sa = TAILQ_FIRST(&e->all); sa != NULL; sa = next) {
		next = TAILQ_NEXT(sa, all);
		if (!is_named(sa, in))
			continue;
		if (!children_only)
			ike_sa_want_delete(sa, "cleared by the operator");
		else if (sa->s.stage == IKE_SA_ESTABLISHED)
			clear_children(sa);
	}
}

/* ---- responder ---- */

/* A peer is answered when it is the current one of an entry. */
enum result ike_connection_answers(const struct ike_engine *e, const struct ike_connection *conn)
{
	enum result res = R_NO_CONNECTION;
	size_t n;
	struct tunnel_entry *const *t = tunnel_manager_of_connection(
		e->tunnels, (size_t)(conn - e->cfg->connections), &n);

	for (size_t i = 0; i < n; i++) {
		if (!t[i]->map->may_respond)
			continue;
		if (current_connection(e, t[i]) == conn)
			return R_OK;
		res = R_NOT_CURRENT_PEER;
	}
	return res;
}

bool ike_line_answers(const struct ike_engine *e, const struct ike_connection *conn,
		      uint32_t tunnel)
{
	const struct tunnel_entry *t = entry_of(e, tunnel);

	return t != NULL && t->map->may_respond && current_connection(e, t) == conn;
}

/* ---- records, show ---- */

enum result ike_import_peer_index(struct ike_engine *e, const struct peer_index_state *s)
{
	return tunnel_manager_import(e->tunnels, s);
}

void ike_each_map(const struct ike_engine *e, void (*fn)(void *ctx, const struct tunnel_entry *t),
		  void *ctx)
{
	for (const struct tunnel_entry *t = tunnel_manager_first(e->tunnels); t != NULL;
	     t = t->next)
		fn(ctx, t);
}
