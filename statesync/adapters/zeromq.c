/* SPDX-License-Identifier: Apache-2.0 */
#include "statesync/adapters/zeromq.h"

#include <errno.h>
#include <poll.h>
#include <qb/qbloop.h>
#include <qb/qbutil.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "statesync/adapters/watch.h"
#include "statesync/adapters/zap.h"

#define QUEUE_MESSAGES     64 /* above every credit: a queue that is full belongs to no member */
#define BURST              8  /* messages of a turn: others want the loop too */
#define HANDSHAKE_MS       3000
#define HEARTBEAT_MS       1000
#define HEARTBEAT_DEAD_MS  3000
#define RECONNECT_MS       100
#define RECONNECT_MAX_MS   1000
#define CONNECT_TIMEOUT_MS 2000
#define BACKLOG            16
#define IDLE_NS            10000000000ull
#define IDLE_LOOK_NS       2000000000ull

#define ROUTING_ID_MAX 255

/* A socket and the descriptor by which it says that something may have changed. */
struct end {
	void *socket;
	int fd;
};

/* A connection of ours to one member, made on demand. */
struct dealer {
	struct end end, monitor;
	struct watch watch;
	struct inet_endpoint at;
	bool ended;         /* a connection was lost, or not agreed upon */
	struct buf waiting; /* the newest request, until the connection stands */
	uint64_t used_ns;
};

/* How to answer a member: the connection that it last asked by. */
struct route {
	uint8_t id[ROUTING_ID_MAX];
	size_t len;
};

struct ss_zmq {
	struct ss_zmq_config cfg;
	struct secret key;
	void *context;
	struct end router, zap, monitor;
	struct watch watch;
	uint16_t port;
	struct route routes[SS_SLOTS];
	struct dealer *dealers[SS_SLOTS];
	unsigned int dealers_made; /* names their monitors */
	bool pump_scheduled, idle_scheduled;
	qb_loop_timer_handle pump_timer, idle_timer;
	struct ss_zmq_stats stats;
};

static void schedule_pump(struct ss_zmq *z);
static bool pump_router(struct ss_zmq *z);
static bool pump_monitor(struct ss_zmq *z);

/* ---- ends ---- */

/* Messages before the ends of the connections that brought them. */
static int on_monitor(int fd, int revents, void *data)
{
	(void)fd;
	(void)revents;
	while (pump_router(data) || pump_monitor(data))
		;
	return 0;
}

static int on_readable(int fd, int revents, void *data)
{
	(void)fd;
	(void)revents;
	schedule_pump(data);
	return 0;
}

static bool end_add(struct ss_zmq *z, struct end *e, void *socket)
{
	/* The monitor first: whose connection it was can be asked only while it stands. */
	enum qb_loop_priority p = e == &z->monitor ? QB_LOOP_HIGH : QB_LOOP_LOW;
	size_t len = sizeof(e->fd);

	e->socket = socket;
	e->fd = -1;
	return zmq_getsockopt(socket, ZMQ_FD, &e->fd, &len) == 0 &&
	       qb_loop_poll_add(z->cfg.loop, p, e->fd, POLLIN, z,
				e == &z->monitor ? on_monitor : on_readable) == 0;
}

/* The descriptor is the socket's: out of the loop before the socket is closed. */
static void end_remove(struct ss_zmq *z, struct end *e)
{
	if (e->socket && e->fd >= 0)
		qb_loop_poll_del(z->cfg.loop, e->fd);
	e->fd = -1;
}

static void end_close(struct ss_zmq *z, struct end *e)
{
	end_remove(z, e);
	if (e->socket)
		zmq_close(e->socket);
	e->socket = NULL;
}

/* Reading the events is also what quiets the descriptor, which tells of changes only. */
static int events_of(const struct end *e)
{
	int events = 0;
	size_t len = sizeof(events);

	return e->socket && zmq_getsockopt(e->socket, ZMQ_EVENTS, &events, &len) == 0 ? events : 0;
}

static bool set_int(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof(value)) == 0;
}

