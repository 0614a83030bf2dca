/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/bn.h>

#include "ike/jobs.h"
#include "ike/tests/hex.h"

static const uint16_t all_groups[] = { DH_MODP_1536, DH_MODP_2048, DH_MODP_3072, DH_MODP_4096,
				       DH_ECP_256,   DH_ECP_384,   DH_ECP_521,   DH_CURVE25519 };

static struct ike_job *run_job(enum ike_job_kind kind, uint16_t group, struct bytes private_key,
			       struct bytes peer)
{
	struct ike_job *job = ike_job_new(kind, group, peer);

	assert_non_null(job);
	assert_int_equal(secret_set(&job->private_key, private_key), R_OK);
	ike_job_run(job);
	return job;
}

static void expect_agreement(uint16_t group, const char *private_hex, const char *peer_hex,
			     const char *shared_hex)
{
	struct buf private_key = hex_buf(private_hex), peer = hex_buf(peer_hex);
	struct ike_job *job = run_job(JOB_DH_AGREE, group, buf_bytes(&private_key),
				      buf_bytes(&peer));

	assert_int_equal(job->result, R_OK);
	assert_true(hex_equal(secret_bytes(&job->shared), shared_hex));
	ike_job_free(job);
	buf_free(&private_key);
	buf_free(&peer);
}

static void rfc5903_8_and_rfc7748_6_1(void **state)
{
	static const struct {
		uint16_t group;
		const char *i, *gi, *r, *gr, *gir;
	} v[] = {
		{ DH_ECP_256, "c88f01f510d9ac3f70a292daa2316de544e9aab8afe84049c62a9c57862d1433",
		  "dad0b65394221cf9b051e1feca5787d098dfe637fc90b9ef945d0c3772581180"
		  "5271a0461cdb8252d61f1c456fa3e59ab1f45b33accf5f58389e0577b8990bb3",
		  "c6ef9c5d78ae012a011164acb397ce2088685d8f06bf9be0b283ab46476bee53",
		  "d12dfb5289c8d4f81208b70270398c342296970a0bccb74c736fc7554494bf63"
		  "56fbf3ca366cc23e8157854c13c58d6aac23f046ada30f8353e74f33039872ab",
		  "d6840f6b42f6edafd13116e0e12565202fef8e9ece7dce03812464d04b9442de" },
		{ DH_ECP_384,
		  "099f3c7034d4a2c699884d73a375a67f7624ef7c6b3c0f160647b67414dce655"
		  "e35b538041e649ee3faef896783ab194",
		  "667842d7d180ac2cde6f74f37551f55755c7645c20ef73e31634fe72b4c55ee6"
		  "de3ac808acb4bdb4c88732aee95f41aa"
		  "9482ed1fc0eeb9cafc4984625ccfc23f65032149e0e144ada024181535a0f38e"
		  "eb9fcff3c2c947dae69b4c634573a81c",
		  "41cb0779b4bdb85d47846725fbec3c9430fab46cc8dc5060855cc9bda0aa2942"
		  "e0308312916b8ed2960e4bd55a7448fc",
		  "e558dbef53eecde3d3fccfc1aea08a89a987475d12fd950d83cfa41732bc509d"
		  "0d1ac43a0336def96fda41d0774a3571"
		  "dcfbec7aacf3196472169e838430367f66eebe3c6e70c416dd5f0c68759dd1ff"
		  "f83fa40142209dff5eaad96db9e6386c",
		  "11187331c279962d93d604243fd592cb9d0a926f422e47187521287e7156c5c4"
		  "d603135569b9e9d09cf5d4a270f59746" },
		{ DH_ECP_521,
		  "0037ade9319a89f4dabdb3ef411aaccca5123c61acab57b5393dce47608172a0"
		  "95aa85a30fe1c2952c6771d937ba9777f5957b2639bab072462f68c27a57382d4a52",
		  "0015417e84dbf28c0ad3c278713349dc7df153c897a1891bd98bab4357c9ecbe"
		  "e1e3bf42e00b8e380aeae57c2d107564941885942af5a7f4601723c4195d176ced3e"
		  "017cae20b6641d2eeb695786d8c946146239d099e18e1d5a514c739d7cb4a10a"
		  "d8a788015ac405d7799dc75e7b7d5b6cf2261a6a7f1507438bf01beb6ca3926f9582",
		  "0145ba99a847af43793fdd0e872e7cdfa16be30fdc780f97bccc3f078380201e"
		  "9c677d600b343757a3bdbf2a3163e4c2f869cca7458aa4a4effc311f5cb151685eb9",
		  "00d0b3975ac4b799f5bea16d5e13e9af971d5e9b984c9f39728b5e5739735a21"
		  "9b97c356436adc6e95bb0352f6be64a6c2912d4ef2d0433ced2b6171640012d9460f"
		  "015c68226383956e3bd066e797b623c27ce0eac2f551a10c2c724d9852077b87"
		  "220b6536c5c408a1d2aebb8e86d678ae49cb57091f4732296579ab44fcd17f0fc56a",
		  "01144c7d79ae6956bc8edb8e7c787c4521cb086fa64407f97894e5e6b2d79b04"
		  "d1427e73ca4baa240a34786859810c06b3c715a3a8cc3151f2bee417996d19f3ddea" },
		{ DH_CURVE25519, "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
		  "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
		  "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
		  "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
		  "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		expect_agreement(v[i].group, v[i].i, v[i].gr, v[i].gir);
		expect_agreement(v[i].group, v[i].r, v[i].gi, v[i].gir);
	}
}

/* 3^5 mod p is 243 in any of these groups: RFC 7296 2.14 pads it to the prime. */
static void modp_shared_secret_is_padded_to_the_prime(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all_groups) / sizeof(all_groups[0]); i++) {
		const struct dh_row *row = dh_row(all_groups[i]);
		uint8_t y[512] = { 0 }, five = 5;

		if (row->kind != DH_KIND_MODP)
			continue;
		y[row->public_len - 1] = 3;

		struct ike_job *job = run_job(JOB_DH_AGREE, row->id, bytes(&five, 1),
					      bytes(y, row->public_len));

		assert_int_equal(job->result, R_OK);
		assert_int_equal(job->shared.len, row->public_len);
		for (size_t k = 0; k + 1 < job->shared.len; k++)
			assert_int_equal(job->shared.data[k], 0);
		assert_int_equal(job->shared.data[job->shared.len - 1], 243);
		ike_job_free(job);
	}
}

