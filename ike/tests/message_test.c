/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ike/payload.h"
#include "ike/tests/hex.h"
#include "ike/tests/wire.h"

static enum result try_message(struct bytes in)
{
	struct ike_message m;

	return ike_message_decode(in, &m);
}

static const struct ike_header init_header = {
	.spi_i = 0x1122334455667788,
	.exchange = IKE_SA_INIT,
	.flags = IKE_FLAG_INITIATOR,
};

/* SA, KE, Nonce, two notifies. */
static struct bytes build_init(uint8_t *buf, size_t cap)
{
	struct sa_payload sa = {
		.n_proposals = 1,
		.n_transforms = 3,
		.proposals = { { .number = 1, .protocol = PROTO_IKE, .n = 3 } },
		.transforms = { { .type = TRANSFORM_ENCR, .id = ENCR_AES_GCM_16, .key_bits = 256 },
				{ .type = TRANSFORM_PRF, .id = PRF_HMAC_SHA2_256 },
				{ .type = TRANSFORM_DH, .id = DH_CURVE25519 } },
	};
	uint8_t value[32] = { 7 };
	struct ike_builder b;
	struct bytes out;

	ike_build_message(&b, buf, cap, &init_header);
	sa_put(&b, &sa);
	ke_put(&b, DH_CURVE25519, bytes(value, 32));
	nonce_put(&b, bytes(value, 32));
	notify_put(&b, N_FRAGMENTATION_SUPPORTED, BYTES_NONE);
	notify_put(&b, N_COOKIE, bytes("abc", 3));
	return ike_build_finish_message(&b, &out) == R_OK ? out : BYTES_NONE;
}

static void what_was_built_is_read_back(void **state)
{
	uint8_t buf[512];
	struct bytes in = build_init(buf, sizeof(buf));
	struct ike_message m;

	(void)state;
	assert_int_equal(ike_message_decode(in, &m), R_OK);
	assert_true(m.header.spi_i == init_header.spi_i);
	assert_int_equal(m.header.length, in.len);
	assert_int_equal(m.header.version, IKE_VERSION);
	assert_true(ike_from_initiator(&m.header));
	assert_false(ike_is_response(&m.header));
	assert_int_equal(m.present, IKE_P(SA) | IKE_P(KE) | IKE_P(NONCE) | IKE_P(NOTIFY));
	assert_int_equal(m.outside, m.present);
	assert_int_equal(m.sa.n_transforms, 3);
	assert_int_equal(m.ke.group, DH_CURVE25519);
	assert_int_equal(m.ke.data.len, 32);
	assert_int_equal(m.nonce.len, 32);
	assert_int_equal(m.n_notifies, 2);
	assert_true(bytes_equal(ike_message_notify(&m, N_COOKIE)->data, bytes("abc", 3)));
	assert_null(ike_message_notify(&m, N_REKEY_SA));
	assert_null(ike_message_error(&m));
}

static void every_truncation_of_a_message_is_refused(void **state)
{
	uint8_t buf[512];
	struct bytes in = build_init(buf, sizeof(buf));

	(void)state;
	assert_int_equal(truncations_taken(try_message, in), 0);
}

/* The same with a length field that follows the truncation: the chain itself must notice. */
static enum result try_relengthened(struct bytes in)
{
	uint8_t *copy = exact_copy(in, in.len);
	enum result res;

	if (in.len >= IKE_HEADER_LEN) {
		memset(copy + IKE_LENGTH_AT, 0, 2);
		copy[IKE_LENGTH_AT + 2] = (uint8_t)(in.len >> 8);
		copy[IKE_LENGTH_AT + 3] = (uint8_t)in.len;
	}
	res = try_message(bytes(copy, in.len));
	free(copy);
	return res;
}

static void every_truncation_of_a_chain_is_refused(void **state)
{
	uint8_t buf[512];
	struct bytes in = build_init(buf, sizeof(buf));

	(void)state;
	assert_int_equal(truncations_taken(try_relengthened, in), 0);
}

static void every_bit_flip_of_a_message_is_survived(void **state)
{
	uint8_t buf[512];
	struct bytes in = build_init(buf, sizeof(buf));
	size_t taken = flips_taken(try_message, in);

	(void)state;
	assert_true(taken > 0 && taken < 8 * in.len);
}

/* ---- header ---- */

