/* SPDX-License-Identifier: Apache-2.0 */
/* crypto map: one entry per map and sequence number; its lines come in any order. */
#include <stdio.h>

#include "base/iana.h"
#include "node/config/algorithms.h"

/* Every line of an entry begins with these two. */
enum { MAP_NAME, MAP_SEQ, MAP_FIRST };

/* The entry that the line is about. NULL when there is none to take something from,
 * or out of memory. */
static struct config_map_entry *entry_get(struct build *b, const struct match *m)
{
	struct config *cfg = b->cfg;
	uint32_t seq = (uint32_t)match_arg(m, MAP_SEQ)->number;
	size_t i = build_find_entry(b, match_text(m, MAP_NAME), seq);
	if (i != BUILD_NONE)
		return &cfg->map_entries[i];
	if (m->no)
		return NULL;
	struct config_map_entry *e = BUILD_GROW(b, cfg->map_entries, cfg->n_map_entries);
	if (e)
		*e = (struct config_map_entry){
			.map = build_string(b, match_text(m, MAP_NAME)),
			.seq = seq,
			.where = build_where(b, m),
		};
	return e;
}

static const char *seq_text(const struct config_map_entry *e, char out[NUMBER_TEXT_MAX])
{
	return number_text(e->seq, out);
}

static void apply_match_address(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_map_entry *e = entry_get(b, m);
	if (!e)
		return;
	e->acl_name = m->no ? NULL : build_string(b, match_text(m, MAP_FIRST));
	e->acl_where = build_where(b, m);
}

static void write_match_address(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX];
	if (e->acl_name)
		EMIT(r, row, e->map, seq_text(e, seq), e->acl_name);
}

static void add_peer(struct build *b, struct config_map_entry *e, const struct arg *a)
{
	for (uint8_t i = 0; i < e->n_peers; i++)
		if (inet_equal(&e->peers[i].address, &a->address))
			return;
	if (e->n_peers == CONFIG_MAP_PEERS_MAX)
		build_error(b, build_arg_where(b, a),
			    "'%s' is not valid here: expected at most %d peers", a->text,
			    CONFIG_MAP_PEERS_MAX);
	else
		e->peers[e->n_peers++] = (struct config_map_peer){
			.address = a->address,
			.name = build_string(b, a->text),
		};
}

static void remove_peer(struct config_map_entry *e, const struct inet_addr *address)
{
	for (uint8_t i = 0; i < e->n_peers; i++)
		if (inet_equal(&e->peers[i].address, address)) {
			e->n_peers--;
			memmove(&e->peers[i], &e->peers[i + 1],
				(size_t)(e->n_peers - i) * sizeof(e->peers[0]));
			return;
		}
}

/* As on the ASA, several lines add up. */
static void apply_peer(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_map_entry *e = entry_get(b, m);
	if (!e)
		return;
	e->peers_where = build_where(b, m);
	if (m->no && !match_arg(m, MAP_FIRST))
		e->n_peers = 0;
	for (size_t i = 0; i < m->n_args; i++) {
		if (m->args[i].slot != MAP_FIRST)
			continue;
		if (m->no)
			remove_peer(e, &m->args[i].address);
		else
			add_peer(b, e, &m->args[i]);
	}
}

#define LIST_TEXT_MAX (CONFIG_MAP_PROPOSALS_MAX * (GRAMMAR_NAME_MAX + 1) + 1)

static const char *join(const char *const *words, size_t stride, size_t n, char out[LIST_TEXT_MAX])
{
	out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(out);
		const char *word = *(const char *const *)((const char *)words + i * stride);
		snprintf(out + len, LIST_TEXT_MAX - len, "%s%s", i ? " " : "", word);
	}
	return out;
}

static void write_peer(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX], list[LIST_TEXT_MAX];
	if (e->n_peers)
		EMIT(r, row, e->map, seq_text(e, seq),
		     join(&e->peers[0].name, sizeof(e->peers[0]), e->n_peers, list));
}

static void apply_proposals(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_map_entry *e = entry_get(b, m);
	if (!e)
		return;
	e->n_proposals = 0;
	e->proposals_where = build_where(b, m);
	for (size_t i = 0; !m->no && i < m->n_args; i++) {
		const struct arg *a = &m->args[i];
		if (a->slot != MAP_FIRST)
			continue;
		if (e->n_proposals == CONFIG_MAP_PROPOSALS_MAX) {
			build_error(b, build_arg_where(b, a),
				    "'%s' is not valid here: expected at most %d proposals",
				    a->text, CONFIG_MAP_PROPOSALS_MAX);
			return;
		}
		e->proposal_names[e->n_proposals++] = build_string(b, a->text);
	}
}

