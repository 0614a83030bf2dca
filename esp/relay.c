/* SPDX-License-Identifier: Apache-2.0 */
/* Sealing, opening and setting up the relay of R19, see relay.h. */
#include "esp/relay.h"

#include <netinet/in.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/must.h"
#include "base/wire_reader.h"
#include "base/wire_writer.h"
#include "esp/datapath.h"

#define RELAY_WINDOW  1024u
#define RELAY_SALT_AT 4u /* in the header */
#define SECOND_NS     UINT64_C(1000000000)

static bool derive(const uint8_t key[RELAY_KEY_LEN], struct bytes salt, const char *label,
		   uint8_t *out, size_t len)
{
	char digest[] = "SHA2-256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)key, RELAY_KEY_LEN),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)(uintptr_t)salt.p,
						  salt.len),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, (void *)(uintptr_t)label,
						  strlen(label)),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
	const bool ok = ctx != NULL && EVP_KDF_derive(ctx, out, len, params) == 1;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return ok;
}

static bool derive_key(const uint8_t key[RELAY_KEY_LEN], const uint8_t salt[RELAY_SALT_LEN],
		       uint8_t out[RELAY_KEY_LEN])
{
	return derive(key, bytes(salt, RELAY_SALT_LEN), "holdfast relay", out, RELAY_KEY_LEN);
}

/* Both ends have it in their salts and nobody else can make it. */
static bool derive_mark(const uint8_t key[RELAY_KEY_LEN], uint8_t out[RELAY_MARK_LEN])
{
	static const uint8_t zero[RELAY_SALT_LEN];
	return derive(key, bytes(zero, sizeof(zero)), "holdfast relay mark", out, RELAY_MARK_LEN);
}

enum result relay_link_new(uint8_t group, uint8_t slot, const struct inet_endpoint *mate,
			   const struct secret *key, struct relay_link **out)
{
	if (key->len != RELAY_KEY_LEN)
		return R_VALUE;
	struct relay_link *link = calloc(1, sizeof(*link));
	if (link == NULL)
		return R_NO_MEMORY;
	link->mate = *mate;
	link->group = group;
	link->slot = slot;
	memcpy(link->key, key->data, sizeof(link->key));
	if (!replay_window_init(&link->seen, RELAY_WINDOW) ||
	    RAND_bytes(link->salt, sizeof(link->salt)) != 1 ||
	    !derive_mark(link->key, link->salt) ||
	    !derive_key(link->key, link->salt, link->send_key)) {
		relay_link_free(link);
		return R_CRYPTO;
	}
	*out = link;
	return R_OK;
}

void relay_link_free(void *p)
{
	struct relay_link *link = p;
	if (link == NULL)
		return;
	replay_window_free(&link->seen);
	wipe(link, sizeof(*link));
	free(link);
}

void relay_links_free(struct esp_group *g)
{
	relay_link_free(atomic_load_explicit(&g->relay, memory_order_relaxed));
	for (unsigned int i = 0; i < RELAY_BEFORE; i++)
		relay_link_free(atomic_load_explicit(&g->relay_before[i], memory_order_relaxed));
}

static bool is_marked(const struct relay_link *link, struct bytes datagram)
{
	return link != NULL && datagram.len >= RELAY_OVERHEAD &&
	       memcmp(datagram.p + RELAY_SALT_AT, link->salt, RELAY_MARK_LEN) == 0;
}

/* What was recorded then is worth nothing later. */
static bool has_ended(const struct relay_link *link, uint64_t now_ns)
{
	const uint64_t ended_ns = atomic_load_explicit(&link->ended_ns, memory_order_relaxed);
	return (link->heard_ns > ended_ns ? link->heard_ns : ended_ns) + RELAY_ENDS_NS <= now_ns;
}

struct relay_link *relay_link_of(struct esp_group *g, uint64_t now_ns, struct bytes datagram)
{
	struct relay_link *link = atomic_load_explicit(&g->relay, memory_order_acquire);
	if (is_marked(link, datagram))
		return link;
	for (unsigned int i = 0; i < RELAY_BEFORE; i++) {
		link = atomic_load_explicit(&g->relay_before[i], memory_order_acquire);
		if (is_marked(link, datagram))
			return has_ended(link, now_ns) ? NULL : link;
	}
	return NULL;
}

/* ---- one message ---- */

static void nonce_of(uint64_t counter, uint8_t nonce[12])
{
	struct wire_writer w = wire_writer(nonce, 12);
	wire_put_u32(&w, 0);
	wire_put_u64(&w, counter);
}

