/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker's thread: wait, read a burst, seal or open it, send it on, be
 * quiescent. It runs each burst to completion, so that when a grace period
 * has passed nothing of an old group state is left on its way (R12, R19).
 *
 * Raw sockets each get a copy of every ESP packet: only worker 0 reads one.
 */
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "base/rcu.h"
#include "esp/io.h"
#include "esp/worker.h"

#define PACKET_MAX       9216u /* jumbo frames */
#define TRAIN_MAX        65536u
/* Neither is a multiple of 4096: the heads of a burst would share few cache sets. */
#define BUFFER_LEN       (ESP_HEADROOM + PACKET_MAX + ESP_TAILROOM)
#define TRAIN_LEN        (ESP_HEADROOM + TRAIN_MAX + ESP_TAILROOM)
#define IKE_RING         64u
#define NON_ESP_MARKER   4u /* RFC 3948 2.2: four zero bytes */
#define STRAGGLER_BURSTS 64u
#define PENDING_POLL_MS  1000 /* for packets that waited too long; new SAs wake the thread */

struct esp_worker_thread {
	struct esp_worker *w;
	struct esp_io_config io;
	int kick_fd;
	_Atomic bool stop;
	pthread_t id;
	struct spsc_ring *ike;
	struct inet_endpoint udp_local;
	bool wake;                           /* control has something to collect */
	struct esp_packet packet[ESP_BURST]; /* with buffers of their own, to seal */
	struct esp_packet train[ESP_BURST];  /* likewise, as received from outside */
	struct esp_packet piece[ESP_BURST];  /* parts of trains */
	struct esp_packet *send[ESP_BURST];
	struct io_batch batch;
	uint8_t *buffers;
	uint8_t *train_buffers;
	uint8_t relayed[BUFFER_LEN];
};

/* R12: the clock that goes on while the machine is suspended. */
static uint64_t boottime_ns(void)
{
	struct timespec ts;
	must(clock_gettime(CLOCK_BOOTTIME, &ts) == 0);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void count(struct esp_worker_thread *t, enum esp_verdict v, int inbound)
{
	stat_add(&t->w->verdicts[inbound][v], 1);
}

/* ---- R19: to and from the mate ---- */

static void relay_packet(struct esp_worker_thread *t, uint64_t now_ns, uint8_t group,
			 const struct relay_message *m, int inbound)
{
	struct esp_group *g = &t->w->dp->group[group];
	struct relay_link *link = atomic_load_explicit(&g->relay, memory_order_acquire);
	size_t len = 0;
	stat_set(&g->straggler_ns, stamp(now_ns));
	if (link != NULL && t->io.relay_fd >= 0 &&
	    relay_seal(link, m, t->relayed, sizeof(t->relayed), &len) == R_OK) {
		struct sockaddr_storage to;
		const socklen_t to_len = inet_to_sockaddr(&link->mate, &to);
		if (sendto(t->io.relay_fd, t->relayed, len, MSG_DONTWAIT, (struct sockaddr *)&to,
			   to_len) == (ssize_t)len)
			return;
	}
	count(t, ESP_V_SEND_FAILED, inbound);
}

static void relay_esp(struct esp_worker_thread *t, uint64_t now_ns, const struct esp_packet *p)
{
	const struct esp_child *child = datapath_child(t->w->dp, p->spi_in);
	if (child == NULL)
		return;
	const struct relay_message m = { .kind = RELAY_ESP,
					 .group = child->group,
					 .tos = p->tos,
					 .local = p->local,
					 .remote = p->remote,
					 .payload = bytes(p->buf + p->off, p->len) };
	relay_packet(t, now_ns, child->group, &m, 1);
}

static void relay_clear(struct esp_worker_thread *t, uint64_t now_ns, const struct esp_packet *p)
{
	struct flow f;
	const struct spd *spd = atomic_load_explicit(&t->w->dp->spd, memory_order_acquire);
	const struct spd_rule *rule = flow_parse(p->buf + p->off, p->len, FLOW_OUTBOUND, &f) != 0
					      ? spd_match(spd, &f)
					      : NULL;
	if (rule == NULL)
		return;
	const struct relay_message m = { .kind = RELAY_CLEAR,
					 .group = rule->group,
					 .payload = bytes(p->buf + p->off, p->len) };
	relay_packet(t, now_ns, rule->group, &m, 0);
}

/* ---- what a burst has become ---- */

static void send_outer(struct esp_worker_thread *t, size_t n, bool udp_encap)
{
	struct esp_packet *run[ESP_BURST];
	size_t k = 0;
	for (size_t i = 0; i < n; i++)
		if (t->send[i]->udp_encap == udp_encap)
			run[k++] = t->send[i];
	const int fd = udp_encap ? t->io.udp_fd : t->io.raw_fd;
	const size_t sent = fd >= 0 && k > 0 ? io_send(fd, &t->batch, run, k, udp_encap) : 0;
	for (size_t i = sent; i < k; i++)
		count(t, ESP_V_SEND_FAILED, 0);
}

static void after_outbound(struct esp_worker_thread *t, uint64_t now_ns, size_t n)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		struct esp_packet *p = &t->packet[i];
		if (p->verdict == ESP_V_OK)
			t->send[k++] = p;
		else if (p->verdict == ESP_V_RELAYED)
			relay_clear(t, now_ns, p);
	}
	send_outer(t, k, true);
	send_outer(t, k, false);
}

