/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing and opening through the whole worker: framing, refusals, verdicts, counters
 * (RFC 4303, RFC 4301 5). */
#include "esp/tests/pair.h"

#include "esp/tests/fixtures/esp_packets.h"
#include "esp/tests/hex.h"

static const struct esp_transforms suites[] = {
	{ .encr = ENCR_AES_GCM_16, .key_bits = 128 },
	{ .encr = ENCR_AES_GCM_16, .key_bits = 192, .esn = true },
	{ .encr = ENCR_AES_GCM_16, .key_bits = 256, .esn = true },
	{ .encr = ENCR_AES_CBC, .key_bits = 128, .integ = AUTH_HMAC_SHA2_256_128 },
	{ .encr = ENCR_AES_CBC, .key_bits = 192, .integ = AUTH_HMAC_SHA2_384_192, .esn = true },
	{ .encr = ENCR_AES_CBC, .key_bits = 256, .integ = AUTH_HMAC_SHA2_512_256, .esn = true },
};
#define SUITES (sizeof(suites) / sizeof(suites[0]))

static void every_length_comes_back_as_it_went(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct pair p;
		struct frame f;
		uint8_t want[PAIR_BUF];
		pair_open(&p, suites[s]);
		for (size_t len = 28; len < 1500; len += len < 100 ? 1 : 97) {
			write_udp(want, len, PAIR_NET_A | 10, PAIR_NET_B | 20, 0x5a);
			packet_to_b(&p, &f, len);
			assert_true(f.p.udp_encap);
			assert_int_equal(0, f.p.len % 4);
			assert_int_equal(PAIR_SPI_B, get32(frame_data(&f)));
			assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
			assert_int_equal(len, f.p.len);
			assert_memory_equal(want, frame_data(&f), len);
		}
		pair_close(&p);
	}
}

static void a_burst_of_200_keeps_its_order_and_numbers(void **state)
{
	(void)state;
	enum { N = 200 };
	static struct frame f[N];
	static struct esp_packet pkts[N];
	struct pair p;
	pair_open(&p, gcm128_esn());
	for (size_t i = 0; i < N; i++) {
		frame_udp(&f[i], 100, PAIR_NET_A | 1, PAIR_NET_B | (i & 3), (uint8_t)i);
		pkts[i] = f[i].p;
	}
	esp_worker_outbound(p.a.w, PAIR_SECOND, pkts, N);
	for (size_t i = 0; i < N; i++)
		assert_int_equal(i + 1, get32(pkts[i].buf + pkts[i].off + 4));
	esp_worker_inbound(p.b.w, PAIR_SECOND, pkts, N);
	for (size_t i = 0; i < N; i++) {
		assert_int_equal(ESP_V_OK, pkts[i].verdict);
		assert_int_equal((uint8_t)i, pkts[i].buf[pkts[i].off + 40]);
	}
	const struct esp_child_stats out = stats_of(&p.a, PAIR_SPI_A),
				     in = stats_of(&p.b, PAIR_SPI_B);
	assert_int_equal(N, out.out_packets);
	assert_int_equal(N * 100, out.out_bytes);
	assert_int_equal(N + 1, out.seq_next);
	assert_int_equal(1000, out.last_out_ms);
	assert_int_equal(N, in.in_packets);
	assert_int_equal(N * 100, in.in_bytes);
	assert_int_equal(N, in.in_right_edge);
	assert_int_equal(N, esp_datapath_verdicts(p.a.dp, ESP_V_OK, 0));
	assert_int_equal(N, esp_datapath_verdicts(p.b.dp, ESP_V_OK, 1));
	pair_close(&p);
}

