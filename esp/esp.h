/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ESP datapath: SAD, SPD, transforms, workers (RFC 4303, RFC 4301, RFC
 * 3948). It knows nothing of IKE and nothing of the cluster; it knows that
 * each SA belongs to a failover group, and that it may seal for a group only
 * while that group is ACTIVE here, before its ownership deadline (R12) and
 * below the SA's lease (R17).
 *
 * Control thread: everything named esp_datapath_*, esp_spd_*, esp_child_*,
 * esp_group_*. Worker threads: esp_worker_*. Control publishes immutable
 * snapshots; workers own sequence counters and replay windows and publish
 * them through relaxed atomics. No lock, allocation or system call per packet.
 */
#ifndef HF_ESP_ESP_H
#define HF_ESP_ESP_H

#include "base/ipsec_sa.h"
#include "base/result.h"

struct esp_datapath;
struct esp_worker;
struct esp_transform;

#define ESP_GROUPS_MAX        16
#define ESP_REPLAY_WINDOW     1024 /* default, packets; a multiple of 64 */
#define ESP_REPLAY_WINDOW_MAX 4096
/*
 * What the window never is below, whatever is configured: stragglers of a handover (R19) come
 * behind packets that went to the new owner directly; this many are 0.4 s at 10,000 a second. With
 * the one block more that the ring has, its blocks are a power of two.
 */
#define ESP_REPLAY_WINDOW_MIN 4032
#define ESP_BURST             64

/* Why a packet was not delivered (or that it was). Each is a counter; workers never log. */
enum esp_verdict {
#define VERDICT(name, text) ESP_V_##name,
#include "esp/verdict.def"
#undef VERDICT
	ESP_V_COUNT_
};
const char *esp_verdict_name(enum esp_verdict v); /* "REPLAY" */
const char *esp_verdict_text(enum esp_verdict v); /* "sequence number was seen before" */

/*
 * STANDBY: drop and count (R13). READY: the next owner of a handover; workers
 * leave their sockets and TUN queue unread, whose kernel buffers are the
 * bounded queue of R19. ACTIVE: seal and open. RELAY: the former owner of a
 * handover; nothing is sealed or opened, whatever arrives goes to the mate.
 */
enum esp_group_state { ESP_GROUP_STANDBY, ESP_GROUP_READY, ESP_GROUP_ACTIVE, ESP_GROUP_RELAY };

struct esp_datapath_config {
	uint8_t slot;         /* R14, top bits of every IV */
	unsigned int workers; /* number of struct esp_worker that will be made */
	/* NULL: esp_transforms(); the simulator passes a wrapped table */
	const struct esp_transform *transforms;
	uint8_t hash_seed[16];
};

struct esp_datapath *esp_datapath_new(const struct esp_datapath_config *cfg);
/* All workers must have been stopped and freed. */
void esp_datapath_free(struct esp_datapath *dp);

/* ---- SPD: one policy per crypto ACL line, in evaluation order (RFC 4301 4.4.1) ---- */

enum esp_action { ESP_PROTECT, ESP_BYPASS };

struct esp_policy {
	uint32_t tunnel; /* names the crypto map entry's ACL line; children carry the same number */
	uint32_t entry;  /* lines of one crypto map entry share it, and stand together */
	/* BYPASS: a deny line: the rest of its entry is skipped, the next entry is tried. */
	enum esp_action action;
	uint8_t group;
	struct traffic_selector local; /* our side of the line */
	struct traffic_selector remote;
};

/* Replaces the whole SPD; policies are copied. Children stay attached by their tunnel number.
 * R_NO_MEMORY: the old one stays. */
enum result esp_spd_set(struct esp_datapath *dp, const struct esp_policy *policies,
			size_t n) WARN_UNUSED;

/* ---- CHILD SAs: a pair, named by its inbound SPI (ours, unique in the cluster by R25) ---- */

