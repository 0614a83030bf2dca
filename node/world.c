/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop and the loop of the daemon: the order in which the world comes up and goes down. */
#include "node/world.h"

#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/must.h"
#include "node/log_sink.h"
#include "node/state_lock.h"
#include "node/udp_ike.h"

#define NS_PER_MS      1000000ull
#define PLAIN_RETRY_NS (50 * NS_PER_MS)
#define STOP_LIMIT_NS  (10000 * NS_PER_MS)

uint64_t world_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static void say(enum log_id id, const char *detail)
{
	struct log_event ev;

	log_event_make(&ev, id, NULL, NULL, NULL, "%s", detail);
	log_emit(&ev);
}

static void on_timer(void *data)
{
	struct world *w = data;

	w->timer_at_ns = UINT64_MAX;
	hf_core_timer(w->core, world_now_ns());
	world_touch(w);
}

static void arm_timer(struct world *w)
{
	uint64_t now = world_now_ns();
	uint64_t at = hf_core_next_deadline(w->core, now);

	if (at == w->timer_at_ns)
		return;
	if (w->timer_at_ns != UINT64_MAX)
		qb_loop_timer_del(w->loop, w->timer);
	w->timer_at_ns = at;
	if (at != UINT64_MAX)
		qb_loop_timer_add(w->loop, QB_LOOP_HIGH, at > now ? at - now : 0, w, on_timer,
				  &w->timer);
}

struct world *world_of(struct world *w, uint32_t group)
{
	for (struct world *each = w->first; each; each = each->next)
		if (!group || each->group == group)
			return each;
	return NULL;
}

static void note_queue(struct world *w)
{
	const struct cl_node *n = hf_core_cluster_node(w->core);
	uint64_t appended = cl_position(n, w->group), committed = cl_committed(n, w->group);

	if (w->role == CL_ROLE_ACTIVE && appended - committed > w->xmit_queue_max)
		w->xmit_queue_max = appended - committed;
}

/* The end of a turn: one batch for all that its inputs changed. */
static void on_flush(void *data)
{
	struct world *w = data;

	w->flush_scheduled = false;
	hf_core_flush(w->core, world_now_ns());
	for (struct world *each = w; each; each = each->next) {
		note_queue(each);
		if (w->options.export_keys_dir)
			debug_keys_export(each);
	}
	arm_timer(w);
}

void world_soon(struct world *w, enum qb_loop_priority p, void *data, void (*fn)(void *data))
{
	qb_loop_timer_handle handle;

	must(qb_loop_timer_add(w->loop, p, 0, data, fn, &handle) == 0);
}

void world_touch(struct world *w)
{
	w = w->first;
	if (w->flush_scheduled || !w->core)
		return;
	w->flush_scheduled = true;
	world_soon(w, QB_LOOP_HIGH, w, on_flush);
}

static int on_ike_500(int fd, int revents, void *data)
{
	struct world *w = data;
	struct esp_ike_datagram d;
	static uint8_t buf[UDP_IKE_MAX];
	size_t len;
	const struct inet_endpoint local = { .addr = w->service_address, .port = 500 };

	(void)revents;
	for (unsigned int i = 0; i < ESP_BURST; i++) {
		if (!udp_ike_receive(fd, buf, sizeof(buf), &len, &d.remote))
			break;
		if (!hf_core_relaying(w->core)) {
			hf_core_datagram(w->core, world_now_ns(), &local, &d.remote,
					 bytes(buf, len));
			continue;
		}
		/* R19: the peer does not know yet; the next owner answers. */
		if (len > sizeof(d.data)) {
			w->relay_errors++;
			continue;
		}
		d.local = local;
		d.len = (uint16_t)len;
		memcpy(d.data, buf, len);
		world_relay_ike(w, &d);
	}
	world_touch(w);
	return 0;
}

static int on_job_done(int fd, int revents, void *data)
{
	struct world *w = data;
	struct ike_job *job;

	(void)fd;
	(void)revents;
	while ((job = crypto_pool_done(w->pool)) != NULL)
		hf_core_job_done(w->core, world_now_ns(), job);
	world_touch(w);
	return 0;
}

/* While the table cannot be loaded, protected traffic may leave in clear: try until it can. */
static void watch_plain(void *data)
{
	struct world *w = data;
	char why[200] = "";
	enum plain_event ev = plain_watch(w->plain, why);

	if (ev == PLAIN_RESTORED) {
		w->tables_restored++;
		say(LOG_PLAIN_TABLE_RESTORED, "");
	}
	if (ev != PLAIN_LOST)
		return;
	say(LOG_NODE_TROUBLE, why);
	qb_loop_timer_del(w->loop, w->plain_timer);
	qb_loop_timer_add(w->loop, QB_LOOP_HIGH, PLAIN_RETRY_NS, w, watch_plain, &w->plain_timer);
}

static int on_plain_event(int fd, int revents, void *data)
{
	(void)fd;
	(void)revents;
	watch_plain(data);
	return 0;
}