static void write_proposals(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX], list[LIST_TEXT_MAX];
	if (e->n_proposals)
		EMIT(r, row, e->map, seq_text(e, seq),
		     join(e->proposal_names, sizeof(e->proposal_names[0]), e->n_proposals, list));
}

/* The groups of a policy, with "group" in front of the number. */
static uint16_t pfs_group(struct build *b, const struct arg *a)
{
	struct arg number = *a;
	number.keyword = bytes(a->keyword.p + strlen("group"), a->keyword.len - strlen("group"));
	return algorithm_take(b, words_group, &number)->id;
}

/* A bare "set pfs" stands for the default, which a running-config of an ASA hides. */
static void apply_pfs(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_map_entry *e = entry_get(b, m);
	const struct arg *group = match_arg(m, MAP_FIRST);
	if (e)
		e->pfs_group = m->no ? DH_NONE : group ? pfs_group(b, group) : DH_MODP_2048;
}

static void write_pfs(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX], group[NUMBER_TEXT_MAX];
	if (e->pfs_group == DH_NONE)
		return;
	snprintf(group, sizeof(group), "group%u", e->pfs_group);
	EMIT(r, row, e->map, seq_text(e, seq), group);
}

static void set_seconds(struct config_map_entry *e, const struct match *m, const struct arg *a)
{
	e->own_lifetime_s = !m->no;
	e->lifetime_s = a ? (uint32_t)a->number : 0;
}

static void set_kilobytes(struct config_map_entry *e, const struct match *m, const struct arg *a)
{
	e->own_lifetime_kb = !m->no;
	e->lifetime_kb = a ? (uint32_t)a->number : 0;
}

static void apply_lifetime_seconds(void *ctx, const struct match *m)
{
	struct config_map_entry *e = entry_get(ctx, m);
	if (!e)
		return;
	set_seconds(e, m, match_arg(m, MAP_FIRST));
	if (match_arg(m, MAP_FIRST + 1))
		set_kilobytes(e, m, match_arg(m, MAP_FIRST + 1));
}

static void write_lifetime_seconds(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX], n[NUMBER_TEXT_MAX];
	if (e->own_lifetime_s)
		EMIT(r, row, e->map, seq_text(e, seq), number_text(e->lifetime_s, n), NULL);
}

static void apply_lifetime_kilobytes(void *ctx, const struct match *m)
{
	struct config_map_entry *e = entry_get(ctx, m);
	if (!e)
		return;
	set_kilobytes(e, m, match_arg(m, MAP_FIRST));
	if (match_arg(m, MAP_FIRST + 1))
		set_seconds(e, m, match_arg(m, MAP_FIRST + 1));
}

static void write_lifetime_kilobytes(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX], n[NUMBER_TEXT_MAX];
	if (e->own_lifetime_kb)
		EMIT(r, row, e->map, seq_text(e, seq),
		     e->lifetime_kb ? number_text(e->lifetime_kb, n) : "unlimited", NULL);
}

static void apply_connection_type(void *ctx, const struct match *m)
{
	static const enum config_connection_type choices[] = {
		CONNECTION_BIDIRECTIONAL,
		CONNECTION_ANSWER_ONLY,
		CONNECTION_ORIGINATE_ONLY,
	};
	struct config_map_entry *e = entry_get(ctx, m);
	if (e)
		e->connection_type = m->no ? CONNECTION_BIDIRECTIONAL
					   : choices[match_arg(m, MAP_FIRST)->choice];
}

static void write_connection_type(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX];
	if (e->connection_type != CONNECTION_BIDIRECTIONAL)
		EMIT(r, row, e->map, seq_text(e, seq),
		     e->connection_type == CONNECTION_ANSWER_ONLY ? "answer-only"
								  : "originate-only");
}

static void apply_nat_t_disable(void *ctx, const struct match *m)
{
	struct config_map_entry *e = entry_get(ctx, m);
	if (e)
		e->nat_t_disable = !m->no;
}

static void write_nat_t_disable(struct running *r, const struct grammar_row *row)
{
	const struct config_map_entry *e = r->item;
	char seq[NUMBER_TEXT_MAX];
	if (e->nat_t_disable)
		EMIT(r, row, e->map, seq_text(e, seq));
}

/* The line is kept for IKEv1's day; that there is one decides what is tried on each peer. */
static void apply_ikev1(void *ctx, const struct match *m)
{
	struct config_map_entry *e = entry_get(ctx, m);
	if (e)
		e->ikev1 = !m->no;
	apply_keep(ctx, m);
}

static void apply_remove(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_map_entry *e = entry_get(b, m);
	if (!e)
		return;
	BUILD_REMOVE(b->cfg->map_entries, b->cfg->n_map_entries, (size_t)(e - b->cfg->map_entries));
	build_moved(b, BUILD_MAP_ENTRY);
}

