/* SPDX-License-Identifier: Apache-2.0 */
/* Inner headers and selectors, see selector.h. RFC 791, RFC 8200. */
#include "esp/selector.h"

#include <netinet/in.h>

#define IPV4_HEADER_MIN     20u
#define IPV6_HEADER         40u
#define IPV6_EXTENSIONS_MAX 8

static uint16_t read16(const uint8_t *p)
{
	uint16_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

static uint32_t read32(const uint8_t *p)
{
	uint32_t v;
	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

static wide_addr read128(const uint8_t *p)
{
	uint64_t v[2];
	memcpy(v, p, sizeof(v));
	return (wide_addr)__builtin_bswap64(v[0]) << 64 | __builtin_bswap64(v[1]);
}

/* transport points at left bytes after the IP headers. */
static void flow_ports(struct flow *f, const uint8_t *transport, size_t left, enum flow_side side)
{
	uint16_t source, destination;
	switch (f->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		if (left < 4)
			return;
		source = read16(transport);
		destination = read16(transport + 2);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		if (left < 2)
			return;
		source = destination = read16(transport);
		break;
	default:
		return;
	}
	f->has_ports = true;
	f->local_port = side == FLOW_OUTBOUND ? source : destination;
	f->remote_port = side == FLOW_OUTBOUND ? destination : source;
}

static void flow_addresses(struct flow *f, wide_addr source, wide_addr destination,
			   enum flow_side side)
{
	f->local = side == FLOW_OUTBOUND ? source : destination;
	f->remote = side == FLOW_OUTBOUND ? destination : source;
}

static size_t flow_parse_v4(const uint8_t *p, size_t len, enum flow_side side, struct flow *f)
{
	if (len < IPV4_HEADER_MIN)
		return 0;
	const size_t header = (p[0] & 0xfu) * 4u;
	const size_t total = read16(p + 2);
	if (header < IPV4_HEADER_MIN || total < header || total > len)
		return 0;
	f->family = INET_V4;
	f->protocol = p[9];
	flow_addresses(f, read32(p + 12), read32(p + 16), side);
	if ((read16(p + 6) & 0x1fff) == 0)
		flow_ports(f, p + header, total - header, side);
	return total;
}

static size_t flow_parse_v6(const uint8_t *p, size_t len, enum flow_side side, struct flow *f)
{
	if (len < IPV6_HEADER)
		return 0;
	const size_t total = IPV6_HEADER + read16(p + 4);
	if (total > len)
		return 0;
	f->family = INET_V6;
	flow_addresses(f, read128(p + 8), read128(p + 24), side);
	uint8_t next = p[6];
	size_t at = IPV6_HEADER;
	for (int i = 0; i < IPV6_EXTENSIONS_MAX && total - at >= 8; i++) {
		if (next == IPPROTO_FRAGMENT) {
			f->protocol = p[at];
			if ((read16(p + at + 2) & 0xfff8) == 0)
				flow_ports(f, p + at + 8, total - at - 8, side);
			return total;
		}
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_DSTOPTS)
			break;
		const size_t extension = (p[at + 1] + 1u) * 8u;
		if (extension > total - at)
			return 0;
		next = p[at];
		at += extension;
	}
	f->protocol = next;
	flow_ports(f, p + at, total - at, side);
	return total;
}

size_t flow_parse(const uint8_t *packet, size_t len, enum flow_side side, struct flow *f)
{
	size_t own_len = 0;
	*f = (struct flow){ .family = INET_NONE };
	if (len > 0 && packet[0] >> 4 == 4)
		own_len = flow_parse_v4(packet, len, side, f);
	else if (len > 0 && packet[0] >> 4 == 6)
		own_len = flow_parse_v6(packet, len, side, f);
	f->rest = (uint64_t)f->has_ports << 48 | (uint64_t)f->family << 40 |
		  (uint64_t)f->protocol << 32 | (uint64_t)f->remote_port << 16 | f->local_port;
	return own_len;
}

static wide_addr wide(const struct inet_addr *a)
{
	return a->family == INET_V4 ? inet_to_v4(a) : read128(a->a);
}

struct selector selector_compile(const struct traffic_selector *ts)
{
	return (struct selector){
		.first = wide(&ts->start),
		.last = wide(&ts->end),
		.port_first = ts->port_start,
		.port_last = ts->port_end,
		.protocol = ts->protocol,
		.family = ts->start.family,
		.any_port = ts->port_start > ts->port_end ||
			    (ts->port_start == 0 && ts->port_end == UINT16_MAX),
	};
}

bool selector_contains(const struct selector *outer, const struct selector *inner)
{
	return outer->family == inner->family && outer->first <= inner->first &&
	       outer->last >= inner->last &&
	       (outer->protocol == 0 || outer->protocol == inner->protocol) &&
	       (outer->any_port || (!inner->any_port && outer->port_first <= inner->port_first &&
				    outer->port_last >= inner->port_last));
}

struct traffic_selector flow_selector(const struct flow *f, bool local)
{
	const wide_addr addr = local ? f->local : f->remote;
	struct traffic_selector ts = { .protocol = f->protocol, .port_end = UINT16_MAX };
	if (f->family == INET_V4) {
		ts.start = inet_v4((uint32_t)addr);
	} else {
		uint8_t raw[16];
		for (int i = 0; i < 16; i++)
			raw[i] = (uint8_t)(addr >> (120 - 8 * i));
		ts.start = inet_from_bytes(bytes(raw, sizeof(raw)));
	}
	ts.end = ts.start;
	if (f->has_ports)
		ts.port_start = ts.port_end = local ? f->local_port : f->remote_port;
	return ts;
}
