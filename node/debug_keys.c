/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Wireshark's key tables (ikev2_decryption_table, esp_sa), off by default.
 * Each SA is appended when it is first seen. The directory is the operator's;
 * the files are opened once, at the start, and only if nobody else can have
 * laid them there or can read them.
 */
#include "node/debug_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hashmap.h"
#include "base/iana.h"
#include "node/world.h"

/* From here on those that live are written once more: the memory is bounded. */
enum { SEEN_MAX = 65536 };

static struct {
	int ike, esp; /* the tables */
	uint8_t seed[16];
	struct hashmap *seen;
} out = { .ike = -1, .esp = -1 };

static bool first_time(uint64_t spi)
{
	if (out.seen && hashmap_count(out.seen) >= SEEN_MAX) {
		hashmap_free(out.seen, NULL);
		out.seen = NULL;
	}
	if (!out.seen)
		out.seen = hashmap_new(out.seed);
	return out.seen && hashmap_insert(out.seen, bytes(&spi, sizeof(spi)), &out) == R_OK;
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

void debug_keys_ike_line(const struct ike_sa_state *s, struct text *t)
{
	const char *encr = cipher_name(s->transforms.encr, s->transforms.key_bits, false);
	const char *integ = mac_name(s->transforms.integ, false);

	if (!encr || !integ)
		return;
	text_printf(t, "%016" PRIx64 ",%016" PRIx64 ",", s->spi_i, s->spi_r);
	put_hex(t, &s->sk_ei);
	text_printf(t, ",");
	put_hex(t, &s->sk_er);
	text_printf(t, ",\"%s\",", encr);
	put_hex(t, &s->sk_ai);
	text_printf(t, ",");
	put_hex(t, &s->sk_ar);
	text_printf(t, ",\"%s\"\n", integ);
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

void debug_keys_esp_lines(const struct child_sa_state *s, struct text *t)
{
	put_esp_line(t, s, true);
	put_esp_line(t, s, false);
}

/* NULL when the open file is a regular one, ours, with one name, and for our eyes only. */
static const char *fault_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "expected a regular file";
	if (st.st_uid != geteuid())
		return "expected a file that belongs to the user of holdfastd";
	if (st.st_mode & 077)
		return "expected mode 0600: others must not read keys";
	if (st.st_nlink != 1)
		return "expected a file with one name, not a hard link";
	return NULL;
}

enum result debug_keys_file(const char *dir, const char *name, int *fd, char why[200])
{
	char path[512];

	*fd = -1;
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= (int)sizeof(path)) {
		snprintf(why, 200, "--export-keys: the name of the directory is too long");
		return R_TOO_LONG;
	}
	/* O_NONBLOCK: a FIFO must not keep us waiting for its reader. */
	*fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	const char *fault = *fd < 0 ? errno == ELOOP ? "expected a file, not a symbolic link"
						     : strerror(errno)
				    : fault_of(*fd);
	if (!fault)
		return R_OK;
	snprintf(why, 200, "--export-keys: %.100s: %s", path, fault);
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	return R_SYSTEM;
}

enum result debug_keys_open(const char *dir, char why[200])
{
	enum result res = debug_keys_file(dir, "ikev2_decryption_table", &out.ike, why);

	if (res == R_OK)
		res = debug_keys_file(dir, "esp_sa", &out.esp, why);
	if (res == R_OK && RAND_bytes(out.seed, sizeof(out.seed)) != 1)
		res = R_CRYPTO;
	return res;
}

void debug_keys_close(void)
{
	if (out.ike >= 0)
		close(out.ike);
	if (out.esp >= 0)
		close(out.esp);
	out.ike = out.esp = -1;
	hashmap_free(out.seen, NULL);
	out.seen = NULL;
}

/* A line that cannot be written is a debugging aid missing, no more. */
static void append(int fd, struct text *lines)
{
	if (fd >= 0)
		(void)!write(fd, text_string(lines), lines->len);
	text_free(lines);
}

static void export_ike(void *ctx, const struct ike_sa_state *s)
{
	struct text line = { 0 };

	(void)ctx;
	if (!s->sk_ei.len || !first_time(s->spi_i ^ s->spi_r))
		return;
	debug_keys_ike_line(s, &line);
	append(out.ike, &line);
}

static void export_child(void *ctx, const struct child_sa_state *s)
{
	struct text lines = { 0 };

	(void)ctx;
	if (!s->keys_in.encr.len || !first_time(s->spi_in))
		return;
	debug_keys_esp_lines(s, &lines);
	append(out.esp, &lines);
}

void debug_keys_export(struct world *w)
{
	ike_each_sa(hf_core_engine(w->core), export_ike, w);
	ike_each_child(hf_core_engine(w->core), 0, export_child, w);
}
