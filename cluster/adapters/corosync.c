/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPG, quorum, votequorum and cmap behind struct cl_transport.
 *
 * A view is a member list and a ring. For a change of processes CPG reports
 * the list alone and the ring stays; for a change of nodes it reports the
 * list with reasons NODEDOWN or NODEUP first and the new ring right behind:
 * only then is the view complete and told.
 *
 * A node that was in a ring of its own for a moment leaves and joins again
 * within one change, with the same process: two lists before one ring. Both
 * are told as views, for it may lack what the others have, and have what they
 * lack: who comes back is not one who stayed.
 */
#include "cluster/adapters/corosync.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include <corosync/cmap.h>
#include <corosync/cpg.h>
#include <corosync/quorum.h>
#include <corosync/votequorum.h>
#include <qb/qbdefs.h>
#include <qb/qbloop.h>

#define DEFAULT_TOKEN_MS 1000

struct list {
	struct cl_member members[CL_MEMBERS_MAX];
	size_t n;
};

struct corosync {
	struct cl_transport transport;
	struct cl_transport_callbacks cb;
	void *ctx;
	struct qb_loop *loop;
	cpg_handle_t cpg;
	quorum_handle_t quorum;
	int cpg_fd, quorum_fd;
	bool dispatching, closed, lost;
	bool have_ring, list_waits;
	uint32_t node_id;
	struct cl_ring_id ring;
	struct list now;
	struct list before; /* the one that a second one followed before its ring came; n 0: none */
};

/* ---- views and messages ---- */

static struct corosync *cpg_self(cpg_handle_t handle)
{
	void *context = NULL;

	return cpg_context_get(handle, &context) == CS_OK ? context : NULL;
}

/* A list without us is from before our own join: no view. */
static bool names_us(const struct corosync *c, const struct list *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->members[i].node_id == c->node_id)
			return true;
	return false;
}

static void view_tell(struct corosync *c)
{
	c->list_waits = false;
	if (names_us(c, &c->before) && !c->closed)
		c->cb.view(c->ctx, &c->ring, c->before.members, c->before.n);
	c->before.n = 0;
	if (!c->closed)
		c->cb.view(c->ctx, &c->ring, c->now.members, c->now.n);
}

static bool of_nodes(const struct cpg_address *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].reason == CPG_REASON_NODEDOWN || list[i].reason == CPG_REASON_NODEUP)
			return true;
	return false;
}

static void on_confchg(cpg_handle_t handle, const struct cpg_name *group,
		       const struct cpg_address *members, size_t n, const struct cpg_address *left,
		       size_t n_left, const struct cpg_address *joined, size_t n_joined)
{
	struct corosync *c = cpg_self(handle);

	(void)group;
	if (!c)
		return;
	/* Joins follow leaves: what the first leave has left is told. */
	if (c->list_waits && c->have_ring && !c->before.n)
		c->before = c->now;
	/*
	 * More than the cluster can name: the list without us is no view of ours, and the logic
	 * goes offline.
	 */
	c->now.n = n <= CL_MEMBERS_MAX ? n : 0;
	for (size_t i = 0; i < c->now.n; i++)
		c->now.members[i] = (struct cl_member){ .node_id = members[i].nodeid,
							.pid = members[i].pid };
	c->list_waits = c->list_waits || !c->have_ring || of_nodes(left, n_left) ||
			of_nodes(joined, n_joined);
	if (!c->list_waits)
		view_tell(c);
}

static void on_totem_confchg(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t n,
			     const uint32_t *nodes)
{
	struct corosync *c = cpg_self(handle);

	(void)n, (void)nodes;
	if (!c)
		return;
	bool same = c->have_ring && c->ring.node_id == ring.nodeid && c->ring.seq == ring.seq;
	c->ring = (struct cl_ring_id){ .node_id = ring.nodeid, .seq = ring.seq };
	c->have_ring = true;
	if (c->list_waits || (c->now.n && !same))
		view_tell(c);
}

static void on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node_id,
		       uint32_t pid, void *msg, size_t len)
{
	struct corosync *c = cpg_self(handle);

	(void)group;
	if (c && !c->closed)
		c->cb.message(c->ctx, node_id, pid, bytes(msg, len));
}

static void on_quorum(quorum_handle_t handle, uint32_t quorate, struct quorum_ring_id ring,
		      uint32_t n, const uint32_t *nodes)
{
	const void *context = NULL;

	(void)n, (void)nodes;
	if (quorum_context_get(handle, &context) != CS_OK || !context)
		return;
	const struct corosync *c = context;
	struct cl_ring_id id = { .node_id = ring.nodeid, .seq = ring.seq };
	if (!c->closed)
		c->cb.quorum(c->ctx, &id, quorate != 0);
}

static void on_nodelist(quorum_handle_t handle, struct quorum_ring_id ring, uint32_t n,
			const uint32_t *nodes, uint32_t n_joined, const uint32_t *joined,
			uint32_t n_left, const uint32_t *left)
{
	(void)handle, (void)ring, (void)n, (void)nodes, (void)n_joined, (void)joined, (void)n_left,
		(void)left;
}