static bool set_common(void *socket, const struct inet_addr *at, int64_t message_max)
{
	return set_int(socket, ZMQ_LINGER, 0) && set_int(socket, ZMQ_IPV6, at->family == INET_V6) &&
	       set_int(socket, ZMQ_SNDHWM, QUEUE_MESSAGES) &&
	       set_int(socket, ZMQ_RCVHWM, QUEUE_MESSAGES) &&
	       set_int(socket, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
	       set_int(socket, ZMQ_HEARTBEAT_IVL, HEARTBEAT_MS) &&
	       set_int(socket, ZMQ_HEARTBEAT_TIMEOUT, HEARTBEAT_DEAD_MS) &&
	       zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &message_max, sizeof(message_max)) == 0;
}

static const char *url(const struct inet_endpoint *e, char out[INET_TEXT_MAX + 8])
{
	char text[INET_TEXT_MAX];

	snprintf(out, INET_TEXT_MAX + 8, "tcp://%s", inet_endpoint_text(e, text));
	return out;
}

/* ---- listening ---- */

static bool open_zap(struct ss_zmq *z)
{
	void *rep = zmq_socket(z->context, ZMQ_REP);

	return rep && (z->zap.socket = rep, set_int(rep, ZMQ_LINGER, 0)) &&
	       zmq_bind(rep, ZAP_ENDPOINT) == 0 && end_add(z, &z->zap, rep);
}

static bool bind_router(struct ss_zmq *z)
{
	char text[INET_TEXT_MAX + 8];
	size_t len = sizeof(text);

	if (zmq_bind(z->router.socket, url(&z->cfg.listen, text)) != 0 ||
	    zmq_getsockopt(z->router.socket, ZMQ_LAST_ENDPOINT, text, &len) != 0)
		return false;
	const char *port = strrchr(text, ':');
	z->port = port ? (uint16_t)strtoul(port + 1, NULL, 10) : 0;
	return true;
}

/*
 * libzmq lets everybody in while there is no ZAP handler: it is there before
 * the address is bound, and a message without the slot that it gives is dropped.
 */
static bool open_router(struct ss_zmq *z)
{
	void *router = zmq_socket(z->context, ZMQ_ROUTER);

	z->router.socket = router;
	return router && set_common(router, &z->cfg.listen.addr, SS_REQUEST_MAX) &&
	       set_int(router, ZMQ_ROUTER_MANDATORY, 1) && set_int(router, ZMQ_BACKLOG, BACKLOG) &&
	       set_int(router, ZMQ_CURVE_SERVER, 1) &&
	       zmq_setsockopt(router, ZMQ_CURVE_SECRETKEY, z->key.data, z->key.len) == 0 &&
	       zmq_setsockopt(router, ZMQ_ZAP_DOMAIN, ZAP_DOMAIN, strlen(ZAP_DOMAIN)) == 0 &&
	       watch_open(&z->watch, z->context, router, "inproc://router.monitor") &&
	       end_add(z, &z->monitor, z->watch.socket) && end_add(z, &z->router, router) &&
	       bind_router(z);
}

static void log_refused(const struct inet_endpoint *peer, const char *why)
{
	struct log_event ev;

	log_event_make(&ev, LOG_REPL_CHANNEL_REFUSED, NULL,
		       peer->addr.family == INET_NONE ? NULL : peer, NULL, "%s", why);
	log_emit(&ev);
}

static bool pump_zap(struct ss_zmq *z)
{
	struct zap_answer a;

	if (!(events_of(&z->zap) & ZMQ_POLLIN) || !zap_answer(z->zap.socket, z->cfg.members, &a))
		return false;
	if (a.slot) {
		z->stats.admitted++;
		return true;
	}
	z->stats.refused++;
	log_refused(&a.peer, "its key is that of no member");
	return true;
}

static bool pump_monitor(struct ss_zmq *z)
{
	struct inet_endpoint peer;
	enum watch_event ev;

	if (!(events_of(&z->monitor) & ZMQ_POLLIN))
		return false;
	ev = watch_read(&z->watch, &peer);
	if (ev == WATCH_REFUSED) {
		z->stats.refused++;
		log_refused(&peer, "it does not prove a key, or takes us for another");
	}
	return ev != WATCH_NONE;
}

