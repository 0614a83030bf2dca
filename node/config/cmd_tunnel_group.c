/* SPDX-License-Identifier: Apache-2.0 */
/* tunnel-group: who a peer is and the keys that prove it. */
#include "node/config/build.h"

static struct config_tunnel_group *current(struct build *b)
{
	return &b->cfg->tunnel_groups[b->item];
}

/* b->item becomes that of the group, which is made when it does not exist. false: out of memory. */
static bool group_get(struct build *b, const struct match *m)
{
	struct config *cfg = b->cfg;
	const char *name = match_text(m, 0);
	b->item = build_find(b, BUILD_TUNNEL_GROUP, name);
	if (b->item != BUILD_NONE)
		return true;
	b->item = cfg->n_tunnel_groups;
	struct config_tunnel_group *g = BUILD_GROW(b, cfg->tunnel_groups, cfg->n_tunnel_groups);
	if (!g)
		return false;
	*g = (struct config_tunnel_group){
		.name = build_string(b, name),
		.is_default = strcmp(name, CONFIG_DEFAULT_L2L) == 0,
		.keepalive = true,
		.keepalive_threshold_s = CONFIG_KEEPALIVE_THRESHOLD_S,
		.keepalive_retry_s = CONFIG_KEEPALIVE_RETRY_S,
		.where = build_where(b, m),
	};
	/* The ASA has this one from the start: its type is not configured. */
	g->is_l2l = g->is_default;
	if (inet_parse(name, &g->address) != R_OK && b->grammar.resolve &&
	    !b->grammar.resolve(b->grammar.resolve_ctx, name, &g->address))
		g->address = (struct inet_addr){ 0 };
	return true;
}

static void group_remove(struct build *b, const char *name)
{
	struct config *cfg = b->cfg;
	size_t i = build_find(b, BUILD_TUNNEL_GROUP, name);
	if (i == BUILD_NONE)
		return;
	secret_wipe(&cfg->tunnel_groups[i].local_key);
	secret_wipe(&cfg->tunnel_groups[i].remote_key);
	BUILD_REMOVE(cfg->tunnel_groups, cfg->n_tunnel_groups, i);
	build_moved(b, BUILD_TUNNEL_GROUP);
}

static void apply_type(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	if (m->no)
		group_remove(b, match_text(m, 0));
	else if (group_get(b, m))
		current(b)->is_l2l = true;
}

static void apply_remove(void *ctx, const struct match *m)
{
	group_remove(ctx, match_text(m, 0));
}

static void write_type(struct running *r, const struct grammar_row *row)
{
	const struct config_tunnel_group *g = r->item;
	if (g->is_l2l && !g->is_default)
		EMIT(r, row, g->name, "ipsec-l2l");
}

static void apply_attributes(void *ctx, const struct match *m)
{
	if (!m->no)
		(void)group_get(ctx, m);
}

static void write_attributes(struct running *r, const struct grammar_row *row)
{
	EMIT(r, row, ((const struct config_tunnel_group *)r->item)->name);
}

enum { KEY_SIDE, KEY_VALUE };

static void set_key(struct build *b, const struct match *m, bool hex)
{
	struct config_tunnel_group *g = current(b);
	bool local = match_arg(m, KEY_SIDE)->choice == 0;
	struct secret *key = local ? &g->local_key : &g->remote_key;
	*(local ? &g->local_key_hex : &g->remote_key_hex) = hex;
	secret_wipe(key);
	if (m->no || !build_secret(b, key, match_arg(m, KEY_VALUE), hex))
		return;
	g->keys_masked = true;
	build_warning(
		b, build_arg_where(b, match_arg(m, KEY_VALUE)),
		"the pre-shared key of tunnel-group %s is masked: expected the key itself, not *****",
		g->name);
}

static void apply_key(void *ctx, const struct match *m)
{
	set_key(ctx, m, false);
}

static void apply_key_hex(void *ctx, const struct match *m)
{
	set_key(ctx, m, true);
}

static void apply_key_encrypted(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	if (m->no)
		return;
	current(b)->keys_masked = true;
	build_warning(
		b, build_where(b, m),
		"the pre-shared key of tunnel-group %s is encrypted (8): expected it in clear or in hex",
		current(b)->name);
}

static void write_keys(struct running *r, const struct grammar_row *row, bool hex)
{
	const struct config_tunnel_group *g = r->item;
	if (g->remote_key.len && g->remote_key_hex == hex)
		running_emit_secret(r, row, "remote-authentication", &g->remote_key, hex);
	if (g->local_key.len && g->local_key_hex == hex)
		running_emit_secret(r, row, "local-authentication", &g->local_key, hex);
}

static void write_key(struct running *r, const struct grammar_row *row)
{
	write_keys(r, row, false);
}

static void write_key_hex(struct running *r, const struct grammar_row *row)
{
	write_keys(r, row, true);
}