static enum result decode_with(size_t at, uint8_t value, struct ike_message *m)
{
	static uint8_t buf[512];
	struct bytes in = build_init(buf, sizeof(buf));

	buf[at] = value;
	return ike_message_decode(in, m);
}

/* RFC 7296 2.5, 3.1 */
static void header_fields_are_checked(void **state)
{
	struct ike_message m;

	(void)state;
	assert_int_equal(decode_with(17, 0x30, &m), R_MAJOR_VERSION);
	assert_true(m.header.spi_i == init_header.spi_i);
	assert_int_equal(decode_with(17, 0x10, &m), R_MAJOR_VERSION);
	assert_int_equal(decode_with(17, 0x21, &m), R_OK); /* minor */
	assert_int_equal(decode_with(19, 0xff, &m), R_OK); /* reserved flags and V */
	assert_int_equal(decode_with(27, 0, &m), R_LENGTH);
	assert_int_equal(decode_with(18, 99, &m), R_OK); /* exchange: the rules' matter */
	/* critical bit of SA, and RESERVED (2.5) */
	assert_int_equal(decode_with(29, 0xff, &m), R_OK);
}

static void header_without_spi_i_is_refused(void **state)
{
	uint8_t buf[512];
	struct bytes in = build_init(buf, sizeof(buf));
	struct ike_message m;

	(void)state;
	memset(buf, 0, 8);
	assert_int_equal(ike_message_decode(in, &m), R_VALUE);
}

/* ---- chain ---- */

/* A datagram of payloads given as "type, body" after the header. */
struct raw_payload {
	uint8_t type;
	bool critical;
	const char *body;
};

static enum result decode_raw(const struct raw_payload *p, size_t n, struct ike_message *m)
{
	static uint8_t buf[4096];
	struct ike_builder b;
	struct bytes in;

	ike_build_message(&b, buf, sizeof(buf), &init_header);
	for (size_t i = 0; i < n; i++) {
		struct buf body = hex_buf(p[i].body);

		ike_build_payload(&b, p[i].type);
		if (p[i].critical)
			buf[b.start + 1] = 0x80;
		wire_put(&b.w, buf_bytes(&body));
		buf_free(&body);
	}
	assert_int_equal(ike_build_finish_message(&b, &in), R_OK);
	return ike_message_decode(in, m);
}

#define NONCE_HEX "000102030405060708090a0b0c0d0e0f"

/* RFC 7296 2.5 */
static void unknown_payload_is_skipped_unless_critical(void **state)
{
	const struct raw_payload skipped[] = { { 200, false, "aabb" },
					       { PAYLOAD_NONCE, true, NONCE_HEX } };
	const struct raw_payload critical[] = { { PAYLOAD_NONCE, false, NONCE_HEX },
						{ 200, true, "" } };
	struct ike_message m;

	(void)state;
	assert_int_equal(decode_raw(skipped, 2, &m), R_OK);
	assert_int_equal(m.present, IKE_P(NONCE));
	assert_int_equal(decode_raw(critical, 2, &m), R_CRITICAL);
	assert_int_equal(m.critical_type, 200);
}

static void payload_may_not_occur_twice_but_some(void **state)
{
	const struct raw_payload nonces[] = { { PAYLOAD_NONCE, false, NONCE_HEX },
					      { PAYLOAD_NONCE, false, NONCE_HEX } };
	const struct raw_payload vendors[] = { { PAYLOAD_VENDOR, false, "" },
					       { PAYLOAD_VENDOR, false, "00" } };
	struct ike_message m;

	(void)state;
	assert_int_equal(decode_raw(nonces, 2, &m), R_DUPLICATE);
	assert_int_equal(decode_raw(vendors, 2, &m), R_OK);
}

