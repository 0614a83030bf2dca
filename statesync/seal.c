/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing of every message to the cluster (R3), AES-256-GCM.
 *
 * A key belongs to one process start (its salt) in one slot, and its nonce is
 * a counter, so no nonce repeats. A receiver keeps the last sequence of each
 * origin twice: messages and HELLOs come in CPG's order, snapshot chunks by a
 * channel of their own, and neither may make the other look old.
 */
#include "statesync/statesync.h"

#include <stdlib.h>

#include <openssl/evp.h>

#include "base/broken_rule.h"
#include "base/must.h"
#include "base/wire_reader.h"
#include "base/wire_writer.h"
#include "statesync/key.h"

#define VERSION   1u
#define HEADER    24u
#define SALT      32u
#define TAG       16u
#define NONCE     12u
#define PLAIN_MAX (16u << 20)

static const char key_label[] = "holdfast cluster";

enum channel { CHANNEL_CPG, CHANNEL_SNAPSHOT, CHANNELS };

struct origin {
	struct secret key;   /* empty: no HELLO yet */
	EVP_CIPHER_CTX *ctx; /* to open; a key schedule of its own costs more than a message */
	uint8_t salt[SALT];
	uint64_t last[CHANNELS];
};

struct retired {
	uint8_t slot;
	uint8_t salt[SALT];
};

struct ss_sealer {
	struct secret failover_key;
	EVP_CIPHER *cipher;
	EVP_CIPHER_CTX *ctx; /* to seal */
	uint8_t slot;
	uint64_t sequence;               /* last one used */
	struct origin origins[SS_SLOTS]; /* ours too: CPG delivers it back */
	ss_seal_fn on_seal;
	void *on_seal_ctx;
	uint64_t key_id;         /* of our key, for on_seal */
	struct retired *retired; /* one per restart of a member: only its own HELLO adds one */
	size_t n_retired;
};

static size_t header_len(enum ss_envelope_kind kind)
{
	return kind == SS_ENV_HELLO ? HEADER + SALT : HEADER;
}

static enum channel channel_of(enum ss_envelope_kind kind)
{
	return kind == SS_ENV_SNAPSHOT ? CHANNEL_SNAPSHOT : CHANNEL_CPG;
}

static enum result derive(const struct ss_sealer *s, uint8_t slot, const uint8_t salt[SALT],
			  struct secret *out)
{
	uint8_t info[sizeof(key_label)];

	memcpy(info, key_label, sizeof(key_label) - 1);
	info[sizeof(key_label) - 1] = slot;
	return ss_hkdf(&s->failover_key, bytes(salt, SALT), bytes(info, sizeof(info)), out);
}

static void origin_clear(struct origin *o)
{
	secret_wipe(&o->key);
	EVP_CIPHER_CTX_free(o->ctx);
	*o = (struct origin){ 0 };
}

struct ss_sealer *ss_sealer_new(const struct secret *failover_key, uint8_t slot,
				const uint8_t salt[32])
{
	struct ss_sealer *s;

	if (failover_key->len < SS_KEY_LEN || slot >= SS_SLOTS)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (s == NULL)
		return NULL;
	s->slot = slot;
	s->cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	s->ctx = EVP_CIPHER_CTX_new();
	if (!hf_rule_broken(HF_RULE_SALT))
		memcpy(s->origins[slot].salt, salt, SALT);
	if (s->cipher == NULL || s->ctx == NULL ||
	    secret_copy(&s->failover_key, failover_key) != R_OK ||
	    derive(s, slot, s->origins[slot].salt, &s->origins[slot].key) != R_OK ||
	    EVP_EncryptInit_ex2(s->ctx, s->cipher, s->origins[slot].key.data, NULL, NULL) != 1) {
		ss_sealer_free(s);
		return NULL;
	}
	return s;
}

void ss_sealer_free(struct ss_sealer *s)
{
	if (s == NULL)
		return;
	for (size_t slot = 0; slot < SS_SLOTS; slot++)
		origin_clear(&s->origins[slot]);
	secret_wipe(&s->failover_key);
	EVP_CIPHER_CTX_free(s->ctx);
	EVP_CIPHER_free(s->cipher);
	free(s->retired);
	free(s);
}

void ss_sealer_watch(struct ss_sealer *s, ss_seal_fn on_seal, void *ctx)
{
	const struct secret *key = &s->origins[s->slot].key;
	uint8_t digest[32];

	must(EVP_Digest(key->data, key->len, digest, NULL, EVP_sha256(), NULL) == 1);
	memcpy(&s->key_id, digest, sizeof(s->key_id));
	s->on_seal = on_seal;
	s->on_seal_ctx = ctx;
}

