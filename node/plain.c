/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of protected networks (plain.h). A crypto map entry is a chain
 * (where there are many, some share one: plain_jumps.c):
 * a permit line goes to the target, a deny line returns, so that the next
 * entry is tried, as on the ASA. Three sets of such chains: what to mark
 * (m), what must not leave in clear (o), what must not arrive in clear (i).
 *
 * A crypto map is bound to an interface, and its lists may overlap what lies
 * behind the others (10.0.0.0/8 to 10.0.0.0/8): o and i hold on the map's own
 * interface only. What was marked may leave by the TUN and by nothing else.
 */
#include "node/plain.h"

#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/address.h"
#include "node/plain_jumps.h"
#include "node/sync_dir.h"
#include "node/udp_ike.h"

#define TABLE "holdfast"

struct plain {
	struct nft_ctx *nft;
	struct mnl_socket *events;
	char *guard_path;
	struct text table; /* what is in force, to restore it */
	char *listing;     /* the same as the kernel lists it */
	bool doubtful;     /* what is in force may be something else */
	bool gone;         /* it is nothing */
};

/* ---- the text ---- */

static void put_match(struct text *t, const char *field, const struct inet_prefix *p)
{
	char text[INET_TEXT_MAX];

	if (p->len == 0)
		return;
	text_printf(t, "%s %s %s ", p->addr.family == INET_V6 ? "ip6" : "ip", field,
		    inet_prefix_text(p, text));
}

/* looked_up: the way here has compared the remote network. */
static void put_line(struct text *t, const struct config_ace *ace, bool inbound, bool looked_up,
		     const char *target)
{
	text_printf(t, "\t\t");
	if (!looked_up && ace->source.prefix.len == 0 && ace->destination.prefix.len == 0)
		text_printf(t, "meta nfproto %s ",
			    ace->source.prefix.addr.family == INET_V6 ? "ipv6" : "ipv4");
	if (!looked_up)
		put_match(t, inbound ? "saddr" : "daddr", &ace->destination.prefix);
	put_match(t, inbound ? "daddr" : "saddr", &ace->source.prefix);
	if (ace->protocol)
		text_printf(t, "meta l4proto %u ", ace->protocol);
	if (ace->permit)
		text_printf(t, "goto %s\n", target);
	else
		text_printf(t, "return\n");
}

/* "protect" of group 1, "protect2" of group 2. */
static const char *protect_chain(uint8_t group, char out[16])
{
	if (group == 1)
		snprintf(out, 16, "protect");
	else
		snprintf(out, 16, "protect%u", group);
	return out;
}

/* target NULL: the chain that marks for the entry's group. */
static void put_shared_chains(struct text *t, const struct plain_jumps *j, char prefix,
			      bool inbound, const char *target)
{
	const struct config_map_entry *e;
	const struct config_ace *ace;
	char own[16];

	for (size_t i = 0; i < plain_jumps_shared_chains(j); i++) {
		text_printf(t, "\tchain %cs%zu {\n", prefix, i);
		for (size_t k = 0; (ace = plain_jumps_shared_line(j, i, k, &e)) != NULL; k++)
			put_line(t, ace, inbound, true,
				 target ? target
					: protect_chain(e->interface->failover_group, own));
		text_printf(t, "\t}\n");
	}
}

static void put_entry_chains(struct text *t, const struct config *cfg, const struct plain_jumps *j,
			     char prefix, bool inbound, const char *target)
{
	char own[16];

	put_shared_chains(t, j, prefix, inbound, target);
	for (size_t i = 0; i < cfg->n_map_entries; i++) {
		const struct config_map_entry *e = &cfg->map_entries[i];
		if (!e->active || !plain_jumps_own_chain(j, i))
			continue;
		text_printf(t, "\tchain %c%zu {\n", prefix, i);
		for (size_t k = 0; k < e->acl->n_aces; k++)
			if (e->acl->aces[k].usable)
				put_line(t, &e->acl->aces[k], inbound, false,
					 target ? target
						: protect_chain(e->interface->failover_group, own));
		text_printf(t, "\t}\n");
	}
}

static bool has_map(const struct config *cfg, const struct config_interface *ifc)
{
	for (size_t i = 0; i < cfg->n_map_entries; i++)
		if (cfg->map_entries[i].active && cfg->map_entries[i].interface == ifc)
			return true;
	return false;
}

