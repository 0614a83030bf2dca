/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target: each payload codec, and the negotiation over what an SA payload
 * held. The first byte of an input chooses the codec, the rest is the body
 * after the generic header:
 *   0 SA   1 KE   2 ID   3 AUTH   4 nonce   5 N   6 D   7 TS   8 N of RFC 6311
 */
#include "ha-tests/fuzz/fuzz.h"

#include "base/must.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/ts_narrow.h"

const char *const fuzz_corpus = "ha-tests/fuzz/corpus/ike_payloads";

static uint8_t written[1 << 16];

/* The body of the one payload that was written. */
static struct bytes finish(struct ike_builder *b)
{
	struct bytes chain;
	uint8_t type;

	must(ike_build_finish_inner(b, &type, &chain) == R_OK);
	return bytes(chain.p + IKE_PAYLOAD_HEADER_LEN, chain.len - IKE_PAYLOAD_HEADER_LEN);
}

/* A choice is one that our own check of answers takes. */
static void negotiate(const struct sa_payload *sa)
{
	static const struct ike_policy policy = {
		.priority = 1,
		.n_encr = 2,
		.n_integ = 1,
		.n_prf = 1,
		.n_dh = 2,
		.encr = { { ENCR_AES_GCM_16, 256 }, { ENCR_AES_CBC, 128 } },
		.integ = { AUTH_HMAC_SHA2_256_128 },
		.prf = { PRF_HMAC_SHA2_256 },
		.dh = { DH_ECP_256, DH_MODP_2048 },
	};
	static const struct ike_child_config child = {
		.n_proposals = 1,
		.esn = true,
		.proposals = { { .n_encr = 2,
				 .n_integ = 1,
				 .integ = { AUTH_HMAC_SHA2_256_128 },
				 .encr = { { ENCR_AES_GCM_16, 128 }, { ENCR_AES_CBC, 128 } } } },
	};
	struct ike_choice ike;
	struct child_choice esp;
	struct sa_payload answer;
	char why[WHY_MAX];

	if (proposal_choose_ike(sa, false, &policy, 1, &ike, why) == R_OK) {
		must(proposal_has_dh(sa, ike.transforms.dh));
		proposal_answer_ike(&ike, 0, &answer);
		must(sa->n_proposals > 1 || proposal_verify_ike(sa, &answer, &ike) == R_OK);
	}
	if (proposal_choose_child(sa, CHILD_IN_CREATE, &child, &esp, why) == R_OK) {
		proposal_answer_child(&esp, ESP_SPI_MIN, &answer);
		must(sa->n_proposals > 1 || proposal_verify_child(sa, &answer, &esp) == R_OK);
	}
}

static void fuzz_sa(struct bytes in)
{
	struct sa_payload sa, again;
	struct ike_builder b;
	bool plain = true;

	if (sa_decode(in, &sa) != R_OK)
		return;
	negotiate(&sa);
	for (size_t i = 0; i < sa.n_transforms; i++)
		plain = plain && !sa.transforms[i].bad_attribute;
	for (size_t i = 0; i < sa.n_proposals; i++)
		plain = plain && sa.proposals[i].spi_len <= 8;
	if (!plain)
		return;
	ike_build_inner(&b, written, sizeof(written));
	sa_put(&b, &sa);
	must(sa_decode(finish(&b), &again) == R_OK);
	must(again.n_proposals == sa.n_proposals && again.n_transforms == sa.n_transforms);
	for (size_t i = 0; i < sa.n_transforms; i++)
		must(again.transforms[i].type == sa.transforms[i].type &&
		     again.transforms[i].id == sa.transforms[i].id &&
		     again.transforms[i].key_bits == sa.transforms[i].key_bits);
}

static void fuzz_ke(struct bytes in)
{
	struct ke_payload ke;

	if (ke_decode(in, &ke) == R_OK)
		must(ke.data.len + 4 == in.len);
}

static void fuzz_id(struct bytes in)
{
	struct id_payload id;
	char text[IKE_ID_TEXT_MAX];

	if (id_decode(in, &id) != R_OK)
		return;

	struct ike_id shown = { .type = id.type };

	must(buf_set(&shown.data, id.data));
	must(id_equal(&shown, id.type, id.data));
	must(strlen(id_text(&shown, text)) < sizeof(text));
	buf_free(&shown.data);
}

static void fuzz_auth(struct bytes in)
{
	struct auth_payload auth;

	if (auth_decode(in, &auth) == R_OK)
		must(auth.data.len + 4 == in.len);
}

static void fuzz_nonce(struct bytes in)
{
	struct bytes nonce;

	if (nonce_decode(in, &nonce) == R_OK)
		must(nonce.len >= IKE_NONCE_MIN && nonce.len <= IKE_NONCE_MAX);
}

static void fuzz_notify(struct bytes in)
{
	struct notify_payload n;

	if (notify_decode(in, &n) == R_OK)
		must(n.spi.len + n.data.len + 4 == in.len);
}

static void fuzz_delete(struct bytes in)
{
	struct delete_payload d;

	if (delete_decode(in, &d) == R_OK)
		must(d.spis.len == (size_t)d.n * d.spi_size);
}

static void fuzz_ts(struct bytes in)
{
	static const struct ike_child_config any_v4 = {
		.local = { .start = { .family = INET_V4 },
			   .end = { .family = INET_V4, .a = { 255, 255, 255, 255 } },
			   .port_end = UINT16_MAX },
		.remote = { .start = { .family = INET_V4 },
			    .end = { .family = INET_V4, .a = { 127, 0, 0, 0 } },
			    .port_end = UINT16_MAX },
	};
	struct ts_list ts, again;
	struct ts_narrowed narrowed;
	struct ike_builder b;

	if (ts_decode(in, &ts) != R_OK || ts.n == 0)
		return;
	ike_build_inner(&b, written, sizeof(written));
	ts_put(&b, PAYLOAD_TSR, &ts);
	must(ts_decode(finish(&b), &again) == R_OK);
	must(again.n == ts.n);
	for (size_t i = 0; i < ts.n; i++)
		must(ts_equal(&ts.ts[i], &again.ts[i]));
	if (ts_narrow(&any_v4, 1, &ts, &ts, &narrowed) == R_OK)
		must(ts_list_within(&narrowed.tsi, &ts) && ts_list_within(&narrowed.tsr, &ts));
}

/* What is taken is written the same, but for the type, which chose the decoder. */
static void fuzz_sync(struct bytes in)
{
	struct notify_payload n;
	struct msgid_sync sync;
	struct ike_builder b;
	uint64_t delta;

	if (notify_decode(in, &n) != R_OK)
		return;
	if (msgid_sync_decode(&n, &sync) == R_OK) {
		ike_build_inner(&b, written, sizeof(written));
		msgid_sync_put(&b, &sync);
		must(bytes_equal(bytes(finish(&b).p + 4, 12), n.data));
	}
	if (replay_sync_decode(&n, &delta) == R_OK) {
		ike_build_inner(&b, written, sizeof(written));
		replay_sync_put(&b, delta, n.data.len == 8);
		must(bytes_equal(bytes(finish(&b).p + 4, n.data.len), n.data));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const codecs[])(struct bytes in) = {
		fuzz_sa,     fuzz_ke,     fuzz_id, fuzz_auth, fuzz_nonce,
		fuzz_notify, fuzz_delete, fuzz_ts, fuzz_sync,
	};

	if (size > 0)
		codecs[data[0] % 9](bytes(data + 1, size - 1));
	return 0;
}
