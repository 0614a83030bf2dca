/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two datapaths, a (192.0.2.1, before 198.51.100.0/24) and b (192.0.2.2,
 * before 203.0.113.0/24), each with one worker unless told otherwise, and
 * helpers to send inner packets from one to the other. Control and worker are
 * the same thread here.
 */
#ifndef HF_ESP_TESTS_PAIR_H
#define HF_ESP_TESTS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/iana.h"
#include "esp/esp.h"
#include "esp/transform.h"

#define PAIR_BUF    2304
#define PAIR_TUNNEL 7
#define PAIR_SPI_A  0x10000101u /* a's inbound SA */
#define PAIR_SPI_B  0x20000202u
#define PAIR_NET_A  0xc6336400u /* 198.51.100.0 */
#define PAIR_NET_B  0xcb007100u /* 203.0.113.0 */
#define PAIR_SECOND UINT64_C(1000000000)

struct side {
	struct esp_datapath *dp;
	struct esp_worker *w;
};

struct pair {
	struct side a, b;
	struct esp_keys to_a, to_b;
	struct esp_transforms t;
};

/* A packet and its buffer. */
struct frame {
	struct esp_packet p;
	uint8_t buf[PAIR_BUF];
};

static inline struct traffic_selector net_selector(uint32_t net)
{
	return (struct traffic_selector){ .start = inet_v4(net),
					  .end = inet_v4(net | 0xff),
					  .port_start = 0,
					  .port_end = 65535 };
}

static inline struct inet_endpoint outer(uint32_t host, uint16_t port)
{
	return (struct inet_endpoint){ .addr = inet_v4(0xc0000200u | host), .port = port };
}

