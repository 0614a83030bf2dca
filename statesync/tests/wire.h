/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TCP wire for tests, run by the test's own loop: whoever connects to it
 * is connected on. It can be cut, and can damage one byte of what the far end
 * sends.
 */
#ifndef HF_STATESYNC_TESTS_WIRE_H
#define HF_STATESYNC_TESTS_WIRE_H

#include <poll.h>
#include <qb/qbloop.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/inet.h"
#include "base/must.h"

#define WIRE_PAIRS 32

struct wire {
	qb_loop_t *loop;
	int fd;
	struct inet_endpoint at, far;
	struct wire_pair {
		struct wire *wire;
		int near, far; /* -1: free */
	} pairs[WIRE_PAIRS];
	size_t next;
	size_t damage; /* bytes of the far end until one is damaged; 0: never */
};

static inline void wire_end(struct wire_pair *p)
{
	if (p->near < 0)
		return;
	qb_loop_poll_del(p->wire->loop, p->near);
	qb_loop_poll_del(p->wire->loop, p->far);
	close(p->near);
	close(p->far);
	p->near = p->far = -1;
}

static inline int wire_carry(int fd, int revents, void *data)
{
	struct wire_pair *p = data;
	struct wire *w = p->wire;
	uint8_t bytes[65536];
	ssize_t n = recv(fd, bytes, sizeof(bytes), 0);

	(void)revents;
	if (n <= 0) {
		wire_end(p);
		return 0;
	}
	if (fd == p->far) {
		if (w->damage && w->damage <= (size_t)n)
			bytes[w->damage - 1] ^= 1;
		w->damage = w->damage > (size_t)n ? w->damage - (size_t)n : 0;
	}
	for (ssize_t sent = 0, k; sent < n; sent += k) {
		k = send(fd == p->far ? p->near : p->far, bytes + sent, (size_t)(n - sent),
			 MSG_NOSIGNAL);
		if (k <= 0) {
			wire_end(p);
			return 0;
		}
	}
	return 0;
}

static inline int wire_accept(int fd, int revents, void *data)
{
	struct wire *w = data;
	struct wire_pair *p = &w->pairs[w->next++ % WIRE_PAIRS];
	struct sockaddr_storage ss;
	socklen_t len = inet_to_sockaddr(&w->far, &ss);

	(void)revents;
	wire_end(p);
	p->near = accept(fd, NULL, NULL);
	p->far = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(p->far, (struct sockaddr *)&ss, len) != 0) {
		close(p->near);
		close(p->far);
		p->near = p->far = -1;
		return 0;
	}
	must(qb_loop_poll_add(w->loop, QB_LOOP_HIGH, p->near, POLLIN, p, wire_carry) == 0);
	must(qb_loop_poll_add(w->loop, QB_LOOP_HIGH, p->far, POLLIN, p, wire_carry) == 0);
	return 0;
}

static inline void wire_open(struct wire *w, qb_loop_t *loop, const struct inet_endpoint *far)
{
	struct inet_endpoint any = { .addr = far->addr };
	struct sockaddr_storage ss;
	socklen_t len = inet_to_sockaddr(&any, &ss);

	*w = (struct wire){ .loop = loop, .far = *far, .fd = socket(AF_INET, SOCK_STREAM, 0) };
	for (size_t i = 0; i < WIRE_PAIRS; i++)
		w->pairs[i] = (struct wire_pair){ .wire = w, .near = -1, .far = -1 };
	must(bind(w->fd, (struct sockaddr *)&ss, len) == 0 && listen(w->fd, 8) == 0);
	len = sizeof(ss);
	must(getsockname(w->fd, (struct sockaddr *)&ss, &len) == 0 &&
	     inet_from_sockaddr((struct sockaddr *)&ss, &w->at) == R_OK);
	must(qb_loop_poll_add(loop, QB_LOOP_HIGH, w->fd, POLLIN, w, wire_accept) == 0);
}

static inline void wire_cut(struct wire *w)
{
	for (size_t i = 0; i < WIRE_PAIRS; i++)
		wire_end(&w->pairs[i]);
}

static inline void wire_close(struct wire *w)
{
	wire_cut(w);
	qb_loop_poll_del(w->loop, w->fd);
	close(w->fd);
}

#endif
