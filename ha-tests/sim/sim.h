/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole installation in one process: two to five Holdfast nodes, which share one
 * or two failover groups (a struct hf_core for each, with its datapath and one worker
 * called inline), their totally ordered multicast, one or two standard peers, a
 * hostile network between them, and faults. One thread, one clock, one seed; every
 * seal and open is real.
 *
 *	protected hosts == node 1 --+            +-- peer 1 == protected hosts
 *	                     |      |            |
 *	                 multicast  +- network --+
 *	                     |      |            |
 *	protected hosts == node 2 --+            +-- peer 2 == protected hosts
 *
 * The service address and the protected hosts' route of a group belong to the node that
 * took them last; the switches learn of it late. The laws of replication.md
 * are checked after every step (laws.h).
 */
#ifndef HF_SIM_SIM_H
#define HF_SIM_SIM_H

#include <openssl/evp.h>

#include "ha-tests/sim/broken.h"
#include "ha-tests/sim/laws.h"
#include "ha-tests/sim/matrix.h"
#include "ha-tests/sim/rng.h"
#include "node/core.h"

#define US            1000ull
#define MS_NS         1000000ull
#define SECOND        1000000000ull
#define NODES_MAX     5
#define PEERS_MAX     2
#define LINES_MAX     2 /* permit lines of a crypto ACL, per peer */
#define GROUPS_MAX    2
#define NODE_RELAY    0xc6120000u /* with a node's id: the IPv4 address of its relay sockets */
#define RELAY_PORT    4510u       /* of group 1; the next group's is behind it */
#define FAULTS_MAX    20          /* planned, of one seed */
#define EXCHANGES_MIN 20          /* of one seed, or it shows nothing */
#define FAULTS_MIN    5
#define START_NS \
	(1000 * SECOND) /* the simulated clock begins here, so that a node can have booted before */

struct sim;
struct node;
struct member;
struct peer;
struct event;

/* ---- event.c: what happens next ---- */

typedef void (*event_fn)(struct sim *s, struct event *ev);

struct event {
	uint64_t at_ns;
	event_fn run;
	void *ctx; /* node, peer, host: by run */
	uint64_t arg;
	void *data; /* owned */
	void (*data_free)(void *data);
	struct node *node; /* belongs to this process: waits while it is stopped, gone when it is */
	uint32_t incarnation;
	struct event *next; /* in a node's backlog, or of those that are spare */
};

struct event_place {
	uint64_t at_ns;
	uint64_t order; /* of insertion: equal times keep it */
	struct event *ev;
};

struct event_queue {
	struct event_place *heap;
	struct event *spare; /* for the next ones */
	size_t n, cap;
	uint64_t next_order;
};

struct event *sim_at(struct sim *s, uint64_t at_ns, event_fn run, void *ctx);
/* For a process on a node. */
struct event *node_at(struct node *nd, uint64_t at_ns, event_fn run);
/* The same, and the member is its ctx. */
struct event *member_event(struct member *m, uint64_t at_ns, event_fn run);
/* Now, behind what is due now: it had to wait. */
void event_again(struct sim *s, struct event *ev);
void event_own(struct event *ev, void *data, void (*data_free)(void *data));
struct event *event_next(struct event_queue *q);
void event_done(struct event_queue *q, struct event *ev);
void event_queue_free(struct event_queue *q);

/* ---- trace.c: what happened ---- */

#define TRACE_LINES 60
#define TRACE_WIDTH 240

struct trace {
	char lines[TRACE_LINES][TRACE_WIDTH];
	size_t n;
	bool verbose;
	struct digest128 hash;
};

void trace_open(struct trace *t, bool verbose);
/* A line for people; also part of the hash. */
void trace(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3), nonnull(2)));
/* Bytes that left somebody. */
void trace_bytes(struct sim *s, const char *who, struct bytes data);
void trace_print(const struct trace *t);

/* ---- cheap_dh.c ---- */

/* As ike_job_run(), by a group of the simulator's own in most seeds. */
void dh_run(struct sim *s, struct ike_job *job);
bool dh_is_real(const struct sim *s);

/* ---- network.c: datagrams between gateways, and the way to the protected hosts ---- */

enum packet_kind { PACKET_IKE, PACKET_ESP, PACKET_CLEAR };

struct packet {
	enum packet_kind kind;
	bool udp_encap;                /* on UDP 4500 */
	bool relayed;                  /* by the former owner (R19) */
	const struct member *from;     /* that sent it; NULL: a peer */
	struct inet_endpoint src, dst; /* outer; unused with PACKET_CLEAR */
	struct buf data;
};

