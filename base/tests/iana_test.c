/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as IANA assigns them, and their names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/iana.h"

#include <string.h>

/* RFC 7296 3.1, 3.2, 3.3.2, 3.10.1: one of each table, so that a slip in the header shows. */
static void numbers_are_those_of_the_registry(void **state)
{
	(void)state;
	assert_int_equal(IKE_SA_INIT, 34);
	assert_int_equal(PAYLOAD_EAP, 48);
	assert_int_equal(PAYLOAD_SKF, 53);
	assert_int_equal(ENCR_AES_GCM_16, 20);
	assert_int_equal(PRF_HMAC_SHA2_512, 7);
	assert_int_equal(AUTH_HMAC_SHA2_512_256, 14);
	assert_int_equal(DH_CURVE25519, 31);
	assert_int_equal(N_TEMPORARY_FAILURE, 43);
	assert_int_equal(N_REKEY_SA, 16393);
	assert_int_equal(N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED, 16420);
}

static void names_are_what_an_administrator_reads(void **state)
{
	(void)state;
	assert_string_equal(iana_exchange_name(IKE_SA_INIT), "IKE_SA_INIT");
	assert_string_equal(iana_exchange_name(IKE_AUTH), "IKE_AUTH");
	assert_string_equal(iana_payload_name(PAYLOAD_TSI), "TSi");
	assert_string_equal(iana_notify_name(N_NO_PROPOSAL_CHOSEN), "NO_PROPOSAL_CHOSEN");
	assert_string_equal(iana_notify_name(N_COOKIE), "COOKIE");
	assert_string_equal(iana_encr_name(ENCR_AES_GCM_16), "AES-GCM");
	assert_string_equal(iana_encr_name(ENCR_AES_CBC), "AES-CBC");
	assert_string_equal(iana_prf_name(PRF_HMAC_SHA2_256), "SHA256");
	assert_string_equal(iana_integ_name(AUTH_HMAC_SHA1_96), "SHA96");
	assert_string_equal(iana_integ_name(AUTH_HMAC_SHA2_256_128), "SHA256");
	assert_string_equal(iana_dh_name(DH_ECP_256), "ECP-256");
}

static void other_numbers_are_unknown(void **state)
{
	static const char *(*const tables[])(unsigned int) = {
		iana_exchange_name, iana_payload_name, iana_notify_name, iana_encr_name,
		iana_prf_name,      iana_integ_name,   iana_dh_name,
	};

	(void)state;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		assert_string_equal(tables[i](65000), "unknown");
		for (unsigned int v = 0; v < 70000; v++)
			assert_non_null(tables[i](v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_the_registry),
		cmocka_unit_test(names_are_what_an_administrator_reads),
		cmocka_unit_test(other_numbers_are_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
