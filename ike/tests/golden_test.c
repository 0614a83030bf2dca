/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whole recorded exchanges (fixtures/golden_*.h), followed as an observer who
 * knows g^ir and the PSK: each message decodes and fits the rules, each SK{}
 * opens and seals again to the same bytes, and SKEYSEED, SK_*, AUTH, NAT-D
 * hashes and CHILD KEYMAT are those that the daemons logged.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "ike/keymat.h"
#include "ike/nat_detect.h"
#include "ike/payload.h"
#include "ike/proposal.h"
#include "ike/tests/hex.h"

struct golden_message {
	const char *source;
	uint16_t source_port;
	const char *destination;
	uint16_t destination_port;
	const char *datagram;
};

enum golden_label {
	GOLDEN_NATD_CHUNK,
	GOLDEN_NATD_HASH,
	GOLDEN_SHARED,
	GOLDEN_SKEYSEED,
	GOLDEN_SK_D,
	GOLDEN_SK_AI,
	GOLDEN_SK_AR,
	GOLDEN_SK_EI,
	GOLDEN_SK_ER,
	GOLDEN_SK_PI,
	GOLDEN_SK_PR,
	GOLDEN_OCTETS,
	GOLDEN_AUTH,
	GOLDEN_ENCR_I,
	GOLDEN_ENCR_R,
	GOLDEN_INTEG_I,
	GOLDEN_INTEG_R,
};

struct golden_secret {
	enum golden_label label;
	const char *value;
};

#include "ike/tests/fixtures/golden_ikev2_psk_3des_sha1_modp1536.h"
#include "ike/tests/fixtures/golden_ikev2_psk_aes128cbc_sha256_modp2048.h"
#include "ike/tests/fixtures/golden_ikev2_psk_aes128gcm_native.h"
#include "ike/tests/fixtures/golden_ikev2_psk_aes256ctr_sha384_modp3072.h"
#include "ike/tests/fixtures/golden_ikev2_psk_aes256gcm8_native.h"
#include "ike/tests/fixtures/golden_ikev2_psk_aes256gcm_ecp384_rekey.h"
#include "ike/tests/fixtures/golden_ikev2_psk_chacha_x25519.h"
#include "ike/tests/fixtures/golden_ikev2_psk_invalid_ke.h"
#include "ike/tests/fixtures/golden_ikev2_psk_null_sha256_native.h"

struct golden {
	const char *name;
	const struct golden_message *messages;
	size_t n_messages;
	const struct golden_secret *secrets;
	size_t n_secrets;
};