struct esp_child_params {
	uint32_t spi_in;
	uint32_t spi_out;
	uint32_t tunnel;
	uint8_t group;
	bool udp_encap;         /* RFC 3948 on the endpoints' ports; else protocol 50 */
	uint16_t replay_window; /* 0: ESP_REPLAY_WINDOW */
	struct inet_endpoint local;
	struct inet_endpoint remote;
	struct ts_list local_ts; /* as negotiated; checked on both directions (RFC 4301 5.2) */
	struct ts_list remote_ts;
	struct esp_transforms transforms;
	const struct esp_keys *keys_in; /* borrowed for the call */
	const struct esp_keys *keys_out;
	uint64_t birth_term; /* R16 */
	uint64_t seq_next;   /* first outbound sequence number to use, >= 1 */
	uint64_t lease_end;  /* outbound numbers below this may be used (R17) */
};

/* Inbound is usable at once (in state ACTIVE), outbound not before esp_child_use_outbound.
 * R_VALUE: an SPI, window or number of selectors that cannot be; R_EXISTS, R_UNSUPPORTED, R_CRYPTO,
 * R_NO_MEMORY: nothing is installed. All others with spi_in: R_NOT_FOUND when it is not here. */
enum result esp_child_install(struct esp_datapath *dp,
			      const struct esp_child_params *p) WARN_UNUSED;
/* This child carries its tunnel's outbound traffic from now on (R5); the one before
 * stays for inbound. */
enum result esp_child_use_outbound(struct esp_datapath *dp, uint32_t spi_in) WARN_UNUSED;
/* Outbound ends, inbound goes on (a rekeyed SA waiting for its DELETE, R5). */
void esp_child_stop_outbound(struct esp_datapath *dp, uint32_t spi_in);
/* Both directions end; keys are wiped after a grace period. Unknown SPIs are ignored. */
void esp_child_remove(struct esp_datapath *dp, uint32_t spi_in);
void esp_child_remove_all(struct esp_datapath *dp, uint8_t group);
/* RFC 7296 2.23: the peer's or our outer address changed. */
enum result esp_child_move(struct esp_datapath *dp, uint32_t spi_in,
			   const struct inet_endpoint *local, const struct inet_endpoint *remote,
			   bool udp_encap) WARN_UNUSED;
/* Raise the lease; a lower value than the present one is ignored. */
enum result esp_child_grant(struct esp_datapath *dp, uint32_t spi_in,
			    uint64_t lease_end) WARN_UNUSED;

/* RFC 6311 5.2, from either end, while workers use the SA. No outbound number below seq is used
 * from now on; seq may lie beyond the lease, and then waits for it. */
enum result esp_child_skip(struct esp_datapath *dp, uint32_t spi_in, uint64_t seq) WARN_UNUSED;
/* Inbound numbers up to seq count as seen. */
enum result esp_child_refuse_up_to(struct esp_datapath *dp, uint32_t spi_in,
				   uint64_t seq) WARN_UNUSED;

/* What the next owner needs to go on: R17, R18, R19. Taken and set only while no worker uses the SA
 * (group not ACTIVE). */
struct esp_child_counters {
	uint64_t seq_next; /* next outbound sequence number */
	uint64_t lease_end;
	uint64_t in_right_edge; /* highest inbound sequence number accepted (RFC 4303 3.4.3) */
	/* Bit k of all: in_right_edge - k was seen; exact only when taken quiesced. */
	uint64_t in_bitmap[ESP_REPLAY_WINDOW_MAX / 64];
	uint16_t in_bitmap_words;
};

enum result esp_child_take_counters(const struct esp_datapath *dp, uint32_t spi_in,
				    struct esp_child_counters *out) WARN_UNUSED;
/*
 * Set what a takeover or handover found. Never moves an outbound number or a
 * right edge back: what is older than the SA's own is left out, the rest is
 * set, and R_STALE says so (a node that owned the SA before may have seen more
 * than the last checkpoint). in_bitmap_words == 0 means that only the edge is
 * known: everything at or below it, or below the SA's own if that is higher,
 * counts as seen. R_VALUE: more words than the largest window has.
 */
enum result esp_child_resume(struct esp_datapath *dp, uint32_t spi_in,
			     const struct esp_child_counters *c) WARN_UNUSED;

