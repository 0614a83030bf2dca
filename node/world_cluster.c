/* SPDX-License-Identifier: Apache-2.0 */
/* Corosync (or the loopback) to the core and back: callbacks, flow control,
 * reconnection. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "cluster/adapters/corosync.h"
#include "node/drain_file.h"
#include "node/loopback.h"
#include "node/term_file.h"
#include "node/world.h"
#include "statesync/future_schema.h"

#define CPG_GROUP       "holdfast"
#define RECONNECT_NS    1000000000ull
#define RETRY_NS        2000000ull
#define MCAST_BYTES_MAX (64u << 20) /* what may wait for Corosync */

static void on_view(void *ctx, const struct cl_ring_id *ring, const struct cl_member *members,
		    size_t n)
{
	struct world *w = ctx;
	struct cl_input in = { .kind = CL_IN_VIEW, .ring = *ring, .n_members = n };

	if (n > CL_MEMBERS_MAX)
		in.n_members = CL_MEMBERS_MAX;
	memcpy(in.members, members, in.n_members * sizeof(*members));
	w->noticed_ns = world_now_ns();
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static void on_quorum(void *ctx, const struct cl_ring_id *ring, bool quorate)
{
	struct world *w = ctx;
	struct cl_input in = { .kind = CL_IN_QUORUM, .ring = *ring, .quorate = quorate };

	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static void on_message(void *ctx, uint32_t node_id, uint32_t pid, struct bytes data)
{
	struct world *w = ctx;
	struct cl_input in = {
		.kind = CL_IN_MESSAGE, .from_node_id = node_id, .from_pid = pid, .data = data
	};

	const bool ours = node_id == w->facts.node_id && pid == (uint32_t)getpid();

	if (!world_snapshot_from_cpg(w, ours, data))
		hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
}

static void reconnect(void *data);

static void on_lost(void *ctx, const char *why)
{
	struct world *w = ctx;
	struct cl_input in = { .kind = CL_IN_DISCONNECTED };
	struct log_event ev;

	log_event_make(&ev, LOG_CLUSTER_LOST, NULL, NULL, NULL, "%s", why);
	log_emit(&ev);
	w->transport->ops->close(w->transport);
	w->transport = NULL;
	mcast_queue_clear(&w->mcast);
	cpg_pace_clear(&w->pace);
	hf_core_cluster(w->core, world_now_ns(), &in);
	world_touch(w);
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, RECONNECT_NS, w, reconnect, &w->reconnect_timer);
}

static const struct cl_transport_callbacks callbacks = {
	.view = on_view,
	.quorum = on_quorum,
	.message = on_message,
	.lost = on_lost,
};

static enum result transport_open(struct world *w)
{
	if (!w->config->failover.enabled)
		return loopback_open(w->loop, &callbacks, w, &w->facts, &w->transport);
	return cl_corosync_open(w->loop, CPG_GROUP, &callbacks, w, &w->facts, &w->transport);
}

static void reconnect(void *data)
{
	struct world *w = data;

	if (transport_open(w) != R_OK)
		qb_loop_timer_add(w->loop, QB_LOOP_LOW, RECONNECT_NS, w, reconnect,
				  &w->reconnect_timer);
	else
		world_touch(w);
}

static void give_up(void *data)
{
	struct world *w = data;

	if (w->transport)
		on_lost(w, "Corosync takes no messages");
}

static void send_waiting(void *data);

/* Giving up waits for the loop: the core is in the middle of a turn. */
static void mcast_result(struct world *w, enum result res)
{
	if (res == R_AGAIN && !w->mcast_retry_armed) {
		qb_loop_timer_handle retry;
		w->mcast_retry_armed = true;
		qb_loop_timer_add(w->loop, QB_LOOP_HIGH, RETRY_NS, w, send_waiting, &retry);
	} else if (res != R_OK && res != R_AGAIN) {
		w->mcast_errors++;
		world_soon(w, QB_LOOP_HIGH, w, give_up);
	}
}

static void send_waiting(void *data)
{
	struct world *w = data;

	w->mcast_retry_armed = false;
	if (w->transport)
		mcast_result(w, mcast_queue_retry(&w->mcast, w->transport));
}

void world_mcast(struct world *w, struct bytes message)
{
	if (w->transport)
		mcast_result(w, mcast_queue_send(&w->mcast, w->transport, message));
	else
		w->mcast.dropped++;
}

static enum result failover_key(struct world *w)
{
	const struct config_failover *f = &w->config->failover;
	uint8_t random[32];

	if (f->enabled && f->key_hex)
		return secret_copy(&w->failover_key, &f->key);
	if (f->enabled)
		return ss_key_from_passphrase(secret_bytes(&f->key), &w->failover_key);
	must(RAND_bytes(random, sizeof(random)) == 1);
	enum result res = secret_set(&w->failover_key, bytes(random, sizeof(random)));
	wipe(random, sizeof(random));
	return res;
}

static bool encryption_ok(const struct world *w)
{
	struct log_event ev;

	if (w->facts.encrypted)
		return true;
	log_event_make(&ev, LOG_NODE_CRYPTO_OFF, NULL, NULL, NULL,
		       w->config->failover.allow_unencrypted_corosync
			       ? "allowed by 'failover allow-unencrypted-corosync'"
			       : "refusing to start");
	log_emit(&ev);
	return w->config->failover.allow_unencrypted_corosync;
}

static void digest_fill(const struct config *cfg, uint8_t out[32])
{
	for (unsigned int i = 0; i < 32; i++) {
		unsigned int byte = 0;
		if (sscanf(cfg->digest + 2 * i, "%2x", &byte) == 1)
			out[i] = (uint8_t)byte;
	}
}

/* After a reload: the others compare what is in force now. */
void world_cluster_digest(struct world *w)
{
	struct cl_input in = { .kind = CL_IN_CONFIG_DIGEST };

	digest_fill(w->config, in.digest);
	hf_core_cluster(w->core, world_now_ns(), &in);
}

/* Another unit's slot is its number, unless it says otherwise; ours is known. */
static uint8_t preferred_slot(const struct config_failover *f,
			      const struct config_failover_group *g)
{
	const uint8_t prefer = g->prefer ? g->prefer : UNIT_PRIMARY;

	if (f->unit == prefer)
		return f->slot;
	return prefer == f->slot ? 0 : prefer;
}

static void term_fill(const struct world *w, struct cl_node_config *out, size_t i)
{
	const uint32_t group = out->groups[i].group;
	struct term_file file;
	struct log_event ev;

	enum result res = term_file_read(w->options.state_dir, group, &file);
	out->term_on_disk[i] = file.term;
	out->terms_unknown[i] = file.earlier_unknown;
	if (res == R_OK)
		return;
	log_event_make(&ev, LOG_CLUSTER_TERM_FILE, NULL, NULL, NULL, "%s/term.%u: %s",
		       w->options.state_dir, group, result_text(res));
	log_emit(&ev);
}

static void groups_fill(const struct world *w, struct cl_node_config *out)
{
	const struct config_failover *f = &w->config->failover;

	out->n_groups = f->enabled ? f->n_groups : 1;
	out->groups[0] = (struct cl_group_config){ .group = 1, .preferred_slot = out->slot };
	for (size_t i = 0; f->enabled && i < f->n_groups; i++)
		out->groups[i] = (struct cl_group_config){
			.group = f->groups[i].id,
			.preferred_slot = preferred_slot(f, &f->groups[i]),
			.preempt = f->groups[i].preempt,
			.preempt_after_ms = f->groups[i].preempt_s * 1000,
		};
	for (size_t i = 0; i < out->n_groups; i++)
		term_fill(w, out, i);
}

/* What the operator said before this start. */
static bool was_drained(const struct world *w)
{
	const struct config_failover *f = &w->config->failover;
	struct log_event ev;
	bool drained = false;

	if (!f->enabled)
		return false;
	if (drain_file_read(w->options.state_dir, &drained) != R_OK) {
		log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL,
			       "whether the node is drained, in %s: %s", w->options.state_dir,
			       strerror(errno));
		log_emit(&ev);
	}
	if (drained && f->role_manager == ROLE_MANAGER_PACEMAKER) {
		log_event_make(&ev, LOG_NODE_TROUBLE, NULL, NULL, NULL,
			       "the node was drained; that means nothing with Pacemaker");
		log_emit(&ev);
	}
	return drained;
}