#define MAP "crypto map NAME <1-65535> "

const struct grammar_row rows_crypto_map[] = {
	{ MODE_GLOBAL, MAP "match address NAME", "Access-list of the traffic that is protected",
	  apply_match_address, write_match_address, 0, 0 },
	{ MODE_GLOBAL, MAP "set pfs [" WORDS_PFS_GROUP "]", "A key exchange for every CHILD SA",
	  apply_pfs, write_pfs, 0, 0 },
	{ MODE_GLOBAL, MAP "set connection-type {bidirectional|answer-only|originate-only}",
	  "Who may initiate", apply_connection_type, write_connection_type, 0, 0 },
	{ MODE_GLOBAL, MAP "set peer ADDRESS+", "The other gateway; up to ten, tried in order",
	  apply_peer, write_peer, 0, 0 },
	{ MODE_GLOBAL, MAP "set ikev2 ipsec-proposal NAME+", "Proposals for CHILD SAs",
	  apply_proposals, write_proposals, 0, 0 },
	{ MODE_GLOBAL,
	  MAP "set security-association lifetime seconds <120-2147483647> [kilobytes KILOBYTES]",
	  "Seconds until a CHILD SA is rekeyed", apply_lifetime_seconds, write_lifetime_seconds, 0,
	  0 },
	{ MODE_GLOBAL,
	  MAP "set security-association lifetime kilobytes KILOBYTES [seconds <120-2147483647>]",
	  "Kilobytes until a CHILD SA is rekeyed", apply_lifetime_kilobytes,
	  write_lifetime_kilobytes, 0, 0 },
	{ MODE_GLOBAL, MAP "set nat-t-disable", "Never use UDP encapsulation", apply_nat_t_disable,
	  write_nat_t_disable, 0, 0 },
	{ MODE_GLOBAL, "crypto map NAME <1-65535>", "The whole entry", apply_remove, NULL,
	  ROW_NO_ONLY, 0 },
	{ MODE_GLOBAL, MAP "set ikev1 transform-set LINE", "IKEv1", apply_ikev1, NULL, 0, 0 },
	{ MODE_GLOBAL, MAP "set transform-set LINE", "IKEv1", apply_ikev1, NULL, 0, 0 },
	{ MODE_GLOBAL, MAP "set {ikev1|phase1-mode} LINE", "IKEv1", apply_keep, NULL, 0, 0 },
	{ MODE_GLOBAL,
	  MAP "set {trustpoint|df-bit|reverse-route|tfc-packets|validate-icmp-errors} [LINE]",
	  "A feature of later versions", apply_keep, NULL, 0, 0 },
	{ MODE_GLOBAL, MAP "set ikev2 mode {tunnel|transport|transport-require}",
	  "Encapsulation mode", apply_keep, NULL, 0, 0 },
	{ MODE_GLOBAL, MAP "set ikev2 pre-shared-key SECRET", "A key of the entry", apply_keep,
	  NULL, 0, 0 },
	{ MODE_GLOBAL, MAP "ipsec-isakmp dynamic NAME", "A dynamic crypto map", apply_keep, NULL, 0,
	  0 },
	{ 0 },
};

static void apply_binding(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	const char *map = match_text(m, 0), *nameif = match_text(m, 1);
	size_t i = 0;
	/* An interface carries one map: a new one takes the place of the old. */
	while (i < cfg->n_map_bindings &&
	       !(nameif ? strcmp(cfg->map_bindings[i].nameif, nameif) == 0
			: strcmp(cfg->map_bindings[i].map, map) == 0))
		i++;
	if (m->no) {
		if (i < cfg->n_map_bindings)
			BUILD_REMOVE(cfg->map_bindings, cfg->n_map_bindings, i);
		return;
	}
	struct config_map_binding *slot = i < cfg->n_map_bindings ? &cfg->map_bindings[i]
								  : BUILD_GROW(b, cfg->map_bindings,
									       cfg->n_map_bindings);
	if (slot)
		*slot = (struct config_map_binding){
			.map = build_string(b, map),
			.nameif = build_string(b, nameif),
			.where = build_arg_where(b, match_arg(m, 1)),
		};
}

static void write_binding(struct running *r, const struct grammar_row *row)
{
	const struct config_map_binding *x = r->item;
	EMIT(r, row, x->map, x->nameif);
}

const struct grammar_row rows_map_binding[] = {
	{ MODE_GLOBAL, "crypto map NAME interface NAME", "Apply a crypto map to an interface",
	  apply_binding, write_binding, 0, 0 },
	{ 0 },
};