/* The slot that the ZAP handler gave the connection; 0: none. */
static uint8_t slot_of(zmq_msg_t *m)
{
	const char *user = zmq_msg_gets(m, "User-Id");
	unsigned long slot = user ? strtoul(user, NULL, 10) : 0;

	return slot < SS_SLOTS ? (uint8_t)slot : 0;
}

static bool has_more(void *socket)
{
	int more = 0;
	size_t len = sizeof(more);

	return zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &len) == 0 && more;
}

static void drop_rest(void *socket)
{
	uint8_t none;

	while (has_more(socket) && zmq_recv(socket, &none, sizeof(none), ZMQ_DONTWAIT) >= 0)
		;
}

static void take(struct ss_zmq *z, uint8_t slot, zmq_msg_t *m)
{
	struct bytes data = bytes(zmq_msg_data(m), zmq_msg_size(m));

	z->stats.received++;
	z->stats.received_bytes += data.len;
	z->cfg.message(z->cfg.ctx, slot, data);
}

static void routed(struct ss_zmq *z, const uint8_t *id, size_t len, zmq_msg_t *m)
{
	uint8_t slot = slot_of(m);

	if (slot == 0 || slot == z->cfg.slot || has_more(z->router.socket)) {
		z->stats.unexpected++;
		return;
	}
	memcpy(z->routes[slot].id, id, len);
	z->routes[slot].len = len;
	watch_admitted(&z->watch, zmq_msg_get(m, ZMQ_SRCFD));
	take(z, slot, m);
}

static bool pump_router(struct ss_zmq *z)
{
	uint8_t id[ROUTING_ID_MAX];
	zmq_msg_t m;

	if (!(events_of(&z->router) & ZMQ_POLLIN))
		return false;
	int len = zmq_recv(z->router.socket, id, sizeof(id), ZMQ_DONTWAIT);
	if (len < 0)
		return false;
	zmq_msg_init(&m);
	if (has_more(z->router.socket) && zmq_msg_recv(&m, z->router.socket, ZMQ_DONTWAIT) >= 0)
		routed(z, id, (size_t)len, &m);
	drop_rest(z->router.socket);
	zmq_msg_close(&m);
	return true;
}

/* ---- connecting ---- */

static void dealer_free(struct ss_zmq *z, uint8_t slot)
{
	struct dealer *d = z->dealers[slot];

	if (!d)
		return;
	z->dealers[slot] = NULL;
	end_remove(z, &d->monitor);
	watch_close(&d->watch, d->end.socket);
	end_close(z, &d->end);
	buf_free(&d->waiting);
	free(d);
}

static void idle_look(void *data)
{
	struct ss_zmq *z = data;
	uint64_t now = qb_util_nano_current_get();
	bool any = false;

	for (uint8_t slot = 0; slot < SS_SLOTS; slot++) {
		if (z->dealers[slot] && now - z->dealers[slot]->used_ns > IDLE_NS)
			dealer_free(z, slot);
		any = any || z->dealers[slot];
	}
	z->idle_scheduled = any && qb_loop_timer_add(z->cfg.loop, QB_LOOP_LOW, IDLE_LOOK_NS, z,
						     idle_look, &z->idle_timer) == 0;
}

