/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The raw socket for protocol 50 (RFC 4303). The kernel writes the outer IPv4
 * header and reassembles fragments; what it delivers starts with that header.
 */
#include <errno.h>
#include <unistd.h>

#include "esp/io.h"

#define BUFFER_BYTES    (4 << 20)
#define IPV4_HEADER_MIN 20u

bool io_raw_strip(struct esp_packet *p)
{
	const uint8_t *ip = p->buf + p->off;
	if (p->len < IPV4_HEADER_MIN || ip[0] >> 4 != 4)
		return false;
	const uint32_t header = (ip[0] & 0xfu) * 4u;
	if (header < IPV4_HEADER_MIN || header > p->len)
		return false;
	p->tos = ip[1];
	p->local.addr = inet_from_bytes(bytes(ip + 16, 4));
	p->local.port = p->remote.port = 0;
	p->off += header;
	p->len -= header;
	return true;
}

static bool prepare(int fd, const struct inet_addr *local)
{
	const struct inet_endpoint at = { .addr = *local };
	const int on = 1, discover = IP_PMTUDISC_DONT, size = BUFFER_BYTES;
	struct sockaddr_storage addr;
	const socklen_t len = inet_to_sockaddr(&at, &addr);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on)) == 0 &&
	       setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover)) == 0 &&
	       bind(fd, (const struct sockaddr *)&addr, len) == 0;
}

enum result esp_io_open_raw(const struct inet_addr *local, int *fd)
{
	if (local->family != INET_V4)
		return R_UNSUPPORTED;
	const int s = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_ESP);
	if (s < 0)
		return R_SYSTEM;
	if (!prepare(s, local)) {
		const int saved = errno;
		close(s);
		errno = saved;
		return R_SYSTEM;
	}
	*fd = s;
	return R_OK;
}
