/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many independent initiators in one process, on real sockets: each has an
 * engine, an outer address, an identity and an inner address of its own; a
 * few datapaths carry their CHILD SAs. They share two sockets, and what comes
 * in is told apart by the address that it came to.
 */
#ifndef HF_HA_TESTS_BENCH_IKE_CLIENT_H
#define HF_HA_TESTS_BENCH_IKE_CLIENT_H

#include "base/timer_queue.h"
#include "esp/esp.h"
#include "ike/ike.h"

#define GATES 16

/* A datapath with its one worker. SPIs are random: those of many engines would collide in one. */
struct gate {
	struct esp_datapath *dp;
	struct esp_worker *worker;
};

struct client_options {
	unsigned int count;
	struct inet_addr service, echo_host;
	struct inet_addr outer, inner; /* of client 0; the others count up */
	struct inet_prefix inside;     /* the network behind the service */
	const char *own_key, *service_key;
	uint32_t retransmit_ms;
};

struct clients;

struct client {
	struct clients *all;
	unsigned int index;
	struct ike_engine *engine;
	struct gate *gate;
	struct inet_addr outer, inner;
	struct timer timer;
	bool up;
	uint64_t ike_spi;           /* as it was set up */
	uint64_t asked_ns, sent_ns; /* liveness, echo: under way since; 0: not */
	bool alive, echoed;         /* in the sweep under way */
};

struct clients {
	struct client_options o;
	struct client *client;
	struct gate gate[GATES];
	int fd500, fd4500;
	struct timer_queue timers;
	/* What a client has achieved; called from within any function below. */
	void (*on_up)(struct clients *all, struct client *c);
	void (*on_alive)(struct clients *all, struct client *c);
	void (*on_echo)(struct clients *all, struct client *c);
	uint64_t send_errors, refused;
};

uint64_t clients_now_ns(void); /* CLOCK_BOOTTIME, as the deadlines */
void clients_open(struct clients *all);
void clients_close(struct clients *all);
/* Everything that waits in a socket. */
void clients_receive(struct clients *all, int fd);
void clients_timers(struct clients *all);

void client_initiate(struct client *c);
void client_ask_liveness(struct client *c);
/* One UDP packet to the echo service behind the gateway. */
void client_send_echo(struct client *c);
/* It has the IKE SA that it set up first, and no other. */
bool client_kept_its_sa(const struct client *c);

#endif