/* AES-256-GCM over body in place; the tag is written (sealing) or compared. */
static bool gcm(const uint8_t key[RELAY_KEY_LEN], uint64_t counter, int sealing, struct bytes aad,
		uint8_t *body, size_t body_len)
{
	uint8_t nonce[12];
	int len = 0;
	nonce_of(counter, nonce);
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	const bool ok = cipher != NULL && ctx != NULL &&
			EVP_CipherInit_ex2(ctx, cipher, key, nonce, sealing, NULL) == 1 &&
			(sealing || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, RELAY_TAG_LEN,
							body + body_len) == 1) &&
			EVP_CipherUpdate(ctx, NULL, &len, aad.p, (int)aad.len) == 1 &&
			EVP_CipherUpdate(ctx, body, &len, body, (int)body_len) == 1 &&
			EVP_CipherFinal_ex(ctx, body + len, &len) == 1 &&
			(!sealing || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, RELAY_TAG_LEN,
							 body + body_len) == 1);
	EVP_CIPHER_CTX_free(ctx);
	EVP_CIPHER_free(cipher);
	return ok;
}

static void put_endpoint(struct wire_writer *w, const struct inet_endpoint *e)
{
	wire_put_u8(w, e->addr.family);
	wire_put(w, bytes(e->addr.a, sizeof(e->addr.a)));
	wire_put_u16(w, e->port);
}

static struct inet_endpoint take_endpoint(struct wire_reader *r)
{
	struct inet_endpoint e = { .addr.family = wire_u8(r) };
	wire_copy(r, e.addr.a, sizeof(e.addr.a));
	e.port = wire_u16(r);
	return e;
}

enum result relay_seal(struct relay_link *link, const struct relay_message *m, uint8_t *out,
		       size_t cap, size_t *len)
{
	const uint64_t counter = atomic_fetch_add_explicit(&link->counter, 1,
							   memory_order_relaxed) +
				 1;
	struct wire_writer w = wire_writer(out, cap);
	wire_put_u8(&w, (uint8_t)m->kind);
	wire_put_u8(&w, m->group);
	wire_put_u8(&w, link->slot);
	wire_put_u8(&w, 0);
	wire_put(&w, bytes(link->salt, sizeof(link->salt)));
	wire_put_u64(&w, counter);
	put_endpoint(&w, &m->local);
	put_endpoint(&w, &m->remote);
	wire_put_u8(&w, m->tos);
	wire_put(&w, m->payload);
	const size_t body_len = w.len - RELAY_HEADER_LEN;
	wire_put_zero(&w, RELAY_TAG_LEN);
	if (wire_finish(&w) != R_OK)
		return R_TOO_LONG;
	if (!gcm(link->send_key, counter, 1, bytes(out, RELAY_HEADER_LEN), out + RELAY_HEADER_LEN,
		 body_len))
		return R_CRYPTO;
	*len = w.len;
	return R_OK;
}

int relay_peek_group(struct bytes datagram)
{
	return datagram.len >= RELAY_OVERHEAD ? datagram.p[1] : -1;
}

/* Is the datagram worth a decryption, and with which key? */
static enum result relay_key(struct relay_link *link, uint64_t now_ns, struct bytes salt,
			     uint64_t counter, uint8_t key[RELAY_KEY_LEN])
{
	if (memcmp(salt.p, link->salt, RELAY_MARK_LEN) != 0)
		return R_INTEGRITY;
	if (link->salt_known) {
		if (!bytes_equal(salt, bytes(link->peer_salt, RELAY_SALT_LEN)))
			return R_INTEGRITY;
		if (replay_check(&link->seen, counter) != REPLAY_FRESH)
			return R_DUPLICATE;
		memcpy(key, link->receive_key, RELAY_KEY_LEN);
		return R_OK;
	}
	if (link->tries == 0 || now_ns - link->tries_ns >= SECOND_NS) {
		link->tries_ns = now_ns;
		link->tries = 0;
	}
	if (link->tries >= RELAY_TRIES)
		return R_LIMIT;
	link->tries++;
	return derive_key(link->key, salt.p, key) ? R_OK : R_CRYPTO;
}

enum result relay_open(struct relay_link *link, uint64_t now_ns, uint8_t *datagram, size_t len,
		       struct relay_message *m)
{
	if (len < RELAY_OVERHEAD)
		return R_SHORT;
	struct wire_reader header = wire_reader(bytes(datagram, RELAY_HEADER_LEN));
	const uint8_t kind = wire_u8(&header);
	const uint8_t group = wire_u8(&header);
	wire_u16(&header);
	const struct bytes salt = wire_take(&header, RELAY_SALT_LEN);
	const uint64_t counter = wire_u64(&header);
	uint8_t key[RELAY_KEY_LEN];
	const enum result res = relay_key(link, now_ns, salt, counter, key);

