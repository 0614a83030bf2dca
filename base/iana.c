/* SPDX-License-Identifier: Apache-2.0 */
/* Names of IKEv2 and ESP numbers, in the words that an ASA shows. */
#include "base/iana.h"

#include <stddef.h>

struct name {
	unsigned int value;
	const char *name;
};

static const char *lookup(const struct name *names, size_t n, unsigned int value)
{
	for (size_t i = 0; i < n; i++)
		if (names[i].value == value)
			return names[i].name;
	return "unknown";
}

#define LOOKUP(names, v) lookup(names, sizeof(names) / sizeof((names)[0]), v)

/* clang-format off */
/* An enumerator that is its own name, and one whose prefix is not. */
#define SAME(id) { id, #id }
#define AFTER(prefix, id) { prefix##id, #id }

static const struct name exchanges[] = {
	SAME(IKE_SA_INIT),
	SAME(IKE_AUTH),
	SAME(CREATE_CHILD_SA),
	SAME(INFORMATIONAL),
};

static const struct name payloads[] = {
	{ PAYLOAD_SA, "SA" },
	{ PAYLOAD_KE, "KE" },
	{ PAYLOAD_IDI, "IDi" },
	{ PAYLOAD_IDR, "IDr" },
	{ PAYLOAD_CERT, "CERT" },
	{ PAYLOAD_CERTREQ, "CERTREQ" },
	{ PAYLOAD_AUTH, "AUTH" },
	{ PAYLOAD_NONCE, "NONCE" },
	{ PAYLOAD_NOTIFY, "NOTIFY" },
	{ PAYLOAD_DELETE, "DELETE" },
	{ PAYLOAD_VENDOR, "VID" },
	{ PAYLOAD_TSI, "TSi" },
	{ PAYLOAD_TSR, "TSr" },
	{ PAYLOAD_SK, "SK" },
	{ PAYLOAD_CP, "CP" },
	{ PAYLOAD_EAP, "EAP" },
	{ PAYLOAD_SKF, "SKF" },
};

static const struct name notifies[] = {
	AFTER(N_, UNSUPPORTED_CRITICAL_PAYLOAD),
	AFTER(N_, INVALID_IKE_SPI),
	AFTER(N_, INVALID_MAJOR_VERSION),
	AFTER(N_, INVALID_SYNTAX),
	AFTER(N_, INVALID_MESSAGE_ID),
	AFTER(N_, INVALID_SPI),
	AFTER(N_, NO_PROPOSAL_CHOSEN),
	AFTER(N_, INVALID_KE_PAYLOAD),
	AFTER(N_, AUTHENTICATION_FAILED),
	AFTER(N_, SINGLE_PAIR_REQUIRED),
	AFTER(N_, NO_ADDITIONAL_SAS),
	AFTER(N_, INTERNAL_ADDRESS_FAILURE),
	AFTER(N_, FAILED_CP_REQUIRED),
	AFTER(N_, TS_UNACCEPTABLE),
	AFTER(N_, INVALID_SELECTORS),
	AFTER(N_, TEMPORARY_FAILURE),
	AFTER(N_, CHILD_SA_NOT_FOUND),
	AFTER(N_, INITIAL_CONTACT),
	AFTER(N_, SET_WINDOW_SIZE),
	AFTER(N_, ADDITIONAL_TS_POSSIBLE),
	AFTER(N_, IPCOMP_SUPPORTED),
	AFTER(N_, NAT_DETECTION_SOURCE_IP),
	AFTER(N_, NAT_DETECTION_DESTINATION_IP),
	AFTER(N_, COOKIE),
	AFTER(N_, USE_TRANSPORT_MODE),
	AFTER(N_, HTTP_CERT_LOOKUP_SUPPORTED),
	AFTER(N_, REKEY_SA),
	AFTER(N_, ESP_TFC_PADDING_NOT_SUPPORTED),
	AFTER(N_, NON_FIRST_FRAGMENTS_ALSO),
	AFTER(N_, MOBIKE_SUPPORTED),
	AFTER(N_, REDIRECT_SUPPORTED),
	AFTER(N_, IKEV2_MESSAGE_ID_SYNC_SUPPORTED),
	AFTER(N_, IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED),
	AFTER(N_, IKEV2_MESSAGE_ID_SYNC),
	AFTER(N_, IPSEC_REPLAY_COUNTER_SYNC),
	AFTER(N_, FRAGMENTATION_SUPPORTED),
	AFTER(N_, SIGNATURE_HASH_ALGORITHMS),
};

static const struct name encrs[] = {
	{ ENCR_DES, "DES" },
	{ ENCR_3DES, "3DES" },
	{ ENCR_NULL, "NULL" },
	{ ENCR_AES_CBC, "AES-CBC" },
	{ ENCR_AES_CTR, "AES-CTR" },
	{ ENCR_AES_CCM_16, "AES-CCM" },
	{ ENCR_AES_GCM_8, "AES-GCM-8" },
	{ ENCR_AES_GCM_12, "AES-GCM-12" },
	{ ENCR_AES_GCM_16, "AES-GCM" },
	{ ENCR_NULL_AUTH_AES_GMAC, "AES-GMAC" },
	{ ENCR_CHACHA20_POLY1305, "CHACHA20-POLY1305" },
};

static const struct name prfs[] = {
	{ PRF_HMAC_MD5, "MD5" },
	{ PRF_HMAC_SHA1, "SHA" },
	{ PRF_HMAC_SHA2_256, "SHA256" },
	{ PRF_HMAC_SHA2_384, "SHA384" },
	{ PRF_HMAC_SHA2_512, "SHA512" },
};

static const struct name integs[] = {
	{ AUTH_NONE, "N/A" },
	{ AUTH_HMAC_MD5_96, "MD596" },
	{ AUTH_HMAC_SHA1_96, "SHA96" },
	{ AUTH_AES_XCBC_96, "XCBC96" },
	{ AUTH_HMAC_SHA2_256_128, "SHA256" },
	{ AUTH_HMAC_SHA2_384_192, "SHA384" },
	{ AUTH_HMAC_SHA2_512_256, "SHA512" },
};

static const struct name dhs[] = {
	{ DH_NONE, "NONE" },
	{ DH_MODP_768, "MODP-768" },
	{ DH_MODP_1024, "MODP-1024" },
	{ DH_MODP_1536, "MODP-1536" },
	{ DH_MODP_2048, "MODP-2048" },
	{ DH_MODP_3072, "MODP-3072" },
	{ DH_MODP_4096, "MODP-4096" },
	{ DH_ECP_256, "ECP-256" },
	{ DH_ECP_384, "ECP-384" },
	{ DH_ECP_521, "ECP-521" },
	{ DH_CURVE25519, "CURVE25519" },
};
/* clang-format on */

const char *iana_exchange_name(unsigned int v)
{
	return LOOKUP(exchanges, v);
}

const char *iana_payload_name(unsigned int v)
{
	return LOOKUP(payloads, v);
}

const char *iana_notify_name(unsigned int v)
{
	return LOOKUP(notifies, v);
}

const char *iana_encr_name(unsigned int v)
{
	return LOOKUP(encrs, v);
}

const char *iana_prf_name(unsigned int v)
{
	return LOOKUP(prfs, v);
}

const char *iana_integ_name(unsigned int v)
{
	return LOOKUP(integs, v);
}

const char *iana_dh_name(unsigned int v)
{
	return LOOKUP(dhs, v);
}