static void chain_is_bounded(void **state)
{
	struct raw_payload many[IKE_CHAIN_MAX + 1];
	struct ike_message m;

	(void)state;
	for (size_t i = 0; i <= IKE_CHAIN_MAX; i++)
		many[i] = (struct raw_payload){ PAYLOAD_VENDOR, false, "" };
	assert_int_equal(decode_raw(many, IKE_CHAIN_MAX, &m), R_OK);
	assert_int_equal(decode_raw(many, IKE_CHAIN_MAX + 1, &m), R_TOO_LONG);
	for (size_t i = 0; i <= IKE_NOTIFIES_MAX; i++)
		many[i] = (struct raw_payload){ PAYLOAD_NOTIFY, false, "00004004" };
	assert_int_equal(decode_raw(many, IKE_NOTIFIES_MAX, &m), R_OK);
	assert_int_equal(decode_raw(many, IKE_NOTIFIES_MAX + 1, &m), R_TOO_LONG);
	for (size_t i = 0; i <= IKE_DELETES_MAX; i++)
		many[i] = (struct raw_payload){ PAYLOAD_DELETE, false, "01000000" };
	assert_int_equal(decode_raw(many, IKE_DELETES_MAX + 1, &m), R_TOO_LONG);
}

static void payload_length_below_its_header_is_refused(void **state)
{
	struct buf in = hex_buf("1122334455667788000000000000000028202208000000000000002000000003");
	struct ike_message m;

	(void)state;
	assert_int_equal(ike_message_decode(buf_bytes(&in), &m), R_LENGTH);
	in.p[31] = 5;
	assert_int_equal(ike_message_decode(buf_bytes(&in), &m), R_SHORT);
	buf_free(&in);
}

/* RFC 7296 3.14 */
static void sk_ends_the_message_and_stands_alone(void **state)
{
	const struct raw_payload alone[] = { { PAYLOAD_SK, false, "00" } };
	const struct raw_payload beside[] = { { PAYLOAD_NONCE, false, NONCE_HEX },
					      { PAYLOAD_SK, false, "00" } };
	const struct raw_payload followed[] = { { PAYLOAD_SK, false, "00" },
						{ PAYLOAD_NONCE, false, NONCE_HEX } };
	const struct raw_payload unknown[] = { { 200, false, "" }, { PAYLOAD_SK, false, "00" } };
	struct ike_message m;

	(void)state;
	assert_int_equal(decode_raw(alone, 1, &m), R_OK);
	assert_int_equal(m.outside, IKE_P(SK));
	assert_int_equal(m.sk.offset, IKE_HEADER_LEN + IKE_PAYLOAD_HEADER_LEN);
	assert_int_equal(m.sk.body.len, 1);
	assert_int_equal(decode_raw(beside, 2, &m), R_UNEXPECTED);
	assert_int_equal(decode_raw(followed, 2, &m), R_TRAILING);
	assert_int_equal(decode_raw(unknown, 2, &m), R_OK);
	assert_int_equal(m.sk.offset, IKE_HEADER_LEN + 2 * IKE_PAYLOAD_HEADER_LEN);
}

static void inner_chain_is_decoded_like_the_outer(void **state)
{
	const struct raw_payload alone[] = { { PAYLOAD_SK, false, "00" } };
	struct ike_builder b;
	struct ike_message m;
	struct bytes plain;
	uint8_t buf[256], first;
	uint32_t spi = 0xc0ffee01;

	(void)state;
	assert_int_equal(decode_raw(alone, 1, &m), R_OK);
	ike_build_inner(&b, buf, sizeof(buf));
	notify_put_esp(&b, N_REKEY_SA, spi);
	delete_put_esp(&b, &spi, 1);
	delete_put_ike(&b);
	assert_int_equal(ike_build_finish_inner(&b, &first, &plain), R_OK);
	assert_int_equal(first, PAYLOAD_NOTIFY);
	m.sk.first_payload = first;
	assert_int_equal(ike_message_decode_inner(&m, plain), R_OK);
	assert_int_equal(m.present, IKE_P(NOTIFY) | IKE_P(DELETE));
	assert_int_equal(m.outside, IKE_P(SK));
	assert_int_equal(m.n_deletes, 2);
	assert_int_equal(m.notifies[0].spi.len, 4);
	assert_int_equal(delete_spi(&m.deletes[0], 0), spi);
	m.sk.first_payload = PAYLOAD_SK;
	assert_int_equal(ike_message_decode_inner(&m, plain), R_UNEXPECTED);
	m.sk.first_payload = PAYLOAD_NONE;
	assert_int_equal(ike_message_decode_inner(&m, plain), R_TRAILING);
	assert_int_equal(ike_message_decode_inner(&m, BYTES_NONE), R_OK);
	assert_int_equal(m.present, 0);
}

