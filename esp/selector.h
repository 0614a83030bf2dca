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

/* Named by sides, not by source and destination: local is behind us. No padding, so memcmp compares. */
struct flow {
	wide_addr local;
	wide_addr remote;
	uint16_t local_port;    /* ICMP: type << 8 | code, in both (RFC 7296 3.13.1) */
	uint16_t remote_port;
	uint8_t protocol;
	uint8_t family;         /* enum inet_family */
	uint8_t has_ports;
	uint8_t zero[9];
};

struct selector {
	wide_addr first, last;
	uint16_t port_first, port_last;
	uint8_t protocol;       /* 0: any */
	uint8_t family;
	bool any_port;          /* 0-65535 or OPAQUE */
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
	return a->local == b->local && a->remote == b->remote &&
	       memcmp(&a->local_port, &b->local_port, 8) == 0;
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