/* Statistics; any thread, may lag by a burst. */
struct esp_child_stats {
	uint64_t seq_next;
	uint64_t lease_end;
	uint64_t in_right_edge;
	uint64_t out_packets, out_bytes; /* inner bytes */
	uint64_t in_packets, in_bytes;
	uint64_t out_errors;
	uint64_t in_auth_failed, in_replayed, in_ts_refused, in_malformed;
	/* Of the clock given to the bursts; 0: never (liveness, RFC 7296 2.4). */
	uint64_t last_in_ms, last_out_ms;
	bool outbound_in_use;
};
enum result esp_child_stats(const struct esp_datapath *dp, uint32_t spi_in,
			    struct esp_child_stats *out) WARN_UNUSED;
/* Calls fn for every child in order of installation; fn may not install or remove. */
void esp_child_each(const struct esp_datapath *dp, void (*fn)(void *ctx, uint32_t spi_in),
		    void *ctx);

/* ---- ownership ---- */

/* term is the owner's term (IV prefix, R16); meaningful for ACTIVE. Returns after every worker has
 * left the old state. */
void esp_group_set(struct esp_datapath *dp, uint8_t group, enum esp_group_state state,
		   uint64_t term);
/*
 * R12. CLOCK_BOOTTIME nanoseconds; workers send and open nothing for the group
 * at or past it. None is given at the start, so nothing is sent before the
 * first call; UINT64_MAX is for a node without a cluster.
 */
void esp_group_deadline(struct esp_datapath *dp, uint8_t group, uint64_t boottime_ns);

/* ---- packets: pure functions of the worker's state, no I/O ---- */

/*
 * A packet in a buffer with head- and tailroom. Sizes fit a 64 KiB
 * super-packet: gso_size != 0 says that payload is a train of equal segments
 * (TUN with IFF_VNET_HDR, UDP_SEGMENT / UDP_GRO).
 */
struct esp_packet {
	uint8_t *buf; /* start of the buffer */
	uint32_t cap;
	uint32_t off; /* first byte of the packet in buf */
	uint32_t len;
	uint16_t gso_size;
	uint8_t verdict;            /* enum esp_verdict, set by a burst call */
	bool udp_encap;             /* set by outbound: send on UDP, else protocol 50 */
	uint8_t tos;                /* outer DSCP and ECN, likewise given to inbound (RFC 6040) */
	uint32_t spi_in;            /* child used, 0 when none */
	struct inet_endpoint local; /* outer; set by outbound, given to inbound */
	struct inet_endpoint remote;
};

#define ESP_HEADROOM 96 /* room that outbound needs before an inner packet */
#define ESP_TAILROOM 96

/* Events for control, by the worker's ring. */
enum esp_event_kind {
	/* A protected packet has no outbound SA: tunnel, packet_local, packet_remote. */
	ESP_EVENT_ACQUIRE,
	/* Half of the lease is used: spi_in. */
	ESP_EVENT_LEASE_LOW,
	/* spi_in, remote. */
	ESP_EVENT_UNKNOWN_SPI,
	/* RFC 7296 2.23: authenticated packet from another source: spi_in, remote. */
	ESP_EVENT_PEER_MOVED,
	/* First packet after a resume without a bitmap: spi_in, exposed. */
	ESP_EVENT_REPLAY_EXPOSED,
};

struct esp_event {
	enum esp_event_kind kind;
	uint8_t group;
	uint32_t tunnel;
	uint32_t spi_in;
	struct inet_endpoint local, remote;
	/* ACQUIRE: the first TS of RFC 7296 2.9. */
	struct traffic_selector packet_local, packet_remote;
	/* REPLAY_EXPOSED: numbers between the checkpoint and the first packet after it (R18). */
	uint64_t exposed;
};

struct esp_worker *esp_worker_new(struct esp_datapath *dp, unsigned int index);
void esp_worker_free(struct esp_worker *w);
/*
 * Seal a burst of inner packets in place (off moves into the headroom) and
 * set verdict, outer addresses and udp_encap. now_ns is CLOCK_BOOTTIME.
 */
