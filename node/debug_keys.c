/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wireshark's key tables (ikev2_decryption_table, esp_sa), for debugging only
 * and off by default: whoever reads them reads the traffic. One line per SA
 * when it is first seen; the directory and the files are the operator's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/iana.h"
#include "node/world.h"

enum { SEEN_MAX = 65536, HEX_MAX = 2 * SECRET_MAX + 1 };

static uint64_t seen[SEEN_MAX];
static size_t n_seen;

static bool first_time(uint64_t spi)
{
	for (size_t i = 0; i < n_seen; i++)
		if (seen[i] == spi)
			return false;
	if (n_seen == SEEN_MAX)
		return false;
	seen[n_seen++] = spi;
	return true;
}

static const char *hex(const struct secret *s, char out[HEX_MAX])
{
	size_t at = 0;

	out[0] = 0;
	for (size_t i = 0; i < s->len && at + 3 <= HEX_MAX; i++)
		at += (size_t)snprintf(out + at, 3, "%02x", s->data[i]);
	return out;
}

static FILE *table(const struct world *w, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->options.export_keys_dir, name);
	mode_t before = umask(077);
	FILE *f = fopen(path, "ae");
	umask(before);
	return f;
}

/* The names are those of Wireshark's menus. */
static const char *ike_encr(const struct ike_transforms *t)
{
	switch (t->encr) {
	case ENCR_AES_GCM_16:
		return t->key_bits == 256 ? "AES-GCM-256 with 16 octet ICV [RFC5282]" :
		       t->key_bits == 192 ? "AES-GCM-192 with 16 octet ICV [RFC5282]" :
					    "AES-GCM-128 with 16 octet ICV [RFC5282]";
	case ENCR_AES_CBC:
		return t->key_bits == 256 ? "AES-CBC-256 [RFC3602]" : t->key_bits == 192 ? "AES-CBC-192 [RFC3602]" :
											   "AES-CBC-128 [RFC3602]";
	default:
		return "NULL [RFC2410]";
	}
}

static const char *ike_integ(const struct ike_transforms *t)
{
	switch (t->integ) {
	case AUTH_HMAC_SHA2_256_128: return "HMAC_SHA2_256_128 [RFC4868]";
	case AUTH_HMAC_SHA2_384_192: return "HMAC_SHA2_384_192 [RFC4868]";
	case AUTH_HMAC_SHA2_512_256: return "HMAC_SHA2_512_256 [RFC4868]";
	default: return "NONE [RFC4306]";
	}
}

static void export_ike(void *ctx, const struct ike_sa_state *s)
{
	struct world *w = ctx;
	char ei[HEX_MAX], er[HEX_MAX], ai[HEX_MAX], ar[HEX_MAX];

	if (!s->sk_ei.len || !first_time(s->spi_i ^ s->spi_r))
		return;
	FILE *f = table(w, "ikev2_decryption_table");
	if (!f)
		return;
	fprintf(f, "%016" PRIx64 ",%016" PRIx64 ",%s,%s,\"%s\",%s,%s,\"%s\"\n", s->spi_i, s->spi_r,
		hex(&s->sk_ei, ei), hex(&s->sk_er, er), ike_encr(&s->transforms), hex(&s->sk_ai, ai),
		hex(&s->sk_ar, ar), ike_integ(&s->transforms));
	fclose(f);
}

static const char *esp_integ(uint16_t integ)
{
	switch (integ) {
	case AUTH_HMAC_SHA2_256_128: return "HMAC-SHA-256-128 [RFC4868]";
	case AUTH_HMAC_SHA2_384_192: return "HMAC-SHA-384-192 [RFC4868]";
	case AUTH_HMAC_SHA2_512_256: return "HMAC-SHA-512-256 [RFC4868]";
	default: return "NULL";
	}
}

static void esp_line(FILE *f, const struct child_sa_state *s, bool inbound)
{
	char from[INET_TEXT_MAX], to[INET_TEXT_MAX], encr[HEX_MAX], integ[HEX_MAX];
	const struct inet_addr *src = inbound ? &s->remote.addr : &s->local.addr;
	const struct inet_addr *dst = inbound ? &s->local.addr : &s->remote.addr;
	const struct esp_keys *k = inbound ? &s->keys_in : &s->keys_out;

	fprintf(f, "\"%s\",\"%s\",\"%s\",\"0x%08x\",\"%s\",\"0x%s\",\"%s\",\"%s%s\"\n",
		src->family == INET_V6 ? "IPv6" : "IPv4", inet_text(src, from), inet_text(dst, to),
		inbound ? s->spi_in : s->spi_out,
		s->transforms.encr == ENCR_AES_GCM_16 ? "AES-GCM with 16 octet ICV [RFC4106]" : "AES-CBC [RFC3602]",
		hex(&k->encr, encr), esp_integ(s->transforms.integ), k->integ.len ? "0x" : "", hex(&k->integ, integ));
}

static void export_child(void *ctx, const struct child_sa_state *s)
{
	struct world *w = ctx;

	if (!s->keys_in.encr.len || !first_time(s->spi_in))
		return;
	FILE *f = table(w, "esp_sa");
	if (!f)
		return;
	esp_line(f, s, true);
	esp_line(f, s, false);
	fclose(f);
}

void debug_keys_export(struct world *w)
{
	ike_each_sa(hf_core_engine(w->core), export_ike, w);
	ike_each_child(hf_core_engine(w->core), 0, export_child, w);
}
