/* SPDX-License-Identifier: Apache-2.0 */
/* rtnetlink requests over libmnl (netlink.h). */
#include "node/netlink.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <sys/socket.h>

struct netlink {
	struct mnl_socket *socket;
	uint32_t seq;
	char buf[8192]; /* MNL_SOCKET_BUFFER_SIZE is not a constant */
};

enum result netlink_open(struct netlink **out)
{
	struct netlink *n = calloc(1, sizeof(*n));

	*out = NULL;
	if (!n)
		return R_NO_MEMORY;
	n->socket = mnl_socket_open(NETLINK_ROUTE);
	if (!n->socket || mnl_socket_bind(n->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		netlink_close(n);
		return R_SYSTEM;
	}
	*out = n;
	return R_OK;
}

void netlink_close(struct netlink *n)
{
	if (n && n->socket)
		mnl_socket_close(n->socket);
	free(n);
}

static struct nlmsghdr *begin(struct netlink *n, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h = mnl_nlmsg_put_header(n->buf);

	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
	h->nlmsg_seq = ++n->seq;
	return h;
}

/* Sends and waits for the acknowledgement; fine is an errno that means that nothing was left to
 * do. */
/* The answer to this request; one that a failed transaction left behind is nobody's. */
static ssize_t receive(const struct netlink *n, void *answer, size_t size)
{
	for (;;) {
		ssize_t len = mnl_socket_recvfrom(n->socket, answer, size);
		if (len < 0 && errno == EINTR)
			continue;
		const struct nlmsghdr *h = answer;
		if (len < (ssize_t)sizeof(*h) || h->nlmsg_seq == n->seq)
			return len;
	}
}

static enum result transact(struct netlink *n, struct nlmsghdr *h, int fine)
{
	char answer[8192] __attribute__((aligned(NLMSG_ALIGNTO)));

	if (mnl_socket_sendto(n->socket, h, h->nlmsg_len) < 0)
		return R_SYSTEM;
	ssize_t len = receive(n, answer, sizeof(answer));
	if (len < 0)
		return R_SYSTEM;
	if (mnl_cb_run(answer, (size_t)len, n->seq, mnl_socket_get_portid(n->socket), NULL, NULL) >=
	    0)
		return R_OK;
	return errno == fine ? R_OK : R_SYSTEM;
}

static unsigned char family_of(const struct inet_addr *a)
{
	return a->family == INET_V6 ? AF_INET6 : AF_INET;
}

enum result netlink_link_up(struct netlink *n, const char *device, unsigned int mtu)
{
	unsigned int index = if_nametoindex(device);

	if (!index)
		return R_NOT_FOUND;
	struct nlmsghdr *h = begin(n, RTM_NEWLINK, 0);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifi_index = (int)index;
	m->ifi_change = IFF_UP;
	m->ifi_flags = IFF_UP;
	mnl_attr_put_u32(h, IFLA_MTU, mtu);
	return transact(n, h, 0);
}

static struct nlmsghdr *address_request(struct netlink *n, uint16_t type, uint16_t flags,
					unsigned int index, const struct inet_prefix *p, bool host)
{
	struct nlmsghdr *h = begin(n, type, flags);
	struct ifaddrmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->ifa_family = family_of(&p->addr);
	m->ifa_prefixlen = p->len;
	m->ifa_scope = host ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
	m->ifa_flags = p->addr.family == INET_V6 ? IFA_F_NODAD : 0;
	m->ifa_index = index;
	mnl_attr_put(h, IFA_LOCAL, inet_len(&p->addr), p->addr.a);
	mnl_attr_put(h, IFA_ADDRESS, inet_len(&p->addr), p->addr.a);
	return h;
}

enum result netlink_address_add(struct netlink *n, const char *device, const struct inet_prefix *p,
				bool host)
{
	unsigned int index = if_nametoindex(device);

	if (!index)
		return R_NOT_FOUND;
	return transact(n,
			address_request(n, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, p, host),
			EEXIST);
}

enum result netlink_address_del(struct netlink *n, const char *device, const struct inet_prefix *p)
{
	unsigned int index = if_nametoindex(device);

	if (!index)
		return R_NOT_FOUND;
	return transact(n, address_request(n, RTM_DELADDR, 0, index, p, false), EADDRNOTAVAIL);
}

static struct nlmsghdr *route_request(struct netlink *n, uint16_t type, uint16_t flags,
				      unsigned int index, const struct netlink_route *r)
{
	struct nlmsghdr *h = begin(n, type, flags);
	struct rtmsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	uint32_t table = r->table ? r->table : RT_TABLE_MAIN;

	m->rtm_family = family_of(&r->destination.addr);
	m->rtm_dst_len = r->destination.len;
	m->rtm_table = table < 256 ? (unsigned char)table : RT_TABLE_UNSPEC;
	m->rtm_protocol = RTPROT_STATIC;
	m->rtm_type = r->device ? RTN_UNICAST : RTN_UNREACHABLE;
	m->rtm_scope = r->device && r->gateway.family == INET_NONE ? RT_SCOPE_LINK
								   : RT_SCOPE_UNIVERSE;
	mnl_attr_put_u32(h, RTA_TABLE, table);
	if (r->destination.len)
		mnl_attr_put(h, RTA_DST, inet_len(&r->destination.addr), r->destination.addr.a);
	if (index)
		mnl_attr_put_u32(h, RTA_OIF, index);
	if (r->gateway.family != INET_NONE)
		mnl_attr_put(h, RTA_GATEWAY, inet_len(&r->gateway), r->gateway.a);
	if (r->source.family != INET_NONE)
		mnl_attr_put(h, RTA_PREFSRC, inet_len(&r->source), r->source.a);
	if (r->metric)
		mnl_attr_put_u32(h, RTA_PRIORITY, r->metric);
	return h;
}

enum result netlink_route_set(struct netlink *n, const struct netlink_route *r)
{
	unsigned int index = r->device ? if_nametoindex(r->device) : 0;

	if (r->device && !index)
		return R_NOT_FOUND;
	return transact(n, route_request(n, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, r),
			0);
}

enum result netlink_route_del(struct netlink *n, const struct netlink_route *r)
{
	unsigned int index = r->device ? if_nametoindex(r->device) : 0;

	/* The kernel takes a device's routes away with it. */
	if (r->device && !index)
		return R_OK;
	return transact(n, route_request(n, RTM_DELROUTE, 0, index, r), ESRCH);
}

enum result netlink_rule_add(struct netlink *n, uint8_t family, uint32_t mark, uint32_t table,
			     uint32_t priority)
{
	struct nlmsghdr *h = begin(n, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL);
	struct fib_rule_hdr *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));

	m->family = family == INET_V6 ? AF_INET6 : AF_INET;
	m->action = FR_ACT_TO_TBL;
	m->table = RT_TABLE_UNSPEC;
	mnl_attr_put_u32(h, FRA_TABLE, table);
	mnl_attr_put_u32(h, FRA_FWMARK, mark);
	mnl_attr_put_u32(h, FRA_FWMASK, UINT32_MAX);
	mnl_attr_put_u32(h, FRA_PRIORITY, priority);
	return transact(n, h, EEXIST);
}