static void padding_and_trailer_are_as_rfc4303_says(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	struct esp_crypto *c = esp_crypto_new(0);
	pair_open(&p, suites[3]);
	const struct esp_transform *row = esp_transform_find(esp_transforms(), c, &suites[3]);
	const struct esp_key_params kp = { .keys = &p.to_b, .direction = ESP_OPEN, .workers = 1 };
	void *key = row->key_new(row, c, &kp);
	packet_to_b(&p, &f, 37);
	struct esp_op op = { .key = key, .esp = frame_data(&f), .text_len = 48 };
	assert_int_equal(8 + 16 + 48 + 16, f.p.len);
	row->open(row, c, &op, 1);
	assert_true(op.ok);
	const uint8_t *text = frame_data(&f) + 24;
	for (uint8_t i = 0; i < 9; i++)
		assert_int_equal(i + 1, text[37 + i]);
	assert_int_equal(9, text[46]);
	assert_int_equal(4, text[47]);
	row->key_free(row, key);
	esp_crypto_free(c);
	pair_close(&p);
}

static void linux_sends_what_we_can_open(void **state)
{
	(void)state;
	for (size_t s = 0; s < sizeof(linux_esp) / sizeof(linux_esp[0]); s++) {
		const struct esp_vector_set *set = &linux_esp[s];
		struct side side = side_new(1, NULL);
		struct esp_keys keys = { 0 };
		uint8_t raw[PAIR_BUF];
		const struct traffic_selector any = { .start = inet_v4(0),
						      .end = inet_v4(UINT32_MAX),
						      .port_end = 65535 };
		assert_int_equal(R_OK,
				 secret_set(&keys.encr, bytes(raw, unhex(set->encr_key, raw))));
		assert_int_equal(R_OK,
				 secret_set(&keys.integ, bytes(raw, unhex(set->integ_key, raw))));
		struct esp_child_params cp = {
			.spi_in = 0x00c0ffee,
			.spi_out = 0x1000,
			.keys_in = &keys,
			.keys_out = &keys,
			.transforms = { .encr = set->encr,
					.key_bits = set->key_bits,
					.integ = set->integ,
					.esn = set->esn },
			.local_ts = { .n = 1, .ts = { any } },
			.remote_ts = { .n = 1, .ts = { any } },
		};
		assert_int_equal(R_OK, esp_child_install(side.dp, &cp));
		side_activate(&side, 1);
		/* The kernel began just below 2^33: the right edge comes with the SA. */
		const struct esp_child_counters at = { .seq_next = 1,
						       .in_right_edge = set->packet[0].seq - 1 };
		assert_int_equal(R_OK, esp_child_resume(side.dp, cp.spi_in, &at));
		for (size_t i = 0; i < set->n; i++) {
			struct frame f;
			frame_start(&f, 0);
			f.p.len = (uint32_t)unhex(set->packet[i].esp, frame_data(&f));
			const size_t want = unhex(set->packet[i].plain, raw);
			assert_int_equal(ESP_V_OK, open_one(&side, PAIR_SECOND, &f));
			assert_int_equal(want, f.p.len);
			assert_memory_equal(raw, frame_data(&f), want);
		}
		assert_int_equal(set->packet[set->n - 1].seq,
				 stats_of(&side, cp.spi_in).in_right_edge);
		secret_wipe(&keys.encr);
		secret_wipe(&keys.integ);
		side_free(&side);
	}
}

static void every_changed_byte_is_refused_and_moves_no_window(void **state)
{
	(void)state;
	struct pair p;
	struct frame f, good;
	pair_open(&p, gcm128_esn());
	packet_to_b(&p, &good, 61);
	for (size_t bit = 0; bit < good.p.len * 8u; bit++) {
		f = good;
		f.p.buf = f.buf;
		frame_data(&f)[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		assert_int_not_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	}
	assert_int_equal(0, stats_of(&p.b, PAIR_SPI_B).in_right_edge);
	good.p.buf = good.buf;
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &good));
	pair_close(&p);
}