/* The whole 64-bit sequence, in the low bytes. */
static void make_nonce(uint64_t sequence, uint8_t nonce[NONCE])
{
	struct wire_writer w = wire_writer(nonce, NONCE);

	wire_put_zero(&w, NONCE - sizeof(sequence));
	wire_put_u64(&w, sequence);
}

/* out: plain.len bytes of ciphertext, then the tag. */
static bool gcm_seal(struct ss_sealer *s, uint64_t sequence, struct bytes aad, struct bytes plain,
		     uint8_t *out)
{
	uint8_t nonce[NONCE];
	int n;

	make_nonce(sequence, nonce);
	return EVP_EncryptInit_ex2(s->ctx, NULL, NULL, nonce, NULL) == 1 &&
	       EVP_EncryptUpdate(s->ctx, NULL, &n, aad.p, (int)aad.len) == 1 &&
	       EVP_EncryptUpdate(s->ctx, out, &n, plain.p, (int)plain.len) == 1 &&
	       EVP_EncryptFinal_ex(s->ctx, out + plain.len, &n) == 1 &&
	       EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, TAG, out + plain.len) == 1;
}

static bool keyed(const struct ss_sealer *s, struct origin *o)
{
	if (o->ctx != NULL)
		return true;
	o->ctx = EVP_CIPHER_CTX_new();
	return o->ctx != NULL &&
	       EVP_DecryptInit_ex2(o->ctx, s->cipher, o->key.data, NULL, NULL) == 1;
}

static bool gcm_open(const struct ss_sealer *s, struct origin *o, uint64_t sequence,
		     struct bytes aad, struct bytes sealed, uint8_t *out)
{
	uint8_t nonce[NONCE];
	size_t len = sealed.len - TAG;
	void *tag = (void *)(sealed.p + len);
	int n;

	make_nonce(sequence, nonce);
	return keyed(s, o) && EVP_DecryptInit_ex2(o->ctx, NULL, NULL, nonce, NULL) == 1 &&
	       EVP_DecryptUpdate(o->ctx, NULL, &n, aad.p, (int)aad.len) == 1 &&
	       EVP_DecryptUpdate(o->ctx, out, &n, sealed.p, (int)len) == 1 &&
	       EVP_CIPHER_CTX_ctrl(o->ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
	       EVP_DecryptFinal_ex(o->ctx, out + len, &n) == 1;
}

enum result ss_seal(struct ss_sealer *s, enum ss_envelope_kind kind, uint32_t group, uint64_t term,
		    struct bytes plain, struct buf *out)
{
	size_t header = header_len(kind);
	struct buf sealed = { .len = header + plain.len + TAG };
	struct wire_writer w;

	if (plain.len > PLAIN_MAX)
		return R_TOO_LONG;
	sealed.p = malloc(sealed.len);
	if (sealed.p == NULL)
		return R_NO_MEMORY;
	s->sequence++; /* spent whatever comes: a nonce is never tried twice */
	w = wire_writer(sealed.p, header);
	wire_put_u8(&w, VERSION);
	wire_put_u8(&w, (uint8_t)kind);
	wire_put_u8(&w, s->slot);
	wire_put_u8(&w, 0);
	wire_put_u32(&w, group);
	wire_put_u64(&w, term);
	wire_put_u64(&w, s->sequence);
	if (kind == SS_ENV_HELLO)
		wire_put(&w, bytes(s->origins[s->slot].salt, SALT));
	if (!gcm_seal(s, s->sequence, wire_written(&w), plain, sealed.p + header)) {
		buf_free(&sealed);
		return R_CRYPTO;
	}
	if (s->on_seal != NULL)
		s->on_seal(s->on_seal_ctx, s->key_id, bytes(&s->sequence, sizeof(s->sequence)),
			   buf_bytes(&sealed));
	buf_move(out, &sealed);
	return R_OK;
}

uint64_t ss_sealer_sequence(const struct ss_sealer *s)
{
	return s->sequence;
}

/* The clear part; *salt is empty unless it is a HELLO. */
static enum result read_header(struct bytes in, struct ss_opened *h, struct bytes *salt)
{
	struct wire_reader r = wire_reader(in);
	uint8_t version = wire_u8(&r);
	uint8_t kind = wire_u8(&r);

