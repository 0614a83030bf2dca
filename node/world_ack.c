/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Acknowledgements on their short way (R4): a datagram from the standby's control thread to the
 * owner's. Corosync brings each as well, but it has to wait there until the token comes round, twice
 * as long as for all else that a commit takes. Nothing depends on a datagram: it may be lost.
 */
#include <sys/poll.h>
#include <unistd.h>

#include "node/udp_ike.h"
#include "node/world.h"

#define ACK_BYTES_MAX 256u /* sealed; a longer one is none */
#define ACK_BURST     32u

static int on_ack(int fd, int revents, void *data)
{
	struct world *w = data;
	uint8_t buf[ACK_BYTES_MAX];
	struct inet_endpoint from;
	struct cl_input in = { .kind = CL_IN_ACK };
	size_t len;

	(void)revents;
	for (unsigned int i = 0; i < ACK_BURST; i++) {
		if (!udp_ike_receive(fd, buf, sizeof(buf), &len, &from))
			break;
		in.data = bytes(buf, len);
		hf_core_cluster(w->core, world_now_ns(), &in);
	}
	world_touch(w);
	return 0;
}

void world_ack_send(struct world *w, const struct inet_addr *owner, struct bytes message)
{
	const struct inet_endpoint to = { .addr = *owner, .port = HF_ACK_PORT };

	if (w->ack_fd >= 0)
		(void)!udp_ike_send(w->ack_fd, &to, false, message);
}

void world_ack_open(struct world *w)
{
	struct log_event ev;

	if (!w->config->failover.enabled)
		return;
	if (udp_ike_open(&w->facts.ring0_addr, HF_ACK_PORT, &w->ack_fd) == R_OK) {
		qb_loop_poll_add(w->loop, QB_LOOP_HIGH, w->ack_fd, POLLIN, w, on_ack);
		return;
	}
	log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL,
		       "UDP %u cannot be opened: acknowledgements come by Corosync only",
		       HF_ACK_PORT);
	log_emit(&ev);
}

void world_ack_close(struct world *w)
{
	if (w->ack_fd < 0)
		return;
	qb_loop_poll_del(w->loop, w->ack_fd);
	close(w->ack_fd);
	w->ack_fd = -1;
}
