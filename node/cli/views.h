/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a show command prints, as plain values: the daemon fills these, the
 * formatters (show_*.c) turn them into the ASA's text or into JSON. They hold
 * no pointer into live state, so filling one is the only moment that touches
 * an SA. Strings are NUL terminated; counters are since the SA was set up and
 * survive failover.
 */
#ifndef HF_NODE_CLI_VIEWS_H
#define HF_NODE_CLI_VIEWS_H

#include "base/iana.h"
#include "base/ipsec_sa.h"
#include "cluster/cluster.h"
#include "node/config/model.h"
#include "node/config/text.h"

#define VIEW_NAME_MAX 65
#define VIEW_ID_MAX   257

/* One CHILD SA pair: a line of "show crypto ikev2 sa", a block of "show crypto ipsec sa". */
struct view_child {
	uint32_t spi_in; /* the one that we receive with */
	uint32_t spi_out;
	struct traffic_selector local;
	struct traffic_selector remote;
	struct esp_transforms transforms;
	uint16_t pfs_group; /* enum ike_dh of its last key exchange; 0: keys of the IKE SA */
	bool nat_t;         /* UDP encapsulation */
	struct inet_endpoint local_endpoint;
	struct inet_endpoint remote_endpoint;
	bool initiator; /* we initiated the IKE SA */

	char interface[VIEW_NAME_MAX]; /* nameif: "outside" */
	char crypto_map[VIEW_NAME_MAX];
	uint32_t seq;          /* of the crypto map entry */
	char access_list[400]; /* config_ace_text() of the line, "" when unknown */
	char tunnel_group[VIEW_NAME_MAX];
	uint32_t conn_id; /* any number that is the same for both directions */
	bool active;      /* false: held ready by a standby */

	uint64_t encaps_packets; /* sealed and sent */
	uint64_t encaps_bytes;   /* of inner packets */
	uint64_t decaps_packets; /* opened and accepted */
	uint64_t decaps_bytes;
	uint64_t send_errors;   /* could not be sealed or sent */
	uint64_t recv_errors;   /* any inbound drop of this SA */
	uint64_t replay_drops;  /* part of recv_errors */
	uint64_t auth_failures; /* part of recv_errors */

	uint32_t path_mtu; /* bytes */
	uint32_t media_mtu;
	uint32_t lifetime_left_s; /* until it is rekeyed at the latest */
	bool lifetime_kb_unlimited;
	uint64_t in_lifetime_left_kb; /* ignored when unlimited */
	uint64_t out_lifetime_left_kb;

	uint32_t replay_window; /* packets; 0: no replay detection */
	/* the newest 64 of the window; bit 0 is the highest accepted number */
	uint64_t replay_bitmap;
	uint64_t in_highest_seq; /* highest accepted, with ESN all 64 bits */
	uint64_t out_next_seq;
	uint64_t out_lease_end; /* R17; 0 when leases are not in use */
	/* R18: packets that could be replayed after a takeover; 0: none */
	uint64_t replay_exposure;
	uint64_t birth_term; /* R16 */
};

/* One IKE SA with its CHILD SAs. */
struct view_ike {
	uint32_t session_id;
	uint32_t tunnel_id;
	struct inet_endpoint local;
	struct inet_endpoint remote;
	bool ready;                  /* established; else still negotiating or being deleted */
	char status[24];             /* "READY", "IN-NEG", "DELETE" */
	char status_description[64]; /* "Negotiation done" */
	bool initiator;

	uint16_t encr; /* IANA numbers of what was negotiated */
	uint16_t key_bits;
	uint16_t integ; /* 0 with an AEAD */
	uint16_t prf;
	uint16_t dh;
	char auth_sign[16];   /* "PSK": our AUTH */
	char auth_verify[16]; /* the peer's */
	uint32_t lifetime_s;  /* 0: none */
	uint32_t active_s;    /* since IKE_AUTH, over rekeys of the IKE SA */

