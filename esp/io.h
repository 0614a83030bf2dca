/* SPDX-License-Identifier: Apache-2.0 */
/* Bursts of packets to and from descriptors, for worker_thread.c. Nothing blocks. */
#ifndef HF_ESP_IO_H
#define HF_ESP_IO_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "esp/esp.h"

#define IO_CONTROL_LEN 64u    /* room for the TOS and the segment size of one message */
#define IO_TRAIN_MAX   65000u /* bytes that one message may carry in equal segments */

/* Arguments of recvmmsg and sendmmsg, kept to be used again. */
struct io_batch {
	struct mmsghdr msg[ESP_BURST];
	struct iovec iov[ESP_BURST];
	struct sockaddr_storage addr[ESP_BURST];
	_Alignas(struct cmsghdr) uint8_t control[ESP_BURST][IO_CONTROL_LEN];
	size_t first[ESP_BURST + 1]; /* sending: the first packet of each message */
	bool no_trains;              /* sending: the kernel has just refused a train */
};

/* Point a packet at the whole of its buffer, empty, with room for sealing in front and behind. */
static inline void io_packet_reset(struct esp_packet *p)
{
	p->off = ESP_HEADROOM;
	p->len = 0;
	p->gso_size = 0;
	p->tos = 0;
	p->local = (struct inet_endpoint){ 0 };
	p->remote = (struct inet_endpoint){ 0 };
}

static inline uint32_t io_packet_room(const struct esp_packet *p)
{
	return p->cap - ESP_HEADROOM - ESP_TAILROOM;
}

/*
 * Up to n datagrams with source and TOS, or trains of them, whose gso_size is
 * then set (UDP_GRO). What does not fit its buffer gets len 0. Returns how many.
 */
size_t io_receive(int fd, struct io_batch *b, struct esp_packet *pkts, size_t n);
/*
 * Send packets to their remote addresses. udp false: a raw socket, to which
 * ports mean nothing. Neighbours to one place and of one length go as a train
 * (UDP_SEGMENT). A packet that the kernel refuses gets ESP_V_SEND_FAILED.
 * Returns how many were sent.
 */
size_t io_send(int fd, struct io_batch *b, struct esp_packet *const *pkts, size_t n, bool udp);

/* Up to n packets from a TUN queue. */
size_t io_tun_read(int fd, struct esp_packet *pkts, size_t n);
bool io_tun_write(int fd, const struct esp_packet *p);

/* Take the IPv4 header off a packet from a raw socket; false when it is no IPv4 packet. */
bool io_raw_strip(struct esp_packet *p);

#endif
