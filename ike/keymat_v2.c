/* SPDX-License-Identifier: Apache-2.0 */
/* Key derivation of IKEv2 (RFC 7296 2.13, 2.14, 2.17, 2.18). */
#include "ike/keymat.h"

#include "base/must.h"
#include "base/wire_writer.h"

#define PRF_PLUS_BLOCKS_MAX 255u

enum result keymat_prf_plus(struct ike_crypto *c, uint16_t prf, struct bytes key, struct bytes seed,
			    size_t len, struct secret *out)
{
	const struct prf_row *row = prf_row(prf);
	SECRET result = { 0 };
	uint8_t t[IKE_PRF_MAX];
	enum result res;

	secret_wipe(out);
	if (row == NULL)
		return R_UNSUPPORTED;
	if (len > (size_t)PRF_PLUS_BLOCKS_MAX * row->len)
		return R_TOO_LONG;
	res = secret_alloc(&result, len);
	for (size_t done = 0, i = 1; res == R_OK && done < len; i++) {
		/* Ti = prf(K, Ti-1 | S | i); T0 is empty. */
		uint8_t counter = (uint8_t)i;
		struct bytes parts[] = { bytes(t, i > 1 ? row->len : 0), seed, bytes(&counter, 1) };
		size_t take = len - done < row->len ? len - done : row->len;

		res = ike_prf(c, prf, key, parts, 3, t);
		if (res == R_OK)
			memcpy(result.data + done, t, take);
		done += take;
	}
	wipe(t, sizeof(t));
	if (res == R_OK)
		secret_move(out, &result);
	return res;
}

/* prf(key, a | b | ...) as a secret. */
static enum result prf_secret(struct ike_crypto *c, uint16_t prf, struct bytes key,
			      const struct bytes *parts, size_t n, struct secret *out)
{
	const struct prf_row *row = prf_row(prf);
	uint8_t value[IKE_PRF_MAX];
	enum result res;

	secret_wipe(out);
	if (row == NULL)
		return R_UNSUPPORTED;
	res = ike_prf(c, prf, key, parts, n, value);
	if (res == R_OK)
		res = secret_set(out, bytes(value, row->len));
	wipe(value, sizeof(value));
	return res;
}

enum result keymat_skeyseed(struct ike_crypto *c, uint16_t prf, struct bytes ni, struct bytes nr,
			    const struct secret *shared, struct secret *skeyseed)
{
	struct bytes part = secret_bytes(shared);
	uint8_t nonces[2 * IKE_NONCE_MAX];
	struct wire_writer w = wire_writer(nonces, sizeof(nonces));

	wire_put(&w, ni);
	wire_put(&w, nr);

	enum result res = wire_finish(&w);

	return res == R_OK ? prf_secret(c, prf, wire_written(&w), &part, 1, skeyseed) : res;
}

enum result keymat_skeyseed_rekey(struct ike_crypto *c, uint16_t old_prf,
				  const struct secret *old_sk_d, struct bytes ni, struct bytes nr,
				  const struct secret *shared, struct secret *skeyseed)
{
	struct bytes parts[] = { secret_bytes(shared), ni, nr };

	return prf_secret(c, old_prf, secret_bytes(old_sk_d), parts, 3, skeyseed);
}

/* Cut keymat into consecutive secrets. */
struct cut {
	struct secret *to;
	size_t len;
};

static size_t cut_total(const struct cut *cuts, size_t n)
{
	size_t total = 0;

	for (size_t i = 0; i < n; i++)
		total += cuts[i].len;
	return total;
}

/* All or nothing. */
static enum result cut_keymat(const struct secret *keymat, const struct cut *cuts, size_t n)
{
	enum result res = R_OK;
	size_t at = 0;

	must(keymat->len == cut_total(cuts, n));
	for (size_t i = 0; res == R_OK && i < n; i++) {
		res = secret_set(cuts[i].to, bytes(keymat->data + at, cuts[i].len));
		at += cuts[i].len;
	}
	for (size_t i = 0; res != R_OK && i < n; i++)
		secret_wipe(cuts[i].to);
	return res;
}

