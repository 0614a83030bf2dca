/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs in which one row of the IKE table happens, for sure and in a way that
 * is known: what the peer has, what the owner and the peer do, often at the
 * same moment. A fault strikes at that row. The network loses nothing and has
 * one delay, so that what begins at the same moment crosses.
 */
#include "ha-tests/sim/sim.h"

#include "base/must.h"
#include "ike/tunnel_manager.h"

#define READY_NS    (3 * SECOND) /* not before: the group is protected by then */
#define GIVEUP_NS   (25 * SECOND)
#define SETTLE_NS   (500 * MS_NS) /* a checkpoint, and what is held */
#define AGAIN_NS    (2 * SECOND)
#define MEND_NS     (3 * SECOND) /* from when all is ready */
#define CALM_NS     (8 * SECOND)
#define PATIENCE_NS (6 * SECOND)  /* more, where a peer index is to move */
#define END_NS      (16 * SECOND) /* from the calm: laws_calm() looks for the last four */
#define DELAY_NS    (12 * MS_NS)  /* longer than a key generation and a commit */

enum { FROM_TUNNELS, FROM_NOTHING, FROM_FIRST_LINE };
enum { NODE = 1, PEER = 2 };
enum how {
	ANEW = 1,     /* an IKE SA ends: there will be another one */
	FOR_GOOD = 2, /* the peer stays as it is */
	COOKIES = 4,  /* the nodes want cookies */
	NODE_GROUPS = 8,
	PEER_GROUPS = 16,
	THREE = 32,       /* nodes */
	SYNC = 64,        /* the peers know RFC 6311 */
	SHORT_LIFE = 128, /* of IKE SAs, at the nodes */
	LAST = 256,       /* the peer that does not answer is the second, not the first */
};
enum act {
	NOTHING,
	REKEY_CHILD,
	REKEY_IKE,
	CLEAR,
	CLEAR_CHILDREN,
	LIVENESS,
	INITIATE, /* without a packet */
	DIE,
	DIE_UNPROTECTED,
	FAIL_OVER,
	MODIFY, /* the crypto map, and LIVENESS, at which a fault can strike */
};

/* The rows' stories. */
#define INIT_ANSWERED  "responder answers IKE_SA_INIT"
#define INIT_TAKEN     "initiator takes the responder's IKE_SA_INIT"
#define INIT_REFUSED   "responder wants a cookie or another group, or refuses (2.21.1)"
#define AUTH_ANSWERED  "responder authenticates the initiator, and makes the first CHILD SA"
#define AUTH_CHILDLESS "responder authenticates an initiator that wants no CHILD SA yet"
#define AUTH_TAKEN     "initiator authenticates the responder, and makes the first CHILD SA"
#define AUTH_NO_CHILD  "initiator authenticates a responder that refused the CHILD SA only"
#define AUTH_REFUSED   "responder does not authenticate us"
#define ITS_REKEY      "peer rekeys a CHILD SA"
#define ITS_CHILD      "peer makes a further CHILD SA"
#define ITS_IKE_REKEY  "peer rekeys the IKE SA"
#define LATE_CHILD     "peer wants a CHILD SA on an IKE SA that ends (2.25.2)"
#define LATE_REKEY     "peer rekeys an IKE SA that ends (2.25.2)"
#define CHILD_MADE     "our further CHILD SA is made"
#define CHILD_REFUSED  "our further CHILD SA is refused"
#define REKEY_MADE     "our rekey of a CHILD SA is made"
#define REKEY_REFUSED  "our rekey of a CHILD SA is refused"
#define IKE_MADE       "our rekey of the IKE SA is made"
#define IKE_REFUSED    "our rekey of the IKE SA is refused"
#define TOLD           "peer deletes SAs, tells something, or wants to know whether we live"
#define LIVES          "peer lives"
#define LEFT_OUT       "peer leaves out sequence numbers, as we asked (RFC 6311 5.2)"
#define ITS_SYNC       "peer has failed over and synchronizes message ids (RFC 6311 5.1)"
#define SYNCED         "peer synchronizes with us, who have failed over (RFC 6311 5.1)"
#define DELETED        "our DELETE of a CHILD SA is answered"
#define IKE_DELETED    "our DELETE of the IKE SA is answered"
#define WE_INIT        "initiator sends IKE_SA_INIT"
#define WE_AUTH        "initiator sends IKE_AUTH"
#define WE_CHILD       "we make a further CHILD SA"
#define WE_REKEY       "we rekey a CHILD SA"
#define WE_REKEY_IKE   "we rekey the IKE SA"
#define WE_DELETE      "we delete a CHILD SA"
#define WE_DELETE_IKE  "we delete the IKE SA"
#define WE_ASK         "we ask whether the peer lives"
#define WE_LEAVE_OUT   "we ask the peer to leave out sequence numbers (RFC 6311 5.2)"
#define WE_SYNC        "we have failed over and synchronize message ids (RFC 6311 5.1)"

