/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wireshark's key tables (ikev2_decryption_table, esp_sa), off by default.
 * Each SA is appended when it is first seen; the directory and the files are
 * the operator's.
 */
#include "node/debug_keys.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/iana.h"
#include "node/world.h"

enum { SEEN_MAX = 65536 };

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

static const struct {
	uint16_t id, key_bits;
	const char *ike, *esp;
} ciphers[] = {
	{ ENCR_AES_GCM_16, 128, "AES-GCM-128 with 16 octet ICV [RFC5282]",
	  "AES-GCM with 16 octet ICV [RFC4106]" },
	{ ENCR_AES_GCM_16, 192, "AES-GCM-192 with 16 octet ICV [RFC5282]",
	  "AES-GCM with 16 octet ICV [RFC4106]" },
	{ ENCR_AES_GCM_16, 256, "AES-GCM-256 with 16 octet ICV [RFC5282]",
	  "AES-GCM with 16 octet ICV [RFC4106]" },
	{ ENCR_AES_CBC, 128, "AES-CBC-128 [RFC3602]", "AES-CBC [RFC3602]" },
	{ ENCR_AES_CBC, 192, "AES-CBC-192 [RFC3602]", "AES-CBC [RFC3602]" },
	{ ENCR_AES_CBC, 256, "AES-CBC-256 [RFC3602]", "AES-CBC [RFC3602]" },
};

static const struct {
	uint16_t id;
	const char *ike, *esp;
} macs[] = {
	{ AUTH_NONE, "NONE [RFC4306]", "NULL" },
	{ AUTH_HMAC_SHA2_256_128, "HMAC_SHA2_256_128 [RFC4868]", "HMAC-SHA-256-128 [RFC4868]" },
	{ AUTH_HMAC_SHA2_384_192, "HMAC_SHA2_384_192 [RFC4868]", "HMAC-SHA-384-192 [RFC4868]" },
	{ AUTH_HMAC_SHA2_512_256, "HMAC_SHA2_512_256 [RFC4868]", "HMAC-SHA-512-256 [RFC4868]" },
};

static const char *cipher_name(uint16_t id, uint16_t key_bits, bool esp)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++)
		if (ciphers[i].id == id && ciphers[i].key_bits == key_bits)
			return esp ? ciphers[i].esp : ciphers[i].ike;
	return NULL;
}

static const char *mac_name(uint16_t id, bool esp)
{
	for (size_t i = 0; i < sizeof(macs) / sizeof(macs[0]); i++)
		if (macs[i].id == id)
			return esp ? macs[i].esp : macs[i].ike;
	return NULL;
}

static void put_hex(struct text *t, const struct secret *s)
{
	for (size_t i = 0; i < s->len; i++)
		text_printf(t, "%02x", s->data[i]);
}

void debug_keys_ike_line(const struct ike_sa_state *s, struct text *out)
{
	const char *encr = cipher_name(s->transforms.encr, s->transforms.key_bits, false);
	const char *integ = mac_name(s->transforms.integ, false);

	if (!encr || !integ)
		return;
	text_printf(out, "%016" PRIx64 ",%016" PRIx64 ",", s->spi_i, s->spi_r);
	put_hex(out, &s->sk_ei);
	text_printf(out, ",");
	put_hex(out, &s->sk_er);
	text_printf(out, ",\"%s\",", encr);
	put_hex(out, &s->sk_ai);
	text_printf(out, ",");
	put_hex(out, &s->sk_ar);
	text_printf(out, ",\"%s\"\n", integ);
}

static void put_key(struct text *t, const struct secret *s)
{
	text_printf(t, s->len ? "\"0x" : "\"");
	put_hex(t, s);
	text_printf(t, "\"");
}

static void put_esp_line(struct text *t, const struct child_sa_state *s, bool inbound)
{
	const char *encr = cipher_name(s->transforms.encr, s->transforms.key_bits, true);
	const char *integ = mac_name(s->transforms.integ, true);
	const struct inet_addr *src = inbound ? &s->remote.addr : &s->local.addr;
	const struct inet_addr *dst = inbound ? &s->local.addr : &s->remote.addr;
	const struct esp_keys *k = inbound ? &s->keys_in : &s->keys_out;
	char from[INET_TEXT_MAX], to[INET_TEXT_MAX];

	if (!encr || !integ)
		return;
	text_printf(t, "\"%s\",\"%s\",\"%s\",\"0x%08" PRIx32 "\",\"%s\",",
		    src->family == INET_V6 ? "IPv6" : "IPv4", inet_text(src, from),
		    inet_text(dst, to), inbound ? s->spi_in : s->spi_out, encr);
	put_key(t, &k->encr);
	text_printf(t, ",\"%s\",", integ);
	put_key(t, &k->integ);
	text_printf(t, "\n");
}

void debug_keys_esp_lines(const struct child_sa_state *s, struct text *out)
{
	put_esp_line(out, s, true);
	put_esp_line(out, s, false);
}

/* A table that cannot be written is a debugging aid missing, no more. */
static void append(const struct world *w, const char *name, struct text *lines)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", w->options.export_keys_dir, name);
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0) {
		(void)!write(fd, text_string(lines), lines->len);
		close(fd);
	}
	text_free(lines);
}

static void export_ike(void *ctx, const struct ike_sa_state *s)
{
	struct text line = { 0 };

	if (!s->sk_ei.len || !first_time(s->spi_i ^ s->spi_r))
		return;
	debug_keys_ike_line(s, &line);
	append(ctx, "ikev2_decryption_table", &line);
}

static void export_child(void *ctx, const struct child_sa_state *s)
{
	struct text lines = { 0 };

	if (!s->keys_in.encr.len || !first_time(s->spi_in))
		return;
	debug_keys_esp_lines(s, &lines);
	append(ctx, "esp_sa", &lines);
}

void debug_keys_export(struct world *w)
{
	ike_each_sa(hf_core_engine(w->core), export_ike, w);
	ike_each_child(hf_core_engine(w->core), 0, export_child, w);
}
