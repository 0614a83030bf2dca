/* SPDX-License-Identifier: Apache-2.0 */
/* Which packet goes into which SA, or waits for one: SPD, selectors, outbound sets,
 * the queue of R5. */
#include "esp/tests/pair.h"

#include <stdlib.h>
#include <time.h>

#include "esp/selector.h"

static struct traffic_selector ts(uint32_t first, uint32_t last, uint8_t protocol,
				  uint16_t port_first, uint16_t port_last)
{
	return (struct traffic_selector){ .start = inet_v4(first),
					  .end = inet_v4(last),
					  .protocol = protocol,
					  .port_start = port_first,
					  .port_end = port_last };
}

static struct flow flow_of(uint8_t *packet, size_t len)
{
	struct flow f;
	assert_int_equal(len, flow_parse(packet, len, FLOW_OUTBOUND, &f));
	return f;
}

/* ---- selectors ---- */

static void fragments_match_only_where_any_port_does(void **state)
{
	(void)state;
	uint8_t packet[60];
	const struct traffic_selector ports = ts(0, UINT32_MAX, 17, 4000, 4000);
	const struct traffic_selector any = ts(0, UINT32_MAX, 17, 0, 65535);
	const struct traffic_selector opaque = ts(0, UINT32_MAX, 17, 65535, 0);
	const struct selector with_ports = selector_compile(&ports),
			      with_any = selector_compile(&any);
	const struct selector with_opaque = selector_compile(&opaque);
	write_udp(packet, sizeof(packet), 1, 2, 0);
	struct flow f = flow_of(packet, sizeof(packet));
	assert_true(selector_match_local(&with_ports, &f));
	assert_true(selector_match_local(&with_any, &f));
	packet[7] = 1; /* fragment offset 8 */
	f = flow_of(packet, sizeof(packet));
	assert_false(selector_match_local(&with_ports, &f));
	assert_true(selector_match_local(&with_any, &f));
	assert_true(selector_match_local(&with_opaque, &f));
	packet[7] = 0;
	packet[6] = 0x20; /* first fragment: its ports are there */
	f = flow_of(packet, sizeof(packet));
	assert_true(selector_match_local(&with_ports, &f));
}

/* Each change of a header: what still has the mark has the flow and a length within the packet. */
static void a_mark_tells_its_flow_and_no_other(void **state)
{
	(void)state;
	uint8_t packet[60];
	size_t len, kept = 0;
	write_udp(packet, sizeof(packet), 1, 2, 0);
	const struct flow f = flow_of(packet, sizeof(packet));
	const struct flow_mark mark = flow_mark_read(packet, sizeof(packet), &len), none = { 0 };
	assert_int_equal(sizeof(packet), len);
	assert_int_equal(sizeof(packet), flow_marked_len(&mark, packet, sizeof(packet)));
	assert_int_equal(0, flow_marked_len(&none, packet, sizeof(packet)));
	for (size_t short_len = 0; short_len < sizeof(packet); short_len++)
		assert_int_equal(0, flow_marked_len(&mark, packet, short_len));
	for (size_t at = 0; at < 28; at++)
		for (unsigned int change = 1; change < 256; change++) {
			struct flow g;
			packet[at] ^= (uint8_t)change;
			const size_t own = flow_parse(packet, sizeof(packet), FLOW_OUTBOUND, &g);
			const size_t marked = flow_marked_len(&mark, packet, sizeof(packet));
			const struct flow_mark other = flow_mark_read(packet, sizeof(packet), &len);
			assert_true(marked == 0 || (marked == own && flow_equal(&f, &g)));
			assert_true(!flow_mark_equal(&mark, &other) ||
				    (len == own && flow_equal(&f, &g)));
			kept += marked != 0;
			packet[at] ^= (uint8_t)change;
		}
	/* TOS, id, DF, TTL, the checksums and the UDP length are no part of a flow. */
	assert_in_range(kept, 255 * 10, 255 * 12);
}