enum result keymat_ike_sa(struct ike_crypto *c, const struct secret *skeyseed, struct bytes ni,
			  struct bytes nr, struct ike_sa_state *sa)
{
	const struct prf_row *prf = prf_row(sa->transforms.prf);
	const struct encr_row *encr = encr_row(sa->transforms.encr, sa->transforms.key_bits);
	const struct integ_row *integ = integ_row(sa->transforms.integ);

	if (prf == NULL || encr == NULL || encr_is_aead(encr) != (integ == NULL))
		return R_UNSUPPORTED;

	size_t integ_len = integ != NULL ? integ->key : 0;
	size_t encr_len = (size_t)encr->key + encr->salt;
	/* in the order of 2.14 */
	const struct cut cuts[] = {
		{ &sa->sk_d, prf->len },  { &sa->sk_ai, integ_len }, { &sa->sk_ar, integ_len },
		{ &sa->sk_ei, encr_len }, { &sa->sk_er, encr_len },  { &sa->sk_pi, prf->len },
		{ &sa->sk_pr, prf->len },
	};
	size_t n = sizeof(cuts) / sizeof(cuts[0]);
	uint8_t seed[2 * IKE_NONCE_MAX + 16];
	struct wire_writer w = wire_writer(seed, sizeof(seed));
	SECRET keymat = { 0 };

	wire_put(&w, ni);
	wire_put(&w, nr);
	wire_put_u64(&w, sa->spi_i);
	wire_put_u64(&w, sa->spi_r);

	enum result res = wire_finish(&w);

	if (res == R_OK)
		res = keymat_prf_plus(c, prf->id, secret_bytes(skeyseed), wire_written(&w),
				      cut_total(cuts, n), &keymat);
	return res == R_OK ? cut_keymat(&keymat, cuts, n) : res;
}

/* g^ir (new) | Ni | Nr, or Ni | Nr. */
static enum result child_seed(const struct keymat_child_input *in, struct secret *seed)
{
	struct bytes shared = in->shared != NULL ? secret_bytes(in->shared) : BYTES_NONE;
	enum result res = secret_alloc(seed, shared.len + in->ni.len + in->nr.len);
	struct wire_writer w = wire_writer(seed->data, seed->len);

	if (res != R_OK)
		return res;
	wire_put(&w, shared);
	wire_put(&w, in->ni);
	wire_put(&w, in->nr);
	return wire_finish(&w);
}

enum result keymat_child(struct ike_crypto *c, const struct keymat_child_input *in,
			 struct esp_keys *from_initiator, struct esp_keys *from_responder)
{
	const struct encr_row *encr = encr_row(in->transforms.encr, in->transforms.key_bits);
	const struct integ_row *integ = integ_row(in->transforms.integ);

	if (encr == NULL || encr_is_aead(encr) != (integ == NULL))
		return R_UNSUPPORTED;

	size_t integ_len = integ != NULL ? integ->key : 0;
	size_t encr_len = (size_t)encr->key + encr->salt;
	/* 2.17: initiator's data first, encryption before integrity */
	/* clang-format off */
	const struct cut cuts[] = {
		{ &from_initiator->encr, encr_len }, { &from_initiator->integ, integ_len },
		{ &from_responder->encr, encr_len }, { &from_responder->integ, integ_len },
	};
	/* clang-format on */
	size_t n = sizeof(cuts) / sizeof(cuts[0]);
	SECRET seed = { 0 };
	SECRET keymat = { 0 };
	enum result res = child_seed(in, &seed);

	if (res == R_OK)
		res = keymat_prf_plus(c, in->prf, secret_bytes(in->sk_d), secret_bytes(&seed),
				      cut_total(cuts, n), &keymat);
	return res == R_OK ? cut_keymat(&keymat, cuts, n) : res;
}
