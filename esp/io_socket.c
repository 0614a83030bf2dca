/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bursts of datagrams on UDP and raw sockets: recvmmsg and sendmmsg, with the
 * TOS byte both ways. Equal datagrams travel through the kernel as one where it
 * can (UDP_SEGMENT, UDP_GRO): that is worth more than any batch of calls.
 */
#include <errno.h>
#include <netinet/udp.h>

#include "esp/io.h"

static void read_control(struct msghdr *h, struct esp_packet *p)
{
	int value;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS) {
			p->tos = *CMSG_DATA(c);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			p->tos = (uint8_t)value;
		} else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
			memcpy(&value, CMSG_DATA(c), sizeof(value));
			p->gso_size = (uint16_t)value;
		}
	}
}

size_t io_receive(int fd, struct io_batch *b, struct esp_packet *pkts, size_t n)
{
	n = n < ESP_BURST ? n : ESP_BURST;
	for (size_t i = 0; i < n; i++) {
		io_packet_reset(&pkts[i]);
		b->iov[i] = (struct iovec){ .iov_base = pkts[i].buf + pkts[i].off,
					    .iov_len = io_packet_room(&pkts[i]) };
		b->msg[i].msg_hdr = (struct msghdr){
			.msg_name = &b->addr[i],
			.msg_namelen = sizeof(b->addr[i]),
			.msg_iov = &b->iov[i],
			.msg_iovlen = 1,
			.msg_control = b->control[i],
			.msg_controllen = IO_CONTROL_LEN,
		};
	}
	const int got = recvmmsg(fd, b->msg, (unsigned int)n, MSG_DONTWAIT, NULL);
	for (int i = 0; i < got; i++) {
		struct msghdr *h = &b->msg[i].msg_hdr;
		const struct sockaddr *from = (const struct sockaddr *)&b->addr[i];
		read_control(h, &pkts[i]);
		if ((h->msg_flags & MSG_TRUNC) == 0 &&
		    inet_from_sockaddr(from, &pkts[i].remote) == R_OK)
			pkts[i].len = b->msg[i].msg_len;
	}
	return got > 0 ? (size_t)got : 0;
}

static void put_control(struct msghdr *h, int level, int type, const void *value, size_t len)
{
	struct cmsghdr *c = (struct cmsghdr *)((uint8_t *)h->msg_control + h->msg_controllen);
	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	h->msg_controllen += CMSG_SPACE(len);
}

/* How many of pkts go in one message: all of one length but the last, which may be shorter. */
static size_t train_length(const struct esp_packet *const *pkts, size_t n)
{
	const struct esp_packet *head = pkts[0];
	size_t total = head->len, k = 1;
	while (k < n && pkts[k - 1]->len == head->len && pkts[k]->len <= head->len &&
	       pkts[k]->tos == head->tos && total + pkts[k]->len <= IO_TRAIN_MAX &&
	       inet_endpoint_equal(&pkts[k]->remote, &head->remote))
		total += pkts[k++]->len;
	return k;
}

/* Message m: packets at to at + k. */
static void describe(struct io_batch *b, size_t m, const struct esp_packet *const *pkts, size_t at,
		     size_t k, bool udp)
{
	const struct esp_packet *head = pkts[at];
	struct inet_endpoint to = head->remote;
	if (!udp)
		to.port = 0;
	b->first[m] = at;
	struct msghdr *h = &b->msg[m].msg_hdr;
	*h = (struct msghdr){
		.msg_name = &b->addr[m],
		.msg_namelen = inet_to_sockaddr(&to, &b->addr[m]),
		.msg_iov = &b->iov[at],
		.msg_iovlen = k,
		.msg_control = b->control[m],
	};
	for (size_t i = at; i < at + k; i++)
		b->iov[i] = (struct iovec){ .iov_base = pkts[i]->buf + pkts[i]->off,
					    .iov_len = pkts[i]->len };
	/* RFC 6040, RFC 2983: the outer header's DSCP and ECN, where they are not zero. */
	const int tos = head->tos;
	if (tos != 0 && to.addr.family == INET_V6)
		put_control(h, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof(tos));
	else if (tos != 0)
		put_control(h, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
	if (k > 1) {
		const uint16_t segment = (uint16_t)head->len;
		put_control(h, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof(segment));
	}
	if (h->msg_controllen == 0)
		h->msg_control = NULL;
}

/*
 * Build messages from pkts[at] on, send them. Returns where to go on: behind
 * the last packet that was sent, or at the first of a message that was not.
 */
static size_t send_some(int fd, struct io_batch *b, struct esp_packet *const *pkts, size_t at,
			size_t n, bool udp)
{
	const struct esp_packet *const *const view = (const struct esp_packet *const *)pkts;
	unsigned int messages = 0;
	for (size_t i = at; i < n;) {
		const size_t k = udp && !b->no_trains ? train_length(&view[i], n - i) : 1;
		describe(b, messages++, view, i, k, udp);
		i += k;
	}
	b->first[messages] = n;
	const int done = sendmmsg(fd, b->msg, messages, MSG_DONTWAIT);
	return done > 0 ? b->first[done] : at;
}

size_t io_send(int fd, struct io_batch *b, struct esp_packet *const *pkts, size_t n, bool udp)
{
	size_t sent = 0;
	for (size_t at = 0; at < n;) {
		const size_t next = send_some(fd, b, pkts, at, n, udp);
		sent += next - at;
		if (next == n)
			break;
		if (next > at) {
			at = next;
		} else if (b->first[1] > at + 1 && errno != EAGAIN && errno != ENOBUFS) {
			/* A train that does not pass (a segment above the path's MTU): one by
			 * one. */
			b->no_trains = true;
			const size_t end = b->first[1];
			sent += io_send(fd, b, pkts + at, end - at, udp);
			b->no_trains = false;
			at = end;
		} else if (errno != EINTR) {
			/* The first message was refused; the others may go to other places. */
			for (const size_t end = b->first[1]; at < end; at++)
				pkts[at]->verdict = ESP_V_SEND_FAILED;
		}
	}
	return sent;
}