	uint64_t spi_local; /* ours */
	uint64_t spi_remote;
	char local_id[VIEW_ID_MAX]; /* escaped text form */
	char remote_id[VIEW_ID_MAX];
	char tunnel_group[VIEW_NAME_MAX];
	uint32_t local_req_id;  /* message id of our newest request */
	uint32_t remote_req_id; /* message id of the peer's newest request */
	uint32_t local_next_id; /* of our next request */
	uint32_t remote_next_id;
	uint32_t local_queued; /* requests of ours that wait for their turn or their response */
	uint32_t remote_queued;
	uint32_t local_window;
	uint32_t remote_window;
	bool dpd;
	uint32_t dpd_threshold_s;
	uint32_t dpd_retry_s;
	bool nat_local; /* NAT detected in front of us */
	bool nat_remote;
	uint32_t fragment_mtu; /* RFC 7383; 0: not in use */
	uint64_t birth_term;   /* R16 */
	uint8_t shard;         /* R25 */

	struct view_child *children; /* owned; add with view_ike_add_child */
	size_t n_children;
};

struct view_ike_list {
	struct view_ike *list;
	size_t n;
};

struct view_child_list {
	struct view_child *list;
	size_t n;
};

/* A zeroed element at the end, NULL when out of memory. The pointer lasts until the next add. */
struct view_ike *view_ike_add(struct view_ike_list *l);
struct view_child *view_ike_add_child(struct view_ike *sa);
struct view_child *view_child_add(struct view_child_list *l);
void view_ike_list_free(struct view_ike_list *l);
void view_child_list_free(struct view_child_list *l);

enum view_host_state {
	HOST_ACTIVE,
	HOST_STANDBY_READY,
	HOST_SYNCING,
	HOST_FAILED,
	HOST_NOT_DETECTED,
	HOST_DISABLED
};

#define VIEW_INTERFACES_MAX 16

struct view_host_interface {
	char nameif[VIEW_NAME_MAX];
	struct inet_addr address; /* what it has in its present role; INET_NONE prints as 0.0.0.0 */
	enum cl_link_state state;
	bool monitored;
	bool shutdown; /* by the configuration */
};

struct view_host {
	char name[VIEW_NAME_MAX]; /* hostname; "" when unknown */
	uint8_t unit;             /* UNIT_* of the configuration; unset counts as primary */
	uint8_t slot;
	enum view_host_state state;
	bool is_protected;      /* R4: the owner holds its output for this standby */
	bool drained;           /* "node drain": it owns nothing that another one can own */
	uint64_t active_s;      /* time spent active since it started */
	char version[32];       /* "" when unknown */
	char config_digest[65]; /* "" when unknown */
	char failure[24];       /* what last befell it; "": nothing */
	int64_t failed_at;      /* seconds since 1970 UTC */
	struct view_host_interface interfaces[VIEW_INTERFACES_MAX];
	size_t n_interfaces;
};

/* One row of the ASA's "Stateful Obj" table; the first column is at most 15 characters. */
struct view_stateful {
	char name[16]; /* "VPN IKEv2 SA", "VPN IKEv2 P2", "VPN ESP SEQ" */
	uint64_t xmit; /* records sent */
	uint64_t xerr;
	uint64_t rcv;  /* records applied */
	uint64_t rerr; /* refused: did not authenticate or parse */
};

struct view_queue {
	uint64_t current;
	uint64_t max;
	uint64_t total;
};

#define VIEW_STATEFUL_MAX 16
#define VIEW_OTHERS_MAX   15

struct view_failover {
	bool enabled;
	char cluster_name[VIEW_NAME_MAX]; /* "" prints as not configured */
	bool cluster_up;                  /* CPG connected */
	bool quorate;
	uint32_t heartbeat_ms; /* interval */
	uint32_t deadline_ms;  /* R12 */
	uint32_t interface_poll_ms;
	uint32_t interface_hold_s;
	uint32_t interface_policy; /* failed interfaces */
	bool interface_policy_percent;
	/* when the group last changed its owner: seconds since 1970 UTC; 0: never */
	int64_t last_failover;
	struct view_host self;
	/* the first is the ASA's "Other host": who is active, or would be the next one */
	struct view_host others[VIEW_OTHERS_MAX];
	size_t n_others;
	struct view_stateful rows[VIEW_STATEFUL_MAX];
	size_t n_rows;
	struct view_queue recv; /* records */
	struct view_queue xmit;

