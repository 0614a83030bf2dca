/* SPDX-License-Identifier: Apache-2.0 */
/* The core alone, in a cluster of one: the world that it needs is here. */
#ifndef HF_NODE_TESTS_CORE_HARNESS_H
#define HF_NODE_TESTS_CORE_HARNESS_H

#include "node/core_private.h"

#define MS_NS       1000000ull
#define DEADLINE_MS 2000u
#define QUEUE_MAX   64

#define SPI     0x10000100u
#define IKE_SPI 0x1000000000000001ull

struct test_node {
	struct config *config;
	struct esp_datapath *dp;
	struct hf_core *core;
	uint64_t now_ns;
	struct buf mcast[QUEUE_MAX]; /* sent, not delivered */
	size_t n_mcast;
	uint64_t term; /* to be written; 0: none */
	struct ike_job *job;
	struct buf first; /* datagram sent */
	enum cl_role role;
	bool stragglers; /* the last role leaves the address here for them */
	unsigned int sent;
	unsigned int relay_ends;
	bool silent;
	unsigned int silences;
	unsigned int roles; /* how often a role was said, also the same again */
};

extern struct test_node n;

/* Of each test: the node owns its group. */
int setup(void **state);
int teardown(void **state);

void do_jobs(void);
/* What the world owes the core, until it owes nothing. */
void settle(void);
void run(uint64_t ms);
/* What the timers do from now on, one by one; the most that visited() counted of one of them. */
unsigned int timers_pass(uint64_t ns, unsigned int (*visited)(void));
void view(bool quorate, uint64_t ring);
void role(enum cl_role role, uint64_t term, bool suspect, uint64_t silence_ms);

struct child_sa_state child_state(uint32_t spi_in, bool esn, uint64_t lease_end);
void child_of(uint32_t spi_in, bool esn, uint64_t lease_end);
void child(bool esn, uint64_t lease_end);
struct esp_child_stats stats(void);
void log_counters(const struct ss_counters *counters);

/* As a standby learns them, from records. */
void inherit_ike_sa_at(uint32_t next_request_id);
void inherit_ike_sa(void);
void inherit(uint32_t spi_in, enum child_sa_stage stage, uint64_t created_ms);

#endif