/* clang-format off */
static const enum cl_empty_start empty_starts[] = {
	[EMPTY_START_FENCED] = CL_EMPTY_FENCED, [EMPTY_START_AFTER] = CL_EMPTY_AFTER,
	[EMPTY_START_NEVER] = CL_EMPTY_NEVER,
};
/* clang-format on */

static enum result cluster_fill(struct world *w, struct cl_node_config *out)
{
	const struct config_failover *f = &w->config->failover;
	struct timespec real;

	clock_gettime(CLOCK_REALTIME, &real);
	out->node_id = w->facts.node_id;
	snprintf(out->hostname, sizeof(out->hostname), "%s", w->config->hostname);
	snprintf(out->software, sizeof(out->software), "%s", PACKAGE_VERSION);
	out->slot = f->enabled ? f->slot : WORLD_STANDALONE_SLOT;
	out->unit = f->unit;
	out->version_min = SS_VERSION_MIN;
	out->version_max = SS_VERSION_MAX + (ss_future_schema() ? 1 : 0);
	out->token_ms = w->facts.token_ms;
	out->consensus_ms = w->facts.consensus_ms;
	out->commit_timeout_ms = f->commit_timeout_ms;
	out->deadline_ms = f->deadline_ms;
	out->manager = f->role_manager == ROLE_MANAGER_PACEMAKER ? CL_MANAGER_PACEMAKER
								 : CL_MANAGER_INTERNAL;
	out->fenced_takeover = f->takeover == TAKEOVER_FENCED;
	out->empty_start = empty_starts[f->empty_start];
	out->empty_start_after_ms = f->empty_start_s * 1000;
	out->drained = was_drained(w);
	out->wait_for_all = w->facts.wait_for_all;
	out->expected_votes = w->facts.expected_votes;
	out->votes = w->facts.votes;
	memcpy(out->nodes, w->facts.nodes, sizeof(out->nodes));
	out->n_nodes = w->facts.n_nodes;
	out->realtime_ms = (uint64_t)real.tv_sec * 1000u + (uint64_t)real.tv_nsec / 1000000u;
	out->start_ns = world_now_ns();
	must(RAND_bytes(out->salt, sizeof(out->salt)) == 1);
	must(RAND_bytes(out->hash_seed, sizeof(out->hash_seed)) == 1);
	digest_fill(w->config, out->config_digest);
	groups_fill(w, out);
	return secret_copy(&out->failover_key, &w->failover_key);
}