/* IMMEDIATE: nothing is queued for a connection that does not stand; d->waiting is. */
static bool dealer_open(struct ss_zmq *z, struct dealer *d, uint8_t slot)
{
	char text[INET_TEXT_MAX + 8], name[48];
	void *dealer = zmq_socket(z->context, ZMQ_DEALER);
	const uint8_t *theirs = z->cfg.members[slot].key, *ours = z->cfg.members[z->cfg.slot].key;

	snprintf(name, sizeof(name), "inproc://dealer.monitor.%u", z->dealers_made++);
	d->end.socket = dealer;
	return dealer && set_common(dealer, &d->at.addr, SS_CHUNK_MAX) &&
	       set_int(dealer, ZMQ_IMMEDIATE, 1) &&
	       set_int(dealer, ZMQ_RECONNECT_IVL, RECONNECT_MS) &&
	       set_int(dealer, ZMQ_RECONNECT_IVL_MAX, RECONNECT_MAX_MS) &&
	       set_int(dealer, ZMQ_CONNECT_TIMEOUT, CONNECT_TIMEOUT_MS) &&
	       zmq_setsockopt(dealer, ZMQ_CURVE_SERVERKEY, theirs, SS_CURVE_KEY) == 0 &&
	       zmq_setsockopt(dealer, ZMQ_CURVE_PUBLICKEY, ours, SS_CURVE_KEY) == 0 &&
	       zmq_setsockopt(dealer, ZMQ_CURVE_SECRETKEY, z->key.data, z->key.len) == 0 &&
	       watch_open(&d->watch, z->context, dealer, name) &&
	       end_add(z, &d->monitor, d->watch.socket) && end_add(z, &d->end, dealer) &&
	       zmq_connect(dealer, url(&d->at, text)) == 0;
}

static struct dealer *dealer_for(struct ss_zmq *z, uint8_t slot, const struct inet_endpoint *at)
{
	struct dealer *d = z->dealers[slot];

	/* After what it takes for a protocol error libzmq does not connect again. */
	if (d && !d->ended && inet_endpoint_equal(&d->at, at))
		return d;
	dealer_free(z, slot);
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->at = *at;
	d->end.fd = d->monitor.fd = -1;
	z->dealers[slot] = d;
	if (!dealer_open(z, d, slot)) {
		dealer_free(z, slot);
		return NULL;
	}
	return d;
}

static bool dealer_send_waiting(struct ss_zmq *z, struct dealer *d)
{
	if (!d->waiting.len || !(events_of(&d->end) & ZMQ_POLLOUT))
		return false;
	int len = zmq_send(d->end.socket, d->waiting.p, d->waiting.len, ZMQ_DONTWAIT);
	if (len < 0)
		return false;
	z->stats.sent++;
	z->stats.sent_bytes += d->waiting.len;
	buf_free(&d->waiting);
	return true;
}

static bool dealer_receive(struct ss_zmq *z, struct dealer *d, uint8_t slot)
{
	zmq_msg_t m;

	if (!(events_of(&d->end) & ZMQ_POLLIN))
		return false;
	zmq_msg_init(&m);
	if (zmq_msg_recv(&m, d->end.socket, ZMQ_DONTWAIT) < 0) {
		zmq_msg_close(&m);
		return false;
	}
	d->used_ns = qb_util_nano_current_get();
	if (has_more(d->end.socket)) {
		z->stats.unexpected++;
		drop_rest(d->end.socket);
	} else {
		take(z, slot, &m);
	}
	zmq_msg_close(&m);
	return true;
}

static bool dealer_monitor(struct ss_zmq *z, struct dealer *d)
{
	struct inet_endpoint peer;
	struct log_event log;
	enum watch_event ev;

	if (!(events_of(&d->monitor) & ZMQ_POLLIN))
		return false;
	ev = watch_read(&d->watch, &peer);
	d->ended = d->ended || ev == WATCH_FAILED || ev == WATCH_REFUSED || ev == WATCH_ENDED;
	if (ev == WATCH_FAILED) {
		z->stats.failed++;
		log_event_make(&log, LOG_REPL_CHANNEL_FAILED, NULL, &d->at, NULL,
			       "the handshake failed");
		log_emit(&log);
	}
	return ev != WATCH_NONE;
}

/* message() may ask, and so replace a dealer: it is the last that is done with one. */
static bool pump_dealers(struct ss_zmq *z)
{
	bool did = false;

	for (uint8_t slot = 0; slot < SS_SLOTS; slot++) {
		struct dealer *d = z->dealers[slot];
		if (!d)
			continue;
		did = dealer_monitor(z, d) || did;
		did = dealer_send_waiting(z, d) || did;
		did = dealer_receive(z, d, slot) || did;
	}
	return did;
}

/* ---- the loop ---- */