static void after_inbound(struct esp_worker_thread *t, uint64_t now_ns,
			  const struct esp_packet *pkts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct esp_packet *p = &pkts[i];
		if (p->verdict == ESP_V_RELAYED)
			relay_esp(t, now_ns, p);
		else if (p->verdict == ESP_V_OK &&
			 (t->io.tun_fd < 0 || !io_tun_write(t->io.tun_fd, p)))
			count(t, ESP_V_SEND_FAILED, 1);
	}
}

/* ---- IKE on 4500, for control ---- */

static void deliver_ike(struct esp_worker_thread *t, const struct inet_endpoint *local,
			const struct inet_endpoint *remote, struct bytes message)
{
	struct esp_ike_datagram *d = spsc_ring_produce(t->ike);
	t->wake = true;
	if (d == NULL || message.len > sizeof(d->data)) {
		count(t, d == NULL ? ESP_V_IKE_RING_FULL : ESP_V_TOO_BIG, 1);
		return;
	}
	d->local = *local;
	d->remote = *remote;
	d->len = (uint16_t)message.len;
	memcpy(d->data, message.p, message.len);
	spsc_ring_produce_commit(t->ike);
	count(t, ESP_V_IKE, 1);
}

/* ---- one burst from each descriptor ---- */

/* RFC 3948 2.2, 2.3: what a datagram on 4500 is. True when it is ESP. */
static bool demultiplex(struct esp_worker_thread *t, struct esp_packet *p)
{
	static const uint8_t marker[NON_ESP_MARKER];
	const uint8_t *data = p->buf + p->off;
	p->local = t->udp_local;
	if (p->len == 1 && data[0] == 0xff)
		count(t, ESP_V_KEEPALIVE, 1);
	else if (p->len < NON_ESP_MARKER)
		count(t, ESP_V_SHORT, 1);
	else if (memcmp(data, marker, NON_ESP_MARKER) == 0)
		deliver_ike(t, &p->local, &p->remote,
			    bytes(data + NON_ESP_MARKER, p->len - NON_ESP_MARKER));
	else
		return true;
	return false;
}

static bool strip_raw(struct esp_worker_thread *t, struct esp_packet *p)
{
	if (io_raw_strip(p))
		return true;
	count(t, ESP_V_NOT_IP, 1);
	return false;
}

static void open_pieces(struct esp_worker_thread *t, uint64_t now_ns, size_t n)
{
	esp_worker_inbound(t->w, now_ns, t->piece, n);
	after_inbound(t, now_ns, t->piece, n);
}

/* The next datagram of a train, which shrinks by it. */
static struct esp_packet take_piece(struct esp_packet *train)
{
	struct esp_packet piece = *train;
	if (train->gso_size != 0 && train->len > train->gso_size)
		piece.len = train->gso_size;
	piece.gso_size = 0;
	train->off += piece.len;
	train->len -= piece.len;
	return piece;
}

static void read_outer(struct esp_worker_thread *t, int fd,
		       bool (*is_esp)(struct esp_worker_thread *t, struct esp_packet *p))
{
	const size_t n = io_receive(fd, &t->batch, t->train, ESP_BURST);
	const uint64_t now_ns = boottime_ns();
	size_t esp = 0;
	for (size_t i = 0; i < n; i++) {
		do {
			t->piece[esp] = take_piece(&t->train[i]);
			esp += is_esp(t, &t->piece[esp]);
			if (esp == ESP_BURST) {
				open_pieces(t, now_ns, esp);
				esp = 0;
			}
		} while (t->train[i].len > 0);
	}
	open_pieces(t, now_ns, esp);
}

static void read_tun(struct esp_worker_thread *t)
{
	const size_t n = io_tun_read(t->io.tun_fd, t->packet, ESP_BURST);
	const uint64_t now_ns = boottime_ns();
	esp_worker_outbound(t->w, now_ns, t->packet, n);
	after_outbound(t, now_ns, n);
}

