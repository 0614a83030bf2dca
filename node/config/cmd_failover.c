/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failover: the units, and what they own. The cluster's transport is Corosync,
 * so the ASA's lines about links and polling are kept and have no meaning here.
 * The ASA's units are two; "member N" names a further one, in the slot N.
 */
#include "node/config/build.h"

static struct config_failover *failover(void *ctx)
{
	struct build *b = ctx;
	return &b->cfg->failover;
}

static void apply_failover(void *ctx, const struct match *m)
{
	failover(ctx)->enabled = !m->no;
	failover(ctx)->where = build_where(ctx, m);
}

static void write_failover(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.enabled)
		EMIT(r, row, NULL);
}

static void apply_unit(void *ctx, const struct match *m)
{
	failover(ctx)->unit = m->no                          ? UNIT_UNSET
			      : match_arg(m, 0)->choice == 0 ? UNIT_PRIMARY
							     : UNIT_SECONDARY;
}

static void write_unit(struct running *r, const struct grammar_row *row)
{
	const uint8_t unit = r->cfg->failover.unit;
	if (unit == UNIT_PRIMARY || unit == UNIT_SECONDARY)
		EMIT(r, row, unit == UNIT_SECONDARY ? "secondary" : "primary");
}

static void apply_unit_member(void *ctx, const struct match *m)
{
	failover(ctx)->unit = m->no ? UNIT_UNSET : (uint8_t)match_arg(m, 0)->number;
}

static void write_unit_member(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->failover.unit > UNIT_SECONDARY)
		EMIT(r, row, number_text(r->cfg->failover.unit, n));
}

static void apply_slot(void *ctx, const struct match *m)
{
	failover(ctx)->own_slot = !m->no;
	failover(ctx)->slot = m->no ? 0 : (uint8_t)match_arg(m, 0)->number;
}

static void write_slot(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->failover.own_slot)
		EMIT(r, row, number_text(r->cfg->failover.slot, n));
}

static void apply_cluster_name(void *ctx, const struct match *m)
{
	failover(ctx)->cluster_name = m->no ? "" : build_string(ctx, match_text(m, 0));
}

static void write_cluster_name(struct running *r, const struct grammar_row *row)
{
	if (*r->cfg->failover.cluster_name)
		EMIT(r, row, r->cfg->failover.cluster_name);
}

/* R3: a hex key is used as it is and must be an AES-256 key; anything else is a passphrase. */
#define FAILOVER_KEY_BYTES 32u

static void set_key(struct build *b, const struct match *m, unsigned int slot, bool hex)
{
	struct config_failover *f = &b->cfg->failover;
	const struct arg *key = match_arg(m, slot);
	secret_wipe(&f->key);
	f->key_hex = hex;
	if (m->no)
		return;
	if (build_secret(b, &f->key, key, hex))
		build_error(b, build_arg_where(b, key),
			    "the failover key is masked: expected the key itself, not *****");
	else if (hex && f->key.len != FAILOVER_KEY_BYTES)
		build_error(b, build_arg_where(b, key),
			    "the key is not valid here: expected 64 hexadecimal digits");
}

static void apply_key_hex(void *ctx, const struct match *m)
{
	set_key(ctx, m, 0, true);
}

static void apply_key(void *ctx, const struct match *m)
{
	set_key(ctx, m, 0, false);
}

static void apply_key_encrypted(void *ctx, const struct match *m)
{
	if (!m->no)
		build_error(
			ctx, build_where(ctx, m),
			"an encrypted key (8) cannot be read: expected the key in clear or in hex");
}

static void write_key_hex(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.key.len && r->cfg->failover.key_hex)
		running_emit_secret(r, row, NULL, &r->cfg->failover.key, true);
}

static void write_key(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.key.len && !r->cfg->failover.key_hex)
		running_emit_secret(r, row, NULL, &r->cfg->failover.key, false);
}

static void apply_role_manager(void *ctx, const struct match *m)
{
	failover(ctx)->role_manager = m->no || match_arg(m, 0)->choice == 0
					      ? ROLE_MANAGER_INTERNAL
					      : ROLE_MANAGER_PACEMAKER;
}

static void write_role_manager(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.role_manager == ROLE_MANAGER_PACEMAKER)
		EMIT(r, row, "pacemaker");
}

static void apply_takeover(void *ctx, const struct match *m)
{
	failover(ctx)->takeover = m->no || match_arg(m, 0)->choice == 0 ? TAKEOVER_FAST
									: TAKEOVER_FENCED;
}

static void write_takeover(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.takeover == TAKEOVER_FENCED)
		EMIT(r, row, "fenced");
}