/* RFC 7296 3.13.1 */
static void icmp_type_and_code_are_a_port(void **state)
{
	(void)state;
	uint8_t packet[60];
	const struct traffic_selector echo = ts(0, UINT32_MAX, 1, 0x0800, 0x0800);
	const struct selector s = selector_compile(&echo);
	write_udp(packet, sizeof(packet), 1, 2, 0);
	packet[9] = 1;
	packet[20] = 8;
	packet[21] = 0;
	struct flow f = flow_of(packet, sizeof(packet));
	assert_true(selector_match_local(&s, &f) && selector_match_remote(&s, &f));
	packet[20] = 3;
	f = flow_of(packet, sizeof(packet));
	assert_false(selector_match_local(&s, &f));
}

static void ipv6_ports_are_found_behind_extension_headers(void **state)
{
	(void)state;
	uint8_t packet[80] = { 0x60, 0, 0, 0, 0, 40, 0 };
	struct flow f;
	packet[40] = 60; /* hop-by-hop, then destination options, then UDP */
	packet[48] = 17;
	put16(packet + 56, 4000);
	put16(packet + 58, 5000);
	assert_int_equal(80, flow_parse(packet, 80, FLOW_INBOUND, &f));
	assert_int_equal(17, f.protocol);
	assert_int_equal(5000, f.local_port);
	assert_int_equal(4000, f.remote_port);
	packet[40] = 44; /* hop-by-hop, then a fragment that is not the first */
	put16(packet + 50, 8);
	assert_int_equal(80, flow_parse(packet, 80, FLOW_INBOUND, &f));
	assert_int_equal(17, f.protocol);
	assert_false(f.has_ports);
	packet[40] = 60;
	packet[49] = 200; /* an extension longer than the packet */
	assert_int_equal(0, flow_parse(packet, 80, FLOW_INBOUND, &f));
	for (size_t len = 0; len < 80; len++)
		assert_int_equal(0, flow_parse(packet, len, FLOW_INBOUND, &f));
}

static void the_flow_selector_is_very_specific(void **state)
{
	(void)state;
	uint8_t packet[60];
	write_udp(packet, sizeof(packet), PAIR_NET_A | 3, PAIR_NET_B | 4, 0);
	const struct flow f = flow_of(packet, sizeof(packet));
	const struct traffic_selector want_local = ts(PAIR_NET_A | 3, PAIR_NET_A | 3, 17, 4000,
						      4000);
	const struct traffic_selector want_remote = ts(PAIR_NET_B | 4, PAIR_NET_B | 4, 17, 5000,
						       5000);
	const struct traffic_selector local = flow_selector(&f, true),
				      remote = flow_selector(&f, false);
	assert_true(ts_equal(&want_local, &local));
	assert_true(ts_equal(&want_remote, &remote));
}

/* ---- the SPD ---- */

static enum esp_verdict classify(struct side *s, uint32_t from, uint32_t to, uint32_t *tunnel)
{
	struct frame f;
	struct esp_event ev;
	frame_udp(&f, 60, from, to, 0);
	/* Two seconds apart, so that each asks anew. */
	static uint64_t now_ns = PAIR_SECOND;
	now_ns += 2 * PAIR_SECOND;
	const enum esp_verdict v = seal_one(s, now_ns, &f);
	*tunnel = esp_worker_event(s->w, &ev) ? ev.tunnel : 0;
	return v;
}

static void first_match_decides_and_deny_lines_bypass(void **state)
{
	(void)state;
	struct side s = side_new(1, NULL);
	uint32_t tunnel;
	const struct esp_policy lines[] = {
		{ .tunnel = 1,
		  .action = ESP_BYPASS,
		  .local = net_selector(PAIR_NET_A),
		  .remote = ts(PAIR_NET_B | 5, PAIR_NET_B | 5, 0, 0, 65535) },
		{ .tunnel = 2,
		  .action = ESP_PROTECT,
		  .local = net_selector(PAIR_NET_A),
		  .remote = ts(PAIR_NET_B, PAIR_NET_B | 127, 0, 0, 65535) },
		{ .tunnel = 3,
		  .action = ESP_PROTECT,
		  .local = net_selector(PAIR_NET_A),
		  .remote = net_selector(PAIR_NET_B) },
		{ .tunnel = 4,
		  .action = ESP_PROTECT,
		  .local = ts(0, UINT32_MAX, 6, 0, 65535),
		  .remote = ts(0, UINT32_MAX, 0, 0, 65535) },
	};
	side_activate(&s, 1);
	assert_int_equal(R_OK, esp_spd_set(s.dp, lines, 4));
	assert_int_equal(ESP_V_BYPASS, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 5, &tunnel));
	assert_int_equal(ESP_V_QUEUED, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 6, &tunnel));
	assert_int_equal(2, tunnel);
	assert_int_equal(ESP_V_QUEUED, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 128, &tunnel));
	assert_int_equal(3, tunnel);
	assert_int_equal(ESP_V_NO_POLICY, classify(&s, PAIR_NET_B | 1, PAIR_NET_B | 6, &tunnel));
	assert_int_equal(R_OK, esp_spd_set(s.dp, lines, 1));
	assert_int_equal(ESP_V_NO_POLICY, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 6, &tunnel));
	assert_int_equal(ESP_V_BYPASS, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 5, &tunnel));
	side_free(&s);
}

