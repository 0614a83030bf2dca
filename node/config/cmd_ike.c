/* SPDX-License-Identifier: Apache-2.0 */
/* crypto ikev2 and crypto isakmp: policies and the behaviour of the engine as a whole. */
#include "node/config/algorithms.h"

static struct config_ike_policy *current(struct build *b)
{
	return &b->cfg->ike_policies[b->item];
}

static void apply_policy(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	uint32_t priority = (uint32_t)match_arg(m, 0)->number;
	for (b->item = 0; b->item < cfg->n_ike_policies; b->item++)
		if (cfg->ike_policies[b->item].priority == priority)
			break;
	if (m->no) {
		if (b->item < cfg->n_ike_policies)
			BUILD_REMOVE(cfg->ike_policies, cfg->n_ike_policies, b->item);
		return;
	}
	if (b->item < cfg->n_ike_policies)
		return;
	struct config_ike_policy *p = BUILD_GROW(b, cfg->ike_policies, cfg->n_ike_policies);
	if (p)
		*p = (struct config_ike_policy){
			.priority = priority,
			.lifetime_s = CONFIG_IKE_LIFETIME_S,
			.where = build_where(b, m),
		};
}

static void write_policy(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	EMIT(r, row, number_text(((const struct config_ike_policy *)r->item)->priority, n));
}

static void apply_encryption(void *ctx, const struct match *m)
{
	encr_list_apply(ctx, m, current(ctx)->encr, &current(ctx)->n_encr);
}

static void write_encryption(struct running *r, const struct grammar_row *row)
{
	const struct config_ike_policy *p = r->item;
	char list[ALGORITHM_LIST_TEXT_MAX];
	EMIT(r, row, encr_list_text(p->encr, p->n_encr, list));
}

static void apply_integrity(void *ctx, const struct match *m)
{
	id_list_apply(ctx, m, words_integrity, current(ctx)->integ, &current(ctx)->n_integ);
}

static void write_integrity(struct running *r, const struct grammar_row *row)
{
	const struct config_ike_policy *p = r->item;
	char list[ALGORITHM_LIST_TEXT_MAX];
	EMIT(r, row, id_list_text(words_integrity, p->integ, p->n_integ, list));
}

static void apply_group(void *ctx, const struct match *m)
{
	id_list_apply(ctx, m, words_group, current(ctx)->group, &current(ctx)->n_group);
}

static void write_group(struct running *r, const struct grammar_row *row)
{
	const struct config_ike_policy *p = r->item;
	char list[ALGORITHM_LIST_TEXT_MAX];
	EMIT(r, row, id_list_text(words_group, p->group, p->n_group, list));
}

static void apply_prf(void *ctx, const struct match *m)
{
	id_list_apply(ctx, m, words_prf, current(ctx)->prf, &current(ctx)->n_prf);
}

static void write_prf(struct running *r, const struct grammar_row *row)
{
	const struct config_ike_policy *p = r->item;
	char list[ALGORITHM_LIST_TEXT_MAX];
	EMIT(r, row, id_list_text(words_prf, p->prf, p->n_prf, list));
}

static void apply_lifetime(void *ctx, const struct match *m)
{
	current(ctx)->lifetime_s = m->no ? CONFIG_IKE_LIFETIME_S
					 : (uint32_t)match_arg(m, 0)->number;
}

static void write_lifetime(struct running *r, const struct grammar_row *row)
{
	const struct config_ike_policy *p = r->item;
	char n[NUMBER_TEXT_MAX];
	if (p->lifetime_s)
		EMIT(r, row, number_text(p->lifetime_s, n));
}

static void apply_no_lifetime(void *ctx, const struct match *m)
{
	current(ctx)->lifetime_s = m->no ? CONFIG_IKE_LIFETIME_S : 0;
}

static void write_no_lifetime(struct running *r, const struct grammar_row *row)
{
	if (((const struct config_ike_policy *)r->item)->lifetime_s == 0)
		EMIT(r, row, "none");
}

const struct grammar_row rows_ike_policy[] = {
	{ MODE_GLOBAL, "crypto ikev2 policy <1-65535>",
	  "Algorithms of IKE SAs; the lowest number is tried first", apply_policy, write_policy, 0,
	  MODE_IKE_POLICY },
	{ MODE_IKE_POLICY, "encryption " WORDS_ENCRYPTION "+", "Ciphers", apply_encryption,
	  write_encryption, 0, 0 },
	{ MODE_IKE_POLICY, "integrity " WORDS_INTEGRITY "+", "Integrity algorithms",
	  apply_integrity, write_integrity, 0, 0 },
	{ MODE_IKE_POLICY, "group " WORDS_GROUP "+", "Key exchange groups", apply_group,
	  write_group, 0, 0 },
	{ MODE_IKE_POLICY, "prf " WORDS_PRF "+", "Pseudo-random functions", apply_prf, write_prf, 0,
	  0 },
	{ MODE_IKE_POLICY, "lifetime seconds <10-2147483647>",
	  "Seconds until the IKE SA is rekeyed", apply_lifetime, write_lifetime, 0, 0 },
	{ MODE_IKE_POLICY, "lifetime seconds {none}", "Never rekey by time", apply_no_lifetime,
	  write_no_lifetime, 0, 0 },
	{ 0 },
};