/* clang-format off */
const struct directed directed_runs[] = {
	/* ---- IKE_SA_INIT ---- */
	{ .name = "the peer begins", .row = INIT_ANSWERED, .from = FROM_NOTHING, .speaks = PEER },
	{ .name = "the peer shows a cookie", .row = INIT_ANSWERED, .from = FROM_NOTHING,
	  .speaks = PEER, .how = COOKIES },
	{ .name = "the peer comes again with our group", .row = INIT_ANSWERED,
	  .from = FROM_NOTHING, .speaks = PEER, .how = PEER_GROUPS },
	{ .name = "both begin", .row = INIT_ANSWERED, .from = FROM_NOTHING, .node_does = INITIATE,
	  .peer_does = INITIATE },
	{ .name = "we begin", .row = WE_INIT, .from = FROM_NOTHING, .speaks = NODE },
	{ .name = "we are answered", .row = INIT_TAKEN, .from = FROM_NOTHING, .speaks = NODE },
	{ .name = "we are asked for a cookie", .row = INIT_REFUSED, .from = FROM_NOTHING,
	  .speaks = NODE, .quirks = QUIRK_COOKIES, .how = FOR_GOOD },
	{ .name = "we are asked for another group", .row = INIT_REFUSED, .from = FROM_NOTHING,
	  .speaks = NODE, .how = NODE_GROUPS },

	/* ---- IKE_AUTH ---- */
	{ .name = "the peer authenticates itself", .row = AUTH_ANSWERED, .from = FROM_NOTHING,
	  .speaks = PEER },
	{ .name = "the peer protects more, and is narrowed", .row = AUTH_ANSWERED,
	  .from = FROM_NOTHING, .speaks = PEER, .quirks = QUIRK_WIDE, .how = FOR_GOOD },
	{ .name = "the peer's proposal for the CHILD SA is refused", .row = AUTH_ANSWERED,
	  .from = FROM_NOTHING, .speaks = PEER, .quirks = QUIRK_ESP },
	{ .name = "the peer's selectors are refused", .row = AUTH_ANSWERED, .from = FROM_NOTHING,
	  .quirks = QUIRK_LINES, .peer_does = INITIATE },
	{ .name = "the peer's key is wrong", .row = AUTH_ANSWERED, .from = FROM_NOTHING,
	  .speaks = PEER, .quirks = QUIRK_ITS_KEY },
	{ .name = "both have begun", .row = AUTH_ANSWERED, .from = FROM_NOTHING,
	  .node_does = INITIATE, .peer_does = INITIATE },
	{ .name = "the peer wants no CHILD SA yet", .row = AUTH_CHILDLESS, .from = FROM_NOTHING,
	  .speaks = PEER, .quirks = QUIRK_CHILDLESS, .how = FOR_GOOD },
	{ .name = "we authenticate ourselves", .row = WE_AUTH, .from = FROM_NOTHING,
	  .speaks = NODE },
	{ .name = "we are authenticated", .row = AUTH_TAKEN, .from = FROM_NOTHING,
	  .speaks = NODE },
	{ .name = "the peer protects more, and we are not narrowed", .row = AUTH_TAKEN,
	  .from = FROM_NOTHING, .speaks = NODE, .quirks = QUIRK_WIDE, .how = FOR_GOOD },
	{ .name = "both are authenticated", .row = AUTH_TAKEN, .from = FROM_NOTHING,
	  .node_does = INITIATE, .peer_does = INITIATE },
	{ .name = "our proposal for the CHILD SA is refused", .row = AUTH_NO_CHILD,
	  .from = FROM_NOTHING, .speaks = NODE, .quirks = QUIRK_ESP },
	{ .name = "our selectors are refused", .row = AUTH_NO_CHILD, .from = FROM_NOTHING,
	  .speaks = NODE, .quirks = QUIRK_LINES },
	{ .name = "our key is wrong", .row = AUTH_REFUSED, .from = FROM_NOTHING, .speaks = NODE,
	  .quirks = QUIRK_OUR_KEY },
	{ .name = "the responder's proof is wrong", .row = WE_DELETE_IKE, .from = FROM_NOTHING,
	  .speaks = NODE, .quirks = QUIRK_ITS_KEY },

	/* ---- CREATE_CHILD_SA of the peer ---- */
	{ .name = "the peer rekeys", .row = ITS_REKEY, .peer_does = REKEY_CHILD },
	{ .name = "both rekey a CHILD SA", .row = ITS_REKEY, .node_does = REKEY_CHILD,
	  .peer_does = REKEY_CHILD },
	{ .name = "the peer rekeys what we delete", .row = ITS_REKEY, .node_does = CLEAR_CHILDREN,
	  .peer_does = REKEY_CHILD },
	{ .name = "the peer rekeys while we rekey the IKE SA", .row = ITS_REKEY,
	  .node_does = REKEY_IKE, .peer_does = REKEY_CHILD },
	{ .name = "the peer rekeys with a proposal that is refused", .row = ITS_REKEY,
	  .later = QUIRK_ESP, .peer_does = REKEY_CHILD },
	{ .name = "the peer's second line", .row = ITS_CHILD, .from = FROM_FIRST_LINE,
	  .speaks = PEER },
	{ .name = "the second line of both", .row = ITS_CHILD, .from = FROM_FIRST_LINE,
	  .node_does = INITIATE, .peer_does = INITIATE },
	{ .name = "the peer's second line while we rekey the IKE SA", .row = ITS_CHILD,
	  .from = FROM_FIRST_LINE, .node_does = REKEY_IKE, .peer_does = INITIATE },
	{ .name = "the peer's second line has other selectors", .row = ITS_CHILD,
	  .from = FROM_FIRST_LINE, .quirks = QUIRK_LAST_LINE, .peer_does = INITIATE },
	{ .name = "the peer rekeys the IKE SA", .row = ITS_IKE_REKEY, .peer_does = REKEY_IKE },
	{ .name = "both rekey the IKE SA", .row = ITS_IKE_REKEY, .node_does = REKEY_IKE,
	  .peer_does = REKEY_IKE },
	{ .name = "the peer rekeys the IKE SA while we rekey a CHILD SA", .row = ITS_IKE_REKEY,
	  .node_does = REKEY_CHILD, .peer_does = REKEY_IKE },
	{ .name = "the peer rekeys the IKE SA with a group that is not ours",
	  .row = ITS_IKE_REKEY, .peer_does = REKEY_IKE, .how = PEER_GROUPS },
	{ .name = "the peer rekeys a CHILD SA of what we delete", .row = LATE_CHILD,
	  .node_does = CLEAR, .peer_does = REKEY_CHILD, .how = ANEW },
	{ .name = "the peer rekeys what we delete", .row = LATE_REKEY, .node_does = CLEAR,
	  .peer_does = REKEY_IKE, .how = ANEW },

	/* ---- CREATE_CHILD_SA of ours ---- */
	{ .name = "our second line", .row = WE_CHILD, .from = FROM_FIRST_LINE, .speaks = NODE },
	{ .name = "our second line is made", .row = CHILD_MADE, .from = FROM_FIRST_LINE,
	  .speaks = NODE },
	{ .name = "the second line of both is made", .row = CHILD_MADE, .from = FROM_FIRST_LINE,
	  .node_does = INITIATE, .peer_does = INITIATE },
	{ .name = "our second line's proposal is refused", .row = CHILD_REFUSED,
	  .from = FROM_FIRST_LINE, .speaks = NODE, .later = QUIRK_ESP },
	{ .name = "our second line's selectors are refused", .row = CHILD_REFUSED,
	  .from = FROM_FIRST_LINE, .speaks = NODE, .quirks = QUIRK_LAST_LINE },
	{ .name = "our second line while the peer rekeys the IKE SA", .row = CHILD_REFUSED,
	  .from = FROM_FIRST_LINE, .node_does = INITIATE, .peer_does = REKEY_IKE },
	{ .name = "we rekey", .row = WE_REKEY, .node_does = REKEY_CHILD },
	{ .name = "our rekey is made", .row = REKEY_MADE, .node_does = REKEY_CHILD },
	{ .name = "both rekeys are made", .row = REKEY_MADE, .node_does = REKEY_CHILD,
	  .peer_does = REKEY_CHILD },
	{ .name = "our rekey's proposal is refused", .row = REKEY_REFUSED, .later = QUIRK_ESP,
	  .node_does = REKEY_CHILD },
	{ .name = "we rekey what the peer deletes", .row = REKEY_REFUSED,
	  .node_does = REKEY_CHILD, .peer_does = CLEAR_CHILDREN },
	{ .name = "we rekey while the peer rekeys the IKE SA", .row = REKEY_REFUSED,
	  .node_does = REKEY_CHILD, .peer_does = REKEY_IKE },
	{ .name = "we rekey the IKE SA", .row = WE_REKEY_IKE, .node_does = REKEY_IKE },
	{ .name = "our rekey of the IKE SA is made", .row = IKE_MADE, .node_does = REKEY_IKE },
	{ .name = "both rekeys of the IKE SA are made", .row = IKE_MADE, .node_does = REKEY_IKE,
	  .peer_does = REKEY_IKE },
	{ .name = "our rekey of the IKE SA is refused", .row = IKE_REFUSED, .later = QUIRK_IKE,
	  .node_does = REKEY_IKE, .how = ANEW },
	{ .name = "our rekey of the IKE SA needs another group", .row = IKE_REFUSED,
	  .later = QUIRK_GROUP, .node_does = REKEY_IKE, .how = NODE_GROUPS },
	{ .name = "we rekey the IKE SA while the peer rekeys a CHILD SA", .row = IKE_REFUSED,
	  .node_does = REKEY_IKE, .peer_does = REKEY_CHILD },

	/* ---- INFORMATIONAL ---- */
	{ .name = "the peer asks whether we live", .row = TOLD, .peer_does = LIVENESS },
	{ .name = "the peer deletes CHILD SAs", .row = TOLD, .peer_does = CLEAR_CHILDREN },
	{ .name = "both delete CHILD SAs", .row = TOLD, .node_does = CLEAR_CHILDREN,
	  .peer_does = CLEAR_CHILDREN },
	{ .name = "the peer deletes the IKE SA", .row = TOLD, .peer_does = CLEAR, .how = ANEW },
	{ .name = "both delete the IKE SA", .row = TOLD, .node_does = CLEAR, .peer_does = CLEAR,
	  .how = ANEW },
	{ .name = "we ask", .row = WE_ASK, .node_does = LIVENESS },
	{ .name = "the peer lives", .row = LIVES, .node_does = LIVENESS },
	{ .name = "we delete what we have rekeyed", .row = WE_DELETE, .node_does = REKEY_CHILD },
	{ .name = "what we have rekeyed is deleted", .row = DELETED, .node_does = REKEY_CHILD },
	{ .name = "what both have rekeyed is deleted", .row = DELETED, .node_does = REKEY_CHILD,
	  .peer_does = REKEY_CHILD },
	{ .name = "what both delete is deleted", .row = DELETED, .node_does = CLEAR_CHILDREN,
	  .peer_does = CLEAR_CHILDREN },
	{ .name = "we delete the IKE SA", .row = WE_DELETE_IKE, .node_does = CLEAR, .how = ANEW },
	{ .name = "the IKE SA is deleted", .row = IKE_DELETED, .node_does = CLEAR, .how = ANEW },
	{ .name = "the IKE SA that we have rekeyed is deleted", .row = IKE_DELETED,
	  .node_does = REKEY_IKE },

	/* ---- RFC 6311 ---- */
	{ .name = "our owner dies", .row = WE_LEAVE_OUT, .node_does = DIE, .how = THREE | SYNC },
	{ .name = "our owner dies, numbers are left out", .row = LEFT_OUT, .node_does = DIE,
	  .how = THREE | SYNC },
	{ .name = "our owner dies unprotected", .row = WE_SYNC, .node_does = DIE_UNPROTECTED,
	  .how = THREE | SYNC },
	{ .name = "our owner dies unprotected, ids are synchronized", .row = SYNCED,
	  .node_does = DIE_UNPROTECTED, .how = THREE | SYNC },
	{ .name = "the peer's owner dies", .row = ITS_SYNC, .peer_does = FAIL_OVER, .how = SYNC },

	/* ---- the peer index: each row of its table, a fault before and after it ---- */
	{ .name = "index: the first peer does not answer", .row = WE_INIT, .from = FROM_NOTHING,
	  .speaks = NODE, .condition = TUNNEL_PEER_UNREACHABLE },
	{ .name = "index: phase 1 mismatch", .row = WE_INIT, .from = FROM_NOTHING, .speaks = NODE,
	  .quirks = QUIRK_IKE, .how = LAST, .condition = TUNNEL_PHASE1_MISMATCH },
	{ .name = "index: phase 2 mismatch", .row = AUTH_NO_CHILD, .from = FROM_NOTHING,
	  .speaks = NODE, .quirks = QUIRK_ESP, .how = LAST, .condition = TUNNEL_PHASE2_MISMATCH },
	{ .name = "index: selectors", .row = AUTH_NO_CHILD, .from = FROM_NOTHING, .speaks = NODE,
	  .quirks = QUIRK_LINES, .how = LAST, .condition = TUNNEL_TS_MISMATCH },
	{ .name = "index: authentication", .row = AUTH_REFUSED, .from = FROM_NOTHING,
	  .speaks = NODE, .quirks = QUIRK_OUR_KEY, .how = LAST, .condition = TUNNEL_AUTH_FAILED },
	{ .name = "index: no answer to DPD", .row = WE_ASK, .later = QUIRK_MUTE,
	  .node_does = LIVENESS, .how = ANEW | LAST, .condition = TUNNEL_DPD_UNANSWERED,
	  .patience = 90 },
	{ .name = "index: no answer to a rekey", .row = WE_REKEY, .later = QUIRK_MUTE,
	  .node_does = REKEY_CHILD, .how = ANEW, .condition = TUNNEL_REKEY_UNREACHABLE,
	  .patience = 170 },
	{ .name = "index: a rekey's proposal", .row = REKEY_REFUSED, .later = QUIRK_ESP,
	  .node_does = REKEY_CHILD, .condition = TUNNEL_REKEY_MISMATCH },
	{ .name = "index: a rekey's selectors", .row = REKEY_REFUSED, .later = QUIRK_LINES,
	  .node_does = REKEY_CHILD, .how = ANEW, .condition = TUNNEL_REKEY_TS_MISMATCH },
	{ .name = "index: the crypto map is another one", .row = WE_ASK, .node_does = MODIFY,
	  .condition = TUNNEL_MAP_MODIFIED },
	{ .name = "index: only a switchover", .row = WE_ASK, .node_does = LIVENESS,
	  .condition = TUNNEL_HA_SWITCHOVER },
	{ .name = "index: clear crypto ikev2 sa", .row = WE_DELETE_IKE, .node_does = CLEAR,
	  .how = ANEW, .condition = TUNNEL_CLEAR_IKE },
	{ .name = "index: clear ipsec sa", .row = WE_DELETE, .node_does = CLEAR_CHILDREN,
	  .condition = TUNNEL_CLEAR_IPSEC },
	{ .name = "index: the IKE SA times out", .row = WE_REKEY_IKE, .later = QUIRK_IKE,
	  .how = ANEW | SHORT_LIFE, .condition = TUNNEL_SA_TIMEOUT, .patience = 20 },
	{ .name = NULL },
};
/* clang-format on */