static void every_truncation_is_refused(void **state)
{
	(void)state;
	for (size_t s = 0; s < SUITES; s++) {
		struct pair p;
		struct frame f, good;
		pair_open(&p, suites[s]);
		packet_to_b(&p, &good, 61);
		for (uint32_t len = 0; len < good.p.len; len++) {
			f = good;
			f.p.buf = f.buf;
			f.p.len = len;
			assert_int_not_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
		}
		assert_int_equal(8, esp_datapath_verdicts(p.b.dp, ESP_V_SHORT, 1) -
					    stats_of(&p.b, PAIR_SPI_B).in_malformed +
					    esp_datapath_verdicts(p.b.dp, ESP_V_LENGTH, 1));
		pair_close(&p);
	}
}

static void replays_are_refused_in_a_burst_and_after(void **state)
{
	(void)state;
	struct pair p;
	struct frame good, f[3];
	struct esp_packet burst[3];
	pair_open(&p, gcm128_esn());
	packet_to_b(&p, &good, 100);
	for (size_t i = 0; i < 3; i++) {
		f[i] = good;
		f[i].p.buf = f[i].buf;
		burst[i] = f[i].p;
	}
	esp_worker_inbound(p.b.w, PAIR_SECOND, burst, 2);
	assert_int_equal(ESP_V_OK, burst[0].verdict);
	assert_int_equal(ESP_V_REPLAY, burst[1].verdict);
	esp_worker_inbound(p.b.w, PAIR_SECOND, &burst[2], 1);
	assert_int_equal(ESP_V_REPLAY, burst[2].verdict);
	assert_int_equal(2, stats_of(&p.b, PAIR_SPI_B).in_replayed);
	assert_int_equal(1, stats_of(&p.b, PAIR_SPI_B).in_packets);
	pair_close(&p);
}

/* ---- authentic packets with a wrong inside ---- */

/* Seals text (payload, padding, trailer) as a's next packet would be. */
static void forge(struct pair *p, struct frame *f, uint32_t seq, const uint8_t *text, size_t len)
{
	struct esp_crypto *c = esp_crypto_new(0);
	const struct esp_transform *row = esp_transform_find(esp_transforms(), c, &p->t);
	const struct esp_key_params kp = { .keys = &p->to_b, .direction = ESP_SEAL, .workers = 1 };
	void *key = row->key_new(row, c, &kp);
	frame_start(f, 16 + len + 16);
	put32(frame_data(f), PAIR_SPI_B);
	put32(frame_data(f) + 4, seq);
	put32(frame_data(f) + 8, 0);
	put32(frame_data(f) + 12, seq);
	memcpy(frame_data(f) + 16, text, len);
	struct esp_op op = {
		.key = key, .esp = frame_data(f), .text_len = (uint32_t)len, .esn = true
	};
	row->seal(row, c, &op, 1);
	assert_true(op.ok);
	row->key_free(row, key);
	esp_crypto_free(c);
}

