/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what the Corosync adapter tells, and multicasts a numbered message
 * every 100 ms. For looking at a real cluster; not part of make check.
 *
 *	corosync_probe [seconds]
 */
#include <qb/qbdefs.h>
#include <qb/qbloop.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "cluster/adapters/corosync.h"

struct probe {
	qb_loop_t *loop;
	struct cl_transport *transport;
	unsigned int sent, again, got;
};

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void on_view(void *ctx, const struct cl_ring_id *ring, const struct cl_member *members,
		    size_t n)
{
	(void)ctx;
	printf("%llu view ring %u.%llu:", (unsigned long long)now_ms(), ring->node_id,
	       (unsigned long long)ring->seq);
	for (size_t i = 0; i < n; i++)
		printf(" %u/%u", members[i].node_id, members[i].pid);
	printf("\n");
}

static void on_quorum(void *ctx, const struct cl_ring_id *ring, bool quorate)
{
	(void)ctx;
	printf("%llu quorum ring %u.%llu %s\n", (unsigned long long)now_ms(), ring->node_id,
	       (unsigned long long)ring->seq, quorate ? "quorate" : "not quorate");
}

static void on_message(void *ctx, uint32_t node_id, uint32_t pid, struct bytes data)
{
	struct probe *p = ctx;

	(void)pid;
	if (p->got++ % 20 == 0)
		printf("%llu message of %u: %.*s\n", (unsigned long long)now_ms(), node_id,
		       (int)data.len, (const char *)data.p);
}

static void on_lost(void *ctx, const char *why)
{
	struct probe *p = ctx;

	printf("%llu lost: %s\n", (unsigned long long)now_ms(), why);
	p->transport->ops->close(p->transport);
	p->transport = NULL;
	qb_loop_stop(p->loop);
}

static void tick(void *data)
{
	struct probe *p = data;
	qb_loop_timer_handle h;
	char text[32];
	int len = snprintf(text, sizeof(text), "%u", p->sent);

	if (!p->transport)
		return;
	switch (p->transport->ops->mcast(p->transport, bytes(text, (size_t)len))) {
	case R_OK:
		p->sent++;
		break;
	case R_AGAIN:
		p->again++;
		break;
	default:
		printf("mcast failed\n");
	}
	fflush(stdout);
	qb_loop_timer_add(p->loop, QB_LOOP_MED, 100000000, p, tick, &h);
}

static void end(void *data)
{
	struct probe *p = data;

	qb_loop_stop(p->loop);
}

int main(int argc, char **argv)
{
	const struct cl_transport_callbacks cb = {
		.view = on_view, .quorum = on_quorum, .message = on_message, .lost = on_lost
	};
	struct probe p = { .loop = qb_loop_create() };
	struct cl_transport_facts f;
	qb_loop_timer_handle h;
	char text[INET_TEXT_MAX];

	must(p.loop);
	enum result res = cl_corosync_open(p.loop, "probe", &cb, &p, &f, &p.transport);
	if (res != R_OK) {
		fprintf(stderr, "corosync: %s\n", result_text(res));
		return 1;
	}
	printf("node %u pid %d token %u consensus %u expected %u wait_for_all %d encrypted %d cluster '%s' ring0 %s\n",
	       f.node_id, (int)getpid(), f.token_ms, f.consensus_ms, f.expected_votes,
	       f.wait_for_all, f.encrypted, f.cluster_name, inet_text(&f.ring0_addr, text));
	uint64_t seconds = argc > 1 ? strtoull(argv[1], NULL, 10) : 10;
	qb_loop_timer_add(p.loop, QB_LOOP_LOW, seconds * 1000000000, &p, end, &h);
	tick(&p);
	qb_loop_run(p.loop);
	printf("sent %u, again %u, delivered %u\n", p.sent, p.again, p.got);
	if (p.transport)
		p.transport->ops->close(p.transport);
	qb_loop_destroy(p.loop);
	return 0;
}