	/* Holdfast's own part, printed after the ASA's. */
	uint32_t group;
	uint32_t members_expected; /* by Corosync's configuration */
	uint8_t preferred_unit;    /* the unit that should own it, as view_host.unit */
	bool preempt;
	uint32_t preempt_s; /* how long the preferred unit waits; 0: not at all */
	uint64_t takeovers; /* by this unit */
	uint64_t handovers;
	bool is_protected; /* the group has a protected standby */
	uint64_t term;
	char role_manager[16];  /* "internal", "pacemaker" */
	char last_takeover[64]; /* why the owner took the group: "process down", "" when never */
	bool last_takeover_suspect; /* R10 */
	uint32_t last_takeover_ms;  /* from noticing to owning; 0: unknown */
	bool heartbeat_seen;
	uint32_t heartbeat_age_ms;     /* of the owner's last heartbeat, in cluster time */
	uint64_t log_position;         /* newest record of the log */
	uint64_t acked_position;       /* acknowledged by every protected standby */
	uint64_t held;                 /* outputs that wait for acknowledgement now */
	uint64_t unprotected_releases; /* R6: outputs released without acknowledgement */
	uint64_t suspect_takeovers;
	uint32_t unfenced_node; /* a takeover or an empty start waits for its fencing; 0: none */
	uint32_t slot_holder;   /* R14: the node that has our slot; 0: none */
	bool may_begin_empty;   /* R15: nobody holds state, and who is missing is fenced */
	/* R23: lost to a higher owner; won, and what came of it */
	uint64_t split_brains_lost, split_brains_merged;
	uint64_t merged_taken, merged_anew, merged_rekeyed, merges_failed;
	char state_trouble[200]; /* R11: why this host can take nothing over; "": it can */
};

#define VIEW_HISTORY_MAX 60

/* A line of "show failover history": the ASA's names of states. */
struct view_state_change {
	char from[24];
	char to[24];
	char reason[64];
	int64_t at; /* seconds since 1970 UTC */
	uint64_t term;
};

struct view_failover_history {
	struct view_state_change list[VIEW_HISTORY_MAX]; /* oldest first */
	size_t n;
};

/* Replication messages of one kind. */
struct view_message_count {
	char name[24]; /* "handover_request" */
	uint64_t tx;
	uint64_t rx;
};

#define VIEW_MESSAGES_MAX 32

struct view_version {
	char version[32]; /* "0.1.0" */
	char hostname[VIEW_NAME_MAX];
	uint64_t uptime_s;
	char openssl[64];  /* text of the library in use */
	char ipsec_mb[32]; /* "" when not in use */
	char corosync[32]; /* "" when unknown */
	uint32_t workers;
};

/* show counters: every counted reason of every folder, in the order in which they were added. */
struct view_counter {
	char protocol[12]; /* "ESP", "IKEV2", "HA", "IPC" */
	char name[48];     /* a verdict or result name */
	uint64_t value;
};

/* cluster keygen */
struct view_keygen {
	char file[256]; /* with the secret key */
	uint8_t slot;
	char public_key[65]; /* hexadecimal */
};

struct view_counter_list {
	struct view_counter *list;
	size_t n;
};

#define VIEW_BUCKETS_MAX 256

struct view_bucket {
	uint64_t most_us, n;
};

struct view_failover_statistics {
	struct view_message_count messages[VIEW_MESSAGES_MAX];
	size_t n_messages;
	uint64_t bytes_tx;
	uint64_t bytes_rx;
	uint64_t acks_measured; /* positions of the log, from append to acknowledgement */
	uint64_t ack_p50_us;
	uint64_t ack_p99_us;
	uint64_t ack_max_us;
	struct view_bucket ack_buckets[VIEW_BUCKETS_MAX]; /* not empty, rising; JSON only */
	size_t n_ack_buckets;
	struct view_counter_list refused;  /* messages not taken, by reason; protocol unused */
	struct view_counter_list counters; /* everything else that is counted; protocol unused */
};

/* false when out of memory. Zero values are kept out of the text, not of JSON. */
bool view_counter_add(struct view_counter_list *l, const char *protocol, const char *name,
		      uint64_t value);
void view_counter_list_free(struct view_counter_list *l);

/* A member in show crypto call admission statistics. */
struct view_admission_member {
	char name[VIEW_NAME_MAX]; /* hostname; "" when unknown */
	uint32_t node_id;
	bool self, present, gone;
	uint32_t share;
};