/* What goes to a network of our own behind another interface does not pass the crypto map's. */
static void put_near(struct text *t, const struct config *cfg)
{
	char text[INET_TEXT_MAX];

	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct config_interface *ifc = &cfg->interfaces[i];
		const struct inet_prefix p = { .addr = ifc->address, .len = ifc->prefix_len };
		struct inet_prefix net = p;
		struct inet_addr last;
		if (p.addr.family == INET_NONE || ifc->shutdown || has_map(cfg, ifc))
			continue;
		inet_prefix_range(&p, &net.addr, &last);
		text_printf(t, "\t\t%s daddr %s accept\n",
			    net.addr.family == INET_V6 ? "ip6" : "ip",
			    inet_prefix_text(&net, text));
	}
}

static void put_targets(struct text *t, const struct config *cfg)
{
	uint8_t group[CONFIG_GROUPS_MAX];
	size_t n = config_group_ids(cfg, group);
	char name[16];

	for (size_t i = 0; i < n; i++)
		text_printf(t, "\tchain %s {\n\t\tmeta mark set 0x%08x accept\n\t}\n",
			    protect_chain(group[i], name), HF_GROUP_MARK(group[i]));
	text_printf(t, "\tchain clear_out {\n\t\tcounter drop\n\t}\n");
	text_printf(t, "\tchain clear_in {\n\t\tcounter drop\n\t}\n");
}

/* "iifname { "lo", "hf0" } accept", with the TUN of every group. */
static void put_tuns(struct text *t, const struct config *cfg, const char *key)
{
	uint8_t group[CONFIG_GROUPS_MAX];
	size_t n = config_group_ids(cfg, group);
	char name[ADDRESS_DEVICE_MAX];

	text_printf(t, "\t\t%s { \"lo\"", key);
	for (size_t i = 0; i < n; i++)
		text_printf(t, ", \"%s\"", address_device(group[i], ADDRESS_TUN, name));
	text_printf(t, " } accept\n");
}

static void put_marked(struct text *t, const struct config *cfg)
{
	uint8_t group[CONFIG_GROUPS_MAX];
	size_t n = config_group_ids(cfg, group);

	for (size_t i = 0; i < n; i++)
		text_printf(t, "\t\tmeta mark 0x%08x goto clear_out\n", HF_GROUP_MARK(group[i]));
}

/* Our own packets are known by mark going out, by being for a local IKE or ESP socket coming in. */
static void put_hooks(struct text *t, const struct config *cfg, const struct plain_jumps *j)
{
	text_printf(t, "\tchain arriving {\n\t\ttype filter hook prerouting priority mangle\n");
	put_tuns(t, cfg, "iifname");
	text_printf(t, "\t\tfib daddr type local udp dport { 500, 4500 } accept\n"
		       "\t\tfib daddr type local meta l4proto esp accept\n");
	plain_jumps_put(t, j, 'i', "iifname");
	put_near(t, cfg);
	plain_jumps_put(t, j, 'm', NULL);
	text_printf(t,
		    "\t}\n\tchain starting {\n\t\ttype route hook output priority mangle\n"
		    "\t\tmeta mark 0x%08x accept\n",
		    HF_MARK_OWN);
	plain_jumps_put(t, j, 'm', "oifname");
	text_printf(t,
		    "\t}\n\tchain leaving {\n\t\ttype filter hook postrouting priority mangle\n");
	put_tuns(t, cfg, "oifname");
	text_printf(t, "\t\tmeta mark 0x%08x accept\n", HF_MARK_OWN);
	put_marked(t, cfg);
	plain_jumps_put(t, j, 'o', "oifname");
	text_printf(t, "\t}\n");
}

/*
 * R20: between two owners the kernel must not tell a peer that nobody
 * listens. The inner IP header begins 8 bytes into the ICMP message. A router
 * that tells a passing peer its MTU still does.
 */
static void put_icmp(struct text *t)
{
	text_printf(
		t,
		"\tchain errors {\n\t\ttype filter hook output priority filter\n"
		"\t\ticmp type destination-unreachable icmp code != frag-needed @th,136,8 50 counter drop\n"
		"\t\ticmp type destination-unreachable icmp code != frag-needed @th,136,8 17 "
		"@th,240,16 { 500, 4500 } counter drop\n\t}\n");
}

/*
 * Between two owners a service address is nobody's: the kernel would forward
 * what is for it to whom it last knew, and two nodes that do so play
 * ping-pong with a peer's packet until its TTL is used up.
 */
