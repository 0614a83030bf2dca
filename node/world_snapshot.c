/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of snapshots (R22): ZeroMQ between the members' addresses on the
 * cluster network when 'failover snapshot-channel' is configured, Corosync
 * otherwise.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/must.h"
#include "node/world.h"

/*
 * A message of the snapshot channel on its way through CPG: this byte, the
 * addressee's slot, the sealed message. No envelope of statesync/ begins with it.
 */
#define CPG_PREFIX 0xf5u

static void deliver(struct world *w, struct bytes data)
{
	struct cl_input in = { .kind = CL_IN_SNAPSHOT, .data = data };

	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static void on_channel(void *ctx, uint8_t from_slot, struct bytes data)
{
	struct ss_opened o;

	/* A member says only what it sealed itself. */
	if (ss_envelope_peek(data, &o) == R_OK && o.slot == from_slot)
		deliver(ctx, data);
	else
		((struct world *)ctx)->snapshot_refused++;
}

static void say(enum log_id id, const char *detail)
{
	struct log_event ev;

	log_event_make(&ev, id, NULL, NULL, NULL, "%s", detail);
	log_emit(&ev);
}

/* ---- through CPG ---- */

static void ready(const struct world *w, uint8_t slot)
{
	struct cl_input in = { .kind = CL_IN_SNAPSHOT_READY, .group = w->group, .slot = slot };

	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w->first);
}

/* What we sent is delivered: behind it there is room for the next chunk. */
static void came_back(struct world *w)
{
	struct cpg_sent what;
	const struct world *of;

	if (!cpg_pace_back(&w->pace, &what) || !what.chunk)
		return;
	of = world_of(w, what.group);
	if (of)
		ready(of, what.slot);
}

bool world_snapshot_from_cpg(struct world *w, bool ours, struct bytes data)
{
	if (data.len < 2 || data.p[0] != CPG_PREFIX)
		return false;
	if (ours) {
		came_back(w);
		return true;
	}
	if (data.p[1] != w->config->failover.slot)
		return true;
	if (!w->channel) {
		deliver(w, bytes(data.p + 2, data.len - 2));
		return true;
	}
	w->snapshot_refused++;
	say(LOG_REPL_CHANNEL_REFUSED,
	    "a member asks through Corosync: it has no 'failover snapshot-channel'");
	return true;
}

static void send_by_cpg(struct world *w, const struct cpg_sent *what, struct bytes message)
{
	struct buf framed = { .p = malloc(message.len + 2), .len = message.len + 2 };

	must(framed.p);
	framed.p[0] = CPG_PREFIX;
	framed.p[1] = what->slot;
	memcpy(framed.p + 2, message.p, message.len);
	if (w->transport)
		cpg_pace_sent(&w->pace, *what);
	world_mcast(w, buf_bytes(&framed));
	buf_free(&framed);
}

/* ---- what the core asks for ---- */

struct snapshot_ready {
	struct world *w;
	uint8_t slot;
};

static void snapshot_ready(void *data)
{
	struct snapshot_ready *r = data;

	ready(r->w, r->slot);
	free(r);
}

/*
 * A join must not delay records and acknowledgements: one chunk a loop turn, low priority; through
 * CPG one at a time.
 */
void world_snapshot_send(struct world *w, uint8_t slot, struct bytes message)
{
	const struct cpg_sent what = { .group = w->group, .slot = slot, .chunk = true };

	if (!w->first->channel) {
		send_by_cpg(w->first, &what, message);
		return;
	}
	struct snapshot_ready *r = calloc(1, sizeof(*r));
	must(r);
	ss_zmq_answer(w->first->channel, slot, message);
	*r = (struct snapshot_ready){ .w = w, .slot = slot };
	world_soon(w, QB_LOOP_LOW, r, snapshot_ready);
}

void world_snapshot_ask(struct world *w, uint8_t slot, const struct inet_addr *owner,
			struct bytes message)
{
	struct inet_endpoint at = { .addr = *owner, .port = w->config->failover.channel.port };
	const uint8_t group = w->group;
	char detail[80];

	w = w->first;
	if (!w->channel) {
		send_by_cpg(w, &(struct cpg_sent){ .group = group, .slot = slot }, message);
		return;
	}
	if (!w->config->failover.channel.members[slot].known) {
		snprintf(detail, sizeof(detail), "the owner is member %u, which has no key here",
			 slot);
		say(LOG_REPL_CHANNEL_FAILED, detail);
	}
	ss_zmq_ask(w->channel, slot, &at, message);
}

/* ---- open and close ---- */

static enum result open_channel(struct world *w, const struct secret *key, char why[MEMBER_KEY_WHY])
{
	const struct config_snapshot_channel *c = &w->config->failover.channel;
	struct ss_zmq_config cfg = {
		.loop = w->loop,
		.listen = { .addr = w->facts.ring0_addr, .port = c->port },
		.slot = w->config->failover.slot,
		.key = key,
		.message = on_channel,
		.ctx = w,
	};

	for (unsigned int slot = 1; slot < CONFIG_SLOTS; slot++) {
		cfg.members[slot].known = c->members[slot].known;
		memcpy(cfg.members[slot].key, c->members[slot].key, MEMBER_KEY_LEN);
	}
	errno = 0;
	enum result res = ss_zmq_open(&cfg, &w->channel);
	char text[INET_TEXT_MAX];
	if (res != R_OK)
		snprintf(why, MEMBER_KEY_WHY, "%s: %s", inet_endpoint_text(&cfg.listen, text),
			 res == R_SYSTEM && errno ? strerror(errno) : result_text(res));
	return res;
}

enum result world_snapshot_open(struct world *w)
{
	const struct config_failover *f = &w->config->failover;
	char why[MEMBER_KEY_WHY] = "", detail[MEMBER_KEY_WHY + 32];
	SECRET key = { 0 };

	if (!f->enabled || !*f->channel.key_file)
		return R_OK;
	enum result res = member_key_read(f->channel.key_file, &key, why);
	if (res == R_OK)
		res = open_channel(w, &key, why);
	if (res != R_OK) {
		snprintf(detail, sizeof(detail), "snapshot channel: %s", why);
		say(LOG_NODE_FAILED, detail);
	}
	return res;
}

void world_snapshot_close(struct world *w)
{
	ss_zmq_close(w->channel);
	w->channel = NULL;
}
