/* SPDX-License-Identifier: Apache-2.0 */
/* The UDP 4500 socket of a worker (RFC 3948). */
#include <errno.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "esp/io.h"

#define BUFFER_BYTES (4 << 20)

static bool set(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

/* The large buffers need CAP_NET_ADMIN; without it the system's limit holds. */
static void set_buffers(int fd)
{
	if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES))
		(void)set(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	if (!set(fd, SOL_SOCKET, SO_SNDBUFFORCE, BUFFER_BYTES))
		(void)set(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
}

/*
 * The address may not be ours yet (R20: a standby opens its sockets before it
 * owns the address), so the bind is a free one. Outer packets may be
 * fragmented: the tunnel's MTU keeps them small enough on a usual path.
 */
static bool prepare(int fd, const struct inet_endpoint *local)
{
	const bool v6 = local->addr.family == INET_V6;
	struct sockaddr_storage addr;
	const socklen_t len = inet_to_sockaddr(local, &addr);
	set_buffers(fd);
	/* Without it datagrams come one by one. */
	(void)set(fd, IPPROTO_UDP, UDP_GRO, 1);
	if (!set(fd, SOL_SOCKET, SO_REUSEPORT, 1))
		return false;
	if (v6 &&
	    !(set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_FREEBIND, 1) &&
	      set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1)))
		return false;
	if (!v6 && !(set(fd, IPPROTO_IP, IP_FREEBIND, 1) && set(fd, IPPROTO_IP, IP_RECVTOS, 1) &&
		     set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)))
		return false;
	return bind(fd, (const struct sockaddr *)&addr, len) == 0;
}

enum result esp_io_open_udp4500(const struct inet_endpoint *local, int *fd)
{
	const int family = local->addr.family == INET_V6 ? AF_INET6 : AF_INET;
	if (local->addr.family == INET_NONE)
		return R_VALUE;
	const int s = socket(family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
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