static bool pump_once(struct ss_zmq *z)
{
	bool did = pump_zap(z);

	did = pump_router(z) || did;
	did = pump_dealers(z) || did;
	return did || pump_monitor(z);
}

/*
 * The descriptors tell of a change once, and any call on a socket may eat what
 * they would have told: so all are looked at until none has anything.
 */
static void pump(void *data)
{
	struct ss_zmq *z = data;
	unsigned int n = 0;

	z->pump_scheduled = false;
	while (n < BURST && pump_once(z))
		n++;
	if (n == BURST)
		schedule_pump(z);
}

/* A timer, not a job: a loop that has nothing but jobs waits 50 ms before it runs them. */
static void schedule_pump(struct ss_zmq *z)
{
	if (!z->pump_scheduled)
		z->pump_scheduled = qb_loop_timer_add(z->cfg.loop, QB_LOOP_LOW, 0, z, pump,
						      &z->pump_timer) == 0;
}

/* ---- the interface ---- */

void ss_zmq_ask(struct ss_zmq *z, uint8_t slot, const struct inet_endpoint *at,
		struct bytes request)
{
	struct dealer *d = slot < SS_SLOTS && z->cfg.members[slot].known ? dealer_for(z, slot, at)
									 : NULL;

	if (!d || !buf_set(&d->waiting, request)) {
		z->stats.send_failed++;
		return;
	}
	d->used_ns = qb_util_nano_current_get();
	if (!z->idle_scheduled)
		z->idle_scheduled = qb_loop_timer_add(z->cfg.loop, QB_LOOP_LOW, IDLE_LOOK_NS, z,
						      idle_look, &z->idle_timer) == 0;
	schedule_pump(z);
}

void ss_zmq_answer(struct ss_zmq *z, uint8_t slot, struct bytes message)
{
	const struct route *r = slot < SS_SLOTS ? &z->routes[slot] : NULL;

	schedule_pump(z);
	if (!r || !r->len ||
	    zmq_send(z->router.socket, r->id, r->len, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 ||
	    zmq_send(z->router.socket, message.p, message.len, ZMQ_DONTWAIT) < 0) {
		z->stats.send_failed++;
		return;
	}
	z->stats.sent++;
	z->stats.sent_bytes += message.len;
}

const struct ss_zmq_stats *ss_zmq_stats(const struct ss_zmq *z)
{
	return &z->stats;
}

uint16_t ss_zmq_port(const struct ss_zmq *z)
{
	return z->port;
}

void ss_zmq_close(struct ss_zmq *z)
{
	if (!z)
		return;
	for (uint8_t slot = 0; slot < SS_SLOTS; slot++)
		dealer_free(z, slot);
	end_remove(z, &z->monitor);
	watch_close(&z->watch, z->router.socket);
	end_close(z, &z->router);
	end_close(z, &z->zap);
	if (z->pump_scheduled)
		qb_loop_timer_del(z->cfg.loop, z->pump_timer);
	if (z->idle_scheduled)
		qb_loop_timer_del(z->cfg.loop, z->idle_timer);
	if (z->context)
		zmq_ctx_term(z->context);
	secret_wipe(&z->key);
	free(z);
}

enum result ss_zmq_open(const struct ss_zmq_config *cfg, struct ss_zmq **out)
{
	*out = NULL;
	if (!zmq_has("curve"))
		return R_UNSUPPORTED;
	if (cfg->key->len != SS_CURVE_KEY || cfg->slot >= SS_SLOTS)
		return R_VALUE;
	struct ss_zmq *z = calloc(1, sizeof(*z));
	if (!z)
		return R_NO_MEMORY;
	z->cfg = *cfg;
	z->cfg.key = NULL;
	z->router.fd = z->zap.fd = z->monitor.fd = -1;
	z->context = zmq_ctx_new();
	if (secret_copy(&z->key, cfg->key) != R_OK || !z->context || !open_zap(z) ||
	    !open_router(z)) {
		int why = errno;
		ss_zmq_close(z);
		errno = why;
		return R_SYSTEM;
	}
	*out = z;
	return R_OK;
}
