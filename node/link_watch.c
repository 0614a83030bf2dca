/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One socket takes both the kernel's events and the answers to our own dump,
 * in the kernel's order. An overrun means that events are gone: everything is
 * asked for again, once a dump that is under way has ended, for a second one
 * is refused (EBUSY). A device that a whole dump does not name is not there;
 * one during which the list of devices changed is not whole (NLM_F_DUMP_INTR).
 */
#include "node/link_watch.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ANSWER_MS 1000

struct device {
	char name[IFNAMSIZ];
	int index; /* 0: there is no such device */
	unsigned int flags;
	uint32_t dump; /* the last one that named it, or that was under way when an event did */
};

struct link_watch {
	struct mnl_socket *socket;
	struct device devices[CL_LINKS_MAX];
	size_t n;
	uint32_t seq; /* of the dump under way, or of the last one */
	bool dumping;
	bool again;  /* another one is due: this one, or what was told beside it, has gaps */
	int refused; /* errno of the last one; 0: it was not */
	_Alignas(struct nlmsghdr) char buf[16384]; /* a dump comes in pieces of up to this size */
};

enum result link_watch_open(struct link_watch **out)
{
	struct link_watch *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (!w)
		return R_NO_MEMORY;
	w->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (!w->socket || mnl_socket_bind(w->socket, RTMGRP_LINK, MNL_SOCKET_AUTOPID) < 0) {
		link_watch_close(w);
		return R_SYSTEM;
	}
	*out = w;
	return R_OK;
}

void link_watch_close(struct link_watch *w)
{
	if (w && w->socket)
		mnl_socket_close(w->socket);
	free(w);
}

int link_watch_fd(const struct link_watch *w)
{
	return mnl_socket_get_fd(w->socket);
}

/* While one is under way its answers serve as well. */
void link_watch_look(struct link_watch *w)
{
	if (w->dumping)
		return;
	struct nlmsghdr *h = mnl_nlmsg_put_header(w->buf);
	struct ifinfomsg *m = mnl_nlmsg_put_extra_header(h, sizeof(*m));
	m->ifi_family = AF_UNSPEC;
	h->nlmsg_type = RTM_GETLINK;
	h->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	h->nlmsg_seq = ++w->seq;
	w->again = false;
	w->dumping = mnl_socket_sendto(w->socket, h, h->nlmsg_len) >= 0;
	w->refused = w->dumping ? 0 : errno;
}

/* ---- what the kernel says ---- */

static int take_name(const struct nlattr *a, void *name)
{
	if (mnl_attr_get_type(a) == IFLA_IFNAME && mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
		*(const char **)name = mnl_attr_get_str(a);
	return MNL_CB_OK;
}

static const char *device_name(const struct nlmsghdr *h)
{
	const char *name = "";

	(void)mnl_attr_parse(h, sizeof(struct ifinfomsg), take_name, &name);
	return name;
}

/* A device with another name now, or none any more, is not the one that is watched. */
static void take_link(struct link_watch *w, const struct nlmsghdr *h)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(h);
	const char *name = device_name(h);

	for (size_t i = 0; i < w->n; i++) {
		struct device *d = &w->devices[i];
		bool named = strcmp(d->name, name) == 0;
		if (d->index == m->ifi_index && (!named || h->nlmsg_type == RTM_DELLINK)) {
			d->index = 0;
		} else if (named && h->nlmsg_type == RTM_NEWLINK) {
			d->index = m->ifi_index;
			d->flags = m->ifi_flags;
			d->dump = w->seq;
		}
	}
}

static void dump_done(struct link_watch *w)
{
	w->dumping = false;
	for (size_t i = 0; i < w->n && !w->again; i++)
		if (w->devices[i].dump != w->seq)
			w->devices[i].index = 0;
}

static void dump_refused(struct link_watch *w, const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);

	w->dumping = false;
	w->refused = mnl_nlmsg_get_payload_len(h) >= sizeof(*e) ? -e->error : EPROTO;
}

static void take(struct link_watch *w, const struct nlmsghdr *h)
{
	bool link = h->nlmsg_type == RTM_NEWLINK || h->nlmsg_type == RTM_DELLINK;

	if (h->nlmsg_seq == w->seq && (h->nlmsg_flags & NLM_F_DUMP_INTR))
		w->again = true;
	if (link && mnl_nlmsg_get_payload_len(h) >= sizeof(struct ifinfomsg))
		take_link(w, h);
	else if (h->nlmsg_type == NLMSG_DONE && h->nlmsg_seq == w->seq)
		dump_done(w);
	else if (h->nlmsg_type == NLMSG_ERROR && h->nlmsg_seq == w->seq)
		dump_refused(w, h);
}

/* False when nothing is there to be read. */
static bool read_some(struct link_watch *w)
{
	ssize_t got = mnl_socket_recvfrom(w->socket, w->buf, sizeof(w->buf));
	int left = (int)got;

	if (got < 0 && errno == ENOBUFS) {
		w->again = true;
		return true;
	}
	if (got < 0)
		return errno == EINTR;
	for (const struct nlmsghdr *h = (const struct nlmsghdr *)w->buf; mnl_nlmsg_ok(h, left);
	     h = mnl_nlmsg_next(h, &left))
		take(w, h);
	return true;
}

bool link_watch_read(struct link_watch *w)
{
	enum cl_link_state before[CL_LINKS_MAX];
	bool changed = false;

	for (size_t i = 0; i < w->n; i++)
		before[i] = link_watch_state(w, i);
	while (read_some(w))
		;
	/* Its answers are for the next call: who makes and removes devices all the time must not
	 * keep us here. */
	if (w->again)
		link_watch_look(w);
	for (size_t i = 0; i < w->n; i++)
		changed = changed || before[i] != link_watch_state(w, i);
	return changed;
}

/* What is known of one that was watched before stays known should no answer come. */
static void watch(struct link_watch *w, const char *const *devices, size_t n)
{
	struct device fresh[CL_LINKS_MAX] = { 0 };

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < w->n; k++)
			if (strcmp(w->devices[k].name, devices[i]) == 0)
				fresh[i] = w->devices[k];
		/* A longer name is none that a device can have. */
		if (strlen(devices[i]) < IFNAMSIZ)
			strcpy(fresh[i].name, devices[i]);
	}
	memcpy(w->devices, fresh, sizeof(fresh));
	w->n = n;
}

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

enum result link_watch_set(struct link_watch *w, const char *const *devices, size_t n)
{
	struct pollfd p = { .fd = link_watch_fd(w), .events = POLLIN };
	const uint64_t end = now_ms() + ANSWER_MS;

	(void)link_watch_read(w);
	watch(w, devices, n < CL_LINKS_MAX ? n : CL_LINKS_MAX);
	link_watch_look(w);
	while (w->dumping) {
		const uint64_t now = now_ms();
		if (now >= end || poll(&p, 1, (int)(end - now)) == 0) {
			errno = ETIMEDOUT;
			return R_SYSTEM;
		}
		(void)link_watch_read(w);
	}
	errno = w->refused;
	return w->refused ? R_SYSTEM : R_OK;
}

/* RFC 2863: running is operational. A driver that does not say so still has a carrier or none. */
enum cl_link_state link_watch_state(const struct link_watch *w, size_t i)
{
	const unsigned int runs = IFF_RUNNING | IFF_LOWER_UP;
	const struct device *d = &w->devices[i];

	if (!d->index)
		return CL_LINK_FAILED;
	if (!(d->flags & IFF_UP))
		return CL_LINK_DOWN;
	return (d->flags & runs) == runs ? CL_LINK_NORMAL : CL_LINK_NO_LINK;
}
