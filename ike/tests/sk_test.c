/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/payload.h"
#include "ike/tests/hex.h"
#include "ike/tests/wire.h"

static const struct {
	uint16_t encr, key_bits, integ;
} suites[] = {
	{ ENCR_AES_GCM_16, 128, 0 },
	{ ENCR_AES_GCM_16, 192, 0 },
	{ ENCR_AES_GCM_16, 256, 0 },
	{ ENCR_AES_GCM_12, 256, 0 },
	{ ENCR_AES_GCM_8, 128, 0 },
	{ ENCR_CHACHA20_POLY1305, 0, 0 },
	{ ENCR_AES_CBC, 128, AUTH_HMAC_SHA2_256_128 },
	{ ENCR_AES_CBC, 192, AUTH_HMAC_SHA2_384_192 },
	{ ENCR_AES_CBC, 256, AUTH_HMAC_SHA2_512_256 },
	{ ENCR_AES_CTR, 256, AUTH_HMAC_SHA2_256_128 },
	{ ENCR_3DES, 0, AUTH_HMAC_SHA1_96 },
};
#define N_SUITES (sizeof(suites) / sizeof(suites[0]))

static const uint8_t key_material[128] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
static const uint8_t iv_material[IKE_IV_MAX] = { 0x10, 0x02 };

struct fixture {
	struct ike_crypto *c;
	struct sk_key key;
	struct buf sealed, plain;
	struct ike_message m;
};

static void fixture_begin(struct fixture *f, size_t suite)
{
	*f = (struct fixture){ .c = ike_crypto_new() };
	f->key.encr = encr_row(suites[suite].encr, suites[suite].key_bits);
	f->key.integ = integ_row(suites[suite].integ);
	f->key.encr_key = bytes(key_material, (size_t)f->key.encr->key + f->key.encr->salt);
	f->key.integ_key = bytes(key_material, f->key.integ != NULL ? f->key.integ->key : 0);
}

static void fixture_end(struct fixture *f)
{
	buf_free(&f->sealed);
	buf_free(&f->plain);
	ike_crypto_free(f->c);
}

static struct sk_seal_input seal_input(const struct fixture *f, struct bytes payloads)
{
	return (struct sk_seal_input){
		.key = &f->key,
		.iv = bytes(iv_material, f->key.encr->iv),
		.header = { .spi_i = 1, .spi_r = 2, .exchange = INFORMATIONAL, .message_id = 3 },
		.first_payload = payloads.len > 0 ? PAYLOAD_NOTIFY : PAYLOAD_NONE,
		.payloads = payloads,
	};
}

static enum result open_datagram(struct fixture *f, struct bytes datagram)
{
	enum result res = ike_message_decode(datagram, &f->m);

	return res == R_OK ? sk_open(f->c, &f->key, &f->m, &f->plain) : res;
}

static void each_suite_opens_what_it_sealed(void **state)
{
	uint8_t payloads[100] = { 0, 0, 0, 100 };

	(void)state;
	for (size_t i = 0; i < N_SUITES; i++) {
		struct fixture f;

		fixture_begin(&f, i);
		for (size_t len = 0; len <= sizeof(payloads); len++) {
			struct sk_seal_input in = seal_input(&f, bytes(payloads, len));

			assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_OK);
			assert_int_equal(open_datagram(&f, buf_bytes(&f.sealed)), R_OK);
			assert_true(bytes_equal(buf_bytes(&f.plain), bytes(payloads, len)));
			assert_int_equal(f.m.header.message_id, 3);
		}
		fixture_end(&f);
	}
}

/* Flips and truncations change a decoded message's header too, so the integrity check
 * must be what refuses. */
static void nothing_opens_that_was_touched(void **state)
{
	uint8_t payloads[20] = { 0, 0, 0, 20 };

	(void)state;
	for (size_t i = 0; i < N_SUITES; i++) {
		struct fixture f;

		fixture_begin(&f, i);

		struct sk_seal_input in = seal_input(&f, bytes(payloads, sizeof(payloads)));

		assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_OK);
		for (size_t bit = 0; bit < 8 * f.sealed.len; bit++) {
			uint8_t *p = exact_copy(buf_bytes(&f.sealed), f.sealed.len);

			p[bit / 8] ^= (uint8_t)(1u << bit % 8);

			enum result res = open_datagram(&f, bytes(p, f.sealed.len));

			assert_int_not_equal(res, R_OK);
			if (bit / 8 >= f.m.sk.offset && f.m.sk.offset > 0)
				assert_int_equal(res, R_INTEGRITY);
			assert_null(f.plain.p);
			free(p);
		}
		fixture_end(&f);
	}
}

/* Lengths made consistent again after the cut: still not authentic, and never read past. */
static void every_truncation_of_sk_is_refused(void **state)
{
	uint8_t payloads[20] = { 0, 0, 0, 20 };

	(void)state;
	for (size_t i = 0; i < N_SUITES; i++) {
		struct fixture f;

		fixture_begin(&f, i);

		struct sk_seal_input in = seal_input(&f, bytes(payloads, sizeof(payloads)));

		assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_OK);
		for (size_t len = IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN; len < f.sealed.len;
		     len++) {
			uint8_t *p = exact_copy(buf_bytes(&f.sealed), len);

			p[IKE_LENGTH_AT + 3] = (uint8_t)len;
			p[IKE_HEADER_LEN + 3] = (uint8_t)(len - IKE_HEADER_LEN);
			assert_int_equal(open_datagram(&f, bytes(p, len)), R_INTEGRITY);
			free(p);
		}
		fixture_end(&f);
	}
}

