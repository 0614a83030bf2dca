/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/cookie.h"

static const uint8_t nonce[32] = { 1 };
static const uint8_t secrets[3][COOKIE_SECRET_LEN] = { { 1 }, { 2 }, { 3 } };

struct fixture {
	struct ike_crypto *c;
	struct cookie_secrets cs;
	struct cookie_subject s;
	uint8_t cookie[COOKIE_LEN];
};

static void begin(struct fixture *f)
{
	*f = (struct fixture){ .c = ike_crypto_new() };
	f->s = (struct cookie_subject){ .nonce = bytes(nonce, sizeof(nonce)),
					.remote = inet_v4(0xc0000201),
					.spi_i = 0x1122334455667788 };
	assert_int_equal(cookie_rotate(&f->cs, secrets[0]), R_OK);
	assert_int_equal(cookie_make(f->c, &f->cs, &f->s, f->cookie), R_OK);
}

static void end(struct fixture *f)
{
	cookie_secrets_clear(&f->cs);
	ike_crypto_free(f->c);
}

static enum result verify(struct fixture *f)
{
	return cookie_verify(f->c, &f->cs, &f->s, bytes(f->cookie, COOKIE_LEN));
}

/* RFC 7296 2.6: Ni, IPi, SPIi. */
static void cookie_is_bound_to_nonce_address_and_spi(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(verify(&f), R_OK);
	f.s.spi_i++;
	assert_int_equal(verify(&f), R_COOKIE);
	f.s.spi_i--;
	f.s.remote = inet_v4(0xc0000202);
	assert_int_equal(verify(&f), R_COOKIE);
	f.s.remote = inet_v4(0xc0000201);
	f.s.nonce.len--;
	assert_int_equal(verify(&f), R_COOKIE);
	f.s.nonce.len++;
	assert_int_equal(verify(&f), R_OK);
	end(&f);
}

static void cookie_outlives_one_rotation_not_two(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	assert_int_equal(cookie_rotate(&f.cs, secrets[1]), R_OK);
	assert_int_equal(verify(&f), R_OK);
	assert_int_equal(cookie_rotate(&f.cs, secrets[2]), R_OK);
	assert_int_equal(verify(&f), R_COOKIE);
	end(&f);
}

static void no_bit_of_a_cookie_may_change(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	for (size_t bit = 0; bit < 8 * COOKIE_LEN; bit++) {
		f.cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(verify(&f), R_COOKIE);
		f.cookie[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t len = 0; len < COOKIE_LEN; len++)
		assert_int_equal(cookie_verify(f.c, &f.cs, &f.s, bytes(f.cookie, len)), R_COOKIE);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cookie_is_bound_to_nonce_address_and_spi),
		cmocka_unit_test(cookie_outlives_one_rotation_not_two),
		cmocka_unit_test(no_bit_of_a_cookie_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