/* ---- the loop ---- */

static void destroy(struct corosync *c)
{
	if (c->cpg_fd >= 0)
		qb_loop_poll_del(c->loop, c->cpg_fd);
	if (c->quorum_fd >= 0)
		qb_loop_poll_del(c->loop, c->quorum_fd);
	if (c->cpg)
		cpg_finalize(c->cpg);
	if (c->quorum)
		quorum_finalize(c->quorum);
	free(c);
}

/* After each dispatch: a close from within a callback happens here. */
static int32_t dispatched(struct corosync *c, cs_error_t err, int32_t revents, const char *what)
{
	bool failed = (err != CS_OK && err != CS_ERR_TRY_AGAIN) ||
		      (revents & (POLLHUP | POLLERR | POLLNVAL));

	if (failed && !c->closed && !c->lost) {
		c->lost = true;
		c->cb.lost(c->ctx, what);
	}
	c->dispatching = false;
	if (c->closed)
		destroy(c);
	return 0;
}

static int32_t cpg_ready(int32_t fd, int32_t revents, void *data)
{
	struct corosync *c = data;

	(void)fd;
	c->dispatching = true;
	return dispatched(c, cpg_dispatch(c->cpg, CS_DISPATCH_ALL), revents,
			  "the CPG connection is gone");
}

static int32_t quorum_ready(int32_t fd, int32_t revents, void *data)
{
	struct corosync *c = data;

	(void)fd;
	c->dispatching = true;
	return dispatched(c, quorum_dispatch(c->quorum, CS_DISPATCH_ALL), revents,
			  "the quorum connection is gone");
}

/* ---- operations ---- */

static enum result op_mcast(struct cl_transport *t, struct bytes data)
{
	struct corosync *c = (struct corosync *)t;
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data.p, .iov_len = data.len };

	if (c->closed || c->lost)
		return R_SYSTEM;
	switch (cpg_mcast_joined(c->cpg, CPG_TYPE_AGREED, &iov, 1)) {
	case CS_OK:
		return R_OK;
	case CS_ERR_TRY_AGAIN:
		return R_AGAIN;
	default:
		return R_SYSTEM;
	}
}

static void op_close(struct cl_transport *t)
{
	struct corosync *c = (struct corosync *)t;

	c->closed = true;
	if (!c->dispatching)
		destroy(c);
}

static const struct cl_transport_ops ops = { .mcast = op_mcast, .close = op_close };

/* ---- facts ---- */

static uint32_t map_u32(cmap_handle_t map, const char *key, uint32_t otherwise)
{
	uint32_t v;

	return cmap_get_uint32(map, key, &v) == CS_OK ? v : otherwise;
}

static void map_text(cmap_handle_t map, const char *key, char *out, size_t size)
{
	char *text = NULL;

	out[0] = '\0';
	if (cmap_get_string(map, key, &text) == CS_OK)
		snprintf(out, size, "%s", text);
	free(text);
}

/* corosync.conf may name the node instead of its address. */
static struct inet_addr address_of(const char *name)
{
	struct addrinfo *list = NULL;
	struct inet_endpoint e = { 0 };

	if (inet_parse(name, &e.addr) == R_OK || name[0] == '\0')
		return e.addr;
	if (getaddrinfo(name, NULL, NULL, &list) == 0 &&
	    inet_from_sockaddr(list->ai_addr, &e) != R_OK)
		e = (struct inet_endpoint){ 0 };
	if (list)
		freeaddrinfo(list);
	return e.addr;
}

/* R3: Corosync's own encryption. secauth is the old name for aes256 with sha256. */
static bool is_encrypted(cmap_handle_t map)
{
	char cipher[32], secauth[8];

	map_text(map, "totem.crypto_cipher", cipher, sizeof(cipher));
	map_text(map, "totem.secauth", secauth, sizeof(secauth));
	if (cipher[0] == '\0')
		return strcmp(secauth, "on") == 0;
	return strcmp(cipher, "none") != 0;
}

/*
 * Positions may have gaps. A list that is too long, or of which only a part can be read, is none:
 * with fewer than there are, a group would begin empty behind the others' back.
 */
static void read_node_list(cmap_handle_t map, struct cl_transport_facts *f)
{
	char key[CMAP_KEYNAME_MAXLEN + 1], tail[16];
	cmap_iter_handle_t iter;
	unsigned int position;
	size_t n = 0;
	cs_error_t err;

	if (cmap_iter_init(map, "nodelist.node.", &iter) != CS_OK)
		return;
	while ((err = cmap_iter_next(map, iter, key, NULL, NULL)) == CS_OK) {
		if (sscanf(key, "nodelist.node.%u.%15s", &position, tail) != 2 ||
		    strcmp(tail, "nodeid") != 0)
			continue;
		if (n < CL_MEMBERS_MAX)
			f->nodes[n] = map_u32(map, key, 0);
		n++;
	}
	cmap_iter_finalize(map, iter);
	if (err == CS_ERR_NO_SECTIONS && n <= CL_MEMBERS_MAX)
		f->n_nodes = n;
}

