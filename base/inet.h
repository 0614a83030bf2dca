/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses, endpoints, prefixes. Addresses are kept in network byte order, ports in host order. */
#ifndef HF_BASE_INET_H
#define HF_BASE_INET_H

#include "base/bytes.h"
#include "base/result.h"

struct sockaddr;
struct sockaddr_storage;

enum inet_family { INET_NONE = 0, INET_V4 = 4, INET_V6 = 6 };

struct inet_addr {
	uint8_t family; /* enum inet_family */
	uint8_t a[16];  /* 4 or 16 used; the rest is zero, so memcmp compares */
};

struct inet_endpoint {
	struct inet_addr addr;
	uint16_t port;
};

struct inet_prefix {
	struct inet_addr addr; /* host bits are zero */
	uint8_t len;
};

#define INET_TEXT_MAX 64 /* "[2001:db8::1]:65535", "2001:db8::/32", with the NUL */

static inline size_t inet_len(const struct inet_addr *a)
{
	return a->family == INET_V4 ? 4 : a->family == INET_V6 ? 16 : 0;
}
struct inet_addr inet_v4(uint32_t host_order);
/* Raw 4- or 16-byte address; any other length gives INET_NONE. */
struct inet_addr inet_from_bytes(struct bytes b);
/* v4 only: host order value, 0 for others. */
uint32_t inet_to_v4(const struct inet_addr *a);
bool inet_equal(const struct inet_addr *a, const struct inet_addr *b);
/* <0, 0, >0 in address order; v4 sorts before v6. */
int inet_compare(const struct inet_addr *a, const struct inet_addr *b);
bool inet_is_zero(const struct inet_addr *a);
bool inet_endpoint_equal(const struct inet_endpoint *a, const struct inet_endpoint *b);
bool inet_prefix_contains(const struct inet_prefix *p, const struct inet_addr *a);
/* First and last address of the prefix. */
void inet_prefix_range(const struct inet_prefix *p, struct inet_addr *first,
		       struct inet_addr *last);
/* Prefix from address and ASA net-mask; R_VALUE when the mask has holes. Host bits are cleared. */
enum result inet_prefix_from_mask(const struct inet_addr *addr, const struct inet_addr *mask,
				  struct inet_prefix *out) WARN_UNUSED;
/* If [first,last] is exactly one prefix, true and *out. */
bool inet_range_to_prefix(const struct inet_addr *first, const struct inet_addr *last,
			  struct inet_prefix *out);
/* "192.0.2.1" or "2001:db8::1". R_VALUE. */
enum result inet_parse(const char *text, struct inet_addr *out) WARN_UNUSED;
/* All formatters write at most INET_TEXT_MAX bytes and return out. */
const char *inet_text(const struct inet_addr *a, char out[INET_TEXT_MAX]);
const char *inet_endpoint_text(const struct inet_endpoint *e, char out[INET_TEXT_MAX]);
const char *inet_prefix_text(const struct inet_prefix *p, char out[INET_TEXT_MAX]);
/* Returns the sockaddr length, 0 for INET_NONE. */
unsigned int inet_to_sockaddr(const struct inet_endpoint *e, struct sockaddr_storage *out);
enum result inet_from_sockaddr(const struct sockaddr *sa, struct inet_endpoint *out) WARN_UNUSED;

#endif
