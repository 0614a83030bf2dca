/* SPDX-License-Identifier: Apache-2.0 */
/* Delete payload (RFC 7296 3.11). */
#include "base/must.h"
#include "base/wire_reader.h"
#include "ike/payload.h"

#define ESP_SPI_LEN 4u

/* An IKE SA is deleted as a whole and has no SPI here; AH and ESP name each SA. */
static bool counts_fit(const struct delete_payload *d)
{
	switch (d->protocol) {
	case PROTO_IKE:
		return d->spi_size == 0 && d->n == 0;
	case PROTO_AH:
	case PROTO_ESP:
		return d->spi_size == ESP_SPI_LEN;
	default:
		return false;
	}
}

enum result delete_decode(struct bytes body, struct delete_payload *out)
{
	struct wire_reader r = wire_reader(body);
	struct delete_payload d = { .protocol = wire_u8(&r), .spi_size = wire_u8(&r) };

	d.n = wire_u16(&r);
	d.spis = wire_take(&r, (size_t)d.n * d.spi_size);

	enum result res = wire_done(&r);

	if (res == R_OK && !counts_fit(&d))
		res = R_VALUE;
	if (res == R_OK)
		*out = d;
	return res;
}

uint32_t delete_spi(const struct delete_payload *d, size_t i)
{
	must(i < d->n && d->spi_size == ESP_SPI_LEN);

	struct wire_reader r = wire_reader(bytes(d->spis.p + i * ESP_SPI_LEN, ESP_SPI_LEN));

	return wire_u32(&r);
}

void delete_put_ike(struct ike_builder *b)
{
	ike_build_payload(b, PAYLOAD_DELETE);
	wire_put_u8(&b->w, PROTO_IKE);
	wire_put_zero(&b->w, 3);
}

void delete_put_esp(struct ike_builder *b, const uint32_t *spis, size_t n)
{
	ike_build_payload(b, PAYLOAD_DELETE);
	wire_put_u8(&b->w, PROTO_ESP);
	wire_put_u8(&b->w, ESP_SPI_LEN);
	wire_put_u16(&b->w, (uint16_t)n);
	for (size_t i = 0; i < n; i++)
		wire_put_u32(&b->w, spis[i]);
}
