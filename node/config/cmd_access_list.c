/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object network and access-list. Only "permit|deny ip" between networks can
 * select traffic for a tunnel; every other line is kept with its list, and is
 * an error only when a crypto map refers to that list (check.c).
 */
#include <stdio.h>

#include "base/hashmap.h"
#include "node/config/build.h"

static void apply_object(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config *cfg = b->cfg;
	const char *name = match_text(m, 0);
	b->item = build_find(b, BUILD_OBJECT, name);
	if (m->no) {
		if (b->item == BUILD_NONE)
			return;
		BUILD_REMOVE(cfg->objects, cfg->n_objects, b->item);
		build_moved(b, BUILD_OBJECT);
		return;
	}
	/* The same object may come twice: the second time with its nat line. */
	if (b->item != BUILD_NONE)
		return;
	b->item = cfg->n_objects;
	struct config_object *o = BUILD_GROW(b, cfg->objects, cfg->n_objects);
	if (o)
		*o = (struct config_object){ .name = build_string(b, name),
					     .where = build_where(b, m) };
}

static void write_object(struct running *r, const struct grammar_row *row)
{
	EMIT(r, row, ((const struct config_object *)r->item)->name);
}

static void apply_object_host(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_object *o = &b->cfg->objects[b->item];
	o->prefix = (struct inet_prefix){ 0 };
	if (m->no)
		return;
	o->prefix.addr = match_arg(m, 0)->address;
	o->prefix.len = (uint8_t)(inet_len(&o->prefix.addr) * 8);
}

static bool is_host(const struct inet_prefix *p)
{
	return p->len == inet_len(&p->addr) * 8;
}

static void write_object_host(struct running *r, const struct grammar_row *row)
{
	const struct config_object *o = r->item;
	char text[INET_TEXT_MAX];
	if (o->prefix.addr.family && is_host(&o->prefix))
		EMIT(r, row, inet_text(&o->prefix.addr, text));
}

static void apply_object_subnet(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_object *o = &b->cfg->objects[b->item];
	o->prefix = (struct inet_prefix){ 0 };
	if (!m->no && inet_prefix_from_mask(&match_arg(m, 0)->address, &match_arg(m, 1)->address,
					    &o->prefix) != R_OK)
		build_error(b, build_arg_where(b, match_arg(m, 0)),
			    "'%s' is not valid here: expected an IPv4 address", match_text(m, 0));
}

static void write_object_subnet(struct running *r, const struct grammar_row *row)
{
	const struct config_object *o = r->item;
	char net[INET_TEXT_MAX], mask[INET_TEXT_MAX];
	if (o->prefix.addr.family && !is_host(&o->prefix))
		EMIT(r, row, inet_text(&o->prefix.addr, net), mask_text(&o->prefix, mask));
}

const struct grammar_row rows_object[] = {
	{ MODE_GLOBAL, "object network NAME", "A named network", apply_object, write_object, 0,
	  MODE_OBJECT },
	{ MODE_OBJECT, "host ADDRESS", "One address", apply_object_host, write_object_host, 0, 0 },
	{ MODE_OBJECT, "subnet ADDRESS MASK", "A network", apply_object_subnet, write_object_subnet,
	  0, 0 },
	{ MODE_OBJECT, "range LINE", "A range of addresses", apply_keep_silently, NULL, 0, 0 },
	{ MODE_OBJECT, "fqdn LINE", "A host by its DNS name", apply_keep_silently, NULL, 0, 0 },
	{ 0 },
};

static struct config_acl *acl_get(struct build *b, const char *name, const struct match *m)
{
	struct config *cfg = b->cfg;
	size_t i = build_find(b, BUILD_ACL, name);
	if (i != BUILD_NONE)
		return &cfg->acls[i];
	struct config_acl *acl = m->no ? NULL : BUILD_GROW(b, cfg->acls, cfg->n_acls);
	if (acl)
		*acl = (struct config_acl){ .name = build_string(b, name),
					    .where = build_where(b, m) };
	return acl;
}

/* The operator's own words: nobody makes them collide. */
static const uint8_t seed[16];

static struct bytes ace_key(const struct config_acl *acl, const struct config_ace *ace,
			    char text[CONFIG_ACE_TEXT_MAX])
{
	config_ace_text(acl, ace, text);
	return bytes(text, strlen(text));
}

/* Whether the line is new to its list. */
static bool ace_note(struct build *b, const struct config_acl *acl, const struct config_ace *ace)
{
	char text[CONFIG_ACE_TEXT_MAX];
	if (!b->aces)
		b->aces = hashmap_new(seed);
	enum result res = b->aces ? hashmap_insert(b->aces, ace_key(acl, ace, text), b->aces)
				  : R_NO_MEMORY;
	b->no_memory |= res != R_OK && res != R_EXISTS;
	return res == R_OK;
}

