/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The TUN device of the plaintext side: one queue per worker. It is not
 * persistent, so it dies with the process and takes its routes along (fail
 * closed, and R20 for an address on it).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "esp/io.h"

#define QUEUE_PACKETS 4096 /* of each queue */

static bool attach(int fd, const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_MULTI_QUEUE };
	memcpy(request.ifr_name, name, strlen(name));
	return ioctl(fd, TUNSETIFF, &request) == 0;
}

/*
 * Packets wait in the queue while a worker does not get its processor, and while a handover to us
 * is under way (R19): the kernel's 500 are 50 ms at 10,000 a second. Better with the old length
 * than not at all.
 */
static void set_queue_length(const char *name)
{
	struct ifreq request = { .ifr_qlen = QUEUE_PACKETS };
	const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(request.ifr_name, name, strlen(name));
	if (s < 0)
		return;
	(void)ioctl(s, SIOCSIFTXQLEN, &request);
	close(s);
}

enum result esp_io_open_tun(const char *name, unsigned int queues, int fds[])
{
	if (strlen(name) >= IFNAMSIZ)
		return R_VALUE;
	for (unsigned int i = 0; i < queues; i++) {
		fds[i] = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
		if (fds[i] >= 0 && attach(fds[i], name))
			continue;
		const int saved = errno;
		for (unsigned int k = 0; k <= i; k++) {
			if (fds[k] >= 0)
				close(fds[k]);
			fds[k] = -1;
		}
		errno = saved;
		return R_SYSTEM;
	}
	set_queue_length(name);
	return R_OK;
}

size_t io_tun_read(int fd, struct esp_packet *pkts, size_t n)
{
	size_t got = 0;
	while (got < n) {
		struct esp_packet *p = &pkts[got];
		io_packet_reset(p);
		const ssize_t len = read(fd, p->buf + p->off, io_packet_room(p));
		if (len < 0)
			break;
		p->len = (uint32_t)len;
		got++;
	}
	return got;
}

bool io_tun_write(int fd, const struct esp_packet *p)
{
	return write(fd, p->buf + p->off, p->len) == (ssize_t)p->len;
}
