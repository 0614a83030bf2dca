/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: packets into a worker. Of the first byte of an input the low
 * two bits choose what the rest is, the others the SA (a set of linux_esp):
 *   0 an ESP packet as it came   1 the text of an authentic one (payload,
 *   padding, trailer)            2 an inner packet to seal, and to open again
 *
 * What must hold: a packet that is delivered is an IP packet inside its buffer
 * and of the length that its header says; what was sealed opens to the same.
 */
#include "ha-tests/fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "esp/esp.h"
#include "esp/tests/fixtures/esp_packets.h"
#include "esp/tests/hex.h"
#include "esp/transform.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/esp_open";

enum {
	RAW,
	TEXT,
	INNER,
	SETS = sizeof(linux_esp) / sizeof(linux_esp[0]),
	SPI = 0x00c0ffee,
	INPUT_MAX = 4096
};

struct subject {
	const struct esp_vector_set *set;
	struct esp_transforms t;
	struct esp_keys keys;
	struct esp_datapath *dp;
	struct esp_worker *w;
};

/* An SA whose outbound packets come back in: it has one SPI and one key. */
static void install(struct subject *s)
{
	const struct traffic_selector any4 = { .start = inet_v4(0),
					       .end = inet_v4(UINT32_MAX),
					       .port_end = 65535 };
	struct traffic_selector any6 = any4;
	any6.start = any6.end = (struct inet_addr){ .family = INET_V6 };
	memset(any6.end.a, 0xff, sizeof(any6.end.a));
	const struct ts_list any = { .n = 2, .ts = { any4, any6 } };
	const struct esp_child_params p = {
		.spi_in = SPI,
		.spi_out = SPI,
		.udp_encap = true,
		.local_ts = any,
		.remote_ts = any,
		.transforms = s->t,
		.keys_in = &s->keys,
		.keys_out = &s->keys,
		.lease_end = UINT64_MAX,
		.seq_next = s->set->packet[0].seq,
	};
	const struct esp_policy policy[2] = {
		{ .action = ESP_PROTECT, .local = any4, .remote = any4 },
		{ .action = ESP_PROTECT, .local = any6, .remote = any6 },
	};
	/* The window starts just below the fixture's first packet. */
	const struct esp_child_counters at = { .seq_next = p.seq_next,
					       .in_right_edge = p.seq_next - 1 };
	must(esp_child_install(s->dp, &p) == R_OK);
	must(esp_child_use_outbound(s->dp, SPI) == R_OK);
	must(esp_child_resume(s->dp, SPI, &at) == R_OK);
	must(esp_spd_set(s->dp, policy, 2) == R_OK);
	esp_group_set(s->dp, 0, ESP_GROUP_ACTIVE, 0);
	esp_group_deadline(s->dp, 0, UINT64_MAX);
}

static struct subject subject(unsigned int which)
{
	const struct esp_datapath_config cfg = { .slot = 1, .workers = 1 };
	const struct esp_vector_set *set = &linux_esp[which % SETS];
	uint8_t raw[128];
	struct subject s = {
		.set = set,
		.t = { .encr = set->encr,
		       .key_bits = set->key_bits,
		       .integ = set->integ,
		       .esn = set->esn },
		.dp = esp_datapath_new(&cfg),
	};
	must(s.dp != NULL);
	s.w = esp_worker_new(s.dp, 0);
	must(s.w != NULL);
	must(secret_set(&s.keys.encr, bytes(raw, unhex(set->encr_key, raw))) == R_OK);
	must(secret_set(&s.keys.integ, bytes(raw, unhex(set->integ_key, raw))) == R_OK);
	install(&s);
	return s;
}

static void subject_free(struct subject *s)
{
	esp_worker_free(s->w);
	esp_datapath_free(s->dp);
	secret_wipe(&s->keys.encr);
	secret_wipe(&s->keys.integ);
}