static void core_random(void *ctx, uint8_t *out, size_t len)
{
	(void)ctx;
	must(RAND_bytes(out, (int)len) == 1);
}

static enum result core_open(struct world *w, struct cl_node_config *cluster)
{
	struct hf_core_config cfg = {
		.config = w->config,
		.cluster = cluster,
		.first = w == w->first ? NULL : w->first->core,
		.group = w->group,
		.datapath = w->datapath,
		.now_ns = world_now_ns(),
		.random = core_random,
		.ops = &world_ops,
		.ops_ctx = w,
	};

	core_random(NULL, cfg.hash_seed, sizeof(cfg.hash_seed));
	return hf_core_new(&cfg, &w->core);
}

void world_config_report(const struct world *w, const struct diagnostics *diag, enum result res)
{
	char line[DIAGNOSTIC_LINE_MAX];

	for (size_t i = 0; i < diag->n; i++)
		fprintf(stderr, "%s\n", diagnostics_line(diag, i, line));
	if (res != R_OK)
		say(LOG_CONFIG_REJECTED, w->options.config_path);
}

static enum result config_open(struct world *w)
{
	struct diagnostics diag;
	enum result res = config_load_file(w->options.config_path, &w->config, &diag);

	world_config_report(w, &diag, res);
	return res;
}

static enum result addresses_open(struct world *w)
{
	char why[200] = "";
	struct address_config ac = { .config = w->config,
				     .group = w->group,
				     .several_standbys = w->facts.expected_votes > 2,
				     .tun = w->tun,
				     .owned_tun = w->owned_tun,
				     .relay_tun = w->relay_tun };

	enum result res = address_open(&ac, &w->address, why);
	if (res != R_OK)
		say(LOG_NODE_FAILED, why);
	return res;
}

/* Nothing is served before the table of protected networks is there. */
static enum result plain_side_open(struct world *w)
{
	char why[200] = "", guard[512];

	snprintf(guard, sizeof(guard), "%s/guard.nft", w->options.state_dir);
	enum result res = plain_open(w->config, guard, &w->plain, why);
	for (struct world *each = w; each && res == R_OK; each = each->next)
		res = address_set(each->address, ADDRESS_NONE);
	if (res != R_OK)
		say(LOG_NODE_FAILED, why);
	return res;
}

/* Before anything else is touched: a second daemon would join the cluster as this node and take
 * packets from the first one's devices. */
static enum result state_open(struct world *w)
{
	char why[300];

	if (mkdir(w->options.state_dir, 0700) != 0 && errno != EEXIST) {
		snprintf(why, sizeof(why), "the state directory %.200s cannot be made: %s",
			 w->options.state_dir, strerror(errno));
		say(LOG_NODE_FAILED, why);
		return R_SYSTEM;
	}
	enum result res = state_lock(w->options.state_dir, &w->lock_fd);
	if (res == R_OK)
		return R_OK;
	snprintf(why, sizeof(why), "the state directory %.200s: %s", w->options.state_dir,
		 res == R_EXISTS ? "another holdfastd is running with it" : strerror(errno));
	say(LOG_NODE_FAILED, why);
	return res;
}

static enum result export_open(const struct world_options *o)
{
	char why[200] = "";
	enum result res = o->export_keys_dir ? debug_keys_open(o->export_keys_dir, why) : R_OK;

	if (res != R_OK)
		say(LOG_NODE_FAILED, why);
	return res;
}

static void loop_fill(struct world *w)
{
	for (struct world *each = w; each; each = each->next) {
		qb_loop_poll_add(w->loop, QB_LOOP_MED, each->udp500_fd, POLLIN, each, on_ike_500);
		qb_loop_poll_add(w->loop, QB_LOOP_MED, crypto_pool_fd(each->pool), POLLIN, each,
				 on_job_done);
	}
	if (plain_fd(w->plain) >= 0)
		qb_loop_poll_add(w->loop, QB_LOOP_MED, plain_fd(w->plain), POLLIN, w,
				 on_plain_event);
}

static void group_init(struct world *w, struct world *first, uint8_t group)
{
	w->first = first;
	w->group = group;
	w->owned_tun_fd = w->relay_tun_fd = w->relay_fd = w->wake_fd = w->udp500_fd = -1;
	for (unsigned int i = 0; i < HF_WORKERS_MAX; i++)
		w->tun_fds[i] = w->udp4500_fds[i] = w->raw_fds[i] = -1;
	address_device(group, ADDRESS_TUN, w->tun);
	address_device(group, ADDRESS_OWNED_TUN, w->owned_tun);
	address_device(group, ADDRESS_RELAY_TUN, w->relay_tun);
}

/* A world for each group behind the first. */
static enum result groups_make(struct world *w)
{
	uint8_t group[CONFIG_GROUPS_MAX];
	size_t n = config_group_ids(w->config, group);
	struct world *last = w;