void directed_scenario(struct sim *s)
{
	const struct directed *d = s->opt.directed;
	struct scenario *sc = &s->scenario;

	/* Nothing happens by itself. */
	sc->ike_lifetime_s = 3600;
	sc->child_lifetime_s = 1800;
	sc->trains = 0;
	sc->silent_peer = d->condition;
	sc->silent_last = d->how & LAST;
	if (d->how & SHORT_LIFE)
		sc->node_ike_lifetime_s = 12;
	sc->n_peers = sc->n_groups = 1;
	sc->preempt = sc->links = sc->fenced = false;
	sc->n_lines = d->from == FROM_FIRST_LINE ? 2 : 1;
	sc->n_nodes = d->how & THREE || s->opt.strike.kind == STRIKE_CUT || s->opt.seed % 2 ? 3 : 2;
	sc->counter_sync = sc->counter_sync || d->how & SYNC;
	sc->node_cookies = d->how & COOKIES;
	sc->node_groups = d->how & NODE_GROUPS;
	sc->peer_groups = d->how & PEER_GROUPS;
	s->net = (struct network){ .duplicate = 100, .delay_ns = DELAY_NS, .jitter_ns = MS_NS };
}

/* ---- who speaks ---- */

static bool is_last_line(const struct sim *s, const struct flow *f)
{
	return f->line + 1u == s->scenario.n_lines;
}

