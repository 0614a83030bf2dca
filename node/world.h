/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The daemon's world around the core: loop, sockets, devices, threads,
 * Corosync. One control thread; everything here runs on it.
 */
#ifndef HF_NODE_WORLD_H
#define HF_NODE_WORLD_H

#include <qb/qbloop.h>

#include "cluster/transport.h"
#include "esp/esp.h"
#include "node/address.h"
#include "node/background.h"
#include "node/term_writer.h"
#include "node/cli/server.h"
#include "node/core.h"
#include "node/crypto_pool.h"
#include "node/cpg_pace.h"
#include "node/mcast_queue.h"
#include "node/plain.h"
#include "statesync/adapters/zeromq.h"

#define HF_WORKERS_MAX 64
#define HF_ACK_PORT    4509 /* UDP, of the node: acknowledgements */
#define HF_RELAY_PORT  4510 /* UDP, of group 1; the further groups' are behind it */

struct world_options {
	const char *config_path;
	const char *state_dir;       /* term files, guard.nft */
	const char *export_keys_dir; /* NULL: off */
	const char *service;         /* name of the admin IPC service */
	bool foreground;
};

/*
 * The world of one failover group: R14 keeps engines, datapaths, devices and
 * sockets of groups apart. What is the node's is in the first one, that of the
 * lowest group: w->first. Options, loop, facts and configuration are in all.
 */
struct world {
	struct world *first, *next; /* of this node, by group */
	uint8_t group;
	struct world_options options;
	qb_loop_t *loop;
	struct config *config;
	struct cl_transport_facts facts;

	/* the node's */
	struct secret failover_key;
	struct cl_transport *transport;
	struct mcast_queue mcast;
	bool mcast_retry_armed;
	struct cpg_pace pace;          /* of snapshots through CPG */
	struct ss_zmq *channel;        /* NULL: snapshots go through CPG */
	struct background *background; /* NULL once the world closes */
	struct term_writer *terms;     /* likewise */
	struct admin_ops admin_ops;    /* outlives the server */
	struct admin_server *admin;
	struct plain *plain;
	int lock_fd;
	int ack_fd; /* -1: acknowledgements come by Corosync only */
	qb_loop_timer_handle timer, reconnect_timer, stop_timer, plain_timer, links_timer,
		state_timer;
	uint64_t timer_at_ns;
	bool flush_scheduled, stopping, disconnected_reported;
	uint64_t started_ns;
	char state_trouble[200];  /* why no term can be written; "": it can (R11) */
	struct link_watch *links; /* NULL: the kernel does not tell */
	uint64_t noticed_ns;     /* when something last asked for a change of ownership; 0: never */
	struct view_write write; /* what units have answered; a command waits with write_ticket */
	uint64_t write_ticket;
	bool write_json;
	uint64_t mcast_errors, tables_restored;
	uint64_t snapshot_refused; /* messages that a member may not send on its way */

	/* the group's */
	struct hf_core *core; /* the first's speaks for the node */
	struct esp_datapath *datapath;
	struct crypto_pool *pool;
	struct address *address;
	char tun[ADDRESS_DEVICE_MAX], owned_tun[ADDRESS_DEVICE_MAX], relay_tun[ADDRESS_DEVICE_MAX];
	unsigned int n_workers;
	struct esp_worker *workers[HF_WORKERS_MAX];
	struct esp_worker_thread *threads[HF_WORKERS_MAX];
	int tun_fds[HF_WORKERS_MAX];
	int udp4500_fds[HF_WORKERS_MAX];
	int raw_fds[HF_WORKERS_MAX];
	int owned_tun_fd, relay_tun_fd, relay_fd, wake_fd, udp500_fd;
	struct inet_addr service_address;

	qb_loop_timer_handle announce_timer, relay_timer;
	unsigned int announces_left;
	bool stopped; /* the answer to CL_IN_STOP has come */
	enum cl_role role;
	uint64_t active_since_ns, active_total_ns;
	int64_t last_failover; /* seconds since 1970 */
	char last_why[64];
	bool last_suspect;
	uint32_t last_takeover_ms; /* from noticing to owning; 0: unknown */
	uint64_t relay_errors;     /* IKE stragglers that did not get on their way (R19) */
	uint64_t xmit_queue_max;   /* log positions that waited for acknowledgement, at most */
};

/* The world of a group of this node; NULL when it has no such group. 0: the first. */
struct world *world_of(struct world *w, uint32_t group);

uint64_t world_now_ns(void); /* CLOCK_BOOTTIME */
/* Opens everything and starts the threads; messages go to the log. */
enum result world_open(struct world *w, const struct world_options *o) WARN_UNUSED;
void world_close(struct world *w);
/* An input was given to the core: flush at the end of this loop turn and set the timer. */
void world_touch(struct world *w);
/*
 * fn as one of the next things of the loop, not from within this call. Not a job of libqb: a
 * loop that has nothing but jobs waits 50 ms before it runs them.
 */
void world_soon(struct world *w, enum qb_loop_priority p, void *data, void (*fn)(void *data));
void world_stop(struct world *w);
/* What was found in the file; res not R_OK: and that it is not taken. */
void world_config_report(const struct world *w, const struct diagnostics *diag, enum result res);
/* world_reload.c: the file is read again */
void world_reload(struct world *w);
/* A configuration that only a restart can put into force: what of it; else NULL. */
const char *world_needs_restart(const struct world *w, const struct config *fresh);
/* fresh, adopted, is in force; or everything stays as it was and why says what was in the way. */
enum result world_configure(struct world *w, struct config *fresh, char why[200]) WARN_UNUSED;

