/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one worker costs beyond the cipher: sealing and opening whole packets
 * (classification, numbers, framing, SPI look-up, replay window, selectors)
 * against bare libipsec-mb AES-128-GCM calls over the same bytes and keys.
 *
 * Contenders alternate within one run; a round's figure is the median time of
 * a burst, the result the median of the rounds. Nothing is asserted: the goals
 * printed beside the results are what a quiet machine should reach.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/iana.h"
#include "base/must.h"
#include "esp/esp.h"
#include "esp/transform.h"

#ifdef HAVE_IPSEC_MB

#include <intel-ipsec-mb.h>

enum { ROUNDS = 7, BURSTS = 3000, BUFFER = 2304, SAS_MAX = 1000, LINE = 64 };

struct sample {
	double seal_ns, open_ns; /* per packet */
};

struct bench {
	size_t sas;
	uint32_t len; /* of the inner packet, and of the bare cipher's text */
	struct esp_datapath *out, *in;
	struct esp_worker *w_out, *w_in;
	struct esp_packet packet[ESP_BURST];
	IMB_MGR *mb;
	struct gcm_key_data *seal_key, *open_key; /* one each per SA, as two directions have */
	uint16_t order[BURSTS][ESP_BURST];
	double seal_ns[BURSTS], open_ns[BURSTS];
};