/* As on the ASA: a deny line sends the packet on to the next crypto map entry. */
static void a_deny_line_skips_the_rest_of_its_entry_only(void **state)
{
	(void)state;
	struct side s = side_new(1, NULL);
	uint32_t tunnel;
	const struct traffic_selector host = ts(PAIR_NET_B | 5, PAIR_NET_B | 5, 0, 0, 65535);
	const struct traffic_selector net = net_selector(PAIR_NET_B),
				      from = net_selector(PAIR_NET_A);
	const struct esp_policy lines[] = {
		{ .tunnel = 1, .entry = 10, .action = ESP_BYPASS, .local = from, .remote = host },
		{ .tunnel = 2, .entry = 10, .action = ESP_PROTECT, .local = from, .remote = net },
		{ .tunnel = 3, .entry = 20, .action = ESP_PROTECT, .local = from, .remote = host },
		{ .tunnel = 4, .entry = 20, .action = ESP_BYPASS, .local = from, .remote = net },
	};
	side_activate(&s, 1);
	assert_int_equal(R_OK, esp_spd_set(s.dp, lines, 4));
	assert_int_equal(ESP_V_QUEUED, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 6, &tunnel));
	assert_int_equal(2, tunnel);
	assert_int_equal(ESP_V_QUEUED, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 5, &tunnel));
	assert_int_equal(3, tunnel);
	assert_int_equal(R_OK, esp_spd_set(s.dp, lines, 2));
	assert_int_equal(ESP_V_BYPASS, classify(&s, PAIR_NET_A | 1, PAIR_NET_B | 5, &tunnel));
	side_free(&s);
}

/* The index gives the same answer as walking all lines in order. */
static void the_index_agrees_with_a_plain_walk(void **state)
{
	(void)state;
	enum { LINES = 60, PACKETS = 3000 };
	struct esp_policy line[LINES];
	struct side s = side_new(1, NULL);
	srandom(7);
	side_activate(&s, 1);
	for (uint32_t i = 0; i < LINES; i++) {
		const uint32_t low = (uint32_t)random() % 200, high = low + (uint32_t)random() % 40;
		const uint32_t low2 = (uint32_t)random() % 200,
			       high2 = low2 + (uint32_t)random() % 200;
		line[i] = (struct esp_policy){ .tunnel = 100 + i,
					       .entry = i / 10,
					       .local = ts(low2, high2, 0, 0, 65535),
					       .remote = ts(low, high, 0, 0, 65535) };
		if (i % 13 == 5)
			line[i].remote.end = inet_v4(UINT32_MAX);
		if (i % 7 == 3)
			line[i].action = ESP_BYPASS;
	}
	assert_int_equal(R_OK, esp_spd_set(s.dp, line, LINES));
	for (int k = 0; k < PACKETS; k++) {
		const uint32_t from = (uint32_t)random() % 400, to = (uint32_t)random() % 300;
		uint32_t tunnel, want = 0;
		uint32_t denied_entry = UINT32_MAX;
		enum esp_verdict expected = ESP_V_NO_POLICY;
		for (uint32_t i = 0; i < LINES && expected != ESP_V_QUEUED; i++) {
			if (line[i].entry == denied_entry ||
			    from < inet_to_v4(&line[i].local.start) ||
			    from > inet_to_v4(&line[i].local.end) ||
			    to < inet_to_v4(&line[i].remote.start) ||
			    to > inet_to_v4(&line[i].remote.end))
				continue;
			expected = line[i].action == ESP_BYPASS ? ESP_V_BYPASS : ESP_V_QUEUED;
			want = line[i].tunnel;
			if (expected == ESP_V_BYPASS)
				denied_entry = line[i].entry;
		}
		const enum esp_verdict got = classify(&s, from, to, &tunnel);
		if (got == ESP_V_QUEUE_FULL)
			assert_int_equal(ESP_V_QUEUED, expected);
		else
			assert_int_equal(expected, got);
		if (expected == ESP_V_QUEUED)
			assert_int_equal(want, tunnel);
	}
	side_free(&s);
}

