/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values of an IPsec SA that IKE, the datapath and replication all speak of.
 * Plain values: no policy, no I/O. RFC 4301 4.4.2, RFC 7296 3.13.
 */
#ifndef HF_BASE_IPSEC_SA_H
#define HF_BASE_IPSEC_SA_H

#include "base/inet.h"
#include "base/secret.h"

/* RFC 7296 3.13.1. Ports host order; protocol 0 is any. start > end of ports (65535, 0) is
 * OPAQUE. */
struct traffic_selector {
	struct inet_addr start;
	struct inet_addr end;
	uint16_t port_start;
	uint16_t port_end;
	uint8_t protocol;
};

#define TS_MAX 8

struct ts_list {
	uint8_t n;
	struct traffic_selector ts[TS_MAX];
};

/* The negotiated ESP transforms, IANA numbers (base/iana.h). integ is 0 with an AEAD. */
struct esp_transforms {
	uint16_t encr;
	uint16_t key_bits; /* of the cipher, without salt */
	uint16_t integ;
	bool esn;
};

/* Keys of one direction: encr holds cipher key || salt, integ the MAC key (RFC 7296 2.17). */
struct esp_keys {
	struct secret encr;
	struct secret integ;
};

#define ESP_SPI_MIN 256u

/* R25: slot 4 | shard 4 | random 24. */
static inline uint8_t esp_spi_slot(uint32_t spi)
{
	return (uint8_t)(spi >> 28);
}
static inline uint8_t esp_spi_shard(uint32_t spi)
{
	return (uint8_t)((spi >> 24) & 0xf);
}
/* R25: slot 4 | shard 4 | random 56. */
static inline uint8_t ike_spi_slot(uint64_t spi)
{
	return (uint8_t)(spi >> 60);
}
static inline uint8_t ike_spi_shard(uint64_t spi)
{
	return (uint8_t)((spi >> 56) & 0xf);
}

/*
 * R16: the 64-bit explicit IV of counter-mode ciphers is
 * slot (4) | term minus the SA's birth term (12) | counter (48).
 */
#define IV_COUNTER_BITS   48
#define IV_TERM_DELTA_MAX 4094u /* at 4095 the SA refuses to seal and is rekeyed */

/* R_EXHAUSTED when the term delta or the counter is used up; R_STALE when term < birth_term. */
enum result iv_prefix(uint8_t slot, uint64_t term, uint64_t birth_term,
		      uint64_t *prefix) WARN_UNUSED;

bool ts_equal(const struct traffic_selector *a, const struct traffic_selector *b);
/* inner is wholly inside outer. */
bool ts_contains(const struct traffic_selector *outer, const struct traffic_selector *inner);
/* *out becomes the intersection; false when empty. */
bool ts_intersect(const struct traffic_selector *a, const struct traffic_selector *b,
		  struct traffic_selector *out);
#define TS_TEXT_MAX 192
/* "198.51.100.0/0 - 198.51.100.255/65535": the ASA's shape. */
const char *ts_text(const struct traffic_selector *ts, char out[TS_TEXT_MAX]);

#endif