struct view_admission {
	uint32_t max_sa, cluster_max_sa; /* 0: no limit */
	uint32_t max_negotiating;
	uint32_t active, negotiating;         /* IKE SAs of this node */
	uint32_t out_active, out_negotiating; /* those of them that it has set up itself */
	uint64_t cookies_sent;
	uint64_t in_requests, in_accepted, in_refused_sa, in_refused_negotiating;
	uint64_t out_requests, out_accepted, out_refused;
	uint64_t child_active;
	/* with a limit of the cluster: what this node may have in all, what of it counts, and what
	 * nobody has */
	uint32_t share, in_share, pool;
	bool carried; /* what is there counts for nobody until a lost member is back or gone */
	struct view_admission_member members[VIEW_OTHERS_MAX + 1];
	size_t n_members;
};

/* One entry of show crypto map. */
struct view_map {
	const struct config_map_entry *entry; /* of the configuration in force */
	uint8_t peer_index;                   /* of its list */
	uint64_t generation;                  /* moves and resets of the index */
	const char *reason;                   /* of the last one; static */
};

struct view_map_list {
	struct view_map *list;
	size_t n;
};

/* As view_ike_add. */
struct view_map *view_map_add(struct view_map_list *l);
void view_map_list_free(struct view_map_list *l);

/* What another unit made of it. */
struct view_write_unit {
	char name[VIEW_NAME_MAX]; /* hostname; "" when unknown */
	uint8_t slot;
	bool ok;
	char why[520]; /* goes on behind "the unit in slot 2"; "" when ok */
};

/* write standby, write memory */
struct view_write {
	bool standby; /* write standby: only the units count */
	bool pending; /* it goes on; the log says how it ends */
	char file[256];
	char digest[65]; /* of the configuration */
	bool written;    /* otherwise the file held it already */
	size_t bytes;
	uint32_t took_ms;
	struct view_write_unit units[VIEW_OTHERS_MAX];
	size_t n;
};

/* A unit did not. */
bool view_write_failed(const struct view_write *v);

/* node drain, node resume */
struct view_drain {
	bool drained; /* what was asked for */
	bool waits;   /* there is nobody to hand over to yet */
	bool pending; /* not on disk yet, and not in force */
};

/* Formatters. Appending only; *out is the caller's. The JSON forms obey
 * etc/show-json.schema.json. */
void show_ike_text(const struct view_ike_list *l, bool detail, struct text *out);
void show_ike_json(const struct view_ike_list *l, struct text *out);
void show_ipsec_text(const struct view_child_list *l, bool detail, struct text *out);
void show_ipsec_json(const struct view_child_list *l, struct text *out);
void show_map_text(const struct view_map_list *l, struct text *out);
void show_map_json(const struct view_map_list *l, struct text *out);
/* These: n views, one of each group. */
void show_failover_text(const struct view_failover *v, size_t n, struct text *out);
void show_failover_json(const struct view_failover *v, size_t n, struct text *out);
void show_failover_group_text(const struct view_failover *v, size_t n, struct text *out);
void show_failover_group_json(const struct view_failover *v, size_t n, struct text *out);
void show_failover_state_text(const struct view_failover *v, size_t n, struct text *out);
void show_failover_state_json(const struct view_failover *v, size_t n, struct text *out);
void show_monitor_text(const struct view_failover *v, size_t n, struct text *out);
void show_monitor_json(const struct view_failover *v, size_t n, struct text *out);
void show_failover_history_text(const struct view_failover_history *v, struct text *out);
void show_failover_history_json(const struct view_failover_history *v, struct text *out);
void show_failover_statistics_text(const struct view_failover_statistics *v, struct text *out);
void show_failover_statistics_json(const struct view_failover_statistics *v, struct text *out);
void show_version_text(const struct view_version *v, struct text *out);
void show_version_json(const struct view_version *v, struct text *out);
void show_counters_text(const struct view_counter_list *l, struct text *out);
void show_counters_json(const struct view_counter_list *l, struct text *out);
void show_admission_text(const struct view_admission *v, struct text *out);
void show_admission_json(const struct view_admission *v, struct text *out);
void show_ikev2_stats_text(const struct view_admission *v, struct text *out);
void show_write_text(const struct view_write *v, struct text *out);
void show_write_json(const struct view_write *v, struct text *out);
void show_drain_text(const struct view_drain *v, struct text *out);
void show_drain_json(const struct view_drain *v, struct text *out);
void show_keygen_text(const struct view_keygen *v, struct text *out);
void show_keygen_json(const struct view_keygen *v, struct text *out);

#endif