/* A crypto map entry for each of many peers: compiling them is not a walk over all for each. */
static void many_lines_are_compiled_in_no_time(void **state)
{
	(void)state;
	enum { LINES = 40000 };
	struct esp_policy *line = calloc(LINES, sizeof(*line));
	struct side s = side_new(1, NULL);
	uint32_t tunnel = 0;

	assert_non_null(line);
	side_activate(&s, 1);
	for (uint32_t i = 0; i < LINES; i++)
		line[i] = (struct esp_policy){ .tunnel = 1 + i,
					       .entry = i,
					       .local = ts(PAIR_NET_A, PAIR_NET_A | 255, 0, 0,
							   65535),
					       .remote = ts(4 * i, 4 * i + 2, 0, 0, 65535) };
	const clock_t begun = clock();
	assert_int_equal(R_OK, esp_spd_set(s.dp, line, LINES));
	assert_true(clock() - begun < 2 * CLOCKS_PER_SEC);
	assert_int_equal(ESP_V_QUEUED, classify(&s, PAIR_NET_A | 1, 4 * 31234 + 1, &tunnel));
	assert_int_equal(31235, tunnel);
	assert_int_equal(ESP_V_NO_POLICY, classify(&s, PAIR_NET_A | 1, 4 * 31234 + 3, &tunnel));
	side_free(&s);
	free(line);
}

/* ---- outbound sets ---- */

static uint32_t spi_used(struct pair *p, uint32_t to)
{
	struct frame f;
	frame_udp(&f, 60, PAIR_NET_A | 1, to, 0);
	return seal_one(&p->a, PAIR_SECOND, &f) == ESP_V_OK ? f.p.spi_in : 0;
}

static void rekeying_moves_traffic_and_keeps_inbound(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	struct esp_child_params newer = child_params(&p, true);
	newer.spi_in = 0x10009999;
	frame_udp(&f, 60, PAIR_NET_B | 1, PAIR_NET_A | 1, 0);
	assert_int_equal(ESP_V_OK, seal_one(&p.b, PAIR_SECOND, &f));
	assert_int_equal(PAIR_SPI_A, spi_used(&p, PAIR_NET_B | 1));
	assert_int_equal(R_OK, esp_child_install(p.a.dp, &newer));
	assert_int_equal(PAIR_SPI_A, spi_used(&p, PAIR_NET_B | 1));
	assert_int_equal(R_OK, esp_child_use_outbound(p.a.dp, newer.spi_in));
	assert_int_equal(newer.spi_in, spi_used(&p, PAIR_NET_B | 1));
	assert_false(stats_of(&p.a, PAIR_SPI_A).outbound_in_use);
	assert_true(stats_of(&p.a, newer.spi_in).outbound_in_use);
	cross(&f);
	assert_int_equal(ESP_V_OK, open_one(&p.a, PAIR_SECOND, &f));
	/* The newer one goes: the older, once replaced, does not come back by itself. */
	esp_child_remove(p.a.dp, newer.spi_in);
	assert_int_equal(0, spi_used(&p, PAIR_NET_B | 1));
	pair_close(&p);
}

/* RFC 7296 2.9: two children of one line, narrowed differently, carry their own traffic each. */
static void narrowed_children_share_a_tunnel(void **state)
{
	(void)state;
	struct pair p;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params low = child_params(&p, true), high = child_params(&p, true);
	low.remote_ts.ts[0] = ts(PAIR_NET_B, PAIR_NET_B | 127, 0, 0, 65535);
	high.remote_ts.ts[0] = ts(PAIR_NET_B | 200, PAIR_NET_B | 255, 0, 0, 65535);
	high.spi_in = 0x10009999;
	pair_install(&p, true, &low);
	pair_install(&p, true, &high);
	assert_int_equal(low.spi_in, spi_used(&p, PAIR_NET_B | 1));
	assert_int_equal(high.spi_in, spi_used(&p, PAIR_NET_B | 201));
	assert_int_equal(0, spi_used(&p, PAIR_NET_B | 150));
	esp_child_stop_outbound(p.a.dp, low.spi_in);
	assert_int_equal(0, spi_used(&p, PAIR_NET_B | 1));
	assert_int_equal(high.spi_in, spi_used(&p, PAIR_NET_B | 201));
	pair_close(&p);
}