static void builder_that_ran_out_says_so(void **state)
{
	uint8_t buf[512];
	struct bytes whole = build_init(buf, sizeof(buf));

	(void)state;
	for (size_t cap = 0; cap < whole.len; cap++) {
		uint8_t *small = exact_copy(whole, cap);

		assert_null(build_init(small, cap).p);
		free(small);
	}
}

/* ---- rules ---- */

static enum result check(uint8_t exchange, bool response, bool protected, uint32_t present,
			 enum ike_form *form)
{
	struct ike_message m = {
		.header = { .exchange = exchange, .flags = response ? IKE_FLAG_RESPONSE : 0 },
		.outside = protected ? IKE_P(SK) : present,
		.present = present,
	};

	return ike_payload_rules_check(&m, form);
}

/* Each row is met by what it needs, and not by less or by more than it allows. */
static void each_rule_needs_what_it_needs(void **state)
{
	size_t n;
	const struct payload_rule *rules = ike_payload_rules(&n);

	(void)state;
	for (size_t i = 0; i < n; i++) {
		const struct payload_rule *r = &rules[i];
		bool protected = r->exchange != IKE_SA_INIT;
		enum ike_form form = FORM_NONE;

		/* Told from FORM_INFORMATIONAL by its notify. */
		if (r->form == FORM_MSGID_SYNC)
			continue;

		assert_int_equal(check(r->exchange, r->response, protected, r->need, &form), R_OK);
		assert_int_equal(form, r->form);
		assert_int_equal(
			check(r->exchange, r->response, protected, r->need | r->may, &form), R_OK);
		assert_int_equal(form, r->form);
		assert_int_equal(
			check(r->exchange, r->response, protected, r->need | IKE_P(EAP), &form),
			R_UNEXPECTED);
		assert_int_not_equal(check(r->exchange, r->response, !protected, r->need, &form),
				     R_OK);
		for (uint32_t bit = 1; bit != 0; bit <<= 1) {
			if ((r->need & bit) != 0 && check(r->exchange, r->response, protected,
							  r->need & ~bit, &form) == R_OK)
				assert_int_not_equal(form, r->form);
		}
	}
}

static void forms_are_told_apart(void **state)
{
	enum ike_form form;

	(void)state;
	assert_int_equal(
		check(CREATE_CHILD_SA, false, true, IKE_P(SA) | IKE_P(NONCE) | IKE_P(KE), &form),
		R_OK);
	assert_int_equal(form, FORM_IKE_REKEY);
	assert_int_equal(check(CREATE_CHILD_SA, false, true,
			       IKE_P(SA) | IKE_P(NONCE) | IKE_P(KE) | IKE_P(TSI), &form),
			 R_UNEXPECTED);
	assert_int_equal(check(IKE_AUTH, true, true, IKE_P(NOTIFY), &form), R_OK);
	assert_int_equal(form, FORM_AUTH_NOTIFY);
	assert_int_equal(check(IKE_AUTH, false, true, IKE_P(NOTIFY), &form), R_MISSING);
	assert_int_equal(check(IKE_AUTH, false, true, IKE_P(IDI) | IKE_P(SA), &form), R_MISSING);
	assert_int_equal(check(INFORMATIONAL, false, true, 0, &form), R_OK);
	assert_int_equal(check(INFORMATIONAL, false, false, IKE_P(DELETE), &form), R_MISSING);
	assert_int_equal(check(99, false, true, 0, &form), R_UNSUPPORTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_built_is_read_back),
		cmocka_unit_test(every_truncation_of_a_message_is_refused),
		cmocka_unit_test(every_truncation_of_a_chain_is_refused),
		cmocka_unit_test(every_bit_flip_of_a_message_is_survived),
		cmocka_unit_test(header_fields_are_checked),
		cmocka_unit_test(header_without_spi_i_is_refused),
		cmocka_unit_test(unknown_payload_is_skipped_unless_critical),
		cmocka_unit_test(payload_may_not_occur_twice_but_some),
		cmocka_unit_test(chain_is_bounded),
		cmocka_unit_test(payload_length_below_its_header_is_refused),
		cmocka_unit_test(sk_ends_the_message_and_stands_alone),
		cmocka_unit_test(inner_chain_is_decoded_like_the_outer),
		cmocka_unit_test(builder_that_ran_out_says_so),
		cmocka_unit_test(each_rule_needs_what_it_needs),
		cmocka_unit_test(forms_are_told_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