static void wrong_trailers_are_told_apart(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	uint8_t text[64];
	uint32_t seq = 1;
	pair_open(&p, gcm128_esn());
	static const struct {
		uint8_t pad[2], pad_len, next_header;
		enum esp_verdict want;
	} row[] = {
		{ { 1, 2 }, 2, 4, ESP_V_OK },
		{ { 0, 0 }, 0, 4, ESP_V_OK }, /* two bytes of flow padding (RFC 4303 2.7) */
		{ { 1, 3 }, 2, 4, ESP_V_PADDING },
		{ { 0, 0 }, 2, 4, ESP_V_PADDING },
		{ { 1, 2 }, 63, 4, ESP_V_PADDING }, /* longer than the text */
		{ { 1, 2 }, 255, 4, ESP_V_PADDING },
		{ { 1, 2 }, 2, 59, ESP_V_DUMMY },
		{ { 1, 2 }, 2, 6, ESP_V_NEXT_HEADER },
		{ { 1, 2 }, 2, 41, ESP_V_NEXT_HEADER }, /* says IPv6, is IPv4 */
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		write_udp(text, 60, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
		text[60] = row[i].pad[0];
		text[61] = row[i].pad[1];
		text[62] = row[i].pad_len;
		text[63] = row[i].next_header;
		forge(&p, &f, seq++, text, sizeof(text));
		assert_int_equal(row[i].want, open_one(&p.b, PAIR_SECOND, &f));
		if (row[i].want == ESP_V_OK)
			assert_int_equal(60, f.p.len);
	}
	/* Inner length beyond the text. */
	write_udp(text, 60, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
	put16(text + 2, 61);
	memcpy(text + 60, (const uint8_t[]){ 1, 2, 2, 4 }, 4);
	forge(&p, &f, seq++, text, sizeof(text));
	assert_int_equal(ESP_V_LENGTH, open_one(&p.b, PAIR_SECOND, &f));
	/* A text of nothing but the trailer. */
	forge(&p, &f, seq++, (const uint8_t[]){ 1, 2, 2, 4 }, 4);
	assert_int_equal(ESP_V_LENGTH, open_one(&p.b, PAIR_SECOND, &f));
	/* All of them were authentic: each number is used up. */
	assert_int_equal(seq - 1, stats_of(&p.b, PAIR_SPI_B).in_right_edge);
	pair_close(&p);
}

/* RFC 4301 5.2: what comes out of an SA must be what the SA was negotiated for. */
static void inner_addresses_outside_the_selectors_are_refused(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	uint8_t text[64];
	static const uint32_t from_to[][2] = {
		{ PAIR_NET_B | 9, PAIR_NET_B | 1 },
		{ PAIR_NET_A | 9, PAIR_NET_A | 1 },
		{ PAIR_NET_A - 1, PAIR_NET_B | 1 },
		{ PAIR_NET_A | 1, PAIR_NET_B + 256 },
	};
	for (uint32_t i = 0; i < 4; i++) {
		write_udp(text, 60, from_to[i][0], from_to[i][1], 0);
		memcpy(text + 60, (const uint8_t[]){ 1, 2, 2, 4 }, 4);
		forge(&p, &f, i + 1, text, sizeof(text));
		assert_int_equal(ESP_V_SELECTOR, open_one(&p.b, PAIR_SECOND, &f));
	}
	assert_int_equal(4, stats_of(&p.b, PAIR_SPI_B).in_ts_refused);
	pair_close(&p);
}

/* RFC 6040 4.2, figure 4, by the numbers of the marks (ECT(1) is 1, ECT(0) is 2). Rows: inner ECN;
 * columns: outer ECN; 4 is a drop. */
static void congestion_marks_reach_the_inner_packet(void **state)
{
	(void)state;
	static const uint8_t want[4][4] = {
		{ 0, 0, 0, 4 },
		{ 1, 1, 1, 3 },
		{ 2, 1, 2, 3 },
		{ 3, 3, 3, 3 },
	};
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	for (uint8_t inner = 0; inner < 4; inner++) {
		for (uint8_t outer_ecn = 0; outer_ecn < 4; outer_ecn++) {
			frame_udp(&f, 100, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
			frame_data(&f)[1] = (uint8_t)(0xb8 | inner);
			put16(frame_data(&f) + 10, 0);
			put16(frame_data(&f) + 10, ip_checksum(frame_data(&f), 20));
			assert_int_equal(ESP_V_OK, seal_one(&p.a, PAIR_SECOND, &f));
			assert_int_equal(0xb8 | inner, f.p.tos);
			f.p.tos = (uint8_t)(0xb8 | outer_ecn);
			const enum esp_verdict v = open_one(&p.b, PAIR_SECOND, &f);
			assert_int_equal(want[inner][outer_ecn] == 4 ? ESP_V_ECN : ESP_V_OK, v);
			if (v == ESP_V_OK) {
				assert_int_equal(0xb8 | want[inner][outer_ecn], frame_data(&f)[1]);
				assert_int_equal(0, ip_checksum(frame_data(&f), 20));
			}
		}
	}
	pair_close(&p);
}

static void a_packet_that_does_not_fit_is_refused_whole(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	frame_udp(&f, 100, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
	f.p.cap = ESP_HEADROOM + 100 + 4;
	assert_int_equal(ESP_V_TOO_BIG, seal_one(&p.a, PAIR_SECOND, &f));
	frame_udp(&f, 100, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
	memmove(f.buf + 8, frame_data(&f), 100);
	f.p.off = 8;
	assert_int_equal(ESP_V_TOO_BIG, seal_one(&p.a, PAIR_SECOND, &f));
	assert_int_equal(1, stats_of(&p.a, PAIR_SPI_A).seq_next);
	pair_close(&p);
}

static void garbage_inside_is_not_ip(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	pair_open(&p, gcm128_esn());
	for (uint32_t len = 0; len < 28; len++) {
		frame_udp(&f, 28, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
		f.p.len = len;
		assert_int_equal(ESP_V_NOT_IP, seal_one(&p.a, PAIR_SECOND, &f));
	}
	frame_udp(&f, 28, PAIR_NET_A | 1, PAIR_NET_B | 1, 0);
	frame_data(&f)[0] = 0x44; /* header shorter than 20 bytes */
	assert_int_equal(ESP_V_NOT_IP, seal_one(&p.a, PAIR_SECOND, &f));
	frame_data(&f)[0] = 0x55;
	assert_int_equal(ESP_V_NOT_IP, seal_one(&p.a, PAIR_SECOND, &f));
	assert_int_equal(30, esp_datapath_verdicts(p.a.dp, ESP_V_NOT_IP, 0));
	pair_close(&p);
}

static void unknown_spi_is_counted_and_reported_at_a_limited_rate(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	struct esp_event ev;
	pair_open(&p, gcm128_esn());
	packet_to_b(&p, &f, 100);
	for (uint32_t spi = 0; spi < 300; spi++) {
		put32(frame_data(&f), spi);
		assert_int_equal(ESP_V_UNKNOWN_SPI, open_one(&p.b, PAIR_SECOND, &f));
	}
	assert_int_equal(300, esp_datapath_verdicts(p.b.dp, ESP_V_UNKNOWN_SPI, 1));
	assert_true(esp_worker_event(p.b.w, &ev));
	assert_int_equal(ESP_EVENT_UNKNOWN_SPI, ev.kind);
	assert_int_equal(0, ev.spi_in);
	assert_true(inet_endpoint_equal(&f.p.remote, &ev.remote));
	assert_false(esp_worker_event(p.b.w, &ev));
	pair_close(&p);
}

static void a_moved_peer_is_reported_by_its_newest_authentic_packet(void **state)
{
	(void)state;
	struct pair p;
	struct frame late, f;
	struct esp_event ev;
	pair_open(&p, gcm128_esn());
	packet_to_b(&p, &late, 100);
	packet_to_b(&p, &f, 100);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_false(esp_worker_event(p.b.w, &ev));
	late.p.remote = outer(99, 1024);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &late));
	assert_false(esp_worker_event(p.b.w, &ev));
	packet_to_b(&p, &f, 100);
	f.p.remote = outer(99, 1024);
	frame_data(&f)[30] ^= 1;
	assert_int_equal(ESP_V_ICV, open_one(&p.b, PAIR_SECOND, &f));
	assert_false(esp_worker_event(p.b.w, &ev));
	packet_to_b(&p, &f, 100);
	f.p.remote = outer(99, 1024);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_true(esp_worker_event(p.b.w, &ev));
	assert_int_equal(ESP_EVENT_PEER_MOVED, ev.kind);
	assert_int_equal(PAIR_SPI_B, ev.spi_in);
	assert_int_equal(1024, ev.remote.port);
	const struct inet_endpoint local = outer(2, 4500), moved = outer(99, 1024);
	assert_int_equal(R_OK, esp_child_move(p.b.dp, PAIR_SPI_B, &local, &moved, true));
	frame_udp(&f, 100, PAIR_NET_B | 1, PAIR_NET_A | 1, 0);
	assert_int_equal(ESP_V_OK, seal_one(&p.b, PAIR_SECOND, &f));
	assert_true(inet_endpoint_equal(&moved, &f.p.remote));
	pair_close(&p);
}

static void ipv6_travels_inside(void **state)
{
	(void)state;
	struct pair p;
	struct frame f;
	struct inet_addr first, last;
	uint8_t packet[64] = { 0x6b, 0x80, 0, 0, 0, 24, 17, 64 };
	const struct inet_prefix a6 = {
		.addr = { .family = INET_V6, .a = { 0x20, 1, 0x0d, 0xb8, 1 } }, .len = 48
	};
	const struct inet_prefix b6 = {
		.addr = { .family = INET_V6, .a = { 0x20, 1, 0x0d, 0xb8, 2 } }, .len = 48
	};
	pair_open_bare(&p, gcm128_esn());
	struct esp_policy policy = pair_policy(true);
	struct esp_child_params of_a = child_params(&p, true), of_b = child_params(&p, false);
	inet_prefix_range(&a6, &first, &last);
	const struct traffic_selector ts_a = { .start = first, .end = last, .port_end = 65535 };
	inet_prefix_range(&b6, &first, &last);
	const struct traffic_selector ts_b = { .start = first, .end = last, .port_end = 65535 };
	of_a.local_ts.ts[0] = of_b.remote_ts.ts[0] = policy.local = ts_a;
	of_a.remote_ts.ts[0] = of_b.local_ts.ts[0] = policy.remote = ts_b;
	assert_int_equal(R_OK, esp_spd_set(p.a.dp, &policy, 1));
	pair_install(&p, true, &of_a);
	pair_install(&p, false, &of_b);
	memcpy(packet + 8, ts_a.start.a, 16);
	memcpy(packet + 24, ts_b.start.a, 16);
	frame_start(&f, sizeof(packet));
	memcpy(frame_data(&f), packet, sizeof(packet));
	assert_int_equal(ESP_V_OK, seal_one(&p.a, PAIR_SECOND, &f));
	assert_int_equal(0xb8, f.p.tos);
	assert_int_equal(ESP_V_OK, open_one(&p.b, PAIR_SECOND, &f));
	assert_int_equal(sizeof(packet), f.p.len);
	assert_memory_equal(packet, frame_data(&f), sizeof(packet));
	pair_close(&p);
}

static void every_verdict_has_a_name_and_a_text(void **state)
{
	(void)state;
	for (int v = 0; v < ESP_V_COUNT_; v++) {
		assert_true(strlen(esp_verdict_name((enum esp_verdict)v)) > 0);
		assert_true(strlen(esp_verdict_text((enum esp_verdict)v)) > 0);
	}
	assert_string_equal("REPLAY", esp_verdict_name(ESP_V_REPLAY));
	assert_string_equal("UNKNOWN", esp_verdict_name(ESP_V_COUNT_));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_length_comes_back_as_it_went),
		cmocka_unit_test(a_burst_of_200_keeps_its_order_and_numbers),
		cmocka_unit_test(padding_and_trailer_are_as_rfc4303_says),
		cmocka_unit_test(linux_sends_what_we_can_open),
		cmocka_unit_test(every_changed_byte_is_refused_and_moves_no_window),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(replays_are_refused_in_a_burst_and_after),
		cmocka_unit_test(wrong_trailers_are_told_apart),
		cmocka_unit_test(inner_addresses_outside_the_selectors_are_refused),
		cmocka_unit_test(congestion_marks_reach_the_inner_packet),
		cmocka_unit_test(a_packet_that_does_not_fit_is_refused_whole),
		cmocka_unit_test(garbage_inside_is_not_ip),
		cmocka_unit_test(unknown_spi_is_counted_and_reported_at_a_limited_rate),
		cmocka_unit_test(a_moved_peer_is_reported_by_its_newest_authentic_packet),
		cmocka_unit_test(ipv6_travels_inside),
		cmocka_unit_test(every_verdict_has_a_name_and_a_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