static enum esp_verdict straggler_verdict(enum result res)
{
	switch (res) {
	case R_SHORT:
		return ESP_V_SHORT;
	case R_DUPLICATE:
		return ESP_V_REPLAY;
	case R_LIMIT:
		return ESP_V_RELAY_LIMIT;
	default:
		return ESP_V_ICV;
	}
}

/* A straggler from the old owner; it is treated as if it had come here in the first place. */
static void take_straggler(struct esp_worker_thread *t, uint64_t now_ns, const struct esp_packet *p)
{
	struct relay_message m;
	uint8_t *datagram = p->buf + p->off;
	const int group = relay_peek_group(bytes(datagram, p->len));
	struct relay_link *link = group >= 0 && group < ESP_GROUPS_MAX
					  ? relay_link_of(&t->w->dp->group[group], now_ns,
							  bytes(datagram, p->len))
					  : NULL;
	const enum result res = link != NULL ? relay_open(link, now_ns, datagram, p->len, &m)
					     : R_INTEGRITY;
	if (res != R_OK) {
		count(t, straggler_verdict(res), 1);
		return;
	}
	if (m.kind == RELAY_IKE) {
		deliver_ike(t, &m.local, &m.remote, m.payload);
		return;
	}
	if (m.kind == RELAY_ESP) {
		t->piece[0] = (struct esp_packet){ .buf = datagram,
						   .cap = p->len,
						   .off = (uint32_t)(m.payload.p - datagram),
						   .len = (uint32_t)m.payload.len,
						   .tos = m.tos,
						   .local = m.local,
						   .remote = m.remote };
		open_pieces(t, now_ns, 1);
		return;
	}
	if (m.payload.len > io_packet_room(&t->packet[0])) {
		count(t, ESP_V_TOO_BIG, 0);
		return;
	}
	io_packet_reset(&t->packet[0]);
	t->packet[0].len = (uint32_t)m.payload.len;
	memcpy(t->packet[0].buf + t->packet[0].off, m.payload.p, m.payload.len);
	esp_worker_outbound(t->w, now_ns, t->packet, 1);
	after_outbound(t, now_ns, 1);
}

static size_t read_relay(struct esp_worker_thread *t)
{
	const size_t n = io_receive(t->io.relay_fd, &t->batch, t->train, ESP_BURST);
	const uint64_t now_ns = boottime_ns();
	for (size_t i = 0; i < n; i++) {
		do {
			struct esp_packet datagram = take_piece(&t->train[i]);
			take_straggler(t, now_ns, &datagram);
		} while (t->train[i].len > 0);
	}
	return n;
}

/*
 * Stragglers were sent before what comes directly. All that wait go first: behind too many newer
 * numbers they are left of the replay window. Not for ever: anybody can send to the port.
 */
static void read_stragglers(struct esp_worker_thread *t)
{
	for (unsigned int i = 0; i < STRAGGLER_BURSTS; i++)
		if (read_relay(t) < ESP_BURST)
			return;
}

static void flush_waiting(struct esp_worker_thread *t)
{
	const uint64_t now_ns = boottime_ns();
	const size_t n = esp_worker_flush(t->w, now_ns, t->packet, ESP_BURST);
	after_outbound(t, now_ns, n);
}

/* ---- the loop ---- */

/* R19: while a handover to us is under way, what arrives stays in the kernel's buffers. */
static bool some_group_ready(const struct esp_datapath *dp)
{
	for (unsigned int g = 0; g < ESP_GROUPS_MAX; g++)
		if ((atomic_load_explicit(&dp->group[g].state_term, memory_order_acquire) & 3) ==
		    ESP_GROUP_READY)
			return true;
	return false;
}

enum { FD_KICK, FD_TUN, FD_UDP, FD_RAW, FD_RELAY, FD_COUNT };

/* Sets what may be read; nothing when a group is READY before or after the wait. */
static void wait_for_work(struct esp_worker_thread *t, struct pollfd fds[FD_COUNT])
{
	const bool reads = !some_group_ready(t->w->dp);
	const bool first = t->w->index == 0;
	fds[FD_KICK] = (struct pollfd){ .fd = t->kick_fd, .events = POLLIN };
	fds[FD_TUN] = (struct pollfd){ .fd = reads ? t->io.tun_fd : -1, .events = POLLIN };
	fds[FD_UDP] = (struct pollfd){ .fd = reads ? t->io.udp_fd : -1, .events = POLLIN };
	fds[FD_RAW] = (struct pollfd){ .fd = reads && first ? t->io.raw_fd : -1, .events = POLLIN };
	fds[FD_RELAY] = (struct pollfd){ .fd = reads && first ? t->io.relay_fd : -1,
					 .events = POLLIN };
	rcu_worker_offline();
	const int ready = poll(fds, FD_COUNT, t->w->pending.n > 0 ? PENDING_POLL_MS : -1);
	rcu_worker_online();
	if (ready <= 0 || some_group_ready(t->w->dp))
		for (int i = FD_TUN; i < FD_COUNT; i++)
			fds[i].revents = 0;
	/* Somebody deleted the device: there is nothing to wait for on it any more. */
	if ((fds[FD_TUN].revents & POLLERR) != 0)
		t->io.tun_fd = -1;
}