/* world_ops.c: what the core asks for. */
extern const struct hf_core_ops world_ops;
/* world_cluster.c */
#define WORLD_STANDALONE_SLOT 1u /* without failover */
/* w->facts: nothing is joined. */
enum result world_cluster_facts(struct world *w) WARN_UNUSED;
/* facts: what came of that. */
enum result world_cluster_open(struct world *w, enum result facts,
			       struct cl_node_config *out) WARN_UNUSED;
enum result world_cluster_join(struct world *w) WARN_UNUSED;
void world_cluster_close(struct world *w);
void world_cluster_digest(struct world *w);
void world_mcast(struct world *w, struct bytes message);
/* world_snapshot.c */
enum result world_snapshot_open(struct world *w) WARN_UNUSED;
void world_snapshot_close(struct world *w);
void world_snapshot_send(struct world *w, uint8_t slot, struct bytes message);
void world_snapshot_ask(struct world *w, uint8_t slot, const struct inet_addr *owner,
			struct bytes message);
/* Takes a message that came through CPG, ours or not, when it is one of the snapshot channel. */
bool world_snapshot_from_cpg(struct world *w, bool ours, struct bytes data);
/* world_ack.c */
void world_ack_open(struct world *w);
void world_ack_close(struct world *w);
void world_ack_send(struct world *w, const struct inet_addr *owner, struct bytes message);
/* world_state.c */
void world_state_open(struct world *w);
/* A term was written, or not: err is its errno. */
void world_state_written(struct world *w, uint32_t group, uint64_t term, int err);
void world_term_written(void *ctx, uint32_t group, uint64_t term, int err);
/* world_links.c */
void world_links_open(struct world *w);
void world_links_close(struct world *w);
/* The configuration may name other interfaces now. */
void world_links_reload(struct world *w);
/* world_datapath.c */
/* Where a group's IKE is served; INET_NONE unless it is exactly one interface. */
const struct inet_addr *world_ike_address(const struct config *cfg, uint8_t group);
enum result world_datapath_open(struct world *w) WARN_UNUSED;
/* Needs the cluster's facts. */
enum result world_relay_open(struct world *w) WARN_UNUSED;
enum result world_workers_start(struct world *w) WARN_UNUSED;
void world_workers_stop(struct world *w);
void world_datapath_close(struct world *w);
/* R19: an IKE straggler goes to the next owner, or is counted. */
void world_relay_ike(struct world *w, const struct esp_ike_datagram *d);
/* admin.c */
void admin_ops_fill(struct world *w, struct admin_ops *out);
/* admin_failover.c: its part of them */
void admin_failover_fill(struct admin_ops *out);
/* What the groups of a node have counted, together. */
void admin_add_group(struct cl_group_status *sum, const struct cl_group_status *add);
/* The counters of show failover statistics about roles; st: of all groups. */
bool admin_fill_roles(const struct cl_stats *s, const struct cl_group_status *st,
		      struct view_failover_statistics *v) WARN_UNUSED;
/* Messages of other members that the node refused before it knew their group: each group's
 * status counts them. */
uint64_t admin_refused(const struct cl_stats *s);
/* "node drain" is in force here. */
bool world_is_drained(const struct world *w);
/* There are protected standbys, and all of them are drained. */
bool world_only_drained(const struct world *w);
/* remote_exec.c: "failover exec", both sides. Control thread. */
enum result world_exec_target(void *ctx, const struct admin_target *to, uint8_t *slot,
			      char why[ADMIN_WHY_MAX]);
void world_exec_ask(void *ctx, uint8_t slot, const char *line, bool json, uint64_t ticket);
void world_exec(void *ctx, const struct cl_effect *fx); /* hf_core_ops.exec */
/* world_config.c: replication of the configuration */
void world_config(void *ctx, const struct cl_effect *fx); /* hf_core_ops.config */
/* A reload with fresh is refused here: another unit's word counts. Says so. */
bool world_config_refused(struct world *w, const struct config *fresh);
/* After a reload that changed what others are to have. */
void world_config_changed(struct world *w);
/* A write of this unit's own file has ended; R_OK, or error says why not. */
struct world_file {
	struct background_job job;
	struct world *w;
	struct view_write view;
	enum result res;
	char why[520];
	bool waiting; /* a command waits, with w->write_ticket */
};
/* In a background job: writes the file unless it holds w->config already. */
enum result world_config_file(struct world *w, struct view_write *v, char why[520]);
void world_config_written(const struct world *w, size_t bytes_written);
void world_config_say(enum log_id id, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* world_config_take.c: CL_FX_CONFIG */
void world_config_take(struct world *w, const struct cl_effect *fx);
enum result world_config_write(void *ctx, bool standby, const struct admin_caller *caller,
			       struct view_write *out, char why[ADMIN_WHY_MAX]);
/* admin_show_failover.c, admin_counters.c, admin_map.c: struct admin_ops, ctx is the world */
enum result admin_show_failover(void *ctx, uint8_t group, struct view_failover *v);
enum result admin_counters(void *ctx, struct view_counter_list *out);
enum result admin_admission(void *ctx, struct view_admission *out);
enum result admin_node_forget(void *ctx, const char *name, char why[ADMIN_WHY_MAX]);
enum result admin_crypto_maps(void *ctx, const char *map, struct view_map_list *out);
enum result admin_clear_children(void *ctx, const struct inet_addr *peer, unsigned int *cleared,
				 char why[ADMIN_WHY_MAX]);
enum result admin_initiate(void *ctx, const char *map, uint32_t seq, char why[ADMIN_WHY_MAX]);
/* debug_keys.c. Opens Wireshark's tables in dir; why says what is wrong with them. */
enum result debug_keys_open(const char *dir, char why[200]) WARN_UNUSED;
void debug_keys_close(void);
/* Appends the SAs that are new; called after each turn while exporting. */
void debug_keys_export(struct world *w);

#endif
