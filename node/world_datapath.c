/* SPDX-License-Identifier: Apache-2.0 */
/* Devices, sockets and worker threads of the datapath, and their ring to control. */
#include <errno.h>
#include <netinet/in.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/poll.h>
#include <unistd.h>

#include "base/must.h"
#include "node/udp_ike.h"
#include "node/world.h"

static enum result failed(const char *what)
{
	struct log_event ev;
	const int err = errno;

	log_event_make(&ev, LOG_NODE_FAILED, NULL, NULL, NULL, "%s: %s", what, strerror(err));
	log_emit(&ev);
	return R_SYSTEM;
}

static unsigned int worker_count(const struct config *cfg)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned int n = cfg->workers ? cfg->workers : cores > 0 ? (unsigned int)cores : 1;
	return n > HF_WORKERS_MAX ? HF_WORKERS_MAX : n;
}

const struct inet_addr *world_ike_address(const struct config *cfg, uint8_t group)
{
	static const struct inet_addr none;
	const struct inet_addr *found = &none;
	unsigned int n = 0;

	for (size_t i = 0; i < cfg->n_ikev2_interfaces; i++) {
		const struct config_interface *ifc = cfg->ikev2_interfaces[i].interface;
		if (ifc->failover_group != group || ifc->address.family == INET_NONE)
			continue;
		found = &ifc->address;
		n++;
	}
	return n == 1 ? found : &none;
}

static enum result service_address(struct world *w)
{
	struct log_event ev;

	w->service_address = *world_ike_address(w->config, w->group);
	if (w->service_address.family != INET_NONE)
		return R_OK;
	log_event_make(
		&ev, LOG_CONFIG_REJECTED, NULL, NULL, NULL,
		"failover group %u: exactly one 'crypto ikev2 enable' on an interface with an ip address is needed",
		w->group);
	log_emit(&ev);
	return R_CONFIG;
}

static enum result sockets_open(struct world *w)
{
	const struct inet_endpoint natt = { .addr = w->service_address, .port = 4500 };

	if (udp_ike_open(&w->service_address, 500, &w->udp500_fd) != R_OK)
		return failed("UDP 500");
	for (unsigned int i = 0; i < w->n_workers; i++) {
		if (esp_io_open_udp4500(&natt, &w->udp4500_fds[i]) != R_OK)
			return failed("UDP 4500");
		/* One raw socket gets every ESP packet: worker 0 reads it, all send on it. */
		if (i == 0 && esp_io_open_raw(&w->service_address, &w->raw_fds[0]) != R_OK)
			return failed("protocol 50");
	}
	return R_OK;
}