/* clang-format off */
#define GOLDEN(x) \
	{ #x, x##_messages, sizeof(x##_messages) / sizeof(x##_messages[0]), \
	  x##_secrets, sizeof(x##_secrets) / sizeof(x##_secrets[0]) }
/* clang-format on */

/* clang-format off */
static const struct golden goldens[] = {
	GOLDEN(ikev2_psk_3des_sha1_modp1536),
	GOLDEN(ikev2_psk_aes128cbc_sha256_modp2048),
	GOLDEN(ikev2_psk_aes128gcm_native),
	GOLDEN(ikev2_psk_aes256ctr_sha384_modp3072),
	GOLDEN(ikev2_psk_aes256gcm8_native),
	GOLDEN(ikev2_psk_aes256gcm_ecp384_rekey),
	GOLDEN(ikev2_psk_chacha_x25519),
	GOLDEN(ikev2_psk_invalid_ke),
	GOLDEN(ikev2_psk_null_sha256_native),
};
/* clang-format on */

#define SAS_MAX 2

/* A request and, while the response is looked at, still its plaintext. */
struct taken {
	struct buf datagram;
	struct buf plain;
	struct ike_message m;
	enum ike_form form;
};

struct observer {
	const struct golden *g;
	struct ike_crypto *c;
	size_t next_secret;
	struct taken request, response;
	struct buf init_request, init_response;
	struct buf ni, nr; /* of IKE_SA_INIT, for AUTH */
	struct ike_sa_state sas[SAS_MAX];
	size_t n_sas;
	size_t sealed_again, children;
};

static void taken_clear(struct taken *t)
{
	buf_free(&t->datagram);
	buf_free(&t->plain);
}

/* The next logged value with this label. */
static const char *next_secret(struct observer *o, enum golden_label label)
{
	while (o->next_secret < o->g->n_secrets && o->g->secrets[o->next_secret].label != label)
		o->next_secret++;
	assert_true(o->next_secret < o->g->n_secrets);
	return o->g->secrets[o->next_secret++].value;
}

static void expect_secret(struct observer *o, enum golden_label label, const struct secret *s)
{
	assert_true(hex_equal(secret_bytes(s), next_secret(o, label)));
}

static void take_shared(struct observer *o, struct secret *shared)
{
	struct buf raw = hex_buf(next_secret(o, GOLDEN_SHARED));

	assert_int_equal(secret_set(shared, buf_bytes(&raw)), R_OK);
	buf_free(&raw);
}

static struct ike_sa_state *sa_of(struct observer *o, const struct ike_header *h)
{
	for (size_t i = 0; i < o->n_sas; i++) {
		if (o->sas[i].spi_i == h->spi_i && o->sas[i].spi_r == h->spi_r)
			return &o->sas[i];
	}
	fail_msg("no SA for a message");
	return NULL;
}

static void expect_keys(struct observer *o, const struct ike_sa_state *sa)
{
	expect_secret(o, GOLDEN_SK_D, &sa->sk_d);
	if (sa->transforms.integ != 0) {
		expect_secret(o, GOLDEN_SK_AI, &sa->sk_ai);
		expect_secret(o, GOLDEN_SK_AR, &sa->sk_ar);
	} else {
		assert_int_equal(sa->sk_ai.len, 0);
	}
	expect_secret(o, GOLDEN_SK_EI, &sa->sk_ei);
	expect_secret(o, GOLDEN_SK_ER, &sa->sk_er);
	expect_secret(o, GOLDEN_SK_PI, &sa->sk_pi);
	expect_secret(o, GOLDEN_SK_PR, &sa->sk_pr);
}

/* The SA that an IKE_SA_INIT or an IKE rekey makes. old NULL: IKE_SA_INIT. */
static void make_sa(struct observer *o, const struct ike_sa_state *old)
{
	const struct ike_message *req = &o->request.m, *resp = &o->response.m;
	struct ike_sa_state *sa = &o->sas[o->n_sas++];
	struct ike_choice choice;
	SECRET shared = { 0 };
	SECRET skeyseed = { 0 };

	assert_true(o->n_sas <= SAS_MAX);
	assert_int_equal(proposal_verify_ike(&req->sa, &resp->sa, &choice), R_OK);
	assert_int_equal(choice.transforms.dh, resp->ke.group);
	sa->transforms = choice.transforms;
	sa->initiator = true;
	sa->spi_i = old != NULL ? req->sa.proposals[0].spi : resp->header.spi_i;
	sa->spi_r = old != NULL ? choice.spi : resp->header.spi_r;
	take_shared(o, &shared);
	if (old != NULL)
		assert_int_equal(keymat_skeyseed_rekey(o->c, old->transforms.prf, &old->sk_d,
						       req->nonce, resp->nonce, &shared, &skeyseed),
				 R_OK);
	else
		assert_int_equal(keymat_skeyseed(o->c, choice.transforms.prf, req->nonce,
						 resp->nonce, &shared, &skeyseed),
				 R_OK);
	expect_secret(o, GOLDEN_SKEYSEED, &skeyseed);
	assert_int_equal(keymat_ike_sa(o->c, &skeyseed, req->nonce, resp->nonce, sa), R_OK);
	expect_keys(o, sa);
}

static void expect_child_keys(struct observer *o, const struct esp_keys *i,
			      const struct esp_keys *r)
{
	if (i->encr.len > 0) {
		expect_secret(o, GOLDEN_ENCR_I, &i->encr);
		expect_secret(o, GOLDEN_ENCR_R, &r->encr);
	}
	if (i->integ.len > 0) {
		expect_secret(o, GOLDEN_INTEG_I, &i->integ);
		expect_secret(o, GOLDEN_INTEG_R, &r->integ);
	}
}

static void make_child(struct observer *o, const struct ike_sa_state *sa, struct bytes ni,
		       struct bytes nr)
{
	const struct ike_message *req = &o->request.m, *resp = &o->response.m;
	struct esp_keys from_i = { 0 }, from_r = { 0 };
	struct child_choice choice;
	SECRET shared = { 0 };

	assert_int_equal(proposal_verify_child(&req->sa, &resp->sa, &choice), R_OK);
	if (choice.dh != 0)
		take_shared(o, &shared);

	struct keymat_child_input in = { .prf = sa->transforms.prf,
					 .sk_d = &sa->sk_d,
					 .ni = ni,
					 .nr = nr,
					 .shared = choice.dh != 0 ? &shared : NULL,
					 .transforms = choice.transforms };

	assert_int_equal(keymat_child(o->c, &in, &from_i, &from_r), R_OK);
	expect_child_keys(o, &from_i, &from_r);
	secret_wipe(&from_i.encr);
	secret_wipe(&from_i.integ);
	secret_wipe(&from_r.encr);
	secret_wipe(&from_r.integ);
	o->children++;
}

static void expect_octets(struct observer *o, const struct ike_sa_state *sa,
			  const struct auth_octets *in)
{
	struct buf want = hex_buf(next_secret(o, GOLDEN_OCTETS));
	size_t prf_len = prf_row(sa->transforms.prf)->len;
	uint8_t id[IKE_PRF_MAX];

	assert_int_equal(ike_prf(o->c, sa->transforms.prf, secret_bytes(in->sk_p), &in->id, 1, id),
			 R_OK);
	assert_int_equal(want.len, in->message.len + in->nonce.len + prf_len);
	assert_memory_equal(want.p, in->message.p, in->message.len);
	assert_memory_equal(want.p + in->message.len, in->nonce.p, in->nonce.len);
	assert_memory_equal(want.p + in->message.len + in->nonce.len, id, prf_len);
	buf_free(&want);
}

static void check_auth(struct observer *o, const struct ike_sa_state *sa,
		       const struct ike_message *m)
{
	bool initiator = !ike_is_response(&m->header);
	SECRET psk = { 0 };
	struct auth_octets in = {
		.message = buf_bytes(initiator ? &o->init_request : &o->init_response),
		.nonce = buf_bytes(initiator ? &o->nr : &o->ni),
		.id = initiator ? m->idi.body : m->idr.body,
		.sk_p = initiator ? &sa->sk_pi : &sa->sk_pr,
	};
	struct auth_value value;

	assert_int_equal(secret_set(&psk, bytes("topsecretpsk", 12)), R_OK);
	expect_octets(o, sa, &in);
	assert_int_equal(auth_psk(o->c, sa->transforms.prf, &psk, &in, &value), R_OK);
	assert_true(hex_equal(bytes(value.data, value.len), next_secret(o, GOLDEN_AUTH)));
	assert_int_equal(auth_psk_verify(o->c, sa->transforms.prf, &psk, &in, &m->auth), R_OK);
	psk.data[0] ^= 1;
	assert_int_equal(auth_psk_verify(o->c, sa->transforms.prf, &psk, &in, &m->auth),
			 R_AUTH_FAILED);
}

/* All padding that the sender put, deciphered apart from sk_open, which drops it. */
static struct buf padding_of(struct observer *o, const struct sk_key *key, const struct taken *t)
{
	size_t icv = key->integ != NULL ? key->integ->icv : key->encr->icv;
	size_t len = t->m.sk.body.len - key->encr->iv - icv;
	struct buf all = { .p = malloc(len), .len = len };
	struct cipher_input ci = {
		.row = key->encr,
		.key = key->encr_key,
		.iv = bytes(t->m.sk.body.p, key->encr->iv),
		.aad = bytes(t->datagram.p, t->m.sk.offset),
		.in = bytes(t->m.sk.body.p + key->encr->iv, len),
	};
	struct buf padding = { 0 };

	assert_int_equal(
		ike_cipher_open(o->c, &ci, all.p, bytes(t->m.sk.body.p + key->encr->iv + len, icv)),
		R_OK);
	assert_true(buf_set(&padding, bytes(all.p + t->plain.len, len - 1 - t->plain.len)));
	buf_free(&all);
	return padding;
}

static void open_and_seal_again(struct observer *o, struct ike_sa_state *sa, struct taken *t)
{
	struct sk_key key;
	struct buf again = { 0 };

	/* Of the observer's two views the initiator's: outbound is what the initiator sent. */
	assert_int_equal(sk_key_of(sa, ike_from_initiator(&t->m.header), &key), R_OK);
	assert_int_equal(sk_open(o->c, &key, &t->m, &t->plain), R_OK);

	struct buf padding = padding_of(o, &key, t);
	struct sk_seal_input in = {
		.key = &key,
		.iv = bytes(t->m.sk.body.p, key.encr->iv),
		.header = t->m.header,
		.first_payload = t->m.sk.first_payload,
		.payloads = buf_bytes(&t->plain),
		.padding = bytes(padding.len > 0 ? padding.p : (const uint8_t *)"", padding.len),
	};

	assert_int_equal(sk_seal(o->c, &in, &again), R_OK);
	assert_int_equal(again.len, t->datagram.len);
	assert_memory_equal(again.p, t->datagram.p, again.len);
	o->sealed_again++;
	buf_free(&again);
	buf_free(&padding);
}

static void take(struct observer *o, const struct golden_message *gm, struct taken *t)
{
	taken_clear(t);
	t->datagram = hex_buf(gm->datagram);
	assert_int_equal(ike_message_decode(buf_bytes(&t->datagram), &t->m), R_OK);
	if (t->m.outside == IKE_P(SK)) {
		open_and_seal_again(o, sa_of(o, &t->m.header), t);
		assert_int_equal(ike_message_decode_inner(&t->m, buf_bytes(&t->plain)), R_OK);
	}
	assert_int_equal(ike_payload_rules_check(&t->m, &t->form), R_OK);
}

/* The responder's notifies are true; the initiator forces encapsulation with a false source
 * (RFC 7296 2.23). */
static void check_nat_detection(struct observer *o, const struct golden_message *gm,
				const struct ike_message *m)
{
	struct inet_endpoint from = { .port = gm->source_port },
			     to = { .port = gm->destination_port };
	struct nat_detect_result nat;

	assert_int_equal(inet_parse(gm->source, &from.addr), R_OK);
	assert_int_equal(inet_parse(gm->destination, &to.addr), R_OK);
	assert_int_equal(nat_detect(o->c, m, &to, &from, &nat), R_OK);
	assert_true(nat.supported);
	assert_false(nat.nat_local);
	to.port++;
	assert_int_equal(nat_detect(o->c, m, &to, &from, &nat), R_OK);
	assert_true(nat.nat_local);
}

static void on_init_response(struct observer *o)
{
	const struct ike_message *req = &o->request.m, *resp = &o->response.m;

	if (o->response.form == FORM_INIT_NOTIFY) {
		const struct notify_payload *n = ike_message_error(resp);

		assert_int_equal(n->type, N_INVALID_KE_PAYLOAD);
		assert_int_equal(n->data.len, 2);
		assert_true(
			proposal_has_dh(&req->sa, (uint16_t)(n->data.p[0] << 8 | n->data.p[1])));
		return;
	}
	assert_true(buf_set(&o->init_request, buf_bytes(&o->request.datagram)));
	assert_true(buf_set(&o->init_response, buf_bytes(&o->response.datagram)));
	assert_true(buf_set(&o->ni, req->nonce));
	assert_true(buf_set(&o->nr, resp->nonce));
	make_sa(o, NULL);
}

static void on_response(struct observer *o)
{
	const struct ike_message *req = &o->request.m, *resp = &o->response.m;
	const struct ike_sa_state *sa;

	assert_int_equal(req->header.exchange, resp->header.exchange);
	assert_int_equal(req->header.message_id, resp->header.message_id);
	if (resp->header.exchange == IKE_SA_INIT) {
		on_init_response(o);
		return;
	}
	sa = sa_of(o, &resp->header);
	switch (o->response.form) {
	case FORM_AUTH:
		check_auth(o, sa, req);
		check_auth(o, sa, resp);
		make_child(o, sa, buf_bytes(&o->ni), buf_bytes(&o->nr));
		break;
	case FORM_CHILD:
		make_child(o, sa, req->nonce, resp->nonce);
		break;
	case FORM_IKE_REKEY:
		make_sa(o, sa);
		break;
	default:
		assert_int_equal(o->response.form, FORM_INFORMATIONAL);
		break;
	}
}

static void follow(struct ike_crypto *c, const struct golden *g)
{
	struct observer o = { .g = g, .c = c };

	print_message("%s\n", g->name);
	for (size_t i = 0; i < g->n_messages; i++) {
		struct taken *t = i % 2 == 0 ? &o.request : &o.response;

		take(&o, &g->messages[i], t);
		assert_int_equal(ike_is_response(&t->m.header), i % 2 != 0);
		if (t->form == FORM_INIT)
			check_nat_detection(&o, &g->messages[i], &t->m);
		if (i % 2 != 0)
			on_response(&o);
	}
	assert_true(o.sealed_again >= 4);
	assert_true(o.children >= 1);
	for (size_t i = 0; i < o.n_sas; i++)
		ike_sa_state_clear(&o.sas[i]);
	taken_clear(&o.request);
	taken_clear(&o.response);
	buf_free(&o.init_request);
	buf_free(&o.init_response);
	buf_free(&o.ni);
	buf_free(&o.nr);
}

static void exchanges_of_strongswan_are_followed_to_the_last_key(void **state)
{
	struct ike_crypto *c = ike_crypto_new();

	(void)state;
	assert_non_null(c);
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++)
		follow(c, &goldens[i]);
	ike_crypto_free(c);
}