static void apply_keepalive(void *ctx, const struct match *m)
{
	struct config_tunnel_group *g = current(ctx);
	const struct arg *retry = match_arg(m, 1);
	g->keepalive = true;
	g->keepalive_threshold_s = m->no ? CONFIG_KEEPALIVE_THRESHOLD_S
					 : (uint32_t)match_arg(m, 0)->number;
	g->keepalive_retry_s = m->no || !retry ? CONFIG_KEEPALIVE_RETRY_S : (uint32_t)retry->number;
}

static void write_keepalive(struct running *r, const struct grammar_row *row)
{
	const struct config_tunnel_group *g = r->item;
	char threshold[NUMBER_TEXT_MAX], retry[NUMBER_TEXT_MAX];
	if (g->keepalive && g->keepalive_threshold_s &&
	    (g->keepalive_threshold_s != CONFIG_KEEPALIVE_THRESHOLD_S ||
	     g->keepalive_retry_s != CONFIG_KEEPALIVE_RETRY_S))
		EMIT(r, row, number_text(g->keepalive_threshold_s, threshold),
		     number_text(g->keepalive_retry_s, retry));
}

static void apply_keepalive_infinite(void *ctx, const struct match *m)
{
	struct config_tunnel_group *g = current(ctx);
	g->keepalive = true;
	g->keepalive_threshold_s = m->no ? CONFIG_KEEPALIVE_THRESHOLD_S : 0;
}

static void write_keepalive_infinite(struct running *r, const struct grammar_row *row)
{
	const struct config_tunnel_group *g = r->item;
	if (g->keepalive && g->keepalive_threshold_s == 0)
		EMIT(r, row, "infinite");
}

static void apply_keepalive_disable(void *ctx, const struct match *m)
{
	current(ctx)->keepalive = m->no;
}

static void write_keepalive_disable(struct running *r, const struct grammar_row *row)
{
	if (!((const struct config_tunnel_group *)r->item)->keepalive)
		EMIT(r, row, "disable");
}

static const char *const validate_words[] = { "req", "cert", "nocheck" };

static void apply_validate(void *ctx, const struct match *m)
{
	current(ctx)->peer_id_validate =
		m->no ? PEER_ID_REQUIRED : (enum config_peer_id_validate)match_arg(m, 0)->choice;
}

static void write_validate(struct running *r, const struct grammar_row *row)
{
	const struct config_tunnel_group *g = r->item;
	if (g->peer_id_validate != PEER_ID_REQUIRED)
		EMIT(r, row, validate_words[g->peer_id_validate]);
}

#define IKEV2_KEY "ikev2 {local-authentication|remote-authentication} pre-shared-key "

const struct grammar_row rows_tunnel_group[] = {
	{ MODE_GLOBAL, "tunnel-group NAME type {ipsec-l2l}",
	  "A peer gateway, by its address or its identity", apply_type, write_type, 0, 0 },
	{ MODE_GLOBAL, "tunnel-group NAME", "The whole group", apply_remove, NULL, ROW_NO_ONLY, 0 },
	{ MODE_GLOBAL, "tunnel-group NAME ipsec-attributes", "Keys and liveness of a peer",
	  apply_attributes, write_attributes, 0, MODE_TUNNEL_GROUP },
	{ MODE_TUNNEL_GROUP, "peer-id-validate {req|cert|nocheck}",
	  "Whether the identity of the peer must match", apply_validate, write_validate, 0, 0 },
	{ MODE_TUNNEL_GROUP, "isakmp keepalive threshold <10-3600> [retry <2-10>]",
	  "Idle seconds before a liveness check, and between its repetitions", apply_keepalive,
	  write_keepalive, 0, 0 },
	{ MODE_TUNNEL_GROUP, "isakmp keepalive threshold {infinite}", "Only answer liveness checks",
	  apply_keepalive_infinite, write_keepalive_infinite, 0, 0 },
	{ MODE_TUNNEL_GROUP, "isakmp keepalive {disable}", "No liveness checks",
	  apply_keepalive_disable, write_keepalive_disable, 0, 0 },
	{ MODE_TUNNEL_GROUP, IKEV2_KEY "hex HEX", "Key in hexadecimal digits", apply_key_hex,
	  write_key_hex, 0, 0 },
	{ MODE_TUNNEL_GROUP, IKEV2_KEY "8 SECRET", "An encrypted key", apply_key_encrypted, NULL, 0,
	  0 },
	{ MODE_TUNNEL_GROUP, IKEV2_KEY "0 SECRET", "Key in clear", apply_key, NULL, 0, 0 },
	{ MODE_TUNNEL_GROUP, IKEV2_KEY "SECRET", "Key in clear", apply_key, write_key, 0, 0 },
	{ MODE_TUNNEL_GROUP,
	  "ikev2 {local-authentication|remote-authentication} {certificate|eap} [LINE]",
	  "Certificates", apply_keep, NULL, 0, 0 },
	{ MODE_TUNNEL_GROUP, "{ikev1|pre-shared-key|trust-point|chain} [LINE]", "IKEv1", apply_keep,
	  NULL, 0, 0 },
	{ MODE_TUNNEL_GROUP, "isakmp ikev1-user-authentication LINE", "IKEv1", apply_keep, NULL, 0,
	  0 },
	{ 0 },
};
