/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/keymat.h"
#include "ike/tests/hex.h"

static int setup(void **state)
{
	*state = ike_crypto_new();
	return *state != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	ike_crypto_free(*state);
	return 0;
}

struct hmac_vector {
	uint16_t prf;
	const char *key, *data, *mac;
};

/* RFC 4231 4.2, 4.3; RFC 2202 for the weak rows */
static const struct hmac_vector hmac_vectors[] = {
	{ PRF_HMAC_SHA2_256, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ PRF_HMAC_SHA2_384, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "afd03944d84895626b0825f4ab46907f15f9dadbe4101ec682aa034c7cebc59c"
	  "faea9ea9076ede7f4af152e8b2fa9cb6" },
	{ PRF_HMAC_SHA2_512, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	  "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde"
	  "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854" },
	{ PRF_HMAC_SHA2_256, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ PRF_HMAC_SHA2_384, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
	  "8e2240ca5e69e2c78b3239ecfab21649" },
	{ PRF_HMAC_SHA2_512, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
	  "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737" },
	{ PRF_HMAC_SHA1, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79" },
	{ PRF_HMAC_MD5, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	  "750c783e6ab0b503eaa86e310a5db738" },
};

static void prf_is_hmac_of_rfc4231(void **state)
{
	for (size_t i = 0; i < sizeof(hmac_vectors) / sizeof(hmac_vectors[0]); i++) {
		const struct hmac_vector *v = &hmac_vectors[i];
		struct buf key = hex_buf(v->key), data = hex_buf(v->data);
		struct bytes parts[] = { bytes(data.p, 3), BYTES_NONE,
					 bytes(data.p + 3, data.len - 3) };
		uint8_t out[IKE_PRF_MAX];

		assert_int_equal(ike_prf(*state, v->prf, buf_bytes(&key), parts, 3, out), R_OK);
		assert_true(hex_equal(bytes(out, prf_row(v->prf)->len), v->mac));
		buf_free(&key);
		buf_free(&data);
	}
}

/* RFC 4868 2.7.2.1: AUTH vectors are truncated. */
static void integrity_is_truncated_hmac_of_rfc4868(void **state)
{
	static const struct {
		uint16_t id;
		size_t key, icv;
		const char *mac;
	} v[] = {
		{ AUTH_HMAC_SHA2_256_128, 32, 16, "198a607eb44bfbc69903a0f1cf2bbdc5" },
		{ AUTH_HMAC_SHA2_384_192, 48, 24,
		  "b6a8d5636f5c6a7224f9977dcf7ee6c7fb6d0c48cbdee973" },
		{ AUTH_HMAC_SHA2_512_256, 64, 32,
		  "637edc6e01dce7e6742a99451aae82df23da3e92439e590e43e761b33e910fb8" },
	};

	for (size_t i = 0; i < 3; i++) {
		const struct integ_row *row = integ_row(v[i].id);
		struct bytes data = bytes("Hi There", 8);
		uint8_t key[64], out[IKE_PRF_MAX];

		memset(key, 0x0b, sizeof(key));
		assert_int_equal(row->key, v[i].key);
		assert_int_equal(row->icv, v[i].icv);
		assert_int_equal(ike_integ(*state, row, bytes(key, row->key), &data, 1, out), R_OK);
		assert_true(hex_equal(bytes(out, row->icv), v[i].mac));
	}
}

static void empty_key_is_refused(void **state)
{
	struct bytes data = bytes("x", 1);
	uint8_t out[IKE_PRF_MAX];

	assert_int_equal(ike_prf(*state, PRF_HMAC_SHA2_256, BYTES_NONE, &data, 1, out), R_VALUE);
	assert_int_equal(ike_prf(*state, 4, data, &data, 1, out), R_UNSUPPORTED);
}

static void hashes_are_those_of_fips180(void **state)
{
	struct bytes parts[] = { bytes("a", 1), bytes("bc", 2) };
	uint8_t sha1[SHA1_LEN], sha256[SHA256_LEN];

	assert_int_equal(ike_sha1(*state, parts, 2, sha1), R_OK);
	assert_true(
		hex_equal(bytes(sha1, sizeof(sha1)), "a9993e364706816aba3e25717850c26c9cd0d89d"));
	assert_int_equal(ike_sha256(*state, parts, 2, sha256), R_OK);
	assert_true(hex_equal(bytes(sha256, sizeof(sha256)),
			      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

/* RFC 7296 2.13: T1 = prf(K, S | 1), T2 = prf(K, T1 | S | 2), ... */
static void prf_plus_chains_its_blocks(void **state)
{
	struct bytes key = bytes("key of prf+", 11), seed = bytes("seed", 4);
	uint8_t t[IKE_PRF_MAX] = { 0 };
	SECRET out = { 0 };

	assert_int_equal(keymat_prf_plus(*state, PRF_HMAC_SHA2_256, key, seed, 80, &out), R_OK);
	assert_int_equal(out.len, 80);
	for (size_t at = 0, i = 1; at < 80; at += 32, i++) {
		uint8_t n = (uint8_t)i;
		struct bytes parts[] = { bytes(t, at == 0 ? 0 : 32), seed, bytes(&n, 1) };

		assert_int_equal(ike_prf(*state, PRF_HMAC_SHA2_256, key, parts, 3, t), R_OK);
		assert_memory_equal(out.data + at, t, 80 - at < 32 ? 80 - at : 32);
	}
}

static void prf_plus_ends_at_255_blocks(void **state)
{
	struct bytes key = bytes("k", 1);
	SECRET out = { 0 };

	/* 1024 is the most that one secret holds; MD5 blocks make 255 of them 4080 */
	assert_int_equal(keymat_prf_plus(*state, PRF_HMAC_MD5, key, key, 255 * 16 + 1, &out),
			 R_TOO_LONG);
	assert_int_equal(keymat_prf_plus(*state, PRF_HMAC_SHA2_256, key, key, SECRET_MAX, &out),
			 R_OK);
	assert_int_equal(keymat_prf_plus(*state, 99, key, key, 16, &out), R_UNSUPPORTED);
	assert_int_equal(out.len, 0);
}

static void child_keymat_without_pfs_differs_from_with(void **state)
{
	uint8_t raw[32] = { 1 };
	SECRET sk_d = { 0 };
	SECRET shared = { 0 };
	struct esp_keys i[2] = { 0 }, r[2] = { 0 };
	struct keymat_child_input in = {
		.prf = PRF_HMAC_SHA2_256,
		.sk_d = &sk_d,
		.ni = bytes(raw, 32),
		.nr = bytes(raw, 16),
		.transforms = { .encr = ENCR_AES_CBC,
				.key_bits = 128,
				.integ = AUTH_HMAC_SHA2_256_128 },
	};

	assert_int_equal(secret_set(&sk_d, bytes(raw, sizeof(raw))), R_OK);
	assert_int_equal(secret_set(&shared, bytes(raw, sizeof(raw))), R_OK);
	assert_int_equal(keymat_child(*state, &in, &i[0], &r[0]), R_OK);
	in.shared = &shared;
	assert_int_equal(keymat_child(*state, &in, &i[1], &r[1]), R_OK);
	assert_int_equal(i[0].encr.len, 16);
	assert_int_equal(i[0].integ.len, 32);
	assert_false(secret_equal(&i[0].encr, &i[1].encr));
	assert_false(secret_equal(&i[0].encr, &r[0].encr));
	in.transforms.integ = 0; /* CBC alone is not a suite */
	assert_int_equal(keymat_child(*state, &in, &i[1], &r[1]), R_UNSUPPORTED);
	in.transforms = (struct esp_transforms){ .encr = ENCR_AES_GCM_16, .key_bits = 256 };
	assert_int_equal(keymat_child(*state, &in, &i[1], &r[1]), R_OK);
	assert_int_equal(i[1].encr.len, 36);
	assert_int_equal(i[1].integ.len, 0);
	for (size_t k = 0; k < 2; k++) {
		secret_wipe(&i[k].encr);
		secret_wipe(&i[k].integ);
		secret_wipe(&r[k].encr);
		secret_wipe(&r[k].integ);
	}
}

static void absent_psk_proves_nothing(void **state)
{
	uint8_t raw[32] = { 1 };
	SECRET psk = { 0 };
	SECRET sk_p = { 0 };
	struct auth_octets in = { .message = bytes(raw, 32),
				  .nonce = bytes(raw, 16),
				  .id = bytes(raw, 8),
				  .sk_p = &sk_p };
	struct auth_value value;

	assert_int_equal(secret_set(&sk_p, bytes(raw, sizeof(raw))), R_OK);
	assert_int_equal(auth_psk(*state, PRF_HMAC_SHA2_256, &psk, &in, &value), R_AUTH_FAILED);
}

/* RFC 8247 2: each row that must be there, and its sizes. */
static void rows_have_the_sizes_of_their_rfcs(void **state)
{
	(void)state;
	assert_int_equal(encr_row(ENCR_AES_GCM_16, 256)->key, 32);
	assert_int_equal(encr_row(ENCR_AES_GCM_16, 256)->salt, 4);
	assert_int_equal(encr_row(ENCR_AES_GCM_16, 128)->icv, 16);
	assert_int_equal(encr_row(ENCR_AES_CBC, 192)->iv, 16);
	assert_int_equal(encr_row(ENCR_CHACHA20_POLY1305, 0)->key, 32);
	assert_null(encr_row(ENCR_AES_CBC, 0));
	assert_null(encr_row(ENCR_CHACHA20_POLY1305, 256));
	assert_null(encr_row(ENCR_DES, 0));
	assert_true(encr_row(ENCR_3DES, 0)->weak);
	assert_true(prf_row(PRF_HMAC_SHA1)->weak);
	assert_false(prf_row(PRF_HMAC_SHA2_256)->weak);
	assert_null(integ_row(AUTH_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prf_is_hmac_of_rfc4231),
		cmocka_unit_test(integrity_is_truncated_hmac_of_rfc4868),
		cmocka_unit_test(empty_key_is_refused),
		cmocka_unit_test(hashes_are_those_of_fips180),
		cmocka_unit_test(prf_plus_chains_its_blocks),
		cmocka_unit_test(prf_plus_ends_at_255_blocks),
		cmocka_unit_test(child_keymat_without_pfs_differs_from_with),
		cmocka_unit_test(absent_psk_proves_nothing),
		cmocka_unit_test(rows_have_the_sizes_of_their_rfcs),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
