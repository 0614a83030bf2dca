/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts of datagrams on UDP and raw sockets: recvmmsg and sendmmsg, with the TOS byte both ways. */
#include <errno.h>

#include "esp/io.h"

static uint8_t tos_of(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_TOS)
			return *CMSG_DATA(c);
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_TCLASS) {
			int tclass;
			memcpy(&tclass, CMSG_DATA(c), sizeof(tclass));
			return (uint8_t)tclass;
		}
	}
	return 0;
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
		pkts[i].tos = tos_of(h);
		if ((h->msg_flags & MSG_TRUNC) == 0 && inet_from_sockaddr(from, &pkts[i].remote) == R_OK)
			pkts[i].len = b->msg[i].msg_len;
	}
	return got > 0 ? (size_t)got : 0;
}

/* RFC 6040, RFC 2983: the outer header's DSCP and ECN, where they are not zero. */
static void put_tos(struct msghdr *h, uint8_t *control, const struct esp_packet *p)
{
	if (p->tos == 0)
		return;
	const bool v6 = p->remote.addr.family == INET_V6;
	const int tos = p->tos;
	h->msg_control = control;
	h->msg_controllen = CMSG_SPACE(sizeof(tos));
	struct cmsghdr *c = CMSG_FIRSTHDR(h);
	c->cmsg_level = v6 ? IPPROTO_IPV6 : IPPROTO_IP;
	c->cmsg_type = v6 ? IPV6_TCLASS : IP_TOS;
	c->cmsg_len = CMSG_LEN(sizeof(tos));
	memcpy(CMSG_DATA(c), &tos, sizeof(tos));
}

static void describe(struct io_batch *b, size_t i, const struct esp_packet *p, bool port)
{
	struct inet_endpoint to = p->remote;
	if (!port)
		to.port = 0;
	b->iov[i] = (struct iovec){ .iov_base = p->buf + p->off, .iov_len = p->len };
	b->msg[i].msg_hdr = (struct msghdr){
		.msg_name = &b->addr[i],
		.msg_namelen = inet_to_sockaddr(&to, &b->addr[i]),
		.msg_iov = &b->iov[i],
		.msg_iovlen = 1,
	};
	put_tos(&b->msg[i].msg_hdr, b->control[i], p);
}

size_t io_send(int fd, struct io_batch *b, struct esp_packet *const *pkts, size_t n, bool port)
{
	size_t sent = 0;
	for (size_t i = 0; i < n; i++)
		describe(b, i, pkts[i], port);
	for (size_t at = 0; at < n;) {
		const int done = sendmmsg(fd, b->msg + at, (unsigned int)(n - at), MSG_DONTWAIT);
		if (done > 0) {
			at += (size_t)done;
			sent += (size_t)done;
		} else if (done == 0 || errno != EINTR) {
			/* The first one was refused; the others may go to other places. */
			pkts[at++]->verdict = ESP_V_SEND_FAILED;
		}
	}
	return sent;
}