struct network {
	/* whom the switch believes to have a group's service address */
	struct member *outside[GROUPS_MAX];
	struct member *inside[GROUPS_MAX];
	unsigned int loss, duplicate, replay; /* per thousand; a replay comes seconds later */
	uint64_t delay_ns, jitter_ns;
	uint64_t loss_until_ns; /* a burst */
	unsigned int burst_loss;
};

struct packet *packet_new(const struct packet *like, struct bytes data);
void packet_free(void *packet);
/* Over the hostile network; copied. */
void network_send(struct sim *s, const struct packet *p);
/* A host that a group protects, behind the nodes, sends. */
void network_send_inside(struct sim *s, unsigned int group, struct bytes inner);
/* A gratuitous ARP: the switches follow it after their own time. */
void network_announce(struct member *m);

/* ---- gateway.c: a datapath with its one worker ---- */

struct gateway {
	struct sim *s;
	struct member *member; /* or */
	struct peer *peer;
	struct esp_datapath *dp;
	struct esp_worker *worker;
};

void gateway_open(struct gateway *gw, uint8_t slot);
void gateway_close(struct gateway *gw);
/* now_ns is the gateway's own clock. */
void gateway_outbound(struct gateway *gw, uint64_t now_ns, const struct packet *p);
void gateway_inbound(struct gateway *gw, uint64_t now_ns, const struct packet *p);
/* Packets that waited for their first SA. */
void gateway_flush(struct gateway *gw, uint64_t now_ns);

/* ---- node.c, node_ops.c: a Holdfast process and its host ---- */

enum address { ADDRESS_NONE, ADDRESS_OWNED, ADDRESS_RELAYED };
/* Where a process is killed: at the next such moment. */
enum die_at {
	DIE_NOT,
	DIE_BEFORE_SEND,
	DIE_AFTER_SEND,
	DIE_AFTER_MCAST,
	DIE_AFTER_TERM,
	DIE_AFTER_ROLE
};

#define SOCKET_BUFFER 256

/* What a node is to one failover group. */
struct member {
	struct sim *s;
	struct node *node;
	char name[16];
	unsigned int group; /* its index */
	struct gateway gw;
	struct hf_core *core;
	/* host */
	uint64_t term_on_disk;
	uint64_t term_before;                      /* the last write */
	bool terms_unknown, terms_unknown_written; /* on disk with the term, and on its way there */
	uint64_t copied_term;                      /* of an older disk */
	bool copied_unknown;
	bool link_down; /* to its network; the cluster's own is another one */
	/* process */
	enum cl_role role;
	uint64_t term;
	uint64_t joined_ns; /* a joiner no more since then */
	bool is_protected;
	bool has_held;    /* what was replicated: a joiner has no less than before (R22) */
	bool stopped;     /* the answer to a stop command has come */
	bool told_active; /* by an operator, who has no answer yet */
	enum address address;
	struct member *relay_to; /* R19 */
	uint64_t straggler_ns;
	struct packet *waiting[SOCKET_BUFFER]; /* unread while the datapath is READY (R19) */
	size_t n_waiting;
};

struct node {
	struct sim *s;
	const char *name;
	unsigned int index;
	uint32_t id;
	uint8_t slot;
	struct config *config;
	struct member members[GROUPS_MAX];
	/* host */
	bool up;
	uint64_t booted_ns;
	int32_t drift_ppm;       /* of its clocks */
	int64_t realtime_off_ms; /* of its clock of the day */
	bool drained;            /* on disk */
	/* process */
	bool alive, paused, stopping, dying, host_dying;
	uint64_t paused_ns;
	bool paused_apart; /* when it was stopped it had not met all others again */
	uint32_t pid, incarnation;
	bool flush_due;
	uint64_t timer_ns;
	enum die_at die_at;
	unsigned int die_count;
	bool next_release; /* of this process: writes what the others do not know */
	struct event *backlog, **backlog_end;
	size_t n_backlog;
};

/* As the cluster logic numbers it. */
static inline uint32_t group_id(unsigned int group)
{
	return group + 1;
}