static void thousands_of_children_come_and_go(void **state)
{
	(void)state;
	enum { MANY = 3000 };
	struct pair p;
	struct esp_child_stats st;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params cp = child_params(&p, true);
	for (uint32_t round = 0; round < 2; round++) {
		for (uint32_t i = 0; i < MANY; i++) {
			cp.spi_in = 0x10000000u + i * 4096;
			cp.tunnel = i;
			cp.group = (uint8_t)(i % 2);
			assert_int_equal(R_OK, esp_child_install(p.a.dp, &cp));
			assert_int_equal(R_EXISTS, esp_child_install(p.a.dp, &cp));
		}
		esp_child_remove_all(p.a.dp, 1);
		for (uint32_t i = 0; i < MANY; i++)
			assert_int_equal(i % 2 == 0 ? R_OK : R_NOT_FOUND,
					 esp_child_stats(p.a.dp, 0x10000000u + i * 4096, &st));
		esp_child_remove_all(p.a.dp, 0);
		assert_int_equal(R_NOT_FOUND, esp_child_stats(p.a.dp, 0x10000000u, &st));
	}
	pair_close(&p);
}

static void wrong_parameters_are_refused(void **state)
{
	(void)state;
	struct pair p;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params cp = child_params(&p, true);
	cp.spi_in = 255; /* RFC 4303 2.1: reserved */
	assert_int_equal(R_VALUE, esp_child_install(p.a.dp, &cp));
	cp = child_params(&p, true);
	cp.remote_ts.n = 0;
	assert_int_equal(R_VALUE, esp_child_install(p.a.dp, &cp));
	cp = child_params(&p, true);
	cp.replay_window = 100;
	assert_int_equal(R_VALUE, esp_child_install(p.a.dp, &cp));
	cp = child_params(&p, true);
	cp.transforms.encr = ENCR_3DES;
	assert_int_equal(R_UNSUPPORTED, esp_child_install(p.a.dp, &cp));
	cp = child_params(&p, true);
	cp.transforms.key_bits = 256; /* the keys are of 128 bits */
	assert_int_equal(R_CRYPTO, esp_child_install(p.a.dp, &cp));
	assert_int_equal(R_NOT_FOUND, esp_child_use_outbound(p.a.dp, 0x5555));
	assert_int_equal(R_NOT_FOUND, esp_child_grant(p.a.dp, 0x5555, 1));
	esp_child_remove(p.a.dp, 0x5555);
	esp_child_stop_outbound(p.a.dp, 0x5555);
	pair_close(&p);
}

static void collect(void *ctx, uint32_t spi_in)
{
	uint32_t **next = ctx;
	*(*next)++ = spi_in;
}

static void each_child_is_visited_in_order_of_installation(void **state)
{
	(void)state;
	struct pair p;
	uint32_t seen[4] = { 0 }, *next = seen;
	pair_open_bare(&p, gcm128_esn());
	struct esp_child_params cp = child_params(&p, true);
	for (uint32_t i = 0; i < 4; i++) {
		cp.spi_in = 0x1000 + i;
		assert_int_equal(R_OK, esp_child_install(p.a.dp, &cp));
	}
	esp_child_remove(p.a.dp, 0x1001);
	esp_child_each(p.a.dp, collect, &next);
	assert_int_equal(3, next - seen);
	assert_int_equal(0x1000, seen[0]);
	assert_int_equal(0x1002, seen[1]);
	assert_int_equal(0x1003, seen[2]);
	pair_close(&p);
}

/* ---- the queue of R5 ---- */