/* chunk = SPIi | SPIr | address | port, as the daemon hashed it. */
static void check_chunk(struct ike_crypto *c, const char *chunk_hex, const char *hash_hex)
{
	struct buf chunk = hex_buf(chunk_hex);
	uint64_t spi_i = 0, spi_r = 0;
	uint8_t hash[SHA1_LEN];

	assert_int_equal(chunk.len, 22);
	for (size_t i = 0; i < 8; i++) {
		spi_i = spi_i << 8 | chunk.p[i];
		spi_r = spi_r << 8 | chunk.p[8 + i];
	}

	struct inet_endpoint e = { .addr = inet_from_bytes(bytes(chunk.p + 16, 4)),
				   .port = (uint16_t)(chunk.p[20] << 8 | chunk.p[21]) };

	assert_int_equal(nat_detect_hash(c, spi_i, spi_r, &e, hash), R_OK);
	assert_true(hex_equal(bytes(hash, sizeof(hash)), hash_hex));
	buf_free(&chunk);
}

static void nat_detection_hashes_are_those_of_strongswan(void **state)
{
	struct ike_crypto *c = ike_crypto_new();
	size_t checked = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(goldens) / sizeof(goldens[0]); i++) {
		for (size_t k = 0; k + 1 < goldens[i].n_secrets; k++) {
			const struct golden_secret *s = &goldens[i].secrets[k];

			if (s[0].label != GOLDEN_NATD_CHUNK || s[1].label != GOLDEN_NATD_HASH)
				continue;
			check_chunk(c, s[0].value, s[1].value);
			checked++;
		}
	}
	assert_true(checked >= 36);
	ike_crypto_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exchanges_of_strongswan_are_followed_to_the_last_key),
		cmocka_unit_test(nat_detection_hashes_are_those_of_strongswan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