static double now_ns(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

static double median(double *v, size_t n)
{
	qsort(v, n, sizeof(v[0]), compare);
	return v[n / 2];
}

/* ---- set-up ---- */

static struct traffic_selector range(uint32_t first, uint32_t last)
{
	return (struct traffic_selector){ .start = inet_v4(first),
					  .end = inet_v4(last),
					  .port_end = 65535 };
}

#define NET_OUT 0xc6336400u /* 198.51.100.0/24 */
#define NET_IN  0xc6120000u /* 198.18.0.0/15: host i is behind SA i */

static struct esp_child_params child(size_t i, bool out, const struct esp_keys *keys)
{
	const uint32_t host = NET_IN + (uint32_t)i;
	struct esp_child_params p = {
		.spi_in = (out ? 0x10000000u : 0x20000000u) + 7919u * (uint32_t)(i + 1),
		.spi_out = (out ? 0x20000000u : 0x10000000u) + 7919u * (uint32_t)(i + 1),
		.tunnel = (uint32_t)i,
		.udp_encap = true,
		.local = { .addr = inet_v4(out ? 0xc0000201 : 0xc0000202), .port = 4500 },
		.remote = { .addr = inet_v4(out ? 0xc0000202 : 0xc0000201), .port = 4500 },
		.transforms = { .encr = ENCR_AES_GCM_16, .key_bits = 128 },
		.keys_in = keys,
		.keys_out = keys,
		.lease_end = UINT32_MAX,
	};
	p.local_ts.n = p.remote_ts.n = 1;
	p.local_ts.ts[0] = out ? range(NET_OUT, NET_OUT | 255) : range(host, host);
	p.remote_ts.ts[0] = out ? range(host, host) : range(NET_OUT, NET_OUT | 255);
	return p;
}

static struct esp_datapath *datapath(struct bench *b, bool out)
{
	const struct esp_datapath_config cfg = { .slot = out ? 1 : 2,
						 .workers = 1,
						 .hash_seed = { 17 } };
	struct esp_datapath *dp = esp_datapath_new(&cfg);
	struct esp_policy *policy = calloc(b->sas, sizeof(*policy));
	must(dp != NULL && policy != NULL);
	esp_group_set(dp, 0, ESP_GROUP_ACTIVE, 0);
	esp_group_deadline(dp, 0, UINT64_MAX);
	for (size_t i = 0; i < b->sas; i++) {
		struct esp_keys keys = { 0 };
		uint8_t raw[20];
		memset(raw, (int)(i * 31 + 5), sizeof(raw));
		must(secret_set(&keys.encr, bytes(raw, sizeof(raw))) == R_OK);
		const struct esp_child_params p = child(i, out, &keys);
		policy[i] = (struct esp_policy){ .tunnel = p.tunnel,
						 .action = ESP_PROTECT,
						 .local = p.local_ts.ts[0],
						 .remote = p.remote_ts.ts[0] };
		must(esp_child_install(dp, &p) == R_OK);
		must(esp_child_use_outbound(dp, p.spi_in) == R_OK);
		IMB_AES128_GCM_PRE(b->mb, raw, out ? &b->seal_key[i] : &b->open_key[i]);
		secret_wipe(&keys.encr);
	}
	must(esp_spd_set(dp, policy, b->sas) == R_OK);
	free(policy);
	return dp;
}

static void write_header(struct esp_packet *p, uint32_t len, uint32_t to)
{
	uint8_t *ip = p->buf + p->off;
	const uint8_t header[28] = { 0x45,
				     0,
				     (uint8_t)(len >> 8),
				     (uint8_t)len,
				     0,
				     0,
				     0,
				     0,
				     63,
				     17,
				     0,
				     0,
				     198,
				     51,
				     100,
				     9,
				     (uint8_t)(to >> 24),
				     (uint8_t)(to >> 16),
				     (uint8_t)(to >> 8),
				     (uint8_t)to,
				     0x10,
				     0,
				     0x20,
				     0 };
	memcpy(ip, header, sizeof(header));
}

static struct gcm_key_data *key_array(size_t n)
{
	struct gcm_key_data *key = aligned_alloc(LINE, (n * sizeof(*key) + LINE - 1) / LINE * LINE);
	must(key != NULL);
	return key;
}

static struct bench *bench_new(size_t sas, uint32_t len)
{
	struct bench *b = calloc(1, sizeof(*b));
	must(b != NULL);
	b->sas = sas;
	b->len = len;
	b->mb = alloc_mb_mgr(0);
	must(b->mb != NULL);
	init_mb_mgr_auto(b->mb, NULL);
	b->seal_key = key_array(sas);
	b->open_key = key_array(sas);
	b->out = datapath(b, true);
	b->in = datapath(b, false);
	b->w_out = esp_worker_new(b->out, 0);
	b->w_in = esp_worker_new(b->in, 0);
	must(b->w_out != NULL && b->w_in != NULL);
	for (size_t i = 0; i < ESP_BURST; i++) {
		b->packet[i] = (struct esp_packet){ .buf = aligned_alloc(LINE, BUFFER),
						    .cap = BUFFER,
						    .off = ESP_HEADROOM,
						    .len = len };
		must(b->packet[i].buf != NULL);
		memset(b->packet[i].buf, (int)i, BUFFER);
	}
	for (size_t k = 0; k < BURSTS; k++)
		for (size_t i = 0; i < ESP_BURST; i++)
			b->order[k][i] = (uint16_t)((size_t)random() % sas);
	return b;
}

static void bench_free(struct bench *b)
{
	for (size_t i = 0; i < ESP_BURST; i++)
		free(b->packet[i].buf);
	esp_worker_free(b->w_out);
	esp_worker_free(b->w_in);
	esp_datapath_free(b->out);
	esp_datapath_free(b->in);
	free_mb_mgr(b->mb);
	free(b->seal_key);
	free(b->open_key);
	free(b);
}

/* ---- the contenders ---- */

/* Opening a packet in place brings it back to where sealing found it, so the buffers
 * go round and round. */
static struct sample whole_packets(struct bench *b)
{
	for (size_t k = 0; k < BURSTS; k++) {
		for (size_t i = 0; i < ESP_BURST; i++)
			write_header(&b->packet[i], b->len, NET_IN + b->order[k][i]);
		const double start = now_ns();
		esp_worker_outbound(b->w_out, 1, b->packet, ESP_BURST);
		const double middle = now_ns();
		for (size_t i = 0; i < ESP_BURST; i++) {
			must(b->packet[i].verdict == ESP_V_OK);
			b->packet[i].remote = b->packet[i].local;
		}
		const double again = now_ns();
		esp_worker_inbound(b->w_in, 1, b->packet, ESP_BURST);
		const double end = now_ns();
		for (size_t i = 0; i < ESP_BURST; i++)
			must(b->packet[i].verdict == ESP_V_OK && b->packet[i].len == b->len);
		b->seal_ns[k] = (middle - start) / ESP_BURST;
		b->open_ns[k] = (end - again) / ESP_BURST;
	}
	return (struct sample){ median(b->seal_ns, BURSTS), median(b->open_ns, BURSTS) };
}

static struct sample bare_cipher(struct bench *b)
{
	struct gcm_context_data context;
	uint8_t nonce[12] = { 1 }, aad[8] = { 2 }, tag[16];
	for (size_t k = 0; k < BURSTS; k++) {
		for (size_t i = 0; i < ESP_BURST; i++)
			write_header(&b->packet[i], b->len, NET_IN + b->order[k][i]);
		const double start = now_ns();
		for (size_t i = 0; i < ESP_BURST; i++) {
			uint8_t *text = b->packet[i].buf + ESP_HEADROOM;
			IMB_AES128_GCM_ENC(b->mb, &b->seal_key[b->order[k][i]], &context, text,
					   text, b->len, nonce, aad, sizeof(aad), tag, sizeof(tag));
		}
		const double middle = now_ns();
		for (size_t i = 0; i < ESP_BURST; i++) {
			uint8_t *text = b->packet[i].buf + ESP_HEADROOM;
			IMB_AES128_GCM_DEC(b->mb, &b->open_key[b->order[k][i]], &context, text,
					   text, b->len, nonce, aad, sizeof(aad), tag, sizeof(tag));
		}
		const double end = now_ns();
		b->seal_ns[k] = (middle - start) / ESP_BURST;
		b->open_ns[k] = (end - middle) / ESP_BURST;
	}
	return (struct sample){ median(b->seal_ns, BURSTS), median(b->open_ns, BURSTS) };
}

/* ---- the table ---- */

static double gbit(uint32_t len, double ns)
{
	return (double)len * 8 / ns;
}

static void compare_at(size_t sas, uint32_t len, const char *goal)
{
	struct bench *b = bench_new(sas, len);
	double seal[ROUNDS], open[ROUNDS], both[ROUNDS], raw_seal[ROUNDS], raw_open[ROUNDS];
	for (size_t r = 0; r < ROUNDS; r++) {
		const struct sample raw = bare_cipher(b), ours = whole_packets(b);
		raw_seal[r] = raw.seal_ns;
		raw_open[r] = raw.open_ns;
		seal[r] = raw.seal_ns / ours.seal_ns;
		open[r] = raw.open_ns / ours.open_ns;
		both[r] = (raw.seal_ns + raw.open_ns) / (ours.seal_ns + ours.open_ns);
	}
	const double rs = median(raw_seal, ROUNDS), ro = median(raw_open, ROUNDS);
	const double s = median(seal, ROUNDS), o = median(open, ROUNDS);
	printf("%5zu %6u   %6.1f / %-6.1f   %6.1f / %-6.1f   %4.0f %%  %4.0f %%  %4.0f %%   %s\n",
	       sas, len, rs, ro, gbit(len, rs / s), gbit(len, ro / o), 100 * s, 100 * o,
	       100 * median(both, ROUNDS), goal);
	bench_free(b);
}

static const char *architecture(void)
{
	static const char *const name[IMB_ARCH_NUM] = { [IMB_ARCH_SSE] = "SSE",
							[IMB_ARCH_AVX] = "AVX",
							[IMB_ARCH_AVX2] = "AVX2",
							[IMB_ARCH_AVX512] = "AVX512" };
	IMB_MGR *mb = alloc_mb_mgr(0);
	IMB_ARCH arch = IMB_ARCH_NONE;
	must(mb != NULL);
	init_mb_mgr_auto(mb, &arch);
	free_mb_mgr(mb);
	return name[arch] != NULL ? name[arch] : "no AES-NI";
}

int main(void)
{
	static const struct {
		size_t sas;
		uint32_t len;
		const char *goal; /* gate / stretch for both directions together */
	} row[] = {
		{ 1, 64, "70 / 90" },       { 1, 576, "-" },       { 1, 1400, "93 / 140" },
		{ SAS_MAX, 64, "65 / 80" }, { SAS_MAX, 576, "-" }, { SAS_MAX, 1400, "90 / 130" },
	};
	printf("One worker, AES-128-GCM, SAs in random order, against bare ipsec-mb (%s); medians of %d rounds.\n"
	       "The goals (gate / stretch, both directions) were set on a machine without VAES-AVX512.\n",
	       architecture(), ROUNDS);
	printf("  SAs  bytes   bare ns enc/dec   Gbit/s encap/decap   encap   decap    both   goal %%\n");
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		compare_at(row[i].sas, row[i].len, row[i].goal);
	return 0;
}

#else

int main(void)
{
	printf("bench_esp: built without libipsec-mb, there is nothing to compare with\n");
	return 0;
}

#endif