uint64_t node_now(const struct node *nd);
/* When its clock says at_ns. */
uint64_t node_when(const struct node *nd, uint64_t at_ns);
/* What follows runs in nd's process; NULL: in none. */
void node_enter(const struct node *nd);
void node_boot(struct node *nd);
void node_start(struct node *nd);
/* These tell whether there was anything to do. */
bool node_kill(struct node *nd);
/* The end of the run. */
void node_free(struct node *nd);
bool node_pause(struct node *nd);
void node_wake(struct node *nd);
bool node_lose_host(struct node *nd);
/* Of one group. */
bool node_command(struct member *m, enum cl_input_kind kind);
/* Of all groups. */
bool node_stop(struct node *nd);
bool node_input(struct node *nd, const struct cl_input *in);
void node_clear(struct member *m);
/* Another configuration, with this lifetime of CHILD SAs. */
void node_configure(struct node *nd, uint32_t child_lifetime_s);
/* An input of the IKE engine that a timer, or an operator, would be the cause of. */
void node_engine(struct member *m, const struct ike_input *in);
/* A packet has reached the node's interface or, relayed, its relay socket. */
void node_packet(struct member *m, const struct packet *p);
/* To the node that it has handed over to (R19). */
void node_relay(struct member *m, const struct packet *p);
void node_collect(struct node *nd);
/* After every call into the core. */
void node_touch(struct node *nd);
extern const struct hf_core_ops node_ops;
void node_unread(struct member *m);
/* Another than m that is up and holds what has been replicated; NULL: none. */
struct member *member_holder(const struct member *m);
/* Another than m (or NULL) that owns the group and is not stopped; NULL: none. */
struct member *member_owner(struct sim *s, unsigned int group, const struct member *m);
/* It can go on with what has been replicated. */
bool member_holds_state(const struct member *m);
/* The member of the same group at node i. */
struct member *member_at(const struct member *m, unsigned int i);

/* ---- multicast.c: Corosync ---- */

struct mcast_item;

struct mcast_host {
	struct mcast_item *first, **last; /* handed to Corosync, not ordered yet */
	struct cl_ring_id ring;
	bool frozen;    /* no ring: membership is changing */
	bool stopped;   /* with its host: it is in no ring, and takes part in none */
	bool connected; /* a process is a member of the CPG group */
	uint32_t pid;
	bool seen_all; /* wait_for_all is met */
	bool quorate;
	uint64_t delivered_ns; /* no delivery may be before it */
	/* How often the token came round with something of this host: what was sent in a round
	 * goes out after what was delivered to its sender in the round before. */
	uint64_t round, round_at_cut;
};

struct multicast {
	struct mcast_host host[NODES_MAX];
	bool cut;                     /* not all hosts reach each other */
	unsigned int side[NODES_MAX]; /* of the cut */
	uint64_t cut_epoch;           /* what was under way between them then is lost */
	uint64_t ordering_round;      /* of the message that is being delivered */
	uint64_t change;              /* number of the last membership change that began */
	uint64_t ring_seq;
	uint64_t slow_ns; /* additional time to order a message */
};

void mcast_send(struct node *nd, struct bytes message);
/* By the snapshot channel to the member in slot (as world_cluster.c does it, through the group). */
void mcast_send_snapshot(struct node *nd, uint8_t slot, struct bytes message);
/* Beside the ring, to the node with this address: it may be lost. */
void mcast_send_ack(struct node *nd, const struct inet_addr *to, struct bytes message);
void mcast_join(struct node *nd);
void mcast_process_gone(struct node *nd);
void mcast_host_gone(struct node *nd);
void mcast_host_back(struct node *nd);
/* Corosync is stopped, and goes on: into a ring of who is there by then. */
void mcast_host_stops(struct node *nd);
void mcast_host_goes_on(struct node *nd);
/* Hosts with different numbers do not reach each other from here on. false: nobody is cut off. */
bool mcast_cut(struct sim *s, const unsigned int side[NODES_MAX]);
void mcast_heal(struct sim *s);
void mcast_free(struct multicast *m);

/* ---- peer.c: a standard peer, without a cluster ---- */

/* What is wrong with a peer, or different, until it is mended: a set. */
enum peer_quirk {
	QUIRK_COOKIES = 1 << 0,   /* it wants a cookie of everybody */
	QUIRK_IKE = 1 << 1,       /* its IKE SAs have another PRF */
	QUIRK_ESP = 1 << 2,       /* its CHILD SAs have keys of another length */
	QUIRK_LINES = 1 << 3,     /* it protects other hosts */
	QUIRK_WIDE = 1 << 4,      /* it protects more hosts than we do */
	QUIRK_LAST_LINE = 1 << 5, /* as QUIRK_LINES, but for the last line only */
	QUIRK_ITS_KEY = 1 << 6,   /* it proves itself with another key */
	QUIRK_OUR_KEY = 1 << 7,   /* it expects another key of us */
	QUIRK_CHILDLESS = 1 << 8, /* its IKE_AUTH asks for no CHILD SA (RFC 6023) */
	QUIRK_GROUP = 1 << 9,     /* its IKE SAs have another DH group */
	QUIRK_MUTE = 1 << 10,     /* it hears and says nothing */
};