/* What the run sets up, not what stands before. */
static bool is_set_up(const struct sim *s, const struct flow *f)
{
	const unsigned int from = s->opt.directed->from;

	return from == FROM_NOTHING || (from == FROM_FIRST_LINE && is_last_line(s, f));
}

/* Packets of what is to be set up come from nobody else. */
static void speak(struct sim *s, unsigned int who)
{
	for (size_t i = 0; i < s->n_flows; i++) {
		struct flow *f = &s->flows[i];
		if (is_set_up(s, f))
			f->silent = !(who & (f->to_peer ? NODE : PEER));
	}
}

/* What stands before is set up from one end, that there is one of it. */
static void begin_from_one_end(struct sim *s)
{
	for (size_t i = 0; i < s->n_flows; i++)
		s->flows[i].silent = is_set_up(s, &s->flows[i]) ||
				     s->flows[i].to_peer ==
					     !(s->opt.seed & 2 || s->opt.directed->condition);
}

static void go_on_from_both(struct sim *s)
{
	for (size_t i = 0; i < s->n_flows; i++)
		if (!is_set_up(s, &s->flows[i]))
			s->flows[i].silent = false;
}

static bool ready(const struct sim *s, const struct member *owner)
{
	if (!owner || !owner->is_protected)
		return false;
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		if (!member_holds_state(&s->nodes[i].members[0]))
			return false;
	for (size_t i = 0; i < s->n_flows; i++)
		if (!s->flows[i].silent && !s->flows[i].delivered)
			return false;
	return true;
}

