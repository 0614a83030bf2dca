/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, endpoints, prefixes: comparison, ranges, text, sockaddr. */
#include "base/inet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

struct inet_addr inet_v4(uint32_t host_order)
{
	return (struct inet_addr){
		.family = INET_V4,
		.a = { (uint8_t)(host_order >> 24), (uint8_t)(host_order >> 16),
		       (uint8_t)(host_order >> 8), (uint8_t)host_order },
	};
}

struct inet_addr inet_from_bytes(struct bytes b)
{
	struct inet_addr out = { 0 };

	if (b.len != 4 && b.len != 16)
		return out;
	out.family = b.len == 4 ? INET_V4 : INET_V6;
	memcpy(out.a, b.p, b.len);
	return out;
}

uint32_t inet_to_v4(const struct inet_addr *a)
{
	if (a->family != INET_V4)
		return 0;
	return (uint32_t)a->a[0] << 24 | (uint32_t)a->a[1] << 16 | (uint32_t)a->a[2] << 8 | a->a[3];
}

bool inet_equal(const struct inet_addr *a, const struct inet_addr *b)
{
	return inet_compare(a, b) == 0;
}

int inet_compare(const struct inet_addr *a, const struct inet_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->a, b->a, inet_len(a));
}

bool inet_is_zero(const struct inet_addr *a)
{
	for (size_t i = 0; i < inet_len(a); i++)
		if (a->a[i] != 0)
			return false;
	return true;
}

bool inet_endpoint_equal(const struct inet_endpoint *a, const struct inet_endpoint *b)
{
	return a->port == b->port && inet_equal(&a->addr, &b->addr);
}

/* The bits of byte i that a prefix of len bits fixes. */
static uint8_t mask_byte(unsigned int len, size_t i)
{
	size_t before = i * 8;

	if (len >= before + 8)
		return 0xff;
	if (len <= before)
		return 0;
	return (uint8_t)(0xff << (8 - (len - before)));
}

bool inet_prefix_contains(const struct inet_prefix *p, const struct inet_addr *a)
{
	if (p->addr.family == INET_NONE || p->addr.family != a->family)
		return false;
	for (size_t i = 0; i < inet_len(a); i++)
		if (((p->addr.a[i] ^ a->a[i]) & mask_byte(p->len, i)) != 0)
			return false;
	return true;
}

void inet_prefix_range(const struct inet_prefix *p, struct inet_addr *first, struct inet_addr *last)
{
	struct inet_addr lo = p->addr, hi = p->addr;

	for (size_t i = 0; i < inet_len(&p->addr); i++) {
		uint8_t mask = mask_byte(p->len, i);

		lo.a[i] &= mask;
		hi.a[i] |= (uint8_t)~mask;
	}
	*first = lo;
	*last = hi;
}

enum result inet_prefix_from_mask(const struct inet_addr *addr, const struct inet_addr *mask,
				  struct inet_prefix *out)
{
	struct inet_prefix p = { .addr = *addr };
	size_t n = inet_len(addr);
	unsigned int len = 0;

	if (n == 0 || addr->family != mask->family)
		return R_VALUE;
	while (len < n * 8 && (mask->a[len / 8] & 0x80 >> len % 8) != 0)
		len++;
	for (size_t i = 0; i < n; i++) {
		if (mask->a[i] != mask_byte(len, i))
			return R_VALUE;
		p.addr.a[i] &= mask->a[i];
	}
	p.len = (uint8_t)len;
	*out = p;
	return R_OK;
}

bool inet_range_to_prefix(const struct inet_addr *first, const struct inet_addr *last,
			  struct inet_prefix *out)
{
	struct inet_prefix p = { .addr = *first };
	struct inet_addr lo, hi;
	unsigned int bits = (unsigned int)inet_len(first) * 8, len = 0;

	if (bits == 0 || first->family != last->family)
		return false;
	while (len < bits && ((first->a[len / 8] ^ last->a[len / 8]) & 0x80 >> len % 8) == 0)
		len++;
	p.len = (uint8_t)len;
	inet_prefix_range(&p, &lo, &hi);
	if (!inet_equal(&lo, first) || !inet_equal(&hi, last))
		return false;
	*out = p;
	return true;
}

enum result inet_parse(const char *text, struct inet_addr *out)
{
	uint8_t raw[16];

	if (inet_pton(AF_INET, text, raw) == 1)
		*out = inet_from_bytes(bytes(raw, 4));
	else if (inet_pton(AF_INET6, text, raw) == 1)
		*out = inet_from_bytes(bytes(raw, 16));
	else
		return R_VALUE;
	return R_OK;
}

const char *inet_text(const struct inet_addr *a, char out[INET_TEXT_MAX])
{
	int af = a->family == INET_V4 ? AF_INET : AF_INET6;

	if (a->family == INET_NONE || inet_ntop(af, a->a, out, INET_TEXT_MAX) == NULL)
		snprintf(out, INET_TEXT_MAX, "none");
	return out;
}

/* inet_text never yields more than INET6_ADDRSTRLEN (46), so what follows it fits. */
const char *inet_endpoint_text(const struct inet_endpoint *e, char out[INET_TEXT_MAX])
{
	char addr[INET_TEXT_MAX];
	const char *shape = e->addr.family == INET_V6 ? "[%.45s]:%u" : "%.45s:%u";

	snprintf(out, INET_TEXT_MAX, shape, inet_text(&e->addr, addr), e->port);
	return out;
}

const char *inet_prefix_text(const struct inet_prefix *p, char out[INET_TEXT_MAX])
{
	char addr[INET_TEXT_MAX];

	snprintf(out, INET_TEXT_MAX, "%.45s/%u", inet_text(&p->addr, addr), p->len);
	return out;
}

unsigned int inet_to_sockaddr(const struct inet_endpoint *e, struct sockaddr_storage *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(e->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(e->port) };

	memset(out, 0, sizeof(*out));
	switch (e->addr.family) {
	case INET_V4:
		memcpy(&v4.sin_addr, e->addr.a, 4);
		memcpy(out, &v4, sizeof(v4));
		return sizeof(v4);
	case INET_V6:
		memcpy(&v6.sin6_addr, e->addr.a, 16);
		memcpy(out, &v6, sizeof(v6));
		return sizeof(v6);
	default:
		return 0;
	}
}

enum result inet_from_sockaddr(const struct sockaddr *sa, struct inet_endpoint *out)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (sa->sa_family) {
	case AF_INET:
		memcpy(&v4, sa, sizeof(v4));
		out->addr = inet_from_bytes(bytes(&v4.sin_addr, 4));
		out->port = ntohs(v4.sin_port);
		return R_OK;
	case AF_INET6:
		memcpy(&v6, sa, sizeof(v6));
		out->addr = inet_from_bytes(bytes(&v6.sin6_addr, 16));
		out->port = ntohs(v6.sin6_port);
		return R_OK;
	default:
		return R_VALUE;
	}
}