/* R1: the private key of an outstanding request goes to another node as bytes. */
static void exported_private_key_agrees_on_another_node(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all_groups) / sizeof(all_groups[0]); i++) {
		uint16_t group = all_groups[i];
		struct ike_job *ours = run_job(JOB_DH_KEYGEN, group, BYTES_NONE, BYTES_NONE);
		struct ike_job *peer, *taken_over;

		assert_int_equal(ours->result, R_OK);
		assert_int_equal(ours->public_key.len, dh_row(group)->public_len);
		assert_int_equal(ours->shared.len, 0);
		peer = run_job(JOB_DH_KEYGEN_AND_AGREE, group, BYTES_NONE,
			       buf_bytes(&ours->public_key));
		assert_int_equal(peer->result, R_OK);
		assert_int_equal(peer->shared.len, dh_row(group)->shared_len);
		taken_over = run_job(JOB_DH_AGREE, group, secret_bytes(&ours->private_key),
				     buf_bytes(&peer->public_key));
		assert_int_equal(taken_over->result, R_OK);
		assert_true(secret_equal(&taken_over->shared, &peer->shared));
		ike_job_free(ours);
		ike_job_free(peer);
		ike_job_free(taken_over);
	}
}

static void expect_refused(uint16_t group, struct bytes peer)
{
	struct ike_job *job = run_job(JOB_DH_KEYGEN_AND_AGREE, group, BYTES_NONE, peer);

	assert_int_equal(job->result, R_PUBLIC_VALUE);
	assert_int_equal(job->shared.len, 0);
	assert_int_equal(job->public_key.len, 0);
	ike_job_free(job);
}

static void expect_modp_refused(const BIGNUM *y)
{
	uint8_t raw[256];

	assert_int_equal(BN_bn2binpad(y, raw, sizeof(raw)), sizeof(raw));
	expect_refused(DH_MODP_2048, bytes(raw, sizeof(raw)));
}

