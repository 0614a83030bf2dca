/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What libzmq says of connections: its monitor events. It names a connection
 * by descriptor when it is made and when it ends. A handshake that fails is
 * told without one: its end follows at once, but after a refusal by the ZAP
 * handler others may come in between.
 */
#ifndef HF_STATESYNC_ADAPTERS_WATCH_H
#define HF_STATESYNC_ADAPTERS_WATCH_H

#include "base/inet.h"

#define WATCH_CONNECTIONS 64

struct watch_connection {
	bool used;
	bool admitted; /* a message came by it */
	int fd;
	struct inet_endpoint peer;
};

struct watch {
	void *socket; /* PAIR, at the end of zmq_socket_monitor */
	struct watch_connection list[WATCH_CONNECTIONS];
	size_t next; /* to be forgotten when all are used */
	bool failed; /* the handshake of the next connection that ends */
	/* refused by the ZAP handler, which has counted them, and not ended yet */
	unsigned int answered;
};

enum watch_event {
	WATCH_NONE,    /* nothing more to be read */
	WATCH_OTHER,   /* nothing that matters */
	WATCH_ENDED,   /* a member's connection */
	WATCH_REFUSED, /* listening: a connection ended that was no member's; *peer says whose */
	WATCH_FAILED,  /* connecting: the other end has another key, or refuses ours */
};

/* Monitors monitored at an inproc address of this name. False: libzmq cannot. */
bool watch_open(struct watch *w, void *context, void *monitored, const char *name);
void watch_close(struct watch *w, void *monitored);
enum watch_event watch_read(struct watch *w, struct inet_endpoint *peer);
/* An admitted message came by fd. */
void watch_admitted(struct watch *w, int fd);

#endif