static inline void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static inline uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* RFC 1071 over a header; 0 when the checksum in it is right. */
static inline uint16_t ip_checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += (uint32_t)p[i] << 8 | p[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* An IPv4 UDP packet of len bytes in all, its payload marked. */
static inline void write_udp(uint8_t *ip, size_t len, uint32_t from, uint32_t to, uint8_t mark)
{
	memset(ip, mark, len);
	memset(ip, 0, 28);
	ip[0] = 0x45;
	put16(ip + 2, (unsigned int)len);
	ip[8] = 63;
	ip[9] = 17;
	put32(ip + 12, from);
	put32(ip + 16, to);
	put16(ip + 10, ip_checksum(ip, 20));
	put16(ip + 20, 4000);
	put16(ip + 22, 5000);
	put16(ip + 24, (unsigned int)len - 20);
}

static inline void frame_start(struct frame *f, size_t len)
{
	f->p = (struct esp_packet){
		.buf = f->buf, .cap = PAIR_BUF, .off = ESP_HEADROOM, .len = (uint32_t)len
	};
}

static inline uint8_t *frame_data(struct frame *f)
{
	return f->p.buf + f->p.off;
}

static inline void frame_udp(struct frame *f, size_t len, uint32_t from, uint32_t to, uint8_t mark)
{
	frame_start(f, len);
	write_udp(frame_data(f), len, from, to, mark);
}

static inline struct esp_keys keys_for(const struct esp_transforms *t, uint8_t seed)
{
	struct esp_keys k = { 0 };
	uint8_t raw[128];
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(seed + 7 * i);
	const size_t salt = t->encr == ENCR_AES_GCM_16 ? 4 : 0;
	const size_t mac = t->integ == AUTH_HMAC_SHA2_256_128   ? 32
			   : t->integ == AUTH_HMAC_SHA2_384_192 ? 48
			   : t->integ == AUTH_HMAC_SHA2_512_256 ? 64
								: 0;
	assert_int_equal(R_OK, secret_set(&k.encr, bytes(raw, t->key_bits / 8u + salt)));
	assert_int_equal(R_OK, secret_set(&k.integ, bytes(raw + 60, mac)));
	return k;
}

static inline struct esp_child_params child_params(const struct pair *pair, bool of_a)
{
	struct esp_child_params p = {
		.spi_in = of_a ? PAIR_SPI_A : PAIR_SPI_B,
		.spi_out = of_a ? PAIR_SPI_B : PAIR_SPI_A,
		.tunnel = PAIR_TUNNEL,
		.udp_encap = true,
		.local = outer(of_a ? 1 : 2, 4500),
		.remote = outer(of_a ? 2 : 1, 4500),
		.transforms = pair->t,
		.keys_in = of_a ? &pair->to_a : &pair->to_b,
		.keys_out = of_a ? &pair->to_b : &pair->to_a,
		.birth_term = 1,
		.seq_next = 1,
		.lease_end = 1u << 20,
	};
	p.local_ts.n = p.remote_ts.n = 1;
	p.local_ts.ts[0] = net_selector(of_a ? PAIR_NET_A : PAIR_NET_B);
	p.remote_ts.ts[0] = net_selector(of_a ? PAIR_NET_B : PAIR_NET_A);
	return p;
}

static inline struct esp_policy pair_policy(bool of_a)
{
	return (struct esp_policy){
		.tunnel = PAIR_TUNNEL,
		.action = ESP_PROTECT,
		.local = net_selector(of_a ? PAIR_NET_A : PAIR_NET_B),
		.remote = net_selector(of_a ? PAIR_NET_B : PAIR_NET_A),
	};
}

static inline struct side side_new(uint8_t slot, const struct esp_transform *rows)
{
	const struct esp_datapath_config cfg = {
		.slot = slot, .workers = 1, .transforms = rows, .hash_seed = { 1, 2, 3, 4, 5 }
	};
	struct side s = { .dp = esp_datapath_new(&cfg) };
	assert_non_null(s.dp);
	s.w = esp_worker_new(s.dp, 0);
	assert_non_null(s.w);
	return s;
}

static inline void side_free(struct side *s)
{
	esp_worker_free(s->w);
	esp_datapath_free(s->dp);
}

static inline void side_activate(struct side *s, uint64_t term)
{
	esp_group_deadline(s->dp, 0, UINT64_MAX);
	esp_group_set(s->dp, 0, ESP_GROUP_ACTIVE, term);
}

static inline struct esp_transforms gcm128_esn(void)
{
	return (struct esp_transforms){ .encr = ENCR_AES_GCM_16, .key_bits = 128, .esn = true };
}

/* Policies and groups, no child yet. */
static inline void pair_open_bare(struct pair *p, struct esp_transforms t)
{
	*p = (struct pair){ .t = t };
	p->to_a = keys_for(&t, 1);
	p->to_b = keys_for(&t, 2);
	p->a = side_new(1, NULL);
	p->b = side_new(2, NULL);
	const struct esp_policy of_a = pair_policy(true), of_b = pair_policy(false);
	assert_int_equal(R_OK, esp_spd_set(p->a.dp, &of_a, 1));
	assert_int_equal(R_OK, esp_spd_set(p->b.dp, &of_b, 1));
	side_activate(&p->a, 1);
	side_activate(&p->b, 1);
}

static inline void pair_install(struct pair *p, bool of_a, const struct esp_child_params *params)
{
	struct esp_datapath *dp = of_a ? p->a.dp : p->b.dp;
	assert_int_equal(R_OK, esp_child_install(dp, params));
	assert_int_equal(R_OK, esp_child_use_outbound(dp, params->spi_in));
}

static inline void pair_open(struct pair *p, struct esp_transforms t)
{
	pair_open_bare(p, t);
	const struct esp_child_params of_a = child_params(p, true), of_b = child_params(p, false);
	pair_install(p, true, &of_a);
	pair_install(p, false, &of_b);
}

static inline void pair_close(struct pair *p)
{
	side_free(&p->a);
	side_free(&p->b);
	secret_wipe(&p->to_a.encr);
	secret_wipe(&p->to_a.integ);
	secret_wipe(&p->to_b.encr);
	secret_wipe(&p->to_b.integ);
}

static inline enum esp_verdict seal_one(struct side *s, uint64_t now_ns, struct frame *f)
{
	esp_worker_outbound(s->w, now_ns, &f->p, 1);
	return f->p.verdict;
}

static inline enum esp_verdict open_one(struct side *s, uint64_t now_ns, struct frame *f)
{
	esp_worker_inbound(s->w, now_ns, &f->p, 1);
	return f->p.verdict;
}

/* f as it goes over the wire: the receiver sees the sender's outer address. */
static inline void cross(struct frame *f)
{
	const struct inet_endpoint from = f->p.local;
	f->p.local = f->p.remote;
	f->p.remote = from;
}

/* Seal a packet of len bytes at a, ready to be opened at b. */
static inline void packet_to_b(struct pair *p, struct frame *f, size_t len)
{
	frame_udp(f, len, PAIR_NET_A | 10, PAIR_NET_B | 20, 0x5a);
	assert_int_equal(ESP_V_OK, seal_one(&p->a, PAIR_SECOND, f));
	cross(f);
}

static inline struct esp_child_stats stats_of(const struct side *s, uint32_t spi_in)
{
	struct esp_child_stats st;
	assert_int_equal(R_OK, esp_child_stats(s->dp, spi_in, &st));
	return st;
}

#endif