struct peer {
	struct sim *s;
	const char *name;
	unsigned int index;
	unsigned int quirks;
	uint64_t term, suspect_term;
	struct inet_addr address;
	struct gateway gw;
	struct config *config; /* it is translated by the same code */
	struct ike_engine *engine;
	uint64_t timer_ns;
	uint64_t booted_ns;
};

/* By its clock. */
uint64_t peer_ms(const struct peer *p);
void peer_open(struct peer *p, unsigned int index);
void peer_close(struct peer *p);
uint64_t peer_now(const struct peer *p);
void peer_packet(struct peer *p, const struct packet *pkt);
void peer_input(struct peer *p, const struct ike_input *in);
void peer_collect(struct peer *p);
/* A new configuration. */
void peer_change(struct peer *p, unsigned int quirks);
/* Another member of its cluster takes over, and does not know all that the first one did. */
void peer_fail_over(struct peer *p);
/* Without SA, TSi and TSr when it is an IKE_AUTH request of this peer; else as it is. */
void peer_childless(struct peer *p, struct buf *datagram);

/* ---- workload.c ---- */

#define FLOW_WINDOW 4096u
#define FLOW_LOOKS  4u /* of laws_calm(), a quarter of a second apart */

struct flow {
	struct sim *s;
	uint8_t peer, line;
	bool to_peer;
	uint64_t sent, delivered, replayed;
	uint64_t looks, sent_at_look[FLOW_LOOKS], checked; /* when all is calm: laws_calm() */
	unsigned int train;                                /* packets left of it */
	uint64_t interval_ns;
	bool silent;                  /* for a while */
	uint64_t last_ns;             /* of the last delivery */
	uint64_t window[FLOW_WINDOW]; /* numbers that were delivered, each at its remainder */
	uint64_t window_ns[FLOW_WINDOW];
};

void workload_start(struct sim *s);
/* A clear packet has come out of a gateway. */
/* Each flow sends so many packets without a pause. */
void workload_trains(struct sim *s, unsigned int packets);
/* So many packets of each flow, at random instants from now on. */
void workload_burst(struct sim *s, unsigned int packets, uint64_t within_ns);
/* Whose tunnels a peer has. */
unsigned int peer_group(const struct sim *s, unsigned int peer);
/* Each peer begins a rekey now. */
void workload_rekey(struct sim *s);
void workload_delivered(struct sim *s, struct gateway *gw, struct bytes inner);

/* ---- faults.c, faults_timed.c ---- */

/* What a node is seen to do. */
enum moment {
	MOMENT_JOINING,
	MOMENT_STANDBY,
	MOMENT_PREPARING,
	MOMENT_ACTIVE,
	MOMENT_RELEASING,
	MOMENT_CHUNK, /* of a snapshot */
	MOMENT_TERM,  /* is on disk */
	MOMENT_PROTECTED,
	MOMENT_UNPROTECTED,
	MOMENTS
};
enum trap_action {
	TRAP_DIES, /* within the step */
	TRAP_DIES_SOON,
	TRAP_SLEEPS,
	TRAP_CUT_OFF,
	TRAP_OWNER_DIES,
	TRAP_OTHERS_DIE, /* all who hold state */
	TRAP_ACTIONS
};
struct trap {
	bool armed;
	enum moment moment;
	enum trap_action action;
	unsigned int count;
	bool counted; /* what should make the moment come was a fault already */
};

struct fault_kind {
	const char *name;
	/* false: it found nothing to do, or lies in wait and counts itself when it strikes */
	bool (*begin)(struct sim *s);
	unsigned int weight;
};
/* Ended by one without a name. */
extern const struct fault_kind fault_kinds[];
const struct fault_kind *fault_find(const char *name);
void faults_plan(struct sim *s);
/* The last fault is over; everything works again. */
void faults_calm(struct sim *s, struct event *ev);
/* The owner dies while it serves without a protected standby. */
bool faults_suspect(struct sim *s);
/* A process has started, or its links have changed. */
void fault_say_links(struct node *nd);
/* Its host is gone: whoever fences will say so, perhaps. */
void fault_fence_lost(struct node *nd);
/* Called while the core runs. */
void fault_moment(struct member *m, enum moment moment);