/* ---- what they do ---- */

struct pick {
	uint64_t ike_spi;
	uint32_t spi_in;
};

static void pick_sa(void *ctx, const struct ike_sa_state *sa)
{
	struct pick *p = ctx;

	if (sa->stage == IKE_SA_ESTABLISHED)
		p->ike_spi = ike_sa_state_spi(sa);
}

static void pick_child(void *ctx, const struct child_sa_state *child)
{
	struct pick *p = ctx;

	if (child->stage == CHILD_SA_ESTABLISHED || child->stage == CHILD_SA_INSTALLED)
		p->spi_in = child->spi_in;
}

static struct ike_input input_of(const struct ike_engine *e, enum act what)
{
	static const enum ike_input_kind kinds[] = {
		[REKEY_CHILD] = IKE_IN_REKEY_CHILD,
		[REKEY_IKE] = IKE_IN_REKEY_IKE,
		[CLEAR] = IKE_IN_CLEAR,
		[CLEAR_CHILDREN] = IKE_IN_CLEAR_CHILDREN,
		[LIVENESS] = IKE_IN_LIVENESS,
		[INITIATE] = IKE_IN_INITIATE,
	};
	struct pick p = { 0 };

	ike_each_sa(e, pick_sa, &p);
	ike_each_child(e, 0, pick_child, &p);
	const bool clears = what == CLEAR || what == CLEAR_CHILDREN;
	return (struct ike_input){ .kind = kinds[what],
				   .connection = "",
				   .ike_spi = clears ? 0 : p.ike_spi,
				   .spi_in = p.spi_in };
}