static void wake_control(struct esp_worker_thread *t)
{
	if (!t->wake && !t->w->event_posted)
		return;
	t->wake = t->w->event_posted = false;
	if (t->io.wake_fd >= 0)
		(void)eventfd_write(t->io.wake_fd, 1);
}

static void *run(void *arg)
{
	struct esp_worker_thread *t = arg;
	struct pollfd fds[FD_COUNT];
	eventfd_t kicks;
	rcu_worker_register();
	while (!atomic_load_explicit(&t->stop, memory_order_acquire)) {
		wait_for_work(t, fds);
		(void)eventfd_read(t->kick_fd, &kicks);
		if (fds[FD_RELAY].revents != 0)
			read_stragglers(t);
		if (fds[FD_UDP].revents != 0)
			read_outer(t, t->io.udp_fd, demultiplex);
		if (fds[FD_RAW].revents != 0)
			read_outer(t, t->io.raw_fd, strip_raw);
		if ((fds[FD_TUN].revents & POLLIN) != 0)
			read_tun(t);
		flush_waiting(t);
		wake_control(t);
		rcu_worker_quiescent();
	}
	rcu_worker_unregister();
	return NULL;
}

/* ---- control ---- */

static struct inet_endpoint bound_address(int fd)
{
	struct sockaddr_storage addr;
	socklen_t len = sizeof(addr);
	struct inet_endpoint local = { 0 };
	if (fd < 0 || getsockname(fd, (struct sockaddr *)&addr, &len) != 0 ||
	    inet_from_sockaddr((struct sockaddr *)&addr, &local) != R_OK)
		return (struct inet_endpoint){ 0 };
	return local;
}

static void pin(pthread_t id, int cpu)
{
	if (cpu < 0)
		return;
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	/* A processor that is not there costs speed, not correctness. */
	(void)pthread_setaffinity_np(id, sizeof(set), &set);
}

static void thread_free(struct esp_worker_thread *t)
{
	if (t->kick_fd >= 0)
		close(t->kick_fd);
	spsc_ring_free(t->ike);
	free(t->buffers);
	free(t->train_buffers);
	free(t);
}

struct esp_worker_thread *esp_worker_thread_start(struct esp_worker *w,
						  const struct esp_io_config *io)
{
	struct esp_worker_thread *t = calloc(1, sizeof(*t));
	if (t == NULL)
		return NULL;
	t->w = w;
	t->io = *io;
	t->udp_local = bound_address(io->udp_fd);
	t->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->ike = spsc_ring_new(IKE_RING, sizeof(struct esp_ike_datagram));
	t->buffers = malloc((size_t)ESP_BURST * BUFFER_LEN);
	t->train_buffers = malloc((size_t)ESP_BURST * TRAIN_LEN);
	if (t->kick_fd < 0 || t->ike == NULL || t->buffers == NULL || t->train_buffers == NULL)
		goto fail;
	for (size_t i = 0; i < ESP_BURST; i++) {
		t->packet[i] = (struct esp_packet){ .buf = t->buffers + i * BUFFER_LEN,
						    .cap = BUFFER_LEN };
		t->train[i] = (struct esp_packet){ .buf = t->train_buffers + i * TRAIN_LEN,
						   .cap = TRAIN_LEN };
	}
	if (pthread_create(&t->id, NULL, run, t) != 0)
		goto fail;
	char name[16];
	snprintf(name, sizeof(name), "esp/%u", w->index);
	(void)pthread_setname_np(t->id, name);
	pin(t->id, io->cpu);
	atomic_store_explicit(&w->dp->kick_fd[w->index], t->kick_fd, memory_order_release);
	return t;
fail:
	thread_free(t);
	return NULL;
}

void esp_worker_thread_stop(struct esp_worker_thread *t)
{
	if (t == NULL)
		return;
	atomic_store_explicit(&t->w->dp->kick_fd[t->w->index], -1, memory_order_release);
	atomic_store_explicit(&t->stop, true, memory_order_release);
	(void)eventfd_write(t->kick_fd, 1);
	pthread_join(t->id, NULL);
	thread_free(t);
}

bool esp_worker_thread_ike(struct esp_worker_thread *t, struct esp_ike_datagram *out)
{
	return spsc_ring_pop(t->ike, out);
}
