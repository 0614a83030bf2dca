/* SPDX-License-Identifier: Apache-2.0 */
/* NAT detection (RFC 7296 2.23). */
#include "ike/nat_detect.h"

#include "base/wire_writer.h"
#include "ike/payload.h"

enum result nat_detect_hash(struct ike_crypto *c, uint64_t spi_i, uint64_t spi_r,
			    const struct inet_endpoint *e, uint8_t out[SHA1_LEN])
{
	uint8_t data[8 + 8 + 16 + 2];
	struct wire_writer w = wire_writer(data, sizeof(data));

	wire_put_u64(&w, spi_i);
	wire_put_u64(&w, spi_r);
	wire_put(&w, bytes(e->addr.a, inet_len(&e->addr)));
	wire_put_u16(&w, e->port);

	struct bytes chunk = wire_written(&w);

	return ike_sha1(c, &chunk, 1, out);
}

/* A peer with several addresses sends several SOURCE notifies: one that matches is enough. */
static void compare(const struct ike_message *m, uint16_t type, const uint8_t hash[SHA1_LEN],
		    bool *seen, bool *nat)
{
	*seen = *nat = false;
	for (size_t i = 0; i < m->n_notifies; i++) {
		if (m->notifies[i].type != type)
			continue;
		*seen = *nat = true;
		if (bytes_equal(m->notifies[i].data, bytes(hash, SHA1_LEN))) {
			*nat = false;
			return;
		}
	}
}

enum result nat_detect(struct ike_crypto *c, const struct ike_message *m,
		       const struct inet_endpoint *local, const struct inet_endpoint *remote,
		       struct nat_detect_result *out)
{
	const struct ike_header *h = &m->header;
	uint8_t source[SHA1_LEN], destination[SHA1_LEN];
	bool have_source, have_destination, nat_local, nat_remote;
	enum result res = nat_detect_hash(c, h->spi_i, h->spi_r, remote, source);

	if (res == R_OK)
		res = nat_detect_hash(c, h->spi_i, h->spi_r, local, destination);
	if (res != R_OK)
		return res;
	compare(m, N_NAT_DETECTION_SOURCE_IP, source, &have_source, &nat_remote);
	compare(m, N_NAT_DETECTION_DESTINATION_IP, destination, &have_destination, &nat_local);
	out->supported = have_source && have_destination;
	out->nat_local = out->supported && nat_local;
	out->nat_remote = out->supported && nat_remote;
	return R_OK;
}

enum result nat_detect_put(struct ike_crypto *c, struct ike_builder *b, const struct ike_header *h,
			   const struct inet_endpoint *local, const struct inet_endpoint *remote,
			   bool force_udp_encap)
{
	struct inet_endpoint nowhere = { .addr = inet_v4(0) };
	uint8_t source[SHA1_LEN], destination[SHA1_LEN];
	enum result res = nat_detect_hash(c, h->spi_i, h->spi_r, force_udp_encap ? &nowhere : local,
					  source);

	if (res == R_OK)
		res = nat_detect_hash(c, h->spi_i, h->spi_r, remote, destination);
	if (res != R_OK)
		return res;
	notify_put(b, N_NAT_DETECTION_SOURCE_IP, bytes(source, sizeof(source)));
	notify_put(b, N_NAT_DETECTION_DESTINATION_IP, bytes(destination, sizeof(destination)));
	return R_OK;
}