static size_t flush(struct side *s, uint64_t now_ns, struct frame *f, struct esp_packet *pkts,
		    size_t cap)
{
	for (size_t i = 0; i < cap; i++) {
		frame_start(&f[i], 0);
		pkts[i] = f[i].p;
	}
	return esp_worker_flush(s->w, now_ns, pkts, cap);
}

static void packets_wait_in_order_and_the_queue_is_bounded(void **state)
{
	(void)state;
	enum { CAP = 48 };
	static struct frame out[CAP];
	static struct esp_packet pkts[CAP];
	struct pair p;
	struct frame f;
	struct esp_event ev;
	pair_open_bare(&p, gcm128_esn());
	for (size_t i = 0; i < 70; i++) {
		frame_udp(&f, 60, PAIR_NET_A | 1, PAIR_NET_B | 1, (uint8_t)i);
		assert_int_equal(i < 64 ? ESP_V_QUEUED : ESP_V_QUEUE_FULL,
				 seal_one(&p.a, PAIR_SECOND, &f));
	}
	assert_true(esp_worker_event(p.a.w, &ev));
	assert_int_equal(ESP_EVENT_ACQUIRE, ev.kind);
	assert_false(esp_worker_event(p.a.w, &ev));
	frame_udp(&f, 2100, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
	assert_int_equal(ESP_V_NO_SA, seal_one(&p.a, 3 * PAIR_SECOND, &f));
	assert_true(esp_worker_event(p.a.w, &ev));

	assert_int_equal(0, flush(&p.a, 2 * PAIR_SECOND, out, pkts, CAP));
	const struct esp_child_params of_a = child_params(&p, true), of_b = child_params(&p, false);
	pair_install(&p, true, &of_a);
	pair_install(&p, false, &of_b);
	uint8_t next = 0;
	for (size_t round = 0; round < 2; round++) {
		const size_t n = flush(&p.a, 3 * PAIR_SECOND, out, pkts, CAP);
		assert_int_equal(round == 0 ? CAP : 64 - CAP, n);
		esp_worker_inbound(p.b.w, PAIR_SECOND, pkts, n);
		for (size_t i = 0; i < n; i++) {
			assert_int_equal(ESP_V_OK, pkts[i].verdict);
			assert_int_equal(next++, pkts[i].buf[pkts[i].off + 59]);
		}
	}
	assert_int_equal(0, flush(&p.a, 3 * PAIR_SECOND, out, pkts, CAP));
	pair_close(&p);
}

static void packets_that_waited_too_long_are_dropped_and_counted(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, out;
	struct esp_packet pkt;
	pair_open_bare(&p, gcm128_esn());
	frame_udp(&f, 60, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
	assert_int_equal(ESP_V_QUEUED, seal_one(&p.a, PAIR_SECOND, &f));
	assert_int_equal(0, flush(&p.a, 12 * PAIR_SECOND, &out, &pkt, 1));
	assert_int_equal(1, esp_datapath_verdicts(p.a.dp, ESP_V_NO_SA, 0));
	const struct esp_child_params of_a = child_params(&p, true);
	pair_install(&p, true, &of_a);
	assert_int_equal(0, flush(&p.a, 12 * PAIR_SECOND, &out, &pkt, 1));
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fragments_match_only_where_any_port_does),
		cmocka_unit_test(a_mark_tells_its_flow_and_no_other),
		cmocka_unit_test(icmp_type_and_code_are_a_port),
		cmocka_unit_test(ipv6_ports_are_found_behind_extension_headers),
		cmocka_unit_test(the_flow_selector_is_very_specific),
		cmocka_unit_test(first_match_decides_and_deny_lines_bypass),
		cmocka_unit_test(a_deny_line_skips_the_rest_of_its_entry_only),
		cmocka_unit_test(the_index_agrees_with_a_plain_walk),
		cmocka_unit_test(many_lines_are_compiled_in_no_time),
		cmocka_unit_test(rekeying_moves_traffic_and_keeps_inbound),
		cmocka_unit_test(narrowed_children_share_a_tunnel),
		cmocka_unit_test(thousands_of_children_come_and_go),
		cmocka_unit_test(wrong_parameters_are_refused),
		cmocka_unit_test(each_child_is_visited_in_order_of_installation),
		cmocka_unit_test(packets_wait_in_order_and_the_queue_is_bounded),
		cmocka_unit_test(packets_that_waited_too_long_are_dropped_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
