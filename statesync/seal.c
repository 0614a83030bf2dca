/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sealing of every message to the cluster (R3), AES-256-GCM.
 *
 * A key belongs to one process start (its salt) in one slot, and its nonce is
 * a counter, so no nonce repeats. A receiver keeps the last sequence of each
 * origin for each way: messages and HELLOs come in CPG's order, snapshot chunks
 * by a channel of their own, acknowledgements directly as well, and none may
 * make another look old.
 *
 * A slot has one origin at a time, the one whose HELLO was taken last. Which
 * process it belongs to cannot be told here: a node that is started with the
 * slot of one that is cut off takes its place (R14), until that one is back.
 * So a salt that another one followed keeps its last sequences, and a HELLO
 * above them is heard.
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
#define PAST_MAX  16u

static const char key_label[] = "holdfast cluster";

enum channel { CHANNEL_CPG, CHANNEL_SNAPSHOT, CHANNEL_ACK, CHANNELS };

struct origin {
	struct secret key;   /* empty: no HELLO yet */
	EVP_CIPHER_CTX *ctx; /* to open; a key schedule of its own costs more than a message */
	uint8_t salt[SALT];
	uint64_t last[CHANNELS];
};

struct past_salt {
	uint8_t salt[SALT];
	uint64_t last[CHANNELS];
};

/*
 * Of one slot, the one that was current last at the end. From a new one, what has no more room is
 * told by the ring alone that its HELLO names.
 */
struct past {
	size_t n;
	struct past_salt list[PAST_MAX];
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
	uint64_t key_id; /* of our key, for on_seal */
	struct past past[SS_SLOTS];
	/* of the HELLO that was opened last, by another origin than the current one of its slot */
	struct origin other;
	uint8_t other_slot;
};

static size_t header_len(enum ss_envelope_kind kind)
{
	return kind == SS_ENV_HELLO ? HEADER + SALT : HEADER;
}

static enum channel channel_of(enum ss_envelope_kind kind)
{
	switch (kind) {
	case SS_ENV_SNAPSHOT:
		return CHANNEL_SNAPSHOT;
	case SS_ENV_ACK:
		return CHANNEL_ACK;
	default:
		return CHANNEL_CPG;
	}
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
	origin_clear(&s->other);
	secret_wipe(&s->failover_key);
	EVP_CIPHER_CTX_free(s->ctx);
	EVP_CIPHER_free(s->cipher);
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
	if (kind < SS_ENV_HELLO || kind > SS_ENV_ACK || h->slot >= SS_SLOTS)
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

static size_t past_find(const struct past *p, struct bytes salt)
{
	size_t i = 0;

	while (i < p->n && !bytes_equal(bytes(p->list[i].salt, SALT), salt))
		i++;
	return i;
}

static void past_remove(struct past *p, size_t i)
{
	p->n--;
	memmove(&p->list[i], &p->list[i + 1], (p->n - i) * sizeof(p->list[0]));
}

static void past_add(struct past *p, const struct origin *o)
{
	struct past_salt *added;

	if (p->n == PAST_MAX)
		past_remove(p, 0);
	added = &p->list[p->n++];
	memcpy(added->salt, o->salt, SALT);
	memcpy(added->last, o->last, sizeof(added->last));
}

/* Whom a HELLO with another salt than the current one would make; nothing before it authenticates. */
static enum result other_origin(const struct ss_sealer *s, uint8_t slot, struct bytes salt,
				struct origin *out)
{
	const struct past *p = &s->past[slot];
	size_t i = past_find(p, salt);

	if (i < p->n && hf_rule_broken(HF_RULE_PAST_SALT))
		return R_STALE;
	memcpy(out->salt, salt.p, SALT);
	if (i < p->n)
		memcpy(out->last, p->list[i].last, sizeof(out->last));
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
	struct origin *o;
	struct ss_opened h;
	struct bytes salt;
	enum result res = read_header(in, &h, &salt);

	*out = (struct ss_opened){ 0 };
	origin_clear(&s->other);
	if (res != R_OK)
		return res;
	o = &s->origins[h.slot];
	if (salt.len > 0 && (o->key.len == 0 || !bytes_equal(bytes(o->salt, SALT), salt))) {
		o = &s->other;
		s->other_slot = h.slot;
		res = other_origin(s, h.slot, salt, o);
	}
	if (res == R_OK)
		res = open_from(s, o, in, &h);
	if (res == R_OK && o == &s->other && h.slot == s->slot)
		res = R_EXISTS; /* R14: another process in our slot */
	if (res == R_OK)
		o->last[channel_of(h.kind)] = h.sequence;
	else
		origin_clear(&s->other);
	if (res == R_OK || res == R_EXISTS)
		*out = h;
	else
		ss_buf_wipe(&h.plain);
	return res;
}

void ss_sealer_take(struct ss_sealer *s)
{
	struct origin *o = &s->origins[s->other_slot];
	struct past *p = &s->past[s->other_slot];
	size_t i;

	if (s->other.key.len == 0)
		return;
	i = past_find(p, bytes(s->other.salt, SALT));
	if (i < p->n)
		past_remove(p, i);
	if (o->key.len > 0)
		past_add(p, o);
	origin_clear(o);
	*o = s->other;
	s->other = (struct origin){ 0 };
}