/* ---- scenario.c: what the seed makes of the installation ---- */

struct scenario {
	unsigned int n_nodes, n_groups, n_peers, n_lines;
	uint16_t key_bits;
	bool cbc, pfs, esn, udp;
	bool counter_sync; /* the peers know RFC 6311 */
	uint16_t dh;
	bool node_cookies;             /* the nodes want a cookie of everybody */
	bool node_groups, peer_groups; /* offer another DH group first */
	/* Each crypto map entry of the nodes has a first peer that never answers. By the seed's
	 * remainder and not drawn: the others stay what they were. */
	bool silent_peer;
	bool silent_last;     /* it is the last one instead */
	bool preempt;         /* the groups, at the nodes that they prefer */
	bool links;           /* are monitored */
	bool fenced;          /* a takeover waits for the fencing of a lost node */
	bool direct_acks;     /* acknowledgements come beside the ring as well */
	bool rolling_upgrade; /* each second process of a node is of the next release */
	uint32_t ike_lifetime_s, child_lifetime_s;
	uint32_t node_ike_lifetime_s; /* 0: as the peers' */
	uint32_t lease_min;
	uint32_t max_sa; /* IKE SAs of the cluster (R24); 0: no limit. As silent_peer, not drawn. */
	unsigned int trains; /* per thousand packets: a train, or a pause */
	uint64_t faults_from_ns, faults_until_ns, end_ns;
	unsigned int n_faults;
	uint64_t window_ns; /* of one fault */
};

#define SCENARIO_FIRST_SEQ   10u /* of the crypto map entries */
#define SCENARIO_INDEX_PEERS 2u  /* of an entry, with a silent peer */

struct scenario scenario_draw(struct rng *r);
uint16_t scenario_other_group(const struct scenario *sc);
struct config *scenario_node_config(const struct sim *s, unsigned int node);
struct config *scenario_peer_config(const struct sim *s, unsigned int peer);
struct inet_addr scenario_service_address(unsigned int group);
struct inet_addr scenario_peer_address(unsigned int peer);
/* A host of the line, on our side or the peer's. */
uint32_t scenario_host(unsigned int peer, unsigned int line, bool at_peer);

/* ---- sim.c ---- */

struct sim_options {
	uint64_t seed;
	bool verbose, quiet;
	/* Instead of random faults: the owner is killed at its kill_count-th moment of this kind. */
	enum die_at kill_at;
	unsigned int kill_count;
	struct strike strike;            /* or this one; armed: false */
	const struct directed *directed; /* with it: what makes its row happen */
	uint64_t skip;                   /* bit per planned fault that does not happen */
	const struct fault_kind *fault;  /* each fault is this one; NULL: drawn */
	const struct broken *broken;     /* what this run breaks on purpose; NULL: nothing */
};

struct sim_stats {
	uint64_t events, exchanges, faults, takeovers, handovers, ike_sent, esp_sent, delivered,
		lost, replayed;
	uint64_t split_brains, split_numbers, state_losses, excused, excuses_ended, beside, auths,
		expired, suspects, killed;
	uint64_t syncs, syncs_answered;
	uint64_t unheard_ivs;
	uint64_t real_groups; /* runs with real Diffie-Hellman groups */
};

struct sim {
	struct sim_options opt;
	struct rng rng;     /* of the schedule */
	struct rng secrets; /* of the gateways */
	uint64_t now_ns;
	struct event_queue queue;
	struct trace trace;
	struct scenario scenario;
	struct network net;
	struct multicast mcast;
	struct node nodes[NODES_MAX];
	struct peer peers[PEERS_MAX];
	struct flow flows[PEERS_MAX * LINES_MAX * 2];
	size_t n_flows;
	struct laws laws;
	struct strike strike;
	unsigned int fault_group; /* that the present fault is meant for */
	bool mended;              /* a directed run has made its row happen, or will not */
	struct trap trap;
	struct matrix matrix;
	bool calm; /* the last fault is over */
	uint64_t calm_ns;
	struct sim_stats stats;
};

struct sim_result {
	bool ok;
	unsigned int law; /* 0: none broken */
	char why[256];
	struct digest128 digest; /* of the trace */
	struct sim_stats stats;
	struct matrix matrix;
	uint32_t index_seen;
};

void sim_run(const struct sim_options *opt, struct sim_result *out);

#endif