static void ace_remove(struct build *b, struct config_acl *acl, const struct config_ace *ace)
{
	char text[CONFIG_ACE_TEXT_MAX], other[CONFIG_ACE_TEXT_MAX];
	const struct bytes key = ace_key(acl, ace, text);
	if (!b->aces || !hashmap_remove(b->aces, key))
		return;
	for (size_t i = 0; i < acl->n_aces; i++)
		if (acl->aces[i].usable && bytes_equal(ace_key(acl, &acl->aces[i], other), key)) {
			BUILD_REMOVE(acl->aces, acl->n_aces, i);
			return;
		}
}

enum { ACE_ACL, ACE_ACTION, ACE_SOURCE, ACE_DESTINATION };

static void apply_ace(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_acl *acl = acl_get(b, match_text(m, ACE_ACL), m);
	if (!acl || !match_arg(m, ACE_DESTINATION))
		return;
	struct config_ace ace = {
		.permit = match_arg(m, ACE_ACTION)->choice == 0,
		.usable = true,
		.source = match_arg(m, ACE_SOURCE)->endpoint,
		.destination = match_arg(m, ACE_DESTINATION)->endpoint,
		.where = build_where(b, m),
	};
	if (m->no) {
		ace_remove(b, acl, &ace);
		return;
	}
	if (!ace_note(b, acl, &ace))
		return;
	struct config_ace *slot = BUILD_GROW(b, acl->aces, acl->n_aces);
	if (!slot)
		return;
	if (ace.source.object)
		ace.source.object = build_string(b, ace.source.object);
	if (ace.destination.object)
		ace.destination.object = build_string(b, ace.destination.object);
	*slot = ace;
}

static const char *end_text(const struct config_ace_end *end, char out[2 * INET_TEXT_MAX])
{
	char a[INET_TEXT_MAX], mask[INET_TEXT_MAX];
	switch (end->form) {
	case ACE_ANY:
		return "any";
	case ACE_ANY4:
		return "any4";
	case ACE_OBJECT:
		snprintf(out, 2 * INET_TEXT_MAX, "object %.100s", end->object);
		break;
	case ACE_HOST:
		snprintf(out, 2 * INET_TEXT_MAX, "host %s", inet_text(&end->prefix.addr, a));
		break;
	case ACE_SUBNET:
		snprintf(out, 2 * INET_TEXT_MAX, "%.60s %.60s", inet_text(&end->prefix.addr, a),
			 mask_text(&end->prefix, mask));
		break;
	}
	return out;
}

const char *config_ace_text(const struct config_acl *acl, const struct config_ace *ace,
			    char out[CONFIG_ACE_TEXT_MAX])
{
	char source[2 * INET_TEXT_MAX], destination[2 * INET_TEXT_MAX];
	snprintf(out, CONFIG_ACE_TEXT_MAX, "access-list %.64s extended %s ip %s %s", acl->name,
		 ace->permit ? "permit" : "deny", end_text(&ace->source, source),
		 end_text(&ace->destination, destination));
	return out;
}

/* The lines in their order, also those that are not usable: the order is the meaning of a list. */
static void write_aces(struct running *r, const struct grammar_row *row)
{
	const struct config_acl *acl = r->item;
	for (size_t i = 0; i < acl->n_aces; i++) {
		const struct config_ace *ace = &acl->aces[i];
		char source[2 * INET_TEXT_MAX], destination[2 * INET_TEXT_MAX];
		if (ace->usable)
			EMIT(r, row, acl->name, ace->permit ? "permit" : "deny",
			     end_text(&ace->source, source),
			     end_text(&ace->destination, destination));
		else
			text_printf(r->out, "%s\n", ace->verbatim);
	}
}

static void apply_remark(void *ctx, const struct match *m)
{
	if (!m->no)
		apply_keep_silently(ctx, m);
}

/* Any other line of a list: it has its place in the order. */
static void apply_other_ace(void *ctx, const struct match *m)
{
	struct build *b = ctx;
	struct config_acl *acl = acl_get(b, match_text(m, 0), m);
	if (!acl || m->no)
		return;
	struct config_ace *ace = BUILD_GROW(b, acl->aces, acl->n_aces);
	char why[DIAGNOSTIC_TEXT_MAX];
	if (ace)
		*ace = (struct config_ace){
			.where = { b->line_no, failure_column(&b->failure, b->line) },
			.verbatim = build_string(b, b->line->raw),
			.unusable_why = build_string(
				b, failure_text(&b->failure, b->line, why, sizeof(why))),
		};
}

const struct grammar_row rows_access_list[] = {
	{ MODE_GLOBAL, "access-list NAME extended {permit|deny} ip ENDPOINT ENDPOINT",
	  "Traffic that is protected", apply_ace, write_aces, 0, 0 },
	{ MODE_GLOBAL, "access-list NAME remark LINE", "A comment", apply_remark, NULL, 0, 0 },
	{ MODE_GLOBAL, "access-list NAME LINE", "A line that no crypto map can use",
	  apply_other_ace, NULL, ROW_WHOLE, 0 },
	{ 0 },
};