static void apply_enable(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	const char *nameif = match_text(m, 0);
	size_t i = 0;
	while (nameif && i < cfg->n_ikev2_interfaces &&
	       strcmp(cfg->ikev2_interfaces[i].nameif, nameif) != 0)
		i++;
	if (m->no && nameif && i < cfg->n_ikev2_interfaces)
		BUILD_REMOVE(cfg->ikev2_interfaces, cfg->n_ikev2_interfaces, i);
	if (m->no || i < cfg->n_ikev2_interfaces)
		return;
	struct config_ikev2_enable *e = BUILD_GROW(b, cfg->ikev2_interfaces,
						   cfg->n_ikev2_interfaces);
	if (e)
		*e = (struct config_ikev2_enable){
			.nameif = build_string(b, nameif),
			.where = build_arg_where(b, match_arg(m, 0)),
		};
}

static void write_enable(struct running *r, const struct grammar_row *row)
{
	for (size_t i = 0; i < r->cfg->n_ikev2_interfaces; i++)
		EMIT(r, row, r->cfg->ikev2_interfaces[i].nameif, NULL);
}

static void apply_cookie(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->cookie_percent = m->no ? CONFIG_COOKIE_DEFAULT : (int)match_arg(m, 0)->number;
}

static void write_cookie(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->cookie_percent > CONFIG_COOKIE_ALWAYS &&
	    r->cfg->cookie_percent != CONFIG_COOKIE_DEFAULT)
		EMIT(r, row, number_text((uint64_t)r->cfg->cookie_percent, n));
}

static void apply_cookie_fixed(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->cookie_percent = m->no                          ? CONFIG_COOKIE_DEFAULT
				 : match_arg(m, 0)->choice == 0 ? CONFIG_COOKIE_ALWAYS
								: CONFIG_COOKIE_NEVER;
}

static void write_cookie_fixed(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->cookie_percent <= CONFIG_COOKIE_ALWAYS)
		EMIT(r, row, r->cfg->cookie_percent == CONFIG_COOKIE_ALWAYS ? "always" : "never");
}

static void apply_max_sa(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->max_sa = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
}

static void write_max_sa(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->max_sa)
		EMIT(r, row, number_text(r->cfg->max_sa, n));
}

static void apply_cluster_max_sa(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->cluster_max_sa = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
}

static void write_cluster_max_sa(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->cluster_max_sa)
		EMIT(r, row, number_text(r->cfg->cluster_max_sa, n));
}

static void apply_max_negotiating(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->max_negotiating_percent = m->no ? 100 : (uint32_t)match_arg(m, 0)->number;
}

static void write_max_negotiating(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->max_negotiating_percent != 100)
		EMIT(r, row, number_text(r->cfg->max_negotiating_percent, n));
}

static void apply_negotiating(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->max_negotiating = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
}

static void write_negotiating(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->max_negotiating)
		EMIT(r, row, number_text(r->cfg->max_negotiating, n));
}

static void apply_identity(void *ctx, const struct match *m)
{
	static const enum config_identity choices[] = { IDENTITY_AUTO, IDENTITY_ADDRESS,
							IDENTITY_HOSTNAME };
	struct build *b = ctx;
	b->cfg->identity = m->no ? IDENTITY_AUTO : choices[match_arg(m, 0)->choice];
}

static void write_identity(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->identity == IDENTITY_ADDRESS || r->cfg->identity == IDENTITY_HOSTNAME)
		EMIT(r, row, r->cfg->identity == IDENTITY_ADDRESS ? "address" : "hostname");
}

static void apply_key_id(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->identity = m->no ? IDENTITY_AUTO : IDENTITY_KEY_ID;
	b->cfg->key_id = m->no ? NULL : build_string(b, match_text(m, 0));
}

static void write_key_id(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->identity == IDENTITY_KEY_ID)
		EMIT(r, row, r->cfg->key_id);
}

static void apply_disconnect_notify(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->disconnect_notify = !m->no;
}

static void write_disconnect_notify(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->disconnect_notify)
		EMIT(r, row, NULL);
}

static void apply_nat_traversal(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	const struct arg *keepalive = match_arg(m, 0);
	b->cfg->nat_traversal = !m->no;
	b->cfg->nat_keepalive_s = keepalive ? (uint32_t)keepalive->number : CONFIG_NAT_KEEPALIVE_S;
}