/* A packet of exactly size bytes with room around it only where sealing needs it. */
static struct esp_packet packet(const uint8_t *data, size_t size, size_t around)
{
	struct esp_packet p = { .off = (uint32_t)around,
				.len = (uint32_t)size,
				.cap = (uint32_t)(size + 2 * around) };
	p.buf = malloc(p.cap > 0 ? p.cap : 1);
	must(p.buf != NULL);
	if (size > 0)
		memcpy(p.buf + p.off, data, size);
	return p;
}

static void open_packet(struct subject *s, struct esp_packet *p)
{
	esp_worker_inbound(s->w, 1, p, 1);
	if (p->verdict != ESP_V_OK)
		return;
	const uint8_t *ip = p->buf + p->off;
	must(p->off + p->len <= p->cap && p->len >= 20);
	if (ip[0] >> 4 == 4)
		must(p->len == ((size_t)ip[2] << 8 | ip[3]));
	else
		must(ip[0] >> 4 == 6 && p->len == 40 + ((size_t)ip[4] << 8 | ip[5]));
}

static void fuzz_raw(struct subject *s, const uint8_t *data, size_t size)
{
	struct esp_packet p = packet(data, size, 0);
	open_packet(s, &p);
	free(p.buf);
}

/* Sealed here with the SA's own key, so that everything behind the integrity check is reached. */
static void fuzz_text(struct subject *s, const uint8_t *text, size_t size)
{
	struct esp_crypto *c = esp_crypto_new(0);
	must(c != NULL);
	const struct esp_transform *row = esp_transform_find(esp_transforms(), c, &s->t);
	const struct esp_key_params kp = { .keys = &s->keys, .direction = ESP_SEAL, .workers = 1 };
	const uint64_t seq = s->set->packet[0].seq;
	const size_t head = esp_transform_head(row);
	size -= size % row->block;
	struct esp_packet p = packet(text, size, head + row->icv);
	uint8_t *esp = p.buf + p.off - head;
	const uint8_t header[8] = { 0,
				    0xc0,
				    0xff,
				    0xee,
				    (uint8_t)(seq >> 24),
				    (uint8_t)(seq >> 16),
				    (uint8_t)(seq >> 8),
				    (uint8_t)seq };
	memset(esp, 0, head);
	memcpy(esp, header, sizeof(header));
	struct esp_op op = { .key = row->key_new(row, c, &kp),
			     .esp = esp,
			     .text_len = (uint32_t)size,
			     .seq_hi = (uint32_t)(seq >> 32),
			     .esn = s->t.esn };
	row->seal(row, c, &op, 1);
	must(op.ok);
	row->key_free(row, op.key);
	esp_crypto_free(c);
	p.off -= (uint32_t)head;
	p.len = (uint32_t)(head + size + row->icv);
	open_packet(s, &p);
	must(p.verdict != ESP_V_ICV && p.verdict != ESP_V_REPLAY);
	free(p.buf);
}

static void fuzz_inner(struct subject *s, const uint8_t *data, size_t size)
{
	struct esp_packet p = packet(data, size, ESP_HEADROOM);
	esp_worker_outbound(s->w, 1, &p, 1);
	if (p.verdict == ESP_V_OK) {
		p.tos = 0;
		open_packet(s, &p);
		must(p.verdict == ESP_V_OK && p.len <= size);
		must(memcmp(p.buf + p.off, data, p.len) == 0);
	}
	free(p.buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const modes[])(struct subject *, const uint8_t *, size_t) = {
		[RAW] = fuzz_raw,
		[TEXT] = fuzz_text,
		[INNER] = fuzz_inner,
		[3] = fuzz_raw,
	};
	if (size == 0 || size > INPUT_MAX)
		return 0;
	struct subject s = subject(data[0] >> 2);
	modes[data[0] & 3](&s, data + 1, size - 1);
	subject_free(&s);
	return 0;
}