static void put_strays(struct text *t, const struct config *cfg)
{
	char text[INET_TEXT_MAX];

	text_printf(t, "\tchain strays {\n\t\ttype filter hook forward priority filter\n");
	for (size_t i = 0; i < cfg->n_interfaces; i++) {
		const struct inet_addr *a = &cfg->interfaces[i].address;
		if (a->family != INET_NONE && !cfg->interfaces[i].shutdown)
			text_printf(t, "\t\t%s daddr %s counter drop\n",
				    a->family == INET_V6 ? "ip6" : "ip", inet_text(a, text));
	}
	text_printf(t, "\t}\n");
}

static void put_mss(struct text *t, const struct config *cfg)
{
	uint8_t group[CONFIG_GROUPS_MAX];
	size_t n = config_group_ids(cfg, group);
	char tun[ADDRESS_DEVICE_MAX];

	if (!cfg->tcpmss)
		return;
	text_printf(t, "\tchain segments {\n\t\ttype filter hook forward priority mangle\n");
	for (size_t i = 0; i < 2 * n; i++)
		text_printf(
			t,
			"\t\t%s \"%s\" tcp flags syn tcp option maxseg size > %u tcp option maxseg size set %u\n",
			i % 2 ? "iifname" : "oifname",
			address_device(group[i / 2], ADDRESS_TUN, tun), cfg->tcpmss, cfg->tcpmss);
	text_printf(t, "\t}\n");
}

void plain_table_text(const struct config *cfg, struct text *out)
{
	struct plain_jumps *j = plain_jumps_new(cfg);

	if (!j) {
		out->failed = true;
		return;
	}
	/* Declared, deleted, declared: replaces whatever is there in one transaction, also
	 * nothing. */
	text_printf(out,
		    "table inet " TABLE "\ndelete table inet " TABLE "\ntable inet " TABLE " {\n");
	put_targets(out, cfg);
	put_entry_chains(out, cfg, j, 'm', false, NULL);
	put_entry_chains(out, cfg, j, 'o', false, "clear_out");
	put_entry_chains(out, cfg, j, 'i', true, "clear_in");
	put_hooks(out, cfg, j);
	plain_jumps_free(j);
	put_icmp(out);
	put_strays(out, cfg);
	put_mss(out, cfg);
	text_printf(out, "}\n");
}

/* ---- loading and keeping ---- */

/* The table as the kernel has it, without counters; NULL when there is none. Lasts
 * until the next command. */
static const char *list(struct plain *p)
{
	return nft_run_cmd_from_buffer(p->nft, "list table inet " TABLE) == 0
		       ? nft_ctx_get_output_buffer(p->nft)
		       : NULL;
}

static enum result load(struct plain *p, const struct text *table, char why[200])
{
	if (nft_run_cmd_from_buffer(p->nft, text_string(table)) != 0) {
		snprintf(why, 200, "nftables: %.180s", nft_ctx_get_error_buffer(p->nft));
		return R_SYSTEM;
	}
	const char *now = list(p);
	free(p->listing);
	p->listing = now ? strdup(now) : NULL;
	if (p->listing)
		return R_OK;
	snprintf(why, 200, "nftables: the table cannot be listed");
	return R_SYSTEM;
}

/* The guard service reads it at boot: whole or not at all. It takes its name after the kernel has
 * taken the table. */
static enum result write_guard(const char *fresh, const struct text *table, char why[200])
{
	int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd >= 0)
		errno = ENOSPC; /* what a short write means */
	bool ok = fd >= 0 && write(fd, table->p, table->len) == (ssize_t)table->len &&
		  fsync(fd) == 0;

	if (!ok)
		snprintf(why, 200, "%.160s: %s", fresh, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok ? R_OK : R_SYSTEM;
}

/* A node whose disk is full must still be able to start. */
static bool guard_is(const char *path, const struct text *table)
{
	char part[4096];
	size_t at = 0;
	ssize_t got = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	while ((got = read(fd, part, sizeof(part))) > 0 && (size_t)got <= table->len - at &&
	       memcmp(part, table->p + at, (size_t)got) == 0)
		at += (size_t)got;
	close(fd);
	return got == 0 && at == table->len;
}

static enum result table_set(struct plain *p, const struct config *cfg, char why[200])
{
	struct text table = { 0 };
	char fresh[512], again[200];
	bool touched;

