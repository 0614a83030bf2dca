/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: header and payload chain. The first byte of an input is 0 for
 * a datagram; otherwise it is the type of the first payload of a chain as it
 * comes out of SK{}.
 */
#include "ha-tests/fuzz/fuzz.h"

#include "base/must.h"
#include "ike/payload.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/ike_message";

/* Touch every byte that a view shows: a view past its end is found by the sanitizer. */
static unsigned int sum(struct bytes b)
{
	unsigned int s = 0;

	for (size_t i = 0; i < b.len; i++)
		s += b.p[i];
	return s;
}

static unsigned int sum_views(const struct ike_message *m)
{
	unsigned int s = sum(m->ke.data) + sum(m->idi.body) + sum(m->idr.data) + sum(m->auth.data) +
			 sum(m->nonce) + sum(m->sk.body);

	for (size_t i = 0; i < m->n_notifies; i++)
		s += sum(m->notifies[i].spi) + sum(m->notifies[i].data);
	for (size_t i = 0; i < m->n_deletes; i++) {
		for (size_t k = 0; m->deletes[i].protocol == PROTO_ESP && k < m->deletes[i].n; k++)
			s += delete_spi(&m->deletes[i], k);
	}
	return s;
}

/* What decoded stays in its bounds, and fits one form or none. */
static void look_at(const struct ike_message *m)
{
	enum ike_form form = FORM_NONE;
	enum result res = ike_payload_rules_check(m, &form);
	volatile unsigned int seen = sum_views(m);

	(void)seen;
	must((res == R_OK) == (form != FORM_NONE));
	must(m->sa.n_proposals <= SA_PROPOSALS_MAX && m->sa.n_transforms <= SA_TRANSFORMS_MAX);
	must(m->tsi.n <= TS_MAX && m->tsr.n <= TS_MAX);
	must(ike_message_error(m) == NULL || ike_message_error(m)->type <= N_ERROR_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ike_message m = { .outside = IKE_P(SK), .header = { .exchange = INFORMATIONAL } };

	if (size == 0)
		return 0;

	struct bytes in = bytes(data + 1, size - 1);

	if (data[0] == 0) {
		if (ike_message_decode(in, &m) != R_OK)
			return 0;
		must(m.header.length == in.len);
	} else {
		m.sk.first_payload = data[0];
		if (ike_message_decode_inner(&m, in) != R_OK)
			return 0;
	}
	look_at(&m);
	return 0;
}