void esp_worker_outbound(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n);
/*
 * Packets that waited for their first SA (R5), sealed into the caller's
 * buffers (buf and cap of out are set, ESP_HEADROOM + ESP_TAILROOM and the
 * packet must fit). Returns how many were taken out of the queue; their
 * verdicts are set as by outbound. Cheap when nothing can have changed.
 */
size_t esp_worker_flush(struct esp_worker *w, uint64_t now_ns, struct esp_packet *out, size_t cap);
/*
 * Open a burst. Each packet starts at the ESP header (UDP header and outer IP
 * header already taken off), remote is the outer source. After ESP_V_OK it is
 * the inner packet.
 */
void esp_worker_inbound(struct esp_worker *w, uint64_t now_ns, struct esp_packet *pkts, size_t n);
/* Next event for control; false when none. Control thread. */
bool esp_worker_event(struct esp_worker *w, struct esp_event *out);
/* Sum of a verdict's counter over all workers (outbound: 0, inbound: 1). Any thread. */
uint64_t esp_datapath_verdicts(const struct esp_datapath *dp, enum esp_verdict v, int inbound);

/* ---- worker threads and their I/O (esp/io_*.c, esp/worker_thread.c) ---- */

/* An IKE datagram that came in on UDP 4500 behind the non-ESP marker (marker taken
 * off), for control. */
struct esp_ike_datagram {
	struct inet_endpoint local, remote;
	uint16_t len;
	uint8_t data[4096];
};

struct esp_io_config {
	int tun_fd;   /* this worker's queue; -1: none */
	int udp_fd;   /* UDP 4500, SO_REUSEPORT; -1: none */
	int raw_fd;   /* IPPROTO_ESP, may be one for all: worker 0 reads it, each sends; -1: none */
	int relay_fd; /* UDP socket of the relay (R19), -1: none; only worker 0 reads it */
	int wake_fd;  /* eventfd written when control has something to collect */
	int cpu;      /* pin to this processor, -1: not */
};

struct esp_worker_thread;
/* Starts the thread. Descriptors stay the caller's and outlive the thread. */
struct esp_worker_thread *esp_worker_thread_start(struct esp_worker *w,
						  const struct esp_io_config *io);
/* Stops and joins. */
void esp_worker_thread_stop(struct esp_worker_thread *t);
/* Control: next IKE datagram from this worker; false when none. */
bool esp_worker_thread_ike(struct esp_worker_thread *t, struct esp_ike_datagram *out);
/*
 * R19: where a group's stragglers go while it is in state RELAY, and whom it
 * accepts them from; both owners call it before the handover. Everything is
 * sealed with key, 32 bytes that both derive from the failover key for this
 * one handover (its term), so that nothing recorded in another one opens.
 * When the group is handed on meanwhile, stragglers of the handover before
 * are still taken until none has come for 2 s, and go on with the others.
 * esp_relay_idle_ms() is the time since the last straggler; while none has
 * come, since the first time it was asked after esp_relay_set().
 */
enum result esp_relay_set(struct esp_datapath *dp, uint8_t group, uint64_t now_ns,
			  const struct inet_endpoint *mate, const struct secret *key) WARN_UNUSED;
uint64_t esp_relay_idle_ms(struct esp_datapath *dp, uint8_t group, uint64_t now_ns);
/* IKE datagrams go the same way, and are stragglers as well: control of the old owner sends them
 * with this, the new owner's worker 0 delivers them to esp_worker_thread_ike. */
enum result esp_relay_ike(struct esp_datapath *dp, uint8_t group, uint64_t now_ns, int relay_fd,
			  const struct esp_ike_datagram *d) WARN_UNUSED;

/* Open the devices (node/ calls these; they need CAP_NET_ADMIN / CAP_NET_RAW). name
 * is at most 15 characters. R_SYSTEM (errno), R_VALUE, R_UNSUPPORTED: another family. */
enum result esp_io_open_tun(const char *name, unsigned int queues, int fds[]) WARN_UNUSED;
/* IP_FREEBIND, SO_REUSEPORT, large buffers. */
enum result esp_io_open_udp4500(const struct inet_endpoint *local, int *fd) WARN_UNUSED;
enum result esp_io_open_raw(const struct inet_addr *local, int *fd) WARN_UNUSED;

#endif
