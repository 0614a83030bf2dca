/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Flows (what a packet's headers say) and selectors (what a policy or an SA
 * allows), compiled from struct traffic_selector for quick matching. RFC 4301
 * 4.4.1.1: protocol and ports of the inner packet; a non-first fragment or a
 * protocol without ports matches only selectors that allow any port.
 */
#ifndef HF_ESP_SELECTOR_H
#define HF_ESP_SELECTOR_H

#include "base/ipsec_sa.h"

/* An address as a number, both families; v4 in the low 32 bits. */
__extension__ typedef unsigned __int128 wide_addr;

/* Named by sides, not by source and destination: local is behind us. */
struct flow {
	wide_addr local;
	wide_addr remote;
	uint64_t rest;       /* all that follows in one word, to compare and hash */
	uint16_t local_port; /* ICMP: type << 8 | code, in both (RFC 7296 3.13.1) */
	uint16_t remote_port;
	uint8_t protocol;
	uint8_t family; /* enum inet_family */
	bool has_ports;
};

struct selector {
	wide_addr first, last;
	uint16_t port_first, port_last;
	uint8_t protocol; /* 0: any */
	uint8_t family;
	bool any_port; /* 0-65535 or OPAQUE */
};

enum flow_side { FLOW_OUTBOUND, FLOW_INBOUND }; /* source is local; source is remote */

/*
 * Read the headers of an IP packet of at most len bytes. Returns the packet's
 * own length by its IP header, 0 when it is no well-formed IP packet within
 * len bytes; then *f is undefined.
 */
size_t flow_parse(const uint8_t *packet, size_t len, enum flow_side side, struct flow *f);

struct selector selector_compile(const struct traffic_selector *ts);
/* Whatever inner matches, outer matches. */
bool selector_contains(const struct selector *outer, const struct selector *inner);
/* The selector of exactly this flow: the "very specific" TS of RFC 7296 2.9. */
struct traffic_selector flow_selector(const struct flow *f, bool local);

static inline bool flow_equal(const struct flow *a, const struct flow *b)
{
	return a->local == b->local && a->remote == b->remote && a->rest == b->rest;
}

/*
 * What a plain IPv4 header (no options, no fragment) says of its flow, as it
 * stands in the packet: packets of a flow that was looked at before are told
 * by a few words. All zero matches no packet.
 */
struct flow_mark {
	uint64_t addresses;
	uint32_t ports; /* or what is there instead: no two flows have the same mark */
	uint32_t kind;  /* protocol, FLOW_MARKED */
};
#define FLOW_MARKED   0x100u
#define FLOW_MARK_MIN 24u /* bytes that are read */

static inline uint64_t flow_first_word(const uint8_t *ip)
{
	uint64_t first;
	memcpy(&first, ip, sizeof(first));
	return first;
}

/* Version and header length 0x45, no more fragments, offset 0: what is left is 0. */
static inline uint64_t flow_unplain(const uint8_t *ip)
{
	static const uint8_t bits[8] = { 0xff, 0, 0, 0, 0, 0, 0x3f, 0xff }, plain[8] = { 0x45 };
	return (flow_first_word(ip) & flow_first_word(bits)) ^ flow_first_word(plain);
}

static inline struct flow_mark flow_mark(const uint8_t *ip)
{
	struct flow_mark m = { .kind = FLOW_MARKED | ip[9] };
	memcpy(&m.addresses, ip + 12, sizeof(m.addresses));
	memcpy(&m.ports, ip + 20, sizeof(m.ports));
	return flow_unplain(ip) == 0 ? m : (struct flow_mark){ 0 };
}

static inline bool flow_mark_equal(const struct flow_mark *a, const struct flow_mark *b)
{
	return a->addresses == b->addresses && a->ports == b->ports && a->kind == b->kind;
}

/* The mark of a packet of at most len bytes and, in *total, its length by its header; without a
 * mark the length says nothing. */
static inline struct flow_mark flow_mark_read(const uint8_t *ip, size_t len, size_t *total)
{
	if (len < FLOW_MARK_MIN)
		return (struct flow_mark){ 0 };
	*total = (size_t)ip[2] << 8 | ip[3];
	return *total >= FLOW_MARK_MIN && *total <= len ? flow_mark(ip) : (struct flow_mark){ 0 };
}

/* The packet's length by its header when it has the marked flow and lies within len bytes, else 0,
 * which says nothing. */
static inline size_t flow_marked_len(const struct flow_mark *m, const uint8_t *ip, size_t len)
{
	uint64_t addresses;
	uint32_t ports;
	uint16_t total;
	if (len < FLOW_MARK_MIN)
		return 0;
	memcpy(&addresses, ip + 12, sizeof(addresses));
	memcpy(&ports, ip + 20, sizeof(ports));
	memcpy(&total, ip + 2, sizeof(total));
	total = __builtin_bswap16(total);
	const uint64_t differs = flow_unplain(ip) | (addresses ^ m->addresses) |
				 (ports ^ m->ports) | ((FLOW_MARKED | ip[9]) ^ m->kind);
	return differs == 0 && total >= FLOW_MARK_MIN && total <= len ? total : 0;
}

static inline bool selector_match(const struct selector *s, wide_addr addr, uint16_t port,
				  const struct flow *f)
{
	return s->family == f->family && addr >= s->first && addr <= s->last &&
	       (s->protocol == 0 || s->protocol == f->protocol) &&
	       (s->any_port || (f->has_ports && port >= s->port_first && port <= s->port_last));
}

static inline bool selector_match_local(const struct selector *s, const struct flow *f)
{
	return selector_match(s, f->local, f->local_port, f);
}

static inline bool selector_match_remote(const struct selector *s, const struct flow *f)
{
	return selector_match(s, f->remote, f->remote_port, f);
}

#endif