static void apply_empty_start(void *ctx, const struct match *m)
{
	failover(ctx)->empty_start = m->no || match_arg(m, 0)->choice == 0 ? EMPTY_START_FENCED
									   : EMPTY_START_NEVER;
}

static void write_empty_start(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.empty_start == EMPTY_START_NEVER)
		EMIT(r, row, "never");
}

static void apply_empty_start_after(void *ctx, const struct match *m)
{
	failover(ctx)->empty_start = m->no ? EMPTY_START_FENCED : EMPTY_START_AFTER;
	failover(ctx)->empty_start_s = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
}

static void write_empty_start_after(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->failover.empty_start == EMPTY_START_AFTER)
		EMIT(r, row, number_text(r->cfg->failover.empty_start_s, n));
}

static void apply_commit_timeout(void *ctx, const struct match *m)
{
	failover(ctx)->commit_timeout_ms = m->no ? 0 : (uint32_t)match_arg(m, 0)->number;
}

static void write_commit_timeout(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->failover.commit_timeout_ms)
		EMIT(r, row, number_text(r->cfg->failover.commit_timeout_ms, n));
}

static void apply_deadline(void *ctx, const struct match *m)
{
	failover(ctx)->deadline_ms = m->no ? CONFIG_DEADLINE_MS : (uint32_t)match_arg(m, 0)->number;
}

static void write_deadline(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->failover.deadline_ms != CONFIG_DEADLINE_MS)
		EMIT(r, row, number_text(r->cfg->failover.deadline_ms, n));
}

static void apply_unencrypted(void *ctx, const struct match *m)
{
	failover(ctx)->allow_unencrypted_corosync = !m->no;
}

static void write_unencrypted(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.allow_unencrypted_corosync)
		EMIT(r, row, NULL);
}

static void apply_inbound(void *ctx, const struct match *m)
{
	failover(ctx)->inbound = m->no || match_arg(m, 0)->choice == 0 ? INBOUND_LEARN
								       : INBOUND_STRICT;
}

static void write_inbound(struct running *r, const struct grammar_row *row)
{
	if (r->cfg->failover.inbound == INBOUND_STRICT)
		EMIT(r, row, "strict");
}

const struct grammar_row rows_failover[] = {
	{ MODE_GLOBAL, "failover", "Run as one of a pair or of more", apply_failover,
	  write_failover, 0, 0 },
	{ MODE_GLOBAL, "failover lan unit {primary|secondary}", "Which of the units this node is",
	  apply_unit, write_unit, ROW_NODE_LOCAL, 0 },
	{ MODE_GLOBAL, "failover lan unit member <3-8>", "A further unit beside the pair",
	  apply_unit_member, write_unit_member, ROW_NODE_LOCAL, 0 },
	{ MODE_GLOBAL, "failover slot <1-15>", "Number of this node in its SPIs and IVs",
	  apply_slot, write_slot, ROW_NODE_LOCAL, 0 },
	{ MODE_GLOBAL, "failover cluster-name NAME",
	  "Name of the Corosync cluster that must be ours", apply_cluster_name, write_cluster_name,
	  0, 0 },
	{ MODE_GLOBAL, "failover key hex HEX", "Key that seals replication, 64 hexadecimal digits",
	  apply_key_hex, write_key_hex, ROW_OWN, 0 },
	{ MODE_GLOBAL, "failover key 8 SECRET", "An encrypted key", apply_key_encrypted, NULL,
	  ROW_OWN, 0 },
	{ MODE_GLOBAL, "failover key 0 SECRET", "Passphrase of the key that seals replication",
	  apply_key, NULL, ROW_OWN, 0 },
	{ MODE_GLOBAL, "failover key SECRET", "Passphrase of the key that seals replication",
	  apply_key, write_key, ROW_OWN, 0 },
	{ MODE_GLOBAL, "failover role-manager {internal|pacemaker}",
	  "Who decides which node is active", apply_role_manager, write_role_manager, 0, 0 },
	{ MODE_GLOBAL, "failover takeover {fast|fenced}", "Whether a takeover waits for fencing",
	  apply_takeover, write_takeover, 0, 0 },
	{ MODE_GLOBAL, "failover empty-start {fenced|never}",
	  "When to start without the state of a lost owner", apply_empty_start, write_empty_start,
	  0, 0 },
	{ MODE_GLOBAL, "failover empty-start after <1-86400>",
	  "Start without the state of a lost owner after seconds", apply_empty_start_after,
	  write_empty_start_after, 0, 0 },
	{ MODE_GLOBAL, "failover commit-timeout <100-60000>",
	  "Milliseconds without acknowledgement until unprotected; from Corosync's timeouts by default",
	  apply_commit_timeout, write_commit_timeout, 0, 0 },
	{ MODE_GLOBAL, "failover deadline <500-60000>",
	  "Milliseconds until an owner that cannot prove it is silent", apply_deadline,
	  write_deadline, 0, 0 },
	{ MODE_GLOBAL, "failover allow-unencrypted-corosync",
	  "Start although Corosync does not encrypt", apply_unencrypted, write_unencrypted, 0, 0 },
	{ MODE_GLOBAL, "failover inbound-policy {learn|strict}", "Replay windows after a takeover",
	  apply_inbound, write_inbound, 0, 0 },
	{ MODE_GLOBAL, "failover lan interface LINE", "The ASA's failover link", apply_keep, NULL,
	  0, 0 },
	{ MODE_GLOBAL,
	  "failover {interface|link|mac|ipsec|replication|standby|timeout|health-check} [LINE]",
	  "The ASA's failover link", apply_keep, NULL, 0, 0 },
	{ 0 },
};