/* On by default, so that only "no" and another interval are worth a line. */
static void write_nat_traversal(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (!r->cfg->nat_traversal)
		text_printf(r->out, "no crypto isakmp nat-traversal\n");
	else if (r->cfg->nat_keepalive_s != CONFIG_NAT_KEEPALIVE_S)
		EMIT(r, row, number_text(r->cfg->nat_keepalive_s, n));
}

static void take_retransmit(const struct match *m, uint32_t *number, uint32_t *ms)
{
	const struct arg *interval = match_arg(m, 1);
	if (m->no)
		return;
	*number = (uint32_t)match_arg(m, 0)->number;
	if (interval)
		*ms = (uint32_t)interval->number;
}

static void apply_init_retransmit(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->init_retransmissions = CONFIG_INIT_RETRANSMISSIONS;
	b->cfg->init_interval_ms = CONFIG_INIT_INTERVAL_MS;
	take_retransmit(m, &b->cfg->init_retransmissions, &b->cfg->init_interval_ms);
}

static void write_init_retransmit(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX], ms[NUMBER_TEXT_MAX];
	if (r->cfg->init_retransmissions != CONFIG_INIT_RETRANSMISSIONS ||
	    r->cfg->init_interval_ms != CONFIG_INIT_INTERVAL_MS)
		EMIT(r, row, number_text(r->cfg->init_retransmissions, n),
		     number_text(r->cfg->init_interval_ms, ms));
}

static void apply_retransmit(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	b->cfg->retransmissions = CONFIG_RETRANSMISSIONS;
	b->cfg->retransmit_ms = CONFIG_RETRANSMIT_MS;
	take_retransmit(m, &b->cfg->retransmissions, &b->cfg->retransmit_ms);
}

static void write_retransmit(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX], ms[NUMBER_TEXT_MAX];
	if (r->cfg->retransmissions != CONFIG_RETRANSMISSIONS ||
	    r->cfg->retransmit_ms != CONFIG_RETRANSMIT_MS)
		EMIT(r, row, number_text(r->cfg->retransmissions, n),
		     number_text(r->cfg->retransmit_ms, ms));
}

const struct grammar_row rows_ike[] = {
	{ MODE_GLOBAL, "crypto isakmp identity {auto|address|hostname}",
	  "How this node names itself to a peer", apply_identity, write_identity, 0, 0 },
	{ MODE_GLOBAL, "crypto isakmp identity key-id WORD", "Name itself by a string",
	  apply_key_id, write_key_id, 0, 0 },
	{ MODE_GLOBAL, "crypto isakmp disconnect-notify", "Tell peers when the last node stops",
	  apply_disconnect_notify, write_disconnect_notify, 0, 0 },
	{ MODE_GLOBAL, "crypto isakmp nat-traversal [<10-3600>]",
	  "UDP encapsulation behind NAT; keepalive in seconds", apply_nat_traversal,
	  write_nat_traversal, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 enable NAME [{client-services}] [port <1-65535>]",
	  "Answer and initiate IKEv2 on an interface", apply_enable, write_enable, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 cookie-challenge <0-100>",
	  "Ask for cookies above this share of half-open SAs, in per cent", apply_cookie,
	  write_cookie, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 cookie-challenge {always|never}",
	  "Ask every initiator for a cookie, or none", apply_cookie_fixed, write_cookie_fixed, 0,
	  0 },
	{ MODE_GLOBAL, "crypto ikev2 sa-init-retransmit <0-10> [interval <100-10000>]",
	  "IKE_SA_INIT: retransmissions before the final one, and the first interval in ms",
	  apply_init_retransmit, write_init_retransmit, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 retransmit <0-10> [interval <100-10000>]",
	  "Other requests: retransmissions before the final one, and the first interval in ms",
	  apply_retransmit, write_retransmit, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 limit max-sa <1-1000000>", "Most IKE SAs of this node",
	  apply_max_sa, write_max_sa, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 limit max-sa <1-1000000> cluster",
	  "Most IKE SAs of all members together", apply_cluster_max_sa, write_cluster_max_sa, 0,
	  0 },
	{ MODE_GLOBAL, "crypto call admission limit ike sa <1-1000000>",
	  "Most IKE SAs of this node", apply_max_sa, NULL, 0, 0 },
	{ MODE_GLOBAL, "crypto call admission limit ike sa <1-1000000> cluster",
	  "Most IKE SAs of all members together", apply_cluster_max_sa, NULL, 0, 0 },
	{ MODE_GLOBAL, "crypto call admission limit ike in-negotiation-sa <1-1000000>",
	  "Most half-open SAs of this node", apply_negotiating, write_negotiating, 0, 0 },
	{ MODE_GLOBAL, "crypto ikev2 limit max-in-negotiation-sa <1-100>",
	  "Most half-open SAs, in per cent of max-sa", apply_max_negotiating, write_max_negotiating,
	  0, 0 },
	{ 0 },
};