/* RFC 7296 3.14: any padding that fills the block is allowed; one that exceeds the payload is
 * not. */
static void padding_length_that_lies_is_refused(void **state)
{
	uint8_t payloads[15] = { 0 };
	struct fixture f;

	(void)state;
	fixture_begin(&f, 6);

	uint8_t padding[48] = { 0 };
	struct sk_seal_input in = seal_input(&f, BYTES_NONE);

	in.padding = bytes(padding, 47);
	assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_OK);
	assert_int_equal(open_datagram(&f, buf_bytes(&f.sealed)), R_OK);
	assert_int_equal(f.plain.len, 0);
	in.padding = bytes(padding, 46);
	assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_VALUE);

	/* sealed by hand: one block, pad length 16 */
	payloads[14] = 0;
	in = seal_input(&f, bytes(payloads, 15));
	assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_OK);

	uint8_t block[16] = { [15] = 16 };
	size_t at = IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN;
	uint8_t mac[IKE_PRF_MAX];
	struct cipher_input ci = {
		.row = f.key.encr, .key = f.key.encr_key, .iv = in.iv, .in = bytes(block, 16)
	};
	struct bytes covered = bytes(f.sealed.p, at + 32);

	assert_int_equal(ike_cipher_seal(f.c, &ci, f.sealed.p + at + 16, NULL), R_OK);
	assert_int_equal(ike_integ(f.c, f.key.integ, f.key.integ_key, &covered, 1, mac), R_OK);
	memcpy(f.sealed.p + at + 32, mac, 16);
	assert_int_equal(open_datagram(&f, buf_bytes(&f.sealed)), R_LENGTH);
	assert_null(f.plain.p);
	fixture_end(&f);
}

static void wrong_iv_length_and_excess_are_refused(void **state)
{
	static uint8_t big[IKE_DATAGRAM_MAX];
	struct fixture f;

	(void)state;
	fixture_begin(&f, 2);

	struct sk_seal_input in = seal_input(&f, BYTES_NONE);

	in.iv.len = 7;
	assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_VALUE);
	in = seal_input(&f, bytes(big, sizeof(big) - 28 - 4 - 8 - 1 - 16));
	assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_OK);
	assert_int_equal(f.sealed.len, IKE_DATAGRAM_MAX);
	in.payloads.len++;
	assert_int_equal(sk_seal(f.c, &in, &f.sealed), R_TOO_LONG);
	fixture_end(&f);
}

static void message_without_sk_has_nothing_to_open(void **state)
{
	struct buf in = hex_buf("1122334455667788000000000000000000202208000000000000001c");
	struct fixture f;

	(void)state;
	fixture_begin(&f, 0);
	assert_int_equal(open_datagram(&f, buf_bytes(&in)), R_MISSING);
	buf_free(&in);
	fixture_end(&f);
}

/* Each side sends with the key of its role, whoever it is (RFC 7296 2.14). */
static void key_follows_role_and_direction(void **state)
{
	struct ike_sa_state sa = { .initiator = true,
				   .transforms = { .encr = ENCR_AES_GCM_16, .key_bits = 128 } };
	struct sk_key key;

	(void)state;
	assert_int_equal(secret_set(&sa.sk_ei, bytes(key_material, 20)), R_OK);
	assert_int_equal(secret_set(&sa.sk_er, bytes(key_material + 1, 20)), R_OK);
	assert_int_equal(sk_key_of(&sa, true, &key), R_OK);
	assert_ptr_equal(key.encr_key.p, sa.sk_ei.data);
	assert_int_equal(sk_key_of(&sa, false, &key), R_OK);
	assert_ptr_equal(key.encr_key.p, sa.sk_er.data);
	sa.initiator = false;
	assert_int_equal(sk_key_of(&sa, true, &key), R_OK);
	assert_ptr_equal(key.encr_key.p, sa.sk_er.data);
	sa.transforms.key_bits = 256;
	assert_int_equal(sk_key_of(&sa, true, &key), R_VALUE);
	sa.transforms.integ = AUTH_HMAC_SHA2_256_128;
	assert_int_equal(sk_key_of(&sa, true, &key), R_UNSUPPORTED);
	ike_sa_state_clear(&sa);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_suite_opens_what_it_sealed),
		cmocka_unit_test(nothing_opens_that_was_touched),
		cmocka_unit_test(every_truncation_of_sk_is_refused),
		cmocka_unit_test(padding_length_that_lies_is_refused),
		cmocka_unit_test(wrong_iv_length_and_excess_are_refused),
		cmocka_unit_test(message_without_sk_has_nothing_to_open),
		cmocka_unit_test(key_follows_role_and_direction),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