static void apply_group(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_failover *f = failover(ctx);
	uint8_t id = (uint8_t)match_arg(m, 0)->number;
	for (b->item = 0; b->item < f->n_groups; b->item++)
		if (f->groups[b->item].id == id)
			break;
	if (m->no) {
		if (b->item < f->n_groups)
			BUILD_REMOVE(f->groups, f->n_groups, b->item);
		return;
	}
	if (b->item < f->n_groups)
		return;
	struct config_failover_group *group = BUILD_GROW(b, f->groups, f->n_groups);
	if (group)
		*group = (struct config_failover_group){ .id = id, .where = build_where(b, m) };
}

static void write_group(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	EMIT(r, row, number_text(((const struct config_failover_group *)r->item)->id, n));
}

static struct config_failover_group *group_current(struct build *b)
{
	return &b->cfg->failover.groups[b->item];
}

static void apply_primary(void *ctx, const struct match *m)
{
	group_current(ctx)->prefer = (uint8_t)(m->no ? UNIT_UNSET : UNIT_PRIMARY);
}

static void write_primary(struct running *r, const struct grammar_row *row)
{
	if (((const struct config_failover_group *)r->item)->prefer == UNIT_PRIMARY)
		EMIT(r, row, NULL);
}

static void apply_secondary(void *ctx, const struct match *m)
{
	group_current(ctx)->prefer = m->no ? UNIT_UNSET : UNIT_SECONDARY;
}

static void write_secondary(struct running *r, const struct grammar_row *row)
{
	if (((const struct config_failover_group *)r->item)->prefer == UNIT_SECONDARY)
		EMIT(r, row, NULL);
}

static void apply_member(void *ctx, const struct match *m)
{
	group_current(ctx)->prefer = m->no ? UNIT_UNSET : (uint8_t)match_arg(m, 0)->number;
}

static void write_member(struct running *r, const struct grammar_row *row)
{
	const uint8_t prefer = ((const struct config_failover_group *)r->item)->prefer;
	char n[NUMBER_TEXT_MAX];
	if (prefer > UNIT_SECONDARY)
		EMIT(r, row, number_text(prefer, n));
}

static void apply_preempt(void *ctx, const struct match *m)
{
	const struct arg *delay = match_arg(m, 0);
	group_current(ctx)->preempt = !m->no;
	group_current(ctx)->preempt_s = !m->no && delay ? (uint32_t)delay->number : 0;
}

static void write_preempt(struct running *r, const struct grammar_row *row)
{
	const struct config_failover_group *g = r->item;
	char n[NUMBER_TEXT_MAX];
	if (g->preempt)
		EMIT(r, row, g->preempt_s ? number_text(g->preempt_s, n) : NULL);
}

const struct grammar_row rows_failover_group[] = {
	{ MODE_GLOBAL, "failover group <1-15>", "What one node owns at a time", apply_group,
	  write_group, 0, MODE_FAILOVER_GROUP },
	{ MODE_FAILOVER_GROUP, "primary", "The primary unit should own it", apply_primary,
	  write_primary, 0, 0 },
	{ MODE_FAILOVER_GROUP, "secondary", "The secondary unit should own it", apply_secondary,
	  write_secondary, 0, 0 },
	{ MODE_FAILOVER_GROUP, "member <3-8>", "The further unit of this number should own it",
	  apply_member, write_member, 0, 0 },
	{ MODE_FAILOVER_GROUP, "preempt [<1-1200>]",
	  "The preferred unit takes it back when it can, or seconds after that", apply_preempt,
	  write_preempt, 0, 0 },
	{ 0 },
};
