/* SPDX-License-Identifier: Apache-2.0 */
/* NAT detection in IKE_SA_INIT (RFC 7296 2.23): SHA-1(SPIi | SPIr | address | port). */
#ifndef HF_IKE_NAT_DETECT_H
#define HF_IKE_NAT_DETECT_H

#include "ike/crypto.h"
#include "ike/message.h"

struct nat_detect_result {
	bool supported;  /* the peer sent both notifies */
	bool nat_local;  /* we are behind a NAT: DESTINATION does not match */
	bool nat_remote; /* the peer is, or forces encapsulation: no SOURCE matches */
};

enum result nat_detect_hash(struct ike_crypto *c, uint64_t spi_i, uint64_t spi_r,
			    const struct inet_endpoint *e, uint8_t out[SHA1_LEN]) WARN_UNUSED;
/*
 * Judge a received IKE_SA_INIT message by the endpoints between which it
 * travelled: local is ours. With the SPIs of its header.
 */
enum result nat_detect(struct ike_crypto *c, const struct ike_message *m,
		       const struct inet_endpoint *local, const struct inet_endpoint *remote,
		       struct nat_detect_result *out) WARN_UNUSED;
/*
 * Append both notifies to a message from local to remote. force_udp_encap:
 * the source hash is of 0.0.0.0:0, so that the peer sees a NAT and
 * encapsulates (datapath on UDP). R_CRYPTO.
 */
enum result nat_detect_put(struct ike_crypto *c, struct ike_builder *b, const struct ike_header *h,
			   const struct inet_endpoint *local, const struct inet_endpoint *remote,
			   bool force_udp_encap) WARN_UNUSED;

#endif
