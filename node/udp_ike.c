/* SPDX-License-Identifier: Apache-2.0 */
/* IKE sockets of the control thread (udp_ike.h). */
#include "node/udp_ike.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { RECEIVE_BUFFER = 4 << 20 };

static void set_option(int fd, int level, int name, int value)
{
	/* Each is an improvement, none a condition: without the capability the default stays. */
	(void)!setsockopt(fd, level, name, &value, sizeof(value));
}

enum result udp_ike_open(const struct inet_addr *addr, uint16_t port, int *fd)
{
	const struct inet_endpoint local = { .addr = *addr, .port = port };
	struct sockaddr_storage ss;
	socklen_t len = inet_to_sockaddr(&local, &ss);

	*fd = socket(addr->family == INET_V6 ? AF_INET6 : AF_INET,
		     SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return R_SYSTEM;
	set_option(*fd, IPPROTO_IP, IP_FREEBIND, 1);
	set_option(*fd, SOL_SOCKET, SO_MARK, (int)HF_MARK_OWN);
	set_option(*fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
	/* IKE without RFC 7383 relies on IP fragments. */
	set_option(*fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	if (bind(*fd, (struct sockaddr *)&ss, len) == 0)
		return R_OK;
	close(*fd);
	*fd = -1;
	return R_SYSTEM;
}

bool udp_ike_receive(int fd, uint8_t *buf, size_t cap, size_t *len, struct inet_endpoint *remote)
{
	struct sockaddr_storage ss;
	socklen_t ss_len = sizeof(ss);
	ssize_t got = recvfrom(fd, buf, cap, MSG_DONTWAIT, (struct sockaddr *)&ss, &ss_len);

	if (got < 0 || inet_from_sockaddr((struct sockaddr *)&ss, remote) != R_OK)
		return false;
	*len = (size_t)got;
	return true;
}

enum result udp_ike_send(int fd, const struct inet_endpoint *remote, bool marker,
			 struct bytes datagram)
{
	static const uint8_t non_esp[4];
	struct sockaddr_storage ss;
	struct iovec iov[2] = {
		{ .iov_base = (void *)(uintptr_t)non_esp, .iov_len = marker ? sizeof(non_esp) : 0 },
		{ .iov_base = (void *)(uintptr_t)datagram.p, .iov_len = datagram.len },
	};
	struct msghdr msg = { .msg_name = &ss, .msg_iov = iov, .msg_iovlen = 2 };

	msg.msg_namelen = inet_to_sockaddr(remote, &ss);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ? R_OK : R_SYSTEM;
}
