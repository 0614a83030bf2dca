/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of statesync/ share: values to fill states with, and damage done to records. */
#ifndef HF_STATESYNC_TESTS_FIXTURES_H
#define HF_STATESYNC_TESTS_FIXTURES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/must.h"
#include "statesync/statesync.h"

static const uint8_t fixture_seed[16] = { 7 };

/* len bytes that differ from those of another tag. */
static inline struct buf fixture_buf(uint8_t tag, size_t len)
{
	struct buf b = { .p = malloc(len), .len = len };

	must(b.p != NULL);
	for (size_t i = 0; i < len; i++)
		b.p[i] = (uint8_t)(tag + 31 * i);
	return b;
}

static inline struct secret fixture_secret(uint8_t tag, size_t len)
{
	struct buf b = fixture_buf(tag, len);
	struct secret s = { 0 };

	must(secret_set(&s, buf_bytes(&b)) == R_OK);
	buf_free(&b);
	return s;
}

static inline struct inet_endpoint fixture_endpoint(uint8_t host, uint16_t port)
{
	return (struct inet_endpoint){ .addr = inet_v4(0xc0000200u | host), .port = port };
}

/* n selectors: a range, a single port, OPAQUE ports and IPv6 among them. */
static inline struct ts_list fixture_ts(uint8_t tag, uint8_t n)
{
	struct ts_list l = { .n = n };

	for (uint8_t i = 0; i < n; i++) {
		struct traffic_selector *ts = &l.ts[i];
		uint32_t net = 0xc6336400u + tag;

		*ts = (struct traffic_selector){ .start = inet_v4(net),
						 .end = inet_v4(net + i),
						 .port_end = 65535,
						 .protocol = i };
		if (i == 1)
			ts->port_start = ts->port_end = 443;
		if (i == 2)
			ts->port_start = 65535, ts->port_end = 0;
		if (i == 3) {
			ts->start.family = ts->end.family = INET_V6;
			ts->end.a[15] = 0xff;
		}
	}
	return l;
}

static inline void assert_bytes(struct bytes a, struct bytes b)
{
	assert_int_equal(a.len, b.len);
	if (a.len > 0)
		assert_memory_equal(a.p, b.p, a.len);
}

#define ASSERT_BUF(a, b)    assert_bytes(buf_bytes(&(a)), buf_bytes(&(b)))
#define ASSERT_SECRET(a, b) assert_bytes(secret_bytes(&(a)), secret_bytes(&(b)))

static inline void assert_endpoint(const struct inet_endpoint *a, const struct inet_endpoint *b)
{
	assert_true(inet_endpoint_equal(a, b));
}

static inline void assert_ts(const struct ts_list *a, const struct ts_list *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++)
		assert_true(ts_equal(&a->ts[i], &b->ts[i]));
}

/* A record with one lease-sized data: enough where contents do not matter. */
static inline struct ss_record fixture_record(uint32_t kind, uint64_t key, uint8_t tag, size_t len)
{
	return (struct ss_record){ .kind = kind, .key = key, .data = fixture_buf(tag, len) };
}

static inline void append(struct buf *b, struct bytes more)
{
	uint8_t *p = realloc(b->p, b->len + more.len);

	must(p != NULL);
	memcpy(p + b->len, more.p, more.len);
	*b = (struct buf){ .p = p, .len = b->len + more.len };
}

/* Fields 1000 (bytes) and 1001 (varint) of a newer version: nobody knows them today. */
static inline void append_future_fields(struct buf *b)
{
	static const uint8_t fields[] = { 0xc2, 0x3e, 3, 'n', 'e', 'w', 0xc8, 0x3e, 0x2a };

	append(b, bytes(fields, sizeof(fields)));
}

/* decode(ctx, r) for every truncation and every flipped bit of good's data. */
static inline void each_damage(const struct ss_record *good,
			       void (*decode)(void *ctx, const struct ss_record *r), void *ctx)
{
	struct ss_record r = { 0 };

	assert_int_equal(ss_record_copy(&r, good), R_OK);
	for (size_t len = 0; len < good->data.len; len++) {
		/* of the exact size, so that a sanitizer sees a read behind it */
		assert_true(buf_set(&r.data, bytes(good->data.p, len)));
		decode(ctx, &r);
	}
	assert_int_equal(ss_record_copy(&r, good), R_OK);
	for (size_t bit = 0; bit < 8 * r.data.len; bit++) {
		r.data.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
		decode(ctx, &r);
		r.data.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	ss_record_clear(&r);
}

#endif