	plain_table_text(cfg, &table);
	snprintf(fresh, sizeof(fresh), "%s.new", p->guard_path);
	bool same = !table.failed && guard_is(p->guard_path, &table);
	enum result res = table.failed ? R_NO_MEMORY
			  : same       ? R_OK
				       : write_guard(fresh, &table, why);
	touched = res == R_OK;
	if (res == R_OK)
		res = load(p, &table, why);
	if (res == R_OK && !same &&
	    (rename(fresh, p->guard_path) != 0 || sync_dir_of(p->guard_path) != R_OK)) {
		snprintf(why, 200, "%.160s: %s", p->guard_path, strerror(errno));
		res = R_SYSTEM;
	}
	if (res != R_OK) {
		/* The former configuration goes on, and its networks must be protected. */
		if (touched && p->table.len && load(p, &p->table, again) != R_OK)
			p->doubtful = true;
		text_free(&table);
		return res;
	}
	text_free(&p->table);
	p->table = table;
	return R_OK;
}

static enum result events_open(struct plain *p)
{
	int group = NFNLGRP_NFTABLES;

	p->events = mnl_socket_open2(NETLINK_NETFILTER, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!p->events || mnl_socket_bind(p->events, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    mnl_socket_setsockopt(p->events, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return R_SYSTEM;
	return R_OK;
}

enum result plain_open(const struct config *cfg, const char *guard_path, struct plain **out,
		       char why[200])
{
	struct plain *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (!p)
		return R_NO_MEMORY;
	p->nft = nft_ctx_new(NFT_CTX_DEFAULT);
	p->guard_path = strdup(guard_path);
	enum result res = p->nft && p->guard_path ? R_OK : R_NO_MEMORY;
	if (res == R_OK) {
		nft_ctx_buffer_error(p->nft);
		nft_ctx_buffer_output(p->nft);
		nft_ctx_output_set_flags(p->nft, NFT_CTX_OUTPUT_STATELESS);
		res = events_open(p);
		if (res != R_OK)
			snprintf(why, 200, "nftables events: %s", strerror(errno));
	}
	if (res == R_OK)
		res = table_set(p, cfg, why);
	if (res != R_OK) {
		plain_close(p);
		return res;
	}
	*out = p;
	return R_OK;
}

void plain_close(struct plain *p)
{
	if (!p)
		return;
	if (p->events)
		mnl_socket_close(p->events);
	if (p->nft)
		nft_ctx_free(p->nft);
	text_free(&p->table);
	free(p->listing);
	free(p->guard_path);
	free(p);
}

enum result plain_reload(struct plain *p, const struct config *cfg, char why[200])
{
	return table_set(p, cfg, why);
}

int plain_fd(const struct plain *p)
{
	return mnl_socket_get_fd(p->events);
}

/* ---- events ---- */

/* The table's name is attribute 1 of every message about a table, chain, rule or set. */
static int find_name(const struct nlattr *attr, void *data)
{
	const char **name = data;

	if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
		*name = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int on_event(const struct nlmsghdr *h, void *data)
{
	struct plain *p = data;
	unsigned int type = h->nlmsg_type & 0xff;
	const char *name = NULL;

	if (h->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES || type == NFT_MSG_NEWGEN)
		return MNL_CB_OK;
	mnl_attr_parse(h, sizeof(struct nfgenmsg), find_name, &name);
	if (!name || strcmp(name, TABLE) != 0)
		return MNL_CB_OK;
	p->doubtful = true;
	if (type == NFT_MSG_DELTABLE || type == NFT_MSG_NEWTABLE)
		p->gone = type == NFT_MSG_DELTABLE;
	return MNL_CB_OK;
}

/* When events were lost, what they said could have been about our table. */
static void events_read(struct plain *p)
{
	char buf[16384];
	ssize_t len;

	while ((len = mnl_socket_recvfrom(p->events, buf, sizeof(buf))) > 0 ||
	       (len < 0 && errno != EAGAIN)) {
		if (len < 0)
			p->doubtful = true;
		else
			(void)mnl_cb_run(buf, (size_t)len, 0, 0, on_event, p);
	}
}

static bool is_as_loaded(struct plain *p)
{
	/* Not worth a look: until the table is back, packets may leave in clear. */
	if (p->gone)
		return false;
	const char *now = list(p);
	return now && p->listing && strcmp(now, p->listing) == 0;
}

/*
 * Who changed the table is not asked: the process id in an event is one of
 * the first pid namespace, which in a container is not ours. What counts is
 * whether the table still is what was loaded.
 */
enum plain_event plain_watch(struct plain *p, char why[200])
{
	enum plain_event ev = PLAIN_INTACT;

	events_read(p);
	if (!p->doubtful)
		return PLAIN_INTACT;
	if (!is_as_loaded(p)) {
		if (load(p, &p->table, why) != R_OK)
			return PLAIN_LOST;
		ev = PLAIN_RESTORED;
	}
	p->doubtful = p->gone = false;
	return ev;
}
