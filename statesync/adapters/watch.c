/* SPDX-License-Identifier: Apache-2.0 */
#include "statesync/adapters/watch.h"

#include <string.h>
#include <sys/socket.h>
#include <zmq.h>

#define EVENTS \
	(ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | \
	 ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH)

bool watch_open(struct watch *w, void *context, void *monitored, const char *name)
{
	*w = (struct watch){ 0 };
	if (zmq_socket_monitor(monitored, name, EVENTS) != 0)
		return false;
	w->socket = zmq_socket(context, ZMQ_PAIR);
	return w->socket && zmq_connect(w->socket, name) == 0;
}

void watch_close(struct watch *w, void *monitored)
{
	if (!w->socket)
		return;
	(void)zmq_socket_monitor(monitored, NULL, 0);
	zmq_close(w->socket);
	*w = (struct watch){ 0 };
}

static struct watch_connection *find(struct watch *w, int fd)
{
	for (size_t i = 0; i < WATCH_CONNECTIONS; i++)
		if (w->list[i].used && w->list[i].fd == fd)
			return &w->list[i];
	return NULL;
}

static struct watch_connection *room(struct watch *w)
{
	for (size_t i = 0; i < WATCH_CONNECTIONS; i++)
		if (!w->list[i].used)
			return &w->list[i];
	return &w->list[w->next++ % WATCH_CONNECTIONS];
}

static void accepted(struct watch *w, int fd)
{
	struct watch_connection *c = find(w, fd);
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);

	if (!c)
		c = room(w);
	*c = (struct watch_connection){ .used = true, .fd = fd };
	if (getpeername(fd, (struct sockaddr *)&ss, &len) != 0 ||
	    inet_from_sockaddr((const struct sockaddr *)&ss, &c->peer) != R_OK)
		c->peer = (struct inet_endpoint){ 0 };
}

void watch_admitted(struct watch *w, int fd)
{
	struct watch_connection *c = find(w, fd);

	if (c)
		c->admitted = true;
}

static enum watch_event ended(struct watch *w, int fd, struct inet_endpoint *peer)
{
	struct watch_connection *c = find(w, fd);
	struct watch_connection was = c ? *c : (struct watch_connection){ .admitted = !w->failed };
	bool failed = w->failed;

	w->failed = false;
	if (c)
		c->used = false;
	if (was.admitted)
		return WATCH_ENDED;
	if (!failed && w->answered > 0) {
		w->answered--;
		return WATCH_OTHER;
	}
	*peer = was.peer;
	return WATCH_REFUSED;
}

enum watch_event watch_read(struct watch *w, struct inet_endpoint *peer)
{
	struct {
		uint16_t event;
		uint32_t value;
	} __attribute__((packed)) head = { 0 };
	char address[8];

	*peer = (struct inet_endpoint){ 0 };
	if (zmq_recv(w->socket, &head, sizeof(head), ZMQ_DONTWAIT) != (int)sizeof(head))
		return WATCH_NONE;
	/* The address is our own end's; it always comes. */
	(void)!zmq_recv(w->socket, address, sizeof(address), ZMQ_DONTWAIT);
	switch (head.event) {
	case ZMQ_EVENT_ACCEPTED:
		accepted(w, (int)head.value);
		return WATCH_OTHER;
	case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
		w->answered++;
		return WATCH_FAILED;
	case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
	case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
		w->failed = true;
		return WATCH_FAILED;
	case ZMQ_EVENT_DISCONNECTED:
		return ended(w, (int)head.value, peer);
	default:
		return WATCH_OTHER;
	}
}