static void last_line(void *ctx, const struct tunnel_entry *t)
{
	*(uint32_t *)ctx = t->map->tunnels[t->map->n_tunnels - 1];
}

static void start_again(struct sim *s, struct event *ev)
{
	(void)s;
	node_start(ev->ctx);
}

/* Lines that nobody uses, at all nodes: it is no other map for the SAs, but another one. */
static void modify(struct sim *s)
{
	for (unsigned int i = 0; i < s->scenario.n_nodes; i++)
		node_configure(&s->nodes[i], s->scenario.child_lifetime_s + 1);
}

static void node_acts(struct member *m, enum act what)
{
	struct node *nd = m->node;

	if (what == NOTHING)
		return;
	if (what == MODIFY) {
		modify(nd->s);
		what = LIVENESS;
	}
	if (what == DIE_UNPROTECTED) {
		/* With nothing to say it would wait for nobody, and stay protected (R6). */
		faults_suspect(nd->s);
		what = LIVENESS;
	}
	if (what == DIE) {
		node_kill(nd);
		sim_at(nd->s, nd->s->now_ns + 5 * SECOND, start_again, nd);
		return;
	}
	struct ike_input in = input_of(hf_core_engine(m->core), what);
	if (what == INITIATE)
		ike_each_map(hf_core_engine(m->core), last_line, &in.tunnel);
	node_engine(m, &in);
}