static void mark_own(const struct world *w)
{
	const uint32_t mark = HF_MARK_OWN;

	for (unsigned int i = 0; i < w->n_workers; i++) {
		if (w->udp4500_fds[i] >= 0)
			(void)!setsockopt(w->udp4500_fds[i], SOL_SOCKET, SO_MARK, &mark,
					  sizeof(mark));
		if (w->raw_fds[i] >= 0)
			(void)!setsockopt(w->raw_fds[i], SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
	}
}

/* R19: stragglers come over the cluster's own network. */
enum result world_relay_open(struct world *w)
{
	if (!w->config->failover.enabled)
		return R_OK;
	if (udp_ike_open(&w->facts.ring0_addr, (uint16_t)(HF_RELAY_PORT + w->group - 1),
			 &w->relay_fd) != R_OK)
		return failed("relay socket");
	return R_OK;
}

enum result world_datapath_open(struct world *w)
{
	struct esp_datapath_config cfg = { .slot = w->config->failover.enabled
							   ? w->config->failover.slot
							   : 1 };

	enum result res = service_address(w);
	if (res != R_OK)
		return res;
	w->n_workers = cfg.workers = worker_count(w->config);
	must(RAND_bytes(cfg.hash_seed, sizeof(cfg.hash_seed)) == 1);
	w->datapath = esp_datapath_new(&cfg);
	if (!w->datapath)
		return R_NO_MEMORY;
	if (esp_io_open_tun(w->tun, w->n_workers, w->tun_fds) != R_OK ||
	    esp_io_open_tun(w->owned_tun, 1, &w->owned_tun_fd) != R_OK ||
	    esp_io_open_tun(w->relay_tun, 1, &w->relay_tun_fd) != R_OK)
		return failed("TUN device");
	res = sockets_open(w);
	if (res == R_OK)
		mark_own(w);
	return res;
}

void world_relay_ike(struct world *w, const struct esp_ike_datagram *d)
{
	if (esp_relay_ike(w->datapath, w->group, world_now_ns(), w->relay_fd, d) != R_OK)
		w->relay_errors++;
}

/* A burst of each, and true when there may be more: whoever can fill the rings as fast as they
 * are emptied must not keep control from its timers, or the node loses the group (R12). */
static bool take_ike(struct world *w, struct esp_worker_thread *t)
{
	static struct esp_ike_datagram d;

	for (unsigned int i = 0; i < ESP_BURST; i++) {
		if (!esp_worker_thread_ike(t, &d))
			return false;
		/* The relay's straggler of a straggler: the group has moved on. */
		if (hf_core_relaying(w->core)) {
			world_relay_ike(w, &d);
			continue;
		}
		hf_core_datagram(w->core, world_now_ns(), &d.local, &d.remote,
				 bytes(d.data, d.len));
	}
	return true;
}

static bool take_events(struct world *w, struct esp_worker *worker)
{
	struct esp_event ev;

	for (unsigned int i = 0; i < ESP_BURST; i++) {
		if (!esp_worker_event(worker, &ev))
			return false;
		hf_core_esp_event(w->core, world_now_ns(), &ev);
	}
	return true;
}

static int on_wake(int fd, int revents, void *data)
{
	struct world *w = data;
	eventfd_t count;
	bool more = false;

	(void)revents;
	(void)eventfd_read(fd, &count);
	for (unsigned int i = 0; i < w->n_workers; i++) {
		more = take_ike(w, w->threads[i]) || more;
		more = take_events(w, w->workers[i]) || more;
	}
	if (more)
		(void)eventfd_write(fd, 1);
	world_touch(w);
	return 0;
}

static void announce_relay(struct world *w)
{
	struct cl_input in = { .kind = CL_IN_ADDRESS,
			       .group = w->group,
			       .relay = { .addr = w->facts.ring0_addr, .port = HF_RELAY_PORT } };

	if (w == w->first && w->relay_fd >= 0)
		hf_core_cluster(w->core, world_now_ns(), &in);
}

enum result world_workers_start(struct world *w)
{
	w->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (w->wake_fd < 0)
		return failed("eventfd");
	for (unsigned int i = 0; i < w->n_workers; i++) {
		struct esp_io_config io = {
			.tun_fd = w->tun_fds[i],
			.udp_fd = w->udp4500_fds[i],
			.raw_fd = w->raw_fds[0],
			.relay_fd = w->relay_fd,
			.wake_fd = w->wake_fd,
			.cpu = -1,
		};
		w->workers[i] = esp_worker_new(w->datapath, i);
		if (!w->workers[i])
			return R_NO_MEMORY;
		w->threads[i] = esp_worker_thread_start(w->workers[i], &io);
		if (!w->threads[i])
			return failed("worker thread");
	}
	qb_loop_poll_add(w->loop, QB_LOOP_MED, w->wake_fd, POLLIN, w, on_wake);
	announce_relay(w);
	return R_OK;
}

void world_workers_stop(struct world *w)
{
	for (unsigned int i = 0; i < w->n_workers; i++) {
		if (w->threads[i])
			esp_worker_thread_stop(w->threads[i]);
		w->threads[i] = NULL;
	}
	for (unsigned int i = 0; i < w->n_workers; i++) {
		esp_worker_free(w->workers[i]);
		w->workers[i] = NULL;
	}
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void world_datapath_close(struct world *w)
{
	for (unsigned int i = 0; i < HF_WORKERS_MAX && w->datapath; i++) {
		close_fd(&w->tun_fds[i]);
		close_fd(&w->udp4500_fds[i]);
		close_fd(&w->raw_fds[i]);
	}
	close_fd(&w->owned_tun_fd);
	close_fd(&w->relay_tun_fd);
	close_fd(&w->relay_fd);
	close_fd(&w->wake_fd);
	close_fd(&w->udp500_fd);
	esp_datapath_free(w->datapath);
	w->datapath = NULL;
}