static void read_map(cmap_handle_t map, struct cl_transport_facts *f)
{
	char key[64], text[256];

	f->token_ms = map_u32(map, "runtime.config.totem.token",
			      map_u32(map, "totem.token", DEFAULT_TOKEN_MS));
	f->consensus_ms = map_u32(map, "runtime.config.totem.consensus", f->token_ms * 12 / 10);
	f->encrypted = is_encrypted(map);
	map_text(map, "totem.cluster_name", f->cluster_name, sizeof(f->cluster_name));
	snprintf(key, sizeof(key), "nodelist.node.%u.ring0_addr",
		 map_u32(map, "nodelist.local_node_pos", 0));
	map_text(map, key, text, sizeof(text));
	f->ring0_addr = address_of(text);
	read_node_list(map, f);
}

/*
 * R15 asks how many members there are to be: a quorum device has votes and no tunnels, and a
 * node may have several votes.
 */
static void read_votes(const struct votequorum_info *info, struct cl_transport_facts *f)
{
	f->node_id = info->node_id;
	f->expected_votes = f->n_nodes ? (uint32_t)f->n_nodes
				       : info->node_expected_votes - info->qdevice_votes;
	f->votes = info->node_expected_votes;
	f->wait_for_all = info->flags & VOTEQUORUM_INFO_WAIT_FOR_ALL;
}

enum result cl_corosync_facts(struct cl_transport_facts *f)
{
	votequorum_callbacks_t none = { 0 };
	votequorum_handle_t votes;
	cmap_handle_t map;
	struct votequorum_info info;

	*f = (struct cl_transport_facts){ 0 };
	if (votequorum_initialize(&votes, &none) != CS_OK)
		return R_SYSTEM;
	cs_error_t err = votequorum_getinfo(votes, VOTEQUORUM_QDEVICE_NODEID, &info);
	votequorum_finalize(votes);
	if (err != CS_OK || cmap_initialize(&map) != CS_OK)
		return R_SYSTEM;
	read_map(map, f);
	read_votes(&info, f);
	cmap_finalize(map);
	return R_OK;
}

/* ---- open ---- */

static bool open_quorum(struct corosync *c)
{
	quorum_model_v1_data_t model = { .model = QUORUM_MODEL_V1,
					 .quorum_notify_fn = on_quorum,
					 .nodelist_notify_fn = on_nodelist };
	uint32_t type;
	int fd;

	return quorum_model_initialize(&c->quorum, QUORUM_MODEL_V1, (quorum_model_data_t *)&model,
				       &type, c) == CS_OK &&
	       type == QUORUM_SET && quorum_fd_get(c->quorum, &fd) == CS_OK &&
	       qb_loop_poll_add(c->loop, QB_LOOP_HIGH, fd, POLLIN, c, quorum_ready) == 0 &&
	       (c->quorum_fd = fd,
		quorum_trackstart(c->quorum, CS_TRACK_CURRENT | CS_TRACK_CHANGES) == CS_OK);
}

static bool open_cpg(struct corosync *c, const char *group)
{
	cpg_model_v1_data_t model = { .model = CPG_MODEL_V1,
				      .cpg_deliver_fn = on_deliver,
				      .cpg_confchg_fn = on_confchg,
				      .cpg_totem_confchg_fn = on_totem_confchg,
				      .flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF };
	struct cpg_name name = { .length = (uint32_t)strlen(group) };
	int fd;

	memcpy(name.value, group, name.length);
	return cpg_model_initialize(&c->cpg, CPG_MODEL_V1, (cpg_model_data_t *)&model, c) ==
		       CS_OK &&
	       cpg_fd_get(c->cpg, &fd) == CS_OK &&
	       qb_loop_poll_add(c->loop, QB_LOOP_HIGH, fd, POLLIN, c, cpg_ready) == 0 &&
	       (c->cpg_fd = fd, cpg_join(c->cpg, &name) == CS_OK);
}

enum result cl_corosync_open(struct qb_loop *loop, const char *group,
			     const struct cl_transport_callbacks *callbacks, void *ctx,
			     struct cl_transport_facts *facts, struct cl_transport **out)
{
	*out = NULL;
	if (strlen(group) > CPG_MAX_NAME_LENGTH)
		return R_VALUE;
	struct corosync *c = calloc(1, sizeof(*c));
	if (!c)
		return R_NO_MEMORY;
	*c = (struct corosync){ .transport.ops = &ops,
				.cb = *callbacks,
				.ctx = ctx,
				.loop = loop,
				.cpg_fd = -1,
				.quorum_fd = -1 };
	if (cl_corosync_facts(facts) != R_OK || !open_quorum(c) || !open_cpg(c, group)) {
		destroy(c);
		return R_SYSTEM;
	}
	c->node_id = facts->node_id;
	*out = &c->transport;
	return R_OK;
}