	*h = (struct ss_opened){ .kind = (enum ss_envelope_kind)kind, .slot = wire_u8(&r) };
	wire_u8(&r); /* reserved: authenticated, ignored */
	h->group = wire_u32(&r);
	h->term = wire_u64(&r);
	h->sequence = wire_u64(&r);
	*salt = wire_take(&r, kind == SS_ENV_HELLO ? SALT : 0);
	if (wire_status(&r) != R_OK || wire_left(&r) < TAG)
		return R_SHORT;
	if (version != VERSION)
		return R_VERSION;
	if (kind < SS_ENV_HELLO || kind > SS_ENV_SNAPSHOT || h->slot >= SS_SLOTS)
		return R_VALUE;
	return in.len <= PLAIN_MAX + HEADER + SALT + TAG ? R_OK : R_TOO_LONG;
}

enum result ss_envelope_peek(struct bytes in, struct ss_opened *out)
{
	struct bytes salt;
	enum result res = read_header(in, out, &salt);

	if (res != R_OK)
		*out = (struct ss_opened){ 0 };
	return res;
}

static bool is_retired(const struct ss_sealer *s, uint8_t slot, struct bytes salt)
{
	for (size_t i = 0; i < s->n_retired; i++)
		if (s->retired[i].slot == slot &&
		    bytes_equal(bytes(s->retired[i].salt, SALT), salt))
			return true;
	return false;
}

/* R3: what one process start said is never heard again after it. */
static void retire(struct ss_sealer *s, uint8_t slot)
{
	struct origin *o = &s->origins[slot];
	struct retired *grown;

	if (o->key.len == 0)
		return;
	grown = reallocarray(s->retired, s->n_retired + 1, sizeof(*grown));
	/* 33 bytes per restart of a member: to go on without them is no choice */
	must(grown != NULL);
	s->retired = grown;
	s->retired[s->n_retired].slot = slot;
	memcpy(s->retired[s->n_retired].salt, o->salt, SALT);
	s->n_retired++;
	origin_clear(o);
}

/* Whom a HELLO with a salt that we do not know would make; nothing before it authenticates. */
static enum result new_origin(const struct ss_sealer *s, uint8_t slot, struct bytes salt,
			      struct origin *out)
{
	if (slot == s->slot)
		return R_EXISTS; /* R14: another process in our slot */
	if (is_retired(s, slot, salt))
		return R_STALE;
	memcpy(out->salt, salt.p, SALT);
	return derive(s, slot, out->salt, &out->key);
}

static enum result open_from(const struct ss_sealer *s, struct origin *o, struct bytes in,
			     struct ss_opened *h)
{
	size_t header = header_len(h->kind);
	size_t len = in.len - header - TAG;

	if (o->key.len == 0)
		return R_NOT_FOUND;
	if (h->sequence <= o->last[channel_of(h->kind)])
		return R_STALE;
	h->plain = (struct buf){ .p = malloc(len + 1), .len = len };
	if (h->plain.p == NULL)
		return R_NO_MEMORY;
	if (!gcm_open(s, o, h->sequence, bytes(in.p, header), bytes(in.p + header, len + TAG),
		      h->plain.p))
		return R_INTEGRITY;
	return R_OK;
}

enum result ss_open(struct ss_sealer *s, struct bytes in, struct ss_opened *out)
{
	struct origin fresh = { 0 };
	struct origin *o;
	struct ss_opened h;
	struct bytes salt;
	enum result res = read_header(in, &h, &salt);

	*out = (struct ss_opened){ 0 };
	if (res != R_OK)
		return res;
	o = &s->origins[h.slot];
	if (salt.len > 0 && (o->key.len == 0 || !bytes_equal(bytes(o->salt, SALT), salt))) {
		o = &fresh;
		res = new_origin(s, h.slot, salt, o);
	}
	if (res == R_OK)
		res = open_from(s, o, in, &h);
	if (res == R_OK) {
		o->last[channel_of(h.kind)] = h.sequence;
		*out = h;
	} else {
		ss_buf_wipe(&h.plain);
	}
	if (res == R_OK && o == &fresh) {
		retire(s, h.slot);
		s->origins[h.slot] = fresh;
	} else {
		origin_clear(&fresh);
	}
	return res;
}

void ss_sealer_forget(struct ss_sealer *s, uint8_t slot)
{
	if (slot < SS_SLOTS && slot != s->slot)
		retire(s, slot);
}