/* RFC 6989 2.1: 1 < y < p - 1. */
static void modp_values_at_the_edges_are_refused(void **state)
{
	BIGNUM *p = BN_get_rfc3526_prime_2048(NULL), *y = BN_new();
	uint8_t raw[256], five = 5;
	struct ike_job *job;

	(void)state;
	for (BN_ULONG v = 0; v <= 1; v++) {
		assert_true(BN_set_word(y, v));
		expect_modp_refused(y);
	}
	expect_modp_refused(p);
	assert_true(BN_copy(y, p) && BN_add_word(y, 2));
	expect_modp_refused(y);
	assert_true(BN_copy(y, p) && BN_sub_word(y, 1));
	expect_modp_refused(y);
	/* the neighbours are good */
	assert_true(BN_sub_word(y, 1));
	assert_int_equal(BN_bn2binpad(y, raw, sizeof(raw)), sizeof(raw));
	job = run_job(JOB_DH_AGREE, DH_MODP_2048, bytes(&five, 1), bytes(raw, sizeof(raw)));
	assert_int_equal(job->result, R_OK);
	ike_job_free(job);
	BN_free(p);
	BN_free(y);
}

/* RFC 6989 2.3 */
static void points_off_the_curve_are_refused(void **state)
{
	static const uint16_t groups[] = { DH_ECP_256, DH_ECP_384, DH_ECP_521 };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct ike_job *job = run_job(JOB_DH_KEYGEN, groups[i], BYTES_NONE, BYTES_NONE);
		struct buf point = { 0 };
		uint8_t zero[132] = { 0 };

		assert_true(buf_set(&point, buf_bytes(&job->public_key)));
		point.p[point.len - 1] ^= 1;
		expect_refused(groups[i], buf_bytes(&point));
		memset(point.p, 0xff, point.len); /* coordinates beyond the field */
		expect_refused(groups[i], buf_bytes(&point));
		expect_refused(groups[i], bytes(zero, point.len));
		buf_free(&point);
		ike_job_free(job);
	}
}

/* RFC 8031 3: points of low order give zero. */
static void x25519_results_of_zero_are_refused(void **state)
{
	static const char *const low_order[] = {
		"0000000000000000000000000000000000000000000000000000000000000000",
		"0100000000000000000000000000000000000000000000000000000000000000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct buf point = hex_buf(low_order[i]);

		expect_refused(DH_CURVE25519, buf_bytes(&point));
		buf_free(&point);
	}
}

static void public_values_of_a_wrong_length_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all_groups) / sizeof(all_groups[0]); i++) {
		uint8_t y[513] = { 0 };
		size_t len = dh_row(all_groups[i])->public_len;

		memset(y, 2, sizeof(y));
		expect_refused(all_groups[i], BYTES_NONE);
		expect_refused(all_groups[i], bytes(y, len - 1));
		expect_refused(all_groups[i], bytes(y, len + 1));
	}
}

static void private_key_that_cannot_be_is_named(void **state)
{
	uint8_t zero[32] = { 0 }, peer[256] = { 0 };
	struct ike_job *job;

	(void)state;
	peer[255] = 4;
	job = run_job(JOB_DH_AGREE, DH_MODP_2048, bytes(zero, sizeof(zero)),
		      bytes(peer, sizeof(peer)));
	assert_int_equal(job->result, R_VALUE);
	ike_job_free(job);
	job = run_job(JOB_DH_AGREE, DH_CURVE25519, bytes(zero, 31), bytes(peer, 32));
	assert_int_equal(job->result, R_VALUE);
	ike_job_free(job);
}

static void unknown_group_is_unsupported(void **state)
{
	struct ike_job *job = run_job(JOB_DH_KEYGEN, DH_MODP_768, BYTES_NONE, BYTES_NONE);

	(void)state;
	assert_null(dh_row(22));
	assert_int_equal(job->result, R_UNSUPPORTED);
	ike_job_free(job);
	ike_job_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc5903_8_and_rfc7748_6_1),
		cmocka_unit_test(modp_shared_secret_is_padded_to_the_prime),
		cmocka_unit_test(exported_private_key_agrees_on_another_node),
		cmocka_unit_test(modp_values_at_the_edges_are_refused),
		cmocka_unit_test(points_off_the_curve_are_refused),
		cmocka_unit_test(x25519_results_of_zero_are_refused),
		cmocka_unit_test(public_values_of_a_wrong_length_are_refused),
		cmocka_unit_test(private_key_that_cannot_be_is_named),
		cmocka_unit_test(unknown_group_is_unsupported),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