enum result world_cluster_facts(struct world *w)
{
	return w->config->failover.enabled ? cl_corosync_facts(&w->facts) : transport_open(w);
}

static enum result not_there(enum result res)
{
	struct log_event ev;

	if (res == R_OK)
		return res;
	log_event_make(&ev, LOG_CLUSTER_LOST, NULL, NULL, NULL, "Corosync: %s; is it running?",
		       result_text(res));
	log_emit(&ev);
	return res;
}

enum result world_cluster_join(struct world *w)
{
	return w->transport ? R_OK : not_there(transport_open(w));
}

enum result world_cluster_open(struct world *w, enum result facts, struct cl_node_config *out)
{
	struct log_event ev;

	memset(out, 0, sizeof(*out));
	w->mcast.bytes_max = MCAST_BYTES_MAX;
	enum result res = failover_key(w);
	if (res == R_OK)
		res = facts;
	if (not_there(res) != R_OK)
		return res;
	if (!encryption_ok(w))
		return R_CONFIG;
	if (w->config->failover.enabled && w->config->failover.cluster_name[0] &&
	    strcmp(w->config->failover.cluster_name, w->facts.cluster_name) != 0) {
		log_event_make(&ev, LOG_CONFIG_REJECTED, NULL, NULL, NULL,
			       "failover cluster-name is %s, Corosync's is %s",
			       w->config->failover.cluster_name, w->facts.cluster_name);
		log_emit(&ev);
		return R_CONFIG;
	}
	res = world_snapshot_open(w);
	return res == R_OK ? cluster_fill(w, out) : res;
}

void world_cluster_close(struct world *w)
{
	world_snapshot_close(w);
	if (w->transport)
		w->transport->ops->close(w->transport);
	w->transport = NULL;
	mcast_queue_clear(&w->mcast);
	cpg_pace_clear(&w->pace);
}