	if (res != R_OK)
		return res;
	const size_t body_len = len - RELAY_HEADER_LEN - RELAY_TAG_LEN;
	const bool authentic = gcm(key, counter, 0, bytes(datagram, RELAY_HEADER_LEN),
				   datagram + RELAY_HEADER_LEN, body_len);
	if (authentic && !link->salt_known) {
		link->salt_known = true;
		memcpy(link->peer_salt, salt.p, RELAY_SALT_LEN);
		memcpy(link->receive_key, key, sizeof(key));
	}
	wipe(key, sizeof(key));
	if (!authentic || kind < RELAY_ESP || kind > RELAY_IKE)
		return R_INTEGRITY;
	if (replay_check(&link->seen, counter) != REPLAY_FRESH ||
	    replay_mark(&link->seen, replay_block(counter), replay_bit(counter), true) == 0)
		return R_DUPLICATE;
	link->heard_ns = now_ns;

	struct wire_reader r = wire_reader(bytes(datagram + RELAY_HEADER_LEN, body_len));
	*m = (struct relay_message){ .kind = (enum relay_kind)kind, .group = group };
	m->local = take_endpoint(&r);
	m->remote = take_endpoint(&r);
	m->tos = wire_u8(&r);
	m->payload = wire_take(&r, wire_left(&r));
	return wire_done(&r);
}

/* ---- control ---- */

/* The link that is not needed any more. A worker finds each other one at any moment, once or twice. */
static struct relay_link *link_replace(struct esp_group *g, uint64_t now_ns,
				       struct relay_link *link)
{
	struct relay_link *old = atomic_load_explicit(&g->relay, memory_order_relaxed);
	struct relay_link *gone = old;
	/* The same handover once more (it was taken back) has no stragglers of its own yet. */
	if (old != NULL && memcmp(old->salt, link->salt, RELAY_MARK_LEN) != 0) {
		gone = atomic_load_explicit(&g->relay_before[RELAY_BEFORE - 1],
					    memory_order_relaxed);
		atomic_store_explicit(&old->ended_ns, now_ns, memory_order_relaxed);
		for (unsigned int i = RELAY_BEFORE - 1; i > 0; i--) {
			struct relay_link *newer = atomic_load_explicit(&g->relay_before[i - 1],
									memory_order_relaxed);
			atomic_store_explicit(&g->relay_before[i], newer, memory_order_release);
		}
		atomic_store_explicit(&g->relay_before[0], old, memory_order_release);
	}
	atomic_store_explicit(&g->relay, link, memory_order_release);
	return gone;
}

enum result esp_relay_set(struct esp_datapath *dp, uint8_t group, uint64_t now_ns,
			  const struct inet_endpoint *mate, const struct secret *key)
{
	must(group < ESP_GROUPS_MAX);
	struct relay_link *link = NULL;
	const enum result res = relay_link_new(group, dp->slot, mate, key, &link);
	if (res != R_OK)
		return res;
	struct esp_group *g = &dp->group[group];
	struct relay_link *gone = link_replace(g, now_ns, link);
	stat_set(&g->straggler_ns, 0);
	datapath_retire(dp, gone, relay_link_free);
	datapath_reap(dp);
	return R_OK;
}

uint64_t esp_relay_idle_ms(struct esp_datapath *dp, uint8_t group, uint64_t now_ns)
{
	must(group < ESP_GROUPS_MAX);
	_Atomic uint64_t *straggler_ns = &dp->group[group].straggler_ns;
	uint64_t last = 0;
	if (atomic_compare_exchange_strong_explicit(straggler_ns, &last, stamp(now_ns),
						    memory_order_relaxed, memory_order_relaxed))
		return 0;
	return now_ns > last ? (now_ns - last) / 1000000 : 0;
}

enum result esp_relay_ike(struct esp_datapath *dp, uint8_t group, uint64_t now_ns, int relay_fd,
			  const struct esp_ike_datagram *d)
{
	must(group < ESP_GROUPS_MAX);
	stat_set(&dp->group[group].straggler_ns, stamp(now_ns));
	struct relay_link *link = atomic_load_explicit(&dp->group[group].relay,
						       memory_order_acquire);
	if (link == NULL)
		return R_NOT_FOUND;
	const struct relay_message m = { .kind = RELAY_IKE,
					 .group = group,
					 .local = d->local,
					 .remote = d->remote,
					 .payload = bytes(d->data, d->len) };
	uint8_t out[RELAY_OVERHEAD + sizeof(d->data)];
	size_t len = 0;
	const enum result res = relay_seal(link, &m, out, sizeof(out), &len);
	if (res != R_OK)
		return res;
	struct sockaddr_storage to;
	const socklen_t to_len = inet_to_sockaddr(&link->mate, &to);
	return sendto(relay_fd, out, len, MSG_DONTWAIT, (struct sockaddr *)&to, to_len) ==
			       (ssize_t)len
		       ? R_OK
		       : R_SYSTEM;
}
