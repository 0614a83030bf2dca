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
 * The packet at ip has the flow of the one at before, whose flow is known: the
 * usual case within a burst, told from the plain header words. False says
 * nothing. Both have at least FLOW_SAME_MIN bytes.
 */
#define FLOW_SAME_MIN 24u
static inline bool flow_same(const uint8_t *before, const uint8_t *ip)
{
	uint64_t addresses[2];
	uint32_t ports[2];
	memcpy(&addresses[0], before + 12, 8);
	memcpy(&addresses[1], ip + 12, 8);
	memcpy(&ports[0], before + 20, 4);
	memcpy(&ports[1], ip + 20, 4);
	/* No options and no fragments: the ports are where they are looked for. */
	return before[0] == 0x45 && ip[0] == 0x45 && addresses[0] == addresses[1] &&
	       ports[0] == ports[1] && before[9] == ip[9] && ((before[6] | ip[6]) & 0x3f) == 0 &&
	       (before[7] | ip[7]) == 0;
}
/* Length of a packet with a plain IPv4 header; 0 when it is not within len bytes. */
static inline size_t flow_plain_len(const uint8_t *ip, size_t len)
{
	const size_t total = (size_t)ip[2] << 8 | ip[3];
	return total >= FLOW_SAME_MIN && total <= len ? total : 0;
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