static void peer_acts(struct peer *p, enum act what)
{
	if (what == NOTHING)
		return;
	if (what == FAIL_OVER) {
		peer_fail_over(p);
		return;
	}
	struct ike_input in = input_of(p->engine, what);
	if (what == INITIATE)
		ike_each_map(p->engine, last_line, &in.tunnel);
	peer_input(p, &in);
}

/* ---- the run ---- */

static bool ends_sas(const struct directed *d)
{
	return d->how & ANEW || d->quirks || d->from == FROM_NOTHING;
}

static bool happened(const struct sim *s)
{
	return s->matrix.hits[s->opt.strike.row][s->opt.strike.side][s->opt.strike.kind];
}

bool directed_done(const struct directed *d, uint32_t index_seen)
{
	/* HA switchover: what was moved before is not moved again, by nothing. */
	if (d->condition == TUNNEL_HA_SWITCHOVER)
		return index_seen == 1u << TUNNEL_PEER_UNREACHABLE;
	/* A new owner asks whether the peer lives before it rekeys. */
	if (d->condition == TUNNEL_REKEY_UNREACHABLE && index_seen & 1u << TUNNEL_DPD_UNANSWERED)
		return true;
	return !d->condition || index_seen & 1u << d->condition;
}

static void drive(struct sim *s, struct event *ev)
{
	const struct directed *d = s->opt.directed;
	struct member *owner = member_owner(s, 0, NULL);

	(void)ev;
	if (s->mended || (happened(s) && directed_done(d, s->laws.index_seen)))
		return;
	if (ends_sas(d))
		laws_unsettle(s, 0);
	if (!s->strike.armed && !happened(s))
		s->strike = s->opt.strike;
	speak(s, d->speaks);
	if (owner)
		node_acts(owner, d->node_does);
	peer_acts(&s->peers[0], d->peer_does);
	if (d->node_does != DIE && d->node_does != DIE_UNPROTECTED)
		sim_at(s, s->now_ns + AGAIN_NS, drive, NULL);
}

static void mend(struct sim *s, struct event *ev)
{
	(void)ev;
	s->mended = true;
	if (ends_sas(s->opt.directed))
		laws_unsettle(s, 0);
	if (s->peers[0].quirks && !(s->opt.directed->how & FOR_GOOD))
		peer_change(&s->peers[0], 0);
	speak(s, NODE | PEER);
}

static void wait_until_ready(struct sim *s, struct event *ev)
{
	const struct directed *d = s->opt.directed;

	(void)ev;
	const bool was_ready = ready(s, member_owner(s, 0, NULL));
	if (was_ready)
		go_on_from_both(s);
	if ((!was_ready || !ready(s, member_owner(s, 0, NULL))) &&
	    s->now_ns < START_NS + GIVEUP_NS) {
		sim_at(s, s->now_ns + 20 * MS_NS, wait_until_ready, NULL);
		return;
	}
	if (d->later)
		peer_change(&s->peers[0], d->later);
	sim_at(s, s->now_ns + SETTLE_NS, drive, NULL);
	const uint64_t longer = d->patience ? d->patience * SECOND : d->condition ? PATIENCE_NS : 0;
	sim_at(s, s->now_ns + longer + MEND_NS, mend, NULL);
	sim_at(s, s->now_ns + longer + CALM_NS, faults_calm, NULL);
	s->scenario.end_ns = s->now_ns + longer + CALM_NS + END_NS;
}

void directed_plan(struct sim *s)
{
	begin_from_one_end(s);
	if (s->opt.directed->quirks)
		peer_change(&s->peers[0], s->opt.directed->quirks);
	s->scenario.end_ns = UINT64_MAX / 2;
	sim_at(s, START_NS + READY_NS, wait_until_ready, NULL);
}
