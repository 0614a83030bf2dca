/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: SK{} under fixed keys. The low bits of the first byte of an
 * input choose the suite. Below 0x80 the rest is a datagram to open; from 0x80
 * on it is a chain (first the type of its first payload) that is sealed, so
 * that mutants come past the integrity check: it must open to the same bytes,
 * and is decoded.
 */
#include "ha-tests/fuzz/fuzz.h"

#include "base/must.h"
#include "ike/payload.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/ike_sk";

static const struct {
	uint16_t encr, key_bits, integ;
} suites[] = {
	{ ENCR_AES_GCM_16, 256, 0 },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128 },
	{ ENCR_CHACHA20_POLY1305, 0, 0 },
	{ ENCR_AES_CTR, 256, AUTH_HMAC_SHA2_512_256 },
};

static const uint8_t key_material[64] = { 1, 2, 3 };
static const uint8_t iv_material[IKE_IV_MAX] = { 4, 5, 6 };

static struct sk_key key_of(uint8_t choice)
{
	struct sk_key key = {
		.encr = encr_row(suites[choice % 4].encr, suites[choice % 4].key_bits),
		.integ = integ_row(suites[choice % 4].integ),
	};

	key.encr_key = bytes(key_material, (size_t)key.encr->key + key.encr->salt);
	key.integ_key = bytes(key_material, key.integ != NULL ? key.integ->key : 0);
	return key;
}

static void open_datagram(struct ike_crypto *c, const struct sk_key *key, struct bytes in)
{
	struct ike_message m;
	struct buf plain = { 0 };

	if (ike_message_decode(in, &m) == R_OK && sk_open(c, key, &m, &plain) == R_OK)
		(void)!ike_message_decode_inner(&m, buf_bytes(&plain));
	buf_free(&plain);
}

static void seal_chain(struct ike_crypto *c, const struct sk_key *key, struct bytes in)
{
	struct sk_seal_input si = {
		.key = key,
		.iv = bytes(iv_material, key->encr->iv),
		.header = { .spi_i = 1, .exchange = INFORMATIONAL },
		.first_payload = in.p[0],
		.payloads = bytes(in.p + 1, in.len - 1),
	};
	struct buf sealed = { 0 }, plain = { 0 };
	struct ike_message m;

	if (sk_seal(c, &si, &sealed) != R_OK)
		return;
	must(ike_message_decode(buf_bytes(&sealed), &m) == R_OK);
	must(sk_open(c, key, &m, &plain) == R_OK);
	must(bytes_equal(buf_bytes(&plain), si.payloads));
	(void)!ike_message_decode_inner(&m, buf_bytes(&plain));
	buf_free(&sealed);
	buf_free(&plain);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct ike_crypto *c;

	if (c == NULL)
		c = ike_crypto_new();
	must(c != NULL);
	if (size < 2)
		return 0;

	struct sk_key key = key_of(data[0]);

	if (data[0] < 0x80)
		open_datagram(c, &key, bytes(data + 1, size - 1));
	else
		seal_chain(c, &key, bytes(data + 1, size - 1));
	return 0;
}
