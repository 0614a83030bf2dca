/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failover snapshot-channel: how a joining member takes the state over
 * (R22). The addresses are those that the members tell each other; the keys
 * say who is a member.
 */
#include "node/config/build.h"

static struct config_snapshot_channel *channel(struct build *b, const struct match *m)
{
	struct config_snapshot_channel *c = &b->cfg->failover.channel;

	if (!c->where.line && !m->no)
		c->where = build_where(b, m);
	return c;
}

static void apply_port(void *ctx, const struct match *m)
{
	channel(ctx, m)->port = m->no ? CONFIG_SNAPSHOT_PORT : (uint16_t)match_arg(m, 0)->number;
}

static void write_port(struct running *r, const struct grammar_row *row)
{
	char n[NUMBER_TEXT_MAX];
	if (r->cfg->failover.channel.port != CONFIG_SNAPSHOT_PORT)
		EMIT(r, row, number_text(r->cfg->failover.channel.port, n));
}

static void apply_key_file(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_snapshot_channel *c = channel(b, m);

	c->key_file = "";
	if (m->no)
		return;
	const struct arg *path = match_arg(m, 0);
	c->key_where = build_arg_where(b, path);
	if (path->text[0] != '/')
		build_error(b, c->key_where,
			    "'%.100s' is not valid here: expected a path that begins with /",
			    path->text);
	else
		c->key_file = build_string(b, path->text);
}

static void write_key_file(struct running *r, const struct grammar_row *row)
{
	if (*r->cfg->failover.channel.key_file)
		EMIT(r, row, r->cfg->failover.channel.key_file);
}

static void apply_member(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_channel_member *member = &channel(b, m)->members[match_arg(m, 0)->number];

	*member = (struct config_channel_member){ 0 };
	if (m->no)
		return;
	const struct arg *key = match_arg(m, 1);
	member->where = build_arg_where(b, key);
	member->known = member_key_parse(key->text, member->key);
	if (!member->known)
		build_error(
			b, member->where,
			"the key is not valid here: expected 64 hexadecimal digits, as 'holdfast cluster keygen' prints them");
}

static void write_member(struct running *r, const struct grammar_row *row)
{
	const struct config_snapshot_channel *c = &r->cfg->failover.channel;
	char n[NUMBER_TEXT_MAX], key[MEMBER_KEY_TEXT];

	for (unsigned int slot = 1; slot < CONFIG_SLOTS; slot++)
		if (c->members[slot].known)
			EMIT(r, row, number_text(slot, n),
			     member_key_text(c->members[slot].key, key));
}

const struct grammar_row rows_snapshot_channel[] = {
	{ MODE_GLOBAL, "failover snapshot-channel port <1-65535>",
	  "TCP port on which every member serves the state", apply_port, write_port, 0, 0 },
	{ MODE_GLOBAL, "failover snapshot-channel key-file WORD",
	  "File with this member's secret key", apply_key_file, write_key_file, ROW_NODE_LOCAL, 0 },
	{ MODE_GLOBAL, "failover snapshot-channel member <1-15> public-key HEX",
	  "Public key of the member with that slot", apply_member, write_member, ROW_WHOLE, 0 },
	{ 0 },
};

static void check_members(struct build *b, const struct config_snapshot_channel *c)
{
	for (unsigned int slot = 1; slot < CONFIG_SLOTS; slot++)
		for (unsigned int other = 1; c->members[slot].known && other < slot; other++)
			if (c->members[other].known &&
			    memcmp(c->members[slot].key, c->members[other].key, MEMBER_KEY_LEN) ==
				    0)
				build_error(
					b, c->members[slot].where,
					"failover snapshot-channel member %u has the key of member %u: expected a key of its own",
					slot, other);
}

void snapshot_channel_resolve(struct build *b)
{
	const struct config_failover *f = &b->cfg->failover;
	const struct config_snapshot_channel *c = &f->channel;
	bool any = false;

	for (unsigned int slot = 1; slot < CONFIG_SLOTS; slot++)
		any = any || c->members[slot].known;
	check_members(b, c);
	if (!f->enabled || (!any && !*c->key_file))
		return;
	if (!*c->key_file)
		build_error(
			b, c->where,
			"failover snapshot-channel: expected a line failover snapshot-channel key-file");
	else if (f->slot && !c->members[f->slot].known)
		build_error(
			b, c->key_where,
			"failover snapshot-channel: expected a line failover snapshot-channel member %u public-key, for this member",
			f->slot);
}