	group_init(w, w, group[0]);
	for (size_t i = 1; i < n; i++) {
		last->next = calloc(1, sizeof(*last));
		if (!last->next)
			return R_NO_MEMORY;
		last = last->next;
		last->options = w->options;
		last->loop = w->loop;
		last->config = w->config;
		last->lock_fd = last->ack_fd = -1;
		group_init(last, w, group[i]);
	}
	return R_OK;
}

/* What the cluster need not be known for. */
static enum result groups_open(struct world *w)
{
	enum result res = groups_make(w);

	for (struct world *each = w; each && res == R_OK; each = each->next) {
		res = world_datapath_open(each);
		if (res == R_OK)
			res = addresses_open(each);
	}
	return res == R_OK ? plain_side_open(w) : res;
}

static enum result groups_join(struct world *w, struct cl_node_config *cluster)
{
	enum result res = R_OK;

	for (struct world *each = w; each && res == R_OK; each = each->next) {
		each->facts = w->facts;
		res = world_relay_open(each);
		if (res == R_OK)
			res = crypto_pool_new(each->n_workers, &each->pool);
		if (res == R_OK)
			res = core_open(each, cluster);
		if (res == R_OK)
			res = world_workers_start(each);
	}
	return res;
}

enum result world_open(struct world *w, const struct world_options *o)
{
	struct cl_node_config cluster = { 0 };

	memset(w, 0, sizeof(*w));
	w->options = *o;
	w->timer_at_ns = UINT64_MAX;
	w->lock_fd = w->ack_fd = -1;
	group_init(w, w, 1);
	w->started_ns = world_now_ns();
	w->loop = qb_loop_create();
	if (!w->loop)
		return R_NO_MEMORY;
	enum result res = config_open(w);
	if (res != R_OK)
		return res;
	log_sink_style(w->config->log_id_asa);
	res = state_open(w);
	if (res == R_OK)
		res = export_open(o);
	/* How many standbys there are says who has the standby addresses. Without Corosync the
	 * tables are loaded all the same, before anything ends. */
	enum result facts = res == R_OK ? world_cluster_facts(w) : res;
	if (res == R_OK)
		res = groups_open(w);
	if (res == R_OK)
		res = world_cluster_open(w, facts, &cluster);
	if (res == R_OK)
		res = background_new(w->loop, QB_LOOP_LOW, &w->background);
	if (res == R_OK)
		res = term_writer_new(w->loop, o->state_dir, world_term_written, w, &w->terms);
	if (res == R_OK)
		res = groups_join(w, &cluster);
	secret_wipe(&cluster.failover_key);
	if (res != R_OK)
		return res;
	loop_fill(w);
	world_ack_open(w);
	world_links_open(w);
	world_state_open(w);
	/* A member that does not read what is multicast holds up all others: last, for what is
	 * above takes seconds with many thousand entries. */
	res = world_cluster_join(w);
	if (res != R_OK)
		return res;
	admin_ops_fill(w, &w->admin_ops);
	res = admin_server_new(w->loop, o->service, &w->admin_ops, &w->admin);
	if (res != R_OK)
		say(LOG_NODE_FAILED,
		    "the admin service cannot be published; is another holdfastd running?");
	world_touch(w);
	return res;
}

/* The last first: cores end in the order in which they were not made. */
static void group_close(struct world *w)
{
	if (w->next)
		group_close(w->next);
	crypto_pool_free(w->pool);
	hf_core_free(w->core);
	world_datapath_close(w);
	address_close(w->address);
	if (w != w->first)
		free(w);
}

void world_close(struct world *w)
{
	struct background *background = w->background;

	w->background = NULL; /* what still runs is for nobody */
	background_free(background);
	term_writer_free(w->terms);
	w->terms = NULL;
	admin_server_free(w->admin);
	for (struct world *each = w; each; each = each->next)
		world_workers_stop(each);
	world_ack_close(w);
	world_cluster_close(w);
	group_close(w);
	world_links_close(w);
	plain_close(w->plain);
	debug_keys_close();
	config_free(w->config);
	secret_wipe(&w->failover_key);
	if (w->lock_fd >= 0)
		close(w->lock_fd);
}

static void stop_now(void *data)
{
	struct world *w = data;
	qb_loop_stop(w->loop);
}

/* R21: stopping an owner hands over; the answer is world_ops.stopped. */
void world_stop(struct world *w)
{
	if (w->stopping) {
		qb_loop_stop(w->loop);
		return;
	}
	w->stopping = true;
	say(LOG_NODE_STOPPING, "");
	qb_loop_timer_add(w->loop, QB_LOOP_LOW, STOP_LIMIT_NS, w, stop_now, &w->stop_timer);
	for (struct world *each = w; each; each = each->next) {
		struct cl_input in = { .kind = CL_IN_STOP, .group = each->group };
		hf_core_cluster(each->core, world_now_ns(), &in);
	}
	world_touch(w);
}
